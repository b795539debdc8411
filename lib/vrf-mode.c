/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-mode.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "hash.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"
#include "vrf-names.h"
#include "vrf-port.h"

VLOG_DEFINE_THIS_MODULE(vrf_mode);

/* In milliseconds. */
#define MIN_REFRESH_INTERVAL 100
#define MAX_REFRESH_INTERVAL 500
#define COUNT_INTERVAL (10 * 1000)     /* Between two times of counting. */
#define MIN_PACKETS_TIME (60 * 1000)   /* Without flows, at first... */
#define MAX_PACKETS_TIME (3600 * 1000) /* ...and at last. */

struct counted {
    struct hmap_node node;      /* In struct vrf_flows. */
    struct vrf_mode_flow flow;
};

/* Of a VRF. */
struct vrf_flows {
    struct hmap_node node;      /* In 'vrfs', by number. */
    uint16_t vrf;
    struct hmap counted;        /* Of struct counted. */
    long long int counted_since; /* LLONG_MIN at first. */
    long long int packets_until; /* There may be no flows until then. */
    long long int packets_time; /* How long that is next time. */
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct hmap vrfs OVS_GUARDED_BY(mutex) = HMAP_INITIALIZER(&vrfs);
static ATOMIC(enum vrf_mode) mode = VRF_MODE_DEFAULT;

/* Does anybody want flows to be translated again?  The sequence wakes up the
 * main thread, whose the rest is. */
static atomic_bool refresh_wanted = ATOMIC_VAR_INIT(false);
static long long int refresh_time = LLONG_MIN; /* When it may be, next. */
static long long int refresh_interval = MIN_REFRESH_INTERVAL;

static const char *const names[] = {
    [VRF_MODE_AUTO] = "auto",
    [VRF_MODE_DATAPATH] = "datapath",
    [VRF_MODE_FLOW] = "flow",
};

static struct seq *
refresh_seq(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static struct seq *seq;

    if (ovsthread_once_start(&once)) {
        seq = seq_create();
        ovsthread_once_done(&once);
    }
    return seq;
}

static enum vrf_mode
get_mode(void)
{
    enum vrf_mode m;

    atomic_read_relaxed(&mode, &m);
    return m;
}

bool
vrf_mode_from_name(const char *name, enum vrf_mode *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i])) {
            *m = i;
            return true;
        }
    }
    return false;
}

const char *
vrf_mode_name(enum vrf_mode m)
{
    return names[m];
}

bool
vrf_mode_has_flows(void)
{
    return get_mode() != VRF_MODE_DATAPATH;
}

static size_t
max_flows(void)
{
    return (get_mode() == VRF_MODE_FLOW ? VRF_MODE_FLOW_MAX
            : VRF_MODE_AUTO_MAX);
}

/* Flows. */

static struct vrf_flows *
find_flows(uint16_t vrf) OVS_REQUIRES(mutex)
{
    struct vrf_flows *f;

    HMAP_FOR_EACH_WITH_HASH (f, node, hash_int(vrf, 0), &vrfs) {
        if (f->vrf == vrf) {
            return f;
        }
    }
    return NULL;
}

static struct vrf_flows *
get_flows(uint16_t vrf) OVS_REQUIRES(mutex)
{
    struct vrf_flows *f = find_flows(vrf);

    if (!f) {
        f = xzalloc(sizeof *f);
        f->vrf = vrf;
        hmap_init(&f->counted);
        f->counted_since = f->packets_until = LLONG_MIN;
        f->packets_time = MIN_PACKETS_TIME;
        hmap_insert(&vrfs, &f->node, hash_int(vrf, 0));
    }
    return f;
}

static uint32_t
hash_mode_flow(const struct vrf_mode_flow *flow)
{
    uint32_t hash = hash_2words(odp_to_u32(flow->in_port), flow->family);

    hash = hash_2words(hash, flow->table);
    hash = hash_2words(hash, flow->src_bits << 8 | flow->dst_bits);
    return hash_uint64_basis(flow->dst.hi,
                             hash_uint64_basis(flow->dst.lo,
                                 hash_uint64_basis(flow->src.hi
                                                   ^ flow->src.lo, hash)));
}

