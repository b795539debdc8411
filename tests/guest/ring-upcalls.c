/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-upcalls TEST
 *
 * Tests of upcalls by the kernel's rings, for tests/guest/ring.sh.  Exits with
 * 77 if a test cannot run. */

#include "allocations.h"
#include "ring-common.h"

/* What comes by the ring is what comes by netlink. */

#define LAST 0x42               /* Where others have 2. */

static struct packet the_packet;
static char by_netlink[64][65536];
static size_t netlink_len[64];

/* The checksum of TCP or UDP in the message is there, and right: whoever gets
 * the packet has nothing to fill in.  Of a packet that was cut nobody can say
 * that. */
static void
check_checksum(const void *message, size_t len, const char *what)
{
    const struct nlattr *a = attribute(message, len, OVS_PACKET_ATTR_PACKET);
    const uint8_t *l3 = (const uint8_t *) (a + 1) + ETH_HLEN;
    size_t l4_len = (l3[2] << 8 | l3[3]) - 20;
    uint32_t sum = l3[9] + l4_len;

    if (attribute(message, len, OVS_PACKET_ATTR_LEN)) {
        return;
    }
    CHECK(l3[0] == 0x45 && a->nla_len == NLA_HDRLEN + ETH_HLEN + 20 + l4_len,
          "%s", what);
    for (size_t i = 12; i < 20 + l4_len; i++) {
        sum += i % 2 ? l3[i] : l3[i] << 8;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    CHECK(sum == 0xffff, "%s: sum %#x", what, sum);
}

/* Sends 'the_packet' without and with a ring, with the same result. */
static size_t
compare_ways(const struct ovs_ring_attach *attach, const char *what)
{
    static struct packet last;
    struct reader_rec rec;
    struct reader r;
    size_t n, i;

    /* The last packet says that there are no more. */
    send_packet(&the_packet);
    make_packet(&last, IPPROTO_UDP, 60, 0);
    last.bytes[ETH_ALEN] = LAST;
    send_packet(&last);
    for (n = 0; ; n++) {
        const struct nlattr *a;

        CHECK(n < 63, "%s", what);
        netlink_len[n] = receive_upcall(by_netlink[n], sizeof by_netlink[n],
                                        10000);
        CHECK(netlink_len[n], "%s: no upcall by netlink", what);
        a = attribute(by_netlink[n], netlink_len[n], OVS_PACKET_ATTR_PACKET);
        if (((const uint8_t *) (a + 1))[ETH_ALEN] == LAST) {
            break;
        }
    }
    CHECK(n, "%s: no upcall by netlink", what);
    for (i = 0; i < n && the_packet.vnet.flags; i++) {
        check_checksum(by_netlink[i], netlink_len[i], what);
    }

    open_ring(&r, attach);
    bind_all(&r);
    send_packet(&the_packet);
    for (i = 0; i < n; i++) {
        while (!reader_next(&r, &r.lanes[0], &rec)) {
            CHECK(reader_wait(&r, 10000) == POLLIN, "%s: %zu of %zu", what,
                  i, n);
        }
        CHECK(rec.type == OVS_RING_T_NLMSG && rec.seq == i && !rec.lost);
        CHECK(!!rec.timestamp
              == !!(attach->flags & OVS_RING_ATTACH_TIMESTAMP));
        CHECK(rec.len == netlink_len[i], "%s: %u bytes, %zu by netlink",
              what, rec.len, netlink_len[i]);
        for (size_t j = 0; j < rec.len; j++) {
            CHECK(((const char *) rec.data)[j] == by_netlink[i][j],
                  "%s: byte %zu of %u differs", what, j, rec.len);
        }
    }
    CHECK(!reader_next(&r, &r.lanes[0], &rec));
    CHECK(!receive_upcall(by_netlink[n], sizeof by_netlink[n], 0));
    CHECK(get_stats(&r).offered == n);
    reader_close(&r);
    return n;
}

static void
compare_packets(const struct ovs_ring_attach *attach, const char *what)
{
    static const size_t sizes[] = { 60, 61, 62, 63, 64, 65, 127, 250, 251,
                                    252, 253, 511, 1000, 1513, 1514, 3000,
                                    4200, 8999, 9014 };
    char name[128];

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (int vlan = 0; vlan < 2; vlan++) {
            snprintf(name, sizeof name, "%s, %zu bytes, vlan %d", what,
                     sizes[i], vlan);
            make_packet(&the_packet, IPPROTO_UDP, sizes[i],
                        vlan ? 0xa123 : 0);
            compare_ways(attach, name);
        }
        for (int proto = 0; proto < 2; proto++) {
            snprintf(name, sizeof name, "%s, %zu bytes, checksum of %s",
                     what, sizes[i], proto ? "TCP" : "UDP");
            make_packet(&the_packet, proto ? IPPROTO_TCP : IPPROTO_UDP,
                        sizes[i], 0);
            leave_checksum(&the_packet, 0);
            compare_ways(attach, name);
        }
    }

    /* A sum of zero, which UDP has no way to say. */
    make_packet(&the_packet, IPPROTO_UDP, 64, 0);
    leave_checksum(&the_packet, 0);
    {
        const uint8_t *l4 = the_packet.bytes + ETH_HLEN + 20;
        uint32_t sum = 0;

        the_packet.bytes[62] = the_packet.bytes[63] = 0;
        for (size_t i = 0; i < 64 - ETH_HLEN - 20; i += 2) {
            sum += l4[i] << 8 | l4[i + 1];
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        put_be16(the_packet.bytes + 62, ~sum);
    }
    compare_ways(attach, "a sum of zero");
    CHECK(!memcmp(by_netlink[0] + netlink_len[0] - 64 + ETH_HLEN + 26,
                  "\xff\xff", 2) || attach->flags, "not a sum of zero");

    make_packet(&the_packet, IPPROTO_TCP, 6000, 0);
    leave_checksum(&the_packet, 1000);
    CHECK(compare_ways(attach, "to be segmented") == 6);
}

/* A packet of IPv6 and 'proto', of 'len' bytes. */
static void
make_ipv6(struct packet *p, int proto, size_t len)
{
    uint8_t *l3 = p->bytes + ETH_HLEN, *l4 = l3 + 40;

    make_packet(p, IPPROTO_UDP, len, 0);
    put_be16(p->bytes + 12, ETH_P_IPV6);
    memset(l3, 0, 40);
    memcpy(l3, "\x6a\xbc\xde\xf0", 4);
    put_be16(l3 + 4, p->bytes + len - l4);
    l3[6] = proto;
    l3[7] = 33;
    memset(l3 + 8, 0xfd, 16);
    memset(l3 + 24, 0xfc, 16);
    if (proto == IPPROTO_TCP) {
        l4[12] = 0x50;
        l4[13] = 0x12;
    } else if (proto == IPPROTO_HOPOPTS) {
        memcpy(l4, "\x11\0\1\4\0\0\0\0", 8);
    } else if (proto == IPPROTO_FRAGMENT) {
        memcpy(l4, "\x11\0\0\x41\0\0\0\1", 8);
    }
}

/* Keys of other packets. */
static void
compare_keys(const struct ovs_ring_attach *attach)
{
    static const int v6[] = {
        IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP,
        IPPROTO_HOPOPTS, IPPROTO_FRAGMENT, IPPROTO_NONE,
    };
    static const int v4[] = { IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_SCTP, 200 };
    static const uint16_t types[] = { ETH_P_ARP, 0x88b5, 100 };
    uint8_t *l3 = the_packet.bytes + ETH_HLEN;
    char name[64];

    for (size_t i = 0; i < ARRAY_SIZE(v6); i++) {
        snprintf(name, sizeof name, "protocol %d of IPv6", v6[i]);
        make_ipv6(&the_packet, v6[i], 150);
        compare_ways(attach, name);
    }
    for (size_t i = 0; i < 2 * ARRAY_SIZE(v4); i++) {
        int proto = v4[i / 2];

        /* Each as a later fragment, too. */
        snprintf(name, sizeof name, "protocol %d of IPv4, %zu", proto, i);
        make_packet(&the_packet, proto, 150, 0);
        l3[1] = 0xb8;
        put_be16(l3 + 6, i % 2 ? 0x10 : 0x2000);
        compare_ways(attach, name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        snprintf(name, sizeof name, "type %#x", types[i]);
        make_packet(&the_packet, IPPROTO_UDP, 150, 0);
        put_be16(the_packet.bytes + 12, types[i]);
        compare_ways(attach, name);
    }
}

static void
test_identical(void)
{
    struct ovs_ring_attach a;

    /* What is sent in order arrives in order. */
    use_cpu(0);
    start();
    a = upcall_ring(1, 65536, 8);
    compare_packets(&a, "misses");
    compare_keys(&a);
    set_features(0);
    compare_packets(&a, "aligned misses");
    set_features(OVS_DP_F_UNALIGNED);
    a.flags = OVS_RING_ATTACH_TIMESTAMP;
    compare_packets(&a, "misses with timestamps");
    delete_datapath();
}

/* Begins a flow for all packets of IPv4, those with the tag 'vlan' if it is
 * not 0; what follows are its actions.  Returns what to give to nest_end()
 * behind them. */
static size_t
begin_flow_for_all(struct msg *m, uint16_t vlan)
{
    static const char zeros[sizeof(struct ovs_key_ipv4)];
    static const uint8_t ip[2] = { 8, 0 }, tagged[2] = { 0x81, 0 };
    const uint16_t tci = htons(vlan | 0x1000);

    begin_flow(m);
    for (int mask = 0; mask < 2; mask++) {
        const uint16_t exact = UINT16_MAX;
        size_t nest, encap = 0;

        nest = nest_begin(m, mask ? OVS_FLOW_ATTR_MASK : OVS_FLOW_ATTR_KEY);
        put_u32(m, OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : 1);
        put(m, OVS_KEY_ATTR_ETHERNET, zeros, 12);
        if (vlan) {
            put(m, OVS_KEY_ATTR_ETHERTYPE,
                mask ? (const void *) &exact : tagged, 2);
            put(m, OVS_KEY_ATTR_VLAN, mask ? &exact : &tci, 2);
            encap = nest_begin(m, OVS_KEY_ATTR_ENCAP);
        }
        put(m, OVS_KEY_ATTR_ETHERTYPE, mask ? (const void *) &exact : ip, 2);
        put(m, OVS_KEY_ATTR_IPV4, zeros, sizeof zeros);
        if (vlan) {
            nest_end(m, encap);
        }
        nest_end(m, nest);
    }
    return nest_begin(m, OVS_FLOW_ATTR_ACTIONS);
}

static void
add_drop_flow(void)
{
    struct msg m;
    size_t nest = begin_flow_for_all(&m, 0);

    nest_end(&m, nest);
    end_flow(&m);
}

/* Sends them to user space, cut to 'max_len' bytes unless that is 0. */
static void
add_userspace_flow(uint16_t vlan, uint32_t max_len, bool want_actions)
{
    static const char userdata[] = "all of this comes back";
    struct ovs_action_trunc trunc = { .max_len = max_len };
    size_t outer, nest;
    struct msg m;

    outer = begin_flow_for_all(&m, vlan);
    if (max_len) {
        put(&m, OVS_ACTION_ATTR_TRUNC, &trunc, sizeof trunc);
    }
    nest = nest_begin(&m, OVS_ACTION_ATTR_USERSPACE);
    put_u32(&m, OVS_USERSPACE_ATTR_PID, upcall_pid);
    put(&m, OVS_USERSPACE_ATTR_USERDATA, userdata, sizeof userdata);
    if (want_actions) {
        put(&m, OVS_USERSPACE_ATTR_ACTIONS, NULL, 0);
    }
    nest_end(&m, nest);
    nest_end(&m, outer);
    end_flow(&m);
}

static void
delete_flows(void)
{
    struct msg m;
    int error;

    begin(&m, flow_family, OVS_FLOW_CMD_DEL, OVS_FLOW_VERSION, NLM_F_ACK);
    error = transact(&m);
    CHECK_OK(error, "deleting flows");
}

/* Does netlink bring segments of a packet that was cut?  The first releases of
 * Linux 6.1 take off each what was to be taken off the packet. */
static bool
netlink_can_cut_segments(void)
{
    bool can;

    add_userspace_flow(0, 14, false);
    make_packet(&the_packet, IPPROTO_TCP, 4000, 0);
    leave_checksum(&the_packet, 1300);
    send_packet(&the_packet);
    can = receive_upcall(by_netlink[0], sizeof by_netlink[0], 2000);
    while (receive_upcall(by_netlink[0], sizeof by_netlink[0], 200)) {
        continue;
    }
    delete_flows();
    return can;
}

static void
test_identical_actions(void)
{
    static const uint32_t cuts[] = { 0, 14, 15, 16, 17, 33, 40, 41, 64, 100,
                                     1400, 5000 };
    struct ovs_ring_attach a;
    bool can_cut_segments;
    char name[64];

    use_cpu(0);
    start();
    can_cut_segments = netlink_can_cut_segments();
    a = upcall_ring(1, 65536, 8);
    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        add_userspace_flow(0, cuts[i], i % 2);
        add_userspace_flow(0x123, cuts[i], i % 2);
        snprintf(name, sizeof name, "action, cut to %u", cuts[i]);
        for (int vlan = 0; vlan < 2; vlan++) {
            make_packet(&the_packet, IPPROTO_UDP, 1500, vlan ? 0x123 : 0);
            compare_ways(&a, name);
            CHECK(attribute(by_netlink[0], netlink_len[0],
                            OVS_PACKET_ATTR_USERDATA));
            CHECK(!!attribute(by_netlink[0], netlink_len[0],
                              OVS_PACKET_ATTR_LEN)
                  == (cuts[i] && cuts[i] < 1500));
        }
        make_packet(&the_packet, IPPROTO_TCP, 1500, 0);
        leave_checksum(&the_packet, 0);
        compare_ways(&a, name);
        if (can_cut_segments || !cuts[i] || cuts[i] >= 4000) {
            make_packet(&the_packet, IPPROTO_TCP, 4000, 0);
            leave_checksum(&the_packet, 1300);
            compare_ways(&a, name);
        }
        delete_flows();
    }
    delete_datapath();
}

/* R5. */
static void
test_copy(void)
{
    static const size_t sizes[] = { 64, 5000, 100, 5001, 5002, 64, 3000 };
    struct ovs_ring_attach a;
    struct reader_rec rec;
    struct reader r;

    start();
    a = upcall_ring(1, 4096, 16);
    open_ring(&r, &a);
    bind_all(&r);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        make_packet(&the_packet, IPPROTO_UDP, sizes[i], 0);
        send_packet(&the_packet);
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        const struct ovs_ring_copy *copy;
        const struct nlattr *packet;
        const void *message;
        size_t len;

        while (!reader_next(&r, &r.lanes[0], &rec)) {
            CHECK(reader_wait(&r, 10000) == POLLIN);
        }
        CHECK(rec.seq == i && !rec.lost);
        copy = rec.data;
        if (sizes[i] < 4000) {
            CHECK(rec.type == OVS_RING_T_NLMSG);
            message = rec.data;
            len = rec.len;
        } else {
            CHECK(rec.type == OVS_RING_T_COPY
                  && rec.flags & OVS_RING_RF_COPY
                  && rec.len == sizeof *copy);
            message = by_netlink[0];
            len = receive_upcall(by_netlink[0], sizeof by_netlink[0], 10000);
            CHECK(len == copy->len);
        }
        packet = attribute(message, len, OVS_PACKET_ATTR_PACKET);
        CHECK(packet && packet->nla_len == NLA_HDRLEN + sizes[i]);
    }
    CHECK(r.lanes[0].shared->copied == 3 && r.lanes[0].shared->records == 4);
    reader_close(&r);
    delete_datapath();
}

