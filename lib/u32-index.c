/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "u32-index.h"

#include <stdlib.h>

#include "util.h"

void
u32_index_init(struct u32_index *index)
{
    index->slots = NULL;
    index->mask = 0;
    index->n = 0;
}

void
u32_index_destroy(struct u32_index *index)
{
    free(index->slots);
}

static void
put(struct u32_index *index, uint32_t value, uint32_t hash)
{
    uint32_t i = hash & index->mask;

    while (index->slots[i]) {
        i = (i + 1) & index->mask;
    }
    index->slots[i] = value + 1;
}

static void
resize(struct u32_index *index, size_t n_slots, u32_index_hash_func *hash,
       const void *aux)
{
    struct u32_index old = *index;

    index->slots = xcalloc(n_slots, sizeof *index->slots);
    index->mask = n_slots - 1;
    for (size_t i = 0; old.slots && i <= old.mask; i++) {
        if (old.slots[i]) {
            put(index, old.slots[i] - 1, hash(old.slots[i] - 1, aux));
        }
    }
    free(old.slots);
}

void
u32_index_insert(struct u32_index *index, uint32_t value, uint32_t hash,
                 u32_index_hash_func *rehash, const void *aux)
{
    /* At most three quarters full. */
    if (!index->slots) {
        resize(index, 8, rehash, aux);
    } else if (index->n + 1 > ((size_t) index->mask + 1) / 4 * 3) {
        resize(index, ((size_t) index->mask + 1) * 2, rehash, aux);
    }
    put(index, value, hash);
    index->n++;
}

void
u32_index_remove(struct u32_index *index, uint32_t value, uint32_t hash,
                 u32_index_hash_func *rehash, const void *aux)
{
    uint32_t hole = hash & index->mask;

    while (index->slots[hole] != value + 1) {
        ovs_assert(index->slots[hole]);
        hole = (hole + 1) & index->mask;
    }

    /* Whatever may not stay behind the hole moves into it, unless its own
     * place is after the hole. */
    for (uint32_t i = (hole + 1) & index->mask; index->slots[i];
         i = (i + 1) & index->mask) {
        uint32_t home = rehash(index->slots[i] - 1, aux) & index->mask;

        if (((i - home) & index->mask) >= ((i - hole) & index->mask)) {
            index->slots[hole] = index->slots[i];
            hole = i;
        }
    }
    index->slots[hole] = 0;
    index->n--;
}

bool
u32_index_next(const struct u32_index *index, uint32_t *pos, uint32_t *value)
{
    if (!index->slots) {
        return false;
    }

    uint32_t i = *pos;
    uint32_t slot = index->slots[i & index->mask];

    *pos = i + 1;
    *value = slot - 1;
    return slot != 0;
}

size_t
u32_index_bytes(const struct u32_index *index)
{
    size_t n_slots = index->slots ? (size_t) index->mask + 1 : 0;

    return n_slots * sizeof *index->slots;
}
