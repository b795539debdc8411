/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ROUTE_EVENT_H
#define VRF_ROUTE_EVENT_H 1

/* What becomes of a routing table when Linux says that a route came, changed
 * or went.
 *
 * What Linux says is enough to know which route it means only together with
 * how it orders, joins and replaces routes, which is different for IPv4 and
 * IPv6.  An event may come twice: that it is in the table already changes
 * nothing.
 *
 * To be used by the writer of the table. */

#include "vrf-db.h"

/* Return whether anything changed. */
bool vrf_route_event_add(struct vrf_pool *, struct vrf_fib *,
                         const struct vrf_event_route *);
bool vrf_route_event_del(struct vrf_pool *, struct vrf_fib *,
                         const struct vrf_event_route *);

#endif /* vrf-route-event.h */
