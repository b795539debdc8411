// SPDX-License-Identifier: GPL-2.0-only

/* The slots of the ILA mapping table: how they are found, how they enter and
 * leave the table, and how they change while readers look.
 */

#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/unaligned.h>

#include "ila_table_impl.h"
#include "ila_translate.h"

/* So many that leave at once are worth waiting for, to have the memory back. */
#define DRAIN_AT 4096

u32 ovs_ila_hash_slot(const struct ovs_ila_table *table,
		      const struct ovs_ila_slot *slot)
{
	return ovs_ila_hash(table, slot->locator, slot->identifier,
			    slot->value & SLOT_KEY, slot->in_port);
}

/* The user's identifier. */
static __be64 slot_identifier(const struct ovs_ila_table *table,
			      const struct ovs_ila_slot *slot)
{
	const struct ovs_ila_value *value = ovs_ila_value_of(table, slot);
	__be64 identifier = slot->identifier;
	u8 *bytes = (u8 *)&identifier;

	if (slot->value & SLOT_ADJUSTED) {
		if (value->xlat.csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP)
			bytes[0] &= ~OVS_ILA_IDENT_CBIT;
		memcpy(bytes + 6, &slot->word, 2);
	}
	return identifier;
}

u32 ovs_ila_hash_match(const struct ovs_ila_table *table,
		       const struct ovs_ila_slot *slot)
{
	return ovs_ila_hash(table, slot->locator, slot_identifier(table, slot),
			    slot->value & SLOT_KEY, slot->in_port);
}

struct search {
	const struct ovs_ila_table *table;
	const struct ovs_ila_key *key;
};

static bool is_key(const void *aux, u32 id)
{
	const struct search *search = aux;
	const struct ovs_ila_slot *slot = ovs_ila_slot_at(search->table, id);
	const struct ovs_ila_key *key = search->key;

	return slot->locator == key->locator &&
	       slot->identifier == key->identifier &&
	       slot->in_port == key->in_port &&
	       (slot->value & SLOT_KEY) == key->bits;
}

static bool is_match(const void *aux, u32 id)
{
	const struct search *search = aux;
	const struct ovs_ila_slot *slot = ovs_ila_slot_at(search->table, id);
	const struct ovs_ila_key *key = search->key;

	return slot->locator == key->locator &&
	       slot_identifier(search->table, slot) == key->identifier &&
	       slot->in_port == key->in_port &&
	       (slot->value & SLOT_KEY) == key->bits;
}

u32 ovs_ila_find_key(const struct ovs_ila_table *table,
		     const struct ovs_ila_set *set,
		     const struct ovs_ila_key *key)
{
	struct search search = { .table = table, .key = key };

	if (!set->index)
		return 0;
	return ovs_ila_index_find(set->index, ovs_ila_hash_key(table, key),
				  is_key, &search);
}

u32 ovs_ila_find_match(const struct ovs_ila_table *table,
		       const struct ovs_ila_set *set,
		       const struct ovs_ila_match *match)
{
	struct ovs_ila_key key;
	struct search search = { .table = table, .key = &key };
	u32 id;

	ovs_ila_match_to_key(match, &key);
	if (set->matches) {
		id = ovs_ila_index_find(set->matches,
					ovs_ila_hash_key(table, &key),
					is_match, &search);
		if (id)
			return id;
	}

	/* An adjusted one may have on the wire what is looked for. */
	id = ovs_ila_find_key(table, set, &key);
	if (id && ovs_ila_slot_at(table, id)->value & SLOT_ADJUSTED)
		id = 0;
	return id;
}

void ovs_ila_slot_to_key(const struct ovs_ila_slot *slot,
			 struct ovs_ila_key *key)
{
	key->locator = slot->locator;
	key->identifier = slot->identifier;
	key->bits = slot->value & SLOT_KEY;
	key->in_port = slot->in_port;
}

