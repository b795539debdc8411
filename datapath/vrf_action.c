// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "datapath.h"
#include "extension.h"
#include "vrf.h"

/* What only a router can do that decides before the packet leaves. */
static const struct {
	u32 flag;
	const char *name;
} foreign_flags[] = {
	{ OVS_VRF_F_TTL_KEEP, "ttl=keep" },
	{ OVS_VRF_F_ERRORS_DROP, "errors=drop" },
	{ OVS_VRF_F_MSS_CLAMP, "mss=clamp" },
};

static int vrf_validate(const void *payload, const struct sw_flow_key *key,
			__be16 eth_type, bool log)
{
	const struct ovs_action_vrf *action = payload;
	const char *bad = NULL;
	size_t name_len, i;

	if (eth_type != htons(ETH_P_IP) && eth_type != htons(ETH_P_IPV6)) {
		OVS_NLERR(log, "vrf action in a flow that is not IP");
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(foreign_flags); i++) {
		if (action->flags & foreign_flags[i].flag) {
			OVS_NLERR(log, "vrf action with %s, which Linux's router cannot do",
				  foreign_flags[i].name);
			return -EINVAL;
		}
	}

	name_len = strnlen(action->name, sizeof(action->name));
	if (!action->id || action->id > INT_MAX)
		bad = "id";
	else if (action->flags)
		bad = "flags";
	else if (action->recirc_id)
		bad = "recirc_id";
	else if (name_len == sizeof(action->name) ||
		 memchr_inv(action->name + name_len, 0,
			    sizeof(action->name) - name_len))
		bad = "name";
	if (bad) {
		OVS_NLERR(log, "vrf action has an invalid %s", bad);
		return -EINVAL;
	}
	return 0;
}

/* May packets be handed to 'dev'?  OVS_VRF_COUNT_QUEUED says yes. */
static enum ovs_vrf_count check_device(const struct net_device *dev)
{
	if (unlikely(!dev))
		return OVS_VRF_COUNT_NO_DEVICE;
	if (unlikely(!netif_is_l3_master(dev)))
		return OVS_VRF_COUNT_NOT_VRF;
	if (unlikely(!(dev->flags & IFF_UP)))
		return OVS_VRF_COUNT_DOWN;
	return OVS_VRF_COUNT_QUEUED;
}

/* As check_device(), for a packet: destinations on a link are not routed.
 * Makes its IP header linear.
 */
static enum ovs_vrf_count check_packet(struct sk_buff *skb)
{
	const int offset = skb_network_offset(skb);

	if (unlikely(skb_vlan_tag_present(skb) || eth_type_vlan(skb->protocol)))
		return OVS_VRF_COUNT_TAGGED;

	switch (skb->protocol) {
	case htons(ETH_P_IP):
		if (unlikely(!pskb_may_pull(skb, offset +
					    sizeof(struct iphdr))))
			return OVS_VRF_COUNT_MALFORMED;
		if (unlikely(ipv4_is_multicast(ip_hdr(skb)->daddr) ||
			     ipv4_is_lbcast(ip_hdr(skb)->daddr)))
			return OVS_VRF_COUNT_NOT_ROUTABLE;
		return OVS_VRF_COUNT_QUEUED;

	case htons(ETH_P_IPV6):
		if (unlikely(!pskb_may_pull(skb, offset +
					    sizeof(struct ipv6hdr))))
			return OVS_VRF_COUNT_MALFORMED;
		if (unlikely(ipv6_addr_type(&ipv6_hdr(skb)->daddr) &
			     (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL)))
			return OVS_VRF_COUNT_NOT_ROUTABLE;
		return OVS_VRF_COUNT_QUEUED;
	}
	return OVS_VRF_COUNT_MALFORMED;
}

/* Who listens at 'dev' wants an Ethernet header in front of the data. */
static bool pull_to_network(struct sk_buff *skb, const struct net_device *dev)
{
	const int offset = skb_network_offset(skb);
	struct ethhdr *eth;

	if (offset) {
		skb_pull_rcsum(skb, offset);
	} else {
		if (skb_cow_head(skb, ETH_HLEN))
			return false;
		eth = skb_push(skb, ETH_HLEN);
		ether_addr_copy(eth->h_dest, dev->dev_addr);
		ether_addr_copy(eth->h_source, dev->dev_addr);
		eth->h_proto = skb->protocol;
		skb_reset_mac_header(skb);
		__skb_pull(skb, ETH_HLEN);
	}
	skb_reset_network_header(skb);
	skb_reset_mac_len(skb);
	return true;
}

/* Makes a packet that 'dev' has received of one that is in the datapath: Linux
 * does not forward what belongs to a socket.
 */
static void receive(struct sk_buff *skb, struct net_device *dev, u32 mark)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	memset(skb->cb, 0, sizeof(skb->cb));
	if (mark)
		skb->mark = mark;
	skb->dev = dev;
}

static enum ovs_vrf_count deliver(struct sk_buff *skb, struct net_device *dev,
				  u32 mark)
{
	enum ovs_vrf_count count = check_device(dev);

	if (likely(count == OVS_VRF_COUNT_QUEUED))
		count = check_packet(skb);
	if (likely(count == OVS_VRF_COUNT_QUEUED) &&
	    unlikely(!pull_to_network(skb, dev)))
		count = OVS_VRF_COUNT_NO_MEMORY;
	if (unlikely(count != OVS_VRF_COUNT_QUEUED)) {
		kfree_skb(skb);
		return count;
	}

	receive(skb, dev, mark);
	if (ovs_vrf_route(skb, dev))
		return OVS_VRF_COUNT_INLINE;
	return netif_rx(skb) == NET_RX_SUCCESS ? OVS_VRF_COUNT_QUEUED
					       : OVS_VRF_COUNT_BACKLOG;
}

static void vrf_consume(struct sk_buff *skb, const struct sw_flow_key *key,
			const void *payload)
{
	const struct ovs_action_vrf *action = payload;
	struct datapath *dp = OVS_CB(skb)->input_vport->dp;
	struct net_device *dev;

	dev = dev_get_by_index_rcu(ovs_dp_get_net(dp), action->id);
	ovs_vrf_count(dp, deliver(skb, dev, action->mark));
}

const struct ovs_extension ovs_extension_vrf = {
	.name = "vrf",
	.len = sizeof(struct ovs_action_vrf),
	.validate = vrf_validate,
	.consume = vrf_consume,
};
