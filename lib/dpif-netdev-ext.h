/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETDEV_EXT_H
#define DPIF_NETDEV_EXT_H 1

/* Extensions of the userspace datapath, for dpif-netdev.c, the only file that
 * includes this: it needs that file's static functions and types. */

#include "ila-table-action.h"
#include "netdev-ila-action.h"
#include "odp-extension.h"

/* ILA (netdev-ila.h). */

struct netdev_ila *
dpif_netdev_ila(const struct dpif *dpif)
{
    return get_dp_netdev(dpif)->ila;
}

void
dpif_netdev_ila_unoffload(const struct dpif *dpif, odp_port_t port_no)
{
    struct dp_netdev *dp = get_dp_netdev(dpif);
    struct dp_netdev_pmd_thread *pmd;

    /* Whoever still puts such a flow into hardware has queued that then. */
    ovsrcu_synchronize();

    CMAP_FOR_EACH (pmd, node, &dp->poll_threads) {
        struct dp_netdev_flow *flow;

        ovs_mutex_lock(&pmd->flow_mutex);
        CMAP_FOR_EACH (flow, node, &pmd->flow_table) {
            if (flow->flow.in_port.odp_port == port_no
                && netdev_ila_bars_offload(dp->ila, &flow->flow)) {
                queue_netdev_flow_del(pmd, flow);
            }
        }
        ovs_mutex_unlock(&pmd->flow_mutex);
    }
}

/* Translates what was received from 'rxq'.  Returns true if that leaves
 * nothing of it. */
static __attribute__((noinline)) bool
ila_translate(struct dp_netdev_pmd_thread *pmd, struct netdev_ila_queue *queue,
              struct dp_packet_batch *batch)
{
    uint64_t counts[ILA_N_COUNTS];

    netdev_ila_ingress(queue, pmd->ila_usage, pmd->ctx.now / 1000, batch,
                       counts);
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_ILA_HIT,
                            counts[ILA_COUNT_HIT]);
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_ILA_MISS,
                            counts[ILA_COUNT_MISS]);
    return dp_packet_batch_is_empty(batch);
}

static inline bool
ila_takes_all(struct dp_netdev_pmd_thread *pmd, struct dp_netdev_rxq *rxq,
              struct dp_packet_batch *batch)
{
    struct netdev_ila_queue *queue
        = ovsrcu_get(struct netdev_ila_queue *, &rxq->ila.queue);

    return OVS_UNLIKELY(queue) && ila_translate(pmd, queue, batch);
}

/* Executes 'a', an OVS_ACTION_ATTR_EXTENSION that needs the datapath; see
 * odp-extension.h.  Packets that are not dropped stay their owner's. */
static void
dp_execute_extension(struct dp_netdev_pmd_thread *pmd,
                     struct dp_packet_batch *batch, const struct nlattr *a,
                     bool steal)
{
    const struct ovs_action_ila_table *ila_table;

    ila_table = odp_extension_payload(a, &odp_ila_table_class);
    if (OVS_LIKELY(ila_table)) {
        netdev_ila_execute(pmd->dp->ila, pmd->ila_usage, pmd->ctx.now / 1000,
                           batch, ila_table, steal);
    } else {
        odp_extension_drop(batch, steal);
    }
}

/* As dpif_netdev_execute(). */
void
dpif_netdev_ila_execute(struct dpif *dpif, struct dp_packet_batch *batch,
                        const struct ovs_action_ila_table *action, bool steal)
{
    struct dp_netdev *dp = get_dp_netdev(dpif);
    struct dp_netdev_pmd_thread *pmd;

    pmd = dp_netdev_get_pmd(dp, NON_PMD_CORE_ID);
    if (!pmd) {
        odp_extension_drop(batch, steal);
        return;
    }
    ovs_mutex_lock(&dp->non_pmd_mutex);
    netdev_ila_execute(dp->ila, pmd->ila_usage, time_msec(), batch, action,
                       steal);
    ovs_mutex_unlock(&dp->non_pmd_mutex);
    dp_netdev_pmd_unref(pmd);
}

/* The cache of flows' matches (netdev-match-cache.h) in flow dumps. */

/* What the netlink form of a flow depends on besides the flow: other_config:
 * vlan-limit can be changed at any time, the rest of 'dp_netdev_support' is
 * constant. */
static unsigned int
match_encoding(void)
{
    return flow_vlan_limit;
}

