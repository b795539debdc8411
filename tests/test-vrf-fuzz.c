/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-fuzz quote|packet|openflow|match|datapath N [SEED]
 *        ovstest test-vrf-fuzz names
 *
 * N random inputs, most of which are nearly right, for what reads packets and
 * actions of VRFs.  A packet ends where memory ends, so that whoever reads
 * beyond it dies.
 *
 * "quote" is about ICMP errors that quote packets of tunnels, "packet" about
 * what a router reads and changes: both are compared with what a simple reader
 * here says.  "openflow", "match" and "datapath" are the text of the action
 * output_vrf(), of the field "vrf" and of the action vrf(), and their
 * encodings, which have to be refused or come out as they went in.
 *
 * "names" gives as many names to VRFs as there may be. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp-packet.h"
#include "fatal-signal.h"
#include "netlink.h"
#include "nx-match.h"
#include "odp-extension.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpact-extension.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "random.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-names.h"
#include "vrf-packet.h"
#include "vrf-quote.h"

static unsigned int
begin(const struct ovs_cmdl_context *ctx)
{
    unsigned int n, seed = 1;

    ovs_assert(str_to_uint(ctx->argv[1], 10, &n));
    ovs_assert(ctx->argc < 3 || str_to_uint(ctx->argv[2], 10, &seed));
    random_set_seed(seed);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return n;
}

/* Memory that ends where a page does behind which there is none. */

enum { MEMORY = 1 << 17 };      /* More than any packet. */

