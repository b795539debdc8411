// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "datapath.h"
#include "ring.h"

DEFINE_STATIC_KEY_DEFERRED_FALSE(ovs_ring_in_use, 10 * HZ);

static bool is_registered;

/* Who asks, and who opened the file, must both be allowed to: with the file
 * alone, which may have been passed on, one can read.
 */
static bool may_configure(struct file *file, struct user_namespace *user_ns)
{
	return ns_capable(user_ns, CAP_NET_ADMIN) &&
	       file_ns_capable(file, user_ns, CAP_NET_ADMIN);
}

void ovs_ring_set_state(struct ovs_ring *ring, u32 set, u32 clear)
{
	u32 *state = &ring->control->state;
	u32 old = READ_ONCE(*state);

	while (!try_cmpxchg(state, &old, (old & ~clear) | set))
		;
}

static u32 get_state(const struct ovs_ring *ring)
{
	return READ_ONCE(ring->control->state);
}

void ovs_ring_kill(struct ovs_ring *ring)
{
	if (!ovsl_dereference(ring->dp))
		return;
	ovs_ring_unbind(ring);
	list_del(&ring->node);
	RCU_INIT_POINTER(ring->dp, NULL);
	ovs_ring_set_state(ring, OVS_RING_S_DEAD, OVS_RING_S_PARKED);
	wake_up_interruptible_poll(&ring->wait, EPOLLIN | EPOLLRDNORM |
						EPOLLHUP | EPOLLERR);
}

void ovs_ring_detach_dp(struct datapath *dp)
{
	struct ovs_ring_dp *rings = ovsl_dereference(dp->rings);
	struct ovs_ring *ring, *next;

	if (!rings)
		return;
	list_for_each_entry_safe(ring, next, &rings->rings, node)
		ovs_ring_kill(ring);
	RCU_INIT_POINTER(dp->rings, NULL);
	kfree_rcu(rings, rcu);
}

/* Called with ovs_mutex. */
static int connect_dp(struct ovs_ring *ring, struct net *net, int dp_ifindex)
{
	struct datapath *dp = get_dp(net, dp_ifindex);
	const struct vport *local;
	struct ovs_ring_dp *rings;

	/* Another port of a datapath does not stand for it. */
	local = dp ? ovs_vport_ovsl(dp, OVSP_LOCAL) : NULL;
	if (!local || local->dev->ifindex != dp_ifindex)
		return -ENODEV;

	rings = ovsl_dereference(dp->rings);
	if (!rings) {
		rings = kzalloc(struct_size(rings, cpus, nr_cpu_ids),
				GFP_KERNEL);
		if (!rings)
			return -ENOMEM;
		INIT_LIST_HEAD(&rings->rings);
		rcu_assign_pointer(dp->rings, rings);
	}
	list_add_tail(&ring->node, &rings->rings);
	rcu_assign_pointer(ring->dp, dp);
	return 0;
}

/* What alloc_ring() made, as far as it came. */
static void free_ring(struct ovs_ring *ring, u32 n_lanes)
{
	ovs_ring_free_kept(ring, n_lanes);
	kvfree(ring->producers);
	kvfree(ring->words);
	kfree(ring->cpus);
	kfree_skb(ring->dump_scratch);
	kvfree(ring->tx_room);
	ovs_ring_mem_free(&ring->mem);
	ring->producers = NULL;
	ring->words = NULL;
	ring->cpus = NULL;
	ring->dump_scratch = NULL;
	ring->tx_room = NULL;
}

static int alloc_ring(struct ovs_ring *ring,
		      const struct ovs_ring_geometry *geometry,
		      const struct ovs_ring_layout *layout)
{
	u32 tx_attrs = min_t(u32, geometry->tx_data_size,
			     OVS_RING_MAX_TX_ATTRS);
	u32 i, n_words = 2 * geometry->n_segs;
	u32 n_lanes = geometry->n_lanes;
	int err;

	ring->producers = kvcalloc(geometry->n_lanes, sizeof(*ring->producers),
				   GFP_KERNEL_ACCOUNT);
	ring->words = kvcalloc(geometry->n_lanes, n_words * sizeof(u32),
			       GFP_KERNEL_ACCOUNT);
	ring->cpus = kcalloc(nr_cpu_ids, sizeof(*ring->cpus),
			     GFP_KERNEL_ACCOUNT);
	if (ring->ring_class == OVS_RING_DUMP)
		ring->dump_scratch = alloc_skb(OVS_RING_DUMP_SCRATCH,
					       GFP_KERNEL);
	if (geometry->n_tx)
		ring->tx_room = kvmalloc(struct_size(ring->tx_room, data,
						     tx_attrs),
					 GFP_KERNEL_ACCOUNT);
	if (!ring->producers || !ring->words || !ring->cpus ||
	    (geometry->n_tx &&
	     (!ring->tx_room || ovs_ring_alloc_kept(ring, n_lanes))) ||
	    (ring->ring_class == OVS_RING_DUMP && !ring->dump_scratch)) {
		free_ring(ring, n_lanes);
		return -ENOMEM;
	}
	err = ovs_ring_mem_alloc(&ring->mem, layout->producer_size,
				 layout->consumer_size);
	if (err) {
		free_ring(ring, n_lanes);
		return err;
	}

	ring->n_lanes = geometry->n_lanes;
	ring->n_tx = geometry->n_tx;
	ring->tx_data_size = geometry->tx_data_size;
	ring->tx_off = layout->tx_off;
	ring->tx_data_off = layout->tx_data_off;
	for (i = 0; i < geometry->n_lanes; i++) {
		struct ovs_ring_producer *p = &ring->producers[i];

		p->ring = ring;
		ovs_lane_init(&p->lane, geometry, layout, ring->mem.producer,
			      ring->mem.consumer, i, ring->words + i * n_words);
		spin_lock_init(&p->lock);
		/* Dumps run wherever the scheduler lets them, one at a time. */
		p->is_wake_shared = ring->ring_class == OVS_RING_DUMP;
		hrtimer_init(&p->timer, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_PINNED_SOFT);
		p->timer.function = ovs_ring_timer;
	}

	ring->control = ring->mem.producer;
	ovs_ring_init_control(ring->control, geometry, layout);
	ring->control->ring_class = ring->ring_class;
	ring->control->clock_id = CLOCK_MONOTONIC;
	if (ring->flags & OVS_RING_ATTACH_TIMESTAMP)
		ring->control->features |= OVS_RING_F_TIMESTAMP;
	if (ring->n_tx)
		ring->control->features |= OVS_RING_F_TX;
	return 0;
}

