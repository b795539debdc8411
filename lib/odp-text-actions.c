/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "odp-text.h"
#include "odp-text-private.h"

#include "netlink.h"
#include "odp-util.h"
#include "util.h"

static void put_actions(struct ds *, const struct nlattr *, size_t len,
                        const struct hmap *ports, int depth);

/* Appends 'name', which ends with a parenthesis, a number or a name, and the
 * other parenthesis. */
static void
put_port(struct ds *ds, const char *name, size_t n, uint32_t port,
         const struct hmap *ports, const char *end)
{
    if (ports) {
        odp_text_append(ds, name, n);
        odp_portno_name_format(ports, u32_to_odp(port), ds);
        odp_text_append(ds, end, strlen(end));
    } else {
        char *p = text_put(text_begin(ds, n + TEXT_U32_MAX + 1), name, n);

        p = text_u32(p, port);
        text_end(ds, text_put(p, end, strlen(end)));
    }
}

/* "set(FIELD)"; returns false, with nothing appended, if it is unusual. */
static bool
put_set(struct ds *ds, const struct nlattr *a)
{
    const struct nlattr *field = attr_get(a);
    size_t length = ds->length;
    bool ok;

    if (!nl_attr_is_valid(field, attr_size(a))) {
        return false;
    }
    odp_text_lit(ds, "set(");
    if (attr_type(field) == OVS_KEY_ATTR_TUNNEL) {
        ok = odp_text_tunnel(ds, attr_get(field), attr_size(field), NULL, 0,
                             true);
    } else {
        ok = odp_text_field(ds, attr_type(field), attr_size(field),
                            attr_get(field), odp_text_ones, false, NULL, true);
    }
    if (!ok) {
        ds_truncate(ds, length);
        return false;
    }
    odp_text_lit(ds, ")");
    return true;
}

/* Likewise for a field that is followed by its mask. */
static bool
put_set_masked(struct ds *ds, const struct nlattr *a)
{
    const struct nlattr *field = attr_get(a);
    size_t length = ds->length;
    size_t size;

    if (!nl_attr_is_valid(field, attr_size(a))) {
        return false;
    }
    size = attr_size(field) / 2;
    odp_text_lit(ds, "set(");
    if (!odp_text_field(ds, attr_type(field), size, attr_get(field),
                        (const char *) attr_get(field) + size, true, NULL,
                        false)) {
        ds_truncate(ds, length);
        return false;
    }
    odp_text_lit(ds, ")");
    return true;
}

/* Stores the attributes of 'a' by type in 'attrs', which has 'n' of them.
 * Returns false if there are others, or one of them twice. */
static bool
parse_nested(const struct nlattr *a, const struct nlattr *attrs[], size_t n)
{
    const struct nlattr *inner;
    size_t left;

    memset(attrs, 0, n * sizeof *attrs);
    NL_ATTR_FOR_EACH (inner, left, attr_get(a), attr_size(a)) {
        uint16_t type = attr_type(inner);

        if (type >= n || attrs[type]) {
            return false;
        }
        attrs[type] = inner;
    }
    return !left;
}

static bool
has_size(const struct nlattr *a, size_t size)
{
    return !a || attr_size(a) == size;
}

static uint32_t
nat_u32(const struct nlattr *a)
{
    return a ? *(const uint32_t *) attr_get(a) : 0;
}

static uint16_t
nat_u16(const struct nlattr *a)
{
    return a ? *(const uint16_t *) attr_get(a) : 0;
}