/* R7. */

static uint64_t
dp_lost(void)
{
    struct ovs_dp_stats stats;
    const void *p;
    struct msg m;

    begin(&m, family(OVS_DATAPATH_FAMILY), OVS_DP_CMD_GET,
          OVS_DATAPATH_VERSION, 0);
    CHECK(!transact(&m));
    p = find(&m, sizeof(struct ovs_header), OVS_DP_ATTR_STATS);
    CHECK(p);
    memcpy(&stats, p, sizeof stats);
    return stats.n_lost;
}

static void
test_overload(void)
{
    const char *runs = getenv("RING_RUNS");
    unsigned int n_runs = runs ? atoi(runs) : 100;
    uint64_t all_lost = 0;

    start();
    use_cpu(0);
    while (n_runs--) {
        struct ovs_ring_attach a = upcall_ring(1, 4096,
                                               2 << random64() % 4);
        unsigned int n = 20 + random64() % 200, sent = 0;
        uint64_t lost_before = dp_lost();
        const struct ovs_ring_lane *shared;
        uint64_t received = 0, copied = 0;
        struct reader_rec rec;
        struct reader r;

        a.flags = random64() % 2 ? OVS_RING_ATTACH_TIMESTAMP : 0;
        open_ring(&r, &a);
        bind_all(&r);
        shared = r.lanes[0].shared;
        while (sent < n) {
            unsigned int burst = 1 + random64() % 40, i;
            unsigned int take = random64() % 3 ? random64() % 40 : 0;

            for (i = 0; i < burst && sent < n; i++, sent++) {
                make_packet(&the_packet, IPPROTO_UDP,
                            random64() % 10 ? 60 + random64() % 1400
                                            : 60 + random64() % 6000, 0);
                send_packet(&the_packet);
            }
            for (i = 0; i < take && reader_next(&r, &r.lanes[0], &rec);
                 i++) {
                CHECK(!!rec.lost == !!(rec.flags & OVS_RING_RF_LOST));
                copied += rec.type == OVS_RING_T_COPY;
                received += rec.type == OVS_RING_T_NLMSG;
            }
        }
        while (get_stats(&r).offered < n) {
            usleep(1000);
        }
        while (reader_next(&r, &r.lanes[0], &rec)) {
            copied += rec.type == OVS_RING_T_COPY;
            received += rec.type == OVS_RING_T_NLMSG;
        }
        CHECK(get_stats(&r).offered == n);
        CHECK(received == shared->records && copied == shared->copied);
        CHECK(received + copied + shared->lost_records == n,
              "%llu + %llu + %llu, not %u", (unsigned long long) received,
              (unsigned long long) copied,
              (unsigned long long) shared->lost_records, n);
        CHECK(shared->lost_records - r.lanes[0].lost == n - r.lanes[0].seq);
        /* Each loss is one of the datapath, too. */
        CHECK(dp_lost() - lost_before == shared->lost_records);
        all_lost += shared->lost_records;
        while (copied--) {
            CHECK(receive_upcall(by_netlink[0], sizeof by_netlink[0],
                                 10000));
        }
        CHECK(!receive_upcall(by_netlink[0], sizeof by_netlink[0], 0));
        reader_close(&r);
    }
    CHECK(all_lost, "never full");
    printf("%llu lost\n", (unsigned long long) all_lost);
    delete_datapath();
}

