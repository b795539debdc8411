/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_SHARED_LANE_H
#define RING_SHARED_LANE_H 1

/* A lane of a ring (ring-lane.h) for several producing threads.
 *
 * A spin lock is held while a record gets its number and its position, which
 * are thus in the same order; not while the payload is written.  A lane for
 * each thread is better wherever there can be one.
 *
 * Any thread may call any of the functions at any time, except those that set
 * up and destroy. */

#include "openvswitch/thread.h"
#include "ring-lane.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ring_shared_lane {
    struct ovs_spin lock;       /* Protects what is not atomic in 'lane'. */
    struct ring_lane lane;
    uint64_t fresh;             /* Bytes finished since the last look, in the
                                 * place of the one in 'lane'. */
};

/* As their namesakes in ring-lane.h. */
void ring_shared_lane_init(struct ring_shared_lane *,
                           const struct ovs_ring_control *control,
                           void *producer, const void *consumer,
                           uint32_t index);
void ring_shared_lane_uninit(struct ring_shared_lane *);

int ring_shared_lane_reserve(struct ring_shared_lane *,
                             const struct ring_head *head,
                             struct ring_slot *slot);
void ring_shared_lane_commit(struct ring_shared_lane *,
                             const struct ring_slot *slot);
void ring_shared_lane_discard(struct ring_shared_lane *,
                              const struct ring_slot *slot);
int ring_shared_lane_copied(struct ring_shared_lane *, uint64_t len,
                            uint64_t cookie);
void ring_shared_lane_lose(struct ring_shared_lane *, uint64_t len);
enum ring_wake ring_shared_lane_wake(struct ring_shared_lane *,
                                     uint64_t now_us, uint64_t *at_us);

#ifdef __cplusplus
}
#endif

#endif /* ring-shared-lane.h */
