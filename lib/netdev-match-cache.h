/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_MATCH_CACHE_H
#define NETDEV_MATCH_CACHE_H 1

/* The userspace datapath's cache of flows' matches in netlink form.
 *
 * A full flow dump encodes the key and the mask of each flow, though neither
 * changes while the flow lives.  The cache keeps the bytes: the key in an
 * entry of the flow, which a slot in the flow points to, and the mask in a
 * blob that all flows with the same mask bytes share, in practice one per
 * subtable.
 *
 *     flow A  slot --> entry {mask, key bytes} --+
 *     flow B  slot --> entry {mask, key bytes} --+--> blob {mask bytes}
 *     flow C  slot --> mark, or nothing
 *
 * The cache knows bytes only: who encodes flows, and walks them, is the
 * caller.  It hands out pointers, never copies.
 *
 * Policy
 * ======
 *
 * "eager" keeps the bytes of a flow's first full dump.  "lazy" only marks the
 * flow then, and keeps those of the second one, so that a dump now and then
 * costs nothing.  Memory is bounded: a flow whose bytes do not fit is encoded
 * each time.
 *
 * Marks and entries are forgotten when they are not used for some rounds of
 * revalidation: KEEP_ROUNDS, or twice as many as lie between one full dump and
 * the next, as long as that is no more than MAX_PERIOD, so that who dumps the
 * flows once in a minute finds them cached.
 *
 * What the bytes depend on besides the flow (options of the encoder) the
 * caller puts into a number, 'encoding': bytes of another encoding are
 * dropped.
 *
 * Thread-safety
 * =============
 *
 * Any number of threads may use a cache and a slot at the same time, as long
 * as none quiesces between getting hold of the flow and the last use of the
 * flow, of its slot, or of bytes that came out of the cache:
 *
 *    - An entry is published with one compare-and-swap (release) and found
 *      with one load (acquire); it is immutable but for the time of its last
 *      use.  Who loses the race frees what nobody else has seen.
 *
 *    - An entry is taken out of its slot likewise, and freed by RCU.
 *
 *    - A blob is found without a lock, and counts the entries that refer to
 *      it.  The mutex serializes only changes of the table of blobs.
 *
 *    - Dumps count in stripes, one per thread, so that they share no cache
 *      line that any of them writes.
 *
 * A slot holds a flow's entry until netdev_match_slot_uninit().  The cache
 * itself lives as long as its creator and any entry need it, so that flows may
 * be freed after their datapath. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmap.h"
#include "flow-match-cache.h"
#include "openvswitch/compiler.h"
#include "ovs-atomic.h"
#include "util.h"

struct dp_netdev_flow;
struct netdev_match_cache;

/* In rounds of revalidation; see above. */
#define NETDEV_MATCH_KEEP_ROUNDS 16
#define NETDEV_MATCH_MAX_PERIOD 1200

/* A flow's part.  Zero is nothing, an odd number is a mark, with the round in
 * the other bits, and anything else points to an entry. */
struct netdev_match_slot {
    atomic_uintptr_t word;
};

/* A match in netlink form, which belongs to somebody else. */
struct netdev_match {
    const void *key;
    const void *mask;
    size_t key_len;
    size_t mask_len;
};

/* A piece of a dump by one thread, on its stack.  The caller may use
 * 'sweeping', and 'ahead' and 'ahead_end' as it likes. */
struct netdev_match_dump {
    struct netdev_match_cache *cache;
    enum ovs_match_cache_policy policy;
    unsigned int encoding;
    uint16_t round;
    uint16_t keep;
    bool sweeping;              /* Is there reason to call .._sweep()? */
    struct match_blob *mask;          /* Of the entry made last, or NULL. */
    unsigned int n_hits;
    unsigned int n_misses;

    /* Flows whose match is yet to be fetched from memory. */
    struct dp_netdev_flow *const *ahead;
    struct dp_netdev_flow *const *ahead_end;
};

/* Caches.  A new one has the default configuration; netdev_match_cache_unref()
 * gives the creator's reference back. */
struct netdev_match_cache *netdev_match_cache_create(void);
void netdev_match_cache_unref(struct netdev_match_cache *);
bool netdev_match_cache_configure(struct netdev_match_cache *,
                                  const struct flow_match_cache_config *);
