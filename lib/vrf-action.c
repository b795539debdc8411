/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-action.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "coverage.h"
#include "dpif.h"
#include "flow.h"
#include "nx-match.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"
#include "vrf-names.h"
#ifdef __linux__
#include "vrf-port.h"
#include "vrf-trace.h"
#include "vrf-way-translate.h"
#include "vrf.h"
#endif

VLOG_DEFINE_THIS_MODULE(vrf_action);
COVERAGE_DEFINE(output_vrf_no_device); /* Flows that Linux cannot route. */

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

/* How the VRF is said. */
enum which {
    BY_NAME,
    BY_FIELD,
    BY_IN_PORT,
};

/* OpenFlow's action: struct ofpact_extension's body. */
struct ofp_output_vrf {
    uint8_t which;              /* enum which. */
    uint8_t zero;
    uint16_t flags;             /* OVS_VRF_F_*. */
    uint16_t field;             /* BY_FIELD: enum mf_field_id. */
    uint16_t ofs, n_bits;       /* Of it. */
    bool to_controller;         /* Packets that errors would be about? */
    uint16_t controller_id;     /* To that one. */
    uint32_t table;             /* Instead of rules, 0 if they decide. */
    char name[VRF_NAME_SIZE];   /* BY_NAME. */
};

/* Bits of 'flags' on the wire: behind the rest there are a controller's id, a
 * table, and then the name or field. */
#define WIRE_F_CONTROLLER (1u << 15)
#define WIRE_F_TABLE (1u << 14)

/* Its form on the wire, without those. */
struct ofp_output_vrf_wire {
    uint8_t which;
    uint8_t zero;
    ovs_be16 flags;
    ovs_be16 ofs, n_bits;
};
BUILD_ASSERT_DECL(sizeof(struct ofp_output_vrf_wire) == 8);
BUILD_ASSERT_DECL(sizeof(struct ovs_action_vrf) == 32);
BUILD_ASSERT_DECL(MEMBER_SIZEOF(struct ovs_action_vrf, name)
                  == VRF_NAME_SIZE);

/* Some packets cannot be passed on: what becomes of them. */
#define ERRORS "errors"

/* What the options are called. */
static const struct {
    const char *key, *off, *on;
    uint32_t flag;
} options[] = {
    { "ttl", "dec", "keep", OVS_VRF_F_TTL_KEEP },
    { ERRORS, "send", "drop", OVS_VRF_F_ERRORS_DROP },
    { "mss", NULL, "clamp", OVS_VRF_F_MSS_CLAMP },
};

static void
format_options(uint32_t flags, struct ds *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (flags & options[i].flag) {
            ds_put_format(s, ",%s=%s", options[i].key, options[i].on);
        }
    }
}

/* What messages say of an action: ERRORS may also be 'errors_to', which
 * parse_option() does not take, and there are 'keys'. */
struct terms {
    const char *action, *errors_to, *keys;
};

/* Takes 'key' and 'value' if they are an option.  '*seen' has those that were
 * given.  Returns NULL if successful, otherwise a malloc()ed message. */
static char * OVS_WARN_UNUSED_RESULT
parse_option(const struct terms *terms, const char *key, const char *value,
             uint32_t *seen, uint32_t *flags)
{
    const char *action = terms->action;

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(key, options[i].key)) {
            continue;
        }
        if (*seen & options[i].flag) {
            return xasprintf("%s: %s is given twice", action, key);
        }
        *seen |= options[i].flag;
        if (!strcmp(value, options[i].on)) {
            *flags |= options[i].flag;
        } else if (!options[i].off || strcmp(value, options[i].off)) {
            bool is_errors = options[i].flag == OVS_VRF_F_ERRORS_DROP;

            return xasprintf("%s: unknown %s \"%s\" (%s%s%s%s%s)", action, key,
                             value, options[i].off ? options[i].off : "",
                             options[i].off ? " or " : "", options[i].on,
                             is_errors ? " or " : "",
                             is_errors ? terms->errors_to : "");
        }
        return NULL;
    }
    return xasprintf("%s: unknown key \"%s\" (keys are %s)", action, key,
                     terms->keys);
}

