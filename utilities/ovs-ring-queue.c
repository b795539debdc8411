/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ring.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/ring-client.h"
#include "util.h"

/* Packets that are looked at before the producer is asked to look at their
 * verdicts. */
#define BATCH 32

/* Returns what 'command' thinks of the packet, by its exit status. */
static bool
ask(const char *command, const struct ovs_ring_packet *p)
{
    char number[16];
    FILE *pipe;

    snprintf(number, sizeof number, "%"PRIu32, p->in_port);
    setenv("OVS_RING_IN_PORT", number, 1);
    snprintf(number, sizeof number, "%"PRIu32, p->mark);
    setenv("OVS_RING_MARK", number, 1);
    snprintf(number, sizeof number, "%"PRIu32, p->id);
    setenv("OVS_RING_ID", number, 1);
    snprintf(number, sizeof number, "%"PRIu32, p->len);
    setenv("OVS_RING_LEN", number, 1);

    pipe = popen(command, "w");
    if (!pipe) {
        ovs_fatal(errno, "%s", command);
    }
    /* It need not read it. */
    ignore(fwrite(p + 1, 1, p->cap_len, pipe));
    return !pclose(pipe);
}

/* Gives the verdict, once there is room for it. */
static int
judge(struct ovs_ring *ring, const struct ovs_ring_rec *rec, bool accept)
{
    int error;

    while ((error = (accept ? ovs_ring_accept(ring, rec)
                     : ovs_ring_drop(ring, rec))) == ENOBUFS) {
        ovs_ring_kick(ring);
        usleep(100);
        if (ovs_ring_get_control(ring)->state & OVS_RING_S_DEAD) {
            return ESHUTDOWN;
        }
    }
    return error;
}

/* Judges packets until 'n_max' of them have come, or the producer has gone. */
static int
judge_all(struct ovs_ring *ring, bool accept, const char *command,
          uint64_t n_max)
{
    uint64_t n = 0;
    int error = 0;

    while (n < n_max && !error) {
        struct ovs_ring_rec recs[BATCH];
        size_t m;

        error = ovs_ring_next_batch(ring, recs, MIN(BATCH, n_max - n), &m);
        if (error == EAGAIN) {
            ovs_ring_wait(ring, -1);
            error = 0;
            continue;
        }
        for (size_t i = 0; i < m && !error; i++) {
            const struct ovs_ring_packet *p = recs[i].data;

            if (recs[i].type == OVS_RING_T_PACKET && recs[i].len >= sizeof *p
                && p->cap_len <= recs[i].len - sizeof *p) {
                error = judge(ring, &recs[i],
                              command ? ask(command, p) : accept);
                n++;
                if (command) {
                    ovs_ring_kick(ring);
                }
            }
        }
        ovs_ring_kick(ring);
    }
    return error;
}

/* Waits until the producer has looked at all verdicts. */
static void
wait_taken(struct ovs_ring *ring, uint64_t n)
{
    struct ovs_ring_stats stats;

    do {
        ovs_ring_kick(ring);
        usleep(1000);
        ovs_ring_get_stats(ring, &stats);
    } while (stats.tx_taken + stats.tx_rejected < n
             && !(ovs_ring_get_control(ring)->state & OVS_RING_S_DEAD));
}

static int
run(int argc, char *argv[], const struct ring_options *options)
{
    static const struct option long_options[] = {
        {"verdict", required_argument, NULL, 'v'},
        {"deadline", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    const char *verdict = NULL, *deadline = NULL, *command = NULL;
    uint64_t n_max = UINT64_MAX;
    struct ovs_ring_client *client;
    struct ovs_ring *ring;
    char *wishes;
    int c, error;

    while ((c = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        switch (c) {
        case 'v':
            verdict = optarg;
            break;
        case 'd':
            deadline = optarg;
            break;
        case 'c':
            n_max = ring_parse_number(&ring_queue_command, "-c", optarg,
                                      UINT64_MAX - 1);
            break;
        default:
            return EXIT_FAILURE;
        }
    }
    if (optind != argc - 1) {
        ring_usage_error(&ring_queue_command,
                         "queue: needs one name of a ring");
    } else if (!verdict) {
        ring_usage_error(&ring_queue_command, "queue: --verdict is missing");
    } else if (!strncmp(verdict, "exec:", 5) && verdict[5]) {
        command = verdict + 5;
    } else if (strcmp(verdict, "accept") && strcmp(verdict, "drop")) {
        ring_usage_error(&ring_queue_command,
                         "queue: unknown verdict \"%s\"", verdict);
    }

    wishes = deadline ? xasprintf("deadline=%s", deadline) : NULL;
    client = ring_attach(options, OVS_RING_QUEUE, argv[optind], wishes);
    free(wishes);
    ring = ovs_ring_client_ring(client);
    error = judge_all(ring, !strcmp(verdict, "accept"), command, n_max);
    if (!error) {
        wait_taken(ring, n_max);
    }
    ovs_ring_disconnect(client);
    return ring_exit_status(error);
}

const struct ring_command ring_queue_command = {
    .name = "queue",
    .usage = "NAME --verdict=accept|drop|exec:COMMAND [--deadline=MS] [-c N]",
    .help = "say what becomes of packets that come to "
            "ring(name=NAME,mode=queue)",
    .run = run,
};
