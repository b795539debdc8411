/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ODP_EXTENSION_H
#define ODP_EXTENSION_H 1

/* The door for datapath actions of extensions.
 *
 * The datapath's counterpart of ofp-extension.h: one OVS_ACTION_ATTR_EXTENSION
 * in all of Open vSwitch's switches, and a registry of classes behind it.  The
 * attribute holds exactly one other, whose type is the class's and whose
 * payload the class defines; see <openvswitch/extension-abi.h>.
 *
 * The same functions serve the fast path of the userspace datapath and the
 * slow path of every datapath, thus a datapath that lacks an action costs
 * speed but no feature.  The exception is an action for which the datapath has
 * to know something: it has no 'execute', and is passed to the datapath.
 *
 * Thread-safety
 * =============
 *
 * The registry is constant once main() runs.  The functions of a class may be
 * called by several threads at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/extension-abi.h"

struct dp_packet_batch;
struct dpif;
struct ds;
struct flow;
struct nlattr;
struct ofpbuf;

/* Options that a class may have. */
#define ODP_EXTENSION_MAX_OPTIONS 8

struct odp_extension_class {
    const char *name;           /* As in "NAME(...)", in lower case. */
    uint16_t type;              /* From enum ovs_extension_attr. */
    size_t size;                /* Bytes of payload. */

    /* Appends to 's' the text for 'payload' that goes between the
     * parentheses. */
    void (*format)(const void *payload, struct ds *s);

    /* Parses that text, which it may modify, into 'payload', 'size' bytes of
     * zeros.  Returns NULL if successful, otherwise a malloc()ed message that
     * names the bad token. */
    char *(*parse)(char *args, void *payload);

    /* Executes the action on the packets in 'batch', whose layer offsets are
     * set.  A packet that the action drops is taken out of 'batch', and freed
     * if 'steal' is true; otherwise it stays its owner's.
     *
     * Null if only a datapath can execute it, by these rules: then the
     * extension does that in the userspace datapath (dpif-netdev-extension.h),
     * and for packets of another one's slow path there is 'execute_slow'. */
    void (*execute)(struct dp_packet_batch *, const void *payload, bool steal);
    void (*execute_slow)(struct dpif *, struct dp_packet_batch *,
                         const void *payload, bool steal);

    /* Does the action take all packets, as output does?  Then 'steal' is true
     * only if no action follows, and otherwise it takes copies and leaves
     * 'batch' as it is. */
    bool takes_packets;

    /* Is 'execute_slow' good enough for a datapath that lacks the action?
     * Otherwise packets that come to it there are dropped. */
    bool slow_suffices;

    /* For an action that may keep packets, or have some go aside, otherwise
     * null: has those recirculated with 'recirc_id' when they go on.  If it
     * keeps packets, an action that recirculates the others follows. */
    void (*set_recirc_id)(void *payload, uint32_t recirc_id);

    /* Fills in a flow and a payload that a datapath with support for the
     * action accepts.  'flow' is zeroed before. */
    void (*probe)(struct flow *, void *payload);

    /* Options are what a datapath that has the action may lack, as an older
     * kernel module does, or one that leaves part of the work to others.  Bit
     * i of what 'get_options' returns says that the payload wants option i,
     * which people know as 'options[i]'; 'set_option' has the payload of
     * 'probe' want it.  Without options all of this is null.
     *
     * Packets whose action wants an option that the datapath lacks fare as if
     * it lacked the action. */
    const char *options[ODP_EXTENSION_MAX_OPTIONS];
    uint32_t (*get_options)(const void *payload);
    void (*set_option)(void *payload, unsigned int option);
};

/* What a datapath has of an extension. */
struct odp_extension_support {
    bool action;
    bool options[ODP_EXTENSION_MAX_OPTIONS];
};

/* The number of options of the class. */
size_t odp_extension_n_options(const struct odp_extension_class *);

/* Returns the class with the given number, or NULL. */
const struct odp_extension_class *odp_extension_from_type(uint16_t type);

/* Iteration: the class after 'class', the first one if it is NULL, NULL after
 * the last. */
const struct odp_extension_class *
odp_extension_next(const struct odp_extension_class *class);

/* Appends the action to 'actions' and returns its payload, 'class->size' bytes
 * of zeros that the caller fills in.  It is aligned to 4 bytes. */
void *odp_extension_put(struct ofpbuf *actions,
                        const struct odp_extension_class *);

/* Appends the text of 'a', an OVS_ACTION_ATTR_EXTENSION, to 's'. */
void odp_extension_format(const struct nlattr *a, struct ds *s);

/* Parses an extension's action from the beginning of 's' and appends it to
 * 'actions'.  Returns the number of bytes parsed, 0 if 's' does not begin with
 * an extension's name and a parenthesis, or a negative errno value, in which
 * case nothing is appended and a log line says what is wrong. */
int odp_extension_parse(const char *s, struct ofpbuf *actions);

/* Executes 'a', an OVS_ACTION_ATTR_EXTENSION, on 'batch' (see 'execute'
 * above), 'cb' with 'dp' what only a datapath can.  'last' says that no action
 * follows.  Returns false if no packet is left. */
typedef void odp_extension_cb(void *dp, struct dp_packet_batch *batch,
                              const struct nlattr *a, bool steal);
bool odp_extension_execute(struct dp_packet_batch *batch,
                           const struct nlattr *a, bool steal, bool last,
                           odp_extension_cb *cb, void *dp);

/* Executes 'a', an OVS_ACTION_ATTR_EXTENSION that only a datapath can execute,
 * on packets of the slow path of 'dpif' by its 'execute_slow'. */
void odp_extension_execute_slow(struct dpif *, struct dp_packet_batch *,
                                const struct nlattr *a, bool steal);

/* Returns the class of 'a', an OVS_ACTION_ATTR_EXTENSION, and sets '*payload'
 * to its payload.  Returns NULL if there is none or if 'a' is not as the class
 * wants it. */
const struct odp_extension_class *
odp_extension_unpack(const struct nlattr *a, const void **payload);

/* Drops the packets of an action that nobody here can execute: what they
 * should have become is unknown, therefore they must not go on as they are. */
void odp_extension_drop(struct dp_packet_batch *batch, bool steal);

/* Adds a class that only a test program has.  Call before main(), by a
 * constructor; at most one. */
void odp_extension_register_for_test(const struct odp_extension_class *);

#endif /* odp-extension.h */
