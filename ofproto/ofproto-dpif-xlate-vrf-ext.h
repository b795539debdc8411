/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_XLATE_VRF_EXT_H
#define OFPROTO_DPIF_XLATE_VRF_EXT_H 1

/* The fields "vrf" and "tun_vrf", and native tunnels in VRFs, for
 * ofproto-dpif-xlate.c, the only file that includes this: it needs that file's
 * static functions and types.
 *
 * The field "vrf" (openvswitch/vrf-field.h) is set when a packet enters a
 * bridge, by a port or from another bridge, "tun_vrf" when it comes out of a
 * tunnel.  Frozen state has them with the tunnel.  A ct() may have the zone of
 * the VRF (vrf-zone.h).
 *
 * A tunnel's output asks vrf-tunnel.h instead of ovs-router.h where the outer
 * packet goes, and what is too big for that way goes to tunnel-vrf.h instead
 * of into the tunnel.  What a port receives is for tunnels of its VRF.  Output
 * to a tunnel of the kernel datapath marks the packet, if that is how it gets
 * into its VRF (dpif-netlink-vrf-mark.h). */

#include "dpif-netlink-vrf-mark.h"
#include "tunnel-vrf.h"
#include "vrf-port.h"
#include "vrf-tunnel.h"
#include "vrf-zone.h"

COVERAGE_DEFINE(vrf_zone_none);  /* Translations to a ct(zone=vrf) without. */

static void extension_drop(struct xlate_ctx *);
static void compose_conntrack_action(struct xlate_ctx *,
                                     struct ofpact_conntrack *, bool);

/* The VRF that a tunnel is in, perhaps VRF_TUNNEL_FLOW. */
static uint16_t
xport_tunnel_vrf(const struct xport *xport)
{
    const struct netdev_tunnel_config *cfg
        = xport ? netdev_get_tunnel_config(xport->netdev) : NULL;

    return cfg ? cfg->vrf : VRF_DEFAULT_ID;
}

/* The VRF of the outer packet of 'flow', which is to go, or came, by
 * 'xport'. */
static uint16_t
vrf_of_outer(const struct xport *xport, const struct flow *flow)
{
    uint16_t vrf = xport_tunnel_vrf(xport);

    return OVS_LIKELY(vrf != VRF_TUNNEL_FLOW) ? vrf : flow->tunnel.tun_vrf;
}

/* The packet comes into the bridge of 'in_port' by that, which is null if the
 * bridge has no such port. */
static void
vrf_field_enter(struct xlate_ctx *ctx, const struct xport *in_port)
{
    uint16_t vrf = (in_port && in_port->netdev
                    ? vrf_of_port(netdev_get_name(in_port->netdev))
                    : VRF_DEFAULT_ID);

    ctx->xin->flow.tunnel.vrf = vrf;
    if (OVS_UNLIKELY(vrf != VRF_DEFAULT_ID)) {
        xlate_report(ctx, OFT_DETAIL, "vrf=%s, that of %s",
                     vrf_id_to_name(vrf), netdev_get_name(in_port->netdev));
    }
}

/* The same for "tun_vrf".  If the tunnel's flows have it, it was set already,
 * by the port of the datapath or whoever made the packet. */
static void
vrf_field_enter_tunnel(struct xlate_ctx *ctx, const struct xport *in_port)
{
    struct flow_tnl *tunnel = &ctx->xin->flow.tunnel;

    if (OVS_UNLIKELY(in_port && in_port->is_tunnel)) {
        tunnel->tun_vrf = vrf_of_outer(in_port, &ctx->xin->flow);
        if (OVS_UNLIKELY(tunnel->tun_vrf != VRF_DEFAULT_ID)) {
            xlate_report(ctx, OFT_DETAIL, "tun_vrf=%s, that of the outer "
                         "packet", vrf_id_to_name(tunnel->tun_vrf));
        }
    }
}

/* Translation begins.  Whoever has a packet traced may have given the field,
 * but it is the port that decides. */
static void
vrf_field_begin(struct xlate_ctx *ctx, const struct xport *in_port)
{
    const struct flow_tnl *tunnel = &ctx->xin->flow.tunnel;
    uint16_t given = tunnel->vrf;

    if (ctx->xin->frozen_state) {
        return;
    }
    vrf_field_enter(ctx, in_port);
    vrf_field_enter_tunnel(ctx, in_port);
    if (OVS_UNLIKELY(given != tunnel->vrf) && given != VRF_DEFAULT_ID) {
        xlate_report(ctx, OFT_WARN, "vrf=%s is not that of in_port, which is "
                     "%s", vrf_id_to_name(given),
                     vrf_id_to_name(tunnel->vrf));
    }
}

