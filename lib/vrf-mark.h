/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_MARK_H
#define VRF_MARK_H 1

/* Which mark the packets of each VRF's tunnels get, for those tunnels of the
 * kernel datapath whose devices Linux cannot bind to a VRF, Geneve and GRE,
 * and which of these tunnels may be there together.
 *
 * A mark is a number, from 1 on, in the bits of a mask.  A VRF gets one with
 * its first tunnel and keeps it while it has any, and for some time after
 * that: flows of the datapath may still set it.
 *
 * By which VRF a packet came in cannot be told.  Thus no two tunnels of
 * different VRFs, the default one included, may both be one that a packet is
 * for.
 *
 * The module is pure.  It has no locks; one thread at a time may use a struct
 * vrf_marks. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sset;
struct vrf_marks;

/* Masks. */

#define VRF_MARK_DEFAULT_MASK 0x7f000000

/* Takes a mask, adjacent bits, at least one, from 's'.  Returns false, and
 * leaves '*mask' alone, if it is none. */
bool vrf_mark_mask_from_string(const char *s, uint32_t *mask);

/* Tunnels. */

struct vrf_mark_tunnel {
    uint16_t vrf;               /* VRF_DEFAULT_ID if it is in none. */
    uint16_t dst_port;          /* 0 for GRE. */
    bool any_remote;            /* remote_ip=flow; otherwise it is 'remote'. */
    bool any_local;             /* No local_ip, or local_ip=flow. */
    bool any_key;               /* in_key=flow. */
    struct in6_addr remote;
    struct in6_addr local;
    uint64_t key;
};

struct vrf_marks *vrf_marks_create(void);
void vrf_marks_destroy(struct vrf_marks *);

/* Has marks be in the bits of 'mask', a valid one.  VRFs keep their numbers;
 * tunnels of one whose number does not fit into it are there no more. */
void vrf_marks_set_mask(struct vrf_marks *, uint32_t mask);
uint32_t vrf_marks_get_mask(const struct vrf_marks *);

/* Has tunnel 'name' be as '*t' says.  Returns null, or why that cannot be, for
 * the caller to free: then there is no tunnel with that name any more. */
char *vrf_marks_put(struct vrf_marks *, const char *name,
                    const struct vrf_mark_tunnel *t);

/* Removes tunnel 'name', if there is one. */
void vrf_marks_remove(struct vrf_marks *, const char *name);

/* Removes all tunnels but those with 'names'. */
void vrf_marks_retain(struct vrf_marks *, const struct sset *names);

/* Returns the tunnel, or null. */
const struct vrf_mark_tunnel *vrf_marks_find(const struct vrf_marks *,
                                             const char *name);

/* Calls 'cb' for each tunnel of 'vrf'. */
void vrf_marks_for_each_tunnel(const struct vrf_marks *, uint16_t vrf,
                               void (*cb)(const char *name, void *aux),
                               void *aux);

/* VRFs. */

/* Returns the VRF's mark, 0 if it has none. */
uint32_t vrf_marks_get(const struct vrf_marks *, uint16_t vrf);

/* Gives 'mark' to a VRF that has none, and no tunnels, if it is one that no
 * other VRF has: one that was its mark before. */
void vrf_marks_suggest(struct vrf_marks *, uint16_t vrf, uint32_t mark);

/* Does any VRF have a mark? */
bool vrf_marks_any(const struct vrf_marks *);

/* Calls 'cb' for each VRF with a mark. */
void vrf_marks_for_each(const struct vrf_marks *,
                        void (*cb)(uint16_t vrf, uint32_t mark, void *aux),
                        void *aux);

/* Takes their marks from VRFs that have been seen without tunnels at a call
 * 'linger' ms before 'now', or earlier.  Returns when to call it again,
 * LLONG_MAX if there is no reason to. */
long long int vrf_marks_expire(struct vrf_marks *, long long int now,
                               long long int linger);

#endif /* vrf-mark.h */
