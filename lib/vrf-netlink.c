/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink.h"
#include "netlink-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* What headers of older kernels lack. */
enum {
    FRA_DSCP_ = 25,
    FRA_SPORT_MASK_ = 28,
    FRA_DPORT_MASK_ = 29,
    FRA_DSCP_MASK_ = 30,
    N_FRA = 32,
};
enum { N_RTA = RTA_NH_ID + 1 };
enum { N_IFLA = IFLA_LINKINFO + 64 };
enum { VRF_DATA_TABLE = 1 };    /* IFLA_VRF_TABLE. */

/* A member in NHA_GROUP; headers differ in what they call 'weight_high'. */
struct group_member {
    uint32_t id;
    uint8_t weight;             /* Less 1. */
    uint8_t weight_high;        /* The upper half of 'weight', or 0. */
    uint16_t reserved;
};

/* Attributes. */

/* Fills in 'attrs', 'n' of them, by type.  Returns whether what 'data' has is
 * well-formed; '*unknown' whether there were types from 'n' on. */
static bool
parse_attrs(const void *data, size_t size, const struct nlattr *attrs[],
            size_t n, bool *unknown)
{
    const struct nlattr *a;
    size_t left;

    memset(attrs, 0, n * sizeof *attrs);
    NL_ATTR_FOR_EACH (a, left, data, size) {
        uint16_t type = nl_attr_type(a);

        if (type < n) {
            attrs[type] = a;
        } else if (unknown) {
            *unknown = true;
        }
    }
    /* What is left may be shorter than an attribute's padding, nothing
     * else. */
    return left < NLA_HDRLEN;
}

static bool
parse_nested(const struct nlattr *nested, const struct nlattr *attrs[],
             size_t n)
{
    return parse_attrs(nl_attr_get(nested), nl_attr_get_size(nested), attrs,
                       n, NULL);
}

/* These leave '*value' as it is if there is no attribute, and return false if
 * it has another size. */
static bool
get_u32(const struct nlattr *a, uint32_t *value)
{
    if (a) {
        if (nl_attr_get_size(a) != sizeof *value) {
            return false;
        }
        *value = nl_attr_get_u32(a);
    }
    return true;
}

static bool
get_u8(const struct nlattr *a, uint8_t *value)
{
    if (a) {
        if (nl_attr_get_size(a) != sizeof *value) {
            return false;
        }
        *value = nl_attr_get_u8(a);
    }
    return true;
}

static bool
get_u16(const struct nlattr *a, uint16_t *value)
{
    if (a) {
        if (nl_attr_get_size(a) != sizeof *value) {
            return false;
        }
        *value = nl_attr_get_u16(a);
    }
    return true;
}

static bool
get_name(const struct nlattr *a, char name[IFNAMSIZ])
{
    if (a) {
        size_t size = nl_attr_get_size(a);
        const char *s = nl_attr_get(a);

        if (!size || size > IFNAMSIZ || strnlen(s, size) == size) {
            return false;
        }
        ovs_strlcpy(name, s, IFNAMSIZ);
    }
    return true;
}

static size_t
addr_size(enum vrf_family family)
{
    return vrf_family_bits(family) / 8;
}

static struct vrf_addr
read_addr(enum vrf_family family, const void *data)
{
    if (family == VRF_IPV4) {
        ovs_be32 ip;

        memcpy(&ip, data, sizeof ip);
        return vrf_addr_from_ipv4(ip);
    } else {
        struct in6_addr ip;

        memcpy(&ip, data, sizeof ip);
        return vrf_addr_from_ipv6(&ip);
    }
}

static bool
get_addr(const struct nlattr *a, enum vrf_family family,
         struct vrf_addr *addr)
{
    if (a) {
        if (nl_attr_get_size(a) != addr_size(family)) {
            return false;
        }
        *addr = read_addr(family, nl_attr_get(a));
    }
    return true;
}

