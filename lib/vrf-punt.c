/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-punt.h"

#include <string.h>

#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vrf_punt);

static const char *const names[] = {
    [VRF_PUNT_DROP] = "drop",
    [VRF_PUNT_KERNEL] = "kernel",
};

static atomic_int current = ATOMIC_VAR_INIT(VRF_PUNT_DEFAULT);

bool
vrf_punt_from_name(const char *name, enum vrf_punt *punt)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i])) {
            *punt = i;
            return true;
        }
    }
    return false;
}

void
vrf_punt_set(enum vrf_punt punt)
{
    if (punt != vrf_punt_get()) {
        VLOG_INFO("other_config:output-vrf-punt is now %s", names[punt]);
        atomic_store_relaxed(&current, punt);
    }
}

enum vrf_punt
vrf_punt_get(void)
{
    int punt;

    atomic_read_relaxed(&current, &punt);
    return punt;
}
