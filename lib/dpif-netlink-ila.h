/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_ILA_H
#define DPIF_NETLINK_ILA_H 1

/* The ILA mapping table of a kernel datapath, by generic netlink family
 * OVS_ILA_FAMILY; see dpif-ila.h.  A kernel module without it makes every
 * function return EOPNOTSUPP. */

struct dpif_ila_class;

extern const struct dpif_ila_class dpif_netlink_ila_class;

#endif /* dpif-netlink-ila.h */
