/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_USAGE_H
#define ILA_USAGE_H 1

/* How entries of an ILA mapping table are used: packets, bytes and the time of
 * the last one, by the entry's id.
 *
 * Each thread counts for itself.  It takes memory for the ids that it counts,
 * some hundred at a time, when the first of them is used.  What a thread has
 * counted outlives it.
 *
 * When all entries of a table are replaced at once their ids begin anew.  The
 * table's epoch, which is part of what is counted, tells old from new.
 *
 * Thread-safety
 * =============
 *
 * A thread's counters are for one thread at a time.  Everything else may be
 * called by any thread at any time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ila_usage;
struct ila_usage_thread;

struct ila_use {
    uint64_t n_packets;
    uint64_t n_bytes;
    long long int used;         /* In milliseconds as time_msec(), 0 for
                                 * never. */
};

/* Creates and destroys the counters of a table, and those of a thread, which
 * may outlive the former. */
struct ila_usage *ila_usage_create(void);
void ila_usage_destroy(struct ila_usage *);
struct ila_usage_thread *ila_usage_thread_create(struct ila_usage *);
void ila_usage_thread_destroy(struct ila_usage_thread *);

/* Counts a packet of 'n_bytes' that the entry 'id' of the table's 'epoch'
 * matched.  The caller does not quiesce between the lookup and this. */
void ila_usage_count(struct ila_usage_thread *, uint32_t epoch, uint32_t id,
                     uint32_t n_bytes, long long int now);

/* Sums up what all threads have counted. */
void ila_usage_get(struct ila_usage *, uint32_t epoch, uint32_t id,
                   struct ila_use *);

/* Begins anew with 'id', which nobody counts at the moment. */
void ila_usage_clear(struct ila_usage *, uint32_t epoch, uint32_t id);

/* Bytes of memory. */
size_t ila_usage_bytes(struct ila_usage *);

#endif /* lib/ila-usage.h */
