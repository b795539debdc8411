/* SPDX-License-Identifier: Apache-2.0 */

/* The userspace datapath, in which each flow that a dump comes to is compared
 * with what the match cache has for it: a program that is linked with this has
 * it instead of the library's.  See match-cache-check.h. */

#define MATCH_CACHE_CHECK 1
#include "dpif-netdev.c"
