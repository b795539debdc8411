/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OVS_RING_H
#define OVS_RING_H 1

/* Commands of ovs-ring.  Each is a file that defines one struct
 * ring_command, and a line in the table at the top of ovs-ring.c. */

#include "compiler.h"

/* What options before the command say. */
struct ring_options {
    const char *target;         /* As in "ovs-appctl --target". */
};

struct ring_command {
    const char *name;
    const char *usage;          /* Options and arguments. */
    const char *help;           /* What it does, in one line. */

    /* Runs the command with its options and arguments, 'argv[0]' being its
     * name; 'optind' is 0 for getopt_long().  Returns an exit status, or ends
     * the program with a message. */
    int (*run)(int argc, char *argv[], const struct ring_options *);
};

extern const struct ring_command ring_flows_command;
extern const struct ring_command ring_queue_command;
extern const struct ring_command ring_stats_command;
extern const struct ring_command ring_tap_command;

/* Returns the name of the ring socket of 'target', for the caller to free, or
 * ends the program. */
char *ring_socket_name(const char *target);

/* Ends the program with what the usage of 'command' is. */
OVS_NO_RETURN void ring_usage_error(const struct ring_command *,
                                    const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* ovs-ring.h */
