/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "ring-upcall-config.h"

#include <string.h>

#include "dpif-extension.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "smap.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_upcall_config);

#define MIN_UPCALL_KB 128
#define MAX_UPCALL_KB 65536
#define DEFAULT_UPCALL_KB 1024

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* The bad size that was logged last, or NULL if it was good or missing since:
 * the configuration is read again whenever anything in the database
 * changes. */
static char *logged_size OVS_GUARDED_BY(mutex);

/* Logs that 'value' is bad, null if it is good. */
static void
log_bad_size(const char *value)
{
    ovs_mutex_lock(&mutex);
    if (!nullable_string_is_equal(logged_size, value)) {
        if (value) {
            VLOG_WARN("other_config:ring-upcall-size: \"%s\" is not a power "
                      "of two from %d to %d; taking %d", value, MIN_UPCALL_KB,
                      MAX_UPCALL_KB, DEFAULT_UPCALL_KB);
        }
        free(logged_size);
        logged_size = nullable_xstrdup(value);
    }
    ovs_mutex_unlock(&mutex);
}

static bool
parse_upcall_size(const char *s, uint32_t *kb)
{
    unsigned int n;

    /* str_to_uint() takes blanks and signs, too. */
    if (s[strspn(s, "0123456789")] || !str_to_uint(s, 10, &n)
        || n < MIN_UPCALL_KB || n > MAX_UPCALL_KB || !is_pow2(n)) {
        return false;
    }
    *kb = n;
    return true;
}

void
ring_upcall_config_init(struct ring_upcall_config *config)
{
    config->enable = RING_AUTO;
    config->upcall_kb = DEFAULT_UPCALL_KB;
}

void
ring_upcall_config_from_smap(const struct smap *other_config,
                             struct ring_upcall_config *config)
{
    const char *enable = smap_get_def(other_config, "ring-enable", "auto");
    const char *size = smap_get(other_config, "ring-upcall-size");
    bool good;

    ring_upcall_config_init(config);
    config->enable = (!strcmp(enable, "on") ? RING_ON
                      : !strcmp(enable, "off") ? RING_OFF : RING_AUTO);
    good = !size || parse_upcall_size(size, &config->upcall_kb);
    log_bad_size(good ? NULL : size);
}

static int
set_config(struct dpif *dpif, const struct smap *other_config)
{
    const struct dpif_ring_class *class = dpif_extension_classes(dpif)->ring;

    if (class) {
        struct ring_upcall_config config;

        ring_upcall_config_from_smap(other_config, &config);
        class->set_config(dpif, &config);
    }
    return 0;
}

const struct dpif_extension dpif_ring_extension = {
    .name = "ring",
    .set_config = set_config,
};
