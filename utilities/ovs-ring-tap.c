/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ring.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/ofpbuf.h"
#include "openvswitch/ring-client.h"
#include "pcapng.h"
#include "util.h"

/* What is pending in the ring before the reader is woken, in bytes, and for
 * how long at most, in microseconds. */
#define WAKE_BYTES (128 * 1024)
#define WAKE_US 1000

/* Of the file, that are written at once, in bytes. */
#define WRITE_BYTES (256 * 1024)

struct tap {
    struct ovs_ring *ring;
    FILE *file;
    const char *file_name;
    struct ofpbuf buf;          /* Blocks not yet written. */
    uint64_t n_max;             /* -c, UINT64_MAX if there is no limit. */
    uint64_t n;                 /* Packets so far... */
    uint64_t lost;              /* ...and those missing. */
    uint64_t offset;            /* From the ring's clock to UTC, in ns. */
};

static volatile sig_atomic_t ended;

static void
end(int sig OVS_UNUSED)
{
    ended = true;
}

/* Ends waiting, too. */
static void
catch_signals(void)
{
    struct sigaction sa = { .sa_handler = end };

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Writes what there is, for whoever reads along. */
static void
flush(struct tap *tap)
{
    if (fwrite(tap->buf.data, 1, tap->buf.size, tap->file) != tap->buf.size
        || fflush(tap->file)) {
        ovs_fatal(errno, "%s: write failed", tap->file_name);
    }
    ofpbuf_clear(&tap->buf);
}

static void
put(struct tap *tap, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_packet *p = rec->data;

    if (rec->type != OVS_RING_T_PACKET || rec->len < sizeof *p
        || p->cap_len > rec->len - sizeof *p) {
        return;
    }
    pcapng_put_packet(&tap->buf, &(struct pcapng_packet) {
            .len = MAX(p->len, p->cap_len),
            .cap_len = p->cap_len,
            .data = p + 1,
            .ns = rec->timestamp + tap->offset,
            .lost = rec->lost,
        });
    tap->n++;
    tap->lost += rec->lost;
    if (tap->buf.size >= WRITE_BYTES) {
        flush(tap);
    }
}

/* Reads until somebody ends it.  Returns a positive errno value if that was
 * not the user. */
static int
copy(struct tap *tap)
{
    while (!ended && tap->n < tap->n_max) {
        struct ovs_ring_rec rec;
        int error = ovs_ring_next(tap->ring, &rec);

        if (!error) {
            put(tap, &rec);
        } else if (error == EAGAIN) {
            flush(tap);
            tap->offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
            ovs_ring_wait(tap->ring, -1);
        } else {
            return error;
        }
    }
    return 0;
}

static int
run(int argc, char *argv[], const struct ring_options *options)
{
    struct tap tap = { .n_max = UINT64_MAX };
    struct ovs_ring_client *client;
    uint32_t snaplen = 0;
    char *wishes;
    int c, error;

    while ((c = getopt_long(argc, argv, "w:c:s:",
                            &(struct option) { NULL, 0, NULL, 0 },
                            NULL)) != -1) {
        switch (c) {
        case 'w':
            tap.file_name = optarg;
            break;
        case 'c':
            tap.n_max = ring_parse_number(&ring_tap_command, "-c", optarg,
                                          UINT64_MAX - 1);
            break;
        case 's':
            snaplen = ring_parse_number(&ring_tap_command, "-s", optarg,
                                        UINT16_MAX);
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind != argc - 1) {
        ring_usage_error(&ring_tap_command, "tap: needs one name of a ring");
    } else if (!tap.file_name) {
        ring_usage_error(&ring_tap_command, "tap: -w is missing");
    }

    tap.file = (strcmp(tap.file_name, "-") ? fopen(tap.file_name, "w")
                : stdout);
    if (!tap.file) {
        ovs_fatal(errno, "%s: open failed", tap.file_name);
    }
    catch_signals();
    wishes = (snaplen ? xasprintf("timestamps=on,snaplen=%"PRIu32, snaplen)
              : xstrdup("timestamps=on"));
    client = ring_attach(options, OVS_RING_TAP, argv[optind], wishes);
    free(wishes);
    tap.ring = ovs_ring_client_ring(client);
    ovs_ring_set_wake(tap.ring, WAKE_BYTES, WAKE_US);

    ofpbuf_init(&tap.buf, WRITE_BYTES + UINT16_MAX);
    pcapng_put_section(&tap.buf, program_name);
    pcapng_put_interface(&tap.buf, argv[optind], snaplen);
    flush(&tap);

    tap.offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    error = copy(&tap);
    pcapng_put_statistics(&tap.buf, 0, clock_ns(CLOCK_REALTIME),
                          tap.n + tap.lost, tap.lost);
    flush(&tap);
    if (tap.file != stdout && fclose(tap.file)) {
        ovs_fatal(errno, "%s: close failed", tap.file_name);
    }
    ofpbuf_uninit(&tap.buf);
    ovs_ring_disconnect(client);
    fprintf(stderr, "%"PRIu64" packets, %"PRIu64" lost\n", tap.n, tap.lost);
    return ring_exit_status(error);
}

const struct ring_command ring_tap_command = {
    .name = "tap",
    .usage = "NAME -w FILE [-c N] [-s SNAPLEN]",
    .help = "write packets that come to ring(name=NAME) in pcapng format",
    .run = run,
};
