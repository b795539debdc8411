// SPDX-License-Identifier: GPL-2.0-only

/* The ILA mapping table with readers while it changes. */

#include "test-ila-table.h"

/* One reader, at points that are chosen. */

#define GRACE_A 0x00050000
#define GRACE_B 0x00067000

static struct {
	struct ovs_ila_table *table;
	struct ovs_ila_hit held;	/* From before the change. */
	unsigned long version;		/* Since then. */
	u32 n;				/* Grace periods. */
} grace;

static bool grace_lookup(u32 to, struct ovs_ila_hit *hit)
{
	struct model_entry m = { .entry = stable_entry(1, to) };
	u8 result[OVS_ILA_ADDR_LEN];

	model_wire(&m);
	if (!ovs_ila_table_lookup(grace.table, OVS_ILA_DIRS_IN, 7, m.wire,
				  hit))
		return false;
	assert(ovs_ila_hit_translate(hit, m.wire, result) ==
	       OVS_ILA_TRANSLATE);
	assert(!memcmp(result, m.entry.locator, 8));
	assert(!memcmp(result + 8, m.entry.match.identifier, 8));
	return true;
}

static void at_grace(void)
{
	struct ovs_ila_hit hit;

	/* The new address has been found since before the old one was not. */
	assert(grace_lookup(GRACE_B, &hit));
	assert(!grace_lookup(GRACE_A, &hit));
	assert(grace_lookup(GRACE_B, &hit));
	/* Nobody goes on with what he found before. */
	assert(grace.version != ovs_ila_reader_version(grace.table));
	grace.version = ovs_ila_reader_version(grace.table);
	grace.n++;
	if (grace.n == 1) {
		struct model_entry m = { .entry = stable_entry(1, GRACE_A) };
		u8 result[OVS_ILA_ADDR_LEN];

		/* Who found it before still reads what it was. */
		model_wire(&m);
		assert(hit.id != grace.held.id);
		assert(!memcmp(&grace.held.slot->identifier, m.wire + 8, 8));
		assert(ovs_ila_hit_translate(&grace.held, m.wire, result) ==
		       OVS_ILA_TRANSLATE);
		assert(!memcmp(result, m.entry.locator, 8));
	} else {
		/* It is home, but its guest is not used for others yet. */
		assert(hit.id == grace.held.id);
	}
}

static void begin_grace(void)
{
	grace.table = new_table();
	grace.n = 0;
	add_stable(grace.table, 20, GRACE_A);
	assert(grace_lookup(GRACE_A, &grace.held));
	grace.version = ovs_ila_reader_version(grace.table);
	shim_at_grace = at_grace;
}

static void end_grace(void)
{
	shim_at_grace = NULL;
	assert(grace.n == 2);
	free_table(grace.table);
}

/* What is deleted is not used again while a reader may have it. */
static void delete_under_reader(void)
{
	struct ovs_ila_table *table = new_table();
	struct ovs_ila_entry e = make_entry(2, 1, 1, 0, 0, 1, 2), copy;
	const u8 *addr = (const u8 *)e.match.locator;
	struct ovs_ila_value value;
	struct ovs_ila_hit hit;
	u8 whole[OVS_ILA_ADDR_LEN] = {};
	u32 i;

	assert(!ovs_ila_table_add(table, &e, 0, NULL));
	memcpy(whole, addr, 8);
	shim_cpu = 1;
	rcu_read_lock();
	assert(ovs_ila_table_lookup(table, OVS_ILA_DIRS_OUT, 1, whole, &hit));
	value = *hit.value;
	shim_cpu = 0;
	assert(!ovs_ila_table_del(table, &e.match, 0, NULL));
	for (i = 2; i < 2000; i++) {
		copy = make_entry(2, 1, i, 0, 0, i, 2);
		assert(!ovs_ila_table_add(table, &copy, 0, NULL));
	}
	assert(!memcmp(&hit.slot->locator, addr, 8));
	assert(!memcmp(hit.value->xlat.locator, value.xlat.locator, 8));
	shim_cpu = 1;
	rcu_read_unlock();
	shim_cpu = 0;
	free_table(table);
}

