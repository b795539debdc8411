/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "test-vrf-common.h"

#include <linux/neighbour.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "flow.h"
#include "test-ports.h"
#include "unaligned.h"
#include "util.h"
#include "vrf-counters.h"
#include "vrf-dummy.h"

/* Events. */

struct vrf_event test_event;

void
test_apply(enum vrf_event_type type)
{
    test_event.type = type;
    vrf_db_apply(vrf_dummy_use(), &test_event);
    memset(&test_event, 0, sizeof test_event);
}

void
test_add_device(unsigned int port)
{
    test_event.link.ifindex = test_port_ifindex(port);
    test_event.link.mtu = 1500;
    test_event.link.up = test_event.link.running = true;
    snprintf(test_event.link.name, sizeof test_event.link.name, "t%u", port);
    test_apply(VRF_EVENT_LINK);
}

void
test_add_address(enum vrf_family family, unsigned int port,
                 struct vrf_addr addr)
{
    test_event.address.family = family;
    test_event.address.ifindex = test_port_ifindex(port);
    test_event.address.addr = addr;
    test_event.address.len = family == VRF_IPV4 ? 24 : 64;
    test_apply(VRF_EVENT_ADDRESS);
}

void
test_set_neighbour(enum vrf_family family, unsigned int port,
                   struct vrf_addr addr, struct eth_addr mac)
{
    test_event.neighbour.family = family;
    test_event.neighbour.ifindex = test_port_ifindex(port);
    test_event.neighbour.addr = addr;
    test_event.neighbour.state = NUD_REACHABLE;
    test_event.neighbour.mac = mac;
    test_apply(VRF_EVENT_NEIGHBOUR);
}

void
test_begin_route(enum vrf_family family, uint32_t table, struct vrf_addr addr,
                 uint8_t len, enum vrf_route_type type)
{
    test_event.route.family = family;
    test_event.route.table = table;
    test_event.route.prefix.addr = vrf_addr_cut(&addr, len);
    test_event.route.prefix.len = len;
    test_event.route.place = VRF_FIB_LAST;
    test_event.route.info.type = type;
}

void
test_set_hop(struct vrf_hop *hop, enum vrf_family family, unsigned int port,
             struct vrf_addr gateway)
{
    hop->gateway = gateway;
    hop->gateway_family = family;
    hop->ifindex = test_port_ifindex(port);
    hop->weight = 1;
}

void
test_add_hop(unsigned int port, struct vrf_addr gateway)
{
    struct vrf_event_route *route = &test_event.route;

    test_set_hop(&route->hops[route->n_hops++], route->family, port, gateway);
}

/* Packets. */

static const size_t ip_len[VRF_N_FAMILIES] = {
    [VRF_IPV4] = IP_HEADER_LEN,
    [VRF_IPV6] = IPV6_HEADER_LEN,
};

const char *const test_family_match[VRF_N_FAMILIES] = {
    [VRF_IPV4] = "eth_type(0x0800),ipv4(frag=no)",
    [VRF_IPV6] = "eth_type(0x86dd),ipv6(frag=no)",
};

/* Packets that are made are copies of these. */
static struct dp_packet *templates[VRF_N_FAMILIES];

void
test_make_templates(struct vrf_addr src4, struct vrf_addr src6)
{
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        struct flow flow;

        memset(&flow, 0, sizeof flow);
        flow.dl_type = htons(f == VRF_IPV4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);
        flow.nw_src = vrf_addr_to_ipv4(&src4);
        flow.ipv6_src = vrf_addr_to_ipv6(&src6);
        flow.nw_proto = IPPROTO_UDP;
        flow.nw_ttl = 64;
        templates[f] = dp_packet_new(0);
        flow_compose(templates[f], &flow, NULL, sizeof(struct test_tag));
    }
}

struct dp_packet *
test_make_packet(enum vrf_family family, const struct vrf_addr *dst,
                 uint8_t ttl, struct test_tag tag)
{
    struct dp_packet *packet = dp_packet_clone(templates[family]);
    uint8_t *l3 = dp_packet_l3(packet);

    if (family == VRF_IPV4) {
        struct ip_header *nh = dp_packet_l3(packet);

        put_16aligned_be32(&nh->ip_dst, vrf_addr_to_ipv4(dst));
        nh->ip_ttl = ttl;
        nh->ip_csum = 0;
        nh->ip_csum = csum(nh, sizeof *nh);
    } else {
        struct ovs_16aligned_ip6_hdr *nh = dp_packet_l3(packet);
        struct in6_addr ip = vrf_addr_to_ipv6(dst);

        memcpy(&nh->ip6_dst, &ip, sizeof ip);
        nh->ip6_hlim = ttl;
    }
    memcpy(l3 + ip_len[family] + UDP_HEADER_LEN, &tag, sizeof tag);
    return packet;
}

bool
test_get_tag(enum vrf_family family, const uint8_t *l3, size_t n,
             struct test_tag *tag)
{
    size_t len = ip_len[family];

    if (n < len + UDP_HEADER_LEN + sizeof *tag
        || l3[family == VRF_IPV4 ? 9 : 6] != IPPROTO_UDP) {
        return false;
    }
    memcpy(tag, l3 + len + UDP_HEADER_LEN, sizeof *tag);
    return true;
}

void
test_look_at(const struct dp_packet *packet, struct test_output *o)
{
    o->eth = dp_packet_data(packet);
    o->l3 = (const uint8_t *) (o->eth + 1);
    o->l3_size = dp_packet_size(packet) - sizeof *o->eth;
    if (o->eth->eth_type == htons(ETH_TYPE_IP)) {
        ovs_assert(o->l3_size >= IP_HEADER_LEN);
        ovs_assert(!csum(o->l3, IP_HEADER_LEN));
        o->family = VRF_IPV4;
        o->ttl = o->l3[8];
        o->proto = o->l3[9];
    } else {
        ovs_assert(o->eth->eth_type == htons(ETH_TYPE_IPV6));
        ovs_assert(o->l3_size >= IPV6_HEADER_LEN);
        o->family = VRF_IPV6;
        o->ttl = o->l3[7];
        o->proto = o->l3[6];
    }
    o->header_len = ip_len[o->family];
}

uint64_t
test_count(uint16_t vrf, enum vrf_family family, unsigned int counter)
{
    uint64_t counts[VRF_N_COUNTS];

    vrf_counters_get(vrf, family, counts);
    return counts[counter];
}
