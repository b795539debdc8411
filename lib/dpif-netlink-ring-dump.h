/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_RING_DUMP_H
#define DPIF_NETLINK_RING_DUMP_H 1

/* Dumps of the kernel's flows by ring, for dpif-netlink.c: each of the
 * functions is one of netlink-socket.h with a ring beside the socket.  A dump
 * comes by ring if its thread wants that (dpif_want_ring_dumps()) and there
 * can be one; otherwise by netlink, as always.
 *
 * One thread at a time uses a dump by ring. */

#include <stdbool.h>

struct dpif_netlink_ring_dump;
struct nl_dump;
struct ofpbuf;

/* Starts a dump of the flows of the datapath 'dp_ifindex': by the ring that it
 * returns, or by 'nl_dump' with 'request' if it returns null. */
struct dpif_netlink_ring_dump *dpif_netlink_ring_dump_start(
    int dp_ifindex, bool terse, struct nl_dump *nl_dump,
    const struct ofpbuf *request);

/* As nl_dump_next().  What is in '*reply' stays there until the next call that
 * was made while 'buffer->size' was 0, which it is if there may not be another
 * flow at hand. */
bool dpif_netlink_ring_dump_next(struct dpif_netlink_ring_dump *,
                                 struct nl_dump *, struct ofpbuf *reply,
                                 struct ofpbuf *buffer);

/* As nl_dump_done(). */
int dpif_netlink_ring_dump_done(struct dpif_netlink_ring_dump *,
                                struct nl_dump *);

#endif /* dpif-netlink-ring-dump.h */
