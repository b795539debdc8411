/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_TABLE_H
#define XDP_TABLE_H 1

/* The flows of a userspace datapath that are in XDP: which masks and which
 * flows a port has, in what order, and who has to go when there is no room.
 *
 * This is bookkeeping alone; it knows of no maps of the kernel's.  Whoever
 * changes something here carries it out there, in this order:
 *
 *   1. If xdp_table_port_stale(), publish xdp_table_port_tables(), wait until
 *      all programs have seen it, and call xdp_table_port_published(): only
 *      then are the numbers of masks that went used again.
 *   2. Take away the rules that were evicted or removed, and add what is left
 *      of their counts to the flows that they stand for.
 *   3. xdp_port_admit() the new rule and insert it.
 *
 * Heat is packets per second, as a floating average.  A rule that is hotter
 * than the coldest one by XDP_HEAT_MARGIN takes its place when a table is
 * full, and so does a mask, with all its rules, when a port has
 * OVS_XDP_MAX_MASKS.  The margin keeps two rules from pushing one another out
 * again and again.
 *
 * Thread-safety: none.  The caller serializes all calls for a table and its
 * ports. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "xdp-abi.h"
#include "xdp-flow.h"

#define XDP_HEAT_MARGIN 2

struct xdp_table;
struct xdp_table_port;

struct xdp_table_limits {
    unsigned int max_rules[OVS_XDP_N_SHAPES];
};

/* A flow in the table, owned by it until it is removed or evicted, then by the
 * caller, who frees it by xdp_rule_free(). */
struct xdp_rule {
    struct hmap_node hmap_node;     /* In the table, by 'key'. */
    struct heap_node heap_node;     /* Coldest first. */
    struct ovs_list list_node;      /* In the mask, or a list of evicted. */
    struct xdp_mask *mask;          /* NULL if not in the table any more. */
    struct xdp_table_port *port;
    enum ovs_xdp_shape shape;
    union ovs_xdp_key key;          /* As in the map. */
    struct xdp_flow_action action;
    void *aux;                      /* The caller's. */

    uint64_t heat;                  /* In packets/s. */
    uint64_t n_heated;              /* 'n_packets' when heat was updated... */
    long long int heated;           /* ...at this time, in ms. */
    uint64_t n_packets, n_bytes;    /* As last read from the map. */
    long long int used;             /* When a packet was last seen to have
                                     * come, in ms; 0 for never. */
};

struct xdp_table *xdp_table_create(const struct xdp_table_limits *);
void xdp_table_destroy(struct xdp_table *);     /* Without ports. */
unsigned int xdp_table_count(const struct xdp_table *, enum ovs_xdp_shape);

struct xdp_table_port *xdp_table_port_add(struct xdp_table *, void *aux);
/* Moves all rules of the port to 'evicted', and frees the port, whose program
 * must not run any more. */
void xdp_table_port_remove(struct xdp_table_port *, struct ovs_list *evicted);
void *xdp_table_port_aux(const struct xdp_table_port *);
unsigned int xdp_table_port_n_masks(const struct xdp_table_port *);

/* Adds a rule of 'heat', the packets per second that it has in software, at
 * time 'now' in ms.  Returns 0 and the rule, or
 *
 *   EEXIST     if the port has a rule that matches the same,
 *   ENOSPC     if it needs a mask, and none of the port's is so cold that it
 *              could go,
 *   E2BIG      if there is no room for more rules of its shape, and none is so
 *              cold,
 *
 * in which case nothing has changed.  Appends to 'evicted' what had to go. */
int xdp_table_add(struct xdp_table_port *, const struct xdp_flow *,
                  const struct xdp_flow_action *, uint64_t heat,
                  long long int now, void *aux, struct xdp_rule **,
                  struct ovs_list *evicted);

/* Removes 'rule', which from now on belongs to the caller. */
void xdp_table_remove(struct xdp_table *, struct xdp_rule *);
void xdp_rule_free(struct xdp_rule *);

/* Tells what the map says of 'rule' at 'now', in ms.  Returns what is new in
 * '*n_packets' and '*n_bytes', and updates heat and 'used', unless the rule
 * was removed already. */
void xdp_rule_read(struct xdp_table *, struct xdp_rule *,
                   const struct ovs_xdp_flow *, long long int now,
                   uint64_t *n_packets, uint64_t *n_bytes);

/* Has the port's list of masks changed since it was published, or is its order
 * by heat no longer what it should be? */
bool xdp_table_port_stale(const struct xdp_table_port *);

/* Writes the masks into '*tables', of which it leaves the lengths of prefixes
 * alone (xdp_lengths_get()), but for bits in 'used'. */
void xdp_table_port_tables(struct xdp_table_port *, struct ovs_xdp_tables *);

/* Lets packets with 'key' be looked up, if 'tables', which a program may be
 * using at the time, has the mask that it was made with.  A mask forgets which
 * keys are gone by xdp_table_port_tables(). */
void xdp_tables_admit(struct ovs_xdp_tables *tables, enum ovs_xdp_shape,
                      const union ovs_xdp_key *key);

/* What xdp_table_port_tables() returned last is what all programs use. */
void xdp_table_port_published(struct xdp_table_port *);

/* Lengths of blocked prefixes, of one family. */
struct xdp_lengths {
    unsigned int n[129];        /* Number of prefixes, by length. */
};

/* Notes one more prefix of 'length', 1 to 32 or 128.  Returns 0, or ENOSPC if
 * there are OVS_XDP_MAX_LENGTHS other lengths already. */
int xdp_lengths_add(struct xdp_lengths *, unsigned int length);
void xdp_lengths_remove(struct xdp_lengths *, unsigned int length);

/* Writes the lengths, those of most prefixes first. */
void xdp_lengths_get(const struct xdp_lengths *, enum ovs_xdp_family,
                     struct ovs_xdp_tables *);

#endif /* lib/xdp-table.h */
