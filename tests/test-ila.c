/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the ILA arithmetic (lib/ila.c): the vectors of the specification
 * and properties of random packets. */

#include <config.h>
#undef NDEBUG
#include "ila.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "byte-order.h"
#include "command-line.h"
#include "ila-vectors.h"
#include "openvswitch/dynamic-string.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

/* A page whose successor cannot be touched.  A packet is put at its end, so
 * that one byte too far is a fault with any compiler. */
#define GUARD_SIZE 4096
static uint8_t *guard;

static void
guard_init(void)
{
    uint8_t *pages;

    ovs_assert(getpagesize() <= GUARD_SIZE);
    pages = mmap(NULL, 2 * GUARD_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ovs_assert(pages != MAP_FAILED);
    ovs_assert(!mprotect(pages + GUARD_SIZE, GUARD_SIZE, PROT_NONE));
    guard = pages;
}

/* Copies the 'size' bytes at 'data' to the end of the guard page. */
static uint8_t *
guard_put(const void *data, size_t size)
{
    uint8_t *p = guard + GUARD_SIZE - size;

    ovs_assert(size <= GUARD_SIZE);
    memcpy(p, data, size);
    return p;
}

static void
print_hex(const char *title, const uint8_t *data, size_t size)
{
    printf("%s: ", title);
    for (size_t i = 0; i < size; i++) {
        printf("%02x", data[i]);
    }
    putchar('\n');
}

/* vectors */

/* How many vectors of the file, and how many of their inverses, are for the
 * pure core: exactly one mapping, and that one by locator only.  A file that
 * lost some must not pass unnoticed. */
enum { N_VECTORS = 41, N_INVERSES = 38 };

/* Does to the packet 'in' (in hexadecimal) what a table with the only mapping
 * 'match_locator' to 'xlat' does, and compares with 'expected', NULL if the
 * packet is to be dropped.  If nonnull, 'verdict' is what the file says. */
static bool
run_vector(const char *id, const struct ila_xlat *xlat,
           ovs_be64 match_locator, const char *in, bool l4_partial,
           const char *expected, const char *verdict)
{
    uint8_t data[GUARD_SIZE], exp[GUARD_SIZE];
    size_t size = from_hex(in, data, sizeof data);
    struct ila_packet packet = { .ip6 = guard_put(data, size), .size = size,
                                 .l4_partial = l4_partial };
    const char *got = "pass";

    ovs_assert(size >= 40);
    if (!memcmp(&packet.ip6[24], &match_locator, sizeof match_locator)) {
        enum ila_l4 l4;

        switch (ila_translate_packet(xlat, &packet, &l4)) {
        case ILA_TRANSLATED:
            got = "translate";
            break;
        case ILA_DROP_CBIT:
            got = "drop";
            break;
        case ILA_PASS_MULTICAST:
        case ILA_PASS_TYPE:
        case ILA_PASS_MALFORMED:
            break;
        }
    }

    if (verdict && strcmp(verdict, got)) {
        printf("%s: verdict is %s, expected %s\n", id, got, verdict);
        return false;
    }
    if (!expected) {
        /* A dropped packet is left as it was. */
        return !strcmp(got, "drop") && !memcmp(packet.ip6, data, size);
    }

    if (from_hex(expected, exp, sizeof exp) != size
        || memcmp(packet.ip6, exp, size)) {
        printf("%s: %s\n", id, verdict ? "mismatch" : "inverse: mismatch");
        print_hex("expected", exp, size);
        print_hex("     got", packet.ip6, size);
        return false;
    }
    return true;
}

static void
test_vectors(struct ovs_cmdl_context *ctx)
{
    int n_vectors = 0, n_inverses = 0, n_skipped = 0, n_errors = 0;
    struct json *file = json_from_file(ctx->argv[1]);
    const struct json *vectors;

    if (file->type != JSON_OBJECT) {
        ovs_fatal(0, "%s: %s", ctx->argv[1],
                  file->type == JSON_STRING ? json_string(file)
                  : "not an object");
    }

    guard_init();
    vectors = member(file, "vectors");
    ovs_assert(vectors && vectors->type == JSON_ARRAY);
    for (size_t i = 0; i < vectors->array.n; i++) {
        const struct json *v = vectors->array.elems[i];
        const struct json *table = member(v, "table");
        const struct json *entry = table->array.elems[0];
        const struct json *partial = member(v, "l4_partial");
        const char *id = member_string(v, "id");
        const char *inverse = member_string(v, "inverse");
        const char *out = member_string(v, "out");
        struct ila_xlat xlat = { .field = ILA_FIELD_DST,
                                 .ident_type = ILA_IDENT_LUID };
        bool l4_partial = partial->type == JSON_TRUE;
        ovs_be64 match_locator;

        if (table->array.n != 1 || member(entry, "in_port")
            || member(entry, "identifier") || member(v, "icmp_inner")) {
            n_skipped++;
            continue;
        }

        match_locator = locator_of(member_string(entry, "match_locator"));
        xlat.locator = locator_of(member_string(entry, "locator"));
        xlat.dir = (!strcmp(member_string(entry, "direction"), "ila2sir")
                    ? ILA_DIR_IN : ILA_DIR_OUT);
        if (!ila_csum_mode_from_string(member_string(entry, "csum_mode"),
                                       &xlat.csum_mode)) {
            ovs_fatal(0, "%s: unknown csum_mode", id);
        }

        n_vectors++;
        n_errors += !run_vector(id, &xlat, match_locator,
                                member_string(v, "in"), l4_partial, out,
                                member_string(v, "verdict"));
        if (out && inverse) {
            ovs_be64 locator = xlat.locator;

            xlat.locator = match_locator;
            xlat.dir = xlat.dir == ILA_DIR_IN ? ILA_DIR_OUT : ILA_DIR_IN;
            n_inverses++;
            n_errors += !run_vector(id, &xlat, locator, out, l4_partial,
                                    inverse, NULL);
        }
    }
    json_destroy(file);

    printf("%d vectors, %d inverses, %d need a table and were skipped\n",
           n_vectors, n_inverses, n_skipped);
    if (n_vectors != N_VECTORS || n_inverses != N_INVERSES) {
        ovs_fatal(0, "expected %d vectors and %d inverses",
                  N_VECTORS, N_INVERSES);
    }
    if (n_errors) {
        ovs_fatal(0, "%d mismatches", n_errors);
    }
}

/* properties
 *
 * Packets are made together with a description of their shape.  What a
 * translation has to do to a packet follows from the description, never from
 * the bytes, so that the walk over the headers is not tested against another
 * walk. */

enum ext_kind {
    EXT_HOPOPTS,
    EXT_DSTOPTS,
    EXT_ROUTING_DONE,           /* No segments left. */
    EXT_ROUTING,                /* Segments left. */
    EXT_AH,
    EXT_FRAG_ATOMIC,            /* Offset 0, no more fragments. */
    EXT_FRAG_FIRST,
    EXT_FRAG_LATER,
    N_EXT_KINDS
};

enum { MAX_EXTS = 4, MAX_SIZE = 1280 };

struct shape {
    uint8_t bytes[MAX_SIZE];
    size_t size;

    struct {
        enum ext_kind kind;
        size_t ofs, len;
    } exts[MAX_EXTS];
    int n_exts;

    uint8_t proto;              /* After the extension headers. */
    size_t l4_ofs;
    size_t csum_ofs;            /* 0 if no checksum covers the addresses. */
    size_t min_len;             /* Of a complete L4 header. */
    bool udp0;                  /* UDP without checksum. */
    bool later;                 /* L4 is in another fragment. */
    uint8_t rest[64];           /* What the other fragments have. */
    size_t rest_len;
    bool segments_left;         /* L4 is for 'final', not for ipv6_dst. */
    uint8_t final[16];
};

static uint64_t n_kinds[N_EXT_KINDS];
static uint64_t n_l4s[ILA_L4_TRUNCATED + 1];

static uint16_t
get16(const uint8_t *p)
{
    return p[0] * 256 + p[1];
}

static void
put16(uint8_t *p, unsigned int x)
{
    p[0] = x / 256;
    p[1] = x % 256;
}

/* Fills 'n' bytes, an even number, with words among which the two zeros are
 * frequent. */
static void
random_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        uint32_t r = random_uint32();

        put16(&p[i], r >> 16 & 7 ? r & 0xffff : r >> 19 & 1 ? 0xffff : 0);
    }
}

