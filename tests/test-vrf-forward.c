/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what becomes of packets by routes alone: lib/vrf-forward.h. */

#include <config.h>
#undef NDEBUG
#include "vrf-forward.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "command-line.h"
#include "ovstest.h"
#include "util.h"

/* VRF "red" is table 10, with its device and two members; "blue" is table 20,
 * of which Linux knows nothing. */
enum { LO = 1, RED, RED1, RED2, BLUE1, RED_TABLE = 10, BLUE_TABLE = 20 };

static struct vrf_event event;  /* Large. */

static void
apply(struct vrf_db *db, enum vrf_event_type type)
{
    event.type = type;
    vrf_db_apply(db, &event);
    memset(&event, 0, sizeof event);
}

static void
add_device(struct vrf_db *db, uint32_t ifindex, const char *name,
           uint32_t table, uint32_t master, uint32_t mtu)
{
    event.link.ifindex = ifindex;
    event.link.table = table;
    event.link.master = master;
    event.link.mtu = mtu;
    event.link.up = event.link.running = true;
    ovs_strlcpy(event.link.name, name, sizeof event.link.name);
    apply(db, VRF_EVENT_LINK);
}

/* Fills in the event "route" apart from its hops. */
static void
begin_route(uint32_t table, const char *dst, unsigned int len,
            enum vrf_route_type type)
{
    ovs_assert(vrf_addr_parse(dst, &event.route.family,
                              &event.route.prefix.addr));
    event.route.prefix.len = len;
    event.route.table = table;
    event.route.place = VRF_FIB_LAST;
    event.route.info.type = type;
}

static void
add_hop(const char *gateway, uint32_t ifindex, uint8_t flags)
{
    struct vrf_hop *hop = &event.route.hops[event.route.n_hops++];
    enum vrf_family family = event.route.family;

    if (gateway) {
        ovs_assert(vrf_addr_parse(gateway, &family, &hop->gateway));
    }
    hop->gateway_family = family;
    hop->ifindex = ifindex;
    hop->weight = 1;
    hop->flags = flags;
}

static struct vrf_db *
create_db(void)
{
    struct vrf_db *db = vrf_db_create();

    vrf_db_set_own_vrfs(db, true);
    add_device(db, LO, "lo", 0, 0, 65536);
    add_device(db, RED, "red", RED_TABLE, 0, 65536);
    add_device(db, RED1, "r1", 0, RED, 1500);
    add_device(db, RED2, "r2", 0, RED, 1400);
    add_device(db, BLUE1, "b1", 0, 0, 1500);
    return db;
}

static void
make_flow(const struct vrf_db *db, uint32_t table, const char *dst,
          struct vrf_flow *flow)
{
    memset(flow, 0, sizeof *flow);
    ovs_assert(vrf_addr_parse(dst, &flow->family, &flow->dst));
    flow->iif = VRF_IIF_LOCAL;
    flow->vrf_table = table;
    vrf_db_complete_flow(db, flow);
}

static enum vrf_outcome
forward(const struct vrf_db *db, uint32_t table, const char *dst,
        uint32_t hash, struct vrf_way *way)
{
    struct vrf_flow flow;

    make_flow(db, table, dst, &flow);
    vrf_forward(db, &flow, hash, way);
    return way->outcome;
}

