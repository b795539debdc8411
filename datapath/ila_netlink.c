// SPDX-License-Identifier: GPL-2.0-only

#include <linux/err.h>
#include <linux/module.h>
#include <linux/openvswitch.h>
#include <linux/skbuff.h>

#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "datapath.h"
#include "ila_netlink.h"

#define ALL_DIRS (OVS_ILA_DIRS_IN | OVS_ILA_DIRS_OUT)
#define ALL_LOAD_FLAGS \
	(OVS_ILA_LOAD_BEGIN | OVS_ILA_LOAD_COMMIT | OVS_ILA_LOAD_REPLACE)

/* Refuses 'attr', NULL if it is not about one, with the name of what is bad in
 * it, a constant.  Returns 'err'.
 */
static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
		  const char *bad, int err)
{
	if (extack) {
		extack->_msg = bad;
		extack->bad_attr = attr;
	}
	return err;
}

/* Likewise if 'err' is an error.  'bad' is NULL if nothing in particular is
 * bad, then the attribute is.
 */
static int conclude(struct netlink_ext_ack *extack, const struct nlattr *attr,
		    const char *bad, int err)
{
	return err ? refuse(extack, attr, bad, err) : 0;
}

static bool missing(struct genl_info *info, int type, const char *message)
{
	if (!GENL_REQ_ATTR_CHECK(info, type))
		return false;
	refuse(info->extack, NULL, message, 0);
	return true;
}

static int dp_ifindex(const struct genl_info *info)
{
	const struct ovs_header *header = info->userhdr;

	return header->dp_ifindex;
}

static int conclude_dp(struct netlink_ext_ack *extack, const void *ila)
{
	int err = PTR_ERR_OR_ZERO(ila);

	return conclude(extack, NULL, err == -ENODEV ?
			"dp_ifindex is not that of a datapath" : NULL, err);
}

/* What the datapath has; for requests that change something. */
static struct ovs_ila *obtain(struct genl_info *info)
{
	struct ovs_ila *ila = ovs_ila_obtain(genl_info_net(info),
					     dp_ifindex(info));

	conclude_dp(info->extack, ila);
	return ila;
}

/* As obtain(); for requests that look, NULL if it has nothing. */
static struct ovs_ila *find(struct genl_info *info)
{
	struct ovs_ila *ila = ovs_ila_find(genl_info_net(info),
					   dp_ifindex(info));

	conclude_dp(info->extack, ila);
	return ila;
}

/* Locks what one of these has returned, unless that is NULL or an error. */
static struct ovs_ila *locked(struct genl_info *info, struct ovs_ila *ila)
{
	int err;

	if (IS_ERR_OR_NULL(ila))
		return ila;
	err = ovs_ila_lock(ila);
	if (err) {
		ovs_ila_put(ila);
		ila = ERR_PTR(err);
		conclude_dp(info->extack, ila);
	}
	return ila;
}

/* As obtain() and find(); to be given back by unlock_and_put(). */
static struct ovs_ila *obtain_locked(struct genl_info *info)
{
	return locked(info, obtain(info));
}

static struct ovs_ila *find_locked(struct genl_info *info)
{
	return locked(info, find(info));
}

static void unlock_and_put(struct ovs_ila *ila)
{
	ovs_ila_unlock(ila);
	ovs_ila_put(ila);
}

/* An answer with 'len' bytes of attributes, or NULL. */
static struct sk_buff *answer_new(struct genl_info *info, u8 cmd, size_t len,
				  void **headerp)
{
	struct sk_buff *skb;
	struct ovs_header *header;

	skb = genlmsg_new(sizeof(*header) + len, GFP_KERNEL);
	if (!skb)
		return NULL;
	header = genlmsg_put_reply(skb, info, &ovs_ila_genl_family, 0, cmd);
	if (WARN_ON_ONCE(!header)) {
		nlmsg_free(skb);
		return NULL;
	}
	header->dp_ifindex = dp_ifindex(info);
	*headerp = header;
	return skb;
}

