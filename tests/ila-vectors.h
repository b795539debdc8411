/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TESTS_ILA_VECTORS_H
#define TESTS_ILA_VECTORS_H 1

/* Reading the vectors of the specification, for tests in C. */

#include <string.h>

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

#endif /* tests/ila-vectors.h */
