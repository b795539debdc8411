/* SPDX-License-Identifier: Apache-2.0 */

/* Tests what the set actions do to transport checksums: complete and partial
 * ones, and those in fragments. */

#include <config.h>
#undef NDEBUG
#include "odp-execute.h"

#include <inttypes.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command-line.h"
#include "dp-packet.h"
#include "netlink.h"
#include "odp-execute-private.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"

/* How far the sender got with the checksum. */
enum state {
    COMPLETE,
    PARTIAL,                    /* Checksum offload. */
    PARTIAL_TSO,                /* Segmentation offload alone. */
    N_STATES
};

enum fragment { NO_FRAGMENT, ATOMIC, FIRST, LATER };

struct sample {
    struct dp_packet packet;
    bool ipv6;
    uint8_t proto;
    enum state state;
    enum fragment fragment;
    uint8_t rest[24];           /* The payload in the other fragments. */
    size_t rest_len;
};

/* The implementation of the actions under test. */
static struct odp_execute_action_impl *impl;

static void
random_fill(void *p_, size_t n)
{
    uint8_t *p = p_;

    random_bytes(p, n);
    for (size_t i = 0; i < n; i++) {
        /* The zeros of one's complement need many of these. */
        p[i] = random_range(4) ? p[i] : random_range(2) ? 0xff : 0;
    }
}

/* The checksum of RFC 1071 as arithmetic modulo 65535, to have nothing in
 * common with lib/csum.c. */
static uint64_t
sum_words(const void *p_, size_t n)
{
    const uint8_t *p = p_;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : p[i] * 256;
    }
    return sum % 65535;
}

static size_t
l4_len(const struct sample *s)
{
    return dp_packet_l4_size(&s->packet);
}

static uint64_t
sum_pseudo(const struct sample *s)
{
    const uint8_t *l3 = dp_packet_l3(&s->packet);
    uint64_t addrs = (s->ipv6 ? sum_words(l3 + 8, 32)
                      : sum_words(l3 + 12, 8));

    return (addrs + l4_len(s) + s->rest_len + s->proto) % 65535;
}

static uint64_t
sum_l4(const struct sample *s)
{
    return (sum_words(dp_packet_l4(&s->packet), l4_len(s))
            + sum_words(s->rest, s->rest_len)) % 65535;
}

static uint8_t *
csum_field(const struct sample *s)
{
    uint8_t *l4 = dp_packet_l4(&s->packet);

    return &l4[s->proto == IPPROTO_TCP ? 16 : s->proto == IPPROTO_UDP ? 6
               : s->proto == IPPROTO_ICMPV6 ? 2 : 8];
}

static unsigned int
get16(const uint8_t *p)
{
    return p[0] * 256 + p[1];
}

static void
put16(uint8_t *p, unsigned int x)
{
    p[0] = x / 256;
    p[1] = x % 256;
}

static void
sample_init(struct sample *s, bool ipv6, uint8_t proto, enum state state,
            enum fragment fragment)
{
    size_t l3_len = ipv6 ? 40 + (fragment != NO_FRAGMENT ? 8 : 0) : 20;
    size_t size = (proto == IPPROTO_TCP ? 20 : 12) + 2 * random_range(30);
    struct dp_packet *p = &s->packet;
    uint8_t *l3, *l4;

    s->ipv6 = ipv6;
    s->proto = proto;
    s->state = state;
    s->fragment = fragment;
    s->rest_len = fragment == FIRST ? sizeof s->rest : 0;
    random_fill(s->rest, sizeof s->rest);

    dp_packet_init(p, 0);
    dp_packet_reserve(p, 2);
    dp_packet_put_zeros(p, ETH_HEADER_LEN);
    dp_packet_reset_packet(p, 0);
    l3 = dp_packet_put_uninit(p, l3_len);
    dp_packet_set_l3(p, l3);
    l4 = dp_packet_put_uninit(p, size);
    dp_packet_set_l4(p, l4);
    l3 = dp_packet_l3(p);

    random_fill(l3, l3_len);
    random_fill(l4, size);
    if (ipv6) {
        l3[0] = 0x60;
        put16(&l3[4], l3_len - 40 + size);
        l3[6] = proto;
        if (fragment != NO_FRAGMENT) {
            l3[6] = IPPROTO_FRAGMENT;
            l3[40] = proto;
            put16(&l3[42], fragment == ATOMIC ? 0 : fragment == FIRST ? 1
                           : 8 << random_range(13));
        }
    } else {
        l3[0] = 0x45;
        put16(&l3[2], l3_len + size);
        put16(&l3[6], 0);
        l3[9] = proto;
        put16(&l3[10], 0);
        put16(&l3[10], 65535 - sum_words(l3, 20));
    }
    if (proto == IPPROTO_TCP) {
        l4[12] = 0x50;          /* No options. */
    }

