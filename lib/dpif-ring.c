/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-ring.h"

#include <errno.h>
#include <string.h>

#include "dpif-provider.h"
#include "fatal-signal.h"
#include "openvswitch/ring-client.h"
#include "openvswitch/vlog.h"
#include "ring-flow.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

/* How long nothing may come of a dump, in ms. */
#define TIMEOUT 30000

struct port {
    struct ovs_list node;
    odp_port_t port_no;
    char *name;
};

struct dpif_ring {
    struct dpif up;
    struct ovs_ring_client *client;
    struct ovs_ring *ring;
    struct ovs_list ports;      /* struct port. */
    struct ovs_ring_rec rec;    /* If 'has_rec', the next one of the dump. */
    bool has_rec;
    long long int time_offset;  /* Of our monotonic time to theirs, in ms. */
    bool dumped;
};

static char *socket_name;
static char *problem;

static struct dpif_ring *
dpif_ring_cast(const struct dpif *dpif)
{
    return CONTAINER_OF(dpif, struct dpif_ring, up);
}

/* Notes that something failed, for dpif_ring_problem(). */
static int
note(int error, char *why)
{
    if (error && !problem) {
        problem = why ? why : xstrdup(ovs_strerror(error));
    } else {
        free(why);
    }
    return error;
}

static int
dpif_ring_enumerate(struct sset *all_dps, const struct dpif_class *class)
{
    struct ovs_ring_client *client;
    char *why = NULL, *list, *line, *save_ptr = NULL;
    size_t len = strlen(class->type);
    int error;

    error = ovs_ring_connect(socket_name, &client, &why);
    if (error) {
        note(error, why);
        return 0;
    }
    error = note(ovs_ring_list_datapaths(client, &list, &why), why);
    ovs_ring_disconnect(client);
    if (error) {
        return 0;
    }
    for (line = strtok_r(list, "\n", &save_ptr); line;
         line = strtok_r(NULL, "\n", &save_ptr)) {
        if (!strncmp(line, class->type, len) && line[len] == '@') {
            sset_add(all_dps, line + len + 1);
        }
    }
    free(list);
    return 0;
}

static void
free_dpif(struct dpif_ring *dpif)
{
    struct port *port;

    LIST_FOR_EACH_POP (port, node, &dpif->ports) {
        free(port->name);
        free(port);
    }
    ovs_ring_disconnect(dpif->client);
    free(dpif);
}

/* Gets the next record. */
static int
next_record(struct dpif_ring *dpif, struct ovs_ring_rec *rec)
{
    int error;

    for (;;) {
        error = ovs_ring_next(dpif->ring, rec);
        if (error != EAGAIN) {
            return error;
        }
        error = ovs_ring_wait(dpif->ring, TIMEOUT);
        if (error && error != EINTR) {
            return error;
        }
        fatal_signal_run();
    }
}

static int
read_port(struct dpif_ring *dpif, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_port *record = rec->data;
    struct port *port;

    if (rec->len < sizeof *record
        || record->name_len > rec->len - sizeof *record) {
        return EPROTO;
    }
    port = xmalloc(sizeof *port);
    port->port_no = u32_to_odp(record->port_no);
    port->name = xmemdup0((const char *) (record + 1), record->name_len);
    ovs_list_push_back(&dpif->ports, &port->node);
    return 0;
}

/* Reads what comes before the flows. */
static int
read_start(struct dpif_ring *dpif)
{
    struct ovs_ring_rec rec;
    int error;

    for (;;) {
        error = next_record(dpif, &rec);
        if (error) {
            return error;
        }
        if (rec.type == OVS_RING_T_DUMP_BEGIN) {
            const struct ovs_ring_dump *begin = rec.data;

            if (rec.len < sizeof *begin) {
                return EPROTO;
            }
            dpif->time_offset = time_msec() - (long long int) begin->now;
        } else if (rec.type == OVS_RING_T_PORT) {
            error = read_port(dpif, &rec);
            if (error) {
                return error;
            }
        } else {
            dpif->rec = rec;
            dpif->has_rec = true;
            return 0;
        }
    }
}

