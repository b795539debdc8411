/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "byte-order.h"
#include "packets.h"
#include "util.h"

/* Arithmetic
 * ==========
 *
 * All sums are of 16-bit words in one's complement, kept in 32 bits and folded
 * at the end.  A word is "subtracted" by adding its complement, so that a
 * folded sum is 0 only if every word in it is.  No sum here has more than
 * twenty words: 32 bits cannot overflow. */

#define ILA_ADDR_LEN 16
#define ILA_LOC_LEN 8

/* Offset of the identifier's last word, which takes up the adjustment in the
 * neutral modes, and the C bit as a word to add to a sum. */
#define ILA_ADJ_OFS 14
#define ILA_C_WORD (ILA_C_BIT << 8)

/* IPv6 header fields that are read here. */
#define ILA_PLEN_OFS 4
#define ILA_NEXTHDR_OFS 6
#define ILA_SRC_OFS 8
#define ILA_DST_OFS 24

/* Every extension header has at least this many bytes, and everything that is
 * read of one lies within them. */
#define ILA_EXT_MIN 8

/* ICMPv6: its header with the unused word, where the checksum is, and the
 * first type that is not an error (RFC 4443). */
#define ICMP_LEN 8
#define ICMP_CSUM_OFS 2
#define ICMP_FIRST_INFO 128

BUILD_ASSERT_DECL(ILA_DST_OFS + ILA_ADDR_LEN == IPV6_HEADER_LEN);
BUILD_ASSERT_DECL(sizeof(struct in6_addr) == ILA_ADDR_LEN);

