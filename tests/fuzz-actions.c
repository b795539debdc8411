/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG

#include "fuzz-actions.h"

#include <string.h>

#include "dpif-ila-names.h"
#include "netlink.h"
#include "odp-extension.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/nsh.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "random.h"
#include "util.h"

static bool
one_in(int n)
{
    return !random_range(n);
}

static void
fill(void *p_, size_t n)
{
    uint8_t *p = p_;

    for (size_t i = 0; i < n; i++) {
        p[i] = random_uint32();
    }
}

/* An attribute of 'n' random bytes, which are zeros now and then. */
static void
put_random(struct ofpbuf *b, uint16_t type, size_t n)
{
    void *p = nl_msg_put_unspec_zero(b, type, n);

    if (!one_in(8)) {
        fill(p, n);
    }
}

static uint32_t
some_port(void)
{
    return one_in(4) ? random_uint32() : random_range(6);
}

static void
put_userspace(struct ofpbuf *b)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_USERSPACE);

    if (!one_in(16)) {
        nl_msg_put_u32(b, OVS_USERSPACE_ATTR_PID, random_uint32());
    }
    if (one_in(4)) {
        put_random(b, OVS_USERSPACE_ATTR_USERDATA, random_range(60));
    } else if (!one_in(4)) {
        struct user_action_cookie cookie;

        fill(&cookie, sizeof cookie);
        cookie.type = random_range(8);
        if (cookie.type == USER_ACTION_COOKIE_FLOW_SAMPLE) {
            cookie.flow_sample.direction = random_range(4);
        }
        nl_msg_put_unspec(b, OVS_USERSPACE_ATTR_USERDATA, &cookie,
                          sizeof cookie);
    }
    if (one_in(3)) {
        nl_msg_put_u32(b, OVS_USERSPACE_ATTR_EGRESS_TUN_PORT, some_port());
    }
    if (one_in(3)) {
        nl_msg_put_flag(b, OVS_USERSPACE_ATTR_ACTIONS);
    }
    nl_msg_end_nested(b, offset);
}

/* One of the attributes 'key', NULL if there are none. */
static const struct nlattr *
pick(const struct ofpbuf *key)
{
    const struct nlattr *a, *picked = NULL;
    size_t left;
    int n = 0;

    NL_ATTR_FOR_EACH (a, left, key->data, key->size) {
        if (!random_range(++n)) {
            picked = a;
        }
    }
    return picked;
}

static void
put_set(struct ofpbuf *b, const struct ofpbuf *key, bool masked)
{
    const struct nlattr *a = pick(key);
    size_t offset, n;
    char *p;

    if (!a) {
        return;
    }
    n = nl_attr_get_size(a);
    offset = nl_msg_start_nested(b, masked ? OVS_ACTION_ATTR_SET_MASKED
                                 : OVS_ACTION_ATTR_SET);
    p = nl_msg_put_unspec_uninit(b, nl_attr_type(a), masked ? 2 * n : n);
    memcpy(p, nl_attr_get(a), n);
    if (masked) {
        if (one_in(2)) {
            memset(p + n, one_in(2) ? 0xff : 0, n);
        } else {
            fill(p + n, n);
        }
    }
    nl_msg_end_nested(b, offset);
}

static void
put_set_nsh(struct ofpbuf *b)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_SET_MASKED);
    size_t nsh = nl_msg_start_nested(b, OVS_KEY_ATTR_NSH);

    put_random(b, OVS_NSH_KEY_ATTR_BASE, 16);
    if (one_in(2)) {
        put_random(b, OVS_NSH_KEY_ATTR_MD1, 32);
    }
    nl_msg_end_nested(b, nsh);
    nl_msg_end_nested(b, offset);
}

static void
put_push_nsh(struct ofpbuf *b)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_PUSH_NSH);
    size_t nsh = nl_msg_start_nested(b, OVS_KEY_ATTR_NSH);
    struct ovs_nsh_key_base base;

    fill(&base, sizeof base);
    base.mdtype = 1 + random_range(3);
    nl_msg_put_unspec(b, OVS_NSH_KEY_ATTR_BASE, &base, sizeof base);
    if (base.mdtype == NSH_M_TYPE1) {
        put_random(b, OVS_NSH_KEY_ATTR_MD1, 16);
    } else {
        put_random(b, OVS_NSH_KEY_ATTR_MD2, 4 * random_range(8));
    }
    nl_msg_end_nested(b, nsh);
    nl_msg_end_nested(b, offset);
}

