/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "dpif-netlink-ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bitmap.h"
#include "coverage.h"
#include "dpif-netlink-ring-ops.h"
#include "netlink-socket.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/ring.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "ring-upcall-config.h"
#include "ring-device.h"
#include "simap.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_ring);

COVERAGE_DEFINE(ring_upcall);          /* Upcalls from rings. */
COVERAGE_DEFINE(ring_upcall_copy);     /* Upcalls too large for one. */
COVERAGE_DEFINE(ring_upcall_full);     /* Upcalls that found no space. */
COVERAGE_DEFINE(ring_upcall_fallback); /* Handlers without a ring. */

/* Upcalls that are read from a ring at a time, as many as udpif takes. */
#define MAX_BATCH RING_OPS_MAX_RECS

/* Upcalls out of a ring after which the socket has its turn. */
#define MAX_IN_ROW 1024

#define SEG_SIZE 65536

/* What a handler may ask for of a lane at a time: two entries for each upcall
 * of a batch, and what they consist of, some 400 bytes. */
#define N_TX 128
#define TX_DATA_SIZE 65536

/* No machine has more. */
#define MAX_CPUS 8192

#define POSSIBLE_CPUS "/sys/devices/system/cpu/possible"
#define ONLINE_CPUS "/sys/devices/system/cpu/online"

struct handler {
    struct dpif_netlink_rings *rings;
    uint32_t id;

    /* Changed by the handler, under 'mutex'; it reads it without. */
    struct ovs_ring *ring;      /* Null if there is none. */
    uint32_t kb;                /* Of each lane. */
    unsigned int serial;        /* Of the configuration that it is of, or that
                                 * failed. */

    /* The handler's. */
    struct ovs_ring_rec recs[MAX_BATCH];
    size_t n_recs;
    size_t next;                /* Of 'recs', to be looked at. */
    unsigned int n_given;       /* Since EAGAIN. */
    unsigned int n_in_row;      /* Since the socket had its turn. */
    bool armed;
    struct ring_ops ops;
};

struct dpif_netlink_rings {
    struct ovs_list list_node;  /* In 'all_rings'. */
    char *name;
    int dp_ifindex;
    unsigned int told;          /* The configuration for which it was logged
                                 * that there is no ring. */
    uint32_t n_handlers;
    struct handler handlers[];
};

/* What the thread is the handler of, once it looked for upcalls; rings that
 * may be gone. */
struct self {
    const struct dpif_netlink_rings *rings;
    uint32_t id;
};
DEFINE_STATIC_PER_THREAD_DATA(struct self, self, { .rings = NULL });

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

static struct ovs_list all_rings OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&all_rings);

/* 'serial' counts how often 'config' has changed; 0 until there is one.  It is
 * written under 'mutex'. */
static struct ring_upcall_config config OVS_GUARDED_BY(mutex);
static atomic_uint config_serial = 0;

static unsigned int
get_serial(void)
{
    unsigned int serial;

    atomic_read_relaxed(&config_serial, &serial);
    return serial;
}

/* CPUs. */

/* Sets in 'cpus', which has MAX_CPUS bits, those of a list such as "0-3,8" in
 * 'file'.  Returns false if there is none. */
static bool
read_cpu_list(const char *file, unsigned long *cpus)
{
    FILE *stream = fopen(file, "r");
    unsigned int first, last;
    bool found = false;
    int n;

    if (!stream) {
        return false;
    }
    while ((n = fscanf(stream, "%u-%u", &first, &last)) >= 1) {
        last = n == 2 ? last : first;
        if (first > last || last >= MAX_CPUS) {
            break;
        }
        bitmap_set_multiple(cpus, first, last - first + 1, true);
        found = true;
        if (getc(stream) != ',') {
            break;
        }
    }
    fclose(stream);
    return found;
}

/* Sets the CPUs that there may ever be, and those that there are. */
static void
get_cpus(unsigned long *possible, unsigned long *online)
{
    if (!read_cpu_list(POSSIBLE_CPUS, possible)
        || !read_cpu_list(ONLINE_CPUS, online)) {
        long int n = sysconf(_SC_NPROCESSORS_CONF);

        n = MAX(1, MIN(n, MAX_CPUS));
        bitmap_set_multiple(possible, 0, n, true);
        bitmap_set_multiple(online, 0, n, true);
    }
}

/* Opening and closing. */

/* Who did not ask for rings need not worry if there are none. */
static enum vlog_level
trouble_level(void)
    OVS_REQUIRES(mutex)
{
    return config.enable == RING_ON ? VLL_WARN : VLL_INFO;
}

