/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "ila-entry.h"
#include "ila-shape.h"
#include "ila-timeouts.h"
#include "ila-usage.h"
#include "ila-value.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "rcu-ids.h"
#include "timeval.h"
#include "u32-index.h"
#include "util.h"

/* Structure
 * =========
 *
 * Entries that look at the same things are in one hash table each ("shape"),
 * keyed by what is on the wire; a lookup probes those that have entries, from
 * the highest preference down.
 *
 * What an entry translates to is a value (ila-value.h), which it names by
 * number, so that changing it is one store: that is why a reader never sees a
 * mix and never misses.
 *
 * Entries have numbers ("ids") as well, which they keep, thus a listing that
 * goes by id sees each one once.  Where an entry is, 'places' tells by id, for
 * writers only.
 *
 * Entries whose identifier on the wire is another one than the user's
 * ("disguised") are in an index by the latter, for writers only. */

/* The place of an entry: its shape, from bit PLACE_SHIFT on, and its position
 * there. */
#define PLACE_SHIFT 27
#define NO_PLACE UINT32_MAX
BUILD_ASSERT_DECL(1u << PLACE_SHIFT == ILA_SHAPE_MAX_POS);

#define N_SHAPES 16

/* An entry's key takes less than two slots of a shape, if need be of one
 * alone. */
#define MAX_ENTRIES (ILA_SHAPE_MAX_POS / 2)

struct ila_impl {
    /* Looked at by readers. */
    atomic_uint16_t used;       /* Bit i: shape i has entries. */
    struct ila_shape shapes[N_SHAPES]; /* By shape_index(). */
    struct ila_values values;
    atomic_uint32_t n_icmp_inner; /* Entries with ILA_ENTRY_ICMP_INNER. */
    atomic_uint32_t n_idle;     /* Entries with an idle timeout. */
    uint32_t epoch;

    /* For writers. */
    size_t n;
    struct ila_timeouts timeouts;
    struct ila_usage *usage;    /* The table's, null while it is staged. */
    uint32_t *places;           /* By id. */
    size_t allocated_places;
    struct rcu_ids *ids;
    struct u32_index disguised; /* Ids. */
    uint32_t *port_counts[2];   /* By port number; null as long as all 0. */
};

struct ila_table {
    OVSRCU_TYPE(struct ila_impl *) impl;
    struct ila_usage *usage;    /* May be null. */
    struct ovs_mutex mutex;     /* Excludes writers. */
    size_t max OVS_GUARDED;
    uint32_t next_epoch OVS_GUARDED;
};

/* An entry, copied out of its shape. */
struct ila_entry {
    uint8_t dir;                /* enum ila_dir. */
    uint8_t fields;             /* ILA_MATCH_*. */
    struct ila_key key;
    uint32_t value;
    uint32_t id;
};

static size_t
shape_index(enum ila_dir dir, uint8_t fields)
{
    return (dir == ILA_DIR_OUT ? 8 : 0) + fields;
}

/* Keys. */

/* Shapes with one thing to look at have only that in their keys. */
static bool
is_wide(uint8_t fields)
{
    return fields != ILA_MATCH_LOCATOR && fields != ILA_MATCH_IDENTIFIER;
}

static inline struct ila_key
make_key(uint8_t fields, ovs_be64 locator, ovs_be64 identifier,
         uint16_t in_port)
{
    struct ila_key key = { .a = 0 };

    if (fields & ILA_MATCH_LOCATOR) {
        key.a = (OVS_FORCE uint64_t) locator;
    }
    if (fields & ILA_MATCH_IDENTIFIER) {
        *(fields & ILA_MATCH_LOCATOR ? &key.b : &key.a)
            = (OVS_FORCE uint64_t) identifier;
    }
    if (fields & ILA_MATCH_IN_PORT) {
        key.port = in_port;
    }
    return key;
}

static void
key_to_match(enum ila_dir dir, uint8_t fields, const struct ila_key *key,
             struct ila_match *match)
{
    memset(match, 0, sizeof *match);
    match->dir = dir;
    match->fields = fields;
    match->in_port = key->port;
    if (fields & ILA_MATCH_LOCATOR) {
        match->locator = (OVS_FORCE ovs_be64) key->a;
    }
    if (fields & ILA_MATCH_IDENTIFIER) {
        match->identifier = (OVS_FORCE ovs_be64) (fields & ILA_MATCH_LOCATOR
                                                  ? key->b : key->a);
    }
}

/* Values and entries by number. */

static const struct ila_value *
get_value(const struct ila_impl *impl, uint32_t value)
{
    return ila_values_get(&impl->values, value - ILA_SHAPE_MIN_VALUE);
}

