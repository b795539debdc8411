/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-vrf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "connectivity.h"
#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "icmp-error.h"
#include "netdev-vrf-private.h"
#include "odp-util.h"
#include "openvswitch/poll-loop.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-counters.h"
#include "vrf-limit.h"
#include "vrf-mode.h"
#include "vrf-neigh-ask.h"
#include "vrf-port.h"
#include "vrf-source.h"
#include "vrf-way-action.h"
#include "vrf-way.h"
#include "vrf.h"

/* A port of a datapath, of the main thread. */
struct port {
    struct ovs_list node;       /* In struct netdev_vrf. */
    struct netdev_vrf *nv;
    odp_port_t port_no;
    const struct netdev *netdev;
};

/* Translation of flows, in any thread. */

bool
netdev_vrf_find_way(const struct dpif *dpif, odp_port_t in_port, uint32_t mark,
                    const struct vrf_packet *p,
                    struct ovs_action_vrf_way *way, uint32_t *mark_mask)
{
    struct netdev_vrf *nv = dpif_netdev_extension(dpif, DP_NETDEV_EXT_VRF);
    const struct vrf_dp_ports *ports;
    const struct vrf_context *c;
    struct vrf_path_way w;
    bool found = false;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    if (!ports) {
        return false;
    }
    ovs_mutex_lock(&nv->translation_mutex);
    if (!nv->translation_path) {
        nv->translation_path = vrf_path_create();
    }
    if (vrf_path_begin(nv->translation_path, ports)) {
        c = vrf_path_context(nv->translation_path, way->vrf.id, way->table,
                             in_port, mark, false);
        found = c->known;
        if (found) {
            vrf_path_find_way(nv->translation_path, c, p, &w);
            vrf_way_fill_in(way, p, &w);
            *mark_mask = w.used.mark_mask;
        }
    }
    ovs_mutex_unlock(&nv->translation_mutex);
    return found;
}

/* The main thread. */

/* Has 'packet' go on by its metadata. */
static void
put_made(struct netdev_vrf *nv, struct dp_packet *packet)
{
    ovs_mutex_lock(&nv->mutex);
    vrf_packets_put(&nv->made, packet);
    atomic_store_relaxed(&nv->n_made, nv->made.n - nv->made.first);
    ovs_mutex_unlock(&nv->mutex);
}

/* Has 'packet' routed, and what comes of that go on. */
static void
route_in_main(struct netdev_vrf *nv, struct dp_packet *packet,
              const struct ovs_action_vrf *action, uint32_t table,
              odp_port_t in_port, bool own)
{
    const struct vrf_dp_ports *ports;
    struct dp_netdev_extension_out out;
    struct vrf_packets more = { .p = NULL };
    struct dp_packet *p;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    if (!ports || !vrf_path_begin(nv->path, ports)) {
        dp_packet_delete(packet);
        return;
    }
    dp_netdev_extension_out_init(&out);
    netdev_vrf_route(nv, packet, action, table, in_port, own, &out, &more);
    DP_PACKET_BATCH_FOR_EACH (i, p, &out.received) {
        put_made(nv, p);
    }
    while (more.first < more.n) {
        put_made(nv, more.p[more.first++]);
    }
    free(more.p);

    DP_PACKET_BATCH_FOR_EACH (i, p, &out.sent) {
        /* To the host, from the host. */
        dp_packet_delete(p);
    }
}

/* The VRF by which the sender of the packet is told: that of the port on which
 * it came in, if it is in one. */
static uint16_t
ingress_vrf(const struct netdev_vrf *nv, const struct exception *e)
{
    const struct vrf_dp_ports *ports;
    const struct vrf_dp_port *port;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    port = ports ? vrf_dp_ports_find(ports, e->in_port) : NULL;
    return port && port->vrf != VRF_DEFAULT_ID ? port->vrf : e->action.id;
}

/* Finds the source of an error about 'p' to its sender. */
static bool
error_source(struct netdev_vrf *nv, uint16_t vrf, const struct vrf_packet *p,
             struct in6_addr *source)
{
    const struct vrf_dp_ports *ports;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    return (ports && vrf_path_begin(nv->path, ports)
            && vrf_source_to(nv->path, ports, vrf, p->family, &p->src,
                             source));
}

