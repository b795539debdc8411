/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-rules.h"

#include <inttypes.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "util.h"

/* Tables that have names wherever Linux runs. */
enum { TABLE_DEFAULT = 253, TABLE_MAIN = 254, TABLE_LOCAL = 255 };

void
vrf_rule_init(struct vrf_rule *rule)
{
    memset(rule, 0, sizeof *rule);
    rule->suppress_len = -1;
    rule->suppress_group = -1;
}

static bool
prefix_equal(const struct vrf_prefix *a, const struct vrf_prefix *b)
{
    return a->len == b->len && vrf_addr_equal(&a->addr, &b->addr);
}

bool
vrf_rule_equal(const struct vrf_rule *a, const struct vrf_rule *b)
{
    return (a->priority == b->priority
            && a->parts == b->parts
            && a->action == b->action
            && a->protocol == b->protocol
            && prefix_equal(&a->src, &b->src)
            && prefix_equal(&a->dst, &b->dst)
            && !strcmp(a->iif, b->iif)
            && !strcmp(a->oif, b->oif)
            && a->mark == b->mark
            && a->mark_mask == b->mark_mask
            && a->tos == b->tos
            && a->tos_mask == b->tos_mask
            && a->proto == b->proto
            && a->sport[0] == b->sport[0] && a->sport[1] == b->sport[1]
            && a->dport[0] == b->dport[0] && a->dport[1] == b->dport[1]
            && a->table == b->table
            && a->target == b->target
            && a->suppress_len == b->suppress_len
            && a->suppress_group == b->suppress_group);
}

struct vrf_rules *
vrf_rules_create(enum vrf_family family, const struct vrf_rule rules[],
                 size_t n)
{
    struct vrf_rules *list = xmalloc(sizeof *list + n * sizeof *rules);

    list->family = family;
    list->inexact = false;
    list->n = n;
    for (size_t i = 0; i < n; i++) {
        size_t j = i;

        /* There are few, and most come in order. */
        while (j > 0 && list->rules[j - 1].priority > rules[i].priority) {
            list->rules[j] = list->rules[j - 1];
            j--;
        }
        list->rules[j] = rules[i];
        list->inexact |= (rules[i].parts & VRF_RULE_OTHER) != 0;
    }
    return list;
}

struct vrf_rules *
vrf_rules_default(enum vrf_family family)
{
    static const struct {
        uint32_t priority;
        uint32_t table;
    } defaults[] = {
        { 0, TABLE_LOCAL }, { 32766, TABLE_MAIN }, { 32767, TABLE_DEFAULT },
    };
    struct vrf_rule rules[ARRAY_SIZE(defaults)];

    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        vrf_rule_init(&rules[i]);
        rules[i].priority = defaults[i].priority;
        rules[i].table = defaults[i].table;
    }
    return vrf_rules_create(family, rules, family == VRF_IPV4 ? 3 : 2);
}

/* Does the first address that is looked at contain the answer?  Raises '*bits'
 * to as many as that takes. */
static bool
prefix_matches(const struct vrf_prefix *p, const struct vrf_addr *a,
               uint8_t *bits)
{
    unsigned int common = vrf_addr_common(&p->addr, a);
    bool match = common >= p->len;

    *bits = MAX(*bits, match ? p->len : common + 1);
    return match;
}

/* Selectors from those that cost nothing to those that cost most. */
static const uint16_t selectors[] = {
    VRF_RULE_OTHER, VRF_RULE_IIF, VRF_RULE_OIF, VRF_RULE_L3MDEV,
    VRF_RULE_TOS, VRF_RULE_MARK, VRF_RULE_PROTO, VRF_RULE_DST, VRF_RULE_SRC,
    VRF_RULE_DPORT, VRF_RULE_SPORT,
};

/* Adds to 'used' what it looked at. */
static bool
selector_matches(enum vrf_family family, const struct vrf_rule *rule,
                 uint16_t selector, const struct vrf_flow *flow,
                 struct vrf_used *used)
{
    uint32_t wrong;

