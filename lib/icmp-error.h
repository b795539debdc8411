/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ICMP_ERROR_H
#define ICMP_ERROR_H 1

/* ICMP and ICMPv6 errors about packets that a router cannot forward: which
 * packets may be answered by one, and what it looks like.
 *
 * Types and codes are those of RFC 792, RFC 1812 section 5.2.7 and RFC 4443
 * section 3; where they leave a choice it is as Linux chooses, so that whoever
 * gets the error cannot tell which of the two forwards.
 *
 * Functions without state, in any thread. */

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

struct dp_packet;

/* Why the packet cannot be forwarded. */
enum icmp_error {               /* Type and code: ICMP | ICMPv6. */
    ICMP_ERROR_TTL,             /* TTL or hop limit is used up: 11,0 | 3,0. */
    ICMP_ERROR_NO_ROUTE,        /* No route matches: 3,0 | 1,0. */
    ICMP_ERROR_UNREACHABLE,     /* Route of type unreachable: 3,1 | 1,0. */
    ICMP_ERROR_PROHIBITED,      /* Route of type prohibit: 3,13 | 1,1. */
    ICMP_ERROR_NEIGHBOUR,       /* The next hop does not answer: 3,1 | 1,3. */
    ICMP_ERROR_TOO_BIG,         /* Larger than the MTU: 3,4 | 2,0. */
    N_ICMP_ERRORS
};

/* Returns the name of 'error', e.g. "too-big". */
const char *icmp_error_name(enum icmp_error);

/* Sets '*error' to the one called 'name'.  Returns false if there is none. */
bool icmp_error_from_name(const char *name, enum icmp_error *error);

/* Returns null if 'packet' may be answered by 'error', otherwise the reason
 * why not, such as "is an ICMP error" (RFC 1122 section 3.2.2, RFC 1812
 * section 4.3.2.7, RFC 4443 section 2.4 (e)).
 *
 * 'packet' is an Ethernet frame of which nothing is taken for granted; its
 * offsets need not be set and are not used.  Whether an address is a broadcast
 * address of a subnet is for the caller to find out. */
const char *icmp_error_bars(const struct dp_packet *packet, enum icmp_error);

/* Returns 'error' about 'packet', of which icmp_error_bars() has nothing to
 * say, for the caller to free: an Ethernet frame without VLAN tags from the
 * receiver of 'packet' to its sender, in IP from 'source', mapped if 'packet'
 * is of IPv4.  'mtu' is in bytes, of the network layer, for
 * ICMP_ERROR_TOO_BIG; otherwise it is not used.
 *
 * It quotes 'packet' as it is, up to 576 bytes of IPv4 or 1280 of IPv6 in all.
 * What Linux quotes is what it received, but for ICMP_ERROR_NEIGHBOUR, where
 * the TTL is that of what it would have sent. */
struct dp_packet *icmp_error_compose(const struct dp_packet *packet,
                                     enum icmp_error, uint32_t mtu,
                                     const struct in6_addr *source);

#endif /* icmp-error.h */
