/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_RING_H
#define OVS_RING_H 1

/* The ring of the kernel datapath; <openvswitch/ring-kernel.h> says what it is
 * for its user.
 *
 * A ring is the private data of a file, and lives and dies with it; memory,
 * lanes and the number of CPUs never change once it is attached.  'attached'
 * is stored with release semantics when all of that is there, so that who
 * loads it with acquire semantics needs no lock for it.
 *
 * 'mutex' is held by everything that a user calls and that may change the
 * ring.  It is outside of ovs_mutex.  What connects ring and datapath is
 * written under ovs_mutex and read under RCU:
 *
 *   - ring->dp, NULL once the ring is dead;
 *   - dp->rings, all rings of a datapath and which of them has a CPU's
 *     upcalls, NULL before the first ring.
 *
 * A ring dies when its file is closed, by DETACH, or with its datapath, which
 * a network namespace that goes takes along.  From then on there is no way to
 * it from the datapath; a grace period later nobody writes to its upcall lanes
 * any more.  Memory and what else it has are given back when the file is
 * closed, after the last mapping is gone.
 *
 * A ring does not keep the network namespace, only the user namespace that
 * owns that.
 */

#include <linux/hrtimer.h>
#include <linux/jump_label_ratelimit.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <openvswitch/ring-kernel.h>

#include "datapath.h"
#include "ring_lane.h"
#include "ring_mem.h"

struct genl_family;
struct ovs_ring;

/* A lane, and what the kernel needs around it. */
struct ovs_ring_producer {
	struct ovs_ring *ring;
	struct ovs_lane lane;

	/* More than one producer may be at it.  Written once, before there is
	 * a second one.
	 */
	bool is_shared;
	/* Somebody else may have to wake the consumer at the same time: the
	 * timer, on another CPU.
	 */
	bool is_wake_shared;
	spinlock_t lock;	/* Each step is taken under it then. */

	struct hrtimer timer;	/* Until a late wake. */
	u32 tx_head;
};

/* Bytes that any flow fits in. */
#define OVS_RING_DUMP_SCRATCH 65536

/* A CPU's way to a lane. */
struct ovs_ring_cpu {
	struct ovs_ring_producer *producer;
	unsigned int cpu;
	struct sk_buff *scratch;	/* Where messages are put together. */
	bool is_inside;			/* In the midst of an upcall. */
	u64 nested;
	u64 fallbacks;
};

/* Of a datapath. */
struct ovs_ring_dp {
	struct rcu_head rcu;
	struct list_head rings;		/* Under ovs_mutex. */
	struct ovs_ring_cpu __rcu *cpus[];	/* nr_cpu_ids. */
};

/* A dump that goes on.  Under 'mutex' of its ring. */
struct ovs_ring_dump_state {
	bool is_running;
	bool begun;			/* DUMP_BEGIN is written. */
	u32 flags;
	u32 ufid_flags;
	u32 in_port;
	u64 used_since;
	u64 id;
	u64 n;
	struct netlink_callback cb;	/* Its args are the place. */

	/* What the messages of this dump begin with. */
	bool has_header;
	u8 header[NLMSG_HDRLEN + GENL_HDRLEN + sizeof(struct ovs_header)];

	/* To recognize the table; never told to anyone. */
	const void *table;
	u32 seed;
	u32 generation;
};

/* Packets that a lane keeps for executions, a power of two, and how much of the
 * message may be before the packet then.
 */
#define OVS_RING_KEPT 64
#define OVS_RING_MAX_FRONT 1024

/* Room for one TX entry at a time.  Under 'mutex' of its ring. */
struct ovs_ring_tx_room {
	struct sw_flow_key key;
	u8 front[OVS_RING_MAX_FRONT] __aligned(8);
	u8 data[] __aligned(8);		/* OVS_RING_MAX_TX_ATTRS at most. */
};

/* What an entry may consist of: a few attributes of 64 kB at most. */
#define OVS_RING_MAX_TX_ATTRS (2 * U16_MAX)

struct ovs_ring {
	struct mutex mutex;		/* See above. */
	bool attached;
	u32 ring_class;
	u32 flags;			/* OVS_RING_ATTACH_*. */
	u32 n_lanes;
	u32 n_tx;
	u32 tx_data_size;
	int dp_ifindex;
	struct user_namespace *user_ns;
	struct ovs_ring_mem mem;
	struct ovs_ring_control *control;
	struct ovs_ring_producer *producers;	/* n_lanes. */
	u32 *words;			/* Of all lanes. */
	u32 tx_off;
	u32 tx_data_off;
	struct ovs_ring_tx_room *tx_room;	/* NULL if 'n_tx' is 0. */
	struct sk_buff **kept;		/* Of all lanes; likewise. */
	bool kept_is_due;		/* 'kept_work' will see them. */
	struct delayed_work kept_work;

	struct datapath __rcu *dp;
	struct list_head node;		/* In 'rings' of the datapath. */
	struct ovs_ring_cpu **cpus;	/* nr_cpu_ids; under ovs_mutex. */
	u32 n_bound;

	wait_queue_head_t wait;

	struct ovs_ring_dump_state dump;
	struct sk_buff *dump_scratch;
	struct delayed_work pump;
	u64 flows;
};

/* Is there a ring for upcalls?  Stays true for a while after the last one, as
 * patching the kernel's code stops all CPUs for a moment, which must not happen
 * each time that somebody comes and goes.
 */
extern struct static_key_false_deferred ovs_ring_in_use;

/* The datapath's side. */

