/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-way.h"

#include <string.h>

#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "odp-util.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"
#include "vrf-packet.h"
#include "vrf-way-action.h"

void
vrf_way_fill_in(struct ovs_action_vrf_way *way, const struct vrf_packet *p,
                const struct vrf_path_way *w)
{
    const struct vrf_addr src = vrf_addr_cut(&p->src, w->used.src_bits);
    const struct vrf_addr dst = vrf_addr_cut(&p->dst, w->used.dst_bits);

    vrf_way_put_addr(way->src, p->family, &src);
    vrf_way_put_addr(way->dst, p->family, &dst);
    way->src_bits = w->used.src_bits;
    way->dst_bits = w->used.dst_bits;
    way->tos_mask = w->used.tos_mask;
    way->tos = p->tos & w->used.tos_mask;
    way->ipv6 = p->family == VRF_IPV6;
    way->port = UINT32_MAX;
    if (w->plain) {
        way->port = odp_to_u32(w->adjacency->port_no);
        way->mtu = w->mtu;
        memcpy(way->eth_dst, &w->adjacency->dst, sizeof way->eth_dst);
        memcpy(way->eth_src, &w->adjacency->src, sizeof way->eth_src);
    }
}

void
vrf_way_packet(const struct ovs_action_vrf_way *way, struct vrf_packet *p)
{
    memset(p, 0, sizeof *p);
    p->family = way->ipv6 ? VRF_IPV6 : VRF_IPV4;
    p->src = vrf_way_get_addr(way->src, p->family);
    p->dst = vrf_way_get_addr(way->dst, p->family);
    p->tos = way->tos;
}

enum vrf_way_state
vrf_way_compare(const struct ovs_action_vrf_way *way,
                const struct vrf_path_way *w)
{
    const struct vrf_adjacency *a = w->adjacency;

    if (!w->plain) {
        return way->port == UINT32_MAX ? VRF_WAY_NONE : VRF_WAY_STALE;
    }
    return (way->port == odp_to_u32(a->port_no) && way->mtu == w->mtu
            && !memcmp(way->eth_dst, &a->dst, sizeof way->eth_dst)
            && !memcmp(way->eth_src, &a->src, sizeof way->eth_src)
            && w->used.dst_bits <= way->dst_bits
            && w->used.src_bits <= way->src_bits
            && !(w->used.tos_mask & ~way->tos_mask)
            ? VRF_WAY_GOOD : VRF_WAY_STALE);
}

/* Packets. */

BUILD_ASSERT_DECL(offsetof(struct eth_header, eth_dst) == 0
                  && offsetof(struct eth_header, eth_src) == ETH_ADDR_LEN);

/* What of the action matters for each packet. */
struct taker {
    const struct ovs_action_vrf_way *way;
    struct eth_addr macs[2];    /* As in the Ethernet header. */
    uint32_t mark;              /* Of all. */
    uint8_t ttl;                /* What is taken off it... */
    ovs_be16 sum;               /* ...and comes to the checksum. */
    uint16_t tcp_bar;           /* TCP flags of packets that are left. */
};

/* Is there more to do for a packet of 'len' bytes from the IP header on?  What
 * a device segments when it sends is not too large. */
static inline bool
is_too_big(const struct taker *t, const struct dp_packet *packet, size_t len)
{
    return (OVS_UNLIKELY(len > t->way->mtu)
            && !dp_packet_hwol_is_tso(packet));
}

/* Cuts off what trails behind the IP packet of 'len' bytes, which has a header
 * of 'header_len'; there are at least as many.  Returns false if 'len' is less
 * than the header, or more than there is. */
static inline bool
cut(struct dp_packet *packet, size_t len, size_t header_len)
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

/* Changes what is before the IP header of 'packet', and where it is
 * received. */
static inline void
put_on_way(const struct taker *t, struct dp_packet *packet, size_t header_len)
{
    memcpy(dp_packet_data(packet), t->macs, sizeof t->macs);
    packet->l2_pad_size = 0;
    packet->l2_5_ofs = UINT16_MAX;
    packet->l3_ofs = ETH_HEADER_LEN;
    packet->l4_ofs = ETH_HEADER_LEN + header_len;
    pkt_metadata_init(&packet->md, u32_to_odp(t->way->port));
    packet->md.pkt_mark = t->mark;
}

/* Returns the flags of the TCP header at 'th', of which there are 'len' bytes,
 * as parse_tcp_flags() does. */
static inline uint16_t
tcp_flags(const struct tcp_header *th, size_t len)
{
    return OVS_LIKELY(len >= TCP_HEADER_LEN) ? TCP_FLAGS(th->tcp_ctl) : 0;
}

/* Is the checksum of an IPv4 header without options right?  In each step, the
 * upper half of a sum with both halves swapped is that of both halves, with
 * the carry. */
static inline bool
sum_is_good(const struct ip_header *nh)
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
is_good_source(uint8_t first)
{
    return (uint8_t) (first - 1) < 223 && first != 127;
}

/* Return whether 'packet' was put on its way.  If not it is as it was, but for
 * what trailed, which vrf_packet_parse() would cut off, too.  '*flags' get
 * those of its TCP header. */

