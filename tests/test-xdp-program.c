/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the XDP program in the kernel, by BPF_PROG_TEST_RUN: nothing is
 * attached to anything.
 *
 *     basic               what each stage of it does
 *     parity SEED N       whatever N packets it drops, software would have
 *                         taken for the same flow
 *     rewrite SEED N      what it makes of N packets that it redirects,
 *                         software would have made of them
 *
 * Exit status 77 if the kernel does not let us. */

#include <config.h>
#undef NDEBUG

#include "extension-config.h"
#include "ovstest.h"

#if XDP_OFFLOAD
#include "xdp-loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "csum.h"
#include "dp-packet.h"
#include "flow.h"
#include "fuzz-flow.h"
#include "netlink.h"
#include "odp-execute.h"
#include "odp-util.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "random.h"
#include "timeval.h"
#include "util.h"
#include "xdp-flow.h"
#include "xdp-table.h"

#define PORT u32_to_odp(1)
#define MAX_LEN 400

/* What stands for the socket, which is not there. */
#define TO_SOCKET XDP_PASS

struct packet {
    uint8_t *data;
    uint8_t buffer[MAX_LEN + 2];
    unsigned int len;
    bool plain;                 /* Nobody can be unsure of it. */
};

/* A flow in software and its rule. */
struct entry {
    struct flow flow;
    struct flow_wildcards wc;
    struct xdp_rule *rule;
    unsigned int position;      /* Of its mask. */
    uint64_t n_packets, n_bytes;    /* What we expect. */
};

struct world {
    struct xdp_dp *dp;
    struct xdp_port *port;
    struct xdp_table *table;
    struct xdp_table_port *table_port;
    struct ovs_xdp_tables tables;
};

static void
skip(int error, const char *why)
{
    printf("%s\n", why);
    exit(error == EPERM || error == EACCES || error == EOPNOTSUPP
         || error == ENOSYS ? 77 : EXIT_FAILURE);
}

static void
world_init(struct world *w)
{
    struct xdp_dp_config dp_config = {
        .max_flows = 100, .max_prefixes = 4, .max_devices = 4,
    };
    const struct xdp_port_config port_config = {
        .dp_name = "test", .name = "test", .n_queues = 1, .parallel = true,
        .policy = XDP_CRASH_KEEP,
    };
    struct xdp_table_limits limits;
    char *message;
    int error;

    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        limits.max_rules[i] = 100;
    }
    memset(w, 0, sizeof *w);
    libbpf_set_print(NULL);
    error = xdp_dp_create(&dp_config, &w->dp, &message);
    if (!error) {
        error = xdp_port_open(w->dp, &port_config, &w->port, &message);
    }
    if (error) {
        skip(error, message);
    }
    w->table = xdp_table_create(&limits);
    w->table_port = xdp_table_port_add(w->table, NULL);
}

static void
publish(struct world *w)
{
    if (xdp_table_port_stale(w->table_port)) {
        xdp_table_port_tables(w->table_port, &w->tables);
        ovs_assert(!xdp_port_publish(w->port, &w->tables));
        xdp_table_port_published(w->table_port);
    }
}

/* Takes rules away, all at once, and compares what they have counted with what
 * was expected. */
static void
remove_entries(struct world *w, struct entry *entries, unsigned int n)
{
    struct ovs_xdp_flow *flows = xcalloc(n, sizeof *flows);
    union ovs_xdp_key *keys = xcalloc(n, sizeof *keys);
    enum ovs_xdp_shape *shapes = xcalloc(n, sizeof *shapes);

    for (unsigned int i = 0; i < n; i++) {
        keys[i] = entries[i].rule->key;
        shapes[i] = entries[i].rule->shape;
    }
    ovs_assert(!xdp_dp_remove(w->dp, shapes, keys, flows, n));
    for (unsigned int i = 0; i < n; i++) {
        if (flows[i].n_packets != entries[i].n_packets
            || flows[i].n_bytes != entries[i].n_bytes) {
            ovs_fatal(0, "flow %u has %llu packets, %llu bytes, not %"PRIu64
                      " and %"PRIu64, i,
                      (unsigned long long) flows[i].n_packets,
                      (unsigned long long) flows[i].n_bytes,
                      entries[i].n_packets, entries[i].n_bytes);
        }
        xdp_table_remove(w->table, entries[i].rule);
        xdp_rule_free(entries[i].rule);
    }
    publish(w);
    free(flows);
    free(keys);
    free(shapes);
}