/* For writers.  Returns false if there is no entry with that id. */
static bool
get_entry(const struct ila_impl *impl, uint32_t id, struct ila_entry *e)
{
    uint32_t place = impl->places[id];
    struct ila_shape_hit hit;
    uint32_t shape;

    if (place == NO_PLACE) {
        return false;
    }
    shape = place >> PLACE_SHIFT;
    e->dir = shape & 8 ? ILA_DIR_OUT : ILA_DIR_IN;
    e->fields = shape & 7;
    ila_shape_get(&impl->shapes[shape], place & (ILA_SHAPE_MAX_POS - 1),
                  &e->key, &hit);
    e->value = hit.value;
    e->id = id;
    return true;
}

/* Fills in 'm' for an entry with value 'v'. */
static void
make_mapping(enum ila_dir dir, uint8_t fields, const struct ila_key *key,
             const struct ila_value *v, struct ila_mapping *m)
{
    memset(m, 0, sizeof *m);
    key_to_match(dir, fields, key, &m->match);
    m->xlat = v->xlat;
    m->flags = v->flags;
    m->idle_timeout = v->idle_timeout;
    m->hard_timeout = v->hard_timeout;

    if (ila_match_is_disguised(&m->match, &m->xlat)) {
        ovs_be64 locator;
        struct in6_addr addr;

        ila_addr_make(m->match.locator, m->match.identifier, &addr);
        ila_translate_addr(&v->xlat, &addr);
        ila_addr_split(&addr, &locator, &m->match.identifier);
    }
}

static void
entry_to_mapping(const struct ila_impl *impl, const struct ila_entry *e,
                 struct ila_mapping *m)
{
    make_mapping(e->dir, e->fields, &e->key, get_value(impl, e->value), m);
}

/* The index of the disguised. */

static uint32_t
disguised_rehash(uint32_t id, const void *impl_)
{
    const struct ila_impl *impl = impl_;
    struct ila_mapping m;
    struct ila_entry e;

    get_entry(impl, id, &e);
    entry_to_mapping(impl, &e, &m);
    return ila_match_hash(&m.match);
}

/* The whole. */

static struct ila_impl *
impl_create(void)
{
    struct ila_impl *impl = xzalloc(sizeof *impl);

    atomic_init(&impl->used, 0);
    for (size_t i = 0; i < N_SHAPES; i++) {
        ila_shape_init(&impl->shapes[i], is_wide(i & 7));
    }
    ila_values_init(&impl->values);
    atomic_init(&impl->n_icmp_inner, 0);
    atomic_init(&impl->n_idle, 0);
    ila_timeouts_init(&impl->timeouts);
    impl->ids = rcu_ids_create();
    u32_index_init(&impl->disguised);
    return impl;
}

/* For when no reader is left. */
static void
impl_destroy(struct ila_impl *impl)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        ila_shape_destroy(&impl->shapes[i]);
    }
    ila_values_destroy(&impl->values);
    rcu_ids_destroy(impl->ids);
    u32_index_destroy(&impl->disguised);
    ila_timeouts_destroy(&impl->timeouts);
    free(impl->port_counts[0]);
    free(impl->port_counts[1]);
    free(impl->places);
    free(impl);
}

/* To be called after changes: frees what they made free, when it is time. */
static void
impl_flush(struct ila_impl *impl)
{
    ila_values_flush(&impl->values);
    rcu_ids_flush(impl->ids);
}

static struct ila_impl *
table_impl(const struct ila_table *t)
{
    return ovsrcu_get(struct ila_impl *, &t->impl);
}

/* Makes readers use 'new'.  What was before goes with the last of them. */
static void
publish(struct ila_table *t, struct ila_impl *new)
    OVS_REQUIRES(t->mutex)
{
    struct ila_impl *old = table_impl(t);

    new->epoch = t->next_epoch++;
    new->usage = t->usage;
    ovsrcu_set(&t->impl, new);
    if (old) {
        ovsrcu_postpone(impl_destroy, old);
    }
}

struct ila_table *
ila_table_create(void)
{
    struct ila_table *t = xzalloc(sizeof *t);

    ovs_mutex_init(&t->mutex);
    ovs_mutex_lock(&t->mutex);
    t->max = ILA_TABLE_DEFAULT_MAX;
    t->next_epoch = 1;
    ovsrcu_init(&t->impl, NULL);
    publish(t, impl_create());
    ovs_mutex_unlock(&t->mutex);
    return t;
}

static void
table_free(struct ila_table *t)
{
    if (table_impl(t)) {
        impl_destroy(table_impl(t));
    }
    ovs_mutex_destroy(&t->mutex);
    free(t);
}

void
ila_table_destroy(struct ila_table *t)
{
    if (t) {
        ovsrcu_postpone(table_free, t);
    }
}

