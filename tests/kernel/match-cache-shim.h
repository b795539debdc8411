/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef MATCH_CACHE_SHIM_H
#define MATCH_CACHE_SHIM_H 1

/* What datapath/match_cache.c needs of the kernel, so that it compiles in user
 * space.  Given to the compiler by -include; the headers that it includes are
 * empty then.
 *
 * A grace period is when test-match-cache-kernel.c calls shim_grace_period(). */

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(A) (sizeof(A) / sizeof((A)[0]))
#define max_t(TYPE, A, B) ((TYPE)(A) > (TYPE)(B) ? (TYPE)(A) : (TYPE)(B))

#define __rcu
#define __percpu
#define __aligned(N) __attribute__((__aligned__(N)))

/* CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS is not defined, as where unaligned
 * access is expensive.
 */

#define READ_ONCE(X) __atomic_load_n(&(X), __ATOMIC_RELAXED)
#define WRITE_ONCE(X, V) __atomic_store_n(&(X), V, __ATOMIC_RELAXED)

/* Memory. */

#define GFP_KERNEL 1
#define GFP_NOWAIT 2
#define __GFP_NOWARN 4
#define __GFP_ACCOUNT 8

/* The sizes of the kernel's slabs. */
static inline size_t kmalloc_size_roundup(size_t size)
{
	static const size_t sizes[] = { 8, 16, 32, 64, 96, 128, 192, 256, 512,
					1024, 2048, 4096, 8192, 1 << 17 };
	unsigned int i;

	for (i = 0; sizes[i] < size; i++)
		;
	return sizes[i];
}

void *kmalloc(size_t size, int flags);
void *kzalloc(size_t size, int flags);
void kfree(const void *p);

struct rcu_head {
	void *unused[2];
};

void shim_kfree_rcu(void *p);
#define kfree_rcu(P, MEMBER) ((void)&(P)->MEMBER, shim_kfree_rcu(P))

#define rcu_dereference(P) __atomic_load_n(&(P), __ATOMIC_ACQUIRE)
#define rcu_dereference_protected(P, COND) \
	(assert(COND), __atomic_load_n(&(P), __ATOMIC_RELAXED))
#define rcu_assign_pointer(P, V) __atomic_store_n(&(P), V, __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(P, V) __atomic_store_n(&(P), V, __ATOMIC_RELAXED)

/* Locks. */

typedef struct {
	pthread_mutex_t mutex;
	bool held;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}

static inline void spin_lock_bh(spinlock_t *lock)
{
	pthread_mutex_lock(&lock->mutex);
	lock->held = true;
}

static inline void spin_unlock_bh(spinlock_t *lock)
{
	lock->held = false;
	pthread_mutex_unlock(&lock->mutex);
}

#define lockdep_is_held(LOCK) ((LOCK)->held)

/* Processors: each thread is one. */

#define N_CPUS 8
extern __thread unsigned int shim_cpu;

#define alloc_percpu(TYPE) ((TYPE *)calloc(N_CPUS, sizeof(TYPE)))
#define free_percpu(P) free(P)
#define per_cpu_ptr(P, CPU) (&(P)[CPU])
#define this_cpu_ptr(P) (&(P)[shim_cpu])
#define for_each_possible_cpu(CPU) for ((CPU) = 0; (CPU) < N_CPUS; (CPU)++)

typedef u64 u64_stats_t;
struct u64_stats_sync {
	char unused;
};

#define u64_stats_init(SYNC) ((void)(SYNC))
#define u64_stats_update_begin(SYNC) ((void)(SYNC))
#define u64_stats_update_end(SYNC) ((void)(SYNC))
#define u64_stats_fetch_begin(SYNC) ((void)(SYNC), 0)
#define u64_stats_fetch_retry(SYNC, START) ((void)(SYNC), (START) != 0)
#define u64_stats_read(P) READ_ONCE(*(P))
#define u64_stats_inc(P) WRITE_ONCE(*(P), READ_ONCE(*(P)) + 1)

/* Lists. */

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
}

static inline void hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

#define shim_entry(NODE, TYPE, MEMBER) \
	((NODE) ? (TYPE *)((char *)(NODE) - offsetof(TYPE, MEMBER)) : NULL)
#define hlist_for_each_entry(POS, HEAD, MEMBER) \
	for ((POS) = shim_entry((HEAD)->first, __typeof__(*(POS)), MEMBER); \
	     (POS); \
	     (POS) = shim_entry((POS)->MEMBER.next, __typeof__(*(POS)), MEMBER))

/* A hash that collides. */
/* Full of collisions if the seed is not 0. */
static inline u32 jhash(const void *bytes, u32 len, u32 seed)
{
	const u8 *p = bytes;
	u32 hash = 2166136261;

	while (len--)
		hash = (hash ^ *p++) * 16777619;
	return seed ? (hash >> 16 & 1) + 1 : hash;
}

extern u32 shim_seed;
static inline u32 get_random_u32(void)
{
	return shim_seed;
}

/* Netlink attributes. */

static inline int nla_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static inline int nla_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline int nla_total_size(int payload)
{
	return NLA_ALIGN(NLA_HDRLEN + payload);
}

static inline bool nla_ok(const struct nlattr *a, int rem)
{
	return rem >= (int)sizeof(*a) && a->nla_len >= sizeof(*a) &&
	       a->nla_len <= rem;
}

static inline const struct nlattr *nla_next(const struct nlattr *a, int *rem)
{
	*rem -= NLA_ALIGN(a->nla_len);
	return (const struct nlattr *)((const char *)a + NLA_ALIGN(a->nla_len));
}

#define nla_for_each_nested(POS, NEST, REM) \
	for ((POS) = (NEST) + 1, (REM) = nla_len(NEST); \
	     nla_ok(POS, REM); (POS) = nla_next(POS, &(REM)))

#endif /* match-cache-shim.h */
