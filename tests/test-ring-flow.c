/* SPDX-License-Identifier: Apache-2.0 */

/* Flows in records of a ring: what was encoded comes back, and nothing that
 * anybody may have written leads beyond the record. */

#include <config.h>
#undef NDEBUG

#include "ring-flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dpif-flow-text.h"
#include "fuzz-actions.h"
#include "fuzz-flow.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static const struct odp_support support = {
    .max_vlan_headers = SIZE_MAX,
    .max_mpls_depth = SIZE_MAX,
    .recirc = true,
};

static struct ofpbuf key, mask, actions;

/* A random flow, the attributes of which are valid until the next one. */
static void
make_flow(struct dpif_flow *f)
{
    static const char *const layers[] = { NULL, "ovs", "tc", "dpdk" };
    static const char *const extras[] = { NULL, "a", "miniflow_bits(5,1)" };
    struct flow_wildcards wc;
    struct flow flow;
    struct odp_flow_key_parms parms = {
        .flow = &flow,
        .mask = &wc.masks,
        .support = support,
    };

    fuzz_flow(&flow, random_range(FUZZ_N_KINDS), random_range(FUZZ_N_TUNNELS),
              random_range(3));
    fuzz_wildcards(&flow, &wc);
    ofpbuf_clear(&key);
    ofpbuf_clear(&mask);
    ofpbuf_clear(&actions);
    odp_flow_key_from_flow(&parms, &key);
    parms.key_buf = &key;
    odp_flow_key_from_mask(&parms, &mask);
    fuzz_actions(&actions, &key, 1);

    memset(f, 0, sizeof *f);
    f->key = key.data;
    f->key_len = key.size;
    f->mask = mask.data;
    f->mask_len = random_range(8) ? mask.size : 0;
    f->actions = actions.data;
    f->actions_len = actions.size;
    random_bytes(&f->ufid, sizeof f->ufid);
    f->ufid_present = random_range(4);
    f->pmd_id = random_range(4) ? random_uint32() : NON_PMD_CORE_ID;
    f->stats.n_packets = random_uint64();
    f->stats.n_bytes = random_uint64();
    f->stats.used = random_range(4) ? random_uint32() : 0;
    f->stats.tcp_flags = random_uint32();
    f->attrs.offloaded = random_range(2);
    f->attrs.dp_layer = layers[random_range(ARRAY_SIZE(layers))];
    f->attrs.dp_extra_info = extras[random_range(ARRAY_SIZE(extras))];
}

static bool
same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

static bool
same_string(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void
check_same_stats(const struct dpif_flow *a, const struct dpif_flow *b)
{
    ovs_assert(ovs_u128_equals(a->ufid, b->ufid));
    ovs_assert(a->ufid_present == b->ufid_present);
    ovs_assert(a->pmd_id == b->pmd_id);
    ovs_assert(a->stats.n_packets == b->stats.n_packets);
    ovs_assert(a->stats.n_bytes == b->stats.n_bytes);
    ovs_assert(a->stats.used == b->stats.used);
    ovs_assert(a->stats.tcp_flags == b->stats.tcp_flags);
    ovs_assert(a->attrs.offloaded == b->attrs.offloaded);
}

static void
check_same_text(const struct dpif_flow *a, const struct dpif_flow *b)
{
    struct ds a_s = DS_EMPTY_INITIALIZER;
    struct ds b_s = DS_EMPTY_INITIALIZER;

    dpif_flow_text(&a_s, a, NULL, true, 12345);
    dpif_flow_text(&b_s, b, NULL, true, 12345);
    ovs_assert(!strcmp(ds_cstr(&a_s), ds_cstr(&b_s)));
    ds_destroy(&a_s);
    ds_destroy(&b_s);
}

static void *
encode(const struct dpif_flow *f, size_t *size)
{
    void *payload;

    *size = ring_flow_size(f);
    ovs_assert(!(*size % 4));
    payload = xmalloc(*size);
    memset(payload, 0xcc, *size);
    ring_flow_encode(f, payload);
    return payload;
}

static void
run_round_trip(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int i = 0; i < 5000; i++) {
        struct ovs_ring_flow_stats stats;
        struct dpif_flow f, g;
        struct ring_flow rf;
        size_t size;
        void *payload, *again;

        make_flow(&f);
        payload = encode(&f, &size);
        ovs_assert(!ring_flow_decode(&rf, payload, size));
        check_same_stats(&f, &rf.flow);
        ovs_assert(same_bytes(f.key, f.key_len, rf.flow.key, rf.flow.key_len));
        ovs_assert(same_bytes(f.mask, f.mask_len, rf.flow.mask,
                              rf.flow.mask_len));
        ovs_assert(same_bytes(f.actions, f.actions_len, rf.flow.actions,
                              rf.flow.actions_len));
        ovs_assert(same_string(f.attrs.dp_layer, rf.flow.attrs.dp_layer));
        ovs_assert(same_string(f.attrs.dp_extra_info,
                               rf.flow.attrs.dp_extra_info));
        check_same_text(&f, &rf.flow);

        /* No copy was made, and no padding is left to chance. */
        ovs_assert((const char *) rf.flow.key
                   == (const char *) payload + sizeof(struct ovs_ring_flow));
        again = encode(&rf.flow, &size);
        ovs_assert(!memcmp(payload, again, size));

        ring_flow_stats_encode(&f, &stats);
        ovs_assert(!ring_flow_stats_decode(&g, &stats, sizeof stats));
        check_same_stats(&f, &g);
        ovs_assert(!g.key && !g.attrs.dp_layer);
        ovs_assert(!(stats.flags & OVS_RING_FLOW_PARTIAL)
                   == !(f.attrs.offloaded && f.attrs.dp_layer
                        && !strcmp(f.attrs.dp_layer, "ovs")));
        free(payload);
        free(again);
    }
    printf("round trip: ok\n");
}

