/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ovs-ring.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dpctl-remote.h"
#include "fatal-signal.h"
#include "openvswitch/ring-client.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

/* One line a command. */
static const struct ring_command *const commands[] = {
    &ring_flows_command,
    &ring_queue_command,
    &ring_stats_command,
    &ring_tap_command,
};

static void
usage(void)
{
    printf("%s, for what Open vSwitch shares by memory\n"
           "usage: %s [OPTIONS] COMMAND [ARG...]\n\nCommands:\n",
           program_name, program_name);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %s %s\n      %s\n", commands[i]->name, commands[i]->usage,
               commands[i]->help);
    }
    vlog_usage();
    printf("\nOther options:\n"
           "  -t, --target=TARGET         pidfile or socket of ovs-vswitchd\n"
           "                              (default: ovs-vswitchd)\n"
           "  -T, --timeout=SECS          run for at most SECS seconds\n"
           "  -h, --help                  print this helpful information\n"
           "  -V, --version               print version information\n");
    exit(EXIT_SUCCESS);
}

static void
parse_options(int argc, char *argv[], struct ring_options *options)
{
    enum {
        OPT_START = UCHAR_MAX + 1,
        VLOG_OPTION_ENUMS
    };
    static const struct option long_options[] = {
        {"target", required_argument, NULL, 't'},
        {"timeout", required_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        VLOG_LONG_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    unsigned int timeout = 0;
    int c;

    /* Options behind the command are the command's. */
    while ((c = getopt_long(argc, argv, "+t:T:hVv::", long_options,
                            NULL)) != -1) {
        switch (c) {
        case 't':
            options->target = optarg;
            break;
        case 'T':
            if (!str_to_uint(optarg, 10, &timeout) || !timeout) {
                ovs_fatal(0, "value %s on -T or --timeout is invalid", optarg);
            }
            break;
        case 'h':
            usage();
            break;
        case 'V':
            ovs_print_version(0, 0);
            exit(EXIT_SUCCESS);
        VLOG_OPTION_HANDLERS
        case '?':
            exit(EXIT_FAILURE);
        default:
            OVS_NOT_REACHED();
        }
    }
    ctl_timeout_setup(timeout);
}

char *
ring_socket_name(const char *target)
{
    char *problem;
    char *name = dpctl_target_socket(target, "ring", &problem);

    if (!name) {
        ovs_fatal(0, "%s", problem);
    }
    return name;
}

struct ovs_ring_client *
ring_attach(const struct ring_options *options, uint32_t ring_class,
            const char *name, const char *wishes)
{
    char *socket = ring_socket_name(options->target);
    const struct ovs_ring_spec spec = {
        .ring_class = ring_class, .name = name, .options = wishes,
    };
    struct ovs_ring_client *client;
    char *why;

    if (ovs_ring_connect(socket, &client, &why)
        || ovs_ring_attach(client, &spec, &why)) {
        ovs_fatal(0, "%s", why ? why : "out of memory");
    }
    free(socket);
    return client;
}

uint64_t
ring_parse_number(const struct ring_command *command, const char *option,
                  const char *s, uint64_t max)
{
    unsigned long long int n;

    if (s[0] == '-' || !str_to_ullong(s, 10, &n) || !n || n > max) {
        ovs_fatal(0, "%s: %s \"%s\" is not a number from 1 to %"PRIu64,
                  command->name, option, s, max);
    }
    return n;
}

int
ring_exit_status(int error)
{
    if (error) {
        ovs_error(0, "%s", error == ESHUTDOWN ? "ovs-vswitchd ended the ring"
                  : ovs_strerror(error));
    }
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

void
ring_usage_error(const struct ring_command *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nusage: %s %s %s\n", program_name, command->name,
            command->usage);
    va_end(args);
    exit(EXIT_FAILURE);
}

int
main(int argc, char *argv[])
{
    struct ring_options options = { .target = "ovs-vswitchd" };

    set_program_name(argv[0]);
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_WARN);
    parse_options(argc, argv, &options);
    if (optind >= argc) {
        ovs_fatal(0, "missing command name; use --help for help");
    }
    argv += optind;
    argc -= optind;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i]->name, argv[0])) {
            optind = 0;
            return commands[i]->run(argc, argv, &options);
        }
    }
    ovs_fatal(0, "unknown command '%s'; use --help for help", argv[0]);
}
