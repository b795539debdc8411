/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of lib/xdp-frames.h.
 *
 * usage: ovstest test-xdp-frames basic
 *        ovstest test-xdp-frames threads ROUNDS */

#include <config.h>
#undef NDEBUG
#include "xdp-frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "openvswitch/thread.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

#define BURST (XDP_FRAMES_CACHED / 2)

static void
check_idle(const struct xdp_frames *frames, uint32_t n)
{
    uint32_t idle = xdp_frames_idle(frames, NULL);

    if (idle != n) {
        ovs_fatal(0, "%u frames are idle, not %u", idle, n);
    }
}

/* Gets all 'n' frames, each of them once, and puts them back. */
static void
check_all(struct xdp_frames *frames, uint32_t n)
{
    uint32_t *got = xmalloc(n * sizeof *got);
    bool *seen = xzalloc(n * sizeof *seen);

    for (uint32_t i = 0; i < n; i++) {
        ovs_assert(xdp_frames_get(frames, 1, &got[i]));
        ovs_assert(got[i] < n && !seen[got[i]]);
        seen[got[i]] = true;
    }
    ovs_assert(!xdp_frames_get(frames, 1, got));
    check_idle(frames, 0);
    xdp_frames_put(frames, n, got);
    check_idle(frames, n);
    free(seen);
    free(got);
}

static void
test_get_put(void)
{
    enum { N = 3 * XDP_FRAMES_CACHED + 7 };
    struct xdp_frames *frames = xdp_frames_create(N);
    uint32_t got[N], again[2], cached;

    check_idle(frames, N);
    check_all(frames, N);
    xdp_frames_idle(frames, &cached);
    ovs_assert(cached && cached <= XDP_FRAMES_CACHED);

    /* The last is the first. */
    ovs_assert(xdp_frames_get(frames, BURST, got));
    xdp_frames_put(frames, BURST, got);
    ovs_assert(xdp_frames_get(frames, 2, again));
    ovs_assert(!memcmp(again, &got[BURST - 2], sizeof again));
    xdp_frames_put(frames, 2, again);

    /* All or none. */
    ovs_assert(xdp_frames_get(frames, 1, got));
    for (uint32_t i = 1; i < N - 1; i++) {
        ovs_assert(xdp_frames_get(frames, 1, &got[i]));
    }
    check_idle(frames, 1);
    ovs_assert(!xdp_frames_get(frames, 2, again));
    check_idle(frames, 1);
    ovs_assert(xdp_frames_get(frames, 1, again));
    xdp_frames_put(frames, N - 1, got);
    xdp_frames_put(frames, 1, again);
    check_all(frames, N);
    xdp_frames_destroy(frames);
    xdp_frames_destroy(NULL);
}

static void
test_holders(void)
{
    enum { N = 300 };
    struct xdp_frames *frames = xdp_frames_create(N);
    uint32_t got[40];

    ovs_assert(xdp_frames_get(frames, 40, got));
    for (int i = 0; i < 40; i++) {
        xdp_frames_lend(frames, got[i], i < 30 ? 1 : XDP_FRAMES_MAX_HOLDER);
    }
    ovs_assert(xdp_frames_lent(frames) == 40);

    /* Not of another one, not twice, not what there is not. */
    ovs_assert(!xdp_frames_take_back(frames, got[0], 2));
    ovs_assert(xdp_frames_take_back(frames, got[0], 1));
    ovs_assert(!xdp_frames_take_back(frames, got[0], 1));
    ovs_assert(!xdp_frames_take_back(frames, N, 1));
    ovs_assert(!xdp_frames_take_back(frames, UINT64_MAX, 1));
    ovs_assert(!xdp_frames_take_back(frames,
                                     got[39] + (UINT64_C(1) << 32), 1));
    check_idle(frames, N - 40);
    ovs_assert(xdp_frames_lent(frames) == 39);

    ovs_assert(!xdp_frames_reclaim(frames, 2));
    ovs_assert(xdp_frames_reclaim(frames, 1) == 29);
    check_idle(frames, N - 11);
    ovs_assert(!xdp_frames_reclaim(frames, 1));
    xdp_frames_put(frames, 1, got);
    ovs_assert(xdp_frames_reclaim(frames, XDP_FRAMES_MAX_HOLDER) == 10);
    check_all(frames, N);
    xdp_frames_destroy(frames);
}

