/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovs-xdp-gen [OPTION]... INTERFACE
 *
 * Sends UDP packets out of INTERFACE, for tests and benchmarks, as fast as one
 * processor can, or so many per second: the kernel runs
 * bpf/ovs-xdp-gen.bpf.c on frames of its own and hands them to the device.
 * The device must take frames of XDP; of a veth pair the other end must have
 * an XDP program, or GRO on.
 *
 * Prints one line of JSON:
 *
 *   sent      packets that were handed to the device,
 *   refused   how many of these it had no room for, by its own statistics;
 *             all others arrive,
 *   seconds   how long it took,
 *   cpu_seconds  time of the processor that it took, with everything that
 *             receivers did on this one meanwhile.
 *
 * Exit status 77 if that is not possible here. */

#include <config.h>
#undef NDEBUG
#include "extension-config.h"

#if XDP_OFFLOAD
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "command-line.h"
#include "csum.h"
#include "ovs-xdp-gen.skel.h"
#include "packets.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

/* A call of less work than this would spend most of its time waiting. */
#define MIN_REPEAT (8 << 20)

#define UDP_PORT 9              /* Discard. */

struct options {
    const char *interface;
    uint64_t n_packets;         /* UINT64_MAX: no limit. */
    double seconds;             /* 0: no limit. */
    uint64_t rate;              /* Packets per second; 0: no limit. */
    unsigned int length;        /* Of frames, without frame check sequence. */
    unsigned int n_sources, n_ports, first_port;
    int vlan;                   /* -1: no tag. */
    bool ipv6;
    struct in6_addr src, dst;   /* IPv4 addresses are mapped. */
    struct eth_addr eth_src, eth_dst;
};

static void
usage(void)
{
    printf("usage: %s [OPTION]... INTERFACE\n"
           "Sends UDP packets out of INTERFACE and prints how many.\n"
           "  --packets=N        how many (no limit)\n"
           "  --seconds=T        for how long (1 if there is no --packets)\n"
           "  --rate=N           packets per second (no limit)\n"
           "  --length=BYTES     of frames (60)\n"
           "  --source=ADDR      first source address, IPv4 or IPv6 "
           "(10.0.0.1)\n"
           "  --sources=N        number of source addresses (1)\n"
           "  --destination=ADDR (192.0.2.1 or 2001:db8::1)\n"
           "  --port=N           first source port (1024)\n"
           "  --ports=N          number of source ports (1)\n"
           "  --vlan=ID          with this tag (none)\n"
           "  --dl-src=MAC, --dl-dst=MAC\n"
           "  --cpu=N            on this processor\n",
           program_name);
    exit(EXIT_SUCCESS);
}

static unsigned long long int
number(const char *option, const char *s, unsigned long long int min,
       unsigned long long int max)
{
    unsigned long long int value;

    if (!str_to_ullong(s, 10, &value) || value < min || value > max) {
        ovs_fatal(0, "--%s=%s: not a number from %llu to %llu", option, s, min,
                  max);
    }
    return value;
}

static void
use_cpu(unsigned int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) {
        ovs_fatal(errno, "--cpu=%u", cpu);
    }
}

static void
address(const char *option, const char *s, struct in6_addr *addr, bool *ipv6)
{
    ovs_be32 ip;

    if (ip_parse(s, &ip)) {
        in6_addr_set_mapped_ipv4(addr, ip);
        *ipv6 = false;
    } else if (ipv6_parse(s, addr)) {
        *ipv6 = true;
    } else {
        ovs_fatal(0, "--%s=%s: not an address", option, s);
    }
}

