/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-ila.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "dp-packet.h"
#include "dpif-ila.h"
#include "dpif-netdev-perf.h"
#include "flow.h"
#include "hash.h"
#include "ila-packet.h"
#include "ila-table.h"
#include "ila-usage.h"
#include "netdev-ila-action.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "ovs-atomic.h"
#include "packets.h"
#include "timeval.h"
#include "unaligned.h"
#include "util.h"

COVERAGE_DEFINE(ila_expired);

/* What the thread that receives from a queue has to know, and what it counts,
 * in cache lines that nobody else writes. */
struct netdev_ila_queue {
    OVS_ALIGNED_VAR(CACHE_LINE_SIZE) const struct ila_table *table;
    uint16_t in_port;
    atomic_uint8_t dirs;        /* ILA_PATH_* that are active. */
    atomic_bool stats;          /* As struct dpif_ila_port_options. */
    atomic_bool rehash;
    atomic_uint64_t counts[ILA_N_COUNTS];

    /* For struct netdev_ila_port. */
    struct dp_netdev_extension_slots *slots;
};

struct netdev_ila_port {
    struct netdev_ila *ila;
    struct hmap_node node;      /* In 'ila''s 'ports'. */
    odp_port_t port_no;
    unsigned int dirs;          /* ILA_PATH_* that are configured, and those */
    unsigned int active;        /* in which an entry may apply. */
    struct dpif_ila_port_options options;
    struct netdev_ila_queue **queues;
    size_t n_queues, allocated_queues;
    uint64_t gone[ILA_N_COUNTS]; /* Of queues that are gone. */
};

struct netdev_ila *
netdev_ila_create(void)
{
    struct netdev_ila *ila = xzalloc(sizeof *ila);

    ila->table = ila_table_create();
    ila->usage = ila_usage_create();
    ila_table_set_usage(ila->table, ila->usage);
    netdev_ila_actions_init(ila);
    ovs_mutex_init(&ila->mutex);
    ovs_mutex_lock(&ila->mutex);
    hmap_init(&ila->ports);
    ovs_mutex_unlock(&ila->mutex);
    return ila;
}

static void
netdev_ila_free(struct netdev_ila *ila)
{
    ila_usage_destroy(ila->usage);
    netdev_ila_actions_destroy(ila);
    ovs_mutex_lock(&ila->mutex);
    hmap_destroy(&ila->ports);
    ovs_mutex_unlock(&ila->mutex);
    ovs_mutex_destroy(&ila->mutex);
    free(ila);
}

void
netdev_ila_destroy(struct netdev_ila *ila)
{
    if (ila) {
        ila_table_destroy(ila->table);
        ovsrcu_postpone(netdev_ila_free, ila);
    }
}

/* Timeouts. */

#define SWEEP_INTERVAL_MS 1000
#define SWEEP_MAX 10000         /* Entries at once. */

void
netdev_ila_run(struct netdev_ila *ila)
{
    long long int due = ila_table_due(ila->table);
    long long int now;
    size_t n;

    if (OVS_LIKELY(due == LLONG_MAX)) {
        return;
    }
    now = time_msec();
    if (now < due || now < ila->next_sweep) {
        return;
    }

    ovs_mutex_lock(&ila->mutex);
    n = ila_table_expire(ila->table, now, SWEEP_MAX);
    if (n) {
        netdev_ila_changed(ila, NULL);
        ila->n_expired += n;
        COVERAGE_ADD(ila_expired, n);
    }
    ovs_mutex_unlock(&ila->mutex);
    ila->next_sweep = n < SWEEP_MAX ? now + SWEEP_INTERVAL_MS : now;
}

void
netdev_ila_wait(const struct netdev_ila *ila)
{
    long long int due = ila_table_due(ila->table);

    if (OVS_UNLIKELY(due != LLONG_MAX)) {
        poll_timer_wait_until(MAX(due, ila->next_sweep));
    }
}

/* Ports. */

