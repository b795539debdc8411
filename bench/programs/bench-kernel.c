/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-kernel dump SHAPE FLOWS POLICY FULL TERSE
 *        bench-kernel forward PATH PACKETS SAMPLES
 *
 * Measures the kernel module that is loaded; see bench-guest.h.
 *
 * "dump" does what bench-dump does: FLOWS flows of SHAPE (v4, v6 or tunnel),
 * each matching every field, with a UFID; FULL dumps of all, TERSE dumps
 * without keys, masks and actions.  POLICY of the match cache is off, lazy or
 * eager; with a module that has none only off is possible.  Prints
 * {"full": [NS, ...], "terse": [NS, ...], "library": NS, "library_ring": NS,
 * "flow_bytes": B, "cache_bytes": B}, nanoseconds and bytes per flow.
 * Messages are counted but not parsed, but for those that Open vSwitch's
 * library dumps in full: by netlink, and by ring, which is 0 with a module
 * that has none.
 *
 * "forward" sends packets into the device "bench-in", whose peer "bench-p1" is
 * port 1; they leave through port 2, "bench-p2".  The devices have to exist.
 * PATH is output, masks, set, vlan, recirc or ct.  Prints {"ns": [NS, ...]},
 * nanoseconds per packet, the sending included. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench-guest.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ring-kernel.h"

#define MEMINFO "/proc/meminfo"

static int cache_family;        /* 0 if the module has none. */

static void
set_policy(const char *policy)
{
    static const char *const names[] = {
        [OVS_MATCH_CACHE_OFF] = "off",
        [OVS_MATCH_CACHE_LAZY] = "lazy",
        [OVS_MATCH_CACHE_EAGER] = "eager",
    };
    uint64_t max_bytes = UINT64_C(1) << 30;
    struct msg m;
    int error;
    uint32_t i;

    for (i = 0; strcmp(names[i], policy); i++) {
        if (i == OVS_MATCH_CACHE_EAGER) {
            fatal(0, "%s: policy is not off, lazy or eager", policy);
        }
    }
    if (!cache_family) {
        if (i != OVS_MATCH_CACHE_OFF) {
            fatal(0, "this module has no match cache");
        }
        return;
    }
    begin(&m, cache_family, OVS_MATCH_CACHE_CMD_SET, OVS_MATCH_CACHE_VERSION,
          NLM_F_ACK);
    put_u32(&m, OVS_MATCH_CACHE_ATTR_POLICY, i);
    put(&m, OVS_MATCH_CACHE_ATTR_MAX_BYTES, &max_bytes, sizeof max_bytes);
    error = transact(&m);
    if (error) {
        fatal(error, "setting the match cache to %s", policy);
    }
}

/* Bytes of all cached matches. */
static uint64_t
cache_bytes(void)
{
    const void *value;
    uint64_t bytes = 0;
    struct msg m;

    if (cache_family) {
        begin(&m, cache_family, OVS_MATCH_CACHE_CMD_GET,
              OVS_MATCH_CACHE_VERSION, 0);
        if (transact(&m)
            || !(value = find(&m, sizeof(struct ovs_header),
                              OVS_MATCH_CACHE_ATTR_BYTES))) {
            fatal(0, "no statistics of the match cache");
        }
        memcpy(&bytes, value, sizeof bytes);
    }
    return bytes;
}

/* Flows. */

/* What a flow matches; what is zero it does not have. */
struct match {
    uint32_t in_port;
    uint32_t recirc_id;
    bool tunnel;
    uint16_t eth_type;
    uint8_t proto;
    uint32_t nw_src, nw_dst;    /* Of IPv4, and the low words of IPv6. */
    uint16_t tp_src, tp_dst;
};

/* Puts the address of IPv6 fd00::'low' into 'a', all ones as a mask. */
static void
ipv6(__be32 a[4], uint32_t low, bool mask)
{
    memset(a, mask ? 0xff : 0, 16);
    if (!mask) {
        a[0] = htonl(0xfd000000);
        a[3] = htonl(low);
    }
}

