/* SPDX-License-Identifier: Apache-2.0 */

/* Tunnel metadata: that of most tunnels, with Geneve's options. */

#include <config.h>
#include "odp-text-private.h"

#include "netlink.h"
#include "unaligned.h"
#include "util.h"

enum { N_TYPES = __OVS_TUNNEL_KEY_ATTR_MAX };

/* No text of an attribute is longer than this many times the attribute, its
 * header and padding included; options of four bytes without content come
 * closest. */
enum { TEXT_PER_BYTE = 16 };

/* Room for what does not belong to an attribute. */
enum { TEXT_MORE = 64 };

static const struct {
    uint16_t bit;
    uint8_t n;
    char name[5];
} flag_names[] = {
    { FLOW_TNL_F_OAM, 3, "oam" },
    { FLOW_TNL_F_DONT_FRAGMENT, 2, "df" },
    { FLOW_TNL_F_CSUM, 4, "csum" },
    { FLOW_TNL_F_KEY, 3, "key" },
};

static char *
put_flags(char *p, uint16_t flags, uint16_t mask)
{
    bool exact = mask == FLOW_TNL_F_MASK;
    char *start;

    p = start = text_lit(p, "flags(");
    for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
        if (exact && flags & flag_names[i].bit) {
            if (p > start) {
                *p++ = '|';
            }
        } else if (!exact && mask & flag_names[i].bit) {
            *p++ = flags & flag_names[i].bit ? '+' : '-';
        } else {
            continue;
        }
        p = text_put(p, flag_names[i].name, flag_names[i].n);
    }
    if (p == start) {
        p = exact ? text_lit(p, "0") : text_lit(p, "0/0");
    }
    return text_lit(p, "),");
}

/* The bits of struct flow_tnl's flags that a flag among the attributes is. */
static uint16_t
flag_of(uint16_t type)
{
    switch (type) {
    case OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT:
        return FLOW_TNL_F_DONT_FRAGMENT;
    case OVS_TUNNEL_KEY_ATTR_CSUM:
        return FLOW_TNL_F_CSUM;
    case OVS_TUNNEL_KEY_ATTR_OAM:
        return FLOW_TNL_F_OAM;
    default:
        return 0;
    }
}

static char *
put_tun_id(char *p, const void *key, const void *mask_, bool masked,
           bool verbose)
{
    ovs_be64 mask = get_32aligned_be64(mask_);

    if (verbose || (masked && mask)) {
        p = text_0x(text_lit(p, "tun_id="),
                    ntohll(get_32aligned_be64(key)));
        if (mask != OVS_BE64_MAX) {
            *p++ = '/';
            p = text_alt_hex(p, ntohll(mask));
        }
        *p++ = ',';
    }
    return p;
}

/* The 'left' bytes of options at 'opt'.  'mask' is NULL or has as many.
 * Returns NULL if they do not add up. */
static char *
put_geneve(char *p, const struct geneve_opt *opt,
           const struct geneve_opt *mask, size_t left, bool verbose)
{
    static const struct geneve_opt exact = {
        .opt_class = OVS_BE16_MAX, .type = UINT8_MAX, .length = 0x1f,
    };

    p = text_lit(p, "geneve(");
    while (left) {
        const struct geneve_opt *m = mask ? mask : &exact;
        size_t n = left >= sizeof *opt ? opt->length * 4 : 0;

        if (left < sizeof *opt + n) {
            return NULL;
        }
        *p++ = '{';
        p = put_be16x(p, NAME("class"), opt->opt_class, m->opt_class, verbose);
        p = put_u8x(p, NAME("type"), opt->type, m->type, verbose);
        p = put_u8(p, NAME("len"), n,
                   m->length == 0x1f ? UINT8_MAX : m->length, verbose);
        if (n && (verbose || !mask || !is_all_zeros(mask + 1, n))) {
            p = text_big_hex(p, opt + 1, n);
            if (mask && !is_all_ones(mask + 1, n)) {
                *p++ = '/';
                p = text_big_hex(p, mask + 1, n);
            }
        } else {
            p = chomp_comma(p);
        }
        *p++ = '}';

        n += sizeof *opt;
        opt += n / sizeof *opt;
        mask = mask ? mask + n / sizeof *opt : NULL;
        left -= n;
    }
    return text_lit(p, "),");
}

