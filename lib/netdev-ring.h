/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_RING_H
#define NETDEV_RING_H 1

/* Rings of packets (openvswitch/ring-abi.h): what the action ring(...) does in
 * the userspace datapath, and in the slow path of the kernel's.
 *
 * A consumer attaches to a name by the ring's socket (ring-server.h), whether
 * or not any flow has it.  There may be several of them to tap one name, but
 * only one to queue from it.
 *
 * Threads
 * =======
 *
 * Rings are published under RCU.  A thread of a userspace datapath has a
 * number, and that of its lane in each ring, so that nothing is locked.  The
 * last lane of a ring of taps is shared by all other threads, the slow path of
 * the kernel's datapath among them; a queue has no such lane.
 *
 * A packet that waits for its verdict belongs to the thread that received it,
 * which looks for verdicts once in each iteration while it has any.  It does
 * not rely on the ring for them: when the ring has gone, they go the way that
 * the action's 'fail' says. */

#include <stdbool.h>

struct dp_netdev_extension;
struct dp_packet_batch;
struct dpif;
struct ring_kind;

extern const struct dp_netdev_extension netdev_ring_extension;
extern const struct ring_kind netdev_ring_tap_kind;
extern const struct ring_kind netdev_ring_queue_kind;

/* Executes struct ovs_action_ring in a slow path; see 'execute_slow' in
 * odp-extension.h.  Packets cannot wait there: for OVS_RING_MODE_QUEUE their
 * 'fail' decides at once. */
void netdev_ring_execute_slow(struct dpif *, struct dp_packet_batch *,
                              const void *payload, bool steal);

#endif /* lib/netdev-ring.h */
