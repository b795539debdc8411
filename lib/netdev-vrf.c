/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-vrf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "connectivity.h"
#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "icmp-error.h"
#include "odp-util.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-allowance.h"
#include "vrf-counters.h"
#include "vrf-limit.h"
#include "vrf-mode.h"
#include "vrf-neigh-ask.h"
#include "vrf-neigh-queue.h"
#include "vrf-options.h"
#include "vrf-packets.h"
#include "vrf-path.h"
#include "vrf-port.h"
#include "vrf-source.h"
#include "vrf-take.h"
#include "vrf-way-action.h"
#include "vrf-way.h"
#include "vrf.h"

VLOG_DEFINE_THIS_MODULE(netdev_vrf);

/* Exceptions that wait for the main thread, and packets that it made. */
#define MAX_EXCEPTIONS 4096

/* A neighbour that is in use is confirmed this often, in milliseconds. */
#define CONFIRM_INTERVAL 10000

/* A port of a datapath, of the main thread. */
struct port {
    struct ovs_list node;       /* In struct netdev_vrf. */
    struct netdev_vrf *nv;
    odp_port_t port_no;
    const struct netdev *netdev;
};

/* A packet that the main thread has to do something about.  'item' comes
 * first; its list node is also that of the queue of exceptions. */
struct exception {
    struct vrf_neigh_item item;
    struct dp_packet *packet;   /* As it came in. */
    struct ovs_action_vrf action;
    uint32_t table;             /* See "struct ovs_action_vrf_way". */
    odp_port_t in_port;
    bool own;                   /* Made here. */

    enum vrf_outcome outcome;   /* VRF_FORWARDED if it is to wait for the next
                                 * hop, or what the error is to tell, or if
                                 * 'packet' is null, VRF_FORWARDED if the next
                                 * hop is to be confirmed. */
    uint32_t mtu;
    struct vrf_neigh_key key;
};

/* What threads have in common; it lives as long as one of them.  All members
 * but the first ones are the main thread's. */
struct netdev_vrf {
    struct ovs_refcount refcnt;
    OVSRCU_TYPE(struct vrf_dp_ports *) live_ports;
    struct seq *seq;            /* Changes when there are exceptions. */
    struct ovs_mutex mutex;
    struct ovs_list exceptions OVS_GUARDED_BY(mutex);
    size_t n_exceptions OVS_GUARDED_BY(mutex);
    atomic_bool has_exceptions; /* Is it not 0? */
    struct vrf_packets made OVS_GUARDED_BY(mutex);
    atomic_size_t n_made;       /* Packets in 'made'. */
    atomic_uint n_ready;        /* Threads that have packets to go on. */

    /* Of threads that translate flows. */
    struct ovs_mutex translation_mutex;
    struct vrf_path *translation_path OVS_GUARDED_BY(translation_mutex);

    struct ovs_list ports;
    bool ports_changed;
    uint64_t connectivity_seqno, ports_seqno;
    uint64_t generation;
    struct vrf_neigh_queue *queue;
    struct vrf_path *path;
};

#define N_ALLOWANCES 64

/* A thread that receives. */
struct vrf_thread {
    struct netdev_vrf *nv;
    struct vrf_path *path;      /* Null before the first packet. */
    struct vrf_packets ready;   /* To go on at the next poll. */
    bool has_ready;             /* Does it count among those that have any? */

    /* By number of VRF, of which several may have to share one. */
    struct vrf_allowance allowances[N_ALLOWANCES];
};

/* Of a thread that routes a batch. */
struct batch {
    struct netdev_vrf *nv;
    struct vrf_thread *thread;  /* Null in the main thread. */
    struct vrf_path *path;
    const struct ovs_action_vrf *action;
    uint32_t table;
    const struct vrf_context *context;
    struct dp_netdev_extension_out *out;
    struct vrf_packets *more;   /* For what 'out' has no room for. */
    bool first;                 /* Packets were not routed before. */
    uint32_t first_mark;        /* That of the first packet. */
    bool counted[VRF_N_FAMILIES];
    uint64_t counts[VRF_N_FAMILIES][VRF_N_COUNTS];
};

/* Exceptions. */

