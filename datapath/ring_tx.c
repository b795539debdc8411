// SPDX-License-Identifier: GPL-2.0-only

/* What a consumer asks for in memory that it can write.  An entry is copied
 * once, and so is what it points to; only the copies are looked at.  The packet
 * comes from the ring, which the consumer cannot write; the segment can be
 * given up and written anew meanwhile, which ovs_lane_read() notices, but the
 * bytes may be anything for a consumer that lies about where a record is.  They
 * are parsed as if user space had sent them.
 */

#include <linux/openvswitch.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/genetlink.h>

#include "cutlen.h"
#include "datapath.h"
#include "flow_netlink.h"
#include "ring.h"

/* What an execution consists of. */
struct parts {
	const struct nlattr *packet;
	const struct nlattr *key;
	const struct nlattr *actions;
	const struct nlattr *mru;
	const struct nlattr *hash;
};

/* Looks for attributes in 'len' bytes at 'head'; what is there replaces what
 * was.  Attributes not in 'allowed', a bit for each type, are refused.
 */
static int find_parts(const void *head, int len, u32 allowed,
		      struct parts *parts)
{
	const struct nlattr *a;
	int rem;

	nla_for_each_attr(a, head, len, rem) {
		int type = nla_type(a);
		int want = -1;

		if (type >= 32 || !(allowed & BIT(type)))
			return -EINVAL;
		switch (type) {
		case OVS_PACKET_ATTR_PACKET:
			parts->packet = a;
			break;
		case OVS_PACKET_ATTR_KEY:
			parts->key = a;
			break;
		case OVS_PACKET_ATTR_ACTIONS:
			parts->actions = a;
			break;
		case OVS_PACKET_ATTR_MRU:
			parts->mru = a;
			want = sizeof(u16);
			break;
		case OVS_PACKET_ATTR_HASH:
			parts->hash = a;
			want = sizeof(u64);
			break;
		}
		if (want >= 0 && nla_len(a) != want)
			return -EINVAL;
	}
	return rem ? -EINVAL : 0;
}

/* Executes.  Takes 'skb', whose data is the packet.  'net' is that of the
 * datapath.
 */
static int execute(struct ovs_ring *ring, struct net *net, struct sk_buff *skb,
		   const struct parts *parts)
{
	struct sw_flow_key *key = &ring->tx_room->key;
	struct sw_flow_actions *acts;
	struct vport *input_vport;
	struct datapath *dp;
	int err;

	OVS_CB(skb)->mru = 0;
	OVS_CB(skb)->cutlen = OVS_CUTLEN_NONE;
	if (parts->mru) {
		OVS_CB(skb)->mru = nla_get_u16(parts->mru);
		skb->ignore_df = 1;
	}
	if (parts->hash) {
		u64 hash = nla_get_u64(parts->hash);

		__skb_set_hash(skb, hash & U32_MAX,
			       hash & OVS_PACKET_HASH_SW_BIT,
			       hash & OVS_PACKET_HASH_L4_BIT);
	}

	memset(key, 0, sizeof(*key));
	err = ovs_flow_key_extract_userspace(net, parts->key, skb, key, false);
	if (err)
		goto error;
	err = ovs_nla_copy_actions(net, parts->actions, key, &acts, false);
	if (err)
		goto error;
	skb->priority = key->phy.priority;
	skb->mark = key->phy.skb_mark;

	rcu_read_lock();
	/* It may be gone by now. */
	dp = rcu_dereference(ring->dp);
	input_vport = dp ? ovs_vport_rcu(dp, key->phy.in_port) : NULL;
	if (dp && !input_vport)
		input_vport = ovs_vport_rcu(dp, OVSP_LOCAL);
	if (!input_vport) {
		rcu_read_unlock();
		err = -ENODEV;
		goto error_acts;
	}
	skb->dev = input_vport->dev;
	OVS_CB(skb)->input_vport = input_vport;
	local_bh_disable();
	err = ovs_execute_actions(dp, skb, acts, key);
	local_bh_enable();
	rcu_read_unlock();
	ovs_nla_free_flow_actions(acts);
	return err;

error_acts:
	ovs_nla_free_flow_actions(acts);
error:
	kfree_skb(skb);
	return err;
}

