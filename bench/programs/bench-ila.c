/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-ila DESIGN ENTRIES [OPTION]...
 *
 * Sets up a bridge as ovs-vswitchd does, on the userspace datapath, that
 * forwards TCP over IPv6 from port 1 to port 2 and translates ENTRIES
 * identifiers to ILA addresses on the way; the packets' destinations are
 * picked from them at random.
 *
 * DESIGN says how:
 *
 *   ingress   mapping table, before anything else; a rule for all
 *   action    mapping table, by an action of the rule
 *   lookups   likewise, and then another table of rules, which matches on the
 *             locator
 *   rules     a rule with set_field for each identifier; the only one that
 *             Open vSwitch without extensions has
 *   none      not at all; a rule for all
 *
 * Prints {"ns": [NS, ...], "without": [NS, ...], "all_ns": [NS, ...],
 * "load_ms": MS, "move_ms": MS, "bytes": N}: for each sample, nanoseconds of
 * CPU time per packet in the thread that forwards; with "ingress" the same
 * without translation, in turn; CPU time of the whole process.  Then what
 * loading the entries, and moving 100,000 of them to another locator, took,
 * and their memory.
 *
 *   --mode=MODE       checksum mode, default no-action
 *   --no-emc          without the exact match cache, which is of no use to as
 *                     many flows as there are here
 *   --bursts=N        batches of 32 packets per sample; default 1000
 *   --samples=N       default 5 */

#include <config.h>
#undef NDEBUG
#include "bench.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "bench-netdev.h"
#include "bench-switch.h"
#include "byte-order.h"
#include "dp-packet.h"
#include "dpif.h"
#include "flow.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/ofproto.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "smap.h"

#if __has_include("dpif-ila.h")
#include "dpif-ila.h"
#define HAVE_ILA 1
#endif

enum {
    BURST = NETDEV_MAX_BURST,
    WARM_UP = 2000,             /* Bursts. */
    MAX_ENTRIES = 4 << 20,
    MAX_SAMPLES = 100,
    N_MOVED = 100000,           /* Entries, if there are as many. */
};
enum { DST_OFS = ETH_HEADER_LEN + offsetof(struct ovs_16aligned_ip6_hdr,
                                           ip6_dst) };

/* The SIR prefix, the locator, and one that entries are moved from. */
#define SIR UINT64_C(0x3333000000000001)
#define LOCATOR UINT64_C(0x2001000000870000)
#define OTHER_LOCATOR UINT64_C(0x2001000000880000)

#define STATM "/proc/self/statm"

static unsigned int n_entries;

/* Results. */
static double load_ms, move_ms;
static size_t table_bytes;

static void
make_addr(uint64_t locator, uint64_t identifier, struct in6_addr *addr)
{
    ovs_be64 halves[2] = { htonll(locator), htonll(identifier) };

    memcpy(addr, halves, sizeof halves);
}

/* The identifier number 'i', which is a LUID. */
static uint64_t
identifier(unsigned int i)
{
    return UINT64_C(0x2000000000000000) | (uint64_t) i * 2654435761 << 8 | 1;
}

/* Gives a packet about to be received a destination. */
static void
randomize(struct dp_packet *packet)
{
    ovs_be64 id = htonll(identifier(random_uint32() % n_entries));

    memcpy((uint8_t *) dp_packet_data(packet) + DST_OFS + 8, &id, sizeof id);
}

static struct dp_packet *
make_packet(void)
{
    struct dp_packet *packet = dp_packet_new(0);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow.dl_dst = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,02);
    flow.dl_type = htons(ETH_TYPE_IPV6);
    flow.ipv6_src.s6_addr[0] = 0xfd;
    make_addr(SIR, 0, &flow.ipv6_dst);
    flow.nw_proto = IPPROTO_TCP;
    flow.nw_ttl = 64;
    flow.tp_src = htons(1024);
    flow.tp_dst = htons(443);
    flow.tcp_flags = htons(TCP_ACK);
    flow_compose(packet, &flow, NULL, 64);
    return packet;
}

/* Rules. */

static void
parse_actions(const char *s, struct ofpbuf *ofpacts)
{
    enum ofputil_protocol usable;
    struct ofpact_parse_params pp = {
        .ofpacts = ofpacts,
        .usable_protocols = &usable,
    };
    char *error;

    ofpbuf_init(ofpacts, 0);
    error = ofpacts_parse_actions(s, &pp);
    if (error) {
        ovs_fatal(0, "%s: %s", s, error);
    }
}

/* Gives each of the first 'n' identifiers a rule that sets 'locator', in place
 * of the rule that it has.  Returns how many milliseconds that took. */
