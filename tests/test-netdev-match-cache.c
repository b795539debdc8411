/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of lib/netdev-match-cache.c alone: made-up bytes, no datapath. */

#include <config.h>
#undef NDEBUG

#include "netdev-match-cache.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "smap.h"
#include "util.h"

enum { N_FLOWS = 1000, KEY_LEN = 148, MASK_LEN = 160, N_MASKS = 3 };

struct fake_flow {
    struct netdev_match_slot slot;
    uint32_t key[KEY_LEN / 4];
    int mask;
};

static struct fake_flow *flows;
static uint32_t masks[N_MASKS][MASK_LEN / 4];
static struct netdev_match_cache *cache;

static struct netdev_match
fake_match(const struct fake_flow *flow)
{
    return (struct netdev_match) {
        .key = flow->key,
        .key_len = sizeof flow->key,
        .mask = masks[flow->mask],
        .mask_len = sizeof masks[flow->mask],
    };
}

static void
configure(enum ovs_match_cache_policy policy, uint64_t max_bytes)
{
    struct flow_match_cache_config config = {
        .policy = policy,
        .max_bytes = max_bytes,
    };

    netdev_match_cache_configure(cache, &config);
}

static struct flow_match_cache_stats
get_stats(void)
{
    struct flow_match_cache_stats stats;

    netdev_match_cache_get_stats(cache, &stats);
    return stats;
}

/* A cache and flows without entries. */
static void
setup(enum ovs_match_cache_policy policy)
{
    cache = netdev_match_cache_create();
    configure(policy, 64 << 20);

    flows = xcalloc(N_FLOWS, sizeof *flows);
    for (int i = 0; i < N_FLOWS; i++) {
        netdev_match_slot_init(&flows[i].slot);
        memset(flows[i].key, i, sizeof flows[i].key);
        flows[i].key[0] = i;
        flows[i].mask = i % N_MASKS;
    }
    for (int i = 0; i < N_MASKS; i++) {
        memset(masks[i], 0xff, sizeof masks[i]);
        masks[i][MASK_LEN / 4 - 1] = i;
    }
}

static void
delete_flow(struct fake_flow *flow)
{
    netdev_match_slot_uninit(&flow->slot);
    netdev_match_slot_init(&flow->slot);
}

/* Deletes all flows; nothing may be left of them. */
static void
teardown(void)
{
    struct flow_match_cache_stats stats;

    for (int i = 0; i < N_FLOWS; i++) {
        delete_flow(&flows[i]);
    }
    stats = get_stats();
    ovs_assert(!stats.n_entries);
    ovs_assert(!stats.n_bytes);
    netdev_match_cache_unref(cache);
    free(flows);
    ovsrcu_quiesce();
}

/* Dumps the flow within 'dump', checks the bytes, and returns whether they
 * came from the cache. */
static bool
dump_flow(struct netdev_match_dump *dump, struct fake_flow *flow)
{
    const struct netdev_match expected = fake_match(flow);
    struct netdev_match match;

    if (!netdev_match_dump_get(dump, &flow->slot, &match)) {
        netdev_match_dump_put(dump, &flow->slot, &expected);
        return false;
    }
    ovs_assert(match.key_len == expected.key_len);
    ovs_assert(match.mask_len == expected.mask_len);
    ovs_assert(!memcmp(match.key, expected.key, match.key_len));
    ovs_assert(!memcmp(match.mask, expected.mask, match.mask_len));
    ovs_assert(match.key != expected.key);
    ovs_assert(match.mask != expected.mask);
    return true;
}

/* Dumps the first 'n' flows in full; returns how many came from the cache. */
static int
dump_some(int n, unsigned int encoding)
{
    struct netdev_match_dump dump;
    int n_hits = 0;

    netdev_match_cache_start_full(cache);
    netdev_match_dump_begin(&dump, cache, encoding);
    for (int i = 0; i < n; i++) {
        n_hits += dump_flow(&dump, &flows[i]);
    }
    netdev_match_dump_end(&dump);
    return n_hits;
}

static int
dump_full(void)
{
    return dump_some(N_FLOWS, 0);
}

static void
dump_terse(void)
{
    struct netdev_match_dump dump;

    netdev_match_cache_start_terse(cache);
    netdev_match_dump_begin(&dump, cache, 0);
    if (dump.sweeping) {
        for (int i = 0; i < N_FLOWS; i++) {
            netdev_match_dump_sweep(&dump, &flows[i].slot);
        }
    }
    netdev_match_dump_end(&dump);
}