/* R9: no space, but a socket. */
static void
test_fallback(void)
{
    struct ovs_ring_attach a;
    struct reader_rec rec;
    struct reader r;
    unsigned int n = 0;

    start();
    a = upcall_ring(1, 4096, 2);
    a.flags = OVS_RING_ATTACH_FALLBACK;
    open_ring(&r, &a);
    bind_all(&r);
    make_packet(&the_packet, IPPROTO_UDP, 1000, 0);
    for (int i = 0; i < 20; i++) {
        send_packet(&the_packet);
    }
    while (get_stats(&r).offered < 20) {
        usleep(1000);
    }
    while (reader_next(&r, &r.lanes[0], &rec)) {
        n++;
    }
    CHECK(n && n < 20);
    CHECK(get_stats(&r).fallbacks == 20 - n
          && r.lanes[0].shared->lost_records == 20 - n);
    for (; n < 20; n++) {
        CHECK(receive_upcall(by_netlink[0], sizeof by_netlink[0], 10000));
    }
    CHECK(!dp_lost());
    reader_close(&r);
    delete_datapath();
}

/* R4: 'k' segments are held for ever. */
static void
test_hold(void)
{
    enum { N = 8 };

    start();
    use_cpu(0);
    for (uint32_t k = 0; k < N; k++) {
        struct ovs_ring_attach a = upcall_ring(1, 4096, N);
        uint32_t held_gen[N] = { 0 }, n_held = 0;
        struct reader_rec rec;
        struct reader r;
        uint32_t last_k = 0;

        open_ring(&r, &a);
        bind_all(&r);
        r.hold = true;
        make_packet(&the_packet, IPPROTO_UDP, 1000, 0);
        for (unsigned int i = 0; i < 200; i++) {
            struct reader_lane *l = &r.lanes[0];

            send_packet(&the_packet);
            if (k == N - 1 && n_held == k
                && l->shared->lost_records) {
                /* Everything but the open one is held: one release revives
                 * it. */
                uint64_t lost = l->shared->lost_records;

                send_packet(&the_packet);
                CHECK(l->shared->lost_records == lost + 1);
                for (uint32_t seg = 0; seg < N; seg++) {
                    if (held_gen[seg]) {
                        reader_release(l, seg, held_gen[seg]);
                        break;
                    }
                }
                send_packet(&the_packet);
                CHECK(reader_next(&r, l, &rec)
                      && rec.flags & OVS_RING_RF_LOST
                      && rec.lost == lost + 1);
                CHECK(l->shared->lost_records == lost + 1);
                break;
            }
            while (reader_next(&r, l, &rec)) {
                CHECK(rec.lost == 0, "k %u", k);
                while (last_k != l->k) {
                    uint32_t seg = l->order[last_k & (2 * N - 1)];
                    uint32_t gen = reader_generation(last_k++);

                    if (n_held < k) {
                        CHECK(!held_gen[seg]);
                        held_gen[seg] = gen;
                        n_held++;
                    } else {
                        CHECK(!held_gen[seg], "a held one was opened");
                        reader_release(l, seg, gen);
                    }
                }
            }
            CHECK(k < N - 1 ? l->seq == i + 1 : i < 190, "k %u", k);
        }
        CHECK(n_held == k);
        CHECK(!k || k == N - 1 || r.lanes[0].shared->skipped_segs);
        reader_close(&r);
    }
    delete_datapath();
}