static uint32_t
hash_port(odp_port_t port_no)
{
    return hash_int(odp_to_u32(port_no), 0);
}

static struct netdev_ila_port *
find_port(const struct netdev_ila *ila, odp_port_t port_no)
    OVS_REQUIRES(ila->mutex)
{
    struct netdev_ila_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, node, hash_port(port_no), &ila->ports) {
        if (port->port_no == port_no) {
            return port;
        }
    }
    return NULL;
}

bool
netdev_ila_has_port(const struct netdev_ila *ila, uint16_t port_no)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    return (port_no < NETDEV_ILA_MAX_PORT
            && find_port(ila, u32_to_odp(port_no)) != NULL);
}

static void
queue_configure(const struct netdev_ila_port *port,
                struct netdev_ila_queue *queue)
{
    atomic_store_relaxed(&queue->dirs, port->active);
    atomic_store_relaxed(&queue->stats, port->options.stats);
    atomic_store_relaxed(&queue->rehash, port->options.rehash);
    dp_netdev_extension_set_slot(queue->slots, DP_NETDEV_EXT_ILA,
                                 port->active ? queue : NULL);
}

static void
configure_queues(const struct netdev_ila_port *port)
{
    for (size_t i = 0; i < port->n_queues; i++) {
        queue_configure(port, port->queues[i]);
    }
}

/* Makes 'port' active in those directions in which an entry may apply. */
static void
activate_port(struct netdev_ila_port *port)
{
    unsigned int active = 0;

    for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
        if (port->dirs & 1u << dir
            && ila_table_applies(port->ila->table, dir,
                                 odp_to_u32(port->port_no))) {
            active |= 1u << dir;
        }
    }
    if (port->active != active) {
        port->active = active;
        configure_queues(port);
    }
}

void
netdev_ila_changed(struct netdev_ila *ila, const struct ila_match *match)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct netdev_ila_port *port;
    unsigned int general = 0;

    if (match && match->fields & ILA_MATCH_IN_PORT) {
        port = find_port(ila, u32_to_odp(match->in_port));
        if (port) {
            activate_port(port);
        }
        return;
    }

    /* There is no port with the number NETDEV_ILA_MAX_PORT. */
    for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
        if (ila_table_applies(ila->table, dir, NETDEV_ILA_MAX_PORT)) {
            general |= 1u << dir;
        }
    }
    if (!match || general != ila->general) {
        ila->general = general;
        HMAP_FOR_EACH (port, node, &ila->ports) {
            activate_port(port);
        }
    }
}

struct netdev_ila_port *
netdev_ila_add_port(struct netdev_ila *ila, odp_port_t port_no)
{
    struct netdev_ila_port *port = xzalloc(sizeof *port);

    port->ila = ila;
    port->port_no = port_no;
    ovs_mutex_lock(&ila->mutex);
    hmap_insert(&ila->ports, &port->node, hash_port(port_no));
    ovs_mutex_unlock(&ila->mutex);
    return port;
}

static void
add_counts(const struct netdev_ila_queue *queue_,
           uint64_t counts[ILA_N_COUNTS])
{
    struct netdev_ila_queue *queue
        = CONST_CAST(struct netdev_ila_queue *, queue_);

    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        uint64_t n;

        atomic_read_relaxed(&queue->counts[i], &n);
        counts[i] += n;
    }
}

static void
queue_free(struct netdev_ila_queue *queue)
{
    free_cacheline(queue);
}

static void
clear_queues(struct netdev_ila_port *port)
{
    for (size_t i = 0; i < port->n_queues; i++) {
        struct netdev_ila_queue *queue = port->queues[i];

        add_counts(queue, port->gone);
        dp_netdev_extension_set_slot(queue->slots, DP_NETDEV_EXT_ILA, NULL);
        ovsrcu_postpone(queue_free, queue);
    }
    port->n_queues = 0;
}

