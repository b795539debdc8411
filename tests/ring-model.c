/* SPDX-License-Identifier: Apache-2.0 */

/* R2: the ring's real code, producer and consumer, in all orders in which it
 * can run (model.h), for small rings and few messages. */

#include <config.h>
#undef NDEBUG
#include "model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovs-thread.h"
#include "util.h"

/* In the place of ring-atomic.h. */
#define RING_ATOMIC_H 1
#define ring_load(P, O) ((OVS_TYPEOF(*(P))) model_load(P, sizeof *(P), O))
#define ring_load_relaxed(P) ring_load(P, MODEL_RELAXED)
#define ring_load_acquire(P) ring_load(P, MODEL_ACQUIRE)
#define ring_store_relaxed(P, V) model_store(P, sizeof *(P), V, MODEL_RELAXED)
#define ring_store_release(P, V) model_store(P, sizeof *(P), V, MODEL_RELEASE)
#define ring_add(P, V, O) model_add(P, sizeof *(P), V, O)
#define ring_add_relaxed(P, V)                                  \
    (is_statistic(P) ? model_count(P, sizeof *(P), V)           \
                     : ring_add(P, V, MODEL_RELAXED))
#define ring_add_release(P, V) ring_add(P, V, MODEL_RELEASE)
#define ring_sub_acq_rel(P, V) ring_add(P, -(V), MODEL_ACQ_REL)
#define ring_exchange_acquire(P, V) \
    model_exchange(P, sizeof *(P), V, MODEL_ACQUIRE)
#define ring_fence() model_fence()
#define ring_count(P, N) model_count(P, sizeof *(P), N)

/* Nothing depends on what several producers count. */
static bool is_statistic(const void *);

/* The beginning of an ordinary access stands for all of it. */
#define ring_writes(P, SIZE) model_writes(P, MIN(SIZE, 32))
#define ring_reads(P, SIZE) model_reads(P, MIN(SIZE, 32))

/* And what else the code calls. */
#undef ovs_spin_lock
#define ovs_spin_lock(LOCK) model_lock(LOCK)
#define ovs_spin_unlock(LOCK) model_unlock(LOCK)
#define ovs_spin_init(LOCK) ((void) (LOCK))
#define ovs_spin_destroy(LOCK) ((void) (LOCK))
#define xcalloc(N, SIZE) model_alloc(N, SIZE)
#define reallocarray(P, N, SIZE) model_alloc(N, SIZE)

#include "ring-lane.c"
#include "ring-layout.c"
#define is_size consumer_is_size
#include "ring-consumer.c"
#define finish shared_finish
#include "ring-shared-lane.c"
#include "ring-tx.c"

/* What happened to the messages, by their numbers. */

enum fate { UNUSED, SENT, LOST, DISCARDED, ABANDONED };

#define MAX_MESSAGES 16

static enum fate fates[MAX_MESSAGES];
static uint64_t next_seq;               /* That the consumer may see. */
static struct ovs_ring_rec held;

static struct ovs_ring_control control;
static char *producer_region, *consumer_region;
static struct ring_lane lane;
static struct ring_shared_lane shared_lane;
static struct ring_tx tx;
static struct ovs_ring *ring;
static int bell;                        /* Semaphore on which it sleeps. */

static bool
is_statistic(const void *p)
{
    const struct ovs_ring_lane *s = lane.shared;

    return p >= (void *) &s->records && p < (void *) (s + 1);
}

static void
set_up(uint32_t n_segs, uint32_t n_tx, uint32_t first)
{
    const struct ring_geometry geometry = {
        .ring_class = OVS_RING_QUEUE, .n_lanes = 1, .seg_size = 4096,
        .n_segs = n_segs, .n_tx = n_tx, .tx_data_size = n_tx ? 64 : 0,
    };
    const struct ring_limits limits = { 1, 1 << 20 };
    struct ovs_ring_memory m = { .fd = -1 };
    const char *what;

    MODEL_ASSERT(!ring_layout_init(&geometry, &limits, &control, &what));
    producer_region = model_alloc(1, control.producer_size);
    consumer_region = model_alloc(1, control.consumer_size);
    memcpy(producer_region, &control, sizeof control);
    ring_lane_init(&lane, &control, producer_region, consumer_region, 0, 0);
    ring_shared_lane_init(&shared_lane, &control, producer_region,
                          consumer_region, 0);
    ring_tx_init(&tx, &control, producer_region, consumer_region, 0);
    m.producer = producer_region;
    m.producer_size = control.producer_size;
    m.consumer = consumer_region;
    m.consumer_size = control.consumer_size;
    MODEL_ASSERT(!ovs_ring_open(&m, &ring));
    ovs_ring_set_hold_limit(ring, n_segs);

    /* As if that many segments had been opened before. */
    lane.opened = shared_lane.lane.opened = first;
    ring->lanes[0].k = first;
    lane.shared->prod = ring->lanes[0].prod = (uint64_t) first << 32;

    memset(fates, 0, sizeof fates);
    memset(&held, 0, sizeof held);
    next_seq = 0;
}

