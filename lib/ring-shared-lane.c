/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-shared-lane.h"

#include "ovs-thread.h"
#include "ring-atomic.h"
#include "ring-layout.h"

/* Without the lock a thread touches what belongs to its slot, and by atomic
 * additions:
 *
 *   n_done      Release, after the last access to the segment; the thread that
 *               opens the segment again loads it with acquire.
 *   statistics  Relaxed.  Those that reserving changes are under the lock.
 *   fresh       Release, and acquire where it is taken away: the thread that
 *               decides on waking for a record, behind whose fence it has to
 *               be, need not be the one that wrote it. */

void
ring_shared_lane_init(struct ring_shared_lane *shared,
                      const struct ovs_ring_control *control, void *producer,
                      const void *consumer, uint32_t index)
{
    ovs_spin_init(&shared->lock);
    ring_lane_init(&shared->lane, control, producer, consumer, index,
                   UINT32_MAX);
    shared->fresh = 0;
}

void
ring_shared_lane_uninit(struct ring_shared_lane *shared)
{
    ring_lane_uninit(&shared->lane);
    ovs_spin_destroy(&shared->lock);
}

int
ring_shared_lane_reserve(struct ring_shared_lane *shared,
                         const struct ring_head *head, struct ring_slot *slot)
{
    int error;

    ovs_spin_lock(&shared->lock);
    error = ring_lane_reserve(&shared->lane, head, slot);
    ovs_spin_unlock(&shared->lock);
    return error;
}

static void
finish(struct ring_shared_lane *shared, const struct ring_slot *slot)
{
    ring_add_release(&shared->fresh, ring_record_size(slot->len));
    ring_add_release(&shared->lane.segs[slot->seg].n_done, 1);
}

void
ring_shared_lane_commit(struct ring_shared_lane *shared,
                        const struct ring_slot *slot)
{
    struct ovs_ring_lane *stats = shared->lane.shared;
    uint8_t flags = slot->record->flags;

    ring_slot_publish__(slot, 0);
    if (flags & OVS_RING_RF_COPY) {
        ring_add_relaxed(&stats->copied, 1);
    } else {
        ring_add_relaxed(&stats->records, 1);
        ring_add_relaxed(&stats->bytes, slot->len);
        if (flags & OVS_RING_RF_TRUNCATED) {
            ring_add_relaxed(&stats->truncated, 1);
        }
    }
    finish(shared, slot);
}

void
ring_shared_lane_discard(struct ring_shared_lane *shared,
                         const struct ring_slot *slot)
{
    if (slot->record->flags & OVS_RING_RF_LOST) {
        ovs_spin_lock(&shared->lock);
        shared->lane.lost = true;
        ovs_spin_unlock(&shared->lock);
    }
    ring_slot_publish__(slot, OVS_RING_R_DISCARD);
    ring_add_relaxed(&shared->lane.shared->discarded, 1);
    finish(shared, slot);
}

int
ring_shared_lane_copied(struct ring_shared_lane *shared, uint64_t len,
                        uint64_t cookie)
{
    struct ring_slot slot;
    int error;

    ovs_spin_lock(&shared->lock);
    error = ring_lane_reserve_copy__(&shared->lane, len, cookie, &slot);
    ovs_spin_unlock(&shared->lock);
    if (!error) {
        ring_shared_lane_commit(shared, &slot);
    }
    return error;
}

void
ring_shared_lane_lose(struct ring_shared_lane *shared, uint64_t len)
{
    ovs_spin_lock(&shared->lock);
    ring_lane_lose(&shared->lane, len);
    ovs_spin_unlock(&shared->lock);
}

enum ring_wake
ring_shared_lane_wake(struct ring_shared_lane *shared, uint64_t now_us,
                      uint64_t *at_us)
{
    enum ring_wake wake;
    uint64_t fresh;

    ovs_spin_lock(&shared->lock);
    fresh = ring_exchange_acquire(&shared->fresh, 0);
    wake = ring_lane_wake__(&shared->lane, fresh, now_us, at_us);
    ovs_spin_unlock(&shared->lock);
    return wake;
}