/* If 'key' is ERRORS and 'value' is 'what' with a number in parentheses,
 * parses that, which is no more than 'max', and sets '*error' if it is none,
 * to a malloc()ed message.  Otherwise returns false. */
static bool
parse_errors_to(const char *action, const char *key, const char *value,
                const char *what, uint32_t max, uint32_t *seen,
                uint32_t *number, char **error)
{
    const char *end = strchr(value, '\0');
    size_t len = strlen(what);
    unsigned long long int n;
    char *digits;

    *error = NULL;
    if (strcmp(key, ERRORS) || strncmp(value, what, len)
        || value[len] != '(' || end[-1] != ')') {
        return false;
    }
    digits = xmemdup0(value + len + 1, end - value - len - 2);
    if (*seen & OVS_VRF_F_ERRORS_DROP) {
        *error = xasprintf("%s: "ERRORS" is given twice", action);
    } else if (!isdigit((unsigned char) digits[0])
               || !str_to_ullong(digits, 0, &n) || n > max) {
        *error = xasprintf("%s: %s(%s): no number up to %"PRIu32, action, what,
                           digits, max);
    } else {
        *seen |= OVS_VRF_F_ERRORS_DROP;
        *number = n;
    }
    free(digits);
    return true;
}

char *
vrf_action_parse_table(const char *action, const char *s, uint32_t *table)
{
    unsigned long long int n;

    if (*table) {
        return xasprintf("%s: table is given twice", action);
    } else if (!isdigit((unsigned char) s[0]) || !str_to_ullong(s, 0, &n)
               || !n || n > UINT32_MAX) {
        return xasprintf("%s: table \"%s\" is not a number from 1 to %"PRIu32,
                         action, s, UINT32_MAX);
    }
    *table = n;
    return NULL;
}

void
vrf_action_format_table(uint32_t table, struct ds *s)
{
    if (table) {
        ds_put_format(s, ",table=%"PRIu32, table);
    }
}

/* Can the name be written in an action? */
static bool
name_is_writable(const char *name)
{
    return vrf_name_is_writable(name) && strcmp(name, "in");
}

/* Has OpenFlow a name for the field, with or without an experimenter's?  There
 * are some that only flows on this host can have. */
static bool
has_header(const struct mf_field *field)
{
    uint64_t stub[2];
    struct ofpbuf header = OFPBUF_STUB_INITIALIZER(stub);

    nx_put_header(&header, field->id, 0, false);
    return !is_all_zeros(header.data, header.size);
}

/* A field that the action may take the VRF's number from?  "vrf" has a name,
 * that of "in", and so has "tun_vrf". */
static bool
field_is_good(const struct mf_field *field)
{
    return (field && !field->variable_len && has_header(field)
            && !vrf_field_is(field));
}

/* OpenFlow. */

static void
put(struct ofpbuf *ofpacts, const struct ofp_output_vrf *a)
{
    memcpy(ofpact_extension_put(ofpacts, &ofp_output_vrf_class, sizeof *a), a,
           sizeof *a);
}

/* Parses which VRF is meant. */
static char * OVS_WARN_UNUSED_RESULT
parse_which(const char *s, struct ofp_output_vrf *a)
{
    if (!strcmp(s, "in")) {
        a->which = BY_IN_PORT;
    } else if (strchr(s, '[')) {
        struct mf_subfield sf;
        char *error = mf_parse_subfield(&sf, s);

        if (error) {
            return error;
        }
        if (!field_is_good(sf.field)) {
            return xasprintf("output_vrf: %s has no fixed length, no name in "
                             "OpenFlow, or no number (for vrf, say \"in\")",
                             s);
        }
        a->which = BY_FIELD;
        a->field = sf.field->id;
        a->ofs = sf.ofs;
        a->n_bits = sf.n_bits;
    } else if (name_is_writable(s)) {
        a->which = BY_NAME;
        ovs_strlcpy(a->name, s, sizeof a->name);
    } else {
        return xasprintf("output_vrf: \"%s\" is not a VRF (a name of 1 to 15 "
                         "characters, a field with \"[]\", or \"in\")", s);
    }
    return NULL;
}

