/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_INGRESS_H
#define OVS_ILA_INGRESS_H 1

/* Packets that meet the mapping table: as they come in, and in the action that
 * looks there.
 *
 * What comes in is translated before its key is extracted, so that flows,
 * connections and statistics know SIR addresses only; what userspace sends back
 * after an upcall, or goes through the datapath once more, is not translated
 * again.  As long as no port translates, this is a branch that is never taken.
 */

#include <linux/bitops.h>
#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "datapath.h"	/* Before vport.h. */
#include "ila_dp.h"
#include "vport.h"

struct sk_buff;

int __ovs_ila_ingress(const struct ovs_ila_port *port, struct sk_buff *skb);

/* Translates 'skb', which came in by 'vport' and whose data begin with the
 * Ethernet header, or the IPv6 header if there is none.  Returns 0, or a
 * negative errno value if the caller has to drop the packet: -EADDRNOTAVAIL if
 * its address cannot be translated.  Under RCU, bottom halves disabled.
 */
static inline int ovs_ila_ingress(struct vport *vport, struct sk_buff *skb)
{
	const struct ovs_ila_port *port;

	if (!static_branch_unlikely(&ovs_ila_ingress_key))
		return 0;
	port = rcu_dereference(vport->ila);
	return port ? __ovs_ila_ingress(port, skb) : 0;
}

/* Looks the destination of 'skb', whose network header is set and whose
 * Ethernet type is that of IPv6, up in the table and translates it, and likewise
 * the destination that an ICMPv6 error quotes if 'dirs' says IN.  Returns as
 * ovs_ila_ingress().  What happened, also if the packet is to be dropped, is in
 * 'happened' (see ila_packet.h), for the caller to count.  If 'ila' is NULL,
 * nothing was ever mapped.  Same context.
 */
int ovs_ila_translate_by_table(const struct ovs_ila *ila, struct sk_buff *skb,
			       u8 dirs, u32 in_port, u32 *happened);

/* Counts a packet to which 'happened'.  Same context. */
static inline void ovs_ila_count(struct ovs_ila_packet_counts __percpu *counts,
				 u32 happened)
{
	struct ovs_ila_packet_counts *c = this_cpu_ptr(counts);

	u64_stats_update_begin(&c->syncp);
	for (; happened; happened &= happened - 1)
		u64_stats_inc(&c->n[__ffs(happened)]);
	u64_stats_update_end(&c->syncp);
}

/* Likewise a packet that an entry matched and that was translated in the
 * direction that 'translated' counts.
 */
static __always_inline void
ovs_ila_count_hit(struct ovs_ila_packet_counts __percpu *counts,
		  enum ovs_ila_count translated)
{
	struct ovs_ila_packet_counts *c = this_cpu_ptr(counts);

	u64_stats_update_begin(&c->syncp);
	u64_stats_inc(&c->n[OVS_ILA_COUNT_HIT]);
	u64_stats_inc(&c->n[translated]);
	u64_stats_update_end(&c->syncp);
}

#endif /* ila_ingress.h */
