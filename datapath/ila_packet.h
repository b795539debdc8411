/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_PACKET_H
#define OVS_ILA_PACKET_H 1

/* Identifier-locator addressing: addresses in packets.
 *
 * What ila.h computes is put into a packet here, and everything that depends on
 * the address is brought in line: the transport checksum if the mode says so,
 * what is known about checksums, the connection.  The flow key is the caller's.
 * The packet's hash stays, other than behind Linux's own actions: the packets
 * of a connection belong together whichever way their address is written.
 *
 * The network header of a packet has to be set, its data begin at or before
 * it.  Softirq context or bottom halves disabled.  What happened to a packet is
 * added to a set of enum ovs_ila_count, each as OVS_ILA_HAPPENED(COUNT).
 */

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "ila.h"

#define OVS_ILA_HAPPENED(count) BIT(count)

/* What becomes of the transport checksum that covers an address. */
enum ovs_ila_l4_update {
	OVS_ILA_L4_KEEP,
	OVS_ILA_L4_ADJUST,
	OVS_ILA_L4_REVERSE,	/* With the sign that Linux's ila has. */
};

/* A packet quoted by an ICMPv6 error. */
struct ovs_ila_quote {
	unsigned int icmp;	/* Offsets from the start of the data: of the */
	unsigned int packet;	/* ICMPv6 header, of the quoted IPv6 header, */
	unsigned int end;	/* of the end of what is quoted. */
	struct in6_addr dst;	/* Quoted destination. */
};

/* Returns the IPv6 header of 'skb', whose Ethernet type says that there is one,
 * NULL if there is none nevertheless, or ERR_PTR(-ENOMEM).  Pointers into the
 * packet are not valid any more.
 */
static inline struct ipv6hdr *ovs_ila_packet_header(struct sk_buff *skb)
{
	unsigned int end = skb_network_offset(skb) + sizeof(struct ipv6hdr);

	if (unlikely(skb_headlen(skb) < end)) {
		if (skb->len < end)
			return NULL;
		if (!pskb_may_pull(skb, end))
			return ERR_PTR(-ENOMEM);
	}
	return likely(ipv6_hdr(skb)->version == 6) ? ipv6_hdr(skb) : NULL;
}

/* Replaces the address in 'field' of 'skb', which ovs_ila_packet_header() found
 * a header in, by 'new'.  Returns 0 or a negative errno value; then the packet
 * is as it was.  Pointers into the packet are not valid any more.
 */
int ovs_ila_packet_set(struct sk_buff *skb, u8 field,
		       const struct in6_addr *new,
		       enum ovs_ila_l4_update l4_update, u32 *happened);

/* Returns true if 'skb', which ovs_ila_packet_header() found a header in, is an
 * ICMPv6 error that quotes an IPv6 header, and then sets 'quote'.
 */
bool ovs_ila_packet_quote(const struct sk_buff *skb,
			  struct ovs_ila_quote *quote);

/* Replaces the destination of the quoted packet by 'new', and the checksum of
 * the error accordingly.  A quoted checksum changes, and it is counted, even if
 * the address does not.  Returns as ovs_ila_packet_set().
 */
int ovs_ila_packet_set_quoted(struct sk_buff *skb,
			      const struct ovs_ila_quote *quote,
			      const struct in6_addr *new,
			      enum ovs_ila_l4_update l4_update, u32 *happened);

#endif /* ila_packet.h */
