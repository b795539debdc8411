/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-table-action.h"

#include <errno.h>
#include <string.h>

#include "dpif.h"
#include "dpif-ila-names.h"
#include "dpif-ila.h"
#include "flow.h"
#include "ila-action.h"
#include "ila-path.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "util.h"

BUILD_ASSERT_DECL((int) ILA_PATH_IN == OVS_ILA_DIRS_IN);
BUILD_ASSERT_DECL((int) ILA_PATH_OUT == OVS_ILA_DIRS_OUT);

#define BOTH_DIRS (OVS_ILA_DIRS_IN | OVS_ILA_DIRS_OUT)

/* Separators of ofputil_parse_key_value(). */
#define BEFORE_KEY ", \t\r\n"
#define AFTER_KEY ":=(, \t\r\n"

static const char *const dirs_names[] = {
    [OVS_ILA_DIRS_IN] = "in",
    [OVS_ILA_DIRS_OUT] = "out",
    [BOTH_DIRS] = "both",
};

static const char *const miss_names[] = {
    [ILA_MISS_CONTINUE] = "continue",
    [ILA_MISS_DROP] = "drop",
};

static bool
value_from_name(const char *const names[], size_t n, const char *name,
                uint8_t *value)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i] && !strcmp(names[i], name)) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool
is_valid(const struct ovs_action_ila_table *a)
{
    return (a->dirs < ARRAY_SIZE(dirs_names) && dirs_names[a->dirs]
            && a->miss < ARRAY_SIZE(miss_names) && !a->zero);
}

/* Parses dir=... and miss=... into 'a', which has the defaults; 'name' is the
 * action's.  Returns NULL if successful, otherwise a malloc()ed message. */
static char * OVS_WARN_UNUSED_RESULT
parse_args(const char *name, char *args, struct ovs_action_ila_table *a)
{
    bool has_dir = false, has_miss = false;
    char *key, *value;

    while (ofputil_parse_key_value(&args, &key, &value)) {
        bool *has = (!strcmp(key, "dir") ? &has_dir
                     : !strcmp(key, "miss") ? &has_miss
                     : NULL);

        if (!has) {
            return xasprintf("%s: unknown key \"%s\" (keys are dir and miss)",
                             name, key);
        } else if (*has) {
            return xasprintf("%s: %s is given twice", name, key);
        }
        *has = true;

        if (has == &has_dir) {
            if (!value_from_name(dirs_names, ARRAY_SIZE(dirs_names), value,
                                 &a->dirs)) {
                return xasprintf("%s: unknown dir \"%s\" (in, out or both)",
                                 name, value);
            }
        } else if (!value_from_name(miss_names, ARRAY_SIZE(miss_names), value,
                                    &a->miss)) {
            return xasprintf("%s: unknown miss \"%s\" (continue or drop)",
                             name, value);
        }
    }
    return NULL;
}

/* OpenFlow. */

bool
ila_args_are_table(const char *args)
{
    args += strspn(args, BEFORE_KEY);
    return (strcspn(args, AFTER_KEY) == strlen("table")
            && !strncmp(args, "table", strlen("table")));
}

char *
ofp_ila_table_parse(char *args, const struct ofpact_parse_params *pp)
{
    struct ovs_action_ila_table a = { .dirs = BOTH_DIRS };
    char *key, *value, *error;

    if (ofputil_parse_key_value(&args, &key, &value) && *value) {
        return xasprintf("ila: table has no value \"%s\"", value);
    }
    error = parse_args("ila", args, &a);
    if (!error) {
        memcpy(ofpact_extension_put(pp->ofpacts, &ofp_ila_table_class,
                                    sizeof a), &a, sizeof a);
    }
    return error;
}

static void
ofp_ila_table_format(const void *body, const struct ofpact_format_params *fp)
{
    const struct ovs_action_ila_table *a = body;

    ds_put_cstr(fp->s, "table");
    if (a->dirs != BOTH_DIRS) {
        ds_put_format(fp->s, ",dir=%s", dirs_names[a->dirs]);
    }
    if (a->miss != ILA_MISS_CONTINUE) {
        ds_put_format(fp->s, ",miss=%s", miss_names[a->miss]);
    }
}

static void
ofp_ila_table_encode(const void *body, struct ofpbuf *out)
{
    ofpbuf_put(out, body, sizeof(struct ovs_action_ila_table));
}

static enum ofperr
ofp_ila_table_decode(const void *wire, size_t size, struct ofpbuf *ofpacts)
{
    struct ovs_action_ila_table a;

    if (size != sizeof a) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    memcpy(&a, wire, sizeof a);
    if (a.zero) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    } else if (!is_valid(&a)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    memcpy(ofpact_extension_put(ofpacts, &ofp_ila_table_class, sizeof a), &a,
           sizeof a);
    return 0;
}

