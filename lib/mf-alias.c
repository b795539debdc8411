/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "mf-alias.h"

#include <string.h>

#include "byte-order.h"
#include "flow.h"
#include "ofp-extension.h"
#include "openvswitch/match.h"
#include "unaligned.h"
#include "util.h"

const struct mf_alias *
mf_alias_from_name(const char *name, size_t len)
{
    const struct ofp_extension_class *class = NULL;

    while ((class = ofp_extension_next(class))) {
        for (const struct mf_alias *a = class->aliases; a && a->name; a++) {
            if (strlen(a->name) == len && !strncasecmp(a->name, name, len)) {
                return a;
            }
        }
    }
    return NULL;
}

char *
mf_alias_parse_subfield(struct mf_subfield *sf, const char **sp)
{
    size_t len = strcspn(*sp, "[-");
    const struct mf_alias *alias = mf_alias_from_name(*sp, len);
    const char *s = *sp + len;
    int start = 0;
    int end = alias->n_bits - 1;

    if (*s == '[') {
        int n = 0;

        if (!strncmp(s, "[]", 2)) {
            n = 2;
        } else if (ovs_scan(s, "[%d..%d]%n", &start, &end, &n)) {
            /* Nothing to do. */
        } else if (ovs_scan(s, "[%d]%n", &start, &n)) {
            end = start;
        } else {
            return xasprintf("%s: syntax error expecting [] or [<bit>] or "
                             "[<start>..<end>]", *sp);
        }
        s += n;
    }
    if (start < 0 || start > end || end >= alias->n_bits) {
        return xasprintf("%s: bits %d to %d are not within the %u bits of %s",
                         *sp, start, end, alias->n_bits, alias->name);
    }

    sf->field = mf_from_id(alias->field);
    sf->ofs = alias->ofs + start;
    sf->n_bits = end - start + 1;
    *sp = s;
    return NULL;
}

/* Stores the alias's bits, which are 'bits', where they belong in 'value'. */
static void
put_bits(const struct mf_alias *alias, ovs_be64 bits, union mf_value *value)
{
    bitwise_copy(&bits, sizeof bits, 0,
                 value, mf_from_id(alias->field)->n_bytes, alias->ofs,
                 alias->n_bits);
}

/* Parses 's', VALUE or VALUE/MASK.  A value's own form may contain a slash
 * (a prefix length), hence a mask is only what follows a value that is not
 * complete with it. */
static char *
parse_bits(const struct mf_alias *alias, const char *s, ovs_be64 *bits,
           ovs_be64 *mask)
{
    const char *slash = strrchr(s, '/');
    char *error = alias->parse(s, bits);

    *mask = OVS_BE64_MAX;
    if (error && slash) {
        char *value = xmemdup0(s, slash - s);

        free(error);
        error = alias->parse(value, bits);
        if (!error) {
            error = alias->parse(slash + 1, mask);
        }
        free(value);
    }
    return error;
}

char *
mf_alias_parse(const char *name, const char *s, const struct mf_field **field,
               union mf_value *value, union mf_value *mask)
{
    const struct mf_alias *alias = mf_alias_from_name(name, strlen(name));
    ovs_be64 bits, bits_mask;
    char *error;

    error = parse_bits(alias, s, &bits, &bits_mask);
    if (error) {
        char *full = xasprintf("%s: %s", name, error);
        free(error);
        return full;
    }
    *field = mf_from_id(alias->field);
    put_bits(alias, bits & bits_mask, value);
    put_bits(alias, bits_mask, mask);
    return NULL;
}

char *
mf_alias_parse_match(const char *name, const char *s, struct match *match,
                     enum ofputil_protocol *usable_protocols)
{
    const struct mf_alias *alias = mf_alias_from_name(name, strlen(name));
    const struct mf_field *field;
    union mf_value value, mask;
    char *error;

    /* The other half of the field may be matched already. */
    mf_get(mf_from_id(alias->field), match, &value, &mask);
    error = mf_alias_parse(name, s, &field, &value, &mask);
    if (!error) {
        *usable_protocols &= mf_set(field, &value, &mask, match, &error);
        match_add_ethernet_prereq(match, field);
    }
    return error;
}

char *
mf_alias_parse_flow(const char *name, const char *s, struct flow *flow,
                    struct flow_wildcards *wc)
{
    const struct mf_alias *alias = mf_alias_from_name(name, strlen(name));
    const struct mf_field *field = mf_from_id(alias->field);
    union mf_value value, mask;
    char *error;

    if (!mf_are_prereqs_ok(field, flow, NULL)) {
        return xasprintf("prerequisites not met for setting %s", name);
    }
    mf_get_value(field, flow, &value);
    memset(&mask, 0, sizeof mask);
    error = mf_alias_parse(name, s, &field, &value, &mask);
    if (!error) {
        mf_set_flow_value(field, &value, flow);
        if (wc) {
            mf_mask_field_masked(field, &mask, wc);
        }
    }
    return error;
}
