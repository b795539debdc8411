/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

/* The XDP program of a port: drops or forwards the packets of flows that
 * userspace put here, before a buffer is allocated for them, and leaves all
 * others to the AF_XDP socket of their queue.
 *
 *   1. Switched off, or without anything to look up: to the socket.
 *   2. Parse the packet into the key of its family, as miniflow_extract()
 *      does.  Whenever it is not plain that the two agree, to the socket.
 *   3. Blocked prefixes of source addresses, by one lookup for each length.
 *   4. Flows, by one lookup for each mask of the family.
 *   5. Drop; change and redirect; or to the socket.  Of dropped packets some
 *      are copied for userspace, if it wants that.
 *
 * Never does a packet go to the host's own stack, unless there is no socket
 * and the port was told so.
 *
 * lib/xdp-abi.h says who writes what, and when.  Packets are read in words at
 * any address: on machines that cannot do that the kernel refuses the program,
 * and the port does without it. */

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "xdp-abi.h"

char _license[] SEC("license") = "GPL v2";

/* Whether packets of one flow can be in several processors at a time.  If not,
 * counting them takes no atomic operation. */
const volatile bool parallel = true;

struct ovs_xdp_port port;

/* Number of buckets of the tables of flows, less 1. */
const volatile __u32 bucket_mask;

#define FLOWS(NAME, WORDS)                                              \
    struct {                                                            \
        __uint(type, BPF_MAP_TYPE_ARRAY);                               \
        __uint(map_flags, BPF_F_MMAPABLE);                              \
        __uint(max_entries, 1);                                         \
        __uint(key_size, sizeof(__u32));                                \
        __uint(value_size, OVS_XDP_N_SLOTS * OVS_XDP_SLOT_SIZE(WORDS)); \
    } NAME SEC(".maps")

/* Their sizes are set by userspace. */
FLOWS(flows_l2, OVS_XDP_L2_WORDS);
FLOWS(flows_v4, OVS_XDP_V4_WORDS);
FLOWS(flows_v4_eth, OVS_XDP_V4_ETH_WORDS);
FLOWS(flows_v6, OVS_XDP_V6_WORDS);
FLOWS(flows_v6_eth, OVS_XDP_V6_ETH_WORDS);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, struct ovs_xdp_prefix4);
    __type(value, struct ovs_xdp_block);
} block4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, struct ovs_xdp_prefix6);
    __type(value, struct ovs_xdp_block);
} block6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct bpf_devmap_val));
} devices SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, OVS_XDP_N_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Dropped packets that were captured, if somebody opened a buffer for that. */
struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} samples SEC(".maps");

#define ETH_TYPE_MIN 0x600
#define ETH_TYPE_IP 0x0800
#define ETH_TYPE_VLAN_8021Q 0x8100
#define ETH_TYPE_VLAN_8021AD 0x88a8
#define ETH_TYPE_IPV6 0x86dd
#define ETH_TYPE_MPLS 0x8847
#define ETH_TYPE_MPLS_MCAST 0x8848

#define ETH_HEADER_LEN 14
#define VLAN_HEADER_LEN 4
#define IP_HEADER_LEN 20
#define IPV6_HEADER_LEN 40

#define PROTO_HOPOPTS 0
#define PROTO_ICMP 1
#define PROTO_IGMP 2
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_AH 51
#define PROTO_ICMPV6 58
#define PROTO_DSTOPTS 60
#define PROTO_SCTP 132

/* Reads from a packet. */
#define LD8(P, OFS) (*(const __u8 *) ((P) + (OFS)))
#define LD16(P, OFS) (*(const __be16 *) ((P) + (OFS)))
#define LD32(P, OFS) (*(const __be32 *) ((P) + (OFS)))
#define LD64(P, OFS) (*(const __be64 *) ((P) + (OFS)))

/* Keeps the compiler from making one lookup of two in different tables, which
 * the kernel could not inline. */
#define APART() asm volatile("" : : : "memory")

static __always_inline void
count(__u32 what)
{
    __u64 *n = bpf_map_lookup_elem(&counters, &what);

    if (n) {
        ++*n;
    }
}

static __always_inline void
add(__u64 *n, __u64 by)
{
    if (parallel) {
        __sync_fetch_and_add(n, by);
    } else {
        *n += by;
    }
}

static __always_inline int
to_socket(struct xdp_md *ctx)
{
    return bpf_redirect_map(&sockets, ctx->rx_queue_index,
                            port.empty_verdict);
}

