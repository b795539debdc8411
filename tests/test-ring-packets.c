/* SPDX-License-Identifier: Apache-2.0 */

/* Consumers of rings of packets, good and bad ones, for tests/ring-action.at.
 *
 *     ovstest test-ring-packets tap SOCKET NAME OPTIONS N
 *         Prints N packets.
 *     ovstest test-ring-packets queue SOCKET NAME OPTIONS VERDICT...
 *         Prints a packet for each VERDICT: accept, drop, accept-upto,
 *         drop-upto, mark=VALUE/MASK, modify=HEX, wrong (one for a packet that
 *         there is not), none.  Ends when the verdicts were looked at.
 *     ovstest test-ring-packets accept SOCKET NAME OPTIONS
 *         Accepts everything until it is killed.
 *     ovstest test-ring-packets hold SOCKET NAME OPTIONS
 *         Attaches to a queue and does nothing until it is killed.
 *     ovstest test-ring-packets scribble SOCKET NAME CLASS
 *         Writes nonsense over all that it may write, until it is killed.
 *
 * OPTIONS go to the server; "-" is none.  Each one prints "attached" once it
 * is. */

#include <config.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "openvswitch/ring-client.h"
#include "openvswitch/ring.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

#define MAPS "/proc/self/maps"

static struct ovs_ring *
attach(const char *socket, uint32_t ring_class, const char *name,
       const char *options)
{
    const struct ovs_ring_spec spec = {
        .ring_class = ring_class,
        .name = name,
        .options = strcmp(options, "-") ? options : NULL,
    };
    struct ovs_ring_client *client;
    char *why = NULL;
    int error;

    error = ovs_ring_connect(socket, &client, &why);
    if (!error) {
        error = ovs_ring_attach(client, &spec, &why);
    }
    if (error) {
        ovs_fatal(0, "%s", why);
    }
    puts("attached");
    fflush(stdout);
    return ovs_ring_client_ring(client);
}

/* Waits for the next packet and prints it. */
static void
next(struct ovs_ring *ring, struct ovs_ring_rec *rec, bool print)
{
    const struct ovs_ring_packet *p;
    const uint8_t *bytes;
    int error;

    while ((error = ovs_ring_next(ring, rec)) == EAGAIN) {
        ovs_ring_wait(ring, -1);
    }
    if (error) {
        ovs_fatal(error, "end of ring");
    }
    ovs_assert(rec->type == OVS_RING_T_PACKET);
    if (!print) {
        return;
    }

    p = rec->data;
    bytes = (const uint8_t *) (p + 1);
    printf("len=%"PRIu32" in_port=%"PRIu32" mark=0x%"PRIx32" id=0x%"PRIx32
           " flags=%"PRIu32"%s lost=%"PRIu64" ", p->len, p->in_port, p->mark,
           p->id, p->flags, rec->timestamp ? " timestamp" : "", rec->lost);
    ovs_assert(!(rec->flags & OVS_RING_RF_TRUNCATED)
               == (p->len == p->cap_len));
    for (uint32_t i = 0; i < p->cap_len; i++) {
        printf("%02x", bytes[i]);
    }
    putchar('\n');
    fflush(stdout);
}

static void
tap(struct ovs_cmdl_context *ctx)
{
    struct ovs_ring *ring = attach(ctx->argv[1], OVS_RING_TAP, ctx->argv[2],
                                   ctx->argv[3]);
    struct ovs_ring_rec rec;

    for (int i = atoi(ctx->argv[4]); i > 0; i--) {
        next(ring, &rec, true);
    }
}

static void
modify(struct ovs_ring *ring, const struct ovs_ring_rec *rec, const char *hex)
{
    uint8_t packet[2048];
    size_t n = strlen(hex) / 2;

    ovs_assert(n <= sizeof packet);
    for (size_t i = 0; i < n; i++) {
        unsigned int byte;

        ovs_assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        packet[i] = byte;
    }
    ovs_assert(!ovs_ring_modify(ring, rec, packet, n));
}

