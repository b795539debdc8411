/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-frames.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

/* How many pools have caches. */
#define N_SLOTS 16

/* A thread fetches or leaves so many frames at a time. */
#define MOVED (XDP_FRAMES_CACHED / 2)

/* A thread's cache of a pool.  Only the thread changes it; others look at 'n'.
 * The pool owns it, because it may outlast the pool's users. */
struct cache {
    struct ovs_list node;       /* In 'caches' of the pool. */
    atomic_uint32_t n;
    uint32_t frames[XDP_FRAMES_CACHED];
};

struct xdp_frames {
    uint64_t serial;            /* No two pools ever have the same. */
    int slot;                   /* For caches, or -1. */
    uint32_t n;
    atomic_uint8_t *holders;    /* By frame. */

    struct ovs_mutex mutex;
    uint32_t n_pooled OVS_GUARDED;
    uint32_t *pooled OVS_GUARDED;
    struct ovs_list caches OVS_GUARDED;
};

/* What a thread knows of pools.  That of a pool that is gone stays until its
 * slot is taken again: 'serial' tells. */
struct slot {
    uint64_t serial;            /* 0 if there never was one. */
    struct cache *cache;
};
struct self {
    struct slot slots[N_SLOTS];
};

DEFINE_STATIC_PER_THREAD_DATA(struct self *, self, NULL);
static pthread_key_t self_key;  /* For its destructor, if there was a pool. */

/* Pools with caches, for threads that end.  Locked before a pool's own. */
static struct ovs_mutex slots_mutex = OVS_MUTEX_INITIALIZER;
static struct xdp_frames *slots[N_SLOTS] OVS_GUARDED_BY(slots_mutex);
static uint64_t last_serial OVS_GUARDED_BY(slots_mutex);

static void
pool_push(struct xdp_frames *frames, uint32_t n, const uint32_t *put)
    OVS_REQUIRES(frames->mutex)
{
    ovs_assert(n <= frames->n - frames->n_pooled);
    memcpy(&frames->pooled[frames->n_pooled], put, n * sizeof *put);
    frames->n_pooled += n;
}

static void
pool_pop(struct xdp_frames *frames, uint32_t n, uint32_t *got)
    OVS_REQUIRES(frames->mutex)
{
    frames->n_pooled -= n;
    memcpy(got, &frames->pooled[frames->n_pooled], n * sizeof *got);
}

static uint32_t
cache_n(struct cache *cache)
{
    uint32_t n;

    atomic_read_relaxed(&cache->n, &n);
    return n;
}

/* What the thread did with frames that it put comes before: who finds all of
 * them may free them. */
static void
cache_set_n(struct cache *cache, uint32_t n)
{
    atomic_store_explicit(&cache->n, n, memory_order_release);
}

static void
self_destroy(void *self_)
{
    struct self *self = self_;

    *self_get() = NULL;
    ovs_mutex_lock(&slots_mutex);
    for (int i = 0; i < N_SLOTS; i++) {
        struct xdp_frames *frames = slots[i];
        struct slot *slot = &self->slots[i];

        if (frames && slot->serial == frames->serial) {
            ovs_mutex_lock(&frames->mutex);
            pool_push(frames, cache_n(slot->cache), slot->cache->frames);
            ovs_list_remove(&slot->cache->node);
            ovs_mutex_unlock(&frames->mutex);
            free(slot->cache);
        }
    }
    ovs_mutex_unlock(&slots_mutex);
    free(self);
}

static struct cache *
cache_create(struct xdp_frames *frames)
{
    struct self *self = *self_get();
    struct cache *cache;

    if (!self) {
        self = *self_get() = xzalloc(sizeof *self);
        xpthread_setspecific(self_key, self);
    }

    cache = xmalloc(sizeof *cache);
    atomic_init(&cache->n, 0);
    ovs_mutex_lock(&frames->mutex);
    ovs_list_push_back(&frames->caches, &cache->node);
    ovs_mutex_unlock(&frames->mutex);

    self->slots[frames->slot].serial = frames->serial;
    self->slots[frames->slot].cache = cache;
    return cache;
}

/* Returns the thread's cache, or null if 'frames' has none. */
static inline struct cache *
cache_find(struct xdp_frames *frames)
{
    struct self *self = *self_get();

    if (OVS_UNLIKELY(frames->slot < 0)) {
        return NULL;
    }
    if (OVS_LIKELY(self)
        && OVS_LIKELY(self->slots[frames->slot].serial == frames->serial)) {
        return self->slots[frames->slot].cache;
    }
    return cache_create(frames);
}

struct xdp_frames *
xdp_frames_create(uint32_t n)
{
    struct xdp_frames *frames = xzalloc(sizeof *frames);

    frames->n = n;
    frames->holders = xmalloc(n * sizeof *frames->holders);
    frames->pooled = xmalloc(n * sizeof *frames->pooled);
    ovs_mutex_init(&frames->mutex);

    ovs_mutex_lock(&frames->mutex);
    ovs_list_init(&frames->caches);
    frames->n_pooled = n;
    for (uint32_t i = 0; i < n; i++) {
        atomic_init(&frames->holders[i], XDP_FRAMES_NOBODY);
        frames->pooled[i] = n - 1 - i;
    }
    ovs_mutex_unlock(&frames->mutex);

    ovs_mutex_lock(&slots_mutex);
    if (!last_serial) {
        xpthread_key_create(&self_key, self_destroy);
    }
    frames->serial = ++last_serial;
    frames->slot = -1;
    for (int i = 0; i < N_SLOTS; i++) {
        if (!slots[i]) {
            frames->slot = i;
            slots[i] = frames;
            break;
        }
    }
    ovs_mutex_unlock(&slots_mutex);
    return frames;
}