/* Producing. */

static void
fill(const struct ring_slot *slot)
{
    uint64_t *p = slot->payload;

    ring_writes(p, 8);
    *p = slot->record->seq + 1000;
}

static bool
reserve_message(size_t len, struct ring_slot *slot)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = len };
    uint64_t seq = lane.seq;

    if (ring_lane_reserve(&lane, &head, slot)) {
        fates[seq] = LOST;
        return false;
    }
    fates[seq] = ABANDONED;
    fill(slot);
    return true;
}

static void
commit(const struct ring_slot *slot)
{
    fates[slot->record->seq] = SENT;
    ring_lane_commit(&lane, slot);
}

static void
discard(const struct ring_slot *slot)
{
    fates[slot->record->seq] = DISCARDED;
    ring_lane_discard(&lane, slot);
}

static void
put_message(size_t len)
{
    struct ring_slot slot;

    if (reserve_message(len, &slot)) {
        commit(&slot);
    }
}

static void
look(void)
{
    uint64_t at;

    if (ring_lane_wake(&lane, 0, &at) == RING_WAKE_NOW) {
        model_post(&bell);
    }
}

/* Consuming. */

static bool
take(void)
{
    struct ovs_ring_rec rec;
    uint64_t n_lost = 0;
    int error;

    error = ovs_ring_next(ring, &rec);
    if (error) {
        MODEL_ASSERT(error == EAGAIN);
        return false;
    }
    MODEL_ASSERT(rec.seq < MAX_MESSAGES && rec.seq >= next_seq);
    for (; next_seq < rec.seq; next_seq++) {
        MODEL_ASSERT(fates[next_seq] == LOST || fates[next_seq] == DISCARDED);
        n_lost += fates[next_seq] == LOST;
    }
    MODEL_ASSERT(fates[rec.seq] == SENT && rec.lost == n_lost);
    MODEL_ASSERT(!n_lost || rec.flags & OVS_RING_RF_LOST
                 || fates[rec.seq - 1] == DISCARDED);
    ring_reads(rec.data, 8);
    MODEL_ASSERT(*(const uint64_t *) rec.data == rec.seq + 1000);
    next_seq = rec.seq + 1;
    if (!held.hold__ && fates[MAX_MESSAGES - 1] == ABANDONED) {
        /* The scenario wants one to be held. */
        held = rec;
        MODEL_ASSERT(!ovs_ring_hold(ring, &held));
    }
    return true;
}

static void
take_4(void)
{
    for (int i = 0; i < 4; i++) {
        take();
    }
}

static void
take_some(void)
{
    for (int i = 0; i < 3; i++) {
        take();
    }
}

/* Everything is accounted for, and the producer can go on. */
static void
check_all(void)
{
    uint64_t n[ABANDONED + 1] = { 0 };
    struct ovs_ring_stats stats;
    uint64_t seq;

    while (take()) {
        continue;
    }
    for (seq = 0; fates[seq]; seq++) {
        n[fates[seq]]++;
        MODEL_ASSERT(seq < next_seq || fates[seq] != SENT);
    }
    ovs_ring_get_stats(ring, &stats);
    MODEL_ASSERT(stats.received == n[SENT] && stats.sent == n[SENT]
                 && stats.lost_records == n[LOST]);
    if (held.hold__ && !n[ABANDONED]) {
        ovs_ring_unhold(ring, &held);
    }
}

/* One producer, two segments, two messages in each: reserve, commit, open,
 * end, release, lose. */

static void
stream_setup(void)
{
    set_up(2, 0, 0);
}

/* Counts of segments wrap around. */
static void
stream_setup_wrap(void)
{
    set_up(2, 0, UINT32_MAX - 1);
}

static void
stream_producer(void)
{
    for (int i = 0; i < 5; i++) {
        put_message(2000);
    }
}

static void
stream_producer_1(void)
{
    for (int i = 0; i < 4; i++) {
        put_message(4000);
    }
}

/* Places that are finished in another order, or not at all. */

static void
places_producer(void)
{
    struct ring_slot a, b, c;
    bool has_a = reserve_message(2000, &a);
    bool has_b = reserve_message(2000, &b);
    bool has_c = reserve_message(2000, &c);

    if (has_b) {
        commit(&b);
    }
    if (has_c) {
        discard(&c);
    }
    if (has_a) {
        commit(&a);
    }
    put_message(2000);
}

