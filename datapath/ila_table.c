// SPDX-License-Identifier: GPL-2.0-only

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ila_reader.h"
#include "ila_table_impl.h"

/* Slots that are looked at with the mutex held, before others may have it. */
#define EXPIRE_BATCH 4096

static struct ovs_ila_count_pair *pair_of(const void *aux, u32 id)
{
	const struct ovs_ila_table *table = aux;
	struct ovs_ila_slot *slot;

	slot = ovs_ila_pool_find(&table->slots, id, sizeof(*slot));
	return slot ? &slot->counts : NULL;
}

struct ovs_ila_table *ovs_ila_table_alloc(void)
{
	struct ovs_ila_table *table = kvzalloc(sizeof(*table),
					       GFP_KERNEL_ACCOUNT);

	if (!table)
		return NULL;
	if (!ovs_ila_counts_init(&table->counts, pair_of, table)) {
		kvfree(table);
		return NULL;
	}
	ovs_ila_pool_init(&table->slots, sizeof(struct ovs_ila_slot),
			  offsetof(struct ovs_ila_slot, created));
	ovs_ila_pool_init(&table->values, sizeof(struct ovs_ila_value),
			  offsetof(struct ovs_ila_value, link));
	mutex_init(&table->mutex);
	table->seed = get_random_u64();
	table->max = OVS_ILA_TABLE_DEFAULT_MAX;
	table->epoch = 1;
	table->version = 1;
	return table;
}

void ovs_ila_table_destroy(struct ovs_ila_table *table)
{
	unsigned int i;

	if (!table)
		return;
	synchronize_rcu();
	WARN_ON_ONCE(table->load_bytes);
	kvfree(rcu_dereference_protected(table->index, true));
	kvfree(table->matches);
	kvfree(table->value_index);
	for (i = 0; i < ARRAY_SIZE(table->ports); i++)
		kfree(table->ports[i]);
	ovs_ila_pool_destroy(&table->slots);
	ovs_ila_pool_destroy(&table->values);
	ovs_ila_counts_destroy(&table->counts);
	mutex_destroy(&table->mutex);
	kvfree(table);
}

/* Readers. */

struct ovs_ila_found ovs_ila_reader_find(const struct ovs_ila_table *table,
					 u8 dirs, u32 in_port, const u8 *addr)
{
	const struct ovs_ila_index *index = rcu_dereference(table->index);
	__be64 locator = get_unaligned((const __be64 *)addr);
	__be64 identifier = get_unaligned((const __be64 *)(addr + 8));
	u32 shapes, n_cells;

	if (unlikely(!index))
		return (struct ovs_ila_found){};
	shapes = READ_ONCE(index->shapes);
	if (!(dirs & OVS_ILA_DIRS_IN))
		shapes &= SHAPES_OUT;
	if (!(dirs & OVS_ILA_DIRS_OUT))
		shapes &= SHAPES_IN;
	if (unlikely(in_port > U16_MAX))
		shapes &= ~SHAPES_IN_PORT;

	n_cells = index->n_cells;
	while (shapes) {
		u32 bit = __fls(shapes);
		u32 key_bits = SHAPE_OF_BIT(bit) << SLOT_FIELDS_SHIFT;
		__be64 key_locator = bit & OVS_ILA_MATCH_LOCATOR ? locator : 0;
		__be64 key_identifier = bit & OVS_ILA_MATCH_IDENTIFIER ?
					identifier : 0;
		u16 key_port = bit & OVS_ILA_MATCH_IN_PORT ? in_port : 0;
		u32 hash = ovs_ila_hash(table, key_locator, key_identifier,
					key_bits, key_port);
		u32 i = reciprocal_scale(hash, n_cells);
		u32 cell;

		shapes ^= BIT(bit);
		for (; (cell = READ_ONCE(index->cells[i])) != 0;
		     i = i + 1 == n_cells ? 0 : i + 1) {
			struct ovs_ila_slot *slot;
			u32 bits;

			if (!ovs_ila_cell_may_be(cell, hash))
				continue;
			slot = ovs_ila_slot_at(table, cell & OVS_ILA_CELL_ID);
			if (slot->locator != key_locator ||
			    slot->identifier != key_identifier ||
			    slot->in_port != key_port)
				continue;

			/* Read once: it may become another one at any time. */
			bits = READ_ONCE(slot->value);
			if ((bits & SLOT_KEY) != key_bits)
				continue;
			return (struct ovs_ila_found){
				.slot = slot,
				.bits = bits,
				.id = cell & OVS_ILA_CELL_ID,
			};
		}
	}
	return (struct ovs_ila_found){};
}

