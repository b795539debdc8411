/* SPDX-License-Identifier: Apache-2.0 */

#ifndef U32_INDEX_H
#define U32_INDEX_H 1

/* A hash table of numbers, 8 bytes each or less.
 *
 * What a number stands for, thus its hash and whether it is the one that is
 * looked for, only the caller knows.  The table keeps no hashes: it asks for
 * them when it grows, by the function that the caller passes, with 'aux'.
 *
 * Not thread-safe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Free slots are 0; others have the number plus 1.  Probing is linear, and a
 * slot that is freed is filled by what follows, so that there are no
 * tombstones. */
struct u32_index {
    uint32_t *slots;
    uint32_t mask;              /* Number of slots, less 1. */
    size_t n;
};

typedef uint32_t u32_index_hash_func(uint32_t value, const void *aux);

void u32_index_init(struct u32_index *);
void u32_index_destroy(struct u32_index *);

/* Adds 'value', less than UINT32_MAX and not there yet, with 'hash'. */
void u32_index_insert(struct u32_index *, uint32_t value, uint32_t hash,
                      u32_index_hash_func *, const void *aux);

/* Removes 'value', which is there, with 'hash'. */
void u32_index_remove(struct u32_index *, uint32_t value, uint32_t hash,
                      u32_index_hash_func *, const void *aux);

/* Iteration over candidates for 'hash', some of which may have other hashes:
 * begin with '*pos' equal to 'hash'.  Returns false at the end. */
bool u32_index_next(const struct u32_index *, uint32_t *pos, uint32_t *value);

/* Bytes of memory. */
size_t u32_index_bytes(const struct u32_index *);

#endif /* lib/u32-index.h */
