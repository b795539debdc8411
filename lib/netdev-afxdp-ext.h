/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_AFXDP_EXT_H
#define NETDEV_AFXDP_EXT_H 1

/* What AF_XDP ports have of ours, shared memory (netdev-afxdp-umem.h) and the
 * XDP program (netdev-afxdp-xdp.h), for netdev-afxdp.c, the only file that
 * includes this: it needs that file's static functions and types.
 *
 * Thread-safety: the caller has the lock of the device, but for
 * afxdp_ext_recv(), which is for the thread that receives from the queue. */

#include "netdev-afxdp-umem.h"
#include "netdev-afxdp-xdp.h"

static struct xsk_socket_info *xsk_configure_socket(
    struct xsk_umem_info *, uint32_t ifindex, uint32_t queue_id,
    enum afxdp_mode, bool use_need_wakeup, bool report_socket_failures);

/* Configuration. */

/* Takes what is ours of 'args', from the next reconfiguration on, for which it
 * asks if that has to be.  Returns false, with an error in '*errp' if 'errp'
 * is not null and nothing changed, if it is not valid. */
static bool
afxdp_ext_set_config(struct netdev_linux *dev, const struct smap *args,
                     char **errp)
{
    bool own;

    if (!netdev_afxdp_umem_from_config(args, &own, errp)
        || netdev_afxdp_xdp_set_config(&dev->up, args, errp)) {
        return false;
    }
    if (dev->shared.requested_own != own) {
        dev->shared.requested_own = own;
        netdev_request_reconfigure(&dev->up);
    }
    return true;
}

static void
afxdp_ext_get_config(const struct netdev_linux *dev, struct smap *args)
{
    netdev_afxdp_umem_to_config(&dev->shared, args);
    netdev_afxdp_xdp_get_config(&dev->up, args);
}

/* Is what the port has what it should have? */
static bool
afxdp_ext_is_current(const struct netdev_linux *dev)
{
    return (dev->shared.own == dev->shared.requested_own
            && netdev_afxdp_xdp_is_current(&dev->up));
}

/* Queues. */

/* Configures a queue, as xsk_configure() does, of a port that shares memory:
 * its socket becomes '*xskp', or null if that cannot be had in this mode.
 * Returns false if the queue has to have memory of its own. */
static bool
configure_shared_once(struct netdev_linux *dev, int ifindex, int queue_id,
                      enum afxdp_mode mode, bool report_socket_failures,
                      struct xsk_socket_info **xskp)
{
    struct xsk_umem_info *umem = xzalloc(sizeof *umem);
    struct xsk_socket_info *xsk;
    int error;

    /* Not netdev_get_numa_id(), which takes the mutex that the caller has.  It
     * has been called where there is more than one node. */
    umem->queue = afxdp_queue_create(&dev->shared, &dev->up, dev->numa_id,
                                     &umem->umem, &umem->fq, &umem->cq);
    if (!umem->queue) {
        free(umem);
        return false;
    }

    xsk = xsk_configure_socket(umem, ifindex, queue_id, mode,
                               dev->use_need_wakeup, report_socket_failures);
    if (xsk) {
        afxdp_queue_start(umem->queue, xsk_socket__fd(xsk->xsk), &xsk->rx,
                          &xsk->tx, dev->use_need_wakeup,
                          mode == OVS_AF_XDP_MODE_NATIVE_ZC,
                          &xsk->tx_dropped);
    } else {
        error = errno;
        if (error != EBUSY) {
            afxdp_queue_had_socket(umem->queue);
        }
        afxdp_queue_destroy(umem->queue);
        free(umem);
        errno = error;
    }
    *xskp = xsk;
    return true;
}

/* The same, but waits for the kernel, which frees the device's queue some time
 * after its last socket was closed. */
static bool
configure_shared(struct netdev_linux *dev, int ifindex, int queue_id,
                 enum afxdp_mode mode, bool report_socket_failures,
                 struct xsk_socket_info **xskp)
{
    while (afxdp_queues_may_be_busy()) {
        if (!configure_shared_once(dev, ifindex, queue_id, mode, false,
                                   xskp)) {
            return false;
        } else if (*xskp) {
            return true;
        } else if (errno != EBUSY) {
            break;
        }
        xnanosleep_no_quiesce(10 * 1000 * 1000);
    }
    return configure_shared_once(dev, ifindex, queue_id, mode,
                                 report_socket_failures, xskp);
}

/* Configures a queue with what is ours, as xsk_configure() does without. */
static struct xsk_socket_info *
afxdp_ext_configure(struct netdev_linux *dev, int ifindex, int queue_id,
                    enum afxdp_mode mode, bool report_socket_failures)
{
    struct xsk_socket_info *xsk;

    dev->shared.own = dev->shared.requested_own;
    if (netdev_afxdp_xdp_open(&dev->up, ifindex,
                              mode == OVS_AF_XDP_MODE_GENERIC)) {
        return NULL;
    }
    if (!configure_shared(dev, ifindex, queue_id, mode, report_socket_failures,
                          &xsk)) {
        xsk = xsk_configure(ifindex, queue_id, mode, dev->use_need_wakeup,
                            report_socket_failures);
    }
    if (xsk) {
        netdev_afxdp_xdp_set_socket(&dev->up, queue_id,
                                    xsk_socket__fd(xsk->xsk));
    }
    return xsk;
}

/* Destroys a queue's socket and memory, whoever's that is. */
static void
afxdp_ext_destroy(struct xsk_socket_info *xsk)
{
    if (!xsk->umem->queue) {
        xsk_destroy(xsk);
        return;
    }
    xsk_socket__delete(xsk->xsk);
    afxdp_queue_destroy(xsk->umem->queue);
    free(xsk->umem);
    free(xsk);
}

/* Lets go of what the port has besides its queues, which were destroyed. */
static void
afxdp_ext_close(struct netdev_linux *dev, int ifindex)
{
    netdev_afxdp_umem_leave(&dev->shared);
    if (!netdev_afxdp_xdp_close(&dev->up)) {
        xsk_remove_xdp_program(ifindex, dev->xdp_mode_in_use);
    }
}

/* As netdev_afxdp_rxq_recv(), from a queue whose memory is shared. */
static inline int
afxdp_ext_recv(struct xsk_socket_info *xsk, struct netdev_rxq_linux *rx,
               struct dp_packet_batch *batch, int *qfill)
{
    rx->fd = afxdp_queue_fd(xsk->umem->queue);
    return afxdp_queue_recv(xsk->umem->queue, batch, qfill);
}

#endif /* netdev-afxdp-ext.h */
