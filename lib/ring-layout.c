/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-layout.h"

#include <errno.h>
#include <stdbool.h>

#include "util.h"

BUILD_ASSERT_DECL(sizeof(struct ovs_ring_control) == 112);
BUILD_ASSERT_DECL(sizeof(struct ovs_ring_lane) == 192);
BUILD_ASSERT_DECL(sizeof(struct ovs_ring_consumer) == 64);
BUILD_ASSERT_DECL(sizeof(struct ovs_ring_record) == 16);
BUILD_ASSERT_DECL(sizeof(struct ovs_ring_tx) == 32);

/* With every number at its limit nothing below overflows: 32-bit offsets are
 * within a lane or, in the producer region, before the data. */
BUILD_ASSERT_DECL(RING_MAX_LANES * (sizeof(struct ovs_ring_lane)
                                    + 8ULL * OVS_RING_MAX_SEGS)
                  < UINT32_MAX / 2);
BUILD_ASSERT_DECL(OVS_RING_MAX_SEG_SIZE <= OVS_RING_R_LEN);

static bool
is_size(uint32_t x, uint32_t min, uint32_t max)
{
    return x >= min && x <= max && IS_POW2(x);
}

static const char *
find_mistake(const struct ring_geometry *g, const struct ring_limits *limits)
{
    if (g->ring_class < OVS_RING_UPCALL || g->ring_class > OVS_RING_FLOWS) {
        return "class";
    }
    if (!g->n_lanes || g->n_lanes > MIN(limits->max_lanes, RING_MAX_LANES)) {
        return "lanes";
    }
    if (!is_size(g->seg_size, OVS_RING_MIN_SEG_SIZE, OVS_RING_MAX_SEG_SIZE)) {
        return "segment size";
    }
    if (!is_size(g->n_segs, OVS_RING_MIN_SEGS, OVS_RING_MAX_SEGS)) {
        return "segments";
    }
    if (g->max_record
        && (g->max_record < sizeof(struct ovs_ring_copy)
            || g->max_record > g->seg_size - RING_SEG_OVERHEAD)) {
        return "longest record";
    }
    if (g->n_tx && !is_size(g->n_tx, 1, OVS_RING_MAX_TX)) {
        return "TX entries";
    }
    if (g->tx_data_size
        && (!g->n_tx || !is_size(g->tx_data_size, 64, OVS_RING_MAX_TX_DATA))) {
        return "TX data size";
    }
    return NULL;
}

int
ring_layout_init(const struct ring_geometry *g,
                 const struct ring_limits *limits,
                 struct ovs_ring_control *control, const char **what)
{
    struct ovs_ring_control c;

    *what = find_mistake(g, limits);
    if (*what) {
        return EINVAL;
    }

    c = (struct ovs_ring_control) {
        .magic = OVS_RING_MAGIC,
        .major = OVS_RING_MAJOR,
        .minor = OVS_RING_MINOR,
        .control_len = sizeof c,
        .n_lanes = g->n_lanes,
        .seg_size = g->seg_size,
        .n_segs = g->n_segs,
        .max_record = g->max_record ? g->max_record
                                    : g->seg_size - RING_SEG_OVERHEAD,
        .features = g->n_tx ? OVS_RING_F_TX : 0,
        .ring_class = g->ring_class,
        .n_tx = g->n_tx,
        .tx_data_size = g->tx_data_size,
    };

    c.lane_off = ROUND_UP(sizeof c, 64);
    c.lane_stride = ROUND_UP(sizeof(struct ovs_ring_lane)
                             + 2 * c.n_segs * sizeof(__u32), 64);
    c.data_off = ROUND_UP(c.lane_off + (uint64_t) c.n_lanes * c.lane_stride,
                          4096);
    c.data_stride = (uint64_t) c.n_segs * c.seg_size;
    c.producer_size = c.data_off + c.n_lanes * c.data_stride;

    c.consumer_off = 0;
    c.tx_off = ROUND_UP(sizeof(struct ovs_ring_consumer)
                        + c.n_segs * sizeof(__u32), 64);
    c.tx_data_off = ROUND_UP(c.tx_off + c.n_tx * sizeof(struct ovs_ring_tx),
                             64);
    c.consumer_stride = c.tx_data_off + c.tx_data_size;
    c.consumer_size = ROUND_UP((uint64_t) c.n_lanes * c.consumer_stride, 4096);

    if (c.producer_size > limits->max_bytes
        || c.consumer_size > limits->max_bytes - c.producer_size
        || c.producer_size > SIZE_MAX || c.consumer_size > SIZE_MAX) {
        *what = "size";
        return ENOMEM;
    }
    *control = c;
    return 0;
}