void ovs_ila_slot_to_entry(const struct ovs_ila_table *table,
			   const struct ovs_ila_slot *slot,
			   struct ovs_ila_entry *entry)
{
	__be64 identifier = slot_identifier(table, slot);

	memset(entry, 0, sizeof(*entry));
	memcpy(entry->match.locator, &slot->locator, 8);
	memcpy(entry->match.identifier, &identifier, 8);
	entry->match.in_port = slot->in_port;
	entry->match.dir = ovs_ila_bits_dir(slot->value);
	entry->match.fields = ovs_ila_bits_fields(slot->value);
	ovs_ila_value_to_entry(ovs_ila_value_of(table, slot), entry);
}

enum ovs_ila_owner ovs_ila_slot_owner(const struct ovs_ila_table *table,
				      u32 id)
{
	const struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);

	return ovs_ila_value_of(table, slot)->flags & OVS_ILA_ENTRY_DATABASE ?
	       OVS_ILA_OWNER_DATABASE : OVS_ILA_OWNER_USER;
}

static bool has_port(u32 bits)
{
	return ovs_ila_bits_fields(bits) & OVS_ILA_MATCH_IN_PORT;
}

bool ovs_ila_filter_selects(const struct ovs_ila_filter *filter,
			    const struct ovs_ila_slot *slot,
			    const struct ovs_ila_value *value)
{
	if (!filter)
		return true;
	if (filter->has_in_port && !(has_port(slot->value) &&
				     slot->in_port == filter->in_port))
		return false;
	return ovs_ila_filter_selects_value(filter, value);
}

u32 ovs_ila_port_count(const struct ovs_ila_table *table, u8 dir, u32 in_port)
{
	const struct ovs_ila_port_block *block;

	if (in_port >= OVS_ILA_PORTS)
		return 0;
	block = READ_ONCE(table->ports[in_port / OVS_ILA_PORT_BLOCK]);
	return block ? READ_ONCE(block->n[in_port % OVS_ILA_PORT_BLOCK]
					 [dir - 1]) : 0;
}

/* Slots that are not in the table. */

static bool reserve_port(struct ovs_ila_table *table, u16 in_port)
{
	struct ovs_ila_port_block **block =
		&table->ports[in_port / OVS_ILA_PORT_BLOCK];

	if (!*block) {
		struct ovs_ila_port_block *new;

		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return false;

		/* Pairs with READ_ONCE() in ovs_ila_port_count(). */
		smp_store_release(block, new);
	}
	return true;
}

u32 ovs_ila_slot_new(struct ovs_ila_table *table,
		     const struct ovs_ila_entry *entry)
{
	u32 max_id = table->slots.max_id;
	struct ovs_ila_slot *slot;
	struct ovs_ila_key key;
	bool adjusted = ovs_ila_entry_to_key(entry, &key);
	u32 value, id;

	if (has_port(key.bits) && !reserve_port(table, key.in_port))
		return 0;
	value = ovs_ila_value_get(table, entry);
	if (!value)
		return 0;
	id = ovs_ila_pool_alloc(&table->slots);
	if (!id) {
		ovs_ila_value_put(table, value);
		return 0;
	}

	slot = ovs_ila_slot_at(table, id);
	slot->locator = key.locator;
	slot->identifier = key.identifier;
	slot->in_port = key.in_port;
	slot->value = value | key.bits | (adjusted ? SLOT_ADJUSTED : 0);
	slot->word = get_unaligned((const __be16 *)entry->match.identifier + 3);
	slot->used = 0;
	slot->created = 0;
	if (id <= max_id)
		ovs_ila_counts_reset(&table->counts, id, &slot->counts);
	return id;
}

void ovs_ila_slot_free(struct ovs_ila_table *table, u32 id)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);

	ovs_ila_value_put(table, slot->value & OVS_ILA_CELL_ID);
	slot->value = 0;
	ovs_ila_pool_free(&table->slots, id);
}

/* Indexes. */

