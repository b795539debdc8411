/* SPDX-License-Identifier: Apache-2.0 */

/* ILA in a userspace datapath for whoever configures it; see dpif-ila.h. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "ila-usage.h"
#include "netdev-ila.h"
#include "netdev-offload.h"
#include "timeval.h"
#include "util.h"

static struct netdev_ila *
ila_of(const struct dpif *dpif)
{
    return dpif_netdev_extension(dpif, DP_NETDEV_EXT_ILA);
}

static struct ila_table *
table_of(const struct dpif *dpif)
{
    return ila_of(dpif)->table;
}

static bool
lacks_port(const struct netdev_ila *ila, const struct ila_match *match)
{
    return (match->fields & ILA_MATCH_IN_PORT
            && !netdev_ila_has_port(ila, match->in_port));
}

static int
netdev_ila_add(struct dpif *dpif, const struct ila_mapping *m,
               enum ila_add_mode mode)
{
    struct netdev_ila *ila = ila_of(dpif);
    int error = ENODEV;

    ovs_mutex_lock(&ila->mutex);
    if (!lacks_port(ila, &m->match)) {
        error = ila_table_add(ila->table, m, mode);
        netdev_ila_changed(ila, &m->match);
    }
    ovs_mutex_unlock(&ila->mutex);
    return error;
}

static int
netdev_ila_del(struct dpif *dpif, const struct ila_match *match,
               enum ila_owner owner)
{
    struct netdev_ila *ila = ila_of(dpif);
    int error;

    ovs_mutex_lock(&ila->mutex);
    error = ila_table_del(ila->table, match, owner);
    netdev_ila_changed(ila, match);
    ovs_mutex_unlock(&ila->mutex);
    return error;
}

static void
fill_entry(struct dpif *dpif, uint32_t id, struct dpif_ila_entry *entry)
{
    struct ila_use use;

    ila_table_get_use(table_of(dpif), id, &use);
    entry->has_stats = (use.n_packets || entry->mapping.idle_timeout
                        || netdev_ila_has_stats(ila_of(dpif)));
    entry->n_packets = use.n_packets;
    entry->n_bytes = use.n_bytes;
    entry->used_ms = use.used ? MAX(0, time_msec() - use.used) : UINT64_MAX;
}

static int
netdev_ila_get(struct dpif *dpif, const struct ila_match *match,
               struct dpif_ila_entry *entry)
{
    uint32_t id;
    int error = ila_table_get(table_of(dpif), match, &entry->mapping, &id);

    if (!error) {
        fill_entry(dpif, id, entry);
    }
    return error;
}

static int
netdev_ila_move(struct dpif *dpif, const struct ila_filter *filter,
                ovs_be64 to, size_t *n)
{
    return ila_table_move(table_of(dpif), filter, to, n);
}

static int
netdev_ila_flush(struct dpif *dpif, const struct ila_filter *filter,
                 size_t *n)
{
    struct netdev_ila *ila = ila_of(dpif);

    ovs_mutex_lock(&ila->mutex);
    *n = ila_table_flush(ila->table, filter);
    netdev_ila_changed(ila, NULL);
    ovs_mutex_unlock(&ila->mutex);
    return 0;
}

#define LIST_BATCH 64

static int
netdev_ila_list(struct dpif *dpif, const struct ila_filter *filter,
                struct dpif_ila_cursor *cursor,
                struct dpif_ila_entry entries[], size_t max, size_t *n,
                bool *restarted)
{
    struct ila_cursor c = {
        .epoch = cursor->opaque >> 32,
        .next = cursor->opaque & UINT32_MAX,
    };
    struct ila_mapping mappings[LIST_BATCH];
    uint32_t ids[LIST_BATCH];
    size_t got;

    *n = 0;
    do {
        bool anew = false;

        got = ila_table_list(table_of(dpif), &c, mappings, ids,
                             MIN(max - *n, LIST_BATCH), &anew);
        if (anew) {
            *n = 0;
            *restarted = true;
        }
        for (size_t i = 0; i < got; i++) {
            if (ila_filter_selects(filter, &mappings[i])) {
                struct dpif_ila_entry *entry = &entries[(*n)++];

                entry->mapping = mappings[i];
                fill_entry(dpif, ids[i], entry);
            }
        }
    } while (got && *n < max);
    cursor->opaque = (uint64_t) c.epoch << 32 | c.next;
    return 0;
}

static int
netdev_ila_lookup(struct dpif *dpif, unsigned int dirs, uint16_t in_port,
                  const struct in6_addr *dst, struct dpif_ila_result *result)
{
    for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
        struct ila_hit hit;

        if (dirs & 1u << dir
            && ila_table_lookup(table_of(dpif), dir, in_port, dst, &hit)) {
            ila_hit_get_mapping(&hit, in_port, dst, &result->entry.mapping);
            fill_entry(dpif, hit.id, &result->entry);
            result->addr = *dst;
            result->verdict = ila_translate_addr(hit.xlat, &result->addr);
            return 0;
        }
    }
    return ENOENT;
}

struct dpif_ila_load {
    struct netdev_ila *ila;
    struct ila_table *stage;
    unsigned long *ports;       /* Bit map of those that entries match. */
};

