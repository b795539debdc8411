// SPDX-License-Identifier: GPL-2.0-only

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

#include "ring.h"

/* Longer than that nothing waits, whatever the consumer says. */
#define MAX_WAKE_US USEC_PER_SEC

/* Returns whether there is something to unlock: a lane may become shared in the
 * midst of a step of its only producer.  Interrupts are off because one of them
 * may bring an upcall.
 */
static bool lock_if(struct ovs_ring_producer *producer, const bool *is_shared,
		    unsigned long *flags)
{
	if (likely(!READ_ONCE(*is_shared)))
		return false;
	spin_lock_irqsave(&producer->lock, *flags);
	return true;
}

static bool lock(struct ovs_ring_producer *producer, unsigned long *flags)
{
	return lock_if(producer, &producer->is_shared, flags);
}

static bool lock_wake(struct ovs_ring_producer *producer, unsigned long *flags)
{
	return lock_if(producer, &producer->is_wake_shared, flags);
}

static void unlock(struct ovs_ring_producer *producer, bool is_locked,
		   unsigned long flags)
{
	if (is_locked)
		spin_unlock_irqrestore(&producer->lock, flags);
}

bool ovs_ring_reserve(struct ovs_ring_producer *producer, u32 len,
		      struct ovs_lane_slot *slot)
{
	unsigned long flags = 0;
	bool is_locked = lock(producer, &flags);
	bool is_reserved = ovs_lane_reserve(&producer->lane, len, slot);

	unlock(producer, is_locked, flags);
	return is_reserved;
}

void ovs_ring_commit(struct ovs_ring_producer *producer,
		     const struct ovs_lane_slot *slot, u8 type, u8 record_flags,
		     u16 ext_len)
{
	unsigned long flags = 0;
	bool is_locked = lock(producer, &flags);

	ovs_lane_commit(&producer->lane, slot, type, record_flags, ext_len);
	unlock(producer, is_locked, flags);
}

void ovs_ring_discard(struct ovs_ring_producer *producer,
		      const struct ovs_lane_slot *slot)
{
	unsigned long flags = 0;
	bool is_locked = lock(producer, &flags);

	ovs_lane_discard(&producer->lane, slot);
	unlock(producer, is_locked, flags);
}

void ovs_ring_lose(struct ovs_ring_producer *producer, u64 len)
{
	unsigned long flags = 0;
	bool is_locked = lock(producer, &flags);

	ovs_lane_lose(&producer->lane, len);
	unlock(producer, is_locked, flags);
}

u32 ovs_ring_ext_len(const struct ovs_ring *ring)
{
	return ring->flags & OVS_RING_ATTACH_TIMESTAMP ? sizeof(u64) : 0;
}

void *ovs_ring_put_ext(const struct ovs_ring *ring,
		       const struct ovs_lane_slot *slot)
{
	u64 *ext = ovs_lane_payload(slot);

	if (!ovs_ring_ext_len(ring))
		return ext;
	*ext = ktime_get_ns();
	return ext + 1;
}

static void wake(struct ovs_ring *ring)
{
	wake_up_interruptible_poll(&ring->wait, EPOLLIN | EPOLLRDNORM);
}

void ovs_ring_flush(struct ovs_ring_producer *producer)
{
	unsigned long flags = 0;
	bool is_locked, is_due;

	/* As in ovs_lane_wake(). */
	smp_mb();
	is_locked = lock_wake(producer, &flags);
	is_due = ovs_lane_wake_late(&producer->lane);
	unlock(producer, is_locked, flags);
	if (is_due)
		wake(producer->ring);
}

enum hrtimer_restart ovs_ring_timer(struct hrtimer *timer)
{
	ovs_ring_flush(container_of(timer, struct ovs_ring_producer, timer));
	return HRTIMER_NORESTART;
}

void ovs_ring_committed(struct ovs_ring_producer *producer, u32 len)
{
	unsigned long flags = 0;
	enum ovs_lane_wake when;
	bool is_locked;
	u64 us;

	is_locked = lock_wake(producer, &flags);
	when = ovs_lane_wake(&producer->lane, len);
	unlock(producer, is_locked, flags);
	if (likely(when == OVS_LANE_WAKE_NO))
		return;
	if (when == OVS_LANE_WAKE_NOW) {
		wake(producer->ring);
		return;
	}

	us = min_t(u64, READ_ONCE(producer->lane.consumer->wake_us),
		   MAX_WAKE_US);
	if (!us)
		ovs_ring_flush(producer);
	else if (!hrtimer_is_queued(&producer->timer))
		hrtimer_start(&producer->timer, ns_to_ktime(us * NSEC_PER_USEC),
			      HRTIMER_MODE_REL_PINNED_SOFT);
}
