/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the parser of rtnetlink messages, with right and wrong ones. */

#include <config.h>
#undef NDEBUG
#include "vrf-netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "command-line.h"
#include "fatal-signal.h"
#include "netlink.h"
#include "netlink-protocol.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static void *
begin(struct ofpbuf *msg, uint16_t type, uint16_t flags, size_t size)
{
    ofpbuf_init(msg, 512);
    nl_msg_put_nlmsghdr(msg, size, type, flags);
    return ofpbuf_put_zeros(msg, NLMSG_ALIGN(size));
}

static void
finish(struct ofpbuf *msg)
{
    nl_msg_nlmsghdr(msg)->nlmsg_len = msg->size;
}

/* Parses a copy without a byte behind it, for sanitizers to see. */
static enum vrf_netlink_result
parse_exactly(const struct ofpbuf *msg, struct vrf_event *event)
{
    enum vrf_netlink_result result;
    struct ofpbuf copy;
    void *memory = xmalloc(MAX(msg->size, 1));

    memcpy(memory, msg->data, msg->size);
    ofpbuf_use_const(&copy, memory, msg->size);
    result = vrf_netlink_parse(&copy, event);
    free(memory);
    return result;
}

/* Messages as the kernel sends them. */
static void
test_messages(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static struct vrf_event e;
    const struct vrf_hop *hop;
    struct ofpbuf msg;
    size_t a, b;

    struct ifinfomsg *ifi = begin(&msg, RTM_NEWLINK, 0, sizeof *ifi);

    ifi->ifi_index = 7;
    ifi->ifi_flags = IFF_UP;
    nl_msg_put_string(&msg, IFLA_IFNAME, "red");
    nl_msg_put_u32(&msg, IFLA_MTU, 65575);
    nl_msg_put_u32(&msg, IFLA_GROUP, 3);
    a = nl_msg_start_nested(&msg, IFLA_LINKINFO);
    nl_msg_put_string(&msg, IFLA_INFO_KIND, "vrf");
    b = nl_msg_start_nested(&msg, IFLA_INFO_DATA);
    nl_msg_put_u32(&msg, 1, 10);
    nl_msg_end_nested(&msg, b);
    nl_msg_end_nested(&msg, a);
    finish(&msg);
    ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_EVENT);
    ovs_assert(e.type == VRF_EVENT_LINK && !e.gone && e.link.ifindex == 7
               && e.link.table == 10 && e.link.up && !e.link.running
               && e.link.group == 3 && !strcmp(e.link.name, "red"));
    ofpbuf_uninit(&msg);

    struct rtmsg *rtm = begin(&msg, RTM_NEWROUTE, NLM_F_REPLACE, sizeof *rtm);

    rtm->rtm_family = AF_INET;
    rtm->rtm_dst_len = 24;
    rtm->rtm_type = RTN_UNICAST;
    rtm->rtm_table = RT_TABLE_COMPAT;
    rtm->rtm_tos = 8;
    nl_msg_put_u32(&msg, RTA_TABLE, 1000);
    nl_msg_put_be32(&msg, RTA_DST, htonl(0x0a0102ff));
    nl_msg_put_u32(&msg, RTA_PRIORITY, UINT32_C(4278198272));
    a = nl_msg_start_nested(&msg, RTA_METRICS);
    nl_msg_put_u32(&msg, RTAX_LOCK, 1 << RTAX_MTU);
    nl_msg_put_u32(&msg, RTAX_MTU, 1300);
    nl_msg_end_nested(&msg, a);
    a = nl_msg_start_nested(&msg, RTA_MULTIPATH);
    for (int i = 0; i < 2; i++) {
        size_t at = msg.size;
        struct rtnexthop *nh = ofpbuf_put_zeros(&msg, sizeof *nh);

        nh->rtnh_ifindex = 3 + i;
        nh->rtnh_hops = i;
        nh->rtnh_flags = i ? RTNH_F_DEAD : RTNH_F_ONLINK;
        if (i) {
            struct in6_addr gw = in6addr_loopback;
            uint16_t af = AF_INET6;
            char via[18];

            memcpy(via, &af, sizeof af);
            memcpy(via + 2, &gw, sizeof gw);
            nl_msg_put_unspec(&msg, RTA_VIA, via, sizeof via);
        } else {
            nl_msg_put_be32(&msg, RTA_GATEWAY, htonl(0x0a000001));
        }
        nh = ofpbuf_at_assert(&msg, at, sizeof *nh);
        nh->rtnh_len = msg.size - at;
    }
    nl_msg_end_nested(&msg, a);
    finish(&msg);
    ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_EVENT);
    ovs_assert(e.type == VRF_EVENT_ROUTE && e.route.table == 1000
               && e.route.prefix.len == 24
               && e.route.prefix.addr.hi == UINT64_C(0x0a01020000000000)
               && e.route.place == VRF_FIB_REPLACE
               && e.route.info.metric == UINT32_C(4278198272)
               && e.route.info.mtu == 1300 && e.route.info.mtu_locked
               && e.route.info.tos == 8 && e.route.n_hops == 2);
    hop = e.route.hops;
    ovs_assert(hop[0].ifindex == 3 && hop[0].weight == 1
               && hop[0].flags == VRF_HOP_ONLINK
               && hop[0].gateway_family == VRF_IPV4
               && hop[0].gateway.hi == UINT64_C(0x0a00000100000000));
    ovs_assert(hop[1].ifindex == 4 && hop[1].weight == 2
               && hop[1].flags == VRF_HOP_DEAD
               && hop[1].gateway_family == VRF_IPV6
               && hop[1].gateway.lo == 1);
    ofpbuf_uninit(&msg);

    struct fib_rule_hdr *frh = begin(&msg, RTM_DELRULE, 0, sizeof *frh);
    struct fib_rule_uid_range uids = { 5, 5 };

    frh->family = AF_INET6;
    frh->action = FR_ACT_TO_TBL;
    frh->flags = FIB_RULE_INVERT;
    nl_msg_put_u32(&msg, FRA_PRIORITY, 1000);
    nl_msg_put_u8(&msg, FRA_L3MDEV, 1);
    nl_msg_put_u32(&msg, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
    finish(&msg);
    ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_EVENT);
    ovs_assert(e.gone && e.type == VRF_EVENT_RULE
               && e.rule.family == VRF_IPV6
               && e.rule.rule.priority == 1000
               && e.rule.rule.suppress_len == -1
               && e.rule.rule.parts == (VRF_RULE_L3MDEV | VRF_RULE_INVERT));
    nl_msg_put_unspec(&msg, FRA_UID_RANGE, &uids, sizeof uids);
    finish(&msg);
    ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_EVENT);
    ovs_assert(e.rule.rule.parts & VRF_RULE_OTHER);
    ofpbuf_uninit(&msg);

    /* A selector that nobody heard of. */
    frh = begin(&msg, RTM_NEWRULE, 0, sizeof *frh);
    frh->family = AF_INET;
    frh->action = FR_ACT_TO_TBL;
    nl_msg_put_u32(&msg, 99, 1);
    finish(&msg);
    ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_EVENT);
    ovs_assert(e.rule.rule.parts == VRF_RULE_OTHER);

    /* Too short. */
    for (size_t size = 0; size < NLMSG_HDRLEN + sizeof *frh; size++) {
        msg.size = size;
        ovs_assert(parse_exactly(&msg, &e) == VRF_NETLINK_BAD);
    }
    ofpbuf_uninit(&msg);
    printf("messages say what they say\n");
}

