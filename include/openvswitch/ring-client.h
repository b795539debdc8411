/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OPENVSWITCH_RING_CLIENT_H
#define OPENVSWITCH_RING_CLIENT_H 1

/* How to come by a ring of ovs-vswitchd: the client's side of the socket that
 * openvswitch/ring-socket.h describes.
 *
 * This file and lib/ring-client.c need nothing but libc and what
 * openvswitch/ring.h needs, on Linux.
 *
 *     struct ovs_ring_client *client;
 *     char *why;
 *
 *     error = ovs_ring_open_flows("/run/openvswitch/ovs-vswitchd.123.ring",
 *                                 "netdev@ovs-netdev", NULL, &client, &why);
 *     if (error) {
 *         fprintf(stderr, "%s\n", why);
 *         free(why);
 *         return;
 *     }
 *     ring = ovs_ring_client_ring(client);
 *     error = ovs_ring_export(client, 1, 0, &why);
 *     ...ovs_ring_next(ring, &rec) until OVS_RING_T_DUMP_END...
 *     ovs_ring_disconnect(client);
 *
 * A client is one connection with at most one ring.  One thread at a time uses
 * a client; it need not be the one that reads its ring.
 *
 * Functions that return int return 0 or a positive errno value.  With an error
 * they set '*why', unless 'why' is null, to what is wrong, for the caller to
 * free(); null if there is no memory even for that.  What ovs-vswitchd said is
 * passed on. */

#include <stdint.h>

#include <openvswitch/ring-socket.h>
#include <openvswitch/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ovs_ring_client;

/* Connects to the socket 'name'.  The errno values of connect(), in particular
 * ENOENT and ECONNREFUSED where there is no ovs-vswitchd that has rings;
 * EPROTONOSUPPORT if it does not speak our version. */
int ovs_ring_connect(const char *name, struct ovs_ring_client **,
                     char **why);

/* Ends the connection and the ring, of which no record may be held. */
void ovs_ring_disconnect(struct ovs_ring_client *);

/* Stores in '*list', for the caller to free(), the datapaths that there are:
 * TYPE@NAME, a line each. */
int ovs_ring_list_datapaths(struct ovs_ring_client *, char **list,
                            char **why);

/* What a ring is to be.  0 and null have the server choose. */
struct ovs_ring_spec {
    uint32_t ring_class;        /* enum ovs_ring_class. */
    const char *name;           /* Of what. */
    const char *options;        /* KEY=VALUE,... */
    uint32_t n_lanes;
    uint32_t seg_size;          /* In bytes. */
    uint32_t n_segs;            /* Segments of a lane. */
    uint32_t max_record;        /* Longest payload, in bytes. */
    uint32_t n_tx;              /* TX entries of a lane. */
    uint32_t tx_data_size;      /* In bytes, of a lane. */
};

/* Gets a ring.  EBUSY if the client has one; EINVAL if the server does not
 * like the numbers or the strings, ENODEV if there is no such datapath, ENOMEM
 * if the server does not have so much memory for rings. */
int ovs_ring_attach(struct ovs_ring_client *, const struct ovs_ring_spec *,
                    char **why);

/* Returns the ring, the client's; null before ovs_ring_attach(). */
struct ovs_ring *ovs_ring_client_ring(const struct ovs_ring_client *);

/* Connects and attaches: to the flows of 'datapath', TYPE@NAME, or of the only
 * one there is if it is null.  'options' are those of ring-socket.h, or
 * null. */
int ovs_ring_open_flows(const char *name, const char *datapath,
                        const char *options, struct ovs_ring_client **,
                        char **why);

/* Has a ring of flows filled: see struct ovs_ring_export for 'id' and 'flags'.
 * EBUSY if the last export is not yet done. */
int ovs_ring_export(struct ovs_ring_client *, uint64_t id, uint32_t flags,
                    char **why);

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/ring-client.h */
