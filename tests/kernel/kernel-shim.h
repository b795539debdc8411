/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef KERNEL_SHIM_H
#define KERNEL_SHIM_H 1

/* What datapath/ila.c needs of the kernel beyond its user API, so that it
 * compiles in user space.  Given to the compiler by -include.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

#define sizeof_field(TYPE, MEMBER) sizeof(((TYPE *)0)->MEMBER)

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
