/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of routing tables. */

#include <config.h>
#undef NDEBUG
#include "vrf-fib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "fatal-signal.h"
#include "hash.h"
#include "latch.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static struct vrf_prefix
prefix(const char *s, unsigned int len)
{
    enum vrf_family family;
    struct vrf_prefix p;

    ovs_assert(vrf_addr_parse(s, &family, &p.addr));
    p.addr = vrf_addr_cut(&p.addr, len);
    p.len = len;
    return p;
}

static struct vrf_route *
make_route(struct vrf_pool *pool, uint32_t metric, uint8_t tos,
           enum vrf_route_type type, uint32_t ifindex)
{
    struct vrf_route_info info;
    struct vrf_hop hop;

    memset(&info, 0, sizeof info);
    info.type = type;
    info.metric = metric;
    info.tos = tos;
    memset(&hop, 0, sizeof hop);
    hop.ifindex = ifindex;
    hop.weight = 1;
    return vrf_pool_get(pool, &info, &hop, ifindex != 0);
}

/* A model: prefixes in no order, each with one route. */

struct entry {
    struct vrf_prefix p;
    const struct vrf_route *route;
};

static const struct entry *
model_longest(const struct entry *entries, size_t n, const struct vrf_addr *a,
              unsigned int max_len)
{
    const struct entry *best = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct entry *e = &entries[i];

        if (e->p.len <= max_len && vrf_prefix_contains(&e->p, a)
            && (!best || e->p.len > best->p.len)) {
            best = e;
        }
    }
    return best;
}

/* The bits that decide: those of the longest prefix, or as many as it takes
 * not to be in any other one. */
static unsigned int
model_decided(const struct entry *entries, size_t n, const struct vrf_addr *a)
{
    unsigned int decided = 0;

    for (size_t i = 0; i < n; i++) {
        const struct vrf_prefix *p = &entries[i].p;
        unsigned int common = vrf_addr_common(&p->addr, a);

        decided = MAX(decided, common < p->len ? common + 1 : p->len);
    }
    return decided;
}

static struct vrf_addr
random_addr(enum vrf_family family, unsigned int shape)
{
    struct vrf_addr a = { random_uint64(), random_uint64() };

    switch (shape) {
    case 0:                     /* Sparse. */
        break;
    case 1:                     /* Crowded: a few bits vary. */
        a.hi &= UINT64_C(0x8007001100000000);
        a.lo = 0;
        break;
    case 2:                     /* Crowded at the end. */
        a.hi = (UINT64_C(0x0a00000000000000)
                | (family == VRF_IPV4 ? a.hi & UINT64_C(0x1f00000000) : 0));
        a.lo &= 0x1f;
        break;
    default:                    /* Crowded where 64-bit words meet. */
        a.hi = (UINT64_C(0x2001000000000000)
                | (a.hi & (family == VRF_IPV4 ? UINT64_C(0x40ff00000000)
                           : 0x1f)));
        a.lo &= UINT64_C(0xe000000000000000);
        break;
    }
    if (family == VRF_IPV4) {
        a.hi &= UINT64_C(0xffffffff00000000);
        a.lo = 0;
    }
    return a;
}

struct compare_aux {
    const struct entry *entries;
    size_t n;
    size_t seen;
    struct vrf_prefix last;
};

static bool
compare_one(const struct vrf_prefix *p, struct vrf_route *const routes[],
            size_t n, void *aux_)
{
    struct compare_aux *aux = aux_;
    size_t i;

    for (i = 0; i < aux->n; i++) {
        if (aux->entries[i].p.len == p->len
            && vrf_addr_equal(&aux->entries[i].p.addr, &p->addr)) {
            break;
        }
    }
    ovs_assert(i < aux->n && n == 1 && routes[0] == aux->entries[i].route);

    /* In order. */
    if (aux->seen++) {
        const struct vrf_prefix *l = &aux->last;

        ovs_assert(l->addr.hi < p->addr.hi
                   || (l->addr.hi == p->addr.hi
                       && (l->addr.lo < p->addr.lo
                           || (l->addr.lo == p->addr.lo && l->len < p->len))));
    }
    aux->last = *p;
    return true;
}

