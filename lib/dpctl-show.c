/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpctl-show.h"

#include <inttypes.h>
#include <stdlib.h>

#include "dpctl.h"
#include "dpif.h"
#include "flow-match-cache.h"
#include "netdev.h"
#include "openvswitch/json.h"
#include "openvswitch/ofpbuf.h"
#include "smap.h"
#include "util.h"

static const char *
policy_to_string(enum ovs_match_cache_policy policy)
{
    switch (policy) {
    case OVS_MATCH_CACHE_OFF: return "off";
    case OVS_MATCH_CACHE_LAZY: return "lazy";
    case OVS_MATCH_CACHE_EAGER: return "eager";
    default: return "unknown";
    }
}

void
dpctl_show_match_cache(const struct flow_match_cache_stats *s,
                       struct dpctl_params *dpctl_p)
{
    /* Misses are no sign of use: the first dump of a lazy cache has nothing
     * else, and keeps nothing. */
    if (s->present
        && (s->config.policy == OVS_MATCH_CACHE_EAGER
            || s->n_hits || s->n_entries || s->n_evictions)) {
        dpctl_extension_print(
            dpctl_p, "  match cache: hit:%"PRIu64" missed:%"PRIu64
            " entries:%"PRIu64" bytes:%"PRIu64" evicted:%"PRIu64
            " policy:%s\n", s->n_hits, s->n_misses, s->n_entries, s->n_bytes,
            s->n_evictions, policy_to_string(s->config.policy));
    }
}

/* Counters that a datapath or a device does not have are all-ones, and are
 * left out. */
static void
put_u64(struct json *object, const char *name, uint64_t value)
{
    if (value != UINT64_MAX) {
        json_object_put(object, name, json_integer_create(value));
    }
}

static struct json *
match_cache_to_json(const struct flow_match_cache_stats *s)
{
    struct json *object = json_object_create();

    json_object_put_string(object, "policy",
                           policy_to_string(s->config.policy));
    put_u64(object, "max_bytes", s->config.max_bytes);
    put_u64(object, "hit", s->n_hits);
    put_u64(object, "missed", s->n_misses);
    put_u64(object, "entries", s->n_entries);
    put_u64(object, "bytes", s->n_bytes);
    put_u64(object, "evicted", s->n_evictions);
    return object;
}

static void
put_dp_stats(struct json *object, const struct dpif_dp_stats *s)
{
    struct json *lookups = json_object_create();

    put_u64(lookups, "hit", s->n_hit);
    put_u64(lookups, "missed", s->n_missed);
    put_u64(lookups, "lost", s->n_lost);
    json_object_put(object, "lookups", lookups);
    put_u64(object, "flows", s->n_flows);

    if (s->n_masks != UINT32_MAX) {
        struct json *masks = json_object_create();

        put_u64(masks, "hit", s->n_mask_hit);
        put_u64(masks, "total", s->n_masks);
        json_object_put(object, "masks", masks);

        if (s->n_cache_hit != UINT64_MAX) {
            struct json *cache = json_object_create();

            put_u64(cache, "hit", s->n_cache_hit);
            json_object_put(object, "cache", cache);
        }
    }

    if (s->match_cache.present) {
        json_object_put(object, "match_cache",
                        match_cache_to_json(&s->match_cache));
    }
}

static void
put_caches(struct json *object, struct dpif *dpif)
{
    struct json *caches;
    uint32_t n;

    if (dpif_cache_get_supported_levels(dpif, &n) || !n) {
        return;
    }

    caches = json_object_create();
    for (uint32_t i = 0; i < n; i++) {
        const char *name;
        uint32_t size;

        if (!dpif_cache_get_name(dpif, i, &name)
            && !dpif_cache_get_size(dpif, i, &size)) {
            struct json *cache = json_object_create();

            put_u64(cache, "size", size);
            json_object_put(caches, name, cache);
        }
    }
    json_object_put(object, "caches", caches);
}