static uint8_t *
shape_put(struct shape *s, size_t n)
{
    uint8_t *p = &s->bytes[s->size];

    ovs_assert(s->size + n <= sizeof s->bytes);
    random_fill(p, n);
    s->size += n;
    return p;
}

/* The sum of RFC 1071 by another road than the code under test: one's
 * complement arithmetic of 16 bits is arithmetic modulo 65535, where the two
 * zeros are the same. */
static uint64_t
sum_words(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : p[i] * 256;
    }
    return sum % 65535;
}

/* RFC 8200, 8.1. */
static uint64_t
sum_pseudo(const struct shape *s, const uint8_t *ip6)
{
    uint32_t len = s->size - s->l4_ofs + s->rest_len;

    return (sum_words(&ip6[8], 16)
            + sum_words(s->segments_left ? s->final : &ip6[24], 16)
            + (len >> 16) + (len & 0xffff) + s->proto) % 65535;
}

static uint64_t
sum_l4(const struct shape *s, const uint8_t *ip6)
{
    return (sum_words(&ip6[s->l4_ofs], s->size - s->l4_ofs)
            + sum_words(s->rest, s->rest_len)) % 65535;
}

/* Does the receiver of 'ip6', a packet of shape 's', accept its checksum? */
static bool
csum_verifies(const struct shape *s, const uint8_t *ip6)
{
    return !((sum_pseudo(s, ip6) + sum_l4(s, ip6)) % 65535);
}

