/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench.h"
#include "openvswitch/ring-client.h"
#include "timeval.h"

/* Connects to the ring socket of an ovs-vswitchd and reads every byte of the
 * flows of its datapath, from the first connect() to the last record:
 *
 *     bench-export SOCKET DATAPATH N-EXPORTS
 *
 * With more than one export they are incremental, and the time is that of the
 * last one. */

/* Reads an export.  Returns the number of its flows. */
static uint64_t
read_export(struct ovs_ring *ring, uint64_t *sum, uint64_t *n_records)
{
    for (;;) {
        struct ovs_ring_rec rec;
        int error = ovs_ring_next(ring, &rec);

        if (error == EAGAIN) {
            error = ovs_ring_wait(ring, 60000);
            BENCH_CHECK(error, "ovs_ring_wait");
            continue;
        }
        BENCH_CHECK(error, "ovs_ring_next");
        *sum += bench_sum(rec.data, rec.len);
        *n_records += 1;
        if (rec.type == OVS_RING_T_DUMP_END) {
            const struct ovs_ring_dump *end = rec.data;

            BENCH_CHECK(end->error, "the export");
            return end->n;
        }
    }
}

int
main(int argc, char *argv[])
{
    uint64_t start, sum = 0, n_flows = 0, n_records = 0;
    struct ovs_ring_client *client;
    struct ovs_ring_stats stats;
    unsigned int n_exports;
    char *why;

    set_program_name(argv[0]);
    if (argc != 4) {
        ovs_fatal(0, "usage: %s SOCKET DATAPATH N-EXPORTS", argv[0]);
    }
    n_exports = bench_number(argv[3], "number of exports", 1000);

    start = bench_wall_ns();
    if (ovs_ring_open_flows(argv[1], argv[2], NULL, &client, &why)) {
        ovs_fatal(0, "%s", why);
    }
    for (unsigned int i = 0; i < n_exports; i++) {
        if (i) {
            start = bench_wall_ns();
            n_records = 0;
        }
        if (ovs_ring_export(client, i, n_exports > 1
                            ? OVS_RING_EXPORT_INCREMENTAL : 0, &why)) {
            ovs_fatal(0, "%s", why);
        }
        n_flows = read_export(ovs_ring_client_ring(client), &sum, &n_records);
    }
    ovs_ring_get_stats(ovs_ring_client_ring(client), &stats);
    printf("{\"wall\": %.3f, \"flows\": %"PRIu64", \"records\": %"PRIu64", "
           "\"bytes\": %"PRIu64", \"sum\": \"%"PRIx64"\"}\n",
           (bench_wall_ns() - start) / 1e6, n_flows, n_records,
           stats.bytes, sum);
    ovs_ring_disconnect(client);
    return 0;
}
