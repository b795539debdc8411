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

/* Adjusts the transport checksum of 'packet', whose destination was replaced,
 * and counts that: the usual in '*n', so that the loop may keep it in a
 * register. */
static inline void
adjust(struct ila_packet *packet, ovs_be16 diff, uint64_t counts[],
       unsigned int *n)
{
    if (OVS_LIKELY(ila_adjust_dst_plain(packet, diff))) {
        *n += 1;
    } else {
        count_l4(ila_adjust_dst(packet, diff), packet->l4_partial, counts);
    }
}

/* Translates the destination of 'packet' in ILA_CSUM_ADJ_TRANSPORT.  Out of
 * line, as what else is not for every packet: the loop over a burst has few
 * registers, and random destinations feel it. */
static __attribute__((noinline)) enum ila_verdict
translate_and_adjust(const struct ila_xlat *xlat, struct ila_packet *packet,
                     uint64_t counts[], unsigned int *n_adjusted)
{
    enum ila_verdict verdict;
    ovs_be64 old;

    memcpy(&old, &packet->ip6[DST_OFS], sizeof old);
    verdict = ila_translate_dst(xlat, &packet->ip6[DST_OFS]);
    if (verdict == ILA_TRANSLATED) {
        adjust(packet, ila_csum_diff(xlat, old), counts, n_adjusted);
    }
    return verdict;
}

/* Translates the destination of 'packet', whose header is good. */
static inline enum ila_verdict
translate(const struct ila_xlat *xlat, struct ila_packet *packet,
          uint64_t counts[], unsigned int *n_adjusted)
{
    if (xlat->csum_mode == ILA_CSUM_ADJ_TRANSPORT) {
        return translate_and_adjust(xlat, packet, counts, n_adjusted);
    }
    return ila_translate_dst(xlat, &packet->ip6[DST_OFS]);
}

/* Translates the packets that packets quote if they were sent to an ILA
 * address of an entry that asks for it. */
static void
translate_quoted(const struct ila_table *t, uint16_t in_port,
                 struct ila_packet packets[], size_t n,
                 struct ila_outcomes *o)
{
    for (size_t i = 0; i < n; i++) {
        struct in6_addr dst;
        struct ila_hit hit;
        size_t quoted;

        if (!(o->dropped & 1u << i)
            && ila_icmp_find_quoted(&packets[i], &quoted)) {
            memcpy(&dst, &packets[i].ip6[quoted + DST_OFS], sizeof dst);
            if (ila_table_lookup(t, ILA_DIR_IN, in_port, &dst, &hit)
                && ila_hit_get_flags(&hit) & ILA_ENTRY_ICMP_INNER
                && (ila_icmp_translate_quoted(hit.xlat, &packets[i], quoted)
                    == ILA_TRANSLATED)) {
                o->inner |= 1u << i;
            }
        }
    }
}

/* Packets of a burst, those that are looked up. */
struct ila_burst {
    size_t n;
    const struct in6_addr *dst[ILA_TABLE_BATCH];
    uint8_t at[ILA_TABLE_BATCH];
    uint32_t repeated;          /* By index of the packet: has the same
                                 * destination as the last one before it that
                                 * is looked up, and is not itself. */
};

static void
make_burst(const struct ila_packet packets[], size_t n, struct ila_burst *b,
           uint64_t counts[])
{
    uint64_t last[2] = { 0, 0 };

    b->n = 0;
    b->repeated = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ila_packet *packet = &packets[i];
        uint64_t dst[2];

        if (OVS_UNLIKELY(packet->size < IPV6_HEADER_LEN
                         || packet->ip6[0] >> 4 != 6)) {
            counts[ILA_COUNT_MALFORMED]++;
            continue;
        } else if (OVS_UNLIKELY(packet->ip6[DST_OFS] == 0xff)) {
            counts[ILA_COUNT_MULTICAST]++;
            continue;
        }
        memcpy(dst, &packet->ip6[DST_OFS], sizeof dst);
        if (dst[0] == last[0] && dst[1] == last[1] && b->n) {
            b->repeated |= 1u << i;
            continue;
        }
        last[0] = dst[0];
        last[1] = dst[1];
        /* Only bytes are read of it, whatever its alignment. */
        b->dst[b->n] = ALIGNED_CAST(const struct in6_addr *,
                                    &packet->ip6[DST_OFS]);
        b->at[b->n++] = i;
    }
}

/* Packets that repeat a destination share the fate of the packet that had it
 * first, which is the same but for the checksum of the transport.  'map' are
 * those of packet 'first', whose outcome is known. */
static __attribute__((noinline)) void
repeat(struct ila_packet packets[], int first, uint32_t map,
       struct ila_outcomes *o, uint64_t counts[])
{
    const bool translated = (o->translated & 1u << first) != 0;
    const uint8_t which = o->which[first];
    const struct ila_xlat *xlat;
    unsigned int n_adjusted = 0;
    uint64_t dst[2];