void
ila_table_set_usage(struct ila_table *t, struct ila_usage *usage)
{
    t->usage = usage;
    table_impl(t)->usage = usage;
}

/* Readers. */

/* Makes the keys of a batch as make_key() does. */
static inline void
make_keys(uint8_t fields, const struct in6_addr *const dst[], size_t n,
          uint16_t in_port, struct ila_keys *keys)
{
    size_t a_ofs = fields & ILA_MATCH_LOCATOR ? 0 : 8;
    uint64_t a_mask = (fields & (ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER)
                       ? UINT64_MAX : 0);
    uint64_t b_mask = (!(~fields & (ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER))
                       ? UINT64_MAX : 0);

    for (size_t i = 0; i < n; i++) {
        memcpy(&keys->a[i], &dst[i]->s6_addr[a_ofs], sizeof keys->a[i]);
        memcpy(&keys->b[i], &dst[i]->s6_addr[8], sizeof keys->b[i]);
        keys->a[i] &= a_mask;
        keys->b[i] &= b_mask;
    }
    keys->port = fields & ILA_MATCH_IN_PORT ? in_port : 0;
}

uint32_t
ila_table_lookup_batch(const struct ila_table *t, enum ila_dir dir,
                       uint16_t in_port, const struct in6_addr *const dst[],
                       size_t n, struct ila_hit hits[])
{
    const struct ila_impl *impl = table_impl(t);
    uint32_t left = n >= 32 ? UINT32_MAX : (1u << n) - 1;
    uint32_t result = 0;
    uint16_t used;

    atomic_read_explicit(&CONST_CAST(struct ila_impl *, impl)->used, &used,
                         memory_order_acquire);
    used = used >> shape_index(dir, 0) & 0xff;
    while (used && left) {
        uint8_t fields = log_2_floor(used);
        struct ila_shape_hit shape_hits[ILA_TABLE_BATCH];
        struct ila_keys keys;
        uint32_t found;

        make_keys(fields, dst, n, in_port, &keys);
        found = ila_shape_lookup(&impl->shapes[shape_index(dir, fields)],
                                 left, &keys, shape_hits);
        for (uint32_t m = found; m; m = zero_rightmost_1bit(m)) {
            int i = raw_ctz(m);
            const struct ila_value *v = get_value(impl, shape_hits[i].value);

            OVS_PREFETCH(v);
            hits[i].xlat = &v->xlat;
            hits[i].id = shape_hits[i].id;
            hits[i].epoch = impl->epoch;
            hits[i].fields = fields;
        }
        result |= found;
        left &= ~found;
        used &= ~(1u << fields);
    }
    return result;
}

bool
ila_table_lookup(const struct ila_table *t, enum ila_dir dir,
                 uint16_t in_port, const struct in6_addr *dst,
                 struct ila_hit *hit)
{
    return ila_table_lookup_batch(t, dir, in_port, &dst, 1, hit) != 0;
}

uint8_t
ila_hit_get_flags(const struct ila_hit *hit)
{
    return CONTAINER_OF(hit->xlat, struct ila_value, xlat)->flags;
}

bool
ila_hit_has_idle_timeout(const struct ila_hit *hit)
{
    return CONTAINER_OF(hit->xlat, struct ila_value, xlat)->idle_timeout != 0;
}

void
ila_hit_get_mapping(const struct ila_hit *hit, uint16_t in_port,
                    const struct in6_addr *dst, struct ila_mapping *m)
{
    ovs_be64 locator, identifier;
    struct ila_key key;

    ila_addr_split(dst, &locator, &identifier);
    key = make_key(hit->fields, locator, identifier, in_port);
    make_mapping(hit->xlat->dir, hit->fields, &key,
                 CONTAINER_OF(hit->xlat, struct ila_value, xlat), m);
}

uint32_t
ila_table_max_id(const struct ila_table *t)
{
    return rcu_ids_high(table_impl(t)->ids);
}

/* Writers: entries. */

/* Returns the value of an entry for 'm'. */
static struct ila_value
mapping_value(const struct ila_mapping *m)
{
    struct ila_value v = {
        .xlat = m->xlat,
        .flags = m->flags,
        .idle_timeout = m->idle_timeout,
        .hard_timeout = m->hard_timeout,
    };

    /* Of the two zeros, one is the identifier's; it may be known which. */
    v.xlat.restore_zero = (ila_match_is_disguised(&m->match, &m->xlat)
                           ? !(m->match.identifier & htonll(0xffff))
                           : (m->flags & ILA_ENTRY_RESTORE_ZERO) != 0);
    v.xlat.adj_compat = (m->flags & ILA_ENTRY_ADJ_COMPAT) != 0;
    return v;
}

