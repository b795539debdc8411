/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ARENA_H
#define VRF_ARENA_H 1

/* Memory of what lookups in routing tables (vrf-fib.h) pass through, for all
 * of them together: small objects of several sizes, closely packed in large
 * pages.  A lookup in a large table is a few waits for memory, and with pages
 * of 4 kB each of them is one for the page table, too.
 *
 * Objects have no headers and are aligned such that one of 64 bytes or less is
 * in one line of the processor's caches.  They are in runs of one page with
 * objects of one size, and runs in chunks of the size of a large page.  As
 * long as one chunk is enough, only those of its pages count that have
 * objects.  Runs and chunks without objects are given back, but for one chunk.
 *
 * Thread-safety: any thread may call all functions at any time. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the largest object. */
#define VRF_ARENA_MAX 1056

/* Returns an object of 'size' bytes, 1 to VRF_ARENA_MAX, that the caller has
 * to fill in. */
void *vrf_arena_alloc(size_t size);

/* Frees an object; null is allowed. */
void vrf_arena_free(void *);

struct vrf_arena_usage {
    size_t n_objects;
    size_t n_runs;
    size_t n_chunks;
    size_t bytes;               /* Of memory that is, or will soon be, backed
                                 * by pages. */
};
void vrf_arena_get_usage(struct vrf_arena_usage *);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-arena.h */
