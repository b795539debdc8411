// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel module's match cache in user space: without arguments once
 * through everything that one thread can do, with a number of rounds as the
 * argument several threads at once.
 */

#include <stdio.h>

#include <linux/openvswitch.h>

#include "match_cache.h"

#define CHECK(CONDITION) \
	do { \
		if (!(CONDITION)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #CONDITION); \
			abort(); \
		} \
	} while (0)

__thread unsigned int shim_cpu;
u32 shim_seed;

/* Readers hold this for reading; a grace period is to have it for writing. */
static pthread_rwlock_t rcu = PTHREAD_RWLOCK_INITIALIZER;

/* What waits for a grace period. */
struct deferred {
	struct deferred *next;
	void *p;
	struct ovs_match_entry **slot;	/* Instead of 'p': a flow's. */
};

static pthread_mutex_t deferred_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct deferred *deferred;

/* Allocations until the one that fails, if positive. */
static int fail_after;

void *kmalloc(size_t size, int flags)
{
	(void)flags;
	if (fail_after > 0 && !--fail_after)
		return NULL;
	return malloc(size);
}

void *kzalloc(size_t size, int flags)
{
	void *p = kmalloc(size, flags);

	return p ? memset(p, 0, size) : NULL;
}

void kfree(const void *p)
{
	free((void *)p);
}

static void defer(void *p, struct ovs_match_entry **slot)
{
	struct deferred *d = malloc(sizeof(*d));

	d->p = p;
	d->slot = slot;
	pthread_mutex_lock(&deferred_mutex);
	d->next = deferred;
	deferred = d;
	pthread_mutex_unlock(&deferred_mutex);
}

void shim_kfree_rcu(void *p)
{
	defer(p, NULL);
}

static void grace_period(void)
{
	struct deferred *list, *next;

	pthread_mutex_lock(&deferred_mutex);
	list = deferred;
	deferred = NULL;
	pthread_mutex_unlock(&deferred_mutex);

	pthread_rwlock_wrlock(&rcu);
	pthread_rwlock_unlock(&rcu);

	for (; list; list = next) {
		next = list->next;
		if (list->slot) {
			ovs_match_free(list->slot);
			free(list->slot);
		}
		free(list->p);
		free(list);
	}
}

/* A key whose own part says 'i', and its mask: 'mask' and 'port' are shared. */
struct match {
	u8 key[64] __aligned(8);
	u8 mask[64] __aligned(8);
};

static u8 *put(u8 *p, int type, u32 value, unsigned int len)
{
	struct nlattr *a = (struct nlattr *)p;
	unsigned int i;

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memset(a + 1, 0, NLA_ALIGN(len));
	for (i = 0; i < len; i++)
		((u8 *)(a + 1))[i] = value >> (8 * (i % 4));
	return p + NLA_ALIGN(a->nla_len);
}

static void make_match(struct match *m, u32 i, u32 port, u32 mask)
{
	struct nlattr *nest;
	u8 *p;

	memset(m, 0, sizeof(*m));
	nest = (struct nlattr *)m->key;
	p = put(m->key + NLA_HDRLEN, OVS_KEY_ATTR_IN_PORT, port, 4);
	p = put(p, OVS_KEY_ATTR_ETHERNET, i, 12);
	p = put(p, OVS_KEY_ATTR_ETHERTYPE, i, 2);
	nest->nla_type = OVS_FLOW_ATTR_KEY;
	nest->nla_len = p - m->key;

	nest = (struct nlattr *)m->mask;
	p = put(m->mask + NLA_HDRLEN, OVS_KEY_ATTR_IN_PORT, mask, 4);
	p = put(p, OVS_KEY_ATTR_ETHERNET, mask, 12 + mask % 8);
	nest->nla_type = OVS_FLOW_ATTR_MASK;
	nest->nla_len = p - m->mask;
}

static void keep(struct ovs_match_cache *cache, struct ovs_match_entry **slot,
		 const struct match *m)
{
	ovs_match_keep(cache, slot, (const struct nlattr *)m->key,
		       (const struct nlattr *)m->mask);
}

