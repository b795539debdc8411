/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_LANE_H
#define RING_LANE_H 1

/* Producer's side of a lane of a ring (openvswitch/ring-abi.h).
 *
 * A record is written in three steps: a place is reserved, which gives it its
 * number and its position at once, the payload is written there, and the
 * record is committed.  Places may be committed in any order; the consumer
 * gets the records in the order in which they were reserved.
 *
 *     struct ring_slot slot;
 *     struct ring_head head = { .type = OVS_RING_T_PACKET, .len = n };
 *
 *     if (!ring_lane_reserve(lane, &head, &slot)) {
 *         memcpy(slot.payload, bytes, n);
 *         ring_lane_commit(lane, &slot);
 *     }
 *     ...once for a batch of them:
 *     switch (ring_lane_wake(lane, now_us, &at_us)) { ... }
 *
 * Thread-safety
 * =============
 *
 * One thread at a time calls the functions for a lane; none of them waits, and
 * none takes longer than to look at each segment once.  For several threads
 * there is ring-shared-lane.h.  Anybody may read the statistics at any time
 * (ring_lane_get_stats()).
 *
 * What the consumer can do
 * ========================
 *
 * It may write anything into its region at any time.  The lane believes
 * nothing of it: a word 'released' is compared with the generation that this
 * side gave to the segment, no position, length or index comes from there.  By
 * a lie the consumer gets a segment written over that it has not read, and
 * that is all.  A segment with a record that is reserved and not committed is
 * not written over even then, because its writer may be in the middle of it;
 * how many those are is counted here, in private memory.
 *
 * Invariants
 * ==========
 *
 *   - 'reserved' is a multiple of 8 and at most seg_size - 16, where there is
 *     room for the END record, from when the first segment was opened on.
 *   - A segment may be opened if it is not the open one, its word in
 *     released[] is the generation that it was given last (or it was never
 *     opened), and 'n_reserved' equals 'n_done'.
 *   - seq == records + lost + copied + discarded + those not yet committed. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/ring-abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ring_segment {
    uint32_t generation;        /* Given when it was opened last, 0 if it was
                                 * not yet. */
    uint32_t n_reserved;        /* Records reserved in it, and those of them */
    uint32_t n_done;            /* that are committed or discarded, modulo
                                 * 2^32. */
};

/* All members are private to ring-lane.c and ring-shared-lane.c. */
struct ring_lane {
    /* Constant. */
    struct ovs_ring_lane *shared;
    __u32 *order;                           /* [2 * n_segs]. */
    uint8_t *data;
    const struct ovs_ring_consumer *consumer;
    const __u32 *released;                  /* [n_segs]. */
    struct ring_segment *segs;              /* [n_segs], private memory. */
    uint32_t seg_size;
    uint32_t n_segs;
    uint32_t max_record;

    /* Position. */
    uint32_t opened;            /* Segments opened so far, modulo 2^32. */
    uint32_t seg;               /* The one that was opened last. */
    uint32_t reserved;          /* Bytes reserved in it. */
    uint64_t seq;               /* Of the next message. */
    bool lost;                  /* Were messages lost since the last record? */

    /* Waking. */
    uint64_t fresh;             /* Bytes committed since the last look. */
    uint32_t armed;             /* The consumer's sleep that was seen last. */
    uint32_t woken;             /* The one that was ended last. */
    uint64_t pending;           /* Bytes committed in this sleep... */
    uint64_t oldest_us;         /* ...the first of them at that time. */
};

/* What is known of a message before it is written. */
struct ring_head {
    enum ovs_ring_type type;
    uint8_t flags;              /* TRUNCATED, TIMESTAMP, LAST. */
    uint16_t ext_len;           /* Multiple of 8, at most 'len'. */
    uint32_t len;               /* Of the payload, 'ext_len' included. */
};

/* A place in a lane, from reserve to commit or discard. */
struct ring_slot {
    struct ovs_ring_record *record;
    void *payload;              /* To be written, 'len' bytes, 8-aligned. */
    uint32_t len;
    uint32_t seg;
};

