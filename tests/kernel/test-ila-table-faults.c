// SPDX-License-Identifier: GPL-2.0-only

/* The ILA mapping table when memory is short. */

#include "test-ila-table.h"

#define SNAPSHOT_MAX 4096

struct snapshot {
	struct ovs_ila_entry entries[SNAPSHOT_MAX];
	u32 n;
	struct ovs_ila_usage usage;
};

static void take_snapshot(struct ovs_ila_table *table, struct snapshot *s)
{
	u64 cursor = 0;

	s->n = 0;
	while (!ovs_ila_table_next(table, NULL, &cursor, &s->entries[s->n],
				   NULL))
		s->n++;
	ovs_ila_table_get_usage(table, &s->usage);
	s->usage.bytes = 0;
}

/* What is there is found. */
static void check_lookups(struct ovs_ila_table *table,
			  const struct snapshot *s)
{
	struct model_entry m;
	struct ovs_ila_hit hit;
	u32 i;

	for (i = 0; i < s->n; i++) {
		m.entry = s->entries[i];
		model_wire(&m);
		rcu_read_lock();
		assert(ovs_ila_table_lookup(table, 1 << m.entry.match.dir,
					    m.entry.match.in_port, m.wire,
					    &hit));
		if (hit_fields(&hit) == m.entry.match.fields)
			assert(!memcmp(hit.value->xlat.locator,
				       m.entry.locator, 8));
		rcu_read_unlock();
	}
}

static int fault_add(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_entry e = make_entry(1, 7, 1, 2, 300, 3, 1);

	(void)load;
	return ovs_ila_table_add(table, &e, OVS_ILA_ADD_NEW, NULL);
}

static int fault_value(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_entry e = stable_entry(0, 0x77);

	(void)load;
	return ovs_ila_table_add(table, &e, OVS_ILA_ADD_REPLACE, NULL);
}

static int fault_wire(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_entry e = stable_entry(1, 0x77);

	(void)load;
	return ovs_ila_table_add(table, &e, OVS_ILA_ADD_MODIFY, NULL);
}

static int fault_adjust(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_entry e = stable_entry(1, 0x77);

	(void)load;
	e.csum_mode = OVS_ILA_CSUM_NO_ACTION;
	return ovs_ila_table_add(table, &e, OVS_ILA_ADD_MODIFY, NULL);
}

static int fault_move(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_filter from = filter_to(5), to = filter_to(6);
	u32 n;

	(void)load;
	return ovs_ila_table_move(table, &from, to.locator, &n, NULL);
}

static int fault_begin(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	load = ovs_ila_load_begin(table);
	ovs_ila_load_free(load);
	return load ? 0 : -ENOMEM;
}

static int fault_stage(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_entry e;
	u32 i, index;
	int error = 0;

	(void)table;
	for (i = 0; i < 1500 && !error; i++) {
		e = make_entry(1 + i % 2, 7, 1, 4000 + i, i, i % 5 + 1, 3);
		error = ovs_ila_load_stage(load, &e, 1, &index, NULL);
	}
	return error;
}

static int fault_commit(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	(void)table;
	return ovs_ila_load_commit(load);
}

static int fault_replace(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	(void)table;
	return ovs_ila_load_replace(load, OVS_ILA_OWNER_ANY);
}

static int fault_flush(struct ovs_ila_table *table, struct ovs_ila_load *load)
{
	struct ovs_ila_filter f = { .dir = 1 };

	(void)load;
	assert(ovs_ila_table_flush(table, &f));
	return 0;
}

void run_faults(void)
{
	static const struct {
		int (*run)(struct ovs_ila_table *table,
			   struct ovs_ila_load *load);
		bool staged;	/* With something in the load. */
		int least;	/* Allocations that must be seen to fail. */
		u32 n;		/* Entries that are there. */
	} ops[] = {
		{ fault_add, false, 4, 0 }, { fault_add, false, 1, 600 },
		{ fault_value, false, 0, 600 }, { fault_wire, false, 1, 600 },
		{ fault_adjust, false, 1, 600 }, { fault_move, false, 2, 600 },
		{ fault_begin, false, 1, 600 }, { fault_stage, false, 8, 600 },
		{ fault_commit, true, 2, 600 }, { fault_commit, true, 2, 0 },
		{ fault_replace, true, 3, 600 }, { fault_flush, false, 0, 900 },
	};
	static struct snapshot before, after;
	unsigned int op;
	long at;
	u32 i;

	for (at = 0; at < 2; at++) {
		struct ovs_ila_table *table;

		shim_fail_at = at;
		table = ovs_ila_table_alloc();
		shim_fail_at = -1;
		assert(!table && !shim_n_allocs);
	}

	for (op = 0; op < ARRAY_SIZE(ops); op++) {
		int failed = 0;

		for (at = 0, shim_exhausted = true; shim_exhausted; at++) {
			struct ovs_ila_table *table = new_table();
			struct ovs_ila_load *load;
			int error;

			add_stable(table, ops[op].n, 5);
			load = ovs_ila_load_begin(table);
			for (i = 0; ops[op].staged && i < 900; i++) {
				bool old = i < ops[op].n &&
					   ops[op].run == fault_replace;
				struct ovs_ila_entry e;
				u32 index;

				e = stable_entry(old ? i : 10000 + i,
						 i % 3 ? 5 : 6);
				assert(!ovs_ila_load_stage(load, &e, 1, &index,
							   NULL));
			}
			take_snapshot(table, &before);
			shim_exhausted = false;
			shim_fail_at = at;
			error = ops[op].run(table, load);
			shim_fail_at = -1;
			take_snapshot(table, &after);
			check_lookups(table, &after);
			if (error) {
				assert(shim_exhausted && error == -ENOMEM);
				assert(before.n == after.n);
				assert(!memcmp(before.entries, after.entries,
					       before.n *
					       sizeof(before.entries[0])));
				if (ops[op].run != fault_stage)
					assert(!memcmp(&before.usage,
						       &after.usage,
						       sizeof(before.usage)));
				failed++;
				if (ops[op].run != fault_stage)
					assert(!ops[op].run(table, load));
			}
			ovs_ila_load_free(load);
			free_table(table);
		}
		assert(failed >= ops[op].least);
	}
}
