/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-netdev-ring threads SECONDS
 *
 * Rings of packets while everything happens at once: threads of a datapath and
 * of a slow path execute the action ring(), consumers come, answer some of
 * what they get, and go.  Every packet must come out again, once. */

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dirs.h"
#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "netdev-ring.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ring-client.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "ring-names.h"
#include "ring-server.h"
#include "timeval.h"
#include "util.h"

#define N_PRODUCERS 3
#define N_CONSUMERS 4
#define BURST 8
#define RECIRC_ID 7

static const struct dp_netdev_extension *const door = &netdev_ring_extension;
static char *socket_name;
static atomic_bool producers_end = false;
static atomic_bool consumers_end = false;

static bool
is_over(atomic_bool *end)
{
    bool over;

    atomic_read_relaxed(end, &over);
    return over;
}

static void
make_batch(struct dp_packet_batch *batch)
{
    dp_packet_batch_init(batch);
    for (int i = 0; i < BURST; i++) {
        struct dp_packet *packet = dp_packet_new(128);

        dp_packet_put_zeros(packet, 60 + random_range(60));
        pkt_metadata_init(&packet->md, u32_to_odp(1));
        dp_packet_batch_add(batch, packet);
    }
}

/* Takes what goes on after it waited. */
static uint64_t
poll_out(void *thread)
{
    struct dp_packet_batch batch;
    struct dp_packet *packet;
    uint64_t n = 0;

    while (door->poll(thread, time_usec(), &batch)) {
        DP_PACKET_BATCH_FOR_EACH (i, packet, &batch) {
            ovs_assert(packet->md.recirc_id == RECIRC_ID);
        }
        n += dp_packet_batch_size(&batch);
        dp_packet_delete_batch(&batch, true);
    }
    return n;
}

static void *
producer_main(void *aux OVS_UNUSED)
{
    const struct ovs_action_ring tap = { .ring = ring_name_to_id("t") };
    const struct ovs_action_ring queue = {
        .ring = ring_name_to_id("q"), .mode = OVS_RING_MODE_QUEUE,
        .recirc_id = RECIRC_ID,
    };
    void *thread = door->add_thread(NULL);
    uint64_t in = 0, out = 0;

    while (!is_over(&producers_end)) {
        struct dp_packet_batch batch;

        make_batch(&batch);
        in += BURST;
        door->actions[0].execute(NULL, thread, time_msec(), &batch, &tap, true,
                                 NULL);
        ovs_assert(dp_packet_batch_size(&batch) == BURST);
        door->actions[0].execute(NULL, thread, time_msec(), &batch, &queue,
                                 true, NULL);
        out += dp_packet_batch_size(&batch);
        dp_packet_delete_batch(&batch, true);
        out += poll_out(thread);
        ovsrcu_quiesce();
    }
    /* Their time comes, or their consumers go. */
    while (out < in) {
        out += poll_out(thread);
        ovsrcu_quiesce();
        usleep(1000);
    }
    ovs_assert(out == in && !poll_out(thread));
    door->remove_thread(thread);
    return NULL;
}

static void *
slow_main(void *aux OVS_UNUSED)
{
    const struct ovs_action_ring tap = { .ring = ring_name_to_id("t") };

    while (!is_over(&producers_end)) {
        struct dp_packet_batch batch;

        make_batch(&batch);
        netdev_ring_execute_slow(NULL, &batch, &tap, true);
        ovs_assert(dp_packet_batch_size(&batch) == BURST);
        dp_packet_delete_batch(&batch, true);
        ovsrcu_quiesce();
    }
    return NULL;
}

/* Reads some packets and answers most of them, if that is its business. */
static void
consume(struct ovs_ring *ring, bool is_queue)
{
    for (int n = random_range(500); n > 0; n--) {
        struct ovs_ring_rec rec;
        int error = ovs_ring_next(ring, &rec);

        if (error) {
            ovs_assert(error == EAGAIN);
            ovs_ring_wait(ring, 1);
        } else if (is_queue && random_range(10)) {
            if (random_range(20)) {
                ignore(ovs_ring_accept(ring, &rec));
            } else {
                ignore(ovs_ring_accept_upto(ring, &rec));
            }
        }
    }
}

static void *
consumer_main(void *number)
{
    const bool is_queue = *(int *) number % 2;
    const struct ovs_ring_spec spec = {
        .ring_class = is_queue ? OVS_RING_QUEUE : OVS_RING_TAP,
        .name = is_queue ? "q" : "t",
        .n_lanes = is_queue ? 0 : 2,
        .seg_size = 4096,
        .n_segs = 4,
        .options = is_queue ? "deadline=20,parked=64" : NULL,
    };

    while (!is_over(&consumers_end)) {
        struct ovs_ring_client *client;

        if (ovs_ring_connect(socket_name, &client, NULL)) {
            ovs_fatal(0, "cannot connect");
        }
        /* There may be another one at the queue. */
        if (!ovs_ring_attach(client, &spec, NULL)) {
            consume(ovs_ring_client_ring(client), is_queue);
        }
        ovs_ring_disconnect(client);
        ovsrcu_quiesce();
    }
    return NULL;
}

static void
run_threads(struct ovs_cmdl_context *ctx)
{
    pthread_t producers[N_PRODUCERS + 1], consumers[N_CONSUMERS];
    int numbers[N_CONSUMERS];
    int error;

    error = ring_server_start(64 << 20);
    if (error) {
        ovs_fatal(error, "ring server");
    }
    socket_name = xasprintf("%s/%s.%ld.ring", ovs_rundir(), program_name,
                            (long int) getpid());
    for (int i = 0; i < N_PRODUCERS; i++) {
        producers[i] = ovs_thread_create("producer", producer_main, NULL);
    }
    producers[N_PRODUCERS] = ovs_thread_create("slow", slow_main, NULL);
    for (int i = 0; i < N_CONSUMERS; i++) {
        numbers[i] = i;
        consumers[i] = ovs_thread_create("consumer", consumer_main,
                                         &numbers[i]);
    }

    ovsrcu_quiesce_start();
    xsleep(atoi(ctx->argv[1]));
    atomic_store_relaxed(&producers_end, true);
    for (int i = 0; i <= N_PRODUCERS; i++) {
        xpthread_join(producers[i], NULL);
    }
    atomic_store_relaxed(&consumers_end, true);
    for (int i = 0; i < N_CONSUMERS; i++) {
        xpthread_join(consumers[i], NULL);
    }
    ring_server_stop();
    puts("ok");
}

static const struct ovs_cmdl_command commands[] = {
    { "threads", "SECONDS", 1, 1, run_threads, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_netdev_ring_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    random_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-netdev-ring", test_netdev_ring_main);
