/* SPDX-License-Identifier: Apache-2.0 */

/* Tests how the tunnel of a mask is encoded: a flow without tunnel has its
 * mask encoded without a look at its key, to the same bytes. */

#include <config.h>
#undef NDEBUG

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz-flow.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

static const struct odp_support support = {
    .max_vlan_headers = SIZE_MAX,
    .max_mpls_depth = SIZE_MAX,
    .recirc = true,
    .ct_state = true,
    .ct_zone = true,
    .ct_mark = true,
    .ct_label = true,
    .ct_orig_tuple = true,
    .ct_orig_tuple6 = true,
};

static void
encode_mask(const struct flow *flow, const struct flow_wildcards *wc,
            const struct ofpbuf *key, struct ofpbuf *mask)
{
    struct odp_flow_key_parms parms = {
        .flow = flow,
        .mask = &wc->masks,
        .support = support,
        .key_buf = CONST_CAST(struct ofpbuf *, key),
    };

    odp_flow_key_from_mask(&parms, mask);
}

/* A mask for tunnels on a flow that may have none, as "tun_id=0" makes it. */
static void
fuzz_tunnel_mask(struct flow_wildcards *wc)
{
    uint8_t *p = (uint8_t *) &wc->masks.tunnel;

    for (int n = random_range(4); n > 0; n--) {
        p[random_range(offsetof(struct flow_tnl, metadata))] = random_uint32();
    }
}

/* The encoder has to look into the key of a flow with a tunnel, so that it
 * must come to the same result for a flow that differs in that alone. */
static void
check_bytes(enum fuzz_flow_kind kind, enum fuzz_flow_tunnel tunnel)
{
    struct flow_wildcards wc;
    struct ofpbuf key, mask, expected;
    struct flow flow, tunnelled;
    struct odp_flow_key_parms parms = {
        .flow = &flow,
        .mask = &wc.masks,
        .support = support,
    };

    fuzz_flow(&flow, kind, tunnel, random_range(3));
    fuzz_wildcards(&flow, &wc);
    fuzz_tunnel_mask(&wc);
    ofpbuf_init(&key, 512);
    ofpbuf_init(&mask, 512);
    ofpbuf_init(&expected, 512);
    odp_flow_key_from_flow(&parms, &key);
    encode_mask(&flow, &wc, &key, &mask);

    tunnelled = flow;
    tunnelled.tunnel.ip_dst = htonl(1);
    encode_mask(&tunnelled, &wc, &key, &expected);
    ovs_assert(mask.size == expected.size);
    ovs_assert(!memcmp(mask.data, expected.data, mask.size));

    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&expected);
}

/* A key that whoever reads it dies of. */
static void
check_key_is_not_read(void)
{
    size_t size = 4096;
    void *page = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    struct ofpbuf key, mask;
    struct flow_wildcards wc;
    struct flow flow;

    ovs_assert(page != MAP_FAILED);
    ofpbuf_use_const(&key, page, size);
    ofpbuf_init(&mask, 512);
    for (enum fuzz_flow_kind kind = 0; kind < FUZZ_N_KINDS; kind++) {
        fuzz_flow(&flow, kind, FUZZ_NO_TUNNEL, 0);
        fuzz_wildcards(&flow, &wc);
        encode_mask(&flow, &wc, &key, &mask);
    }
    ofpbuf_uninit(&mask);
    munmap(page, size);
}

static void
test_tunnel_mask_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    enum { N_ROUNDS = 500 };

    random_set_seed(1);
    for (int i = 0; i < N_ROUNDS; i++) {
        for (enum fuzz_flow_kind kind = 0; kind < FUZZ_N_KINDS; kind++) {
            for (enum fuzz_flow_tunnel t = 0; t < FUZZ_N_TUNNELS; t++) {
                check_bytes(kind, t);
            }
        }
    }
    printf("%d masks: ok\n", N_ROUNDS * FUZZ_N_KINDS * FUZZ_N_TUNNELS);
    fflush(stdout);
    check_key_is_not_read();
    printf("key is not read: ok\n");
}

OVSTEST_REGISTER("test-tunnel-mask", test_tunnel_mask_main);
