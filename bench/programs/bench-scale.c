/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-scale ENTRIES MOVED PACKETS SAMPLES
 *
 * Loads ENTRIES identifiers into the ILA mapping table of the kernel module
 * that is loaded; see bench-guest.h.  MOVED of them, at most half, every other
 * one of the first, have another locator than the rest and move to that in one
 * command.  Then sends packets into the device "bench-in", whose peer
 * "bench-p1" is port 1, to identifiers picked from them in a fixed, scattered
 * order; the datapath drops them.
 *
 * Prints {"load_ns": NS, "move_ns": NS, "bytes": B, "memory": B,
 * "ns": [NS, ...], "without": [NS, ...]}: nanoseconds and bytes per entry, the
 * latter by what the table says and by what the machine lacks; nanoseconds per
 * packet, the sending included, with the port translating and without. */

#include "bench-guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "openvswitch/extension-abi.h"

enum { MAX_ENTRIES = 4 << 20, CHUNK = 1024, MAX_SAMPLES = 100 };

static const uint32_t sir[2] = { 0x33330000, 1 };
static const uint32_t locator[2] = { 0x20010db8, 0xb };
static const uint32_t old_locator[2] = { 0x20010db8, 0xa };

static int ila_family;

/* The identifier number 'i', first word first: scattered, no two the same. */
static void
identifier(unsigned int i, uint32_t id[2])
{
    id[0] = htonl(0x20000000 | i >> 16);
    id[1] = htonl(i * 2654435761u);
}

static void
put_halves(uint8_t addr[16], const uint32_t upper[2], const uint32_t id[2])
{
    uint32_t words[4] = { htonl(upper[0]), htonl(upper[1]), id[0], id[1] };

    memcpy(addr, words, sizeof words);
}

/* Writes a locator as it is on the wire. */
static void
put_locator(uint32_t wire[2], const uint32_t host[2])
{
    wire[0] = htonl(host[0]);
    wire[1] = htonl(host[1]);
}

/* Loads all, 'n_old' of them with the old locator, and returns how long that
 * took. */
static uint64_t
load(unsigned int n, unsigned int n_old)
{
    static struct ovs_ila_entry entries[CHUNK];
    uint64_t start = now_ns();

    for (unsigned int i = 0; i < n; i += CHUNK) {
        unsigned int n_chunk = n - i < CHUNK ? n - i : CHUNK;
        uint8_t flags = ((i ? 0 : OVS_ILA_LOAD_BEGIN)
                         | (i + n_chunk < n ? 0 : OVS_ILA_LOAD_COMMIT));
        struct msg m;
        int error;

        memset(entries, 0, sizeof entries);
        for (unsigned int j = 0; j < n_chunk; j++) {
            struct ovs_ila_entry *e = &entries[j];

            identifier(i + j, e->match.identifier);
            e->match.fields = OVS_ILA_MATCH_IDENTIFIER;
            e->match.dir = 2;
            put_locator(e->locator, ((i + j) % 2 && (i + j) / 2 < n_old
                                     ? old_locator : locator));
            e->csum_mode = 2;
            e->ident_type = 1;
        }
        begin(&m, ila_family, OVS_ILA_CMD_LOAD, OVS_ILA_VERSION, NLM_F_ACK);
        put(&m, OVS_ILA_ATTR_LOAD_FLAGS, &flags, sizeof flags);
        put(&m, OVS_ILA_ATTR_ENTRIES, entries, n_chunk * sizeof *entries);
        error = transact(&m);
        if (error) {
            fatal(error, "loading entry %u and those after it", i);
        }
    }
    return now_ns() - start;
}

/* Gives the 'n' entries that have the old locator the new one, and returns how
 * long that took. */
