/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-way-action.h"

#include <inttypes.h>
#include <string.h>

#include "flow.h"
#include "odp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofp-parse.h"
#include "packets.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-addr.h"

BUILD_ASSERT_DECL(sizeof(struct ovs_action_vrf_way) == 96);

static enum vrf_family
family_of(const struct ovs_action_vrf_way *w)
{
    return w->ipv6 ? VRF_IPV6 : VRF_IPV4;
}

struct vrf_addr
vrf_way_get_addr(const ovs_be32 words[4], enum vrf_family family)
{
    struct in6_addr ip;

    if (family == VRF_IPV4) {
        return vrf_addr_from_ipv4(words[0]);
    }
    memcpy(&ip, words, sizeof ip);
    return vrf_addr_from_ipv6(&ip);
}

void
vrf_way_put_addr(ovs_be32 words[4], enum vrf_family family,
                 const struct vrf_addr *a)
{
    if (family == VRF_IPV4) {
        words[0] = vrf_addr_to_ipv4(a);
    } else {
        struct in6_addr ip = vrf_addr_to_ipv6(a);

        memcpy(words, &ip, sizeof ip);
    }
}

/* Are there 'bits' of an address of the family, with zeros behind them? */
static bool
is_prefix(const ovs_be32 words[4], enum vrf_family family, uint8_t bits)
{
    struct vrf_addr addr = vrf_way_get_addr(words, family);
    struct vrf_addr cut = vrf_addr_cut(&addr, bits);

    return (bits <= vrf_family_bits(family) && vrf_addr_equal(&addr, &cut)
            && (family == VRF_IPV6 || is_all_zeros(&words[1],
                                                   3 * sizeof words[1])));
}

static bool
has_way(const struct ovs_action_vrf_way *w)
{
    return w->port != UINT32_MAX;
}

/* Is nothing said about packets, but by which table they are routed? */
static bool
is_unknown(const struct ovs_action_vrf_way *w)
{
    return w->dst_bits == OVS_VRF_WAY_UNKNOWN;
}

static bool
is_valid_unknown(const struct ovs_action_vrf_way *w)
{
    return (w->table && !has_way(w) && !w->ipv6
            && is_all_zeros(w->dst, sizeof w->dst)
            && is_all_zeros(w->src, sizeof w->src)
            && !w->src_bits && !w->tos_mask);
}

static bool
is_valid(const struct ovs_action_vrf_way *w)
{
    return (vrf_action_is_valid(&w->vrf) && w->ipv6 <= 1
            && is_all_zeros(w->zero, sizeof w->zero)
            && (is_unknown(w) ? is_valid_unknown(w)
                : is_prefix(w->dst, family_of(w), w->dst_bits))
            && is_prefix(w->src, family_of(w), w->src_bits)
            && !(w->tos & ~w->tos_mask)
            && (has_way(w)
                || (!w->mtu && is_all_zeros(w->eth_dst, sizeof w->eth_dst)
                    && is_all_zeros(w->eth_src, sizeof w->eth_src))));
}

static void
format_prefix(const char *key, const struct ovs_action_vrf_way *w,
              const ovs_be32 words[4], uint8_t bits, struct ds *s)
{
    const struct vrf_prefix p = {
        vrf_way_get_addr(words, family_of(w)), bits
    };

    ds_put_format(s, ",%s=", key);
    vrf_prefix_format(family_of(w), &p, s);
}

static void
format(const void *payload, struct ds *s)
{
    const struct ovs_action_vrf_way *w = payload;

    if (!is_valid(w)) {
        ds_put_cstr(s, "<error: invalid>");
        return;
    }
    vrf_action_format(&w->vrf, s);
    vrf_action_format_table(w->table, s);
    if (is_unknown(w)) {
        return;
    }
    format_prefix("to", w, w->dst, w->dst_bits, s);
    if (w->src_bits) {
        format_prefix("from", w, w->src, w->src_bits, s);
    }
    if (w->tos_mask) {
        ds_put_format(s, ",tos=%#"PRIx8"/%#"PRIx8, w->tos, w->tos_mask);
    }
    if (has_way(w)) {
        ds_put_format(s, ",port=%"PRIu32",mtu=%"PRIu32, w->port, w->mtu);
        ds_put_format(s, ",eth_src="ETH_ADDR_FMT, ETH_ADDR_BYTES_ARGS(
                          w->eth_src));
        ds_put_format(s, ",eth_dst="ETH_ADDR_FMT, ETH_ADDR_BYTES_ARGS(
                          w->eth_dst));
    }
}

/* Parsing. */

enum part { TO = 1 << 0, FROM = 1 << 1, TOS = 1 << 2, ETH_SRC = 1 << 3,
            ETH_DST = 1 << 4 };
#define ETH_BOTH (ETH_SRC | ETH_DST)

struct parser {
    struct vrf_action_parser vrf;
    bool has_port, has_mtu;
    unsigned int seen;          /* Bits of enum part. */
};

