// SPDX-License-Identifier: GPL-2.0-only

/* What ila-table-shim.h declares, and helpers of the tests. */

#include "test-ila-table.h"

#define MAX_THREADS N_CPUS
#define MAX_FREES 4096

__thread unsigned int shim_cpu;
int shim_fence;
u64 shim_jiffies = 1000;
u64 shim_seed;
__thread bool shim_dawdles;

long shim_fail_at = -1;
void (*shim_at_grace)(void);
long shim_n_allocs;
bool shim_exhausted;

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
		shim_exhausted = true;
		return NULL;
	}
	if (shim_fail_at > 0)
		shim_fail_at--;
	p = calloc(1, size);
	assert(p);
	__atomic_fetch_add(&shim_n_allocs, 1, __ATOMIC_RELAXED);
	return p;
}

void kvfree(const void *p)
{
	if (p)
		__atomic_fetch_sub(&shim_n_allocs, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

void rcu_read_lock(void)
{
	__atomic_store_n(&reading[shim_cpu],
			 __atomic_load_n(&period, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	smp_mb();	/* Pairs with those of synchronize_rcu(). */
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
	unsigned long cookie;

	if (shim_at_grace)
		shim_at_grace();
	cookie = start_poll_synchronize_rcu();
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

struct ovs_ila_table *new_table(void)
{
	struct ovs_ila_table *table = ovs_ila_table_alloc();

	assert(table);
	return table;
}

void free_table(struct ovs_ila_table *table)
{
	ovs_ila_table_destroy(table);
	synchronize_rcu();
	run_frees();
	assert(!n_frees);
	assert(!shim_n_allocs);
}

__thread u64 random_state = 1;

u32 any(u32 n)
{
	random_state = random_state * 6364136223846793005 +
		       1442695040888963407;
	return (random_state >> 33) % n;
}

struct ovs_ila_entry make_entry(u8 dir, u8 fields, u32 locator, u32 identifier,
				u32 in_port, u32 to, u8 csum_mode)
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

bool neutral(u8 csum_mode)
{
	return csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP ||
	       csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP_AUTO;
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

void model_wire(struct model_entry *m)
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

/* Some of each kind; those with odd numbers are adjusted. */
struct ovs_ila_entry stable_entry(u32 i, u32 to)
{
	struct ovs_ila_entry entry;

	if (i % 2) {
		entry = make_entry(1, 5 + i / 2 % 2 * 2, 0x00870000, i, 7, to,
				   OVS_ILA_CSUM_NEUTRAL_MAP);
		if (i == 1)
			entry.flags = OVS_ILA_ENTRY_ICMP_INNER;
		return entry;
	}
	return make_entry(2, 4 + i / 2 % 4, 0x00870000, i, 7, to,
			  OVS_ILA_CSUM_NO_ACTION);
}

void add_stable(struct ovs_ila_table *table, u32 n, u32 to)
{
	struct ovs_ila_entry entry;
	u32 i;

	for (i = 0; i < n; i++) {
		entry = stable_entry(i, to);
		assert(!ovs_ila_table_add(table, &entry, OVS_ILA_ADD_NEW,
					  NULL));
	}
}

struct ovs_ila_filter filter_to(u32 to)
{
	struct ovs_ila_entry entry = make_entry(1, 1, 0, 0, 0, to, 0);
	struct ovs_ila_filter filter = {};

	memcpy(filter.locator, entry.locator, 8);
	return filter;
}

void move_all(struct ovs_ila_table *table, u32 from, u32 to, u32 wanted)
{
	struct ovs_ila_filter filter = filter_to(from);
	struct ovs_ila_filter target = filter_to(to);
	u32 n;

	assert(!ovs_ila_table_move(table, &filter, target.locator, &n, NULL));
	assert(n == wanted);
}

void replace_all(struct ovs_ila_table *table, u32 n_stable, u32 to, u32 n)
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
