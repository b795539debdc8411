/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_KNOWN_H
#define RING_KNOWN_H 1

/* What the consumer of a datapath's flows knows of them, so that it can be
 * told what has changed: for each flow its UFID, its statistics and a hash of
 * its actions.
 *
 * An export begins, sees each flow, and sweeps what it has not seen.  Memory
 * is counted against ring-max-mb (ring-server.h); what finds no room is not
 * remembered, thus new each time.
 *
 * One thread at a time uses a struct ring_known. */

#include <stdbool.h>

struct dpif_flow;
struct ring_known;

struct ring_known *ring_known_create(void);
void ring_known_destroy(struct ring_known *);
/* Likewise, by another thread, because it may take a while. */
void ring_known_destroy_later(struct ring_known *);

void ring_known_begin(struct ring_known *);

enum ring_known_change {
    RING_KNOWN_NEW,             /* New, or its actions are. */
    RING_KNOWN_STATS,           /* Its statistics are not those known. */
    RING_KNOWN_SAME,            /* Nothing is new, or it was seen before. */
};

/* Says what is new of 'flow', whose actions are there, and remembers it. */
enum ring_known_change ring_known_see(struct ring_known *,
                                      const struct dpif_flow *flow);

/* Was there not enough room since ring_known_begin()? */
bool ring_known_is_overflown(const struct ring_known *);

enum ring_sweep {
    RING_SWEEP_GONE,            /* '*flow' is gone, and not remembered. */
    RING_SWEEP_KEPT,            /* Go on. */
    RING_SWEEP_END,             /* That was all. */
};

/* Looks at the next remembered flow or few: if it was not seen since
 * ring_known_begin(), fills in its UFID, PMD and last known statistics, and
 * nothing else. */
enum ring_sweep ring_known_sweep(struct ring_known *, struct dpif_flow *flow);

#endif /* ring-known.h */
