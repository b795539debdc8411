/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PACKET_RING_H
#define PACKET_RING_H 1

/* Rings of packets and who has attached to them: for netdev-ring.c, which
 * writes into them.
 *
 * A ring has a lane for each thread whose number is below 'n_own', which that
 * thread alone uses, and if it is one of taps, another for all others. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovs-rcu.h"
#include "ring-lane.h"
#include "ring-shared-lane.h"
#include "ring-tx.h"

struct ring_memory;

/* What the owner of a lane has of it. */
struct packet_lane {
    struct ring_lane lane;
    struct ring_tx tx;          /* Queues only. */
};

/* A ring.  What is not in lanes is constant while it is published. */
struct packet_ring {
    struct ring_memory *memory;
    uint64_t serial;            /* No two ever have the same. */
    uint32_t id;                /* Number of its name (ring-names.h). */
    uint8_t mode;               /* OVS_RING_MODE_*. */
    bool timestamps;            /* Do records have one? */
    uint32_t snaplen;           /* Bytes of a packet at most. */
    uint32_t max_parked;        /* Queues: packets of a thread that wait. */
    uint32_t deadline;          /* Queues: ms to wait for a verdict. */
    uint32_t n_own;
    struct packet_lane **own;   /* [n_own], a cache line or more each. */
    struct ring_shared_lane shared;     /* Taps only. */
    uint64_t charged;           /* Bytes for packets that wait. */
    char *name;
};

struct packet_rings {
    size_t n;
    struct packet_ring *rings[];
};

/* All of them; null if there are none. */
struct packet_rings_pointer {
    OVSRCU_TYPE(struct packet_rings *) p;
};
extern struct packet_rings_pointer packet_rings;

static inline const struct packet_rings *
packet_rings_get(void)
{
    return ovsrcu_get(struct packet_rings *, &packet_rings.p);
}

/* Gives a thread a number that no other one has, or UINT32_MAX if there are
 * no more of them, and takes it back.  The thread that has a number next sees
 * what the one before did.  For any thread. */
uint32_t packet_ring_get_thread(void);
void packet_ring_put_thread(uint32_t number);

/* Changes when a consumer asks the producer to look at its verdicts, or has
 * gone. */
extern struct seq *packet_ring_seq(void);

/* Writes 'packet' in 'own', one of the ring's lanes, or into the shared lane
 * if that is null; see ring_lane_reserve() for the result, which is never
 * EMSGSIZE.  'now' is in ns of CLOCK_MONOTONIC, '*number' what the record's
 * 'seq' is. */
struct dp_packet;
struct ovs_action_ring;
int packet_ring_write(struct packet_ring *, struct packet_lane *own,
                      const struct dp_packet *packet,
                      const struct ovs_action_ring *, uint64_t now,
                      uint64_t *number);

/* Wakes the consumer if it is time for that.  'now' is in us.  Returns the
 * time to ask again even without another record, UINT64_MAX if there is
 * none. */
uint64_t packet_ring_wake(struct packet_ring *, struct packet_lane *own,
                          uint64_t now);

#endif /* packet-ring.h */
