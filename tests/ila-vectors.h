/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TESTS_ILA_VECTORS_H
#define TESTS_ILA_VECTORS_H 1

/* Reading the vectors of the specification, for tests in C. */

#include <string.h>

#include "ila-table.h"
#include "ila.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

static inline const struct json *
member(const struct json *object, const char *name)
{
    return shash_find_data(json_object(object), name);
}

/* Returns the string member 'name' of 'object', NULL if absent or null. */
static inline const char *
member_string(const struct json *object, const char *name)
{
    const struct json *value = member(object, name);

    return value && value->type == JSON_STRING ? json_string(value) : NULL;
}

/* Parses 'hex' to 'data', which has room for 'max' bytes, and returns the
 * number of bytes. */
static inline size_t
from_hex(const char *hex, uint8_t *data, size_t max)
{
    size_t size = strlen(hex) / 2;

    ovs_assert(size <= max && strlen(hex) == 2 * size);
    for (size_t i = 0; i < size; i++) {
        bool ok;

        data[i] = hexits_value(&hex[2 * i], 2, &ok);
        ovs_assert(ok);
    }
    return size;
}

static inline ovs_be64
locator_of(const char *s)
{
    ovs_be64 locator;
    char *error = ila_locator_from_string(s, &locator);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    return locator;
}

/* Stores the entry 'entry' of a vector's table in '*m'. */
static inline void
vector_mapping(const struct json *entry, uint8_t flags, struct ila_mapping *m)
{
    const char *locator = member_string(entry, "match_locator");
    const char *identifier = member_string(entry, "identifier");
    const struct json *in_port = member(entry, "in_port");
    const char *key, *why;

    memset(m, 0, sizeof *m);
    m->match.dir = (!strcmp(member_string(entry, "direction"), "ila2sir")
                    ? ILA_DIR_IN : ILA_DIR_OUT);
    if (locator) {
        m->match.fields |= ILA_MATCH_LOCATOR;
        m->match.locator = locator_of(locator);
    }
    if (identifier) {
        m->match.fields |= ILA_MATCH_IDENTIFIER;
        m->match.identifier = htonll(strtoull(identifier, NULL, 16));
    }
    if (in_port) {
        m->match.fields |= ILA_MATCH_IN_PORT;
        m->match.in_port = json_integer(in_port);
    }
    m->xlat.dir = m->match.dir;
    m->xlat.locator = locator_of(member_string(entry, "locator"));
    m->xlat.ident_type = ILA_IDENT_LUID;
    m->flags = flags;
    ovs_assert(ila_csum_mode_from_string(member_string(entry, "csum_mode"),
                                         &m->xlat.csum_mode));
    ovs_assert(!ila_mapping_check(m, &key, &why));
}

#endif /* tests/ila-vectors.h */
