/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_NEIGH_QUEUE_H
#define VRF_NEIGH_QUEUE_H 1

/* Packets that wait until the address of their next hop is known.
 *
 * For each next hop a few packets wait, the oldest of which goes when there
 * are more; somebody is asked for the address at once, and then once a second
 * until it is known or VRF_NEIGH_TRIES seconds have passed.
 *
 * Pure: who is asked, and what becomes of the packets, is the user's business.
 * Not thread-safe.  'now' is in milliseconds, of any clock that does not go
 * backwards. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/list.h"
#include "packets.h"
#include "vrf-addr.h"

/* Limits: packets and their bytes for each next hop, packets for each VRF. */
#define VRF_NEIGH_MAX_PACKETS 8
#define VRF_NEIGH_MAX_BYTES 65536
#define VRF_NEIGH_MAX_VRF 4096

/* Times that somebody is asked, once a second. */
#define VRF_NEIGH_TRIES 3

/* A next hop. */
struct vrf_neigh_key {
    enum vrf_family family;
    uint32_t ifindex;
    struct vrf_addr addr;
};

/* A packet that waits: a member of what the user makes of it. */
struct vrf_neigh_item {
    struct ovs_list node;
    uint16_t vrf;
    uint32_t bytes;
};

enum vrf_neigh_state {
    VRF_NEIGH_PENDING,          /* Nobody knows, yet. */
    VRF_NEIGH_KNOWN,
    VRF_NEIGH_GONE,             /* There is none: the kernel says so, or the
                                 * device has gone. */
};

struct vrf_neigh_queue_class {
    /* What is known about the next hop? */
    enum vrf_neigh_state (*state)(const struct vrf_neigh_key *, void *aux);

    /* Asks for its address. */
    void (*ask)(const struct vrf_neigh_key *, void *aux);

    /* Take what no longer waits: because the address is known now, because it
     * will not be, or because there are too many. */
    void (*go)(struct vrf_neigh_item *, void *aux);
    void (*fail)(struct vrf_neigh_item *, void *aux);
    void (*drop)(struct vrf_neigh_item *, void *aux);
};

struct vrf_neigh_queue;

struct vrf_neigh_queue *
vrf_neigh_queue_create(const struct vrf_neigh_queue_class *, void *aux);

/* Drops what waits. */
void vrf_neigh_queue_destroy(struct vrf_neigh_queue *);

/* Has 'item' wait, unless the address is known. */
void vrf_neigh_queue_add(struct vrf_neigh_queue *,
                         const struct vrf_neigh_key *,
                         struct vrf_neigh_item *item, long long int now);

/* Looks at all next hops.  'changed' says that something may be known that was
 * not before. */
void vrf_neigh_queue_run(struct vrf_neigh_queue *, bool changed,
                         long long int now);

/* Returns when vrf_neigh_queue_run() has something to do if nothing changes,
 * or LLONG_MAX. */
long long int vrf_neigh_queue_deadline(const struct vrf_neigh_queue *);

#endif /* lib/vrf-neigh-queue.h */
