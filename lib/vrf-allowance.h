/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ALLOWANCE_H
#define VRF_ALLOWANCE_H 1

/* What a thread of the userspace datapath may hand to others, of packets that
 * come to a VRF: what ICMP errors, or controllers, are told about, as in
 * icmp-limit.h, and packets that wait for next hops.  Thus a flood of such
 * packets costs the others no more than that.
 *
 * An allowance belongs to one thread. */

#include <stdbool.h>

#include "icmp-error.h"
#include "openvswitch/token-bucket.h"

/* A token is a thousandth of a packet, as rates are by milliseconds. */
#define VRF_ALLOWANCE_TOKENS 1000

struct vrf_allowance {
    struct token_bucket errors, mtu_errors, neighbours;
};

static inline void
vrf_allowance_init(struct vrf_allowance *a)
{
    const int packet = VRF_ALLOWANCE_TOKENS;

    token_bucket_init(&a->errors, packet, 50 * packet);
    token_bucket_init(&a->mtu_errors, 20 * packet, 1000 * packet);
    token_bucket_init(&a->neighbours, 10 * packet, 1024 * packet);
}

/* May one more packet be told about? */
static inline bool
vrf_allowance_error(struct vrf_allowance *a, enum icmp_error error)
{
    return token_bucket_withdraw(error == ICMP_ERROR_TOO_BIG ? &a->mtu_errors
                                 : &a->errors, VRF_ALLOWANCE_TOKENS);
}

/* May another one take what an error takes, without being about one? */
static inline bool
vrf_allowance_other(struct vrf_allowance *a)
{
    return token_bucket_withdraw(&a->errors, VRF_ALLOWANCE_TOKENS);
}

/* May one more packet wait for its next hop? */
static inline bool
vrf_allowance_neighbour(struct vrf_allowance *a)
{
    return token_bucket_withdraw(&a->neighbours, VRF_ALLOWANCE_TOKENS);
}

#endif /* lib/vrf-allowance.h */
