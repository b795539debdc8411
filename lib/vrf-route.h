/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ROUTE_H
#define VRF_ROUTE_H 1

/* What a route says, apart from its prefix and its table.
 *
 * Most routes of a large table say one of a few things, so there is a pool in
 * which each thing is once: a route in a table (vrf-fib.h) is then a pointer.
 *
 * Routes by way of a next-hop object of the kernel's ("nhid") follow it: all
 * of them go another way as soon as the object changes, however many they are.
 *
 * Thread-safety
 * =============
 *
 * One thread at a time, the writer, may call the functions that take a pool.
 * Any thread may read a route that it found in a table, until it quiesces
 * (ovs-rcu.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "util.h"
#include "vrf-addr.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ds;
struct json;

/* Numbers are those of Linux (RTN_*). */
enum vrf_route_type {
    VRF_ROUTE_UNICAST = 1,
    VRF_ROUTE_LOCAL = 2,
    VRF_ROUTE_BROADCAST = 3,
    VRF_ROUTE_ANYCAST = 4,
    VRF_ROUTE_MULTICAST = 5,
    VRF_ROUTE_BLACKHOLE = 6,
    VRF_ROUTE_UNREACHABLE = 7,
    VRF_ROUTE_PROHIBIT = 8,
    VRF_ROUTE_THROW = 9,
};
#define VRF_ROUTE_TYPE_MAX VRF_ROUTE_THROW

/* As iproute2 calls it. */
const char *vrf_route_type_name(enum vrf_route_type);

/* Does a packet that takes such a route go somewhere? */
static inline bool
vrf_route_type_delivers(enum vrf_route_type type)
{
    return type < VRF_ROUTE_BLACKHOLE;
}

enum vrf_hop_flag {
    VRF_HOP_DEAD = 1,           /* The device is down. */
    VRF_HOP_LINKDOWN = 2,       /* The device has no carrier. */
    VRF_HOP_ONLINK = 4,         /* The gateway need not be on the link. */
    VRF_HOP_ENCAP = 8,          /* Linux would encapsulate, or do what else
                                 * "encap" says: not followed. */
    VRF_HOP_BLACKHOLE = 16,     /* Packets that choose it are dropped. */
};

struct vrf_hop {
    struct vrf_addr gateway;    /* All zeros if directly connected. */
    uint32_t ifindex;           /* Of the device, 0 if there is none. */
    uint32_t leak_table;        /* If nonzero: look the destination up again,
                                 * in this table. */
    uint32_t weight;            /* 1 or more. */
    uint8_t gateway_family;     /* enum vrf_family; IPv6 for IPv4 routes,
                                 * too. */
    uint8_t flags;              /* VRF_HOP_*. */
    uint8_t pad[2];             /* Zero. */
};

/* The ways that a route offers.  'buckets' is null if there are less than two,
 * otherwise VRF_HOP_BUCKETS numbers of hops. */
#define VRF_HOP_BUCKETS 1024
#define VRF_MAX_HOPS 256
struct vrf_hops {
    uint16_t n;
    uint8_t *buckets;
    struct vrf_hop hops[];
};

/* What a route is apart from its hops. */
struct vrf_route_info {
    struct vrf_addr prefsrc;    /* Source of packets, zeros if not given. */
    uint32_t metric;            /* Lower is better. */
    uint32_t mtu;               /* In bytes, 0 if the device's. */
    uint32_t nhid;              /* Next-hop object, 0 if none. */
    uint8_t type;               /* enum vrf_route_type. */
    uint8_t tos;                /* Only for packets with it, 0 for all. */
    uint8_t protocol;           /* Who made it, RTPROT_*. */
    uint8_t scope;              /* RT_SCOPE_*. */
    bool mtu_locked;            /* Path MTU discovery does not change it. */
    uint8_t source;             /* enum vrf_route_source. */
    uint8_t pad[6];             /* Zero. */
};
BUILD_ASSERT_DECL(sizeof(struct vrf_route_info) == 40);
BUILD_ASSERT_DECL(sizeof(struct vrf_hop) == 32);

enum vrf_route_source {
    VRF_ROUTE_KERNEL,
    VRF_ROUTE_USER,             /* Configured. */
};

