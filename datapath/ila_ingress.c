// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include <net/ipv6.h>

#include <asm/unaligned.h>

#include "ila_ingress.h"
#include "ila_packet.h"
#include "ila_reader.h"

static enum ovs_ila_l4_update l4_update(const struct ovs_ila_value *value)
{
	if (value->xlat.csum_mode != OVS_ILA_CSUM_ADJUST_TRANSPORT)
		return OVS_ILA_L4_KEEP;
	return value->flags & OVS_ILA_ENTRY_ADJ_COMPAT ? OVS_ILA_L4_REVERSE :
							 OVS_ILA_L4_ADJUST;
}

/* Whatever 'hit' wants.  Returns 1 if the destination was translated, 0 if it is
 * not to be, or a negative errno value.
 */
static noinline int translate_hit(const struct ovs_ila_table *table,
				  struct sk_buff *skb,
				  struct ovs_ila_found found, u32 *happened)
{
	struct ovs_ila_hit hit = ovs_ila_reader_hit(table, found);
	const struct in6_addr *old = &ipv6_hdr(skb)->daddr;
	struct in6_addr new;

	switch (ovs_ila_hit_translate(&hit, old->s6_addr, new.s6_addr)) {
	case OVS_ILA_PASS:
		*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_TYPE_MISMATCH);
		return 0;
	case OVS_ILA_DROP:
		*happened |= OVS_ILA_HAPPENED(OVS_ILA_COUNT_CBIT);
		net_dbg_ratelimited("ovs: ila: %pI6c has the C bit, dropped\n",
				    old);
		return -EADDRNOTAVAIL;
	case OVS_ILA_TRANSLATE:
		break;
	}
	return ovs_ila_packet_set(skb, OVS_ILA_FIELD_DST, &new,
				  l4_update(hit.value), happened) ?: 1;
}

/* Nothing but the address has to be changed, and nobody else has it. */
static __always_inline bool is_private(struct sk_buff *skb,
				       const struct ipv6hdr *nh)
{
	unsigned int end = (u8 *)(nh + 1) - skb->data;

	/* That it was cloned says little, but is seen at once. */
	return likely(!skb_nfct(skb) &&
		      (!skb->cloned || skb_clone_writable(skb, end) ||
		       !skb_cloned(skb)));
}

/* What most hits want, of most packets.  Returns false if it is something else.
 */
static __always_inline bool
translate_at_once(const struct ovs_ila_table *table, struct sk_buff *skb,
		  struct ipv6hdr *nh, struct ovs_ila_found found)
{
	return is_private(skb, nh) &&
	       ovs_ila_reader_translate_neutral(table, found,
						nh->daddr.s6_addr);
}

/* As ovs_ila_reader_find(), by 'memo' if that is not NULL, which then is about
 * 'addr'.
 */
static __always_inline struct ovs_ila_found
find_by_memo(const struct ovs_ila_table *table, u8 dirs, u32 in_port,
	     const u8 *addr, struct ovs_ila_memo *memo)
{
	unsigned long version = ovs_ila_reader_version(table);
	struct ovs_ila_found found;

	if (memo && ovs_ila_memo_applies(memo, version, dirs, addr))
		return memo->found;
	found = ovs_ila_reader_find(table, dirs, in_port, addr);
	if (memo && found.slot)
		ovs_ila_memo_keep(memo, version, dirs, addr, found);
	return found;
}

/* 'memo' is NULL, or that of 'in_port'. */
static __always_inline int
translate_destination(const struct ovs_ila *ila, struct sk_buff *skb,
		      struct ipv6hdr *nh, u8 dirs, u32 in_port,
		      struct ovs_ila_memo *memo, u32 *happened)
{
	struct ovs_ila_found found;
	int err;

	if (unlikely(nh->daddr.s6_addr[0] == 0xff)) {
		*happened = OVS_ILA_HAPPENED(OVS_ILA_COUNT_MULTICAST);
		return 0;
	}
	*happened = OVS_ILA_HAPPENED(OVS_ILA_COUNT_MISS);
	if (unlikely(!ila))
		return 0;
	found = find_by_memo(ila->table, dirs, in_port, nh->daddr.s6_addr,
			     memo);
	if (!found.slot)
		return 0;

	*happened = OVS_ILA_HAPPENED(OVS_ILA_COUNT_HIT);
	ovs_ila_reader_count(ila->table, found.slot, found.id, skb->len);
	if (translate_at_once(ila->table, skb, nh, found)) {
		if (memo)
			ovs_ila_memo_keep_result(memo, ila->table,
						 nh->daddr.s6_addr);
	} else {
		err = translate_hit(ila->table, skb, found, happened);
		if (err <= 0)
			return err;
	}
	*happened |= found.bits & SLOT_OUT ?
		     OVS_ILA_HAPPENED(OVS_ILA_COUNT_OUT) :
		     OVS_ILA_HAPPENED(OVS_ILA_COUNT_IN);
	return 0;
}

/* An ICMPv6 error about a packet that was sent to an ILA address quotes that,
 * which its sender does not know: he gets the SIR address.
 */
static int translate_quoted(const struct ovs_ila *ila, struct sk_buff *skb,
			    u32 in_port, u32 *happened)
{
	struct ovs_ila_quote quote;
	struct ovs_ila_hit hit;
	struct in6_addr new;

	if (!ovs_ila_packet_quote(skb, &quote) ||
	    ipv6_addr_is_multicast(&quote.dst) ||
	    !ovs_ila_table_lookup(ila->table, OVS_ILA_DIRS_IN, in_port,
				  quote.dst.s6_addr, &hit) ||
	    !(hit.value->flags & OVS_ILA_ENTRY_ICMP_INNER) ||
	    ovs_ila_hit_translate(&hit, quote.dst.s6_addr, new.s6_addr) !=
	    OVS_ILA_TRANSLATE)
		return 0;
	return ovs_ila_packet_set_quoted(skb, &quote, &new,
					 l4_update(hit.value), happened);
}

