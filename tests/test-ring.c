/* SPDX-License-Identifier: Apache-2.0 */

/* Each requirement on the ring, by its number, in one thread. */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command-line.h"
#include "openvswitch/util.h"
#include "ovstest.h"
#include "random.h"
#include "ring-tx.h"
#include "util.h"

static const struct ring_geometry small_geometry = {
    .ring_class = OVS_RING_TAP,
    .n_lanes = 1,
    .seg_size = 4096,
    .n_segs = 8,
};

/* R1: geometry. */

struct geometry_case {
    struct ring_geometry g;
    int error;
    const char *what;
};

static const struct ring_limits test_limits = { 4, 64 << 20 };

static void
check_good_geometry(const struct ring_geometry *g)
{
    struct ovs_ring_control c;
    const char *what;
    size_t end;

    ovs_assert(!ring_layout_init(g, &test_limits, &c, &what));

    /* Read back. */
    ovs_assert(c.magic == OVS_RING_MAGIC && c.major == OVS_RING_MAJOR);
    ovs_assert(!memcmp(&c, "OVSR", 4) || htonl(1) == 1);
    ovs_assert(c.n_lanes == g->n_lanes && c.seg_size == g->seg_size
               && c.n_segs == g->n_segs && c.n_tx == g->n_tx
               && c.tx_data_size == g->tx_data_size
               && c.ring_class == g->ring_class);
    ovs_assert(c.max_record == (g->max_record ? g->max_record
                                              : g->seg_size - 32));
    ovs_assert(!!(c.features & OVS_RING_F_TX) == !!g->n_tx);

    /* Aligned, apart from each other, and no more than there is. */
    ovs_assert(!(c.lane_off % 64) && !(c.lane_stride % 64)
               && !(c.consumer_off % 64) && !(c.consumer_stride % 64)
               && !(c.tx_off % 64) && !(c.tx_data_off % 64)
               && !(c.data_off % 4096) && !(c.data_stride % 4096));
    ovs_assert(c.lane_off >= sizeof c);
    ovs_assert(c.lane_stride >= sizeof(struct ovs_ring_lane) + 8 * c.n_segs);
    ovs_assert(c.lane_off + (uint64_t) c.n_lanes * c.lane_stride
               <= c.data_off);
    ovs_assert(c.data_stride == (uint64_t) c.n_segs * c.seg_size);
    ovs_assert(c.data_off + c.n_lanes * c.data_stride == c.producer_size);
    ovs_assert(c.tx_off >= sizeof(struct ovs_ring_consumer) + 4 * c.n_segs);
    ovs_assert(c.tx_data_off >= c.tx_off + 32 * c.n_tx);
    ovs_assert(c.consumer_stride >= c.tx_data_off + c.tx_data_size);
    end = c.consumer_off + (size_t) c.n_lanes * c.consumer_stride;
    ovs_assert(end <= c.consumer_size && c.consumer_size - end < 4096);
}

static void
check_bad_geometry(const struct ring_geometry *g, int expected,
                   const char *expected_what)
{
    struct ovs_ring_control c, untouched;
    const char *what;
    int error;

    memset(&c, 0x55, sizeof c);
    untouched = c;
    error = ring_layout_init(g, &test_limits, &c, &what);
    if (error != expected || strcmp(what, expected_what)) {
        ovs_fatal(0, "%s: %s instead of %s: %s", what, ovs_strerror(error),
                  expected_what, ovs_strerror(expected));
    }
    ovs_assert(!memcmp(&c, &untouched, sizeof c));
}

/* The consumer refuses what is not such a ring, each word on its own. */
static void
check_open(void)
{
    static const struct ring_geometry g = {
        .ring_class = OVS_RING_QUEUE, .n_lanes = 2, .seg_size = 4096,
        .n_segs = 4, .n_tx = 16, .tx_data_size = 4096,
    };
    struct ovs_ring_memory m;
    struct ovs_ring_control *c;
    struct ovs_ring *ring;
    struct test_ring t;
    size_t n_refused = 0;

    test_ring_init(&t, &g);
    c = t.memory->producer;
    m = (struct ovs_ring_memory) {
        .producer = t.memory->producer, .producer_size = c->producer_size,
        .consumer = t.memory->consumer, .consumer_size = c->consumer_size,
        .fd = -1,
    };

    /* The size of either mapping has to be exact. */
    m.producer_size--;
    ovs_assert(ovs_ring_open(&m, &ring) == EPROTO);
    m.producer_size += 2;
    ovs_assert(ovs_ring_open(&m, &ring) == EPROTO);
    m.producer_size--;
    m.consumer_size += 4096;
    ovs_assert(ovs_ring_open(&m, &ring) == EPROTO);
    m.consumer_size -= 4096;
    m.producer_size = 64;
    ovs_assert(ovs_ring_open(&m, &ring) == EPROTO);
    m.producer_size = c->producer_size;

    c->major++;
    ovs_assert(ovs_ring_open(&m, &ring) == EPROTONOSUPPORT);
    c->major--;
    c->minor++;
    c->control_len += 8;
    ovs_assert(!ovs_ring_open(&m, &ring));
    ovs_ring_close(ring);
    c->control_len -= 8;
    c->minor--;

    for (size_t i = 0; i < sizeof *c / 4; i++) {
        static const uint32_t values[] = { 0, 1, 63, 4097, 1 << 21, 1U << 31,
                                           UINT32_MAX };
        uint32_t *word = (uint32_t *) c + i;
        uint32_t old = *word;

        for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
            int error;

            *word = values[j];
            error = ovs_ring_open(&m, &ring);
            if (!error) {
                ovs_ring_close(ring);
            } else {
                ovs_assert(error == EPROTO || error == EPROTONOSUPPORT);
                n_refused++;
            }
        }
        *word = old;
    }
    ovs_assert(n_refused > 80);
    ovs_assert(!ovs_ring_open(&m, &ring));
    ovs_ring_close(ring);
    test_ring_uninit(&t);
}

