/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-flow.h"

#include <netinet/icmp6.h>
#include <string.h>

#include "flow.h"
#include "netlink.h"
#include "odp-util.h"
#include "packets.h"
#include "util.h"

/* Upstream's new fields have to find their place below. */
BUILD_ASSERT_DECL(FLOW_WC_SEQ == 42);

BUILD_ASSERT_DECL(sizeof(struct ovs_xdp_head) == 16);
BUILD_ASSERT_DECL(sizeof(union ovs_xdp_key) == OVS_XDP_KEY_WORDS * 8);
BUILD_ASSERT_DECL(OFFSETOFEND(union ovs_xdp_key, l2.ether)
                  == OVS_XDP_L2_WORDS * 8);
BUILD_ASSERT_DECL(OFFSETOFEND(union ovs_xdp_key, v4.ip)
                  == OVS_XDP_V4_WORDS * 8);
BUILD_ASSERT_DECL(OFFSETOFEND(union ovs_xdp_key, v4.ether)
                  == OVS_XDP_V4_ETH_WORDS * 8);
BUILD_ASSERT_DECL(OFFSETOFEND(union ovs_xdp_key, v6.ip)
                  == OVS_XDP_V6_WORDS * 8);
BUILD_ASSERT_DECL(OFFSETOFEND(union ovs_xdp_key, v6.ether)
                  == OVS_XDP_V6_ETH_WORDS * 8);
BUILD_ASSERT_DECL(OVS_XDP_VLAN_PRESENT == VLAN_CFI);
BUILD_ASSERT_DECL(OVS_XDP_FRAG_ANY == FLOW_NW_FRAG_ANY);
BUILD_ASSERT_DECL(OVS_XDP_FRAG_LATER == FLOW_NW_FRAG_LATER);

/* A field that keys do not have.  Flows may say that it is 0, where it is so
 * in all packets that get as far as to be looked up. */
struct absent {
    size_t ofs, size;           /* In struct flow. */
    const char *refusal;
    unsigned int zero_in;       /* Bit 1 << family: is 0 in all of it... */
    int unless;                 /* ...but for IP packets of this protocol, */
    int unless_either;          /* or this one; -1 for none. */
};

