/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-route-event.h"

#include <stdlib.h>

#include "util.h"

/* Do all hops in 'a' go the same way as some in 'b'?  Whether they are dead
 * and how much weight they have does not matter. */
static bool
is_way_of(const struct vrf_hop *hop, const struct vrf_hop hops[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hop->ifindex == hops[i].ifindex
            && hop->leak_table == hops[i].leak_table
            && hop->gateway_family == hops[i].gateway_family
            && vrf_addr_equal(&hop->gateway, &hops[i].gateway)) {
            return true;
        }
    }
    return false;
}

static bool
are_ways_of(const struct vrf_hop a[], size_t n_a, const struct vrf_hop b[],
            size_t n_b)
{
    for (size_t i = 0; i < n_a; i++) {
        if (!is_way_of(&a[i], b, n_b)) {
            return false;
        }
    }
    return true;
}

/* Linux makes such routes of IPv6 to the same prefix with the same metric one
 * route with several hops. */
static bool
joins_others(const struct vrf_route_info *info, const struct vrf_hop hops[],
             size_t n)
{
    return (!info->nhid && info->type == VRF_ROUTE_UNICAST && n
            && !vrf_addr_is_zero(&hops[0].gateway));
}

/* Finds the route of IPv6 that an event changes by coming; null if it is
 * another one beside those that there are. */
static struct vrf_route *
find_changed6(struct vrf_route *const routes[], size_t n,
              const struct vrf_event_route *e)
{
    bool joins = joins_others(&e->info, e->hops, e->n_hops);
    bool replace = e->place == VRF_FIB_REPLACE;
    struct vrf_route *fallback = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct vrf_route_info *info = &routes[i]->info;
        const struct vrf_hops *hops = vrf_route_hops(routes[i]);

        if (info->metric == e->info.metric
            && info->source == e->info.source) {
            if (joins_others(info, hops->hops, hops->n) == joins) {
                if (joins || replace) {
                    return routes[i];
                }
            } else if (replace && !fallback) {
                fallback = routes[i];
            }
        }
    }
    return fallback;
}

/* Puts 'new' in the place of 'old', which the prefix has, of the first one if
 * it has that twice. */
static void
replace_route(struct vrf_fib *fib, const struct vrf_prefix *p,
              const struct vrf_route *old, struct vrf_route *new)
{
    struct vrf_route *const *routes;
    size_t n = vrf_fib_get(fib, p, &routes);
    struct vrf_route **copy = xmemdup(routes, n * sizeof *copy);

    for (size_t i = 0; i < n; i++) {
        if (copy[i] == old) {
            copy[i] = new;
            break;
        }
    }
    vrf_fib_set(fib, p, copy, n);
    free(copy);
}

static int
compare_hops(const void *a_, const void *b_)
{
    const struct vrf_hop *a = a_, *b = b_;

    if (a->gateway.hi != b->gateway.hi) {
        return a->gateway.hi < b->gateway.hi ? -1 : 1;
    } else if (a->gateway.lo != b->gateway.lo) {
        return a->gateway.lo < b->gateway.lo ? -1 : 1;
    }
    return a->ifindex < b->ifindex ? -1 : a->ifindex > b->ifindex;
}

/* Returns the route that the event is about. */
static struct vrf_route *
get_route(struct vrf_pool *pool, const struct vrf_event_route *e)
{
    struct vrf_hop *sorted;
    struct vrf_route *route;

    if (e->family == VRF_IPV4 || e->n_hops < 2) {
        return vrf_pool_get(pool, &e->info, e->hops, e->n_hops);
    }

    /* Linux begins with any of them. */
    sorted = xmemdup(e->hops, e->n_hops * sizeof *sorted);
    qsort(sorted, e->n_hops, sizeof *sorted, compare_hops);
    route = vrf_pool_get(pool, &e->info, sorted, e->n_hops);
    free(sorted);
    return route;
}

bool
vrf_route_event_add(struct vrf_pool *pool, struct vrf_fib *fib,
                    const struct vrf_event_route *e)
{
    struct vrf_route *route = get_route(pool, e);
    struct vrf_route *const *routes;
    size_t n = vrf_fib_get(fib, &e->prefix, &routes);
    struct vrf_route *old = NULL;
    bool known = false;
    bool changed;

    for (size_t i = 0; i < n; i++) {
        known |= routes[i] == route;
    }
    if (known && e->info.nhid) {
        /* Its next-hop object changed, which Linux tells as if the route
         * replaced one. */
        vrf_pool_put(pool, route);
        return false;
    }
    if (e->family == VRF_IPV6) {
        old = find_changed6(routes, n, e);
    }
    if (!old) {
        changed = vrf_fib_add(fib, &e->prefix, route, e->place);
    } else {
        /* Linux does not mind having it twice then: one stays when the other
         * one goes. */
        changed = old != route;
        if (changed) {
            replace_route(fib, &e->prefix, old, route);
        }
    }
    vrf_pool_put(pool, route);
    return changed;
}

static bool
is_gone_route(const struct vrf_route *route, const struct vrf_event_route *e)
{
    const struct vrf_hops *hops = vrf_route_hops(route);
    const struct vrf_route_info *info = &route->info;

    return (info->type == e->info.type
            && info->tos == e->info.tos
            && info->metric == e->info.metric
            && info->nhid == e->info.nhid
            && info->source == e->info.source
            && info->protocol == e->info.protocol
            && (info->nhid
                || (are_ways_of(e->hops, e->n_hops, hops->hops, hops->n)
                    && (e->family == VRF_IPV6 || hops->n == e->n_hops))));
}

/* Finds the route that an event says is gone, rather one that is the same in
 * everything. */
static struct vrf_route *
find_route(const struct vrf_fib *fib, const struct vrf_event_route *e)
{
    struct vrf_route *const *routes;
    size_t n = vrf_fib_get(fib, &e->prefix, &routes);
    struct vrf_route *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (is_gone_route(routes[i], e)) {
            if (!memcmp(&routes[i]->info, &e->info, sizeof e->info)) {
                return routes[i];
            } else if (!found) {
                found = routes[i];
            }
        }
    }
    return found;
}

bool
vrf_route_event_del(struct vrf_pool *pool, struct vrf_fib *fib,
                    const struct vrf_event_route *e)
{
    struct vrf_route *old = find_route(fib, e);
    const struct vrf_hops *hops;
    size_t n = 0;

    if (!old) {
        return false;
    }
    hops = vrf_route_hops(old);
    if (e->family == VRF_IPV4 || e->info.nhid || hops->n <= e->n_hops) {
        return vrf_fib_del(fib, &e->prefix, old);
    }

    /* One of several hops. */
    struct vrf_hop *left = xmalloc(hops->n * sizeof *left);
    struct vrf_route *route;

    for (size_t i = 0; i < hops->n; i++) {
        if (!is_way_of(&hops->hops[i], e->hops, e->n_hops)) {
            left[n++] = hops->hops[i];
        }
    }
    if (!n) {
        free(left);
        return vrf_fib_del(fib, &e->prefix, old);
    }
    if (n == 1) {
        left[0].weight = 1;     /* As the kernel tells single ones. */
    }
    route = vrf_pool_get(pool, &old->info, left, n);
    replace_route(fib, &e->prefix, old, route);
    vrf_pool_put(pool, route);
    free(left);
    return true;
}
