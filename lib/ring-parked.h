/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_PARKED_H
#define RING_PARKED_H 1

/* Packets that wait for verdicts, in the order of the numbers that their
 * records have in a lane of a ring.
 *
 * A packet that is taken out leaves a gap, which is closed once all before it
 * are gone.  'deadline' must not decrease from one packet to the next.
 *
 * One thread at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_packet;

struct ring_parked_packet {
    struct dp_packet *packet;   /* Null in a gap. */
    uint64_t seq;
    long long int deadline;     /* In ms. */
    uint32_t recirc_id;
    uint8_t fail;               /* OVS_RING_FAIL_*. */
};

/* All members but 'n' are private. */
struct ring_parked {
    struct ring_parked_packet *packets;     /* [mask + 1]. */
    uint32_t mask;
    uint32_t head, tail;        /* Modulo 2^32. */
    uint32_t n;                 /* Without gaps. */
};

/* 'limit' is how many packets, gaps included, there may be: a power of
 * two. */
void ring_parked_init(struct ring_parked *, uint32_t limit);

/* There is no packet any more. */
void ring_parked_uninit(struct ring_parked *);

bool ring_parked_is_full(const struct ring_parked *);

/* Adds a packet, whose 'seq' is above that of all others.  There is room. */
void ring_parked_push(struct ring_parked *, const struct ring_parked_packet *);

/* Returns the packet with that number, or NULL if there is none. */
struct ring_parked_packet *ring_parked_find(const struct ring_parked *,
                                            uint64_t seq);

/* Returns the packet with the lowest number, or NULL if there is none. */
struct ring_parked_packet *ring_parked_first(const struct ring_parked *);

/* Takes 'packet' out and returns it as it was. */
struct ring_parked_packet ring_parked_take(struct ring_parked *,
                                           struct ring_parked_packet *packet);

#endif /* ring-parked.h */