#define L2 (1u << OVS_XDP_L2)
#define IP (1u << OVS_XDP_IPV4 | 1u << OVS_XDP_IPV6)
#define ABSENT(MEMBER, ZERO_IN, ...)                                    \
    { offsetof(struct flow, MEMBER), MEMBER_SIZEOF(struct flow, MEMBER), \
      "matches " #MEMBER, ZERO_IN, __VA_ARGS__ }

static const struct absent absent[] = {
    /* What a packet has not yet that was only just received. */
    ABSENT(tunnel, L2 | IP, -1, -1),
    ABSENT(metadata, L2 | IP, -1, -1),
    ABSENT(regs, L2 | IP, -1, -1),
    ABSENT(skb_priority, L2 | IP, -1, -1),
    ABSENT(pkt_mark, L2 | IP, -1, -1),
    ABSENT(dp_hash, L2 | IP, -1, -1),
    ABSENT(recirc_id, L2 | IP, -1, -1),
    ABSENT(ct_state, L2 | IP, -1, -1),
    ABSENT(ct_nw_proto, L2 | IP, -1, -1),
    ABSENT(ct_zone, L2 | IP, -1, -1),
    ABSENT(ct_mark, L2 | IP, -1, -1),
    ABSENT(ct_label, L2 | IP, -1, -1),
    ABSENT(ct_nw_src, L2 | IP, -1, -1),
    ABSENT(ct_nw_dst, L2 | IP, -1, -1),
    ABSENT(ct_ipv6_src, L2 | IP, -1, -1),
    ABSENT(ct_ipv6_dst, L2 | IP, -1, -1),
    ABSENT(ct_tp_src, L2 | IP, -1, -1),
    ABSENT(ct_tp_dst, L2 | IP, -1, -1),
    ABSENT(conj_id, L2 | IP, -1, -1),
    ABSENT(actset_output, L2 | IP, -1, -1),
    ABSENT(packet_type, L2 | IP, -1, -1),       /* Ethernet. */

    /* Packets that have these go to the socket. */
    ABSENT(vlans[1], L2 | IP, -1, -1),
    ABSENT(mpls_lse, L2 | IP, -1, -1),

    ABSENT(nw_src, 1u << OVS_XDP_IPV6, -1, -1), /* ARP has them, too. */
    ABSENT(nw_dst, 1u << OVS_XDP_IPV6, -1, -1),
    ABSENT(ipv6_src, L2 | 1u << OVS_XDP_IPV4, -1, -1),
    ABSENT(ipv6_dst, L2 | 1u << OVS_XDP_IPV4, -1, -1),
    ABSENT(ipv6_label, L2 | 1u << OVS_XDP_IPV4, -1, -1),
    ABSENT(nw_frag, L2, -1, -1),
    ABSENT(nw_tos, L2, -1, -1),
    ABSENT(nw_ttl, L2, -1, -1),
    ABSENT(nw_proto, 0, -1, -1),                /* Opcode of ARP. */
    ABSENT(nd_target, L2 | IP, IPPROTO_ICMPV6, -1),
    ABSENT(arp_sha, IP, IPPROTO_ICMPV6, -1),
    ABSENT(arp_tha, IP, IPPROTO_ICMPV6, -1),
    ABSENT(nsh, IP, -1, -1),
    ABSENT(tcp_flags, L2, -1, -1),
    ABSENT(tp_src, L2, -1, -1),
    ABSENT(tp_dst, L2, -1, -1),
    ABSENT(igmp_group_ip4, L2 | IP, IPPROTO_ICMPV6, IPPROTO_IGMP),
};

unsigned int
xdp_shape_words(enum ovs_xdp_shape shape)
{
    static const unsigned int n_words[] = {
        [OVS_XDP_SHAPE_L2] = OVS_XDP_L2_WORDS,
        [OVS_XDP_SHAPE_V4] = OVS_XDP_V4_WORDS,
        [OVS_XDP_SHAPE_V4_ETH] = OVS_XDP_V4_ETH_WORDS,
        [OVS_XDP_SHAPE_V6] = OVS_XDP_V6_WORDS,
        [OVS_XDP_SHAPE_V6_ETH] = OVS_XDP_V6_ETH_WORDS,
    };

    BUILD_ASSERT_DECL(ARRAY_SIZE(n_words) == OVS_XDP_N_SHAPES);
    return n_words[shape];
}

const char *
xdp_shape_name(enum ovs_xdp_shape shape)
{
    static const char *const names[] = {
        [OVS_XDP_SHAPE_L2] = "l2",
        [OVS_XDP_SHAPE_V4] = "ipv4",
        [OVS_XDP_SHAPE_V4_ETH] = "ipv4-eth",
        [OVS_XDP_SHAPE_V6] = "ipv6",
        [OVS_XDP_SHAPE_V6_ETH] = "ipv6-eth",
    };

    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == OVS_XDP_N_SHAPES);
    return names[shape];
}

/* Can a packet with nw_proto 'proto' match? */
static bool
may_be_proto(const struct flow *flow, const struct flow_wildcards *wc,
             uint8_t proto)
{
    return !((flow->nw_proto ^ proto) & wc->masks.nw_proto);
}

/* Moves one field from struct flow to the key, and clears it in 'left'. */
#define MOVE(KEY_FIELD, FLOW_FIELD)                                     \
    do {                                                                \
        BUILD_ASSERT(sizeof xdp->key.KEY_FIELD                          \
                     == sizeof flow->FLOW_FIELD);                       \
        memcpy(&xdp->key.KEY_FIELD, &flow->FLOW_FIELD,                  \
               sizeof xdp->key.KEY_FIELD);                              \
        memcpy(&xdp->mask.KEY_FIELD, &left.masks.FLOW_FIELD,            \
               sizeof xdp->mask.KEY_FIELD);                             \
        memset(&left.masks.FLOW_FIELD, 0, sizeof left.masks.FLOW_FIELD); \
    } while (0)

/* The key has no type of tag: a packet either has one tag of the common type
 * or none, which the CFI bit tells. */
static const char *
move_vlan(const struct flow *flow, struct flow_wildcards *left,
          struct xdp_flow *xdp)
{
    ovs_be16 tpid = flow->vlans[0].tpid;
    ovs_be16 tpid_mask = left->masks.vlans[0].tpid;

