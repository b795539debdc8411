/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_XLATE_EXT_H
#define OFPROTO_DPIF_XLATE_EXT_H 1

/* OFPACT_EXTENSION for ofproto-dpif-xlate.c, the only file that includes this:
 * it needs that file's static functions and types.  No extension is known
 * here; see lib/ofp-extension.h. */

#include "extension-state.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "sset.h"

COVERAGE_DEFINE(extension_action_refused);

static bool xport_has_ip(const struct xport *);

/* Whenever translation exits, the actions that were left are kept for a
 * freeze.  If it was another packet's translation that did, without a freeze,
 * they must not be taken for the beginning of what is frozen later. */
static void
extension_forget_exit(struct xlate_ctx *ctx)
{
    ofpbuf_clear(&ctx->frozen_actions);
    ctx->frozen_actions.header = NULL;
}

/* Ends translation of the packet, as if the datapath had dropped it. */
static void
extension_drop(struct xlate_ctx *ctx)
{
    struct extension_state *state = &ctx->extensions;

    state->dropped = true;
    state->action_set_size = ctx->action_set.size;
    ctx->action_set.size = 0;
    ctx->exit = true;
}

/* The number that the port has in the datapath on which the packet came in
 * there, whatever OpenFlow was told since. */
static odp_port_t
extension_in_port(const struct xlate_ctx *ctx)
{
    const struct xbridge *xbridge = xbridge_lookup(ctx->xcfg,
                                                   ctx->xin->ofproto);

    return ofp_port_to_odp_port(xbridge, ctx->base_flow.in_port.ofp_port);
}

/* The name of the device of the port that the packet came into the bridge on,
 * null if there is none. */
static const char *
extension_in_port_name(const struct xlate_ctx *ctx)
{
    const struct xport *xport;

    xport = get_ofp_port(ctx->xbridge, ctx->xin->flow.in_port.ofp_port);
    return xport && xport->netdev ? netdev_get_name(xport->netdev) : NULL;
}

/* Says in words what the datapath lacks for the action 'x->odp' that was
 * appended to 'ctx->odp_actions' at last.  Returns NULL if it lacks nothing,
 * otherwise a malloc()ed string. */
static char *
extension_lacks(const struct xlate_ctx *ctx,
                const struct ofp_extension_xlate *x)
{
    const struct odp_extension_class *class = x->odp;
    const struct odp_extension_support *support
        = &ctx->xbridge->support.extensions[class->type];
    const struct ofpbuf *actions = ctx->odp_actions;
    struct ds s = DS_EMPTY_INITIALIZER;
    uint32_t wanted;

    if (OVS_UNLIKELY(!support->action)) {
        return xasprintf("the datapath lacks the action %s()%s%s", class->name,
                         x->odp_for ? ", needed for " : "",
                         x->odp_for ? x->odp_for : "");
    }
    wanted = class->get_options ? class->get_options(
        ofpbuf_at_assert(actions, actions->size - class->size, class->size))
        : 0;
    if (OVS_LIKELY(!wanted)) {
        return NULL;
    }
    for (size_t i = 0; i < odp_extension_n_options(class); i++) {
        if (wanted & 1u << i && !support->options[i]) {
            ds_put_format(&s, "%s%s", s.length ? ", " : "", class->options[i]);
        }
    }
    if (!s.length) {
        return NULL;
    }

    char *lacking = xasprintf("the datapath's action %s() lacks %s",
                              class->name, ds_cstr(&s));
    ds_destroy(&s);
    return lacking;
}

/* Logs once for a bridge that its packets that come to the action are dropped,
 * and why.  So many different reasons are for configuration that changes all
 * the time; the trace and the counter tell of them even so. */
#define EXTENSION_MAX_REFUSED 256
static void
extension_log_refused(const struct xlate_ctx *ctx,
                      const struct ofp_extension_class *class,
                      const char *lacking)
{
    static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
    static struct sset logged OVS_GUARDED_BY(mutex)
        = SSET_INITIALIZER(&logged);
    char *text = xasprintf("bridge %s: %s: packets that come to %s() are "
                           "dropped", ctx->xbridge->name, lacking,
                           class->name);
    bool is_new;

    ovs_mutex_lock(&mutex);
    is_new = (sset_count(&logged) < EXTENSION_MAX_REFUSED
              && sset_add(&logged, text));
    ovs_mutex_unlock(&mutex);
    if (is_new) {
        VLOG_WARN("%s", text);
    }
    free(text);
}

