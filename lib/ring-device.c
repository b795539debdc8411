/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "ring-device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "openvswitch/ring.h"
#include "util.h"

static int
request(int fd, unsigned long int number, void *arg)
{
    int error;

    do {
        error = ioctl(fd, number, arg) < 0 ? errno : 0;
    } while (error == EINTR);
    return error;
}

/* Makes a dump that waits for space go on.  Nobody can do anything about an
 * error: the ring is dead then, and says so itself. */
static void
kick(void *memory_)
{
    const struct ovs_ring_memory *memory = memory_;
    struct ovs_ring_kick k = { .n = 0 };

    request(memory->fd, OVS_RING_IOC_KICK, &k);
}

static void
release(void *memory_)
{
    struct ovs_ring_memory *memory = memory_;

    if (memory->consumer) {
        munmap(memory->consumer, memory->consumer_size);
    }
    if (memory->producer) {
        munmap(CONST_CAST(void *, memory->producer), memory->producer_size);
    }
    close(memory->fd);
    free(memory);
}

/* Returns null, with the reason in 'errno', if it fails. */
static void *
map(const struct ovs_ring_memory *memory, size_t size, int prot, off_t offset)
{
    void *p = mmap(NULL, size, prot, MAP_SHARED, memory->fd, offset);

    return p == MAP_FAILED ? NULL : p;
}

static int
open_memory(struct ovs_ring_memory *memory, struct ovs_ring_attach *attach,
            struct ovs_ring **ringp)
{
    int error = request(memory->fd, OVS_RING_IOC_ATTACH, attach);

    if (error) {
        return error;
    }
    memory->producer_size = attach->producer_size;
    memory->consumer_size = attach->consumer_size;
    memory->producer = map(memory, memory->producer_size, PROT_READ,
                           OVS_RING_MMAP_PRODUCER);
    if (memory->producer) {
        memory->consumer = map(memory, memory->consumer_size,
                               PROT_READ | PROT_WRITE,
                               OVS_RING_MMAP_CONSUMER);
    }
    return memory->consumer ? ovs_ring_open(memory, ringp) : errno;
}

int
ring_device_open(const struct ovs_ring_attach *attach_,
                 struct ovs_ring **ringp)
{
    struct ovs_ring_attach attach = *attach_;
    struct ovs_ring_memory *memory;
    int error;
    int fd;

    fd = open(OVS_RING_DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    memory = xzalloc(sizeof *memory);
    *memory = (struct ovs_ring_memory) {
        .fd = fd, .fd_is_state = true, .kick = kick, .release = release,
        .aux = memory,
    };
    error = open_memory(memory, &attach, ringp);
    if (error) {
        release(memory);
    }
    return error;
}

int
ring_device_bind(const struct ovs_ring *ring, uint32_t lane, uint32_t cpu)
{
    struct ovs_ring_bind bind = { .lane = lane, .cpu = cpu };

    return request(ovs_ring_fd(ring), OVS_RING_IOC_BIND, &bind);
}

int
ring_device_fill(const struct ovs_ring *ring, struct ovs_ring_fill *fill)
{
    return request(ovs_ring_fd(ring), OVS_RING_IOC_FILL, fill);
}

int
ring_device_kick(const struct ovs_ring *ring, uint32_t lane, uint32_t n,
                 int32_t errors[])
{
    struct ovs_ring_kick k = {
        .lane = lane, .n = n, .errors = (uintptr_t) errors,
    };

    return request(ovs_ring_fd(ring), OVS_RING_IOC_KICK, &k);
}

int
ring_device_detach(const struct ovs_ring *ring)
{
    return request(ovs_ring_fd(ring), OVS_RING_IOC_DETACH, NULL);
}

int
ring_device_get_stats(const struct ovs_ring *ring,
                      struct ovs_ring_device_stats *stats)
{
    return request(ovs_ring_fd(ring), OVS_RING_IOC_STATS, stats);
}
