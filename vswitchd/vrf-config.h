/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_CONFIG_H
#define VRF_CONFIG_H 1

/* VRFs in ovs-vswitchd: configuration, and what keeps them up to date
 * (vrf.h). */

struct bridge_extension;

extern const struct bridge_extension vrf_bridge_extension;

#endif /* vrf-config.h */
