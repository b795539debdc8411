/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-flow.h"

#include <errno.h>
#include <string.h>

#include "util.h"

BUILD_ASSERT_DECL(sizeof(struct ovs_ring_flow_stats) == 48);
BUILD_ASSERT_DECL(sizeof(struct ovs_ring_flow) == 64);
BUILD_ASSERT_DECL(MEMBER_SIZEOF(struct ovs_ring_flow_stats, ufid)
                  == sizeof(ovs_u128));
BUILD_ASSERT_DECL(PMD_ID_NULL == INT32_MAX && NON_PMD_CORE_ID == UINT32_MAX);

static size_t
length(const char *s, size_t max)
{
    return s ? strnlen(s, max) : 0;
}

static size_t
padded(size_t n)
{
    return ROUND_UP(n, 4);
}

size_t
ring_flow_size(const struct dpif_flow *f)
{
    return (sizeof(struct ovs_ring_flow)
            + padded(f->key_len) + padded(f->mask_len)
            + padded(f->actions_len)
            + padded(length(f->attrs.dp_layer, RING_FLOW_MAX_LAYER))
            + padded(length(f->attrs.dp_extra_info, RING_FLOW_MAX_EXTRA)));
}

void
ring_flow_stats_encode(const struct dpif_flow *f,
                       struct ovs_ring_flow_stats *stats)
{
    const char *layer = f->attrs.dp_layer;

    memcpy(stats->ufid, &f->ufid, sizeof stats->ufid);
    stats->n_packets = f->stats.n_packets;
    stats->n_bytes = f->stats.n_bytes;
    stats->used = f->stats.used;
    stats->pmd_id = f->pmd_id;
    stats->tcp_flags = f->stats.tcp_flags;
    stats->flags = f->ufid_present ? 0 : OVS_RING_FLOW_NO_UFID;
    if (f->attrs.offloaded) {
        stats->flags |= OVS_RING_FLOW_OFFLOADED;
        if (layer && !strcmp(layer, "ovs")) {
            stats->flags |= OVS_RING_FLOW_PARTIAL;
        }
    }
}

static char *
put(char *p, const void *data, size_t n)
{
    if (n) {
        memcpy(p, data, n);
        memset(p + n, 0, padded(n) - n);
    }
    return p + padded(n);
}

void
ring_flow_encode(const struct dpif_flow *f, void *payload)
{
    const char *layer = f->attrs.dp_layer;
    const char *extra = f->attrs.dp_extra_info;
    struct ovs_ring_flow header;
    char *p = payload;

    ring_flow_stats_encode(f, &header.stats);
    header.key_len = f->key_len;
    header.mask_len = f->mask_len;
    header.actions_len = f->actions_len;
    header.layer_len = length(layer, RING_FLOW_MAX_LAYER);
    header.extra_len = length(extra, RING_FLOW_MAX_EXTRA);

    p = put(p, &header, sizeof header);
    p = put(p, f->key, header.key_len);
    p = put(p, f->mask, header.mask_len);
    p = put(p, f->actions, header.actions_len);
    p = put(p, layer, header.layer_len);
    put(p, extra, header.extra_len);
}

static void
decode_stats(struct dpif_flow *f, const struct ovs_ring_flow_stats *stats)
{
    memset(f, 0, sizeof *f);
    memcpy(&f->ufid, stats->ufid, sizeof f->ufid);
    f->ufid_present = !(stats->flags & OVS_RING_FLOW_NO_UFID);
    f->stats.n_packets = stats->n_packets;
    f->stats.n_bytes = stats->n_bytes;
    f->stats.used = stats->used;
    f->stats.tcp_flags = stats->tcp_flags;
    f->pmd_id = stats->pmd_id;
    f->attrs.offloaded = (stats->flags & OVS_RING_FLOW_OFFLOADED) != 0;
}

int
ring_flow_stats_decode(struct dpif_flow *f, const void *payload, size_t size)
{
    struct ovs_ring_flow_stats stats;

    if (size < sizeof stats) {
        return EPROTO;
    }
    memcpy(&stats, payload, sizeof stats);
    decode_stats(f, &stats);
    return 0;
}

/* Takes 'n' bytes from the '*left' at '*p', and their padding as far as there
 * is any.  Returns false if there are not that many. */
static bool
take(const char **p, size_t *left, size_t n, const void **start)
{
    if (n > *left) {
        return false;
    }
    *start = n ? *p : NULL;
    n += MIN(-n % 4, *left - n);
    *p += n;
    *left -= n;
    return true;
}

int
ring_flow_decode(struct ring_flow *rf, const void *payload, size_t size)
{
    const void *key, *mask, *actions, *layer, *extra;
    struct ovs_ring_flow header;
    const char *p = payload;

    if (size < sizeof header || (uintptr_t) payload % 4) {
        return EPROTO;
    }
    memcpy(&header, payload, sizeof header);
    p += sizeof header;
    size -= sizeof header;
    if (header.layer_len > RING_FLOW_MAX_LAYER
        || header.extra_len > RING_FLOW_MAX_EXTRA
        || !take(&p, &size, header.key_len, &key)
        || !take(&p, &size, header.mask_len, &mask)
        || !take(&p, &size, header.actions_len, &actions)
        || !take(&p, &size, header.layer_len, &layer)
        || !take(&p, &size, header.extra_len, &extra)) {
        return EPROTO;
    }

    decode_stats(&rf->flow, &header.stats);
    rf->flow.key = key;
    rf->flow.key_len = header.key_len;
    rf->flow.mask = mask;
    rf->flow.mask_len = header.mask_len;
    rf->flow.actions = actions;
    rf->flow.actions_len = header.actions_len;
    if (layer) {
        memcpy(rf->layer, layer, header.layer_len);
        rf->layer[header.layer_len] = '\0';
        rf->flow.attrs.dp_layer = rf->layer;
    }
    if (extra) {
        memcpy(rf->extra, extra, header.extra_len);
        rf->extra[header.extra_len] = '\0';
        rf->flow.attrs.dp_extra_info = rf->extra;
    }
    return 0;
}