static char * OVS_WARN_UNUSED_RESULT
parse_key(const char *key, const char *value, uint32_t *seen,
          struct ofp_output_vrf *a)
{
    static const struct terms terms = {
        "output_vrf", "controller(ID)", "ttl, errors, mss and table"
    };
    uint32_t flags = a->flags, controller;
    char *error;

    if (!strcmp(key, "table")) {
        return vrf_action_parse_table(terms.action, value, &a->table);
    } else if (parse_errors_to(terms.action, key, value, "controller",
                               UINT16_MAX, seen, &controller, &error)) {
        if (!error) {
            a->to_controller = true;
            a->controller_id = controller;
        }
        return error;
    }
    error = parse_option(&terms, key, value, seen, &flags);
    a->flags = flags;
    return error;
}

static char *
ofp_output_vrf_parse(char *s, const struct ofpact_parse_params *pp)
{
    char *key, *value, *error;
    struct ofp_output_vrf a;
    uint32_t seen = 0;
    char *end;

    memset(&a, 0, sizeof a);
    s += strspn(s, " \t\r\n");
    end = s + strcspn(s, ", \t\r\n");
    if (*end) {
        *end++ = '\0';
    }
    error = parse_which(s, &a);
    while (!error && ofputil_parse_key_value(&end, &key, &value)) {
        error = parse_key(key, value, &seen, &a);
    }
    if (!error) {
        put(pp->ofpacts, &a);
    }
    return error;
}

static struct mf_subfield
subfield_of(const struct ofp_output_vrf *a)
{
    return (struct mf_subfield) {
        .field = mf_from_id(a->field),
        .ofs = a->ofs,
        .n_bits = a->n_bits,
    };
}

static void
ofp_output_vrf_format(const void *body, const struct ofpact_format_params *fp)
{
    const struct ofp_output_vrf *a = body;

    if (a->which == BY_FIELD) {
        struct mf_subfield sf = subfield_of(a);

        mf_format_subfield(&sf, fp->s);
    } else {
        ds_put_cstr(fp->s, a->which == BY_NAME ? a->name : "in");
    }
    if (a->to_controller) {
        ds_put_format(fp->s, ","ERRORS"=controller(%"PRIu16")",
                      a->controller_id);
    }
    format_options(a->flags, fp->s);
    vrf_action_format_table(a->table, fp->s);
}

static void
ofp_output_vrf_encode(const void *body, struct ofpbuf *out)
{
    const struct ofp_output_vrf *a = body;
    const struct ofp_output_vrf_wire wire = {
        .which = a->which,
        .flags = htons(a->flags
                       | (a->to_controller ? WIRE_F_CONTROLLER : 0)
                       | (a->table ? WIRE_F_TABLE : 0)),
        .ofs = htons(a->ofs),
        .n_bits = htons(a->n_bits),
    };

    ofpbuf_put(out, &wire, sizeof wire);
    if (a->to_controller) {
        ovs_be16 id = htons(a->controller_id);

        ofpbuf_put(out, &id, sizeof id);
    }
    if (a->table) {
        ovs_be32 table = htonl(a->table);

        ofpbuf_put(out, &table, sizeof table);
    }
    if (a->which == BY_NAME) {
        ofpbuf_put(out, a->name, strlen(a->name));
    } else if (a->which == BY_FIELD) {
        nx_put_header(out, a->field, 0, false);
    }
}

static enum ofperr
decode_controller(struct ofpbuf *b, struct ofp_output_vrf *a)
{
    const ovs_be16 *id = ofpbuf_try_pull(b, sizeof *id);

    if (!id) {
        return OFPERR_OFPBAC_BAD_LEN;
    } else if (a->flags & OVS_VRF_F_ERRORS_DROP) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    a->to_controller = true;
    a->controller_id = ntohs(get_unaligned_be16(id));
    a->flags &= ~WIRE_F_CONTROLLER;
    return 0;
}