/* What Linux would encapsulate goes nowhere, unless there is another hop. */
static void
test_encap(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_db *db = create_db();
    struct vrf_way way;

    begin_route(RED_TABLE, "10.0.0.0", 8, VRF_ROUTE_UNICAST);
    add_hop("10.9.9.9", RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "10.1.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop("10.9.9.9", RED1, VRF_HOP_ENCAP);
    apply(db, VRF_EVENT_ROUTE);
    ovs_assert(forward(db, RED_TABLE, "10.0.0.1", 0, &way) == VRF_FORWARDED);
    ovs_assert(forward(db, RED_TABLE, "10.1.0.1", 0, &way) == VRF_ENCAP);
    ovs_assert(!strcmp(vrf_outcome_name(way.outcome), "encap"));
    ovs_assert(way.answer.len == 16);

    begin_route(RED_TABLE, "10.2.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop("10.9.9.8", RED1, VRF_HOP_ENCAP);
    add_hop("10.9.9.9", RED2, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "10.3.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop("10.9.9.8", RED1, VRF_HOP_ENCAP);
    add_hop("10.9.9.9", RED2, VRF_HOP_ENCAP);
    apply(db, VRF_EVENT_ROUTE);
    for (uint32_t hash = 0; hash < VRF_HOP_BUCKETS; hash++) {
        ovs_assert(forward(db, RED_TABLE, "10.2.0.1", hash, &way)
                   == VRF_FORWARDED);
        ovs_assert(way.ifindex == RED2);
        ovs_assert(forward(db, RED_TABLE, "10.3.0.1", hash, &way)
                   == VRF_ENCAP);
    }

    /* By the device of a VRF it is no leak. */
    begin_route(BLUE_TABLE, "10.1.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED, VRF_HOP_ENCAP);
    apply(db, VRF_EVENT_ROUTE);
    ovs_assert(forward(db, BLUE_TABLE, "10.1.0.1", 0, &way) == VRF_ENCAP);
    vrf_db_destroy(db);
}

/* The route's MTU is what counts, also where the device has less. */
static void
test_mtu(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t mtus[] = { 0, 1300, 1500, 9000 };
    struct vrf_db *db = create_db();
    struct vrf_way way;

    for (uint32_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        begin_route(RED_TABLE, "10.0.0.0", 8, VRF_ROUTE_UNICAST);
        event.route.info.metric = ARRAY_SIZE(mtus) - i;
        event.route.info.mtu = mtus[i];
        add_hop(NULL, RED1, 0);
        apply(db, VRF_EVENT_ROUTE);
        ovs_assert(forward(db, RED_TABLE, "10.0.0.1", 0, &way)
                   == VRF_FORWARDED);
        ovs_assert(way.mtu == (mtus[i] ? mtus[i] : 1500));
        ovs_assert(way.mtu_of_route == (mtus[i] != 0));
    }
    vrf_db_destroy(db);
}

/* A table instead of the rules: nothing comes after it but where it leads. */
static void
test_from_table(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_db *db = create_db();
    struct vrf_flow flow;
    struct vrf_way way;

    make_flow(db, RED_TABLE, "10.0.0.1", &flow);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_NO_ROUTE && !way.answer.used.dst_bits);

    begin_route(255, "10.0.0.1", 32, VRF_ROUTE_LOCAL);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "0.0.0.0", 0, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(100, "10.0.0.0", 24, VRF_ROUTE_UNICAST);
    add_hop("10.0.1.1", RED2, 0);
    apply(db, VRF_EVENT_ROUTE);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_FORWARDED && way.ifindex == RED2);
    ovs_assert(way.answer.table == 100 && way.answer.len == 24
               && !way.answer.rule && way.answer.used.dst_bits == 24);

    /* Not the VRF's table, not the local one. */
    begin_route(100, "10.0.0.0", 30, VRF_ROUTE_THROW);
    apply(db, VRF_EVENT_ROUTE);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_NO_ROUTE && !way.answer.route);
    ovs_assert(way.answer.used.dst_bits == 30);
    begin_route(100, "10.0.0.0", 31, VRF_ROUTE_UNREACHABLE);
    apply(db, VRF_EVENT_ROUTE);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_UNREACHABLE);
    make_flow(db, RED_TABLE, "10.0.1.1", &flow);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_NO_ROUTE);

    /* Into another VRF. */
    begin_route(100, "10.2.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "10.2.0.0", 17, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    make_flow(db, BLUE_TABLE, "10.2.0.1", &flow);
    vrf_forward_from(db, &flow, 100, 0, &way);
    ovs_assert(way.outcome == VRF_FORWARDED && way.ifindex == RED1);
    ovs_assert(way.answer.table == RED_TABLE && way.answer.n_leaks == 1
               && way.answer.used.dst_bits == 17);
    vrf_db_destroy(db);
}

