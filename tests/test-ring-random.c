/* SPDX-License-Identifier: Apache-2.0 */

/* Random operations on a lane, beside a model that knows what each of them has
 * to do: messages in a list, segments as numbers that only grow. */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

enum { N_MESSAGES = 3000, MAX_OPEN = 6, MAX_BATCH = 8, MAX_HELD = 24 };

enum state { OPEN, COMMITTED, COPIED, DISCARDED, LOST };

/* By number. */
struct message {
    enum state state;
    uint32_t len;
    bool lost_flag;
    size_t seg;                 /* The how many-th that was opened. */
};

/* By the order in which they were opened. */
struct segment {
    uint32_t used;
    bool left;                  /* By the reader. */
    uint32_t n_holds;
};

struct model {
    uint32_t seg_size, n_segs, hold_limit;
    struct message messages[N_MESSAGES + 1];
    size_t n_messages;
    struct segment segs[N_MESSAGES + 1];
    size_t n_opened;
    bool lost_flag;
    size_t read_seg, read_message;      /* The reader's position. */
    size_t n_left;              /* Segments passed and left, */
    size_t n_passed;            /* and passed. */
};

static bool
is_returned(const struct segment *s)
{
    return s->left && !s->n_holds;
}

static size_t
model_in_use(const struct model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_opened; i++) {
        n += !is_returned(&m->segs[i]);
    }
    return n;
}

/* Offers a message; returns whether there is space for it. */
static bool
model_reserve(struct model *m, uint32_t len, bool lose)
{
    struct message *msg = &m->messages[m->n_messages];
    uint32_t size = 16 + ROUND_UP(len, 8);

    if (!m->n_opened
        || m->segs[m->n_opened - 1].used + size > m->seg_size - 16) {
        if (model_in_use(m) >= m->n_segs) {
            if (lose) {
                msg->state = LOST;
                m->n_messages++;
                m->lost_flag = true;
            }
            return false;
        }
        m->n_opened++;
    }
    m->segs[m->n_opened - 1].used += size;
    *msg = (struct message) {
        .state = OPEN, .len = len, .lost_flag = m->lost_flag,
        .seg = m->n_opened - 1,
    };
    m->lost_flag = false;
    m->n_messages++;
    return true;
}

static void
model_leave(struct model *m)
{
    while (m->n_left < m->n_passed) {
        m->segs[m->n_left++].left = true;
    }
}

/* Returns what the reader gets next, or null, and how many were lost before
 * it. */
static struct message *
model_next(struct model *m, uint64_t *n_lost)
{
    for (size_t i = m->read_message; i < m->n_messages; i++) {
        struct message *msg = &m->messages[i];

        if (msg->state == LOST) {
            continue;
        }
        m->n_passed = MAX(m->n_passed, msg->seg);
        if (msg->state == OPEN) {
            return NULL;
        }
        if (msg->state != DISCARDED) {
            *n_lost = 0;
            for (size_t j = m->read_message; j < i; j++) {
                *n_lost += m->messages[j].state == LOST;
            }
            m->read_message = i + 1;
            return msg;
        }
    }
    return NULL;
}

struct run {
    struct test_ring t;
    struct model m;
    struct ring_slot open[MAX_OPEN];
    uint64_t open_seqs[MAX_OPEN];
    size_t n_open;
    struct ovs_ring_rec batch[MAX_BATCH];
    size_t n_batch;
    struct ovs_ring_rec held[MAX_HELD];
    size_t n_held;
};

/* Losses before messages that were then discarded are told with the next one
 * that is not; model_next() counts from 'read_message' and has them, too. */

static void
check_rec(const struct run *r, const struct ovs_ring_rec *rec)
{
    const struct message *msg = &r->m.messages[rec->seq];

    if (msg->state == COPIED) {
        const struct ovs_ring_copy *copy = rec->data;

        ovs_assert(copy->cookie == rec->seq);
    } else {
        ovs_assert(rec->len == msg->len
                   && test_ring_is_filled(rec->data, rec->len, rec->seq));
    }
}

