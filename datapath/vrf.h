/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_VRF_H
#define OVS_VRF_H 1

/* The action that hands a packet to Linux's router in a VRF, as if the VRF's
 * device had received it.  From there on it is Linux's: policy rules, routes,
 * TTL, ICMP errors, fragments, neighbours, netfilter.  Where the route leads to
 * an internal port, the packet comes back as one that the host sends there.
 *
 * The device is looked up for each packet, thus nothing here holds it.  A
 * packet goes through the queue of its CPU, as that of any software device
 * does, or is routed at once where nobody can see the difference, see
 * ovs_vrf_route().
 *
 * What became of packets is counted per datapath and CPU.  The counters come
 * with the first packet, and go with the datapath.
 */

#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>

#include <openvswitch/extension-abi.h>

struct datapath;
struct genl_family;
struct net_device;

struct ovs_vrf_counts {
	u64_stats_t n[OVS_VRF_N_COUNTS];
	struct u64_stats_sync syncp;
};

extern struct genl_family ovs_vrf_genl_family;

/* Counts a packet that came to an action in 'dp'.  Bottom halves disabled,
 * under RCU.
 */
void ovs_vrf_count(struct datapath *dp, enum ovs_vrf_count count);

/* Routes 'skb', which 'dev', a VRF, has received, and sends it on.  Returns
 * whether it is gone; otherwise it has to be queued, with its control block as
 * it may be.  Its data is at an IP header that is there in full, without
 * extension.  Bottom halves disabled, under RCU.
 */
bool ovs_vrf_route(struct sk_buff *skb, struct net_device *dev);

#endif /* vrf.h */
