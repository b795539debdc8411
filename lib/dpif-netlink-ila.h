/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_ILA_H
#define DPIF_NETLINK_ILA_H 1

#include <stdbool.h>

/* The ILA mapping table of a kernel datapath, by generic netlink family
 * OVS_ILA_FAMILY; see dpif-ila.h.  A kernel module without it makes every
 * function return EOPNOTSUPP. */

struct dpif;
struct dpif_ila_class;
struct flow;

extern const struct dpif_ila_class dpif_netlink_ila_class;

/* May flows like this one not be offloaded?  TC sees packets before their
 * addresses are translated, flows have them as they are translated.  Any
 * thread may call this. */
bool dpif_netlink_ila_bars_offload(const struct dpif *, const struct flow *);

/* Returns the number of the kernel datapath 'dpif'.  In dpif-netlink.c. */
int dpif_netlink_get_dp_ifindex(const struct dpif *dpif);

#endif /* dpif-netlink-ila.h */
