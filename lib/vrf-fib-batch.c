/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-fib.h"

#include "util.h"
#include "vrf-fib-node.h"

/* A lookup in a large table is a chain of nodes each of which is a wait for
 * memory, and what is to be fetched next is in it.  The chains of several
 * lookups have nothing to do with each other: here they go on by turns, so
 * that the waits are at the same time. */

struct chain {
    union {                     /* What has been asked for. */
        const struct node *node;
        const slot_t *slot;     /* Of the next one. */
    };
    unsigned int base;
};

/* Those of a batch, by number of the query. */
struct chains {
    struct chain of[VRF_FIB_MAX_BATCH];
    const slot_t *longest[VRF_FIB_MAX_BATCH]; /* What the longest prefix so far
                                               * has. */
    uint8_t going[VRF_FIB_MAX_BATCH]; /* Numbers of those that go on. */
    size_t n;
};

/* Looks at the node that came and asks for its slots of the child and of the
 * longest prefix.  Returns false at the end of the chain. */
static inline ALWAYS_INLINE bool
ask_for_slots(enum vrf_family family, struct chain *c,
              const struct vrf_addr *dst, const slot_t **longest)
{
    const struct node *node = c->node;
    unsigned int v = (family == VRF_IPV4
                      ? dst->hi >> (64 - NODE_BITS - c->base) & 63
                      : chunk(dst, c->base));
    uint64_t hits = node->prefixes & cover[v];

    if (hits) {
        *longest = &node->slots[prefix_index(node, 63 - raw_clz64(hits))];
        OVS_PREFETCH(*longest);
    }
    if (!(node->children & bit(v))) {
        return false;
    }
    c->slot = &node->slots[child_index(node, v)];
    OVS_PREFETCH(c->slot);
    return true;
}

/* Looks at the slot that came and asks for the node. */
static inline ALWAYS_INLINE bool
ask_for_node(enum vrf_family family, struct chain *c,
             const struct vrf_addr *dst)
{
    const void *p = slot_get(c->slot);

    if (!p) {
        return false;
    }
    c->base += NODE_BITS;
    c->node = untag(p);
    OVS_PREFETCH(c->node);
    if (is_tagged(p)) {
        struct vrf_addr key;

        /* The key is in front of the node, most often in the same line. */
        c->base = header_get(family, c->node, &key);
        return vrf_addr_common(&key, dst) >= c->base;
    }
    return true;
}

/* Has the chains go on to their ends. */
static inline ALWAYS_INLINE void
follow(enum vrf_family family, const struct vrf_addr dst[],
       struct chains *chains)
{
    size_t n = chains->n;

    while (n) {
        size_t left = 0;

        for (size_t i = 0; i < n; i++) {
            unsigned int j = chains->going[i];

            chains->going[left] = j;
            left += ask_for_node(family, &chains->of[j], &dst[j]);
        }
        n = left;
        left = 0;
        for (size_t i = 0; i < n; i++) {
            unsigned int j = chains->going[i];

            chains->going[left] = j;
            left += ask_for_slots(family, &chains->of[j], &dst[j],
                                  &chains->longest[j]);
        }
        n = left;
    }
}

/* Finds the slots of the longest prefixes, for queries without a route. */
static inline ALWAYS_INLINE void
find_longest(const struct vrf_fib *fib, enum vrf_family family,
             const struct vrf_addr dst[], size_t n_queries,
             const struct vrf_route *const routes[], struct chains *chains)
{
    const struct index *index = ovsrcu_get(struct index *, &fib->index);

    chains->n = 0;
    for (size_t i = 0; i < n_queries; i++) {
        struct chain *c = &chains->of[i];

        chains->longest[i] = &fib->none;
        if (index) {
            c->slot = index_slot(index, &dst[i]);
            c->base = INDEX_BITS - NODE_BITS;
            OVS_PREFETCH(c->slot);
        } else {
            c->slot = &fib->roots[dst[i].hi >> 63];
            c->base = 1 - NODE_BITS;
        }
        chains->going[chains->n] = i;
        chains->n += !routes[i];
    }
    follow(family, dst, chains);
    if (!index) {
        return;
    }

    /* Prefixes that are too short for the index. */
    chains->n = 0;
    for (size_t i = 0; i < n_queries; i++) {
        if (OVS_UNLIKELY(chains->longest[i] == &fib->none) && !routes[i]) {
            struct chain *c = &chains->of[i];

            c->slot = &fib->roots[dst[i].hi >> 63];
            c->base = 1 - NODE_BITS;
            chains->going[chains->n++] = i;
        }
    }
    follow(family, dst, chains);
}

static inline ALWAYS_INLINE void
find_longest_any(const struct vrf_fib *fib, const struct vrf_addr dst[],
                 size_t n, const struct vrf_route *const routes[],
                 struct chains *chains)
{
    if (fib->family == VRF_IPV4) {
        find_longest(fib, VRF_IPV4, dst, n, routes, chains);
    } else {
        find_longest(fib, VRF_IPV6, dst, n, routes, chains);
    }
}

static void
find_longest_plain(const struct vrf_fib *fib, const struct vrf_addr dst[],
                   size_t n, const struct vrf_route *const routes[],
                   struct chains *chains)
{
    find_longest_any(fib, dst, n, routes, chains);
}

#if defined __x86_64__ && !defined __POPCNT__
/* Most of the work is to count bits, for which most processors have an
 * instruction; the compiler knows it in popcount(). */
__attribute__((target("popcnt")))
static void
find_longest_popcnt(const struct vrf_fib *fib, const struct vrf_addr dst[],
                    size_t n, const struct vrf_route *const routes[],
                    struct chains *chains)
{
    find_longest_any(fib, dst, n, routes, chains);
}

static bool
has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}
#else
#define find_longest_popcnt find_longest_plain

static bool
has_popcnt(void)
{
    return false;
}
#endif

/* vrf_fib_first(), with the most common answer decided here. */
static inline const struct vrf_route *
first(void *value, const struct vrf_fib_query *q)
{
    bool used_tos;

    if (OVS_LIKELY(value && !is_tagged(value) && !q->oif && !q->usable)) {
        const struct vrf_route *route = value;
        const struct vrf_hops *hops = vrf_route_hops(route);

        if (OVS_LIKELY(vrf_route_type_delivers(route->info.type)
                       && !route->info.tos && hops->n
                       && !(hops->hops[0].flags & VRF_HOP_DEAD))) {
            return route;
        }
    }
    return vrf_fib_first(value, q, &used_tos);
}

size_t
vrf_fib_routes(const struct vrf_fib *fib, const struct vrf_fib_query *q_,
               const struct vrf_addr dst[], const uint8_t tos[], size_t n,
               const struct vrf_route *routes[])
{
    struct vrf_fib_query q = *q_;
    struct chains chains;
    size_t n_left = 0;

    ovs_assert(n <= VRF_FIB_MAX_BATCH);
    if (has_popcnt()) {
        find_longest_popcnt(fib, dst, n, routes, &chains);
    } else {
        find_longest_plain(fib, dst, n, routes, &chains);
    }
    for (size_t i = 0; i < n; i++) {
        if (!routes[i]) {
            q.tos = tos[i];
            routes[i] = first(slot_get(chains.longest[i]), &q);
            if (OVS_UNLIKELY(!routes[i]) && chains.longest[i] != &fib->none) {
                q.dst = dst[i];
                routes[i] = vrf_fib_route(fib, &q);
            }
            n_left += !routes[i];
        }
    }
    return n_left;
}