/* Binds the CPUs of 'h' to lanes of 'ring': each to one of its own, and those
 * that are not there, but may come, to one together, the last one. */
static int
bind_cpus(const struct handler *h, const struct ovs_ring *ring,
          const unsigned long *possible, const unsigned long *online)
    OVS_REQUIRES(mutex)
{
    uint32_t last = ovs_ring_get_control(ring)->n_lanes - 1;
    uint32_t n_handlers = h->rings->n_handlers;
    uint32_t lane = 0, n_bound = 0;
    int first_error = 0;

    for (uint32_t cpu = h->id; cpu < MAX_CPUS; cpu += n_handlers) {
        int error;

        if (!bitmap_is_set(possible, cpu)) {
            continue;
        }
        error = ring_device_bind(ring, bitmap_is_set(online, cpu)
                                       ? lane++ : last, cpu);
        if (!error) {
            n_bound++;
        } else if (!first_error) {
            first_error = error;
            VLOG(trouble_level(),
                 "%s: upcalls of CPU %"PRIu32" do not come by ring (%s)",
                 h->rings->name, cpu, ovs_strerror(error));
        }
    }
    return n_bound ? 0 : first_error;
}

/* Opens a ring for 'h', which has none, of the present configuration. */
static int
open_ring(struct handler *h)
    OVS_REQUIRES(mutex)
{
    unsigned long *possible = bitmap_allocate(MAX_CPUS);
    unsigned long *online = bitmap_allocate(MAX_CPUS);
    uint32_t n_handlers = h->rings->n_handlers;
    uint32_t n_online = 0, n_offline = 0;
    struct ovs_ring *ring;
    int error = 0;

    get_cpus(possible, online);
    for (uint32_t cpu = h->id; cpu < MAX_CPUS; cpu += n_handlers) {
        if (bitmap_is_set(online, cpu)) {
            n_online++;
        } else if (bitmap_is_set(possible, cpu)) {
            n_offline++;
        }
    }
    if (n_online || n_offline) {
        struct ovs_ring_attach attach = {
            .dp_ifindex = h->rings->dp_ifindex,
            .ring_class = OVS_RING_UPCALL,
            .n_lanes = n_online + (n_offline > 0),
            .seg_size = SEG_SIZE,
            .n_segs = config.upcall_kb / (SEG_SIZE / 1024),
            .n_tx = N_TX,
            .tx_data_size = TX_DATA_SIZE,
        };

        error = ring_device_open(&attach, &ring);
        if (!error) {
            error = bind_cpus(h, ring, possible, online);
            if (error) {
                ovs_ring_close(ring);
            } else {
                h->ring = ring;
                h->kb = config.upcall_kb;
                ring_ops_init(&h->ops, ring);
            }
        }
    }
    bitmap_free(possible);
    bitmap_free(online);
    return error;
}

/* Says once for a datapath and a configuration that netlink has to do. */
static void
tell(struct dpif_netlink_rings *rings, const char *why)
    OVS_REQUIRES(mutex)
{
    unsigned int serial = get_serial();

    COVERAGE_INC(ring_upcall_fallback);
    if (rings->told != serial) {
        rings->told = serial;
        VLOG(trouble_level(),
             "%s: upcalls come by netlink, not by ring (%s)",
             rings->name, why);
    }
}

/* Opens a ring for 'h', which has none, if there is to be one. */
static void
try_open(struct handler *h)
    OVS_REQUIRES(mutex)
{
    h->serial = get_serial();
    if (h->serial && config.enable != RING_OFF) {
        int error = open_ring(h);

        if (error) {
            tell(h->rings, error == ENOENT || error == ENXIO
                           ? "the kernel module has none"
                           : ovs_strerror(error));
        } else if (h->ring) {
            VLOG_DBG("%s: handler %"PRIu32" has a ring",
                     h->rings->name, h->id);
        }
    }
}

static void
close_ring(struct handler *h)
    OVS_REQUIRES(mutex)
{
    ring_ops_init(&h->ops, NULL);
    ovs_ring_close(h->ring);
    h->ring = NULL;
    h->n_recs = h->next = 0;
    h->armed = false;
}

