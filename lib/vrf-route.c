/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-route.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "util.h"

struct nexthop {
    struct hmap_node node;      /* In 'nexthops', by 'id'. */
    uint32_t id;
    bool marked;                /* Not set since the mark. */
    struct vrf_hop hop;         /* If 'members' is null. */
    struct vrf_member *members;
    size_t n_members;
};

struct vrf_pool {
    struct hmap routes;
    struct hmap nexthops;
    size_t bytes;
};

static const char *const type_names[] = {
    [VRF_ROUTE_UNICAST] = "unicast",
    [VRF_ROUTE_LOCAL] = "local",
    [VRF_ROUTE_BROADCAST] = "broadcast",
    [VRF_ROUTE_ANYCAST] = "anycast",
    [VRF_ROUTE_MULTICAST] = "multicast",
    [VRF_ROUTE_BLACKHOLE] = "blackhole",
    [VRF_ROUTE_UNREACHABLE] = "unreachable",
    [VRF_ROUTE_PROHIBIT] = "prohibit",
    [VRF_ROUTE_THROW] = "throw",
};

const char *
vrf_route_type_name(enum vrf_route_type type)
{
    return (type > 0 && type < ARRAY_SIZE(type_names)
            ? type_names[type] : "unknown");
}

bool
vrf_route_is_by(const struct vrf_route *route, uint32_t ifindex)
{
    const struct vrf_hops *hops = vrf_route_hops(route);

    if (vrf_route_type_delivers(route->info.type)) {
        for (size_t i = 0; i < hops->n; i++) {
            if (hops->hops[i].ifindex == ifindex) {
                return true;
            }
        }
    }
    return false;
}

/* Choosing. */

/* Is it the same way, whatever its state? */
static bool
same_way(const struct vrf_hop *a, const struct vrf_hop *b)
{
    return (a->ifindex == b->ifindex
            && a->leak_table == b->leak_table
            && a->gateway_family == b->gateway_family
            && vrf_addr_equal(&a->gateway, &b->gateway));
}

/* A number for hop 'i', which does not depend on the other hops. */
static uint32_t
hop_identity(const struct vrf_hops *hops, size_t i)
{
    const struct vrf_hop *h = &hops->hops[i];
    uint32_t ordinal = 0;

    for (size_t j = 0; j < i; j++) {
        ordinal += same_way(&hops->hops[j], h);
    }
    return hash_bytes(&h->gateway, sizeof h->gateway,
                      hash_3words(h->ifindex, h->leak_table, ordinal));
}

/* Rendezvous hashing: the hop with the lowest cost gets the bucket.  Costs are
 * distributed such that the chance to be the lowest is as the weight. */
static double
bucket_cost(uint32_t identity, uint32_t weight, uint32_t bucket)
{
    uint32_t hash = hash_finish(hash_2words(identity, bucket), identity);

    return -log((hash + 0.5) / 4294967296.0) / weight;
}

static void
fill_buckets(struct vrf_hops *hops)
{
    uint32_t identities[VRF_MAX_HOPS];

    for (size_t i = 0; i < hops->n; i++) {
        identities[i] = hop_identity(hops, i);
    }
    hops->buckets = xmalloc(VRF_HOP_BUCKETS);
    for (size_t b = 0; b < VRF_HOP_BUCKETS; b++) {
        double best = INFINITY;

        for (size_t i = 0; i < hops->n; i++) {
            double cost = bucket_cost(identities[i], hops->hops[i].weight, b);

            if (cost < best) {
                best = cost;
                hops->buckets[b] = i;
            }
        }
    }
}

const struct vrf_hop *
vrf_hops_choose(const struct vrf_hops *hops, uint32_t hash,
                vrf_hop_usable_func *usable, const void *aux)
{
    uint32_t b = hash % VRF_HOP_BUCKETS;
    const struct vrf_hop *chosen;

    if (!hops->n) {
        return NULL;
    }
    chosen = &hops->hops[hops->buckets ? hops->buckets[b] : 0];
    if (!usable(chosen, aux)) {
        double best = INFINITY;

        chosen = NULL;
        for (size_t i = 0; i < hops->n; i++) {
            const struct vrf_hop *h = &hops->hops[i];

            if (usable(h, aux)) {
                double cost = bucket_cost(hop_identity(hops, i), h->weight, b);

                if (cost < best) {
                    best = cost;
                    chosen = h;
                }
            }
        }
    }
    return chosen;
}

