/* SPDX-License-Identifier: Apache-2.0 */

#ifndef MODEL_H
#define MODEL_H 1

/* A model checker for small pieces of code with atomics: runs the real code,
 * as coroutines, in each order in which its atomic operations can happen, and
 * with each value that a load may yield, which need not be the newest.
 *
 * Memory model
 * ============
 *
 * That of C11 with happens-before as vector clocks.  Each location remembers
 * all values that were stored there, in order.  A load yields any of them but
 * those that are older than one that the thread has to know: one that it or
 * somebody before it has loaded, or whose store happens before the load.
 * Acquire and release are what makes "before" pass from thread to thread.
 * Sequentially consistent fences are totally ordered, and what is before one
 * is before all that is behind a later one.  Stores to one location become
 * visible in the order in which they were executed, and no load sees what is
 * yet to be executed: the one thing that C11 allows and that is missing.
 *
 * Ordinary accesses, where the code names them, must be ordered by
 * happens-before; a race is a failure.
 *
 * Exploration
 * ===========
 *
 * Depth first, each time from the start, with the choices up to the last one
 * that has an alternative.  Of executions that differ in the order of
 * independent operations alone, one is enough (sleep sets).  What only one
 * thread ever touches is not subject to any choice.
 *
 * One process checks one thing at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_order { MODEL_RELAXED, MODEL_ACQUIRE, MODEL_RELEASE,
                   MODEL_ACQ_REL };

#define MODEL_MAX_THREADS 4

struct model {
    const char *name;
    void (*setup)(void);
    void (*threads[MODEL_MAX_THREADS])(void);   /* Up to the first null. */
    void (*check)(void);        /* After all threads have ended. */
    uint64_t max_executions;    /* Failure if there are more. */
};

/* Checks 'model' and returns how many executions it has.  A failure is told
 * with what led to it, and ends the process. */
uint64_t model_run(const struct model *);

/* For the code that is checked. */
uint64_t model_load(const void *, size_t size, enum model_order);
void model_store(void *, size_t size, uint64_t value, enum model_order);
/* Addition of 'n' that nobody else sees or that nothing depends on: no choice.
 * Like model_add(), returns the old value. */
uint64_t model_count(void *, size_t size, uint64_t n);
uint64_t model_add(void *, size_t size, uint64_t n, enum model_order);
uint64_t model_exchange(void *, size_t size, uint64_t value,
                        enum model_order);
void model_fence(void);
void model_reads(const void *, size_t size);
void model_writes(const void *, size_t size);

void model_lock(const void *);
void model_unlock(const void *);

/* A semaphore. */
void model_post(const void *);
void model_wait(const void *);

/* Zeroed memory that lasts until the execution ends. */
void *model_alloc(size_t n, size_t size);

/* Fails, with a message. */
#define MODEL_ASSERT(CONDITION)                                 \
    ((CONDITION) ? (void) 0                                     \
     : model_fail("%s:%d: %s", __FILE__, __LINE__, #CONDITION))
void model_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

#endif /* model.h */
