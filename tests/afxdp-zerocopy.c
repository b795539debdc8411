/* SPDX-License-Identifier: Apache-2.0 */

/* A library to preload into ovs-vswitchd, for machines without a device that
 * AF_XDP sockets can use without copies: those that are asked to have none are
 * had nevertheless, with copies by the kernel.  So ports on veth with
 * options:xdp-mode=native-with-zerocopy do what they would do there. */

#include <config.h>

#include <linux/if_xdp.h>
#include <linux/types.h>
#ifdef HAVE_LIBXDP
#include <xdp/xsk.h>
#else
#include <bpf/xsk.h>
#endif

#include "preload.h"

int
xsk_socket__create(struct xsk_socket **xsk, const char *name, __u32 queue,
                   struct xsk_umem *umem, struct xsk_ring_cons *rx,
                   struct xsk_ring_prod *tx,
                   const struct xsk_socket_config *config)
{
    int (*real)(struct xsk_socket **, const char *, __u32, struct xsk_umem *,
                struct xsk_ring_cons *, struct xsk_ring_prod *,
                const struct xsk_socket_config *)
        = preload_next("xsk_socket__create");
    struct xsk_socket_config copying = *config;

    if (config->bind_flags & XDP_ZEROCOPY) {
        copying.bind_flags &= ~XDP_ZEROCOPY;
        copying.bind_flags |= XDP_COPY;
    }
    return real(xsk, name, queue, umem, rx, tx, &copying);
}
