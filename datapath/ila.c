// SPDX-License-Identifier: GPL-2.0-only

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/string.h>

#include <asm/unaligned.h>

#include "ila.h"
#include "ila_translate.h"

u16 ovs_ila_diff(const u8 *from, const u8 *to)
{
	u64 sum;

	sum = ovs_ila_half_to_32(~ovs_ila_half(from)) +
	      (u64)ovs_ila_half_to_32(~ovs_ila_half(from + 8)) +
	      ovs_ila_half_to_32(ovs_ila_half(to)) +
	      ovs_ila_half_to_32(ovs_ila_half(to + 8));
	return ntohs((__force __be16)ovs_ila_sum(sum));
}

bool ovs_ila_diff_is_zero(u16 diff)
{
	/* One's complement has two zeros. */
	return diff == 0 || diff == 0xffff;
}

u16 ovs_ila_update_csum(u16 check, u16 diff, bool partial)
{
	if (partial)
		return ovs_ila_fold((u32)check + diff);
	return ~ovs_ila_fold((u32)(u16)~check + diff);
}

bool ovs_ila_locator_is_valid(const u8 *locator)
{
	static const u8 zeros[sizeof_field(struct ovs_action_ila, locator)];

	if (!memcmp(locator, zeros, sizeof(zeros)))
		return false;
	if (locator[0] == 0xff)		/* Multicast, ff00::/8. */
		return false;
	if (locator[0] == 0xfe && (locator[1] & 0xc0) == 0x80)
		return false;		/* Link-local, fe80::/10. */
	return true;
}

const char *ovs_ila_check(const struct ovs_action_ila *ila)
{
	if (!ovs_ila_locator_is_valid((const u8 *)ila->locator))
		return "locator";
	if (ila->csum_mode > OVS_ILA_CSUM_NEUTRAL_MAP_AUTO)
		return "csum_mode";
	if (ila->dir != OVS_ILA_DIR_IN && ila->dir != OVS_ILA_DIR_OUT)
		return "dir";
	if (ila->field != OVS_ILA_FIELD_DST && ila->field != OVS_ILA_FIELD_SRC)
		return "field";
	if (ila->ident_type != OVS_ILA_IDENT_LUID &&
	    ila->ident_type != OVS_ILA_IDENT_USE_FORMAT)
		return "ident_type";
	if (ila->flags)
		return "flags";
	return NULL;
}

static bool is_translatable(const struct ovs_action_ila *ila, const u8 *from)
{
	if (from[0] == 0xff)		/* Multicast. */
		return false;
	return ila->ident_type != OVS_ILA_IDENT_USE_FORMAT ||
	       (from[OVS_ILA_IDENT_BYTE] & OVS_ILA_IDENT_TYPE_MASK) ==
	       OVS_ILA_IDENT_TYPE_LUID;
}

enum ovs_ila_verdict
ovs_ila_translate_flags(const struct ovs_action_ila *ila, u8 flags,
			const u8 *from, u8 *to)
{
	u64 locator = ovs_ila_half((const u8 *)ila->locator);

	if (!is_translatable(ila, from))
		return OVS_ILA_PASS;
	if (ila->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP &&
	    ila->dir == OVS_ILA_DIR_OUT &&
	    from[OVS_ILA_IDENT_BYTE] & OVS_ILA_IDENT_CBIT)
		return OVS_ILA_DROP;

	memcpy(to, from, OVS_ILA_ADDR_LEN);
	if (!ovs_ila_translate_neutral(ila, ovs_ila_minus(locator), NULL, flags,
				       to))
		memcpy(to, ila->locator, sizeof(ila->locator));
	return OVS_ILA_TRANSLATE;
}

enum ovs_ila_verdict ovs_ila_translate(const struct ovs_action_ila *ila,
				       const u8 *from, u8 *to)
{
	return ovs_ila_translate_flags(ila, 0, from, to);
}

enum ovs_ila_verdict
ovs_ila_translate_exact(const struct ovs_action_ila *ila, __be16 word,
			const u8 *from, u8 *to)
{
	if (!is_translatable(ila, from))
		return OVS_ILA_PASS;

	memcpy(to, ila->locator, sizeof(ila->locator));
	memcpy(to + OVS_ILA_IDENT_BYTE, from + OVS_ILA_IDENT_BYTE,
	       OVS_ILA_ADDR_LEN - OVS_ILA_IDENT_BYTE);
	if (ila->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP)
		to[OVS_ILA_IDENT_BYTE] &= ~OVS_ILA_IDENT_CBIT;
	memcpy(to + OVS_ILA_ADJUST_BYTE, &word, sizeof(word));
	return OVS_ILA_TRANSLATE;
}

void ovs_ila_walk_init(struct ovs_ila_walk *walk, u8 proto, u8 field)
{
	walk->offset = sizeof(struct ipv6hdr);
	walk->proto = proto;
	walk->field_is_dst = field == OVS_ILA_FIELD_DST;
}

bool ovs_ila_walk_wants_header(const struct ovs_ila_walk *walk)
{
	switch (walk->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return true;
	default:
		return false;
	}
}

bool ovs_ila_walk_step(struct ovs_ila_walk *walk, const u8 *header)
{
	unsigned int len = (header[1] + 1) * 8;

	switch (walk->proto) {
	case IPPROTO_ROUTING:
		/* As long as segments are left, the final destination is in
		 * there and it is that one that the checksum covers.
		 */
		if (header[3] && walk->field_is_dst)
			return false;
		break;

	case IPPROTO_FRAGMENT:
		if (get_unaligned_be16(header + 2) & 0xfff8)
			return false;
		len = 8;
		break;

	case IPPROTO_AH:
		len = (header[1] + 2) * 4;
		break;
	}
	walk->proto = header[0];
	walk->offset += len;
	return true;
}

const struct ovs_ila_l4 *ovs_ila_l4_from_proto(u8 proto)
{
	static const struct ovs_ila_l4 tcp = { 20, 16, false };
	static const struct ovs_ila_l4 udp = { 8, 6, true };
	static const struct ovs_ila_l4 icmpv6 = { 8, 2, false };

	switch (proto) {
	case IPPROTO_TCP:
		return &tcp;
	case IPPROTO_UDP:
		return &udp;
	case IPPROTO_ICMPV6:
		return &icmpv6;
	default:
		return NULL;
	}
}
