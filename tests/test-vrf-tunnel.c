/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what is learned about the paths of tunnels in VRFs: reading what
 * ICMP errors quote, and keeping it. */

#include <config.h>
#undef NDEBUG
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "flow.h"
#include "icmp-error.h"
#include "netdev.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"
#include "vrf-pmtu.h"
#include "vrf-quote.h"
#include "vrf-tunnel.h"

static const struct in6_addr ours4 = {
    .s6_addr = { [10] = 0xff, 0xff, 192, 0, 2, 1 }
};
static const struct in6_addr far4 = {
    .s6_addr = { [10] = 0xff, 0xff, 192, 0, 2, 2 }
};
static const struct in6_addr router4 = {
    .s6_addr = { [10] = 0xff, 0xff, 192, 0, 2, 9 }
};
static const struct in6_addr ours6 = { .s6_addr = { 0x20, 1, [15] = 1 } };
static const struct in6_addr far6 = { .s6_addr = { 0x20, 1, [15] = 2 } };
static const struct in6_addr router6 = { .s6_addr = { 0x20, 1, [15] = 9 } };

/* Returns the frame of a tunnel with 'key', of UDP or of GRE. */
static struct dp_packet *
outer_frame(bool is_ipv6, bool is_gre, uint32_t key)
{
    struct dp_packet *p = dp_packet_new(1600);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.packet_type = htonl(PT_ETH);
    flow.dl_dst.ea[5] = 1;
    flow.dl_src.ea[5] = 2;
    flow.dl_type = htons(is_ipv6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_ttl = 64;
    flow.tp_src = htons(40000);
    flow.tp_dst = htons(4789);
    if (is_ipv6) {
        flow.ipv6_src = ours6;
        flow.ipv6_dst = far6;
    } else {
        flow.nw_src = in6_addr_get_mapped_ipv4(&ours4);
        flow.nw_dst = in6_addr_get_mapped_ipv4(&far4);
    }
    flow_compose(p, &flow, NULL, 1400);
    if (is_gre) {
        const uint8_t gre[8] = { 0x20, 0, 0x65, 0x58, key >> 24, key >> 16,
                                 key >> 8, key };

        memcpy(dp_packet_l4(p), gre, sizeof gre);
        ((uint8_t *) dp_packet_l3(p))[is_ipv6 ? 6 : 9] = IPPROTO_GRE;
    } else {
        const uint8_t vxlan[8] = { 8, 0, 0, 0, key >> 24, key >> 16, key >> 8,
                                   key };

        memcpy((char *) dp_packet_l4(p) + UDP_HEADER_LEN, vxlan,
               sizeof vxlan);
    }
    return p;
}

/* Returns what a router says about 'frame', which is freed. */
static struct dp_packet *
icmp_about(struct dp_packet *frame, bool is_ipv6, uint32_t mtu)
{
    struct dp_packet *error = icmp_error_compose(frame, ICMP_ERROR_TOO_BIG,
                                                 mtu, is_ipv6 ? &router6
                                                 : &router4);

    dp_packet_delete(frame);
    dp_packet_set_l3(error, (char *) dp_packet_data(error) + ETH_HEADER_LEN);
    return error;
}

/* Each packet as it is, cut off at each length, and with each byte changed at
 * random. */
static void
test_quote(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int i = 0; i < 4; i++) {
        bool is_ipv6 = i & 1;
        bool is_gre = i & 2;
        uint32_t key = 0x123456 << 8 | (is_gre ? 0x78 : 0);
        struct dp_packet *error
            = icmp_about(outer_frame(is_ipv6, is_gre, key), is_ipv6, 1300);
        size_t size = dp_packet_size(error);
        size_t min = (is_ipv6 ? 2 * IPV6_HEADER_LEN : 2 * IP_HEADER_LEN)
                     + ETH_HEADER_LEN + ICMP_HEADER_LEN;
        struct vrf_quote q;

        ovs_assert(!vrf_quote_parse(error, &q));
        ovs_assert(q.mtu == 1300 && q.key == key && q.has_key);
        ovs_assert(q.vni == 0x123456);
        ovs_assert(ipv6_addr_equals(&q.src, is_ipv6 ? &ours6 : &ours4));
        ovs_assert(ipv6_addr_equals(&q.dst, is_ipv6 ? &far6 : &far4));
        ovs_assert(ipv6_addr_equals(&q.receiver, &q.src));
        ovs_assert(q.proto == (is_gre ? IPPROTO_GRE : IPPROTO_UDP));
        ovs_assert(is_gre || (q.sport == 40000 && q.dport == 4789));
        ovs_assert(q.len > 1400);

        for (size_t n = ETH_HEADER_LEN; n <= size; n++) {
            /* In memory that ends where the packet does. */
            struct dp_packet cut;
            void *memory = xmemdup(dp_packet_data(error), n);
            const char *why;

            dp_packet_use_const(&cut, memory, n);
            cut.l3_ofs = ETH_HEADER_LEN;
            why = vrf_quote_parse(&cut, &q);
            ovs_assert(n < min ? why != NULL : !why);
            ovs_assert(n >= min || !q.has_key);
            ovs_assert(why || q.has_key == (n >= min + (is_gre ? 8 : 16)));
            free(memory);
        }
        for (int j = 0; j < 100000; j++) {
            size_t ofs = ETH_HEADER_LEN + random_range(min + 16
                                                       - ETH_HEADER_LEN);
            uint8_t *byte = (uint8_t *) dp_packet_data(error) + ofs;
            uint8_t old = *byte;

            *byte = random_uint32();
            vrf_quote_parse(error, &q);
            *byte = old;
        }
        dp_packet_delete(error);
    }
    ovs_assert(vrf_quote_plateau(1500) == 1492);
    ovs_assert(vrf_quote_plateau(1492) == 1006);
    ovs_assert(vrf_quote_plateau(68) == 68);
}

