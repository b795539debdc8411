/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef ILA_TABLE_SHIM_H
#define ILA_TABLE_SHIM_H 1

/* What the ILA mapping table in datapath/ needs of the kernel, so that it
 * compiles in user space.  Given to the compiler by -include; the headers that
 * it includes are empty then.
 *
 * What is said in test-ila-table-kernel.c, not here, is what allocates and what
 * knows about readers: each allocation can be made to fail, and a grace period
 * is over when all threads that were in a critical section have left it.
 */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "kernel-shim.h"

#include <linux/types.h>

typedef int32_t s32;

#define U16_MAX UINT16_MAX
#define U64_MAX UINT64_MAX

#define __rcu
#define __percpu
#define likely(X) __builtin_expect(!!(X), 1)
#define unlikely(X) __builtin_expect(!!(X), 0)

#define BIT(N) (1UL << (N))
#define ARRAY_SIZE(A) (sizeof(A) / sizeof((A)[0]))
#define max_t(TYPE, A, B) ((TYPE)(A) > (TYPE)(B) ? (TYPE)(A) : (TYPE)(B))
#define max(A, B) ((A) > (B) ? (A) : (B))
#define ALIGN(N, TO) (((N) + (TO) - 1) / (TO) * (TO))
#define struct_size(P, MEMBER, N) \
	(sizeof(*(P)) + (size_t)(N) * sizeof((P)->MEMBER[0]))
#define BUILD_BUG_ON(COND) static_assert(!(COND), #COND)
#define WARN_ON_ONCE(COND) ({ bool cond_ = (COND); assert(!cond_); cond_; })

/* Stronger than the kernel's, which may rely on dependencies. */
#define READ_ONCE(X) __atomic_load_n(&(X), __ATOMIC_ACQUIRE)
#define WRITE_ONCE(X, V) \
	do { \
		__atomic_store_n(&(X), V, __ATOMIC_RELAXED); \
		shim_stored(); \
	} while (0)
#define smp_load_acquire(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define smp_store_release(P, V) \
	do { \
		__atomic_store_n(P, V, __ATOMIC_RELEASE); \
		shim_stored(); \
	} while (0)

/* A thread that dawdles gives others the time to see what it has stored before
 * they could see anything that it stores next: always where it seldom comes,
 * now and then elsewhere.
 */
extern __thread bool shim_dawdles;
#define shim_stored() \
	do { \
		static __thread u32 n_; \
		if (shim_dawdles && (n_++ < 300 || !(n_ % 64))) \
			usleep(100); \
	} while (0)
