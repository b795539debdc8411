/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "tunnel-vrf-flow.h"

#include <stdlib.h>
#include <string.h>

#include "dpif.h"
#include "flow.h"
#include "hash.h"
#include "netdev.h"
#include "netdev-vport.h"
#include "odp-util.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "simap.h"
#include "smap.h"
#include "tnl-ports.h"
#include "tunnel.h"
#include "util.h"
#include "vrf-port.h"
#include "vrf-tunnel.h"

VLOG_DEFINE_THIS_MODULE(tunnel_vrf_flow);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Types of tunnels that may be in VRFs, by what names of all their ports begin
 * with, and names of their ports in the default VRF. */
static const struct kind {
    const char *prefix;
    const char *type;
    const char *dpif_port;
} kinds[] = {
    { "vxl", "vxlan", "vxlan_sys" },
    { "gen", "geneve", "genev_sys" },
    { "gre", "gre", "gre_sys" },
    { "gtp", "gtpu", "gtpu_sys" },
};

/* A port by which packets of 'vrf' are received for the tunnels that send by
 * 'base'. */
struct way_in {
    struct hmap_node node;      /* In struct ways_in, by 'odp_port'. */
    char *dpif;
    const struct kind *kind;
    ovs_be16 dst_port;
    uint16_t vrf;
    odp_port_t odp_port;
    odp_port_t base;
};

/* All of them.  They do not change once they are visible. */
struct ways_in {
    struct hmap ways;
};

static OVSRCU_TYPE(struct ways_in *) live = OVSRCU_INITIALIZER(NULL);

static const struct way_in *
find_way(const struct ways_in *all, odp_port_t odp_port)
{
    const struct way_in *way;

    HMAP_FOR_EACH_IN_BUCKET (way, node, hash_odp_port(odp_port),
                             &all->ways) {
        if (way->odp_port == odp_port) {
            return way;
        }
    }
    return NULL;
}

/* Any thread. */

void
tunnel_vrf_flow_enter(const struct flow *upcall, struct flow *flow)
{
    const struct ways_in *all = ovsrcu_get(struct ways_in *, &live);
    const struct way_in *way;

    if (OVS_LIKELY(!all) || !tnl_port_should_receive(upcall)) {
        return;
    }
    way = find_way(all, upcall->in_port.odp_port);
    if (way) {
        flow->tunnel.tun_vrf = way->vrf;
    }
}

struct tnl_port *
tunnel_vrf_flow_find(const struct flow *flow,
                     struct tnl_port *(*find)(const struct flow *))
{
    const struct ways_in *all = ovsrcu_get(struct ways_in *, &live);
    const struct way_in *way;
    struct flow of_base;

    way = OVS_LIKELY(!all) ? NULL : find_way(all, flow->in_port.odp_port);
    if (!way) {
        return NULL;
    }
    of_base = *flow;
    of_base.in_port.odp_port = way->base;
    return find(&of_base);
}

/* Main thread. */

static const struct kind *
kind_of_port(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix))) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Puts the name of the port of a VRF into 'name', as it is for tunnels with
 * options:vrf=NAME, or without. */
static void
port_name(const struct kind *kind, ovs_be16 dst_port, uint16_t vrf,
          char name[IFNAMSIZ])
{
    const struct netdev_tunnel_config cfg = {
        .dst_port = dst_port,
        .vrf = vrf,
    };

    if (vrf != VRF_DEFAULT_ID) {
        vrf_tunnel_port_name(kind->dpif_port, &cfg, name, IFNAMSIZ);
    } else if (dst_port) {
        snprintf(name, IFNAMSIZ, "%s_%d", kind->dpif_port, ntohs(dst_port));
    } else {
        ovs_strlcpy(name, kind->dpif_port, IFNAMSIZ);
    }
}

/* Creates a tunnel in the VRF that is a port of no bridge, for the datapath's
 * port of such tunnels.  It has an end that no packet is sent to, as ICMP
 * errors are believed if they quote packets that a tunnel may have sent, and
 * this one sends none. */