static void
put_nat(struct ofpbuf *b)
{
    size_t offset = nl_msg_start_nested(b, OVS_CT_ATTR_NAT);
    size_t addr_len = one_in(3) ? 16 : 4;
    uint16_t port = random_uint32();

    if (!one_in(4)) {
        nl_msg_put_flag(b, one_in(2) ? OVS_NAT_ATTR_SRC : OVS_NAT_ATTR_DST);
        bool has_addr = !one_in(4);

        if (has_addr) {
            uint32_t addr[4];

            fill(addr, sizeof addr);
            nl_msg_put_unspec(b, OVS_NAT_ATTR_IP_MIN, addr, addr_len);
            if (one_in(4)) {
                nl_msg_put_unspec(b, OVS_NAT_ATTR_IP_MAX, addr, addr_len);
            } else if (one_in(2)) {
                put_random(b, OVS_NAT_ATTR_IP_MAX, addr_len);
            }
        }
        if (one_in(has_addr ? 2 : 8)) {
            nl_msg_put_u16(b, OVS_NAT_ATTR_PROTO_MIN, port);
            if (one_in(2)) {
                port += random_range(3) - (one_in(4) ? 2 : 0);
                nl_msg_put_u16(b, OVS_NAT_ATTR_PROTO_MAX, port);
            }
        }
    }
    for (int type = OVS_NAT_ATTR_PERSISTENT; type <= OVS_NAT_ATTR_MAX;
         type++) {
        if (one_in(4)) {
            nl_msg_put_flag(b, type);
        }
    }
    nl_msg_end_nested(b, offset);
}

static void
put_ct(struct ofpbuf *b)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_CT);

    if (one_in(2)) {
        nl_msg_put_flag(b, OVS_CT_ATTR_COMMIT);
    }
    if (one_in(4)) {
        nl_msg_put_flag(b, OVS_CT_ATTR_FORCE_COMMIT);
    }
    if (one_in(2)) {
        nl_msg_put_u16(b, OVS_CT_ATTR_ZONE, one_in(8) ? 0 : random_uint32());
    }
    if (one_in(3)) {
        put_random(b, OVS_CT_ATTR_MARK, 8);
    }
    if (one_in(3)) {
        put_random(b, OVS_CT_ATTR_LABELS, 32);
    }
    if (one_in(4)) {
        nl_msg_put_string(b, OVS_CT_ATTR_HELPER, one_in(2) ? "ftp" : "");
    }
    if (one_in(4)) {
        nl_msg_put_string(b, OVS_CT_ATTR_TIMEOUT, "ovs_tp_0_tcp4");
    }
    if (one_in(4)) {
        nl_msg_put_u32(b, OVS_CT_ATTR_EVENTMASK, random_uint32());
    }
    if (one_in(2)) {
        put_nat(b);
    }
    nl_msg_end_nested(b, offset);
}

static void
put_sample(struct ofpbuf *b, const struct ofpbuf *key, int depth)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_SAMPLE);
    size_t actions;

    nl_msg_put_u32(b, OVS_SAMPLE_ATTR_PROBABILITY, random_uint32());
    actions = nl_msg_start_nested(b, OVS_SAMPLE_ATTR_ACTIONS);
    fuzz_actions(b, key, depth);
    nl_msg_end_nested(b, actions);
    nl_msg_end_nested(b, offset);
}

static void
put_clone(struct ofpbuf *b, const struct ofpbuf *key, int depth)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_CLONE);

    fuzz_actions(b, key, depth);
    nl_msg_end_nested(b, offset);
}

static void
put_check_pkt_len(struct ofpbuf *b, const struct ofpbuf *key, int depth)
{
    size_t offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_CHECK_PKT_LEN);

    nl_msg_put_u16(b, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, random_uint32());
    for (int i = 0; i < 2; i++) {
        size_t actions = nl_msg_start_nested(
            b, i ? OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER
            : OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL);

        fuzz_actions(b, key, depth);
        nl_msg_end_nested(b, actions);
    }
    nl_msg_end_nested(b, offset);
}

