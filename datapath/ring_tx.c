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

/* Prepares 'skb', whose data is the packet, as the record says. */
static void prepare(struct sk_buff *skb, const struct parts *parts)
{
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
}

/* Executes 'acts'.  Takes 'skb', which is prepared and has the key 'key'. */
static int run(struct ovs_ring *ring, struct sk_buff *skb,
	       struct sw_flow_key *key, const struct sw_flow_actions *acts)
{
	struct vport *input_vport;
	struct datapath *dp;
	int err;

	skb->priority = key->phy.priority;
	skb->mark = key->phy.skb_mark;

	rcu_read_lock();
	/* It may be gone by now. */
	dp = rcu_dereference(ring->dp);
	input_vport = dp ? ovs_vport_rcu(dp, key->phy.in_port) : NULL;
	if (dp && !input_vport)
		input_vport = ovs_vport_rcu(dp, OVSP_LOCAL);
	if (input_vport) {
		skb->dev = input_vport->dev;
		OVS_CB(skb)->input_vport = input_vport;
		local_bh_disable();
		err = ovs_execute_actions(dp, skb, acts, key);
		local_bh_enable();
	} else {
		kfree_skb(skb);
		err = -ENODEV;
	}
	rcu_read_unlock();
	return err;
}

/* Executes 'actions', which are not believed.  Takes 'skb', see run(). */
static int run_attr(struct ovs_ring *ring, struct net *net,
		    struct sk_buff *skb, struct sw_flow_key *key,
		    const struct nlattr *actions)
{
	struct sw_flow_actions *acts;
	int err;

	err = ovs_nla_copy_actions(net, actions, key, &acts, false);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	err = run(ring, skb, key, acts);
	ovs_nla_free_flow_actions(acts);
	return err;
}

/* The bytes of a message before its attributes. */
#define MESSAGE_HDRLEN \
	(NLMSG_HDRLEN + GENL_HDRLEN + (int)sizeof(struct ovs_header))

/* A record that is read. */
struct record {
	struct ovs_ring_record header;
	u32 off;		/* Of the message, in the segment. */
	u32 len;		/* Bytes of it. */
};

static int read_header(const struct ovs_lane *lane,
		       const struct ovs_ring_tx *tx, struct record *record)
{
	const struct ovs_ring_record *header = &record->header;
	u32 len;
	int err;

	if (!IS_ALIGNED(tx->off, 8))
		return -EINVAL;
	err = ovs_lane_read(lane, tx->seg, tx->gen, tx->off, sizeof(*header),
			    &record->header);
	if (err)
		return err;
	len = header->word & OVS_RING_R_LEN;
	if (header->word & ~OVS_RING_R_LEN ||
	    header->type != OVS_RING_T_NLMSG ||
	    len > ovs_ring_max_record(lane->seg_size) || header->ext_len > len)
		return -EINVAL;
	record->off = tx->off + sizeof(*header) + header->ext_len;
	record->len = len - header->ext_len;
	return 0;
}

/* Returns an skb whose data is the packet, the last attribute, so that it can
 * be where it is in a copy of the message; the others are in front of it.
 */
static struct sk_buff *copy_record(const struct ovs_lane *lane,
				   const struct ovs_ring_tx *tx,
				   const struct record *record,
				   struct parts *parts)
{
	const struct nlmsghdr *nlh;
	struct sk_buff *skb;
	u8 *packet;
	int err;

	skb = __dev_alloc_skb(NET_IP_ALIGN + record->len, GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	skb_reserve(skb, NET_IP_ALIGN);
	err = ovs_lane_read(lane, tx->seg, tx->gen, record->off, record->len,
			    __skb_put(skb, record->len));
	if (err)
		goto error;

	err = -EINVAL;
	nlh = (const struct nlmsghdr *)skb->data;
	if (skb->len < MESSAGE_HDRLEN || nlh->nlmsg_len > skb->len ||
	    nlh->nlmsg_len < MESSAGE_HDRLEN)
		goto error;
	find_parts(skb->data + MESSAGE_HDRLEN, nlh->nlmsg_len - MESSAGE_HDRLEN,
		   U32_MAX, parts);
	if (!parts->packet || nla_len(parts->packet) < ETH_HLEN)
		goto error;
	packet = nla_data(parts->packet);
	skb_trim(skb, packet + nla_len(parts->packet) - skb->data);
	__skb_pull(skb, packet - skb->data);
	return skb;

error:
	kfree_skb(skb);
	return ERR_PTR(err);
}

/* The same with the packet that was kept; NULL if it was not. */
static struct sk_buff *take_record(struct ovs_ring *ring,
				   struct ovs_ring_producer *producer,
				   const struct ovs_ring_tx *tx,
				   const struct record *record,
				   struct parts *parts)
{
	u8 *bytes = ring->tx_room->front;
	struct sk_buff *skb;
	u32 front;
	int err;

