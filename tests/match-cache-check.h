/* SPDX-License-Identifier: Apache-2.0 */

#ifndef MATCH_CACHE_CHECK_H
#define MATCH_CACHE_CHECK_H 1

/* Part of dpif-netdev-ext.h in match-cache-check.c.
 *
 * In every dump, terse or full, and whatever the policy is configured to be,
 * each flow's match is cached as under "eager" and compared with what encoding
 * the flow yields at that moment.  The program is aborted if they differ.
 * When it ends, the number of comparisons with a match that had been cached by
 * an earlier dump is appended to the file that the environment variable
 * MATCH_CACHE_CHECK_LOG names. */

#include <stdio.h>
#include <stdlib.h>

static atomic_count n_match_cache_checks = ATOMIC_COUNT_INIT(0);

static void
write_match_cache_checks(void)
{
    const char *name = getenv("MATCH_CACHE_CHECK_LOG");
    FILE *stream = name ? fopen(name, "a") : NULL;

    if (stream) {
        fprintf(stream, "%u\n", atomic_count_get(&n_match_cache_checks));
        fclose(stream);
    }
}

OVS_CONSTRUCTOR(init_match_cache_check) {
    atexit(write_match_cache_checks);
}

static void
check_cached_match(struct netdev_match_dump *dump, const struct dp_netdev *dp,
                   struct dp_netdev_flow *netdev_flow)
{
    struct odputil_keybuf keybuf, maskbuf;
    struct netdev_match match, encoded;
    struct ofpbuf key, mask;
    struct dpif_flow flow;
    bool cached;

    ofpbuf_use_stack(&key, &keybuf, sizeof keybuf);
    ofpbuf_use_stack(&mask, &maskbuf, sizeof maskbuf);
    dp_netdev_flow_to_dpif_flow(dp, netdev_flow, &key, &mask, &flow, false);
    encoded.key = flow.key;
    encoded.key_len = flow.key_len;
    encoded.mask = flow.mask;
    encoded.mask_len = flow.mask_len;

    cached = netdev_match_dump_get(dump, &netdev_flow->match_slot, &match);
    if (match_encoding() != dump->encoding) {
        return;
    }
    if (!cached) {
        netdev_match_dump_put(dump, &netdev_flow->match_slot, &encoded);
        if (!netdev_match_dump_get(dump, &netdev_flow->match_slot, &match)) {
            return;
        }
    }
    if (match.key_len != encoded.key_len
        || memcmp(match.key, encoded.key, match.key_len)
        || match.mask_len != encoded.mask_len
        || memcmp(match.mask, encoded.mask, match.mask_len)) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        odp_flow_format(encoded.key, encoded.key_len,
                        encoded.mask, encoded.mask_len, NULL, &ds, true);
        ds_put_cstr(&ds, "\nbut in the match cache it is\n");
        odp_flow_format(match.key, match.key_len,
                        match.mask, match.mask_len, NULL, &ds, true);
        ovs_abort(0, "%s", ds_cstr(&ds));
    }
    if (cached) {
        atomic_count_inc(&n_match_cache_checks);
    }
}

static void
checked_dump_flow(struct netdev_match_dump *dump, const struct dp_netdev *dp,
                  struct dp_netdev_flow *netdev_flow,
                  struct ofpbuf *key_buf, struct ofpbuf *mask_buf,
                  struct dpif_flow *flow, bool terse)
{
    dump->policy = OVS_MATCH_CACHE_EAGER;
    check_cached_match(dump, dp, netdev_flow);
    dump_flow(dump, dp, netdev_flow, key_buf, mask_buf, flow, terse);
}

#define dump_flow checked_dump_flow

#endif /* match-cache-check.h */