/* Strings that are too long are cut off. */
static void
run_strings(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    char longest[RING_FLOW_MAX_EXTRA + 10];
    struct ring_flow rf;
    struct dpif_flow f;
    void *payload;
    size_t size;

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    make_flow(&f);
    f.attrs.dp_layer = longest;
    f.attrs.dp_extra_info = longest;
    payload = encode(&f, &size);
    ovs_assert(!ring_flow_decode(&rf, payload, size));
    ovs_assert(strlen(rf.flow.attrs.dp_layer) == RING_FLOW_MAX_LAYER);
    ovs_assert(strlen(rf.flow.attrs.dp_extra_info) == RING_FLOW_MAX_EXTRA);
    free(payload);

    f.attrs.dp_layer = f.attrs.dp_extra_info = "";
    payload = encode(&f, &size);
    ovs_assert(!ring_flow_decode(&rf, payload, size));
    ovs_assert(!rf.flow.attrs.dp_layer && !rf.flow.attrs.dp_extra_info);
    free(payload);
    printf("strings: ok\n");
}

/* Decodes a copy of 'size' bytes that has nothing behind it, and writes its
 * text. */
static int
decode_exactly(const void *payload, size_t size)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *copy = xmalloc(MAX(size, 1));
    struct ring_flow rf;
    int error;

    memcpy(copy, payload, size);
    error = ring_flow_decode(&rf, copy, size);
    ovs_assert(!error || error == EPROTO);
    if (!error) {
        const struct dpif_flow *f = &rf.flow;
        const char *end = copy + size;

        ovs_assert(!f->key_len || (const char *) f->key + f->key_len <= end);
        ovs_assert(!f->mask_len
                   || (const char *) f->mask + f->mask_len <= end);
        ovs_assert(!f->actions_len
                   || (const char *) f->actions + f->actions_len <= end);
        dpif_flow_text(&ds, f, NULL, true, random_uint64());
    }
    free(copy);
    ds_destroy(&ds);
    return error;
}

static void
run_truncated(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int i = 0; i < 50; i++) {
        struct ovs_ring_flow_stats stats;
        struct dpif_flow f, g;
        size_t size, used;
        void *payload;

        make_flow(&f);
        payload = encode(&f, &size);
        used = (f.attrs.dp_extra_info
                ? size - ROUND_UP(strlen(f.attrs.dp_extra_info), 4)
                  + strlen(f.attrs.dp_extra_info)
                : f.attrs.dp_layer
                ? size - ROUND_UP(strlen(f.attrs.dp_layer), 4)
                  + strlen(f.attrs.dp_layer)
                : size);
        for (size_t n = 0; n <= size; n++) {
            /* The last padding may lack. */
            ovs_assert(!decode_exactly(payload, n) == (n >= used));
        }
        ring_flow_stats_encode(&f, &stats);
        for (size_t n = 0; n < sizeof stats; n++) {
            ovs_assert(ring_flow_stats_decode(&g, &stats, n) == EPROTO);
        }
        free(payload);
    }
    printf("truncated: ok\n");
}

/* Lengths that lie. */
static void
run_malicious(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t lies[] = {
        1, 3, 0x7fffffff, 0x80000000, 0xffff, 0x10000, 0xfffffffc, 0xfffffffd,
        0xffffffff,
    };
    unsigned int n_refused = 0, n_taken = 0;

    for (int i = 0; i < 5000; i++) {
        struct ovs_ring_flow *header;
        struct dpif_flow f;
        size_t size;

        make_flow(&f);
        header = encode(&f, &size);
        for (int n = 1 + random_range(2); n > 0; n--) {
            uint32_t lie = (random_range(2) ? lies[random_range(
                                                  ARRAY_SIZE(lies))]
                            : random_range(size + 8));

            switch (random_range(5)) {
            case 0:
                header->key_len = lie;
                break;
            case 1:
                header->mask_len = lie;
                break;
            case 2:
                header->actions_len = lie;
                break;
            case 3:
                header->layer_len = lie;
                break;
            case 4:
                header->extra_len = lie;
                break;
            }
        }
        if (decode_exactly(header, size)) {
            n_refused++;
        } else {
            n_taken++;
        }

        /* And bytes that do. */
        for (int n = random_range(8); n > 0; n--) {
            ((uint8_t *) header)[random_range(size)] = random_uint32();
        }
        decode_exactly(header, size);
        free(header);
    }
    ovs_assert(n_refused > 500 && n_taken > 500);

    /* No part is longer than all. */
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        struct ovs_ring_flow header;

        memset(&header, 0, sizeof header);
        ovs_assert(!decode_exactly(&header, sizeof header));
        header.actions_len = lies[i];
        ovs_assert(decode_exactly(&header, sizeof header) == EPROTO);
        header.key_len = -lies[i];
        ovs_assert(decode_exactly(&header, sizeof header) == EPROTO);
    }
    printf("malicious: ok\n");
}

static void
test_ring_flow_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "round-trip", NULL, 0, 0, run_round_trip, OVS_RO },
        { "strings", NULL, 0, 0, run_strings, OVS_RO },
        { "truncated", NULL, 0, 0, run_truncated, OVS_RO },
        { "malicious", NULL, 0, 0, run_malicious, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    random_set_seed(1);
    ofpbuf_init(&key, 1024);
    ofpbuf_init(&mask, 1024);
    ofpbuf_init(&actions, 1024);
    flow_limit_vlans(0);
    ovs_cmdl_run_command(&ctx, commands);
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
}

OVSTEST_REGISTER("test-ring-flow", test_ring_flow_main);