static void
dump_terse_times(int n)
{
    while (n-- > 0) {
        dump_terse();
    }
}

/* Policies. */

static void
test_off(void)
{
    setup(OVS_MATCH_CACHE_OFF);
    for (int i = 0; i < 3; i++) {
        ovs_assert(dump_full() == 0);
    }
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_hits);
    ovs_assert(!get_stats().n_misses);
    teardown();
}

static void
test_lazy(void)
{
    setup(OVS_MATCH_CACHE_LAZY);
    ovs_assert(dump_full() == 0);
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_bytes);
    ovs_assert(dump_full() == 0);
    ovs_assert(get_stats().n_entries == N_FLOWS);
    ovs_assert(dump_full() == N_FLOWS);
    ovs_assert(get_stats().n_hits == N_FLOWS);
    ovs_assert(get_stats().n_misses == 2 * N_FLOWS);

    /* A flow in the place of another one begins anew. */
    delete_flow(&flows[7]);
    flows[7].key[0] = 12345;
    ovs_assert(get_stats().n_entries == N_FLOWS - 1);
    ovs_assert(dump_full() == N_FLOWS - 1);
    ovs_assert(dump_full() == N_FLOWS - 1);
    ovs_assert(dump_full() == N_FLOWS);
    ovs_assert(!get_stats().n_evictions);
    teardown();
}

static void
test_eager(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    ovs_assert(dump_full() == 0);
    ovs_assert(get_stats().n_entries == N_FLOWS);
    ovs_assert(dump_full() == N_FLOWS);
    ovs_assert(get_stats().n_hits == N_FLOWS);
    ovs_assert(get_stats().n_misses == N_FLOWS);
    teardown();
}

static void
test_terse(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    dump_terse_times(3);
    ovs_assert(!get_stats().n_entries);
    dump_full();
    dump_terse_times(3);
    ovs_assert(!get_stats().n_hits);
    ovs_assert(get_stats().n_misses == N_FLOWS);
    teardown();
}

static void
test_switch(void)
{
    struct flow_match_cache_stats stats;

    setup(OVS_MATCH_CACHE_EAGER);
    dump_full();
    configure(OVS_MATCH_CACHE_OFF, 64 << 20);
    ovs_assert(dump_full() == 0);
    dump_terse();
    stats = get_stats();
    ovs_assert(!stats.n_entries);
    ovs_assert(!stats.n_bytes);
    ovs_assert(stats.n_evictions == N_FLOWS);

    configure(OVS_MATCH_CACHE_EAGER, 64 << 20);
    ovs_assert(dump_full() == 0);
    ovs_assert(dump_full() == N_FLOWS);
    teardown();
}

/* Memory. */

static void
test_interning(void)
{
    uint64_t one_mask, bytes;

    setup(OVS_MATCH_CACHE_EAGER);
    dump_some(1, 0);
    one_mask = get_stats().n_bytes;
    dump_some(N_MASKS, 0);
    ovs_assert(get_stats().n_bytes == N_MASKS * one_mask);

    /* Further flows cost their key only. */
    dump_some(N_MASKS + 1, 0);
    bytes = get_stats().n_bytes - N_MASKS * one_mask;
    ovs_assert(bytes > KEY_LEN && bytes < KEY_LEN + 32);
    dump_full();
    ovs_assert(get_stats().n_bytes
               == N_MASKS * (one_mask - bytes) + N_FLOWS * bytes);

    /* A mask goes with the last flow that has it. */
    for (int i = 1; i < N_FLOWS; i++) {
        delete_flow(&flows[i]);
    }
    ovs_assert(get_stats().n_bytes == one_mask);
    teardown();
}

/* What the statistics say is what the C library says, but for the table of
 * blobs and for what the library itself keeps. */
static void
test_accounting(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33) \
    && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    size_t before, after;

    setup(OVS_MATCH_CACHE_EAGER);
    before = mallinfo2().uordblks;
    dump_full();
    after = mallinfo2().uordblks;
    ovs_assert(after - before > get_stats().n_bytes * .98);
    ovs_assert(after - before < get_stats().n_bytes * 1.02);
    teardown();
#endif
}

