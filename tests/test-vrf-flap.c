/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-flap ACTION N [ROUTES]
 *
 * A PMD thread routes packets by the action vrf() all the while that the main
 * thread makes N changes, each of which has some destinations go another way.
 * If ACTION is vrf_way, then flows have the ways of these destinations, which
 * are true after one of 16 changes, and for as long as it takes to change
 * them.
 * A packet that was received when a change had been made never goes a way
 * older than that, and no packet is lost but those to routes that are deleted:
 * what goes to any other of the ROUTES comes out, every one of it. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "fatal-signal.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "test-ports.h"
#include "test-vrf-common.h"
#include "timeval.h"
#include "util.h"
#include "vrf-counters.h"
#include "vrf-dummy.h"
#include "vrf.h"

/* A PMD thread receives from port 1 and routes in table 10; what goes by
 * devices 2 and 3 is output to 4 and 5. */
enum { RX = 1, DEVICE = 2, OUT = 4, TABLE = 10 };

/* Where packets go. */
enum kind {
    FLAP4, FLAP6,               /* Routes that each change replaces, */
    FLAP_NEXTHOP,               /* and one by a next-hop object. */
    STABLE,                     /* Those of even number stay, */
    CHURNED,                    /* the others come and go. */
    N_KINDS
};

/* After change number k the first three go by gateway k, as far as eight bits
 * tell, on device k % 2; 'made' is the number of the last change that is
 * visible to everybody, 'begun' of the last one that may be. */
static ATOMIC(unsigned int) begun = 0;
static ATOMIC(unsigned int) made = 0;

/* The route that comes or goes: most packets are for it or those beside it,
 * which have to be there meanwhile. */
static ATOMIC(unsigned int) churned = 0;

/* By the thread that forwards: the last change that it knew of when it
 * received a burst, how many bursts it has received since, and how often it
 * found that it has to stop, after all that it received before was sent. */
static ATOMIC(unsigned int) received_at = 0;
static ATOMIC(unsigned int) n_received_at = 0;
static atomic_bool stop = false;
static ATOMIC(unsigned int) n_stops = 0;

/* Of that thread until it stops. */
static uint64_t n_in[N_KINDS], n_out[N_KINDS];
static uint32_t last_random = 1;

/* The number of routes apart from those that flap, an even one, and how many
 * of them come or go in each change. */
static unsigned int n_routes = 100000;
enum { N_CHURNED = 5 };

static uint32_t
next_random(uint32_t n)
{
    last_random ^= last_random << 13;
    last_random ^= last_random >> 17;
    last_random ^= last_random << 5;
    return last_random % n;
}

static struct vrf_addr
route_addr(unsigned int i)
{
    return vrf_addr_from_ipv4(htonl((11u << 24) + (i << 8)));
}

/* Gateway 'i' of those that flap, 256 of them, or that others have, 8. */
static struct vrf_addr
flap_gateway(enum vrf_family family, unsigned int i)
{
    return (family == VRF_IPV4 ? TEST_IPV4(10, 254, i % 256, 1)
            : TEST_IPV6(254, i % 256 + 1));
}

static struct vrf_addr
other_gateway(unsigned int i)
{
    return TEST_IPV4(10, 253, i % 8, 1);
}

static struct eth_addr
gateway_mac(bool flaps, unsigned int i)
{
    struct eth_addr mac = ETH_ADDR_C(06,00,00,00,00,00);

    mac.ea[4] = flaps;
    mac.ea[5] = flaps ? i % 256 : i % 8;
    return mac;
}

static void
put_route(unsigned int i, bool gone)
{
    test_begin_route(VRF_IPV4, TABLE, route_addr(i), 24, VRF_ROUTE_UNICAST);
    test_add_hop(DEVICE + i % 2, other_gateway(i));
    test_event.gone = gone;
    test_apply(VRF_EVENT_ROUTE);
}

