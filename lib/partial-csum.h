/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PARTIAL_CSUM_H
#define PARTIAL_CSUM_H 1

/* Partial transport checksums
 * ===========================
 *
 * A packet whose transport checksum somebody else finishes (checksum offload,
 * segmentation offload) has in the checksum field only the sum of the
 * pseudo-header, not complemented.  Its origin is a virtio header with
 * NEEDS_CSUM (netdev-linux, vhost), its mark one of the TX offload flags.
 *
 * When such a packet is changed:
 *
 *     - An address is in the pseudo-header: the field must follow, as a plain
 *       sum.  No value of it means "no checksum", not even in UDP.
 *
 *     - A port is in what is still to be summed: the field must stay.
 *
 * The hooks in lib/packets.c and lib/odp-execute-avx512.c call this before
 * they do what is right for a complete checksum.  Most packets have one, thus
 * what is inline there is a single test of the packet's flags. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "csum.h"
#include "dp-packet.h"
#include "packets.h"

/* May the checksum of 'packet' be partial? */
static inline bool
partial_csum_possible(const struct dp_packet *packet)
{
    return OVS_UNLIKELY(dp_packet_hwol_tx_l4_checksum(packet)
                        || dp_packet_hwol_is_tso(packet));
}

/* Is the checksum of 'packet', whose transport protocol is 'proto', partial?
 * A flag for another protocol says nothing about this header. */
static inline bool
partial_csum(struct dp_packet *packet, uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        /* A device that segments also finishes the checksum. */
        return (dp_packet_hwol_l4_is_tcp(packet)
                || dp_packet_hwol_is_tso(packet));
    case IPPROTO_UDP:
        return dp_packet_hwol_l4_is_udp(packet);
    case IPPROTO_SCTP:
        return dp_packet_hwol_l4_is_sctp(packet);
    default:
        return false;
    }
}

static OVS_UNUSED __attribute__((noinline, cold)) bool
partial_csum_add__(struct dp_packet *packet, uint8_t proto, uint32_t diff)
{
    ovs_be16 *csum;
    size_t l4_size;

    if (!partial_csum(packet, proto)) {
        return false;
    }

    l4_size = dp_packet_l4_size(packet);
    if (proto == IPPROTO_TCP && l4_size >= TCP_HEADER_LEN) {
        struct tcp_header *th = dp_packet_l4(packet);

        csum = &th->tcp_csum;
    } else if (proto == IPPROTO_UDP && l4_size >= UDP_HEADER_LEN) {
        struct udp_header *uh = dp_packet_l4(packet);

        csum = &uh->udp_csum;
    } else {
        /* SCTP has no pseudo-header. */
        return true;
    }

    diff += (OVS_FORCE uint16_t) *csum;
    *csum = (OVS_FORCE ovs_be16) ~csum_finish(diff);
    return true;
}

static OVS_UNUSED __attribute__((noinline, cold)) bool
partial_csum_replace__(struct dp_packet *packet, uint8_t proto,
                       const void *old, const void *new, size_t n)
{
    /* csum_finish() complements, which makes the sum of 'old' a minus. */
    return partial_csum_add__(packet, proto,
                              csum_continue((OVS_FORCE uint16_t) csum(old, n),
                                            new, n));
}

static OVS_UNUSED __attribute__((noinline, cold)) bool
partial_csum_set_ports__(struct dp_packet *packet, uint8_t proto,
                         ovs_be16 src, ovs_be16 dst)
{
    /* The ports are the first two words in TCP, UDP and SCTP alike. */
    ovs_be16 *ports = dp_packet_l4(packet);

    if (!partial_csum(packet, proto)) {
        return false;
    }

    /* This does what the packet_set_*_port() do besides. */
    ports[0] = src;
    ports[1] = dst;
    pkt_metadata_init_conn(&packet->md);
    return true;
}

/* If the checksum of 'packet' is partial, adds 'diff' to it, the change of the
 * sum of the pseudo-header, and returns true.  Otherwise returns false, then
 * the checksum is still to be updated. */
static inline bool
partial_csum_add(struct dp_packet *packet, uint8_t proto, uint32_t diff)
{
    return (partial_csum_possible(packet)
            && partial_csum_add__(packet, proto, diff));
}

/* Likewise, for an address whose 'n' bytes at 'old' become those at 'new'. */
static inline bool
partial_csum_replace(struct dp_packet *packet, uint8_t proto,
                     const void *old, const void *new, size_t n)
{
    return (partial_csum_possible(packet)
            && partial_csum_replace__(packet, proto, old, new, n));
}

/* If the checksum of 'packet' is partial, sets the ports and returns true.
 * Otherwise returns false and does nothing. */
static inline bool
partial_csum_set_ports(struct dp_packet *packet, uint8_t proto,
                       ovs_be16 src, ovs_be16 dst)
{
    return (partial_csum_possible(packet)
            && partial_csum_set_ports__(packet, proto, src, dst));
}

#endif /* lib/partial-csum.h */