static void
put_tnl_push(struct ofpbuf *b)
{
    static const uint32_t types[] = {
        OVS_VPORT_TYPE_VXLAN, OVS_VPORT_TYPE_GENEVE, OVS_VPORT_TYPE_GRE,
        OVS_VPORT_TYPE_IP6GRE, OVS_VPORT_TYPE_ERSPAN, OVS_VPORT_TYPE_GTPU,
    };
    struct ovs_action_push_tnl tnl;
    struct eth_header *eth = (struct eth_header *) tnl.header;
    uint8_t *p;
    size_t n;

    fill(&tnl, sizeof tnl);
    tnl.tnl_port = u32_to_odp(some_port());
    tnl.out_port = u32_to_odp(some_port());
    tnl.tnl_type = types[random_range(ARRAY_SIZE(types))];
    eth->eth_type = htons(one_in(2) ? ETH_TYPE_IP : ETH_TYPE_IPV6);
    n = ETH_HEADER_LEN + (eth->eth_type == htons(ETH_TYPE_IP)
                          ? IP_HEADER_LEN : IPV6_HEADER_LEN);
    p = (uint8_t *) tnl.header + n;
    switch (tnl.tnl_type) {
    case OVS_VPORT_TYPE_GENEVE:
        p[8] &= 0xc3;           /* Options of up to 12 bytes. */
        n += 16 + 4 * (p[8] & 0x3f);
        break;
    case OVS_VPORT_TYPE_GRE:
    case OVS_VPORT_TYPE_IP6GRE:
        n += 4 + 4 * (!!(p[0] & 0x80) + !!(p[0] & 0x20) + !!(p[0] & 0x10));
        break;
    case OVS_VPORT_TYPE_ERSPAN:
        p[8] = random_range(2) ? 0x10 : 0x20;
        n += p[8] == 0x10 ? 16 : 20;
        break;
    default:
        n += 16;
        break;
    }
    /* No longer than it has to be, as in real flows. */
    tnl.header_len = n;
    nl_msg_put_unspec(b, OVS_ACTION_ATTR_TUNNEL_PUSH, &tnl,
                      offsetof(struct ovs_action_push_tnl, header) + n);
}

static void
put_extension(struct ofpbuf *b)
{
    size_t offset;

    if (one_in(4)) {
        /* Nobody's. */
        offset = nl_msg_start_nested(b, OVS_ACTION_ATTR_EXTENSION);
        put_random(b, random_range(8), random_range(24));
        nl_msg_end_nested(b, offset);
    } else if (one_in(2)) {
        struct ovs_action_ila *ila
            = odp_extension_put(b, odp_extension_from_type(
                                    OVS_EXTENSION_ATTR_ILA));

        fill(ila->locator, sizeof ila->locator);
        ila->csum_mode = random_range(4);
        ila->dir = 1 + random_range(2);
        ila->field = random_range(2);
        ila->ident_type = one_in(2) ? 1 : 32;
    } else {
        struct ovs_action_ila_table *table
            = odp_extension_put(b, odp_extension_from_type(
                                    OVS_EXTENSION_ATTR_ILA_TABLE));

        table->dirs = (1 + random_range(3)) * OVS_ILA_DIRS_IN;
        table->miss = random_range(2);
    }
}

/* Actions whose arguments are of fixed length. */
static const struct {
    uint16_t type;
    uint16_t size;
} simple[] = {
    { OVS_ACTION_ATTR_RECIRC, 4 },
    { OVS_ACTION_ATTR_METER, 4 },
    { OVS_ACTION_ATTR_LB_OUTPUT, 4 },
    { OVS_ACTION_ATTR_DROP, 4 },
    { OVS_ACTION_ATTR_TRUNC, sizeof(struct ovs_action_trunc) },
    { OVS_ACTION_ATTR_PUSH_VLAN, sizeof(struct ovs_action_push_vlan) },
    { OVS_ACTION_ATTR_POP_VLAN, 0 },
    { OVS_ACTION_ATTR_PUSH_MPLS, sizeof(struct ovs_action_push_mpls) },
    { OVS_ACTION_ATTR_ADD_MPLS, sizeof(struct ovs_action_add_mpls) },
    { OVS_ACTION_ATTR_POP_MPLS, 2 },
    { OVS_ACTION_ATTR_PUSH_ETH, sizeof(struct ovs_action_push_eth) },
    { OVS_ACTION_ATTR_POP_ETH, 0 },
    { OVS_ACTION_ATTR_CT_CLEAR, 0 },
    { OVS_ACTION_ATTR_POP_NSH, 0 },
    { OVS_ACTION_ATTR_UNSPEC, 4 },
    { OVS_ACTION_ATTR_MAX + 1, 8 },
    { 200, 0 },
};

static void
put_simple(struct ofpbuf *b)
{
    int i = random_range(ARRAY_SIZE(simple));

    put_random(b, simple[i].type, simple[i].size);
}

