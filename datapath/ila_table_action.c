// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>

#include "datapath.h"
#include "extension.h"
#include "flow.h"
#include "ila_ingress.h"
#include "ila_packet.h"

enum {
	MISS_PASS = 0,
	MISS_DROP = 1,
};

static int ila_table_validate(const void *payload,
			      const struct sw_flow_key *key, __be16 eth_type,
			      bool log)
{
	const struct ovs_action_ila_table *action = payload;
	const char *bad = NULL;

	if (eth_type != htons(ETH_P_IPV6)) {
		OVS_NLERR(log, "ila table action in a flow that is not IPv6");
		return -EINVAL;
	}
	if (!action->dirs ||
	    action->dirs & ~(OVS_ILA_DIRS_IN | OVS_ILA_DIRS_OUT))
		bad = "dirs";
	else if (action->miss > MISS_DROP)
		bad = "miss";
	else if (action->zero)
		bad = "zero";
	if (bad) {
		OVS_NLERR(log, "ila table action has an invalid %s", bad);
		return -EINVAL;
	}
	return 0;
}

static int ila_table_execute(struct sk_buff *skb, struct sw_flow_key *key,
			     const void *payload)
{
	const u32 translated = OVS_ILA_HAPPENED(OVS_ILA_COUNT_IN) |
			       OVS_ILA_HAPPENED(OVS_ILA_COUNT_OUT);
	const struct ovs_action_ila_table *action = payload;
	const struct vport *vport = OVS_CB(skb)->input_vport;
	const struct ovs_ila *ila = rcu_dereference(vport->dp->ila);
	u32 happened = 0;
	int err;

	err = ovs_ila_translate_by_table(ila, skb, action->dirs, vport->port_no,
					 &happened);
	if (ila && happened)
		ovs_ila_count(ila->counts, happened);
	if (happened & OVS_ILA_HAPPENED(OVS_ILA_COUNT_CBIT))
		return 1;
	if (unlikely(err))
		return err;

	if (happened & translated)
		key->ipv6.addr.dst = ipv6_hdr(skb)->daddr;
	/* An error that was restored is what the sender waits for. */
	return happened & OVS_ILA_HAPPENED(OVS_ILA_COUNT_MISS) &&
	       !(happened & OVS_ILA_HAPPENED(OVS_ILA_COUNT_ICMP_INNER)) &&
	       action->miss == MISS_DROP;
}

const struct ovs_extension ovs_extension_ila_table = {
	.name = "ila table",
	.len = sizeof(struct ovs_action_ila_table),
	.validate = ila_table_validate,
	.execute = ila_table_execute,
};
