/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_H
#define ILA_H 1

/* Identifier-locator addressing: the arithmetic.
 *
 * An IPv6 address is read as 'locator' (upper 64 bits: where an endpoint is)
 * and 'identifier' (lower 64 bits: which endpoint it is).  A translation
 * replaces the locator of one address of a packet and keeps the transport
 * checksum right in one of four ways ("checksum modes").
 *
 * This module is pure: bytes in, bytes out.  It knows neither OpenFlow nor a
 * datapath, allocates nothing and keeps no state.
 *
 * The semantics are those of draft-herbert-intarea-ila and of Linux's
 * <linux/ila.h>, with the differences that Documentation/ila.rst lists.
 *
 * Thread-safety
 * =============
 *
 * Every function is reentrant; callers serialize access to the bytes they
 * pass. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "openvswitch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the transport checksum stays right although an address that it covers
 * changes.  The numbers are those of Linux's ILA_CSUM_* and part of the ABI
 * between userspace and datapath. */
enum ila_csum_mode {
    ILA_CSUM_ADJ_TRANSPORT = 0,    /* Adjust the TCP, UDP or ICMPv6 field. */
    ILA_CSUM_NEUTRAL_MAP = 1,      /* Adjust the identifier's last 16 bits
                                    * and note that in its C bit. */
    ILA_CSUM_NO_ACTION = 2,        /* Leave it wrong until translated back. */
    ILA_CSUM_NEUTRAL_MAP_AUTO = 3, /* As neutral-map, without the C bit. */
};

/* Which way an address is translated. */
enum ila_dir {
    ILA_DIR_IN = 1,             /* ILA to SIR: from the underlay. */
    ILA_DIR_OUT = 2,            /* SIR to ILA: towards the underlay. */
};

/* Which address of the IPv6 header is translated. */
enum ila_field {
    ILA_FIELD_DST = 0,          /* ipv6_dst, as the draft has it. */
    ILA_FIELD_SRC = 1,          /* ipv6_src. */
};

/* How the type bits (the upper three) of an identifier are read. */
enum ila_ident_type {
    ILA_IDENT_LUID = 1,         /* Not read: every identifier is a LUID. */
    ILA_IDENT_USE_FORMAT = 32,  /* Only type 1 (LUID) is translated. */
};

/* The C bit and the type bits in the first byte of an identifier. */
#define ILA_C_BIT     0x10
#define ILA_TYPE_MASK 0xe0
#define ILA_TYPE_LUID 0x20

/* One translation.  Plain data, valid in the ranges that the enums give. */
struct ila_xlat {
    ovs_be64 locator;           /* The new upper 64 bits. */
    enum ila_csum_mode csum_mode;
    enum ila_dir dir;
    enum ila_field field;
    enum ila_ident_type ident_type;
    bool restore_zero;          /* An adjusted word that comes out as ffff, one
                                 * of the two zeros of one's complement, is
                                 * 0000.  Only with ILA_DIR_IN. */
    bool adj_compat;            /* ILA_CSUM_ADJ_TRANSPORT with the sign that
                                 * Linux uses, which is wrong on the wire and
                                 * right again behind another such end. */
};

/* What became of an address. */
enum ila_verdict {
    ILA_TRANSLATED,             /* Rewritten. */
    ILA_PASS_MULTICAST,         /* Untouched: it is a multicast address. */
    ILA_PASS_TYPE,              /* Untouched: its type bits are not LUID's. */
    ILA_PASS_MALFORMED,         /* Untouched: no complete IPv6 header. */
    ILA_DROP_CBIT,              /* Untouched, must be dropped: C bit already
                                 * set in an address that neutral-map was to
                                 * translate to the underlay. */
};

/* What became of the transport checksum field.  Only adj-transport touches it.
 * In the neutral modes neither a complete nor a partial checksum changes, as
 * the sum over the address does not.  In no-action mode a partial one stays,
 * too: finished from the field, it is the checksum for the SIR address, which
 * is what the mode wants on the wire and what the other end restores. */