/* Hops. */

static size_t
hops_bytes(const struct vrf_hops *hops)
{
    return (sizeof *hops + hops->n * sizeof *hops->hops
            + (hops->buckets ? VRF_HOP_BUCKETS : 0));
}

static struct vrf_hops *
hops_create(const struct vrf_hop hop[], size_t n)
{
    struct vrf_hops *hops;

    ovs_assert(n <= VRF_MAX_HOPS);
    hops = xmalloc(sizeof *hops + n * sizeof *hop);
    hops->n = n;
    hops->buckets = NULL;
    if (n) {
        memcpy(hops->hops, hop, n * sizeof *hop);
    }
    if (n > 1) {
        fill_buckets(hops);
    }
    return hops;
}

static void
hops_free(struct vrf_hops *hops)
{
    free(hops->buckets);
    free(hops);
}

static bool
hops_are(const struct vrf_hops *hops, const struct vrf_hop hop[], size_t n)
{
    return (hops->n == n
            && (!n || !memcmp(hops->hops, hop, n * sizeof *hop)));
}

bool
vrf_hops_equal(const struct vrf_hops *a, const struct vrf_hops *b)
{
    return hops_are(a, b->hops, b->n);
}

/* The pool. */

struct vrf_pool *
vrf_pool_create(void)
{
    struct vrf_pool *pool = xzalloc(sizeof *pool);

    hmap_init(&pool->routes);
    hmap_init(&pool->nexthops);
    return pool;
}

static void
route_free(struct vrf_route *route)
{
    const struct vrf_hops *hops = ovsrcu_get_protected(const struct vrf_hops *,
                                                       &route->hops);

    hops_free(CONST_CAST(struct vrf_hops *, hops));
    free(route);
}

static void
nexthop_free(struct vrf_pool *pool, struct nexthop *nh)
{
    hmap_remove(&pool->nexthops, &nh->node);
    free(nh->members);
    free(nh);
}

void
vrf_pool_destroy(struct vrf_pool *pool)
{
    struct nexthop *nh;

    if (!pool) {
        return;
    }
    ovs_assert(hmap_is_empty(&pool->routes));
    HMAP_FOR_EACH_SAFE (nh, node, &pool->nexthops) {
        nexthop_free(pool, nh);
    }
    hmap_destroy(&pool->routes);
    hmap_destroy(&pool->nexthops);
    free(pool);
}

static void
renew_serial(struct vrf_route *route)
{
    static atomic_uint64_t last = ATOMIC_VAR_INIT(0);
    uint64_t serial;

    atomic_add_relaxed(&last, 1, &serial);
    atomic_store_explicit(&route->serial, serial + 1, memory_order_release);
}

static struct nexthop *
find_nexthop(const struct vrf_pool *pool, uint32_t id)
{
    struct nexthop *nh;

    HMAP_FOR_EACH_WITH_HASH (nh, node, hash_int(id, 0), &pool->nexthops) {
        if (nh->id == id) {
            return nh;
        }
    }
    return NULL;
}

/* Fills in the hops that the object has now; returns how many. */
static size_t
resolve_nexthop(const struct vrf_pool *pool, const struct nexthop *nh,
                struct vrf_hop hops[VRF_MAX_HOPS])
{
    size_t n = 0;

    if (!nh->members) {
        hops[0] = nh->hop;
        return 1;
    }
    for (size_t i = 0; i < nh->n_members && n < VRF_MAX_HOPS; i++) {
        const struct nexthop *member = find_nexthop(pool, nh->members[i].id);

        if (member && !member->members) {
            hops[n] = member->hop;
            hops[n++].weight = nh->members[i].weight;
        }
    }
    return n;
}

/* Gives 'route' other hops.  Returns false if they are what it had. */
static bool
set_hops(struct vrf_pool *pool, struct vrf_route *route,
         const struct vrf_hop hops[], size_t n)
{
    struct vrf_hops *old = CONST_CAST(
        struct vrf_hops *,
        ovsrcu_get_protected(const struct vrf_hops *, &route->hops));

    if (old && hops_are(old, hops, n)) {
        return false;
    }

    const struct vrf_hops *new = hops_create(hops, n);

    /* Whoever sees the new serial sees the new hops.  One who sees the new
     * hops with the old serial looks again needlessly. */
    ovsrcu_set(&route->hops, new);
    renew_serial(route);
    pool->bytes += hops_bytes(new);
    if (old) {
        pool->bytes -= hops_bytes(old);
        ovsrcu_postpone(hops_free, old);
    }
    return true;
}

