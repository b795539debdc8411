/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TUNNEL_VRF_FLOW_H
#define TUNNEL_VRF_FLOW_H 1

/* What tunnels with options:vrf=flow receive: packets of all VRFs.
 *
 * Such a tunnel sends by a port of the datapath for which nothing is ever
 * received, say "vxlan_4789:flow".  For each VRF there is, and for the default
 * one, the datapath has a port of the tunnel's type and UDP port that takes
 * what comes to addresses of that VRF, the very port that tunnels with
 * options:vrf=NAME share.  A packet that comes in by one of these and is for
 * none of its own tunnels is for one with options:vrf=flow, and its field
 * "tun_vrf" says which VRF it came from.
 *
 * Ports come and go with VRFs.  The main thread calls the functions of "Main
 * thread", any thread the others, which read a pointer as long as there is no
 * such tunnel. */

struct dpif;
struct flow;
struct simap;
struct tnl_port;

/* Main thread. */

/* Tunnels of 'dpif' are to have the ports 'used', and nothing needs 'unused'
 * any more, numbers by names.  Takes ports for VRFs from 'unused' to 'used',
 * or creates them; takes away from 'unused' what is not there any more. */
void tunnel_vrf_flow_run(struct dpif *dpif, struct simap *used,
                         struct simap *unused);

/* The datapath of 'dpif' is not used any more. */
void tunnel_vrf_flow_close(const struct dpif *dpif);

/* Any thread. */

/* Sets tun_vrf of 'flow', if 'upcall', which has a port of the datapath for
 * its in_port, comes from a VRF by a port for such tunnels. */
void tunnel_vrf_flow_enter(const struct flow *upcall, struct flow *flow);

/* Returns what 'find' finds for the packet of 'flow' among tunnels with
 * options:vrf=flow, null if it cannot be for one.  'find' found none among
 * others. */
struct tnl_port *tunnel_vrf_flow_find(const struct flow *,
                                      struct tnl_port *(*find)(
                                          const struct flow *));

#endif /* tunnel-vrf-flow.h */
