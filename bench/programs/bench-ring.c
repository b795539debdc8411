/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-ring upcall WAY BYTES PACKETS SAMPLES
 *        bench-ring dump WAY FLOWS SAMPLES
 *
 * Measures upcalls and dumps of the kernel module that is loaded; see
 * bench-guest.h.
 *
 * "upcall" sends packets of BYTES into the device "bench-in", whose peer
 * "bench-p1" is port 1, in bursts; none has a flow.  WAY is netlink, ring, or
 * drop, where a flow drops them, which is what the sending costs.  Netlink
 * messages are received as ovs-vswitchd does it: one by one until there is no
 * more, into 512 bytes on the stack and a tail that is copied.  Of each
 * message the attributes are looked at.  Prints
 * {"send": [NS, ...], "receive": [NS, ...]}, nanoseconds per packet.
 *
 * "dump" dumps FLOWS flows, of which each message is looked at likewise.  WAY
 * is netlink or ring, or either with "-cache" behind it for the cached match.
 * Prints {"dump": [NS, ...], "calls": N}, nanoseconds per flow and system
 * calls per dump. */

#include "bench-guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "openvswitch/extension-abi.h"
#include "ring-reader.h"

#define BURST 32
#define STUB 512

static int upcalls = -1;        /* Netlink socket. */

/* Makes the upcalls of all CPUs go to a socket, which is needed for a ring,
 * too. */
static void
open_socket(void)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    socklen_t len = sizeof address;
    int size = 4 << 20;
    struct msg m;
    int error;

    upcalls = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    if (upcalls < 0
        || setsockopt(upcalls, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)
        || bind(upcalls, (struct sockaddr *) &address, len)
        || getsockname(upcalls, (struct sockaddr *) &address, &len)) {
        fatal(errno, "socket for upcalls");
    }
    begin(&m, family(OVS_DATAPATH_FAMILY), OVS_DP_CMD_SET,
          OVS_DATAPATH_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_DP_ATTR_USER_FEATURES,
            OVS_DP_F_UNALIGNED | OVS_DP_F_DISPATCH_UPCALL_PER_CPU);
    put_u32(&m, OVS_DP_ATTR_PER_CPU_PIDS, address.nl_pid);
    error = transact(&m);
    if (error) {
        fatal(error, "setting the socket for upcalls");
    }
}

static void
open_ring(struct reader *r, uint32_t ring_class)
{
    struct ovs_ring_bind bind = { .lane = 0, .cpu = 0 };
    int error;

    memset(r, 0, sizeof *r);
    r->attach = (struct ovs_ring_attach) {
        .dp_ifindex = if_nametoindex(DP_NAME),
        .ring_class = ring_class,
        .n_lanes = 1,
        .seg_size = 65536,
        .n_segs = ring_class == OVS_RING_DUMP ? 64 : 16,
    };
    error = reader_open(r);
    if (error) {
        fatal(error, "ring");
    }
    if (ring_class == OVS_RING_UPCALL
        && ioctl(r->fd, OVS_RING_IOC_BIND, &bind)) {
        fatal(errno, "binding the ring");
    }
}

/* Looks at the attributes of a message, of which 'required' is one. */
static void
look_at(const void *message, size_t len, int required)
{
    const size_t header = NLMSG_HDRLEN + GENL_HDRLEN
                          + sizeof(struct ovs_header);
    const char *p = (const char *) message + header;
    const char *end = (const char *) message + len;
    const void *attrs[32] = { NULL };

    while (end - p >= NLA_HDRLEN) {
        const struct nlattr *a = (const void *) p;

        if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p) {
            fatal(0, "malformed message");
        }
        attrs[a->nla_type & 31] = a;
        p += NLA_ALIGN(a->nla_len);
    }
    if (!attrs[required]) {
        fatal(0, "message without attribute %d", required);
    }
}

/* Receives a message; false if there is none. */
static bool
receive_netlink(char *buffer, size_t *len)
{
    static char tail[65536];
    char *stub = buffer;
    struct iovec iov[2] = { { stub, STUB }, { tail, sizeof tail } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t n = recvmsg(upcalls, &msg, MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN) {
            fatal(errno, "receiving an upcall");
        }
        return false;
    }
    if (n > STUB) {
        memcpy(buffer + STUB, tail, n - STUB);
    }
    *len = n;
    return true;
}

static void
send_burst(int sock, const struct sockaddr_ll *to, const char *packet,
           size_t size)
{
    for (unsigned int i = 0; i < BURST; i++) {
        if (sendto(sock, packet, size, 0, (const void *) to, sizeof *to)
            < 0) {
            fatal(errno, "sending");
        }
    }
}

static void
make_packet(char *packet, size_t size)
{
    static const char header[] = {
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        0, 7, 0, 9, 0, 0, 0, 0,
    };

    memset(packet, 'x', size);
    memcpy(packet, header, sizeof header);
    packet[16] = (size - ETH_HLEN) >> 8;
    packet[17] = size - ETH_HLEN;
    packet[38] = (size - ETH_HLEN - 20) >> 8;
    packet[39] = size - ETH_HLEN - 20;
}