static uint32_t
route_hash(const struct vrf_route_info *info, const struct vrf_hop hops[],
           size_t n)
{
    uint32_t hash = hash_bytes(info, sizeof *info, 0);

    return info->nhid ? hash : hash_bytes(hops, n * sizeof *hops, hash);
}

struct vrf_route *
vrf_pool_get(struct vrf_pool *pool, const struct vrf_route_info *info,
             const struct vrf_hop hops[], size_t n)
{
    const struct nexthop *nh = info->nhid ? find_nexthop(pool, info->nhid)
                               : NULL;
    uint32_t hash = route_hash(info, hops, n);
    struct vrf_hop resolved[VRF_MAX_HOPS];
    struct vrf_route *route;

    HMAP_FOR_EACH_WITH_HASH (route, node, hash, &pool->routes) {
        if (!memcmp(&route->info, info, sizeof *info)
            && (info->nhid || hops_are(vrf_route_hops(route), hops, n))) {
            break;
        }
    }
    if (nh) {
        n = resolve_nexthop(pool, nh, resolved);
        hops = resolved;
    }
    if (!route) {
        route = xzalloc(sizeof *route);
        route->info = *info;
        atomic_init(&route->serial, 0);
        ovsrcu_init(&route->hops, NULL);
        set_hops(pool, route, hops, n);
        hmap_insert(&pool->routes, &route->node, hash);
        pool->bytes += sizeof *route;
    } else if (info->nhid) {
        set_hops(pool, route, hops, n);
    }
    route->n_users++;
    return route;
}

void
vrf_pool_ref(struct vrf_route *route)
{
    route->n_users++;
}

void
vrf_pool_put(struct vrf_pool *pool, struct vrf_route *route)
{
    ovs_assert(route->n_users);
    if (!--route->n_users) {
        hmap_remove(&pool->routes, &route->node);
        pool->bytes -= sizeof *route + hops_bytes(vrf_route_hops(route));
        ovsrcu_postpone(route_free, route);
    }
}

static bool
has_member(const struct nexthop *nh, uint32_t id)
{
    for (size_t i = 0; i < nh->n_members; i++) {
        if (nh->members[i].id == id) {
            return true;
        }
    }
    return false;
}

/* Brings the routes up to date that follow object 'id', as a member of a
 * group, too.  There are as many as there are different ones, not as many as
 * in the tables. */
static bool
follow_nexthop(struct vrf_pool *pool, uint32_t id)
{
    struct vrf_route *route;
    bool changed = false;

    HMAP_FOR_EACH (route, node, &pool->routes) {
        const struct nexthop *nh;

        if (!route->info.nhid) {
            continue;
        }
        nh = find_nexthop(pool, route->info.nhid);
        if (nh && (nh->id == id || has_member(nh, id))) {
            struct vrf_hop hops[VRF_MAX_HOPS];
            size_t n = resolve_nexthop(pool, nh, hops);

            changed |= set_hops(pool, route, hops, n);
        } else if (!nh && route->info.nhid == id) {
            changed |= set_hops(pool, route, NULL, 0);
        }
    }
    return changed;
}

static struct nexthop *
make_nexthop(struct vrf_pool *pool, uint32_t id)
{
    struct nexthop *nh = find_nexthop(pool, id);

    if (!nh) {
        nh = xzalloc(sizeof *nh);
        nh->id = id;
        hmap_insert(&pool->nexthops, &nh->node, hash_int(id, 0));
    }
    nh->marked = false;
    free(nh->members);
    nh->members = NULL;
    nh->n_members = 0;
    return nh;
}

bool
vrf_pool_set_nexthop(struct vrf_pool *pool, uint32_t id,
                     const struct vrf_hop *hop)
{
    make_nexthop(pool, id)->hop = *hop;
    return follow_nexthop(pool, id);
}

