/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TEXT_WRITER_H
#define TEXT_WRITER_H 1

/* Text of numbers and addresses without printf(), whose machinery costs more
 * than the digits.
 *
 * A function writes at 'p' and returns the byte behind what it wrote, which it
 * leaves alone: nothing is terminated.  Each one says how much room it may
 * need, TEXT_*_MAX; text_begin() provides that at the end of a struct ds, and
 * text_end() tells the ds what was used.  All are thread-safe. */

#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/types.h"
#include "openvswitch/uuid.h"
#include "packets.h"
#include "util.h"

#define TEXT_U32_MAX 10
#define TEXT_U64_MAX 20
#define TEXT_HEX32_MAX 10       /* "0x" and 8 digits. */
#define TEXT_HEX64_MAX 18
#define TEXT_MAC_MAX 17
#define TEXT_IPV4_MAX 15
#define TEXT_IPV6_MAX 45        /* INET6_ADDRSTRLEN without the null byte. */
#define TEXT_UUID_MAX 36

extern const char text_hex_pairs[512];          /* "000102...feff" */
extern const char text_decimal_pairs[200];      /* "000102...9899" */

/* Returns where to write at most 'n' bytes at the end of 'ds'. */
static inline char *
text_begin(struct ds *ds, size_t n)
{
    if (OVS_UNLIKELY(!ds->string || ds->allocated - ds->length < n)) {
        ds_reserve(ds, ds->length + n);
    }
    return ds->string + ds->length;
}

/* What was written ends at 'p'. */
static inline void
text_end(struct ds *ds, char *p)
{
    ds->length = p - ds->string;
    ovs_assert(ds->length <= ds->allocated);
    *p = '\0';
}

static inline char *
text_put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

/* The string literal S. */
#define text_lit(P, S) text_put(P, "" S, sizeof (S) - 1)

/* As "%02x". */
static inline char *
text_hex_pair(char *p, uint8_t value)
{
    return text_put(p, &text_hex_pairs[value * 2], 2);
}

/* As "%04x". */
static inline char *
text_hex_quad(char *p, uint16_t value)
{
    return text_hex_pair(text_hex_pair(p, value >> 8), value);
}

/* As "%u". */
static inline char *
text_u8(char *p, uint8_t value)
{
    if (value < 10) {
        *p++ = '0' + value;
    } else if (value < 100) {
        p = text_put(p, &text_decimal_pairs[value * 2], 2);
    } else {
        *p++ = '0' + value / 100;
        p = text_put(p, &text_decimal_pairs[value % 100 * 2], 2);
    }
    return p;
}

char *text_u32(char *p, uint32_t);
char *text_u64(char *p, uint64_t);

/* As "%x", "0x%x" and "%#x", which has no "0x" before 0. */
char *text_hex(char *p, uint64_t);

static inline char *
text_0x(char *p, uint64_t value)
{
    return text_hex(text_lit(p, "0x"), value);
}

static inline char *
text_alt_hex(char *p, uint64_t value)
{
    if (!value) {
        *p++ = '0';
        return p;
    }
    return text_0x(p, value);
}

char *text_mac(char *p, const struct eth_addr *);
char *text_ipv4(char *p, ovs_be32);

/* As inet_ntop() does it, RFC 5952. */
char *text_ipv6(char *p, const struct in6_addr *);

char *text_uuid(char *p, const struct uuid *);

/* The 'n' bytes at 'bytes', two digits each with nothing between them; as
 * text_separated(), with a space between them.  'p' needs room for 3 * 'n'. */
char *text_bytes(char *p, const void *bytes, size_t n);
char *text_separated(char *p, const void *bytes, size_t n);

/* The 'n' bytes at 'bytes' as one number in network byte order, as
 * ds_put_hex() writes it.  'p' needs room for 2 * 'n' + 2. */
char *text_big_hex(char *p, const void *bytes, size_t n);

#endif /* text-writer.h */
