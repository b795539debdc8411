/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-names.h"

#include <ctype.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "ovs-thread.h"
#include "util.h"

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* Data of a node is the number; 'names' is by number, of VRF_NAME_SIZE bytes
 * each. */
static struct shash ids OVS_GUARDED_BY(mutex) = SHASH_INITIALIZER(&ids);
static char **names OVS_GUARDED_BY(mutex);
static size_t n_names OVS_GUARDED_BY(mutex) = 1;
static size_t allocated_names OVS_GUARDED_BY(mutex);

bool
vrf_name_is_valid(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char) name[i]) || name[i] == '/') {
            return false;
        }
    }
    return (len > 0 && len < VRF_NAME_SIZE
            && strcmp(name, VRF_DEFAULT_NAME));
}

bool
vrf_name_is_writable(const char *name)
{
    return ((vrf_name_is_valid(name) || !strcmp(name, VRF_DEFAULT_NAME))
            && !name[strcspn(name, "()[],=\"#")]);
}

uint16_t
vrf_id_of_name(const char *name)
{
    struct shash_node *node;
    uintptr_t id = 0;

    if (!strcmp(name, VRF_DEFAULT_NAME)) {
        return VRF_DEFAULT_ID;
    }
    ovs_mutex_lock(&mutex);
    node = shash_find(&ids, name);
    if (node) {
        id = (uintptr_t) node->data;
    } else if (n_names <= VRF_MAX_NAMES) {
        id = n_names++;
        shash_add(&ids, name, (void *) id);
        if (id >= allocated_names) {
            allocated_names = MAX(16, 2 * allocated_names);
            names = xrealloc(names, allocated_names * sizeof *names);
        }
        names[id] = xzalloc(VRF_NAME_SIZE);
        ovs_strlcpy(names[id], name, VRF_NAME_SIZE);
    }
    ovs_mutex_unlock(&mutex);
    return id;
}

const char *
vrf_id_to_name(uint16_t id)
{
    static const char none[VRF_NAME_SIZE] = "?";
    const char *name = none;

    if (id == VRF_DEFAULT_ID) {
        return VRF_DEFAULT_NAME;
    }
    ovs_mutex_lock(&mutex);
    if (id < n_names) {
        name = names[id];
    }
    ovs_mutex_unlock(&mutex);
    return name;
}
