/* SPDX-License-Identifier: Apache-2.0 */

/* Compares answers with those of Linux, in the network namespace that it is
 * run in, of which it takes possession: random routes and rules in, which our
 * own reader learns; then the same questions to both. */

#include <config.h>
#undef NDEBUG
#include "vrf-db.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "command-line.h"
#include "fatal-signal.h"
#include "netlink.h"
#include "netlink-protocol.h"
#include "netlink-socket.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "ovstest.h"
#include "random.h"
#include "svec.h"
#include "util.h"
#include "vrf-monitor.h"
#include "vrf-netlink.h"

/* Either routes by next-hop objects or packets that have to go by one device:
 * an IPv4 route by an object that does not have the device makes Linux pass
 * over shorter prefixes of the same address, too. */
static bool with_objects;

/* Devices "r1" and "r2" are VRFs, with two of the tables; some other devices
 * are their members. */
static bool with_vrfs;

enum { N_DEVICES = 6, N_VRFS = 2, FIRST_TABLE = 100, N_TABLES = 5 };

/* What is put in. */

static void
run(const char *command)
{
    if (system(command)) {
        ovs_fatal(0, "%s: failed", command);
    }
}

/* Has "ip" execute these commands; those that it refuses are refused to
 * everybody. */
static void
run_batch(const char *family, const struct ds *commands)
{
    char *command = xasprintf("ip %s -force -batch - >/dev/null 2>&1",
                              family);
    FILE *stream = popen(command, "w");

    ovs_assert(stream);
    fputs(ds_cstr_ro(commands), stream);
    pclose(stream);
    free(command);
}

static void
set_up(void)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    run("ip link set lo up");
    for (int i = 1; i <= N_DEVICES; i += 2) {
        ds_put_format(&s, "link add v%d type veth peer name v%d\n", i, i + 1);
    }
    for (int i = 1; with_vrfs && i <= N_VRFS; i++) {
        ds_put_format(&s, "link add r%d type vrf table %d\n", i,
                      FIRST_TABLE + i);
        ds_put_format(&s, "link set r%d addrgenmode none\n", i);
        ds_put_format(&s, "link set r%d up\n", i);
        ds_put_format(&s, "link set v%d master r%d\n", i, i);
        ds_put_format(&s, "link set v%d master r%d\n", i + 2, i);
    }
    for (int i = 1; i <= N_DEVICES; i++) {
        /* Addresses of its own would come whenever it likes. */
        ds_put_format(&s, "link set v%d addrgenmode none\n", i);
        ds_put_format(&s, "link set v%d up group %d\n", i, i % 3);
        ds_put_format(&s, "addr add 10.200.%d.1/24 dev v%d\n", i, i);
        ds_put_format(&s, "addr add 2001:db8:200:%d::1/64 dev v%d nodad\n",
                      i, i);
    }
    run_batch("", &s);
    ds_destroy(&s);
    run("cd /proc/sys/net; echo 1 > ipv4/ip_forward;"
        "echo 1 > ipv6/conf/all/forwarding;"
        "for f in ipv4/conf/*/rp_filter; do echo 0 > $f; done");
}

static void
put_dst(struct ds *s, bool v6)
{
    if (v6) {
        ds_put_format(s, "2001:db8:%x:%x::/%d", random_range(8) << 4,
                      random_range(4), 30 + (int) random_range(36));
    } else {
        int len = 7 + random_range(26);
        uint32_t ip = 0x0a000000 | random_range(16) << 20
                      | random_range(4) << 6 | random_range(4);

        ip &= UINT32_MAX << (32 - len);
        ds_put_format(s, IP_FMT "/%d", IP_ARGS(htonl(ip)), len);
    }
}

static void
put_hop(struct ds *s, bool v6)
{
    int i = 1 + random_range(N_DEVICES);

    if (v6) {
        ds_put_format(s, " via fe80::%d dev v%d", (int) random_range(3) + 1,
                      i);
    } else {
        ds_put_format(s, " via 10.200.%d.%d dev v%d", i,
                      (int) random_range(3) + 2, i);
    }
}

