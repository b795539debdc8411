/* SPDX-License-Identifier: Apache-2.0 */

#ifndef EXTENSION_STATE_H
#define EXTENSION_STATE_H 1

/* What a translation remembers of the extension actions in it: a member of
 * "struct xlate_ctx", all zeros at first.  ofproto-dpif-xlate-ext.h has the
 * functions. */

#include <stdbool.h>
#include <stddef.h>
#include "ofp-extension.h"
#include "openvswitch/meta-flow.h"

struct extension_state {
    /* Datapath actions of extensions emitted so far. */
    unsigned int n_actions;

    /* An action drops the packet: the end of the innermost scope is the end of
     * that.  The action set then has 'action_set_size' bytes again. */
    bool dropped;
    size_t action_set_size;

    /* A field of the packet that only the datapath knows, because an action
     * there changed it; 'flow' has what it was before.  Only then
     * 'was_mpls' is true on account of an extension, too: the packet has to be
     * recirculated before something looks at that field. */
    const struct mf_field *unknown;

    /* The last action emitted is of this class and may keep the packet, its
     * payload is at this offset of the actions; null if it is not. */
    const struct odp_extension_class *keeper;
    size_t keeper_ofs;

    /* Translation exits because it was frozen on account of the above: the end
     * of the innermost scope is the end of that, too. */
    bool frozen;

    /* For ofproto/trace: what 'unknown' would be at present, and whether the
     * datapath would drop the packet. */
    union mf_value preview;
    bool preview_drop;

    /* For the megaflow, when translation ends. */
    struct ofp_extension_together together;
};

#endif /* extension-state.h */
