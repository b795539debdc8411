/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_RING_LANE_H
#define OVS_RING_LANE_H 1

/* A lane of the ring, the producer's side; <openvswitch/ring-abi.h> has the
 * layout.  Knows nothing of the kernel but barriers.
 *
 * A message takes three steps: ovs_lane_reserve() gives it a place and a
 * number in one instant and shows both to the consumer, who stops in front of
 * it; the caller writes it; ovs_lane_commit() lets the consumer pass.  Or the
 * first one fails for want of space, and ovs_lane_lose() gives it a number
 * without a place.
 *
 * Invariants:
 *
 *   - What the lane is at is in 'opened', 'seg' and 'used', which nobody else
 *     can write; 'prod', in shared memory, is only ever stored to.
 *
 *   - A segment is opened only if its word in 'released' is equal to the
 *     generation that it was opened under last, which is private ('gens'), and
 *     no record in it is unfinished ('busy').  Never the one that is open.
 *     Nothing else that a consumer writes matters to where records are.  Thus
 *     whatever it writes, two records never overlap and none is outside of
 *     the lane.
 *
 *   - Each segment has room for an END record behind what is reserved.
 *
 * A producer that has a lane to itself and many messages at once may do with
 * less: ovs_lane_begin() and ovs_lane_end() around each, and ovs_lane_publish()
 * after some of them.  The consumer sees none of these records before, thus
 * none is ever BUSY.
 *
 * One thread at a time may call ovs_lane_reserve() and ovs_lane_lose(), and
 * one ovs_lane_commit() and ovs_lane_discard(); if they are not the same one
 * the caller's lock makes it so.  What is written between them needs no lock.
 *
 * Order of memory: the header of a record is written before the store-release
 * of 'prod' that covers it, so that who sees the position sees BUSY or more;
 * what a segment held before, which was packets, is never taken for a header.
 * The store-release of 'word' without BUSY is behind the payload.  The
 * consumer's store-release of a released word is paired with the load-acquire
 * here: its reads are over before the segment is written again.
 */

#include <linux/types.h>

#include <openvswitch/ring-abi.h>

struct ovs_ring_geometry {
	u32 n_lanes;
	u32 seg_size;
	u32 n_segs;
	u32 n_tx;
	u32 tx_data_size;
};

/* Of a region, in bytes. */
struct ovs_ring_layout {
	u32 lane_off;
	u32 lane_stride;
	u32 consumer_stride;
	u32 tx_off;
	u32 tx_data_off;
	u64 data_off;
	u64 data_stride;
	u64 producer_size;
	u64 consumer_size;
};

struct ovs_lane {
	/* Shared memory. */
	struct ovs_ring_lane *shared;
	u32 *order;
	u8 *data;
	const struct ovs_ring_consumer *consumer;
	const u32 *released;

	u32 seg_size;
	u32 n_segs;

	/* The position; before the first record no segment is open. */
	u32 opened;		/* Segments, modulo 2^32. */
	u32 seg;		/* The one that is open. */
	u32 used;		/* Bytes of it. */
	bool lost;		/* Since the last record. */
	u64 seq;		/* Of the next message. */

	/* Records that were not published yet, and their bytes. */
	u32 hidden;
	u64 hidden_bytes;

	u32 *gens;		/* For each segment: its generation, 0 never. */
	u32 *busy;		/* Unfinished records in it. */

	/* Waking.  'armed' is the value that was seen last, 'woken' the one
	 * that was woken for last.
	 */
	u32 armed;
	u32 woken;
	u64 pending;		/* Bytes since 'armed' was first seen. */
};

/* A record between reservation and commit. */
struct ovs_lane_slot {
	struct ovs_ring_record *record;
	u32 seg;
	u32 len;		/* Of the payload. */
};

enum ovs_lane_wake {
	OVS_LANE_WAKE_NO,	/* It does not sleep, or was woken. */
	OVS_LANE_WAKE_LATER,	/* In 'wake_us' of the consumer. */
	OVS_LANE_WAKE_NOW,
};

