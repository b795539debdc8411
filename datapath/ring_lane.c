// SPDX-License-Identifier: GPL-2.0-only

#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include "ring_lane.h"

#define LINE 64U		/* Alignment of what is in a region. */
#define DATA_ALIGN 4096U
#define HEADER sizeof(struct ovs_ring_record)

static bool power_of_2_in(u32 x, u32 min, u32 max)
{
	return x >= min && x <= max && is_power_of_2(x);
}

int ovs_ring_layout(const struct ovs_ring_geometry *geometry,
		    struct ovs_ring_layout *layout)
{
	u32 n_segs = geometry->n_segs;
	u64 lanes = geometry->n_lanes;

	if (!lanes ||
	    !power_of_2_in(geometry->seg_size, OVS_RING_MIN_SEG_SIZE,
			   OVS_RING_MAX_SEG_SIZE) ||
	    !power_of_2_in(n_segs, OVS_RING_MIN_SEGS, OVS_RING_MAX_SEGS) ||
	    (geometry->n_tx &&
	     !power_of_2_in(geometry->n_tx, 1, OVS_RING_MAX_TX)) ||
	    (geometry->tx_data_size &&
	     !power_of_2_in(geometry->tx_data_size, LINE,
			    OVS_RING_MAX_TX_DATA)) ||
	    (geometry->tx_data_size && !geometry->n_tx))
		return -EINVAL;

	layout->lane_off = ALIGN(sizeof(struct ovs_ring_control), LINE);
	layout->lane_stride = ALIGN(sizeof(struct ovs_ring_lane) +
				    2 * n_segs * sizeof(u32), LINE);
	layout->data_off = ALIGN(layout->lane_off + lanes * layout->lane_stride,
				 DATA_ALIGN);
	layout->data_stride = (u64)n_segs * geometry->seg_size;
	layout->producer_size = layout->data_off + lanes * layout->data_stride;

	layout->tx_off = ALIGN(sizeof(struct ovs_ring_consumer) +
			       n_segs * sizeof(u32), LINE);
	layout->tx_data_off = ALIGN(layout->tx_off + geometry->n_tx *
				    sizeof(struct ovs_ring_tx), LINE);
	layout->consumer_stride = layout->tx_data_off + geometry->tx_data_size;
	layout->consumer_size = ALIGN(lanes * layout->consumer_stride,
				      DATA_ALIGN);
	return 0;
}

void ovs_ring_init_control(struct ovs_ring_control *control,
			   const struct ovs_ring_geometry *geometry,
			   const struct ovs_ring_layout *layout)
{
	control->magic = OVS_RING_MAGIC;
	control->major = OVS_RING_MAJOR;
	control->minor = OVS_RING_MINOR;
	control->control_len = sizeof(*control);
	control->n_lanes = geometry->n_lanes;
	control->seg_size = geometry->seg_size;
	control->n_segs = geometry->n_segs;
	control->max_record = ovs_ring_max_record(geometry->seg_size);
	control->lane_off = layout->lane_off;
	control->lane_stride = layout->lane_stride;
	control->consumer_off = 0;
	control->consumer_stride = layout->consumer_stride;
	control->data_off = layout->data_off;
	control->data_stride = layout->data_stride;
	control->producer_size = layout->producer_size;
	control->consumer_size = layout->consumer_size;
	control->n_tx = geometry->n_tx;
	control->tx_off = layout->tx_off;
	control->tx_data_off = layout->tx_data_off;
	control->tx_data_size = geometry->tx_data_size;
}

void ovs_lane_init(struct ovs_lane *lane,
		   const struct ovs_ring_geometry *geometry,
		   const struct ovs_ring_layout *layout, void *producer,
		   const void *consumer, u32 i, u32 *words)
{
	memset(lane, 0, sizeof(*lane));
	lane->shared = producer + layout->lane_off +
		       (size_t)i * layout->lane_stride;
	lane->order = (u32 *)(lane->shared + 1);
	lane->data = producer + layout->data_off + i * layout->data_stride;
	lane->consumer = consumer + (size_t)i * layout->consumer_stride;
	lane->released = (const u32 *)(lane->consumer + 1);
	lane->seg_size = geometry->seg_size;
	lane->n_segs = geometry->n_segs;
	/* The first one to be opened is the one behind it. */
	lane->seg = geometry->n_segs - 1;
	lane->used = geometry->seg_size;
	lane->gens = words;
	lane->busy = words + geometry->n_segs;
	lane->shared->cpu = ~0U;
}

