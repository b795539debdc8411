// SPDX-License-Identifier: GPL-2.0-only

/* The ILA mapping table against a model, which is an array. */

#include "test-ila-table.h"

#define MODEL_MAX 4096

struct model {
	struct model_entry entries[MODEL_MAX];
	u32 n, max;
};

static bool same_match(const struct ovs_ila_match *a,
		       const struct ovs_ila_match *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_wire(const struct model_entry *a, const struct model_entry *b)
{
	return !memcmp(a->wire, b->wire, sizeof(a->wire)) &&
	       a->entry.match.dir == b->entry.match.dir &&
	       a->entry.match.fields == b->entry.match.fields &&
	       a->entry.match.in_port == b->entry.match.in_port;
}

static struct model_entry *model_find(struct model *model,
				      const struct ovs_ila_match *match)
{
	u32 i;

	for (i = 0; i < model->n; i++)
		if (same_match(&model->entries[i].entry.match, match))
			return &model->entries[i];
	return NULL;
}

/* Is there another one with the address that 'm' has? */
static bool model_conflict(const struct model *model,
			   const struct model_entry *m,
			   const struct model_entry *except)
{
	u32 i;

	for (i = 0; i < model->n; i++)
		if (&model->entries[i] != m && &model->entries[i] != except &&
		    same_wire(&model->entries[i], m))
			return true;
	return false;
}

static int model_add(struct model *model, const struct ovs_ila_entry *entry,
		     u8 mode)
{
	struct model_entry *old = model_find(model, &entry->match);
	struct model_entry new = { .entry = *entry, .created = shim_jiffies };

	model_wire(&new);
	if (old) {
		if (mode == OVS_ILA_ADD_NEW)
			return -EEXIST;
		if ((old->entry.flags ^ entry->flags) & OVS_ILA_ENTRY_DATABASE)
			return -EPERM;
		if (mode == OVS_ILA_ADD_MAY_EXIST)
			return memcmp(&old->entry, entry, sizeof(*entry)) ?
			       -EEXIST : 0;
		if (model_conflict(model, &new, old))
			return -EEXIST;
		new.packets = old->packets;
		new.bytes = old->bytes;
		new.used = old->used;
		*old = new;
		return 0;
	}
	if (mode == OVS_ILA_ADD_MODIFY)
		return -ENOENT;
	if (model_conflict(model, &new, NULL))
		return -EEXIST;
	if (model->n >= model->max)
		return -ENOSPC;
	assert(model->n < MODEL_MAX);
	model->entries[model->n++] = new;
	return 0;
}

static void model_del(struct model *model, struct model_entry *m)
{
	*m = model->entries[--model->n];
}

static bool model_selects(const struct ovs_ila_filter *f,
			  const struct ovs_ila_entry *e)
{
	if ((f->locator[0] || f->locator[1]) &&
	    memcmp(f->locator, e->locator, 8))
		return false;
	if (f->has_in_port && (!(e->match.fields & OVS_ILA_MATCH_IN_PORT) ||
			       e->match.in_port != f->in_port))
		return false;
	if (f->dir && f->dir != e->match.dir)
		return false;
	return !f->owner || f->owner == ovs_ila_entry_owner(e);
}

static u32 model_flush(struct model *model, const struct ovs_ila_filter *f)
{
	u32 i, n = 0;

	for (i = 0; i < model->n;) {
		if (!f || model_selects(f, &model->entries[i].entry)) {
			model_del(model, &model->entries[i]);
			n++;
		} else {
			i++;
		}
	}
	return n;
}

static int model_move(struct model *model, const struct ovs_ila_filter *f,
		      const __be32 *to, u32 *n)
{
	static struct model after;
	u32 i;

	*n = 0;
	after = *model;
	for (i = 0; i < after.n; i++) {
		struct model_entry *m = &after.entries[i];

		if (model_selects(f, &m->entry)) {
			memcpy(m->entry.locator, to, 8);
			model_wire(m);
			++*n;
		}
	}
	for (i = 0; i < after.n; i++) {
		if (model_conflict(&after, &after.entries[i], NULL)) {
			*n = 0;
			return -EEXIST;
		}
	}
	*model = after;
	return 0;
}

static struct model_entry *model_lookup(struct model *model, u8 dirs,
					u32 in_port, const u8 *addr)
{
	struct model_entry *best = NULL;
	u32 i;
	u8 dir;

	for (dir = 1; dir <= 2 && !best; dir++) {
		for (i = 0; dirs & 1 << dir && i < model->n; i++) {
			struct model_entry *m = &model->entries[i];
			u8 fields = m->entry.match.fields;

			if (m->entry.match.dir == dir &&
			    (!(fields & OVS_ILA_MATCH_LOCATOR) ||
			     !memcmp(m->wire, addr, 8)) &&
			    (!(fields & OVS_ILA_MATCH_IDENTIFIER) ||
			     !memcmp(m->wire + 8, addr + 8, 8)) &&
			    (!(fields & OVS_ILA_MATCH_IN_PORT) ||
			     m->entry.match.in_port == in_port) &&
			    (!best || fields > best->entry.match.fields))
				best = m;
		}
	}
	return best;
}

static bool model_is_over(const struct model_entry *m)
{
	u64 age = shim_jiffies / HZ - m->created / HZ;
	u32 idle = m->entry.idle_timeout;

	if (m->entry.hard_timeout && age >= m->entry.hard_timeout)
		return true;
	return idle && age >= idle &&
	       (!m->used ||
		(shim_jiffies / 8 - m->used / 8) * 32 >= idle * MSEC_PER_SEC);
}

/* Random things, few enough to meet again. */

static const u32 few_ports[] = { 0, 1, 255, 256, 65534 };
static const u32 few_idents[] = {
	0x00010000, 0x0001ffff, 0x00010001, 0x00010002, 0x00010087,
	0x00020000, 0x0002ffff,
};

static u32 any_port(void)
{
	return few_ports[any(ARRAY_SIZE(few_ports))];
}

/* Some of them have the same sum, some have one that is next to it. */
static u32 any_locator(void)
{
	return 0x00870000 + any(2) * 0xffff + any(2);
}

static struct ovs_ila_entry any_entry(void)
{
	static const u8 all_fields[] = { 1, 3, 4, 5, 5, 5, 6, 7, 7 };
	struct ovs_ila_entry e =
		make_entry(1 + any(2), all_fields[any(ARRAY_SIZE(all_fields))],
			   any_locator(), few_idents[any(7)], any_port(),
			   any_locator(), any(4));

	if (any(4) == 0)
		e.flags |= OVS_ILA_ENTRY_DATABASE;
	if (any(4) == 0 && e.match.dir == 1)
		e.flags |= OVS_ILA_ENTRY_ICMP_INNER;
	if (any(4) == 0 && e.csum_mode == 0)
		e.flags |= OVS_ILA_ENTRY_ADJ_COMPAT;
	if (any(4) == 0 && neutral(e.csum_mode) && e.match.dir == 1)
		e.flags |= OVS_ILA_ENTRY_RESTORE_ZERO;
	if (any(8) == 0)
		e.idle_timeout = any(3);
	if (any(8) == 0)
		e.hard_timeout = any(5);
	if (any(50) == 0)
		e.ident_type = any(8);
	return e;
}

static struct ovs_ila_filter any_filter(void)
{
	struct ovs_ila_filter f = {};
	struct ovs_ila_entry e = any_entry();

	if (any(2))
		memcpy(f.locator, e.locator, 8);
	if (any(2)) {
		f.has_in_port = 1;
		f.in_port = any_port();
	}
	f.dir = any(3);
	f.owner = any(3);
	return f;
}

static void compare_stats(const struct model_entry *m,
			  const struct ovs_ila_entry_stats *stats)
{
	assert(stats->packets == m->packets);
	assert(stats->bytes == m->bytes);
	if (!m->used)
		assert(stats->used == U64_MAX);
	else
		assert(stats->used ==
		       (shim_jiffies / 8 - m->used / 8) * 8 * 4);
}

/* Everything that can be asked about. */
static void compare(struct ovs_ila_table *table, struct model *model)
{
	struct ovs_ila_filter f = any_filter();
	struct ovs_ila_entry_stats stats;
	struct ovs_ila_entry entry;
	struct ovs_ila_usage usage;
	struct ovs_ila_usage wanted = {};
	u32 i, n = 0, selected = 0, ports[2][5] = {}, any_ports[2] = {};
	bool icmp = false;
	u64 cursor = 0;

	while (!ovs_ila_table_next(table, &f, &cursor, &entry, &stats)) {
		struct model_entry *m = model_find(model, &entry.match);

		assert(m && !memcmp(&m->entry, &entry, sizeof(entry)));
		compare_stats(m, &stats);
		n++;
	}
	for (i = 0; i < model->n; i++) {
		const struct ovs_ila_entry *e = &model->entries[i].entry;
		u32 dir = e->match.dir - 1, j;

		selected += model_selects(&f, e);
		wanted.per_shape[dir][e->match.fields]++;
		wanted.n_timeouts += e->idle_timeout || e->hard_timeout;
		icmp = icmp || e->flags & OVS_ILA_ENTRY_ICMP_INNER;
		if (!(e->match.fields & OVS_ILA_MATCH_IN_PORT))
			any_ports[dir]++;
		for (j = 0; j < 5; j++)
			ports[dir][j] += e->match.fields &
					 OVS_ILA_MATCH_IN_PORT &&
					 e->match.in_port == few_ports[j];
	}
	assert(n == selected);
	ovs_ila_table_get_usage(table, &usage);
	assert(usage.n == model->n);
	assert(usage.n_timeouts == wanted.n_timeouts);
	assert(!memcmp(usage.per_shape, wanted.per_shape,
		       sizeof(wanted.per_shape)));
	assert(usage.n_values <= usage.n && !usage.n_values == !usage.n);
	assert(ovs_ila_table_has_icmp_inner(table) == icmp);
	for (i = 0; i < 10; i++) {
		u8 dirs = 2 * any(4);
		u32 j = any(5);
		bool applies = false;

		if (dirs & OVS_ILA_DIRS_IN)
			applies |= any_ports[0] || ports[0][j];
		if (dirs & OVS_ILA_DIRS_OUT)
			applies |= any_ports[1] || ports[1][j];
		assert(ovs_ila_table_applies(table, dirs, few_ports[j]) ==
		       applies);
	}
}

/* What a packet would remember. */
static struct {
	const struct ovs_ila_table *table;
	u32 in_port;
	struct ovs_ila_memo memo;
} last;

/* 'hit' is what 'addr' finds, or NULL: what is remembered must not differ. */
static void compare_memo(struct ovs_ila_table *table, u8 dirs, u32 in_port,
			 const u8 *addr, const struct ovs_ila_hit *hit)
{
	unsigned long version = ovs_ila_reader_version(table);
	struct ovs_ila_found found;
	u8 to[OVS_ILA_ADDR_LEN];

	if (last.table == table && last.in_port == in_port &&
	    ovs_ila_memo_applies(&last.memo, version, dirs, addr)) {
		assert(hit && hit->slot == last.memo.found.slot);
		assert(hit->id == last.memo.found.id);
		if (!last.memo.has_result)
			return;
		assert(ovs_ila_hit_translate(hit, addr, to) ==
		       OVS_ILA_TRANSLATE);
		assert(!memcmp(to, last.memo.to, sizeof(to)));
		return;
	}
	found = ovs_ila_reader_find(table, dirs, in_port, addr);
	if (!found.slot)
		return;
	last.table = table;
	last.in_port = in_port;
	ovs_ila_memo_keep(&last.memo, version, dirs, addr, found);
	memcpy(to, addr, sizeof(to));
	if (ovs_ila_reader_translate_neutral(table, found, to))
		ovs_ila_memo_keep_result(&last.memo, table, to);
}

static void compare_lookup(struct ovs_ila_table *table, struct model *model)
{
	u8 addr[OVS_ILA_ADDR_LEN], to[OVS_ILA_ADDR_LEN];
	u8 plain[OVS_ILA_ADDR_LEN];
	struct model_entry wire = { .entry = any_entry() };
	u32 in_port = any(20) ? any_port() : 65536 + any_port();
	u8 dirs = 2 * any(4);
	struct model_entry *m;
	enum ovs_ila_verdict verdict;
	struct ovs_ila_hit hit;
	bool found;

	if (model->n && any(2))
		wire.entry = model->entries[any(model->n)].entry;
	model_wire(&wire);
	memcpy(addr, wire.wire, sizeof(addr));
	if (!(wire.entry.match.fields & OVS_ILA_MATCH_LOCATOR))
		memcpy(addr, make_entry(1, 1, any_locator(), 0, 0, 0, 0)
				     .match.locator, 8);
	if (!(wire.entry.match.fields & OVS_ILA_MATCH_IDENTIFIER))
		memcpy(addr + 8, make_entry(1, 4, 0, few_idents[any(7)], 0, 0,
					    0).match.identifier, 8);

	if (last.table == table && last.memo.version && any(2)) {
		memcpy(addr, last.memo.from, sizeof(addr));
		dirs = last.memo.dirs;
		in_port = last.in_port;
	}

	m = model_lookup(model, dirs, in_port, addr);
	rcu_read_lock();
	found = ovs_ila_table_lookup(table, dirs, in_port, addr, &hit);
	compare_memo(table, dirs, in_port, addr, found ? &hit : NULL);
	assert(found == !!m);
	if (m) {
		u32 bytes = any(1500);

		shim_cpu = any(N_CPUS);
		count_hit(table, &hit, bytes);
		shim_cpu = 0;
		m->packets++;
		m->bytes += bytes;
		m->used = shim_jiffies;
		assert(hit_fields(&hit) == m->entry.match.fields);
		assert(hit.value->xlat.dir == m->entry.match.dir);
		assert(hit.exact == m->adjusted);
		assert(hit.value->flags == m->entry.flags);
		assert(!memcmp(hit.value->xlat.locator, m->entry.locator, 8));

		verdict = ovs_ila_hit_translate(&hit, addr, to);
		if (m->adjusted && m->entry.ident_type == 1) {
			assert(verdict == OVS_ILA_TRANSLATE);
			assert(!memcmp(to, m->entry.locator, 8));
			assert(!memcmp(to + 8, m->entry.match.identifier, 8));
		} else if (!m->adjusted) {
			assert(verdict ==
			       ovs_ila_translate_flags(&hit.value->xlat,
						       m->entry.flags, addr,
						       plain));
			assert(verdict != OVS_ILA_TRANSLATE ||
			       !memcmp(to, plain, sizeof(to)));
		}
	}
	rcu_read_unlock();
}

static void compare_load(struct ovs_ila_table *table, struct model *model)
{
	static struct ovs_ila_entry staged[64];
	static struct model before, load;
	bool replace = any(2);
	u8 database = any(2) ? OVS_ILA_ENTRY_DATABASE : 0;
	u32 i, n = any(64), bad_index = 0, n_bytes;
	struct ovs_ila_load *l = ovs_ila_load_begin(table);
	struct ovs_ila_usage usage;
	int error = 0, wanted = 0;

	assert(l);
	load.n = 0;
	load.max = model->max;
	for (i = 0; i < n; i++) {
		staged[i] = any_entry();
		if (model->n && any(3) == 0)
			staged[i] = model->entries[any(model->n)].entry;
		staged[i].flags &= ~OVS_ILA_ENTRY_DATABASE;
		staged[i].flags |= database;
		staged[i].ident_type = OVS_ILA_IDENT_LUID;
		if (ovs_ila_entry_check(&staged[i], NULL) ||
		    (any(10) && model_add(&load, &staged[i], 0)))
			i--, n--;
	}
	load.n = 0;
	for (i = 0; i < n && !wanted; i++) {
		wanted = model_add(&load, &staged[i], OVS_ILA_ADD_NEW);
		if (wanted)
			break;
	}
	for (n_bytes = 0; n_bytes < n && !error;) {
		u32 some = 1 + any(n - n_bytes);

		error = ovs_ila_load_stage(l, staged + n_bytes, some,
					   &bad_index, NULL);
		if (error)
			bad_index += n_bytes;
		n_bytes += some;
	}
	assert(error == wanted);
	assert(!error || bad_index == i);
	ovs_ila_table_get_usage(table, &usage);
	assert(usage.n == model->n);
	if (error) {
		ovs_ila_load_free(l);
		return;
	}
	assert(ovs_ila_load_n(l) == n);

	before = *model;
	if (replace) {
		u8 owner = database ? OVS_ILA_OWNER_DATABASE :
				      OVS_ILA_OWNER_USER;
		struct ovs_ila_filter f = { .owner = owner };
		u32 n_owner = model_flush(model, &f);

		assert(n_owner <= before.n);
		if (model->n + n > model->max) {
			wanted = -ENOSPC;
		} else {
			/* In the order of errors of the table. */
			for (i = 0; i < n; i++) {
				struct model_entry *m;
				int e;

				m = model_find(model, &staged[i].match);
				e = m ? -EPERM : model_add(model, &staged[i],
							   OVS_ILA_ADD_NEW);
				if (e)
					wanted = wanted ?: e;
				if (e)
					continue;
				m = model_find(&before, &staged[i].match);
				if (m) {
					struct model_entry *new;

					new = &model->entries[model->n - 1];
					new->packets = m->packets;
					new->bytes = m->bytes;
					new->used = m->used;
				}
			}
		}
		error = ovs_ila_load_replace(l, any(2) || !n ? owner : 0);
		/* Which comes first is not said. */
		assert(!error == !wanted);
		assert(!error || error == -ENOSPC || error == -EPERM ||
		       error == -EEXIST);
	} else {
		bool enospc = n > model->max || model->n > model->max - n;

		for (i = 0; i < n && !wanted; i++) {
			u32 limit = model->max;

			model->max = MODEL_MAX;
			wanted = model_add(model, &staged[i],
					   OVS_ILA_ADD_NEW);
			model->max = limit;
		}
		if (!wanted && n && enospc)
			wanted = -ENOSPC;
		error = ovs_ila_load_commit(l);
		assert(error == wanted);
	}
	if (error)
		*model = before;
	assert(ovs_ila_load_n(l) == (error ? n : 0));
	ovs_ila_load_free(l);
}

void run_model(u32 n_ops, u64 seed)
{
	static struct model model;
	struct ovs_ila_table *table = new_table();
	u32 op, i;

	random_state = seed;
	model.n = 0;
	model.max = 1 + any(250);
	assert(!ovs_ila_table_set_max(table, model.max));
	assert(ovs_ila_table_set_max(table, 0) == -EINVAL);
	assert(ovs_ila_table_set_max(table, OVS_ILA_TABLE_LIMIT_MAX + 1) ==
	       -EINVAL);
	for (op = 0; op < n_ops; op++) {
		u32 generation = ovs_ila_table_generation(table);
		bool applied[2] = {
			ovs_ila_table_applies(table, 2, 256),
			ovs_ila_table_applies(table, 4, 256),
		};
		struct ovs_ila_entry e = any_entry();
		struct ovs_ila_filter f = any_filter();
		struct ovs_ila_entry_stats stats;
		struct model_entry *m;
		const char *bad = NULL;
		u32 n, wanted_n;
		int error, wanted;

		if (model.n && any(2))
			e.match = model.entries[any(model.n)].entry.match;
		switch (any(100)) {
		case 0 ... 29:
			n = any(4);
			wanted = ovs_ila_entry_check(&e, NULL);
			i = model.n;
			if (!wanted)
				wanted = model_add(&model, &e, n);
			error = ovs_ila_table_add(table, &e, n, &bad);
			assert(error == wanted);
			assert(model.n > i ||
			       ovs_ila_table_generation(table) == generation);
			break;
		case 30 ... 39:
			n = any(3);
			m = model_find(&model, &e.match);
			wanted = !m ? -ENOENT : n &&
				 ovs_ila_entry_owner(&m->entry) != n ? -EPERM :
				 0;
			error = ovs_ila_table_del(table, &e.match, n, NULL);
			assert(error == wanted);
			if (!error)
				model_del(&model, m);
			break;
		case 40 ... 44:
			m = model_find(&model, &e.match);
			error = ovs_ila_table_get(table, &e.match, &e, &stats,
						  NULL);
			assert(error == (m ? 0 : -ENOENT));
			if (m) {
				assert(!memcmp(&m->entry, &e, sizeof(e)));
				compare_stats(m, &stats);
			}
			break;
		case 45 ... 89:
			for (i = 0; i < 4; i++)
				compare_lookup(table, &model);
			break;
		case 90 ... 93:
			wanted = 0;
			wanted_n = 0;
			if (!f.locator[0])
				wanted = -EINVAL;
			else
				wanted = model_move(&model, &f, e.locator,
						    &wanted_n);
			error = ovs_ila_table_move(table, &f, e.locator, &n,
						   &bad);
			assert(error == wanted && n == wanted_n);
			assert(ovs_ila_table_generation(table) == generation);
			break;
		case 94:
			if (any(4) == 0)
				assert(ovs_ila_table_flush(table, &f) ==
				       model_flush(&model, &f));
			if (any(100) == 0)
				assert(ovs_ila_table_flush(table, NULL) ==
				       model_flush(&model, NULL));
			break;
		case 95:
			f = (struct ovs_ila_filter){ .has_in_port = 1,
						     .in_port = any_port() };
			assert(ovs_ila_table_port_removed(table, f.in_port) ==
			       model_flush(&model, &f));
			break;
		case 96:
			shim_jiffies += any(3 * HZ);
			for (i = 0, n = 0; i < model.n;) {
				if (model_is_over(&model.entries[i])) {
					model_del(&model, &model.entries[i]);
					n++;
				} else {
					i++;
				}
			}
			assert(ovs_ila_table_expire(table) == n);
			break;
		case 97 ... 98:
			compare_load(table, &model);
			break;
		case 99:
			compare(table, &model);
			break;
		}
		if (ovs_ila_table_generation(table) == generation) {
			assert(ovs_ila_table_applies(table, 2, 256) ==
			       applied[0]);
			assert(ovs_ila_table_applies(table, 4, 256) ==
			       applied[1]);
		}
	}
	compare(table, &model);
	free_table(table);
}
