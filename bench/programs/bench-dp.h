/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_DP_H
#define BENCH_DP_H 1

/* A datapath without a bridge, for programs with one thread: ports of
 * bench-netdev.h and flows as text.  A failure ends the program. */

#include "odp-util.h"

struct dpif;
struct netdev;

/* Returns the port, of a type of netdev, which the caller closes. */
struct netdev *bench_dp_add_port(struct dpif *, const char *name,
                                 const char *type, odp_port_t);

/* Adds a flow, as "ovs-appctl dpctl/add-flow" does; one that is there already
 * stays. */
void bench_dp_add_flow(struct dpif *, const char *match, const char *actions);

/* Has the datapath receive 'n_bursts' batches from 'rx'.  What it does with
 * them is in a function measured_forward(). */
void bench_dp_forward(struct dpif *, struct netdev *rx, unsigned int n_bursts);

#endif /* bench-dp.h */
