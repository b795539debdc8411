/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-output-vrf [OPTION]...
 *
 * Sends packets of 64 bytes to random destinations through a datapath of the
 * userspace kind, which routes them, from a port to another one, both of which
 * cost next to nothing, and prints {"ns": [NS, ...], "sent": N, "offered": N,
 * "flows": N}: nanoseconds of CPU time per packet, for each sample.
 *
 *   --devices=F,A,B  ports are devices of Linux's, A and B; packets come by
 *                    A, as they are sent out of F, which does not count
 *   --type=TYPE      of the ports that are devices; default system
 *
 *   --routes=N       in the VRF; default 1
 *   --ways           the route of each flow is in it, as if it had been looked
 *                    up when the flow was translated: a flow for each route
 *   --by-hand        no VRF: a flow that does what the only route says, for
 *                    any destination
 *   --by-hand=route  likewise, for destinations of the route
 *   --by-hand=N      likewise, with a flow for each of N destinations
 *   --ttls=N         packets have so many different TTLs; default 1
 *   --streams=N      destinations; default 1024
 *   --bursts=N       batches of 32 packets per sample; default 1000
 *   --samples=N      default 5 */

#include <config.h>
#undef NDEBUG
#include "bench.h"

#include <getopt.h>
#include <linux/neighbour.h>
#include <string.h>

#include "bench-dp.h"
#include "bench-feed.h"
#include "bench-netdev.h"
#include "dp-packet.h"
#include "dpif.h"
#include "dummy.h"
#include "flow.h"
#include "netdev.h"
#include "odp-execute.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "smap.h"
#include "vrf-db.h"
#include "vrf.h"

enum { MAX_STREAMS = 65536, WARM_UP = 8, TABLE = 10 };

/* Ports: 1 receives, 2 sends, 3 is the device of the routes. */
enum { DEVICE = 13 };

/* Routes are to networks of 64 addresses, one behind the other. */
#define FIRST 0x10000000u
#define NETWORK_BITS 26

static struct vrf_event event;

static uint32_t
destination(unsigned int n_routes)
{
    return FIRST + (random_uint32() % n_routes << (32 - NETWORK_BITS))
           + random_uint32() % 64;
}

static void
apply(struct vrf_db *db, enum vrf_event_type type)
{
    event.type = type;
    vrf_db_apply(db, &event);
    memset(&event, 0, sizeof event);
}

/* Sets up the VRF "red", for packets that come by 'rx'. */
static void
add_routes(unsigned int n_routes, const struct netdev *rx)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);
    const struct vrf_addr gateway = vrf_addr_from_ipv4(htonl(0x0a020002));
    struct vrf_db *db;

    vrf_init();
    db = vrf_use_dummy();
    for (int i = 0; i < 2; i++) {
        event.link.ifindex = i ? DEVICE : netdev_get_ifindex(rx);
        event.link.mtu = 1500;
        event.link.up = event.link.running = true;
        ovs_strlcpy(event.link.name, i ? "b3" : netdev_get_name(rx),
                    sizeof event.link.name);
        apply(db, VRF_EVENT_LINK);
    }
    for (unsigned int i = 0; i < n_routes; i++) {
        event.route.family = VRF_IPV4;
        event.route.table = TABLE;
        event.route.prefix.addr = vrf_addr_from_ipv4(
            htonl(FIRST + (i << (32 - NETWORK_BITS))));
        event.route.prefix.len = NETWORK_BITS;
        event.route.info.type = VRF_ROUTE_UNICAST;
        event.route.n_hops = 1;
        event.route.hops[0].gateway = gateway;
        event.route.hops[0].ifindex = DEVICE;
        event.route.hops[0].weight = 1;
        apply(db, VRF_EVENT_ROUTE);
    }
    event.neighbour.family = VRF_IPV4;
    event.neighbour.ifindex = DEVICE;
    event.neighbour.addr = gateway;
    event.neighbour.state = NUD_REACHABLE;
    event.neighbour.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,05);
    apply(db, VRF_EVENT_NEIGHBOUR);
    vrf_dummy_changed();

    shash_add(&tables, "red", (void *) (uintptr_t) TABLE);
    vrf_configure(&tables, &ports, false);
    shash_destroy(&tables);
    shash_destroy(&ports);
}

/* Returns a packet for the caller to free. */
static struct dp_packet *
make_packet(uint32_t dst, unsigned int i, uint8_t ttl)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow.dl_dst = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,02);
    flow.nw_ttl = ttl;
    flow.nw_proto = IPPROTO_UDP;
    flow.tp_src = htons(1024 + i % 60000);
    flow.tp_dst = htons(443);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = htonl(0x0a010002);
    flow.nw_dst = htonl(dst);
    flow_compose(packet, &flow, NULL, 22);
    return packet;
}