/* Takes back the actions that 'class' appended to 'ctx->odp_actions', beyond
 * 'size' bytes: the datapath would refuse them.  Only the copy that an action
 * takes is dropped, otherwise the packet: nobody knows what it would be. */
static void
extension_refuse(struct xlate_ctx *ctx,
                 const struct ofp_extension_class *class,
                 const char *lacking, size_t size)
{
    COVERAGE_INC(extension_action_refused);
    extension_log_refused(ctx, class, lacking);
    xlate_report(ctx, OFT_ERROR, "%s: dropped", lacking);
    ctx->odp_actions->size = size;
    if (!class->odp->takes_packets) {
        extension_drop(ctx);
    }
}

/* Has packets that the action of 'class', the last one of 'ctx->odp_actions',
 * has go aside executed 'ofpacts' for, as a part of the flow that is being
 * translated. */
static void
extension_aside(struct xlate_ctx *ctx, const struct odp_extension_class *class,
                const struct ofpbuf *ofpacts)
{
    struct ofpact_unroll_xlate *unroll;
    uint64_t stub[256 / 8];
    struct ofpbuf list = OFPBUF_STUB_INITIALIZER(stub);
    struct frozen_state state = {
        .table_id = ctx->table_id,
        .ofproto_uuid = ctx->xbridge->ofproto->uuid,
        .stack = ctx->stack.data,
        .stack_size = ctx->stack.size,
        .mirrors = ctx->mirrors,
        .conntracked = ctx->conntracked,
        .xport_uuid = ctx->xin->xport_uuid,
    };
    uint32_t recirc_id;

    unroll = ofpact_put_UNROLL_XLATE(&list);
    unroll->rule_table_id = ctx->table_id;
    unroll->rule_cookie = ctx->rule_cookie;
    ofpbuf_put(&list, ofpacts->data, ofpacts->size);
    state.ofpacts = list.data;
    state.ofpacts_len = list.size;
    frozen_metadata_from_flow(&state.metadata, &ctx->xin->flow);

    recirc_id = recirc_alloc_id_ctx(&state);
    ofpbuf_uninit(&list);
    if (!recirc_id) {
        xlate_report_error(ctx, "Failed to allocate recirculation id");
        ctx->error = XLATE_NO_RECIRCULATION_CONTEXT;
        return;
    }
    recirc_refs_add(&ctx->xout->recircs, recirc_id);
    class->set_recirc_id(ofpbuf_at_assert(ctx->odp_actions,
                                          ctx->odp_actions->size
                                          - class->size, class->size),
                         recirc_id);
}

/* Translates 'ofpact', an OFPACT_EXTENSION, and returns it, or if translation
 * was frozen, the action behind it. */