/* The producer dies in the middle of a record. */
static void
crash_producer(void)
{
    struct ring_slot a;

    put_message(4000);
    reserve_message(2000, &a);
}

static void
crash_check(void)
{
    struct ovs_ring_control *c = (void *) producer_region;
    struct ovs_ring_rec rec;

    check_all();
    ring_store_release(&c->state, OVS_RING_S_DEAD);
    MODEL_ASSERT(ovs_ring_next(ring, &rec) == ESHUTDOWN);
    MODEL_ASSERT(next_seq == 1);
}

/* A record is held, and somebody else lets it go. */

static int hold_bell;

static void
hold_setup(void)
{
    set_up(2, 0, 0);
    fates[MAX_MESSAGES - 1] = ABANDONED;    /* Hold one. */
}

static void
hold_consumer(void)
{
    bool posted = false;

    for (int i = 0; i < 4; i++) {
        take();
        if (held.hold__ && !posted) {
            model_post(&hold_bell);
            posted = true;
        }
    }
    if (!posted) {
        model_post(&hold_bell);
    }
}

static void
hold_releaser(void)
{
    model_wait(&hold_bell);
    if (held.hold__) {
        struct ovs_ring_rec rec = held;

        ring_reads(rec.data, 8);
        MODEL_ASSERT(*(const uint64_t *) rec.data == rec.seq + 1000);
        ovs_ring_unhold(ring, &rec);
    }
}

static void
hold_check(void)
{
    void *was_held = held.hold__;

    held.hold__ = NULL;
    fates[MAX_MESSAGES - 1] = UNUSED;
    check_all();
    MODEL_ASSERT(!was_held || !ring->lanes[0].n_pinned);
}

/* Sleeping and waking: nobody sleeps for ever. */

static void
wake_producer(void)
{
    put_message(100);
    look();
    put_message(100);
    look();
}

/* Once for both. */
static void
wake_producer_batch(void)
{
    put_message(100);
    put_message(100);
    look();
}

/* A record behind which the other one waits. */
static void
wake_producer_late(void)
{
    struct ring_slot a;

    reserve_message(100, &a);
    put_message(100);
    look();
    commit(&a);
    look();
}

static void
wake_producer_discard(void)
{
    struct ring_slot a;

    reserve_message(100, &a);
    put_message(100);
    look();
    discard(&a);
    look();
}

static void
wake_consumer(void)
{
    while (next_seq < 2) {
        if (!take() && ovs_ring_arm(ring)) {
            model_wait(&bell);
            store_armed(ring, 0);
        }
    }
}

/* Two producers of a lane. */

static void
shared_put(size_t len, bool keep)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = len };
    struct ring_slot slot;

    if (ring_shared_lane_reserve(&shared_lane, &head, &slot)) {
        /* No other thread has run since. */
        fates[shared_lane.lane.seq - 1] = LOST;
    } else {
        fates[slot.record->seq] = keep ? SENT : DISCARDED;
        fill(&slot);
        if (keep) {
            ring_shared_lane_commit(&shared_lane, &slot);
        } else {
            ring_shared_lane_discard(&shared_lane, &slot);
        }
    }
}

static void
shared_look(void)
{
    uint64_t at;

    if (ring_shared_lane_wake(&shared_lane, 0, &at) == RING_WAKE_NOW) {
        model_post(&bell);
    }
}

static void
shared_producer(void)
{
    shared_put(4000, true);
    shared_put(4000, true);
}

static void
shared_producer_discard(void)
{
    shared_put(4000, false);
}

/* As wake_consumer(), but sleeps before it has looked, to be done earlier. */
static void
shared_wake_consumer(void)
{
    while (next_seq < 2) {
        if (ovs_ring_arm(ring)) {
            model_wait(&bell);
            store_armed(ring, 0);
        }
        take();
    }
}

static void
shared_wake_producer(void)
{
    shared_put(100, true);
    shared_look();
}

/* A consumer that says of every segment that it is done with it, whatever its
 * generation is going to be. */

static void
liar(void)
{
    for (uint32_t generation = 1; generation <= 3; generation++) {
        for (int i = 0; i < 2; i++) {
            ring_store_release(&ring->lanes[0].released[i], generation);
        }
    }
}

/* Keeps places open; nobody may get the same. */
static void
lied_to_producer(void)
{
    struct ring_slot a, b, c;
    bool has_a, has_b, has_c;

    has_a = reserve_message(4000, &a);
    has_b = reserve_message(4000, &b);
    MODEL_ASSERT(has_a && has_b && a.seg != b.seg);
    MODEL_ASSERT(!reserve_message(4000, &c));
    commit(&a);
    has_c = reserve_message(4000, &c);
    MODEL_ASSERT(!has_c || c.seg == a.seg);
    commit(&b);
    if (has_c) {
        MODEL_ASSERT(*(uint64_t *) c.payload == c.record->seq + 1000);
        commit(&c);
    }
}