bool ovs_ila_table_lookup(const struct ovs_ila_table *table, u8 dirs,
			  u32 in_port, const u8 *addr,
			  struct ovs_ila_hit *hit)
{
	struct ovs_ila_found found;

	found = ovs_ila_reader_find(table, dirs, in_port, addr);
	if (!found.slot)
		return false;
	*hit = ovs_ila_reader_hit(table, found);
	return true;
}

enum ovs_ila_verdict ovs_ila_hit_translate(const struct ovs_ila_hit *hit,
					   const u8 *from, u8 *to)
{
	const struct ovs_action_ila *xlat = &hit->value->xlat;

	if (!hit->exact)
		return ovs_ila_translate_flags(xlat, hit->value->flags, from,
					       to);
	return ovs_ila_translate_exact(xlat, hit->slot->word, from, to);
}

bool ovs_ila_table_has_icmp_inner(const struct ovs_ila_table *table)
{
	return READ_ONCE(table->n_icmp_inner);
}

/* One entry. */

/* Gives the slot 'id' the value of 'entry', with the same match, and with it
 * another address on the wire or another way to restore the identifier.
 */
static int move_out(struct ovs_ila_table *table, u32 id,
		    const struct ovs_ila_entry *entry)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	struct ovs_ila_set set = ovs_ila_main_set(table);
	struct ovs_ila_index *away;
	struct ovs_ila_slot *guest;
	struct ovs_ila_key key;
	u32 other, guest_id, user_hash;
	bool adjusted;

	adjusted = ovs_ila_entry_to_key(entry, &key);
	other = ovs_ila_find_key(table, &set, &key);
	if (other && other != id)
		return -EEXIST;

	away = ovs_ila_index_alloc(1);
	if (!away)
		return -ENOMEM;
	guest_id = ovs_ila_slot_new(table, entry);
	if (!guest_id)
		goto error;
	if (!ovs_ila_reserve(table, 1,
			     adjusted && !(slot->value & SLOT_ADJUSTED))) {
		ovs_ila_slot_free(table, guest_id);
		goto error;
	}

	guest = ovs_ila_slot_at(table, guest_id);
	guest->created = id;
	user_hash = ovs_ila_hash_match(table, slot);
	if (adjusted && !(slot->value & SLOT_ADJUSTED))
		ovs_ila_index_insert(table->matches, user_hash, id);
	else if (!adjusted && slot->value & SLOT_ADJUSTED)
		ovs_ila_index_remove(table->matches, user_hash, id);

	ovs_ila_index_insert(away, 0, guest_id);
	ovs_ila_index_insert(ovs_ila_main_index(table),
			     ovs_ila_hash_slot(table, guest), guest_id);
	ovs_ila_index_remove(ovs_ila_main_index(table),
			     ovs_ila_hash_slot(table, slot), id);
	ovs_ila_go_home(table, away);
	kvfree(away);
	return 0;

error:
	kvfree(away);
	return -ENOMEM;
}

