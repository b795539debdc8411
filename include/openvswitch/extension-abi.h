/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef OPENVSWITCH_EXTENSION_ABI_H
#define OPENVSWITCH_EXTENSION_ABI_H 1

/* Numbers and structures of our extensions that cross the border between
 * userspace and a datapath, the kernel's included.  Only types of the kernel's
 * user API; userspace must be able to include this without more.
 *
 * An extension action travels as
 *
 *     OVS_ACTION_ATTR_EXTENSION (64)
 *         one attribute with a type from enum ovs_extension_attr
 *
 * A datapath that does not know the action, or the type inside, refuses the
 * flow with EINVAL; that is how support is probed.  Numbers are never reused.
 * Multi-byte members are in network byte order where the type says __be, and
 * aligned to 4 bytes as netlink attributes are. */

#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of extension actions. */
enum ovs_extension_attr {
    OVS_EXTENSION_ATTR_UNSPEC = 0,
    OVS_EXTENSION_ATTR_ILA = 1,     /* struct ovs_action_ila. */
    OVS_EXTENSION_ATTR_TEST = 31,   /* Reserved for test programs. */
};
#define OVS_EXTENSION_ATTR_MAX 31

/* OVS_EXTENSION_ATTR_ILA: translates an address of an IPv6 packet between SIR
 * and ILA form.  A packet that is not IPv6 passes unchanged.  A packet whose C
 * bit is set and that neutral-map is to translate to the underlay is dropped.
 *
 * 'locator' is the new upper half of the address, first word first.
 * 'csum_mode' is one of Linux's ILA_CSUM_* (0 adjust-transport, 1 neutral-map,
 * 2 no-action, 3 neutral-map-auto), 'dir' 1 (in: ILA to SIR) or 2 (out: SIR to
 * ILA), 'field' 0 (destination) or 1 (source), 'ident_type' 1 (LUID, not
 * tested) or 32 (only identifiers whose type bits say LUID).  'flags' must be
 * zero. */
struct ovs_action_ila {
    __be32 locator[2];
    __u8 csum_mode;
    __u8 dir;
    __u8 field;
    __u8 ident_type;
    __be32 flags;
};

/* The kernel's cache of flows' matches in netlink form: a generic netlink
 * family of its own, so that a module of Linux is told from ours by its
 * absence.  Each message begins with a struct ovs_header, whose 'dp_ifindex'
 * names the datapath; zero in a dump means all.
 *
 * GET is free to all; SET wants CAP_NET_ADMIN in the user namespace that owns
 * the network namespace.  SET takes POLICY and MAX_BYTES, both optional,
 * changes nothing if one of them is bad, and drops what is cached when the new
 * values say so.  Other attributes, and any in GET, are refused. */
#define OVS_MATCH_CACHE_FAMILY "ovs_match_cache"
#define OVS_MATCH_CACHE_VERSION 1

enum ovs_match_cache_cmd {
    OVS_MATCH_CACHE_CMD_UNSPEC = 0,
    OVS_MATCH_CACHE_CMD_SET = 1,
    OVS_MATCH_CACHE_CMD_GET = 2,
};

/* When a flow's match is kept: never, from the second full dump on, from the
 * first one on.  A datapath begins with OFF. */
enum ovs_match_cache_policy {
    OVS_MATCH_CACHE_OFF = 0,
    OVS_MATCH_CACHE_LAZY = 1,
    OVS_MATCH_CACHE_EAGER = 2,
};

enum ovs_match_cache_attr {
    OVS_MATCH_CACHE_ATTR_UNSPEC = 0,
    OVS_MATCH_CACHE_ATTR_PAD = 1,
    OVS_MATCH_CACHE_ATTR_POLICY = 2,    /* u32, enum ovs_match_cache_policy. */
    OVS_MATCH_CACHE_ATTR_MAX_BYTES = 3, /* u64, limit of BYTES. */
    OVS_MATCH_CACHE_ATTR_HITS = 4,      /* u64, flows dumped from the cache. */
    OVS_MATCH_CACHE_ATTR_MISSES = 5,    /* u64, flows encoded in full dumps. */
    OVS_MATCH_CACHE_ATTR_ENTRIES = 6,   /* u64, flows with a cached match. */
    OVS_MATCH_CACHE_ATTR_BYTES = 7,     /* u64, memory of all entries. */
    OVS_MATCH_CACHE_ATTR_EVICTIONS = 8, /* u64, entries dropped before their
                                         * flow was deleted. */
    OVS_MATCH_CACHE_ATTR_FAILURES = 9,  /* u64, allocations that failed; the
                                         * flow is encoded next time, too. */
};
#define OVS_MATCH_CACHE_ATTR_MAX 9

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/extension-abi.h */
