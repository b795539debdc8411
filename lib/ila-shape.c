/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-shape.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "random.h"
#include "util.h"

/* Numbers of values with a meaning here.  A probe ends at the first bucket
 * that has a slot never used. */
enum { NEVER_USED = 0, DELETED = 1 };

/* A bucket is a cache line.  Its slots are filled in their order.  Keys are
 * atomic only because they may be read before their value says that they are
 * keys; what was read is ignored then. */
struct narrow {
    atomic_uint64_t a[4];
    atomic_uint32_t value[4];
    uint32_t id[4];
};
BUILD_ASSERT_DECL(sizeof(struct narrow) == CACHE_LINE_SIZE);

struct wide {
    atomic_uint64_t a[2];
    atomic_uint64_t b[2];
    atomic_uint32_t value[2];
    uint32_t id[2];
    atomic_uint16_t port[2];
    uint8_t pad[12];
};
BUILD_ASSERT_DECL(sizeof(struct wide) == CACHE_LINE_SIZE);

/* Slots are numbered through all buckets.  Arrays have any size: growing them
 * by a quarter each time wastes little memory. */
struct ila_shape_array {
    uint64_t basis;
    uint32_t n_buckets;
    size_t bytes;               /* Of 'buckets'. */
    void *buckets;
};

#define NARROW_SLOTS 4
#define WIDE_SLOTS 2

/* Arrays of this size are worth a request for huge pages: with small ones,
 * each packet misses the TLB. */
#define HUGE_PAGE (2u << 20)

static struct ila_shape_array *
shape_array(const struct ila_shape *shape)
{
    return ovsrcu_get(struct ila_shape_array *, &shape->array);
}

static size_t
slots_per_bucket(const struct ila_shape *shape)
{
    return shape->wide ? WIDE_SLOTS : NARROW_SLOTS;
}

static inline uint64_t
mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

static inline uint32_t
narrow_bucket(const struct ila_shape_array *array, const struct ila_key *key)
{
    uint64_t hash = mix(key->a ^ array->basis);

    return (hash & UINT32_MAX) * array->n_buckets >> 32;
}

static inline uint32_t
wide_bucket(const struct ila_shape_array *array, const struct ila_key *key)
{
    uint64_t hash = mix(mix(key->a ^ array->basis) + key->b);

    hash = mix(hash + key->port);
    return (hash & UINT32_MAX) * array->n_buckets >> 32;
}

static inline uint32_t
next_bucket(const struct ila_shape_array *array, uint32_t i)
{
    return ++i < array->n_buckets ? i : 0;
}

/* Looks for 'key' in one bucket.  Returns its slot and stores its value, or
 * returns a negative number.  No branch depends on where the key is, because
 * that is not to be foretold. */
static inline int
narrow_probe(struct narrow *b, const struct ila_key *key, uint32_t *value)
{
    uint32_t values[NARROW_SLOTS];
    unsigned int map = 0;
    int slot;

    for (int i = 0; i < NARROW_SLOTS; i++) {
        uint64_t a;

        atomic_read_explicit(&b->value[i], &values[i], memory_order_acquire);
        atomic_read_relaxed(&b->a[i], &a);
        map |= ((a == key->a) & (values[i] >= ILA_SHAPE_MIN_VALUE)) << i;
    }
    if (OVS_UNLIKELY(!map)) {
        return -1;
    }
    slot = raw_ctz(map);
    *value = values[slot];
    return slot;
}

static inline int
wide_probe(struct wide *b, const struct ila_key *key, uint32_t *value)
{
    uint32_t values[WIDE_SLOTS];
    unsigned int map = 0;
    int slot;

    for (int i = 0; i < WIDE_SLOTS; i++) {
        uint64_t a_, b_;
        uint16_t port;

        atomic_read_explicit(&b->value[i], &values[i], memory_order_acquire);
        atomic_read_relaxed(&b->a[i], &a_);
        atomic_read_relaxed(&b->b[i], &b_);
        atomic_read_relaxed(&b->port[i], &port);
        map |= ((a_ == key->a) & (b_ == key->b) & (port == key->port)
                & (values[i] >= ILA_SHAPE_MIN_VALUE)) << i;
    }
    if (OVS_UNLIKELY(!map)) {
        return -1;
    }
    slot = raw_ctz(map);
    *value = values[slot];
    return slot;
}

/* Is there room in the bucket with these values, so that no key that hashes to
 * it is elsewhere? */
static inline bool
is_end(atomic_uint32_t values[], size_t n)
{
    uint32_t last;

    atomic_read_explicit(&values[n - 1], &last, memory_order_acquire);
    return last == NEVER_USED;
}

