/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_DP_H
#define OVS_ILA_DP_H 1

/* What a datapath has for identifier-locator addressing: the mapping table, the
 * ports whose packets it translates as they come in, counters.  It comes into
 * being with the first request that changes something, and goes with the
 * datapath.
 *
 * Locks nest in this order: ovs_mutex, that of a struct ovs_ila, the table's
 * own.  A request holds a reference instead of ovs_mutex, so that flows can be
 * added while a big load is committed.  The mutex makes one step of what must
 * not come apart: that a port exists, that an entry names it, and that it is
 * translated.  Packets, under RCU, take no lock.
 */

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "ila_table.h"

struct datapath;
struct ovs_ila_memo;
struct net;
struct vport;

struct ovs_ila_packet_counts {
	u64_stats_t n[OVS_ILA_N_COUNTS];
	struct u64_stats_sync syncp;
};

/* A port that has been told which directions it translates.  When it is gone it
 * stays for what it has counted, until no packet sees it any more.
 */
struct ovs_ila_port {
	/* For packets; only 'dirs' ever changes. */
	struct ovs_ila *ila;
	struct ovs_ila_packet_counts __percpu *counts;
	struct ovs_ila_memo __percpu *memo;
	u16 port_no;
	u8 dirs;		/* OVS_ILA_DIRS_*. */

	/* With the mutex of 'ila'. */
	struct list_head node;
	struct vport *vport;
	bool active;		/* Do packets see it? */
	unsigned long grace;	/* Gone: the grace period that it waits for. */
};

struct ovs_ila {
	/* For packets. */
	struct ovs_ila_table *table;
	struct ovs_ila_packet_counts __percpu *counts; /* Of actions. */

	refcount_t refs;
	struct mutex mutex;		/* The rest. */
	struct datapath *dp;		/* NULL when it is gone. */
	struct list_head ports;
	struct list_head gone;		/* Ports that packets may still see. */
	u64 gone_counts[OVS_ILA_N_COUNTS]; /* Of those that none sees. */
	u32 generation;			/* Of the table, as ports know it. */
	struct delayed_work expiry;	/* While there are timeouts. */

	struct rcu_head rcu;
};

/* On while a packet of some port can meet an entry. */
DECLARE_STATIC_KEY_FALSE(ovs_ila_ingress_key);

/* Both return what the datapath with 'dp_ifindex' in 'net' has, with a
 * reference, or ERR_PTR(-ENODEV) if there is no such datapath.  If it has
 * nothing yet, the first one returns NULL, the second one makes it or returns
 * ERR_PTR(-ENOMEM).  Process context, without locks.
 */
struct ovs_ila *ovs_ila_find(struct net *net, int dp_ifindex);
struct ovs_ila *ovs_ila_obtain(struct net *net, int dp_ifindex);

/* Gives the reference up; 'ila' may be NULL.  May sleep. */
void ovs_ila_put(struct ovs_ila *ila);

/* Everything that changes the table or ports is in between these.  Returns
 * -ENODEV, and locks nothing, if the datapath is gone.  What changed in the
 * table is heeded by ports from the second one on.
 */
int ovs_ila_lock(struct ovs_ila *ila);
void ovs_ila_unlock(struct ovs_ila *ila);

/* With the lock: does the datapath have this port? */
bool ovs_ila_has_port(struct ovs_ila *ila, u32 port_no);

/* With the lock: the port translates packets in 'dirs', OVS_ILA_DIRS_*, or none
 * if that is 0.  Ports of tunnels can do it, too: the packet is that in the
 * tunnel.  -ENODEV, -ENOMEM.
 */
int ovs_ila_set_port(struct ovs_ila *ila, u32 port_no, u8 dirs);

/* With the lock: in which directions the port translates, and what it counted
 * so far.  -ENODEV.
 */
int ovs_ila_get_port(struct ovs_ila *ila, u32 port_no, u8 *dirs,
		     u64 counts[OVS_ILA_N_COUNTS]);

/* With the lock: what was counted so far by all ports, those that are gone
 * included, and by actions.  No number is ever less than before.
 */
void ovs_ila_get_counts(const struct ovs_ila *ila,
			u64 counts[OVS_ILA_N_COUNTS]);

/* Hooks.  Called with ovs_mutex: 'vport' is not found by its number any more,
 * but still there; no port of 'dp' is there any more.
 */
void ovs_ila_detach_port(struct vport *vport);
void ovs_ila_detach_dp(struct datapath *dp);

#endif /* ila_dp.h */
