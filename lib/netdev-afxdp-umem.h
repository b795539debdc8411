/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_AFXDP_UMEM_H
#define NETDEV_AFXDP_UMEM_H 1

/* Packet memory that AF_XDP ports share.
 *
 * Upstream's AF_XDP ports have memory of their own for each queue, so that
 * what goes from one port to another is copied.  Here the ports of a NUMA node
 * share an "area": each queue's socket registers all of it as its "UMEM", with
 * rings of its own.  Addresses mean the same in each of them, so that the
 * frame which a packet came in is what another port sends, and it is the
 * sender's completion ring that gives it back.  A port whose device does not
 * send out of this memory, but has the kernel copy it, sends a copy in a frame
 * that its queue has just used: to find another one takes the kernel longer.
 *
 * Sockets with one memory, each registered by itself, and not one UMEM that
 * the kernel has sockets share, because that would tie them to one another:
 * which modes they may have, and in which order they may be closed.  It needs
 * no newer kernel than AF_XDP does.
 *
 * Frames
 * ======
 *
 * An area has 4,096 frames for each queue that may have a place in it and as
 * many again for packets on their way: a queue lends the kernel 2,048 frames
 * to receive into, which is what its ring of received packets has room for,
 * and as many to send at most, thus none of them can starve another.  Who has
 * a frame is lib/xdp-frames.h's.  What the kernel has of a queue whose socket
 * is closed is the area's again; packets go on in memory that has no queue any
 * more, and the last one's end lets that go.
 *
 * Thread-safety
 * =============
 *
 * Areas: any thread.  A queue: its creation, start and destruction in the
 * thread that configures the port, while no other uses the queue; receiving in
 * one thread at a time; sending in one thread at a time, which may be
 * another. */

#ifdef HAVE_AF_XDP

#include <stdbool.h>
#include <stdint.h>

#include "ovs-atomic.h"

struct afxdp_queue;
struct afxdp_umem;
struct dp_packet_afxdp;
struct dp_packet_batch;
struct netdev;
struct smap;
struct xsk_ring_cons;
struct xsk_ring_prod;
struct xsk_umem;

/* What a port shares, in "struct netdev_linux".  All 0 at first. */
struct netdev_afxdp_umem {
    bool own;                   /* Not to share memory. */
    bool requested_own;         /* From the next reconfiguration on. */
    struct afxdp_umem *area;    /* Null if it has none. */
};

/* Registers the command "afxdp/umem".  May be called again. */
void netdev_afxdp_umem_init(void);

/* Interface options:umem.  The first returns false, with an error in '*errp'
 * if 'errp' is not null, if it is not valid. */
bool netdev_afxdp_umem_from_config(const struct smap *args, bool *own,
                                   char **errp);
void netdev_afxdp_umem_to_config(const struct netdev_afxdp_umem *,
                                 struct smap *args);

/* Lets go of the area, after the port's queues were destroyed. */
void netdev_afxdp_umem_leave(struct netdev_afxdp_umem *);

/* Creates a queue for a port that shares, whose rings '*fill' and
 * '*completion' become, and registers its memory, as '*umem'.  Returns null if
 * the port is not to share, or if that did not work, which is counted and
 * logged: the queue is to have memory of its own. */
struct afxdp_queue *afxdp_queue_create(struct netdev_afxdp_umem *,
                                       const struct netdev *, int numa_id,
                                       struct xsk_umem **umem,
                                       struct xsk_ring_prod *fill,
                                       struct xsk_ring_cons *completion);

/* Has the queue receive and send, with the socket 'fd' and its rings.  What
 * cannot be sent is counted in '*tx_dropped'.  All of these must stay until
 * the queue is destroyed. */
void afxdp_queue_start(struct afxdp_queue *, int fd,
                       struct xsk_ring_cons *rx, struct xsk_ring_prod *tx,
                       bool use_need_wakeup, bool zero_copy,
                       atomic_uint64_t *tx_dropped);

/* Destroys the queue and its UMEM.  The socket was closed. */
void afxdp_queue_destroy(struct afxdp_queue *);

/* Says that the queue, which was not started, had a socket for a moment: one
 * that the kernel bound to the device, although it could not be had in the
 * end, because there can be no XDP program in its mode, for instance. */
void afxdp_queue_had_socket(struct afxdp_queue *);

/* Was a queue that had a socket destroyed within the last second?  The kernel
 * may say that it is busy until it has done away with the socket, and packets
 * that it sent have been received or dropped. */
bool afxdp_queues_may_be_busy(void);

/* As rxq_recv() and send() of netdev_class. */
int afxdp_queue_recv(struct afxdp_queue *, struct dp_packet_batch *,
                     int *qfill);
int afxdp_queue_send(struct afxdp_queue *, struct dp_packet_batch *);

/* For a socket that select() or the like waits for. */
int afxdp_queue_fd(const struct afxdp_queue *);

/* Frees a packet whose 'umem' is not null. */
void afxdp_umem_free_packet(struct dp_packet_afxdp *);

/* Packets that a thread sends after it received from a PMD port, with
 * afxdp_queue_recv(), may wait for others to the same queue until it calls
 * this function, before it stops using the port. */
void netdev_afxdp_flush(void);

#else /* !HAVE_AF_XDP */

static inline void
netdev_afxdp_flush(void)
{
    /* Nothing. */
}

#endif
#endif /* netdev-afxdp-umem.h */
