// SPDX-License-Identifier: GPL-2.0-only

/* Packets that missed, kept for their consumer, who will most likely have them
 * executed a moment later: that saves an skb, and a copy.  It is no more than
 * that: who does not find one here copies the packet from its record.
 *
 * A lane keeps one packet for each of the last OVS_RING_KEPT numbers of records;
 * the next one with the same place frees it, and so does the work, after a
 * second.  A packet here belongs to nobody else: not to a socket, nor to a
 * device, a route or a connection, which thus may go; nor does it share its data,
 * as with TCP, which does not send again what it sees on its way.  The upcall
 * itself still has a reference for a moment: until then it is not taken.
 *
 * A place is changed by xchg() and cmpxchg() alone; who took the packet out of
 * it owns the place's reference.
 */

#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/preempt.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ring.h"

/* Of buffers with larger pages, few would hold much memory. */
#define MAX_TRUESIZE 8192
#define MAX_AGE HZ

/* In the skb's control block. */
struct kept {
	u64 seq;		/* Of the record. */
	unsigned long since;	/* Jiffies. */
	u32 front;		/* Bytes of the message before the packet. */
};

static struct kept *kept_of(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct kept) > sizeof(skb->cb));
	return (struct kept *)skb->cb;
}

int ovs_ring_alloc_kept(struct ovs_ring *ring, u32 n_lanes)
{
	ring->kept = kvcalloc(n_lanes, OVS_RING_KEPT * sizeof(*ring->kept),
			      GFP_KERNEL_ACCOUNT);
	return ring->kept ? 0 : -ENOMEM;
}

void ovs_ring_free_kept(struct ovs_ring *ring, u32 n_lanes)
{
	u32 i;

	if (ring->kept) {
		for (i = 0; i < n_lanes * OVS_RING_KEPT; i++)
			consume_skb(ring->kept[i]);
	}
	kvfree(ring->kept);
	ring->kept = NULL;
}

static struct sk_buff **place_of(const struct ovs_ring_producer *producer,
				 u64 seq)
{
	const struct ovs_ring *ring = producer->ring;
	u32 lane = producer - ring->producers;

	return &ring->kept[lane * OVS_RING_KEPT + seq % OVS_RING_KEPT];
}

static struct sk_buff *take_out(struct sk_buff **place)
{
	return READ_ONCE(*place) ? xchg(place, NULL) : NULL;
}

/* Unless there is a newer one by now. */
static void put_back(struct sk_buff **place, struct sk_buff *skb)
{
	if (cmpxchg(place, NULL, skb))
		consume_skb(skb);
}

static bool is_ours(struct sk_buff *skb)
{
	return !skb->next && !skb_shared(skb) && !skb_cloned(skb) &&
	       !skb_zcopy(skb) && skb->truesize <= MAX_TRUESIZE;
}

void ovs_ring_keep(struct ovs_ring_producer *producer, struct sk_buff *skb,
		   u64 seq, u32 front)
{
	struct ovs_ring *ring = producer->ring;
	struct sk_buff *old;

	/* Sockets do not want to hear of it in an interrupt. */
	if (!ring->kept || front > OVS_RING_MAX_FRONT || !is_ours(skb) ||
	    in_hardirq() || irqs_disabled())
		return;
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	skb->dev = NULL;
	*kept_of(skb) = (struct kept){
		.seq = seq,
		.since = jiffies,
		.front = front,
	};
	old = xchg(place_of(producer, seq), skb_get(skb));
	if (old)
		consume_skb(old);

	/* After xchg(): either this sees that the work has begun, or the work
	 * sees the packet.
	 */
	if (unlikely(!READ_ONCE(ring->kept_is_due))) {
		WRITE_ONCE(ring->kept_is_due, true);
		schedule_delayed_work(&ring->kept_work, MAX_AGE);
	}
}

struct sk_buff *ovs_ring_take_kept(struct ovs_ring_producer *producer, u64 seq,
				   u32 *front)
{
	struct sk_buff **place = place_of(producer, seq);
	struct sk_buff *skb = take_out(place);

	if (!skb)
		return NULL;
	if (kept_of(skb)->seq != seq) {
		put_back(place, skb);
		return NULL;
	}
	if (skb_shared(skb)) {
		/* Its upcall is not over. */
		consume_skb(skb);
		return NULL;
	}
	/* What the upcall did with it comes before. */
	smp_acquire__after_ctrl_dep();
	*front = kept_of(skb)->front;
	memset(skb->cb, 0, sizeof(skb->cb));
	return skb;
}

void ovs_ring_kept_work(struct work_struct *work)
{
	struct ovs_ring *ring = container_of(to_delayed_work(work),
					     struct ovs_ring, kept_work);
	bool is_left = false;
	u32 i;

	WRITE_ONCE(ring->kept_is_due, false);
	smp_mb();	/* Pairs with xchg() in ovs_ring_keep(). */
	for (i = 0; i < ring->n_lanes * OVS_RING_KEPT; i++) {
		struct sk_buff *skb = take_out(&ring->kept[i]);

		if (!skb)
			continue;
		if (time_before(jiffies, kept_of(skb)->since + MAX_AGE)) {
			put_back(&ring->kept[i], skb);
			is_left = true;
		} else {
			consume_skb(skb);
		}
		cond_resched();
	}
	if (is_left) {
		WRITE_ONCE(ring->kept_is_due, true);
		schedule_delayed_work(&ring->kept_work, MAX_AGE);
	}
}
