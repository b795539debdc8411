/* SPDX-License-Identifier: Apache-2.0 */

#ifndef EXTENSION_STATE_H
#define EXTENSION_STATE_H 1

/* What a translation remembers of the extension actions in it: a member of
 * "struct xlate_ctx", all zeros at first.  ofproto-dpif-xlate-ext.h has the
 * functions. */

#include <stdbool.h>
#include <stddef.h>
#include "ofp-extension.h"

struct extension_state {
    /* Datapath actions of extensions emitted so far. */
    unsigned int n_actions;

    /* An action drops the packet: the end of the innermost scope is the end of
     * that.  The action set then has 'action_set_size' bytes again. */
    bool dropped;
    size_t action_set_size;

    /* For the megaflow, when translation ends. */
    struct ofp_extension_together together;
};

#endif /* extension-state.h */