static bool
get_prefix(const struct nlattr *a, enum vrf_family family, uint8_t len,
           struct vrf_prefix *p)
{
    if (len > vrf_family_bits(family) || !get_addr(a, family, &p->addr)
        || (len && !a)) {
        return false;
    }
    p->len = len;
    p->addr = vrf_addr_cut(&p->addr, len);
    return true;
}

static bool
get_family(uint8_t af, enum vrf_family *family)
{
    *family = af == AF_INET ? VRF_IPV4 : VRF_IPV6;
    return af == AF_INET || af == AF_INET6;
}

/* Returns the fixed header of 'size' bytes behind the netlink header, and
 * fills in the attributes behind that; null if 'msg' is not well-formed. */
static const void *
parse_message(const struct ofpbuf *msg, size_t size,
              const struct nlattr *attrs[], size_t n, bool *unknown)
{
    size_t offset = NLMSG_HDRLEN + NLMSG_ALIGN(size);

    if (msg->size < NLMSG_HDRLEN + size) {
        return NULL;
    }
    if (msg->size < offset) {
        memset(attrs, 0, n * sizeof *attrs);
    } else if (!parse_attrs((const char *) msg->data + offset,
                            msg->size - offset, attrs, n, unknown)) {
        return NULL;
    }
    return (const char *) msg->data + NLMSG_HDRLEN;
}

/* Links, addresses, neighbours. */

static bool
get_vrf_table(const struct nlattr *linkinfo, uint32_t *table)
{
    const struct nlattr *info[IFLA_INFO_DATA + 1];
    const struct nlattr *data[VRF_DATA_TABLE + 1];
    const struct nlattr *kind;

    if (!linkinfo) {
        return true;
    }
    if (!parse_nested(linkinfo, info, ARRAY_SIZE(info))) {
        return false;
    }
    kind = info[IFLA_INFO_KIND];
    if (!kind || !info[IFLA_INFO_DATA]
        || nl_attr_get_size(kind) < 3
        || memcmp(nl_attr_get(kind), "vrf", 3)
        || (nl_attr_get_size(kind) > 3
            && ((const char *) nl_attr_get(kind))[3])) {
        return true;
    }
    return (parse_nested(info[IFLA_INFO_DATA], data, ARRAY_SIZE(data))
            && get_u32(data[VRF_DATA_TABLE], table));
}

static enum vrf_netlink_result
parse_link(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[N_IFLA];
    const struct ifinfomsg *ifi = parse_message(msg, sizeof *ifi, attrs,
                                                N_IFLA, NULL);
    struct vrf_device *d = &event->link;

    if (!ifi) {
        return VRF_NETLINK_BAD;
    }
    if (ifi->ifi_family != AF_UNSPEC || !attrs[IFLA_IFNAME]) {
        return VRF_NETLINK_IGNORED;
    }
    if (ifi->ifi_index <= 0
        || !get_name(attrs[IFLA_IFNAME], d->name) || !d->name[0]
        || !get_u32(attrs[IFLA_MASTER], &d->master)
        || !get_u32(attrs[IFLA_GROUP], &d->group)
        || !get_u32(attrs[IFLA_MTU], &d->mtu)
        || !get_vrf_table(attrs[IFLA_LINKINFO], &d->table)) {
        return VRF_NETLINK_BAD;
    }
    event->type = VRF_EVENT_LINK;
    d->ifindex = ifi->ifi_index;
    d->up = (ifi->ifi_flags & IFF_UP) != 0;
    d->running = (ifi->ifi_flags & IFF_RUNNING) != 0;
    return VRF_NETLINK_EVENT;
}

static enum vrf_netlink_result
parse_address(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[IFA_LOCAL + 1];
    const struct ifaddrmsg *ifa = parse_message(msg, sizeof *ifa, attrs,
                                                ARRAY_SIZE(attrs), NULL);
    struct vrf_address *a = &event->address;
    const struct nlattr *addr;

    if (!ifa) {
        return VRF_NETLINK_BAD;
    }
    if (!get_family(ifa->ifa_family, &a->family)) {
        return VRF_NETLINK_IGNORED;
    }

    /* With a peer, IFA_ADDRESS is the peer's. */
    addr = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
    if (!addr || !get_addr(addr, a->family, &a->addr)
        || ifa->ifa_prefixlen > vrf_family_bits(a->family)) {
        return VRF_NETLINK_BAD;
    }
    event->type = VRF_EVENT_ADDRESS;
    a->ifindex = ifa->ifa_index;
    a->len = ifa->ifa_prefixlen;
    return VRF_NETLINK_EVENT;
}

