// SPDX-License-Identifier: GPL-2.0-only

/* Routing at once, instead of through the queue of the CPU.
 *
 * It is what Linux does with a packet that a VRF's device has received, for
 * those where that is plain: an ordinary header, TTL to spare, a route on which
 * it is forwarded, and nobody who wants to see it come in.  All others, and
 * those that a router answers, go through the queue.
 *
 * The way from here may lead into a datapath again, on the same stack.  A packet
 * that comes back here is queued, thus it happens once on a CPU at a time.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/percpu.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "vrf.h"

/* Devices that send on this stack already. */
#define MAX_SENDING 1

static bool vrf_inline = true;
module_param(vrf_inline, bool, 0644);
MODULE_PARM_DESC(vrf_inline, "Route packets of vrf actions at once where possible");

static DEFINE_PER_CPU(bool, is_inside);

/* Is there nothing but connection tracking?  That is in every network namespace,
 * as soon as there is a module of Open vSwitch; rules would have private data.
 */
static bool are_plain(const struct nf_hook_entries *hooks)
{
#ifdef CONFIG_NETFILTER
	struct nf_hook_ops **ops;
	unsigned int i;

	if (!hooks)
		return true;
	ops = nf_hook_entries_get_hook_ops(hooks);
	for (i = 0; i < hooks->num_hook_entries; i++)
		if (ops[i]->priv ||
		    (ops[i]->priority != NF_IP_PRI_CONNTRACK_DEFRAG &&
		     ops[i]->priority != NF_IP_PRI_CONNTRACK))
			return false;
#endif
	return true;
}

static const struct nf_hook_entries *hooks_of(const struct net_device *dev,
					      __be16 protocol)
{
#ifdef CONFIG_NETFILTER
	const struct netns_nf *nf = &dev_net(dev)->nf;

	if (protocol == htons(ETH_P_IP))
		return rcu_dereference(nf->hooks_ipv4[NF_INET_PRE_ROUTING]);
	return rcu_dereference(nf->hooks_ipv6[NF_INET_PRE_ROUTING]);
#else
	return NULL;
#endif
}

/* Would somebody see a packet that 'dev' receives, or change it? */
static bool is_watched(struct net_device *dev,
		       const struct nf_hook_entries *hooks)
{
	if (dev_nit_active(dev) || rcu_access_pointer(dev->xdp_prog))
		return true;
#ifdef CONFIG_NET_CLS_ACT
	if (rcu_access_pointer(dev->miniq_ingress))
		return true;
#endif
#ifdef CONFIG_NETFILTER_INGRESS
	if (rcu_access_pointer(dev->nf_hooks_ingress))
		return true;
#endif
	return !are_plain(hooks);
}

/* Is this a route on which the packet is forwarded? */
static bool is_forwarded_4(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);

	return rt->rt_type == RTN_UNICAST && !rt->dst.error &&
	       !rt->dst.lwtstate && !(rt->rt_flags & RTCF_LOCAL);
}

static bool is_forwarded_6(const struct sk_buff *skb)
{
	const struct rt6_info *rt = (const struct rt6_info *)skb_dst(skb);

	return !rt->dst.error && !rt->dst.lwtstate &&
	       !(rt->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST | RTF_REJECT));
}

/* The next two functions return whether 'skb' has a route on which it is
 * forwarded.
 */
static bool route_4(struct sk_buff *skb, struct net_device *dev)
{
	const struct iphdr *iph = ip_hdr(skb);
	u32 len = ntohs(iph->tot_len);

	if (iph->version != 4 || iph->ihl != 5 || iph->ttl <= 1 ||
	    ip_is_fragment(iph) || len < sizeof(*iph) || skb->len < len ||
	    ip_fast_csum(iph, iph->ihl) || pskb_trim_rcsum(skb, len))
		return false;

	iph = ip_hdr(skb);
	skb_set_transport_header(skb, sizeof(*iph));
	IPCB(skb)->iif = dev->ifindex;
	if (ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos, dev))
		return false;
	if (is_forwarded_4(skb))
		return true;
	skb_dst_drop(skb);
	return false;
}