static struct json *
statistics_to_json(const struct netdev_stats *s)
{
    struct json *rx = json_object_create();
    struct json *tx = json_object_create();
    struct json *object = json_object_create();

    put_u64(rx, "packets", s->rx_packets);
    put_u64(rx, "bytes", s->rx_bytes);
    put_u64(rx, "errors", s->rx_errors);
    put_u64(rx, "dropped", s->rx_dropped);
    put_u64(rx, "overruns", s->rx_over_errors);
    put_u64(rx, "frame", s->rx_frame_errors);
    put_u64(tx, "packets", s->tx_packets);
    put_u64(tx, "bytes", s->tx_bytes);
    put_u64(tx, "errors", s->tx_errors);
    put_u64(tx, "dropped", s->tx_dropped);
    put_u64(tx, "aborted", s->tx_aborted_errors);
    put_u64(tx, "carrier", s->tx_carrier_errors);
    json_object_put(object, "rx", rx);
    json_object_put(object, "tx", tx);
    put_u64(object, "collisions", s->collisions);
    return object;
}

/* As in text, a "system" port has no configuration. */
static void
put_netdev(struct json *object, const struct dpif_port *port,
           bool with_statistics)
{
    bool with_config = strcmp(port->type, "system");
    struct netdev *netdev;
    int error;

    if (!with_config && !with_statistics) {
        return;
    }

    error = netdev_open(port->name, port->type, &netdev);
    if (error) {
        json_object_put_string(object, "open_error", ovs_strerror(error));
        return;
    }

    if (with_config) {
        struct smap config = SMAP_INITIALIZER(&config);

        error = netdev_get_config(netdev, &config);
        if (!error) {
            json_object_put(object, "config", smap_to_json(&config));
        } else {
            json_object_put_string(object, "config_error",
                                   ovs_strerror(error));
        }
        smap_destroy(&config);
    }
    if (with_statistics) {
        struct netdev_stats stats;

        error = netdev_get_stats(netdev, &stats);
        if (!error) {
            json_object_put(object, "statistics", statistics_to_json(&stats));
        } else {
            json_object_put_string(object, "statistics_error",
                                   ovs_strerror(error));
        }
    }
    netdev_close(netdev);
}

static struct json *
port_to_json(const struct dpif_port *port, bool with_statistics)
{
    struct json *object = json_object_create();

    put_u64(object, "port", odp_to_u32(port->port_no));
    json_object_put_string(object, "name", port->name);
    json_object_put_string(object, "type", port->type);
    put_netdev(object, port, with_statistics);
    return object;
}

static int
compare_port_nos(const void *a_, const void *b_)
{
    uint32_t a = odp_to_u32(*(const odp_port_t *) a_);
    uint32_t b = odp_to_u32(*(const odp_port_t *) b_);

    return a < b ? -1 : a > b;
}

/* The ports by number.  One that goes away meanwhile is left out. */
static struct json *
ports_to_json(struct dpif *dpif, bool with_statistics)
{
    struct json *array = json_array_create_empty();
    struct ofpbuf numbers;
    struct dpif_port_dump dump;
    struct dpif_port port;
    const odp_port_t *port_nos;
    size_t n;

    ofpbuf_init(&numbers, 64);
    DPIF_PORT_FOR_EACH (&port, &dump, dpif) {
        ofpbuf_put(&numbers, &port.port_no, sizeof port.port_no);
    }
    n = numbers.size / sizeof *port_nos;
    qsort(numbers.data, n, sizeof *port_nos, compare_port_nos);

    port_nos = numbers.data;
    for (size_t i = 0; i < n; i++) {
        if (!dpif_port_query_by_number(dpif, port_nos[i], &port)) {
            json_array_add(array, port_to_json(&port, with_statistics));
            dpif_port_destroy(&port);
        }
    }
    ofpbuf_uninit(&numbers);
    return array;
}

void
dpctl_show_json(struct dpif *dpif, struct dpctl_params *dpctl_p)
{
    struct json *object = json_object_create();
    struct dpif_dp_stats stats;

    if (!dpif_get_dp_stats(dpif, &stats)) {
        put_dp_stats(object, &stats);
    }
    put_caches(object, dpif);
    json_object_put(object, "ports",
                    ports_to_json(dpif, dpctl_p->print_statistics));
    json_object_put(dpctl_p->ext.reply, dpif_name(dpif), object);
}