static const uint16_t types[] = {
    RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWNEIGH,
    RTM_DELNEIGH, RTM_NEWRULE, RTM_DELRULE, RTM_NEWROUTE, RTM_DELROUTE,
    RTM_NEWNEXTHOP, RTM_DELNEXTHOP,
};

static size_t
header_size(uint16_t type)
{
    switch (type) {
    case RTM_NEWLINK: case RTM_DELLINK: return sizeof(struct ifinfomsg);
    case RTM_NEWADDR: case RTM_DELADDR: return sizeof(struct ifaddrmsg);
    case RTM_NEWNEIGH: case RTM_DELNEIGH: return sizeof(struct ndmsg);
    case RTM_NEWRULE: case RTM_DELRULE: return sizeof(struct fib_rule_hdr);
    case RTM_NEWNEXTHOP: case RTM_DELNEXTHOP: return sizeof(struct nhmsg);
    default: return sizeof(struct rtmsg);
    }
}

/* What attributes of one kind of message look like: a character for each
 * type. 1, 2, 4, 6, 8: so many bytes; a: an address; s: a name; 0: nothing;
 * n: others in it; h: hops; g: members; v: address with family. */
static const char *
attr_shapes(uint16_t type)
{
    switch (type) {
    case RTM_NEWLINK: case RTM_DELLINK:
        return "..6s4.....4.......n........4";
    case RTM_NEWADDR: case RTM_DELADDR:
        return ".aa";
    case RTM_NEWNEIGH: case RTM_DELNEIGH:
        return ".a6";
    case RTM_NEWRULE: case RTM_DELRULE:
        return ".aas4.4...44.4444s.18114" "41..221";
    case RTM_NEWNEXTHOP: case RTM_DELNEXTHOP:
        return ".4g204a2";
    default:
        return ".aa.4a4anh.....4..v..2.......4";
    }
}