/* Looks for the entry with the given match, but for the identifier, and
 * 'identifier' on the wire. */
static bool
find_wire(const struct ila_impl *impl, const struct ila_match *match,
          ovs_be64 identifier, struct ila_entry *e)
{
    size_t i = shape_index(match->dir, match->fields);
    const struct ila_shape *shape = &impl->shapes[i];
    struct ila_shape_hit hit;
    uint32_t pos;

    e->dir = match->dir;
    e->fields = match->fields;
    e->key = make_key(match->fields, match->locator, identifier,
                      match->in_port);
    if (!ila_shape_find(shape, &e->key, &pos)) {
        return false;
    }
    ila_shape_get(shape, pos, &e->key, &hit);
    e->value = hit.value;
    e->id = hit.id;
    return true;
}

/* Looks for the entry with the given match as its user knows it. */
static bool
find_match(const struct ila_impl *impl, const struct ila_match *match,
           struct ila_entry *e)
{
    uint32_t pos = ila_match_hash(match);
    uint32_t id;

    if (find_wire(impl, match, match->identifier, e)
        && !ila_match_is_disguised(match, &get_value(impl, e->value)->xlat)) {
        return true;
    }

    while (u32_index_next(&impl->disguised, &pos, &id)) {
        struct ila_mapping m;

        get_entry(impl, id, e);
        if (e->fields == match->fields && e->key.port == match->in_port) {
            entry_to_mapping(impl, e, &m);
            if (m.match.dir == match->dir
                && m.match.locator == match->locator
                && m.match.identifier == match->identifier) {
                return true;
            }
        }
    }
    return false;
}

static uint32_t
new_id(struct ila_impl *impl)
{
    uint32_t high = rcu_ids_high(impl->ids);
    uint32_t id = rcu_ids_get(impl->ids);

    /* Nobody counts what had that id before: there was a grace period. */
    if (id < high && impl->usage) {
        ila_usage_clear(impl->usage, impl->epoch, id);
    }

    if (id >= impl->allocated_places) {
        impl->allocated_places = MAX(64, id + id / 4);
        impl->places = xrealloc(impl->places, (impl->allocated_places
                                               * sizeof *impl->places));
    }
    return id;
}

/* Numbers of values in shapes. */
static uint32_t
value_ref(struct ila_impl *impl, const struct ila_value *v)
{
    return ila_values_ref(&impl->values, v) + ILA_SHAPE_MIN_VALUE;
}

static void
value_unref(struct ila_impl *impl, uint32_t value)
{
    ila_values_unref(&impl->values, value - ILA_SHAPE_MIN_VALUE);
}

static void
count_port(struct ila_impl *impl, enum ila_dir dir, uint8_t fields,
           uint16_t in_port, int delta)
{
    if (fields & ILA_MATCH_IN_PORT) {
        uint32_t **counts = &impl->port_counts[dir == ILA_DIR_OUT];

        if (!*counts) {
            *counts = xcalloc(UINT16_MAX + 1, sizeof **counts);
        }
        (*counts)[in_port] += delta;
    }
}

/* Counts an entry with value 'v' that comes (1) or goes (-1). */
static void
count_value(struct ila_impl *impl, const struct ila_value *v, int delta)
{
    uint32_t orig;

    if (v->flags & ILA_ENTRY_ICMP_INNER) {
        atomic_add_relaxed(&impl->n_icmp_inner, delta, &orig);
    }
    if (v->idle_timeout) {
        atomic_add_relaxed(&impl->n_idle, delta, &orig);
    }
}

/* Does any entry match that port? */
static bool
has_port(const struct ila_impl *impl, enum ila_dir dir, uint16_t in_port)
{
    const uint32_t *counts = impl->port_counts[dir == ILA_DIR_OUT];

    return counts && counts[in_port];
}

static void
set_timeouts(struct ila_impl *impl, uint32_t id, const struct ila_value *v)
{
    ila_timeouts_set(&impl->timeouts, id, v->idle_timeout, v->hard_timeout,
                     v->idle_timeout || v->hard_timeout ? time_msec() : 0);
}

static void
set_used(struct ila_impl *impl, size_t shape, bool is_used)
{
    uint16_t used;

    atomic_read_relaxed(&impl->used, &used);
    used = is_used ? used | 1u << shape : used & ~(1u << shape);
    atomic_store_explicit(&impl->used, used, memory_order_release);
}

struct moved_aux {
    struct ila_impl *impl;
    size_t shape;
};

static void
entry_moved(uint32_t id, uint32_t pos, void *aux_)
{
    const struct moved_aux *aux = aux_;

    aux->impl->places[id] = aux->shape << PLACE_SHIFT | pos;
}