	skb = ovs_ring_take_kept(producer, record->header.seq, &front);
	if (!skb)
		return NULL;
	err = front < MESSAGE_HDRLEN || front > record->len ? -EINVAL :
	      ovs_lane_read(&producer->lane, tx->seg, tx->gen, record->off,
			    front, bytes);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	/* All but the packet. */
	find_parts(bytes + MESSAGE_HDRLEN, front - MESSAGE_HDRLEN, U32_MAX,
		   parts);
	return skb;
}

/* Returns an skb whose data is the packet of the record that 'tx' names, and
 * fills 'parts' with what is there beside it, but no actions.
 */
static struct sk_buff *open_record(struct ovs_ring *ring,
				   struct ovs_ring_producer *producer,
				   const struct ovs_ring_tx *tx,
				   struct parts *parts)
{
	struct record record;
	struct sk_buff *skb;
	int err;

	err = read_header(&producer->lane, tx, &record);
	if (err)
		return ERR_PTR(err);
	skb = take_record(ring, producer, tx, &record, parts) ?:
	      copy_record(&producer->lane, tx, &record, parts);
	parts->actions = NULL;
	if (!IS_ERR(skb) && !parts->key) {
		kfree_skb(skb);
		return ERR_PTR(-EINVAL);
	}
	return skb;
}

static int execute(struct ovs_ring *ring, struct net *net,
		   struct ovs_ring_producer *producer,
		   const struct ovs_ring_tx *tx)
{
	struct sw_flow_key *key = &ring->tx_room->key;
	struct parts parts = {};
	struct sk_buff *skb;
	int err;

	skb = open_record(ring, producer, tx, &parts);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	err = find_parts(ring->tx_room->data, tx->data_len,
			 BIT(OVS_PACKET_ATTR_KEY) | BIT(OVS_PACKET_ATTR_MRU) |
			 BIT(OVS_PACKET_ATTR_HASH) |
			 BIT(OVS_PACKET_ATTR_ACTIONS), &parts);
	if (!err && !parts.actions)
		err = -EINVAL;
	if (err)
		goto error;

	prepare(skb, &parts);
	memset(key, 0, sizeof(*key));
	err = ovs_flow_key_extract_userspace(net, parts.key, skb, key, false);
	if (err)
		goto error;
	return run_attr(ring, net, skb, key, parts.actions);

error:
	kfree_skb(skb);
	return err;
}

/* What OVS_FLOW_CMD_NEW does, by the same function.  Of a message it wants the
 * header, and of the socket that it came by the network namespace.  '*key'
 * becomes that of the flow, unmasked, unless 'key' is NULL.
 */
static int new_flow(struct ovs_ring *ring, struct net *net,
		    struct nlattr **attrs, struct sw_flow_key *key)
{
	struct nlmsghdr nlh = { .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE };
	struct ovs_header header = { .dp_ifindex = ring->dp_ifindex };
	struct sk_buff skb = { .sk = net->genl_sock };
	struct genl_info info = {
		.nlhdr = &nlh,
		.userhdr = &header,
		.attrs = attrs,
		.user_ptr = { key },
	};

