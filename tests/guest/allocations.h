/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H 1

/* How often the kernel allocates memory for a thread, by its tracepoints. */

#include "ring-common.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

#define EVENT_ID "/sys/kernel/tracing/events/kmem/%s/id"

static const char *const allocations[] = {
    "kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node",
    "mm_page_alloc",
};
static int counters[ARRAY_SIZE(allocations)];

/* Returns false if the kernel does not tell. */
static inline bool
open_counters(void)
{
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(allocations); i++) {
        struct perf_event_attr attr = {
            .type = PERF_TYPE_TRACEPOINT, .size = sizeof attr,
        };
        char path[128];
        FILE *f;

        counters[i] = -1;
        snprintf(path, sizeof path, EVENT_ID, allocations[i]);
        f = fopen(path, "r");
        if (f) {
            unsigned long long id;

            if (fscanf(f, "%llu", &id) == 1) {
                attr.config = id;
                counters[i] = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
                                      0);
                any |= counters[i] >= 0;
            }
            fclose(f);
        }
    }
    return any;
}

/* Allocations of this thread so far. */
static inline uint64_t
count_allocations(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < ARRAY_SIZE(allocations); i++) {
        uint64_t n;

        if (counters[i] >= 0) {
            CHECK(read(counters[i], &n, sizeof n) == sizeof n);
            sum += n;
        }
    }
    return sum;
}

#endif /* allocations.h */