    switch (selector) {
    case VRF_RULE_IIF:
        return (rule->iif_index
                && (rule->iif_index == flow->iif
                    || rule->iif_index == flow->iif_vrf));
    case VRF_RULE_OIF:
        return (rule->oif_index
                && (rule->oif_index == flow->oif
                    || rule->oif_index == flow->oif_vrf));
    case VRF_RULE_L3MDEV:
        return flow->vrf_table != 0;
    case VRF_RULE_TOS:
        used->tos_mask |= rule->tos_mask;
        return (flow->tos & rule->tos_mask) == rule->tos;
    case VRF_RULE_MARK:
        wrong = (flow->mark ^ rule->mark) & rule->mark_mask;
        used->mark_mask |= wrong ? 1u << log_2_floor(wrong) : rule->mark_mask;
        return !wrong;
    case VRF_RULE_PROTO:
        used->proto = true;
        return flow->proto == rule->proto;
    case VRF_RULE_DST:
        return prefix_matches(&rule->dst, &flow->dst, &used->dst_bits);
    case VRF_RULE_SRC:
        if (family == VRF_IPV6) {
            const struct vrf_addr none = { 0, 0 };

            if (vrf_addr_is_zero(&flow->src)) {
                /* That is no address that it could be from... */
                used->src_bits = 128;
                return !rule->src.len;
            }
            /* ...so that it matters that this one is not that. */
            used->src_bits = MAX(used->src_bits,
                                 1 + vrf_addr_common(&flow->src, &none));
        }
        return prefix_matches(&rule->src, &flow->src, &used->src_bits);
    case VRF_RULE_SPORT:
        used->sport = true;
        return (flow->sport >= rule->sport[0]
                && flow->sport <= rule->sport[1]);
    case VRF_RULE_DPORT:
        used->dport = true;
        return (flow->dport >= rule->dport[0]
                && flow->dport <= rule->dport[1]);
    default:
        OVS_NOT_REACHED();
    }
}

static bool
rule_matches(enum vrf_family family, const struct vrf_rule *rule,
             const struct vrf_flow *flow, struct vrf_used *used)
{
    struct vrf_used all = *used;

    if (rule->parts & VRF_RULE_OTHER) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
        if (rule->parts & selectors[i]) {
            struct vrf_used one = *used;

            if (!selector_matches(family, rule, selectors[i], flow, &one)) {
                /* This one alone decides. */
                *used = one;
                return (rule->parts & VRF_RULE_INVERT) != 0;
            }
            selector_matches(family, rule, selectors[i], flow, &all);
        }
    }
    *used = all;
    return !(rule->parts & VRF_RULE_INVERT);
}

const struct vrf_rule *
vrf_rules_next(const struct vrf_rules *rules, size_t *pos,
               const struct vrf_flow *flow, struct vrf_used *used)
{
    while (*pos < rules->n) {
        const struct vrf_rule *rule = &rules->rules[(*pos)++];

        if (!rule_matches(rules->family, rule, flow, used)
            || rule->action == VRF_RULE_NOP) {
            continue;
        }
        if (rule->action != VRF_RULE_GOTO) {
            return rule;
        }
        for (size_t i = *pos; i < rules->n; i++) {
            if (rules->rules[i].priority == rule->target) {
                *pos = i;
                break;
            }
        }
    }
    return NULL;
}

uint32_t
vrf_rule_table(const struct vrf_rule *rule, const struct vrf_flow *flow)
{
    return rule->parts & VRF_RULE_L3MDEV ? flow->vrf_table : rule->table;
}

/* Text. */

static const char *
action_name(enum vrf_rule_action action)
{
    switch (action) {
    case VRF_RULE_TABLE: return "lookup";
    case VRF_RULE_GOTO: return "goto";
    case VRF_RULE_NOP: return "nop";
    case VRF_RULE_BLACKHOLE: return "blackhole";
    case VRF_RULE_UNREACHABLE: return "unreachable";
    case VRF_RULE_PROHIBIT: return "prohibit";
    }
    return "unknown";
}

static void
format_table(uint32_t table, struct ds *s)
{
    switch (table) {
    case TABLE_LOCAL:
        ds_put_cstr(s, "local");
        break;
    case TABLE_MAIN:
        ds_put_cstr(s, "main");
        break;
    case TABLE_DEFAULT:
        ds_put_cstr(s, "default");
        break;
    default:
        ds_put_format(s, "%"PRIu32, table);
    }
}

static void
format_range(const char *name, const uint16_t range[2], struct ds *s)
{
    ds_put_format(s, " %s %"PRIu16, name, range[0]);
    if (range[1] != range[0]) {
        ds_put_format(s, "-%"PRIu16, range[1]);
    }
}