/* Have the flapping destinations go by gateway 'k'. */
static void
put_flap(enum vrf_family family, unsigned int k)
{
    bool is_ipv4 = family == VRF_IPV4;

    test_begin_route(family, TABLE,
                     is_ipv4 ? TEST_IPV4(10, 9, 0, 0) : TEST_IPV6(9, 0),
                     is_ipv4 ? 24 : 64, VRF_ROUTE_UNICAST);
    test_event.route.place = VRF_FIB_REPLACE;
    test_add_hop(DEVICE + k % 2, flap_gateway(family, k));
    test_apply(VRF_EVENT_ROUTE);
}

static void
put_flap_nexthop(unsigned int k)
{
    test_event.nexthop.id = 7;
    test_set_hop(&test_event.nexthop.hop, VRF_IPV4, DEVICE + k % 2,
                 flap_gateway(VRF_IPV4, k));
    test_apply(VRF_EVENT_NEXTHOP);
}

static void
set_up_flap(void)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);

    vrf_init();
    vrf_dummy_use();
    for (unsigned int d = 0; d < 2; d++) {
        test_add_device(DEVICE + d);
        for (unsigned int i = 0; i < 256; i++) {
            for (int f = 0; f < VRF_N_FAMILIES; f++) {
                test_set_neighbour(f, DEVICE + d, flap_gateway(f, i),
                                   gateway_mac(true, i));
            }
        }
        for (unsigned int i = 0; i < 8; i++) {
            test_set_neighbour(VRF_IPV4, DEVICE + d, other_gateway(i),
                               gateway_mac(false, i));
        }
    }
    for (unsigned int i = 0; i < n_routes; i++) {
        put_route(i, false);
    }
    put_flap(VRF_IPV4, 0);
    put_flap(VRF_IPV6, 0);
    put_flap_nexthop(0);
    test_begin_route(VRF_IPV4, TABLE, TEST_IPV4(10, 8, 0, 0), 24,
                     VRF_ROUTE_UNICAST);
    test_event.route.info.nhid = 7;
    test_apply(VRF_EVENT_ROUTE);
    vrf_dummy_changed();
    shash_add(&tables, "red", (void *) (uintptr_t) TABLE);
    vrf_configure(&tables, &ports, false);
    shash_destroy(&tables);
    shash_destroy(&ports);
}

/* In the PMD thread: a packet to somewhere, which says when it came. */
static struct dp_packet *
make_flap_packet(unsigned int now)
{
    enum kind kind = next_random(N_KINDS);
    struct vrf_addr dst;
    enum vrf_family family = kind == FLAP6 ? VRF_IPV6 : VRF_IPV4;
    uint32_t number = now;

    if (kind == FLAP6) {
        dst = TEST_IPV6(9, next_random(1 << 16));
    } else if (kind < STABLE) {
        dst = TEST_IPV4(10, kind == FLAP4 ? 9 : 8, 0, next_random(4));
    } else {
        unsigned int near;

        atomic_read_relaxed(&churned, &near);
        number = (next_random(4) ? (near & ~63u) + next_random(64)
                  : next_random(n_routes)) % n_routes;
        number = (number & ~1u) + (kind == CHURNED);
        dst = route_addr(number);
        dst.hi |= (uint64_t) next_random(256) << 32; /* Hardly remembered. */
    }
    n_in[kind]++;
    return test_make_packet(family, &dst, 64,
                            (struct test_tag) { kind, number });
}

static void
flap_receive(unsigned int n, struct dp_packet_batch *batch)
{
    unsigned int now, last, count;
    bool stopping;

    if (n != RX) {
        return;
    }
    atomic_read_explicit(&stop, &stopping, memory_order_acquire);
    if (stopping) {
        unsigned int orig;

        atomic_add_explicit(&n_stops, 1, &orig, memory_order_release);
        return;
    }
    atomic_read_explicit(&made, &now, memory_order_acquire);
    for (int i = 0; i < NETDEV_MAX_BURST; i++) {
        dp_packet_batch_add(batch, make_flap_packet(now));
    }
    atomic_read_relaxed(&received_at, &last);
    atomic_read_relaxed(&n_received_at, &count);
    atomic_store_relaxed(&n_received_at, last == now ? count + 1 : 1);
    atomic_store_explicit(&received_at, now, memory_order_release);
}