static void
test_geometry(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
#define C OVS_RING_TAP
    static const struct geometry_case cases[] = {
        /* Class, lanes, segments' size and number, longest record, TX. */
        { { C, 1, 4096, 2, 0, 0, 0 }, 0, NULL },
        { { C, 4, 4096, 1024, 0, 0, 0 }, 0, NULL },
        { { C, 1, 1 << 20, 32, 0, 0, 0 }, 0, NULL },
        { { C, 1, 4096, 2, 16, 0, 0 }, 0, NULL },
        { { C, 1, 4096, 2, 4064, 0, 0 }, 0, NULL },
        { { C, 1, 4096, 2, 0, 1, 0 }, 0, NULL },
        { { C, 3, 4096, 2, 0, 65536, 1 << 20 }, 0, NULL },
        { { C, 1, 4096, 2, 0, 2, 64 }, 0, NULL },
        { { OVS_RING_UPCALL, 1, 4096, 2, 0, 0, 0 }, 0, NULL },
        { { OVS_RING_FLOWS, 1, 4096, 2, 0, 0, 0 }, 0, NULL },

        { { 0, 1, 4096, 2, 0, 0, 0 }, EINVAL, "class" },
        { { 6, 1, 4096, 2, 0, 0, 0 }, EINVAL, "class" },
        { { C, 0, 4096, 2, 0, 0, 0 }, EINVAL, "lanes" },
        { { C, 5, 4096, 2, 0, 0, 0 }, EINVAL, "lanes" },
        { { C, UINT32_MAX, 4096, 2, 0, 0, 0 }, EINVAL, "lanes" },
        { { C, 1, 0, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 2048, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 4095, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 4104, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 12288, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 1 << 21, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 1U << 31, 2, 0, 0, 0 }, EINVAL, "segment size" },
        { { C, 1, 4096, 0, 0, 0, 0 }, EINVAL, "segments" },
        { { C, 1, 4096, 1, 0, 0, 0 }, EINVAL, "segments" },
        { { C, 1, 4096, 3, 0, 0, 0 }, EINVAL, "segments" },
        { { C, 1, 4096, 2048, 0, 0, 0 }, EINVAL, "segments" },
        { { C, 1, 4096, UINT32_MAX, 0, 0, 0 }, EINVAL, "segments" },
        { { C, 1, 4096, 2, 15, 0, 0 }, EINVAL, "longest record" },
        { { C, 1, 4096, 2, 4065, 0, 0 }, EINVAL, "longest record" },
        { { C, 1, 4096, 2, UINT32_MAX, 0, 0 }, EINVAL, "longest record" },
        { { C, 1, 4096, 2, 0, 3, 0 }, EINVAL, "TX entries" },
        { { C, 1, 4096, 2, 0, 131072, 0 }, EINVAL, "TX entries" },
        { { C, 1, 4096, 2, 0, UINT32_MAX, 0 }, EINVAL, "TX entries" },
        { { C, 1, 4096, 2, 0, 2, 32 }, EINVAL, "TX data size" },
        { { C, 1, 4096, 2, 0, 2, 96 }, EINVAL, "TX data size" },
        { { C, 1, 4096, 2, 0, 2, 1 << 21 }, EINVAL, "TX data size" },
        { { C, 1, 4096, 2, 0, 0, 4096 }, EINVAL, "TX data size" },

        { { C, 1, 1 << 20, 64, 0, 0, 0 }, ENOMEM, "size" },
        { { C, 4, 1 << 20, 1024, 0, 0, 0 }, ENOMEM, "size" },
        { { C, 4, 1 << 20, 16, 0, 65536, 1 << 20 }, ENOMEM, "size" },
    };
#undef C

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (cases[i].error) {
            check_bad_geometry(&cases[i].g, cases[i].error, cases[i].what);
        } else {
            check_good_geometry(&cases[i].g);
        }
    }
    check_open();
    printf("R1: ok\n");
}

/* R3: density. */

