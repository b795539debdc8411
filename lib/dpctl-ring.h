/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_RING_H
#define DPCTL_RING_H 1

/* "dump-flows" by way of the ring of ovs-vswitchd, for "ovs-appctl --ring" and
 * "ovs-dpctl --ring": the text is made by the program that the user runs, by
 * the same function as in ovs-vswitchd, whose main thread has no part in it.
 *
 * If ovs-vswitchd has no ring, or not enough memory for one, stderr gets a
 * line and the command goes the ordinary way. */

#include <stdbool.h>

#include "compiler.h"

struct dpctl_params;

/* Can the command 'name' go that way? */
bool dpctl_ring_has_command(const char *name);

/* Runs a command, as dpctl_run_command(), by the ring of 'target' (see
 * dpctl_target_socket() in dpctl-remote.h).  Returns 0, a positive errno
 * value, or -1 if it has to go the ordinary way and nothing was printed but
 * why. */
int dpctl_ring_run(const char *target, int argc, const char *argv[],
                   struct dpctl_params *);

/* Likewise for "ovs-appctl": 'argv[0]' is "dpctl/NAME", options follow.
 * Returns false if it has to go the ordinary way, otherwise sets '*status' to
 * ovs-appctl's exit status. */
#ifdef __linux__
bool dpctl_ring_appctl(const char *target, int argc, char *argv[],
                       int *status);
#else
static inline bool
dpctl_ring_appctl(const char *target OVS_UNUSED, int argc OVS_UNUSED,
                  char *argv[] OVS_UNUSED, int *status OVS_UNUSED)
{
    return false;
}
#endif

#endif /* dpctl-ring.h */
