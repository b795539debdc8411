/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_FLOWS_H
#define RING_FLOWS_H 1

/* Rings of class FLOWS: a datapath's flows for another process, whatever kind
 * of datapath it is.
 *
 * An export goes on in the thread "ring", 50 flows at a time, and never takes
 * that thread, or any other one, for longer than it takes to write a thousand
 * of them.  When the ring is full it waits for the consumer without keeping
 * anything but its place in the datapath's tables and the flows that it has in
 * hand. */

struct ds;
struct ring_kind;

extern const struct ring_kind ring_flows_kind;

/* For ring-server.c, in the thread "ring". */

/* Appends the datapaths that there are to 's', TYPE@NAME, a line each. */
void ring_flows_list_datapaths(struct ds *s);

/* Has exports look whether their datapath is still there. */
void ring_flows_check_datapaths(void);

#endif /* ring-flows.h */
