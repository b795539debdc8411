/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-usage.h"

#include <stdlib.h>

#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

/* Counters of an entry.  Only their thread writes them, but for clearing. */
struct slot {
    atomic_uint64_t n_packets;
    atomic_uint64_t n_bytes;
    atomic_llong used;
};

#define CHUNK_SLOTS 512
struct chunk {
    struct slot slots[CHUNK_SLOTS];
};

/* All counters of a thread in an epoch of the table. */
struct root {
    uint32_t epoch;
    size_t n_chunks;
    ATOMIC(struct chunk *) chunks[]; /* Null where nothing was counted. */
};

struct ila_usage_thread {
    struct ila_usage *usage;
    struct ovs_list node;       /* In 'usage'. */
    OVSRCU_TYPE(struct root *) root; /* Null before the first packet. */
};

struct ila_usage {
    struct ovs_refcount ref_cnt; /* The owner's, and of each thread. */
    struct ovs_mutex mutex;
    struct ovs_list threads OVS_GUARDED;
    struct ila_usage_thread gone; /* What threads that are gone counted;
                                   * written under 'mutex'. */
};

static bool
is_older(uint32_t epoch, uint32_t other)
{
    return (int32_t) (epoch - other) < 0;
}

static struct root *
get_root(const struct ila_usage_thread *thread)
{
    return ovsrcu_get(struct root *, &thread->root);
}

static struct chunk *
get_chunk(const struct root *root_, size_t i)
{
    struct root *root = CONST_CAST(struct root *, root_);
    struct chunk *chunk;

    if (i >= root->n_chunks) {
        return NULL;
    }
    atomic_read_explicit(&root->chunks[i], &chunk, memory_order_acquire);
    return chunk;
}

static void
root_free(struct root *root)
{
    for (size_t i = 0; i < root->n_chunks; i++) {
        free(get_chunk(root, i));
    }
    free(root);
}

static void
thread_init(struct ila_usage_thread *thread, struct ila_usage *usage)
{
    thread->usage = usage;
    ovsrcu_init(&thread->root, NULL);
}

static void
thread_uninit(struct ila_usage_thread *thread)
{
    struct root *root = get_root(thread);

    if (root) {
        ovsrcu_set(&thread->root, NULL);
        ovsrcu_postpone(root_free, root);
    }
}

struct ila_usage *
ila_usage_create(void)
{
    struct ila_usage *usage = xzalloc(sizeof *usage);

    ovs_refcount_init(&usage->ref_cnt);
    ovs_mutex_init(&usage->mutex);
    ovs_mutex_lock(&usage->mutex);
    ovs_list_init(&usage->threads);
    thread_init(&usage->gone, usage);
    ovs_mutex_unlock(&usage->mutex);
    return usage;
}

static void
usage_unref(struct ila_usage *usage)
{
    if (ovs_refcount_unref(&usage->ref_cnt) == 1) {
        thread_uninit(&usage->gone);
        ovs_mutex_destroy(&usage->mutex);
        free(usage);
    }
}

void
ila_usage_destroy(struct ila_usage *usage)
{
    if (usage) {
        usage_unref(usage);
    }
}

struct ila_usage_thread *
ila_usage_thread_create(struct ila_usage *usage)
{
    struct ila_usage_thread *thread = xzalloc(sizeof *thread);

    ovs_refcount_ref(&usage->ref_cnt);
    thread_init(thread, usage);
    ovs_mutex_lock(&usage->mutex);
    ovs_list_push_back(&usage->threads, &thread->node);
    ovs_mutex_unlock(&usage->mutex);
    return thread;
}

/* Makes a root with room for 'n' chunks, which gets those of 'old'. */
static struct root *
root_create(uint32_t epoch, size_t n, const struct root *old)
{
    struct root *root = xmalloc(sizeof *root + n * sizeof root->chunks[0]);

    root->epoch = epoch;
    root->n_chunks = n;
    for (size_t i = 0; i < n; i++) {
        atomic_init(&root->chunks[i], old ? get_chunk(old, i) : NULL);
    }
    return root;
}

/* Returns the counters of 'id', which are there afterwards. */
static struct slot *
make_slot(struct ila_usage_thread *thread, uint32_t epoch, uint32_t id)
{
    struct root *root = get_root(thread);
    size_t i = id / CHUNK_SLOTS;
    struct chunk *chunk;

    if (!root || root->epoch != epoch) {
        struct root *new = root_create(epoch, i + 1, NULL);

        ovsrcu_set(&thread->root, new);
        if (root) {
            ovsrcu_postpone(root_free, root);
        }
        root = new;
    } else if (i >= root->n_chunks) {
        struct root *new = root_create(epoch, MAX(i + 1, root->n_chunks * 2),
                                       root);

        ovsrcu_set(&thread->root, new);
        ovsrcu_postpone(free, root);
        root = new;
    }

    chunk = get_chunk(root, i);
    if (!chunk) {
        chunk = xzalloc(sizeof *chunk);
        atomic_store_explicit(&root->chunks[i], chunk, memory_order_release);
    }
    return &chunk->slots[id % CHUNK_SLOTS];
}

/* There is one writer: no need for anything but a load and a store. */
static void
slot_add(struct slot *slot, uint64_t n_packets, uint64_t n_bytes,
         long long int used)
{
    uint64_t old;

    atomic_read_relaxed(&slot->n_packets, &old);
    atomic_store_relaxed(&slot->n_packets, old + n_packets);
    atomic_read_relaxed(&slot->n_bytes, &old);
    atomic_store_relaxed(&slot->n_bytes, old + n_bytes);
    atomic_store_relaxed(&slot->used, used);
}

