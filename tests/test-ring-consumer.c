/* SPDX-License-Identifier: Apache-2.0 */

/* What the consumer's library does besides reading: waiting, asking a producer
 * to go on, taking turns between lanes. */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command-line.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static const struct ring_geometry geometry = {
    .ring_class = OVS_RING_DUMP, .n_lanes = 1, .seg_size = 4096, .n_segs = 8,
};

static void
test_wait(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct pollfd pfd = { .events = POLLIN };
    struct ovs_ring_stats stats;
    struct ovs_ring_rec rec;
    struct test_ring t;
    uint64_t at;

    test_ring_init_mapped(&t, &geometry);
    pfd.fd = ovs_ring_fd(t.ring);
    ovs_assert(ovs_ring_wait(t.ring, 0) == ETIMEDOUT);
    ovs_assert(ovs_ring_wait(t.ring, 1) == ETIMEDOUT);

    /* With something to read, nobody sleeps. */
    ovs_assert(!test_ring_put(&t.lanes[0], 1, 8));
    ovs_assert(!ovs_ring_wait(t.ring, -1));
    ovs_assert(!ovs_ring_arm(t.ring));
    ovs_ring_get_stats(t.ring, &stats);
    ovs_assert(stats.sleeps == 2);
    ovs_assert(!ovs_ring_next(t.ring, &rec));

    /* Who polls by himself. */
    ovs_assert(ovs_ring_arm(t.ring) && !poll(&pfd, 1, 0));
    ovs_assert(!test_ring_put(&t.lanes[0], 2, 8));
    ovs_assert(ring_lane_wake(&t.lanes[0], 0, &at) == RING_WAKE_NOW);
    ring_memory_wake(t.memory);
    ovs_assert(poll(&pfd, 1, 0) == 1);
    ovs_ring_disarm(t.ring);
    ovs_assert(!poll(&pfd, 1, 0));
    ovs_assert(!ovs_ring_next(t.ring, &rec) && test_ring_id(&rec) == 2);

    /* Who looks for a while before he sleeps. */
    ovs_ring_set_linger(t.ring, 1000);
    ovs_assert(ovs_ring_wait(t.ring, 1) == ETIMEDOUT);
    ovs_assert(!test_ring_put(&t.lanes[0], 3, 8));
    ovs_assert(!ovs_ring_wait(t.ring, -1));
    ovs_assert(ring_lane_wake(&t.lanes[0], 0, &at) == RING_WAKE_NOT);
    ovs_ring_get_stats(t.ring, &stats);
    ovs_assert(stats.sleeps == 4);
    ovs_assert(!ovs_ring_next(t.ring, &rec) && test_ring_id(&rec) == 3);

    /* Forever, until the producer ends. */
    ring_lane_uninit(&t.lanes[0]);
    ring_memory_destroy(t.memory);
    ovs_assert(!ovs_ring_wait(t.ring, -1));
    ovs_assert(ovs_ring_next(t.ring, &rec) == ESHUTDOWN);
    ovs_ring_close(t.ring);
    printf("wait: ok\n");
}

static void
count_kick(void *n_)
{
    int *n = n_;

    (*n)++;
}

/* A producer that has nowhere to go and says so is asked to go on. */
static void
test_parked(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct ovs_ring_memory m;
    struct ovs_ring_rec held, rec;
    struct ovs_ring *ring;
    struct test_ring t;
    int n_kicks = 0;

    test_ring_init(&t, &geometry);
    m = (struct ovs_ring_memory) {
        .producer = t.memory->producer,
        .producer_size = t.memory->control.producer_size,
        .consumer = t.memory->consumer,
        .consumer_size = t.memory->control.consumer_size,
        .fd = t.memory->sleep_fd,
        .kick = count_kick,
        .aux = &n_kicks,
    };
    ovs_assert(!ovs_ring_open(&m, &ring));
    while (!test_ring_put(&t.lanes[0], 0, 4000)) {
        continue;
    }

    /* Not without being asked for; then with each fourth of the ring... */
    for (int i = 0; i < 4; i++) {
        ovs_assert(!ovs_ring_next(ring, &rec));
    }
    ovs_assert(!n_kicks);
    ring_memory_set_state(t.memory, OVS_RING_S_PARKED);
    for (int i = 0; i < 4; i++) {
        ovs_assert(!ovs_ring_next(ring, &rec));
    }
    ovs_assert(n_kicks == 2);

    /* ...before sleeping, and when somebody lets go of a record. */
    held = rec;
    ovs_assert(!ovs_ring_hold(ring, &held));
    ovs_assert(ovs_ring_arm(ring));
    ovs_assert(n_kicks == 3);
    ovs_ring_disarm(ring);
    ovs_assert(!test_ring_put(&t.lanes[0], 0, 4000));
    ovs_assert(!ovs_ring_next(ring, &rec));
    ovs_assert(ovs_ring_next(ring, &rec) == EAGAIN);
    n_kicks = 0;
    ovs_ring_unhold(ring, &held);
    ovs_assert(n_kicks == 1);
    ring_memory_clear_state(t.memory, OVS_RING_S_PARKED);
    ovs_assert(ovs_ring_arm(ring));
    ovs_assert(n_kicks == 1);
    ovs_ring_close(ring);
    test_ring_uninit(&t);
    printf("parked: ok\n");
}