/* Sets up 'lane' as number 'index' of the ring that 'control' describes, which
 * is in private memory, in regions that are all zeros.  'cpu' is what it
 * serves, UINT32_MAX if that is nothing in particular.  The regions must stay
 * until ring_lane_uninit(). */
void ring_lane_init(struct ring_lane *lane,
                    const struct ovs_ring_control *control, void *producer,
                    const void *consumer, uint32_t index, uint32_t cpu);
void ring_lane_uninit(struct ring_lane *);

/* Reserves a place for the message 'head'.  Returns 0 and fills in '*slot',
 * which must be committed or discarded; ENOBUFS if there is no space, and then
 * the message is counted as lost; EMSGSIZE if it is longer than any record may
 * be, and then nothing was done: the caller truncates it, or sends it another
 * way and calls ring_lane_copied(). */
int ring_lane_reserve(struct ring_lane *, const struct ring_head *head,
                      struct ring_slot *slot);

/* Likewise for a message that the caller can offer again: without space it
 * returns EAGAIN, and nothing was done. */
int ring_lane_try_reserve(struct ring_lane *, const struct ring_head *head,
                          struct ring_slot *slot);

/* Returns how many segments could be opened now, of those that the consumer
 * does not hold. */
uint32_t ring_lane_count_free(const struct ring_lane *);

/* Hands the record to the consumer. */
void ring_lane_commit(struct ring_lane *, const struct ring_slot *slot);

/* Takes it back.  Its number is used up, but no message was lost. */
void ring_lane_discard(struct ring_lane *, const struct ring_slot *slot);

/* Tells the consumer that at this point in the order, a message of 'len' bytes
 * goes by the ordinary way, with 'cookie'.  Returns 0 or ENOBUFS, as
 * ring_lane_reserve(). */
int ring_lane_copied(struct ring_lane *, uint64_t len, uint64_t cookie);

/* Counts a message of 'len' bytes as lost that the caller could not even begin
 * to write. */
void ring_lane_lose(struct ring_lane *, uint64_t len);

enum ring_wake {
    RING_WAKE_NOT,              /* Until something is committed again. */
    RING_WAKE_AT,               /* Ask again at that time, or after the next
                                 * commit. */
    RING_WAKE_NOW,              /* Wake it; counted as done. */
};

/* Says whether the consumer should be woken for what was committed or
 * discarded up to now; has to be asked some time after that, once for many of
 * them.  'now_us' is a monotonic time in microseconds, '*at_us' is one for
 * RING_WAKE_AT. */
enum ring_wake ring_lane_wake(struct ring_lane *, uint64_t now_us,
                              uint64_t *at_us);

/* Statistics, as in struct ovs_ring_lane.  When the lane is idle, 'offered' is
 * records + lost_records + copied. */
struct ring_lane_stats {
    uint64_t records, bytes;
    uint64_t lost_records, lost_bytes;
    uint64_t copied;
    uint64_t truncated;
    uint64_t discarded;
    uint64_t skipped_segs;
    uint64_t wakes;
};

void ring_lane_get_stats(const struct ring_lane *, struct ring_lane_stats *);
/* Likewise for those who have but the memory. */
void ring_lane_get_shared_stats(const struct ovs_ring_lane *,
                                struct ring_lane_stats *);

/* For ring-shared-lane.c: the parts of the above that are the same there. */

/* Ends 'slot', which is not yet counted, with the bits 'word'. */
void ring_slot_publish__(const struct ring_slot *slot, uint32_t word);
/* Reserves and writes what ring_lane_copied() commits. */
int ring_lane_reserve_copy__(struct ring_lane *, uint64_t len, uint64_t cookie,
                             struct ring_slot *slot);
enum ring_wake ring_lane_wake__(struct ring_lane *, uint64_t fresh,
                                uint64_t now_us, uint64_t *at_us);

#ifdef __cplusplus
}
#endif

#endif /* ring-lane.h */
