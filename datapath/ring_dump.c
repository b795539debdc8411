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
#include "extension.h"
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
	void *p = ovs_lane_begin(the_lane(ring), sizeof(mark));

	if (!p)
		return false;
	memcpy(p, &mark, sizeof(mark));
	ovs_lane_end(the_lane(ring), sizeof(mark), type,
		     type == OVS_RING_T_DUMP_END ? OVS_RING_RF_LAST : 0);
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

/* Is it true that an action has the same bytes in the kernel as in a message?
 * Some are kept in another form, or hold others that are.
 */
static bool is_plain(const struct nlattr *action)
{
	if (nla_padlen(nla_len(action)))
		return false;
	switch (action->nla_type) {
	case OVS_ACTION_ATTR_OUTPUT:
	case OVS_ACTION_ATTR_USERSPACE:
	case OVS_ACTION_ATTR_PUSH_VLAN:
	case OVS_ACTION_ATTR_POP_VLAN:
	case OVS_ACTION_ATTR_RECIRC:
	case OVS_ACTION_ATTR_HASH:
	case OVS_ACTION_ATTR_SET_MASKED:
	case OVS_ACTION_ATTR_TRUNC:
	case OVS_ACTION_ATTR_PUSH_ETH:
	case OVS_ACTION_ATTR_POP_ETH:
	case OVS_ACTION_ATTR_CT_CLEAR:
	case OVS_ACTION_ATTR_METER:
	case OVS_ACTION_ATTR_EXTENSION:
		return true;
	default:
		return false;
	}
}

/* Finds the actions of 'flow' as messages have them, where they are or in
 * 'msg'; they will be 'at' bytes behind the beginning of a record.
 */
static const void *get_actions(const struct sw_flow *flow, struct sk_buff *msg,
			       u32 at, u32 *len)
{
	const struct sw_flow_actions *acts = rcu_dereference(flow->sf_acts);
	const struct nlattr *a;
	int rem;

	nla_for_each_attr(a, acts->actions, acts->actions_len, rem) {
		if (!is_plain(a))
			break;
	}
	if (!rem) {
		*len = acts->actions_len;
		return acts->actions;
	}

	/* Padding depends on the place. */
	skb_trim(msg, 0);
	skb_put(msg, at % 8);
	if (ovs_nla_put_actions(acts->actions, acts->actions_len, msg))
		return NULL;
	*len = msg->len - at % 8;
	return msg->data + at % 8;
}

/* Appends an attribute at 'p' and returns what is behind it. */
static u8 *put_attr(u8 *p, u16 type, const void *data, u32 len)
{
	struct nlattr *a = (struct nlattr *)p;

	a->nla_type = type;
	a->nla_len = nla_attr_size(len);
	memcpy(nla_data(a), data, len);
	if (nla_padlen(len))
		memset(nla_data(a) + len, 0, nla_padlen(len));
	return p + nla_total_size(len);
}

/* As nla_put_64bit() does: what an attribute needs in front of it at 'at' for
 * its data to be aligned.
 */
static u32 pad_64(unsigned long at)
{
	return !IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	       IS_ALIGNED(at, 8) ? NLA_HDRLEN : 0;
}

static u8 *put_64(u8 *p, u16 type, const void *data, u32 len)
{
	if (pad_64((unsigned long)p))
		p = put_attr(p, OVS_FLOW_ATTR_PAD, NULL, 0);
	return put_attr(p, type, data, len);
}

static u32 len_64(u32 at, u32 len)
{
	return pad_64(at) + nla_total_size(len);
}

/* A flow whose match is cached goes straight into the ring. */
static enum progress put_cached(struct ovs_ring *ring, struct datapath *dp,
				struct sw_flow *flow, u32 *bytes)
{
	u32 max = ovs_ring_max_record(the_lane(ring)->seg_size);
	struct ovs_match_cache *cache = rcu_dereference(dp->match_cache);
	const struct ovs_ring_dump_state *d = &ring->dump;
	u32 ufid_len = flow->id.ufid_len;
	/* A record is aligned to more than anything in it. */
	u32 at = sizeof(d->header) + nla_total_size(ufid_len);
	const void *match_at = (void *)(unsigned long)at;
	const struct ovs_match_entry *entry;
	u32 match_len, actions_len = 0;
	struct ovs_flow_stats stats;
	const void *actions = NULL;
	unsigned long used;
	__be16 be_flags;
	u64 used_ms = 0;
	u8 tcp_flags;
	u8 *p, *start;

	if (!d->has_header || d->ufid_flags & OVS_MATCH_OMIT || !cache ||
	    ovs_identifier_is_key(&flow->id))
		return NOT_CACHED;
	entry = ovs_match_entry(&flow->match, match_at);
	if (!entry)
		return NOT_CACHED;

	/* How long it will be. */
	match_len = ovs_match_len(entry);
	at += match_len;
	ovs_flow_stats_get(flow, &stats, &used, &be_flags);
	tcp_flags = ntohs(be_flags);
	if (used) {
		used_ms = ovs_flow_used_time(used);
		at += len_64(at, sizeof(used_ms));
	}
	if (stats.n_packets)
		at += len_64(at, sizeof(stats));
	if (tcp_flags)
		at += nla_total_size(sizeof(tcp_flags));
	if (!(d->ufid_flags & OVS_UFID_F_OMIT_ACTIONS)) {
		at += NLA_HDRLEN;
		actions = get_actions(flow, ring->dump_scratch, at,
				      &actions_len);
		if (!actions)
			return NOT_CACHED;
		at += actions_len;
	}
	if (at > max)
		return NOT_CACHED;

	start = ovs_lane_begin(the_lane(ring), at);
	if (!start)
		return NO_SPACE;
	memcpy(start, d->header, sizeof(d->header));
	((struct nlmsghdr *)start)->nlmsg_len = at;
	p = put_attr(start + sizeof(d->header), OVS_FLOW_ATTR_UFID,
		     flow->id.ufid, ufid_len);
	ovs_match_copy(entry, p);
	p += match_len;
	if (used)
		p = put_64(p, OVS_FLOW_ATTR_USED, &used_ms, sizeof(used_ms));
	if (stats.n_packets)
		p = put_64(p, OVS_FLOW_ATTR_STATS, &stats, sizeof(stats));
	if (tcp_flags)
		p = put_attr(p, OVS_FLOW_ATTR_TCP_FLAGS, &tcp_flags,
			     sizeof(tcp_flags));
	if (actions)
		put_attr(p, OVS_FLOW_ATTR_ACTIONS, actions, actions_len);
	ovs_lane_end(the_lane(ring), at, OVS_RING_T_NLMSG, 0);
	if (ovs_match_cache_enabled(cache))
		ovs_match_use(cache, &flow->match, match_at);
	flow_put(ring, at, bytes);
	return GOES_ON;
}

/* Returns whether there was space.  'bytes' grows by those of the record. */
static bool put_flow(struct ovs_ring *ring, struct datapath *dp,
		     struct sw_flow *flow, int dp_ifindex, u32 *bytes)
{
	u32 max = ovs_ring_max_record(the_lane(ring)->seg_size);
	struct ovs_ring_dump_state *d = &ring->dump;
	const struct sk_buff *msg = ring->dump_scratch;
	enum progress progress;
	u8 flags = 0;
	void *p;
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

	p = ovs_lane_begin(the_lane(ring), msg->len);
	if (!p)
		return false;
	memcpy(p, msg->data, msg->len);
	ovs_lane_end(the_lane(ring), msg->len, OVS_RING_T_NLMSG, flags);
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

	ovs_lane_publish(the_lane(ring));
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