static bool route_6(struct sk_buff *skb, struct net_device *dev)
{
	const int odd = IPV6_ADDR_MULTICAST | IPV6_ADDR_LOOPBACK |
			IPV6_ADDR_LINKLOCAL | IPV6_ADDR_MAPPED;
	const struct inet6_dev *idev = __in6_dev_get(dev);
	const struct ipv6hdr *nh = ipv6_hdr(skb);
	u32 len = sizeof(*nh) + ntohs(nh->payload_len);

	if (!idev || idev->cnf.disable_ipv6 || nh->version != 6 ||
	    nh->hop_limit <= 1 || !nh->payload_len ||
	    ipv6_ext_hdr(nh->nexthdr) || skb->len < len ||
	    (ipv6_addr_type(&nh->saddr) | ipv6_addr_type(&nh->daddr)) & odd ||
	    pskb_trim_rcsum(skb, len))
		return false;

	skb_set_transport_header(skb, sizeof(*nh));
	IP6CB(skb)->iif = dev->ifindex;
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	if (!ipv6_stub->ipv6_route_input(skb) && is_forwarded_6(skb))
		return true;
	skb_dst_drop(skb);
	return false;
}

static void count_4(const struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);

	__IP_UPD_PO_STATS(net, IPSTATS_MIB_IN, skb->len);
	__IP_ADD_STATS(net, IPSTATS_MIB_NOECTPKTS +
			    (ip_hdr(skb)->tos & INET_ECN_MASK),
		       max_t(unsigned short, 1, skb_shinfo(skb)->gso_segs));
}

static void count_6(const struct sk_buff *skb)
{
	struct inet6_dev *idev = __in6_dev_get(skb->dev);
	struct net *net = dev_net(skb->dev);

	__IP6_UPD_PO_STATS(net, idev, IPSTATS_MIB_IN, skb->len);
	__IP6_ADD_STATS(net, idev, IPSTATS_MIB_NOECTPKTS +
				   (ipv6_get_dsfield(ipv6_hdr(skb)) &
				    INET_ECN_MASK),
			max_t(unsigned short, 1, skb_shinfo(skb)->gso_segs));
}

/* Has connections tracked by 'hooks', the same that are plain: another one that
 * has come meanwhile might put the packet off and call what it is not given.
 * Returns whether the packet is still there.
 */
static bool track(u8 family, struct sk_buff *skb,
		  const struct nf_hook_entries *hooks)
{
#ifdef CONFIG_NETFILTER
	struct nf_hook_state state;

	if (hooks) {
		nf_hook_state_init(&state, NF_INET_PRE_ROUTING, family,
				   skb->dev, NULL, NULL, dev_net(skb->dev),
				   NULL);
		return nf_hook_slow(skb, &state, hooks, 0) == 1;
	}
#endif
	return true;
}

/* What Linux does with a packet before it is routed.  Returns NULL if it is not
 * there any more.
 */
static struct sk_buff *receive_4(struct sk_buff *skb,
				 const struct nf_hook_entries *hooks)
{
	count_4(skb);
	return track(NFPROTO_IPV4, skb, hooks) ? l3mdev_ip_rcv(skb) : NULL;
}

static struct sk_buff *receive_6(struct sk_buff *skb,
				 const struct nf_hook_entries *hooks)
{
	count_6(skb);
	return track(NFPROTO_IPV6, skb, hooks) ? l3mdev_ip6_rcv(skb) : NULL;
}

bool ovs_vrf_route(struct sk_buff *skb, struct net_device *dev)
{
	const struct nf_hook_entries *hooks = hooks_of(dev, skb->protocol);
	const bool is_4 = skb->protocol == htons(ETH_P_IP);

	if (!READ_ONCE(vrf_inline) || __this_cpu_read(is_inside) ||
	    dev_recursion_level() > MAX_SENDING ||
	    is_watched(dev, hooks))
		return false;

	skb->skb_iif = dev->ifindex;
	if (!(is_4 ? route_4(skb, dev) : route_6(skb, dev)))
		return false;

	skb = is_4 ? receive_4(skb, hooks) : receive_6(skb, hooks);
	if (likely(skb)) {
		__this_cpu_write(is_inside, true);
		dst_input(skb);
		__this_cpu_write(is_inside, false);
	}
	return true;
}
