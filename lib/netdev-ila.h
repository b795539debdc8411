/* SPDX-License-Identifier: Apache-2.0 */

#ifndef NETDEV_ILA_H
#define NETDEV_ILA_H 1

/* ILA in a userspace datapath: its mapping table, and the ports whose packets
 * it translates before anything else.
 *
 * A port is told which directions to translate.  Packets of its queues come
 * here only while an entry of the table can apply to them: a queue has a slot,
 * which is null otherwise, and looking at that is all it costs then.
 *
 * Thread-safety
 * =============
 *
 * 'mutex' excludes whoever changes the table, the ports, or which of them are
 * active.  A queue belongs to one thread at a time, which counts there; it
 * comes to know of it by its slot, under RCU. */

#include <stdbool.h>
#include <stdint.h>

#include "dpif-netdev-extension.h"
#include "ila-path.h"
#include "odp-netlink.h"
#include "openvswitch/hmap.h"
#include "ovs-thread.h"

struct dp_packet_batch;
struct dpif_ila_class;
struct dpif_ila_port_options;
struct ds;
struct flow;
struct ila_table;
struct ila_usage;
struct ila_usage_thread;
struct netdev_ila_queue;

/* Numbers of ports that can be in the table are below this. */
#define NETDEV_ILA_MAX_PORT UINT16_MAX

struct netdev_ila {
    struct ila_table *table;
    struct ila_usage *usage;    /* Of its entries. */
    struct ovsthread_stats actions; /* For netdev-ila-action.c. */

    struct ovs_mutex mutex;
    struct hmap ports OVS_GUARDED; /* "struct netdev_ila_port"s. */
    unsigned int general OVS_GUARDED; /* ILA_PATH_* in which entries match any
                                       * port. */
    uint64_t gone[ILA_N_COUNTS] OVS_GUARDED; /* Of ports that are gone. */
    uint64_t n_expired OVS_GUARDED;
    long long int next_sweep;   /* For the thread that sweeps. */
};

struct netdev_ila *netdev_ila_create(void);

/* There are no ports any more. */
void netdev_ila_destroy(struct netdev_ila *);

/* Deletes entries whose timeouts are over, at most once a second; wakes up the
 * poll loop when there are some.  Both from one thread. */
void netdev_ila_run(struct netdev_ila *);
void netdev_ila_wait(const struct netdev_ila *);

/* Ports. */

struct netdev_ila_port;

struct netdev_ila_port *netdev_ila_add_port(struct netdev_ila *, odp_port_t);

/* Deletes the entries that match that port alone, too.  No thread receives
 * from it any more.  Does nothing if 'port' is null. */
void netdev_ila_remove_port(struct netdev_ila_port *port);

/* Queues of a port come, one by one, or go all at once.  No thread receives
 * from them meanwhile; their slots, in which there is a netdev_ila_queue while
 * packets are to come here, stay where they are in between. */
void netdev_ila_add_queue(struct netdev_ila_port *,
                          struct dp_netdev_extension_slots *);
void netdev_ila_clear_queues(struct netdev_ila_port *);

/* Configure a port.  ENODEV if there is none with that number; ERANGE if its
 * number is too large for the table, unless 'dirs' is 0.  '*was' is what it
 * had before. */
int netdev_ila_set_port(struct netdev_ila *, odp_port_t, unsigned int dirs,
                        unsigned int *was);
int netdev_ila_set_port_options(struct netdev_ila *, odp_port_t,
                                const struct dpif_ila_port_options *);
int netdev_ila_get_port(struct netdev_ila *, odp_port_t, unsigned int *dirs,
                        uint64_t counts[ILA_N_COUNTS]);

/* Does any port count the packets of each entry? */
bool netdev_ila_has_stats(struct netdev_ila *);

/* Stores what all ports, of now and earlier, and the actions counted, and how
 * many entries expired. */
void netdev_ila_get_counts(struct netdev_ila *, uint64_t counts[ILA_N_COUNTS],
                           uint64_t *n_expired);

/* Changes of the table: with 'mutex' held, and netdev_ila_changed() after it,
 * which has the match if one entry may have come or gone, NULL if several. */
bool netdev_ila_has_port(const struct netdev_ila *, uint16_t port_no);
void netdev_ila_changed(struct netdev_ila *, const struct ila_match *);

/* May flows like this one not be put into hardware?  That sees addresses as
 * they are on the wire, flows have them as they are translated. */
bool netdev_ila_bars_offload(struct netdev_ila *, const struct flow *);

/* Translates the packets of 'batch', as they were received from the queue, and
 * drops those that are to be dropped.  Counts in the queue, in 'usage', with
 * 'now' in milliseconds, and stores in 'counts'. */
void netdev_ila_ingress(struct netdev_ila_queue *, struct ila_usage_thread *,
                        long long int now, struct dp_packet_batch *batch,
                        uint64_t counts[ILA_N_COUNTS]);

/* What a PMD thread, with these PMD_STAT_*, has to say; nothing if it never
 * had to do with ILA. */
void netdev_ila_format_pmd_stats(struct ds *, const uint64_t pmd_stats[]);
void netdev_ila_format_pmd_perf(struct ds *, const uint64_t pmd_stats[]);

/* For the doors. */
extern const struct dp_netdev_extension netdev_ila_extension;
extern const struct dpif_ila_class netdev_ila_class;

#endif /* netdev-ila.h */
