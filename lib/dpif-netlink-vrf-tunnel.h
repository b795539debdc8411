/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_VRF_TUNNEL_H
#define DPIF_NETLINK_VRF_TUNNEL_H 1

/* VXLAN tunnels of the kernel datapath whose outer packets are routed in a
 * VRF: Linux's devices for them.
 *
 * A device is made with the VRF's own as its link, sends and receives in that
 * VRF, and goes with it.  Which tunnels share one, and which cannot be there
 * together, is in vrf-vxlan.h, which here knows all VXLAN tunnels of the
 * datapath, also those of no VRF, whose devices stay dpif-netlink-rtnl.c's.
 *
 * Devices are named after the index of the VRF's.  If that is another one, the
 * name is, too; ofproto-dpif, told that the tunnel has changed, adds a port
 * with the new name to the datapath, and removes the old one.  What Linux
 * refuses is tried again in growing intervals.
 *
 * For the main thread, except for what says otherwise. */

#include <stdbool.h>
#include <stddef.h>

struct netdev;
struct smap;
struct sset;

/* Lets tunnel 'netdev', of type "vxlan", of the kernel datapath be as it is
 * configured.  Returns null, or why that cannot be, for the caller to
 * free. */
char *dpif_netlink_vrf_tunnel_put(const struct netdev *netdev);

/* There is no such tunnel in the kernel datapath. */
void dpif_netlink_vrf_tunnel_remove(const char *netdev_name);

/* Those with 'names' are all there are. */
void dpif_netlink_vrf_tunnel_retain(const struct sset *names);

/* Looks after devices that went or came. */
void dpif_netlink_vrf_tunnel_follow(void);
void dpif_netlink_vrf_tunnel_run(void);
void dpif_netlink_vrf_tunnel_wait(void);
void dpif_netlink_vrf_tunnel_exit(void);

/* Adds to what Interface:status says. */
void dpif_netlink_vrf_tunnel_get_status(const char *netdev_name,
                                        struct smap *status);

/* Makes the device for the tunnel, instead of one that has its name.  Returns
 * 0 or a positive errno value. */
int dpif_netlink_vrf_tunnel_create(const struct netdev *);

#ifdef __linux__
/* Is it a tunnel that the datapath can have by no other way than the function
 * above?  For any thread. */
bool dpif_netlink_vrf_tunnel_is(const struct netdev *);

/* If so, fills in 'name', of 'size' bytes, at least IFNAMSIZ, with that of its
 * device, and returns true.  For any thread. */
bool dpif_netlink_vrf_tunnel_name(const struct netdev *, char *name,
                                  size_t size);
#else
static inline bool
dpif_netlink_vrf_tunnel_name(const struct netdev *netdev OVS_UNUSED,
                             char *name OVS_UNUSED, size_t size OVS_UNUSED)
{
    return false;
}
#endif

#endif /* dpif-netlink-vrf-tunnel.h */
