/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_WAY_ACTION_H
#define VRF_WAY_ACTION_H 1

/* The userspace datapath's action
 *
 *     vrf_way(name=NAME[,id=N]...[,table=N],to=PREFIX[,from=PREFIX]
 *             [,tos=N/MASK][,port=N,mtu=N,eth_src=MAC,eth_dst=MAC])
 *
 * with "struct ovs_action_vrf_way": what vrf() says, the destinations, sources
 * and TOS of the flow's packets, as far as their way depends on that, and the
 * way, unless there is none that an action can have.
 *
 *     vrf_way(name=NAME[,id=N]...,table=N)
 *
 * is vrf() by a table instead of rules. */

#include "openvswitch/types.h"
#include "vrf-addr.h"

struct odp_extension_class;

/* Addresses as the action has them. */
struct vrf_addr vrf_way_get_addr(const ovs_be32 words[4], enum vrf_family);
void vrf_way_put_addr(ovs_be32 words[4], enum vrf_family,
                      const struct vrf_addr *);

extern const struct odp_extension_class odp_vrf_way_class;

#endif /* lib/vrf-way-action.h */
