/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_COUNTS_H
#define OVS_ILA_COUNTS_H 1

/* Packets and bytes of entries, for the ILA mapping table.
 *
 * A counter per entry and processor would cost more than the entries, and one
 * atomic counter per entry costs a cache line that all processors fight for
 * where a host has just one entry, which is the rule.  Thus each entry has
 * atomic counters, and each processor has a few cells in which it counts for
 * the entries that it meets most, without a shared write.  An entry gets a
 * cell by the majority vote of those that would have the same one: a hit of
 * the owner is a vote for it, of another one a vote against, and who comes
 * after the last vote takes over; what was counted goes to the entry.
 *
 * The sum of an entry's counters and of its cells is thus all that was counted.
 */

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* In the entry. */
struct ovs_ila_count_pair {
	atomic64_t packets;
	atomic64_t bytes;
};

struct ovs_ila_count_cells;

struct ovs_ila_counts {
	struct ovs_ila_count_cells __percpu *cells;

	/* Returns the pair of an entry that was counted for once, and may be
	 * deleted since; NULL if there is no such memory any more.
	 */
	struct ovs_ila_count_pair *(*pair_of)(const void *aux, u32 id);
	const void *aux;
};

/* Returns false if there is no memory.  The last two are the members of
 * 'counts'.
 */
bool ovs_ila_counts_init(struct ovs_ila_counts *counts,
			 struct ovs_ila_count_pair *(*pair_of)(const void *aux,
							       u32 id),
			 const void *aux);
void ovs_ila_counts_destroy(struct ovs_ila_counts *counts);
u64 ovs_ila_counts_bytes(void);

/* Counts a packet for 'pair', that of the entry 'id', under RCU with bottom
 * halves disabled.
 */
void ovs_ila_counts_add(const struct ovs_ila_counts *counts, u32 id,
			struct ovs_ila_count_pair *pair, u32 bytes);

/* Sums up what was counted for the entry 'id'.  May sleep. */
void ovs_ila_counts_read(const struct ovs_ila_counts *counts, u32 id,
			 const struct ovs_ila_count_pair *pair,
			 u64 *packets, u64 *bytes);

/* Nobody counts for the entry 'id' any more: sets its sum to zero.  May sleep.
 */
void ovs_ila_counts_reset(const struct ovs_ila_counts *counts, u32 id,
			  struct ovs_ila_count_pair *pair);

#endif /* ila_counts.h */