static void check_same(const struct ovs_match_entry *entry,
		       const struct match *m)
{
	u16 key_len = NLA_ALIGN(((const struct nlattr *)m->key)->nla_len);
	u16 mask_len = NLA_ALIGN(((const struct nlattr *)m->mask)->nla_len);
	u8 *copy = malloc(ovs_match_len(entry));

	CHECK(ovs_match_len(entry) == (unsigned int)key_len + mask_len);
	ovs_match_copy(entry, copy);
	CHECK(!memcmp(copy, m->key, key_len));
	CHECK(!memcmp(copy + key_len, m->mask, mask_len));
	free(copy);
}

static struct ovs_match_cache *new_cache(enum ovs_match_cache_policy policy,
					 u64 max_bytes)
{
	struct ovs_match_cache *cache = ovs_match_cache_alloc();
	struct ovs_match_cache_config config = { policy, max_bytes };

	CHECK(cache);
	CHECK(!ovs_match_cache_enabled(cache));
	ovs_match_cache_configure(cache, &config);
	CHECK(ovs_match_cache_enabled(cache) ==
	      (policy != OVS_MATCH_CACHE_OFF));
	return cache;
}

static struct ovs_match_cache_stats stats(struct ovs_match_cache *cache)
{
	struct ovs_match_cache_stats s;

	ovs_match_cache_get_stats(cache, &s);
	return s;
}

static void test_policies(void)
{
	static const enum ovs_match_cache_policy policies[] = {
		OVS_MATCH_CACHE_OFF, OVS_MATCH_CACHE_LAZY, OVS_MATCH_CACHE_EAGER
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct ovs_match_cache *cache = new_cache(policies[i], 1000);
		struct ovs_match_entry *slot = NULL;
		unsigned int kept_in = policies[i] == OVS_MATCH_CACHE_OFF ? 9 :
				       policies[i] == OVS_MATCH_CACHE_LAZY ? 2 : 1;
		unsigned int n;
		struct match m;

		make_match(&m, 1, 2, 3);
		for (n = 1; n < 5; n++) {
			CHECK(ovs_match_use(cache, &slot, m.key) == (n > kept_in));
			if (n <= kept_in)
				keep(cache, &slot, &m);
			CHECK(!!ovs_match_entry(&slot, m.key) == (n >= kept_in));
		}
		CHECK(stats(cache).hits + stats(cache).misses == 4);
		CHECK(stats(cache).entries == (kept_in < 9));
		keep(cache, &slot, &m);
		CHECK(stats(cache).entries == (kept_in < 9));

		/* Where padding would differ it is no use. */
		CHECK(!ovs_match_entry(&slot, m.key + 4));
		CHECK(!ovs_match_use(cache, &slot, m.key + 4));
		ovs_match_free(&slot);
		CHECK(!stats(cache).entries && !stats(cache).bytes);
		ovs_match_cache_release(cache);
	}
}

static void test_seen_once(void)
{
	struct ovs_match_cache *cache = new_cache(OVS_MATCH_CACHE_LAZY, 1000);
	struct ovs_match_entry *slot = NULL;
	struct match m;

	make_match(&m, 1, 2, 3);
	keep(cache, &slot, &m);
	ovs_match_age(cache, &slot);
	ovs_match_drop(cache, &slot);
	keep(cache, &slot, &m);
	CHECK(!stats(cache).entries && !stats(cache).evictions);
	ovs_match_free(&slot);
	ovs_match_cache_release(cache);
}

