/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_COMMON_H
#define RING_COMMON_H 1

/* What programs that test the kernel's rings have in common: a datapath, whose
 * port 1 is the device "ring-p1", with the peer "ring-in", and a socket for
 * upcalls.  The devices have to exist. */

#define _GNU_SOURCE
#include "bench-guest.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "ring-reader.h"

#define CHECK(CONDITION, ...) \
    do { \
        if (!(CONDITION)) { \
            fprintf(stderr, "%s:%d: %s;", __FILE__, __LINE__, #CONDITION); \
            fprintf(stderr, " " __VA_ARGS__); \
            fprintf(stderr, " (%m)\n"); \
            exit(1); \
        } \
    } while (0)

/* ERROR is an errno value. */
#define CHECK_OK(ERROR, WHAT) \
    do { \
        errno = (ERROR); \
        CHECK(!errno, WHAT); \
    } while (0)

#define SKIP 77                 /* What a test exits with that cannot run. */
#define ARRAY_SIZE(A) (sizeof(A) / sizeof((A)[0]))
#define MESSAGE_HEADER (NLMSG_HDRLEN + GENL_HDRLEN + sizeof(struct ovs_header))

static int upcalls = -1;        /* Netlink socket. */
static uint32_t upcall_pid;
static int packets = -1;        /* Packet socket, each with a
                                 * struct virtio_net_hdr in front. */
static struct sockaddr_ll to;

static inline void
set_features(uint32_t features)
{
    uint32_t pids[64];
    struct msg m;
    int error;

    for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
        pids[i] = upcall_pid;
    }
    begin(&m, family(OVS_DATAPATH_FAMILY), OVS_DP_CMD_SET,
          OVS_DATAPATH_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_DP_ATTR_USER_FEATURES,
            features | OVS_DP_F_DISPATCH_UPCALL_PER_CPU);
    put(&m, OVS_DP_ATTR_PER_CPU_PIDS, pids, sizeof pids);
    error = transact(&m);
    CHECK_OK(error, "features");
}

static inline void
open_upcalls(void)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    socklen_t len = sizeof address;
    int size = 8 << 20;

    upcalls = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    CHECK(upcalls >= 0);
    setsockopt(upcalls, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    CHECK(!bind(upcalls, (struct sockaddr *) &address, len));
    CHECK(!getsockname(upcalls, (struct sockaddr *) &address, &len));
    upcall_pid = address.nl_pid;
}

static inline void
start(void)
{
    int on = 1;

    make_datapath();
    add_port("ring-p1", 1);
    open_upcalls();
    set_features(OVS_DP_F_UNALIGNED);
    to = (struct sockaddr_ll) {
        .sll_family = AF_PACKET,
        .sll_ifindex = if_nametoindex("ring-in"),
        .sll_halen = ETH_ALEN,
    };
    CHECK(to.sll_ifindex, "no device ring-in");
    packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK(packets >= 0);
    CHECK(!setsockopt(packets, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on));
}

static inline struct ovs_ring_attach
upcall_ring(uint32_t n_lanes, uint32_t seg_size, uint32_t n_segs)
{
    return (struct ovs_ring_attach) {
        .dp_ifindex = if_nametoindex(DP_NAME),
        .ring_class = OVS_RING_UPCALL,
        .n_lanes = n_lanes,
        .seg_size = seg_size,
        .n_segs = n_segs,
    };
}

static inline void
open_ring(struct reader *r, const struct ovs_ring_attach *attach)
{
    int error;

    memset(r, 0, sizeof *r);
    r->attach = *attach;
    error = reader_open(r);
    CHECK_OK(error, "attach");
}

static inline int
bind_lane(const struct reader *r, uint32_t lane, uint32_t cpu)
{
    struct ovs_ring_bind b = { .lane = lane, .cpu = cpu };

    return ioctl(r->fd, OVS_RING_IOC_BIND, &b) ? errno : 0;
}

static inline void
bind_all(const struct reader *r)
{
    long n_cpus = sysconf(_SC_NPROCESSORS_CONF);

    for (long i = 0; i < n_cpus; i++) {
        int error = bind_lane(r, i % r->attach.n_lanes, i);

        CHECK_OK(error, "bind");
    }
}

static inline struct ovs_ring_device_stats
get_stats(const struct reader *r)
{
    struct ovs_ring_device_stats stats;

    CHECK(!ioctl(r->fd, OVS_RING_IOC_STATS, &stats));
    return stats;
}

/* Packets. */

struct packet {
    struct virtio_net_hdr vnet;
    uint8_t bytes[65536];
    size_t len;
};

static inline void
put_be16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

/* A packet of IPv4 and 'proto' UDP or TCP with 'len' bytes, 'vlan' if not
 * 0. */