static uint64_t
move(unsigned int n)
{
    struct ovs_ila_filter filter;
    uint32_t to[2], moved;
    uint64_t start;
    const void *p;
    struct msg m;
    int error;

    memset(&filter, 0, sizeof filter);
    put_locator(filter.locator, old_locator);
    put_locator(to, locator);
    begin(&m, ila_family, OVS_ILA_CMD_MOVE, OVS_ILA_VERSION, 0);
    put(&m, OVS_ILA_ATTR_FILTER, &filter, sizeof filter);
    put(&m, OVS_ILA_ATTR_LOCATOR, to, sizeof to);
    start = now_ns();
    error = transact(&m);
    start = now_ns() - start;
    p = error ? NULL : find(&m, sizeof(struct ovs_header), OVS_ILA_ATTR_N);
    if (!p) {
        fatal(error, "moving to another locator");
    }
    memcpy(&moved, p, sizeof moved);
    if (moved != n) {
        fatal(0, "%u entries moved, not %u", moved, n);
    }
    return start;
}

/* What the table says of itself.  'translated' is the number of packets. */
static void
table_stats(struct ovs_ila_usage *usage, uint64_t *translated)
{
    uint64_t counts[OVS_ILA_N_COUNTS];
    const void *u, *c;
    struct msg m;
    int error;

    begin(&m, ila_family, OVS_ILA_CMD_GET_STATS, OVS_ILA_VERSION, 0);
    error = transact(&m);
    u = error ? NULL : find(&m, sizeof(struct ovs_header),
                            OVS_ILA_ATTR_USAGE);
    c = error ? NULL : find(&m, sizeof(struct ovs_header),
                            OVS_ILA_ATTR_COUNTS);
    if (!u || !c) {
        fatal(error, "statistics of the table");
    }
    memcpy(usage, u, sizeof *usage);
    memcpy(counts, c, sizeof counts);
    *translated = counts[OVS_ILA_COUNT_OUT];
}

#define MEMINFO "/proc/meminfo"

static double
available_bytes(void)
{
    char line[128];
    double kb = 0;
    FILE *f = fopen(MEMINFO, "r");

    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "MemAvailable: %lf", &kb);
    }
    if (!kb) {
        fatal(errno, "/proc/meminfo");
    }
    fclose(f);
    return kb * 1024;
}

static void
set_port(uint8_t dirs)
{
    struct msg m;
    int error;

    begin(&m, ila_family, OVS_ILA_CMD_SET_PORT, OVS_ILA_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_ILA_ATTR_PORT, 1);
    put(&m, OVS_ILA_ATTR_DIRS, &dirs, sizeof dirs);
    error = transact(&m);
    if (error) {
        fatal(error, "switching ILA at port 1");
    }
}

