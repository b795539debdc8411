/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "netdev-match-cache.h"

#include <string.h>

#include "coverage.h"
#include "hash.h"
#include "openvswitch/thread.h"
#include "openvswitch/util.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

COVERAGE_DEFINE(flow_match_cache_hit);
COVERAGE_DEFINE(flow_match_cache_miss);
COVERAGE_DEFINE(flow_match_cache_build);
COVERAGE_DEFINE(flow_match_cache_full);
COVERAGE_DEFINE(flow_match_cache_evict);

/* Threads that dump flows are few.  Two that share a stripe count as exactly,
 * if less fast. */
#define N_STRIPES 16

struct stripe {
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        atomic_uint64_t n_hits;
        atomic_uint64_t n_misses;
    );
};

struct netdev_match_cache {
    struct ovs_refcount ref_cnt;    /* The creator's, and one per blob. */

    /* What dumps read, and hardly anybody writes. */
    atomic_uint32_t policy;         /* enum ovs_match_cache_policy. */
    atomic_uint32_t round;          /* Of revalidation. */
    atomic_uint32_t keep;           /* How many of them to remember. */
    atomic_bool sweeping;
    atomic_uint64_t max_bytes;

    struct ovs_mutex mutex;
    uint32_t last_full OVS_GUARDED; /* Round of the last full dump. */
    struct cmap blobs;              /* Contains "struct match_blob"s; the mutex
                                     * is for its writers. */

    /* What changes as entries come and go. */
    OVS_ALIGNED_VAR(CACHE_LINE_SIZE) atomic_uint64_t n_bytes;
    atomic_uint64_t n_entries;
    atomic_uint64_t n_evictions;

    OVS_ALIGNED_VAR(CACHE_LINE_SIZE) struct stripe stripes[N_STRIPES];
};

/* What the C library's malloc(n) takes from memory, in bytes: the size of the
 * chunk is in front of it, and it ends where the next one can begin. */
static size_t
allocated_size(size_t n)
{
    return MAX(ROUND_UP(n + sizeof(size_t), 2 * sizeof(size_t)),
               4 * sizeof(size_t));
}

static size_t
entry_size(size_t key_len)
{
    return MAX(offsetof(struct netdev_match_entry, key) + key_len,
               sizeof(struct netdev_match_entry));
}

static size_t
blob_size(size_t len)
{
    return offsetof(struct match_blob, bytes) + len;
}

/* Words of slots. */

static bool
is_mark(uintptr_t word)
{
    return word & 1;
}

static uintptr_t
mark(uint16_t round)
{
    return ((uintptr_t) round << 1) | 1;
}

/* Replaces 'old' by 'new' unless another thread was faster. */
static bool
swap_word(struct netdev_match_slot *slot, uintptr_t old, uintptr_t new)
{
    return atomic_compare_exchange_strong_explicit(&slot->word, &old, new,
                                                   memory_order_acq_rel,
                                                   memory_order_relaxed);
}

/* Memory. */

static uint64_t
read_u64(const atomic_uint64_t *value)
{
    uint64_t n;

    atomic_read_relaxed(CONST_CAST(atomic_uint64_t *, value), &n);
    return n;
}

static void
add_u64(atomic_uint64_t *value, uint64_t n)
{
    uint64_t orig;

    atomic_add_relaxed(value, n, &orig);
}