static __always_inline bool may_quote(const struct ipv6hdr *nh, u8 dirs)
{
	return nh->nexthdr != IPPROTO_TCP && nh->nexthdr != IPPROTO_UDP &&
	       dirs & OVS_ILA_DIRS_IN;
}

static __always_inline int
translate(const struct ovs_ila *ila, struct sk_buff *skb, struct ipv6hdr *nh,
	  u8 dirs, u32 in_port, struct ovs_ila_memo *memo, u32 *happened)
{
	bool quotes = unlikely(may_quote(nh, dirs));
	int err;

	err = translate_destination(ila, skb, nh, dirs, in_port, memo,
				    happened);
	if (quotes && !err && ila &&
	    ovs_ila_table_has_icmp_inner(ila->table))
		err = translate_quoted(ila, skb, in_port, happened);
	return err;
}

int ovs_ila_translate_by_table(const struct ovs_ila *ila, struct sk_buff *skb,
			       u8 dirs, u32 in_port, u32 *happened)
{
	struct ipv6hdr *nh = ovs_ila_packet_header(skb);

	if (IS_ERR(nh))
		return PTR_ERR(nh);
	if (unlikely(!nh)) {
		*happened = OVS_ILA_HAPPENED(OVS_ILA_COUNT_MALFORMED);
		return 0;
	}
	return translate(ila, skb, nh, dirs, in_port, NULL, happened);
}

/* Returns where the IPv6 header is from the start of the data, or -1 if there
 * is none.  What comes without a MAC header begins with it; otherwise there are
 * at most two VLAN tags, one of which may have been taken out of the data.
 */
static int network_offset(const struct sk_buff *skb)
{
	unsigned int offset = offsetof(struct ethhdr, h_proto);
	unsigned int n_tags = skb_vlan_tag_present(skb) ? 1 : 0;

	if (skb->dev->type == ARPHRD_NONE && skb->protocol != htons(ETH_P_TEB))
		return skb->protocol == htons(ETH_P_IPV6) ? 0 : -1;

	for (;;) {
		const __be16 *type;
		__be16 buffer;

		type = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
		if (!type)
			return -1;
		if (*type == htons(ETH_P_IPV6))
			return offset + sizeof(*type);
		if (!eth_type_vlan(*type) || n_tags++ == 2)
			return -1;
		offset += VLAN_HLEN;
	}
}

/* Where nearly all packets have their IPv6 header, and whether this one has. */
static __always_inline struct ipv6hdr *plain_header(const struct sk_buff *skb)
{
	return (struct ipv6hdr *)(skb->data + sizeof(struct ethhdr));
}

static __always_inline bool is_plain(const struct sk_buff *skb)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;
	/* With the version of IP, the four bits that follow. */
	const __be32 *type = (const __be32 *)&eth->h_proto;

	return likely(skb->dev->type != ARPHRD_NONE &&
		      skb_headlen(skb) >= sizeof(*eth) + sizeof(struct ipv6hdr) &&
		      (get_unaligned(type) & htonl(0xfffff000)) ==
		      htonl((u32)ETH_P_IPV6 << 16 | 6 << 12));
}

/* Translates a plain packet that is like the one before it on this processor.
 * Returns false, having done nothing, if it is not.  No function is called on
 * the way: to save registers would take a tenth of it.
 */
static __always_inline bool
ingress_by_memo(const struct ovs_ila_port *port, struct sk_buff *skb)
{
	struct ovs_ila_memo *memo = this_cpu_ptr(port->memo);
	struct ipv6hdr *nh = plain_header(skb);
	u8 dirs = READ_ONCE(port->dirs);

	if (!ovs_ila_memo_applies(memo,
				  ovs_ila_reader_version(port->ila->table),
				  dirs, nh->daddr.s6_addr) ||
	    !ovs_ila_memo_counts(memo) || may_quote(nh, dirs) ||
	    !is_private(skb, nh))
		return false;
	/* Who wants the network header has to extract the key first. */
	memcpy(&nh->daddr, memo->to, sizeof(memo->to));
	ovs_ila_memo_count(memo, skb->len);
	/* Two calls with a constant are less than one without. */
	if (memo->found.bits & SLOT_OUT)
		ovs_ila_count_hit(port->counts, OVS_ILA_COUNT_OUT);
	else
		ovs_ila_count_hit(port->counts, OVS_ILA_COUNT_IN);
	return true;
}

/* Whatever it is. */
static noinline int ingress(const struct ovs_ila_port *port,
			    struct sk_buff *skb)
{
	const struct ovs_ila *ila = port->ila;
	u8 dirs = READ_ONCE(port->dirs);
	u32 happened = 0;
	int offset, err;

	if (is_plain(skb)) {
		skb_set_network_header(skb, sizeof(struct ethhdr));
		err = translate(ila, skb, plain_header(skb), dirs,
				port->port_no, this_cpu_ptr(port->memo),
				&happened);
	} else {
		offset = network_offset(skb);
		if (offset < 0)
			return 0;
		skb_set_network_header(skb, offset);
		err = ovs_ila_translate_by_table(ila, skb, dirs, port->port_no,
						 &happened);
	}
	ovs_ila_count(port->counts, happened);
	return err;
}

int __ovs_ila_ingress(const struct ovs_ila_port *port, struct sk_buff *skb)
{
	if (is_plain(skb) && ingress_by_memo(port, skb))
		return 0;
	return ingress(port, skb);
}
