/* SPDX-License-Identifier: Apache-2.0 */

/* What a datapath would do to a packet, by what it says of addresses: it names
 * the entries that match the packet's destination and that of a packet that it
 * quotes, and a table with just these gives the packet to the code that
 * translates packets in userspace. */

#include <config.h>
#include "dpif-ila.h"

#include <errno.h>
#include <string.h>

#include "packets.h"
#include "util.h"

#define DST_OFS 24

/* Asks the datapath for the entry that it would choose for the address at
 * 'addr' and, if there is one, adds it to 'table'. */
static int
choose_entry(struct dpif *dpif, unsigned int dirs, uint16_t in_port,
             const uint8_t *addr, struct ila_table *table,
             struct dpif_ila_result *result, bool *found)
{
    struct in6_addr dst;
    int error;

    *found = false;
    memcpy(&dst, addr, sizeof dst);
    if (!dirs || ipv6_addr_is_multicast(&dst)) {
        return 0;
    }
    error = dpif_ila_class(dpif)->lookup(dpif, dirs, in_port, &dst, result);
    if (error) {
        return error == ENOENT ? 0 : error;
    }
    *found = true;

    /* Perhaps it is there already, on behalf of the packet around. */
    return ila_table_add(table, &result->entry.mapping, ILA_ADD_MAY_EXIST);
}

int
dpif_ila_translate(struct dpif *dpif, unsigned int dirs, uint16_t in_port,
                   struct ila_packet *packet, struct dpif_ila_outcome *outcome)
{
    struct ila_table *table = ila_table_create();
    struct dpif_ila_result result, quoted_result;
    size_t quoted;
    int error = 0;

    memset(outcome, 0, sizeof *outcome);
    if (packet->size >= IPV6_HEADER_LEN && packet->ip6[0] >> 4 == 6) {
        error = choose_entry(dpif, dirs, in_port, &packet->ip6[DST_OFS],
                             table, &result, &outcome->has_entry);
    }
    if (!error && ila_icmp_find_quoted(packet, &quoted)) {
        error = choose_entry(dpif, dirs & ILA_PATH_IN, in_port,
                             &packet->ip6[quoted + DST_OFS], table,
                             &quoted_result, &outcome->has_quoted_entry);
    }
    if (!error) {
        struct ila_outcomes o;

        ila_path_run(table, dirs, in_port, packet, 1, &o, outcome->counts);
        outcome->translated = o.translated;
        outcome->inner = o.inner;
        outcome->dropped = o.dropped;
        outcome->missed = o.missed;
        if (outcome->has_entry) {
            outcome->entry = result.entry;
        }
        if (outcome->has_quoted_entry) {
            outcome->quoted_entry = quoted_result.entry;
        }
        if (outcome->translated && result.verdict == ILA_TRANSLATED) {
            /* Of the two zeros of one's complement, that of the datapath. */
            memcpy(&packet->ip6[DST_OFS], &result.addr, sizeof result.addr);
        }
    }
    ila_table_destroy(table);
    return error;
}
