/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PMTU_H
#define VRF_PMTU_H 1

/* MTUs of paths, learned from routers that could not forward what we sent:
 * "exceptions" of destinations in VRFs.  Whoever learns one has found out
 * before that we did send it.
 *
 * An exception is for one address in one VRF, goes after 600 seconds, or when
 * the route changes, never raises an MTU, and is not below what the family
 * requires of every link that does not lie.  There are at most
 * VRF_PMTU_MAX; the oldest one makes room.  'now' is time_msec().
 *
 * Any thread may call these functions, but those that say otherwise. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VRF_PMTU_MAX 4096
#define VRF_PMTU_LIFETIME 600000        /* In ms. */
#define VRF_PMTU_MIN_IPV4 552
#define VRF_PMTU_MIN_IPV6 1280

/* Returns the MTU for packets to 'dst', in the network layer, 0 if nothing has
 * been learned by the route with this serial (vrf_route_serial()). */
uint32_t vrf_pmtu_find(uint16_t vrf, const struct in6_addr *dst,
                       uint64_t route_serial, long long int now);

/* Learns that packets to 'dst' may have 'mtu' bytes, by the route with this
 * serial, which lets them have 'limit' bytes.  Returns whether that changed
 * anything. */
bool vrf_pmtu_learn(uint16_t vrf, const struct in6_addr *dst,
                    uint64_t route_serial, uint32_t limit, uint32_t mtu,
                    long long int now);

/* Forgets all, or those of a VRF.  Returns how many. */
size_t vrf_pmtu_flush(void);
size_t vrf_pmtu_flush_vrf(uint16_t vrf);

/* The main thread. */

/* Registers commands. */
void vrf_pmtu_init(void);

/* Forgets what is too old.  Returns whether anything was learned or forgotten
 * since the last call. */
bool vrf_pmtu_run(long long int now);
void vrf_pmtu_wait(void);

#endif /* vrf-pmtu.h */
