/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what becomes of packets by routes alone: lib/vrf-forward.h. */

#include <config.h>
#undef NDEBUG
#include "vrf-forward.h"

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

static void
test_vrf_forward_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "encap", NULL, 0, 0, test_encap, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-forward", test_vrf_forward_main);
