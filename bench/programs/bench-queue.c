/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-queue queue ring|socket BATCH SIZE COUNT
 *        bench-queue tap ring|socket SIZE COUNT
 *
 * What it costs a thread of the userspace datapath to have COUNT packets of
 * SIZE bytes looked at by another process, which reads every byte of them.
 *
 * "queue" has them wait for a verdict, of which there is one for BATCH
 * packets.  With "ring" they go through the action ring() as the datapath
 * executes it; with "socket" each one is sent by an AF_UNIX seqpacket socket,
 * and so is each verdict.  "tap" copies them.  Prints packets per second, and
 * the datapath's CPU time. */

#include <config.h>
#include "bench.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dirs.h"
#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "netdev-ring.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ring.h"
#include "ring-layout.h"
#include "ring-memory.h"
#include "ring-names.h"
#include "ring-server.h"
#include "smap.h"

/* Packets that wait at most, and those of a burst. */
enum { WINDOW = 1024, BURST = 32, MAX_SIZE = 9000 };

static bool is_queue;
static uint32_t verdict_batch;
static uint32_t size;
static uint64_t count;
static int fds[2];
static struct ring_memory *memory;

static void
make_ring(void)
{
    const struct ring_kind *kind = is_queue ? &netdev_ring_queue_kind
                                   : &netdev_ring_tap_kind;
    struct ring_geometry g = kind->defaults;
    const struct ring_limits limits = { 2, 1 << 30 };
    struct ovs_ring_control control;
    const char *what;

    g.ring_class = kind->ring_class;
    g.n_lanes = 2;
    g.n_segs = 64;
    BENCH_CHECK(ring_layout_init(&g, &limits, &control, &what), what);
    BENCH_CHECK(ring_memory_create(&control, "bench", &memory), "memfd");
}

/* The other process. */

static uint64_t
consume_ring(void)
{
    uint64_t n = 0, s = 0, judged = 0;
    struct ovs_ring_rec rec;
    struct ovs_ring *ring;

    BENCH_CHECK(ovs_ring_open_fds(memory->producer_fd, memory->consumer_fd,
                                  memory->sleep_fd, &ring), "ring");
    ovs_ring_set_wake(ring, is_queue ? 16384 : 131072, 200);
    ovs_ring_set_linger(ring, 50);
    while (n < count) {
        static struct ovs_ring_rec last;

        if (ovs_ring_next(ring, &rec)) {
            if (is_queue && judged < n) {
                ovs_ring_accept_upto(ring, &last);
                judged = n;
            }
            ovs_ring_wait(ring, -1);
            continue;
        }
        s += bench_sum(rec.data, rec.len);
        last = rec;
        n++;
        if (is_queue && verdict_batch == 1) {
            while (ovs_ring_accept(ring, &rec)) {
                sched_yield();
            }
            judged = n;
        } else if (is_queue && !(n % verdict_batch)) {
            while (ovs_ring_accept_upto(ring, &rec)) {
                sched_yield();
            }
            judged = n;
        }
    }
    if (is_queue && judged < n) {
        ovs_ring_accept_upto(ring, &rec);
    }
    return s;
}

static uint64_t
consume_socket(void)
{
    uint64_t buf[MAX_SIZE / 8 + 1];
    uint64_t s = 0;

    for (uint64_t n = 1; n <= count; n++) {
        if (recv(fds[1], buf, sizeof buf, 0) != size) {
            ovs_fatal(errno, "recv");
        }
        s += bench_sum(buf, size);
        if (is_queue && (n == count || !(n % verdict_batch))) {
            if (send(fds[1], &n, sizeof n, 0) != sizeof n) {
                ovs_fatal(errno, "send");
            }
        }
    }
    return s;
}

/* The datapath. */

static struct dp_packet *spare[WINDOW + BURST];
static size_t n_spare;

static void
make_spare(void)
{
    while (n_spare < WINDOW + BURST) {
        struct dp_packet *packet = dp_packet_new(size);

        dp_packet_put_zeros(packet, size);
        pkt_metadata_init(&packet->md, u32_to_odp(1));
        spare[n_spare++] = packet;
    }
}

static void
take_back(struct dp_packet_batch *batch)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        spare[n_spare++] = packet;
    }
}

static void
give_burst(struct dp_packet_batch *batch, uint64_t left)
{
    dp_packet_batch_init(batch);
    for (uint64_t i = MIN(left, BURST); i > 0; i--) {
        dp_packet_batch_add(batch, spare[--n_spare]);
    }
}

