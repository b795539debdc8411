/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-flows.h"

#include <errno.h>
#include <string.h>

#include "dpif.h"
#include "hash.h"
#include "netlink.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "ring-flow.h"
#include "ring-known.h"
#include "ring-lane.h"
#include "ring-server.h"
#include "smap.h"
#include "sset.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

/* Flows that are asked for at once, and those of one round of the thread. */
#define BATCH 50
#define BATCHES_PER_RUN 20

/* Remembered flows that are looked at in one round, for those that are
 * gone. */
#define KNOWN_PER_RUN 4096

/* What the longest record of a ring has to be: key, mask and statistics of any
 * flow are shorter. */
#define MIN_RECORD 2048

/* A thread that waits, waits between rounds: so what is not yet written stays
 * in 'pending', because flows live in the datapath's memory until the thread
 * quiesces. */
enum phase {
    IDLE,
    FLOWS,                      /* Asks the datapath for flows. */
    GONE,                       /* Looks for those that are gone. */
    END,                        /* Has to tell that it is done. */
};

/* Which flows. */
struct filter {
    bool by_port;
    odp_port_t in_port;
    bool by_pmd;
    unsigned int pmd_id;
    struct dpif_flow_dump_types types;
};

struct flows {
    struct ring_memory *memory;
    struct ring_lane lane;
    char *datapath;             /* TYPE@NAME. */
    struct filter filter;

    /* The export. */
    enum phase phase;
    bool incremental;
    bool parked;                /* No space, and the consumer knows. */
    unsigned int generation;    /* Of 'datapaths', when it was opened. */
    struct dpif *dpif;
    struct dpif_flow_dump *dump;
    struct dpif_flow_dump_thread *thread;
    struct ovs_ring_dump end;   /* To be told at the end. */
    struct ofpbuf pending;      /* struct pending, one after the other. */

    struct ring_known *known;   /* What the consumer knows; null before the
                                 * first incremental export. */
};

/* A record that found no space. */
struct pending {
    uint32_t len;               /* Of the payload, which follows, padded to
                                 * 8. */
    uint8_t type;
    uint8_t flags;
    uint8_t pad[2];
};
BUILD_ASSERT_DECL(sizeof(struct pending) == 8);

/* Counts changes of the set of datapaths, as far as they are known. */
static unsigned int datapaths;

void
ring_flows_check_datapaths(void)
{
    datapaths++;
}

/* Datapaths. */

static void
get_datapaths(struct svec *dps)
{
    struct sset types = SSET_INITIALIZER(&types);
    const char *type;

    dp_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        struct sset names = SSET_INITIALIZER(&names);
        const char *name;

        if (!dp_enumerate_names(type, &names)) {
            SSET_FOR_EACH (name, &names) {
                svec_add_nocopy(dps, xasprintf("%s@%s", type, name));
            }
        }
        sset_destroy(&names);
    }
    sset_destroy(&types);
    svec_sort(dps);
}

void
ring_flows_list_datapaths(struct ds *s)
{
    struct svec dps = SVEC_EMPTY_INITIALIZER;
    const char *dp;
    size_t i;

    get_datapaths(&dps);
    SVEC_FOR_EACH (i, dp, &dps) {
        ds_put_format(s, "%s\n", dp);
    }
    svec_destroy(&dps);
}

/* Enumerates but the one type, because those of a type that cannot be had here
 * may be logged. */
static bool
is_datapath(const char *type, const char *name)
{
    struct sset types = SSET_INITIALIZER(&types);
    struct sset names = SSET_INITIALIZER(&names);
    bool found;

    dp_enumerate_types(&types);
    found = (sset_contains(&types, type)
             && !dp_enumerate_names(type, &names)
             && sset_contains(&names, name));
    sset_destroy(&types);
    sset_destroy(&names);
    return found;
}

