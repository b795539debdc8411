/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-packet.h"

#include <string.h>

#include "csum.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* Room before a fragment, for headers. */
#define HEADROOM 128

#define TCP_OPT_END 0
#define TCP_OPT_NOP 1
#define TCP_OPT_MSS 2

static enum vrf_packet_fault
check_ipv4(const struct vrf_packet *p)
{
    uint32_t src = p->src.hi >> 32;
    uint32_t dst = p->dst.hi >> 32;

    if (!(src >> 24) || src >> 24 == 127 || src >> 28 >= 0xe) {
        return VRF_PACKET_BAD_SRC;
    } else if (!(dst >> 24) || dst >> 24 == 127 || dst >> 28 == 0xe
               || dst == UINT32_MAX) {
        return VRF_PACKET_NOT_ROUTABLE;
    }
    return VRF_PACKET_GOOD;
}

/* Is the checksum of the header at 'nh' right?  Most headers have no
 * options. */
static inline bool
ipv4_sum_is_good(const struct ip_header *nh, size_t header_len)
{
    uint32_t words[IP_HEADER_LEN / 4];
    uint64_t sum = 0;

    if (OVS_UNLIKELY(header_len != IP_HEADER_LEN)) {
        return !csum(nh, header_len);
    }
    memcpy(words, nh, sizeof words);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        sum += words[i];
    }
    sum = (sum >> 32) + (uint32_t) sum;
    sum = (sum >> 16) + (sum & UINT16_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    return sum == UINT16_MAX;
}

static enum vrf_packet_fault
parse_ipv4(struct dp_packet *packet, size_t len, struct vrf_packet *p)
{
    const struct ip_header *nh = dp_packet_l3(packet);
    size_t header_len;
    ovs_be16 frag;

    if (OVS_UNLIKELY(len < IP_HEADER_LEN || IP_VER(nh->ip_ihl_ver) != 4)) {
        return VRF_PACKET_BAD_HEADER;
    }
    header_len = IP_IHL(nh->ip_ihl_ver) * 4;
    p->len = ntohs(nh->ip_tot_len);
    if (OVS_UNLIKELY(header_len < IP_HEADER_LEN || p->len < header_len
                     || len < p->len)
        || (!dp_packet_ip_checksum_valid(packet)
            && OVS_UNLIKELY(!ipv4_sum_is_good(nh, header_len)))) {
        return VRF_PACKET_BAD_HEADER;
    }
    if (len > p->len) {
        dp_packet_set_size(packet, dp_packet_size(packet) - (len - p->len));
    }
    packet->l4_ofs = packet->l3_ofs + header_len;
    frag = nh->ip_frag_off;
    p->family = VRF_IPV4;
    p->src = vrf_addr_from_ipv4(get_16aligned_be32(&nh->ip_src));
    p->dst = vrf_addr_from_ipv4(get_16aligned_be32(&nh->ip_dst));
    p->header_len = header_len;
    p->tos = nh->ip_tos;
    p->ttl = nh->ip_ttl;
    p->proto = nh->ip_proto;
    p->may_fragment = !(frag & htons(IP_DONT_FRAGMENT));
    p->fragment = IP_IS_FRAGMENT(frag);
    p->later_fragment = (frag & htons(IP_FRAG_OFF_MASK)) != 0;
    return check_ipv4(p);
}

static bool
is_link_scope(const struct vrf_addr *a)
{
    return a->hi >> 54 == 0xfe80 >> 6;
}

static enum vrf_packet_fault
check_ipv6(const struct vrf_packet *p)
{
    /* ::, ::1 and ff00::/8. */
    if (p->src.hi >> 56 == 0xff || (!p->src.hi && p->src.lo <= 1)) {
        return VRF_PACKET_BAD_SRC;
    } else if (p->dst.hi >> 56 == 0xff || (!p->dst.hi && p->dst.lo <= 1)) {
        return VRF_PACKET_NOT_ROUTABLE;
    } else if (is_link_scope(&p->src) || is_link_scope(&p->dst)) {
        return VRF_PACKET_LINK_SCOPE;
    }
    return VRF_PACKET_GOOD;
}

