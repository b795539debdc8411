/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_SLOTS_H
#define XDP_SLOTS_H 1

/* A table of flows of XDP, as lib/xdp-abi.h describes it: an array of buckets,
 * in memory that programs of XDP read while it is changed.
 *
 * This is the order of words and stores alone.  When programs are done with
 * what they found, so that a slot may be used again, is up to the caller.
 *
 * Thread-safety: none, but for programs. */

#include <stddef.h>
#include <stdint.h>

#include "xdp-abi.h"

struct xdp_slots {
    void *buckets;              /* Of the caller. */
    size_t n_words;             /* Of a key. */
    uint32_t bucket_mask;       /* Number of buckets less 1. */
};

/* So many buckets, a power of 2, are needed for 'n_flows', up to 131072: as
 * long as there are no more, both buckets of a key are full for less than one
 * in a thousand.  All tables that a program reads have the same number. */
uint32_t xdp_slots_n_buckets(unsigned int n_flows);

/* Bytes of a bucket of keys with 'n_words'. */
size_t xdp_slots_bucket_size(size_t n_words);

/* The flow with 'key', or NULL. */
struct ovs_xdp_flow *xdp_slots_find(const struct xdp_slots *,
                                    const union ovs_xdp_key *key);

/* Puts 'flow' in.  Returns 0, EEXIST, or E2BIG if there is no room for 'key',
 * whose first word must not be 0. */
int xdp_slots_insert(struct xdp_slots *, const union ovs_xdp_key *key,
                     const struct ovs_xdp_flow *flow);

/* From when it returns, programs that find 'flow' in the table send packets to
 * the socket, and count them not. */
void xdp_slots_retire(struct ovs_xdp_flow *flow);

/* Frees the slot of 'flow', which xdp_slots_find() returned. */
void xdp_slots_remove(struct xdp_slots *, struct ovs_xdp_flow *flow);

/* The counts of 'flow' as they are now, and what else it is. */
void xdp_slots_read(const struct ovs_xdp_flow *flow, struct ovs_xdp_flow *);

/* Calls 'cb' for all flows, in no order. */
typedef void xdp_slots_cb(const union ovs_xdp_key *,
                          const struct ovs_xdp_flow *, void *aux);
void xdp_slots_for_each(const struct xdp_slots *, xdp_slots_cb *, void *aux);

#endif /* lib/xdp-slots.h */
