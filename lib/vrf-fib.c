/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-fib.h"

#include <stdlib.h>

#include "ovs-rcu.h"
#include "util.h"
#include "vrf-arena.h"
#include "vrf-fib-node.h"

/* Prefixes from which on a table has an index, which is 64 kB. */
#define INDEX_FROM 8192

/* In how many of the first bits does an address with the six bits 'v' have to
 * be like 'v' so that nothing in 'node' comes into question for it that does
 * not for 'v'?  0 to 6.
 *
 * That is one more than in how many bits it is like 'v' what is most like 'v'
 * among the children and prefixes that do not contain 'v'. */
static unsigned int
node_decides(const struct node *node, unsigned int v)
{
    uint64_t children = node->children & ~bit(v);
    uint64_t prefixes = node->prefixes & ~cover[v];

    if (!(children | prefixes)) {
        return 0;
    }
    for (unsigned int d = NODE_BITS; d > 0; d--) {
        /* What is like 'v' in d - 1 bits but not in d. */
        unsigned int x = v >> (NODE_BITS - d) ^ 1;
        unsigned int width = 1u << (NODE_BITS - d);

        if (children >> x * width & (bit(width - 1) | below(width - 1))) {
            return d;
        }
        for (unsigned int r = d; r < NODE_BITS; r++) {
            width = 1u << (r - d);
            if (prefixes >> (1u << r | x << (r - d))
                & (bit(width - 1) | below(width - 1))) {
                return d;
            }
        }
    }
    OVS_NOT_REACHED();
}

static void
header_set(enum vrf_family family, struct node *node,
           const struct vrf_addr *key, unsigned int base)
{
    struct vrf_addr cut = vrf_addr_cut(key, base);

    if (family == VRF_IPV4) {
        header4_of(node)->hi_and_base = cut.hi | base;
    } else {
        *header6_of(node) = (struct header6) { base, cut.hi, cut.lo };
    }
}

/* What the prefixes have. */

static inline size_t
value_routes(void *const *value, struct vrf_route *const **routes)
{
    if (!*value) {
        *routes = NULL;
        return 0;
    } else if (is_tagged(*value)) {
        const struct route_list *list = untag(*value);

        *routes = list->routes;
        return list->n;
    }
    *routes = (struct vrf_route *const *) value;
    return 1;
}

/* Readers. */

struct longest {
    void *value;                /* Null if there is none. */
    unsigned int len;
};

/* Finds the longest prefix that contains 'a' and has 'max_len' bits at most.
 * Returns how many bits decided that, if the caller wants to know. */
static inline unsigned int
find_longest(const struct vrf_fib *fib, const struct vrf_addr *a,
             unsigned int max_len, bool want_decided, struct longest *found)
{
    unsigned int side = a->hi >> 63;
    const void *p = slot_get(&fib->roots[side]);
    const struct node *best = NULL;
    unsigned int best_base = 0;
    unsigned int decided = 0;
    unsigned int base = 1;
    uint64_t best_hits = 0;

    if (!p && want_decided) {
        decided = slot_get(&fib->roots[!side]) != NULL;
    }
    while (p) {
        const struct node *node = untag(p);

        if (is_tagged(p)) {
            struct vrf_addr key;
            unsigned int common;

            base = header_get(fib->family, node, &key);
            common = vrf_addr_common(&key, a);
            if (common < base) {
                decided = common + 1;
                break;
            }
        }
        if (base > max_len) {
            break;
        }

        unsigned int v = chunk(a, base);
        uint64_t hits = node->prefixes & cover[v];

        if (max_len - base < NODE_BITS - 1) {
            hits &= below(2u << (max_len - base));
        }
        if (hits) {
            best = node;
            best_base = base;
            best_hits = hits;
        }
        if (!(node->children & bit(v))) {
            if (want_decided) {
                unsigned int d = node_decides(node, v);

                decided = d ? base + d : 0;
            }
            break;
        }
        p = slot_get(&node->slots[child_index(node, v)]);
        base += NODE_BITS;
    }

    if (best) {
        unsigned int b = 63 - raw_clz64(best_hits);

        found->value = slot_get(&best->slots[prefix_index(best, b)]);
        found->len = best_base + log_2_floor(b);
    } else {
        found->value = slot_get(&fib->none);
        found->len = 0;
    }
    return MAX(decided, found->len);
}