/* Registers the device.  If that fails, the kernel's log says so and there is
 * none.
 */
void ovs_ring_init(void);
void ovs_ring_exit(void);

/* 'dp' is about to be destroyed.  Called with ovs_mutex. */
void ovs_ring_detach_dp(struct datapath *dp);

/* Sends an upcall as queue_userspace_packet() would, which calls it.  Returns
 * whether the message is dealt with, with the result in '*error'; otherwise it
 * goes by netlink.  Called with RCU read lock and bottom halves disabled.
 */
bool __ovs_ring_upcall(struct datapath *dp, int dp_ifindex,
		       const struct genl_family *family, struct sk_buff *skb,
		       const struct sw_flow_key *key,
		       const struct dp_upcall_info *info, u32 cutlen,
		       int *error);
static inline bool ovs_ring_upcall(struct datapath *dp, int dp_ifindex,
				   const struct genl_family *family,
				   struct sk_buff *skb,
				   const struct sw_flow_key *key,
				   const struct dp_upcall_info *info,
				   u32 cutlen, int *error)
{
	return static_branch_unlikely(&ovs_ring_in_use.key) &&
	       __ovs_ring_upcall(dp, dp_ifindex, family, skb, key, info,
				 cutlen, error);
}

/* A flow was made of 'key', which is not masked, for who asked by 'info', and
 * may want to know: by ovs_flow_cmd_new().
 */
static inline void ovs_ring_flow_made(const struct genl_info *info,
				      const struct sw_flow_key *key)
{
	/* Netlink's requests have none. */
	if (unlikely(info->user_ptr[0]))
		memcpy(info->user_ptr[0], key, sizeof(*key));
}

/* datapath.c's. */
int ovs_flow_cmd_fill_info(const struct sw_flow *flow, int dp_ifindex,
			   struct sk_buff *skb, u32 portid, u32 seq, u32 flags,
			   u8 cmd, u32 ufid_flags);
int ovs_flow_cmd_new(struct sk_buff *skb, struct genl_info *info);
extern struct genl_family dp_flow_genl_family;

/* Between the files of the ring. */

/* Called with ovs_mutex.  The ring is dead afterwards, if it was not. */
void ovs_ring_kill(struct ovs_ring *ring);

void ovs_ring_set_state(struct ovs_ring *ring, u32 set, u32 clear);

/* A record of 'len' bytes was committed: wakes the consumer, if need be. */
void ovs_ring_committed(struct ovs_ring_producer *producer, u32 len);
enum hrtimer_restart ovs_ring_timer(struct hrtimer *timer);

/* The steps of a producer, under its lock if it has to be. */
bool ovs_ring_reserve(struct ovs_ring_producer *producer, u32 len,
		      struct ovs_lane_slot *slot);
void ovs_ring_commit(struct ovs_ring_producer *producer,
		     const struct ovs_lane_slot *slot, u8 type, u8 record_flags,
		     u16 ext_len);
void ovs_ring_discard(struct ovs_ring_producer *producer,
		      const struct ovs_lane_slot *slot);
void ovs_ring_lose(struct ovs_ring_producer *producer, u64 len);

/* Bytes of extension that each record begins with, and writes them. */
u32 ovs_ring_ext_len(const struct ovs_ring *ring);
void *ovs_ring_put_ext(const struct ovs_ring *ring,
		       const struct ovs_lane_slot *slot);

/* As ovs_nla_put_key() for the key of a packet, the same bytes. */
int ovs_ring_put_key(struct sk_buff *msg, const struct sw_flow_key *key);

/* Upcalls.  Called with 'mutex'. */
int ovs_ring_bind(struct ovs_ring *ring, const struct ovs_ring_bind *bind);

/* Called with ovs_mutex: no upcall comes any more, a grace period later. */
void ovs_ring_unbind(struct ovs_ring *ring);

/* A grace period later, without locks. */
void ovs_ring_free_cpus(struct ovs_ring *ring);

/* The time for which the consumer lets records wait is over, or there will be
 * none for a while.
 */
void ovs_ring_flush(struct ovs_ring_producer *producer);

/* Packets that are kept, for the lanes of a ring with TX entries. */
int ovs_ring_alloc_kept(struct ovs_ring *ring, u32 n_lanes);
void ovs_ring_free_kept(struct ovs_ring *ring, u32 n_lanes);
void ovs_ring_kept_work(struct work_struct *work);

/* The upcall of 'skb' is about to be the record 'seq', with 'front' bytes before
 * the packet.  Its owner will do no more than drop it.  Called with bottom halves
 * disabled.
 */
void ovs_ring_keep(struct ovs_ring_producer *producer, struct sk_buff *skb,
		   u64 seq, u32 front);

/* Returns the packet of the record 'seq', its data the bytes there but for a tag
 * beside it or a checksum that is not filled in, and its control block zero; or
 * NULL.  'seq' may be any number.
 */
struct sk_buff *ovs_ring_take_kept(struct ovs_ring_producer *producer, u64 seq,
				   u32 *front);

/* Dumps.  Called with 'mutex', but the work. */
int ovs_ring_fill(struct ovs_ring *ring, struct ovs_ring_fill *fill);
void ovs_ring_kick_dump(struct ovs_ring *ring);
void ovs_ring_pump(struct work_struct *work);

/* The rule that poll() makes a dump go on. */
void ovs_ring_poll_dump(struct ovs_ring *ring);

/* TX.  Called with 'mutex'. */
int ovs_ring_take(struct ovs_ring *ring, struct ovs_ring_kick *kick);

#endif /* ring.h */
