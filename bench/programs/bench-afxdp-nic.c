/* SPDX-License-Identifier: Apache-2.0 */

/* A library to preload into ovs-vswitchd: AF_XDP sockets whose packets are
 * sent without the kernel.  What is in a transmit ring is completed by
 * sendto() right away, as by a driver that needs no copy, and goes nowhere.
 * Then what a packet costs is what the switch itself does with it. */

#include <config.h>

#ifdef HAVE_LIBXDP
#include <xdp/xsk.h>
#else
#include <bpf/xsk.h>
#endif
#include <sys/socket.h>
#include <sys/types.h>

#include "../../tests/preload.h"

#define MAX_SOCKETS 64

/* Memories and sockets, the latest last.  Made by one thread, before others
 * send. */
static struct {
    struct xsk_umem *umem;
    struct xsk_ring_cons *completion;
} umems[MAX_SOCKETS];
static int n_umems;

static struct {
    int fd;
    struct xsk_ring_prod *tx;
    struct xsk_ring_cons *completion;
} sockets[MAX_SOCKETS];
static int n_sockets;

int
xsk_umem__create(struct xsk_umem **umem, void *area, __u64 size,
                 struct xsk_ring_prod *fill, struct xsk_ring_cons *completion,
                 const struct xsk_umem_config *config)
{
    int (*real)(struct xsk_umem **, void *, __u64, struct xsk_ring_prod *,
                struct xsk_ring_cons *, const struct xsk_umem_config *)
        = preload_next("xsk_umem__create");
    int error = real(umem, area, size, fill, completion, config);

    if (!error && n_umems < MAX_SOCKETS) {
        umems[n_umems].umem = *umem;
        umems[n_umems++].completion = completion;
    }
    return error;
}

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
    int error = real(xsk, name, queue, umem, rx, tx, config);

    for (int i = n_umems - 1; !error && i >= 0; i--) {
        if (umems[i].umem == umem && n_sockets < MAX_SOCKETS) {
            sockets[n_sockets].fd = xsk_socket__fd(*xsk);
            sockets[n_sockets].tx = tx;
            sockets[n_sockets++].completion = umems[i].completion;
            break;
        }
    }
    return error;
}

/* Does what the kernel would do with the rings. */
static void
complete(struct xsk_ring_prod *tx, struct xsk_ring_cons *completion)
{
    const struct xdp_desc *descs = tx->ring;
    uint64_t *done = completion->ring;
    uint32_t from = *tx->consumer;
    uint32_t to = __atomic_load_n(tx->producer, __ATOMIC_ACQUIRE);
    uint32_t at = *completion->producer;

    while (from != to) {
        done[at++ & completion->mask] = descs[from++ & tx->mask].addr;
    }
    __atomic_store_n(tx->consumer, from, __ATOMIC_RELEASE);
    __atomic_store_n(completion->producer, at, __ATOMIC_RELEASE);
}

ssize_t
sendto(int fd, const void *data, size_t size, int flags,
       const struct sockaddr *to, socklen_t to_size)
{
    static ssize_t (*real)(int, const void *, size_t, int,
                           const struct sockaddr *, socklen_t);

    for (int i = n_sockets - 1; !data && i >= 0; i--) {
        if (sockets[i].fd == fd) {
            complete(sockets[i].tx, sockets[i].completion);
            return 0;
        }
    }
    if (!real) {
        real = preload_next("sendto");
    }
    return real(fd, data, size, flags, to, to_size);
}