static void
flap_send(unsigned int port, struct dp_packet *packet)
{
    unsigned int latest, by;
    struct test_output o;
    struct test_tag tag;

    atomic_read_explicit(&begun, &latest, memory_order_acquire);
    test_look_at(packet, &o);
    ovs_assert(test_get_tag(o.family, o.l3, o.l3_size, &tag));
    ovs_assert(tag.kind < N_KINDS && o.ttl == 63);
    by = o.eth->eth_dst.ea[5];
    ovs_assert(eth_addr_equals(o.eth->eth_dst,
                               gateway_mac(tag.kind < STABLE, by)));
    ovs_assert(eth_addr_equals(o.eth->eth_src,
                               test_port_mac(port - OUT + DEVICE)));
    if (tag.kind < STABLE) {
        /* By the change that was visible when it came, or a later one: there
         * are few of them, as each waits for a burst. */
        ovs_assert(latest - tag.number < 128);
        ovs_assert((uint8_t) (by - tag.number) <= latest - tag.number);
        ovs_assert(port == OUT + by % 2);
    } else {
        ovs_assert(by == tag.number % 8);
        ovs_assert(port == OUT + tag.number % 2);
    }
    n_out[tag.kind]++;
    dp_packet_delete(packet);
}

/* Has some routes of odd number go or come. */
static void
churn(bool gone[])
{
    for (int n = 0; n < N_CHURNED; n++) {
        unsigned int i = random_range(n_routes / 2);

        atomic_store_relaxed(&churned, i * 2 + 1);
        gone[i] = !gone[i];
        put_route(i * 2 + 1, gone[i]);
    }
}

/* Waits until the thread has received some bursts after change 'k'. */
static void
wait_for_bursts(struct dpif *dpif, unsigned int k)
{
    unsigned int last, count;

    do {
        sched_yield();
        dpif_run(dpif);
        ovsrcu_quiesce();
        atomic_read_explicit(&received_at, &last, memory_order_acquire);
        atomic_read_relaxed(&n_received_at, &count);
    } while (last != k || count < 4);
}

/* What came in went out or is counted, and only to routes that were not there
 * is anything lost. */
static void
check_flap_counts(void)
{
    uint16_t id = vrf_id_of_name("red");
    uint64_t in = 0, out = 0;
    uint64_t counts[VRF_N_COUNTS] = { 0 };

    for (int i = 0; i < N_KINDS; i++) {
        in += n_in[i];
        out += n_out[i];
        ovs_assert(n_in[i]);
        ovs_assert(i == CHURNED ? n_out[i] <= n_in[i] : n_out[i] == n_in[i]);
    }
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        for (int i = 0; i < VRF_N_COUNTS; i++) {
            counts[i] += test_count(id, f, i);
        }
    }
    ovs_assert(counts[VRF_COUNT_IN_PACKETS] == in);
    ovs_assert(counts[VRF_FORWARDED] == out);
    ovs_assert(counts[VRF_NO_ROUTE] == in - out);
    for (int i = 0; i < VRF_N_OUTCOMES; i++) {
        ovs_assert(i == VRF_FORWARDED || i == VRF_NO_ROUTE || !counts[i]);
    }
    fprintf(stderr, "%"PRIu64" packets, %"PRIu64" to routes that were gone\n",
            in, in - out);
}

/* What goes by a device is output. */
static void
add_output_flows(struct dpif *dpif)
{
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        for (unsigned int port = DEVICE; port < OUT; port++) {
            char *match = xasprintf("recirc_id(0),in_port(%u),%s", port,
                                    test_family_match[f]);
            char *actions = xasprintf("%u", port - DEVICE + OUT);

            test_add_flow(dpif, match, actions);
            free(actions);
            free(match);
        }
    }
}

/* What comes in is routed. */
static void
add_flap_flows(struct dpif *dpif)
{
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        char *match = xasprintf("recirc_id(0),in_port(1),%s",
                                test_family_match[f]);

        test_add_flow(dpif, match, "vrf(name=red,errors=drop)");
        free(match);
    }
}

