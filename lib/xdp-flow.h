/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_FLOW_H
#define XDP_FLOW_H 1

/* Datapath flows as the XDP program of a port knows them: masked keys.
 *
 * The flows of a userspace datapath do not overlap where it matters: whichever
 * of them matches a packet, the result is right.  Therefore any subset of them
 * can be in XDP, as long as each matches there what it matches in software, or
 * less: a packet that the program is not sure of goes to the socket.  A flow
 * that says anything which the program's key does not is refused, with a
 * reason.
 *
 * Pure functions, thread-safe. */

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "xdp-abi.h"

struct flow;
struct flow_wildcards;
struct nlattr;

struct xdp_flow {
    enum ovs_xdp_family family;
    enum ovs_xdp_shape shape;
    uint32_t proto;             /* That all packets have, or
                                 * OVS_XDP_ANY_PROTO. */
    union ovs_xdp_key mask;     /* 'head.mask' is 0 in both. */
    union ovs_xdp_key key;      /* Masked. */
};

struct xdp_flow_action {
    enum ovs_xdp_action type;   /* OVS_XDP_DROP or OVS_XDP_REDIRECT. */
    odp_port_t port;            /* Of OVS_XDP_REDIRECT. */
    struct ovs_xdp_rewrite rewrite;
};

/* Number of words that keys of 'shape' have. */
unsigned int xdp_shape_words(enum ovs_xdp_shape);
const char *xdp_shape_name(enum ovs_xdp_shape);

/* Makes '*xdp' of what matches 'flow' in the bits that 'wc' has, for packets
 * that come from 'in_port' and have been nowhere else yet.
 *
 * Returns NULL or, if XDP cannot do that, why, which is a constant that does
 * for counting, too: "matches ct_state".  Then '*xdp' has no meaning. */
const char *xdp_flow_from_flow(const struct flow *flow,
                               const struct flow_wildcards *wc,
                               odp_port_t in_port, struct xdp_flow *xdp);

/* Likewise of the 'size' bytes of datapath actions at 'actions', of a flow of
 * 'family'. */
const char *xdp_flow_from_actions(const struct nlattr *actions, size_t size,
                                  enum ovs_xdp_family family,
                                  struct xdp_flow_action *);

#endif /* lib/xdp-flow.h */
