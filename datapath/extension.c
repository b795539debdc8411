// SPDX-License-Identifier: GPL-2.0-only

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/build_bug.h>
#include <linux/module.h>
#include <linux/openvswitch.h>
#include <linux/skbuff.h>

#include "datapath.h"
#include "extension.h"
#include "extension-version.h"

/* The registry. */
static const struct ovs_extension *const
extensions[OVS_EXTENSION_ATTR_MAX + 1] = {
	[OVS_EXTENSION_ATTR_ILA] = &ovs_extension_ila,
	[OVS_EXTENSION_ATTR_ILA_TABLE] = &ovs_extension_ila_table,
	[OVS_EXTENSION_ATTR_VRF] = &ovs_extension_vrf,
};

int ovs_extension_validate(const struct nlattr *a,
			   const struct sw_flow_key *key, __be16 eth_type,
			   bool log)
{
	const struct nlattr *payload = nla_data(a);
	const struct ovs_extension *extension = NULL;
	unsigned int type;

	BUILD_BUG_ON(OVS_ACTION_ATTR_EXTENSION <= __OVS_ACTION_ATTR_MAX);

	/* Exactly one attribute, and no flag in its type. */
	if (!nla_ok(payload, nla_len(a)) ||
	    nla_total_size(nla_len(payload)) != nla_len(a)) {
		OVS_NLERR(log, "Extension action must hold one attribute");
		return -EINVAL;
	}

	type = payload->nla_type;
	if (type < ARRAY_SIZE(extensions))
		extension = extensions[type];
	if (!extension) {
		OVS_NLERR(log, "Unknown extension action type %u", type);
		return -EINVAL;
	}
	if (nla_len(payload) != extension->len) {
		OVS_NLERR(log, "Extension action %s has %d bytes, expected %u",
			  extension->name, nla_len(payload), extension->len);
		return -EINVAL;
	}
	return extension->validate(nla_data(payload), key, eth_type, log);
}

int ovs_extension_execute(struct sk_buff *skb, struct sw_flow_key *key,
			  const struct nlattr *a, bool last)
{
	const struct nlattr *payload = nla_data(a);
	const struct ovs_extension *extension;
	int err;

	extension = extensions[nla_type(payload)];
	if (extension->consume) {
		if (!last)
			skb = skb_clone(skb, GFP_ATOMIC);
		if (skb)
			extension->consume(skb, key, nla_data(payload));
		return last;
	}

	err = extension->execute(skb, key, nla_data(payload));
	if (err > 0)
		kfree_skb(skb);
	return err;
}

MODULE_VERSION(OVS_EXTENSION_VERSION);
