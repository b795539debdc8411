// SPDX-License-Identifier: GPL-2.0-only

/* The ILA mapping table: changes of many entries that happen as one. */

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ila_table_impl.h"

/* Moves. */

/* For each value that 'filter' selects, has one ready that leads to 'to'.  Its
 * id is the value's 'link' until release_values(); neither can go meanwhile.
 */
static bool prepare_values(struct ovs_ila_table *table,
			   const struct ovs_ila_filter *filter,
			   const __be32 *to)
{
	u32 id;

	for (id = 1; (id = ovs_ila_pool_next(&table->values, id)) != 0; id++) {
		struct ovs_ila_value *value = ovs_ila_value_at(table, id);
		struct ovs_ila_entry entry;
		u32 new;

		ovs_ila_breathe(id);
		if (!value->refs ||
		    !ovs_ila_filter_selects_value(filter, value))
			continue;
		memset(&entry, 0, sizeof(entry));
		ovs_ila_value_to_entry(value, &entry);
		entry.match.dir = value->xlat.dir;
		memcpy(entry.locator, to, sizeof(entry.locator));
		new = ovs_ila_value_get(table, &entry);
		if (!new)
			return false;
		ovs_ila_value_ref(table, id);
		value->link = new;
	}
	return true;
}

static void release_values(struct ovs_ila_table *table)
{
	u32 id;

	for (id = 1; (id = ovs_ila_pool_next(&table->values, id)) != 0; id++) {
		struct ovs_ila_value *value = ovs_ila_value_at(table, id);
		u32 new = value->link;

		ovs_ila_breathe(id);
		if (value->refs && new) {
			value->link = 0;
			ovs_ila_value_put(table, new);
			ovs_ila_value_put(table, id);
		}
	}
}

static void free_guests(struct ovs_ila_table *table,
			struct ovs_ila_index *away)
{
	u32 i = 0, id;

	while ((id = ovs_ila_index_next(away, &i)) != 0) {
		ovs_ila_slot_free(table, id);
		ovs_ila_breathe(i);
	}
	kvfree(away);
}

/* Puts what the slot 'id' will be into 'away'. */
static int make_guest(struct ovs_ila_table *table, u32 id,
		      const struct ovs_ila_filter *filter, const __be32 *to,
		      struct ovs_ila_index *away)
{
	struct ovs_ila_set guests = { .index = away };
	struct ovs_ila_set set = ovs_ila_main_set(table);
	struct ovs_ila_slot *slot = ovs_ila_slot_at(table, id);
	struct ovs_ila_entry entry;
	struct ovs_ila_key key;
	u32 other, guest;

	ovs_ila_slot_to_entry(table, slot, &entry);
	memcpy(entry.locator, to, sizeof(entry.locator));
	ovs_ila_entry_to_key(&entry, &key);
	if (ovs_ila_find_key(table, &guests, &key))
		return -EEXIST;

	/* Who has that address must be about to leave it. */
	other = ovs_ila_find_key(table, &set, &key);
	if (other) {
		slot = ovs_ila_slot_at(table, other);
		if (!(slot->value & SLOT_ADJUSTED) ||
		    !ovs_ila_filter_selects(filter, slot,
					    ovs_ila_value_of(table, slot)))
			return -EEXIST;
	}

	guest = ovs_ila_slot_new(table, &entry);
	if (!guest)
		return -ENOMEM;
	slot = ovs_ila_slot_at(table, guest);
	slot->created = id;
	ovs_ila_index_insert(away, ovs_ila_hash_slot(table, slot), guest);
	return 0;
}

/* Has a guest ready in '*away' for each of the 'n' adjusted slots that 'filter'
 * selects, and room for them in the table.
 */
static int make_guests(struct ovs_ila_table *table,
		       const struct ovs_ila_filter *filter, const __be32 *to,
		       u32 n, struct ovs_ila_index **away)
{
	struct ovs_ila_slot *slot;
	int error = 0;
	u32 id;

	*away = ovs_ila_index_alloc(n);
	if (!*away)
		return -ENOMEM;
	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		ovs_ila_breathe(id);
		if (!(slot->value & SLOT_ADJUSTED) ||
		    !ovs_ila_filter_selects(filter, slot,
					    ovs_ila_value_of(table, slot)))
			continue;
		error = make_guest(table, id, filter, to, *away);
		if (error)
			break;
	}
	if (!error && !ovs_ila_reserve(table, n, 0))
		error = -ENOMEM;
	if (error)
		free_guests(table, *away);
	return error;
}

