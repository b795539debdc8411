/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_MATCH_CACHE_H
#define DPIF_NETLINK_MATCH_CACHE_H 1

/* The flow match cache of the kernel datapath, which our kernel module has and
 * Linux's does not.  Thread-safe. */

struct dpif_match_cache_class;

extern const struct dpif_match_cache_class dpif_netlink_match_cache_class;

#endif /* dpif-netlink-match-cache.h */
