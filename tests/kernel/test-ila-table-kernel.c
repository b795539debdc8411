// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel module's ILA mapping table in user space.
 *
 *     script           commands from the standard input, see run_script()
 *     model N SEED     N random operations on the table and on a simple model
 *     listing SEED     listings while the table changes
 *     faults           each allocation of each operation fails once
 *     storm N          readers and writers at once, N rounds of the writers
 *     bench N          memory and time with N entries
 */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ila_table_impl.h"

/* What ila-table-shim.h wants. */

#define MAX_THREADS N_CPUS
#define MAX_FREES 4096

__thread unsigned int shim_cpu;
int shim_fence;
u64 shim_jiffies = 1000;
u64 shim_seed;

static long shim_fail_at = -1;	/* So many allocations succeed. */
static long n_allocs;		/* That are not freed. */
static bool exhausted;

/* A reader's thread has the number of the period in which it began. */
static u64 period = 1;
static u64 reading[MAX_THREADS];

static pthread_mutex_t frees_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
	void *p;
	u64 after;
} frees[MAX_FREES];
static unsigned int n_frees;

void *kvzalloc(size_t size, int flags)
{
	void *p;

	(void)flags;
	if (!shim_fail_at) {
		exhausted = true;
		return NULL;
	}
	if (shim_fail_at > 0)
		shim_fail_at--;
	p = calloc(1, size);
	assert(p);
	__atomic_fetch_add(&n_allocs, 1, __ATOMIC_RELAXED);
	return p;
}

