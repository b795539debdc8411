/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-dump SHAPE FLOWS POLICY FULL TERSE TEXT
 *
 * Fills a datapath of the userspace kind with FLOWS flows of SHAPE (v4, v6 or
 * tunnel, each matching every field a packet of its kind has), then dumps them
 * FULL times with and TERSE times without their matches, as revalidators do:
 * 50 flows at a time.  POLICY is that of the match cache; a build without one
 * takes no notice.  Then writes the text of all flows TEXT times as
 * dpctl/dump-flows does, and TEXT times as with option -m.
 *
 * Prints {"add": NS, "flow_bytes": B, "full": [NS, ...], "terse": [NS, ...],
 * "cache_bytes": B, "text": [NS, ...], "text_m": [NS, ...]}: nanoseconds of
 * CPU time per flow, bytes of the heap per flow, for the flow itself and for
 * what full dumps leave behind. */

#include <config.h>
#undef NDEBUG
#include "bench.h"

#include <malloc.h>
#include <string.h>

#include "dpif.h"
#if __has_include("dpif-flow-text.h")
#include "dpif-flow-text.h"
#define OURS 1
#endif
#include "dummy.h"
#include "flow.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "openvswitch/match.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "smap.h"
#include "timeval.h"

enum { BATCH = 50 };            /* Revalidators' REVALIDATE_MAX_BATCH. */
enum { MAX_FLOWS = 4000000, MAX_DUMPS = 100 };

static void
make_tunnel(struct flow_tnl *tunnel)
{
    tunnel->ip_src = htonl(0xac100001);
    tunnel->ip_dst = htonl(0xac100002);
    tunnel->tun_id = htonll(5001);
    tunnel->ip_ttl = 64;
    tunnel->tp_dst = htons(4789);
    tunnel->flags = FLOW_TNL_F_KEY | FLOW_TNL_F_DONT_FRAGMENT;
}

/* The 'i'-th flow: TCP from an address and port of its own. */
static void
make_flow(const char *shape, unsigned int i, struct flow *flow)
{
    memset(flow, 0, sizeof *flow);
    flow->in_port.odp_port = u32_to_odp(1);
    flow->dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow->dl_dst = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,02);
    flow->nw_proto = IPPROTO_TCP;
    flow->nw_ttl = 64;
    flow->tp_src = htons(1024 + i % 60000);
    flow->tp_dst = htons(443);
    if (!strcmp(shape, "v6")) {
        ovs_be32 low = htonl(i);

        flow->dl_type = htons(ETH_TYPE_IPV6);
        flow->ipv6_src.s6_addr[0] = 0xfd;
        flow->ipv6_dst.s6_addr[0] = 0xfd;
        memcpy(&flow->ipv6_src.s6_addr[12], &low, sizeof low);
        flow->ipv6_dst.s6_addr[15] = 1;
    } else {
        flow->dl_type = htons(ETH_TYPE_IP);
        flow->nw_src = htonl(0x0a000000 + i);
        flow->nw_dst = htonl(0xc0a80001);
        if (!strcmp(shape, "tunnel")) {
            make_tunnel(&flow->tunnel);
        }
    }
}

static void
add_flow(struct dpif *dpif, const char *shape, unsigned int i)
{
    struct odp_flow_key_parms parms;
    struct flow_wildcards wc;
    uint64_t stubs[3][1024 / 8];
    struct ofpbuf key, mask, actions;
    struct dpif_flow_put put;
    struct dpif_op op, *opp = &op;
    struct flow flow;

    make_flow(shape, i, &flow);
    flow_wildcards_init_for_packet(&wc, &flow);

    ofpbuf_use_stub(&key, stubs[0], sizeof stubs[0]);
    ofpbuf_use_stub(&mask, stubs[1], sizeof stubs[1]);
    ofpbuf_use_stub(&actions, stubs[2], sizeof stubs[2]);
    memset(&parms, 0, sizeof parms);
    parms.flow = &flow;
    parms.mask = &wc.masks;
    parms.support.recirc = true;
    odp_flow_key_from_flow(&parms, &key);
    parms.key_buf = &key;
    odp_flow_key_from_mask(&parms, &mask);
    nl_msg_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, 0);

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
    BENCH_CHECK(op.error, "adding a flow");

    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
}

