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
    const struct vrf_addr *addr;
    const struct node *node;    /* That has been asked for. */
    const slot_t *slot;         /* Of the next one, likewise. */
    const slot_t *longest;      /* What the longest prefix so far has. */
    unsigned int base;
    unsigned int query;         /* Its number. */
};

/* Looks at the node that came and asks for its slots of the child and of the
 * longest prefix.  Returns false at the end of the chain. */
static inline ALWAYS_INLINE bool
ask_for_slots(struct chain *c)
{
    const struct node *node = c->node;
    unsigned int v = chunk(c->addr, c->base);
    uint64_t hits = node->prefixes & cover[v];

    if (hits) {
        c->longest = &node->slots[prefix_index(node, 63 - raw_clz64(hits))];
        OVS_PREFETCH(c->longest);
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
ask_for_node(const struct vrf_fib *fib, struct chain *c)
{
    const void *p = slot_get(c->slot);

    if (!p) {
        return false;
    }
    c->base += NODE_BITS;
    c->node = untag(p);
    if (is_tagged(p)) {
        struct vrf_addr key;

        /* The key is in front of the node, most often in the same line. */
        c->base = header_get(fib->family, c->node, &key);
        if (vrf_addr_common(&key, c->addr) < c->base) {
            return false;
        }
    }
    OVS_PREFETCH(c->node);
    return true;
}

/* Finds the slots of the longest prefixes, for queries without a route. */
static inline ALWAYS_INLINE void
find_longest(const struct vrf_fib *fib, const struct vrf_fib_query queries[],
             size_t n_queries, const struct vrf_route *const routes[],
             const slot_t *longest[])
{
    struct chain chains[VRF_FIB_MAX_BATCH];
    size_t n = 0;

    for (size_t i = 0; i < n_queries; i++) {
        struct chain *c = &chains[n];

        if (routes[i]) {
            continue;
        }
        longest[i] = &fib->none;
        c->addr = &queries[i].dst;
        c->slot = &fib->roots[c->addr->hi >> 63];
        c->longest = &fib->none;
        c->base = 1 - NODE_BITS;
        c->query = i;
        n += ask_for_node(fib, c);
    }
    while (n) {
        size_t left = 0;

        for (size_t i = 0; i < n; i++) {
            struct chain c = chains[i];

            if (ask_for_slots(&c)) {
                chains[left++] = c;
            } else {
                longest[c.query] = c.longest;
            }
        }
        n = left;
        left = 0;
        for (size_t i = 0; i < n; i++) {
            struct chain c = chains[i];

            if (ask_for_node(fib, &c)) {
                chains[left++] = c;
            } else {
                longest[c.query] = c.longest;
            }
        }
        n = left;
    }
}

#if defined __x86_64__ && !defined __POPCNT__
/* Most of the work is to count bits, for which most processors have an
 * instruction; the compiler knows it in popcount(). */
__attribute__((target("popcnt")))
static void
find_longest_popcnt(const struct vrf_fib *fib,
                    const struct vrf_fib_query queries[], size_t n,
                    const struct vrf_route *const routes[],
                    const slot_t *longest[])
{
    find_longest(fib, queries, n, routes, longest);
}

static bool
has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}
#else
#define find_longest_popcnt find_longest

static bool
has_popcnt(void)
{
    return false;
}
#endif

void
vrf_fib_routes(const struct vrf_fib *fib, const struct vrf_fib_query queries[],
               size_t n, const struct vrf_route *routes[])
{
    const slot_t *longest[VRF_FIB_MAX_BATCH];

    ovs_assert(n <= VRF_FIB_MAX_BATCH);
    if (has_popcnt()) {
        find_longest_popcnt(fib, queries, n, routes, longest);
    } else {
        find_longest(fib, queries, n, routes, longest);
    }
    for (size_t i = 0; i < n; i++) {
        bool used_tos;

        if (!routes[i]) {
            routes[i] = vrf_fib_first(slot_get(longest[i]), &queries[i],
                                      &used_tos);
            if (OVS_UNLIKELY(!routes[i]) && longest[i] != &fib->none) {
                routes[i] = vrf_fib_route(fib, &queries[i]);
            }
        }
    }
}
