/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the match cache in the userspace datapath: what a full dump shows
 * is the same, byte for byte, with the cache as without it. */

#include <config.h>
#undef NDEBUG

#include "flow-match-cache.h"
#include "netdev-match-cache.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "command-line.h"
#include "dpif.h"
#include "dummy.h"
#include "fuzz-flow.h"
#include "hash.h"
#include "netlink.h"
#include "odp-util.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

/* A flow, which is in the datapath or not, and what a dump without cache says
 * it is. */
struct sample {
    struct hmap_node node;      /* In 'by_ufid'. */
    ovs_u128 ufid;
    struct ofpbuf *key, *mask;  /* As put. */
    struct ofpbuf *dumped_key, *dumped_mask;
    enum fuzz_flow_kind kind;
    enum fuzz_flow_tunnel tunnel;
    int n_seen;                 /* In one dump; only if there is no thread. */
    uint32_t output;            /* Its action. */
};

static struct dpif *dpif;
static struct sample *samples;
static int n_samples;
static struct hmap by_ufid = HMAP_INITIALIZER(&by_ufid);

/* The datapath. */

static void
configure(const char *policy, const char *max_mb)
{
    struct smap config = SMAP_INITIALIZER(&config);

    smap_add(&config, "flow-match-cache", policy);
    smap_add(&config, "flow-match-cache-max-mb", max_mb);
    dpif_set_config(dpif, &config);
    smap_destroy(&config);
}

static struct flow_match_cache_stats
get_stats(void)
{
    struct dpif_dp_stats stats;

    ovs_assert(!dpif_get_dp_stats(dpif, &stats));
    ovs_assert(stats.match_cache.present);
    return stats.match_cache;
}

/* Waits until nothing is cached any more: a flow that was deleted is freed
 * after a grace period, and its entry is counted out before its bytes are. */
static void
wait_until_empty(void)
{
    for (;;) {
        struct flow_match_cache_stats stats = get_stats();

        if (!stats.n_entries && !stats.n_bytes) {
            break;
        }
        ovsrcu_quiesce();
        xnanosleep(1000 * 1000);
    }
}

static void
open_datapath(void)
{
    dummy_enable(NULL);
    ovs_assert(!dpif_create("dp0", "dummy", &dpif));
}

static int
put_flow(struct sample *s, enum dpif_flow_put_flags flags, uint32_t output)
{
    uint64_t stub[64 / 8];
    struct ofpbuf actions;
    int error;

    ofpbuf_use_stub(&actions, stub, sizeof stub);
    nl_msg_put_u32(&actions, OVS_ACTION_ATTR_OUTPUT, output);
    error = dpif_flow_put(dpif, flags | DPIF_FP_PROBE,
                          s->key->data, s->key->size,
                          s->mask->data, s->mask->size,
                          actions.data, actions.size,
                          &s->ufid, PMD_ID_NULL, NULL);
    ofpbuf_uninit(&actions);
    return error;
}

static int
delete_flow(struct sample *s)
{
    return dpif_flow_del(dpif, s->key->data, s->key->size, &s->ufid,
                         PMD_ID_NULL, NULL);
}

/* Samples. */

static void
sample_init(struct sample *s, enum fuzz_flow_kind kind,
            enum fuzz_flow_tunnel tunnel, int n_vlans)
{
    struct flow_wildcards wc;
    struct flow flow;
    struct odp_flow_key_parms parms = {
        .flow = &flow,
        .mask = &wc.masks,
        .support = fuzz_support,
    };

    fuzz_flow(&flow, kind, tunnel, n_vlans);
    fuzz_wildcards(&flow, &wc);

    s->kind = kind;
    s->tunnel = tunnel;
    s->output = 1 + random_range(100);
    random_bytes(&s->ufid, sizeof s->ufid);
    s->key = ofpbuf_new(512);
    s->mask = ofpbuf_new(512);
    fuzz_encode(&parms, s->key, s->mask);
}

static void
sample_uninit(struct sample *s)
{
    ofpbuf_delete(s->key);
    ofpbuf_delete(s->mask);
    ofpbuf_delete(s->dumped_key);
    ofpbuf_delete(s->dumped_mask);
}

static void
free_samples(void)
{
    for (int i = 0; i < n_samples; i++) {
        sample_uninit(&samples[i]);
    }
    free(samples);
    samples = NULL;
    n_samples = 0;
    hmap_destroy(&by_ufid);
    hmap_init(&by_ufid);
}