    if (fragment == LATER) {
        return;
    }
    put16(csum_field(s), 0);
    if (state == COMPLETE) {
        put16(csum_field(s),
              65535 - (sum_pseudo(s) + sum_l4(s)) % 65535);
        return;
    }

    put16(csum_field(s), sum_pseudo(s));
    if (ipv6) {
        dp_packet_hwol_set_tx_ipv6(p);
    } else {
        dp_packet_hwol_set_tx_ipv4(p);
    }
    if (state == PARTIAL_TSO) {
        dp_packet_hwol_set_tcp_seg(p);
    } else if (proto == IPPROTO_TCP) {
        dp_packet_hwol_set_csum_tcp(p);
    } else if (proto == IPPROTO_UDP) {
        dp_packet_hwol_set_csum_udp(p);
    } else if (proto == IPPROTO_SCTP) {
        dp_packet_hwol_set_csum_sctp(p);
    }
}

static void
sample_uninit(struct sample *s)
{
    dp_packet_uninit(&s->packet);
}

/* Would the receiver of 's' accept its checksums, after the device has
 * finished what is partial? */
static bool
sample_verifies(const struct sample *s)
{
    const uint8_t *l3 = dp_packet_l3(&s->packet);

    if (!s->ipv6 && sum_words(l3, 20)) {
        return false;
    }
    if (s->state == COMPLETE) {
        return ((sum_pseudo(s) + sum_l4(s)) % 65535 == 0
                && (s->proto != IPPROTO_UDP || get16(csum_field(s))));
    }
    return get16(csum_field(s)) % 65535 == sum_pseudo(s);
}

/* Executes a masked set of 'size' bytes of 'type', 'mask' following 'key'. */
static void
set_masked(struct sample *s, uint16_t type, const void *key_and_mask,
           size_t size)
{
    struct dp_packet_batch batch;
    struct ofpbuf actions;
    size_t ofs;

    ofpbuf_init(&actions, 0);
    ofs = nl_msg_start_nested(&actions, OVS_ACTION_ATTR_SET_MASKED);
    nl_msg_put_unspec(&actions, type, key_and_mask, size);
    nl_msg_end_nested(&actions, ofs);
    dp_packet_batch_init_packet(&batch, &s->packet);
    impl->funcs[OVS_ACTION_ATTR_SET_MASKED](&batch, actions.data);
    ofpbuf_uninit(&actions);
}

/* Sets random bits of both addresses of 's'. */
static void
set_addresses(struct sample *s)
{
    if (s->ipv6) {
        struct ovs_key_ipv6 km[2];

        memset(km, 0, sizeof km);
        random_fill(&km[1].ipv6_src, sizeof km[1].ipv6_src);
        random_fill(&km[1].ipv6_dst, sizeof km[1].ipv6_dst);
        random_fill(&km[0].ipv6_src, sizeof km[0].ipv6_src);
        random_fill(&km[0].ipv6_dst, sizeof km[0].ipv6_dst);
        for (int i = 0; i < 16; i++) {
            km[0].ipv6_src.s6_addr[i] &= km[1].ipv6_src.s6_addr[i];
            km[0].ipv6_dst.s6_addr[i] &= km[1].ipv6_dst.s6_addr[i];
        }
        set_masked(s, OVS_KEY_ATTR_IPV6, km, sizeof km);
    } else {
        struct ovs_key_ipv4 km[2];

        memset(km, 0, sizeof km);
        random_fill(&km[1].ipv4_src, sizeof km[1].ipv4_src);
        random_fill(&km[1].ipv4_dst, sizeof km[1].ipv4_dst);
        km[0].ipv4_src = random_uint32() & km[1].ipv4_src;
        km[0].ipv4_dst = random_uint32() & km[1].ipv4_dst;
        set_masked(s, OVS_KEY_ATTR_IPV4, km, sizeof km);
    }
}

/* Sets both ports of 's', TCP, UDP or SCTP. */
static void
set_ports(struct sample *s)
{
    ovs_be16 key_and_mask[4];

    random_fill(key_and_mask, 4);
    memset(&key_and_mask[2], 0xff, 4);
    set_masked(s, (s->proto == IPPROTO_TCP ? OVS_KEY_ATTR_TCP
                   : s->proto == IPPROTO_UDP ? OVS_KEY_ATTR_UDP
                   : OVS_KEY_ATTR_SCTP),
               key_and_mask, sizeof key_and_mask);
    ovs_assert(!memcmp(dp_packet_l4(&s->packet), key_and_mask, 4));
}

