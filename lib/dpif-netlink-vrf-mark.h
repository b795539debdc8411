/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_VRF_MARK_H
#define DPIF_NETLINK_VRF_MARK_H 1

/* Geneve and GRE tunnels of the kernel datapath whose outer packets are routed
 * in a VRF: marks, and policy rules of Linux for them.
 *
 * Linux has one device for all such tunnels, which cannot be bound to a VRF.
 * Packets for a tunnel in a VRF are marked before they are output to it
 * (vrf-mark.h says with what), and for each VRF and address family there are
 * two rules of ours:
 *
 *     998:  from all fwmark 0x1000000/0x7f000000 lookup 10 proto 118
 *     999:  from all fwmark 0x1000000/0x7f000000 unreachable proto 118
 *
 * The former is there as long as Linux has the VRF.  The latter keeps in the
 * VRF what has no route there: it is there before any packet gets the mark,
 * and until none has it any more.  If somebody else has a rule with a mark of
 * ours, rules of ours give way, and nothing is output to the VRF's tunnels.
 *
 * Rules stay when ovs-vswitchd ends, unless it is to leave no trace, as tunnel
 * devices do; the protocol tells the next one that they are ours.
 *
 * For the main thread, except for what says otherwise. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netdev;
struct smap;
struct sset;

/* Sets the bits that marks are in, a valid mask. */
void dpif_netlink_vrf_mark_set_mask(uint32_t mask);

/* Lets tunnel 'netdev', of type "geneve" or "gre", of the kernel datapath be
 * as it is configured.  Returns null, or why that cannot be, for the caller to
 * free. */
char *dpif_netlink_vrf_mark_put(const struct netdev *netdev);

/* There is no such tunnel in the kernel datapath. */
void dpif_netlink_vrf_mark_remove(const char *netdev_name);

/* Those with 'names' are all there are. */
void dpif_netlink_vrf_mark_retain(const struct sset *names);

/* Looks after VRFs that went or came, and, if there is a kernel datapath,
 * after what an earlier ovs-vswitchd left. */
void dpif_netlink_vrf_mark_follow(bool has_kernel_datapath);
void dpif_netlink_vrf_mark_run(void);
void dpif_netlink_vrf_mark_wait(void);
void dpif_netlink_vrf_mark_exit(bool cleanup);

/* Adds to what Interface:status says. */
void dpif_netlink_vrf_mark_get_status(const char *netdev_name,
                                      struct smap *status);

#ifdef __linux__
/* Is it a tunnel of the kernel datapath that is in a VRF by a mark, if it is
 * in one?  For any thread. */
bool dpif_netlink_vrf_mark_is(const struct netdev *);

/* Fills in the mark, and the bits that it is in, that have packets go by
 * 'vrf'.  Returns false if none does at the moment.  For any thread. */
bool dpif_netlink_vrf_mark_get(uint16_t vrf, uint32_t *mark, uint32_t *mask);
#else
static inline bool
dpif_netlink_vrf_mark_is(const struct netdev *netdev OVS_UNUSED)
{
    return false;
}

static inline bool
dpif_netlink_vrf_mark_get(uint16_t vrf OVS_UNUSED, uint32_t *mark OVS_UNUSED,
                          uint32_t *mask OVS_UNUSED)
{
    return false;
}
#endif

#endif /* dpif-netlink-vrf-mark.h */