/* Pools come and go, more of them than have caches. */
static void
test_pools(void)
{
    enum { POOLS = 40 };
    struct xdp_frames *frames[POOLS] = { NULL };
    uint32_t got[4];

    for (int i = 0; i < 2000; i++) {
        unsigned int p = random_range(POOLS);
        uint32_t n = 100 + p;

        if (!frames[p]) {
            frames[p] = xdp_frames_create(n);
        } else if (random_range(4)) {
            ovs_assert(xdp_frames_get(frames[p], 4, got));
            check_idle(frames[p], n - 4);
            xdp_frames_put(frames[p], 4, got);
        } else {
            check_all(frames[p], n);
            xdp_frames_destroy(frames[p]);
            frames[p] = NULL;
        }
    }
    for (int i = 0; i < POOLS; i++) {
        xdp_frames_destroy(frames[i]);
    }
}

/* What a thread has cached is there for others when it has ended. */

static void *
get_and_put(void *frames_)
{
    struct xdp_frames *frames = frames_;
    uint32_t got[BURST], cached;

    ovs_assert(xdp_frames_get(frames, BURST, got));
    xdp_frames_put(frames, BURST, got);
    xdp_frames_idle(frames, &cached);
    ovs_assert(cached);
    return NULL;
}

static void
test_thread_end(void)
{
    enum { N = 200 };

    for (int i = 0; i < 10; i++) {
        struct xdp_frames *frames = xdp_frames_create(N);
        uint32_t cached;

        for (int j = 0; j < 3; j++) {
            xpthread_join(ovs_thread_create("frames", get_and_put, frames),
                          NULL);
        }
        xdp_frames_idle(frames, &cached);
        ovs_assert(!cached);
        check_all(frames, N);
        xdp_frames_destroy(frames);
    }
}

static void
cmd_basic(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_get_put();
    test_holders();
    test_pools();
    test_thread_end();
    printf("basic: ok\n");
}

/* The storm: threads get, hand on, lend, take back and put, and end with
 * frames of theirs lent, which are reclaimed.  Frames are few, thus are
 * missing all the time.  Who has a frame writes into it, without a lock: of
 * two who have one, or of one who had it just before, ThreadSanitizer
 * tells. */

enum { N_FRAMES = 1500, N_THREADS = 4, N_HELD = 200, N_MAIL = 64 };

struct storm {
    struct xdp_frames *frames;
    atomic_uint16_t has[N_FRAMES];      /* A thread's number, or 0. */
    unsigned int data[N_FRAMES];

    struct ovs_mutex mutex;             /* Packets between threads. */
    uint32_t mail[N_MAIL];
    unsigned int n_mail;
    bool stop;
};

struct storm_thread {
    struct storm *storm;
    uint16_t number;
    uint32_t held[N_HELD];
    unsigned int n_held;
    uint32_t lent[N_HELD];
    unsigned int n_lent;
};

static void
acquire(struct storm_thread *t, uint32_t frame)
{
    uint16_t before;

    atomic_read_relaxed(&t->storm->has[frame], &before);
    ovs_assert(!before);
    atomic_store_relaxed(&t->storm->has[frame], t->number);
    t->storm->data[frame]++;
    t->held[t->n_held++] = frame;
}

static void
release(struct storm_thread *t, uint32_t frame)
{
    uint16_t before;

    atomic_read_relaxed(&t->storm->has[frame], &before);
    ovs_assert(before == t->number);
    t->storm->data[frame]++;
    atomic_store_relaxed(&t->storm->has[frame], 0);
}