static void
test_density(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t seg_sizes[] = { 4096, 65536, 1 << 20 };

    for (size_t i = 0; i < ARRAY_SIZE(seg_sizes); i++) {
        struct ring_geometry g = small_geometry;
        struct ovs_ring_rec rec;
        struct test_ring t;
        uint64_t n = 0;
        double share;

        g.seg_size = seg_sizes[i];
        test_ring_init_mapped(&t, &g);
        while (!test_ring_put(&t.lanes[0], n, 128)) {
            n++;
        }
        share = n * 128.0 / ((double) g.seg_size * g.n_segs);
        ovs_assert(share >= (seg_sizes[i] == 4096 ? .87 : .88));

        /* All of them are there, aligned, within their segment. */
        for (uint64_t j = 0; j < n; j++) {
            ovs_assert(!ovs_ring_next(t.ring, &rec));
            ovs_assert(rec.seq == j && rec.len == 128 && !rec.lost);
            ovs_assert(!((uintptr_t) rec.data % 8));
            ovs_assert(rec.off + 16 + 128 + 16 <= g.seg_size);
            ovs_assert(test_ring_is_filled(rec.data, rec.len, j));
        }
        ovs_assert(ovs_ring_next(t.ring, &rec) == EAGAIN);
        test_ring_uninit(&t);
    }
    printf("R3: ok\n");
}

/* R4: hold. */

/* Has records of 'k' different segments held for ever. */
static void
check_hold(uint32_t n_segs, uint32_t k)
{
    enum { LEN = 1000, PER_SEG = 4 };
    struct ring_geometry g = small_geometry;
    struct ovs_ring_rec held[64];
    struct ovs_ring_stats stats;
    uint64_t sent = 0, seen = 0;
    struct ovs_ring_rec rec;
    uint32_t n_held = 0;
    struct test_ring t;
    int error;

    g.n_segs = n_segs;
    test_ring_init_mapped(&t, &g);
    ovs_ring_set_hold_limit(t.ring, n_segs);

    while (sent < 40 * n_segs * PER_SEG) {
        /* Takes a segment's worth at a time. */
        for (int i = 0; i < PER_SEG && n_held + 1 < n_segs; i++) {
            ovs_assert(!test_ring_put(&t.lanes[0], sent, LEN));
            sent++;
        }
        while (!(error = ovs_ring_next(t.ring, &rec))) {
            ovs_assert(rec.seq == seen && !rec.lost);
            ovs_assert(test_ring_is_filled(rec.data, LEN, seen));
            seen++;
            if (n_held < k && !(seen % PER_SEG)) {
                held[n_held] = rec;
                ovs_assert(!ovs_ring_hold(t.ring, &held[n_held]));
                ovs_assert(held[n_held].data == rec.data);
                n_held++;
            }
        }
        ovs_assert(error == EAGAIN);
        ovs_assert(seen == sent);
        if (n_held + 1 == n_segs) {
            break;
        }
    }
    ovs_assert(n_held == k);

    if (k + 1 == n_segs) {
        /* Nowhere to go but the open segment. */
        uint64_t lost = 0;

        while (!test_ring_put(&t.lanes[0], sent, LEN)) {
            sent++;
            ovs_assert(!ovs_ring_next(t.ring, &rec) && rec.seq == seen++);
        }
        lost++;
        for (int i = 0; i < 10; i++) {
            ovs_assert(test_ring_put(&t.lanes[0], 0, LEN) == ENOBUFS);
            lost++;
        }
        ovs_assert(ovs_ring_next(t.ring, &rec) == EAGAIN);
        ovs_ring_get_stats(t.ring, &stats);
        ovs_assert(stats.lost_records == lost
                   && stats.lost_bytes == lost * LEN
                   && !stats.lost && stats.received == seen);

        /* One is enough. */
        ovs_assert(test_ring_is_filled(held[k / 2].data, LEN,
                                       held[k / 2].seq));
        ovs_ring_unhold(t.ring, &held[k / 2]);
        ovs_assert(!test_ring_put(&t.lanes[0], seen + lost, LEN));
        ovs_assert(!ovs_ring_next(t.ring, &rec));
        ovs_assert(rec.seq == seen + lost && rec.lost == lost
                   && rec.flags & OVS_RING_RF_LOST
                   && test_ring_is_filled(rec.data, LEN, rec.seq));
        held[k / 2] = held[n_held - 1];
        n_held--;
    } else {
        ovs_ring_get_stats(t.ring, &stats);
        ovs_assert(!stats.lost && !stats.lost_records);
        ovs_assert(!k == !stats.skipped_segs);
    }

    /* Nobody wrote over them. */
    for (uint32_t i = 0; i < n_held; i++) {
        ovs_assert(test_ring_is_filled(held[i].data, LEN, held[i].seq));
        ovs_ring_unhold(t.ring, &held[i]);
    }
    ovs_assert(ovs_ring_next(t.ring, &rec) == EAGAIN);
    ovs_assert(ring_lane_count_free(&t.lanes[0]) == n_segs - 1);
    test_ring_uninit(&t);
}

