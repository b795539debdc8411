/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_TNL_PORTS_H
#define VRF_TNL_PORTS_H 1

/* What tnl-ports.c and tnl-neigh-cache.c have of VRFs: a map from addresses to
 * ports of tunnels for each VRF, chosen by the VRF of the port that a packet
 * came to; and names of VRFs in the keys of neighbours.
 *
 * Any thread may get a map; one at a time, under the mutex of tnl-ports.c,
 * may call vrf_tnl_map_of_port(). */

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "vrf-port.h"
#include "vrf-tunnel.h"

struct classifier;
struct ds;

/* A neighbour's key is a bridge's name, in a VRF that of the VRF, ':' and that
 * of the device. */
#define VRF_NEIGH_NAME_SIZE (2 * IFNAMSIZ)

/* Returns 'bridge' for the default VRF, otherwise 'name' with that in it. */
const char *vrf_neigh_name(uint16_t vrf, const char *bridge,
                           const char *device,
                           char name[VRF_NEIGH_NAME_SIZE]);

struct classifier *vrf_tnl_map__(uint16_t vrf);

/* The map of a VRF, 'map' for the default VRF, an empty one if it has none. */
static inline struct classifier *
vrf_tnl_map(struct classifier *map, uint16_t vrf)
{
    return OVS_LIKELY(vrf == VRF_DEFAULT_ID) ? map : vrf_tnl_map__(vrf);
}

/* The map that a port of the datapath with this name is in, made if there was
 * none. */
struct classifier *vrf_tnl_map_of_port(struct classifier *map,
                                       const char *name);

/* Has 'show' append each map to 's', 'map', that of the default VRF, first. */
void vrf_tnl_show_maps(struct ds *s, const struct classifier *map,
                       void (*show)(struct ds *, const struct classifier *));

/* Appends which VRF a port of the datapath is in, unless it is the default
 * one. */
void vrf_tnl_format_vrf(const char *name, struct ds *);

#endif /* vrf-tnl-ports.h */
