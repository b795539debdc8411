/* SPDX-License-Identifier: Apache-2.0 */

/* The ILA mapping table of a userspace datapath for whoever configures it; see
 * dpif-ila.h. */

#include <config.h>

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-extension.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "netdev-ila.h"
#include "util.h"

static struct ila_table *
table_of(const struct dpif *dpif)
{
    return dpif_netdev_ila(dpif)->table;
}

static int
netdev_ila_add(struct dpif *dpif, const struct ila_mapping *m,
               enum ila_add_mode mode)
{
    return ila_table_add(table_of(dpif), m, mode);
}

static int
netdev_ila_del(struct dpif *dpif, const struct ila_match *match,
               enum ila_owner owner)
{
    return ila_table_del(table_of(dpif), match, owner);
}

static void
fill_entry(struct dpif_ila_entry *entry)
{
    entry->has_stats = false;
    entry->n_packets = 0;
    entry->n_bytes = 0;
    entry->used_ms = UINT64_MAX;
}

static int
netdev_ila_get(struct dpif *dpif, const struct ila_match *match,
               struct dpif_ila_entry *entry)
{
    int error = ila_table_get(table_of(dpif), match, &entry->mapping, NULL);

    if (!error) {
        fill_entry(entry);
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
    *n = ila_table_flush(table_of(dpif), filter);
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
                fill_entry(entry);
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
            fill_entry(&result->entry);
            result->addr = *dst;
            result->verdict = ila_translate_addr(hit.xlat, &result->addr);
            return 0;
        }
    }
    return ENOENT;
}

struct dpif_ila_load {
    struct ila_table *table;
    struct ila_table *stage;
};

static int
netdev_ila_load_begin(struct dpif *dpif, struct dpif_ila_load **loadp)
{
    struct dpif_ila_load *load = xmalloc(sizeof *load);

    load->table = table_of(dpif);
    load->stage = ila_table_stage(load->table);
    *loadp = load;
    return 0;
}

static int
netdev_ila_load_add(struct dpif_ila_load *load,
                    const struct ila_mapping mappings[], size_t n,
                    size_t *bad)
{
    for (size_t i = 0; i < n; i++) {
        int error = ila_table_add(load->stage, &mappings[i], ILA_ADD_NEW);

        if (error) {
            *bad = i;
            return error;
        }
    }
    return 0;
}

static int
netdev_ila_load_commit(struct dpif_ila_load *load)
{
    struct ila_match culprit;
    int error = ila_table_commit_add(load->table, load->stage, &culprit);

    free(load);
    return error;
}

static int
netdev_ila_load_commit_replace(struct dpif_ila_load *load,
                               enum ila_owner owner)
{
    struct ila_match culprit;
    int error = ila_table_commit_replace(load->table, load->stage, owner,
                                         &culprit);

    free(load);
    return error;
}

static void
netdev_ila_load_abort(struct dpif_ila_load *load)
{
    ila_table_destroy(load->stage);
    free(load);
}

static int
netdev_ila_get_stats(struct dpif *dpif, struct dpif_ila_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    ila_table_get_usage(table_of(dpif), &stats->usage);
    return 0;
}

static int
netdev_ila_set_max(struct dpif *dpif, size_t max)
{
    ila_table_set_max(table_of(dpif), max);
    return 0;
}

static int
check_port(struct dpif *dpif, odp_port_t port_no)
{
    char name[IFNAMSIZ];

    return dpif_port_get_name(dpif, port_no, name, sizeof name);
}

static int
netdev_ila_get_port(struct dpif *dpif, odp_port_t port_no,
                    struct dpif_ila_port *port)
{
    memset(port, 0, sizeof *port);
    return check_port(dpif, port_no);
}

static int
netdev_ila_set_port(struct dpif *dpif, odp_port_t port_no,
                    unsigned int dirs OVS_UNUSED)
{
    return check_port(dpif, port_no);
}

/* Registration. */

static const struct dpif_ila_class netdev_ila_class = {
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
    .get_port = netdev_ila_get_port,
    .set_port = netdev_ila_set_port,
};

const struct dpif_extension_classes dpif_netdev_extensions = {
    .ila = &netdev_ila_class,
};