/* What would pin too much is copied. */
static void
check_hold_limit(void)
{
    struct ovs_ring_rec held[64], rec;
    struct test_ring t;

    test_ring_init_mapped(&t, &small_geometry);
    for (uint64_t id = 0; id < 64; id++) {
        /* One to a segment. */
        ovs_assert(!test_ring_put(&t.lanes[0], id, 4000));
        ovs_assert(!ovs_ring_next(t.ring, &held[id]));
        rec = held[id];
        ovs_assert(!ovs_ring_hold(t.ring, &held[id]));
        ovs_assert(ovs_ring_hold(t.ring, &held[id]) == EALREADY);
        ovs_assert((held[id].data == rec.data) == (id < 4));
    }
    ovs_assert(ovs_ring_next(t.ring, &rec) == EAGAIN);
    rec = held[63];
    rec.hold__ = NULL;
    ovs_assert(!test_ring_put(&t.lanes[0], 64, 4000));
    ovs_assert(!ovs_ring_next(t.ring, &held[0]) && held[0].seq == 64);
    ovs_assert(ovs_ring_next(t.ring, &held[0]) == EAGAIN);
    ovs_assert(ovs_ring_hold(t.ring, &rec) == ESTALE);
    for (uint64_t id = 1; id < 64; id++) {
        ovs_assert(held[id].seq == id && held[id].len == 4000
                   && test_ring_is_filled(held[id].data, 4000, id));
        ovs_ring_unhold(t.ring, &held[id]);
    }
    test_ring_uninit(&t);
}

static void
test_hold(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (uint32_t n_segs = 2; n_segs <= 32; n_segs *= 2) {
        for (uint32_t k = 0; k < n_segs; k++) {
            check_hold(n_segs, k);
        }
    }
    check_hold_limit();
    printf("R4: ok\n");
}

/* R5: COPY. */

static void
test_copy(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    enum { N = 2000, MAX = 1500 };
    struct ring_geometry g = small_geometry;
    uint64_t other_way[N];          /* What goes by the ordinary way. */
    size_t n_sent = 0, n_taken = 0;
    struct ovs_ring_stats stats;
    struct ovs_ring_rec rec;
    uint64_t expected = 0;
    struct test_ring t;

    g.max_record = MAX;
    test_ring_init_mapped(&t, &g);
    for (uint64_t id = 0; id < N; id++) {
        size_t len = 8 + random_range(2 * MAX);
        int error = test_ring_put(&t.lanes[0], id, len);

        ovs_assert(error == (len > MAX ? EMSGSIZE : 0));
        if (error) {
            other_way[n_sent] = id;
            ovs_assert(!ring_lane_copied(&t.lanes[0], len, ++n_sent));
        }

        /* The two ways merged are complete and in order. */
        while (!random_range(3) && !ovs_ring_next(t.ring, &rec)) {
            ovs_assert(rec.seq == expected);
            if (rec.flags & OVS_RING_RF_COPY) {
                const struct ovs_ring_copy *copy = rec.data;

                ovs_assert(rec.type == OVS_RING_T_COPY
                           && rec.len == sizeof *copy && copy->len > MAX);
                ovs_assert(copy->cookie == n_taken + 1);
                ovs_assert(other_way[n_taken++] == expected);
            } else {
                ovs_assert(test_ring_is_filled(rec.data, rec.len, expected));
            }
            expected++;
        }
        while (ring_lane_count_free(&t.lanes[0]) < 2
               && !ovs_ring_next(t.ring, &rec)) {
            n_taken += !!(rec.flags & OVS_RING_RF_COPY);
            ovs_assert(rec.seq == expected++);
        }
    }
    while (!ovs_ring_next(t.ring, &rec)) {
        n_taken += !!(rec.flags & OVS_RING_RF_COPY);
        ovs_assert(rec.seq == expected++);
    }
    ovs_ring_get_stats(t.ring, &stats);
    ovs_assert(expected == N && n_taken == n_sent);
    ovs_assert(stats.copied == n_sent && stats.sent_copied == n_sent
               && stats.received == N - n_sent && !stats.lost);
    test_ring_uninit(&t);
    printf("R5: ok\n");
}

/* R7: accounting, in randomized overload. */