void
xdp_frames_destroy(struct xdp_frames *frames)
{
    struct cache *cache;

    if (!frames) {
        return;
    }

    ovs_mutex_lock(&slots_mutex);
    if (frames->slot >= 0) {
        slots[frames->slot] = NULL;
    }
    ovs_mutex_unlock(&slots_mutex);

    ovs_mutex_lock(&frames->mutex);
    LIST_FOR_EACH_POP (cache, node, &frames->caches) {
        free(cache);
    }
    free(frames->pooled);
    ovs_mutex_unlock(&frames->mutex);

    ovs_mutex_destroy(&frames->mutex);
    free(frames->holders);
    free(frames);
}

bool
xdp_frames_get(struct xdp_frames *frames, uint32_t n, uint32_t got[])
{
    struct cache *cache = cache_find(frames);
    uint32_t cached = cache ? cache_n(cache) : 0;

    if (OVS_UNLIKELY(cached < n)) {
        bool enough;

        ovs_mutex_lock(&frames->mutex);
        if (cache) {
            uint32_t fetched = MIN(MOVED, frames->n_pooled);

            pool_pop(frames, fetched, &cache->frames[cached]);
            cached += fetched;
            cache_set_n(cache, cached);
            enough = cached >= n;
        } else {
            enough = frames->n_pooled >= n;
            if (enough) {
                pool_pop(frames, n, got);
            }
        }
        ovs_mutex_unlock(&frames->mutex);
        if (!enough || !cache) {
            return enough;
        }
    }

    cached -= n;
    memcpy(got, &cache->frames[cached], n * sizeof *got);
    cache_set_n(cache, cached);
    return true;
}

void
xdp_frames_put(struct xdp_frames *frames, uint32_t n, const uint32_t put[])
{
    struct cache *cache = cache_find(frames);

    if (OVS_UNLIKELY(!cache)) {
        ovs_mutex_lock(&frames->mutex);
        pool_push(frames, n, put);
        ovs_mutex_unlock(&frames->mutex);
        return;
    }

    while (n) {
        uint32_t cached = cache_n(cache);
        uint32_t now = MIN(n, MOVED);

        if (OVS_UNLIKELY(cached + now > XDP_FRAMES_CACHED)) {
            /* The oldest go, the others are more likely to be in the
             * processor's cache. */
            ovs_mutex_lock(&frames->mutex);
            pool_push(frames, MOVED, cache->frames);
            cached -= MOVED;
            memmove(cache->frames, &cache->frames[MOVED],
                    cached * sizeof *cache->frames);
            cache_set_n(cache, cached);
            ovs_mutex_unlock(&frames->mutex);
        }
        memcpy(&cache->frames[cached], put, now * sizeof *put);
        cache_set_n(cache, cached + now);
        put += now;
        n -= now;
    }
}

void
xdp_frames_lend(struct xdp_frames *frames, uint32_t frame, uint8_t holder)
{
    atomic_store_relaxed(&frames->holders[frame], holder);
}

bool
xdp_frames_take_back(struct xdp_frames *frames, uint64_t frame,
                     uint8_t holder)
{
    uint8_t current;

    if (OVS_UNLIKELY(frame >= frames->n)) {
        return false;
    }
    atomic_read_relaxed(&frames->holders[frame], &current);
    if (OVS_UNLIKELY(current != holder)) {
        return false;
    }
    atomic_store_relaxed(&frames->holders[frame], XDP_FRAMES_NOBODY);
    return true;
}

uint32_t
xdp_frames_reclaim(struct xdp_frames *frames, uint8_t holder)
{
    uint32_t *found = xmalloc(frames->n * sizeof *found);
    uint32_t n = 0;

    for (uint32_t i = 0; i < frames->n; i++) {
        if (xdp_frames_take_back(frames, i, holder)) {
            found[n++] = i;
        }
    }

    ovs_mutex_lock(&frames->mutex);
    ovs_assert(n <= frames->n - frames->n_pooled);
    memmove(&frames->pooled[n], frames->pooled,
            frames->n_pooled * sizeof *frames->pooled);
    memcpy(frames->pooled, found, n * sizeof *found);
    frames->n_pooled += n;
    ovs_mutex_unlock(&frames->mutex);

    free(found);
    return n;
}

uint32_t
xdp_frames_idle(const struct xdp_frames *frames_, uint32_t *cachedp)
{
    struct xdp_frames *frames = CONST_CAST(struct xdp_frames *, frames_);
    uint32_t cached = 0;
    uint32_t pooled;
    struct cache *cache;

    ovs_mutex_lock(&frames->mutex);
    pooled = frames->n_pooled;
    LIST_FOR_EACH (cache, node, &frames->caches) {
        uint32_t n;

        atomic_read_explicit(&cache->n, &n, memory_order_acquire);
        cached += n;
    }
    ovs_mutex_unlock(&frames->mutex);

    if (cachedp) {
        *cachedp = cached;
    }
    return pooled + cached;
}

uint32_t
xdp_frames_lent(const struct xdp_frames *frames)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < frames->n; i++) {
        uint8_t holder;

        atomic_read_relaxed(&frames->holders[i], &holder);
        n += holder != XDP_FRAMES_NOBODY;
    }
    return n;
}