static void
test_pmtu(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct in6_addr dst = far4;
    long long int now = 1000;

    vrf_pmtu_init();
    ovs_assert(!vrf_pmtu_find(1, &dst, 10, now));

    /* For one VRF, destination and route. */
    ovs_assert(vrf_pmtu_learn(1, &dst, 10, 1500, 1300, now));
    ovs_assert(vrf_pmtu_find(1, &dst, 10, now) == 1300);
    ovs_assert(!vrf_pmtu_find(2, &dst, 10, now));
    ovs_assert(!vrf_pmtu_find(1, &ours4, 10, now));
    ovs_assert(!vrf_pmtu_find(1, &dst, 11, now));

    /* Never more, never more than the route has, never less than a link. */
    ovs_assert(!vrf_pmtu_learn(1, &dst, 10, 1500, 1400, now));
    ovs_assert(!vrf_pmtu_learn(1, &dst, 10, 1300, 1300, now));
    ovs_assert(vrf_pmtu_find(1, &dst, 10, now) == 1300);
    ovs_assert(vrf_pmtu_learn(1, &dst, 10, 1500, 1, now));
    ovs_assert(vrf_pmtu_find(1, &dst, 10, now) == VRF_PMTU_MIN_IPV4);
    ovs_assert(vrf_pmtu_learn(1, &far6, 10, 1500, 1, now));
    ovs_assert(vrf_pmtu_find(1, &far6, 10, now) == VRF_PMTU_MIN_IPV6);
    ovs_assert(!vrf_pmtu_learn(1, &ours6, 10, 1280, 1, now));

    /* Another route begins anew. */
    ovs_assert(vrf_pmtu_learn(1, &dst, 11, 1500, 1400, now));
    ovs_assert(vrf_pmtu_find(1, &dst, 11, now) == 1400);
    ovs_assert(vrf_pmtu_run(now) && !vrf_pmtu_run(now));

    /* What is told again stays longer. */
    now += VRF_PMTU_LIFETIME - 1;
    ovs_assert(!vrf_pmtu_run(now));
    ovs_assert(!vrf_pmtu_learn(1, &dst, 11, 1500, 1400, now));
    now++;
    ovs_assert(!vrf_pmtu_find(1, &far6, 10, now));
    ovs_assert(vrf_pmtu_run(now));
    ovs_assert(vrf_pmtu_find(1, &dst, 11, now) == 1400);
    now += VRF_PMTU_LIFETIME;
    ovs_assert(!vrf_pmtu_find(1, &dst, 11, now));
    ovs_assert(vrf_pmtu_run(now) && !vrf_pmtu_run(now));
    ovs_assert(!vrf_pmtu_flush());

    /* Bounded: the oldest ones go. */
    for (int i = 0; i < VRF_PMTU_MAX + 10; i++) {
        dst.s6_addr[14] = i >> 8;
        dst.s6_addr[15] = i;
        ovs_assert(vrf_pmtu_learn(1 + i % 2, &dst, 1, 1500, 1300, now));
    }
    ovs_assert(vrf_pmtu_find(1 + (VRF_PMTU_MAX + 9) % 2, &dst, 1, now));
    dst.s6_addr[14] = 0;
    dst.s6_addr[15] = 9;
    ovs_assert(!vrf_pmtu_find(2, &dst, 1, now));
    dst.s6_addr[15] = 10;
    ovs_assert(vrf_pmtu_find(1, &dst, 1, now));
    ovs_assert(vrf_pmtu_flush_vrf(1) == VRF_PMTU_MAX / 2);
    ovs_assert(!vrf_pmtu_find(1, &dst, 1, now));
    ovs_assert(vrf_pmtu_flush() == VRF_PMTU_MAX / 2);
}

