/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ring.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "dpctl-remote.h"
#include "jsonrpc.h"
#include "unixctl.h"
#include "util.h"

/* Prints the answer of 'target' to ring/show. */
static void
show(const char *target, bool json)
{
    char *option = CONST_CAST(char *, "--json");
    char *problem, *socket, *result, *refusal;
    struct jsonrpc *rpc;
    int error;

    socket = dpctl_target_socket(target, "ctl", &problem);
    if (!socket) {
        ovs_fatal(0, "%s", problem);
    }
    error = unixctl_client_create(socket, &rpc);
    if (error) {
        ovs_fatal(error, "cannot connect to \"%s\"", socket);
    }
    error = unixctl_client_transact(rpc, "ring/show", json ? 1 : 0, &option,
                                    &result, &refusal);
    if (error) {
        ovs_fatal(error, "%s: transaction error", socket);
    }
    if (refusal) {
        ovs_fatal(0, "%s", refusal);
    }
    fputs(result, stdout);
    free(result);
    jsonrpc_close(rpc);
    free(socket);
}

static int
run(int argc, char *argv[], const struct ring_options *options)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (c != 'j') {
            return EXIT_FAILURE;
        }
        json = true;
    }
    if (optind < argc) {
        ring_usage_error(&ring_stats_command, "stats: \"%s\" is too much",
                         argv[optind]);
    }
    show(options->target, json);
    return EXIT_SUCCESS;
}

const struct ring_command ring_stats_command = {
    .name = "stats",
    .usage = "[--json]",
    .help = "statistics of the rings of ovs-vswitchd",
    .run = run,
};