/* Moves the adjusted slots that have guests.  For a while the address of one
 * may also be that of another one that is about to leave it; readers see one
 * of them.
 */
static void move_guests(struct ovs_ila_table *table,
			struct ovs_ila_index *away)
{
	struct ovs_ila_index *index = ovs_ila_main_index(table);
	const struct ovs_ila_slot *slot, *home;
	u32 i, id;

	for (i = 0; (slot = ovs_ila_next_in(table, away, &i, &id)) != NULL;) {
		ovs_ila_index_insert(index, ovs_ila_hash_slot(table, slot),
				     id);
		ovs_ila_breathe(i);
	}
	for (i = 0; (slot = ovs_ila_next_in(table, away, &i, &id)) != NULL;) {
		home = ovs_ila_slot_at(table, slot->created);
		ovs_ila_index_remove(index, ovs_ila_hash_slot(table, home),
				     slot->created);
		ovs_ila_breathe(i);
	}
	ovs_ila_go_home(table, away);
	kvfree(away);
}

static void move_others(struct ovs_ila_table *table,
			const struct ovs_ila_filter *filter)
{
	struct ovs_ila_slot *slot;
	u32 id;

	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		const struct ovs_ila_value *value =
			ovs_ila_value_of(table, slot);

		if (!(slot->value & SLOT_ADJUSTED) &&
		    ovs_ila_filter_selects(filter, slot, value)) {
			ovs_ila_value_ref(table, value->link);
			ovs_ila_change_value(table, slot, value->link);
		}
		ovs_ila_breathe(id);
	}
}

static u32 count_selected(const struct ovs_ila_table *table,
			  const struct ovs_ila_filter *filter, u32 *n_adjusted)
{
	struct ovs_ila_slot *slot;
	u32 id, n = 0;

	*n_adjusted = 0;
	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		if (ovs_ila_filter_selects(filter, slot,
					   ovs_ila_value_of(table, slot))) {
			n++;
			*n_adjusted += !!(slot->value & SLOT_ADJUSTED);
		}
		ovs_ila_breathe(id);
	}
	return n;
}

static int move(struct ovs_ila_table *table,
		const struct ovs_ila_filter *filter, const __be32 *to, u32 *n)
{
	struct ovs_ila_index *away = NULL;
	u32 n_adjusted;
	int error = 0;

	*n = count_selected(table, filter, &n_adjusted);
	if (!*n || !memcmp(filter->locator, to, sizeof(filter->locator)))
		return 0;

	if (!prepare_values(table, filter, to))
		error = -ENOMEM;
	else if (n_adjusted)
		error = make_guests(table, filter, to, n_adjusted, &away);
	if (!error) {
		move_others(table, filter);
		if (away)
			move_guests(table, away);
	}
	release_values(table);
	ovs_ila_tidy(table, 0);
	return error;
}

int ovs_ila_table_move(struct ovs_ila_table *table,
		       const struct ovs_ila_filter *filter, const __be32 *to,
		       u32 *n, const char **bad)
{
	int error;

	*n = 0;
	error = ovs_ila_filter_check(filter, bad);
	if (error)
		return error;
	if (!ovs_ila_locator_is_valid((const u8 *)to)) {
		if (bad)
			*bad = "to";
		return -EINVAL;
	}
	if (!(filter->locator[0] | filter->locator[1])) {
		if (bad)
			*bad = "locator";
		return -EINVAL;
	}

	mutex_lock(&table->mutex);
	error = move(table, filter, to, n);
	mutex_unlock(&table->mutex);
	if (error)
		*n = 0;
	return error;
}

/* Loads. */

struct ovs_ila_load {
	struct ovs_ila_table *table;
	struct ovs_ila_set set;
	enum ovs_ila_owner owner;	/* Of what is staged, if anything is. */
	u32 n;
	u32 n_adjusted;
	u64 bytes;			/* Of 'load' in the table's. */
};

static void account_load(struct ovs_ila_load *load)
{
	u64 bytes = sizeof(*load) + ovs_ila_index_bytes(load->set.index) +
		    ovs_ila_index_bytes(load->set.matches);

	load->table->load_bytes += bytes - load->bytes;
	load->bytes = bytes;
}