static void
exception_free(struct exception *e)
{
    dp_packet_delete(e->packet);
    free(e);
}

/* Queues 'e' for the main thread.  Returns false, and frees it, if there are
 * too many. */
static bool
queue_exception(struct netdev_vrf *nv, struct exception *e)
{
    bool first = false, full;

    ovs_mutex_lock(&nv->mutex);
    full = nv->n_exceptions >= MAX_EXCEPTIONS;
    if (!full) {
        ovs_list_push_back(&nv->exceptions, &e->item.node);
        first = !nv->n_exceptions++;
        atomic_store_relaxed(&nv->has_exceptions, true);
    }
    ovs_mutex_unlock(&nv->mutex);
    if (first) {
        seq_change(nv->seq);
    }
    if (full) {
        exception_free(e);
    }
    return !full;
}

/* Has the main thread see to it that next hop 'a' is still there. */
static void
confirm(struct netdev_vrf *nv, struct vrf_adjacency *a)
{
    long long int now = time_msec();
    struct exception *e;

    a->stale = false;
    if (now < a->confirm_after) {
        return;
    }
    a->confirm_after = now + CONFIRM_INTERVAL;
    e = xzalloc(sizeof *e);
    e->outcome = VRF_FORWARDED;
    e->key.family = a->family;
    e->key.ifindex = a->ifindex;
    e->key.addr = a->addr;
    queue_exception(nv, e);
}

/* Gives 'packet' to the main thread.  Returns false if there are too many. */
static bool
raise_exception(struct batch *b, struct dp_packet *packet, bool own,
                const struct vrf_verdict *v)
{
    struct exception *e;

    e = xzalloc(sizeof *e);
    e->item.vrf = b->action->id;
    e->item.bytes = dp_packet_size(packet);
    e->action = *b->action;
    e->table = b->table;
    e->in_port = packet->md.in_port.odp_port;
    e->own = own;
    e->outcome = v->outcome;
    e->mtu = v->mtu;
    if (v->outcome == VRF_FORWARDED) {
        e->key.family = v->adjacency->family;
        e->key.ifindex = v->adjacency->ifindex;
        e->key.addr = v->adjacency->addr;
    }
    /* Those of a port's own memory are few. */
    e->packet = packet;
    if (packet->source != DPBUF_MALLOC) {
        e->packet = dp_packet_clone(packet);
        dp_packet_delete(packet);
    }
    return queue_exception(b->nv, e);
}

/* Routing of one packet. */

static struct vrf_allowance *
allowance_of(struct batch *b)
{
    return &b->thread->allowances[b->action->id % N_ALLOWANCES];
}

static void
drop(struct batch *b, struct dp_packet *packet, enum vrf_family family,
     enum vrf_outcome outcome)
{
    b->counted[family] = true;
    b->counts[family][outcome]++;
    dp_packet_delete(packet);
}

/* Has the packet's sender told, or a controller. */
static void
answer(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p,
       bool own, const struct vrf_verdict *v)
{
    uint64_t *counts = b->counts[p->family];
    enum icmp_error error;

    counts[v->outcome]++;
    if (!vrf_outcome_error(v->outcome, &error) || own
        || b->action->flags & OVS_VRF_F_ERRORS_DROP) {
        dp_packet_delete(packet);
    } else if (b->thread && !vrf_allowance_error(allowance_of(b), error)) {
        counts[VRF_COUNT_SUPPRESSED + error]++;
        dp_packet_delete(packet);
    } else if (b->action->recirc_id) {
        counts[VRF_COUNT_ASIDE]++;
        packet->md.recirc_id = b->action->recirc_id;
        vrf_packets_put(b->more, packet);
    } else if (!raise_exception(b, packet, own, v)) {
        counts[VRF_COUNT_SUPPRESSED + error]++;
    }
}

/* Sends 'packet' by 'a', finished; 'group' and 'tcp_flags' are what
 * dp_netdev_extension_receive() takes. */
