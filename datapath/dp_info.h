/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_DP_INFO_H
#define OVS_DP_INFO_H 1

/* What families of extensions tell of datapaths: of the one whose dp_ifindex
 * a request has, or of all, or that one, in a dump.
 */

#include <linux/types.h>

struct datapath;
struct genl_info;
struct netlink_callback;
struct sk_buff;

/* Appends one message about the datapath.  Returns 0, or -EMSGSIZE with 'skb'
 * as it was.  Called with ovs_mutex.
 */
typedef int ovs_dp_info_fill(const struct datapath *dp, struct sk_buff *skb,
			     u32 portid, u32 seq, u32 flags);

/* Returns the datapath that the request names.  If there is none, returns NULL
 * and says so in the answer.  Called with ovs_mutex.
 */
struct datapath *ovs_dp_info_find(struct genl_info *info);

/* For .doit and .dumpit of such a command. */
int ovs_dp_info_get(struct genl_info *info, ovs_dp_info_fill *fill);
int ovs_dp_info_dump(struct sk_buff *skb, struct netlink_callback *cb,
		     ovs_dp_info_fill *fill);

#endif /* dp_info.h */
