/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_SHAPE_H
#define ILA_SHAPE_H 1

/* A hash table of ILA entries that look at the same things.
 *
 * Made for batches of packets in a table that is larger than the caches: what
 * a lookup needs is in the one cache line that its hash points to, or in the
 * next one.  A slot has the key, the number of a value, and an id, both
 * meaning something to the caller only.
 *
 * Thread-safety
 * =============
 *
 * One writer at a time, any number of readers, who never wait or retry.  The
 * key and id of a slot are written once, before the value, whose number is all
 * that changes until the slot is deleted for good.  Slots are used again only
 * in the next array, which replaces the present one when it is full; the old
 * one goes after a grace period (ovs-rcu.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovs-atomic.h"
#include "ovs-rcu.h"

/* Words are in network byte order; they are only compared. */
struct ila_key {
    uint64_t a, b;
    uint16_t port;
};

/* Numbers of values that a slot in use may have begin here. */
#define ILA_SHAPE_MIN_VALUE 2

struct ila_shape_array;

struct ila_shape {
    OVSRCU_TYPE(struct ila_shape_array *) array; /* Null if empty. */
    size_t n;                   /* Entries. */
    size_t n_used;              /* Slots that are or were in use. */
    bool wide;                  /* Keys have 'b' and 'port', too. */
};

/* Keys of a shape that is not 'wide' have only 'a'. */
void ila_shape_init(struct ila_shape *, bool wide);
void ila_shape_destroy(struct ila_shape *);

/* Readers. */

/* Keys of a batch. */
#define ILA_SHAPE_BATCH 32
struct ila_keys {
    uint64_t a[ILA_SHAPE_BATCH];
    uint64_t b[ILA_SHAPE_BATCH];
    uint16_t port;
};

struct ila_shape_hit {
    uint32_t value;
    uint32_t id;
};

/* Looks up those of 'keys' whose bit is set in 'map', and returns the bit map
 * of those that are there, for which it fills in 'hits'. */
uint32_t ila_shape_lookup(const struct ila_shape *, uint32_t map,
                          const struct ila_keys *keys,
                          struct ila_shape_hit hits[]);

/* Writers.  Positions are below ILA_SHAPE_MAX_POS and good until the next
 * ila_shape_insert(). */

#define ILA_SHAPE_MAX_POS (1u << 27)

bool ila_shape_find(const struct ila_shape *, const struct ila_key *,
                    uint32_t *pos);

/* Inserts a key that is not there.  If that takes a new array, positions
 * change: 'moved' is called for each entry. */
typedef void ila_shape_moved_func(uint32_t id, uint32_t pos, void *aux);
uint32_t ila_shape_insert(struct ila_shape *, const struct ila_key *,
                          uint32_t value, uint32_t id,
                          ila_shape_moved_func *moved, void *aux);

void ila_shape_remove(struct ila_shape *, uint32_t pos);

void ila_shape_get(const struct ila_shape *, uint32_t pos, struct ila_key *,
                   struct ila_shape_hit *);
void ila_shape_set_value(struct ila_shape *, uint32_t pos, uint32_t value);

/* Bytes of memory. */
size_t ila_shape_bytes(const struct ila_shape *);

#endif /* lib/ila-shape.h */
