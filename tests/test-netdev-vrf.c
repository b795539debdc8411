/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-netdev-vrf bursts N
 *
 * Has the userspace datapath route bursts of packets to several next hops,
 * fragments among them, by the action vrf(), and compares what every packet
 * becomes with what the flows say that it should: some look at the Ethernet
 * header alone, some at the packet, some at fragments.  Between bursts hosts
 * move behind other ones. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "dpif.h"
#include "dummy.h"
#include "fatal-signal.h"
#include "flow.h"
#include "netdev-provider.h"
#include "odp-execute.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "util.h"
#include "vrf-db.h"
#include "vrf.h"

enum { RX = 1, ROUTER = 3, N_HOPS = 6, TABLE = 10, DEVICE = 13 };

/* Ports: the burst that comes next, and what was sent. */
static struct dp_packet_batch burst;
static struct dp_packet *sent[4 * NETDEV_MAX_BURST];
static size_t n_sent;

static struct netdev *
test_alloc(void)
{
    return xzalloc(sizeof(struct netdev));
}

static int
test_construct(struct netdev *netdev OVS_UNUSED)
{
    return 0;
}

static void
test_nothing(struct netdev *netdev OVS_UNUSED)
{
}

static void
test_dealloc(struct netdev *netdev)
{
    free(netdev);
}

static int
test_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
          struct dp_packet_batch *batch, bool concurrent OVS_UNUSED)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        ovs_assert(n_sent < ARRAY_SIZE(sent));
        sent[n_sent++] = packet;
    }
    return 0;
}

static int
test_update_flags(struct netdev *netdev OVS_UNUSED,
                  enum netdev_flags off OVS_UNUSED,
                  enum netdev_flags on OVS_UNUSED, enum netdev_flags *old)
{
    *old = NETDEV_UP;
    return 0;
}

static int
test_get_etheraddr(const struct netdev *netdev OVS_UNUSED,
                   struct eth_addr *mac)
{
    *mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    return 0;
}

static int
test_get_ifindex(const struct netdev *netdev)
{
    return 10 + netdev_get_name(netdev)[1] - '0';
}

static struct netdev_rxq *
test_rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

static void
test_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}

static int
test_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
test_rxq_nothing(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static int
test_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
              int *qfill OVS_UNUSED)
{
    if (strcmp(netdev_get_name(rxq->netdev), "t1")
        || dp_packet_batch_is_empty(&burst)) {
        return EAGAIN;
    }
    *batch = burst;
    dp_packet_batch_init(&burst);
    return 0;
}

static const struct netdev_class test_class = {
    .type = "test-burst",
    .alloc = test_alloc,
    .construct = test_construct,
    .destruct = test_nothing,
    .dealloc = test_dealloc,
    .send = test_send,
    .get_etheraddr = test_get_etheraddr,
    .get_ifindex = test_get_ifindex,
    .update_flags = test_update_flags,
    .rxq_alloc = test_rxq_alloc,
    .rxq_construct = test_rxq_construct,
    .rxq_destruct = test_rxq_nothing,
    .rxq_dealloc = test_rxq_dealloc,
    .rxq_recv = test_rxq_recv,
    .rxq_wait = test_rxq_nothing,
};

/* Routing. */

static struct vrf_event event;

static void
apply(struct vrf_db *db, enum vrf_event_type type)
{
    event.type = type;
    vrf_db_apply(db, &event);
    memset(&event, 0, sizeof event);
}

/* 10.2.0.1 and so on are hosts by DEVICE whose addresses end so. */
static void
set_up_routing(void)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);
    struct vrf_db *db;

    vrf_init();
    db = vrf_use_dummy();
    for (uint32_t i = 11; i <= DEVICE; i++) {
        event.link.ifindex = i;
        event.link.mtu = 1500;
        event.link.up = event.link.running = true;
        snprintf(event.link.name, sizeof event.link.name, "t%"PRIu32, i - 10);
        apply(db, VRF_EVENT_LINK);
    }
    event.route.table = TABLE;
    event.route.prefix.addr = vrf_addr_from_ipv4(htonl(0x0a020000));
    event.route.prefix.len = 24;
    event.route.info.type = VRF_ROUTE_UNICAST;
    event.route.n_hops = 1;
    event.route.hops[0].ifindex = DEVICE;
    event.route.hops[0].weight = 1;
    apply(db, VRF_EVENT_ROUTE);
    for (uint8_t i = 1; i <= N_HOPS; i++) {
        event.neighbour.ifindex = DEVICE;
        event.neighbour.addr = vrf_addr_from_ipv4(htonl(0x0a020000 | i));
        event.neighbour.state = NUD_REACHABLE;
        event.neighbour.mac = (struct eth_addr) ETH_ADDR_C(06,00,00,00,00,00);
        event.neighbour.mac.ea[5] = i;
        apply(db, VRF_EVENT_NEIGHBOUR);
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
    struct vrf_db *db = vrf_use_dummy();
    int to = random_range(2) ? host : random_range(N_HOPS) + 1;

    if (to == via[host]) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        int next = i ? to : via[host];

        if (next != host) {
            event.gone = !i;
            event.route.table = TABLE;
            event.route.prefix.addr = vrf_addr_from_ipv4(htonl(0x0a020000
                                                               | host));
            event.route.prefix.len = 32;
            event.route.info.type = VRF_ROUTE_UNICAST;
            event.route.n_hops = 1;
            event.route.hops[0].gateway = vrf_addr_from_ipv4(htonl(0x0a020000
                                                                   | next));
            event.route.hops[0].ifindex = DEVICE;
            event.route.hops[0].weight = 1;
            apply(db, VRF_EVENT_ROUTE);
        }
    }
    via[host] = to;
    vrf_dummy_changed();
}

