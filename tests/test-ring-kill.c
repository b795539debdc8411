/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 of consumers of rings, and of the ovs-vswitchd whose consumers they
 * are, while packets are under way.  For tests/ring-kill.at.
 *
 *     ovstest test-ring-kill load SOCKET
 *         Sends packets to a dummy device that listens on SOCKET for as long
 *         as it is there.
 *     ovstest test-ring-kill consumers SOCKET N
 *         Has at least N consumers, some at a time, each killed after a while,
 *         at any point of its life, until some of each kind have worked.
 *     ovstest test-ring-kill outlive SOCKET PID
 *         Has consumers, kills process PID, which they are consumers of, and
 *         waits until each of them has noticed.
 *
 * There are consumers of the tap "t", of the queue "q", with verdicts and
 * without, and of flows. */

#include <config.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/ring-client.h"
#include "ovs-atomic.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

#define N_AT_A_TIME 6
#define MAX_LIFE_US 20000
#define N_STREAMS 8

enum kind {
    TAP,
    QUEUE,
    HOLD,                       /* A queue, without verdicts. */
    FLOWS,
    N_KINDS
};

static const char *const kind_names[] = { "tap", "queue", "hold", "flows" };

/* What the consumers have seen, shared by all of them. */
static struct counts {
    atomic_count attached[N_KINDS];
    atomic_count records[N_KINDS];
} *counts;

static void
make_counts(void)
{
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ovs_assert(counts != MAP_FAILED);
}

/* Reads for ever.  Returns when there is nothing more to come. */
static void
consume(struct ovs_ring_client *client, enum kind kind)
{
    struct ovs_ring *ring = ovs_ring_client_ring(client);
    struct ovs_ring_rec rec = { .type = 0 };
    uint64_t id = 0;

    for (;;) {
        int error;

        if (kind == FLOWS && (!id || rec.type == OVS_RING_T_DUMP_END)) {
            id++;
            error = ovs_ring_export(client, id, id % 2, NULL);
            if (error) {
                return;
            }
        }
        while ((error = ovs_ring_next(ring, &rec)) == EAGAIN) {
            ovs_ring_kick(ring);
            ovs_ring_wait(ring, 1000);
        }
        if (error) {
            ovs_assert(error == ESHUTDOWN);
            return;
        }
        atomic_count_inc(&counts->records[kind]);
        if (kind == QUEUE) {
            while (ovs_ring_accept(ring, &rec) == ENOBUFS) {
                ovs_ring_kick(ring);
            }
        }
    }
}

/* Gets a ring, for which others may be in the way.  Returns null when nobody
 * is there any more. */
static struct ovs_ring_client *
attach(const char *socket, enum kind kind)
{
    const struct ovs_ring_spec spec = {
        .ring_class = (kind == FLOWS ? OVS_RING_FLOWS
                       : kind == TAP ? OVS_RING_TAP : OVS_RING_QUEUE),
        .name = kind == FLOWS ? "dummy@ovs-dummy" : kind == TAP ? "t" : "q",
        .seg_size = 16384,
        .n_segs = 8,
        .options = kind == HOLD || kind == QUEUE ? "deadline=50" : NULL,
    };

    for (;;) {
        struct ovs_ring_client *client;
        int error = ovs_ring_connect(socket, &client, NULL);

        if (error == ECONNREFUSED || error == ENOENT) {
            return NULL;
        } else if (!error) {
            if (!ovs_ring_attach(client, &spec, NULL)) {
                return client;
            }
            ovs_ring_disconnect(client);
        }
        usleep(1000);
    }
}

static pid_t
start_consumer(const char *socket, enum kind kind)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    ovs_assert(pid >= 0);
    if (!pid) {
        struct ovs_ring_client *client = attach(socket, kind);

        if (client) {
            atomic_count_inc(&counts->attached[kind]);
            consume(client, kind);
        }
        _exit(0);
    }
    return pid;
}

static void
print_counts(void)
{
    for (int i = 0; i < N_KINDS; i++) {
        printf("%s: %u attached, %u records\n", kind_names[i],
               atomic_count_get(&counts->attached[i]),
               atomic_count_get(&counts->records[i]));
    }
}

/* Did consumers of each kind live long enough to do their work? */
static bool
all_worked(void)
{
    for (int i = 0; i < N_KINDS; i++) {
        if (!atomic_count_get(&counts->attached[i])
            || (i != HOLD && !atomic_count_get(&counts->records[i]))) {
            return false;
        }
    }
    return true;
}