static void
put_tunnel(struct msg *m, bool mask)
{
    uint64_t id = mask ? UINT64_MAX : htobe64(5001);
    uint32_t src = mask ? UINT32_MAX : htonl(0xac100001);
    uint32_t dst = mask ? UINT32_MAX : htonl(0xac100002);
    uint8_t tos = mask ? 0xff : 0, ttl = mask ? 0xff : 64;
    uint16_t port = mask ? UINT16_MAX : htons(4789);
    size_t nest = nest_begin(m, OVS_KEY_ATTR_TUNNEL);

    put(m, OVS_TUNNEL_KEY_ATTR_ID, &id, sizeof id);
    put(m, OVS_TUNNEL_KEY_ATTR_IPV4_SRC, &src, sizeof src);
    put(m, OVS_TUNNEL_KEY_ATTR_IPV4_DST, &dst, sizeof dst);
    put(m, OVS_TUNNEL_KEY_ATTR_TOS, &tos, sizeof tos);
    put(m, OVS_TUNNEL_KEY_ATTR_TTL, &ttl, sizeof ttl);
    put(m, OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT, NULL, 0);
    put(m, OVS_TUNNEL_KEY_ATTR_TP_SRC, &port, sizeof port);
    put(m, OVS_TUNNEL_KEY_ATTR_TP_DST, &port, sizeof port);
    nest_end(m, nest);
}

/* Puts the key of 'match', or the mask that matches all of it. */
static void
put_match(struct msg *m, const struct match *match, bool mask)
{
    size_t nest = nest_begin(m, mask ? OVS_FLOW_ATTR_MASK
                                     : OVS_FLOW_ATTR_KEY);
    struct ovs_key_ethernet eth = {
        { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 }
    };
    uint16_t ports[2] = { htons(match->tp_src), htons(match->tp_dst) };
    uint16_t eth_type = htons(match->eth_type);
    uint16_t tcp_flags = 0;

    if (match->tunnel) {
        put_tunnel(m, mask);
    }
    put_u32(m, OVS_KEY_ATTR_RECIRC_ID, mask ? UINT32_MAX : match->recirc_id);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : match->in_port);
    if (mask) {
        memset(&eth, 0xff, sizeof eth);
        memset(ports, 0xff, sizeof ports);
        eth_type = tcp_flags = UINT16_MAX;
    }
    put(m, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    put(m, OVS_KEY_ATTR_ETHERTYPE, &eth_type, sizeof eth_type);
    if (match->eth_type == ETH_P_IPV6) {
        struct ovs_key_ipv6 ip;

        memset(&ip, mask ? 0xff : 0, sizeof ip);
        ipv6(ip.ipv6_src, match->nw_src, mask);
        ipv6(ip.ipv6_dst, match->nw_dst, mask);
        ip.ipv6_label = mask ? htonl(0xfffff) : 0;
        ip.ipv6_proto = mask ? 0xff : match->proto;
        ip.ipv6_hlimit = mask ? 0xff : 64;
        put(m, OVS_KEY_ATTR_IPV6, &ip, sizeof ip);
    } else {
        struct ovs_key_ipv4 ip;

        memset(&ip, mask ? 0xff : 0, sizeof ip);
        if (!mask) {
            ip.ipv4_src = htonl(match->nw_src);
            ip.ipv4_dst = htonl(match->nw_dst);
            ip.ipv4_proto = match->proto;
            ip.ipv4_ttl = 64;
        }
        put(m, OVS_KEY_ATTR_IPV4, &ip, sizeof ip);
    }
    if (match->proto == IPPROTO_TCP) {
        put(m, OVS_KEY_ATTR_TCP, ports, sizeof ports);
        put(m, OVS_KEY_ATTR_TCP_FLAGS, &tcp_flags, sizeof tcp_flags);
    } else {
        put(m, OVS_KEY_ATTR_UDP, ports, sizeof ports);
    }
    nest_end(m, nest);
}