    if (o->dropped & 1u << first) {
        o->dropped |= map;
    } else if (!translated) {
        return;
    } else {
        o->translated |= map;
    }
    if (!translated) {
        for (uint32_t m = map; m; m = zero_rightmost_1bit(m)) {
            o->which[raw_ctz(m)] = which;
        }
        return;
    }

    xlat = ila_outcomes_hit(o, first)->xlat;
    memcpy(dst, &packets[first].ip6[DST_OFS], sizeof dst);
    if (xlat->csum_mode == ILA_CSUM_ADJ_TRANSPORT) {
        ovs_be64 old;
        ovs_be16 diff;

        memcpy(&old, &packets[raw_ctz(map)].ip6[DST_OFS], sizeof old);
        diff = ila_csum_diff(xlat, old);
        for (uint32_t m = map; m; m = zero_rightmost_1bit(m)) {
            struct ila_packet *packet = &packets[raw_ctz(m)];

            o->which[raw_ctz(m)] = which;
            memcpy(&packet->ip6[DST_OFS], dst, sizeof dst);
            adjust(packet, diff, counts, &n_adjusted);
        }
        counts[ILA_COUNT_L4_ADJUSTED] += n_adjusted;
    } else {
        for (uint32_t m = map; m; m = zero_rightmost_1bit(m)) {
            o->which[raw_ctz(m)] = which;
            memcpy(&packets[raw_ctz(m)].ip6[DST_OFS], dst, sizeof dst);
        }
    }
}

void
ila_path_run(const struct ila_table *t, unsigned int dirs, uint16_t in_port,
             struct ila_packet packets[], size_t n, struct ila_outcomes *o,
             uint64_t counts[ILA_N_COUNTS])
{
    uint32_t found[] = { [ILA_DIR_IN] = 0, [ILA_DIR_OUT] = 0 };
    uint32_t looked = 0, hit;
    unsigned int n_adjusted = 0;
    struct ila_burst b;
    size_t n_hits = 0;

    o->translated = o->inner = o->dropped = 0;
    make_burst(packets, n, &b, counts);
    for (size_t i = 0; i < b.n; i++) {
        looked |= 1u << b.at[i];
    }

    for (enum ila_dir dir = ILA_DIR_IN; b.n && dir <= ILA_DIR_OUT; dir++) {
        struct ila_hit hits[ILA_TABLE_BATCH];
        uint32_t map;
        size_t left = 0;

        if (!(dirs & 1u << dir)) {
            continue;
        }
        map = ila_table_lookup_batch(t, dir, in_port, b.dst, b.n, hits);
        for (size_t i = 0; i < b.n; i++) {
            uint32_t bit = 1u << b.at[i];

            if (OVS_UNLIKELY(!(map & 1u << i))) {
                b.dst[left] = b.dst[i];
                b.at[left++] = b.at[i];
                continue;
            }
            found[dir] |= bit;
            o->hits[n_hits] = hits[i];
            o->which[b.at[i]] = n_hits++;
            switch (translate(hits[i].xlat, &packets[b.at[i]], counts,
                              &n_adjusted)) {
            case ILA_TRANSLATED:
                o->translated |= bit;
                break;
            case ILA_DROP_CBIT:
                o->dropped |= bit;
                break;
            case ILA_PASS_TYPE:
                break;
            case ILA_PASS_MULTICAST:
            case ILA_PASS_MALFORMED:
                /* Sorted out before. */
                OVS_NOT_REACHED();
            }
        }
        b.n = left;
    }

    for (uint32_t m = looked; b.repeated && m; m = zero_rightmost_1bit(m)) {
        int first = raw_ctz(m);
        uint32_t rest = zero_rightmost_1bit(m);
        uint32_t until = rest ? rightmost_1bit(rest) - 1 : UINT32_MAX;
        uint32_t map = b.repeated & until & ~((2u << first) - 1);

        if (map) {
            for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
                found[dir] |= found[dir] & 1u << first ? map : 0;
            }
            repeat(packets, first, map, o, counts);
        }
    }
    if (OVS_UNLIKELY(ila_table_has_icmp_inner(t)) && dirs & ILA_PATH_IN) {
        translate_quoted(t, in_port, packets, n, o);
        counts[ILA_COUNT_ICMP_INNER] += count_1bits(o->inner);
    }

    hit = found[ILA_DIR_IN] | found[ILA_DIR_OUT];
    o->missed = (looked | b.repeated) & ~hit;
    counts[ILA_COUNT_L4_ADJUSTED] += n_adjusted;
    counts[ILA_COUNT_HIT] += count_1bits(hit);
    counts[ILA_COUNT_MISS] += count_1bits(o->missed);
    counts[ILA_COUNT_IN] += count_1bits(found[ILA_DIR_IN] & o->translated);
    counts[ILA_COUNT_OUT] += count_1bits(found[ILA_DIR_OUT] & o->translated);
    counts[ILA_COUNT_CBIT] += count_1bits(o->dropped);
    counts[ILA_COUNT_TYPE_MISMATCH] += count_1bits(hit & ~o->translated
                                                   & ~o->dropped);
}
