// SPDX-License-Identifier: GPL-2.0-only

#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>

#include <net/checksum.h>
#include <net/ipv6.h>

#include <asm/unaligned.h>

#include "conntrack.h"
#include "datapath.h"
#include "ila_packet.h"

/* One's complement. */
static u16 add(u16 a, u16 b)
{
	u32 sum = (u32)a + b;

	return (sum & 0xffff) + (sum >> 16);
}

static u16 subtract(u16 a, u16 b)
{
	return add(a, ~b);
}

/* Returns where the payload of 'nh' ends, which is at 'offset', or 'end' if
 * less is there.
 */
static unsigned int payload_end(const struct ipv6hdr *nh, unsigned int offset,
				unsigned int end)
{
	unsigned int len = ntohs(nh->payload_len);

	/* A jumbogram has its length elsewhere. */
	if (!len)
		return end;
	return min_t(unsigned int, end, offset + sizeof(*nh) + len);
}

/* Looks for the transport header behind the IPv6 header at 'offset', whose next
 * header is 'nexthdr', and returns its protocol, 'offset' being set to where it
 * is.  Returns NULL if no checksum that is known covers the address in 'field'.
 */
static const struct ovs_ila_l4 *find_l4(const struct sk_buff *skb, u8 nexthdr,
					u8 field, unsigned int *offset,
					u32 *happened)
{
	const struct ovs_ila_l4 *l4;
	struct ovs_ila_walk walk;

	ovs_ila_walk_init(&walk, nexthdr, field);
	while (ovs_ila_walk_wants_header(&walk)) {
		u8 buffer[8];
		const u8 *header;

		header = skb_header_pointer(skb, *offset + walk.offset,
					    sizeof(buffer), buffer);
		if (!header) {
			*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_TRUNCATED);
			return NULL;
		}
		if (!ovs_ila_walk_step(&walk, header))
			return NULL;
	}

	l4 = ovs_ila_l4_from_proto(walk.proto);
	if (!l4)
		*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_L4_UNKNOWN);
	*offset += walk.offset;
	return l4;
}

/* Returns true if the checksum field of the header at 'offset' holds only the
 * sum of the pseudo-header.  In a tunnel the packet's state may be about a
 * checksum further in.
 */
static bool l4_is_partial(const struct sk_buff *skb, unsigned int offset)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	if (skb_checksum_start_offset(skb) == (int)offset)
		return true;
	return skb_is_gso(skb) &&
	       skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM;
}

/* Adjusts the checksum of the header at 'offset', which is writable, to a
 * change of what it covers by 'diff'.  Returns by how much the field changed,
 * or 0xffff if there is no checksum.
 */
static u16 adjust_l4(struct sk_buff *skb, const struct ovs_ila_l4 *l4,
		     unsigned int offset, u16 diff, bool partial,
		     u32 *happened)
{
	u8 *field = skb->data + offset + l4->csum_offset;
	u16 old = get_unaligned_be16(field);
	u16 new;

	if (l4->zero_is_none && !old && !partial)
		return 0xffff;
	new = ovs_ila_update_csum(old, diff, partial);
	if (l4->zero_is_none && !new)
		new = 0xffff;
	put_unaligned_be16(new, field);
	*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_L4_ADJUSTED);
	if (partial)
		*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_PARTIAL);
	return subtract(new, old);
}

/* Brings what is known about the checksums of 'skb' in line with bytes whose
 * sum changed by 'change', which is not zero.  What a device or a tunnel found
 * valid, it found so for another address.
 */
static void update_summed(struct sk_buff *skb, u16 change)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		skb->csum = csum_add(skb->csum, (__force __wsum)htons(change));
	} else if (skb->ip_summed == CHECKSUM_UNNECESSARY &&
		   !skb_is_gso(skb)) {
		/* A list of packets that is going to be taken apart must keep
		 * its state.
		 */
		skb->ip_summed = CHECKSUM_NONE;
	}
	skb->csum_valid = 0;
}

/* What a transport checksum is to be told of a change of address.  Other than
 * the complement of one, a difference is never 0, which would leave alone what
 * 0xffff, the other zero, replaces by its equal.
 */
static u16 l4_diff(enum ovs_ila_l4_update l4_update, const struct in6_addr *old,
		   const struct in6_addr *new)
{
	if (l4_update == OVS_ILA_L4_REVERSE)
		swap(old, new);
	return ovs_ila_diff(old->s6_addr, new->s6_addr);
}

static struct in6_addr *address_in(struct sk_buff *skb, u8 field)
{
	struct ipv6hdr *nh = ipv6_hdr(skb);

	return field == OVS_ILA_FIELD_SRC ? &nh->saddr : &nh->daddr;
}

int ovs_ila_packet_set(struct sk_buff *skb, u8 field,
		       const struct in6_addr *new,
		       enum ovs_ila_l4_update l4_update, u32 *happened)
{
	unsigned int nh_offset = skb_network_offset(skb);
	unsigned int writable = nh_offset + sizeof(struct ipv6hdr);
	const struct ovs_ila_l4 *l4 = NULL;
	unsigned int l4_offset = nh_offset;
	struct in6_addr *address;
	u16 diff, change;
	int err;

