/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_ACTION_H
#define RING_ACTION_H 1

/* The action
 *
 *     ring(name=NAME[,mode=tap|queue][,max_len=N][,fail=open|closed][,id=N])
 *
 * in OpenFlow, which gives packets to processes outside (ring-names.h says
 * what a NAME is).  In the datapath it is
 *
 *     ring(name=NAME|ring=N,mode=tap|queue[,max_len=N][,fail=open|closed]
 *          [,id=N][,recirc_id=N])
 *
 * with "struct ovs_action_ring", where the number stands for a name that this
 * process does not know.
 *
 * The body on the wire, in network byte order:
 *
 *     4  max_len      0 is all of the packet
 *     4  id
 *     1  mode         OVS_RING_MODE_*
 *     1  fail         OVS_RING_FAIL_*
 *     2  name_len
 *     n  name */

struct odp_extension_class;
struct ofp_extension_class;

extern const struct ofp_extension_class ofp_ring_class;
extern const struct odp_extension_class odp_ring_class;

#endif /* lib/ring-action.h */
