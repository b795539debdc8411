/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-packets.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "odp-util.h"
#include "util.h"

void
vrf_packets_put(struct vrf_packets *ps, struct dp_packet *packet)
{
    if (ps->n >= ps->allocated) {
        if (ps->first) {
            ps->n -= ps->first;
            memmove(ps->p, ps->p + ps->first, ps->n * sizeof *ps->p);
            ps->first = 0;
        } else {
            ps->p = x2nrealloc(ps->p, &ps->allocated, sizeof *ps->p);
        }
    }
    ps->p[ps->n++] = packet;
}

void
vrf_packets_take(struct vrf_packets *ps, struct dp_packet_batch *batch)
{
    odp_port_t port = ps->first < ps->n
                      ? ps->p[ps->first]->md.in_port.odp_port : ODPP_NONE;

    while (ps->first < ps->n && !dp_packet_batch_is_full(batch)
           && ps->p[ps->first]->md.in_port.odp_port == port) {
        dp_packet_batch_add(batch, ps->p[ps->first++]);
    }
    if (ps->first == ps->n) {
        ps->first = ps->n = 0;
    }
}

void
vrf_packets_destroy(struct vrf_packets *ps)
{
    while (ps->first < ps->n) {
        dp_packet_delete(ps->p[ps->first++]);
    }
    free(ps->p);
}