static void
put_route(struct ds *s, bool v6, const char *verb)
{
    static const char *const ends[] = {
        "blackhole", "unreachable", "prohibit", "throw",
    };
    unsigned int what = random_range(12);
    int metric;

    ds_put_format(s, "route %s ", verb);
    if (what < 3) {
        ds_put_format(s, "%s ", ends[random_range(4)]);
    } else if (what == 3) {
        ds_put_format(s, "local ");
    } else if (what == 4 && !v6) {
        ds_put_format(s, "broadcast ");
    }
    put_dst(s, v6);
    metric = random_range(3) * 10;
    if (v6 && (what < 5 || (what == 5 && with_objects))) {
        /* When Linux dumps, it passes over what is between the hops of a
         * route. */
        metric += 30;
    }
    ds_put_format(s, " table %d metric %d",
                  FIRST_TABLE + (int) random_range(N_TABLES), metric);
    if (v6 && metric == 20) {
        /* Each hop of IPv6 may have another one; that is not told. */
        ds_put_cstr(s, " mtu 1320");
    }
    if (!v6 && !random_range(5)) {
        ds_put_format(s, " tos %#x", (int) random_range(4) << 2);
    }
    if (what == 3 || what == 4) {
        ds_put_format(s, " dev v%d", 1 + (int) random_range(N_DEVICES));
    } else if (what == 5 && with_objects) {
        ds_put_format(s, " nhid %d", 1 + (int) random_range(6));
    } else if (what == 6 || what == 7) {
        for (unsigned int i = 2 + random_range(3); i > 0; i--) {
            ds_put_cstr(s, " nexthop");
            put_hop(s, v6);
            ds_put_format(s, " weight %d", 1 + (int) random_range(5));
        }
    } else if (what > 4) {
        put_hop(s, v6);
        if (!v6 && !random_range(3)) {
            ds_put_format(s, " mtu %s%d", random_range(2) ? "lock " : "",
                          1300 + (int) random_range(100));
        }
    }
    ds_put_char(s, '\n');
}

static void
put_nexthops(struct ds *s, const char *verb, bool v6)
{
    for (int id = 1; id <= 4; id++) {
        ds_put_format(s, "nexthop %s id %d", verb, id);
        put_hop(s, v6);
        ds_put_char(s, '\n');
    }
    ds_put_format(s, "nexthop %s id 5 group 1,%d/2,%d/7\n", verb,
                  (int) random_range(2) + 1, (int) random_range(2) + 3);
    ds_put_format(s, "nexthop %s id 6 blackhole\n", verb);
}

static void
put_rule(struct ds *s, bool v6)
{
    int priority = 100 + random_range(40) * 10;

    ds_put_format(s, "rule add pref %d", priority);
    if (!random_range(6)) {
        ds_put_cstr(s, " not");
    }
    if (!random_range(3)) {
        if (v6) {
            ds_put_format(s, " from 2001:db8:f%x::/48",
                          (int) random_range(4));
        } else {
            ds_put_format(s, " from 172.%d.0.0/%d",
                          16 + (int) random_range(4) * 4,
                          11 + (int) random_range(6));
        }
    }
    if (!random_range(3)) {
        ds_put_cstr(s, " to ");
        put_dst(s, v6);
    }
    if (!random_range(5)) {
        ds_put_format(s, " iif v%d", 1 + (int) random_range(N_DEVICES + 1));
    }
    if (!random_range(8)) {
        ds_put_format(s, " oif v%d", 1 + (int) random_range(N_DEVICES));
    }
    if (!random_range(4)) {
        ds_put_format(s, " fwmark %d/%d", (int) random_range(4),
                      1 + (int) random_range(3));
    }
    if (!random_range(6)) {
        ds_put_format(s, " tos %#x", (int) random_range(4) << 2);
    }
    if (!random_range(4)) {
        ds_put_format(s, " ipproto %s", random_range(2) ? "udp" : "tcp");
        if (random_range(2)) {
            int port = 1 + random_range(6);

            ds_put_format(s, " %s %d-%d", random_range(2) ? "sport" : "dport",
                          port, port + (int) random_range(3));
        }
    }
    switch (random_range(12)) {
    case 0:
        ds_put_format(s, " goto %d", priority + 10
                      * (1 + (int) random_range(5)));
        break;
    case 1:
        ds_put_cstr(s, " nop");
        break;
    case 2:
        ds_put_cstr(s, (const char *[]) {
            " blackhole", " unreachable", " prohibit" }[random_range(3)]);
        break;
    default:
        ds_put_format(s, " table %d",
                      FIRST_TABLE + (int) random_range(N_TABLES));
        if (!random_range(4)) {
            ds_put_format(s, " suppress_prefixlength %d",
                          (v6 ? 30 : 7) + (int) random_range(10));
        }
        if (!v6 && !random_range(6)) {
            /* IPv6 looks at the hop that it chose. */
            ds_put_format(s, " suppress_ifgroup %d", (int) random_range(3));
        }
    }
    ds_put_char(s, '\n');
}

