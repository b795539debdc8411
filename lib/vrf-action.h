/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ACTION_H
#define VRF_ACTION_H 1

/* The action
 *
 *     output_vrf(NAME|FIELD[BITS]|in[,ttl=dec|keep][,errors=send|drop]
 *                [,mss=clamp])
 *
 * in OpenFlow, which routes a packet in a VRF: that with the NAME, whether it
 * is there already or not, that whose number is in a field, or that of the
 * port on which the packet came into the bridge.  In the datapath it is
 *
 *     vrf(name=NAME[,id=N][,ttl=keep][,errors=drop][,mss=clamp][,mark=N])
 *
 * with "struct ovs_action_vrf".
 *
 * The body on the wire, in network byte order:
 *
 *     1  which        0 NAME, 1 FIELD, 2 in
 *     1  zero
 *     2  flags        OVS_VRF_F_*
 *     2  ofs          of the field's bits, or zero
 *     2  n_bits       of them, or zero
 *     n  NAME, or the NXM or OXM header of FIELD; with "in", nothing */

struct odp_extension_class;
struct ofp_extension_class;

extern const struct ofp_extension_class ofp_output_vrf_class;
extern const struct odp_extension_class odp_vrf_class;

#endif /* lib/vrf-action.h */
