/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-source.h"

#include <string.h>

#include "dp-packet.h"
#include "odp-util.h"
#include "timeval.h"
#include "vrf-forward.h"
#include "vrf-options.h"
#include "vrf-packet.h"
#include "vrf-path.h"
#include "vrf-port.h"
#include "vrf.h"

struct source_aux {
    const struct vrf_dp_ports *ports;
    uint16_t vrf;
    uint32_t out;               /* Index of the device of the way. */
};

/* Is the device that of the way, a port of the VRF, or Linux's for it? */
static bool
may_be_source(uint32_t ifindex, const void *aux_)
{
    const struct source_aux *aux = aux_;
    const struct vrf *vrf = vrf_by_id(aux->vrf);
    const struct vrf_dp_port *port;

    port = vrf_dp_ports_by_ifindex(aux->ports, ifindex);
    return (ifindex == aux->out || (port && port->vrf == aux->vrf)
            || (vrf && vrf->ifindex && vrf->ifindex == ifindex));
}

bool
vrf_source_to(struct vrf_path *path, const struct vrf_dp_ports *ports,
              uint16_t vrf, enum vrf_family family,
              const struct vrf_addr *dst, struct in6_addr *source)
{
    struct source_aux aux = { .ports = ports, .vrf = vrf };
    const struct vrf_context *context;
    struct vrf_packet packet;
    struct vrf_flow flow;
    struct vrf_way way;
    struct vrf_addr addr;

    context = vrf_path_context(path, vrf, 0, ODPP_NONE, 0, true);
    if (!context->known) {
        return false;
    }
    memset(&packet, 0, sizeof packet);
    packet.family = family;
    packet.dst = *dst;
    vrf_context_flow(context, &packet, NULL, &flow);
    vrf_forward(vrf_get_db(), &flow, 0, &way);
    aux.out = way.ifindex;
    if (way.outcome != VRF_FORWARDED
        || !vrf_forward_source(vrf_get_db(), family, &way, dst,
                               may_be_source, &aux, &addr)) {
        return false;
    }
    *source = vrf_addr_to_in6(family, &addr);
    return true;
}

static bool
is_device(uint32_t ifindex, const void *device)
{
    return ifindex == *(const uint32_t *) device;
}

void
vrf_source_record(struct dp_packet *packet, const struct vrf_packet *p,
                  const struct vrf_adjacency *a)
{
    const struct vrf_way way = {
        .outcome = VRF_FORWARDED,
        .family = a->family,
        .ifindex = a->ifindex,
        .next_hop = a->addr,
    };
    struct vrf_addr source;

    if (vrf_forward_source(vrf_get_db(), VRF_IPV4, &way, &p->dst, is_device,
                           &a->ifindex, &source)) {
        vrf_options_record(dp_packet_l3(packet), p->header_len,
                           vrf_addr_to_ipv4(&source),
                           time_wall_msec() % (24 * 60 * 60 * 1000));
    }
}
