/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-vrf-private.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "icmp-error.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"
#include "vrf-counters.h"
#include "vrf-mode.h"
#include "vrf-options.h"
#include "vrf-punt.h"
#include "vrf-source.h"
#include "vrf-take.h"
#include "vrf-way.h"
#include "vrf.h"

/* Exceptions that wait for the main thread, and packets that it made. */
#define MAX_EXCEPTIONS 4096

/* A neighbour that is in use is confirmed this often, in milliseconds. */
#define CONFIRM_INTERVAL 10000

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

void
netdev_vrf_exception_free(struct exception *e)
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
        netdev_vrf_exception_free(e);
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

/* Gives 'packet' to the host by 'port', which may be null, counted as
 * 'counter'. */
static void
give_to_host(struct batch *b, struct dp_packet *packet,
             const struct vrf_packet *p, const struct vrf_dp_port *port,
             unsigned int counter)
{
    if (!port || dp_packet_batch_is_full(&b->out->sent)) {
        drop(b, packet, p->family, VRF_DEV_NOT_OVS);
        return;
    }
    b->counts[p->family][counter]++;
    vrf_packet_set_macs(packet, ((struct eth_header *)
                                 dp_packet_data(packet))->eth_src, port->mac);
    packet->md.in_port.odp_port = port->port_no;
    dp_packet_batch_add(&b->out->sent, packet);
}

static const struct vrf_dp_ports *
ports_of(const struct batch *b)
{
    return ovsrcu_get(struct vrf_dp_ports *, &b->nv->live_ports);
}

/* Gives 'packet', which is to one of its addresses, to the host. */
static void
deliver(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p,
        const struct vrf_adjacency *a)
{
    give_to_host(b, packet, p,
                 vrf_dp_ports_to_host(ports_of(b), b->action->id, p->family,
                                      &p->dst, a->ifindex), VRF_LOCAL);
}

/* May the host forward what goes by 'a'?  What comes from it goes no way back;
 * nor does what was made here, whose source is the host's. */
static bool
may_punt(const struct batch *b, const struct vrf_adjacency *a)
{
    return (!a->has_port && b->thread
            && vrf_punt_get() == VRF_PUNT_KERNEL);
}

/* Has the host forward 'packet', which is as it was received. */
static void
punt(struct batch *b, struct dp_packet *packet, const struct vrf_packet *p)
{
    give_to_host(b, packet, p,
                 vrf_dp_ports_internal(ports_of(b), b->action->id),
                 VRF_COUNT_PUNTED);
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

    if (OVS_UNLIKELY(may_punt(b, a))) {
        punt(b, packet, p);
        return;
    }
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

void
netdev_vrf_tell_ready(struct vrf_thread *thread)
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
    netdev_vrf_tell_ready(thread);
}

void
netdev_vrf_execute(void *nv, void *thread, long long int now OVS_UNUSED,
                   struct dp_packet_batch *packets, const void *action,
                   bool steal, struct dp_netdev_extension_out *out)
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

void
netdev_vrf_execute_way(void *nv, void *thread, long long int now OVS_UNUSED,
                       struct dp_packet_batch *packets, const void *way_,
                       bool steal, struct dp_netdev_extension_out *out)
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

/* One packet of the main thread. */

void
netdev_vrf_route(struct netdev_vrf *nv, struct dp_packet *packet,
                 const struct ovs_action_vrf *action, uint32_t table,
                 odp_port_t in_port, bool own,
                 struct dp_netdev_extension_out *out,
                 struct vrf_packets *more)
{
    enum vrf_packet_fault fault;
    struct vrf_packet parsed;
    struct batch b;

    batch_begin(&b, nv, NULL, action, table, out, more);
    b.first_mark = action->mark;
    b.context = vrf_path_context(nv->path, action->id, table, in_port,
                                 action->mark, own);
    fault = vrf_packet_parse(packet, &parsed);
    route(&b, packet, &parsed, fault, own);
    if (own) {
        /* What is counted came in. */
        memset(b.counts, 0, sizeof b.counts);
    }
    batch_end(&b);
}
