/* SPDX-License-Identifier: Apache-2.0 */

/* ILA at the ingress of ports, without a datapath around it.
 *
 *     test-ila-ingress packets FILE    offload flags, odd packets, vectors
 *     test-ila-ingress ports           ports and what is counted
 *     test-ila-ingress threads         ports, changes of the table and traffic
 *                                      at the same time
 *     test-ila-ingress benchmark [N [MODE [BURSTS]]]
 *                                      ns of CPU time a packet, with N entries
 *                                      of the checksum mode MODE */

#include <config.h>
#undef NDEBUG
#include "netdev-ila.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "dpif-ila.h"
#include "ila-table.h"
#include "ila-usage.h"
#include "ila-vectors.h"
#include "openvswitch/json.h"
#include "ovs-atomic.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "timeval.h"
#include "util.h"

#define LOCATOR htonll(UINT64_C(0x2001000000870000))
#define SIR htonll(UINT64_C(0x3333000000000001))
#define DST_OFS 24

/* A port with a queue, and a thread that receives from it. */
struct fixture {
    struct netdev_ila *ila;
    struct netdev_ila_port *port;
    struct dp_netdev_extension_slots slots;
    struct ila_usage_thread *usage;
};

static void
fixture_add_port(struct fixture *f, uint32_t port_no, unsigned int dirs)
{
    unsigned int was;

    f->port = netdev_ila_add_port(f->ila, u32_to_odp(port_no));
    netdev_ila_add_queue(f->port, &f->slots);
    ovs_assert(!netdev_ila_set_port(f->ila, u32_to_odp(port_no), dirs, &was));
    ovs_assert(!was);
}

static void
fixture_init(struct fixture *f, unsigned int dirs)
{
    memset(f, 0, sizeof *f);
    f->ila = netdev_ila_create();
    f->usage = ila_usage_thread_create(f->ila->usage);
    fixture_add_port(f, 1, dirs);
}

static void
fixture_uninit(struct fixture *f)
{
    netdev_ila_remove_port(f->port);
    ila_usage_thread_destroy(f->usage);
    netdev_ila_destroy(f->ila);
}

static struct netdev_ila_queue *
get_queue(const struct dp_netdev_extension_slots *slots)
{
    struct netdev_ila_queue *queue
        = ovsrcu_get(void *, &slots->of[DP_NETDEV_EXT_ILA]);

    return dp_netdev_extensions_receive_from(slots) ? queue : NULL;
}

/* Is a burst from the queue not even looked at?  Unless that is just being
 * changed. */
static bool
is_idle(const struct dp_netdev_extension_slots *slots)
{
    bool idle = !dp_netdev_extensions_receive_from(slots);

    ovs_assert(idle == !ovsrcu_get(void *, &slots->of[DP_NETDEV_EXT_ILA]));
    return idle;
}

static void
run(struct fixture *f, struct dp_packet_batch *batch)
{
    struct netdev_ila_queue *queue = get_queue(&f->slots);
    uint64_t counts[ILA_N_COUNTS];

    if (queue) {
        netdev_ila_ingress(queue, f->usage, time_msec(), batch, counts);
    }
}

/* The changes that the datapath's class makes. */

static int
add(struct netdev_ila *ila, const struct ila_mapping *m,
    enum ila_add_mode mode)
{
    int error;

    ovs_mutex_lock(&ila->mutex);
    error = ila_table_add(ila->table, m, mode);
    netdev_ila_changed(ila, &m->match);
    ovs_mutex_unlock(&ila->mutex);
    return error;
}

static int
del(struct netdev_ila *ila, const struct ila_match *match)
{
    int error;

    ovs_mutex_lock(&ila->mutex);
    error = ila_table_del(ila->table, match, ILA_OWNER_ANY);
    netdev_ila_changed(ila, match);
    ovs_mutex_unlock(&ila->mutex);
    return error;
}

