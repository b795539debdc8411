/* SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_H
#define BENCH_H 1

/* What the benchmark programs have in common.
 *
 * Each program does one thing in one thread, measures it with the thread's CPU
 * time and prints one line of JSON.  What is worth counting in instructions is
 * in functions whose names begin with "measured_", for callgrind's
 * --toggle-collect. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "openvswitch/util.h"
#include "util.h"

#define MEASURED __attribute__((noinline, noclone))

static inline uint64_t
bench_clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* CPU time of the calling thread, that of the process, and time as it passes,
 * in nanoseconds. */
static inline uint64_t
bench_cpu_ns(void)
{
    return bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t
bench_process_ns(void)
{
    return bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline uint64_t
bench_wall_ns(void)
{
    return bench_clock_ns(CLOCK_MONOTONIC);
}

/* Reads all of the 'size' bytes at 'p', as somebody would who writes them
 * somewhere. */
static inline uint64_t
bench_sum(const void *p_, size_t size)
{
    const uint64_t *p = p_;
    uint64_t sum = 0;

    for (size_t i = 0; i < size / sizeof *p; i++) {
        sum += p[i];
    }
    return sum;
}

/* A program that cannot measure says why and prints no result. */
#define BENCH_CHECK(ERROR, WHAT)                                \
    do {                                                        \
        int error__ = (ERROR);                                  \
        if (error__) {                                          \
            ovs_fatal(error__, "%s", WHAT);                     \
        }                                                       \
    } while (0)

/* Returns the number in 's', which must be from 1 to 'max'. */
static inline unsigned int
bench_number(const char *s, const char *what, unsigned int max)
{
    unsigned int n;

    if (!str_to_uint(s, 10, &n) || n < 1 || n > max) {
        ovs_fatal(0, "%s: bad %s, must be from 1 to %u", s, what, max);
    }
    return n;
}

#endif /* bench.h */