/* Dumps. */

static void
add_dump_flow(const char *shape, unsigned int i)
{
    struct match match = {
        .tunnel = !strcmp(shape, "tunnel"),
        .eth_type = !strcmp(shape, "v6") ? ETH_P_IPV6 : ETH_P_IP,
        .proto = IPPROTO_TCP,
        .nw_src = 0x0a000000 + i,
        .nw_dst = 0xc0a80001,
        .tp_src = 1024 + i % 60000,
        .tp_dst = 443,
    };
    struct msg m;
    size_t nest;

    begin_flow(&m);
    put_match(&m, &match, false);
    put_match(&m, &match, true);
    nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
    put_u32(&m, OVS_ACTION_ATTR_OUTPUT, 0);
    nest_end(&m, nest);
    end_flow(&m);
}

/* Dumps all flows and returns the time that it took. */
static uint64_t
dump(bool terse, unsigned int n_flows)
{
    static struct msg m;
    unsigned int n = 0;
    uint64_t start;

    begin(&m, flow_family, OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, NLM_F_DUMP);
    if (terse) {
        put_u32(&m, OVS_FLOW_ATTR_UFID_FLAGS,
                OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK
                | OVS_UFID_F_OMIT_ACTIONS);
    }
    start = now_ns();
    send_msg(&m);
    for (;;) {
        struct nlmsghdr *nlh;
        int left;

        receive(&m);
        left = m.len;
        for (nlh = &m.nlh; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left)) {
            if (nlh->nlmsg_type == NLMSG_DONE) {
                if (n != n_flows) {
                    fatal(0, "%u flows of %u were dumped", n, n_flows);
                }
                return now_ns() - start;
            } else if (nlh->nlmsg_type == NLMSG_ERROR) {
                fatal(0, "error in a dump");
            }
            n++;
        }
    }
}

/* Memory that the kernel uses for itself. */
static double
kernel_bytes(void)
{
    double sum = 0;
    char line[256];
    FILE *f = fopen(MEMINFO, "r");

    while (f && fgets(line, sizeof line, f)) {
        double kb;

        if (sscanf(line, "SUnreclaim: %lf", &kb) == 1
            || sscanf(line, "Percpu: %lf", &kb) == 1) {
            sum += kb * 1024;
        }
    }
    if (!sum) {
        fatal(errno, MEMINFO);
    }
    fclose(f);
    return sum;
}

/* Returns what a full dump takes by Open vSwitch's library, parsing included,
 * per flow.  'way' is "" or "ring". */
static double
library_dump(const char *way)
{
    char command[64];
    double us;
    FILE *f;

    snprintf(command, sizeof command, "/guest/ovstest test-dpif-dump %s 4 %s",
             DP_NAME, way);
    f = popen(command, "r");
    if (!f || fscanf(f, "%lf", &us) != 1 || pclose(f)) {
        fatal(0, "ovstest test-dpif-dump failed");
    }
    return us * 1000;
}

static void
measure_dumps(char *argv[])
{
    const char *shape = argv[0];
    unsigned int n_flows = number(argv[1], 1000000);
    unsigned int n_full = number(argv[3], 100);
    unsigned int n_terse = number(argv[4], 100);
    double bytes;

    if (strcmp(shape, "v4") && strcmp(shape, "v6")
        && strcmp(shape, "tunnel")) {
        fatal(0, "%s: shape is not v4, v6 or tunnel", shape);
    }
    make_datapath();
    cache_family = family(OVS_MATCH_CACHE_FAMILY);
    set_policy(argv[2]);
    bytes = kernel_bytes();
    for (unsigned int i = 0; i < n_flows; i++) {
        add_dump_flow(shape, i);
    }
    bytes = kernel_bytes() - bytes;
    printf("{\"full\": [");
    for (unsigned int i = 0; i < n_full; i++) {
        printf("%s%.2f", i ? ", " : "", (double) dump(false, n_flows)
                                        / n_flows);
    }
    printf("], \"terse\": [");
    for (unsigned int i = 0; i < n_terse; i++) {
        printf("%s%.2f", i ? ", " : "", (double) dump(true, n_flows)
                                        / n_flows);
    }
    printf("], \"library\": %.2f, ", library_dump(""));
    printf("\"library_ring\": %.2f, \"flow_bytes\": %.1f, "
           "\"cache_bytes\": %.1f}\n",
           access(OVS_RING_DEVICE, F_OK) ? 0 : library_dump("ring"),
           bytes / n_flows, (double) cache_bytes() / n_flows);
    delete_datapath();
}