static void
show_rings(struct unixctl_conn *conn, int argc OVS_UNUSED,
           const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    dpif_netlink_rings_format(&ds);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

struct dpif_netlink_rings *
dpif_netlink_rings_create(const char *name, int dp_ifindex,
                          uint32_t n_handlers)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct dpif_netlink_rings *rings;

    if (ovsthread_once_start(&once)) {
        unixctl_command_register("dpif-netlink/show-rings", "", 0, 0,
                                 show_rings, NULL);
        ovsthread_once_done(&once);
    }

    rings = xzalloc(sizeof *rings + n_handlers * sizeof rings->handlers[0]);
    rings->name = xstrdup(name);
    rings->dp_ifindex = dp_ifindex;
    rings->n_handlers = n_handlers;

    ovs_mutex_lock(&mutex);
    ovs_list_push_back(&all_rings, &rings->list_node);
    for (uint32_t i = 0; i < n_handlers; i++) {
        rings->handlers[i].rings = rings;
        rings->handlers[i].id = i;
        try_open(&rings->handlers[i]);
    }
    ovs_mutex_unlock(&mutex);
    return rings;
}

void
dpif_netlink_rings_destroy(struct dpif_netlink_rings **ringsp)
{
    struct dpif_netlink_rings *rings = *ringsp;

    if (rings) {
        ovs_mutex_lock(&mutex);
        ovs_list_remove(&rings->list_node);
        for (uint32_t i = 0; i < rings->n_handlers; i++) {
            close_ring(&rings->handlers[i]);
        }
        ovs_mutex_unlock(&mutex);
        free(rings->name);
        free(rings);
        *ringsp = NULL;
    }
}

/* Reading. */

static void
ring_ended(struct handler *h, int error)
{
    ovs_mutex_lock(&mutex);
    if (error != ESHUTDOWN) {
        /* Has the kernel send the rest by netlink. */
        ring_device_detach(h->ring);
        tell(h->rings, ovs_strerror(error));
    } else if (h->serial == get_serial()) {
        tell(h->rings, "the ring was shut down");
    }
    close_ring(h);
    ovs_mutex_unlock(&mutex);
}

/* Makes room on this thread's heap for what 'n' upcalls leave, keys of flows
 * for the most part.  The C library has the heap of a thread grow a page at a
 * time, by a system call each, which takes as long as a fifth of an upcall
 * does; one block has it grow at once, if it has to. */
static void
reserve_memory(size_t n)
{
    if (n > 1) {
        free(xmalloc(n * 1536));
    }
}

/* Makes 'h->recs' those that come next.  Returns false if there is none. */
static bool
get_batch(struct handler *h)
{
    int error;

    ring_ops_forget(&h->ops);
    error = ovs_ring_next_batch(h->ring, h->recs, MAX_BATCH, &h->n_recs);
    h->next = 0;
    if (error && error != EAGAIN) {
        ring_ended(h, error);
    }
    reserve_memory(h->n_recs);
    return !error;
}

static void
note_losses(const struct handler *h, const struct ovs_ring_rec *rec)
{
    if (rec->lost) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        COVERAGE_ADD(ring_upcall_full, rec->lost);
        VLOG_WARN_RL(&rl, "%s: the ring of handler %"PRIu32" was full, "
                     "%"PRIu64" upcalls lost", h->rings->name, h->id,
                     rec->lost);
    }
}

/* Copies a message to 'buf': the packet in it will be written to, which the
 * ring's memory is not there for.  Returns 0; EAGAIN as
 * dpif_netlink_rings_recv(); or ENODATA if it is the socket's turn. */
static int
recv_from_ring(struct handler *h, struct ofpbuf *buf)
{
    if (h->armed) {
        h->armed = false;
        ovs_ring_disarm(h->ring);
    }
    if (h->n_in_row >= MAX_IN_ROW) {
        h->n_in_row = h->n_given = 0;
        return ENODATA;
    }
    for (;;) {
        const struct ovs_ring_rec *rec;

        if (h->next >= h->n_recs) {
            /* Those that were given stay where they are until they are worked
             * on. */
            if (h->n_given % MAX_BATCH) {
                h->n_given = 0;
                return EAGAIN;
            }
            if (!get_batch(h)) {
                h->n_given = h->n_in_row = 0;
                return ENODATA;
            }
        }
        rec = &h->recs[h->next++];
        note_losses(h, rec);
        h->n_in_row++;
        if (rec->flags & OVS_RING_RF_COPY) {
            COVERAGE_INC(ring_upcall_copy);
            return ENODATA;
        } else if (rec->type == OVS_RING_T_NLMSG) {
            COVERAGE_INC(ring_upcall);
            h->n_given++;
            ofpbuf_clear(buf);
            ofpbuf_put(buf, rec->data, rec->len);
            ring_ops_add(&h->ops, rec, buf->data);
            return 0;
        }
    }
}