/* Dumps all flows and returns how many there were.  '*sum' gets something of
 * each of them, so that nothing is optimized away. */
static unsigned int
dump(struct dpif *dpif, bool terse, uint64_t *sum)
{
    struct dpif_flow_dump *d = dpif_flow_dump_create(dpif, terse, NULL);
    struct dpif_flow_dump_thread *thread = dpif_flow_dump_thread_create(d);
    struct dpif_flow flows[BATCH];
    unsigned int n_flows = 0;
    int n;

    while ((n = dpif_flow_dump_next(thread, flows, BATCH))) {
        for (int i = 0; i < n; i++) {
            *sum += flows[i].key_len + flows[i].mask_len
                    + flows[i].stats.n_packets;
        }
        n_flows += n;
        ovsrcu_quiesce();
    }
    dpif_flow_dump_thread_destroy(thread);
    BENCH_CHECK(dpif_flow_dump_destroy(d), "dumping flows");
    return n_flows;
}

static MEASURED unsigned int
measured_first_dump(struct dpif *dpif, uint64_t *sum)
{
    return dump(dpif, false, sum);
}

static MEASURED unsigned int
measured_second_dump(struct dpif *dpif, uint64_t *sum)
{
    return dump(dpif, false, sum);
}

static MEASURED unsigned int
measured_later_dump(struct dpif *dpif, uint64_t *sum)
{
    return dump(dpif, false, sum);
}

static MEASURED unsigned int
measured_terse_dump(struct dpif *dpif, uint64_t *sum)
{
    return dump(dpif, true, sum);
}

/* The text of 'f', as the build has it. */
static void
put_text(struct ds *ds, const struct dpif_flow *f, bool verbose)
{
#ifdef OURS
    dpif_flow_text(ds, f, NULL, verbose, time_msec());
#else
    if (verbose && f->ufid_present) {
        odp_format_ufid(&f->ufid, ds);
        ds_put_cstr(ds, ", ");
    }
    odp_flow_format(f->key, f->key_len, f->mask, f->mask_len, NULL, ds,
                    verbose);
    ds_put_cstr(ds, ", ");
    dpif_flow_stats_format(&f->stats, ds);
    if (verbose && f->attrs.dp_layer) {
        ds_put_format(ds, ", dp:%s", f->attrs.dp_layer);
    }
    ds_put_cstr(ds, ", actions:");
    format_odp_actions(ds, f->actions, f->actions_len, NULL);
    if (verbose && f->attrs.dp_extra_info) {
        ds_put_format(ds, ", dp-extra-info:%s", f->attrs.dp_extra_info);
    }
#endif
}

static MEASURED void
measured_text(struct ds *ds, const struct dpif_flow *flows, int n)
{
    for (int i = 0; i < n; i++) {
        ds_clear(ds);
        put_text(ds, &flows[i], false);
    }
}

static MEASURED void
measured_verbose_text(struct ds *ds, const struct dpif_flow *flows, int n)
{
    for (int i = 0; i < n; i++) {
        ds_clear(ds);
        put_text(ds, &flows[i], true);
    }
}

/* Dumps all flows and prints what the text took. */
static void
time_text(struct dpif *dpif, bool verbose, unsigned int n_flows,
          const char *separator)
{
    struct dpif_flow_dump *d = dpif_flow_dump_create(dpif, false, NULL);
    struct dpif_flow_dump_thread *thread = dpif_flow_dump_thread_create(d);
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct dpif_flow flows[BATCH];
    uint64_t sum = 0;
    int n;

    while ((n = dpif_flow_dump_next(thread, flows, BATCH))) {
        uint64_t start = bench_cpu_ns();

        if (verbose) {
            measured_verbose_text(&ds, flows, n);
        } else {
            measured_text(&ds, flows, n);
        }
        sum += bench_cpu_ns() - start;
        ovsrcu_quiesce();
    }
    dpif_flow_dump_thread_destroy(thread);
    BENCH_CHECK(dpif_flow_dump_destroy(d), "dumping flows");
    ds_destroy(&ds);
    printf("%s%.2f", separator, (double) sum / n_flows);
}