/* Two copies of the same loops, so that each is compiled for its buckets. */
#define DEFINE_LOOKUP(KIND)                                                  \
    static inline bool                                                       \
    KIND##_find_from(const struct ila_shape_array *array, uint32_t j,        \
                     const struct ila_key *key, uint32_t *bucket, int *slot, \
                     uint32_t *value)                                        \
    {                                                                        \
        struct KIND *buckets = array->buckets;                               \
                                                                             \
        for (;; j = next_bucket(array, j)) {                                 \
            *slot = KIND##_probe(&buckets[j], key, value);                   \
            *bucket = j;                                                     \
            if (OVS_LIKELY(*slot >= 0)) {                                    \
                return true;                                                 \
            } else if (is_end(buckets[j].value,                              \
                              ARRAY_SIZE(buckets->value))) {                 \
                return false;                                                \
            }                                                                \
        }                                                                    \
    }                                                                        \
                                                                             \
    static uint32_t                                                          \
    KIND##_lookup(const struct ila_shape_array *array, uint32_t map,         \
                  const struct ila_keys *keys, struct ila_shape_hit hits[])  \
    {                                                                        \
        const struct KIND *buckets = array->buckets;                         \
        uint32_t at[ILA_SHAPE_BATCH];                                        \
        uint32_t result = 0;                                                 \
                                                                             \
        for (uint32_t m = map; m; m = zero_rightmost_1bit(m)) {              \
            int i = raw_ctz(m);                                              \
            struct ila_key key = { keys->a[i], keys->b[i], keys->port };     \
                                                                             \
            at[i] = KIND##_bucket(array, &key);                              \
            OVS_PREFETCH(&buckets[at[i]]);                                   \
        }                                                                    \
        for (uint32_t m = map; m; m = zero_rightmost_1bit(m)) {              \
            int i = raw_ctz(m);                                              \
            struct ila_key key = { keys->a[i], keys->b[i], keys->port };     \
            uint32_t bucket;                                                 \
            int slot;                                                        \
                                                                             \
            if (KIND##_find_from(array, at[i], &key, &bucket, &slot,         \
                                 &hits[i].value)) {                          \
                hits[i].id = buckets[bucket].id[slot];                       \
                result |= 1u << i;                                           \
            }                                                                \
        }                                                                    \
        return result;                                                       \
    }                                                                        \
                                                                             \
    static bool                                                              \
    KIND##_find(const struct ila_shape_array *array,                         \
                const struct ila_key *key, uint32_t *pos)                    \
    {                                                                        \
        uint32_t bucket, value;                                              \
        int slot;                                                            \
                                                                             \
        if (!KIND##_find_from(array, KIND##_bucket(array, key), key,         \
                              &bucket, &slot, &value)) {                     \
            return false;                                                    \
        }                                                                    \
        *pos = (bucket                                                       \
                * ARRAY_SIZE(((struct KIND *) array->buckets)->value)        \
                + slot);                                                     \
        return true;                                                         \
    }
DEFINE_LOOKUP(narrow)
DEFINE_LOOKUP(wide)

uint32_t
ila_shape_lookup(const struct ila_shape *shape, uint32_t map,
                 const struct ila_keys *keys, struct ila_shape_hit hits[])
{
    const struct ila_shape_array *array = shape_array(shape);

    return (OVS_UNLIKELY(!array) ? 0
            : shape->wide ? wide_lookup(array, map, keys, hits)
            : narrow_lookup(array, map, keys, hits));
}

bool
ila_shape_find(const struct ila_shape *shape, const struct ila_key *key,
               uint32_t *pos)
{
    const struct ila_shape_array *array = shape_array(shape);

    return (array && (shape->wide ? wide_find(array, key, pos)
                      : narrow_find(array, key, pos)));
}

static struct ila_shape_array *
array_create(uint32_t n_buckets)
{
    struct ila_shape_array *array = xmalloc(sizeof *array);

    array->n_buckets = n_buckets;
    array->basis = (uint64_t) random_uint32() << 32 | random_uint32();
    array->bytes = (size_t) n_buckets * CACHE_LINE_SIZE;
    if (array->bytes >= HUGE_PAGE) {
        array->bytes = ROUND_UP(array->bytes, HUGE_PAGE);
        array->buckets = xmalloc_size_align(array->bytes, HUGE_PAGE);
#ifdef MADV_HUGEPAGE
        /* Only a wish. */
        ignore(madvise(array->buckets, array->bytes, MADV_HUGEPAGE));
#endif
    } else {
        array->buckets = xmalloc_cacheline(array->bytes);
    }
    memset(array->buckets, 0, array->bytes);
    return array;
}

static void
array_destroy(struct ila_shape_array *array)
{
    if (array) {
        if (array->bytes >= HUGE_PAGE) {
            free_size_align(array->buckets);
        } else {
            free_cacheline(array->buckets);
        }
        free(array);
    }
}

void
ila_shape_init(struct ila_shape *shape, bool wide)
{
    ovsrcu_init(&shape->array, NULL);
    shape->n = 0;
    shape->n_used = 0;
    shape->wide = wide;
}

/* For when no reader is left. */
void
ila_shape_destroy(struct ila_shape *shape)
{
    array_destroy(shape_array(shape));
}

static struct narrow *
narrow_at(const struct ila_shape_array *array, uint32_t pos)
{
    return &((struct narrow *) array->buckets)[pos / NARROW_SLOTS];
}

