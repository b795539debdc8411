/* SPDX-License-Identifier: Apache-2.0 */

/* The ring with producers, consumers and attackers that run at the same time.
 * Meant for ThreadSanitizer, too. */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "ring-atomic.h"
#include "ring-shared-lane.h"
#include "ring-tx.h"
#include "util.h"

/* A generator for each thread; random_uint32() is shared by all. */
static uint32_t
next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void
wake(struct test_ring *t, enum ring_wake w)
{
    if (w == RING_WAKE_NOW) {
        ring_memory_wake(t->memory);
    }
}

/* What producer number 'producer' sends as its message number 'count'. */
static uint64_t
message_id(uint32_t producer, uint32_t count)
{
    return (uint64_t) producer << 32 | count;
}

/* Reads until the ring is dead, and checks what it sees. */

#define MAX_PRODUCERS 8
#define N_HELD 16

struct reader {
    struct test_ring *t;
    uint32_t next[MAX_PRODUCERS];   /* Least count that is not yet seen. */
    uint64_t lane_seq[TEST_RING_MAX_LANES];
    uint64_t received, lost, copied, bytes;
    bool sleep;                     /* Or poll. */

    /* Records that another thread lets go of. */
    struct ovs_mutex mutex;
    struct ovs_ring_rec held[N_HELD] OVS_GUARDED;
    size_t n_held OVS_GUARDED;
};

static void
see(struct reader *r, struct ovs_ring_rec *rec)
{
    uint64_t *seq = &r->lane_seq[rec->lane];
    uint32_t producer, count;
    uint64_t id;

    /* What was discarded is neither lost nor seen. */
    ovs_assert(rec->seq - rec->lost >= *seq);
    *seq = rec->seq + 1;
    r->lost += rec->lost;
    if (rec->flags & OVS_RING_RF_COPY) {
        r->copied++;
        return;
    }
    r->received++;
    r->bytes += rec->len;
    id = test_ring_id(rec);
    ovs_assert(test_ring_is_filled(rec->data, rec->len, id));
    producer = id >> 32;
    count = id;
    ovs_assert(producer < MAX_PRODUCERS && count >= r->next[producer]);
    r->next[producer] = count + 1;
}

static void
read_until_dead(struct reader *r)
{
    struct ovs_ring *ring = r->t->ring;
    struct ovs_ring_rec recs[8];
    uint32_t seed = 1;
    int error;
    size_t n;

    for (;;) {
        error = ovs_ring_next_batch(ring, recs,
                                    1 + next_random(&seed) % 8, &n);
        if (error == EAGAIN) {
            if (r->sleep) {
                ovs_assert(!ovs_ring_wait(ring, -1));
            } else {
                sched_yield();
            }
            continue;
        } else if (error) {
            ovs_assert(error == ESHUTDOWN);
            return;
        }
        for (size_t i = 0; i < n; i++) {
            see(r, &recs[i]);
        }
        ovs_mutex_lock(&r->mutex);
        if (r->n_held < N_HELD && !(next_random(&seed) % 4)) {
            ovs_assert(!ovs_ring_hold(ring, &recs[n - 1]));
            r->held[r->n_held++] = recs[n - 1];
        }
        ovs_mutex_unlock(&r->mutex);
    }
}

static void *
reader_main(void *reader)
{
    read_until_dead(reader);
    return NULL;
}

/* Lets go of one record after the other. */
struct releaser {
    struct reader *reader;
    atomic_bool stop;
};

static void *
releaser_main(void *releaser_)
{
    struct releaser *releaser = releaser_;
    struct reader *r = releaser->reader;
    uint32_t seed = 7;
    bool stop;

    do {
        struct ovs_ring_rec rec = { .hold__ = NULL };

        atomic_read(&releaser->stop, &stop);
        ovs_mutex_lock(&r->mutex);
        if (r->n_held) {
            size_t i = next_random(&seed) % r->n_held;

            rec = r->held[i];
            r->held[i] = r->held[--r->n_held];
        }
        ovs_mutex_unlock(&r->mutex);
        if (rec.hold__) {
            stop = false;
            if (!(rec.flags & OVS_RING_RF_COPY)) {
                ovs_assert(test_ring_is_filled(rec.data, rec.len,
                                               test_ring_id(&rec)));
            }
            ovs_ring_unhold(r->t->ring, &rec);
        } else {
            sched_yield();
        }
    } while (!stop);
    return NULL;
}

/* Producers of a lane of their own each, or of one that they share. */

struct producer {
    struct test_ring *t;
    struct ring_shared_lane *shared;    /* Or null: */
    struct ring_lane *lane;
    uint32_t number;
    uint32_t n;                         /* Messages to offer. */
    uint64_t offered_bytes;
};

