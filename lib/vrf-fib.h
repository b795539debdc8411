/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_FIB_H
#define VRF_FIB_H 1

/* A routing table of one family: routes by prefix, looked up by the longest
 * one that has a route for the packet.
 *
 * A prefix may have several routes, in the order in which they are tried: by
 * TOS, the higher one first, then by metric, the lower one first, then by how
 * they were added.  That order, and what becomes of a packet that none of them
 * takes, are Linux's.
 *
 * The table is a trie with nodes of six bits, each of which has two bit maps,
 * of the prefixes that end in it and of its children, and an array as long as
 * that takes; a node with a single child and nothing else is left out.  An
 * IPv4 prefix is found in six steps at most.
 *
 * Thread-safety
 * =============
 *
 * Any number of threads may call the functions of "Readers" at any time; they
 * never wait for the writer.  What they return is valid until the caller
 * quiesces (ovs-rcu.h).  One thread at a time, the writer, may call the other
 * functions, for all tables of a pool.  A change is seen by all readers that
 * begin after it, and becomes visible in one instant: a prefix that is not
 * changed itself is never missing meanwhile. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrf-addr.h"
#include "vrf-route.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vrf_fib;

/* Creates a table for routes of 'pool'.  Until vrf_fib_publish() nobody but
 * the writer may look at it, which makes changes cheaper. */
struct vrf_fib *vrf_fib_create(enum vrf_family, struct vrf_pool *pool);
void vrf_fib_publish(struct vrf_fib *);

/* Has the table keep an index, by which lookups in batches leave out the first
 * nodes, from so many prefixes on; to be called while it is empty.  The
 * default is for large tables. */
void vrf_fib_index_from(struct vrf_fib *, size_t n_prefixes);

/* Frees the table as soon as nobody looks at it any more. */
void vrf_fib_destroy(struct vrf_fib *);

enum vrf_family vrf_fib_family(const struct vrf_fib *);

/* Readers. */

struct vrf_fib_query {
    struct vrf_addr dst;
    uint32_t oif;               /* If nonzero: only by this device. */
    bool oif_unless_end;        /* Or by none: by a route by which packets are
                                 * dropped. */
    uint32_t prefer;            /* If nonzero: rather by this device, among
                                 * routes of equal metric. */
    uint8_t tos;

    /* Says whether a hop may be used; null for all that are not dead. */
    vrf_hop_usable_func *usable;
    const void *aux;
};

struct vrf_fib_result {
    const struct vrf_route *route; /* Null if there is none. */
    uint8_t len;                /* Of the prefix that has the route. */

    /* The answer depends on the first 'decided' bits of the destination and on
     * none of the others: any address with the same ones gets the same answer.
     * With one bit less there would be an address for which other prefixes
     * come into question. */
    uint8_t decided;
    bool used_tos;              /* It depends on the TOS, too. */
};

/* Looks up a route.  Returns true if there is one, which may well be one by
 * which packets are dropped. */
bool vrf_fib_lookup(const struct vrf_fib *, const struct vrf_fib_query *,
                    struct vrf_fib_result *);

/* Looks up a route, too, and returns it, or null if there is none: faster. */
const struct vrf_route *vrf_fib_route(const struct vrf_fib *,
                                      const struct vrf_fib_query *);

/* The same for those of 'n' queries, up to VRF_FIB_MAX_BATCH, whose 'routes'
 * are null, which it sets unless there is none: faster than one by one if what
 * is looked at is not in the processor's caches.  The queries are '*q' but for
 * 'dst' and 'tos'.  Returns how many still have no route. */
#define VRF_FIB_MAX_BATCH 32
size_t vrf_fib_routes(const struct vrf_fib *, const struct vrf_fib_query *q,
                      const struct vrf_addr dst[], const uint8_t tos[],
                      size_t n, const struct vrf_route *routes[]);

/* Is there a hop by which a packet with this query could go? */
bool vrf_route_takes(const struct vrf_route *, const struct vrf_fib_query *);

/* Looks up only the longest prefix that contains 'dst', of 'max_len' bits at
 * most.  Returns its first route or null, and sets '*len' if there is one. */
const struct vrf_route *vrf_fib_longest(const struct vrf_fib *,
                                        const struct vrf_addr *dst,
                                        unsigned int max_len, uint8_t *len);

/* Calls 'cb' for each prefix, in order of addresses, a prefix before those
 * that it contains, until it returns false.  Prefixes that come and go
 * meanwhile may or may not be among them. */
typedef bool vrf_fib_cb(const struct vrf_prefix *,
                        struct vrf_route *const routes[], size_t n,
                        void *aux);
bool vrf_fib_for_each(const struct vrf_fib *, vrf_fib_cb *cb, void *aux);

/* Do tables of the same pool have the same routes? */
bool vrf_fib_equal(const struct vrf_fib *, const struct vrf_fib *);

/* The writer.  The bits of a prefix after its length must be zero. */

/* Returns how many routes the prefix has and sets '*routes' to them, in order,
 * valid until the next change; 0 if the prefix is not in the table. */
size_t vrf_fib_get(const struct vrf_fib *, const struct vrf_prefix *,
                   struct vrf_route *const **routes);

/* Gives the prefix these routes, which must be in order, or none.  The table
 * counts itself as a user of each.  They must not be what vrf_fib_get()
 * returned, but may be a copy. */
void vrf_fib_set(struct vrf_fib *, const struct vrf_prefix *,
                 struct vrf_route *const routes[], size_t n);

/* Where a route goes if the prefix has others with its TOS and metric. */
enum vrf_fib_place {
    VRF_FIB_FIRST,
    VRF_FIB_LAST,
    VRF_FIB_REPLACE,            /* It takes the place of the first one. */
};

/* Returns false, and changes nothing, if the prefix has 'route' already; but
 * with VRF_FIB_REPLACE only if it is the first one. */
bool vrf_fib_add(struct vrf_fib *, const struct vrf_prefix *,
                 struct vrf_route *route, enum vrf_fib_place);

/* Returns false if the prefix does not have 'route'. */
bool vrf_fib_del(struct vrf_fib *, const struct vrf_prefix *,
                 const struct vrf_route *route);

struct vrf_fib_usage {
    size_t n_prefixes;
    size_t n_routes;
    size_t n_nodes;
    size_t bytes;               /* Without the pool. */
};
void vrf_fib_get_usage(const struct vrf_fib *, struct vrf_fib_usage *);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-fib.h */
