/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_TABLE_IMPL_H
#define OVS_ILA_TABLE_IMPL_H 1

/* The ILA mapping table from inside: for ila_table*.c, ila_load.c and what is
 * inline in ila_reader.h only.
 *
 * An entry is a slot.  Readers find it by what it matches on the wire, in
 * 'index', in which slots of all shapes are.  Its value is shared and never
 * changes; the slot changes to another one by one store.
 *
 * Where the identifier on the wire is another one than the user's (dir in,
 * neutral, with identifier) the entry is called adjusted.  Writers find it by
 * what the user knows in 'matches'.  Its address on the wire depends on its
 * value, thus it may need another one there.  No reader must miss it meanwhile,
 * nor see a slot half written, and its id, by which listings go, must stay.
 * So it is moved out to a temporary slot and, after a grace period, back home:
 * see ovs_ila_go_home().
 *
 * Packets may keep what they found beyond their grace period, as long as
 * 'version' stays the same.  It changes after each change of what readers find,
 * and before a grace period is waited for after which something of that is used
 * for something else.
 *
 * Everything that is not marked otherwise is under the mutex.
 */

#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mutex.h>

#include "ila_counts.h"
#include "ila_index.h"
#include "ila_pool.h"
#include "ila_table.h"

/* The upper bits of the member 'value' of a slot.  Readers compare the lower
 * four and ignore the upper three.
 */
#define SLOT_FIELDS_SHIFT 24
#define SLOT_FIELDS (7U << SLOT_FIELDS_SHIFT)
#define SLOT_OUT BIT(27)
#define SLOT_KEY (SLOT_FIELDS | SLOT_OUT)
#define SLOT_ADJUSTED BIT(28)
#define SLOT_LIVE BIT(29)	/* In the table. */
#define SLOT_KEPT BIT(30)	/* While a load replaces: stays as it is... */
#define SLOT_CHANGED BIT(31)	/* ...or gets another value. */

struct ovs_ila_slot {
	/* Zero where 'fields' does not say that it is matched.  As it is on
	 * the wire.
	 */
	__be64 locator;
	__be64 identifier;
	u32 value;		/* Id of the value, and the bits above. */
	u16 in_port;
	__be16 word;		/* Adjusted: the last of the user's identifier.
				 */

	/* Any processor. */
	struct ovs_ila_count_pair counts;
	u32 used;		/* Tick of the last packet, 0 for never. */

	/* In seconds; not for readers.  In a slot that is not in the table it
	 * is the id of one that is, see ovs_ila_go_home().
	 */
	u32 created;
};

static_assert(sizeof(struct ovs_ila_slot) == 48);

/* What readers compare. */
struct ovs_ila_key {
	__be64 locator;
	__be64 identifier;
	u32 bits;		/* SLOT_KEY. */
	u16 in_port;
};

#define OVS_ILA_PORTS 65536
#define OVS_ILA_PORT_BLOCK 256

/* The numbers of entries for some ports, by direction.  Any context. */
struct ovs_ila_port_block {
	u32 n[OVS_ILA_PORT_BLOCK][2];
};

struct ovs_ila_table {
	/* For readers, who do not write here. */
	struct ovs_ila_index __rcu *index;
	u64 seed;
	unsigned long version;	/* Never 0. */
	u32 n_icmp_inner;	/* Any context. */
	struct ovs_ila_counts counts;
	struct ovs_ila_pool slots;
	struct ovs_ila_pool values;

	struct mutex mutex;	/* Of writers. */

	/* Any context. */
	u32 n;
	u32 n_timeouts;
	u32 max;
	u32 generation;
	u32 epoch;		/* Changes when a load replaces. */
	u32 n_any_port[2];	/* Entries without a port. */
	struct ovs_ila_port_block *ports[OVS_ILA_PORTS / OVS_ILA_PORT_BLOCK];

	struct ovs_ila_index *matches;	/* Of the adjusted entries. */
	struct ovs_ila_index *value_index;
	u32 per_shape[2][8];
	u32 per_owner[2];	/* User, database. */
	u64 load_bytes;
};

/* Entries that are found by what they match and by their address on the wire:
 * those of the table, or what a load has staged.
 */
struct ovs_ila_set {
	struct ovs_ila_index *index;
	struct ovs_ila_index *matches;
};

static inline struct ovs_ila_slot *
ovs_ila_slot_at(const struct ovs_ila_table *table, u32 id)
{
	return ovs_ila_pool_at(&table->slots, id, sizeof(struct ovs_ila_slot));
}

static inline struct ovs_ila_value *
ovs_ila_value_at(const struct ovs_ila_table *table, u32 id)
{
	return ovs_ila_pool_at(&table->values, id,
			       sizeof(struct ovs_ila_value));
}