static void
world_uninit(struct world *w)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);

    xdp_port_close(w->port);
    xdp_table_port_remove(w->table_port, &evicted);
    ovs_assert(ovs_list_is_empty(&evicted));
    xdp_table_destroy(w->table);
    xdp_dp_destroy(w->dp);
}

/* Adds a rule for the flow of 'e', not yet published.  Returns false if that
 * is not possible. */
static bool
add_entry(struct world *w, struct entry *e, const struct xdp_flow_action *a)
{
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct ovs_xdp_flow value = { .action = a->type,
                                  .port = odp_to_u32(a->port),
                                  .rewrite = a->rewrite };
    struct xdp_flow xdp;

    if (xdp_flow_from_flow(&e->flow, &e->wc, PORT, &xdp)
        || xdp_table_add(w->table_port, &xdp, a, 0, 0, NULL, &e->rule,
                         &evicted)) {
        return false;
    }
    ovs_assert(ovs_list_is_empty(&evicted));
    xdp_port_admit(w->port, e->rule->shape, &e->rule->key);
    ovs_assert(!xdp_dp_insert(w->dp, e->rule->shape, &e->rule->key, &value));
    e->n_packets = e->n_bytes = 0;
    return true;
}

static uint32_t
verdict(const struct world *w, const struct packet *p)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data,
                .data_size_in = p->len, .repeat = 1);

    if (bpf_prog_test_run_opts(xdp_port_program(w->port), &opts)) {
        ovs_fatal(errno, "BPF_PROG_TEST_RUN of %u bytes", p->len);
    }
    return opts.retval;
}

static uint64_t
counter(const struct world *w, enum ovs_xdp_counter which)
{
    uint64_t counters[OVS_XDP_N_COUNTERS];

    ovs_assert(!xdp_port_counters(w->port, counters));
    return counters[which];
}

static void
extract(const struct packet *p, struct flow *flow)
{
    struct dp_packet packet;

    dp_packet_use_const(&packet, p->data, p->len);
    pkt_metadata_init(&packet.md, PORT);
    flow_extract(&packet, flow);
}

/* Makes a packet of 'flow', with all that follows from it. */
static void
compose(struct packet *p, const struct flow *flow)
{
    struct dp_packet packet;

    dp_packet_init(&packet, 0);
    flow_compose(&packet, flow, NULL, 0);
    p->data = p->buffer + 2;    /* So that IP is aligned. */
    p->len = MIN(dp_packet_size(&packet), MAX_LEN);
    memcpy(p->data, dp_packet_data(&packet), p->len);
    dp_packet_uninit(&packet);
}

static void
udp4(struct packet *p, ovs_be32 src)
{
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_src = src;
    flow.nw_dst = htonl(0xc0000201);
    flow.nw_proto = IPPROTO_UDP;
    flow.nw_ttl = 64;
    flow.tp_src = htons(1000);
    flow.tp_dst = htons(9);
    compose(p, &flow);
}

/* A flow of all UDP packets of IPv4 from 'p's network of 8 bits. */
static void
udp4_entry(struct entry *e, const struct packet *p)
{
    memset(e, 0, sizeof *e);
    extract(p, &e->flow);
    flow_wildcards_init_catchall(&e->wc);
    WC_MASK_FIELD(&e->wc, in_port);
    WC_MASK_FIELD(&e->wc, dl_type);
    WC_MASK_FIELD(&e->wc, nw_proto);
    e->wc.masks.nw_src = htonl(0xff000000);
}

/* Returns how many packets are dropped until the lease is over. */
static unsigned int
wait_for_lease(const struct world *w, const struct packet *p)
{
    long long int timeout = time_msec() + 60 * 1000;
    unsigned int n = 0;

    while (verdict(w, p) == XDP_DROP) {
        n++;
        ovs_assert(time_msec() < timeout);
    }
    return n;
}