/* One table alone: no rule, no other table, no leak of a lookup before. */
static void
test_table(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_db *db = create_db();
    struct vrf_flow flow;
    struct vrf_way way;

    begin_route(255, "10.0.0.1", 32, VRF_ROUTE_LOCAL);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(254, "0.0.0.0", 0, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(BLUE_TABLE, "10.0.0.0", 24, VRF_ROUTE_UNICAST);
    add_hop("10.0.1.1", BLUE1, 0);
    apply(db, VRF_EVENT_ROUTE);

    make_flow(db, BLUE_TABLE, "10.0.0.1", &flow);
    vrf_forward(db, &flow, 0, &way);
    ovs_assert(way.outcome == VRF_LOCAL && way.answer.table == 255);
    way.answer.used.mark_mask = 5;
    vrf_forward_table(db, &flow, BLUE_TABLE, 0, &way);
    ovs_assert(way.outcome == VRF_FORWARDED && way.ifindex == BLUE1);
    ovs_assert(way.answer.table == BLUE_TABLE && way.answer.len == 24
               && !way.answer.rule && way.answer.used.mark_mask == 5);

    make_flow(db, BLUE_TABLE, "10.1.0.1", &flow);
    vrf_forward(db, &flow, 0, &way);
    ovs_assert(way.outcome == VRF_FORWARDED && way.answer.table == 254);
    vrf_forward_table(db, &flow, BLUE_TABLE, 0, &way);
    ovs_assert(way.outcome == VRF_NO_ROUTE && !way.answer.route
               && !way.ifindex);
    vrf_db_destroy(db);
}

static void
add_address(struct vrf_db *db, uint32_t ifindex, const char *addr,
            unsigned int len)
{
    ovs_assert(vrf_addr_parse(addr, &event.address.family,
                              &event.address.addr));
    event.address.ifindex = ifindex;
    event.address.len = len;
    apply(db, VRF_EVENT_ADDRESS);
}

static bool
is_among(uint32_t ifindex, const void *usable_)
{
    const uint32_t *usable = usable_;

    while (*usable && *usable != ifindex) {
        usable++;
    }
    return *usable != 0;
}

static void
check_source(const struct vrf_db *db, const char *dst,
             const uint32_t usable[], const char *expected)
{
    struct vrf_addr source, wanted;
    enum vrf_family family;
    struct vrf_flow flow;
    struct vrf_way way;

    make_flow(db, RED_TABLE, dst, &flow);
    vrf_forward(db, &flow, 0, &way);
    ovs_assert(vrf_forward_source(db, flow.family, &way, &flow.dst, is_among,
                                  usable, &source) == (expected != NULL));
    if (expected) {
        ovs_assert(vrf_addr_parse(expected, &family, &wanted));
        ovs_assert(family == flow.family && vrf_addr_equal(&source, &wanted));
    }
}

static void
test_source(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t all[] = { RED1, RED2, 0 };
    static const uint32_t only2[] = { RED2, 0 };
    static const uint32_t none[] = { 0 };
    struct vrf_db *db = create_db();

    add_address(db, RED2, "10.8.0.2", 24);
    add_address(db, RED1, "10.1.0.2", 24);
    add_address(db, RED1, "10.1.0.1", 24);
    add_address(db, RED1, "10.1.1.1", 24);
    add_address(db, BLUE1, "10.8.0.1", 24);
    begin_route(RED_TABLE, "10.8.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop("10.1.1.9", RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "10.9.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop("10.1.0.9", RED1, 0);
    event.route.info.prefsrc = vrf_addr_from_ipv4(htonl(0x0a0a0a0a));
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "10.1.0.0", 16, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);

    /* On the link of the next hop, whatever the destination is like. */
    check_source(db, "10.8.0.9", all, "10.1.1.1");
    check_source(db, "10.1.1.9", all, "10.1.1.1");
    check_source(db, "10.1.0.8", all, "10.1.0.1");
    /* Of the device, if not on the link. */
    check_source(db, "10.1.2.9", all, "10.1.0.1");
    /* Of another device, and of none. */
    check_source(db, "10.1.0.8", only2, "10.8.0.2");
    check_source(db, "10.1.0.8", none, NULL);
    /* The route says. */
    check_source(db, "10.9.0.1", none, "10.10.10.10");

    /* Those for a link only are not for what is beyond. */
    add_address(db, RED1, "fe80::1", 64);
    begin_route(RED_TABLE, "2001:db8::", 32, VRF_ROUTE_UNICAST);
    add_hop("fe80::9", RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    begin_route(RED_TABLE, "fe80::", 64, VRF_ROUTE_UNICAST);
    add_hop(NULL, RED1, 0);
    apply(db, VRF_EVENT_ROUTE);
    check_source(db, "2001:db8::9", all, NULL);
    add_address(db, RED2, "2001:db8::2", 64);
    check_source(db, "2001:db8::9", all, "2001:db8::2");
    add_address(db, RED1, "2001:db8::1", 128);
    check_source(db, "2001:db8::9", all, "2001:db8::1");
    check_source(db, "fe80::7", all, "fe80::1");
    check_source(db, "fe80::7", only2, "2001:db8::2");
    vrf_db_destroy(db);
}

static void
test_vrf_forward_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "encap", NULL, 0, 0, test_encap, OVS_RO },
        { "mtu", NULL, 0, 0, test_mtu, OVS_RO },
        { "from-table", NULL, 0, 0, test_from_table, OVS_RO },
        { "table", NULL, 0, 0, test_table, OVS_RO },
        { "source", NULL, 0, 0, test_source, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-forward", test_vrf_forward_main);
