/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-action.h"

#include <string.h>

#include "byte-order.h"
#include "dp-packet.h"
#include "flow.h"
#include "ila.h"
#include "ila-packet.h"
#include "ila-path.h"
#include "ila-table-action.h"
#include "mf-alias.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ila);

/* Text, the same in OpenFlow and in the datapath. */

/* Parses 'args' into 'xlat'.  Returns NULL if successful, otherwise a
 * malloc()ed message. */
static char * OVS_WARN_UNUSED_RESULT
ila_parse_args(char *args, struct ila_xlat *xlat)
{
    bool has_locator = false, has_csum = false, has_dir = false;
    bool has_field = false, has_ident_type = false;
    char *key, *value;

    xlat->field = ILA_FIELD_DST;
    xlat->ident_type = ILA_IDENT_LUID;
    while (ofputil_parse_key_value(&args, &key, &value)) {
        bool *has = (!strcmp(key, "locator") ? &has_locator
                     : !strcmp(key, "csum") ? &has_csum
                     : !strcmp(key, "dir") ? &has_dir
                     : !strcmp(key, "field") ? &has_field
                     : !strcmp(key, "ident-type") ? &has_ident_type
                     : NULL);
        if (!strcmp(key, "table")) {
            return xstrdup("ila: \"table\" must come first");
        } else if (!has) {
            return xasprintf("ila: unknown key \"%s\"", key);
        } else if (*has) {
            return xasprintf("ila: %s is given twice", key);
        }
        *has = true;

        if (has == &has_locator) {
            char *error = ila_locator_from_string(value, &xlat->locator);
            if (error) {
                char *full = xasprintf("ila: %s", error);
                free(error);
                return full;
            }
            const char *why = ila_locator_check(xlat->locator);
            if (why) {
                return xasprintf("ila: locator \"%s\" %s", value, why);
            }
        } else if (has == &has_csum) {
            if (!ila_csum_mode_from_string(value, &xlat->csum_mode)) {
                return xasprintf("ila: unknown csum mode \"%s\" (modes are "
                                 "adj-transport, neutral-map, "
                                 "neutral-map-auto and no-action)", value);
            }
        } else if (has == &has_dir) {
            if (!ila_dir_from_string(value, &xlat->dir)) {
                return xasprintf("ila: unknown dir \"%s\" (in or out)",
                                 value);
            }
        } else if (has == &has_field) {
            if (!ila_field_from_string(value, &xlat->field)) {
                return xasprintf("ila: unknown field \"%s\" (ipv6_dst or "
                                 "ipv6_src)", value);
            }
        } else if (has == &has_ident_type) {
            if (!ila_ident_type_from_string(value, &xlat->ident_type)) {
                return xasprintf("ila: unknown ident-type \"%s\" (luid or "
                                 "use-format)", value);
            }
        }
    }

    const char *missing = (!has_locator ? "locator"
                           : !has_csum ? "csum"
                           : !has_dir ? "dir"
                           : NULL);
    return missing ? xasprintf("ila: %s is missing", missing) : NULL;
}

static void
ila_format_args(const struct ila_xlat *xlat, struct ds *s)
{
    char locator[ILA_LOCATOR_STRLEN];

    ds_put_format(s, "locator=%s,csum=%s,dir=%s",
                  ila_locator_to_string(xlat->locator, locator),
                  ila_csum_mode_to_string(xlat->csum_mode),
                  ila_dir_to_string(xlat->dir));
    if (xlat->field != ILA_FIELD_DST) {
        ds_put_format(s, ",field=%s", ila_field_to_string(xlat->field));
    }
    if (xlat->ident_type != ILA_IDENT_LUID) {
        ds_put_format(s, ",ident-type=%s",
                      ila_ident_type_to_string(xlat->ident_type));
    }
}

/* Binary form: "struct ovs_action_ila" in the datapath and, as it is, on the
 * wire of OpenFlow. */

static void
ila_pack(const struct ila_xlat *xlat, struct ovs_action_ila *a)
{
    memcpy(a->locator, &xlat->locator, sizeof a->locator);
    a->csum_mode = xlat->csum_mode;
    a->dir = xlat->dir;
    a->field = xlat->field;
    a->ident_type = xlat->ident_type;
    a->flags = 0;
}

static void
ila_unpack(const struct ovs_action_ila *a, struct ila_xlat *xlat)
{
    memset(xlat, 0, sizeof *xlat);
    memcpy(&xlat->locator, a->locator, sizeof xlat->locator);
    xlat->csum_mode = a->csum_mode;
    xlat->dir = a->dir;
    xlat->field = a->field;
    xlat->ident_type = a->ident_type;
}

/* OpenFlow. */