static void
check_whole(struct vrf_fib *fib, struct vrf_pool *pool,
            const struct entry *entries, size_t n)
{
    struct compare_aux aux = { .entries = entries, .n = n };
    struct vrf_fib *other = vrf_fib_create(vrf_fib_family(fib), pool);
    struct vrf_fib_usage a, b;

    ovs_assert(vrf_fib_for_each(fib, compare_one, &aux));
    ovs_assert(aux.seen == n);

    /* The same from scratch is the same, and has as many nodes. */
    for (size_t i = n; i > 0; i--) {
        ovs_assert(vrf_fib_add(other, &entries[i - 1].p,
                               CONST_CAST(struct vrf_route *,
                                          entries[i - 1].route),
                               VRF_FIB_LAST));
    }
    vrf_fib_get_usage(fib, &a);
    vrf_fib_get_usage(other, &b);
    ovs_assert(vrf_fib_equal(fib, other) && vrf_fib_equal(other, fib));
    ovs_assert(a.n_prefixes == n && b.n_prefixes == n);
    ovs_assert(a.n_routes == n && b.n_routes == n);
    ovs_assert(a.n_nodes == b.n_nodes);
    if (n) {
        vrf_fib_set(other, &entries[0].p, NULL, 0);
        ovs_assert(!vrf_fib_equal(fib, other));
        ovs_assert(!vrf_fib_equal(other, fib));
    }
    vrf_fib_destroy(other);
}

/* Random changes and lookups, each compared with the model. */
/* Fills in '*q' for a lookup near one of the 'n' prefixes, or anywhere. */
static void
random_query(enum vrf_family family, unsigned int shape,
             const struct entry entries[], size_t n, struct vrf_fib_query *q)
{
    memset(q, 0, sizeof *q);
    q->dst = random_addr(family, shape);
    if (n && random_range(2)) {
        /* Shares some bits with a prefix. */
        const struct vrf_addr *a = &entries[random_range(n)].p.addr;
        unsigned int keep = random_range(vrf_family_bits(family) + 1);
        struct vrf_addr head = vrf_addr_cut(a, keep);
        struct vrf_addr cut = vrf_addr_cut(&q->dst, keep);

        q->dst.hi = head.hi | (q->dst.hi ^ cut.hi);
        q->dst.lo = head.lo | (q->dst.lo ^ cut.lo);
    }
}

/* Those of a batch that have no route yet get that of a lookup of each. */
static void
check_batch(const struct vrf_fib *fib, const struct vrf_fib_query q[],
            size_t n)
{
    const struct vrf_route *routes[VRF_FIB_MAX_BATCH];
    const struct vrf_route *other = (const void *) &routes;
    uint32_t known = random_uint32() & random_uint32();
    struct vrf_addr dst[VRF_FIB_MAX_BATCH];
    uint8_t tos[VRF_FIB_MAX_BATCH];
    size_t n_left;

    for (size_t i = 0; i < n; i++) {
        routes[i] = known >> i & 1 ? other : NULL;
        dst[i] = q[i].dst;
        tos[i] = q[i].tos;
    }
    n_left = vrf_fib_routes(fib, &q[0], dst, tos, n, routes);
    for (size_t i = 0; i < n; i++) {
        ovs_assert(routes[i] == (known >> i & 1 ? other
                                 : vrf_fib_route(fib, &q[i])));
        n_left -= !routes[i];
    }
    ovs_assert(!n_left);
}

