/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_OPEN_H
#define RING_OPEN_H 1

/* A ring that the server has: its memory, and what its kind has of it.  For
 * ring-server.c and what belongs to it, in the thread "ring" unless told
 * otherwise. */

#include <stdint.h>

#include "ring-server.h"

struct json;

struct ring {
    const struct ring_kind *kind;
    void *aux;                          /* The kind's. */
    struct ring_memory *memory;
    struct ring_peer_id peer;
    char *name;
    uint32_t id;                        /* In its connection, never 0. */
    uint64_t bytes;                     /* Charged. */
};

/* Makes the ring that 'request' asks for, the geometry of which is completed:
 * what is 0 becomes what 'kind' has by default.  Returns 0 or a positive errno
 * value, with the reason in '*why', for the caller to free. */
int ring_open(const struct ring_kind *kind, struct ring_request *request,
              struct ring **, char **why);

/* Ends and, after a grace period, frees 'ring'. */
void ring_close(struct ring *ring);

/* Returns what ring/show has of 'ring', for the caller to free.  For any
 * thread that keeps 'ring' from being closed. */
struct json *ring_describe(const struct ring *ring);

#endif /* ring-open.h */
