/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of ICMP errors and of how many may be sent. */

#include <config.h>
#include "icmp-error.h"

#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command-line.h"
#include "csum.h"
#include "dp-packet.h"
#include "flow.h"
#include "icmp-limit.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"
#include "vrf-limit.h"

/* Prints what the error 'argv[1]' about the frame 'argv[4]', in hexadecimal,
 * is like, with MTU 'argv[2]', from 'argv[3]', or why there is none. */
static void
compose(struct ovs_cmdl_context *ctx)
{
    struct dp_packet *packet, *reply;
    struct in6_addr source;
    enum icmp_error error;
    const char *bars;
    ovs_be32 ip;
    int mtu;

    if (!icmp_error_from_name(ctx->argv[1], &error)) {
        ovs_fatal(0, "\"%s\" is no error", ctx->argv[1]);
    }
    if (ip_parse(ctx->argv[3], &ip)) {
        in6_addr_set_mapped_ipv4(&source, ip);
    } else if (!ipv6_parse(ctx->argv[3], &source)) {
        ovs_fatal(0, "\"%s\" is no address", ctx->argv[3]);
    }
    if (!str_to_int(ctx->argv[2], 10, &mtu)) {
        ovs_fatal(0, "\"%s\" is no number", ctx->argv[2]);
    }
    packet = dp_packet_new(0);
    if (dp_packet_put_hex(packet, ctx->argv[4], NULL)[0]) {
        ovs_fatal(0, "\"%s\" is no packet", ctx->argv[4]);
    }
    bars = icmp_error_bars(packet, error);
    if (bars) {
        printf("%s\n", bars);
    } else {
        reply = icmp_error_compose(packet, error, mtu, &source);
        for (size_t i = 0; i < dp_packet_size(reply); i++) {
            printf("%02x", ((uint8_t *) dp_packet_data(reply))[i]);
        }
        putchar('\n');
        dp_packet_delete(reply);
    }
    dp_packet_delete(packet);
}

/* That what is composed about 'packet' is what it ought to be, by the rules
 * and by Open vSwitch's parser. */
static void
check_reply(const struct dp_packet *packet, enum icmp_error error)
{
    struct in6_addr source = IN6ADDR_LOOPBACK_INIT;
    const struct eth_header *eth = dp_packet_data(packet);
    struct dp_packet *reply;
    const void *quoted;
    struct flow flow;
    size_t len;

    if (eth->eth_type == htons(ETH_TYPE_IP)) {
        in6_addr_set_mapped_ipv4(&source, htonl(0x0a000001));
    }
    reply = icmp_error_compose(packet, error, 1300, &source);
    flow_extract(reply, &flow);
    ovs_assert(eth_addr_equals(flow.dl_dst, eth->eth_src));
    ovs_assert(eth_addr_equals(flow.dl_src, eth->eth_dst));
    ovs_assert(icmp_error_bars(reply, error));
    if (flow.dl_type == htons(ETH_TYPE_IP)) {
        const struct ip_header *nh = dp_packet_l3(reply);
        const struct icmp_header *icmp = dp_packet_l4(reply);

        len = dp_packet_l4_size(reply);
        ovs_assert(dp_packet_l3_size(reply) <= 576);
        ovs_assert(flow.nw_src == htonl(0x0a000001));
        ovs_assert(!csum(nh, sizeof *nh));
        ovs_assert(!csum(icmp, len));
        ovs_assert(ntohs(nh->ip_tot_len) == dp_packet_l3_size(reply));
        ovs_assert((error == ICMP_ERROR_TOO_BIG) ==
               (icmp->icmp_fields.frag.mtu == htons(1300)));
        quoted = icmp + 1;
        len -= sizeof *icmp;
    } else {
        const struct ovs_16aligned_ip6_hdr *nh = dp_packet_l3(reply);
        const struct icmp6_data_header *icmp = dp_packet_l4(reply);

        len = dp_packet_l4_size(reply);
        ovs_assert(flow.dl_type == htons(ETH_TYPE_IPV6));
        ovs_assert(dp_packet_l3_size(reply) <= 1280);
        ovs_assert(flow.ipv6_src.s6_addr[15] == 1);
        ovs_assert(!packet_csum_upperlayer6(nh, icmp, IPPROTO_ICMPV6, len));
        ovs_assert((error == ICMP_ERROR_TOO_BIG) ==
               (get_16aligned_be32(icmp->icmp6_data.be32) == htonl(1300)));
        quoted = icmp + 1;
        len -= sizeof *icmp;
    }
    ovs_assert(!memcmp(quoted, memmem(dp_packet_data(packet),
                                  dp_packet_size(packet), quoted, len), len));
    dp_packet_delete(reply);
}