bool
vrf_route_takes(const struct vrf_route *route, const struct vrf_fib_query *q)
{
    const struct vrf_hops *hops;

    if (!vrf_route_type_delivers(route->info.type)) {
        return !q->oif || q->oif_unless_end;
    }
    hops = vrf_route_hops(route);
    for (size_t i = 0; i < hops->n; i++) {
        const struct vrf_hop *hop = &hops->hops[i];

        if (hop->flags & VRF_HOP_BLACKHOLE) {
            return true;
        }
        if ((!q->oif || hop->ifindex == q->oif)
            && (q->usable ? q->usable(hop, q->aux)
                : !(hop->flags & VRF_HOP_DEAD))) {
            return true;
        }
    }
    return false;
}

const struct vrf_route *
vrf_fib_first(void *value, const struct vrf_fib_query *q, bool *used_tos)
{
    struct vrf_route *const *routes;
    size_t n = value_routes(&value, &routes);
    const struct vrf_route *best = NULL;

    for (size_t i = 0; i < n; i++) {
        uint8_t tos = routes[i]->info.tos;

        if (best && (tos != best->info.tos
                     || routes[i]->info.metric != best->info.metric)) {
            break;
        }
        *used_tos |= tos != 0;
        if ((tos && tos != q->tos) || !vrf_route_takes(routes[i], q)) {
            continue;
        }
        if (!q->prefer || vrf_route_is_by(routes[i], q->prefer)) {
            return routes[i];
        } else if (!best) {
            best = routes[i];
        }
    }
    return best;
}

static inline bool
lookup(const struct vrf_fib *fib, const struct vrf_fib_query *q,
       bool want_decided, struct vrf_fib_result *result)
{
    struct longest found;

    result->used_tos = false;
    result->decided = find_longest(fib, &q->dst, 128, want_decided, &found);
    for (;;) {
        result->len = found.len;
        result->route = vrf_fib_first(found.value, q, &result->used_tos);
        if (result->route) {
            return true;
        } else if (!found.len) {
            return false;
        }
        find_longest(fib, &q->dst, found.len - 1, false, &found);
    }
}

bool
vrf_fib_lookup(const struct vrf_fib *fib, const struct vrf_fib_query *q,
               struct vrf_fib_result *result)
{
    return lookup(fib, q, true, result);
}

const struct vrf_route *
vrf_fib_route(const struct vrf_fib *fib, const struct vrf_fib_query *q)
{
    struct vrf_fib_result result;

    return lookup(fib, q, false, &result) ? result.route : NULL;
}

const struct vrf_route *
vrf_fib_longest(const struct vrf_fib *fib, const struct vrf_addr *dst,
                unsigned int max_len, uint8_t *len)
{
    struct vrf_route *const *routes;
    struct longest found;

    find_longest(fib, dst, max_len, false, &found);
    *len = found.len;
    return value_routes(&found.value, &routes) ? routes[0] : NULL;
}

/* Finds the slot of prefix 'p', null if it is not there. */
static const slot_t *
find_slot(const struct vrf_fib *fib, const struct vrf_prefix *p)
{
    unsigned int base = 1;
    unsigned int target;
    const void *child;

    if (!p->len) {
        return &fib->none;
    }
    target = base_of(p->len);
    child = slot_get(&fib->roots[p->addr.hi >> 63]);
    while (child) {
        const struct node *node = untag(child);

        if (is_tagged(child)) {
            struct vrf_addr key;

            base = header_get(fib->family, node, &key);
            if (base > target || vrf_addr_common(&key, &p->addr) < base) {
                return NULL;
            }
        }
        if (base == target) {
            unsigned int b = prefix_bit(p, base);

            return (node->prefixes & bit(b)
                    ? &node->slots[prefix_index(node, b)] : NULL);
        }

        unsigned int v = chunk(&p->addr, base);

        if (!(node->children & bit(v))) {
            return NULL;
        }
        child = slot_get(&node->slots[child_index(node, v)]);
        base += NODE_BITS;
    }
    return NULL;
}