static bool
is_same_flow(const struct vrf_mode_flow *a, const struct vrf_mode_flow *b)
{
    return (a->in_port == b->in_port && a->family == b->family
            && a->table == b->table
            && a->src_bits == b->src_bits && a->dst_bits == b->dst_bits
            && vrf_addr_equal(&a->src, &b->src)
            && vrf_addr_equal(&a->dst, &b->dst));
}

static bool
is_counted(const struct vrf_flows *f, const struct vrf_mode_flow *flow)
{
    const struct counted *c;

    HMAP_FOR_EACH_WITH_HASH (c, node, hash_mode_flow(flow), &f->counted) {
        if (is_same_flow(&c->flow, flow)) {
            return true;
        }
    }
    return false;
}

static void
count(struct vrf_flows *f, const struct vrf_mode_flow *flow)
{
    struct counted *c = xmalloc(sizeof *c);

    c->flow = *flow;
    hmap_insert(&f->counted, &c->node, hash_mode_flow(flow));
}

static void
forget_counted(struct vrf_flows *f)
{
    struct counted *c;

    HMAP_FOR_EACH_POP (c, node, &f->counted) {
        free(c);
    }
}

/* Has packets of the VRF routed one by one from 'now' on. */
static void
give_up_flows(struct vrf_flows *f, long long int now)
{
    VLOG_INFO("VRF %s: packets to more than %"PRIuSIZE" destinations at a "
              "time; looking up the route of each packet for %lld s",
              vrf_id_to_name(f->vrf), max_flows(), f->packets_time / 1000);
    f->packets_until = now + f->packets_time;
    f->packets_time = MIN(2 * f->packets_time, MAX_PACKETS_TIME);
    f->counted_since = LLONG_MIN;
    forget_counted(f);
    vrf_mode_refresh();
}

/* Makes room for one more.  Returns false if there are too many. */
static bool
make_room(struct vrf_flows *f)
{
    long long int now = time_msec();

    if (hmap_count(&f->counted) < max_flows()) {
        return true;
    }
    if (f->counted_since != LLONG_MIN
        && now < f->counted_since + COUNT_INTERVAL) {
        give_up_flows(f, now);
        return false;
    }
    /* Some of those that were counted are probably gone. */
    if (f->counted_since != LLONG_MIN) {
        f->packets_time = MIN_PACKETS_TIME;
    }
    f->counted_since = now;
    forget_counted(f);
    vrf_mode_refresh();
    return true;
}

bool
vrf_mode_admit(const struct vrf_mode_flow *flow)
{
    bool admitted = false;
    struct vrf_flows *f;

    if (!vrf_mode_has_flows()) {
        return false;
    }
    ovs_mutex_lock(&mutex);
    f = get_flows(flow->vrf);
    if (f->packets_until == LLONG_MIN) {
        admitted = is_counted(f, flow);
        if (!admitted && make_room(f)) {
            count(f, flow);
            admitted = true;
        }
    }
    ovs_mutex_unlock(&mutex);
    return admitted;
}

bool
vrf_mode_would_admit(const struct vrf_mode_flow *flow)
{
    const struct vrf_flows *f;
    bool admitted;

    ovs_mutex_lock(&mutex);
    f = find_flows(flow->vrf);
    admitted = (vrf_mode_has_flows()
                && (!f || f->packets_until == LLONG_MIN));
    ovs_mutex_unlock(&mutex);
    return admitted;
}

/* Lets the VRF have flows again after a time without. */
static void
try_flows_again(struct vrf_flows *f)
{
    VLOG_INFO("VRF %s: looking up the route of each flow again",
              vrf_id_to_name(f->vrf));
    f->packets_until = LLONG_MIN;
    vrf_mode_refresh();
}

/* The main thread. */

void
vrf_mode_set(enum vrf_mode new)
{
    struct vrf_flows *f;

    if (new == get_mode()) {
        return;
    }
    VLOG_INFO("other_config:output-vrf-mode is now %s", names[new]);
    atomic_store_relaxed(&mode, new);
    ovs_mutex_lock(&mutex);
    HMAP_FOR_EACH_POP (f, node, &vrfs) {
        forget_counted(f);
        hmap_destroy(&f->counted);
        free(f);
    }
    ovs_mutex_unlock(&mutex);
    vrf_mode_refresh();
}