struct ovs_ila_index *ovs_ila_main_index(const struct ovs_ila_table *table)
{
	return rcu_dereference_protected(table->index,
					 lockdep_is_held(&table->mutex));
}

struct ovs_ila_set ovs_ila_main_set(const struct ovs_ila_table *table)
{
	return (struct ovs_ila_set){
		.index = ovs_ila_main_index(table),
		.matches = table->matches,
	};
}

void ovs_ila_changed(struct ovs_ila_table *table)
{
	/* Who sees the new version finds what is new. */
	smp_store_release(&table->version, table->version + 1 ?: 1);
}

void ovs_ila_publish(struct ovs_ila_table *table, struct ovs_ila_index *index)
{
	struct ovs_ila_index *old = ovs_ila_main_index(table);

	rcu_assign_pointer(table->index, index);
	ovs_ila_changed(table);
	if (old)
		kvfree_rcu(old, rcu);
}

/* Puts another index of the same slots, with room for 'n' more, in the place
 * of the table's.
 */
static bool rebuild(struct ovs_ila_table *table, u32 n)
{
	struct ovs_ila_index *old = ovs_ila_main_index(table);
	struct ovs_ila_index *new = ovs_ila_index_alloc(table->n + n);
	struct ovs_ila_slot *slot;
	u32 id;

	if (!new)
		return false;
	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		ovs_ila_index_insert(new, ovs_ila_hash_slot(table, slot), id);
		ovs_ila_breathe(id);
	}
	new->shapes = old ? old->shapes : 0;
	ovs_ila_publish(table, new);
	return true;
}

static bool rebuild_matches(struct ovs_ila_table *table, u32 n)
{
	struct ovs_ila_index *old = table->matches;
	struct ovs_ila_index *new;
	struct ovs_ila_slot *slot;
	u32 i, id;

	new = ovs_ila_index_alloc_tight((old ? old->n : 0) + n);
	if (!new)
		return false;
	if (old) {
		for (i = 0; (slot = ovs_ila_next_in(table, old, &i, &id)) != NULL;) {
			ovs_ila_index_insert(new,
					     ovs_ila_hash_match(table, slot),
					     id);
			ovs_ila_breathe(i);
		}
	}
	table->matches = new;
	kvfree(old);
	return true;
}

bool ovs_ila_reserve(struct ovs_ila_table *table, u32 n, u32 n_adjusted)
{
	if (n_adjusted && !ovs_ila_index_fits(table->matches, n_adjusted) &&
	    !rebuild_matches(table, n_adjusted))
		return false;
	return ovs_ila_index_fits(ovs_ila_main_index(table), n) ||
	       rebuild(table, n);
}

typedef u32 hash_fn(const struct ovs_ila_table *table,
		    const struct ovs_ila_slot *slot);

static bool reserve_in(const struct ovs_ila_table *table,
		       struct ovs_ila_index **index, hash_fn *hash_of)
{
	struct ovs_ila_index *old = *index;
	struct ovs_ila_index *new;
	struct ovs_ila_slot *slot;
	u32 i, id;

	if (ovs_ila_index_fits(old, 1))
		return true;

	/* Nobody knows how many are still to come. */
	new = ovs_ila_index_alloc(old ? 2 * old->n : 64);
	if (!new)
		return false;
	if (old) {
		for (i = 0; (slot = ovs_ila_next_in(table, old, &i, &id)) != NULL;) {
			ovs_ila_index_insert(new, hash_of(table, slot), id);
			ovs_ila_breathe(i);
		}
	}
	kvfree(old);
	*index = new;
	return true;
}

bool ovs_ila_set_reserve(const struct ovs_ila_table *table,
			 struct ovs_ila_set *set, bool adjusted)
{
	return reserve_in(table, &set->index, ovs_ila_hash_slot) &&
	       (!adjusted ||
		reserve_in(table, &set->matches, ovs_ila_hash_match));
}