static uint32_t
insert_entry(struct ila_impl *impl, const struct ila_mapping *m)
{
    const struct ila_match *match = &m->match;
    const struct ila_value v = mapping_value(m);
    struct moved_aux aux = { impl, shape_index(match->dir, match->fields) };
    struct ila_key key = make_key(match->fields, match->locator,
                                  ila_wire_identifier(match, &v.xlat),
                                  match->in_port);
    uint32_t id = new_id(impl);

    set_timeouts(impl, id, &v);
    entry_moved(id, ila_shape_insert(&impl->shapes[aux.shape], &key,
                                     value_ref(impl, &v), id,
                                     entry_moved, &aux), &aux);
    set_used(impl, aux.shape, true);
    count_port(impl, match->dir, match->fields, match->in_port, 1);
    impl->n++;
    count_value(impl, &v, 1);
    if (ila_match_is_disguised(match, &v.xlat)) {
        u32_index_insert(&impl->disguised, id, ila_match_hash(match),
                         disguised_rehash, impl);
    }
    return id;
}

static void
remove_entry(struct ila_impl *impl, const struct ila_entry *e)
{
    size_t shape = shape_index(e->dir, e->fields);
    struct ila_mapping m;

    entry_to_mapping(impl, e, &m);
    if (ila_match_is_disguised(&m.match, &m.xlat)) {
        u32_index_remove(&impl->disguised, e->id, ila_match_hash(&m.match),
                         disguised_rehash, impl);
    }
    if (impl->shapes[shape].n == 1) {
        set_used(impl, shape, false);
    }
    ila_shape_remove(&impl->shapes[shape],
                     impl->places[e->id] & (ILA_SHAPE_MAX_POS - 1));
    count_port(impl, e->dir, e->fields, e->key.port, -1);
    impl->n--;
    count_value(impl, get_value(impl, e->value), -1);
    value_unref(impl, e->value);
    ila_timeouts_remove(&impl->timeouts, e->id);
    impl->places[e->id] = NO_PLACE;
    rcu_ids_put(impl->ids, e->id);
}

/* Gives 'e' the translation of 'm', whose match and disguise are the same. */
static void
change_entry(struct ila_impl *impl, const struct ila_entry *e,
             const struct ila_mapping *m)
{
    const struct ila_value v = mapping_value(m);

    count_value(impl, get_value(impl, e->value), -1);
    count_value(impl, &v, 1);
    set_timeouts(impl, e->id, &v);
    ila_shape_set_value(&impl->shapes[shape_index(e->dir, e->fields)],
                        impl->places[e->id] & (ILA_SHAPE_MAX_POS - 1),
                        value_ref(impl, &v));
    value_unref(impl, e->value);
}

/* May 'owner' change 'e'? */
static bool
is_owner(const struct ila_impl *impl, const struct ila_entry *e,
         enum ila_owner owner)
{
    bool database = get_value(impl, e->value)->flags & ILA_ENTRY_DATABASE;

    return (owner == ILA_OWNER_ANY
            || database == (owner == ILA_OWNER_DATABASE));
}

static bool
mapping_is_entry(const struct ila_impl *impl, const struct ila_entry *e,
                 const struct ila_mapping *m)
{
    const struct ila_value v = mapping_value(m);

    return ila_value_equal(get_value(impl, e->value), &v);
}

/* Writes 'm' in place of 'old', which has the same match. */
static int
replace_entry(struct ila_impl *impl, const struct ila_entry *old,
              const struct ila_mapping *m)
{
    bool was_disguised = ila_match_is_disguised(&m->match,
                                      &get_value(impl, old->value)->xlat);
    struct ila_entry other;
    bool found = find_wire(impl, &m->match,
                           ila_wire_identifier(&m->match, &m->xlat), &other);

    if (found && other.id != old->id) {
        return EEXIST;
    } else if (found
               && was_disguised == ila_match_is_disguised(&m->match,
                                                          &m->xlat)) {
        change_entry(impl, old, m);
    } else if (found) {
        /* The same on the wire, by chance: no instant with neither. */
        struct ila_mapping before;

        entry_to_mapping(impl, old, &before);
        if (was_disguised) {
            u32_index_remove(&impl->disguised, old->id,
                             ila_match_hash(&before.match), disguised_rehash,
                             impl);
        }
        change_entry(impl, old, m);
        if (!was_disguised) {
            u32_index_insert(&impl->disguised, old->id,
                             ila_match_hash(&m->match), disguised_rehash,
                             impl);
        }
    } else {
        /* What comes from the wire changes.  First there are both. */
        ila_timeouts_inherit(&impl->timeouts, insert_entry(impl, m),
                             &impl->timeouts, old->id);
        remove_entry(impl, old);
    }
    return 0;
}

