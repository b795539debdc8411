// SPDX-License-Identifier: GPL-2.0-only

/* Dumps of flows into a ring.  A flow is put together as for netlink in an skb
 * that is used again for each, and copied into the ring; what is cached of it
 * is used, and what is not is cached.
 *
 * The place is that of netlink's dumps, a bucket and a number in it.  As there,
 * a table that is resized meanwhile may make a dump miss flows or send them
 * twice; here the generations at the beginning and at the end differ then.
 */

#include <linux/delay.h>
#include <linux/openvswitch.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>

#include "datapath.h"
#include "flow_netlink.h"
#include "flow_table.h"
#include "match_cache_dp.h"
#include "ring.h"

/* Flows between two chances for others to run. */
#define BATCH 64

/* How often the pump looks for space, and how long it sleeps in between, before
 * it parks.
 */
#define MAX_TRIES 20
#define MIN_SLEEP_US 50
#define MAX_SLEEP_US 100

enum progress {
	GOES_ON,
	NO_SPACE,
	HAS_ENOUGH,		/* As many as were asked for. */
	AT_END,
	NOT_CACHED,		/* The flow that is asked about. */
};

static struct ovs_ring_producer *the_producer(struct ovs_ring *ring)
{
	return &ring->producers[0];
}

/* A dump is the only producer, under the mutex: its steps need no lock. */
static struct ovs_lane *the_lane(struct ovs_ring *ring)
{
	return &the_producer(ring)->lane;
}

static bool put_mark(struct ovs_ring *ring, u8 type, int error)
{
	struct ovs_ring_dump_state *d = &ring->dump;
	struct ovs_ring_dump mark = {
		.id = d->id,
		.n = d->n,
		.now = ktime_to_ms(ktime_get()),
		.generation = d->generation,
		.error = -error,
	};
	struct ovs_lane_slot slot;

	if (!ovs_lane_reserve(the_lane(ring), sizeof(mark), &slot))
		return false;
	memcpy(ovs_lane_payload(&slot), &mark, sizeof(mark));
	ovs_lane_commit(the_lane(ring), &slot, type,
			type == OVS_RING_T_DUMP_END ? OVS_RING_RF_LAST : 0, 0);
	return true;
}

/* Called with RCU read lock. */
static void note_table(struct ovs_ring_dump_state *d,
		       const struct table_instance *ti)
{
	if (d->table == ti && d->seed == ti->hash_seed)
		return;
	d->table = ti;
	d->seed = ti->hash_seed;
	d->generation++;
}

/* Called with RCU read lock. */
static bool is_wanted(const struct ovs_ring_dump_state *d,
		      const struct sw_flow *flow)
{
	struct ovs_flow_stats stats;
	unsigned long used;
	__be16 tcp_flags;

	if (d->flags & OVS_RING_FILL_IN_PORT &&
	    (flow->mask->key.phy.in_port != U16_MAX ||
	     flow->key.phy.in_port != d->in_port))
		return false;
	if (!d->used_since && !(d->flags & OVS_RING_FILL_USED))
		return true;

	ovs_flow_stats_get(flow, &stats, &used, &tcp_flags);
	return stats.n_packets && used &&
	       (!d->used_since || ovs_flow_used_time(used) >= d->used_since);
}

static int encode(struct ovs_ring *ring, const struct sw_flow *flow,
		  int dp_ifindex, u32 ufid_flags)
{
	skb_trim(ring->dump_scratch, 0);
	return ovs_flow_cmd_fill_info(flow, dp_ifindex, ring->dump_scratch, 0,
				      0, NLM_F_MULTI, OVS_FLOW_CMD_GET,
				      ufid_flags);
}

static void flow_put(struct ovs_ring *ring, u32 len, u32 *bytes)
{
	*bytes += len;
	ring->dump.n++;
	WRITE_ONCE(ring->flows, ring->flows + 1);
}

/* Writes what of 'flow' changes, as netlink's dumps have it, to 'msg', which
 * has room for it.
 */