static int attach(struct file *file, struct ovs_ring *ring, void __user *arg)
{
	const u32 flags = OVS_RING_ATTACH_FALLBACK | OVS_RING_ATTACH_TIMESTAMP;
	struct net *net = current->nsproxy->net_ns;
	struct ovs_ring_geometry geometry;
	struct ovs_ring_layout layout;
	struct ovs_ring_attach a;
	int err;

	if (ring->attached)
		return -EBUSY;
	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (!may_configure(file, net->user_ns))
		return -EPERM;
	if ((a.ring_class != OVS_RING_UPCALL &&
	     a.ring_class != OVS_RING_DUMP) || a.flags & ~flags ||
	    a.n_lanes > (a.ring_class == OVS_RING_DUMP ? 1 : nr_cpu_ids) ||
	    (a.ring_class == OVS_RING_DUMP && (a.n_tx || a.flags)))
		return -EINVAL;

	geometry = (struct ovs_ring_geometry) {
		.n_lanes = a.n_lanes,
		.seg_size = a.seg_size,
		.n_segs = a.n_segs,
		.n_tx = a.n_tx,
		.tx_data_size = a.tx_data_size,
	};
	err = ovs_ring_layout(&geometry, &layout);
	if (err)
		return err;
	if (layout.producer_size > OVS_RING_MAX_REGION ||
	    layout.consumer_size > OVS_RING_MAX_REGION)
		return -E2BIG;
	a.producer_size = layout.producer_size;
	a.consumer_size = layout.consumer_size;
	if (copy_to_user(arg, &a, sizeof(a)))
		return -EFAULT;

	ring->ring_class = a.ring_class;
	ring->flags = a.flags;
	ring->dp_ifindex = a.dp_ifindex;
	err = alloc_ring(ring, &geometry, &layout);
	if (err)
		return err;
	ovs_lock();
	err = connect_dp(ring, net, a.dp_ifindex);
	ovs_unlock();
	if (err) {
		free_ring(ring, ring->n_lanes);
		return err;
	}
	ring->user_ns = get_user_ns(net->user_ns);
	/* For those who have not taken the mutex: everything else is there. */
	smp_store_release(&ring->attached, true);
	return 0;
}

static void get_stats(struct ovs_ring *ring,
		      struct ovs_ring_device_stats *stats)
{
	unsigned int i;

	memset(stats, 0, sizeof(*stats));
	stats->memory = (u64)(ring->mem.n_producer + ring->mem.n_consumer) *
			PAGE_SIZE;
	stats->state = get_state(ring);
	stats->flows = READ_ONCE(ring->flows);
	for (i = 0; i < ring->n_lanes; i++)
		stats->offered += READ_ONCE(ring->producers[i].lane.seq);

	ovs_lock();
	stats->bound = ring->n_bound;
	for (i = 0; i < nr_cpu_ids; i++) {
		if (ring->cpus[i]) {
			stats->fallbacks += READ_ONCE(ring->cpus[i]->fallbacks);
			stats->nested += READ_ONCE(ring->cpus[i]->nested);
		}
	}
	ovs_unlock();
}