static uint8_t *
memory_end(void)
{
    static uint8_t *end;

    if (!end) {
        uint8_t *p = mmap(NULL, MEMORY + getpagesize(), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        ovs_assert(p != MAP_FAILED);
        end = p + MEMORY;
        ovs_assert(!mprotect(end, getpagesize(), PROT_NONE));
    }
    return end;
}

/* Has '*packet' be the 'n' bytes at 'data', at the end of memory as far as
 * headers have to begin at even addresses. */
static void
put_at_end(struct dp_packet *packet, const uint8_t *data, size_t n)
{
    uint8_t *p = memory_end() - ROUND_UP(n, 2);

    memcpy(p, data, n);
    dp_packet_use_stub(packet, p, n);
    dp_packet_set_size(packet, n);
}

/* Bytes that are put together. */

struct bytes {
    uint8_t b[1 << 16];
    size_t n;
};
static struct bytes in;         /* Large. */

static uint8_t *
put(size_t n)
{
    uint8_t *p = &in.b[in.n];

    ovs_assert(in.n + n <= sizeof in.b);
    in.n += n;
    return p;
}

static uint8_t *
put_random(size_t n)
{
    uint8_t *p = put(n);

    random_bytes(p, n);
    return p;
}

static void
set_u16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static uint16_t
u16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
u32(const uint8_t *p)
{
    return (uint32_t) u16(p) << 16 | u16(p + 2);
}

/* The sum of the words, which is 0xffff if a checksum among them is right. */
static uint16_t
sum_of(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : p[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* One in 'n'. */
static bool
rarely(unsigned int n)
{
    return !random_range(n);
}

/* Damages bytes from 'from' on, or cuts some off. */
static void
damage(size_t from)
{
    if (rarely(2)) {
        return;
    }
    for (int i = random_range(3); i >= 0 && in.n > from; i--) {
        size_t at = from + random_range(MIN(in.n - from, 128));

        in.b[at] = (rarely(2) ? random_uint8()
                    : in.b[at] ^ 1 << random_range(8));
    }
    if (rarely(3) && in.n > from) {
        in.n = from + random_range(in.n - from);
    }
}

static void
put_ethernet(bool is_ipv6, bool tagged)
{
    put_random(12);
    if (tagged) {
        set_u16(put(2), ETH_TYPE_VLAN_8021Q);
        put_random(2);
    }
    set_u16(put(2), is_ipv6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
}

/* Puts a header whose length is that of the header and 'len' bytes, with a
 * wrong checksum.  Returns its length. */
static size_t
put_ip(bool is_ipv6, uint8_t proto, size_t len)
{
    size_t n = is_ipv6 ? 40 : 20 + (rarely(4) ? random_range(11) * 4 : 0);
    uint8_t *p = put_random(n);

    if (is_ipv6) {
        p[0] = 6 << 4 | (p[0] & 15);
        set_u16(p + 4, len);
        p[6] = proto;
        if (rarely(16)) {
            /* A mapped address, which is on no wire. */
            struct in6_addr mapped = in6_addr_mapped_ipv4(random_uint32());

            memcpy(p + (rarely(2) ? 8 : 24), &mapped, sizeof mapped);
        }
    } else {
        p[0] = 4 << 4 | n / 4;
        set_u16(p + 2, n + len);
        set_u16(p + 6, rarely(4) ? random_uint16() & 0x7fff
                : rarely(2) ? 0x4000 : 0);
        p[9] = proto;
    }
    return n;
}

/* Quotes. */

static void
make_error(size_t *l3_ofs)
{
    bool is_ipv6 = rarely(2);
    bool is_udp = rarely(2);
    bool is_icmp6;
    uint8_t *icmp;

    in.n = 0;
    put_ethernet(is_ipv6, rarely(4));
    *l3_ofs = in.n;
    if (rarely(32)) {
        put_random(random_range(200));
        return;
    }
    is_icmp6 = rarely(16) ? !is_ipv6 : is_ipv6;
    put_ip(is_ipv6, is_icmp6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 64);
    icmp = put_random(8);
    icmp[0] = is_icmp6 ? 2 : 3;
    icmp[1] = is_icmp6 ? 0 : 4;
    put_ip(rarely(16) ? !is_ipv6 : is_ipv6,
           is_udp ? IPPROTO_UDP : IPPROTO_GRE, random_range(1500));
    if (!is_udp) {
        set_u16(put(2), rarely(8) ? random_uint16()
                : random_range(2) * GRE_CSUM | random_range(2) * GRE_KEY);
    }
    put_random(random_range(40));
    damage(*l3_ofs);
}

static void
read_addr(const uint8_t *p, bool is_ipv6, struct in6_addr *addr)
{
    if (is_ipv6) {
        memcpy(addr, p, 16);
    } else {
        in6_addr_set_mapped_ipv4(addr, htonl(u32(p)));
    }
}

/* Reads an IP header of a whole packet or of its first fragment: returns its
 * length, 0 if it is none. */
static size_t
read_ip(const uint8_t *p, size_t n)
{
    static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

    if (n >= 20 && p[0] >> 4 == 4) {
        size_t len = (p[0] & 15) * 4;

        return len >= 20 && len <= n && !(u16(p + 6) & 0x1fff) ? len : 0;
    }
    return (n >= 40 && p[0] >> 4 == 6 && memcmp(p + 8, mapped, 12)
            && memcmp(p + 24, mapped, 12) ? 40 : 0);
}

/* What vrf_quote_parse() ought to say of the IP packet. */
static bool
read_quote(const uint8_t *p, size_t n, struct vrf_quote *q)
{
    size_t len = read_ip(p, n);
    bool is_ipv6 = p[0] >> 4 == 6;

    memset(q, 0, sizeof *q);
    if (!len || n < len + 8) {
        return false;
    }
    read_addr(p + (is_ipv6 ? 24 : 16), is_ipv6, &q->receiver);
    if (is_ipv6 ? p[6] != 58 || p[len] != 2
        : p[9] != 1 || p[len] != 3 || p[len + 1] != 4) {
        return false;
    }
    q->mtu = is_ipv6 ? u32(p + len + 4) : u16(p + len + 6);
    p += len + 8;
    n -= len + 8;

    len = read_ip(p, n);
    if (!len || (p[0] >> 4 == 6) != is_ipv6) {
        return false;
    }
    read_addr(p + (is_ipv6 ? 8 : 12), is_ipv6, &q->src);
    read_addr(p + (is_ipv6 ? 24 : 16), is_ipv6, &q->dst);
    q->len = is_ipv6 ? 40 + u16(p + 4) : u16(p + 2);
    q->proto = p[is_ipv6 ? 6 : 9];
    p += len;
    n -= len;
    if (q->proto == 17) {
        q->sport = n >= 8 ? u16(p) : 0;
        q->dport = n >= 8 ? u16(p + 2) : 0;
        q->has_key = n >= 16;
        q->key = q->has_key ? u32(p + 12) : 0;
    } else if (q->proto == 47) {
        /* Checksum, then key, each if its flag is set. */
        size_t at = n >= 4 && u16(p) & 0x8000 ? 8 : 4;

        q->has_key = n >= at + 4 && u16(p) & 0x2000;
        q->key = q->has_key ? u32(p + at) : 0;
    } else {
        return false;
    }
    q->vni = q->key >> 8;
    return true;
}

static bool
quotes_equal(const struct vrf_quote *a, const struct vrf_quote *b)
{
    return (ipv6_addr_equals(&a->receiver, &b->receiver)
            && ipv6_addr_equals(&a->src, &b->src)
            && ipv6_addr_equals(&a->dst, &b->dst)
            && a->mtu == b->mtu && a->len == b->len && a->proto == b->proto
            && a->sport == b->sport && a->dport == b->dport
            && a->has_key == b->has_key && a->key == b->key
            && a->vni == b->vni);
}

static void
fuzz_quote(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_good = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct vrf_quote q, wanted;
        struct dp_packet packet;
        size_t l3_ofs;
        bool good;

        make_error(&l3_ofs);
        put_at_end(&packet, in.b, in.n);
        packet.l3_ofs = l3_ofs;
        good = !vrf_quote_parse(&packet, &q);
        ovs_assert(good == read_quote(&in.b[l3_ofs], in.n - l3_ofs, &wanted));
        ovs_assert(!good || quotes_equal(&q, &wanted));
        n_good += good;
    }
    ovs_assert(n_good > n / 8 && n_good < n);
    printf("%u quotes\n", n);
}

/* Packets. */

static void
put_tcp_options(size_t n)
{
    size_t end = in.n + n;

    while (in.n < end) {
        size_t left = end - in.n;
        int kind = random_range(5);

        if (kind == 4 && left >= 4) {
            uint8_t *p = put_random(4);

            p[0] = 2;
            p[1] = rarely(8) ? random_uint8() : 4;
        } else if (kind == 3 && left >= 3) {
            size_t len = 3 + random_range(MIN(left - 2, 8));
            uint8_t *p = put_random(len);

            p[0] = 3 + random_range(60);
            p[1] = len;
        } else {
            *put(1) = !rarely(8);
        }
    }
}

static void
make_packet(void)
{
    bool is_ipv6 = rarely(3);
    bool is_tcp = !rarely(3);
    size_t tcp_len = 20 + random_range(11) * 4;
    size_t data = random_range(rarely(8) ? 3000 : 100);
    size_t ip, header_len;

    in.n = 0;
    put_ethernet(is_ipv6, rarely(32));
    ip = in.n;
    if (rarely(32)) {
        put_random(random_range(200));
        return;
    }
    header_len = put_ip(is_ipv6, is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
                        is_tcp ? tcp_len + data : data);
    if (is_tcp) {
        uint8_t *th = put_random(20);

        th[12] = (tcp_len / 4) << 4;
        th[13] |= rarely(4) ? 0 : TCP_SYN;
        put_tcp_options(tcp_len - 20);
    }
    put_random(data);
    if (is_ipv6 && rarely(8)) {
        set_u16(&in.b[ip + (rarely(2) ? 8 : 24)], 0xfe80);
    }
    if (!is_ipv6 && !rarely(16)) {
        uint8_t *p = &in.b[ip];

        set_u16(p + 10, 0);
        set_u16(p + 10, ~sum_of(p, header_len));
    }
    if (rarely(4)) {
        put_random(random_range(60));
    }
    damage(12);
}

/* What vrf_packet_parse() ought to say. */
static enum vrf_packet_fault
read_packet(const uint8_t *p, size_t n, struct vrf_packet *r)
{
    static const uint8_t zeros[15];
    uint16_t type = n >= 14 ? u16(p + 12) : 0;
    struct in6_addr src, dst;
    bool is_ipv6 = type == ETH_TYPE_IPV6;

    memset(r, 0, sizeof *r);
    p += 14;
    n -= 14;
    if (!is_ipv6 && type != ETH_TYPE_IP) {
        return VRF_PACKET_NOT_IP;
    } else if (n < (is_ipv6 ? 40 : 20)) {
        return VRF_PACKET_BAD_HEADER;
    }
    r->family = is_ipv6 ? VRF_IPV6 : VRF_IPV4;
    r->header_len = is_ipv6 ? 40 : (p[0] & 15) * 4;
    r->len = is_ipv6 ? 40 + u16(p + 4) : u16(p + 2);
    if (p[0] >> 4 != (is_ipv6 ? 6 : 4) || r->len > n
        || (!is_ipv6 && (r->header_len < 20 || r->len < r->header_len
                         || sum_of(p, r->header_len) != 0xffff))) {
        return VRF_PACKET_BAD_HEADER;
    }
    r->tos = is_ipv6 ? u16(p) >> 4 : p[1];
    r->ttl = p[is_ipv6 ? 7 : 8];
    r->proto = p[is_ipv6 ? 6 : 9];
    r->may_fragment = !is_ipv6 && !(u16(p + 6) & 0x4000);
    r->fragment = !is_ipv6 && u16(p + 6) & 0x3fff;
    r->later_fragment = !is_ipv6 && u16(p + 6) & 0x1fff;
    read_addr(p + (is_ipv6 ? 8 : 12), is_ipv6, &src);
    read_addr(p + (is_ipv6 ? 24 : 16), is_ipv6, &dst);
    if (is_ipv6) {
        r->src = vrf_addr_from_ipv6(&src);
        r->dst = vrf_addr_from_ipv6(&dst);
    } else {
        r->src = vrf_addr_from_ipv4(htonl(u32(p + 12)));
        r->dst = vrf_addr_from_ipv4(htonl(u32(p + 16)));
    }
    if (is_ipv6) {
        const uint8_t *s = src.s6_addr, *d = dst.s6_addr;

        return (s[0] == 0xff || (!memcmp(s, zeros, 15) && s[15] <= 1)
                ? VRF_PACKET_BAD_SRC
                : d[0] == 0xff || (!memcmp(d, zeros, 15) && d[15] <= 1)
                ? VRF_PACKET_NOT_ROUTABLE
                : (s[0] == 0xfe && s[1] >> 6 == 2)
                || (d[0] == 0xfe && d[1] >> 6 == 2)
                ? VRF_PACKET_LINK_SCOPE : VRF_PACKET_GOOD);
    }
    return (!p[12] || p[12] == 127 || p[12] >= 224 ? VRF_PACKET_BAD_SRC
            : !p[16] || p[16] == 127 || (p[16] >= 224 && p[16] < 240)
            || u32(p + 16) == UINT32_MAX ? VRF_PACKET_NOT_ROUTABLE
            : VRF_PACKET_GOOD);
}

static bool
packets_equal(const struct vrf_packet *a, const struct vrf_packet *b)
{
    return (a->family == b->family && vrf_addr_equal(&a->src, &b->src)
            && vrf_addr_equal(&a->dst, &b->dst) && a->len == b->len
            && a->header_len == b->header_len && a->tos == b->tos
            && a->ttl == b->ttl && a->proto == b->proto
            && a->may_fragment == b->may_fragment
            && a->fragment == b->fragment
            && a->later_fragment == b->later_fragment);
}

/* Returns where the MSS option begins from which the MSS is read, 0 if there
 * is none: the first one. */
static size_t
find_mss(const uint8_t *tcp, size_t n)
{
    size_t end = n >= 20 ? (tcp[12] >> 4) * 4 : 0;

    if (!end || end > n) {
        return 0;
    }
    for (size_t i = 20; i < end && tcp[i]; i += tcp[i] == 1 ? 1 : tcp[i + 1]) {
        if (tcp[i] != 1) {
            if (i + 1 >= end || tcp[i + 1] < 2 || i + tcp[i + 1] > end) {
                return 0;
            } else if (tcp[i] == 2 && tcp[i + 1] == 4) {
                return i;
            }
        }
    }
    return 0;
}

/* Only the MSS changes, and the checksum with it. */
static void
check_clamp(struct dp_packet *packet, const struct vrf_packet *p)
{
    uint32_t mtu = rarely(8) ? random_uint32() : random_range(1600);
    size_t headers = p->family == VRF_IPV4 ? 40 : 60;
    const uint8_t *was = &in.b[14], *is = dp_packet_l3(packet);
    size_t n = p->len - p->header_len;
    const uint8_t *tcp = was + p->header_len;
    size_t mss = (p->proto == 6 && !p->later_fragment && mtu > headers
                  && n >= 20 && tcp[13] & 2 ? find_mss(tcp, n) : 0);
    bool lowers = mss && u16(tcp + mss + 2) > mtu - headers;

    ovs_assert(vrf_packet_clamp_mss(packet, p, mtu) == lowers);
    if (!lowers) {
        ovs_assert(!memcmp(was, is, p->len));
        return;
    }
    ovs_assert(u16(is + p->header_len + mss + 2) == mtu - headers);
    ovs_assert(sum_of(tcp, n) % 0xffff
               == sum_of(is + p->header_len, n) % 0xffff);
    for (size_t i = 0; i < p->len; i++) {
        size_t at = i - p->header_len;

        ovs_assert(was[i] == is[i] || at / 2 == 16 / 2 || at - mss - 2 < 2);
    }
}

static void
check_ttl(struct dp_packet *packet, const struct vrf_packet *p)
{
    const uint8_t *is = dp_packet_l3(packet);
    uint8_t was[60];

    memcpy(was, is, p->header_len);
    vrf_packet_dec_ttl(packet, p);
    was[p->family == VRF_IPV4 ? 8 : 7]--;
    if (p->family == VRF_IPV4) {
        ovs_assert(sum_of(is, p->header_len) == 0xffff);
        memcpy(was + 10, is + 10, 2);
    }
    ovs_assert(!memcmp(was, is, p->header_len));
}

/* What fragments have in common. */
struct fragments {
    const uint8_t *ip;          /* The packet. */
    const struct vrf_packet *p;
    uint32_t mtu;
    size_t n;                   /* Bytes of data so far. */
};

/* Does a fragment that is not the first one have the options that it ought to
 * have?  Those that are not copied are 1, and all is from a broken one on. */
static bool
options_are_copied(const uint8_t *was, const uint8_t *is, size_t n)
{
    size_t i = 0;

    while (i < n && was[i]) {
        size_t len = was[i] == 1 ? 1 : i + 1 < n ? was[i + 1] : 0;
        bool broken = !len || (was[i] != 1 && len < 2) || i + len > n;
        bool copied = !broken && was[i] & 0x80;

        len = broken ? n - i : len;
        for (size_t j = i; j < i + len; j++) {
            if (is[j] != (copied ? was[j] : 1)) {
                return false;
            }
        }
        i += len;
    }
    return !memcmp(was + i, is + i, n - i);
}

static void
check_fragment(struct dp_packet *packet, void *f_)
{
    const uint8_t *p = dp_packet_l3(packet);
    struct fragments *f = f_;
    size_t header_len = f->p->header_len;
    size_t n = dp_packet_l3_size(packet) - header_len;
    bool last = f->n + n == f->p->len - header_len;
    uint16_t was = u16(f->ip + 6), is = u16(p + 6);

    ovs_assert(header_len + n <= f->mtu && u16(p + 2) == header_len + n);
    ovs_assert(n && f->n + n <= f->p->len - header_len);
    ovs_assert(sum_of(p, header_len) == 0xffff);
    ovs_assert(!memcmp(p, f->ip, 2) && !memcmp(p + 4, f->ip + 4, 2)
               && !memcmp(p + 8, f->ip + 8, 2)
               && !memcmp(p + 12, f->ip + 12, 8));
    ovs_assert(!memcmp(p + header_len, f->ip + header_len + f->n, n));
    ovs_assert((is & 0x1fff) * 8u == (was & 0x1fff) * 8u + f->n);
    ovs_assert((is & 0xc000) == (was & 0xc000));
    ovs_assert((is & 0x2000) == (last ? was & 0x2000 : 0x2000));
    ovs_assert(last || !(n % 8));
    ovs_assert(f->n ? options_are_copied(f->ip + 20, p + 20, header_len - 20)
               : !memcmp(f->ip + 20, p + 20, header_len - 20));
    f->n += n;
    dp_packet_delete(packet);
}

static void
check_fragments(const struct dp_packet *packet, const struct vrf_packet *p)
{
    struct fragments f = { .ip = dp_packet_l3(packet), .p = p };
    size_t data = p->len - p->header_len;
    bool fits;

    f.mtu = random_range(rarely(2) ? 100 : 1600);
    fits = (f.mtu >= p->header_len + 8u
            && (u16(f.ip + 6) & 0x1fff) * 8 + data <= UINT16_MAX);
    vrf_packet_fragment(packet, p, f.mtu, check_fragment, &f);
    ovs_assert(f.n == (fits ? data : 0));
}

static void
fuzz_packet(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_of[VRF_PACKET_LINK_SCOPE + 1] = { 0 };

    for (unsigned int i = 0; i < n; i++) {
        struct vrf_packet parsed, wanted;
        enum vrf_packet_fault fault;
        struct dp_packet packet;

        make_packet();
        put_at_end(&packet, in.b, in.n);
        fault = vrf_packet_parse(&packet, &parsed);
        ovs_assert(fault == read_packet(in.b, in.n, &wanted));
        n_of[fault]++;
        if (fault == VRF_PACKET_NOT_IP || fault == VRF_PACKET_BAD_HEADER) {
            continue;
        }
        ovs_assert(packets_equal(&parsed, &wanted));
        ovs_assert(dp_packet_size(&packet) == 14 + parsed.len);

        /* At its own end of memory. */
        put_at_end(&packet, in.b, 14 + parsed.len);
        ovs_assert(vrf_packet_parse(&packet, &parsed) == fault);
        check_clamp(&packet, &parsed);
        if (parsed.ttl) {
            check_ttl(&packet, &parsed);
        }
        if (parsed.family == VRF_IPV4) {
            check_fragments(&packet, &parsed);
        }
    }
    ovs_assert(n_of[VRF_PACKET_GOOD] > n / 8);
    for (size_t i = 0; i < ARRAY_SIZE(n_of); i++) {
        ovs_assert(n < 10000 || n_of[i]);
    }
    printf("%u packets\n", n);
}

/* Actions. */

static const enum ofp_version versions[] = {
    OFP10_VERSION, OFP11_VERSION, OFP12_VERSION, OFP13_VERSION, OFP14_VERSION,
    OFP15_VERSION,
};

static const char *const options[][3] = {
    { "ttl=dec", "ttl=keep" },
    { "errors=send", "errors=drop" },
    { "mss=clamp" },
};

static void
put_options(struct ds *s)
{
    size_t first = random_range(ARRAY_SIZE(options));

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        size_t which = (first + i) % ARRAY_SIZE(options);

        if (rarely(2)) {
            ds_put_format(s, ",%s",
                          options[which][which < 2 ? random_range(2) : 0]);
        }
    }
}

/* Puts a name that may be in an action; one of a few if it is to be known. */
static void
put_name(struct ds *s, bool known)
{
    size_t start = s->length;

    if (known) {
        ds_put_format(s, "v%u", random_range(100));
        return;
    }
    for (int i = random_range(14); i >= 0; i--) {
        char c;

        do {
            c = 33 + random_range(94);
        } while (strchr("()[],=\"/#", c));
        ds_put_char(s, c);
    }
    if (!strcmp(ds_cstr(s) + start, "in")) {
        ds_put_char(s, '1');
    }
}

static void
put_field(struct ds *s)
{
    const struct mf_field *mf;
    unsigned int first, last;

    do {
        mf = mf_from_id(random_range(MFF_N_IDS));
    } while (mf->variable_len);
    first = random_range(mf->n_bits);
    last = first + random_range(mf->n_bits - first);
    ds_put_format(s, "%s[%u..%u]", mf->name, first, last);
}

/* Changes characters of 's' from 'from' on, before the last one. */
static void
damage_text(struct ds *s, size_t from)
{
    static const char some[] = "()[],=\"/#:. \t0129abinNXM_-~";

    for (int i = random_range(3); i >= 0; i--) {
        size_t n = s->length - 1 - from;
        size_t at = from + (n ? random_range(n) : 0);
        char c = (rarely(4) ? 1 + random_range(255)
                  : some[random_range(sizeof some - 1)]);

        switch (n ? random_range(3) : 1) {
        case 0:
            s->string[at] = c;
            break;
        case 1:
            ds_put_char(s, 'x');
            memmove(&s->string[at + 1], &s->string[at], s->length - at - 1);
            s->string[at] = c;
            break;
        case 2:
            memmove(&s->string[at], &s->string[at + 1], s->length - at);
            s->length--;
            break;
        }
    }
}

static bool
parse_ofpacts(const char *s, struct ofpbuf *ofpacts)
{
    enum ofputil_protocol protocols;
    const struct ofpact_parse_params pp = {
        .ofpacts = ofpacts,
        .usable_protocols = &protocols,
    };
    char *error = ofpacts_parse_actions(s, &pp);
    bool ok = !error;

    ovs_assert(ok || *error);
    free(error);
    return ok;
}

/* The text of actions comes back as the same ones. */
static void
check_ofpacts_text(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpact_format_params fp = { .s = &s };
    struct ofpbuf b;

    ofpbuf_init(&b, 0);
    ofpacts_format(a->data, a->size, &fp);
    if (!parse_ofpacts(ds_cstr(&s), &b)) {
        ovs_fatal(0, "%s: cannot be read back", ds_cstr(&s));
    } else if (!ofpacts_equal(a->data, a->size, b.data, b.size)) {
        ovs_fatal(0, "%s: reads as other actions", ds_cstr(&s));
    }
    /* Files have comments. */
    ovs_assert(!strchr(ds_cstr(&s), '#'));
    ofpbuf_uninit(&b);
    ds_destroy(&s);
}

/* Decodes a copy of 'wire'. */
static bool
decode(const struct ofpbuf *wire, enum ofp_version version,
       struct ofpbuf *ofpacts)
{
    struct ofpbuf copy = ofpbuf_const_initializer(wire->data, wire->size);

    return !ofpacts_pull_openflow_actions(&copy, copy.size, version, NULL,
                                          NULL, ofpacts);
}

static void
encode(const struct ofpbuf *ofpacts, enum ofp_version version,
       struct ofpbuf *wire)
{
    ofpacts_put_openflow_actions(ofpacts->data, ofpacts->size, wire, version);
}

static bool
is_output_vrf(const struct ofpbuf *ofpacts)
{
    const struct ofpact *a = ofpacts->data;

    return (ofpacts->size && a->type == OFPACT_EXTENSION
            && (ofp_extension_of(ofpact_get_EXTENSION(a))
                == &ofp_output_vrf_class)
            && ofpact_next(a) == ofpact_end(ofpacts->data, ofpacts->size));
}

/* Each encoding of 'a' is decoded as 'a'.  One of them, damaged, is refused or
 * is another action that is encoded so; but a field has several numbers. */
static bool
check_wire(const struct ofpbuf *a)
{
    enum ofp_version version = versions[random_range(ARRAY_SIZE(versions))];
    struct ofpbuf wire, b, again;
    bool accepted;

    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        ofpbuf_init(&wire, 0);
        ofpbuf_init(&b, 0);
        encode(a, versions[i], &wire);
        ovs_assert(decode(&wire, versions[i], &b));
        ovs_assert(ofpacts_equal(a->data, a->size, b.data, b.size));
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&wire);
    }

    ofpbuf_init(&wire, 0);
    ofpbuf_init(&b, 0);
    encode(a, version, &wire);
    for (int i = random_range(3); i >= 0; i--) {
        /* Length of the body, the body, and what fills it up; not what says
         * whose action it is. */
        uint8_t *byte = wire.data;

        byte += 12 + random_range(wire.size - 12);
        *byte = rarely(2) ? random_uint8() : *byte ^ 1 << random_range(8);
    }
    accepted = decode(&wire, version, &b);
    if (accepted) {
        const uint8_t *body = wire.data;

        ovs_assert(is_output_vrf(&b));
        check_ofpacts_text(&b);
        ofpbuf_init(&again, 0);
        encode(&b, version, &again);
        if (body[16] != 1) {
            ovs_assert(ofpbuf_equal(&wire, &again));
        } else {
            struct ofpbuf c;

            ofpbuf_init(&c, 0);
            ovs_assert(decode(&again, version, &c));
            ovs_assert(ofpacts_equal(b.data, b.size, c.data, c.size));
            ofpbuf_uninit(&c);
        }
        ofpbuf_uninit(&again);
    }
    ofpbuf_uninit(&b);
    ofpbuf_uninit(&wire);
    return accepted;
}

