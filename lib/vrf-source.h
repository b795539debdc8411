/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_SOURCE_H
#define VRF_SOURCE_H 1

/* The address that packets have that are made here and sent in a VRF, those
 * with ICMP errors for example.
 *
 * Thread-safety: as that of the "struct vrf_path". */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "vrf-addr.h"

struct dp_packet;
struct vrf_adjacency;
struct vrf_dp_ports;
struct vrf_packet;
struct vrf_path;

/* Sets '*source' to the address that a packet to 'dst' has by the routes of
 * 'vrf': that of the route, or one of its device, of a port of the VRF or of
 * Linux's device of the VRF.  Returns false if there is none.
 * vrf_path_begin() must have been called with 'ports'. */
bool vrf_source_to(struct vrf_path *, const struct vrf_dp_ports *ports,
                   uint16_t vrf, enum vrf_family, const struct vrf_addr *dst,
                   struct in6_addr *source);

/* Has the options of IPv4 packet 'packet', which '*p' is about, say that it is
 * passed on by the next hop's device: see vrf_options_record().  If the device
 * has no address then the packet stays as it is.  Linux prefers the source
 * that the route names, if it does. */
void vrf_source_record(struct dp_packet *packet, const struct vrf_packet *p,
                       const struct vrf_adjacency *);

#endif /* lib/vrf-source.h */
