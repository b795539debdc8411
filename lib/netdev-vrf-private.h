/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_VRF_PRIVATE_H
#define NETDEV_VRF_PRIVATE_H 1

/* What the two halves of netdev-vrf.h have in common: netdev-vrf-route.c has
 * threads route packets, netdev-vrf.c does the rest, most of it in the main
 * thread.  What a thread cannot do at once, ICMP errors and waiting for next
 * hops, it queues as exceptions; packets that come of them go the other way.
 *
 * Nobody else includes this. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/extension-abi.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "vrf-allowance.h"
#include "vrf-neigh-queue.h"
#include "vrf-packets.h"
#include "vrf-path.h"

struct dp_netdev_extension_out;
struct dp_packet;
struct dp_packet_batch;

/* A packet that the main thread has to do something about.  'item' comes
 * first; its list node is also that of the queue of exceptions. */
struct exception {
    struct vrf_neigh_item item;
    struct dp_packet *packet;   /* As it came in. */
    struct ovs_action_vrf action;
    uint32_t table;             /* See "struct ovs_action_vrf_way". */
    odp_port_t in_port;
    bool own;                   /* Made here. */

    enum vrf_outcome outcome;   /* VRF_FORWARDED if it is to wait for the next
                                 * hop, or what the error is to tell, or if
                                 * 'packet' is null, VRF_FORWARDED if the next
                                 * hop is to be confirmed. */
    uint32_t mtu;
    struct vrf_neigh_key key;
};

/* What threads have in common; it lives as long as one of them.  All members
 * but the first ones are the main thread's. */
struct netdev_vrf {
    struct ovs_refcount refcnt;
    OVSRCU_TYPE(struct vrf_dp_ports *) live_ports;
    struct seq *seq;            /* Changes when there are exceptions. */
    struct ovs_mutex mutex;
    struct ovs_list exceptions OVS_GUARDED_BY(mutex);
    size_t n_exceptions OVS_GUARDED_BY(mutex);
    atomic_bool has_exceptions; /* Is it not 0? */
    struct vrf_packets made OVS_GUARDED_BY(mutex);
    atomic_size_t n_made;       /* Packets in 'made'. */
    atomic_uint n_ready;        /* Threads that have packets to go on. */

    /* Of threads that translate flows. */
    struct ovs_mutex translation_mutex;
    struct vrf_path *translation_path OVS_GUARDED_BY(translation_mutex);

    struct ovs_list ports;
    bool ports_changed;
    uint64_t connectivity_seqno, ports_seqno;
    uint64_t generation;
    struct vrf_neigh_queue *queue;
    struct vrf_path *path;
};

#define N_ALLOWANCES 64

/* A thread that receives. */
struct vrf_thread {
    struct netdev_vrf *nv;
    struct vrf_path *path;      /* Null before the first packet. */
    struct vrf_packets ready;   /* To go on at the next poll. */
    bool has_ready;             /* Does it count among those that have any? */

    /* By number of VRF, of which several may have to share one. */
    struct vrf_allowance allowances[N_ALLOWANCES];
};

/* Frees 'e' with its packet. */
void netdev_vrf_exception_free(struct exception *);

/* Of a thread that receives: members "execute" of struct dp_netdev_extension,
 * for vrf() and for vrf_way(). */
void netdev_vrf_execute(void *nv, void *thread, long long int now,
                        struct dp_packet_batch *, const void *action,
                        bool steal, struct dp_netdev_extension_out *);
void netdev_vrf_execute_way(void *nv, void *thread, long long int now,
                            struct dp_packet_batch *, const void *way,
                            bool steal, struct dp_netdev_extension_out *);

/* To be called when 'thread->ready' may have become empty, or not. */
void netdev_vrf_tell_ready(struct vrf_thread *);

/* Takes 'packet', which the main thread had, and routes it by 'nv->path', of
 * which vrf_path_begin() said true.  What comes of that is in 'out', which is
 * empty, and 'more'.  With 'own' the packet was made here. */
void netdev_vrf_route(struct netdev_vrf *nv, struct dp_packet *packet,
                      const struct ovs_action_vrf *, uint32_t table,
                      odp_port_t in_port, bool own,
                      struct dp_netdev_extension_out *out,
                      struct vrf_packets *more);

#endif /* lib/netdev-vrf-private.h */
