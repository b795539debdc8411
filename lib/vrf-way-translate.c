/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-way-translate.h"

#include <string.h>

#include "flow.h"
#include "netdev-vrf.h"
#include "odp-extension.h"
#include "odp-util.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "packets.h"
#include "util.h"
#include "vrf-mode.h"
#include "vrf-packet.h"
#include "vrf-way.h"
#include "vrf-way-action.h"

bool
vrf_way_uses_field(enum mf_field_id id)
{
    switch ((int) id) {
    case MFF_PKT_MARK:
    case MFF_IPV4_SRC:
    case MFF_IPV4_DST:
    case MFF_IPV6_SRC:
    case MFF_IPV6_DST:
    case MFF_IP_DSCP:
    case MFF_IP_DSCP_SHIFTED:
    case MFF_IP_ECN:
        return vrf_mode_has_flows();
    default:
        return false;
    }
}

/* Fills in what ways depend on.  Returns false if packets of the flow are none
 * that could be routed. */
static bool
packet_of_flow(const struct flow *flow, struct vrf_packet *p)
{
    if (flow->packet_type != htonl(PT_ETH)
        || flow->vlans[0].tci & htons(VLAN_CFI)) {
        return false;
    }
    memset(p, 0, sizeof *p);
    if (flow->dl_type == htons(ETH_TYPE_IP)) {
        p->family = VRF_IPV4;
        p->src = vrf_addr_from_ipv4(flow->nw_src);
        p->dst = vrf_addr_from_ipv4(flow->nw_dst);
    } else if (flow->dl_type == htons(ETH_TYPE_IPV6)) {
        p->family = VRF_IPV6;
        p->src = vrf_addr_from_ipv6(&flow->ipv6_src);
        p->dst = vrf_addr_from_ipv6(&flow->ipv6_dst);
    } else {
        return false;
    }
    p->tos = flow->nw_tos;
    return true;
}

static void
or_prefix(struct in6_addr *mask, unsigned int bits)
{
    const struct in6_addr prefix = ipv6_create_mask(bits);

    for (size_t i = 0; i < sizeof mask->s6_addr; i++) {
        mask->s6_addr[i] |= prefix.s6_addr[i];
    }
}

/* Has the megaflow match what 'way' depends on. */
static void
unwildcard(const struct ovs_action_vrf_way *way, uint32_t mark_mask,
           struct flow_wildcards *wc)
{
    if (way->ipv6) {
        or_prefix(&wc->masks.ipv6_dst, way->dst_bits);
        or_prefix(&wc->masks.ipv6_src, way->src_bits);
    } else {
        wc->masks.nw_dst |= be32_prefix_mask(way->dst_bits);
        wc->masks.nw_src |= be32_prefix_mask(way->src_bits);
    }
    wc->masks.nw_tos |= way->tos_mask;
    wc->masks.pkt_mark |= mark_mask;
}

static struct vrf_mode_flow
flow_of_way(const struct ovs_action_vrf_way *way, odp_port_t in_port)
{
    struct vrf_packet p;

    vrf_way_packet(way, &p);
    return (struct vrf_mode_flow) {
        .vrf = way->vrf.id,
        .family = p.family,
        .src_bits = way->src_bits,
        .dst_bits = way->dst_bits,
        .in_port = in_port,
        .table = way->table,
        .src = p.src,
        .dst = p.dst,
    };
}

static bool
may_have_way(const struct ovs_action_vrf_way *way,
             const struct ofp_extension_xlate *x)
{
    const struct vrf_mode_flow flow = flow_of_way(way, x->odp_in_port);

    return (x->trace ? vrf_mode_would_admit(&flow)
            : vrf_mode_admit(&flow));
}

static void
trace(const struct ovs_action_vrf_way *way, struct ds *s)
{
    struct vrf_packet p;

    vrf_way_packet(way, &p);
    ds_put_cstr(s, way->port == UINT32_MAX ? "; each packet is looked up: "
                   "there is no way that is the same for all to "
                : "; so do all to ");
    vrf_prefix_format(p.family, &(struct vrf_prefix) { p.dst, way->dst_bits },
                      s);
    if (way->src_bits) {
        ds_put_cstr(s, " from ");
        vrf_prefix_format(p.family, &(struct vrf_prefix) { p.src,
                                                           way->src_bits }, s);
    }
}

/* Finds the way of packets of the flow by 'way->vrf' and 'way->table', if the
 * flow may have one, and fills in the rest of 'way'. */
static bool
find_way(const struct ofp_extension_xlate *x, struct ovs_action_vrf_way *way,
         uint32_t *mark_mask)
{
    struct vrf_packet p;

    return (vrf_mode_has_flows() && way->vrf.id <= UINT16_MAX
            && x->odp_in_port != ODPP_NONE && packet_of_flow(x->flow, &p)
            && netdev_vrf_find_way(x->dpif, x->odp_in_port, x->flow->pkt_mark,
                                   &p, way, mark_mask)
            && may_have_way(way, x));
}

bool
vrf_way_translate(const struct ovs_action_vrf *vrf, uint32_t table,
                  struct ofp_extension_xlate *x)
{
    bool supported = x->support[OVS_EXTENSION_ATTR_VRF_WAY].action;
    struct ovs_action_vrf_way way, *payload;
    uint32_t mark_mask;

    memset(&way, 0, sizeof way);
    way.vrf = *vrf;
    way.table = table;
    if (supported && find_way(x, &way, &mark_mask)) {
        unwildcard(&way, mark_mask, x->wc);
        if (x->trace) {
            trace(&way, x->trace);
        }
    } else {
        if (x->trace) {
            ds_put_cstr(x->trace, "; each packet is looked up");
        }
        if (!table) {
            return false;
        }
        vrf_way_set_unknown(&way);
        x->odp_for = "table=N";
    }
    payload = odp_extension_put(x->odp_actions, &odp_vrf_way_class);
    *payload = way;
    x->odp = &odp_vrf_way_class;
    return true;
}