/* Adds a flow that drops UDP over IPv6 to addresses with 'prefix'. */
static void
add_flow(const uint32_t prefix[2])
{
    struct msg m;

    begin_flow(&m);
    for (int mask = 0; mask < 2; mask++) {
        size_t nest = nest_begin(&m, mask ? OVS_FLOW_ATTR_MASK
                                          : OVS_FLOW_ATTR_KEY);
        uint16_t eth_type = mask ? UINT16_MAX : htons(ETH_P_IPV6);
        struct ovs_key_udp udp = { .udp_src = 0, .udp_dst = 0 };
        struct ovs_key_ethernet eth;
        struct ovs_key_ipv6 ip;

        memset(&eth, 0, sizeof eth);
        memset(&ip, 0, sizeof ip);
        for (int i = 0; i < 2; i++) {
            ip.ipv6_dst[i] = mask ? UINT32_MAX : htonl(prefix[i]);
        }
        ip.ipv6_proto = mask ? 0xff : IPPROTO_UDP;
        put_u32(&m, OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : 1);
        put(&m, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
        put(&m, OVS_KEY_ATTR_ETHERTYPE, &eth_type, sizeof eth_type);
        put(&m, OVS_KEY_ATTR_IPV6, &ip, sizeof ip);
        if (!mask) {
            put(&m, OVS_KEY_ATTR_UDP, &udp, sizeof udp);
        }
        nest_end(&m, nest);
    }
    nest_end(&m, nest_begin(&m, OVS_FLOW_ATTR_ACTIONS));
    end_flow(&m);
}

/* Sends packets and returns nanoseconds for each.  There is one processor,
 * which has done with a packet when sendto() returns. */
static double
send_packets(int sock, const struct sockaddr_ll *to, unsigned int n,
             unsigned int n_entries)
{
    static unsigned int next;
    uint8_t packet[14 + 40 + 8] = {
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
        0x60, 0, 0, 0, 0, 8, IPPROTO_UDP, 64, 0xfd,
    };
    uint64_t start = now_ns();

    packet[57] = 1;             /* Destination port. */
    packet[59] = 8;             /* UDP length. */
    for (unsigned int i = 0; i < n; i++) {
        uint32_t id[2];

        next = (next + 2654435761u) % n_entries;
        identifier(next, id);
        put_halves(&packet[38], sir, id);
        if (sendto(sock, packet, sizeof packet, 0, (const void *) to,
                   sizeof *to) != sizeof packet) {
            fatal(errno, "sending a packet");
        }
    }
    return (double) (now_ns() - start) / n;
}

static void
print_array(const char *name, const double values[], unsigned int n)
{
    printf(", \"%s\": [", name);
    for (unsigned int i = 0; i < n; i++) {
        printf("%s%.2f", i ? ", " : "", values[i]);
    }
    printf("]");
}

int
main(int argc, char *argv[])
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_ifindex = if_nametoindex("bench-in"),
        .sll_halen = ETH_ALEN,
    };
    double ns[MAX_SAMPLES], without[MAX_SAMPLES], memory;
    unsigned int n_entries, n_moved, n_packets, n_samples;
    uint64_t translated, load_ns, move_ns, missed;
    struct ovs_ila_usage usage;
    int sock;

    if (argc != 5) {
        fatal(0, "usage: bench-scale ENTRIES MOVED PACKETS SAMPLES");
    }
    n_entries = number(argv[1], MAX_ENTRIES);
    n_moved = number(argv[2], n_entries / 2);
    n_packets = number(argv[3], 10000000);
    n_samples = number(argv[4], MAX_SAMPLES);
    make_datapath();
    ila_family = family(OVS_ILA_FAMILY);
    if (!ila_family) {
        fatal(0, "this module has no ILA mapping table");
    }
    add_port("bench-p1", 1);
    add_flow(sir);
    add_flow(locator);
    memory = available_bytes();
    load_ns = load(n_entries, n_moved);
    memory -= available_bytes();
    move_ns = move(n_moved);

    sock = socket(AF_PACKET, SOCK_RAW, 0);
    if (sock < 0 || !to.sll_ifindex) {
        fatal(errno, "bench-in");
    }
    missed = datapath_missed();
    send_packets(sock, &to, 100, n_entries);
    for (unsigned int i = 0; i < n_samples; i++) {
        set_port(OVS_ILA_DIRS_OUT);
        ns[i] = send_packets(sock, &to, n_packets, n_entries);
        set_port(0);
        without[i] = send_packets(sock, &to, n_packets, n_entries);
    }
    table_stats(&usage, &translated);
    if (usage.n != n_entries || datapath_missed() != missed
        || translated != (uint64_t) n_samples * n_packets) {
        fatal(0, "%u entries, %llu packets translated, %llu missed",
              usage.n, (unsigned long long) translated,
              (unsigned long long) (datapath_missed() - missed));
    }
    printf("{\"load_ns\": %.1f, \"move_ns\": %.1f, \"bytes\": %.2f, "
           "\"memory\": %.2f",
           (double) load_ns / n_entries, (double) move_ns / n_moved,
           (double) usage.bytes / n_entries, memory / n_entries);
    print_array("ns", ns, n_samples);
    print_array("without", without, n_samples);
    printf("}\n");
    close(sock);
    delete_datapath();
    return 0;
}
