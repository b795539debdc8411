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
    unsigned int base;
};

/* Looks at the node that came and asks for its slot of the child.  Returns
 * false at the end of the chain. */
static inline bool
ask_for_slot(struct chain *c)
{
    const struct node *node = c->node;
    unsigned int v = chunk(c->addr, c->base);
    uint64_t hits = node->prefixes & cover[v];

    if (hits) {
        unsigned int b = 63 - raw_clz64(hits);

        OVS_PREFETCH(&node->slots[prefix_index(node, b)]);
    }
    if (!(node->children & bit(v))) {
        return false;
    }
    c->slot = &node->slots[child_index(node, v)];
    OVS_PREFETCH(c->slot);
    return true;
}

/* Looks at the slot that came and asks for the node. */
static inline bool
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

void
vrf_fib_fetch(const struct vrf_fib *fib, const struct vrf_addr *const addrs[],
              size_t n_addrs)
{
    struct chain chains[VRF_FIB_MAX_FETCH];
    bool is_large;
    size_t n = 0;

    ovs_assert(n_addrs <= VRF_FIB_MAX_FETCH);
    atomic_read_relaxed(&CONST_CAST(struct vrf_fib *, fib)->is_large,
                        &is_large);
    if (!is_large || n_addrs < 2) {
        return;
    }
    for (size_t i = 0; i < n_addrs; i++) {
        struct chain *c = &chains[n];

        c->addr = addrs[i];
        c->slot = &fib->roots[addrs[i]->hi >> 63];
        c->base = 1 - NODE_BITS;
        n += ask_for_node(fib, c);
    }
    while (n) {
        size_t left = 0;

        for (size_t i = 0; i < n; i++) {
            chains[left] = chains[i];
            left += ask_for_slot(&chains[left]);
        }
        n = left;
        left = 0;
        for (size_t i = 0; i < n; i++) {
            chains[left] = chains[i];
            left += ask_for_node(fib, &chains[left]);
        }
        n = left;
    }
}