struct vrf_route {
    struct hmap_node node;      /* In the pool. */
    struct vrf_route_info info;
    size_t n_users;             /* Of the writer. */
    atomic_uint64_t serial;
    OVSRCU_TYPE(const struct vrf_hops *) hops;
};

/* Identifies what the route says, now: no two things ever have the same
 * serial, in all pools.  Never 0. */
static inline uint64_t
vrf_route_serial(const struct vrf_route *route)
{
    uint64_t serial;

    atomic_read_explicit(&CONST_CAST(struct vrf_route *, route)->serial,
                         &serial, memory_order_acquire);
    return serial;
}

/* The hops as they are now. */
static inline const struct vrf_hops *
vrf_route_hops(const struct vrf_route *route)
{
    return ovsrcu_get(const struct vrf_hops *, &route->hops);
}

/* Is it by way of device 'ifindex', with one of its hops? */
bool vrf_route_is_by(const struct vrf_route *, uint32_t ifindex);

/* Choosing one of several. */

/* Says whether a hop may be used. */
typedef bool vrf_hop_usable_func(const struct vrf_hop *, const void *aux);

/* Returns the hop that packets with 'hash' take, of those that are 'usable',
 * each as often as its weight says, or null if there is none.  Only the first
 * log2(VRF_HOP_BUCKETS) bits of 'hash' matter.
 *
 * The choice is resilient: as hops come and go, or are usable or not, only
 * packets from or to these hops go another way than before. */
const struct vrf_hop *vrf_hops_choose(const struct vrf_hops *, uint32_t hash,
                                      vrf_hop_usable_func *usable,
                                      const void *aux);

/* The pool. */

struct vrf_pool;

struct vrf_pool *vrf_pool_create(void);

/* There may be no user of a route of it any more. */
void vrf_pool_destroy(struct vrf_pool *);

/* Returns the route of 'info' with the 'n' 'hops', VRF_MAX_HOPS at most, and
 * counts one more user.  If 'info->nhid' names an object that the pool knows
 * then the hops are those of the object. */
struct vrf_route *vrf_pool_get(struct vrf_pool *,
                               const struct vrf_route_info *info,
                               const struct vrf_hop hops[], size_t n);

/* Counts one user less, or one more. */
void vrf_pool_put(struct vrf_pool *, struct vrf_route *);
void vrf_pool_ref(struct vrf_route *);

/* The next-hop objects that routes may follow: sets or forgets one.  A group
 * has 'n' members, ids of other objects, with weights; others have one hop
 * each.  Return true if the hops of any route changed. */
struct vrf_member {
    uint32_t id;
    uint32_t weight;
};
bool vrf_pool_set_nexthop(struct vrf_pool *, uint32_t id,
                          const struct vrf_hop *);
bool vrf_pool_set_group(struct vrf_pool *, uint32_t id,
                        const struct vrf_member[], size_t n);
bool vrf_pool_del_nexthop(struct vrf_pool *, uint32_t id);

/* Mark and sweep: forgets those that were not set since the mark. */
void vrf_pool_mark(struct vrf_pool *);
bool vrf_pool_sweep(struct vrf_pool *);

struct vrf_pool_usage {
    size_t n_routes;            /* Different ones. */
    size_t n_nexthops;          /* Next-hop objects. */
    size_t bytes;
};
void vrf_pool_get_usage(const struct vrf_pool *, struct vrf_pool_usage *);

/* Compares what they say, apart from the next-hop object. */
bool vrf_hops_equal(const struct vrf_hops *, const struct vrf_hops *);

/* Says which device has an index; null if none has. */
typedef const char *vrf_ifname_func(uint32_t ifindex, const void *aux);

/* Appends what follows the prefix in a line like iproute2's: " via ... dev ...
 * metric ...". */
void vrf_route_format(enum vrf_family, const struct vrf_route *,
                      vrf_ifname_func *, const void *aux, struct ds *);

/* The same as JSON, members like those of "ip -json route". */
struct json *vrf_route_to_json(enum vrf_family, const struct vrf_route *,
                               vrf_ifname_func *, const void *aux);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-route.h */
