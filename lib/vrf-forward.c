/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-forward.h"

#include "icmp-error.h"
#include "util.h"

static const char *const names[VRF_N_OUTCOMES] = {
    [VRF_FORWARDED] = "forwarded",
    [VRF_LOCAL] = "local",
    [VRF_TTL] = "ttl",
    [VRF_NO_ROUTE] = "no_route",
    [VRF_UNREACHABLE] = "unreachable",
    [VRF_PROHIBIT] = "prohibit",
    [VRF_TOO_BIG] = "too_big",
    [VRF_NEIGH_FAILED] = "neigh_failed",
    [VRF_UNKNOWN] = "vrf_unknown",
    [VRF_NOT_IP] = "not_ip",
    [VRF_BAD_HEADER] = "bad_header",
    [VRF_BAD_SRC] = "bad_src",
    [VRF_NOT_ROUTABLE] = "not_routable",
    [VRF_BROADCAST] = "broadcast",
    [VRF_BLACKHOLE] = "blackhole",
    [VRF_ENCAP] = "encap",
    [VRF_LEAK_LOOP] = "leak_loop",
    [VRF_DEV_DOWN] = "dev_down",
    [VRF_DEV_NOT_OVS] = "dev_not_ovs",
    [VRF_NEIGH_FULL] = "neigh_full",
    [VRF_OVERLOAD] = "overload",
};

const char *
vrf_outcome_name(enum vrf_outcome outcome)
{
    return names[outcome];
}

bool
vrf_outcome_error(enum vrf_outcome outcome, enum icmp_error *error)
{
    switch (outcome) {
    case VRF_TTL:
        *error = ICMP_ERROR_TTL;
        return true;
    case VRF_NO_ROUTE:
        *error = ICMP_ERROR_NO_ROUTE;
        return true;
    case VRF_UNREACHABLE:
        *error = ICMP_ERROR_UNREACHABLE;
        return true;
    case VRF_PROHIBIT:
        *error = ICMP_ERROR_PROHIBITED;
        return true;
    case VRF_TOO_BIG:
        *error = ICMP_ERROR_TOO_BIG;
        return true;
    case VRF_NEIGH_FAILED:
        *error = ICMP_ERROR_NEIGHBOUR;
        return true;
    case VRF_FORWARDED:
    case VRF_LOCAL:
    case VRF_UNKNOWN:
    case VRF_NOT_IP:
    case VRF_BAD_HEADER:
    case VRF_BAD_SRC:
    case VRF_NOT_ROUTABLE:
    case VRF_BROADCAST:
    case VRF_BLACKHOLE:
    case VRF_ENCAP:
    case VRF_LEAK_LOOP:
    case VRF_DEV_DOWN:
    case VRF_DEV_NOT_OVS:
    case VRF_NEIGH_FULL:
    case VRF_OVERLOAD:
    case VRF_N_OUTCOMES:
        return false;
    }
    OVS_NOT_REACHED();
}

/* Fills in where packets that are passed on go. */
static enum vrf_outcome
unicast(const struct vrf_db *db, const struct vrf_flow *flow, uint32_t hash,
        struct vrf_way *way)
{
    const struct vrf_route *route = way->answer.route;
    const struct vrf_hop *hop = vrf_db_choose(db, route, hash);
    const struct vrf_device *device;

    if (!hop) {
        return VRF_DEV_DOWN;
    } else if (hop->flags & VRF_HOP_BLACKHOLE) {
        return VRF_BLACKHOLE;
    } else if (hop->flags & VRF_HOP_ENCAP) {
        return VRF_ENCAP;
    }
    device = vrf_db_device(db, hop->ifindex);
    if (!device) {
        return VRF_DEV_DOWN;
    }
    way->hop = hop;
    way->ifindex = hop->ifindex;
    if (vrf_addr_is_zero(&hop->gateway)) {
        way->family = flow->family;
        way->next_hop = flow->dst;
    } else {
        way->family = hop->gateway_family;
        way->next_hop = hop->gateway;
    }
    way->mtu_of_route = route->info.mtu != 0;
    way->mtu = way->mtu_of_route ? route->info.mtu : device->mtu;
    return VRF_FORWARDED;
}

