/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_EXTENSION_H
#define DPIF_EXTENSION_H 1

/* The door to datapaths of all kinds, through struct dpif.
 *
 * What an extension has for a kind of datapath is one class, which the
 * extension defines, in "struct dpif_extension_classes"; a member of "struct
 * dpif_class" refers to that.  What all kinds have in common, configuration
 * for example, is in the registry, "struct dpif_extension", once.
 *
 * For extensions in the userspace datapath there is dpif-netdev-extension.h
 * besides.
 *
 * Thread-safety
 * =============
 *
 * The registry is constant once main() runs.  Configuration comes from the
 * main thread, everything else from any. */

#include <stdbool.h>

#include "openvswitch/types.h"

struct dp_packet_batch;
struct dpif;
struct dpif_dp_stats;
struct dpif_ila_class;
struct dpif_match_cache_class;
struct dpif_ring_class;
struct flow;
struct nlattr;
struct smap;

/* What extensions have for one kind of datapath: one class an extension, each
 * null if the kind lacks it. */
struct dpif_extension_classes {
    const struct dpif_ila_class *ila;
    const struct dpif_match_cache_class *match_cache;
    const struct dpif_ring_class *ring;

    /* Executes an OVS_ACTION_ATTR_EXTENSION that only the datapath can execute
     * on packets of the slow path, by the rules of 'execute' in "struct
     * odp_extension_class".  Null to do that by 'execute_slow' there. */
    void (*execute)(struct dpif *, struct dp_packet_batch *,
                    const struct nlattr *, bool steal);
};

extern const struct dpif_extension_classes dpif_netdev_extensions;
extern const struct dpif_extension_classes dpif_netlink_extensions;

/* An extension, for datapaths of all kinds.  Each function may be null. */
struct dpif_extension {
    const char *name;

    /* Take over other_config of the datapath, and that of a port.  They are
     * called whenever anything in the database changes.  Return 0, also if the
     * datapath lacks what nobody asks for, or a positive errno value. */
    int (*set_config)(struct dpif *, const struct smap *);
    int (*port_set_config)(struct dpif *, odp_port_t, const struct smap *);

    /* Has the kernel datapath to keep flows like this one out of TC? */
    bool (*bars_offload)(const struct dpif *, const struct flow *);

    /* Fills in what the extension has in the statistics, without a thought of
     * what was there before. */
    void (*get_stats)(const struct dpif *, struct dpif_dp_stats *);
};

/* For Open vSwitch itself.  The functions that return an error ask all
 * extensions, and return the first one. */
int dpif_extensions_set_config(struct dpif *, const struct smap *);
int dpif_extensions_port_set_config(struct dpif *, odp_port_t,
                                    const struct smap *);
bool dpif_extensions_bar_offload(const struct dpif *, const struct flow *);
void dpif_extensions_get_stats(const struct dpif *, struct dpif_dp_stats *);
void dpif_extensions_execute(struct dpif *, struct dp_packet_batch *,
                             const struct nlattr *, bool steal);

/* Returns the classes of the datapath, in which all are null if it is of a
 * kind for which no extension has one. */
const struct dpif_extension_classes *dpif_extension_classes(
    const struct dpif *);

/* Whether the calling thread wants flow dumps that it starts to come by ring
 * where that is possible; they are the same otherwise.  False at first. */
void dpif_want_ring_dumps(bool);
bool dpif_wants_ring_dumps(void);

/* Returns the number of the kernel datapath 'dpif'.  In dpif-netlink.c. */
int dpif_netlink_get_dp_ifindex(const struct dpif *dpif);

/* Adds 'extension' to the registry: for a test, once, before main(). */
void dpif_extension_register_for_test(const struct dpif_extension *);

#endif /* dpif-extension.h */