static void
test_basic(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    const struct xdp_flow_action redirect = { .type = OVS_XDP_REDIRECT,
                                              .port = u32_to_odp(3) };
    struct packet ours, other, bad, tagged;
    struct in6_addr prefix;
    struct ovs_xdp_block block;
    struct xdp_lengths lengths;
    struct entry e, e2;
    struct world w;

    world_init(&w);
    udp4(&ours, htonl(0x0a010203));
    udp4(&other, htonl(0x0b010203));
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);

    /* Drop. */
    udp4_entry(&e, &ours);
    ovs_assert(add_entry(&w, &e, &drop));
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);
    publish(&w);
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    ovs_assert(verdict(&w, &other) == TO_SOCKET);
    e.n_packets = 1;
    e.n_bytes = ours.len;

    /* Unsure: the total length lies. */
    bad = ours;
    bad.data = bad.buffer + 2;
    bad.data[ETH_HEADER_LEN + 2] ^= 0x80;
    ovs_assert(verdict(&w, &bad) == TO_SOCKET);
    ovs_assert(counter(&w, OVS_XDP_N_BAD_IPV4) == 1);

    /* A tag matters not unless the flow says so; two are too many. */
    tagged = ours;
    tagged.data = tagged.buffer + 2;
    for (int i = 0; i < 2; i++) {
        memmove(tagged.data + 16, tagged.data + 12, tagged.len - 12);
        memcpy(tagged.data + 12, "\x81\x00\x00\x07", 4);
        tagged.len += 4;
        ovs_assert(verdict(&w, &tagged) == (i ? TO_SOCKET : XDP_DROP));
    }
    ovs_assert(counter(&w, OVS_XDP_N_TAGS) == 1);
    e.n_packets++;
    e.n_bytes += ours.len + 4;

    /* Another flow of the same mask is there at once. */
    udp4_entry(&e2, &other);
    ovs_assert(add_entry(&w, &e2, &drop));
    ovs_assert(!xdp_table_port_stale(w.table_port));
    ovs_assert(verdict(&w, &other) == XDP_DROP);
    e2.n_packets = 1;
    e2.n_bytes = other.len;
    remove_entries(&w, &e2, 1);
    ovs_assert(verdict(&w, &other) == TO_SOCKET);

    /* Kill switch. */
    xdp_port_enable(w.port, false);
    ovs_assert(!xdp_port_is_enabled(w.port));
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);
    xdp_port_enable(w.port, true);
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    e.n_packets++;
    e.n_bytes += ours.len;

    /* Lease. */
    xdp_port_renew(w.port, 3600 * 1000);
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    xdp_port_renew(w.port, 0);
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    e.n_packets += 2;
    e.n_bytes += 2 * ours.len;
    ovs_assert(!counter(&w, OVS_XDP_N_EXPIRED));
    remove_entries(&w, &e, 1);
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);

    ovs_assert(add_entry(&w, &e, &drop));
    publish(&w);
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    xdp_port_renew(w.port, 1);
    e.n_packets = 1 + wait_for_lease(&w, &ours);
    e.n_bytes = e.n_packets * ours.len;
    ovs_assert(counter(&w, OVS_XDP_N_EXPIRED) == 1);
    xdp_port_renew(w.port, 0);
    remove_entries(&w, &e, 1);

    /* Redirect: nowhere, and somewhere. */
    ovs_assert(add_entry(&w, &e, &redirect));
    publish(&w);
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);
    ovs_assert(counter(&w, OVS_XDP_N_NO_DEVICE) == 1);
    ovs_assert(!xdp_dp_set_device(w.dp, 3, if_nametoindex("lo")));
    ovs_assert(verdict(&w, &ours) == XDP_REDIRECT);
    ovs_assert(!xdp_dp_set_device(w.dp, 3, 0));
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);
    e.n_packets = 1;
    e.n_bytes = ours.len;
    remove_entries(&w, &e, 1);

    /* Blocked prefixes need no flow. */
    memset(&lengths, 0, sizeof lengths);
    in6_addr_set_mapped_ipv4(&prefix, htonl(0x0a010200));
    ovs_assert(xdp_dp_block(w.dp, &prefix, 96 + 16) == EINVAL);
    ovs_assert(xdp_dp_block(w.dp, &prefix, 96) == EINVAL);
    ovs_assert(!xdp_dp_block(w.dp, &prefix, 96 + 24));
    ovs_assert(xdp_dp_block(w.dp, &prefix, 96 + 24) == EEXIST);
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);
    ovs_assert(!xdp_lengths_add(&lengths, 24));
    xdp_lengths_get(&lengths, OVS_XDP_IPV4, &w.tables);
    ovs_assert(!xdp_port_publish(w.port, &w.tables));
    ovs_assert(verdict(&w, &ours) == XDP_DROP);
    ovs_assert(verdict(&w, &other) == TO_SOCKET);
    ovs_assert(counter(&w, OVS_XDP_N_BLOCKED) == 1);
    ovs_assert(!xdp_dp_block_read(w.dp, &prefix, 96 + 24, &block));
    ovs_assert(block.n_packets == 1 && block.n_bytes == ours.len);
    ovs_assert(!xdp_dp_unblock(w.dp, &prefix, 96 + 24, &block));
    ovs_assert(xdp_dp_unblock(w.dp, &prefix, 96 + 24, &block) == ENOENT);
    ovs_assert(verdict(&w, &ours) == TO_SOCKET);

    world_uninit(&w);
    printf("basic: ok\n");
}

