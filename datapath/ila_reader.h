/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_READER_H
#define OVS_ILA_READER_H 1

/* The ILA mapping table as packets see it: each instruction of theirs counts.
 * This is what ila_table.h has for readers, inline where that is faster and in
 * pieces of which a packet may skip some; who includes it needs nothing else of
 * ila_table_impl.h.
 */

#include <linux/bitops.h>
#include <linux/rcupdate.h>

#include <asm/unaligned.h>

#include "ila_table_impl.h"
#include "ila_translate.h"

/* An entry as ovs_ila_reader_find() found it, small enough for registers. */
struct ovs_ila_found {
	struct ovs_ila_slot *slot;	/* NULL if there is none. */
	u32 bits;			/* slot->value, which may have changed since. */
	u32 id;
};

/* Looks up as ovs_ila_table_lookup(). */
struct ovs_ila_found ovs_ila_reader_find(const struct ovs_ila_table *table,
					 u8 dirs, u32 in_port, const u8 *addr);

static __always_inline struct ovs_ila_hit
ovs_ila_reader_hit(const struct ovs_ila_table *table,
		   struct ovs_ila_found found)
{
	return (struct ovs_ila_hit){
		.value = ovs_ila_value_from_bits(table, found.bits),
		.slot = found.slot,
		.id = found.id,
		.exact = found.bits & SLOT_ADJUSTED,
	};
}

/* ovs_ila_hit_translate() in place, in the simple case that the sum of the
 * address is kept.  Otherwise it does nothing and returns false.
 */
static __always_inline bool
ovs_ila_reader_translate_neutral(const struct ovs_ila_table *table,
				 struct ovs_ila_found found, u8 *address)
{
	const struct ovs_ila_value *value =
		ovs_ila_value_from_bits(table, found.bits);

	return value->xlat.ident_type == OVS_ILA_IDENT_LUID &&
	       ovs_ila_translate_neutral(&value->xlat, value->minus,
					 found.bits & SLOT_ADJUSTED ?
					 &found.slot->word : NULL,
					 value->flags, address);
}

/* The entry is in use. */
static __always_inline void ovs_ila_reader_use(struct ovs_ila_slot *slot)
{
	u32 tick = ovs_ila_tick() ?: 1;

	if (READ_ONCE(slot->used) != tick)
		WRITE_ONCE(slot->used, tick);
}

/* Counts one packet of 'bytes' bytes for the entry; in the same RCU section as
 * the lookup.
 */
static __always_inline void
ovs_ila_reader_count(const struct ovs_ila_table *table,
		     struct ovs_ila_slot *slot, u32 id, u32 bytes)
{
	ovs_ila_reader_use(slot);
	ovs_ila_counts_add(&table->counts, id, &slot->counts, bytes);
}

/* What the last packet found: most that follow are like it.  And what its address
 * became, if ovs_ila_reader_translate_neutral() was enough for it, and what it
 * takes to count for its entry then.  For one processor, whose bottom halves are
 * disabled, and one port.  Zeros are an empty one.
 */
struct ovs_ila_memo {
	unsigned long version;
	u64 from[2];
	struct ovs_ila_found found;
	u8 dirs;
	bool has_result;

	/* With 'has_result'. */
	u64 to[2];
	struct ovs_ila_count_cell *cell; /* May be another entry's. */
	unsigned long used;	/* The jiffy that the entry was in use last. */
};

/* Returns what 'memo' has to be compared with, and has to be kept in it, of what
 * is looked up afterwards.
 */
static __always_inline unsigned long
ovs_ila_reader_version(const struct ovs_ila_table *table)
{
	/* Pairs with ovs_ila_changed(). */
	return smp_load_acquire(&table->version);
}

/* Is a packet to 'address' like the one before? */
static __always_inline bool
ovs_ila_memo_applies(const struct ovs_ila_memo *memo, unsigned long version,
		     u8 dirs, const u8 *address)
{
	return memo->version == version && memo->dirs == dirs &&
	       memo->from[0] == ovs_ila_half(address) &&
	       memo->from[1] == ovs_ila_half(address + 8);
}

/* A packet to 'address' has found 'found'. */
static __always_inline void
ovs_ila_memo_keep(struct ovs_ila_memo *memo, unsigned long version, u8 dirs,
		  const u8 *address, struct ovs_ila_found found)
{
	memo->version = version;
	memcpy(memo->from, address, sizeof(memo->from));
	memo->found = found;
	memo->dirs = dirs;
	memo->has_result = false;
}

/* Its address has become 'address'. */
static __always_inline void
ovs_ila_memo_keep_result(struct ovs_ila_memo *memo,
			 const struct ovs_ila_table *table, const u8 *address)
{
	memcpy(memo->to, address, sizeof(memo->to));
	memo->cell = ovs_ila_count_cell(&table->counts, memo->found.id);
	memo->used = jiffies - 1;
	memo->has_result = true;
}

/* Can ovs_ila_memo_count() count a packet like the one before? */
static __always_inline bool
ovs_ila_memo_counts(const struct ovs_ila_memo *memo)
{
	return memo->has_result &&
	       ovs_ila_count_cell_takes(memo->cell, memo->found.id);
}

/* ovs_ila_reader_count() for it. */
static __always_inline void
ovs_ila_memo_count(struct ovs_ila_memo *memo, u32 bytes)
{
	unsigned long now = jiffies;

	/* No tick is shorter. */
	if (unlikely(memo->used != now)) {
		memo->used = now;
		ovs_ila_reader_use(memo->found.slot);
	}
	ovs_ila_count_for_owner(memo->cell, bytes);
}

#endif /* ila_reader.h */
