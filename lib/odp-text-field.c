/* SPDX-License-Identifier: Apache-2.0 */

/* Attributes of fixed length: of keys, and of actions that set them. */

#include <config.h>
#include "odp-text-private.h"

#include "odp-util.h"
#include "openvswitch/packets.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

const uint32_t odp_text_ones[16] = {
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
};
const uint32_t odp_text_zeros[16];

/* Names of bits, from the least significant one. */
struct bit_names {
    size_t n;
    struct bit_name {
        uint8_t n;
        char name[6];
    } bits[12];
};

#define BIT(S) { sizeof (S) - 1, S }

static const struct bit_names ct_state_bits = {
    8, { BIT("new"), BIT("est"), BIT("rel"), BIT("rpl"), BIT("inv"),
         BIT("trk"), BIT("snat"), BIT("dnat") },
};
BUILD_ASSERT_DECL(OVS_CS_F_NEW == 1 << 0 && OVS_CS_F_ESTABLISHED == 1 << 1
                  && OVS_CS_F_RELATED == 1 << 2 && OVS_CS_F_REPLY_DIR == 1 << 3
                  && OVS_CS_F_INVALID == 1 << 4 && OVS_CS_F_TRACKED == 1 << 5
                  && OVS_CS_F_SRC_NAT == 1 << 6
                  && OVS_CS_F_DST_NAT == 1 << 7);

static const struct bit_names tcp_flag_bits = {
    12, { BIT("fin"), BIT("syn"), BIT("rst"), BIT("psh"), BIT("ack"),
          BIT("urg"), BIT("ece"), BIT("cwr"), BIT("ns"), BIT("[200]"),
          BIT("[400]"), BIT("[800]") },
};
BUILD_ASSERT_DECL(TCP_FIN == 1 << 0 && TCP_SYN == 1 << 1 && TCP_RST == 1 << 2
                  && TCP_PSH == 1 << 3 && TCP_ACK == 1 << 4
                  && TCP_URG == 1 << 5 && TCP_ECE == 1 << 6
                  && TCP_CWR == 1 << 7 && TCP_NS == 1 << 8);

/* The bits of 'flags' that are set, those without a name as one number. */
static char *
put_flags(char *p, const struct bit_names *names, uint32_t flags)
{
    uint32_t unnamed = flags >> names->n << names->n;

    if (!flags) {
        *p++ = '0';
        return p;
    }
    for (flags &= ~unnamed; flags; flags = zero_rightmost_1bit(flags)) {
        const struct bit_name *bit = &names->bits[raw_ctz(flags)];

        p = text_put(p, bit->name, bit->n);
        *p++ = '|';
    }
    if (unnamed) {
        return text_0x(p, unnamed);
    }
    return p - 1;
}

/* The bits of 'mask', each with a sign. */
static char *
put_masked_flags(char *p, const struct bit_names *names, uint32_t flags,
                 uint32_t mask)
{
    if (!mask) {
        return text_lit(p, "0/0");
    }
    for (; mask; mask = zero_rightmost_1bit(mask)) {
        int i = raw_ctz(mask);

        *p++ = flags & UINT32_C(1) << i ? '+' : '-';
        if (i < names->n) {
            p = text_put(p, names->bits[i].name, names->bits[i].n);
        } else {
            p = text_lit(p, "[Unknown]");
        }
    }
    return p;
}

static char *
put_mask_unless_exact(char *p, uint32_t mask)
{
    if (mask != UINT32_MAX) {
        *p++ = '/';
        p = text_alt_hex(p, mask);
    }
    return p;
}

static char *
put_u32x(char *p, uint32_t key, uint32_t mask)
{
    return put_mask_unless_exact(text_alt_hex(p, key), mask);
}

static char *
put_in_port(char *p, uint32_t port, uint32_t mask)
{
    return put_mask_unless_exact(text_u32(p, port), mask);
}

static char *
put_ct_state(char *p, uint32_t key, uint32_t mask, bool verbose)
{
    if (verbose) {
        return put_u32x(p, key, mask);
    } else if (mask == UINT32_MAX) {
        return put_flags(p, &ct_state_bits, key);
    } else {
        return put_masked_flags(p, &ct_state_bits, key, mask);
    }
}