/* What comes by port 1, without what is in the IP header. */
#define FROM_1 "recirc_id(0),in_port(1),eth(dst=02:00:00:00:00:02),"        \
               "eth_type(0x0800)"

/* A rule that somebody wrote becomes a flow for each TTL. */
static void
add_flow_by_hand(struct dpif *dpif, const char *dst, uint8_t ttl)
{
    char *match = xasprintf(FROM_1 ",ipv4(%sttl=%d,frag=no)", dst, ttl);
    char *actions = xasprintf("set(eth(src=02:00:00:00:00:03,dst=02:00:00:00:"
                              "00:05)),set(ipv4(ttl=%d)),2", ttl - 1);

    bench_dp_add_flow(dpif, match, actions);
    free(match);
    free(actions);
}

/* What output_vrf becomes for packets that route 'i' is for. */
static void
add_flow_with_way(struct dpif *dpif, struct netdev *device, unsigned int i)
{
    uint32_t to = FIRST + (i << (32 - NETWORK_BITS));
    struct ds match = DS_EMPTY_INITIALIZER;
    struct ds actions = DS_EMPTY_INITIALIZER;
    struct eth_addr src;

    BENCH_CHECK(netdev_get_etheraddr(device, &src), "looking for an address");
    ds_put_format(&match, FROM_1 ",ipv4(dst="IP_FMT"/"IP_FMT",frag=no)",
                  IP_ARGS(htonl(to)),
                  IP_ARGS(be32_prefix_mask(NETWORK_BITS)));
    ds_put_format(&actions, "vrf_way(name=red,to="IP_FMT"/%d,port=3,mtu=1500,"
                  "eth_src="ETH_ADDR_FMT",eth_dst=02:00:00:00:00:05)",
                  IP_ARGS(htonl(to)), NETWORK_BITS, ETH_ADDR_ARGS(src));
    bench_dp_add_flow(dpif, ds_cstr(&match), ds_cstr(&actions));
    ds_destroy(&match);
    ds_destroy(&actions);
}

/* The first port: its device, and what makes packets come by it, null if that
 * is no device of Linux's. */
struct source {
    struct netdev *netdev;
    struct bench_feed *feed;
};

static void
offer(const struct source *source)
{
    if (source->feed) {
        bench_feed_send(source->feed);
    } else {
        bench_netdev_offer(source->netdev, NETDEV_MAX_BURST);
    }
}

/* Lets each stream find its place in the caches, which does not count. */
static void
warm_up(struct dpif *dpif, const struct source *source, unsigned int n_bursts)
{
    dpif_run(dpif);
    for (unsigned int i = 0; i < n_bursts; i++) {
        offer(source);
        dpif_run(dpif);
        ovsrcu_quiesce();
    }
}

/* Returns CPU time that the datapath takes for 'n_bursts'. */
static uint64_t
forward(struct dpif *dpif, const struct source *source, unsigned int n_bursts)
{
    uint64_t start = bench_cpu_ns(), ns = 0;

    if (!source->feed) {
        bench_dp_forward(dpif, source->netdev, n_bursts);
        return bench_cpu_ns() - start;
    }
    for (unsigned int i = 0; i < n_bursts; i++) {
        offer(source);
        start = bench_cpu_ns();
        dpif_run(dpif);
        ns += bench_cpu_ns() - start;
        ovsrcu_quiesce();
    }
    return ns;
}

static uint64_t
n_sent(const struct netdev *netdev)
{
    struct netdev_stats stats;

    BENCH_CHECK(netdev_get_stats(netdev, &stats), "counting packets");

    /* An ifb device receives what is sent to it; no others receive here. */
    return stats.tx_packets + stats.rx_packets;
}

static unsigned int
n_flows(struct dpif *dpif)
{
    struct dpif_dp_stats stats;

    BENCH_CHECK(dpif_get_dp_stats(dpif, &stats), "counting flows");
    return stats.n_flows;
}

