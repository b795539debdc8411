/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "bridge-extension.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "ila-config.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/vlog.h"
#include "ring-config.h"
#include "smap.h"
#include "util.h"
#include "vrf-config.h"
#include "xdp-config.h"

VLOG_DEFINE_THIS_MODULE(bridge_extension);

/* The registry: one line an extension.  The last place is for a test. */
static const struct bridge_extension *extensions[] = {
    &ila_bridge_extension,
#ifdef __linux__
    &ring_bridge_extension,
    &vrf_bridge_extension,
    &xdp_bridge_extension,
#endif
    NULL,
};

/* Calls FUNCTION of each extension that has it. */
#define CALL_EACH(FUNCTION, ...)                                        \
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {               \
        if (extensions[i] && extensions[i]->FUNCTION) {                 \
            extensions[i]->FUNCTION(__VA_ARGS__);                       \
        }                                                               \
    }

void
bridge_extensions_init(struct ovsdb_idl *idl)
{
    CALL_EACH(init, idl);
}

void
bridge_extensions_exit(bool cleanup)
{
    CALL_EACH(exit, cleanup);
}

void
bridge_extensions_check_interface(const struct ovsrec_interface *cfg,
                                  const char *type)
{
    CALL_EACH(check_interface, cfg, type);
}

int
bridge_extensions_bar_interface(const struct ovsrec_interface *cfg,
                                const char *type, int error, char **errp)
{
    for (size_t i = 0; !error && i < ARRAY_SIZE(extensions); i++) {
        char *reason = (extensions[i] && extensions[i]->bar_interface
                        ? extensions[i]->bar_interface(cfg, type) : NULL);

        if (reason) {
            error = EINVAL;
            if (errp) {
                static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

                VLOG_WARN_RL(&rl, "%s: %s", cfg->name, reason);
                *errp = reason;
            } else {
                free(reason);
            }
        }
    }
    return error;
}

bool
bridge_extensions_get_status(const struct ovsrec_interface *cfg,
                             struct smap *status)
{
    size_t n = smap_count(status);

    CALL_EACH(get_status, cfg, status);
    return smap_count(status) > n;
}

void
bridge_extensions_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    CALL_EACH(reconfigure, cfg);
}

/* Have extensions run since they waited last?  bridge_run() does not come to
 * them without a database, or while another ovs-vswitchd has it; who waited
 * for what only running ends would never sleep. */
static bool have_run;

void
bridge_extensions_run(void)
{
    CALL_EACH(run);
    have_run = true;
}

void
bridge_extensions_wait(void)
{
    if (have_run) {
        CALL_EACH(wait);
        have_run = false;
    }
}

void
bridge_extensions_get_memory_usage(struct simap *usage)
{
    CALL_EACH(get_memory_usage, usage);
}

void
bridge_extension_register_for_test(const struct bridge_extension *extension)
{
    extensions[ARRAY_SIZE(extensions) - 1] = extension;
}