static struct sample *
find_sample(const ovs_u128 *ufid)
{
    struct sample *s;

    HMAP_FOR_EACH_WITH_HASH (s, node, hash_bytes(ufid, sizeof *ufid, 0),
                             &by_ufid) {
        if (ovs_u128_equals(s->ufid, *ufid)) {
            return s;
        }
    }
    return NULL;
}

/* Makes samples of each kind, with each tunnel and each number of VLANs, 'n'
 * times, and puts them into the datapath.  Leaves out those that another one
 * hides, but none may be refused. */
static void
make_samples(int n)
{
    int n_kinds[FUZZ_N_KINDS] = { 0 };
    int n_tunnels[FUZZ_N_TUNNELS] = { 0 };
    int n_max = n * FUZZ_N_KINDS * FUZZ_N_TUNNELS * 3;
    int kind, tunnel;

    samples = xcalloc(n_max, sizeof *samples);
    for (int i = 0; i < n_max; i++) {
        struct sample *s = &samples[n_samples];
        int error;

        sample_init(s, i % FUZZ_N_KINDS,
                    i / FUZZ_N_KINDS % FUZZ_N_TUNNELS,
                    i / (FUZZ_N_KINDS * FUZZ_N_TUNNELS) % 3);
        error = put_flow(s, DPIF_FP_CREATE, s->output);
        if (!error) {
            hmap_insert(&by_ufid, &s->node,
                        hash_bytes(&s->ufid, sizeof s->ufid, 0));
            n_kinds[s->kind]++;
            n_tunnels[s->tunnel]++;
            n_samples++;
        } else {
            if (error != EEXIST) {
                ovs_fatal(error, "%s in tunnel %s",
                          fuzz_flow_kind_name(s->kind),
                          fuzz_flow_tunnel_name(s->tunnel));
            }
            sample_uninit(s);
            memset(s, 0, sizeof *s);
        }
    }

    for (kind = 0; kind < FUZZ_N_KINDS; kind++) {
        ovs_assert(n_kinds[kind] >= n * 12);
    }
    for (tunnel = 0; tunnel < FUZZ_N_TUNNELS; tunnel++) {
        ovs_assert(n_tunnels[tunnel] >= n * 24);
    }
}

/* Dumps. */

typedef void dump_cb(struct sample *, const struct dpif_flow *);

/* Dumps all flows, up to 'batch' at once, and calls 'cb' for each that comes
 * from a sample.  Returns their number. */
static int
dump(bool terse, int batch, dump_cb *cb)
{
    struct dpif_flow_dump_thread *thread;
    struct dpif_flow_dump *flow_dump;
    struct dpif_flow flows[50];
    int n_flows = 0;
    int n;

    flow_dump = dpif_flow_dump_create(dpif, terse, NULL);
    thread = dpif_flow_dump_thread_create(flow_dump);
    while ((n = dpif_flow_dump_next(thread, flows, batch)) > 0) {
        if (cb) {
            for (int i = 0; i < n; i++) {
                struct sample *s = find_sample(&flows[i].ufid);

                ovs_assert(s);
                cb(s, &flows[i]);
            }
        }
        n_flows += n;
    }
    dpif_flow_dump_thread_destroy(thread);
    ovs_assert(!dpif_flow_dump_destroy(flow_dump));
    return n_flows;
}

static void
record(struct sample *s, const struct dpif_flow *f)
{
    ofpbuf_delete(s->dumped_key);
    ofpbuf_delete(s->dumped_mask);
    s->dumped_key = ofpbuf_clone_data(f->key, f->key_len);
    s->dumped_mask = ofpbuf_clone_data(f->mask, f->mask_len);
}

static void
check_bytes(struct sample *s, const struct dpif_flow *f)
{
    if (f->key_len != s->dumped_key->size
        || memcmp(f->key, s->dumped_key->data, f->key_len)
        || f->mask_len != s->dumped_mask->size
        || memcmp(f->mask, s->dumped_mask->data, f->mask_len)) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        odp_flow_format(s->dumped_key->data, s->dumped_key->size,
                        s->dumped_mask->data, s->dumped_mask->size,
                        NULL, &ds, true);
        ds_put_cstr(&ds, "\nbecame\n");
        odp_flow_format(f->key, f->key_len, f->mask, f->mask_len, NULL, &ds,
                        true);
        ovs_fatal(0, "%s in tunnel %s:\n%s", fuzz_flow_kind_name(s->kind),
                  fuzz_flow_tunnel_name(s->tunnel), ds_cstr(&ds));
    }
}

