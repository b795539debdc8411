/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-pcapng
 *
 * Writes a pcapng file to stdout: two sections, the first with two interfaces;
 * UDP packets over IPv4, the N-th with N bytes of payload, so that each
 * padding occurs; one that is cut short. */

#include <config.h>
#undef NDEBUG

#include "pcapng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "packets.h"
#include "util.h"

enum { HEADERS_LEN = ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN };

/* 2026-11-21 12:00:00 UTC. */
static const uint64_t START = UINT64_C(1795262400000000000);

/* Returns the bytes of a frame with 'n' bytes of payload at 'frame'. */
static size_t
make_frame(uint8_t *frame, size_t n)
{
    struct eth_header eth = {
        .eth_dst = ETH_ADDR_C(02,00,00,00,00,02),
        .eth_src = ETH_ADDR_C(02,00,00,00,00,01),
        .eth_type = htons(ETH_TYPE_IP),
    };
    struct ip_header ip = {
        .ip_ihl_ver = IP_IHL_VER(5, 4),
        .ip_tot_len = htons(IP_HEADER_LEN + UDP_HEADER_LEN + n),
        .ip_ttl = 64,
        .ip_proto = IPPROTO_UDP,
    };
    struct udp_header udp = {
        .udp_src = htons(1000 + n),
        .udp_dst = htons(9),
        .udp_len = htons(UDP_HEADER_LEN + n),
    };

    put_16aligned_be32(&ip.ip_src, htonl(0x0a000001));
    put_16aligned_be32(&ip.ip_dst, htonl(0x0a000002));
    ip.ip_csum = csum(&ip, sizeof ip);
    memcpy(frame, &eth, sizeof eth);
    memcpy(frame + sizeof eth, &ip, sizeof ip);
    memcpy(frame + sizeof eth + sizeof ip, &udp, sizeof udp);
    memset(frame + HEADERS_LEN, 'x', n);
    return HEADERS_LEN + n;
}

static void
put_frame(struct ofpbuf *b, uint32_t interface, size_t n, uint32_t snaplen)
{
    uint8_t frame[HEADERS_LEN + 64];
    size_t len = make_frame(frame, n);
    struct pcapng_packet packet = {
        .interface = interface,
        .len = len,
        .cap_len = MIN(len, snaplen),
        .data = frame,
        .ns = START + n * 1000000007,
        .lost = n == 3 ? 77 : 0,
        .id = n & 1 ? n : 0,
    };

    pcapng_put_packet(b, &packet);
}

/* The lengths at both ends of each block agree, and there is nothing else. */
static void
check_blocks(const struct ofpbuf *b)
{
    size_t offset = 0;

    while (offset < b->size) {
        uint32_t len, again;

        ovs_assert(b->size - offset >= 12);
        memcpy(&len, (char *) b->data + offset + 4, sizeof len);
        ovs_assert(len >= 12 && !(len % 4) && len <= b->size - offset);
        memcpy(&again, (char *) b->data + offset + len - 4, sizeof again);
        ovs_assert(len == again);
        offset += len;
    }
}

static void
test_pcapng_main(int argc OVS_UNUSED, char *argv[])
{
    char longest[PCAPNG_MAX_STRING + 2];
    struct ofpbuf b;

    set_program_name(argv[0]);
    memset(longest, 'l', sizeof longest);
    longest[sizeof longest - 1] = '\0';

    ofpbuf_init(&b, 0);
    pcapng_put_section(&b, "test-pcapng");
    pcapng_put_interface(&b, "tap0", 0);
    pcapng_put_interface(&b, NULL, 0);
    for (size_t n = 0; n < 5; n++) {
        put_frame(&b, n & 1, n, UINT32_MAX);
    }
    put_frame(&b, 1, 20, 44);
    pcapng_put_statistics(&b, 0, START, 5, 77);
    check_blocks(&b);

    pcapng_put_section(&b, longest);
    pcapng_put_interface(&b, longest, 0);
    put_frame(&b, 0, 7, UINT32_MAX);
    check_blocks(&b);

    ovs_assert(fwrite(b.data, b.size, 1, stdout) == 1);
    ofpbuf_uninit(&b);
}

OVSTEST_REGISTER("test-pcapng", test_pcapng_main);
