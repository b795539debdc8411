// SPDX-License-Identifier: GPL-2.0-only

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <net/net_namespace.h>

#include "datapath.h"
#include "ila_dp.h"
#include "ila_staging.h"

struct ovs_ila_staging {
	struct list_head node;
	possible_net_t net;	/* Only compared. */
	u32 portid;
	struct ovs_ila *ila;	/* A reference. */

	/* For the request that has it. */
	struct ovs_ila_load *load;

	/* With stagings_lock. */
	unsigned long *ports;	/* Named by entries; NULL for none. */
	bool busy;		/* A request has it... */
	bool doomed;		/* ...and frees it. */
	bool port_lost;		/* One of 'ports' was removed since. */
};

/* No more than a few at a time. */
static LIST_HEAD(stagings);
static DEFINE_SPINLOCK(stagings_lock);

static bool belongs_to(const struct ovs_ila_staging *staging,
		       const struct net *net, u32 portid)
{
	return staging->portid == portid &&
	       net_eq(read_pnet(&staging->net), net);
}

static void staging_free(struct ovs_ila_staging *staging)
{
	ovs_ila_load_free(staging->load);
	bitmap_free(staging->ports);
	ovs_ila_put(staging->ila);
	kfree(staging);
}

/* Returns what the socket stages, and makes it busy; NULL if there is none. */
static struct ovs_ila_staging *acquire(const struct net *net, u32 portid)
{
	struct ovs_ila_staging *staging, *found = NULL;

	spin_lock(&stagings_lock);
	list_for_each_entry(staging, &stagings, node) {
		if (belongs_to(staging, net, portid)) {
			found = staging->busy ? ERR_PTR(-EBUSY) : staging;
			staging->busy = true;
			break;
		}
	}
	spin_unlock(&stagings_lock);
	return found;
}

void ovs_ila_staging_release(struct ovs_ila_staging *staging)
{
	bool doomed;

	spin_lock(&stagings_lock);
	staging->busy = false;
	doomed = staging->doomed;
	if (doomed)
		list_del(&staging->node);
	spin_unlock(&stagings_lock);
	if (doomed)
		staging_free(staging);
}

/* 'staging' is busy, thus nobody else frees it. */
static void remove_and_free(struct ovs_ila_staging *staging)
{
	spin_lock(&stagings_lock);
	list_del(&staging->node);
	spin_unlock(&stagings_lock);
	staging_free(staging);
}

/* Puts 'staging' on the list, busy.  -EBUSY if there is one of its socket. */
static int insert(struct ovs_ila_staging *new)
{
	struct net *net = read_pnet(&new->net);
	struct ovs_ila_staging *staging;
	int err = 0;

	spin_lock(&stagings_lock);
	list_for_each_entry(staging, &stagings, node)
		if (belongs_to(staging, net, new->portid))
			err = -EBUSY;
	if (!err)
		list_add(&new->node, &stagings);
	spin_unlock(&stagings_lock);
	return err;
}

struct ovs_ila_staging *ovs_ila_staging_begin(struct ovs_ila *ila,
					      struct net *net, u32 portid)
{
	struct ovs_ila_staging *staging = acquire(net, portid);
	int err;

	if (IS_ERR(staging))
		return staging;
	if (staging)
		remove_and_free(staging);

	staging = kzalloc(sizeof(*staging), GFP_KERNEL_ACCOUNT);
	if (!staging)
		return ERR_PTR(-ENOMEM);
	write_pnet(&staging->net, net);
	staging->portid = portid;
	staging->busy = true;
	staging->ila = ila;
	refcount_inc(&ila->refs);
	staging->load = ovs_ila_load_begin(ila->table);
	if (!staging->load) {
		err = -ENOMEM;
		goto error;
	}

	/* What comes after the datapath is gone would stay. */
	err = ovs_ila_lock(ila);
	if (err)
		goto error;
	err = insert(staging);
	ovs_ila_unlock(ila);
	if (err)
		goto error;
	return staging;

error:
	staging_free(staging);
	return ERR_PTR(err);
}

struct ovs_ila_staging *ovs_ila_staging_find(struct ovs_ila *ila,
					     struct net *net, u32 portid)
{
	struct ovs_ila_staging *staging = acquire(net, portid);