/* Packets have any alignment, hence bytes. */
static uint16_t
ila_get_word(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void
ila_put_word(uint8_t *p, uint16_t word)
{
    p[0] = word >> 8;
    p[1] = word & 0xff;
}

static uint16_t
ila_fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* Makes the identifier of 'addr' absorb the change of the locator from 'old'
 * to 'xlat''s.  'extra' is what else changes in the identifier, as a term of
 * the sum. */
static inline void
ila_adjust_identifier(const struct ila_xlat *xlat, uint8_t addr[ILA_ADDR_LEN],
                      ovs_be64 old, uint16_t extra)
{
    ovs_be16 word;
    uint32_t sum;

    memcpy(&word, &addr[ILA_ADJ_OFS], sizeof word);
    sum = ((OVS_FORCE uint16_t) word
           + (OVS_FORCE uint16_t) ila_locator_diff(xlat->locator, old)
           + (OVS_FORCE uint16_t) htons(extra));
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    if (xlat->restore_zero && sum == 0xffff) {
        sum = 0;
    }
    word = (OVS_FORCE ovs_be16) sum;
    memcpy(&addr[ILA_ADJ_OFS], &word, sizeof word);
}

/* Translates the address at 'addr', which has any alignment.  If successful,
 * stores in '*diff' what is to be added to a transport checksum's sum. */
static inline enum ila_verdict
ila_translate_bytes(const struct ila_xlat *xlat, uint8_t addr[ILA_ADDR_LEN],
                    uint32_t *diff)
{
    uint8_t *c_byte = &addr[ILA_LOC_LEN];
    ovs_be64 old;

    if (addr[0] == 0xff) {
        return ILA_PASS_MULTICAST;
    }
    if (xlat->ident_type == ILA_IDENT_USE_FORMAT
        && (*c_byte & ILA_TYPE_MASK) != ILA_TYPE_LUID) {
        return ILA_PASS_TYPE;
    }

    memcpy(&old, addr, sizeof old);
    *diff = 0;

    switch (xlat->csum_mode) {
    case ILA_CSUM_NEUTRAL_MAP:
        if (xlat->dir == ILA_DIR_OUT) {
            if (*c_byte & ILA_C_BIT) {
                /* The other end would take the bit for ours and restore a
                 * wrong identifier. */
                return ILA_DROP_CBIT;
            }
            ila_adjust_identifier(xlat, addr, old, 0xffff ^ ILA_C_WORD);
            *c_byte |= ILA_C_BIT;
        } else if (*c_byte & ILA_C_BIT) {
            ila_adjust_identifier(xlat, addr, old, ILA_C_WORD);
            *c_byte &= ~ILA_C_BIT;
        }
        break;

    case ILA_CSUM_NEUTRAL_MAP_AUTO:
        ila_adjust_identifier(xlat, addr, old, 0);
        break;

    case ILA_CSUM_ADJ_TRANSPORT:
        *diff = ntohs(ila_csum_diff(xlat, old));
        break;

    case ILA_CSUM_NO_ACTION:
        break;
    }

    memcpy(addr, &xlat->locator, sizeof xlat->locator);
    return ILA_TRANSLATED;
}

enum ila_verdict
ila_translate_addr(const struct ila_xlat *xlat, struct in6_addr *addr)
{
    return ila_translate_dst__(xlat, addr->s6_addr);
}

enum ila_verdict
ila_translate_dst__(const struct ila_xlat *xlat, uint8_t *addr)
{
    uint32_t diff;

    return ila_translate_bytes(xlat, addr, &diff);
}

/* Returns how many bytes of 'packet' belong to it.  The payload length counts
 * only as far as there are bytes; what follows it is padding of the link.  A
 * jumbogram has its length in a hop-by-hop option and 0 in the header. */
static size_t
ila_packet_end(const struct ila_packet *packet)
{
    size_t plen = ila_get_word(&packet->ip6[ILA_PLEN_OFS]);

    if (!plen && packet->ip6[ILA_NEXTHDR_OFS] == IPPROTO_HOPOPTS) {
        return packet->size;
    }
    return MIN(packet->size, IPV6_HEADER_LEN + plen);
}

/* Looks for the transport checksum that covers the address 'field' of
 * 'packet', which has a complete IPv6 header.
 *
 * Returns ILA_L4_ADJUSTED and stores the offset of the checksum in '*ofs' and
 * the transport protocol in '*proto' if there is one.  Otherwise the return
 * value says why not. */
static enum ila_l4
ila_find_csum(const struct ila_packet *packet, enum ila_field field,
              size_t *ofs, uint8_t *proto)
{
    const uint8_t *ip6 = packet->ip6;
    size_t end = ila_packet_end(packet);
    uint8_t nexthdr = ip6[ILA_NEXTHDR_OFS];
    size_t at = IPV6_HEADER_LEN;
    size_t csum_ofs, min_len;

    while (nexthdr == IPPROTO_HOPOPTS || nexthdr == IPPROTO_DSTOPTS
           || nexthdr == IPPROTO_ROUTING || nexthdr == IPPROTO_AH
           || nexthdr == IPPROTO_FRAGMENT) {
        const uint8_t *ext = &ip6[at];
        size_t len;

        if (end - at < ILA_EXT_MIN) {
            return ILA_L4_TRUNCATED;
        }

        if (nexthdr == IPPROTO_FRAGMENT) {
            /* Offset 0, thus also an atomic fragment, has the transport
             * header; everything else does not. */
            if (ila_get_word(&ext[2]) & 0xfff8) {
                return ILA_L4_UNTOUCHED;
            }
            len = ILA_EXT_MIN;
        } else if (nexthdr == IPPROTO_AH) {
            len = (ext[1] + 2) * 4;
        } else {
            /* With segments left, the pseudo-header has the last segment in
             * place of the destination. */
            if (nexthdr == IPPROTO_ROUTING && ext[3]
                && field == ILA_FIELD_DST) {
                return ILA_L4_UNTOUCHED;
            }
            len = (ext[1] + 1) * 8;
        }

        if (end - at < len) {
            return ILA_L4_TRUNCATED;
        }
        nexthdr = ext[0];
        at += len;
    }

    switch (nexthdr) {
    case IPPROTO_TCP:
        csum_ofs = 16;
        min_len = TCP_HEADER_LEN;
        break;

    case IPPROTO_UDP:
        csum_ofs = 6;
        min_len = UDP_HEADER_LEN;
        break;

    case IPPROTO_ICMPV6:
        csum_ofs = 2;
        min_len = 8;
        break;

    default:
        return ILA_L4_UNKNOWN;
    }
    if (end - at < min_len) {
        return ILA_L4_TRUNCATED;
    }

    *ofs = at + csum_ofs;
    *proto = nexthdr;
    return ILA_L4_ADJUSTED;
}

/* Adds 'diff' to the transport checksum of 'packet' as far as the address
 * 'field' is covered by it. */
static enum ila_l4
ila_adjust_l4(struct ila_packet *packet, enum ila_field field, uint32_t diff)
{
    enum ila_l4 l4;
    uint8_t proto;
    uint16_t csum;
    size_t ofs;

    l4 = ila_find_csum(packet, field, &ofs, &proto);
    if (l4 != ILA_L4_ADJUSTED) {
        return l4;
    }

    csum = ila_get_word(&packet->ip6[ofs]);
    if (packet->l4_partial) {
        /* A plain sum so far: complemented only when it is finished. */
        csum = ila_fold(csum + diff);
    } else if (proto == IPPROTO_UDP && !csum) {
        return ILA_L4_UNTOUCHED;
    } else {
        csum = ~ila_fold((csum ^ 0xffff) + diff);
        if (proto == IPPROTO_UDP && !csum) {
            csum = 0xffff;
        }
    }
    ila_put_word(&packet->ip6[ofs], csum);
    return ILA_L4_ADJUSTED;
}

enum ila_l4
ila_adjust_dst(struct ila_packet *packet, ovs_be16 diff)
{
    return ila_adjust_l4(packet, ILA_FIELD_DST, ntohs(diff));
}

enum ila_verdict
ila_translate_packet(const struct ila_xlat *xlat, struct ila_packet *packet,
                     enum ila_l4 *l4)
{
    enum ila_verdict verdict;
    uint32_t diff;
    uint8_t *addr;

    *l4 = ILA_L4_UNTOUCHED;
    if (packet->size < IPV6_HEADER_LEN || packet->ip6[0] >> 4 != 6) {
        return ILA_PASS_MALFORMED;
    }

    addr = &packet->ip6[xlat->field == ILA_FIELD_SRC
                        ? ILA_SRC_OFS : ILA_DST_OFS];
    verdict = ila_translate_bytes(xlat, addr, &diff);

    if (verdict == ILA_TRANSLATED
        && xlat->csum_mode == ILA_CSUM_ADJ_TRANSPORT) {
        *l4 = ila_adjust_l4(packet, xlat->field, diff);
    }
    return verdict;
}

bool
ila_icmp_find_quoted(const struct ila_packet *packet, size_t *quoted)
{
    size_t ofs;
    uint8_t proto;

    if (packet->size < IPV6_HEADER_LEN || packet->ip6[0] >> 4 != 6
        || ila_find_csum(packet, ILA_FIELD_SRC, &ofs, &proto)
           != ILA_L4_ADJUSTED
        || proto != IPPROTO_ICMPV6
        || packet->ip6[ofs - ICMP_CSUM_OFS] >= ICMP_FIRST_INFO) {
        return false;
    }
    *quoted = ofs - ICMP_CSUM_OFS + ICMP_LEN;
    return (ila_packet_end(packet) - *quoted >= IPV6_HEADER_LEN
            && packet->ip6[ofs - ICMP_CSUM_OFS + ICMP_LEN] >> 4 == 6);
}

enum ila_verdict
ila_icmp_translate_quoted(const struct ila_xlat *xlat,
                          struct ila_packet *packet, size_t quoted)
{
    uint8_t *csum_field = &packet->ip6[quoted - ICMP_LEN + ICMP_CSUM_OFS];
    struct ila_packet inner = {
        .ip6 = &packet->ip6[quoted],
        .size = ila_packet_end(packet) - quoted,
    };
    size_t addr = xlat->field == ILA_FIELD_SRC ? ILA_SRC_OFS : ILA_DST_OFS;
    uint8_t before[ILA_ADDR_LEN];
    uint16_t inner_csum = 0;
    enum ila_verdict verdict;
    uint8_t proto;
    size_t ofs = 0;
    enum ila_l4 l4;
    bool has_csum;

    memcpy(before, &inner.ip6[addr], sizeof before);
    has_csum = ila_find_csum(&inner, xlat->field, &ofs, &proto)
               == ILA_L4_ADJUSTED;
    if (has_csum) {
        inner_csum = ila_get_word(&inner.ip6[ofs]);
    }

    verdict = ila_translate_packet(xlat, &inner, &l4);

    /* A partial checksum does not cover the quoted packet yet. */
    if (verdict == ILA_TRANSLATED && !packet->l4_partial) {
        uint32_t sum = ila_get_word(csum_field) ^ 0xffff;

        for (size_t i = 0; i < ILA_ADDR_LEN; i += 2) {
            sum += ila_get_word(&before[i]) ^ 0xffff;
            sum += ila_get_word(&inner.ip6[addr + i]);
        }
        if (has_csum) {
            sum += inner_csum ^ 0xffff;
            sum += ila_get_word(&inner.ip6[ofs]);
        }
        ila_put_word(csum_field, ~ila_fold(sum));
    }
    return verdict;
}

/* Text. */

struct ila_name {
    int value;
    const char *name;
};

static const struct ila_name csum_mode_names[] = {
    { ILA_CSUM_ADJ_TRANSPORT, "adj-transport" },
    { ILA_CSUM_NEUTRAL_MAP, "neutral-map" },
    { ILA_CSUM_NO_ACTION, "no-action" },
    { ILA_CSUM_NEUTRAL_MAP_AUTO, "neutral-map-auto" },
};

static const struct ila_name dir_names[] = {
    { ILA_DIR_IN, "in" },
    { ILA_DIR_OUT, "out" },
};

static const struct ila_name field_names[] = {
    { ILA_FIELD_DST, "ipv6_dst" },
    { ILA_FIELD_SRC, "ipv6_src" },
};

static const struct ila_name ident_type_names[] = {
    { ILA_IDENT_LUID, "luid" },
    { ILA_IDENT_USE_FORMAT, "use-format" },
};

/* Numbers come from netlink and OpenFlow, too: never fails. */
static const char *
ila_name_of(const struct ila_name *names, size_t n, int value)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i].value == value) {
            return names[i].name;
        }
    }
    return "unknown";
}

