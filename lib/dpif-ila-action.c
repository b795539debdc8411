/* SPDX-License-Identifier: Apache-2.0 */

/* The action ila_table(...) in the slow path: dpif_execute() was asked for
 * help with the actions of a packet, and this one is among them. */

#include <config.h>
#include "dpif-ila.h"

#include <errno.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "ila-packet.h"
#include "ila-table-action.h"
#include "odp-extension.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_ila_action);

/* Translates 'packet' by asking the datapath about its addresses.  Returns
 * false if the packet is to be dropped. */
static bool
execute(struct dpif *dpif, struct dp_packet *packet,
        const struct ovs_action_ila_table *action)
{
    struct ila_packet p = ila_packet_from_l3(packet);
    struct dpif_ila_outcome outcome;
    uint32_t in_port;
    int error;

    in_port = MIN(odp_to_u32(packet->md.in_port.odp_port), UINT16_MAX);
    error = dpif_ila_translate(dpif, action->dirs, in_port, &p, &outcome);
    if (error) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        VLOG_WARN_RL(&rl, "%s: dropped a packet: cannot look up its address "
                     "(%s)", dpif_name(dpif), ovs_strerror(error));
        return false;
    }
    ila_packet_count(outcome.counts);
    if (outcome.dropped) {
        ila_packet_log_drop();
        return false;
    }
    if (outcome.translated) {
        const struct ila_mapping *mapping = &outcome.entry.mapping;
        struct ila_xlat xlat = mapping->xlat;

        xlat.adj_compat = mapping->flags & ILA_ENTRY_ADJ_COMPAT;
        ila_packet_translated(packet, &xlat);
        /* The connection that was looked up was another address's. */
        pkt_metadata_init_conn(&packet->md);
    }

    /* An error about a packet that was translated on its way arrives with the
     * sender's address, which may well have no entry. */
    if (outcome.missed && !outcome.inner && action->miss == ILA_MISS_DROP) {
        ila_packet_count_miss_drops(1);
        return false;
    }
    return true;
}

void
dpif_ila_execute(struct dpif *dpif, struct dp_packet_batch *batch,
                 const void *action, bool steal)
{
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    size_t i;

    if (!dpif_ila_class(dpif)) {
        odp_extension_drop(batch, steal);
        return;
    }
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (execute(dpif, packet, action)) {
            dp_packet_batch_refill(batch, packet, i);
        } else if (steal) {
            dp_packet_delete(packet);
        }
    }
}