static void
test_block6(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct xdp_lengths lengths;
    struct in6_addr prefix;
    struct packet ours;
    struct flow flow;
    struct world w;

    world_init(&w);
    memset(&lengths, 0, sizeof lengths);
    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IPV6);
    flow.nw_proto = IPPROTO_TCP;
    for (int i = 0; i < 16; i++) {
        flow.ipv6_src.s6_addr[i] = 0x11 * i + 7;
    }
    compose(&ours, &flow);
    for (unsigned int length = 1; length <= 128; length++) {
        struct in6_addr mask = ipv6_create_mask(length);
        struct ovs_xdp_block block;
        struct packet p;

        prefix = ipv6_addr_bitand(&flow.ipv6_src, &mask);
        ovs_assert(!xdp_dp_block(w.dp, &prefix, length));
        ovs_assert(!xdp_lengths_add(&lengths, length));
        xdp_lengths_get(&lengths, OVS_XDP_IPV6, &w.tables);
        ovs_assert(!xdp_port_publish(w.port, &w.tables));
        ovs_assert(verdict(&w, &ours) == XDP_DROP);
        for (unsigned int bit = 0; bit < 128; bit++) {
            p = ours;
            p.data = p.buffer + 2;
            p.data[ETH_HEADER_LEN + 8 + bit / 8] ^= 0x80 >> bit % 8;
            ovs_assert(verdict(&w, &p)
                       == (bit < length ? TO_SOCKET : XDP_DROP));
        }
        ovs_assert(!xdp_dp_unblock(w.dp, &prefix, length, &block));
        ovs_assert(block.n_packets == 1 + 128 - length);
        xdp_lengths_remove(&lengths, length);
    }
    world_uninit(&w);
    printf("block6: ok\n");
}

/* Parity. */

static bool
coin(void)
{
    return random_range(2);
}

static void
put16(struct packet *p, unsigned int ofs, uint16_t value)
{
    if (ofs + 2 <= p->len) {
        p->data[ofs] = value >> 8;
        p->data[ofs + 1] = value;
    }
}

static void
insert_bytes(struct packet *p, unsigned int ofs, unsigned int n)
{
    n = MIN(n, MAX_LEN - p->len);
    if (ofs <= p->len) {
        memmove(p->data + ofs + n, p->data + ofs, p->len - ofs);
        for (unsigned int i = 0; i < n; i++) {
            p->data[ofs + i] = coin() ? 0 : random_uint32();
        }
        p->len += n;
    }
}