static void
parse_options(int argc, char *argv[], struct options *o)
{
    enum { PACKETS = UCHAR_MAX + 1, SECONDS, RATE, LENGTH, SOURCE, SOURCES,
           DEST, PORT, PORTS, VLAN, DL_SRC, DL_DST, CPU };
    static const struct option long_options[] = {
        { "packets", required_argument, NULL, PACKETS },
        { "seconds", required_argument, NULL, SECONDS },
        { "rate", required_argument, NULL, RATE },
        { "length", required_argument, NULL, LENGTH },
        { "source", required_argument, NULL, SOURCE },
        { "sources", required_argument, NULL, SOURCES },
        { "destination", required_argument, NULL, DEST },
        { "port", required_argument, NULL, PORT },
        { "ports", required_argument, NULL, PORTS },
        { "vlan", required_argument, NULL, VLAN },
        { "dl-src", required_argument, NULL, DL_SRC },
        { "dl-dst", required_argument, NULL, DL_DST },
        { "cpu", required_argument, NULL, CPU },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool dst_ipv6 = false, has_dst = false;
    int index = 0;
    int c;

    *o = (struct options) {
        .n_packets = UINT64_MAX, .length = 60, .n_sources = 1, .n_ports = 1,
        .first_port = 1024, .vlan = -1,
        .eth_src = ETH_ADDR_C(02,00,00,00,00,01),
        .eth_dst = ETH_ADDR_C(02,00,00,00,00,02),
    };
    in6_addr_set_mapped_ipv4(&o->src, htonl(0x0a000001));

    while ((c = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
        const char *name = long_options[index].name;

        switch (c) {
        case PACKETS:
            o->n_packets = number(name, optarg, 1, UINT64_MAX - 1);
            break;
        case SECONDS:
            if (!str_to_double(optarg, &o->seconds) || o->seconds <= 0
                || o->seconds > 1e6) {
                ovs_fatal(0, "--seconds=%s: not a number of seconds", optarg);
            }
            break;
        case RATE:
            o->rate = number(name, optarg, 1, 1000000000);
            break;
        case LENGTH:
            o->length = number(name, optarg, 60, 3400);
            break;
        case SOURCE:
            address(name, optarg, &o->src, &o->ipv6);
            break;
        case SOURCES:
            o->n_sources = number(name, optarg, 1, UINT32_MAX);
            break;
        case DEST:
            address(name, optarg, &o->dst, &dst_ipv6);
            has_dst = true;
            break;
        case PORT:
            o->first_port = number(name, optarg, 0, 65535);
            break;
        case PORTS:
            o->n_ports = number(name, optarg, 1, 65536);
            break;
        case VLAN:
            o->vlan = number(name, optarg, 0, 4095);
            break;
        case DL_SRC:
        case DL_DST:
            if (!eth_addr_from_string(optarg, c == DL_SRC ? &o->eth_src
                                      : &o->eth_dst)) {
                ovs_fatal(0, "--%s=%s: not an Ethernet address", name, optarg);
            }
            break;
        case CPU:
            use_cpu(number(name, optarg, 0, CPU_SETSIZE - 1));
            break;
        case 'h':
            usage();
            break;
        default:
            exit(EXIT_FAILURE);
        }
    }
    if (argc - optind != 1) {
        ovs_fatal(0, "one interface has to be named (--help tells more)");
    }
    o->interface = argv[optind];
    if (!has_dst) {
        address("destination", o->ipv6 ? "2001:db8::1" : "192.0.2.1", &o->dst,
                &dst_ipv6);
    }
    if (has_dst && dst_ipv6 != o->ipv6) {
        ovs_fatal(0, "source and destination are not of one family");
    }
    if (o->length < (unsigned int) ETH_HEADER_LEN
        + (o->vlan >= 0 ? VLAN_HEADER_LEN : 0)
        + (o->ipv6 ? IPV6_HEADER_LEN : IP_HEADER_LEN) + UDP_HEADER_LEN) {
        ovs_fatal(0, "--length=%u: too short for these headers", o->length);
    }
    if (o->n_packets == UINT64_MAX && !o->seconds) {
        o->seconds = 1;
    }
}

/* Writes the frame that all others are made of.  Returns the offset of its IP
 * header. */
static size_t
make_frame(const struct options *o, uint8_t *frame)
{
    size_t l3_ofs = ETH_HEADER_LEN + (o->vlan >= 0 ? VLAN_HEADER_LEN : 0);
    struct eth_header *eth = (void *) frame;
    uint8_t *l3 = frame + l3_ofs;
    ovs_be16 type = htons(o->ipv6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
    struct udp_header *udp;
    size_t l4_len;

    memset(frame, 0, o->length);
    eth->eth_dst = o->eth_dst;
    eth->eth_src = o->eth_src;
    eth->eth_type = type;
    if (o->vlan >= 0) {
        struct vlan_eth_header *veth = (void *) frame;

        veth->veth_type = htons(ETH_TYPE_VLAN_8021Q);
        veth->veth_tci = htons(o->vlan);
        veth->veth_next_type = type;
    }

    if (o->ipv6) {
        struct ovs_16aligned_ip6_hdr *ip6 = (void *) l3;

        l4_len = o->length - l3_ofs - IPV6_HEADER_LEN;
        put_16aligned_be32(&ip6->ip6_flow, htonl(6 << 28));
        ip6->ip6_plen = htons(l4_len);
        ip6->ip6_nxt = IPPROTO_UDP;
        ip6->ip6_hlim = 64;
        memcpy(&ip6->ip6_src, &o->src, 12);     /* The rest comes later. */
        memcpy(&ip6->ip6_dst, &o->dst, 16);
        udp = (struct udp_header *) (ip6 + 1);
    } else {
        struct ip_header *ip = (void *) l3;

        l4_len = o->length - l3_ofs - IP_HEADER_LEN;
        ip->ip_ihl_ver = IP_IHL_VER(5, 4);
        ip->ip_tot_len = htons(IP_HEADER_LEN + l4_len);
        ip->ip_ttl = 64;
        ip->ip_proto = IPPROTO_UDP;
        put_16aligned_be32(&ip->ip_dst, in6_addr_get_mapped_ipv4(&o->dst));
        udp = (struct udp_header *) (ip + 1);
    }
    udp->udp_dst = htons(UDP_PORT);
    udp->udp_len = htons(l4_len);
    return l3_ofs;
}

static uint32_t
not_complemented(uint32_t partial)
{
    return ntohs(~csum_finish(partial));
}

static struct ovs_xdp_gen *
load(const struct options *o, int ifindex, uint8_t *frame)
{
    struct ovs_xdp_gen *skel = ovs_xdp_gen__open();
    size_t l3_ofs = make_frame(o, frame);
    const uint8_t *l3 = frame + l3_ofs;
    uint32_t zero = 0;
    int error;

    if (!skel) {
        ovs_fatal(errno, "opening the program");
    }
    skel->rodata->l3_ofs = l3_ofs;
    skel->rodata->ipv6 = o->ipv6;
    skel->rodata->n_sources = o->n_sources;
    skel->rodata->n_ports = o->n_ports;
    skel->rodata->first_port = o->first_port;
    skel->rodata->rate = o->rate;
    skel->rodata->first_source = ntohl(get_unaligned_be32(
        ALIGNED_CAST(ovs_be32 *, &o->src.s6_addr[12])));
    if (o->ipv6) {
        skel->rodata->udp_sum = not_complemented(csum_continue(
            packet_csum_pseudoheader6((void *) l3), l3 + IPV6_HEADER_LEN,
            o->length - l3_ofs - IPV6_HEADER_LEN));
    } else {
        skel->rodata->ip_sum = not_complemented(
            csum_continue(0, l3, IP_HEADER_LEN));
    }

    error = -ovs_xdp_gen__load(skel);
    if (error) {
        fprintf(stderr, "%s: loading the program failed (%s)\n", program_name,
                ovs_strerror(error));
        exit(error == EPERM || error == EOPNOTSUPP ? 77 : EXIT_FAILURE);
    }
    if (bpf_map_update_elem(bpf_map__fd(skel->maps.device), &zero, &ifindex,
                            BPF_ANY)) {
        fprintf(stderr, "%s: %s takes no frames of XDP (%s)\n", program_name,
                o->interface, ovs_strerror(errno));
        exit(77);
    }
    return skel;
}

static bool
ethtool(int fd, const char *interface, void *command)
{
    struct ifreq ifr = { .ifr_data = command };

    ovs_strzcpy(ifr.ifr_name, interface, sizeof ifr.ifr_name);
    return !ioctl(fd, SIOCETHTOOL, &ifr);
}

/* Number of frames of XDP that the device had no room for. */
static uint64_t
n_refused(const char *interface)
{
    struct {
        struct ethtool_sset_info info;
        uint32_t n;
    } count = { .info = { .cmd = ETHTOOL_GSSET_INFO,
                          .sset_mask = 1ull << ETH_SS_STATS } };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ethtool_gstrings *names;
    struct ethtool_stats *stats;
    uint64_t n = 0;

    if (fd < 0 || !ethtool(fd, interface, &count) || !count.n) {
        ovs_fatal(errno, "%s: no statistics", interface);
    }
    names = xzalloc(sizeof *names + count.n * ETH_GSTRING_LEN);
    names->cmd = ETHTOOL_GSTRINGS;
    names->string_set = ETH_SS_STATS;
    names->len = count.n;
    stats = xzalloc(sizeof *stats + count.n * sizeof stats->data[0]);
    stats->cmd = ETHTOOL_GSTATS;
    stats->n_stats = count.n;
    if (!ethtool(fd, interface, names) || !ethtool(fd, interface, stats)) {
        ovs_fatal(errno, "%s: no statistics", interface);
    }
    for (uint32_t i = 0; i < count.n; i++) {
        const char *name = (const char *) &names->data[i * ETH_GSTRING_LEN];

        if (!strncmp(name, "tx_", 3) && strstr(name, "xdp_xmit_error")) {
            n += stats->data[i];
        }
    }
    free(names);
    free(stats);
    close(fd);
    return n;
}

static volatile sig_atomic_t stop;

static void
on_signal(int signum OVS_UNUSED)
{
    stop = true;
}

static double
now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
send_all(const struct options *o, struct ovs_xdp_gen *skel, uint8_t *frame)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = frame,
                .data_size_in = o->length,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
    volatile uint64_t *n_left = (volatile uint64_t *) &skel->bss->n_left;

    *n_left = o->n_packets;
    while (!stop && *n_left) {
        opts.repeat = o->seconds ? MIN_REPEAT : INT32_MAX;
        if (*n_left < (uint64_t) opts.repeat) {
            opts.repeat = *n_left;
        }
        if (bpf_prog_test_run_opts(
                bpf_program__fd(skel->progs.ovs_xdp_gen), &opts)
            && errno != EINTR) {
            fprintf(stderr, "%s: no live frames (%s)\n", program_name,
                    ovs_strerror(errno));
            exit(errno == EINVAL || errno == EOPNOTSUPP ? 77 : EXIT_FAILURE);
        }
    }
}

int
main(int argc, char *argv[])
{
    uint64_t refused_before, refused;
    double start, cpu_start, seconds, cpu_seconds;
    struct ovs_xdp_gen *skel;
    struct options o;
    uint8_t frame[4096];
    int ifindex;

    set_program_name(argv[0]);
    libbpf_set_print(NULL);
    parse_options(argc, argv, &o);
    ifindex = if_nametoindex(o.interface);
    if (!ifindex) {
        ovs_fatal(errno, "%s", o.interface);
    }
    skel = load(&o, ifindex, frame);
    refused_before = n_refused(o.interface);

    /* A signal ends the system call, too, thus no SA_RESTART. */
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (o.seconds) {
        struct itimerval timer = {
            .it_value = { .tv_sec = o.seconds,
                          .tv_usec = (o.seconds - (long) o.seconds) * 1e6 },
        };

        timer.it_value.tv_usec += !timer.it_value.tv_sec
                                  && !timer.it_value.tv_usec;
        setitimer(ITIMER_REAL, &timer, NULL);
    }

    start = now(CLOCK_MONOTONIC);
    cpu_start = now(CLOCK_THREAD_CPUTIME_ID);
    send_all(&o, skel, frame);
    seconds = now(CLOCK_MONOTONIC) - start;
    cpu_seconds = now(CLOCK_THREAD_CPUTIME_ID) - cpu_start;

    refused = n_refused(o.interface) - refused_before;
    printf("{\"sent\": %"PRIu64", \"refused\": %"PRIu64", "
           "\"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
           (uint64_t) skel->bss->n_sent, refused, seconds, cpu_seconds);
    ovs_xdp_gen__destroy(skel);
    return 0;
}
#else /* !XDP_OFFLOAD */
#include <stdio.h>

int
main(void)
{
    fprintf(stderr, "built without --enable-xdp-offload\n");
    return 77;
}
#endif