	if (!staging)
		return ERR_PTR(-ENOENT);
	if (!IS_ERR(staging) && staging->ila != ila) {
		remove_and_free(staging);
		return ERR_PTR(-ENOENT);
	}
	return staging;
}

/* Notes that an entry names 'port_no', which must exist. */
static int name_port(struct ovs_ila_staging *staging, u32 port_no)
{
	bool exists;

	if (!staging->ports) {
		unsigned long *ports = bitmap_zalloc(DP_MAX_PORTS,
						     GFP_KERNEL_ACCOUNT);

		if (!ports)
			return -ENOMEM;
		spin_lock(&stagings_lock);
		staging->ports = ports;
		spin_unlock(&stagings_lock);
	}

	/* It exists now, or its removal is told from now on. */
	if (ovs_ila_lock(staging->ila))
		return -ENODEV;
	exists = ovs_ila_has_port(staging->ila, port_no);
	if (exists) {
		spin_lock(&stagings_lock);
		__set_bit(port_no, staging->ports);
		spin_unlock(&stagings_lock);
	}
	ovs_ila_unlock(staging->ila);
	return exists ? 0 : -ENODEV;
}

int ovs_ila_staging_add(struct ovs_ila_staging *staging,
			const struct ovs_ila_entry *entries, u32 n,
			u32 *index, const char **bad)
{
	int err, port_err = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		struct ovs_ila_match match;

		memcpy(&match, &entries[i].match, sizeof(match));
		if (!(match.fields & OVS_ILA_MATCH_IN_PORT) ||
		    match.in_port >= DP_MAX_PORTS ||
		    (staging->ports &&
		     test_bit(match.in_port, staging->ports)))
			continue;
		port_err = name_port(staging, match.in_port);
		if (port_err)
			break;
	}

	/* The first one that is bad is told, whatever it is that is bad. */
	err = ovs_ila_load_stage(staging->load, entries, i, index, bad);
	if (!err && port_err) {
		err = port_err;
		*index = i;
		*bad = err == -ENODEV ? "in_port" : NULL;
	}
	return err;
}

u32 ovs_ila_staging_n(const struct ovs_ila_staging *staging)
{
	return ovs_ila_load_n(staging->load);
}

int ovs_ila_staging_commit(struct ovs_ila_staging *staging, bool replace)
{
	bool port_lost;
	int err;

	err = ovs_ila_lock(staging->ila);
	if (err)
		return err;
	spin_lock(&stagings_lock);
	port_lost = staging->port_lost;
	spin_unlock(&stagings_lock);
	if (port_lost)
		err = -ENODEV;
	else if (replace)
		err = ovs_ila_load_replace(staging->load, OVS_ILA_OWNER_ANY);
	else
		err = ovs_ila_load_commit(staging->load);
	ovs_ila_unlock(staging->ila);
	return err;
}

void ovs_ila_stagings_port_removed(struct ovs_ila *ila, u32 port_no)
{
	struct ovs_ila_staging *staging;

	spin_lock(&stagings_lock);
	list_for_each_entry(staging, &stagings, node)
		if (staging->ila == ila && staging->ports &&
		    test_bit(port_no, staging->ports))
			staging->port_lost = true;
	spin_unlock(&stagings_lock);
}

/* Drops those on the list that belong to 'ila' or, if that is NULL, to the
 * socket.
 */
static void drop(const struct ovs_ila *ila, const struct net *net, u32 portid)
{
	struct ovs_ila_staging *staging, *next;
	LIST_HEAD(dropped);

	spin_lock(&stagings_lock);
	list_for_each_entry_safe(staging, next, &stagings, node) {
		if (ila ? staging->ila != ila :
			  !belongs_to(staging, net, portid))
			continue;
		if (staging->busy)
			staging->doomed = true;
		else
			list_move(&staging->node, &dropped);
	}
	spin_unlock(&stagings_lock);

	list_for_each_entry_safe(staging, next, &dropped, node)
		staging_free(staging);
}

void ovs_ila_staging_discard(const struct net *net, u32 portid)
{
	drop(NULL, net, portid);
}

void ovs_ila_stagings_drop(struct ovs_ila *ila)
{
	drop(ila, NULL, 0);
}

static int netlink_event(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		ovs_ila_staging_discard(notify->net, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

void ovs_ila_init(void)
{
	netlink_register_notifier(&netlink_notifier);
}

void ovs_ila_exit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
}
