/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-offload.h"

#include "extension-config.h"

#if XDP_OFFLOAD
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dpif.h"
#include "hash.h"
#include "netdev-offload-xdp.h"
#include "odp-util.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/match.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"
#include "xdp-blocked.h"
#include "xdp-capture.h"
#include "xdp-flow.h"
#include "xdp-offload-private.h"
#include "xdp-table.h"

VLOG_DEFINE_THIS_MODULE(xdp_offload);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Below /sys/fs/bpf/ovs; names of interfaces are unique. */
#define DP_NAME "netdev"

/* Flows of each shape, and how many more may be waiting to be deleted. */
#define MAX_FLOWS 65536
#define MAX_DYING 1024
#define MAX_DEVICES 4096

/* What a new flow is taken to have, in packets/s, as XDP does not know what it
 * has in software: it takes the place of one that has nothing, but of no
 * other. */
#define NEW_HEAT 2

/* How long flows that are to be deleted wait for others, how often masks are
 * put in order, and how often the lease is renewed, in ms. */
#define REAP_DELAY 20
#define CARE_INTERVAL 1000
#define RENEW_INTERVAL 2000
#define RETRY_INTERVAL 10

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

static struct xdp_dp *dp OVS_GUARDED_BY(mutex);
static struct xdp_table *table OVS_GUARDED_BY(mutex);
static struct hmap ports OVS_GUARDED_BY(mutex) = HMAP_INITIALIZER(&ports);
static bool all_disabled OVS_GUARDED_BY(mutex);
static bool running OVS_GUARDED_BY(mutex);      /* The thread. */
static bool leaving OVS_GUARDED_BY(mutex);      /* xdp_offload_leave(). */

/* Retired rules, which are not in 'table' any more. */
static struct ovs_list dying OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&dying);
static size_t n_dying OVS_GUARDED_BY(mutex);

/* What is captured: as configured, and if that works. */
static struct xdp_offload_capture capture_config OVS_GUARDED_BY(mutex);
static struct xdp_capture *capture OVS_GUARDED_BY(mutex);

/* Changes when the thread has something to do. */
static struct seq *wake;

static atomic_count n_open = ATOMIC_COUNT_INIT(0);     /* Programs. */
static long long int next_renewal;      /* Of the main loop. */

/* Finding. */

static struct port *
find_port(const void *owner)
    OVS_REQUIRES(mutex)
{
    struct port *port;

    HMAP_FOR_EACH_WITH_HASH (port, node, hash_pointer(owner, 0), &ports) {
        if (port->owner == owner) {
            return port;
        }
    }
    return NULL;
}

static struct port *
find_open_port(const void *owner)
    OVS_REQUIRES(mutex)
{
    struct port *port = owner ? find_port(owner) : NULL;

    return port && port->xdp ? port : NULL;
}

static struct entry *
find_entry(const struct port *port, const ovs_u128 *ufid)
    OVS_REQUIRES(mutex)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, ufid->u32[0], &port->entries) {
        if (ovs_u128_equals(e->ufid, *ufid)) {
            return e;
        }
    }
    return NULL;
}

static struct entry *
find_flow(const void *owner, const ovs_u128 *ufid)
    OVS_REQUIRES(mutex)
{
    struct port *port = find_port(owner);

    return port ? find_entry(port, ufid) : NULL;
}

/* Counting. */

static void
add_counts(struct entry *e, struct xdp_rule *rule,
           const struct ovs_xdp_flow *flow, long long int now)
    OVS_REQUIRES(mutex)
{
    uint64_t n_packets, n_bytes;

    if (flow->n_packets < rule->n_packets) {
        return;                 /* It was not there. */
    }
    xdp_rule_read(table, rule, flow, now, &n_packets, &n_bytes);
    e->n_packets += n_packets;
    e->n_bytes += n_bytes;
    if (n_packets) {
        e->used = now;
    }
}

