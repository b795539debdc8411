/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-tx.h"

#include <string.h>

#include "ring-atomic.h"
#include "util.h"

void
ring_tx_init(struct ring_tx *tx, const struct ovs_ring_control *control,
             void *producer, const void *consumer, uint32_t index)
{
    char *lane = (char *) producer + control->lane_off
                 + (size_t) index * control->lane_stride;
    const char *area = (const char *) consumer + control->consumer_off
                       + (size_t) index * control->consumer_stride;
    const struct ovs_ring_consumer *c;

    c = ALIGNED_CAST(const struct ovs_ring_consumer *, area);
    *tx = (struct ring_tx) {
        .shared = ALIGNED_CAST(struct ovs_ring_lane *, lane),
        .tail = &c->tx_tail,
        .entries = ALIGNED_CAST(const struct ovs_ring_tx *,
                                area + control->tx_off),
        .data = (const uint8_t *) area + control->tx_data_off,
        .n_entries = control->n_tx,
        .data_size = control->tx_data_size,
    };
}

bool
ring_tx_is_pending(const struct ring_tx *tx)
{
    return tx->n_entries && ring_load_relaxed(tx->tail) != tx->head;
}

/* Copies 'size' bytes that somebody else may be writing, each of them read
 * once.  'src' is 8-aligned, and what 'size' is short of a multiple of 8 may
 * be read, too. */
static void
copy_once(void *dst_, const void *src_, size_t size)
{
    const uint64_t *src = src_;
    uint8_t *dst = dst_;

    while (size) {
        uint64_t word = ring_load_relaxed(src);
        size_t n = MIN(size, sizeof word);

        memcpy(dst, &word, n);
        src++;
        dst += n;
        size -= n;
    }
}

size_t
ring_tx_take(struct ring_tx *tx, struct ovs_ring_tx entries[], size_t max)
{
    uint32_t tail;
    size_t n;

    if (!tx->n_entries) {
        return 0;
    }

    /* Acquire: the entries and their data.  Only compared, never computed
     * with. */
    tail = ring_load_acquire(tx->tail);
    for (n = 0; n < max && tx->head != tail; n++, tx->head++) {
        copy_once(&entries[n], &tx->entries[tx->head & (tx->n_entries - 1)],
                  sizeof entries[n]);
    }
    return n;
}

void
ring_tx_release(struct ring_tx *tx)
{
    /* Release: our reads of what is now free. */
    ring_store_release(&tx->shared->tx_head, tx->head);
}

bool
ring_tx_copy_data(const struct ring_tx *tx, const struct ovs_ring_tx *entry,
                  void *dst, size_t max)
{
    if (entry->data_len > max
        || entry->data_off % 8
        || entry->data_off > tx->data_size
        || entry->data_len > tx->data_size - entry->data_off) {
        return false;
    }
    copy_once(dst, ALIGNED_CAST(const void *, tx->data + entry->data_off),
              entry->data_len);
    return true;
}

void
ring_tx_count(struct ring_tx *tx, uint32_t taken, uint32_t rejected)
{
    ring_count(&tx->shared->tx_taken, taken);
    ring_count(&tx->shared->tx_rejected, rejected);
}
