/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_FIB_NODE_H
#define VRF_FIB_NODE_H 1

/* What a routing table (vrf-fib.h) is made of, for the files that look into
 * one. */

#include <stdbool.h>
#include <stdint.h>

#include "ovs-rcu.h"
#include "util.h"
#include "vrf-addr.h"
#include "vrf-fib.h"

/* The first bit of an address selects one of two roots, and each node is about
 * the next six bits: nodes begin at bits 1, 7, 13, 19, 25, ...  Thus most
 * prefixes of the Internet, /24 and /48, end in the last bit of a node, where
 * 32 of them share it.
 *
 * A prefix that ends 'r' bits into a node, 0 to 5, with value 'x', has bit
 * (1 << r | x) of 'prefixes': the longer the higher.  Children have bits of
 * 'children' by their six bits.  'slots' has the children and then what the
 * prefixes have, both in the order of their bits.
 *
 * A node does not change once it is visible, but for its slots, one by one. */
#define NODE_BITS 6

typedef OVSRCU_TYPE(void *) slot_t;

struct node {
    uint64_t prefixes;
    uint64_t children;
    slot_t slots[];
};

/* What a slot points to is tagged in bit 0:
 *
 *   - A child that begins later than six bits after its parent has its key in
 *     front of it: see header_words().
 *
 *   - A prefix that has more than one route has a list of them. */
#define TAG ((uintptr_t) 1)

struct route_list {
    size_t n;
    struct vrf_route *routes[];
};

/* The way to the prefixes of INDEX_BITS bits or more, in tables with many: by
 * the first bits of an address, what the slot of the first node has, from the
 * root on, that begins at INDEX_BITS or later and has such prefixes; null if
 * there is none.  What is found by it is the longest prefix if it is any. */
#define INDEX_BITS 13u
struct index {
    slot_t of[1 << INDEX_BITS];
};
BUILD_ASSERT_DECL((INDEX_BITS - 1) % NODE_BITS == 0);

struct vrf_fib {
    enum vrf_family family;
    bool published;
    struct vrf_pool *pool;
    slot_t none;                /* What prefix 0/0 has. */
    slot_t roots[2];
    OVSRCU_TYPE(struct index *) index; /* Null if there are few prefixes. */

    /* Of the writer. */
    size_t index_from;          /* Prefixes that are enough for an index. */
    size_t n_prefixes;
    size_t n_routes;
    size_t n_nodes;
    size_t bytes;
};

static inline bool
is_tagged(const void *p)
{
    return ((uintptr_t) p & TAG) != 0;
}

static inline void *
untag(const void *p)
{
    return (void *) ((uintptr_t) p & ~TAG);
}

static inline void *
tag(const void *p)
{
    return (void *) ((uintptr_t) p | TAG);
}

static inline void *
slot_get(const slot_t *slot)
{
    return ovsrcu_get(void *, slot);
}

/* Returns the first route in 'value', which a prefix has, that takes 'q', or
 * null; sets '*used_tos' to true if the TOS decided that. */
const struct vrf_route *vrf_fib_first(void *value,
                                      const struct vrf_fib_query *q,
                                      bool *used_tos);

/* For the writer. */
static inline void *
slot_mine(const slot_t *slot)
{
    return ovsrcu_get_protected(void *, slot);
}

/* Bits. */

static inline unsigned int
popcount(uint64_t x)
{
#ifdef __POPCNT__
    return __builtin_popcountll(x);
#else
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = ((x & UINT64_C(0x3333333333333333))
         + (x >> 2 & UINT64_C(0x3333333333333333)));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return x * UINT64_C(0x0101010101010101) >> 56;
#endif
}

static inline uint64_t
bit(unsigned int i)
{
    return UINT64_C(1) << i;
}

/* All bits below bit 'i', which is 0 to 63. */
static inline uint64_t
below(unsigned int i)
{
    return bit(i) - 1;
}

/* The six bits of 'a' from bit 'base' on, zeros beyond the end. */
static inline unsigned int
chunk(const struct vrf_addr *a, unsigned int base)
{
    uint64_t x;

    if (base <= 64 - NODE_BITS) {
        x = a->hi >> (64 - NODE_BITS - base);
    } else if (base < 64) {
        x = (a->hi << (base + NODE_BITS - 64)
             | a->lo >> (128 - NODE_BITS - base));
    } else if (base <= 128 - NODE_BITS) {
        x = a->lo >> (128 - NODE_BITS - base);
    } else {
        x = a->lo << (base + NODE_BITS - 128);
    }
    return x & 63;
}

/* Bits of 'prefixes' that contain the six bits 'v'. */
#define COVER(V)                                                \
    (UINT64_C(1) << 1                                           \
     | UINT64_C(1) << (2 | (V) >> 5) | UINT64_C(1) << (4 | (V) >> 4)    \
     | UINT64_C(1) << (8 | (V) >> 3) | UINT64_C(1) << (16 | (V) >> 2)   \
     | UINT64_C(1) << (32 | (V) >> 1))
#define COVER4(V) COVER(V), COVER((V) + 1), COVER((V) + 2), COVER((V) + 3)
#define COVER16(V) COVER4(V), COVER4((V) + 4), COVER4((V) + 8), \
                   COVER4((V) + 12)
static const uint64_t cover[64] = {
    COVER16(0), COVER16(16), COVER16(32), COVER16(48)
};

/* Where the node begins in which a prefix with bit 'i' behind its last one
 * belongs, or bit 'i' itself; 'i' is 1 or more. */
static inline unsigned int
base_of(unsigned int i)
{
    return i - (i - 1) % NODE_BITS;
}

/* The bit of 'prefixes' for prefix 'p', which ends in the node at 'base'. */
static inline unsigned int
prefix_bit(const struct vrf_prefix *p, unsigned int base)
{
    unsigned int r = p->len - base;

    return 1u << r | chunk(&p->addr, base) >> (NODE_BITS - r);
}

static inline unsigned int
child_index(const struct node *node, unsigned int v)
{
    return popcount(node->children & below(v));
}

static inline unsigned int
prefix_index(const struct node *node, unsigned int b)
{
    return popcount(node->children) + popcount(node->prefixes & below(b));
}

static inline const slot_t *
index_slot(const struct index *index, const struct vrf_addr *a)
{
    return &index->of[a->hi >> (64 - INDEX_BITS)];
}

/* Keys in front of nodes: where the node begins, and the bits before that. */

struct header4 {
    uint64_t hi_and_base;       /* An address needs only the upper half. */
};

struct header6 {
    uint64_t base;
    uint64_t hi, lo;
};

static inline size_t
header_words(enum vrf_family family)
{
    return (family == VRF_IPV4 ? sizeof(struct header4)
            : sizeof(struct header6)) / sizeof(uint64_t);
}

static inline struct header4 *
header4_of(const struct node *node)
{
    return (struct header4 *) (uintptr_t) node - 1;
}

static inline struct header6 *
header6_of(const struct node *node)
{
    return (struct header6 *) (uintptr_t) node - 1;
}

/* Returns where the node begins and fills in the bits before that. */
static inline unsigned int
header_get(enum vrf_family family, const struct node *node,
           struct vrf_addr *key)
{
    if (family == VRF_IPV4) {
        uint64_t x = header4_of(node)->hi_and_base;

        key->hi = x & ~UINT64_C(0xff);
        key->lo = 0;
        return x & 0xff;
    } else {
        const struct header6 *h = header6_of(node);

        key->hi = h->hi;
        key->lo = h->lo;
        return h->base;
    }
}

#endif /* lib/vrf-fib-node.h */