static const struct ofpact *
xlate_extension(struct xlate_ctx *ctx, const struct ofpact *ofpact)
{
    const struct ofpact_extension *a = ofpact_get_EXTENSION(ofpact);
    const struct ofp_extension_class *class = ofp_extension_of(a);
    struct extension_state *state = &ctx->extensions;
    struct ds trace = DS_EMPTY_INITIALIZER;
    uint64_t aside_stub[128 / 8];
    struct ofpbuf aside = OFPBUF_STUB_INITIALIZER(aside_stub);
    struct ofp_extension_xlate x = {
        .flow = &ctx->xin->flow,
        .base_flow = &ctx->base_flow,
        .wc = ctx->wc,
        .together = &state->together,
        .odp_actions = ctx->odp_actions,
        .trace = ctx->xin->trace ? &trace : NULL,
        .unknown = MFF_N_IDS,
        .in_port = extension_in_port_name(ctx),
        .dpif = ctx->xbridge->dpif,
        .odp_in_port = extension_in_port(ctx),
        .support = ctx->xbridge->support.extensions,
        .odp = class->odp,
        .aside = &aside,
    };

    /* What was set before must be so when the datapath executes the action. */
    xlate_commit_actions(ctx);

    size_t size = ctx->odp_actions->size;
    if (OVS_UNLIKELY(x.trace)) {
        x.is_unknown = ctx->was_mpls && state->unknown;
        x.preview = &state->preview;
    }
    class->translate(a->body, &x);

    bool is_empty = ctx->odp_actions->size == size;
    if (aside.size && !is_empty) {
        extension_aside(ctx, x.odp, &aside);
    }
    ofpbuf_uninit(&aside);
    char *lacking = (x.odp && !is_empty
                     ? extension_lacks(ctx, &x) : NULL);
    if (lacking && !x.odp->execute && !x.odp->slow_suffices) {
        extension_refuse(ctx, class, lacking, size);
        is_empty = true;
    } else {
        if (trace.length) {
            xlate_report(ctx, OFT_DETAIL, "%s", ds_cstr(&trace));
        }
        if (lacking) {
            /* The slow path executes all actions in userspace. */
            ctx->xout->slow |= SLOW_ACTION;
        }
    }
    ds_destroy(&trace);
    free(lacking);
    if (is_empty) {
        return ofpact;
    }
    state->n_actions++;
    if (x.unknown != MFF_N_IDS) {
        state->unknown = mf_from_id(x.unknown);
        state->preview_drop |= x.preview_drop;
        ctx->was_mpls = true;
    }
    if (x.drop) {
        extension_drop(ctx);
    } else if (x.freeze) {
        state->keeper = class->odp;
        state->keeper_ofs = ctx->odp_actions->size - class->odp->size;
        extension_forget_exit(ctx);
        ctx_trigger_freeze(ctx);
        return ofpact_next(ofpact);
    }
    return ofpact;
}

static bool
hash_uses_field(enum nx_hash_fields fields, const struct mf_field *mf)
{
    return !((fields == NX_HASH_FIELDS_ETH_SRC
              || fields == NX_HASH_FIELDS_NW_SRC)
             && mf->id == MFF_IPV6_DST);
}

/* Could output to 'port' depend on a field of the network layer? */
static bool
output_uses_network(const struct xlate_ctx *ctx, ofp_port_t port)
{
    const struct xport *xport;

    switch (port) {
    case OFPP_CONTROLLER:
    case OFPP_NONE:
        return false;

    case OFPP_TABLE:
        return true;

    case OFPP_NORMAL:
        if (mcast_snooping_enabled(ctx->xbridge->ms)) {
            return true;
        }
        /* Fall through. */
    case OFPP_IN_PORT:
    case OFPP_FLOOD:
    case OFPP_ALL:
        /* One of the ports may be the end of a tunnel. */
        return ovs_native_tunneling_is_on(ctx->xbridge->ofproto);

    default:
        if (!ovs_native_tunneling_is_on(ctx->xbridge->ofproto)) {
            return false;
        }
        xport = get_ofp_port(ctx->xbridge, port);
        return xport && xport_has_ip(xport);
    }
}

/* Does translation of 'a' look at the packet's field 'mf', or set it?  Actions
 * inside of others, and lookups of flows, ask for themselves. */
