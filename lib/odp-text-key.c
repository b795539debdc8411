/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "odp-text.h"
#include "odp-text-private.h"

#include "netlink.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Where the attributes of a mask are, by type; the first one of a type counts.
 * Only those in 'present' are set. */
struct mask_index {
    const struct nlattr *mask;
    size_t len;
    uint64_t present;
    const struct nlattr *attrs[64];
};

static void
index_mask(struct mask_index *index, const struct nlattr *mask, size_t len)
{
    const struct nlattr *a;
    size_t left;

    index->mask = mask;
    index->len = len;
    index->present = 0;
    NL_ATTR_FOR_EACH (a, left, mask, len) {
        uint16_t type = attr_type(a);

        if (type < 64 && !(index->present & UINT64_C(1) << type)) {
            index->present |= UINT64_C(1) << type;
            index->attrs[type] = a;
        }
    }
}

static const struct nlattr *
find_mask(const struct mask_index *index, uint16_t type)
{
    if (type < 64) {
        return (index->present & UINT64_C(1) << type
                ? index->attrs[type] : NULL);
    }
    return nl_attr_find__(index->mask, index->len, type);
}

static int
expected_len(uint16_t type)
{
    return (type <= OVS_KEY_ATTR_MAX
            ? ovs_flow_key_attr_lens[type].len : ATTR_LEN_VARIABLE);
}

static bool
is_zero(const void *p_, size_t n)
{
    const uint32_t *p = p_;

    for (; n >= sizeof *p; n -= sizeof *p) {
        if (*p++) {
            return false;
        }
    }
    return is_all_zeros(p, n);
}

/* Does 'mask', an attribute of good length, match nothing?  Padding and bits
 * that are no part of a field do not count. */
static bool
is_wildcard(const struct nlattr *mask)
{
    const void *p = attr_get(mask);
    size_t n = attr_size(mask);

    switch (attr_type(mask)) {
    case OVS_KEY_ATTR_UNSPEC:
    case OVS_KEY_ATTR_ENCAP:
    case OVS_KEY_ATTR_TUNNEL_INFO:
        return false;

    case OVS_KEY_ATTR_TCP_FLAGS:
        return !TCP_FLAGS(*(const ovs_be16 *) p);

    case OVS_KEY_ATTR_IPV6: {
        const struct ovs_key_ipv6 *ip6 = p;

        return (is_zero(ip6, offsetof(struct ovs_key_ipv6, ipv6_label))
                && !(ip6->ipv6_label & htonl(IPV6_LABEL_MASK))
                && !ip6->ipv6_proto && !ip6->ipv6_tclass
                && !ip6->ipv6_hlimit && !ip6->ipv6_frag);
    }

    case OVS_KEY_ATTR_ARP:
        return is_zero(p, OFFSETOFEND(struct ovs_key_arp, arp_tha));
    case OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4:
        return is_zero(p, OFFSETOFEND(struct ovs_key_ct_tuple_ipv4,
                                      ipv4_proto));
    case OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6:
        return is_zero(p, OFFSETOFEND(struct ovs_key_ct_tuple_ipv6,
                                      ipv6_proto));
    default:
        return attr_type(mask) <= OVS_KEY_ATTR_MAX && is_zero(p, n);
    }
}

static void
put_separated(struct ds *ds, const struct nlattr *a)
{
    size_t n = attr_size(a);

    text_end(ds, text_separated(text_begin(ds, 3 * n), attr_get(a), n));
}

static void
put_bad_length(struct ds *ds, const char *what, size_t len, int expected)
{
    char *p = text_begin(ds, 64 + TEXT_U64_MAX + TEXT_U32_MAX);

    p = text_lit(p, "(bad ");
    p = text_put(p, what, strlen(what));
    p = text_u64(text_lit(p, " length "), len);
    p = text_u32(text_lit(p, ", expected "), expected);
    text_end(ds, text_lit(p, ")("));
}

/* If 'a', or its mask 'ma', has not the length of its type, shows both as
 * bytes and returns false. */
static bool
check_length(struct ds *ds, const struct nlattr *a, const struct nlattr *ma)
{
    int len = expected_len(attr_type(a));
    bool bad_mask = ma && attr_size(ma) != len;
    bool bad_key = attr_size(a) != len;

    if (len < 0 || (!bad_key && !bad_mask)) {
        return true;
    }
    if (bad_key) {
        put_bad_length(ds, "key", attr_size(a), len);
    }
    put_separated(ds, a);
    if (ma) {
        odp_text_lit(ds, "/");
        if (bad_mask) {
            put_bad_length(ds, "mask", attr_size(ma), len);
        }
        put_separated(ds, ma);
    }
    odp_text_lit(ds, ")");
    return false;
}

/* Shows 'a' as upstream shows one that it does not know. */
static void
put_as_bytes(struct ds *ds, const struct nlattr *a)
{
    char *p = text_begin(ds, 3 + TEXT_U32_MAX + 1);

    text_end(ds, text_lit(text_u32(text_lit(p, "key"), attr_type(a)), "("));
    put_separated(ds, a);
    odp_text_lit(ds, ")");
}

/* Has upstream's function format 'a' alone.  'masked' says whether there is a
 * mask; with no 'ma' in it, it matches nothing of 'a'. */