static void
drop_everything(void)
{
    struct msg m;
    size_t nest;
    uint32_t in_port = 1;
    uint16_t type = htons(ETH_P_IP), exact = UINT16_MAX;
    struct ovs_key_ipv4 ipv4 = { .ipv4_ttl = 0 };
    char mac[12] = { 0 };

    begin_flow(&m);
    nest = nest_begin(&m, OVS_FLOW_ATTR_KEY);
    put(&m, OVS_KEY_ATTR_IN_PORT, &in_port, sizeof in_port);
    put(&m, OVS_KEY_ATTR_ETHERNET, mac, sizeof mac);
    put(&m, OVS_KEY_ATTR_ETHERTYPE, &type, sizeof type);
    put(&m, OVS_KEY_ATTR_IPV4, &ipv4, sizeof ipv4);
    nest_end(&m, nest);
    nest = nest_begin(&m, OVS_FLOW_ATTR_MASK);
    put_u32(&m, OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
    put(&m, OVS_KEY_ATTR_ETHERNET, mac, sizeof mac);
    put(&m, OVS_KEY_ATTR_ETHERTYPE, &exact, sizeof exact);
    put(&m, OVS_KEY_ATTR_IPV4, &ipv4, sizeof ipv4);
    nest_end(&m, nest);
    nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
    nest_end(&m, nest);
    end_flow(&m);
}

static void
print_samples(const char *name, const double *samples, unsigned int n)
{
    printf("\"%s\": [", name);
    for (unsigned int i = 0; i < n; i++) {
        printf("%s%.2f", i ? ", " : "", samples[i]);
    }
    printf("]");
}

static void
measure_upcalls(char *argv[])
{
    bool by_ring = !strcmp(argv[0], "ring");
    bool drop = !strcmp(argv[0], "drop");
    unsigned int size = number(argv[1], 9000);
    unsigned int n_bursts = number(argv[2], 10000000) / BURST;
    unsigned int n_samples = number(argv[3], 100);
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_ifindex = if_nametoindex("bench-in"),
        .sll_halen = ETH_ALEN,
    };
    static char packet[9000], buffer[STUB + 65536];
    double send[100], receive[100];
    struct reader r;
    int sock;

    if (size < 60 || !n_bursts) {
        fatal(0, "at least 60 bytes and %d packets", BURST);
    }
    make_datapath();
    add_port("bench-p1", 1);
    open_socket();
    if (by_ring) {
        open_ring(&r, OVS_RING_UPCALL);
    } else if (drop) {
        drop_everything();
    }
    sock = socket(AF_PACKET, SOCK_RAW, 0);
    if (sock < 0 || !to.sll_ifindex) {
        fatal(errno, "bench-in");
    }
    make_packet(packet, size);

    /* The first one warms up. */
    for (unsigned int i = 0; i <= n_samples; i++) {
        uint64_t sending = 0, receiving = 0, got = 0;

        for (unsigned int j = 0; j < n_bursts; j++) {
            uint64_t t0 = now_ns(), t1;
            size_t len;

            send_burst(sock, &to, packet, size);
            t1 = now_ns();
            if (by_ring) {
                struct reader_rec rec;

                while (reader_next(&r, &r.lanes[0], &rec)) {
                    look_at(rec.data, rec.len, OVS_PACKET_ATTR_KEY);
                    got++;
                }
            } else {
                while (receive_netlink(buffer, &len)) {
                    look_at(buffer, len, OVS_PACKET_ATTR_KEY);
                    got++;
                }
            }
            sending += t1 - t0;
            receiving += now_ns() - t1;
        }
        if (got != (drop ? 0 : n_bursts * BURST)) {
            fatal(0, "%llu upcalls for %u packets",
                  (unsigned long long) got, n_bursts * BURST);
        }
        if (i) {
            send[i - 1] = (double) sending / (n_bursts * BURST);
            receive[i - 1] = (double) receiving / (n_bursts * BURST);
        }
    }
    printf("{");
    print_samples("send", send, n_samples);
    printf(", ");
    print_samples("receive", receive, n_samples);
    printf("}\n");
    if (by_ring) {
        reader_close(&r);
    }
    delete_datapath();
}

