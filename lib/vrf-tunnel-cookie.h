/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_TUNNEL_COOKIE_H
#define VRF_TUNNEL_COOKIE_H 1

/* What comes back with a packet that is too big for a tunnel in a VRF, for
 * ofproto/tunnel-vrf.h: a part of "struct user_action_cookie", of type
 * USER_ACTION_COOKIE_TOO_BIG. */

#include <netinet/in.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct vrf_tunnel_cookie {
    uint16_t vrf;               /* Id of the tunnel's VRF. */
    uint16_t limit;             /* What is larger is too big. */
    ovs_be32 key;               /* Of the tunnel. */
    struct in6_addr remote;
};

#endif /* vrf-tunnel-cookie.h */