/* Likewise for two of them: one never writes where the other one does. */
static void
lied_to_put(void)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 4000 };
    struct ring_slot slot;

    if (!ring_shared_lane_reserve(&shared_lane, &head, &slot)) {
        uint64_t seq = slot.record->seq;

        fill(&slot);
        MODEL_ASSERT(ring_load_relaxed(&slot.record->word)
                     == (OVS_RING_R_BUSY | 4000));
        MODEL_ASSERT(slot.record->seq == seq);
        ring_shared_lane_commit(&shared_lane, &slot);
    }
}

static void
lied_to_shared_producer(void)
{
    lied_to_put();
    lied_to_put();
}

static void
lie_check(void)
{
    const struct ring_lane *l = shared_lane.lane.seq ? &shared_lane.lane
                                                     : &lane;

    MODEL_ASSERT(l->shared->records + l->shared->lost_records == l->seq);
    MODEL_ASSERT(l->seq == 3 || l->seq == 4);
}

/* TX entries: what is taken is what was written. */

static uint64_t tx_sent, tx_taken;

static void
tx_setup(void)
{
    set_up(2, 2, 0);
    tx_sent = tx_taken = 0;
}

static void
tx_consumer(void)
{
    for (int i = 0; i < 4; i++) {
        struct ovs_ring_rec rec = { .seq = tx_sent };
        uint64_t packet[3] = { tx_sent + 1000, 0, tx_sent };

        if (!(i == 1 ? ovs_ring_accept(ring, &rec)
              : ovs_ring_modify(ring, &rec, packet, sizeof packet))) {
            tx_sent++;
        }
    }
}

static void
tx_take(void)
{
    struct ovs_ring_tx entries[2];
    size_t n = ring_tx_take(&tx, entries, 2);

    for (size_t i = 0; i < n; i++) {
        uint64_t packet[3];

        MODEL_ASSERT(entries[i].id == tx_taken);
        if (entries[i].op == OVS_RING_OP_MODIFY) {
            MODEL_ASSERT(ring_tx_copy_data(&tx, &entries[i], packet,
                                           sizeof packet));
            MODEL_ASSERT(packet[0] == tx_taken + 1000
                         && packet[2] == tx_taken);
        }
        tx_taken++;
    }
    ring_tx_release(&tx);
}

static void
tx_producer(void)
{
    for (int i = 0; i < 3; i++) {
        tx_take();
    }
}

static void
tx_check(void)
{
    tx_take();
    tx_take();
    MODEL_ASSERT(tx_sent >= 2 && tx_taken == tx_sent);
}

#define LIMIT 2000000

static const struct model models[] = {
    { "stream", stream_setup, { stream_producer, take_4 }, check_all, LIMIT },
    { "stream, a segment each", stream_setup, { stream_producer_1, take_4 },
      check_all, LIMIT },
    { "stream, wrapping around", stream_setup_wrap,
      { stream_producer_1, take_4 }, check_all, LIMIT },
    { "places", stream_setup, { places_producer, take_4 }, check_all, LIMIT },
    { "crash", stream_setup, { crash_producer, take_4 }, crash_check, LIMIT },
    { "hold", hold_setup, { stream_producer_1, hold_consumer, hold_releaser },
      hold_check, LIMIT },
    { "wake", stream_setup, { wake_producer, wake_consumer }, check_all,
      LIMIT },
    { "wake, batch", stream_setup, { wake_producer_batch, wake_consumer },
      check_all, LIMIT },
    { "wake, late", stream_setup, { wake_producer_late, wake_consumer },
      check_all, LIMIT },
    { "wake, discard", stream_setup, { wake_producer_discard, wake_consumer },
      check_all, LIMIT },
    { "shared", stream_setup, { shared_producer, shared_producer_discard,
      take_some }, check_all, LIMIT },
    { "shared wake", stream_setup, { shared_wake_producer,
      shared_wake_producer, shared_wake_consumer }, check_all, LIMIT },
    { "liar", stream_setup, { lied_to_producer, liar }, lie_check, LIMIT },
    { "shared liar", stream_setup, { lied_to_shared_producer,
      lied_to_put, liar }, lie_check, LIMIT },
    { "tx", tx_setup, { tx_producer, tx_consumer }, tx_check, LIMIT },
};

/* usage: ring-model [NAME] */
int
main(int argc, char *argv[])
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        if (argc < 2 || !strcmp(argv[1], models[i].name)) {
            uint64_t n = model_run(&models[i]);

            fprintf(stderr, "%s: %"PRIu64" executions\n", models[i].name, n);
            printf("%s: ok\n", models[i].name);
        }
    }
    return 0;
}
