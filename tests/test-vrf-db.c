/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of policy rules and of what is known about routing. */

#include <config.h>
#undef NDEBUG
#include "vrf-db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "fatal-signal.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-rcu.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static struct vrf_prefix
prefix(const char *s, unsigned int len)
{
    enum vrf_family family;
    struct vrf_prefix p;

    ovs_assert(vrf_addr_parse(s, &family, &p.addr));
    p.addr = vrf_addr_cut(&p.addr, len);
    p.len = len;
    return p;
}

static void
link_event(struct vrf_event *e, uint32_t ifindex, const char *name,
           uint32_t master, uint32_t table, bool up)
{
    memset(e, 0, sizeof *e);
    e->type = VRF_EVENT_LINK;
    e->link.ifindex = ifindex;
    e->link.master = master;
    e->link.table = table;
    e->link.group = ifindex % 3;
    e->link.up = e->link.running = up;
    ovs_strlcpy(e->link.name, name, sizeof e->link.name);
}

static void
route_event(struct vrf_event *e, enum vrf_family family, uint32_t table,
            const struct vrf_prefix *p, enum vrf_route_type type,
            uint32_t metric, uint32_t ifindex)
{
    memset(e, 0, sizeof *e);
    e->type = VRF_EVENT_ROUTE;
    e->route.family = family;
    e->route.table = table;
    e->route.prefix = *p;
    e->route.place = VRF_FIB_LAST;
    e->route.info.type = type;
    e->route.info.metric = metric;
    e->route.n_hops = ifindex != 0;
    e->route.hops[0].ifindex = ifindex;
    e->route.hops[0].weight = 1;
    e->route.hops[0].gateway_family = family;
}

static void
rule_event(struct vrf_event *e, enum vrf_family family, uint32_t priority,
           uint32_t table)
{
    memset(e, 0, sizeof *e);
    e->type = VRF_EVENT_RULE;
    e->rule.family = family;
    vrf_rule_init(&e->rule.rule);
    e->rule.rule.priority = priority;
    e->rule.rule.table = table;
}

static void
add_route(struct vrf_db *db, uint32_t table, const char *dst,
          unsigned int len, enum vrf_route_type type, uint32_t ifindex)
{
    struct vrf_prefix p = prefix(dst, len);
    struct vrf_event e;

    route_event(&e, strchr(dst, ':') ? VRF_IPV6 : VRF_IPV4, table, &p, type,
                0, ifindex);
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
}

static bool
lookup(const struct vrf_db *db, const char *dst, uint32_t iif, uint32_t oif,
       struct vrf_answer *a)
{
    struct vrf_flow flow;

    memset(&flow, 0, sizeof flow);
    ovs_assert(vrf_addr_parse(dst, &flow.family, &flow.dst));
    flow.iif = iif;
    flow.oif = oif;
    vrf_db_complete_flow(db, &flow);
    return vrf_db_lookup(db, &flow, a);
}

static uint32_t
ifindex_of(const struct vrf_answer *a)
{
    return vrf_route_hops(a->route)->hops[0].ifindex;
}

/* Linux replaces a route of IPv6 by one that the prefix has already, and then
 * has it twice. */
static void
test_twice(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct vrf_prefix p = prefix("2001:db8::", 32);
    struct vrf_db *db = vrf_db_create();
    struct vrf_answer a;
    struct vrf_event e;

    link_event(&e, 6, "eth0", 0, 0, true);
    vrf_db_apply(db, &e);
    link_event(&e, 7, "eth1", 0, 0, true);
    vrf_db_apply(db, &e);
    rule_event(&e, VRF_IPV6, 1000, 254);
    vrf_db_apply(db, &e);
    add_route(db, 254, "2001:db8::", 32, VRF_ROUTE_THROW, 0);
    add_route(db, 254, "2001:db8::", 32, VRF_ROUTE_UNICAST, 6);

    /* The first one is replaced by the second one, then by another one. */
    route_event(&e, VRF_IPV6, 254, &p, VRF_ROUTE_UNICAST, 0, 6);
    e.route.place = VRF_FIB_REPLACE;
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
    ovs_assert(lookup(db, "2001:db8::1", 1, 0, &a) && ifindex_of(&a) == 6);
    ovs_assert(!vrf_db_apply(db, &e));
    e.route.hops[0].ifindex = 7;
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
    ovs_assert(lookup(db, "2001:db8::1", 1, 0, &a) && ifindex_of(&a) == 7);

    /* That goes, and so does the one that is left. */
    e.gone = true;
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
    ovs_assert(lookup(db, "2001:db8::1", 1, 0, &a) && ifindex_of(&a) == 6);
    e.route.hops[0].ifindex = 6;
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
    ovs_assert(!lookup(db, "2001:db8::1", 1, 0, &a));
    vrf_db_destroy(db);
    printf("both go\n");
}

