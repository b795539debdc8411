/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_OFFLOAD_XDP_H
#define NETDEV_OFFLOAD_XDP_H 1

/* The flow API "linux_xdp": flows of AF_XDP ports in XDP (lib/xdp-offload.h),
 * with other_config:hw-offload=true.
 *
 * It is there for AF_XDP ports only, and no other is there for them: XDP takes
 * their packets before "tc" could see them.
 *
 * Thread-safe. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct dpif_flow_attrs;
struct dpif_flow_stats;
struct netdev;

/* What of a flow's packets in XDP one thread of the datapath has been told of:
 * with several threads, each has the flow, and all ask.  To be 0 when the
 * thread gets its flow. */
struct xdp_offload_share {
    uint64_t n_packets;
    uint64_t n_bytes;
};

/* Makes the flow API known, if it was compiled. */
void netdev_offload_xdp_register(void);

/* Does the port belong to AF_XDP, thus not to "tc"? */
bool netdev_offload_xdp_claims(const struct netdev *);

/* Does the port use this flow API? */
bool netdev_offload_xdp_is_used(const struct netdev *);

/* Like netdev_flow_get(), for one thread of the datapath.  Needs no lock on
 * the datapath's ports. */
int netdev_offload_xdp_get(struct netdev *, const ovs_u128 *ufid,
                           struct xdp_offload_share *,
                           struct dpif_flow_stats *,
                           struct dpif_flow_attrs *);

#endif /* lib/netdev-offload-xdp.h */