void
xdp_offload_read_entry(struct entry *e)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct ovs_xdp_flow flow;

    if (e->rule && !xdp_dp_read(dp, e->rule->shape, &e->rule->key, &flow)) {
        add_counts(e, e->rule, &flow, time_msec());
    }
}

/* Nobody will be told what of the flow nobody was told of yet. */
static void
give_up_counts(struct entry *e)
    OVS_REQUIRES(mutex)
{
    e->port->late_packets += e->n_packets - e->shared_packets;
    e->port->late_bytes += e->n_bytes - e->shared_bytes;
    e->shared_packets = e->n_packets;
    e->shared_bytes = e->n_bytes;
}

static void
free_entry(struct entry *e)
    OVS_REQUIRES(mutex)
{
    ovs_assert(!e->rule && !e->n_dying);
    give_up_counts(e);
    hmap_remove(&e->port->entries, &e->node);
    free(e);
}

/* Frees it if there is no reason to keep it. */
static void
forget_entry(struct entry *e, long long int now)
    OVS_REQUIRES(mutex)
{
    if (e->deleted && !e->n_dying
        && (e->n_packets == e->shared_packets || now >= e->forget)) {
        free_entry(e);
    }
}

/* Taking flows away. */

/* Deletes the retired rules. */
static void
reap(void)
    OVS_REQUIRES(mutex)
{
    enum ovs_xdp_shape *shapes;
    struct ovs_xdp_flow *flows;
    union ovs_xdp_key *keys;
    struct xdp_rule *rule;
    long long int now;
    size_t n = 0;
    int error;

    if (!n_dying) {
        return;
    }
    shapes = xcalloc(n_dying, sizeof *shapes);
    keys = xcalloc(n_dying, sizeof *keys);
    flows = xcalloc(n_dying, sizeof *flows);
    LIST_FOR_EACH (rule, list_node, &dying) {
        shapes[n] = rule->shape;
        keys[n++] = rule->key;
    }
    error = xdp_dp_remove(dp, shapes, keys, flows, n);
    if (error) {
        /* They match no packet; what is left of them are their counts. */
        VLOG_WARN_RL(&rl, "deleting %"PRIuSIZE" flows of XDP failed (%s)", n,
                     ovs_strerror(error));
    }
    now = time_msec();
    n = 0;
    LIST_FOR_EACH_POP (rule, list_node, &dying) {
        struct entry *e = rule->aux;

        add_counts(e, rule, &flows[n++], now);
        e->n_dying--;
        forget_entry(e, now);
        xdp_rule_free(rule);
    }
    n_dying = 0;
    free(shapes);
    free(keys);
    free(flows);
}

/* Has 'rule' match no packets any more.  It is not in the table now. */
static void
bury(struct xdp_rule *rule)
    OVS_REQUIRES(mutex)
{
    struct entry *e = rule->aux;

    if (leaving) {
        /* It goes on for as long as the program does. */
        e->rule = NULL;
        e->port->n_rules--;
        xdp_rule_free(rule);
        return;
    }
    xdp_dp_retire(dp, rule->shape, &rule->key);
    e->rule = NULL;
    e->port->n_rules--;
    e->n_dying++;
    ovs_list_push_back(&dying, &rule->list_node);
    if (!n_dying++) {
        seq_change(wake);
    }
}

static void
bury_evicted(struct ovs_list *evicted)
    OVS_REQUIRES(mutex)
{
    struct xdp_rule *rule;

    LIST_FOR_EACH_POP (rule, list_node, evicted) {
        struct entry *e = rule->aux;

        e->port->n_evicted++;
        bury(rule);
    }
}

static void
take_out(struct entry *e)
    OVS_REQUIRES(mutex)
{
    if (e->rule) {
        struct xdp_rule *rule = e->rule;

        xdp_table_remove(table, rule);
        bury(rule);
        if (n_dying >= MAX_DYING) {
            reap();
        }
    }
}

