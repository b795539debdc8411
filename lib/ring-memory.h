/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_MEMORY_H
#define RING_MEMORY_H 1

/* The memory of a ring whose producer is a process: two sealed memfds, mapped,
 * and a pair of sockets by which the consumer is woken.
 *
 * What the consumer gets, which is everything that this module gives away:
 *
 *   producer_fd   Cannot be mapped writable, written, resized or have holes
 *                 punched into it, whatever way it is opened again.
 *   consumer_fd   Cannot be resized, so that no access here has nothing to
 *                 access.  Its pages can be taken away: an access then costs
 *                 a page fault, and finds zeros.
 *   sleep_fd      A socket that is readable when it is time to wake, and hung
 *                 up once the producer is gone, however it went.
 *
 * Waking must not wait, whatever the consumer does.  An eventfd is no good for
 * that: who shares one shares its O_NONBLOCK, so the consumer could clear that
 * and fill the counter.  Neither is a pipe: who reads from one keeps its mutex
 * while copying to where a page fault may take for ever.  Sending to a socket
 * depends on neither. */

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/ring-abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Constant from creation to destruction. */
struct ring_memory {
    struct ovs_ring_control control;    /* Copy that is ours alone. */
    void *producer;                     /* 'control.producer_size' bytes. */
    void *consumer;                     /* 'control.consumer_size' bytes. */
    int producer_fd, consumer_fd;       /* To be sent to the consumer... */
    int sleep_fd;                       /* ...with this one. */
    int wake_fd;                        /* The other end. */
};

/* Makes the memory for 'control', as from ring_layout_init().  'name' is what
 * /proc shows of it.  Returns 0 or a positive errno value. */
int ring_memory_create(const struct ovs_ring_control *control,
                       const char *name, struct ring_memory **);

/* Marks the ring as dead, wakes the consumer and frees our part.  No lane of
 * it may be in use any more.  What the consumer has mapped, it keeps. */
void ring_memory_destroy(struct ring_memory *);

/* Wakes the consumer.  Never waits.  For any thread. */
void ring_memory_wake(const struct ring_memory *);

/* Set and clear bits OVS_RING_S_* of the state that the consumer sees, with a
 * full fence behind it.  For any thread. */
void ring_memory_set_state(struct ring_memory *, uint32_t bits);
void ring_memory_clear_state(struct ring_memory *, uint32_t bits);

#ifdef __cplusplus
}
#endif

#endif /* ring-memory.h */
