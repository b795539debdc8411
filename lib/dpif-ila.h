/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_ILA_H
#define DPIF_ILA_H 1

/* The ILA mapping table of a datapath, and the ports on which it translates
 * packets before anything else, for whoever configures or shows them.
 *
 * A datapath in userspace has its table in ovs-vswitchd; that of the kernel is
 * behind a netlink family.  The functions below do for both what ila-table.h
 * says of a table.
 *
 * Thread-safety
 * =============
 *
 * A dpif_ila and its load belong to one thread at a time.  Several may exist
 * for one datapath. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ila-path.h"
#include "ila-table.h"
#include "odp-netlink.h"
#include "openvswitch/types.h"

struct dp_packet_batch;
struct dpif;
struct dpif_extension;
struct flow;

/* An entry with what is known about its use. */
struct dpif_ila_entry {
    struct ila_mapping mapping;
    bool has_stats;             /* Are the following known? */
    uint64_t n_packets;
    uint64_t n_bytes;
    uint64_t used_ms;           /* Since the last packet; UINT64_MAX for
                                 * never. */
};

/* A place in a listing: all zeros at first. */
struct dpif_ila_cursor {
    uint64_t opaque;
};

struct dpif_ila_stats {
    struct ila_table_usage usage;
    uint64_t counts[ILA_N_COUNTS];  /* Of all ports and actions. */
    uint64_t n_expired;             /* Entries whose timeouts were over. */
};

struct dpif_ila_port {
    unsigned int dirs;              /* ILA_PATH_*, 0 if off. */
    uint64_t counts[ILA_N_COUNTS];
};

/* What a port does besides, in datapaths that know it. */
struct dpif_ila_port_options {
    bool stats;                 /* Count packets of each entry. */
    bool rehash;                /* A NIC's hash of a packet that is translated
                                 * is forgotten: it was another address's. */
};

/* What becomes of an address. */
struct dpif_ila_result {
    struct dpif_ila_entry entry;    /* The one that matched. */
    struct in6_addr addr;           /* Translated, unless 'verdict' says that
                                     * it is not. */
    enum ila_verdict verdict;
};

/* A bulk load under construction: opaque to all but its class. */
struct dpif_ila_load;

/* One kind of datapath.  Functions return 0 or a positive errno value, and
 * change nothing if it is not 0; EOPNOTSUPP if the datapath has no table, as
 * that of Linux's own module. */
struct dpif_ila_class {
    /* As the functions of ila-table.h.  '*n' is 0 on failure. */
    int (*add)(struct dpif *, const struct ila_mapping *, enum ila_add_mode);
    int (*del)(struct dpif *, const struct ila_match *, enum ila_owner);
    int (*get)(struct dpif *, const struct ila_match *,
               struct dpif_ila_entry *);
    int (*move)(struct dpif *, const struct ila_filter *, ovs_be64 to,
                size_t *n);
    int (*flush)(struct dpif *, const struct ila_filter *, size_t *n);

    /* Stores up to 'max' of the next entries that the filter selects, and
     * their number, 0 at the end, in '*n'.  Sets '*restarted' to true if all
     * entries were replaced since the listing began, which begins anew. */
    int (*list)(struct dpif *, const struct ila_filter *,
                struct dpif_ila_cursor *, struct dpif_ila_entry entries[],
                size_t max, size_t *n, bool *restarted);

    /* What happens to a packet with that destination that comes in on
     * 'in_port', if the port translates in the directions 'dirs', ILA_PATH_*?
     * ENOENT if no entry matches. */
    int (*lookup)(struct dpif *, unsigned int dirs, uint16_t in_port,
                  const struct in6_addr *dst, struct dpif_ila_result *);

    /* Bulk load: load_begin(), then load_add() any number of times, then
     * load_commit() or load_abort(), which both free it.  load_add() stores
     * the index of a mapping that is refused in '*bad', and then load_abort()
     * must follow. */
    int (*load_begin)(struct dpif *, struct dpif_ila_load **);
    int (*load_add)(struct dpif_ila_load *, const struct ila_mapping[],
                    size_t n, size_t *bad);
    int (*load_commit)(struct dpif_ila_load *);
    int (*load_commit_replace)(struct dpif_ila_load *, enum ila_owner);
    void (*load_abort)(struct dpif_ila_load *);

    int (*get_stats)(struct dpif *, struct dpif_ila_stats *);
    int (*set_max)(struct dpif *, size_t max);

    /* Ports. */
    int (*get_port)(struct dpif *, odp_port_t, struct dpif_ila_port *);
    int (*set_port)(struct dpif *, odp_port_t, unsigned int dirs);

    /* May be null. */
    int (*set_port_options)(struct dpif *, odp_port_t,
                            const struct dpif_ila_port_options *);

    /* As in "struct dpif_extension".  May be null. */
    bool (*bars_offload)(const struct dpif *, const struct flow *);
};

/* Returns the class of 'dpif', or NULL if its datapath has no tables. */
const struct dpif_ila_class *dpif_ila_class(const struct dpif *dpif);

/* What became of a packet. */
struct dpif_ila_outcome {
    bool translated;            /* Its destination is another one. */
    bool inner;                 /* That of the packet that it quotes is. */
    bool dropped;               /* Is to be dropped, because of the C bit. */
    bool missed;                /* No entry matched its destination. */
    bool has_entry;             /* Is there an entry for its destination, */
    bool has_quoted_entry;      /* and for that of the packet it quotes? */
    struct dpif_ila_entry entry;
    struct dpif_ila_entry quoted_entry;
    uint64_t counts[ILA_N_COUNTS];
};

/* Does to 'packet' what the datapath, which has a class, does to packets that
 * come in on 'in_port' if the port translates in the directions 'dirs',
 * ILA_PATH_*.  Counts nothing.  Returns 0 or, with 'packet' as it was, a
 * positive errno value.  In dpif-ila-packet.c. */
int dpif_ila_translate(struct dpif *, unsigned int dirs, uint16_t in_port,
                       struct ila_packet *, struct dpif_ila_outcome *);

/* Configuration, for the door to datapaths: "ila" (off, in, out, both),
 * "ila-stats" and "ila-rehash" (true, false) in that of a port, and
 * "ila-max-entries" in that of a datapath.  Bad values are logged when they
 * are new and count as the default. */
extern const struct dpif_extension dpif_ila_extension;

/* Stores the directions, ILA_PATH_*, that 's' names as the value of "ila" in
 * '*dirs'.  Returns false, and stores nothing, if there are none. */
bool dpif_ila_dirs_from_string(const char *s, unsigned int *dirs);

/* Executes ila_table(...) on packets of the slow path: 'execute_slow' of its
 * "struct odp_extension_class".  In dpif-ila-action.c. */
void dpif_ila_execute(struct dpif *, struct dp_packet_batch *,
                      const void *action, bool steal);

#endif /* dpif-ila.h */