static void
put_random_attr(struct ofpbuf *msg, uint16_t attr, size_t size)
{
    char *data = nl_msg_put_unspec_uninit(msg, attr, size);

    for (size_t i = 0; i < size; i++) {
        data[i] = random_range(3) ? random_range(4) : random_uint8();
    }
}

static void put_random_attrs(struct ofpbuf *, uint16_t type, bool v6,
                             int depth);

/* Nested ones: metrics or what a link is, then whatever. */
static void
put_nested(struct ofpbuf *msg, uint16_t type, uint16_t attr, bool v6,
           int depth)
{
    size_t start = nl_msg_start_nested(msg, attr);

    if (type == RTM_NEWLINK && random_range(2)) {
        size_t data;

        nl_msg_put_unspec(msg, IFLA_INFO_KIND, "vrf", 4 - random_range(2));
        data = nl_msg_start_nested(msg, IFLA_INFO_DATA);
        put_random_attr(msg, 1, 4);
        nl_msg_end_nested(msg, data);
    } else if (random_range(2)) {
        put_random_attr(msg, RTAX_LOCK, 4);
        put_random_attr(msg, RTAX_MTU, 4);
    } else {
        put_random_attrs(msg, type, v6, depth + 1);
    }
    nl_msg_end_nested(msg, start);
}

static void
put_hops(struct ofpbuf *msg, uint16_t type, uint16_t attr, bool v6, int depth)
{
    size_t start = nl_msg_start_nested(msg, attr);

    for (unsigned int i = random_range(4); i > 0; i--) {
        size_t at = msg->size;
        struct rtnexthop nh = {
            .rtnh_ifindex = random_range(6),
            .rtnh_hops = random_range(4),
            .rtnh_flags = random_range(8),
        };

        ofpbuf_put(msg, &nh, sizeof nh);
        if (random_range(4)) {
            put_random_attr(msg, RTA_GATEWAY, v6 ? 16 : 4);
        } else {
            put_random_attrs(msg, type, v6, depth + 1);
        }
        nh.rtnh_len = msg->size - at;
        memcpy((char *) msg->data + at, &nh, sizeof nh);
    }
    nl_msg_end_nested(msg, start);
}

static void
put_via(struct ofpbuf *msg, uint16_t attr)
{
    uint16_t af = random_range(2) ? AF_INET : AF_INET6;
    char via[18] = { 0 };

    memcpy(via, &af, sizeof af);
    via[5] = random_uint8();
    nl_msg_put_unspec(msg, attr, via, af == AF_INET ? 6 : 18);
}

