/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-route FAMILY PACKETS SAMPLES
 *
 * Sends UDP packets of FAMILY, 4 or 6, into the device "bench-in"; a router
 * behind its peer sends them out of "bench-p2".  kernel/vrf.sh makes all of
 * that.  They go to 02:00:00:00:00:02, and from 10.1.0.2 to 10.2.0.2 or from
 * fd01::2 to fd02::2.  Prints {"ns": [NS, ...]}, nanoseconds per packet, the
 * sending included; see bench-guest.h. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-guest.h"

#define SENT "/sys/class/net/bench-p2/statistics/tx_packets"
#define PAYLOAD 64

struct packet {
    uint8_t bytes[256];
    size_t len;
};

static void *
append(struct packet *p, size_t len)
{
    void *at = p->bytes + p->len;

    p->len += len;
    return at;
}

static uint16_t
ip_checksum(const void *header, size_t len)
{
    const uint8_t *bytes = header;
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i += 2) {
        sum += bytes[i] << 8 | bytes[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return htons(~(sum + (sum >> 16)));
}

static void
make_packet(struct packet *p, bool is_6)
{
    static const uint8_t router[ETH_ALEN] = { 2, 0, 0, 0, 0, 2 };
    static const uint8_t host[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
    const size_t udp_len = sizeof(struct udphdr) + PAYLOAD;
    struct ethhdr *eth;
    struct udphdr *udp;

    memset(p, 0, sizeof *p);
    eth = append(p, sizeof *eth);
    memcpy(eth->h_dest, router, ETH_ALEN);
    memcpy(eth->h_source, host, ETH_ALEN);
    if (is_6) {
        struct ip6_hdr *ip = append(p, sizeof *ip);

        eth->h_proto = htons(ETH_P_IPV6);
        ip->ip6_vfc = 6 << 4;
        ip->ip6_plen = htons(udp_len);
        ip->ip6_nxt = IPPROTO_UDP;
        ip->ip6_hops = 64;
        inet_pton(AF_INET6, "fd01::2", &ip->ip6_src);
        inet_pton(AF_INET6, "fd02::2", &ip->ip6_dst);
    } else {
        struct ip *ip = append(p, sizeof *ip);

        eth->h_proto = htons(ETH_P_IP);
        ip->ip_v = 4;
        ip->ip_hl = sizeof *ip / 4;
        ip->ip_len = htons(sizeof *ip + udp_len);
        ip->ip_ttl = 64;
        ip->ip_p = IPPROTO_UDP;
        inet_pton(AF_INET, "10.1.0.2", &ip->ip_src);
        inet_pton(AF_INET, "10.2.0.2", &ip->ip_dst);
        ip->ip_sum = ip_checksum(ip, sizeof *ip);
    }
    udp = append(p, udp_len);
    udp->source = htons(1024);
    udp->dest = htons(443);
    udp->len = htons(udp_len);
    /* Nobody looks at it. */
    udp->check = htons(1);
}

static unsigned long long
sent(void)
{
    unsigned long long n;
    FILE *f;

    f = fopen(SENT, "r");
    if (!f || fscanf(f, "%llu", &n) != 1) {
        fatal(errno, "%s", SENT);
    }
    fclose(f);
    return n;
}

static void
send_packets(int sock, const struct sockaddr_ll *to, const struct packet *p,
             unsigned int n)
{
    unsigned long long wanted = sent() + n;

    for (unsigned int i = 0; i < n; i++) {
        if (sendto(sock, p->bytes, p->len, 0, (const void *) to, sizeof *to)
            != (ssize_t) p->len) {
            fatal(errno, "sending a packet");
        }
    }
    for (int i = 0; sent() < wanted; i++) {
        if (i == 1000) {
            fatal(0, "%llu packets forwarded, not %llu", sent(), wanted);
        }
        usleep(1000);
    }
}

int
main(int argc, char *argv[])
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
    unsigned int n_packets, n_samples;
    struct packet p;
    int sock;

    if (argc != 4) {
        fatal(0, "usage: bench-route FAMILY PACKETS SAMPLES");
    }
    make_packet(&p, number(argv[1], 6) == 6);
    n_packets = number(argv[2], 10000000);
    n_samples = number(argv[3], 100);

    to.sll_ifindex = if_nametoindex("bench-in");
    sock = socket(AF_PACKET, SOCK_RAW, 0);
    if (sock < 0 || !to.sll_ifindex) {
        fatal(errno, "bench-in");
    }
    send_packets(sock, &to, &p, 100);
    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        uint64_t start = now_ns();

        send_packets(sock, &to, &p, n_packets);
        printf("%s%.2f", i ? ", " : "",
               (double) (now_ns() - start) / n_packets);
    }
    printf("]}\n");
    close(sock);
    return 0;
}