static enum ofperr
decode_table(struct ofpbuf *b, struct ofp_output_vrf *a)
{
    const ovs_be32 *table = ofpbuf_try_pull(b, sizeof *table);

    if (!table) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    a->table = ntohl(get_unaligned_be32(table));
    a->flags &= ~WIRE_F_TABLE;
    return a->table ? 0 : OFPERR_OFPBAC_BAD_ARGUMENT;
}

static enum ofperr
decode_field(struct ofpbuf *b, struct ofp_output_vrf *a)
{
    const struct mf_field *field;
    enum ofperr error;
    bool masked;

    error = nx_pull_header(b, NULL, &field, &masked);
    if (error) {
        return error;
    } else if (b->size) {
        return OFPERR_OFPBAC_BAD_LEN;
    } else if (masked || !field_is_good(field) || !a->n_bits
               || a->ofs + a->n_bits > field->n_bits) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    a->field = field->id;
    return 0;
}

static enum ofperr
ofp_output_vrf_decode(const void *wire_, size_t size, struct ofpbuf *ofpacts)
{
    struct ofpbuf b = ofpbuf_const_initializer(wire_, size);
    struct ofp_output_vrf_wire wire;
    const void *header = ofpbuf_try_pull(&b, sizeof wire);
    struct ofp_output_vrf a;
    enum ofperr error;

    if (!header) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    memcpy(&wire, header, sizeof wire);
    memset(&a, 0, sizeof a);
    a.which = wire.which;
    a.flags = ntohs(wire.flags);
    a.ofs = ntohs(wire.ofs);
    a.n_bits = ntohs(wire.n_bits);
    if (wire.zero) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    if (a.flags & WIRE_F_CONTROLLER) {
        error = decode_controller(&b, &a);
        if (error) {
            return error;
        }
    }
    if (a.flags & WIRE_F_TABLE) {
        error = decode_table(&b, &a);
        if (error) {
            return error;
        }
    }
    if (a.flags & ~OVS_VRF_F_ALL
        || (a.which != BY_FIELD && (a.ofs || a.n_bits))) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }

    switch (a.which) {
    case BY_NAME:
        if (b.size >= sizeof a.name) {
            return OFPERR_OFPBAC_BAD_LEN;
        }
        memcpy(a.name, b.data, b.size);
        if (strlen(a.name) != b.size || !name_is_writable(a.name)) {
            return OFPERR_OFPBAC_BAD_ARGUMENT;
        }
        break;

    case BY_FIELD:
        error = decode_field(&b, &a);
        if (error) {
            return error;
        }
        break;

    case BY_IN_PORT:
        if (b.size) {
            return OFPERR_OFPBAC_BAD_LEN;
        }
        break;

    default:
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    put(ofpacts, &a);
    return 0;
}