static int
open_tunnel(const struct kind *kind, ovs_be16 dst_port, uint16_t vrf,
            const char *name, struct netdev **netdev)
{
    struct smap options = SMAP_INITIALIZER(&options);
    char *netdev_name = xasprintf("flow:%s", name);
    int error = netdev_open(netdev_name, kind->type, netdev);

    if (!error) {
        smap_add(&options, "remote_ip", "127.0.0.1");
        smap_add(&options, "vrf", vrf_id_to_name(vrf));
        if (dst_port) {
            smap_add_format(&options, "dst_port", "%d", ntohs(dst_port));
        }
        error = netdev_set_config(*netdev, &options, NULL);
        if (error) {
            netdev_close(*netdev);
        }
    }
    smap_destroy(&options);
    free(netdev_name);
    return error;
}

static odp_port_t
create_port(struct dpif *dpif, const struct kind *kind, ovs_be16 dst_port,
            uint16_t vrf, const char *name)
{
    odp_port_t odp_port = ODPP_NONE;
    struct netdev *netdev;
    int error = open_tunnel(kind, dst_port, vrf, name, &netdev);

    if (!error) {
        error = dpif_port_add(dpif, netdev, &odp_port);
        netdev_close(netdev);
    }
    if (error) {
        VLOG_WARN_RL(&rl, "%s: could not create %s, by which tunnels with "
                     "options:vrf=flow receive what comes in VRF %s: %s",
                     dpif_name(dpif), name, vrf_id_to_name(vrf),
                     ovs_strerror(error));
        return ODPP_NONE;
    }
    return odp_port;
}

/* Finds the port with 'name', wherever it is, or creates it; it will be in
 * 'used'. */
static odp_port_t
need_port(struct dpif *dpif, const struct kind *kind, ovs_be16 dst_port,
          uint16_t vrf, struct simap *used, struct simap *unused)
{
    char name[IFNAMSIZ];
    struct simap_node *node;
    odp_port_t odp_port;

    port_name(kind, dst_port, vrf, name);
    if (simap_contains(used, name)) {
        return u32_to_odp(simap_get(used, name));
    }
    node = simap_find(unused, name);
    if (node) {
        odp_port = u32_to_odp(node->data);
        simap_delete(unused, node);
    } else {
        odp_port = create_port(dpif, kind, dst_port, vrf, name);
    }
    if (odp_port != ODPP_NONE) {
        simap_put(used, name, odp_to_u32(odp_port));
    }
    return odp_port;
}

/* Adds a copy of 'way'. */
static void
add_way(struct ways_in *all, const struct way_in *way)
{
    struct way_in *copy = xmemdup(way, sizeof *way);

    copy->dpif = xstrdup(way->dpif);
    hmap_insert(&all->ways, &copy->node, hash_odp_port(way->odp_port));
}

/* Adds the ways in for the tunnels that send by 'base'. */
static void
add_ways(struct dpif *dpif, const char *base_name, odp_port_t base,
         struct simap *used, struct simap *unused, struct ways_in *all)
{
    const struct kind *kind = kind_of_port(base_name);
    uint16_t dst_port = vrf_tunnel_port_dst_port(base_name, 0);

    for (size_t vrf = 0; kind && vrf < MAX(vrf_id_limit(), 1); vrf++) {
        struct way_in way = {
            .dpif = CONST_CAST(char *, dpif_name(dpif)),
            .kind = kind,
            .dst_port = htons(dst_port),
            .vrf = vrf,
            .base = base,
        };

        /* No tunnel can be put into a VRF of that name. */
        if (vrf != VRF_DEFAULT_ID
            && (!vrf_by_id(vrf)
                || !strcmp(vrf_id_to_name(vrf), VRF_TUNNEL_FLOW_NAME))) {
            continue;
        }
        way.odp_port = need_port(dpif, kind, way.dst_port, vrf, used, unused);
        if (way.odp_port != ODPP_NONE) {
            add_way(all, &way);
        }
    }
}