static void
run_model(enum vrf_family family, size_t n_ops, unsigned int shape,
          bool publish)
{
    enum { MAX_ENTRIES = 150, N_ROUTES = 8 };
    struct vrf_pool *pool = vrf_pool_create();
    struct vrf_fib *fib = vrf_fib_create(family, pool);
    struct vrf_route *routes[N_ROUTES];
    struct entry entries[MAX_ENTRIES];
    size_t limit = 1 + random_range(MAX_ENTRIES);
    struct vrf_pool_usage usage;
    size_t n = 0;

    /* With an index always, now and then, or never. */
    if (random_range(3)) {
        vrf_fib_index_from(fib, random_range(limit));
    }
    if (publish) {
        vrf_fib_publish(fib);
    }
    for (size_t i = 0; i < N_ROUTES; i++) {
        routes[i] = make_route(pool, 0, 0, VRF_ROUTE_UNICAST, i + 1);
    }

    for (size_t op = 0; op < n_ops; op++) {
        unsigned int what = random_range(8);

        if (what == 0 && n < limit) {
            struct vrf_route *route = routes[random_range(N_ROUTES)];
            struct entry e;
            size_t i;

            e.p.len = random_range(vrf_family_bits(family) + 1);
            if (n && random_range(2)) {
                /* Close to another one. */
                e.p.addr = entries[random_range(n)].p.addr;
            } else {
                e.p.addr = random_addr(family, shape);
            }
            e.p.addr = vrf_addr_cut(&e.p.addr, e.p.len);
            e.route = route;
            for (i = 0; i < n; i++) {
                if (entries[i].p.len == e.p.len
                    && vrf_addr_equal(&entries[i].p.addr, &e.p.addr)) {
                    break;
                }
            }
            ovs_assert(vrf_fib_add(fib, &e.p, route, VRF_FIB_REPLACE)
                       == (i == n || entries[i].route != route));
            entries[i] = e;
            n += i == n;
        } else if (what == 1 && n) {
            size_t i = random_range(n);

            ovs_assert(vrf_fib_del(fib, &entries[i].p, entries[i].route));
            entries[i] = entries[--n];
        } else if (what == 2) {
            struct vrf_fib_query q[VRF_FIB_MAX_BATCH];
            size_t n_queries = random_range(VRF_FIB_MAX_BATCH + 1);

            memset(q, 0, sizeof q);
            for (size_t i = 0; i < n_queries; i++) {
                random_query(family, shape, entries, n, &q[i]);
            }
            check_batch(fib, q, n_queries);
        } else {
            struct vrf_fib_query q;
            struct vrf_fib_result r;
            const struct entry *e;
            uint8_t len;

            random_query(family, shape, entries, n, &q);
            e = model_longest(entries, n, &q.dst, 128);
            ovs_assert(vrf_fib_lookup(fib, &q, &r) == (e != NULL));
            ovs_assert(r.route == (e ? e->route : NULL));
            ovs_assert(!e || r.len == e->p.len);
            ovs_assert(!r.used_tos);
            ovs_assert(r.decided == model_decided(entries, n, &q.dst));

            unsigned int max = random_range(vrf_family_bits(family) + 1);

            e = model_longest(entries, n, &q.dst, max);
            ovs_assert(vrf_fib_longest(fib, &q.dst, max, &len)
                       == (e ? e->route : NULL));
            ovs_assert(!e || len == e->p.len);
        }
        if (op % 4096 == 0) {
            check_whole(fib, pool, entries, n);
            ovsrcu_quiesce();
        }
    }
    check_whole(fib, pool, entries, n);

    while (n) {
        n--;
        vrf_fib_set(fib, &entries[n].p, NULL, 0);
    }

    struct vrf_fib_usage empty;

    vrf_fib_get_usage(fib, &empty);
    ovs_assert(!empty.n_nodes && !empty.n_prefixes && !empty.n_routes);
    for (size_t i = 0; i < N_ROUTES; i++) {
        vrf_pool_put(pool, routes[i]);
    }
    vrf_pool_get_usage(pool, &usage);
    ovs_assert(!usage.n_routes);
    vrf_fib_destroy(fib);
    vrf_pool_destroy(pool);
}

static void
test_model(struct ovs_cmdl_context *ctx)
{
    size_t n_ops = ctx->argc > 1 ? atoll(ctx->argv[1]) : 200000;
    size_t left = n_ops;
    unsigned int round = 0;

    random_set_seed(ctx->argc > 2 ? atoi(ctx->argv[2]) : 1);
    while (left) {
        size_t part = MIN(left, 20000);

        run_model(round & 1 ? VRF_IPV6 : VRF_IPV4, part, round / 2 % 4,
                  round / 8 % 2);
        left -= part;
        round++;
    }
    printf("%"PRIuSIZE" operations as in the model\n", n_ops);
}

