/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_SUM_H
#define OVS_ILA_SUM_H 1

/* Identifier-locator addressing: sums of halves of addresses, inline because
 * packets pay for each instruction.
 *
 * A sum is that of 16-bit words in one's complement.  The words are taken as
 * they lie in memory, whatever the host's byte order makes of them: one's
 * complement does not mind (RFC 1071), the sum comes out in the same order.
 * Its zero is 0xffff unless every word is 0.
 */

#include <linux/bitops.h>
#include <linux/types.h>

/* The end-around carry. */
static __always_inline u16 ovs_ila_fold(u32 sum)
{
	return (sum + ror32(sum, 16)) >> 16;
}

/* Four words as two, without the last carries: at most 2**32 - 1. */
static __always_inline u32 ovs_ila_half_to_32(u64 half)
{
	return (half + ror64(half, 32)) >> 32;
}

/* The sum of a half. */
static __always_inline u16 ovs_ila_sum(u64 half)
{
	return ovs_ila_fold(ovs_ila_half_to_32(half));
}

/* What has to be added to leave 'half' out of a sum. */
static __always_inline u16 ovs_ila_minus(u64 half)
{
	return ~ovs_ila_sum(half);
}

#endif /* ila_sum.h */