static void
fill(size_t n_routes, size_t n_rules)
{
    for (int v6 = 0; v6 < 2; v6++) {
        struct ds s = DS_EMPTY_INITIALIZER;

        if (!v6) {
            put_nexthops(&s, "add", v6);
        }
        for (size_t i = 0; i < n_routes; i++) {
            put_route(&s, v6, random_range(4) ? "add" : v6 ? "append"
                      : random_range(2) ? "append" : "prepend");
        }
        for (size_t i = 0; i < n_rules; i++) {
            put_rule(&s, v6);
        }
        run_batch(v6 ? "-6" : "-4", &s);
        ds_destroy(&s);
    }
}

/* Some routes go, some change, some come. */
static void
churn(size_t n)
{
    static const char *const verbs[] = {
        "add", "append", "prepend", "replace", "replace", "change", "del",
        "del", "del",
    };

    for (int v6 = 0; v6 < 2; v6++) {
        struct ds s = DS_EMPTY_INITIALIZER;

        for (size_t i = 0; i < n; i++) {
            const char *verb = verbs[random_range(ARRAY_SIZE(verbs))];

            put_route(&s, v6, v6 && !strcmp(verb, "prepend") ? "add" : verb);
            if (!random_range(20)) {
                put_rule(&s, v6);
            }
            if (!random_range(20)) {
                ds_put_format(&s, "rule del pref %d\n",
                              100 + (int) random_range(40) * 10);
            }
        }
        if (!v6) {
            put_nexthops(&s, "replace", v6);
        }
        run_batch(v6 ? "-6" : "-4", &s);
        ds_destroy(&s);
    }
}

/* What our reader learns. */

static void
learn(struct vrf_monitor *m)
{
    struct vrf_monitor_stats before, after;

    do {
        vrf_monitor_get_stats(m, &before);
        vrf_monitor_run(m);
        vrf_monitor_get_stats(m, &after);
    } while (before.n_events != after.n_events || !vrf_monitor_is_synced(m));
    ovs_assert(!after.n_bad);
}

struct text_aux {
    struct svec lines;
    enum vrf_family family;
    uint32_t table;
    const struct vrf_db *db;
};

static bool
put_text(const struct vrf_prefix *p, struct vrf_route *const routes[],
         size_t n, void *aux_)
{
    struct text_aux *aux = aux_;
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "%"PRIu32" ", aux->table);
    vrf_prefix_format(aux->family, p, &s);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        while (routes[j] != routes[i]) {
            j++;
        }
        if (j < i) {
            /* Linux has it twice, which a dump is not believed. */
            continue;
        }
        ds_put_format(&s, " [%s",
                      vrf_route_type_name(routes[i]->info.type));
        vrf_route_format(aux->family, routes[i], vrf_db_ifname, aux->db, &s);
        ds_put_cstr(&s, "]");
    }
    svec_add_nocopy(&aux->lines, ds_steal_cstr(&s));
    return true;
}

static void
put_table(uint32_t id, const struct vrf_fib *fib, void *aux_)
{
    struct text_aux *aux = aux_;

    aux->table = id;
    aux->family = vrf_fib_family(fib);
    vrf_fib_for_each(fib, put_text, aux);
}

static char *
db_to_text(const struct vrf_db *db)
{
    struct text_aux aux = { .lines = SVEC_EMPTY_INITIALIZER, .db = db };
    char *text;

    vrf_db_for_each_table(db, put_table, &aux);
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        const struct vrf_rules *rules = vrf_db_rules(db, f);

        for (size_t i = 0; i < rules->n; i++) {
            struct ds s = DS_EMPTY_INITIALIZER;

            ds_put_format(&s, "rule %d %03"PRIuSIZE" ", f, i);
            vrf_rule_format(f, &rules->rules[i], &s);
            svec_add_nocopy(&aux.lines, ds_steal_cstr(&s));
        }
    }
    svec_sort(&aux.lines);
    text = svec_join(&aux.lines, "\n", "\n");
    svec_destroy(&aux.lines);
    return text;
}

