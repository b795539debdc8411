/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_KEPT_H
#define RING_KEPT_H 1

/* Rings that are there before their consumer: "ring/add".
 *
 * Such a ring has records from the moment on when it was added.  The consumer
 * that attaches to its name next gets it, as it was added, whatever geometry
 * and options it asks for itself.  Once that one has gone, another ring takes
 * its place and waits for the next consumer.
 *
 * For ring-server.c.  All functions but ring_kept_list() are for the thread
 * "ring". */

#include <stdbool.h>

#include "ring-server.h"

struct json;
struct ring;

/* Adds a ring, from its request, in which nothing is known of a peer.  Returns
 * 0 or a positive errno value, with the reason in '*why'; EEXIST if there is
 * one of that kind and name. */
int ring_kept_add(const struct ring_kind *, const struct ring_request *,
                  char **why);

/* Removes those called 'name' of 'kind', or of all kinds if that is null.
 * A ring that has found its consumer stays with it.  Returns how many. */
size_t ring_kept_remove(const struct ring_kind *kind, const char *name);
void ring_kept_clear(void);

/* Returns the ring that waits for whoever asks for 'kind' and 'name', which is
 * the caller's until ring_kept_closed(), or null if there is none. */
struct ring *ring_kept_take(const struct ring_kind *kind, const char *name);

/* 'ring' was closed; has no effect if it was not taken from here. */
void ring_kept_closed(const struct ring *ring);

/* Make rings that are missing, and wait until it is time for that. */
void ring_kept_run(void);
void ring_kept_wait(void);

/* Adds those that wait to 'list', for ring/list.  For any thread. */
void ring_kept_list(struct json *list);

#endif /* ring-kept.h */