/* Forgets the slots that are staged. */
static void empty_load(struct ovs_ila_load *load)
{
	kvfree(load->set.index);
	kvfree(load->set.matches);
	load->set = (struct ovs_ila_set){};
	load->n = 0;
	load->n_adjusted = 0;
	account_load(load);
}

struct ovs_ila_load *ovs_ila_load_begin(struct ovs_ila_table *table)
{
	struct ovs_ila_load *load = kzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT);

	if (load) {
		load->table = table;
		mutex_lock(&table->mutex);
		account_load(load);
		mutex_unlock(&table->mutex);
	}
	return load;
}

static int stage(struct ovs_ila_load *load, const struct ovs_ila_entry *entry,
		 const char **bad)
{
	struct ovs_ila_table *table = load->table;
	struct ovs_ila_key key;
	bool adjusted;
	int error;
	u32 id;

	error = ovs_ila_entry_check(entry, bad);
	if (error)
		return error;
	if (!load->n) {
		load->owner = ovs_ila_entry_owner(entry);
	} else if (load->owner != ovs_ila_entry_owner(entry)) {
		if (bad)
			*bad = "flags";
		return -EINVAL;
	}

	adjusted = ovs_ila_entry_to_key(entry, &key);
	if (ovs_ila_find_match(table, &load->set, &entry->match) ||
	    ovs_ila_find_key(table, &load->set, &key))
		return -EEXIST;
	if (load->n >= table->max)
		return -ENOSPC;
	if (!ovs_ila_set_reserve(table, &load->set, adjusted))
		return -ENOMEM;
	id = ovs_ila_slot_new(table, entry);
	if (!id)
		return -ENOMEM;
	ovs_ila_set_insert(table, &load->set, id);
	load->n++;
	load->n_adjusted += adjusted;
	return 0;
}

int ovs_ila_load_stage(struct ovs_ila_load *load,
		       const struct ovs_ila_entry *entries, u32 n,
		       u32 *index, const char **bad)
{
	int error = 0;
	u32 i;

	if (bad)
		*bad = NULL;
	mutex_lock(&load->table->mutex);
	for (i = 0; i < n; i++) {
		struct ovs_ila_entry entry;

		memcpy(&entry, &entries[i], sizeof(entry));
		error = stage(load, &entry, bad);
		if (error) {
			*index = i;
			break;
		}
		ovs_ila_breathe(i);
	}
	account_load(load);
	mutex_unlock(&load->table->mutex);
	return error;
}

u32 ovs_ila_load_n(const struct ovs_ila_load *load)
{
	return load->n;
}

static int check_new(struct ovs_ila_load *load)
{
	struct ovs_ila_table *table = load->table;
	struct ovs_ila_set set = ovs_ila_main_set(table);
	struct ovs_ila_slot *slot;
	struct ovs_ila_entry entry;
	struct ovs_ila_key key;
	u32 i, id;

	for (i = 0; (slot = ovs_ila_next_in(table, load->set.index, &i, &id)) != NULL;) {
		ovs_ila_slot_to_key(slot, &key);
		if (ovs_ila_find_key(table, &set, &key))
			return -EEXIST;
		ovs_ila_slot_to_entry(table, slot, &entry);
		if (ovs_ila_find_match(table, &set, &entry.match))
			return -EEXIST;
		ovs_ila_breathe(i);
	}
	return 0;
}

static int commit(struct ovs_ila_load *load)
{
	struct ovs_ila_table *table = load->table;
	u32 i = 0, id;
	int error;

	if (!load->n)
		return 0;
	error = check_new(load);
	if (error)
		return error;
	if (load->n > table->max || table->n > table->max - load->n)
		return -ENOSPC;
	if (!ovs_ila_reserve(table, load->n, load->n_adjusted))
		return -ENOMEM;

	while ((id = ovs_ila_index_next(load->set.index, &i)) != 0) {
		ovs_ila_enter(table, id);
		ovs_ila_breathe(i);
	}
	empty_load(load);
	return 0;
}

int ovs_ila_load_commit(struct ovs_ila_load *load)
{
	int error;

	mutex_lock(&load->table->mutex);
	error = commit(load);
	mutex_unlock(&load->table->mutex);
	return error;
}