/* A packet as there are. */
static void
random_packet(struct packet *p)
{
    enum fuzz_flow_kind kind = random_range(FUZZ_L3);
    int n_vlans = random_range(4) % 3;
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    fuzz_flow(&flow, kind, FUZZ_NO_TUNNEL, n_vlans);
    flow.packet_type = htonl(PT_ETH);
    /* Few values, so that packets are alike. */
    if (random_range(4)) {
        flow.nw_src = htonl(0x0a000000 + random_range(4));
        flow.tp_src = htons(random_range(4));
        memset(&flow.ipv6_src, random_range(3), sizeof flow.ipv6_src);
    }
    for (int i = 0; i < n_vlans; i++) {
        flow.vlans[i].tpid = htons(random_range(4) ? ETH_TYPE_VLAN_8021Q
                                   : ETH_TYPE_VLAN_8021AD);
    }
    compose(p, &flow);
    switch (kind) {
    case FUZZ_ARP:
    case FUZZ_TCP4:
    case FUZZ_UDP4:
    case FUZZ_SCTP4:
    case FUZZ_ICMP4:
    case FUZZ_TCP6:
    case FUZZ_UDP6:
    case FUZZ_ICMP6:
    case FUZZ_ND:
        p->plain = (!n_vlans
                    || (n_vlans == 1 && flow.vlans[0].tpid
                        == htons(ETH_TYPE_VLAN_8021Q)));
        break;
    case FUZZ_NON_IP:
    case FUZZ_RARP:
    case FUZZ_FRAG4:
    case FUZZ_FRAG6:
    case FUZZ_MPLS:
    case FUZZ_NSH:
    case FUZZ_L3:
    case FUZZ_N_KINDS:
    default:
        p->plain = false;
        break;
    }
}

/* Spoils a packet where it may matter. */
static void
mutate(struct packet *p)
{
    static const uint16_t types[] = {
        ETH_TYPE_IP, ETH_TYPE_IPV6, ETH_TYPE_ARP, ETH_TYPE_RARP,
        ETH_TYPE_VLAN_8021Q, ETH_TYPE_VLAN_8021AD, ETH_TYPE_MPLS,
        ETH_TYPE_NSH, 0x5ff, 0x600, 0x88cc, 100,
    };
    static const uint8_t protos[] = {
        IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_ICMPV6,
        IPPROTO_IGMP, IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
        IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_NONE, IPPROTO_GRE, 255,
    };
    unsigned int l3 = ETH_HEADER_LEN;

    p->plain = false;
    if (p->len >= 16 && p->data[12] == 0x81 && !p->data[13]) {
        l3 += VLAN_HEADER_LEN;
    }
    switch (random_range(14)) {
    case 0:
        p->data[random_range(p->len)] ^= 1 << random_range(8);
        break;
    case 1:
        p->data[random_range(MIN(p->len, 60))] = random_uint32();
        break;
    case 2:
        p->len = ETH_HEADER_LEN + random_range(p->len - ETH_HEADER_LEN + 1);
        break;
    case 3:                     /* Cut off a little. */
        p->len -= random_range(MIN(24, p->len - ETH_HEADER_LEN + 1));
        break;
    case 4:                     /* Padding. */
        insert_bytes(p, p->len, random_range(60));
        break;
    case 5:
        put16(p, l3 - 2, types[random_range(ARRAY_SIZE(types))]);
        break;
    case 6:
        put16(p, 12, types[random_range(ARRAY_SIZE(types))]);
        break;
    case 7:                     /* One more tag. */
        insert_bytes(p, 12, 4);
        put16(p, 12, random_range(4) ? ETH_TYPE_VLAN_8021Q
              : ETH_TYPE_VLAN_8021AD);
        break;
    case 8:                     /* Protocol, of either family. */
        if (p->len > l3 + 9) {
            p->data[l3 + (p->data[l3] >> 4 == 4 ? 9 : 6)]
                = protos[random_range(ARRAY_SIZE(protos))];
        }
        break;
    case 9:                     /* Total or payload length. */
        if (p->len > l3 + 6) {
            unsigned int ofs = l3 + (p->data[l3] >> 4 == 4 ? 2 : 4);
            uint16_t len = (p->data[ofs] << 8) + p->data[ofs + 1];

            put16(p, ofs, coin() ? random_range(p->len + 4)
                  : len + random_range(17) - 8);
        }
        break;
    case 10:                    /* Options of IPv4. */
        if (p->len > l3 + 20 && p->data[l3] >> 4 == 4) {
            unsigned int n = random_range(10);

            p->data[l3] = 0x40 + 5 + n;
            insert_bytes(p, l3 + 20, coin() ? 4 * n : 4 * random_range(10));
            put16(p, l3 + 2, random_range(8) ? p->len - l3
                  : random_range(p->len));
        }
        break;
    case 11:
        if (p->len > l3) {
            p->data[l3] = random_uint32();
        }
        break;
    case 12:                    /* Fragments. */
        put16(p, l3 + 6, coin() ? 0x2000 : random_range(4)
              ? random_range(0x4000) : random_uint32());
        break;
    case 13:                    /* Somewhere in the transport header. */
        if (p->len > l3 + 20) {
            p->data[MIN(l3 + 20 + random_range(40), p->len - 1)]
                = coin() ? 0x10 * random_range(16) : random_uint32();
        }
        break;
    }
}