/* Announces a dump of all flows of 'dp'. */
static void
match_cache_start_dump(struct dp_netdev *dp, bool terse)
{
    if (terse) {
        netdev_match_cache_start_terse(dp->match_cache);
    } else {
        netdev_match_cache_start_full(dp->match_cache);
    }
}

/* Starts a piece of a dump, which goes on with dump_flow() for each of the
 * 'n' 'flows', and ends with netdev_match_dump_end(). */
static void
dump_flows_begin(struct netdev_match_dump *dump, struct dp_netdev *dp,
                 struct dp_netdev_flow **flows, int n, bool terse)
{
    int i;

    netdev_match_dump_begin(dump, dp->match_cache, match_encoding());
    if (terse || dump->policy == OVS_MATCH_CACHE_OFF) {
        return;
    }

    /* What is left to do for a cached flow is to wait for memory: the flow is
     * far from the previous one, and so is what it points to.  Wait for all of
     * them together. */
    for (i = 0; i < n; i++) {
        OVS_PREFETCH(&flows[i]->match_slot);
        OVS_PREFETCH(&flows[i]->pmd_id);
        OVS_PREFETCH(&flows[i]->stats);
        OVS_PREFETCH(&flows[i]->dp_extra_info);
    }
    for (i = 0; i < n; i++) {
        netdev_match_slot_prefetch(&flows[i]->match_slot);
        OVS_PREFETCH(dp_netdev_flow_get_actions(flows[i]));
    }
}

/* Does what dp_netdev_flow_to_dpif_flow() does, without encoding a match that
 * is in the cache; 'keybuf' and 'maskbuf' are for one that is not. */
static void
dump_flow(struct netdev_match_dump *dump, const struct dp_netdev *dp,
          struct dp_netdev_flow *netdev_flow,
          struct odputil_keybuf *keybuf, struct odputil_keybuf *maskbuf,
          struct dpif_flow *flow, bool terse)
{
    struct netdev_match_slot *slot = &netdev_flow->match_slot;
    struct netdev_match match;

    if (terse) {
        if (OVS_UNLIKELY(dump->sweeping)) {
            netdev_match_dump_sweep(dump, slot);
        }
        dp_netdev_flow_to_dpif_flow(dp, netdev_flow, NULL, NULL, flow, true);
    } else if (netdev_match_dump_get(dump, slot, &match)) {
        struct dp_netdev_actions *actions;

        dp_netdev_flow_to_dpif_flow(dp, netdev_flow, NULL, NULL, flow, true);
        flow->key = match.key;
        flow->key_len = match.key_len;
        flow->mask = match.mask;
        flow->mask_len = match.mask_len;
        actions = dp_netdev_flow_get_actions(netdev_flow);
        flow->actions = actions->actions;
        flow->actions_len = actions->size;
    } else {
        struct ofpbuf key, mask;

        ofpbuf_use_stack(&key, keybuf, sizeof *keybuf);
        ofpbuf_use_stack(&mask, maskbuf, sizeof *maskbuf);
        dp_netdev_flow_to_dpif_flow(dp, netdev_flow, &key, &mask, flow, false);
        if (match_encoding() == dump->encoding) {
            match.key = flow->key;
            match.key_len = flow->key_len;
            match.mask = flow->mask;
            match.mask_len = flow->mask_len;
            netdev_match_dump_put(dump, slot, &match);
        }
    }
}

/* Takes over the configuration of the cache, and drops what it has no place
 * for. */
static void
match_cache_set_config(struct dp_netdev *dp, const struct smap *other_config)
{
    struct flow_match_cache_config config;
    struct dp_netdev_pmd_thread *pmd;
    struct netdev_match_dump dump;

    flow_match_cache_config_from_smap(other_config, &config);
    if (!netdev_match_cache_configure(dp->match_cache, &config)) {
        return;
    }

    netdev_match_dump_begin(&dump, dp->match_cache, match_encoding());
    CMAP_FOR_EACH (pmd, node, &dp->poll_threads) {
        struct dp_netdev_flow *flow;

        CMAP_FOR_EACH (flow, node, &pmd->flow_table) {
            netdev_match_dump_sweep(&dump, &flow->match_slot);
        }
    }
    netdev_match_dump_end(&dump);
}

#ifdef MATCH_CACHE_CHECK        /* A test program. */
#include "../tests/match-cache-check.h"
#endif

#endif /* dpif-netdev-ext.h */