/* Attributes that are mostly as they should be. */
static void
put_random_attrs(struct ofpbuf *msg, uint16_t type, bool v6, int depth)
{
    const char *shapes = attr_shapes(type);
    size_t n_shapes = strlen(shapes);

    for (unsigned int n = random_range(8); n > 0; n--) {
        uint16_t attr = random_range(n_shapes);
        char shape = shapes[attr];

        if (!random_range(40)) {
            attr = random_range(70);
        }
        if (!random_range(40)) {
            shape = "124680as.nhgv"[random_range(13)];
        }
        if (depth > 2 && strchr("nh", shape)) {
            shape = '4';
        }
        switch (shape) {
        case 'a':
            put_random_attr(msg, attr, v6 ? 16 : 4);
            break;
        case 's':
            nl_msg_put_string(msg, attr, random_range(2) ? "eth0" : "red");
            break;
        case 'n':
            put_nested(msg, type, attr, v6, depth);
            break;
        case 'h':
            put_hops(msg, type, attr, v6, depth);
            break;
        case 'g':
            put_random_attr(msg, attr, 8 * random_range(4));
            break;
        case 'v':
            put_via(msg, attr);
            break;
        case '.':
            put_random_attr(msg, attr, random_range(20));
            break;
        default:
            put_random_attr(msg, attr, shape - '0');
        }
    }
}

static void
make_random(struct ofpbuf *msg)
{
    uint16_t type = types[random_range(ARRAY_SIZE(types))];
    static const uint16_t flags[] = {
        0, NLM_F_MULTI, NLM_F_REPLACE, NLM_F_APPEND, NLM_F_CREATE,
    };
    size_t size = header_size(type);
    uint8_t *header = begin(msg, type, flags[random_range(5)], size);

    for (size_t i = 0; i < size; i++) {
        header[i] = random_range(3) ? random_range(9) : random_uint8();
    }
    header[0] = random_range(8) ? (random_range(2) ? AF_INET : AF_INET6)
                : random_uint8();
    if (type == RTM_NEWLINK || type == RTM_DELLINK) {
        header[0] = 0;
    }
    if (type == RTM_NEWROUTE || type == RTM_DELROUTE) {
        struct rtmsg *rtm = ALIGNED_CAST(struct rtmsg *, header);

        rtm->rtm_type = random_range(10);
        rtm->rtm_flags &= ~(random_range(8) ? RTM_F_CLONED : 0);
        rtm->rtm_src_len = random_range(8) ? 0 : 8;
        if (rtm->rtm_dst_len) {
            rtm->rtm_dst_len = random_range(34);
            put_random_attr(msg, RTA_DST, rtm->rtm_family == AF_INET ? 4
                            : 16);
        }
    }
    if (type == RTM_NEWLINK) {
        nl_msg_put_string(msg, IFLA_IFNAME, random_range(2) ? "eth0" : "red");
    }
    if (type == RTM_NEWNEXTHOP || type == RTM_DELNEXTHOP) {
        nl_msg_put_u32(msg, NHA_ID, random_range(4));
    }
    put_random_attrs(msg, type, header[0] == AF_INET6, 0);
    finish(msg);
}

/* Damages a message. */
static void
mutate(struct ofpbuf *msg)
{
    for (unsigned int n = random_range(4); n > 0 && msg->size; n--) {
        uint8_t *data = msg->data;
        size_t at = random_range(msg->size);

        switch (random_range(3)) {
        case 0:
            data[at] ^= 1u << random_range(8);
            break;
        case 1:
            data[at] = random_uint8();
            break;
        case 2:
            msg->size = random_range(msg->size + 1);
            break;
        }
    }
}

static void
check_prefix(enum vrf_family family, const struct vrf_prefix *p)
{
    struct vrf_addr cut = vrf_addr_cut(&p->addr, p->len);

    ovs_assert(p->len <= vrf_family_bits(family));
    ovs_assert(vrf_addr_equal(&cut, &p->addr));
}

