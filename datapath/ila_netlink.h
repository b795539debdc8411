/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_NETLINK_H
#define OVS_ILA_NETLINK_H 1

/* The generic netlink family of the ILA mapping table, which is described in
 * extension-abi.h.
 */

#include "ila_dp.h"
#include "ila_staging.h"

struct genl_family;

extern struct genl_family ovs_ila_genl_family;

#endif /* ila_netlink.h */
