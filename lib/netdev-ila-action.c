/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-ila-action.h"

#include "dp-packet.h"
#include "ila-packet.h"
#include "ila-path.h"
#include "ila-table-action.h"
#include "ila-usage.h"
#include "netdev-ila.h"
#include "openvswitch/extension-abi.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

BUILD_ASSERT_DECL(NETDEV_MAX_BURST <= ILA_TABLE_BATCH);

static uint16_t
in_port_of(const struct dp_packet *packet)
{
    /* No entry has UINT16_MAX. */
    return MIN(odp_to_u32(packet->md.in_port.odp_port), UINT16_MAX);
}

/* Most often of one thread alone. */
struct action_counts {
    atomic_uint64_t n[ILA_N_COUNTS];
};

void
netdev_ila_actions_init(struct netdev_ila *ila)
{
    ovsthread_stats_init(&ila->actions);
}

void
netdev_ila_actions_destroy(struct netdev_ila *ila)
{
    struct action_counts *bucket;
    size_t i;

    OVSTHREAD_STATS_FOR_EACH_BUCKET (bucket, i, &ila->actions) {
        free_cacheline(bucket);
    }
    ovsthread_stats_destroy(&ila->actions);
}

static void *
action_counts_create(void)
{
    struct action_counts *bucket = xmalloc_cacheline(sizeof *bucket);

    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        atomic_init(&bucket->n[i], 0);
    }
    return bucket;
}

static void
count(struct netdev_ila *ila, const uint64_t counts[ILA_N_COUNTS])
{
    struct action_counts *bucket;

    bucket = ovsthread_stats_bucket_get(&ila->actions, action_counts_create);
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        if (counts[i]) {
            uint64_t orig;

            atomic_add_relaxed(&bucket->n[i], counts[i], &orig);
        }
    }
    ila_packet_count(counts);
}

void
netdev_ila_actions_add_counts(const struct netdev_ila *ila,
                              uint64_t counts[ILA_N_COUNTS])
{
    struct action_counts *bucket;
    size_t i;

    OVSTHREAD_STATS_FOR_EACH_BUCKET (bucket, i, &ila->actions) {
        for (size_t j = 0; j < ILA_N_COUNTS; j++) {
            uint64_t n;

            atomic_read_relaxed(&bucket->n[j], &n);
            counts[j] += n;
        }
    }
}

/* What became of packets of a batch, as bit maps. */
struct fate {
    uint32_t cbit;              /* Dropped because of the C bit. */
    uint32_t miss;              /* Dropped because no entry matched. */
};

/* Translates the packets from 'begin' to 'end' of 'batch', which came in on
 * 'in_port'. */
static void
execute_burst(const struct netdev_ila *ila, struct ila_usage_thread *usage,
              long long int now, struct dp_packet_batch *batch, size_t begin,
              size_t end, uint16_t in_port,
              const struct ovs_action_ila_table *action, struct fate *fate,
              uint64_t counts[ILA_N_COUNTS])
{
    struct ila_packet packets[NETDEV_MAX_BURST];
    struct ila_outcomes o;

    for (size_t i = begin; i < end; i++) {
        packets[i - begin] = ila_packet_from_l3(batch->packets[i]);
    }
    ila_path_run(ila->table, action->dirs, in_port, packets, end - begin, &o,
                 counts);
    for (uint32_t m = o.translated | o.dropped; m;
         m = zero_rightmost_1bit(m)) {
        int i = raw_ctz(m);
        struct dp_packet *packet = batch->packets[begin + i];
        const struct ila_hit *hit = ila_outcomes_hit(&o, i);

        if (ila_hit_has_idle_timeout(hit)) {
            ila_usage_count(usage, hit->epoch, hit->id, dp_packet_size(packet),
                            now);
        }
        if (o.translated & 1u << i) {
            /* The connection that was looked up was another address's. */
            pkt_metadata_init_conn(&packet->md);
            ila_packet_translated(packet, hit->xlat);
        }
    }
    fate->cbit |= o.dropped << begin;
    if (action->miss == ILA_MISS_DROP) {
        /* An error about a packet that was translated on its way arrives with
         * the sender's address, which may well have no entry. */
        fate->miss |= (o.missed & ~o.inner) << begin;
    }
}

void
netdev_ila_execute(struct netdev_ila *ila,
                   struct ila_usage_thread *usage, long long int now,
                   struct dp_packet_batch *batch,
                   const struct ovs_action_ila_table *action, bool steal)
{
    const size_t n = dp_packet_batch_size(batch);
    uint64_t counts[ILA_N_COUNTS] = { 0 };
    struct fate fate = { 0, 0 };
    struct dp_packet *packet;
    size_t i;

    /* Packets of one flow have one port, thus this is one burst. */
    for (size_t start = 0, end; start < n; start = end) {
        uint16_t in_port = in_port_of(batch->packets[start]);

        end = start + 1;
        while (end < n && in_port_of(batch->packets[end]) == in_port) {
            end++;
        }
        execute_burst(ila, usage, now, batch, start, end, in_port, action,
                      &fate, counts);
    }

    if (OVS_UNLIKELY(fate.cbit | fate.miss)) {
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
            if (!((fate.cbit | fate.miss) & 1u << i)) {
                dp_packet_batch_refill(batch, packet, i);
                continue;
            }
            if (fate.cbit & 1u << i) {
                ila_packet_log_drop();
            }
            if (steal) {
                dp_packet_delete(packet);
            }
        }
    }

    count(ila, counts);
    ila_packet_count_miss_drops(count_1bits(fate.miss));
}