static __always_inline int
unsure(struct xdp_md *ctx, __u32 why)
{
    count(why);
    return to_socket(ctx);
}

/* Drops a packet of 'len' bytes. */
static __always_inline int
drop(struct xdp_md *ctx, __u64 len)
{
    __u32 capture = *(volatile __u32 *) &port.capture;

    if (capture && bpf_get_prandom_u32() <= capture) {
        __u64 max = *(volatile __u32 *) &port.capture_len;
        __u64 cap_len = len < max ? len : max;
        struct ovs_xdp_sample sample = {
            .ns = bpf_ktime_get_ns(),
            .ifindex = ctx->ingress_ifindex,
            .len = len,
            .cap_len = cap_len,
        };

        bpf_perf_event_output(ctx, &samples,
                              BPF_F_CURRENT_CPU | cap_len << 32, &sample,
                              sizeof sample);
    }
    return XDP_DROP;
}

/* Stage 2, transport header at 'l4' of 'len' bytes by what the network header
 * says.  Returns false if it is not sure. */
static __always_inline bool
parse_l4(struct ovs_xdp_head *head, const void *l4, const void *end,
         __u32 len)
{
    switch (head->nw_proto) {
    case PROTO_TCP: {
        __u32 header_len;

        if (l4 + 20 > end || len < 20) {
            return false;
        }
        header_len = (LD8(l4, 12) >> 4) * 4;
        if (header_len < 20 || header_len > len) {
            return false;
        }
        head->tp_src = LD16(l4, 0);
        head->tp_dst = LD16(l4, 2);
        head->tcp_flags = LD16(l4, 12) & bpf_htons(0xfff);
        return true;
    }

    case PROTO_UDP:
    case PROTO_SCTP: {
        __u32 header_len = head->nw_proto == PROTO_UDP ? 8 : 12;

        if (l4 + 8 > end || len < header_len) {
            return false;
        }
        head->tp_src = LD16(l4, 0);
        head->tp_dst = LD16(l4, 2);
        return true;
    }

    case PROTO_ICMP:
    case PROTO_IGMP:
    case PROTO_ICMPV6:
        if (l4 + 8 > end || len < 8) {
            return false;
        }
        head->tp_src = bpf_htons(LD8(l4, 0));
        head->tp_dst = bpf_htons(LD8(l4, 1));
        return true;

    default:
        return true;
    }
}

static __always_inline void
parse_ether(struct ovs_xdp_ether *ether, const void *frame)
{
    ether->dst[0] = LD16(frame, 0);
    ether->dst[1] = LD16(frame, 2);
    ether->dst[2] = LD16(frame, 4);
    ether->src[0] = LD16(frame, 6);
    ether->src[1] = LD16(frame, 8);
    ether->src[2] = LD16(frame, 10);
}

/* The 'i'th mask of the family. */
static __always_inline const struct ovs_xdp_mask *
mask_at(const struct ovs_xdp_tables *t, int family, __u32 i)
{
    return &t->masks[(t->first[family] + i) & (OVS_XDP_MAX_MASKS - 1)];
}

static __always_inline bool
mask_skips(const struct ovs_xdp_mask *m, __u8 proto)
{
    return m->proto != OVS_XDP_ANY_PROTO && m->proto != proto;
}

static __always_inline void
apply(union ovs_xdp_key *masked, const union ovs_xdp_key *key,
      const struct ovs_xdp_mask *m, int first, int last)
{
#pragma unroll
    for (int i = first; i < last; i++) {
        masked->words[i] = key->words[i] & m->words[i];
    }
    if (!first) {
        masked->words[0] |= m->tag;
    }
}

/* Can a flow of the mask have a key with this hash? */
static __always_inline bool
may_be(const struct ovs_xdp_mask *m, __u64 hash)
{
    return m->filter >> ovs_xdp_filter_bit(hash) & 1;
}

/* The flow with the key 'masked' of 'n' words in a bucket, if it is there. */
static __always_inline struct ovs_xdp_flow *
find_in(void *bucket, const union ovs_xdp_key *masked, int n)
{
    if (!bucket) {
        return NULL;            /* Cannot be. */
    }
#pragma unroll
    for (int i = 0; i < OVS_XDP_N_SLOTS; i++) {
        const __u64 *words = bucket + i * OVS_XDP_SLOT_SIZE(n);
        __u64 differ = 0;

        if (words[0] != masked->words[0]) {
            continue;
        }
#pragma unroll
        for (int j = 1; j < n; j++) {
            differ |= words[j] ^ masked->words[j];
        }
        if (!differ) {
            return (void *) (words + n);
        }
    }
    return NULL;
}