/* R6. */

static unsigned int per_thread;
static volatile bool stop;

static void *
sender(void *cpu)
{
    static __thread struct packet p;

    use_cpu((uintptr_t) cpu);
    make_packet(&p, IPPROTO_UDP, 200, 0);
    for (unsigned int i = 0; per_thread ? i < per_thread : !stop; i++) {
        send_packet(&p);
    }
    return NULL;
}

static void
test_order(void)
{
    long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t total;

    if (n_cpus > MAX_LANES) {
        n_cpus = MAX_LANES;
    }
    start();
    per_thread = 5000;
    total = (uint64_t) per_thread * n_cpus;
    /* A lane for each CPU, and one for all of them. */
    for (int shared = 0; shared < 2; shared++) {
        struct ovs_ring_attach a = upcall_ring(shared ? 1 : n_cpus, 16384, 16);
        uint64_t offered = 0, received = 0, lost = 0;
        pthread_t threads[MAX_LANES];
        struct reader_rec rec;
        struct reader r;

        open_ring(&r, &a);
        bind_all(&r);
        for (long i = 0; i < n_cpus; i++) {
            CHECK(!pthread_create(&threads[i], NULL, sender, (void *) i));
        }
        do {
            reader_wait(&r, 10);
            for (uint32_t i = 0; i < r.attach.n_lanes; i++) {
                while (reader_next(&r, &r.lanes[i], &rec)) {
                    /* Or a number came twice, or too late. */
                    CHECK(rec.lost < 1 << 20);
                    CHECK(rec.type == OVS_RING_T_NLMSG);
                    received++;
                }
            }
            offered = get_stats(&r).offered;
        } while (offered < total);
        for (long i = 0; i < n_cpus; i++) {
            pthread_join(threads[i], NULL);
        }
        for (uint32_t i = 0; i < r.attach.n_lanes; i++) {
            while (reader_next(&r, &r.lanes[i], &rec)) {
                received++;
            }
            lost += r.lanes[i].shared->lost_records;
        }
        CHECK(received + lost == total);
        CHECK(received);
        reader_close(&r);
    }
    delete_datapath();
}