static void
check_event(const struct vrf_event *e)
{
    switch (e->type) {
    case VRF_EVENT_LINK:
        ovs_assert(e->link.ifindex && e->link.name[0]);
        ovs_assert(strnlen(e->link.name, IFNAMSIZ) < IFNAMSIZ);
        break;
    case VRF_EVENT_ADDRESS:
        ovs_assert(e->address.len <= vrf_family_bits(e->address.family));
        break;
    case VRF_EVENT_RULE:
        ovs_assert(strnlen(e->rule.rule.iif, IFNAMSIZ) < IFNAMSIZ);
        ovs_assert(strnlen(e->rule.rule.oif, IFNAMSIZ) < IFNAMSIZ);
        check_prefix(e->rule.family, &e->rule.rule.src);
        check_prefix(e->rule.family, &e->rule.rule.dst);
        break;
    case VRF_EVENT_ROUTE:
        check_prefix(e->route.family, &e->route.prefix);
        ovs_assert(e->route.n_hops <= VRF_MAX_HOPS);
        ovs_assert(e->route.info.type
                   && e->route.info.type <= VRF_ROUTE_TYPE_MAX);
        for (size_t i = 0; i < e->route.n_hops; i++) {
            ovs_assert(e->route.hops[i].weight);
        }
        break;
    case VRF_EVENT_NEXTHOP:
        ovs_assert(e->nexthop.id && e->nexthop.n_members <= VRF_MAX_HOPS);
        for (size_t i = 0; i < e->nexthop.n_members; i++) {
            ovs_assert(e->nexthop.members[i].weight);
        }
        break;
    case VRF_EVENT_NEIGHBOUR:
        ovs_assert(e->neighbour.ifindex);
        break;
    }
}

static void
fuzz_lookup(const struct vrf_db *db)
{
    struct vrf_answer answer;
    struct vrf_flow flow;

    memset(&flow, 0, sizeof flow);
    flow.family = random_range(2);
    flow.dst.hi = random_range(2) ? random_uint64()
                  : (uint64_t) random_range(4) << 56;
    if (flow.family == VRF_IPV4) {
        flow.dst.hi &= UINT64_C(0xffffffff00000000);
    }
    flow.iif = random_range(5);
    flow.oif = random_range(5);
    vrf_db_complete_flow(db, &flow);
    if (vrf_db_lookup(db, &flow, &answer) && answer.route) {
        vrf_db_choose(db, answer.route, random_uint32());
    }
}

static void
test_fuzz(struct ovs_cmdl_context *ctx)
{
    size_t n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 100000;
    struct vrf_db *db = vrf_db_create();
    size_t results[VRF_NETLINK_BAD + 1] = { 0 };
    static struct vrf_event e;
    bool resync = false;

    random_set_seed(ctx->argc > 2 ? atoi(ctx->argv[2]) : 1);
    for (size_t i = 0; i < n; i++) {
        enum vrf_netlink_result result;
        struct ofpbuf msg;

        make_random(&msg);
        if (random_range(2)) {
            mutate(&msg);
        }
        result = parse_exactly(&msg, &e);
        results[result]++;
        if (result == VRF_NETLINK_EVENT) {
            check_event(&e);
            vrf_db_apply(db, &e);
            if (resync) {
                vrf_db_resync_add(db, &e);
            }
        }
        ofpbuf_uninit(&msg);
        fuzz_lookup(db);
        if (!random_range(500)) {
            if (resync) {
                vrf_db_resync_end(db);
            } else {
                vrf_db_resync_begin(db);
            }
            resync = !resync;
            ovsrcu_quiesce();
        }
    }
    vrf_db_destroy(db);
    ovsrcu_quiesce();
    ovs_assert(n < 10000 || (results[0] > n / 50 && results[2] > n / 50));
    printf("%"PRIuSIZE" messages\n", n);
}

static void
test_vrf_netlink_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"messages", NULL, 0, 0, test_messages, OVS_RO},
        {"fuzz", "[N [SEED]]", 0, 2, test_fuzz, OVS_RO},
        {NULL, NULL, 0, 0, NULL, OVS_RO},
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - optind,
        .argv = argv + optind,
    };

    set_program_name(argv[0]);
    fatal_signal_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-netlink", test_vrf_netlink_main);
