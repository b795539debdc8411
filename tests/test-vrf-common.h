/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TEST_VRF_COMMON_H
#define TEST_VRF_COMMON_H 1

/* Routing databases and packets of tests of the action vrf(), whose ports are
 * those of test-ports.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packets.h"
#include "vrf-addr.h"
#include "vrf-db.h"

struct dp_packet;
struct eth_header;

/* Addresses, and networks with a number in them. */
#define TEST_IPV4(A, B, C, D)                                               \
    vrf_addr_from_ipv4(htonl((uint32_t) (A) << 24 | (B) << 16 | (C) << 8    \
                             | (D)))
#define TEST_IPV6(NET, HOST)                                                \
    ((struct vrf_addr) { UINT64_C(0x20010db800000000) | (NET), HOST })

/* Events.  The next one is zeros at first; applying it to the dummy database
 * makes it that again. */

extern struct vrf_event test_event;
void test_apply(enum vrf_event_type);

/* The device of port 'n', with MTU 1500. */
void test_add_device(unsigned int n);
void test_add_address(enum vrf_family, unsigned int port, struct vrf_addr);

/* Applies the event, which may be one that it goes, of a neighbour. */
void test_set_neighbour(enum vrf_family, unsigned int port, struct vrf_addr,
                        struct eth_addr);

/* Fills in the event of a route, and adds a hop, directly connected if the
 * gateway is zeros. */
void test_begin_route(enum vrf_family, uint32_t table, struct vrf_addr,
                      uint8_t len, enum vrf_route_type);
void test_add_hop(unsigned int port, struct vrf_addr gateway);
void test_set_hop(struct vrf_hop *, enum vrf_family, unsigned int port,
                  struct vrf_addr gateway);

/* Packets of UDP, which say what the test wants to know. */

struct test_tag {
    uint32_t kind;
    uint32_t number;
};

/* Sets what sends them, once. */
void test_make_templates(struct vrf_addr src4, struct vrf_addr src6);
struct dp_packet *test_make_packet(enum vrf_family, const struct vrf_addr *dst,
                                   uint8_t ttl, struct test_tag);

/* Finds the tag in the 'n' bytes of an IP packet.  Returns false if they are
 * not what test_make_packet() made. */
bool test_get_tag(enum vrf_family, const uint8_t *l3, size_t n,
                  struct test_tag *);

/* What a datapath flow has to match for all of a family. */
extern const char *const test_family_match[VRF_N_FAMILIES];

/* What was sent. */
struct test_output {
    const struct eth_header *eth;
    enum vrf_family family;
    const uint8_t *l3;
    size_t l3_size, header_len; /* From the IP header on, and of that. */
    uint8_t ttl, proto;
};

/* Looks at an IP packet without options, whose header has to be right. */
void test_look_at(const struct dp_packet *, struct test_output *);

/* One of vrf-counters.h. */
uint64_t test_count(uint16_t vrf, enum vrf_family, unsigned int counter);

#endif /* tests/test-vrf-common.h */