static void
write_file(const char *name, const char *text)
{
    FILE *stream = fopen(name, "w");

    fputs(text, stream);
    fclose(stream);
}

/* Is what was learned step by step what a dump says? */
static void
check_against_dump(const struct vrf_db *db)
{
    struct vrf_db *fresh = vrf_db_create();
    struct vrf_monitor *m;
    char *a, *b;

    ovs_assert(!vrf_monitor_create(fresh, &m));
    learn(m);
    a = db_to_text(db);
    b = db_to_text(fresh);
    if (strcmp(a, b)) {
        write_file("learned.txt", a);
        write_file("dumped.txt", b);
        ovs_fatal(0, "learned.txt is not dumped.txt");
    }
    free(a);
    free(b);
    vrf_monitor_destroy(m);
    vrf_db_destroy(fresh);
}

/* Questions. */

/* The index of device number 'i' of "v1", "v2" and so on, with those that are
 * VRFs behind them.  Which one v1 has, nobody knows. */
static uint32_t
ifindex_of(const struct vrf_db *db, unsigned int i)
{
    char name[IFNAMSIZ];

    if (i <= N_DEVICES) {
        snprintf(name, sizeof name, "v%u", i);
    } else {
        snprintf(name, sizeof name, "r%u", i - N_DEVICES);
    }
    return vrf_db_device_by_name(db, name)->ifindex;
}

/* Returns whether the packet has to go by one device. */
static bool
random_question(const struct vrf_db *db, struct vrf_flow *flow, bool v6)
{
    bool by_device = false;

    memset(flow, 0, sizeof *flow);
    flow->family = v6 ? VRF_IPV6 : VRF_IPV4;
    if (v6) {
        flow->dst.hi = (UINT64_C(0x20010db800000000)
                        | (uint64_t) random_range(8) << 20
                        | random_range(4) << (random_range(2) ? 0 : 16));
        flow->dst.lo = random_range(3);
    } else {
        flow->dst.hi = (uint64_t) (0x0a000000 | random_range(16) << 20
                                   | random_range(4) << 6
                                   | random_range(4)) << 32;
        if (!random_range(4)) {
            flow->dst.hi ^= (uint64_t) random_range(1 << 20) << 32;
        }
    }
    if (random_range(2)) {
        flow->iif = ifindex_of(db, 1 + random_range(N_DEVICES));
    } else {
        flow->iif = VRF_IIF_LOCAL;
        if (with_vrfs && random_range(2)) {
            flow->oif = ifindex_of(db, N_DEVICES + 1 + random_range(N_VRFS));
        } else if (!with_objects && !random_range(3)) {
            flow->oif = ifindex_of(db, 1 + random_range(N_DEVICES));
            by_device = true;
        }
    }

    /* IPv4 wants a source of its own for what it sends. */
    if (flow->iif != VRF_IIF_LOCAL
        || (v6 && random_range(2) && !flow->oif)) {
        if (v6) {
            flow->src.hi = (UINT64_C(0x20010db800000000)
                            | (uint64_t) (0xf000 + random_range(4)) << 16);
            flow->src.lo = 1 + random_range(9);
        } else {
            flow->src.hi = (uint64_t) (0xac100000
                                       | random_range(1 << 20)) << 32;
        }
    }
    flow->mark = random_range(4);
    flow->tos = random_range(4) << 2;
    flow->proto = random_range(2) ? 6 : 17;
    flow->sport = 1 + random_range(8);
    flow->dport = 1 + random_range(8);
    return by_device;
}

static void
put_addr(struct ofpbuf *msg, int type, enum vrf_family family,
         const struct vrf_addr *addr)
{
    if (family == VRF_IPV4) {
        nl_msg_put_be32(msg, type, vrf_addr_to_ipv4(addr));
    } else {
        struct in6_addr ip = vrf_addr_to_ipv6(addr);

        nl_msg_put_in6_addr(msg, type, &ip);
    }
}