static void test_sharing(void)
{
	struct ovs_match_cache *cache = new_cache(OVS_MATCH_CACHE_EAGER, 1 << 20);
	struct ovs_match_entry *slots[60] = { NULL };
	u64 first, bytes;
	struct match m;
	u32 i;

	/* From the second flow on the front is shared. */
	for (i = 0; i < 2; i++) {
		make_match(&m, i, 0, 0);
		keep(cache, &slots[i], &m);
	}
	first = stats(cache).bytes;
	make_match(&m, 2, 0, 0);
	keep(cache, &slots[2], &m);
	bytes = stats(cache).bytes - first;
	CHECK(3 * bytes < first);	/* Of the flow's own alone. */
	for (i = 3; i < 60; i++) {
		make_match(&m, i, i / 20, i / 30);
		keep(cache, &slots[i], &m);
	}
	CHECK(stats(cache).bytes <= 3 * first + 54 * bytes);
	for (i = 0; i < 60; i++) {
		make_match(&m, i, i / 20, i / 30);
		check_same(ovs_match_entry(&slots[i], m.key), &m);
	}

	/* A dropped entry can be read up to the next grace period. */
	for (i = 0; i < 60; i += 2) {
		const struct ovs_match_entry *e = ovs_match_entry(&slots[i], m.key);

		ovs_match_drop(cache, &slots[i]);
		CHECK(!ovs_match_entry(&slots[i], m.key));
		make_match(&m, i, i / 20, i / 30);
		check_same(e, &m);
	}
	grace_period();
	CHECK(stats(cache).entries == 30 && stats(cache).evictions == 30);
	for (i = 1; i < 60; i += 2) {
		make_match(&m, i, i / 20, i / 30);
		check_same(ovs_match_entry(&slots[i], m.key), &m);
	}

	/* The datapath goes first. */
	ovs_match_cache_release(cache);
	for (i = 1; i < 60; i += 2)
		ovs_match_free(&slots[i]);
	grace_period();
}

/* Parts that nobody shares do not hide those that many do. */
static void test_many_parts(void)
{
	struct ovs_match_cache *cache = new_cache(OVS_MATCH_CACHE_EAGER, 1 << 20);
	static struct ovs_match_entry *slots[2000];
	u64 first, bytes;
	struct match m;
	u32 i;

	make_match(&m, 0, 0, 0);
	keep(cache, &slots[0], &m);
	first = stats(cache).bytes;
	make_match(&m, 1, 1, 0);
	keep(cache, &slots[1], &m);
	bytes = stats(cache).bytes - first;	/* All but the mask. */
	CHECK(bytes < first);
	for (i = 2; i < 2000; i++) {
		make_match(&m, i, i, 0);
		keep(cache, &slots[i], &m);
		CHECK(stats(cache).bytes == first + i * bytes);
	}
	for (i = 0; i < 2000; i++) {
		make_match(&m, i, i, 0);
		check_same(ovs_match_entry(&slots[i], m.key), &m);
		ovs_match_free(&slots[i]);
	}
	CHECK(!stats(cache).bytes);
	ovs_match_cache_release(cache);
	grace_period();
}

static void test_key_without_ethernet(void)
{
	struct ovs_match_cache *cache = new_cache(OVS_MATCH_CACHE_EAGER, 1 << 20);
	struct ovs_match_entry *slots[2] = { NULL };
	struct match m[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct nlattr *nest = (struct nlattr *)m[i].key;
		u8 *p = m[i].key + NLA_HDRLEN;

		make_match(&m[i], 0, 0, 0);
		p = put(p, OVS_KEY_ATTR_IN_PORT, 7, 4);
		if (i)
			p = put(p, OVS_KEY_ATTR_ETHERTYPE, 8, 2);
		nest->nla_len = p - m[i].key;
		keep(cache, &slots[i], &m[i]);
		check_same(ovs_match_entry(&slots[i], m[i].key), &m[i]);
	}
	for (i = 0; i < 2; i++)
		ovs_match_free(&slots[i]);
	grace_period();
	ovs_match_cache_release(cache);
}

static void test_limit(void)
{
	u64 limit;

	for (limit = 0; limit < 1000; limit += 8) {
		struct ovs_match_cache *cache =
			new_cache(OVS_MATCH_CACHE_EAGER, limit);
		struct ovs_match_cache_config config = {
			OVS_MATCH_CACHE_EAGER, limit / 2
		};
		struct ovs_match_entry *slots[20] = { NULL };
		struct match m;
		u32 i;

		for (i = 0; i < 20; i++) {
			make_match(&m, i, i / 2, 0);
			keep(cache, &slots[i], &m);
			CHECK(stats(cache).bytes <= limit);
		}
		CHECK(!ovs_match_cache_excess(cache));
		CHECK(!stats(cache).failures);
		ovs_match_cache_configure(cache, &config);
		for (i = 0; i < 20 && ovs_match_cache_excess(cache); i++)
			ovs_match_drop(cache, &slots[i]);
		CHECK(stats(cache).bytes <= limit / 2);
		for (i = 0; i < 20; i++)
			ovs_match_free(&slots[i]);
		CHECK(!stats(cache).bytes);
		ovs_match_cache_release(cache);
		grace_period();
	}
}