static char *
find_only_datapath(int *error, char **why)
{
    struct svec dps = SVEC_EMPTY_INITIALIZER;
    char *dp = NULL;

    get_datapaths(&dps);
    if (dps.n == 1) {
        dp = xstrdup(dps.names[0]);
    } else {
        *error = dps.n ? EINVAL : ENODEV;
        *why = xstrdup(dps.n ? "multiple datapaths, specify one"
                       : "no datapaths exist");
    }
    svec_destroy(&dps);
    return dp;
}

/* Returns the datapath that 'arg' means, as TYPE@NAME, or null and an
 * error. */
static char *
find_datapath(const char *arg, int *error, char **why)
{
    char *name, *type, *dp = NULL;

    if (!*arg) {
        return find_only_datapath(error, why);
    }
    dp_parse_name(arg, &name, &type);
    if (is_datapath(type, name)) {
        dp = xasprintf("%s@%s", type, name);
    } else {
        *error = ENODEV;
        *why = xasprintf("there is no datapath \"%s\"", arg);
    }
    free(name);
    free(type);
    return dp;
}

static int
open_datapath(const char *datapath, struct dpif **dpifp)
{
    char *name, *type;
    int error;

    dp_parse_name(datapath, &name, &type);
    error = dpif_open(name, type, dpifp);
    free(name);
    free(type);
    return error;
}

/* Filters. */

static bool
parse_option(const char *key, const char *value, struct filter *filter)
{
    if (!strcmp(key, "in-port")) {
        unsigned int port;

        if (!str_to_uint(value, 10, &port)) {
            return false;
        }
        filter->by_port = true;
        filter->in_port = u32_to_odp(port);
        return true;
    } else if (!strcmp(key, "pmd")) {
        int core;

        if (!str_to_int(value, 10, &core) || core < -1) {
            return false;
        }
        filter->by_pmd = true;
        filter->pmd_id = core < 0 ? NON_PMD_CORE_ID : core;
        return true;
    } else if (!strcmp(key, "layer")) {
        filter->types.ovs_flows = !strcmp(value, "ovs");
        filter->types.netdev_flows = !strcmp(value, "offload");
        return filter->types.ovs_flows || filter->types.netdev_flows;
    }
    return false;
}

static int
parse_filter(const struct smap *options, struct filter *filter, char **why)
{
    const struct smap_node *node;

    *filter = (struct filter) { .types = { true, true } };
    SMAP_FOR_EACH (node, options) {
        if (!parse_option(node->key, node->value, filter)) {
            *why = xasprintf("option \"%.40s=%.40s\" is not known or has a "
                             "bad value", node->key, node->value);
            return EINVAL;
        }
    }
    return 0;
}

static bool
passes(const struct filter *filter, const struct dpif_flow *f)
{
    if (filter->by_pmd && f->pmd_id != filter->pmd_id) {
        return false;
    }
    if (filter->by_port) {
        const struct nlattr *a = nl_attr_find__(f->key, f->key_len,
                                                OVS_KEY_ATTR_IN_PORT);

        return a && nl_attr_get_odp_port(a) == filter->in_port;
    }
    return true;
}

/* Writing. */

/* Where a record is being written. */
struct place {
    struct ring_slot slot;
    void *payload;
    bool in_ring;
};

/* Returns where to write the payload of a record, in the ring if there is
 * space, otherwise in what is pending; then end_record(). */
static void *
begin_record(struct flows *flows, uint8_t type, uint8_t flags, size_t len,
             struct place *place)
{
    const struct ring_head head = {
        .type = type, .flags = flags, .len = len,
    };
    struct pending *pending;

    if (!flows->pending.size
        && !ring_lane_try_reserve(&flows->lane, &head, &place->slot)) {
        place->in_ring = true;
        place->payload = place->slot.payload;
        return place->payload;
    }
    pending = ofpbuf_put_zeros(&flows->pending,
                               sizeof *pending + ROUND_UP(len, 8));
    *pending = (struct pending) { .len = len, .type = type, .flags = flags };
    place->in_ring = false;
    place->payload = pending + 1;
    return place->payload;
}

static void
end_record(struct flows *flows, const struct place *place)
{
    if (place->in_ring) {
        ring_lane_commit(&flows->lane, &place->slot);
    }
}

