// SPDX-License-Identifier: GPL-2.0-only

#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/openvswitch.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>

#include "match_cache.h"

#define N_BUCKETS 256

/* So many shared parts of a bucket, those used last, are looked at: bottom
 * halves are waiting.
 */
#define MAX_SEARCH 16

/* A dump must not sleep.  The memory is on the account of whoever dumps, as
 * nobody needs a privilege for that.
 */
#define GFP_MATCH (GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT)

/* Bytes that entries have in common.  What is not const is under the lock. */
struct shared {
	union {
		struct hlist_node node;	/* In ovs_match_cache's 'shared'. */
		struct rcu_head rcu;	/* When it is no longer there. */
	};
	struct ovs_match_cache *cache;
	u32 hash;
	u32 refs;			/* Entries. */
	u32 len;
	u8 bytes[];
};

/* There is one per flow: with four bytes more, a flow of IPv6 in a tunnel of its
 * own would take the next larger piece of slab.
 */
struct ovs_match_entry {
	struct rcu_head rcu;
	struct shared *front;		/* The first bytes, or NULL. */
	struct shared *mask;		/* The last bytes. */
	u16 used;			/* Round in which it last was. */
	u16 len;			/* Of the flow's own bytes, between. */
#ifndef CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
	u8 phase;			/* Of the place they come from. */
#endif
	u8 bytes[] __aligned(4);
};

struct counters {
	u64_stats_t hits;
	u64_stats_t misses;
	struct u64_stats_sync sync;
};

struct ovs_match_cache {
	spinlock_t lock;		/* Of the slots of all flows, too. */
	u32 seed;
	struct counters __percpu *counters;

	/* Written under 'lock', read also without. */
	enum ovs_match_cache_policy policy;
	u32 round;			/* Terse dumps. */
	u32 keep;			/* How many of them to remember. */

	/* Under 'lock'. */
	bool released;
	u32 last_full;			/* Round of the last full dump. */
	u64 max_bytes;
	u64 bytes;
	u64 entries;
	u64 evictions;
	u64 failures;
	u64 n_shared;
	struct hlist_head shared[N_BUCKETS];

	/* Hash of the last front that was new.  It is shared from the second
	 * time on: where each flow has a front of its own, say a tunnel ID,
	 * that would only take memory.
	 */
	u32 new_front[N_BUCKETS];
};

/* In the slot of a flow that was dumped in full once, if the policy is lazy.
 * Never used as an entry.
 */
static struct ovs_match_entry seen;

/* Where unaligned access is expensive, attributes of 64 bits are padded
 * according to where they are.  The bytes are right in places of the same phase
 * only.
 */
#ifdef CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
static void set_phase(struct ovs_match_entry *entry, const void *at)
{
}

static bool in_phase(const struct ovs_match_entry *entry, const void *at)
{
	return true;
}
#else
static void set_phase(struct ovs_match_entry *entry, const void *at)
{
	entry->phase = (unsigned long)at % 8;
}

static bool in_phase(const struct ovs_match_entry *entry, const void *at)
{
	return entry->phase == (unsigned long)at % 8;
}
#endif

static size_t shared_size(u32 len)
{
	return kmalloc_size_roundup(sizeof(struct shared) + len);
}

static size_t entry_size(u32 len)
{
	return kmalloc_size_roundup(sizeof(struct ovs_match_entry) + len);
}

static void *alloc_within(struct ovs_match_cache *cache, size_t size)
{
	void *p;

	if (size > cache->max_bytes || cache->bytes > cache->max_bytes - size)
		return NULL;
	p = kmalloc(size, GFP_MATCH);
	if (p)
		cache->bytes += size;
	else
		cache->failures++;
	return p;
}

/* Returns what is shared of those bytes already, with a reference more. */
static struct shared *find_shared(struct ovs_match_cache *cache,
				  const void *bytes, u32 len, u32 hash)
{
	struct hlist_head *bucket = &cache->shared[hash % N_BUCKETS];
	unsigned int n = 0;
	struct shared *s;

	hlist_for_each_entry(s, bucket, node) {
		if (s->hash == hash && s->len == len &&
		    !memcmp(s->bytes, bytes, len)) {
			s->refs++;
			hlist_del(&s->node);
			hlist_add_head(&s->node, bucket);
			return s;
		}
		if (++n == MAX_SEARCH)
			break;
	}
	return NULL;
}