void
netdev_ila_clear_queues(struct netdev_ila_port *port)
{
    ovs_mutex_lock(&port->ila->mutex);
    clear_queues(port);
    ovs_mutex_unlock(&port->ila->mutex);
}

void
netdev_ila_add_queue(struct netdev_ila_port *port,
                     struct dp_netdev_extension_slots *slots)
{
    struct netdev_ila_queue *queue = xzalloc_cacheline(sizeof *queue);

    queue->table = port->ila->table;
    queue->in_port = odp_to_u32(port->port_no);
    queue->slots = slots;
    ovs_mutex_lock(&port->ila->mutex);
    if (port->n_queues >= port->allocated_queues) {
        port->queues = x2nrealloc(port->queues, &port->allocated_queues,
                                  sizeof *port->queues);
    }
    port->queues[port->n_queues++] = queue;
    queue_configure(port, queue);
    ovs_mutex_unlock(&port->ila->mutex);
}

void
netdev_ila_remove_port(struct netdev_ila_port *port)
{
    struct netdev_ila *ila;

    if (!port) {
        return;
    }

    ila = port->ila;
    ovs_mutex_lock(&ila->mutex);
    clear_queues(port);
    hmap_remove(&ila->ports, &port->node);
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        ila->gone[i] += port->gone[i];
    }
    if (odp_to_u32(port->port_no) < NETDEV_ILA_MAX_PORT) {
        const struct ila_filter filter = {
            .has_in_port = true,
            .in_port = odp_to_u32(port->port_no),
        };

        ila_table_flush(ila->table, &filter);
    }
    ovs_mutex_unlock(&ila->mutex);
    free(port->queues);
    free(port);
}

int
netdev_ila_set_port(struct netdev_ila *ila, odp_port_t port_no,
                    unsigned int dirs, unsigned int *was)
{
    struct netdev_ila_port *port;
    int error = 0;

    *was = 0;
    ovs_mutex_lock(&ila->mutex);
    port = find_port(ila, port_no);
    if (!port) {
        error = ENODEV;
    } else if (dirs && odp_to_u32(port_no) >= NETDEV_ILA_MAX_PORT) {
        error = ERANGE;
    } else {
        *was = port->dirs;
        port->dirs = dirs;
        activate_port(port);
    }
    ovs_mutex_unlock(&ila->mutex);
    return error;
}

int
netdev_ila_set_port_options(struct netdev_ila *ila, odp_port_t port_no,
                            const struct dpif_ila_port_options *options)
{
    struct netdev_ila_port *port;

    ovs_mutex_lock(&ila->mutex);
    port = find_port(ila, port_no);
    if (port) {
        port->options = *options;
        configure_queues(port);
    }
    ovs_mutex_unlock(&ila->mutex);
    return port ? 0 : ENODEV;
}

bool
netdev_ila_has_stats(struct netdev_ila *ila)
{
    const struct netdev_ila_port *port;
    bool stats = false;

    ovs_mutex_lock(&ila->mutex);
    HMAP_FOR_EACH (port, node, &ila->ports) {
        stats |= port->options.stats && port->dirs;
    }
    ovs_mutex_unlock(&ila->mutex);
    return stats;
}

static void
add_port_counts(const struct netdev_ila_port *port,
                uint64_t counts[ILA_N_COUNTS])
{
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        counts[i] += port->gone[i];
    }
    for (size_t i = 0; i < port->n_queues; i++) {
        add_counts(port->queues[i], counts);
    }
}

int
netdev_ila_get_port(struct netdev_ila *ila, odp_port_t port_no,
                    unsigned int *dirs, uint64_t counts[ILA_N_COUNTS])
{
    const struct netdev_ila_port *port;

    *dirs = 0;
    memset(counts, 0, ILA_N_COUNTS * sizeof *counts);
    ovs_mutex_lock(&ila->mutex);
    port = find_port(ila, port_no);
    if (port) {
        *dirs = port->dirs;
        add_port_counts(port, counts);
    }
    ovs_mutex_unlock(&ila->mutex);
    return port ? 0 : ENODEV;
}

