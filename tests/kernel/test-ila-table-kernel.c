// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel module's ILA mapping table in user space.
 *
 *     script           commands from the standard input, see run_script()
 *     model N SEED     N random operations on the table and on a simple model
 *     listing SEED     listings while the table changes
 *     graces           what readers see at each point of a change
 *     faults           each allocation of each operation fails once
 *     storm N          readers and writers at once, N rounds of the writers
 *     bench N          memory and time with N entries
 */

#include "test-ila-table.h"

/* Scripts. */

static bool parse_hex(const char *s, void *to, unsigned int n)
{
	u8 *bytes = to;
	unsigned int byte;

	if (strlen(s) != 2 * n)
		return false;
	for (; n; n--, s += 2) {
		if (sscanf(s, "%2x", &byte) != 1)
			return false;
		*bytes++ = byte;
	}
	return true;
}

static void print_hex(const void *p, unsigned int n)
{
	const u8 *bytes = p;

	while (n--)
		printf("%02x", *bytes++);
}

static void print_result(int error, const char *bad)
{
	if (error)
		printf("%d %s\n", error, bad ? bad : "-");
	else
		puts("ok");
}

/*	new
 *	add MODE HEX		an entry as it is in memory
 *	del OWNER HEX		a match
 *	move HEX LOCATOR	a filter
 *	lookup DIRS PORT ADDR
 *
 * The answer to the last one is "miss", or the verdict, fields and direction of
 * the entry, its new locator, and the new address.
 */
static void run_script(void)
{
	static char line[1000], hex[1000], hex2[1000];
	struct ovs_ila_table *table = new_table();
	unsigned int a, b;

	while (fgets(line, sizeof(line), stdin)) {
		const char *bad = NULL;
		int error;

		if (!strcmp(line, "new\n")) {
			free_table(table);
			table = new_table();
			puts("ok");
		} else if (sscanf(line, "add %u %s", &a, hex) == 2) {
			struct ovs_ila_entry entry;

			assert(parse_hex(hex, &entry, sizeof(entry)));
			error = ovs_ila_table_add(table, &entry, a, &bad);
			print_result(error, bad);
		} else if (sscanf(line, "del %u %s", &a, hex) == 2) {
			struct ovs_ila_match match;

			assert(parse_hex(hex, &match, sizeof(match)));
			error = ovs_ila_table_del(table, &match, a, &bad);
			print_result(error, bad);
		} else if (sscanf(line, "move %s %s", hex, hex2) == 2) {
			struct ovs_ila_filter filter;
			__be32 to[2];
			u32 n;

			assert(parse_hex(hex, &filter, sizeof(filter)));
			assert(parse_hex(hex2, to, sizeof(to)));
			error = ovs_ila_table_move(table, &filter, to, &n,
						   &bad);
			print_result(error, bad);
		} else if (sscanf(line, "lookup %u %u %s", &a, &b, hex) == 3) {
			struct ovs_ila_lookup lookup = { .in_port = b,
							 .dirs = a };
			enum ovs_ila_verdict verdict;
			u8 to[OVS_ILA_ADDR_LEN];
			struct ovs_ila_entry entry;

			assert(parse_hex(hex, lookup.addr,
					 sizeof(lookup.addr)));
			memset(to, 0, sizeof(to));
			if (ovs_ila_table_trace(table, &lookup, &entry, NULL,
						&verdict, to)) {
				puts("miss");
				continue;
			}
			if (verdict != OVS_ILA_TRANSLATE)
				memset(to, 0, sizeof(to));
			printf("%d %d %d ", verdict, entry.match.fields,
			       entry.match.dir);
			print_hex(entry.locator, 8);
			putchar(' ');
			print_hex(to, sizeof(to));
			putchar('\n');
		} else {
			fprintf(stderr, "bad line: %s", line);
			exit(1);
		}
	}
	free_table(table);
}

/* Listings. */

#define N_STABLE 2000

static void disturb(struct ovs_ila_table *table, u32 *to)
{
	struct ovs_ila_entry entry;
	u32 i, n = any(3000);

	switch (any(5)) {
	case 0:
	case 1:		/* Grows, shrinks. */
		for (i = 0; i < n; i++) {
			entry = make_entry(1, 3, any(2000), 0, 9, 1, 0);
			if (any(3))
				ovs_ila_table_add(table, &entry,
						  OVS_ILA_ADD_REPLACE, NULL);
			else
				ovs_ila_table_del(table, &entry.match, 0, NULL);
		}
		break;
	case 2:
		ovs_ila_table_port_removed(table, 9);
		break;
	case 3:
		move_all(table, *to, *to + 1, N_STABLE);
		++*to;
		break;
	case 4:
		++*to;
		replace_all(table, N_STABLE, *to, any(2) * n);
		break;
	}
}

static void run_listing(u64 seed)
{
	struct ovs_ila_table *table = new_table();
	static u8 seen[N_STABLE];
	struct ovs_ila_entry entry;
	u32 i, round, to = 0x10000;
	u64 cursor = ~0ULL;

	random_state = seed;
	assert(ovs_ila_table_next(table, NULL, &cursor, &entry, NULL) ==
	       -ENOENT);
	add_stable(table, N_STABLE / 2, to);
	for (i = 0; i < 1000; i++) {
		entry = make_entry(1, 3, i, 0, 9, 1, 0);
		assert(!ovs_ila_table_add(table, &entry, 0, NULL));
	}
	for (i = N_STABLE / 2; i < N_STABLE; i++) {
		entry = stable_entry(i, to);
		assert(!ovs_ila_table_add(table, &entry, 0, NULL));
	}

	for (round = 0; round < 20; round++) {
		memset(seen, 0, sizeof(seen));
		cursor = 0;
		while (!ovs_ila_table_next(table, NULL, &cursor, &entry,
					   NULL)) {
			i = __builtin_bswap32(entry.match.identifier[1]);
			if (entry.match.fields & 4 && i < N_STABLE) {
				assert(!seen[i]);
				seen[i] = 1;
			}
			if (any(300) == 0)
				disturb(table, &to);
		}
		for (i = 0; i < N_STABLE; i++)
			assert(seen[i]);
	}
	free_table(table);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	u32 n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	u32 seed = argc > 3 ? strtoul(argv[3], NULL, 10) : n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "script")) {
		run_script();
	} else if (!strcmp(what, "model")) {
		shim_seed = seed % 2;
		run_model(n, seed);
	} else if (!strcmp(what, "listing")) {
		run_listing(seed);
	} else if (!strcmp(what, "graces")) {
		run_graces();
	} else if (!strcmp(what, "faults")) {
		run_faults();
	} else if (!strcmp(what, "storm")) {
		run_storm(n);
	} else if (!strcmp(what, "bench")) {
		run_bench(n);
	} else {
		fprintf(stderr, "%s: see the comment in the source\n",
			argv[0]);
		return 1;
	}
	return 0;
}
