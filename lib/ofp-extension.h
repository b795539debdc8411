/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFP_EXTENSION_H
#define OFP_EXTENSION_H 1

/* The door for OpenFlow actions of extensions.
 *
 * Open vSwitch names each of its actions in many places.  Our hooks add a
 * single one, OFPACT_EXTENSION, in all of them; which extension is meant is
 * the business of this registry.  An extension describes its action by one
 * constant "struct ofp_extension_class", listed in ofp-extension.c.
 *
 * In text the action is "NAME(ARGS)".  On the wire it is the Nicira action
 * NXAST_EXTENSION (200), in every version of OpenFlow:
 *
 *     2  type         0xffff
 *     2  len          of the whole action, a multiple of 8
 *     4  vendor       NX_VENDOR_ID
 *     2  subtype      200
 *     2  ext_type     enum ofp_extension_type
 *     2  body_len     bytes of body, without the padding at the end
 *     2  zero
 *     n  body, as the class says, then zeros up to a multiple of 8
 *
 * Refused are an unknown 'ext_type' (OFPBAC_BAD_VENDOR_TYPE), a 'body_len'
 * that does not agree with 'len' (OFPBAC_BAD_LEN) and padding that is not
 * zero (NXBRC_MUST_BE_ZERO).
 *
 * Thread-safety
 * =============
 *
 * The registry is constant once main() runs.  The functions of a class may be
 * called by several threads at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "odp-netlink.h"
#include "openvswitch/compiler.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/types.h"

struct dpif;
struct ds;
struct flow;
struct flow_wildcards;
struct mf_alias;
struct odp_extension_class;
struct odp_extension_support;
struct ofpact_check_params;
struct ofpact_extension;
struct ofpact_format_params;
struct ofpact_parse_params;
struct ofpbuf;
struct seq;

/* Extensions by the number that they have on the wire.  Never reused. */
enum ofp_extension_type {
    OFPEXT_ILA = 1,
    OFPEXT_ILA_TABLE = 2,
    OFPEXT_RING = 3,
    OFPEXT_VRF = 4,
    OFPEXT_TEST = 0xffff,       /* For programs in tests/ only. */
};

/* Ranges of bytes of "struct flow" of which a megaflow has to match either all
 * bits or none.
 *
 * An action whose result has bits that depend on many bits of the flow at once
 * (a carry does that) names those here instead of unwildcarding them: they
 * stay wild as long as nobody looks at the result, and if somebody looks at
 * part of it, which unwildcards that part alone, the rest joins in. */
#define OFP_EXTENSION_MAX_TOGETHER 8
struct ofp_extension_together {
    struct {
        uint16_t ofs;
        uint16_t size;
    } ranges[OFP_EXTENSION_MAX_TOGETHER];
    size_t n;
};

/* Adds the 'size' bytes at offset 'ofs' of "struct flow". */
void ofp_extension_together_add(struct ofp_extension_together *,
                                size_t ofs, size_t size);

/* Makes each range of which a bit is set in 'wc' exact as a whole. */
void ofp_extension_together_apply(const struct ofp_extension_together *,
                                  struct flow_wildcards *wc);

/* What an action sees of the translation of a flow, and what it leaves behind.
 * Set fields that were pending are in 'odp_actions' already, thus '*flow' and
 * '*base_flow' agree on what the packet looks like. */
struct ofp_extension_xlate {
    struct flow *flow;              /* The packet's fields, as OpenFlow sees
                                     * them.  Update if the action changes
                                     * them. */
    struct flow *base_flow;         /* The same for the datapath. */
    struct flow_wildcards *wc;      /* Set the bits of the original flow that
                                     * the outcome depends on, no more: all
                                     * others stay wild in the megaflow. */
    struct ofp_extension_together *together; /* Add what the outcome depends
                                              * on as far as somebody looks at
                                              * it. */
    struct ofpbuf *odp_actions;     /* Append what the datapath must do. */
    struct ds *trace;               /* Say what was done, in a line; null if
                                     * nobody is listening. */
    bool drop;                      /* Set to true if the datapath action
                                     * drops the packet: what follows in the
                                     * list and the action set are skipped. */
    bool freeze;                    /* Set to true if the datapath action may
                                     * keep the packet: translation stops, and
                                     * goes on when the packet is recirculated
                                     * (see 'set_recirc_id' in "struct
                                     * odp_extension_class"). */

    /* For a datapath action that has some packets go aside: append OpenFlow
     * actions that are to be executed for those when they are recirculated
     * (see 'set_recirc_id', likewise). */
    struct ofpbuf *aside;