static void
flush(struct netdev_ila *ila)
{
    const struct ila_filter all = { .dir = 0 };

    ovs_mutex_lock(&ila->mutex);
    ila_table_flush(ila->table, &all);
    netdev_ila_changed(ila, NULL);
    ovs_mutex_unlock(&ila->mutex);
}

static struct ila_mapping
mapping(enum ila_dir dir, ovs_be64 match, ovs_be64 locator,
        enum ila_csum_mode mode)
{
    struct ila_mapping m = {
        .match = {
            .dir = dir, .fields = ILA_MATCH_LOCATOR, .locator = match,
        },
        .xlat = {
            .locator = locator, .csum_mode = mode, .dir = dir,
            .ident_type = ILA_IDENT_LUID,
        },
    };

    return m;
}

/* Packets. */

/* Returns an Ethernet frame with 'n_tags' VLAN tags, or without Ethernet if
 * that is negative. */
static struct dp_packet *
make_packet(const void *ip6, size_t size, int n_tags, uint16_t eth_type)
{
    static const uint8_t macs[2 * ETH_ADDR_LEN] = { 2 };
    struct dp_packet *p = dp_packet_new_with_headroom(128, 64);

    if (n_tags < 0) {
        p->packet_type = htonl(PT_IPV6);
    } else {
        ovs_be16 type = htons(eth_type);

        dp_packet_put(p, macs, sizeof macs);
        for (int i = 0; i < n_tags; i++) {
            ovs_be16 tag[2] = { htons(i ? 0x8100 : 0x88a8), htons(5) };

            dp_packet_put(p, tag, sizeof tag);
        }
        dp_packet_put(p, &type, sizeof type);
    }
    if (size) {
        dp_packet_put(p, ip6, size);
    }
    return p;
}

#define PLAIN_SIZE 48           /* Fixed header and UDP without data. */

/* An IPv6 packet with UDP, checksum 'csum', to the locator and identifier. */
static void
make_plain(ovs_be64 locator, ovs_be64 identifier, uint16_t csum,
           uint8_t ip6[PLAIN_SIZE])
{
    memset(ip6, 0, PLAIN_SIZE);
    ip6[0] = 0x60;
    ip6[5] = 8;
    ip6[6] = IPPROTO_UDP;
    ip6[7] = 64;
    memcpy(&ip6[8], "\x20\x01\x0d\xb8", 4);
    memcpy(&ip6[DST_OFS], &locator, 8);
    memcpy(&ip6[DST_OFS + 8], &identifier, 8);
    ip6[45] = 8;
    ip6[46] = csum >> 8;
    ip6[47] = csum;
}

static struct dp_packet *
plain_packet(ovs_be64 locator, int n_tags)
{
    uint8_t ip6[PLAIN_SIZE];

    make_plain(locator, htonll(UINT64_C(0x2000000000010087)), 0x1234, ip6);
    return make_packet(ip6, sizeof ip6, n_tags, ETH_TYPE_IPV6);
}

static ovs_be64
packet_locator(const struct dp_packet *p)
{
    ovs_be64 locator;

    memcpy(&locator, ((const uint8_t *) dp_packet_tail(p)
                      - PLAIN_SIZE + DST_OFS), sizeof locator);
    return locator;
}

/* Lets the port receive 'p' alone; it must not be dropped. */
static void
run_one(struct fixture *f, struct dp_packet *p)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    run(f, &batch);
    ovs_assert(dp_packet_batch_size(&batch) == 1);
    ovs_assert(batch.packets[0] == p);
}