static size_t
heap_bytes(void)
{
    struct mallinfo2 info;

    /* What is due to be freed is. */
    ovsrcu_barrier();
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

typedef unsigned int dump_func(struct dpif *, uint64_t *sum);

static void
time_dump(struct dpif *dpif, dump_func *func, unsigned int n_flows,
          const char *separator)
{
    uint64_t sum = 0;
    uint64_t start;
    unsigned int n;

    ovsrcu_quiesce();
    start = bench_cpu_ns();
    n = func(dpif, &sum);
    printf("%s%.2f", separator, (double) (bench_cpu_ns() - start) / n_flows);
    if (n != n_flows || !sum == (func != measured_terse_dump)) {
        ovs_fatal(0, "dumped %u flows of %u, sum %"PRIu64, n, n_flows, sum);
    }
}

int
main(int argc, char *argv[])
{
    struct smap config = SMAP_INITIALIZER(&config);
    unsigned int n_flows, n_full, n_terse, n_text;
    struct dpif *dpif;
    const char *shape;
    size_t before, filled, dumped;
    uint64_t start;

    set_program_name(argv[0]);
    if (argc != 7) {
        ovs_fatal(0, "usage: %s SHAPE FLOWS POLICY FULL TERSE TEXT",
                  program_name);
    }
    shape = argv[1];
    if (strcmp(shape, "v4") && strcmp(shape, "v6")
        && strcmp(shape, "tunnel")) {
        ovs_fatal(0, "%s: shape is not v4, v6 or tunnel", shape);
    }
    n_flows = bench_number(argv[2], "number of flows", MAX_FLOWS);
    n_full = bench_number(argv[4], "number of full dumps", MAX_DUMPS);
    n_terse = bench_number(argv[5], "number of terse dumps", MAX_DUMPS);
    n_text = bench_number(argv[6], "number of texts", MAX_DUMPS);

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    dummy_enable("");
    BENCH_CHECK(dpif_create_and_open("bench", "dummy", &dpif),
                "creating the datapath");
    smap_add(&config, "flow-match-cache", argv[3]);
    smap_add(&config, "flow-match-cache-max-mb", "1024");
    BENCH_CHECK(dpif_set_config(dpif, &config), "configuring the datapath");
    dpif_run(dpif);

    before = heap_bytes();
    start = bench_cpu_ns();
    for (unsigned int i = 0; i < n_flows; i++) {
        add_flow(dpif, shape, i);
        if (!(i % 64)) {
            ovsrcu_quiesce();
        }
    }
    printf("{\"add\": %.2f", (double) (bench_cpu_ns() - start) / n_flows);
    filled = heap_bytes();
    printf(", \"flow_bytes\": %.1f", (double) (filled - before) / n_flows);

    printf(", \"full\": [");
    for (unsigned int i = 0; i < n_full; i++) {
        time_dump(dpif,
                  (i == 0 ? measured_first_dump
                   : i == 1 ? measured_second_dump
                   : measured_later_dump),
                  n_flows, i ? ", " : "");
    }
    printf("], \"terse\": [");
    for (unsigned int i = 0; i < n_terse; i++) {
        time_dump(dpif, measured_terse_dump, n_flows, i ? ", " : "");
    }
    dumped = heap_bytes();
    printf("], \"cache_bytes\": %.1f", ((double) dumped - filled) / n_flows);

    printf(", \"text\": [");
    for (unsigned int i = 0; i < n_text; i++) {
        time_text(dpif, false, n_flows, i ? ", " : "");
    }
    printf("], \"text_m\": [");
    for (unsigned int i = 0; i < n_text; i++) {
        time_text(dpif, true, n_flows, i ? ", " : "");
    }
    printf("]}\n");

    smap_destroy(&config);
    dpif_close(dpif);
    return 0;
}
