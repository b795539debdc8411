/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-netdev-vrf bursts|networks N
 *
 * Has the userspace datapath route N bursts of packets to several next hops,
 * fragments among them, by the action vrf(), and compares what every packet
 * becomes with what the flows say that it should: some look at the Ethernet
 * header alone, some at the packet, some at fragments.
 *
 * Between "bursts" hosts move behind other ones.  With "networks" there are
 * more of those behind the hosts than a thread remembers the ways of; bursts
 * to all of them take turns with those to a few, and networks move. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "dpif.h"
#include "fatal-signal.h"
#include "flow.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "test-ports.h"
#include "test-vrf-common.h"
#include "util.h"
#include "vrf.h"

enum { RX = 1, ROUTER = 3, N_HOPS = 6, TABLE = 10 };

/* The burst that comes next, and what was sent. */
static struct dp_packet_batch burst;
static struct dp_packet *sent[4 * NETDEV_MAX_BURST];
static size_t n_sent;

static void
receive(unsigned int n, struct dp_packet_batch *batch)
{
    if (n == RX) {
        *batch = burst;
        dp_packet_batch_init(&burst);
    }
}

static void
keep(unsigned int n OVS_UNUSED, struct dp_packet *packet)
{
    ovs_assert(n_sent < ARRAY_SIZE(sent));
    sent[n_sent++] = packet;
}

static const struct test_ports test_ports = {
    .receive = receive,
    .send = keep,
};

/* Routing. */

static struct vrf_addr
host_addr(int host)
{
    return TEST_IPV4(10, 2, 0, host);
}

/* Hosts by ROUTER have addresses that end in their number. */
static void
set_up_routing(void)
{
    struct eth_addr mac = ETH_ADDR_C(06,00,00,00,00,00);
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);

    vrf_init();
    for (int i = RX; i <= ROUTER; i++) {
        test_add_device(i);
    }
    test_begin_route(VRF_IPV4, TABLE, host_addr(0), 24, VRF_ROUTE_UNICAST);
    test_add_hop(ROUTER, (struct vrf_addr) { 0, 0 });
    test_apply(VRF_EVENT_ROUTE);
    for (int i = 1; i <= N_HOPS; i++) {
        mac.ea[5] = i;
        test_set_neighbour(VRF_IPV4, ROUTER, host_addr(i), mac);
    }
    vrf_dummy_changed();
    shash_add(&tables, "red", (void *) (uintptr_t) TABLE);
    vrf_configure(&tables, &ports, false);
    shash_destroy(&tables);
    shash_destroy(&ports);
}

/* The host that each host is behind; itself, of most. */
static int via[N_HOPS + 1];

/* Has a host go behind another one, or come back. */
static void
move_host(void)
{
    int host = random_range(N_HOPS) + 1;
    int to = random_range(2) ? host : random_range(N_HOPS) + 1;

    if (to == via[host]) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        int next = i ? to : via[host];

        if (next != host) {
            test_begin_route(VRF_IPV4, TABLE, host_addr(host), 32,
                             VRF_ROUTE_UNICAST);
            test_add_hop(ROUTER, host_addr(next));
            test_event.gone = !i;
            test_apply(VRF_EVENT_ROUTE);
        }
    }
    via[host] = to;
    vrf_dummy_changed();
}

/* Hosts 1 and 2 get everything, each marked in another way; 3 gets what is
 * from port 1, what is from port 2 is marked; 4 gets no fragments; 5 gets
 * fragments marked; 6 gets nothing. */
