/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_AFXDP_EXT_H
#define NETDEV_AFXDP_EXT_H 1

/* Sockets of queues whose memory is shared (netdev-afxdp-umem.h): a part of
 * netdev-afxdp.c. */

/* Configures a queue, as xsk_configure() does, of a port that shares memory:
 * its socket becomes '*xskp', or null if that cannot be had in this mode.
 * Returns false if the queue has to have memory of its own. */
static bool
xsk_configure_shared__(struct netdev_linux *dev, int ifindex, int queue_id,
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
xsk_configure_shared(struct netdev_linux *dev, int ifindex, int queue_id,
                     enum afxdp_mode mode, bool report_socket_failures,
                     struct xsk_socket_info **xskp)
{
    while (afxdp_queues_may_be_busy()) {
        if (!xsk_configure_shared__(dev, ifindex, queue_id, mode, false,
                                    xskp)) {
            return false;
        } else if (*xskp) {
            return true;
        } else if (errno != EBUSY) {
            break;
        }
        xnanosleep_no_quiesce(10 * 1000 * 1000);
    }
    return xsk_configure_shared__(dev, ifindex, queue_id, mode,
                                  report_socket_failures, xskp);
}

/* Frees a queue's state, after its socket was deleted.  Returns false if its
 * memory is its own. */
static bool
xsk_destroy_shared(struct xsk_socket_info *xsk_info)
{
    if (!xsk_info->umem->queue) {
        return false;
    }
    afxdp_queue_destroy(xsk_info->umem->queue);
    free(xsk_info->umem);
    free(xsk_info);
    return true;
}

#endif /* netdev-afxdp-ext.h */