/* Packets. */

static const struct match packet_match = {
    .in_port = 1,
    .eth_type = ETH_P_IP,
    .proto = IPPROTO_UDP,
    .nw_src = 0x0a000001,
    .nw_dst = 0xc0a80001,
    .tp_src = 1024,
    .tp_dst = 443,
};

/* A UDP packet that 'packet_match' matches. */
static const uint8_t packet[106] = {
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
    0x45, 0, 0, 92, 0, 0, 0x40, 0, 64, 17, 0x6f, 0xe7, 10, 0, 0, 1,
    192, 168, 0, 1,
    4, 0, 1, 187, 0, 72, 0, 0,
};

/* Adds flows like that of the packets with masks of their own, each before
 * the one that matches. */
static void
add_other_masks(void)
{
    for (unsigned int i = 0; i < 16; i++) {
        uint32_t src = htonl(0x0b000000 | i << 16);
        uint32_t src_mask = htonl(0xffff0000 | 0x8000 >> i);
        struct ovs_key_ipv4 ip = { .ipv4_src = src & src_mask };
        struct ovs_key_ipv4 ip_mask = { .ipv4_src = src_mask };
        uint16_t eth_type = htons(ETH_P_IP), exact = UINT16_MAX;
        struct ovs_key_ethernet eth = { { 0 }, { 0 } };
        struct msg m;
        size_t nest;

        begin_flow(&m);
        nest = nest_begin(&m, OVS_FLOW_ATTR_KEY);
        put_u32(&m, OVS_KEY_ATTR_IN_PORT, 1);
        put(&m, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
        put(&m, OVS_KEY_ATTR_ETHERTYPE, &eth_type, sizeof eth_type);
        put(&m, OVS_KEY_ATTR_IPV4, &ip, sizeof ip);
        nest_end(&m, nest);
        nest = nest_begin(&m, OVS_FLOW_ATTR_MASK);
        put_u32(&m, OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
        put(&m, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
        put(&m, OVS_KEY_ATTR_ETHERTYPE, &exact, sizeof exact);
        put(&m, OVS_KEY_ATTR_IPV4, &ip_mask, sizeof ip_mask);
        nest_end(&m, nest);
        nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
        nest_end(&m, nest);
        end_flow(&m);
    }
}

/* Puts what comes before the output on 'path'. */
static void
put_path(struct msg *m, const char *path)
{
    size_t nest;

    if (!strcmp(path, "set")) {
        struct ovs_key_ipv4 ip[2];

        memset(ip, 0, sizeof ip);
        ip[0].ipv4_src = htonl(0x0a090909);
        ip[0].ipv4_ttl = 63;
        ip[1].ipv4_src = UINT32_MAX;
        ip[1].ipv4_ttl = 0xff;
        nest = nest_begin(m, OVS_ACTION_ATTR_SET_MASKED);
        put(m, OVS_KEY_ATTR_IPV4, ip, sizeof ip);
        nest_end(m, nest);
    } else if (!strcmp(path, "vlan")) {
        struct ovs_action_push_vlan vlan = {
            .vlan_tpid = htons(ETH_P_8021Q),
            .vlan_tci = htons(0x1005),
        };

        put(m, OVS_ACTION_ATTR_PUSH_VLAN, &vlan, sizeof vlan);
    } else if (!strcmp(path, "ct")) {
        nest = nest_begin(m, OVS_ACTION_ATTR_CT);
        put(m, OVS_CT_ATTR_COMMIT, NULL, 0);
        nest_end(m, nest);
    }
}

static void
add_packet_flow(uint32_t recirc_id, const char *path, bool recirculate)
{
    struct match match = packet_match;
    struct msg m;
    size_t nest;

    match.recirc_id = recirc_id;
    begin_flow(&m);
    put_match(&m, &match, false);
    put_match(&m, &match, true);
    nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
    put_path(&m, path);
    put_u32(&m, recirculate ? OVS_ACTION_ATTR_RECIRC : OVS_ACTION_ATTR_OUTPUT,
            recirculate ? 7 : 2);
    nest_end(&m, nest);
    end_flow(&m);
}

static void
add_path(const char *path)
{
    bool recirculate = !strcmp(path, "recirc") || !strcmp(path, "ct");

    if (!strcmp(path, "masks")) {
        add_other_masks();
    } else if (!recirculate && strcmp(path, "output") && strcmp(path, "set")
               && strcmp(path, "vlan")) {
        fatal(0, "%s: path is not output, masks, set, vlan, recirc or ct",
              path);
    }
    add_packet_flow(0, path, recirculate);
    if (recirculate) {
        add_packet_flow(7, "output", false);
    }
}

static unsigned long long
tx_packets(const char *device)
{
    unsigned long long n;
    char name[128];
    FILE *f;

    snprintf(name, sizeof name, "/sys/class/net/%s/statistics/tx_packets",
             device);
    f = fopen(name, "r");
    if (!f || fscanf(f, "%llu", &n) != 1) {
        fatal(errno, "%s", name);
    }
    fclose(f);
    return n;
}

/* Sends 'n' packets and waits until they have left through port 2. */
static void
send_packets(int sock, const struct sockaddr_ll *to, unsigned int n)
{
    unsigned long long wanted = tx_packets("bench-p2") + n;

    for (unsigned int i = 0; i < n; i++) {
        if (sendto(sock, packet, sizeof packet, 0, (const void *) to,
                   sizeof *to) != sizeof packet) {
            fatal(errno, "sending a packet");
        }
    }
    for (int i = 0; tx_packets("bench-p2") != wanted; i++) {
        if (i == 1000) {
            fatal(0, "%llu packets forwarded, not %llu",
                  tx_packets("bench-p2"), wanted);
        }
        usleep(1000);
    }
}

static void
measure_forwarding(char *argv[])
{
    unsigned int n_packets = number(argv[1], 10000000);
    unsigned int n_samples = number(argv[2], 100);
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_ifindex = if_nametoindex("bench-in"),
        .sll_halen = ETH_ALEN,
    };
    int sock;

    make_datapath();
    add_port("bench-p1", 1);
    add_port("bench-p2", 2);
    add_path(argv[0]);
    sock = socket(AF_PACKET, SOCK_RAW, 0);
    if (sock < 0 || !to.sll_ifindex) {
        fatal(errno, "bench-in");
    }
    send_packets(sock, &to, 100);
    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        uint64_t start = now_ns();

        send_packets(sock, &to, n_packets);
        printf("%s%.2f", i ? ", " : "",
               (double) (now_ns() - start) / n_packets);
    }
    printf("]}\n");
    close(sock);
    delete_datapath();
}

int
main(int argc, char *argv[])
{
    if (argc == 7 && !strcmp(argv[1], "dump")) {
        measure_dumps(argv + 2);
    } else if (argc == 5 && !strcmp(argv[1], "forward")) {
        measure_forwarding(argv + 2);
    } else {
        fatal(0, "usage: bench-kernel dump SHAPE FLOWS POLICY FULL TERSE\n"
              "       bench-kernel forward PATH PACKETS SAMPLES");
    }
    return 0;
}
