/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-counters.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "unixctl-view.h"
#include "util.h"
#include "vrf-names.h"

/* Most often of one thread alone. */
struct bucket {
    atomic_uint64_t n[VRF_N_FAMILIES][VRF_N_COUNTS];

    /* Packets that came in and were forwarded, and their bytes, which counts
     * for four counters. */
    struct {
        atomic_uint64_t n, bytes;
    } forwarded[VRF_N_FAMILIES];
};

struct counters {
    struct ovsthread_stats stats;
};

/* By number of the VRF.  What is there stays. */
#define CHUNK 256
struct chunk {
    ATOMIC(struct counters *) of[CHUNK];
};
static ATOMIC(struct chunk *) chunks[(UINT16_MAX + 1) / CHUNK];
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

static const char *const family_names[VRF_N_FAMILIES] = {
    [VRF_IPV4] = "ipv4",
    [VRF_IPV6] = "ipv6",
};

static const char *const names[] = {
    "in_packets", "in_bytes", "out_bytes", "fragmented", "fragments",
    "mss_clamped", "neigh_queued", "icmp_no_source",
    "errors_to_controller", "punted",
};
BUILD_ASSERT_DECL(VRF_N_OUTCOMES + ARRAY_SIZE(names) == VRF_COUNT_SENT);

static struct counters *
find(uint16_t id)
{
    struct counters *counters = NULL;
    struct chunk *chunk;

    atomic_read_explicit(&chunks[id / CHUNK], &chunk, memory_order_acquire);
    if (chunk) {
        atomic_read_explicit(&chunk->of[id % CHUNK], &counters,
                             memory_order_acquire);
    }
    return counters;
}

static struct counters *
make(uint16_t id)
{
    struct counters *counters;
    struct chunk *chunk;

    ovs_mutex_lock(&mutex);
    counters = find(id);
    if (!counters) {
        atomic_read_relaxed(&chunks[id / CHUNK], &chunk);
        if (!chunk) {
            chunk = xzalloc(sizeof *chunk);
            atomic_store_explicit(&chunks[id / CHUNK], chunk,
                                  memory_order_release);
        }
        counters = xzalloc(sizeof *counters);
        ovsthread_stats_init(&counters->stats);
        atomic_store_explicit(&chunk->of[id % CHUNK], counters,
                              memory_order_release);
    }
    ovs_mutex_unlock(&mutex);
    return counters;
}

static void *
bucket_create(void)
{
    struct bucket *bucket = xmalloc_cacheline(sizeof *bucket);

    for (size_t f = 0; f < VRF_N_FAMILIES; f++) {
        for (size_t i = 0; i < VRF_N_COUNTS; i++) {
            atomic_init(&bucket->n[f][i], 0);
        }
        atomic_init(&bucket->forwarded[f].n, 0);
        atomic_init(&bucket->forwarded[f].bytes, 0);
    }
    return bucket;
}

/* Returns this thread's counters of VRF 'id'. */
static struct bucket *
get_bucket(uint16_t id)
{
    struct counters *counters = find(id);

    if (OVS_UNLIKELY(!counters)) {
        counters = make(id);
    }
    return ovsthread_stats_bucket_get(&counters->stats, bucket_create);
}

static void
add(atomic_uint64_t *counter, uint64_t n)
{
    uint64_t orig;

    atomic_add_relaxed(counter, n, &orig);
}

void
vrf_counters_add(uint16_t id, enum vrf_family family,
                 const uint64_t counts[VRF_N_COUNTS])
{
    struct bucket *bucket = get_bucket(id);

    for (size_t i = 0; i < VRF_N_COUNTS; i++) {
        if (counts[i]) {
            add(&bucket->n[family][i], counts[i]);
        }
    }
}

void
vrf_counters_add_forwarded(uint16_t id, enum vrf_family family, uint64_t n,
                           uint64_t bytes)
{
    struct bucket *bucket = get_bucket(id);

    add(&bucket->forwarded[family].n, n);
    add(&bucket->forwarded[family].bytes, bytes);
}