static int
dpif_ring_open(const struct dpif_class *class, const char *name, bool create,
               struct dpif **dpifp)
{
    struct dpif_ring *dpif;
    char *why = NULL;
    char *datapath;
    int error;

    if (create) {
        return EOPNOTSUPP;
    }
    dpif = xzalloc(sizeof *dpif);
    ovs_list_init(&dpif->ports);
    datapath = xasprintf("%s@%s", class->type, name);
    error = ovs_ring_open_flows(socket_name, datapath, NULL, &dpif->client,
                                &why);
    free(datapath);
    if (!error) {
        dpif->ring = ovs_ring_client_ring(dpif->client);
        error = ovs_ring_export(dpif->client, 0, 0, &why);
    }
    if (!error) {
        error = read_start(dpif);
    }
    if (error) {
        if (error != ENODEV) {
            note(error, why);
        } else {
            free(why);
        }
        free_dpif(dpif);
        return error;
    }
    dpif_init(&dpif->up, class, name, 0, 0);
    *dpifp = &dpif->up;
    return 0;
}

static void
dpif_ring_close(struct dpif *dpif)
{
    free_dpif(dpif_ring_cast(dpif));
}

static int
dpif_ring_port_dump_start(const struct dpif *dpif, void **statep)
{
    *statep = xmemdup(&dpif_ring_cast(dpif)->ports.next,
                      sizeof(struct ovs_list *));
    return 0;
}

static int
dpif_ring_port_dump_next(const struct dpif *dpif, void *state,
                         struct dpif_port *dpif_port)
{
    const struct ovs_list **next = state;
    struct port *port;

    if (*next == &dpif_ring_cast(dpif)->ports) {
        return EOF;
    }
    port = CONTAINER_OF(*next, struct port, node);
    *next = port->node.next;
    dpif_port->name = port->name;
    /* Nobody here has anything to do with the device. */
    dpif_port->type = CONST_CAST(char *, "tap");
    dpif_port->port_no = port->port_no;
    return 0;
}

static int
dpif_ring_port_dump_done(const struct dpif *dpif OVS_UNUSED, void *state)
{
    free(state);
    return 0;
}

struct flow_dump {
    struct dpif_flow_dump up;
    int error;
    bool done;
};

struct flow_dump_thread {
    struct dpif_flow_dump_thread up;
    struct flow_dump *dump;
    struct ring_flow flow;      /* The one that was returned last. */
};

static struct dpif_flow_dump *
dpif_ring_flow_dump_create(const struct dpif *dpif_, bool terse,
                           struct dpif_flow_dump_types *types OVS_UNUSED)
{
    struct dpif_ring *dpif = dpif_ring_cast(dpif_);
    struct flow_dump *dump = xzalloc(sizeof *dump);

    dpif_flow_dump_init(&dump->up, dpif_);
    dump->up.terse = terse;
    if (dpif->dumped) {
        dump->error = EOPNOTSUPP;
        dump->done = true;
    }
    dpif->dumped = true;
    return &dump->up;
}

static int
dpif_ring_flow_dump_destroy(struct dpif_flow_dump *dump_)
{
    struct flow_dump *dump = CONTAINER_OF(dump_, struct flow_dump, up);
    int error = dump->error;

    free(dump);
    return error;
}

static struct dpif_flow_dump_thread *
dpif_ring_flow_dump_thread_create(struct dpif_flow_dump *dump)
{
    struct flow_dump_thread *thread = xzalloc(sizeof *thread);

    dpif_flow_dump_thread_init(&thread->up, dump);
    thread->dump = CONTAINER_OF(dump, struct flow_dump, up);
    return &thread->up;
}

static void
dpif_ring_flow_dump_thread_destroy(struct dpif_flow_dump_thread *thread)
{
    free(CONTAINER_OF(thread, struct flow_dump_thread, up));
}