static void
overload(uint32_t seed)
{
    struct ring_geometry g = small_geometry;
    uint64_t offered = 0, offered_bytes = 0, copied_bytes = 0, truncated = 0;
    struct ring_lane_stats s;
    struct ovs_ring_stats c;
    struct ovs_ring_rec rec;
    struct test_ring t;

    random_set_seed(seed);
    g.n_segs = 1 << (1 + random_range(5));
    test_ring_init(&t, &g);
    while (offered < 2000) {
        /* The consumer is slower, to various degrees. */
        for (uint32_t n = random_range(100); n; n--) {
            struct ring_head head = {
                .type = OVS_RING_T_PACKET,
                .len = 8 + random_range(random_range(8) ? 300 : 4056),
                .flags = random_range(10) ? 0 : OVS_RING_RF_TRUNCATED,
            };
            struct ring_slot slot;
            int error;

            switch (random_range(20)) {
            case 0:
                head.len = 10000 + random_range(100000);
                ovs_assert(ring_lane_reserve(&t.lanes[0], &head, &slot)
                           == EMSGSIZE);
                error = ring_lane_copied(&t.lanes[0], head.len, 0);
                copied_bytes += error ? 0 : head.len;
                break;
            case 1:
                error = ring_lane_try_reserve(&t.lanes[0], &head, &slot);
                if (!error) {
                    ring_lane_discard(&t.lanes[0], &slot);
                } else {
                    ovs_assert(error == EAGAIN);
                }
                continue;
            case 2:
                ring_lane_lose(&t.lanes[0], head.len);
                error = ENOBUFS;
                break;
            default:
                error = ring_lane_reserve(&t.lanes[0], &head, &slot);
                if (!error) {
                    test_ring_fill(slot.payload, head.len, 0);
                    ring_lane_commit(&t.lanes[0], &slot);
                    truncated += !!head.flags;
                }
                break;
            }
            ovs_assert(!error || error == ENOBUFS);
            offered++;
            offered_bytes += head.len;
        }
        for (uint32_t n = random_range(60); n; n--) {
            if (ovs_ring_next(t.ring, &rec)) {
                break;
            }
            /* A loss is told before what comes behind it. */
            ovs_assert(!(rec.flags & OVS_RING_RF_LOST) || rec.lost);
        }
    }

    /* When all is read, losses are told up to the last one. */
    while (!ovs_ring_next(t.ring, &rec)) {
        continue;
    }
    ovs_assert(!test_ring_put(&t.lanes[0], 0, 8));
    offered++;
    offered_bytes += 8;
    ovs_assert(!ovs_ring_next(t.ring, &rec));

    ovs_ring_get_stats(t.ring, &c);
    ring_lane_get_stats(&t.lanes[0], &s);
    ovs_assert(c.received + c.lost + c.copied == offered);
    ovs_assert(s.records + s.lost_records + s.copied == offered);
    ovs_assert(c.received == s.records && c.lost == s.lost_records
               && c.copied == s.copied && c.discarded == s.discarded
               && c.bytes == s.bytes && s.truncated == truncated);
    ovs_assert(s.records + s.lost_records + s.copied + s.discarded
               == rec.seq + 1);
    ovs_assert(s.bytes + s.lost_bytes + copied_bytes == offered_bytes);
    test_ring_uninit(&t);
}

static void
test_accounting(struct ovs_cmdl_context *ctx)
{
    int n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 1000;

    for (int i = 0; i < n; i++) {
        overload(i + 1);
    }
    printf("R7: %d runs: ok\n", n);
}

/* R10: TX entries. */

static const struct ring_geometry queue_geometry = {
    .ring_class = OVS_RING_QUEUE,
    .n_lanes = 2,
    .seg_size = 4096,
    .n_segs = 4,
    .n_tx = 16,
    .tx_data_size = 4096,
};

static void
init_tx(struct test_ring *t, uint32_t lane, struct ring_tx *tx)
{
    ring_tx_init(tx, &t->memory->control, t->memory->producer,
                 t->memory->consumer, lane);
}

static void
check_verdicts(void)
{
    struct ovs_ring_rec rec = { .lane = 1, .seq = 1ULL << 40 };
    struct ovs_ring_tx e[16];
    uint8_t packet[1500];
    struct test_ring t;
    struct ring_tx tx;

    test_ring_init_mapped(&t, &queue_geometry);
    init_tx(&t, 1, &tx);
    ovs_assert(!ring_tx_is_pending(&tx) && !ring_tx_take(&tx, e, 16));
    ovs_assert(!ovs_ring_tx_pending(t.ring, rec.lane));
    ovs_assert(!ovs_ring_accept(t.ring, &rec));
    ovs_assert(!ovs_ring_drop(t.ring, &rec));
    ovs_assert(!ovs_ring_accept_upto(t.ring, &rec));
    ovs_assert(!ovs_ring_drop_upto(t.ring, &rec));
    ovs_assert(!ovs_ring_mark(t.ring, &rec, 0x1234, 0xffff));
    test_ring_fill(packet, 1234, 99);
    ovs_assert(!ovs_ring_modify(t.ring, &rec, packet, 1234));
    ovs_assert(ring_tx_is_pending(&tx));
    ovs_assert(ring_tx_take(&tx, e, 4) == 4 && ring_tx_is_pending(&tx));
    ovs_assert(ring_tx_take(&tx, e + 4, 12) == 2 && !ring_tx_is_pending(&tx));
    for (int i = 0; i < 6; i++) {
        static const uint8_t ops[] = { 1, 2, 4, 5, 3, 6 };

        ovs_assert(e[i].op == ops[i]);
        ovs_assert(e[i].id == 1ULL << 40 && !e[i].flags);
    }
    ovs_assert(e[4].off == 0x1234 && e[4].mask == 0xffff);
    ovs_assert(e[5].data_len == 1234);
    memset(packet, 0, sizeof packet);
    ovs_assert(!ring_tx_copy_data(&tx, &e[5], packet, 1233));
    ovs_assert(ring_tx_copy_data(&tx, &e[5], packet, 1234));
    ovs_assert(test_ring_is_filled(packet, 1234, 99) && !packet[1234]);
    ovs_assert(ovs_ring_tx_pending(t.ring, rec.lane) == 6);
    ring_tx_release(&tx);
    ovs_assert(!ovs_ring_tx_pending(t.ring, rec.lane));
    ring_tx_count(&tx, 4, 2);

    rec.lane = 2;
    ovs_assert(ovs_ring_accept(t.ring, &rec) == EINVAL);
    ovs_assert(ovs_ring_modify(t.ring, &rec, packet, 1) == EINVAL);
    test_ring_uninit(&t);

    test_ring_init_mapped(&t, &small_geometry);
    rec.lane = 0;
    ovs_assert(ovs_ring_accept(t.ring, &rec) == EOPNOTSUPP);
    init_tx(&t, 0, &tx);
    ovs_assert(!ring_tx_is_pending(&tx) && !ring_tx_take(&tx, e, 16));
    test_ring_uninit(&t);
}