/* The flow with the key 'masked' of 'n' words, whose hash is 'hash'. */
static __always_inline struct ovs_xdp_flow *
find(void *flows, const union ovs_xdp_key *masked, int n, __u64 hash)
{
    __u32 first = ovs_xdp_bucket(hash, 0, bucket_mask);
    __u32 second = ovs_xdp_bucket(hash, 1, bucket_mask);
    struct ovs_xdp_flow *flow;

    flow = find_in(bpf_map_lookup_elem(flows, &first), masked, n);
    return flow ? flow
           : find_in(bpf_map_lookup_elem(flows, &second), masked, n);
}

/* Stage 4, one function for each family. */
static __always_inline struct ovs_xdp_flow *
find_l2(const struct ovs_xdp_tables *t, const union ovs_xdp_key *key)
{
    __u32 n = t->n[OVS_XDP_L2];

    for (__u32 i = 0; i < OVS_XDP_MAX_MASKS && i < n; i++) {
        const struct ovs_xdp_mask *m = mask_at(t, OVS_XDP_L2, i);
        struct ovs_xdp_flow *flow;
        union ovs_xdp_key masked;
        __u64 hash;

        apply(&masked, key, m, 0, OVS_XDP_L2_WORDS);
        hash = ovs_xdp_hash(0, masked.words, 0, OVS_XDP_L2_WORDS);
        if (!may_be(m, hash)) {
            continue;
        }
        flow = find(&flows_l2, &masked, OVS_XDP_L2_WORDS, hash);
        if (flow) {
            return flow;
        }
    }
    return NULL;
}

static __always_inline struct ovs_xdp_flow *
find_v4(const struct ovs_xdp_tables *t, const union ovs_xdp_key *key)
{
    __u32 n = t->n[OVS_XDP_IPV4];

    for (__u32 i = 0; i < OVS_XDP_MAX_MASKS && i < n; i++) {
        const struct ovs_xdp_mask *m = mask_at(t, OVS_XDP_IPV4, i);
        struct ovs_xdp_flow *flow;
        union ovs_xdp_key masked;
        __u64 hash;

        if (mask_skips(m, key->head.nw_proto)) {
            continue;
        }
        apply(&masked, key, m, 0, OVS_XDP_V4_WORDS);
        hash = ovs_xdp_hash(0, masked.words, 0, OVS_XDP_V4_WORDS);
        if (!may_be(m, hash)) {
            continue;
        }
        if (m->shape == OVS_XDP_SHAPE_V4) {
            flow = find(&flows_v4, &masked, OVS_XDP_V4_WORDS, hash);
            APART();
        } else {
            apply(&masked, key, m, OVS_XDP_V4_WORDS, OVS_XDP_V4_ETH_WORDS);
            hash = ovs_xdp_hash(hash, masked.words, OVS_XDP_V4_WORDS,
                                OVS_XDP_V4_ETH_WORDS);
            flow = find(&flows_v4_eth, &masked, OVS_XDP_V4_ETH_WORDS, hash);
        }
        if (flow) {
            return flow;
        }
    }
    return NULL;
}

static __always_inline struct ovs_xdp_flow *
find_v6(const struct ovs_xdp_tables *t, const union ovs_xdp_key *key)
{
    __u32 n = t->n[OVS_XDP_IPV6];

    for (__u32 i = 0; i < OVS_XDP_MAX_MASKS && i < n; i++) {
        const struct ovs_xdp_mask *m = mask_at(t, OVS_XDP_IPV6, i);
        struct ovs_xdp_flow *flow;
        union ovs_xdp_key masked;
        __u64 hash;

        if (mask_skips(m, key->head.nw_proto)) {
            continue;
        }
        apply(&masked, key, m, 0, OVS_XDP_V6_WORDS);
        hash = ovs_xdp_hash(0, masked.words, 0, OVS_XDP_V6_WORDS);
        if (!may_be(m, hash)) {
            continue;
        }
        if (m->shape == OVS_XDP_SHAPE_V6) {
            flow = find(&flows_v6, &masked, OVS_XDP_V6_WORDS, hash);
            APART();
        } else {
            apply(&masked, key, m, OVS_XDP_V6_WORDS, OVS_XDP_V6_ETH_WORDS);
            hash = ovs_xdp_hash(hash, masked.words, OVS_XDP_V6_WORDS,
                                OVS_XDP_V6_ETH_WORDS);
            flow = find(&flows_v6_eth, &masked, OVS_XDP_V6_ETH_WORDS, hash);
        }
        if (flow) {
            return flow;
        }
    }
    return NULL;
}

