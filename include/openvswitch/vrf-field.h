/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OPENVSWITCH_VRF_FIELD_H
#define OPENVSWITCH_VRF_FIELD_H 1

/* The field "vrf", MFF_VRF: the VRF that a packet is in, which is that of the
 * port by which it came into the bridge unless a flow says otherwise.
 *
 * Controllers and text know VRFs by name: in OpenFlow, and in "union
 * mf_value", the field is the name in 16 bytes, with zeros behind it; all of
 * them are zeros for the default VRF.  "struct flow" has the number that the
 * name has in this process (lib/vrf-names.h), as the member 'vrf' of its
 * tunnel, which goes where packets go within a bridge, through recirculation
 * too, and not beyond.  There set_field() gives it another value; the field is
 * read-only for whatever writes parts of fields, as part of a name is none.
 * In masks the number is 0 or UINT16_MAX, and the bytes are all zeros or all
 * ones.
 *
 * The datapath does not know the field: it is what the configuration makes of
 * the port, which all flows of the datapath match.
 *
 * Any thread may call any of the functions at any time. */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ds;
struct flow_tnl;
struct match;
struct mf_field;
union mf_value;

#define VRF_FIELD_SIZE 16

/* The field's bytes.  They stay for ever. */
const void *vrf_field_bytes(const struct flow_tnl *);

/* The field's value, in or from a flow or its mask. */
void vrf_field_get(const struct flow_tnl *, union mf_value *);
void vrf_field_set(struct flow_tnl *, const union mf_value *);

/* Is it a name that can be written, for which there is a number? */
bool vrf_field_is_valid(const union mf_value *);

/* May set_field() write the field, which may be another one? */
bool vrf_field_may_set(const struct mf_field *);

/* Is what set_field() writes to the field, which may be another one, not a
 * part of a name, nor none? */
bool vrf_field_check_set(const struct mf_field *, const union mf_value *,
                         const union mf_value *mask);

/* Has 'match' match the value, or any. */
void vrf_field_set_match(struct match *, const union mf_value *);
void vrf_field_set_wild(struct match *);

/* Has 'metadata', of a packet for a controller, match what 'tunnel' has,
 * unless that is the default VRF. */
void vrf_field_put_metadata(const struct flow_tnl *tunnel,
                            struct match *metadata);

/* Text: a name, "default", or "0" for that.  The first one returns NULL if
 * successful, otherwise a malloc()ed message; the last one appends "vrf=NAME,"
 * if 'match' matches the field. */
char *vrf_field_parse(const char *, union mf_value *, union mf_value *mask);
void vrf_field_format(const union mf_value *, struct ds *);
void vrf_field_format_match(const struct match *, struct ds *);

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/vrf-field.h */
