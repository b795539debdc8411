/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-handler BURST SIZE PACKETS SAMPLES
 *
 * Measures flow set-up by the ovs-vswitchd that runs, which forwards from
 * "bench-p1" to "bench-p2": PACKETS packets of SIZE bytes, each the first one
 * of its connection, go into "bench-in", the peer of the former, BURST at a
 * time; when the last one of them came out of "bench-out", the peer of the
 * latter, the next ones follow.  Then all of them once more, whose flows are
 * there now.  Prints {"ns": [NS, ...], "known_ns": [NS, ...]}, nanoseconds per
 * packet, of the former and of the latter; see bench-guest.h. */

#include "bench-guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define MIN_SIZE 64
#define MAX_SIZE 1514
#define PAYLOAD 42              /* Offset of the UDP payload. */
#define MAX_SAMPLES 100
#define LAST 'L'                /* In the payload of a burst's last packet. */

static int
packet_socket(const char *device, struct sockaddr_ll *address)
{
    int sock = socket(AF_PACKET, SOCK_RAW, 0);

    *address = (struct sockaddr_ll) {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_IP),
        .sll_ifindex = if_nametoindex(device),
        .sll_halen = ETH_ALEN,
    };
    if (sock < 0 || !address->sll_ifindex) {
        fatal(errno, "%s", device);
    }
    return sock;
}

/* A socket that receives the last packets of bursts only. */
static int
receiver(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PAYLOAD),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LAST, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, MAX_SIZE),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = { .len = 4, .filter = code };
    struct timeval timeout = { .tv_sec = 10 };
    struct sockaddr_ll address;
    int sock = packet_socket("bench-out", &address);

    if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter)
        || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout)
        || bind(sock, (struct sockaddr *) &address, sizeof address)) {
        fatal(errno, "bench-out");
    }
    return sock;
}

/* Makes 'packet', of 'size' bytes, the first one of connection number 'n'. */
static void
make_packet(char packet[], unsigned int size, uint32_t n, bool last)
{
    unsigned int ip_len = size - ETH_HLEN;

    static const char header[PAYLOAD] = {
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0,
        10, 0, 0, 0, 20, 0, 0, 2,
        0, 7, 0, 9, 0, 0, 0, 0,
    };

    memset(packet, 0, size);
    memcpy(packet, header, sizeof header);
    packet[16] = ip_len >> 8;
    packet[17] = ip_len;
    packet[38] = (ip_len - 20) >> 8;
    packet[39] = ip_len - 20;
    packet[27] = n >> 16;
    packet[28] = n >> 8;
    packet[29] = n;
    packet[PAYLOAD] = last ? LAST : 0;
}

struct load {
    int in, out;                /* Sockets. */
    struct sockaddr_ll to;
    unsigned int burst, size, n_bursts;
};

/* Sends the first packets of the connections from number 'n' on.  Returns
 * nanoseconds per packet. */
static double
run(const struct load *load, uint32_t n)
{
    uint64_t start = now_ns();
    uint32_t end = n + load->n_bursts * load->burst;

    while (n != end) {
        char packet[MAX_SIZE];

        for (unsigned int k = 0; k < load->burst; k++) {
            make_packet(packet, load->size, n++, k == load->burst - 1);
            if (sendto(load->in, packet, load->size, 0,
                       (const void *) &load->to, sizeof load->to) < 0) {
                fatal(errno, "sending");
            }
        }
        if (recv(load->out, packet, sizeof packet, 0) < 0) {
            fatal(errno, "what went before %u did not come out", n);
        }
    }
    return ((double) (now_ns() - start)
            / (load->n_bursts * load->burst));
}

static void
print_list(const char *name, const double values[], unsigned int n)
{
    printf("\"%s\": [", name);
    for (unsigned int i = 0; i < n; i++) {
        printf("%s%.2f", i ? ", " : "", values[i]);
    }
    printf("]");
}

int
main(int argc, char *argv[])
{
    double news[MAX_SAMPLES], known[MAX_SAMPLES];
    unsigned int n_samples;
    uint32_t connection = 0;
    struct load load;

    if (argc != 5) {
        fatal(0, "usage: bench-handler BURST SIZE PACKETS SAMPLES");
    }
    load.burst = number(argv[1], 1000);
    load.size = number(argv[2], MAX_SIZE);
    load.n_bursts = number(argv[3], 1000000) / load.burst;
    n_samples = number(argv[4], MAX_SAMPLES);
    if (!load.n_bursts || load.size < MIN_SIZE) {
        fatal(0, "at least one burst, and %d bytes", MIN_SIZE);
    }
    load.in = packet_socket("bench-in", &load.to);
    load.out = receiver();

    /* The first sample warms up. */
    for (unsigned int i = 0; i <= n_samples; i++) {
        double new_ns = run(&load, connection);
        double known_ns = run(&load, connection);

        if (i) {
            news[i - 1] = new_ns;
            known[i - 1] = known_ns;
        }
        connection += load.n_bursts * load.burst;
    }
    printf("{");
    print_list("ns", news, n_samples);
    printf(", ");
    print_list("known_ns", known, n_samples);
    printf("}\n");
    return 0;
}
