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

/* Translates 'packet' by asking the datapath about its destination.  Returns
 * false if the packet is to be dropped. */
static bool
execute_by_lookup(struct dpif *dpif, const struct dpif_ila_class *class,
                  struct dp_packet *packet,
                  const struct ovs_action_ila_table *action)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    struct ila_packet p = ila_packet_from_l3(packet);
    uint64_t counts[ILA_N_COUNTS] = { 0 };
    struct dpif_ila_result result;
    struct ila_xlat xlat;
    struct in6_addr dst;
    enum ila_l4 l4;
    bool keep = true;
    int error;

    if (p.size < IPV6_HEADER_LEN || p.ip6[0] >> 4 != 6) {
        counts[ILA_COUNT_MALFORMED]++;
        goto out;
    }
    memcpy(&dst, &p.ip6[offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst)],
           sizeof dst);
    if (ipv6_addr_is_multicast(&dst)) {
        counts[ILA_COUNT_MULTICAST]++;
        goto out;
    }

    error = class->lookup(dpif, action->dirs,
                          MIN(odp_to_u32(packet->md.in_port.odp_port),
                              UINT16_MAX), &dst, &result);
    if (error == ENOENT) {
        counts[ILA_COUNT_MISS]++;
        keep = action->miss != ILA_MISS_DROP;
        ila_packet_count_miss_drops(!keep);
        goto out;
    } else if (error) {
        VLOG_WARN_RL(&rl, "%s: dropped a packet: cannot look up its address "
                     "(%s)", dpif_name(dpif), ovs_strerror(error));
        return false;
    }

    counts[ILA_COUNT_HIT]++;
    xlat = result.entry.mapping.xlat;
    switch (ila_translate_packet(&xlat, &p, &l4)) {
    case ILA_TRANSLATED:
        counts[xlat.dir == ILA_DIR_IN ? ILA_COUNT_IN : ILA_COUNT_OUT]++;
        /* Which of one's complement's zeros it is, the datapath knows. */
        memcpy(&p.ip6[offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst)],
               &result.addr, sizeof result.addr);
        pkt_metadata_init_conn(&packet->md);
        ila_packet_translated(packet, &xlat);
        break;
    case ILA_PASS_TYPE:
        counts[ILA_COUNT_TYPE_MISMATCH]++;
        break;
    case ILA_DROP_CBIT:
        counts[ILA_COUNT_CBIT]++;
        ila_packet_log_drop();
        keep = false;
        break;
    case ILA_PASS_MULTICAST:
    case ILA_PASS_MALFORMED:
        break;
    }

out:
    ila_packet_count(counts);
    return keep;
}

void
dpif_ila_execute(struct dpif *dpif, struct dp_packet_batch *batch,
                 const void *action, bool steal)
{
    const struct dpif_ila_class *class = dpif_ila_class(dpif);
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    size_t i;

    if (!class) {
        odp_extension_drop(batch, steal);
    } else {
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
            if (execute_by_lookup(dpif, class, packet, action)) {
                dp_packet_batch_refill(batch, packet, i);
            } else if (steal) {
                dp_packet_delete(packet);
            }
        }
    }
}