struct walk {
    enum vrf_family family;
    vrf_fib_cb *cb;
    void *aux;
};

static bool
walk_value(const struct walk *w, const slot_t *slot, const struct vrf_addr *a,
           unsigned int len)
{
    const struct vrf_prefix p = { vrf_addr_cut(a, len), len };
    struct vrf_route *const *routes;
    void *value = slot_get(slot);
    size_t n = value_routes(&value, &routes);

    return !n || w->cb(&p, routes, n, w->aux);
}

/* 'a' with the 'n' bits 'v' from bit 'base' on; they were zero, and so is
 * everything behind them. */
static struct vrf_addr
with_bits(const struct vrf_addr *a, unsigned int base, unsigned int v,
          unsigned int n)
{
    struct vrf_addr x = *a;

    for (unsigned int i = 0; i < n; i++) {
        if (v >> (n - 1 - i) & 1) {
            unsigned int at = base + i;

            if (at < 64) {
                x.hi |= bit(63 - at);
            } else {
                x.lo |= bit(127 - at);
            }
        }
    }
    return x;
}

/* 'a' is what all in the node have in common, 'base' bits. */
static bool
walk_node(const struct walk *w, const void *p, unsigned int base,
          const struct vrf_addr *a_)
{
    const struct node *node = untag(p);
    struct vrf_addr a = *a_;

    if (is_tagged(p)) {
        base = header_get(w->family, node, &a);
    }

    /* By six bits; prefixes where they begin, short ones first. */
    for (unsigned int v = 0; v < 64; v++) {
        for (unsigned int r = 0; r < NODE_BITS; r++) {
            unsigned int b = 1u << r | v >> (NODE_BITS - r);

            if (!(v & below(NODE_BITS - r)) && node->prefixes & bit(b)) {
                struct vrf_addr at = with_bits(&a, base,
                                               v >> (NODE_BITS - r), r);

                if (!walk_value(w, &node->slots[prefix_index(node, b)],
                                &at, base + r)) {
                    return false;
                }
            }
        }
        if (node->children & bit(v)) {
            struct vrf_addr at = with_bits(&a, base, v, NODE_BITS);

            if (!walk_node(w, slot_get(&node->slots[child_index(node, v)]),
                           base + NODE_BITS, &at)) {
                return false;
            }
        }
    }
    return true;
}

bool
vrf_fib_for_each(const struct vrf_fib *fib, vrf_fib_cb *cb, void *aux)
{
    const struct walk w = { fib->family, cb, aux };
    const struct vrf_addr zero = { 0, 0 };

    if (!walk_value(&w, &fib->none, &zero, 0)) {
        return false;
    }
    for (unsigned int side = 0; side < 2; side++) {
        const struct vrf_addr a = { (uint64_t) side << 63, 0 };
        const void *root = slot_get(&fib->roots[side]);

        if (root && !walk_node(&w, root, 1, &a)) {
            return false;
        }
    }
    return true;
}

static bool
values_equal(void *a, void *b)
{
    struct vrf_route *const *ra, *const *rb;
    size_t n = value_routes(&a, &ra);

    return (n == value_routes(&b, &rb)
            && (!n || !memcmp(ra, rb, n * sizeof *ra)));
}

/* The same routes make the same nodes, in whatever order they came, but for
 * headers that are not necessary any more. */
static bool
nodes_equal(enum vrf_family family, const void *pa, const void *pb,
            unsigned int base)
{
    const struct node *a = untag(pa), *b = untag(pb);
    unsigned int base_a = base, base_b = base;
    struct vrf_addr key_a = { 0, 0 }, key_b = { 0, 0 };

    if (!a || !b) {
        return a == b;
    }
    if (is_tagged(pa)) {
        base_a = header_get(family, a, &key_a);
    }
    if (is_tagged(pb)) {
        base_b = header_get(family, b, &key_b);
    }
    if (base_a != base_b || a->prefixes != b->prefixes
        || a->children != b->children
        || (is_tagged(pa) && is_tagged(pb)
            && !vrf_addr_equal(&key_a, &key_b))) {
        return false;
    }

    unsigned int n_children = popcount(a->children);
    unsigned int n = n_children + popcount(a->prefixes);

    for (unsigned int i = 0; i < n; i++) {
        void *x = slot_get(&a->slots[i]), *y = slot_get(&b->slots[i]);

        if (i < n_children
            ? !nodes_equal(family, x, y, base_a + NODE_BITS)
            : !values_equal(x, y)) {
            return false;
        }
    }
    return true;
}