/* All addresses of a small table: under the mask that decided all have the
 * same answer, and with one bit less they have not. */
static void
test_mask(struct ovs_cmdl_context *ctx)
{
    enum { BITS = 11, N = 1 << BITS };
    size_t n_tables = ctx->argc > 1 ? atoi(ctx->argv[1]) : 100;

    random_set_seed(2);
    for (size_t t = 0; t < n_tables; t++) {
        enum vrf_family family = t & 1 ? VRF_IPV6 : VRF_IPV4;
        unsigned int shift = random_range(family == VRF_IPV4 ? 22 : 54);
        struct vrf_pool *pool = vrf_pool_create();
        struct vrf_fib *fib = vrf_fib_create(family, pool);
        static struct vrf_fib_result results[N];
        static struct vrf_prefix answers[N];
        size_t n = random_range(40);

        for (size_t i = 0; i < n; i++) {
            unsigned int len = random_range(shift + BITS + 1);
            struct vrf_prefix p;
            struct vrf_route *route;

            /* All begin with zeros. */
            p.addr.hi = (uint64_t) random_range(N) << (64 - BITS - shift);
            p.addr.lo = 0;
            p.len = len;
            p.addr = vrf_addr_cut(&p.addr, len);
            route = make_route(pool, 0, 0, VRF_ROUTE_UNICAST, i + 1);
            vrf_fib_add(fib, &p, route, VRF_FIB_REPLACE);
            vrf_pool_put(pool, route);
        }
        for (size_t i = 0; i < N; i++) {
            struct vrf_fib_query q;

            memset(&q, 0, sizeof q);
            q.dst.hi = (uint64_t) i << (64 - BITS - shift);
            if (!vrf_fib_lookup(fib, &q, &results[i])) {
                results[i].len = 255;
            }
            answers[i].len = results[i].len;
            answers[i].addr = vrf_addr_cut(&q.dst, MIN(128, results[i].len));
            if (results[i].len == 255) {
                memset(&answers[i].addr, 0, sizeof answers[i].addr);
            }
        }
        for (size_t i = 0; i < N; i++) {
            unsigned int decided = results[i].decided;

            ovs_assert(decided <= shift + BITS);
            if (decided < shift) {
                continue;
            }

            size_t width = (size_t) 1 << (shift + BITS - decided);
            size_t first = i & ~(width - 1);
            bool other = false;

            for (size_t j = first; j < first + width; j++) {
                ovs_assert(answers[j].len == answers[i].len
                           && vrf_addr_equal(&answers[j].addr,
                                             &answers[i].addr));
            }
            if (decided > shift) {
                for (size_t j = first ^ width; j < (first ^ width) + width;
                     j++) {
                    other |= (answers[j].len != answers[i].len
                              || !vrf_addr_equal(&answers[j].addr,
                                                 &answers[i].addr));
                }
                ovs_assert(other);
            }
        }
        vrf_fib_destroy(fib);
        vrf_pool_destroy(pool);
    }
    printf("every mask is right and minimal\n");
}

/* Several routes of one prefix, and those that do not take a packet. */
/* By itself, and in a batch. */
static bool
lookup(const struct vrf_fib *fib, const struct vrf_fib_query *q,
       struct vrf_fib_result *r)
{
    const struct vrf_fib_query same[] = { *q, *q, *q };

    check_batch(fib, same, ARRAY_SIZE(same));
    return vrf_fib_lookup(fib, q, r);
}

