/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-timeouts.h"

#include <limits.h>
#include <stdlib.h>

#include "hash.h"
#include "util.h"

struct timeout {
    struct hmap_node hmap_node;
    struct heap_node heap_node; /* The higher, the sooner. */
    uint32_t id;
    uint32_t idle_timeout;      /* In seconds, 0 for never. */
    uint32_t hard_timeout;
    long long int born;         /* The hard timeout counts from here, */
    long long int idle_since;   /* the idle one from here or its use. */
};

void
ila_timeouts_init(struct ila_timeouts *t)
{
    hmap_init(&t->by_id);
    heap_init(&t->heap);
    atomic_init(&t->due, LLONG_MAX);
}

void
ila_timeouts_destroy(struct ila_timeouts *t)
{
    struct timeout *node;

    HMAP_FOR_EACH_POP (node, hmap_node, &t->by_id) {
        free(node);
    }
    hmap_destroy(&t->by_id);
    heap_destroy(&t->heap);
}

static struct timeout *
find(const struct ila_timeouts *t, uint32_t id)
{
    struct timeout *node;

    HMAP_FOR_EACH_WITH_HASH (node, hmap_node, hash_int(id, 0), &t->by_id) {
        if (node->id == id) {
            return node;
        }
    }
    return NULL;
}

static uint64_t
due_to_priority(long long int due)
{
    return UINT64_MAX - due;
}

static long long int
node_due(const struct heap_node *node)
{
    return UINT64_MAX - node->priority;
}

/* Returns when 'node', last used at 'used', is due. */
static long long int
due_time(const struct timeout *node, long long int used)
{
    long long int due = LLONG_MAX;

    if (node->idle_timeout) {
        due = MAX(node->idle_since, used) + node->idle_timeout * 1000LL;
    }
    if (node->hard_timeout) {
        due = MIN(due, node->born + node->hard_timeout * 1000LL);
    }
    return due;
}

static void
publish_due(struct ila_timeouts *t)
{
    atomic_store_relaxed(&t->due, (heap_is_empty(&t->heap) ? LLONG_MAX
                                   : node_due(heap_max(&t->heap))));
}

void
ila_timeouts_set(struct ila_timeouts *t, uint32_t id, uint32_t idle_timeout,
                 uint32_t hard_timeout, long long int now)
{
    struct timeout *node;
    uint64_t priority;

    if (!idle_timeout && !hard_timeout) {
        ila_timeouts_remove(t, id);
        return;
    }

    node = find(t, id);
    if (node) {
        node->idle_timeout = idle_timeout;
        node->hard_timeout = hard_timeout;
        priority = due_to_priority(due_time(node, 0));
        heap_change(&t->heap, &node->heap_node, priority);
    } else {
        node = xmalloc(sizeof *node);
        node->id = id;
        node->idle_timeout = idle_timeout;
        node->hard_timeout = hard_timeout;
        node->born = now;
        node->idle_since = now;
        hmap_insert(&t->by_id, &node->hmap_node, hash_int(id, 0));
        priority = due_to_priority(due_time(node, 0));
        heap_insert(&t->heap, &node->heap_node, priority);
    }
    publish_due(t);
}

void
ila_timeouts_inherit(struct ila_timeouts *t, uint32_t id,
                     const struct ila_timeouts *old, uint32_t old_id)
{
    const struct timeout *from = find(old, old_id);
    struct timeout *node = find(t, id);

    if (node && from) {
        node->born = from->born;
        heap_change(&t->heap, &node->heap_node,
                    due_to_priority(due_time(node, 0)));
        publish_due(t);
    }
}

void
ila_timeouts_remove(struct ila_timeouts *t, uint32_t id)
{
    struct timeout *node = hmap_is_empty(&t->by_id) ? NULL : find(t, id);

    if (node) {
        hmap_remove(&t->by_id, &node->hmap_node);
        heap_remove(&t->heap, &node->heap_node);
        free(node);
        publish_due(t);
    }
}

bool
ila_timeouts_find_due(struct ila_timeouts *t, long long int now,
                      ila_last_used_func *last_used, const void *aux,
                      uint32_t *id)
{
    while (!heap_is_empty(&t->heap)) {
        struct timeout *node = CONTAINER_OF(heap_max(&t->heap),
                                            struct timeout, heap_node);
        long long int due;

        if (node_due(&node->heap_node) > now) {
            return false;
        }
        due = due_time(node, node->idle_timeout ? last_used(node->id, aux)
                             : 0);
        if (due <= now) {
            *id = node->id;
            return true;
        }
        heap_change(&t->heap, &node->heap_node, due_to_priority(due));
        publish_due(t);
    }
    return false;
}

long long int
ila_timeouts_due(const struct ila_timeouts *t)
{
    long long int due;

    atomic_read_relaxed(&CONST_CAST(struct ila_timeouts *, t)->due, &due);
    return due;
}

size_t
ila_timeouts_count(const struct ila_timeouts *t)
{
    return hmap_count(&t->by_id);
}

size_t
ila_timeouts_bytes(const struct ila_timeouts *t)
{
    return (hmap_count(&t->by_id) * sizeof(struct timeout)
            + t->heap.allocated * sizeof *t->heap.array);
}
