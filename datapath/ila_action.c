// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/skbuff.h>

#include <net/checksum.h>

#include <asm/unaligned.h>

#include "conntrack.h"
#include "datapath.h"
#include "extension.h"
#include "flow.h"
#include "ila.h"

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

/* Returns the number of bytes from the IPv6 header to the end of its payload,
 * less what Ethernet padded.
 */
static unsigned int ila_packet_len(const struct sk_buff *skb)
{
	unsigned int len = skb->len - skb_network_offset(skb);
	unsigned int payload_len = ntohs(ipv6_hdr(skb)->payload_len);

	/* A jumbogram has its length elsewhere. */
	if (!payload_len)
		return len;
	return min_t(unsigned int, len, sizeof(struct ipv6hdr) + payload_len);
}

/* Looks for a transport checksum that covers the address and returns its
 * protocol, 'offset' being set to where the header is from the start of the
 * data.  Returns NULL if there is none.
 */
static const struct ovs_ila_l4 *ila_find_l4(const struct sk_buff *skb,
					    u8 field, unsigned int *offset)
{
	unsigned int nh_offset = skb_network_offset(skb);
	const struct ovs_ila_l4 *l4;
	struct ovs_ila_walk walk;

	ovs_ila_walk_init(&walk, ipv6_hdr(skb)->nexthdr, field);
	while (ovs_ila_walk_wants_header(&walk)) {
		u8 buffer[8];
		const u8 *header;

		header = skb_header_pointer(skb, nh_offset + walk.offset,
					    sizeof(buffer), buffer);
		if (!header || !ovs_ila_walk_step(&walk, header))
			return NULL;
	}

	l4 = ovs_ila_l4_from_proto(walk.proto);
	if (!l4 || walk.offset + l4->min_len > ila_packet_len(skb))
		return NULL;
	*offset = nh_offset + walk.offset;
	return l4;
}

/* Returns true if the checksum field of the header at 'offset' holds only the
 * sum of the pseudo-header.  In a tunnel the packet's state may be about a
 * checksum further in.
 */
static bool ila_l4_is_partial(const struct sk_buff *skb, unsigned int offset)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	if (skb_checksum_start_offset(skb) == (int)offset)
		return true;
	return skb_is_gso(skb) &&
	       skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM;
}

/* Adjusts the checksum of the header at 'offset', which is writable, to a
 * change of the address by 'diff'.  Returns false if there is no checksum.
 */
static bool ila_adjust_l4(struct sk_buff *skb, const struct ovs_ila_l4 *l4,
			  unsigned int offset, u16 diff)
{
	u8 *field = skb->data + offset + l4->csum_offset;
	bool partial = ila_l4_is_partial(skb, offset);
	u16 check = get_unaligned_be16(field);

	if (l4->zero_is_none && !check && !partial)
		return false;
	check = ovs_ila_update_csum(check, diff, partial);
	if (l4->zero_is_none && !check)
		check = 0xffff;
	put_unaligned_be16(check, field);
	return true;
}

/* Brings what is known about the checksums of 'skb' in line with an address
 * that changed by 'diff' while nothing else in the packet made up for it.  What
 * a device or a tunnel found valid, it found so for another address.
 */
static void ila_update_summed(struct sk_buff *skb, u16 diff)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		skb->csum = csum_add(skb->csum, (__force __wsum)htons(diff));
	} else if (skb->ip_summed == CHECKSUM_UNNECESSARY &&
		   !skb_is_gso(skb)) {
		/* A list of packets that is going to be taken apart must keep
		 * its state.
		 */
		skb->ip_summed = CHECKSUM_NONE;
	}
	skb->csum_valid = 0;
}

static struct in6_addr *ila_address(const struct sk_buff *skb, u8 field)
{
	struct ipv6hdr *nh = ipv6_hdr(skb);

	return field == OVS_ILA_FIELD_SRC ? &nh->saddr : &nh->daddr;
}

static int ila_execute(struct sk_buff *skb, struct sw_flow_key *key,
		       const void *payload)
{
	unsigned int nh_offset = skb_network_offset(skb);
	const struct ovs_action_ila *ila = payload;
	const struct ovs_ila_l4 *l4 = NULL;
	unsigned int l4_offset = 0;
	struct in6_addr *address;
	struct in6_addr new;
	u16 diff;
	int err;

	/* The key of a packet that is cut off says IPv6, too. */
	if (unlikely(skb->len < nh_offset + sizeof(struct ipv6hdr)))
		return 0;
	err = skb_ensure_writable(skb, nh_offset + sizeof(struct ipv6hdr));
	if (unlikely(err))
		return err;
	if (unlikely(ipv6_hdr(skb)->version != 6))
		return 0;

	address = ila_address(skb, ila->field);
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
	if (!memcmp(address, &new, sizeof(new)))
		return 0;

	if (ila->csum_mode == OVS_ILA_CSUM_ADJUST_TRANSPORT)
		l4 = ila_find_l4(skb, ila->field, &l4_offset);
	if (l4) {
		err = skb_ensure_writable(skb, l4_offset + l4->min_len);
		if (unlikely(err))
			return err;
		/* The headers may be somewhere else now. */
		address = ila_address(skb, ila->field);
	}

	diff = ovs_ila_diff(address->s6_addr, new.s6_addr);
	if (!(l4 && ila_adjust_l4(skb, l4, l4_offset, diff)) &&
	    !ovs_ila_diff_is_zero(diff))
		ila_update_summed(skb, diff);
	*address = new;

	if (ila->field == OVS_ILA_FIELD_SRC)
		key->ipv6.addr.src = new;
	else
		key->ipv6.addr.dst = new;
	/* What was known about the packet by its old address. */
	skb_clear_hash(skb);
	ovs_ct_clear(skb, NULL);
	return 0;
}

const struct ovs_extension ovs_extension_ila = {
	.name = "ila",
	.len = sizeof(struct ovs_action_ila),
	.validate = ila_validate,
	.execute = ila_execute,
};
