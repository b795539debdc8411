/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ODP_TEXT_PRIVATE_H
#define ODP_TEXT_PRIVATE_H 1

/* What the parts of odp-text.h share. */

#include "netlink-protocol.h"
#include "odp-netlink.h"
#include "text-writer.h"

struct hmap;

/* netlink.h has these as functions, out of line. */
static inline uint16_t
attr_type(const struct nlattr *a)
{
    return a->nla_type & NLA_TYPE_MASK;
}

static inline size_t
attr_size(const struct nlattr *a)
{
    return a->nla_len - NLA_HDRLEN;
}

static inline const void *
attr_get(const struct nlattr *a)
{
    return a + 1;
}

/* Room for the text of any attribute of fixed length, its mask included. */
#define ODP_TEXT_FIXED_MAX 512

/* A mask of ones, or of zeros, for the longest attribute of fixed length. */
extern const uint32_t odp_text_ones[16];
extern const uint32_t odp_text_zeros[16];

/* Appends "NAME(...)", the text of the key attribute of 'type' and 'size' with
 * payload 'key' under 'mask' of the same size; 'masked' says whether it came
 * with a mask, if not, 'mask' is of ones.  Returns false, with nothing
 * appended, if it is not one of fixed length, or not of that. */
bool odp_text_field(struct ds *, uint16_t type, size_t size, const void *key,
                    const void *mask, bool masked, const struct hmap *ports,
                    bool verbose);

/* Appends "tunnel(...)".  'mask' is NULL if the flow has no mask at all; with
 * a 'mask_len' of 0 it matches nothing of the tunnel.  Returns false, with
 * nothing appended, if there is something unusual in it. */
bool odp_text_tunnel(struct ds *, const struct nlattr *key, size_t key_len,
                     const struct nlattr *mask, size_t mask_len,
                     bool verbose);

void odp_text_flow__(struct ds *, const struct nlattr *key, size_t key_len,
                     const struct nlattr *mask, size_t mask_len,
                     const struct hmap *ports, bool verbose, int depth);

/* Appends the last 'left' of the 'len' bytes of 'attrs', which are no whole
 * attribute. */
void odp_text_leftover(struct ds *, const struct nlattr *attrs, size_t len,
                       size_t left);

/* Appends a string without a terminator. */
static inline void
odp_text_append(struct ds *ds, const char *s, size_t n)
{
    text_end(ds, text_put(text_begin(ds, n), s, n));
}
#define odp_text_lit(DS, S) odp_text_append(DS, "" S, sizeof (S) - 1)

/* May upstream's functions have these?  'depth' says how deep they are
 * already. */
bool odp_text_key_is_sound(uint16_t type, const void *, size_t size,
                           int depth);
bool odp_text_action_is_sound(const struct nlattr *, int depth);
bool odp_text_actions_are_sound(const struct nlattr *, size_t len, int depth);

/* Upstream's ds_chomp(). */
static inline char *
chomp_comma(char *p)
{
    char last = *(p - 1);

    return last == ',' ? p - 1 : p;
}

/* Fields that several attributes have: "NAME=VALUE," or "NAME=VALUE/MASK,".
 * One that the mask leaves out is written only if 'verbose'.  'name' has 'n'
 * bytes, its '=' included. */

/* "name=", followed by its length. */
#define NAME(S) S "=", sizeof (S)

static inline char *
put_eth(char *p, const char *name, size_t n, const struct eth_addr *key,
        const struct eth_addr *mask, bool verbose)
{
    if (verbose || !eth_addr_is_zero(*mask)) {
        p = text_mac(text_put(p, name, n), key);
        if (!eth_mask_is_exact(*mask)) {
            *p++ = '/';
            p = text_mac(p, mask);
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_ipv4(char *p, const char *name, size_t n, ovs_be32 key, ovs_be32 mask,
         bool verbose)
{
    if (verbose || mask) {
        p = text_ipv4(text_put(p, name, n), key);
        if (mask != OVS_BE32_MAX) {
            *p++ = '/';
            p = text_ipv4(p, mask);
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_ipv6(char *p, const char *name, size_t n, const void *key_,
         const void *mask_, bool verbose)
{
    struct in6_addr key, mask;

    memcpy(&key, key_, sizeof key);
    memcpy(&mask, mask_, sizeof mask);
    if (verbose || !ipv6_mask_is_any(&mask)) {
        p = text_ipv6(text_put(p, name, n), &key);
        if (!ipv6_mask_is_exact(&mask)) {
            *p++ = '/';
            p = text_ipv6(p, &mask);
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_u8(char *p, const char *name, size_t n, uint8_t key, uint8_t mask,
       bool verbose)
{
    if (verbose || mask) {
        p = text_u8(text_put(p, name, n), key);
        if (mask != UINT8_MAX) {
            *p++ = '/';
            p = text_alt_hex(p, mask);
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_u8x(char *p, const char *name, size_t n, uint8_t key, uint8_t mask,
        bool verbose)
{
    if (verbose || mask) {
        p = text_alt_hex(text_put(p, name, n), key);
        if (mask != UINT8_MAX) {
            *p++ = '/';
            p = text_alt_hex(p, mask);
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_be16(char *p, const char *name, size_t n, ovs_be16 key, ovs_be16 mask,
         bool verbose)
{
    if (verbose || mask) {
        p = text_u32(text_put(p, name, n), ntohs(key));
        if (mask != OVS_BE16_MAX) {
            *p++ = '/';
            p = text_alt_hex(p, ntohs(mask));
        }
        *p++ = ',';
    }
    return p;
}

static inline char *
put_be16x(char *p, const char *name, size_t n, ovs_be16 key, ovs_be16 mask,
          bool verbose)
{
    if (verbose || mask) {
        p = text_alt_hex(text_put(p, name, n), ntohs(key));
        if (mask != OVS_BE16_MAX) {
            *p++ = '/';
            p = text_alt_hex(p, ntohs(mask));
        }
        *p++ = ',';
    }
    return p;
}

/* Without a comma at the end. */
char *odp_text_put_vlan_tci(char *, ovs_be16 tci, ovs_be16 mask, bool verbose);

/* A 128-bit number under a mask, NULL if there is none. */
char *odp_text_put_u128(char *, const void *key, const void *mask,
                        bool verbose);

#endif /* odp-text-private.h */
