// SPDX-License-Identifier: GPL-2.0-only

/* Keys of upcalls.  Most packets are TCP, UDP or the like over IP, without tag
 * or tunnel.  Their keys have the same attributes, which need not be put one by
 * one into a message that may be too short.
 */

#include <linux/etherdevice.h>
#include <linux/in.h>
#include <linux/openvswitch.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "flow.h"
#include "flow_netlink.h"
#include "ring.h"

/* Bytes that any key has room in that put_common() writes. */
#define COMMON_MAX 320

static bool is_common(const struct sw_flow_key *key)
{
	return !key->tun_proto && !key->ct_orig_proto &&
	       key->phy.in_port != DP_MAX_PORTS &&
	       ovs_key_mac_proto(key) == MAC_PROTO_ETHERNET &&
	       !key->eth.vlan.tci &&
	       (key->eth.type == htons(ETH_P_IP) ||
		key->eth.type == htons(ETH_P_IPV6)) &&
	       (key->ip.frag == OVS_FRAG_TYPE_LATER ||
		key->ip.proto == IPPROTO_TCP || key->ip.proto == IPPROTO_UDP);
}

/* Writes an attribute's header at '*to', which moves behind its 'len' bytes,
 * and returns where they begin.
 */
static void *put(u8 **to, u16 type, u16 len)
{
	struct nlattr *nla = (struct nlattr *)*to;

	nla->nla_type = type;
	nla->nla_len = nla_attr_size(len);
	if (nla_padlen(len))
		memset((u8 *)nla + nla->nla_len, 0, nla_padlen(len));
	*to += nla_total_size(len);
	return nla + 1;
}

static void put_u32(u8 **to, u16 type, u32 value)
{
	*(u32 *)put(to, type, sizeof(value)) = value;
}

static void put_u16(u8 **to, u16 type, u16 value)
{
	*(u16 *)put(to, type, sizeof(value)) = value;
}

static void put_metadata(u8 **to, const struct sw_flow_key *key)
{
	put_u32(to, OVS_KEY_ATTR_RECIRC_ID, key->recirc_id);
	put_u32(to, OVS_KEY_ATTR_DP_HASH, key->ovs_flow_hash);
	put_u32(to, OVS_KEY_ATTR_PRIORITY, key->phy.priority);
	put_u32(to, OVS_KEY_ATTR_IN_PORT, key->phy.in_port);
	put_u32(to, OVS_KEY_ATTR_SKB_MARK, key->phy.skb_mark);
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK))
		return;
	put_u32(to, OVS_KEY_ATTR_CT_STATE, key->ct_state);
	if (IS_ENABLED(CONFIG_NF_CONNTRACK_ZONES))
		put_u16(to, OVS_KEY_ATTR_CT_ZONE, key->ct_zone);
	if (IS_ENABLED(CONFIG_NF_CONNTRACK_MARK))
		put_u32(to, OVS_KEY_ATTR_CT_MARK, key->ct.mark);
	if (IS_ENABLED(CONFIG_NF_CONNTRACK_LABELS))
		memcpy(put(to, OVS_KEY_ATTR_CT_LABELS, sizeof(key->ct.labels)),
		       &key->ct.labels, sizeof(key->ct.labels));
}

static void put_ip(u8 **to, const struct sw_flow_key *key)
{
	if (key->eth.type == htons(ETH_P_IP)) {
		struct ovs_key_ipv4 *ipv4;

		ipv4 = put(to, OVS_KEY_ATTR_IPV4, sizeof(*ipv4));
		ipv4->ipv4_src = key->ipv4.addr.src;
		ipv4->ipv4_dst = key->ipv4.addr.dst;
		ipv4->ipv4_proto = key->ip.proto;
		ipv4->ipv4_tos = key->ip.tos;
		ipv4->ipv4_ttl = key->ip.ttl;
		ipv4->ipv4_frag = key->ip.frag;
	} else {
		struct ovs_key_ipv6_exthdrs *exthdrs;
		struct ovs_key_ipv6 *ipv6;

		ipv6 = put(to, OVS_KEY_ATTR_IPV6, sizeof(*ipv6));
		memcpy(ipv6->ipv6_src, &key->ipv6.addr.src,
		       sizeof(ipv6->ipv6_src));
		memcpy(ipv6->ipv6_dst, &key->ipv6.addr.dst,
		       sizeof(ipv6->ipv6_dst));
		ipv6->ipv6_label = key->ipv6.label;
		ipv6->ipv6_proto = key->ip.proto;
		ipv6->ipv6_tclass = key->ip.tos;
		ipv6->ipv6_hlimit = key->ip.ttl;
		ipv6->ipv6_frag = key->ip.frag;
		exthdrs = put(to, OVS_KEY_ATTR_IPV6_EXTHDRS, sizeof(*exthdrs));
		exthdrs->hdrs = key->ipv6.exthdrs;
	}
}

static void put_ports(u8 **to, const struct sw_flow_key *key)
{
	if (key->ip.proto == IPPROTO_TCP) {
		struct ovs_key_tcp *tcp;

		tcp = put(to, OVS_KEY_ATTR_TCP, sizeof(*tcp));
		tcp->tcp_src = key->tp.src;
		tcp->tcp_dst = key->tp.dst;
		put_u16(to, OVS_KEY_ATTR_TCP_FLAGS,
			(__force u16)key->tp.flags);
	} else {
		struct ovs_key_udp *udp;

		udp = put(to, OVS_KEY_ATTR_UDP, sizeof(*udp));
		udp->udp_src = key->tp.src;
		udp->udp_dst = key->tp.dst;
	}
}

static void put_common(struct sk_buff *msg, const struct sw_flow_key *key)
{
	u8 *start = skb_tail_pointer(msg);
	struct ovs_key_ethernet *eth;
	u8 *to = start;

	put(&to, OVS_PACKET_ATTR_KEY, 0);
	put_metadata(&to, key);
	eth = put(&to, OVS_KEY_ATTR_ETHERNET, sizeof(*eth));
	ether_addr_copy(eth->eth_src, key->eth.src);
	ether_addr_copy(eth->eth_dst, key->eth.dst);
	put_u16(&to, OVS_KEY_ATTR_ETHERTYPE, (__force u16)key->eth.type);
	put_ip(&to, key);
	if (key->ip.frag != OVS_FRAG_TYPE_LATER)
		put_ports(&to, key);

	((struct nlattr *)start)->nla_len = to - start;
	skb_put(msg, to - start);
}

int ovs_ring_put_key(struct sk_buff *msg, const struct sw_flow_key *key)
{
	if (!is_common(key) || skb_tailroom(msg) < COMMON_MAX)
		return ovs_nla_put_key(key, key, OVS_PACKET_ATTR_KEY, false,
				       msg);
	put_common(msg, key);
	return 0;
}
