/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ACTION_H
#define VRF_ACTION_H 1

/* The action
 *
 *     output_vrf(NAME|FIELD[BITS]|in[,ttl=dec|keep]
 *                [,errors=send|drop|controller(ID)][,mss=clamp][,table=N])
 *
 * in OpenFlow, which routes a packet in a VRF: that with the NAME, whether it
 * is there already or not, that whose number is in a field, or that of the
 * port on which the packet came into the bridge.  With a table that decides,
 * not the VRF's policy rules; all else is the VRF's.  In the datapath it is
 *
 *     vrf(name=NAME[,id=N][,ttl=keep][,errors=drop|recirc(N)][,mss=clamp]
 *         [,mark=N])
 *
 * with "struct ovs_action_vrf", or in userspace vrf_way(), which also has the
 * route that was found for the flow, and the table (vrf-way-action.h).
 *
 * The body on the wire, in network byte order:
 *
 *     1  which        0 NAME, 1 FIELD, 2 in
 *     1  zero
 *     2  flags        OVS_VRF_F_*, and 0x8000 with errors=controller, 0x4000
 *                     with a table
 *     2  ofs          of the field's bits, or zero
 *     2  n_bits       of them, or zero
 *    (2) controller   its ID, with that flag alone
 *    (4) table        its number, which is not 0, with that flag alone
 *     n  NAME, or the NXM or OXM header of FIELD; with "in", nothing */

#include <stdbool.h>
#include <stdint.h>

struct ds;
struct odp_extension_class;
struct ofp_extension_class;
struct ovs_action_vrf;

extern const struct ofp_extension_class ofp_output_vrf_class;
extern const struct odp_extension_class odp_vrf_class;

/* For vrf_way(), which has all that vrf() has. */

bool vrf_action_is_valid(const struct ovs_action_vrf *);
void vrf_action_format(const struct ovs_action_vrf *, struct ds *);

/* To parse keys of 'action': zeros first, then each key, then the end.
 * Functions return NULL if successful, otherwise a malloc()ed message. */
struct vrf_action_parser {
    const char *action;
    bool has_id, has_mark;
    uint32_t seen;              /* OVS_VRF_F_*. */
};
char *vrf_action_parse_key(struct vrf_action_parser *, const char *key,
                           const char *value, struct ovs_action_vrf *);
char *vrf_action_parse_end(struct vrf_action_parser *,
                           struct ovs_action_vrf *);

/* For output_vrf(), too: the number of a table, which is 0 before it is given,
 * and if there is none. */
char *vrf_action_parse_table(const char *action, const char *s,
                             uint32_t *table);
void vrf_action_format_table(uint32_t table, struct ds *);

/* Parses a number of 32 bits that may be given once. */
char *vrf_action_parse_number(const char *action, const char *key,
                              const char *s, bool *seen, uint32_t *value);

#endif /* lib/vrf-action.h */
