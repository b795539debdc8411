/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-vrf 4|6 ROUTES LOOKUPS
 *
 * A routing table of ROUTES prefixes, distributed over lengths somewhat like
 * those of the Internet: what it costs to load it, in time and memory, to look
 * up random addresses that it has routes for, and to change one route. */

#include <config.h>
#include "bench.h"

#include <inttypes.h>
#include <malloc.h>

#include "hash.h"
#include "ovs-rcu.h"
#include "random.h"
#include "vrf-arena.h"
#include "vrf-fib.h"

static enum vrf_family family;
static uint32_t n_routes;
static uint32_t n_lookups;
static struct vrf_prefix *prefixes;
static struct vrf_addr *addrs;

enum { N_ADDRS = 1 << 20 };

static struct vrf_prefix
random_prefix(void)
{
    static const uint8_t lens4[] = {
        24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 17, 16, 24,
    };
    static const uint8_t lens6[] = {
        48, 48, 48, 48, 48, 48, 48, 32, 32, 40, 44, 44, 36, 46, 29, 64,
    };
    struct vrf_prefix p;

    if (family == VRF_IPV4) {
        p.len = lens4[random_range(ARRAY_SIZE(lens4))];
        p.addr.hi = (uint64_t) (UINT32_C(0x01000000)
                                + random_range(0xdeffffff)) << 32;
    } else {
        /* Below one of 30,000 allocations, each a /29. */
        uint64_t block = hash_int(random_range(30000), 1);

        p.len = lens6[random_range(ARRAY_SIZE(lens6))];
        p.addr.hi = (UINT64_C(0x2000000000000000)
                     | (block & 0x3ffffff) << 35
                     | (random_uint64() & UINT64_C(0x7ffffffff)));
    }
    p.addr.lo = 0;
    p.addr = vrf_addr_cut(&p.addr, p.len);
    return p;
}

static size_t
heap(void)
{
    struct mallinfo2 m = mallinfo2();
    struct vrf_arena_usage arena;

    vrf_arena_get_usage(&arena);
    return m.uordblks + m.hblkhd + arena.bytes;
}

static double
share(uint64_t start, size_t n)
{
    return (double) (bench_cpu_ns() - start) / n;
}

static void
make_input(void)
{
    prefixes = xmalloc(n_routes * sizeof *prefixes);
    addrs = xmalloc(N_ADDRS * sizeof *addrs);
    for (size_t i = 0; i < n_routes; i++) {
        prefixes[i] = random_prefix();
    }
    for (size_t i = 0; i < N_ADDRS; i++) {
        const struct vrf_prefix *p = &prefixes[random_range(n_routes)];
        struct vrf_addr low = { random_uint64(), 0 };
        struct vrf_addr cut = vrf_addr_cut(&low, p->len);

        addrs[i].hi = p->addr.hi | (low.hi ^ cut.hi);
        addrs[i].lo = 0;
        if (family == VRF_IPV4) {
            addrs[i].hi &= UINT64_C(0xffffffff00000000);
        }
    }
}

static void
bench_table(void)
{
    enum { N_HOPS = 64, N_CHANGES = 100000 };
    struct vrf_pool *pool = vrf_pool_create();
    struct vrf_route *routes[N_HOPS];
    struct vrf_fib_usage usage;
    struct vrf_fib *fib, *live;
    size_t before = heap();
    size_t found = 0;
    double load, live_load, change, mask, plain, dependent;
    size_t bytes;
    uint64_t start;

    for (size_t i = 0; i < N_HOPS; i++) {
        struct vrf_route_info info;
        struct vrf_hop hop;

        memset(&info, 0, sizeof info);
        info.type = VRF_ROUTE_UNICAST;
        memset(&hop, 0, sizeof hop);
        hop.ifindex = 1 + i;
        hop.weight = 1;
        routes[i] = vrf_pool_get(pool, &info, &hop, 1);
    }

    start = bench_cpu_ns();
    fib = vrf_fib_create(family, pool);
    for (size_t i = 0; i < n_routes; i++) {
        vrf_fib_add(fib, &prefixes[i], routes[i % N_HOPS], VRF_FIB_REPLACE);
    }
    vrf_fib_publish(fib);
    load = share(start, 1) / 1e6;
    bytes = heap() - before;
    vrf_fib_get_usage(fib, &usage);

    /* The same one by one, while others may look. */
    start = bench_cpu_ns();
    live = vrf_fib_create(family, pool);
    vrf_fib_publish(live);
    for (size_t i = 0; i < n_routes; i++) {
        vrf_fib_add(live, &prefixes[i], routes[i % N_HOPS], VRF_FIB_REPLACE);
        if (i % 1024 == 0) {
            ovsrcu_quiesce();
        }
    }
    live_load = share(start, 1) / 1e6;
    vrf_fib_destroy(live);
    ovsrcu_quiesce();

    struct vrf_fib_query q;
    struct vrf_fib_result r;

    memset(&q, 0, sizeof q);
    start = bench_cpu_ns();
    for (size_t i = 0; i < n_lookups; i++) {
        q.dst = addrs[i % N_ADDRS];
        found += vrf_fib_lookup(fib, &q, &r);
    }
    mask = share(start, n_lookups);

    uint8_t len;

    start = bench_cpu_ns();
    for (size_t i = 0; i < n_lookups; i++) {
        found += vrf_fib_longest(fib, &addrs[i % N_ADDRS], 128, &len) != NULL;
    }
    plain = share(start, n_lookups);

    size_t next = 0;

    start = bench_cpu_ns();
    for (size_t i = 0; i < n_lookups; i++) {
        found += vrf_fib_longest(fib, &addrs[next], 128, &len) != NULL;
        next = (next + 12289 + len) % N_ADDRS;
    }
    dependent = share(start, n_lookups);
    ovs_assert(found == 3 * (size_t) n_lookups);

    start = bench_cpu_ns();
    for (size_t i = 0; i < N_CHANGES; i++) {
        struct vrf_prefix p = random_prefix();

        if (vrf_fib_add(fib, &p, routes[0], VRF_FIB_LAST)) {
            vrf_fib_del(fib, &p, routes[0]);
        }
        if (i % 256 == 0) {
            ovsrcu_quiesce();
        }
    }
    change = share(start, 2 * N_CHANGES);

    printf("{\"load_ms\": %.3f, \"live_load_ms\": %.3f, "
           "\"bytes_per_route\": %.2f, \"counted_per_route\": %.2f, "
           "\"prefixes\": %"PRIuSIZE", \"nodes\": %"PRIuSIZE", "
           "\"lookup_ns\": %.2f, \"longest_ns\": %.2f, "
           "\"dependent_ns\": %.2f, \"change_us\": %.3f}\n",
           load, live_load, (double) bytes / usage.n_prefixes,
           (double) usage.bytes / usage.n_prefixes, usage.n_prefixes,
           usage.n_nodes, mask, plain, dependent, change / 1000);
}

int
main(int argc, char *argv[])
{
    set_program_name(argv[0]);
    if (argc != 4) {
        ovs_fatal(0, "usage: %s 4|6 ROUTES LOOKUPS", program_name);
    }
    family = bench_number(argv[1], "family", 6) == 6 ? VRF_IPV6 : VRF_IPV4;
    n_routes = bench_number(argv[2], "number of routes", 10000000);
    n_lookups = bench_number(argv[3], "number of lookups", 1000000000);
    random_set_seed(1);
    make_input();
    bench_table();
    return 0;
}