static void
random_mask(void *mask_, size_t n)
{
    uint8_t *mask = mask_;
    unsigned int prefix = random_range(8 * n + 1);

    memset(mask, 0, n);
    switch (random_range(6)) {
    case 0:
    case 1:
    case 2:
        break;
    case 3:
        memset(mask, UINT8_MAX, n);
        break;
    case 4:
        for (size_t i = 0; i < n; i++) {
            mask[i] = random_uint32();
        }
        break;
    case 5:
        for (unsigned int i = 0; i < prefix; i++) {
            mask[i / 8] |= 0x80 >> i % 8;
        }
        break;
    }
}

#define RANDOM_MASK(WC, MEMBER) \
    random_mask(&(WC)->masks.MEMBER, sizeof (WC)->masks.MEMBER)

/* A megaflow that 'p' matches, of fields that the program has and, rarely, of
 * one that it has not. */
static void
random_entry(struct entry *e, const struct packet *p)
{
    struct flow_wildcards *wc = &e->wc;

    memset(e, 0, sizeof *e);
    extract(p, &e->flow);
    flow_wildcards_init_catchall(wc);
    WC_MASK_FIELD(wc, in_port);
    WC_MASK_FIELD(wc, dl_type);
    if (random_range(8)) {
        WC_MASK_FIELD(wc, nw_frag);
    }
    if (!random_range(4)) {
        RANDOM_MASK(wc, dl_src);
        RANDOM_MASK(wc, dl_dst);
    }
    if (coin()) {
        RANDOM_MASK(wc, vlans[0].tci);
        if (coin()) {
            WC_MASK_FIELD(wc, vlans[0].tpid);
        }
    }
    if (is_ip_any(&e->flow)) {
        if (e->flow.dl_type == htons(ETH_TYPE_IP)) {
            RANDOM_MASK(wc, nw_src);
            RANDOM_MASK(wc, nw_dst);
        } else {
            RANDOM_MASK(wc, ipv6_src);
            RANDOM_MASK(wc, ipv6_dst);
        }
        RANDOM_MASK(wc, nw_tos);
        RANDOM_MASK(wc, nw_ttl);
        RANDOM_MASK(wc, nw_proto);
        RANDOM_MASK(wc, tp_src);
        RANDOM_MASK(wc, tp_dst);
        if (!random_range(4)) {
            RANDOM_MASK(wc, tcp_flags);
        }
    }
    if (!random_range(8)) {
        /* Anything. */
        ((uint64_t *) &wc->masks)[random_range(FLOW_U64S)] |= random_uint32();
    }
}

static int
compare_entries(const void *a_, const void *b_)
{
    const struct entry *a = a_;
    const struct entry *b = b_;

    return a->position < b->position ? -1 : a->position > b->position;
}

static unsigned int
mask_position(const struct world *w, uint16_t id)
{
    union ovs_xdp_key tag = { .head = { .mask = id } };
    unsigned int i = 0;

    while (w->tables.masks[i].tag != tag.words[0]) {
        i++;
        ovs_assert(i < OVS_XDP_MAX_MASKS);
    }
    return i;
}

static void
dump(const struct packet *p, const char *what)
{
    printf("%s: ", what);
    for (unsigned int i = 0; i < p->len; i++) {
        printf("%02x", p->data[i]);
    }
    printf("\n");
    exit(EXIT_FAILURE);
}

