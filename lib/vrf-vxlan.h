/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_VXLAN_H
#define VRF_VXLAN_H 1

/* Which VXLAN tunnels of the kernel datapath may be there together, given
 * that some are in VRFs, and which VNIs each of Linux's devices for them has
 * to take.
 *
 * Tunnels of a UDP port and a VRF share a device.  What it takes is
 *
 *     - if all of its tunnels have a VNI, a list of them, in an order in which
 *       no two devices ever have the same one;
 *     - if they have "key=flow", or 0, which no list can have, any VNI.
 *
 * Linux has room for several devices with a list at a UDP port, as long as
 * their lists are disjoint, and for a single one besides that takes any VNI.
 * Tunnels of the default VRF have the UDP port of theirs for themselves, as
 * their socket receives from no particular device.  A Linux without lists
 * (VNI filters, since 5.18) has one device for each UDP port.
 *
 * The module is pure: the caller changes Linux's lists as it is told to.  It
 * has no locks; one thread at a time may use a struct vrf_vxlan. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sset;
struct vrf_vxlan;

struct vrf_vxlan_tunnel {
    uint16_t vrf;               /* VRF_DEFAULT_ID if it is in none. */
    uint16_t dst_port;
    bool any_vni;               /* It has no VNI of its own. */
    uint32_t vni;               /* Otherwise this one. */
};

struct vrf_vxlan *vrf_vxlan_create(void);
void vrf_vxlan_destroy(struct vrf_vxlan *);

/* Says that Linux has no lists: each device takes any VNI from now on. */
void vrf_vxlan_lacks_lists(struct vrf_vxlan *);

/* Has tunnel 'name' be as '*t' says.  Returns null, or why that cannot be, for
 * the caller to free: then there is no tunnel with that name any more. */
char *vrf_vxlan_put(struct vrf_vxlan *, const char *name,
                    const struct vrf_vxlan_tunnel *t);

/* Removes tunnel 'name', if there is one. */
void vrf_vxlan_remove(struct vrf_vxlan *, const char *name);

/* Removes all tunnels but those with 'names'. */
void vrf_vxlan_retain(struct vrf_vxlan *, const struct sset *names);

/* Returns the tunnel, or null.  'any_vni' is what its device does. */
const struct vrf_vxlan_tunnel *vrf_vxlan_find(const struct vrf_vxlan *,
                                              const char *name);

/* Is such a tunnel one for a device that takes any VNI? */
bool vrf_vxlan_takes_any(const struct vrf_vxlan *,
                         const struct vrf_vxlan_tunnel *);

/* Calls 'cb' for one tunnel of each device. */
void vrf_vxlan_for_each_device(const struct vrf_vxlan *,
                               void (*cb)(const char *name,
                                          const struct vrf_vxlan_tunnel *,
                                          void *aux),
                               void *aux);

/* Lists. */

/* Has Linux add 'vni' to, or remove it from, the list of the device for
 * tunnels of 'dst_port' and 'vrf'.  Returns 0 or a positive errno value. */
typedef int vrf_vxlan_set_func(uint16_t dst_port, uint16_t vrf, uint32_t vni,
                               bool add, void *aux);

/* Calls 'set' for each VNI that a list has to lose, then for each one that a
 * list lacks, and notes which are there.  What fails is tried again the next
 * time, but for what was to be removed: then there is no such list. */
void vrf_vxlan_sync(struct vrf_vxlan *, vrf_vxlan_set_func *set, void *aux);

/* The device for tunnels of 'dst_port' and 'vrf' is new, or gone: its list is
 * empty. */
void vrf_vxlan_forget(struct vrf_vxlan *, uint16_t dst_port, uint16_t vrf);

/* Does the list of its device lack the VNI of tunnel 'name'? */
bool vrf_vxlan_lacks_vni(const struct vrf_vxlan *, const char *name);

/* Names of devices. */

/* Puts the name of the device, at most 15 bytes, into 'name', of 'size' bytes:
 * for a VRF whose own device has the index 'ifindex', so that the VRF's next
 * device has another one's.
 *
 *     vxlan_4789v7    takes a list of VNIs
 *     vxlan_4789w7    takes any VNI
 *
 * or, where that is too long, with hexadecimal numbers of a fixed size,
 * vx12b5v00012345. */
void vrf_vxlan_format_name(uint16_t dst_port, uint32_t ifindex, bool any_vni,
                           char *name, size_t size);

/* Returns the UDP port, 0 if it is no such name. */
uint16_t vrf_vxlan_parse_name(const char *name);

#endif /* vrf-vxlan.h */