static bool put_changing(struct sk_buff *msg, const struct sw_flow *flow,
			 u32 ufid_flags)
{
	const struct sw_flow_actions *acts = rcu_dereference(flow->sf_acts);
	struct ovs_flow_stats stats;
	struct nlattr *nest;
	unsigned long used;
	__be16 tcp_flags;

	ovs_flow_stats_get(flow, &stats, &used, &tcp_flags);
	if ((used && nla_put_u64_64bit(msg, OVS_FLOW_ATTR_USED,
				       ovs_flow_used_time(used),
				       OVS_FLOW_ATTR_PAD)) ||
	    (stats.n_packets && nla_put_64bit(msg, OVS_FLOW_ATTR_STATS,
					      sizeof(stats), &stats,
					      OVS_FLOW_ATTR_PAD)) ||
	    ((u8)ntohs(tcp_flags) && nla_put_u8(msg, OVS_FLOW_ATTR_TCP_FLAGS,
						(u8)ntohs(tcp_flags))))
		return false;
	if (ufid_flags & OVS_UFID_F_OMIT_ACTIONS)
		return true;
	nest = nla_nest_start_noflag(msg, OVS_FLOW_ATTR_ACTIONS);
	if (!nest || ovs_nla_put_actions(acts->actions, acts->actions_len, msg))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

/* A flow whose match is cached goes into the ring in parts: nothing is put
 * together first but what changes.
 */
static enum progress put_cached(struct ovs_ring *ring, struct datapath *dp,
				struct sw_flow *flow, u32 *bytes)
{
	u32 max = ovs_ring_max_record(the_lane(ring)->seg_size);
	struct ovs_match_cache *cache = rcu_dereference(dp->match_cache);
	const struct ovs_ring_dump_state *d = &ring->dump;
	u32 ufid_len = flow->id.ufid_len;
	u32 id_len = nla_total_size(ufid_len);
	/* A record is aligned to more than anything in it. */
	const void *at = (void *)(sizeof(d->header) + id_len);
	struct sk_buff *msg = ring->dump_scratch;
	const struct ovs_match_entry *entry;
	u32 front, skip, match_len, total;
	struct ovs_lane_slot slot;
	struct nlattr *id;
	u8 *p;

	if (!d->has_header || d->ufid_flags & OVS_MATCH_OMIT || !cache ||
	    ovs_identifier_is_key(&flow->id))
		return NOT_CACHED;
	entry = ovs_match_entry(&flow->match, at);
	if (!entry)
		return NOT_CACHED;

	/* Padding depends on where it will be. */
	match_len = ovs_match_len(entry);
	front = sizeof(d->header) + id_len + match_len;
	skip = front % 8;
	skb_trim(msg, 0);
	skb_put(msg, skip);
	if (!put_changing(msg, flow, d->ufid_flags))
		return NOT_CACHED;
	total = front + msg->len - skip;
	if (total > max)
		return NOT_CACHED;
	if (!ovs_lane_reserve(the_lane(ring), total, &slot))
		return NO_SPACE;

	p = ovs_lane_payload(&slot);
	memcpy(p, d->header, sizeof(d->header));
	((struct nlmsghdr *)p)->nlmsg_len = total;
	id = (struct nlattr *)(p + sizeof(d->header));
	id->nla_type = OVS_FLOW_ATTR_UFID;
	id->nla_len = nla_attr_size(ufid_len);
	memcpy(nla_data(id), flow->id.ufid, ufid_len);
	memset(nla_data(id) + ufid_len, 0, nla_padlen(ufid_len));
	ovs_match_copy(entry, p + sizeof(d->header) + id_len);
	memcpy(p + front, msg->data + skip, msg->len - skip);
	ovs_lane_commit(the_lane(ring), &slot, OVS_RING_T_NLMSG, 0, 0);
	if (ovs_match_cache_enabled(cache))
		ovs_match_use(cache, &flow->match, at);
	flow_put(ring, total, bytes);
	return GOES_ON;
}

/* Returns whether there was space.  'bytes' grows by those of the record. */
static bool put_flow(struct ovs_ring *ring, struct datapath *dp,
		     struct sw_flow *flow, int dp_ifindex, u32 *bytes)
{
	u32 max = ovs_ring_max_record(the_lane(ring)->seg_size);
	struct ovs_ring_dump_state *d = &ring->dump;
	const struct sk_buff *msg = ring->dump_scratch;
	struct ovs_lane_slot slot;
	enum progress progress;
	u8 flags = 0;
	int err;

	progress = put_cached(ring, dp, flow, bytes);
	if (progress != NOT_CACHED)
		return progress == GOES_ON;

	err = encode(ring, flow, dp_ifindex, d->ufid_flags);
	if (!err && msg->len > max) {
		flags = OVS_RING_RF_TRUNCATED;
		err = encode(ring, flow, dp_ifindex,
			     d->ufid_flags | OVS_UFID_F_OMIT_ACTIONS);
	}
	if (WARN_ON_ONCE(err || msg->len > max))
		return true;

	if (!ovs_lane_reserve(the_lane(ring), msg->len, &slot))
		return false;
	memcpy(ovs_lane_payload(&slot), msg->data, msg->len);
	ovs_lane_commit(the_lane(ring), &slot, OVS_RING_T_NLMSG, flags, 0);
	ovs_match_cache_dumped(dp, flow, msg, 0, &d->cb, d->ufid_flags);
	memcpy(d->header, msg->data, sizeof(d->header));
	d->has_header = true;
	flow_put(ring, msg->len, bytes);
	return true;
}

/* Dumps some flows, none after the dump has 'max' of them. */
static enum progress run_batch(struct ovs_ring *ring, u64 max)
{
	struct ovs_ring_dump_state *d = &ring->dump;
	enum progress progress = GOES_ON;
	struct table_instance *ti;
	const struct vport *local;
	struct datapath *dp;
	u32 i, bytes = 0;

	rcu_read_lock();
	dp = rcu_dereference(ring->dp);
	local = dp ? ovs_vport_rcu(dp, OVSP_LOCAL) : NULL;
	if (!local) {
		/* The ring says itself that it is dead. */
		d->is_running = false;
		rcu_read_unlock();
		return AT_END;
	}

	/* As in ovs_flow_cmd_dump(). */
	local_bh_disable();
	ti = rcu_dereference(dp->table.ti);
	note_table(d, ti);
	if (!d->begun) {
		d->begun = put_mark(ring, OVS_RING_T_DUMP_BEGIN, 0);
		if (!d->begun)
			progress = NO_SPACE;
	}
	for (i = 0; i < BATCH && progress == GOES_ON; i++) {
		u32 bucket = d->cb.args[0];
		u32 obj = d->cb.args[1];
		struct sw_flow *flow;

		if (d->n >= max) {
			progress = HAS_ENOUGH;
			break;
		}
		flow = ovs_flow_tbl_dump_next(ti, &bucket, &obj);
		if (!flow) {
			d->is_running = !put_mark(ring, OVS_RING_T_DUMP_END, 0);
			progress = d->is_running ? NO_SPACE : AT_END;
			break;
		}
		if (is_wanted(d, flow) &&
		    !put_flow(ring, dp, flow, local->dev->ifindex, &bytes)) {
			progress = NO_SPACE;
			break;
		}
		d->cb.args[0] = bucket;
		d->cb.args[1] = obj;
	}
	local_bh_enable();
	rcu_read_unlock();

	if (bytes)
		ovs_ring_committed(the_producer(ring), bytes);
	return progress;
}

/* Goes on as far as it comes. */
static void run(struct ovs_ring *ring, u64 max)
{
	while (ring->dump.is_running && !fatal_signal_pending(current) &&
	       run_batch(ring, max) == GOES_ON)
		cond_resched();
	ovs_ring_flush(the_producer(ring));
}

static void start_pump(struct ovs_ring *ring)
{
	ovs_ring_set_state(ring, 0, OVS_RING_S_PARKED);
	queue_delayed_work(system_unbound_wq, &ring->pump, 0);
}

static int start(struct ovs_ring *ring, const struct ovs_ring_fill *fill)
{
	const u32 flags = OVS_RING_FILL_START | OVS_RING_FILL_POLL |
			  OVS_RING_FILL_AUTO | OVS_RING_FILL_IN_PORT |
			  OVS_RING_FILL_USED;
	const u32 ufid_flags = OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK |
			       OVS_UFID_F_OMIT_ACTIONS;
	struct ovs_ring_dump_state *d = &ring->dump;

	if (fill->flags & ~flags || fill->ufid_flags & ~ufid_flags ||
	    (fill->flags & OVS_RING_FILL_IN_PORT &&
	     fill->in_port >= DP_MAX_PORTS))
		return -EINVAL;
	if (d->is_running && d->begun &&
	    !put_mark(ring, OVS_RING_T_DUMP_END, -ECANCELED))
		return -ENOBUFS;

	d->begun = false;
	d->has_header = false;
	d->flags = fill->flags;
	d->ufid_flags = fill->ufid_flags;
	d->in_port = fill->in_port;
	d->used_since = fill->used_since;
	d->id = fill->id;
	d->n = 0;
	memset(&d->cb, 0, sizeof(d->cb));
	d->is_running = true;
	return 0;
}

int ovs_ring_fill(struct ovs_ring *ring, struct ovs_ring_fill *fill)
{
	struct ovs_ring_dump_state *d = &ring->dump;
	int err;

	if (ring->ring_class != OVS_RING_DUMP)
		return -EINVAL;
	if (!rcu_access_pointer(ring->dp))
		return -ENODEV;
	if (fill->flags & OVS_RING_FILL_START)
		err = start(ring, fill);
	else
		err = fill->flags ? -EINVAL : 0;
	if (err)
		return err;

	run(ring, fill->max_records ? d->n + fill->max_records : U64_MAX);
	if (d->is_running && d->flags & OVS_RING_FILL_AUTO)
		start_pump(ring);
	fill->n = d->n;
	fill->done = !d->is_running;
	fill->generation = d->generation;
	return 0;
}

void ovs_ring_kick_dump(struct ovs_ring *ring)
{
	if (ring->dump.is_running)
		start_pump(ring);
}

void ovs_ring_poll_dump(struct ovs_ring *ring)
{
	const struct ovs_ring_dump_state *d = &ring->dump;

	if (READ_ONCE(d->is_running) &&
	    READ_ONCE(d->flags) & (OVS_RING_FILL_POLL | OVS_RING_FILL_AUTO) &&
	    2 * ovs_lane_free_segs(the_lane(ring)) >= the_lane(ring)->n_segs)
		queue_delayed_work(system_unbound_wq, &ring->pump, 0);
}

/* The dump has no space.  Returns whether it has some now, or else parks. */
static bool has_space_after_all(struct ovs_ring *ring)
{
	struct ovs_lane *lane = the_lane(ring);

	if (ovs_lane_free_segs(lane))
		return true;
	ovs_ring_set_state(ring, OVS_RING_S_PARKED, 0);
	/* The consumer releases and then looks whether this is parked. */
	smp_mb();
	if (!ovs_lane_free_segs(lane))
		return false;
	ovs_ring_set_state(ring, 0, OVS_RING_S_PARKED);
	return true;
}

void ovs_ring_pump(struct work_struct *work)
{
	struct ovs_ring *ring = container_of(to_delayed_work(work),
					     struct ovs_ring, pump);
	const struct ovs_ring_dump_state *d = &ring->dump;
	unsigned int tries = 0;

	for (;;) {
		u64 n;

		mutex_lock(&ring->mutex);
		n = d->n;
		run(ring, U64_MAX);
		if (!d->is_running || !(d->flags & OVS_RING_FILL_AUTO))
			break;
		tries = d->n == n ? tries + 1 : 0;
		if (tries >= MAX_TRIES && !has_space_after_all(ring))
			break;
		mutex_unlock(&ring->mutex);
		usleep_range(MIN_SLEEP_US, MAX_SLEEP_US);
	}
	mutex_unlock(&ring->mutex);
}
