/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_KERNEL_H
#define VRF_KERNEL_H 1

/* What tunnels of the kernel datapath that are in VRFs have in common, however
 * they get there: see dpif-netlink-vrf-tunnel.h and dpif-netlink-vrf-mark.h.
 *
 * Any thread may call these functions. */

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct ofpbuf;

/* Asks Linux for device 'name'.  Returns its index, 0 if there is none of that
 * kind, and if 'data' is nonnull fills it in, 'n' attributes of the kind's
 * own, from '*reply', which the caller has to free. */
uint32_t vrf_kernel_get_device(const char *name, const char *kind,
                               struct ofpbuf **reply, struct nlattr **data,
                               size_t n);
uint32_t vrf_kernel_get_ifindex(const char *name, const char *kind);

/* Asks Linux for the table of the VRF's device, 0 if there is no such
 * device. */
uint32_t vrf_kernel_get_table(uint16_t vrf);

/* Says that there is none, for the caller to free. */
char *vrf_kernel_explain_missing(uint16_t vrf);

/* Has ofproto-dpif look whether there is a port of the datapath for the
 * tunnel, and ovs-vswitchd what its status is. */
void vrf_kernel_tell(const char *netdev_name);

#endif /* vrf-kernel.h */