static const struct ila_name *
ila_name_find(const struct ila_name *names, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i].name, s)) {
            return &names[i];
        }
    }
    return NULL;
}

const char *
ila_csum_mode_to_string(enum ila_csum_mode csum_mode)
{
    return ila_name_of(csum_mode_names, ARRAY_SIZE(csum_mode_names),
                       csum_mode);
}

bool
ila_csum_mode_from_string(const char *s, enum ila_csum_mode *csum_mode)
{
    const struct ila_name *name;

    name = ila_name_find(csum_mode_names, ARRAY_SIZE(csum_mode_names), s);
    if (name) {
        *csum_mode = name->value;
    }
    return name != NULL;
}

const char *
ila_dir_to_string(enum ila_dir dir)
{
    return ila_name_of(dir_names, ARRAY_SIZE(dir_names), dir);
}

bool
ila_dir_from_string(const char *s, enum ila_dir *dir)
{
    const struct ila_name *name;

    name = ila_name_find(dir_names, ARRAY_SIZE(dir_names), s);
    if (name) {
        *dir = name->value;
    }
    return name != NULL;
}

const char *
ila_field_to_string(enum ila_field field)
{
    return ila_name_of(field_names, ARRAY_SIZE(field_names), field);
}

bool
ila_field_from_string(const char *s, enum ila_field *field)
{
    const struct ila_name *name;

    name = ila_name_find(field_names, ARRAY_SIZE(field_names), s);
    if (name) {
        *field = name->value;
    }
    return name != NULL;
}