static void
test_cap(void)
{
    const uint64_t half = N_FLOWS / 2 * KEY_LEN;
    struct flow_match_cache_stats stats;

    setup(OVS_MATCH_CACHE_EAGER);
    configure(OVS_MATCH_CACHE_EAGER, half);
    for (int i = 0; i < 3; i++) {
        dump_full();
        stats = get_stats();
        ovs_assert(stats.n_bytes <= half);
        ovs_assert(stats.n_bytes > half - 2 * (KEY_LEN + MASK_LEN));
        ovs_assert(stats.n_entries > N_FLOWS / 3);
    }
    ovs_assert(stats.n_hits == 2 * stats.n_entries);
    ovs_assert(stats.n_hits + stats.n_misses == 3 * N_FLOWS);
    ovs_assert(!stats.n_evictions);

    /* More. */
    configure(OVS_MATCH_CACHE_EAGER, 64 << 20);
    dump_full();
    ovs_assert(get_stats().n_entries == N_FLOWS);

    /* Less, and no more than needed. */
    configure(OVS_MATCH_CACHE_EAGER, half);
    dump_terse();
    stats = get_stats();
    ovs_assert(stats.n_bytes <= half);
    ovs_assert(stats.n_bytes > half - 2 * (KEY_LEN + MASK_LEN));
    ovs_assert(stats.n_evictions == N_FLOWS - stats.n_entries);

    /* Nothing. */
    configure(OVS_MATCH_CACHE_EAGER, 0);
    dump_terse();
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_bytes);
    dump_full();
    ovs_assert(!get_stats().n_entries);
    teardown();
}

/* There is room for an entry, but not for its mask. */
static void
test_cap_mask(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    configure(OVS_MATCH_CACHE_EAGER, KEY_LEN + MASK_LEN);
    dump_full();
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_bytes);
    teardown();
}

/* Ageing. */

static void
test_ageing(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    dump_full();
    dump_terse_times(NETDEV_MATCH_KEEP_ROUNDS - 1);
    ovs_assert(get_stats().n_entries == N_FLOWS);
    dump_terse();
    ovs_assert(!get_stats().n_entries);
    ovs_assert(!get_stats().n_bytes);
    ovs_assert(get_stats().n_evictions == N_FLOWS);

    /* A dump makes them young again. */
    dump_full();
    for (int i = 0; i < 5; i++) {
        dump_terse_times(NETDEV_MATCH_KEEP_ROUNDS - 1);
        ovs_assert(dump_full() == N_FLOWS);
    }

    /* Those that nobody looked at are dropped one by one. */
    dump_some(N_FLOWS / 2, 0);
    dump_terse_times(5);
    dump_some(N_FLOWS / 2, 0);
    dump_terse_times(NETDEV_MATCH_KEEP_ROUNDS - 5);
    ovs_assert(get_stats().n_entries == N_FLOWS);
    dump_terse_times(5);
    ovs_assert(!get_stats().n_entries);
    teardown();
}

/* Entries that are used while others look for old ones stay. */
static void
test_used(void)
{
    struct netdev_match_dump terse;

    setup(OVS_MATCH_CACHE_EAGER);
    dump_full();
    dump_terse_times(NETDEV_MATCH_KEEP_ROUNDS - 1);
    netdev_match_cache_start_terse(cache);
    netdev_match_dump_begin(&terse, cache, 0);
    ovs_assert(terse.sweeping);
    ovs_assert(dump_some(N_FLOWS / 2, 0) == N_FLOWS / 2);
    for (int i = 0; i < N_FLOWS; i++) {
        netdev_match_dump_sweep(&terse, &flows[i].slot);
    }
    netdev_match_dump_end(&terse);
    ovs_assert(get_stats().n_entries == N_FLOWS / 2);
    teardown();
}

/* Who dumps less often than every KEEP_ROUNDS finds entries all the same, as
 * long as he does so with some regularity. */
static void
test_period(void)
{
    setup(OVS_MATCH_CACHE_LAZY);
    for (int i = 0; i < 5; i++) {
        ovs_assert(dump_full() == (i < 2 ? 0 : N_FLOWS));
        dump_terse_times(120);
    }
    dump_terse_times(120);
    ovs_assert(!get_stats().n_entries);
    teardown();

    /* A dump now and then leaves nothing behind. */
    setup(OVS_MATCH_CACHE_LAZY);
    for (int i = 0; i < 5; i++) {
        ovs_assert(dump_full() == 0);
        ovs_assert(!get_stats().n_entries);
        dump_terse_times(NETDEV_MATCH_MAX_PERIOD + 1);
    }
    teardown();
}