/* Translation ends: the flow is the packet's again. */
static void
vrf_field_end(struct xlate_ctx *ctx)
{
    ctx->xin->flow.tunnel.vrf = ctx->xin->upcall_flow->tunnel.vrf;
    ctx->xin->flow.tunnel.tun_vrf = ctx->xin->upcall_flow->tunnel.tun_vrf;
}

/* Finds the zone of the packet's VRF.  Returns false if there is none. */
static bool
vrf_ct_zone(struct xlate_ctx *ctx, uint16_t *zone)
{
    uint16_t vrf = ctx->xin->flow.tunnel.vrf;
    const char *name = vrf_id_to_name(vrf);
    uint32_t table;
    bool found = vrf_zone_of(vrf, zone, &table);

    if (found) {
        xlate_report(ctx, OFT_DETAIL, "zone %"PRIu16", of VRF %s", *zone,
                     name);
    } else if (table) {
        xlate_report_error(ctx, "table %"PRIu32" of VRF %s is no zone, as it "
                           "is above 65535: dropped", table, name);
    } else {
        xlate_report(ctx, OFT_WARN, "there is no VRF %s now, and no zone: "
                     "dropped", name);
    }
    return found;
}

/* Translates ct(), with the zone of the packet's VRF if it has zone=vrf.
 * Without one the packet must not go on as if it had been tracked, nor be
 * tracked among others: it is dropped. */
static void
vrf_conntrack(struct xlate_ctx *ctx, struct ofpact_conntrack *ct, bool last)
{
    struct ofpact_conntrack *with_zone;
    uint16_t zone;

    if (OVS_LIKELY(!vrf_zone_is(&ct->zone_src))) {
        compose_conntrack_action(ctx, ct, last);
    } else if (vrf_ct_zone(ctx, &zone)) {
        with_zone = xmemdup(ct, ct->ofpact.len);
        with_zone->zone_src.field = NULL;
        with_zone->zone_imm = zone;
        compose_conntrack_action(ctx, with_zone, last);
        free(with_zone);
    } else {
        COVERAGE_INC(vrf_zone_none);
        extension_drop(ctx);
    }
}

/* A tunnel's output, or its end. */
struct vrf_tnl {
    const struct xport *xport;  /* The tunnel. */
    uint16_t vrf;
    const char *neigh;          /* Key of neighbours of the way's port. */
    const char *device;         /* Whose address ARP and ND requests by that
                                 * port have. */
    struct vrf_tunnel_packet packet;
    struct vrf_tunnel_route route;
    char neigh_name[VRF_NEIGH_NAME_SIZE];
    size_t check_ofs, within_ofs; /* In ctx->odp_actions. */
};

/* The bridge's port whose netdev is called 'name', null if none is. */
static struct xport *
xport_by_netdev(const struct xlate_ctx *ctx, const char *name)
{
    struct xbridge *xbridge;

    HMAP_FOR_EACH (xbridge, hmap_node, &ctx->xcfg->xbridges) {
        struct xport *port;

        HMAP_FOR_EACH (port, ofp_node, &xbridge->xports) {
            if (!strcmp(netdev_get_name(port->netdev), name)) {
                return port;
            }
        }
    }
    return NULL;
}

static void
set_neigh(struct vrf_tnl *t, const struct xport *out)
{
    t->neigh = vrf_neigh_name(t->vrf, out->xbridge->name,
                              netdev_get_name(out->netdev), t->neigh_name);
}

/* Like tnl_route_lookup_flow(), in the VRF of 'xport' or, if its flows say
 * that, of 'flow'.  Sets all of '*t' that does not begin later. */
static int
vrf_tnl_route(struct xlate_ctx *ctx, const struct xport *xport,
              const struct flow *flow, struct vrf_tnl *t,
              struct in6_addr *next_hop, struct in6_addr *src,
              struct xport **out)
{
    const struct netdev_tunnel_config *cfg;
    bool found;