/* Takes ADDRESS/LEN. */
static char *
parse_prefix(const struct parser *parser, const char *key, const char *value,
             ovs_be32 words[4], uint8_t *bits, struct ovs_action_vrf_way *w)
{
    char *text = xstrdup(value);
    char *slash = strchr(text, '/');
    unsigned int len = UINT32_MAX;
    enum vrf_family family;
    struct vrf_addr addr;
    bool ok;

    if (slash) {
        *slash = '\0';
    }
    ok = (vrf_addr_parse(text, &family, &addr)
          && (!slash || str_to_uint(slash + 1, 10, &len)));
    free(text);
    if (!slash && ok) {
        len = vrf_family_bits(family);
    }
    if (ok && parser->seen & (TO | FROM)) {
        ok = family == family_of(w);
    }
    if (ok) {
        w->ipv6 = family == VRF_IPV6;
        vrf_way_put_addr(words, family, &addr);
        *bits = MIN(len, UINT8_MAX);
        ok = is_prefix(words, family, *bits);
    }
    return (ok ? NULL
            : xasprintf("vrf_way: %s \"%s\" is not a prefix, or not of the "
                        "family of the other one", key, value));
}

static char *
parse_tos(const char *value, struct ovs_action_vrf_way *w)
{
    unsigned int tos, mask;
    int n;

    if (!ovs_scan(value, "%i/%i%n", (int *) &tos, (int *) &mask, &n)
        || value[n] || mask > UINT8_MAX || tos & ~mask) {
        return xasprintf("vrf_way: tos \"%s\" is not a number with a mask",
                         value);
    }
    w->tos = tos;
    w->tos_mask = mask;
    return NULL;
}

static char *
parse_mac(const char *key, const char *value, uint8_t mac[ETH_ADDR_LEN])
{
    struct eth_addr addr;

    if (!eth_addr_from_string(value, &addr)) {
        return xasprintf("vrf_way: %s \"%s\" is not an Ethernet address", key,
                         value);
    }
    memcpy(mac, &addr, ETH_ADDR_LEN);
    return NULL;
}

static const struct {
    const char *key;
    enum part part;
} parts[] = {
    { "to", TO }, { "from", FROM }, { "tos", TOS }, { "eth_src", ETH_SRC },
    { "eth_dst", ETH_DST },
};

/* Returns the part that 'key' is, 0 if it is none. */
static enum part
part_of(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (!strcmp(key, parts[i].key)) {
            return parts[i].part;
        }
    }
    return 0;
}

static char *
parse_part(const struct parser *parser, enum part part, const char *key,
           const char *value, struct ovs_action_vrf_way *w)
{
    switch (part) {
    case TO:
        return parse_prefix(parser, key, value, w->dst, &w->dst_bits, w);
    case FROM:
        return parse_prefix(parser, key, value, w->src, &w->src_bits, w);
    case TOS:
        return parse_tos(value, w);
    case ETH_SRC:
        return parse_mac(key, value, w->eth_src);
    case ETH_DST:
        return parse_mac(key, value, w->eth_dst);
    }
    OVS_NOT_REACHED();
}

static char *
parse_key(struct parser *parser, const char *key, const char *value,
          struct ovs_action_vrf_way *w)
{
    enum part part = part_of(key);
    char *error;

    if (!strcmp(key, "port")) {
        return vrf_action_parse_number("vrf_way", key, value,
                                       &parser->has_port, &w->port);
    } else if (!strcmp(key, "mtu")) {
        return vrf_action_parse_number("vrf_way", key, value,
                                       &parser->has_mtu, &w->mtu);
    } else if (!strcmp(key, "table")) {
        return vrf_action_parse_table("vrf_way", value, &w->table);
    } else if (!part) {
        return vrf_action_parse_key(&parser->vrf, key, value, &w->vrf);
    } else if (parser->seen & part) {
        return xasprintf("vrf_way: %s is given twice", key);
    }
    error = parse_part(parser, part, key, value, w);
    parser->seen |= part;
    return error;
}

static char *
parse(char *s, void *payload)
{
    struct parser parser = { .vrf = { .action = "vrf_way" } };
    struct ovs_action_vrf_way *w = payload;
    bool has_way_given;
    char *key, *value;

    w->port = UINT32_MAX;
    while (ofputil_parse_key_value(&s, &key, &value)) {
        char *error = parse_key(&parser, key, value, w);

        if (error) {
            return error;
        }
    }
    if (!(parser.seen & TO)) {
        if (!w->table || parser.seen || parser.has_port || parser.has_mtu) {
            return xstrdup("vrf_way: \"to\" is not given");
        }
        w->dst_bits = OVS_VRF_WAY_UNKNOWN;
    }
    has_way_given = (parser.has_port && parser.has_mtu
                     && (parser.seen & ETH_BOTH) == ETH_BOTH);
    if (has_way_given != has_way(w)
        || (!has_way_given && (parser.has_mtu || parser.seen & ETH_BOTH))) {
        return xstrdup("vrf_way: port, mtu, eth_src and eth_dst come "
                       "together, and no port is 4294967295");
    }
    return vrf_action_parse_end(&parser.vrf, &w->vrf);
}

static void
probe(struct flow *flow, void *payload)
{
    struct ovs_action_vrf_way *w = payload;

    flow->dl_type = htons(ETH_TYPE_IP);
    flow->nw_proto = IPPROTO_UDP;
    w->vrf.id = 1;
    w->port = UINT32_MAX;
}

static void
set_recirc_id(void *payload, uint32_t recirc_id)
{
    struct ovs_action_vrf_way *w = payload;

    w->vrf.recirc_id = recirc_id;
}

const struct odp_extension_class odp_vrf_way_class = {
    .name = "vrf_way",
    .type = OVS_EXTENSION_ATTR_VRF_WAY,
    .size = sizeof(struct ovs_action_vrf_way),
    .takes_packets = true,
    .format = format,
    .parse = parse,
    .set_recirc_id = set_recirc_id,
    .probe = probe,
};