static int
reserve(struct producer *p, const struct ring_head *head,
        struct ring_slot *slot)
{
    return p->shared ? ring_shared_lane_reserve(p->shared, head, slot)
                     : ring_lane_reserve(p->lane, head, slot);
}

static void
finish(struct producer *p, const struct ring_slot *slot, bool commit)
{
    uint64_t at;

    if (!p->shared) {
        if (commit) {
            ring_lane_commit(p->lane, slot);
        } else {
            ring_lane_discard(p->lane, slot);
        }
        wake(p->t, ring_lane_wake(p->lane, 0, &at));
    } else {
        if (commit) {
            ring_shared_lane_commit(p->shared, slot);
        } else {
            ring_shared_lane_discard(p->shared, slot);
        }
        wake(p->t, ring_shared_lane_wake(p->shared, 0, &at));
    }
}

static void *
producer_main(void *p_)
{
    struct producer *p = p_;
    uint32_t seed = p->number + 1;
    uint32_t count = 0;

    while (count < p->n) {
        struct ring_head head = {
            .type = OVS_RING_T_PACKET,
            .len = 8 + next_random(&seed) % 200,
        };
        struct ring_slot slot;
        uint64_t at;

        switch (next_random(&seed) % 50) {
        case 0:
            /* It is offered for sure, whether the marker has space or not. */
            if (p->shared) {
                ring_shared_lane_copied(p->shared, 5000, 1);
                wake(p->t, ring_shared_lane_wake(p->shared, 0, &at));
            } else {
                ring_lane_copied(p->lane, 5000, 1);
                wake(p->t, ring_lane_wake(p->lane, 0, &at));
            }
            count++;
            break;
        case 1:
            if (p->shared) {
                ring_shared_lane_lose(p->shared, 1);
            } else {
                ring_lane_lose(p->lane, 1);
            }
            count++;
            break;
        case 2:
            if (!reserve(p, &head, &slot)) {
                memset(slot.payload, 0xff, head.len);
                finish(p, &slot, false);
                break;
            }
            count++;            /* Lost. */
            break;
        default:
            if (!reserve(p, &head, &slot)) {
                test_ring_fill(slot.payload, head.len,
                               message_id(p->number, count));
                finish(p, &slot, true);
            } else if (next_random(&seed) % 4) {
                sched_yield();
            }
            count++;
        }
    }
    return NULL;
}

static void
run(size_t n_producers, bool shared, bool sleep, uint32_t n)
{
    const struct ring_geometry geometry = {
        .ring_class = OVS_RING_TAP,
        .n_lanes = shared ? 1 : n_producers,
        .seg_size = 4096,
        .n_segs = 16,
    };
    struct producer producers[MAX_PRODUCERS];
    pthread_t threads[MAX_PRODUCERS];
    struct ring_shared_lane shared_lane;
    pthread_t reader_thread, releaser_thread;
    struct releaser releaser;
    struct ovs_ring_stats stats;
    struct reader reader;
    struct test_ring t;
    uint64_t offered;

    test_ring_init(&t, &geometry);
    if (shared) {
        ring_shared_lane_init(&shared_lane, &t.memory->control,
                              t.memory->producer, t.memory->consumer, 0);
    }
    memset(&reader, 0, sizeof reader);
    reader.t = &t;
    reader.sleep = sleep;
    ovs_mutex_init(&reader.mutex);
    reader_thread = ovs_thread_create("reader", reader_main, &reader);
    releaser.reader = &reader;
    atomic_init(&releaser.stop, false);
    releaser_thread = ovs_thread_create("releaser", releaser_main, &releaser);

    for (size_t i = 0; i < n_producers; i++) {
        producers[i] = (struct producer) {
            .t = &t, .shared = shared ? &shared_lane : NULL,
            .lane = &t.lanes[shared ? 0 : i], .number = i, .n = n,
        };
        threads[i] = ovs_thread_create("producer", producer_main,
                                       &producers[i]);
    }
    for (size_t i = 0; i < n_producers; i++) {
        xpthread_join(threads[i], NULL);
    }

    /* When nothing is held any more, one more record in each lane tells of
     * all losses before it. */
    atomic_store(&releaser.stop, true);
    xpthread_join(releaser_thread, NULL);
    for (size_t i = 0; i < t.n_lanes; i++) {
        struct producer *p = &producers[i];
        const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 8 };
        struct ring_slot slot;

        while ((p->shared ? ring_lane_try_reserve(&p->shared->lane, &head,
                                                  &slot)
                          : ring_lane_try_reserve(p->lane, &head, &slot))) {
            sched_yield();
            ovs_mutex_lock(&reader.mutex);
            while (reader.n_held) {
                ovs_ring_unhold(t.ring, &reader.held[--reader.n_held]);
            }
            ovs_mutex_unlock(&reader.mutex);
        }
        test_ring_fill(slot.payload, 8, message_id(p->number, n));
        finish(p, &slot, true);
    }
    ring_memory_set_state(t.memory, OVS_RING_S_DEAD);
    ring_memory_wake(t.memory);
    xpthread_join(reader_thread, NULL);
    ovs_mutex_lock(&reader.mutex);
    while (reader.n_held) {
        ovs_ring_unhold(t.ring, &reader.held[--reader.n_held]);
    }
    ovs_mutex_unlock(&reader.mutex);

    offered = (uint64_t) n * n_producers + t.n_lanes;
    ovs_ring_get_stats(t.ring, &stats);
    ovs_assert(reader.received + reader.lost + reader.copied == offered);
    ovs_assert(stats.received + stats.lost + stats.copied == offered);
    ovs_assert(stats.sent + stats.lost_records + stats.sent_copied
               == offered);
    ovs_assert(stats.sent == reader.received
               && stats.sent_bytes == reader.bytes
               && stats.lost_records == reader.lost
               && stats.sent_copied == reader.copied);
    ovs_assert(reader.received > offered / 100);

    if (shared) {
        ring_shared_lane_uninit(&shared_lane);
    }
    ovs_mutex_destroy(&reader.mutex);
    test_ring_uninit(&t);
}

