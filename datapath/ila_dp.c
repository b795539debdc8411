// SPDX-License-Identifier: GPL-2.0-only

#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "datapath.h"
#include "ila_dp.h"
#include "ila_reader.h"
#include "ila_staging.h"
#include "vport.h"

/* How often entries are looked at whether their time is over. */
#define EXPIRY_INTERVAL HZ

DEFINE_STATIC_KEY_FALSE(ovs_ila_ingress_key);

/* For whoever wants to know whether packets pay for it: how many ports look
 * addresses up, in all datapaths, is in
 * /sys/module/openvswitch/parameters/ila_ports.
 */
static int show_ports(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n",
			  static_key_count(&ovs_ila_ingress_key.key));
}

static const struct kernel_param_ops ports_ops = {
	.get = show_ports,
};

module_param_cb(ila_ports, &ports_ops, NULL, 0444);
MODULE_PARM_DESC(ila_ports, "Ports at which ILA addresses are looked up (read only)");

static struct ovs_ila_packet_counts __percpu *counts_alloc(void)
{
	return netdev_alloc_pcpu_stats(struct ovs_ila_packet_counts);
}

static void counts_add(const struct ovs_ila_packet_counts __percpu *counts,
		       u64 sums[OVS_ILA_N_COUNTS])
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const struct ovs_ila_packet_counts *c = per_cpu_ptr(counts, cpu);
		u64 n[OVS_ILA_N_COUNTS];
		unsigned int start, i;

		do {
			start = u64_stats_fetch_begin_irq(&c->syncp);
			for (i = 0; i < OVS_ILA_N_COUNTS; i++)
				n[i] = u64_stats_read(&c->n[i]);
		} while (u64_stats_fetch_retry_irq(&c->syncp, start));
		for (i = 0; i < OVS_ILA_N_COUNTS; i++)
			sums[i] += n[i];
	}
}

static struct ovs_ila_port *port_alloc(void)
{
	struct ovs_ila_port *port = kzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return NULL;
	port->counts = counts_alloc();
	port->memo = alloc_percpu(struct ovs_ila_memo);
	if (!port->counts || !port->memo) {
		free_percpu(port->counts);
		free_percpu(port->memo);
		kfree(port);
		return NULL;
	}
	return port;
}

static void port_free(struct ovs_ila_port *port)
{
	free_percpu(port->counts);
	free_percpu(port->memo);
	kfree(port);
}

static void ila_free_rcu(struct rcu_head *rcu)
{
	struct ovs_ila *ila = container_of(rcu, struct ovs_ila, rcu);
	struct ovs_ila_port *port, *next;

	list_for_each_entry_safe(port, next, &ila->gone, node)
		port_free(port);
	free_percpu(ila->counts);
	kfree(ila);
}

/* Lets packets see 'port', or not any more, as its directions and the table
 * demand.
 */
static void port_update(struct ovs_ila *ila, struct ovs_ila_port *port)
{
	bool active = ovs_ila_table_applies(ila->table, port->dirs,
					    port->port_no);

	if (active == port->active)
		return;
	port->active = active;
	if (active) {
		rcu_assign_pointer(port->vport->ila, port);
		static_branch_inc(&ovs_ila_ingress_key);
	} else {
		RCU_INIT_POINTER(port->vport->ila, NULL);
		static_branch_dec(&ovs_ila_ingress_key);
	}
}

static void port_remove(struct ovs_ila *ila, struct ovs_ila_port *port)
{
	if (port->active) {
		RCU_INIT_POINTER(port->vport->ila, NULL);
		static_branch_dec(&ovs_ila_ingress_key);
	}
	port->vport = NULL;
	port->grace = start_poll_synchronize_rcu();
	list_move_tail(&port->node, &ila->gone);
}

/* Frees the ports that are gone and that no packet sees any more. */
static void collect_gone(struct ovs_ila *ila)
{
	struct ovs_ila_port *port, *next;

	list_for_each_entry_safe(port, next, &ila->gone, node) {
		if (!poll_state_synchronize_rcu(port->grace))
			break;
		counts_add(port->counts, ila->gone_counts);
		list_del(&port->node);
		port_free(port);
	}
}

static struct ovs_ila_port *port_find(const struct ovs_ila *ila, u32 port_no)
{
	struct ovs_ila_port *port;

	list_for_each_entry(port, &ila->ports, node)
		if (port->port_no == port_no)
			return port;
	return NULL;
}

static void expire(struct work_struct *work)
{
	struct ovs_ila *ila = container_of(to_delayed_work(work),
					   struct ovs_ila, expiry);

	if (ovs_ila_lock(ila))
		return;
	ovs_ila_table_expire(ila->table);
	ovs_ila_unlock(ila);
}

int ovs_ila_lock(struct ovs_ila *ila)
{
	mutex_lock(&ila->mutex);
	if (likely(ila->dp))
		return 0;
	mutex_unlock(&ila->mutex);
	return -ENODEV;
}

void ovs_ila_unlock(struct ovs_ila *ila)
{
	u32 generation = ovs_ila_table_generation(ila->table);

	if (generation != ila->generation) {
		struct ovs_ila_port *port;

		ila->generation = generation;
		list_for_each_entry(port, &ila->ports, node)
			port_update(ila, port);
	}
	collect_gone(ila);
	if (ovs_ila_table_n_timeouts(ila->table))
		queue_delayed_work(system_unbound_wq, &ila->expiry,
				   EXPIRY_INTERVAL);
	mutex_unlock(&ila->mutex);
}

static struct ovs_ila *ila_alloc(struct datapath *dp)
{
	struct ovs_ila *ila = kzalloc(sizeof(*ila), GFP_KERNEL);