static void
fuzz_openflow(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_texts = 0, n_wires = 0, n_refused = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        struct ofpbuf a, b;
        int which = random_range(3);

        ds_put_cstr(&s, "output_vrf(");
        if (!which) {
            put_field(&s);
        } else if (which == 1) {
            put_name(&s, false);
        } else {
            ds_put_cstr(&s, "in");
        }
        put_options(&s);
        ds_put_char(&s, ')');

        ofpbuf_init(&a, 0);
        ofpbuf_init(&b, 0);
        if (parse_ofpacts(ds_cstr(&s), &a)) {
            ovs_assert(is_output_vrf(&a));
            check_ofpacts_text(&a);
            n_wires += check_wire(&a);
        } else if (!which) {
            n_refused++;        /* OpenFlow cannot name all fields. */
        } else {
            ovs_fatal(0, "%s: refused", ds_cstr(&s));
        }

        damage_text(&s, strlen("output_vrf("));
        if (parse_ofpacts(ds_cstr(&s), &b) && is_output_vrf(&b)) {
            check_ofpacts_text(&b);
            n_wires += check_wire(&b);
            n_texts++;
        }
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&a);
        ds_destroy(&s);
    }
    ovs_assert(n_texts > n / 100 && n_texts < n);
    ovs_assert(n_wires > n / 100 && n_wires < n + n_texts);
    ovs_assert(n_refused < n / 12);
    printf("%u actions\n", n);
}