/* Any packet at all. */
static void
fuzz(struct ovs_cmdl_context *ctx)
{
    unsigned int n_answered = 0, n_barred = 0;
    int n;

    ovs_assert(str_to_int(ctx->argv[1], 10, &n));
    random_set_seed(1);
    for (int i = 0; i < n; i++) {
        static const uint16_t types[] = { 0x0800, 0x86dd, 0x8100, 0x0806 };
        size_t size = random_range(random_range(8) ? 200 : 1600);
        enum icmp_error error = random_range(N_ICMP_ERRORS);
        /* Exactly as much memory as it has bytes, for AddressSanitizer. */
        uint8_t *bytes = xmalloc(size ? size : 1);
        struct dp_packet packet;

        random_bytes(bytes, size);
        if (size > 12 && random_range(16)) {
            bytes[0] &= 0xfe;
        }
        if (size > 14) {
            uint16_t type = types[random_range(random_range(2) ? 2 : 4)];
            size_t at = 14;

            bytes[12] = type >> 8;
            bytes[13] = type;
            if (type == 0x8100 && size > 18) {
                bytes[16] = 0x86;
                bytes[17] = 0xdd;
                at = 18;
            }
            if (size > at) {
                bytes[at] = type == 0x0800 ? 0x45 + random_range(2) : 0x60;
            }
            if (size > at + 40 && random_range(2)) {
                static const uint8_t protos[] = {
                    1, 6, 58, 0, 43, 44, 51, 60
                };

                bytes[at + 2] = 0;
                bytes[at + 6] = bytes[at + 9]
                    = protos[random_range(ARRAY_SIZE(protos))];
            }
        }
        dp_packet_use_const(&packet, bytes, size);
        if (icmp_error_bars(&packet, error)) {
            n_barred++;
        } else {
            n_answered++;
            if (size > 14 && bytes[12] != 0x81) {
                check_reply(&packet, error);
            }
        }
        free(bytes);
    }
    ovs_assert(n_answered > n / 100 && n_barred > n / 100);
    printf("%d packets\n", n);
}

static long long int now = 1000000;   /* Milliseconds. */

static unsigned int
allowed(struct icmp_limit *limit, enum icmp_error error, uint32_t receiver,
        unsigned int n)
{
    struct in6_addr address;
    unsigned int count = 0;

    in6_addr_set_mapped_ipv4(&address, htonl(receiver));
    for (unsigned int i = 0; i < n; i++) {
        count += icmp_limit_allows(limit, error, &address, now);
    }
    return count;
}

