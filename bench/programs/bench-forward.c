/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-forward [OPTION]...
 *
 * Sends packets from port 1 through a datapath of the userspace kind to port
 * 2, both of which cost next to nothing, and prints
 * {"ns": [NS, ...], "sent": N, "offered": N}: nanoseconds of CPU time per
 * packet, for each sample.
 *
 *   --config=KEY=VALUE        other_config of the datapath
 *   --flow=MATCH;ACTIONS      a datapath flow, as of "ovs-appctl dpctl"
 *   --packet=udp4|tcp4|tcp6   what is sent; default udp4
 *   --streams=N               packets differ in source address and port;
 *                             default 1
 *   --bursts=N                batches of 32 packets per sample; default 1000
 *   --samples=N               default 5 */

#include <config.h>
#undef NDEBUG
#include "bench.h"

#include <getopt.h>
#include <string.h>

#include "bench-dp.h"
#include "bench-netdev.h"
#include "dp-packet.h"
#include "dpif.h"
#include "dummy.h"
#include "flow.h"
#include "netdev.h"
#include "odp-execute.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "smap.h"

enum { MAX_STREAMS = 65536, WARM_UP = 8 };

/* Returns the packet of stream 'i', for the caller to free. */
static struct dp_packet *
make_packet(const char *kind, unsigned int i)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow.dl_dst = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,02);
    flow.nw_ttl = 64;
    flow.tp_src = htons(1024 + i % 60000);
    flow.tp_dst = htons(443);
    if (!strcmp(kind, "tcp6")) {
        ovs_be32 low = htonl(i);

        flow.dl_type = htons(ETH_TYPE_IPV6);
        flow.ipv6_src.s6_addr[0] = 0xfd;
        flow.ipv6_dst.s6_addr[0] = 0xfd;
        memcpy(&flow.ipv6_src.s6_addr[12], &low, sizeof low);
        flow.ipv6_dst.s6_addr[15] = 1;
    } else {
        flow.dl_type = htons(ETH_TYPE_IP);
        flow.nw_src = htonl(0x0a000000 + i);
        flow.nw_dst = htonl(0xc0a80001);
    }
    if (!strcmp(kind, "udp4")) {
        flow.nw_proto = IPPROTO_UDP;
    } else if (!strcmp(kind, "tcp4") || !strcmp(kind, "tcp6")) {
        flow.nw_proto = IPPROTO_TCP;
        flow.tcp_flags = htons(TCP_ACK);
    } else {
        ovs_fatal(0, "%s: packet is not udp4, tcp4 or tcp6", kind);
    }
    flow_compose(packet, &flow, NULL, 64);
    return packet;
}

static void
add_flow(struct dpif *dpif, char *arg)
{
    char *match = strsep(&arg, ";");

    if (!arg) {
        ovs_fatal(0, "%s: flow is not MATCH;ACTIONS", match);
    }
    bench_dp_add_flow(dpif, match, arg);
}

int
main(int argc, char *argv[])
{
    enum { OPT_CONFIG, OPT_FLOW, OPT_PACKET, OPT_STREAMS, OPT_BURSTS,
           OPT_SAMPLES };
    static const struct option options[] = {
        {"config", required_argument, NULL, OPT_CONFIG},
        {"flow", required_argument, NULL, OPT_FLOW},
        {"packet", required_argument, NULL, OPT_PACKET},
        {"streams", required_argument, NULL, OPT_STREAMS},
        {"bursts", required_argument, NULL, OPT_BURSTS},
        {"samples", required_argument, NULL, OPT_SAMPLES},
        {NULL, 0, NULL, 0},
    };
    unsigned int n_streams = 1, n_bursts = 1000, n_samples = 5;
    struct smap config = SMAP_INITIALIZER(&config);
    struct dp_packet **templates;
    const char *packet = "udp4";
    struct netdev *rx, *tx;
    uint64_t n_offered;
    struct dpif *dpif;
    char *value;
    int c;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    dummy_enable("");
    odp_execute_init();
    bench_netdev_register();
    BENCH_CHECK(dpif_create_and_open("bench", "dummy", &dpif),
                "creating the datapath");
    rx = bench_dp_add_port(dpif, "rx", "bench", u32_to_odp(1));
    tx = bench_dp_add_port(dpif, "tx", "bench", u32_to_odp(2));

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case OPT_CONFIG:
            value = strchr(optarg, '=');
            if (!value) {
                ovs_fatal(0, "%s: configuration is not KEY=VALUE", optarg);
            }
            *value++ = '\0';
            smap_replace(&config, optarg, value);
            break;
        case OPT_FLOW:
            add_flow(dpif, optarg);
            break;
        case OPT_PACKET:
            packet = optarg;
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
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        ovs_fatal(0, "%s: no arguments are taken", argv[optind]);
    }
    BENCH_CHECK(dpif_set_config(dpif, &config), "configuring the datapath");
    dpif_run(dpif);

    templates = xmalloc(n_streams * sizeof *templates);
    for (unsigned int i = 0; i < n_streams; i++) {
        templates[i] = make_packet(packet, i);
    }
    bench_netdev_set_templates(templates, n_streams);

    /* Let each stream find its place in the caches. */
    n_offered = WARM_UP * DIV_ROUND_UP(n_streams, NETDEV_MAX_BURST);
    for (unsigned int i = 0; i < n_offered; i++) {
        bench_netdev_offer(rx, NETDEV_MAX_BURST);
        dpif_run(dpif);
        ovsrcu_quiesce();
    }

    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        uint64_t start = bench_cpu_ns();

        bench_dp_forward(dpif, rx, n_bursts);
        printf("%s%.2f", i ? ", " : "",
               (double) (bench_cpu_ns() - start)
               / ((uint64_t) n_bursts * NETDEV_MAX_BURST));
    }
    n_offered += (uint64_t) n_bursts * n_samples;
    printf("], \"sent\": %"PRIu64", \"offered\": %"PRIu64"}\n",
           bench_netdev_n_sent(), n_offered * NETDEV_MAX_BURST);

    bench_netdev_set_templates(NULL, 0);
    for (unsigned int i = 0; i < n_streams; i++) {
        dp_packet_delete(templates[i]);
    }
    free(templates);
    netdev_close(rx);
    netdev_close(tx);
    smap_destroy(&config);
    dpif_close(dpif);
    return 0;
}