/* How long a flow that was deleted waits for those who have not asked for its
 * last counts yet, in ms. */
#define FORGET_AFTER 5000

static void
delete_entry(struct entry *e)
    OVS_REQUIRES(mutex)
{
    long long int now = time_msec();

    take_out(e);
    e->deleted = true;
    e->forget = now + FORGET_AFTER;
    forget_entry(e, now);
}

/* Putting flows in. */

static int
publish(struct port *port)
    OVS_REQUIRES(mutex)
{
    struct ovs_xdp_tables tables;
    int error;

    memset(&tables, 0, sizeof tables);
    xdp_table_port_tables(port->table, &tables);
    xdp_blocked_get_lengths(&tables);
    error = xdp_port_publish(port->xdp, &tables);
    if (!error) {
        xdp_table_port_published(port->table);
    }
    return error;
}

static int
insert_rule(struct port *port, struct xdp_rule *rule)
    OVS_REQUIRES(mutex)
{
    const struct ovs_xdp_flow flow = {
        .action = rule->action.type,
        .port = odp_to_u32(rule->action.port),
        .rewrite = rule->action.rewrite,
    };
    int error;

    if (xdp_table_port_stale(port->table)) {
        error = publish(port);
        if (error) {
            return error;
        }
    }
    xdp_port_admit(port->xdp, rule->shape, &rule->key);
    error = xdp_dp_insert(dp, rule->shape, &rule->key, &flow);
    if (error == EEXIST && n_dying) {
        /* One like it is there, but is about to go. */
        reap();
        error = xdp_dp_insert(dp, rule->shape, &rule->key, &flow);
    }
    return error;
}

static int
put_in(struct entry *e, uint64_t heat)
    OVS_REQUIRES(mutex)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct port *port = e->port;
    struct xdp_rule *rule;
    int error;

    error = xdp_table_add(port->table, &e->flow, &e->action, heat,
                          time_msec(), e, &rule, &evicted);
    if (error) {
        return error;
    }
    e->rule = rule;
    port->n_rules++;
    bury_evicted(&evicted);
    error = insert_rule(port, rule);
    if (error) {
        xdp_table_remove(table, rule);
        xdp_rule_free(rule);
        e->rule = NULL;
        port->n_rules--;
    }
    return error;
}

static void
count_refusal(struct port *port, const char *reason)
    OVS_REQUIRES(mutex)
{
    uint64_t *n = shash_find_data(&port->refusals, reason);

    if (!n) {
        n = xzalloc(sizeof *n);
        shash_add(&port->refusals, reason, n);
    }
    *n += 1;
}

/* Counts that 'error' has kept a flow in software. */
static void
count_error(struct port *port, int error)
    OVS_REQUIRES(mutex)
{
    if (error == ENOSPC || error == E2BIG) {
        if (!port->n_full++) {
            VLOG_INFO("%s: XDP has no room for more %s; flows that do not fit "
                      "in stay in software", port->name,
                      error == ENOSPC ? "masks" : "flows");
        }
    } else if (error == EEXIST) {
        count_refusal(port, "another flow matches the same");
    } else {
        VLOG_WARN_RL(&rl, "%s: putting a flow into XDP failed (%s)",
                     port->name, ovs_strerror(error));
    }
}

static bool
takes_frames(const struct port *port)
    OVS_REQUIRES(mutex)
{
    return port->config.redirect && !port->config.generic;
}

/* Lets frames go to 'port', known as 'port_no'. */
static bool
use_device(struct port *port, odp_port_t port_no)
    OVS_REQUIRES(mutex)
{
    int error = xdp_dp_set_device(dp, odp_to_u32(port_no),
                                  port->config.ifindex);

    if (error) {
        VLOG_WARN_RL(&rl, "%s: XDP cannot send to the port (%s)", port->name,
                     ovs_strerror(error));
        return false;
    }
    port->device = port_no;
    return true;
}