/* Replacement.  A staged slot whose match is in the table has the id of the
 * slot there as its 'created', and that slot is marked: SLOT_KEPT if its value
 * is the same, otherwise SLOT_CHANGED.
 */

static void unmark(struct ovs_ila_load *load)
{
	struct ovs_ila_table *table = load->table;
	struct ovs_ila_slot *slot, *old;
	u32 i, id;

	for (i = 0; (slot = ovs_ila_next_in(table, load->set.index, &i, &id)) != NULL;) {
		if (slot->created) {
			old = ovs_ila_slot_at(table, slot->created);
			WRITE_ONCE(old->value, old->value &
					       ~(SLOT_KEPT | SLOT_CHANGED));
			slot->created = 0;
		}
		ovs_ila_breathe(i);
	}
}

static int mark(struct ovs_ila_load *load, enum ovs_ila_owner owner,
		u32 *n_changed)
{
	struct ovs_ila_table *table = load->table;
	struct ovs_ila_set set = ovs_ila_main_set(table);
	struct ovs_ila_slot *slot, *old;
	struct ovs_ila_entry entry;
	struct ovs_ila_key key;
	u32 i, id, old_id, other;

	*n_changed = 0;
	if (!load->set.index)
		return 0;
	for (i = 0; (slot = ovs_ila_next_in(table, load->set.index, &i, &id)) != NULL;) {
		ovs_ila_breathe(i);
		ovs_ila_slot_to_entry(table, slot, &entry);
		old_id = ovs_ila_find_match(table, &set, &entry.match);
		if (old_id && ovs_ila_slot_owner(table, old_id) != owner)
			return -EPERM;
		ovs_ila_slot_to_key(slot, &key);
		other = ovs_ila_find_key(table, &set, &key);
		if (other && ovs_ila_slot_owner(table, other) != owner)
			return -EEXIST;
		if (!old_id)
			continue;

		slot->created = old_id;
		old = ovs_ila_slot_at(table, old_id);
		if (((old->value ^ slot->value) & OVS_ILA_CELL_ID) == 0) {
			WRITE_ONCE(old->value, old->value | SLOT_KEPT);
		} else {
			WRITE_ONCE(old->value, old->value | SLOT_CHANGED);
			++*n_changed;
		}
	}
	return 0;
}

/* What will be the table's. */
struct successor {
	struct ovs_ila_index *index;
	struct ovs_ila_index *matches;
	struct ovs_ila_index *away;
};

static void free_successor(struct successor *new)
{
	kvfree(new->index);
	kvfree(new->matches);
	kvfree(new->away);
}

static bool alloc_successor(const struct ovs_ila_load *load, u32 n,
			    u32 n_changed, struct successor *new)
{
	const struct ovs_ila_index *matches = load->table->matches;
	u32 n_adjusted = load->n_adjusted + (matches ? matches->n : 0);

	*new = (struct successor){};
	new->index = ovs_ila_index_alloc(n);
	if (n_adjusted)
		new->matches = ovs_ila_index_alloc_tight(n_adjusted);
	if (n_changed)
		new->away = ovs_ila_index_alloc(n_changed);
	if (new->index && !new->matches == !n_adjusted &&
	    !new->away == !n_changed)
		return true;
	free_successor(new);
	return false;
}

/* 'slot' with 'id' will be there, known to writers as 'writers_id'. */
static void put(const struct ovs_ila_table *table,
		const struct ovs_ila_slot *slot, u32 id, u32 writers_id,
		struct successor *new)
{
	ovs_ila_index_insert(new->index, ovs_ila_hash_slot(table, slot), id);
	new->index->shapes |= ovs_ila_shape_bit(slot->value);
	if (slot->value & SLOT_ADJUSTED)
		ovs_ila_index_insert(new->matches,
				     ovs_ila_hash_match(table, slot),
				     writers_id);
}

static void fill_successor(const struct ovs_ila_load *load,
			   enum ovs_ila_owner owner, struct successor *new)
{
	const struct ovs_ila_table *table = load->table;
	struct ovs_ila_slot *slot;
	u32 i, id;

	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		if (slot->value & SLOT_KEPT ||
		    ovs_ila_slot_owner(table, id) != owner)
			put(table, slot, id, id, new);
		ovs_ila_breathe(id);
	}
	if (!load->set.index)
		return;
	for (i = 0; (slot = ovs_ila_next_in(table, load->set.index, &i, &id)) != NULL;) {
		u32 old = slot->created;

		if (!old) {
			put(table, slot, id, id, new);
		} else if (ovs_ila_slot_at(table, old)->value & SLOT_CHANGED) {
			put(table, slot, id, old, new);
			ovs_ila_index_insert(new->away,
					     ovs_ila_hash_slot(table, slot),
					     id);
		}
		ovs_ila_breathe(i);
	}
}