void
netdev_ila_get_counts(struct netdev_ila *ila, uint64_t counts[ILA_N_COUNTS],
                      uint64_t *n_expired)
{
    const struct netdev_ila_port *port;

    ovs_mutex_lock(&ila->mutex);
    memcpy(counts, ila->gone, sizeof ila->gone);
    HMAP_FOR_EACH (port, node, &ila->ports) {
        add_port_counts(port, counts);
    }
    *n_expired = ila->n_expired;
    ovs_mutex_unlock(&ila->mutex);
    netdev_ila_actions_add_counts(ila, counts);
}

bool
netdev_ila_bars_offload(struct netdev_ila *ila, const struct flow *flow)
{
    const struct netdev_ila_port *port;
    bool bars;

    if (flow->dl_type != htons(ETH_TYPE_IPV6)) {
        return false;
    }
    ovs_mutex_lock(&ila->mutex);
    port = find_port(ila, flow->in_port.odp_port);
    bars = port && port->dirs;
    ovs_mutex_unlock(&ila->mutex);
    return bars;
}

/* Packets. */

BUILD_ASSERT_DECL(NETDEV_MAX_BURST <= ILA_TABLE_BATCH);

#define MAX_VLANS 2

/* Returns the beginning of the IPv6 header of 'packet', of which nothing is
 * known yet, or NULL if there is none. */
static inline uint8_t *
find_ipv6(const struct dp_packet *packet)
{
    uint8_t *data = dp_packet_data(packet);
    size_t ofs = ETH_HEADER_LEN;
    ovs_be16 type;

    if (OVS_UNLIKELY(packet->packet_type != htonl(PT_ETH))) {
        return packet->packet_type == htonl(PT_IPV6) ? data : NULL;
    }
    if (OVS_UNLIKELY(dp_packet_size(packet) < ofs)) {
        return NULL;
    }
    memcpy(&type, &data[ofs - sizeof type], sizeof type);
    for (int i = 0; i < MAX_VLANS && OVS_UNLIKELY(eth_type_vlan(type)); i++) {
        ofs += VLAN_HEADER_LEN;
        if (dp_packet_size(packet) < ofs) {
            return NULL;
        }
        memcpy(&type, &data[ofs - sizeof type], sizeof type);
    }
    return type == htons(ETH_TYPE_IPV6) ? &data[ofs] : NULL;
}

/* Counts the use of entries that ask for it, or of all if 'stats' is true. */
static void
count_usage(const struct ila_outcomes *outcomes,
            const struct dp_packet_batch *batch, const uint8_t at[],
            bool stats, struct ila_usage_thread *usage, long long int now)
{
    uint32_t m = outcomes->translated | outcomes->dropped;

    for (; m; m = zero_rightmost_1bit(m)) {
        int i = raw_ctz(m);
        const struct ila_hit *hit = ila_outcomes_hit(outcomes, i);

        if (stats || ila_hit_has_idle_timeout(hit)) {
            ila_usage_count(usage, hit->epoch, hit->id,
                            dp_packet_size(batch->packets[at[i]]), now);
        }
    }
}

/* Deletes the packets whose bit in 'map', by 'at', is set. */
static void
drop(struct dp_packet_batch *batch, const uint8_t at[], uint32_t map)
{
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    uint32_t dropped = 0;
    size_t i;

    for (; map; map = zero_rightmost_1bit(map)) {
        dropped |= 1u << at[raw_ctz(map)];
    }
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (dropped & 1u << i) {
            ila_packet_log_drop();
            dp_packet_delete(packet);
        } else {
            dp_packet_batch_refill(batch, packet, i);
        }
    }
}

static void
count(struct netdev_ila_queue *queue, const uint64_t counts[ILA_N_COUNTS])
{
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        if (counts[i]) {
            uint64_t old;

            atomic_read_relaxed(&queue->counts[i], &old);
            atomic_store_relaxed(&queue->counts[i], old + counts[i]);
        }
    }
    ila_packet_count(counts);
}