static double
set_rules(struct ofproto *ofproto, unsigned int n, const char *locator)
{
    char *actions = xasprintf("set_field:%s::/ffff:ffff:ffff:ffff::->"
                              "ipv6_dst,output:2", locator);
    struct ofpbuf ofpacts;
    uint64_t start;

    parse_actions(actions, &ofpacts);
    start = bench_cpu_ns();
    for (unsigned int i = 0; i < n; i++) {
        struct in6_addr dst;
        struct match match;

        make_addr(SIR, identifier(i), &dst);
        match_init_catchall(&match);
        match_set_dl_type(&match, htons(ETH_TYPE_IPV6));
        match_set_nw_proto(&match, IPPROTO_TCP);
        match_set_ipv6_dst(&match, &dst);
        ofproto_add_flow(ofproto, &match, 100, ofpacts.data, ofpacts.size);
    }
    start = bench_cpu_ns() - start;
    ofpbuf_uninit(&ofpacts);
    free(actions);
    ovsrcu_quiesce();
    return start / 1e6;
}

/* Returns the memory that the process has. */
static size_t
process_bytes(void)
{
    unsigned long long pages;
    FILE *file;

    file = fopen(STATM, "r");
    if (!file || fscanf(file, "%*u %llu", &pages) != 1) {
        ovs_fatal(errno, STATM);
    }
    fclose(file);
    return pages * getpagesize();
}

static void
add_rules(struct bench_switch *s, const char *design)
{
    if (!strcmp(design, "rules")) {
        table_bytes = process_bytes();
        load_ms = set_rules(s->ofproto, n_entries, "2001:0:88:0");
        table_bytes = process_bytes() - table_bytes;
        move_ms = set_rules(s->ofproto, MIN(n_entries, N_MOVED),
                            "2001:0:87:0");
    } else if (!strcmp(design, "action")) {
        bench_switch_add_rule(s, "tcp6,actions=ila(table,dir=out),output:2");
    } else if (!strcmp(design, "lookups")) {
        bench_switch_add_rule(s, "tcp6,actions=ila(table,dir=out),"
                              "resubmit(,1)");
        bench_switch_add_rule(s, "table=1,tcp6,ipv6_dst=2001:0:87::/64,"
                              "actions=output:2");
    } else {
        bench_switch_add_rule(s, "tcp6,actions=output:2");
    }
}

/* The table. */

#ifdef HAVE_ILA
static void
load_table(struct dpif *dpif, enum ila_csum_mode mode)
{
    const struct dpif_ila_class *class = dpif_ila_class(dpif);
    struct ila_filter filter = { .xlat_locator = htonll(OTHER_LOCATOR) };
    struct ila_mapping *mappings = xcalloc(n_entries, sizeof *mappings);
    struct dpif_ila_stats stats;
    struct dpif_ila_load *load;
    uint64_t start;
    size_t bad, n;

    for (unsigned int i = 0; i < n_entries; i++) {
        mappings[i] = (struct ila_mapping) {
            .match = {
                .dir = ILA_DIR_OUT,
                .fields = ILA_MATCH_IDENTIFIER,
                .identifier = htonll(identifier(i)),
            },
            .xlat = {
                .locator = htonll(i < N_MOVED ? OTHER_LOCATOR : LOCATOR),
                .csum_mode = mode,
                .dir = ILA_DIR_OUT,
                .ident_type = ILA_IDENT_LUID,
            },
        };
    }
    start = bench_cpu_ns();
    BENCH_CHECK(class->load_begin(dpif, &load), "beginning to load");
    BENCH_CHECK(class->load_add(load, mappings, n_entries, &bad), "loading");
    BENCH_CHECK(class->load_commit(load), "committing");
    load_ms = (bench_cpu_ns() - start) / 1e6;
    free(mappings);

    start = bench_cpu_ns();
    BENCH_CHECK(class->move(dpif, &filter, htonll(LOCATOR), &n), "moving");
    move_ms = (bench_cpu_ns() - start) / 1e6;
    if (n != MIN(n_entries, N_MOVED)) {
        ovs_fatal(0, "%"PRIuSIZE" entries moved", n);
    }
    BENCH_CHECK(class->get_stats(dpif, &stats), "asking for usage");
    table_bytes = stats.usage.bytes;
    ovsrcu_quiesce();
}

static void
set_ingress(struct dpif *dpif, bool on)
{
    struct dpif_port port;

    BENCH_CHECK(dpif_port_query_by_name(dpif, "rx", &port), "rx");
    BENCH_CHECK(dpif_ila_class(dpif)->set_port(dpif, port.port_no,
                                               on ? ILA_PATH_OUT : 0),
                "switching ILA");
    dpif_port_destroy(&port);
}

/* Are the packets translated?  Each must be. */
static uint64_t
n_translated(struct dpif *dpif)
{
    struct dpif_ila_stats stats;

    BENCH_CHECK(dpif_ila_class(dpif)->get_stats(dpif, &stats), "counting");
    return stats.counts[ILA_COUNT_OUT];
}

static enum ila_csum_mode
mode_from_string(const char *s)
{
    enum ila_csum_mode mode;

    if (!ila_csum_mode_from_string(s, &mode)) {
        ovs_fatal(0, "%s: unknown checksum mode", s);
    }
    return mode;
}
#else  /* An Open vSwitch without extensions. */
#define load_table(DPIF, MODE) ((void) (MODE), ovs_fatal(0, "no table"))
#define set_ingress(DPIF, ON)
#define n_translated(DPIF) UINT64_C(0)
#define mode_from_string(S) (S)
#endif

