/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_PATH_H
#define ILA_PATH_H 1

/* What happens to a burst of packets that a table translates: lookup,
 * translation, quoted packets of ICMPv6 errors, counts.
 *
 * Pure, as ila.h and ila-table.h, whose rules for threads apply. */

#include <stddef.h>
#include <stdint.h>

#include "ila.h"
#include "ila-table.h"

/* Directions in which packets of a port are translated: bits. */
enum ila_path_dirs {
    ILA_PATH_IN = 1 << ILA_DIR_IN,
    ILA_PATH_OUT = 1 << ILA_DIR_OUT,
};

enum ila_count {
    ILA_COUNT_HIT,              /* An entry matched. */
    ILA_COUNT_MISS,             /* None did: the packet passes as it is. */
    ILA_COUNT_IN,               /* Translated, ILA to SIR. */
    ILA_COUNT_OUT,              /* Translated, SIR to ILA. */
    ILA_COUNT_CBIT,             /* Dropped: C bit set before neutral-map. */
    ILA_COUNT_TYPE_MISMATCH,    /* Passed: not of the type wanted. */
    ILA_COUNT_MULTICAST,        /* Passed: multicast destination. */
    ILA_COUNT_MALFORMED,        /* Passed: no IPv6 header. */
    ILA_COUNT_L4_ADJUSTED,      /* Transport checksum updated... */
    ILA_COUNT_PARTIAL,          /* ...that somebody else finishes. */
    ILA_COUNT_L4_UNKNOWN,       /* No checksum that is known. */
    ILA_COUNT_TRUNCATED,        /* Transport header cut short. */
    ILA_COUNT_ICMP_INNER,       /* Quoted packet translated. */
    ILA_N_COUNTS
};
const char *ila_count_to_string(enum ila_count);

/* Counts what ila_translate_packet() did to a packet, whose checksum was
 * 'partial' or not. */
void ila_path_count(const struct ila_xlat *, enum ila_verdict, enum ila_l4,
                    bool partial, uint64_t counts[ILA_N_COUNTS]);

/* What became of the packets of a burst: bit maps, by their index. */
struct ila_outcomes {
    uint32_t translated;        /* Its destination is another one. */
    uint32_t inner;             /* That of the packet that it quotes is. */
    uint32_t dropped;           /* Is to be dropped, and untouched. */
    uint32_t missed;            /* No entry matched. */
    uint8_t which[ILA_TABLE_BATCH]; /* Of 'hits', by index of the packet, for
                                     * those translated or dropped. */
    struct ila_hit hits[ILA_TABLE_BATCH];
};

/* The entry that matched packet 'i'. */
static inline const struct ila_hit *
ila_outcomes_hit(const struct ila_outcomes *o, size_t i)
{
    return &o->hits[o->which[i]];
}

/* Translates the 'n' packets, at most ILA_TABLE_BATCH, that came in on
 * 'in_port' in the first of the directions 'dirs' in which an entry matches,
 * ILA to SIR before SIR to ILA.  Each is translated once at most.  Adds to
 * 'counts'. */
void ila_path_run(const struct ila_table *, unsigned int dirs,
                  uint16_t in_port, struct ila_packet packets[], size_t n,
                  struct ila_outcomes *, uint64_t counts[ILA_N_COUNTS]);

#endif /* lib/ila-path.h */
