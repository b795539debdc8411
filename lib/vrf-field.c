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
vrf_field_bytes(const struct flow_tnl *tunnel)
{
    static const uint8_t zeros[VRF_FIELD_SIZE];
    static const uint8_t ones[VRF_FIELD_SIZE] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };

    return (tunnel->vrf == VRF_DEFAULT_ID ? (const void *) zeros
            : tunnel->vrf == ALL_ONES ? (const void *) ones
            : vrf_id_to_name(tunnel->vrf));
}

void
vrf_field_get(const struct flow_tnl *tunnel, union mf_value *value)
{
    memcpy(value, vrf_field_bytes(tunnel), VRF_FIELD_SIZE);
}

void
vrf_field_set(struct flow_tnl *tunnel, const union mf_value *value)
{
    tunnel->vrf = number_of(value);
}

bool
vrf_field_is_valid(const union mf_value *value)
{
    const char *name = name_of(value);

    return name ? vrf_id_of_name(name) : is_all_zeros(value, VRF_FIELD_SIZE);
}

bool
vrf_field_may_set(const struct mf_field *field)
{
    return field->writable || field->id == MFF_VRF;
}

bool
vrf_field_check_set(const struct mf_field *field, const union mf_value *value,
                    const union mf_value *mask)
{
    return field->id != MFF_VRF || (is_all_ones(mask, VRF_FIELD_SIZE)
                                    && vrf_field_is_valid(value));
}

void
vrf_field_set_match(struct match *match, const union mf_value *value)
{
    vrf_want();
    match->flow.tunnel.vrf = number_of(value);
    match->wc.masks.tunnel.vrf = ALL_ONES;
}

void
vrf_field_set_wild(struct match *match)
{
    match->flow.tunnel.vrf = match->wc.masks.tunnel.vrf = 0;
}

/* Others could not read a name that cannot be written. */
void
vrf_field_put_metadata(const struct flow_tnl *tunnel, struct match *metadata)
{
    if (OVS_UNLIKELY(tunnel->vrf != VRF_DEFAULT_ID)) {
        union mf_value value;

        vrf_field_get(tunnel, &value);
        if (name_of(&value)) {
            metadata->flow.tunnel.vrf = tunnel->vrf;
            metadata->wc.masks.tunnel.vrf = ALL_ONES;
        }
    }
}

/* Text. */

char *
vrf_field_parse(const char *s, union mf_value *value, union mf_value *mask)
{
    memset(value, 0, VRF_FIELD_SIZE);
    memset(mask, 0xff, VRF_FIELD_SIZE);
    if (!strcmp(s, VRF_DEFAULT_NAME) || !strcmp(s, "0")) {
        return NULL;
    }
    if (!is_name(s)) {
        return xasprintf("vrf: \"%s\" is not a VRF (a name of 1 to 15 "
                         "characters, or \"default\")", s);
    }
    memcpy(value, s, strlen(s));
    if (!vrf_field_is_valid(value)) {
        return xasprintf("vrf: no room for the name \"%s\" beside %d others",
                         s, VRF_MAX_NAMES);
    }
    return NULL;
}

static const char *
text_of(const union mf_value *value)
{
    return value->b[0] ? (const char *) value->b : VRF_DEFAULT_NAME;
}

void
vrf_field_format(const union mf_value *value, struct ds *s)
{
    ds_put_format(s, "%.*s", VRF_FIELD_SIZE, text_of(value));
}

void
vrf_field_format_match(const struct match *match, struct ds *s)
{
    if (OVS_UNLIKELY(match->wc.masks.tunnel.vrf)) {
        union mf_value value;

        vrf_field_get(&match->flow.tunnel, &value);
        ds_put_format(s, "%svrf=%s", colors.param, colors.end);
        vrf_field_format(&value, s);
        ds_put_char(s, ',');
    }
}