    xdp->key.head.vlan_tci = flow->vlans[0].tci;
    xdp->mask.head.vlan_tci = left->masks.vlans[0].tci;
    if (tpid_mask) {
        if (tpid_mask != OVS_BE16_MAX) {
            return "matches a part of a VLAN's tpid";
        } else if (tpid && tpid != htons(ETH_TYPE_VLAN_8021Q)) {
            return "matches a VLAN's tpid other than 0x8100";
        } else if ((flow->vlans[0].tci & htons(VLAN_CFI)
                    ? htons(ETH_TYPE_VLAN_8021Q) : 0) != tpid
                   && left->masks.vlans[0].tci & htons(VLAN_CFI)) {
            return "matches a VLAN's tpid and tci that contradict";
        }
        if (tpid) {
            xdp->key.head.vlan_tci |= htons(VLAN_CFI);
        } else {
            xdp->key.head.vlan_tci &= ~htons(VLAN_CFI);
        }
        xdp->mask.head.vlan_tci |= htons(VLAN_CFI);
    }
    memset(&left->masks.vlans[0], 0, sizeof left->masks.vlans[0]);
    return NULL;
}

/* Whether any of 'n' bytes at 'ofs' of 'flow' is not 0 where 'left' has
 * bits. */
static bool
bits_matter(const struct flow *flow, const struct flow_wildcards *left,
            size_t ofs, size_t n)
{
    const uint8_t *f = (const uint8_t *) flow + ofs;
    const uint8_t *m = (const uint8_t *) &left->masks + ofs;

    for (size_t i = 0; i < n; i++) {
        if (f[i] & m[i]) {
            return true;
        }
    }
    return false;
}

/* What of 'left' is not accounted for by what packets of the family do not
 * have. */
static const char *
check_left(const struct flow *flow, const struct flow_wildcards *wc,
           struct flow_wildcards *left, enum ovs_xdp_family family)
{
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        const struct absent *a = &absent[i];
        uint8_t *m = (uint8_t *) &left->masks + a->ofs;
        bool zero = a->zero_in & (1u << family);

        if (is_all_zeros(m, a->size)) {
            continue;
        }
        if (family != OVS_XDP_L2
            && ((a->unless >= 0 && may_be_proto(flow, wc, a->unless))
                || (a->unless_either >= 0
                    && may_be_proto(flow, wc, a->unless_either)))) {
            zero = false;
        }
        if (!zero || bits_matter(flow, left, a->ofs, a->size)) {
            return a->refusal;
        }
        memset(m, 0, a->size);
    }
    return (is_all_zeros(left, sizeof *left)
            ? NULL : "matches a field that is unknown here");
}

