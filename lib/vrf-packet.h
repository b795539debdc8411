/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PACKET_H
#define VRF_PACKET_H 1

/* A packet as a router looks at it: what its IP header says, what is wrong
 * with it, and what is changed when it is passed on.
 *
 * Functions without state, in any thread. */

#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdint.h>

#include "dp-packet.h"
#include "vrf-addr.h"

/* What a header says, in host byte order. */
struct vrf_packet {
    enum vrf_family family;
    struct vrf_addr src, dst;
    uint32_t len;               /* Bytes from the IP header on. */
    uint8_t header_len;         /* Of IPv4, with options; 40 for IPv6. */
    uint8_t tos, ttl, proto;    /* 'proto' is the next header of IPv6. */
    bool may_fragment;          /* IPv4 without DF. */
    bool fragment;              /* Of IPv4, a part of a packet... */
    bool later_fragment;        /* ...and not the first one. */
};

enum vrf_packet_fault {
    VRF_PACKET_GOOD,
    VRF_PACKET_NOT_IP,          /* Neither IPv4 nor IPv6, or with a tag. */
    VRF_PACKET_BAD_HEADER,      /* Version, length or checksum. */
    VRF_PACKET_BAD_SRC,         /* No host has this source. */
    VRF_PACKET_NOT_ROUTABLE,    /* The destination is not one host's. */
    VRF_PACKET_LINK_SCOPE,      /* Of IPv6: source or destination are for one
                                 * link only; no other fault. */
};

/* Fills in '*p' from 'packet', an Ethernet frame of which nothing is taken for
 * granted, and sets where its headers are in 'packet'.  What trails behind the
 * IP packet is cut off.  If the result is VRF_PACKET_NOT_IP or
 * VRF_PACKET_BAD_HEADER then '*p' is not filled in. */
enum vrf_packet_fault vrf_packet_parse(struct dp_packet *packet,
                                       struct vrf_packet *p);

/* Has it options of IPv4? */
static inline bool
vrf_packet_has_options(const struct vrf_packet *p)
{
    return p->family == VRF_IPV4 && p->header_len > IP_HEADER_LEN;
}

/* Sets the Ethernet addresses. */
static inline void
vrf_packet_set_macs(struct dp_packet *packet, struct eth_addr src,
                    struct eth_addr dst)
{
    struct eth_header *eth = dp_packet_data(packet);

    eth->eth_src = src;
    eth->eth_dst = dst;
}

/* Takes one off TTL or hop limit, which must not be 0. */
static inline void
vrf_packet_dec_ttl(struct dp_packet *packet, const struct vrf_packet *p)
{
    if (p->family == VRF_IPV4) {
        struct ip_header *nh = dp_packet_l3(packet);
        uint32_t sum = ntohs(nh->ip_csum) + 0x100;

        /* TTL is the upper half of a word of the sum. */
        nh->ip_ttl--;
        nh->ip_csum = htons(sum + (sum >> 16));
    } else {
        struct ovs_16aligned_ip6_hdr *nh = dp_packet_l3(packet);

        nh->ip6_hlim--;
    }
}

/* If it is a TCP packet with SYN whose MSS option has more than an MTU of
 * 'mtu' bytes has room for, lowers that.  Returns whether it did. */
bool vrf_packet_clamp_mss(struct dp_packet *packet, const struct vrf_packet *p,
                          uint32_t mtu);

/* Calls 'cb' with each of the fragments that IPv4 packet 'packet' becomes,
 * none larger than 'mtu' bytes from the IP header on.  They are new packets,
 * the callee's, with the Ethernet header and the metadata of 'packet', which
 * stays as it is.  Returns how many, 0 if 'mtu' is too small for any, 'packet'
 * has less data than it says, or is itself a fragment that ends where no
 * packet does. */
size_t vrf_packet_fragment(const struct dp_packet *packet,
                           const struct vrf_packet *p, uint32_t mtu,
                           void (*cb)(struct dp_packet *, void *aux),
                           void *aux);

/* What packets of a flow of addresses have in common, to choose one of several
 * ways by. */
static inline uint32_t
vrf_packet_hash(const struct vrf_packet *p)
{
    uint64_t x = (p->src.hi ^ p->src.lo) * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 29) ^ p->dst.hi ^ p->dst.lo)
        * UINT64_C(0xbf58476d1ce4e5b9);
    return x >> 32;
}

#endif /* lib/vrf-packet.h */
