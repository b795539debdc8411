/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of tables of flows in memory that XDP programs read
 * (lib/xdp-slots.h), without a program. */

#include <config.h>
#undef NDEBUG
#include "xdp-slots.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"
#include "xdp-flow.h"

static void
slots_init(struct xdp_slots *s, enum ovs_xdp_shape shape, unsigned int n_flows)
{
    uint32_t n = xdp_slots_n_buckets(n_flows);

    s->n_words = xdp_shape_words(shape);
    s->bucket_mask = n - 1;
    s->buckets = xcalloc(n, xdp_slots_bucket_size(s->n_words));
}

static void
slots_uninit(struct xdp_slots *s)
{
    free(s->buckets);
}

static void
count_cb(const union ovs_xdp_key *key, const struct ovs_xdp_flow *flow,
         void *n_)
{
    size_t *n = n_;

    ovs_assert(key->words[0] && flow->port == key->words[1]);
    *n += 1;
}

static size_t
count(const struct xdp_slots *s)
{
    size_t n = 0;

    xdp_slots_for_each(s, count_cb, &n);
    return n;
}

static void
make_key(const struct xdp_slots *s, uint32_t value, union ovs_xdp_key *key)
{
    memset(key, 0, sizeof *key);
    key->head.mask = 1 + value % 3;
    for (size_t i = 1; i < s->n_words; i++) {
        key->words[i] = value;
    }
}

/* What is done at random is compared with an array. */
static void
test_random(enum ovs_xdp_shape shape, int n)
{
    enum { N_KEYS = 100 };
    bool retired[N_KEYS] = { false };
    uint64_t packets[N_KEYS];
    bool there[N_KEYS] = { false };
    unsigned int n_full = 0;
    struct xdp_slots s;
    size_t n_there = 0;

    slots_init(&s, shape, 20);
    for (int i = 0; i < n; i++) {
        uint32_t value = random_range(N_KEYS);
        struct ovs_xdp_flow *flow, copy;
        union ovs_xdp_key key;

        make_key(&s, value, &key);
        flow = xdp_slots_find(&s, &key);
        ovs_assert((flow != NULL) == there[value]);
        if (!flow) {
            const struct ovs_xdp_flow new = { .action = OVS_XDP_DROP,
                                              .port = value };
            int error = xdp_slots_insert(&s, &key, &new);

            ovs_assert(!error || error == E2BIG);
            n_full += error != 0;
            there[value] = !error;
            n_there += !error;
            retired[value] = false;
            packets[value] = 0;
            continue;
        }

        xdp_slots_read(flow, &copy);
        ovs_assert(copy.port == value && copy.n_packets == packets[value]);
        ovs_assert(copy.action == (retired[value] ? OVS_XDP_SOCKET
                                   : OVS_XDP_DROP));
        ovs_assert(xdp_slots_insert(&s, &key, &copy) == EEXIST);
        switch (random_range(4)) {
        case 0:
            xdp_slots_retire(flow);
            retired[value] = true;
            break;
        case 1:
            xdp_slots_remove(&s, flow);
            ovs_assert(!xdp_slots_find(&s, &key));
            there[value] = false;
            n_there--;
            break;
        default:
            flow->n_packets++;
            packets[value]++;
            break;
        }
        if (!(i % 100)) {
            ovs_assert(count(&s) == n_there);
        }
    }
    ovs_assert(n_full);
    slots_uninit(&s);
}

/* Nearly all of as many flows as there may be find room, whatever it is that
 * they differ in. */
static void
test_full(enum ovs_xdp_shape shape,
          void (*make)(union ovs_xdp_key *, uint32_t i))
{
    enum { N = 65536 + 1024 };
    bool *there = xcalloc(N, sizeof *there);
    uint32_t n_refused = 0;
    struct xdp_slots s;

    slots_init(&s, shape, N);
    for (uint32_t i = 0; i < N; i++) {
        struct ovs_xdp_flow flow = { .action = OVS_XDP_DROP, .port = i };
        union ovs_xdp_key key = { .head = { .mask = 1 } };

        make(&key, i);
        there[i] = !xdp_slots_insert(&s, &key, &flow);
        n_refused += !there[i];
    }
    ovs_assert(n_refused < N / 1000);
    for (uint32_t i = 0; i < N; i++) {
        union ovs_xdp_key key = { .head = { .mask = 1 } };
        const struct ovs_xdp_flow *flow;

        make(&key, i);
        flow = xdp_slots_find(&s, &key);
        ovs_assert(there[i] ? flow && flow->port == i : !flow);
    }
    slots_uninit(&s);
    free(there);
}

static void
make_sources(union ovs_xdp_key *key, uint32_t i)
{
    key->v4.ip.src = htonl(0x0a000000 + i);
}

static void
make_networks(union ovs_xdp_key *key, uint32_t i)
{
    key->v4.ip.src = htonl(i << 8);
}

static void
make_ports(union ovs_xdp_key *key, uint32_t i)
{
    key->head.nw_proto = IPPROTO_TCP;
    key->head.tp_src = htons(i);
    key->head.tp_dst = htons(i >> 16);
}

static void
make_hosts6(union ovs_xdp_key *key, uint32_t i)
{
    key->v6.ip.src[0] = htonll(UINT64_C(0x20010db8) << 32);
    key->v6.ip.src[1] = htonll(i);
}

static void
make_ethernet(union ovs_xdp_key *key, uint32_t i)
{
    key->v6.ether.src[1] = htons(i >> 16);
    key->v6.ether.src[2] = htons(i);
}

static void
test_xdp_slots_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    random_set_seed(1);
    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        test_random(i, 100000);
    }
    test_full(OVS_XDP_SHAPE_V4, make_sources);
    test_full(OVS_XDP_SHAPE_V4, make_networks);
    test_full(OVS_XDP_SHAPE_V4, make_ports);
    test_full(OVS_XDP_SHAPE_V6, make_hosts6);
    test_full(OVS_XDP_SHAPE_V6_ETH, make_ethernet);
    printf("slots: ok\n");
}

OVSTEST_REGISTER("test-xdp-slots", test_xdp_slots_main);
