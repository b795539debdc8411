// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/skbuff.h>

#include "datapath.h"
#include "extension.h"
#include "flow.h"
#include "ila_packet.h"

static int ila_validate(const void *payload, const struct sw_flow_key *key,
			__be16 eth_type, bool log)
{
	const char *bad;

	if (eth_type != htons(ETH_P_IPV6)) {
		OVS_NLERR(log, "ila action in a flow that is not IPv6");
		return -EINVAL;
	}
	bad = ovs_ila_check(payload);
	if (bad) {
		OVS_NLERR(log, "ila action has an invalid %s", bad);
		return -EINVAL;
	}
	return 0;
}

static int ila_execute(struct sk_buff *skb, struct sw_flow_key *key,
		       const void *payload)
{
	const struct ovs_action_ila *ila = payload;
	enum ovs_ila_l4_update l4_update;
	const struct in6_addr *address;
	const struct ipv6hdr *nh;
	struct in6_addr new;
	u32 happened = 0;
	int err;

	/* The key of a packet that is cut off says IPv6, too. */
	nh = ovs_ila_packet_header(skb);
	if (IS_ERR_OR_NULL(nh))
		return PTR_ERR(nh);

	address = ila->field == OVS_ILA_FIELD_SRC ? &nh->saddr : &nh->daddr;
	switch (ovs_ila_translate(ila, address->s6_addr, new.s6_addr)) {
	case OVS_ILA_PASS:
		return 0;
	case OVS_ILA_DROP:
		net_dbg_ratelimited("ovs: ila: %pI6c has the C bit, dropped\n",
				    address);
		return 1;
	case OVS_ILA_TRANSLATE:
		break;
	}

	l4_update = ila->csum_mode == OVS_ILA_CSUM_ADJUST_TRANSPORT ?
		    OVS_ILA_L4_ADJUST : OVS_ILA_L4_KEEP;
	err = ovs_ila_packet_set(skb, ila->field, &new, l4_update, &happened);
	if (unlikely(err))
		return err;

	if (ila->field == OVS_ILA_FIELD_SRC)
		key->ipv6.addr.src = new;
	else
		key->ipv6.addr.dst = new;
	return 0;
}

const struct ovs_extension ovs_extension_ila = {
	.name = "ila",
	.len = sizeof(struct ovs_action_ila),
	.validate = ila_validate,
	.execute = ila_execute,
};