static void
storm_step(struct storm_thread *t, uint32_t random)
{
    struct storm *storm = t->storm;
    uint32_t frames[BURST];
    uint32_t n = 1 + (random >> 8) % BURST;

    switch (random % 6) {
    case 0: case 1:
        if (t->n_held + n <= N_HELD
            && xdp_frames_get(storm->frames, n, frames)) {
            for (uint32_t i = 0; i < n; i++) {
                acquire(t, frames[i]);
            }
        }
        break;

    case 2:
        n = MIN(n, t->n_held);
        for (uint32_t i = 0; i < n; i++) {
            frames[i] = t->held[--t->n_held];
            release(t, frames[i]);
        }
        xdp_frames_put(storm->frames, n, frames);
        break;

    case 3:
        ovs_mutex_lock(&storm->mutex);
        while (t->n_held && storm->n_mail < N_MAIL) {
            uint32_t frame = t->held[--t->n_held];

            release(t, frame);
            storm->mail[storm->n_mail++] = frame;
        }
        ovs_mutex_unlock(&storm->mutex);
        break;

    case 4:
        ovs_mutex_lock(&storm->mutex);
        while (t->n_held < N_HELD && storm->n_mail) {
            acquire(t, storm->mail[--storm->n_mail]);
        }
        ovs_mutex_unlock(&storm->mutex);
        break;

    case 5:
        if (random & 64) {
            while (t->n_held && t->n_lent < N_HELD) {
                uint32_t frame = t->held[--t->n_held];

                release(t, frame);
                xdp_frames_lend(storm->frames, frame, t->number);
                t->lent[t->n_lent++] = frame;
            }
        } else {
            while (t->n_lent && t->n_held < N_HELD) {
                uint32_t frame = t->lent[--t->n_lent];

                ovs_assert(xdp_frames_take_back(storm->frames, frame,
                                                t->number));
                acquire(t, frame);
            }
        }
        break;
    }
}

static void *
storm_thread(void *t_)
{
    struct storm_thread *t = t_;

    for (unsigned int i = 0; i < 3000; i++) {
        storm_step(t, random_uint32());
    }
    while (t->n_held) {
        release(t, t->held[--t->n_held]);
        xdp_frames_put(t->storm->frames, 1, &t->held[t->n_held]);
    }
    return NULL;
}

/* Asks all the while. */
static void *
storm_watch(void *storm_)
{
    struct storm *storm = storm_;
    bool stop;

    do {
        xdp_frames_idle(storm->frames, NULL);
        ovs_assert(xdp_frames_lent(storm->frames) <= N_FRAMES);
        ovs_mutex_lock(&storm->mutex);
        stop = storm->stop;
        ovs_mutex_unlock(&storm->mutex);
    } while (!stop);
    return NULL;
}

static void
storm_round(unsigned int *total)
{
    struct storm storm = { .n_mail = 0 };
    struct storm_thread threads[N_THREADS];
    pthread_t ids[N_THREADS], watch;

    storm.frames = xdp_frames_create(N_FRAMES);
    ovs_mutex_init(&storm.mutex);
    for (int i = 0; i < N_FRAMES; i++) {
        atomic_init(&storm.has[i], 0);
    }
    watch = ovs_thread_create("watch", storm_watch, &storm);
    for (int i = 0; i < N_THREADS; i++) {
        threads[i] = (struct storm_thread) {
            .storm = &storm,
            .number = i + 1,
        };
        ids[i] = ovs_thread_create("storm", storm_thread, &threads[i]);
    }
    for (int i = 0; i < N_THREADS; i++) {
        xpthread_join(ids[i], NULL);
        /* Beside those who go on. */
        ovs_assert(xdp_frames_reclaim(storm.frames, i + 1)
                   == threads[i].n_lent);
    }
    ovs_mutex_lock(&storm.mutex);
    storm.stop = true;
    xdp_frames_put(storm.frames, storm.n_mail, storm.mail);
    ovs_mutex_unlock(&storm.mutex);
    xpthread_join(watch, NULL);

    ovs_assert(!xdp_frames_lent(storm.frames));
    check_all(storm.frames, N_FRAMES);
    for (int i = 0; i < N_FRAMES; i++) {
        *total += storm.data[i];
    }
    xdp_frames_destroy(storm.frames);
    ovs_mutex_destroy(&storm.mutex);
}

static void
cmd_threads(struct ovs_cmdl_context *ctx)
{
    unsigned int rounds, total = 0;

    if (!str_to_uint(ctx->argv[1], 10, &rounds)) {
        ovs_fatal(0, "%s: not a number", ctx->argv[1]);
    }
    for (unsigned int i = 0; i < rounds; i++) {
        storm_round(&total);
    }
    ovs_assert(total > rounds * N_FRAMES);
    printf("threads: ok\n");
}

static void
test_xdp_frames_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "basic", NULL, 0, 0, cmd_basic, OVS_RO },
        { "threads", "ROUNDS", 1, 1, cmd_threads, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-xdp-frames", test_xdp_frames_main);
