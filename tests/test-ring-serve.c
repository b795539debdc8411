/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-ring-serve MESSAGES CONSUMER [ARG]...
 *
 * Is the producer of a ring for the program CONSUMER, which gets the numbers
 * of its three files as its last arguments.  Sends messages, each of which
 * begins with its number, 64 bits, and goes on with bytes that are the number
 * plus their offset.  Expects a verdict for each: "accept" for even ones,
 * "drop" for the others.  Every 100th is too long and only marked.  Then ends
 * the ring and expects the consumer to end. */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/util.h"
#include "ovstest.h"
#include "ring-tx.h"
#include "timeval.h"
#include "util.h"

static void
wake(struct ring_memory *m, struct ring_lane *lane)
{
    uint64_t at;

    if (ring_lane_wake(lane, time_usec(), &at) == RING_WAKE_NOW) {
        ring_memory_wake(m);
    }
}

static void
test_ring_serve_main(int argc, char *argv[])
{
    const struct ring_geometry g = {
        .ring_class = OVS_RING_QUEUE, .n_lanes = 1, .seg_size = 4096,
        .n_segs = 8, .n_tx = 64, .max_record = 1500,
    };
    uint64_t n, sent = 0, answered = 0;
    char numbers[3][16];
    struct test_ring t;
    struct ring_lane *lane = &t.lanes[0];
    struct ring_tx tx;
    char **consumer;
    int status;
    pid_t pid;

    set_program_name(argv[0]);
    if (argc < 3) {
        ovs_fatal(0, "usage: test-ring-serve MESSAGES CONSUMER [ARG]...");
    }
    n = strtoull(argv[1], NULL, 10);
    test_ring_init(&t, &g);
    ring_tx_init(&tx, &t.memory->control, t.memory->producer,
                 t.memory->consumer, 0);

    consumer = xcalloc(argc + 2, sizeof *consumer);
    memcpy(consumer, argv + 2, (argc - 2) * sizeof *consumer);
    pid = fork();
    if (!pid) {
        int fds[] = { t.memory->producer_fd, t.memory->consumer_fd,
                      t.memory->sleep_fd };

        for (int i = 0; i < 3; i++) {
            /* Without O_CLOEXEC. */
            snprintf(numbers[i], sizeof numbers[i], "%d", dup(fds[i]));
            consumer[argc - 2 + i] = numbers[i];
        }
        execvp(consumer[0], consumer);
        ovs_fatal(errno, "%s", consumer[0]);
    }

    while (answered < n) {
        struct ovs_ring_tx entries[16];
        size_t n_entries;

        for (int i = 0; i < 20 && sent < n; i++) {
            const struct ring_head head = {
                .type = OVS_RING_T_PACKET, .len = 8 + sent % 1400,
            };
            struct ring_slot slot;

            if (sent % 100 == 99) {
                /* A marker that has no space is to be lost; not here. */
                if (!ring_lane_count_free(lane)
                    || ring_lane_copied(lane, 5000, sent)) {
                    break;
                }
            } else if (!ring_lane_try_reserve(lane, &head, &slot)) {
                test_ring_fill(slot.payload, head.len, sent);
                ring_lane_commit(lane, &slot);
            } else {
                break;
            }
            sent++;
        }
        wake(t.memory, lane);

        n_entries = ring_tx_take(&tx, entries, ARRAY_SIZE(entries));
        for (size_t i = 0; i < n_entries; i++) {
            ovs_assert(entries[i].id == answered);
            ovs_assert(entries[i].op == (answered % 2 ? OVS_RING_OP_DROP
                                                      : OVS_RING_OP_ACCEPT));
            answered++;
        }
        ring_tx_release(&tx);
        ring_tx_count(&tx, n_entries, 0);
        if (!n_entries) {
            /* It died? */
            ovs_assert(waitpid(pid, &status, WNOHANG) == 0);
            sched_yield();
        }
    }
    test_ring_uninit(&t);
    ovs_assert(waitpid(pid, &status, 0) == pid);
    if (status) {
        ovs_fatal(0, "%s: exit status %d", consumer[0], status);
    }
    free(consumer);
}

OVSTEST_REGISTER("test-ring-serve", test_ring_serve_main);