/* Can 'port' send frames to the port 'out', known as 'port_no'?  Returns NULL
 * or why not. */
static const char *
reach_device(const struct port *port, const void *out, odp_port_t port_no)
    OVS_REQUIRES(mutex)
{
    struct port *to = find_open_port(out);

    if (!to) {
        return "outputs to a port that is not in XDP";
    } else if (!takes_frames(to)) {
        return "outputs to a port without options:xdp-redirect=true";
    } else if (port->config.generic) {
        return "outputs from a port in generic mode";
    }
    return (to->device == port_no || use_device(to, port_no)
            ? NULL : "outputs to a port for which there is no room");
}

/* Makes '*flow' and '*action' of a flow.  Returns NULL or what XDP cannot
 * do. */
static const char *
translate(const struct port *port, const struct match *match,
          const struct nlattr *actions, size_t actions_len, const void *out,
          struct xdp_flow *flow, struct xdp_flow_action *action)
    OVS_REQUIRES(mutex)
{
    const char *refusal;

    refusal = xdp_flow_from_flow(&match->flow, &match->wc,
                                 match->flow.in_port.odp_port, flow);
    if (!refusal) {
        refusal = xdp_flow_from_actions(actions, actions_len, flow->family,
                                        action);
    }
    if (!refusal && action->type == OVS_XDP_REDIRECT) {
        refusal = reach_device(port, out, action->port);
    }
    return refusal;
}

static struct entry *
add_entry(struct port *port, const ovs_u128 *ufid)
    OVS_REQUIRES(mutex)
{
    struct entry *e = xzalloc(sizeof *e);

    e->port = port;
    e->ufid = *ufid;
    hmap_insert(&port->entries, &e->node, ufid->u32[0]);
    return e;
}

static bool
is_same(const struct entry *e, const struct xdp_flow *flow,
        const struct xdp_flow_action *action)
{
    return (e->rule && e->action.type == action->type
            && e->action.port == action->port
            && !memcmp(&e->action.rewrite, &action->rewrite,
                       sizeof action->rewrite)
            && e->flow.shape == flow->shape && e->flow.proto == flow->proto
            && !memcmp(&e->flow.mask, &flow->mask, sizeof flow->mask)
            && !memcmp(&e->flow.key, &flow->key, sizeof flow->key));
}

static int
put_flow(struct port *port, const ovs_u128 *ufid, const struct match *match,
         const struct nlattr *actions, size_t actions_len, const void *out)
    OVS_REQUIRES(mutex)
{
    struct entry *e = find_entry(port, ufid);
    struct xdp_flow_action action;
    struct xdp_flow flow;
    const char *refusal;
    int error;

    refusal = translate(port, match, actions, actions_len, out, &flow,
                        &action);
    if (!refusal && e && !e->deleted && is_same(e, &flow, &action)) {
        return 0;
    }
    if (e) {
        /* Whatever comes of it, what it was ends now. */
        take_out(e);
        e->wanted = false;
    }
    if (refusal) {
        VLOG_DBG("%s: a flow is not in XDP: it %s", port->name, refusal);
        count_refusal(port, refusal);
        return EOPNOTSUPP;
    }

    if (!e) {
        e = add_entry(port, ufid);
    } else if (e->deleted) {
        /* Another life: the counts of the former are not its own. */
        e->deleted = false;
        if (e->n_dying) {
            reap();
        }
        give_up_counts(e);
    }
    e->flow = flow;
    e->action = action;
    e->wanted = true;
    error = put_in(e, NEW_HEAT);
    if (error) {
        count_error(port, error);
        delete_entry(e);
    }
    return error;
}