static void test_no_memory(void)
{
	int n;

	/* The second flow makes the front a shared one: front, entry; its mask
	 * is another one.
	 */
	for (n = 1; n <= 4; n++) {
		struct ovs_match_cache *cache =
			new_cache(OVS_MATCH_CACHE_EAGER, 10000);
		struct ovs_match_entry *slots[2] = { NULL };
		struct match m;
		u64 before;

		make_match(&m, 1, 2, 3);
		keep(cache, &slots[0], &m);
		before = stats(cache).bytes;
		make_match(&m, 2, 2, 4);
		fail_after = n;
		keep(cache, &slots[1], &m);
		fail_after = 0;
		CHECK(stats(cache).failures == (n < 4));
		if (slots[1])
			check_same(ovs_match_entry(&slots[1], m.key), &m);
		else
			CHECK(stats(cache).bytes == before);

		/* Without a front of its own it is still an entry. */
		CHECK(!!slots[1] == (n == 1 || n == 4));
		ovs_match_free(&slots[0]);
		ovs_match_free(&slots[1]);
		grace_period();
		CHECK(!stats(cache).bytes);
		ovs_match_cache_release(cache);
	}

	fail_after = 1;
	CHECK(!ovs_match_cache_alloc());
	fail_after = 0;
}

/* Does 'slot' keep an entry of now for exactly so many rounds? */
static void check_age(struct ovs_match_cache *cache,
		      struct ovs_match_entry **slot, const struct match *m,
		      int rounds)
{
	u64 evictions = stats(cache).evictions;
	int i;

	CHECK(ovs_match_use(cache, slot, m->key));
	for (i = 0; i < rounds; i++) {
		ovs_match_cache_start_terse(cache);
		ovs_match_age(cache, slot);
		CHECK(ovs_match_entry(slot, m->key));
	}
	ovs_match_cache_start_terse(cache);
	ovs_match_age(cache, slot);
	CHECK(!ovs_match_entry(slot, m->key) && !stats(cache).bytes);
	CHECK(stats(cache).evictions == evictions + 1);
	ovs_match_age(cache, slot);
	grace_period();
}

static void test_age(void)
{
	static const int periods[][2] = {
		/* Rounds from one full dump to the next, and rounds to keep. */
		{ 5, 16 }, { 8, 16 }, { 9, 18 }, { 100, 200 }, { 1200, 2400 },
		{ 1201, 16 }, { 70000, 16 },
	};
	struct ovs_match_cache *cache = new_cache(OVS_MATCH_CACHE_EAGER, 10000);
	struct ovs_match_entry *slot = NULL;
	struct match m;
	size_t i;
	int j;

	make_match(&m, 1, 2, 3);
	ovs_match_cache_start_full(cache);
	keep(cache, &slot, &m);
	check_age(cache, &slot, &m, OVS_MATCH_CACHE_KEEP_ROUNDS);

	for (i = 0; i < ARRAY_SIZE(periods); i++) {
		ovs_match_cache_start_full(cache);
		for (j = 0; j < periods[i][0]; j++)
			ovs_match_cache_start_terse(cache);
		ovs_match_cache_start_full(cache);
		keep(cache, &slot, &m);
		check_age(cache, &slot, &m, periods[i][1]);
	}
	ovs_match_cache_release(cache);
}

/* Threads: flows that come and go, dumps of all kinds, configuration. */

#define N_FLOWS 64

struct flow {
	struct ovs_match_entry *slot;	/* First: deferred's slot is the flow. */
	u32 i;
};

