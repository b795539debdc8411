/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-xdp packet CASE N
 *        bench-xdp live INTERFACE CASE PROGRAM [ARGUMENT]...
 *
 * "packet" prints what the XDP program costs for one packet of 60 bytes UDP,
 * as {"ns": X}: the kernel runs it N times on one packet and tells the
 * average.  That is done TURNS times, of which the best counts: the kernel
 * counts what interrupts it, too.  CASE is
 *
 *     return      a program that does nothing but drop: what the measurement
 *                 itself costs
 *     off         offload is switched off
 *     empty       no flows
 *     miss-M      M masks with a flow each, none of which matches
 *     drop-M      M masks with a flow each, of which the last one matches
 *     miss-M-N, drop-M-N  likewise, N flows in each mask
 *     blocked     the source is blocked
 *
 * "live" puts the program on INTERFACE, and runs PROGRAM, which sends UDP
 * packets from 10.0.0.0/8 there.  CASE is "return" or "drop-M".  Prints what
 * the flow has counted behind what PROGRAM prints. */

#include <config.h>
#undef NDEBUG

#include "extension-config.h"

#include <stdio.h>
#include <stdlib.h>

#if XDP_OFFLOAD
#include "xdp-loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dp-packet.h"
#include "flow.h"
#include "packets.h"
#include "util.h"
#include "xdp-flow.h"
#include "xdp-table.h"

#define PORT u32_to_odp(1)
#define TURNS 20
#define MAX_FLOWS 65536
#define LEASE (3600 * 1000)     /* ms: a switch has one, too. */

struct world {
    struct xdp_dp *dp;
    struct xdp_port *port;
    struct xdp_table *table;
    struct xdp_table_port *table_port;
    struct ovs_xdp_tables tables;
    struct xdp_rule *last;
};

static void
check(int error, const char *message)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", message, ovs_strerror(error));
        exit(EXIT_FAILURE);
    }
}

static void
world_init(struct world *w, const char *interface)
{
    struct xdp_dp_config dp_config = {
        .max_flows = MAX_FLOWS, .max_prefixes = 64, .max_devices = 1,
    };
    struct xdp_port_config port_config = {
        .dp_name = "bench", .name = interface ? interface : "none",
        .ifindex = interface ? if_nametoindex(interface) : 0,
        .n_queues = 1, .policy = XDP_CRASH_DETACH,
    };
    struct xdp_table_limits limits;
    char *message;
    int error;

    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        limits.max_rules[i] = MAX_FLOWS;
    }
    memset(w, 0, sizeof *w);
    libbpf_set_print(NULL);
    error = xdp_dp_create(&dp_config, &w->dp, &message);
    if (!error) {
        error = xdp_port_open(w->dp, &port_config, &w->port, &message);
    }
    check(error, message);
    xdp_port_renew(w->port, LEASE);
    w->table = xdp_table_create(&limits);
    w->table_port = xdp_table_port_add(w->table, NULL);
}

static void
world_uninit(struct world *w)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct xdp_rule *rule;

    xdp_port_close(w->port);
    xdp_table_port_remove(w->table_port, &evicted);
    LIST_FOR_EACH_POP (rule, list_node, &evicted) {
        xdp_rule_free(rule);
    }
    xdp_table_destroy(w->table);
    xdp_dp_destroy(w->dp);
}

/* Adds 'n' masks for UDP over IPv4 with 'n_flows' flows each.  If 'match',
 * packets from 10.0.0.0/8 are of the last one, and of no other. */
static void
add_masks(struct world *w, int n, int n_flows, bool match)
{
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    const struct ovs_xdp_flow value = { .action = OVS_XDP_DROP };

    for (int i = 0; i < n; i++) {
        struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
        struct flow_wildcards wc;
        struct flow flow;

        memset(&flow, 0, sizeof flow);
        flow.in_port.odp_port = PORT;
        flow.dl_type = htons(ETH_TYPE_IP);
        flow.nw_proto = IPPROTO_UDP;
        flow_wildcards_init_catchall(&wc);
        WC_MASK_FIELD(&wc, in_port);
        WC_MASK_FIELD(&wc, dl_type);
        WC_MASK_FIELD(&wc, nw_proto);
        WC_MASK_FIELD(&wc, nw_frag);
        wc.masks.nw_src = htonl(0xff000000);
        /* All masks differ. */
        wc.masks.nw_ttl = i;
        for (int j = 1; j <= n_flows; j++) {
            bool ours = match && i == n - 1 && j == n_flows;
            struct xdp_flow xdp;

            flow.nw_src = htonl(ours ? 0x0a000000 : (10 + j) << 24);
            flow.nw_ttl = 64 & i;
            ovs_assert(!xdp_flow_from_flow(&flow, &wc, PORT, &xdp));
            /* The hottest is the first. */
            check(xdp_table_add(w->table_port, &xdp, &drop, 1000 - i, 0, NULL,
                                &w->last, &evicted), "adding a flow");
            xdp_port_admit(w->port, w->last->shape, &w->last->key);
            check(xdp_dp_insert(w->dp, w->last->shape, &w->last->key, &value),
                  "inserting a flow");
        }
    }
    if (n) {
        xdp_table_port_tables(w->table_port, &w->tables);
        check(xdp_port_publish(w->port, &w->tables), "publishing masks");
        xdp_table_port_published(w->table_port);
    }
}