static bool
has_good_length(const struct nlattr *a)
{
    switch (attr_type(a)) {
    case OVS_TUNNEL_KEY_ATTR_ID:
        return attr_size(a) == sizeof(ovs_be64);
    case OVS_TUNNEL_KEY_ATTR_IPV4_SRC:
    case OVS_TUNNEL_KEY_ATTR_IPV4_DST:
        return attr_size(a) == sizeof(ovs_be32);
    case OVS_TUNNEL_KEY_ATTR_IPV6_SRC:
    case OVS_TUNNEL_KEY_ATTR_IPV6_DST:
        return attr_size(a) == sizeof(struct in6_addr);
    case OVS_TUNNEL_KEY_ATTR_TOS:
    case OVS_TUNNEL_KEY_ATTR_TTL:
        return attr_size(a) == sizeof(uint8_t);
    case OVS_TUNNEL_KEY_ATTR_TP_SRC:
    case OVS_TUNNEL_KEY_ATTR_TP_DST:
        return attr_size(a) == sizeof(ovs_be16);
    case OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT:
    case OVS_TUNNEL_KEY_ATTR_CSUM:
    case OVS_TUNNEL_KEY_ATTR_OAM:
    case OVS_TUNNEL_KEY_ATTR_PAD:
        return !attr_size(a);
    default:
        return true;
    }
}

/* Writes 'a'.  'ma' is from a mask if 'masked', NULL if it lacks there.
 * Returns NULL for what is left to upstream. */
static char *
put_attr(char *p, const struct nlattr *a, const struct nlattr *ma, bool masked,
         bool verbose)
{
    const void *key = attr_get(a);
    const void *mask = (ma ? attr_get(ma)
                        : masked ? odp_text_zeros : odp_text_ones);

    if (!has_good_length(a) || (ma && !has_good_length(ma))) {
        return NULL;
    }
    switch (attr_type(a)) {
    case OVS_TUNNEL_KEY_ATTR_ID:
        return put_tun_id(p, key, mask, masked, verbose);
    case OVS_TUNNEL_KEY_ATTR_IPV4_SRC:
        return put_ipv4(p, NAME("src"), *(const ovs_be32 *) key,
                        *(const ovs_be32 *) mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_IPV4_DST:
        return put_ipv4(p, NAME("dst"), *(const ovs_be32 *) key,
                        *(const ovs_be32 *) mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_IPV6_SRC:
        return put_ipv6(p, NAME("ipv6_src"), key, mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_IPV6_DST:
        return put_ipv6(p, NAME("ipv6_dst"), key, mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_TOS:
        return put_u8x(p, NAME("tos"), *(const uint8_t *) key,
                       *(const uint8_t *) mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_TTL:
        return put_u8(p, NAME("ttl"), *(const uint8_t *) key,
                      *(const uint8_t *) mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_TP_SRC:
        return put_be16(p, NAME("tp_src"), *(const ovs_be16 *) key,
                        *(const ovs_be16 *) mask, verbose);
    case OVS_TUNNEL_KEY_ATTR_TP_DST:
        return put_be16(p, NAME("tp_dst"), *(const ovs_be16 *) key,
                        *(const ovs_be16 *) mask, verbose);

    case OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS:
        if (masked && (!ma || attr_size(ma) != attr_size(a))) {
            return NULL;
        }
        return put_geneve(p, key, ma ? mask : NULL, attr_size(a), verbose);

    case OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT:
    case OVS_TUNNEL_KEY_ATTR_CSUM:
    case OVS_TUNNEL_KEY_ATTR_OAM:
    case OVS_TUNNEL_KEY_ATTR_PAD:
        return p;

    default:
        return NULL;
    }
}

bool
odp_text_tunnel(struct ds *ds, const struct nlattr *key, size_t key_len,
                const struct nlattr *mask, size_t mask_len, bool verbose)
{
    const struct nlattr *masks[N_TYPES] = { NULL };
    uint16_t flags = 0, mask_flags = mask ? 0 : FLOW_TNL_F_MASK;
    const struct nlattr *a;
    size_t left;
    char *p;

    NL_ATTR_FOR_EACH (a, left, mask, mask_len) {
        uint16_t type = attr_type(a);

        if (type < N_TYPES && !masks[type]) {
            masks[type] = a;
        }
        mask_flags |= flag_of(type);
    }

    p = text_begin(ds, TEXT_PER_BYTE * (key_len + mask_len) + TEXT_MORE);
    p = text_lit(p, "tunnel(");
    NL_ATTR_FOR_EACH (a, left, key, key_len) {
        uint16_t type = attr_type(a);

        p = (type < N_TYPES
             ? put_attr(p, a, masks[type], mask != NULL, verbose) : NULL);
        if (!p) {
            return false;
        }
        flags |= flag_of(type);
        if (type == OVS_TUNNEL_KEY_ATTR_ID) {
            flags |= FLOW_TNL_F_KEY;
            mask_flags |= FLOW_TNL_F_KEY;
        }
    }
    if (verbose || mask_flags) {
        p = put_flags(p, flags, mask_flags);
    }
    text_end(ds, text_lit(chomp_comma(p), ")"));
    return true;
}