static void
test_order(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_pool *pool = vrf_pool_create();
    struct vrf_fib *fib = vrf_fib_create(VRF_IPV4, pool);
    struct vrf_prefix wide = prefix("10.0.0.0", 8);
    struct vrf_prefix narrow = prefix("10.1.0.0", 16);
    struct vrf_prefix all = prefix("0.0.0.0", 0);
    struct vrf_route *r[8] = {
        make_route(pool, 100, 0, VRF_ROUTE_UNICAST, 1),
        make_route(pool, 50, 0, VRF_ROUTE_UNICAST, 2),
        make_route(pool, 200, 0x10, VRF_ROUTE_UNICAST, 3),
        make_route(pool, 50, 0, VRF_ROUTE_UNICAST, 4),
        make_route(pool, UINT32_C(4278198272), 0, VRF_ROUTE_UNREACHABLE, 0),
        make_route(pool, 0, 0, VRF_ROUTE_THROW, 0),
        make_route(pool, 100, 0, VRF_ROUTE_UNICAST, 1),
        make_route(pool, 50, 0, VRF_ROUTE_UNICAST, 5),
    };
    struct vrf_route *const *got;
    struct vrf_fib_query q;
    struct vrf_fib_result res;

    ovs_assert(r[6] == r[0]);   /* The pool has each thing once. */
    ovs_assert(vrf_route_serial(r[0]) != vrf_route_serial(r[1]));

    ovs_assert(vrf_fib_add(fib, &all, r[4], VRF_FIB_FIRST));
    ovs_assert(vrf_fib_add(fib, &wide, r[0], VRF_FIB_FIRST));
    ovs_assert(!vrf_fib_add(fib, &wide, r[0], VRF_FIB_REPLACE));
    ovs_assert(vrf_fib_add(fib, &narrow, r[0], VRF_FIB_FIRST));
    ovs_assert(vrf_fib_add(fib, &narrow, r[1], VRF_FIB_FIRST));
    ovs_assert(vrf_fib_add(fib, &narrow, r[2], VRF_FIB_FIRST));
    ovs_assert(vrf_fib_add(fib, &narrow, r[3], VRF_FIB_LAST));
    ovs_assert(vrf_fib_get(fib, &narrow, &got) == 4);
    ovs_assert(got[0] == r[2] && got[1] == r[1] && got[2] == r[3]
               && got[3] == r[0]);
    ovs_assert(vrf_fib_add(fib, &narrow, r[7], VRF_FIB_REPLACE));
    ovs_assert(vrf_fib_get(fib, &narrow, &got) == 4);
    ovs_assert(got[1] == r[7] && got[2] == r[3]);
    ovs_assert(vrf_fib_del(fib, &narrow, r[7]));
    ovs_assert(!vrf_fib_del(fib, &narrow, r[7]));
    ovs_assert(vrf_fib_add(fib, &narrow, r[1], VRF_FIB_FIRST));
    ovs_assert(!vrf_fib_add(fib, &narrow, r[3], VRF_FIB_FIRST));
    ovs_assert(vrf_fib_add(fib, &narrow, r[3], VRF_FIB_REPLACE));
    ovs_assert(vrf_fib_get(fib, &narrow, &got) == 3);
    ovs_assert(got[0] == r[2] && got[1] == r[3] && got[2] == r[0]);
    ovs_assert(vrf_fib_add(fib, &narrow, r[1], VRF_FIB_FIRST));

    memset(&q, 0, sizeof q);
    q.dst = prefix("10.1.2.3", 32).addr;
    ovs_assert(lookup(fib, &q, &res));
    ovs_assert(res.route == r[1] && res.len == 16 && res.decided == 16);
    ovs_assert(res.used_tos);
    q.tos = 0x10;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[2]);
    q.tos = 0;

    /* By its device only, in a shorter prefix if need be. */
    q.oif = 4;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[3]);
    q.oif = 1;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[0]
               && res.len == 16);
    vrf_fib_del(fib, &narrow, r[0]);
    ovs_assert(lookup(fib, &q, &res) && res.route == r[0]
               && res.len == 8 && res.decided == 16);
    q.oif = 9;
    ovs_assert(!lookup(fib, &q, &res));
    q.oif_unless_end = true;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[4]
               && res.len == 0 && res.decided == 16);
    vrf_fib_set(fib, &all, NULL, 0);
    ovs_assert(!lookup(fib, &q, &res) && !res.route
               && res.decided == 16);
    q.oif = 0;

    /* By a preferred device, among equals. */
    q.prefer = 4;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[3]);
    q.prefer = 3;
    ovs_assert(lookup(fib, &q, &res) && res.route == r[1]);
    q.prefer = 0;

    /* The other routes go nowhere, which is an answer. */
    ovs_assert(vrf_fib_add(fib, &narrow, r[5], VRF_FIB_FIRST));
    ovs_assert(lookup(fib, &q, &res) && res.route == r[5]);

    vrf_fib_destroy(fib);
    for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
        vrf_pool_put(pool, r[i]);
    }
    vrf_pool_destroy(pool);
    printf("routes are tried in order\n");
}

