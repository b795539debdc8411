/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETDEV_EXTENSION_H
#define DPIF_NETDEV_EXTENSION_H 1

/* The door to the userspace datapath, for dpif-netdev.c: what an extension
 * keeps there for each datapath, port, queue and thread, and what it does with
 * packets that come in and by an action.
 *
 * An extension gets a number below and a line in the registry at the top of
 * dpif-netdev-extension.c.  Its objects are "void *" for the door alone: their
 * types and rules are the extension's.
 *
 * Packets that come in
 * ====================
 *
 * A queue has a slot for each extension, null unless the extension wants its
 * packets: a burst costs a load and a predicted branch if none does.  The
 * extension sets the slot, under RCU, when something that it was told changes;
 * threads need not be stopped for that.
 *
 * Thread-safety
 * =============
 *
 * The registry is constant once main() runs. */

#include <stdbool.h>
#include <stdint.h>
#include "ovs-atomic.h"

#include "dp-packet.h"
#include "openvswitch/types.h"
#include "ovs-rcu.h"

struct dpif;
struct ds;
struct flow;
struct netdev;
struct nlattr;
struct odp_extension_class;
struct pmd_perf_stats;

enum dp_netdev_extension_id {
    DP_NETDEV_EXT_ILA,
    DP_NETDEV_EXT_RING,
    DP_NETDEV_EXT_VRF,
    DP_NETDEV_EXT_TEST,         /* For a test. */
    DP_NETDEV_N_EXTENSIONS
};

/* Counters of extensions in enum pmd_stat_type. */
#define PMD_STATS_OF_EXTENSIONS                                             \
    PMD_STAT_ILA_HIT,       /* Packets with an ILA mapping at ingress. */   \
    PMD_STAT_ILA_MISS,      /* Packets without one, where ILA is in use. */

/* What extensions keep for a datapath, a port or a thread: null if nothing.
 * Functions of an extension that have nothing else to work on are not called
 * then. */
struct dp_netdev_extension_data {
    void *of[DP_NETDEV_N_EXTENSIONS];
};

/* Places for what extensions keep for a queue from which they want the
 * packets.  They stay where they are as long as the queue is there.
 *
 * 'set' has a bit for each slot that is not null, from shortly after the slot
 * is set until shortly after it is null again: the slot decides. */
struct dp_netdev_extension_slots {
    atomic_uint set;
    OVSRCU_TYPE(void *) of[DP_NETDEV_N_EXTENSIONS];
};

/* Packets that go on together: they have the same port, Ethernet header and
 * mark; they have no VLAN tag, are no fragments, and the offsets of their
 * headers are set. */
struct dp_netdev_extension_group {
    struct dp_packet_batch packets;
    uint32_t bytes;             /* Of all of them. */
    uint16_t tcp_flags;         /* Likewise, as parse_tcp_flags() returns
                                 * them. */
};

/* What is known of a packet that goes on, lest it be looked up by itself. */
struct dp_netdev_extension_known {
    /* Packets with the same number but 0 are in one group, as above. */
    uint64_t group;

    /* Of those in a group: as parse_tcp_flags() returns them. */
    uint16_t tcp_flags;
};

/* Packets that an action has gone on another way, each with the port in its
 * metadata, which is otherwise as if it had just been received. */
struct dp_netdev_extension_out {
    struct dp_packet_batch received; /* As received from that port. */
    struct dp_packet_batch sent;     /* Output to that port. */
    struct dp_netdev_extension_group group; /* As received, before others. */

    /* Of each packet in 'received'. */
    struct dp_netdev_extension_known known[NETDEV_MAX_BURST];
};

static inline void
dp_netdev_extension_out_init(struct dp_netdev_extension_out *out)
{
    dp_packet_batch_init(&out->received);
    dp_packet_batch_init(&out->sent);
    dp_packet_batch_init(&out->group.packets);
    out->group.bytes = 0;
    out->group.tcp_flags = 0;
}