int
xdp_offload_put(const void *owner, const ovs_u128 *ufid,
                const struct match *match, const struct nlattr *actions,
                size_t actions_len, const void *out)
{
    struct port *port;
    int error;

    ovs_mutex_lock(&mutex);
    port = find_open_port(owner);
    error = port ? put_flow(port, ufid, match, actions, actions_len, out)
            : EOPNOTSUPP;
    ovs_mutex_unlock(&mutex);
    return error;
}

int
xdp_offload_del(const void *owner, const ovs_u128 *ufid)
{
    struct entry *e;
    int error = ENOENT;

    ovs_mutex_lock(&mutex);
    e = find_flow(owner, ufid);
    if (e && !e->deleted) {
        delete_entry(e);
        error = 0;
    }
    ovs_mutex_unlock(&mutex);
    return error;
}

static void
flush_port(struct port *port)
    OVS_REQUIRES(mutex)
{
    struct entry *e;

    HMAP_FOR_EACH (e, node, &port->entries) {
        e->deleted = true;
        e->forget = 0;
        if (e->rule) {
            xdp_table_remove(table, e->rule);
            bury(e->rule);
        }
    }
    reap();
    HMAP_FOR_EACH_SAFE (e, node, &port->entries) {
        free_entry(e);
    }
}

void
xdp_offload_flush(const void *owner)
{
    struct port *port;

    ovs_mutex_lock(&mutex);
    port = find_port(owner);
    if (port) {
        flush_port(port);
    }
    ovs_mutex_unlock(&mutex);
}

/* Reading flows. */

static void
put_stats(uint64_t n_packets, uint64_t n_bytes, const struct entry *e,
          struct dpif_flow_stats *stats, struct dpif_flow_attrs *attrs)
    OVS_REQUIRES(mutex)
{
    bool in_xdp = (e && e->rule && xdp_port_is_enabled(e->port->xdp)
                   && !xdp_port_took_over(e->port->xdp));

    memset(stats, 0, sizeof *stats);
    stats->n_packets = n_packets;
    stats->n_bytes = n_bytes;
    stats->used = e ? e->used : 0;
    attrs->offloaded = in_xdp;
    attrs->dp_layer = in_xdp ? "xdp" : "ovs";
}

void
xdp_offload_get(const void *owner, const ovs_u128 *ufid,
                struct xdp_offload_share *share,
                struct dpif_flow_stats *stats, struct dpif_flow_attrs *attrs)
{
    struct entry *e;

    ovs_mutex_lock(&mutex);
    e = find_flow(owner, ufid);
    if (e) {
        xdp_offload_read_entry(e);
        share->n_packets += e->n_packets - e->shared_packets;
        share->n_bytes += e->n_bytes - e->shared_bytes;
        e->shared_packets = e->n_packets;
        e->shared_bytes = e->n_bytes;
    }
    put_stats(share->n_packets, share->n_bytes, e, stats, attrs);
    if (e) {
        forget_entry(e, time_msec());
    }
    ovs_mutex_unlock(&mutex);
}

int
xdp_offload_total(const void *owner, const ovs_u128 *ufid,
                  struct dpif_flow_stats *stats, struct dpif_flow_attrs *attrs)
{
    struct entry *e;

    ovs_mutex_lock(&mutex);
    e = find_flow(owner, ufid);
    if (e) {
        xdp_offload_read_entry(e);
        put_stats(e->n_packets, e->n_bytes, e, stats, attrs);
    }
    ovs_mutex_unlock(&mutex);
    return e ? 0 : ENOENT;
}

size_t
xdp_offload_count(const void *owner)
{
    struct port *port;
    size_t n;

    ovs_mutex_lock(&mutex);
    port = find_port(owner);
    n = port ? port->n_rules : 0;
    ovs_mutex_unlock(&mutex);
    return n;
}

/* The thread. */