/* R2: a consumer that writes anything anywhere harms itself only. */
static void
test_malicious(void)
{
    struct ovs_ring_attach a;
    struct reader evil;
    pthread_t thread;
    uint64_t end;
    uint32_t *p;

    start();
    use_cpu(0);
    a = upcall_ring(1, 4096, 8);
    a.n_tx = 8;
    a.tx_data_size = 4096;
    open_ring(&evil, &a);
    bind_all(&evil);
    per_thread = 0;
    stop = false;
    CHECK(!pthread_create(&thread, NULL, sender, (void *) 0));
    p = evil.consumer;
    end = now_ns() + 3000000000;
    while (now_ns() < end) {
        const struct ovs_ring_lane *shared = evil.lanes[0].shared;
        struct ovs_ring_kick kick = { .n = 8 };

        for (int i = 0; i < 1000; i++) {
            size_t at = random64() % (evil.attach.consumer_size / 4);

            /* Also what is nearly right. */
            p[at] = random64() % 2 ? random64() : shared->prod >> 32;
        }
        ioctl(evil.fd, OVS_RING_IOC_KICK, &kick);
        sched_yield();
    }
    stop = true;
    pthread_join(thread, NULL);
    CHECK(evil.lanes[0].shared->records);
    reader_close(&evil);

    /* The datapath is as good as new. */
    a = upcall_ring(1, 65536, 8);
    make_packet(&the_packet, IPPROTO_UDP, 100, 0);
    while (receive_upcall(by_netlink[0], sizeof by_netlink[0], 100)) {
        continue;
    }
    compare_ways(&a, "after it");
    delete_datapath();
}