static inline void
put_on_way(struct batch *b, struct dp_packet *packet,
           const struct vrf_adjacency *a, uint64_t group, uint16_t tcp_flags)
{
    uint32_t mark = b->action->mark ? b->action->mark : packet->md.pkt_mark;

    pkt_metadata_init(&packet->md, a->port_no);
    packet->md.pkt_mark = mark;
    if (OVS_LIKELY(!dp_packet_batch_is_full(&b->out->received))) {
        dp_netdev_extension_receive(b->out, packet, group, tcp_flags);
    } else {
        vrf_packets_put(b->more, packet);
    }
}

/* Returns the number of the group that 'packet' is in, which goes by 'a', and
 * sets '*tcp_flags'; see "struct dp_netdev_extension_known". */
static inline uint64_t
group_of(const struct batch *b, const struct dp_packet *packet,
         const struct vrf_packet *p, const struct vrf_adjacency *a,
         uint16_t *tcp_flags)
{
    *tcp_flags = 0;
    if (OVS_UNLIKELY(p->fragment || b->context->mark != b->first_mark)) {
        return 0;
    } else if (p->proto == IPPROTO_TCP) {
        if (OVS_LIKELY(p->len >= p->header_len + TCP_HEADER_LEN)) {
            const struct tcp_header *th = dp_packet_l4(packet);

            *tcp_flags = TCP_FLAGS(th->tcp_ctl);
        }
    } else if (p->family == VRF_IPV6 && p->proto != IPPROTO_UDP) {
        /* There may be a TCP header behind others, or a fragment. */
        return 0;
    }
    return a->serial;
}

struct fragments {
    struct batch *b;
    const struct vrf_adjacency *a;
};

static void
put_fragment(struct dp_packet *packet, void *aux)
{
    struct fragments *f = aux;

    f->b->counts[VRF_IPV4][VRF_COUNT_FRAGMENTS]++;
    put_on_way(f->b, packet, f->a, 0, 0);
}

/* Gives 'packet' to the host. */
static void
deliver(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p,
        const struct vrf_adjacency *a)
{
    const struct vrf_dp_port *port;

    port = vrf_dp_ports_to_host(ovsrcu_get(struct vrf_dp_ports *,
                                           &b->nv->live_ports),
                                b->action->id, p->family, &p->dst,
                                a->ifindex);

    if (!port || dp_packet_batch_is_full(&b->out->sent)) {
        drop(b, packet, p->family, VRF_DEV_NOT_OVS);
        return;
    }
    b->counts[p->family][VRF_LOCAL]++;
    vrf_packet_set_macs(packet, ((struct eth_header *)
                                 dp_packet_data(packet))->eth_src, port->mac);
    packet->md.in_port.odp_port = port->port_no;
    dp_packet_batch_add(&b->out->sent, packet);
}

static void
forward(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p,
        bool own, struct vrf_verdict *v)
{
    struct vrf_adjacency *a = v->adjacency;
    uint64_t *counts = b->counts[p->family];
    const uint32_t flags = b->action->flags;
    uint16_t tcp_flags;
    uint64_t group;
    bool dec_ttl = !own && !(flags & OVS_VRF_F_TTL_KEEP);

    if (OVS_UNLIKELY(dec_ttl && p->ttl <= 1)) {
        v->outcome = VRF_TTL;
        answer(b, packet, p, own, v);
        return;
    }
    /* What a device segments when it sends is as large as the sender made it,
     * of segments that are not known. */
    if (OVS_UNLIKELY(p->len > v->mtu) && !p->may_fragment
        && !dp_packet_hwol_is_tso(packet)) {
        v->outcome = VRF_TOO_BIG;
        answer(b, packet, p, own, v);
        return;
    }
    if (OVS_UNLIKELY(!a->has_port)) {
        drop(b, packet, p->family, VRF_DEV_NOT_OVS);
        return;
    }
    if (OVS_UNLIKELY(!a->resolved)) {
        if (b->thread && !vrf_allowance_neighbour(allowance_of(b))) {
            drop(b, packet, p->family, VRF_OVERLOAD);
        } else if (!raise_exception(b, packet, own, v)) {
            counts[VRF_OVERLOAD]++;
        }
        return;
    }

    if (OVS_UNLIKELY(a->stale)) {
        confirm(b->nv, a);
    }
    if (flags & OVS_VRF_F_MSS_CLAMP
        && vrf_packet_clamp_mss(packet, p, v->mtu)) {
        counts[VRF_COUNT_MSS_CLAMPED]++;
    }
    vrf_packet_set_macs(packet, a->src, a->dst);
    if (dec_ttl) {
        vrf_packet_dec_ttl(packet, p);
    }
    if (OVS_UNLIKELY(vrf_packet_has_options(p)) && !own
        && vrf_options_have_room(dp_packet_l3(packet), p->header_len)
        && (!b->thread || vrf_allowance_other(allowance_of(b)))) {
        vrf_source_record(packet, p, a); /* Not for a flood of them. */
    }
    if (OVS_UNLIKELY(p->len > v->mtu) && p->may_fragment
        && !dp_packet_hwol_is_tso(packet)) {
        struct fragments f = { b, a };

        if (!vrf_packet_fragment(packet, p, v->mtu, put_fragment, &f)) {
            drop(b, packet, p->family, VRF_TOO_BIG);
            return;
        }
        counts[VRF_FORWARDED]++;
        counts[VRF_COUNT_OUT_BYTES] += dp_packet_size(packet);
        counts[VRF_COUNT_FRAGMENTED]++;
        dp_packet_delete(packet);
        return;
    }
    counts[VRF_FORWARDED]++;
    counts[VRF_COUNT_OUT_BYTES] += dp_packet_size(packet);
    group = group_of(b, packet, p, a, &tcp_flags);
    put_on_way(b, packet, a, group, tcp_flags);
}

