/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-extension.h"

#include "dpif-ila.h"
#include "dpif-provider.h"
#include "flow-match-cache.h"
#include "odp-extension.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "ring-upcall-config.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_extension);

/* The registry: one line an extension.  The last place is for a test. */
static const struct dpif_extension *extensions[] = {
    &dpif_match_cache_extension,
    &dpif_ila_extension,
    &dpif_ring_extension,
    NULL,
};

int
dpif_extensions_set_config(struct dpif *dpif, const struct smap *cfg)
{
    int first_error = 0;

    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->set_config) {
            int error = extensions[i]->set_config(dpif, cfg);

            if (error) {
                static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

                VLOG_WARN_RL(&rl, "%s: failed to configure %s (%s)",
                             dpif_name(dpif), extensions[i]->name,
                             ovs_strerror(error));
            }
            first_error = first_error ? first_error : error;
        }
    }
    return first_error;
}

int
dpif_extensions_port_set_config(struct dpif *dpif, odp_port_t port_no,
                                const struct smap *cfg)
{
    int first_error = 0;

    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->port_set_config) {
            int error = extensions[i]->port_set_config(dpif, port_no, cfg);

            first_error = first_error ? first_error : error;
        }
    }
    return first_error;
}

bool
dpif_extensions_bar_offload(const struct dpif *dpif, const struct flow *flow)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->bars_offload) {
            if (extensions[i]->bars_offload(dpif, flow)) {
                return true;
            }
        }
    }
    return false;
}

void
dpif_extensions_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i] && extensions[i]->get_stats) {
            extensions[i]->get_stats(dpif, stats);
        }
    }
}

void
dpif_extensions_execute(struct dpif *dpif, struct dp_packet_batch *batch,
                        const struct nlattr *a, bool steal)
{
    const struct dpif_extension_classes *classes;

    classes = dpif_extension_classes(dpif);
    if (classes->execute) {
        classes->execute(dpif, batch, a, steal);
    } else {
        odp_extension_execute_slow(dpif, batch, a, steal);
    }
}

const struct dpif_extension_classes *
dpif_extension_classes(const struct dpif *dpif)
{
    static const struct dpif_extension_classes none = { .execute = NULL };
    const struct dpif_extension_classes *classes;

    classes = dpif->dpif_class->extensions;
    return classes ? classes : &none;
}

DEFINE_STATIC_PER_THREAD_DATA(bool, wants_ring_dumps, false);

void
dpif_want_ring_dumps(bool wanted)
{
    *wants_ring_dumps_get() = wanted;
}

bool
dpif_wants_ring_dumps(void)
{
    return *wants_ring_dumps_get();
}

void
dpif_extension_register_for_test(const struct dpif_extension *extension)
{
    extensions[ARRAY_SIZE(extensions) - 1] = extension;
}