int
dpif_netlink_rings_recv(struct dpif_netlink_rings *rings, uint32_t id,
                        struct nl_sock *sock, struct ofpbuf *buf)
{
    if (rings) {
        struct handler *h = &rings->handlers[id];

        *self_get() = (struct self) { rings, id };
        if (!h->ring && h->serial != get_serial()) {
            ovs_mutex_lock(&mutex);
            try_open(h);
            ovs_mutex_unlock(&mutex);
        }
        if (h->ring) {
            int error = recv_from_ring(h, buf);

            if (error != ENODATA) {
                return error;
            }
        }
    }
    return nl_sock_recv(sock, buf, NULL, false);
}

size_t
dpif_netlink_rings_operate(struct dpif_netlink_rings *const *ringsp,
                           struct dpif_op *ops[], size_t n)
{
    const struct self *self = self_get();
    struct handler *h;

    if (!self->rings || self->rings != *ringsp) {
        return 0;
    }
    h = &(*ringsp)->handlers[self->id];
    h->n_given = 0;
    return ring_ops_operate(&h->ops, ops, n);
}

void
dpif_netlink_rings_wait(struct dpif_netlink_rings *rings, uint32_t id)
{
    struct handler *h = rings ? &rings->handlers[id] : NULL;

    if (!h || !h->ring) {
        return;
    }
    if (h->next == h->n_recs && ovs_ring_arm(h->ring)) {
        h->armed = true;
        poll_fd_wait(ovs_ring_fd(h->ring), POLLIN);
    } else {
        poll_immediate_wake();
    }
}

void
dpif_netlink_rings_purge(struct dpif_netlink_rings *rings, uint32_t id)
{
    struct handler *h = rings ? &rings->handlers[id] : NULL;

    /* If the handler sleeps, the ring stays armed. */
    if (h && h->ring) {
        while (get_batch(h)) {
            continue;
        }
    }
}

/* Configuration and visibility. */

static void
set_config(struct dpif *dpif OVS_UNUSED, const struct ring_upcall_config *new)
{
    struct dpif_netlink_rings *rings;
    unsigned int serial;

    ovs_mutex_lock(&mutex);
    serial = get_serial();
    if (serial && !memcmp(new, &config, sizeof *new)) {
        ovs_mutex_unlock(&mutex);
        return;
    }
    config = *new;
    atomic_store_relaxed(&config_serial, serial + 1 ? serial + 1 : 1);
    LIST_FOR_EACH (rings, list_node, &all_rings) {
        for (uint32_t i = 0; i < rings->n_handlers; i++) {
            struct handler *h = &rings->handlers[i];

            if (!h->ring) {
                continue;
            }
            if (config.enable == RING_OFF || h->kb != config.upcall_kb) {
                ring_device_detach(h->ring);
            } else {
                h->serial = get_serial();
            }
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_rings_format(struct ds *ds)
{
    const struct dpif_netlink_rings *rings;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (rings, list_node, &all_rings) {
        for (uint32_t i = 0; i < rings->n_handlers; i++) {
            const struct handler *h = &rings->handlers[i];
            struct ovs_ring_device_stats stats;

            if (!h->ring || ring_device_get_stats(h->ring, &stats)) {
                continue;
            }
            ds_put_format(ds, "%s handler %"PRIu32": %"PRIu32" lanes, "
                          "%"PRIu32" CPUs, %"PRIu64" kB, %"PRIu64" upcalls%s"
                          "\n", rings->name, h->id,
                          ovs_ring_get_control(h->ring)->n_lanes, stats.bound,
                          (uint64_t) stats.memory / 1024,
                          (uint64_t) stats.offered,
                          stats.state & OVS_RING_S_DEAD ? ", ended" : "");
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_rings_get_memory_usage(struct simap *usage)
{
    const struct dpif_netlink_rings *rings;
    uint64_t bytes = 0;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (rings, list_node, &all_rings) {
        for (uint32_t i = 0; i < rings->n_handlers; i++) {
            const struct ovs_ring *ring = rings->handlers[i].ring;

            if (ring) {
                const struct ovs_ring_control *c = ovs_ring_get_control(ring);

                bytes += c->producer_size + c->consumer_size;
            }
        }
    }
    ovs_mutex_unlock(&mutex);
    if (bytes) {
        simap_increase(usage, "ring-kB", DIV_ROUND_UP(bytes, 1024));
    }
}

const struct dpif_ring_class dpif_netlink_ring_class = {
    .set_config = set_config,
};
