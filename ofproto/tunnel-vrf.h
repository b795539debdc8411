/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TUNNEL_VRF_H
#define TUNNEL_VRF_H 1

/* Sizes of packets of tunnels in VRFs: who sends what is too big for the way
 * of a tunnel's packets is told so, as if by the far side of the tunnel, and
 * what routers on that way tell is learned.
 *
 * Any thread may call these functions. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/ofp-port.h"
#include "openvswitch/types.h"

struct dp_packet;
struct flow;
struct ofproto_dpif;
struct user_action_cookie;
struct uuid;
struct vrf_tunnel_packet;

/* A packet of a tunnel does not go anywhere; 'found' if there is a route. */
void tunnel_vrf_count_drop(bool found);

/* Makes the cookie with which the datapath hands over packets for the tunnel
 * at 'ofp_port' that have more than 'limit' bytes, an Ethernet header and VLAN
 * tags included if they have one.  'outer' is what they would have been in,
 * 'tun_id' the key. */
void tunnel_vrf_cookie_init(struct user_action_cookie *,
                            const struct uuid *ofproto, ofp_port_t ofp_port,
                            uint16_t limit,
                            const struct vrf_tunnel_packet *outer,
                            ovs_be64 tun_id);

/* Answers 'packet', which the datapath handed over with the cookie. */
void tunnel_vrf_too_big(struct ofproto_dpif *, const struct dp_packet *packet,
                        const struct user_action_cookie *);

/* Learns from 'packet', an ICMP error that came to a port in 'vrf'. */
void tunnel_vrf_learn(uint16_t vrf, const struct dp_packet *packet);

#endif /* tunnel-vrf.h */