static struct wide *
wide_at(const struct ila_shape_array *array, uint32_t pos)
{
    return &((struct wide *) array->buckets)[pos / WIDE_SLOTS];
}

static atomic_uint32_t *
slot_value(const struct ila_shape *shape, const struct ila_shape_array *array,
           uint32_t pos)
{
    return (shape->wide ? &wide_at(array, pos)->value[pos % WIDE_SLOTS]
            : &narrow_at(array, pos)->value[pos % NARROW_SLOTS]);
}

void
ila_shape_get(const struct ila_shape *shape, uint32_t pos,
              struct ila_key *key, struct ila_shape_hit *hit)
{
    const struct ila_shape_array *array = shape_array(shape);

    atomic_read_relaxed(slot_value(shape, array, pos), &hit->value);
    if (shape->wide) {
        struct wide *b = wide_at(array, pos);
        int i = pos % WIDE_SLOTS;

        atomic_read_relaxed(&b->a[i], &key->a);
        atomic_read_relaxed(&b->b[i], &key->b);
        atomic_read_relaxed(&b->port[i], &key->port);
        hit->id = b->id[i];
    } else {
        struct narrow *b = narrow_at(array, pos);
        int i = pos % NARROW_SLOTS;

        atomic_read_relaxed(&b->a[i], &key->a);
        key->b = 0;
        key->port = 0;
        hit->id = b->id[i];
    }
}

void
ila_shape_set_value(struct ila_shape *shape, uint32_t pos, uint32_t value)
{
    atomic_store_explicit(slot_value(shape, shape_array(shape), pos), value,
                          memory_order_release);
}

/* Writes into the first slot that was never used. */
static uint32_t
put(const struct ila_shape *shape, struct ila_shape_array *array,
    const struct ila_key *key, uint32_t value, uint32_t id)
{
    size_t n_slots = slots_per_bucket(shape);
    uint32_t bucket = (shape->wide ? wide_bucket(array, key)
                       : narrow_bucket(array, key));

    for (;; bucket = next_bucket(array, bucket)) {
        for (size_t i = 0; i < n_slots; i++) {
            uint32_t pos = bucket * n_slots + i;
            atomic_uint32_t *slot = slot_value(shape, array, pos);
            uint32_t old;

            atomic_read_relaxed(slot, &old);
            if (old != NEVER_USED) {
                continue;
            }
            if (shape->wide) {
                struct wide *b = wide_at(array, pos);

                atomic_store_relaxed(&b->a[i], key->a);
                atomic_store_relaxed(&b->b[i], key->b);
                atomic_store_relaxed(&b->port[i], key->port);
                b->id[i] = id;
            } else {
                struct narrow *b = narrow_at(array, pos);

                atomic_store_relaxed(&b->a[i], key->a);
                b->id[i] = id;
            }
            atomic_store_explicit(slot, value, memory_order_release);
            return pos;
        }
    }
}

/* Puts all entries into a new array with room for some more. */
static void
rebuild(struct ila_shape *shape, ila_shape_moved_func *moved, void *aux)
{
    struct ila_shape_array *old = shape_array(shape);
    size_t n_slots = slots_per_bucket(shape);
    struct ila_shape_array *new = array_create(shape->n * 9 / 4 / n_slots + 2);

    for (uint32_t pos = 0; old && pos < old->n_buckets * n_slots; pos++) {
        struct ila_shape_hit hit;
        struct ila_key key;

        ila_shape_get(shape, pos, &key, &hit);
        if (hit.value >= ILA_SHAPE_MIN_VALUE) {
            moved(hit.id, put(shape, new, &key, hit.value, hit.id), aux);
        }
    }
    shape->n_used = shape->n;
    ovsrcu_set(&shape->array, new);
    if (old) {
        ovsrcu_postpone(array_destroy, old);
    }
}

uint32_t
ila_shape_insert(struct ila_shape *shape, const struct ila_key *key,
                 uint32_t value, uint32_t id, ila_shape_moved_func *moved,
                 void *aux)
{
    const struct ila_shape_array *array = shape_array(shape);

    /* At most 60 % full, 44 % after that: most buckets do not overflow. */
    if (!array || (shape->n_used + 1) * 5
                  > array->n_buckets * slots_per_bucket(shape) * 3) {
        rebuild(shape, moved, aux);
    }
    shape->n++;
    shape->n_used++;
    return put(shape, shape_array(shape), key, value, id);
}

void
ila_shape_remove(struct ila_shape *shape, uint32_t pos)
{
    ila_shape_set_value(shape, pos, DELETED);
    if (!--shape->n) {
        ovsrcu_postpone(array_destroy, shape_array(shape));
        ovsrcu_set(&shape->array, NULL);
        shape->n_used = 0;
    }
}

size_t
ila_shape_bytes(const struct ila_shape *shape)
{
    const struct ila_shape_array *array = shape_array(shape);

    return array ? sizeof *array + array->bytes : 0;
}
