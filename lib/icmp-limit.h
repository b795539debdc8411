/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ICMP_LIMIT_H
#define ICMP_LIMIT_H 1

/* How many ICMP errors may be sent: RFC 1812 section 4.3.2.8, RFC 4443 section
 * 2.4 (f).
 *
 * The figures are Linux's defaults: 1000 errors a second, 50 at once, and to
 * one receiver 1 a second, 6 at once.  Errors that tell of an MTU are exempt
 * from both, since connections stand still without them; they have a limit of
 * their own, 20,000 a second, that guards the processor.
 *
 * Not thread-safe.  'now' is in milliseconds, of any clock that does not go
 * backwards. */

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "icmp-error.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

/* Receivers that are remembered.  When there are more, that one is forgotten
 * to which nothing has been sent for the longest time. */
#define ICMP_LIMIT_MAX_RECEIVERS 4096

/* Like "struct token_bucket", which does not let its user say what time it
 * is. */
struct icmp_bucket {
    unsigned int tokens;
    long long int filled;       /* When. */
};

/* Of one VRF, so that no tenant silences another one. */
struct icmp_limit {
    struct icmp_bucket all;
    struct icmp_bucket mtu;
    struct hmap receivers;      /* Of "struct receiver". */
    struct ovs_list by_use;     /* The same, last used last. */
    uint64_t sent[N_ICMP_ERRORS];
    uint64_t suppressed[N_ICMP_ERRORS];
};

void icmp_limit_init(struct icmp_limit *, long long int now);
void icmp_limit_destroy(struct icmp_limit *);

/* Returns whether 'error' may be sent to 'receiver', an address of IPv6 or a
 * mapped one of IPv4, at 'now', and counts it as 'sent' or 'suppressed'. */
bool icmp_limit_allows(struct icmp_limit *, enum icmp_error error,
                       const struct in6_addr *receiver, long long int now);

#endif /* icmp-limit.h */
