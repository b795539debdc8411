/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "openvswitch/vrf-field.h"

#include <string.h>

#include "colors.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/packets.h"
#include "util.h"
#include "vrf-names.h"
#ifdef __linux__
#include "vrf.h"
#endif

/* The number that stands for the mask that has all bits.  No name has it. */
#define ALL_ONES UINT16_MAX

BUILD_ASSERT_DECL(VRF_FIELD_SIZE == VRF_NAME_SIZE);
BUILD_ASSERT_DECL(VRF_FIELD_SIZE == MEMBER_SIZEOF(union mf_value, be128));

#ifndef __linux__
/* There are no VRFs. */
static void
vrf_want(void)
{
}
#endif

/* The member that is the field. */
static const uint16_t *
member(const struct mf_field *mf, const struct flow_tnl *tunnel)
{
    return mf->id == MFF_VRF ? &tunnel->vrf : &tunnel->tun_vrf;
}

static uint16_t *
member_for_update(const struct mf_field *mf, struct flow_tnl *tunnel)
{
    return CONST_CAST(uint16_t *, member(mf, tunnel));
}

/* Can 'name' be written, and does it mean a VRF that has a name?  "0" is the
 * default VRF, "*" any. */
static bool
is_name(const char *name)
{
    return (vrf_name_is_writable(name) && strcmp(name, VRF_DEFAULT_NAME)
            && strcmp(name, "0") && strcmp(name, "*"));
}

/* The name in the bytes of 'value', null if they have none. */
static const char *
name_of(const union mf_value *value)
{
    const char *name = (const char *) value->b;
    size_t len = strnlen(name, VRF_FIELD_SIZE);

    return (len < VRF_FIELD_SIZE
            && is_all_zeros(name + len, VRF_FIELD_SIZE - len)
            && is_name(name) ? name : NULL);
}

/* The number for the bytes of 'value'.  If they are no name they are part of a
 * mask, and part of a number is no mask. */
static uint16_t
number_of(const union mf_value *value)
{
    const char *name = name_of(value);

    return (name ? vrf_id_of_name(name)
            : is_all_zeros(value, VRF_FIELD_SIZE) ? VRF_DEFAULT_ID
            : ALL_ONES);
}

const void *
vrf_field_bytes(uint16_t number)
{
    static const uint8_t zeros[VRF_FIELD_SIZE];
    static const uint8_t ones[VRF_FIELD_SIZE] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };

    return (number == VRF_DEFAULT_ID ? (const void *) zeros
            : number == ALL_ONES ? (const void *) ones
            : vrf_id_to_name(number));
}

void
vrf_field_get(const struct mf_field *mf, const struct flow_tnl *tunnel,
              union mf_value *value)
{
    memcpy(value, vrf_field_bytes(*member(mf, tunnel)), VRF_FIELD_SIZE);
}

void
vrf_field_set(const struct mf_field *mf, const union mf_value *value,
              struct flow_tnl *tunnel)
{
    *member_for_update(mf, tunnel) = number_of(value);
}

bool
vrf_field_is_valid(const union mf_value *value)
{
    const char *name = name_of(value);

    return name ? vrf_id_of_name(name) : is_all_zeros(value, VRF_FIELD_SIZE);
}

bool
vrf_field_is(const struct mf_field *field)
{
    return field->id == MFF_VRF || field->id == MFF_TUN_VRF;
}

bool
vrf_field_may_set(const struct mf_field *field)
{
    return field->writable || vrf_field_is(field);
}

bool
vrf_field_check_set(const struct mf_field *field, const union mf_value *value,
                    const union mf_value *mask)
{
    return !vrf_field_is(field) || (is_all_ones(mask, VRF_FIELD_SIZE)
                                    && vrf_field_is_valid(value));
}

void
vrf_field_set_match(const struct mf_field *mf, const union mf_value *value,
                    struct match *match)
{
    vrf_want();
    vrf_field_set(mf, value, &match->flow.tunnel);
    *member_for_update(mf, &match->wc.masks.tunnel) = ALL_ONES;
}

void
vrf_field_set_wild(const struct mf_field *mf, struct match *match)
{
    *member_for_update(mf, &match->flow.tunnel) = 0;
    *member_for_update(mf, &match->wc.masks.tunnel) = 0;
}

bool
vrf_field_is_wild(const struct mf_field *mf, const struct flow_wildcards *wc)
{
    return !*member(mf, &wc->masks.tunnel);
}

/* Others could not read a name that cannot be written. */
static void
put_metadata(enum mf_field_id id, const struct flow_tnl *tunnel,
             struct match *metadata)
{
    const struct mf_field *mf = mf_from_id(id);
    union mf_value value;

    vrf_field_get(mf, tunnel, &value);
    if (name_of(&value)) {
        vrf_field_set_match(mf, &value, metadata);
    }
}

void
vrf_field_put_metadata(const struct flow_tnl *tunnel, struct match *metadata)
{
    if (OVS_UNLIKELY(tunnel->vrf != VRF_DEFAULT_ID)) {
        put_metadata(MFF_VRF, tunnel, metadata);
    }
    if (OVS_UNLIKELY(tunnel->tun_vrf != VRF_DEFAULT_ID)) {
        put_metadata(MFF_TUN_VRF, tunnel, metadata);
    }
}

/* Text. */

char *
vrf_field_parse(const struct mf_field *mf, const char *s,
                union mf_value *value, union mf_value *mask)
{
    memset(value, 0, VRF_FIELD_SIZE);
    memset(mask, 0xff, VRF_FIELD_SIZE);
    if (!strcmp(s, VRF_DEFAULT_NAME) || !strcmp(s, "0")) {
        return NULL;
    }
    if (!is_name(s)) {
        return xasprintf("%s: \"%s\" is not a VRF (a name of 1 to 15 "
                         "characters, or \"default\")", mf->name, s);
    }
    memcpy(value, s, strlen(s));
    if (!vrf_field_is_valid(value)) {
        return xasprintf("%s: no room for the name \"%s\" beside %d others",
                         mf->name, s, VRF_MAX_NAMES);
    }
    return NULL;
}

void
vrf_field_format(const union mf_value *value, struct ds *s)
{
    ds_put_format(s, "%.*s", VRF_FIELD_SIZE,
                  value->b[0] ? (const char *) value->b : VRF_DEFAULT_NAME);
}

static void
format_match(enum mf_field_id id, const struct match *match, struct ds *s)
{
    const struct mf_field *mf = mf_from_id(id);
    union mf_value value;

    if (OVS_UNLIKELY(!vrf_field_is_wild(mf, &match->wc))) {
        vrf_field_get(mf, &match->flow.tunnel, &value);
        ds_put_format(s, "%s%s=%s", colors.param, mf->name, colors.end);
        vrf_field_format(&value, s);
        ds_put_char(s, ',');
    }
}

void
vrf_field_format_match(const struct match *match, struct ds *s)
{
    format_match(MFF_VRF, match, s);
    format_match(MFF_TUN_VRF, match, s);
}
