/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_REMOTE_H
#define DPCTL_REMOTE_H 1

/* ovs-dpctl for datapaths of either kind.
 *
 * Datapaths of types "netdev" and "dummy" live in ovs-vswitchd.  ovs-dpctl
 * finds out from a command and its arguments whether such a one is meant, and
 * has the running ovs-vswitchd execute the command:
 *
 *    datapath named          kernel has    ovs-vswitchd has    executed by
 *    ----------------------  ------------  ------------------  ---------------
 *    NAME or system@NAME     any           any                 ovs-dpctl
 *    netdev@NAME             any           NAME                ovs-vswitchd
 *    netdev@NAME             any           not NAME            error, unless
 *                                                              add-dp
 *    none, one is needed     1             any                 ovs-dpctl
 *    none, one is needed     2 or more     any                 error
 *    none, one is needed     0, no module  1                   ovs-vswitchd
 *    none, one is needed     0, no module  2 or more           error
 *    none, one is needed     0, no module  0, or does not run  error
 *    none, all are meant     any           any                 each its own
 *    none, all are meant     1 or more     does not run        ovs-dpctl
 *    none, all are meant     0, no module  does not run        error if no
 *                                                              module
 *
 * "All are meant" by dump-dps, show and cache-get-size without argument.  A
 * kernel's datapath is never left for one of ovs-vswitchd's that was not
 * named, as scripts rely on that.
 *
 * Over ovs-vswitchd's control socket, "dpctl/remote [OPTION...] -- COMMAND
 * [ARG...]" runs a command; see dpctl-remote.c for the options and the reply.
 * "dpctl/userspace-dps" lists the userspace datapaths, one a line. */

#include <stdio.h>

struct dpctl_params;

/* ovs-dpctl's part: as dpctl_run_command(), for datapaths of either kind.
 * Returns 0 or a positive errno value. */
int dpctl_remote_run(int argc, const char *argv[], struct dpctl_params *);

/* ovs-vswitchd's part: adds the commands to its control socket. */
void dpctl_remote_register(void);

/* Returns the name of a socket of 'target', for the caller to free: 'suffix'
 * is "ctl" or "ring", 'target' a pidfile without ".pid" in the run directory,
 * the control socket as an absolute path that ends in ".ctl", or the socket
 * itself.  In case of trouble returns NULL and says in '*problem', for the
 * caller to free, what it is. */
char *dpctl_target_socket(const char *target, const char *suffix,
                          char **problem);

/* Opens the file 'name' for a command that reads one, or, if the parameters
 * have its text, the latter; "-" is stdin.  Adds to '*n_lines' the lines that
 * come before.  Returns NULL and sets errno if that fails. */
FILE *dpctl_open_input(const struct dpctl_params *, const char *name,
                       int *n_lines);

#endif /* dpctl-remote.h */