bool
vrf_fib_equal(const struct vrf_fib *a, const struct vrf_fib *b)
{
    return (a->family == b->family
            && values_equal(slot_get(&a->none), slot_get(&b->none))
            && nodes_equal(a->family, slot_get(&a->roots[0]),
                           slot_get(&b->roots[0]), 1)
            && nodes_equal(a->family, slot_get(&a->roots[1]),
                           slot_get(&b->roots[1]), 1));
}

/* The writer: memory. */

static size_t
node_bytes(const struct vrf_fib *fib, size_t n_slots, bool has_header)
{
    return (sizeof(struct node) + n_slots * sizeof(slot_t)
            + (has_header ? header_words(fib->family) * 8 : 0));
}

static size_t
node_n_slots(const struct node *node)
{
    return popcount(node->children) + popcount(node->prefixes);
}

/* Returns a node whose slots the caller has to fill in, with room for a
 * header. */
static struct node *
node_alloc(struct vrf_fib *fib, uint64_t prefixes, uint64_t children,
           bool has_header)
{
    size_t n = popcount(prefixes) + popcount(children);
    size_t size = node_bytes(fib, n, has_header);
    uint64_t *memory = vrf_arena_alloc(size);
    struct node *node;

    fib->n_nodes++;
    fib->bytes += size;
    node = (void *) (memory + (has_header ? header_words(fib->family) : 0));
    node->prefixes = prefixes;
    node->children = children;
    return node;
}

/* The memory of node 'p'. */
static char *
node_memory(const struct vrf_fib *fib, void *p)
{
    uint64_t *node = untag(p);

    return (char *) (node - (is_tagged(p) ? header_words(fib->family) : 0));
}

static void
node_free(struct vrf_fib *fib, void *p)
{
    fib->n_nodes--;
    fib->bytes -= node_bytes(fib, node_n_slots(untag(p)), is_tagged(p));
    if (fib->published) {
        ovsrcu_postpone(vrf_arena_free, node_memory(fib, p));
    } else {
        vrf_arena_free(node_memory(fib, p));
    }
}

/* Returns a node that begins at 'base', for where one at 'at' is expected,
 * with what 'key' says before 'base'. */
static void *
node_new(struct vrf_fib *fib, uint64_t prefixes, uint64_t children,
         const struct vrf_addr *key, unsigned int base, unsigned int at)
{
    struct node *node = node_alloc(fib, prefixes, children, base != at);

    if (base == at) {
        return node;
    }
    header_set(fib->family, node, key, base);
    return tag(node);
}

/* Returns a copy of 'p' with other bits, with one slot less or more than it
 * has.  'index' is the slot's. */
static void *
node_resized(struct vrf_fib *fib, const void *p, uint64_t prefixes,
             uint64_t children, unsigned int index, void *value)
{
    const struct node *old = untag(p);
    struct node *new = node_alloc(fib, prefixes, children, is_tagged(p));
    size_t n_old = node_n_slots(old);
    size_t n_new = node_n_slots(new);
    size_t skip_old = index + (n_new < n_old);
    size_t skip_new = index + (n_new > n_old);

    if (is_tagged(p)) {
        struct vrf_addr key;
        unsigned int base = header_get(fib->family, old, &key);

        header_set(fib->family, new, &key, base);
    }
    for (size_t i = 0; i < index; i++) {
        ovsrcu_init(&new->slots[i], slot_mine(&old->slots[i]));
    }
    if (n_new > n_old) {
        ovsrcu_init(&new->slots[index], value);
    }
    for (size_t i = 0; skip_old + i < n_old; i++) {
        ovsrcu_init(&new->slots[skip_new + i],
                    slot_mine(&old->slots[skip_old + i]));
    }
    return is_tagged(p) ? tag(new) : new;
}

