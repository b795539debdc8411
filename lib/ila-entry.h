/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_ENTRY_H
#define ILA_ENTRY_H 1

/* Properties of a mapping by itself, for ila-table.c. */

#include "ila-table.h"

/* Has an entry with this match and translation another identifier on the wire
 * than its user knows? */
bool ila_match_is_disguised(const struct ila_match *, const struct ila_xlat *);

enum ila_owner ila_mapping_owner(const struct ila_mapping *);

#endif /* lib/ila-entry.h */
