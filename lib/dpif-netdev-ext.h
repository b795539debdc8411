/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETDEV_EXT_H
#define DPIF_NETDEV_EXT_H 1

/* Extensions of the userspace datapath, for dpif-netdev.c, the only file that
 * includes this: it needs that file's static functions and types. */

#include "dpif-extension.h"
#include "dpif-netdev-extension.h"
#include "flow-match-cache.h"
#include "netdev-afxdp-umem.h"
#include "netdev-ila.h"
#include "odp-extension.h"

/* The door (dpif-netdev-extension.h). */

void *
dpif_netdev_extension(const struct dpif *dpif, enum dp_netdev_extension_id id)
{
    return get_dp_netdev(dpif)->extensions.of[id];
}

void
dpif_netdev_unoffload(const struct dpif *dpif, odp_port_t port_no)
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
                && dp_netdev_extensions_bar_offload(&dp->extensions,
                                                    &flow->flow)) {
                queue_netdev_flow_del(pmd, flow);
            }
        }
        ovs_mutex_unlock(&pmd->flow_mutex);
    }
}

/* Gives extensions what was received from 'rxq', if they want it.  Returns
 * true if that leaves nothing of it. */
static inline bool
extensions_take_all(struct dp_netdev_pmd_thread *pmd,
                    struct dp_netdev_rxq *rxq, struct dp_packet_batch *batch)
{
    return (OVS_UNLIKELY(dp_netdev_extensions_receive_from(&rxq->extensions))
            && dp_netdev_extensions_receive(&rxq->extensions,
                                            &pmd->extensions,
                                            &pmd->perf_stats,
                                            pmd->ctx.now / 1000, batch));
}

static bool dp_execute_output_action(struct dp_netdev_pmd_thread *,
                                     struct dp_packet_batch *,
                                     bool should_steal, odp_port_t);

/* Moves those packets to 'some' whose port is that of the first one. */
static void
take_one_port(struct dp_packet_batch *batch, struct dp_packet_batch *some)
{
    odp_port_t port = batch->packets[0]->md.in_port.odp_port;
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    size_t i;

    dp_packet_batch_init(some);
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (packet->md.in_port.odp_port == port) {
            dp_packet_batch_add(some, packet);
        } else {
            dp_packet_batch_refill(batch, packet, i);
        }
    }
}

/* The bits of a flow that packets have in common that came from one port with
 * the same Ethernet header and without VLAN tags, and are all fragments or all
 * none; their metadata are new. */
static const struct flow *
link_layer_bits(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static struct flow bits;

    if (ovsthread_once_start(&once)) {
        memset(&bits, 0xff, offsetof(struct flow, nw_src));
        bits.nw_frag = UINT8_MAX;
        ovsthread_once_done(&once);
    }
    return &bits;
}

/* Does the flow look at nothing else? */
static bool
is_of_link_layer(const struct dp_netdev_flow *flow)
{
    const uint64_t *bits = (const uint64_t *) link_layer_bits();
    const struct miniflow *mask = &flow->cr.mask->mf;
    const uint64_t *value = miniflow_get_values(mask);
    size_t i;

    FLOWMAP_FOR_EACH_INDEX (i, mask->map) {
        if (*value++ & ~bits[i]) {
            return false;
        }
    }
    return true;
}

/* Moves the first one of 'out->received' to 'group', and those that are in a
 * group with it, or in none like it and of the same port. */
static void
take_group(struct dp_netdev_extension_out *out,
           struct dp_netdev_extension_group *group)
{
    const size_t n = dp_packet_batch_size(&out->received);
    odp_port_t port = out->received.packets[0]->md.in_port.odp_port;
    uint64_t number = out->known[0].group;
    struct dp_packet *packet;
    size_t i;

    dp_packet_batch_init(&group->packets);
    group->bytes = 0;
    group->tcp_flags = 0;
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, &out->received) {
        if (out->known[i].group == number
            && packet->md.in_port.odp_port == port) {
            group->bytes += dp_packet_size(packet);
            group->tcp_flags |= out->known[i].tcp_flags;
            dp_packet_batch_add(&group->packets, packet);
        } else {
            out->known[dp_packet_batch_size(&out->received)] = out->known[i];
            dp_packet_batch_refill(&out->received, packet, i);
        }
    }
}