/* Choosing one of several hops. */

static bool
hop_not_in(const struct vrf_hop *hop, const void *aux)
{
    const uint32_t *dead = aux;

    return !(*dead & 1u << hop->ifindex);
}

static struct vrf_route *
make_ecmp(struct vrf_pool *pool, const uint32_t weights[], size_t n,
          uint32_t without)
{
    struct vrf_hop hops[VRF_MAX_HOPS];
    struct vrf_route_info info;
    size_t n_hops = 0;

    memset(&info, 0, sizeof info);
    info.type = VRF_ROUTE_UNICAST;
    memset(hops, 0, sizeof hops);
    for (size_t i = 0; i < n; i++) {
        if (!(without & 1u << i)) {
            hops[n_hops].ifindex = i;
            hops[n_hops++].weight = weights[i];
        }
    }
    return vrf_pool_get(pool, &info, hops, n_hops);
}

static void
test_ecmp(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t weights[] = { 1, 2, 3, 4, 10 };
    enum { N = ARRAY_SIZE(weights), SUM = 20, ALL = VRF_HOP_BUCKETS };
    struct vrf_pool *pool = vrf_pool_create();
    struct vrf_route *full = make_ecmp(pool, weights, N, 0);
    const struct vrf_hops *hops = vrf_route_hops(full);
    uint32_t counts[N] = { 0 };
    uint32_t none = 0;

    for (uint32_t b = 0; b < ALL; b++) {
        counts[vrf_hops_choose(hops, b, hop_not_in, &none)->ifindex]++;
        ovs_assert(vrf_hops_choose(hops, b, hop_not_in, &none)
                   == vrf_hops_choose(hops, b + ALL, hop_not_in, &none));
    }
    for (size_t i = 0; i < N; i++) {
        uint32_t fair = ALL * weights[i] / SUM;

        ovs_assert(counts[i] > fair * 3 / 4 && counts[i] < fair * 5 / 4 + 10);
    }

    /* Without some, only theirs go elsewhere, dead or not there. */
    for (uint32_t dead = 1; dead < 1u << N; dead++) {
        struct vrf_route *rest = make_ecmp(pool, weights, N, dead);

        for (uint32_t b = 0; b < ALL; b++) {
            const struct vrf_hop *was, *is, *other;

            was = vrf_hops_choose(hops, b, hop_not_in, &none);
            is = vrf_hops_choose(hops, b, hop_not_in, &dead);
            other = vrf_hops_choose(vrf_route_hops(rest), b, hop_not_in,
                                    &none);
            ovs_assert(!is == (dead == (1u << N) - 1));
            ovs_assert(!is == !other);
            if (is) {
                ovs_assert(is->ifindex == other->ifindex);
                ovs_assert(is == was || dead & 1u << was->ifindex);
            }
        }
        vrf_pool_put(pool, rest);
    }
    vrf_pool_put(pool, full);
    vrf_pool_destroy(pool);
    printf("choice is fair and resilient\n");
}