/* "nat(...)" to IPv4 addresses or to none.  NULL if it is none of these. */
static char *
put_nat(char *p, const struct nlattr *nat)
{
    const struct nlattr *a[OVS_NAT_ATTR_MAX + 1];
    const struct nlattr *min, *max;
    uint16_t port_min, port_max;
    ovs_be32 ip_min, ip_max;

    if (!parse_nested(nat, a, ARRAY_SIZE(a))
        || (a[OVS_NAT_ATTR_SRC] && a[OVS_NAT_ATTR_DST])
        || !has_size(a[OVS_NAT_ATTR_PROTO_MIN], 2)
        || !has_size(a[OVS_NAT_ATTR_PROTO_MAX], 2)) {
        return NULL;
    }
    if (!a[OVS_NAT_ATTR_SRC] && !a[OVS_NAT_ATTR_DST]) {
        /* No address and no option either. */
        return attr_size(nat) ? NULL : text_lit(p, "nat");
    }

    min = a[OVS_NAT_ATTR_IP_MIN];
    max = a[OVS_NAT_ATTR_IP_MAX];
    port_min = nat_u16(a[OVS_NAT_ATTR_PROTO_MIN]);
    port_max = nat_u16(a[OVS_NAT_ATTR_PROTO_MAX]);
    if (!has_size(min, 4) || !has_size(max, 4) || (max && !min)
        || (a[OVS_NAT_ATTR_PROTO_MIN] && !min)
        || (a[OVS_NAT_ATTR_PROTO_MAX] && !a[OVS_NAT_ATTR_PROTO_MIN])) {
        return NULL;
    }
    ip_min = (OVS_FORCE ovs_be32) nat_u32(min);
    ip_max = (OVS_FORCE ovs_be32) nat_u32(max);
    if ((ip_max && ntohl(ip_min) > ntohl(ip_max))
        || (port_max && port_min > port_max)) {
        return NULL;
    }

    p = text_lit(p, "nat(");
    p = a[OVS_NAT_ATTR_SRC] ? text_lit(p, "src") : text_lit(p, "dst");
    if (min) {
        *p++ = '=';
        p = text_ipv4(p, ip_min);
        if (ip_max && ip_max != ip_min) {
            *p++ = '-';
            p = text_ipv4(p, ip_max);
        }
        if (port_min) {
            *p++ = ':';
            p = text_u32(p, port_min);
            if (port_max && port_max != port_min) {
                *p++ = '-';
                p = text_u32(p, port_max);
            }
        }
    }
    if (a[OVS_NAT_ATTR_PERSISTENT]) {
        p = text_lit(p, ",persistent");
    }
    if (a[OVS_NAT_ATTR_PROTO_HASH]) {
        p = text_lit(p, ",hash");
    }
    if (a[OVS_NAT_ATTR_PROTO_RANDOM]) {
        p = text_lit(p, ",random");
    }
    *p++ = ')';
    return p;
}

/* "ct(...)" without helper and timeout.  Returns false, with nothing appended,
 * if it is another one. */
static bool
put_ct(struct ds *ds, const struct nlattr *ct)
{
    const struct nlattr *a[OVS_CT_ATTR_MAX + 1];
    char *p, *start;

    if (!parse_nested(ct, a, ARRAY_SIZE(a))
        || a[OVS_CT_ATTR_HELPER] || a[OVS_CT_ATTR_TIMEOUT]
        || !has_size(a[OVS_CT_ATTR_ZONE], 2)
        || !has_size(a[OVS_CT_ATTR_MARK], 8)
        || !has_size(a[OVS_CT_ATTR_LABELS], 32)) {
        return false;
    }

    p = text_begin(ds, ODP_TEXT_FIXED_MAX);
    p = start = text_lit(p, "ct(");
    if (a[OVS_CT_ATTR_COMMIT]) {
        p = text_lit(p, "commit,");
    }
    if (a[OVS_CT_ATTR_FORCE_COMMIT]) {
        p = text_lit(p, "force_commit,");
    }
    if (nat_u16(a[OVS_CT_ATTR_ZONE])) {
        p = text_u32(text_lit(p, "zone="), nat_u16(a[OVS_CT_ATTR_ZONE]));
        *p++ = ',';
    }
    if (a[OVS_CT_ATTR_MARK]) {
        const uint32_t *mark = attr_get(a[OVS_CT_ATTR_MARK]);

        p = text_alt_hex(text_lit(p, "mark="), mark[0]);
        *p++ = '/';
        p = text_alt_hex(p, mark[1]);
        *p++ = ',';
    }
    if (a[OVS_CT_ATTR_LABELS]) {
        const uint32_t *label = attr_get(a[OVS_CT_ATTR_LABELS]);

        p = odp_text_put_u128(text_lit(p, "label="), label, label + 4, true);
        *p++ = ',';
    }
    if (a[OVS_CT_ATTR_NAT]) {
        p = put_nat(p, a[OVS_CT_ATTR_NAT]);
        if (!p) {
            return false;
        }
    }
    if (p == start) {
        p--;                    /* Only "ct". */
    } else {
        p = text_lit(chomp_comma(p), ")");
    }
    text_end(ds, p);
    return true;
}

static bool
put_hash(struct ds *ds, const struct ovs_action_hash *hash)
{
    char *p = text_begin(ds, 64);

    if (hash->hash_alg == OVS_HASH_ALG_L4) {
        p = text_lit(p, "hash(l4(");
    } else if (hash->hash_alg == OVS_HASH_ALG_SYM_L4) {
        p = text_lit(p, "hash(sym_l4(");
    } else {
        return false;
    }
    text_end(ds, text_lit(text_u32(p, hash->hash_basis), "))"));
    return true;
}