/* VRFs: rule order, isolation, the conventional default, leaks. */
static void
test_vrfs(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_db *db = vrf_db_create();
    struct vrf_answer a;
    struct vrf_event e;

    link_event(&e, 1, "lo", 0, 0, true);
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);
    ovs_assert(!vrf_db_apply(db, &e));
    link_event(&e, 2, "red", 0, 10, true);
    vrf_db_apply(db, &e);
    link_event(&e, 3, "blue", 0, 20, true);
    vrf_db_apply(db, &e);
    link_event(&e, 4, "r1", 2, 0, true);
    vrf_db_apply(db, &e);
    link_event(&e, 5, "b1", 3, 0, true);
    vrf_db_apply(db, &e);
    link_event(&e, 6, "eth0", 0, 0, true);
    vrf_db_apply(db, &e);

    rule_event(&e, VRF_IPV4, 1000, 0);
    e.rule.rule.parts = VRF_RULE_L3MDEV;
    ovs_assert(vrf_db_apply(db, &e) == VRF_DB_CHANGED);

    add_route(db, 254, "0.0.0.0", 0, VRF_ROUTE_UNICAST, 6);
    add_route(db, 255, "10.9.9.9", 32, VRF_ROUTE_LOCAL, 1);
    add_route(db, 10, "10.0.0.0", 8, VRF_ROUTE_UNICAST, 4);
    add_route(db, 20, "10.0.0.0", 8, VRF_ROUTE_UNICAST, 5);
    add_route(db, 10, "0.0.0.0", 0, VRF_ROUTE_UNREACHABLE, 0);

    ovs_assert(lookup(db, "10.1.1.1", 4, 0, &a) && ifindex_of(&a) == 4);
    ovs_assert(a.table == 10 && a.len == 8 && a.rule->priority == 1000);
    ovs_assert(lookup(db, "10.1.1.1", 5, 0, &a) && ifindex_of(&a) == 5);
    ovs_assert(lookup(db, "10.1.1.1", 6, 0, &a) && ifindex_of(&a) == 6);
    ovs_assert(lookup(db, "10.1.1.1", 1, 2, &a) && ifindex_of(&a) == 4);
    ovs_assert(lookup(db, "10.1.1.1", 1, 5, &a) && ifindex_of(&a) == 5);

    /* Local comes first, the default of a VRF is the end, and without one
     * the packet falls through to the main table. */
    ovs_assert(lookup(db, "10.9.9.9", 4, 0, &a)
               && a.type == VRF_ROUTE_LOCAL && a.table == 255);
    ovs_assert(lookup(db, "11.0.0.1", 4, 0, &a)
               && a.type == VRF_ROUTE_UNREACHABLE && a.table == 10);
    ovs_assert(lookup(db, "11.0.0.1", 5, 0, &a) && a.table == 254);

    /* Leaks. */
    add_route(db, 10, "12.0.0.0", 8, VRF_ROUTE_UNICAST, 3);
    add_route(db, 20, "12.1.0.0", 16, VRF_ROUTE_UNICAST, 5);
    ovs_assert(lookup(db, "12.1.0.1", 4, 0, &a) && ifindex_of(&a) == 5);
    ovs_assert(a.n_leaks == 1 && a.table == 20 && a.len == 16);
    ovs_assert(a.used.dst_bits == 16);
    add_route(db, 20, "12.2.0.0", 16, VRF_ROUTE_UNICAST, 2);
    ovs_assert(!lookup(db, "12.2.0.1", 4, 0, &a) && a.leak_loop);
    ovs_assert(lookup(db, "12.2.0.1", 6, 0, &a) && !a.n_leaks);

    struct vrf_prefix p = prefix("13.0.0.0", 8);

    route_event(&e, VRF_IPV4, 10, &p, VRF_ROUTE_UNICAST, 0, 0);
    e.route.n_hops = 1;
    e.route.hops[0].leak_table = 20;
    e.route.info.source = VRF_ROUTE_USER;
    vrf_db_apply(db, &e);
    ovs_assert(!lookup(db, "13.0.0.1", 4, 0, &a) && a.n_leaks == 1);
    add_route(db, 20, "13.0.0.0", 24, VRF_ROUTE_UNICAST, 5);
    ovs_assert(lookup(db, "13.0.0.1", 4, 0, &a) && ifindex_of(&a) == 5);
    ovs_assert(a.used.dst_bits == 24);

    /* A device that goes down takes its routes with it, and what was
     * configured outlives that all is told anew. */
    link_event(&e, 4, "r1", 2, 0, false);
    ovs_assert(vrf_db_apply(db, &e) == (VRF_DB_CHANGED | VRF_DB_STALE));
    ovs_assert(lookup(db, "10.1.1.1", 1, 2, &a)
               && a.type == VRF_ROUTE_UNREACHABLE);
    vrf_db_resync_begin(db);
    ovs_assert(vrf_db_device(db, 4) && vrf_db_table(db, VRF_IPV4, 20));
    link_event(&e, 2, "red", 0, 10, true);
    vrf_db_resync_add(db, &e);
    rule_event(&e, VRF_IPV4, 5, 10);
    vrf_db_resync_add(db, &e);
    ovs_assert(vrf_db_rules(db, VRF_IPV4)->n == 4);
    ovs_assert(vrf_db_resync_end(db));
    ovs_assert(vrf_db_rules(db, VRF_IPV4)->n == 1);
    ovs_assert(!vrf_db_rules(db, VRF_IPV6)->n);
    ovs_assert(!vrf_db_device(db, 4) && vrf_db_device(db, 2));
    ovs_assert(!vrf_db_table(db, VRF_IPV4, 20));
    ovs_assert(vrf_db_table(db, VRF_IPV4, 10));

    /* The same again is no change. */
    vrf_db_resync_begin(db);
    link_event(&e, 2, "red", 0, 10, true);
    vrf_db_resync_add(db, &e);
    rule_event(&e, VRF_IPV4, 5, 10);
    vrf_db_resync_add(db, &e);
    vrf_db_resync_add(db, &e);
    ovs_assert(!vrf_db_resync_end(db));

    /* A device that is another one than before is a change. */
    vrf_db_resync_begin(db);
    link_event(&e, 2, "red", 0, 10, false);
    vrf_db_resync_add(db, &e);
    rule_event(&e, VRF_IPV4, 5, 10);
    vrf_db_resync_add(db, &e);
    ovs_assert(vrf_db_resync_end(db));

    /* VRFs that Linux does not know. */
    vrf_db_set_own_vrfs(db, true);
    ovs_assert(vrf_db_rules(db, VRF_IPV6)->n == 1);
    ovs_assert(vrf_db_rules(db, VRF_IPV4)->n == 2);
    rule_event(&e, VRF_IPV4, 1000, 0);
    e.rule.rule.parts = VRF_RULE_L3MDEV;
    vrf_db_apply(db, &e);
    ovs_assert(vrf_db_rules(db, VRF_IPV4)->n == 2);
    vrf_db_set_own_vrfs(db, false);
    ovs_assert(!vrf_db_rules(db, VRF_IPV6)->n);
    vrf_db_destroy(db);
    printf("VRFs are apart\n");
}

