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

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/extension-abi.h */