static void
put_record(struct flows *flows, uint8_t type, const void *payload, size_t len)
{
    struct place place;

    memcpy(begin_record(flows, type, 0, len, &place), payload, len);
    end_record(flows, &place);
}

/* Writes what is pending.  Returns whether that is all of it. */
static bool
flush(struct flows *flows)
{
    while (flows->pending.size) {
        const struct pending *pending = flows->pending.data;
        const struct ring_head head = {
            .type = pending->type,
            .flags = pending->flags,
            .len = pending->len,
        };
        struct ring_slot slot;

        if (ring_lane_try_reserve(&flows->lane, &head, &slot)) {
            return false;
        }
        memcpy(slot.payload, pending + 1, pending->len);
        ring_lane_commit(&flows->lane, &slot);
        ofpbuf_pull(&flows->pending,
                    sizeof *pending + ROUND_UP(pending->len, 8));
    }
    ofpbuf_clear(&flows->pending);
    return true;
}

/* Wakes the consumer if it wants to be.  'now' says not to wait until there is
 * more, because for the time being there will not be. */
static void
wake_consumer(struct flows *flows, bool now)
{
    uint64_t at_us;

    switch (ring_lane_wake(&flows->lane, time_usec(), &at_us)) {
    case RING_WAKE_NOW:
        ring_server_wake(flows->memory);
        break;
    case RING_WAKE_AT:
        if (now) {
            ring_server_wake(flows->memory);
        }
        break;
    case RING_WAKE_NOT:
        break;
    }
}

/* Flushes; without space for everything tells the consumer that it has to kick
 * us when there is some. */
static bool
flush_or_park(struct flows *flows)
{
    bool ok;

    if (flows->parked) {
        flows->parked = false;
        ring_memory_clear_state(flows->memory, OVS_RING_S_PARKED);
    }
    ok = flush(flows);
    if (!ok) {
        /* What is released before it sees this, is seen here. */
        ring_memory_set_state(flows->memory, OVS_RING_S_PARKED);
        ok = flush(flows);
        if (ok) {
            ring_memory_clear_state(flows->memory, OVS_RING_S_PARKED);
        } else {
            flows->parked = true;
            ring_count_full();
        }
    }
    return ok;
}

static void
put_flow(struct flows *flows, const struct dpif_flow *f)
{
    uint32_t max = flows->memory->control.max_record;
    struct dpif_flow without_actions;
    size_t size = ring_flow_size(f);
    struct place place;
    uint8_t flags = 0;

    if (size > max) {
        /* The consumer may ask for it by its UFID. */
        without_actions = *f;
        without_actions.actions_len = 0;
        f = &without_actions;
        size = ring_flow_size(f);
        flags = OVS_RING_RF_TRUNCATED;
        ring_count_copy();
        if (size > max) {
            ring_lane_lose(&flows->lane, size);
            return;
        }
    }
    ring_flow_encode(f, begin_record(flows, OVS_RING_T_FLOW, flags, size,
                                     &place));
    end_record(flows, &place);
}

static void
put_stats(struct flows *flows, uint8_t type, const struct dpif_flow *f)
{
    struct ovs_ring_flow_stats stats;

    ring_flow_stats_encode(f, &stats);
    put_record(flows, type, &stats, sizeof stats);
}

static void
put_port(struct flows *flows, const struct dpif_port *port)
{
    size_t name_len = strlen(port->name);
    struct ovs_ring_port *record;
    struct place place;

    record = begin_record(flows, OVS_RING_T_PORT, 0,
                          sizeof *record + name_len, &place);
    record->port_no = odp_to_u32(port->port_no);
    record->name_len = name_len;
    memcpy(record + 1, port->name, name_len);
    end_record(flows, &place);
}

/* The export. */

static void
close_datapath(struct flows *flows)
{
    if (flows->dump) {
        int error;

        dpif_flow_dump_thread_destroy(flows->thread);
        error = dpif_flow_dump_destroy(flows->dump);
        if (!flows->end.error) {
            flows->end.error = error;
        }
        flows->dump = NULL;
        flows->thread = NULL;
    }
    dpif_close(flows->dpif);
    flows->dpif = NULL;
}

