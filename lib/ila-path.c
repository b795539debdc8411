/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-path.h"

#include "packets.h"
#include "util.h"

#define DST_OFS 24

const char *
ila_count_to_string(enum ila_count count)
{
    static const char *const names[ILA_N_COUNTS] = {
        [ILA_COUNT_HIT] = "hit",
        [ILA_COUNT_MISS] = "miss",
        [ILA_COUNT_IN] = "in",
        [ILA_COUNT_OUT] = "out",
        [ILA_COUNT_CBIT] = "cbit-collision",
        [ILA_COUNT_TYPE_MISMATCH] = "type-mismatch",
        [ILA_COUNT_MULTICAST] = "multicast-skip",
        [ILA_COUNT_MALFORMED] = "malformed",
        [ILA_COUNT_L4_ADJUSTED] = "l4-adjusted",
        [ILA_COUNT_PARTIAL] = "partial",
        [ILA_COUNT_L4_UNKNOWN] = "l4-unknown",
        [ILA_COUNT_TRUNCATED] = "truncated",
        [ILA_COUNT_ICMP_INNER] = "icmp-inner",
    };

    return names[count];
}

static void
count_l4(enum ila_l4 l4, bool partial, uint64_t counts[])
{
    switch (l4) {
    case ILA_L4_UNTOUCHED:
        break;
    case ILA_L4_ADJUSTED:
        counts[ILA_COUNT_L4_ADJUSTED]++;
        counts[ILA_COUNT_PARTIAL] += partial;
        break;
    case ILA_L4_UNKNOWN:
        counts[ILA_COUNT_L4_UNKNOWN]++;
        break;
    case ILA_L4_TRUNCATED:
        counts[ILA_COUNT_TRUNCATED]++;
        break;
    }
}

void
ila_path_count(const struct ila_xlat *xlat, enum ila_verdict verdict,
               enum ila_l4 l4, bool partial, uint64_t counts[ILA_N_COUNTS])
{
    switch (verdict) {
    case ILA_TRANSLATED:
        counts[xlat->dir == ILA_DIR_IN ? ILA_COUNT_IN : ILA_COUNT_OUT]++;
        count_l4(l4, partial, counts);
        break;
    case ILA_PASS_MULTICAST:
        counts[ILA_COUNT_MULTICAST]++;
        break;
    case ILA_PASS_TYPE:
        counts[ILA_COUNT_TYPE_MISMATCH]++;
        break;
    case ILA_PASS_MALFORMED:
        counts[ILA_COUNT_MALFORMED]++;
        break;
    case ILA_DROP_CBIT:
        counts[ILA_COUNT_CBIT]++;
        break;
    }
}

static void
translate(struct ila_packet *packet, struct ila_outcome *outcome,
          uint64_t counts[])
{
    const struct ila_xlat *xlat = outcome->hit.xlat;
    enum ila_verdict verdict;
    enum ila_l4 l4;

    counts[ILA_COUNT_HIT]++;
    verdict = ila_translate_packet(xlat, packet, &l4);
    outcome->translated = verdict == ILA_TRANSLATED;
    outcome->dropped = verdict == ILA_DROP_CBIT;
    ila_path_count(xlat, verdict, l4, packet->l4_partial, counts);
}

/* Translates the packet that 'packet' quotes if it was sent to an ILA address
 * of an entry that asks for it. */
static void
translate_quoted(const struct ila_table *t, uint16_t in_port,
                 struct ila_packet *packet, struct ila_outcome *outcome,
                 uint64_t counts[])
{
    struct in6_addr dst;
    struct ila_hit hit;
    size_t quoted;

    if (!outcome->dropped && ila_icmp_find_quoted(packet, &quoted)) {
        memcpy(&dst, &packet->ip6[quoted + DST_OFS], sizeof dst);
        if (ila_table_lookup(t, ILA_DIR_IN, in_port, &dst, &hit)
            && ila_hit_get_flags(&hit) & ILA_ENTRY_ICMP_INNER
            && (ila_icmp_translate_quoted(hit.xlat, packet, quoted)
                == ILA_TRANSLATED)) {
            outcome->inner = true;
            counts[ILA_COUNT_ICMP_INNER]++;
        }
    }
}

void
ila_path_run(const struct ila_table *t, unsigned int dirs, uint16_t in_port,
             struct ila_packet packets[], size_t n,
             struct ila_outcome outcomes[], uint64_t counts[ILA_N_COUNTS])
{
    const struct in6_addr *dst[ILA_TABLE_BATCH];
    struct ila_hit hits[ILA_TABLE_BATCH];
    size_t at[ILA_TABLE_BATCH];
    size_t n_dst = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ila_packet *packet = &packets[i];

        outcomes[i].translated = false;
        outcomes[i].inner = false;
        outcomes[i].dropped = false;
        if (packet->size < IPV6_HEADER_LEN || packet->ip6[0] >> 4 != 6) {
            counts[ILA_COUNT_MALFORMED]++;
        } else if (packet->ip6[DST_OFS] == 0xff) {
            counts[ILA_COUNT_MULTICAST]++;
        } else {
            /* Only bytes are read of it, whatever its alignment. */
            dst[n_dst] = ALIGNED_CAST(const struct in6_addr *,
                                      &packet->ip6[DST_OFS]);
            at[n_dst++] = i;
        }
    }

    for (enum ila_dir dir = ILA_DIR_IN; n_dst && dir <= ILA_DIR_OUT; dir++) {
        uint32_t found;
        size_t n_left = 0;

        if (!(dirs & 1u << dir)) {
            continue;
        }
        found = ila_table_lookup_batch(t, dir, in_port, dst, n_dst, hits);
        for (size_t i = 0; i < n_dst; i++) {
            if (found & 1u << i) {
                outcomes[at[i]].hit = hits[i];
                translate(&packets[at[i]], &outcomes[at[i]], counts);
            } else {
                dst[n_left] = dst[i];
                at[n_left++] = at[i];
            }
        }
        n_dst = n_left;
    }
    counts[ILA_COUNT_MISS] += n_dst;

    if (OVS_UNLIKELY(ila_table_has_icmp_inner(t)) && dirs & ILA_PATH_IN) {
        for (size_t i = 0; i < n; i++) {
            translate_quoted(t, in_port, &packets[i], &outcomes[i], counts);
        }
    }
}
