// SPDX-License-Identifier: GPL-2.0-only

#include <linux/module.h>
#include <linux/openvswitch.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>

#include "datapath.h"
#include "dp_info.h"
#include "vrf.h"

/* Without memory for them the next packet tries again. */
static struct ovs_vrf_counts __percpu *counts_obtain(struct datapath *dp)
{
	struct ovs_vrf_counts __percpu *counts, *other;

	counts = __netdev_alloc_pcpu_stats(struct ovs_vrf_counts,
					   GFP_ATOMIC | __GFP_NOWARN);
	if (!counts)
		return NULL;
	other = cmpxchg(&dp->vrf_counts, NULL, counts);
	if (!other)
		return counts;
	free_percpu(counts);
	return other;
}

void ovs_vrf_count(struct datapath *dp, enum ovs_vrf_count count)
{
	struct ovs_vrf_counts __percpu *counts = READ_ONCE(dp->vrf_counts);
	struct ovs_vrf_counts *c;

	if (unlikely(!counts)) {
		counts = counts_obtain(dp);
		if (!counts)
			return;
	}
	c = this_cpu_ptr(counts);
	u64_stats_update_begin(&c->syncp);
	u64_stats_inc(&c->n[count]);
	u64_stats_update_end(&c->syncp);
}

static void counts_add(const struct ovs_vrf_counts *c,
		       u64 sums[OVS_VRF_N_COUNTS])
{
	u64 n[OVS_VRF_N_COUNTS];
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin_irq(&c->syncp);
		for (i = 0; i < OVS_VRF_N_COUNTS; i++)
			n[i] = u64_stats_read(&c->n[i]);
	} while (u64_stats_fetch_retry_irq(&c->syncp, start));
	for (i = 0; i < OVS_VRF_N_COUNTS; i++)
		sums[i] += n[i];
}

/* Called with ovs_mutex. */
static int fill_info(const struct datapath *dp, struct sk_buff *skb,
		     u32 portid, u32 seq, u32 flags)
{
	struct ovs_vrf_counts __percpu *counts = READ_ONCE(dp->vrf_counts);
	u64 sums[OVS_VRF_N_COUNTS] = {};
	struct ovs_header *header;
	unsigned int cpu;

	header = genlmsg_put(skb, portid, seq, &ovs_vrf_genl_family, flags,
			     OVS_VRF_CMD_GET);
	if (!header)
		return -EMSGSIZE;
	header->dp_ifindex = ovs_vport_ovsl(dp, OVSP_LOCAL)->dev->ifindex;

	if (counts)
		for_each_possible_cpu(cpu)
			counts_add(per_cpu_ptr(counts, cpu), sums);
	if (nla_put_64bit(skb, OVS_VRF_ATTR_COUNTS, sizeof(sums), sums,
			  OVS_VRF_ATTR_PAD)) {
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

/* No attribute is taken. */
static const struct nla_policy policy[OVS_VRF_ATTR_LAST + 1] = {};

static const struct genl_ops ops[] = {
	{
		.cmd = OVS_VRF_CMD_GET,
		.policy = policy,
		.maxattr = OVS_VRF_ATTR_LAST,
		.doit = get,
		.dumpit = dump,
	},
};

struct genl_family ovs_vrf_genl_family __ro_after_init = {
	.hdrsize = sizeof(struct ovs_header),
	.name = OVS_VRF_FAMILY,
	.version = OVS_VRF_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.module = THIS_MODULE,
};

MODULE_ALIAS_GENL_FAMILY(OVS_VRF_FAMILY);