/* Returns 0 and the layout for 'geometry', or -EINVAL if a number is not one
 * that ring-abi.h allows; 'n_lanes' may be anything but 0.
 */
int ovs_ring_layout(const struct ovs_ring_geometry *geometry,
		    struct ovs_ring_layout *layout);

/* Fills in a control, zeroed, but for 'state', 'features', 'clock_id' and
 * 'ring_class'.
 */
void ovs_ring_init_control(struct ovs_ring_control *control,
			   const struct ovs_ring_geometry *geometry,
			   const struct ovs_ring_layout *layout);

/* The longest payload. */
static inline u32 ovs_ring_max_record(u32 seg_size)
{
	return seg_size - 2 * sizeof(struct ovs_ring_record);
}

/* Initializes lane number 'i' in regions at 'producer' and 'consumer', both
 * zeroed.  'words' is for the lane's own use, 2 * n_segs of them, zeroed.
 */
void ovs_lane_init(struct ovs_lane *lane,
		   const struct ovs_ring_geometry *geometry,
		   const struct ovs_ring_layout *layout, void *producer,
		   const void *consumer, u32 i, u32 *words);

/* Reserves a record with 'len' bytes of payload, at most
 * ovs_ring_max_record().  Returns false if there is no space; the caller may
 * try again, or ovs_lane_lose().
 */
bool ovs_lane_reserve(struct ovs_lane *lane, u32 len,
		      struct ovs_lane_slot *slot);

/* A message with 'len' bytes was offered and there is no space for it. */
void ovs_lane_lose(struct ovs_lane *lane, u64 len);

/* The payload of a reserved record, 8-aligned. */
static inline void *ovs_lane_payload(const struct ovs_lane_slot *slot)
{
	return slot->record + 1;
}

/* Hands the record over.  'flags' are OVS_RING_RF_* other than LOST. */
void ovs_lane_commit(struct ovs_lane *lane, const struct ovs_lane_slot *slot,
		     u8 type, u8 flags, u16 ext_len);

/* Gives a reserved record up: its number is neither that of a message nor
 * missing.
 */
void ovs_lane_discard(struct ovs_lane *lane, const struct ovs_lane_slot *slot);

/* Returns where to write the payload of a record, 8-aligned, at most 'max'
 * bytes and no more than ovs_ring_max_record(); or NULL if there is no space.
 * It becomes one by ovs_lane_end(), not before.  Not while a record is reserved,
 * nor is one to be reserved before ovs_lane_publish().
 */
void *ovs_lane_begin(struct ovs_lane *lane, u32 max);

/* Makes a record of the 'len' bytes that were written, with 'flags' as for
 * ovs_lane_commit(), without OVS_RING_RF_COPY.
 */
void ovs_lane_end(struct ovs_lane *lane, u32 len, u8 type, u8 flags);

/* Shows the consumer all records that were ended. */
void ovs_lane_publish(struct ovs_lane *lane);

/* Is the consumer to be woken?  Called after a commit of 'len' bytes, by who
 * commits; contains a full fence.
 */
enum ovs_lane_wake ovs_lane_wake(struct ovs_lane *lane, u32 len);

/* The time is up, or there is another reason: returns whether the consumer
 * sleeps and was not woken yet; the caller wakes it then.
 */
bool ovs_lane_wake_late(struct ovs_lane *lane);

/* Was the consumer, if it sleeps, woken?  Any thread. */
bool ovs_lane_woken(const struct ovs_lane *lane);

/* The number of segments that could be opened now.  Any thread, then it is an
 * estimate.
 */
u32 ovs_lane_free_segs(const struct ovs_lane *lane);

/* Copies 'len' bytes of 'seg' from 'off' on to 'to'.  Any thread, also while
 * records are reserved.  Returns 0; -ESTALE if it is not of generation 'gen'
 * or the consumer released it, -EINVAL if that is not in one segment.
 */
int ovs_lane_read(const struct ovs_lane *lane, u32 seg, u32 gen, u32 off,
		  u32 len, void *to);

#endif /* ring_lane.h */
