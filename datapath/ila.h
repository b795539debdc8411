/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_H
#define OVS_ILA_H 1

/* Identifier-locator addressing: the arithmetic.
 *
 * Addresses are 16 bytes, locator first, as they are in the packet.  Nothing
 * here knows a packet buffer or allocates; the functions are pure, may be
 * called in any context and are also compiled by a test in user space, see
 * tests/kernel/kernel-shim.h.
 */

#include <linux/types.h>

#include <openvswitch/extension-abi.h>

#define OVS_ILA_ADDR_LEN 16

/* Values of the members of struct ovs_action_ila. */
enum {
	OVS_ILA_CSUM_ADJUST_TRANSPORT = 0,
	OVS_ILA_CSUM_NEUTRAL_MAP = 1,
	OVS_ILA_CSUM_NO_ACTION = 2,
	OVS_ILA_CSUM_NEUTRAL_MAP_AUTO = 3,
};

enum {
	OVS_ILA_DIR_IN = 1,	/* ILA to SIR. */
	OVS_ILA_DIR_OUT = 2,	/* SIR to ILA. */
};

enum {
	OVS_ILA_FIELD_DST = 0,
	OVS_ILA_FIELD_SRC = 1,
};

enum {
	OVS_ILA_IDENT_LUID = 1,
	OVS_ILA_IDENT_USE_FORMAT = 32,
};

enum ovs_ila_verdict {
	OVS_ILA_PASS,		/* Not to be translated. */
	OVS_ILA_TRANSLATE,
	OVS_ILA_DROP,		/* Not translatable: the C bit is taken. */
};

/* Where the search for the transport header stands. */
struct ovs_ila_walk {
	unsigned int offset;	/* From the start of the IPv6 header. */
	u8 proto;		/* What is at 'offset'. */
	bool field_is_dst;	/* The destination is translated. */
};

/* The checksum field of a transport protocol. */
struct ovs_ila_l4 {
	u8 min_len;		/* Of the header that must be there. */
	u8 csum_offset;		/* In the header. */
	bool zero_is_none;	/* A value of 0 means that there is none. */
};

/* Can 'locator', 8 bytes, be the new one?  Not if it is zero, or the beginning
 * of multicast or link-local addresses.
 */
bool ovs_ila_locator_is_valid(const u8 *locator);

/* Returns NULL if 'ila' is valid, otherwise the name of the bad member. */
const char *ovs_ila_check(const struct ovs_action_ila *ila);

/* Translates 'from', the address in the field that 'ila' names, to 'to'.
 * 'to' is set for OVS_ILA_TRANSLATE only.
 */
enum ovs_ila_verdict ovs_ila_translate(const struct ovs_action_ila *ila,
				       const u8 *from, u8 *to);

/* Likewise with OVS_ILA_ENTRY_RESTORE_ZERO in 'flags', of which others have no
 * meaning here.
 */
enum ovs_ila_verdict
ovs_ila_translate_flags(const struct ovs_action_ila *ila, u8 flags,
			const u8 *from, u8 *to);

/* Likewise where 'ila' is a neutral mode with direction in, and 'from' is known
 * to be the form on the wire of an identifier that ends in 'word'.  Restores
 * that one, of the two that 'from' could be.
 */
enum ovs_ila_verdict
ovs_ila_translate_exact(const struct ovs_action_ila *ila, __be16 word,
			const u8 *from, u8 *to);

/* Returns what replacing 'from' by 'to' adds to a one's complement sum. */
u16 ovs_ila_diff(const u8 *from, const u8 *to);

/* Returns true if adding 'diff' changes no sum. */
bool ovs_ila_diff_is_zero(u16 diff);

/* Returns 'check', a checksum as it stands in the packet, in the order of the
 * host, after 'diff' was added to what it covers.  'partial' says that the
 * field holds only the sum of the pseudo-header, to be finished by the device.
 */
u16 ovs_ila_update_csum(u16 check, u16 diff, bool partial);

/* The walk along the extension headers.  After ovs_ila_walk_init(), as long as
 * ovs_ila_walk_wants_header() is true, the caller gives the first 8 bytes at
 * 'offset' to ovs_ila_walk_step(); false means that there is no transport
 * header whose checksum covers the address.  In the end 'proto' is at 'offset'.
 */
void ovs_ila_walk_init(struct ovs_ila_walk *walk, u8 proto, u8 field);
bool ovs_ila_walk_wants_header(const struct ovs_ila_walk *walk);
bool ovs_ila_walk_step(struct ovs_ila_walk *walk, const u8 *header);

/* Returns the checksum of 'proto', or NULL if it has none that covers the
 * address or is not known.
 */
const struct ovs_ila_l4 *ovs_ila_l4_from_proto(u8 proto);

#endif /* ila.h */
