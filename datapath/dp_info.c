// SPDX-License-Identifier: GPL-2.0-only

#include <linux/openvswitch.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>

#include "datapath.h"
#include "dp_info.h"

#define UNKNOWN_DP "dp_ifindex is not that of a datapath"

struct datapath *ovs_dp_info_find(struct genl_info *info)
{
	const struct ovs_header *header = info->userhdr;
	struct datapath *dp = get_dp(genl_info_net(info), header->dp_ifindex);

	if (!dp)
		GENL_SET_ERR_MSG(info, UNKNOWN_DP);
	return dp;
}

int ovs_dp_info_get(struct genl_info *info, ovs_dp_info_fill *fill)
{
	struct sk_buff *reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	const struct datapath *dp;
	int err = -ENODEV;

	if (!reply)
		return -ENOMEM;

	ovs_lock();
	dp = ovs_dp_info_find(info);
	if (dp)
		err = fill(dp, reply, info->snd_portid, info->snd_seq, 0);
	ovs_unlock();

	if (err) {
		kfree_skb(reply);
		return err;
	}
	return genlmsg_reply(reply, info);
}

int ovs_dp_info_dump(struct sk_buff *skb, struct netlink_callback *cb,
		     ovs_dp_info_fill *fill)
{
	struct ovs_net *ovs_net = net_generic(sock_net(skb->sk), ovs_net_id);
	const struct ovs_header *header = genlmsg_data(nlmsg_data(cb->nlh));
	const struct datapath *only = NULL, *dp;
	int err = 0, i = 0;

	ovs_lock();
	if (header->dp_ifindex) {
		only = get_dp(sock_net(skb->sk), header->dp_ifindex);
		if (!only) {
			NL_SET_ERR_MSG(cb->extack, UNKNOWN_DP);
			err = -ENODEV;
			goto unlock;
		}
	}
	list_for_each_entry(dp, &ovs_net->dps, list_node) {
		if (i >= cb->args[0] && (!only || dp == only) &&
		    fill(dp, skb, NETLINK_CB(cb->skb).portid,
			 cb->nlh->nlmsg_seq, NLM_F_MULTI))
			break;
		i++;
	}
	cb->args[0] = i;
unlock:
	ovs_unlock();
	return err ? err : skb->len;
}
