/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ZONE_H
#define VRF_ZONE_H 1

/* ct(zone=vrf): connections of each VRF are tracked in a zone of their own, so
 * that those of tenants who have the same addresses are not mixed up.
 *
 * The zone is the number of the VRF's routing table, if that is not larger
 * than a zone can be: unlike the number that the VRF's name has in this
 * process it stays the same when ovs-vswitchd starts again, which connections
 * in the kernel outlive.  The default VRF has zone 0, that of ct() without
 * one.  VRFs that share a table share addresses, and the zone.
 *
 * Everything about the zone's text and encoding is here.  In OpenFlow the
 * field "vrf" has a header of 64 bits, of an experimenter, and ct() room for
 * 32: they are the upper ones, which no other field has, and 16 bits from bit
 * 0 on.
 *
 * Any thread may call any of the functions at any time. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/ofp-errors.h"

struct ds;
struct mf_field;
struct mf_subfield;
struct vl_mff_map;

/* Is the zone to be that of a VRF? */
bool vrf_zone_is(const struct mf_subfield *);

/* Finds the zone of the VRF with number 'vrf' (vrf-names.h).  Returns false if
 * there is no such VRF now, or if its table is no zone; '*table' is that, 0
 * without a VRF. */
bool vrf_zone_of(uint16_t vrf, uint16_t *zone, uint32_t *table);

/* Like the functions for any field that a zone may be taken from, which they
 * call for all but "vrf".  The first one returns NULL if successful, otherwise
 * a malloc()ed message; the second one 0 if there is no encoding. */
char *vrf_zone_parse(const char *, struct mf_subfield *);
uint32_t vrf_zone_header(const struct mf_field *);
void vrf_zone_format(const struct mf_subfield *, struct ds *);

/* Fills in the field of 'zone', whose bits are known, by its 'header'. */
enum ofperr vrf_zone_decode(uint32_t header, const struct vl_mff_map *,
                            struct mf_subfield *zone, uint64_t *tlv_bitmap);

#endif /* lib/vrf-zone.h */