/* The writer: the index. */

static inline struct index *
index_mine(const struct vrf_fib *fib)
{
    return ovsrcu_get_protected(struct index *, &fib->index);
}

/* Has 'index' say what the trie has for addresses with the first bits of
 * 'a'. */
static void
index_fill(const struct vrf_fib *fib, struct index *index,
           const struct vrf_addr *a)
{
    void *p = slot_mine(&fib->roots[a->hi >> 63]);
    unsigned int base = 1;

    while (p) {
        const struct node *node = untag(p);
        unsigned int v;

        if (is_tagged(p)) {
            struct vrf_addr key;

            base = header_get(fib->family, node, &key);
            if (vrf_addr_common(&key, a) < MIN(base, INDEX_BITS)) {
                p = NULL;
                break;
            }
        }
        if (base >= INDEX_BITS) {
            break;
        }
        v = chunk(a, base);
        p = (node->children & bit(v)
             ? slot_mine(&node->slots[child_index(node, v)]) : NULL);
        base += NODE_BITS;
    }
    ovsrcu_set(CONST_CAST(slot_t *, index_slot(index, a)), p);
}

/* To be called after the node to which the index leads for 'a' became another
 * one, or may have. */
static void
index_refresh(struct vrf_fib *fib, const struct vrf_addr *a)
{
    struct index *index = index_mine(fib);

    if (index) {
        index_fill(fib, index, a);
    }
}

/* Makes an index, or gives it up, as the number of prefixes asks for. */
static void
index_adjust(struct vrf_fib *fib)
{
    struct index *index = index_mine(fib);

    if (!index && fib->n_prefixes >= fib->index_from) {
        index = xzalloc(sizeof *index);
        for (uint64_t i = 0; i < 1 << INDEX_BITS; i++) {
            const struct vrf_addr a = { i << (64 - INDEX_BITS), 0 };

            index_fill(fib, index, &a);
        }
        ovsrcu_set(&fib->index, index);
        fib->bytes += sizeof *index;
    } else if (index && fib->n_prefixes < fib->index_from / 2) {
        ovsrcu_set(&fib->index, NULL);
        fib->bytes -= sizeof *index;
        ovsrcu_postpone(free, index);
    }
}

/* The writer: the trie. */

/* Puts a new child for prefix 'p', which has 'value', beside or above 'child',
 * which begins at 'base', because 'p' does not go on to there; in the place
 * 'ref' of 'child', where a node at 'at' is expected. */
static void
trie_split(struct vrf_fib *fib, slot_t *ref, void *child, unsigned int base,
           const struct vrf_addr *key, const struct vrf_prefix *p,
           void *value, unsigned int at)
{
    unsigned int common = MIN(vrf_addr_common(key, &p->addr), base);
    unsigned int target = base_of(p->len);
    unsigned int split = MIN(target, common < base ? base_of(common) : base);
    unsigned int v = chunk(key, split);
    struct node *node;
    void *new;

    if (split == target) {
        new = node_new(fib, bit(prefix_bit(p, target)), bit(v), key, split,
                       at);
        node = untag(new);
        ovsrcu_init(&node->slots[0], child);
        ovsrcu_init(&node->slots[1], value);
    } else {
        unsigned int w = chunk(&p->addr, split);
        void *leaf = node_new(fib, bit(prefix_bit(p, target)), 0, &p->addr,
                              target, split + NODE_BITS);

        ovsrcu_init(&((struct node *) untag(leaf))->slots[0], value);
        new = node_new(fib, 0, bit(v) | bit(w), key, split, at);
        node = untag(new);
        ovsrcu_init(&node->slots[v > w], child);
        ovsrcu_init(&node->slots[v < w], leaf);
    }
    ovsrcu_set(ref, new);
}

