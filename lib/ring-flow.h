/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_FLOW_H
#define RING_FLOW_H 1

/* Flows in records of a ring: payloads of the types OVS_RING_T_FLOW,
 * OVS_RING_T_STATS and OVS_RING_T_DEL, see openvswitch/ring-abi.h.
 *
 * Encoders write host byte order and zeros for padding.  Decoders take what
 * anybody may have written: they look at nothing beyond the payload, and
 * refuse one whose lengths do not fit into it with EPROTO.  What follows
 * behind the last part that they know is a later version's.
 *
 * A payload begins behind the record's extension and is aligned to 8 bytes.
 * All functions are thread-safe. */

#include <stddef.h>

#include "dpif.h"
#include "openvswitch/ring-abi.h"

struct ds;
struct hmap;

/* The longest strings that a record of a flow has; the encoder cuts longer
 * ones off, the decoder refuses them. */
#define RING_FLOW_MAX_LAYER 15
#define RING_FLOW_MAX_EXTRA 255

/* A flow that was decoded.  Key, mask and actions are in the record and live
 * as long as that does; 'flow' points into this structure, too, which may not
 * be moved. */
struct ring_flow {
    struct dpif_flow flow;
    char layer[RING_FLOW_MAX_LAYER + 1];
    char extra[RING_FLOW_MAX_EXTRA + 1];
};

/* Returns the bytes of the payload for 'flow', a multiple of 4. */
size_t ring_flow_size(const struct dpif_flow *flow);

/* Writes the payload for 'flow' to 'payload', ring_flow_size() bytes. */
void ring_flow_encode(const struct dpif_flow *flow, void *payload);

/* Makes '*rf' the flow in the 'size' bytes at 'payload'.  What key, mask and
 * actions consist of is not looked at: who uses them checks their attributes,
 * as dpif_flow_text() does.
 *
 * Returns 0 or EPROTO.  A consumer that does not trust its producer to leave a
 * committed record alone has to decode a copy. */
int ring_flow_decode(struct ring_flow *rf, const void *payload, size_t size);

/* Writes statistics of 'flow', all that records of the types STATS and DEL
 * consist of. */
void ring_flow_stats_encode(const struct dpif_flow *flow,
                            struct ovs_ring_flow_stats *);

/* Sets UFID, statistics, PMD and 'attrs.offloaded' of '*flow' from the 'size'
 * bytes at 'payload' and clears everything else.  Returns 0 or EPROTO. */
int ring_flow_stats_decode(struct dpif_flow *flow, const void *payload,
                           size_t size);

#endif /* ring-flow.h */
