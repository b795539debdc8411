// SPDX-License-Identifier: GPL-2.0-only

#include <linux/percpu.h>
#include <linux/sched.h>

#include <asm/barrier.h>

#include "ila_counts.h"

#define FIRST_VOTES 8

bool ovs_ila_counts_init(struct ovs_ila_counts *counts,
			 struct ovs_ila_count_pair *(*pair_of)(const void *aux,
							       u32 id),
			 const void *aux)
{
	counts->pair_of = pair_of;
	counts->aux = aux;
	counts->cells = alloc_percpu_gfp(struct ovs_ila_count_cells,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return counts->cells;
}

void ovs_ila_counts_destroy(struct ovs_ila_counts *counts)
{
	free_percpu(counts->cells);
}

u64 ovs_ila_counts_bytes(void)
{
	return (u64)num_possible_cpus() * sizeof(struct ovs_ila_count_cells);
}

/* Gives 'cell' to 'id', and what it has counted to the entry that had it; if
 * that is no more, nobody wants to know.
 */
static void hand_over(const struct ovs_ila_counts *counts,
		      struct ovs_ila_count_cell *cell, u32 id)
{
	WRITE_ONCE(cell->gen, cell->gen + 1);
	smp_mb();	/* Pairs with those in try_read(). */
	if (cell->packets) {
		struct ovs_ila_count_pair *pair;

		pair = counts->pair_of(counts->aux, cell->id);
		if (pair) {
			atomic64_add(cell->packets, &pair->packets);
			atomic64_add(cell->bytes, &pair->bytes);
		}
	}
	WRITE_ONCE(cell->packets, 0);
	WRITE_ONCE(cell->bytes, 0);
	smp_store_release(&cell->id, id);	/* See sum_cells(). */
	smp_mb();	/* Likewise. */
	WRITE_ONCE(cell->gen, cell->gen + 1);
}

void ovs_ila_counts_add_other(const struct ovs_ila_counts *counts, u32 id,
			      struct ovs_ila_count_pair *pair, u32 bytes)
{
	struct ovs_ila_count_cell *cell = ovs_ila_count_cell(counts, id);

	if (cell->id != id) {
		if (cell->votes) {
			cell->votes--;
			atomic64_inc(&pair->packets);
			atomic64_add(bytes, &pair->bytes);
			return;
		}
		hand_over(counts, cell, id);
		cell->votes = FIRST_VOTES;
	} else {
		/* There is no room for more in 32 bits. */
		hand_over(counts, cell, id);
	}
	ovs_ila_count_in_cell(cell, bytes);
}

static const struct ovs_ila_count_cell *
cell_of(const struct ovs_ila_counts *counts, int cpu, u32 id)
{
	const struct ovs_ila_count_cells *cells;

	cells = per_cpu_ptr(counts->cells, cpu);
	return &cells->cells[id % OVS_ILA_N_COUNT_CELLS];
}

/* What there is in cells for one entry. */
struct cell_sum {
	unsigned int n;
	u32 gens;
	u64 packets;
	u64 bytes;
};

/* Returns false if a cell is being handed over. */
static bool sum_cells(const struct ovs_ila_counts *counts, u32 id,
		      struct cell_sum *sum)
{
	int cpu;

	*sum = (struct cell_sum){};
	for_each_possible_cpu(cpu) {
		const struct ovs_ila_count_cell *cell = cell_of(counts, cpu, id);
		u32 gen = READ_ONCE(cell->gen);

		if (gen & 1)
			return false;

		/* Pairs with smp_store_release() in hand_over(): if the cell
		 * is not the entry's any more, the entry has the counts.
		 */
		if (smp_load_acquire(&cell->id) == id) {
			sum->n++;
			sum->gens += gen;
			sum->packets += READ_ONCE(cell->packets);
			sum->bytes += READ_ONCE(cell->bytes);
		}
	}
	return true;
}

/* Returns false if counts may be missing or double because a cell of the entry
 * was handed over meanwhile.
 */
static bool try_read(const struct ovs_ila_counts *counts, u32 id,
		     const struct ovs_ila_count_pair *pair,
		     u64 *packets, u64 *bytes)
{
	struct cell_sum sum, again;

	smp_mb();	/* A new 'pair' is seen by hand-overs that follow. */
	if (!sum_cells(counts, id, &sum))
		return false;
	smp_mb();	/* Pairs with those in hand_over(). */
	*packets = atomic64_read(&pair->packets) + sum.packets;
	*bytes = atomic64_read(&pair->bytes) + sum.bytes;
	if (!sum.n)
		return true;
	smp_mb();	/* Likewise. */
	return sum_cells(counts, id, &again) && again.n == sum.n &&
	       again.gens == sum.gens;
}

void ovs_ila_counts_read(const struct ovs_ila_counts *counts, u32 id,
			 const struct ovs_ila_count_pair *pair,
			 u64 *packets, u64 *bytes)
{
	/* It is rare that an entry loses a cell. */
	while (!try_read(counts, id, pair, packets, bytes))
		cond_resched();
}

void ovs_ila_counts_reset(const struct ovs_ila_counts *counts, u32 id,
			  struct ovs_ila_count_pair *pair)
{
	u64 packets, bytes;

	/* What is in cells may go to the entry at any time; the sum stays. */
	ovs_ila_counts_read(counts, id, pair, &packets, &bytes);
	atomic64_sub(packets, &pair->packets);
	atomic64_sub(bytes, &pair->bytes);
}