static bool
ofpact_uses_field(const struct xlate_ctx *ctx, const struct ofpact *a,
                  const struct mf_field *mf)
{
    switch (a->type) {
    case OFPACT_OUTPUT:
        return output_uses_network(ctx, ofpact_get_OUTPUT(a)->port);
    case OFPACT_OUTPUT_TRUNC:
        return output_uses_network(ctx, ofpact_get_OUTPUT_TRUNC(a)->port);
    case OFPACT_ENQUEUE:
        return output_uses_network(ctx, ofpact_get_ENQUEUE(a)->port);

    case OFPACT_SET_FIELD:
        return ofpact_get_SET_FIELD(a)->field == mf;
    case OFPACT_REG_MOVE:
        return (ofpact_get_REG_MOVE(a)->src.field == mf
                || ofpact_get_REG_MOVE(a)->dst.field == mf);
    case OFPACT_STACK_PUSH:
        return ofpact_get_STACK_PUSH(a)->subfield.field == mf;
    case OFPACT_STACK_POP:
        return ofpact_get_STACK_POP(a)->subfield.field == mf;
    case OFPACT_MULTIPATH:
        return (hash_uses_field(ofpact_get_MULTIPATH(a)->fields, mf)
                || ofpact_get_MULTIPATH(a)->dst.field == mf);
    case OFPACT_CT:
        return ofpact_get_CT(a)->zone_src.field == mf;
    case OFPACT_CHECK_PKT_LARGER:
        return ofpact_get_CHECK_PKT_LARGER(a)->dst.field == mf;
    case OFPACT_LEARN: {
        const struct ofpact_learn *learn = ofpact_get_LEARN(a);
        const struct ofpact_learn_spec *spec;

        OFPACT_LEARN_SPEC_FOR_EACH (spec, learn) {
            if (spec->src_type == NX_LEARN_SRC_FIELD
                && spec->src.field == mf) {
                return true;
            }
        }
        return learn->result_dst.field == mf;
    }
    case OFPACT_EXTENSION: {
        const struct ofpact_extension *e = ofpact_get_EXTENSION(a);
        const struct ofp_extension_class *class = ofp_extension_of(e);

        return !class->uses_field || class->uses_field(e->body, mf->id);
    }

    /* A copy of the packet as it is in the datapath. */
    case OFPACT_CONTROLLER:
    case OFPACT_SAMPLE:
    /* A group that selects by a hash asks for itself. */
    case OFPACT_GROUP:
    case OFPACT_CLONE:
    case OFPACT_NAT:
    /* Other fields; datapaths with actions of ours set parts of a header. */
    case OFPACT_SET_VLAN_VID:
    case OFPACT_SET_VLAN_PCP:
    case OFPACT_STRIP_VLAN:
    case OFPACT_PUSH_VLAN:
    case OFPACT_SET_ETH_SRC:
    case OFPACT_SET_ETH_DST:
    case OFPACT_SET_IPV4_SRC:
    case OFPACT_SET_IPV4_DST:
    case OFPACT_SET_IP_DSCP:
    case OFPACT_SET_IP_ECN:
    case OFPACT_SET_IP_TTL:
    case OFPACT_SET_L4_SRC_PORT:
    case OFPACT_SET_L4_DST_PORT:
    case OFPACT_DEC_TTL:
    case OFPACT_PUSH_MPLS:
    case OFPACT_SET_MPLS_LABEL:
    case OFPACT_SET_MPLS_TC:
    case OFPACT_SET_MPLS_TTL:
    case OFPACT_DEC_MPLS_TTL:
    case OFPACT_SET_TUNNEL:
    case OFPACT_SET_QUEUE:
    case OFPACT_POP_QUEUE:
    case OFPACT_DELETE_FIELD:
    /* No field at all. */
    case OFPACT_CT_CLEAR:
    case OFPACT_FIN_TIMEOUT:
    case OFPACT_NOTE:
    case OFPACT_CONJUNCTION:
    case OFPACT_EXIT:
    case OFPACT_UNROLL_XLATE:
    case OFPACT_METER:
    case OFPACT_CLEAR_ACTIONS:
    case OFPACT_WRITE_ACTIONS:
    case OFPACT_WRITE_METADATA:
    case OFPACT_DEBUG_RECIRC:
    case OFPACT_DEBUG_SLOW:
        return false;

    /* What looks a flow up; what another header becomes visible by; and what
     * is not worth a closer look. */
    case OFPACT_RESUBMIT:
    case OFPACT_GOTO_TABLE:
    case OFPACT_OUTPUT_REG:
    case OFPACT_BUNDLE:
    case OFPACT_POP_MPLS:
    case OFPACT_ENCAP:
    case OFPACT_DECAP:
    case OFPACT_DEC_NSH_TTL:
        return true;
    }
    return true;
}

/* To be called before 'a' is translated.  Returns true if a field is known to
 * the datapath only, and freezes translation if 'a' needs it. */