/* What comes in addition may be found where something else was. */
static void replace_by_more(void)
{
	struct ovs_ila_table *table = new_table();
	unsigned long version;

	add_stable(table, 20, GRACE_A);
	version = ovs_ila_reader_version(table);
	replace_all(table, 20, GRACE_A, 3);
	assert(version != ovs_ila_reader_version(table));
	free_table(table);
}

void run_graces(void)
{
	struct ovs_ila_filter from = filter_to(GRACE_A), to;
	struct ovs_ila_entry entry = stable_entry(1, GRACE_B);
	u32 n;

	to = filter_to(GRACE_B);
	begin_grace();
	assert(!ovs_ila_table_add(grace.table, &entry, OVS_ILA_ADD_MODIFY,
				  NULL));
	end_grace();

	begin_grace();
	assert(!ovs_ila_table_move(grace.table, &from, to.locator, &n, NULL));
	end_grace();

	begin_grace();
	replace_all(grace.table, 20, GRACE_B, 3);
	end_grace();

	delete_under_reader();
	replace_by_more();
}

/* As many as there are processors, and more, at any point. */

#define N_READERS 3
#define N_STORM 300
#define STORM_A 0x00050000
#define STORM_B 0x00067000	/* No address is one of another entry by A. */

struct storm {
	struct ovs_ila_table *table;
	bool done;
	u64 packets[N_READERS][N_STORM];
	u64 lookups[N_READERS];
	u64 repeated[N_READERS];	/* From the memo. */
};

/* Looks one of the stable entries up where it leads to 'to'. */
static bool storm_lookup(struct storm *storm, u32 i, u32 to, u32 reader)
{
	struct model_entry m = { .entry = stable_entry(i, to) };
	u8 result[OVS_ILA_ADDR_LEN];
	struct ovs_ila_hit hit;

	model_wire(&m);
	if (!ovs_ila_table_lookup(storm->table, 1 << m.entry.match.dir,
				  m.entry.match.in_port, m.wire, &hit))
		return false;
	assert(hit_fields(&hit) == m.entry.match.fields);
	assert(ovs_ila_hit_translate(&hit, m.wire, result) ==
	       OVS_ILA_TRANSLATE);
	assert(!memcmp(result + 8, m.entry.match.identifier, 8));
	assert(hit.value->xlat.csum_mode == m.entry.csum_mode);
	if (m.adjusted) {
		assert(!memcmp(result, m.entry.locator, 8));
	} else {
		u32 new = __builtin_bswap32(hit.value->xlat.locator[1]);

		assert(new == STORM_A || new == STORM_B);
		assert(!memcmp(result, hit.value->xlat.locator, 8));
	}
	count_hit(storm->table, &hit, 100);
	storm->packets[reader][i]++;
	return true;
}

/* Likewise with what the reader remembers from before, if its value is neutral.
 */
static bool storm_memo(struct storm *storm, u32 i, u32 to, u32 reader)
{
	struct model_entry m = { .entry = stable_entry(i, to) };
	struct ovs_ila_table *table = storm->table;
	u8 dirs = 1 << m.entry.match.dir;
	struct ovs_ila_found found;
	unsigned long version;

	static __thread struct ovs_ila_memo memo;
	static __thread u32 memo_port;

	model_wire(&m);
	if (memo_port != m.entry.match.in_port) {
		memo = (struct ovs_ila_memo){};
		memo_port = m.entry.match.in_port;
	}
	version = ovs_ila_reader_version(table);
	if (ovs_ila_memo_applies(&memo, version, dirs, m.wire)) {
		found = memo.found;
		storm->repeated[reader]++;
	} else {
		found = ovs_ila_reader_find(table, dirs, memo_port, m.wire);
		if (!found.slot)
			return false;
		ovs_ila_memo_keep(&memo, version, dirs, m.wire, found);
	}
	if (memo.has_result) {
		memcpy(m.wire, memo.to, sizeof(m.wire));
	} else {
		if (!ovs_ila_reader_translate_neutral(table, found, m.wire))
			return true;
		ovs_ila_memo_keep_result(&memo, table, m.wire);
	}
	assert(m.adjusted);
	assert(!memcmp(m.wire, m.entry.locator, 8));
	assert(!memcmp(m.wire + 8, m.entry.match.identifier, 8));
	if (ovs_ila_memo_counts(&memo))
		ovs_ila_memo_count(&memo, 100);
	else
		ovs_ila_reader_count(table, found.slot, found.id, 100);
	storm->packets[reader][i]++;
	return true;
}

