/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-extension.h"
#include "dpif.h"
#include "ovstest.h"
#include "timeval.h"
#include "util.h"

/* The time that Open vSwitch takes to dump all flows of a kernel datapath in
 * full, the least of several dumps, in microseconds per flow: by netlink, or,
 * told so, by ring. */

/* Returns the number of flows, and in '*bytes' the size of their matches. */
static size_t
dump(struct dpif *dpif, uint64_t *bytes)
{
    struct dpif_flow_dump_thread *thread;
    struct dpif_flow flows[50];
    struct dpif_flow_dump *d;
    size_t n_flows = 0;
    int n;

    d = dpif_flow_dump_create(dpif, false, NULL);
    thread = dpif_flow_dump_thread_create(d);
    while ((n = dpif_flow_dump_next(thread, flows, ARRAY_SIZE(flows))) > 0) {
        for (int i = 0; i < n; i++) {
            *bytes += flows[i].key_len + flows[i].mask_len;
        }
        n_flows += n;
    }
    dpif_flow_dump_thread_destroy(thread);
    ovs_assert(!dpif_flow_dump_destroy(d));
    return n_flows;
}

static void
test_dpif_dump_main(int argc, char *argv[])
{
    long long int best = LLONG_MAX;
    uint64_t bytes = 0;
    struct dpif *dpif;
    size_t n = 0;
    int error;

    set_program_name(argv[0]);
    if (argc != 3 && (argc != 4 || strcmp(argv[3], "ring"))) {
        ovs_fatal(0, "usage: %s DATAPATH DUMPS [ring]", argv[0]);
    }
    dpif_want_ring_dumps(argc == 4);
    error = dpif_open(argv[1], "system", &dpif);
    if (error) {
        ovs_fatal(error, "%s", argv[1]);
    }
    for (int i = atoi(argv[2]); i > 0; i--) {
        long long int start = time_usec();

        bytes = 0;
        n = dump(dpif, &bytes);
        best = MIN(best, time_usec() - start);
    }
    ovs_assert(n && bytes);
    printf("%.5f\n", (double) best / n);
    dpif_close(dpif);
}

OVSTEST_REGISTER("test-dpif-dump", test_dpif_dump_main);
