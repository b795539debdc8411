/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-ids SOCKET NAME PORT
 *
 * An example: judges packets that come to ring(name=NAME,mode=queue) of the
 * ovs-vswitchd with the ring socket SOCKET.  Drops TCP over IPv4 to or from
 * PORT, lets everything else go on, and prints a line for each connection that
 * it sees first.  Ends when ovs-vswitchd does.
 *
 * It needs nothing of Open vSwitch but the library of the ring. */

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openvswitch/ring-client.h>

static uint16_t bad_port;

/* Is the packet one to be dropped?  Nothing in it is to be relied upon, not
 * even that it is complete. */
static int
is_bad(const uint8_t *packet, size_t len)
{
    struct ether_header eth;
    struct tcphdr tcp;
    struct ip ip;
    size_t l4;

    if (len < sizeof eth + sizeof ip) {
        return 0;
    }
    memcpy(&eth, packet, sizeof eth);
    memcpy(&ip, packet + sizeof eth, sizeof ip);
    l4 = sizeof eth + ip.ip_hl * 4;
    if (eth.ether_type != htons(ETHERTYPE_IP) || ip.ip_p != IPPROTO_TCP
        || ip.ip_off & htons(IP_OFFMASK) || len < l4 + sizeof tcp) {
        return 0;
    }
    memcpy(&tcp, packet + l4, sizeof tcp);
    if (tcp.th_flags == TH_SYN) {
        char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

        inet_ntop(AF_INET, &ip.ip_src, src, sizeof src);
        inet_ntop(AF_INET, &ip.ip_dst, dst, sizeof dst);
        printf("%s:%u > %s:%u\n", src, ntohs(tcp.th_sport), dst,
               ntohs(tcp.th_dport));
        fflush(stdout);
    }
    return tcp.th_sport == bad_port || tcp.th_dport == bad_port;
}

/* Gives the verdict on 'rec'. */
static int
judge(struct ovs_ring *ring, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_packet *p = rec->data;

    if (is_bad((const uint8_t *) (p + 1), p->cap_len)) {
        return ovs_ring_drop(ring, rec);
    }
    return ovs_ring_accept(ring, rec);
}

int
main(int argc, char *argv[])
{
    struct ovs_ring_spec spec = { .ring_class = OVS_RING_QUEUE };
    struct ovs_ring_client *client;
    struct ovs_ring *ring;
    char *why;
    int error;

    if (argc != 4) {
        fprintf(stderr, "usage: %s SOCKET NAME PORT\n", argv[0]);
        return 1;
    }
    spec.name = argv[2];
    bad_port = htons(atoi(argv[3]));
    if (ovs_ring_connect(argv[1], &client, &why)
        || ovs_ring_attach(client, &spec, &why)) {
        fprintf(stderr, "%s\n", why ? why : "no memory");
        return 1;
    }
    ring = ovs_ring_client_ring(client);
    puts("attached");
    fflush(stdout);

    for (;;) {
        struct ovs_ring_rec rec;

        error = ovs_ring_next(ring, &rec);
        if (!error) {
            /* While there is no room for a verdict, the switch is behind. */
            while (judge(ring, &rec) == ENOBUFS) {
                ovs_ring_kick(ring);
                usleep(100);
            }
        } else if (error == EAGAIN) {
            /* The main thread of ovs-vswitchd may be asleep. */
            ovs_ring_kick(ring);
            ovs_ring_wait(ring, -1);
        } else {
            break;
        }
    }
    ovs_ring_disconnect(client);
    return error == ESHUTDOWN ? 0 : 1;
}
