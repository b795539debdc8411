/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "dpif-netlink-ring-dump.h"

#include <errno.h>
#include <stdlib.h>

#include "dpif-extension.h"
#include "netlink-protocol.h"
#include "netlink-socket.h"
#include "odp-netlink.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/ring.h"
#include "openvswitch/vlog.h"
#include "ring-device.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_ring_dump);

/* One MB: the kernel fills it, which is one system call, then it is read. */
#define SEG_SIZE 65536
#define N_SEGS 16

/* Flows that are read at a time; no more are of use than a cache has room
 * for. */
#define MAX_BATCH 64

struct dpif_netlink_ring_dump {
    struct ovs_ring *ring;
    struct ovs_ring_rec recs[MAX_BATCH];
    size_t n_recs;
    size_t next;                /* Of 'recs', to be looked at. */
    int status;                 /* 0, EOF at the end, or an errno value. */
};

static int
start(int dp_ifindex, bool terse, struct ovs_ring **ringp)
{
    struct ovs_ring_attach attach = {
        .dp_ifindex = dp_ifindex,
        .ring_class = OVS_RING_DUMP,
        .n_lanes = 1,
        .seg_size = SEG_SIZE,
        .n_segs = N_SEGS,
    };
    struct ovs_ring_fill fill = {
        .flags = OVS_RING_FILL_START,
        .ufid_flags = terse ? OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK
                              | OVS_UFID_F_OMIT_ACTIONS : 0,
    };
    int error = ring_device_open(&attach, ringp);

    if (!error) {
        error = ring_device_fill(*ringp, &fill);
        if (error) {
            ovs_ring_close(*ringp);
        }
    }
    return error;
}

struct dpif_netlink_ring_dump *
dpif_netlink_ring_dump_start(int dp_ifindex, bool terse,
                             struct nl_dump *nl_dump,
                             const struct ofpbuf *request)
{
    if (dpif_wants_ring_dumps()) {
        struct ovs_ring *ring;
        int error = start(dp_ifindex, terse, &ring);

        if (!error) {
            struct dpif_netlink_ring_dump *dump = xzalloc(sizeof *dump);

            dump->ring = ring;
            return dump;
        }
        VLOG_WARN("flows come by netlink, not by ring (%s)",
                  error == ENOENT || error == ENXIO
                  ? "the kernel module has none" : ovs_strerror(error));
    }
    nl_dump_start(nl_dump, NETLINK_GENERIC, request);
    return NULL;
}

/* Makes 'dump->recs' those that come next.  Returns 0 or an errno value. */
static int
get_batch(struct dpif_netlink_ring_dump *dump)
{
    for (bool filled = false;; filled = true) {
        struct ovs_ring_fill fill = { .flags = 0 };
        int error = ovs_ring_next_batch(dump->ring, dump->recs, MAX_BATCH,
                                        &dump->n_recs);

        dump->next = 0;
        if (error != EAGAIN) {
            return error == ESHUTDOWN ? ENODEV : error;
        }
        /* A ring that is empty and cannot be filled is none of ours. */
        error = filled ? EPROTO : ring_device_fill(dump->ring, &fill);
        if (error) {
            return error;
        }
    }
}

bool
dpif_netlink_ring_dump_next(struct dpif_netlink_ring_dump *dump,
                            struct nl_dump *nl_dump, struct ofpbuf *reply,
                            struct ofpbuf *buffer)
{
    if (!dump) {
        return nl_dump_next(nl_dump, reply, buffer);
    }
    while (!dump->status) {
        const struct ovs_ring_rec *rec;

        if (dump->next == dump->n_recs) {
            dump->status = get_batch(dump);
            continue;
        }
        rec = &dump->recs[dump->next++];
        if (rec->type == OVS_RING_T_NLMSG) {
            ofpbuf_use_const(reply, rec->data, rec->len);
            buffer->size = dump->n_recs - dump->next;
            return true;
        } else if (rec->type == OVS_RING_T_DUMP_END) {
            const struct ovs_ring_dump *end = rec->data;
            int error = rec->len < sizeof *end ? EPROTO : end->error;

            dump->status = error ? error : EOF;
        }
    }
    return false;
}

int
dpif_netlink_ring_dump_done(struct dpif_netlink_ring_dump *dump,
                            struct nl_dump *nl_dump)
{
    int status;

    if (!dump) {
        return nl_dump_done(nl_dump);
    }
    status = dump->status == EOF ? 0 : dump->status;
    ovs_ring_close(dump->ring);
    free(dump);
    return status;
}