static struct ways_in *
ways_create(void)
{
    struct ways_in *all = xmalloc(sizeof *all);

    hmap_init(&all->ways);
    return all;
}

static void
ways_destroy(struct ways_in *all)
{
    struct way_in *way;

    HMAP_FOR_EACH_POP (way, node, &all->ways) {
        free(way->dpif);
        free(way);
    }
    hmap_destroy(&all->ways);
    free(all);
}

static bool
has_way(const struct ways_in *all, const struct way_in *a)
{
    const struct way_in *b;

    if (!all) {
        return false;
    }
    HMAP_FOR_EACH_IN_BUCKET (b, node, hash_odp_port(a->odp_port),
                             &all->ways) {
        if (a->odp_port == b->odp_port && a->base == b->base
            && a->vrf == b->vrf && a->kind == b->kind
            && a->dst_port == b->dst_port && !strcmp(a->dpif, b->dpif)) {
            return true;
        }
    }
    return false;
}

/* Has packets to addresses of VRFs terminated at the ports of 'all', and no
 * others for such tunnels any more.  Takes it. */
static void
publish(struct ways_in *all)
{
    struct ways_in *old = ovsrcu_get_protected(struct ways_in *, &live);
    const struct way_in *way;

    ovsrcu_set(&live, hmap_is_empty(&all->ways) ? NULL : all);
    HMAP_FOR_EACH (way, node, &all->ways) {
        if (!has_way(old, way)) {
            char name[IFNAMSIZ];

            port_name(way->kind, way->dst_port, way->vrf, name);
            tnl_port_map_insert(way->odp_port, way->dst_port, name,
                                way->kind->type);
        }
    }
    if (old) {
        HMAP_FOR_EACH (way, node, &old->ways) {
            if (!has_way(all, way)) {
                tnl_port_map_delete(way->odp_port, way->kind->type);
            }
        }
        ovsrcu_postpone(ways_destroy, old);
    }
    if (hmap_is_empty(&all->ways)) {
        ways_destroy(all);
    }
}

/* The ways in that other datapaths have. */
static struct ways_in *
ways_of_others(const struct dpif *dpif)
{
    const struct ways_in *old = ovsrcu_get_protected(struct ways_in *, &live);
    struct ways_in *all = ways_create();
    const struct way_in *way;

    if (old) {
        HMAP_FOR_EACH (way, node, &old->ways) {
            if (strcmp(way->dpif, dpif_name(dpif))) {
                add_way(all, way);
            }
        }
    }
    return all;
}

void
tunnel_vrf_flow_close(const struct dpif *dpif)
{
    if (ovsrcu_get_protected(struct ways_in *, &live)) {
        publish(ways_of_others(dpif));
    }
}

void
tunnel_vrf_flow_run(struct dpif *dpif, struct simap *used,
                    struct simap *unused)
{
    struct simap bases = SIMAP_INITIALIZER(&bases);
    struct simap_node *node, *next;

    SIMAP_FOR_EACH (node, used) {
        if (vrf_tunnel_port_vrf(node->name) == VRF_TUNNEL_FLOW) {
            simap_put(&bases, node->name, node->data);
        }
    }
    if (!simap_is_empty(&bases) || ovsrcu_get_protected(struct ways_in *,
                                                        &live)) {
        struct ways_in *all = ways_of_others(dpif);

        SIMAP_FOR_EACH (node, &bases) {
            add_ways(dpif, node->name, u32_to_odp(node->data), used, unused,
                     all);
        }
        publish(all);
    }
    simap_destroy(&bases);

    /* One may go with its VRF, and its number be another one's. */
    SIMAP_FOR_EACH_SAFE (node, next, unused) {
        if (!dpif_port_exists(dpif, node->name)) {
            simap_delete(unused, node);
        }
    }
}
