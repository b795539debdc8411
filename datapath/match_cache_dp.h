/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_MATCH_CACHE_DP_H
#define OVS_MATCH_CACHE_DP_H 1

/* What the datapath calls for match_cache.h's cache, and the generic netlink
 * family that configures it.
 *
 * A flow is cached only if it has a UFID.  The key of one without a UFID is its
 * identifier and travels unmasked: other bytes, which stay encoded each time.
 * ovs-vswitchd gives every flow a UFID unless it was told not to.
 */

#include <linux/openvswitch.h>

#include "datapath.h"
#include "match_cache.h"

/* A match is not wanted if a part of it is not. */
#define OVS_MATCH_OMIT (OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK)

struct genl_family;
struct netlink_callback;
struct sk_buff;

extern struct genl_family ovs_match_cache_genl_family;

/* Appends the match of 'flow' to 'skb' if it is cached and '*ufid_flags' want
 * both key and mask, and then sets those in '*ufid_flags' that say to omit
 * them.  Returns 0, or -EMSGSIZE if there is no room.  Called with ovs_mutex or
 * RCU read lock.
 */
int __ovs_match_cache_put(const struct sw_flow *flow, struct sk_buff *skb,
			  u32 *ufid_flags);
static inline int ovs_match_cache_put(const struct sw_flow *flow,
				      struct sk_buff *skb, u32 *ufid_flags)
{
	if (!rcu_access_pointer(flow->match) || *ufid_flags & OVS_MATCH_OMIT)
		return 0;
	return __ovs_match_cache_put(flow, skb, ufid_flags);
}

/* A dump of 'dp' wrote 'flow' as the message at 'start' of 'skb'.  'cb' is as
 * it was before the flow, 'ufid_flags' are the request's.  Called with RCU read
 * lock and bottom halves disabled.
 */
void __ovs_match_cache_dumped(struct ovs_match_cache *cache,
			      struct sw_flow *flow, const struct sk_buff *skb,
			      unsigned int start,
			      const struct netlink_callback *cb,
			      u32 ufid_flags);
static inline void
ovs_match_cache_dumped(const struct datapath *dp, struct sw_flow *flow,
		       const struct sk_buff *skb, unsigned int start,
		       const struct netlink_callback *cb, u32 ufid_flags)
{
	struct ovs_match_cache *cache = rcu_dereference(dp->match_cache);

	if (cache && ovs_match_cache_enabled(cache))
		__ovs_match_cache_dumped(cache, flow, skb, start, cb,
					 ufid_flags);
}

#endif /* match_cache_dp.h */
