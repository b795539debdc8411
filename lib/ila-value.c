/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-value.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rcu-ids.h"
#include "util.h"

static struct ila_value_array *
get_array(const struct ila_values *values)
{
    return ovsrcu_get(struct ila_value_array *, &values->array);
}

static uint32_t
value_hash(const struct ila_value *v)
{
    const struct ila_xlat *xlat = &v->xlat;
    uint32_t hash = hash_add64(0, (OVS_FORCE uint64_t) xlat->locator);

    hash = hash_add(hash, (xlat->csum_mode | xlat->dir << 4 | xlat->field << 8
                           | xlat->ident_type << 12
                           | xlat->restore_zero << 20
                           | xlat->adj_compat << 21));
    hash = hash_add(hash, v->flags);
    hash = hash_add(hash, v->idle_timeout);
    return hash_finish(hash_add(hash, v->hard_timeout), 24);
}

bool
ila_value_equal(const struct ila_value *a, const struct ila_value *b)
{
    return (a->xlat.locator == b->xlat.locator
            && a->xlat.csum_mode == b->xlat.csum_mode
            && a->xlat.dir == b->xlat.dir
            && a->xlat.field == b->xlat.field
            && a->xlat.ident_type == b->xlat.ident_type
            && a->xlat.restore_zero == b->xlat.restore_zero
            && a->xlat.adj_compat == b->xlat.adj_compat
            && a->flags == b->flags
            && a->idle_timeout == b->idle_timeout
            && a->hard_timeout == b->hard_timeout);
}

static uint32_t
rehash(uint32_t number, const void *values)
{
    return value_hash(ila_values_get(values, number));
}

void
ila_values_init(struct ila_values *values)
{
    ovsrcu_init(&values->array, NULL);
    values->ids = rcu_ids_create();
    u32_index_init(&values->index);
}

void
ila_values_destroy(struct ila_values *values)
{
    free(get_array(values));
    rcu_ids_destroy(values->ids);
    u32_index_destroy(&values->index);
}

/* Returns an array with room for 'number'. */
static struct ila_value_array *
make_room(struct ila_values *values, uint32_t number)
{
    struct ila_value_array *old = get_array(values);
    struct ila_value_array *new;
    size_t allocated;

    if (old && number < old->allocated) {
        return old;
    }
    allocated = old ? old->allocated * 2 : 16;
    new = xmalloc(sizeof *new + allocated * sizeof new->v[0]);
    new->allocated = allocated;
    if (old) {
        memcpy(new->v, old->v, old->allocated * sizeof old->v[0]);
        ovsrcu_postpone(free, old);
    }
    ovsrcu_set(&values->array, new);
    return new;
}

uint32_t
ila_values_ref(struct ila_values *values, const struct ila_value *v)
{
    uint32_t hash = value_hash(v);
    uint32_t pos = hash;
    uint32_t number;

    while (u32_index_next(&values->index, &pos, &number)) {
        struct ila_value *old = &get_array(values)->v[number];

        if (ila_value_equal(old, v)) {
            old->n_refs++;
            return number;
        }
    }

    number = rcu_ids_get(values->ids);
    struct ila_value *new = &make_room(values, number)->v[number];
    *new = *v;
    new->n_refs = 1;
    u32_index_insert(&values->index, number, hash, rehash, values);
    return number;
}

void
ila_values_unref(struct ila_values *values, uint32_t number)
{
    struct ila_value *v = &get_array(values)->v[number];

    if (!--v->n_refs) {
        u32_index_remove(&values->index, number, value_hash(v), rehash,
                         values);
        rcu_ids_put(values->ids, number);
    }
}

void
ila_values_flush(struct ila_values *values)
{
    rcu_ids_flush(values->ids);
}

size_t
ila_values_count(const struct ila_values *values)
{
    return values->index.n;
}

size_t
ila_values_bytes(const struct ila_values *values)
{
    const struct ila_value_array *array = get_array(values);

    return ((array ? sizeof *array + array->allocated * sizeof array->v[0] : 0)
            + u32_index_bytes(&values->index));
}
