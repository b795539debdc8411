/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-netlink-vrf-mark.h"
#include "dpif-netlink-vrf-tunnel.h"
#include "hash.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "seq.h"
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "vrf.h"
#include "vrf-forward.h"
#include "vrf-pmtu.h"
#include "vrf-port.h"
#include "vrf-vxlan.h"

VLOG_DEFINE_THIS_MODULE(vrf_tunnel);

/* Is or was there a tunnel in a VRF, so that changes matter? */
static bool in_use;
static uint64_t change_seq;

/* When flows are translated anew next, at the earliest, if something
 * changed. */
#define REVALIDATION_INTERVAL 100
static long long int revalidation_time;
static uint64_t vrf_seqno;

const char *
vrf_tunnel_vrf_name(uint16_t vrf)
{
    return (vrf == VRF_TUNNEL_FLOW ? VRF_TUNNEL_FLOW_NAME
            : vrf_id_to_name(vrf));
}

/* Configuration. */

static bool
type_is_supported(const char *type)
{
    return (!strcmp(type, "vxlan") || !strcmp(type, "geneve")
            || !strcmp(type, "gre") || !strcmp(type, "gtpu"));
}

/* The VRF that a tunnel without options:vrf is in.  Only a tunnel of a
 * userspace datapath has one, and which datapath it is of is known once it is
 * there. */
static uint16_t
vrf_by_local_ip(const struct netdev *netdev,
                const struct netdev_tunnel_config *cfg)
{
    static struct sset warned = SSET_INITIALIZER(&warned);
    const char *dpif_type = netdev_get_dpif_type(netdev);
    bool ambiguous;
    uint16_t vrf;

    if (!ipv6_addr_is_set(&cfg->ipv6_src) || !dpif_type
        || !strcmp(dpif_type, "system")
        || !type_is_supported(netdev_get_type(netdev))) {
        return VRF_DEFAULT_ID;
    }
    vrf = vrf_of_address(&cfg->ipv6_src, &ambiguous);
    if (ambiguous && sset_add(&warned, netdev_get_name(netdev))) {
        VLOG_WARN("%s: more than one VRF has its local_ip, and there is no "
                  "options:vrf: it is in none", netdev_get_name(netdev));
    }
    return vrf;
}

int
vrf_tunnel_set_config(const struct netdev *netdev, const struct smap *args,
                      struct netdev_tunnel_config *cfg, struct ds *errors)
{
    const char *type = netdev_get_type(netdev);
    const char *name = smap_get(args, "vrf");

    if (!name) {
        cfg->vrf = vrf_by_local_ip(netdev, cfg);
        change_seq += ipv6_addr_is_set(&cfg->ipv6_src) && vrf_ports_get();
    } else if (!type_is_supported(type)) {
        ds_put_format(errors, "%s: vrf=%s: tunnels of type %s cannot be in a "
                      "VRF\n", netdev_get_name(netdev), name, type);
        return EINVAL;
    } else if (!strcmp(name, VRF_DEFAULT_NAME)) {
        cfg->vrf_is_given = true;
    } else if (!strcmp(name, VRF_TUNNEL_FLOW_NAME)) {
        cfg->vrf = VRF_TUNNEL_FLOW;
        cfg->vrf_is_given = true;
    } else {
        cfg->vrf = vrf_name_is_valid(name) ? vrf_id_of_name(name) : 0;
        cfg->vrf_is_given = true;
        if (!cfg->vrf) {
            ds_put_format(errors, "%s: vrf=%s is not the name of a VRF, 1 to "
                          "15 characters\n", netdev_get_name(netdev), name);
            return EINVAL;
        }
    }
    in_use |= cfg->vrf != VRF_DEFAULT_ID;
    return 0;
}

void
vrf_tunnel_get_config(const struct netdev_tunnel_config *cfg,
                      struct smap *args)
{
    if (cfg->vrf_is_given) {
        smap_add(args, "vrf", vrf_tunnel_vrf_name(cfg->vrf));
    }
}

