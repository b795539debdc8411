/* SPDX-License-Identifier: Apache-2.0 */

/* To be preloaded: makes requests to /dev/openvswitch-ring fail, and rings end
 * while they are in use, one in RING_FAULTS times, at random.  Nothing else of
 * the process changes. */

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "openvswitch/ring-kernel.h"

/* A ring ends in one of that many polls that could have been its end. */
#define POLLS 64

/* One more than the file of the ring that was made last, 0 if it was ended. */
static atomic_int last_ring;

static bool
one_in(unsigned int n)
{
    unsigned int x;

    return n && getrandom(&x, sizeof x, 0) == sizeof x && !(x % n);
}

static unsigned int
faults(void)
{
    const char *s = getenv("RING_FAULTS");

    return s ? atoi(s) : 0;
}

int
ioctl(int fd, unsigned long int request, ...)
{
    static const int errors[] = { ENOMEM, EPERM, ENODEV, EBUSY, EINVAL };
    va_list args;
    void *arg;
    int retval;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);

    if (_IOC_TYPE(request) == 'R' && request != OVS_RING_IOC_DETACH
        && one_in(faults())) {
        unsigned int x = 0;

        if (getrandom(&x, sizeof x, 0) < 0) {
            x = 0;
        }
        errno = errors[x % (sizeof errors / sizeof *errors)];
        return -1;
    }
    retval = syscall(SYS_ioctl, fd, request, arg);
    if (!retval && request == OVS_RING_IOC_ATTACH) {
        atomic_store(&last_ring, fd + 1);
    }
    return retval;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
    if (atomic_load(&last_ring) && one_in(faults() * POLLS)) {
        int fd = atomic_exchange(&last_ring, 0) - 1;

        if (fd >= 0) {
            /* If it is no ring any more it knows no such request. */
            syscall(SYS_ioctl, fd, OVS_RING_IOC_DETACH, NULL);
        }
    }
    return ppoll(fds, n, timeout < 0 ? NULL : &(struct timespec) {
                     .tv_sec = timeout / 1000,
                     .tv_nsec = timeout % 1000 * 1000000L,
                 }, NULL);
}
