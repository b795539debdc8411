/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_DEVICE_H
#define RING_DEVICE_H 1

/* Rings of the kernel module: opens its device and maps what is there for a
 * consumer (openvswitch/ring.h), and makes the requests that are specific to
 * it (openvswitch/ring-kernel.h).
 *
 * Functions that return int return 0 or a positive errno value, those that
 * ring-kernel.h lists.  Requests are for any thread at any time before
 * ovs_ring_close(). */

#include <stdint.h>

#include "openvswitch/ring-kernel.h"

struct ovs_ring;

/* Makes the ring that '*attach' describes, without its 'out' members, and
 * stores it in '*ringp' for the caller to ovs_ring_close().  ENOENT or ENXIO
 * if there is no such device, as with Linux's own module; EACCES or EPERM if
 * the process may not have one. */
int ring_device_open(const struct ovs_ring_attach *attach,
                     struct ovs_ring **ringp);

int ring_device_bind(const struct ovs_ring *, uint32_t lane, uint32_t cpu);
int ring_device_fill(const struct ovs_ring *, struct ovs_ring_fill *);

/* Has 'n' TX entries of 'lane' taken, and stores in 'errors' the result of
 * each that is: see struct ovs_ring_kick. */
int ring_device_kick(const struct ovs_ring *, uint32_t lane, uint32_t n,
                     int32_t errors[]);
int ring_device_detach(const struct ovs_ring *);
int ring_device_get_stats(const struct ovs_ring *,
                          struct ovs_ring_device_stats *);

#endif /* ring-device.h */