/* A lane that is always full does not keep the others waiting, nor does one
 * whose record is not committed. */
static void
test_lanes(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = 8 };
    struct ring_geometry g = geometry;
    uint64_t seqs[4] = { 0 };
    struct ring_slot slot;
    struct test_ring t;

    g.n_lanes = 4;
    test_ring_init(&t, &g);
    ovs_assert(!ring_lane_reserve(&t.lanes[3], &head, &slot));
    for (int round = 0; round < 1000; round++) {
        struct ovs_ring_rec recs[5];
        bool found = false;
        int waited = 0;
        size_t n;

        while (!test_ring_put(&t.lanes[0], 0, 1000)) {
            continue;
        }
        ovs_assert(!test_ring_put(&t.lanes[1 + round % 2], round, 8));
        while (!found) {
            ovs_assert(!ovs_ring_next_batch(t.ring, recs,
                                            1 + random_range(5), &n));
            for (size_t i = 0; i < n; i++) {
                ovs_assert(recs[i].lane < 3);
                ovs_assert(recs[i].seq - recs[i].lost == seqs[recs[i].lane]);
                seqs[recs[i].lane] = recs[i].seq + 1;
                if (recs[i].lane) {
                    found = true;
                    ovs_assert(test_ring_id(&recs[i]) == round);
                } else if (!found) {
                    /* What is left of one segment, and one more. */
                    ovs_assert(waited++ < 5);
                }
            }
        }
    }
    ring_lane_commit(&t.lanes[3], &slot);
    test_ring_uninit(&t);
    printf("lanes: ok\n");
}

static size_t
count_files(void)
{
    const char *path = "/proc/self/fd";
    size_t n = 0;
    DIR *dir;

    dir = opendir(path);
    ovs_assert(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

/* A consumer that is killed while it reads, waits and answers. */
static void
check_killed(uint32_t n)
{
    struct test_ring t;
    uint64_t at;
    int status;
    pid_t pid;

    test_ring_init_mapped(&t, &geometry);
    ring_memory_wake(t.memory);
    pid = fork();
    ovs_assert(pid >= 0);
    if (!pid) {
        struct ovs_ring_rec rec;

        for (;;) {
            if (ovs_ring_next(t.ring, &rec)) {
                ovs_ring_wait(t.ring, -1);
            }
        }
    }
    ovs_ring_close(t.ring);
    t.ring = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (i == n / 2) {
            ovs_assert(!kill(pid, SIGKILL));
        }
        test_ring_put(&t.lanes[0], i, 100);
        if (ring_lane_wake(&t.lanes[0], 0, &at) == RING_WAKE_NOW) {
            ring_memory_wake(t.memory);
        }
    }
    ovs_assert(waitpid(pid, &status, 0) == pid);
    ring_memory_wake(t.memory);
    test_ring_uninit(&t);
}

static void
test_killed(struct ovs_cmdl_context *ctx)
{
    int n = ctx->argc > 1 ? atoi(ctx->argv[1]) : 200;
    size_t n_files = count_files();

    for (int i = 0; i < n; i++) {
        check_killed(2 + random_range(2000));
    }
    ovs_assert(count_files() == n_files);
    printf("killed: ok\n");
}

static void
test_ring_consumer_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "wait", NULL, 0, 0, test_wait, OVS_RO },
        { "parked", NULL, 0, 0, test_parked, OVS_RO },
        { "lanes", NULL, 0, 0, test_lanes, OVS_RO },
        { "killed", "[ROUNDS]", 0, 1, test_killed, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    random_set_seed(1);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring-consumer", test_ring_consumer_main);
