/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RCU_IDS_H
#define RCU_IDS_H 1

/* Small numbers, for things that readers under RCU know by their number: one
 * that was given back is not given out again before a grace period has passed.
 *
 * Thread-safety: the caller serializes all functions but rcu_ids_high(). */

#include <stdint.h>

struct rcu_ids;

struct rcu_ids *rcu_ids_create(void);
void rcu_ids_destroy(struct rcu_ids *);

/* Returns a number that is not in use: a free one, or rcu_ids_high(), which
 * grows by one. */
uint32_t rcu_ids_get(struct rcu_ids *);

/* Gives 'id' back.  Nobody who was not a reader already may come to know it
 * any more. */
void rcu_ids_put(struct rcu_ids *, uint32_t id);

/* To be called some time after rcu_ids_put(), at best after several. */
void rcu_ids_flush(struct rcu_ids *);

/* All numbers that were ever in use are less than this. */
uint32_t rcu_ids_high(const struct rcu_ids *);

#endif /* lib/rcu-ids.h */