static enum vrf_packet_fault
parse_ipv6(struct dp_packet *packet, size_t len, struct vrf_packet *p)
{
    const struct ovs_16aligned_ip6_hdr *nh = dp_packet_l3(packet);
    struct in6_addr src, dst;
    uint32_t flow;

    if (OVS_UNLIKELY(len < IPV6_HEADER_LEN)) {
        return VRF_PACKET_BAD_HEADER;
    }
    flow = ntohl(get_16aligned_be32(&nh->ip6_flow));
    p->len = IPV6_HEADER_LEN + ntohs(nh->ip6_plen);
    if (OVS_UNLIKELY(flow >> 28 != 6 || len < p->len)) {
        return VRF_PACKET_BAD_HEADER;
    }
    if (len > p->len) {
        dp_packet_set_size(packet, dp_packet_size(packet) - (len - p->len));
    }
    packet->l4_ofs = packet->l3_ofs + IPV6_HEADER_LEN;
    memcpy(&src, &nh->ip6_src, sizeof src);
    memcpy(&dst, &nh->ip6_dst, sizeof dst);
    p->family = VRF_IPV6;
    p->src = vrf_addr_from_ipv6(&src);
    p->dst = vrf_addr_from_ipv6(&dst);
    p->header_len = IPV6_HEADER_LEN;
    p->tos = flow >> 20;
    p->ttl = nh->ip6_hlim;
    p->proto = nh->ip6_nxt;
    p->may_fragment = false;
    p->fragment = false;
    p->later_fragment = false;
    return check_ipv6(p);
}

enum vrf_packet_fault
vrf_packet_parse(struct dp_packet *packet, struct vrf_packet *p)
{
    const struct eth_header *eth = dp_packet_data(packet);
    size_t size = dp_packet_size(packet);

    if (OVS_UNLIKELY(packet->packet_type != htonl(PT_ETH)
                     || size < ETH_HEADER_LEN)) {
        return VRF_PACKET_NOT_IP;
    }
    dp_packet_reset_offsets(packet);
    packet->l3_ofs = ETH_HEADER_LEN;
    if (eth->eth_type == htons(ETH_TYPE_IP)) {
        return parse_ipv4(packet, size - ETH_HEADER_LEN, p);
    } else if (eth->eth_type == htons(ETH_TYPE_IPV6)) {
        return parse_ipv6(packet, size - ETH_HEADER_LEN, p);
    }
    return VRF_PACKET_NOT_IP;
}

/* Lowers the value of the MSS option at 'opt' to 'max'. */
static bool
lower_mss(struct tcp_header *th, uint8_t *opt, uint16_t max)
{
    ovs_be16 old, new = htons(max);

    memcpy(&old, opt + 2, sizeof old);
    if (ntohs(old) <= max) {
        return false;
    }
    memcpy(opt + 2, &new, sizeof new);
    if ((opt - (uint8_t *) th) % 2) {
        /* The sum is of words that begin at even offsets. */
        old = htons(ntohs(old) << 8 | ntohs(old) >> 8);
        new = htons(ntohs(new) << 8 | ntohs(new) >> 8);
    }
    th->tcp_csum = recalc_csum16(th->tcp_csum, old, new);
    return true;
}