    t->xport = xport;
    t->vrf = vrf_of_outer(xport, flow);
    if (OVS_LIKELY(t->vrf == VRF_DEFAULT_ID)) {
        int error = tnl_route_lookup_flow(ctx, flow, next_hop, src, out);

        if (!error) {
            t->neigh = t->device = (*out)->xbridge->name;
        }
        return error;
    }
    cfg = netdev_get_tunnel_config(xport->netdev);
    t->packet = (struct vrf_tunnel_packet) {
        .vrf = t->vrf,
        .dst = flow_tnl_dst(&flow->tunnel),
        .src = flow_tnl_src(&flow->tunnel),
        .mark = flow->pkt_mark,
        .tos = flow->tunnel.ip_tos,
        .proto = cfg->dst_port ? IPPROTO_UDP : IPPROTO_GRE,
        .dport = ntohs(cfg->dst_port),
    };
    found = vrf_tunnel_lookup(&t->packet, &t->route);
    ctx->wc->masks.pkt_mark |= t->route.answer.used.mark_mask;
    *out = found ? xport_by_netdev(ctx, t->route.device) : NULL;
    if (OVS_UNLIKELY(ctx->xin->trace)) {
        struct ds text = DS_EMPTY_INITIALIZER;

        vrf_tunnel_route_format(&t->packet, &t->route, &text);
        xlate_report(ctx, OFT_DETAIL, "%s", ds_cstr(&text));
        ds_destroy(&text);
        if (found && !*out) {
            xlate_report(ctx, OFT_WARN, "%s is not a port of a bridge",
                         t->route.device);
        }
    }
    if (!*out) {
        tunnel_vrf_count_drop(found);
        return -ENOENT;
    }
    *next_hop = t->route.next_hop;
    *src = t->route.src;
    t->device = netdev_get_name((*out)->netdev);
    set_neigh(t, *out);
    return 0;
}

/* A packet is output to 'xport', which has an IP address and perhaps is where
 * a tunnel ends: sets the VRF and the key of neighbours. */
static void
vrf_tnl_terminate(struct vrf_tnl *t, const struct xport *xport)
{
    t->vrf = vrf_of_port(netdev_get_name(xport->netdev));
    set_neigh(t, xport);
}

/* What follows, up to vrf_tnl_check_end(), is for packets that are small
 * enough once 'header_len' bytes are in front of them, an Ethernet header
 * included.  Others are handed to tunnel_vrf_too_big().  What follows then has
 * the packet for itself, and '*is_last_action' becomes true. */
static void
vrf_tnl_check_begin(struct xlate_ctx *ctx, struct vrf_tnl *t,
                    const struct flow *flow, size_t header_len,
                    bool *is_last_action)
{
    struct ofpbuf *actions = ctx->odp_actions;
    struct user_action_cookie cookie;
    size_t overhead = header_len - ETH_HEADER_LEN;
    size_t too_big_ofs;
    uint16_t limit;

    if (OVS_LIKELY(t->vrf == VRF_DEFAULT_ID)) {
        return;
    }
    *is_last_action = true;
    limit = t->route.mtu > overhead ? MIN(t->route.mtu - overhead,
                                          UINT16_MAX) : 0;
    t->check_ofs = nl_msg_start_nested(actions,
                                       OVS_ACTION_ATTR_CHECK_PKT_LEN);
    nl_msg_put_u16(actions, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, limit);
    too_big_ofs = nl_msg_start_nested(
        actions, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER);
    tunnel_vrf_cookie_init(&cookie, &t->xport->xbridge->ofproto->uuid,
                           t->xport->ofp_port, limit, &t->packet,
                           flow->tunnel.tun_id);
    odp_put_userspace_action(
        dpif_port_get_pid(ctx->xbridge->dpif,
                          ofp_port_to_odp_port(
                              ctx->xbridge,
                              ctx->xin->flow.in_port.ofp_port)),
        &cookie, sizeof cookie, ODPP_NONE, false, actions, NULL);
    nl_msg_end_nested(actions, too_big_ofs);
    t->within_ofs = nl_msg_start_nested(
        actions, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL);
}

static void
vrf_tnl_check_end(struct xlate_ctx *ctx, const struct vrf_tnl *t)
{
    if (OVS_UNLIKELY(t->vrf != VRF_DEFAULT_ID)) {
        nl_msg_end_nested(ctx->odp_actions, t->within_ofs);
        nl_msg_end_nested(ctx->odp_actions, t->check_ofs);
    }
}

/* Did the packet come in by a tunnel of the VRF of 'xport', so that addresses
 * of the two mean the same? */
