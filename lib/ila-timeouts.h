/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_TIMEOUTS_H
#define ILA_TIMEOUTS_H 1

/* When entries of the ILA mapping table are due to be deleted, by their ids.
 *
 * Looking for those that are due takes time for these alone, and for entries
 * that were used since it was last thought that they would be.
 *
 * Thread-safety: the caller serializes all functions but
 * ila_timeouts_due(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "openvswitch/hmap.h"
#include "ovs-atomic.h"

struct ila_timeouts {
    struct hmap by_id;
    struct heap heap;           /* The one that is due first is on top. */
    atomic_llong due;           /* Of that one. */
};

void ila_timeouts_init(struct ila_timeouts *);
void ila_timeouts_destroy(struct ila_timeouts *);

/* Gives the entry 'id' timeouts in seconds, each 0 for none.  Both count from
 * 'now', in milliseconds, if it had none before; otherwise they go on. */
void ila_timeouts_set(struct ila_timeouts *, uint32_t id,
                      uint32_t idle_timeout, uint32_t hard_timeout,
                      long long int now);

/* The hard timeout of 'id' counts from when that of 'old_id' in 'old' does.
 * Does nothing if one of them has no timeouts. */
void ila_timeouts_inherit(struct ila_timeouts *, uint32_t id,
                          const struct ila_timeouts *old, uint32_t old_id);

/* Forgets 'id', if it has timeouts. */
void ila_timeouts_remove(struct ila_timeouts *, uint32_t id);

/* Returns when the entry 'id' was last used, in milliseconds, 0 for never. */
typedef long long int ila_last_used_func(uint32_t id, const void *aux);

/* Stores an entry that is due in '*id' and returns true if there is one.  It
 * is to be removed before the next call. */
bool ila_timeouts_find_due(struct ila_timeouts *, long long int now,
                           ila_last_used_func *, const void *aux,
                           uint32_t *id);

/* Returns when the next entry may be due, LLONG_MAX for never. */
long long int ila_timeouts_due(const struct ila_timeouts *);

/* Entries with a timeout, and bytes of memory. */
size_t ila_timeouts_count(const struct ila_timeouts *);
size_t ila_timeouts_bytes(const struct ila_timeouts *);

#endif /* lib/ila-timeouts.h */
