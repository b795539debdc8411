/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring-atomic.h"
#include "util.h"

/* Linux 5.1, glibc 2.30. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* Makes a memfd of 'size' bytes, maps it, and seals it then: our mapping stays
 * writable, whatever 'seals' forbid. */
static int
map_memfd(const char *name, uint64_t size, int seals, int *fdp, void **p)
{
    int error;
    int fd;

    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return errno;
    }
    if (ftruncate(fd, size)) {
        goto error;
    }
    *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
              fd, 0);
    if (*p == MAP_FAILED) {
        *p = NULL;
        goto error;
    }
    if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SHRINK | F_SEAL_GROW
                               | F_SEAL_SEAL)) {
        goto error;
    }
    *fdp = fd;
    return 0;

error:
    error = errno;
    close(fd);
    return error;
}

static void
free_memory(struct ring_memory *m)
{
    int fds[] = { m->producer_fd, m->consumer_fd, m->sleep_fd, m->wake_fd };

    if (m->producer) {
        munmap(m->producer, m->control.producer_size);
    }
    if (m->consumer) {
        munmap(m->consumer, m->control.consumer_size);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(m);
}

int
ring_memory_create(const struct ovs_ring_control *control, const char *name,
                   struct ring_memory **mp)
{
    struct ring_memory *m = xmalloc(sizeof *m);
    int pair[2];
    int error;

    *m = (struct ring_memory) {
        .control = *control,
        .producer_fd = -1, .consumer_fd = -1, .sleep_fd = -1, .wake_fd = -1,
    };

    error = map_memfd(name, control->producer_size, F_SEAL_FUTURE_WRITE,
                      &m->producer_fd, &m->producer);
    if (!error) {
        error = map_memfd(name, control->consumer_size, 0, &m->consumer_fd,
                          &m->consumer);
    }
    if (!error && socketpair(AF_UNIX,
                             SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                             pair)) {
        error = errno;
    }
    if (error) {
        free_memory(m);
        return error;
    }
    m->sleep_fd = pair[0];
    m->wake_fd = pair[1];
    /* Nobody reads here what the consumer might send. */
    shutdown(m->wake_fd, SHUT_RD);

    memcpy(m->producer, control, sizeof *control);
    *mp = m;
    return 0;
}

void
ring_memory_destroy(struct ring_memory *m)
{
    if (m) {
        ring_memory_set_state(m, OVS_RING_S_DEAD);
        ring_memory_wake(m);
        free_memory(m);
    }
}

void
ring_memory_wake(const struct ring_memory *m)
{
    /* EAGAIN means that it has been woken often enough. */
    ignore(send(m->wake_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
}

void
ring_memory_set_state(struct ring_memory *m, uint32_t bits)
{
    struct ovs_ring_control *control = m->producer;

    __atomic_fetch_or(&control->state, bits, __ATOMIC_SEQ_CST);
    ring_fence();
}

void
ring_memory_clear_state(struct ring_memory *m, uint32_t bits)
{
    struct ovs_ring_control *control = m->producer;

    __atomic_fetch_and(&control->state, ~bits, __ATOMIC_SEQ_CST);
    ring_fence();
}