/* What does not lie within the TX data is refused. */
static void
check_tx_bounds(void)
{
    static const struct {
        uint32_t off, len;
        bool ok;
    } cases[] = {
        { 0, 0, true }, { 0, 4096, true }, { 4096, 0, true },
        { 4088, 8, true }, { 4088, 1, true }, { 8, 4088, true },
        { 0, 4097, false }, { 4088, 9, false }, { 8, 4089, false },
        { 4096, 1, false }, { 4104, 0, false }, { 1, 1, false },
        { 4, 4, false }, { UINT32_MAX, 1, false }, { 8, UINT32_MAX, false },
        { UINT32_MAX - 7, 8, false }, { UINT32_MAX - 7, 16, false },
        { 0, UINT32_MAX, false },
    };
    uint8_t dst[8192];
    struct test_ring t;
    struct ring_tx tx;

    test_ring_init(&t, &queue_geometry);
    init_tx(&t, 0, &tx);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ovs_ring_tx e = {
            .data_off = cases[i].off, .data_len = cases[i].len,
        };

        ovs_assert(ring_tx_copy_data(&tx, &e, dst, sizeof dst)
                   == cases[i].ok);
    }
    test_ring_uninit(&t);
}

/* Many of them, of random lengths, taken at random times. */
static void
check_tx_stream(uint32_t seed)
{
    struct ovs_ring_rec rec = { .lane = 0 };
    uint64_t sent = 0, taken = 0, full = 0;
    struct ovs_ring_stats stats;
    struct test_ring t;
    struct ring_tx tx;

    random_set_seed(seed);
    test_ring_init_mapped(&t, &queue_geometry);
    init_tx(&t, 0, &tx);
    while (taken < 3000) {
        struct ovs_ring_tx e[16];
        uint8_t packet[4097];
        size_t n;

        for (n = random_range(20); n; n--) {
            uint32_t len = random_range(random_range(4) ? 700 : 4097);
            int error;

            rec.seq = sent;
            test_ring_fill(packet, len, sent);
            error = len % 5 ? ovs_ring_modify(t.ring, &rec, packet, len)
                            : ovs_ring_accept(t.ring, &rec);
            ovs_assert(!error || error == ENOBUFS);
            if (error) {
                full++;
                break;
            }
            sent++;
        }
        ovs_assert(ovs_ring_modify(t.ring, &rec, packet, 4097)
                   == (sent - taken >= 16 ? ENOBUFS : EMSGSIZE));

        n = ring_tx_take(&tx, e, random_range(17));
        for (size_t i = 0; i < n; i++, taken++) {
            ovs_assert(e[i].id == taken);
            if (e[i].op == OVS_RING_OP_MODIFY) {
                ovs_assert(ring_tx_copy_data(&tx, &e[i], packet, 4096));
                ovs_assert(test_ring_is_filled(packet, e[i].data_len, taken));
            }
        }
        ring_tx_release(&tx);
        ring_tx_count(&tx, n, 0);
    }
    ovs_ring_get_stats(t.ring, &stats);
    ovs_assert(full && stats.tx_taken == taken);
    test_ring_uninit(&t);
}

static void
test_tx(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    check_verdicts();
    check_tx_bounds();
    for (uint32_t seed = 1; seed <= 20; seed++) {
        check_tx_stream(seed);
    }
    printf("R10: ok\n");
}

/* R11: waking. */