static enum vrf_outcome
outcome_of(const struct vrf_db *db, const struct vrf_flow *flow,
           uint32_t hash, struct vrf_way *way)
{
    const struct vrf_hops *hops;

    switch (way->answer.type) {
    case VRF_ROUTE_UNICAST:
        return unicast(db, flow, hash, way);

    case VRF_ROUTE_LOCAL:
    case VRF_ROUTE_ANYCAST:
        hops = vrf_route_hops(way->answer.route);
        way->ifindex = hops->n ? hops->hops[0].ifindex : 0;
        return VRF_LOCAL;

    case VRF_ROUTE_BROADCAST:
        return VRF_BROADCAST;
    case VRF_ROUTE_MULTICAST:
        return VRF_NOT_ROUTABLE;
    case VRF_ROUTE_BLACKHOLE:
        return VRF_BLACKHOLE;
    case VRF_ROUTE_PROHIBIT:
        return VRF_PROHIBIT;
    case VRF_ROUTE_UNREACHABLE:
        return VRF_UNREACHABLE;
    default:
        return VRF_NO_ROUTE;
    }
}

/* Fills in the rest of '*way', which has the answer if that was 'found'. */
static void
complete(const struct vrf_db *db, const struct vrf_flow *flow, uint32_t hash,
         bool found, struct vrf_way *way)
{
    way->hop = NULL;
    way->ifindex = 0;
    way->mtu = 0;
    if (found) {
        way->outcome = outcome_of(db, flow, hash, way);
    } else {
        way->outcome = (way->answer.leak_loop ? VRF_LEAK_LOOP
                        : VRF_NO_ROUTE);
    }
}

void
vrf_forward(const struct vrf_db *db, const struct vrf_flow *flow,
            uint32_t hash, struct vrf_way *way)
{
    complete(db, flow, hash, vrf_db_lookup(db, flow, &way->answer), way);
}

void
vrf_forward_from(const struct vrf_db *db, const struct vrf_flow *flow,
                 uint32_t table, uint32_t hash, struct vrf_way *way)
{
    complete(db, flow, hash,
             vrf_db_lookup_from(db, flow, table, &way->answer), way);
}

void
vrf_forward_table(const struct vrf_db *db, const struct vrf_flow *flow,
                  uint32_t table, uint32_t hash, struct vrf_way *way)
{
    complete(db, flow, hash,
             vrf_db_lookup_table(db, flow, table, &way->answer), way);
}

/* The best source among the addresses seen so far. */
struct source {
    enum vrf_family family;
    uint32_t ifindex;
    const struct vrf_addr *near; /* What it should be in one network with. */
    bool (*usable)(uint32_t ifindex, const void *aux);
    const void *aux;

    struct vrf_addr best;
    unsigned int rank;          /* 0 if there is none. */
};

static bool
is_link_scope(enum vrf_family family, const struct vrf_addr *a)
{
    return family == VRF_IPV6 && a->hi >> 54 == 0xfe80 >> 6;
}

static void
consider(const struct vrf_address *a, void *s_)
{
    struct source *s = s_;
    bool of_device = a->ifindex == s->ifindex;
    unsigned int rank;

    if (a->family != s->family
        || (is_link_scope(a->family, &a->addr)
            && !(of_device && is_link_scope(s->family, s->near)))
        || (a->family == VRF_IPV4 && a->addr.hi >> 56 == 127)
        || (a->family == VRF_IPV6 && !a->addr.hi && a->addr.lo <= 1)) {
        return;
    }

    /* First those of the device, of these the ones in the network of 'near',
     * of these the one that has the most in common with it. */
    rank = 1 + vrf_addr_common(&a->addr, s->near);
    if (of_device) {
        rank += rank > a->len ? 2000 : 1000;
    }
    if ((rank > s->rank
         || (rank == s->rank && (a->addr.hi < s->best.hi
                                 || (a->addr.hi == s->best.hi
                                     && a->addr.lo < s->best.lo))))
        && s->usable(a->ifindex, s->aux)) {
        s->best = a->addr;
        s->rank = rank;
    }
}

bool
vrf_forward_source(const struct vrf_db *db, enum vrf_family family,
                   const struct vrf_way *way, const struct vrf_addr *dst,
                   bool (*usable)(uint32_t ifindex, const void *aux),
                   const void *aux, struct vrf_addr *source)
{
    const struct vrf_route *route = way->answer.route;
    struct source s = {
        .family = family,
        .ifindex = way->ifindex,
        .near = (way->outcome == VRF_FORWARDED && way->family == family
                 ? &way->next_hop : dst),
        .usable = usable,
        .aux = aux,
    };

    if (route && !vrf_addr_is_zero(&route->info.prefsrc)) {
        *source = route->info.prefsrc;
        return true;
    }
    if (is_link_scope(family, s.near) && !is_link_scope(family, dst)) {
        s.near = dst;
    }
    vrf_db_for_each_address(db, consider, &s);
    *source = s.best;
    return s.rank != 0;
}
