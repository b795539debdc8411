// SPDX-License-Identifier: GPL-2.0-only

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/string.h>

#include <asm/unaligned.h>

#include "ila.h"

/* The first byte of an identifier: three bits of type, the C bit. */
#define IDENT_BYTE	8
#define IDENT_TYPE_MASK	0xe0
#define IDENT_TYPE_LUID	0x20
#define IDENT_CBIT	0x10

/* The C bit as a part of the first word of the identifier. */
#define CBIT_WORD	0x1000

/* The word of the address that takes up what the locator changes. */
#define ADJUST_BYTE	14

/* The end-around carry. */
static u16 fold(u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Replaces 'from' by 'to', 'n' bytes each, in a sum. */
static u16 bytes_diff(const u8 *from, const u8 *to, unsigned int n)
{
	u32 sum = 0;
	unsigned int i;

	for (i = 0; i < n; i += 2) {
		sum += (u16)~get_unaligned_be16(from + i);
		sum += get_unaligned_be16(to + i);
	}
	return fold(sum);
}

u16 ovs_ila_diff(const u8 *from, const u8 *to)
{
	return bytes_diff(from, to, OVS_ILA_ADDR_LEN);
}

u16 ovs_ila_l4_diff(const u8 *from, const u8 *to, u8 flags)
{
	if (flags & OVS_ILA_ENTRY_ADJ_COMPAT)
		return ovs_ila_diff(to, from);
	return ovs_ila_diff(from, to);
}

bool ovs_ila_diff_is_zero(u16 diff)
{
	/* One's complement has two zeros. */
	return diff == 0 || diff == 0xffff;
}

u16 ovs_ila_update_csum(u16 check, u16 diff, bool partial)
{
	if (partial)
		return fold((u32)check + diff);
	return ~fold((u32)(u16)~check + diff);
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

/* Moves into the last word of 'to' what makes its sum that of 'from'. */
static void neutralize(const u8 *from, u8 *to)
{
	u16 excess = bytes_diff(to, from, OVS_ILA_ADDR_LEN);
	u16 word = get_unaligned_be16(to + ADJUST_BYTE);

	put_unaligned_be16(fold((u32)word + excess), to + ADJUST_BYTE);
}

enum ovs_ila_verdict
ovs_ila_translate_flags(const struct ovs_action_ila *ila, u8 flags,
			const u8 *from, u8 *to)
{
	bool cbit = from[IDENT_BYTE] & IDENT_CBIT;

	if (from[0] == 0xff)
		return OVS_ILA_PASS;
	if (ila->ident_type == OVS_ILA_IDENT_USE_FORMAT &&
	    (from[IDENT_BYTE] & IDENT_TYPE_MASK) != IDENT_TYPE_LUID)
		return OVS_ILA_PASS;

	memcpy(to, ila->locator, sizeof(ila->locator));
	memcpy(to + IDENT_BYTE, from + IDENT_BYTE,
	       OVS_ILA_ADDR_LEN - IDENT_BYTE);

	switch (ila->csum_mode) {
	case OVS_ILA_CSUM_NEUTRAL_MAP:
		if (ila->dir == OVS_ILA_DIR_OUT) {
			if (cbit)
				return OVS_ILA_DROP;
		} else if (!cbit) {
			return OVS_ILA_TRANSLATE; /* Its sender adjusted nothing. */
		}
		to[IDENT_BYTE] ^= IDENT_CBIT;
		break;

	case OVS_ILA_CSUM_NEUTRAL_MAP_AUTO:
		break;

	default:
		return OVS_ILA_TRANSLATE;
	}
	neutralize(from, to);
	if (flags & OVS_ILA_ENTRY_RESTORE_ZERO &&
	    get_unaligned_be16(to + ADJUST_BYTE) == 0xffff)
		put_unaligned_be16(0, to + ADJUST_BYTE);
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
	struct ovs_action_ila plain = *ila;
	enum ovs_ila_verdict verdict;

	plain.csum_mode = OVS_ILA_CSUM_NO_ACTION;
	verdict = ovs_ila_translate_flags(&plain, 0, from, to);
	if (verdict == OVS_ILA_TRANSLATE) {
		if (ila->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP)
			to[IDENT_BYTE] &= ~IDENT_CBIT;
		memcpy(to + ADJUST_BYTE, &word, sizeof(word));
	}
	return verdict;
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