/* Makes 'rec' the flow of 'thread', or takes note that it ends the dump. */
static int
read_flow(struct flow_dump_thread *thread, const struct ovs_ring_rec *rec,
          bool *is_flow)
{
    struct dpif_ring *dpif = dpif_ring_cast(thread->up.dpif);
    struct dpif_flow *f = &thread->flow.flow;

    *is_flow = false;
    if (rec->lost) {
        return ENOBUFS;
    }
    switch (rec->type) {
    case OVS_RING_T_FLOW:
        if (ring_flow_decode(&thread->flow, rec->data, rec->len)) {
            return EPROTO;
        }
        if (rec->flags & OVS_RING_RF_TRUNCATED) {
            return EMSGSIZE;
        }
        if (f->stats.used) {
            f->stats.used += dpif->time_offset;
        }
        *is_flow = true;
        return 0;

    case OVS_RING_T_DUMP_END: {
        const struct ovs_ring_dump *end = rec->data;

        thread->dump->done = true;
        return rec->len < sizeof *end ? EPROTO : end->error;
    }

    default:
        return 0;
    }
}

static int
dpif_ring_flow_dump_next(struct dpif_flow_dump_thread *thread_,
                         struct dpif_flow *flows, int max_flows OVS_UNUSED)
{
    struct flow_dump_thread *thread = CONTAINER_OF(
        thread_, struct flow_dump_thread, up);
    struct dpif_ring *dpif = dpif_ring_cast(thread->up.dpif);
    struct flow_dump *dump = thread->dump;

    while (!dump->done) {
        bool is_flow = false;

        if (dpif->has_rec) {
            dpif->has_rec = false;
        } else {
            dump->error = next_record(dpif, &dpif->rec);
        }
        if (!dump->error) {
            dump->error = read_flow(thread, &dpif->rec, &is_flow);
        }
        if (dump->error) {
            dump->done = true;
        }
        if (is_flow) {
            flows[0] = thread->flow.flow;
            return 1;
        }
    }
    return 0;
}

#define DPIF_RING_CLASS(TYPE)                                           \
    {                                                                   \
        .type = TYPE,                                                   \
        .enumerate = dpif_ring_enumerate,                               \
        .open = dpif_ring_open,                                         \
        .close = dpif_ring_close,                                       \
        .port_dump_start = dpif_ring_port_dump_start,                   \
        .port_dump_next = dpif_ring_port_dump_next,                     \
        .port_dump_done = dpif_ring_port_dump_done,                     \
        .flow_dump_create = dpif_ring_flow_dump_create,                 \
        .flow_dump_destroy = dpif_ring_flow_dump_destroy,               \
        .flow_dump_thread_create = dpif_ring_flow_dump_thread_create,   \
        .flow_dump_thread_destroy = dpif_ring_flow_dump_thread_destroy, \
        .flow_dump_next = dpif_ring_flow_dump_next,                     \
    }

static const struct dpif_class classes[] = {
    DPIF_RING_CLASS("system"),
    DPIF_RING_CLASS("netdev"),
    DPIF_RING_CLASS("dummy"),
};

/* Gets the types of datapaths, which sets up all of them: that there is no
 * kernel module is not worth a line then. */
static void
get_types(struct sset *types)
{
    struct vlog_module *module = vlog_module_from_name("dpif_netlink");
    enum vlog_level level;

    if (!module) {
        dp_enumerate_types(types);
        return;
    }
    level = vlog_get_level(module, VLF_CONSOLE);
    vlog_set_levels(module, VLF_CONSOLE, MIN(level, VLL_WARN));
    dp_enumerate_types(types);
    vlog_set_levels(module, VLF_CONSOLE, level);
}

void
dpif_ring_register(const char *name)
{
    struct sset types = SSET_INITIALIZER(&types);

    free(socket_name);
    socket_name = xstrdup(name);
    free(problem);
    problem = NULL;

    get_types(&types);
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (sset_contains(&types, classes[i].type)) {
            dp_unregister_provider(classes[i].type);
        }
        dp_register_provider(&classes[i]);
    }
    sset_destroy(&types);
}

const char *
dpif_ring_problem(void)
{
    return problem;
}
