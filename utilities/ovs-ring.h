/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OVS_RING_H
#define OVS_RING_H 1

/* Commands of ovs-ring.  Each is a file that defines one struct
 * ring_command, and a line in the table at the top of ovs-ring.c. */

#include <stdint.h>

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

/* Returns a client that has a ring of 'ring_class', one of enum
 * ovs_ring_class, called 'name', with what 'wishes' says (struct
 * ovs_ring_spec), or ends the program. */
struct ovs_ring_client *ring_attach(const struct ring_options *,
                                    uint32_t ring_class, const char *name,
                                    const char *wishes);

/* Returns the number from 1 to 'max' that 's', the argument of 'option', is,
 * or ends the program. */
uint64_t ring_parse_number(const struct ring_command *, const char *option,
                           const char *s, uint64_t max);

/* Says why reading a ring ended, unless 'error' is 0.  Returns the exit
 * status. */
int ring_exit_status(int error);

/* Ends the program with what the usage of 'command' is. */
OVS_NO_RETURN void ring_usage_error(const struct ring_command *,
                                    const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* ovs-ring.h */