static char *
parse_match(const char *s, struct match *match)
{
    const struct mf_field *mf = mf_from_id(MFF_VRF);
    union mf_value value, mask;
    char *error = mf_parse(mf, s, NULL, &value, &mask);

    match_init_catchall(match);
    if (!error) {
        ovs_assert(mf_set(mf, &value, &mask, match, &error)
                   && mf_is_all_wild(mf, &match->wc) == !strcmp(s, "*"));
    }
    ovs_assert(!error || *error);
    return error;
}

/* The text of the match comes back as the same one. */
static void
check_match_text(const struct match *a)
{
    char *s = match_to_string(a, NULL, OFP_DEFAULT_PRIORITY);
    struct match b;

    ovs_assert(!strncmp(s, "vrf=", 4) && !strchr(s, '#'));
    s[strcspn(s, ",")] = '\0';
    if (parse_match(s + 4, &b) || !match_equal(a, &b)) {
        ovs_fatal(0, "%s: reads as something else", s);
    }
    free(s);
}

static enum ofperr
pull_match(const struct ofpbuf *wire, size_t n, struct match *match)
{
    struct ofpbuf copy = ofpbuf_const_initializer(wire->data, wire->size);

    return nx_pull_match(&copy, n, match, NULL, NULL, false, NULL, NULL);
}

