/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpctl-ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpctl-remote.h"
#include "dpctl.h"
#include "dpif-ring.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

#define PREFIX "dpctl/"

bool
dpctl_ring_has_command(const char *name)
{
    return !strcmp(name, "dump-flows");
}

/* Keeps errors until it is known whether the ordinary way is taken. */
struct output {
    struct dpctl_params *dpctl_p;
    struct ds errors;
    bool printed;
};

static void
output_cb(void *output_, bool error, const char *s)
{
    struct output *output = output_;

    if (error && !output->printed) {
        ds_put_cstr(&output->errors, s);
    } else {
        output->printed |= !error;
        output->dpctl_p->output(output->dpctl_p->aux, error, s);
    }
}

static int
give_up(const char *why)
{
    fprintf(stderr, "%s: not by ring: %s\n", program_name, why);
    return -1;
}

int
dpctl_ring_run(const char *target, int argc, const char *argv[],
               struct dpctl_params *dpctl_p)
{
    struct output output = {
        .dpctl_p = dpctl_p, .errors = DS_EMPTY_INITIALIZER,
    };
    struct dpctl_params ring_p = *dpctl_p;
    char *problem, *socket;
    int error;

    socket = dpctl_target_socket(target, "ring", &problem);
    if (!socket) {
        give_up(problem);
        free(problem);
        return -1;
    }
    dpif_ring_register(socket);
    free(socket);

    ring_p.is_appctl = true;    /* As if ovs-vswitchd ran it. */
    ring_p.output = output_cb;
    ring_p.aux = &output;
    error = dpctl_run_command(argc, argv, &ring_p);
    if (error && dpif_ring_problem() && !output.printed) {
        error = give_up(dpif_ring_problem());
    } else if (output.errors.length) {
        dpctl_p->output(dpctl_p->aux, true, ds_cstr(&output.errors));
    }
    ds_destroy(&output.errors);
    return error;
}

static void
print_cb(void *aux OVS_UNUSED, bool error, const char *s)
{
    fputs(s, error ? stderr : stdout);
}

/* Takes the options that dpctl_unixctl_handler() takes for the command.
 * Returns false if there is another one. */
static bool
take_options(int *argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    bool set_names = false;
    int n = 1;

    for (; n < *argc && argv[n][0] == '-' && argv[n][1]; n++) {
        const char *arg = argv[n];

        if (!strcmp(arg, "--more")) {
            dpctl_p->verbosity++;
        } else if (!strcmp(arg, "--names") || !strcmp(arg, "--no-names")) {
            dpctl_p->names = !strcmp(arg, "--names");
            set_names = true;
        } else if (arg[strspn(arg + 1, "m") + 1] == '\0') {
            dpctl_p->verbosity += strlen(arg + 1);
        } else {
            return false;
        }
    }
    if (!set_names) {
        dpctl_p->names = dpctl_p->verbosity > 0;
    }
    memmove(argv + 1, argv + n, (*argc - n) * sizeof *argv);
    *argc -= n - 1;
    return true;
}

bool
dpctl_ring_appctl(const char *target, int argc, char *argv[], int *status)
{
    struct dpctl_params dpctl_p = { .output = print_cb };
    const char **args;
    int error;

    if (strncmp(argv[0], PREFIX, strlen(PREFIX))
        || !dpctl_ring_has_command(argv[0] + strlen(PREFIX))) {
        ovs_fatal(0, "--ring: there is no %s by ring, only dpctl/dump-flows",
                  argv[0]);
    }

    args = xmemdup(argv, (argc + 1) * sizeof *args);
    args[0] += strlen(PREFIX);
    if (!take_options(&argc, args, &dpctl_p)) {
        /* ovs-vswitchd knows what to say. */
        error = -1;
    } else {
        error = dpctl_ring_run(target, argc, args, &dpctl_p);
    }
    free(args);
    if (error > 0) {
        ovs_error(0, "%s: server returned an error", target);
    }
    *status = error > 0 ? 2 : 0;
    return error >= 0;
}