static void
slot_get(struct slot *slot, struct ila_use *use)
{
    atomic_read_relaxed(&slot->n_packets, &use->n_packets);
    atomic_read_relaxed(&slot->n_bytes, &use->n_bytes);
    atomic_read_relaxed(&slot->used, &use->used);
}

void
ila_usage_count(struct ila_usage_thread *thread, uint32_t epoch, uint32_t id,
                uint32_t n_bytes, long long int now)
{
    const struct root *root = get_root(thread);
    struct chunk *chunk = (root && root->epoch == epoch
                           ? get_chunk(root, id / CHUNK_SLOTS) : NULL);

    if (OVS_LIKELY(chunk)) {
        slot_add(&chunk->slots[id % CHUNK_SLOTS], 1, n_bytes, now);
    } else if (!root || !is_older(epoch, root->epoch)) {
        slot_add(make_slot(thread, epoch, id), 1, n_bytes, now);
    }
}

/* Adds what 'thread' has counted to those that are gone, unless those have
 * counted in a later epoch already. */
static void
bequeath(struct ila_usage_thread *thread)
{
    struct ila_usage_thread *heir = &thread->usage->gone;
    const struct root *heirs = get_root(heir);
    const struct root *root = get_root(thread);

    if (!root || (heirs && is_older(root->epoch, heirs->epoch))) {
        return;
    }
    for (size_t i = 0; i < root->n_chunks; i++) {
        struct chunk *chunk = get_chunk(root, i);

        for (size_t j = 0; chunk && j < CHUNK_SLOTS; j++) {
            struct ila_use use, sum;

            slot_get(&chunk->slots[j], &use);
            if (use.n_packets) {
                struct slot *slot = make_slot(heir, root->epoch,
                                              i * CHUNK_SLOTS + j);

                slot_get(slot, &sum);
                slot_add(slot, use.n_packets, use.n_bytes,
                         MAX(use.used, sum.used));
            }
        }
    }
}

void
ila_usage_thread_destroy(struct ila_usage_thread *thread)
{
    if (thread) {
        struct ila_usage *usage = thread->usage;

        ovs_mutex_lock(&usage->mutex);
        ovs_list_remove(&thread->node);
        bequeath(thread);
        ovs_mutex_unlock(&usage->mutex);
        thread_uninit(thread);
        free(thread);
        usage_unref(usage);
    }
}

/* Returns the counters of 'id', or NULL if 'thread' has none. */
static struct slot *
find_slot(const struct ila_usage_thread *thread, uint32_t epoch, uint32_t id)
{
    const struct root *root = get_root(thread);
    struct chunk *chunk = (root && root->epoch == epoch
                           ? get_chunk(root, id / CHUNK_SLOTS) : NULL);

    return chunk ? &chunk->slots[id % CHUNK_SLOTS] : NULL;
}

static void
use_add(struct ila_use *sum, const struct ila_usage_thread *thread,
        uint32_t epoch, uint32_t id)
{
    struct slot *slot = find_slot(thread, epoch, id);

    if (slot) {
        struct ila_use use;

        slot_get(slot, &use);
        sum->n_packets += use.n_packets;
        sum->n_bytes += use.n_bytes;
        sum->used = MAX(sum->used, use.used);
    }
}

void
ila_usage_get(struct ila_usage *usage, uint32_t epoch, uint32_t id,
              struct ila_use *use)
{
    const struct ila_usage_thread *thread;

    use->n_packets = 0;
    use->n_bytes = 0;
    use->used = 0;
    ovs_mutex_lock(&usage->mutex);
    use_add(use, &usage->gone, epoch, id);
    LIST_FOR_EACH (thread, node, &usage->threads) {
        use_add(use, thread, epoch, id);
    }
    ovs_mutex_unlock(&usage->mutex);
}

static void
thread_clear(const struct ila_usage_thread *thread, uint32_t epoch,
             uint32_t id)
{
    struct slot *slot = find_slot(thread, epoch, id);

    if (slot) {
        atomic_store_relaxed(&slot->n_packets, 0);
        atomic_store_relaxed(&slot->n_bytes, 0);
        atomic_store_relaxed(&slot->used, 0);
    }
}

void
ila_usage_clear(struct ila_usage *usage, uint32_t epoch, uint32_t id)
{
    const struct ila_usage_thread *thread;

    ovs_mutex_lock(&usage->mutex);
    thread_clear(&usage->gone, epoch, id);
    LIST_FOR_EACH (thread, node, &usage->threads) {
        thread_clear(thread, epoch, id);
    }
    ovs_mutex_unlock(&usage->mutex);
}

static size_t
thread_bytes(const struct ila_usage_thread *thread)
{
    const struct root *root = get_root(thread);
    size_t bytes = sizeof *thread;

    if (root) {
        bytes += sizeof *root + root->n_chunks * sizeof root->chunks[0];
        for (size_t i = 0; i < root->n_chunks; i++) {
            bytes += get_chunk(root, i) ? sizeof(struct chunk) : 0;
        }
    }
    return bytes;
}

size_t
ila_usage_bytes(struct ila_usage *usage)
{
    const struct ila_usage_thread *thread;
    size_t bytes;

    ovs_mutex_lock(&usage->mutex);
    bytes = thread_bytes(&usage->gone);
    LIST_FOR_EACH (thread, node, &usage->threads) {
        bytes += thread_bytes(thread);
    }
    ovs_mutex_unlock(&usage->mutex);
    return bytes;
}
