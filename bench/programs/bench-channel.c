/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-channel channel ring BATCH WAKE-BYTES WAKE-US SIZE COUNT
 *        bench-channel channel seqpacket|dgram SIZE COUNT
 *        bench-channel hold SEGMENTS HELD SIZE COUNT
 *        bench-channel order lanes|shared|locked PRODUCERS SIZE COUNT
 *
 * What it costs to bring COUNT messages of SIZE bytes from one process to
 * another one, which reads every byte of them.
 *
 * "channel" compares a ring, whose producer looks after each BATCH of messages
 * whether the consumer wants to be woken, with a socket and one recv() for
 * each message.  "hold" has HELD of the ring's SEGMENTS held for ever.
 *
 * "order" has several producing threads and one consuming thread, on all
 * processors: a lane for each, one lane with a lock that is held while the
 * position moves, or one with a lock that is held while the message is copied,
 * too, which is only here. */

#include <config.h>
#include "bench.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/ring.h"
#include "ovs-thread.h"
#include "ring-layout.h"
#include "ring-memory.h"
#include "ring-shared-lane.h"

enum { SEG_SIZE = 65536, N_SEGS = 64, MAX_SIZE = 4096, MAX_PRODUCERS = 8 };

struct channel {
    size_t size;
    uint64_t count;
    uint32_t batch, wake_bytes, wake_us;
    uint32_t n_held;
    int fds[2];                 /* A socket pair... */
    struct ring_memory *memory; /* ...or a ring. */
};

static struct ring_memory *
make_ring(uint32_t n_lanes, uint32_t n_segs)
{
    const struct ring_geometry g = {
        .ring_class = OVS_RING_TAP, .n_lanes = n_lanes, .seg_size = SEG_SIZE,
        .n_segs = n_segs,
    };
    const struct ring_limits limits = { MAX_PRODUCERS, 1 << 30 };
    struct ovs_ring_control control;
    struct ring_memory *memory;
    const char *what;

    BENCH_CHECK(ring_layout_init(&g, &limits, &control, &what), what);
    BENCH_CHECK(ring_memory_create(&control, "bench", &memory), "memfd");
    return memory;
}

static struct ovs_ring *
open_ring(const struct ring_memory *memory)
{
    struct ovs_ring *ring;

    BENCH_CHECK(ovs_ring_open_fds(dup(memory->producer_fd),
                                  dup(memory->consumer_fd),
                                  dup(memory->sleep_fd), &ring), "ring");
    return ring;
}

/* Messages begin with their number; a producer's numbers grow. */
static void
write_message(void *p, const void *from, size_t size, uint64_t number)
{
    memcpy(p, from, size);
    memcpy(p, &number, sizeof number);
}

static const uint64_t message[MAX_SIZE / sizeof(uint64_t)];

static void
produce_ring(struct channel *c)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET,
                                    .len = c->size };
    struct ring_lane lane;
    uint64_t i = 0;
    uint64_t at;

    ring_lane_init(&lane, &c->memory->control, c->memory->producer,
                   c->memory->consumer, 0, UINT32_MAX);
    while (i < c->count) {
        struct ring_slot slot;
        bool full = false;

        for (uint32_t j = 0; j < c->batch && i < c->count; j++) {
            full = ring_lane_try_reserve(&lane, &head, &slot);
            if (full) {
                break;
            }
            write_message(slot.payload, message, c->size, i++);
            ring_lane_commit(&lane, &slot);
        }
        if (ring_lane_wake(&lane, bench_wall_ns() / 1000, &at)
            == RING_WAKE_NOW) {
            ring_memory_wake(c->memory);
        }
        if (full) {
            sched_yield();
        }
    }
    while (ring_lane_wake(&lane, bench_wall_ns() / 1000, &at)
           == RING_WAKE_AT) {
        usleep(100);
    }
    ring_memory_wake(c->memory);
    ring_lane_uninit(&lane);
}

static uint64_t
consume_ring(struct channel *c)
{
    struct ovs_ring *ring = open_ring(c->memory);
    uint32_t n_held = 0, last = UINT32_MAX;
    struct ovs_ring_rec rec;
    uint64_t n = 0, s = 0;

    ovs_ring_set_wake(ring, c->wake_bytes, c->wake_us);
    ovs_ring_set_hold_limit(ring, c->memory->control.n_segs);
    while (n < c->count) {
        int error = ovs_ring_next(ring, &rec);

        if (error == EAGAIN) {
            ovs_ring_wait(ring, -1);
            continue;
        }
        BENCH_CHECK(error, "reading the ring");
        if (rec.seq != n++ || rec.lost) {
            ovs_fatal(0, "a message is missing");
        }
        s += bench_sum(rec.data, rec.len);
        if (n_held < c->n_held && rec.seg != last) {
            last = rec.seg;
            BENCH_CHECK(ovs_ring_hold(ring, &rec), "hold");
            n_held++;
        }
    }
    if (n_held < c->n_held) {
        ovs_fatal(0, "%u segments held of %u", n_held, c->n_held);
    }
    return s;
}