/* Waking. */
static void
test_wake(void)
{
    struct ovs_ring_attach a;
    struct ovs_ring_consumer *c;
    struct pollfd pfd;
    struct reader_rec rec;
    struct reader r;

    start();
    use_cpu(0);
    a = upcall_ring(1, 65536, 4);
    open_ring(&r, &a);
    bind_all(&r);
    c = r.lanes[0].consumer;
    pfd = (struct pollfd) { .fd = r.fd, .events = POLLIN };
    make_packet(&the_packet, IPPROTO_UDP, 1000, 0);

    /* Nobody sleeps. */
    send_packet(&the_packet);
    CHECK(reader_next(&r, &r.lanes[0], &rec));
    CHECK(!poll(&pfd, 1, 0) && !r.lanes[0].shared->wakes);

    /* With each record, once a sleep. */
    c->armed = 1;
    send_packet(&the_packet);
    CHECK(poll(&pfd, 1, 10000) == 1 && pfd.revents == POLLIN);
    send_packet(&the_packet);
    CHECK(r.lanes[0].shared->wakes == 1);
    c->armed = 2;
    CHECK(!poll(&pfd, 1, 0));
    send_packet(&the_packet);
    CHECK(poll(&pfd, 1, 10000) == 1 && r.lanes[0].shared->wakes == 2);

    /* With so many bytes. */
    c->wake_bytes = 3000;
    c->wake_us = 100000000;
    c->armed = 3;
    send_packet(&the_packet);
    send_packet(&the_packet);
    CHECK(!poll(&pfd, 1, 0));
    send_packet(&the_packet);
    CHECK(poll(&pfd, 1, 10000) == 1 && r.lanes[0].shared->wakes == 3);

    /* After some time. */
    c->wake_us = 20000;
    c->wake_bytes = 1 << 30;
    c->armed = 4;
    send_packet(&the_packet);
    CHECK(poll(&pfd, 1, 10000) == 1 && r.lanes[0].shared->wakes == 4);
    c->wake_us = 0;
    c->armed = 5;
    send_packet(&the_packet);
    CHECK(poll(&pfd, 1, 10000) == 1 && r.lanes[0].shared->wakes == 5);
    c->armed = 0;
    CHECK(!poll(&pfd, 1, 0));
    reader_close(&r);
    delete_datapath();
}