static inline void
make_packet(struct packet *p, int proto, size_t len, int vlan)
{
    uint8_t *l3 = p->bytes + ETH_HLEN + (vlan ? 4 : 0);
    uint8_t *l4 = l3 + 20;

    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < len; i++) {
        p->bytes[i] = i * 7 + (i >> 8);
    }
    memcpy(p->bytes, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0", ETH_HLEN);
    if (vlan) {
        put_be16(p->bytes + 12, ETH_P_8021Q);
        put_be16(p->bytes + 14, vlan);
        put_be16(p->bytes + 16, ETH_P_IP);
    }
    memset(l3, 0, 20);
    l3[0] = 0x45;
    put_be16(l3 + 2, p->bytes + len - l3);
    l3[8] = 64;
    l3[9] = proto;
    memcpy(l3 + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
    put_be16(l4, 1000);
    put_be16(l4 + 2, 2000);
    if (proto == IPPROTO_UDP) {
        put_be16(l4 + 4, p->bytes + len - l4);
        put_be16(l4 + 6, 0);
    } else {
        l4[12] = 0x50;
        l4[13] = 0x10;
        put_be16(l4 + 16, 0);
    }
    p->len = len;
}

/* Has the checksum of 'p', not of a VLAN, filled in by whoever needs it, as if
 * it came from a local socket; 'mss' makes it one to be segmented. */
static inline void
leave_checksum(struct packet *p, uint16_t mss)
{
    bool udp = p->bytes[ETH_HLEN + 9] == IPPROTO_UDP;
    uint8_t *l3 = p->bytes + ETH_HLEN, *l4 = l3 + 20;
    size_t len = p->bytes + p->len - l4;
    uint32_t sum = (udp ? IPPROTO_UDP : IPPROTO_TCP) + len;

    for (int i = 12; i < 20; i += 2) {
        sum += l3[i] << 8 | l3[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    put_be16(l4 + (udp ? 6 : 16), sum);
    p->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    p->vnet.csum_start = l4 - p->bytes;
    p->vnet.csum_offset = udp ? 6 : 16;
    if (mss) {
        p->vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        p->vnet.gso_size = mss;
        p->vnet.hdr_len = ETH_HLEN + 40;
    }
}

static inline void
send_packet(const struct packet *p)
{
    struct iovec iov[2] = {
        { (void *) &p->vnet, sizeof p->vnet },
        { (void *) p->bytes, p->len },
    };
    struct msghdr msg = {
        .msg_name = &to, .msg_namelen = sizeof to,
        .msg_iov = iov, .msg_iovlen = 2,
    };

    while (sendmsg(packets, &msg, 0) < 0) {
        CHECK(errno == ENOBUFS || errno == EINTR, "sending");
    }
}

/* Receives an upcall by netlink; 0 if there is none for 'timeout_ms'. */
static inline size_t
receive_upcall(void *buffer, size_t size, int timeout_ms)
{
    struct pollfd pfd = { .fd = upcalls, .events = POLLIN };
    ssize_t n;

    if (poll(&pfd, 1, timeout_ms) <= 0) {
        return 0;
    }
    do {
        /* Some were too many, which is no matter here. */
        n = recv(upcalls, buffer, size, 0);
    } while (n < 0 && errno == ENOBUFS);
    CHECK(n > 0);
    return n;
}

/* Returns the attribute 'type' in the message, or NULL. */
static inline const struct nlattr *
attribute(const void *message, size_t len, int type)
{
    const char *p = (const char *) message + MESSAGE_HEADER;
    const char *end = (const char *) message + len;

    while (end - p >= NLA_HDRLEN) {
        const struct nlattr *a = (const void *) p;

        CHECK(a->nla_len >= NLA_HDRLEN && a->nla_len <= end - p);
        if ((a->nla_type & NLA_TYPE_MASK) == type) {
            return a;
        }
        p += NLA_ALIGN(a->nla_len);
    }
    return NULL;
}

static inline void
use_cpu(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CHECK(!sched_setaffinity(0, sizeof set, &set));
}

static inline uint64_t
random64(void)
{
    static __thread uint64_t x;

    if (!x) {
        x = now_ns() | 1;
    }
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Killing those who have rings, for tests that do it as often as the variable
 * KILLS of the environment says, 100 times by default. */

#define MEMORY "/proc/meminfo"

static inline unsigned int
n_kills(void)
{
    const char *kills = getenv("KILLS");

    return kills ? atoi(kills) : 100;
}

static inline uint64_t
available_kb(void)
{
    unsigned long long kb = 0;
    char line[256];
    FILE *f = fopen(MEMORY, "r");

    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        sscanf(line, "MemAvailable: %llu", &kb);
    }
    fclose(f);
    CHECK(kb);
    return kb;
}

/* What the kernel keeps for itself after a flood of upcalls, in kB: up to 17
 * MB were seen, however many rings there were. */
#define KEPT_KB 24576

/* Waits until the memory of 'n' rings of 'ring_kb' each is there again, but
 * for what the kernel keeps for itself: it is freed some time after a ring has
 * ended.  'before' is available_kb() before there were any. */
static inline void
check_no_leak(uint64_t before, unsigned int n, uint64_t ring_kb)
{
    uint64_t end = now_ns() + 20000000000;
    uint64_t tolerated = n * ring_kb / 2 < KEPT_KB ? n * ring_kb / 2 : KEPT_KB;
    uint64_t now;

    do {
        now = available_kb();
        if (now + tolerated >= before) {
            printf("%u killed, %lld kB less than before\n", n,
                   (long long) (before - now));
            return;
        }
        usleep(100000);
    } while (now_ns() < end);
    CHECK(false, "%llu kB, and %llu before %u rings of %llu",
          (unsigned long long) now, (unsigned long long) before, n,
          (unsigned long long) ring_kb);
}

struct subtest {
    const char *name;
    void (*run)(void);
};

static inline int
run_subtest(const struct subtest *tests, const char *name)
{
    for (; tests->name; tests++) {
        if (!strcmp(tests->name, name)) {
            setvbuf(stdout, NULL, _IONBF, 0);
            tests->run();
            return 0;
        }
    }
    fprintf(stderr, "%s: no such test\n", name);
    return 1;
}

#endif /* ring-common.h */
