/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

/* The packet generator of tests and benchmarks (tests/ovs-xdp-gen.c): the
 * kernel runs it again and again on frames that it made of one that userspace
 * gave it, by BPF_PROG_TEST_RUN with live frames, and sends them out.  Each
 * frame gets a source address and a source port of its own, and right
 * checksums. */

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char _license[] SEC("license") = "GPL v2";

/* Where things are in the frame, in bytes. */
const volatile __u32 l3_ofs;        /* 14 or 18. */
const volatile bool ipv6;

const volatile __u32 n_sources;     /* Not 0.  Consecutive addresses... */
const volatile __u32 first_source;  /* ...from this on: IPv4, or the last word
                                     * of IPv6; host order. */
const volatile __u32 n_ports;       /* Likewise. */
const volatile __u32 first_port;

/* Sums of the IPv4 header and of the UDP datagram with its pseudo header,
 * without what is set here; not complemented. */
const volatile __u32 ip_sum;
const volatile __u32 udp_sum;

/* Packets per second, or 0 for as many as possible.  What is missed is made up
 * for by at most MAX_BURST, which a ring of veth has room for. */
const volatile __u64 rate;
#define MAX_BURST 256
#define NS_PER_SECOND 1000000000ull

__u64 n_left;                   /* Packets to be sent. */
__u64 n_sent;                   /* That were handed to the device. */
__u64 seq;
__u64 budget;                   /* Packets that are due... */
__u64 budget_time;              /* ...with those before this time, in ns. */

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} device SEC(".maps");

#define ST16(P, OFS, V) (*(__be16 *) ((P) + (OFS)) = bpf_htons(V))

static __always_inline __u16
fold(__u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* Takes one packet from the budget.  If it is empty, no packet is due. */
static __always_inline bool
is_due(void)
{
    __u64 elapsed, now, n;

    if (!budget) {
        now = bpf_ktime_get_ns();
        if (!budget_time) {
            budget_time = now;
        }
        elapsed = now - budget_time;
        if (elapsed > NS_PER_SECOND) {
            elapsed = NS_PER_SECOND;
            budget_time = now - elapsed;
        }
        n = elapsed * rate / NS_PER_SECOND;
        if (!n) {
            return false;
        }
        budget_time += n * NS_PER_SECOND / rate;
        budget = n < MAX_BURST ? n : MAX_BURST;
    }
    budget--;
    return true;
}

SEC("xdp")
int
ovs_xdp_gen(struct xdp_md *ctx)
{
    void *frame = (void *) (long) ctx->data;
    void *end = (void *) (long) ctx->data_end;
    __u32 hash, src, port, sum;
    void *l3;

    if (!n_left || (rate && !is_due())) {
        return XDP_DROP;
    }
    /* Neighbors in time are none in memory, as in a real attack. */
    hash = seq++ * 2654435761u;
    src = first_source + (__u32) ((__u64) hash * n_sources >> 32);
    hash *= 2246822519u;
    port = first_port + (__u32) ((__u64) hash * n_ports >> 32);
    sum = (src >> 16) + (src & 0xffff);

    l3 = frame + (l3_ofs == 18 ? 18 : 14);
    if (ipv6) {
        if (l3 + 48 > end) {
            return XDP_ABORTED;
        }
        ST16(l3, 20, src >> 16);
        ST16(l3, 22, src);
        ST16(l3, 40, port);
        sum = fold(udp_sum + sum + (port & 0xffff));
        ST16(l3, 46, sum ? sum : 0xffff);
    } else {
        if (l3 + 28 > end) {
            return XDP_ABORTED;
        }
        ST16(l3, 12, src >> 16);
        ST16(l3, 14, src);
        ST16(l3, 10, fold(ip_sum + sum));
        ST16(l3, 20, port);
    }
    n_left--;
    n_sent++;
    return bpf_redirect_map(&device, 0, 0);
}