static void
produce_socket(struct channel *c)
{
    uint64_t buf[MAX_SIZE / sizeof(uint64_t)];

    for (uint64_t i = 0; i < c->count; i++) {
        write_message(buf, message, c->size, i);
        if (send(c->fds[0], buf, c->size, 0) != c->size) {
            ovs_fatal(errno, "send");
        }
    }
}

static uint64_t
consume_socket(struct channel *c)
{
    uint64_t buf[MAX_SIZE / sizeof(uint64_t)];
    uint64_t s = 0;

    for (uint64_t i = 0; i < c->count; i++) {
        if (recv(c->fds[1], buf, sizeof buf, 0) != c->size || buf[0] != i) {
            ovs_fatal(errno, "recv");
        }
        s += bench_sum(buf, c->size);
    }
    return s;
}

/* Runs the two sides in a process each and prints what each costs. */
static void
run_channel(struct channel *c, void (*produce)(struct channel *),
            uint64_t (*consume)(struct channel *))
{
    uint64_t consumer_ns[2], start, start_wall;
    int result[2];
    int status;
    pid_t pid;

    if (pipe(result)) {
        ovs_fatal(errno, "pipe");
    }
    pid = fork();
    if (!pid) {
        consumer_ns[0] = bench_process_ns();
        consumer_ns[1] = consume(c);
        consumer_ns[0] = bench_process_ns() - consumer_ns[0];
        ignore(write(result[1], consumer_ns, sizeof consumer_ns));
        _exit(0);
    }
    start = bench_process_ns();
    start_wall = bench_wall_ns();
    produce(c);
    start = bench_process_ns() - start;
    if (waitpid(pid, &status, 0) != pid || status
        || read(result[0], consumer_ns, sizeof consumer_ns)
           != sizeof consumer_ns) {
        ovs_fatal(0, "the consumer failed");
    }
    printf("{\"producer_ns\": %.2f, \"consumer_ns\": %.2f, "
           "\"messages_per_s\": %.0f}\n",
           (double) start / c->count, (double) consumer_ns[0] / c->count,
           c->count * 1e9 / (bench_wall_ns() - start_wall));
}

/* Several producers. */

enum design { LANES, SHARED, LOCKED };

struct crowd {
    enum design design;
    size_t size;
    uint64_t count;             /* Of each producer. */
    uint32_t n_producers;
    struct ring_memory *memory;
    struct ring_lane lanes[MAX_PRODUCERS];
    struct ring_shared_lane shared;
    struct ovs_spin lock;       /* LOCKED: around all of it. */
    uint64_t cpu_ns[MAX_PRODUCERS];
};

struct member {
    struct crowd *crowd;
    uint32_t number;
};

static bool
offer(struct crowd *c, uint32_t number, uint64_t i)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET,
                                    .len = c->size };
    uint64_t id = (uint64_t) number << 32 | i;
    struct ring_slot slot;
    bool ok;

    switch (c->design) {
    case LANES:
        ok = !ring_lane_reserve(&c->lanes[number], &head, &slot);
        if (ok) {
            write_message(slot.payload, message, c->size, id);
            ring_lane_commit(&c->lanes[number], &slot);
        }
        return ok;

    case SHARED:
        ok = !ring_shared_lane_reserve(&c->shared, &head, &slot);
        if (ok) {
            write_message(slot.payload, message, c->size, id);
            ring_shared_lane_commit(&c->shared, &slot);
        }
        return ok;

    case LOCKED:
        ovs_spin_lock(&c->lock);
        ok = !ring_lane_reserve(&c->lanes[0], &head, &slot);
        if (ok) {
            write_message(slot.payload, message, c->size, id);
            ring_lane_commit(&c->lanes[0], &slot);
        }
        ovs_spin_unlock(&c->lock);
        return ok;
    }
    OVS_NOT_REACHED();
}

static void *
crowd_main(void *member_)
{
    struct member *m = member_;
    struct crowd *c = m->crowd;
    uint64_t start = bench_cpu_ns();

    for (uint64_t i = 0; i < c->count; i++) {
        if (!offer(c, m->number, i)) {
            sched_yield();
        }
    }
    c->cpu_ns[m->number] = bench_cpu_ns() - start;
    return NULL;
}

