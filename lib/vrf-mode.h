/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_MODE_H
#define VRF_MODE_H 1

/* Where the userspace datapath's routes are looked up: for each packet, by one
 * megaflow for all destinations of a VRF, or for each flow when it is
 * translated, by a megaflow for each prefix (netdev-vrf.h, "Flows with a
 * way").  Flows are faster, as long as there are not too many of them.
 *
 * A flow counts when it is translated.  Nobody is told when one goes, so that
 * those of a VRF are counted anew, by having all translated again, when there
 * seem to be too many.  If there are, packets of that VRF are routed one by
 * one for a while.
 *
 * Functions are for any thread, unless they say otherwise. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "vrf-addr.h"

struct ds;
struct json;

enum vrf_mode {
    VRF_MODE_AUTO,              /* Flows, VRF_MODE_AUTO_MAX in a VRF. */
    VRF_MODE_DATAPATH,          /* Packets. */
    VRF_MODE_FLOW,              /* Flows, VRF_MODE_FLOW_MAX in a VRF. */
};
#define VRF_MODE_DEFAULT VRF_MODE_AUTO
#define VRF_MODE_AUTO_MAX 4096
#define VRF_MODE_FLOW_MAX 65536

/* Sets '*mode' to that with the name.  Returns false if there is none. */
bool vrf_mode_from_name(const char *name, enum vrf_mode *);
const char *vrf_mode_name(enum vrf_mode);

/* For the main thread. */
void vrf_mode_set(enum vrf_mode);
void vrf_mode_run(void);
void vrf_mode_wait(void);

/* May there be flows that have ways, in any VRF? */
bool vrf_mode_has_flows(void);

/* What a flow is told apart from others by. */
struct vrf_mode_flow {
    uint16_t vrf;
    uint8_t family;             /* enum vrf_family. */
    uint8_t src_bits, dst_bits;
    odp_port_t in_port;
    uint32_t table;             /* Instead of rules, 0 if they decide. */
    struct vrf_addr src, dst;   /* Zeros behind those bits. */
};

/* May the flow have a way?  The former counts it if it may. */
bool vrf_mode_admit(const struct vrf_mode_flow *);
bool vrf_mode_would_admit(const struct vrf_mode_flow *);

/* Has flows translated again, soon: 100 ms after the last time, or if that
 * goes on, up to 500. */
void vrf_mode_refresh(void);

/* Appends where packets of VRF 'vrf' are routed, in words; returns the same
 * for programs. */
void vrf_mode_format(uint16_t vrf, struct ds *);
struct json *vrf_mode_to_json(uint16_t vrf);

#endif /* lib/vrf-mode.h */