static int
add_entry(struct ila_impl *impl, size_t max, const struct ila_mapping *m,
          enum ila_add_mode mode)
{
    struct ila_entry e;

    if (find_match(impl, &m->match, &e)) {
        switch (mode) {
        case ILA_ADD_NEW:
            return EEXIST;
        case ILA_ADD_MAY_EXIST:
            return mapping_is_entry(impl, &e, m) ? 0 : EEXIST;
        case ILA_ADD_REPLACE:
        case ILA_ADD_MODIFY:
            return (mapping_is_entry(impl, &e, m) ? 0
                    : !is_owner(impl, &e, ila_mapping_owner(m)) ? EPERM
                    : replace_entry(impl, &e, m));
        }
        OVS_NOT_REACHED();
    } else if (mode == ILA_ADD_MODIFY) {
        return ENOENT;
    } else if (find_wire(impl, &m->match,
                         ila_wire_identifier(&m->match, &m->xlat), &e)) {
        return EEXIST;
    } else if (impl->n >= max) {
        return ENOSPC;
    }
    insert_entry(impl, m);
    return 0;
}

int
ila_table_add(struct ila_table *t, const struct ila_mapping *m,
              enum ila_add_mode mode)
{
    int error;

    ovs_mutex_lock(&t->mutex);
    error = add_entry(table_impl(t), t->max, m, mode);
    impl_flush(table_impl(t));
    ovs_mutex_unlock(&t->mutex);
    return error;
}

int
ila_table_del(struct ila_table *t, const struct ila_match *match,
              enum ila_owner owner)
{
    struct ila_impl *impl;
    struct ila_entry e;
    int error = 0;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    if (!find_match(impl, match, &e)) {
        error = ENOENT;
    } else if (!is_owner(impl, &e, owner)) {
        error = EPERM;
    } else {
        remove_entry(impl, &e);
        impl_flush(impl);
    }
    ovs_mutex_unlock(&t->mutex);
    return error;
}

/* Iteration over the entries that 'f' selects, for writers: begin with '*id'
 * equal to 0, and it is that of the next candidate afterwards. */
static bool
next_selected(const struct ila_impl *impl, const struct ila_filter *f,
              uint32_t *id, struct ila_entry *e)
{
    while (*id < rcu_ids_high(impl->ids)) {
        if (get_entry(impl, (*id)++, e)
            && (!f->dir || f->dir == e->dir)
            && is_owner(impl, e, f->owner)
            && (!f->has_in_port || (e->fields & ILA_MATCH_IN_PORT
                                    && e->key.port == f->in_port))
            && (!f->xlat_locator
                || (get_value(impl, e->value)->xlat.locator
                    == f->xlat_locator))) {
            return true;
        }
    }
    return false;
}

/* What a move makes of an entry whose place on the wire changes. */
struct ila_moved {
    struct ila_entry old;
    struct ila_mapping new;
    ovs_be64 identifier;        /* On the wire. */
};

static int
compare_moved(const void *a_, const void *b_)
{
    const struct ila_moved *a = a_;
    const struct ila_moved *b = b_;
    const struct ila_match *am = &a->new.match;
    const struct ila_match *bm = &b->new.match;

    return (am->fields != bm->fields ? (am->fields < bm->fields ? -1 : 1)
            : am->in_port != bm->in_port ? (am->in_port < bm->in_port ? -1 : 1)
            : am->locator != bm->locator ? (am->locator < bm->locator ? -1 : 1)
            : a->identifier != b->identifier
            ? (a->identifier < b->identifier ? -1 : 1)
            : 0);
}

int
ila_table_move(struct ila_table *t, const struct ila_filter *filter,
               ovs_be64 to, size_t *n)
{
    struct ila_moved *moved = NULL;
    size_t n_moved = 0, allocated_moved = 0;
    struct ila_impl *impl;
    struct ila_mapping m;
    struct ila_entry e;
    uint32_t id;
    int error = 0;

    *n = 0;
    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);

    /* First those that may fail, which are those that also change place. */
    for (id = 0; impl->disguised.n && next_selected(impl, filter, &id, &e);) {
        entry_to_mapping(impl, &e, &m);
        if (ila_match_is_disguised(&m.match, &m.xlat)) {
            struct ila_entry other;
            struct ila_moved *p;

            if (n_moved >= allocated_moved) {
                moved = x2nrealloc(moved, &allocated_moved, sizeof *moved);
            }
            p = &moved[n_moved++];
            m.xlat.locator = to;
            p->old = e;
            p->new = m;
            p->identifier = ila_wire_identifier(&m.match, &m.xlat);
            if (find_wire(impl, &m.match, p->identifier, &other)
                && other.id != e.id) {
                error = EEXIST;
                goto out;
            }
        }
    }
    if (n_moved) {
        qsort(moved, n_moved, sizeof *moved, compare_moved);
    }
    for (size_t i = 1; i < n_moved; i++) {
        if (!compare_moved(&moved[i - 1], &moved[i])) {
            error = EEXIST;
            goto out;
        }
    }

    for (id = 0; next_selected(impl, filter, &id, &e);) {
        entry_to_mapping(impl, &e, &m);
        if (!ila_match_is_disguised(&m.match, &m.xlat)) {
            m.xlat.locator = to;
            change_entry(impl, &e, &m);
            *n += 1;
        }
    }
    for (size_t i = 0; i < n_moved; i++) {
        replace_entry(impl, &moved[i].old, &moved[i].new);
    }
    *n += n_moved;
    impl_flush(impl);

