/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-ids SOCKET TAP QUEUE
 *
 * A small intrusion detection and prevention system, as an example of a
 * consumer of rings.  It finds hosts that scan ports or flood with SYNs in
 * copies of packets, and has ovs-vswitchd drop what they send.  With
 *
 *     priority=0 actions=NORMAL
 *     priority=1,tcp actions=ring(name=TAP,max_len=96),resubmit(,1)
 *     table=1,priority=1,tcp,tcp_flags=+syn-ack
 *         actions=ring(name=QUEUE,mode=queue),NORMAL
 *     table=1,priority=0 actions=NORMAL
 *
 * it sees all TCP, without holding it up, and only the first packet of each
 * connection waits for a verdict.  SOCKET is ovs-vswitchd.PID.ring in the run
 * directory of ovs-vswitchd.
 *
 * It needs nothing of Open vSwitch but the two files of the ring's library:
 *
 *     gcc -O2 -Iinclude -o ring-ids examples/ring-ids.c \
 *         lib/ring-client.c lib/ring-consumer.c
 *
 * What it knows is IPv4 without VLANs, and it remembers a limited number of
 * hosts and connections, of which a new one may drive an old one out. */

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openvswitch/ring-client.h>

#define WINDOW 60               /* Seconds that a host is watched for. */
#define SCAN_PORTS 20           /* So many ports in that time are a scan... */
#define FLOOD_SYNS 200          /* ...so many open handshakes a flood. */
#define BATCH 256               /* Copies looked at while a packet waits. */

/* TCP of a packet. */
struct segment {
    struct in_addr src, dst;
    uint16_t src_port, dst_port;        /* Network byte order. */
    uint8_t flags;
};

/* A host that sends SYNs.  Ports are told apart by some of their bits. */
struct host {
    struct in_addr addr;
    time_t since;
    uint32_t ports[32];
    unsigned int n_ports;
    unsigned int n_open;        /* Handshakes. */
    bool blocked;
};

static struct host hosts[4096];
static struct segment handshakes[65536];        /* That are open. */
static unsigned long long n_seen, n_lost, n_accepted, n_dropped;
static volatile sig_atomic_t ended;

/* Gets what matters of 'packet'.  Nothing in it is to be relied upon, not even
 * that it is complete. */
static bool
parse(const uint8_t *packet, size_t len, struct segment *s)
{
    struct ether_header eth;
    struct tcphdr tcp;
    struct ip ip;
    size_t l4;

    if (len < sizeof eth + sizeof ip) {
        return false;
    }
    memcpy(&eth, packet, sizeof eth);
    memcpy(&ip, packet + sizeof eth, sizeof ip);
    l4 = sizeof eth + ip.ip_hl * 4;
    if (eth.ether_type != htons(ETHERTYPE_IP) || ip.ip_p != IPPROTO_TCP
        || ip.ip_off & htons(IP_OFFMASK) || len < l4 + sizeof tcp) {
        return false;
    }
    memcpy(&tcp, packet + l4, sizeof tcp);
    memset(s, 0, sizeof *s);
    s->src = ip.ip_src;
    s->dst = ip.ip_dst;
    s->src_port = tcp.th_sport;
    s->dst_port = tcp.th_dport;
    s->flags = tcp.th_flags;
    return true;
}

static uint32_t
hash(uint32_t a, uint32_t b)
{
    a = (a ^ b * 0x9e3779b1u) * 0x85ebca6bu;
    return a ^ a >> 15;
}

/* Returns the host with 'addr', a new one if it is not known or was watched
 * for long enough. */
static struct host *
find_host(struct in_addr addr)
{
    struct host *h = &hosts[hash(addr.s_addr, 0)
                            % (sizeof hosts / sizeof hosts[0])];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (h->addr.s_addr != addr.s_addr || now.tv_sec - h->since > WINDOW) {
        memset(h, 0, sizeof *h);
        h->addr = addr;
        h->since = now.tv_sec;
    }
    return h;
}

static struct segment *
find_handshake(const struct segment *s)
{
    uint32_t ports = (uint32_t) s->src_port << 16 | s->dst_port;

    return &handshakes[hash(s->src.s_addr, hash(s->dst.s_addr, ports))
                       % (sizeof handshakes / sizeof handshakes[0])];
}

static bool
is_same_connection(const struct segment *a, const struct segment *b)
{
    return (a->src.s_addr == b->src.s_addr && a->dst.s_addr == b->dst.s_addr
            && a->src_port == b->src_port && a->dst_port == b->dst_port);
}

static void
block(struct host *h, const char *why, unsigned int n)
{
    if (!h->blocked) {
        h->blocked = true;
        printf("%s: %s (%u), blocked\n", inet_ntoa(h->addr), why, n);
        fflush(stdout);
    }
}