/* One rule after the other. */
static void
test_rules(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_rule r[8];
    struct vrf_rules *rules;
    struct vrf_flow flow;
    struct vrf_used used;
    size_t pos = 0;

    for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
        vrf_rule_init(&r[i]);
        r[i].priority = 10 * i;
        r[i].table = i;
    }
    r[0].parts = VRF_RULE_SRC | VRF_RULE_TOS;
    r[0].src = prefix("10.0.0.0", 8);
    r[0].tos = 0x10;
    r[0].tos_mask = 0x1c;
    r[1].parts = VRF_RULE_DST | VRF_RULE_INVERT;
    r[1].dst = prefix("192.168.0.0", 16);
    r[2].action = VRF_RULE_NOP;
    r[3].action = VRF_RULE_GOTO;
    r[3].target = 60;
    r[4].action = VRF_RULE_PROHIBIT;
    r[5].parts = VRF_RULE_OTHER;
    r[6].parts = VRF_RULE_MARK | VRF_RULE_DPORT;
    r[6].mark = 0x30;
    r[6].mark_mask = 0xf0;
    r[6].dport[0] = 80;
    r[6].dport[1] = 90;
    r[7].parts = VRF_RULE_IIF;
    ovs_strlcpy(r[7].iif, "eth0", sizeof r[7].iif);
    r[7].iif_index = 3;

    rules = vrf_rules_create(VRF_IPV4, r, ARRAY_SIZE(r));
    ovs_assert(rules->inexact);

    memset(&flow, 0, sizeof flow);
    memset(&used, 0, sizeof used);
    flow.src = prefix("10.1.1.1", 32).addr;
    flow.dst = prefix("192.168.1.1", 32).addr;
    flow.iif = 3;
    flow.mark = 0x75;
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->table == 7);
    ovs_assert(!vrf_rules_next(rules, &pos, &flow, &used));

    /* The source does not matter because the TOS does not match. */
    ovs_assert(!used.src_bits && used.tos_mask == 0x1c);
    ovs_assert(used.dst_bits == 16 && used.mark_mask == 0x40);
    ovs_assert(!used.proto && !used.sport && !used.dport);

    pos = 0;
    memset(&used, 0, sizeof used);
    flow.tos = 0x10;
    flow.dst.hi ^= UINT64_C(1) << 60;
    flow.mark = 0x3f;
    flow.dport = 85;
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->table == 0);
    ovs_assert(used.src_bits == 8 && used.tos_mask == 0x1c);
    ovs_assert(!used.dst_bits && !used.mark_mask);
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->table == 1);
    ovs_assert(used.dst_bits == 4);
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->table == 6);
    ovs_assert(used.mark_mask == 0xf0 && used.dport && !used.sport);
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->table == 7);
    free(rules);

    /* A jump to nowhere is none. */
    r[3].target = 61;
    rules = vrf_rules_create(VRF_IPV4, &r[3], 2);
    pos = 0;
    ovs_assert(vrf_rules_next(rules, &pos, &flow, &used)->action
               == VRF_RULE_PROHIBIT);
    free(rules);

    struct ds s = DS_EMPTY_INITIALIZER;

    vrf_rule_format(VRF_IPV4, &r[6], &s);
    ovs_assert(!strcmp(ds_cstr(&s),
                       "60: from all fwmark 0x30/0xf0 dport 80-90 lookup 6"));
    ds_destroy(&s);
    printf("rules are tried in order\n");
}