/* Puts a prefix, which is not there, in. */
static void
trie_insert(struct vrf_fib *fib, const struct vrf_prefix *p, void *value)
{
    slot_t *ref = &fib->roots[p->addr.hi >> 63];
    unsigned int target = base_of(p->len);
    unsigned int b = prefix_bit(p, target);
    unsigned int at = 1;

    for (;;) {
        void *child = slot_mine(ref);
        struct node *node = untag(child);
        unsigned int base = at;
        void *new;

        if (!child) {
            new = node_new(fib, bit(b), 0, &p->addr, target, at);
            ovsrcu_init(&((struct node *) untag(new))->slots[0], value);
            ovsrcu_set(ref, new);
            return;
        }
        if (is_tagged(child)) {
            struct vrf_addr key;

            base = header_get(fib->family, node, &key);
            if (base > target || vrf_addr_common(&key, &p->addr) < base) {
                trie_split(fib, ref, child, base, &key, p, value, at);
                return;
            }
        }
        if (base == target) {
            new = node_resized(fib, child, node->prefixes | bit(b),
                               node->children, prefix_index(node, b), value);
        } else {
            unsigned int v = chunk(&p->addr, base);
            void *leaf;

            at = base + NODE_BITS;
            if (node->children & bit(v)) {
                ref = &node->slots[child_index(node, v)];
                continue;
            }
            leaf = node_new(fib, bit(b), 0, &p->addr, target, at);
            ovsrcu_init(&((struct node *) untag(leaf))->slots[0], value);
            new = node_resized(fib, child, node->prefixes,
                               node->children | bit(v), child_index(node, v),
                               leaf);
        }
        ovsrcu_set(ref, new);
        node_free(fib, child);
        return;
    }
}

/* Puts the child 'v' of 'p', which is left alone in it, into the place 'ref'
 * of 'p'.  'p' begins at 'base', and 'key' has the bits before that. */
static void
trie_merge(struct vrf_fib *fib, slot_t *ref, const struct node *node,
           unsigned int base, const struct vrf_addr *key, unsigned int v)
{
    void *child = slot_mine(&node->slots[child_index(node, v)]);
    const struct node *old = child;
    struct vrf_addr cut;
    struct node *new;

    if (is_tagged(child)) {
        ovsrcu_set(ref, child);
        return;
    }
    cut = vrf_addr_cut(key, base);
    cut = with_bits(&cut, base, v, NODE_BITS);
    new = node_alloc(fib, old->prefixes, old->children, true);
    header_set(fib->family, new, &cut, base + NODE_BITS);
    for (size_t i = 0; i < node_n_slots(old); i++) {
        ovsrcu_init(&new->slots[i], slot_mine(&old->slots[i]));
    }
    ovsrcu_set(ref, tag(new));
    index_refresh(fib, &cut);
    node_free(fib, child);
}

/* Takes out a prefix, which is there. */
static void
trie_remove(struct vrf_fib *fib, const struct vrf_prefix *p)
{
    slot_t *ref = &fib->roots[p->addr.hi >> 63];
    unsigned int target = base_of(p->len);
    unsigned int b = prefix_bit(p, target);
    slot_t *parent_ref = NULL;
    unsigned int parent_base = 0;
    unsigned int base = 1;
    struct node *node;
    uint64_t prefixes;
    void *child;

    for (;;) {
        struct vrf_addr key;

        child = slot_mine(ref);
        node = untag(child);
        if (is_tagged(child)) {
            base = header_get(fib->family, node, &key);
        }
        if (base == target) {
            break;
        }
        parent_ref = ref;
        parent_base = base;
        ref = &node->slots[child_index(node, chunk(&p->addr, base))];
        base += NODE_BITS;
    }

    prefixes = node->prefixes & ~bit(b);
    if (prefixes || popcount(node->children) > 1) {
        ovsrcu_set(ref, node_resized(fib, child, prefixes, node->children,
                                     prefix_index(node, b), NULL));
    } else if (node->children) {
        trie_merge(fib, ref, node, base, &p->addr,
                   63 - raw_clz64(node->children));
    } else if (!parent_ref) {
        ovsrcu_set(ref, NULL);
    } else {
        void *above = slot_mine(parent_ref);
        struct node *parent = untag(above);
        unsigned int v = chunk(&p->addr, parent_base);
        uint64_t children = parent->children & ~bit(v);

        if (!parent->prefixes && popcount(children) == 1) {
            trie_merge(fib, parent_ref, parent, parent_base, &p->addr,
                       63 - raw_clz64(children));
        } else {
            ovsrcu_set(parent_ref,
                       node_resized(fib, above, parent->prefixes, children,
                                    child_index(parent, v), NULL));
        }
        node_free(fib, above);
    }
    node_free(fib, child);
}