/* Bytes of another encoding are not handed out. */
static void
test_encoding(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    dump_some(N_FLOWS, 1);
    ovs_assert(dump_some(N_FLOWS, 1) == N_FLOWS);
    ovs_assert(dump_some(N_FLOWS, 2) == 0);
    ovs_assert(get_stats().n_evictions == N_FLOWS);
    ovs_assert(get_stats().n_entries == N_FLOWS);
    ovs_assert(dump_some(N_FLOWS, 2) == N_FLOWS);
    teardown();
}

/* Flows may be freed after the datapath. */
static void
test_lifetime(void)
{
    setup(OVS_MATCH_CACHE_EAGER);
    dump_full();
    netdev_match_cache_unref(cache);
    for (int i = 0; i < N_FLOWS; i++) {
        netdev_match_slot_uninit(&flows[i].slot);
    }
    free(flows);
}

/* Threads. */

enum { N_THREADS = 4, N_LOOPS = 200 };

static void *
dump_thread(void *n_hits_)
{
    int *n_hits = n_hits_;

    for (int i = 0; i < N_LOOPS; i++) {
        *n_hits += dump_full();
        ovsrcu_quiesce();
    }
    return NULL;
}

static void
test_threads(void)
{
    struct flow_match_cache_stats stats;
    pthread_t threads[N_THREADS];
    int n_hits[N_THREADS] = { 0 };
    int sum = 0;

    setup(OVS_MATCH_CACHE_EAGER);
    for (int i = 0; i < N_THREADS; i++) {
        threads[i] = ovs_thread_create("dump", dump_thread, &n_hits[i]);
    }
    for (int i = 0; i < N_LOOPS; i++) {
        configure(i % 3, i % 5 ? 64 << 20 : N_FLOWS * KEY_LEN / 2);
        dump_terse();
        ovsrcu_quiesce();
    }
    configure(OVS_MATCH_CACHE_EAGER, 64 << 20);
    for (int i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
        sum += n_hits[i];
    }
    stats = get_stats();
    ovs_assert(stats.n_hits == sum);
    ovs_assert(stats.n_hits + stats.n_misses <= N_THREADS * N_LOOPS * N_FLOWS);
    dump_full();
    ovs_assert(get_stats().n_entries == N_FLOWS);
    teardown();
}

static void
run_core(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "off", test_off },
        { "lazy", test_lazy },
        { "eager", test_eager },
        { "terse", test_terse },
        { "switch", test_switch },
        { "interning", test_interning },
        { "accounting", test_accounting },
        { "cap", test_cap },
        { "cap-mask", test_cap_mask },
        { "ageing", test_ageing },
        { "used", test_used },
        { "period", test_period },
        { "encoding", test_encoding },
        { "lifetime", test_lifetime },
        { "threads", test_threads },
    };

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        tests[i].run();
        printf("%s: ok\n", tests[i].name);
        fflush(stdout);
    }
    ovsrcu_exit();
}

/* Prints the configuration that each argument, KEY=VALUE[,KEY=VALUE], makes;
 * what is wrong with it is logged. */
static void
run_config(struct ovs_cmdl_context *ctx)
{
    for (int i = 1; i < ctx->argc; i++) {
        struct smap smap = SMAP_INITIALIZER(&smap);
        struct flow_match_cache_config config;
        char *save_ptr = NULL;
        char *pair;

        for (pair = strtok_r(ctx->argv[i], ",", &save_ptr); pair;
             pair = strtok_r(NULL, ",", &save_ptr)) {
            char *value = strchr(pair, '=');

            ovs_assert(value);
            *value++ = '\0';
            smap_add(&smap, pair, value);
        }
        flow_match_cache_config_from_smap(&smap, &config);
        printf("%s, %"PRIu64" bytes\n",
               config.policy == OVS_MATCH_CACHE_OFF ? "off"
               : config.policy == OVS_MATCH_CACHE_LAZY ? "lazy" : "eager",
               config.max_bytes);
        fflush(stdout);
        smap_destroy(&smap);
    }
}

static void
test_netdev_match_cache_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "core", NULL, 0, 0, run_core, OVS_RO },
        { "config", "KEY=VALUE[,KEY=VALUE]...", 0, INT_MAX, run_config,
          OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    vlog_set_pattern(VLF_CONSOLE, "%p|%m");
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-netdev-match-cache", test_netdev_match_cache_main);