enum ila_l4 {
    ILA_L4_UNTOUCHED,           /* Nothing to do: the mode does not ask for
                                 * it, UDP without checksum, later fragment,
                                 * or a routing header that hides 'dst'. */
    ILA_L4_ADJUSTED,            /* Field updated. */
    ILA_L4_UNKNOWN,             /* A protocol without a checksum that covers
                                 * the addresses, or one not known here. */
    ILA_L4_TRUNCATED,           /* Header cut short. */
};

/* An IPv6 packet: 'size' bytes from the fixed header on, writable. */
struct ila_packet {
    uint8_t *ip6;
    size_t size;
    bool l4_partial;            /* The checksum field holds only the sum of
                                 * the pseudo-header, somebody else finishes
                                 * it (checksum offload). */
};

/* Translates 'addr' alone.  No transport checksum is looked at, thus in
 * ILA_CSUM_ADJ_TRANSPORT and ILA_CSUM_NO_ACTION only the locator changes. */
enum ila_verdict ila_translate_addr(const struct ila_xlat *,
                                    struct in6_addr *addr);

/* Likewise for the 16 bytes at 'addr', whatever their alignment. */
enum ila_verdict ila_translate_dst__(const struct ila_xlat *, uint8_t *addr);
static inline enum ila_verdict
ila_translate_dst(const struct ila_xlat *xlat, uint8_t *addr)
{
    if ((xlat->csum_mode == ILA_CSUM_NO_ACTION
         || xlat->csum_mode == ILA_CSUM_ADJ_TRANSPORT)
        && xlat->ident_type == ILA_IDENT_LUID && addr[0] != 0xff) {
        memcpy(addr, &xlat->locator, sizeof xlat->locator);
        return ILA_TRANSLATED;
    }
    return ila_translate_dst__(xlat, addr);
}

/* The steps of ILA_CSUM_ADJ_TRANSPORT, for bursts of packets.
 *
 * ila_locator_diff() returns what to add to a sum of words to replace locator
 * 'old' in it by 'new': the words are as they are in memory, since one's
 * complement sums are the same in each byte order (RFC 1071).  What keeps a
 * sum in spite of that replacement is the same with the arguments swapped.
 * ila_csum_diff() returns what to add to the checksum of a packet when the
 * destination's locator 'old' is replaced by 'xlat''s, and ila_adjust_dst()
 * adds it if the destination of 'packet' is covered by a checksum. */
enum ila_l4 ila_adjust_dst(struct ila_packet *, ovs_be16 diff);
static inline uint32_t
ila_sum_words(uint64_t x)
{
    const uint64_t pairs = UINT64_C(0x0000ffff0000ffff);

    /* Two pairs at once. */
    x = (x & pairs) + (x >> 16 & pairs);
    return (x & UINT32_MAX) + (x >> 32);
}

static inline ovs_be16
ila_locator_diff(ovs_be64 old, ovs_be64 new)
{
    uint32_t sum = ila_sum_words((OVS_FORCE uint64_t) new)
                   + ila_sum_words(~(OVS_FORCE uint64_t) old);

    sum = (sum & 0xffff) + (sum >> 16);
    return (OVS_FORCE ovs_be16) ((sum & 0xffff) + (sum >> 16));
}

static inline ovs_be16
ila_csum_diff(const struct ila_xlat *xlat, ovs_be64 old)
{
    return (xlat->adj_compat
            ? ila_locator_diff(xlat->locator, old)
            : ila_locator_diff(old, xlat->locator));
}

/* Does that in the commonest case: TCP or UDP right behind the IPv6 header,
 * with a finished checksum.  Returns false, and changes nothing, in others. */
