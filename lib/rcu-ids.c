/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "rcu-ids.h"

#include <stdlib.h>

#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

struct list {
    uint32_t *ids;
    size_t n, allocated;
};

struct rcu_ids {
    struct ovs_refcount ref_cnt; /* The owner's, and of each grave. */
    atomic_uint32_t high;
    struct list dying;          /* Since the last rcu_ids_flush(). */

    struct ovs_mutex mutex;     /* Excludes bury(). */
    struct list free OVS_GUARDED;
};

/* Numbers that wait for a grace period. */
struct grave {
    struct rcu_ids *ids;
    struct list dying;
};

static void
list_push(struct list *list, uint32_t id)
{
    if (list->n >= list->allocated) {
        list->ids = x2nrealloc(list->ids, &list->allocated,
                               sizeof *list->ids);
    }
    list->ids[list->n++] = id;
}

struct rcu_ids *
rcu_ids_create(void)
{
    struct rcu_ids *ids = xzalloc(sizeof *ids);

    ovs_refcount_init(&ids->ref_cnt);
    atomic_init(&ids->high, 0);
    ovs_mutex_init(&ids->mutex);
    return ids;
}

static void
unref(struct rcu_ids *ids)
{
    if (ovs_refcount_unref(&ids->ref_cnt) == 1) {
        ovs_mutex_lock(&ids->mutex);
        free(ids->free.ids);
        ovs_mutex_unlock(&ids->mutex);
        free(ids->dying.ids);
        ovs_mutex_destroy(&ids->mutex);
        free(ids);
    }
}

void
rcu_ids_destroy(struct rcu_ids *ids)
{
    unref(ids);
}

uint32_t
rcu_ids_get(struct rcu_ids *ids)
{
    uint32_t id = UINT32_MAX;

    ovs_mutex_lock(&ids->mutex);
    if (ids->free.n) {
        id = ids->free.ids[--ids->free.n];
    }
    ovs_mutex_unlock(&ids->mutex);
    if (id == UINT32_MAX) {
        atomic_read_relaxed(&ids->high, &id);
        atomic_store_explicit(&ids->high, id + 1, memory_order_release);
    }
    return id;
}

void
rcu_ids_put(struct rcu_ids *ids, uint32_t id)
{
    list_push(&ids->dying, id);
}

static void
bury(struct grave *grave)
{
    ovs_mutex_lock(&grave->ids->mutex);
    for (size_t i = 0; i < grave->dying.n; i++) {
        list_push(&grave->ids->free, grave->dying.ids[i]);
    }
    ovs_mutex_unlock(&grave->ids->mutex);
    unref(grave->ids);
    free(grave->dying.ids);
    free(grave);
}

void
rcu_ids_flush(struct rcu_ids *ids)
{
    if (ids->dying.n) {
        struct grave *grave = xmalloc(sizeof *grave);

        ovs_refcount_ref(&ids->ref_cnt);
        grave->ids = ids;
        grave->dying = ids->dying;
        ids->dying = (struct list) { .ids = NULL };
        ovsrcu_postpone(bury, grave);
    }
}

uint32_t
rcu_ids_high(const struct rcu_ids *ids)
{
    uint32_t high;

    atomic_read_explicit(&CONST_CAST(struct rcu_ids *, ids)->high, &high,
                         memory_order_acquire);
    return high;
}