void
vrf_rule_format(enum vrf_family family, const struct vrf_rule *rule,
                struct ds *s)
{
    ds_put_format(s, "%"PRIu32":%s from ", rule->priority,
                  rule->parts & VRF_RULE_INVERT ? " not" : "");
    if (rule->parts & VRF_RULE_SRC) {
        vrf_prefix_format(family, &rule->src, s);
    } else {
        ds_put_cstr(s, "all");
    }
    if (rule->parts & VRF_RULE_DST) {
        ds_put_cstr(s, " to ");
        vrf_prefix_format(family, &rule->dst, s);
    }
    if (rule->parts & VRF_RULE_TOS) {
        ds_put_format(s, " tos %#"PRIx8, rule->tos);
    }
    if (rule->parts & VRF_RULE_MARK) {
        ds_put_format(s, " fwmark %#"PRIx32, rule->mark);
        if (rule->mark_mask != UINT32_MAX) {
            ds_put_format(s, "/%#"PRIx32, rule->mark_mask);
        }
    }
    if (rule->parts & VRF_RULE_IIF) {
        ds_put_format(s, " iif %s%s", rule->iif,
                      rule->iif_index ? "" : " [detached]");
    }
    if (rule->parts & VRF_RULE_OIF) {
        ds_put_format(s, " oif %s%s", rule->oif,
                      rule->oif_index ? "" : " [detached]");
    }
    if (rule->parts & VRF_RULE_PROTO) {
        ds_put_format(s, " ipproto %"PRIu8, rule->proto);
    }
    if (rule->parts & VRF_RULE_SPORT) {
        format_range("sport", rule->sport, s);
    }
    if (rule->parts & VRF_RULE_DPORT) {
        format_range("dport", rule->dport, s);
    }
    if (rule->parts & VRF_RULE_OTHER) {
        ds_put_cstr(s, " [unsupported selector]");
    }
    ds_put_format(s, " %s", action_name(rule->action));
    if (rule->parts & VRF_RULE_L3MDEV) {
        ds_put_cstr(s, " [l3mdev-table]");
    } else if (rule->action == VRF_RULE_TABLE) {
        ds_put_char(s, ' ');
        format_table(rule->table, s);
    } else if (rule->action == VRF_RULE_GOTO) {
        ds_put_format(s, " %"PRIu32, rule->target);
    }
    if (rule->suppress_len >= 0) {
        ds_put_format(s, " suppress_prefixlength %"PRId32,
                      rule->suppress_len);
    }
    if (rule->suppress_group >= 0) {
        ds_put_format(s, " suppress_ifgroup %"PRId32, rule->suppress_group);
    }
}

static void
put_prefix(struct json *object, const char *name, enum vrf_family family,
           const struct vrf_prefix *p)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    vrf_prefix_format(family, p, &s);
    json_object_put_string(object, name, ds_cstr(&s));
    ds_destroy(&s);
}

static void
put_range(struct json *object, const char *name, const uint16_t range[2])
{
    json_object_put(object, name,
                    json_array_create_2(json_integer_create(range[0]),
                                        json_integer_create(range[1])));
}

struct json *
vrf_rule_to_json(enum vrf_family family, const struct vrf_rule *rule)
{
    struct json *object = json_object_create();

    json_object_put(object, "priority", json_integer_create(rule->priority));
    if (rule->parts & VRF_RULE_INVERT) {
        json_object_put(object, "not", json_boolean_create(true));
    }
    if (rule->parts & VRF_RULE_SRC) {
        put_prefix(object, "src", family, &rule->src);
    }
    if (rule->parts & VRF_RULE_DST) {
        put_prefix(object, "dst", family, &rule->dst);
    }
    if (rule->parts & VRF_RULE_TOS) {
        json_object_put(object, "tos", json_integer_create(rule->tos));
    }
    if (rule->parts & VRF_RULE_MARK) {
        json_object_put(object, "fwmark", json_integer_create(rule->mark));
        json_object_put(object, "fwmask",
                        json_integer_create(rule->mark_mask));
    }
    if (rule->parts & VRF_RULE_IIF) {
        json_object_put_string(object, "iif", rule->iif);
    }
    if (rule->parts & VRF_RULE_OIF) {
        json_object_put_string(object, "oif", rule->oif);
    }
    if (rule->parts & VRF_RULE_PROTO) {
        json_object_put(object, "ipproto", json_integer_create(rule->proto));
    }
    if (rule->parts & VRF_RULE_SPORT) {
        put_range(object, "sport", rule->sport);
    }
    if (rule->parts & VRF_RULE_DPORT) {
        put_range(object, "dport", rule->dport);
    }
    if (rule->parts & VRF_RULE_L3MDEV) {
        json_object_put(object, "l3mdev", json_boolean_create(true));
    }
    json_object_put(object, "supported",
                    json_boolean_create(!(rule->parts & VRF_RULE_OTHER)));
    json_object_put_string(object, "action", action_name(rule->action));
    if (rule->action == VRF_RULE_TABLE && rule->table) {
        json_object_put(object, "table", json_integer_create(rule->table));
    }
    if (rule->action == VRF_RULE_GOTO) {
        json_object_put(object, "goto", json_integer_create(rule->target));
    }
    if (rule->suppress_len >= 0) {
        json_object_put(object, "suppress_prefixlen",
                        json_integer_create(rule->suppress_len));
    }
    if (rule->suppress_group >= 0) {
        json_object_put(object, "suppress_ifgroup",
                        json_integer_create(rule->suppress_group));
    }
    return object;
}