/* Puts flows into XDP that were there already, if there is room for them. */
static void
put_back(struct port *port)
    OVS_REQUIRES(mutex)
{
    struct entry *e;

    if (!port->xdp || port->n_rules == hmap_count(&port->entries)) {
        return;
    }
    HMAP_FOR_EACH (e, node, &port->entries) {
        if (!e->rule && e->wanted && !e->deleted
            && e->action.type == OVS_XDP_DROP
            && put_in(e, 0)) {
            break;
        }
    }
}

static void
care_for(struct port *port, long long int now)
    OVS_REQUIRES(mutex)
{
    struct entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &port->entries) {
        forget_entry(e, now);
    }
    put_back(port);
    if (port->xdp && xdp_table_port_stale(port->table)) {
        int error = publish(port);

        if (error) {
            VLOG_WARN_RL(&rl, "%s: ordering the masks of XDP failed (%s)",
                         port->name, ovs_strerror(error));
        }
    }
}

static void *
thread_main(void *aux OVS_UNUSED)
{
    long long int next_care = 0;

    for (;;) {
        uint64_t seqno = seq_read(wake);
        struct port *port;

        ovs_mutex_lock(&mutex);
        reap();
        if (time_msec() >= next_care) {
            HMAP_FOR_EACH (port, node, &ports) {
                care_for(port, time_msec());
            }
            next_care = time_msec() + CARE_INTERVAL;
        }
        if (!hmap_is_empty(&ports)) {
            poll_timer_wait_until(next_care);
        }
        ovs_mutex_unlock(&mutex);

        seq_wait(wake, seqno);
        poll_block();
        xnanosleep(REAP_DELAY * UINT64_C(1000000));
    }
    return NULL;
}

/* Ports. */

static int
start(char **errorp)
    OVS_REQUIRES(mutex)
{
    struct xdp_dp_config config = {
        .max_flows = MAX_FLOWS + MAX_DYING,
        .max_prefixes = XDP_MAX_BLOCKED,
        .max_devices = MAX_DEVICES,
    };
    struct xdp_table_limits limits;
    int error;

    if (dp) {
        return 0;
    }
    for (size_t i = 0; i < OVS_XDP_N_SHAPES; i++) {
        limits.max_rules[i] = MAX_FLOWS;
    }
    error = xdp_dp_create(&config, &dp, errorp);
    if (error) {
        return error;
    }
    table = xdp_table_create(&limits);
    xdp_blocked_start(dp);
    if (!running) {
        running = true;
        wake = seq_create();
        ovs_thread_create("xdp_offload", thread_main, NULL);
    }
    return 0;
}

static void
close_port(struct port *port)
    OVS_REQUIRES(mutex)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct xdp_rule *rule;

    if (!port->xdp) {
        return;
    }
    if (leaving) {
        xdp_port_leave(port->xdp);
    } else {
        if (port->device != ODPP_NONE) {
            xdp_dp_set_device(dp, odp_to_u32(port->device), 0);
        }
        xdp_port_close(port->xdp);
    }
    port->xdp = NULL;
    atomic_count_dec(&n_open);
    xdp_table_port_remove(port->table, &evicted);
    port->table = NULL;
    LIST_FOR_EACH_POP (rule, list_node, &evicted) {
        bury(rule);
    }
    reap();
}

/* Has all programs capture what is configured, once there is one. */
static void
run_capture(void)
    OVS_REQUIRES(mutex)
{
    struct port *port;

    if (!capture && capture_config.ring && atomic_count_get(&n_open)) {
        char *error;

        if (xdp_capture_start(xdp_dp_samples(dp), capture_config.ring,
                              &capture, &error)) {
            VLOG_WARN_RL(&rl, "%s: dropped packets are not captured", error);
            free(error);
        }
    }
    HMAP_FOR_EACH (port, node, &ports) {
        if (port->xdp) {
            xdp_port_capture(port->xdp, capture ? capture_config.one_of : 0,
                             capture_config.max_len);
        }
    }
}

