/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_TUNNEL_H
#define VRF_TUNNEL_H 1

/* Tunnels whose outer packets are routed in a VRF: configuration, names of
 * their ports in the datapath, routes.
 *
 * A tunnel is in the VRF that options:vrf names, otherwise in that VRF which
 * alone has its local_ip; with options:vrf=flow each packet is in the VRF that
 * the field "tun_vrf" says (openvswitch/vrf-field.h).  All tunnels of a type,
 * a UDP port and a VRF share a port of the datapath, whose name ends in the
 * number of the VRF, so that whoever gets a packet of it knows where it came
 * from:
 *
 *     vxlan_4789:7    VXLAN to UDP port 4789 in the VRF with the id 7
 *     gre:7
 *     gre:flow        what tunnels with options:vrf=flow send; they receive by
 *                     the ports of all VRFs (ofproto/tunnel-vrf-flow.h)
 *
 * No device of Linux may have a ':' in its name.  Tunnels of the default VRF
 * are as they always were; those of the kernel datapath have names of their
 * own (dpif-netlink-vrf-tunnel.h), which vrf_tunnel_port_vrf() does not take
 * for those of VRFs, as packets of these tunnels are Linux's business.
 *
 * Any thread may call these functions, but those that say otherwise. */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "vrf-db.h"

struct ds;
struct netdev;
struct netdev_tunnel_config;
struct smap;

/* What a tunnel with options:vrf=flow has for the id of a VRF.  None has
 * it. */
#define VRF_TUNNEL_FLOW UINT16_MAX
#define VRF_TUNNEL_FLOW_NAME "flow"

/* The name of a VRF that a tunnel is in, or "flow". */
const char *vrf_tunnel_vrf_name(uint16_t vrf);

/* Configuration, for the main thread. */

/* Takes "vrf" from the options 'args' of tunnel 'netdev' into '*cfg', which
 * has its other options already.  Returns 0 or EINVAL, and then appends to
 * 'errors' what is wrong. */
int vrf_tunnel_set_config(const struct netdev *, const struct smap *args,
                          struct netdev_tunnel_config *cfg,
                          struct ds *errors);
void vrf_tunnel_get_config(const struct netdev_tunnel_config *,
                           struct smap *args);

/* Adds to what Interface:status says. */
void vrf_tunnel_get_status(const struct netdev_tunnel_config *,
                           struct smap *status);

/* Has '*cfg' follow its local_ip to another VRF: then the netdev has
 * changed. */
void vrf_tunnel_follow(struct netdev *, struct netdev_tunnel_config *);

/* Changes when tunnels may have to follow, or go another way. */
uint64_t vrf_tunnel_change_seq(void);

/* Notices changes of VRFs, and has flows translated anew. */
void vrf_tunnel_run(void);
void vrf_tunnel_wait(void);

/* Ports of the datapath. */

/* Puts the name into 'name', of 'size' bytes, at least IFNAMSIZ. */
const char *vrf_tunnel_port_name(const char *dpif_port,
                                 const struct netdev_tunnel_config *,
                                 char *name, size_t size);

/* The same for a tunnel in a VRF of any datapath. */
const char *vrf_tunnel_dpif_port(const struct netdev *, const char *dpif_port,
                                 char *name, size_t size);

/* The VRF that the name of a port of the datapath tells, perhaps
 * VRF_TUNNEL_FLOW. */
uint16_t vrf_tunnel_port_vrf(const char *name);

/* The UDP port that it tells, 'otherwise' if it tells no VRF. */
uint16_t vrf_tunnel_port_dst_port(const char *name, uint16_t otherwise);

/* Routes. */

struct vrf_tunnel_packet {
    uint16_t vrf;
    struct in6_addr dst;
    struct in6_addr src;        /* Zeros: to be chosen. */
    uint32_t mark;
    uint8_t tos;
    uint8_t proto;
    uint16_t dport;
};

struct vrf_tunnel_route {
    const char *error;          /* Why there is no way, or null. */
    const char *device;         /* By which it goes. */
    struct in6_addr next_hop;
    struct in6_addr src;
    uint32_t mtu;               /* Of the outer packet with its IP header. */
    uint32_t link_mtu;          /* The same, whatever was learned. */
    const char *mtu_by;         /* Who decided it. */
    struct vrf_flow flow;       /* What was looked up. */
    struct vrf_answer answer;
};

/* Finds out how an outer packet goes.  What '*route' points to is valid until
 * the caller quiesces.  Returns false, with route->error set, if it does
 * not. */
bool vrf_tunnel_lookup(const struct vrf_tunnel_packet *,
                       struct vrf_tunnel_route *route);

/* Appends a text of several lines about it. */
void vrf_tunnel_route_format(const struct vrf_tunnel_packet *,
                             const struct vrf_tunnel_route *, struct ds *);

/* Fills in 'device', IFNAMSIZ bytes, by which packets of a tunnel go.  Returns
 * false if they do not. */
bool vrf_tunnel_egress(const struct netdev_tunnel_config *, char *device);

#endif /* vrf-tunnel.h */