/* Called with 'mutex', on a ring that is attached. */
static long request(struct file *file, struct ovs_ring *ring, unsigned int cmd,
		    void __user *arg)
{
	union {
		struct ovs_ring_bind bind;
		struct ovs_ring_fill fill;
		struct ovs_ring_kick kick;
		struct ovs_ring_device_stats stats;
	} u;
	int err;

	if (_IOC_DIR(cmd) & _IOC_WRITE &&
	    copy_from_user(&u, arg, _IOC_SIZE(cmd)))
		return -EFAULT;

	switch (cmd) {
	case OVS_RING_IOC_BIND:
		if (!may_configure(file, ring->user_ns))
			return -EPERM;
		return ovs_ring_bind(ring, &u.bind);

	case OVS_RING_IOC_FILL:
		err = ovs_ring_fill(ring, &u.fill);
		break;

	case OVS_RING_IOC_KICK:
		if (u.kick.n && !may_configure(file, ring->user_ns))
			return -EPERM;
		ovs_ring_kick_dump(ring);
		err = ovs_ring_take(ring, &u.kick);
		break;

	case OVS_RING_IOC_STATS:
		get_stats(ring, &u.stats);
		err = 0;
		break;

	case OVS_RING_IOC_DETACH:
		if (!may_configure(file, ring->user_ns))
			return -EPERM;
		ovs_lock();
		ovs_ring_kill(ring);
		ovs_unlock();
		return 0;

	default:
		return -ENOTTY;
	}
	if (!err && copy_to_user(arg, &u, _IOC_SIZE(cmd)))
		err = -EFAULT;
	return err;
}

static long ring_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ovs_ring *ring = file->private_data;
	void __user *p = (void __user *)arg;
	long err;

	switch (cmd) {
	case OVS_RING_IOC_ATTACH:
	case OVS_RING_IOC_BIND:
	case OVS_RING_IOC_FILL:
	case OVS_RING_IOC_KICK:
	case OVS_RING_IOC_STATS:
	case OVS_RING_IOC_DETACH:
		break;
	default:
		return -ENOTTY;
	}

	if (mutex_lock_killable(&ring->mutex))
		return -EINTR;
	if (cmd == OVS_RING_IOC_ATTACH)
		err = attach(file, ring, p);
	else
		err = ring->attached ? request(file, ring, cmd, p) : -ENXIO;
	mutex_unlock(&ring->mutex);
	return err;
}

/* Pairs with attach(). */
static bool is_attached(const struct ovs_ring *ring)
{
	return smp_load_acquire(&ring->attached);	/* As above. */
}

static __poll_t ring_poll(struct file *file, poll_table *wait)
{
	struct ovs_ring *ring = file->private_data;
	u32 i;

	poll_wait(file, &ring->wait, wait);
	if (!is_attached(ring))
		return EPOLLERR;
	if (get_state(ring) & OVS_RING_S_DEAD)
		return EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR;

	if (ring->ring_class == OVS_RING_DUMP)
		ovs_ring_poll_dump(ring);
	for (i = 0; i < ring->n_lanes; i++) {
		if (ovs_lane_woken(&ring->producers[i].lane))
			return EPOLLIN | EPOLLRDNORM;
	}
	return 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ovs_ring *ring = file->private_data;

	return is_attached(ring) ? ovs_ring_mem_map(&ring->mem, vma) : -ENXIO;
}

static int ring_open(struct inode *inode, struct file *file)
{
	struct ovs_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return -ENOMEM;
	mutex_init(&ring->mutex);
	init_waitqueue_head(&ring->wait);
	INIT_DELAYED_WORK(&ring->pump, ovs_ring_pump);
	INIT_DELAYED_WORK(&ring->kept_work, ovs_ring_kept_work);
	file->private_data = ring;
	return nonseekable_open(inode, file);
}

static int ring_release(struct inode *inode, struct file *file)
{
	struct ovs_ring *ring = file->private_data;
	u32 i;

	if (ring->attached) {
		ovs_lock();
		ovs_ring_kill(ring);
		ovs_unlock();
		/* Upcalls that saw a lane are over then, and so are the timers
		 * that they start.
		 */
		if (ring->ring_class == OVS_RING_UPCALL)
			synchronize_rcu();
		cancel_delayed_work_sync(&ring->pump);
		for (i = 0; i < ring->n_lanes; i++)
			hrtimer_cancel(&ring->producers[i].timer);
		ovs_ring_free_cpus(ring);
		cancel_delayed_work_sync(&ring->kept_work);
		put_user_ns(ring->user_ns);
		free_ring(ring, ring->n_lanes);
	}
	kfree(ring);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner = THIS_MODULE,
	.open = ring_open,
	.release = ring_release,
	.unlocked_ioctl = ring_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = ring_mmap,
	.poll = ring_poll,
	.llseek = no_llseek,
};

/* Everybody may open it: capabilities decide on the rest. */
static struct miscdevice ring_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "openvswitch-ring",
	.mode = 0666,
	.fops = &ring_fops,
};

void ovs_ring_init(void)
{
	int err;

	/* Positions are 64 bits that user space has to see in one piece. */
	if (!IS_ENABLED(CONFIG_64BIT))
		return;
	err = misc_register(&ring_device);
	is_registered = !err;
	if (err)
		pr_warn("no device for rings: error %d\n", err);
}

void ovs_ring_exit(void)
{
	if (is_registered)
		misc_deregister(&ring_device);
	static_key_deferred_flush(&ovs_ring_in_use);
}
