/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_PACKET_H
#define ILA_PACKET_H 1

/* ILA and the packets of the userspace datapath: what the action and the
 * ingress of ports have in common.  Called by the thread that owns the
 * packet. */

#include <stdint.h>

#include "dp-packet.h"
#include "ila-path.h"

/* Returns 'packet' from its IPv6 header on, which is at 'ip6'. */
static inline struct ila_packet
ila_packet_from_dp_packet(const struct dp_packet *packet, uint8_t *ip6)
{
    struct ila_packet p = {
        .ip6 = ip6,
        .size = (const uint8_t *) dp_packet_tail(packet) - ip6,
        .l4_partial = dp_packet_hwol_tx_l4_checksum(packet),
    };

    return p;
}

/* Likewise, for a packet whose layer offsets are set; empty if it has no
 * network layer. */
static inline struct ila_packet
ila_packet_from_l3(const struct dp_packet *packet)
{
    uint8_t *l3 = dp_packet_l3(packet);
    struct ila_packet p = { .ip6 = NULL };

    if (OVS_LIKELY(l3)) {
        p = ila_packet_from_dp_packet(packet, l3);
        p.size -= dp_packet_l2_pad_size(packet);
    }
    return p;
}

/* To be called when a translation changed the destination of 'packet': what a
 * NIC said of its checksum may not be true of the new one. */
static inline void
ila_packet_translated(struct dp_packet *packet, const struct ila_xlat *xlat)
{
    if (xlat->csum_mode == ILA_CSUM_NO_ACTION || xlat->adj_compat) {
        *dp_packet_ol_flags_ptr(packet) &= ~DP_PACKET_OL_RX_L4_CKSUM_MASK;
    }
}

/* Says in the log, at a limited rate, that a packet was dropped because of its
 * C bit. */
void ila_packet_log_drop(void);

/* Adds 'counts' to the coverage counters. */
void ila_packet_count(const uint64_t counts[ILA_N_COUNTS]);

/* Likewise, that 'n' packets were dropped because no entry matched. */
void ila_packet_count_miss_drops(unsigned int n);

#endif /* lib/ila-packet.h */