/* Stage 3.  A length of 0 never is in the list: it would block everybody. */
static __always_inline bool
is_blocked4(const struct ovs_xdp_tables *t, __be32 src, __u64 len)
{
    __u32 n = t->n_lengths[OVS_XDP_IPV4];

    for (__u32 i = 0; i < OVS_XDP_MAX_LENGTHS && i < n; i++) {
        struct ovs_xdp_prefix4 prefix;
        struct ovs_xdp_block *block;

        prefix.length = t->lengths[OVS_XDP_IPV4][i];
        prefix.addr = src & bpf_htonl(~0u << ((32 - prefix.length) & 31));
        block = bpf_map_lookup_elem(&block4, &prefix);
        if (block) {
            __sync_fetch_and_add(&block->n_packets, 1);
            __sync_fetch_and_add(&block->n_bytes, len);
            return true;
        }
    }
    return false;
}

static __always_inline bool
is_blocked6(const struct ovs_xdp_tables *t, const __be64 src[2], __u64 len)
{
    __u32 n = t->n_lengths[OVS_XDP_IPV6];

    for (__u32 i = 0; i < OVS_XDP_MAX_LENGTHS && i < n; i++) {
        struct ovs_xdp_prefix6 prefix;
        struct ovs_xdp_block *block;

        prefix.length = t->lengths[OVS_XDP_IPV6][i];
        if (prefix.length <= 64) {
            prefix.addr[0] = src[0]
                & bpf_cpu_to_be64(~0ull << ((64 - prefix.length) & 63));
            prefix.addr[1] = 0;
        } else {
            prefix.addr[0] = src[0];
            prefix.addr[1] = src[1]
                & bpf_cpu_to_be64(~0ull << ((128 - prefix.length) & 63));
        }
        block = bpf_map_lookup_elem(&block6, &prefix);
        if (block) {
            __sync_fetch_and_add(&block->n_packets, 1);
            __sync_fetch_and_add(&block->n_bytes, len);
            return true;
        }
    }
    return false;
}

static __always_inline void
set_ttl(void *l3, const void *end, int family, __u8 ttl)
{
    if (family == OVS_XDP_IPV4 && l3 + IP_HEADER_LEN <= end) {
        __be16 *csum = l3 + 10;
        __u32 sum = (__u16) ~*csum + (__u32) (__u16) ~LD16(l3, 8);

        /* RFC 1624, equation 3. */
        *(__u8 *) (l3 + 8) = ttl;
        sum += LD16(l3, 8);
        sum = (sum >> 16) + (sum & 0xffff);
        sum += sum >> 16;
        *csum = ~sum;
    } else if (family == OVS_XDP_IPV6 && l3 + IPV6_HEADER_LEN <= end) {
        *(__u8 *) (l3 + 7) = ttl;
    }
}

/* Changes the packet, which has a tag if 'tagged'.  Returns false if there is
 * no room for that; then nothing is changed. */
static __always_inline bool
rewrite(struct xdp_md *ctx, const struct ovs_xdp_rewrite *r, int family,
        bool tagged)
{
    bool pop = r->what & OVS_XDP_POP_VLAN && tagged;
    bool push = r->what & OVS_XDP_PUSH_VLAN;
    void *frame = (void *) (long) ctx->data;
    const void *end = (const void *) (long) ctx->data_end;
    int tags_len = (tagged - pop + push) * VLAN_HEADER_LEN;
    struct ovs_xdp_ether ether;
    __be16 *macs;

    if (frame + ETH_HEADER_LEN > end) {
        return false;
    }
    parse_ether(&ether, frame);
    if (pop != push) {
        if (bpf_xdp_adjust_head(ctx, pop ? VLAN_HEADER_LEN
                                : -VLAN_HEADER_LEN)) {
            return false;
        }
        frame = (void *) (long) ctx->data;
        end = (const void *) (long) ctx->data_end;
    }
    if (frame + ETH_HEADER_LEN > end) {
        return true;            /* Cannot be. */
    }

    macs = frame;
#pragma unroll
    for (int i = 0; i < 3; i++) {
        macs[i] = r->what & OVS_XDP_SET_DST ? r->dst[i] : ether.dst[i];
        macs[3 + i] = r->what & OVS_XDP_SET_SRC ? r->src[i] : ether.src[i];
    }
    if (push && (void *) (macs + 8) <= end) {
        macs[6] = r->tpid;
        macs[7] = r->tci;
    }
    if (r->what & OVS_XDP_SET_TTL) {
        set_ttl(frame + ETH_HEADER_LEN + tags_len, end, family, r->ttl);
    }
    return true;
}