static bool
vrf_tnl_same(const struct xlate_ctx *ctx, const struct xport *xport)
{
    const struct xbridge *xbridge;

    if (OVS_LIKELY(!vrf_ports_get())) {
        return true;
    }
    xbridge = xbridge_lookup(ctx->xcfg, ctx->xin->ofproto);
    return (vrf_of_outer(xport, &ctx->xin->flow)
            == vrf_of_outer(get_ofp_port(xbridge,
                                         ctx->base_flow.in_port.ofp_port),
                            &ctx->base_flow));
}

/* Does Linux route packets for the tunnel in a VRF by a mark? */
static bool
xport_needs_mark(const struct xport *xport)
{
    return (xport->is_tunnel && xport_tunnel_vrf(xport) != VRF_DEFAULT_ID
            && dpif_netlink_vrf_mark_is(xport->netdev));
}

/* Gives the packet the mark that has Linux route it in the VRF of 'xport', a
 * tunnel of the kernel datapath, if that takes one; other bits of its mark
 * stay.  Returns 'out_port', or ODPP_NONE if no packet may go there now. */
static odp_port_t
vrf_tnl_mark(struct xlate_ctx *ctx, const struct xport *xport,
             odp_port_t out_port)
{
    struct flow *flow = &ctx->xin->flow;
    uint32_t mark, mask;
    uint16_t vrf;

    if (OVS_LIKELY(!xport_needs_mark(xport))) {
        return out_port;
    }
    vrf = xport_tunnel_vrf(xport);
    if (!dpif_netlink_vrf_mark_get(vrf, &mark, &mask)) {
        xlate_report(ctx, OFT_WARN, "VRF %s has no mark for it now, see "
                     "status:tunnel_vrf_error", vrf_id_to_name(vrf));
        return ODPP_NONE;
    }
    xlate_report(ctx, OFT_DETAIL, "VRF %s, by mark 0x%"PRIx32"/0x%"PRIx32,
                 vrf_id_to_name(vrf), mark, mask);
    ctx->wc->masks.pkt_mark |= mask;
    flow->pkt_mark = (flow->pkt_mark & ~mask) | mark;
    return out_port;
}

/* After that: what follows must not go by the VRF. */
static void
vrf_tnl_unmark(struct xlate_ctx *ctx, const struct xport *xport,
               uint32_t pkt_mark)
{
    if (OVS_UNLIKELY(xport_needs_mark(xport))) {
        ctx->xin->flow.pkt_mark = pkt_mark;
    }
}

/* Has each packet translated, not only the first one of its flow: one that
 * tells where a neighbour is may be the answer to a question that was asked
 * after the flow was there. */
static void
vrf_tnl_want_each(struct xlate_ctx *ctx, uint16_t vrf)
{
    if (OVS_UNLIKELY(vrf != VRF_DEFAULT_ID)) {
        ctx->xout->slow |= SLOW_ACTION;
    }
}

/* Learns from a packet that is output to a port in 'vrf', which has an IP
 * address, what routers say about our tunnels' packets. */
static void
vrf_tnl_snoop(struct xlate_ctx *ctx, uint16_t vrf, const struct flow *flow,
              struct flow_wildcards *wc)
{
    bool is_ipv6 = flow->dl_type == htons(ETH_TYPE_IPV6);

    if (OVS_LIKELY(vrf == VRF_DEFAULT_ID)
        || (!is_ipv6 && flow->dl_type != htons(ETH_TYPE_IP))) {
        return;
    }
    memset(&wc->masks.nw_proto, 0xff, sizeof wc->masks.nw_proto);
    if (flow->nw_proto != (is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        return;
    }
    memset(&wc->masks.nw_frag, 0xff, sizeof wc->masks.nw_frag);
    if (flow->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    }
    memset(&wc->masks.tp_src, 0xff, sizeof wc->masks.tp_src);
    memset(&wc->masks.tp_dst, 0xff, sizeof wc->masks.tp_dst);
    if (is_ipv6 ? flow->tp_src == htons(2)
        : flow->tp_src == htons(3) && flow->tp_dst == htons(4)) {
        vrf_tnl_want_each(ctx, vrf);
        if (ctx->xin->packet && ctx->xin->allow_side_effects) {
            tunnel_vrf_learn(vrf, ctx->xin->packet);
        }
    }
}

#endif /* ofproto-dpif-xlate-vrf-ext.h */
