/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_DB_H
#define VRF_DB_H 1

/* What a host knows about routing: devices, addresses, policy rules, routing
 * tables, next-hop objects and neighbours; and where a packet goes by that.
 *
 * It learns by events, one for each thing that came, changed or went.  Should
 * events have been missed, all is told anew, beside what it knows, and takes
 * its place in one instant, so that meanwhile everybody gets answers:
 *
 *     vrf_db_resync_begin(db);
 *     ... vrf_db_resync_add(db, event) for each thing that there is, then for
 *         each event since the beginning, in order ...
 *     vrf_db_resync_end(db);
 *
 * The module is pure: it knows neither netlink nor Open vSwitch's ports.
 *
 * Thread-safety
 * =============
 *
 * Any number of threads may call the functions of "Readers" at any time; what
 * they return is valid until the caller quiesces (ovs-rcu.h).  One thread at a
 * time, the writer, may call the other functions. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "packets.h"
#include "vrf-addr.h"
#include "vrf-fib.h"
#include "vrf-route.h"
#include "vrf-rules.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vrf_device {
    uint32_t ifindex;
    uint32_t master;            /* Index of its master, 0 if it has none. */
    uint32_t table;             /* Of a VRF device, otherwise 0. */
    uint32_t group;
    uint32_t mtu;
    bool up;                    /* Administratively. */
    bool running;               /* It has a carrier, too. */
    char name[IFNAMSIZ];
};

struct vrf_address {
    enum vrf_family family;
    uint32_t ifindex;
    struct vrf_addr addr;
    uint8_t len;                /* Of the network that is on the link. */
};

struct vrf_neighbour {
    enum vrf_family family;
    uint32_t ifindex;
    struct vrf_addr addr;
    uint16_t state;             /* NUD_*. */
    struct eth_addr mac;        /* Zeros if not known. */
};

/* Events. */

enum vrf_event_type {
    VRF_EVENT_LINK,
    VRF_EVENT_ADDRESS,
    VRF_EVENT_RULE,
    VRF_EVENT_ROUTE,
    VRF_EVENT_NEXTHOP,
    VRF_EVENT_NEIGHBOUR,
};

struct vrf_event_route {
    enum vrf_family family;
    uint32_t table;
    struct vrf_prefix prefix;
    enum vrf_fib_place place;
    bool unsupported;           /* It is only for some sources. */
    struct vrf_route_info info;
    size_t n_hops;
    struct vrf_hop hops[VRF_MAX_HOPS];
};

struct vrf_event_nexthop {
    uint32_t id;
    bool is_group;
    struct vrf_hop hop;         /* If it is no group. */
    size_t n_members;
    struct vrf_member members[VRF_MAX_HOPS];
};

struct vrf_event {
    enum vrf_event_type type;
    bool gone;                  /* It went; otherwise it came or changed. */
    union {
        struct vrf_device link;
        struct vrf_address address;
        struct {
            enum vrf_family family;
            struct vrf_rule rule;
        } rule;
        struct vrf_event_route route;
        struct vrf_event_nexthop nexthop;
        struct vrf_neighbour neighbour;
    };
};

/* The writer. */

struct vrf_db;

struct vrf_db *vrf_db_create(void);
void vrf_db_destroy(struct vrf_db *);

enum vrf_db_effect {
    VRF_DB_CHANGED = 1,         /* Answers may be others than before. */
    VRF_DB_STALE = 2,           /* Linux may have changed routes without
                                 * telling: all must be told anew. */
};

/* Returns VRF_DB_*. */
unsigned int vrf_db_apply(struct vrf_db *, const struct vrf_event *);

void vrf_db_resync_begin(struct vrf_db *);
void vrf_db_resync_add(struct vrf_db *, const struct vrf_event *);
bool vrf_db_resync_end(struct vrf_db *); /* Did anything change? */
void vrf_db_resync_abort(struct vrf_db *);

/* Has lookups in a VRF look at its table even if no rule says so, at the
 * priority at which Linux has its rule for that: for VRFs that Linux does not
 * know. */