/* The writer: routes. */

size_t
vrf_fib_get(const struct vrf_fib *fib, const struct vrf_prefix *p,
            struct vrf_route *const **routes)
{
    const slot_t *slot = find_slot(fib, p);

    if (!slot) {
        *routes = NULL;
        return 0;
    }

    /* A slot with a single route has the same form as an array of one. */
    BUILD_ASSERT(sizeof *slot == sizeof **routes);
    void *value = slot_mine(slot);

    if (!value || is_tagged(value)) {
        return value_routes(&value, routes);
    }
    *routes = (struct vrf_route *const *) slot;
    return 1;
}

static size_t
list_bytes(size_t n)
{
    return sizeof(struct route_list) + n * sizeof(struct vrf_route *);
}

void
vrf_fib_set(struct vrf_fib *fib, const struct vrf_prefix *p,
            struct vrf_route *const routes[], size_t n)
{
    slot_t *slot = CONST_CAST(slot_t *, find_slot(fib, p));
    void *old = slot ? slot_mine(slot) : NULL;
    struct vrf_route *const *old_routes;
    size_t n_old = value_routes(&old, &old_routes);
    void *new = NULL;

    for (size_t i = 0; i < n; i++) {
        vrf_pool_ref(routes[i]);
    }
    if (n > 1) {
        struct route_list *list = xmalloc(list_bytes(n));

        list->n = n;
        memcpy(list->routes, routes, n * sizeof *routes);
        fib->bytes += list_bytes(n);
        new = tag(list);
    } else if (n) {
        new = routes[0];
    }

    if (slot && (new || !p->len)) {
        ovsrcu_set(slot, new);
    } else if (new || slot) {
        if (new) {
            trie_insert(fib, p, new);
        } else {
            trie_remove(fib, p);
        }
        if (p->len >= INDEX_BITS) {
            index_refresh(fib, &p->addr);
        }
    }

    for (size_t i = 0; i < n_old; i++) {
        vrf_pool_put(fib->pool, old_routes[i]);
    }
    if (is_tagged(old)) {
        fib->bytes -= list_bytes(n_old);
        if (fib->published) {
            ovsrcu_postpone(free, (char *) untag(old));
        } else {
            free(untag(old));
        }
    }
    fib->n_prefixes += (n != 0) - (n_old != 0);
    fib->n_routes += n - n_old;
    index_adjust(fib);
}

/* Is 'a' to be tried before 'b'?  Below 0, 0 if neither, or above 0. */
static int
compare_routes(const struct vrf_route *a, const struct vrf_route *b)
{
    if (a->info.tos != b->info.tos) {
        return a->info.tos > b->info.tos ? -1 : 1;
    }
    return (a->info.metric < b->info.metric ? -1
            : a->info.metric > b->info.metric);
}

bool
vrf_fib_add(struct vrf_fib *fib, const struct vrf_prefix *p,
            struct vrf_route *route, enum vrf_fib_place place)
{
    struct vrf_route *const *routes;
    size_t n = vrf_fib_get(fib, p, &routes);
    struct vrf_route **new;
    size_t first, last;
    bool known = false;

    if (!n) {
        vrf_fib_set(fib, p, &route, 1);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        known |= routes[i] == route;
    }

    /* Those that are equal are from 'first' to before 'last'. */
    for (first = 0;
         first < n && compare_routes(routes[first], route) < 0; first++) {
        continue;
    }
    for (last = first;
         last < n && !compare_routes(routes[last], route); last++) {
        continue;
    }

    bool replace = place == VRF_FIB_REPLACE && last > first;
    size_t at = place == VRF_FIB_LAST ? last : first;
    size_t n_new = 0;