static char *
put_tcp_flags(char *p, uint16_t key, uint16_t mask)
{
    mask &= TCP_FLAGS(OVS_BE16_MAX);
    if (mask == TCP_FLAGS(OVS_BE16_MAX)) {
        return put_flags(p, &tcp_flag_bits, key);
    } else {
        return put_masked_flags(p, &tcp_flag_bits, key, mask);
    }
}

static char *
put_packet_type(char *p, ovs_be32 key, ovs_be32 mask, bool verbose)
{
    p = put_be16(p, NAME("ns"), htons(pt_ns(key)), htons(pt_ns(mask)),
                 verbose);
    p = put_be16x(p, NAME("id"), pt_ns_type_be(key), pt_ns_type_be(mask),
                  verbose);
    return chomp_comma(p);
}

static char *
put_eth_type(char *p, ovs_be16 key, ovs_be16 mask)
{
    p = text_hex_quad(text_lit(p, "0x"), ntohs(key));
    if (mask != OVS_BE16_MAX) {
        p = text_hex_quad(text_lit(p, "/0x"), ntohs(mask));
    }
    return p;
}

char *
odp_text_put_vlan_tci(char *p, ovs_be16 tci, ovs_be16 mask, bool verbose)
{
    uint16_t vid_mask = vlan_tci_to_vid(mask);
    uint16_t vid = vlan_tci_to_vid(tci);
    int pcp_mask = vlan_tci_to_pcp(mask);
    int pcp = vlan_tci_to_pcp(tci);
    char *start = p;

    if (verbose || vid || vid_mask) {
        p = text_u32(text_lit(p, "vid="), vid);
        if (vid_mask != VLAN_VID_MASK) {
            p = text_hex(text_lit(p, "/0x"), vid_mask);
        }
        *p++ = ',';
    }
    if (verbose || pcp || pcp_mask) {
        p = text_u8(text_lit(p, "pcp="), pcp);
        if (pcp_mask != VLAN_PCP_MASK >> VLAN_PCP_SHIFT) {
            p = text_hex(text_lit(p, "/0x"), pcp_mask);
        }
        *p++ = ',';
    }
    if (!(tci & htons(VLAN_CFI))) {
        p = text_lit(p, "cfi=0,");
    }
    return p > start ? p - 1 : p;
}

static ovs_be128
be128_at(const void *p)
{
    ovs_u128 value;

    memcpy(&value, p, sizeof value);
    return hton128(value);
}

char *
odp_text_put_u128(char *p, const void *key, const void *mask, bool verbose)
{
    if (verbose || (mask && !is_all_zeros(mask, sizeof(ovs_u128)))) {
        ovs_be128 value = be128_at(key);

        p = text_big_hex(p, &value, sizeof value);
        if (mask && !is_all_ones(mask, sizeof(ovs_u128))) {
            value = be128_at(mask);
            *p++ = '/';
            p = text_big_hex(p, &value, sizeof value);
        }
    }
    return p;
}

/* There is frag=no|first|later, which is matched in full or not at all. */
static char *
put_frag(char *p, uint8_t key, uint8_t mask)
{
    if (mask == UINT8_MAX) {
        switch (key) {
        case OVS_FRAG_TYPE_NONE:
            return text_lit(p, "frag=no,");
        case OVS_FRAG_TYPE_FIRST:
            return text_lit(p, "frag=first,");
        case OVS_FRAG_TYPE_LATER:
            return text_lit(p, "frag=later,");
        default:
            return text_lit(p, "frag=<error>,");
        }
    } else if (mask) {
        p = text_lit(p, "error: partial mask not supported for frag (");
        return text_lit(text_alt_hex(p, mask), "),");
    }
    return p;
}

static char *
put_ports(char *p, const struct ovs_key_tcp *key,
          const struct ovs_key_tcp *mask, bool verbose)
{
    p = put_be16(p, NAME("src"), key->tcp_src, mask->tcp_src, verbose);
    p = put_be16(p, NAME("dst"), key->tcp_dst, mask->tcp_dst, verbose);
    return chomp_comma(p);
}

