/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-packet.h"

#include "coverage.h"
#include "openvswitch/vlog.h"

VLOG_DEFINE_THIS_MODULE(ila_packet);

COVERAGE_DEFINE(ila_hit);
COVERAGE_DEFINE(ila_miss);
COVERAGE_DEFINE(ila_in);
COVERAGE_DEFINE(ila_out);
COVERAGE_DEFINE(ila_l4_adjusted);
COVERAGE_DEFINE(ila_l4_unknown);
COVERAGE_DEFINE(ila_l4_truncated);
COVERAGE_DEFINE(ila_partial);
COVERAGE_DEFINE(ila_multicast_skip);
COVERAGE_DEFINE(ila_type_mismatch);
COVERAGE_DEFINE(ila_malformed);
COVERAGE_DEFINE(ila_icmp_inner);
COVERAGE_DEFINE(datapath_drop_ila_cbit);
COVERAGE_DEFINE(datapath_drop_ila_miss);

void
ila_packet_log_drop(void)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

    VLOG_WARN_RL(&rl, "dropped a packet: its address already has the C bit "
                 "that neutral-map was to set");
}

/* A counter that stays as it is is not even touched. */
#define COUNT(COUNTER, N)                       \
    if (N) {                                    \
        COVERAGE_ADD(COUNTER, N);               \
    }

void
ila_packet_count(const uint64_t counts[ILA_N_COUNTS])
{
    COUNT(ila_hit, counts[ILA_COUNT_HIT]);
    COUNT(ila_miss, counts[ILA_COUNT_MISS]);
    COUNT(ila_in, counts[ILA_COUNT_IN]);
    COUNT(ila_out, counts[ILA_COUNT_OUT]);
    COUNT(datapath_drop_ila_cbit, counts[ILA_COUNT_CBIT]);
    COUNT(ila_type_mismatch, counts[ILA_COUNT_TYPE_MISMATCH]);
    COUNT(ila_multicast_skip, counts[ILA_COUNT_MULTICAST]);
    COUNT(ila_malformed, counts[ILA_COUNT_MALFORMED]);
    COUNT(ila_l4_adjusted, counts[ILA_COUNT_L4_ADJUSTED]);
    COUNT(ila_partial, counts[ILA_COUNT_PARTIAL]);
    COUNT(ila_l4_unknown, counts[ILA_COUNT_L4_UNKNOWN]);
    COUNT(ila_l4_truncated, counts[ILA_COUNT_TRUNCATED]);
    COUNT(ila_icmp_inner, counts[ILA_COUNT_ICMP_INNER]);
}

void
ila_packet_count_miss_drops(unsigned int n)
{
    COUNT(datapath_drop_ila_miss, n);
}
