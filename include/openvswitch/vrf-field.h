/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OPENVSWITCH_VRF_FIELD_H
#define OPENVSWITCH_VRF_FIELD_H 1

/* The fields "vrf", MFF_VRF: the VRF that a packet is in, which is that of the
 * port by which it came into the bridge unless a flow says otherwise; and
 * "tun_vrf", MFF_TUN_VRF: that of the outer packets of a tunnel, which is the
 * one that the packet came in, until a flow says to which one it goes by a
 * tunnel with options:vrf=flow.
 *
 * Controllers and text know VRFs by name: in OpenFlow, and in "union
 * mf_value", a field is the name in 16 bytes, with zeros behind it; all of
 * them are zeros for the default VRF.  "struct flow" has the number that the
 * name has in this process (lib/vrf-names.h), as members of its tunnel, which
 * go where packets go within a bridge, through recirculation too, and not
 * beyond.  There set_field() gives them other values; the fields are read-only
 * for whatever writes parts of fields, as part of a name is none.  In masks
 * the number is 0 or UINT16_MAX, and the bytes are all zeros or all ones.
 *
 * The datapath does not know the fields: they are what the configuration makes
 * of the port, which all flows of the datapath match.
 *
 * Functions with an argument of type "struct mf_field" are for these fields
 * only, unless they say otherwise.  Any thread may call any of the functions
 * at any time. */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ds;
struct flow_tnl;
struct flow_wildcards;
struct match;
struct mf_field;
union mf_value;

#define VRF_FIELD_SIZE 16

#define CASE_MFF_VRFS case MFF_VRF: case MFF_TUN_VRF

/* The field's value, in or from a flow or its mask. */
void vrf_field_get(const struct mf_field *, const struct flow_tnl *,
                   union mf_value *);
void vrf_field_set(const struct mf_field *, const union mf_value *,
                   struct flow_tnl *);

/* Is it a name that can be written, for which there is a number? */
bool vrf_field_is_valid(const union mf_value *);

/* Is the field, any one, one of these? */
bool vrf_field_is(const struct mf_field *);

/* May set_field() write the field, which may be another one? */
bool vrf_field_may_set(const struct mf_field *);

/* Is what set_field() writes to the field, which may be another one, not a
 * part of a name, nor none? */
bool vrf_field_check_set(const struct mf_field *, const union mf_value *,
                         const union mf_value *mask);

/* Has 'match' match the value, or any. */
void vrf_field_set_match(const struct mf_field *, const union mf_value *,
                         struct match *);
void vrf_field_set_wild(const struct mf_field *, struct match *);
bool vrf_field_is_wild(const struct mf_field *, const struct flow_wildcards *);

/* Has 'metadata', of a packet for a controller, match what 'tunnel' has,
 * unless that is the default VRF. */
void vrf_field_put_metadata(const struct flow_tnl *tunnel,
                            struct match *metadata);

/* The bytes of a field whose member of "struct flow_tnl" is 'number'.  They
 * stay for ever. */
const void *vrf_field_bytes(uint16_t number);

/* For nx-match.c: puts the field ID, MEMBER of "struct flow_tnl", of MATCH by
 * its nxm_put(). */
#define VRF_FIELD_PUT(CTX, ID, OXM, MATCH, MEMBER)                      \
    nxm_put(CTX, ID, OXM, vrf_field_bytes((MATCH)->flow.tunnel.MEMBER), \
            vrf_field_bytes((MATCH)->wc.masks.tunnel.MEMBER),           \
            VRF_FIELD_SIZE)

/* Text: a name, "default", or "0" for that.  The first one returns NULL if
 * successful, otherwise a malloc()ed message; the last one appends
 * "NAME=VALUE," for what 'match' matches. */
char *vrf_field_parse(const struct mf_field *, const char *, union mf_value *,
                      union mf_value *mask);
void vrf_field_format(const union mf_value *, struct ds *);
void vrf_field_format_match(const struct match *, struct ds *);

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/vrf-field.h */