static struct shared *new_shared(struct ovs_match_cache *cache,
				 const void *bytes, u32 len, u32 hash)
{
	struct shared *s = alloc_within(cache, shared_size(len));

	if (s) {
		s->cache = cache;
		s->hash = hash;
		s->refs = 1;
		s->len = len;
		memcpy(s->bytes, bytes, len);
		hlist_add_head(&s->node, &cache->shared[hash % N_BUCKETS]);
		cache->n_shared++;
	}
	return s;
}

static struct shared *share_mask(struct ovs_match_cache *cache,
				 const struct nlattr *mask)
{
	u32 len = nla_total_size(nla_len(mask));
	u32 hash = jhash(mask, len, cache->seed);
	struct shared *s = find_shared(cache, mask, len, hash);

	return s ? s : new_shared(cache, mask, len, hash);
}

/* Returns NULL if nothing is to be shared, or for want of memory. */
static struct shared *share_front(struct ovs_match_cache *cache,
				  const struct nlattr *key, u32 len)
{
	u32 total = nla_total_size(nla_len(key));
	u32 hash = jhash(key, len, cache->seed);
	u32 *new_front = &cache->new_front[hash % N_BUCKETS];
	struct shared *s = find_shared(cache, key, len, hash);

	if (s)
		return s;

	/* It may also be that two pieces of slab are smaller than one. */
	if (*new_front == hash ||
	    shared_size(len) + entry_size(total - len) < entry_size(total))
		return new_shared(cache, key, len, hash);
	*new_front = hash;
	return NULL;
}

static void unshare(struct ovs_match_cache *cache, struct shared *s)
{
	if (--s->refs)
		return;
	hlist_del(&s->node);
	cache->n_shared--;
	cache->bytes -= shared_size(s->len);
	kfree_rcu(s, rcu);
}

/* 'entry' is in no slot any more; its memory is the caller's to free. */
static void forget(struct ovs_match_cache *cache, struct ovs_match_entry *entry)
{
	cache->entries--;
	cache->bytes -= entry_size(entry->len);
	if (entry->front)
		unshare(cache, entry->front);
	unshare(cache, entry->mask);
}

static void evict(struct ovs_match_cache *cache,
		  struct ovs_match_entry __rcu **slot,
		  struct ovs_match_entry *entry)
{
	RCU_INIT_POINTER(*slot, NULL);
	forget(cache, entry);
	cache->evictions++;
	kfree_rcu(entry, rcu);
}

static struct ovs_match_entry *
locked_slot(struct ovs_match_cache *cache, struct ovs_match_entry __rcu **slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&cache->lock));
}

struct ovs_match_cache *ovs_match_cache_alloc(void)
{
	struct ovs_match_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	int cpu;

	if (!cache)
		return NULL;
	cache->counters = alloc_percpu(struct counters);
	if (!cache->counters) {
		kfree(cache);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(cache->counters, cpu)->sync);
	spin_lock_init(&cache->lock);
	cache->seed = get_random_u32();
	cache->policy = OVS_MATCH_CACHE_OFF;
	cache->keep = OVS_MATCH_CACHE_KEEP_ROUNDS;
	cache->last_full = -(OVS_MATCH_CACHE_MAX_PERIOD + 1);
	cache->max_bytes = OVS_MATCH_CACHE_DEFAULT_MAX_BYTES;
	return cache;
}

static void destroy(struct ovs_match_cache *cache)
{
	free_percpu(cache->counters);
	kfree(cache);
}

void ovs_match_cache_release(struct ovs_match_cache *cache)
{
	bool last;

	if (!cache)
		return;
	spin_lock_bh(&cache->lock);
	cache->released = true;
	last = !cache->n_shared;
	spin_unlock_bh(&cache->lock);
	if (last)
		destroy(cache);
}

