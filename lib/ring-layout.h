/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_LAYOUT_H
#define RING_LAYOUT_H 1

/* How a ring is laid out in its two regions: from what a consumer asks for to
 * the control structure that tells it what it got (openvswitch/ring-abi.h).
 *
 * Pure functions, for any thread. */

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/ring-abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No ring has more lanes than this, whatever the number of processors. */
#define RING_MAX_LANES 1024U

/* What a consumer chooses.  Numbers of segments and entries and all sizes are
 * powers of two. */
struct ring_geometry {
    enum ovs_ring_class ring_class;
    uint32_t n_lanes;           /* 1 to ring_limits.max_lanes. */
    uint32_t seg_size;          /* Bytes, 4096 to 1 MiB. */
    uint32_t n_segs;            /* Of a lane, 2 to 1024. */
    uint32_t max_record;        /* Longest payload in bytes, 16 to 'seg_size' -
                                 * 32; 0 is the latter. */
    uint32_t n_tx;              /* TX entries of a lane, up to 65536; 0 is
                                 * none. */
    uint32_t tx_data_size;      /* TX data of a lane, 64 bytes to 1 MiB; 0 is
                                 * none.  Needs 'n_tx'. */
};

/* What a producer allows. */
struct ring_limits {
    uint32_t max_lanes;         /* Usually the processors or PMD threads. */
    uint64_t max_bytes;         /* Of both regions together. */
};

/* Overhead of a segment and of a record in it, in bytes. */
#define RING_SEG_OVERHEAD (2 * sizeof(struct ovs_ring_record))

/* Bytes that a record takes with 'len' bytes of payload, which must not be
 * above OVS_RING_R_LEN. */
static inline uint32_t
ring_record_size(uint32_t len)
{
    return sizeof(struct ovs_ring_record) + ((len + 7) & ~7U);
}

/* Fills in '*control' for 'geometry'; 'clock_id' and OVS_RING_F_TIMESTAMP are
 * left to the caller.  Returns 0, EINVAL if 'geometry' is not allowed, or
 * ENOMEM if it is above 'limits->max_bytes'; then '*what' is the name of the
 * member that is to blame, as a constant string, and '*control' is
 * unchanged. */
int ring_layout_init(const struct ring_geometry *geometry,
                     const struct ring_limits *limits,
                     struct ovs_ring_control *control, const char **what);

#ifdef __cplusplus
}
#endif

#endif /* ring-layout.h */
