/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-isolation N [SEED]
 *
 * N packets are routed by the action vrf() in 64 VRFs that have the same
 * addresses, each with a device of its own; those of IPv4 and IPv6 are the
 * same numbers, too.  Now and then routes of some are added, replaced and
 * deleted, next hops get other addresses, or have none for a while, so that
 * packets wait, and VRFs exchange their tables.  Where each packet comes out,
 * to which next hop, which ICMP error its sender gets and what is counted has
 * to be what a model of its VRF says. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "fatal-signal.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "test-ports.h"
#include "test-vrf-common.h"
#include "util.h"
#include "vrf-counters.h"
#include "vrf-dummy.h"
#include "vrf-neigh-queue.h"
#include "vrf.h"

/* Packets of all VRFs come by each of the first ports.  Table i has device
 * DEVICE + i, and what goes on there is output to OUT + i. */
enum {
    N_VRFS = 64, N_RX = 2,
    DEVICE = N_RX + 1, OUT = DEVICE + N_VRFS, N_PORTS = OUT + N_VRFS - 1,
    FIRST_TABLE = 100,
};

/* Prefixes, the same in all tables: everything, N_NETS networks, and
 * N_SUBNETS in each of those. */
enum { N_NETS = 8, N_SUBNETS = 4, N_PREFIXES = 1 + N_NETS * (1 + N_SUBNETS) };
enum { N_GATEWAYS = 4 };

/* What a table has for a prefix: the number of a gateway or one of these. */
enum { NONE = -1, BLACKHOLE = -2, UNREACHABLE = -3 };

struct model_table {
    int routes[VRF_N_FAMILIES][N_PREFIXES];
    struct eth_addr gateways[VRF_N_FAMILIES][N_GATEWAYS];
};
static struct model_table model[N_VRFS];
static unsigned int table_of[N_VRFS]; /* By VRF. */
static uint16_t vrf_ids[N_VRFS];

/* Counts by VRF, as they have to be. */
static uint64_t expected_counts[N_VRFS][VRF_N_FAMILIES][VRF_N_OUTCOMES];

/* The bursts that come next, and what has to become of their packets. */
static struct dp_packet_batch bursts[N_RX];
static struct expected {
    enum vrf_family family;
    unsigned int vrf, table;
    int net, subnet;
    uint8_t ttl;
    enum vrf_outcome outcome;
    struct eth_addr dst;        /* VRF_FORWARDED. */
    bool waits, waited;         /* For its next hop. */
    bool seen;
} expected[N_RX * NETDEV_MAX_BURST];
static size_t n_expected;
static uint64_t n_forwarded, n_waited, n_errors[N_VRFS];

/* The gateway whose address nobody knows, in two tables, if there is one. */
enum { N_ABSENT = 2 };
static struct {
    size_t n;                   /* Of 'tables' in which it is absent. */
    unsigned int tables[N_ABSENT];
    enum vrf_family family;
    int gateway;
} absent;

static size_t
net_prefix(int net)
{
    return 1 + net;
}

static size_t
subnet_prefix(int net, int subnet)
{
    return 1 + N_NETS + net * N_SUBNETS + subnet;
}

static struct vrf_addr
gateway_addr(int gateway)
{
    return TEST_IPV4(10, 99, 0, gateway + 1);
}

/* Those of the router and of who sends packets. */
static struct vrf_addr
router_addr(void)
{
    return TEST_IPV4(10, 98, 0, 1);
}

static struct vrf_addr
sender_addr(void)
{
    return TEST_IPV4(10, 98, 0, 2);
}

static struct eth_addr
sender_mac(unsigned int table)
{
    struct eth_addr mac = ETH_ADDR_C(0e,00,00,00,00,00);

    mac.ea[5] = table;
    return mac;
}

