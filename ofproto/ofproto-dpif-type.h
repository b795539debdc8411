/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_TYPE_H
#define OFPROTO_DPIF_TYPE_H 1

/* The datapaths that bridges use, for configuration that belongs to a datapath
 * and not to a bridge.  For the main thread. */

#include "openvswitch/types.h"

struct dpif;
struct ofproto_dpif;

/* Returns the datapath of the bridges of that type, or NULL if there is no
 * such bridge.  It stays open until the last of them goes.  '*generation'
 * changes when it was opened anew, perhaps for a datapath that is new, too. */
struct dpif *ofproto_dpif_of_type(const char *type, unsigned int *generation);

/* Returns the number that a port has in the datapath, or ODPP_NONE. */
odp_port_t ofproto_dpif_odp_port(const struct ofproto_dpif *, ofp_port_t);

#endif /* ofproto-dpif-type.h */
