/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_COUNTERS_H
#define VRF_COUNTERS_H 1

/* What became of packets that were routed, by VRF and family, in all userspace
 * datapaths together.
 *
 * Any thread may call any of the functions at any time. */

#include <stdbool.h>
#include <stdint.h>

#include "icmp-error.h"
#include "vrf-addr.h"
#include "vrf-forward.h"

enum vrf_counter {
    /* enum vrf_outcome comes first, in packets. */
    VRF_COUNT_IN_PACKETS = VRF_N_OUTCOMES,
    VRF_COUNT_IN_BYTES,
    VRF_COUNT_OUT_BYTES,        /* Of those that were forwarded. */
    VRF_COUNT_FRAGMENTED,       /* Packets that became fragments. */
    VRF_COUNT_FRAGMENTS,
    VRF_COUNT_MSS_CLAMPED,
    VRF_COUNT_NEIGH_QUEUED,     /* Packets that waited for a next hop. */
    VRF_COUNT_NO_SOURCE,        /* ICMP errors without an address to send them
                                 * from. */
    VRF_COUNT_ASIDE,            /* Packets that went to a controller. */
    VRF_COUNT_PUNTED,           /* Packets for the host to forward. */

    /* ICMP errors by enum icmp_error: sent, more than the limit, and those
     * about packets that must not be answered. */
    VRF_COUNT_SENT,
    VRF_COUNT_SUPPRESSED = VRF_COUNT_SENT + N_ICMP_ERRORS,
    VRF_COUNT_BARRED = VRF_COUNT_SUPPRESSED + N_ICMP_ERRORS,
    VRF_N_COUNTS
};

/* Adds 'counts' to what there is for VRF 'id'. */
void vrf_counters_add(uint16_t id, enum vrf_family,
                      const uint64_t counts[VRF_N_COUNTS]);

/* Likewise, for 'n' packets of 'bytes' in all that came in and were
 * forwarded. */
void vrf_counters_add_forwarded(uint16_t id, enum vrf_family, uint64_t n,
                                uint64_t bytes);

static inline void
vrf_counters_inc(uint16_t id, enum vrf_family family, unsigned int counter,
                 uint64_t n)
{
    uint64_t counts[VRF_N_COUNTS] = { 0 };

    counts[counter] = n;
    vrf_counters_add(id, family, counts);
}

/* Fills in 'counts'.  Returns false, with zeros in it, if nothing was ever
 * counted for VRF 'id'. */
bool vrf_counters_get(uint16_t id, enum vrf_family,
                      uint64_t counts[VRF_N_COUNTS]);

/* Registers the command vrf/counters. */
void vrf_counters_init(void);

#endif /* lib/vrf-counters.h */
