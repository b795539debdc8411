/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_TRANSLATE_H
#define OVS_ILA_TRANSLATE_H 1

/* Identifier-locator addressing: translation without a change of the sum, inline
 * for ila.c and for packets on their way through the mapping table.  See ila.h.
 */

#include <linux/string.h>

#include <asm/byteorder.h>
#include <asm/unaligned.h>

#include "ila.h"
#include "ila_sum.h"

/* The first byte of an identifier: three bits of type, the C bit. */
#define OVS_ILA_IDENT_BYTE 8
#define OVS_ILA_IDENT_TYPE_MASK 0xe0
#define OVS_ILA_IDENT_TYPE_LUID 0x20
#define OVS_ILA_IDENT_CBIT 0x10

/* The word of the address that takes up what the locator changes. */
#define OVS_ILA_ADJUST_BYTE 14

/* Eight bytes as they lie in memory. */
static __always_inline u64 ovs_ila_half(const u8 *bytes)
{
	return get_unaligned((const u64 *)bytes);
}

/* Returns the last word of the address that has the sum of 'from' with another
 * locator, whose ovs_ila_minus() is 'minus'; 'extra' is what the rest of the
 * identifier loses.
 */
static __always_inline u16
ovs_ila_neutral_word(const u8 *from, u16 minus, __be16 extra, u8 flags)
{
	u16 word = get_unaligned((const u16 *)(from + OVS_ILA_ADJUST_BYTE));

	word = ovs_ila_fold((u32)word + ovs_ila_sum(ovs_ila_half(from)) +
			    minus + (__force u16)extra);
	if (flags & OVS_ILA_ENTRY_RESTORE_ZERO && word == 0xffff)
		word = 0;
	return word;
}

/* Translates 'address', which is not multicast, in place, if that keeps its sum
 * and its type does not matter; otherwise does nothing and returns false.
 * 'minus' is the ovs_ila_minus() of the locator of 'ila', '*word', unless it is
 * NULL, the last word that is known to be the result's.
 */
static __always_inline bool
ovs_ila_translate_neutral(const struct ovs_action_ila *ila, u16 minus,
			  const __be16 *word, u8 flags, u8 *address)
{
	u8 cbit = address[OVS_ILA_IDENT_BYTE] & OVS_ILA_IDENT_CBIT;
	/* Zero, but not all words of a sum may be 0, see ila_sum.h. */
	__be16 extra = htons(0xffff);
	u8 flip = 0;
	u16 last;

	if (ila->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP) {
		/* A sender's C bit is taken, or nothing was adjusted. */
		if (cbit ? ila->dir == OVS_ILA_DIR_OUT :
			   ila->dir == OVS_ILA_DIR_IN)
			return false;
		extra = cbit ? htons(0x1000) : htons(0xefff);
		flip = OVS_ILA_IDENT_CBIT;
	} else if (ila->csum_mode != OVS_ILA_CSUM_NEUTRAL_MAP_AUTO) {
		return false;
	}
	last = word ? (__force u16)*word :
		      ovs_ila_neutral_word(address, minus, extra, flags);
	memcpy(address, ila->locator, sizeof(ila->locator));
	address[OVS_ILA_IDENT_BYTE] ^= flip;
	memcpy(address + OVS_ILA_ADJUST_BYTE, &last, sizeof(last));
	return true;
}

#endif /* ila_translate.h */