/* Takes 'packet', of which vrf_packet_parse() said '*p' and 'fault', and
 * routes it. */
static void
route(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p,
      enum vrf_packet_fault fault, bool own)
{
    struct vrf_verdict v;

    if (OVS_UNLIKELY(fault == VRF_PACKET_NOT_IP
                     || fault == VRF_PACKET_BAD_HEADER)) {
        drop(b, packet, VRF_IPV4, (fault == VRF_PACKET_NOT_IP ? VRF_NOT_IP
                                   : VRF_BAD_HEADER));
        return;
    }
    b->counted[p->family] = true;
    if (b->first) {
        b->counts[p->family][VRF_COUNT_IN_PACKETS]++;
        b->counts[p->family][VRF_COUNT_IN_BYTES] += dp_packet_size(packet);
    }
    if (OVS_UNLIKELY(!b->context->known)) {
        drop(b, packet, p->family, VRF_UNKNOWN);
        return;
    } else if (OVS_UNLIKELY(fault == VRF_PACKET_BAD_SRC)) {
        drop(b, packet, p->family, VRF_BAD_SRC);
        return;
    } else if (OVS_UNLIKELY(fault == VRF_PACKET_NOT_ROUTABLE)) {
        drop(b, packet, p->family, VRF_NOT_ROUTABLE);
        return;
    }

    v.mtu = 0;
    vrf_path_lookup(b->path, b->context, packet, p, &v);
    if (OVS_UNLIKELY(fault == VRF_PACKET_LINK_SCOPE
                     && v.outcome != VRF_LOCAL)) {
        drop(b, packet, p->family, VRF_NOT_ROUTABLE);
    } else if (OVS_LIKELY(v.outcome == VRF_FORWARDED)) {
        forward(b, packet, p, own, &v);
    } else if (v.outcome == VRF_LOCAL) {
        deliver(b, packet, p, v.adjacency);
    } else {
        answer(b, packet, p, own, &v);
    }
}

static void
batch_begin(struct batch *b, struct netdev_vrf *nv, struct vrf_thread *thread,
            const struct ovs_action_vrf *action, uint32_t table,
            struct dp_netdev_extension_out *out, struct vrf_packets *more)
{
    b->nv = nv;
    b->thread = thread;
    b->path = thread ? thread->path : nv->path;
    b->action = action;
    b->table = table;
    b->out = out;
    b->more = more;
    b->first = thread != NULL;
    memset(b->counted, 0, sizeof b->counted);
    memset(b->counts, 0, sizeof b->counts);
}

