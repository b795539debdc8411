/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "dpif-netlink-ring-ops.h"

#include <errno.h>
#include <string.h>

#include "coverage.h"
#include "dp-packet.h"
#include "dpif.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/ring.h"
#include "openvswitch/vlog.h"
#include "ring-device.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_ring_ops);

COVERAGE_DEFINE(ring_flow_new);        /* New flows by rings. */
COVERAGE_DEFINE(ring_execute);         /* Packets executed by reference. */
COVERAGE_DEFINE(ring_flow_execute);    /* Both in one. */
COVERAGE_DEFINE(ring_ops_netlink);     /* How often netlink had to go on. */

/* Entries before the kernel looks at them. */
#define MAX_PENDING (2 * RING_OPS_MAX_RECS)

/* Those that were submitted for one lane. */
struct pending {
    uint32_t lane;
    uint32_t n;                     /* Entries... */
    uint32_t n_ops;                 /* ...and what they do. */
    uint8_t ops_of[MAX_PENDING];    /* 1 or 2 for each entry. */
};

void
ring_ops_init(struct ring_ops *ops, struct ovs_ring *ring)
{
    const struct ovs_ring_control *control;

    control = ring ? ovs_ring_get_control(ring) : NULL;
    ops->ring = control && control->minor >= 1 && control->n_tx ? ring : NULL;
    ops->has_flow_execute = ops->ring && control->minor >= 2;
    ring_ops_forget(ops);
}

void
ring_ops_forget(struct ring_ops *ops)
{
    ops->n_copies = ops->next = 0;
    ops->operated = false;
}

void
ring_ops_add(struct ring_ops *ops, const struct ovs_ring_rec *rec,
             const void *data)
{
    if (ops->operated || ops->n_copies >= RING_OPS_MAX_RECS) {
        ring_ops_forget(ops);
    }
    ops->copies[ops->n_copies++] = (struct ring_ops_copy) { rec, data };
}

/* Encoding. */

/* Appends 'attrs', 'len' bytes, as the attribute 'type', without PACKET_TYPE,
 * which the kernel does not know.  Returns false if that may have a
 * meaning. */
static bool
put_key(struct ofpbuf *buf, uint16_t type, const struct nlattr *attrs,
        size_t len)
{
    const struct nlattr *packet_type = NULL;
    bool is_ethernet = false;
    const struct nlattr *a;
    size_t left, offset;

    /* None of them has flags in its type. */
    NL_ATTR_FOR_EACH_UNSAFE (a, left, attrs, len) {
        if (a->nla_type == OVS_KEY_ATTR_PACKET_TYPE) {
            packet_type = a;
        } else if (a->nla_type == OVS_KEY_ATTR_ETHERNET) {
            is_ethernet = true;
        }
    }
    if (!packet_type) {
        nl_msg_put_unspec(buf, type, attrs, len);
        return true;
    }
    offset = nl_msg_start_nested(buf, type);
    ofpbuf_put(buf, attrs, (const char *) packet_type - (const char *) attrs);
    a = nl_attr_next(packet_type);
    ofpbuf_put(buf, a, (const char *) attrs + len - (const char *) a);
    nl_msg_end_nested(buf, offset);
    return is_ethernet;
}

/* Appends all of the flow but its key. */
static bool
put_value(struct ofpbuf *buf, const struct dpif_flow_put *put)
{
    if (put->ufid) {
        nl_msg_put_unspec(buf, OVS_FLOW_ATTR_UFID, put->ufid,
                          sizeof *put->ufid);
    }
    if (put->mask_len
        && !put_key(buf, OVS_FLOW_ATTR_MASK, put->mask, put->mask_len)) {
        return false;
    }
    nl_msg_put_unspec(buf, OVS_FLOW_ATTR_ACTIONS, put->actions,
                      put->actions_len);
    return true;
}

static bool
encode_flow(const struct dpif_flow_put *put, struct ovs_ring_tx *entry,
            struct ofpbuf *buf)
{
    entry->op = OVS_RING_OP_FLOW_NEW;
    return put->flags == DPIF_FP_CREATE && !put->stats
           && put_key(buf, OVS_FLOW_ATTR_KEY, put->key, put->key_len)
           && put_value(buf, put);
}