/* Next-hop objects: routes follow them. */
static void
test_nexthops(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct vrf_pool *pool = vrf_pool_create();
    const struct vrf_member members[] = { { 1, 5 }, { 2, 7 }, { 9, 1 } };
    struct vrf_hop a = { .ifindex = 11, .weight = 1 };
    struct vrf_hop b = { .ifindex = 12, .weight = 1 };
    struct vrf_route_info info;
    struct vrf_route *route, *same;
    uint64_t serial;

    memset(&info, 0, sizeof info);
    info.type = VRF_ROUTE_UNICAST;
    info.nhid = 3;
    ovs_assert(!vrf_pool_set_nexthop(pool, 1, &a));
    ovs_assert(!vrf_pool_set_nexthop(pool, 2, &b));

    /* Before the object is known, as the message says. */
    route = vrf_pool_get(pool, &info, &b, 1);
    ovs_assert(vrf_route_hops(route)->hops[0].ifindex == 12);
    ovs_assert(vrf_pool_set_group(pool, 3, members, ARRAY_SIZE(members)));
    ovs_assert(vrf_route_hops(route)->n == 2);
    ovs_assert(vrf_route_hops(route)->hops[0].ifindex == 11);
    ovs_assert(vrf_route_hops(route)->hops[1].weight == 7);
    serial = vrf_route_serial(route);
    same = vrf_pool_get(pool, &info, NULL, 0);
    ovs_assert(same == route && vrf_route_serial(route) == serial);
    vrf_pool_put(pool, same);

    a.ifindex = 13;
    ovs_assert(vrf_pool_set_nexthop(pool, 1, &a));
    ovs_assert(vrf_route_hops(route)->hops[0].ifindex == 13);
    ovs_assert(vrf_route_serial(route) != serial);
    ovs_assert(!vrf_pool_set_nexthop(pool, 1, &a));
    ovs_assert(!vrf_pool_set_nexthop(pool, 7, &a));
    vrf_pool_mark(pool);
    vrf_pool_set_nexthop(pool, 1, &a);
    vrf_pool_set_group(pool, 3, members, ARRAY_SIZE(members));
    ovs_assert(vrf_pool_sweep(pool));
    ovs_assert(vrf_route_hops(route)->n == 1);
    ovs_assert(vrf_pool_del_nexthop(pool, 3));
    ovs_assert(!vrf_pool_del_nexthop(pool, 3));
    ovs_assert(!vrf_route_hops(route)->n);
    vrf_pool_put(pool, route);
    vrf_pool_destroy(pool);
    printf("routes follow next-hop objects\n");
}

/* Readers beside the writer: what is not changed is always found. */

struct churn {
    struct vrf_fib *fib;
    const struct vrf_route *kept;
    struct latch stop;
};

static struct vrf_prefix
kept_prefix(enum vrf_family family, unsigned int i)
{
    struct vrf_prefix p;

    p.len = family == VRF_IPV4 ? 20 + i % 13 : 40 + i % 89;
    p.addr.hi = (uint64_t) hash_int(i, 0) << 32;
    p.addr.lo = 0;
    p.addr = vrf_addr_cut(&p.addr, p.len);
    return p;
}

static void
read_batch(const struct vrf_fib *fib, enum vrf_family family)
{
    const struct vrf_route *routes[VRF_FIB_MAX_BATCH] = { NULL };
    const uint8_t tos[VRF_FIB_MAX_BATCH] = { 0 };
    struct vrf_addr dst[VRF_FIB_MAX_BATCH];
    struct vrf_fib_query q;

    memset(&q, 0, sizeof q);
    for (unsigned int i = 0; i < VRF_FIB_MAX_BATCH; i++) {
        dst[i] = kept_prefix(family, i).addr;
    }
    ovs_assert(!vrf_fib_routes(fib, &q, dst, tos, VRF_FIB_MAX_BATCH, routes));
    for (unsigned int i = 0; i < VRF_FIB_MAX_BATCH; i++) {
        ovs_assert(routes[i]->info.type == VRF_ROUTE_UNICAST);
    }
}

static void *
reader(void *churn_)
{
    struct churn *c = churn_;
    enum vrf_family family = vrf_fib_family(c->fib);

    while (!latch_is_set(&c->stop)) {
        for (unsigned int i = 0; i < 100; i++) {
            struct vrf_prefix p = kept_prefix(family, i);
            struct vrf_fib_query q;
            struct vrf_fib_result r;

            memset(&q, 0, sizeof q);
            q.dst = p.addr;
            ovs_assert(vrf_fib_lookup(c->fib, &q, &r));
            ovs_assert(r.decided >= r.len && r.len >= p.len);
            ovs_assert(r.len > p.len || r.route == c->kept);
            ovs_assert(r.route->info.type == VRF_ROUTE_UNICAST);
        }
        read_batch(c->fib, family);
        ovsrcu_quiesce();
    }
    return NULL;
}