/* Fills in the event of the route that the model has. */
static void
begin_model_route(enum vrf_family family, unsigned int table, size_t prefix)
{
    int route = model[table].routes[family][prefix];
    struct vrf_addr addr = { 0, 0 };
    size_t i = prefix - 1;
    uint8_t len = 0;

    if (i < N_NETS) {
        addr = TEST_IPV4(10, i, 0, 0);
        len = 16;
    } else if (prefix) {
        i -= N_NETS;
        addr = TEST_IPV4(10, i / N_SUBNETS, i % N_SUBNETS, 0);
        len = 24;
    }
    test_begin_route(family, FIRST_TABLE + table, addr, len,
                     (route == BLACKHOLE ? VRF_ROUTE_BLACKHOLE
                      : route == UNREACHABLE ? VRF_ROUTE_UNREACHABLE
                      : VRF_ROUTE_UNICAST));
    if (route >= 0) {
        test_add_hop(DEVICE + table, gateway_addr(route));
    }
}

static void
change_route(unsigned int table)
{
    enum vrf_family family = random_range(VRF_N_FAMILIES);
    size_t prefix = random_range(N_PREFIXES);
    int *route = &model[table].routes[family][prefix];
    int new = (int) random_range(N_GATEWAYS + 3) + UNREACHABLE;
    bool replace = *route != NONE && new != NONE && random_range(2);

    if (new == *route) {
        return;
    }
    if (*route != NONE && !replace) {
        begin_model_route(family, table, prefix);
        test_event.gone = true;
        test_apply(VRF_EVENT_ROUTE);
    }
    *route = new;
    if (new != NONE) {
        begin_model_route(family, table, prefix);
        if (replace) {
            test_event.route.place = VRF_FIB_REPLACE;
        }
        test_apply(VRF_EVENT_ROUTE);
    }
}

static void
change_gateway(enum vrf_family family, unsigned int table, int gateway)
{
    struct eth_addr *mac = &model[table].gateways[family][gateway];

    mac->ea[0] = 6;
    mac->ea[1] = table;
    mac->ea[2] = gateway << 1 | family;
    if (!++mac->ea[5]) {
        mac->ea[4]++;
    }
    test_set_neighbour(family, DEVICE + table, gateway_addr(gateway), *mac);
}

/* Tells which table each VRF has. */
static void
configure_vrfs(void)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);

    for (unsigned int v = 0; v < N_VRFS; v++) {
        char *name = xasprintf("v%u", v);

        shash_add(&tables, name,
                  (void *) (uintptr_t) (FIRST_TABLE + table_of[v]));
        free(name);
    }
    vrf_configure(&tables, &ports, false);
    shash_destroy(&tables);
    shash_destroy(&ports);
}

static void
exchange_tables(void)
{
    unsigned int a = random_range(N_VRFS);
    unsigned int b = random_range(N_VRFS);
    unsigned int table = table_of[a];

    table_of[a] = table_of[b];
    table_of[b] = table;
    configure_vrfs();
}

static void
change_something(void)
{
    for (int n = random_range(8) + 1; n > 0; n--) {
        if (random_range(4)) {
            change_route(random_range(N_VRFS));
        } else {
            change_gateway(random_range(VRF_N_FAMILIES), random_range(N_VRFS),
                           random_range(N_GATEWAYS));
        }
    }
    vrf_dummy_changed();
    if (!random_range(32)) {
        exchange_tables();
    }
}

static void
set_up_vrfs(void)
{
    vrf_init();
    vrf_dummy_use();
    for (unsigned int t = 0; t < N_VRFS; t++) {
        test_add_device(DEVICE + t);
        for (int f = 0; f < VRF_N_FAMILIES; f++) {
            test_add_address(f, DEVICE + t, router_addr());
            test_begin_route(f, FIRST_TABLE + t, router_addr(), 24,
                             VRF_ROUTE_UNICAST);
            test_add_hop(DEVICE + t, (struct vrf_addr) { 0, 0 });
            test_apply(VRF_EVENT_ROUTE);
            test_set_neighbour(f, DEVICE + t, sender_addr(), sender_mac(t));
            for (int g = 0; g < N_GATEWAYS; g++) {
                change_gateway(f, t, g);
            }
            for (int p = 0; p < N_PREFIXES; p++) {
                model[t].routes[f][p] = NONE;
            }
        }
        table_of[t] = t;
    }
    vrf_dummy_changed();
    configure_vrfs();
    for (unsigned int v = 0; v < N_VRFS; v++) {
        char *name = xasprintf("v%u", v);

        vrf_ids[v] = vrf_id_of_name(name);
        free(name);
    }
    for (int i = 0; i < 10000; i++) {
        change_route(random_range(N_VRFS));
    }
    vrf_dummy_changed();
}