static int
netdev_ila_load_begin(struct dpif *dpif, struct dpif_ila_load **loadp)
{
    struct dpif_ila_load *load = xmalloc(sizeof *load);

    load->ila = ila_of(dpif);
    load->stage = ila_table_stage(load->ila->table);
    load->ports = bitmap_allocate(NETDEV_ILA_MAX_PORT);
    *loadp = load;
    return 0;
}

/* Remembers the port of 'match', if it has one.  ENODEV if there is no port
 * with that number. */
static int
load_check_port(struct dpif_ila_load *load, const struct ila_match *match)
{
    bool lacks = false;

    if (match->fields & ILA_MATCH_IN_PORT) {
        ovs_mutex_lock(&load->ila->mutex);
        lacks = lacks_port(load->ila, match);
        ovs_mutex_unlock(&load->ila->mutex);
        if (!lacks) {
            bitmap_set1(load->ports, match->in_port);
        }
    }
    return lacks ? ENODEV : 0;
}

static int
netdev_ila_load_add(struct dpif_ila_load *load,
                    const struct ila_mapping mappings[], size_t n,
                    size_t *bad)
{
    for (size_t i = 0; i < n; i++) {
        int error = load_check_port(load, &mappings[i].match);

        if (!error) {
            error = ila_table_add(load->stage, &mappings[i], ILA_ADD_NEW);
        }
        if (error) {
            *bad = i;
            return error;
        }
    }
    return 0;
}

static void
load_free(struct dpif_ila_load *load)
{
    bitmap_free(load->ports);
    free(load);
}

/* Are all ports that entries of 'load' match still there? */
static bool
load_has_ports(const struct dpif_ila_load *load)
{
    size_t port;

    BITMAP_FOR_EACH_1 (port, NETDEV_ILA_MAX_PORT, load->ports) {
        if (!netdev_ila_has_port(load->ila, port)) {
            return false;
        }
    }
    return true;
}

static int
netdev_ila_load_commit(struct dpif_ila_load *load)
{
    struct netdev_ila *ila = load->ila;
    struct ila_match culprit;
    int error = ENODEV;

    ovs_mutex_lock(&ila->mutex);
    if (load_has_ports(load)) {
        error = ila_table_commit_add(ila->table, load->stage, &culprit);
        netdev_ila_changed(ila, NULL);
    } else {
        ila_table_destroy(load->stage);
    }
    ovs_mutex_unlock(&ila->mutex);
    load_free(load);
    return error;
}

static int
netdev_ila_load_commit_replace(struct dpif_ila_load *load,
                               enum ila_owner owner)
{
    struct netdev_ila *ila = load->ila;
    struct ila_match culprit;
    int error = ENODEV;

    ovs_mutex_lock(&ila->mutex);
    if (load_has_ports(load)) {
        error = ila_table_commit_replace(ila->table, load->stage, owner,
                                         &culprit);
        netdev_ila_changed(ila, NULL);
    } else {
        ila_table_destroy(load->stage);
    }
    ovs_mutex_unlock(&ila->mutex);
    load_free(load);
    return error;
}

static void
netdev_ila_load_abort(struct dpif_ila_load *load)
{
    ila_table_destroy(load->stage);
    load_free(load);
}

static int
netdev_ila_get_stats(struct dpif *dpif, struct dpif_ila_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    ila_table_get_usage(table_of(dpif), &stats->usage);
    netdev_ila_get_counts(ila_of(dpif), stats->counts,
                          &stats->n_expired);
    return 0;
}

static int
netdev_ila_set_max(struct dpif *dpif, size_t max)
{
    ila_table_set_max(table_of(dpif), max);
    return 0;
}

static int
netdev_ila_dpif_get_port(struct dpif *dpif, odp_port_t port_no,
                         struct dpif_ila_port *port)
{
    return netdev_ila_get_port(ila_of(dpif), port_no, &port->dirs,
                               port->counts);
}

static int
netdev_ila_dpif_set_port(struct dpif *dpif, odp_port_t port_no,
                         unsigned int dirs)
{
    unsigned int was;
    int error = netdev_ila_set_port(ila_of(dpif), port_no, dirs,
                                    &was);

    if (!error && dirs && !was && netdev_is_flow_api_enabled()) {
        dpif_netdev_unoffload(dpif, port_no);
    }
    return error;
}

static int
netdev_ila_dpif_set_port_options(struct dpif *dpif, odp_port_t port_no,
                                 const struct dpif_ila_port_options *options)
{
    return netdev_ila_set_port_options(ila_of(dpif), port_no,
                                       options);
}

/* Registration. */

const struct dpif_ila_class netdev_ila_class = {
    .add = netdev_ila_add,
    .del = netdev_ila_del,
    .get = netdev_ila_get,
    .move = netdev_ila_move,
    .flush = netdev_ila_flush,
    .list = netdev_ila_list,
    .lookup = netdev_ila_lookup,
    .load_begin = netdev_ila_load_begin,
    .load_add = netdev_ila_load_add,
    .load_commit = netdev_ila_load_commit,
    .load_commit_replace = netdev_ila_load_commit_replace,
    .load_abort = netdev_ila_load_abort,
    .get_stats = netdev_ila_get_stats,
    .set_max = netdev_ila_set_max,
    .get_port = netdev_ila_dpif_get_port,
    .set_port = netdev_ila_dpif_set_port,
    .set_port_options = netdev_ila_dpif_set_port_options,
};
