/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_XLATE_EXT_H
#define OFPROTO_DPIF_XLATE_EXT_H 1

/* OFPACT_EXTENSION for ofproto-dpif-xlate.c, the only file that includes this:
 * it needs that file's static functions and types.  No extension is known
 * here; see lib/ofp-extension.h. */

#include "extension-state.h"
#include "odp-extension.h"
#include "ofp-extension.h"

static void
xlate_extension(struct xlate_ctx *ctx, const struct ofpact_extension *a)
{
    const struct ofp_extension_class *class = ofp_extension_of(a);
    struct extension_state *state = &ctx->extensions;
    struct ds trace = DS_EMPTY_INITIALIZER;
    struct ofp_extension_xlate x = {
        .flow = &ctx->xin->flow,
        .base_flow = &ctx->base_flow,
        .wc = ctx->wc,
        .together = &state->together,
        .odp_actions = ctx->odp_actions,
        .trace = ctx->xin->trace ? &trace : NULL,
    };

    /* What was set before must be so when the datapath executes the action. */
    xlate_commit_actions(ctx);

    size_t size = ctx->odp_actions->size;
    class->translate(a->body, &x);
    if (trace.length) {
        xlate_report(ctx, OFT_DETAIL, "%s", ds_cstr(&trace));
    }
    ds_destroy(&trace);
    if (ctx->odp_actions->size == size) {
        return;
    }

    state->n_actions++;
    if (class->odp && !ctx->xbridge->support.extensions[class->odp->type]) {
        /* The slow path executes all actions in userspace. */
        ctx->xout->slow |= SLOW_ACTION;
    }
    if (x.drop) {
        state->dropped = true;
        state->action_set_size = ctx->action_set.size;
        ctx->action_set.size = 0;
        ctx->exit = true;
    }
}

/* To be called when translation ends, however it does. */
static void
extension_xlate_finish(struct xlate_ctx *ctx)
{
    ofp_extension_together_apply(&ctx->extensions.together, ctx->wc);
}

/* Part of a translation whose changes to the flow are rolled back when it
 * ends, as if the packet had been cloned for it: a bucket of a group, a patch
 * port.  Open vSwitch undoes set fields there by setting them back.  What an
 * extension's datapath action does cannot be undone that way, thus a scope
 * that came to contain one becomes a clone in the datapath as well.  Whether
 * it does is seen only at its end, because of resubmits. */
struct extension_scope {
    struct flow base_flow;      /* As at the beginning. */
    size_t odp_actions_size;
    unsigned int n_actions;
};

static struct extension_scope
extension_scope_begin(const struct xlate_ctx *ctx)
{
    return (struct extension_scope) {
        .base_flow = ctx->base_flow,
        .odp_actions_size = ctx->odp_actions->size,
        .n_actions = ctx->extensions.n_actions,
    };
}

/* Ends what a drop means for the packet: it was only a copy that an action
 * dropped, and translation goes on for the original. */
static void
extension_drop_end(struct xlate_ctx *ctx)
{
    struct extension_state *state = &ctx->extensions;

    if (OVS_UNLIKELY(state->dropped)) {
        state->dropped = false;
        ctx->exit = false;
        ctx->action_set.size = state->action_set_size;
    }
}

/* Ends scope 's'.  'is_last' says that nothing follows for the packet, so that
 * it need not be kept as it was. */
static void
extension_scope_end(struct xlate_ctx *ctx, const struct extension_scope *s,
                    bool is_last)
{
    extension_drop_end(ctx);
    if (OVS_LIKELY(ctx->extensions.n_actions == s->n_actions) || is_last) {
        return;
    }

    size_t size = ctx->odp_actions->size - s->odp_actions_size;
    if (nl_attr_oversized(size)) {
        xlate_report_error(ctx, "too many actions for a clone");
        ctx->error = XLATE_RECURSION_TOO_DEEP;
        return;
    }
    struct nlattr clone = {
        .nla_len = NLA_HDRLEN + size,
        .nla_type = OVS_ACTION_ATTR_CLONE,
    };
    ofpbuf_insert(ctx->odp_actions, s->odp_actions_size, &clone, sizeof clone);
    ctx->base_flow = s->base_flow;
    if (!ctx->xbridge->support.clone) {
        ctx->xout->slow |= SLOW_ACTION;
    }
}

#endif /* ofproto-dpif-xlate-ext.h */
