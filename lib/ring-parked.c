/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-parked.h"

#include <stdlib.h>

#include "util.h"

void
ring_parked_init(struct ring_parked *parked, uint32_t limit)
{
    ovs_assert(is_pow2(limit));
    *parked = (struct ring_parked) {
        .packets = xmalloc(limit * sizeof *parked->packets),
        .mask = limit - 1,
    };
}

void
ring_parked_uninit(struct ring_parked *parked)
{
    ovs_assert(!parked->n);
    free(parked->packets);
}

static struct ring_parked_packet *
at(const struct ring_parked *parked, uint32_t i)
{
    return &parked->packets[i & parked->mask];
}

bool
ring_parked_is_full(const struct ring_parked *parked)
{
    return parked->tail - parked->head > parked->mask;
}

void
ring_parked_push(struct ring_parked *parked,
                 const struct ring_parked_packet *packet)
{
    ovs_assert(packet->packet && !ring_parked_is_full(parked));
    *at(parked, parked->tail++) = *packet;
    parked->n++;
}

struct ring_parked_packet *
ring_parked_find(const struct ring_parked *parked, uint64_t seq)
{
    uint32_t low = 0, n = parked->tail - parked->head;
    struct ring_parked_packet *p;
    uint64_t guess;

    if (!n || seq < at(parked, parked->head)->seq) {
        return NULL;
    }

    /* Unless messages were lost in between, it is as far from the first one as
     * their numbers are. */
    guess = seq - at(parked, parked->head)->seq;
    if (guess < n && at(parked, parked->head + guess)->seq == seq) {
        low = guess;
    } else {
        while (n > 1) {
            uint32_t half = n / 2;

            if (at(parked, parked->head + low + half)->seq <= seq) {
                low += half;
                n -= half;
            } else {
                n = half;
            }
        }
    }
    p = at(parked, parked->head + low);
    return p->packet && p->seq == seq ? p : NULL;
}

struct ring_parked_packet *
ring_parked_first(const struct ring_parked *parked)
{
    return parked->n ? at(parked, parked->head) : NULL;
}

struct ring_parked_packet
ring_parked_take(struct ring_parked *parked, struct ring_parked_packet *p)
{
    struct ring_parked_packet packet = *p;

    p->packet = NULL;
    parked->n--;
    while (parked->head != parked->tail && !at(parked, parked->head)->packet) {
        parked->head++;
    }
    return packet;
}
