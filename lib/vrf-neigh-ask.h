/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_NEIGH_ASK_H
#define VRF_NEIGH_ASK_H 1

/* Has Linux look for a neighbour.
 *
 * The devices that packets are routed by are Linux's, with addresses of Linux:
 * it asks by ARP or neighbour discovery, takes the answers and tells us, as it
 * does for its own packets.  What is known it confirms. */

#include <stdint.h>

#include "vrf-addr.h"

/* For the main thread, as changes of devices may keep it waiting. */
void vrf_neigh_ask(enum vrf_family, uint32_t ifindex,
                   const struct vrf_addr *);

#endif /* lib/vrf-neigh-ask.h */