static void
op_reserve(struct run *r)
{
    struct ring_head head = {
        .type = OVS_RING_T_PACKET,
        .len = random_range(random_range(4) ? 300 : 4065),
    };
    bool lose = random_range(4);
    uint64_t seq = r->m.n_messages;
    bool ok = model_reserve(&r->m, head.len, lose);
    struct ring_slot slot;
    int error;

    error = (lose ? ring_lane_reserve : ring_lane_try_reserve)(
        &r->t.lanes[0], &head, &slot);
    ovs_assert(error == (ok ? 0 : lose ? ENOBUFS : EAGAIN));
    if (ok) {
        ovs_assert(slot.record->seq == seq);
        test_ring_fill(slot.payload, head.len, seq);
        r->open[r->n_open] = slot;
        r->open_seqs[r->n_open++] = seq;
    }
}

static void
op_finish(struct run *r)
{
    size_t i = random_range(r->n_open);
    struct message *msg = &r->m.messages[r->open_seqs[i]];

    if (random_range(6)) {
        ring_lane_commit(&r->t.lanes[0], &r->open[i]);
        msg->state = COMMITTED;
    } else {
        ring_lane_discard(&r->t.lanes[0], &r->open[i]);
        msg->state = DISCARDED;
        r->m.lost_flag |= msg->lost_flag;
    }
    r->open[i] = r->open[--r->n_open];
    r->open_seqs[i] = r->open_seqs[r->n_open];
}

static void
op_copied(struct run *r)
{
    uint64_t seq = r->m.n_messages;
    bool ok = model_reserve(&r->m, sizeof(struct ovs_ring_copy), true);

    ovs_assert(ring_lane_copied(&r->t.lanes[0], 100000, seq)
               == (ok ? 0 : ENOBUFS));
    if (ok) {
        r->m.messages[seq].state = COPIED;
    }
}

static void
op_next(struct run *r, size_t max)
{
    size_t n = 0;
    int error;

    /* What was returned last is still there. */
    for (size_t i = 0; i < r->n_batch; i++) {
        check_rec(r, &r->batch[i]);
    }
    error = ovs_ring_next_batch(r->t.ring, r->batch, max, &r->n_batch);

    model_leave(&r->m);
    while (n < max) {
        uint64_t n_lost;
        struct message *msg = model_next(&r->m, &n_lost);
        const struct ovs_ring_rec *rec = &r->batch[n];

        if (!msg) {
            break;
        }
        ovs_assert(n++ < r->n_batch);
        ovs_assert(rec->seq == msg - r->m.messages && rec->lost == n_lost);
        ovs_assert(!!(rec->flags & OVS_RING_RF_LOST) == msg->lost_flag);
        ovs_assert(!!(rec->flags & OVS_RING_RF_COPY)
                   == (msg->state == COPIED));
        check_rec(r, rec);
    }
    ovs_assert(r->n_batch == n && error == (n ? 0 : EAGAIN));
    if (!n) {
        model_leave(&r->m);
    }
}

static void
op_hold(struct run *r)
{
    struct ovs_ring_rec *rec = &r->batch[random_range(r->n_batch)];
    const void *data = rec->data;
    struct segment *seg = &r->m.segs[r->m.messages[rec->seq].seg];
    size_t n_pinned = 0;
    bool pin;

    if (rec->hold__) {
        ovs_assert(ovs_ring_hold(r->t.ring, rec) == EALREADY);
        return;
    }
    for (size_t i = 0; i < r->m.n_opened; i++) {
        n_pinned += r->m.segs[i].n_holds > 0;
    }
    pin = seg->n_holds || n_pinned < r->m.hold_limit;
    ovs_assert(!ovs_ring_hold(r->t.ring, rec));
    ovs_assert(pin == (rec->data == data));
    seg->n_holds += pin;
    r->held[r->n_held++] = *rec;
}

