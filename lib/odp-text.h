/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ODP_TEXT_H
#define ODP_TEXT_H 1

/* The text of flows' keys and actions, fast.
 *
 * These functions append to 'ds' what odp_flow_format() and
 * format_odp_actions() append, byte for byte.  Common attributes are written
 * here; each of the others, and each one that is not as it should be, is left
 * to upstream's functions.
 *
 * Attributes may come from anywhere.  Upstream's functions rely on the length
 * of some; one that is too short for them appears as an unknown one does, and
 * attributes nested more than ODP_TEXT_MAX_DEPTH deep appear as bytes.
 *
 * 'ports' has names for port numbers (see odp_portno_names_set()), or is NULL.
 * Thread-safe as far as 'ds' and 'ports' are not shared. */

#include <stdbool.h>
#include <stddef.h>

struct ds;
struct hmap;
struct nlattr;

#define ODP_TEXT_MAX_DEPTH 32

void odp_text_flow(struct ds *ds, const struct nlattr *key, size_t key_len,
                   const struct nlattr *mask, size_t mask_len,
                   const struct hmap *ports, bool verbose);
void odp_text_actions(struct ds *ds, const struct nlattr *actions,
                      size_t actions_len, const struct hmap *ports);

#endif /* odp-text.h */
