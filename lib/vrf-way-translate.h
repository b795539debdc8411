/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_WAY_TRANSLATE_H
#define VRF_WAY_TRANSLATE_H 1

/* Translation of output_vrf() to vrf_way().  The megaflow matches what the way
 * depends on, which is the whole destination for hosts of a connected network;
 * neither TTL nor ports.
 *
 * For any thread. */

#include <stdbool.h>

#include "openvswitch/meta-flow.h"

struct ofp_extension_xlate;
struct ovs_action_vrf;

/* Appends vrf_way() for what is to be done, 'vrf', by 'table' unless it is 0,
 * if the flow may have a way or there is a table, which vrf() has no room for.
 * Otherwise returns false and leaves 'x' as it is, but that a trace is told
 * why. */
bool vrf_way_translate(const struct ovs_action_vrf *vrf, uint32_t table,
                       struct ofp_extension_xlate *x);

/* Could that depend on the field? */
bool vrf_way_uses_field(enum mf_field_id);

#endif /* lib/vrf-way-translate.h */