static void
add_flows(struct dpif *dpif)
{
#define FROM_ROUTER "recirc_id(0),in_port(3),eth(dst=06:00:00:00:00:0"
#define IPV4 "),eth_type(0x0800),"
#define MARK(N) "set(eth(src=0a:00:00:00:00:0" #N ")),2"
    test_add_flow(dpif, "recirc_id(0),in_port(1),eth_type(0x0800),"
                  "ipv4(src=10.1.0.2)", "vrf(name=red)");
    for (int i = 0; i < 2; i++) {
        const char *frag = i ? "ipv4(frag=first)" : "ipv4(frag=no)";
        char *match;

        match = xasprintf("%s1%s%s", FROM_ROUTER, IPV4, frag);
        test_add_flow(dpif, match, MARK(1));
        free(match);
        match = xasprintf("%s2%s%s", FROM_ROUTER, IPV4, frag);
        test_add_flow(dpif, match, MARK(2));
        free(match);
        for (int port = 1; port <= 2; port++) {
            match = xasprintf("%s3%sipv4(proto=17,frag=%s),udp(src=%d)",
                              FROM_ROUTER, IPV4, i ? "first" : "no", port);
            test_add_flow(dpif, match, port == 1 ? "2" : MARK(3));
            free(match);
        }
    }
    test_add_flow(dpif, FROM_ROUTER "4" IPV4 "ipv4(frag=no)", MARK(4));
    test_add_flow(dpif, FROM_ROUTER "4" IPV4 "ipv4(frag=first)", "drop");
    test_add_flow(dpif, FROM_ROUTER "5" IPV4 "ipv4(frag=no)", "2");
    test_add_flow(dpif, FROM_ROUTER "5" IPV4 "ipv4(frag=first)", MARK(5));
    test_add_flow(dpif, FROM_ROUTER "6" IPV4 "ipv4(frag=no)", "drop");
    test_add_flow(dpif, FROM_ROUTER "6" IPV4 "ipv4(frag=first)", "drop");
}

/* The mark of a packet, 1 if it is to have none, -1 if it is dropped: the last
 * byte of the source, with the first one. */
static int
expected(int host, int port, bool fragment)
{
    switch (host) {
    case 1: return 0x0a01;
    case 2: return 0x0a02;
    case 3: return port == 1 ? 0x0203 : 0x0a03;
    case 4: return fragment ? -1 : 0x0a04;
    case 5: return fragment ? 0x0a05 : 0x0203;
    default: return -1;
    }
}

static struct dp_packet *
make_packet(uint32_t to, int port, bool fragment, uint16_t id)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct ip_header *nh;
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = htonl(0x0a010002);
    flow.nw_dst = htonl(to);
    flow.nw_ttl = 64;
    flow.nw_proto = IPPROTO_UDP;
    flow.tp_src = htons(port);
    flow.tp_dst = htons(7);
    flow_compose(packet, &flow, NULL, 22);
    nh = dp_packet_l3(packet);
    nh->ip_id = htons(id);
    if (fragment) {
        nh->ip_frag_off = htons(IP_MORE_FRAGMENTS);
    }
    nh->ip_csum = 0;
    nh->ip_csum = csum(nh, sizeof *nh);
    return packet;
}

/* Packets of a burst by their id. */
struct packet {
    int host;                   /* To which it goes, by its route. */
    int port;
    bool fragment;
};

static void
check_sent(const struct packet *packets, size_t n)
{
    bool seen[NETDEV_MAX_BURST] = { false };

    for (size_t i = 0; i < n_sent; i++) {
        const struct eth_header *eth = dp_packet_data(sent[i]);
        const struct ip_header *nh = (const void *) (eth + 1);
        uint16_t id = ntohs(nh->ip_id);
        const struct packet *p = &packets[id];

        ovs_assert(id < n && !seen[id]);
        seen[id] = true;
        ovs_assert(eth->eth_dst.ea[5] == p->host && nh->ip_ttl == 63
                   && !csum(nh, sizeof *nh));
        ovs_assert((eth->eth_src.ea[0] << 8 | eth->eth_src.ea[5])
                   == expected(p->host, p->port, p->fragment));
        dp_packet_delete(sent[i]);
    }
    n_sent = 0;
    for (size_t i = 0; i < n; i++) {
        ovs_assert(seen[i] == (expected(packets[i].host, packets[i].port,
                                        packets[i].fragment) >= 0));
    }
}

