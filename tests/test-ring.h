/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TEST_RING_H
#define TEST_RING_H 1

/* What the tests of the ring have in common: a ring with producer and consumer
 * in one process, and messages that tell which ones they are. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/ring.h"
#include "ring-lane.h"
#include "ring-layout.h"
#include "ring-memory.h"

#define TEST_RING_MAX_LANES 8

struct test_ring {
    struct ring_memory *memory;
    struct ovs_ring *ring;
    struct ring_lane lanes[TEST_RING_MAX_LANES];
    size_t n_lanes;
};

/* Makes one.  The consumer gets our own mapping, so that ThreadSanitizer sees
 * what the two do to each other's memory. */
void test_ring_init(struct test_ring *, const struct ring_geometry *);
/* Likewise, with mappings of its own. */
void test_ring_init_mapped(struct test_ring *, const struct ring_geometry *);
void test_ring_uninit(struct test_ring *);

/* Writes and checks the payload of message 'id', of which the first 8 bytes
 * are 'id' if there are as many. */
void test_ring_fill(void *payload, size_t len, uint64_t id);
bool test_ring_is_filled(const void *payload, size_t len, uint64_t id);
uint64_t test_ring_id(const struct ovs_ring_rec *);

/* Writes message 'id'; returns what ring_lane_reserve() does. */
int test_ring_put(struct ring_lane *, uint64_t id, size_t len);

#endif /* test-ring.h */
