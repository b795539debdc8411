/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-tnl-ports.h"

#include <stdio.h>

#include "classifier.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

/* Maps by id of VRF, which stay as long as ovs-vswitchd runs.  The one with
 * index 0 stays empty: it is the one of VRFs without a map. */
struct maps {
    size_t n;
    struct classifier *maps[];
};
static OVSRCU_TYPE(struct maps *) live = OVSRCU_INITIALIZER(NULL);

static struct classifier *
map_create(void)
{
    struct classifier *map = xmalloc(sizeof *map);

    classifier_init(map, flow_segment_u64s);
    return map;
}

static struct classifier *
empty_map(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static struct classifier *map;

    if (ovsthread_once_start(&once)) {
        map = map_create();
        ovsthread_once_done(&once);
    }
    return map;
}

struct classifier *
vrf_tnl_map__(uint16_t vrf)
{
    const struct maps *maps = ovsrcu_get(struct maps *, &live);

    return (maps && vrf < maps->n && maps->maps[vrf] ? maps->maps[vrf]
            : empty_map());
}

struct classifier *
vrf_tnl_map_of_port(struct classifier *map, const char *name)
{
    uint16_t vrf = vrf_tunnel_port_vrf(name);
    struct maps *old = ovsrcu_get_protected(struct maps *, &live);

    if (vrf == VRF_DEFAULT_ID) {
        return map;
    }
    if (!old || vrf >= old->n || !old->maps[vrf]) {
        size_t n = MAX(old ? old->n : 0, vrf + 1);
        struct maps *new = xzalloc(sizeof *new + n * sizeof *new->maps);

        new->n = n;
        for (size_t i = 0; old && i < old->n; i++) {
            new->maps[i] = old->maps[i];
        }
        new->maps[vrf] = map_create();
        ovsrcu_set(&live, new);
        if (old) {
            ovsrcu_postpone(free, old);
        }
    }
    return vrf_tnl_map__(vrf);
}

void
vrf_tnl_show_maps(struct ds *s, const struct classifier *map,
                  void (*show)(struct ds *, const struct classifier *))
{
    const struct maps *maps = ovsrcu_get(struct maps *, &live);

    show(s, map);
    for (size_t i = 0; maps && i < maps->n; i++) {
        if (maps->maps[i]) {
            show(s, maps->maps[i]);
        }
    }
}

void
vrf_tnl_format_vrf(const char *name, struct ds *s)
{
    uint16_t vrf = vrf_tunnel_port_vrf(name);

    if (vrf != VRF_DEFAULT_ID) {
        ds_put_format(s, "VRF %s: ", vrf_tunnel_vrf_name(vrf));
    }
}

const char *
vrf_neigh_name(uint16_t vrf, const char *bridge, const char *device,
               char name[VRF_NEIGH_NAME_SIZE])
{
    if (OVS_LIKELY(vrf == VRF_DEFAULT_ID)) {
        return bridge;
    }
    snprintf(name, VRF_NEIGH_NAME_SIZE, "%.15s:%.15s", vrf_id_to_name(vrf),
             device);
    return name;
}
