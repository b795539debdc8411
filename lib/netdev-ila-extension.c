/* SPDX-License-Identifier: Apache-2.0 */

/* ILA behind the door to the userspace datapath, which knows no types. */

#include <config.h>

#include "dpif-netdev-extension.h"
#include "dpif-netdev-perf.h"
#include "ila-table-action.h"
#include "ila-usage.h"
#include "netdev-ila-action.h"
#include "netdev-ila.h"

static void *
create(void)
{
    return netdev_ila_create();
}

static void
destroy(void *ila)
{
    netdev_ila_destroy(ila);
}

static void
run(void *ila)
{
    netdev_ila_run(ila);
}

static void
wait(void *ila)
{
    netdev_ila_wait(ila);
}

static void *
add_port(void *ila, odp_port_t port_no,
         const struct netdev *netdev OVS_UNUSED)
{
    return netdev_ila_add_port(ila, port_no);
}

static void
remove_port(void *port)
{
    netdev_ila_remove_port(port);
}

static void
add_queue(void *port, struct dp_netdev_extension_slots *slots)
{
    netdev_ila_add_queue(port, slots);
}

static void
clear_queues(void *port)
{
    netdev_ila_clear_queues(port);
}

static void *
add_thread(void *ila_)
{
    struct netdev_ila *ila = ila_;

    return ila_usage_thread_create(ila->usage);
}

static void
remove_thread(void *usage)
{
    ila_usage_thread_destroy(usage);
}

static void
receive(void *queue, void *usage, struct pmd_perf_stats *stats,
        long long int now, struct dp_packet_batch *batch)
{
    uint64_t counts[ILA_N_COUNTS];

    netdev_ila_ingress(queue, usage, now, batch, counts);
    pmd_perf_update_counter(stats, PMD_STAT_ILA_HIT, counts[ILA_COUNT_HIT]);
    pmd_perf_update_counter(stats, PMD_STAT_ILA_MISS, counts[ILA_COUNT_MISS]);
}

static bool
bars_offload(void *ila, const struct flow *flow)
{
    return netdev_ila_bars_offload(ila, flow);
}

static void
execute(void *ila, void *usage, long long int now,
        struct dp_packet_batch *batch, const void *action, bool steal,
        struct dp_netdev_extension_out *out OVS_UNUSED)
{
    netdev_ila_execute(ila, usage, now, batch, action, steal);
}

const struct dp_netdev_extension netdev_ila_extension = {
    .create = create,
    .destroy = destroy,
    .run = run,
    .wait = wait,
    .add_port = add_port,
    .remove_port = remove_port,
    .add_queue = add_queue,
    .clear_queues = clear_queues,
    .add_thread = add_thread,
    .remove_thread = remove_thread,
    .receive = receive,
    .bars_offload = bars_offload,
    .actions = { { &odp_ila_table_class, execute } },
    .format_pmd_stats = netdev_ila_format_pmd_stats,
    .format_pmd_perf = netdev_ila_format_pmd_perf,
};
