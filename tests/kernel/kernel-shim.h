/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef KERNEL_SHIM_H
#define KERNEL_SHIM_H 1

/* What datapath/ila.c needs of the kernel beyond its user API, so that it
 * compiles in user space.  Given to the compiler by -include.
 */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define __force
#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

#define sizeof_field(TYPE, MEMBER) sizeof(((TYPE *)0)->MEMBER)

#define get_unaligned(P) \
	({ struct { __typeof__(*(P)) x; } __attribute__((packed)) copy_; \
	   memcpy(&copy_, P, sizeof(copy_)); copy_.x; })

static inline u32 ror32(u32 n, unsigned int bits)
{
	return n >> bits | n << (32 - bits);
}

static inline u64 ror64(u64 n, unsigned int bits)
{
	return n >> bits | n << (64 - bits);
}

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *bytes = p;

	return bytes[0] << 8 | bytes[1];
}

static inline void put_unaligned_be16(u16 value, void *p)
{
	u8 *bytes = p;

	bytes[0] = value >> 8;
	bytes[1] = value;
}

#endif /* kernel-shim.h */
