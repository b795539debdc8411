/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef RING_SHIM_H
#define RING_SHIM_H 1

/* What datapath/ring_lane.c needs of the kernel, so that it compiles in user
 * space.  Given to the compiler by -include; the headers that it includes are
 * empty then.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define BITS_PER_LONG 64	/* Of the kernel. */
#define ARRAY_SIZE(A) (sizeof(A) / sizeof((A)[0]))
#define ALIGN(X, A) (((X) + ((__typeof__(X))(A) - 1)) & \
		     ~((__typeof__(X))(A) - 1))

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

#define READ_ONCE(X) __atomic_load_n(&(X), __ATOMIC_RELAXED)
#define WRITE_ONCE(X, V) __atomic_store_n(&(X), V, __ATOMIC_RELAXED)
#define smp_load_acquire(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define smp_store_release(P, V) __atomic_store_n(P, V, __ATOMIC_RELEASE)

/* ThreadSanitizer knows no fences. */
extern int shim_fence;
#define smp_mb() ((void)__atomic_fetch_add(&shim_fence, 1, __ATOMIC_SEQ_CST))
#define smp_wmb() smp_mb()
#define smp_rmb() smp_mb()

#endif /* ring-shim.h */