/* Sends 'skb', which the attributes fitted into if 'err' is 0. */
static int answer_send(struct genl_info *info, struct sk_buff *skb,
		       void *header, int err)
{
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

/* An answer with a number; made before what is counted is done. */
static struct sk_buff *answer_n_new(struct genl_info *info, u8 cmd,
				    void **headerp)
{
	return answer_new(info, cmd, nla_total_size(sizeof(u32)), headerp);
}

/* Sends 'skb' with 'n' if 'err' is 0, otherwise frees it and returns 'err'. */
static int answer_n_send(struct genl_info *info, struct sk_buff *skb,
			 void *header, u32 n, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return answer_send(info, skb, header,
			   nla_put_u32(skb, OVS_ILA_ATTR_N, n));
}

static int put_counts(struct sk_buff *skb, const u64 counts[OVS_ILA_N_COUNTS])
{
	return nla_put_64bit(skb, OVS_ILA_ATTR_COUNTS,
			     OVS_ILA_N_COUNTS * sizeof(*counts), counts,
			     OVS_ILA_ATTR_PAD);
}

static int put_entry(struct sk_buff *skb, const struct ovs_ila_entry *entry,
		     const struct ovs_ila_entry_stats *stats)
{
	return nla_put(skb, OVS_ILA_ATTR_ENTRY, sizeof(*entry), entry) ?:
	       nla_put(skb, OVS_ILA_ATTR_STATS, sizeof(*stats), stats);
}

static int add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[OVS_ILA_ATTR_ENTRY];
	struct nlattr *mode = info->attrs[OVS_ILA_ATTR_ADD_MODE];
	const struct ovs_ila_entry *entry;
	const char *bad = NULL;
	struct ovs_ila *ila;
	int err;

	if (missing(info, OVS_ILA_ATTR_ENTRY, "ENTRY is missing"))
		return -EINVAL;
	entry = nla_data(attr);
	err = ovs_ila_entry_check(entry, &bad);
	if (err)
		return conclude(info->extack, attr, bad, err);

	ila = obtain_locked(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	if (entry->match.fields & OVS_ILA_MATCH_IN_PORT &&
	    !ovs_ila_has_port(ila, entry->match.in_port)) {
		err = -ENODEV;
		bad = "in_port";
	} else {
		err = ovs_ila_table_add(ila->table, entry,
					mode ? nla_get_u8(mode) :
					       OVS_ILA_ADD_NEW, &bad);
	}
	unlock_and_put(ila);
	return conclude(info->extack, attr, bad, err);
}

static int del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[OVS_ILA_ATTR_MATCH];
	struct nlattr *owner = info->attrs[OVS_ILA_ATTR_OWNER];
	const char *bad = NULL;
	struct ovs_ila *ila;
	int err;

	if (missing(info, OVS_ILA_ATTR_MATCH, "MATCH is missing"))
		return -EINVAL;
	ila = obtain_locked(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	err = ovs_ila_table_del(ila->table, nla_data(attr),
				owner ? nla_get_u8(owner) : OVS_ILA_OWNER_ANY,
				&bad);
	unlock_and_put(ila);
	return conclude(info->extack, attr, bad, err);
}

static const char *lookup_check(const struct ovs_ila_lookup *lookup)
{
	if (!lookup->dirs || lookup->dirs & ~ALL_DIRS)
		return "dirs";
	if (lookup->in_port >= DP_MAX_PORTS)
		return "in_port";
	if (memchr_inv(lookup->zero, 0, sizeof(lookup->zero)))
		return "zero";
	return NULL;
}

static int get(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *match = info->attrs[OVS_ILA_ATTR_MATCH];
	struct nlattr *lookup = info->attrs[OVS_ILA_ATTR_LOOKUP];
	enum ovs_ila_verdict verdict = OVS_ILA_DROP;
	struct ovs_ila_entry_stats stats;
	struct ovs_ila_entry entry;
	u8 addr[OVS_ILA_ADDR_LEN];
	const char *bad = NULL;
	struct sk_buff *skb;
	struct ovs_ila *ila;
	void *header;
	int err;

	if (info->attrs[OVS_ILA_ATTR_FILTER])
		return refuse(info->extack, info->attrs[OVS_ILA_ATTR_FILTER],
			      "FILTER is for dumps", -EINVAL);
	if (info->attrs[OVS_ILA_ATTR_CURSOR])
		return refuse(info->extack, info->attrs[OVS_ILA_ATTR_CURSOR],
			      "CURSOR is for dumps", -EINVAL);
	if (!match == !lookup)
		return refuse(info->extack, lookup,
			      "either MATCH or LOOKUP is wanted", -EINVAL);
	if (lookup)
		bad = lookup_check(nla_data(lookup));
	else
		ovs_ila_match_check(nla_data(match), &bad);
	if (bad)
		return refuse(info->extack, lookup ?: match, bad, -EINVAL);

	ila = find(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	if (!ila)
		return -ENOENT;
	if (lookup)
		err = ovs_ila_table_trace(ila->table, nla_data(lookup), &entry,
					  &stats, &verdict, addr);
	else
		err = ovs_ila_table_get(ila->table, nla_data(match), &entry,
					&stats, &bad);
	ovs_ila_put(ila);
	if (err)
		return conclude(info->extack, lookup ?: match, bad, err);

	skb = answer_new(info, OVS_ILA_CMD_GET, nla_total_size(sizeof(entry)) +
			 nla_total_size(sizeof(stats)) +
			 nla_total_size(sizeof(addr)), &header);
	if (!skb)
		return -ENOMEM;
	err = put_entry(skb, &entry, &stats);
	/* A packet that is dropped becomes nothing. */
	if (!err && lookup && verdict != OVS_ILA_DROP)
		err = nla_put(skb, OVS_ILA_ATTR_ADDR, sizeof(addr),
			      verdict == OVS_ILA_TRANSLATE ? addr :
			      ((struct ovs_ila_lookup *)
			       nla_data(lookup))->addr);
	return answer_send(info, skb, header, err);
}

/* What a dump keeps from one buffer to the next.  The cursor of userspace has
 * the table's epoch in its upper half, so that netlink can tell, also of a dump
 * that goes on where another one ended, that all entries were replaced.
 */
struct dump_ctx {
	struct ovs_ila_filter filter;
	bool has_filter;
	u64 cursor;
};

static u64 make_cursor(u32 epoch, u64 cursor)
{
	return (u64)epoch << 32 | cursor;
}

static int dump_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_dumpit_info(cb)->attrs;
	struct nlattr *filter = attrs[OVS_ILA_ATTR_FILTER];
	struct nlattr *cursor = attrs[OVS_ILA_ATTR_CURSOR];
	struct dump_ctx *ctx = (struct dump_ctx *)cb->ctx;
	const char *bad = NULL;

	BUILD_BUG_ON(sizeof(*ctx) > sizeof(cb->ctx));

	if (attrs[OVS_ILA_ATTR_MATCH])
		return refuse(cb->extack, attrs[OVS_ILA_ATTR_MATCH],
			      "MATCH is not for dumps", -EINVAL);
	if (attrs[OVS_ILA_ATTR_LOOKUP])
		return refuse(cb->extack, attrs[OVS_ILA_ATTR_LOOKUP],
			      "LOOKUP is not for dumps", -EINVAL);
	if (filter) {
		memcpy(&ctx->filter, nla_data(filter), sizeof(ctx->filter));
		ctx->has_filter = true;
		if (ovs_ila_filter_check(&ctx->filter, &bad))
			return refuse(cb->extack, filter, bad, -EINVAL);
	}
	if (cursor) {
		ctx->cursor = lower_32_bits(nla_get_u64(cursor));
		cb->prev_seq = upper_32_bits(nla_get_u64(cursor));
	}
	return 0;
}

/* Appends the next entry to 'skb' and moves the cursor behind it. */
static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    struct ovs_ila *ila, struct dump_ctx *ctx)
{
	const struct ovs_header *request = genlmsg_data(nlmsg_data(cb->nlh));
	struct ovs_ila_entry_stats stats;
	struct ovs_ila_entry entry;
	struct ovs_header *header;
	u64 cursor = ctx->cursor;
	int err;

	err = ovs_ila_table_next(ila->table,
				 ctx->has_filter ? &ctx->filter : NULL,
				 &cursor, &entry, &stats);
	/* Asked for last, lest a replacement be missed; at the end, too. */
	cb->seq = ovs_ila_table_epoch(ila->table);
	if (err)
		return err;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
			     cb->nlh->nlmsg_seq, &ovs_ila_genl_family,
			     NLM_F_MULTI, OVS_ILA_CMD_GET);
	if (!header)
		return -EMSGSIZE;
	header->dp_ifindex = request->dp_ifindex;
	if (put_entry(skb, &entry, &stats) ||
	    nla_put_u64_64bit(skb, OVS_ILA_ATTR_CURSOR,
			      make_cursor(cb->seq, cursor),
			      OVS_ILA_ATTR_PAD)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	ctx->cursor = cursor;
	return 0;
}

