/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge-extension.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "util.h"
#include "vrf.h"

VLOG_DEFINE_THIS_MODULE(vrf_config);

/* What was wrong and logged, by key, as the configuration is read again
 * whenever anything in the database changes. */
static struct shash logged = SHASH_INITIALIZER(&logged);

static void
vrf_config_init(struct ovsdb_idl *idl OVS_UNUSED)
{
    vrf_init();
}

static void
vrf_config_exit(void)
{
    vrf_exit();
    shash_destroy_free_data(&logged);
}

static void
log_bad(const char *key, const char *value)
{
    const char *last = shash_find_data(&logged, key);

    if (!last || strcmp(last, value)) {
        VLOG_WARN("other_config:%s=%s: the name must have 1 to 15 "
                  "characters and not be \"default\", the value be table=N, "
                  "N from 1 to 4294967295; ignoring it", key, value);
        free(shash_replace(&logged, key, xstrdup(value)));
    }
}

static void
vrf_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    const struct smap_node *node;

    SMAP_FOR_EACH (node, &cfg->other_config) {
        unsigned int table;

        if (strncmp(node->key, "vrf-", 4)) {
            continue;
        }
        if (!vrf_name_is_valid(node->key + 4)
            || strncmp(node->value, "table=", 6)
            || !str_to_uint(node->value + 6, 10, &table) || !table) {
            log_bad(node->key, node->value);
            continue;
        }
        shash_add(&tables, node->key + 4, (void *) (uintptr_t) table);
    }
    vrf_configure(&tables);
    shash_destroy(&tables);
}

const struct bridge_extension vrf_bridge_extension = {
    .name = "vrf",
    .init = vrf_config_init,
    .exit = vrf_config_exit,
    .reconfigure = vrf_config_reconfigure,
    .run = vrf_run,
    .wait = vrf_wait,
};