void ovs_match_cache_configure(struct ovs_match_cache *cache,
			       const struct ovs_match_cache_config *config)
{
	spin_lock_bh(&cache->lock);
	WRITE_ONCE(cache->policy, config->policy);
	cache->max_bytes = config->max_bytes;
	spin_unlock_bh(&cache->lock);
}

void ovs_match_cache_get_config(struct ovs_match_cache *cache,
				struct ovs_match_cache_config *config)
{
	spin_lock_bh(&cache->lock);
	config->policy = cache->policy;
	config->max_bytes = cache->max_bytes;
	spin_unlock_bh(&cache->lock);
}

bool ovs_match_cache_excess(struct ovs_match_cache *cache)
{
	bool excess;

	spin_lock_bh(&cache->lock);
	excess = cache->policy == OVS_MATCH_CACHE_OFF ||
		 cache->bytes > cache->max_bytes;
	spin_unlock_bh(&cache->lock);
	return excess;
}

void ovs_match_cache_get_stats(struct ovs_match_cache *cache,
			       struct ovs_match_cache_stats *stats)
{
	int cpu;

	stats->hits = 0;
	stats->misses = 0;
	for_each_possible_cpu(cpu) {
		const struct counters *c = per_cpu_ptr(cache->counters, cpu);
		unsigned int start;
		u64 hits, misses;

		do {
			start = u64_stats_fetch_begin(&c->sync);
			hits = u64_stats_read(&c->hits);
			misses = u64_stats_read(&c->misses);
		} while (u64_stats_fetch_retry(&c->sync, start));
		stats->hits += hits;
		stats->misses += misses;
	}

	spin_lock_bh(&cache->lock);
	stats->entries = cache->entries;
	stats->bytes = cache->bytes;
	stats->evictions = cache->evictions;
	stats->failures = cache->failures;
	spin_unlock_bh(&cache->lock);
}

bool ovs_match_cache_enabled(const struct ovs_match_cache *cache)
{
	return READ_ONCE(cache->policy) != OVS_MATCH_CACHE_OFF;
}

void ovs_match_cache_start_terse(struct ovs_match_cache *cache)
{
	spin_lock_bh(&cache->lock);
	WRITE_ONCE(cache->round, cache->round + 1);
	spin_unlock_bh(&cache->lock);
}

void ovs_match_cache_start_full(struct ovs_match_cache *cache)
{
	u32 period;

	spin_lock_bh(&cache->lock);
	period = cache->round - cache->last_full;
	cache->last_full = cache->round;
	WRITE_ONCE(cache->keep, period > OVS_MATCH_CACHE_MAX_PERIOD ?
		   OVS_MATCH_CACHE_KEEP_ROUNDS :
		   max_t(u32, OVS_MATCH_CACHE_KEEP_ROUNDS, 2 * period));
	spin_unlock_bh(&cache->lock);
}

bool ovs_match_use(struct ovs_match_cache *cache,
		   struct ovs_match_entry __rcu **slot, const void *at)
{
	struct counters *c = this_cpu_ptr(cache->counters);
	struct ovs_match_entry *entry = rcu_dereference(*slot);
	u16 round = READ_ONCE(cache->round);
	bool hit = entry && entry != &seen && in_phase(entry, at);

	/* Once a round: other processors may dump the same flow. */
	if (hit && READ_ONCE(entry->used) != round)
		WRITE_ONCE(entry->used, round);

	u64_stats_update_begin(&c->sync);
	if (hit)
		u64_stats_inc(&c->hits);
	else
		u64_stats_inc(&c->misses);
	u64_stats_update_end(&c->sync);
	return hit;
}

/* Where the flow's own part of 'key' begins. */
static u32 front_len(const struct nlattr *key)
{
	const struct nlattr *a;
	int rem;

	nla_for_each_nested(a, key, rem) {
		if (nla_type(a) == OVS_KEY_ATTR_ETHERNET ||
		    nla_type(a) == OVS_KEY_ATTR_ETHERTYPE)
			break;
	}
	return (const u8 *)a - (const u8 *)key;
}