static char *
ofp_ila_parse(char *args, const struct ofpact_parse_params *pp)
{
    struct ila_xlat xlat;
    char *error;

    if (ila_args_are_table(args)) {
        return ofp_ila_table_parse(args, pp);
    }
    memset(&xlat, 0, sizeof xlat);
    error = ila_parse_args(args, &xlat);
    if (!error) {
        *(struct ila_xlat *) ofpact_extension_put(pp->ofpacts, &ofp_ila_class,
                                                  sizeof xlat) = xlat;
    }
    return error;
}

static void
ofp_ila_format(const void *body, const struct ofpact_format_params *fp)
{
    ila_format_args(body, fp->s);
}

static void
ofp_ila_encode(const void *body, struct ofpbuf *out)
{
    ila_pack(body, ofpbuf_put_uninit(out, sizeof(struct ovs_action_ila)));
}

static enum ofperr
ofp_ila_decode(const void *wire, size_t size, struct ofpbuf *ofpacts)
{
    struct ovs_action_ila a;
    struct ila_xlat *xlat;

    if (size != sizeof a) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    memcpy(&a, wire, sizeof a);
    if (a.flags) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    xlat = ofpact_extension_put(ofpacts, &ofp_ila_class, sizeof *xlat);
    ila_unpack(&a, xlat);
    return ila_xlat_is_valid(xlat) ? 0 : OFPERR_OFPBAC_BAD_ARGUMENT;
}

enum ofperr
ofp_ila_check(const void *body OVS_UNUSED,
              const struct ofpact_check_params *cp)
{
    if (cp->match->flow.dl_type != htons(ETH_TYPE_IPV6)) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

        VLOG_WARN_RL(&rl, "ila: the flow does not match IPv6 alone (say "
                     "\"ipv6\" or \"dl_type=0x86dd\")");
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    return 0;
}

void
ila_trace(const struct ila_xlat *xlat, enum ila_verdict verdict,
          const struct in6_addr *before, const struct in6_addr *after,
          struct ds *s)
{
    const char *mode = ila_csum_mode_to_string(xlat->csum_mode);

    ds_put_cstr(s, "ila: ");
    ipv6_format_addr(before, s);
    switch (verdict) {
    case ILA_TRANSLATED:
        ds_put_cstr(s, " -> ");
        ipv6_format_addr(after, s);
        ds_put_format(s, " (%s", mode);
        if (memcmp(&before->s6_addr[14], &after->s6_addr[14], 2)) {
            ds_put_format(s, ", word3 %02x%02x->%02x%02x",
                          before->s6_addr[14], before->s6_addr[15],
                          after->s6_addr[14], after->s6_addr[15]);
        }
        ds_put_char(s, ')');
        break;
    case ILA_PASS_MULTICAST:
        ds_put_cstr(s, " is multicast, passes untranslated");
        break;
    case ILA_PASS_TYPE:
        ds_put_cstr(s, " is not of type LUID, passes untranslated");
        break;
    case ILA_PASS_MALFORMED:
        ds_put_cstr(s, " is in a malformed packet, passes untranslated");
        break;
    case ILA_DROP_CBIT:
        ds_put_format(s, " has the C bit set, %s cannot translate it: dropped "
                      "(datapath_drop_ila_cbit)", mode);
        break;
    }
}

static struct in6_addr *
flow_address(struct flow *flow, enum ila_field field)
{
    return field == ILA_FIELD_DST ? &flow->ipv6_dst : &flow->ipv6_src;
}

static void
ofp_ila_translate(const void *body, struct ofp_extension_xlate *x)
{
    const struct ila_xlat *xlat = body;

    /* A group's bucket may see packets that no match has sorted out. */
    if (x->flow->dl_type != htons(ETH_TYPE_IPV6)) {
        if (x->trace) {
            ds_put_cstr(x->trace, "ila: not IPv6, ignored");
        }
        return;
    }

    struct in6_addr *addr = flow_address(x->flow, xlat->field);
    struct in6_addr *mask = flow_address(&x->wc->masks, xlat->field);
    const struct in6_addr before = *addr;
    enum ila_verdict verdict = ila_translate_addr(xlat, addr);

    /* The identifier stays wild: the datapath does its arithmetic for each
     * packet. */
    memset(mask, 0xff, 8);
    if (xlat->csum_mode == ILA_CSUM_NEUTRAL_MAP) {
        mask->s6_addr[8] |= ILA_C_BIT;
    }
    if (xlat->ident_type == ILA_IDENT_USE_FORMAT) {
        mask->s6_addr[8] |= ILA_TYPE_MASK;
    }

    /* But each bit of the adjusted word depends on all of its bits, because a
     * carry goes through and around: one that is looked at makes all exact. */
    if (xlat->csum_mode == ILA_CSUM_NEUTRAL_MAP
        || xlat->csum_mode == ILA_CSUM_NEUTRAL_MAP_AUTO) {
        size_t ofs = (xlat->field == ILA_FIELD_DST
                      ? offsetof(struct flow, ipv6_dst)
                      : offsetof(struct flow, ipv6_src));

        ofp_extension_together_add(x->together, ofs + 14, 2);
    }

    /* Even an address that is not translated goes to the datapath, which
     * counts and, if need be, drops it packet by packet. */
    ila_pack(xlat, odp_extension_put(x->odp_actions, &odp_ila_class));
    *flow_address(x->base_flow, xlat->field) = *addr;
    x->drop = verdict == ILA_DROP_CBIT;
    if (x->trace) {
        ila_trace(xlat, verdict, &before, addr, x->trace);
    }
}