/* Stores the checksum in 'ip6', a packet of shape 's'.  With 'partial', only
 * the sum of the pseudo-header. */
static void
put_csum(const struct shape *s, uint8_t *ip6, bool partial)
{
    uint8_t *csum = &ip6[s->csum_ofs];

    put16(csum, 0);
    if (partial) {
        put16(csum, sum_pseudo(s, ip6));
    } else {
        /* Between 1 and 65535, as UDP wants it. */
        put16(csum, 65535 - (sum_pseudo(s, ip6) + sum_l4(s, ip6)) % 65535);
    }
}

/* What the device does at last to a packet with a partial checksum. */
static void
finish_csum(const struct shape *s, uint8_t *ip6)
{
    put16(&ip6[s->csum_ofs], 65535 - sum_l4(s, ip6));
}

static void
shape_put_ext(struct shape *s, enum ext_kind kind, uint8_t **nexthdr)
{
    static const uint8_t protos[N_EXT_KINDS] = {
        0, 60, 43, 43, 51, 44, 44, 44
    };
    size_t units = random_range(4);
    size_t ofs = s->size;
    uint8_t *p;

    **nexthdr = protos[kind];
    switch (kind) {
    case EXT_HOPOPTS:
    case EXT_DSTOPTS:
        p = shape_put(s, 8 * (units + 1));
        p[1] = units;
        break;

    case EXT_ROUTING_DONE:
    case EXT_ROUTING:
        units++;
        p = shape_put(s, 8 + 16 * units);
        p[1] = 2 * units;
        p[2] = 0;
        p[3] = 0;
        if (kind == EXT_ROUTING) {
            p[3] = 1 + random_range(units);
            s->segments_left = true;
            memcpy(s->final, &p[8 + 16 * (units - 1)], 16);
        }
        break;

    case EXT_AH:
        p = shape_put(s, 4 * (units + 2));
        p[1] = units;
        break;

    case EXT_FRAG_ATOMIC:
    case EXT_FRAG_FIRST:
    case EXT_FRAG_LATER:
        p = shape_put(s, 8);
        if (kind == EXT_FRAG_LATER) {
            /* One bit of the offset makes it a later fragment. */
            put16(&p[2], 8 << random_range(13) | random_range(8));
            s->later = true;
        } else {
            /* The reserved bits say nothing. */
            put16(&p[2], random_range(4) << 1 | (kind == EXT_FRAG_FIRST));
        }
        if (kind == EXT_FRAG_FIRST) {
            s->rest_len = 2 * random_range(sizeof s->rest / 2);
            random_fill(s->rest, s->rest_len);
        }
        break;

    case N_EXT_KINDS:
    default:
        OVS_NOT_REACHED();
    }
    *nexthdr = p;

    s->exts[s->n_exts].kind = kind;
    s->exts[s->n_exts].ofs = ofs;
    s->exts[s->n_exts].len = s->size - ofs;
    s->n_exts++;
    n_kinds[kind]++;
}

/* Makes a random packet with a right checksum.  With 'need_csum', one whose
 * checksum covers the addresses and is in one piece with its payload. */
