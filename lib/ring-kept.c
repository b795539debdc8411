/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-kept.h"

#include <errno.h>
#include <string.h>

#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "ring-open.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_kept);

/* After how many ms it is tried again to make a ring for which there was no
 * memory, say, because that of the one before is not free yet. */
#define PAUSE 1000

struct kept {
    struct ovs_list node;
    const struct ring_kind *kind;
    char *name;
    struct smap options;
    struct ring_geometry geometry;      /* As it was asked for. */
    struct ring *ring;                  /* It waits.  Or null... */
    const struct ring *taken;           /* ...while a consumer has this one. */
    long long int retry;                /* Not before that, in ms. */
};

/* Changed by the thread "ring" alone, with the mutex; others read with it. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list all OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&all);

static void
set_ring(struct kept *kept, struct ring *ring)
{
    ovs_mutex_lock(&mutex);
    kept->ring = ring;
    ovs_mutex_unlock(&mutex);
}

static int
make_ring(struct kept *kept, char **why)
{
    struct ring_request request = {
        .name = kept->name,
        .options = &kept->options,
        .geometry = kept->geometry,
    };
    struct ring *ring;
    int error;

    error = ring_open(kept->kind, &request, &ring, why);
    if (!error) {
        set_ring(kept, ring);
    }
    return error;
}

static void
free_kept(struct kept *kept)
{
    smap_destroy(&kept->options);
    free(kept->name);
    free(kept);
}

static void
remove_kept(struct kept *kept)
{
    ovs_mutex_lock(&mutex);
    ovs_list_remove(&kept->node);
    ovs_mutex_unlock(&mutex);
    if (kept->ring) {
        ring_close(kept->ring);
    }
    free_kept(kept);
}

/* This thread alone changes the list, hence reads it without the mutex. */
static struct kept *
find(const struct ring_kind *kind, const char *name)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct kept *kept;

    LIST_FOR_EACH (kept, node, &all) {
        if ((!kind || kept->kind == kind) && !strcmp(kept->name, name)) {
            return kept;
        }
    }
    return NULL;
}

int
ring_kept_add(const struct ring_kind *kind,
              const struct ring_request *request, char **why)
{
    struct kept *kept;
    int error;

    if (find(kind, request->name)) {
        *why = xasprintf("there is a %s \"%s\" already", kind->name,
                         request->name);
        return EEXIST;
    }
    kept = xzalloc(sizeof *kept);
    kept->kind = kind;
    kept->name = xstrdup(request->name);
    smap_clone(&kept->options, request->options);
    kept->geometry = request->geometry;
    error = make_ring(kept, why);
    if (error) {
        free_kept(kept);
        return error;
    }
    ovs_mutex_lock(&mutex);
    ovs_list_push_back(&all, &kept->node);
    ovs_mutex_unlock(&mutex);
    return 0;
}

size_t
ring_kept_remove(const struct ring_kind *kind, const char *name)
{
    struct kept *kept;
    size_t n = 0;

    while ((kept = find(kind, name))) {
        remove_kept(kept);
        n++;
    }
    return n;
}

void
ring_kept_clear(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct kept *kept;

    LIST_FOR_EACH_SAFE (kept, node, &all) {
        remove_kept(kept);
    }
}

struct ring *
ring_kept_take(const struct ring_kind *kind, const char *name)
{
    struct kept *kept = find(kind, name);
    struct ring *ring = kept ? kept->ring : NULL;

    if (ring) {
        kept->taken = ring;
        set_ring(kept, NULL);
    }
    return ring;
}

void
ring_kept_closed(const struct ring *ring)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct kept *kept;

    LIST_FOR_EACH (kept, node, &all) {
        if (kept->taken == ring) {
            kept->taken = NULL;
            kept->retry = 0;
        }
    }
}

static bool
is_missing(const struct kept *kept)
{
    return !kept->ring && !kept->taken;
}

void
ring_kept_run(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct kept *kept;

    LIST_FOR_EACH (kept, node, &all) {
        if (is_missing(kept) && time_msec() >= kept->retry) {
            char *why = NULL;

            if (make_ring(kept, &why)) {
                static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

                VLOG_WARN_RL(&rl, "%s \"%s\" cannot be made again: %s",
                             kept->kind->name, kept->name, why);
                kept->retry = time_msec() + PAUSE;
                free(why);
            }
        }
    }
}

void
ring_kept_wait(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    const struct kept *kept;

    LIST_FOR_EACH (kept, node, &all) {
        if (is_missing(kept)) {
            poll_timer_wait_until(kept->retry);
        }
    }
}

void
ring_kept_list(struct json *list)
{
    const struct kept *kept;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (kept, node, &all) {
        if (kept->ring) {
            json_array_add(list, ring_describe(kept->ring));
        }
    }
    ovs_mutex_unlock(&mutex);
}
