/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_OFFLOAD_PRIVATE_H
#define XDP_OFFLOAD_PRIVATE_H 1

/* What lib/xdp-offload.c knows, for lib/xdp-offload-show.c.  All of it is
 * under the mutex of the former. */

#include "openvswitch/hmap.h"
#include "openvswitch/shash.h"
#include "xdp-flow.h"
#include "xdp-offload.h"

struct xdp_table_port;

struct port {
    struct hmap_node node;      /* In 'ports', by 'owner'. */
    const void *owner;
    struct xdp_offload_config config;
    char *name;                 /* 'config.name'. */
    char *error;                /* Why 'xdp' is null, or null. */
    bool disabled;

    struct xdp_port *xdp;       /* Null if there is no program... */
    struct xdp_table_port *table;       /* ...then this is, too. */
    odp_port_t device;          /* In the map of devices, or ODPP_NONE. */

    struct hmap entries;        /* Of struct entry. */
    size_t n_rules;             /* Entries that have a rule. */

    /* What flows saw after anybody could be told. */
    uint64_t late_packets, late_bytes;
    uint64_t n_full;            /* Flows for which there was no room. */
    uint64_t n_evicted;         /* Flows that had to go for others. */
    struct shash refusals;      /* Numbers of flows, by reason. */
};

/* A flow of the datapath's. */
struct entry {
    struct hmap_node node;      /* In its port, by 'ufid'. */
    struct port *port;
    ovs_u128 ufid;
    struct xdp_flow flow;
    struct xdp_flow_action action;
    struct xdp_rule *rule;      /* Null if it is not in XDP... */
    bool wanted;                /* ...though it could be, if there is room. */
    unsigned int n_dying;       /* Rules that it had, in 'dying'. */

    /* Whether it was deleted, after which it waits for somebody who still asks
     * for the counts of its last rule, but no longer than 'forget'. */
    bool deleted;
    long long int forget;

    uint64_t n_packets, n_bytes;            /* All... */
    uint64_t shared_packets, shared_bytes;  /* ...and those that were told. */
    long long int used;
};

/* Asks the kernel for the counters of a flow. */
void xdp_offload_read_entry(struct entry *);

/* An array of what 'format' makes of each port, by name, with the mutex
 * held. */
struct json *xdp_offload_each_port(struct json *(*format)(struct port *));

#endif /* lib/xdp-offload-private.h */