static void
test_name(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const struct {
        const char *type;
        uint16_t dst_port, vrf;
        const char *name;
    } names[] = {
        { "vxlan_sys", 4789, 7, "vxlan_4789:7" },
        { "vxlan_sys", 65535, 999, "vxlan_65535:999" },
        { "vxlan_sys", 65535, 1000, "vxl_65535:1000" },
        { "vxlan_sys", 65535, 65534, "vxl_65535:65534" },
        { "genev_sys", 6081, 65534, "gen_6081:65534" },
        { "gtpu_sys", 65535, 65534, "gtp_65535:65534" },
        { "gre_sys", 0, 65534, "gre:65534" },
        { "vxlan_sys", 4789, VRF_TUNNEL_FLOW, "vxlan_4789:flow" },
        { "vxlan_sys", 65535, VRF_TUNNEL_FLOW, "vxl_65535:flow" },
        { "gre_sys", 0, VRF_TUNNEL_FLOW, "gre:flow" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct netdev_tunnel_config cfg = {
            .dst_port = htons(names[i].dst_port), .vrf = names[i].vrf,
        };
        char name[IFNAMSIZ];

        vrf_tunnel_port_name(names[i].type, &cfg, name, sizeof name);
        ovs_assert(!strcmp(name, names[i].name));
        ovs_assert(vrf_tunnel_port_vrf(name) == names[i].vrf);
        ovs_assert(vrf_tunnel_port_dst_port(name, 1) == names[i].dst_port);
    }
    ovs_assert(!vrf_tunnel_port_vrf("vxlan_sys_4789"));
    ovs_assert(vrf_tunnel_port_dst_port("vxlan_sys_4789", 1) == 1);
}

static void
test_vrf_tunnel_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        { "quote", NULL, 0, 0, test_quote, OVS_RO },
        { "pmtu", NULL, 0, 0, test_pmtu, OVS_RO },
        { "name", NULL, 0, 0, test_name, OVS_RO },
        { NULL, NULL, 0, 0, NULL, OVS_RO },
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-tunnel", test_vrf_tunnel_main);
