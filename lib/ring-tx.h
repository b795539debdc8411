/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_TX_H
#define RING_TX_H 1

/* Producer's side of the TX entries of a lane of a ring, by which the consumer
 * asks for something (openvswitch/ring-abi.h).
 *
 * The consumer may write to an entry, and to the data that it names, at any
 * time.  So entries and data are copied once, and only the copy is looked at
 * after that.
 *
 * One thread at a time calls the functions for a lane, not necessarily the one
 * that writes records there.  None of them waits. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/ring-abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All members are private. */
struct ring_tx {
    struct ovs_ring_lane *shared;
    const __u32 *tail;                      /* The consumer's. */
    const struct ovs_ring_tx *entries;      /* [n_entries]. */
    const uint8_t *data;                    /* [data_size]. */
    uint32_t n_entries;
    uint32_t data_size;
    uint32_t head;                          /* Entries taken, modulo 2^32. */
};

/* As ring_lane_init().  A ring without TX entries never has any to take. */
void ring_tx_init(struct ring_tx *, const struct ovs_ring_control *control,
                  void *producer, const void *consumer, uint32_t index);

/* Is there something to take?  One load. */
bool ring_tx_is_pending(const struct ring_tx *);

/* Copies up to 'max' entries, in the order in which they were written, into
 * 'entries' and returns how many.  A consumer that lies may get there as many
 * as it likes, with anything in them, hence 'max'.  The caller checks each and
 * counts it by ring_tx_count(); their data is to be copied before
 * ring_tx_release(), after which the consumer writes over them. */
size_t ring_tx_take(struct ring_tx *, struct ovs_ring_tx entries[],
                    size_t max);
void ring_tx_release(struct ring_tx *);

/* Copies the data of 'entry', 'entry->data_len' bytes at 'entry->data_off',
 * into 'dst', which has room for 'max' bytes.  Returns false if there are more
 * bytes, if they are not all within the lane's TX data, or if they do not
 * begin at a multiple of 8. */
bool ring_tx_copy_data(const struct ring_tx *, const struct ovs_ring_tx *entry,
                       void *dst, size_t max);

/* Counts entries that had their effect, and that were refused. */
void ring_tx_count(struct ring_tx *, uint32_t taken, uint32_t rejected);

#ifdef __cplusplus
}
#endif

#endif /* ring-tx.h */
