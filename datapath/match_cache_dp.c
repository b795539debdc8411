// SPDX-License-Identifier: GPL-2.0-only

#include <linux/module.h>
#include <linux/openvswitch.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>

#include "datapath.h"
#include "dp_info.h"
#include "flow.h"
#include "flow_table.h"
#include "match_cache_dp.h"

int __ovs_match_cache_put(const struct sw_flow *flow, struct sk_buff *skb,
			  u32 *ufid_flags)
{
	const struct ovs_match_entry *entry;
	int err = 0;

	/* ovs_mutex does not keep an entry that another dump drops. */
	rcu_read_lock();
	entry = ovs_match_entry(&flow->match, skb_tail_pointer(skb));
	if (entry) {
		unsigned int len = ovs_match_len(entry);

		if (len <= skb_tailroom(skb)) {
			ovs_match_copy(entry, skb_put(skb, len));
			*ufid_flags |= OVS_MATCH_OMIT;
		} else {
			err = -EMSGSIZE;
		}
	}
	rcu_read_unlock();
	return err;
}

void __ovs_match_cache_dumped(struct ovs_match_cache *cache,
			      struct sw_flow *flow, const struct sk_buff *skb,
			      unsigned int start,
			      const struct netlink_callback *cb, u32 ufid_flags)
{
	bool first = !cb->args[0] && !cb->args[1];
	const struct nlattr *key, *mask;
	int rem = skb->len - start;

	if (ufid_flags & OVS_MATCH_OMIT) {
		if (first)
			ovs_match_cache_start_terse(cache);
		ovs_match_age(cache, &flow->match);
		return;
	}
	if (first)
		ovs_match_cache_start_full(cache);

	/* A UFID is in front of the key; without one there is never an entry,
	 * wherever this points to.
	 */
	key = (const struct nlattr *)(skb->data + start + NLMSG_HDRLEN +
				      GENL_HDRLEN + sizeof(struct ovs_header) +
				      nla_total_size(flow->id.ufid_len));
	if (ovs_match_use(cache, &flow->match, key) ||
	    ovs_identifier_is_key(&flow->id))
		return;

	mask = nla_next(key, &rem);
	if (!WARN_ON_ONCE(nla_type(key) != OVS_FLOW_ATTR_KEY ||
			  nla_type(mask) != OVS_FLOW_ATTR_MASK))
		ovs_match_keep(cache, &flow->match, key, mask);
}

/* Called with ovs_mutex. */
static int fill_info(const struct datapath *dp, struct sk_buff *skb,
		     u32 portid, u32 seq, u32 flags)
{
	struct ovs_match_cache *cache = ovsl_dereference(dp->match_cache);
	struct ovs_match_cache_config config = {
		.policy = OVS_MATCH_CACHE_OFF,
		.max_bytes = OVS_MATCH_CACHE_DEFAULT_MAX_BYTES,
	};
	struct ovs_match_cache_stats stats = {};
	struct ovs_header *header;

	header = genlmsg_put(skb, portid, seq, &ovs_match_cache_genl_family,
			     flags, OVS_MATCH_CACHE_CMD_GET);
	if (!header)
		return -EMSGSIZE;
	header->dp_ifindex = ovs_vport_ovsl(dp, OVSP_LOCAL)->dev->ifindex;

	if (cache) {
		ovs_match_cache_get_config(cache, &config);
		ovs_match_cache_get_stats(cache, &stats);
	}
	if (nla_put_u32(skb, OVS_MATCH_CACHE_ATTR_POLICY, config.policy) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_MAX_BYTES,
			      config.max_bytes, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_HITS,
			      stats.hits, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_MISSES,
			      stats.misses, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_ENTRIES,
			      stats.entries, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_BYTES,
			      stats.bytes, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_EVICTIONS,
			      stats.evictions, OVS_MATCH_CACHE_ATTR_PAD) ||
	    nla_put_u64_64bit(skb, OVS_MATCH_CACHE_ATTR_FAILURES,
			      stats.failures, OVS_MATCH_CACHE_ATTR_PAD)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

static int get(struct sk_buff *request, struct genl_info *info)
{
	return ovs_dp_info_get(info, fill_info);
}

static int dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return ovs_dp_info_dump(skb, cb, fill_info);
}

/* Called with ovs_mutex, thus nothing comes and goes; what a dump keeps
 * meanwhile obeys the new configuration already.
 */
static void drop_excess(struct datapath *dp, struct ovs_match_cache *cache)
{
	struct table_instance *ti = ovsl_dereference(dp->table.ti);
	unsigned int i;

	for (i = 0; i < ti->n_buckets && ovs_match_cache_excess(cache); i++) {
		struct sw_flow *flow;

		hlist_for_each_entry_rcu(flow, &ti->buckets[i],
					 flow_table.node[ti->node_ver],
					 lockdep_ovsl_is_held())
			ovs_match_drop(cache, &flow->match);
		cond_resched();
	}
}

static int set(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *policy = info->attrs[OVS_MATCH_CACHE_ATTR_POLICY];
	struct nlattr *max_bytes = info->attrs[OVS_MATCH_CACHE_ATTR_MAX_BYTES];
	struct ovs_match_cache_config config;
	struct ovs_match_cache *cache;
	struct datapath *dp;
	int err = 0;

	ovs_lock();
	dp = ovs_dp_info_find(info);
	if (!dp) {
		err = -ENODEV;
		goto unlock;
	}
	cache = ovsl_dereference(dp->match_cache);
	if (!cache) {
		cache = ovs_match_cache_alloc();
		if (!cache) {
			err = -ENOMEM;
			goto unlock;
		}
		rcu_assign_pointer(dp->match_cache, cache);
	}

	ovs_match_cache_get_config(cache, &config);
	if (policy)
		config.policy = nla_get_u32(policy);
	if (max_bytes)
		config.max_bytes = nla_get_u64(max_bytes);
	ovs_match_cache_configure(cache, &config);
	drop_excess(dp, cache);
unlock:
	ovs_unlock();
	return err;
}

/* Attributes that are not here are refused. */
static const struct nla_policy set_policy[OVS_MATCH_CACHE_ATTR_MAX + 1] = {
	[OVS_MATCH_CACHE_ATTR_POLICY] =
		NLA_POLICY_MAX(NLA_U32, OVS_MATCH_CACHE_EAGER),
	[OVS_MATCH_CACHE_ATTR_MAX_BYTES] = { .type = NLA_U64 },
};

static const struct nla_policy get_policy[OVS_MATCH_CACHE_ATTR_MAX + 1] = {};

static const struct genl_ops ops[] = {
	{
		.cmd = OVS_MATCH_CACHE_CMD_SET,
		.flags = GENL_UNS_ADMIN_PERM,
		.policy = set_policy,
		.maxattr = OVS_MATCH_CACHE_ATTR_MAX,
		.doit = set,
	}, {
		.cmd = OVS_MATCH_CACHE_CMD_GET,
		.policy = get_policy,
		.maxattr = OVS_MATCH_CACHE_ATTR_MAX,
		.doit = get,
		.dumpit = dump,
	},
};

struct genl_family ovs_match_cache_genl_family __ro_after_init = {
	.hdrsize = sizeof(struct ovs_header),
	.name = OVS_MATCH_CACHE_FAMILY,
	.version = OVS_MATCH_CACHE_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.module = THIS_MODULE,
};

MODULE_ALIAS_GENL_FAMILY(OVS_MATCH_CACHE_FAMILY);