bool
vrf_packet_clamp_mss(struct dp_packet *packet, const struct vrf_packet *p,
                     uint32_t mtu)
{
    uint8_t *data = dp_packet_l3(packet);
    struct tcp_header *th = (void *) (data + p->header_len);
    uint32_t headers = TCP_HEADER_LEN + (p->family == VRF_IPV4
                                         ? IP_HEADER_LEN : IPV6_HEADER_LEN);
    size_t left = p->len - p->header_len;
    size_t tcp_len;

    if (p->proto != IPPROTO_TCP || p->later_fragment || mtu <= headers
        || left < TCP_HEADER_LEN || !(TCP_FLAGS(th->tcp_ctl) & TCP_SYN)) {
        return false;
    }
    tcp_len = TCP_OFFSET(th->tcp_ctl) * 4;
    if (tcp_len > left) {
        return false;
    }
    size_t i = TCP_HEADER_LEN;

    while (i < tcp_len) {
        uint8_t *opt = (uint8_t *) th + i;

        if (*opt == TCP_OPT_END) {
            break;
        } else if (*opt == TCP_OPT_NOP) {
            i++;
            continue;
        } else if (i + 2 > tcp_len || opt[1] < 2 || i + opt[1] > tcp_len) {
            break;
        } else if (*opt == TCP_OPT_MSS && opt[1] == 4) {
            return lower_mss(th, opt, MIN(mtu - headers, UINT16_MAX));
        }
        i += opt[1];
    }
    return false;
}

/* Of the options of IPv4, leaves in 'header' what fragments after the first
 * one have: the others become no-operation (RFC 791 section 3.1). */
static void
blank_options(uint8_t *header, size_t header_len)
{
    size_t i = IP_HEADER_LEN;

    while (i < header_len) {
        uint8_t *opt = header + i;
        size_t len = *opt <= 1 ? 1 : i + 1 < header_len ? opt[1] : 0;

        if (*opt == 0) {
            break;
        } else if (len < 1 || (*opt > 1 && len < 2) || i + len > header_len) {
            memset(opt, 1, header_len - i);
            break;
        } else if (!(*opt & 0x80)) {
            memset(opt, 1, len);
        }
        i += len;
    }
}

size_t
vrf_packet_fragment(const struct dp_packet *packet, const struct vrf_packet *p,
                    uint32_t mtu,
                    void (*cb)(struct dp_packet *, void *aux), void *aux)
{
    const uint8_t *ip = dp_packet_l3(packet);
    const uint8_t *data = ip + p->header_len;
    size_t left = p->len - p->header_len;
    size_t max, offset = 0, n = 0;
    struct ip_header header;
    uint16_t first, flags;

    if (mtu < p->header_len + 8u
        || dp_packet_size(packet) < ETH_HEADER_LEN + p->len) {
        return 0;
    }
    max = (mtu - p->header_len) & ~7u;
    memcpy(&header, ip, sizeof header);
    first = ntohs(header.ip_frag_off) & IP_FRAG_OFF_MASK;
    if (first * 8 + left > UINT16_MAX) {
        return 0;
    }
    flags = ntohs(header.ip_frag_off) & ~IP_FRAG_OFF_MASK;

    while (left) {
        size_t len = MIN(left, max);
        struct dp_packet *f;
        struct ip_header *nh;

        f = dp_packet_new_with_headroom(ETH_HEADER_LEN + p->header_len + len,
                                        HEADROOM);
        dp_packet_put(f, dp_packet_data(packet),
                      ETH_HEADER_LEN + p->header_len);
        dp_packet_put(f, data + offset, len);
        f->md = packet->md;
        f->packet_type = packet->packet_type;
        dp_packet_set_l3(f, (char *) dp_packet_data(f) + ETH_HEADER_LEN);
        nh = dp_packet_l3(f);
        if (offset) {
            blank_options((uint8_t *) nh, p->header_len);
        }
        left -= len;
        nh->ip_tot_len = htons(p->header_len + len);
        nh->ip_frag_off = htons((first + offset / 8)
                                | (left ? flags | IP_MORE_FRAGMENTS : flags));
        nh->ip_csum = 0;
        nh->ip_csum = csum(nh, p->header_len);
        offset += len;
        n++;
        cb(f, aux);
    }
    return n;
}