/* Reads until all is read or lost, and counts what is out of order. */
static uint64_t
count_violations(struct crowd *c, uint64_t *received, uint64_t *lost)
{
    struct ovs_ring *ring = open_ring(c->memory);
    uint64_t next[MAX_PRODUCERS] = { 0 }, seq[MAX_PRODUCERS] = { 0 };
    uint64_t violations = 0;
    struct ovs_ring_stats stats;
    struct ovs_ring_rec rec;
    uint64_t s = 0;

    *received = 0;
    for (;;) {
        uint32_t producer, number;
        uint64_t id;

        if (ovs_ring_next(ring, &rec)) {
            ovs_ring_get_stats(ring, &stats);
            if (stats.sent + stats.lost_records
                == c->count * c->n_producers && stats.sent == *received) {
                break;
            }
            sched_yield();
            continue;
        }
        memcpy(&id, rec.data, sizeof id);
        s += bench_sum(rec.data, rec.len);
        producer = id >> 32;
        number = id;
        violations += number < next[producer];
        next[producer] = number + 1;
        violations += rec.seq < seq[rec.lane];
        seq[rec.lane] = rec.seq + 1;
        (*received)++;
    }
    *lost = stats.lost_records;
    ovs_ring_close(ring);
    return s ? violations : violations + 1;
}

static void
run_order(struct crowd *c)
{
    uint64_t received, lost, violations, start = bench_wall_ns(), cpu = 0;
    struct member members[MAX_PRODUCERS];
    pthread_t threads[MAX_PRODUCERS];
    cpu_set_t all;

    /* Threads that never run at the same time have no order to violate. */
    memset(&all, 0xff, sizeof all);
    ignore(sched_setaffinity(0, sizeof all, &all));

    c->memory = make_ring(c->design == LANES ? c->n_producers : 1, N_SEGS);
    ovs_spin_init(&c->lock);
    for (uint32_t i = 0; i < c->memory->control.n_lanes; i++) {
        ring_lane_init(&c->lanes[i], &c->memory->control, c->memory->producer,
                       c->memory->consumer, i, UINT32_MAX);
    }
    ring_shared_lane_init(&c->shared, &c->memory->control, c->memory->producer,
                          c->memory->consumer, 0);
    for (uint32_t i = 0; i < c->n_producers; i++) {
        members[i] = (struct member) { c, i };
        threads[i] = ovs_thread_create("producer", crowd_main, &members[i]);
    }
    violations = count_violations(c, &received, &lost);
    for (uint32_t i = 0; i < c->n_producers; i++) {
        xpthread_join(threads[i], NULL);
        cpu += c->cpu_ns[i];
    }
    printf("{\"violations\": %"PRIu64", \"received\": %"PRIu64", "
           "\"lost\": %"PRIu64", \"producer_ns\": %.2f, "
           "\"offers_per_s\": %.0f}\n", violations, received, lost,
           (double) cpu / (c->count * c->n_producers),
           c->count * c->n_producers * 1e9 / (bench_wall_ns() - start));
}

static size_t
get_size(const char *s)
{
    size_t size = bench_number(s, "size", MAX_SIZE);

    if (size < 8) {
        ovs_fatal(0, "%s: bad size, must be at least 8", s);
    }
    return size;
}

int
main(int argc, char *argv[])
{
    set_program_name(argv[0]);
    if (argc == 8 && !strcmp(argv[1], "channel") && !strcmp(argv[2], "ring")) {
        struct channel c = {
            .batch = bench_number(argv[3], "batch", 1000000),
            .wake_bytes = atoi(argv[4]),
            .wake_us = atoi(argv[5]),
            .size = get_size(argv[6]),
            .count = bench_number(argv[7], "count", UINT32_MAX),
            .memory = make_ring(1, N_SEGS),
        };

        run_channel(&c, produce_ring, consume_ring);
    } else if (argc == 5 && !strcmp(argv[1], "channel")) {
        struct channel c = {
            .size = get_size(argv[3]),
            .count = bench_number(argv[4], "count", UINT32_MAX),
        };
        int type = !strcmp(argv[2], "dgram") ? SOCK_DGRAM : SOCK_SEQPACKET;

        if (socketpair(AF_UNIX, type, 0, c.fds)) {
            ovs_fatal(errno, "socketpair");
        }
        run_channel(&c, produce_socket, consume_socket);
    } else if (argc == 6 && !strcmp(argv[1], "hold")) {
        struct channel c = {
            .batch = 32,
            .wake_bytes = 131072,
            .wake_us = 2000,
            .n_held = atoi(argv[3]),
            .size = get_size(argv[4]),
            .count = bench_number(argv[5], "count", UINT32_MAX),
            .memory = make_ring(1, bench_number(argv[2], "segments", 1024)),
        };

        run_channel(&c, produce_ring, consume_ring);
    } else if (argc == 6 && !strcmp(argv[1], "order")) {
        struct crowd c = {
            .design = (!strcmp(argv[2], "lanes") ? LANES
                       : !strcmp(argv[2], "shared") ? SHARED : LOCKED),
            .n_producers = bench_number(argv[3], "producers", MAX_PRODUCERS),
            .size = get_size(argv[4]),
            .count = bench_number(argv[5], "count", UINT32_MAX),
        };

        run_order(&c);
    } else {
        ovs_fatal(0, "usage: see the top of bench-channel.c");
    }
    return 0;
}