bool
vrf_counters_get(uint16_t id, enum vrf_family family,
                 uint64_t counts[VRF_N_COUNTS])
{
    struct counters *counters = find(id);
    struct bucket *bucket;
    size_t i;

    memset(counts, 0, VRF_N_COUNTS * sizeof *counts);
    if (!counters) {
        return false;
    }
    OVSTHREAD_STATS_FOR_EACH_BUCKET (bucket, i, &counters->stats) {
        uint64_t n, bytes;

        for (size_t j = 0; j < VRF_N_COUNTS; j++) {
            atomic_read_relaxed(&bucket->n[family][j], &n);
            counts[j] += n;
        }
        atomic_read_relaxed(&bucket->forwarded[family].n, &n);
        atomic_read_relaxed(&bucket->forwarded[family].bytes, &bytes);
        counts[VRF_COUNT_IN_PACKETS] += n;
        counts[VRF_COUNT_IN_BYTES] += bytes;
        counts[VRF_FORWARDED] += n;
        counts[VRF_COUNT_OUT_BYTES] += bytes;
    }
    return true;
}

/* Text. */

static void
put_name(unsigned int i, struct ds *s)
{
    static const char *const prefixes[] = {
        "icmp_sent", "icmp_suppressed", "icmp_barred"
    };

    if (i < VRF_N_OUTCOMES) {
        ds_put_cstr(s, vrf_outcome_name(i));
    } else if (i < VRF_COUNT_SENT) {
        ds_put_cstr(s, names[i - VRF_N_OUTCOMES]);
    } else {
        i -= VRF_COUNT_SENT;
        ds_put_format(s, "%s_", prefixes[i / N_ICMP_ERRORS]);
        for (const char *p = icmp_error_name(i % N_ICMP_ERRORS); *p; p++) {
            ds_put_char(s, *p == '-' ? '_' : *p);
        }
    }
}

static void
format_counters(uint16_t id, struct ds *s)
{
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        uint64_t counts[VRF_N_COUNTS];

        vrf_counters_get(id, f, counts);
        for (size_t i = 0; i < VRF_N_COUNTS; i++) {
            if (counts[i]) {
                ds_put_format(s, "    %s ", family_names[f]);
                put_name(i, s);
                ds_put_format(s, ": %"PRIu64"\n", counts[i]);
            }
        }
    }
}

static struct json *
counters_to_json(uint16_t id)
{
    struct json *families = json_object_create();
    struct ds name = DS_EMPTY_INITIALIZER;

    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        struct json *object = json_object_create();
        uint64_t counts[VRF_N_COUNTS];

        vrf_counters_get(id, f, counts);
        for (size_t i = 0; i < VRF_N_COUNTS; i++) {
            ds_clear(&name);
            put_name(i, &name);
            json_object_put(object, ds_cstr(&name),
                            json_integer_create(counts[i]));
        }
        json_object_put(families, family_names[f], object);
    }
    ds_destroy(&name);
    return families;
}

static char *
cmd_counters(struct unixctl_view *view)
{
    const char *only = view->n_args ? view->args[0] : NULL;
    bool found = false;

    if (view->wants_json) {
        view->json = json_object_create();
    }
    for (unsigned int id = 0; id <= UINT16_MAX; id++) {
        const char *name = find(id) ? vrf_id_to_name(id) : NULL;

        if (!name || (only && strcmp(only, name))) {
            continue;
        }
        found = true;
        if (view->json) {
            json_object_put(view->json, name, counters_to_json(id));
        } else {
            ds_put_format(&view->text, "%s:\n", name);
            format_counters(id, &view->text);
        }
    }
    return (only && !found
            ? xasprintf("%s: nothing was routed in such a VRF", only) : NULL);
}

static const struct unixctl_view_class counters_view = {
    "vrf/counters", "[--json] [NAME]", 0, 1, cmd_counters
};

void
vrf_counters_init(void)
{
    unixctl_view_register(&counters_view);
}