int
main(int argc, char *argv[])
{
    enum { OPT_ROUTES, OPT_BY_HAND, OPT_TTLS, OPT_STREAMS, OPT_BURSTS,
           OPT_SAMPLES, OPT_DEVICES, OPT_TYPE, OPT_WAYS };
    static const struct option options[] = {
        {"routes", required_argument, NULL, OPT_ROUTES},
        {"by-hand", optional_argument, NULL, OPT_BY_HAND},
        {"ttls", required_argument, NULL, OPT_TTLS},
        {"streams", required_argument, NULL, OPT_STREAMS},
        {"bursts", required_argument, NULL, OPT_BURSTS},
        {"samples", required_argument, NULL, OPT_SAMPLES},
        {"devices", required_argument, NULL, OPT_DEVICES},
        {"type", required_argument, NULL, OPT_TYPE},
        {"ways", no_argument, NULL, OPT_WAYS},
        {NULL, 0, NULL, 0},
    };
    unsigned int n_routes = 1, n_ttls = 1, n_streams = 1024, n_bursts = 1000;
    const char *type = "system";
    unsigned int n_samples = 5, n_by_hand = 0;
    struct dp_packet **templates;
    char feed[IFNAMSIZ] = "", a[IFNAMSIZ] = "b1", b[IFNAMSIZ] = "b2";
    struct source source = { .feed = NULL };
    struct netdev *tx, *router;
    uint64_t n_offered, sent_before;
    bool by_hand = false, ways = false;
    const char *to = "";
    struct dpif *dpif;
    int c;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case OPT_ROUTES:
            n_routes = bench_number(optarg, "number of routes", 4000000);
            break;
        case OPT_BY_HAND:
            by_hand = true;
            if (optarg && !strcmp(optarg, "route")) {
                to = "dst=16.0.0.0/255.255.255.192,";
                break;
            }
            n_by_hand = optarg ? bench_number(optarg, "number of flows",
                                              MAX_STREAMS) : 0;
            break;
        case OPT_TTLS:
            n_ttls = bench_number(optarg, "number of TTLs", 250);
            break;
        case OPT_STREAMS:
            n_streams = bench_number(optarg, "number of streams", MAX_STREAMS);
            break;
        case OPT_BURSTS:
            n_bursts = bench_number(optarg, "number of bursts", 100000000);
            break;
        case OPT_SAMPLES:
            n_samples = bench_number(optarg, "number of samples", 1000);
            break;
        case OPT_TYPE:
            type = optarg;
            break;
        case OPT_WAYS:
            ways = true;
            break;
        case OPT_DEVICES:
            if (!ovs_scan(optarg, "%15[^,],%15[^,],%15[^,]", feed, a, b)) {
                ovs_fatal(0, "%s: not three devices", optarg);
            }
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        ovs_fatal(0, "%s: no arguments are taken", argv[optind]);
    }

    dummy_enable("");
    odp_execute_init();
    random_set_seed(1);
    bench_netdev_register();
    BENCH_CHECK(dpif_create_and_open("bench", "dummy", &dpif),
                "creating the datapath");
    type = feed[0] ? type : "bench";
    source.netdev = bench_dp_add_port(dpif, a, type, u32_to_odp(1));
    tx = bench_dp_add_port(dpif, b, type, u32_to_odp(2));
    router = bench_dp_add_port(dpif, "b3", "bench", u32_to_odp(3));

    templates = xmalloc(n_streams * sizeof *templates);
    for (unsigned int i = 0; i < n_streams; i++) {
        uint32_t dst = destination(n_by_hand ? n_by_hand : n_routes);
        uint8_t ttl = 2 + (i % n_ttls);

        templates[i] = make_packet(dst, i, ttl);
        if (n_by_hand) {
            char *match = xasprintf("dst="IP_FMT",", IP_ARGS(htonl(dst)));

            add_flow_by_hand(dpif, match, ttl);
            free(match);
        }
    }
    if (by_hand && !n_by_hand) {
        for (unsigned int i = 0; i < n_ttls; i++) {
            add_flow_by_hand(dpif, to, 2 + i);
        }
    } else if (!by_hand) {
        add_routes(n_routes, source.netdev);
        for (unsigned int i = 0; ways && i < n_routes; i++) {
            add_flow_with_way(dpif, router, i);
        }
        if (!ways) {
            bench_dp_add_flow(dpif, FROM_1 ",ipv4(frag=no)", "vrf(name=red)");
        }
        bench_dp_add_flow(dpif, "recirc_id(0),in_port(3),eth_type(0x0800),"
                          "ipv4(frag=no)", "2");
    }
    bench_netdev_set_templates(templates, n_streams);
    if (feed[0]) {
        source.feed = bench_feed_open(feed, templates, n_streams);
    }
    sent_before = n_sent(tx);

    n_offered = WARM_UP * DIV_ROUND_UP(n_streams, NETDEV_MAX_BURST);
    warm_up(dpif, &source, n_offered);

    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        double ns = forward(dpif, &source, n_bursts);

        printf("%s%.2f", i ? ", " : "",
               ns / ((uint64_t) n_bursts * NETDEV_MAX_BURST));
    }
    n_offered += (uint64_t) n_bursts * n_samples;
    printf("], \"sent\": %"PRIu64", \"offered\": %"PRIu64
           ", \"flows\": %u}\n", n_sent(tx) - sent_before,
           n_offered * NETDEV_MAX_BURST, n_flows(dpif));

    bench_netdev_set_templates(NULL, 0);
    for (unsigned int i = 0; i < n_streams; i++) {
        dp_packet_delete(templates[i]);
    }
    free(templates);
    if (source.feed) {
        bench_feed_close(source.feed);
    }
    netdev_close(source.netdev);
    netdev_close(tx);
    netdev_close(router);
    dpif_close(dpif);
    return 0;
}