bool
vrf_pool_set_group(struct vrf_pool *pool, uint32_t id,
                   const struct vrf_member members[], size_t n)
{
    struct nexthop *nh = make_nexthop(pool, id);

    nh->members = xmalloc(MAX(n, 1) * sizeof *members);
    memcpy(nh->members, members, n * sizeof *members);
    nh->n_members = n;
    return follow_nexthop(pool, id);
}

bool
vrf_pool_del_nexthop(struct vrf_pool *pool, uint32_t id)
{
    struct nexthop *nh = find_nexthop(pool, id);

    if (!nh) {
        return false;
    }
    nexthop_free(pool, nh);
    return follow_nexthop(pool, id);
}

void
vrf_pool_mark(struct vrf_pool *pool)
{
    struct nexthop *nh;

    HMAP_FOR_EACH (nh, node, &pool->nexthops) {
        nh->marked = true;
    }
}

bool
vrf_pool_sweep(struct vrf_pool *pool)
{
    bool changed = false;
    struct nexthop *nh;

    HMAP_FOR_EACH_SAFE (nh, node, &pool->nexthops) {
        if (nh->marked) {
            changed |= vrf_pool_del_nexthop(pool, nh->id);
        }
    }
    return changed;
}

void
vrf_pool_get_usage(const struct vrf_pool *pool, struct vrf_pool_usage *usage)
{
    usage->n_routes = hmap_count(&pool->routes);
    usage->n_nexthops = hmap_count(&pool->nexthops);
    usage->bytes = (pool->bytes
                    + hmap_capacity(&pool->routes) * sizeof(void *)
                    + usage->n_nexthops * sizeof(struct nexthop));
}

/* Text. */

/* Those that have a name in iproute2 whatever its files say. */
static const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case 0: return "unspec";
    case 1: return "redirect";
    case 2: return "kernel";
    case 3: return "boot";
    case 4: return "static";
    case 9: return "ra";
    case 16: return "dhcp";
    case 186: return "bgp";
    case 187: return "isis";
    case 188: return "ospf";
    case 189: return "rip";
    case 192: return "eigrp";
    default: return NULL;
    }
}

static void
format_ifname(uint32_t ifindex, vrf_ifname_func *ifname, const void *aux,
              struct ds *s)
{
    const char *name = ifname(ifindex, aux);

    if (name) {
        ds_put_cstr(s, name);
    } else {
        ds_put_format(s, "if%"PRIu32, ifindex);
    }
}

static void
format_hop(enum vrf_family family, const struct vrf_hop *hop,
           vrf_ifname_func *ifname, const void *aux, struct ds *s)
{
    if (!vrf_addr_is_zero(&hop->gateway)) {
        ds_put_cstr(s, " via ");
        if (hop->gateway_family != family) {
            ds_put_cstr(s, "inet6 ");
        }
        vrf_addr_format(hop->gateway_family, &hop->gateway, s);
    }
    if (hop->ifindex) {
        ds_put_cstr(s, " dev ");
        format_ifname(hop->ifindex, ifname, aux, s);
    }
    if (hop->leak_table) {
        ds_put_format(s, " lookup %"PRIu32, hop->leak_table);
    }
}

static const struct {
    uint8_t flag;
    const char *name;
} hop_flags[] = {
    { VRF_HOP_DEAD, "dead" },
    { VRF_HOP_ONLINK, "onlink" },
    { VRF_HOP_LINKDOWN, "linkdown" },
    { VRF_HOP_ENCAP, "encap" },
    { VRF_HOP_BLACKHOLE, "blackhole" },
};

static void
format_hop_flags(const struct vrf_hop *hop, struct ds *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(hop_flags); i++) {
        if (hop->flags & hop_flags[i].flag) {
            ds_put_format(s, " %s", hop_flags[i].name);
        }
    }
}