static void
put_push_vlan(struct ds *ds, const struct ovs_action_push_vlan *vlan)
{
    char *p = text_lit(text_begin(ds, ODP_TEXT_FIXED_MAX), "push_vlan(");

    if (vlan->vlan_tpid != htons(ETH_TYPE_VLAN)) {
        p = text_hex_quad(text_lit(p, "tpid=0x"), ntohs(vlan->vlan_tpid));
        *p++ = ',';
    }
    p = odp_text_put_vlan_tci(p, vlan->vlan_tci, OVS_BE16_MAX, false);
    text_end(ds, text_lit(p, ")"));
}

/* Returns false, with nothing appended, for what is left to upstream. */
static bool
put_action(struct ds *ds, const struct nlattr *a, const struct hmap *ports,
           int depth)
{
    const void *arg = attr_get(a);

    switch (attr_type(a)) {
    case OVS_ACTION_ATTR_OUTPUT:
        if (attr_size(a) != sizeof(uint32_t)) {
            return false;
        }
        put_port(ds, "", 0, *(const uint32_t *) arg, ports, "");
        return true;

    case OVS_ACTION_ATTR_TUNNEL_POP:
        if (attr_size(a) != sizeof(uint32_t)) {
            return false;
        }
        put_port(ds, "tnl_pop(", 8, *(const uint32_t *) arg, ports, ")");
        return true;

    case OVS_ACTION_ATTR_METER:
        if (attr_size(a) != sizeof(uint32_t)) {
            return false;
        }
        put_port(ds, "meter(", 6, *(const uint32_t *) arg, NULL, ")");
        return true;

    case OVS_ACTION_ATTR_RECIRC:
        if (attr_size(a) != sizeof(uint32_t)) {
            return false;
        } else {
            char *p = text_lit(text_begin(ds, 32), "recirc(");

            p = text_alt_hex(p, *(const uint32_t *) arg);
            text_end(ds, text_lit(p, ")"));
        }
        return true;

    case OVS_ACTION_ATTR_HASH:
        return (attr_size(a) == sizeof(struct ovs_action_hash)
                && put_hash(ds, arg));

    case OVS_ACTION_ATTR_PUSH_VLAN:
        if (attr_size(a) != sizeof(struct ovs_action_push_vlan)) {
            return false;
        }
        put_push_vlan(ds, arg);
        return true;

    case OVS_ACTION_ATTR_POP_VLAN:
        if (attr_size(a)) {
            return false;
        }
        odp_text_lit(ds, "pop_vlan");
        return true;

    case OVS_ACTION_ATTR_CT_CLEAR:
        if (attr_size(a)) {
            return false;
        }
        odp_text_lit(ds, "ct_clear");
        return true;

    case OVS_ACTION_ATTR_SET:
        return put_set(ds, a);
    case OVS_ACTION_ATTR_SET_MASKED:
        return put_set_masked(ds, a);
    case OVS_ACTION_ATTR_CT:
        return put_ct(ds, a);

    case OVS_ACTION_ATTR_CLONE:
        if (depth >= ODP_TEXT_MAX_DEPTH) {
            return false;
        }
        odp_text_lit(ds, "clone(");
        put_actions(ds, arg, attr_size(a), ports, depth + 1);
        odp_text_lit(ds, ")");
        return true;

    default:
        return false;
    }
}

/* Shows 'a' as upstream shows one that it does not know. */
static void
put_as_bytes(struct ds *ds, const struct nlattr *a)
{
    size_t n = attr_size(a);
    char *p = text_begin(ds, 16 + TEXT_U32_MAX + 3 * n);

    p = text_u32(text_lit(p, "action"), attr_type(a));
    if (n) {
        *p++ = '(';
        p = text_lit(text_separated(p, attr_get(a), n), ")");
    }
    text_end(ds, p);
}

static void
put_actions(struct ds *ds, const struct nlattr *actions, size_t len,
            const struct hmap *ports, int depth)
{
    const struct nlattr *a;
    size_t left;

    if (!len) {
        odp_text_lit(ds, "drop");
        return;
    }
    NL_ATTR_FOR_EACH (a, left, actions, len) {
        if (a != actions) {
            odp_text_lit(ds, ",");
        }
        if (put_action(ds, a, ports, depth)) {
            /* Done. */
        } else if (odp_text_action_is_sound(a, depth)) {
            format_odp_actions(ds, a, a->nla_len, ports);
        } else {
            put_as_bytes(ds, a);
        }
    }
    odp_text_leftover(ds, actions, len, left);
}

void
odp_text_actions(struct ds *ds, const struct nlattr *actions,
                 size_t actions_len, const struct hmap *ports)
{
    put_actions(ds, actions, actions_len, ports, 0);
}