/* Of the 'k'-th segment that was opened. */
static u32 generation(u32 k)
{
	return k + 1 ?: 1;
}

static bool is_free(const struct ovs_lane *lane, u32 seg)
{
	/* The consumer's reads of it are over. */
	u32 released = smp_load_acquire(&lane->released[seg]);

	return released == READ_ONCE(lane->gens[seg]) &&
	       !READ_ONCE(lane->busy[seg]);
}

/* A counter that others read.  There is one writer. */
static void add(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, *counter + n);
}

static struct ovs_ring_record *record_at(const struct ovs_lane *lane, u32 seg,
					 u32 off)
{
	return (void *)(lane->data + (size_t)seg * lane->seg_size + off);
}

/* Shows the consumer what is reserved.  The header of each record is there. */
static void store_position(struct ovs_lane *lane)
{
	u64 prod = (u64)lane->opened << 32 | lane->used;

#if BITS_PER_LONG == 64
	smp_store_release(&lane->shared->prod, prod);	/* As above. */
#else
	/* Nobody has a ring there, see ovs_ring_init(). */
	WRITE_ONCE(lane->shared->prod, prod);
#endif
}

/* Opens the next segment that can be, and ends the one that is open. */
static bool open_segment(struct ovs_lane *lane)
{
	/* One that is open is never full: there is always room for an END. */
	bool is_open = lane->used < lane->seg_size;
	u32 n = lane->n_segs - is_open;
	u32 i, next = 0;

	for (i = 1; i <= n; i++) {
		next = (lane->seg + i) & (lane->n_segs - 1);
		if (is_free(lane, next))
			break;
	}
	if (i > n)
		return false;

	if (i > 1)
		add(&lane->shared->skipped_segs, i - 1);
	if (is_open) {
		struct ovs_ring_record *end;

		end = record_at(lane, lane->seg, lane->used);
		end->type = 0;
		end->flags = 0;
		end->ext_len = 0;
		end->seq = 0;
		WRITE_ONCE(end->word, OVS_RING_R_END);
	}

	WRITE_ONCE(lane->gens[next], generation(lane->opened));
	/* Whoever copies from it sees that it changed; see ovs_lane_read(). */
	smp_wmb();
	WRITE_ONCE(lane->order[lane->opened & (2 * lane->n_segs - 1)], next);
	lane->opened++;
	lane->seg = next;
	lane->used = 0;
	return true;
}

/* With header and padding. */
static u32 size_of_record(u32 len)
{
	return HEADER + ALIGN(len, 8);
}

/* Sees to it that 'need' bytes are free in the segment that is open.  What is
 * left after them has to take an END.
 */
static bool make_room(struct ovs_lane *lane, u32 need)
{
	if (need > lane->seg_size - HEADER)
		return false;
	return lane->used <= lane->seg_size - HEADER - need ||
	       open_segment(lane);
}

/* Writes the header of the next record, with the next number. */
static void put_header(struct ovs_lane *lane, struct ovs_ring_record *record,
		       u32 word, u8 type, u8 flags)
{
	WRITE_ONCE(record->word, word);
	record->type = type;
	record->flags = flags | (lane->lost ? OVS_RING_RF_LOST : 0);
	record->ext_len = 0;
	record->seq = lane->seq++;
	lane->lost = false;
}

bool ovs_lane_reserve(struct ovs_lane *lane, u32 len,
		      struct ovs_lane_slot *slot)
{
	u32 need = size_of_record(len);
	struct ovs_ring_record *record;

	if (!make_room(lane, need))
		return false;

	record = record_at(lane, lane->seg, lane->used);
	put_header(lane, record, OVS_RING_R_BUSY | len, 0, 0);
	lane->used += need;
	WRITE_ONCE(lane->busy[lane->seg], lane->busy[lane->seg] + 1);
	store_position(lane);

	slot->record = record;
	slot->seg = lane->seg;
	slot->len = len;
	return true;
}

void ovs_lane_lose(struct ovs_lane *lane, u64 len)
{
	lane->seq++;
	lane->lost = true;
	add(&lane->shared->lost_records, 1);
	add(&lane->shared->lost_bytes, len);
}