void
vrf_route_format(enum vrf_family family, const struct vrf_route *route,
                 vrf_ifname_func *ifname, const void *aux, struct ds *s)
{
    const struct vrf_hops *hops = vrf_route_hops(route);
    const struct vrf_route_info *info = &route->info;

    if (info->tos) {
        ds_put_format(s, " tos %#"PRIx8, info->tos);
    }
    if (info->nhid) {
        ds_put_format(s, " nhid %"PRIu32, info->nhid);
    }
    if (hops->n == 1) {
        format_hop(family, &hops->hops[0], ifname, aux, s);
    }
    if (info->protocol != 3) {
        const char *name = protocol_name(info->protocol);

        if (name) {
            ds_put_format(s, " proto %s", name);
        } else {
            ds_put_format(s, " proto %"PRIu8, info->protocol);
        }
    }
    if (!vrf_addr_is_zero(&info->prefsrc)) {
        ds_put_cstr(s, " src ");
        vrf_addr_format(family, &info->prefsrc, s);
    }
    if (info->metric) {
        ds_put_format(s, " metric %"PRIu32, info->metric);
    }
    if (info->mtu) {
        ds_put_format(s, " mtu %s%"PRIu32, info->mtu_locked ? "lock " : "",
                      info->mtu);
    }
    if (info->source == VRF_ROUTE_USER) {
        ds_put_cstr(s, " user");
    }
    if (hops->n == 1) {
        format_hop_flags(&hops->hops[0], s);
        return;
    }
    for (size_t i = 0; i < hops->n; i++) {
        ds_put_cstr(s, " nexthop");
        format_hop(family, &hops->hops[i], ifname, aux, s);
        ds_put_format(s, " weight %"PRIu32, hops->hops[i].weight);
        format_hop_flags(&hops->hops[i], s);
    }
}

static void
put_addr(struct json *object, const char *name, enum vrf_family family,
         const struct vrf_addr *addr)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    vrf_addr_format(family, addr, &s);
    json_object_put_string(object, name, ds_cstr(&s));
    ds_destroy(&s);
}

static void
hop_to_json(const struct vrf_hop *hop, vrf_ifname_func *ifname,
            const void *aux, struct json *object)
{
    struct json *flags = json_array_create_empty();

    if (!vrf_addr_is_zero(&hop->gateway)) {
        put_addr(object, "gateway", hop->gateway_family, &hop->gateway);
    }
    if (hop->ifindex) {
        struct ds s = DS_EMPTY_INITIALIZER;

        format_ifname(hop->ifindex, ifname, aux, &s);
        json_object_put_string(object, "dev", ds_cstr(&s));
        ds_destroy(&s);
    }
    if (hop->leak_table) {
        json_object_put(object, "lookup",
                        json_integer_create(hop->leak_table));
    }
    for (size_t i = 0; i < ARRAY_SIZE(hop_flags); i++) {
        if (hop->flags & hop_flags[i].flag) {
            json_array_add(flags, json_string_create(hop_flags[i].name));
        }
    }
    json_object_put(object, "flags", flags);
}

struct json *
vrf_route_to_json(enum vrf_family family, const struct vrf_route *route,
                  vrf_ifname_func *ifname, const void *aux)
{
    const struct vrf_hops *hops = vrf_route_hops(route);
    const struct vrf_route_info *info = &route->info;
    const char *protocol = protocol_name(info->protocol);
    struct json *object = json_object_create();

    json_object_put_string(object, "type", vrf_route_type_name(info->type));
    if (info->tos) {
        json_object_put(object, "tos", json_integer_create(info->tos));
    }
    if (info->nhid) {
        json_object_put(object, "nhid", json_integer_create(info->nhid));
    }
    if (protocol) {
        json_object_put_string(object, "protocol", protocol);
    } else {
        json_object_put(object, "protocol",
                        json_integer_create(info->protocol));
    }
    if (!vrf_addr_is_zero(&info->prefsrc)) {
        put_addr(object, "prefsrc", family, &info->prefsrc);
    }
    if (info->metric) {
        json_object_put(object, "metric", json_integer_create(info->metric));
    }
    if (info->mtu) {
        json_object_put(object, "mtu", json_integer_create(info->mtu));
        json_object_put(object, "mtu_locked",
                        json_boolean_create(info->mtu_locked));
    }
    json_object_put_string(object, "source",
                           info->source == VRF_ROUTE_USER ? "user" : "kernel");
    if (hops->n == 1) {
        hop_to_json(&hops->hops[0], ifname, aux, object);
    } else if (hops->n) {
        struct json *array = json_array_create_empty();

        for (size_t i = 0; i < hops->n; i++) {
            struct json *hop = json_object_create();

            hop_to_json(&hops->hops[i], ifname, aux, hop);
            json_object_put(hop, "weight",
                            json_integer_create(hops->hops[i].weight));
            json_array_add(array, hop);
        }
        json_object_put(object, "nexthops", array);
    }
    return object;
}