/* What packets of a group have in common. */
struct group_key {
    uint32_t mark;
    odp_port_t in_port;
    struct eth_header eth;
    uint16_t zero;
};
BUILD_ASSERT_DECL(sizeof(struct group_key) == 24);

/* The flow of groups with 'key', when it was looked up last.  It is found
 * again by its UFID, if it is still there and is one for 'packet', which was
 * the first one of such a group. */
struct group_memo {
    const struct dp_netdev_pmd_thread *pmd; /* Null if there is none. */
    struct group_key key;
    ovs_u128 ufid;
    struct netdev_flow_key packet;
};

#define N_GROUP_MEMOS 16
struct group_memos {
    struct group_memo of[N_GROUP_MEMOS];
};
DEFINE_STATIC_PER_THREAD_DATA(struct group_memos, group_memos,
                              { { { .pmd = NULL } } });

static struct group_memo *
group_memo_of(const struct group_key *key)
{
    uint32_t hash = hash_2words(odp_to_u32(key->in_port),
                                (OVS_FORCE uint32_t) key->eth.eth_dst.be16[2]
                                << 16
                                | (OVS_FORCE uint16_t) key->eth.eth_type);

    return &group_memos_get()->of[hash % N_GROUP_MEMOS];
}

/* Returns the flow of groups like the one in which 'packet' is the first one,
 * null if that looks at more than what its packets have in common.  Adds to
 * '*n_lookups'. */
static struct dp_netdev_flow *
find_group_flow(struct dp_netdev_pmd_thread *pmd, struct dp_packet *packet,
                int *n_lookups)
{
    struct group_key key = {
        .mark = packet->md.pkt_mark,
        .in_port = packet->md.in_port.odp_port,
    };
    struct dp_netdev_flow *flow = NULL;
    struct group_memo *memo;

    memcpy(&key.eth, dp_packet_data(packet), sizeof key.eth);
    memo = group_memo_of(&key);
    if (OVS_LIKELY(memo->pmd == pmd
                   && !memcmp(&memo->key, &key, sizeof key))) {
        flow = dp_netdev_pmd_find_flow(pmd, &memo->ufid, NULL, 0);
        if (flow && dpcls_rule_matches_key(&flow->cr, &memo->packet)) {
            *n_lookups += 1;
            return is_of_link_layer(flow) ? flow : NULL;
        }
    }

    memo->pmd = NULL;
    miniflow_extract(packet, &memo->packet.mf);
    memo->packet.len = netdev_flow_key_size(
        miniflow_n_values(&memo->packet.mf));
    memo->packet.hash = 0;
    flow = dp_netdev_pmd_lookup_flow(pmd, &memo->packet, n_lookups);
    if (!flow || !is_of_link_layer(flow)) {
        return NULL;
    }
    memo->pmd = pmd;
    memo->key = key;
    memo->ufid = flow->ufid;
    return flow;
}

/* Executes the flow of the first packet of 'group', whose packets are in one,
 * on all of them, which match it, too, because it does not look beyond what
 * they have in common.  They are looked up once.  Returns false if that is not
 * so. */
static bool
recirculate_group(struct dp_netdev_pmd_thread *pmd,
                  struct dp_netdev_extension_group *group)
{
    const size_t n = dp_packet_batch_size(&group->packets);
    struct dp_netdev_flow *flow;
    int n_lookups = 0;

    flow = find_group_flow(pmd, group->packets.packets[0], &n_lookups);
    if (!flow) {
        return false;
    }
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_RECIRC, n);
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_MASKED_HIT, n);
    pmd_perf_update_counter(&pmd->perf_stats, PMD_STAT_MASKED_LOOKUP,
                            n_lookups);
    dp_netdev_batch_execute(pmd, &group->packets, &flow->cr, group->bytes,
                            group->tcp_flags);
    return true;
}

/* So many packets in a group are worth a lookup of their own. */
#define MIN_GROUP 4

static void
go_on_as_group(struct dp_netdev_pmd_thread *pmd,
               struct dp_netdev_extension_group *group)
{
    if (dp_packet_batch_size(&group->packets) < MIN_GROUP
        || !recirculate_group(pmd, group)) {
        dp_netdev_recirculate(pmd, &group->packets);
    }
}

/* Has packets of an action go on their way. */
static void
extension_out(struct dp_netdev_pmd_thread *pmd,
              struct dp_netdev_extension_out *out)
{
    uint32_t *depth = recirc_depth_get();
    struct dp_netdev_extension_group group;
    struct dp_packet_batch some;

