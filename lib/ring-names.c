/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-names.h"

#include <string.h>

#include "openvswitch/shash.h"
#include "ovs-thread.h"
#include "util.h"

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* The data of a node is the node's name in 'names', whose index is its number
 * less one. */
static struct shash ids OVS_GUARDED_BY(mutex) = SHASH_INITIALIZER(&ids);
static const char *names[RING_NAMES_MAX] OVS_GUARDED_BY(mutex);
static uint32_t n_names OVS_GUARDED_BY(mutex);

bool
ring_name_is_valid(const char *name, size_t len)
{
    if (!len || len > RING_NAME_MAX || strchr("-_.", name[0])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = name[i];

        /* Not isalnum(), which depends on the locale. */
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'
              || c == '.')) {
            return false;
        }
    }
    return true;
}

uint32_t
ring_name_to_id(const char *name)
{
    struct shash_node *node;
    uint32_t id = 0;

    ovs_mutex_lock(&mutex);
    node = shash_find(&ids, name);
    if (node) {
        id = (const char **) node->data - names + 1;
    } else if (n_names < RING_NAMES_MAX) {
        node = shash_add(&ids, name, &names[n_names]);
        names[n_names] = node->name;
        id = ++n_names;
    }
    ovs_mutex_unlock(&mutex);
    return id;
}

const char *
ring_name_from_id(uint32_t id)
{
    const char *name = NULL;

    ovs_mutex_lock(&mutex);
    if (id && id <= n_names) {
        name = names[id - 1];
    }
    ovs_mutex_unlock(&mutex);
    return name;
}
