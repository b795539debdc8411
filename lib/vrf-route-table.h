/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ROUTE_TABLE_H
#define VRF_ROUTE_TABLE_H 1

/* For route-table.c, which has all of Linux's routes in one table, for tunnels
 * that are in no VRF, and fetches all of them when one changes: that the
 * routes of VRFs are none of them.  There may be a great many, which change
 * often.
 *
 * For one thread at a time. */

#include <stdbool.h>

#include "vrf-tunnel.h"

struct ofpbuf;

/* Is the route in 'msg', a message of rtnetlink that is large enough for its
 * header, in the table of a VRF? */
bool vrf_route_table_hides(const struct ofpbuf *msg);

/* May vrf_route_table_hides() say something else of a route than when this was
 * last called? */
bool vrf_route_table_changed(void);

#endif /* lib/vrf-route-table.h */
