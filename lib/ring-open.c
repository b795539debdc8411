/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-open.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "openvswitch/json.h"
#include "ovs-rcu.h"
#include "ring-lane.h"
#include "util.h"

static void
free_ring(struct ring *ring)
{
    if (ring->aux) {
        ring->kind->destroy(ring->aux);
    }
    ring_memory_destroy(ring->memory);
    ring_server_uncharge(ring->bytes);
    free(ring->name);
    free(ring);
}

static uint32_t
max_lanes(const struct ring_kind *kind)
{
    return kind->max_lanes ? kind->max_lanes() : 1;
}

/* Takes members that are 0 from the kind. */
static void
complete_geometry(struct ring_geometry *g, const struct ring_kind *kind)
{
    const struct ring_geometry *defaults = &kind->defaults;

#define COMPLETE(MEMBER)                        \
    if (!g->MEMBER) {                           \
        g->MEMBER = defaults->MEMBER;           \
    }
    COMPLETE(n_lanes);
    if (!g->n_lanes) {
        g->n_lanes = max_lanes(kind);
    }
    COMPLETE(seg_size);
    COMPLETE(n_segs);
    COMPLETE(max_record);
    COMPLETE(n_tx);
    COMPLETE(tx_data_size);
#undef COMPLETE
}

/* Returns what the geometry has as 'what', by the names of
 * ring_layout_init(). */
static uint32_t
geometry_member(const struct ring_geometry *g, const char *what)
{
    return (!strcmp(what, "lanes") ? g->n_lanes
            : !strcmp(what, "segment size") ? g->seg_size
            : !strcmp(what, "segments") ? g->n_segs
            : !strcmp(what, "longest record") ? g->max_record
            : !strcmp(what, "TX entries") ? g->n_tx
            : !strcmp(what, "TX data size") ? g->tx_data_size
            : g->ring_class);
}

/* Lays out a ring and charges for it. */
static int
lay_out(const struct ring_kind *kind, const struct ring_geometry *g,
        struct ovs_ring_control *control, char **why)
{
    struct ring_limits limits = {
        .max_lanes = max_lanes(kind),
        .max_bytes = UINT64_MAX,
    };
    const char *what;
    uint64_t bytes;
    int error;

    error = ring_layout_init(g, &limits, control, &what);
    if (error) {
        *why = xasprintf("%s %"PRIu32" is not allowed", what,
                         geometry_member(g, what));
        return error;
    }
    bytes = control->producer_size + control->consumer_size;
    if (!ring_server_charge(bytes)) {
        *why = xasprintf("size %"PRIu64" is more than ring-max-mb leaves",
                         bytes);
        return ENOMEM;
    }
    control->clock_id = CLOCK_MONOTONIC;
    return 0;
}

int
ring_open(const struct ring_kind *kind, struct ring_request *request,
          struct ring **ringp, char **why)
{
    struct ovs_ring_control control;
    struct ring *ring;
    int error;

    complete_geometry(&request->geometry, kind);
    error = lay_out(kind, &request->geometry, &control, why);
    if (error) {
        return error;
    }

    ring = xzalloc(sizeof *ring);
    ring->kind = kind;
    ring->peer = request->peer;
    ring->bytes = control.producer_size + control.consumer_size;
    error = ring_memory_create(&control, "ovs-ring", &ring->memory);
    if (error) {
        *why = xasprintf("no memory for a ring (%s)", ovs_strerror(error));
    } else {
        error = kind->open(request, ring->memory, &ring->aux, why);
    }
    if (error) {
        free_ring(ring);
        return error;
    }
    ring->name = xstrdup(kind->get_name ? kind->get_name(ring->aux)
                         : request->name);
    *ringp = ring;
    return 0;
}

void
ring_close(struct ring *ring)
{
    ring->kind->close(ring->aux);
    ovsrcu_postpone(free_ring, ring);
}

struct json *
ring_describe(const struct ring *ring)
{
    const struct ovs_ring_control *c = &ring->memory->control;
    struct json *json = json_object_create();
    struct ring_lane_stats sum = { .records = 0 };

    for (uint32_t i = 0; i < c->n_lanes; i++) {
        const char *shared = (const char *) ring->memory->producer
                             + c->lane_off + (size_t) i * c->lane_stride;
        struct ring_lane_stats s;

        ring_lane_get_shared_stats(ALIGNED_CAST(const struct ovs_ring_lane *,
                                                shared), &s);
        sum.records += s.records;
        sum.bytes += s.bytes;
        sum.lost_records += s.lost_records;
        sum.lost_bytes += s.lost_bytes;
        sum.truncated += s.truncated;
        sum.skipped_segs += s.skipped_segs;
        sum.wakes += s.wakes;
    }

    json_object_put_string(json, "kind", ring->kind->name);
    json_object_put_string(json, "name", ring->name);
    json_object_put(json, "pid", json_integer_create(ring->peer.pid));
    json_object_put(json, "uid", json_integer_create(ring->peer.uid));
    json_object_put(json, "lanes", json_integer_create(c->n_lanes));
    json_object_put(json, "segments", json_integer_create(c->n_segs));
    json_object_put(json, "segment-size", json_integer_create(c->seg_size));
    json_object_put(json, "memory", json_integer_create(ring->bytes));
    json_object_put(json, "records", json_integer_create(sum.records));
    json_object_put(json, "bytes", json_integer_create(sum.bytes));
    json_object_put(json, "lost", json_integer_create(sum.lost_records));
    json_object_put(json, "truncated", json_integer_create(sum.truncated));
    json_object_put(json, "skipped-segments",
                    json_integer_create(sum.skipped_segs));
    json_object_put(json, "wakes", json_integer_create(sum.wakes));
    return json;
}