/* The value of a slot whose member 'value' is 'bits'. */
static inline struct ovs_ila_value *
ovs_ila_value_from_bits(const struct ovs_ila_table *table, u32 bits)
{
	return ovs_ila_value_at(table, bits & OVS_ILA_CELL_ID);
}

static inline struct ovs_ila_value *
ovs_ila_value_of(const struct ovs_ila_table *table,
		 const struct ovs_ila_slot *slot)
{
	return ovs_ila_value_from_bits(table, slot->value);
}

static inline u8 ovs_ila_bits_fields(u32 bits)
{
	return (bits & SLOT_FIELDS) >> SLOT_FIELDS_SHIFT;
}

static inline u8 ovs_ila_bits_dir(u32 bits)
{
	return bits & SLOT_OUT ? OVS_ILA_DIR_OUT : OVS_ILA_DIR_IN;
}

/* The bits of shapes in the member 'shapes' of the table's index, in the order
 * of preference: dir in before out, then by fields.
 */
#define SHAPES_IN 0xff00
#define SHAPES_OUT 0x00ff
#define SHAPES_IN_PORT 0xcccc	/* Which match on the port. */
#define SHAPE_OF_BIT(N) ((N) ^ (SLOT_OUT >> SLOT_FIELDS_SHIFT))

static inline u32 ovs_ila_shape_bit(u32 bits)
{
	return BIT(SHAPE_OF_BIT((bits & SLOT_KEY) >> SLOT_FIELDS_SHIFT));
}

/* Returns the slot of the table with the least id above '*id', which becomes
 * that one, or NULL.
 */
static inline struct ovs_ila_slot *
ovs_ila_next_live(const struct ovs_ila_table *table, u32 *id)
{
	u32 next = *id;

	while ((next = ovs_ila_pool_next(&table->slots, next + 1)) != 0) {
		struct ovs_ila_slot *slot = ovs_ila_slot_at(table, next);

		if (slot->value & SLOT_LIVE) {
			*id = next;
			return slot;
		}
	}
	return NULL;
}

/* Likewise with ovs_ila_index_next(). */
static inline struct ovs_ila_slot *
ovs_ila_next_in(const struct ovs_ila_table *table,
		const struct ovs_ila_index *index, u32 *i, u32 *id)
{
	*id = ovs_ila_index_next(index, i);
	return *id ? ovs_ila_slot_at(table, *id) : NULL;
}

/* Loops over entries, which may be millions, call this each time. */
static inline void ovs_ila_breathe(u32 i)
{
	if (!(i % 256))
		cond_resched();
}

/* A tick is 32 to 53 ms, as the frequency of the timer allows; they are good
 * for four years.
 */
#define OVS_ILA_TICK_SHIFT ilog2(HZ / 16)

/* Seconds, and ticks, since some time ago. */
u32 ovs_ila_seconds(void);
static inline u32 ovs_ila_tick(void)
{
	u64 jiffies64 = get_jiffies_64();

	return jiffies64 >> OVS_ILA_TICK_SHIFT;
}

u64 ovs_ila_ticks_to_msecs(u32 ticks);

/* ila_value.c: values, and what entries make of them. */

/* Returns the id of the value of 'entry', which is valid, with a new reference,
 * or 0 if there is no memory.
 */
u32 ovs_ila_value_get(struct ovs_ila_table *table,
		      const struct ovs_ila_entry *entry);
void ovs_ila_value_ref(struct ovs_ila_table *table, u32 id);
void ovs_ila_value_put(struct ovs_ila_table *table, u32 id);

/* Gives memory back that is no longer needed to find values. */
void ovs_ila_value_tidy(struct ovs_ila_table *table);

/* Fills 'entry' with all but the match. */
void ovs_ila_value_to_entry(const struct ovs_ila_value *value,
			    struct ovs_ila_entry *entry);

/* Does 'filter' select entries with this value, as far as it says? */
bool ovs_ila_filter_selects_value(const struct ovs_ila_filter *filter,
				  const struct ovs_ila_value *value);

/* What 'entry', which is valid, is on the wire.  Returns whether it is
 * adjusted.
 */
bool ovs_ila_entry_to_key(const struct ovs_ila_entry *entry,
			  struct ovs_ila_key *key);

/* The key of a match as the user knows it. */
void ovs_ila_match_to_key(const struct ovs_ila_match *match,
			  struct ovs_ila_key *key);

/* ila_slot.c: slots, and sets of them. */

/* On the way of packets, thus no jhash: it takes twice as long. */
static inline u32 ovs_ila_hash(const struct ovs_ila_table *table,
			       __be64 locator, __be64 identifier, u32 bits,
			       u16 in_port)
{
	u64 h = table->seed;

	h = (h ^ (__force u64)locator) * GOLDEN_RATIO_64;
	h = (ror64(h, 32) ^ (__force u64)identifier) * GOLDEN_RATIO_64;
	h = (ror64(h, 32) ^ (bits | in_port)) * GOLDEN_RATIO_64;
	return h >> 32;
}

