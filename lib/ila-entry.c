/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-entry.h"

#include <errno.h>

#include "hash.h"
#include "util.h"

static bool
is_neutral(enum ila_csum_mode mode)
{
    return (mode == ILA_CSUM_NEUTRAL_MAP
            || mode == ILA_CSUM_NEUTRAL_MAP_AUTO);
}

bool
ila_match_is_disguised(const struct ila_match *match,
                       const struct ila_xlat *xlat)
{
    return (match->dir == ILA_DIR_IN && match->fields & ILA_MATCH_IDENTIFIER
            && is_neutral(xlat->csum_mode));
}

ovs_be64
ila_wire_identifier(const struct ila_match *match,
                    const struct ila_xlat *xlat)
{
    if (!ila_match_is_disguised(match, xlat)) {
        return match->identifier;
    }

    struct ila_xlat out = {
        .locator = match->locator,
        .csum_mode = xlat->csum_mode,
        .dir = ILA_DIR_OUT,
        .ident_type = ILA_IDENT_LUID,
    };
    ovs_be64 locator, identifier;
    struct in6_addr addr;

    ila_addr_make(xlat->locator, match->identifier, &addr);
    ila_translate_addr(&out, &addr);
    ila_addr_split(&addr, &locator, &identifier);
    return identifier;
}

uint32_t
ila_match_hash(const struct ila_match *match)
{
    uint32_t hash = hash_add64(match->fields,
                               (OVS_FORCE uint64_t) match->locator);

    hash = hash_add64(hash, (OVS_FORCE uint64_t) match->identifier);
    hash = hash_add(hash, match->in_port);
    return hash_finish(hash, 20);
}

int
ila_mapping_check(const struct ila_mapping *m, const char **key,
                  const char **why)
{
    static const char *const types[8] = {
        "is of type IID, which is no identifier of ILA", NULL,
        "is of type VIRT_V4, which is not supported",
        "is of type VIRT_UNI_V6, which is not supported",
        "is of type VIRT_MULTI_V6, which is not supported",
        "is of type NONLOCAL_ADDR, which is not supported",
        "is of a reserved type", "is of a reserved type",
    };
    const struct ila_match *match = &m->match;
    const struct ila_xlat *xlat = &m->xlat;

    *key = "match";
    if (!(match->fields & (ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER))) {
        *why = "needs a locator or an identifier";
        return EINVAL;
    }

    *key = "locator";
    *why = ila_locator_check(xlat->locator);
    if (*why) {
        return EINVAL;
    }

    *key = "match-locator";
    if (match->fields & ILA_MATCH_LOCATOR) {
        *why = ila_locator_check(match->locator);
        if (*why) {
            return EINVAL;
        }
    }

    *key = "ident";
    if (match->fields & ILA_MATCH_IDENTIFIER) {
        uint8_t first = ((const uint8_t *) &match->identifier)[0];

        if (ila_match_is_disguised(match, xlat)
            && !(match->fields & ILA_MATCH_LOCATOR)) {
            *why = "needs match-locator, too, with a neutral csum-mode";
            return EINVAL;
        }
        if (xlat->csum_mode == ILA_CSUM_NEUTRAL_MAP && first & ILA_C_BIT) {
            *why = "has the C bit set, which neutral-map uses";
            return EINVAL;
        }
        if (xlat->ident_type == ILA_IDENT_USE_FORMAT && types[first >> 5]) {
            *why = types[first >> 5];
            return first >> 5 >= 2 && first >> 5 <= 5 ? EOPNOTSUPP : EINVAL;
        }
    }
    return 0;
}

enum ila_owner
ila_mapping_owner(const struct ila_mapping *m)
{
    return (m->flags & ILA_ENTRY_DATABASE
            ? ILA_OWNER_DATABASE : ILA_OWNER_USER);
}

bool
ila_filter_selects(const struct ila_filter *f, const struct ila_mapping *m)
{
    return ((!f->dir || f->dir == m->match.dir)
            && (!f->owner || f->owner == ila_mapping_owner(m))
            && (!f->has_in_port || (m->match.fields & ILA_MATCH_IN_PORT
                                    && m->match.in_port == f->in_port))
            && (!f->xlat_locator || m->xlat.locator == f->xlat_locator));
}

bool
ila_match_equal(const struct ila_match *a, const struct ila_match *b)
{
    return (a->dir == b->dir && a->fields == b->fields
            && a->in_port == b->in_port && a->locator == b->locator
            && a->identifier == b->identifier);
}

bool
ila_mapping_equal(const struct ila_mapping *a, const struct ila_mapping *b)
{
    return (ila_match_equal(&a->match, &b->match)
            && a->xlat.locator == b->xlat.locator
            && a->xlat.csum_mode == b->xlat.csum_mode
            && a->xlat.ident_type == b->xlat.ident_type
            && a->flags == b->flags
            && a->idle_timeout == b->idle_timeout
            && a->hard_timeout == b->hard_timeout);
}