static void
put_by_upstream(struct ds *ds, const struct nlattr *a, const struct nlattr *ma,
                bool masked, bool verbose, int depth)
{
    /* A mask of something else. */
    struct nlattr other = {
        .nla_len = sizeof other,
        .nla_type = attr_type(a) ? 0 : 1,
    };

    if (!odp_text_key_is_sound(attr_type(a), attr_get(a), attr_size(a), depth)
        || (ma && !odp_text_key_is_sound(attr_type(ma), attr_get(ma),
                                         attr_size(ma), depth))) {
        put_as_bytes(ds, a);
        return;
    }
    if (masked && !ma) {
        ma = &other;
    }
    odp_flow_format(a, a->nla_len, ma, ma ? ma->nla_len : 0, NULL, ds,
                    verbose);
}

/* What is inside of a VLAN tag. */
static void
put_encap(struct ds *ds, const struct nlattr *a, const struct nlattr *ma,
          bool verbose, int depth)
{
    if (depth >= ODP_TEXT_MAX_DEPTH) {
        put_as_bytes(ds, a);
        return;
    }
    odp_text_lit(ds, "encap(");
    if (attr_size(a)) {
        size_t mask_len = ma ? attr_size(ma) : 0;

        odp_text_flow__(ds, attr_get(a), attr_size(a),
                        mask_len ? attr_get(ma) : NULL, mask_len, NULL,
                        verbose, depth + 1);
    }
    odp_text_lit(ds, ")");
}

/* Writes 'a', whose length is good, under 'ma', which is part of a mask if
 * 'masked'. */
static void
put_attr(struct ds *ds, const struct nlattr *a, const struct nlattr *ma,
         bool masked, const struct hmap *ports, bool verbose, int depth)
{
    switch (attr_type(a)) {
    case OVS_KEY_ATTR_ENCAP:
        put_encap(ds, a, ma, verbose, depth);
        return;

    case OVS_KEY_ATTR_TUNNEL:
        if (odp_text_tunnel(ds, attr_get(a), attr_size(a),
                            ma ? attr_get(ma) : masked ? attr_get(a) : NULL,
                            ma ? attr_size(ma) : 0, verbose)) {
            return;
        }
        break;

    default:
        if (odp_text_field(ds, attr_type(a), attr_size(a), attr_get(a),
                           ma ? attr_get(ma)
                           : masked ? odp_text_zeros : odp_text_ones,
                           masked, ports, verbose)) {
            return;
        }
        break;
    }
    put_by_upstream(ds, a, ma, masked, verbose, depth);
}

void
odp_text_leftover(struct ds *ds, const struct nlattr *attrs, size_t len,
                  size_t left)
{
    if (left) {
        const char *end = (const char *) attrs + len;
        char *p;

        if (left == len) {
            odp_text_lit(ds, "<empty>");
        }
        p = text_begin(ds, 64 + 2 * left);
        p = text_u32(text_lit(p, ",***"), left);
        p = text_lit(p, " leftover bytes*** (");
        text_end(ds, text_lit(text_bytes(p, end - left, left), ")"));
    }
}

void
odp_text_flow__(struct ds *ds, const struct nlattr *key, size_t key_len,
                const struct nlattr *mask, size_t mask_len,
                const struct hmap *ports, bool verbose, int depth)
{
    bool masked = mask && mask_len;
    bool has_packet_type = false;
    bool has_eth_type = false;
    bool first = true;
    struct mask_index index;
    const struct nlattr *a, *ma;
    size_t left;

    if (!key_len) {
        odp_text_lit(ds, "<empty>");
        return;
    }
    index_mask(&index, mask, masked ? mask_len : 0);
    NL_ATTR_FOR_EACH (a, left, key, key_len) {
        uint16_t type = attr_type(a);
        bool wildcard;

        ma = masked ? find_mask(&index, type) : NULL;
        if (!check_length(ds, a, ma)) {
            continue;
        }
        wildcard = masked && (!ma || is_wildcard(ma));
        has_eth_type |= type == OVS_KEY_ATTR_ETHERTYPE;
        has_packet_type |= type == OVS_KEY_ATTR_PACKET_TYPE;

        if (verbose || !wildcard || expected_len(type) == ATTR_LEN_NESTED) {
            if (!first) {
                odp_text_lit(ds, ",");
            }
            put_attr(ds, a, ma, masked, ports, verbose, depth);
            first = false;
        } else if (type == OVS_KEY_ATTR_ETHERNET && !has_packet_type) {
            /* Its presence says that the packet is an Ethernet one. */
            if (!first) {
                odp_text_lit(ds, ",");
            }
            odp_text_lit(ds, "eth()");
        } else if (type == OVS_KEY_ATTR_PACKET_TYPE) {
            /* Not shown, thus an Ethernet header has to be. */
            has_packet_type = false;
        }
    }
    odp_text_leftover(ds, key, key_len, left);

    ma = masked && !has_eth_type
         ? find_mask(&index, OVS_KEY_ATTR_ETHERTYPE) : NULL;
    if (ma && attr_size(ma) >= sizeof(ovs_be16)) {
        char *p = text_begin(ds, 32);

        p = text_lit(p, ",eth_type(0/0x");
        p = text_hex_quad(p, ntohs(*(const ovs_be16 *) attr_get(ma)));
        text_end(ds, text_lit(p, ")"));
    }
}

void
odp_text_flow(struct ds *ds, const struct nlattr *key, size_t key_len,
              const struct nlattr *mask, size_t mask_len,
              const struct hmap *ports, bool verbose)
{
    odp_text_flow__(ds, key, key_len, mask, mask_len, ports, verbose, 0);
}
