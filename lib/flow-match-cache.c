/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "flow-match-cache.h"

#include <string.h>

#include "dpif-extension.h"
#include "dpif.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "simap.h"
#include "smap.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_match_cache);

#define DEFAULT_POLICY OVS_MATCH_CACHE_LAZY
#define DEFAULT_MAX_MB 64

/* More than a machine has; the product in bytes is far from overflowing. */
#define MAX_MAX_MB (1024 * 1024)

/* A key of other_config.  'bad' is the bad value that was logged last, or NULL
 * if the value was good or missing since: the configuration is read again
 * whenever anything in the database changes, and by each type of datapath. */
struct key {
    const char *name;
    const char *expected;
    char *bad;
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct key policy_key OVS_GUARDED_BY(mutex) = {
    .name = "flow-match-cache",
    .expected = "\"off\", \"lazy\" or \"eager\"; taking \"lazy\"",
};
static struct key max_mb_key OVS_GUARDED_BY(mutex) = {
    .name = "flow-match-cache-max-mb",
    .expected = "a number from 0 to 1048576; taking 64",
};

static void
key_is_good(struct key *key)
{
    free(key->bad);
    key->bad = NULL;
}

static void
key_is_bad(struct key *key, const char *value)
{
    if (!nullable_string_is_equal(key->bad, value)) {
        VLOG_WARN("other_config:%s: \"%s\" is not %s",
                  key->name, value, key->expected);
        free(key->bad);
        key->bad = xstrdup(value);
    }
}

static bool
parse_policy(const char *s, enum ovs_match_cache_policy *policy)
{
    static const char *const names[] = {
        [OVS_MATCH_CACHE_OFF] = "off",
        [OVS_MATCH_CACHE_LAZY] = "lazy",
        [OVS_MATCH_CACHE_EAGER] = "eager",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s, names[i])) {
            *policy = i;
            return true;
        }
    }
    return false;
}

static bool
parse_max_mb(const char *s, unsigned int *max_mb)
{
    /* str_to_uint() takes blanks and signs, too. */
    return s[strspn(s, "0123456789")] == '\0'
           && str_to_uint(s, 10, max_mb)
           && *max_mb <= MAX_MAX_MB;
}

void
flow_match_cache_config_init(struct flow_match_cache_config *config)
{
    config->policy = DEFAULT_POLICY;
    config->max_bytes = (uint64_t) DEFAULT_MAX_MB << 20;
}

void
flow_match_cache_config_from_smap(const struct smap *other_config,
                                  struct flow_match_cache_config *config)
{
    unsigned int max_mb;
    const char *s;

    flow_match_cache_config_init(config);
    ovs_mutex_lock(&mutex);

    s = smap_get(other_config, policy_key.name);
    if (!s || parse_policy(s, &config->policy)) {
        key_is_good(&policy_key);
    } else {
        key_is_bad(&policy_key, s);
    }

    s = smap_get(other_config, max_mb_key.name);
    if (!s) {
        key_is_good(&max_mb_key);
    } else if (parse_max_mb(s, &max_mb)) {
        config->max_bytes = (uint64_t) max_mb << 20;
        key_is_good(&max_mb_key);
    } else {
        key_is_bad(&max_mb_key, s);
    }

    ovs_mutex_unlock(&mutex);
}

void
flow_match_cache_get_memory_usage(const struct dpif *dpif, struct simap *usage)
{
    struct dpif_dp_stats stats;

    if (!dpif_get_dp_stats(dpif, &stats) && stats.match_cache.present
        && stats.match_cache.n_entries) {
        simap_increase(usage, "match-cache-entries",
                       stats.match_cache.n_entries);
        simap_increase(usage, "match-cache-kB",
                       DIV_ROUND_UP(stats.match_cache.n_bytes, 1024));
    }
}

static int
set_config(struct dpif *dpif, const struct smap *other_config)
{
    const struct dpif_match_cache_class *class;
    struct flow_match_cache_config config;

    class = dpif_extension_classes(dpif)->match_cache;
    if (!class) {
        return 0;
    }
    flow_match_cache_config_from_smap(other_config, &config);
    return class->set_config(dpif, &config);
}

static void
get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
    const struct dpif_match_cache_class *class;

    stats->match_cache.present = false;
    class = dpif_extension_classes(dpif)->match_cache;
    if (class) {
        class->get_stats(dpif, &stats->match_cache);
    }
}

const struct dpif_extension dpif_match_cache_extension = {
    .name = "match cache",
    .set_config = set_config,
    .get_stats = get_stats,
};
