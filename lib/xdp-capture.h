/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_CAPTURE_H
#define XDP_CAPTURE_H 1

/* Copies of some of the packets that XDP dropped, for the consumers of a ring:
 * what a thread of its own reads from the buffers of the processors, where
 * programs put it ("struct ovs_xdp_sample"), goes into all taps of that name.
 *
 * What finds no room in a buffer, or no tap, is counted by coverage counters,
 * what finds none in a tap as other packets are.
 *
 * Functions are there only if XDP_OFFLOAD (extension-config.h) is 1.
 *
 * Thread-safety: the caller serializes all calls for a capture. */

#include <stdint.h>

struct xdp_capture;

/* Starts to read what comes by 'map', the map "samples" of the programs, on
 * processors that are online, for the ring with number 'ring' (ring-names.h).
 * Returns 0 or a positive errno value, with '*errorp' a text to be freed. */
int xdp_capture_start(int map, uint32_t ring, struct xdp_capture **,
                      char **errorp);

/* Ends that; may wait for some ms. */
void xdp_capture_stop(struct xdp_capture *);

#endif /* lib/xdp-capture.h */