static inline bool
take_ipv4(const struct taker *t, struct dp_packet *packet, uint16_t *flags)
{
    const struct eth_header *eth = dp_packet_data(packet);
    struct ip_header *nh = (struct ip_header *) (eth + 1);
    uint16_t bits = 0;
    uint32_t sum;
    size_t len;

    if (OVS_UNLIKELY(dp_packet_size(packet) < ETH_HEADER_LEN + IP_HEADER_LEN
                     || eth->eth_type != htons(ETH_TYPE_IP)
                     || packet->md.pkt_mark != t->mark
                     || nh->ip_ihl_ver != IP_IHL_VER(5, 4)
                     || nh->ip_frag_off & ~htons(IP_DONT_FRAGMENT)
                     || nh->ip_ttl <= t->ttl
                     || !is_good_source(*(uint8_t *) &nh->ip_src))) {
        return false;
    }
    len = ntohs(nh->ip_tot_len);
    if (OVS_UNLIKELY(!cut(packet, len, IP_HEADER_LEN))
        || is_too_big(t, packet, len)
        || (OVS_UNLIKELY(!sum_is_good(nh))
            && !dp_packet_ip_checksum_valid(packet))) {
        return false;
    }
    if (nh->ip_proto == IPPROTO_TCP) {
        bits = tcp_flags((const void *) (nh + 1), len - IP_HEADER_LEN);
        if (OVS_UNLIKELY(bits & t->tcp_bar)) {
            return false;
        }
    }
    *flags |= bits;
    put_on_way(t, packet, IP_HEADER_LEN);
    /* TTL is the upper half of a word of the sum, which may be added up in any
     * byte order. */
    nh->ip_ttl -= t->ttl;
    sum = (OVS_FORCE uint16_t) nh->ip_csum + (OVS_FORCE uint16_t) t->sum;
    nh->ip_csum = (OVS_FORCE ovs_be16) (sum + (sum >> 16));
    return true;
}

static inline bool
take_ipv6(const struct taker *t, struct dp_packet *packet, uint16_t *flags)
{
    const struct eth_header *eth = dp_packet_data(packet);
    struct ovs_16aligned_ip6_hdr *nh = (void *) (eth + 1);
    uint16_t bits = 0;
    uint16_t src;
    size_t len;

    if (OVS_UNLIKELY(dp_packet_size(packet) < ETH_HEADER_LEN + IPV6_HEADER_LEN
                     || eth->eth_type != htons(ETH_TYPE_IPV6)
                     || packet->md.pkt_mark != t->mark
                     || *(uint8_t *) nh >> 4 != 6
                     || nh->ip6_hlim <= t->ttl)) {
        return false;
    }
    len = IPV6_HEADER_LEN + ntohs(nh->ip6_plen);
    src = ntohs(nh->ip6_src.be16[0]);
    if (OVS_UNLIKELY(!src || src >> 8 == 0xff || src >> 6 == 0xfe80 >> 6
                     || !cut(packet, len, IPV6_HEADER_LEN))
        || is_too_big(t, packet, len)) {
        return false;
    }
    if (nh->ip6_nxt == IPPROTO_TCP) {
        bits = tcp_flags((const void *) (nh + 1), len - IPV6_HEADER_LEN);
        if (OVS_UNLIKELY(bits & t->tcp_bar)) {
            return false;
        }
    } else if (OVS_UNLIKELY(nh->ip6_nxt != IPPROTO_UDP)) {
        /* There may be a TCP header behind others, or a fragment. */
        return false;
    }
    *flags |= bits;
    put_on_way(t, packet, IPV6_HEADER_LEN);
    nh->ip6_hlim -= t->ttl;
    return true;
}

/* As vrf_way_take(), of one family. */
static inline ALWAYS_INLINE void
take_by(const struct taker *t, struct dp_packet_batch *packets,
        struct dp_netdev_extension_group *group,
        bool (*take)(const struct taker *, struct dp_packet *,
                     uint16_t *flags))
{
    const size_t n = dp_packet_batch_size(packets);
    size_t n_taken = 0, n_left = 0;
    uint16_t flags = 0;
    uint32_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        struct dp_packet *packet = packets->packets[i];

        if (OVS_LIKELY(take(t, packet, &flags))) {
            bytes += dp_packet_size(packet);
            group->packets.packets[n_taken++] = packet;
        } else {
            packets->packets[n_left++] = packet;
        }
    }
    packets->count = n_left;
    group->packets.count = n_taken;
    group->bytes = bytes;
    group->tcp_flags = flags;
}

void
vrf_way_take(const struct ovs_action_vrf_way *way, uint32_t mark,
             struct dp_packet_batch *packets,
             struct dp_netdev_extension_group *group)
{
    struct taker t = {
        .way = way,
        .mark = mark,
        .ttl = way->vrf.flags & OVS_VRF_F_TTL_KEEP ? 0 : 1,
        .sum = way->vrf.flags & OVS_VRF_F_TTL_KEEP ? 0 : htons(0x100),
        .tcp_bar = way->vrf.flags & OVS_VRF_F_MSS_CLAMP ? TCP_SYN : 0,
    };

    memcpy(&t.macs[0], way->eth_dst, sizeof t.macs[0]);
    memcpy(&t.macs[1], way->eth_src, sizeof t.macs[1]);
    if (packets->packets[0]->packet_type != htonl(PT_ETH)) {
        /* As all of the flow. */
        return;
    }
    if (way->ipv6) {
        take_by(&t, packets, group, take_ipv6);
    } else {
        take_by(&t, packets, group, take_ipv4);
    }
}
