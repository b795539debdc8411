/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_TRACE_H
#define VRF_TRACE_H 1

/* Says where packets of a flow go in a VRF, for ofproto/trace. */

#include <stdint.h>

struct dpif;
struct ds;
struct flow;

/* Appends to 's' what becomes of packets of 'flow' that came in by the device
 * 'in_port', which may be null, with 'flags', OVS_VRF_F_*, in VRF 'id', by
 * 'only_table' unless it is 0, and why.  They go by ports of 'dpif', or if
 * that is null, by Linux's devices.  In any thread. */
void vrf_trace(struct dpif *dpif, uint32_t id, uint32_t only_table,
               uint32_t flags, const char *in_port, const struct flow *flow,
               struct ds *s);

#endif /* lib/vrf-trace.h */