static void
op_unhold(struct run *r)
{
    size_t i = random_range(r->n_held);
    struct ovs_ring_rec *rec = &r->held[i];
    uint32_t off = rec->off;
    const uint8_t *in_ring = (const uint8_t *) r->t.lanes[0].data
                             + (size_t) rec->seg * r->m.seg_size + off + 16;

    check_rec(r, rec);
    if (rec->data == in_ring) {
        r->m.segs[r->m.messages[rec->seq].seg].n_holds--;
    }
    for (size_t j = 0; j < r->n_batch; j++) {
        /* If it was copied, its memory is gone. */
        if (r->batch[j].hold__ && r->batch[j].seq == rec->seq) {
            r->batch[j] = r->batch[--r->n_batch];
            break;
        }
    }
    ovs_ring_unhold(r->t.ring, rec);
    r->held[i] = r->held[--r->n_held];
}

static void
check_run(struct run *r)
{
    struct ovs_ring_stats stats;
    uint64_t n[LOST + 1] = { 0 };

    while (r->n_open) {
        op_finish(r);
    }
    do {
        op_next(r, MAX_BATCH);
    } while (r->n_batch);
    while (r->n_held) {
        op_unhold(r);
    }
    ovs_assert(ring_lane_count_free(&r->t.lanes[0]) == r->m.n_segs - 1);
    for (size_t i = 0; i < r->m.n_messages; i++) {
        n[r->m.messages[i].state]++;
    }
    ovs_ring_get_stats(r->t.ring, &stats);
    ovs_assert(stats.received == n[COMMITTED] && stats.sent == n[COMMITTED]
               && stats.copied == n[COPIED] && stats.lost_records == n[LOST]
               && stats.discarded == n[DISCARDED] && stats.lost <= n[LOST]);
}

static void
random_run(uint32_t seed)
{
    struct ring_geometry g = {
        .ring_class = OVS_RING_TAP, .n_lanes = 1, .seg_size = 4096,
    };
    struct run *r = xzalloc(sizeof *r);
    uint32_t appetite;

    random_set_seed(seed);
    appetite = 1 + random_range(4);
    g.n_segs = 1 << (1 + random_range(4));
    g.seg_size <<= random_range(2);
    r->m.seg_size = g.seg_size;
    r->m.n_segs = g.n_segs;
    r->m.hold_limit = random_range(g.n_segs + 1);
    test_ring_init(&r->t, &g);
    ovs_ring_set_hold_limit(r->t.ring, r->m.hold_limit);

    while (r->m.n_messages < N_MESSAGES) {
        switch (random_range(10)) {
        case 0: case 1: case 2:
            if (r->n_open < MAX_OPEN) {
                op_reserve(r);
            }
            break;
        case 3: case 4: case 5:
            if (r->n_open) {
                op_finish(r);
            }
            break;
        case 6:
            op_copied(r);
            break;
        case 7:
            if (random_range(5) < appetite) {
                op_next(r, 1 + random_range(MAX_BATCH));
            }
            break;
        case 8:
            if (r->n_batch && r->n_held < MAX_HELD && !random_range(4)) {
                op_hold(r);
            }
            break;
        case 9:
            if (r->n_held) {
                op_unhold(r);
            }
            break;
        }
        ovs_assert(!r->m.n_opened
                   || ring_lane_count_free(&r->t.lanes[0])
                      == r->m.n_segs - model_in_use(&r->m));
    }
    check_run(r);
    test_ring_uninit(&r->t);
    free(r);
}

static void
test_ring_random_main(int argc, char *argv[])
{
    int n = argc > 1 ? atoi(argv[1]) : 100;

    set_program_name(argv[0]);
    for (int i = 0; i < n; i++) {
        random_run(i + 1);
    }
    printf("%d runs: ok\n", n);
}

OVSTEST_REGISTER("test-ring-random", test_ring_random_main);