/* What is from VRF v has v in its source. */
static void
add_vrf_flows(struct dpif *dpif)
{
    for (unsigned int v = 0; v < N_VRFS; v++) {
        for (int f = 0; f < VRF_N_FAMILIES; f++) {
            char *actions = xasprintf("vrf(name=v%u)", v);
            char *match;

            for (unsigned int rx = 1; rx <= N_RX; rx++) {
                match = xasprintf("recirc_id(0),in_port(%u),"
                                  "eth(src=0a:00:00:00:00:%02x),%s",
                                  rx, v, test_family_match[f]);
                test_add_flow(dpif, match, actions);
                free(match);
            }
            free(actions);
            match = xasprintf("recirc_id(0),in_port(%u),%s", DEVICE + v,
                              test_family_match[f]);
            actions = xasprintf("%u", OUT + v);
            test_add_flow(dpif, match, actions);
            free(match);
            free(actions);
        }
    }
}

/* The route that a packet takes. */
static int
model_lookup(const struct expected *e)
{
    const int *routes = model[e->table].routes[e->family];
    int route = NONE;

    if (e->net < N_NETS) {
        if (e->subnet < N_SUBNETS) {
            route = routes[subnet_prefix(e->net, e->subnet)];
        }
        route = route == NONE ? routes[net_prefix(e->net)] : route;
    }
    return route == NONE ? routes[0] : route;
}

/* Says what has to become of the packet, as routes are now. */
static void
decide(struct expected *e)
{
    int route = model_lookup(e);

    e->outcome = (route == NONE ? VRF_NO_ROUTE
                  : route == BLACKHOLE ? VRF_BLACKHOLE
                  : route == UNREACHABLE ? VRF_UNREACHABLE
                  : e->ttl == 1 ? VRF_TTL : VRF_FORWARDED);
    if (e->outcome == VRF_FORWARDED) {
        e->dst = model[e->table].gateways[e->family][route];
        for (size_t i = 0; i < absent.n; i++) {
            e->waits |= (absent.tables[i] == e->table
                         && absent.family == e->family
                         && absent.gateway == route);
        }
    }
    if (!e->waits) {
        expected_counts[e->vrf][e->family][e->outcome]++;
    }
}

/* Makes a packet for 'burst'.  Some addresses are in no subnet, and some in no
 * network.  Many are for where a gateway is absent. */
static void
add_random_packet(struct dp_packet_batch *burst)
{
    struct expected *e = &expected[n_expected];
    struct eth_addr src = ETH_ADDR_C(0a,00,00,00,00,00);
    struct dp_packet *packet;
    struct vrf_addr dst;

    memset(e, 0, sizeof *e);
    e->family = random_range(VRF_N_FAMILIES);
    e->vrf = random_range(N_VRFS);
    e->net = random_range(N_NETS + 1);
    if (absent.n && random_range(2)) {
        while (table_of[e->vrf] != absent.tables[0]
               && table_of[e->vrf] != absent.tables[absent.n - 1]) {
            e->vrf = (e->vrf + 1) % N_VRFS;
        }
        e->family = absent.family;
        e->net = random_range(2) ? e->net : N_NETS;
    }
    e->table = table_of[e->vrf];
    e->subnet = random_range(N_SUBNETS + 1);
    e->ttl = random_range(64) ? 64 : 1;
    decide(e);

    dst = TEST_IPV4(10, e->net, e->subnet, random_range(3));
    packet = test_make_packet(e->family, &dst, e->ttl,
                              (struct test_tag) { e->vrf, n_expected++ });
    src.ea[5] = e->vrf;
    ((struct eth_header *) dp_packet_data(packet))->eth_src = src;
    dp_packet_batch_add(burst, packet);
}

static void
isolation_receive(unsigned int n, struct dp_packet_batch *batch)
{
    if (n <= N_RX) {
        *batch = bursts[n - 1];
        dp_packet_batch_init(&bursts[n - 1]);
    }
}

/* The packet with this tag. */
static struct expected *
find_expected(enum vrf_family family, const struct test_tag *tag)
{
    struct expected *e = &expected[tag->number];

    ovs_assert(tag->number < n_expected);
    ovs_assert(e->vrf == tag->kind && e->family == family);
    return e;
}