static void
random_shape(struct shape *s, bool need_csum)
{
    static const uint8_t others[] = { 132, 50, 89, 59, 136, 33, 135, 254 };
    bool fragment = false;
    uint8_t *nexthdr;
    int n_exts;

    s->size = s->n_exts = s->rest_len = s->csum_ofs = s->min_len = 0;
    s->udp0 = s->later = s->segments_left = false;

    shape_put(s, 40);
    s->bytes[0] = 0x60 | (s->bytes[0] & 0xf);
    for (int ofs = 8; ofs <= 24; ofs += 16) {
        /* Both addresses may have to be translated. */
        if (s->bytes[ofs] == 0xff) {
            s->bytes[ofs] = 0x20;
        }
    }

    nexthdr = &s->bytes[6];
    n_exts = random_range(4) ? random_range(MAX_EXTS + 1) : 0;
    while (s->n_exts < n_exts && !s->later) {
        enum ext_kind kind = random_range(N_EXT_KINDS);

        if (kind >= EXT_FRAG_ATOMIC) {
            if (fragment || (need_csum && kind != EXT_FRAG_ATOMIC)) {
                continue;
            }
            fragment = true;
        }
        shape_put_ext(s, kind, &nexthdr);
    }

    s->l4_ofs = s->size;
    switch (random_range(need_csum ? 3 : 5)) {
    case 0:
        s->proto = 6;
        s->min_len = 20;
        s->csum_ofs = s->l4_ofs + 16;
        break;
    case 1:
        s->proto = 17;
        s->min_len = 8;
        s->csum_ofs = s->l4_ofs + 6;
        break;
    case 2:
        s->proto = 58;
        s->min_len = 8;
        s->csum_ofs = s->l4_ofs + 2;
        break;
    case 3:
        s->proto = 17;
        s->min_len = 8;
        s->csum_ofs = s->l4_ofs + 6;
        s->udp0 = true;
        break;
    case 4:
        s->proto = others[random_range(ARRAY_SIZE(others))];
        break;
    }
    *nexthdr = s->proto;
    shape_put(s, s->min_len + 2 * random_range(24));
    if (!s->rest_len && !s->later && s->csum_ofs && random_range(2)) {
        s->size--;              /* An odd length. */
        if (s->size < s->l4_ofs + s->min_len) {
            s->size++;
        }
    }
    put16(&s->bytes[4], s->size - 40);
    if (s->csum_ofs && !s->later) {
        if (s->udp0) {
            put16(&s->bytes[s->csum_ofs], 0);
        } else {
            put_csum(s, s->bytes, false);
        }
    }
}

/* What a mode that adjusts the transport checksum must report for the first
 * 'end' bytes of 's'. */
static enum ila_l4
expected_l4(const struct shape *s, enum ila_field field, size_t end,
            bool partial)
{
    for (int i = 0; i < s->n_exts; i++) {
        size_t ofs = s->exts[i].ofs;

        if (end < ofs + 8) {
            return ILA_L4_TRUNCATED;
        }
        if (s->exts[i].kind == EXT_FRAG_LATER
            || (s->exts[i].kind == EXT_ROUTING && field == ILA_FIELD_DST)) {
            return ILA_L4_UNTOUCHED;
        }
        if (end < ofs + s->exts[i].len) {
            return ILA_L4_TRUNCATED;
        }
    }
    return (!s->csum_ofs ? ILA_L4_UNKNOWN
            : end < s->l4_ofs + s->min_len ? ILA_L4_TRUNCATED
            : s->udp0 && !partial ? ILA_L4_UNTOUCHED
            : ILA_L4_ADJUSTED);
}

/* Are 'a' and 'b', both 'size' bytes, equal except in the 'len' bytes at
 * 'ofs' and the 'len2' bytes at 'ofs2'? */
static bool
equal_except(const uint8_t *a, const uint8_t *b, size_t size,
             size_t ofs, size_t len, size_t ofs2, size_t len2)
{
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i] && i - ofs >= len && i - ofs2 >= len2) {
            return false;
        }
    }
    return true;
}

static size_t
addr_ofs(enum ila_field field)
{
    return field == ILA_FIELD_SRC ? 8 : 24;
}

static void
random_xlat(struct ila_xlat *xlat, enum ila_csum_mode csum_mode)
{
    memset(xlat, 0, sizeof *xlat);
    uint8_t locator[8];

    random_fill(locator, sizeof locator);
    if (locator[0] == 0xff) {
        locator[0] = 0x20;      /* Translated back later. */
    }
    memcpy(&xlat->locator, locator, sizeof xlat->locator);
    xlat->csum_mode = csum_mode;
    xlat->dir = random_range(2) ? ILA_DIR_IN : ILA_DIR_OUT;
    xlat->field = random_range(2) ? ILA_FIELD_SRC : ILA_FIELD_DST;
    xlat->ident_type = ILA_IDENT_LUID;
}