	if (l4_update != OVS_ILA_L4_KEEP)
		l4 = find_l4(skb, ipv6_hdr(skb)->nexthdr, field, &l4_offset,
			     happened);
	if (l4) {
		unsigned int end = l4_offset + l4->min_len;

		if (end <= payload_end(ipv6_hdr(skb), nh_offset, skb->len)) {
			writable = end;
		} else {
			*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_TRUNCATED);
			l4 = NULL;
		}
	}
	/* A checksum changes even if the address does not: from 0xffff to 0. */
	if (!l4 && ipv6_addr_equal(address_in(skb, field), new))
		return 0;
	err = skb_ensure_writable(skb, writable);
	if (unlikely(err))
		return err;

	/* The headers may be somewhere else now. */
	address = address_in(skb, field);
	diff = ovs_ila_diff(address->s6_addr, new->s6_addr);
	change = diff;
	if (l4) {
		bool partial = l4_is_partial(skb, l4_offset);
		u16 l4_change = adjust_l4(skb, l4, l4_offset,
					  l4_diff(l4_update, address, new),
					  partial, happened);

		/* Whoever finishes the checksum knows nothing of it yet. */
		change = partial ? 0 : add(change, l4_change);
	}
	if (!ovs_ila_diff_is_zero(change))
		update_summed(skb, change);
	*address = *new;

	/* What was known about the packet by its old address. */
	if (skb_nfct(skb))
		ovs_ct_clear(skb, NULL);
	return 0;
}

bool ovs_ila_packet_quote(const struct sk_buff *skb,
			  struct ovs_ila_quote *quote)
{
	const struct icmp6hdr *icmp;
	const struct ovs_ila_l4 *l4;
	struct icmp6hdr icmp_buffer;
	const struct ipv6hdr *nh;
	struct ipv6hdr nh_buffer;
	u32 happened = 0;

	quote->icmp = skb_network_offset(skb);
	quote->end = payload_end(ipv6_hdr(skb), quote->icmp, skb->len);
	l4 = find_l4(skb, ipv6_hdr(skb)->nexthdr, OVS_ILA_FIELD_DST,
		     &quote->icmp, &happened);
	if (l4 != ovs_ila_l4_from_proto(IPPROTO_ICMPV6))
		return false;

	icmp = skb_header_pointer(skb, quote->icmp, sizeof(icmp_buffer),
				  &icmp_buffer);
	if (!icmp || icmp->icmp6_type & ICMPV6_INFOMSG_MASK)
		return false;

	quote->packet = quote->icmp + sizeof(*icmp);
	if (quote->packet + sizeof(*nh) > quote->end)
		return false;
	nh = skb_header_pointer(skb, quote->packet, sizeof(nh_buffer),
				&nh_buffer);
	if (!nh || nh->version != 6)
		return false;
	quote->dst = nh->daddr;
	quote->end = payload_end(nh, quote->packet, quote->end);
	return true;
}

int ovs_ila_packet_set_quoted(struct sk_buff *skb,
			      const struct ovs_ila_quote *quote,
			      const struct in6_addr *new,
			      enum ovs_ila_l4_update l4_update, u32 *happened)
{
	const struct ovs_ila_l4 *icmp = ovs_ila_l4_from_proto(IPPROTO_ICMPV6);
	unsigned int writable = quote->packet + sizeof(struct ipv6hdr);
	unsigned int l4_offset = quote->packet;
	const struct ovs_ila_l4 *l4 = NULL;
	u16 diff, change;
	/* What it says about a checksum is not about this packet's own. */
	u32 ignored = 0;
	int err;

	if (l4_update != OVS_ILA_L4_KEEP) {
		struct ipv6hdr buffer;
		const struct ipv6hdr *nh;

		nh = skb_header_pointer(skb, quote->packet, sizeof(buffer),
					&buffer);
		if (nh)
			l4 = find_l4(skb, nh->nexthdr, OVS_ILA_FIELD_DST,
				     &l4_offset, &ignored);
	}
	if (l4) {
		/* An error need not quote more than it has room for. */
		unsigned int end = l4_offset + l4->csum_offset +
				   sizeof(__sum16);

		if (end <= quote->end)
			writable = end;
		else
			l4 = NULL;
	}
	err = skb_ensure_writable(skb, writable);
	if (unlikely(err))
		return err;

	diff = ovs_ila_diff(quote->dst.s6_addr, new->s6_addr);
	change = diff;
	if (l4) {
		change = add(change,
			     adjust_l4(skb, l4, l4_offset,
				       l4_diff(l4_update, &quote->dst, new),
				       false, &ignored));
	}
	memcpy(skb->data + quote->packet + offsetof(struct ipv6hdr, daddr),
	       new, sizeof(*new));
	/* A partial checksum does not cover yet what was quoted. */
	if (!ovs_ila_diff_is_zero(change) && !l4_is_partial(skb, quote->icmp))
		adjust_l4(skb, icmp, quote->icmp, change, false, &ignored);
	*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_ICMP_INNER);
	return 0;
}