static char *
put_icmp(char *p, const struct ovs_key_icmp *key,
         const struct ovs_key_icmp *mask, bool verbose)
{
    p = put_u8(p, NAME("type"), key->icmp_type, mask->icmp_type, verbose);
    p = put_u8(p, NAME("code"), key->icmp_code, mask->icmp_code, verbose);
    return chomp_comma(p);
}
BUILD_ASSERT_DECL(sizeof(struct ovs_key_icmp)
                  == sizeof(struct ovs_key_icmpv6));

static char *
put_ethernet(char *p, const struct ovs_key_ethernet *key,
             const struct ovs_key_ethernet *mask, bool verbose)
{
    p = put_eth(p, NAME("src"), &key->eth_src, &mask->eth_src, verbose);
    p = put_eth(p, NAME("dst"), &key->eth_dst, &mask->eth_dst, verbose);
    return chomp_comma(p);
}

static char *
put_ip(char *p, const struct ovs_key_ipv4 *key,
       const struct ovs_key_ipv4 *mask, bool verbose)
{
    p = put_ipv4(p, NAME("src"), key->ipv4_src, mask->ipv4_src, verbose);
    p = put_ipv4(p, NAME("dst"), key->ipv4_dst, mask->ipv4_dst, verbose);
    p = put_u8(p, NAME("proto"), key->ipv4_proto, mask->ipv4_proto, verbose);
    p = put_u8x(p, NAME("tos"), key->ipv4_tos, mask->ipv4_tos, verbose);
    p = put_u8(p, NAME("ttl"), key->ipv4_ttl, mask->ipv4_ttl, verbose);
    p = put_frag(p, key->ipv4_frag, mask->ipv4_frag);
    return chomp_comma(p);
}

/* All bits of it are shown, those that are no label included. */
static char *
put_label(char *p, uint32_t key, uint32_t mask, bool verbose)
{
    if (verbose || mask) {
        p = text_alt_hex(text_lit(p, "label="), key);
        if ((mask & IPV6_LABEL_MASK) != IPV6_LABEL_MASK) {
            *p++ = '/';
            p = text_alt_hex(p, mask);
        }
        *p++ = ',';
    }
    return p;
}

static char *
put_ip6(char *p, const struct ovs_key_ipv6 *key,
        const struct ovs_key_ipv6 *mask, bool verbose)
{
    p = put_ipv6(p, NAME("src"), &key->ipv6_src, &mask->ipv6_src, verbose);
    p = put_ipv6(p, NAME("dst"), &key->ipv6_dst, &mask->ipv6_dst, verbose);
    p = put_label(p, ntohl(key->ipv6_label), ntohl(mask->ipv6_label),
                  verbose);
    p = put_u8(p, NAME("proto"), key->ipv6_proto, mask->ipv6_proto, verbose);
    p = put_u8x(p, NAME("tclass"), key->ipv6_tclass, mask->ipv6_tclass,
                verbose);
    p = put_u8(p, NAME("hlimit"), key->ipv6_hlimit, mask->ipv6_hlimit,
               verbose);
    p = put_frag(p, key->ipv6_frag, mask->ipv6_frag);
    return chomp_comma(p);
}

static char *
put_arp(char *p, const struct ovs_key_arp *key,
        const struct ovs_key_arp *mask, bool verbose)
{
    p = put_ipv4(p, NAME("sip"), key->arp_sip, mask->arp_sip, verbose);
    p = put_ipv4(p, NAME("tip"), key->arp_tip, mask->arp_tip, verbose);
    p = put_be16(p, NAME("op"), key->arp_op, mask->arp_op, verbose);
    p = put_eth(p, NAME("sha"), &key->arp_sha, &mask->arp_sha, verbose);
    p = put_eth(p, NAME("tha"), &key->arp_tha, &mask->arp_tha, verbose);
    return chomp_comma(p);
}