static int replace(struct ovs_ila_table *table, u32 id,
		   const struct ovs_ila_entry *entry)
{
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	struct ovs_ila_key old, new;
	int error = 0;

	ovs_ila_slot_to_key(slot, &old);
	if (ovs_ila_entry_to_key(entry, &new) ==
	    !!(slot->value & SLOT_ADJUSTED) &&
	    old.identifier == new.identifier) {
		u32 value = ovs_ila_value_get(table, entry);

		if (!value)
			return -ENOMEM;
		ovs_ila_change_value(table, slot, value);
	} else {
		error = move_out(table, id, entry);
	}
	if (!error)
		slot->created = ovs_ila_seconds();
	return error;
}

static bool same_value(const struct ovs_ila_entry *a,
		       const struct ovs_ila_entry *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int change(struct ovs_ila_table *table, u32 id,
		  const struct ovs_ila_entry *entry,
		  enum ovs_ila_add_mode mode)
{
	struct ovs_ila_entry old;

	if (mode == OVS_ILA_ADD_NEW)
		return -EEXIST;
	ovs_ila_slot_to_entry(table, ovs_ila_slot_at(table, id), &old);
	if (ovs_ila_entry_owner(&old) != ovs_ila_entry_owner(entry))
		return -EPERM;
	if (mode == OVS_ILA_ADD_MAY_EXIST)
		return same_value(&old, entry) ? 0 : -EEXIST;
	return replace(table, id, entry);
}

static int insert(struct ovs_ila_table *table,
		  const struct ovs_ila_entry *entry)
{
	struct ovs_ila_set set = ovs_ila_main_set(table);
	struct ovs_ila_key key;
	bool adjusted;
	u32 id;

	adjusted = ovs_ila_entry_to_key(entry, &key);
	if (ovs_ila_find_key(table, &set, &key))
		return -EEXIST;
	if (table->n >= table->max)
		return -ENOSPC;
	if (!ovs_ila_reserve(table, 1, adjusted))
		return -ENOMEM;
	id = ovs_ila_slot_new(table, entry);
	if (!id)
		return -ENOMEM;
	ovs_ila_enter(table, id);
	return 0;
}

int ovs_ila_table_add(struct ovs_ila_table *table,
		      const struct ovs_ila_entry *entry,
		      enum ovs_ila_add_mode mode, const char **bad)
{
	struct ovs_ila_set set;
	u32 id;
	int error;

	error = ovs_ila_entry_check(entry, bad);
	if (error)
		return error;
	if (mode > OVS_ILA_ADD_MODIFY)
		return -EINVAL;

	mutex_lock(&table->mutex);
	set = ovs_ila_main_set(table);
	id = ovs_ila_find_match(table, &set, &entry->match);
	if (id)
		error = change(table, id, entry, mode);
	else if (mode == OVS_ILA_ADD_MODIFY)
		error = -ENOENT;
	else
		error = insert(table, entry);
	mutex_unlock(&table->mutex);
	return error;
}

/* Locks 'table' and returns the id of the entry of 'match', which is not 0, or
 * a negative error, with nothing locked.
 */
static int find_locked(struct ovs_ila_table *table,
		       const struct ovs_ila_match *match, const char **bad)
{
	struct ovs_ila_set set;
	int error;
	u32 id;

	error = ovs_ila_match_check(match, bad);
	if (error)
		return error;

	mutex_lock(&table->mutex);
	set = ovs_ila_main_set(table);
	id = ovs_ila_find_match(table, &set, match);
	if (id)
		return id;
	mutex_unlock(&table->mutex);
	return -ENOENT;
}

int ovs_ila_table_del(struct ovs_ila_table *table,
		      const struct ovs_ila_match *match,
		      enum ovs_ila_owner owner, const char **bad)
{
	int id = find_locked(table, match, bad);
	int error = 0;

	if (id < 0)
		return id;
	if (owner != OVS_ILA_OWNER_ANY &&
	    owner != ovs_ila_slot_owner(table, id)) {
		error = -EPERM;
	} else {
		ovs_ila_leave(table, id);
		ovs_ila_tidy(table, 1);
	}
	mutex_unlock(&table->mutex);
	return error;
}

static void copy_slot(const struct ovs_ila_table *table, u32 id,
		      struct ovs_ila_entry *entry,
		      struct ovs_ila_entry_stats *stats)
{
	ovs_ila_slot_to_entry(table, ovs_ila_slot_at(table, id), entry);
	if (stats)
		ovs_ila_slot_stats(table, id, stats);
}

int ovs_ila_table_get(struct ovs_ila_table *table,
		      const struct ovs_ila_match *match,
		      struct ovs_ila_entry *entry,
		      struct ovs_ila_entry_stats *stats, const char **bad)
{
	int id = find_locked(table, match, bad);

	if (id < 0)
		return id;
	copy_slot(table, id, entry, stats);
	mutex_unlock(&table->mutex);
	return 0;
}

int ovs_ila_table_trace(struct ovs_ila_table *table,
			const struct ovs_ila_lookup *lookup,
			struct ovs_ila_entry *entry,
			struct ovs_ila_entry_stats *stats,
			enum ovs_ila_verdict *verdict, u8 *addr)
{
	struct ovs_ila_hit hit;
	bool found;

	if (lookup->addr[0] == 0xff)
		return -ENOENT;

	mutex_lock(&table->mutex);
	rcu_read_lock();
	found = ovs_ila_table_lookup(table, lookup->dirs, lookup->in_port,
				     lookup->addr, &hit);
	if (found)
		*verdict = ovs_ila_hit_translate(&hit, lookup->addr, addr);
	rcu_read_unlock();
	if (found)
		copy_slot(table, hit.id, entry, stats);
	mutex_unlock(&table->mutex);
	return found ? 0 : -ENOENT;
}

/* Many entries. */

u32 ovs_ila_table_flush(struct ovs_ila_table *table,
			const struct ovs_ila_filter *filter)
{
	struct ovs_ila_slot *slot;
	u32 id = 0, n = 0;

	mutex_lock(&table->mutex);
	while ((slot = ovs_ila_next_live(table, &id)) != NULL) {
		if (ovs_ila_filter_selects(filter, slot,
					   ovs_ila_value_of(table, slot))) {
			ovs_ila_leave(table, id);
			n++;
		}
		ovs_ila_breathe(id);
	}
	ovs_ila_tidy(table, n);
	mutex_unlock(&table->mutex);
	return n;
}

u32 ovs_ila_table_port_removed(struct ovs_ila_table *table, u32 in_port)
{
	struct ovs_ila_filter filter = {
		.has_in_port = 1,
		.in_port = in_port,
	};
	u32 n = 0;
	u8 dir;

	for (dir = OVS_ILA_DIR_IN; dir <= OVS_ILA_DIR_OUT; dir++)
		n += ovs_ila_port_count(table, dir, in_port);
	return n ? ovs_ila_table_flush(table, &filter) : 0;
}

/* Now is asked for last: packets come all the time. */
static bool is_over(const struct ovs_ila_table *table,
		    const struct ovs_ila_slot *slot)
{
	const struct ovs_ila_value *value = ovs_ila_value_of(table, slot);
	u32 used = READ_ONCE(slot->used);
	u32 age = ovs_ila_seconds() - slot->created;

	if (value->hard_timeout && age >= value->hard_timeout)
		return true;
	if (!value->idle_timeout || age < value->idle_timeout)
		return false;
	return !used || ovs_ila_ticks_to_msecs(ovs_ila_tick() - used) >=
			(u64)value->idle_timeout * MSEC_PER_SEC;
}

u32 ovs_ila_table_expire(struct ovs_ila_table *table)
{
	u32 id = 0, n = 0;
	bool more = true;

	while (more && ovs_ila_table_n_timeouts(table)) {
		u32 i, n_batch = 0;

		mutex_lock(&table->mutex);
		for (i = 0; i < EXPIRE_BATCH; i++) {
			const struct ovs_ila_slot *slot;

			slot = ovs_ila_next_live(table, &id);
			more = slot;
			if (!more)
				break;
			if (is_over(table, slot)) {
				ovs_ila_leave(table, id);
				n_batch++;
			}
		}
		if (n_batch)
			ovs_ila_tidy(table, n_batch);
		mutex_unlock(&table->mutex);
		n += n_batch;
		cond_resched();
	}
	return n;
}

int ovs_ila_table_next(struct ovs_ila_table *table,
		       const struct ovs_ila_filter *filter, u64 *cursor,
		       struct ovs_ila_entry *entry,
		       struct ovs_ila_entry_stats *stats)
{
	const struct ovs_ila_slot *slot;
	int error = -ENOENT;
	u32 id;

	/* A cursor is the id of the entry before. */
	if (*cursor > OVS_ILA_ID_MAX)
		return -ENOENT;
	id = *cursor;

	mutex_lock(&table->mutex);
	while ((slot = ovs_ila_next_live(table, &id)) != NULL) {
		if (ovs_ila_filter_selects(filter, slot,
					   ovs_ila_value_of(table, slot))) {
			copy_slot(table, id, entry, stats);
			*cursor = id;
			error = 0;
			break;
		}
		ovs_ila_breathe(id);
	}
	mutex_unlock(&table->mutex);
	return error;
}

/* What there is. */

bool ovs_ila_table_applies(const struct ovs_ila_table *table, u8 dirs,
			   u32 in_port)
{
	u8 dir;

	for (dir = OVS_ILA_DIR_IN; dir <= OVS_ILA_DIR_OUT; dir++) {
		if (dirs & BIT(dir) &&
		    (READ_ONCE(table->n_any_port[dir - 1]) ||
		     ovs_ila_port_count(table, dir, in_port)))
			return true;
	}
	return false;
}

u32 ovs_ila_table_generation(const struct ovs_ila_table *table)
{
	return READ_ONCE(table->generation);
}

u32 ovs_ila_table_epoch(const struct ovs_ila_table *table)
{
	return READ_ONCE(table->epoch);
}

u32 ovs_ila_table_n_timeouts(const struct ovs_ila_table *table)
{
	return READ_ONCE(table->n_timeouts);
}

u32 ovs_ila_table_get_max(const struct ovs_ila_table *table)
{
	return READ_ONCE(table->max);
}

int ovs_ila_table_set_max(struct ovs_ila_table *table, u32 max)
{
	if (!max || max > OVS_ILA_TABLE_LIMIT_MAX)
		return -EINVAL;
	mutex_lock(&table->mutex);
	WRITE_ONCE(table->max, max);
	mutex_unlock(&table->mutex);
	return 0;
}

void ovs_ila_table_get_usage(struct ovs_ila_table *table,
			     struct ovs_ila_usage *usage)
{
	unsigned int i;

	memset(usage, 0, sizeof(*usage));
	mutex_lock(&table->mutex);
	usage->n = table->n;
	usage->n_values = table->value_index ? table->value_index->n : 0;
	usage->n_timeouts = table->n_timeouts;
	BUILD_BUG_ON(sizeof(usage->per_shape) != sizeof(table->per_shape));
	memcpy(usage->per_shape, table->per_shape, sizeof(table->per_shape));
	usage->bytes = sizeof(*table) + ovs_ila_counts_bytes() +
		       table->slots.bytes + table->values.bytes +
		       table->load_bytes +
		       ovs_ila_index_bytes(ovs_ila_main_index(table)) +
		       ovs_ila_index_bytes(table->matches) +
		       ovs_ila_index_bytes(table->value_index);
	for (i = 0; i < ARRAY_SIZE(table->ports); i++)
		if (table->ports[i])
			usage->bytes += sizeof(*table->ports[i]);
	mutex_unlock(&table->mutex);
}
