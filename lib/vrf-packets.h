/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PACKETS_H
#define VRF_PACKETS_H 1

/* Packets in order, any number of them, which are the list's.  All zeros is an
 * empty one. */

#include <stddef.h>

struct dp_packet;
struct dp_packet_batch;

struct vrf_packets {
    struct dp_packet **p;
    size_t first, n, allocated;
};

/* Frees the packets, too. */
void vrf_packets_destroy(struct vrf_packets *);

void vrf_packets_put(struct vrf_packets *, struct dp_packet *);

/* Moves the first ones of the same port to the end of 'batch'. */
void vrf_packets_take(struct vrf_packets *, struct dp_packet_batch *batch);

#endif /* lib/vrf-packets.h */