static inline bool
ila_adjust_dst_plain(struct ila_packet *packet, ovs_be16 diff)
{
    enum { PLEN_OFS = 4, NEXTHDR_OFS = 6, IP6_LEN = 40, TCP_LEN = 20,
           TCP_CSUM_OFS = 16, UDP_LEN = 8, UDP_CSUM_OFS = 6 };
    uint8_t *ip6 = packet->ip6;
    const size_t plen = ip6[PLEN_OFS] << 8 | ip6[PLEN_OFS + 1];
    uint16_t csum;
    uint32_t sum;

    if (packet->l4_partial) {
        return false;
    } else if (ip6[NEXTHDR_OFS] == IPPROTO_TCP) {
        if (plen < TCP_LEN || packet->size < IP6_LEN + TCP_LEN) {
            return false;
        }
        memcpy(&csum, &ip6[IP6_LEN + TCP_CSUM_OFS], sizeof csum);
        sum = (uint16_t) ~csum + (OVS_FORCE uint32_t) diff;
        csum = ~(sum + (sum >> 16));
        memcpy(&ip6[IP6_LEN + TCP_CSUM_OFS], &csum, sizeof csum);
        return true;
    } else if (ip6[NEXTHDR_OFS] == IPPROTO_UDP) {
        if (plen < UDP_LEN || packet->size < IP6_LEN + UDP_LEN) {
            return false;
        }
        memcpy(&csum, &ip6[IP6_LEN + UDP_CSUM_OFS], sizeof csum);
        if (!csum) {
            return false;       /* UDP without a checksum. */
        }
        sum = (uint16_t) ~csum + (OVS_FORCE uint32_t) diff;
        csum = ~(sum + (sum >> 16));
        csum = csum ? csum : 0xffff;
        memcpy(&ip6[IP6_LEN + UDP_CSUM_OFS], &csum, sizeof csum);
        return true;
    }
    return false;
}

/* Translates the address that 'xlat->field' names in 'packet' and does to the
 * transport checksum what 'xlat->csum_mode' asks for; '*l4' says what that
 * was.  The length of the packet never changes. */
enum ila_verdict ila_translate_packet(const struct ila_xlat *,
                                      struct ila_packet *, enum ila_l4 *l4);

/* ICMPv6 errors quote the packet that they are about, with the address that
 * was on the wire where they arose.
 *
 * Returns true if 'packet' is an ICMPv6 error that quotes at least an IPv6
 * header, and stores in '*quoted' where that begins. */
bool ila_icmp_find_quoted(const struct ila_packet *packet, size_t *quoted);

/* Does to the packet that 'packet' quotes at 'quoted' what
 * ila_translate_packet() does, and corrects the ICMPv6 checksum by what
 * changed. */
enum ila_verdict ila_icmp_translate_quoted(const struct ila_xlat *,
                                           struct ila_packet *packet,
                                           size_t quoted);

/* Are all members in their ranges, and is the locator one? */
bool ila_xlat_is_valid(const struct ila_xlat *);

/* Text.  The parsers return true if successful and write nothing if not. */
const char *ila_csum_mode_to_string(enum ila_csum_mode);
bool ila_csum_mode_from_string(const char *, enum ila_csum_mode *);
const char *ila_dir_to_string(enum ila_dir);
bool ila_dir_from_string(const char *, enum ila_dir *);
const char *ila_field_to_string(enum ila_field);
bool ila_field_from_string(const char *, enum ila_field *);
const char *ila_ident_type_to_string(enum ila_ident_type);
bool ila_ident_type_from_string(const char *, enum ila_ident_type *);

/* Room for a locator as text, with the terminating null byte. */
#define ILA_LOCATOR_STRLEN sizeof "ffff:ffff:ffff:ffff"

/* Writes 'locator' to 's' as four words in hexadecimal, e.g. "2001:0:87:0",
 * and returns 's'. */
char *ila_locator_to_string(ovs_be64 locator, char s[ILA_LOCATOR_STRLEN]);

/* Parses a locator: four words ("2001:0:87:0") or an IPv6 prefix with nothing
 * in its lower 64 bits ("2001:0:87::" or "2001:0:87::/64").  Returns NULL if
 * successful, otherwise a malloc()ed error message that names 's'; the caller
 * frees it. */
char *ila_locator_from_string(const char *s, ovs_be64 *locator)
    OVS_WARN_UNUSED_RESULT;

/* Likewise for an identifier: four words ("2000:0:1:87") or an IPv6 address
 * with nothing in its upper 64 bits ("::2000:0:1:87"). */
char *ila_identifier_from_string(const char *s, ovs_be64 *identifier)
    OVS_WARN_UNUSED_RESULT;

/* Returns NULL if 'locator' may be the target of a translation, otherwise why
 * not: a constant string for the end of an error message.  Unspecified,
 * multicast and link-local prefixes are no locators. */
const char *ila_locator_check(ovs_be64 locator);

#ifdef __cplusplus
}
#endif

#endif /* lib/ila.h */