static void
test_order(struct ovs_cmdl_context *ctx)
{
    uint32_t n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 20000;

    for (size_t producers = 1; producers <= MAX_PRODUCERS; producers *= 2) {
        for (int i = 0; i < 4; i++) {
            run(producers, i & 1, i & 2, n);
        }
    }
    printf("R6: ok\n");
}

/* A consumer that writes over everything that it may write to. */

struct scribbler {
    uint32_t *words;            /* What it may write to... */
    size_t n_words;
    const uint64_t *prod;       /* ...and what it may see. */
    const uint32_t *order;
    uint32_t *released;
    uint32_t n_segs;
    atomic_bool stop;
};

static void *
scribbler_main(void *s_)
{
    struct scribbler *s = s_;
    uint32_t seed = 12345;
    bool stop;

    do {
        for (int i = 0; i < 100; i++) {
            uint32_t r = next_random(&seed);
            uint32_t k = ring_load_acquire(s->prod) >> 32;

            if (r % 4) {
                /* Generations that were given, or soon will be. */
                uint32_t seg = ring_load_relaxed(
                    &s->order[(k - 1) & (2 * s->n_segs - 1)]);

                ring_store_relaxed(&s->released[r / 4 % s->n_segs],
                                   k - r % (s->n_segs + 2) + 2);
                ring_store_relaxed(&s->released[seg], k);
            } else {
                ring_store_relaxed(&s->words[r / 4 % s->n_words],
                                   r % 8 ? next_random(&seed) : r % 2);
            }
        }
        atomic_read(&s->stop, &stop);
    } while (!stop);
    return NULL;
}

static void
init_scribbler(struct scribbler *s, struct test_ring *t)
{
    struct ring_lane *lane = &t->lanes[0];

    *s = (struct scribbler) {
        .words = t->memory->consumer,
        .n_words = t->memory->control.consumer_size / sizeof(uint32_t),
        .prod = (uint64_t *) &lane->shared->prod,
        .order = lane->order,
        .released = CONST_CAST(uint32_t *, lane->released),
        .n_segs = lane->n_segs,
    };
    atomic_init(&s->stop, false);
}

/* A thread that serves the lane of a consumer who lies, in which it keeps
 * places open, and the one of a consumer who does not. */

#define N_OPEN 12

struct victim {
    struct test_ring *lying, *honest;
    struct ring_tx tx;          /* Of 'lying'. */
    struct ring_slot open[N_OPEN];
    uint64_t ids[N_OPEN];
    size_t n_open;
    uint32_t seed;
    uint32_t n;                 /* Messages for either. */
};

/* Nobody else may get what is open. */
static void
check_place(const struct victim *v, const struct ring_slot *slot)
{
    const struct ring_lane *lane = &v->lying->lanes[0];
    const uint8_t *start = lane->data;
    const uint8_t *end = start + (size_t) lane->n_segs * lane->seg_size;
    const uint8_t *p = (uint8_t *) slot->record;

    ovs_assert(p >= start && p + ring_record_size(slot->len) <= end);
    ovs_assert(slot->payload == slot->record + 1);
    for (size_t i = 0; i < v->n_open; i++) {
        const uint8_t *q = (uint8_t *) v->open[i].record;

        ovs_assert(p + ring_record_size(slot->len) <= q
                   || q + ring_record_size(v->open[i].len) <= p);
    }
}

static void
open_place(struct victim *v, uint64_t id)
{
    const struct ring_head head = {
        .type = OVS_RING_T_PACKET,
        .len = 8 + next_random(&v->seed) % 1000,
    };
    struct ring_slot *slot = &v->open[v->n_open];

    if (!ring_lane_reserve(&v->lying->lanes[0], &head, slot)) {
        check_place(v, slot);
        test_ring_fill(slot->payload, slot->len, id);
        v->ids[v->n_open++] = id;
    }
}

