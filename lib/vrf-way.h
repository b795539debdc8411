/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_WAY_H
#define VRF_WAY_H 1

/* The way that an action of a flow has, "struct ovs_action_vrf_way": what of
 * it there is to compare, and what it does to packets.
 *
 * Functions without state, in any thread. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/extension-abi.h"
#include "vrf-path.h"

struct dp_packet_batch;
struct dp_netdev_extension_group;
struct vrf_packet;

/* Fills in all of 'way' but what is to be done, 'way->vrf' and 'way->table',
 * for packets like 'p' whose way is 'w'. */
void vrf_way_fill_in(struct ovs_action_vrf_way *way,
                     const struct vrf_packet *p, const struct vrf_path_way *w);

/* Fills in the same without any packets: 'way->table' says all there is to
 * say. */
void vrf_way_set_unknown(struct ovs_action_vrf_way *);

/* Fills in the addresses, the TOS and the family of 'p'. */
void vrf_way_packet(const struct ovs_action_vrf_way *way,
                    struct vrf_packet *p);

/* Is 'way' right if 'w' is what there is? */
enum vrf_way_state vrf_way_compare(const struct ovs_action_vrf_way *way,
                                   const struct vrf_path_way *w);

/* Has packets go 'way', which is good: moves those of 'packets' to 'group',
 * which is empty, for which there is no more to do than to change them.  The
 * others stay as they are, among them all that become anything else, those
 * whose mark is not 'mark', and those that are of no group. */
void vrf_way_take(const struct ovs_action_vrf_way *way, uint32_t mark,
                  struct dp_packet_batch *packets,
                  struct dp_netdev_extension_group *group);

#endif /* lib/vrf-way.h */
