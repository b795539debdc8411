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
#include <linux/limits.h>
#include <linux/percpu.h>
#include <linux/types.h>

#define OVS_ILA_N_COUNT_CELLS 64
#define OVS_ILA_MAX_VOTES 1024

/* In the entry. */
struct ovs_ila_count_pair {
	atomic64_t packets;
	atomic64_t bytes;
};

/* Written by its own processor with bottom halves disabled.  'gen' is odd
 * while counts go to their entry.
 */
struct ovs_ila_count_cell {
	u32 id;			/* 0 for none. */
	u32 votes;
	u32 gen;
	unsigned long packets;
	unsigned long bytes;
};

struct ovs_ila_count_cells {
	struct ovs_ila_count_cell cells[OVS_ILA_N_COUNT_CELLS];
};

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

/* This processor's cell for the entry 'id', which need not be its owner. */
static inline struct ovs_ila_count_cell *
ovs_ila_count_cell(const struct ovs_ila_counts *counts, u32 id)
{
	return &this_cpu_ptr(counts->cells)->cells[id % OVS_ILA_N_COUNT_CELLS];
}

static inline void ovs_ila_count_in_cell(struct ovs_ila_count_cell *cell,
					 u32 bytes)
{
	WRITE_ONCE(cell->packets, cell->packets + 1);
	WRITE_ONCE(cell->bytes, cell->bytes + bytes);
}

/* Does 'cell' belong to the entry 'id', and has it room? */
static inline bool
ovs_ila_count_cell_takes(const struct ovs_ila_count_cell *cell, u32 id)
{
	return likely(cell->id == id &&
		      (sizeof(cell->bytes) >= sizeof(u64) ||
		       cell->bytes <= ULONG_MAX / 2));
}

/* Counts for the owner of 'cell', this processor's, which takes it. */
static inline void ovs_ila_count_for_owner(struct ovs_ila_count_cell *cell,
					   u32 bytes)
{
	if (cell->votes < OVS_ILA_MAX_VOTES)
		cell->votes++;
	ovs_ila_count_in_cell(cell, bytes);
}

/* Where the entry is not the owner of the cell, or the cell is full. */
void ovs_ila_counts_add_other(const struct ovs_ila_counts *counts, u32 id,
			      struct ovs_ila_count_pair *pair, u32 bytes);

/* Counts a packet for 'pair', that of the entry 'id', under RCU with bottom
 * halves disabled.
 */
static inline void ovs_ila_counts_add(const struct ovs_ila_counts *counts,
				      u32 id, struct ovs_ila_count_pair *pair,
				      u32 bytes)
{
	struct ovs_ila_count_cell *cell = ovs_ila_count_cell(counts, id);

	if (ovs_ila_count_cell_takes(cell, id))
		ovs_ila_count_for_owner(cell, bytes);
	else
		ovs_ila_counts_add_other(counts, id, pair, bytes);
}

/* Sums up what was counted for the entry 'id'.  May sleep. */
void ovs_ila_counts_read(const struct ovs_ila_counts *counts, u32 id,
			 const struct ovs_ila_count_pair *pair,
			 u64 *packets, u64 *bytes);

/* Nobody counts for the entry 'id' any more: sets its sum to zero.  May sleep.
 */
void ovs_ila_counts_reset(const struct ovs_ila_counts *counts, u32 id,
			  struct ovs_ila_count_pair *pair);

#endif /* ila_counts.h */
