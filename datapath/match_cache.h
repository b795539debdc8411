/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_MATCH_CACHE_H
#define OVS_MATCH_CACHE_H 1

/* Flows' matches in the form in which dumps send them.
 *
 * A match is what OVS_FLOW_ATTR_KEY and OVS_FLOW_ATTR_MASK of a flow are on the
 * wire, both with their headers.  An entry holds the bytes of one flow's match
 * in three parts: the front of the key (up to the Ethernet header, thus
 * metadata and tunnel) and the mask, which many flows have in common and share,
 * and the rest of the key, which is the flow's own.  A front that no other flow
 * has is the flow's own, too.
 *
 * A flow has a slot for an entry.  It is read under RCU and written under the
 * cache's lock.  Key, mask and identifier of a flow never change, thus an entry
 * is right for as long as its flow lives.  An entry that leaves its slot while
 * the flow lives is freed after a grace period, together with what it shared if
 * nobody else does.
 *
 * The lock nests inside of everything, ovs_mutex included, and is taken with
 * bottom halves disabled because flows are freed there.
 *
 * A datapath has no cache before it was given a configuration.  The cache
 * lives until the datapath and all entries are gone; a flow that waits for its
 * grace period may be the last one.
 */

#include <linux/types.h>
#include <net/netlink.h>

#include <openvswitch/extension-abi.h>

#define OVS_MATCH_CACHE_DEFAULT_MAX_BYTES (64ULL << 20)

/* An entry that no full dump used is dropped after so many rounds, which are
 * terse dumps, as revalidators make them.  If full dumps come regularly, but
 * less often, it is kept for twice the time between them.
 */
#define OVS_MATCH_CACHE_KEEP_ROUNDS 16
#define OVS_MATCH_CACHE_MAX_PERIOD 1200

struct ovs_match_cache;
struct ovs_match_entry;

struct ovs_match_cache_config {
	enum ovs_match_cache_policy policy;
	u64 max_bytes;
};

struct ovs_match_cache_stats {
	u64 hits;
	u64 misses;
	u64 entries;
	u64 bytes;
	u64 evictions;
	u64 failures;
};

/* Returns a new cache with the policy OVS_MATCH_CACHE_OFF, or NULL if there is
 * no memory.  May sleep.
 */
struct ovs_match_cache *ovs_match_cache_alloc(void);

/* The datapath has no use for 'cache', which may be NULL, any more.  A grace
 * period must have passed since it could last be found.
 */
void ovs_match_cache_release(struct ovs_match_cache *cache);

/* From here on nothing is kept that 'config' does not allow.  What is kept
 * already is the caller's to drop while ovs_match_cache_excess().
 */
void ovs_match_cache_configure(struct ovs_match_cache *cache,
			       const struct ovs_match_cache_config *config);
void ovs_match_cache_get_config(struct ovs_match_cache *cache,
				struct ovs_match_cache_config *config);
bool ovs_match_cache_excess(struct ovs_match_cache *cache);
void ovs_match_cache_get_stats(struct ovs_match_cache *cache,
			       struct ovs_match_cache_stats *stats);

/* Is there anything to do for 'cache' in a dump?  The functions below, up to
 * ovs_match_age(), are for dumps: under RCU, with bottom halves disabled.
 */
bool ovs_match_cache_enabled(const struct ovs_match_cache *cache);

/* A dump of the datapath begins. */
void ovs_match_cache_start_terse(struct ovs_match_cache *cache);
void ovs_match_cache_start_full(struct ovs_match_cache *cache);

/* Returns whether 'slot' has an entry for 'at', the place in a message that the
 * match of a flow was written to; it is as good as new then.  Counts a hit or a
 * miss.
 */
bool ovs_match_use(struct ovs_match_cache *cache,
		   struct ovs_match_entry __rcu **slot, const void *at);

/* The flow of 'slot' was sent in full for want of an entry, with 'key' and
 * 'mask' in this order.  Keeps a copy if there is none yet and configuration
 * and memory allow.
 */
void ovs_match_keep(struct ovs_match_cache *cache,
		    struct ovs_match_entry __rcu **slot,
		    const struct nlattr *key, const struct nlattr *mask);

/* Drops the entry in 'slot' if it is too old. */
void ovs_match_age(struct ovs_match_cache *cache,
		   struct ovs_match_entry __rcu **slot);

/* Drops the entry in 'slot' and forgets that its flow was seen. */
void ovs_match_drop(struct ovs_match_cache *cache,
		    struct ovs_match_entry __rcu **slot);

/* Frees what is in 'slot'.  The caller is the only one who knows the slot. */
void ovs_match_free(struct ovs_match_entry __rcu **slot);

/* Returns the entry in 'slot' if it can be copied to 'at', otherwise NULL.
 * Under RCU, as long as it is used.
 */
const struct ovs_match_entry *
ovs_match_entry(struct ovs_match_entry __rcu *const *slot, const void *at);

/* The number of bytes of the match, and all of them in order at 'to', which
 * must be the 'at' of ovs_match_entry().
 */
unsigned int ovs_match_len(const struct ovs_match_entry *entry);
void ovs_match_copy(const struct ovs_match_entry *entry, void *to);

#endif /* match_cache.h */