void
netdev_ila_ingress(struct netdev_ila_queue *queue,
                   struct ila_usage_thread *usage, long long int now,
                   struct dp_packet_batch *batch,
                   uint64_t counts[ILA_N_COUNTS])
{
    struct ila_packet packets[NETDEV_MAX_BURST];
    uint8_t at[NETDEV_MAX_BURST]; /* In 'batch'. */
    struct ila_outcomes outcomes;
    uint32_t all_flags = 0;
    struct dp_packet *packet;
    bool stats, rehash;
    uint8_t dirs;
    size_t n = 0;

    memset(counts, 0, ILA_N_COUNTS * sizeof *counts);
    atomic_read_relaxed(&queue->dirs, &dirs);
    atomic_read_relaxed(&queue->stats, &stats);
    atomic_read_relaxed(&queue->rehash, &rehash);

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        OVS_PREFETCH_WRITE(dp_packet_data(packet));
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        uint8_t *ip6 = find_ipv6(packet);

        if (ip6) {
            uint32_t *flags = dp_packet_ol_flags_ptr(packet);

            /* A NIC marks what it knows of the address on the wire, which a
             * flow has no more. */
            if (OVS_UNLIKELY(*flags & DP_PACKET_OL_FLOW_MARK)) {
                *flags &= ~DP_PACKET_OL_FLOW_MARK;
            }
            all_flags |= *flags;
            packets[n] = ila_packet_from_dp_packet(packet, ip6);
            at[n++] = i;
        }
    }
    if (!n) {
        return;
    }

    ila_path_run(queue->table, dirs, queue->in_port, packets, n, &outcomes,
                 counts);
    if (all_flags & DP_PACKET_OL_RX_L4_CKSUM_MASK || rehash) {
        for (uint32_t m = outcomes.translated; m; m = zero_rightmost_1bit(m)) {
            int i = raw_ctz(m);

            packet = batch->packets[at[i]];
            ila_packet_translated(packet,
                                  ila_outcomes_hit(&outcomes, i)->xlat);
            if (OVS_UNLIKELY(rehash)) {
                *dp_packet_ol_flags_ptr(packet) &= ~DP_PACKET_OL_RSS_HASH;
            }
        }
    }
    if (stats || OVS_UNLIKELY(ila_table_has_idle_timeout(queue->table))) {
        count_usage(&outcomes, batch, at, stats, usage, now);
    }
    if (OVS_UNLIKELY(outcomes.dropped)) {
        drop(batch, at, outcomes.dropped);
    }
    count(queue, counts);
}

/* Statistics of PMD threads. */

void
netdev_ila_format_pmd_stats(struct ds *s, const uint64_t stats[])
{
    if (stats[PMD_STAT_ILA_HIT] || stats[PMD_STAT_ILA_MISS]) {
        ds_put_format(s, "  ila hits: %"PRIu64"\n"
                      "  ila misses: %"PRIu64"\n",
                      stats[PMD_STAT_ILA_HIT], stats[PMD_STAT_ILA_MISS]);
    }
}

void
netdev_ila_format_pmd_perf(struct ds *s, const uint64_t stats[])
{
    uint64_t n = stats[PMD_STAT_ILA_HIT] + stats[PMD_STAT_ILA_MISS];

    if (n) {
        ds_put_format(s, "  ILA lookups:        %12"PRIu64"\n"
                      "  - hits:             %12"PRIu64"  (%5.1f %%)\n"
                      "  - misses:           %12"PRIu64"  (%5.1f %%)\n", n,
                      stats[PMD_STAT_ILA_HIT],
                      100.0 * stats[PMD_STAT_ILA_HIT] / n,
                      stats[PMD_STAT_ILA_MISS],
                      100.0 * stats[PMD_STAT_ILA_MISS] / n);
    }
}
