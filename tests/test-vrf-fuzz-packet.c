/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-fuzz-packet quote|packet N [SEED]
 *
 * N random packets, most of which are nearly right, for what reads them where
 * there are VRFs.  A packet ends where memory ends, so that whoever reads
 * beyond it dies.
 *
 * "quote" is about ICMP errors that quote packets of tunnels, "packet" about
 * what a router reads and changes: both are compared with what a simple reader
 * here says. */

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
#include "openvswitch/extension-abi.h"
#include "packets.h"
#include "random.h"
#include "test-vrf-fuzz.h"
#include "util.h"
#include "vrf-packet.h"
#include "vrf-quote.h"
#include "vrf-take.h"

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

/* Is 'src' one that short cuts leave to others, though a packet may have
 * it? */
static bool
is_odd_source(const struct vrf_packet *p)
{
    return p->family == VRF_IPV6 && !(p->src.hi >> 48);
}

/* What the short cut says of the packet 'in', of which 'p' and 'fault' are all
 * there is to say; see vrf-take.h.  Returns whether it is taken. */
static bool
check_take(const struct vrf_packet *p, enum vrf_packet_fault fault)
{
    const struct ovs_action_vrf action = {
        .flags = random_range(OVS_VRF_F_ALL + 1)
    };
    const bool keep = action.flags & OVS_VRF_F_TTL_KEEP;
    enum vrf_family family = rarely(2) ? VRF_IPV4 : VRF_IPV6;
    const struct eth_addr macs[2] = {
        ETH_ADDR_C(02,00,00,00,00,01), ETH_ADDR_C(02,00,00,00,00,02)
    };
    static uint8_t was[sizeof in.b];
    struct dp_packet packet;
    struct vrf_taker t;
    struct vrf_take k;
    const uint8_t *is;
    bool takes, is_tcp, bad_source;

    put_at_end(&packet, in.b, in.n);
    pkt_metadata_init(&packet.md, u32_to_odp(1));
    vrf_taker_init(&t, &action, 0);
    takes = vrf_take_check(&t, family, &packet, &k);
    if (fault == VRF_PACKET_NOT_IP || fault == VRF_PACKET_BAD_HEADER) {
        ovs_assert(!takes);
        return false;
    }
    is_tcp = p->proto == IPPROTO_TCP;
    bad_source = (fault == VRF_PACKET_BAD_SRC || is_odd_source(p)
                  || (p->family == VRF_IPV6
                      && p->src.hi >> 54 == 0xfe80 >> 6));
    is = in.b + 14 + p->header_len;
    k.tcp_flags = takes ? k.tcp_flags : 0;
    ovs_assert(takes == (p->family == family && !p->fragment && !bad_source
                         && !(p->family == VRF_IPV4 && u16(in.b + 20) >> 15)
                         && p->header_len == vrf_take_header_len(family)
                         && p->ttl > !keep
                         && (family == VRF_IPV4 || is_tcp
                             || p->proto == IPPROTO_UDP)
                         && !(is_tcp && p->len >= p->header_len + 20u
                              && action.flags & OVS_VRF_F_MSS_CLAMP
                              && is[13] & TCP_SYN)));
    if (!takes) {
        return false;
    }
    const struct vrf_addr dst = vrf_take_dst(family, &packet);

    ovs_assert(k.len == p->len && dp_packet_size(&packet) == 14 + p->len);
    ovs_assert(vrf_addr_equal(&dst, &p->dst));
    ovs_assert(vrf_take_tos(family, &packet) == p->tos);
    ovs_assert(k.tcp_flags == (is_tcp && p->len >= p->header_len + 20u
                               ? u16(is + 12) & 0x0fff : 0));

    memcpy(was, in.b, 14 + p->len);
    memcpy(was, macs, sizeof macs);
    was[14 + (family == VRF_IPV4 ? 8 : 7)] -= !keep;
    vrf_take_put_on_way(&t, family, &packet, macs, u32_to_odp(2));
    is = dp_packet_data(&packet);
    if (family == VRF_IPV4) {
        ovs_assert(sum_of(is + 14, 20) == 0xffff);
        memcpy(was + 24, is + 24, 2);
    }
    ovs_assert(!memcmp(is, was, 14 + p->len));
    ovs_assert(packet.md.in_port.odp_port == u32_to_odp(2));
    ovs_assert(dp_packet_l3(&packet) == is + 14);
    ovs_assert(dp_packet_l4(&packet) == is + 14 + p->header_len);
    return true;
}

static void
fuzz_packet(struct ovs_cmdl_context *ctx)
{
    unsigned int n = begin(ctx), n_of[VRF_PACKET_LINK_SCOPE + 1] = { 0 };
    unsigned int n_taken = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct vrf_packet parsed, wanted;
        enum vrf_packet_fault fault;
        struct dp_packet packet;

        make_packet();
        put_at_end(&packet, in.b, in.n);
        fault = vrf_packet_parse(&packet, &parsed);
        ovs_assert(fault == read_packet(in.b, in.n, &wanted));
        n_of[fault]++;
        n_taken += check_take(&wanted, fault);
        if (fault == VRF_PACKET_NOT_IP || fault == VRF_PACKET_BAD_HEADER) {
            continue;
        }
        put_at_end(&packet, in.b, in.n);
        ovs_assert(vrf_packet_parse(&packet, &parsed) == fault);
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
    ovs_assert(n_of[VRF_PACKET_GOOD] > n / 8 && n_taken > n / 32);
    for (size_t i = 0; i < ARRAY_SIZE(n_of); i++) {
        ovs_assert(n < 10000 || n_of[i]);
    }
    printf("%u packets\n", n);
}

static void
test_vrf_fuzz_packet_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "quote", "N [SEED]", 1, 2, fuzz_quote, OVS_RO },
        { "packet", "N [SEED]", 1, 2, fuzz_packet, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    fatal_signal_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-fuzz-packet", test_vrf_fuzz_packet_main);
