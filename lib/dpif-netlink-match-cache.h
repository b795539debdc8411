/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_MATCH_CACHE_H
#define DPIF_NETLINK_MATCH_CACHE_H 1

/* The flow match cache of the kernel datapath, which our kernel module has and
 * Linux's does not.  Thread-safe. */

struct flow_match_cache_stats;
struct smap;

/* Makes 'other_config' the configuration of the cache of the datapath
 * 'dp_ifindex', if it has one; see flow-match-cache.h.  Returns 0 if
 * successful or if there is no cache, otherwise a positive errno value. */
int dpif_netlink_match_cache_set_config(int dp_ifindex,
                                        const struct smap *other_config);

/* Stores the statistics of the datapath 'dp_ifindex' in '*stats'.  If it has
 * no cache, or is gone, 'present' is false. */
void dpif_netlink_match_cache_get_stats(int dp_ifindex,
                                        struct flow_match_cache_stats *stats);

#endif /* dpif-netlink-match-cache.h */