static int dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct ovs_header *request = genlmsg_data(nlmsg_data(cb->nlh));
	struct dump_ctx *ctx = (struct dump_ctx *)cb->ctx;
	struct ovs_ila *ila;
	int err;

	ila = ovs_ila_find(sock_net(skb->sk), request->dp_ifindex);
	err = conclude_dp(cb->extack, ila);
	if (err || !ila)
		return err;
	do {
		err = dump_one(skb, cb, ila, ctx);
		cond_resched();
	} while (!err);
	ovs_ila_put(ila);
	return err == -ENOENT || skb->len ? skb->len : err;
}

static int move(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *filter = info->attrs[OVS_ILA_ATTR_FILTER];
	struct nlattr *locator = info->attrs[OVS_ILA_ATTR_LOCATOR];
	const char *bad = NULL;
	struct sk_buff *skb;
	struct ovs_ila *ila;
	void *header;
	u32 n = 0;
	int err;

	if (missing(info, OVS_ILA_ATTR_FILTER, "FILTER is missing") ||
	    missing(info, OVS_ILA_ATTR_LOCATOR, "LOCATOR is missing"))
		return -EINVAL;
	err = ovs_ila_filter_check(nla_data(filter), &bad);
	if (err)
		return conclude(info->extack, filter, bad, err);

	skb = answer_n_new(info, OVS_ILA_CMD_MOVE, &header);
	if (!skb)
		return -ENOMEM;
	ila = obtain_locked(info);
	if (IS_ERR(ila)) {
		nlmsg_free(skb);
		return PTR_ERR(ila);
	}
	err = ovs_ila_table_move(ila->table, nla_data(filter),
				 nla_data(locator), &n, &bad);
	unlock_and_put(ila);
	if (bad && !strcmp(bad, "to"))
		refuse(info->extack, locator, "LOCATOR", err);
	else
		conclude(info->extack, filter, bad, err);
	if (!err && !n)
		err = -ENOENT;
	return answer_n_send(info, skb, header, n, err);
}

