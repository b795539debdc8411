/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_MEMORY_H
#define RING_MEMORY_H 1

/* The memory of a ring whose producer is a process: two sealed memfds, mapped,
 * and a pipe that wakes the consumer.
 *
 * What the consumer gets, which is everything that this module gives away:
 *
 *   producer_fd   Cannot be mapped writable, written, resized or have holes
 *                 punched into it, whatever way it is opened again.
 *   consumer_fd   Cannot be resized, so that no access faults here.
 *   sleep_fd      The reading end of the pipe; readable when it is to wake,
 *                 hung up once the producer is gone, however it went.
 *
 * The wake-up is not an eventfd, because those who share one share its
 * O_NONBLOCK: a consumer could clear that, fill the counter, and so have the
 * producer wait for ever.  The writing end of the pipe is the producer's
 * alone. */

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