/* Runs 'test' with the implementation of the actions named 'name'.  Exits with
 * status 77 if this machine does not have it. */
static void
with_implementation(const char *name, void (*test)(void))
{
    odp_execute_init();
    impl = odp_execute_action_set(name);
    if (!impl || !impl->available) {
        fprintf(stderr, "%s: not available\n", name);
        exit(77);
    }
    random_set_seed(1);
    test();
    printf("%s: ok\n", name);
}

enum { N_SAMPLES = 2000 };

static void
fail(const struct sample *s, const char *what)
{
    static const char *states[N_STATES] = { "complete", "partial", "TSO" };

    ovs_fatal(0, "IPv%d, protocol %"PRIu8", %s, fragment type %d: %s",
              s->ipv6 ? 6 : 4, s->proto, states[s->state], s->fragment, what);
}

static void
check_partial(void)
{
    static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

    for (int i = 0; i < N_SAMPLES; i++) {
        for (int k = 0; k < 2 * 2 * N_STATES; k++) {
            uint8_t proto = protos[k & 1];
            enum state state = k >> 2;
            struct sample s;

            if (state == PARTIAL_TSO && proto != IPPROTO_TCP) {
                continue;
            }
            sample_init(&s, k & 2, proto, state, NO_FRAGMENT);
            ovs_assert(sample_verifies(&s));
            set_addresses(&s);
            if (!sample_verifies(&s)) {
                fail(&s, "wrong checksum after change of address");
            }
            set_ports(&s);
            if (!sample_verifies(&s)) {
                fail(&s, "wrong checksum after change of port");
            }
            sample_uninit(&s);
        }
    }

    /* A partial UDP checksum of 0 is a sum, not the absence of one. */
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct sample s;
        unsigned int sum;

        sample_init(&s, ipv6, IPPROTO_UDP, PARTIAL, NO_FRAGMENT);
        put16(csum_field(&s), 0);
        set_ports(&s);
        if (get16(csum_field(&s))) {
            fail(&s, "field 0 changed with the port");
        }
        sum = sum_pseudo(&s);
        set_addresses(&s);
        if (get16(csum_field(&s)) % 65535
            != (sum_pseudo(&s) + 65535 - sum) % 65535) {
            fail(&s, "field 0 not changed with the address");
        }
        sample_uninit(&s);

        /* No UDP checksum at all. */
        sample_init(&s, ipv6, IPPROTO_UDP, COMPLETE, NO_FRAGMENT);
        put16(csum_field(&s), 0);
        set_addresses(&s);
        set_ports(&s);
        if (get16(csum_field(&s))) {
            fail(&s, "absent checksum changed");
        }
        sample_uninit(&s);

        /* SCTP has no pseudo-header, and its CRC is the device's. */
        sample_init(&s, ipv6, IPPROTO_SCTP, PARTIAL, NO_FRAGMENT);
        memset(csum_field(&s), 0, 4);
        set_addresses(&s);
        set_ports(&s);
        if (!is_all_zeros(csum_field(&s), 4)) {
            fail(&s, "SCTP checksum changed");
        }
        sample_uninit(&s);
    }
}

static void
check_fragments(void)
{
    static const uint8_t protos[] = {
        IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6
    };

    for (int i = 0; i < N_SAMPLES; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(protos); j++) {
            uint8_t before[128];
            struct sample s;

            for (int fragment = NO_FRAGMENT; fragment <= FIRST; fragment++) {
                sample_init(&s, true, protos[j], COMPLETE, fragment);
                ovs_assert(sample_verifies(&s));
                set_addresses(&s);
                if (!sample_verifies(&s)) {
                    fail(&s, "wrong checksum after change of address");
                }
                sample_uninit(&s);
            }

            sample_init(&s, true, protos[j], COMPLETE, LATER);
            memcpy(before, dp_packet_l4(&s.packet), l4_len(&s));
            set_addresses(&s);
            if (memcmp(before, dp_packet_l4(&s.packet), l4_len(&s))) {
                fail(&s, "payload changed");
            }
            sample_uninit(&s);
        }
    }
}

static void
test_partial(struct ovs_cmdl_context *ctx)
{
    with_implementation(ctx->argv[1], check_partial);
}

static void
test_fragments(struct ovs_cmdl_context *ctx)
{
    with_implementation(ctx->argv[1], check_fragments);
}

static const struct ovs_cmdl_command commands[] = {
    { "partial", "IMPLEMENTATION", 1, 1, test_partial, OVS_RO },
    { "fragments", "IMPLEMENTATION", 1, 1, test_fragments, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_set_field_csum_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-set-field-csum", test_set_field_csum_main);