static int flush(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *filter = info->attrs[OVS_ILA_ATTR_FILTER];
	const char *bad = NULL;
	struct sk_buff *skb;
	struct ovs_ila *ila;
	void *header;
	u32 n = 0;
	int err;

	if (filter) {
		err = ovs_ila_filter_check(nla_data(filter), &bad);
		if (err)
			return conclude(info->extack, filter, bad, err);
	}

	skb = answer_n_new(info, OVS_ILA_CMD_FLUSH, &header);
	if (!skb)
		return -ENOMEM;
	ila = obtain_locked(info);
	if (IS_ERR(ila)) {
		nlmsg_free(skb);
		return PTR_ERR(ila);
	}
	n = ovs_ila_table_flush(ila->table, filter ? nla_data(filter) : NULL);
	unlock_and_put(ila);
	return answer_n_send(info, skb, header, n, 0);
}

/* Stages 'entries', which may be NULL.  Which of them is refused is in the
 * cookie.
 */
static int stage(struct ovs_ila_staging *staging, const struct nlattr *entries,
		 struct netlink_ext_ack *extack)
{
	const char *bad = NULL;
	u32 index = 0;
	int err;

	if (!entries)
		return 0;
	if (!nla_len(entries) ||
	    nla_len(entries) % sizeof(struct ovs_ila_entry))
		return refuse(extack, entries,
			      "ENTRIES are not a number of entries", -EINVAL);
	err = ovs_ila_staging_add(staging, nla_data(entries),
				  nla_len(entries) /
				  sizeof(struct ovs_ila_entry), &index, &bad);
	if (err && extack) {
		memcpy(extack->cookie, &index, sizeof(index));
		extack->cookie_len = sizeof(index);
	}
	return conclude(extack, entries, bad, err);
}

