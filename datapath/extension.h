/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_EXTENSION_H
#define OVS_EXTENSION_H 1

/* The door for actions of extensions in the kernel datapath.
 *
 * All of them are one action, OVS_ACTION_ATTR_EXTENSION, which holds exactly
 * one attribute with a type from enum ovs_extension_attr; flow_netlink.c and
 * actions.c call the functions below for it.  An extension is a
 * struct ovs_extension in a file of its own and a row of the table at the top
 * of extension.c.
 *
 * An action is kept and dumped in the form in which it came.
 */

#include <linux/types.h>
#include <net/netlink.h>

#include <openvswitch/extension-abi.h>

/* The number in user space's enum ovs_action_attr, far from those that
 * upstream gives out.  The enum of the kernel stays as it is.
 */
#define OVS_ACTION_ATTR_EXTENSION 64

struct sk_buff;
struct sw_flow_key;

struct ovs_extension {
	const char *name;
	unsigned int len;	/* Bytes of payload. */

	/* Returns 0 if 'payload' may be an action of a flow with the given
	 * Ethernet type at that place, otherwise a negative errno value, and
	 * why in the kernel's log if 'log' is true.  'key' is the key of the
	 * flow, which preceding actions may have changed.  Process context.
	 */
	int (*validate)(const void *payload, const struct sw_flow_key *key,
			__be16 eth_type, bool log);

	/* Executes the action on 'skb', whose key is 'key', and keeps 'key' up
	 * to date.  Returns 0 if the packet goes on, 1 if it is to be dropped
	 * without that being an error, otherwise a negative errno value.  The
	 * caller frees the packet.  Softirq context or bottom halves disabled,
	 * under RCU.
	 */
	int (*execute)(struct sk_buff *skb, struct sw_flow_key *key,
		       const void *payload);

	/* Instead of 'execute': takes the packet, a clone if actions follow.
	 * 'key' is not to be changed.  Called as 'execute'.
	 */
	void (*consume)(struct sk_buff *skb, const struct sw_flow_key *key,
			const void *payload);
};

extern const struct ovs_extension ovs_extension_ila;
extern const struct ovs_extension ovs_extension_ila_table;
extern const struct ovs_extension ovs_extension_vrf;

/* 'a' is an OVS_ACTION_ATTR_EXTENSION, from user space as it is. */
int ovs_extension_validate(const struct nlattr *a,
			   const struct sw_flow_key *key, __be16 eth_type,
			   bool log);

/* 'a' is an OVS_ACTION_ATTR_EXTENSION that passed the validation, 'last' says
 * that no action follows.  Returns 0 if the packet goes on, 1 if it is gone,
 * otherwise a negative errno value, and then the caller frees it.
 */
int ovs_extension_execute(struct sk_buff *skb, struct sw_flow_key *key,
			  const struct nlattr *a, bool last);

#endif /* extension.h */
