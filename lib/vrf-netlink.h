/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_NETLINK_H
#define VRF_NETLINK_H 1

/* Messages of rtnetlink about what vrf-db.h knows: links, addresses, policy
 * rules, routes, next-hop objects and neighbours.
 *
 * Pure: no sockets.  Every function is reentrant. */

#include "vrf-db.h"

struct ofpbuf;

enum vrf_netlink_result {
    VRF_NETLINK_EVENT,          /* '*event' is what it says. */
    VRF_NETLINK_IGNORED,        /* It is about something else. */
    VRF_NETLINK_BAD,            /* It is not well-formed. */
};

/* Parses the message in 'msg', from the netlink header on. */
enum vrf_netlink_result vrf_netlink_parse(const struct ofpbuf *msg,
                                          struct vrf_event *event);

#endif /* vrf-netlink.h */