/* What the socket stages, to go on with or, as 'flags' say, to begin with. */
static struct ovs_ila_staging *staging_get(struct genl_info *info,
					   const struct nlattr *attr, u8 flags)
{
	struct net *net = genl_info_net(info);
	struct ovs_ila_staging *staging;
	struct ovs_ila *ila;

	ila = obtain(info);
	if (IS_ERR(ila))
		return ERR_CAST(ila);
	if (flags & OVS_ILA_LOAD_BEGIN)
		staging = ovs_ila_staging_begin(ila, net, info->snd_portid);
	else
		staging = ovs_ila_staging_find(ila, net, info->snd_portid);
	ovs_ila_put(ila);
	if (staging == ERR_PTR(-ENOENT))
		return ERR_PTR(refuse(info->extack, attr, "no load has begun",
				      -EINVAL));
	return staging;
}

static const struct nla_policy load_policy[];

/* Sets '*n' to what the answer says.  Whoever calls this drops what is staged
 * if it returns an error, or if it was committed.
 */
static int load_some(struct genl_info *info, bool *committed, u32 *n)
{
	struct nlattr *attrs[OVS_ILA_ATTR_LAST + 1];
	struct ovs_ila_staging *staging;
	struct nlattr *attr;
	u8 flags;
	int err;

	/* Not before this is called, as an error drops what is staged. */
	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN + sizeof(struct ovs_header),
			  attrs, OVS_ILA_ATTR_LAST, load_policy, info->extack);
	if (err)
		return err;
	attr = attrs[OVS_ILA_ATTR_LOAD_FLAGS];
	flags = attr ? nla_get_u8(attr) : 0;
	*committed = flags & OVS_ILA_LOAD_COMMIT;
	if (flags & OVS_ILA_LOAD_REPLACE && !*committed)
		return refuse(info->extack, attr,
			      "REPLACE goes with COMMIT", -EINVAL);

	staging = staging_get(info, attr, flags);
	if (IS_ERR(staging))
		return PTR_ERR(staging);
	err = stage(staging, attrs[OVS_ILA_ATTR_ENTRIES], info->extack);
	*n = ovs_ila_staging_n(staging);
	if (!err && *committed) {
		err = ovs_ila_staging_commit(staging,
					     flags & OVS_ILA_LOAD_REPLACE);
		if (err == -ENODEV)
			refuse(info->extack, NULL, "in_port", err);
	}
	ovs_ila_staging_release(staging);
	return err;
}

static int load(struct sk_buff *request, struct genl_info *info)
{
	bool committed = false;
	struct sk_buff *skb;
	void *header;
	u32 n = 0;
	int err;

	skb = answer_n_new(info, OVS_ILA_CMD_LOAD, &header);
	err = skb ? load_some(info, &committed, &n) : -ENOMEM;
	if (err || committed)
		ovs_ila_staging_discard(genl_info_net(info), info->snd_portid);
	return answer_n_send(info, skb, header, n, err);
}

