/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef TEST_ILA_TABLE_H
#define TEST_ILA_TABLE_H 1

/* What the parts of the test of the ILA mapping table share. */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ila_reader.h"

/* So many allocations succeed, then one fails and 'shim_exhausted' is set.
 * Negative: all succeed.
 */
extern long shim_fail_at;
extern bool shim_exhausted;
extern long shim_n_allocs;	/* That are not freed. */

/* Called before each grace period that somebody waits for. */
extern void (*shim_at_grace)(void);

/* Counts a packet of 'bytes' bytes, as whoever found 'hit' does. */
static inline void count_hit(struct ovs_ila_table *table,
			     const struct ovs_ila_hit *hit, u32 bytes)
{
	ovs_ila_reader_count(table, hit->slot, hit->id, bytes);
}

/* OVS_ILA_MATCH_*: the preference of the entry that was found. */
static inline u8 hit_fields(const struct ovs_ila_hit *hit)
{
	return ovs_ila_bits_fields(READ_ONCE(hit->slot->value));
}

struct ovs_ila_table *new_table(void);

/* Frees 'table'.  Nothing may be left of it. */
void free_table(struct ovs_ila_table *table);

/* A random number below 'n', the same on all machines. */
extern __thread u64 random_state;
u32 any(u32 n);

struct ovs_ila_entry make_entry(u8 dir, u8 fields, u32 locator, u32 identifier,
				u32 in_port, u32 to, u8 csum_mode);

struct model_entry {
	struct ovs_ila_entry entry;
	u8 wire[OVS_ILA_ADDR_LEN];	/* What it matches. */
	bool adjusted;
	u64 packets, bytes;
	u64 created;			/* In jiffies, as the next. */
	u64 used;			/* 0 for never. */
};

bool neutral(u8 csum_mode);

/* Derives 'wire' and 'adjusted' straight from the definition. */
void model_wire(struct model_entry *m);

/* The entry 'i' of some that stay, whatever else changes, with the identifier
 * 'i'.
 */
struct ovs_ila_entry stable_entry(u32 i, u32 to);
void add_stable(struct ovs_ila_table *table, u32 n, u32 to);

/* Selects what leads to 'to', as make_entry() has it. */
struct ovs_ila_filter filter_to(u32 to);

/* Moves 'wanted' entries. */
void move_all(struct ovs_ila_table *table, u32 from, u32 to, u32 wanted);

/* Replaces all entries by 'n_stable' that stay, to 'to', and 'n' others. */
void replace_all(struct ovs_ila_table *table, u32 n_stable, u32 to, u32 n);

void run_model(u32 n_ops, u64 seed);
void run_faults(void);
void run_graces(void);
void run_storm(u32 n_rounds);
void run_bench(u32 n);

#endif /* test-ila-table.h */