static char *
put_nd(char *p, const struct ovs_key_nd *key, const struct ovs_key_nd *mask,
       bool verbose)
{
    p = put_ipv6(p, NAME("target"), &key->nd_target, &mask->nd_target,
                 verbose);
    p = put_eth(p, NAME("sll"), &key->nd_sll, &mask->nd_sll, verbose);
    p = put_eth(p, NAME("tll"), &key->nd_tll, &mask->nd_tll, verbose);
    return chomp_comma(p);
}

static char *
put_tuple4(char *p, const struct ovs_key_ct_tuple_ipv4 *key,
           const struct ovs_key_ct_tuple_ipv4 *mask, bool verbose)
{
    p = put_ipv4(p, NAME("src"), key->ipv4_src, mask->ipv4_src, verbose);
    p = put_ipv4(p, NAME("dst"), key->ipv4_dst, mask->ipv4_dst, verbose);
    p = put_u8(p, NAME("proto"), key->ipv4_proto, mask->ipv4_proto, verbose);
    p = put_be16(p, NAME("tp_src"), key->src_port, mask->src_port, verbose);
    p = put_be16(p, NAME("tp_dst"), key->dst_port, mask->dst_port, verbose);
    return chomp_comma(p);
}

static char *
put_tuple6(char *p, const struct ovs_key_ct_tuple_ipv6 *key,
           const struct ovs_key_ct_tuple_ipv6 *mask, bool verbose)
{
    p = put_ipv6(p, NAME("src"), &key->ipv6_src, &mask->ipv6_src, verbose);
    p = put_ipv6(p, NAME("dst"), &key->ipv6_dst, &mask->ipv6_dst, verbose);
    p = put_u8(p, NAME("proto"), key->ipv6_proto, mask->ipv6_proto, verbose);
    p = put_be16(p, NAME("src_port"), key->src_port, mask->src_port, verbose);
    p = put_be16(p, NAME("dst_port"), key->dst_port, mask->dst_port, verbose);
    return chomp_comma(p);
}

static inline uint32_t
u32_at(const void *p)
{
    return *(const uint32_t *) p;
}

static inline ovs_be32
be32_at(const void *p)
{
    return *(const ovs_be32 *) p;
}

static inline ovs_be16
be16_at(const void *p)
{
    return *(const ovs_be16 *) p;
}

/* Without a mask upstream shows a ct_mark and a ct_zone only if 'verbose', as
 * if there were one of zeros. */
static inline bool
is_shown(uint32_t mask, bool masked, bool verbose)
{
    return verbose || (masked && mask);
}

