/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PRELOAD_H
#define PRELOAD_H 1

/* For libraries that are preloaded into ovs-vswitchd and replace functions of
 * other libraries.  Needs _GNU_SOURCE. */

#include <dlfcn.h>
#include <stdlib.h>

/* Returns the function that ours replaces. */
static inline void *
preload_next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function) {
        exit(EXIT_FAILURE);
    }
    return function;
}

#endif /* tests/preload.h */