/* Sends the error that 'e' is about, if that may be. */
static void
send_error(struct netdev_vrf *nv, struct exception *e)
{
    uint16_t vrf = ingress_vrf(nv, e);
    struct in6_addr receiver, source;
    struct ovs_action_vrf action;
    struct vrf_packet p;
    enum icmp_error error;
    unsigned int counter;

    if (!vrf_outcome_error(e->outcome, &error)
        || vrf_packet_parse(e->packet, &p) != VRF_PACKET_GOOD) {
        return;
    }
    receiver = vrf_addr_to_in6(p.family, &p.src);
    if (icmp_error_bars(e->packet, error)) {
        counter = VRF_COUNT_BARRED + error;
    } else if (!vrf_limit_allows(vrf, error, &receiver, time_msec())) {
        counter = VRF_COUNT_SUPPRESSED + error;
    } else if (!error_source(nv, vrf, &p, &source)) {
        counter = VRF_COUNT_NO_SOURCE;
    } else {
        counter = VRF_COUNT_SENT + error;
        if ((error == ICMP_ERROR_NEIGHBOUR
             || (error == ICMP_ERROR_TOO_BIG && p.family == VRF_IPV6))
            && !(e->action.flags & OVS_VRF_F_TTL_KEEP)) {
            /* What would have been sent is quoted, as Linux does it. */
            vrf_packet_dec_ttl(e->packet, &p);
        }
        memset(&action, 0, sizeof action);
        action.id = vrf;
        route_in_main(nv, icmp_error_compose(e->packet, error, e->mtu,
                                             &source),
                      &action, 0, ODPP_NONE, true);
    }
    vrf_counters_inc(vrf, p.family, counter, 1);
}

/* Next hops. */

static struct exception *
exception_of(struct vrf_neigh_item *item)
{
    return CONTAINER_OF(item, struct exception, item);
}

static enum vrf_neigh_state
neigh_state(const struct vrf_neigh_key *key, void *nv_)
{
    const struct vrf_db *db = vrf_get_db();
    const struct vrf_device *device;
    struct netdev_vrf *nv = nv_;
    const struct vrf_dp_ports *ports;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    device = db ? vrf_db_device(db, key->ifindex) : NULL;
    if (!device || !device->up || !ports
        || !vrf_dp_ports_by_ifindex(ports, key->ifindex)) {
        return VRF_NEIGH_GONE;
    }
    return (vrf_neighbour_is_good(vrf_db_neighbour(db, key->family,
                                                   key->ifindex, &key->addr))
            ? VRF_NEIGH_KNOWN : VRF_NEIGH_PENDING);
}

static void
neigh_ask(const struct vrf_neigh_key *key, void *nv OVS_UNUSED)
{
    vrf_neigh_ask(key->family, key->ifindex, &key->addr);
}

static void
neigh_go(struct vrf_neigh_item *item, void *nv)
{
    struct exception *e = exception_of(item);

    route_in_main(nv, e->packet, &e->action, e->table, e->in_port, e->own);
    free(e);
}

static void
neigh_fail(struct vrf_neigh_item *item, void *nv)
{
    struct exception *e = exception_of(item);
    enum vrf_family family = (((struct eth_header *)
                               dp_packet_data(e->packet))->eth_type
                              == htons(ETH_TYPE_IP) ? VRF_IPV4 : VRF_IPV6);

    e->outcome = VRF_NEIGH_FAILED;
    vrf_counters_inc(e->action.id, family, VRF_NEIGH_FAILED, 1);
    if (!e->own && e->action.recirc_id) {
        vrf_counters_inc(e->action.id, family, VRF_COUNT_ASIDE, 1);
        e->packet->md.recirc_id = e->action.recirc_id;
        put_made(nv, e->packet);
        e->packet = NULL;
    } else if (!e->own && !(e->action.flags & OVS_VRF_F_ERRORS_DROP)) {
        send_error(nv, e);
    }
    netdev_vrf_exception_free(e);
}

static void
neigh_drop(struct vrf_neigh_item *item, void *nv OVS_UNUSED)
{
    struct exception *e = exception_of(item);

    vrf_counters_inc(e->action.id, e->key.family, VRF_NEIGH_FULL, 1);
    netdev_vrf_exception_free(e);
}

static const struct vrf_neigh_queue_class queue_class = {
    .state = neigh_state,
    .ask = neigh_ask,
    .go = neigh_go,
    .fail = neigh_fail,
    .drop = neigh_drop,
};

/* Work of the main thread. */