static void
forget(struct flows *flows)
{
    if (flows->known) {
        ring_known_destroy_later(flows->known);
        flows->known = NULL;
    }
}

static int
start_export(struct flows *flows, const struct ovs_ring_export *request,
             char **why)
{
    struct dpif_port_dump port_dump;
    struct dpif_port port;
    int error;

    error = open_datapath(flows->datapath, &flows->dpif);
    if (error) {
        *why = xasprintf("cannot open datapath \"%s\"", flows->datapath);
        return error;
    }
    flows->generation = datapaths;
    flows->incremental = request->flags & OVS_RING_EXPORT_INCREMENTAL;
    if (!flows->incremental) {
        forget(flows);
    } else if (!flows->known) {
        flows->known = ring_known_create();
    }
    if (flows->known) {
        ring_known_begin(flows->known);
    }

    flows->end = (struct ovs_ring_dump) {
        .id = request->id, .now = time_msec(),
    };
    put_record(flows, OVS_RING_T_DUMP_BEGIN, &flows->end, sizeof flows->end);
    DPIF_PORT_FOR_EACH (&port, &port_dump, flows->dpif) {
        put_port(flows, &port);
    }
    flows->dump = dpif_flow_dump_create(flows->dpif, false,
                                        &flows->filter.types);
    flows->thread = dpif_flow_dump_thread_create(flows->dump);
    flows->phase = FLOWS;
    return 0;
}

static void
export_flow(struct flows *flows, const struct dpif_flow *f)
{
    enum ring_known_change change = RING_KNOWN_NEW;

    if (!passes(&flows->filter, f)) {
        return;
    }
    if (flows->incremental) {
        change = ring_known_see(flows->known, f);
    }
    flows->end.n++;
    switch (change) {
    case RING_KNOWN_NEW:
        put_flow(flows, f);
        break;
    case RING_KNOWN_STATS:
        put_stats(flows, OVS_RING_T_STATS, f);
        break;
    case RING_KNOWN_SAME:
        break;
    }
}

static void
export_batch(struct flows *flows)
{
    struct dpif_flow batch[BATCH];
    int n;

    n = dpif_flow_dump_next(flows->thread, batch, BATCH);
    for (int i = 0; i < n; i++) {
        export_flow(flows, &batch[i]);
    }
    if (n <= 0) {
        close_datapath(flows);
        if (flows->incremental && ring_known_is_overflown(flows->known)
            && !flows->end.error) {
            flows->end.error = ENOSPC;
        }
        /* After an error, flows that were not seen may well be there. */
        flows->phase = flows->incremental
                       && (!flows->end.error || flows->end.error == ENOSPC)
                       ? GONE : END;
    }
}

/* Tells of flows that are gone.  Returns false when that is all. */
static bool
export_gone(struct flows *flows)
{
    struct dpif_flow f;

    for (int i = 0; i < KNOWN_PER_RUN / BATCHES_PER_RUN; i++) {
        switch (ring_known_sweep(flows->known, &f)) {
        case RING_SWEEP_GONE:
            put_stats(flows, OVS_RING_T_DEL, &f);
            break;
        case RING_SWEEP_KEPT:
            break;
        case RING_SWEEP_END:
            return false;
        }
    }
    return true;
}

static void
export_step(struct flows *flows)
{
    switch (flows->phase) {
    case FLOWS:
        export_batch(flows);
        break;
    case GONE:
        if (!export_gone(flows)) {
            flows->phase = END;
        }
        break;
    case END:
        put_record(flows, OVS_RING_T_DUMP_END, &flows->end,
                   sizeof flows->end);
        flows->phase = IDLE;
        break;
    case IDLE: default:
        OVS_NOT_REACHED();
    }
}

