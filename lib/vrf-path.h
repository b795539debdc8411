/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PATH_H
#define VRF_PATH_H 1

/* The way of a packet in the userspace datapath: vrf-forward.h with ports and
 * neighbours, fast.
 *
 * What a thread finds out about a VRF (which tables packets of a port are
 * looked up in, if that depends on nothing else), about a next hop (port and
 * addresses) and about some thousands of destinations (their next hops) it
 * remembers for as long as nothing changed.
 *
 * Thread-safety: a "struct vrf_path" is one thread's.  Pointers that functions
 * return are valid until the next call for it, or until the thread
 * quiesces. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "packets.h"
#include "vrf-addr.h"
#include "vrf-forward.h"
#include "vrf-packet.h"
#include "vrf-rules.h"

/* A port of the datapath. */
struct vrf_dp_port {
    odp_port_t port_no;
    uint32_t ifindex;           /* Of its device, 0 if it has none. */
    uint16_t vrf;               /* That it is in, by number. */
    bool internal;              /* What is output there the host gets. */
    struct eth_addr mac;
};

/* Fills in what there is to know of the port. */
struct netdev;
void vrf_dp_port_init(struct vrf_dp_port *, odp_port_t, const struct netdev *);

/* All of them, by number; they do not change. */
struct vrf_dp_ports {
    uint64_t serial;            /* Never the same for two. */
    size_t n;
    struct vrf_dp_port ports[];
};

/* Return null if there is none: the port with this number, one whose device
 * has this index, an internal one in this VRF. */
const struct vrf_dp_port *vrf_dp_ports_find(const struct vrf_dp_ports *,
                                            odp_port_t);
const struct vrf_dp_port *vrf_dp_ports_by_ifindex(const struct vrf_dp_ports *,
                                                  uint32_t ifindex);
const struct vrf_dp_port *vrf_dp_ports_internal(const struct vrf_dp_ports *,
                                                uint16_t vrf);

/* Returns the port by which the host gets packets to 'dst', an address of the
 * device with 'ifindex', that are routed in 'vrf', or null. */
const struct vrf_dp_port *
vrf_dp_ports_to_host(const struct vrf_dp_ports *, uint16_t vrf,
                     enum vrf_family, const struct vrf_addr *dst,
                     uint32_t ifindex);

/* Sorts them by number, before others can see them. */
void vrf_dp_ports_sort(struct vrf_dp_ports *);

/* Is the neighbour's address known to be good? */
bool vrf_neighbour_is_good(const struct vrf_neighbour *);

/* A next hop, or the host. */
struct vrf_adjacency {
    struct vrf_addr addr;
    uint64_t serial;            /* Never the same for two of a path. */
    uint32_t ifindex;
    uint32_t epoch;
    uint8_t family;             /* enum vrf_family. */
    bool up;                    /* The device is. */
    bool is_vrf;                /* The device is a VRF's. */
    bool has_port;
    bool internal;
    bool resolved;              /* 'dst' is known... */
    bool stale;                 /* ...but was not confirmed lately. */
    bool usable;                /* Packets can be sent there. */
    long long int confirm_after; /* For the user. */
    odp_port_t port_no;
    uint32_t mtu;               /* Of the device. */
    union {
        struct {
            struct eth_addr dst, src;
        };
        struct eth_addr macs[2]; /* As in an Ethernet header. */
    };
};

/* Packets of one port that are routed in one VRF. */
struct vrf_context {
    uint64_t serial;            /* Never the same for two of a path. */
    uint32_t epoch;
    uint32_t id;                /* The VRF. */
    uint32_t only_table;        /* Instead of rules, 0 if they decide. */
    odp_port_t in_port;
    uint32_t mark;
    bool own;                   /* Made here. */

    bool known;                 /* There is such a VRF. */
    uint32_t table, vrf_ifindex;
    uint32_t iif, iif_vrf;

    /* The tables in which all packets are looked up, in order, if that is all
     * that rules say; otherwise 'simple' is false. */
    struct {
        bool simple;
        uint8_t n;
        const struct vrf_fib *fibs[6];
    } plan[VRF_N_FAMILIES];
};

struct vrf_verdict {
    enum vrf_outcome outcome;
    struct vrf_adjacency *adjacency; /* VRF_FORWARDED, VRF_LOCAL. */
    uint32_t mtu;               /* VRF_FORWARDED. */
};

/* The way of all packets of a flow. */
struct vrf_path_way {
    struct vrf_used used;       /* What it depends on. */

    /* Is it one by which all that there is to do for a packet is to change
     * addresses and TTL?  Only then there is the rest. */
    bool plain;
    struct vrf_adjacency *adjacency;
    uint32_t mtu;
};

/* Packets that were taken, and their bytes. */
struct vrf_path_taken {
    enum vrf_family family;
    uint32_t n, bytes;
};

/* What is said of an action's way. */
enum vrf_way_state {
    VRF_WAY_GOOD,               /* It is that. */
    VRF_WAY_NONE,               /* There is none that an action can have, and
                                 * the action has none. */
    VRF_WAY_STALE,              /* The flow is to be translated again. */
};

struct dp_netdev_extension_out;
struct dp_packet_batch;
struct ovs_action_vrf_way;
struct vrf_path;
struct vrf_taker;

struct vrf_path *vrf_path_create(void);
void vrf_path_destroy(struct vrf_path *);

/* To be called before the other functions, each time that the thread comes
 * from quiescence.  Returns false if there is no database. */
bool vrf_path_begin(struct vrf_path *, const struct vrf_dp_ports *);

/* Returns what there is for packets with 'mark' of 'in_port' that are routed
 * in VRF 'id', by 'only_table' unless it is 0, or for those with 'own', made
 * here. */
const struct vrf_context *vrf_path_context(struct vrf_path *, uint32_t id,
                                           uint32_t only_table,
                                           odp_port_t in_port, uint32_t mark,
                                           bool own);

/* Fills in 'flow' for packet 'p', with ports if 'l4' is not null. */
void vrf_context_flow(const struct vrf_context *, const struct vrf_packet *p,
                      const void *l4, struct vrf_flow *flow);

/* Has packets go their ways: moves those of 'packets', which are of one port,
 * to 'out' for which there is no more to do than to change them, by 't'.  The
 * others stay as they are.  Says in '*taken' what was moved. */
void vrf_path_take(struct vrf_path *, const struct vrf_context *,
                   const struct vrf_taker *t, struct dp_packet_batch *packets,
                   struct dp_netdev_extension_out *out,
                   struct vrf_path_taken *taken);

/* Says what becomes of packet 'p', whose headers 'packet' has, as far as the
 * route says that. */
void vrf_path_lookup(struct vrf_path *, const struct vrf_context *,
                     const struct dp_packet *packet,
                     const struct vrf_packet *p, struct vrf_verdict *);

/* Finds the way of packets that have what 'p' has of addresses and TOS; the
 * rest of 'p' is not looked at.  The VRF must be known. */
void vrf_path_find_way(struct vrf_path *, const struct vrf_context *,
                       const struct vrf_packet *p, struct vrf_path_way *);

/* Is the way that an action has that of its packets?  Sets '*stale' to the
 * next hop if that was not confirmed lately, not at each call, otherwise to
 * null. */
enum vrf_way_state
vrf_path_check_way(struct vrf_path *, const struct vrf_context *,
                   const struct ovs_action_vrf_way *,
                   struct vrf_adjacency **stale);

#endif /* lib/vrf-path.h */
