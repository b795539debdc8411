/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_FLOW_TEXT_H
#define DPIF_FLOW_TEXT_H 1

/* A line of dpctl/dump-flows, fast: see odp-text.h. */

#include <stdbool.h>

struct dpif_flow;
struct dpif_flow_stats;
struct ds;
struct hmap;

/* Appends the text of 'flow' to 'ds', without a newline.  'ports' has names of
 * port numbers or is NULL, 'verbose' is option -m, and 'now' is the time in ms
 * of the clock that stats.used is of. */
void dpif_flow_text(struct ds *ds, const struct dpif_flow *flow,
                    const struct hmap *ports, bool verbose, long long int now);

/* Appends what dpif_flow_stats_format() appends at time 'now'. */
void dpif_flow_stats_text(struct ds *ds, const struct dpif_flow_stats *,
                          long long int now);

#endif /* dpif-flow-text.h */