static enum vrf_netlink_result
parse_neighbour(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[NDA_LLADDR + 1];
    const struct ndmsg *ndm = parse_message(msg, sizeof *ndm, attrs,
                                            ARRAY_SIZE(attrs), NULL);
    struct vrf_neighbour *n = &event->neighbour;
    const struct nlattr *lladdr;

    if (!ndm) {
        return VRF_NETLINK_BAD;
    }
    if (!get_family(ndm->ndm_family, &n->family)
        || ndm->ndm_flags & NTF_PROXY || !attrs[NDA_DST]) {
        return VRF_NETLINK_IGNORED;
    }
    if (!get_addr(attrs[NDA_DST], n->family, &n->addr)
        || ndm->ndm_ifindex <= 0) {
        return VRF_NETLINK_BAD;
    }
    lladdr = attrs[NDA_LLADDR];
    if (lladdr && nl_attr_get_size(lladdr) == sizeof n->mac) {
        memcpy(&n->mac, nl_attr_get(lladdr), sizeof n->mac);
    }
    event->type = VRF_EVENT_NEIGHBOUR;
    n->ifindex = ndm->ndm_ifindex;
    n->state = ndm->ndm_state;
    return VRF_NETLINK_EVENT;
}

/* Rules. */

static bool
get_ports(const struct nlattr *a, uint16_t range[2], uint16_t part,
          struct vrf_rule *rule)
{
    struct fib_rule_port_range r;

    if (a) {
        if (nl_attr_get_size(a) != sizeof r) {
            return false;
        }
        memcpy(&r, nl_attr_get(a), sizeof r);
        range[0] = r.start;
        range[1] = r.end;
        rule->parts |= part;
    }
    return true;
}

static bool
get_mark(const struct nlattr *const attrs[], struct vrf_rule *rule)
{
    if (attrs[FRA_FWMARK] || attrs[FRA_FWMASK]) {
        rule->parts |= VRF_RULE_MARK;
        rule->mark_mask = UINT32_MAX;
    }
    return (get_u32(attrs[FRA_FWMARK], &rule->mark)
            && get_u32(attrs[FRA_FWMASK], &rule->mark_mask));
}

static bool
get_tos(const struct nlattr *const attrs[], enum vrf_family family,
        uint8_t tos, struct vrf_rule *rule)
{
    uint8_t dscp = 0, mask = 0x3f;

    if (!get_u8(attrs[FRA_DSCP_], &dscp)
        || !get_u8(attrs[FRA_DSCP_MASK_], &mask)
        || dscp > 0x3f || mask > 0x3f) {
        return false;
    }
    if (attrs[FRA_DSCP_]) {
        rule->parts |= VRF_RULE_TOS;
        rule->tos = dscp << 2;
        rule->tos_mask = mask << 2;
    } else if (tos) {
        rule->parts |= VRF_RULE_TOS;
        rule->tos = tos;
        rule->tos_mask = family == VRF_IPV4 ? 0x1c : 0xfc;
    }
    return true;
}