/* Accounts for malloc(n), or says no. */
static bool
reserve(struct netdev_match_cache *cache, size_t n)
{
    uint64_t max_bytes = read_u64(&cache->max_bytes);
    uint64_t n_bytes = read_u64(&cache->n_bytes);

    n = allocated_size(n);
    do {
        if (n > max_bytes || n_bytes > max_bytes - n) {
            COVERAGE_INC(flow_match_cache_full);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&cache->n_bytes, &n_bytes,
                                                    n_bytes + n,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void
unreserve(struct netdev_match_cache *cache, size_t n)
{
    uint64_t orig;

    atomic_sub_relaxed(&cache->n_bytes, allocated_size(n), &orig);
}

static bool
is_overfull(const struct netdev_match_cache *cache)
{
    return read_u64(&cache->n_bytes) > read_u64(&cache->max_bytes);
}

/* Blobs. */

static bool
blob_equals(const struct match_blob *blob, const void *bytes, size_t len,
            unsigned int encoding)
{
    return (blob->len == len && blob->encoding == encoding
            && !memcmp(blob->bytes, bytes, len));
}

/* Returns a reference to the blob of these bytes, or NULL if there is none. */
static struct match_blob *
blob_find(const struct netdev_match_cache *cache, const void *bytes,
          size_t len, unsigned int encoding, uint32_t hash)
{
    struct match_blob *blob;

    CMAP_FOR_EACH_WITH_HASH (blob, node, hash, &cache->blobs) {
        if (blob_equals(blob, bytes, len, encoding)
            && ovs_refcount_try_ref_rcu(&blob->ref_cnt)) {
            return blob;
        }
    }
    return NULL;
}

/* Returns a reference to the blob of these bytes, which is new if there was
 * none, or NULL if there is no room for it. */
static struct match_blob *
blob_get(struct netdev_match_cache *cache, const void *bytes, size_t len,
         unsigned int encoding)
{
    uint32_t hash = hash_bytes(bytes, len, encoding);
    struct match_blob *blob;

    blob = blob_find(cache, bytes, len, encoding, hash);
    if (blob) {
        return blob;
    }

    ovs_mutex_lock(&cache->mutex);
    blob = blob_find(cache, bytes, len, encoding, hash);
    if (!blob && reserve(cache, blob_size(len))) {
        blob = xmalloc(blob_size(len));
        ovs_refcount_init(&blob->ref_cnt);
        blob->hash = hash;
        blob->cache = cache;
        blob->len = len;
        blob->encoding = encoding;
        memcpy(blob->bytes, bytes, len);
        ovs_refcount_ref(&cache->ref_cnt);
        cmap_insert(&cache->blobs, &blob->node, hash);
    }
    ovs_mutex_unlock(&cache->mutex);

    return blob;
}

static void
blob_unref(struct match_blob *blob)
{
    struct netdev_match_cache *cache = blob->cache;

    if (ovs_refcount_unref(&blob->ref_cnt) == 1) {
        ovs_mutex_lock(&cache->mutex);
        cmap_remove(&cache->blobs, &blob->node, blob->hash);
        ovs_mutex_unlock(&cache->mutex);

        unreserve(cache, blob_size(blob->len));
        ovsrcu_postpone(free, blob);
        netdev_match_cache_unref(cache);
    }
}

/* Entries. */

/* Returns a new entry, or NULL if there is no room for it. */
static struct netdev_match_entry *
entry_create(struct netdev_match_dump *dump, const struct netdev_match *match)
{
    size_t size = entry_size(match->key_len);
    struct netdev_match_entry *entry;
    struct match_blob *mask;

    if (match->key_len > UINT16_MAX || !reserve(dump->cache, size)) {
        return NULL;
    }

    /* Neighbours often have the same mask. */
    mask = dump->mask;
    if (!mask || !blob_equals(mask, match->mask, match->mask_len,
                              dump->encoding)
        || !ovs_refcount_try_ref_rcu(&mask->ref_cnt)) {
        mask = blob_get(dump->cache, match->mask, match->mask_len,
                        dump->encoding);
        dump->mask = mask;
        if (!mask) {
            unreserve(dump->cache, size);
            return NULL;
        }
    }

    entry = xmalloc(size);
    entry->mask = mask;
    entry->key_len = match->key_len;
    atomic_init(&entry->used, dump->round);
    memcpy(entry->key, match->key, match->key_len);
    return entry;
}

/* Gives back all that 'entry' holds, but not its own memory, which other
 * threads may be reading. */
static void
entry_release(struct netdev_match_entry *entry)
{
    unreserve(entry->mask->cache, entry_size(entry->key_len));
    blob_unref(entry->mask);
}

/* Takes 'entry', which is in no slot any longer, out of the count of those
 * that are, and releases it. */
static void
entry_remove(struct netdev_match_entry *entry)
{
    uint64_t orig;

    atomic_sub_relaxed(&entry->mask->cache->n_entries, 1, &orig);
    entry_release(entry);
}

/* Drops 'entry' from 'slot' before its flow goes. */
static void
entry_evict(struct netdev_match_cache *cache, struct netdev_match_slot *slot,
            struct netdev_match_entry *entry)
{
    if (swap_word(slot, (uintptr_t) entry, 0)) {
        COVERAGE_INC(flow_match_cache_evict);
        add_u64(&cache->n_evictions, 1);
        entry_remove(entry);
        ovsrcu_postpone(free, entry);
    }
}

/* Caches. */

/* Returns a new cache with the default configuration. */
struct netdev_match_cache *
netdev_match_cache_create(void)
{
    struct netdev_match_cache *cache = xzalloc_cacheline(sizeof *cache);
    struct flow_match_cache_config config;

    ovs_refcount_init(&cache->ref_cnt);
    ovs_mutex_init(&cache->mutex);
    cmap_init(&cache->blobs);
    atomic_init(&cache->keep, NETDEV_MATCH_KEEP_ROUNDS);
    cache->last_full = -(NETDEV_MATCH_MAX_PERIOD + 1);

    flow_match_cache_config_init(&config);
    netdev_match_cache_configure(cache, &config);
    return cache;
}

/* The entries that are left belong to flows that will be freed by RCU, and
 * keep the cache until then. */
void
netdev_match_cache_unref(struct netdev_match_cache *cache)
{
    if (cache && ovs_refcount_unref(&cache->ref_cnt) == 1) {
        cmap_destroy(&cache->blobs);
        ovs_mutex_destroy(&cache->mutex);
        free_cacheline(cache);
    }
}

/* Changes the configuration.  Returns true if there are entries that it has no
 * place for: the caller should sweep all slots, or else the next terse dump
 * will. */
bool
netdev_match_cache_configure(struct netdev_match_cache *cache,
                             const struct flow_match_cache_config *config)
{
    bool sweep;

    ovs_mutex_lock(&cache->mutex);
    atomic_store_relaxed(&cache->max_bytes, config->max_bytes);
    atomic_store_relaxed(&cache->policy, config->policy);
    sweep = read_u64(&cache->n_entries)
            && (config->policy == OVS_MATCH_CACHE_OFF || is_overfull(cache));
    atomic_store_relaxed(&cache->sweeping, sweep);
    ovs_mutex_unlock(&cache->mutex);

    return sweep;
}

void
netdev_match_cache_get_stats(const struct netdev_match_cache *cache_,
                             struct flow_match_cache_stats *stats)
{
    struct netdev_match_cache *cache
        = CONST_CAST(struct netdev_match_cache *, cache_);
    uint32_t policy;

    memset(stats, 0, sizeof *stats);
    stats->present = true;
    atomic_read_relaxed(&cache->policy, &policy);
    stats->config.policy = policy;
    stats->config.max_bytes = read_u64(&cache->max_bytes);
    for (size_t i = 0; i < N_STRIPES; i++) {
        stats->n_hits += read_u64(&cache->stripes[i].n_hits);
        stats->n_misses += read_u64(&cache->stripes[i].n_misses);
    }
    stats->n_entries = read_u64(&cache->n_entries);
    stats->n_bytes = read_u64(&cache->n_bytes);
    stats->n_evictions = read_u64(&cache->n_evictions);
}

/* Slots. */

/* Frees what 'slot' holds.  No other thread may have the slot any more. */
void
netdev_match_slot_uninit(struct netdev_match_slot *slot)
{
    struct netdev_match_entry *entry = netdev_match_slot_entry(slot);

    if (entry) {
        entry_remove(entry);
        free(entry);
    }
}

/* Dumps. */

/* To be called when a terse dump of all flows starts, which makes a round of
 * revalidation. */
void
netdev_match_cache_start_terse(struct netdev_match_cache *cache)
{
    uint32_t policy, round, keep;
    bool sweep;

    ovs_mutex_lock(&cache->mutex);
    atomic_add_relaxed(&cache->round, 1, &round);
    round++;
    atomic_read_relaxed(&cache->policy, &policy);
    atomic_read_relaxed(&cache->keep, &keep);

    /* Every full dump uses all entries, but for those that it did not come
     * to: as long as there was one there is no need to look. */
    sweep = read_u64(&cache->n_entries)
            && (policy == OVS_MATCH_CACHE_OFF
                || is_overfull(cache)
                || round - cache->last_full >= keep);
    atomic_store_relaxed(&cache->sweeping, sweep);
    ovs_mutex_unlock(&cache->mutex);
}

/* To be called when a full dump of all flows starts. */
void
netdev_match_cache_start_full(struct netdev_match_cache *cache)
{
    uint32_t period, round;

    ovs_mutex_lock(&cache->mutex);
    atomic_read_relaxed(&cache->round, &round);
    period = round - cache->last_full;
    cache->last_full = round;
    atomic_store_relaxed(&cache->keep,
                         period > NETDEV_MATCH_MAX_PERIOD
                         ? NETDEV_MATCH_KEEP_ROUNDS
                         : MAX(NETDEV_MATCH_KEEP_ROUNDS, 2 * period));
    ovs_mutex_unlock(&cache->mutex);
}

/* Starts a piece of a dump, terse or full, at whose end the thread must call
 * netdev_match_dump_end().  'encoding' is what the bytes depend on besides the
 * flow. */
void
netdev_match_dump_begin(struct netdev_match_dump *dump,
                        struct netdev_match_cache *cache,
                        unsigned int encoding)
{
    uint32_t policy, round, keep;

    atomic_read_relaxed(&cache->policy, &policy);
    atomic_read_relaxed(&cache->round, &round);
    atomic_read_relaxed(&cache->keep, &keep);
    atomic_read_relaxed(&cache->sweeping, &dump->sweeping);
    dump->cache = cache;
    dump->policy = policy;
    dump->encoding = encoding;
    dump->mask = NULL;
    dump->round = round;
    dump->keep = keep;
    dump->n_hits = 0;
    dump->n_misses = 0;
    dump->ahead = dump->ahead_end = NULL;
}

/* netdev_match_dump_get() has found 'entry', or nothing, but not what it
 * looked for. */
void
netdev_match_dump_miss(struct netdev_match_dump *dump,
                       struct netdev_match_slot *slot,
                       struct netdev_match_entry *entry)
{
    if (dump->policy != OVS_MATCH_CACHE_OFF) {
        if (entry) {
            entry_evict(dump->cache, slot, entry);
        }
        dump->n_misses++;
    }
}

/* Keeps a copy of the bytes of a flow, or marks the flow, or neither, as the
 * policy and the memory that is left say. */
void
netdev_match_dump_put(struct netdev_match_dump *dump,
                      struct netdev_match_slot *slot,
                      const struct netdev_match *match)
{
    uintptr_t word = netdev_match_slot_read(slot);
    struct netdev_match_entry *entry;

    if (dump->policy == OVS_MATCH_CACHE_OFF
        || netdev_match_entry_from_word(word)) {
        return;
    }

    if (dump->policy == OVS_MATCH_CACHE_LAZY) {
        uint16_t age = dump->round - (uint16_t) (word >> 1);

        if (!is_mark(word) || age >= dump->keep) {
            swap_word(slot, word, mark(dump->round));
            return;
        }
    }

    entry = entry_create(dump, match);
    if (entry) {
        /* Counted first: another thread may evict it at once. */
        add_u64(&dump->cache->n_entries, 1);
        if (swap_word(slot, word, (uintptr_t) entry)) {
            COVERAGE_INC(flow_match_cache_build);
        } else {
            entry_remove(entry);
            free(entry);
        }
    }
}

/* Drops the entry in 'slot' if there is a reason to. */
void
netdev_match_dump_sweep(struct netdev_match_dump *dump,
                        struct netdev_match_slot *slot)
{
    struct netdev_match_entry *entry = netdev_match_slot_entry(slot);

    if (entry) {
        uint16_t used, age;

        atomic_read_relaxed(&entry->used, &used);
        age = dump->round - used;
        if (dump->policy == OVS_MATCH_CACHE_OFF
            || age >= dump->keep
            || is_overfull(dump->cache)) {
            entry_evict(dump->cache, slot, entry);
        }
    }
}

/* Ends a piece of a dump: counts what it did. */
void
netdev_match_dump_end(struct netdev_match_dump *dump)
{
    struct stripe *stripe
        = &dump->cache->stripes[ovsthread_id_self() % N_STRIPES];

    if (dump->n_hits) {
        COVERAGE_ADD(flow_match_cache_hit, dump->n_hits);
        add_u64(&stripe->n_hits, dump->n_hits);
    }
    if (dump->n_misses) {
        COVERAGE_ADD(flow_match_cache_miss, dump->n_misses);
        add_u64(&stripe->n_misses, dump->n_misses);
    }
}