/* Nothing but what is said to be used matters. */

static void
random_flow(struct vrf_flow *flow, enum vrf_family family)
{
    memset(flow, 0, sizeof *flow);
    flow->family = family;
    flow->dst.hi = (uint64_t) random_range(64) << 58
                   | (uint64_t) random_range(4) << 36;
    flow->src.hi = ((uint64_t) random_range(16) << 60) | UINT64_C(1) << 32;
    flow->mark = random_range(16);
    flow->tos = random_range(8) << 2;
    flow->proto = random_range(3);
    flow->sport = random_range(6);
    flow->dport = random_range(6);
    flow->iif = 1 + random_range(6);
    flow->oif = random_range(4) ? 0 : 1 + random_range(6);
}

static void
random_rule(struct vrf_rule *r, uint32_t priority)
{
    vrf_rule_init(r);
    r->priority = priority;
    r->parts = random_uint32() & random_uint32() & 0x7ff;
    r->action = random_range(10) ? VRF_RULE_TABLE : random_range(6);
    if (r->action != VRF_RULE_TABLE) {
        r->parts &= ~VRF_RULE_L3MDEV;
    }
    r->target = priority + random_range(6);
    r->table = 100 + random_range(4);
    r->src.len = random_range(5);
    r->src.addr.hi = (uint64_t) random_range(16) << 60;
    r->src.addr = vrf_addr_cut(&r->src.addr, r->src.len);
    r->dst.len = random_range(7);
    r->dst.addr.hi = (uint64_t) random_range(64) << 58;
    r->dst.addr = vrf_addr_cut(&r->dst.addr, r->dst.len);
    snprintf(r->iif, sizeof r->iif, "eth%d", random_range(6));
    snprintf(r->oif, sizeof r->oif, "eth%d", random_range(6));
    r->mark_mask = random_range(16);
    r->mark = random_range(16) & r->mark_mask;
    r->tos = random_range(8) << 2;
    r->tos_mask = 0x1c;
    r->proto = random_range(3);
    r->sport[0] = random_range(6);
    r->sport[1] = r->sport[0] + random_range(3);
    r->dport[0] = random_range(6);
    r->dport[1] = r->dport[0] + random_range(3);
    r->suppress_len = random_range(4) ? -1 : random_range(8);
    r->suppress_group = random_range(4) ? -1 : random_range(3);
}