/* Sets VRF_RULE_OTHER if there is a selector that looks at something else. */
static bool
get_others(const struct nlattr *const attrs[], struct vrf_rule *rule)
{
    static const uint8_t known[] = {
        FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK,
        FRA_FLOW, FRA_SUPPRESS_IFGROUP, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE,
        FRA_FWMASK, FRA_OIFNAME, FRA_PAD, FRA_L3MDEV, FRA_PROTOCOL,
        FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_DSCP_,
        FRA_DSCP_MASK_,
    };
    uint16_t sport_mask = UINT16_MAX, dport_mask = UINT16_MAX;
    struct fib_rule_uid_range uids = { 0, UINT32_MAX };
    uint64_t ignore = (UINT64_C(1) << FRA_UID_RANGE
                       | UINT64_C(1) << FRA_TUN_ID
                       | UINT64_C(1) << FRA_SPORT_MASK_
                       | UINT64_C(1) << FRA_DPORT_MASK_);
    const struct nlattr *a;

    a = attrs[FRA_UID_RANGE];
    if (a) {
        if (nl_attr_get_size(a) != sizeof uids) {
            return false;
        }
        memcpy(&uids, nl_attr_get(a), sizeof uids);
    }
    if (!get_u16(attrs[FRA_SPORT_MASK_], &sport_mask)
        || !get_u16(attrs[FRA_DPORT_MASK_], &dport_mask)) {
        return false;
    }
    if (uids.start || uids.end != UINT32_MAX || attrs[FRA_TUN_ID]
        || sport_mask != UINT16_MAX || dport_mask != UINT16_MAX) {
        rule->parts |= VRF_RULE_OTHER;
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        ignore |= UINT64_C(1) << known[i];
    }
    for (size_t i = 0; i < N_FRA; i++) {
        if (attrs[i] && !(ignore & UINT64_C(1) << i)) {
            rule->parts |= VRF_RULE_OTHER;
        }
    }
    return true;
}

static bool
get_rule_action(const struct nlattr *const attrs[],
                const struct fib_rule_hdr *frh, struct vrf_rule *rule)
{
    switch (frh->action) {
    case FR_ACT_TO_TBL:
        rule->action = VRF_RULE_TABLE;
        rule->table = frh->table;
        return get_u32(attrs[FRA_TABLE], &rule->table);
    case FR_ACT_GOTO:
        rule->action = VRF_RULE_GOTO;
        return attrs[FRA_GOTO] && get_u32(attrs[FRA_GOTO], &rule->target);
    case FR_ACT_NOP:
        rule->action = VRF_RULE_NOP;
        return true;
    case FR_ACT_BLACKHOLE:
        rule->action = VRF_RULE_BLACKHOLE;
        return true;
    case FR_ACT_UNREACHABLE:
        rule->action = VRF_RULE_UNREACHABLE;
        return true;
    case FR_ACT_PROHIBIT:
        rule->action = VRF_RULE_PROHIBIT;
        return true;
    default:
        /* Nobody knows what it does. */
        rule->action = VRF_RULE_NOP;
        rule->parts |= VRF_RULE_OTHER;
        return true;
    }
}

static bool
get_rule(const struct nlattr *const attrs[], enum vrf_family family,
         const struct fib_rule_hdr *frh, struct vrf_rule *rule)
{
    uint32_t suppress_len = UINT32_MAX, suppress_group = UINT32_MAX;
    uint8_t l3mdev = 0;

    if (!get_u32(attrs[FRA_PRIORITY], &rule->priority)
        || !get_prefix(attrs[FRA_SRC], family, frh->src_len, &rule->src)
        || !get_prefix(attrs[FRA_DST], family, frh->dst_len, &rule->dst)
        || !get_name(attrs[FRA_IIFNAME], rule->iif)
        || !get_name(attrs[FRA_OIFNAME], rule->oif)
        || !get_mark(attrs, rule)
        || !get_tos(attrs, family, frh->tos, rule)
        || !get_u8(attrs[FRA_IP_PROTO], &rule->proto)
        || !get_ports(attrs[FRA_SPORT_RANGE], rule->sport, VRF_RULE_SPORT,
                      rule)
        || !get_ports(attrs[FRA_DPORT_RANGE], rule->dport, VRF_RULE_DPORT,
                      rule)
        || !get_u8(attrs[FRA_L3MDEV], &l3mdev)
        || !get_u8(attrs[FRA_PROTOCOL], &rule->protocol)
        || !get_u32(attrs[FRA_SUPPRESS_PREFIXLEN], &suppress_len)
        || !get_u32(attrs[FRA_SUPPRESS_IFGROUP], &suppress_group)
        || !get_others(attrs, rule)
        || !get_rule_action(attrs, frh, rule)) {
        return false;
    }
    rule->suppress_len = suppress_len <= 128 ? (int32_t) suppress_len : -1;
    rule->suppress_group = (suppress_group <= INT32_MAX
                            ? (int32_t) suppress_group : -1);
    rule->parts |= ((frh->src_len ? VRF_RULE_SRC : 0)
                    | (frh->dst_len ? VRF_RULE_DST : 0)
                    | (rule->iif[0] ? VRF_RULE_IIF : 0)
                    | (rule->oif[0] ? VRF_RULE_OIF : 0)
                    | (rule->proto ? VRF_RULE_PROTO : 0)
                    | (l3mdev ? VRF_RULE_L3MDEV : 0)
                    | (frh->flags & FIB_RULE_INVERT ? VRF_RULE_INVERT : 0));
    return true;
}