#define VRF_L3MDEV_PRIORITY 1000
void vrf_db_set_own_vrfs(struct vrf_db *, bool);

/* Readers. */

struct vrf_answer {
    /* What becomes of the packet: enum vrf_route_type, of the route or, if
     * there is none, what the rule says; 0 if nobody knows the way. */
    uint8_t type;
    const struct vrf_route *route; /* Or null. */
    const struct vrf_rule *rule; /* Null if none was left. */
    uint32_t table;             /* In which the route is. */
    uint8_t len;                /* Of its prefix. */
    uint8_t n_leaks;            /* Tables left for other ones. */
    bool leak_loop;             /* More than VRF_MAX_LEAKS: no answer. */

    /* The answer depended on nothing else. */
    struct vrf_used used;
};

/* More than so many tables that send a packet to one another are a loop. */
#define VRF_MAX_LEAKS 4

/* Fills in what 'flow' says about VRFs from its devices: 'iif_vrf', 'oif_vrf'
 * and, unless it is set, 'vrf_table'.  To be done before a lookup. */
void vrf_db_complete_flow(const struct vrf_db *, struct vrf_flow *flow);

/* Says where packets of 'flow' go.  Returns true if a route or a rule has an
 * answer, which may well be that they are dropped.
 *
 * A route by way of a VRF device without a gateway, or by one of another
 * table, is not an answer: the packet is looked up again there, with 'used'
 * for all lookups.  That is, if the route has a single hop, by which Linux
 * does not encapsulate. */
bool vrf_db_lookup(const struct vrf_db *, const struct vrf_flow *flow,
                   struct vrf_answer *);

/* The same, but it is 'table' where the lookup begins, not the rules; nothing
 * comes after it. */
bool vrf_db_lookup_from(const struct vrf_db *, const struct vrf_flow *flow,
                        uint32_t table, struct vrf_answer *);

/* The same by the routes of 'table' alone: no rule decides, and none of them
 * leads to another table.  Adds to 'used', which '*a' has from another
 * lookup. */
bool vrf_db_lookup_table(const struct vrf_db *, const struct vrf_flow *flow,
                         uint32_t table, struct vrf_answer *a);

/* Returns the hop that a packet with this hash takes by 'route'; null if no
 * device of it is up.  One with VRF_HOP_ENCAP is it only if there is no other
 * one. */
const struct vrf_hop *vrf_db_choose(const struct vrf_db *,
                                    const struct vrf_route *route,
                                    uint32_t hash);

/* Return null if there is none. */
const struct vrf_device *vrf_db_device(const struct vrf_db *,
                                       uint32_t ifindex);
const struct vrf_device *vrf_db_device_by_name(const struct vrf_db *,
                                               const char *name);
const struct vrf_neighbour *vrf_db_neighbour(const struct vrf_db *,
                                             enum vrf_family,
                                             uint32_t ifindex,
                                             const struct vrf_addr *);
const struct vrf_fib *vrf_db_table(const struct vrf_db *, enum vrf_family,
                                   uint32_t table);
const struct vrf_rules *vrf_db_rules(const struct vrf_db *, enum vrf_family);

/* Is there something that answers do not take account of, so that they may be
 * others than Linux's? */
bool vrf_db_inexact(const struct vrf_db *);

/* Call 'cb' for each. */
void vrf_db_for_each_device(const struct vrf_db *,
                            void (*cb)(const struct vrf_device *, void *aux),
                            void *aux);
void vrf_db_for_each_address(const struct vrf_db *,
                             void (*cb)(const struct vrf_address *,
                                        void *aux), void *aux);
void vrf_db_for_each_neighbour(const struct vrf_db *,
                               void (*cb)(const struct vrf_neighbour *,
                                          void *aux), void *aux);
void vrf_db_for_each_table(const struct vrf_db *,
                           void (*cb)(uint32_t id, const struct vrf_fib *,
                                      void *aux), void *aux);

/* A vrf_ifname_func; 'db' is a struct vrf_db. */
const char *vrf_db_ifname(uint32_t ifindex, const void *db);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-db.h */