static struct flow *flows[N_FLOWS];
static struct ovs_match_cache *shared_cache;
static int n_rounds;
static bool seen_all;		/* Atomic. */

/* All threads do n_rounds, and go on until all that can happen has happened:
 * nobody knows how often each of them runs.
 */
static bool go_on(int round)
{
	return round < n_rounds || !__atomic_load_n(&seen_all, __ATOMIC_RELAXED);
}

static void flow_match(const struct flow *flow, struct match *m)
{
	make_match(m, flow->i, flow->i % 3, flow->i % 5);
}

static void *dumper(void *arg)
{
	int round, i;

	shim_cpu = (uintptr_t)arg;
	for (round = 0; go_on(round); round++) {
		bool terse = shim_cpu == 1;

		pthread_rwlock_rdlock(&rcu);
		if (terse)
			ovs_match_cache_start_terse(shared_cache);
		else
			ovs_match_cache_start_full(shared_cache);
		for (i = 0; i < N_FLOWS; i++) {
			struct flow *flow = rcu_dereference(flows[i]);
			const struct ovs_match_entry *entry;
			struct match m;

			if (terse) {
				ovs_match_age(shared_cache, &flow->slot);
				continue;
			}
			flow_match(flow, &m);
			entry = ovs_match_entry(&flow->slot, m.key);
			if (entry)
				check_same(entry, &m);
			if (!ovs_match_use(shared_cache, &flow->slot, m.key))
				keep(shared_cache, &flow->slot, &m);
		}
		pthread_rwlock_unlock(&rcu);
	}
	return NULL;
}

static struct flow *new_flow(u32 i)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	flow->i = i;
	return flow;
}

static void *changer(void *arg)
{
	int round;

	shim_cpu = (uintptr_t)arg;
	for (round = 0; go_on(round); round++) {
		int i = round % N_FLOWS;
		struct flow *old = flows[i];

		rcu_assign_pointer(flows[i], new_flow(round));
		defer(NULL, &old->slot);
		if (round % 7 == 0)
			grace_period();
	}
	return NULL;
}

static void *configurer(void *arg)
{
	int round, i;

	shim_cpu = (uintptr_t)arg;
	for (round = 0; go_on(round); round++) {
		struct ovs_match_cache_config config = {
			round % 3, round % 5 * 1500
		};
		struct ovs_match_cache_stats now;

		ovs_match_cache_configure(shared_cache, &config);
		pthread_rwlock_rdlock(&rcu);
		for (i = 0; i < N_FLOWS; i++) {
			struct flow *flow = rcu_dereference(flows[i]);

			if (ovs_match_cache_excess(shared_cache))
				ovs_match_drop(shared_cache, &flow->slot);
		}
		pthread_rwlock_unlock(&rcu);
		now = stats(shared_cache);
		CHECK(now.failures == 0);
		if (now.hits && now.misses && now.evictions)
			__atomic_store_n(&seen_all, true, __ATOMIC_RELAXED);
		CHECK(round < 1000 * n_rounds);
	}
	return NULL;
}

static void test_threads(void)
{
	void *(*const functions[])(void *) = {
		dumper, dumper, dumper, changer, configurer
	};
	pthread_t threads[5];
	uintptr_t i;

	shared_cache = new_cache(OVS_MATCH_CACHE_EAGER, 1 << 20);
	for (i = 0; i < N_FLOWS; i++)
		flows[i] = new_flow(i);
	for (i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, functions[i], (void *)i);
	for (i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);

	for (i = 0; i < N_FLOWS; i++)
		defer(NULL, &flows[i]->slot);
	ovs_match_cache_release(shared_cache);
	grace_period();
	grace_period();
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		n_rounds = atoi(argv[1]);
		shim_seed = 1;
		test_threads();
		return 0;
	}
	test_policies();
	test_seen_once();
	test_sharing();
	shim_seed = 1;
	test_sharing();
	test_key_without_ethernet();
	shim_seed = 0;
	test_many_parts();
	test_key_without_ethernet();
	test_limit();
	test_no_memory();
	test_age();
	return 0;
}