static enum vrf_netlink_result
parse_rule(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[N_FRA];
    bool unknown = false;
    const struct fib_rule_hdr *frh = parse_message(msg, sizeof *frh, attrs,
                                                   N_FRA, &unknown);
    struct vrf_rule *rule = &event->rule.rule;

    if (!frh) {
        return VRF_NETLINK_BAD;
    }
    if (!get_family(frh->family, &event->rule.family)) {
        return VRF_NETLINK_IGNORED;
    }
    vrf_rule_init(rule);
    if (!get_rule(attrs, event->rule.family, frh, rule)) {
        return VRF_NETLINK_BAD;
    }
    if (unknown) {
        rule->parts |= VRF_RULE_OTHER;
    }
    event->type = VRF_EVENT_RULE;
    return VRF_NETLINK_EVENT;
}

/* Routes and next-hop objects. */

static bool
get_via(const struct nlattr *a, struct vrf_hop *hop)
{
    enum vrf_family family;
    uint16_t af;

    if (a) {
        if (nl_attr_get_size(a) < sizeof af) {
            return false;
        }
        memcpy(&af, nl_attr_get(a), sizeof af);
        if (!get_family(af, &family)
            || nl_attr_get_size(a) != sizeof af + addr_size(family)) {
            return false;
        }
        hop->gateway = read_addr(family,
                                 (const char *) nl_attr_get(a) + sizeof af);
        hop->gateway_family = family;
    }
    return true;
}

static bool
get_gateway(const struct nlattr *const attrs[], enum vrf_family family,
            struct vrf_hop *hop)
{
    uint16_t encap = 0;

    hop->gateway_family = family;
    if (!get_addr(attrs[RTA_GATEWAY], family, &hop->gateway)
        || !get_via(attrs[RTA_VIA], hop)
        || !get_u16(attrs[RTA_ENCAP_TYPE], &encap)) {
        return false;
    }
    if (encap) {
        hop->flags |= VRF_HOP_ENCAP;
    }
    return true;
}

static uint8_t
hop_flags(unsigned int rtnh_flags)
{
    return ((rtnh_flags & RTNH_F_DEAD ? VRF_HOP_DEAD : 0)
            | (rtnh_flags & RTNH_F_LINKDOWN ? VRF_HOP_LINKDOWN : 0)
            | (rtnh_flags & RTNH_F_ONLINK ? VRF_HOP_ONLINK : 0));
}

