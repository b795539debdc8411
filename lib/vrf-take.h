/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_TAKE_H
#define VRF_TAKE_H 1

/* Packets for which there is no more to do than to change addresses and TTL,
 * most of all those that are routed: what there is to check is checked at
 * once, without a struct vrf_packet.  What is not taken is for
 * vrf_packet_parse() and a router that knows all the rest.
 *
 * Of a packet that passes vrf_take_check() the router finds the next hop by
 * vrf_take_dst() and vrf_take_tos().  If vrf_take_fits() says so, too, then
 * vrf_take_put_on_way() is all.  The family is a constant where they are
 * called, and they are inlined.
 *
 * Functions without state, in any thread. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dp-packet.h"
#include "openvswitch/extension-abi.h"
#include "packets.h"
#include "util.h"
#include "vrf-addr.h"

/* What all packets of a batch have in common. */
struct vrf_taker {
    uint32_t mark;              /* Of those that are taken. */
    uint8_t ttl;                /* What is taken off it... */
    ovs_be16 sum;               /* ...and comes to the checksum. */
    uint16_t tcp_bar;           /* TCP flags of packets that are left. */
};

/* What is known of a packet that passed the check. */
struct vrf_take {
    size_t len;                 /* Bytes from the IP header on. */
    uint16_t tcp_flags;         /* As parse_tcp_flags() returns them. */
};

static inline void
vrf_taker_init(struct vrf_taker *t, const struct ovs_action_vrf *action,
               uint32_t mark)
{
    const bool keep = action->flags & OVS_VRF_F_TTL_KEEP;

    t->mark = mark;
    t->ttl = keep ? 0 : 1;
    t->sum = keep ? 0 : htons(0x100);
    t->tcp_bar = action->flags & OVS_VRF_F_MSS_CLAMP ? TCP_SYN : 0;
}

/* Cuts off what trails behind the IP packet of 'len' bytes, which has a header
 * of 'header_len'; there are at least as many.  Returns false if 'len' is less
 * than the header, or more than there is. */
static inline bool
vrf_take_cut__(struct dp_packet *packet, size_t len, size_t header_len)
{
    const size_t ip_size = dp_packet_size(packet) - ETH_HEADER_LEN;

    if (OVS_UNLIKELY(len != ip_size)) {
        if (len < header_len || len > ip_size) {
            return false;
        }
        dp_packet_set_size(packet, ETH_HEADER_LEN + len);
    }
    return true;
}

static inline uint16_t
vrf_take_tcp_flags__(const struct tcp_header *th, size_t len)
{
    return OVS_LIKELY(len >= TCP_HEADER_LEN) ? TCP_FLAGS(th->tcp_ctl) : 0;
}

/* Is the checksum of an IPv4 header without options right?  In each step, the
 * upper half of a sum with both halves swapped is that of both halves, with
 * the carry. */
static inline bool
vrf_take_sum_is_good__(const struct ip_header *nh)
{
    uint64_t a, b, sum;
    uint32_t c, sum32;

    memcpy(&a, nh, sizeof a);
    memcpy(&b, (const char *) nh + sizeof a, sizeof b);
    memcpy(&c, (const char *) nh + sizeof a + sizeof b, sizeof c);
    sum = a + b;
    sum += sum < b;
    sum += c;
    sum += sum < c;
    sum32 = (sum + (sum << 32 | sum >> 32)) >> 32;
    return (sum32 + (sum32 << 16 | sum32 >> 16)) >> 16 == UINT16_MAX;
}

/* May a host have the address that begins with this byte? */
static inline bool
vrf_take_is_good_source__(uint8_t first)
{
    return (uint8_t) (first - 1) < 223 && first != 127;
}

static inline ALWAYS_INLINE bool
vrf_take_check_ipv4__(const struct vrf_taker *t, struct dp_packet *packet,
                      struct vrf_take *k)
{
    const struct eth_header *eth = dp_packet_data(packet);
    const struct ip_header *nh = (const struct ip_header *) (eth + 1);

    if (OVS_UNLIKELY(dp_packet_size(packet) < ETH_HEADER_LEN + IP_HEADER_LEN
                     || eth->eth_type != htons(ETH_TYPE_IP)
                     || packet->md.pkt_mark != t->mark
                     || nh->ip_ihl_ver != IP_IHL_VER(5, 4)
                     || nh->ip_frag_off & ~htons(IP_DONT_FRAGMENT)
                     || nh->ip_ttl <= t->ttl
                     || !vrf_take_is_good_source__(
                         *(const uint8_t *) &nh->ip_src))) {
        return false;
    }
    k->len = ntohs(nh->ip_tot_len);
    if (OVS_UNLIKELY(!vrf_take_cut__(packet, k->len, IP_HEADER_LEN))
        || (OVS_UNLIKELY(!vrf_take_sum_is_good__(nh))
            && !dp_packet_ip_checksum_valid(packet))) {
        return false;
    }
    k->tcp_flags = 0;
    if (nh->ip_proto == IPPROTO_TCP) {
        k->tcp_flags = vrf_take_tcp_flags__((const void *) (nh + 1),
                                            k->len - IP_HEADER_LEN);
    }
    return OVS_LIKELY(!(k->tcp_flags & t->tcp_bar));
}

static inline ALWAYS_INLINE bool
vrf_take_check_ipv6__(const struct vrf_taker *t, struct dp_packet *packet,
                      struct vrf_take *k)
{
    const struct eth_header *eth = dp_packet_data(packet);
    const struct ovs_16aligned_ip6_hdr *nh = (const void *) (eth + 1);
    uint16_t src;