/* Says what the datapath would do to the packet at present. */
static void
trace(const struct ovs_action_ila_table *a, struct ofp_extension_xlate *x)
{
    const struct dpif_ila_class *class = dpif_ila_class(x->dpif);
    const struct in6_addr *dst = (x->is_unknown ? &x->preview->ipv6
                                  : &x->flow->ipv6_dst);
    struct dpif_ila_result result;
    const struct in6_addr before = *dst;
    int error;

    x->preview->ipv6 = before;
    if (ipv6_addr_is_multicast(&before)) {
        ds_put_cstr(x->trace, "ila: ");
        ipv6_format_addr(&before, x->trace);
        ds_put_cstr(x->trace, " is multicast, passes untranslated");
        return;
    }

    error = class ? class->lookup(x->dpif, a->dirs,
                                  MIN(odp_to_u32(x->odp_in_port), UINT16_MAX),
                                  &before, &result) : EOPNOTSUPP;
    if (!error) {
        const struct ila_mapping *m = &result.entry.mapping;
        struct dpif_ila_names names;

        ila_trace(&m->xlat, result.verdict, &before, &result.addr, x->trace);
        ds_put_cstr(x->trace, ", entry");
        dpif_ila_names_init(&names, x->dpif);
        ila_match_format(&m->match, &names.names, x->trace);
        dpif_ila_names_destroy(&names);
        ds_put_format(x->trace, ", preference %d", m->match.fields);
        if (result.verdict == ILA_TRANSLATED) {
            x->preview->ipv6 = result.addr;
        }
        x->preview_drop = result.verdict == ILA_DROP_CBIT;
        return;
    }

    ds_put_cstr(x->trace, "ila: ");
    ipv6_format_addr(&before, x->trace);
    if (error != ENOENT) {
        ds_put_format(x->trace, " cannot be looked up (%s)",
                      ovs_strerror(error));
    } else if (a->miss == ILA_MISS_DROP) {
        ds_put_cstr(x->trace, " is matched by no entry: dropped "
                    "(datapath_drop_ila_miss)");
        x->preview_drop = true;
    } else {
        ds_put_cstr(x->trace, " is matched by no entry, passes untranslated");
    }
}

static void
ofp_ila_table_translate(const void *body, struct ofp_extension_xlate *x)
{
    const struct ovs_action_ila_table *a = body;

    /* A group's bucket may see packets that no match has sorted out. */
    if (x->flow->dl_type != htons(ETH_TYPE_IPV6)) {
        if (x->trace) {
            ds_put_cstr(x->trace, "ila: not IPv6, ignored");
        }
        return;
    }

    memcpy(odp_extension_put(x->odp_actions, &odp_ila_table_class), a,
           sizeof *a);
    x->unknown = MFF_IPV6_DST;
    if (x->trace) {
        trace(a, x);
    }
}

/* What the destination is matters to the datapath only. */
static bool
ofp_ila_table_uses_field(const void *body OVS_UNUSED,
                         enum mf_field_id id OVS_UNUSED)
{
    return false;
}

/* Datapath. */

static void
odp_ila_table_format(const void *payload, struct ds *s)
{
    const struct ovs_action_ila_table *a = payload;

    if (is_valid(a)) {
        ds_put_format(s, "dir=%s,miss=%s", dirs_names[a->dirs],
                      miss_names[a->miss]);
    } else {
        ds_put_cstr(s, "<error: invalid>");
    }
}

static char *
odp_ila_table_parse(char *args, void *payload)
{
    struct ovs_action_ila_table *a = payload;

    a->dirs = BOTH_DIRS;
    return parse_args("ila_table", args, a);
}

static void
odp_ila_table_probe(struct flow *flow, void *payload)
{
    struct ovs_action_ila_table *a = payload;

    flow->dl_type = htons(ETH_TYPE_IPV6);
    flow->nw_proto = IPPROTO_UDP;
    a->dirs = BOTH_DIRS;
}

/* Registration. */

const struct ofp_extension_class ofp_ila_table_class = {
    .name = "ila",
    .type = OFPEXT_ILA_TABLE,
    .in_action_set = true,
    .odp = &odp_ila_table_class,
    .parse = ofp_ila_table_parse,
    .format = ofp_ila_table_format,
    .encode = ofp_ila_table_encode,
    .decode = ofp_ila_table_decode,
    .check = ofp_ila_check,
    .translate = ofp_ila_table_translate,
    .uses_field = ofp_ila_table_uses_field,
};

const struct odp_extension_class odp_ila_table_class = {
    .name = "ila_table",
    .type = OVS_EXTENSION_ATTR_ILA_TABLE,
    .size = sizeof(struct ovs_action_ila_table),
    .format = odp_ila_table_format,
    .parse = odp_ila_table_parse,
    .execute_slow = dpif_ila_execute,
    .probe = odp_ila_table_probe,
};
