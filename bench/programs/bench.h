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

/* CPU time of the calling thread in nanoseconds. */
static inline uint64_t
bench_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
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