static void
check(struct sample *s, const struct dpif_flow *f)
{
    check_bytes(s, f);
    ovs_assert(f->ufid_present);
    ovs_assert(f->actions_len == 8);
    ovs_assert(nl_attr_type(f->actions) == OVS_ACTION_ATTR_OUTPUT);
    ovs_assert(nl_attr_get_u32(f->actions) == s->output);
    s->n_seen++;
}

/* Dumps in full, checks all, and returns how many came from the cache. */
static int
check_dump(int batch)
{
    uint64_t n_hits = get_stats().n_hits;
    int n_flows;

    for (int i = 0; i < n_samples; i++) {
        samples[i].n_seen = 0;
    }
    n_flows = dump(false, batch, check);
    for (int i = 0; i < n_samples; i++) {
        ovs_assert(samples[i].n_seen <= 1);
    }
    ovs_assert(hmap_count(&by_ufid) == n_flows);
    ovsrcu_quiesce();
    return get_stats().n_hits - n_hits;
}

/* What dumps show without a cache becomes what they have to show. */
static void
record_dump(void)
{
    configure("off", "64");
    wait_until_empty();
    ovs_assert(dump(false, 50, record) == n_samples);
}

static void
check_policies(void)
{
    record_dump();

    configure("eager", "64");
    ovs_assert(check_dump(50) == 0);
    ovs_assert(check_dump(50) == n_samples);
    ovs_assert(check_dump(1) == n_samples);
    dump(true, 50, NULL);
    ovs_assert(check_dump(7) == n_samples);

    configure("off", "64");
    wait_until_empty();
    ovs_assert(check_dump(50) == 0);

    configure("lazy", "64");
    ovs_assert(check_dump(50) == 0);
    ovs_assert(!get_stats().n_entries);
    ovs_assert(check_dump(50) == 0);
    ovs_assert(get_stats().n_entries == n_samples);
    ovs_assert(check_dump(50) == n_samples);

    configure("lazy", "0");
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_bytes);
    ovs_assert(check_dump(50) == 0);
}

static void
check_changes(void)
{
    configure("eager", "64");
    ovs_assert(check_dump(50) == 0);

    for (int i = 0; i < n_samples; i += 2) {
        samples[i].output++;
        ovs_assert(!put_flow(&samples[i], DPIF_FP_MODIFY, samples[i].output));
    }
    ovs_assert(check_dump(50) == n_samples);

    for (int i = 0; i < n_samples; i += 3) {
        ovs_assert(!delete_flow(&samples[i]));
        ovs_assert(!put_flow(&samples[i], DPIF_FP_CREATE, samples[i].output));
    }
    ovs_assert(check_dump(50) == n_samples - (n_samples + 2) / 3);
    ovs_assert(check_dump(50) == n_samples);
}

/* The same flows are encoded differently if the limit changes, and entries
 * that were made before are not used then. */
static void
check_vlan_limit(void)
{
    flow_limit_vlans(1);
    check_policies();

    flow_limit_vlans(0);
    configure("eager", "64");
    ovs_assert(dump(false, 50, NULL) == n_samples);
    ovs_assert(get_stats().n_entries == n_samples);

    flow_limit_vlans(1);
    ovs_assert(check_dump(50) == 0);
    ovs_assert(check_dump(50) == n_samples);
}

static void
close_datapath(void)
{
    configure("off", "64");
    free_samples();
    dpif_delete(dpif);
    dpif_close(dpif);
    ovsrcu_exit();
}

static void
run_identity(struct ovs_cmdl_context *ctx)
{
    uint32_t seed = ctx->argc > 1 ? atoi(ctx->argv[1]) : 1;

    random_set_seed(seed);
    open_datapath();
    flow_limit_vlans(0);
    make_samples(4);
    check_policies();
    printf("policies: ok\n");
    check_changes();
    printf("changes: ok\n");
    check_vlan_limit();
    printf("vlan-limit: ok\n");
    close_datapath();
    printf("flows of %d kinds in %d kinds of tunnels, seed %"PRIu32"\n",
           FUZZ_N_KINDS, FUZZ_N_TUNNELS, seed);
}

/* Threads. */

static atomic_bool stop;

static bool
stopped(void)
{
    bool s;

    atomic_read_relaxed(&stop, &s);
    return s;
}