/* The encoding of 'a' is decoded as 'a', and damaged, it is refused or another
 * match that is encoded so. */
static bool
check_match_wire(const struct match *a)
{
    struct ofpbuf wire, again;
    struct match b;
    bool accepted;
    uint8_t *p;
    size_t n;

    ofpbuf_init(&wire, 0);
    n = nx_put_match(&wire, a, 0, 0);
    ovs_assert(!pull_match(&wire, n, &b) && match_equal(a, &b));

    /* What is behind the header and the experimenter's number. */
    p = wire.data;
    ovs_assert(n == 8 + VRF_FIELD_SIZE);
    for (int i = random_range(3); i >= 0; i--) {
        size_t at = 8 + random_range(VRF_FIELD_SIZE);

        p[at] = rarely(2) ? random_uint8() : p[at] ^ 1 << random_range(8);
    }
    accepted = !pull_match(&wire, n, &b);
    if (accepted) {
        check_match_text(&b);
        ofpbuf_init(&again, 0);
        nx_put_match(&again, &b, 0, 0);
        ovs_assert(ofpbuf_equal(&wire, &again));
        ofpbuf_uninit(&again);
    }
    ofpbuf_uninit(&wire);
    return accepted;
}

static void
fuzz_match(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_texts = 0, n_wires = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        struct match a;
        char *error;

        /* There are not numbers for too many. */
        put_name(&s, !rarely(4));
        if (!strcmp(ds_cstr(&s), "*")) {
            ds_put_char(&s, '*');
        }
        error = parse_match(ds_cstr(&s), &a);
        if (error) {
            ovs_fatal(0, "%s: %s", ds_cstr(&s), error);
        }
        check_match_text(&a);
        n_wires += check_match_wire(&a);

        ds_put_char(&s, '.');
        damage_text(&s, 0);
        error = strcmp(ds_cstr(&s), "*") ? parse_match(ds_cstr(&s), &a) : NULL;
        if (!error && strcmp(ds_cstr(&s), "*")) {
            check_match_text(&a);
            n_texts++;
        }
        free(error);
        ds_destroy(&s);
    }
    ovs_assert(n_texts > n / 100 && n_texts < n);
    ovs_assert(n_wires > n / 100 && n_wires < n);
    printf("%u matches\n", n);
}