/* Makes what threads know of ports anew. */
static void
update_ports(struct netdev_vrf *nv)
{
    struct vrf_dp_ports *old, *new;
    const struct port *port;
    static uint64_t serial;

    new = xzalloc(sizeof *new
                  + ovs_list_size(&nv->ports) * sizeof new->ports[0]);
    new->serial = ++serial;
    LIST_FOR_EACH (port, node, &nv->ports) {
        vrf_dp_port_init(&new->ports[new->n++], port->port_no, port->netdev);
    }
    vrf_dp_ports_sort(new);

    old = ovsrcu_get_protected(struct vrf_dp_ports *, &nv->live_ports);
    if (old && old->n == new->n
        && !memcmp(old->ports, new->ports, new->n * sizeof new->ports[0])) {
        free(new);
        return;
    }
    ovsrcu_set(&nv->live_ports, new);
    if (old) {
        ovsrcu_postpone(free, old);
    }
    vrf_mode_refresh();
}

/* Is anybody listening, so that there is something to do? */
static bool
is_in_use(void)
{
    return vrf_get_db() != NULL;
}

/* Moves what there is to 'exceptions'. */
static void
take_exceptions(struct netdev_vrf *nv, struct ovs_list *exceptions)
{
    bool any;

    ovs_list_init(exceptions);
    atomic_read_relaxed(&nv->has_exceptions, &any);
    if (any) {
        ovs_mutex_lock(&nv->mutex);
        ovs_list_push_back_all(exceptions, &nv->exceptions);
        nv->n_exceptions = 0;
        atomic_store_relaxed(&nv->has_exceptions, false);
        ovs_mutex_unlock(&nv->mutex);
    }
}

static void
run(void *nv_)
{
    uint64_t connectivity, ports, generation;
    struct vrf_neigh_item *item;
    struct netdev_vrf *nv = nv_;
    struct ovs_list exceptions;

    if (!is_in_use()) {
        return;
    }
    connectivity = seq_read(connectivity_seq_get());
    generation = vrf_get_generation();
    /* Who changes the picture of ports changes that afterwards. */
    ports = (generation == nv->generation ? nv->ports_seqno
             : seq_read(vrf_ports_get_seq()));
    if (!nv->queue) {
        nv->queue = vrf_neigh_queue_create(&queue_class, nv);
        nv->path = vrf_path_create();
    }
    if (nv->ports_changed || connectivity != nv->connectivity_seqno
        || ports != nv->ports_seqno) {
        nv->ports_changed = false;
        nv->connectivity_seqno = connectivity;
        nv->ports_seqno = ports;
        update_ports(nv);
    }

    take_exceptions(nv, &exceptions);
    LIST_FOR_EACH_POP (item, node, &exceptions) {
        struct exception *e = exception_of(item);

        if (!e->packet) {
            neigh_ask(&e->key, nv);
            netdev_vrf_exception_free(e);
        } else if (e->outcome == VRF_FORWARDED) {
            vrf_counters_inc(e->action.id, e->key.family,
                             VRF_COUNT_NEIGH_QUEUED, 1);
            vrf_neigh_queue_add(nv->queue, &e->key, &e->item, time_msec());
        } else {
            send_error(nv, e);
            netdev_vrf_exception_free(e);
        }
    }
    if (vrf_neigh_queue_deadline(nv->queue) != LLONG_MAX) {
        vrf_neigh_queue_run(nv->queue, generation != nv->generation,
                            time_msec());
    }
    nv->generation = generation;
}

static void
wait(void *nv_)
{
    struct netdev_vrf *nv = nv_;
    long long int deadline;
    uint64_t seqno;
    bool any;

    if (!is_in_use() || !nv->queue) {
        return;
    }
    seqno = seq_read(nv->seq);
    atomic_read_relaxed(&nv->has_exceptions, &any);
    if (any) {
        poll_immediate_wake();
    }
    seq_wait(nv->seq, seqno);
    deadline = vrf_neigh_queue_deadline(nv->queue);
    if (deadline != LLONG_MAX) {
        poll_timer_wait_until(deadline);
        if (vrf_get_generation() != nv->generation) {
            poll_immediate_wake();
        }
    }
}

/* Behind the door to the datapath. */

static void *
create(void)
{
    struct netdev_vrf *nv = xzalloc(sizeof *nv);

    ovs_refcount_init(&nv->refcnt);
    ovsrcu_init(&nv->live_ports, NULL);
    nv->seq = seq_create();
    ovs_mutex_init(&nv->mutex);
    ovs_mutex_init(&nv->translation_mutex);
    ovs_list_init(&nv->exceptions);
    atomic_init(&nv->n_made, 0);
    atomic_init(&nv->n_ready, 0);
    atomic_init(&nv->has_exceptions, false);
    ovs_list_init(&nv->ports);
    nv->ports_changed = true;
    return nv;
}