static int set_port(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *port = info->attrs[OVS_ILA_ATTR_PORT];
	struct nlattr *dirs = info->attrs[OVS_ILA_ATTR_DIRS];
	struct ovs_ila *ila;
	int err;

	if (missing(info, OVS_ILA_ATTR_PORT, "PORT is missing") ||
	    missing(info, OVS_ILA_ATTR_DIRS, "DIRS is missing"))
		return -EINVAL;
	ila = obtain_locked(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	err = ovs_ila_set_port(ila, nla_get_u32(port), nla_get_u8(dirs));
	unlock_and_put(ila);
	return conclude(info->extack, port,
			err == -ENODEV ? "PORT does not exist" : NULL, err);
}

/* Is there such a port in a datapath that has nothing of ILA? */
static bool port_exists(struct genl_info *info, u32 port_no)
{
	struct datapath *dp;
	bool exists;

	rcu_read_lock();
	dp = get_dp_rcu(genl_info_net(info), dp_ifindex(info));
	exists = dp && port_no < DP_MAX_PORTS && ovs_vport_rcu(dp, port_no);
	rcu_read_unlock();
	return exists;
}

static int get_port(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *port = info->attrs[OVS_ILA_ATTR_PORT];
	u64 counts[OVS_ILA_N_COUNTS] = {};
	struct sk_buff *skb;
	struct ovs_ila *ila;
	void *header;
	u32 port_no;
	u8 dirs = 0;
	int err;

	if (missing(info, OVS_ILA_ATTR_PORT, "PORT is missing"))
		return -EINVAL;
	port_no = nla_get_u32(port);
	ila = find(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	if (ila) {
		err = ovs_ila_lock(ila);
		if (!err) {
			err = ovs_ila_get_port(ila, port_no, &dirs, counts);
			ovs_ila_unlock(ila);
		}
		ovs_ila_put(ila);
	} else {
		err = port_exists(info, port_no) ? 0 : -ENODEV;
	}
	if (err)
		return refuse(info->extack, port, "PORT does not exist", err);

	skb = answer_new(info, OVS_ILA_CMD_GET_PORT,
			 nla_total_size(sizeof(port_no)) +
			 nla_total_size(sizeof(dirs)) +
			 nla_total_size_64bit(sizeof(counts)), &header);
	if (!skb)
		return -ENOMEM;
	err = nla_put_u32(skb, OVS_ILA_ATTR_PORT, port_no) ?:
	      nla_put_u8(skb, OVS_ILA_ATTR_DIRS, dirs) ?:
	      put_counts(skb, counts);
	return answer_send(info, skb, header, err);
}

static int set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *max = info->attrs[OVS_ILA_ATTR_MAX];
	struct ovs_ila *ila;
	int err;

	if (missing(info, OVS_ILA_ATTR_MAX, "MAX is missing"))
		return -EINVAL;
	ila = obtain_locked(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	err = ovs_ila_table_set_max(ila->table, nla_get_u32(max));
	unlock_and_put(ila);
	return conclude(info->extack, max, err == -EINVAL ? "MAX" : NULL, err);
}

static int get_stats(struct sk_buff *request, struct genl_info *info)
{
	u64 counts[OVS_ILA_N_COUNTS] = {};
	u32 max = OVS_ILA_TABLE_DEFAULT_MAX;
	struct ovs_ila_usage usage = {};
	struct sk_buff *skb;
	struct ovs_ila *ila;
	void *header;
	int err;

	ila = find_locked(info);
	if (IS_ERR(ila))
		return PTR_ERR(ila);
	if (ila) {
		ovs_ila_table_get_usage(ila->table, &usage);
		max = ovs_ila_table_get_max(ila->table);
		ovs_ila_get_counts(ila, counts);
		unlock_and_put(ila);
	}

	skb = answer_new(info, OVS_ILA_CMD_GET_STATS,
			 nla_total_size(sizeof(usage)) +
			 nla_total_size(sizeof(max)) +
			 nla_total_size_64bit(sizeof(counts)), &header);
	if (!skb)
		return -ENOMEM;
	err = nla_put(skb, OVS_ILA_ATTR_USAGE, sizeof(usage), &usage) ?:
	      nla_put_u32(skb, OVS_ILA_ATTR_MAX, max) ?:
	      put_counts(skb, counts);
	return answer_send(info, skb, header, err);
}

/* What each command takes; the rest is refused. */

#define EXACTLY(type) NLA_POLICY_EXACT_LEN(sizeof(type))
#define POLICY(name) \
	static const struct nla_policy name[OVS_ILA_ATTR_LAST + 1]

POLICY(add_policy) = {
	[OVS_ILA_ATTR_ENTRY] = EXACTLY(struct ovs_ila_entry),
	[OVS_ILA_ATTR_ADD_MODE] = NLA_POLICY_MAX(NLA_U8, OVS_ILA_ADD_MODIFY),
};

POLICY(del_policy) = {
	[OVS_ILA_ATTR_MATCH] = EXACTLY(struct ovs_ila_match),
	[OVS_ILA_ATTR_OWNER] = NLA_POLICY_MAX(NLA_U8, OVS_ILA_OWNER_DATABASE),
};

POLICY(get_policy) = {
	[OVS_ILA_ATTR_MATCH] = EXACTLY(struct ovs_ila_match),
	[OVS_ILA_ATTR_LOOKUP] = EXACTLY(struct ovs_ila_lookup),
	[OVS_ILA_ATTR_FILTER] = EXACTLY(struct ovs_ila_filter),
	[OVS_ILA_ATTR_CURSOR] = { .type = NLA_U64 },
};

POLICY(move_policy) = {
	[OVS_ILA_ATTR_FILTER] = EXACTLY(struct ovs_ila_filter),
	[OVS_ILA_ATTR_LOCATOR] = EXACTLY(__be32[2]),
};

POLICY(flush_policy) = {
	[OVS_ILA_ATTR_FILTER] = EXACTLY(struct ovs_ila_filter),
};

static const struct nla_policy load_policy[OVS_ILA_ATTR_LAST + 1] = {
	[OVS_ILA_ATTR_LOAD_FLAGS] = NLA_POLICY_MASK(NLA_U8, ALL_LOAD_FLAGS),
	[OVS_ILA_ATTR_ENTRIES] = { .type = NLA_BINARY },
};

POLICY(set_port_policy) = {
	[OVS_ILA_ATTR_PORT] = { .type = NLA_U32 },
	[OVS_ILA_ATTR_DIRS] = NLA_POLICY_MASK(NLA_U8, ALL_DIRS),
};

POLICY(get_port_policy) = {
	[OVS_ILA_ATTR_PORT] = { .type = NLA_U32 },
};

POLICY(set_policy) = {
	[OVS_ILA_ATTR_MAX] = { .type = NLA_U32 },
};

POLICY(get_stats_policy) = {
};

/* What load_some() parses itself. */
static const struct nla_policy unchecked_policy[OVS_ILA_ATTR_LAST + 1];

#define OP(number, function, permission)			\
	.cmd = number,						\
	.doit = function,					\
	.policy = function##_policy,				\
	.maxattr = OVS_ILA_ATTR_LAST,				\
	.flags = permission

static const struct genl_ops ops[] = {
	{ OP(OVS_ILA_CMD_ADD, add, GENL_UNS_ADMIN_PERM) },
	{ OP(OVS_ILA_CMD_DEL, del, GENL_UNS_ADMIN_PERM) },
	{ OP(OVS_ILA_CMD_GET, get, 0), .start = dump_start, .dumpit = dump },
	{ OP(OVS_ILA_CMD_MOVE, move, GENL_UNS_ADMIN_PERM) },
	{ OP(OVS_ILA_CMD_FLUSH, flush, GENL_UNS_ADMIN_PERM) },
	{
		.cmd = OVS_ILA_CMD_LOAD,
		.doit = load,
		.policy = unchecked_policy,
		.maxattr = OVS_ILA_ATTR_LAST,
		.flags = GENL_UNS_ADMIN_PERM,
		.validate = GENL_DONT_VALIDATE_STRICT,
	},
	{ OP(OVS_ILA_CMD_SET_PORT, set_port, GENL_UNS_ADMIN_PERM) },
	{ OP(OVS_ILA_CMD_GET_PORT, get_port, 0) },
	{ OP(OVS_ILA_CMD_SET, set, GENL_UNS_ADMIN_PERM) },
	{ OP(OVS_ILA_CMD_GET_STATS, get_stats, 0) },
};

struct genl_family ovs_ila_genl_family __ro_after_init = {
	.hdrsize = sizeof(struct ovs_header),
	.name = OVS_ILA_FAMILY,
	.version = OVS_ILA_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	/* Only commands below this one may check their attributes. */
	.resv_start_op = OVS_ILA_CMD_LOAD + 1,
	.module = THIS_MODULE,
};

MODULE_ALIAS_GENL_FAMILY(OVS_ILA_FAMILY);