/* R14. */

static void
attach_and_read(void)
{
    struct ovs_ring_attach a = upcall_ring(1, 65536, 8);
    struct reader_rec rec;
    struct reader r;

    open_ring(&r, &a);
    bind_all(&r);
    for (;;) {
        while (reader_next(&r, &r.lanes[0], &rec)) {
            continue;
        }
        reader_wait(&r, 1000);
    }
}

/* Kills 'n' consumers, one after the other, at any point of their lives, while
 * there are upcalls all the time. */
static void
kill_consumers(unsigned int n)
{
    pthread_t thread;

    per_thread = 0;
    stop = false;
    CHECK(!pthread_create(&thread, NULL, sender, (void *) 0));
    for (unsigned int i = 0; i < n; i++) {
        pid_t pid = fork();
        int status;

        CHECK(pid >= 0);
        if (!pid) {
            attach_and_read();
        }
        usleep(random64() % 20000);
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
              "round %u: the consumer ended by itself", i);
    }
    stop = true;
    pthread_join(thread, NULL);
    while (receive_upcall(by_netlink[0], sizeof by_netlink[0], 100)) {
        continue;
    }
}

static void
test_kill(void)
{
    const unsigned int n = n_kills();
    struct ovs_ring_attach a;
    uint64_t available;

    start();
    kill_consumers(20);         /* They make what stays. */
    available = available_kb();
    kill_consumers(n);
    check_no_leak(available, n, 512);

    /* The last one was the last one to be there. */
    a = upcall_ring(1, 65536, 8);
    make_packet(&the_packet, IPPROTO_UDP, 100, 0);
    compare_ways(&a, "after them");
    delete_datapath();
}

/* The datapath goes while a consumer sleeps. */
static void *
delete_soon(void *unused)
{
    (void) unused;
    usleep(200000);
    delete_datapath();
    return NULL;
}