#define cmpxchg(P, OLD, NEW) \
	({ __typeof__(*(P)) old_ = (OLD); \
	   __atomic_compare_exchange_n(P, &old_, NEW, false, \
				       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	   old_; })

/* ThreadSanitizer knows no fences. */
extern int shim_fence;
#define smp_mb() ((void)__atomic_fetch_add(&shim_fence, 1, __ATOMIC_SEQ_CST))

typedef struct {
	u64 counter;
} atomic64_t;

static inline u64 atomic64_read(const atomic64_t *a)
{
	return __atomic_load_n(&a->counter, __ATOMIC_RELAXED);
}

static inline void atomic64_add(u64 n, atomic64_t *a)
{
	__atomic_fetch_add(&a->counter, n, __ATOMIC_RELAXED);
}

#define atomic64_sub(N, A) atomic64_add(-(u64)(N), A)
#define atomic64_inc(A) atomic64_add(1, A)

static inline unsigned long __fls(unsigned long n)
{
	return sizeof(n) * 8 - 1 - __builtin_clzl(n);
}

static inline u32 reciprocal_scale(u32 n, u32 range)
{
	return (u64)n * range >> 32;
}

/* Memory. */

#define GFP_KERNEL_ACCOUNT 1
#define __GFP_ZERO 2

#define PAGE_SIZE 4096UL
#define PAGE_ALIGN(N) ALIGN(N, PAGE_SIZE)
#define PMD_SIZE (2UL << 20)
#define KMALLOC_MAX_SIZE (4UL << 20)

void *kvzalloc(size_t size, int flags);
void kvfree(const void *p);
#define kzalloc(SIZE, FLAGS) kvzalloc(SIZE, FLAGS)
#define kfree(P) kvfree(P)
#define alloc_pages_exact(SIZE, FLAGS) kvzalloc(SIZE, FLAGS)
#define free_pages_exact(P, SIZE) ((void)(SIZE), kvfree(P))

/* The sizes of the kernel's slabs, and of its pages. */
static inline size_t kmalloc_size_roundup(size_t size)
{
	size_t rounded = 8;

	while (rounded < size)
		rounded *= 2;
	return rounded;
}

/* Processors: each thread is one. */

#define N_CPUS 8
extern __thread unsigned int shim_cpu;

#define alloc_percpu_gfp(TYPE, FLAGS) \
	((TYPE *)kvzalloc(N_CPUS * sizeof(TYPE), FLAGS))
#define free_percpu(P) kvfree(P)
#define per_cpu_ptr(P, CPU) (&(P)[CPU])
#define this_cpu_ptr(P) (&(P)[shim_cpu])
#define for_each_possible_cpu(CPU) for ((CPU) = 0; (CPU) < N_CPUS; (CPU)++)
#define num_possible_cpus() N_CPUS
#define cond_resched() ((void)0)

/* RCU. */

struct rcu_head {
	void *unused[2];
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
unsigned long start_poll_synchronize_rcu(void);
bool poll_state_synchronize_rcu(unsigned long cookie);
void shim_kvfree_rcu(void *p);
#define kvfree_rcu(P, MEMBER) ((void)&(P)->MEMBER, shim_kvfree_rcu(P))

#define rcu_dereference(P) __atomic_load_n(&(P), __ATOMIC_ACQUIRE)
#define rcu_dereference_protected(P, COND) \
	(assert(COND), __atomic_load_n(&(P), __ATOMIC_RELAXED))
#define rcu_assign_pointer(P, V) __atomic_store_n(&(P), V, __ATOMIC_RELEASE)

/* Locks. */

struct mutex {
	pthread_mutex_t mutex;
	bool held;
};

static inline void mutex_init(struct mutex *mutex)
{
	pthread_mutex_init(&mutex->mutex, NULL);
}

static inline void mutex_destroy(struct mutex *mutex)
{
	pthread_mutex_destroy(&mutex->mutex);
}

static inline void mutex_lock(struct mutex *mutex)
{
	pthread_mutex_lock(&mutex->mutex);
	mutex->held = true;
}

static inline void mutex_unlock(struct mutex *mutex)
{
	mutex->held = false;
	pthread_mutex_unlock(&mutex->mutex);
}

#define lockdep_is_held(MUTEX) ((MUTEX)->held)

/* Time. */

#define HZ 250
#define MSEC_PER_SEC 1000
#define ilog2(N) (31 - __builtin_clz(N))

extern u64 shim_jiffies;

static inline u64 get_jiffies_64(void)
{
	return __atomic_load_n(&shim_jiffies, __ATOMIC_RELAXED);
}

static inline u64 jiffies64_to_msecs(u64 n)
{
	return n * (MSEC_PER_SEC / HZ);
}

#define jiffies ((unsigned long)get_jiffies_64())

static inline u64 div_u64(u64 n, u32 by)
{
	return n / by;
}

/* Hashes, which collide as the test wants. */

extern u64 shim_seed;		/* 0: as seldom as they can. */

static inline u64 get_random_u64(void)
{
	return shim_seed;
}

#define GOLDEN_RATIO_64 (shim_seed ? 0x1000000000000001 : 0x61C8864680B583EB)

static inline u32 jhash(const void *bytes, u32 len, u32 seed)
{
	const u8 *p = bytes;
	u32 hash = 2166136261;

	while (len--)
		hash = (hash ^ *p++) * 16777619;
	return seed ? hash >> 28 << 28 : hash * 0x9e3779b1;
}

#endif /* ila-table-shim.h */