/* When there are as many names as may be, another one is refused, in text and
 * on the wire, and does not become the default VRF. */
static void
test_names(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    union mf_value other = { .b = "other" };
    struct match match;
    char *error;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    for (int i = 1; i <= VRF_MAX_NAMES; i++) {
        char name[VRF_NAME_SIZE];

        snprintf(name, sizeof name, "v%d", i);
        ovs_assert(vrf_id_of_name(name) == i);
        ovs_assert(!strcmp(vrf_id_to_name(i), name));
    }
    ovs_assert(!parse_match("v65534", &match));
    ovs_assert(match.flow.tunnel.vrf == VRF_MAX_NAMES);
    check_match_text(&match);
    error = parse_match("other", &match);
    ovs_assert(error && strstr(error, "\"other\""));
    free(error);
    ovs_assert(!mf_is_value_valid(mf_from_id(MFF_VRF), &other));
    ovs_assert(!vrf_id_of_name("other"));
    printf("%d names\n", VRF_MAX_NAMES);
}

/* The attribute of 'a' has a text that is read as the same attribute, or
 * none. */
static bool
check_attribute(const struct ofpbuf *a)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ofpbuf b;
    bool good;

    ofpbuf_init(&b, 0);
    format_odp_actions(&s, a->data, a->size, NULL);
    good = !strchr(ds_cstr(&s), '<') || !strstr(ds_cstr(&s), "<error");
    if (odp_actions_from_string(ds_cstr(&s), NULL, &b) ? good
        : !good || !ofpbuf_equal(a, &b)) {
        ovs_fatal(0, "%s: reads as something else", ds_cstr(&s));
    }
    ofpbuf_uninit(&b);
    ds_destroy(&s);
    return good;
}