/* Likewise, by flows that have ways for what flaps, those of change 'k'. */
static void
put_way_flows(struct dpif *dpif, unsigned int k)
{
    static const struct {
        const char *match, *to;
    } flows[] = {
        { "eth_type(0x0800),ipv4(dst=10.9.0.0/255.255.255.0,frag=no)",
          "10.9.0.0/24" },
        { "eth_type(0x0800),ipv4(dst=10.8.0.0/255.255.255.0,frag=no)",
          "10.8.0.0/24" },
        { "eth_type(0x86dd),ipv6(dst=2001:db8:0:9::/ffff:ffff:ffff:ffff::,"
          "frag=no)",
          "2001:db8:0:9::/64" },
    };
    /* Of route_addr(), whose flow is one without a way. */
    static const char *const others[] = {
        "11.0.0.0/255.0.0.0", "12.0.0.0/252.0.0.0"
    };

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char *match = xasprintf("recirc_id(0),in_port(1),eth_type(0x0800),"
                                "ipv4(dst=%s,frag=no)", others[i]);

        test_add_flow(dpif, match, "vrf(name=red,errors=drop)");
        free(match);
    }
    for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
        char *match = xasprintf("recirc_id(0),in_port(1),%s",
                                flows[i].match);
        char *actions = xasprintf(
            "vrf_way(name=red,errors=drop,to=%s,port=%u,mtu=1500,eth_src="
            ETH_ADDR_FMT",eth_dst="ETH_ADDR_FMT")", flows[i].to,
            DEVICE + k % 2, ETH_ADDR_ARGS(test_port_mac(DEVICE + k % 2)),
            ETH_ADDR_ARGS(gateway_mac(true, k)));

        test_add_flow(dpif, match, actions);
        free(actions);
        free(match);
    }
}

static void
test_vrf_flap_main(int argc, char *argv[])
{
    static const struct test_ports ports = {
        .receive = flap_receive,
        .send = flap_send,
    };
    unsigned int n, stops;
    long long int start;
    struct dpif *dpif;
    bool *gone, ways;

    set_program_name(argv[0]);
    fatal_signal_init();
    if (argc < 3 || argc > 4 || !str_to_uint(argv[2], 10, &n)
        || (argc > 3 && !str_to_uint(argv[3], 10, &n_routes))
        || n_routes < 2 || n_routes % 2) {
        ovs_fatal(0, "usage: test-vrf-flap ACTION N [ROUTES]");
    }
    ways = !strcmp(argv[1], "vrf_way");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    random_set_seed(1);
    test_make_templates(TEST_IPV4(10, 1, 0, 2), TEST_IPV6(1, 2));
    set_up_flap();
    gone = xcalloc(n_routes / 2, sizeof *gone);
    atomic_store_relaxed(&stop, true);
    dpif = test_ports_open(&ports, OUT + 1, 1);
    add_output_flows(dpif);
    if (ways) {
        put_way_flows(dpif, 0);
    } else {
        add_flap_flows(dpif);
    }
    dpif_run(dpif);

    start = time_msec();
    atomic_store_explicit(&stop, false, memory_order_release);
    for (unsigned int k = 1; k <= n; k++) {
        atomic_store_explicit(&begun, k, memory_order_release);
        put_flap(VRF_IPV4, k);
        put_flap(VRF_IPV6, k);
        put_flap_nexthop(k);
        churn(gone);
        vrf_dummy_changed();
        atomic_store_explicit(&made, k, memory_order_release);
        wait_for_bursts(dpif, k);
        if (ways && !(k % 16)) {
            put_way_flows(dpif, k);
            wait_for_bursts(dpif, k);
        }
    }
    fprintf(stderr, "%u changes of %d routes in %lld ms\n", n,
            STABLE + N_CHURNED, time_msec() - start);

    /* What was received before the first poll without packets was sent before
     * the second one. */
    atomic_store_explicit(&stop, true, memory_order_release);
    atomic_store_relaxed(&n_stops, 0);
    do {
        sched_yield();
        dpif_run(dpif);
        ovsrcu_quiesce();
        atomic_read_explicit(&n_stops, &stops, memory_order_acquire);
    } while (stops < 3);
    check_flap_counts();
    ovs_assert(!dpif_delete(dpif));
    dpif_close(dpif);
    free(gone);
    printf("%u changes, no packet late, none lost\n", n);
}

OVSTEST_REGISTER("test-vrf-flap", test_vrf_flap_main);
