/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_FORWARD_H
#define VRF_FORWARD_H 1

/* What becomes of a packet that is routed in a VRF, as far as that depends on
 * routing alone: neither on TTL and size, nor on neighbours and ports.
 *
 * Also the names of all outcomes, which are those of the counters.
 *
 * Functions without state, in any thread until it quiesces. */

#include <stdbool.h>
#include <stdint.h>

#include "vrf-db.h"

enum icmp_error;

enum vrf_outcome {
    VRF_FORWARDED,              /* Passed on to the next hop. */
    VRF_LOCAL,                  /* Given to the host. */

    /* Answered by an ICMP error, if it may be. */
    VRF_TTL,                    /* TTL or hop limit was used up. */
    VRF_NO_ROUTE,               /* No rule or route matched. */
    VRF_UNREACHABLE,            /* Route or rule of that type. */
    VRF_PROHIBIT,               /* Likewise. */
    VRF_TOO_BIG,                /* Larger than the MTU. */
    VRF_NEIGH_FAILED,           /* The next hop does not answer. */

    /* Dropped without one. */
    VRF_UNKNOWN,                /* There is no such VRF. */
    VRF_NOT_IP,
    VRF_BAD_HEADER,
    VRF_BAD_SRC,                /* A source that no host has. */
    VRF_NOT_ROUTABLE,           /* A destination that is not one host's. */
    VRF_BROADCAST,              /* To all of a subnet. */
    VRF_BLACKHOLE,              /* Route or rule of that type. */
    VRF_ENCAP,                  /* Linux would encapsulate. */
    VRF_LEAK_LOOP,              /* More tables that send to each other than
                                 * VRF_MAX_LEAKS. */
    VRF_DEV_DOWN,               /* No device of the route is up. */
    VRF_DEV_NOT_OVS,            /* The device is not a port. */
    VRF_NEIGH_FULL,             /* Too many packets wait for next hops. */
    VRF_OVERLOAD,               /* Too many exceptions at a time. */

    VRF_N_OUTCOMES
};

/* Name of its counter, e.g. "no_route". */
const char *vrf_outcome_name(enum vrf_outcome);

/* Is it one that is answered by an ICMP error?  If so, sets '*error'. */
bool vrf_outcome_error(enum vrf_outcome, enum icmp_error *error);

struct vrf_way {
    /* VRF_FORWARDED, VRF_LOCAL, or why not. */
    enum vrf_outcome outcome;

    struct vrf_answer answer;

    /* For VRF_FORWARDED and VRF_LOCAL: the device, 0 if the route has none. */
    uint32_t ifindex;

    /* For VRF_FORWARDED. */
    const struct vrf_hop *hop;
    uint8_t family;             /* Of 'next_hop', enum vrf_family. */
    struct vrf_addr next_hop;
    uint32_t mtu;               /* In bytes: that of the route, even if the
                                 * device has less, as in Linux, ... */
    bool mtu_of_route;          /* ...or if it has none, of the device. */
};

/* Finds the way of packets of 'flow', whose VRFs are filled in (see
 * vrf_db_complete_flow()) and of which 'hash' chooses one of several. */
void vrf_forward(const struct vrf_db *, const struct vrf_flow *flow,
                 uint32_t hash, struct vrf_way *);

/* The same by 'table' instead of the rules: what it has no route for has none,
 * and a route of it that leads to another table does so. */
void vrf_forward_from(const struct vrf_db *, const struct vrf_flow *flow,
                      uint32_t table, uint32_t hash, struct vrf_way *way);

/* The same by the routes of 'table' alone, after vrf_forward() has filled in
 * '*way': what its answer depended on is added to. */
void vrf_forward_table(const struct vrf_db *, const struct vrf_flow *flow,
                       uint32_t table, uint32_t hash, struct vrf_way *way);

/* Finds the source that a packet to 'dst' by 'way' would have if it were made
 * here: that of the route, or an address of a device that 'usable' agrees to.
 * Those of the way's device come first, of these the ones in one network with
 * the next hop; one for a link only is for nothing beyond.  Returns false if
 * there is none. */
bool vrf_forward_source(const struct vrf_db *, enum vrf_family,
                        const struct vrf_way *way,
                        const struct vrf_addr *dst,
                        bool (*usable)(uint32_t ifindex, const void *aux),
                        const void *aux, struct vrf_addr *source);

#endif /* lib/vrf-forward.h */