static void
put_random_payload(struct ofpbuf *actions)
{
    struct ovs_action_vrf *a = odp_extension_put(actions, &odp_vrf_class);
    struct ds name = DS_EMPTY_INITIALIZER;

    a->id = rarely(2) ? random_uint32() : random_range(100);
    a->flags = random_range(rarely(8) ? 9 : 8);
    a->mark = rarely(2) ? 0 : random_uint32();
    if (!rarely(4)) {
        put_name(&name, rarely(2));
        memcpy(a->name, ds_cstr(&name), name.length);
    }
    if (rarely(4)) {
        ((uint8_t *) a)[random_range(sizeof *a)] = random_uint8();
    }
    ds_destroy(&name);
}

static void
fuzz_datapath(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_good = 0, n_texts = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        const void *payload;
        struct ofpbuf a, b;
        struct nlattr *nla;

        ofpbuf_init(&a, 0);
        ofpbuf_init(&b, 0);
        put_random_payload(&a);
        n_good += check_attribute(&a);

        /* Of another size, it is nobody's. */
        nla = (void *) ((char *) a.data + NLA_HDRLEN);
        nla->nla_len = NLA_HDRLEN + random_range(40);
        ovs_assert(nla->nla_len == NLA_HDRLEN + sizeof(struct ovs_action_vrf)
                   || (odp_extension_unpack(a.data, &payload)
                       != &odp_vrf_class));

        ds_put_cstr(&s, "vrf(");
        ds_put_cstr(&s, "name=");
        put_name(&s, true);
        ds_put_format(&s, ",id=%u", random_range(100));
        put_options(&s);
        ds_put_char(&s, ')');
        damage_text(&s, strlen("vrf("));
        if (!odp_actions_from_string(ds_cstr(&s), NULL, &b)
            && b.size == a.size) {
            ovs_assert(check_attribute(&b));
            n_texts++;
        }
        ofpbuf_uninit(&b);
        ofpbuf_uninit(&a);
        ds_destroy(&s);
    }
    ovs_assert(n_good > n / 8 && n_good < n);
    ovs_assert(n_texts > n / 100 && n_texts < n);
    printf("%u actions\n", n);
}

static void
test_vrf_fuzz_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "quote", "N [SEED]", 1, 2, fuzz_quote, OVS_RO },
        { "packet", "N [SEED]", 1, 2, fuzz_packet, OVS_RO },
        { "openflow", "N [SEED]", 1, 2, fuzz_openflow, OVS_RO },
        { "match", "N [SEED]", 1, 2, fuzz_match, OVS_RO },
        { "names", NULL, 0, 0, test_names, OVS_RO },
        { "datapath", "N [SEED]", 1, 2, fuzz_datapath, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    fatal_signal_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-fuzz", test_vrf_fuzz_main);