static struct ila_xlat
inverse_xlat(const struct ila_xlat *xlat, const uint8_t *ip6)
{
    struct ila_xlat inverse = *xlat;

    memcpy(&inverse.locator, &ip6[addr_ofs(xlat->field)],
           sizeof inverse.locator);
    inverse.dir = xlat->dir == ILA_DIR_IN ? ILA_DIR_OUT : ILA_DIR_IN;
    return inverse;
}

/* Neutral modes: translating to the underlay and back gives the packet, and
 * 0000 in the adjusted word comes back as ffff. */
static bool
prop_neutral_inverse(void)
{
    struct ila_xlat xlat, inverse;
    struct ila_packet packet;
    struct shape s;
    enum ila_l4 l4;
    size_t addr;

    random_shape(&s, false);
    random_xlat(&xlat, random_range(2) ? ILA_CSUM_NEUTRAL_MAP
                : ILA_CSUM_NEUTRAL_MAP_AUTO);
    xlat.dir = ILA_DIR_OUT;
    addr = addr_ofs(xlat.field);
    if (xlat.csum_mode == ILA_CSUM_NEUTRAL_MAP) {
        s.bytes[addr + 8] &= ~0x10;
    }

    inverse = inverse_xlat(&xlat, s.bytes);
    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = random_range(2);
    if (ila_translate_packet(&xlat, &packet, &l4) != ILA_TRANSLATED
        || l4 != ILA_L4_UNTOUCHED
        || ila_translate_packet(&inverse, &packet, &l4) != ILA_TRANSLATED
        || l4 != ILA_L4_UNTOUCHED) {
        return false;
    }
    if (!get16(&s.bytes[addr + 14])) {
        put16(&s.bytes[addr + 14], 0xffff);
    }
    return !memcmp(packet.ip6, s.bytes, s.size);
}

/* Neutral modes: the sum over the words of the address stays, in either
 * direction, and nothing else changes. */
static bool
prop_neutral_sum(void)
{
    enum ila_verdict verdict;
    struct ila_packet packet;
    struct ila_xlat xlat;
    struct shape s;
    enum ila_l4 l4;
    size_t addr;
    bool auto_, c;

    random_shape(&s, false);
    random_xlat(&xlat, random_range(2) ? ILA_CSUM_NEUTRAL_MAP
                : ILA_CSUM_NEUTRAL_MAP_AUTO);
    addr = addr_ofs(xlat.field);
    auto_ = xlat.csum_mode == ILA_CSUM_NEUTRAL_MAP_AUTO;
    c = s.bytes[addr + 8] & 0x10;

    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = random_range(2);
    verdict = ila_translate_packet(&xlat, &packet, &l4);
    if (l4 != ILA_L4_UNTOUCHED) {
        return false;
    }

    if (!auto_ && xlat.dir == ILA_DIR_OUT && c) {
        return (verdict == ILA_DROP_CBIT
                && !memcmp(packet.ip6, s.bytes, s.size));
    }
    if (verdict != ILA_TRANSLATED
        || memcmp(&packet.ip6[addr], &xlat.locator, 8)) {
        return false;
    }
    if (!auto_ && xlat.dir == ILA_DIR_IN && !c) {
        return equal_except(packet.ip6, s.bytes, s.size, addr, 8, 0, 0);
    }
    if ((packet.ip6[addr + 8] ^ s.bytes[addr + 8]) != (auto_ ? 0 : 0x10)) {
        return false;
    }
    s.bytes[addr + 8] = packet.ip6[addr + 8];
    return (equal_except(packet.ip6, s.bytes, s.size,
                         addr, 8, addr + 14, 2)
            && (sum_words(&packet.ip6[addr], 16)
                == (sum_words(&s.bytes[addr], 16)
                    + (auto_ ? 0 : c ? 0x1000 : 0xefff)) % 65535));
}

/* adj-transport: a checksum that was right stays right, and nothing but the
 * locator and the checksum changes. */
static bool
prop_adj_scratch(void)
{
    enum ila_l4 l4, expected;
    struct ila_packet packet;
    struct ila_xlat xlat;
    struct shape s;
    size_t addr;

    random_shape(&s, false);
    random_xlat(&xlat, ILA_CSUM_ADJ_TRANSPORT);
    addr = addr_ofs(xlat.field);
    expected = expected_l4(&s, xlat.field, s.size, false);

    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = false;
    if (ila_translate_packet(&xlat, &packet, &l4) != ILA_TRANSLATED
        || l4 != expected
        || memcmp(&packet.ip6[addr], &xlat.locator, 8)
        || !equal_except(packet.ip6, s.bytes, s.size, addr, 8,
                         s.csum_ofs, l4 == ILA_L4_ADJUSTED ? 2 : 0)) {
        return false;
    }
    n_l4s[l4]++;

    if (s.udp0 || s.later || !s.csum_ofs) {
        return true;
    }
    return (csum_verifies(&s, packet.ip6)
            && (s.proto != 17 || get16(&packet.ip6[s.csum_ofs])));
}