static void
close_place(struct victim *v)
{
    size_t i = next_random(&v->seed) % v->n_open;
    struct ring_slot *slot = &v->open[i];

    ovs_assert(test_ring_is_filled(slot->payload, slot->len, v->ids[i]));
    ovs_assert(slot->record->word == (OVS_RING_R_BUSY | slot->len));
    if (next_random(&v->seed) % 8) {
        ring_lane_commit(&v->lying->lanes[0], slot);
    } else {
        ring_lane_discard(&v->lying->lanes[0], slot);
    }
    v->open[i] = v->open[--v->n_open];
    v->ids[i] = v->ids[v->n_open];
}

/* Looks at the copies as if they were requests. */
static void
take_tx(struct victim *v)
{
    struct ovs_ring_tx entries[4];
    uint32_t good = 0;
    size_t n;

    n = ring_tx_take(&v->tx, entries, ARRAY_SIZE(entries));
    for (size_t i = 0; i < n; i++) {
        uint8_t *data = xmalloc(100);

        if (ring_tx_copy_data(&v->tx, &entries[i], data, 100)) {
            ovs_assert(entries[i].data_len <= 100);
            good++;
        }
        free(data);
    }
    ring_tx_release(&v->tx);
    ring_tx_count(&v->tx, good, n - good);
}

static void *
victim_main(void *v_)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 100 };
    struct victim *v = v_;
    struct ring_slot slot;
    uint64_t at;

    for (uint32_t id = 0; id < v->n; id++) {
        if (v->n_open < N_OPEN) {
            open_place(v, id);
        }
        if (v->n_open && (v->n_open == N_OPEN || next_random(&v->seed) % 2)) {
            close_place(v);
        }
        wake(v->lying, ring_lane_wake(&v->lying->lanes[0], id, &at));
        take_tx(v);

        while (ring_lane_try_reserve(&v->honest->lanes[0], &head, &slot)) {
            sched_yield();
        }
        test_ring_fill(slot.payload, head.len, id);
        ring_lane_commit(&v->honest->lanes[0], &slot);
        wake(v->honest, ring_lane_wake(&v->honest->lanes[0], id, &at));
    }
    while (v->n_open) {
        close_place(v);
    }
    return NULL;
}

static void
test_malicious(struct ovs_cmdl_context *ctx)
{
    const struct ring_geometry geometry = {
        .ring_class = OVS_RING_QUEUE,
        .n_lanes = 1,
        .seg_size = 4096,
        .n_segs = 8,
        .n_tx = 16,
        .tx_data_size = 256,
    };
    pthread_t scribbler_thread, victim_thread;
    struct test_ring lying, honest;
    struct scribbler scribbler;
    struct ring_lane_stats stats;
    struct ovs_ring_rec rec;
    struct victim victim;
    uint64_t id = 0;

    test_ring_init(&lying, &geometry);
    test_ring_init(&honest, &geometry);
    init_scribbler(&scribbler, &lying);
    memset(&victim, 0, sizeof victim);
    victim.lying = &lying;
    victim.honest = &honest;
    victim.seed = 99;
    victim.n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 100000;
    ring_tx_init(&victim.tx, &lying.memory->control, lying.memory->producer,
                 lying.memory->consumer, 0);

    scribbler_thread = ovs_thread_create("scribbler", scribbler_main,
                                         &scribbler);
    victim_thread = ovs_thread_create("victim", victim_main, &victim);
    while (id < victim.n) {
        int error = ovs_ring_next(honest.ring, &rec);

        if (error == EAGAIN) {
            ovs_assert(!ovs_ring_wait(honest.ring, -1));
        } else {
            ovs_assert(!error && !rec.lost && rec.seq == id
                       && test_ring_is_filled(rec.data, rec.len, id));
            id++;
        }
    }
    xpthread_join(victim_thread, NULL);
    atomic_store(&scribbler.stop, true);
    xpthread_join(scribbler_thread, NULL);

    /* It lost some and got some written over, and the count is right. */
    ring_lane_get_stats(&lying.lanes[0], &stats);
    ovs_assert(stats.records && stats.discarded && stats.skipped_segs);
    ovs_assert(stats.records + stats.lost_records + stats.discarded
               == lying.lanes[0].seq);
    test_ring_uninit(&lying);
    test_ring_uninit(&honest);
    printf("malicious consumer: ok\n");
}

static void
test_ring_threads_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "order", "[MESSAGES]", 0, 1, test_order, OVS_RO },
        { "malicious", "[MESSAGES]", 0, 1, test_malicious, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring-threads", test_ring_threads_main);