static void
add_flow(struct dpif *dpif, const char *match, const char *actions_)
{
    struct ofpbuf key, mask, actions;
    struct dpif_flow_put put;
    struct dpif_op op, *opp = &op;

    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    ofpbuf_init(&actions, 0);
    ovs_assert(!odp_flow_from_string(match, NULL, &key, &mask, NULL));
    ovs_assert(!odp_actions_from_string(actions_, NULL, &actions));
    memset(&put, 0, sizeof put);
    put.flags = DPIF_FP_CREATE;
    put.key = key.data;
    put.key_len = key.size;
    put.mask = mask.data;
    put.mask_len = mask.size;
    put.actions = actions.data;
    put.actions_len = actions.size;
    put.pmd_id = PMD_ID_NULL;
    op.type = DPIF_OP_FLOW_PUT;
    op.flow_put = put;
    dpif_operate(dpif, &opp, 1, DPIF_OFFLOAD_NEVER);
    ovs_assert(!op.error);
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
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
    add_flow(dpif, "recirc_id(0),in_port(1),eth_type(0x0800),"
             "ipv4(src=10.1.0.2)",
             "vrf(name=red)");
    for (int i = 0; i < 2; i++) {
        const char *frag = i ? "ipv4(frag=first)" : "ipv4(frag=no)";
        char *match;

        match = xasprintf("%s1%s%s", FROM_ROUTER, IPV4, frag);
        add_flow(dpif, match, MARK(1));
        free(match);
        match = xasprintf("%s2%s%s", FROM_ROUTER, IPV4, frag);
        add_flow(dpif, match, MARK(2));
        free(match);
        for (int port = 1; port <= 2; port++) {
            match = xasprintf("%s3%sipv4(proto=17,frag=%s),udp(src=%d)",
                              FROM_ROUTER, IPV4, i ? "first" : "no", port);
            add_flow(dpif, match, port == 1 ? "2" : MARK(3));
            free(match);
        }
    }
    add_flow(dpif, FROM_ROUTER "4" IPV4 "ipv4(frag=no)", MARK(4));
    add_flow(dpif, FROM_ROUTER "4" IPV4 "ipv4(frag=first)", "drop");
    add_flow(dpif, FROM_ROUTER "5" IPV4 "ipv4(frag=no)", "2");
    add_flow(dpif, FROM_ROUTER "5" IPV4 "ipv4(frag=first)", MARK(5));
    add_flow(dpif, FROM_ROUTER "6" IPV4 "ipv4(frag=no)", "drop");
    add_flow(dpif, FROM_ROUTER "6" IPV4 "ipv4(frag=first)", "drop");
}

/* The mark of a packet, 1 if it is to have none, -1 if it is dropped: the last
 * byte of the source, with the first one. */
static int
expected(int host, int port, bool fragment)
{
    switch (host) {
    case 1: return 0x0a01;
    case 2: return 0x0a02;
    case 3: return port == 1 ? 0x0201 : 0x0a03;
    case 4: return fragment ? -1 : 0x0a04;
    case 5: return fragment ? 0x0a05 : 0x0201;
    default: return -1;
    }
}

static struct dp_packet *
make_packet(int host, int port, bool fragment, uint16_t id)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct ip_header *nh;
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = htonl(0x0a010002);
    flow.nw_dst = htonl(0x0a020000 | host);
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

static void
test_bursts(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[1]);
    struct dpif *dpif;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    dummy_enable("");
    odp_execute_init();
    netdev_register_provider(&test_class);
    ovs_assert(!dpif_create_and_open("test", "dummy", &dpif));
    for (int i = 1; i <= ROUTER; i++) {
        char name[] = { 't', '0' + i, '\0' };
        odp_port_t port_no = u32_to_odp(i);
        struct netdev *netdev;

        ovs_assert(!netdev_open(name, "test-burst", &netdev));
        ovs_assert(!dpif_port_add(dpif, netdev, &port_no));
        netdev_close(netdev);
    }
    set_up_routing();
    add_flows(dpif);
    for (int i = 1; i <= N_HOPS; i++) {
        via[i] = i;
    }
    dp_packet_batch_init(&burst);
    dpif_run(dpif);
    random_set_seed(1);
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
            dp_packet_batch_add(&burst, make_packet(p->host, p->port,
                                                    p->fragment, j));
            p->host = via[p->host];
        }
        dpif_run(dpif);
        check_sent(packets, size);
        ovsrcu_quiesce();
    }
    dpif_close(dpif);
    printf("%d bursts, every packet as its flow says\n", n);
}

static void
test_netdev_vrf_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"bursts", "N", 1, 1, test_bursts, OVS_RO},
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