const char *
ila_ident_type_to_string(enum ila_ident_type ident_type)
{
    return ila_name_of(ident_type_names, ARRAY_SIZE(ident_type_names),
                       ident_type);
}

bool
ila_ident_type_from_string(const char *s, enum ila_ident_type *ident_type)
{
    const struct ila_name *name;

    name = ila_name_find(ident_type_names, ARRAY_SIZE(ident_type_names), s);
    if (name) {
        *ident_type = name->value;
    }
    return name != NULL;
}

char *
ila_locator_to_string(ovs_be64 locator, char s[ILA_LOCATOR_STRLEN])
{
    uint64_t loc = ntohll(locator);

    snprintf(s, ILA_LOCATOR_STRLEN, "%"PRIx64":%"PRIx64":%"PRIx64":%"PRIx64,
             loc >> 48, loc >> 32 & 0xffff, loc >> 16 & 0xffff, loc & 0xffff);
    return s;
}

/* Parses 's' as four words of one to four hexadecimal digits each. */
static bool
ila_words_from_string(const char *s, ovs_be64 *value)
{
    uint64_t words = 0;

    for (int i = 0; i < 4; i++) {
        unsigned int word = 0;
        int n_digits = 0;

        if (i && *s++ != ':') {
            return false;
        }
        for (; isxdigit((unsigned char) *s); s++) {
            if (++n_digits > 4) {
                return false;
            }
            word = word << 4 | hexit_value(*s);
        }
        if (!n_digits) {
            return false;
        }
        words = words << 16 | word;
    }
    if (*s) {
        return false;
    }

    *value = htonll(words);
    return true;
}