static void
add_flows(uint32_t n)
{
    struct ovs_key_ipv4 ipv4 = { .ipv4_ttl = 64 };
    struct ovs_key_ethernet ethernet = { .eth_src = { 2 } };
    struct ovs_key_udp udp = { .udp_dst = htons(80) };
    uint16_t type = htons(ETH_P_IP);

    ipv4.ipv4_proto = IPPROTO_UDP;
    for (uint32_t i = 0; i < n; i++) {
        size_t nest;
        struct msg m;

        ipv4.ipv4_src = htonl(0x0a000000 + i);
        ipv4.ipv4_dst = htonl(0x0b000000);
        begin_flow(&m);
        for (int mask = 0; mask < 2; mask++) {
            char ones[40];

            memset(ones, 0xff, sizeof ones);
            nest = nest_begin(&m, mask ? OVS_FLOW_ATTR_MASK
                                       : OVS_FLOW_ATTR_KEY);
            put_u32(&m, OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : 1);
            put(&m, OVS_KEY_ATTR_ETHERNET,
                mask ? (const void *) ones : &ethernet, sizeof ethernet);
            put(&m, OVS_KEY_ATTR_ETHERTYPE,
                mask ? (const void *) ones : &type, sizeof type);
            put(&m, OVS_KEY_ATTR_IPV4, mask ? (const void *) ones : &ipv4,
                sizeof ipv4);
            put(&m, OVS_KEY_ATTR_UDP, mask ? (const void *) ones : &udp,
                sizeof udp);
            nest_end(&m, nest);
        }
        nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
        put_u32(&m, OVS_ACTION_ATTR_OUTPUT, 1);
        nest_end(&m, nest);
        end_flow(&m);
    }
}

static void
cache_matches(void)
{
    struct msg m;
    int error;

    begin(&m, family(OVS_MATCH_CACHE_FAMILY), OVS_MATCH_CACHE_CMD_SET,
          OVS_MATCH_CACHE_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_MATCH_CACHE_ATTR_POLICY, OVS_MATCH_CACHE_EAGER);
    error = transact(&m);
    if (error) {
        fatal(error, "match cache");
    }
}

/* Returns the number of flows, and adds to '*calls'. */
static unsigned int
dump_netlink(unsigned int *calls)
{
    unsigned int n = 0;
    struct msg m;

    begin(&m, flow_family, OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, NLM_F_DUMP);
    send_msg(&m);
    (*calls)++;
    for (;;) {
        const struct nlmsghdr *nlh = &m.nlh;
        size_t rest;

        receive(&m);
        (*calls)++;
        rest = m.len;
        for (; NLMSG_OK(nlh, rest); nlh = NLMSG_NEXT(nlh, rest)) {
            if (nlh->nlmsg_type == NLMSG_DONE) {
                return n;
            }
            look_at(nlh, nlh->nlmsg_len, OVS_FLOW_ATTR_KEY);
            n++;
        }
    }
}

static unsigned int
dump_ring(struct reader *r, unsigned int *calls)
{
    struct ovs_ring_fill fill = { .flags = OVS_RING_FILL_START };
    unsigned int n = 0;

    for (;;) {
        struct reader_rec rec;

        if (ioctl(r->fd, OVS_RING_IOC_FILL, &fill)) {
            fatal(errno, "dump");
        }
        (*calls)++;
        fill.flags = 0;
        while (reader_next(r, &r->lanes[0], &rec)) {
            if (rec.type == OVS_RING_T_NLMSG) {
                look_at(rec.data, rec.len, OVS_FLOW_ATTR_KEY);
                n++;
            } else if (rec.type == OVS_RING_T_DUMP_END) {
                return n;
            }
        }
    }
}

static void
measure_dumps(char *argv[])
{
    bool by_ring = !strncmp(argv[0], "ring", 4);
    unsigned int n_flows = number(argv[1], 1000000);
    unsigned int n_samples = number(argv[2], 100);
    double samples[100];
    unsigned int calls = 0;
    struct reader r;

    make_datapath();
    add_port("bench-p1", 1);
    add_flows(n_flows);
    if (strstr(argv[0], "cache")) {
        cache_matches();
    }
    if (by_ring) {
        open_ring(&r, OVS_RING_DUMP);
    }
    /* The first one warms up, and fills the cache. */
    for (unsigned int i = 0; i <= n_samples; i++) {
        uint64_t start = now_ns();
        unsigned int n;

        calls = 0;
        n = by_ring ? dump_ring(&r, &calls) : dump_netlink(&calls);
        if (n != n_flows) {
            fatal(0, "%u flows, not %u", n, n_flows);
        }
        if (i) {
            samples[i - 1] = (double) (now_ns() - start) / n;
        }
    }
    printf("{");
    print_samples("dump", samples, n_samples);
    printf(", \"calls\": %u}\n", calls);
    if (by_ring) {
        reader_close(&r);
    }
    delete_datapath();
}

int
main(int argc, char *argv[])
{
    if (argc == 6 && !strcmp(argv[1], "upcall")) {
        measure_upcalls(argv + 2);
    } else if (argc == 5 && !strcmp(argv[1], "dump")) {
        measure_dumps(argv + 2);
    } else {
        fatal(0, "usage: bench-ring upcall WAY BYTES PACKETS SAMPLES\n"
              "       bench-ring dump WAY FLOWS SAMPLES");
    }
    return 0;
}