/* Returns Linux's answer, a positive errno value or 0 and the route. */
static int
ask_linux(const struct vrf_flow *flow, struct vrf_event *e)
{
    struct ofpbuf request, *reply = NULL;
    struct rtmsg *rtm;
    int error;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof *rtm, RTM_GETROUTE, NLM_F_REQUEST);
    rtm = ofpbuf_put_zeros(&request, sizeof *rtm);
    rtm->rtm_family = flow->family == VRF_IPV4 ? AF_INET : AF_INET6;
    rtm->rtm_dst_len = vrf_family_bits(flow->family);
    rtm->rtm_flags = RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE;
    if (flow->family == VRF_IPV4) {
        rtm->rtm_tos = flow->tos;
    }
    if (!vrf_addr_is_zero(&flow->src)) {
        rtm->rtm_src_len = vrf_family_bits(flow->family);
    }
    put_addr(&request, RTA_DST, flow->family, &flow->dst);
    if (!vrf_addr_is_zero(&flow->src)) {
        put_addr(&request, RTA_SRC, flow->family, &flow->src);
    }
    if (flow->iif != VRF_IIF_LOCAL) {
        nl_msg_put_u32(&request, RTA_IIF, flow->iif);
    }
    if (flow->oif) {
        nl_msg_put_u32(&request, RTA_OIF, flow->oif);
    }
    nl_msg_put_u32(&request, RTA_MARK, flow->mark);
    nl_msg_put_u8(&request, RTA_IP_PROTO, flow->proto);
    nl_msg_put_be16(&request, RTA_SPORT, htons(flow->sport));
    nl_msg_put_be16(&request, RTA_DPORT, htons(flow->dport));
    error = nl_transact(NETLINK_ROUTE, &request, &reply);
    ofpbuf_uninit(&request);
    if (!error) {
        ovs_assert(vrf_netlink_parse(reply, e) == VRF_NETLINK_EVENT);
    }
    ofpbuf_delete(reply);
    return error;
}

/* The error that Linux has for our answer, 0 if it is a route. */
static int
error_of(bool found, const struct vrf_answer *a)
{
    if (!found) {
        return ENETUNREACH;
    }
    switch (a->type) {
    case VRF_ROUTE_BLACKHOLE:
        return EINVAL;
    case VRF_ROUTE_UNREACHABLE:
        return a->route ? EHOSTUNREACH : ENETUNREACH;
    case VRF_ROUTE_PROHIBIT:
        return EACCES;
    default:
        if (vrf_route_hops(a->route)->n == 1
            && vrf_route_hops(a->route)->hops[0].flags & VRF_HOP_BLACKHOLE) {
            return EINVAL;
        }
        return 0;
    }
}

/* Linux begins with any of those of IPv6. */
static bool
hops_agree(const struct vrf_hops *hops, const struct vrf_event_route *r)
{
    if (hops->n != r->n_hops) {
        return false;
    }
    for (size_t i = 0; i < hops->n; i++) {
        size_t n_here = 0, n_there = 0;

        for (size_t j = 0; j < hops->n; j++) {
            n_here += !memcmp(&hops->hops[i], &hops->hops[j],
                              sizeof *hops->hops);
            n_there += !memcmp(&hops->hops[i], &r->hops[j],
                               sizeof *hops->hops);
        }
        if (n_here != n_there
            || (r->family == VRF_IPV4
                && memcmp(&hops->hops[i], &r->hops[i],
                          sizeof *hops->hops))) {
            return false;
        }
    }
    return true;
}

static bool
routes_agree(const struct vrf_answer *a, const struct vrf_event_route *r)
{
    const struct vrf_hops *hops = vrf_route_hops(a->route);
    const struct vrf_route_info *info = &a->route->info;

    return (a->table == r->table && a->len == r->prefix.len
            && info->type == r->info.type
            && info->metric == r->info.metric
            && info->tos == r->info.tos
            && info->mtu == r->info.mtu
            && info->mtu_locked == r->info.mtu_locked
            && info->nhid == r->info.nhid
            && hops_agree(hops, r));
}