    while (!dp_packet_batch_is_empty(&out->sent)) {
        take_one_port(&out->sent, &some);
        dp_execute_output_action(pmd, &some, true,
                                 some.packets[0]->md.in_port.odp_port);
    }
    if (OVS_UNLIKELY(*depth >= MAX_RECIRC_DEPTH)) {
        COVERAGE_ADD(datapath_drop_recirc_error,
                     dp_packet_batch_size(&out->group.packets)
                     + dp_packet_batch_size(&out->received));
        dp_packet_delete_batch(&out->group.packets, true);
        dp_packet_delete_batch(&out->received, true);
        return;
    }
    *depth += 1;
    if (!dp_packet_batch_is_empty(&out->group.packets)) {
        go_on_as_group(pmd, &out->group);
    }
    while (!dp_packet_batch_is_empty(&out->received)) {
        bool in_group = out->known[0].group != 0;

        take_group(out, &group);
        if (in_group) {
            go_on_as_group(pmd, &group);
        } else {
            dp_netdev_recirculate(pmd, &group.packets);
        }
    }
    *depth -= 1;
}

/* Executes 'a', an OVS_ACTION_ATTR_EXTENSION that needs the datapath; see
 * odp-extension.h.  Packets that are not dropped stay their owner's. */
static void
dp_execute_extension(struct dp_netdev_pmd_thread *pmd,
                     struct dp_packet_batch *batch, const struct nlattr *a,
                     bool steal)
{
    struct dp_netdev_extension_out out;

    dp_netdev_extension_out_init(&out);
    dp_netdev_extensions_execute(&pmd->dp->extensions, &pmd->extensions,
                                 pmd->ctx.now / 1000, batch, a, steal, &out);
    extension_out(pmd, &out);
}

/* Likewise in the slow path, in any thread; as dpif_netdev_execute(). */
static void
dpif_netdev_execute_extension(struct dpif *dpif,
                              struct dp_packet_batch *batch,
                              const struct nlattr *a, bool steal)
{
    struct dp_netdev *dp = get_dp_netdev(dpif);
    struct dp_netdev_pmd_thread *pmd;

    pmd = dp_netdev_get_pmd(dp, NON_PMD_CORE_ID);
    if (!pmd) {
        odp_extension_drop(batch, steal);
        return;
    }
    ovs_mutex_lock(&dp->non_pmd_mutex);
    pmd_thread_ctx_time_update(pmd);
    dp_execute_extension(pmd, batch, a, steal);
    dp_netdev_pmd_flush_output_packets(pmd, true);
    ovs_mutex_unlock(&dp->non_pmd_mutex);
    dp_netdev_pmd_unref(pmd);
}

/* Has packets go on that extensions kept.  At most so many batches of them at
 * a time: more may come all the while. */
#define MAX_POLLED_BATCHES 32
static void
extensions_poll(struct dp_netdev_pmd_thread *pmd)
{
    struct dp_packet_batch batch;
    int i;

    if (OVS_UNLIKELY(dp_netdev_extensions_have_executed())) {
        for (i = 0; i < MAX_POLLED_BATCHES
                    && dp_netdev_extensions_poll(&pmd->extensions,
                                                 pmd->ctx.now, &batch); i++) {
            dp_netdev_recirculate(pmd, &batch);
        }
        if (i) {
            dp_netdev_pmd_flush_output_packets(pmd, false);
        }
    }
    netdev_afxdp_flush();
}

/* The same for a PMD thread that is about to sleep, because it has no queues:
 * packets may be left from when it had some.  Wakes up its poll loop. */
static void
extensions_poll_and_wait(struct dp_netdev_pmd_thread *pmd)
{
    pmd_thread_ctx_time_update(pmd);
    extensions_poll(pmd);
    dp_netdev_extensions_poll_wait(&pmd->extensions);
}

/* Work of extensions in the main thread. */
static void
extensions_run(struct dp_netdev *dp)
{
    struct dp_netdev_pmd_thread *pmd;

    dp_netdev_extensions_run(&dp->extensions);
    if (!dp_netdev_extensions_may_poll(&dp->extensions)) {
        return;
    }
    pmd = dp_netdev_get_pmd(dp, NON_PMD_CORE_ID);
    if (pmd) {
        ovs_mutex_lock(&dp->non_pmd_mutex);
        pmd_thread_ctx_time_update(pmd);
        extensions_poll(pmd);
        ovs_mutex_unlock(&dp->non_pmd_mutex);
        dp_netdev_pmd_unref(pmd);
    }
}