void kvfree(const void *p)
{
	if (p)
		__atomic_fetch_sub(&n_allocs, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

void rcu_read_lock(void)
{
	__atomic_store_n(&reading[shim_cpu],
			 __atomic_load_n(&period, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	smp_mb();
}

void rcu_read_unlock(void)
{
	__atomic_store_n(&reading[shim_cpu], 0, __ATOMIC_RELEASE);
}

unsigned long start_poll_synchronize_rcu(void)
{
	return __atomic_add_fetch(&period, 1, __ATOMIC_SEQ_CST);
}

bool poll_state_synchronize_rcu(unsigned long cookie)
{
	unsigned int i;

	for (i = 0; i < MAX_THREADS; i++) {
		u64 since = __atomic_load_n(&reading[i], __ATOMIC_SEQ_CST);

		if (since && since < cookie)
			return false;
	}
	return true;
}

void synchronize_rcu(void)
{
	unsigned long cookie = start_poll_synchronize_rcu();

	while (!poll_state_synchronize_rcu(cookie))
		sched_yield();
}

static void run_frees(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < n_frees; i++) {
		if (poll_state_synchronize_rcu(frees[i].after))
			kvfree(frees[i].p);
		else
			frees[n++] = frees[i];
	}
	n_frees = n;
}

void shim_kvfree_rcu(void *p)
{
	pthread_mutex_lock(&frees_mutex);
	if (n_frees == MAX_FREES)
		run_frees();
	assert(n_frees < MAX_FREES);
	frees[n_frees].p = p;
	frees[n_frees++].after = start_poll_synchronize_rcu();
	run_frees();
	pthread_mutex_unlock(&frees_mutex);
}

static struct ovs_ila_table *new_table(void)
{
	struct ovs_ila_table *table = ovs_ila_table_alloc();

	assert(table);
	return table;
}

/* Nothing may be left. */
static void free_table(struct ovs_ila_table *table)
{
	ovs_ila_table_destroy(table);
	synchronize_rcu();
	run_frees();
	assert(!n_frees);
	assert(!n_allocs);
}

/* Random numbers, the same on all machines. */
static __thread u64 random_state = 1;

static u32 any(u32 n)
{
	random_state = random_state * 6364136223846793005 +
		       1442695040888963407;
	return (random_state >> 33) % n;
}

static struct ovs_ila_entry make_entry(u8 dir, u8 fields, u32 locator,
				       u32 identifier, u32 in_port, u32 to,
				       u8 csum_mode)
{
	struct ovs_ila_entry e = {
		.match.dir = dir,
		.match.fields = fields,
		.csum_mode = csum_mode,
		.ident_type = OVS_ILA_IDENT_LUID,
	};

	if (fields & OVS_ILA_MATCH_LOCATOR) {
		e.match.locator[0] = __builtin_bswap32(0x20010000);
		e.match.locator[1] = __builtin_bswap32(locator);
	}
	if (fields & OVS_ILA_MATCH_IDENTIFIER) {
		e.match.identifier[0] = __builtin_bswap32(0x20000000);
		e.match.identifier[1] = __builtin_bswap32(identifier);
	}
	if (fields & OVS_ILA_MATCH_IN_PORT)
		e.match.in_port = in_port;
	e.locator[0] = __builtin_bswap32(0x20010000);
	e.locator[1] = __builtin_bswap32(to);
	return e;
}

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
			u8 addr[OVS_ILA_ADDR_LEN], to[OVS_ILA_ADDR_LEN];
			struct ovs_ila_hit hit;
			int verdict;

			assert(parse_hex(hex, addr, sizeof(addr)));
			memset(to, 0, sizeof(to));
			if (!ovs_ila_table_lookup(table, a, b, addr, &hit)) {
				puts("miss");
				continue;
			}
			verdict = ovs_ila_hit_translate(&hit, addr, to);
			if (verdict != OVS_ILA_TRANSLATE)
				memset(to, 0, sizeof(to));
			printf("%d %d %d ", verdict, hit.fields, hit.dir);
			print_hex(hit.value->xlat.locator, 8);
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

/* The model: an array. */

#define MODEL_MAX 4096

struct model_entry {
	struct ovs_ila_entry entry;
	u8 wire[OVS_ILA_ADDR_LEN];	/* What it matches. */
	bool adjusted;
	u64 packets, bytes;
	u64 created;			/* In jiffies, as the next. */
	u64 used;			/* 0 for never. */
};

struct model {
	struct model_entry entries[MODEL_MAX];
	u32 n, max;
};

static bool neutral(u8 mode)
{
	return mode == OVS_ILA_CSUM_NEUTRAL_MAP ||
	       mode == OVS_ILA_CSUM_NEUTRAL_MAP_AUTO;
}

static u32 sum_words(const u8 *p, unsigned int n, u16 invert)
{
	u32 sum = 0;

	while (n--) {
		sum += get_unaligned_be16(p) ^ invert;
		p += 2;
	}
	return sum;
}

/* Straight from the definition. */
static void model_wire(struct model_entry *m)
{
	const struct ovs_ila_entry *e = &m->entry;
	u32 sum;

	memcpy(m->wire, e->match.locator, 8);
	memcpy(m->wire + 8, e->match.identifier, 8);
	m->adjusted = e->match.dir == 1 && neutral(e->csum_mode) &&
		      e->match.fields & OVS_ILA_MATCH_IDENTIFIER;
	if (!m->adjusted)
		return;
	sum = get_unaligned_be16(m->wire + 14) +
	      sum_words((const u8 *)e->locator, 4, 0) +
	      sum_words((const u8 *)e->match.locator, 4, 0xffff);
	if (e->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP) {
		m->wire[8] |= 0x10;
		sum += 0xefff;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_unaligned_be16(sum, m->wire + 14);
}

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

/* Some of them have the same sum. */
static u32 any_locator(void)
{
	return 0x00870000 + any(3) * 0xffff;
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
	assert(usage.n == model->n && ovs_ila_table_n(table) == model->n);
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

static void compare_lookup(struct ovs_ila_table *table, struct model *model)
{
	u8 addr[OVS_ILA_ADDR_LEN], to[OVS_ILA_ADDR_LEN];
	u8 plain[OVS_ILA_ADDR_LEN];
	struct model_entry wire = { .entry = any_entry() };
	u32 in_port = any_port();
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

	m = model_lookup(model, dirs, in_port, addr);
	rcu_read_lock();
	found = ovs_ila_table_lookup(table, dirs, in_port, addr, &hit);
	assert(found == !!m);
	if (m) {
		u32 bytes = any(1500);

		shim_cpu = any(N_CPUS);
		ovs_ila_hit_count(table, &hit, bytes);
		shim_cpu = 0;
		m->packets++;
		m->bytes += bytes;
		m->used = shim_jiffies;
		assert(hit.fields == m->entry.match.fields);
		assert(hit.dir == m->entry.match.dir);
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

static void run_model(u32 n_ops, u64 seed)
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
			if (!wanted)
				wanted = model_add(&model, &e, n);
			error = ovs_ila_table_add(table, &e, n, &bad);
			assert(error == wanted);
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

/* Listings. */

#define N_STABLE 2000

/* Some of each kind; those with odd numbers are adjusted. */
static struct ovs_ila_entry stable_entry(u32 i, u32 to)
{
	if (i % 2)
		return make_entry(1, 5 + i / 2 % 2 * 2, 0x00870000, i, 7, to,
				  OVS_ILA_CSUM_NEUTRAL_MAP);
	return make_entry(2, 4 + i / 2 % 4, 0x00870000, i, 7, to,
			  OVS_ILA_CSUM_NO_ACTION);
}

static void add_stable(struct ovs_ila_table *table, u32 n, u32 to)
{
	struct ovs_ila_entry entry;
	u32 i;

	for (i = 0; i < n; i++) {
		entry = stable_entry(i, to);
		assert(!ovs_ila_table_add(table, &entry, OVS_ILA_ADD_NEW,
					  NULL));
	}
}

static struct ovs_ila_filter filter_to(u32 to)
{
	struct ovs_ila_entry entry = make_entry(1, 1, 0, 0, 0, to, 0);
	struct ovs_ila_filter filter = {};

	memcpy(filter.locator, entry.locator, 8);
	return filter;
}

static void move_all(struct ovs_ila_table *table, u32 from, u32 to, u32 wanted)
{
	struct ovs_ila_filter filter = filter_to(from);
	struct ovs_ila_filter target = filter_to(to);
	u32 n;

	assert(!ovs_ila_table_move(table, &filter, target.locator, &n, NULL));
	assert(n == wanted);
}

/* Replaces all entries by the stable ones, to 'to', and 'n' others. */
static void replace_all(struct ovs_ila_table *table, u32 n_stable, u32 to,
			u32 n)
{
	struct ovs_ila_load *load = ovs_ila_load_begin(table);
	struct ovs_ila_entry entry;
	u32 i, index;

	for (i = 0; i < n_stable + n; i++) {
		entry = i < n_stable ? stable_entry(i, to) :
			make_entry(2, 4, 0, 0x1000000 + i, 0, 1, 2);
		assert(!ovs_ila_load_stage(load, &entry, 1, &index, NULL));
	}
	assert(!ovs_ila_load_replace(load, OVS_ILA_OWNER_USER));
	ovs_ila_load_free(load);
}

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

/* Lack of memory. */

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
		if (hit.fields == m.entry.match.fields)
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

static void run_faults(void)
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
		assert(!table && !n_allocs);
	}

	for (op = 0; op < ARRAY_SIZE(ops); op++) {
		int failed = 0;

		for (at = 0, exhausted = true; exhausted; at++) {
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
			exhausted = false;
			shim_fail_at = at;
			error = ops[op].run(table, load);
			shim_fail_at = -1;
			take_snapshot(table, &after);
			check_lookups(table, &after);
			if (error) {
				assert(exhausted && error == -ENOMEM);
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

/* Readers and writers. */

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
		storm->lookups[reader]++;
	}
	return NULL;
}

static void run_storm(u32 n_rounds)
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

/* Figures. */

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
					ovs_ila_hit_count(table, &hit, 100);
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
	printf("kind %u, %u entries: %.1f bytes each, staged in %.3f s,"
	       " committed in %.3f s\n", kind, n, (double)usage.bytes / n,
	       t[1] - t[0], t[2] - t[1]);
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

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	u32 n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	u32 seed = argc > 3 ? strtoul(argv[3], NULL, 10) : n;
	u32 kind;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "script")) {
		run_script();
	} else if (!strcmp(what, "model")) {
		shim_seed = seed % 2;
		run_model(n, seed);
	} else if (!strcmp(what, "listing")) {
		run_listing(seed);
	} else if (!strcmp(what, "faults")) {
		run_faults();
	} else if (!strcmp(what, "storm")) {
		run_storm(n);
	} else if (!strcmp(what, "bench")) {
		bench_memory();
		for (kind = 0; kind < 3; kind++)
			bench_kind(n, kind);
		bench_kind(1, 0);
		for (kind = 0; kind < 2; kind++)
			bench_move(n / 10, kind);
	} else {
		fprintf(stderr, "%s: see the comment in the source\n",
			argv[0]);
		return 1;
	}
	return 0;
}