/* The source of 's' wants to connect. */
static void
see_syn(const struct segment *s)
{
    struct host *h = find_host(s->src);
    uint32_t port = ntohs(s->dst_port) % 1024;
    struct segment *handshake = find_handshake(s);

    if (!(h->ports[port / 32] & 1u << port % 32)) {
        h->ports[port / 32] |= 1u << port % 32;
        h->n_ports++;
    }
    if (!is_same_connection(handshake, s)) {
        *handshake = *s;
        h->n_open++;
    }
    if (h->n_ports > SCAN_PORTS) {
        block(h, "port scan", h->n_ports);
    } else if (h->n_open > FLOOD_SYNS) {
        block(h, "SYN flood", h->n_open);
    }
}

/* The source of 's' goes on with a connection, or gives it up. */
static void
see_rest(const struct segment *s)
{
    struct segment *handshake = find_handshake(s);

    if (is_same_connection(handshake, s)) {
        struct host *h = find_host(s->src);

        memset(handshake, 0, sizeof *handshake);
        if (h->n_open) {
            h->n_open--;
        }
    }
}

/* A copy of a packet that goes on anyway. */
static void
see(const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_packet *p = rec->data;
    struct segment s;

    n_seen++;
    n_lost += rec->lost;
    if (parse((const uint8_t *) (p + 1), p->cap_len, &s)) {
        if ((s.flags & (TH_SYN | TH_ACK)) == TH_SYN) {
            see_syn(&s);
        } else if (s.flags & (TH_ACK | TH_RST) && !(s.flags & TH_SYN)) {
            see_rest(&s);
        }
    }
}

/* Gives the verdict on a packet that waits for one. */
static void
judge(struct ovs_ring *queue, const struct ovs_ring_rec *rec)
{
    const struct ovs_ring_packet *p = rec->data;
    struct segment s;
    bool drop = (parse((const uint8_t *) (p + 1), p->cap_len, &s)
                 && find_host(s.src)->blocked);

    while ((drop ? ovs_ring_drop(queue, rec) : ovs_ring_accept(queue, rec))
           == ENOBUFS && !ended) {
        /* There is no room for a verdict: the switch is behind. */
        ovs_ring_kick(queue);
        usleep(100);
    }
    n_accepted += !drop;
    n_dropped += drop;
}

/* Sleeps until there is something to read in either ring. */
static void
wait_for_either(struct ovs_ring *tap, struct ovs_ring *queue)
{
    bool empty = ovs_ring_arm(tap) & ovs_ring_arm(queue);
    struct pollfd pfds[2] = {
        { .fd = ovs_ring_fd(tap), .events = POLLIN },
        { .fd = ovs_ring_fd(queue), .events = POLLIN },
    };

    if (empty && !ended) {
        poll(pfds, 2, 1000);    /* Or until a signal that was just missed. */
    }
    ovs_ring_disarm(tap);
    ovs_ring_disarm(queue);
}

static void
end(int sig)
{
    (void) sig;
    ended = 1;
}

static struct ovs_ring *
attach(const char *socket, uint32_t ring_class, const char *name)
{
    const struct ovs_ring_spec spec = {
        .ring_class = ring_class,
        .name = name,
        /* How long a packet waits before it goes on without a verdict. */
        .options = ring_class == OVS_RING_QUEUE ? "deadline=1000" : NULL,
    };
    struct ovs_ring_client *client;
    char *why;

    if (ovs_ring_connect(socket, &client, &why)
        || ovs_ring_attach(client, &spec, &why)) {
        fprintf(stderr, "%s\n", why ? why : "no memory");
        exit(1);
    }
    return ovs_ring_client_ring(client);
}

/* After ovs_ring_next() returned 'error'. */
static bool
goes_on(int error)
{
    return !error || error == EAGAIN;
}

int
main(int argc, char *argv[])
{
    struct ovs_ring *tap, *queue;
    int error = 0, tap_error = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s SOCKET TAP QUEUE\n", argv[0]);
        return 1;
    }
    signal(SIGINT, end);
    signal(SIGTERM, end);
    tap = attach(argv[1], OVS_RING_TAP, argv[2]);
    queue = attach(argv[1], OVS_RING_QUEUE, argv[3]);
    puts("attached");
    fflush(stdout);

    while (!ended && goes_on(error) && goes_on(tap_error)) {
        struct ovs_ring_rec waiting, rec;

        /* First what was seen, then what is to be judged by it. */
        error = ovs_ring_next(queue, &waiting);
        for (int i = 0; i < BATCH; i++) {
            tap_error = ovs_ring_next(tap, &rec);
            if (tap_error) {
                break;
            }
            see(&rec);
        }
        if (!error) {
            judge(queue, &waiting);
        } else if (error == EAGAIN && tap_error == EAGAIN) {
            /* The main thread of ovs-vswitchd may be asleep. */
            ovs_ring_kick(queue);
            wait_for_either(tap, queue);
        }
    }
    printf("%llu packets seen, %llu lost, %llu connections let through, "
           "%llu SYNs dropped\n", n_seen, n_lost, n_accepted, n_dropped);
    /* ESHUTDOWN: ovs-vswitchd is gone. */
    return (!(goes_on(error) || error == ESHUTDOWN)
            || !(goes_on(tap_error) || tap_error == ESHUTDOWN));
}