static void
put_hash(struct ofpbuf *b)
{
    struct ovs_action_hash *hash
        = nl_msg_put_unspec_zero(b, OVS_ACTION_ATTR_HASH, sizeof *hash);

    hash->hash_alg = random_range(3);
    hash->hash_basis = random_uint32();
}

static void
put_vlan(struct ofpbuf *b)
{
    struct ovs_action_push_vlan *vlan
        = nl_msg_put_unspec_zero(b, OVS_ACTION_ATTR_PUSH_VLAN, sizeof *vlan);

    vlan->vlan_tpid = htons(one_in(2) ? ETH_TYPE_VLAN : ETH_TYPE_VLAN_8021AD);
    vlan->vlan_tci = htons(random_uint32() & (one_in(2) ? 0xffff : 0xe000));
}

void
fuzz_actions(struct ofpbuf *b, const struct ofpbuf *key, int depth)
{
    for (int n = random_range(8); n > 0; n--) {
        switch (random_range(depth ? 19 : 16)) {
        case 0:
        case 1:
            nl_msg_put_u32(b, OVS_ACTION_ATTR_OUTPUT, some_port());
            break;
        case 2:
            nl_msg_put_u32(b, OVS_ACTION_ATTR_TUNNEL_POP, some_port());
            break;
        case 3:
            put_userspace(b);
            break;
        case 4:
        case 5:
            put_set(b, key, false);
            break;
        case 6:
        case 7:
            put_set(b, key, true);
            break;
        case 8:
            if (one_in(2)) {
                put_set_nsh(b);
            } else {
                put_push_nsh(b);
            }
            break;
        case 9:
        case 10:
            put_ct(b);
            break;
        case 11:
            put_tnl_push(b);
            break;
        case 12:
            put_extension(b);
            break;
        case 13:
            put_hash(b);
            break;
        case 14:
            put_vlan(b);
            break;
        case 15:
            put_simple(b);
            break;
        case 16:
            put_clone(b, key, depth - 1);
            break;
        case 17:
            put_sample(b, key, depth - 1);
            break;
        case 18:
            put_check_pkt_len(b, key, depth - 1);
            break;
        default:
            OVS_NOT_REACHED();
        }
    }
}

static void
change_bytes(struct ofpbuf *b)
{
    for (int n = 1 + random_range(4); n > 0 && b->size; n--) {
        uint8_t *p = b->data;

        p[random_range(b->size)] = one_in(4) ? 0 : random_uint32();
    }
}

/* Does 'a' consist of attributes? */
static bool
is_nested(const struct nlattr *a)
{
    const struct nlattr *inner;
    size_t left, n = 0;

    NL_NESTED_FOR_EACH (inner, left, a) {
        n++;
    }
    return n && !left;
}

/* Other attributes than 'b' has. */
static void
change_attrs(struct ofpbuf *b)
{
    struct ofpbuf *old = ofpbuf_clone(b);
    const struct nlattr *a;
    size_t left;

    ofpbuf_clear(b);
    NL_ATTR_FOR_EACH (a, left, old->data, old->size) {
        uint16_t type = nl_attr_type(a);
        size_t n = nl_attr_get_size(a);

        switch (random_range(12)) {
        case 0:
            continue;
        case 1:                 /* Twice. */
            nl_msg_put_unspec(b, type, nl_attr_get(a), n);
            break;
        case 2:
            n = random_range(n + 1);
            break;
        case 3:
            put_random(b, type, n + random_range(5));
            continue;
        case 4:
            type = random_range(70);
            break;
        case 5:
            put_random(b, random_range(70), one_in(4) ? 0 : random_range(40));
            break;
        case 6:
            put_random(b, type, n);
            continue;
        default:
            if (is_nested(a)) {
                struct ofpbuf inner;

                ofpbuf_init(&inner, n);
                ofpbuf_put(&inner, nl_attr_get(a), n);
                change_attrs(&inner);
                nl_msg_put_unspec(b, type, inner.data, inner.size);
                ofpbuf_uninit(&inner);
                continue;
            }
            break;
        }
        nl_msg_put_unspec(b, type, nl_attr_get(a), n);
    }
    ofpbuf_delete(old);
}

void
fuzz_mutate(struct ofpbuf *b)
{
    if (one_in(2)) {
        change_attrs(b);
    }
    if (one_in(2)) {
        change_bytes(b);
    }
    if (one_in(8) && b->size) {
        b->size = random_range(b->size + 1);
    }
}
