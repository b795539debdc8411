/* SPDX-License-Identifier: Apache-2.0 */

#ifndef FUZZ_FLOW_H
#define FUZZ_FLOW_H 1

/* Random flows and wildcards of every kind that the netlink form knows, for
 * tests.  They come from random_uint32(), which the test seeds. */

#include "flow.h"
#include "odp-util.h"

struct ofpbuf;

enum fuzz_flow_kind {
    FUZZ_NON_IP,                /* 802.2, or an Ethernet type nobody knows. */
    FUZZ_ARP,
    FUZZ_RARP,
    FUZZ_TCP4,
    FUZZ_UDP4,
    FUZZ_SCTP4,
    FUZZ_ICMP4,
    FUZZ_FRAG4,
    FUZZ_TCP6,
    FUZZ_UDP6,
    FUZZ_ICMP6,
    FUZZ_ND,
    FUZZ_FRAG6,
    FUZZ_MPLS,
    FUZZ_NSH,
    FUZZ_L3,                    /* No Ethernet header. */
    FUZZ_N_KINDS
};

enum fuzz_flow_tunnel {
    FUZZ_NO_TUNNEL,
    FUZZ_PLAIN4,
    FUZZ_PLAIN6,
    FUZZ_GENEVE,                /* With options. */
    FUZZ_GBP,
    FUZZ_ERSPAN1,
    FUZZ_ERSPAN2,
    FUZZ_GTPU,
    FUZZ_N_TUNNELS
};

const char *fuzz_flow_kind_name(enum fuzz_flow_kind);
const char *fuzz_flow_tunnel_name(enum fuzz_flow_tunnel);

/* A flow of this kind, through this tunnel, with 'n_vlans' VLAN headers unless
 * it is without Ethernet header.  About every second one has connection
 * tracking state, and about every second one was recirculated. */
void fuzz_flow(struct flow *, enum fuzz_flow_kind, enum fuzz_flow_tunnel,
               int n_vlans);

/* Wildcards for 'flow', of those that a datapath takes. */
void fuzz_wildcards(const struct flow *, struct flow_wildcards *);

/* All that a datapath may support. */
extern const struct odp_support fuzz_support;

/* Appends the netlink form of the flow and the mask in '*parms', whose
 * 'key_buf' is set for that. */
void fuzz_encode(struct odp_flow_key_parms *, struct ofpbuf *key,
                 struct ofpbuf *mask);

#endif /* fuzz-flow.h */