static void
test_wake(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct ring_geometry g = small_geometry;
    struct ovs_ring_rec rec;
    struct test_ring t;
    uint64_t at;

#define WAKE(US) ring_lane_wake(&t.lanes[0], US, &at)
#define PUT(LEN) ovs_assert(!test_ring_put(&t.lanes[0], 0, LEN))
#define DRAIN()                                                 \
    while (!ovs_ring_next(t.ring, &rec)) {                      \
        continue;                                               \
    }
    g.seg_size = 65536;
    test_ring_init(&t, &g);

    /* Nobody sleeps. */
    ovs_assert(WAKE(0) == RING_WAKE_NOT);
    PUT(100);
    ovs_assert(WAKE(0) == RING_WAKE_NOT);
    ovs_assert(!ovs_ring_arm(t.ring));
    DRAIN();

    /* With the first record, once a sleep. */
    ovs_assert(ovs_ring_arm(t.ring));
    ovs_assert(WAKE(1) == RING_WAKE_NOT);
    PUT(100);
    ovs_assert(WAKE(2) == RING_WAKE_NOW);
    PUT(100);
    ovs_assert(WAKE(3) == RING_WAKE_NOT);
    ovs_ring_disarm(t.ring);
    DRAIN();
    PUT(100);
    ovs_assert(WAKE(4) == RING_WAKE_NOT);
    DRAIN();
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(100);
    ovs_assert(WAKE(5) == RING_WAKE_NOW);
    ovs_ring_disarm(t.ring);
    DRAIN();

    /* By bytes, headers included. */
    ovs_ring_set_wake(t.ring, 1000, 500);
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(484);
    ovs_assert(WAKE(1000) == RING_WAKE_AT && at == 1500);
    ovs_assert(WAKE(1200) == RING_WAKE_AT && at == 1500);
    PUT(483);
    ovs_assert(WAKE(1300) == RING_WAKE_NOW);
    ovs_ring_disarm(t.ring);
    DRAIN();

    /* By time. */
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(1);
    ovs_assert(WAKE(2000) == RING_WAKE_AT && at == 2500);
    PUT(1);
    ovs_assert(WAKE(2499) == RING_WAKE_AT && at == 2500);
    ovs_assert(WAKE(2500) == RING_WAKE_NOW);
    ovs_assert(WAKE(9999) == RING_WAKE_NOT);
    ovs_ring_disarm(t.ring);
    DRAIN();

    /* What a consumer has read that woke by itself is forgotten. */
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(900);
    ovs_assert(WAKE(3000) == RING_WAKE_AT);
    ovs_ring_disarm(t.ring);
    DRAIN();
    ovs_assert(ovs_ring_arm(t.ring));
    ovs_assert(WAKE(3100) == RING_WAKE_NOT);
    PUT(100);
    ovs_assert(WAKE(3200) == RING_WAKE_AT && at == 3700);
    ovs_ring_disarm(t.ring);
    ovs_assert(WAKE(3700) == RING_WAKE_NOT);
    DRAIN();

    /* At once, if messages are lost. */
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(1);
    ring_lane_lose(&t.lanes[0], 1);
    ovs_assert(WAKE(4000) == RING_WAKE_NOW);
    ovs_ring_disarm(t.ring);
    DRAIN();

    /* Neither with nonsense for a policy. */
    ovs_ring_set_wake(t.ring, UINT32_MAX, UINT32_MAX);
    ovs_assert(ovs_ring_arm(t.ring));
    PUT(1);
    ovs_assert(WAKE(UINT64_MAX - 5) == RING_WAKE_AT);
    ovs_assert(WAKE(UINT64_MAX - 5) == RING_WAKE_AT);
    ovs_ring_disarm(t.ring);
    DRAIN();
    test_ring_uninit(&t);

    /* A record that is discarded or committed late uncovers those behind
     * it. */
    for (int i = 0; i < 2; i++) {
        const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 8 };
        struct ring_slot slot;

        test_ring_init(&t, &small_geometry);
        ovs_assert(!ring_lane_reserve(&t.lanes[0], &head, &slot));
        PUT(8);
        ovs_assert(WAKE(0) == RING_WAKE_NOT);
        ovs_assert(ovs_ring_next(t.ring, &rec) == EAGAIN);
        ovs_assert(ovs_ring_arm(t.ring));
        ovs_assert(WAKE(0) == RING_WAKE_NOT);
        if (i) {
            ring_lane_commit(&t.lanes[0], &slot);
        } else {
            ring_lane_discard(&t.lanes[0], &slot);
        }
        ovs_assert(WAKE(0) == RING_WAKE_NOW);
        ovs_ring_disarm(t.ring);
        ovs_assert(!ovs_ring_next(t.ring, &rec) && rec.seq == 1 - i
                   && !rec.lost);
        test_ring_uninit(&t);
    }
    printf("R11: ok\n");
#undef WAKE
#undef PUT
#undef DRAIN
}

/* R13: what the consumer cannot do with its files. */

static void
check_denied(const char *what, int retval, int expected)
{
    int error = errno;

    if (retval != -1) {
        ovs_fatal(0, "%s: allowed", what);
    } else if (error != expected) {
        ovs_fatal(error, "%s", what);
    }
}

static int
try_map(int fd, size_t size, int prot)
{
    void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED) {
        return -1;
    }
    munmap(p, size);
    return 0;
}