/* When a VRF may have flows again, LLONG_MAX if none waits. */
static long long int
next_try(void)
{
    long long int next = LLONG_MAX;
    const struct vrf_flows *f;

    ovs_mutex_lock(&mutex);
    HMAP_FOR_EACH (f, node, &vrfs) {
        if (f->packets_until != LLONG_MIN) {
            next = MIN(next, f->packets_until);
        }
    }
    ovs_mutex_unlock(&mutex);
    return next;
}

void
vrf_mode_refresh(void)
{
    bool wanted;

    atomic_read_relaxed(&refresh_wanted, &wanted);
    if (!wanted) {
        atomic_store_relaxed(&refresh_wanted, true);
        seq_change(refresh_seq());
    }
}

static void
refresh(long long int now)
{
    /* Again and again? */
    refresh_interval = (now < refresh_time + refresh_interval
                        ? MIN(2 * refresh_interval, MAX_REFRESH_INTERVAL)
                        : MIN_REFRESH_INTERVAL);
    refresh_time = now + refresh_interval;
    vrf_ports_touch();
}

void
vrf_mode_run(void)
{
    long long int now = time_msec();
    struct vrf_flows *f;
    bool wanted;

    if (now >= next_try()) {
        ovs_mutex_lock(&mutex);
        HMAP_FOR_EACH (f, node, &vrfs) {
            if (f->packets_until != LLONG_MIN && now >= f->packets_until) {
                try_flows_again(f);
            }
        }
        ovs_mutex_unlock(&mutex);
    }

    atomic_read_relaxed(&refresh_wanted, &wanted);
    if (wanted && now >= refresh_time) {
        /* First: what is wanted from now on is another time. */
        atomic_store_relaxed(&refresh_wanted, false);
        refresh(now);
    }
}

void
vrf_mode_wait(void)
{
    uint64_t seqno = seq_read(refresh_seq());
    long long int next = next_try();
    bool wanted;

    seq_wait(refresh_seq(), seqno);
    atomic_read_relaxed(&refresh_wanted, &wanted);
    if (wanted) {
        next = MIN(next, refresh_time);
    }
    if (next != LLONG_MAX) {
        poll_timer_wait_until(next);
    }
}

/* What people see. */

/* How a VRF's packets are routed. */
static bool
get_state(uint16_t vrf, size_t *n, long long int *seconds)
{
    const struct vrf_flows *f;
    bool has_flows;

    ovs_mutex_lock(&mutex);
    f = find_flows(vrf);
    has_flows = (vrf_mode_has_flows()
                 && (!f || f->packets_until == LLONG_MIN));
    *n = f ? hmap_count(&f->counted) : 0;
    *seconds = (f && f->packets_until != LLONG_MIN
                ? MAX(f->packets_until - time_msec(), 0) / 1000 : 0);
    ovs_mutex_unlock(&mutex);
    return has_flows;
}

void
vrf_mode_format(uint16_t vrf, struct ds *s)
{
    long long int seconds;
    size_t n;

    if (get_state(vrf, &n, &seconds)) {
        ds_put_format(s, "each flow (%"PRIuSIZE" of at most %"PRIuSIZE")", n,
                      max_flows());
    } else if (vrf_mode_has_flows()) {
        ds_put_format(s, "each packet (more than %"PRIuSIZE" flows, tried "
                      "again in %lld s)", max_flows(), seconds);
    } else {
        ds_put_cstr(s, "each packet");
    }
}

struct json *
vrf_mode_to_json(uint16_t vrf)
{
    struct json *object = json_object_create();
    long long int seconds;
    size_t n;
    bool has_flows = get_state(vrf, &n, &seconds);

    json_object_put_string(object, "mode", names[get_mode()]);
    json_object_put_string(object, "lookup", has_flows ? "flow" : "packet");
    json_object_put(object, "flows", json_integer_create(n));
    return object;
}