	if (!ila)
		return NULL;
	ila->table = ovs_ila_table_alloc();
	ila->counts = counts_alloc();
	if (!ila->table || !ila->counts) {
		ovs_ila_table_destroy(ila->table);
		free_percpu(ila->counts);
		kfree(ila);
		return NULL;
	}
	ila->generation = ovs_ila_table_generation(ila->table);
	ila->dp = dp;
	refcount_set(&ila->refs, 1);
	mutex_init(&ila->mutex);
	INIT_LIST_HEAD(&ila->ports);
	INIT_LIST_HEAD(&ila->gone);
	INIT_DELAYED_WORK(&ila->expiry, expire);
	return ila;
}

struct ovs_ila *ovs_ila_find(struct net *net, int dp_ifindex)
{
	struct ovs_ila *ila;
	struct datapath *dp;

	rcu_read_lock();
	dp = get_dp_rcu(net, dp_ifindex);
	if (dp) {
		ila = rcu_dereference(dp->ila);
		if (ila && !refcount_inc_not_zero(&ila->refs))
			ila = ERR_PTR(-ENODEV);
	} else {
		ila = ERR_PTR(-ENODEV);
	}
	rcu_read_unlock();
	return ila;
}

struct ovs_ila *ovs_ila_obtain(struct net *net, int dp_ifindex)
{
	struct ovs_ila *ila = ovs_ila_find(net, dp_ifindex);
	struct datapath *dp;

	if (ila)
		return ila;

	ovs_lock();
	dp = get_dp(net, dp_ifindex);
	if (!dp) {
		ila = ERR_PTR(-ENODEV);
		goto unlock;
	}
	ila = ovsl_dereference(dp->ila);
	if (!ila) {
		ila = ila_alloc(dp);
		if (!ila) {
			ila = ERR_PTR(-ENOMEM);
			goto unlock;
		}
		rcu_assign_pointer(dp->ila, ila);
	}
	/* The datapath's own reference goes with ovs_mutex only. */
	refcount_inc(&ila->refs);
unlock:
	ovs_unlock();
	return ila;
}

void ovs_ila_put(struct ovs_ila *ila)
{
	if (ila && refcount_dec_and_test(&ila->refs)) {
		ovs_ila_table_destroy(ila->table);
		call_rcu(&ila->rcu, ila_free_rcu);
	}
}

static struct vport *vport_find(const struct ovs_ila *ila, u32 port_no)
{
	struct vport *vport;

	if (port_no >= DP_MAX_PORTS)
		return NULL;
	/* A port that goes waits for the lock, in ovs_ila_detach_port(). */
	rcu_read_lock();
	vport = ovs_lookup_vport(ila->dp, port_no);
	rcu_read_unlock();
	return vport;
}

bool ovs_ila_has_port(struct ovs_ila *ila, u32 port_no)
{
	return vport_find(ila, port_no);
}

int ovs_ila_set_port(struct ovs_ila *ila, u32 port_no, u8 dirs)
{
	struct ovs_ila_port *port = port_find(ila, port_no);
	struct vport *vport = vport_find(ila, port_no);

	if (!vport)
		return -ENODEV;
	if (!port) {
		if (!dirs)
			return 0;
		port = port_alloc();
		if (!port)
			return -ENOMEM;
		port->ila = ila;
		port->port_no = port_no;
		port->vport = vport;
		list_add_tail(&port->node, &ila->ports);
	}
	WRITE_ONCE(port->dirs, dirs);
	port_update(ila, port);
	return 0;
}

int ovs_ila_get_port(struct ovs_ila *ila, u32 port_no, u8 *dirs,
		     u64 counts[OVS_ILA_N_COUNTS])
{
	const struct ovs_ila_port *port = port_find(ila, port_no);

	if (!ovs_ila_has_port(ila, port_no))
		return -ENODEV;
	*dirs = port ? port->dirs : 0;
	memset(counts, 0, OVS_ILA_N_COUNTS * sizeof(*counts));
	if (port)
		counts_add(port->counts, counts);
	return 0;
}

void ovs_ila_get_counts(const struct ovs_ila *ila,
			u64 counts[OVS_ILA_N_COUNTS])
{
	const struct ovs_ila_port *port;

	memcpy(counts, ila->gone_counts, sizeof(ila->gone_counts));
	counts_add(ila->counts, counts);
	list_for_each_entry(port, &ila->gone, node)
		counts_add(port->counts, counts);
	list_for_each_entry(port, &ila->ports, node)
		counts_add(port->counts, counts);
}

void ovs_ila_detach_port(struct vport *vport)
{
	struct ovs_ila *ila = ovsl_dereference(vport->dp->ila);
	struct ovs_ila_port *port;

	if (!ila || ovs_ila_lock(ila))
		return;
	port = port_find(ila, vport->port_no);
	if (port)
		port_remove(ila, port);
	ovs_ila_table_port_removed(ila->table, vport->port_no);
	ovs_ila_stagings_port_removed(ila, vport->port_no);
	ovs_ila_unlock(ila);
}

void ovs_ila_detach_dp(struct datapath *dp)
{
	struct ovs_ila *ila = ovsl_dereference(dp->ila);

	if (!ila)
		return;
	RCU_INIT_POINTER(dp->ila, NULL);
	mutex_lock(&ila->mutex);
	ila->dp = NULL;
	mutex_unlock(&ila->mutex);
	cancel_delayed_work_sync(&ila->expiry);
	ovs_ila_stagings_drop(ila);
	ovs_ila_put(ila);
}
