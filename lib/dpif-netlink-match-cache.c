/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "dpif-netlink-match-cache.h"

#include <errno.h>
#include <string.h>

#include "dpif-extension.h"
#include "flow-match-cache.h"
#include "genl-family.h"
#include "netlink-socket.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

static struct genl_family family
    = GENL_FAMILY_INITIALIZER(OVS_MATCH_CACHE_FAMILY);

/* Sends a request with 'cmd' and, if 'config' is nonnull, with what is in it.
 * Returns 0 if successful, then with the answer in '*replyp' if 'replyp' is
 * nonnull, for the caller to delete; EOPNOTSUPP if the kernel has no such
 * cache; or another positive errno value. */
static int
transact(int dp_ifindex, enum ovs_match_cache_cmd cmd,
         const struct flow_match_cache_config *config, struct ofpbuf **replyp)
{
    /* The number changes if the module is loaded anew. */
    for (int i = 0; i < 2; i++) {
        int number = genl_family_get(&family, dp_ifindex,
                                     "flow match cache");
        struct ovs_header *header;
        struct ofpbuf request;
        int error;

        if (!number) {
            break;
        }

        ofpbuf_init(&request, 128);
        nl_msg_put_genlmsghdr(&request, 0, number, NLM_F_REQUEST, cmd,
                              OVS_MATCH_CACHE_VERSION);
        header = ofpbuf_put_uninit(&request, sizeof *header);
        header->dp_ifindex = dp_ifindex;
        if (config) {
            nl_msg_put_u32(&request, OVS_MATCH_CACHE_ATTR_POLICY,
                           config->policy);
            nl_msg_put_u64(&request, OVS_MATCH_CACHE_ATTR_MAX_BYTES,
                           config->max_bytes);
        }
        error = nl_transact(NETLINK_GENERIC, &request, replyp);
        ofpbuf_uninit(&request);
        if (error != ENOENT) {
            return error;
        }
        genl_family_forget(&family, number);
    }
    return EOPNOTSUPP;
}

static int
get(int dp_ifindex, struct flow_match_cache_stats *stats)
{
    static const struct nl_policy policy[] = {
        [OVS_MATCH_CACHE_ATTR_POLICY] = { .type = NL_A_U32 },
        [OVS_MATCH_CACHE_ATTR_MAX_BYTES] = { .type = NL_A_U64 },
        [OVS_MATCH_CACHE_ATTR_HITS] = { .type = NL_A_U64 },
        [OVS_MATCH_CACHE_ATTR_MISSES] = { .type = NL_A_U64 },
        [OVS_MATCH_CACHE_ATTR_ENTRIES] = { .type = NL_A_U64 },
        [OVS_MATCH_CACHE_ATTR_BYTES] = { .type = NL_A_U64 },
        [OVS_MATCH_CACHE_ATTR_EVICTIONS] = { .type = NL_A_U64 },
    };
    struct nlattr *a[ARRAY_SIZE(policy)];
    struct ofpbuf *reply;
    int error;

    error = transact(dp_ifindex, OVS_MATCH_CACHE_CMD_GET, NULL, &reply);
    if (error) {
        return error;
    }
    if (nl_policy_parse(reply, NLMSG_HDRLEN + GENL_HDRLEN
                        + sizeof(struct ovs_header),
                        policy, a, ARRAY_SIZE(policy))) {
        stats->present = true;
        stats->config.policy = nl_attr_get_u32(a[OVS_MATCH_CACHE_ATTR_POLICY]);
        stats->config.max_bytes
            = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_MAX_BYTES]);
        stats->n_hits = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_HITS]);
        stats->n_misses = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_MISSES]);
        stats->n_entries = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_ENTRIES]);
        stats->n_bytes = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_BYTES]);
        stats->n_evictions
            = nl_attr_get_u64(a[OVS_MATCH_CACHE_ATTR_EVICTIONS]);
    } else {
        error = EPROTO;
    }
    ofpbuf_delete(reply);
    return error;
}

static int
netlink_match_cache_set_config(struct dpif *dpif,
                               const struct flow_match_cache_config *config)
{
    int dp_ifindex = dpif_netlink_get_dp_ifindex(dpif);
    struct flow_match_cache_stats now;
    int error;

    /* Called whenever anything in the database changes. */
    error = get(dp_ifindex, &now);
    if (!error && (now.config.policy != config->policy
                   || now.config.max_bytes != config->max_bytes)) {
        error = transact(dp_ifindex, OVS_MATCH_CACHE_CMD_SET, config, NULL);
    }
    return error == EOPNOTSUPP ? 0 : error;
}

static void
netlink_match_cache_get_stats(const struct dpif *dpif,
                              struct flow_match_cache_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    get(dpif_netlink_get_dp_ifindex(dpif), stats);
}

const struct dpif_match_cache_class dpif_netlink_match_cache_class = {
    .set_config = netlink_match_cache_set_config,
    .get_stats = netlink_match_cache_get_stats,
};
