/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_QUOTE_H
#define VRF_QUOTE_H 1

/* What a router says about a packet of a tunnel that was too big for it: an
 * ICMP error of type 3, code 4, or an ICMPv6 error of type 2, that quotes the
 * beginning of the packet.
 *
 * Reads what anybody may have sent; a function without state. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct dp_packet;

struct vrf_quote {
    struct in6_addr receiver;   /* Of the error. */
    uint32_t mtu;               /* As it says, 0 if it does not. */
    struct in6_addr src, dst;   /* Of the quoted packet... */
    uint32_t len;               /* ...with its IP header, as that says. */
    uint8_t proto;              /* IPPROTO_UDP or IPPROTO_GRE. */
    uint16_t sport, dport;      /* Of UDP. */

    /* What follows, as the three types of tunnels that use UDP, or GRE, put
     * their keys there. */
    uint32_t key;               /* VNI of VXLAN or GENEVE, TEID of GTP-U, key
                                 * of GRE. */
    uint32_t vni;               /* The first 24 bits of it. */
    bool has_key;               /* As far as the quote goes, and GRE has one
                                 * only if it says so. */
};

/* Returns null and fills in '*quote', or says what the packet is not.
 * 'packet' is an Ethernet frame, perhaps with VLAN tags, whose l3 offset is
 * set; a checksum that is wrong is not found. */
const char *vrf_quote_parse(const struct dp_packet *packet,
                            struct vrf_quote *quote);

/* The MTU to assume of an old router that does not say it, for a packet of
 * 'len' bytes: the next lower one that links have (RFC 1191 section 7.1). */
uint32_t vrf_quote_plateau(uint32_t len);

#endif /* vrf-quote.h */