/* Returns the copy of a message that 'packet' lies in. */
static const struct ring_ops_copy *
find_copy(struct ring_ops *ops, const struct dp_packet *packet)
{
    const void *packet_data = dp_packet_data(packet);
    uintptr_t data = (uintptr_t) packet_data;

    for (size_t i = 0; i < ops->n_copies; i++) {
        /* The next one, or the one after it, most of the time. */
        const struct ring_ops_copy *copy = &ops->copies[ops->next];

        if (data - (uintptr_t) copy->data < copy->rec->len) {
            return copy;
        }
        ops->next = ops->next + 1 < ops->n_copies ? ops->next + 1 : 0;
    }
    return NULL;
}

/* Returns the record that has the same packet, byte by byte. */
static const struct ovs_ring_rec *
find_record(struct ring_ops *ops, const struct dp_packet *packet)
{
    const struct ring_ops_copy *copy = find_copy(ops, packet);
    uint32_t size = dp_packet_size(packet);
    const struct ovs_ring_rec *rec;
    const struct nlattr *a;
    size_t offset;

    if (!copy) {
        return NULL;
    }
    rec = copy->rec;
    offset = (const char *) dp_packet_data(packet) - (const char *) copy->data;
    if (offset < NLA_HDRLEN || offset % NLA_ALIGNTO
        || size > rec->len - offset) {
        return NULL;
    }
    a = ALIGNED_CAST(const struct nlattr *,
                     (const char *) rec->data + offset - NLA_HDRLEN);
    return nl_attr_type(a) == OVS_PACKET_ATTR_PACKET
           && nl_attr_get_size(a) == size
           && !memcmp(a + 1, dp_packet_data(packet), size) ? rec : NULL;
}

static bool
encode_execute(struct ring_ops *ops, const struct dpif_execute *execute,
               struct ovs_ring_tx *entry, uint32_t *lane, struct ofpbuf *buf)
{
    const struct ovs_ring_rec *rec;
    size_t offset;

    rec = execute->probe ? NULL : find_record(ops, execute->packet);
    if (!rec) {
        return false;
    }
    *lane = rec->lane;
    entry->op = OVS_RING_OP_EXECUTE;
    entry->id = rec->seq;
    entry->seg = rec->seg;
    entry->gen = rec->generation;
    entry->off = rec->off;
    offset = nl_msg_start_nested(buf, OVS_PACKET_ATTR_KEY);
    odp_key_from_dp_packet(buf, execute->packet);
    nl_msg_end_nested(buf, offset);
    nl_msg_put_unspec(buf, OVS_PACKET_ATTR_ACTIONS, execute->actions,
                      execute->actions_len);
    if (execute->mtu) {
        nl_msg_put_u16(buf, OVS_PACKET_ATTR_MRU, execute->mtu);
    }
    if (execute->hash) {
        nl_msg_put_u64(buf, OVS_PACKET_ATTR_HASH, execute->hash);
    }
    return true;
}

/* Does 'rec' have the key attributes 'key' of 'len' bytes? */
static bool
has_key(const struct ovs_ring_rec *rec, const struct nlattr *key, size_t len)
{
    /* The header of a message in the ring is as the kernel wrote it. */
    enum { HEADER = NLMSG_HDRLEN + GENL_HDRLEN + sizeof(struct ovs_header) };
    const struct nlattr *a;

    if (rec->len < HEADER + NLA_HDRLEN + len) {
        return false;
    }
    /* The kernel writes the key first. */
    a = ALIGNED_CAST(const struct nlattr *, (const char *) rec->data + HEADER);
    return nl_attr_type(a) == OVS_PACKET_ATTR_KEY
           && nl_attr_get_size(a) == len && !memcmp(a + 1, key, len);
}

/* A flow that was made of a packet, which is then executed by the flow's
 * actions.  The packet's metadata are from the same key. */
static bool
encode_both(struct ring_ops *ops, const struct dpif_flow_put *put,
            const struct dpif_execute *execute, struct ovs_ring_tx *entry,
            uint32_t *lane, struct ofpbuf *buf)
{
    const struct ovs_ring_rec *rec;

    if (!ops->has_flow_execute || put->flags != DPIF_FP_CREATE || put->stats
        || !put->ufid || execute->probe
        || put->actions_len != execute->actions_len
        || memcmp(put->actions, execute->actions, put->actions_len)) {
        return false;
    }
    rec = find_record(ops, execute->packet);
    if (!rec || !has_key(rec, put->key, put->key_len)) {
        return false;
    }
    *lane = rec->lane;
    entry->op = OVS_RING_OP_FLOW_EXECUTE;
    entry->id = rec->seq;
    entry->seg = rec->seg;
    entry->gen = rec->generation;
    entry->off = rec->off;
    return put_value(buf, put);
}

