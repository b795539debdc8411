/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-tap DEVICE
 *
 * Reads from the tap device DEVICE, one frame after the other, as a virtual
 * machine's network card does.  Prints "ready", then, for each line of stdin,
 * how many frames of UDP over IPv4 it has read, until stdin ends. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "packets.h"
#include "util.h"

static uint64_t n_frames;       /* Accessed by both threads, atomically. */

static int
open_tap(const char *name)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    const char *clone = "/dev/net/tun";
    int fd = open(clone, O_RDWR);

    ovs_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
        ovs_fatal(errno, "%s", name);
    }
    return fd;
}

static void *
read_frames(void *fdp)
{
    const int fd = *(int *) fdp;
    uint8_t frame[2048];

    for (;;) {
        ssize_t n = read(fd, frame, sizeof frame);

        if (n < 0) {
            ovs_assert(errno == EINTR);
        } else if (n >= ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN
                   && frame[12] == ETH_TYPE_IP >> 8
                   && frame[13] == (ETH_TYPE_IP & 0xff)
                   && frame[23] == IPPROTO_UDP) {
            __atomic_fetch_add(&n_frames, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

int
main(int argc, char *argv[])
{
    pthread_t thread;
    char line[16];
    int fd;

    if (argc != 2) {
        ovs_fatal(0, "usage: bench-tap DEVICE");
    }
    fd = open_tap(argv[1]);
    ovs_assert(!pthread_create(&thread, NULL, read_frames, &fd));
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("%"PRIu64"\n", __atomic_load_n(&n_frames, __ATOMIC_RELAXED));
        fflush(stdout);
    }
    return 0;
}
