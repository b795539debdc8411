/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-upcall FLOWS SAMPLES
 *
 * Sets up a bridge as ovs-vswitchd does, on the userspace datapath, and sends
 * it FLOWS packets per sample, each of which the datapath does not know yet:
 * translation, a revalidator key and a datapath flow for each.
 *
 * Prints {"ns": [NS, ...]}: nanoseconds of CPU time per packet, for each
 * sample; and fails unless each packet became a flow. */

#include <config.h>
#undef NDEBUG
#include "bench.h"

#include <string.h>
#include <unistd.h>

#include "bench-netdev.h"
#include "bench-switch.h"
#include "dp-packet.h"
#include "dpif.h"
#include "flow.h"
#include "ovs-rcu.h"
#include "packets.h"

/* New flows are not installed beyond a limit that begins with 10,000. */
enum { BURST = NETDEV_MAX_BURST, MAX_FLOWS = 9984 };

/* A flow that depends on the source address and port, so that each pair of
 * them becomes a datapath flow of its own. */
#define RULE "udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[]," \
    "move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15],output:2"

static struct dp_packet *
make_packet(unsigned int i)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow.dl_dst = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,02);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = htonl(0x0a000000 + i);
    flow.nw_dst = htonl(0xc0a80001);
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_ttl = 64;
    flow.tp_src = htons(1024 + i % 60000);
    flow.tp_dst = htons(443);
    flow_compose(packet, &flow, NULL, 64);
    return packet;
}

static MEASURED void
measured_upcall(struct dpif *dpif)
{
    dpif_run(dpif);
}

int
main(int argc, char *argv[])
{
    struct dp_packet **templates;
    unsigned int n_flows, n_samples, n_bursts, n_all;
    struct dpif_dp_stats stats;
    struct bench_switch bench;

    set_program_name(argv[0]);
    if (argc != 3) {
        ovs_fatal(0, "usage: %s FLOWS SAMPLES", program_name);
    }
    n_flows = bench_number(argv[1], "number of flows", MAX_FLOWS);
    n_samples = bench_number(argv[2], "number of samples", 100);
    n_bursts = DIV_ROUND_UP(n_flows, BURST);
    n_all = n_bursts * BURST * n_samples;
    if (n_all > MAX_FLOWS) {
        ovs_fatal(0, "%u flows are more than %u in all", n_all, MAX_FLOWS);
    }

    bench_switch_open(&bench);
    bench_switch_add_rule(&bench, RULE);

    templates = xmalloc(n_all * sizeof *templates);
    for (unsigned int i = 0; i < n_all; i++) {
        templates[i] = make_packet(i);
    }
    bench_netdev_set_templates(templates, n_all);

    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        uint64_t ns = 0;

        for (unsigned int j = 0; j < n_bursts; j++) {
            uint64_t start;

            bench_netdev_offer(bench.rx, BURST);
            start = bench_cpu_ns();
            measured_upcall(bench.dpif);
            ns += bench_cpu_ns() - start;
            ovsrcu_quiesce();
        }
        printf("%s%.1f", i ? ", " : "", (double) ns / (n_bursts * BURST));
    }
    printf("]}\n");
    fflush(stdout);

    BENCH_CHECK(dpif_get_dp_stats(bench.dpif, &stats), "counting flows");
    if (stats.n_flows != n_all || bench_netdev_n_sent() != n_all) {
        ovs_fatal(0, "%u packets became %"PRIu64" flows, %"PRIu64" were sent",
                  n_all, stats.n_flows, bench_netdev_n_sent());
    }

    /* The end of the process is the end of everything it made. */
    _exit(EXIT_SUCCESS);
}
