/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/ring-client.h"
#include "ovstest.h"
#include "util.h"

/* Consumers of flows of an ovs-vswitchd that runs, which has 'n_flows' of
 * them. */

#define TIMEOUT 30000

struct consumer {
    struct ovs_ring_client *client;
    struct ovs_ring *ring;
    uint64_t n_flows, n_bytes;
    bool done;
    struct ovs_ring_dump end;
};

static void
fail_if(int error, char *why)
{
    if (error) {
        ovs_fatal(error, "%s", why ? why : "no reason");
    }
}

static void
consumer_init(struct consumer *c, const char *name, uint32_t seg_size,
              uint32_t n_segs)
{
    const struct ovs_ring_spec spec = {
        .ring_class = OVS_RING_FLOWS, .seg_size = seg_size, .n_segs = n_segs,
    };
    char *why = NULL;

    memset(c, 0, sizeof *c);
    fail_if(ovs_ring_connect(name, &c->client, &why), why);
    fail_if(ovs_ring_attach(c->client, &spec, &why), why);
    c->ring = ovs_ring_client_ring(c->client);
}

static void
consumer_export(struct consumer *c)
{
    char *why = NULL;

    c->n_flows = 0;
    c->done = false;
    fail_if(ovs_ring_export(c->client, 42, 0, &why), why);
}

/* Reads one record, if there is one. */
static int
consumer_read(struct consumer *c)
{
    struct ovs_ring_rec rec;
    int error;

    error = ovs_ring_next(c->ring, &rec);
    if (error) {
        ovs_assert(error == EAGAIN);
        return error;
    }
    ovs_assert(!rec.lost);
    c->n_bytes += rec.len;
    if (rec.type == OVS_RING_T_FLOW) {
        c->n_flows++;
    } else if (rec.type == OVS_RING_T_DUMP_END) {
        memcpy(&c->end, rec.data, sizeof c->end);
        c->done = true;
    }
    return 0;
}

static void
consumer_finish(struct consumer *c, uint64_t n_flows)
{
    while (!c->done) {
        if (consumer_read(c)) {
            ovs_assert(!ovs_ring_wait(c->ring, TIMEOUT));
        }
    }
    ovs_assert(c->end.id == 42 && !c->end.error);
    ovs_assert(c->end.n == n_flows && c->n_flows == n_flows);
    ovs_assert(consumer_read(c) == EAGAIN);
}

/* Waits until the producer has nowhere to go. */
static void
consumer_wait_parked(struct consumer *c)
{
    const struct ovs_ring_control *control = ovs_ring_get_control(c->ring);

    while (!(__atomic_load_n(&control->state, __ATOMIC_ACQUIRE)
             & OVS_RING_S_PARKED)) {
        usleep(1000);
    }
}

static void
consumer_destroy(struct consumer *c)
{
    ovs_ring_disconnect(c->client);
}

/* An export through a ring that is smaller, from its start, and again when it
 * was full before anybody read. */
static void
test_flow_control(const char *name, uint64_t n_flows)
{
    struct consumer c;

    consumer_init(&c, name, 4096, 64);
    consumer_export(&c);
    consumer_finish(&c, n_flows);

    consumer_export(&c);
    consumer_wait_parked(&c);
    consumer_finish(&c, n_flows);
    consumer_destroy(&c);
    printf("R8: ok\n");
}

/* A consumer that parks does not keep the other one from getting all. */
static void
test_stall(const char *name, uint64_t n_flows)
{
    struct consumer slow[3], fast;

    for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
        consumer_init(&slow[i], name, 4096, 2 << i);
        consumer_export(&slow[i]);
        consumer_wait_parked(&slow[i]);
    }
    consumer_init(&fast, name, 0, 0);
    for (int i = 0; i < 3; i++) {
        consumer_export(&fast);
        consumer_finish(&fast, n_flows);
    }
    consumer_destroy(&fast);
    for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
        ovs_assert(!slow[i].done);
        consumer_finish(&slow[i], n_flows);
        consumer_destroy(&slow[i]);
    }
    printf("stall: ok\n");
}

/* Segments that are held for ever: the rest of the ring is enough. */
static void
test_hold(const char *name, uint64_t n_flows)
{
    struct ovs_ring_rec held[16];
    size_t n_held = 0;
    struct consumer c;

    consumer_init(&c, name, 8192, 16);
    ovs_ring_set_hold_limit(c.ring, 14);
    consumer_export(&c);
    while (n_held < 14) {
        struct ovs_ring_rec rec;

        if (ovs_ring_next(c.ring, &rec)) {
            ovs_assert(!ovs_ring_wait(c.ring, TIMEOUT));
            continue;
        }
        c.n_flows += rec.type == OVS_RING_T_FLOW;
        if (!n_held || rec.generation != held[n_held - 1].generation) {
            held[n_held] = rec;
            ovs_assert(!ovs_ring_hold(c.ring, &held[n_held++]));
        }
    }
    consumer_finish(&c, n_flows);
    while (n_held) {
        ovs_ring_unhold(c.ring, &held[--n_held]);
    }
    consumer_destroy(&c);
    printf("hold: ok\n");
}

/* Exports for ever, for kill -9. */
static void
loop(const char *name)
{
    struct consumer c;

    consumer_init(&c, name, 4096, 16);
    for (;;) {
        consumer_export(&c);
        while (!c.done) {
            if (consumer_read(&c)) {
                ovs_assert(!ovs_ring_wait(c.ring, TIMEOUT));
            }
        }
    }
}

static void
test_ring_server(int argc, char *argv[])
{
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

    set_program_name(argv[0]);
    if (argc < 3) {
        ovs_fatal(0, "usage: %s TEST SOCKET [N-FLOWS]", argv[0]);
    } else if (!strcmp(argv[1], "flow-control")) {
        test_flow_control(argv[2], n);
    } else if (!strcmp(argv[1], "stall")) {
        test_stall(argv[2], n);
    } else if (!strcmp(argv[1], "hold")) {
        test_hold(argv[2], n);
    } else if (!strcmp(argv[1], "loop")) {
        loop(argv[2]);
    } else {
        ovs_fatal(0, "there is no test %s", argv[1]);
    }
}

OVSTEST_REGISTER("test-ring-server", test_ring_server);
