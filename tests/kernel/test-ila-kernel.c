// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel module's ILA arithmetic in user space.
 *
 * Each line of input is
 *
 *     LOCATOR CSUM_MODE DIR FIELD IDENT_TYPE FLAGS PARTIAL PACKET
 *
 * with the members of struct ovs_action_ila, the locator and the packet, from
 * the IPv6 header on, in hexadecimal.  The line of output for it is "pass",
 * "drop", "invalid MEMBER", or the translated packet.
 *
 * What stands here in place of ila_action.c is as simple as can be: the packet
 * is one array.
 */

#include <stdio.h>
#include <stdlib.h>

#include <linux/ipv6.h>

#include "ila.h"

struct packet {
	u8 *data;
	unsigned int len;
};

static unsigned int parse_hex(const char *s, u8 *bytes, unsigned int max)
{
	unsigned int n, byte;

	for (n = 0; n < max && sscanf(s + 2 * n, "%2x", &byte) == 1; n++)
		bytes[n] = byte;
	return n;
}

static void adjust(const struct packet *p, const struct ovs_action_ila *ila,
		   bool partial, u16 diff)
{
	const struct ovs_ila_l4 *l4;
	struct ovs_ila_walk walk;
	u16 check;
	u8 *field;

	ovs_ila_walk_init(&walk, p->data[6], ila->field);
	while (ovs_ila_walk_wants_header(&walk)) {
		if (walk.offset + 8 > p->len ||
		    !ovs_ila_walk_step(&walk, p->data + walk.offset))
			return;
	}
	l4 = ovs_ila_l4_from_proto(walk.proto);
	if (!l4 || walk.offset + l4->min_len > p->len)
		return;

	field = p->data + walk.offset + l4->csum_offset;
	check = get_unaligned_be16(field);
	if (l4->zero_is_none && !check && !partial)
		return;
	check = ovs_ila_update_csum(check, diff, partial);
	if (l4->zero_is_none && !check)
		check = 0xffff;
	put_unaligned_be16(check, field);
}

static void run(const struct ovs_action_ila *ila, bool partial,
		const struct packet *p)
{
	size_t offset = ila->field ? offsetof(struct ipv6hdr, saddr)
				   : offsetof(struct ipv6hdr, daddr);
	const char *bad = ovs_ila_check(ila);
	u8 to[OVS_ILA_ADDR_LEN];
	unsigned int i;

	if (bad) {
		printf("invalid %s\n", bad);
		return;
	}

	switch (ovs_ila_translate(ila, p->data + offset, to)) {
	case OVS_ILA_PASS:
		puts("pass");
		return;
	case OVS_ILA_DROP:
		puts("drop");
		return;
	case OVS_ILA_TRANSLATE:
		break;
	}

	if (ila->csum_mode == OVS_ILA_CSUM_ADJUST_TRANSPORT)
		adjust(p, ila, partial, ovs_ila_diff(p->data + offset, to));
	memcpy(p->data + offset, to, sizeof(to));
	for (i = 0; i < p->len; i++)
		printf("%02x", p->data[i]);
	putchar('\n');
}

int main(void)
{
	static char line[200000];
	static char hex[sizeof(line)];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned int mode, dir, field, type, flags, partial;
		struct ovs_action_ila ila = {};
		struct packet p;
		char locator[17];

		if (sscanf(line, "%16s %u %u %u %u %u %u %s", locator, &mode,
			   &dir, &field, &type, &flags, &partial, hex) != 8 ||
		    parse_hex(locator, (u8 *)ila.locator, 8) != 8) {
			fprintf(stderr, "bad line: %s", line);
			return 1;
		}
		ila.csum_mode = mode;
		ila.dir = dir;
		ila.field = field;
		ila.ident_type = type;
		ila.flags = flags;

		/* Of just that size, for sanitizers to see. */
		p.len = strlen(hex) / 2;
		p.data = malloc(p.len);
		if (!p.data || p.len < sizeof(struct ipv6hdr) ||
		    parse_hex(hex, p.data, p.len) != p.len) {
			fprintf(stderr, "bad packet: %s", line);
			return 1;
		}
		run(&ila, partial, &p);
		free(p.data);
	}
	return 0;
}