static void finish(struct ovs_lane *lane, const struct ovs_lane_slot *slot,
		   u32 word)
{
	/* The payload is there. */
	smp_store_release(&slot->record->word, word);
	WRITE_ONCE(lane->busy[slot->seg], lane->busy[slot->seg] - 1);
}

void ovs_lane_commit(struct ovs_lane *lane, const struct ovs_lane_slot *slot,
		     u8 type, u8 flags, u16 ext_len)
{
	slot->record->type = type;
	slot->record->flags |= flags;
	slot->record->ext_len = ext_len;
	if (flags & OVS_RING_RF_COPY) {
		add(&lane->shared->copied, 1);
	} else {
		add(&lane->shared->records, 1);
		add(&lane->shared->bytes, slot->len);
	}
	if (flags & OVS_RING_RF_TRUNCATED)
		add(&lane->shared->truncated, 1);
	finish(lane, slot, slot->len);
}

void ovs_lane_discard(struct ovs_lane *lane, const struct ovs_lane_slot *slot)
{
	add(&lane->shared->discarded, 1);
	finish(lane, slot, OVS_RING_R_DISCARD | slot->len);
}

void *ovs_lane_begin(struct ovs_lane *lane, u32 max)
{
	if (!make_room(lane, size_of_record(max)))
		return NULL;
	return record_at(lane, lane->seg, lane->used) + 1;
}

void ovs_lane_end(struct ovs_lane *lane, u32 len, u8 type, u8 flags)
{
	put_header(lane, record_at(lane, lane->seg, lane->used), len, type,
		   flags);
	lane->used += size_of_record(len);
	lane->hidden++;
	lane->hidden_bytes += len;
	if (flags & OVS_RING_RF_TRUNCATED)
		add(&lane->shared->truncated, 1);
}

void ovs_lane_publish(struct ovs_lane *lane)
{
	if (!lane->hidden)
		return;
	add(&lane->shared->records, lane->hidden);
	add(&lane->shared->bytes, lane->hidden_bytes);
	lane->hidden = 0;
	lane->hidden_bytes = 0;
	store_position(lane);
}

/* 'armed' is of a consumer that is to be woken. */
static void woken(struct ovs_lane *lane, u32 armed)
{
	WRITE_ONCE(lane->woken, armed);
	add(&lane->shared->wakes, 1);
}

enum ovs_lane_wake ovs_lane_wake(struct ovs_lane *lane, u32 len)
{
	u32 armed;

	/* Pairs with that of the consumer, which arms and then looks for
	 * records once more: one of the two sees what the other one did.
	 */
	smp_mb();
	armed = READ_ONCE(lane->consumer->armed);
	if (!armed || armed == lane->woken)
		return OVS_LANE_WAKE_NO;

	if (armed != lane->armed) {
		lane->armed = armed;
		lane->pending = 0;
	}
	lane->pending += HEADER + len;
	if (lane->pending < READ_ONCE(lane->consumer->wake_bytes))
		return OVS_LANE_WAKE_LATER;
	woken(lane, armed);
	return OVS_LANE_WAKE_NOW;
}

bool ovs_lane_wake_late(struct ovs_lane *lane)
{
	u32 armed = READ_ONCE(lane->consumer->armed);

	if (!armed || armed == READ_ONCE(lane->woken))
		return false;
	woken(lane, armed);
	return true;
}

bool ovs_lane_woken(const struct ovs_lane *lane)
{
	u32 armed = READ_ONCE(lane->consumer->armed);

	return armed && armed == READ_ONCE(lane->woken);
}

u32 ovs_lane_free_segs(const struct ovs_lane *lane)
{
	u32 seg, n = 0;

	for (seg = 0; seg < lane->n_segs; seg++)
		n += is_free(lane, seg);
	return n;
}

int ovs_lane_read(const struct ovs_lane *lane, u32 seg, u32 gen, u32 off,
		  u32 len, void *to)
{
	if (seg >= lane->n_segs || off > lane->seg_size ||
	    len > lane->seg_size - off)
		return -EINVAL;
	if (!gen || READ_ONCE(lane->gens[seg]) != gen ||
	    READ_ONCE(lane->released[seg]) == gen)
		return -ESTALE;

	/* After the generation of a segment changed its bytes do. */
	smp_rmb();
	memcpy(to, lane->data + (size_t)seg * lane->seg_size + off, len);
	/* As above. */
	smp_rmb();
	return READ_ONCE(lane->gens[seg]) == gen ? 0 : -ESTALE;
}