const char *
xdp_flow_from_flow(const struct flow *flow, const struct flow_wildcards *wc,
                   odp_port_t in_port, struct xdp_flow *xdp)
{
    struct flow_wildcards left = *wc;
    const char *refusal;

    memset(xdp, 0, sizeof *xdp);
    xdp->proto = OVS_XDP_ANY_PROTO;

    if (wc->masks.in_port.odp_port != ODPP_NONE) {
        return "does not match in_port";
    } else if (flow->in_port.odp_port != in_port) {
        return "matches another in_port";
    }
    memset(&left.masks.in_port, 0, sizeof left.masks.in_port);

    if (wc->masks.dl_type != OVS_BE16_MAX) {
        return "does not match dl_type";
    }
    left.masks.dl_type = 0;
    switch (ntohs(flow->dl_type)) {
    case ETH_TYPE_IP:
        xdp->family = OVS_XDP_IPV4;
        break;
    case ETH_TYPE_IPV6:
        xdp->family = OVS_XDP_IPV6;
        break;
    case ETH_TYPE_VLAN_8021Q:
    case ETH_TYPE_VLAN_8021AD:
        return "matches more VLAN tags than one";
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MCAST:
        return "matches MPLS";
    default:
        if (ntohs(flow->dl_type) < ETH_TYPE_MIN) {
            return "matches 802.2";
        }
        xdp->family = OVS_XDP_L2;
        xdp->key.head.dl_type = flow->dl_type;
        xdp->mask.head.dl_type = OVS_BE16_MAX;
        break;
    }

    refusal = move_vlan(flow, &left, xdp);
    if (refusal) {
        return refusal;
    }

    switch (xdp->family) {
    case OVS_XDP_IPV4:
        MOVE(v4.ip.src, nw_src);
        MOVE(v4.ip.dst, nw_dst);
        MOVE(v4.ether.dst, dl_dst);
        MOVE(v4.ether.src, dl_src);
        xdp->shape = (is_all_zeros(&xdp->mask.v4.ether,
                                   sizeof xdp->mask.v4.ether)
                      ? OVS_XDP_SHAPE_V4 : OVS_XDP_SHAPE_V4_ETH);
        break;
    case OVS_XDP_IPV6:
        MOVE(v6.ip.src, ipv6_src);
        MOVE(v6.ip.dst, ipv6_dst);
        MOVE(v6.ether.dst, dl_dst);
        MOVE(v6.ether.src, dl_src);
        xdp->shape = (is_all_zeros(&xdp->mask.v6.ether,
                                   sizeof xdp->mask.v6.ether)
                      ? OVS_XDP_SHAPE_V6 : OVS_XDP_SHAPE_V6_ETH);
        break;
    case OVS_XDP_L2:
    case OVS_XDP_N_FAMILIES:
    default:
        MOVE(l2.ether.dst, dl_dst);
        MOVE(l2.ether.src, dl_src);
        xdp->shape = OVS_XDP_SHAPE_L2;
        break;
    }

    if (xdp->family != OVS_XDP_L2) {
        MOVE(head.nw_frag, nw_frag);
        MOVE(head.nw_tos, nw_tos);
        MOVE(head.nw_ttl, nw_ttl);
        MOVE(head.nw_proto, nw_proto);
        MOVE(head.tp_src, tp_src);
        MOVE(head.tp_dst, tp_dst);
        /* Neighbor discovery has something else there. */
        if (!may_be_proto(flow, wc, IPPROTO_ICMPV6)) {
            MOVE(head.tcp_flags, tcp_flags);
        }
        if (wc->masks.nw_proto == UINT8_MAX) {
            xdp->proto = flow->nw_proto;
        }
    }

    refusal = check_left(flow, wc, &left, xdp->family);
    if (refusal) {
        return refusal;
    }
    for (size_t i = 0; i < OVS_XDP_KEY_WORDS; i++) {
        xdp->key.words[i] &= xdp->mask.words[i];
    }
    return NULL;
}

/* Is the part of 'size' bytes from 'ofs' on of 'mask' that of all bits, or of
 * none?  Clears it there, and sets '*set'. */
static bool
take_mask(uint8_t *mask, size_t ofs, size_t size, bool *set)
{
    bool all = is_all_ones(mask + ofs, size);
    bool none = is_all_zeros(mask + ofs, size);

    memset(mask + ofs, 0, size);
    *set = all;
    return all || none;
}

static const char *
rewrite_ether(const struct ovs_key_ethernet *key, const void *mask_,
              struct ovs_xdp_rewrite *r)
{
    uint8_t mask[sizeof *key];
    bool src, dst;

    memcpy(mask, mask_, sizeof mask);
    if (!take_mask(mask, offsetof(struct ovs_key_ethernet, eth_src),
                   ETH_ADDR_LEN, &src)
        || !take_mask(mask, offsetof(struct ovs_key_ethernet, eth_dst),
                      ETH_ADDR_LEN, &dst)) {
        return "sets parts of an Ethernet address";
    }
    if (src) {
        memcpy(r->src, &key->eth_src, ETH_ADDR_LEN);
        r->what |= OVS_XDP_SET_SRC;
    }
    if (dst) {
        memcpy(r->dst, &key->eth_dst, ETH_ADDR_LEN);
        r->what |= OVS_XDP_SET_DST;
    }
    return NULL;
}

/* A set of 'size' bytes with 'mask', of which XDP can set the one at 'ofs',
 * 'ttl'. */
static const char *
rewrite_ttl(uint8_t ttl, const void *mask_, size_t size, size_t ofs,
            struct ovs_xdp_rewrite *r)
{
    uint8_t mask[MAX(sizeof(struct ovs_key_ipv4),
                     sizeof(struct ovs_key_ipv6))];
    bool set;