void netdev_match_cache_get_stats(const struct netdev_match_cache *,
                                  struct flow_match_cache_stats *);

/* Slots. */
static inline void netdev_match_slot_init(struct netdev_match_slot *);
void netdev_match_slot_uninit(struct netdev_match_slot *);
static inline void
netdev_match_slot_prefetch(const struct netdev_match_slot *);

/* Dumps. */
void netdev_match_cache_start_terse(struct netdev_match_cache *);
void netdev_match_cache_start_full(struct netdev_match_cache *);
void netdev_match_dump_begin(struct netdev_match_dump *,
                             struct netdev_match_cache *,
                             unsigned int encoding);
static inline bool
netdev_match_dump_get(struct netdev_match_dump *, struct netdev_match_slot *,
                      struct netdev_match *);
void netdev_match_dump_put(struct netdev_match_dump *,
                           struct netdev_match_slot *,
                           const struct netdev_match *);
void netdev_match_dump_sweep(struct netdev_match_dump *,
                             struct netdev_match_slot *);
void netdev_match_dump_end(struct netdev_match_dump *);

/* The rest is what a dump of cached flows spends its time in, and nothing for
 * users to look at. */

/* Mask bytes that entries share.  Immutable but for 'ref_cnt', the number of
 * those entries. */
struct match_blob {
    struct cmap_node node;          /* In 'cache->blobs'. */
    struct ovs_refcount ref_cnt;
    uint32_t hash;
    struct netdev_match_cache *cache;
    uint32_t len;
    uint32_t encoding;
    char bytes[];
};

/* A flow's entry.  There is one per flow, thus each byte counts: 'key' begins
 * where a pointer and four bytes end, which is as aligned as netlink wants
 * it. */
struct netdev_match_entry {
    struct match_blob *mask;
    uint16_t key_len;
    atomic_uint16_t used;           /* Round of the last use. */
    char key[];
};
BUILD_ASSERT_DECL(offsetof(struct netdev_match_entry, key)
                  == sizeof(void *) + 4);

void netdev_match_dump_miss(struct netdev_match_dump *,
                            struct netdev_match_slot *,
                            struct netdev_match_entry *);

static inline void
netdev_match_slot_init(struct netdev_match_slot *slot)
{
    atomic_init(&slot->word, 0);
}

static inline uintptr_t
netdev_match_slot_read(const struct netdev_match_slot *slot)
{
    uintptr_t word;

    atomic_read_explicit(&CONST_CAST(struct netdev_match_slot *, slot)->word,
                         &word, memory_order_acquire);
    return word;
}

static inline struct netdev_match_entry *
netdev_match_entry_from_word(uintptr_t word)
{
    return word & 1 ? NULL : (struct netdev_match_entry *) word;
}

static inline struct netdev_match_entry *
netdev_match_slot_entry(const struct netdev_match_slot *slot)
{
    return netdev_match_entry_from_word(netdev_match_slot_read(slot));
}

/* Has the processor fetch what 'slot' points to. */
static inline void
netdev_match_slot_prefetch(const struct netdev_match_slot *slot)
{
    uintptr_t word = netdev_match_slot_read(slot);

    /* Harmless wherever that is. */
    OVS_PREFETCH((const void *) word);
}

/* Looks for the bytes of a flow in a full dump.  If it has them, points
 * '*match' to them and returns true.  Otherwise the caller has to encode the
 * flow and to pass the result to netdev_match_dump_put(). */
static inline bool
netdev_match_dump_get(struct netdev_match_dump *dump,
                      struct netdev_match_slot *slot,
                      struct netdev_match *match)
{
    struct netdev_match_entry *entry = netdev_match_slot_entry(slot);
    uint16_t used;

    if (OVS_UNLIKELY(!entry || dump->policy == OVS_MATCH_CACHE_OFF
                     || entry->mask->encoding != dump->encoding)) {
        netdev_match_dump_miss(dump, slot, entry);
        return false;
    }

    dump->n_hits++;
    match->key = entry->key;
    match->key_len = entry->key_len;
    match->mask = entry->mask->bytes;
    match->mask_len = entry->mask->len;
    atomic_read_relaxed(&entry->used, &used);
    if (OVS_UNLIKELY(used != dump->round)) {
        atomic_store_relaxed(&entry->used, dump->round);
    }
    return true;
}

#endif /* netdev-match-cache.h */