static bool
ofp_ila_uses_field(const void *body, enum mf_field_id id)
{
    const struct ila_xlat *xlat = body;

    return id == (xlat->field == ILA_FIELD_DST ? MFF_IPV6_DST : MFF_IPV6_SRC);
}

static const struct mf_alias ila_aliases[] = {
    { "ila_dst_locator", MFF_IPV6_DST, 64, 64, ila_locator_from_string },
    { "ila_dst_identifier", MFF_IPV6_DST, 0, 64, ila_identifier_from_string },
    { "ila_src_locator", MFF_IPV6_SRC, 64, 64, ila_locator_from_string },
    { "ila_src_identifier", MFF_IPV6_SRC, 0, 64, ila_identifier_from_string },
    { .name = NULL },
};

/* Datapath. */

static void
odp_ila_format(const void *payload, struct ds *s)
{
    struct ila_xlat xlat;

    ila_unpack(payload, &xlat);
    if (ila_xlat_is_valid(&xlat)) {
        ila_format_args(&xlat, s);
    } else {
        ds_put_cstr(s, "<error: invalid>");
    }
}

static char *
odp_ila_parse(char *args, void *payload)
{
    struct ila_xlat xlat;
    char *error = ila_parse_args(args, &xlat);

    if (!error) {
        ila_pack(&xlat, payload);
    }
    return error;
}

/* Translates 'packet' in place and returns what became of it. */
static enum ila_verdict
translate_packet(const struct ila_xlat *xlat, struct dp_packet *packet,
                 uint64_t counts[ILA_N_COUNTS])
{
    enum ila_verdict verdict = ILA_PASS_MALFORMED;
    enum ila_l4 l4 = ILA_L4_UNTOUCHED;
    uint8_t *l3 = dp_packet_l3(packet);
    bool partial = false;

    if (l3) {
        struct ila_packet p = ila_packet_from_dp_packet(packet, l3);

        p.size -= dp_packet_l2_pad_size(packet);
        partial = p.l4_partial;
        verdict = ila_translate_packet(xlat, &p, &l4);
    }
    ila_path_count(xlat, verdict, l4, partial, counts);
    if (verdict == ILA_TRANSLATED) {
        /* The connection that was looked up was another address's. */
        pkt_metadata_init_conn(&packet->md);
        ila_packet_translated(packet, xlat);
    }
    return verdict;
}

static void
odp_ila_execute(struct dp_packet_batch *batch, const void *payload,
                bool steal)
{
    const size_t n = dp_packet_batch_size(batch);
    uint64_t counts[ILA_N_COUNTS] = { 0 };
    struct dp_packet *packet;
    struct ila_xlat xlat;
    size_t i;

    ila_unpack(payload, &xlat);
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (translate_packet(&xlat, packet, counts) != ILA_DROP_CBIT) {
            dp_packet_batch_refill(batch, packet, i);
        } else {
            ila_packet_log_drop();
            if (steal) {
                dp_packet_delete(packet);
            }
        }
    }
    ila_packet_count(counts);
}

static void
odp_ila_probe(struct flow *flow, void *payload)
{
    const struct ila_xlat xlat = {
        .locator = htonll(UINT64_C(0x2001000000870000)),
        .csum_mode = ILA_CSUM_NEUTRAL_MAP,
        .dir = ILA_DIR_OUT,
        .field = ILA_FIELD_DST,
        .ident_type = ILA_IDENT_LUID,
    };

    flow->dl_type = htons(ETH_TYPE_IPV6);
    flow->nw_proto = IPPROTO_UDP;
    ila_pack(&xlat, payload);
}

/* Registration. */

const struct ofp_extension_class ofp_ila_class = {
    .name = "ila",
    .type = OFPEXT_ILA,
    .in_action_set = true,
    .odp = &odp_ila_class,
    .aliases = ila_aliases,
    .parse = ofp_ila_parse,
    .format = ofp_ila_format,
    .encode = ofp_ila_encode,
    .decode = ofp_ila_decode,
    .check = ofp_ila_check,
    .translate = ofp_ila_translate,
    .uses_field = ofp_ila_uses_field,
};

const struct odp_extension_class odp_ila_class = {
    .name = "ila",
    .type = OVS_EXTENSION_ATTR_ILA,
    .size = sizeof(struct ovs_action_ila),
    .format = odp_ila_format,
    .parse = odp_ila_parse,
    .execute = odp_ila_execute,
    .probe = odp_ila_probe,
};