void ovs_ila_set_insert(const struct ovs_ila_table *table,
			struct ovs_ila_set *set, u32 id)
{
	const struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);

	ovs_ila_index_insert(set->index, ovs_ila_hash_slot(table, slot), id);
	if (slot->value & SLOT_ADJUSTED)
		ovs_ila_index_insert(set->matches,
				     ovs_ila_hash_match(table, slot), id);
}

/* Slots that enter and leave. */

static void count(u32 *n, bool add)
{
	WRITE_ONCE(*n, add ? *n + 1 : *n - 1);
}

/* 'value' is, or is no longer, that of one more entry. */
static void account_value(struct ovs_ila_table *table,
			  const struct ovs_ila_value *value, bool add)
{
	count(&table->per_owner[value->flags & OVS_ILA_ENTRY_DATABASE ? 1 : 0],
	      add);
	if (value->idle_timeout || value->hard_timeout)
		count(&table->n_timeouts, add);
	if (value->flags & OVS_ILA_ENTRY_ICMP_INNER)
		count(&table->n_icmp_inner, add);
}

void ovs_ila_account(struct ovs_ila_table *table,
		     const struct ovs_ila_slot *slot, bool add)
{
	unsigned int dir = ovs_ila_bits_dir(slot->value) - 1;
	u32 *for_port = &table->n_any_port[dir];

	if (has_port(slot->value)) {
		u16 port = slot->in_port;

		for_port = &table->ports[port / OVS_ILA_PORT_BLOCK]
				->n[port % OVS_ILA_PORT_BLOCK][dir];
	}
	count(for_port, add);
	if (*for_port == (add ? 1 : 0))
		WRITE_ONCE(table->generation, table->generation + 1);

	count(&table->n, add);
	count(&table->per_shape[dir][ovs_ila_bits_fields(slot->value)], add);
	account_value(table, ovs_ila_value_of(table, slot), add);
}

void ovs_ila_enter(struct ovs_ila_table *table, u32 id)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	struct ovs_ila_set set = ovs_ila_main_set(table);

	slot->created = ovs_ila_seconds();
	slot->value |= SLOT_LIVE;
	ovs_ila_set_insert(table, &set, id);
	ovs_ila_account(table, slot, true);
	WRITE_ONCE(set.index->shapes,
		   set.index->shapes | ovs_ila_shape_bit(slot->value));
	ovs_ila_changed(table);
}

void ovs_ila_drop(struct ovs_ila_table *table, u32 id)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);

	ovs_ila_changed(table);
	ovs_ila_account(table, slot, false);
	WRITE_ONCE(slot->value,
		   slot->value & ~(SLOT_LIVE | SLOT_KEPT | SLOT_CHANGED));
	ovs_ila_value_put(table, slot->value & OVS_ILA_CELL_ID);
	ovs_ila_pool_retire(&table->slots, id);
}

void ovs_ila_leave(struct ovs_ila_table *table, u32 id)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	struct ovs_ila_index *index = ovs_ila_main_index(table);
	u32 bits = slot->value;

	if (bits & SLOT_ADJUSTED)
		ovs_ila_index_remove(table->matches,
				     ovs_ila_hash_match(table, slot), id);
	ovs_ila_index_remove(index, ovs_ila_hash_slot(table, slot), id);
	ovs_ila_drop(table, id);
	if (!table->per_shape[ovs_ila_bits_dir(bits) - 1]
			     [ovs_ila_bits_fields(bits)])
		WRITE_ONCE(index->shapes,
			   index->shapes & ~ovs_ila_shape_bit(bits));
}

void ovs_ila_change_value(struct ovs_ila_table *table,
			  struct ovs_ila_slot *slot, u32 value)
{
	u32 old = slot->value;

	account_value(table, ovs_ila_value_at(table, value), true);

