/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-quote.h"

#include <stddef.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* What is left to be read. */
struct rest {
    const uint8_t *data;
    size_t size;
};

static const uint8_t *
take(struct rest *rest, size_t n)
{
    const uint8_t *data = rest->data;

    if (n > rest->size) {
        return NULL;
    }
    rest->data += n;
    rest->size -= n;
    return data;
}

static uint16_t
get_u16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
get_u32(const uint8_t *p)
{
    return (uint32_t) get_u16(p) << 16 | get_u16(p + 2);
}

static struct in6_addr
get_ipv4(const uint8_t *p)
{
    return in6_addr_mapped_ipv4(htonl(get_u32(p)));
}

static struct in6_addr
get_ipv6(const uint8_t *p)
{
    struct in6_addr ip;

    memcpy(&ip, p, sizeof ip);
    return ip;
}

struct ip {
    bool is_ipv6;
    struct in6_addr src, dst;
    uint8_t proto;
    uint32_t len;               /* With the header. */
};

/* Takes the header of IPv4 or IPv6, without extensions.  Later fragments do
 * not count, nor do addresses of IPv6 that are IPv4's to everybody else. */
static bool
take_ip(struct rest *rest, struct ip *ip)
{
    const uint8_t *p = take(rest, IP_HEADER_LEN);
    int options;

    if (!p) {
        return false;
    } else if (p[0] >> 4 == 4) {
        options = (p[0] & 0xf) * 4 - IP_HEADER_LEN;
        ip->is_ipv6 = false;
        ip->src = get_ipv4(p + 12);
        ip->dst = get_ipv4(p + 16);
        ip->proto = p[9];
        ip->len = get_u16(p + 2);
        return (options >= 0 && take(rest, options)
                && !(get_u16(p + 6) & IP_FRAG_OFF_MASK));
    } else if (p[0] >> 4 == 6 && take(rest, IPV6_HEADER_LEN - IP_HEADER_LEN)) {
        ip->is_ipv6 = true;
        ip->src = get_ipv6(p + 8);
        ip->dst = get_ipv6(p + 24);
        ip->proto = p[6];
        ip->len = IPV6_HEADER_LEN + get_u16(p + 4);
        return (!IN6_IS_ADDR_V4MAPPED(&ip->src)
                && !IN6_IS_ADDR_V4MAPPED(&ip->dst));
    }
    return false;
}

static void
take_udp(struct rest *rest, struct vrf_quote *q)
{
    const uint8_t *p = rest->data;

    if (rest->size >= UDP_HEADER_LEN) {
        q->sport = get_u16(p);
        q->dport = get_u16(p + 2);
    }
    if (rest->size >= UDP_HEADER_LEN + 8) {
        q->key = get_u32(p + UDP_HEADER_LEN + 4);
        q->has_key = true;
    }
}

static void
take_gre(struct rest *rest, struct vrf_quote *q)
{
    uint16_t flags;
    const uint8_t *p = take(rest, 4);

    if (!p) {
        return;
    }
    flags = get_u16(p);
    if ((!(flags & GRE_CSUM) || take(rest, 4)) && flags & GRE_KEY) {
        p = take(rest, 4);
        if (p) {
            q->key = get_u32(p);
            q->has_key = true;
        }
    }
}

const char *
vrf_quote_parse(const struct dp_packet *packet, struct vrf_quote *q)
{
    const uint8_t *l3 = dp_packet_l3(packet);
    struct rest rest = { l3, dp_packet_l3_size(packet) };
    struct ip outer, quoted;
    const uint8_t *icmp;

    memset(q, 0, sizeof *q);
    if (!l3 || !take_ip(&rest, &outer)) {
        return "not IP";
    }
    icmp = take(&rest, ICMP_HEADER_LEN);
    if (icmp && !outer.is_ipv6 && outer.proto == IPPROTO_ICMP
        && icmp[0] == 3 && icmp[1] == 4) {
        q->mtu = get_u16(icmp + 6);
    } else if (icmp && outer.is_ipv6 && outer.proto == IPPROTO_ICMPV6
               && icmp[0] == 2) {
        q->mtu = get_u32(icmp + 4);
    } else {
        return "not an error that tells an MTU";
    }
    if (!take_ip(&rest, &quoted) || quoted.is_ipv6 != outer.is_ipv6) {
        return "quotes no IP";
    }
    q->receiver = outer.dst;
    q->src = quoted.src;
    q->dst = quoted.dst;
    q->len = quoted.len;
    q->proto = quoted.proto;
    if (quoted.proto == IPPROTO_UDP) {
        take_udp(&rest, q);
    } else if (quoted.proto == IPPROTO_GRE) {
        take_gre(&rest, q);
    } else {
        return "quotes no tunnel";
    }
    q->vni = q->key >> 8;
    return NULL;
}

uint32_t
vrf_quote_plateau(uint32_t len)
{
    static const uint16_t plateaus[] = {
        32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296,
    };

    for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++) {
        if (plateaus[i] < len) {
            return plateaus[i];
        }
    }
    return 68;
}