static bool
recirc_for_extension(const struct ofpact *a, struct xlate_ctx *ctx)
{
    struct extension_state *state = &ctx->extensions;

    if (OVS_LIKELY(!state->unknown)) {
        return false;
    }
    state->frozen = false;
    if (!ctx->was_mpls) {
        /* That was another packet's, which was rolled back. */
        state->unknown = NULL;
        state->preview_drop = false;
        return false;
    }
    if (ofpact_uses_field(ctx, a, state->unknown)) {
        extension_forget_exit(ctx);
        ctx_trigger_freeze(ctx);
    }
    return true;
}

/* To be called when translation was frozen as 'recirc_id'.  ofproto/trace goes
 * on with the frozen packet. */
#define EXTENSION_MAX_TRACED 16
static void
extension_frozen(struct xlate_ctx *ctx, uint32_t recirc_id)
{
    struct extension_state *state = &ctx->extensions;
    const struct odp_extension_class *keeper = state->keeper;
    bool is_unknown = state->unknown && ctx->was_mpls;

    if (OVS_LIKELY(!keeper && !is_unknown)) {
        return;
    }
    if (keeper && recirc_id) {
        keeper->set_recirc_id(ofpbuf_at_assert(ctx->odp_actions,
                                               state->keeper_ofs,
                                               keeper->size), recirc_id);
    }
    state->keeper = NULL;
    state->frozen = true;
    if (OVS_LIKELY(!ctx->xin->recirc_queue || !recirc_id)) {
        return;
    }
    if (is_unknown && state->preview_drop) {
        xlate_report(ctx, OFT_DETAIL, "dropped before it is recirculated");
        return;
    }

    /* Flow tables may well go round in circles; no datapath does for long.
     * Only one thread traces. */
    static unsigned int n_traced;

    n_traced = ctx->xin->upcall_flow->recirc_id ? n_traced + 1 : 1;
    if (n_traced > EXTENSION_MAX_TRACED) {
        xlate_report(ctx, OFT_WARN, "recirculated %d times, not followed any "
                     "more", EXTENSION_MAX_TRACED);
        return;
    }

    struct flow flow = ctx->xin->flow;

    if (is_unknown) {
        mf_set_flow_value(state->unknown, &state->preview, &flow);
    }
    if (oftrace_add_recirc_node(ctx->xin->recirc_queue, OFT_RECIRC_MPLS, &flow,
                                NULL, NULL, recirc_id, flow.ct_zone)) {
        if (is_unknown) {
            xlate_report(ctx, OFT_DETAIL, "recirculates for the value of %s",
                         state->unknown->name);
        } else {
            xlate_report(ctx, OFT_DETAIL, "goes on when %s() lets it",
                         keeper->name);
        }
    }
}

/* To be called when translation ends, however it does. */
static void
extension_xlate_finish(struct xlate_ctx *ctx)
{
    ofp_extension_together_apply(&ctx->extensions.together, ctx->wc);
    vrf_field_end(ctx);
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
    bool was_mpls;
};

static struct extension_scope
extension_scope_begin(const struct xlate_ctx *ctx)
{
    return (struct extension_scope) {
        .base_flow = ctx->base_flow,
        .odp_actions_size = ctx->odp_actions->size,
        .n_actions = ctx->extensions.n_actions,
        .was_mpls = ctx->was_mpls,
    };
}

/* Ends what a drop or a freeze means for the packet: it was only a copy that
 * an action dropped, or that goes on when it is recirculated, and translation
 * goes on for the original. */
static void
extension_copy_end(struct xlate_ctx *ctx)
{
    struct extension_state *state = &ctx->extensions;

    if (OVS_UNLIKELY(state->dropped)) {
        state->dropped = false;
        ctx->exit = false;
        extension_forget_exit(ctx);
        ctx->action_set.size = state->action_set_size;
    }
    if (OVS_UNLIKELY(state->frozen)) {
        state->frozen = false;
        ctx->exit = false;
    }
}

/* Ends scope 's'.  'is_last' says that nothing follows for the packet, so that
 * it need not be kept as it was. */
static void
extension_scope_end(struct xlate_ctx *ctx, const struct extension_scope *s,
                    bool is_last)
{
    extension_copy_end(ctx);
    if (ctx->extensions.unknown) {
        ctx->was_mpls = s->was_mpls;
    }
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