static void
batch_end(const struct batch *b)
{
    uint16_t id = MIN(b->action->id, UINT16_MAX);

    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        if (b->counted[f]) {
            vrf_counters_add(id, f, b->counts[f]);
        }
    }
}

/* Begins to route packets.  Returns false if that cannot be done yet. */
static bool
thread_begin(struct netdev_vrf *nv, struct vrf_thread *thread)
{
    const struct vrf_dp_ports *ports;

    if (OVS_UNLIKELY(!thread->path)) {
        thread->path = vrf_path_create();
    }
    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    return ports && vrf_path_begin(thread->path, ports);
}

static inline uint32_t
mark_of(const struct ovs_action_vrf *action, const struct dp_packet *packet)
{
    return action->mark ? action->mark : packet->md.pkt_mark;
}

/* To be called when 'thread->ready' may have become empty, or not. */
static void
tell_ready(struct vrf_thread *thread)
{
    bool has_ready = thread->ready.n != 0;
    unsigned int orig;

    if (OVS_UNLIKELY(has_ready != thread->has_ready)) {
        thread->has_ready = has_ready;
        if (has_ready) {
            atomic_add_relaxed(&thread->nv->n_ready, 1, &orig);
        } else {
            atomic_sub_relaxed(&thread->nv->n_ready, 1, &orig);
        }
    }
}

/* Routes those of 'packets' that need no more than that, and leaves the others
 * as they are. */
static void
route_quickly(struct vrf_thread *thread, struct dp_packet_batch *packets,
              const struct ovs_action_vrf *action, uint32_t table,
              struct dp_netdev_extension_out *out)
{
    const struct dp_packet *first = packets->packets[0];
    uint32_t mark = mark_of(action, first);
    struct vrf_path_taken taken;
    struct vrf_taker t;

    vrf_taker_init(&t, action, mark);
    vrf_path_take(thread->path,
                  vrf_path_context(thread->path, action->id, table,
                                   first->md.in_port.odp_port, mark, false),
                  &t, packets, out, &taken);
    if (taken.n) {
        vrf_counters_add_forwarded(action->id, taken.family, taken.n,
                                   taken.bytes);
    }
}

/* Takes 'packets' and routes each of them. */
static void
route_each(struct batch *b, struct dp_packet_batch *packets)
{
    struct dp_packet *packet;

    b->context = NULL;
    b->first_mark = mark_of(b->action, packets->packets[0]);
    DP_PACKET_BATCH_FOR_EACH (i, packet, packets) {
        /* Of one flow, thus of one port and with one mark, unless the flow is
         * a strange one. */
        uint32_t mark = mark_of(b->action, packet);
        enum vrf_packet_fault fault;
        struct vrf_packet parsed;

        if (OVS_UNLIKELY(!b->context
                         || b->context->in_port != packet->md.in_port.odp_port
                         || b->context->mark != mark)) {
            b->context = vrf_path_context(b->path, b->action->id, b->table,
                                          packet->md.in_port.odp_port, mark,
                                          false);
        }
        fault = vrf_packet_parse(packet, &parsed);
        route(b, packet, &parsed, fault, false);
    }
}

/* Takes 'packets' and routes them. */
static void
route_batch(struct netdev_vrf *nv, struct vrf_thread *thread,
            struct dp_packet_batch *packets,
            const struct ovs_action_vrf *action, uint32_t table,
            struct dp_netdev_extension_out *out)
{
    bool listening = thread_begin(nv, thread);
    struct batch b;

    if (OVS_LIKELY(listening)) {
        route_quickly(thread, packets, action, table, out);
        if (OVS_LIKELY(dp_packet_batch_is_empty(packets))) {
            return;
        }
    }
    batch_begin(&b, nv, thread, action, table, out, &thread->ready);
    if (OVS_LIKELY(listening)) {
        route_each(&b, packets);
    } else {
        vrf_want();
        b.counted[VRF_IPV4] = true;
        b.counts[VRF_IPV4][VRF_UNKNOWN] += dp_packet_batch_size(packets);
        dp_packet_delete_batch(packets, true);
    }
    batch_end(&b);
    dp_packet_batch_init(packets);
    tell_ready(thread);
}