static struct ovs_match_entry *
make_entry(struct ovs_match_cache *cache, const struct nlattr *key,
	   const struct nlattr *mask)
{
	u32 own = front_len(key);
	struct ovs_match_entry *entry;
	struct shared *front;
	u32 len;

	front = share_front(cache, key, own);
	if (!front)
		own = 0;
	len = nla_total_size(nla_len(key)) - own;

	entry = alloc_within(cache, entry_size(len));
	if (!entry)
		goto no_entry;
	entry->mask = share_mask(cache, mask);
	if (!entry->mask)
		goto no_mask;
	entry->front = front;
	entry->used = cache->round;
	entry->len = len;
	set_phase(entry, key);
	memcpy(entry->bytes, (const u8 *)key + own, len);
	cache->entries++;
	return entry;

no_mask:
	cache->bytes -= entry_size(len);
	kfree(entry);
no_entry:
	if (front)
		unshare(cache, front);
	return NULL;
}

void ovs_match_keep(struct ovs_match_cache *cache,
		    struct ovs_match_entry __rcu **slot,
		    const struct nlattr *key, const struct nlattr *mask)
{
	struct ovs_match_entry *entry;

	spin_lock_bh(&cache->lock);
	entry = locked_slot(cache, slot);
	if (cache->policy == OVS_MATCH_CACHE_OFF || (entry && entry != &seen)) {
		/* The configuration changed, or another dump was faster. */
	} else if (cache->policy == OVS_MATCH_CACHE_LAZY && !entry) {
		RCU_INIT_POINTER(*slot, &seen);
	} else {
		entry = make_entry(cache, key, mask);
		if (entry)
			rcu_assign_pointer(*slot, entry);
	}
	spin_unlock_bh(&cache->lock);
}

void ovs_match_age(struct ovs_match_cache *cache,
		   struct ovs_match_entry __rcu **slot)
{
	struct ovs_match_entry *entry = rcu_dereference(*slot);
	u16 age;

	if (!entry || entry == &seen)
		return;
	age = READ_ONCE(cache->round) - READ_ONCE(entry->used);
	if (age <= READ_ONCE(cache->keep))
		return;

	spin_lock_bh(&cache->lock);
	if (entry == locked_slot(cache, slot))
		evict(cache, slot, entry);
	spin_unlock_bh(&cache->lock);
}

void ovs_match_drop(struct ovs_match_cache *cache,
		    struct ovs_match_entry __rcu **slot)
{
	struct ovs_match_entry *entry;

	spin_lock_bh(&cache->lock);
	entry = locked_slot(cache, slot);
	if (entry == &seen)
		RCU_INIT_POINTER(*slot, NULL);
	else if (entry)
		evict(cache, slot, entry);
	spin_unlock_bh(&cache->lock);
}

void ovs_match_free(struct ovs_match_entry __rcu **slot)
{
	struct ovs_match_entry *entry = rcu_dereference_protected(*slot, true);
	struct ovs_match_cache *cache;
	bool last;

	if (!entry || entry == &seen)
		return;
	cache = entry->mask->cache;
	spin_lock_bh(&cache->lock);
	forget(cache, entry);
	last = cache->released && !cache->n_shared;
	spin_unlock_bh(&cache->lock);
	kfree(entry);
	if (last)
		destroy(cache);
}

const struct ovs_match_entry *
ovs_match_entry(struct ovs_match_entry __rcu *const *slot, const void *at)
{
	const struct ovs_match_entry *entry = rcu_dereference(*slot);

	if (!entry || entry == &seen || !in_phase(entry, at))
		return NULL;
	return entry;
}

unsigned int ovs_match_len(const struct ovs_match_entry *entry)
{
	return (entry->front ? entry->front->len : 0) + entry->len +
	       entry->mask->len;
}

void ovs_match_copy(const struct ovs_match_entry *entry, void *to)
{
	u8 *p = to;

	if (entry->front) {
		memcpy(p, entry->front->bytes, entry->front->len);
		p += entry->front->len;
	}
	memcpy(p, entry->bytes, entry->len);
	p += entry->len;
	memcpy(p, entry->mask->bytes, entry->mask->len);
}
