/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_ENTRY_H
#define ILA_ENTRY_H 1

/* Properties of a mapping by itself. */

#include <string.h>

#include "ila-table.h"

static inline void
ila_addr_make(ovs_be64 locator, ovs_be64 identifier, struct in6_addr *addr)
{
    memcpy(&addr->s6_addr[0], &locator, sizeof locator);
    memcpy(&addr->s6_addr[8], &identifier, sizeof identifier);
}

static inline void
ila_addr_split(const struct in6_addr *addr, ovs_be64 *locator,
               ovs_be64 *identifier)
{
    memcpy(locator, &addr->s6_addr[0], sizeof *locator);
    memcpy(identifier, &addr->s6_addr[8], sizeof *identifier);
}

/* Has an entry with this match and translation another identifier on the wire
 * than its user knows? */
bool ila_match_is_disguised(const struct ila_match *, const struct ila_xlat *);

/* Returns the identifier that is on the wire. */
ovs_be64 ila_wire_identifier(const struct ila_match *,
                             const struct ila_xlat *);

uint32_t ila_match_hash(const struct ila_match *);

/* Members that follow from others do not count. */
bool ila_match_equal(const struct ila_match *, const struct ila_match *);
bool ila_mapping_equal(const struct ila_mapping *, const struct ila_mapping *);

enum ila_owner ila_mapping_owner(const struct ila_mapping *);

#endif /* lib/ila-entry.h */
