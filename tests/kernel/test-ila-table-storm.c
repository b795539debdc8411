// SPDX-License-Identifier: GPL-2.0-only

/* The ILA mapping table with readers and writers at once. */

#include "test-ila-table.h"

#define N_READERS 3
#define N_STORM 300
#define STORM_A 0x00050000
#define STORM_B 0x00067000	/* No address is one of another entry by A. */

struct storm {
	struct ovs_ila_table *table;
	bool done;
	u64 packets[N_READERS][N_STORM];
	u64 lookups[N_READERS];
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
	assert(hit.fields == m.entry.match.fields);
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
	ovs_ila_hit_count(storm->table, &hit, 100);
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

		/* An entry that moves from A to B and back again takes longer
		 * for it than this.
		 */
		rcu_read_lock();
		assert(storm_lookup(storm, i, STORM_A, reader) ||
		       storm_lookup(storm, i, STORM_B, reader) ||
		       storm_lookup(storm, i, STORM_A, reader));
		rcu_read_unlock();
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
	__atomic_store_n(&storm->done, true, __ATOMIC_RELAXED);
	for (i = 0; i < N_READERS; i++) {
		pthread_join(threads[i], NULL);
		assert(storm->lookups[i]);
	}

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