static void
extensions_wait(struct dp_netdev *dp)
{
    struct dp_netdev_pmd_thread *pmd;

    dp_netdev_extensions_wait(&dp->extensions);
    if (!dp_netdev_extensions_have_executed()) {
        return;
    }
    pmd = dp_netdev_get_pmd(dp, NON_PMD_CORE_ID);
    if (pmd) {
        ovs_mutex_lock(&dp->non_pmd_mutex);
        dp_netdev_extensions_poll_wait(&pmd->extensions);
        ovs_mutex_unlock(&dp->non_pmd_mutex);
        dp_netdev_pmd_unref(pmd);
    }
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

/* So many flows are encoded while the processor fetches one.  All of a batch
 * at once would be more than it keeps. */
#define FETCH_AHEAD 4

/* Has the processor fetch what the encoder will read of the next flow.
 *
 * Always inline: the compiler leaves out calls of functions that do nothing
 * else. */
static inline ALWAYS_INLINE void
fetch_ahead(struct netdev_match_dump *dump)
{
    if (dump->ahead < dump->ahead_end) {
        const struct dp_netdev_flow *f = *dump->ahead++;

        if (!netdev_match_slot_entry(&f->match_slot)) {
            const char *end = (const char *) (&f->flow + 1);

            /* Whether there is a tunnel, and what does not belong to it. */
            OVS_PREFETCH(&f->flow.tunnel);
            OVS_PREFETCH(&f->flow.metadata);
            for (const char *p = (const char *) &f->flow.skb_priority;
                 p < end; p += CACHE_LINE_SIZE) {
                OVS_PREFETCH(p);
            }
            OVS_PREFETCH(end - 1);
        }
    }
}

/* Starts a piece of a dump, which goes on with dump_flow() for each of the
 * 'n' 'flows', in order, and ends with netdev_match_dump_end(). */
static void
dump_flows_begin(struct netdev_match_dump *dump, struct dp_netdev *dp,
                 struct dp_netdev_flow **flows, int n, bool terse)
{
    int i;

    netdev_match_dump_begin(dump, dp->match_cache, match_encoding());
    if (terse) {
        return;
    }

    /* What there is to do for a flow is mostly to wait for memory: the flow is
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
        OVS_PREFETCH(flows[i]->dp_extra_info);
    }
    dump->ahead = flows;
    dump->ahead_end = flows + n;
    for (i = 0; i < FETCH_AHEAD; i++) {
        fetch_ahead(dump);
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
        return;
    }

    fetch_ahead(dump);
    if (netdev_match_dump_get(dump, slot, &match)) {
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
static int
match_cache_set_config(struct dpif *dpif,
                       const struct flow_match_cache_config *config)
{
    struct dp_netdev *dp = get_dp_netdev(dpif);
    struct dp_netdev_pmd_thread *pmd;
    struct netdev_match_dump dump;

    if (!netdev_match_cache_configure(dp->match_cache, config)) {
        return 0;
    }

    netdev_match_dump_begin(&dump, dp->match_cache, match_encoding());
    CMAP_FOR_EACH (pmd, node, &dp->poll_threads) {
        struct dp_netdev_flow *flow;

        CMAP_FOR_EACH (flow, node, &pmd->flow_table) {
            netdev_match_dump_sweep(&dump, &flow->match_slot);
        }
    }
    netdev_match_dump_end(&dump);
    return 0;
}

static void
match_cache_get_stats(const struct dpif *dpif,
                      struct flow_match_cache_stats *stats)
{
    netdev_match_cache_get_stats(get_dp_netdev(dpif)->match_cache, stats);
}

static const struct dpif_match_cache_class netdev_match_cache_class = {
    .set_config = match_cache_set_config,
    .get_stats = match_cache_get_stats,
};

/* What extensions have for userspace datapaths. */
const struct dpif_extension_classes dpif_netdev_extensions = {
    .ila = &netdev_ila_class,
    .match_cache = &netdev_match_cache_class,
    .execute = dpif_netdev_execute_extension,
};

#ifdef MATCH_CACHE_CHECK        /* A test program. */
#include "../tests/match-cache-check.h"
#endif

#endif /* dpif-netdev-ext.h */