static void
produce_ring(void)
{
    const struct dp_netdev_extension *door = &netdev_ring_extension;
    const struct ovs_action_ring action = {
        .ring = ring_name_to_id("bench"), .recirc_id = 1,
        .mode = is_queue ? OVS_RING_MODE_QUEUE : OVS_RING_MODE_TAP,
    };
    void *thread = door->add_thread(NULL);
    const struct ovs_ring_lane *lane;
    uint64_t sent = 0;

    lane = (const void *) ((char *) memory->producer
                           + memory->control.lane_off);
    while (sent < count || (is_queue && n_spare < WINDOW + BURST)) {
        struct dp_packet_batch batch;
        bool idle = true;

        if (sent < count && n_spare >= 2 * BURST) {
            uint64_t lost = lane->lost_records;

            give_burst(&batch, count - sent);
            sent += dp_packet_batch_size(&batch);
            door->actions[0].execute(NULL, thread, bench_wall_ns() / 1000000,
                                     &batch, &action, true, NULL);
            if (is_queue && !dp_packet_batch_is_empty(&batch)) {
                ovs_fatal(0, "packets that could not wait");
            }
            take_back(&batch);
            /* Those that a tap lost are offered again. */
            sent -= lane->lost_records - lost;
            idle = lane->lost_records != lost;
        }
        while (door->poll(thread, bench_wall_ns() / 1000, &batch)) {
            take_back(&batch);
            idle = false;
        }
        if (idle) {
            sched_yield();
        }
    }
    ring_memory_wake(memory);
}

static void
produce_socket(void)
{
    uint64_t sent = 0, done = 0;

    while (sent < count || (is_queue && done < sent)) {
        struct dp_packet_batch batch;
        struct dp_packet *packet;
        uint64_t verdict;

        if (sent < count && (!is_queue || sent - done + BURST <= WINDOW)) {
            give_burst(&batch, count - sent);
            DP_PACKET_BATCH_FOR_EACH (i, packet, &batch) {
                if (send(fds[0], dp_packet_data(packet), size, 0) != size) {
                    ovs_fatal(errno, "send");
                }
                sent++;
            }
            take_back(&batch);
        } else if (is_queue
                   && recv(fds[0], &verdict, sizeof verdict, 0) > 0) {
            done = verdict;
        }
        while (is_queue && recv(fds[0], &verdict, sizeof verdict,
                                MSG_DONTWAIT) > 0) {
            done = verdict;
        }
    }
}

int
main(int argc, char *argv[])
{
    uint64_t start, start_wall;
    bool is_ring;
    int status;
    pid_t pid;

    set_program_name(argv[0]);
    is_queue = argc == 6 && !strcmp(argv[1], "queue");
    if (!is_queue && (argc != 5 || strcmp(argv[1], "tap"))) {
        ovs_fatal(0, "see the comment at the top of the source for usage");
    }
    is_ring = !strcmp(argv[2], "ring");
    verdict_batch = is_queue ? bench_number(argv[3], "batch", WINDOW / 2) : 1;
    size = bench_number(argv[3 + is_queue], "size", MAX_SIZE);
    count = bench_number(argv[4 + is_queue], "count", 1000000000);

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds)) {
        ovs_fatal(errno, "socketpair");
    }
    if (is_ring) {
        make_ring();
    }
    pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        uint64_t s = is_ring ? consume_ring() : consume_socket();

        _exit(s == 1);
    }
    make_spare();
    if (is_ring) {
        const struct ring_kind *kind = is_queue ? &netdev_ring_queue_kind
                                       : &netdev_ring_tap_kind;
        struct smap options = SMAP_INITIALIZER(&options);
        const struct ring_request request = {
            .name = "bench", .options = &options,
        };
        void *ring;
        char *why;

        BENCH_CHECK(ring_server_start(1 << 30), "ring server");
        smap_add(&options, is_queue ? "deadline" : "timestamps",
                 is_queue ? "60000" : "off");
        BENCH_CHECK(kind->open(&request, memory, &ring, &why), why);
    }
    start = bench_cpu_ns();
    start_wall = bench_wall_ns();
    if (is_ring) {
        produce_ring();
    } else {
        produce_socket();
    }
    start = bench_cpu_ns() - start;
    if (waitpid(pid, &status, 0) != pid || status) {
        ovs_fatal(0, "the consumer failed");
    }
    printf("{\"packets_per_s\": %.0f, \"datapath_ns\": %.2f}\n",
           count * 1e9 / (bench_wall_ns() - start_wall),
           (double) start / count);
    if (is_ring) {
        ring_server_stop();
    }
    return 0;
}