/* Returns an skb whose data is the message in the record that 'tx' names. */
static struct sk_buff *read_record(const struct ovs_lane *lane,
				   const struct ovs_ring_tx *tx)
{
	struct ovs_ring_record record;
	struct sk_buff *skb;
	u32 len, ext_len;
	int err;

	if (!IS_ALIGNED(tx->off, 8))
		return ERR_PTR(-EINVAL);
	err = ovs_lane_read(lane, tx->seg, tx->gen, tx->off, sizeof(record),
			    &record);
	if (err)
		return ERR_PTR(err);
	len = record.word & OVS_RING_R_LEN;
	ext_len = record.ext_len;
	if (record.word & ~OVS_RING_R_LEN || record.type != OVS_RING_T_NLMSG ||
	    len > ovs_ring_max_record(lane->seg_size) || ext_len > len)
		return ERR_PTR(-EINVAL);

	skb = __dev_alloc_skb(NET_IP_ALIGN + len - ext_len, GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	skb_reserve(skb, NET_IP_ALIGN);
	err = ovs_lane_read(lane, tx->seg, tx->gen,
			    tx->off + sizeof(record) + ext_len, len - ext_len,
			    __skb_put(skb, len - ext_len));
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	return skb;
}

static int execute_record(struct ovs_ring *ring, struct net *net,
			  const struct ovs_ring_producer *producer,
			  const struct ovs_ring_tx *tx)
{
	const void *attrs = ring->tx_room->data;
	const int hdrlen = NLMSG_HDRLEN + GENL_HDRLEN +
			   sizeof(struct ovs_header);
	const struct nlmsghdr *nlh;
	struct parts parts = {};
	struct sk_buff *skb;
	int err;

	skb = read_record(&producer->lane, tx);
	if (IS_ERR(skb))
		return PTR_ERR(skb);

	/* The packet is the last one, so that it becomes the skb's data where
	 * it is; the others are in front of it.
	 */
	nlh = (const struct nlmsghdr *)skb->data;
	err = -EINVAL;
	if (skb->len < hdrlen || nlh->nlmsg_len > skb->len ||
	    nlh->nlmsg_len < hdrlen)
		goto error;
	find_parts(skb->data + hdrlen, nlh->nlmsg_len - hdrlen, U32_MAX,
		   &parts);
	parts.actions = NULL;
	err = find_parts(attrs, tx->data_len,
			 BIT(OVS_PACKET_ATTR_KEY) | BIT(OVS_PACKET_ATTR_MRU) |
			 BIT(OVS_PACKET_ATTR_HASH) |
			 BIT(OVS_PACKET_ATTR_ACTIONS), &parts);
	if (err)
		goto error;
	err = -EINVAL;
	if (!parts.packet || !parts.key || !parts.actions ||
	    nla_len(parts.packet) < ETH_HLEN)
		goto error;

	skb_trim(skb, (u8 *)nla_data(parts.packet) + nla_len(parts.packet) -
		      skb->data);
	__skb_pull(skb, (u8 *)nla_data(parts.packet) - skb->data);
	return execute(ring, net, skb, &parts);

error:
	kfree_skb(skb);
	return err;
}

/* What OVS_FLOW_CMD_NEW does, by the same function.  Of a message it wants the
 * header, and of the socket that it came by the network namespace.
 */
static int new_flow(struct ovs_ring *ring, struct net *net,
		    const struct ovs_ring_tx *tx)
{
	struct nlmsghdr nlh = { .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE };
	struct ovs_header header = { .dp_ifindex = ring->dp_ifindex };
	struct sk_buff skb = { .sk = net->genl_sock };
	struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct genl_info info = {
		.nlhdr = &nlh,
		.userhdr = &header,
		.attrs = attrs,
	};
	int err;

	/* The number of its device may be another one's by now. */
	if (!rcu_access_pointer(ring->dp))
		return -ENODEV;
	err = nla_parse_deprecated(attrs, OVS_FLOW_ATTR_MAX,
				   (const struct nlattr *)ring->tx_room->data,
				   tx->data_len, dp_flow_genl_family.policy,
				   NULL);
	if (err)
		return err;
	genl_info_net_set(&info, net);
	return ovs_flow_cmd_new(&skb, &info);
}

static int take(struct ovs_ring *ring, struct net *net,
		const struct ovs_ring_producer *producer,
		const struct ovs_ring_tx *entry)
{
	const u8 *consumer = (const u8 *)producer->lane.consumer;
	struct ovs_ring_tx tx;

	memcpy(&tx, entry, sizeof(tx));
	/* The compiler must not look at the original again. */
	barrier();
	if (tx.op != OVS_RING_OP_EXECUTE && tx.op != OVS_RING_OP_FLOW_NEW)
		return -EOPNOTSUPP;
	if (tx.flags || tx.mask || tx.data_off > ring->tx_data_size ||
	    tx.data_len > ring->tx_data_size - tx.data_off ||
	    tx.data_len > OVS_RING_MAX_TX_ATTRS || !IS_ALIGNED(tx.data_off, 4))
		return -EINVAL;
	memcpy(ring->tx_room->data, consumer + ring->tx_data_off + tx.data_off,
	       tx.data_len);
	barrier();

	if (tx.op == OVS_RING_OP_EXECUTE)
		return execute_record(ring, net, producer, &tx);
	if (tx.seg || tx.gen || tx.off)
		return -EINVAL;
	return new_flow(ring, net, &tx);
}

int ovs_ring_take(struct ovs_ring *ring, struct ovs_ring_kick *kick)
{
	s32 __user *errors = u64_to_user_ptr(kick->errors);
	const struct ovs_ring_tx *entries;
	struct ovs_ring_producer *producer;
	struct datapath *dp;
	struct net *net;
	u32 i, tail;
	int err = 0;

	if (!kick->n)
		return 0;
	if (!ring->n_tx || kick->lane >= ring->n_lanes)
		return -EINVAL;

	producer = &ring->producers[kick->lane];
	entries = (const void *)producer->lane.consumer + ring->tx_off;
	/* The entries are there. */
	tail = smp_load_acquire(&producer->lane.consumer->tx_tail);
	if (tail - producer->tx_head > ring->n_tx)
		return -EINVAL;

	/* The datapath may go; its namespace must not while it is in use. */
	rcu_read_lock();
	dp = rcu_dereference(ring->dp);
	net = dp ? maybe_get_net(ovs_dp_get_net(dp)) : NULL;
	rcu_read_unlock();
	if (!net)
		return -ENODEV;

	for (i = 0; i < kick->n && producer->tx_head != tail; i++) {
		struct ovs_ring_lane *shared = producer->lane.shared;
		u32 at = producer->tx_head & (ring->n_tx - 1);
		s32 result = take(ring, net, producer, &entries[at]);
		u64 *counter = result ? &shared->tx_rejected :
					&shared->tx_taken;

		WRITE_ONCE(*counter, *counter + 1);
		/* The entry and what it points to are not needed any more. */
		smp_store_release(&shared->tx_head, ++producer->tx_head);
		if (errors && put_user(result, errors + i)) {
			err = -EFAULT;
			break;
		}
		if (fatal_signal_pending(current)) {
			i++;
			break;
		}
		cond_resched();
	}
	put_net(net);
	kick->n = i;
	return err;
}