/* Waits until some consumer of 'kind' has attached since there were 'n' of
 * them. */
static void
wait_attached(enum kind kind, unsigned int n)
{
    while (atomic_count_get(&counts->attached[kind]) == n) {
        usleep(100);
    }
}

static void
kill_consumer(pid_t pid)
{
    int status;

    ovs_assert(!kill(pid, SIGKILL));
    ovs_assert(waitpid(pid, &status, 0) == pid);
    /* None had a reason to end by itself. */
    ovs_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
kill_consumers(struct ovs_cmdl_context *ctx)
{
    pid_t pids[N_AT_A_TIME];
    int n = atoi(ctx->argv[2]);
    int n_killed = 0;

    make_counts();
    for (int i = 0; i < N_AT_A_TIME; i++) {
        pids[i] = start_consumer(ctx->argv[1], random_range(N_KINDS));
    }
    while (n_killed < n || !all_worked()) {
        pid_t *pid = &pids[n_killed++ % N_AT_A_TIME];
        enum kind kind = random_range(N_KINDS);
        unsigned int n_attached = atomic_count_get(&counts->attached[kind]);

        kill_consumer(*pid);
        *pid = start_consumer(ctx->argv[1], kind);
        /* Some die before they have a ring, most of them later.  Nobody is in
         * the way of those who need not have it alone. */
        if ((kind == TAP || kind == FLOWS) && random_range(4)) {
            wait_attached(kind, n_attached);
        }
        usleep(random_range(MAX_LIFE_US / N_AT_A_TIME));
    }
    for (int i = 0; i < N_AT_A_TIME; i++) {
        kill_consumer(pids[i]);
        n_killed++;
    }
    print_counts();
    printf("%d killed\n", n_killed);
}

static void
outlive(struct ovs_cmdl_context *ctx)
{
    static const enum kind kinds[] = { TAP, TAP, QUEUE, FLOWS };
    pid_t pids[ARRAY_SIZE(kinds)];

    make_counts();
    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        pids[i] = start_consumer(ctx->argv[1], kinds[i]);
    }
    while (!atomic_count_get(&counts->records[TAP])
           || !atomic_count_get(&counts->records[QUEUE])
           || !atomic_count_get(&counts->records[FLOWS])) {
        usleep(1000);
    }
    usleep(random_range(MAX_LIFE_US));
    ovs_assert(!kill(atoi(ctx->argv[2]), SIGKILL));
    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        int status;

        ovs_assert(waitpid(pids[i], &status, 0) == pids[i]);
        ovs_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    }
    puts("outlived");
}

static int
connect_to(const char *name)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ovs_assert(fd >= 0);
    ovs_strlcpy(un.sun_path, name, sizeof un.sun_path);
    if (connect(fd, (struct sockaddr *) &un, sizeof un)) {
        ovs_fatal(errno, "%s", name);
    }
    return fd;
}

static bool
send_frame(int fd)
{
    static uint8_t frame[2 + 1514];
    size_t len = 60 + random_range(1514 - 60), done = 0;

    memcpy(frame + 2 + 12, "\x12\x34", 2);
    frame[0] = len >> 8;
    frame[1] = len;
    while (done < len + 2) {
        ssize_t n = write(fd, frame + done, len + 2 - done);

        if (n < 0) {
            return false;
        }
        done += n;
    }
    return true;
}

/* A connection is there for the one who connects before the other side has
 * accepted it, but what is sent is read only after. */
static void
wait_until_read(int fd)
{
    int unread;

    while (!ioctl(fd, TIOCOUTQ, &unread) && unread) {
        usleep(100);
    }
}

/* A device takes one piece of each connection at a time. */
static void
load(struct ovs_cmdl_context *ctx)
{
    int fds[N_STREAMS];
    int i;

    signal(SIGPIPE, SIG_IGN);
    for (i = 0; i < N_STREAMS; i++) {
        fds[i] = connect_to(ctx->argv[1]);
        send_frame(fds[i]);
        wait_until_read(fds[i]);
    }
    puts("connected");
    fflush(stdout);
    while (send_frame(fds[i++ % N_STREAMS])) {
        continue;
    }
}

static const struct ovs_cmdl_command commands[] = {
    { "load", "SOCKET", 1, 1, load, OVS_RO },
    { "consumers", "SOCKET N", 2, 2, kill_consumers, OVS_RO },
    { "outlive", "SOCKET PID", 2, 2, outlive, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_ring_kill_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    random_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring-kill", test_ring_kill_main);