static bool
get_multipath(const struct nlattr *a, struct vrf_event_route *r)
{
    const char *data = nl_attr_get(a);
    size_t left = nl_attr_get_size(a);

    while (left >= sizeof(struct rtnexthop)) {
        const struct nlattr *attrs[N_RTA];
        struct rtnexthop nh;
        struct vrf_hop *hop;
        size_t step;

        memcpy(&nh, data, sizeof nh);
        if (nh.rtnh_len < sizeof nh || nh.rtnh_len > left
            || nh.rtnh_ifindex < 0 || r->n_hops >= VRF_MAX_HOPS
            || !parse_attrs(data + sizeof nh, nh.rtnh_len - sizeof nh, attrs,
                            N_RTA, NULL)) {
            return false;
        }
        hop = &r->hops[r->n_hops++];
        memset(hop, 0, sizeof *hop);
        hop->ifindex = nh.rtnh_ifindex;
        hop->weight = nh.rtnh_hops + 1;
        hop->flags = hop_flags(nh.rtnh_flags);
        if (!get_gateway(attrs, r->family, hop)) {
            return false;
        }
        step = MIN(left, ROUND_UP(nh.rtnh_len, RTNH_ALIGNTO));
        data += step;
        left -= step;
    }
    return !left;
}

static bool
get_metrics(const struct nlattr *a, struct vrf_route_info *info)
{
    const struct nlattr *metrics[RTAX_MTU + 1];
    uint32_t locked = 0;

    if (a) {
        if (!parse_nested(a, metrics, ARRAY_SIZE(metrics))
            || !get_u32(metrics[RTAX_MTU], &info->mtu)
            || !get_u32(metrics[RTAX_LOCK], &locked)) {
            return false;
        }
        info->mtu_locked = info->mtu && locked & 1u << RTAX_MTU;
    }
    return true;
}

static bool
get_hops(const struct nlattr *const attrs[], const struct rtmsg *rtm,
         struct vrf_event_route *r)
{
    struct vrf_hop *hop = &r->hops[0];

    if (attrs[RTA_MULTIPATH]) {
        return get_multipath(attrs[RTA_MULTIPATH], r);
    }
    memset(hop, 0, sizeof *hop);
    hop->weight = 1;
    hop->flags = hop_flags(rtm->rtm_flags);
    if (!get_u32(attrs[RTA_OIF], &hop->ifindex)
        || !get_gateway(attrs, r->family, hop)) {
        return false;
    }

    /* Those that go nowhere have a device in IPv6, which says nothing. */
    if (vrf_route_type_delivers(r->info.type)
        && (hop->ifindex || !vrf_addr_is_zero(&hop->gateway))) {
        r->n_hops = 1;
    }
    return true;
}

static bool
get_route(const struct nlattr *const attrs[], const struct rtmsg *rtm,
          struct vrf_event_route *r)
{
    r->table = rtm->rtm_table;
    r->info.type = rtm->rtm_type;
    r->info.tos = rtm->rtm_tos;
    r->info.protocol = rtm->rtm_protocol;
    r->info.scope = rtm->rtm_scope;
    r->unsupported = rtm->rtm_src_len != 0;
    return (get_u32(attrs[RTA_TABLE], &r->table)
            && get_prefix(attrs[RTA_DST], r->family, rtm->rtm_dst_len,
                          &r->prefix)
            && get_addr(attrs[RTA_PREFSRC], r->family, &r->info.prefsrc)
            && get_u32(attrs[RTA_PRIORITY], &r->info.metric)
            && get_u32(attrs[RTA_NH_ID], &r->info.nhid)
            && get_metrics(attrs[RTA_METRICS], &r->info)
            && get_hops(attrs, rtm, r));
}

static enum vrf_netlink_result
parse_route(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[N_RTA];
    const struct rtmsg *rtm = parse_message(msg, sizeof *rtm, attrs, N_RTA,
                                            NULL);
    struct vrf_event_route *r = &event->route;
    uint16_t flags;

    if (!rtm) {
        return VRF_NETLINK_BAD;
    }
    if (!get_family(rtm->rtm_family, &r->family)
        || rtm->rtm_flags & RTM_F_CLONED || !rtm->rtm_type
        || rtm->rtm_type > VRF_ROUTE_TYPE_MAX) {
        return VRF_NETLINK_IGNORED;
    }
    if (!get_route(attrs, rtm, r)) {
        return VRF_NETLINK_BAD;
    }

    flags = nl_msg_nlmsghdr(msg)->nlmsg_flags;
    r->place = (flags & NLM_F_MULTI || r->family == VRF_IPV6 ? VRF_FIB_LAST
                : flags & NLM_F_APPEND ? VRF_FIB_LAST : VRF_FIB_FIRST);
    if (flags & NLM_F_REPLACE && !(flags & NLM_F_MULTI)) {
        r->place = VRF_FIB_REPLACE;
    }
    event->type = VRF_EVENT_ROUTE;
    return VRF_NETLINK_EVENT;
}

