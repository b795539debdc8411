/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_ILA_ACTION_H
#define NETDEV_ILA_ACTION_H 1

/* The action ila_table(...) in a userspace datapath.
 *
 * An entry for a port is for packets whose 'md.in_port' that is, the datapath
 * port in the flow's key: the port they came in on, also after recirculation;
 * for what came out of a tunnel, the tunnel's port; for a packet-out, the port
 * that it names, if any.  OpenFlow may say another port meanwhile; that does
 * not matter. */

#include <stdbool.h>
#include <stdint.h>

#include "ila-path.h"

struct dp_packet_batch;
struct ila_usage_thread;
struct netdev_ila;
struct ovs_action_ila_table;

/* Executes 'action' on the packets of 'batch', whose layer offsets are set.
 * Those that are dropped are taken out of 'batch', and freed if 'steal' is
 * true.  Counts in 'usage', with 'now' in milliseconds, what entries with an
 * idle timeout are used for. */
void netdev_ila_execute(struct netdev_ila *, struct ila_usage_thread *,
                        long long int now, struct dp_packet_batch *batch,
                        const struct ovs_action_ila_table *action, bool steal);

/* What the actions count: for whoever creates and destroys a netdev_ila, which
 * no thread uses at these times, and to add it to 'counts'. */
void netdev_ila_actions_init(struct netdev_ila *);
void netdev_ila_actions_destroy(struct netdev_ila *);
void netdev_ila_actions_add_counts(const struct netdev_ila *,
                                   uint64_t counts[ILA_N_COUNTS]);

#endif /* lib/netdev-ila-action.h */