void
vrf_tunnel_get_status(const struct netdev_tunnel_config *cfg,
                      struct smap *status)
{
    if (cfg->vrf != VRF_DEFAULT_ID) {
        smap_add(status, "tunnel_egress_vrf", vrf_tunnel_vrf_name(cfg->vrf));
    }
}

void
vrf_tunnel_follow(struct netdev *netdev, struct netdev_tunnel_config *cfg)
{
    uint16_t vrf = cfg->vrf;

    if (!cfg->vrf_is_given) {
        cfg->vrf = vrf_by_local_ip(netdev, cfg);
        in_use |= cfg->vrf != VRF_DEFAULT_ID;
    }
    if (cfg->vrf != vrf) {
        netdev_change_seq_changed(netdev);
    }
}

uint64_t
vrf_tunnel_change_seq(void)
{
    return change_seq;
}

void
vrf_tunnel_run(void)
{
    uint64_t seqno = seq_read(vrf_get_seq());

    if (vrf_pmtu_run(time_msec()) && in_use) {
        seq_change(tnl_conf_seq);
    }
    if (seqno != vrf_seqno && time_msec() >= revalidation_time) {
        vrf_seqno = seqno;
        change_seq++;
        if (in_use) {
            revalidation_time = time_msec() + REVALIDATION_INTERVAL;
            seq_change(tnl_conf_seq);
        }
    }
}

void
vrf_tunnel_wait(void)
{
    uint64_t seqno = seq_read(vrf_get_seq());

    vrf_pmtu_wait();
    if (seqno != vrf_seqno) {
        poll_timer_wait_until(revalidation_time);
    } else {
        seq_wait(vrf_get_seq(), vrf_seqno);
    }
}

/* Ports of the datapath. */

const char *
vrf_tunnel_port_name(const char *dpif_port,
                     const struct netdev_tunnel_config *cfg,
                     char *name, size_t size)
{
    int len = strcspn(dpif_port, "_");
    char vrf[sizeof "65535"];

    if (cfg->vrf == VRF_TUNNEL_FLOW) {
        ovs_strlcpy(vrf, VRF_TUNNEL_FLOW_NAME, sizeof vrf);
    } else {
        snprintf(vrf, sizeof vrf, "%"PRIu16, cfg->vrf);
    }

    /* With three letters any numbers find room. */
    BUILD_ASSERT_DECL(sizeof "vxl_65535:65535" <= IFNAMSIZ);
    for (;;) {
        int n = (cfg->dst_port
                 ? snprintf(name, size, "%.*s_%d:%s", len, dpif_port,
                            ntohs(cfg->dst_port), vrf)
                 : snprintf(name, size, "%.*s:%s", len, dpif_port, vrf));

        if (n < IFNAMSIZ || len <= 3) {
            return name;
        }
        len = 3;
    }
}

const char *
vrf_tunnel_dpif_port(const struct netdev *netdev, const char *dpif_port,
                     char *name, size_t size)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);

    if (dpif_netlink_vrf_mark_is(netdev)) {
        /* As without a VRF: all of a type and a UDP port share it. */
        if (!cfg->dst_port) {
            return dpif_port;
        }
        snprintf(name, size, "%s_%d", dpif_port, ntohs(cfg->dst_port));
        return name;
    }
    return (dpif_netlink_vrf_tunnel_name(netdev, name, size) ? name
            : vrf_tunnel_port_name(dpif_port, cfg, name, size));
}

uint16_t
vrf_tunnel_port_vrf(const char *name)
{
    const char *colon = strchr(name, ':');
    unsigned int vrf;

    if (colon && !strcmp(colon + 1, VRF_TUNNEL_FLOW_NAME)) {
        return VRF_TUNNEL_FLOW;
    }
    return (colon && str_to_uint(colon + 1, 10, &vrf) && vrf <= UINT16_MAX
            ? vrf : VRF_DEFAULT_ID);
}

