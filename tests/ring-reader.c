/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-reader PRODUCER-FD CONSUMER-FD WAKE-FD
 *
 * The consumer of "ovstest test-ring-serve" as a stranger would write it:
 * nothing of Open vSwitch but the header, and lib/ring-consumer.c compiled
 * with it. */

#include <openvswitch/ring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "ring-reader: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void
check(const struct ovs_ring_rec *rec, uint64_t number)
{
    const uint8_t *data = rec->data;
    uint64_t first;

    require(rec->seq == number && !rec->lost, "record is missing");
    if (rec->flags & OVS_RING_RF_COPY) {
        const struct ovs_ring_copy *copy = rec->data;

        require(copy->len == 5000 && copy->cookie == number, "bad marker");
        return;
    }
    memcpy(&first, data, sizeof first);
    require(rec->len == 8 + number % 1400 && first == number, "bad record");
    for (uint32_t i = 8; i < rec->len; i++) {
        require(data[i] == (uint8_t) (number + i), "bad bytes");
    }
}

int
main(int argc, char *argv[])
{
    struct ovs_ring *ring;
    uint64_t n = 0;
    int error;

    require(argc == 4, "bad arguments");
    error = ovs_ring_open_fds(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]),
                              &ring);
    require(!error, "cannot open the ring");
    for (;;) {
        struct ovs_ring_rec rec;

        error = ovs_ring_next(ring, &rec);
        if (error == EAGAIN) {
            ovs_ring_wait(ring, -1);
            continue;
        } else if (error) {
            break;
        }
        check(&rec, n++);
        do {
            error = rec.seq % 2 ? ovs_ring_drop(ring, &rec)
                                : ovs_ring_accept(ring, &rec);
        } while (error == ENOBUFS);
        require(!error, "no verdict");
    }
    require(error == ESHUTDOWN, "no end");
    ovs_ring_close(ring);
    printf("%d records\n", (int) n);
    return 0;
}
