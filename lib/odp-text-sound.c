/* SPDX-License-Identifier: Apache-2.0 */

/* Which attributes upstream's functions can have without reading behind them:
 * they check the length of most, and rely on that of these. */

#include <config.h>
#include "odp-text.h"
#include "odp-text-private.h"

#include "netlink.h"
#include "odp-util.h"
#include "openvswitch/nsh.h"
#include "packets.h"

static bool
tunnel_is_sound(const struct nlattr *attrs, size_t len)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, attrs, len) {
        uint16_t type = attr_type(a);

        if ((type == OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS
             && attr_size(a) < sizeof(struct erspan_metadata))
            || (type == OVS_TUNNEL_KEY_ATTR_GTPU_OPTS
                && attr_size(a) < sizeof(struct gtpu_metadata))) {
            return false;
        }
    }
    return true;
}

/* Upstream looks for what is left over behind the padding of the last whole
 * attribute, even if not all of the padding is there. */
static bool
leftover_is_sound(const struct nlattr *attrs, size_t len)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, attrs, len) {
        if (a->nla_len < left && NLA_ALIGN(a->nla_len) > left) {
            return false;
        }
    }
    return true;
}

/* The same attributes inside of a VLAN tag. */
static bool
encap_is_sound(const struct nlattr *attrs, size_t len, int depth)
{
    bool has_eth_type = false;
    const struct nlattr *a;
    size_t left;

    if (depth > ODP_TEXT_MAX_DEPTH || !leftover_is_sound(attrs, len)) {
        return false;
    }
    NL_ATTR_FOR_EACH (a, left, attrs, len) {
        if (!odp_text_key_is_sound(attr_type(a), attr_get(a), attr_size(a),
                                   depth)) {
            return false;
        }
        if (attr_type(a) == OVS_KEY_ATTR_ETHERTYPE && !has_eth_type) {
            has_eth_type = true;
            if (attr_size(a) < sizeof(ovs_be16)) {
                return false;
            }
        }
    }
    return true;
}

bool
odp_text_key_is_sound(uint16_t type, const void *payload, size_t size,
                      int depth)
{
    switch (type) {
    case OVS_KEY_ATTR_TUNNEL:
        return tunnel_is_sound(payload, size);
    case OVS_KEY_ATTR_ENCAP:
        return encap_is_sound(payload, size, depth + 1);
    default:
        return true;
    }
}

static bool
set_is_sound(const struct nlattr *a, int depth)
{
    const struct nlattr *field = attr_get(a);

    return (nl_attr_is_valid(field, attr_size(a))
            && odp_text_key_is_sound(attr_type(field), attr_get(field),
                                     attr_size(field), depth));
}

/* Upstream cuts the field in two, wherever that is. */
static bool
set_masked_is_sound(const struct nlattr *a, int depth)
{
    uint32_t half[DIV_ROUND_UP(sizeof(struct ovs_key_ipv6), 4)];
    const struct nlattr *field = attr_get(a);
    size_t size;

    if (!set_is_sound(a, depth)) {
        return false;
    }
    size = attr_size(field) / 2;
    if (attr_type(field) == OVS_KEY_ATTR_NSH || size > sizeof half) {
        return true;
    }
    for (int i = 0; i < 2; i++) {
        memcpy(half, (const char *) attr_get(field) + i * size, size);
        if (!odp_text_key_is_sound(attr_type(field), half, size, depth)) {
            return false;
        }
    }
    return true;
}