/* Adds 'packet' to 'out->received', in which there must be room. */
static inline void
dp_netdev_extension_receive(struct dp_netdev_extension_out *out,
                            struct dp_packet *packet, uint64_t group,
                            uint16_t tcp_flags)
{
    struct dp_netdev_extension_known *known;

    known = &out->known[dp_packet_batch_size(&out->received)];
    known->group = group;
    known->tcp_flags = tcp_flags;
    dp_packet_batch_add(&out->received, packet);
}

/* A datapath action that only the datapath can execute, and the function that
 * does; see 'execute' in "struct odp_extension_class".  'now' is in
 * milliseconds.  Packets put into 'out', empty at first, are the datapath's.
 * In the thread that receives, or in that which has the datapath's non-PMD
 * thread. */
struct dp_netdev_extension_action {
    const struct odp_extension_class *class;
    void (*execute)(void *dp, void *thread, long long int now,
                    struct dp_packet_batch *, const void *payload, bool steal,
                    struct dp_netdev_extension_out *out);
};
#define DP_NETDEV_EXTENSION_MAX_ACTIONS 2

/* An extension.  Each function may be null, but 'create' and 'destroy', like
 * 'add_thread' and 'remove_thread', come in pairs. */
struct dp_netdev_extension {
    /* A datapath comes and goes.  There are no ports and threads when it
     * goes. */
    void *(*create)(void);
    void (*destroy)(void *dp);

    /* Periodic work, in the main thread; 'wait' wakes up the poll loop. */
    void (*run)(void *dp);
    void (*wait)(void *dp);

    /* A port comes and goes, for which no thread receives at these times.
     * 'netdev' stays until then. */
    void *(*add_port)(void *dp, odp_port_t, const struct netdev *);
    void (*remove_port)(void *port);

    /* Its queues come, one by one, or go all at once, likewise. */
    void (*add_queue)(void *port, struct dp_netdev_extension_slots *);
    void (*clear_queues)(void *port);

    /* A thread that receives packets comes and goes.  It may be there for
     * longer than 'dp'. */
    void *(*add_thread)(void *dp);
    void (*remove_thread)(void *thread);

    /* Not null if a slot is ever set.
     *
     * Looks at what was received from a queue whose slot is not null, before
     * anything else does, and takes out of 'batch' and frees what ought not to
     * go further.  'now' is in milliseconds.  In the thread that receives; it
     * does not quiesce meanwhile. */
    void (*receive)(void *queue, void *thread, struct pmd_perf_stats *,
                    long long int now, struct dp_packet_batch *batch);

    /* Must flows like this one not be put into hardware?  In any thread. */
    bool (*bars_offload)(void *dp, const struct flow *);

    /* The first ones have classes. */
    struct dp_netdev_extension_action actions[DP_NETDEV_EXTENSION_MAX_ACTIONS];

    /* For an action that keeps packets, or has something to do after it: puts
     * up to a batch of packets of one port that go on, their 'recirc_id' set,
     * into '*batch', and returns whether there are any.  'now' is in
     * microseconds.  In the thread that executes, once in each of its
     * iterations at least, and again as long as it returns true.  'poll_wait'
     * wakes up the poll loop of the main thread when that is necessary
     * earlier. */
    bool (*poll)(void *thread, long long int now,
                 struct dp_packet_batch *batch);
    void (*poll_wait)(void *thread);

    /* May 'poll' have something to do, in any thread of the datapath?  Null if
     * nobody can say. */
    bool (*may_poll)(void *dp);

    /* Append what is to be said of the counters 'pmd_stats', by
     * PMD_STAT_*, in dpif-netdev/pmd-stats-show and pmd-perf-show: nothing if
     * the thread had nothing to do with the extension. */
    void (*format_pmd_stats)(struct ds *, const uint64_t pmd_stats[]);
    void (*format_pmd_perf)(struct ds *, const uint64_t pmd_stats[]);
};

/* For dpif-netdev.c. */

