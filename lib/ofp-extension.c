/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ofp-extension.h"

#include <string.h>

#include "flow.h"
#include "ila-action.h"
#include "ila-table-action.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "ring-action.h"
#include "seq.h"
#include "util.h"
#include "vrf-action.h"

/* The registry: one line an extension.  The last place is for a test. */
static const struct ofp_extension_class *classes[] = {
    &ofp_ila_class,
    &ofp_ila_table_class,
    &ofp_ring_class,
    &ofp_output_vrf_class,
    NULL,
};

const struct ofp_extension_class *
ofp_extension_next(const struct ofp_extension_class *class)
{
    bool found = !class;

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (found) {
            return classes[i];
        }
        found = classes[i] == class;
    }
    return NULL;
}

const struct ofp_extension_class *
ofp_extension_from_name(const char *name)
{
    const struct ofp_extension_class *class = NULL;

    while ((class = ofp_extension_next(class))) {
        if (!strcasecmp(class->name, name)) {
            break;
        }
    }
    return class;
}

const struct ofp_extension_class *
ofp_extension_from_type(uint16_t type)
{
    const struct ofp_extension_class *class = NULL;

    while ((class = ofp_extension_next(class))) {
        if (class->type == type) {
            break;
        }
    }
    return class;
}

const struct ofp_extension_class *
ofp_extension_of(const struct ofpact_extension *a)
{
    const struct ofp_extension_class *class;

    class = ofp_extension_from_type(a->subtype);
    ovs_assert(class);
    return class;
}

void *
ofpact_extension_put(struct ofpbuf *ofpacts,
                     const struct ofp_extension_class *class, size_t size)
{
    struct ofpact_extension *a = ofpact_put_EXTENSION(ofpacts);

    a->subtype = class->type;
    ofpbuf_put_zeros(ofpacts, size);
    a = ofpacts->header;
    ofpact_finish_EXTENSION(ofpacts, &a);
    return a->body;
}

void
ofp_extension_together_add(struct ofp_extension_together *t,
                           size_t ofs, size_t size)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->ranges[i].ofs == ofs && t->ranges[i].size == size) {
            return;
        }
    }
    ovs_assert(t->n < OFP_EXTENSION_MAX_TOGETHER);
    t->ranges[t->n].ofs = ofs;
    t->ranges[t->n].size = size;
    t->n++;
}

void
ofp_extension_together_apply(const struct ofp_extension_together *t,
                             struct flow_wildcards *wc)
{
    for (size_t i = 0; i < t->n; i++) {
        uint8_t *mask = (uint8_t *) &wc->masks + t->ranges[i].ofs;

        if (!is_all_zeros(mask, t->ranges[i].size)) {
            memset(mask, 0xff, t->ranges[i].size);
        }
    }
}

/* Sequence numbers only grow, thus any change is one of their sum. */
static uint64_t
sum_of_changes(void)
{
    const struct ofp_extension_class *class = NULL;
    uint64_t sum = 0;

    while ((class = ofp_extension_next(class))) {
        struct seq *seq = class->get_seq ? class->get_seq() : NULL;

        sum += seq ? seq_read(seq) : 0;
    }
    return sum;
}

bool
ofp_extensions_changed(uint64_t *changes)
{
    uint64_t before = *changes;

    *changes = sum_of_changes();
    return before && *changes != before;
}

void
ofp_extensions_changed_wait(uint64_t changes)
{
    if (sum_of_changes() != changes) {
        poll_immediate_wake();
    }
}

void
ofp_extension_register_for_test(const struct ofp_extension_class *class)
{
    classes[ARRAY_SIZE(classes) - 1] = class;
}