static int
open_port(struct port *port, char **errorp)
    OVS_REQUIRES(mutex)
{
    const struct xdp_port_config config = {
        .dp_name = DP_NAME,
        .name = port->name,
        .ifindex = port->config.ifindex,
        .n_queues = port->config.n_queues,
        .generic = port->config.generic,
        .parallel = port->config.parallel,
        .policy = port->config.policy,
    };
    int error;

    error = start(errorp);
    if (!error) {
        error = xdp_port_open(dp, &config, &port->xdp, errorp);
    }
    if (error) {
        return error;
    }
    atomic_count_inc(&n_open);
    run_capture();
    port->table = xdp_table_port_add(table, NULL);
    xdp_port_enable(port->xdp, !port->disabled);
    xdp_port_renew(port->xdp, XDP_OFFLOAD_LEASE_MS);
    error = publish(port);
    if (error) {
        *errorp = xasprintf("%s: publishing the tables of XDP failed (%s)",
                            port->name, ovs_strerror(error));
        close_port(port);
        return error;
    }
    if (port->device != ODPP_NONE && takes_frames(port)) {
        /* Flows of other ports still have it. */
        use_device(port, port->device);
    }
    put_back(port);
    return 0;
}

int
xdp_offload_open(const void *owner, const struct xdp_offload_config *config,
                 char **errorp)
{
    struct port *port;
    int error = 0;

    *errorp = NULL;
    ovs_mutex_lock(&mutex);
    port = find_port(owner);
    if (!port) {
        port = xzalloc(sizeof *port);
        port->owner = owner;
        port->name = xstrdup(config->name);
        port->disabled = all_disabled;
        port->device = ODPP_NONE;
        hmap_init(&port->entries);
        shash_init(&port->refusals);
        hmap_insert(&ports, &port->node, hash_pointer(owner, 0));
    }
    if (port->xdp && port->config.generic != config->generic) {
        close_port(port);
    }
    if (!port->xdp) {
        port->config = *config;
        port->config.name = port->name;
        error = open_port(port, errorp);
        free(port->error);
        port->error = nullable_xstrdup(*errorp);
    }
    ovs_mutex_unlock(&mutex);
    return error;
}

void
xdp_offload_close(const void *owner)
{
    struct port *port;

    ovs_mutex_lock(&mutex);
    port = find_port(owner);
    if (port) {
        close_port(port);
    }
    ovs_mutex_unlock(&mutex);
}

void
xdp_offload_forget(const void *owner)
{
    struct port *port;

    ovs_mutex_lock(&mutex);
    port = find_port(owner);
    if (port) {
        flush_port(port);
        close_port(port);
        hmap_remove(&ports, &port->node);
        hmap_destroy(&port->entries);
        shash_destroy_free_data(&port->refusals);
        free(port->error);
        free(port->name);
        free(port);
    }
    ovs_mutex_unlock(&mutex);
}

void
xdp_offload_leave(void)
{
    const struct xdp_offload_capture none = { .ring = 0 };

    xdp_offload_set_capture(&none);
    ovs_mutex_lock(&mutex);
    reap();
    leaving = true;
    ovs_mutex_unlock(&mutex);
}

bool
xdp_offload_is_open(const void *owner)
{
    bool is_open;

    ovs_mutex_lock(&mutex);
    is_open = find_open_port(owner) != NULL;
    ovs_mutex_unlock(&mutex);
    return is_open;
}

bool
xdp_offload_has_ifindex(int ifindex)
{
    struct port *port;
    bool found = false;

    ovs_mutex_lock(&mutex);
    HMAP_FOR_EACH (port, node, &ports) {
        found |= port->xdp && port->config.ifindex == ifindex;
    }
    ovs_mutex_unlock(&mutex);
    return found;
}

