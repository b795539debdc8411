/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_VRF_H
#define NETDEV_VRF_H 1

/* The action vrf() in the userspace datapath.
 *
 * The thread that receives a packet routes it (vrf-path.h), changes it and has
 * it go on as received from the device's port, as though the host had sent it
 * there.  One megaflow will do for any number of routes.
 *
 * What takes longer is an exception, which the main thread gets by a bounded
 * queue: packets that an ICMP error has to be sent about, and those that wait
 * for the address of the next hop (vrf-neigh-queue.h), which Linux is asked
 * for.  How many errors there may be is limited in the thread that receives,
 * before that costs anything, and again for each VRF and receiver in the main
 * thread (vrf-limit.h). */

struct dp_netdev_extension;

extern const struct dp_netdev_extension netdev_vrf_extension;

#endif /* lib/netdev-vrf.h */
