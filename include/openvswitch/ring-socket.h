/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef OPENVSWITCH_RING_SOCKET_H
#define OPENVSWITCH_RING_SOCKET_H 1

/* The ring's socket: how a process comes by the memory that ring-abi.h
 * describes where ovs-vswitchd is the producer.  (Where it is the kernel, see
 * ring-kernel.h.)
 *
 * The socket is $RUNDIR/ovs-vswitchd.PID.ring, of type SOCK_SEQPACKET, with
 * mode 0600.  Each message is a packet of its own and begins with struct
 * ovs_ring_msg; integers are in host byte order.  The client asks, the server
 * answers each request, in their order, with OK or what is said beside it, or
 * with ERR, and then nothing has changed; KICK has no answer.  A client that
 * sends what is no message, or HELLO not first and once, gets ERR and is
 * hung up on.
 *
 *     client                                 server
 *
 *     HELLO  versions            -->
 *                                <--         HELLO  version, pid
 *     ATTACH class, geometry,
 *            name, options       -->
 *                                <--         OK     number of the ring,
 *                                                   three file descriptors
 *     EXPORT id, flags           -->                      (class FLOWS)
 *                                <--         OK
 *     ...reads the ring, and once it has read what it was waiting for:
 *     DETACH                     -->
 *                                <--         OK
 *
 * The descriptors come with OK in one SCM_RIGHTS, in this order: a file with
 * the producer region, which cannot be mapped writable; a file with the
 * consumer region; and one to sleep on, readable when the consumer is woken,
 * hung up when the producer is gone.  Both files are mapped as a whole.
 *
 * Rings of packets may be there before anybody attaches to them, by
 * "ovs-appctl ring/add".  Who does gets one that has records already, and
 * whose geometry and options are those that it was added with, not those of
 * ATTACH.
 *
 * A connection has up to OVS_RING_MAX_RINGS rings.  They are gone with it, or
 * by "ovs-appctl ring/del" before: the ring is dead then. */

#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OVS_RING_SOCKET_VERSION 1

/* No message is longer than this, in bytes. */
#define OVS_RING_MSG_MAX 4096

/* Rings of a connection, and connections. */
#define OVS_RING_MAX_RINGS 4
#define OVS_RING_MAX_PEERS 64

enum ovs_ring_msg_type {
    OVS_RING_MSG_HELLO = 1,             /* struct ovs_ring_hello. */
    OVS_RING_MSG_ATTACH = 2,            /* struct ovs_ring_attach_msg. */
    OVS_RING_MSG_DETACH = 3,            /* Nothing. */
    OVS_RING_MSG_OK = 4,                /* Nothing. */
    OVS_RING_MSG_ERR = 5,               /* struct ovs_ring_err. */
    OVS_RING_MSG_KICK = 6,              /* Nothing. */
    OVS_RING_MSG_LIST = 7,              /* Nothing; the answer is a LIST with
                                         * text: datapaths, TYPE@NAME, a
                                         * line each. */

    /* Requests of rings of one class. */
    OVS_RING_MSG_EXPORT = 64,           /* struct ovs_ring_export; FLOWS. */
};

struct ovs_ring_msg {
    __u16 type;                         /* enum ovs_ring_msg_type. */
    __u16 zero;
    __u32 len;                          /* Of the whole message, in bytes. */
    __u32 id;                           /* Comes back in the answer. */
    __u32 ring;                         /* Which of the connection's rings,
                                         * for DETACH, KICK and requests of
                                         * one class; 0 in other requests. */
};

/* From the client, the versions that it speaks; from the server, the one that
 * is spoken from now on, twice. */
struct ovs_ring_hello {
    struct ovs_ring_msg msg;
    __u16 min_version;
    __u16 max_version;
    __u32 pid;                          /* From the server; else 0. */
};

/* Makes a ring.  Numbers of the geometry are as in struct ovs_ring_control; 0
 * has the server choose. */
struct ovs_ring_attach_msg {
    struct ovs_ring_msg msg;
    __u32 ring_class;                   /* enum ovs_ring_class: FLOWS, TAP,
                                         * QUEUE. */
    __u32 n_lanes;
    __u32 seg_size;                     /* In bytes. */
    __u32 n_segs;                       /* Segments of a lane. */
    __u32 max_record;                   /* Longest payload, in bytes. */
    __u32 n_tx;                         /* TX entries of a lane. */
    __u32 tx_data_size;                 /* In bytes, of a lane. */
    __u16 name_len;
    __u16 options_len;
    /* Two strings without terminator follow: of what, and KEY=VALUE separated
     * by commas.
     *
     *     FLOWS  name: the datapath, TYPE@NAME; may be empty if there is but
     *            one.
     *            in-port=N    only flows that match this datapath port
     *            pmd=N        only flows of this core; -1 is the main thread
     *            layer=L      only flows in "ovs", or only those in "offload"
     *
     *     TAP, QUEUE  name: as in the action ring(name=...)
     *            timestamps=on|off  does each record have one? (off)
     *            snaplen=N    no more than N bytes of a packet
     *
     *     QUEUE  parked=N     packets of a lane that may wait, a power of two
     *                         up to 65536 (1024)
     *            deadline=N   ms that one waits for a verdict, up to 60000
     *                         (100)
     *
     * TAP: each lane but the last one has the packets of one thread of the
     * datapath, that one those of all others.  QUEUE: each lane has those of
     * one thread; a thread without one does what fail=... of the action says.
     * The thread of a lane looks for verdicts by itself; the main thread does
     * so at once upon KICK, without it once in a millisecond.  EBUSY if the
     * queue has a consumer.
     */
};

/* Has the ring's datapath write its flows: DUMP_BEGIN, PORT for each port,
 * FLOW for each flow, DUMP_END.  One at a time for a ring; EBUSY.  The server
 * waits for free segments, and sets OVS_RING_S_PARKED when it does; a client
 * that has released some then sends KICK.
 *
 * An incremental one tells what is different from the incremental one before:
 * FLOW for flows that are new or have other actions, STATS for those of which
 * more was seen, DEL for those that are gone.  If there was none before, or a
 * full one since, every flow is new.  If the server cannot remember all flows
 * DUMP_END has the error ENOSPC: some will come as new again, and their DEL
 * will be missing. */
struct ovs_ring_export {
    struct ovs_ring_msg msg;
    __u64 id;                           /* Comes back in DUMP_*. */
    __u32 flags;                        /* OVS_RING_EXPORT_*. */
    __u32 zero;
};

#define OVS_RING_EXPORT_INCREMENTAL (1U << 0)

struct ovs_ring_err {
    struct ovs_ring_msg msg;
    __u32 error;                        /* errno. */
    __u32 zero;
    /* What is wrong, as text without terminator. */
};

#ifdef __cplusplus
}
#endif

#endif /* OPENVSWITCH_RING_SOCKET_H */
