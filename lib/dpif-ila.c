/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-ila.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-extension.h"
#include "dpif.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "sset.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_ila);

const struct dpif_ila_class *
dpif_ila_class(const struct dpif *dpif)
{
    return dpif_extension_classes(dpif)->ila;
}

bool
dpif_ila_dirs_from_string(const char *s, unsigned int *dirs)
{
    static const struct {
        const char *name;
        unsigned int dirs;
    } names[] = {
        { "off", 0 },
        { "in", ILA_PATH_IN },
        { "out", ILA_PATH_OUT },
        { "both", ILA_PATH_IN | ILA_PATH_OUT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s, names[i].name)) {
            *dirs = names[i].dirs;
            return true;
        }
    }
    return false;
}

/* Logs and frees 'message', unless it was logged before: configuration comes
 * along again whenever anything changes.  Only the main thread configures. */
static void
warn_once(char *message)
{
    static struct sset logged = SSET_INITIALIZER(&logged);

    if (sset_add(&logged, message)) {
        VLOG_WARN("%s", message);
    }
    free(message);
}

static int
port_set_config(struct dpif *dpif, odp_port_t port_no, const struct smap *cfg)
{
    const struct dpif_ila_class *class = dpif_ila_class(dpif);
    const char *s = smap_get(cfg, "ila");
    unsigned int dirs = 0;
    int error;

    if (!class) {
        if (s && strcmp(s, "off")) {
            VLOG_WARN_ONCE("%s: other_config:ila: this datapath has no ILA "
                           "mapping table", dpif_name(dpif));
        }
        return 0;
    }
    if (s && !dpif_ila_dirs_from_string(s, &dirs)) {
        char name[IFNAMSIZ];

        if (dpif_port_get_name(dpif, port_no, name, sizeof name)) {
            snprintf(name, sizeof name, "%"PRIu32, port_no);
        }
        warn_once(xasprintf("%s: port %s: other_config:ila=\"%s\" is not "
                            "off, in, out or both", dpif_name(dpif), name, s));
    }
    if (class->set_port_options) {
        const struct dpif_ila_port_options options = {
            .stats = smap_get_bool(cfg, "ila-stats", false),
            .rehash = smap_get_bool(cfg, "ila-rehash", false),
        };

        error = class->set_port_options(dpif, port_no, &options);
        if (error) {
            return error;
        }
    }
    error = class->set_port(dpif, port_no, dirs);

    /* Linux's own module: nothing to switch off. */
    return error == EOPNOTSUPP && !dirs ? 0 : error;
}

static int
set_config(struct dpif *dpif, const struct smap *cfg)
{
    const struct dpif_ila_class *class = dpif_ila_class(dpif);
    const char *s = smap_get(cfg, "ila-max-entries");
    unsigned int max = ILA_TABLE_DEFAULT_MAX;
    int error;

    if (!class) {
        return 0;
    }
    if (s && (!str_to_uint(s, 10, &max) || !max)) {
        warn_once(xasprintf("%s: other_config:ila-max-entries=\"%s\" is not "
                            "a positive number", dpif_name(dpif), s));
        max = ILA_TABLE_DEFAULT_MAX;
    }
    error = class->set_max(dpif, max);
    return error == EOPNOTSUPP && !s ? 0 : error;
}

static bool
bars_offload(const struct dpif *dpif, const struct flow *flow)
{
    const struct dpif_ila_class *class = dpif_ila_class(dpif);

    return class && class->bars_offload && class->bars_offload(dpif, flow);
}

const struct dpif_extension dpif_ila_extension = {
    .name = "ila",
    .set_config = set_config,
    .port_set_config = port_set_config,
    .bars_offload = bars_offload,
};