/* Partial checksums: finished after the translation, they are what the
 * translation of the finished packet has. */
static bool
prop_partial(void)
{
    static const enum ila_csum_mode modes[] = {
        ILA_CSUM_ADJ_TRANSPORT, ILA_CSUM_NEUTRAL_MAP,
        ILA_CSUM_NEUTRAL_MAP_AUTO
    };
    enum ila_csum_mode mode = modes[random_range(ARRAY_SIZE(modes))];
    bool adjusts = mode == ILA_CSUM_ADJ_TRANSPORT;
    struct ila_packet packet;
    struct ila_xlat xlat;
    enum ila_l4 l4;
    struct shape s;
    size_t addr;

    random_shape(&s, true);
    random_xlat(&xlat, mode);
    addr = addr_ofs(xlat.field);
    if (mode == ILA_CSUM_NEUTRAL_MAP) {
        bool c = xlat.dir == ILA_DIR_IN;

        s.bytes[addr + 8] = (s.bytes[addr + 8] & ~0x10) | (c ? 0x10 : 0);
    }
    put_csum(&s, s.bytes, true);

    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = true;
    if (ila_translate_packet(&xlat, &packet, &l4) != ILA_TRANSLATED) {
        return false;
    }
    if (l4 != (adjusts ? expected_l4(&s, xlat.field, s.size, true)
               : ILA_L4_UNTOUCHED)) {
        return false;
    }
    if (l4 == ILA_L4_UNTOUCHED
        && get16(&packet.ip6[s.csum_ofs]) != get16(&s.bytes[s.csum_ofs])) {
        return false;
    }
    finish_csum(&s, packet.ip6);

    /* In the neutral modes with segments left, too: neither the destination
     * nor its change is in the pseudo-header. */
    return csum_verifies(&s, packet.ip6);
}

/* no-action: the locator is all that changes, there and back.  A partial
 * checksum that is finished in between is right in the end. */
static bool
prop_no_action(void)
{
    bool partial = random_range(2);
    struct ila_xlat xlat, inverse;
    struct ila_packet packet;
    struct shape s;
    enum ila_l4 l4;

    random_shape(&s, partial);
    random_xlat(&xlat, ILA_CSUM_NO_ACTION);
    inverse = inverse_xlat(&xlat, s.bytes);
    if (partial) {
        put_csum(&s, s.bytes, true);
    }
    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = partial;
    if (ila_translate_packet(&xlat, &packet, &l4) != ILA_TRANSLATED
        || l4 != ILA_L4_UNTOUCHED
        || memcmp(&packet.ip6[addr_ofs(xlat.field)], &xlat.locator, 8)
        || !equal_except(packet.ip6, s.bytes, s.size,
                         addr_ofs(xlat.field), 8, 0, 0)) {
        return false;
    }
    if (partial) {
        finish_csum(&s, packet.ip6);
        packet.l4_partial = false;
    }
    return (ila_translate_packet(&inverse, &packet, &l4) == ILA_TRANSLATED
            && (partial ? csum_verifies(&s, packet.ip6)
                : !memcmp(packet.ip6, s.bytes, s.size)));
}

/* ila_translate_addr() and ila_translate_packet() agree, also about the
 * addresses that are not translated. */
