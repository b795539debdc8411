/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_RING_OPS_H
#define DPIF_NETLINK_RING_OPS_H 1

/* What a handler of the kernel datapath does about the upcalls of its ring, by
 * TX entries of the same ring (openvswitch/ring-kernel.h): new flows, and
 * executions on packets, which are in the ring still; the flow of a packet and
 * its execution are one entry.  One system call for all of a batch.
 *
 * Invariants: a packet is executed by reference only if the record has the
 * very same bytes; what else an execution depends on goes along.  Operations
 * take effect in the order in which they are given.
 *
 * All of this is for the handler's thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dpif_op;
struct ofpbuf;
struct ovs_ring;
struct ovs_ring_rec;

/* As many records as a handler works on at a time. */
#define RING_OPS_MAX_RECS 64

/* All members are private. */
struct ring_ops {
    struct ovs_ring *ring;      /* Null if it cannot do it. */
    bool has_flow_execute;      /* Does it know that entry? */
    bool operated;              /* Since the last record. */
    size_t n_copies;
    size_t next;                /* Of 'copies', to be looked at first. */
    struct ring_ops_copy {
        const struct ovs_ring_rec *rec;
        const void *data;
    } copies[RING_OPS_MAX_RECS];
};

/* For a handler with 'ring', which stays until the next call; null is none,
 * and zeroed memory is that, too. */
void ring_ops_init(struct ring_ops *, struct ovs_ring *ring);

/* The message of 'rec' was copied to 'data', where the handler finds the
 * packet.  Both stay valid until ring_ops_forget(), or until the first
 * ring_ops_add() after ring_ops_operate(). */
void ring_ops_add(struct ring_ops *, const struct ovs_ring_rec *rec,
                  const void *data);
void ring_ops_forget(struct ring_ops *);

/* Does the first ones of 'ops', as many as can be done so.  Returns how many
 * those are, 'n' at most, and sets their 'error'. */
size_t ring_ops_operate(struct ring_ops *, struct dpif_op *ops[], size_t n);

#endif /* dpif-netlink-ring-ops.h */