static void
test_threads(struct ovs_cmdl_context *ctx)
{
    size_t n_ops = ctx->argc > 1 ? atoi(ctx->argv[1]) : 100000;

    for (int family = 0; family < VRF_N_FAMILIES; family++) {
        enum { N_READERS = 2, N_ROUTES = 4 };
        struct vrf_pool *pool = vrf_pool_create();
        struct vrf_route *routes[N_ROUTES];
        pthread_t threads[N_READERS];
        struct churn c;

        c.fib = vrf_fib_create(family, pool);
        vrf_fib_index_from(c.fib, 1000);
        for (size_t i = 0; i < N_ROUTES; i++) {
            routes[i] = make_route(pool, i, 0, VRF_ROUTE_UNICAST, i + 1);
        }
        c.kept = routes[0];
        for (unsigned int i = 0; i < 100; i++) {
            struct vrf_prefix p = kept_prefix(family, i);

            vrf_fib_add(c.fib, &p, routes[0], VRF_FIB_FIRST);
        }
        vrf_fib_publish(c.fib);
        latch_init(&c.stop);
        for (size_t i = 0; i < N_READERS; i++) {
            threads[i] = ovs_thread_create("reader", reader, &c);
        }
        for (size_t op = 0; op < n_ops; op++) {
            /* Others come and go, above, below and beside them, and others
             * of the same prefix behind them. */
            struct vrf_prefix p = kept_prefix(family, random_range(100));
            struct vrf_route *route = routes[1 + random_range(N_ROUTES - 1)];

            if (random_range(3)) {
                unsigned int bits = vrf_family_bits(family);
                struct vrf_addr other = { random_uint64(), random_uint64() };
                unsigned int keep = random_range(bits + 1);

                p.addr = vrf_addr_cut(&p.addr, keep);
                other.hi &= ~vrf_addr_cut(&(struct vrf_addr) {
                    UINT64_MAX, UINT64_MAX }, keep).hi;
                other.lo &= ~vrf_addr_cut(&(struct vrf_addr) {
                    UINT64_MAX, UINT64_MAX }, keep).lo;
                p.addr.hi |= other.hi;
                p.addr.lo |= other.lo;
                p.len = random_range(bits + 1);
                p.addr = vrf_addr_cut(&p.addr, p.len);
            }
            if (random_range(2)) {
                vrf_fib_add(c.fib, &p, route, VRF_FIB_LAST);
            } else {
                vrf_fib_del(c.fib, &p, route);
            }
            if (op % 64 == 0) {
                ovsrcu_quiesce();
            }
        }
        latch_set(&c.stop);
        for (size_t i = 0; i < N_READERS; i++) {
            xpthread_join(threads[i], NULL);
        }
        latch_destroy(&c.stop);
        vrf_fib_destroy(c.fib);
        for (size_t i = 0; i < N_ROUTES; i++) {
            vrf_pool_put(pool, routes[i]);
        }
        vrf_pool_destroy(pool);
    }
    printf("%"PRIuSIZE" changes, every lookup right\n", n_ops);
}

static void
test_vrf_fib_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"model", "[OPS [SEED]]", 0, 2, test_model, OVS_RO},
        {"mask", "[TABLES]", 0, 1, test_mask, OVS_RO},
        {"order", NULL, 0, 0, test_order, OVS_RO},
        {"ecmp", NULL, 0, 0, test_ecmp, OVS_RO},
        {"nexthops", NULL, 0, 0, test_nexthops, OVS_RO},
        {"threads", "[CHANGES]", 0, 1, test_threads, OVS_RO},
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

OVSTEST_REGISTER("test-vrf-fib", test_vrf_fib_main);