static bool
prop_address_agrees(void)
{
    enum ila_verdict verdict, expected;
    struct ila_packet packet;
    struct in6_addr in6;
    struct ila_xlat xlat;
    struct shape s;
    enum ila_l4 l4;
    uint8_t *addr;

    random_shape(&s, false);
    random_xlat(&xlat, random_range(4));
    xlat.ident_type = (random_range(2) ? ILA_IDENT_USE_FORMAT
                       : ILA_IDENT_LUID);
    addr = &s.bytes[addr_ofs(xlat.field)];
    if (!random_range(8)) {
        addr[0] = 0xff;
    }
    if (random_range(2)) {
        addr[8] = (addr[8] & 0x1f) | 0x20;
    }

    expected = (addr[0] == 0xff ? ILA_PASS_MULTICAST
                : (xlat.ident_type == ILA_IDENT_USE_FORMAT
                   && addr[8] >> 5 != 1) ? ILA_PASS_TYPE
                : (xlat.csum_mode == ILA_CSUM_NEUTRAL_MAP
                   && xlat.dir == ILA_DIR_OUT
                   && addr[8] & 0x10) ? ILA_DROP_CBIT
                : ILA_TRANSLATED);

    memcpy(&in6, addr, sizeof in6);
    verdict = ila_translate_addr(&xlat, &in6);
    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = random_range(2);
    if (verdict != expected
        || ila_translate_packet(&xlat, &packet, &l4) != verdict
        || memcmp(&packet.ip6[addr_ofs(xlat.field)], &in6, sizeof in6)) {
        return false;
    }
    return (verdict == ILA_TRANSLATED
            || (l4 == ILA_L4_UNTOUCHED
                && !memcmp(packet.ip6, s.bytes, s.size)));
}

/* A packet that ends anywhere, by its payload length or by its bytes, is
 * adjusted if and only if the checksum is in it, and no byte outside it is
 * touched.  Noise does no harm. */