static void
explain(const struct vrf_flow *flow, int ours, const struct vrf_answer *a,
        int linux_error, const struct vrf_event *e, const struct vrf_db *db)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "dst ");
    vrf_addr_format(flow->family, &flow->dst, &s);
    ds_put_cstr(&s, " src ");
    vrf_addr_format(flow->family, &flow->src, &s);
    ds_put_format(&s, " iif %"PRIu32" oif %"PRIu32" mark %"PRIu32" tos %#x "
                  "proto %d ports %d %d\n", flow->iif, flow->oif, flow->mark,
                  flow->tos, flow->proto, flow->sport, flow->dport);
    ds_put_format(&s, "ours: error %d", ours);
    if (a->rule) {
        ds_put_cstr(&s, " rule ");
        vrf_rule_format(flow->family, a->rule, &s);
    }
    if (a->route) {
        ds_put_format(&s, " table %"PRIu32" /%d %s", a->table, a->len,
                      vrf_route_type_name(a->type));
        vrf_route_format(flow->family, a->route, vrf_db_ifname, db, &s);
    }
    ds_put_format(&s, "\nLinux: error %d", linux_error);
    if (!linux_error) {
        const struct vrf_event_route *r = &e->route;

        ds_put_format(&s, " table %"PRIu32" %s metric %"PRIu32" nhid %"PRIu32
                      " tos %#x mtu %"PRIu32" %"PRIuSIZE" hops first dev %s "
                      "flags %d ",
                      r->table, vrf_route_type_name(r->info.type),
                      r->info.metric, r->info.nhid, r->info.tos, r->info.mtu,
                      r->n_hops, vrf_db_ifname(r->hops[0].ifindex, db),
                      r->hops[0].flags);
        vrf_addr_format(r->hops[0].gateway_family, &r->hops[0].gateway, &s);
        ds_put_char(&s, ' ');
        vrf_prefix_format(r->family, &r->prefix, &s);
    }
    puts(ds_cstr(&s));
    ds_destroy(&s);
}

static bool
compare(const struct vrf_db *db, bool v6, size_t counts[])
{
    static struct vrf_event e;
    struct vrf_answer a;
    struct vrf_flow flow;
    int linux_error, ours;
    bool by_device, same;

    by_device = random_question(db, &flow, v6);
    if (v6) {
        flow.tos = 0;           /* Cannot be asked for. */
    }
    linux_error = ask_linux(&flow, &e);
    vrf_db_complete_flow(db, &flow);
    ours = error_of(vrf_db_lookup(db, &flow, &a), &a);
    if (ours && by_device && !flow.oif_vrf && !v6) {
        /* It believes that whoever names a device knows better, outside of
         * VRFs. */
        ours = EHOSTUNREACH;
    }
    same = ours == linux_error
           && (ours || routes_agree(&a, &e.route));
    counts[ours != 0]++;
    if (!same) {
        explain(&flow, ours, &a, linux_error, &e, db);
    }
    return same;
}

/* usage: equivalence [QUESTIONS [ROUTES [SEED [vrfs]]]], for each family. */
static void
test_equivalence(struct ovs_cmdl_context *ctx)
{
    size_t n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 10000;
    size_t n_routes = ctx->argc > 2 ? atoi(ctx->argv[2]) : 300;
    unsigned int seed = ctx->argc > 3 ? atoi(ctx->argv[3]) : 1;
    size_t n_rounds = 5, n_wrong = 0, counts[2] = { 0, 0 };
    struct vrf_db *db = vrf_db_create();
    struct vrf_monitor_stats stats;
    struct vrf_monitor *m;

    random_set_seed(seed);
    with_objects = seed & 1;
    with_vrfs = ctx->argc > 4 && !strcmp(ctx->argv[4], "vrfs");
    set_up();
    fill(n_routes, 20);
    ovs_assert(!vrf_monitor_create(db, &m));
    learn(m);
    for (size_t round = 0; round < n_rounds; round++) {
        check_against_dump(db);
        for (size_t i = 0; i < n / n_rounds; i++) {
            for (int v6 = 0; v6 < 2; v6++) {
                n_wrong += !compare(db, v6, counts);
                if (n_wrong) {
                    ovs_fatal(0, "wrong");
                }
            }
        }
        churn(n_routes / 4 + 10);
        learn(m);
    }
    check_against_dump(db);
    vrf_monitor_get_stats(m, &stats);
    printf("%"PRIuSIZE" routes, %"PRIuSIZE" other answers, "
           "%"PRIuSIZE" wrong\n", counts[0], counts[1], n_wrong);
    printf("%"PRIu64" events, %"PRIu64" resyncs\n", stats.n_events,
           stats.n_resyncs);
    ovs_assert(stats.n_events > n_routes / 4);
    vrf_monitor_destroy(m);
    vrf_db_destroy(db);
    ovs_assert(!n_wrong && counts[0] > n / 4 && counts[1] > n / 20);
}

static void
test_vrf_kernel_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"equivalence", "[N [ROUTES [SEED [vrfs]]]]", 0, 4, test_equivalence,
         OVS_RO},
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

OVSTEST_REGISTER("test-vrf-kernel", test_vrf_kernel_main);