out:
    ovs_mutex_unlock(&t->mutex);
    free(moved);
    return error;
}

size_t
ila_table_flush(struct ila_table *t, const struct ila_filter *filter)
{
    struct ila_impl *impl;
    struct ila_entry e;
    size_t n = 0;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    if (!filter->dir && !filter->owner && !filter->has_in_port
        && !filter->xlat_locator) {
        n = impl->n;
        publish(t, impl_create());
    } else if (!filter->has_in_port
               || has_port(impl, ILA_DIR_IN, filter->in_port)
               || has_port(impl, ILA_DIR_OUT, filter->in_port)) {
        for (uint32_t id = 0; next_selected(impl, filter, &id, &e);) {
            remove_entry(impl, &e);
            n++;
        }
        impl_flush(impl);
    }
    ovs_mutex_unlock(&t->mutex);
    return n;
}

static long long int
last_used(uint32_t id, const void *impl_)
{
    const struct ila_impl *impl = impl_;
    struct ila_use use = { .used = 0 };

    if (impl->usage) {
        ila_usage_get(impl->usage, impl->epoch, id, &use);
    }
    return use.used;
}

size_t
ila_table_expire(struct ila_table *t, long long int now, size_t max)
{
    struct ila_impl *impl;
    struct ila_entry e;
    size_t n = 0;
    uint32_t id;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    while (n < max && ila_timeouts_find_due(&impl->timeouts, now, last_used,
                                            impl, &id)) {
        get_entry(impl, id, &e);
        remove_entry(impl, &e);
        n++;
    }
    impl_flush(impl);
    ovs_mutex_unlock(&t->mutex);
    return n;
}

long long int
ila_table_due(const struct ila_table *t)
{
    return ila_timeouts_due(&table_impl(t)->timeouts);
}

void
ila_table_set_max(struct ila_table *t, size_t max)
{
    ovs_mutex_lock(&t->mutex);
    t->max = MIN(max, MAX_ENTRIES);
    ovs_mutex_unlock(&t->mutex);
}

/* Bulk load. */

struct ila_table *
ila_table_stage(struct ila_table *t)
{
    struct ila_table *stage = ila_table_create();
    size_t max;

    ovs_mutex_lock(&t->mutex);
    max = t->max;
    ovs_mutex_unlock(&t->mutex);
    ila_table_set_max(stage, max);
    return stage;
}

/* Copies what 'filter' selects from 'src' to 'dst', which gets no more than
 * 'max' entries, or nothing. */
static int
copy_entries(const struct ila_impl *src, const struct ila_filter *filter,
             struct ila_impl *dst, size_t max, struct ila_match *culprit)
{
    struct ila_entry e, other;
    struct ila_mapping m;
    size_t n = 0;

    memset(culprit, 0, sizeof *culprit);
    for (uint32_t id = 0; next_selected(src, filter, &id, &e); n++) {
        entry_to_mapping(src, &e, &m);
        if (find_match(dst, &m.match, &other)
            || find_wire(dst, &m.match, ila_wire_identifier(&m.match, &m.xlat),
                         &other)) {
            *culprit = m.match;
            return EEXIST;
        }
    }
    if (n > max - MIN(max, dst->n)) {
        return ENOSPC;
    }
    for (uint32_t id = 0; next_selected(src, filter, &id, &e);) {
        entry_to_mapping(src, &e, &m);
        ila_timeouts_inherit(&dst->timeouts, insert_entry(dst, &m),
                             &src->timeouts, e.id);
    }
    impl_flush(dst);
    return 0;
}

int
ila_table_commit_add(struct ila_table *t, struct ila_table *stage,
                     struct ila_match *culprit)
{
    const struct ila_filter all = { .dir = 0 };
    int error;

