/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-lane.h"

#include <errno.h>
#include <string.h>

#include "ring-atomic.h"
#include "ring-layout.h"
#include "util.h"

/* Words that both sides use, and who waits for what:
 *
 *   prod           Store-release after the header of the new record, with
 *                  BUSY, the END record before it and its word of order[].
 *                  What the consumer finds below 'prod' is thus of this use of
 *                  the segment, not the payload of an earlier one.
 *   record.word    Store-release after the payload.
 *   released[]     Load-acquire before the segment is written over: the
 *                  consumer's reads of it are done.
 *   armed          Load after a full fence after the commit; the consumer
 *                  stores it, fences, and looks at 'prod' and 'word' again.
 *                  One of the two sees the other. */

/* The generation of the segment that is opened as number 'k'. */
static uint32_t
generation(uint32_t k)
{
    return k + 1 ? k + 1 : 1;
}

void
ring_lane_init(struct ring_lane *lane, const struct ovs_ring_control *control,
               void *producer, const void *consumer, uint32_t index,
               uint32_t cpu)
{
    char *lanes = (char *) producer + control->lane_off;
    const char *consumers = (const char *) consumer + control->consumer_off;

    memset(lane, 0, sizeof *lane);
    lane->shared = ALIGNED_CAST(struct ovs_ring_lane *,
                                lanes + (size_t) index * control->lane_stride);
    lane->order = (__u32 *) (lane->shared + 1);
    lane->data = (uint8_t *) producer + control->data_off
                 + index * control->data_stride;
    lane->consumer = ALIGNED_CAST(const struct ovs_ring_consumer *,
                                  consumers + (size_t) index
                                              * control->consumer_stride);
    lane->released = (const __u32 *) (lane->consumer + 1);
    lane->segs = xcalloc(control->n_segs, sizeof *lane->segs);
    lane->seg_size = control->seg_size;
    lane->n_segs = control->n_segs;
    lane->max_record = control->max_record;

    /* As if the last segment were open, and full. */
    lane->seg = lane->n_segs - 1;
    lane->reserved = lane->seg_size;
    lane->shared->cpu = cpu;
}

void
ring_lane_uninit(struct ring_lane *lane)
{
    free(lane->segs);
    lane->segs = NULL;
}

static struct ovs_ring_record *
record_at(const struct ring_lane *lane, uint32_t seg, uint32_t ofs)
{
    return ALIGNED_CAST(struct ovs_ring_record *,
                        lane->data + (size_t) seg * lane->seg_size + ofs);
}

static void
write_header(struct ovs_ring_record *record, uint32_t word,
             const struct ring_head *head, uint8_t flags, uint64_t seq)
{
    /* Nobody looks at it before 'prod' is beyond it. */
    ring_store_relaxed(&record->word, word);
    ring_writes(&record->type, sizeof *record - sizeof record->word);
    record->type = head->type;
    record->flags = flags;
    record->ext_len = head->ext_len;
    record->seq = seq;
}

static bool
is_free(const struct ring_lane *lane, uint32_t seg)
{
    const struct ring_segment *s = &lane->segs[seg];

    if (s->generation
        && ring_load_acquire(&lane->released[seg]) != s->generation) {
        return false;
    }
    /* Acquire: in a shared lane, another thread may have written there. */
    return ring_load_acquire(&s->n_done) == s->n_reserved;
}

/* Opens a segment that the consumer does not hold, if there is one.  The
 * caller publishes it together with its first record. */
static bool
open_segment(struct ring_lane *lane)
{
    static const struct ring_head end;

    for (uint32_t i = 1; i < lane->n_segs; i++) {
        uint32_t seg = (lane->seg + i) & (lane->n_segs - 1);

        if (!is_free(lane, seg)) {
            continue;
        }
        if (lane->segs[lane->seg].generation) {
            write_header(record_at(lane, lane->seg, lane->reserved),
                         OVS_RING_R_END, &end, 0, 0);
        }
        ring_store_relaxed(&lane->order[lane->opened & (2 * lane->n_segs - 1)],
                           seg);
        lane->segs[seg].generation = generation(lane->opened);
        lane->opened++;
        lane->seg = seg;
        lane->reserved = 0;
        if (i > 1) {
            ring_count(&lane->shared->skipped_segs, i - 1);
        }
        return true;
    }
    return false;
}