static inline u32 ovs_ila_hash_key(const struct ovs_ila_table *table,
				   const struct ovs_ila_key *key)
{
	return ovs_ila_hash(table, key->locator, key->identifier, key->bits,
			    key->in_port);
}

/* The hash of a slot in 'index', and of an adjusted one in 'matches'. */
u32 ovs_ila_hash_slot(const struct ovs_ila_table *table,
		      const struct ovs_ila_slot *slot);
u32 ovs_ila_hash_match(const struct ovs_ila_table *table,
		       const struct ovs_ila_slot *slot);

/* Returns the id of the slot in 'set' with this address on the wire, or 0. */
u32 ovs_ila_find_key(const struct ovs_ila_table *table,
		     const struct ovs_ila_set *set,
		     const struct ovs_ila_key *key);

/* Returns the id of the slot in 'set' with this match, or 0. */
u32 ovs_ila_find_match(const struct ovs_ila_table *table,
		       const struct ovs_ila_set *set,
		       const struct ovs_ila_match *match);

/* What ovs_ila_find_key() and ovs_ila_find_match() take for 'slot' itself. */
void ovs_ila_slot_to_key(const struct ovs_ila_slot *slot,
			 struct ovs_ila_key *key);
void ovs_ila_slot_to_entry(const struct ovs_ila_table *table,
			   const struct ovs_ila_slot *slot,
			   struct ovs_ila_entry *entry);

enum ovs_ila_owner ovs_ila_slot_owner(const struct ovs_ila_table *table,
				      u32 id);

/* Does 'filter', NULL for all, select 'slot', whose value is 'value'? */
bool ovs_ila_filter_selects(const struct ovs_ila_filter *filter,
			    const struct ovs_ila_slot *slot,
			    const struct ovs_ila_value *value);

/* Any context: the number of entries that match on 'in_port'. */
u32 ovs_ila_port_count(const struct ovs_ila_table *table, u8 dir, u32 in_port);

/* Makes a slot of 'entry' that is not in the table.  Returns its id, or 0 if
 * there is no memory; also for the counts of its port.
 */
u32 ovs_ila_slot_new(struct ovs_ila_table *table,
		     const struct ovs_ila_entry *entry);

/* Frees a slot that no reader ever saw. */
void ovs_ila_slot_free(struct ovs_ila_table *table, u32 id);

/* Makes room for 'n' slots more, 'n_adjusted' of them adjusted, in the table.
 * Returns false if there is no memory.
 */
bool ovs_ila_reserve(struct ovs_ila_table *table, u32 n, u32 n_adjusted);

/* Likewise in 'set', of which readers know nothing. */
bool ovs_ila_set_reserve(const struct ovs_ila_table *table,
			 struct ovs_ila_set *set, bool adjusted);
void ovs_ila_set_insert(const struct ovs_ila_table *table,
			struct ovs_ila_set *set, u32 id);

struct ovs_ila_index *ovs_ila_main_index(const struct ovs_ila_table *table);
struct ovs_ila_set ovs_ila_main_set(const struct ovs_ila_table *table);

/* What readers find has changed. */
void ovs_ila_changed(struct ovs_ila_table *table);

/* Puts 'index' in the place of the table's. */
void ovs_ila_publish(struct ovs_ila_table *table, struct ovs_ila_index *index);

/* 'slot', with the value that it has, counts as a part of the table from here
 * on, or does not any more.
 */
void ovs_ila_account(struct ovs_ila_table *table,
		     const struct ovs_ila_slot *slot, bool add);

/* The slot 'id' enters the table, where there is room for it. */
void ovs_ila_enter(struct ovs_ila_table *table, u32 id);

/* The slot 'id' leaves the table; it is in its indexes, or, for
 * ovs_ila_drop(), in none.
 */
void ovs_ila_leave(struct ovs_ila_table *table, u32 id);
void ovs_ila_drop(struct ovs_ila_table *table, u32 id);

/* The slot's value becomes 'value', a reference to which it takes over; its
 * address on the wire stays.
 */
void ovs_ila_change_value(struct ovs_ila_table *table,
			  struct ovs_ila_slot *slot, u32 value);

/* Each slot in 'away' has a home, a slot of the table, whose id is its member
 * 'created'.  It stands for it in the table's index, where home is not any
 * more.  Home becomes what it is, and it is freed.  Takes two grace periods.
 */
void ovs_ila_go_home(struct ovs_ila_table *table, struct ovs_ila_index *away);

/* Ends a change of the table that took 'n' entries out. */
void ovs_ila_tidy(struct ovs_ila_table *table, u32 n);

/* What a slot counted. */
void ovs_ila_slot_stats(const struct ovs_ila_table *table, u32 id,
			struct ovs_ila_entry_stats *stats);

#endif /* ila_table_impl.h */
