/* SPDX-License-Identifier: Apache-2.0 */

#ifndef FLOW_MATCH_CACHE_H
#define FLOW_MATCH_CACHE_H 1

/* A datapath's cache of flows' matches in netlink form: configuration and
 * statistics, the same for the userspace and the kernel datapath. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/extension-abi.h"

struct dpif;
struct simap;
struct smap;

/* Zero bytes of limit, as 'policy' OVS_MATCH_CACHE_OFF, mean that nothing is
 * kept. */
struct flow_match_cache_config {
    enum ovs_match_cache_policy policy;
    uint64_t max_bytes;
};

/* 'present' is false for a datapath without such a cache. */
struct flow_match_cache_stats {
    bool present;
    struct flow_match_cache_config config;
    uint64_t n_hits;            /* Flows dumped from the cache. */
    uint64_t n_misses;          /* Flows encoded in full dumps. */
    uint64_t n_entries;         /* Flows with a cached match. */
    uint64_t n_bytes;           /* Memory of all entries. */
    uint64_t n_evictions;       /* Entries dropped before their flow was
                                 * deleted. */
};

/* The cache of one kind of datapath. */
struct dpif_match_cache_class {
    /* Returns 0 if successful or if there is no cache, otherwise a positive
     * errno value. */
    int (*set_config)(struct dpif *, const struct flow_match_cache_config *);

    /* If the datapath has no cache, or is gone, 'present' becomes false. */
    void (*get_stats)(const struct dpif *, struct flow_match_cache_stats *);
};

/* For the door to datapaths. */
extern const struct dpif_extension dpif_match_cache_extension;

/* Sets '*config' to the default: "lazy", 64 MB. */
void flow_match_cache_config_init(struct flow_match_cache_config *config);

/* Reads flow-match-cache and flow-match-cache-max-mb of 'other_config' into
 * '*config'; a MB is 1,048,576 bytes.  A value that is bad is logged with its
 * key, once until it changes, and the default is taken instead: "lazy", 64 MB.
 * Any thread may call it. */
void flow_match_cache_config_from_smap(const struct smap *other_config,
                                       struct flow_match_cache_config *config);

/* Adds the cache of the datapath of 'dpif' to 'usage', for "memory/show",
 * unless it is empty. */
void flow_match_cache_get_memory_usage(const struct dpif *dpif,
                                       struct simap *usage);

#endif /* flow-match-cache.h */