static void
test_parity(struct ovs_cmdl_context *ctx)
{
    enum { N_SEEDS = 64, MAX_ENTRIES = 40, BATCH = 5000 };
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    unsigned long long int n_packets = atoll(ctx->argv[2]), n_done = 0;
    unsigned long long int n_dropped = 0, n_entries = 0, n_unsure = 0;
    struct entry *entries = xcalloc(MAX_ENTRIES, sizeof *entries);
    struct packet *seeds = xcalloc(N_SEEDS, sizeof *seeds);
    struct world w;

    random_set_seed(atoi(ctx->argv[1]));
    world_init(&w);
    while (n_done < n_packets) {
        unsigned int n = 0;

        for (unsigned int i = 0; i < N_SEEDS; i++) {
            random_packet(&seeds[i]);
            while (!random_range(3)) {
                mutate(&seeds[i]);
            }
        }
        for (unsigned int i = 0; i < MAX_ENTRIES; i++) {
            random_entry(&entries[n], &seeds[random_range(N_SEEDS)]);
            n += add_entry(&w, &entries[n], &drop);
        }
        publish(&w);
        for (unsigned int i = 0; i < n; i++) {
            uint16_t id = entries[i].rule->key.head.mask;

            entries[i].position = mask_position(&w, id);
        }
        qsort(entries, n, sizeof *entries, compare_entries);

        for (unsigned int i = 0; i < BATCH && n_done < n_packets; i++) {
            struct packet p = seeds[random_range(N_SEEDS)];
            struct entry *hit = NULL;
            struct flow flow;

            p.data = p.buffer + 2;
            while (random_range(3)) {
                mutate(&p);
            }
            extract(&p, &flow);
            for (unsigned int j = 0; j < n && !hit; j++) {
                if (flow_equal_except(&flow, &entries[j].flow,
                                      &entries[j].wc)) {
                    hit = &entries[j];
                }
            }
            switch (verdict(&w, &p)) {
            case XDP_DROP:
                if (!hit) {
                    dump(&p, "dropped, but not by software");
                }
                hit->n_packets++;
                hit->n_bytes += p.len;
                n_dropped++;
                break;
            case TO_SOCKET:
                if (hit && p.plain) {
                    dump(&p, "not dropped");
                }
                n_unsure += hit != NULL;
                break;
            default:
                dump(&p, "another verdict");
            }
            n_done++;
        }
        n_entries += n;
        /* Compares what each of them has counted, too. */
        remove_entries(&w, entries, n);
    }
    world_uninit(&w);
    free(entries);
    free(seeds);

    /* It was about something. */
    ovs_assert(n_packets < BATCH || n_dropped > n_packets / 10);
    ovs_assert(n_packets < BATCH || n_unsure < n_dropped);
    if (ctx->argc > 3) {
        printf("%llu packets, %llu flows, %llu dropped, %llu matched in "
               "software and went there\n", n_done, n_entries, n_dropped,
               n_unsure);
    }
    printf("parity: ok\n");
}

/* Appends something that may be done before a packet of 'family' is output. */
static void
random_change(struct ds *s, enum ovs_xdp_family family, bool *pushed)
{
    struct eth_addr mac;
    unsigned int tpid;

    eth_addr_random(&mac);
    switch (random_range(6)) {
    case 0:
        ds_put_format(s, "set(eth(src="ETH_ADDR_FMT")),", ETH_ADDR_ARGS(mac));
        break;
    case 1:
        ds_put_format(s, "set(eth(dst="ETH_ADDR_FMT")),", ETH_ADDR_ARGS(mac));
        break;
    case 2:
        ds_put_format(s, "set(eth(src="ETH_ADDR_FMT",dst="ETH_ADDR_FMT")),",
                      ETH_ADDR_ARGS(mac), ETH_ADDR_ARGS(mac));
        break;
    case 3:
        if (family == OVS_XDP_IPV4) {
            ds_put_format(s, "set(ipv4(ttl=%u)),", random_range(256));
        } else if (family == OVS_XDP_IPV6) {
            ds_put_format(s, "set(ipv6(hlimit=%u)),", random_range(256));
        }
        break;
    case 4:
        if (!*pushed && !strstr(ds_cstr(s), "pop_vlan")) {
            ds_put_cstr(s, "pop_vlan,");
        }
        break;
    default:
        tpid = coin() ? ETH_TYPE_VLAN_8021Q : ETH_TYPE_VLAN_8021AD;
        if (!*pushed) {
            *pushed = true;
            ds_put_format(s, "push_vlan(tpid=0x%x,vid=%u,pcp=%u),", tpid,
                          random_range(4096), random_range(8));
        }
        break;
    }
}