/* Readers see the successor: makes the staged slots part of the table, or frees
 * them.  Those that stay for good are marked SLOT_KEPT.
 */
static void take_in(struct ovs_ila_load *load)
{
	struct ovs_ila_table *table = load->table;
	u32 seconds = ovs_ila_seconds();
	struct ovs_ila_slot *slot;
	u32 i, id;

	if (!load->set.index)
		return;
	for (i = 0; (slot = ovs_ila_next_in(table, load->set.index, &i, &id)) != NULL;) {
		struct ovs_ila_slot *old;

		ovs_ila_breathe(i);
		if (!slot->created) {
			slot->created = seconds;
			WRITE_ONCE(slot->value,
				   slot->value | SLOT_LIVE | SLOT_KEPT);
			ovs_ila_account(table, slot, true);
			continue;
		}
		old = ovs_ila_slot_at(table, slot->created);
		old->created = seconds;
		if (old->value & SLOT_KEPT)
			ovs_ila_slot_free(table, id);
	}
}

/* Drops what 'owner' had and is not marked; returns how many. */
static u32 drop_rest(struct ovs_ila_table *table, enum ovs_ila_owner owner)
{
	struct ovs_ila_slot *slot;
	u32 id, n = 0;

	for (id = 0; (slot = ovs_ila_next_live(table, &id)) != NULL;) {
		ovs_ila_breathe(id);
		if (slot->value & SLOT_KEPT) {
			WRITE_ONCE(slot->value, slot->value & ~SLOT_KEPT);
		} else if (!(slot->value & SLOT_CHANGED) &&
			   ovs_ila_slot_owner(table, id) == owner) {
			ovs_ila_drop(table, id);
			n++;
		}
	}
	return n;
}

static int replace(struct ovs_ila_load *load, enum ovs_ila_owner owner)
{
	struct ovs_ila_table *table = load->table;
	struct successor new;
	u32 n, n_changed;
	int error;

	n = table->n - table->per_owner[owner - OVS_ILA_OWNER_USER] + load->n;
	if (n > table->max)
		return -ENOSPC;
	error = mark(load, owner, &n_changed);
	if (!error && !alloc_successor(load, n, n_changed, &new))
		error = -ENOMEM;
	if (error) {
		if (load->set.index)
			unmark(load);
		return error;
	}

	fill_successor(load, owner, &new);
	ovs_ila_publish(table, new.index);
	WRITE_ONCE(table->epoch, table->epoch + 1 ?: 1);
	kvfree(table->matches);
	table->matches = new.matches;
	take_in(load);
	n = drop_rest(table, owner);
	if (new.away) {
		ovs_ila_go_home(table, new.away);
		kvfree(new.away);
	}
	empty_load(load);
	ovs_ila_tidy(table, n);
	return 0;
}

int ovs_ila_load_replace(struct ovs_ila_load *load, enum ovs_ila_owner owner)
{
	int error;

	if (owner == OVS_ILA_OWNER_ANY)
		owner = load->n ? load->owner : OVS_ILA_OWNER_USER;
	if (owner > OVS_ILA_OWNER_DATABASE ||
	    (load->n && load->owner != owner))
		return -EINVAL;

	mutex_lock(&load->table->mutex);
	error = replace(load, owner);
	mutex_unlock(&load->table->mutex);
	return error;
}

void ovs_ila_load_free(struct ovs_ila_load *load)
{
	struct ovs_ila_table *table;

	if (!load)
		return;
	table = load->table;
	mutex_lock(&table->mutex);
	if (load->set.index) {
		u32 i = 0, id;

		while ((id = ovs_ila_index_next(load->set.index, &i)) != 0) {
			ovs_ila_slot_free(table, id);
			ovs_ila_breathe(i);
		}
		empty_load(load);
	}
	table->load_bytes -= load->bytes;
	mutex_unlock(&table->mutex);
	kfree(load);
}