	/* Whoever finds the value sees what is in it. */
	smp_store_release(&slot->value, value | (old & ~OVS_ILA_CELL_ID));
	ovs_ila_changed(table);
	account_value(table, ovs_ila_value_from_bits(table, old), false);
	ovs_ila_value_put(table, old & OVS_ILA_CELL_ID);
}

/* What 'home' becomes, no reader knowing it, by 'slot'. */
static void move_in(struct ovs_ila_table *table, struct ovs_ila_slot *home,
		    const struct ovs_ila_slot *slot)
{
	u32 old = home->value;

	account_value(table, ovs_ila_value_of(table, slot), true);
	home->locator = slot->locator;
	home->identifier = slot->identifier;
	home->word = slot->word;
	home->value = slot->value | SLOT_LIVE;
	account_value(table, ovs_ila_value_from_bits(table, old), false);
	ovs_ila_value_put(table, old & OVS_ILA_CELL_ID);
}

/* Adds what 'slot' counted, which nobody finds any more, to 'home'. */
static void bring_counts(struct ovs_ila_table *table, u32 id,
			 const struct ovs_ila_slot *slot,
			 struct ovs_ila_slot *home)
{
	u32 used = READ_ONCE(home->used);
	u64 packets, bytes;

	ovs_ila_counts_read(&table->counts, id, &slot->counts, &packets,
			    &bytes);
	atomic64_add(packets, &home->counts.packets);
	atomic64_add(bytes, &home->counts.bytes);

	/* If home is used meanwhile, that is later. */
	if (slot->used && (!used || (s32)(slot->used - used) > 0))
		cmpxchg(&home->used, used, slot->used);
}

void ovs_ila_go_home(struct ovs_ila_table *table, struct ovs_ila_index *away)
{
	struct ovs_ila_index *index = ovs_ila_main_index(table);
	struct ovs_ila_slot *slot;
	u32 i, id;

	ovs_ila_changed(table);
	synchronize_rcu();
	for (i = 0; (slot = ovs_ila_next_in(table, away, &i, &id)) != NULL;) {
		move_in(table, ovs_ila_slot_at(table, slot->created), slot);
		ovs_ila_index_swap(index, ovs_ila_hash_slot(table, slot), id,
				   slot->created);
		ovs_ila_breathe(i);
	}

	ovs_ila_changed(table);
	synchronize_rcu();
	for (i = 0; (slot = ovs_ila_next_in(table, away, &i, &id)) != NULL;) {
		bring_counts(table, id, slot,
			     ovs_ila_slot_at(table, slot->created));

		/* Its value went home. */
		slot->value = 0;
		ovs_ila_pool_free(&table->slots, id);
		ovs_ila_breathe(i);
	}
}

void ovs_ila_tidy(struct ovs_ila_table *table, u32 n)
{
	unsigned int i;

	/* No matter if there is no memory for smaller ones. */
	if (ovs_ila_index_sparse(ovs_ila_main_index(table)))
		rebuild(table, 0);
	if (ovs_ila_index_sparse(table->matches))
		rebuild_matches(table, 0);
	ovs_ila_value_tidy(table);

	/* Objects, then the chunks that they were in. */
	for (i = 0; i < 2 && n >= DRAIN_AT; i++) {
		synchronize_rcu();
		ovs_ila_pool_drain(&table->slots);
		ovs_ila_pool_drain(&table->values);
	}
	ovs_ila_pool_reclaim(&table->slots);
	ovs_ila_pool_reclaim(&table->values);
}

void ovs_ila_slot_stats(const struct ovs_ila_table *table, u32 id,
			struct ovs_ila_entry_stats *stats)
{
	const struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	u32 used = READ_ONCE(slot->used);
	u64 packets, bytes;

	ovs_ila_counts_read(&table->counts, id, &slot->counts, &packets,
			    &bytes);
	stats->packets = packets;
	stats->bytes = bytes;
	stats->used = used ? ovs_ila_ticks_to_msecs(ovs_ila_tick() - used) :
			     U64_MAX;
}