static void *
full_dumper(void *n_)
{
    unsigned int *n = n_;

    while (!stopped()) {
        dump(false, 1 + *n % 50, check_bytes);
        *n += 1;
        ovsrcu_quiesce();
    }
    return NULL;
}

static void *
terse_dumper(void *n_)
{
    unsigned int *n = n_;

    while (!stopped()) {
        dump(true, 50, NULL);
        *n += 1;
        ovsrcu_quiesce();
    }
    return NULL;
}

static void *
mutator(void *n_)
{
    unsigned int *n = n_;

    while (!stopped()) {
        struct sample *s = &samples[random_range(n_samples)];

        switch (random_range(3)) {
        case 0:
            put_flow(s, DPIF_FP_CREATE, random_uint32());
            break;
        case 1:
            put_flow(s, DPIF_FP_MODIFY, random_uint32());
            break;
        case 2:
            delete_flow(s);
            break;
        }
        *n += 1;
        ovsrcu_quiesce();
    }
    return NULL;
}

static void *
configurator(void *n_)
{
    static const char *policies[] = { "eager", "eager", "lazy", "off" };
    unsigned int *n = n_;

    while (!stopped()) {
        configure(policies[*n % ARRAY_SIZE(policies)], *n % 7 ? "64" : "0");
        *n += 1;
        for (int i = 0; i < 20 && !stopped(); i++) {
            get_stats();
            ovsrcu_quiesce();
            xnanosleep(1000 * 1000);
        }
    }
    return NULL;
}

/* Full dumps are compared with what they have to show while flows come, change
 * and go and the policy changes, for as many seconds as the argument says. */
static void
run_threads(struct ovs_cmdl_context *ctx)
{
    static const struct {
        const char *name;
        void *(*run)(void *);
    } roles[] = {
        { "full", full_dumper },
        { "full2", full_dumper },
        { "terse", terse_dumper },
        { "mutator", mutator },
        { "mutator2", mutator },
        { "config", configurator },
    };
    pthread_t threads[ARRAY_SIZE(roles)];
    unsigned int n[ARRAY_SIZE(roles)] = { 0 };
    int seconds = ctx->argc > 1 ? atoi(ctx->argv[1]) : 1;
    struct flow_match_cache_stats stats;
    long long int end;

    random_set_seed(1);
    open_datapath();
    make_samples(2);
    record_dump();

    atomic_init(&stop, false);
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        threads[i] = ovs_thread_create(roles[i].name, roles[i].run, &n[i]);
    }
    end = time_msec() + 1000LL * seconds;
    do {
        ovsrcu_quiesce();
        xnanosleep(10 * 1000 * 1000);
        stats = get_stats();
    } while (time_msec() < end || !stats.n_hits || !stats.n_evictions);
    atomic_store_relaxed(&stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        xpthread_join(threads[i], NULL);
        ovs_assert(n[i]);
    }

    /* Nothing is left behind. */
    configure("off", "64");
    dump(true, 50, NULL);
    wait_until_empty();
    stats = get_stats();
    fprintf(stderr, "%u and %u full dumps, %u terse ones, %u changes, "
            "%u configurations, %"PRIu64" hits, %"PRIu64" misses, "
            "%"PRIu64" evictions\n", n[0], n[1], n[2], n[3] + n[4], n[5],
            stats.n_hits, stats.n_misses, stats.n_evictions);
    close_datapath();
    printf("threads: ok\n");
}

/* Measures. */

enum shape { V4, V6, TUNNEL, N_SHAPES };

static const char *const shape_names[] = { "v4", "v6", "tunnel" };

