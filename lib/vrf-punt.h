/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_PUNT_H
#define VRF_PUNT_H 1

/* What becomes of packets that output_vrf() routes by a device that is no port
 * of the userspace datapath, other_config:output-vrf-punt of Open_vSwitch:
 * they are dropped, or given to the host by an internal port in the VRF, for
 * Linux to forward them. */

#include <stdbool.h>

enum vrf_punt {
    VRF_PUNT_DROP,
    VRF_PUNT_KERNEL,
};
#define VRF_PUNT_DEFAULT VRF_PUNT_DROP

/* Sets '*punt' to that with the name.  Returns false if there is none. */
bool vrf_punt_from_name(const char *name, enum vrf_punt *punt);

/* Any thread may call these. */
void vrf_punt_set(enum vrf_punt);
enum vrf_punt vrf_punt_get(void);

#endif /* lib/vrf-punt.h */