/* A pushed header is only as long as it has to be, whatever the structure. */
static bool
tnl_push_is_sound(const struct nlattr *a)
{
    const struct ovs_action_push_tnl *tnl = attr_get(a);
    size_t ofs = offsetof(struct ovs_action_push_tnl, header);
    const struct eth_header *eth = (const struct eth_header *) tnl->header;
    size_t size = attr_size(a);
    const char *p;
    size_t n;

    if (size < ofs + ETH_HEADER_LEN) {
        return false;
    }
    n = ETH_HEADER_LEN + (eth->eth_type == htons(ETH_TYPE_IP)
                          ? IP_HEADER_LEN : IPV6_HEADER_LEN);
    p = (const char *) tnl->header + n;
    size -= ofs;
    if (size < n) {
        return false;
    }
    size -= n;

    switch (tnl->tnl_type) {
    case OVS_VPORT_TYPE_VXLAN:
        return size >= UDP_HEADER_LEN + sizeof(struct vxlanhdr);
    case OVS_VPORT_TYPE_GTPU:
        return size >= UDP_HEADER_LEN + sizeof(struct gtpuhdr);
    case OVS_VPORT_TYPE_GENEVE: {
        const struct genevehdr *geneve
            = (const void *) (p + UDP_HEADER_LEN);

        n = UDP_HEADER_LEN + sizeof *geneve;
        return size >= n && size - n >= geneve->opt_len * 4;
    }
    case OVS_VPORT_TYPE_GRE:
    case OVS_VPORT_TYPE_IP6GRE: {
        const struct gre_base_hdr *gre = (const void *) p;

        n = sizeof *gre;
        return (size >= n
                && size - n >= 4 * (!!(gre->flags & htons(GRE_CSUM))
                                    + !!(gre->flags & htons(GRE_KEY))
                                    + !!(gre->flags & htons(GRE_SEQ))));
    }
    case OVS_VPORT_TYPE_ERSPAN:
    case OVS_VPORT_TYPE_IP6ERSPAN: {
        const struct erspan_base_hdr *erspan
            = (const void *) (p + ERSPAN_GREHDR_LEN);

        n = ERSPAN_GREHDR_LEN + sizeof *erspan;
        return (size >= n
                && size - n >= (erspan->ver == 2 ? sizeof(struct erspan_md2)
                                : erspan->ver == 1 ? sizeof(ovs_be32) : 0));
    }
    default:
        return true;
    }
}

/* Upstream takes the length of a header that it could not make from the
 * header. */
static bool
push_nsh_is_sound(const struct nlattr *a)
{
    const struct nlattr *nsh = attr_get(a);
    uint32_t buffer[NSH_HDR_MAX_LEN / 4];
    struct nsh_hdr *hdr = (struct nsh_hdr *) buffer;

    return (nl_attr_is_valid(nsh, attr_size(a))
            && (odp_nsh_hdr_from_attr(nsh, hdr, NSH_HDR_MAX_LEN)
                == ODP_FIT_PERFECT
                || hdr->md_type != NSH_M_TYPE2));
}

bool
odp_text_actions_are_sound(const struct nlattr *actions, size_t len, int depth)
{
    const struct nlattr *a;
    size_t left;

    if (depth > ODP_TEXT_MAX_DEPTH || !leftover_is_sound(actions, len)) {
        return false;
    }
    NL_ATTR_FOR_EACH (a, left, actions, len) {
        if (!odp_text_action_is_sound(a, depth)) {
            return false;
        }
    }
    return true;
}

/* 'a' has attributes, those of the types 't1' and 't2' have actions. */
static bool
nested_actions_are_sound(const struct nlattr *a, uint16_t t1, uint16_t t2,
                         int depth)
{
    const struct nlattr *inner;
    size_t left;

    NL_ATTR_FOR_EACH (inner, left, attr_get(a), attr_size(a)) {
        if ((attr_type(inner) == t1 || attr_type(inner) == t2)
            && !odp_text_actions_are_sound(attr_get(inner), attr_size(inner),
                                           depth + 1)) {
            return false;
        }
    }
    return true;
}

bool
odp_text_action_is_sound(const struct nlattr *a, int depth)
{
    switch (attr_type(a)) {
    case OVS_ACTION_ATTR_SET:
        return set_is_sound(a, depth);
    case OVS_ACTION_ATTR_SET_MASKED:
        return set_masked_is_sound(a, depth);
    case OVS_ACTION_ATTR_TUNNEL_PUSH:
        return tnl_push_is_sound(a);
    case OVS_ACTION_ATTR_PUSH_NSH:
        return push_nsh_is_sound(a);
    case OVS_ACTION_ATTR_CLONE:
        return odp_text_actions_are_sound(attr_get(a), attr_size(a),
                                          depth + 1);
    case OVS_ACTION_ATTR_SAMPLE:
        return nested_actions_are_sound(a, OVS_SAMPLE_ATTR_ACTIONS,
                                        OVS_SAMPLE_ATTR_ACTIONS, depth);
    case OVS_ACTION_ATTR_CHECK_PKT_LEN:
        return nested_actions_are_sound(
            a, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER,
            OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL, depth);
    default:
        return true;
    }
}