static void
unref(struct netdev_vrf *nv)
{
    struct vrf_neigh_item *item;

    if (ovs_refcount_unref(&nv->refcnt) != 1) {
        return;
    }
    LIST_FOR_EACH_POP (item, node, &nv->exceptions) {
        netdev_vrf_exception_free(exception_of(item));
    }
    vrf_packets_destroy(&nv->made);
    ovs_mutex_destroy(&nv->mutex);
    seq_destroy(nv->seq);
    ovsrcu_postpone(free, ovsrcu_get_protected(struct vrf_dp_ports *,
                                               &nv->live_ports));
    free(nv);
}

static void
destroy(void *nv_)
{
    struct netdev_vrf *nv = nv_;

    vrf_neigh_queue_destroy(nv->queue);
    vrf_path_destroy(nv->path);
    vrf_path_destroy(nv->translation_path);
    ovs_mutex_destroy(&nv->translation_mutex);
    unref(nv);
}

static void *
add_port(void *nv_, odp_port_t port_no, const struct netdev *netdev)
{
    struct netdev_vrf *nv = nv_;
    struct port *port = xmalloc(sizeof *port);

    port->nv = nv;
    port->port_no = port_no;
    port->netdev = netdev;
    ovs_list_push_back(&nv->ports, &port->node);
    nv->ports_changed = true;
    return port;
}

static void
remove_port(void *port_)
{
    struct port *port = port_;

    port->nv->ports_changed = true;
    ovs_list_remove(&port->node);
    free(port);
}

static void *
add_thread(void *nv_)
{
    struct vrf_thread *thread = xzalloc(sizeof *thread);
    struct netdev_vrf *nv = nv_;

    ovs_refcount_ref(&nv->refcnt);
    thread->nv = nv;
    for (size_t i = 0; i < N_ALLOWANCES; i++) {
        vrf_allowance_init(&thread->allowances[i]);
    }
    return thread;
}

static void
remove_thread(void *thread_)
{
    struct vrf_thread *thread = thread_;

    vrf_packets_destroy(&thread->ready);
    thread->ready.n = 0;
    netdev_vrf_tell_ready(thread);
    vrf_path_destroy(thread->path);
    unref(thread->nv);
    free(thread);
}

static bool
thread_poll(void *thread_, long long int now OVS_UNUSED,
            struct dp_packet_batch *batch)
{
    struct vrf_thread *thread = thread_;
    struct netdev_vrf *nv = thread->nv;
    size_t n_made;

    dp_packet_batch_init(batch);
    atomic_read_relaxed(&nv->n_made, &n_made);
    if (OVS_LIKELY(!thread->ready.n && !n_made)) {
        return false;
    }
    vrf_packets_take(&thread->ready, batch);
    netdev_vrf_tell_ready(thread);
    if (dp_packet_batch_is_empty(batch)) {
        ovs_mutex_lock(&nv->mutex);
        vrf_packets_take(&nv->made, batch);
        atomic_store_relaxed(&nv->n_made, nv->made.n - nv->made.first);
        ovs_mutex_unlock(&nv->mutex);
    }
    return !dp_packet_batch_is_empty(batch);
}

static void
thread_poll_wait(void *thread_)
{
    struct vrf_thread *thread = thread_;
    size_t n_made;

    atomic_read_relaxed(&thread->nv->n_made, &n_made);
    if (thread->ready.n || n_made) {
        poll_immediate_wake();
    }
}

static bool
may_poll(void *nv_)
{
    struct netdev_vrf *nv = nv_;
    unsigned int n_ready;
    size_t n_made;

    atomic_read_relaxed(&nv->n_ready, &n_ready);
    atomic_read_relaxed(&nv->n_made, &n_made);
    return n_ready || n_made;
}

const struct dp_netdev_extension netdev_vrf_extension = {
    .create = create,
    .destroy = destroy,
    .run = run,
    .wait = wait,
    .add_port = add_port,
    .remove_port = remove_port,
    .add_thread = add_thread,
    .remove_thread = remove_thread,
    .actions = {
        { &odp_vrf_class, netdev_vrf_execute },
        { &odp_vrf_way_class, netdev_vrf_execute_way },
    },
    .poll = thread_poll,
    .poll_wait = thread_poll_wait,
    .may_poll = may_poll,
};