static void
check_sealed(int fd, size_t size, bool writable)
{
    char path[64];
    void *p;
    int rw;

    check_denied("shrink", ftruncate(fd, size - 4096), EPERM);
    check_denied("grow", ftruncate(fd, size + 4096), EPERM);
    check_denied("unseal", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    if (writable) {
        ovs_assert(!try_map(fd, size, PROT_READ | PROT_WRITE));
        return;
    }

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rw = open(path, O_RDWR | O_CLOEXEC);
    ovs_assert(rw >= 0);
    for (int i = 0; i < 2; i++) {
        int f = i ? rw : fd;

        check_denied("mmap", try_map(f, size, PROT_READ | PROT_WRITE), EPERM);
        check_denied("write", write(f, "x", 1), EPERM);
        check_denied("punch", fallocate(f, FALLOC_FL_PUNCH_HOLE
                                           | FALLOC_FL_KEEP_SIZE, 0, 4096),
                     EPERM);
    }
    close(rw);
    p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    ovs_assert(p != MAP_FAILED);
    check_denied("mprotect", mprotect(p, size, PROT_READ | PROT_WRITE),
                 EACCES);
    check_denied("madvise", madvise(p, size, MADV_REMOVE), EACCES);
    munmap(p, size);
}

static void
test_sealed(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct ovs_ring_rec rec;
    struct test_ring t;

    test_ring_init_mapped(&t, &small_geometry);
    check_sealed(t.memory->producer_fd, t.memory->control.producer_size,
                 false);
    check_sealed(t.memory->consumer_fd, t.memory->control.consumer_size,
                 true);

    /* A consumer that takes away the memory of its own region gets zeros, and
     * we do not fault. */
    ovs_assert(!fallocate(t.memory->consumer_fd,
                          FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                          t.memory->control.consumer_size));

    /* What is not the producer's alone cannot make it wait. */
    ovs_assert(!fcntl(t.memory->sleep_fd, F_SETFL, 0));
    ovs_assert(send(t.memory->sleep_fd, "x", 1, MSG_NOSIGNAL) == -1
               && errno == EPIPE);
    for (int i = 0; i < 10000; i++) {
        ring_memory_wake(t.memory);
    }

    ovs_assert(!test_ring_put(&t.lanes[0], 7, 100));
    ovs_assert(!ovs_ring_next(t.ring, &rec) && test_ring_id(&rec) == 7);
    test_ring_uninit(&t);
    printf("R13: ok\n");
}

/* R14: ends. */

static void
check_destroyed(void)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 8 };
    struct ovs_ring_rec rec;
    struct ring_slot slot;
    struct test_ring t;

    test_ring_init_mapped(&t, &small_geometry);
    ovs_assert(!test_ring_put(&t.lanes[0], 7, 100));
    ovs_assert(!ring_lane_reserve(&t.lanes[0], &head, &slot));
    ring_lane_uninit(&t.lanes[0]);
    ring_memory_destroy(t.memory);
    ovs_assert(!ovs_ring_next(t.ring, &rec) && test_ring_id(&rec) == 7);
    ovs_assert(!ovs_ring_wait(t.ring, -1));
    ovs_assert(ovs_ring_next(t.ring, &rec) == ESHUTDOWN);
    ovs_assert(ovs_ring_next(t.ring, &rec) == ESHUTDOWN);
    ovs_ring_close(t.ring);
}

/* A producer that is killed at any point while it writes. */
static void
check_killed(uint32_t n)
{
    struct ovs_ring_rec rec;
    struct ovs_ring *ring;
    uint64_t next = 0;
    struct test_ring t;
    int status, error;
    pid_t pid;

    test_ring_init_mapped(&t, &small_geometry);
    ring = t.ring;
    pid = fork();
    ovs_assert(pid >= 0);
    if (!pid) {
        uint64_t at;

        for (uint64_t id = 0; ; id++) {
            test_ring_put(&t.lanes[0], id, 8 + id % 1000);
            if (ring_lane_wake(&t.lanes[0], 0, &at) == RING_WAKE_NOW) {
                ring_memory_wake(t.memory);
            }
        }
    }
    /* The child alone is the producer. */
    close(t.memory->wake_fd);
    t.memory->wake_fd = -1;

    while (next < n) {
        error = ovs_ring_next(ring, &rec);
        if (error == EAGAIN) {
            ovs_assert(!ovs_ring_wait(ring, -1));
        } else {
            ovs_assert(!error && rec.seq - rec.lost == next);
            ovs_assert(test_ring_is_filled(rec.data, rec.len, rec.seq));
            next = rec.seq + 1;
        }
    }
    kill(pid, SIGKILL);
    while ((error = ovs_ring_next(ring, &rec)) != ESHUTDOWN) {
        if (error) {
            ovs_assert(error == EAGAIN);
            ovs_assert(!ovs_ring_wait(ring, -1));
        } else {
            ovs_assert(test_ring_is_filled(rec.data, rec.len, rec.seq));
        }
    }
    ovs_assert(waitpid(pid, &status, 0) == pid);
    test_ring_uninit(&t);
}

static void
test_ends(struct ovs_cmdl_context *ctx)
{
    int n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 200;

    check_destroyed();
    for (int i = 0; i < n; i++) {
        check_killed(1 + random_range(500));
    }
    printf("R14: ok\n");
}

static void
test_ring_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "geometry", NULL, 0, 0, test_geometry, OVS_RO },
        { "density", NULL, 0, 0, test_density, OVS_RO },
        { "hold", NULL, 0, 0, test_hold, OVS_RO },
        { "copy", NULL, 0, 0, test_copy, OVS_RO },
        { "accounting", "[RUNS]", 0, 1, test_accounting, OVS_RO },
        { "tx", NULL, 0, 0, test_tx, OVS_RO },
        { "wake", NULL, 0, 0, test_wake, OVS_RO },
        { "sealed", NULL, 0, 0, test_sealed, OVS_RO },
        { "ends", "[ROUNDS]", 0, 1, test_ends, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    random_set_seed(1);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring", test_ring_main);