    memcpy(mask, mask_, size);
    if (!take_mask(mask, ofs, 1, &set) || !is_all_zeros(mask, size)) {
        return "sets a field of IP other than the TTL";
    }
    if (set) {
        r->ttl = ttl;
        r->what |= OVS_XDP_SET_TTL;
    }
    return NULL;
}

/* Adds what 'a', a key and its mask, sets. */
static const char *
rewrite_masked(const struct nlattr *a, enum ovs_xdp_family family,
               struct ovs_xdp_rewrite *r)
{
    const void *key = nl_attr_get(a);
    const void *mask = (const char *) key + nl_attr_get_size(a) / 2;
    int type = nl_attr_type(a);

    if (type == OVS_KEY_ATTR_ETHERNET) {
        return rewrite_ether(key, mask, r);
    } else if (type == OVS_KEY_ATTR_IPV4 && family == OVS_XDP_IPV4) {
        const struct ovs_key_ipv4 *ipv4 = key;

        return rewrite_ttl(ipv4->ipv4_ttl, mask, sizeof *ipv4,
                           offsetof(struct ovs_key_ipv4, ipv4_ttl), r);
    } else if (type == OVS_KEY_ATTR_IPV6 && family == OVS_XDP_IPV6) {
        const struct ovs_key_ipv6 *ipv6 = key;

        return rewrite_ttl(ipv6->ipv6_hlimit, mask, sizeof *ipv6,
                           offsetof(struct ovs_key_ipv6, ipv6_hlimit), r);
    }
    return "sets a field that XDP does not set";
}

static const char *
rewrite_vlan(const struct ovs_action_push_vlan *push,
             struct ovs_xdp_rewrite *r)
{
    uint8_t what = push ? OVS_XDP_PUSH_VLAN : OVS_XDP_POP_VLAN;

    if (r->what & (OVS_XDP_PUSH_VLAN | what)) {
        return "has more VLAN actions than pop and push";
    }
    if (push) {
        r->tpid = push->vlan_tpid;
        r->tci = push->vlan_tci & htons(~VLAN_CFI);
    }
    r->what |= what;
    return NULL;
}

/* Adds what 'a', an action, changes. */
static const char *
rewrite(const struct nlattr *a, enum ovs_xdp_family family,
        struct ovs_xdp_rewrite *r)
{
    int type = nl_attr_type(a);

    if (type == OVS_ACTION_ATTR_SET_MASKED) {
        return rewrite_masked(nl_attr_get(a), family, r);
    } else if (type == OVS_ACTION_ATTR_POP_VLAN) {
        return rewrite_vlan(NULL, r);
    } else if (type == OVS_ACTION_ATTR_PUSH_VLAN) {
        return rewrite_vlan(nl_attr_get(a), r);
    } else if (type == OVS_ACTION_ATTR_SET) {
        const struct nlattr *key = nl_attr_get(a);
        struct ovs_key_ethernet mask;

        if (nl_attr_type(key) == OVS_KEY_ATTR_ETHERNET) {
            memset(&mask, 0xff, sizeof mask);
            return rewrite_ether(nl_attr_get(key), &mask, r);
        }
        return "sets a field that XDP does not set";
    }
    return "has an action that XDP does not have";
}

const char *
xdp_flow_from_actions(const struct nlattr *actions, size_t size,
                      enum ovs_xdp_family family,
                      struct xdp_flow_action *action)
{
    const struct nlattr *a;
    size_t left;

    memset(action, 0, sizeof *action);
    action->type = OVS_XDP_DROP;
    action->port = ODPP_NONE;
    NL_ATTR_FOR_EACH (a, left, actions, size) {
        bool is_last = left == nl_attr_len_pad(a, left);
        const char *refusal;

        if (nl_attr_type(a) == OVS_ACTION_ATTR_OUTPUT) {
            if (!is_last) {
                return "has actions after an output";
            }
            action->type = OVS_XDP_REDIRECT;
            action->port = nl_attr_get_odp_port(a);
        } else if (nl_attr_type(a) == OVS_ACTION_ATTR_DROP) {
            return is_last ? NULL : "has actions after a drop";
        } else if (is_last) {
            /* Software knows what that is good for. */
            return "has an action that XDP does not have";
        } else {
            refusal = rewrite(a, family, &action->rewrite);
            if (refusal) {
                return refusal;
            }
        }
    }
    return NULL;
}