    if (known && (!replace || routes[first] == route)) {
        return false;
    }
    new = xmalloc((n + 1) * sizeof *new);
    for (size_t i = 0; i <= n; i++) {
        if (i == at) {
            new[n_new++] = route;
        }
        if (i < n && routes[i] != route && !(replace && i == at)) {
            new[n_new++] = routes[i];
        }
    }
    vrf_fib_set(fib, p, new, n_new);
    free(new);
    return true;
}

bool
vrf_fib_del(struct vrf_fib *fib, const struct vrf_prefix *p,
            const struct vrf_route *route)
{
    struct vrf_route *const *routes;
    size_t n = vrf_fib_get(fib, p, &routes);

    for (size_t i = 0; i < n; i++) {
        if (routes[i] == route) {
            struct vrf_route **new = xmalloc(n * sizeof *new);

            memcpy(new, routes, i * sizeof *new);
            memcpy(new + i, routes + i + 1, (n - i - 1) * sizeof *new);
            vrf_fib_set(fib, p, new, n - 1);
            free(new);
            return true;
        }
    }
    return false;
}

/* The whole. */

struct vrf_fib *
vrf_fib_create(enum vrf_family family, struct vrf_pool *pool)
{
    struct vrf_fib *fib = xzalloc(sizeof *fib);

    fib->family = family;
    fib->pool = pool;
    ovsrcu_init(&fib->none, NULL);
    ovsrcu_init(&fib->roots[0], NULL);
    ovsrcu_init(&fib->roots[1], NULL);
    ovsrcu_init(&fib->index, NULL);
    fib->index_from = INDEX_FROM;
    return fib;
}

void
vrf_fib_index_from(struct vrf_fib *fib, size_t n_prefixes)
{
    fib->index_from = n_prefixes ? n_prefixes : 1;
}

void
vrf_fib_publish(struct vrf_fib *fib)
{
    fib->published = true;
}

enum vrf_family
vrf_fib_family(const struct vrf_fib *fib)
{
    return fib->family;
}

/* Gives up the routes of a value and, with 'memory', the value. */
static void
value_destroy(struct vrf_fib *fib, void *value, bool memory)
{
    if (memory) {
        if (is_tagged(value)) {
            free(untag(value));
        }
    } else {
        struct vrf_route *const *routes;
        size_t n = value_routes(&value, &routes);

        for (size_t i = 0; i < n; i++) {
            vrf_pool_put(fib->pool, routes[i]);
        }
    }
}

static void
node_destroy(struct vrf_fib *fib, void *p, bool memory)
{
    struct node *node = untag(p);

    if (!node) {
        return;
    }

    size_t n_children = popcount(node->children);
    size_t n = node_n_slots(node);

    for (size_t i = 0; i < n; i++) {
        void *value = slot_mine(&node->slots[i]);

        if (i < n_children) {
            node_destroy(fib, value, memory);
        } else {
            value_destroy(fib, value, memory);
        }
    }
    if (memory) {
        vrf_arena_free(node_memory(fib, p));
    }
}

static void
destroy(struct vrf_fib *fib, bool memory)
{
    value_destroy(fib, slot_mine(&fib->none), memory);
    node_destroy(fib, slot_mine(&fib->roots[0]), memory);
    node_destroy(fib, slot_mine(&fib->roots[1]), memory);
}

static void
free_memory(struct vrf_fib *fib)
{
    destroy(fib, true);
    free(index_mine(fib));
    free(fib);
}

void
vrf_fib_destroy(struct vrf_fib *fib)
{
    if (!fib) {
        return;
    }

    /* The pool is the writer's: routes are given up now, by this thread. */
    destroy(fib, false);
    if (fib->published) {
        ovsrcu_postpone(free_memory, fib);
    } else {
        free_memory(fib);
    }
}

void
vrf_fib_get_usage(const struct vrf_fib *fib, struct vrf_fib_usage *usage)
{
    usage->n_prefixes = fib->n_prefixes;
    usage->n_routes = fib->n_routes;
    usage->n_nodes = fib->n_nodes;
    usage->bytes = fib->bytes + sizeof *fib;
}