/* What is left of 'flags', with which a packet is translated in 'mode'? */
static uint64_t
flags_after(enum ila_csum_mode mode, bool rehash, ovs_be64 locator,
            uint64_t flags)
{
    const struct dpif_ila_port_options options = { .rehash = rehash };
    struct ila_mapping m = mapping(ILA_DIR_IN, LOCATOR, SIR, mode);
    struct dp_packet *p = plain_packet(locator, 0);
    struct fixture f;

    fixture_init(&f, ILA_PATH_IN);
    ovs_assert(!netdev_ila_set_port_options(f.ila, u32_to_odp(1), &options));
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    *dp_packet_ol_flags_ptr(p) = flags;
    run_one(&f, p);
    ovs_assert(packet_locator(p) == (locator == LOCATOR ? SIR : locator));
    flags = *dp_packet_ol_flags_ptr(p);
    dp_packet_delete(p);
    fixture_uninit(&f);
    return flags;
}

static void
check_flags(void)
{
    const uint64_t good = DP_PACKET_OL_RX_L4_CKSUM_GOOD;
    const uint64_t bad = DP_PACKET_OL_RX_L4_CKSUM_BAD;
    const uint64_t ip = DP_PACKET_OL_RX_IP_CKSUM_GOOD;
    const uint64_t rss = DP_PACKET_OL_RSS_HASH;
    const uint64_t mark = DP_PACKET_OL_FLOW_MARK;
    const uint64_t all = good | ip | rss | mark;
    const ovs_be64 other = htonll(UINT64_C(0x2001000000880000));

    for (enum ila_csum_mode mode = 0; mode <= ILA_CSUM_NEUTRAL_MAP_AUTO;
         mode++) {
        bool keeps = mode != ILA_CSUM_NO_ACTION;

        ovs_assert(flags_after(mode, false, LOCATOR, all)
                   == (ip | rss | (keeps ? good : 0)));
        ovs_assert(flags_after(mode, false, LOCATOR, bad)
                   == (keeps ? bad : 0));
        ovs_assert(flags_after(mode, true, LOCATOR, rss | bad)
                   == (keeps ? bad : 0));
        ovs_assert(flags_after(mode, true, other, all) == (good | ip | rss));
    }
}

/* Where is an IPv6 header found? */
static void
check_headers(void)
{
    struct ila_mapping m = mapping(ILA_DIR_IN, LOCATOR, SIR,
                                   ILA_CSUM_NO_ACTION);
    uint8_t ip6[PLAIN_SIZE];
    struct dp_packet *p;
    struct fixture f;

    fixture_init(&f, ILA_PATH_IN);
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    for (int n_tags = -1; n_tags <= 3; n_tags++) {
        p = plain_packet(LOCATOR, n_tags);
        run_one(&f, p);
        ovs_assert(packet_locator(p) == (n_tags <= 2 ? SIR : LOCATOR));
        dp_packet_delete(p);
    }

    /* Another protocol keeps its mark, and everything else. */
    make_plain(LOCATOR, 0, 0, ip6);
    p = make_packet(ip6, sizeof ip6, 0, ETH_TYPE_IP);
    *dp_packet_ol_flags_ptr(p) = DP_PACKET_OL_FLOW_MARK;
    run_one(&f, p);
    ovs_assert(packet_locator(p) == LOCATOR);
    ovs_assert(*dp_packet_ol_flags_ptr(p) == DP_PACKET_OL_FLOW_MARK);
    dp_packet_delete(p);

    /* Cut off anywhere in the headers: stays as it is. */
    for (int n_tags = -1; n_tags <= 2; n_tags++) {
        size_t size = n_tags < 0 ? 40 : 54 + 4 * n_tags;

        while (size-- > 0) {
            struct dp_packet *copy;

            p = plain_packet(LOCATOR, n_tags);
            dp_packet_set_size(p, size);
            copy = dp_packet_clone(p);
            run_one(&f, p);
            ovs_assert(dp_packet_equal(p, copy));
            dp_packet_delete(copy);
            dp_packet_delete(p);
        }
    }
    fixture_uninit(&f);
}