static char *
put_field(char *p, enum ovs_key_attr type, const void *key, const void *mask,
          bool masked, bool verbose)
{
    switch (type) {
    case OVS_KEY_ATTR_PRIORITY:
        return put_u32x(text_lit(p, "skb_priority("),
                        u32_at(key), u32_at(mask));
    case OVS_KEY_ATTR_SKB_MARK:
        return put_u32x(text_lit(p, "skb_mark("), u32_at(key), u32_at(mask));
    case OVS_KEY_ATTR_DP_HASH:
        return put_u32x(text_lit(p, "dp_hash("), u32_at(key), u32_at(mask));
    case OVS_KEY_ATTR_RECIRC_ID:
        return put_u32x(text_lit(p, "recirc_id("), u32_at(key), u32_at(mask));
    case OVS_KEY_ATTR_CT_MARK:
        p = text_lit(p, "ct_mark(");
        if (is_shown(u32_at(mask), masked, verbose)) {
            p = put_u32x(p, u32_at(key), u32_at(mask));
        }
        return p;
    case OVS_KEY_ATTR_CT_ZONE:
        p = text_lit(p, "ct_zone(");
        if (is_shown(*(const uint16_t *) mask, masked, verbose)) {
            p = text_alt_hex(p, *(const uint16_t *) key);
            if (*(const uint16_t *) mask != UINT16_MAX) {
                *p++ = '/';
                p = text_alt_hex(p, *(const uint16_t *) mask);
            }
        }
        return p;
    case OVS_KEY_ATTR_CT_STATE:
        return put_ct_state(text_lit(p, "ct_state("), u32_at(key),
                            u32_at(mask), verbose);
    case OVS_KEY_ATTR_CT_LABELS:
        return odp_text_put_u128(text_lit(p, "ct_label("), key,
                                 masked ? mask : NULL, verbose);
    case OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4:
        return put_tuple4(text_lit(p, "ct_tuple4("), key, mask, verbose);
    case OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6:
        return put_tuple6(text_lit(p, "ct_tuple6("), key, mask, verbose);
    case OVS_KEY_ATTR_IN_PORT:
        return put_in_port(text_lit(p, "in_port("), u32_at(key),
                           u32_at(mask));
    case OVS_KEY_ATTR_PACKET_TYPE:
        return put_packet_type(text_lit(p, "packet_type("), be32_at(key),
                               be32_at(mask), verbose);
    case OVS_KEY_ATTR_ETHERNET:
        return put_ethernet(text_lit(p, "eth("), key, mask, verbose);
    case OVS_KEY_ATTR_VLAN:
        return odp_text_put_vlan_tci(text_lit(p, "vlan("), be16_at(key),
                                     be16_at(mask), verbose);
    case OVS_KEY_ATTR_ETHERTYPE:
        return put_eth_type(text_lit(p, "eth_type("), be16_at(key),
                            be16_at(mask));
    case OVS_KEY_ATTR_IPV4:
        return put_ip(text_lit(p, "ipv4("), key, mask, verbose);
    case OVS_KEY_ATTR_IPV6:
        return put_ip6(text_lit(p, "ipv6("), key, mask, verbose);
    case OVS_KEY_ATTR_TCP:
        return put_ports(text_lit(p, "tcp("), key, mask, verbose);
    case OVS_KEY_ATTR_UDP:
        return put_ports(text_lit(p, "udp("), key, mask, verbose);
    case OVS_KEY_ATTR_SCTP:
        return put_ports(text_lit(p, "sctp("), key, mask, verbose);
    case OVS_KEY_ATTR_TCP_FLAGS:
        return put_tcp_flags(text_lit(p, "tcp_flags("), ntohs(be16_at(key)),
                             ntohs(be16_at(mask)));
    case OVS_KEY_ATTR_ICMP:
        return put_icmp(text_lit(p, "icmp("), key, mask, verbose);
    case OVS_KEY_ATTR_ICMPV6:
        return put_icmp(text_lit(p, "icmpv6("), key, mask, verbose);
    case OVS_KEY_ATTR_ARP:
        return put_arp(text_lit(p, "arp("), key, mask, verbose);
    case OVS_KEY_ATTR_ND:
        return put_nd(text_lit(p, "nd("), key, mask, verbose);

    case OVS_KEY_ATTR_UNSPEC:
    case OVS_KEY_ATTR_ENCAP:
    case OVS_KEY_ATTR_TUNNEL:
    case OVS_KEY_ATTR_MPLS:
    case OVS_KEY_ATTR_NSH:
    case OVS_KEY_ATTR_ND_EXTENSIONS:
    case OVS_KEY_ATTR_TUNNEL_INFO:
    case __OVS_KEY_ATTR_MAX:
    default:
        return NULL;
    }
}

bool
odp_text_field(struct ds *ds, uint16_t type, size_t size, const void *key,
               const void *mask, bool masked, const struct hmap *ports,
               bool verbose)
{
    char *p;

    if (type > OVS_KEY_ATTR_MAX || ovs_flow_key_attr_lens[type].len != size) {
        return false;
    }
    if (type == OVS_KEY_ATTR_IN_PORT && ports && u32_at(mask) == UINT32_MAX) {
        odp_text_lit(ds, "in_port(");
        odp_portno_name_format(ports, u32_to_odp(u32_at(key)), ds);
        odp_text_lit(ds, ")");
        return true;
    }
    p = put_field(text_begin(ds, ODP_TEXT_FIXED_MAX), type, key, mask, masked,
                  verbose);
    if (!p) {
        return false;
    }
    *p++ = ')';
    text_end(ds, p);
    return true;
}