static void
judge(struct ovs_ring *ring, const struct ovs_ring_rec *rec,
      const char *verdict)
{
    uint32_t value, mask;

    if (!strcmp(verdict, "accept")) {
        ovs_assert(!ovs_ring_accept(ring, rec));
    } else if (!strcmp(verdict, "drop")) {
        ovs_assert(!ovs_ring_drop(ring, rec));
    } else if (!strcmp(verdict, "accept-upto")) {
        ovs_assert(!ovs_ring_accept_upto(ring, rec));
    } else if (!strcmp(verdict, "drop-upto")) {
        ovs_assert(!ovs_ring_drop_upto(ring, rec));
    } else if (sscanf(verdict, "mark=%"SCNi32"/%"SCNi32, &value, &mask) == 2) {
        ovs_assert(!ovs_ring_mark(ring, rec, value, mask));
    } else if (!strncmp(verdict, "modify=", 7)) {
        modify(ring, rec, verdict + 7);
    } else if (!strcmp(verdict, "wrong")) {
        struct ovs_ring_rec other = *rec;

        other.seq += 1000;
        ovs_assert(!ovs_ring_accept(ring, &other));
    } else {
        ovs_assert(!strcmp(verdict, "none"));
    }
}

/* Waits until the producer has looked at 'n' verdicts, and prints what it
 * thought of them. */
static void
wait_taken(struct ovs_ring *ring, uint64_t n)
{
    struct ovs_ring_stats stats;

    do {
        ovs_ring_kick(ring);
        usleep(1000);
        ovs_ring_get_stats(ring, &stats);
    } while (stats.tx_taken + stats.tx_rejected < n);
    printf("taken=%"PRIu64" rejected=%"PRIu64"\n", stats.tx_taken,
           stats.tx_rejected);
}

static void
queue(struct ovs_cmdl_context *ctx)
{
    struct ovs_ring *ring = attach(ctx->argv[1], OVS_RING_QUEUE, ctx->argv[2],
                                   ctx->argv[3]);
    struct ovs_ring_rec rec;
    uint64_t n = 0;

    for (int i = 4; i < ctx->argc; i++) {
        next(ring, &rec, true);
        judge(ring, &rec, ctx->argv[i]);
        n += strcmp(ctx->argv[i], "none") != 0;
    }
    wait_taken(ring, n);
}

static void
accept_all(struct ovs_cmdl_context *ctx)
{
    struct ovs_ring *ring = attach(ctx->argv[1], OVS_RING_QUEUE, ctx->argv[2],
                                   ctx->argv[3]);

    for (;;) {
        struct ovs_ring_rec rec;

        next(ring, &rec, false);
        while (ovs_ring_accept(ring, &rec) == ENOBUFS) {
            ovs_ring_kick(ring);
        }
    }
}

static void
hold(struct ovs_cmdl_context *ctx)
{
    attach(ctx->argv[1], OVS_RING_QUEUE, ctx->argv[2], ctx->argv[3]);
    for (;;) {
        pause();
    }
}

static void
scribble(struct ovs_cmdl_context *ctx)
{
    struct ovs_ring *ring = attach(ctx->argv[1],
                                   !strcmp(ctx->argv[3], "tap")
                                   ? OVS_RING_TAP : OVS_RING_QUEUE,
                                   ctx->argv[2], "-");
    const struct ovs_ring_control *c = ovs_ring_get_control(ring);
    char path[64];
    uint32_t *area = NULL;
    size_t n = c->consumer_size / sizeof *area;

    /* The only shared mapping that is writable and of that size. */
    FILE *maps = fopen(MAPS, "r");
    char line[512];

    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, end;
        char perms[8];

        if (sscanf(line, "%"SCNxPTR"-%"SCNxPTR" %7s %*s %*s %*s %63s", &start,
                   &end, perms, path) == 4
            && !strcmp(perms, "rw-s") && strstr(path, "ring")
            && end - start >= c->consumer_size) {
            area = (uint32_t *) start;
        }
    }
    fclose(maps);
    ovs_assert(area);
    for (;;) {
        for (size_t i = 0; i < n; i++) {
            area[i] = random_uint32();
        }
    }
}

static const struct ovs_cmdl_command commands[] = {
    { "tap", "SOCKET NAME OPTIONS N", 4, 4, tap, OVS_RO },
    { "queue", "SOCKET NAME OPTIONS VERDICT...", 4, INT_MAX, queue, OVS_RO },
    { "accept", "SOCKET NAME OPTIONS", 3, 3, accept_all, OVS_RO },
    { "hold", "SOCKET NAME OPTIONS", 3, 3, hold, OVS_RO },
    { "scribble", "SOCKET NAME tap|queue", 3, 3, scribble, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_ring_packets_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    random_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ring-packets", test_ring_packets_main);
