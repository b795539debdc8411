/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_SERVER_H
#define RING_SERVER_H 1

/* Rings for other processes: the server of the socket that
 * openvswitch/ring-socket.h describes.
 *
 * The server is one thread, "ring".  It accepts connections, keeps to the
 * limits, makes the memory of rings and sends it.  What is written into a ring
 * is the business of its kind; to add one, define a struct ring_kind and name
 * it in the registry at the top of ring-server.c.
 *
 * Threads
 * =======
 *
 * The main thread starts, stops and configures the server, and asks what it
 * has.  Everything else happens in the thread "ring", with the exception of
 * what a kind's producers do.  That thread must not be held up: whatever a
 * kind does there takes no longer than about a millisecond at a time.
 *
 * Producers in other threads
 * ==========================
 *
 * A kind whose records come from other threads, as those of packets do, gives
 * them the ring under RCU: 'open' publishes it, 'close' takes it back, and
 * 'destroy' comes after a grace period.  Only then is the memory freed and the
 * consumer told that the ring is dead.  The producers wake the consumer by
 * ring_lane_wake() and ring_server_wake(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "openvswitch/ring-abi.h"
#include "openvswitch/ring-socket.h"
#include "ring-layout.h"
#include "ring-memory.h"

struct json;
struct simap;
struct smap;

/* Who is at the other end, as SO_PEERCRED tells. */
struct ring_peer_id {
    pid_t pid;
    uid_t uid;
};

/* What somebody asks for. */
struct ring_request {
    const char *name;           /* Of what; may be empty. */
    const struct smap *options; /* KEY=VALUE. */
    struct ring_geometry geometry;      /* Complete, and allowed. */
    struct ring_peer_id peer;
};

/* A kind of rings.  Functions that may fail return 0 or a positive errno value
 * and then tell in '*why', for the caller to free, what is wrong; they name
 * the word that is to blame.  'ring' is what 'open' made.
 *
 * All functions but 'destroy' are called by the thread "ring", which never
 * calls two at once. */
struct ring_kind {
    const char *name;           /* As ring/list has it. */
    enum ovs_ring_class ring_class;

    /* What a consumer gets that chooses nothing; as many lanes as it may if
     * 'n_lanes' is 0. */
    struct ring_geometry defaults;

    /* How many lanes a ring may have now.  Null: one. */
    uint32_t (*max_lanes)(void);

    /* Makes a ring in 'memory', which stays until 'destroy' has returned. */
    int (*open)(const struct ring_request *, struct ring_memory *memory,
                void **ring, char **why);

    /* What ring/list has as the name of the ring, which stays as it is.  Null:
     * what the request has. */
    const char *(*get_name)(const void *ring);

    /* Ends it: the consumer is gone, or the server stops.  Nothing but
     * 'destroy' is called for the ring after that. */
    void (*close)(void *ring);

    /* Frees it.  A grace period after 'close', by any thread. */
    void (*destroy)(void *ring);

    /* What there is to do, in each round of the thread, thus also after each
     * message of its peer, KICK in particular; and what the next round is to
     * wait for, by the functions of poll-loop.h.  May be null. */
    void (*run)(void *ring);
    void (*wait)(void *ring);

    /* A message of a type of 64 or above; 'len' of it is true.  Success is
     * answered with OK.  May be null. */
    int (*request)(void *ring, const struct ovs_ring_msg *, char **why);
};

/* Wakes the consumer of 'memory'. */
void ring_server_wake(const struct ring_memory *memory);

/* Count, for coverage/show: waking, which the above does; that a producer
 * found no space; that a message goes by the ordinary way; that a ring was
 * asked for in vain, so that who asked takes the ordinary way.  For any
 * thread. */
void ring_count_wake(void);
void ring_count_full(void);
void ring_count_copy(void);
void ring_count_fallback(void);

/* May be given out beyond what the rings have: 'bytes' of memory that a kind
 * needs for one of them, counted against ring-max-mb.  Returns whether they
 * may be used, until ring_server_uncharge().  For any thread. */
bool ring_server_charge(uint64_t bytes);
void ring_server_uncharge(uint64_t bytes);

/* For ovs-vswitchd.  'max_bytes' is the memory that all rings may have
 * together; more than that stays until its consumers are gone.  Starts the
 * server if it does not run, and returns 0 or a positive errno value. */
int ring_server_start(uint64_t max_bytes);
void ring_server_stop(void);

/* Adds the ring of 'request', without a peer, which waits for its consumer;
 * see ring-kept.h.  Return 0 or a positive errno value, with the reason, which
 * names the word that is to blame, in '*why', for the caller to free. */
int ring_server_add(const struct ring_request *, char **why);

/* Removes what was added as 'name', and ends the rings of this name that
 * somebody has: of 'ring_class', or of all classes if that is 0. */
int ring_server_remove(uint32_t ring_class, const char *name, char **why);

/* Tells the thread that datapaths may have come or gone. */
void ring_server_reconfigured(void);

/* Returns an array with an object for each ring, for the caller to free. */
struct json *ring_server_list(void);

/* Adds "ring-kB" to 'usage', for memory/show, unless there is none. */
void ring_server_get_memory_usage(struct simap *usage);

#endif /* ring-server.h */