static enum ofperr
ofp_output_vrf_check(const void *body, const struct ofpact_check_params *cp)
{
    const struct ofp_output_vrf *a = body;
    const struct flow *flow = &cp->match->flow;

    if (flow->dl_type != htons(ETH_TYPE_IP)
        && flow->dl_type != htons(ETH_TYPE_IPV6)) {
        VLOG_WARN_RL(&rl, "output_vrf: the flow matches neither IPv4 nor "
                     "IPv6 alone (say \"ip\" or \"ipv6\")");
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    if (flow->vlans[0].tci & htons(VLAN_CFI)) {
        VLOG_WARN_RL(&rl, "output_vrf: the flow's packets have a VLAN tag "
                     "(pop_vlan first)");
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    if (a->which == BY_FIELD) {
        struct mf_subfield sf = subfield_of(a);

        return mf_check_src(&sf, cp->match);
    }
    if (a->which == BY_NAME && strcmp(a->name, VRF_DEFAULT_NAME)
        && !vrf_id_of_name(a->name)) {
        VLOG_WARN_RL(&rl, "output_vrf: no room for the name \"%s\" beside %d "
                     "others", a->name, VRF_MAX_NAMES);
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    return 0;
}

#ifndef __linux__
/* There are no VRFs. */
static void
vrf_want(void)
{
}

static struct seq *
vrf_ports_get_seq(void)
{
    return NULL;
}

struct vrf {
    uint32_t ifindex;
};

static const struct vrf *
vrf_by_id(uint16_t id OVS_UNUSED)
{
    return NULL;
}

static void
vrf_trace(struct dpif *dpif OVS_UNUSED, uint32_t id OVS_UNUSED,
          uint32_t only_table OVS_UNUSED, uint32_t flags OVS_UNUSED,
          const char *in_port OVS_UNUSED, const struct flow *flow OVS_UNUSED,
          struct ds *s OVS_UNUSED)
{
}

static bool
vrf_way_translate(const struct ovs_action_vrf *vrf OVS_UNUSED,
                  uint32_t table OVS_UNUSED,
                  struct ofp_extension_xlate *x OVS_UNUSED)
{
    return false;
}

static bool
vrf_way_uses_field(enum mf_field_id id OVS_UNUSED)
{
    return false;
}
#endif

/* Is it Linux that routes, and not we? */
static bool
is_by_linux(const struct dpif *dpif)
{
    return !strcmp(dpif_normalize_type(dpif_type(dpif)), "system");
}

/* The index of the VRF's device, 0 if it has none. */
static uint32_t
vrf_ifindex(uint32_t id)
{
    const struct vrf *vrf = id <= UINT16_MAX ? vrf_by_id(id) : NULL;

    return vrf ? vrf->ifindex : 0;
}

/* The number of the VRF that 'a' means for the flow. */
static uint32_t
vrf_of(const struct ofp_output_vrf *a, struct ofp_extension_xlate *x)
{
    switch ((enum which) a->which) {
    case BY_NAME:
        return vrf_id_of_name(a->name);

    case BY_FIELD: {
        struct mf_subfield sf = subfield_of(a);
        union mf_subvalue ones;
        uint64_t id;

        memset(&ones, 0xff, sizeof ones);
        mf_write_subfield_flow(&sf, &ones, &x->wc->masks);
        id = mf_get_subfield(&sf, x->flow);
        return MIN(id, UINT32_MAX);
    }

    case BY_IN_PORT:
        return x->flow->tunnel.vrf;
    }
    OVS_NOT_REACHED();
}

/* Appends vrf() to 'x->odp_actions'. */
static void
put_vrf(const struct ovs_action_vrf *vrf, struct ofp_extension_xlate *x)
{
    struct ovs_action_vrf *payload = odp_extension_put(x->odp_actions,
                                                       &odp_vrf_class);
    *payload = *vrf;
}

/* Has packets that an error would be about go to the controller. */
static void
put_controller(const struct ofp_output_vrf *a, struct ofp_extension_xlate *x)
{
    struct ofpact_controller *controller = ofpact_put_CONTROLLER(x->aside);

    controller->max_len = UINT16_MAX;
    controller->reason = OFPR_ACTION;
    controller->controller_id = a->controller_id;
    controller->meter_id = NX_CTLR_NO_METER;
    controller->provider_meter_id = UINT32_MAX;
    ofpact_finish_CONTROLLER(x->aside, &controller);
}

static void
ofp_output_vrf_translate(const void *body, struct ofp_extension_xlate *x)
{
    const struct ofp_output_vrf *a = body;
    struct ovs_action_vrf vrf;
    uint32_t id = vrf_of(a, x);
    const char *name = id <= UINT16_MAX ? vrf_id_to_name(id) : "?";
    /* Linux has rules look at tables: its datapath cannot say which one, and
     * lacks the action by which another one can. */
    bool by_linux = is_by_linux(x->dpif) && !a->table;
    uint32_t ifindex = by_linux ? vrf_ifindex(id) : 0;

    vrf_want();
    if (x->trace) {
        ds_put_format(x->trace, "output_vrf: %s",
                      !by_linux ? "" : ifindex ? "handed to Linux, by "
                      : "no VRF device of Linux, dropped: ");
        vrf_trace(by_linux ? NULL : x->dpif, id,
                  a->table, a->flags, x->in_port, x->flow, x->trace);
    }
    if (by_linux && !ifindex) {
        COVERAGE_INC(output_vrf_no_device);
        return;
    }

    memset(&vrf, 0, sizeof vrf);
    vrf.id = by_linux ? ifindex : id;
    vrf.flags = a->flags;
    if (a->to_controller) {
        put_controller(a, x);
        if (x->trace) {
            ds_put_format(x->trace, "; errors are for controller %"PRIu16,
                          a->controller_id);
        }
    }
    /* That of a VRF which only a field or a port may mean is in no text. */
    if (name_is_writable(name)) {
        ovs_strlcpy(vrf.name, name, sizeof vrf.name);
    }
    if (by_linux || !vrf_way_translate(&vrf, a->table, x)) {
        put_vrf(&vrf, x);
    }
}

/* What the packet is matters to the datapath only, unless flows have ways. */
static bool
ofp_output_vrf_uses_field(const void *body, enum mf_field_id id)
{
    const struct ofp_output_vrf *a = body;

    return ((a->which == BY_FIELD && a->field == id)
            || vrf_way_uses_field(id));
}

/* Datapath. */

/* Is there no name, or one that can be written, with zeros behind it? */
static bool
has_good_name(const struct ovs_action_vrf *a)
{
    size_t len = strnlen(a->name, sizeof a->name);

    return (len < sizeof a->name
            && is_all_zeros(a->name + len, sizeof a->name - len)
            && (!len || name_is_writable(a->name)));
}

bool
vrf_action_is_valid(const struct ovs_action_vrf *a)
{
    return (!(a->flags & ~OVS_VRF_F_ALL) && has_good_name(a)
            && !(a->recirc_id && a->flags & OVS_VRF_F_ERRORS_DROP));
}

void
vrf_action_format(const struct ovs_action_vrf *a, struct ds *s)
{
    if (a->name[0]) {
        ds_put_format(s, "name=%s,", a->name);
    }
    ds_put_format(s, "id=%"PRIu32, a->id);
    if (a->recirc_id) {
        ds_put_format(s, ","ERRORS"=recirc(%#"PRIx32")", a->recirc_id);
    }
    format_options(a->flags, s);
    if (a->mark) {
        ds_put_format(s, ",mark=%"PRIu32, a->mark);
    }
}

static void
odp_vrf_format(const void *payload, struct ds *s)
{
    if (vrf_action_is_valid(payload)) {
        vrf_action_format(payload, s);
    } else {
        ds_put_cstr(s, "<error: invalid>");
    }
}

char *
vrf_action_parse_number(const char *action, const char *key, const char *s,
                        bool *seen, uint32_t *value)
{
    unsigned long long int n;

    if (*seen) {
        return xasprintf("%s: %s is given twice", action, key);
    }
    *seen = true;
    if (s[0] == '-' || !str_to_ullong(s, 0, &n) || n > UINT32_MAX) {
        return xasprintf("%s: %s \"%s\" is not a number of 32 bits", action,
                         key, s);
    }
    *value = n;
    return NULL;
}

char *
vrf_action_parse_key(struct vrf_action_parser *parser, const char *key,
                     const char *value, struct ovs_action_vrf *a)
{
    const struct terms terms = {
        parser->action, "recirc(ID)", "ttl, errors and mss"
    };
    char *error;

    if (!strcmp(key, "name")) {
        if (a->name[0] || !name_is_writable(value)) {
            return xasprintf("%s: \"%s\" is not a name, or not the only one",
                             parser->action, value);
        }
        ovs_strlcpy(a->name, value, sizeof a->name);
        return NULL;
    } else if (!strcmp(key, "id")) {
        return vrf_action_parse_number(parser->action, key, value,
                                       &parser->has_id, &a->id);
    } else if (!strcmp(key, "mark")) {
        return vrf_action_parse_number(parser->action, key, value,
                                       &parser->has_mark, &a->mark);
    } else if (parse_errors_to(parser->action, key, value, "recirc",
                               UINT32_MAX, &parser->seen, &a->recirc_id,
                               &error)) {
        return error;
    }
    return parse_option(&terms, key, value, &parser->seen, &a->flags);
}

char *
vrf_action_parse_end(struct vrf_action_parser *parser,
                     struct ovs_action_vrf *a)
{
    if (parser->has_id) {
        return NULL;
    } else if (!a->name[0]) {
        return xasprintf("%s: neither name nor id is given", parser->action);
    }
    a->id = vrf_id_of_name(a->name);
    return (a->id || !strcmp(a->name, VRF_DEFAULT_NAME) ? NULL
            : xasprintf("%s: no room for the name \"%s\" beside %d others",
                        parser->action, a->name, VRF_MAX_NAMES));
}

static char *
odp_vrf_parse(char *s, void *payload)
{
    struct vrf_action_parser parser = { .action = "vrf" };
    char *key, *value, *error;

    while (ofputil_parse_key_value(&s, &key, &value)) {
        error = vrf_action_parse_key(&parser, key, value, payload);
        if (error) {
            return error;
        }
    }
    return vrf_action_parse_end(&parser, payload);
}

static void
odp_vrf_probe(struct flow *flow, void *payload)
{
    struct ovs_action_vrf *a = payload;

    flow->dl_type = htons(ETH_TYPE_IP);
    flow->nw_proto = IPPROTO_UDP;
    a->id = 1;
}

static void
odp_vrf_set_recirc_id(void *payload, uint32_t recirc_id)
{
    struct ovs_action_vrf *a = payload;

    a->recirc_id = recirc_id;
}

/* Flags are options, with the same bits, and there is one more. */
#define OPTION_CONTROLLER 3

static uint32_t
odp_vrf_get_options(const void *payload)
{
    const struct ovs_action_vrf *a = payload;

    return a->flags | (a->recirc_id ? 1u << OPTION_CONTROLLER : 0);
}

static void
odp_vrf_set_option(void *payload, unsigned int option)
{
    struct ovs_action_vrf *a = payload;

    if (option == OPTION_CONTROLLER) {
        a->recirc_id = 1;
    } else {
        a->flags |= 1u << option;
    }
}

BUILD_ASSERT_DECL(OVS_VRF_F_ALL == (1 << OPTION_CONTROLLER) - 1);
BUILD_ASSERT_DECL(OVS_VRF_F_TTL_KEEP == 1 << 0);
BUILD_ASSERT_DECL(OVS_VRF_F_ERRORS_DROP == 1 << 1);
BUILD_ASSERT_DECL(OVS_VRF_F_MSS_CLAMP == 1 << 2);

/* Registration. */

const struct ofp_extension_class ofp_output_vrf_class = {
    .name = "output_vrf",
    .type = OFPEXT_VRF,
    .odp = &odp_vrf_class,
    .parse = ofp_output_vrf_parse,
    .format = ofp_output_vrf_format,
    .encode = ofp_output_vrf_encode,
    .decode = ofp_output_vrf_decode,
    .check = ofp_output_vrf_check,
    .translate = ofp_output_vrf_translate,
    .get_seq = vrf_ports_get_seq,
    .uses_field = ofp_output_vrf_uses_field,
};

const struct odp_extension_class odp_vrf_class = {
    .name = "vrf",
    .type = OVS_EXTENSION_ATTR_VRF,
    .size = sizeof(struct ovs_action_vrf),
    .takes_packets = true,
    .format = odp_vrf_format,
    .parse = odp_vrf_parse,
    .set_recirc_id = odp_vrf_set_recirc_id,
    .probe = odp_vrf_probe,
    .options = { "ttl=keep", "errors=drop", "mss=clamp", "errors=controller" },
    .get_options = odp_vrf_get_options,
    .set_option = odp_vrf_set_option,
};
