/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-zone.h"

#include "nx-match.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "unaligned.h"
#include "util.h"
#include "vl-mff-map.h"
#include "vrf-names.h"
#ifdef __linux__
#include "vrf-port.h"
#include "vrf.h"
#endif

enum { ZONE_BITS = 16 };

bool
vrf_zone_is(const struct mf_subfield *zone)
{
    return zone->field && zone->field->id == MFF_VRF;
}

/* The number of the VRF's table, 0 if there is no such VRF. */
static uint32_t
table_of(uint16_t id OVS_UNUSED)
{
#ifdef __linux__
    const struct vrf *vrf;

    vrf_want();
    vrf = vrf_by_id(id);
    return vrf ? vrf->table : 0;
#else
    return 0;
#endif
}

bool
vrf_zone_of(uint16_t vrf, uint16_t *zone, uint32_t *table)
{
    *table = vrf == VRF_DEFAULT_ID ? 0 : table_of(vrf);
    *zone = *table;
    return vrf == VRF_DEFAULT_ID || (*table && *table <= UINT16_MAX);
}

static struct mf_subfield
zone_subfield(void)
{
    return (struct mf_subfield) {
        .field = mf_from_id(MFF_VRF),
        .n_bits = ZONE_BITS,
    };
}

char *
vrf_zone_parse(const char *s, struct mf_subfield *zone)
{
    char *error = mf_parse_subfield(zone, s);

    if (error) {
        return error;
    } else if (!vrf_zone_is(zone)) {
        return NULL;
    } else if (zone->n_bits != zone->field->n_bits) {
        return xasprintf("%s: a part of a name has no zone (say \"vrf\")", s);
    }
    *zone = zone_subfield();
    return NULL;
}

uint32_t
vrf_zone_header(const struct mf_field *field)
{
    uint64_t stub[2];
    struct ofpbuf header = OFPBUF_STUB_INITIALIZER(stub);

    if (field->id != MFF_VRF) {
        return nxm_header_from_mff(field);
    }
    nx_put_header(&header, MFF_VRF, 0, false);
    return ntohl(get_unaligned_be32(header.data));
}

void
vrf_zone_format(const struct mf_subfield *zone, struct ds *s)
{
    if (vrf_zone_is(zone)) {
        ds_put_cstr(s, zone->field->name);
    } else {
        mf_format_subfield(zone, s);
    }
}

enum ofperr
vrf_zone_decode(uint32_t header, const struct vl_mff_map *map,
                struct mf_subfield *zone, uint64_t *tlv_bitmap)
{
    const struct mf_subfield vrf = zone_subfield();

    if (header != vrf_zone_header(vrf.field)) {
        return mf_vl_mff_mf_from_nxm_header(header, map, &zone->field,
                                            tlv_bitmap);
    }
    zone->field = vrf.field;
    return (zone->ofs == vrf.ofs && zone->n_bits == vrf.n_bits ? 0
            : OFPERR_OFPBAC_BAD_ARGUMENT);
}