static void
test_limit(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct icmp_limit limit;
    unsigned int n = 0;

    icmp_limit_init(&limit, now);

    /* One receiver: six, and one more each second. */
    ovs_assert(allowed(&limit, ICMP_ERROR_TTL, 1, 100) == 6);
    now += 999;
    ovs_assert(allowed(&limit, ICMP_ERROR_TTL, 1, 100) == 0);
    now += 1;
    ovs_assert(allowed(&limit, ICMP_ERROR_TTL, 1, 100) == 1);
    ovs_assert(limit.sent[ICMP_ERROR_TTL] == 7);
    ovs_assert(limit.suppressed[ICMP_ERROR_TTL] == 293);

    /* Those that it may not have are there for others: fifty at once. */
    now += 1000;
    ovs_assert(allowed(&limit, ICMP_ERROR_TTL, 1, 100000) == 1);
    for (uint32_t i = 2; i < 1000; i++) {
        n += allowed(&limit, ICMP_ERROR_NO_ROUTE, i, 1);
    }
    ovs_assert(n == 49);

    /* All: 1000 in a second. */
    n = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        if (!(i % 10)) {
            now += 1;
        }
        n += allowed(&limit, ICMP_ERROR_NO_ROUTE, 1000 + i, 1);
    }
    ovs_assert(n == 1000);
    ovs_assert(hmap_count(&limit.receivers) <= ICMP_LIMIT_MAX_RECEIVERS);

    /* MTUs have a limit of their own. */
    ovs_assert(allowed(&limit, ICMP_ERROR_TOO_BIG, 1, 5000) == 1000);
    now += 10;
    ovs_assert(allowed(&limit, ICMP_ERROR_TOO_BIG, 1, 5000) == 200);

    /* Receivers are forgotten, that of longest ago first. */
    for (uint32_t i = 0; i < 2 * ICMP_LIMIT_MAX_RECEIVERS; i++) {
        now += 1;
        ovs_assert(allowed(&limit, ICMP_ERROR_TTL, 0x10000 + i, 1) == 1);
    }
    ovs_assert(hmap_count(&limit.receivers) == ICMP_LIMIT_MAX_RECEIVERS);
    icmp_limit_destroy(&limit);
}

/* Threads that share the limit of a VRF. */
enum { N_THREADS = 4, N_ERRORS = 1000 };

static void *
send_errors(void *id_)
{
    const struct in6_addr receiver = { .s6_addr = { 1 } };
    const uint16_t *id = id_;
    unsigned int count = 0;

    for (unsigned int i = 0; i < N_ERRORS; i++) {
        count += vrf_limit_allows(*id, ICMP_ERROR_TOO_BIG, &receiver, now);
    }
    return (void *) (uintptr_t) count;
}

static void
test_vrf_limit(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static uint16_t ids[] = { 0, 1, UINT16_MAX };
    const struct in6_addr receiver = { .s6_addr = { 1 } };
    pthread_t threads[ARRAY_SIZE(ids)][N_THREADS];

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        for (size_t j = 0; j < N_THREADS; j++) {
            threads[i][j] = ovs_thread_create("errors", send_errors, &ids[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        unsigned int sum = 0;

        for (size_t j = 0; j < N_THREADS; j++) {
            void *count;

            xpthread_join(threads[i][j], &count);
            sum += (uintptr_t) count;
        }
        ovs_assert(sum == 1000);
    }
    ovs_assert(!vrf_limit_allows(1, ICMP_ERROR_TOO_BIG, &receiver, now));
    ovs_assert(vrf_limit_allows(2, ICMP_ERROR_TOO_BIG, &receiver, now));
    ovs_assert(vrf_limit_allows(1, ICMP_ERROR_TOO_BIG, &receiver, now + 1));
    for (unsigned int i = 0; i < 6; i++) {
        ovs_assert(vrf_limit_allows(1, ICMP_ERROR_TTL, &receiver, now + 1));
    }
    ovs_assert(!vrf_limit_allows(1, ICMP_ERROR_TTL, &receiver, now + 1));
    ovs_assert(vrf_limit_allows(2, ICMP_ERROR_TTL, &receiver, now + 1));
}

static void
test_icmp_error_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "compose", NULL, 4, 4, compose, OVS_RO },
        { "fuzz", NULL, 1, 1, fuzz, OVS_RO },
        { "limit", NULL, 0, 0, test_limit, OVS_RO },
        { "vrf-limit", NULL, 0, 0, test_vrf_limit, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-icmp-error", test_icmp_error_main);