    ovs_mutex_lock(&t->mutex);
    if (!table_impl(t)->n && table_impl(stage)->n <= t->max) {
        /* As good as copied, and sooner. */
        publish(t, table_impl(stage));
        ovsrcu_set_hidden(&stage->impl, NULL);
        error = 0;
    } else {
        error = copy_entries(table_impl(stage), &all, table_impl(t), t->max,
                             culprit);
    }
    ovs_mutex_unlock(&t->mutex);
    ila_table_destroy(stage);
    return error;
}

int
ila_table_commit_replace(struct ila_table *t, struct ila_table *stage,
                         enum ila_owner owner, struct ila_match *culprit)
{
    const struct ila_filter others = {
        .owner = (owner == ILA_OWNER_USER ? ILA_OWNER_DATABASE
                  : ILA_OWNER_USER),
    };
    struct ila_impl *impl = table_impl(stage);
    int error = 0;

    ovs_mutex_lock(&t->mutex);
    if (owner != ILA_OWNER_ANY) {
        error = copy_entries(table_impl(t), &others, impl, t->max, culprit);
    }
    if (!error) {
        /* Nobody else knows 'stage'. */
        ovsrcu_set_hidden(&stage->impl, NULL);
        publish(t, impl);
    }
    ovs_mutex_unlock(&t->mutex);
    ila_table_destroy(stage);
    return error;
}

/* Looking at entries. */

int
ila_table_get(struct ila_table *t, const struct ila_match *match,
              struct ila_mapping *m, uint32_t *id)
{
    const struct ila_impl *impl;
    struct ila_entry e;
    bool found;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    found = find_match(impl, match, &e);
    if (found) {
        entry_to_mapping(impl, &e, m);
        if (id) {
            *id = e.id;
        }
    }
    ovs_mutex_unlock(&t->mutex);
    return found ? 0 : ENOENT;
}

size_t
ila_table_list(struct ila_table *t, struct ila_cursor *cursor,
               struct ila_mapping mappings[], uint32_t ids[], size_t max,
               bool *restarted)
{
    const struct ila_filter all = { .dir = 0 };
    const struct ila_impl *impl;
    struct ila_entry e;
    size_t n = 0;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    if (cursor->epoch != impl->epoch) {
        *restarted = cursor->epoch != 0;
        cursor->epoch = impl->epoch;
        cursor->next = 0;
    }
    while (n < max && next_selected(impl, &all, &cursor->next, &e)) {
        entry_to_mapping(impl, &e, &mappings[n]);
        ids[n++] = e.id;
    }
    ovs_mutex_unlock(&t->mutex);
    return n;
}

void
ila_table_get_use(const struct ila_table *t, uint32_t id, struct ila_use *use)
{
    if (t->usage) {
        ila_usage_get(t->usage, table_impl(t)->epoch, id, use);
    } else {
        memset(use, 0, sizeof *use);
    }
}

bool
ila_table_has_icmp_inner(const struct ila_table *t)
{
    uint32_t n;

    atomic_read_relaxed(&table_impl(t)->n_icmp_inner, &n);
    return n != 0;
}

bool
ila_table_has_idle_timeout(const struct ila_table *t)
{
    uint32_t n;

    atomic_read_relaxed(&table_impl(t)->n_idle, &n);
    return n != 0;
}

bool
ila_table_applies(struct ila_table *t, enum ila_dir dir, uint16_t in_port)
{
    const struct ila_impl *impl;
    bool applies;

    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    applies = has_port(impl, dir, in_port);
    for (uint8_t fields = 0; fields < 8; fields++) {
        applies |= (!(fields & ILA_MATCH_IN_PORT)
                    && impl->shapes[shape_index(dir, fields)].n);
    }
    ovs_mutex_unlock(&t->mutex);
    return applies;
}

void
ila_table_get_usage(struct ila_table *t, struct ila_table_usage *u)
{
    const struct ila_impl *impl;

    memset(u, 0, sizeof *u);
    ovs_mutex_lock(&t->mutex);
    impl = table_impl(t);
    u->n = impl->n;
    u->max = t->max;
    u->n_values = ila_values_count(&impl->values);
    u->n_timeouts = ila_timeouts_count(&impl->timeouts);
    u->bytes = (sizeof *t + sizeof *impl
                + impl->allocated_places * sizeof *impl->places
                + ila_values_bytes(&impl->values)
                + u32_index_bytes(&impl->disguised)
                + ila_timeouts_bytes(&impl->timeouts)
                + (t->usage ? ila_usage_bytes(t->usage) : 0));
    for (size_t i = 0; i < N_SHAPES; i++) {
        u->per_shape[i / 8][i % 8] = impl->shapes[i].n;
        u->bytes += ila_shape_bytes(&impl->shapes[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (impl->port_counts[i]) {
            u->bytes += (UINT16_MAX + 1) * sizeof(uint32_t);
        }
    }
    ovs_mutex_unlock(&t->mutex);
}