static void
test_datapath_gone(void)
{
    struct ovs_ring_attach a;
    struct reader_rec rec;
    pthread_t thread;
    struct reader r;

    start();
    a = upcall_ring(1, 65536, 4);
    open_ring(&r, &a);
    bind_all(&r);
    make_packet(&the_packet, IPPROTO_UDP, 1000, 0);
    send_packet(&the_packet);
    while (get_stats(&r).offered < 1) {
        usleep(1000);
    }
    CHECK(reader_next(&r, &r.lanes[0], &rec));
    CHECK(!pthread_create(&thread, NULL, delete_soon, NULL));
    CHECK(reader_wait(&r, 20000) == (POLLIN | POLLHUP | POLLERR));
    pthread_join(thread, NULL);
    CHECK(r.control->state & OVS_RING_S_DEAD);
    CHECK(bind_lane(&r, 0, 0) == ENODEV);
    CHECK(((const struct nlmsghdr *) rec.data)->nlmsg_len == rec.len);
    get_stats(&r);
    reader_close(&r);

    /* A ring that nobody reads, and its namespace goes. */
    {
        int status;
        pid_t pid;

        pid = fork();
        if (!pid) {
            if (unshare(CLONE_NEWNET)) {
                _exit(SKIP);
            }
            make_datapath();
            a = upcall_ring(1, 65536, 4);
            open_ring(&r, &a);
            bind_all(&r);
            /* Out of the namespace, which goes when no socket of it is left:
             * the ring does not keep it. */
            if (unshare(CLONE_NEWNET)) {
                _exit(SKIP);
            }
            for (int i = 3; i < 64; i++) {
                if (i != r.fd) {
                    close(i);
                }
            }
            _exit(!(reader_wait(&r, 60000) & POLLHUP));
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
    }
}

/* Nothing is allocated for an upcall. */

/* Of this thread while it sends 'n' packets. */
static uint64_t
allocations_for(unsigned int n, struct reader *r)
{
    uint64_t before = count_allocations(), sum;
    struct reader_rec rec;

    for (unsigned int i = 0; i < n; i++) {
        send_packet(&the_packet);
        while (r && reader_next(r, &r->lanes[0], &rec)) {
            continue;
        }
    }
    sum = count_allocations() - before;
    while (receive_upcall(by_netlink[0], sizeof by_netlink[0], 0)) {
        continue;
    }
    return sum;
}

static void
test_allocations(void)
{
    enum { N = 1000 };
    static const char *const names[] = { "plain", "VLAN", "checksum" };
    uint64_t dropped;
    struct reader r;

    if (!open_counters()) {
        exit(SKIP);
    }
    use_cpu(0);
    start();

    /* What the sending allocates. */
    make_packet(&the_packet, IPPROTO_UDP, 1000, 0);
    add_drop_flow();
    allocations_for(100, NULL);
    dropped = allocations_for(N, NULL);
    delete_flows();
    for (int kind = 0; kind < 3; kind++) {
        struct ovs_ring_attach a = upcall_ring(1, 65536, 16);
        uint64_t by_ring, by_socket, records;

        make_packet(&the_packet, kind == 2 ? IPPROTO_TCP : IPPROTO_UDP, 1000,
                    kind == 1 ? 5 : 0);
        if (kind == 2) {
            leave_checksum(&the_packet, 0);
        }
        allocations_for(100, NULL);
        by_socket = allocations_for(N, NULL);
        open_ring(&r, &a);
        bind_all(&r);
        allocations_for(100, &r);
        records = r.lanes[0].shared->records;
        by_ring = allocations_for(N, &r);
        records = r.lanes[0].shared->records - records;
        reader_close(&r);
        printf("%s: %llu allocations for %d packets that are dropped, "
               "%llu with upcalls by ring, %llu by netlink\n", names[kind],
               (unsigned long long) dropped, N, (unsigned long long) by_ring,
               (unsigned long long) by_socket);
        CHECK(records == N);
        CHECK(by_ring < dropped + N / 100);
        CHECK(by_socket >= dropped + N);
    }
    delete_datapath();
}

int
main(int argc, char *argv[])
{
    static const struct subtest tests[] = {
        { "identical", test_identical },
        { "identical-actions", test_identical_actions },
        { "copy", test_copy },
        { "overload", test_overload },
        { "fallback", test_fallback },
        { "hold", test_hold },
        { "order", test_order },
        { "malicious", test_malicious },
        { "wake", test_wake },
        { "kill", test_kill },
        { "datapath-gone", test_datapath_gone },
        { "allocations", test_allocations },
        { NULL, NULL },
    };

    return argc == 2 ? run_subtest(tests, argv[1]) : 1;
}
