/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-limit.h"

#include "hash.h"
#include "icmp-limit.h"
#include "openvswitch/hmap.h"
#include "ovs-thread.h"
#include "util.h"

/* Of one VRF.  What is there stays, as numbers of VRFs do. */
struct limit {
    struct hmap_node node;      /* In 'limits', by 'id'. */
    uint16_t id;
    struct icmp_limit limit;
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct hmap limits OVS_GUARDED_BY(mutex) = HMAP_INITIALIZER(&limits);

static struct icmp_limit *
get_limit(uint16_t id, long long int now)
    OVS_REQUIRES(mutex)
{
    uint32_t hash = hash_int(id, 0);
    struct limit *limit;

    HMAP_FOR_EACH_WITH_HASH (limit, node, hash, &limits) {
        if (limit->id == id) {
            return &limit->limit;
        }
    }
    limit = xmalloc(sizeof *limit);
    limit->id = id;
    icmp_limit_init(&limit->limit, now);
    hmap_insert(&limits, &limit->node, hash);
    return &limit->limit;
}

bool
vrf_limit_allows(uint16_t id, enum icmp_error error,
                 const struct in6_addr *receiver, long long int now)
{
    bool allowed;

    ovs_mutex_lock(&mutex);
    allowed = icmp_limit_allows(get_limit(id, now), error, receiver, now);
    ovs_mutex_unlock(&mutex);
    return allowed;
}
