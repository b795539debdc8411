/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_ATOMIC_H
#define RING_ATOMIC_H 1

/* Atomic access to the words of a ring (openvswitch/ring-abi.h), which are
 * plain integers because two languages, two processes and a kernel share them.
 * Of GCC's and clang's builtins; nothing else is needed.
 *
 * The model check (tests/ring-model.c) puts its own in the place of these, so
 * that it sees each access; for that alone there are ring_writes() and
 * ring_reads(), which name memory that is accessed by ordinary means. */

#define ring_load_relaxed(P) __atomic_load_n(P, __ATOMIC_RELAXED)
#define ring_load_acquire(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define ring_store_relaxed(P, V) __atomic_store_n(P, V, __ATOMIC_RELAXED)
#define ring_store_release(P, V) __atomic_store_n(P, V, __ATOMIC_RELEASE)

/* Read-modify-write; return the old value. */
#define ring_add_relaxed(P, V) __atomic_fetch_add(P, V, __ATOMIC_RELAXED)
#define ring_add_release(P, V) __atomic_fetch_add(P, V, __ATOMIC_RELEASE)
#define ring_sub_acq_rel(P, V) __atomic_fetch_sub(P, V, __ATOMIC_ACQ_REL)
#define ring_exchange_acquire(P, V) __atomic_exchange_n(P, V, __ATOMIC_ACQUIRE)

/* Neither loads nor stores pass it, in either direction. */
#define ring_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* A statistic that one thread writes and others may read. */
#define ring_count(P, N) ring_store_relaxed(P, *(P) + (N))

#define ring_writes(P, SIZE) ((void) 0)
#define ring_reads(P, SIZE) ((void) 0)

#endif /* ring-atomic.h */