/* Has software do 's' to 'p', and compares that with 'out'. */
static void
check_rewrite(struct packet *p, const char *s, const struct ofpbuf *actions,
              const uint8_t *out, unsigned int len)
{
    struct dp_packet *packet = dp_packet_clone_data_with_headroom(p->data,
                                                                  p->len, 64);
    struct dp_packet_batch batch;
    struct flow flow;

    flow_extract(packet, &flow);
    dp_packet_batch_init_packet(&batch, packet);
    odp_execute_actions(NULL, &batch, false, actions->data, actions->size,
                        NULL);
    if (len != dp_packet_size(packet)
        || memcmp(out, dp_packet_data(packet), len)) {
        struct packet ours = { .data = ours.buffer, .len = len };

        memcpy(ours.data, out, len);
        printf("%s\n", s);
        ovs_hex_dump(stdout, dp_packet_data(packet), dp_packet_size(packet),
                     0, false);
        dump(&ours, "other than in software");
    }
    dp_packet_delete(packet);
}

static void
test_rewrite(struct ovs_cmdl_context *ctx)
{
    unsigned int n = atoi(ctx->argv[2]), n_done = 0, n_changed = 0;
    struct world w;

    random_set_seed(atoi(ctx->argv[1]));
    odp_execute_init();
    world_init(&w);
    ovs_assert(!xdp_dp_set_device(w.dp, 3, if_nametoindex("lo")));
    while (n_done < n) {
        uint8_t out[MAX_LEN + 8] = { 0 };
        LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1, .data_out = out,
                    .data_size_out = sizeof out);
        struct ds s = DS_EMPTY_INITIALIZER;
        struct xdp_flow_action action;
        struct ofpbuf actions;
        bool pushed = false;
        struct xdp_flow xdp;
        struct packet p;
        struct entry e;

        random_packet(&p);
        if (!p.plain) {
            continue;
        }
        p.data = p.buffer + 2;
        memset(&e, 0, sizeof e);
        extract(&p, &e.flow);
        flow_wildcards_init_catchall(&e.wc);
        WC_MASK_FIELD(&e.wc, in_port);
        WC_MASK_FIELD(&e.wc, dl_type);
        ovs_assert(!xdp_flow_from_flow(&e.flow, &e.wc, PORT, &xdp));

        ds_put_cstr(&s, "");
        for (int i = random_range(6); i > 0; i--) {
            random_change(&s, xdp.family, &pushed);
        }
        n_changed += s.length != 0;
        ofpbuf_init(&actions, 0);
        ovs_assert(!s.length
                   || !odp_actions_from_string(ds_cstr(&s), NULL, &actions));
        nl_msg_put_odp_port(&actions, OVS_ACTION_ATTR_OUTPUT, u32_to_odp(3));
        ovs_assert(!xdp_flow_from_actions(actions.data, actions.size,
                                          xdp.family, &action));
        actions.size -= NL_A_U32_SIZE;

        ovs_assert(add_entry(&w, &e, &action));
        publish(&w);
        opts.data_in = p.data;
        opts.data_size_in = p.len;
        ovs_assert(!bpf_prog_test_run_opts(xdp_port_program(w.port), &opts));
        if (opts.retval != XDP_REDIRECT) {
            dump(&p, "not redirected");
        }
        check_rewrite(&p, ds_cstr(&s), &actions, out, opts.data_size_out);
        e.n_packets = 1;
        e.n_bytes = p.len;
        remove_entries(&w, &e, 1);
        ofpbuf_uninit(&actions);
        ds_destroy(&s);
        n_done++;
    }
    world_uninit(&w);
    ovs_assert(n_changed > n / 2);
    printf("rewrite: ok\n");
}

static const struct ovs_cmdl_command commands[] = {
    { "basic", NULL, 0, 0, test_basic, OVS_RO },
    { "block6", NULL, 0, 0, test_block6, OVS_RO },
    { "parity", "SEED N [verbose]", 2, 3, test_parity, OVS_RO },
    { "rewrite", "SEED N", 2, 2, test_rewrite, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_xdp_program_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}
#else /* !XDP_OFFLOAD */
#include <stdio.h>
#include <stdlib.h>

static void
test_xdp_program_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    printf("built without --enable-xdp-offload\n");
    exit(77);
}
#endif

OVSTEST_REGISTER("test-xdp-program", test_xdp_program_main);
