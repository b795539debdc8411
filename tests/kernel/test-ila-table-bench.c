// SPDX-License-Identifier: GPL-2.0-only

/* What the ILA mapping table costs, in the time of this process. */

#include "test-ila-table.h"

static double now(void)
{
	struct timespec ts;

	/* Not that of others on the same machine. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Entries of 200 hosts; 'kind' 0: by locator and identifier, 1: the same, but
 * adjusted, 2: by locator, each to another one.
 */
static struct ovs_ila_entry bench_entry(u32 i, u32 kind)
{
	if (kind == 2)
		return make_entry(2, 1, i, 0, 0, i + 1, 2);

	/* Not 0000 in the last word, which is ffff on the wire. */
	i = (i / 0xffff) << 16 | (1 + i % 0xffff);
	return make_entry(kind ? 1 : 2, kind ? 5 : 4, 7, i, 0,
			  0x1000 + (kind ? 0 : i % 200), kind ? 1 : 2);
}

static void bench_lookups(struct ovs_ila_table *table, u32 n, u32 kind)
{
	u32 i, n_lookups = 2000000, n_addrs = 1 << 20, n_hits = 0;
	u8 (*addrs)[OVS_ILA_ADDR_LEN] = calloc(n_addrs, sizeof(*addrs));
	u8 to[OVS_ILA_ADDR_LEN];
	int step;

	assert(addrs);
	for (i = 0; i < n_addrs; i++) {
		struct model_entry m = { .entry = bench_entry(any(n), kind) };

		model_wire(&m);
		memcpy(addrs[i], m.wire, OVS_ILA_ADDR_LEN);
	}
	for (step = 0; step < 3; step++) {
		double best = 1;
		int again;

		for (again = 0; again < 5; again++) {
			double start = now(), t;

			for (i = 0; i < n_lookups; i++) {
				const u8 *addr = addrs[i & (n_addrs - 1)];
				struct ovs_ila_hit hit;

				if (!ovs_ila_table_lookup(table, 6, 1, addr,
							  &hit))
					continue;
				n_hits++;
				if (step > 0)
					ovs_ila_hit_translate(&hit, addr, to);
				if (step > 1)
					count_hit(table, &hit, 100);
			}
			t = (now() - start) / n_lookups;
			best = t < best ? t : best;
		}
		printf(" %s %.1f ns", step > 1 ? "+ count" :
		       step ? "+ translate" : "lookup", best * 1e9);
	}
	assert(n_hits == 15 * n_lookups);
	putchar('\n');
	free(addrs);
}

/* What memory allows: reads of one line of 64 MB after the other, each of which
 * says which is the next.
 */
static void bench_memory(void)
{
	u32 n = 1 << 20, i, j, next = 0;
	u32 (*lines)[16] = calloc(n, sizeof(*lines));
	double start;

	assert(lines);
	for (i = 0; i < n; i++)
		lines[i][0] = i;
	for (i = n - 1; i; i--) {		/* One cycle. */
		j = any(i);
		next = lines[i][0];
		lines[i][0] = lines[j][0];
		lines[j][0] = next;
	}
	start = now();
	for (i = next = 0; i < n; i++)
		next = lines[next][0];
	printf("memory: %.1f ns%s\n", (now() - start) / n * 1e9,
	       next ? "?" : "");
	free(lines);
}

static void bench_kind(u32 n, u32 kind)
{
	struct ovs_ila_table *table = new_table();
	struct ovs_ila_load *load = ovs_ila_load_begin(table);
	struct ovs_ila_entry *entries = calloc(n, sizeof(*entries));
	struct ovs_ila_filter from = filter_to(0x1000), to = filter_to(0x900);
	struct ovs_ila_entry_stats stats;
	struct ovs_ila_usage usage;
	double t[5];
	u64 cursor = 0;
	u32 i, index;

	assert(entries);
	for (i = 0; i < n; i++)
		entries[i] = bench_entry(i, kind);
	t[0] = now();
	assert(!ovs_ila_load_stage(load, entries, n, &index, NULL));
	t[1] = now();
	assert(!ovs_ila_load_commit(load));
	t[2] = now();
	ovs_ila_load_free(load);
	ovs_ila_table_get_usage(table, &usage);
	printf("kind %u, %u entries: %.1f bytes each;", kind, n,
	       (double)usage.bytes / n);
	printf(" staged in %.3f s, committed in %.3f s\n", t[1] - t[0],
	       t[2] - t[1]);
	bench_lookups(table, n, kind);

	t[0] = now();
	assert(!ovs_ila_table_move(table, &from, to.locator, &i, NULL));
	t[1] = now();
	printf(" moved %u in %.1f ms;", i, (t[1] - t[0]) * 1e3);
	t[0] = now();
	for (i = 0; !ovs_ila_table_next(table, NULL, &cursor, &entries[0],
					&stats); i++)
		;
	t[1] = now();
	assert(i == n);
	printf(" listed in %.3f s;", t[1] - t[0]);
	t[0] = now();
	assert(ovs_ila_table_flush(table, NULL) == n);
	t[1] = now();
	ovs_ila_table_get_usage(table, &usage);
	printf(" flushed in %.3f s, %u bytes left;", t[1] - t[0],
	       (u32)usage.bytes);
	t[0] = now();
	for (i = 0; i < n; i++) {
		entries[0] = bench_entry(i, kind);
		assert(!ovs_ila_table_add(table, &entries[0], 0, NULL));
	}
	t[1] = now();
	printf(" added singly in %.3f s\n", t[1] - t[0]);
	free(entries);
	free_table(table);
}

/* Moves of 'n' entries of which another 9 'n' are there, too. */
static void bench_move(u32 n, u32 kind)
{
	struct ovs_ila_table *table = new_table();
	struct ovs_ila_filter from = filter_to(0x100), to = filter_to(0x200);
	double start;
	u32 i;

	for (i = 0; i < 10 * n; i++) {
		struct ovs_ila_entry e = bench_entry(i, kind);

		if (i % 10 == 0) {
			memcpy(e.locator, from.locator, 8);
			if (kind == 1)	/* No address of the others. */
				e.match.locator[1] = from.locator[1];
		}
		assert(!ovs_ila_table_add(table, &e, 0, NULL));
	}
	start = now();
	assert(!ovs_ila_table_move(table, &from, to.locator, &i, NULL));
	assert(i == n);
	printf("kind %u, %u of %u entries moved in %.1f ms\n", kind, n, 10 * n,
	       (now() - start) * 1e3);
	free_table(table);
}

void run_bench(u32 n)
{
	u32 kind;

	bench_memory();
	for (kind = 0; kind < 3; kind++)
		bench_kind(n, kind);
	bench_kind(1, 0);
	for (kind = 0; kind < 2; kind++)
		bench_move(n / 10, kind);
}