void
ring_lane_lose(struct ring_lane *lane, uint64_t len)
{
    lane->seq++;
    lane->lost = true;
    ring_count(&lane->shared->lost_records, 1);
    ring_count(&lane->shared->lost_bytes, len);
}

/* Reserves a place if there is space, and returns whether there is. */
static bool
reserve(struct ring_lane *lane, const struct ring_head *head, uint8_t flags,
        struct ring_slot *slot)
{
    uint32_t size = ring_record_size(head->len);

    if (lane->reserved + size > lane->seg_size - sizeof *slot->record
        && !open_segment(lane)) {
        return false;
    }

    slot->record = record_at(lane, lane->seg, lane->reserved);
    slot->payload = slot->record + 1;
    slot->len = head->len;
    slot->seg = lane->seg;

    flags |= lane->lost ? OVS_RING_RF_LOST : 0;
    lane->lost = false;
    write_header(slot->record, OVS_RING_R_BUSY | head->len, head, flags,
                 lane->seq++);
    lane->segs[lane->seg].n_reserved++;
    lane->reserved += size;
    ring_store_release(&lane->shared->prod,
                       (uint64_t) lane->opened << 32 | lane->reserved);
    return true;
}

int
ring_lane_try_reserve(struct ring_lane *lane, const struct ring_head *head,
                      struct ring_slot *slot)
{
    ovs_assert(!(head->ext_len % 8) && head->ext_len <= head->len);
    if (head->len > lane->max_record) {
        return EMSGSIZE;
    }
    return reserve(lane, head,
                   head->flags & ~(OVS_RING_RF_LOST | OVS_RING_RF_COPY), slot)
           ? 0 : EAGAIN;
}

int
ring_lane_reserve(struct ring_lane *lane, const struct ring_head *head,
                  struct ring_slot *slot)
{
    int error = ring_lane_try_reserve(lane, head, slot);

    if (error == EAGAIN) {
        ring_lane_lose(lane, head->len);
        error = ENOBUFS;
    }
    return error;
}

uint32_t
ring_lane_count_free(const struct ring_lane *lane)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < lane->n_segs; i++) {
        n += is_free(lane, (lane->seg + i) & (lane->n_segs - 1));
    }
    return n;
}

void
ring_slot_publish__(const struct ring_slot *slot, uint32_t word)
{
    /* Release: the header and the payload, which is complete. */
    ring_store_release(&slot->record->word, word | slot->len);
}

/* Counts 'slot' as finished.  After its word was stored: from here on the
 * segment may be written over. */
static void
finish(struct ring_lane *lane, const struct ring_slot *slot)
{
    ring_count(&lane->segs[slot->seg].n_done, 1);
    lane->fresh += ring_record_size(slot->len);
}

void
ring_lane_commit(struct ring_lane *lane, const struct ring_slot *slot)
{
    uint8_t flags = slot->record->flags;

    ring_slot_publish__(slot, 0);
    if (flags & OVS_RING_RF_COPY) {
        ring_count(&lane->shared->copied, 1);
    } else {
        ring_count(&lane->shared->records, 1);
        ring_count(&lane->shared->bytes, slot->len);
        if (flags & OVS_RING_RF_TRUNCATED) {
            ring_count(&lane->shared->truncated, 1);
        }
    }
    finish(lane, slot);
}

