/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_SHOW_H
#define DPCTL_SHOW_H 1

/* What "dpctl/show" prints beyond upstream's: the match cache, and everything
 * as JSON.  Called by the thread that runs dpctl commands. */

struct dpctl_params;
struct dpif;
struct flow_match_cache_stats;

/* Prints a line about a match cache that has kept something, or is told to do
 * so at the first opportunity.  Nothing is printed otherwise, so that
 * upstream's output stays what it was. */
void dpctl_show_match_cache(const struct flow_match_cache_stats *,
                            struct dpctl_params *);

/* Puts what "show" prints about 'dpif' into the JSON object under construction
 * as its member of the name of 'dpif'. */
void dpctl_show_json(struct dpif *, struct dpctl_params *);

#endif /* dpctl-show.h */