/* Is it the error that the packet is to cause? */
static void
check_error(unsigned int port, const struct test_output *o)
{
    const uint8_t *icmp = o->l3 + o->header_len;
    size_t headers = o->header_len + ICMP_HEADER_LEN;
    bool is_ipv4 = o->family == VRF_IPV4;
    struct expected *e;
    struct test_tag tag;

    ovs_assert(o->proto == (is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6));
    ovs_assert(o->l3_size > headers);
    ovs_assert(test_get_tag(o->family, o->l3 + headers, o->l3_size - headers,
                            &tag));
    e = find_expected(o->family, &tag);
    ovs_assert(port == OUT + e->table && !e->seen);
    e->seen = true;
    if (e->outcome == VRF_TTL) {
        ovs_assert(*icmp == (is_ipv4 ? ICMP4_TIME_EXCEEDED
                             : ICMP6_TIME_EXCEEDED));
    } else {
        ovs_assert(e->outcome == VRF_NO_ROUTE
                   || e->outcome == VRF_UNREACHABLE);
        ovs_assert(*icmp == (is_ipv4 ? ICMP4_DST_UNREACH
                             : ICMP6_DST_UNREACH));
    }
    ovs_assert(eth_addr_equals(o->eth->eth_dst, sender_mac(e->table)));
    n_errors[e->vrf]++;
}

static void
isolation_send(unsigned int port, struct dp_packet *packet)
{
    struct test_output o;
    struct test_tag tag;

    test_look_at(packet, &o);
    if (test_get_tag(o.family, o.l3, o.l3_size, &tag)) {
        struct expected *e = find_expected(o.family, &tag);

        ovs_assert(e->outcome == VRF_FORWARDED && !e->waits && !e->seen);
        e->seen = true;
        ovs_assert(port == OUT + e->table && o.ttl == 63);
        ovs_assert(eth_addr_equals(o.eth->eth_dst, e->dst));
        n_forwarded++;
    } else {
        check_error(port, &o);
    }
    ovs_assert(eth_addr_equals(o.eth->eth_src,
                               test_port_mac(port - OUT + DEVICE)));
    dp_packet_delete(packet);
}

/* Has nobody know the address of some gateway, in two tables, that of the last
 * route of one of them if it has one. */
static void
lose_gateway(void)
{
    absent.n = N_ABSENT;
    absent.family = random_range(VRF_N_FAMILIES);
    absent.tables[0] = random_range(N_VRFS);
    absent.tables[1] = (absent.tables[0] + 1) % N_VRFS;
    absent.gateway = model[absent.tables[0]].routes[absent.family][0];
    if (absent.gateway < 0) {
        absent.gateway = random_range(N_GATEWAYS);
    }
    for (size_t i = 0; i < absent.n; i++) {
        test_event.gone = true;
        test_set_neighbour(absent.family, DEVICE + absent.tables[i],
                           gateway_addr(absent.gateway), eth_addr_zero);
    }
    vrf_dummy_changed();
}

/* Has it come back in one of the tables, with another address.  As many
 * packets as may wait go as routes are then; which of them, if there are more,
 * is not known here. */
static void
regain_gateway(struct dpif *dpif)
{
    unsigned int table = absent.tables[--absent.n];
    size_t n = 0, n_seen = 0, n_due;
    uint64_t *counts = NULL;

    for (size_t i = 0; i < n_expected; i++) {
        n += expected[i].waits && expected[i].table == table;
    }
    for (int i = 0; n <= VRF_NEIGH_MAX_PACKETS && i < 4; i++) {
        change_route(table);
    }
    change_gateway(absent.family, table, absent.gateway);
    vrf_dummy_changed();
    for (size_t i = 0; i < n_expected; i++) {
        struct expected *e = &expected[i];

        if (e->waits && e->table == table) {
            e->waits = false;
            e->waited = true;
            decide(e);
            counts = expected_counts[e->vrf][e->family];
        }
    }
    n_due = n;
    if (n > VRF_NEIGH_MAX_PACKETS) {
        n_due = VRF_NEIGH_MAX_PACKETS;
        counts[VRF_FORWARDED] -= n - n_due;
        counts[VRF_NEIGH_FULL] += n - n_due;
    }
    dpif_run(dpif);
    dpif_run(dpif);
    for (size_t i = 0; i < n_expected; i++) {
        n_seen += (expected[i].waited && expected[i].table == table
                   && (expected[i].seen
                       || expected[i].outcome != VRF_FORWARDED));
    }
    ovs_assert(n_seen == n_due);
    n_waited += n;
}

