// SPDX-License-Identifier: GPL-2.0-only

/* Upcalls.  What the consumer gets is, byte by byte, the netlink message that
 * queue_userspace_packet() would send, but nothing is allocated for it: header
 * and attributes are put together in an skb of the CPU's own, which is used
 * again for each, and copied into the ring; the packet follows, right from
 * where it is.
 *
 * A CPU has one way to a lane.  Upcalls run with bottom halves disabled and
 * are thus one at a time, but for those of an interrupt that transmits
 * (netconsole), which 'is_inside' sends by netlink if they meet another one.
 */

#include <linux/if_vlan.h>
#include <linux/openvswitch.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "cutlen.h"
#include "datapath.h"
#include "flow_netlink.h"
#include "ring.h"

/* Of all that is in front of the packet.  Only actions may be larger. */
#define SCRATCH_SIZE 8192

#define MACS_LEN (2 * ETH_ALEN)

static bool put_egress_tunnel(struct sk_buff *msg,
			      const struct dp_upcall_info *info)
{
	struct nlattr *nest;

	nest = nla_nest_start_noflag(msg, OVS_PACKET_ATTR_EGRESS_TUN_KEY);
	if (!nest || ovs_nla_put_tunnel_info(msg, info->egress_tun_info))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

static bool put_actions(struct sk_buff *msg, const struct dp_upcall_info *info)
{
	struct nlattr *nest;

	nest = nla_nest_start_noflag(msg, OVS_PACKET_ATTR_ACTIONS);
	if (!nest || ovs_nla_put_actions(info->actions, info->actions_len, msg))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

/* The length of the packet, with a tag that is beside it. */
static u32 packet_len(const struct sk_buff *skb)
{
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

/* Writes all but the packet, 'len' bytes, to 'msg'.  Returns whether there was
 * room.
 */
static bool encode(struct sk_buff *msg, int dp_ifindex,
		   const struct genl_family *family, const struct sk_buff *skb,
		   const struct sw_flow_key *key,
		   const struct dp_upcall_info *info, u32 len)
{
	struct ovs_header *header;
	struct nlattr *packet;
	u64 hash;

	skb_trim(msg, 0);
	header = genlmsg_put(msg, 0, 0, family, 0, info->cmd);
	if (!header)
		return false;
	header->dp_ifindex = dp_ifindex;

	if (ovs_ring_put_key(msg, key))
		return false;
	if (info->userdata &&
	    nla_put(msg, OVS_PACKET_ATTR_USERDATA, nla_len(info->userdata),
		    nla_data(info->userdata)))
		return false;
	if (info->egress_tun_info && !put_egress_tunnel(msg, info))
		return false;
	if (info->actions_len && !put_actions(msg, info))
		return false;
	if (info->mru && nla_put_u16(msg, OVS_PACKET_ATTR_MRU, info->mru))
		return false;
	if (len < packet_len(skb) &&
	    nla_put_u32(msg, OVS_PACKET_ATTR_LEN, packet_len(skb)))
		return false;

	hash = skb_get_hash_raw(skb);
	if (skb->sw_hash)
		hash |= OVS_PACKET_HASH_SW_BIT;
	if (skb->l4_hash)
		hash |= OVS_PACKET_HASH_L4_BIT;
	if (nla_put(msg, OVS_PACKET_ATTR_HASH, sizeof(hash), &hash))
		return false;

	packet = nla_reserve(msg, OVS_PACKET_ATTR_PACKET, 0);
	if (!packet)
		return false;
	packet->nla_len = nla_attr_size(len);
	return true;
}

/* Copies the bytes of 'skb' from 'from' up to 'end' to 'to'.  From
 * 'csum_start' on they are a part of the checksum, which goes to 'csum'.
 */
static bool copy_range(const struct sk_buff *skb, u32 from, u32 end,
		       u32 csum_start, u8 *to, __wsum *csum)
{
	u32 plain = min(max(from, csum_start), end);

	if (skb_copy_bits(skb, from, to, plain - from))
		return false;
	if (plain < end)
		*csum = skb_copy_and_csum_bits(skb, plain, to + plain - from,
					       end - plain);
	return true;
}

/* Copies the first 'len' bytes of the packet to 'to': with its tag, and with
 * its checksum, which a device would have filled in.
 */
static bool copy_packet(const struct sk_buff *skb, u32 len, u8 *to)
{
	u32 start = U32_MAX, field = 0, tag_len = 0;
	bool partial = skb->ip_summed == CHECKSUM_PARTIAL;
	__wsum csum = 0;
	u32 end;

	if (partial) {
		start = skb_checksum_start_offset(skb);
		field = start + skb->csum_offset;
	}
	if (skb_vlan_tag_present(skb)) {
		struct {
			__be16 proto;
			__be16 tci;
		} tag = { skb->vlan_proto, htons(skb_vlan_tag_get(skb)) };

		tag_len = VLAN_HLEN;
		if (skb_copy_bits(skb, 0, to, min_t(u32, len, MACS_LEN)))
			return false;
		if (len > MACS_LEN)
			memcpy(to + MACS_LEN, &tag,
			       min_t(u32, len - MACS_LEN, VLAN_HLEN));
		if (len <= MACS_LEN + VLAN_HLEN)
			return true;
	}

	/* Of the skb, in its own offsets, from here on. */
	end = len - tag_len;
	if (end < skb->len && partial) {
		csum = skb_checksum(skb, start, skb->len - start, 0);
		start = U32_MAX;
	}
	if (!copy_range(skb, tag_len ? MACS_LEN : 0, end, start,
			to + (tag_len ? MACS_LEN + VLAN_HLEN : 0), &csum))
		return false;
	if (partial && field < end) {
		__sum16 sum = csum_fold(csum) ?: CSUM_MANGLED_0;

		memcpy(to + tag_len + field, &sum,
		       min_t(u32, end - field, sizeof(sum)));
	}
	return true;
}

/* Makes sure that copy_packet() can deal with the checksum; what is unusual is
 * done in place, as for netlink.
 */
static int prepare_csum(struct sk_buff *skb)
{
	int start;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return 0;
	start = skb_checksum_start_offset(skb);
	if (!skb_csum_is_sctp(skb) && start >= MACS_LEN &&
	    start < skb_headlen(skb) &&
	    start + skb->csum_offset + sizeof(__sum16) <= skb_headlen(skb))
		return 0;
	return skb_csum_hwoffload_help(skb, 0);
}

/* The message is not for the ring.  Leaves a marker, and returns false if there
 * is no space for one.
 */
static bool put_marker(struct ovs_ring_producer *producer, u32 len)
{
	struct ovs_ring_copy copy = { .len = len };
	struct ovs_lane_slot slot;
	u32 ext_len = ovs_ring_ext_len(producer->ring);

	if (!ovs_ring_reserve(producer, ext_len + sizeof(copy), &slot))
		return false;
	memcpy(ovs_ring_put_ext(producer->ring, &slot), &copy, sizeof(copy));
	ovs_ring_commit(producer, &slot, OVS_RING_T_COPY, OVS_RING_RF_COPY,
			ext_len);
	ovs_ring_committed(producer, slot.len);
	return true;
}

/* 'cpu' is the current one's. */
static bool upcall(struct ovs_ring_cpu *cpu, struct datapath *dp,
		   int dp_ifindex, const struct genl_family *family,
		   struct sk_buff *skb, const struct sw_flow_key *key,
		   const struct dp_upcall_info *info, u32 cutlen, int *error)
{
	struct ovs_ring_producer *producer = cpu->producer;
	struct sk_buff *msg = cpu->scratch;
	const struct ovs_ring *ring = producer->ring;
	u32 len = ovs_cut(packet_len(skb), cutlen);
	u32 ext_len = ovs_ring_ext_len(ring);
	struct ovs_lane_slot slot;
	bool fits;
	u32 total;
	u8 *to;

	*error = prepare_csum(skb);
	if (*error)
		return true;

	fits = encode(msg, dp_ifindex, family, skb, key, info, len);
	total = msg->len + len;
	if (!(dp->user_features & OVS_DP_F_UNALIGNED))
		total = NLA_ALIGN(total);
	if (!fits)
		total += nla_total_size(OVS_CB(skb)->acts_origlen);
	if (!fits ||
	    ext_len + total > ovs_ring_max_record(producer->lane.seg_size)) {
		if (put_marker(producer, total))
			return false;
		goto full;
	}
	nlmsg_hdr(msg)->nlmsg_len = total;
	if (!ovs_ring_reserve(producer, ext_len + total, &slot))
		goto full;

	to = ovs_ring_put_ext(ring, &slot);
	memcpy(to, msg->data, msg->len);
	if (unlikely(!copy_packet(skb, len, to + msg->len))) {
		ovs_ring_discard(producer, &slot);
		*error = -EFAULT;
		return true;
	}
	memset(to + msg->len + len, 0, total - msg->len - len);
	/* Whoever executes another packet goes on with it; this one is dropped. */
	if (info->cmd == OVS_PACKET_CMD_MISS && len == packet_len(skb))
		ovs_ring_keep(producer, skb, slot.record->seq, msg->len);
	ovs_ring_commit(producer, &slot, OVS_RING_T_NLMSG,
			ext_len ? OVS_RING_RF_TIMESTAMP : 0, ext_len);
	ovs_ring_committed(producer, slot.len);
	return true;

full:
	ovs_ring_lose(producer, ext_len + total);
	if (ring->flags & OVS_RING_ATTACH_FALLBACK) {
		WRITE_ONCE(cpu->fallbacks, cpu->fallbacks + 1);
		return false;
	}
	/* As a socket whose buffer is full. */
	*error = -EAGAIN;
	return true;
}

bool __ovs_ring_upcall(struct datapath *dp, int dp_ifindex,
		       const struct genl_family *family, struct sk_buff *skb,
		       const struct sw_flow_key *key,
		       const struct dp_upcall_info *info, u32 cutlen,
		       int *error)
{
	const struct ovs_ring_dp *rings = rcu_dereference(dp->rings);
	struct ovs_ring_cpu *cpu;
	bool done;

	if (!rings)
		return false;
	cpu = rcu_dereference(rings->cpus[smp_processor_id()]);
	if (!cpu)
		return false;
	if (unlikely(cpu->is_inside)) {
		WRITE_ONCE(cpu->nested, cpu->nested + 1);
		return false;
	}
	/* Too short for a tag, or too long for an attribute: netlink's ways. */
	if (unlikely(skb->len < ETH_HLEN ||
		     nla_attr_size(ovs_cut(packet_len(skb), cutlen)) > USHRT_MAX))
		return false;

	WRITE_ONCE(cpu->is_inside, true);
	barrier();
	done = upcall(cpu, dp, dp_ifindex, family, skb, key, info, cutlen,
		      error);
	barrier();
	WRITE_ONCE(cpu->is_inside, false);
	return done;
}

static struct ovs_ring_cpu *alloc_cpu(unsigned int cpu)
{
	struct ovs_ring_cpu *c;

	c = kzalloc_node(sizeof(*c), GFP_KERNEL_ACCOUNT, cpu_to_node(cpu));
	if (!c)
		return NULL;
	c->scratch = alloc_skb(SCRATCH_SIZE, GFP_KERNEL);
	if (!c->scratch) {
		kfree(c);
		return NULL;
	}
	c->cpu = cpu;
	return c;
}

/* Called with ovs_mutex. */
static bool serves_other(const struct ovs_ring *ring,
			 const struct ovs_ring_producer *producer)
{
	unsigned int i;

	for (i = 0; i < nr_cpu_ids; i++) {
		if (ring->cpus[i] && ring->cpus[i]->producer == producer)
			return true;
	}
	return false;
}

/* Called with ovs_mutex. */
static int bind(struct ovs_ring *ring, struct ovs_ring_producer *producer,
		unsigned int cpu)
{
	struct datapath *dp = ovsl_dereference(ring->dp);
	struct ovs_ring_dp *rings;
	struct ovs_ring_cpu *c;

	if (!dp)
		return -ENODEV;
	rings = ovsl_dereference(dp->rings);
	if (rcu_access_pointer(rings->cpus[cpu]))
		return -EBUSY;

	c = alloc_cpu(cpu);
	if (!c)
		return -ENOMEM;
	if (serves_other(ring, producer)) {
		/* Whoever is at it without the lock has to be done before
		 * there is somebody with it.
		 */
		if (!producer->is_shared) {
			WRITE_ONCE(producer->is_shared, true);
			WRITE_ONCE(producer->is_wake_shared, true);
			synchronize_rcu();
		}
		producer->lane.shared->cpu = U32_MAX;
	} else {
		producer->lane.shared->cpu = cpu;
	}
	c->producer = producer;
	ring->cpus[cpu] = c;
	if (!ring->n_bound++)
		static_branch_deferred_inc(&ovs_ring_in_use);
	rcu_assign_pointer(rings->cpus[cpu], c);
	return 0;
}

int ovs_ring_bind(struct ovs_ring *ring, const struct ovs_ring_bind *b)
{
	int err;

	if (ring->ring_class != OVS_RING_UPCALL || b->lane >= ring->n_lanes ||
	    b->cpu >= nr_cpu_ids || !cpu_possible(b->cpu))
		return -EINVAL;
	ovs_lock();
	err = bind(ring, &ring->producers[b->lane], b->cpu);
	ovs_unlock();
	return err;
}

void ovs_ring_unbind(struct ovs_ring *ring)
{
	struct datapath *dp = ovsl_dereference(ring->dp);
	struct ovs_ring_dp *rings = ovsl_dereference(dp->rings);
	unsigned int i;

	if (!ring->n_bound)
		return;
	for (i = 0; i < nr_cpu_ids; i++) {
		if (ring->cpus[i])
			RCU_INIT_POINTER(rings->cpus[i], NULL);
	}
	ring->n_bound = 0;
	static_branch_slow_dec_deferred(&ovs_ring_in_use);
}

void ovs_ring_free_cpus(struct ovs_ring *ring)
{
	unsigned int i;

	for (i = 0; i < nr_cpu_ids; i++) {
		if (ring->cpus[i]) {
			kfree_skb(ring->cpus[i]->scratch);
			kfree(ring->cpus[i]);
		}
	}
}
