/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-handler BURST SIZE PACKETS SAMPLES
 *
 * Measures flow set-up by the ovs-vswitchd that runs, which forwards from
 * "bench-p1" to "bench-p2": PACKETS packets of SIZE bytes, each the first one
 * of its connection, go into "bench-in", the peer of the former, BURST at a
 * time; when the last one of them came out of "bench-out", the peer of the
 * latter, the next ones follow.  Prints {"ns": [NS, ...]}, nanoseconds per
 * packet; see bench-guest.h. */

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

int
main(int argc, char *argv[])
{
    static uint32_t connection;
    unsigned int burst, size, n_bursts, n_samples;
    struct sockaddr_ll to;
    int in, out;

    if (argc != 5) {
        fatal(0, "usage: bench-handler BURST SIZE PACKETS SAMPLES");
    }
    burst = number(argv[1], 1000);
    size = number(argv[2], MAX_SIZE);
    n_bursts = number(argv[3], 1000000) / burst;
    n_samples = number(argv[4], 100);
    if (!n_bursts || size < MIN_SIZE) {
        fatal(0, "at least one burst, and %d bytes", MIN_SIZE);
    }
    in = packet_socket("bench-in", &to);
    out = receiver();

    /* The first sample warms up. */
    printf("{\"ns\": [");
    for (unsigned int i = 0; i <= n_samples; i++) {
        uint64_t start = now_ns();

        for (unsigned int j = 0; j < n_bursts; j++) {
            char packet[MAX_SIZE];

            for (unsigned int k = 0; k < burst; k++) {
                make_packet(packet, size, connection++, k == burst - 1);
                if (sendto(in, packet, size, 0, (const void *) &to,
                           sizeof to) < 0) {
                    fatal(errno, "sending");
                }
            }
            if (recv(out, packet, sizeof packet, 0) < 0) {
                fatal(errno, "burst %u did not come out", j);
            }
        }
        if (i) {
            printf("%s%.2f", i > 1 ? ", " : "",
                   (double) (now_ns() - start) / (n_bursts * burst));
        }
    }
    printf("]}\n");
    return 0;
}