/* Adds 'n' TCP connections, with masks as a firewall makes them. */
static void
add_connections(int n, enum shape shape)
{
    for (int i = 0; i < n; i++) {
        struct flow_wildcards wc;
        struct flow flow;
        struct odp_flow_key_parms parms = {
            .flow = &flow,
            .mask = &wc.masks,
            .support = fuzz_support,
        };
        struct sample s;

        memset(&s, 0, sizeof s);
        memset(&flow, 0, sizeof flow);
        flow.in_port.odp_port = u32_to_odp(1);
        flow.dl_src.ea[5] = 1;
        flow.dl_dst.ea[5] = 2;
        if (shape == V6) {
            flow.dl_type = htons(ETH_TYPE_IPV6);
            flow.ipv6_src.s6_addr[0] = 0x20;
            flow.ipv6_dst.s6_addr[0] = 0x20;
            flow.ipv6_dst.s6_addr[13] = i >> 16;
            flow.ipv6_dst.s6_addr[14] = i >> 8;
            flow.ipv6_dst.s6_addr[15] = i;
        } else {
            flow.dl_type = htons(ETH_TYPE_IP);
            flow.nw_src = htonl(0x0a000001);
            flow.nw_dst = htonl(0x0b000000 + i);
        }
        if (shape == TUNNEL) {
            flow.tunnel.ip_src = htonl(0x0c000001);
            flow.tunnel.ip_dst = htonl(0x0c000002);
            flow.tunnel.tun_id = htonll(7);
            flow.tunnel.flags = FLOW_TNL_F_KEY;
            flow.tunnel.ip_ttl = 64;
        }
        flow.nw_proto = IPPROTO_TCP;
        flow.nw_ttl = 64;
        flow.tp_src = htons(1024 + i % 1000);
        flow.tp_dst = htons(80);
        flow.tcp_flags = htons(TCP_ACK);
        flow_wildcards_init_for_packet(&wc, &flow);
        wc.masks.dp_hash = 0;

        s.key = ofpbuf_new(512);
        s.mask = ofpbuf_new(512);
        fuzz_encode(&parms, s.key, s.mask);
        random_bytes(&s.ufid, sizeof s.ufid);
        ovs_assert(!put_flow(&s, DPIF_FP_CREATE, 2));
        sample_uninit(&s);
    }
}

/* What a flow costs, in bytes: its entry, its share of the masks, its slot. */
static void
run_memory(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    enum { N = 10000, LIMIT = 230 };

    open_datapath();
    configure("eager", "64");
    for (enum shape shape = 0; shape < N_SHAPES; shape++) {
        struct flow_match_cache_stats stats;
        size_t per_flow;

        add_connections(N, shape);
        dump(false, 50, NULL);
        stats = get_stats();
        ovs_assert(stats.n_entries == N);
        per_flow = DIV_ROUND_UP(stats.n_bytes, N)
                   + sizeof(struct netdev_match_slot);
        printf("%s: %s %d\n", shape_names[shape],
               per_flow <= LIMIT ? "at most" : "more than", LIMIT);
        fprintf(stderr, "%s: %"PRIuSIZE" bytes\n", shape_names[shape],
                per_flow);

        ovs_assert(!dpif_flow_flush(dpif));
        wait_until_empty();
    }
    close_datapath();
}

static double
cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static double
timed_dump(bool terse, int n)
{
    double start = cpu_us();

    ovs_assert(dump(terse, 50, NULL) == n);
    return (cpu_us() - start) / n;
}

static void
min(double *best, double value)
{
    if (!*best || value < *best) {
        *best = value;
    }
}

/* CPU time per flow of dumps, the best of some interleaved ones. */
static void
run_bench(struct ovs_cmdl_context *ctx)
{
    int n = atoi(ctx->argv[1]);

    open_datapath();
    for (enum shape shape = 0; shape < N_SHAPES; shape++) {
        double off = 0, lazy = 0, eager = 0, hit = 0, terse = 0;

        add_connections(n, shape);
        for (int i = 0; i < 9; i++) {
            configure("off", "64");
            min(&off, timed_dump(false, n));
            min(&terse, timed_dump(true, n));
            configure("lazy", "64");
            min(&lazy, timed_dump(false, n));
            configure("off", "64");
            configure("eager", "64");
            min(&eager, timed_dump(false, n));
            for (int j = 0; j < 3; j++) {
                min(&hit, timed_dump(false, n));
            }
            ovsrcu_quiesce();
        }
        printf("%d %s: off %.3f us, first lazy %.2fx, first eager %.2fx, "
               "cached %.3f us = %.1fx, terse %.3f us\n",
               n, shape_names[shape], off, lazy / off, eager / off,
               hit, off / hit, terse);
        fflush(stdout);
        dpif_flow_flush(dpif);
        ovsrcu_synchronize();
    }
    close_datapath();
}

static void
test_flow_match_cache_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "identity", "[SEED]", 0, 1, run_identity, OVS_RO },
        { "threads", "[SECONDS]", 0, 1, run_threads, OVS_RO },
        { "memory", NULL, 0, 0, run_memory, OVS_RO },
        { "bench", "FLOWS", 1, 1, run_bench, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    vlog_set_pattern(VLF_CONSOLE, "%p|%m");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-flow-match-cache", test_flow_match_cache_main);