void dp_netdev_extensions_create(struct dp_netdev_extension_data *dp);
void dp_netdev_extensions_destroy(const struct dp_netdev_extension_data *dp);
void dp_netdev_extensions_run(const struct dp_netdev_extension_data *dp);
void dp_netdev_extensions_wait(const struct dp_netdev_extension_data *dp);

void dp_netdev_extensions_add_port(const struct dp_netdev_extension_data *dp,
                                   odp_port_t, const struct netdev *,
                                   struct dp_netdev_extension_data *port);
void dp_netdev_extensions_remove_port(
    const struct dp_netdev_extension_data *port);
void dp_netdev_extensions_add_queue(
    const struct dp_netdev_extension_data *port,
    struct dp_netdev_extension_slots *);
void dp_netdev_extensions_clear_queues(
    const struct dp_netdev_extension_data *port);
void dp_netdev_extensions_add_thread(
    const struct dp_netdev_extension_data *dp,
    struct dp_netdev_extension_data *thread);
void dp_netdev_extensions_remove_thread(
    const struct dp_netdev_extension_data *thread);

bool dp_netdev_extensions_bar_offload(
    const struct dp_netdev_extension_data *dp, const struct flow *);
void dp_netdev_extensions_execute(
    const struct dp_netdev_extension_data *dp,
    const struct dp_netdev_extension_data *thread, long long int now,
    struct dp_packet_batch *, const struct nlattr *, bool steal,
    struct dp_netdev_extension_out *);

/* The extensions, as bits, an action of which dp_netdev_extensions_execute()
 * has executed, in any thread.  From the others there is nothing to poll. */
extern atomic_uint dp_netdev_extensions_executed;
static inline unsigned int
dp_netdev_extensions_have_executed(void)
{
    unsigned int executed;

    atomic_read_relaxed(&dp_netdev_extensions_executed, &executed);
    return executed;
}

bool dp_netdev_extensions_may_poll(const struct dp_netdev_extension_data *dp);
bool dp_netdev_extensions_poll(const struct dp_netdev_extension_data *thread,
                               long long int now, struct dp_packet_batch *);
void dp_netdev_extensions_poll_wait(
    const struct dp_netdev_extension_data *thread);
void dp_netdev_extensions_format_pmd_stats(struct ds *,
                                           const uint64_t pmd_stats[]);
void dp_netdev_extensions_format_pmd_perf(struct ds *,
                                          const uint64_t pmd_stats[]);

/* Does any extension want what is received from the queue? */
static inline bool
dp_netdev_extensions_receive_from(
    const struct dp_netdev_extension_slots *slots)
{
    unsigned int set;

    atomic_read_relaxed(&CONST_CAST(struct dp_netdev_extension_slots *,
                                    slots)->set, &set);
    return set != 0;
}

/* Gives the extensions that do, in their order, the packets of 'batch'.
 * Returns true if they leave none. */
bool dp_netdev_extensions_receive(const struct dp_netdev_extension_slots *,
                                  const struct dp_netdev_extension_data *,
                                  struct pmd_perf_stats *, long long int now,
                                  struct dp_packet_batch *);

/* For extensions. */

/* Sets an extension's slot.  Threads that receive from the queue have the new
 * value at their next burst or soon after; what the slot had before is theirs
 * until they have quiesced.  For one thread at a time for each extension. */
void dp_netdev_extension_set_slot(struct dp_netdev_extension_slots *,
                                  enum dp_netdev_extension_id, void *queue);

/* In dpif-netdev.c. */

/* Returns what the extension keeps for a userspace datapath. */
void *dpif_netdev_extension(const struct dpif *, enum dp_netdev_extension_id);

/* Takes those of the port's flows out of hardware that may not be there, after
 * 'bars_offload' began to say so. */
void dpif_netdev_unoffload(const struct dpif *, odp_port_t);

/* Puts 'extension' into the place for a test, once, before main(). */
void dp_netdev_extension_register_for_test(
    const struct dp_netdev_extension *);

#endif /* dpif-netdev-extension.h */