/* Encodes the first ones of 'n' operations.  '*lane' is that of the entry
 * before; a flow goes with the packet behind it.  Returns how many 'entry'
 * does, 0 if the first one cannot be done so. */
static unsigned int
encode(struct ring_ops *ops, struct dpif_op *const op[], size_t n,
       struct ovs_ring_tx *entry, uint32_t *lane, struct ofpbuf *buf)
{
    switch (op[0]->type) {
    case DPIF_OP_FLOW_PUT:
        if (n > 1 && op[1]->type == DPIF_OP_EXECUTE) {
            const struct ring_ops_copy *copy;

            if (encode_both(ops, &op[0]->flow_put, &op[1]->execute, entry,
                            lane, buf)) {
                return 2;
            }
            ofpbuf_clear(buf);
            *entry = (struct ovs_ring_tx) { .flags = 0 };
            copy = find_copy(ops, op[1]->execute.packet);
            *lane = copy ? copy->rec->lane : *lane;
        }
        return encode_flow(&op[0]->flow_put, entry, buf);

    case DPIF_OP_EXECUTE:
        return encode_execute(ops, &op[0]->execute, entry, lane, buf);

    case DPIF_OP_FLOW_DEL:
    case DPIF_OP_FLOW_GET:
    default:
        return 0;
    }
}

/* Operating. */

/* Has the kernel do what is pending, for ops[0] on.  Returns how many of 'ops'
 * were done: all of them, unless the ring cannot do it any more. */
static size_t
flush(struct ring_ops *ops, struct pending *pending, struct dpif_op *op[])
{
    int32_t errors[MAX_PENDING];
    uint32_t n = pending->n;
    size_t n_ops = 0;
    int error;

    pending->n = pending->n_ops = 0;
    if (!n) {
        return 0;
    }
    error = ring_device_kick(ops->ring, pending->lane, n, errors);
    if (error || ovs_ring_tx_pending(ops->ring, pending->lane)) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        /* What it did not take it never will: nobody asks it again. */
        n -= MIN(n, ovs_ring_tx_pending(ops->ring, pending->lane));
        ops->ring = NULL;
        VLOG_INFO_RL(&rl, "operations go by netlink from now on, not by ring "
                     "(%s)", ovs_strerror(error));
    }
    for (uint32_t i = 0; i < n; i++) {
        op[n_ops]->error = -errors[i];
        if (pending->ops_of[i] == 2) {
            /* The packet is executed whatever became of the flow, if it was
             * there. */
            op[n_ops + 1]->error = errors[i] == -ESTALE ? ESTALE : 0;
            COVERAGE_INC(ring_flow_execute);
        } else if (op[n_ops]->type == DPIF_OP_EXECUTE) {
            COVERAGE_INC(ring_execute);
        } else {
            COVERAGE_INC(ring_flow_new);
        }
        n_ops += pending->ops_of[i];
    }
    return n_ops;
}

size_t
ring_ops_operate(struct ring_ops *ops, struct dpif_op *op[], size_t n)
{
    uint64_t stub[2048 / sizeof(uint64_t)];
    bool had_ring = ops->ring != NULL;
    struct pending pending;
    size_t n_done = 0;
    struct ofpbuf buf;

    ops->operated = true;
    pending.lane = pending.n = pending.n_ops = 0;
    ofpbuf_use_stub(&buf, stub, sizeof stub);
    while (ops->ring && n_done + pending.n_ops < n) {
        size_t i = n_done + pending.n_ops;
        struct ovs_ring_tx entry = { .flags = 0 };
        uint32_t lane = pending.lane;
        unsigned int n_encoded;
        int error;

        ofpbuf_clear(&buf);
        n_encoded = encode(ops, op + i, n - i, &entry, &lane, &buf);
        if (!n_encoded) {
            break;
        }
        if (lane != pending.lane || pending.n >= MAX_PENDING) {
            n_done += flush(ops, &pending, op + n_done);
            pending.lane = lane;
            if (n_done < i) {
                break;
            }
        }
        error = ovs_ring_submit_data(ops->ring, lane, &entry, buf.data,
                                     buf.size);
        if (error == ENOBUFS && pending.n) {
            n_done += flush(ops, &pending, op + n_done);
        } else if (error) {
            break;
        } else {
            pending.ops_of[pending.n++] = n_encoded;
            pending.n_ops += n_encoded;
        }
    }
    if (ops->ring) {
        n_done += flush(ops, &pending, op + n_done);
    }
    if (had_ring && !n_done) {
        COVERAGE_INC(ring_ops_netlink);
    }
    ofpbuf_uninit(&buf);
    return n_done;
}