static void
random_db(struct vrf_db *db, enum vrf_family family)
{
    struct vrf_event e;

    for (uint32_t i = 1; i <= 6; i++) {
        char name[16];

        snprintf(name, sizeof name, "eth%"PRIu32, i);
        link_event(&e, i, name, i > 2 ? random_range(3) : 0,
                   i <= 2 ? 99 + i : 0, random_range(5) != 0);
        vrf_db_apply(db, &e);
    }
    for (size_t i = random_range(8); i > 0; i--) {
        rule_event(&e, family, 0, 0);
        random_rule(&e.rule.rule, random_range(10));
        vrf_db_apply(db, &e);
    }
    for (size_t i = random_range(30); i > 0; i--) {
        struct vrf_prefix p;

        p.len = random_range(random_range(2) ? 8 : 33);
        p.addr.hi = (uint64_t) random_range(64) << 58
                    | (uint64_t) random_range(4) << 36;
        p.addr.lo = 0;
        p.addr = vrf_addr_cut(&p.addr, p.len);
        route_event(&e, family, 100 + random_range(4), &p,
                    (random_range(4) ? VRF_ROUTE_UNICAST
                     : 1 + random_range(VRF_ROUTE_TYPE_MAX)),
                    random_range(3), 1 + random_range(6));
        e.route.info.tos = random_range(4) ? 0 : random_range(8) << 2;
        vrf_db_apply(db, &e);
    }
}

static uint64_t
random_low_bits(uint64_t x, unsigned int keep)
{
    uint64_t mask = keep >= 64 ? 0 : UINT64_MAX >> keep;

    return x ^ (random_uint64() & mask);
}

static void
test_used(struct ovs_cmdl_context *ctx)
{
    size_t n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 2000;
    size_t n_found = 0, n_narrow = 0;

    random_set_seed(3);
    for (size_t i = 0; i < n; i++) {
        enum vrf_family family = i & 1 ? VRF_IPV6 : VRF_IPV4;
        struct vrf_db *db = vrf_db_create();

        random_db(db, family);
        for (size_t j = 0; j < 100; j++) {
            struct vrf_flow flow;
            struct vrf_answer a, b;

            random_flow(&flow, family);
            vrf_db_complete_flow(db, &flow);
            vrf_db_lookup(db, &flow, &a);
            n_found += a.route != NULL;
            n_narrow += a.used.dst_bits < 32;
            for (size_t k = 0; k < 20; k++) {
                struct vrf_flow other = flow;
                uint64_t v4 = (family == VRF_IPV4
                               ? UINT64_C(0xffffffff00000000) : UINT64_MAX);

                other.dst.hi = random_low_bits(flow.dst.hi,
                                               a.used.dst_bits) & v4;
                other.src.hi = random_low_bits(flow.src.hi,
                                               a.used.src_bits) & v4;
                if (!other.src.hi) {
                    continue;
                }
                other.mark ^= random_uint32() & ~a.used.mark_mask;
                other.tos ^= random_uint32() & ~a.used.tos_mask;
                if (!a.used.proto) {
                    other.proto = random_range(4);
                }
                if (!a.used.sport) {
                    other.sport = random_range(8);
                }
                if (!a.used.dport) {
                    other.dport = random_range(8);
                }
                vrf_db_lookup(db, &other, &b);
                ovs_assert(a.type == b.type && a.route == b.route
                           && a.rule == b.rule && a.table == b.table
                           && a.len == b.len && a.n_leaks == b.n_leaks);
            }
        }
        vrf_db_destroy(db);
        ovsrcu_quiesce();
    }
    ovs_assert(n < 100 || (n_found > n && n_narrow > n));
    printf("what is not used does not matter\n");
}

static void
test_vrf_db_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"vrfs", NULL, 0, 0, test_vrfs, OVS_RO},
        {"twice", NULL, 0, 0, test_twice, OVS_RO},
        {"rules", NULL, 0, 0, test_rules, OVS_RO},
        {"used", "[N]", 0, 1, test_used, OVS_RO},
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

OVSTEST_REGISTER("test-vrf-db", test_vrf_db_main);