    if (OVS_UNLIKELY(dp_packet_size(packet) < ETH_HEADER_LEN + IPV6_HEADER_LEN
                     || eth->eth_type != htons(ETH_TYPE_IPV6)
                     || packet->md.pkt_mark != t->mark
                     || *(const uint8_t *) nh >> 4 != 6
                     || nh->ip6_hlim <= t->ttl)) {
        return false;
    }
    k->len = IPV6_HEADER_LEN + ntohs(nh->ip6_plen);
    src = ntohs(nh->ip6_src.be16[0]);
    if (OVS_UNLIKELY(!src || src >> 8 == 0xff || src >> 6 == 0xfe80 >> 6
                     || !vrf_take_cut__(packet, k->len, IPV6_HEADER_LEN))) {
        return false;
    }
    k->tcp_flags = 0;
    if (nh->ip6_nxt == IPPROTO_TCP) {
        k->tcp_flags = vrf_take_tcp_flags__((const void *) (nh + 1),
                                            k->len - IPV6_HEADER_LEN);
    } else if (OVS_UNLIKELY(nh->ip6_nxt != IPPROTO_UDP)) {
        /* There may be a TCP header behind others, or a fragment. */
        return false;
    }
    return OVS_LIKELY(!(k->tcp_flags & t->tcp_bar));
}

/* Returns whether 'packet', an Ethernet frame, may be taken as far as its
 * headers say, but for the destination, and fills in '*k' if so.  The packet
 * stays as it is, but for what trailed, which vrf_packet_parse() would cut
 * off, too. */
static inline ALWAYS_INLINE bool
vrf_take_check(const struct vrf_taker *t, enum vrf_family family,
               struct dp_packet *packet, struct vrf_take *k)
{
    return (family == VRF_IPV4 ? vrf_take_check_ipv4__(t, packet, k)
            : vrf_take_check_ipv6__(t, packet, k));
}

static inline size_t
vrf_take_header_len(enum vrf_family family)
{
    return family == VRF_IPV4 ? IP_HEADER_LEN : IPV6_HEADER_LEN;
}

/* Return destination and TOS, or traffic class, of an Ethernet frame with an
 * IP header. */

static inline ALWAYS_INLINE struct vrf_addr
vrf_take_dst(enum vrf_family family, const struct dp_packet *packet)
{
    const char *nh = (const char *) dp_packet_data(packet) + ETH_HEADER_LEN;
    struct in6_addr dst6;
    ovs_be32 dst4;

    if (family == VRF_IPV4) {
        memcpy(&dst4, nh + offsetof(struct ip_header, ip_dst), sizeof dst4);
        return vrf_addr_from_ipv4(dst4);
    }
    memcpy(&dst6, nh + offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst),
           sizeof dst6);
    return vrf_addr_from_ipv6(&dst6);
}

static inline ALWAYS_INLINE uint8_t
vrf_take_tos(enum vrf_family family, const struct dp_packet *packet)
{
    const uint8_t *nh = ((const uint8_t *) dp_packet_data(packet)
                         + ETH_HEADER_LEN);

    return (family == VRF_IPV4 ? nh[offsetof(struct ip_header, ip_tos)]
            : nh[0] << 4 | nh[1] >> 4);
}

/* Is there no more to do for a packet where the MTU is 'mtu'?  What a device
 * segments when it sends is not too large. */
static inline bool
vrf_take_fits(const struct dp_packet *packet, const struct vrf_take *k,
              uint32_t mtu)
{
    return OVS_LIKELY(k->len <= mtu) || dp_packet_hwol_is_tso(packet);
}

BUILD_ASSERT_DECL(offsetof(struct eth_header, eth_dst) == 0
                  && offsetof(struct eth_header, eth_src) == ETH_ADDR_LEN);

/* Takes 't->ttl' off TTL or hop limit. */
static inline ALWAYS_INLINE void
vrf_take_dec_ttl__(const struct vrf_taker *t, enum vrf_family family,
                   struct dp_packet *packet)
{
    struct eth_header *eth = dp_packet_data(packet);

    if (family == VRF_IPV4) {
        struct ip_header *nh = (struct ip_header *) (eth + 1);
        uint32_t sum;

        /* TTL is the upper half of a word of the sum, which may be added up in
         * any byte order. */
        nh->ip_ttl -= t->ttl;
        sum = (OVS_FORCE uint16_t) nh->ip_csum + (OVS_FORCE uint16_t) t->sum;
        nh->ip_csum = (OVS_FORCE ovs_be16) (sum + (sum >> 16));
    } else {
        struct ovs_16aligned_ip6_hdr *nh = (void *) (eth + 1);

        nh->ip6_hlim -= t->ttl;
    }
}

/* Changes 'packet', and where it is received: at 'port_no'.  'macs' are two as
 * in an Ethernet header. */
static inline ALWAYS_INLINE void
vrf_take_put_on_way(const struct vrf_taker *t, enum vrf_family family,
                    struct dp_packet *packet, const struct eth_addr macs[2],
                    odp_port_t port_no)
{
    memcpy(dp_packet_data(packet), macs, 2 * ETH_ADDR_LEN);
    packet->l2_pad_size = 0;
    packet->l2_5_ofs = UINT16_MAX;
    packet->l3_ofs = ETH_HEADER_LEN;
    packet->l4_ofs = ETH_HEADER_LEN + vrf_take_header_len(family);
    pkt_metadata_init(&packet->md, port_no);
    packet->md.pkt_mark = t->mark;
    vrf_take_dec_ttl__(t, family, packet);
}

#endif /* lib/vrf-take.h */
