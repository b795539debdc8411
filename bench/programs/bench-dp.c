/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "bench-dp.h"

#include <errno.h>
#include <string.h>

#include "bench.h"
#include "bench-netdev.h"
#include "dp-packet.h"
#include "dpif.h"
#include "netdev.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-rcu.h"

struct netdev *
bench_dp_add_port(struct dpif *dpif, const char *name, const char *type,
                  odp_port_t port_no)
{
    struct netdev *netdev;

    BENCH_CHECK(netdev_open(name, type, &netdev), "opening a port");
    BENCH_CHECK(dpif_port_add(dpif, netdev, &port_no), "adding a port");
    return netdev;
}

void
bench_dp_add_flow(struct dpif *dpif, const char *match, const char *actions_)
{
    struct dpif_op op, *opp = &op;
    struct ofpbuf key, mask, actions;
    char *error = NULL;

    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    ofpbuf_init(&actions, 0);
    if (odp_flow_from_string(match, NULL, &key, &mask, &error)) {
        ovs_fatal(0, "%s: bad flow (%s)", match, error ? error : "");
    }
    if (odp_actions_from_string(actions_, NULL, &actions)) {
        ovs_fatal(0, "%s: bad actions", actions_);
    }

    memset(&op, 0, sizeof op);
    op.type = DPIF_OP_FLOW_PUT;
    op.flow_put.flags = DPIF_FP_CREATE;
    op.flow_put.key = key.data;
    op.flow_put.key_len = key.size;
    op.flow_put.mask = mask.data;
    op.flow_put.mask_len = mask.size;
    op.flow_put.actions = actions.data;
    op.flow_put.actions_len = actions.size;
    op.flow_put.pmd_id = PMD_ID_NULL;
    dpif_operate(dpif, &opp, 1, DPIF_OFFLOAD_NEVER);
    if (op.error != EEXIST) {
        BENCH_CHECK(op.error, match);
    }

    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
}

static MEASURED void
measured_forward(struct dpif *dpif)
{
    dpif_run(dpif);
}

void
bench_dp_forward(struct dpif *dpif, struct netdev *rx, unsigned int n_bursts)
{
    for (unsigned int i = 0; i < n_bursts; i++) {
        bench_netdev_offer(rx, NETDEV_MAX_BURST);
        measured_forward(dpif);
        ovsrcu_quiesce();
    }
}