static bool
get_group(const struct nlattr *a, struct vrf_event_nexthop *nh)
{
    size_t n = nl_attr_get_size(a) / sizeof(struct group_member);
    const char *data = nl_attr_get(a);

    if (nl_attr_get_size(a) % sizeof(struct group_member)
        || n > VRF_MAX_HOPS) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct group_member g;

        memcpy(&g, data + i * sizeof g, sizeof g);
        nh->members[i].id = g.id;
        nh->members[i].weight = (g.weight | g.weight_high << 8) + 1;
    }
    nh->n_members = n;
    nh->is_group = true;
    return true;
}

static enum vrf_netlink_result
parse_nexthop(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlattr *attrs[NHA_FDB + 1];
    const struct nhmsg *nhm = parse_message(msg, sizeof *nhm, attrs,
                                            ARRAY_SIZE(attrs), NULL);
    struct vrf_event_nexthop *nh = &event->nexthop;
    struct vrf_hop *hop = &nh->hop;
    enum vrf_family family;
    uint16_t encap = 0;

    if (!nhm) {
        return VRF_NETLINK_BAD;
    }
    if (attrs[NHA_FDB]) {
        return VRF_NETLINK_IGNORED;
    }
    memset(hop, 0, sizeof *hop);
    hop->weight = 1;
    hop->flags = hop_flags(nhm->nh_flags);
    if (!attrs[NHA_ID] || !get_u32(attrs[NHA_ID], &nh->id) || !nh->id
        || (attrs[NHA_GROUP] && !get_group(attrs[NHA_GROUP], nh))
        || !get_u32(attrs[NHA_OIF], &hop->ifindex)
        || !get_u16(attrs[NHA_ENCAP_TYPE], &encap)
        || (attrs[NHA_GATEWAY]
            && (!get_family(nhm->nh_family, &family)
                || !get_addr(attrs[NHA_GATEWAY], family, &hop->gateway)))) {
        return VRF_NETLINK_BAD;
    }
    hop->gateway_family = nhm->nh_family == AF_INET ? VRF_IPV4 : VRF_IPV6;
    hop->flags |= ((attrs[NHA_BLACKHOLE] ? VRF_HOP_BLACKHOLE : 0)
                   | (encap ? VRF_HOP_ENCAP : 0));
    event->type = VRF_EVENT_NEXTHOP;
    return VRF_NETLINK_EVENT;
}

enum vrf_netlink_result
vrf_netlink_parse(const struct ofpbuf *msg, struct vrf_event *event)
{
    const struct nlmsghdr *nlh;

    if (msg->size < NLMSG_HDRLEN) {
        return VRF_NETLINK_BAD;
    }
    nlh = msg->data;

    /* All but the large arrays of hops, which have their numbers. */
    memset(event, 0, offsetof(struct vrf_event, route)
           + offsetof(struct vrf_event_route, hops));

    switch (nlh->nlmsg_type) {
    case RTM_DELLINK:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWLINK:
        return parse_link(msg, event);

    case RTM_DELADDR:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWADDR:
        return parse_address(msg, event);

    case RTM_DELNEIGH:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWNEIGH:
        return parse_neighbour(msg, event);

    case RTM_DELRULE:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWRULE:
        return parse_rule(msg, event);

    case RTM_DELROUTE:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWROUTE:
        return parse_route(msg, event);

    case RTM_DELNEXTHOP:
        event->gone = true;
        /* Fall through. */
    case RTM_NEWNEXTHOP:
        return parse_nexthop(msg, event);

    default:
        return VRF_NETLINK_IGNORED;
    }
}
