/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-trace.h"

#include <inttypes.h>
#include <string.h>

#include "dpif.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "packets.h"
#include "vrf.h"
#include "vrf-db.h"
#include "vrf-forward.h"
#include "vrf-packet.h"
#include "vrf-path.h"
#include "vrf-port.h"
#include "vrf-punt.h"

static void
fill_in(const struct vrf_db *db, const struct vrf *vrf, const char *in_port,
        const struct flow *flow, struct vrf_flow *f, struct vrf_packet *p)
{
    const struct vrf_device *device;

    memset(f, 0, sizeof *f);
    memset(p, 0, sizeof *p);
    if (flow->dl_type == htons(ETH_TYPE_IP)) {
        p->family = VRF_IPV4;
        p->src = vrf_addr_from_ipv4(flow->nw_src);
        p->dst = vrf_addr_from_ipv4(flow->nw_dst);
    } else {
        p->family = VRF_IPV6;
        p->src = vrf_addr_from_ipv6(&flow->ipv6_src);
        p->dst = vrf_addr_from_ipv6(&flow->ipv6_dst);
    }
    f->family = p->family;
    f->src = p->src;
    f->dst = p->dst;
    f->mark = flow->pkt_mark;
    f->tos = flow->nw_tos;
    f->proto = flow->nw_proto;
    f->sport = ntohs(flow->tp_src);
    f->dport = ntohs(flow->tp_dst);

    device = in_port ? vrf_db_device_by_name(db, in_port) : NULL;
    f->iif = device ? device->ifindex : VRF_IIF_LOCAL;
    f->vrf_table = vrf ? vrf->table : 0;
    f->iif_vrf = vrf ? vrf->ifindex : 0;
}

/* Finds the way of packets of 'f' with 'hash', which 'only_table' decides
 * unless it is 0. */
static void
find_way(const struct vrf_db *db, const struct vrf_flow *f,
         uint32_t only_table, uint32_t hash, struct vrf_way *way,
         struct ds *s)
{
    if (!only_table) {
        vrf_forward(db, f, hash, way);
        return;
    }
    ds_put_format(s, " by table %"PRIu32" alone%s", only_table,
                  vrf_db_table(db, f->family, only_table) ? ""
                  : ", which has no routes");
    vrf_forward_from(db, f, only_table, hash, way);
}

static void
put_route(const struct vrf_db *db, const struct vrf_flow *flow,
          const struct vrf_answer *a, struct ds *s)
{
    const struct vrf_prefix p = { vrf_addr_cut(&flow->dst, a->len), a->len };

    if (a->rule) {
        ds_put_cstr(s, ", rule ");
        vrf_rule_format(flow->family, a->rule, s);
    }
    if (a->route) {
        ds_put_format(s, ", table %"PRIu32": %s ", a->table,
                      vrf_route_type_name(a->route->info.type));
        vrf_prefix_format(flow->family, &p, s);
        vrf_route_format(flow->family, a->route, vrf_db_ifname, db, s);
        ds_chomp(s, ' ');
    }
}

static void
put_next_hop(const struct vrf_db *db, const struct vrf_way *way, struct ds *s)
{
    const struct vrf_device *device = vrf_db_device(db, way->ifindex);
    const struct vrf_hops *hops = vrf_route_hops(way->answer.route);
    const struct vrf_neighbour *n;

    ds_put_cstr(s, ", next hop ");
    vrf_addr_format(way->family, &way->next_hop, s);
    ds_put_format(s, " by %s", device ? device->name : "?");
    if (hops->n > 1) {
        ds_put_format(s, " (one of %"PRIu16", by the addresses)", hops->n);
    }
    n = vrf_db_neighbour(db, way->family, way->ifindex, &way->next_hop);
    if (vrf_neighbour_is_good(n)) {
        ds_put_format(s, " at "ETH_ADDR_FMT, ETH_ADDR_ARGS(n->mac));
    } else {
        ds_put_cstr(s, " whose address is not known");
    }
    ds_put_format(s, ", MTU %"PRIu32" of the %s", way->mtu,
                  way->mtu_of_route ? "route" : "device");
}

/* Does the device of 'way' lack a port that 'dpif' could send by? */
static bool
has_no_port(const struct vrf_db *db, const struct vrf_way *way,
            struct dpif *dpif)
{
    const char *name = vrf_db_ifname(way->ifindex, db);

    return dpif && !(name && dpif_port_exists(dpif, name));
}

void
vrf_trace(struct dpif *dpif, uint32_t id, uint32_t only_table, uint32_t flags,
          const char *in_port, const struct flow *flow, struct ds *s)
{
    const struct vrf_db *db = vrf_get_db();
    const struct vrf *vrf = (id && id <= UINT16_MAX ? vrf_by_id(id) : NULL);
    struct vrf_packet p;
    struct vrf_flow f;
    struct vrf_way way;
    bool is_ip = (flow->dl_type == htons(ETH_TYPE_IP)
                  || flow->dl_type == htons(ETH_TYPE_IPV6));

    ds_put_format(s, "VRF %s", id <= UINT16_MAX ? vrf_id_to_name(id) : "?");
    if (!is_ip || !db || (id && !vrf)) {
        ds_put_format(s, ": dropped (%s)",
                      vrf_outcome_name(is_ip ? VRF_UNKNOWN : VRF_NOT_IP));
        return;
    }
    fill_in(db, vrf, in_port, flow, &f, &p);
    find_way(db, &f, only_table, vrf_packet_hash(&p), &way, s);
    put_route(db, &f, &way.answer, s);
    if (way.outcome == VRF_FORWARDED) {
        put_next_hop(db, &way, s);
        if (has_no_port(db, &way, dpif)) {
            if (vrf_punt_get() == VRF_PUNT_KERNEL) {
                ds_put_cstr(s, ": given to the host, if the VRF has an "
                            "internal port, as that device is no port");
                return;
            }
            way.outcome = VRF_DEV_NOT_OVS;
        }
        if (flow->nw_ttl <= 1 && !(flags & OVS_VRF_F_TTL_KEEP)) {
            way.outcome = VRF_TTL;
        }
    }
    ds_put_format(s, ": %s", vrf_outcome_name(way.outcome));
    if (way.outcome == VRF_FORWARDED) {
        ds_put_format(s, ", goes on as received from %s",
                      vrf_db_ifname(way.ifindex, db));
    }
}