/* Does what 'what', "miss-M", "drop-M" or the like with "-N", says.  Returns
 * false if it is something else. */
static bool
add_case(struct world *w, const char *what)
{
    int m, n = 1;

    if (!ovs_scan(what, "miss-%d-%d", &m, &n)
        && !ovs_scan(what, "drop-%d-%d", &m, &n)
        && !ovs_scan(what, "miss-%d", &m) && !ovs_scan(what, "drop-%d", &m)) {
        return false;
    }
    add_masks(w, m, n, what[0] == 'd');
    return true;
}

static void
block(struct world *w, ovs_be32 addr, unsigned int length)
{
    struct xdp_lengths lengths;
    struct in6_addr prefix;

    memset(&lengths, 0, sizeof lengths);
    in6_addr_set_mapped_ipv4(&prefix, addr);
    check(xdp_dp_block(w->dp, &prefix, 96 + length), "blocking a prefix");
    check(xdp_lengths_add(&lengths, length), "noting a length");
    xdp_lengths_get(&lengths, OVS_XDP_IPV4, &w->tables);
    check(xdp_port_publish(w->port, &w->tables), "publishing lengths");
}

/* A program of two instructions. */
static int
dropping_program(void)
{
    const struct bpf_insn insns[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
          .imm = XDP_DROP },
        { .code = BPF_JMP | BPF_EXIT },
    };

    return bpf_prog_load(BPF_PROG_TYPE_XDP, "drop", "GPL", insns,
                         ARRAY_SIZE(insns), NULL);
}

static void
bench_packet(const char *what, int n)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = n);
    struct dp_packet packet;
    struct world w;
    uint32_t ns = UINT32_MAX;
    struct flow flow;
    int program;

    world_init(&w, NULL);
    program = xdp_port_program(w.port);
    if (!strcmp(what, "return")) {
        program = dropping_program();
    } else if (!strcmp(what, "off")) {
        xdp_port_enable(w.port, false);
    } else if (!strcmp(what, "blocked")) {
        block(&w, htonl(0x0a010200), 24);
    } else if (strcmp(what, "empty") && !add_case(&w, what)) {
        ovs_fatal(0, "%s: no such case", what);
    }

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = htonl(0x0a010203);
    flow.nw_dst = htonl(0xc0000201);
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_ttl = 64;
    flow.tp_src = htons(1024);
    flow.tp_dst = htons(UINT16_MAX);
    dp_packet_init(&packet, 0);
    flow_compose(&packet, &flow, NULL, 60);
    opts.data_in = dp_packet_data(&packet);
    opts.data_size_in = dp_packet_size(&packet);
    for (int i = 0; i < TURNS; i++) {
        if (program < 0 || bpf_prog_test_run_opts(program, &opts)) {
            ovs_fatal(errno, "%s", what);
        }
        ns = MIN(ns, opts.duration);
    }
    /* The socket is not there, so that what is not dropped is dropped, too;
     * the counts tell. */
    if (w.last && what[0] == 'd') {
        struct ovs_xdp_flow value;

        check(xdp_dp_read(w.dp, w.last->shape, &w.last->key, &value),
              "reading");
        ovs_assert(value.n_packets == (uint64_t) n * TURNS);
    }
    printf("{\"ns\": %"PRIu32"}\n", ns);
    dp_packet_uninit(&packet);
    world_uninit(&w);
}

static void
bench_live(const char *interface, const char *what, char *argv[])
{
    bool just_drop = !strcmp(what, "return");
    struct ovs_xdp_flow value = { .action = 0 };
    int link = -1, status;
    struct world w;
    pid_t pid;

    world_init(&w, just_drop ? NULL : interface);
    if (just_drop) {
        link = bpf_link_create(dropping_program(), if_nametoindex(interface),
                               BPF_XDP, NULL);
        check(link < 0 ? -link : 0, "attaching a program");
    } else if (!add_case(&w, what)) {
        ovs_fatal(0, "%s: no such case", what);
    }
    pid = fork();
    if (!pid) {
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
        ovs_fatal(0, "%s failed", argv[0]);
    }
    if (!just_drop) {
        check(xdp_dp_read(w.dp, w.last->shape, &w.last->key, &value),
              "reading");
    }
    printf("{\"dropped\": %"PRIu64"}\n", (uint64_t) value.n_packets);
    if (link >= 0) {
        close(link);
    }
    world_uninit(&w);
}

int
main(int argc, char *argv[])
{
    set_program_name(argv[0]);
    if (argc == 4 && !strcmp(argv[1], "packet")) {
        bench_packet(argv[2], atoi(argv[3]));
    } else if (argc > 4 && !strcmp(argv[1], "live")) {
        bench_live(argv[2], argv[3], argv + 4);
    } else {
        ovs_fatal(0, "usage: bench-xdp packet CASE N | "
                  "live INTERFACE CASE PROGRAM...");
    }
    return 0;
}
#else /* !XDP_OFFLOAD */
int
main(void)
{
    fprintf(stderr, "built without --enable-xdp-offload\n");
    return 77;
}
#endif