/* The datapath of an export that goes on must not be kept from going away. */
static void
check_datapath(struct flows *flows)
{
    char *name, *type;

    if (!flows->dpif || flows->generation == datapaths) {
        return;
    }
    flows->generation = datapaths;
    dp_parse_name(flows->datapath, &name, &type);
    if (!is_datapath(type, name)) {
        flows->end.error = ENODEV;
        close_datapath(flows);
        flows->phase = END;
    }
    free(name);
    free(type);
}

static bool
is_busy(const struct flows *flows)
{
    return flows->phase != IDLE || flows->pending.size;
}

static void
flows_run(void *flows_)
{
    struct flows *flows = flows_;

    check_datapath(flows);
    if (!is_busy(flows)) {
        return;
    }
    for (int i = 0; i < BATCHES_PER_RUN; i++) {
        if (!flush_or_park(flows) || flows->phase == IDLE) {
            break;
        }
        export_step(flows);
    }
    wake_consumer(flows, flows->parked || !is_busy(flows));
}

static void
flows_wait(void *flows_)
{
    const struct flows *flows = flows_;

    if (is_busy(flows) && !flows->parked) {
        poll_immediate_wake();
    }
}

static int
flows_open(const struct ring_request *request, struct ring_memory *memory,
           void **ring, char **why)
{
    struct flows *flows;
    struct filter filter;
    char *datapath;
    int error;

    if (memory->control.max_record < MIN_RECORD) {
        *why = xasprintf("longest record %"PRIu32" is too short for flows, "
                         "which need %d", memory->control.max_record,
                         MIN_RECORD);
        return EINVAL;
    }
    error = parse_filter(request->options, &filter, why);
    if (error) {
        return error;
    }
    datapath = find_datapath(request->name, &error, why);
    if (!datapath) {
        return error;
    }

    flows = xzalloc(sizeof *flows);
    flows->memory = memory;
    flows->datapath = datapath;
    flows->filter = filter;
    ring_lane_init(&flows->lane, &memory->control, memory->producer,
                   memory->consumer, 0, UINT32_MAX);
    ofpbuf_init(&flows->pending, 0);
    *ring = flows;
    return 0;
}

static const char *
flows_get_name(const void *flows_)
{
    const struct flows *flows = flows_;

    return flows->datapath;
}

static void
flows_close(void *flows_)
{
    struct flows *flows = flows_;

    /* What keeps the datapath goes at once. */
    close_datapath(flows);
}

static void
flows_destroy(void *flows_)
{
    struct flows *flows = flows_;

    ring_known_destroy(flows->known);
    ofpbuf_uninit(&flows->pending);
    ring_lane_uninit(&flows->lane);
    free(flows->datapath);
    free(flows);
}

static int
flows_request(void *flows_, const struct ovs_ring_msg *msg, char **why)
{
    const struct ovs_ring_export *request = (const void *) msg;
    struct flows *flows = flows_;

    if (msg->type != OVS_RING_MSG_EXPORT) {
        *why = xasprintf("message %u is none for flows", msg->type);
        return EOPNOTSUPP;
    }
    if (msg->len != sizeof *request) {
        *why = xasprintf("EXPORT has a wrong length, %"PRIu32, msg->len);
        return EINVAL;
    }
    if (request->flags & ~OVS_RING_EXPORT_INCREMENTAL || request->zero) {
        *why = xasprintf("EXPORT with unknown flags 0x%"PRIx32,
                         request->flags);
        return EINVAL;
    }
    if (is_busy(flows)) {
        *why = xstrdup("an export of this ring is not yet done");
        return EBUSY;
    }
    return start_export(flows, request, why);
}

const struct ring_kind ring_flows_kind = {
    .name = "flows",
    .ring_class = OVS_RING_FLOWS,
    .defaults = {
        .n_lanes = 1,
        /* No flow is longer: its attributes have 16-bit lengths. */
        .seg_size = 256 * 1024,
        .n_segs = 16,
    },
    .open = flows_open,
    .get_name = flows_get_name,
    .close = flows_close,
    .destroy = flows_destroy,
    .run = flows_run,
    .wait = flows_wait,
    .request = flows_request,
};