static bool
prop_cut_off(void)
{
    struct ila_packet packet;
    struct ila_xlat xlat;
    uint8_t whole[2];
    size_t cut, end;
    enum ila_l4 l4;
    struct shape s;
    size_t addr;

    random_shape(&s, false);
    random_xlat(&xlat, ILA_CSUM_ADJ_TRANSPORT);
    addr = addr_ofs(xlat.field);
    if (!random_range(4)) {
        /* Noise behind a good version: only the guard can complain. */
        random_fill(&s.bytes[4], (s.size - 4) / 2 * 2);
        s.bytes[6] = random_range(64);
        cut = random_range(s.size + 1);
        packet.ip6 = guard_put(s.bytes, cut);
        packet.size = cut;
        packet.l4_partial = random_range(2);
        ila_translate_packet(&xlat, &packet, &l4);
        return true;
    }

    /* What the whole packet gets. */
    packet.ip6 = guard_put(s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = false;
    ila_translate_packet(&xlat, &packet, &l4);
    memcpy(whole, &packet.ip6[s.csum_ofs], sizeof whole);

    cut = end = s.size;
    switch (random_range(4)) {
    case 0:
        cut = end = random_range(s.size + 1);
        break;
    case 1:
        end = 40 + random_range(s.size - 40 + 1);
        put16(&s.bytes[4], end - 40);
        break;
    case 2:
        cut = random_range(s.size + 1);
        end = 40 + random_range(s.size - 40 + 1);
        put16(&s.bytes[4], end - 40);
        break;
    case 3:
        put16(&s.bytes[4], s.size - 40 + random_range(1000));
        break;
    }
    if (!get16(&s.bytes[4]) && !s.bytes[6]) {
        end = s.size;           /* A jumbogram. */
    }
    end = MIN(end, cut);

    packet.ip6 = guard_put(s.bytes, cut);
    packet.size = cut;
    if (cut < 40) {
        return (ila_translate_packet(&xlat, &packet, &l4)
                == ILA_PASS_MALFORMED
                && l4 == ILA_L4_UNTOUCHED
                && !memcmp(packet.ip6, s.bytes, cut));
    }
    if (ila_translate_packet(&xlat, &packet, &l4) != ILA_TRANSLATED
        || l4 != expected_l4(&s, xlat.field, end, false)) {
        return false;
    }
    n_l4s[l4]++;
    return (equal_except(packet.ip6, s.bytes, cut, addr, 8,
                         s.csum_ofs, l4 == ILA_L4_ADJUSTED ? 2 : 0)
            && (l4 != ILA_L4_ADJUSTED
                || !memcmp(&packet.ip6[s.csum_ofs], whole, 2)));
}

/* What is in front of the packet, such as VLAN tags, and so its alignment,
 * changes nothing and is not changed. */
static bool
prop_vlan(void)
{
    uint8_t frame[14 + 2 * 4 + MAX_SIZE], plain[MAX_SIZE];
    struct ila_packet packet;
    enum ila_l4 l4, l4_plain;
    enum ila_verdict verdict;
    struct ila_xlat xlat;
    struct shape s;

    random_shape(&s, false);
    random_xlat(&xlat, random_range(4));
    packet.ip6 = memcpy(plain, s.bytes, s.size);
    packet.size = s.size;
    packet.l4_partial = random_range(2);
    verdict = ila_translate_packet(&xlat, &packet, &l4_plain);

    for (int n_tags = 0; n_tags <= 2; n_tags++) {
        size_t l2_len = 14 + 4 * n_tags;
        uint8_t *p;

        random_fill(frame, l2_len);
        memcpy(&frame[l2_len], s.bytes, s.size);
        p = guard_put(frame, l2_len + s.size);
        packet.ip6 = p + l2_len;
        if (ila_translate_packet(&xlat, &packet, &l4) != verdict
            || l4 != l4_plain
            || memcmp(p, frame, l2_len)
            || memcmp(packet.ip6, plain, s.size)) {
            return false;
        }
    }
    return true;
}

/* Cases too rare to wait for: a field of 0 that is not "no checksum". */
static void
test_rare(void)
{
    struct ila_xlat xlat = { .locator = htonll(0x20),
                             .csum_mode = ILA_CSUM_ADJ_TRANSPORT,
                             .dir = ILA_DIR_OUT,
                             .ident_type = ILA_IDENT_LUID };
    uint8_t ip6[48] = { 0x60, [5] = 8, [6] = 17 };
    struct ila_packet packet = { .ip6 = ip6, .size = sizeof ip6,
                                 .l4_partial = true };
    enum ila_l4 l4;

    /* Not a valid partial sum, but never to be taken for "none" either. */
    ovs_assert(ila_translate_packet(&xlat, &packet, &l4) == ILA_TRANSLATED);
    ovs_assert(l4 == ILA_L4_ADJUSTED && get16(&ip6[46]) == 0x20);

    /* A UDP checksum that becomes 0 is stored as ffff. */
    memset(&ip6[24], 0, 16);
    put16(&ip6[46], 0x20);
    packet.l4_partial = false;
    ovs_assert(ila_translate_packet(&xlat, &packet, &l4) == ILA_TRANSLATED);
    ovs_assert(l4 == ILA_L4_ADJUSTED && get16(&ip6[46]) == 0xffff);

    /* That of TCP and ICMPv6 is stored as it is. */
    memset(&ip6[24], 0, 16);
    ip6[6] = 58;
    put16(&ip6[42], 0x20);
    ovs_assert(ila_translate_packet(&xlat, &packet, &l4) == ILA_TRANSLATED);
    ovs_assert(l4 == ILA_L4_ADJUSTED && get16(&ip6[42]) == 0);

    /* Another version. */
    ip6[0] = 0x40;
    ovs_assert(ila_translate_packet(&xlat, &packet, &l4)
               == ILA_PASS_MALFORMED);
}

static void
test_properties(struct ovs_cmdl_context *ctx)
{
    static const struct {
        const char *name;
        bool (*run)(void);
    } properties[] = {
        { "neutral-inverse", prop_neutral_inverse },
        { "neutral-sum", prop_neutral_sum },
        { "adj-scratch", prop_adj_scratch },
        { "partial", prop_partial },
        { "no-action", prop_no_action },
        { "address-agrees", prop_address_agrees },
        { "cut-off", prop_cut_off },
        { "vlan", prop_vlan },
    };
    unsigned int n = 1000000, seed = 1;

    if ((ctx->argc > 1 && !str_to_uint(ctx->argv[1], 10, &n))
        || (ctx->argc > 2 && !str_to_uint(ctx->argv[2], 10, &seed))
        || !n || !seed) {
        ovs_fatal(0, "N and SEED must be positive integers");
    }

    guard_init();
    test_rare();
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
        /* Every property starts anew: each can be repeated alone. */
        random_set_seed(seed);
        for (unsigned int j = 0; j < n; j++) {
            if (!properties[i].run()) {
                ovs_fatal(0, "%s: failed for packet %u of seed %u",
                          properties[i].name, j, seed);
            }
        }
        printf("%s: ok\n", properties[i].name);
    }

    /* A generator that forgot a shape would make all of this worthless. */
    if (n >= 10000) {
        for (int i = 0; i < N_EXT_KINDS; i++) {
            ovs_assert(n_kinds[i] > n / 100);
        }
        for (size_t i = 0; i < ARRAY_SIZE(n_l4s); i++) {
            ovs_assert(n_l4s[i] > n / 100);
        }
    }
    printf("%"PRIuSIZE" properties, %u packets each, seed %u\n",
           ARRAY_SIZE(properties), n, seed);
}

static const struct ovs_cmdl_command commands[] = {
    { "vectors", "FILE", 1, 1, test_vectors, OVS_RO },
    { "properties", "[N [SEED]]", 0, 2, test_properties, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_ila_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ila", test_ila_main);