static void
execute(void *nv, void *thread, long long int now OVS_UNUSED,
        struct dp_packet_batch *packets, const void *action, bool steal,
        struct dp_netdev_extension_out *out)
{
    struct dp_packet_batch copies;

    if (!steal) {
        dp_packet_batch_clone(&copies, packets);
        packets = &copies;
    }
    route_batch(nv, thread, packets, action, 0, out);
}

/* Has those of 'packets' go the way of their flow, if that is good, that need
 * no more. */
static void
take_way(struct netdev_vrf *nv, struct vrf_thread *thread,
         struct dp_packet_batch *packets,
         const struct ovs_action_vrf_way *way,
         struct dp_netdev_extension_out *out)
{
    const struct dp_packet *first = packets->packets[0];
    uint32_t mark = mark_of(&way->vrf, first);
    const struct vrf_context *context;
    struct vrf_adjacency *stale;
    enum vrf_way_state state;

    if (OVS_UNLIKELY(!thread_begin(nv, thread))) {
        return;
    }
    context = vrf_path_context(thread->path, way->vrf.id, way->table,
                               first->md.in_port.odp_port, mark, false);
    state = vrf_path_check_way(thread->path, context, way, &stale);
    if (OVS_LIKELY(state == VRF_WAY_GOOD)) {
        vrf_way_take(way, mark, packets, &out->group);
        vrf_counters_add_forwarded(way->vrf.id,
                                   way->ipv6 ? VRF_IPV6 : VRF_IPV4,
                                   dp_packet_batch_size(&out->group.packets),
                                   out->group.bytes);
        if (OVS_UNLIKELY(stale)) {
            confirm(nv, stale);
        }
    } else if (state == VRF_WAY_STALE) {
        vrf_mode_refresh();
    }
}

static void
execute_way(void *nv, void *thread, long long int now OVS_UNUSED,
            struct dp_packet_batch *packets, const void *way_, bool steal,
            struct dp_netdev_extension_out *out)
{
    const struct ovs_action_vrf_way *way = way_;
    struct dp_packet_batch copies;

    if (!steal) {
        dp_packet_batch_clone(&copies, packets);
        packets = &copies;
    }
    take_way(nv, thread, packets, way, out);
    if (OVS_UNLIKELY(!dp_packet_batch_is_empty(packets))) {
        route_batch(nv, thread, packets, &way->vrf, way->table, out);
    }
}

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
    enum vrf_packet_fault fault;
    struct vrf_packet parsed;
    struct dp_packet *p;
    struct batch b;

    ports = ovsrcu_get(struct vrf_dp_ports *, &nv->live_ports);
    if (!ports || !vrf_path_begin(nv->path, ports)) {
        dp_packet_delete(packet);
        return;
    }
    dp_netdev_extension_out_init(&out);
    batch_begin(&b, nv, NULL, action, table, &out, &more);
    b.first_mark = action->mark;
    b.context = vrf_path_context(nv->path, action->id, table, in_port,
                                 action->mark, own);
    fault = vrf_packet_parse(packet, &parsed);
    route(&b, packet, &parsed, fault, own);
    if (own) {
        /* What is counted came in. */
        memset(b.counts, 0, sizeof b.counts);
    }

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
    batch_end(&b);
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
    exception_free(e);
}

static void
neigh_drop(struct vrf_neigh_item *item, void *nv OVS_UNUSED)
{
    struct exception *e = exception_of(item);

    vrf_counters_inc(e->action.id, e->key.family, VRF_NEIGH_FULL, 1);
    exception_free(e);
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
            exception_free(e);
        } else if (e->outcome == VRF_FORWARDED) {
            vrf_counters_inc(e->action.id, e->key.family,
                             VRF_COUNT_NEIGH_QUEUED, 1);
            vrf_neigh_queue_add(nv->queue, &e->key, &e->item, time_msec());
        } else {
            send_error(nv, e);
            exception_free(e);
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
        exception_free(exception_of(item));
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
    tell_ready(thread);
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
    tell_ready(thread);
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
        { &odp_vrf_class, execute },
        { &odp_vrf_way_class, execute_way },
    },
    .poll = thread_poll,
    .poll_wait = thread_poll_wait,
    .may_poll = may_poll,
};