void
ring_lane_discard(struct ring_lane *lane, const struct ring_slot *slot)
{
    /* Nobody will see that flag there. */
    if (slot->record->flags & OVS_RING_RF_LOST) {
        lane->lost = true;
    }
    ring_slot_publish__(slot, OVS_RING_R_DISCARD);
    ring_count(&lane->shared->discarded, 1);
    finish(lane, slot);
}

int
ring_lane_reserve_copy__(struct ring_lane *lane, uint64_t len, uint64_t cookie,
                         struct ring_slot *slot)
{
    const struct ring_head head = {
        .type = OVS_RING_T_COPY,
        .len = sizeof(struct ovs_ring_copy),
    };
    struct ovs_ring_copy *copy;

    if (!reserve(lane, &head, OVS_RING_RF_COPY, slot)) {
        ring_lane_lose(lane, len);
        return ENOBUFS;
    }
    copy = slot->payload;
    ring_writes(copy, sizeof *copy);
    copy->len = len;
    copy->cookie = cookie;
    return 0;
}

int
ring_lane_copied(struct ring_lane *lane, uint64_t len, uint64_t cookie)
{
    struct ring_slot slot;
    int error;

    error = ring_lane_reserve_copy__(lane, len, cookie, &slot);
    if (!error) {
        ring_lane_commit(lane, &slot);
    }
    return error;
}

enum ring_wake
ring_lane_wake__(struct ring_lane *lane, uint64_t fresh, uint64_t now_us,
                 uint64_t *at_us)
{
    uint32_t armed, wake_us;

    if (fresh) {
        /* What was committed is to be seen by a consumer whose 'armed' is not
         * seen here. */
        ring_fence();
    } else if (!lane->pending) {
        return RING_WAKE_NOT;
    }

    /* Relaxed: only the value matters, nothing is read because of it. */
    armed = ring_load_relaxed(&lane->consumer->armed);
    if (!armed || armed == lane->woken) {
        /* It is about to look by itself. */
        lane->pending = 0;
        return RING_WAKE_NOT;
    }
    if (armed != lane->armed) {
        /* Before this sleep it has seen what was pending in another one. */
        lane->armed = armed;
        lane->pending = 0;
        if (!fresh) {
            return RING_WAKE_NOT;
        }
    }
    if (!lane->pending) {
        lane->oldest_us = now_us;
    }
    lane->pending += fresh;

    wake_us = ring_load_relaxed(&lane->consumer->wake_us);
    if (lane->pending < ring_load_relaxed(&lane->consumer->wake_bytes)
        && now_us - lane->oldest_us < wake_us && !lane->lost) {
        *at_us = lane->oldest_us + wake_us;
        return RING_WAKE_AT;
    }
    lane->woken = armed;
    lane->pending = 0;
    ring_count(&lane->shared->wakes, 1);
    return RING_WAKE_NOW;
}

enum ring_wake
ring_lane_wake(struct ring_lane *lane, uint64_t now_us, uint64_t *at_us)
{
    uint64_t fresh = lane->fresh;

    lane->fresh = 0;
    return ring_lane_wake__(lane, fresh, now_us, at_us);
}

void
ring_lane_get_stats(const struct ring_lane *lane,
                    struct ring_lane_stats *stats)
{
    ring_lane_get_shared_stats(lane->shared, stats);
}

void
ring_lane_get_shared_stats(const struct ovs_ring_lane *s,
                           struct ring_lane_stats *stats)
{
    stats->records = ring_load_relaxed(&s->records);
    stats->bytes = ring_load_relaxed(&s->bytes);
    stats->lost_records = ring_load_relaxed(&s->lost_records);
    stats->lost_bytes = ring_load_relaxed(&s->lost_bytes);
    stats->copied = ring_load_relaxed(&s->copied);
    stats->truncated = ring_load_relaxed(&s->truncated);
    stats->discarded = ring_load_relaxed(&s->discarded);
    stats->skipped_segs = ring_load_relaxed(&s->skipped_segs);
    stats->wakes = ring_load_relaxed(&s->wakes);
}