static bool
ila_half_is_zero(const uint8_t half[ILA_ADDR_LEN / 2])
{
    static const uint8_t zeros[ILA_ADDR_LEN / 2];

    return !memcmp(half, zeros, sizeof zeros);
}

char *
ila_locator_from_string(const char *s, ovs_be64 *locator)
{
    static const char slash64[] = "/64";
    char prefix[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    size_t len;

    if (ila_words_from_string(s, locator)) {
        return NULL;
    }

    len = strlen(s);
    if (len >= sizeof slash64 - 1
        && !strcmp(&s[len - (sizeof slash64 - 1)], slash64)) {
        len -= sizeof slash64 - 1;
    }
    if (len < sizeof prefix) {
        ovs_strlcpy(prefix, s, len + 1);
        if (ipv6_parse(prefix, &addr)) {
            if (!ila_half_is_zero(&addr.s6_addr[ILA_LOC_LEN])) {
                return xasprintf("%s: a locator has nothing in the lower 64 "
                                 "bits", s);
            }
            memcpy(locator, &addr, sizeof *locator);
            return NULL;
        }
    }
    return xasprintf("%s: not a locator (expected four words such as "
                     "2001:0:87:0, or an IPv6 prefix of 64 bits)", s);
}

char *
ila_identifier_from_string(const char *s, ovs_be64 *identifier)
{
    struct in6_addr addr;

    if (ila_words_from_string(s, identifier)) {
        return NULL;
    }
    if (!ipv6_parse(s, &addr)) {
        return xasprintf("%s: not an identifier (expected four words such as "
                         "2000:0:1:87, or ::2000:0:1:87)", s);
    }
    if (!ila_half_is_zero(addr.s6_addr)) {
        return xasprintf("%s: an identifier has nothing in the upper 64 bits",
                         s);
    }
    memcpy(identifier, &addr.s6_addr[ILA_LOC_LEN], sizeof *identifier);
    return NULL;
}

const char *
ila_locator_check(ovs_be64 locator)
{
    uint64_t loc = ntohll(locator);

    if (!loc) {
        return "is unspecified";
    } else if (loc >> 56 == 0xff) {
        return "is multicast";
    } else if (loc >> 54 == 0xfe80 >> 6) {
        return "is link-local";
    } else {
        return NULL;
    }
}

bool
ila_xlat_is_valid(const struct ila_xlat *xlat)
{
    return (!ila_locator_check(xlat->locator)
            && xlat->csum_mode <= ILA_CSUM_NEUTRAL_MAP_AUTO
            && (xlat->dir == ILA_DIR_IN || xlat->dir == ILA_DIR_OUT)
            && xlat->field <= ILA_FIELD_SRC
            && (xlat->ident_type == ILA_IDENT_LUID
                || xlat->ident_type == ILA_IDENT_USE_FORMAT));
}