    /* For actions whose outcome only the datapath knows: set to the field of
     * the packet that the action changes there.  'flow' keeps what it had.
     * Translation goes on as far as nobody asks for the field, and then the
     * packet is recirculated. */
    enum mf_field_id unknown;       /* MFF_N_IDS at first. */

    const char *in_port;            /* Name of the device of the port that the
                                     * packet came into the bridge on, or
                                     * null. */

    struct dpif *dpif;              /* The datapath. */
    odp_port_t odp_in_port;         /* The port that the packet came in on
                                     * there. */

    /* What the datapath has, by enum ovs_extension_attr. */
    const struct odp_extension_support *support;

    /* The class of the last one of 'odp_actions' that 'translate' appends:
     * that of the action if it is not set; and what it is that takes another
     * one, for people, null if nothing does. */
    const struct odp_extension_class *odp;
    const char *odp_for;

    /* For 'trace' only: set '*preview' to what 'unknown' would be, or
     * 'preview_drop' to true if the datapath would drop the packet. */
    bool is_unknown;                /* Was an action before this one such that
                                     * 'flow' does not have that field? */
    union mf_value *preview;
    bool preview_drop;
};

struct ofp_extension_class {
    const char *name;               /* As in "NAME(...)", in lower case.  Of
                                     * two with the same name, the first one
                                     * parses the text of both. */
    uint16_t type;                  /* From enum ofp_extension_type. */

    /* Whether the action may be written to an action set, in which it takes
     * its turn among the set_field actions. */
    bool in_action_set;

    /* The datapath action that 'translate' emits, behind others if it emits
     * any, or null; see also 'odp' in "struct ofp_extension_xlate".  If the
     * datapath lacks it, or an option of it, packets take the slow path, or
     * are dropped if only a datapath can execute it; if it 'takes_packets',
     * the copy that it would take. */
    const struct odp_extension_class *odp;

    /* Names that the extension adds for parts of fields, ended by an entry
     * without a name, or null. */
    const struct mf_alias *aliases;

    /* Parses 'args', the text between the parentheses, which it may modify,
     * and appends the action to 'pp->ofpacts' by ofpact_extension_put().
     * Returns NULL if successful, otherwise a malloc()ed message that names
     * the bad token; nothing is appended then. */
    char *(*parse)(char *args, const struct ofpact_parse_params *pp);

    /* Appends to 'fp->s' what 'parse' reads. */
    void (*format)(const void *body, const struct ofpact_format_params *fp);

    /* Appends the body's form on the wire to 'out'. */
    void (*encode)(const void *body, struct ofpbuf *out);

    /* Appends to 'ofpacts' the action whose body on the wire is the 'size'
     * bytes in 'wire'. */
    enum ofperr (*decode)(const void *wire, size_t size,
                          struct ofpbuf *ofpacts);

    /* Is the action right in a flow with 'cp->match'? */
    enum ofperr (*check)(const void *body, const struct ofpact_check_params *);

    /* Translates the action for one flow.  It depends on the body and the bits
     * of the flow that it unwildcards, on nothing else but what 'get_seq'
     * tells of, so that revalidation comes to the same result. */
    void (*translate)(const void *body, struct ofp_extension_xlate *);

    /* What translation depends on besides, null if on nothing: all flows are
     * revalidated when it changes.  May return null. */
    struct seq *(*get_seq)(void);

    /* Does translation depend on the value of the field with that id, or
     * change it?  Null if it does, whatever the field. */
    bool (*uses_field)(const void *body, enum mf_field_id);
};

/* Returns the class with the given name or number, or NULL. */
const struct ofp_extension_class *ofp_extension_from_name(const char *name);
const struct ofp_extension_class *ofp_extension_from_type(uint16_t type);

/* Returns the class of 'a', which a registered class made. */
const struct ofp_extension_class *
ofp_extension_of(const struct ofpact_extension *a);

/* Iteration: the class after 'class', the first one if it is NULL, NULL after
 * the last. */
const struct ofp_extension_class *
ofp_extension_next(const struct ofp_extension_class *class);

/* Did anything change that translation of an extension's action depends on,
 * since the call before that had the same 'changes', which is 0 at first?  The
 * other one wakes up the poll loop if it did.  For the main thread. */
bool ofp_extensions_changed(uint64_t *changes);
void ofp_extensions_changed_wait(uint64_t changes);

/* Appends an OFPACT_EXTENSION to 'ofpacts' and returns its body, 'size' bytes
 * of zeros that the caller fills in before it appends anything else. */
void *ofpact_extension_put(struct ofpbuf *ofpacts,
                           const struct ofp_extension_class *, size_t size);

/* Adds a class that only a test program has.  Call before main(), by a
 * constructor; at most one. */
void ofp_extension_register_for_test(const struct ofp_extension_class *);

#endif /* ofp-extension.h */