/* Those that are dropped leave no gap, also if they are all. */
static void
check_drops(void)
{
    struct ila_mapping m = mapping(ILA_DIR_OUT, SIR, LOCATOR,
                                   ILA_CSUM_NEUTRAL_MAP);
    struct fixture f;

    fixture_init(&f, ILA_PATH_OUT);
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    for (int round = 0; round < 1000; round++) {
        struct dp_packet *survivors[NETDEV_MAX_BURST];
        size_t n = 1 + random_range(NETDEV_MAX_BURST), n_survivors = 0;
        uint32_t drops = round ? random_uint32() : UINT32_MAX;
        struct dp_packet_batch batch;
        uint64_t counts[ILA_N_COUNTS];

        dp_packet_batch_init(&batch);
        for (size_t i = 0; i < n; i++) {
            bool is_ipv6 = random_range(4);
            uint8_t ip6[PLAIN_SIZE];
            struct dp_packet *p;
            uint64_t ident = UINT64_C(0x2000000000010087);

            if (drops & 1u << i) {
                ident |= UINT64_C(1) << 60;     /* The C bit. */
            }
            make_plain(SIR, htonll(ident), 1, ip6);
            p = make_packet(ip6, sizeof ip6, 0,
                            is_ipv6 || !round ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
            if (!(drops & 1u << i) || (round && !is_ipv6)) {
                survivors[n_survivors++] = p;
            }
            dp_packet_batch_add(&batch, p);
        }
        netdev_ila_ingress(get_queue(&f.slots), f.usage, 0, &batch, counts);
        ovs_assert(counts[ILA_COUNT_CBIT] == n - n_survivors);
        ovs_assert(dp_packet_batch_size(&batch) == n_survivors);
        ovs_assert(!memcmp(batch.packets, survivors,
                           n_survivors * sizeof *survivors));
        dp_packet_delete_batch(&batch, true);
    }
    fixture_uninit(&f);
}

/* The vectors with a partial checksum, which dummy ports cannot receive. */
static void
check_partial(const char *file)
{
    struct json *json = json_from_file(file);
    const struct json_array *vectors;
    size_t n = 0;

    if (json->type == JSON_STRING) {
        ovs_fatal(0, "%s", json_string(json));
    }
    vectors = json_array(member(json, "vectors"));
    for (size_t i = 0; i < vectors->n; i++) {
        const struct json *v = vectors->elems[i];
        const struct json *entry = json_array(member(v, "table"))->elems[0];
        uint8_t in[2048], out[2048];
        enum ila_csum_mode mode;
        struct ila_mapping m;
        struct dp_packet *p;
        struct fixture f;
        size_t size;

        if (!json_boolean(member(v, "l4_partial"))) {
            continue;
        }
        size = from_hex(member_string(v, "in"), in, sizeof in);
        from_hex(member_string(v, "out"), out, sizeof out);
        ovs_assert(ila_csum_mode_from_string(member_string(entry, "csum_mode"),
                                             &mode));
        m = mapping(ILA_DIR_OUT,
                    locator_of(member_string(entry, "match_locator")),
                    locator_of(member_string(entry, "locator")), mode);
        fixture_init(&f, ILA_PATH_OUT);
        ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
        p = make_packet(in, size, 0, ETH_TYPE_IPV6);
        dp_packet_hwol_set_csum_tcp(p);
        run_one(&f, p);
        ovs_assert(!memcmp((uint8_t *) dp_packet_tail(p) - size, out, size));
        ovs_assert(dp_packet_hwol_l4_is_tcp(p));
        dp_packet_delete(p);
        fixture_uninit(&f);
        n++;
    }
    ovs_assert(n);
    json_destroy(json);
}

static void
test_packets(struct ovs_cmdl_context *ctx)
{
    check_flags();
    check_headers();
    check_drops();
    check_partial(ctx->argv[1]);
    puts("packets: ok");
}

/* Ports. */

static uint64_t
total(struct netdev_ila *ila, enum ila_count count)
{
    uint64_t counts[ILA_N_COUNTS];
    uint64_t n_expired;

    netdev_ila_get_counts(ila, counts, &n_expired);
    return counts[count];
}

static uint64_t
of_port(struct netdev_ila *ila, uint32_t port_no, enum ila_count count)
{
    uint64_t counts[ILA_N_COUNTS];
    unsigned int dirs;

    ovs_assert(!netdev_ila_get_port(ila, u32_to_odp(port_no), &dirs, counts));
    return counts[count];
}

static void
receive(struct fixture *f, ovs_be64 locator)
{
    struct dp_packet *p = plain_packet(locator, 0);

    run_one(f, p);
    dp_packet_delete(p);
}

static uint64_t
entry_packets(struct netdev_ila *ila, const struct ila_match *match)
{
    struct ila_mapping m;
    struct ila_use use;
    uint32_t id;

    ovs_assert(!ila_table_get(ila->table, match, &m, &id));
    ila_table_get_use(ila->table, id, &use);
    ovs_assert(use.n_bytes == use.n_packets * (ETH_HEADER_LEN + PLAIN_SIZE));
    ovs_assert(!use.used == !use.n_packets);
    return use.n_packets;
}

static void
test_ports(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct dpif_ila_port_options options = { .stats = true };
    struct ila_mapping m = mapping(ILA_DIR_IN, LOCATOR, SIR,
                                   ILA_CSUM_NO_ACTION);
    struct netdev_ila_port *big;
    unsigned int was;
    struct fixture f;

    fixture_init(&f, ILA_PATH_IN);

    /* Numbers. */
    big = netdev_ila_add_port(f.ila, u32_to_odp(UINT16_MAX));
    ovs_assert(netdev_ila_set_port(f.ila, u32_to_odp(7), ILA_PATH_IN, &was)
               == ENODEV);
    ovs_assert(netdev_ila_set_port(f.ila, u32_to_odp(UINT16_MAX), ILA_PATH_IN,
                                   &was) == ERANGE);
    ovs_assert(!netdev_ila_set_port(f.ila, u32_to_odp(UINT16_MAX), 0, &was));
    ovs_mutex_lock(&f.ila->mutex);
    ovs_assert(netdev_ila_has_port(f.ila, 1));
    ovs_assert(!netdev_ila_has_port(f.ila, 7));
    ovs_assert(!netdev_ila_has_port(f.ila, UINT16_MAX));
    ovs_mutex_unlock(&f.ila->mutex);
    netdev_ila_remove_port(big);

    /* Active only while something applies. */
    ovs_assert(is_idle(&f.slots));
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    ovs_assert(get_queue(&f.slots));
    ovs_assert(!del(f.ila, &m.match));
    ovs_assert(is_idle(&f.slots));
    m.match.fields |= ILA_MATCH_IN_PORT;
    m.match.in_port = 2;
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    ovs_assert(is_idle(&f.slots));
    m.match.in_port = 1;
    ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
    ovs_assert(get_queue(&f.slots));
    ovs_assert(!netdev_ila_set_port(f.ila, u32_to_odp(1), ILA_PATH_OUT, &was));
    ovs_assert(was == ILA_PATH_IN && is_idle(&f.slots));
    ovs_assert(!netdev_ila_set_port(f.ila, u32_to_odp(1), ILA_PATH_IN, &was));

    /* What is counted outlives queue and port.  An entry counts on demand. */
    receive(&f, LOCATOR);
    ovs_assert(entry_packets(f.ila, &m.match) == 0);
    ovs_assert(!netdev_ila_set_port_options(f.ila, u32_to_odp(1), &options));
    receive(&f, LOCATOR);
    receive(&f, SIR);
    ovs_assert(of_port(f.ila, 1, ILA_COUNT_IN) == 2);
    ovs_assert(of_port(f.ila, 1, ILA_COUNT_MISS) == 1);
    netdev_ila_clear_queues(f.port);
    ovs_assert(is_idle(&f.slots));
    netdev_ila_add_queue(f.port, &f.slots);
    receive(&f, LOCATOR);
    ovs_assert(of_port(f.ila, 1, ILA_COUNT_IN) == 3);
    ovs_assert(entry_packets(f.ila, &m.match) == 2);

    /* The thread goes, another one comes. */
    ila_usage_thread_destroy(f.usage);
    ovs_assert(entry_packets(f.ila, &m.match) == 2);
    f.usage = ila_usage_thread_create(f.ila->usage);
    receive(&f, LOCATOR);
    ovs_assert(entry_packets(f.ila, &m.match) == 3);

    /* An entry that gets the id of another one begins anew. */
    ovs_assert(!del(f.ila, &m.match));
    for (int i = 0; i < 3; i++) {
        ovsrcu_synchronize();
        flush(f.ila);
        ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
        ovs_assert(entry_packets(f.ila, &m.match) == 0);
        receive(&f, LOCATOR);
        ovs_assert(entry_packets(f.ila, &m.match) == 1);
        ovs_assert(!del(f.ila, &m.match));
        ovsrcu_synchronize();
        ovs_assert(!add(f.ila, &m, ILA_ADD_NEW));
        ovs_assert(entry_packets(f.ila, &m.match) == 0);
        receive(&f, LOCATOR);
    }

    /* An entry goes with its port, others do not. */
    m.match.in_port = 2;
    add(f.ila, &m, ILA_ADD_NEW);
    ovs_assert(total(f.ila, ILA_COUNT_IN) == 10);
    netdev_ila_remove_port(f.port);
    ovs_assert(total(f.ila, ILA_COUNT_IN) == 10);
    ovs_assert(is_idle(&f.slots));
    ovs_assert(!del(f.ila, &m.match));
    m.match.in_port = 1;
    ovs_assert(del(f.ila, &m.match) == ENOENT);
    fixture_add_port(&f, 1, ILA_PATH_IN);
    ovs_assert(of_port(f.ila, 1, ILA_COUNT_IN) == 0);
    fixture_uninit(&f);
    puts("ports: ok");
}

/* Threads. */

#define N_THREADS 3
#define N_LOCATORS 8
#define N_TARGETS 4

struct traffic {
    struct netdev_ila *ila;
    uint32_t port_no;
    atomic_bool *stop;
    uint64_t n_translated;      /* Counted by the thread itself. */
};

static ovs_be64
nth_locator(int i)
{
    return htonll(UINT64_C(0x2001000000000000) | i << 16);
}

static ovs_be64
nth_target(int i)
{
    return htonll(UINT64_C(0x3333000000000000) | i);
}

static bool
is_target(ovs_be64 locator)
{
    for (int i = 0; i < N_TARGETS; i++) {
        if (locator == nth_target(i)) {
            return true;
        }
    }
    return false;
}

/* Receives, and now and then has its queue or port configured anew. */
static void *
traffic_main(void *t_)
{
    const struct dpif_ila_port_options options = { .stats = true };
    struct traffic *t = t_;
    struct fixture f = { .ila = t->ila };
    bool stop = false;

    f.usage = ila_usage_thread_create(t->ila->usage);
    fixture_add_port(&f, t->port_no, ILA_PATH_IN);
    for (int round = 0; !stop; round++) {
        struct dp_packet_batch batch;
        ovs_be64 before[NETDEV_MAX_BURST];
        struct dp_packet *packet;

        dp_packet_batch_init(&batch);
        for (int i = 0; i < NETDEV_MAX_BURST; i++) {
            before[i] = nth_locator(random_range(N_LOCATORS));
            dp_packet_batch_add(&batch, plain_packet(before[i], 0));
        }
        run(&f, &batch);
        DP_PACKET_BATCH_FOR_EACH (i, packet, &batch) {
            ovs_be64 after = packet_locator(packet);

            /* The first one is always there, the others come and go. */
            ovs_assert(is_target(after)
                       || (after == before[i] && (before[i] != nth_locator(0)
                                                  || !get_queue(&f.slots))));
            t->n_translated += is_target(after);
        }
        dp_packet_delete_batch(&batch, true);
        ovsrcu_quiesce();

        if (round % 64 == 63) {
            netdev_ila_clear_queues(f.port);
            netdev_ila_add_queue(f.port, &f.slots);
        }
        if (round % 512 == 511) {
            netdev_ila_remove_port(f.port);
            fixture_add_port(&f, t->port_no, ILA_PATH_IN);
            netdev_ila_set_port_options(f.ila, u32_to_odp(t->port_no),
                                        &options);
        }
        if (round % 1024 == 1023) {
            ila_usage_thread_destroy(f.usage);
            f.usage = ila_usage_thread_create(t->ila->usage);
        }
        atomic_read_relaxed(t->stop, &stop);
    }
    netdev_ila_remove_port(f.port);
    ila_usage_thread_destroy(f.usage);
    return NULL;
}

/* Changes the table in every way, never so that the first locator lacks a
 * translation. */
static void
change_table(struct netdev_ila *ila)
{
    struct ila_mapping m = mapping(ILA_DIR_IN,
                                   nth_locator(random_range(N_LOCATORS)),
                                   nth_target(random_range(N_TARGETS)),
                                   ILA_CSUM_NO_ACTION);
    struct ila_filter filter = {
        .xlat_locator = nth_target(random_range(N_TARGETS)),
    };
    struct ila_use use;
    struct ila_match culprit;
    struct ila_table *stage;
    size_t n;

    switch (random_range(6)) {
    case 0:
    case 1:
        if (random_range(2)) {
            m.match.fields |= ILA_MATCH_IN_PORT;
            m.match.in_port = 1 + random_range(N_THREADS);
        }
        m.idle_timeout = random_range(2);
        if (m.match.locator == nth_locator(0)) {
            m.idle_timeout = 0;
        }
        add(ila, &m, ILA_ADD_REPLACE);
        break;
    case 2:
        if (m.match.locator != nth_locator(0)) {
            del(ila, &m.match);
        }
        break;
    case 3:
        ila_table_move(ila->table, &filter,
                       nth_target(random_range(N_TARGETS)), &n);
        break;
    case 4:
        stage = ila_table_stage(ila->table);
        m.match.locator = nth_locator(0);
        ila_table_add(stage, &m, ILA_ADD_NEW);
        ovs_mutex_lock(&ila->mutex);
        ovs_assert(!ila_table_commit_replace(ila->table, stage, ILA_OWNER_ANY,
                                             &culprit));
        netdev_ila_changed(ila, NULL);
        ovs_mutex_unlock(&ila->mutex);
        break;
    case 5:
        ila_table_get_use(ila->table, random_range(16), &use);
        netdev_ila_run(ila);
        total(ila, ILA_COUNT_IN);
        break;
    }
}

static void
test_threads(struct ovs_cmdl_context *ctx)
{
    int n_rounds = ctx->argc > 1 ? atoi(ctx->argv[1]) : 20000;
    struct netdev_ila *ila = netdev_ila_create();
    struct ila_mapping first = mapping(ILA_DIR_IN, nth_locator(0),
                                       nth_target(0), ILA_CSUM_NO_ACTION);
    struct traffic traffic[N_THREADS];
    pthread_t threads[N_THREADS];
    atomic_bool stop = false;
    uint64_t n_translated = 0;

    ovs_assert(!add(ila, &first, ILA_ADD_NEW));
    for (int i = 0; i < N_THREADS; i++) {
        traffic[i].ila = ila;
        traffic[i].port_no = i + 1;
        traffic[i].stop = &stop;
        traffic[i].n_translated = 0;
        threads[i] = ovs_thread_create("traffic", traffic_main, &traffic[i]);
    }
    for (int i = 0; i < n_rounds; i++) {
        change_table(ila);
        ovsrcu_quiesce();
    }
    atomic_store_relaxed(&stop, true);
    for (int i = 0; i < N_THREADS; i++) {
        ovsrcu_quiesce_start();
        xpthread_join(threads[i], NULL);
        ovsrcu_quiesce_end();
        n_translated += traffic[i].n_translated;
    }

    /* Nothing that was counted is lost. */
    ovs_assert(n_translated);
    ovs_assert(total(ila, ILA_COUNT_IN) == n_translated);
    netdev_ila_destroy(ila);
    puts("threads: ok");
}

/* Benchmark. */

#define POOL 32

static uint64_t
cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Returns the nanoseconds that a packet takes, each of them to a random one of
 * the 'n' locators.  'queue' may be null. */
static double
measure(struct netdev_ila_queue *queue, struct ila_usage_thread *usage,
        struct dp_packet *pool[POOL], const ovs_be64 *locators, size_t n,
        size_t n_bursts)
{
    uint64_t start = cpu_ns();

    for (size_t i = 0; i < n_bursts; i++) {
        struct dp_packet_batch batch;
        uint64_t counts[ILA_N_COUNTS];

        dp_packet_batch_init(&batch);
        for (size_t j = 0; j < POOL; j++) {
            ovs_be64 locator = locators[random_uint32() % n];

            memcpy((uint8_t *) dp_packet_data(pool[j]) + ETH_HEADER_LEN
                   + DST_OFS, &locator, sizeof locator);
            dp_packet_batch_add(&batch, pool[j]);
        }
        if (queue) {
            netdev_ila_ingress(queue, usage, 1, &batch, counts);
        }
    }
    return (cpu_ns() - start) / (double) (n_bursts * POOL);
}

static void
test_benchmark(struct ovs_cmdl_context *ctx)
{
    size_t n = ctx->argc > 1 ? strtoul(ctx->argv[1], NULL, 10) : 1;
    const char *mode_name = ctx->argc > 2 ? ctx->argv[2] : "no-action";
    size_t n_bursts = ctx->argc > 3 ? strtoul(ctx->argv[3], NULL, 10) : 100000;
    ovs_be64 *locators = xmalloc(n * sizeof *locators);
    struct dp_packet *pool[POOL];
    double without = 1e9, with = 1e9;
    enum ila_csum_mode mode;
    struct fixture f;

    ovs_assert(ila_csum_mode_from_string(mode_name, &mode));
    fixture_init(&f, ILA_PATH_IN);
    for (size_t i = 0; i < n; i++) {
        struct ila_mapping m;

        do {
            locators[i] = htonll(UINT64_C(0x2001) << 48
                                 | (random_uint64() >> 16));
            m = mapping(ILA_DIR_IN, locators[i], nth_target(i % 1000), mode);
        } while (add(f.ila, &m, ILA_ADD_NEW));
    }
    for (size_t i = 0; i < POOL; i++) {
        pool[i] = plain_packet(LOCATOR, 0);
    }
    for (int round = 0; round < 15; round++) {
        double ns = measure(NULL, NULL, pool, locators, n, n_bursts);

        without = MIN(without, ns);
        ns = measure(get_queue(&f.slots), f.usage, pool, locators, n,
                     n_bursts);
        with = MIN(with, ns);
    }
    printf("%"PRIuSIZE" entries, %s: %.1f ns a packet\n", n, mode_name,
           with - without);
    for (size_t i = 0; i < POOL; i++) {
        dp_packet_delete(pool[i]);
    }
    free(locators);
    fixture_uninit(&f);
}

static const struct ovs_cmdl_command commands[] = {
    { "packets", "FILE", 1, 1, test_packets, OVS_RO },
    { "ports", NULL, 0, 0, test_ports, OVS_RO },
    { "threads", "[ROUNDS]", 0, 1, test_threads, OVS_RO },
    { "benchmark", "[ENTRIES [MODE [BURSTS]]]", 0, 3, test_benchmark, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_ila_ingress_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = { .argc = argc - 1, .argv = argv + 1 };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ila-ingress", test_ila_ingress_main);
