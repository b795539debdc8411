/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "test-ring.h"

#include <string.h>
#include <unistd.h>

#include "util.h"

static void
init_producer(struct test_ring *t, const struct ring_geometry *geometry)
{
    const struct ring_limits limits = { TEST_RING_MAX_LANES, 1 << 30 };
    struct ovs_ring_control control;
    const char *what;

    ovs_assert(!ring_layout_init(geometry, &limits, &control, &what));
    ovs_assert(!ring_memory_create(&control, "test", &t->memory));
    t->n_lanes = control.n_lanes;
    for (size_t i = 0; i < t->n_lanes; i++) {
        ring_lane_init(&t->lanes[i], &t->memory->control, t->memory->producer,
                       t->memory->consumer, i, UINT32_MAX);
    }
}

void
test_ring_init(struct test_ring *t, const struct ring_geometry *geometry)
{
    struct ovs_ring_memory m;

    init_producer(t, geometry);
    m = (struct ovs_ring_memory) {
        .producer = t->memory->producer,
        .producer_size = t->memory->control.producer_size,
        .consumer = t->memory->consumer,
        .consumer_size = t->memory->control.consumer_size,
        .fd = t->memory->sleep_fd,
    };
    ovs_assert(!ovs_ring_open(&m, &t->ring));
}

void
test_ring_init_mapped(struct test_ring *t,
                      const struct ring_geometry *geometry)
{
    init_producer(t, geometry);
    ovs_assert(!ovs_ring_open_fds(dup(t->memory->producer_fd),
                                  dup(t->memory->consumer_fd),
                                  dup(t->memory->sleep_fd), &t->ring));
}

void
test_ring_uninit(struct test_ring *t)
{
    ovs_ring_close(t->ring);
    for (size_t i = 0; i < t->n_lanes; i++) {
        ring_lane_uninit(&t->lanes[i]);
    }
    ring_memory_destroy(t->memory);
}

void
test_ring_fill(void *payload_, size_t len, uint64_t id)
{
    uint8_t *payload = payload_;
    size_t i = 0;

    if (len >= sizeof id) {
        memcpy(payload, &id, sizeof id);
        i = sizeof id;
    }
    for (; i < len; i++) {
        payload[i] = id + i;
    }
}

bool
test_ring_is_filled(const void *payload_, size_t len, uint64_t id)
{
    const uint8_t *payload = payload_;
    size_t i = 0;

    if (len >= sizeof id) {
        if (memcmp(payload, &id, sizeof id)) {
            return false;
        }
        i = sizeof id;
    }
    for (; i < len; i++) {
        if (payload[i] != (uint8_t) (id + i)) {
            return false;
        }
    }
    return true;
}

uint64_t
test_ring_id(const struct ovs_ring_rec *rec)
{
    uint64_t id;

    ovs_assert(rec->len >= sizeof id);
    memcpy(&id, rec->data, sizeof id);
    return id;
}

int
test_ring_put(struct ring_lane *lane, uint64_t id, size_t len)
{
    const struct ring_head head = { .type = OVS_RING_T_PACKET, .len = len };
    struct ring_slot slot;
    int error;

    error = ring_lane_reserve(lane, &head, &slot);
    if (!error) {
        test_ring_fill(slot.payload, len, id);
        ring_lane_commit(lane, &slot);
    }
    return error;
}