uint16_t
vrf_tunnel_port_dst_port(const char *name, uint16_t otherwise)
{
    const char *underscore = strchr(name, '_');
    uint16_t of_kernel = vrf_vxlan_parse_name(name);

    return (of_kernel ? of_kernel
            : vrf_tunnel_port_vrf(name) == VRF_DEFAULT_ID ? otherwise
            : underscore ? atoi(underscore + 1) : 0);
}

/* Routes. */

struct source_aux {
    const struct vrf_db *db;
    const struct vrf_ports *ports;
    uint16_t vrf;
};

/* Is the device a port of the VRF? */
static bool
may_be_source(uint32_t ifindex, const void *aux_)
{
    const struct source_aux *aux = aux_;
    const char *name = vrf_db_ifname(ifindex, aux->db);

    return name && vrf_ports_find(aux->ports, name) == aux->vrf;
}

static const char *
choose_source(const struct vrf_db *db, const struct vrf_ports *ports,
              const struct vrf_tunnel_packet *packet,
              const struct vrf_way *way, struct vrf_tunnel_route *r)
{
    const struct source_aux aux = { db, ports, packet->vrf };
    struct vrf_addr source;

    if (ipv6_addr_is_set(&packet->src)) {
        r->src = packet->src;
        return (vrf_has_address(packet->vrf, &packet->src) ? NULL
                : "its source is no address of the VRF");
    }
    if (!vrf_forward_source(db, r->flow.family, way, &r->flow.dst,
                            may_be_source, &aux, &source)) {
        return "the VRF has no address for its source";
    }
    r->src = vrf_addr_to_in6(r->flow.family, &source);
    return NULL;
}

static void
find_mtu(const struct vrf_tunnel_packet *packet, const struct vrf_way *way,
         struct vrf_tunnel_route *r)
{
    const struct vrf_route *route = way->answer.route;

    r->link_mtu = r->mtu = way->mtu;
    r->mtu_by = way->mtu_of_route ? "route" : "device";
    if (!route->info.mtu_locked) {
        uint32_t learned = vrf_pmtu_find(packet->vrf, &packet->dst,
                                         vrf_route_serial(route),
                                         time_msec());

        if (learned && learned < r->mtu) {
            r->mtu = learned;
            r->mtu_by = "path";
        }
    }
}

/* Says why a packet does not go by 'way'. */
static const char *
why_not(const struct vrf_way *way)
{
    if (way->outcome == VRF_NO_ROUTE || way->outcome == VRF_LEAK_LOOP) {
        return "no route";
    } else if (way->outcome == VRF_DEV_DOWN) {
        return "no device of the route is up";
    } else if (way->outcome == VRF_ENCAP) {
        return "Linux would encapsulate it";
    } else if (way->outcome == VRF_BLACKHOLE) {
        /* That may be the hop. */
        return vrf_route_type_name(VRF_ROUTE_BLACKHOLE);
    } else if (way->answer.type == VRF_ROUTE_LOCAL) {
        return "the destination is local";
    }
    return vrf_route_type_name(way->answer.type);
}