/* Sends a packet of 'len' bytes where 'flow' says, changed as it says. */
static __noinline int
forward(struct xdp_md *ctx, struct ovs_xdp_flow *flow, __u64 len, int family,
        bool tagged)
{
    if (bpf_redirect_map(&devices, flow->port, 0) != XDP_REDIRECT) {
        return unsure(ctx, OVS_XDP_N_NO_DEVICE);
    }
    if (flow->rewrite.what
        && !rewrite(ctx, &flow->rewrite, family, tagged)) {
        return unsure(ctx, OVS_XDP_N_NO_HEADROOM);
    }
    add(&flow->n_packets, 1);
    add(&flow->n_bytes, len);
    return XDP_REDIRECT;
}

/* Is the lease over?  The clock is asked once a tick, as it does not change in
 * between: the tick's number costs a load, the clock two calls. */
static __always_inline bool
lease_is_over(void)
{
    __u64 tick = bpf_jiffies64();

    if (tick != port.lease_tick) {
        __u64 end = port.lease_end;

        port.lease_over = end && bpf_ktime_get_coarse_ns() > end;
        port.lease_tick = tick;
    }
    return port.lease_over;
}

/* Stage 5, for the flow found, or NULL. */
static __always_inline int
finish(struct xdp_md *ctx, struct ovs_xdp_flow *flow, __u64 len, int family,
       const union ovs_xdp_key *key)
{
    __u32 action;

    if (!flow) {
        return to_socket(ctx);
    }
    action = flow->action;
    if (lease_is_over()) {
        return unsure(ctx, OVS_XDP_N_EXPIRED);
    }
    if (action == OVS_XDP_DROP) {
        add(&flow->n_packets, 1);
        add(&flow->n_bytes, len);
        return drop(ctx, len);
    }
    if (action == OVS_XDP_REDIRECT) {
        return forward(ctx, flow, len, family, key->head.vlan_tci != 0);
    }
    return unsure(ctx, OVS_XDP_N_RETIRED);
}

static __always_inline int
handle_ipv4(struct xdp_md *ctx, const struct ovs_xdp_tables *t,
            union ovs_xdp_key *key, const void *frame, const void *l3,
            const void *end)
{
    __u64 size = end - l3;
    __u32 ip_len, tot_len;
    __be16 frag;

    if (l3 + IP_HEADER_LEN > end) {
        return unsure(ctx, OVS_XDP_N_BAD_IPV4);
    }
    ip_len = (LD8(l3, 0) & 15) * 4;
    tot_len = bpf_ntohs(LD16(l3, 2));
    if (ip_len < IP_HEADER_LEN || tot_len < ip_len || tot_len > size) {
        return unsure(ctx, OVS_XDP_N_BAD_IPV4);
    }
    key->v4.ip.src = LD32(l3, 12);
    key->v4.ip.dst = LD32(l3, 16);
    if (is_blocked4(t, key->v4.ip.src, end - frame)) {
        count(OVS_XDP_N_BLOCKED);
        return drop(ctx, end - frame);
    }
    if (!t->n[OVS_XDP_IPV4]) {
        return to_socket(ctx);
    }

    key->head.nw_tos = LD8(l3, 1);
    key->head.nw_ttl = LD8(l3, 8);
    key->head.nw_proto = LD8(l3, 9);
    frag = LD16(l3, 6);
    if (frag & bpf_htons(0x3fff)) {
        key->head.nw_frag = OVS_XDP_FRAG_ANY;
    }
    if (frag & bpf_htons(0x1fff)) {
        key->head.nw_frag |= OVS_XDP_FRAG_LATER;
    } else if (!parse_l4(&key->head, l3 + ip_len, end, tot_len - ip_len)) {
        return unsure(ctx, OVS_XDP_N_BAD_L4);
    }
    if (t->ether & (1 << OVS_XDP_IPV4)) {
        parse_ether(&key->v4.ether, frame);
    }
    return finish(ctx, find_v4(t, key), end - frame, OVS_XDP_IPV4, key);
}

