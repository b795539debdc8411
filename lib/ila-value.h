/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_VALUE_H
#define ILA_VALUE_H 1

/* What entries of the ILA mapping table translate to.
 *
 * Entries that translate alike share a value and know it by its number, so
 * that a million entries have as many values as there are hosts, and that
 * giving an entry another one is one store.
 *
 * Thread-safety
 * =============
 *
 * A value never changes.  Readers who came to know a number under RCU may call
 * ila_values_get(); all else is for one writer at a time. */

#include <stddef.h>
#include <stdint.h>

#include "ila.h"
#include "ovs-rcu.h"
#include "u32-index.h"

struct ila_value {
    struct ila_xlat xlat;       /* As it is to be applied. */
    uint8_t flags;              /* ILA_ENTRY_* (ila-table.h). */
    uint32_t idle_timeout;      /* In seconds, 0 for never. */
    uint32_t hard_timeout;
    uint32_t n_refs;            /* For ila-value.c. */
};

/* Grows by replacement. */
struct ila_value_array {
    size_t allocated;
    struct ila_value v[];
};

struct ila_values {
    OVSRCU_TYPE(struct ila_value_array *) array;
    struct rcu_ids *ids;
    struct u32_index index;     /* By content. */
};

void ila_values_init(struct ila_values *);

/* For when no reader is left. */
void ila_values_destroy(struct ila_values *);

/* Returns the number of a value equal to '*v', with one reference more. */
uint32_t ila_values_ref(struct ila_values *, const struct ila_value *v);

/* Takes a reference away. */
void ila_values_unref(struct ila_values *, uint32_t number);

/* Frees what has no references any more, after a grace period. */
void ila_values_flush(struct ila_values *);

bool ila_value_equal(const struct ila_value *, const struct ila_value *);

/* Number of distinct values, and bytes of memory. */
size_t ila_values_count(const struct ila_values *);
size_t ila_values_bytes(const struct ila_values *);

/* To be called after the number was read: the array is at least as new. */
static inline const struct ila_value *
ila_values_get(const struct ila_values *values, uint32_t number)
{
    return &ovsrcu_get(struct ila_value_array *, &values->array)->v[number];
}

#endif /* lib/ila-value.h */