static const char *
lookup(const struct vrf_tunnel_packet *packet, struct vrf_tunnel_route *r)
{
    const struct vrf_ports *ports = vrf_ports_get();
    const struct vrf_db *db = ports ? vrf_ports_db(ports) : NULL;
    const struct vrf *vrf = vrf_by_id(packet->vrf);
    struct vrf_way way;
    uint32_t hash;

    if (!vrf || !db) {
        return "there is no such VRF";
    }
    r->flow.family = vrf_addr_from_in6(&packet->dst, &r->flow.dst);
    if (ipv6_addr_is_set(&packet->src)
        && vrf_addr_from_in6(&packet->src, &r->flow.src) != r->flow.family) {
        return "its addresses are of different families";
    }
    r->flow.iif = VRF_IIF_LOCAL;
    r->flow.vrf_table = vrf->table;
    r->flow.mark = packet->mark;
    r->flow.tos = packet->tos;
    r->flow.proto = packet->proto;
    r->flow.dport = packet->dport;
    vrf_db_complete_flow(db, &r->flow);
    hash = hash_bytes(&packet->dst, sizeof packet->dst,
                      hash_bytes(&packet->src, sizeof packet->src, 0));
    vrf_forward(db, &r->flow, hash, &way);

    /* Where Linux has no VRFs, its local addresses are those of all of them,
     * and another one's mean nothing here. */
    if (way.outcome == VRF_LOCAL && way.answer.type == VRF_ROUTE_LOCAL
        && !vrf->ifindex && !vrf_has_address(packet->vrf, &packet->dst)) {
        vrf_forward_table(db, &r->flow, vrf->table, hash, &way);
    }
    r->answer = way.answer;
    if (way.outcome != VRF_FORWARDED) {
        return why_not(&way);
    } else if (way.family != r->flow.family) {
        return "the next hop is of another family";
    }
    r->device = vrf_db_ifname(way.ifindex, db);
    if (!r->device) {
        return "no device of the route is up"; /* It went just now. */
    }
    r->next_hop = vrf_addr_to_in6(way.family, &way.next_hop);
    find_mtu(packet, &way, r);
    return choose_source(db, ports, packet, &way, r);
}

bool
vrf_tunnel_lookup(const struct vrf_tunnel_packet *packet,
                  struct vrf_tunnel_route *route)
{
    memset(route, 0, sizeof *route);
    route->error = lookup(packet, route);
    return !route->error;
}

void
vrf_tunnel_route_format(const struct vrf_tunnel_packet *packet,
                        const struct vrf_tunnel_route *r, struct ds *s)
{
    const struct vrf_ports *ports = vrf_ports_get();
    const struct vrf_answer *a = &r->answer;
    const struct vrf_prefix p = { vrf_addr_cut(&r->flow.dst, a->len), a->len };

    ds_put_format(s, "VRF %s", vrf_id_to_name(packet->vrf));
    if (a->rule) {
        ds_put_cstr(s, ", rule ");
        vrf_rule_format(r->flow.family, a->rule, s);
    }
    if (a->route && ports) {
        ds_put_format(s, ", table %"PRIu32", route ", a->table);
        if (a->route->info.type != VRF_ROUTE_UNICAST) {
            ds_put_format(s, "%s ",
                          vrf_route_type_name(a->route->info.type));
        }
        vrf_prefix_format(r->flow.family, &p, s);
        vrf_route_format(r->flow.family, a->route, vrf_db_ifname,
                         vrf_ports_db(ports), s);
    }
    if (r->error) {
        ds_put_format(s, ": %s", r->error);
    } else {
        ds_put_cstr(s, ", next hop ");
        ipv6_format_mapped(&r->next_hop, s);
        ds_put_format(s, " on %s, MTU %"PRIu32" of the %s", r->device, r->mtu,
                      r->mtu_by);
    }
}

bool
vrf_tunnel_egress(const struct netdev_tunnel_config *cfg, char *device)
{
    const struct vrf_tunnel_packet packet = {
        .vrf = cfg->vrf,        /* There is none with VRF_TUNNEL_FLOW. */
        .dst = cfg->ipv6_dst,
        .src = cfg->ipv6_src,
        .mark = cfg->egress_pkt_mark,
        .tos = cfg->tos,
        .proto = cfg->dst_port ? IPPROTO_UDP : IPPROTO_GRE,
        .dport = ntohs(cfg->dst_port),
    };
    struct vrf_tunnel_route route;

    if (!vrf_tunnel_lookup(&packet, &route)) {
        return false;
    }
    ovs_strlcpy(device, route.device, IFNAMSIZ);
    return true;
}