static void
switch_emc_off(struct dpif *dpif)
{
    struct smap config = SMAP_CONST1(&config, "emc-insert-inv-prob", "0");

    BENCH_CHECK(dpif_set_config(dpif, &config), "switching EMC off");
}

static MEASURED void
measured_forward(struct dpif *dpif)
{
    dpif_run(dpif);
}

/* Returns nanoseconds per packet. */
static double
forward(struct dpif *dpif, struct netdev *rx, unsigned int n_bursts)
{
    uint64_t start = bench_cpu_ns();

    for (unsigned int i = 0; i < n_bursts; i++) {
        bench_netdev_offer(rx, BURST);
        measured_forward(dpif);
        ovsrcu_quiesce();
    }
    return (double) (bench_cpu_ns() - start) / (n_bursts * BURST);
}

static void
print_array(const char *name, const double values[], unsigned int n)
{
    printf("\"%s\": [", name);
    for (unsigned int i = 0; i < n; i++) {
        printf("%s%.2f", i ? ", " : "", values[i]);
    }
    printf("], ");
}

int
main(int argc, char *argv[])
{
    enum { OPT_MODE, OPT_NO_EMC, OPT_BURSTS, OPT_SAMPLES };
    static const struct option options[] = {
        {"mode", required_argument, NULL, OPT_MODE},
        {"no-emc", no_argument, NULL, OPT_NO_EMC},
        {"bursts", required_argument, NULL, OPT_BURSTS},
        {"samples", required_argument, NULL, OPT_SAMPLES},
        {NULL, 0, NULL, 0},
    };
    double ns[MAX_SAMPLES], without[MAX_SAMPLES], all_ns[MAX_SAMPLES];
    unsigned int n_bursts = 1000, n_samples = 5;
    const char *design, *mode = "no-action";
    struct dp_packet *template;
    struct bench_switch bench;
    bool table, ingress, emc = true;
    uint64_t n_offered;
    struct netdev *rx;
    struct dpif *dpif;
    int c;

    set_program_name(argv[0]);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case OPT_MODE:
            mode = optarg;
            break;
        case OPT_NO_EMC:
            emc = false;
            break;
        case OPT_BURSTS:
            n_bursts = bench_number(optarg, "number of bursts", 100000000);
            break;
        case OPT_SAMPLES:
            n_samples = bench_number(optarg, "number of samples", MAX_SAMPLES);
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (argc - optind != 2) {
        ovs_fatal(0, "usage: %s DESIGN ENTRIES [OPTION]...", program_name);
    }
    design = argv[optind];
    n_entries = bench_number(argv[optind + 1], "number of entries",
                             MAX_ENTRIES);
    ingress = !strcmp(design, "ingress");
    table = ingress || !strcmp(design, "action") || !strcmp(design, "lookups");
    if (!table && strcmp(design, "rules") && strcmp(design, "none")) {
        ovs_fatal(0, "%s: design is not ingress, action, lookups, rules or "
                  "none", design);
    }

    bench_switch_open(&bench);
    rx = bench.rx;
    dpif = bench.dpif;
    if (!emc) {
        switch_emc_off(dpif);
    }
    add_rules(&bench, design);
    if (table) {
        load_table(dpif, mode_from_string(mode));
    }

    template = make_packet();
    bench_netdev_set_templates(&template, 1);
    bench_netdev_set_finish(randomize);
    n_offered = BURST * WARM_UP;
    set_ingress(dpif, ingress);
    forward(dpif, rx, WARM_UP);
    for (unsigned int i = 0; i < n_samples; i++) {
        uint64_t start = bench_process_ns();

        bench_switch_run(&bench);
        ns[i] = forward(dpif, rx, n_bursts);
        all_ns[i] = (double) (bench_process_ns() - start) / (n_bursts * BURST);
        n_offered += (uint64_t) n_bursts * BURST;
        if (ingress) {
            set_ingress(dpif, false);
            bench_switch_run(&bench);
            without[i] = forward(dpif, rx, n_bursts);
            set_ingress(dpif, true);
        }
    }
    if (table && n_translated(dpif) != n_offered) {
        ovs_fatal(0, "%"PRIu64" packets of %"PRIu64" translated",
                  n_translated(dpif), n_offered);
    }
    if (ingress) {
        n_offered += (uint64_t) n_bursts * BURST * n_samples;
    }
    if (bench_netdev_n_sent() != n_offered) {
        ovs_fatal(0, "%"PRIu64" packets of %"PRIu64" arrived",
                  bench_netdev_n_sent(), n_offered);
    }

    printf("{");
    print_array("ns", ns, n_samples);
    print_array("without", without, ingress ? n_samples : 0);
    print_array("all_ns", all_ns, n_samples);
    printf("\"load_ms\": %.3f, \"move_ms\": %.3f, \"bytes\": %zu}\n",
           load_ms, move_ms, table_bytes);
    fflush(stdout);

    /* The end of the process is the end of everything it made. */
    _exit(EXIT_SUCCESS);
}