static struct dpif *
set_up(void)
{
    struct dpif *dpif;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    dpif = test_ports_open(&test_ports, ROUTER, 0);
    set_up_routing();
    add_flows(dpif);
    for (int i = 1; i <= N_HOPS; i++) {
        via[i] = i;
    }
    dp_packet_batch_init(&burst);
    dpif_run(dpif);
    random_set_seed(1);
    return dpif;
}

static void
test_bursts(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[1]);
    struct dpif *dpif = set_up();

    for (int i = 0; i < n; i++) {
        struct packet packets[NETDEV_MAX_BURST];
        size_t size = random_range(NETDEV_MAX_BURST) + 1;
        int n_hosts = random_range(N_HOPS) + 1;

        if (!random_range(4)) {
            move_host();
        }
        for (size_t j = 0; j < size; j++) {
            struct packet *p = &packets[j];

            p->host = random_range(n_hosts) + 1;
            if (random_range(2)) {
                p->host = N_HOPS + 1 - p->host;
            }
            p->port = random_range(2) + 1;
            p->fragment = !random_range(3);
            dp_packet_batch_add(&burst, make_packet(0x0a020000 | p->host,
                                                    p->port, p->fragment, j));
            p->host = via[p->host];
        }
        dpif_run(dpif);
        check_sent(packets, size);
        ovsrcu_quiesce();
    }
    dpif_close(dpif);
    printf("%d bursts, every packet as its flow says\n", n);
}

/* Networks of 64 addresses, one behind the other, and the hosts that they are
 * behind, 0 for those that have no route of their own: they are behind host 5,
 * as all of them together are. */
enum { N_NETWORKS = 30000, FIRST = 0x14000000, DEFAULT_HOP = 5 };
static uint8_t network_via[N_NETWORKS];

static void
route_network(uint32_t addr, int len, int host, bool gone)
{
    test_begin_route(VRF_IPV4, TABLE, vrf_addr_from_ipv4(htonl(addr)), len,
                     VRF_ROUTE_UNICAST);
    test_add_hop(ROUTER, host_addr(host));
    test_event.gone = gone;
    test_apply(VRF_EVENT_ROUTE);
}

static void
move_network(void)
{
    int i = random_range(N_NETWORKS);
    int to = random_range(N_HOPS + 1);

    if (network_via[i]) {
        route_network(FIRST + i * 64, 26, network_via[i], true);
    }
    if (to) {
        route_network(FIRST + i * 64, 26, to, false);
    }
    network_via[i] = to;
}

static void
test_networks(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[1]);
    struct dpif *dpif = set_up();

    route_network(FIRST, 8, DEFAULT_HOP, false);
    for (int i = 0; i < N_NETWORKS; i++) {
        move_network();
    }
    vrf_dummy_changed();
    for (int i = 0; i < n; i++) {
        int n_networks = i / 4096 % 2 ? 64 : N_NETWORKS;
        struct packet packets[NETDEV_MAX_BURST];
        size_t size = random_range(NETDEV_MAX_BURST) + 1;

        if (!random_range(64)) {
            move_network();
            vrf_dummy_changed();
        }
        for (size_t j = 0; j < size; j++) {
            struct packet *p = &packets[j];
            int network = random_range(n_networks);

            p->host = (network_via[network] ? network_via[network]
                       : DEFAULT_HOP);
            p->port = random_range(2) + 1;
            p->fragment = !random_range(8);
            dp_packet_batch_add(&burst, make_packet(
                FIRST + network * 64 + random_range(64), p->port, p->fragment,
                j));
        }
        dpif_run(dpif);
        check_sent(packets, size);
        ovsrcu_quiesce();
    }
    dpif_close(dpif);
    printf("%d bursts, every packet by the way of its network\n", n);
}

static void
test_netdev_vrf_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"bursts", "N", 1, 1, test_bursts, OVS_RO},
        {"networks", "N", 1, 1, test_networks, OVS_RO},
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

OVSTEST_REGISTER("test-netdev-vrf", test_netdev_vrf_main);