static __always_inline int
handle_ipv6(struct xdp_md *ctx, const struct ovs_xdp_tables *t,
            union ovs_xdp_key *key, const void *frame, const void *l3,
            const void *end)
{
    __u64 size = end - l3;
    __u32 plen;

    if (l3 + IPV6_HEADER_LEN > end) {
        return unsure(ctx, OVS_XDP_N_BAD_IPV6);
    }
    plen = bpf_ntohs(LD16(l3, 4));
    if (plen + IPV6_HEADER_LEN > size) {
        return unsure(ctx, OVS_XDP_N_BAD_IPV6);
    }
    key->v6.ip.src[0] = LD64(l3, 8);
    key->v6.ip.src[1] = LD64(l3, 16);
    key->v6.ip.dst[0] = LD64(l3, 24);
    key->v6.ip.dst[1] = LD64(l3, 32);
    if (is_blocked6(t, key->v6.ip.src, end - frame)) {
        count(OVS_XDP_N_BLOCKED);
        return drop(ctx, end - frame);
    }
    if (!t->n[OVS_XDP_IPV6]) {
        return to_socket(ctx);
    }

    key->head.nw_tos = bpf_ntohs(LD16(l3, 0)) >> 4;
    key->head.nw_ttl = LD8(l3, 7);
    key->head.nw_proto = LD8(l3, 6);
    switch (key->head.nw_proto) {
    case PROTO_HOPOPTS:
    case PROTO_ROUTING:
    case PROTO_FRAGMENT:
    case PROTO_AH:
    case PROTO_DSTOPTS:
        return unsure(ctx, OVS_XDP_N_IPV6_EXT);
    default:
        break;
    }
    if (!parse_l4(&key->head, l3 + IPV6_HEADER_LEN, end, plen)) {
        return unsure(ctx, OVS_XDP_N_BAD_L4);
    }
    if (t->ether & (1 << OVS_XDP_IPV6)) {
        parse_ether(&key->v6.ether, frame);
    }
    return finish(ctx, find_v6(t, key), end - frame, OVS_XDP_IPV6, key);
}

SEC("xdp")
int
ovs_xdp(struct xdp_md *ctx)
{
    const void *frame = (const void *) (long) ctx->data;
    const void *end = (const void *) (long) ctx->data_end;
    __u32 active = *(volatile __u32 *) &port.active;
    const struct ovs_xdp_tables *t = &port.tables[active & 1];
    const void *l3 = frame + ETH_HEADER_LEN;
    union ovs_xdp_key key = { .words = { 0 } };
    __u16 type;

    if (!port.enabled || !t->used) {
        return to_socket(ctx);
    }
    if (l3 > end) {
        return unsure(ctx, OVS_XDP_N_SHORT);
    }
    type = bpf_ntohs(LD16(frame, 12));
    if (type == ETH_TYPE_VLAN_8021Q) {
        l3 += VLAN_HEADER_LEN;
        if (l3 > end) {
            return unsure(ctx, OVS_XDP_N_SHORT);
        }
        key.head.vlan_tci = LD16(frame, 14) | bpf_htons(OVS_XDP_VLAN_PRESENT);
        type = bpf_ntohs(LD16(frame, 16));
    }

    switch (type) {
    case ETH_TYPE_IP:
        if (!(t->used & (1 << OVS_XDP_IPV4))) {
            return to_socket(ctx);
        }
        return handle_ipv4(ctx, t, &key, frame, l3, end);

    case ETH_TYPE_IPV6:
        if (!(t->used & (1 << OVS_XDP_IPV6))) {
            return to_socket(ctx);
        }
        return handle_ipv6(ctx, t, &key, frame, l3, end);

    case ETH_TYPE_VLAN_8021Q:
    case ETH_TYPE_VLAN_8021AD:
        return unsure(ctx, OVS_XDP_N_TAGS);

    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MCAST:
        return unsure(ctx, OVS_XDP_N_MPLS);

    default:
        if (!t->n[OVS_XDP_L2]) {
            return to_socket(ctx);
        }
        if (type < ETH_TYPE_MIN) {
            return unsure(ctx, OVS_XDP_N_LLC);
        }
        key.head.dl_type = bpf_htons(type);
        parse_ether(&key.l2.ether, frame);
        return finish(ctx, find_l2(t, &key), end - frame, OVS_XDP_L2, &key);
    }
}
