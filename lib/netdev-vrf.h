/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_VRF_H
#define NETDEV_VRF_H 1

/* The action vrf() in the userspace datapath.
 *
 * The thread that receives a packet routes it (vrf-path.h), changes it and has
 * it go on as received from the device's port, as though the host had sent it
 * there.  One megaflow will do for any number of routes.
 *
 * What takes longer is an exception, which the main thread gets by a bounded
 * queue: packets that an ICMP error has to be sent about, and those that wait
 * for the address of the next hop (vrf-neigh-queue.h), which Linux is asked
 * for.  How many errors there may be is limited in the thread that receives,
 * before that costs anything, and again for each VRF and receiver in the main
 * thread (vrf-limit.h).
 *
 * Flows with a way
 * ================
 *
 * The action vrf_way() is vrf() for packets that have one way, which was found
 * when the flow was translated (vrf-mode.h says whether flows are).  A thread
 * takes it if the way is what it would find itself, of which it assures itself
 * whenever anything changed: nothing depends on when flows are revalidated.
 * Otherwise, and for packets for which there is more to do than to change
 * addresses and TTL, the action does what vrf() does.  It may name a routing
 * table that is looked at instead of rules, for which vrf() has no room. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct dp_netdev_extension;
struct dpif;
struct ovs_action_vrf_way;
struct vrf_packet;

extern const struct dp_netdev_extension netdev_vrf_extension;

/* Fills in 'way', but for 'way->vrf' and 'way->table', which it has, for
 * packets of 'in_port' with 'mark' that have what 'p' has of addresses and
 * TOS, in 'dpif', a userspace datapath.  Sets '*mark_mask' to the bits of the
 * mark that it depends on.  Returns false if nothing is known yet about ports
 * or the VRF.  For any thread. */
bool netdev_vrf_find_way(const struct dpif *dpif, odp_port_t in_port,
                         uint32_t mark, const struct vrf_packet *p,
                         struct ovs_action_vrf_way *way, uint32_t *mark_mask);

#endif /* lib/netdev-vrf.h */