	/* The number of its device may be another one's by now. */
	if (!rcu_access_pointer(ring->dp))
		return -ENODEV;
	genl_info_net_set(&info, net);
	return ovs_flow_cmd_new(&skb, &info);
}

static int parse_flow(struct ovs_ring *ring, const struct ovs_ring_tx *tx,
		      struct nlattr **attrs)
{
	return nla_parse_deprecated(attrs, OVS_FLOW_ATTR_MAX,
				    (const struct nlattr *)ring->tx_room->data,
				    tx->data_len, dp_flow_genl_family.policy,
				    NULL);
}

static int flow_new(struct ovs_ring *ring, struct net *net,
		    const struct ovs_ring_tx *tx)
{
	struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	int err;

	if (tx->seg || tx->gen || tx->off)
		return -EINVAL;
	err = parse_flow(ring, tx, attrs);
	return err ?: new_flow(ring, net, attrs, NULL);
}

/* Called with RCU read lock.  Returns the actions of the flow 'ufid', or NULL
 * if it is gone.
 */
static const struct sw_flow_actions *
actions_of(struct ovs_ring *ring, const struct nlattr *ufid)
{
	struct datapath *dp = rcu_dereference(ring->dp);
	const struct sw_flow *flow = NULL;
	struct sw_flow_id id;

	if (dp && ovs_nla_get_ufid(&id, ufid, false))
		flow = ovs_flow_tbl_lookup_ufid(&dp->table, &id);
	return flow ? rcu_dereference(flow->sf_acts) : NULL;
}

/* The packet is like those that meet the flow from here on: nobody hears what
 * becomes of it.  Its key is the one that the flow was made of.
 */
static void run_new_flow(struct ovs_ring *ring, struct net *net,
			 struct sk_buff *skb, struct sw_flow_key *key,
			 struct nlattr *const *attrs)
{
	const struct sw_flow_actions *acts;
	__be16 type = key->eth.type;

	skb->protocol = type;
	/* A consumer may take the key of one packet for another one. */
	if (ovs_flow_key_update(skb, key) || key->eth.type != type) {
		kfree_skb(skb);
		return;
	}
	rcu_read_lock();
	acts = actions_of(ring, attrs[OVS_FLOW_ATTR_UFID]);
	if (acts)
		run(ring, skb, key, acts);
	rcu_read_unlock();
	if (!acts)
		run_attr(ring, net, skb, key, attrs[OVS_FLOW_ATTR_ACTIONS]);
}

static int flow_execute(struct ovs_ring *ring, struct net *net,
			struct ovs_ring_producer *producer,
			const struct ovs_ring_tx *tx)
{
	struct sw_flow_key *key = &ring->tx_room->key;
	struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct parts parts = {};
	struct sk_buff *skb;
	int err;

	err = parse_flow(ring, tx, attrs);
	if (err)
		return err;
	if (attrs[OVS_FLOW_ATTR_KEY] || !attrs[OVS_FLOW_ATTR_UFID] ||
	    !attrs[OVS_FLOW_ATTR_ACTIONS])
		return -EINVAL;

	skb = open_record(ring, producer, tx, &parts);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	prepare(skb, &parts);

	attrs[OVS_FLOW_ATTR_KEY] = (struct nlattr *)parts.key;
	err = new_flow(ring, net, attrs, key);
	if (!err) {
		run_new_flow(ring, net, skb, key, attrs);
		return 0;
	}
	/* The packet does not pay for it. */
	memset(key, 0, sizeof(*key));
	if (!ovs_flow_key_extract_userspace(net, parts.key, skb, key, false))
		run_attr(ring, net, skb, key, attrs[OVS_FLOW_ATTR_ACTIONS]);
	else
		kfree_skb(skb);
	return err;
}

static int take(struct ovs_ring *ring, struct net *net,
		struct ovs_ring_producer *producer,
		const struct ovs_ring_tx *entry)
{
	const u8 *consumer = (const u8 *)producer->lane.consumer;
	struct ovs_ring_tx tx;

	memcpy(&tx, entry, sizeof(tx));
	/* The compiler must not look at the original again. */
	barrier();
	if (tx.op != OVS_RING_OP_EXECUTE && tx.op != OVS_RING_OP_FLOW_NEW &&
	    tx.op != OVS_RING_OP_FLOW_EXECUTE)
		return -EOPNOTSUPP;
	if (tx.flags || tx.mask || tx.data_off > ring->tx_data_size ||
	    tx.data_len > ring->tx_data_size - tx.data_off ||
	    tx.data_len > OVS_RING_MAX_TX_ATTRS || !IS_ALIGNED(tx.data_off, 4))
		return -EINVAL;
	memcpy(ring->tx_room->data, consumer + ring->tx_data_off + tx.data_off,
	       tx.data_len);
	barrier();

	switch (tx.op) {
	case OVS_RING_OP_EXECUTE:
		return execute(ring, net, producer, &tx);
	case OVS_RING_OP_FLOW_NEW:
		return flow_new(ring, net, &tx);
	default:
		return flow_execute(ring, net, producer, &tx);
	}
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