static void *storm_reader(void *storm_)
{
	struct storm *storm = storm_;
	u32 reader;

	static u32 readers;

	reader = __atomic_fetch_add(&readers, 1, __ATOMIC_RELAXED) % N_READERS;
	shim_cpu = reader + 1;
	random_state = reader;
	while (!__atomic_load_n(&storm->done, __ATOMIC_RELAXED)) {
		u32 i = any(4) ? any(N_STORM) : reader;
		u32 again = any(4);

		/* An entry that moves from A to B and back again takes longer
		 * for it than this.
		 */
		rcu_read_lock();
		assert(storm_lookup(storm, i, STORM_A, reader) ||
		       storm_lookup(storm, i, STORM_B, reader) ||
		       storm_lookup(storm, i, STORM_A, reader));
		rcu_read_unlock();
		for (; again; again--) {
			rcu_read_lock();
			assert(storm_memo(storm, i, STORM_A, reader) ||
			       storm_memo(storm, i, STORM_B, reader) ||
			       storm_memo(storm, i, STORM_A, reader));
			rcu_read_unlock();
		}
		assert(ovs_ila_table_has_icmp_inner(storm->table));
		assert(ovs_ila_table_applies(storm->table, OVS_ILA_DIRS_IN,
					     7));
		storm->lookups[reader]++;
	}
	return NULL;
}

void run_storm(u32 n_rounds)
{
	struct storm *storm = calloc(1, sizeof(*storm));
	pthread_t threads[N_READERS];
	struct ovs_ila_table *table;
	struct ovs_ila_entry_stats stats;
	struct ovs_ila_entry entry;
	u32 i, j, round, to = STORM_A, n = 0;
	u64 cursor = 0;

	assert(storm);
	table = new_table();
	storm->table = table;
	add_stable(table, N_STORM, to);
	for (i = 0; i < N_READERS; i++)
		assert(!pthread_create(&threads[i], NULL, storm_reader,
				       storm));
	shim_dawdles = true;
	for (round = 0; round < n_rounds; round++) {
		u32 other = to == STORM_A ? STORM_B : STORM_A;

		switch (any(5)) {
		case 0:
			move_all(table, to, other, N_STORM);
			to = other;
			break;
		case 1:
			replace_all(table, N_STORM, other, any(1000));
			to = other;
			break;
		case 2:
			for (i = 0; i < 20; i++) {
				j = any(N_STORM);
				entry = stable_entry(j, other);
				assert(!ovs_ila_table_add(table, &entry,
							  OVS_ILA_ADD_REPLACE,
							  NULL));
				entry = stable_entry(j, to);
				assert(!ovs_ila_table_add(table, &entry,
							  OVS_ILA_ADD_MODIFY,
							  NULL));
			}
			break;
		case 3:
			for (i = 0; i < 6000; i++) {
				entry = make_entry(1, 3, i, 0, 9, i, 0);
				ovs_ila_table_add(table, &entry, 0, NULL);
			}
			break;
		case 4:
			ovs_ila_table_port_removed(table, 9);
			break;
		}
	}
	shim_dawdles = false;
	__atomic_store_n(&storm->done, true, __ATOMIC_RELAXED);
	/* A reader's number is not that of its thread. */
	for (i = 0; i < N_READERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < N_READERS; i++)
		assert(storm->lookups[i] && storm->repeated[i]);

	/* Nothing that was counted is lost, or counted twice. */
	while (!ovs_ila_table_next(table, NULL, &cursor, &entry, &stats)) {
		u64 packets = 0;

		i = __builtin_bswap32(entry.match.identifier[1]);
		if (!(entry.match.fields & 4) || i >= N_STORM)
			continue;
		for (j = 0; j < N_READERS; j++)
			packets += storm->packets[j][i];
		assert(stats.packets == packets);
		assert(stats.bytes == packets * 100);
		n++;
	}
	assert(n == N_STORM);
	free_table(table);
	free(storm);
}