void
xdp_offload_set_socket(const void *owner, unsigned int queue, int fd)
{
    struct port *port;

    ovs_mutex_lock(&mutex);
    port = find_open_port(owner);
    if (port) {
        int error = xdp_port_set_socket(port->xdp, queue, fd);

        if (error) {
            VLOG_ERR("%s: XDP has no socket for queue %u (%s)", port->name,
                     queue, ovs_strerror(error));
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
xdp_offload_run(bool commit)
{
    struct port *port;

    if (!atomic_count_get(&n_open) || time_msec() < next_renewal) {
        return;
    }
    if (ovs_mutex_trylock(&mutex)) {
        /* Whoever has it will not have it for long; the lease is long. */
        next_renewal = time_msec() + RETRY_INTERVAL;
        return;
    }
    HMAP_FOR_EACH (port, node, &ports) {
        if (!port->xdp) {
            continue;
        }
        xdp_port_renew(port->xdp, XDP_OFFLOAD_LEASE_MS);
        if (commit && xdp_port_took_over(port->xdp)) {
            int error = xdp_port_commit(port->xdp);

            if (error) {
                VLOG_WARN_RL(&rl, "%s: replacing the XDP program that was "
                             "found failed (%s)", port->name,
                             ovs_strerror(error));
            } else {
                VLOG_INFO("%s: took over from the XDP program that was found",
                          port->name);
            }
        }
    }
    ovs_mutex_unlock(&mutex);
    next_renewal = time_msec() + RENEW_INTERVAL;
}

void
xdp_offload_wait(void)
{
    if (atomic_count_get(&n_open)) {
        poll_timer_wait_until(next_renewal);
    }
}

/* For those who operate it. */

int
xdp_offload_enable(const char *name, bool enable)
{
    int error = name ? ENOENT : 0;
    struct port *port;

    ovs_mutex_lock(&mutex);
    if (!name) {
        all_disabled = !enable;
    }
    HMAP_FOR_EACH (port, node, &ports) {
        if (!name || !strcmp(port->name, name)) {
            port->disabled = !enable;
            if (port->xdp) {
                xdp_port_enable(port->xdp, enable);
            }
            error = 0;
        }
    }
    ovs_mutex_unlock(&mutex);
    return error;
}

static int
compare_ports(const void *a, const void *b)
{
    return strcmp((*(struct port *const *) a)->name,
                  (*(struct port *const *) b)->name);
}

struct json *
xdp_offload_each_port(struct json *(*format)(struct port *))
{
    struct json *array = json_array_create_empty();
    struct port **list;
    struct port *port;
    size_t n = 0;

    ovs_mutex_lock(&mutex);
    list = xcalloc(hmap_count(&ports) + 1, sizeof *list);
    HMAP_FOR_EACH (port, node, &ports) {
        list[n++] = port;
    }
    qsort(list, n, sizeof *list, compare_ports);
    for (size_t i = 0; i < n; i++) {
        json_array_add(array, format(list[i]));
    }
    ovs_mutex_unlock(&mutex);
    free(list);
    return array;
}

void
xdp_offload_set_blocked(const struct xdp_prefix *prefixes, size_t n)
{
    struct port *port;

    ovs_mutex_lock(&mutex);
    if (xdp_blocked_set(prefixes, n)) {
        HMAP_FOR_EACH (port, node, &ports) {
            int error = port->xdp ? publish(port) : 0;

            if (error) {
                VLOG_ERR("%s: publishing what is blocked failed (%s)",
                         port->name, ovs_strerror(error));
            }
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
xdp_offload_set_capture(const struct xdp_offload_capture *config)
{
    ovs_mutex_lock(&mutex);
    if (config->ring != capture_config.ring) {
        xdp_capture_stop(capture);
        capture = NULL;
    }
    capture_config = *config;
    run_capture();
    ovs_mutex_unlock(&mutex);
}

struct json *
xdp_offload_list_blocked(void)
{
    struct json *list;

    ovs_mutex_lock(&mutex);
    list = xdp_blocked_list();
    ovs_mutex_unlock(&mutex);
    return list;
}
#endif /* XDP_OFFLOAD */