/* What is counted is what the model says, and each error that was due was sent
 * or is counted otherwise.  'all' says that everything must have happened. */
static void
check_counts(bool all)
{
    uint64_t waited = 0;

    for (unsigned int v = 0; v < N_VRFS; v++) {
        uint64_t sent = 0;

        for (int f = 0; f < VRF_N_FAMILIES; f++) {
            const uint64_t *due = expected_counts[v][f];
            uint64_t in = 0, accounted = 0;

            for (int i = 0; i < VRF_N_OUTCOMES; i++) {
                ovs_assert(test_count(vrf_ids[v], f, i) == due[i]);
                in += due[i];
            }
            ovs_assert(test_count(vrf_ids[v], f, VRF_COUNT_IN_PACKETS) == in);
            waited += test_count(vrf_ids[v], f, VRF_COUNT_NEIGH_QUEUED);
            for (int i = VRF_COUNT_SENT; i < VRF_N_COUNTS; i++) {
                accounted += test_count(vrf_ids[v], f, i);
                sent += (i < VRF_COUNT_SUPPRESSED
                         ? test_count(vrf_ids[v], f, i) : 0);
            }
            ovs_assert(accounted == (due[VRF_TTL] + due[VRF_NO_ROUTE]
                                     + due[VRF_UNREACHABLE]));
        }
        ovs_assert(sent == n_errors[v]);
        ovs_assert(sent || !all);
    }
    ovs_assert(waited == n_waited);
    ovs_assert(waited || !all);
}

/* Has two bursts received, and looks at what becomes of them. */
static void
run_bursts(struct dpif *dpif)
{
    n_expected = 0;
    for (int i = 0; i < N_RX; i++) {
        for (int j = random_range(NETDEV_MAX_BURST); j >= 0; j--) {
            add_random_packet(&bursts[i]);
        }
    }

    /* What the first run receives is answered, or waits, at its end or in the
     * second one. */
    dpif_run(dpif);
    dpif_run(dpif);
    while (absent.n) {
        regain_gateway(dpif);
    }
    for (size_t i = 0; i < n_expected; i++) {
        ovs_assert(expected[i].seen || expected[i].waited
                   || expected[i].outcome != VRF_FORWARDED);
    }
    ovsrcu_quiesce();
}

static void
test_vrf_isolation_main(int argc, char *argv[])
{
    static const struct test_ports ports = {
        .receive = isolation_receive,
        .send = isolation_send,
    };
    unsigned int n, seed = 1, n_packets = 0;
    struct dpif *dpif;

    set_program_name(argv[0]);
    fatal_signal_init();
    if (argc < 2 || argc > 3 || !str_to_uint(argv[1], 10, &n)
        || (argc > 2 && !str_to_uint(argv[2], 10, &seed))) {
        ovs_fatal(0, "usage: test-vrf-isolation N [SEED]");
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    random_set_seed(seed);
    for (int i = 0; i < N_RX; i++) {
        dp_packet_batch_init(&bursts[i]);
    }
    dpif = test_ports_open(&ports, N_PORTS, 0);
    set_up_vrfs();
    test_make_templates(sender_addr(), sender_addr());
    add_vrf_flows(dpif);
    dpif_run(dpif);
    while (n_packets < n) {
        /* What is remembered between changes may be wrong, too. */
        unsigned int n_bursts = random_range(random_range(32) ? 4 : 500) + 1;

        change_something();
        if (!random_range(4)) {
            lose_gateway();
        }
        for (unsigned int i = 0; i < n_bursts; i++) {
            run_bursts(dpif);
            n_packets += n_expected;
        }
    }
    check_counts(n >= 20000);
    ovs_assert(n < 20000 || n_forwarded > n / 4);
    dpif_close(dpif);
    printf("%d VRFs, every packet in its own\n", N_VRFS);
}

OVSTEST_REGISTER("test-vrf-isolation", test_vrf_isolation_main);
