/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ovstest test-vrf-way N [SEED [TABLE]]
 *
 * Sends N bursts of packets, good and bad ones, three times each: to the
 * action vrf(); to vrf() with a mark that the packets do not have, so that it
 * looks at each of them in all detail, without the short cut that most packets
 * take (see vrf-take.h); and to the actions that output_vrf() is translated to
 * for the packets, by flows that match what that unwildcarded.  Routes, rules,
 * neighbours and devices change between bursts, and flows stay as they are for
 * some time.  What comes out has to be the same, byte by byte, and so do the
 * counters.
 *
 * With TABLE they are routed by that table alone, and instead of vrf() it is
 * vrf_way() with nothing but the table. */

#include <config.h>
#undef NDEBUG
#include "ovstest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "dpif.h"
#include "fatal-signal.h"
#include "flow.h"
#include "netdev-vrf.h"
#include "odp-extension.h"
#include "odp-util.h"
#include "ofp-extension.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "random.h"
#include "test-ports.h"
#include "test-vrf-common.h"
#include "util.h"
#include "vrf-action.h"
#include "vrf-counters.h"
#include "vrf-dummy.h"
#include "vrf-packet.h"
#include "vrf-way.h"
#include "vrf-way-translate.h"
#include "vrf.h"

/* Packets come in by port 1; 2 and 3 are devices, from which everything is
 * output to 4 and 5. */
enum { RX = 1, DEVICE = 2, OUT = 4, TABLE = 10, OTHER_TABLE = 11 };

/* Where packets are sent to: who takes them. */
static const struct eth_addr to_vrf = ETH_ADDR_C(02,00,00,00,00,0a);
static const struct eth_addr to_detailed = ETH_ADDR_C(02,00,00,00,00,0c);
static const struct eth_addr to_way = ETH_ADDR_C(02,00,00,00,00,0b);

enum { MAX_BURST = 8 };

/* Received by RX next. */
static struct dp_packet *next[MAX_BURST];
static size_t n_next;

/* What was sent since it was last taken, with the port. */
struct output {
    unsigned int port;
    struct dp_packet *packet;
};
static struct output outputs[256];
static size_t n_outputs;

static uint64_t n_forwarded, n_way_flows, n_stale;

static uint32_t only_table;     /* TABLE, or 0. */

static void
receive(unsigned int n, struct dp_packet_batch *batch)
{
    if (n == RX) {
        for (size_t i = 0; i < n_next; i++) {
            dp_packet_batch_add(batch, next[i]);
        }
        n_next = 0;
    }
}

static void
keep(unsigned int port, struct dp_packet *packet)
{
    ovs_assert(n_outputs < ARRAY_SIZE(outputs));
    outputs[n_outputs++] = (struct output) { port, packet };
}

static const struct test_ports test_ports = {
    .receive = receive,
    .send = keep,
};

/* What there is in routing: a few networks with a few hosts. */

static struct vrf_addr
host(enum vrf_family family, unsigned int net, unsigned int n)
{
    return (family == VRF_IPV4 ? TEST_IPV4(10, net, 0, n)
            : TEST_IPV6(net, n));
}

static enum vrf_family
some_family(void)
{
    return random_range(3) ? VRF_IPV4 : VRF_IPV6;
}

static struct vrf_addr
some_host(enum vrf_family family)
{
    return host(family, random_range(8), random_range(6));
}

static void
change_route(void)
{
    static const enum vrf_route_type types[] = {
        VRF_ROUTE_BLACKHOLE, VRF_ROUTE_UNREACHABLE, VRF_ROUTE_LOCAL,
        VRF_ROUTE_THROW,
    };
    enum vrf_family family = some_family();
    enum vrf_route_type type = (random_range(6) ? VRF_ROUTE_UNICAST
                                : types[random_range(ARRAY_SIZE(types))]);
    static const uint8_t lens4[] = { 0, 8, 15, 24, 30, 32 };
    static const uint8_t lens6[] = { 0, 32, 63, 64, 126, 128 };
    int i = random_range(ARRAY_SIZE(lens4));

    test_begin_route(family, random_range(4) ? TABLE : OTHER_TABLE,
                     some_host(family),
                     family == VRF_IPV4 ? lens4[i] : lens6[i], type);
    test_event.route.place = VRF_FIB_REPLACE;
    test_event.route.info.mtu = random_range(3) ? 0 : 60 + random_range(60);
    test_event.route.info.tos = random_range(8) ? 0 : 0x10;
    if (type == VRF_ROUTE_UNICAST || type == VRF_ROUTE_LOCAL) {
        for (int n = random_range(8) ? 1 : 2; n > 0; n--) {
            test_add_hop(DEVICE + random_range(2),
                         random_range(2) ? host(family, 1, random_range(6))
                         : (struct vrf_addr) { 0, 0 });
        }
    }
    test_event.gone = !random_range(3);
    test_apply(VRF_EVENT_ROUTE);
}

static void
change_rule(void)
{
    enum vrf_family family = some_family();
    struct vrf_rule *rule = &test_event.rule.rule;

    test_event.rule.family = family;
    vrf_rule_init(rule);
    rule->priority = 100 + random_range(8);
    rule->action = VRF_RULE_TABLE;
    rule->table = random_range(2) ? TABLE : OTHER_TABLE;
    switch (rule->priority % 4) {
    case 0:
        rule->parts = VRF_RULE_SRC;
        rule->src.len = family == VRF_IPV4 ? 24 : 64;
        rule->src.addr = host(family, 2, 0);
        break;
    case 1:
        rule->parts = VRF_RULE_DST;
        rule->dst.len = family == VRF_IPV4 ? 25 : 65;
        rule->dst.addr = host(family, 3, 0);
        break;
    case 2:
        rule->parts = VRF_RULE_TOS;
        rule->tos = 0x08;
        rule->tos_mask = 0xff;
        break;
    default:
        rule->parts = VRF_RULE_PROTO;
        rule->proto = IPPROTO_TCP;
    }
    test_event.gone = random_range(4) != 0;
    test_apply(VRF_EVENT_RULE);
}

/* Most of the time all hosts by all devices are known. */
static void
change_neighbour(void)
{
    struct eth_addr mac = ETH_ADDR_C(06,00,00,00,00,00);
    enum vrf_family family = some_family();

    mac.ea[5] = random_range(4);
    test_event.gone = !random_range(5);
    test_set_neighbour(family, DEVICE + random_range(2), some_host(family),
                       mac);
}

static void
change_device(void)
{
    unsigned int port = DEVICE + random_range(2);

    test_event.link.ifindex = test_port_ifindex(port);
    test_event.link.mtu = random_range(2) ? 1500 : 100;
    test_event.link.up = test_event.link.running = random_range(4) != 0;
    snprintf(test_event.link.name, sizeof test_event.link.name, "t%u", port);
    test_apply(VRF_EVENT_LINK);
}

static void
change_something(void)
{
    switch (random_range(16)) {
    case 0:
        change_device();
        break;
    case 1:
        change_rule();
        break;
    case 2: case 3: case 4: case 5:
        change_neighbour();
        break;
    default:
        change_route();
    }
}

static void
set_up_routing(void)
{
    struct eth_addr mac = ETH_ADDR_C(06,00,00,00,00,07);
    struct shash tables = SHASH_INITIALIZER(&tables);
    struct shash ports = SHASH_INITIALIZER(&ports);

    vrf_init();
    for (unsigned int port = RX; port < OUT; port++) {
        test_add_device(port);
    }
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        for (unsigned int i = 0; i < 8 * 6 * 2; i++) {
            test_set_neighbour(f, DEVICE + i % 2,
                               host(f, i / 2 % 8, i / 16), mac);
        }
    }
    for (int i = 0; i < 40; i++) {
        change_route();
    }
    vrf_dummy_changed();
    shash_add(&tables, "red", (void *) (uintptr_t) TABLE);
    vrf_configure(&tables, &ports, false);
    shash_destroy(&tables);
    shash_destroy(&ports);
}

/* Packets. */

static struct vrf_addr
some_source(enum vrf_family family)
{
    static const uint8_t firsts[] = { 0, 127, 224, 255 };

    if (random_range(16)) {
        return some_host(family);
    } else if (family == VRF_IPV4) {
        return TEST_IPV4(firsts[random_range(ARRAY_SIZE(firsts))], 0, 0, 1);
    }
    return (struct vrf_addr) {
        (uint64_t[]) { 0, UINT64_C(0xfe80) << 48, UINT64_C(0xff02) << 48 }
        [random_range(3)], random_range(3)
    };
}

static struct vrf_addr
some_destination(enum vrf_family family)
{
    if (random_range(12)) {
        return some_host(family);
    } else if (random_range(2)) {
        return some_source(family);
    }
    return (family == VRF_IPV4 ? TEST_IPV4(random_range(256), 1, 2, 3)
            : (struct vrf_addr) { (uint64_t) random_uint32() << 32, 1 });
}

static void
damage(struct dp_packet *packet)
{
    uint8_t *data = dp_packet_data(packet);

    switch (random_range(4)) {
    case 0:
        dp_packet_set_size(packet, random_range(dp_packet_size(packet)) + 1);
        break;
    case 1:
        dp_packet_put_zeros(packet, random_range(20));
        break;
    default:
        data[14 + random_range(24)] ^= 1 << random_range(8);
    }
}

/* As if damage had not been noticed before. */
static void
mend_sum(struct dp_packet *packet)
{
    struct eth_header *eth = dp_packet_data(packet);
    struct ip_header *nh = (void *) (eth + 1);

    if (dp_packet_size(packet) >= 34 && eth->eth_type == htons(ETH_TYPE_IP)
        && dp_packet_size(packet) >= 14 + IP_IHL(nh->ip_ihl_ver) * 4) {
        nh->ip_csum = 0;
        nh->ip_csum = csum(nh, IP_IHL(nh->ip_ihl_ver) * 4);
    }
}

static struct dp_packet *
make_packet(void)
{
    static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP,
                                      IPPROTO_ICMP, IPPROTO_ICMPV6, 89 };
    struct dp_packet *packet = dp_packet_new(0);
    enum vrf_family family = some_family();
    struct vrf_addr src = some_source(family);
    struct vrf_addr dst = some_destination(family);
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_src = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    flow.dl_type = htons(family == VRF_IPV4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);
    flow.nw_src = vrf_addr_to_ipv4(&src);
    flow.nw_dst = vrf_addr_to_ipv4(&dst);
    flow.ipv6_src = vrf_addr_to_ipv6(&src);
    flow.ipv6_dst = vrf_addr_to_ipv6(&dst);
    flow.nw_proto = protos[random_range(ARRAY_SIZE(protos))];
    flow.nw_ttl = random_range(8) ? 2 + random_range(254) : random_range(3);
    flow.nw_tos = random_range(4) ? 0 : random_range(256);
    flow.tp_src = htons(random_range(3));
    flow.tp_dst = htons(random_range(3));
    flow.tcp_flags = htons(random_range(64));
    flow_compose(packet, &flow, NULL, random_range(3) ? 8
                 : random_range(120));
    if (family == VRF_IPV4 && !random_range(6)) {
        struct ip_header *nh = dp_packet_l3(packet);

        nh->ip_frag_off = htons(random_range(2) ? IP_DONT_FRAGMENT
                                : random_range(0x4000));
        mend_sum(packet);
    }
    if (!random_range(10)) {
        damage(packet);
        if (random_range(2)) {
            mend_sum(packet);
        }
    }
    return packet;
}

/* Flows. */

static void
add_vrf_flow(struct dpif *dpif, struct eth_addr dst, const char *type,
             const char *args)
{
    char *actions = (only_table
                     ? xasprintf("vrf_way(%s,table=%"PRIu32")", args,
                                 only_table)
                     : xasprintf("vrf(%s)", args));
    char *match = xasprintf("recirc_id(0),in_port(1),eth(dst="ETH_ADDR_FMT
                            "),%s", ETH_ADDR_ARGS(dst), type);

    test_add_flow(dpif, match, actions);
    free(match);
    free(actions);
}

static void
add_fixed_flows(struct dpif *dpif)
{
    static const char *const types[] = {
        "eth_type(0x0800),ipv4(frag=no)",
        "eth_type(0x0800),ipv4(frag=first)",
        "eth_type(0x0800),ipv4(frag=later)",
        "eth_type(0x86dd),ipv6(frag=no)",
        "eth_type(0x86dd),ipv6(frag=first)",
        "eth_type(0x86dd),ipv6(frag=later)",
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char *match;

        add_vrf_flow(dpif, to_vrf, types[i], "name=red,errors=drop");
        add_vrf_flow(dpif, to_detailed, types[i],
                     "name=red,errors=drop,mark=1");
        for (unsigned int port = DEVICE; port < OUT; port++) {
            char *actions = xasprintf("%u", port - DEVICE + OUT);

            match = xasprintf("recirc_id(0),in_port(%u),%s", port, types[i]);
            test_add_flow(dpif, match, actions);
            free(match);
            free(actions);
        }
    }
}

/* Threads find the way again by what the action says of packets.  It has to be
 * the same, and to depend on no more: otherwise they would have all flows
 * translated again, for ever. */
static void
check_way(const struct dpif *dpif, const struct ovs_action_vrf_way *way)
{
    struct ovs_action_vrf_way again = *way;
    struct vrf_packet p;
    uint32_t mark_mask;

    if (way->dst_bits == OVS_VRF_WAY_UNKNOWN) {
        return;
    }
    vrf_way_packet(way, &p);
    ovs_assert(netdev_vrf_find_way(dpif, u32_to_odp(RX), 0, &p, &again,
                                   &mark_mask));
    ovs_assert(again.port == way->port && again.mtu == way->mtu);
    ovs_assert(again.dst_bits <= way->dst_bits
               && again.src_bits <= way->src_bits
               && !(again.tos_mask & ~way->tos_mask));
}

/* Puts the flow of the packet, unless there is one that it matches. */
static void
put_flow_for(struct dpif *dpif, struct dp_packet *packet)
{
    const struct odp_extension_support support[OVS_EXTENSION_ATTR_MAX + 1] = {
        [OVS_EXTENSION_ATTR_VRF_WAY] = { .action = true },
    };
    const struct ovs_action_vrf vrf = {
        .id = vrf_id_of_name("red"), .flags = OVS_VRF_F_ERRORS_DROP,
        .name = "red",
    };
    struct odp_flow_key_parms parms;
    struct ofpbuf key, mask, actions;
    struct flow_wildcards wc;
    struct flow flow;

    pkt_metadata_init(&packet->md, u32_to_odp(RX));
    flow_extract(packet, &flow);
    flow_wildcards_init_catchall(&wc);
    WC_MASK_FIELD(&wc, recirc_id);
    WC_MASK_FIELD(&wc, in_port);
    WC_MASK_FIELD(&wc, packet_type);
    WC_MASK_FIELD(&wc, dl_type);
    WC_MASK_FIELD(&wc, dl_dst);
    wc.masks.nw_frag = is_ip_any(&flow) ? FLOW_NW_FRAG_MASK : 0;
    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    ofpbuf_init(&actions, 0);

    struct ofp_extension_xlate x = {
        .flow = &flow,
        .wc = &wc,
        .odp_actions = &actions,
        .dpif = dpif,
        .odp_in_port = u32_to_odp(RX),
        .support = support,
    };
    if (vrf_way_translate(&vrf, only_table, &x)) {
        const struct ovs_action_vrf_way *way = ofpbuf_at_assert(
            &actions, actions.size - sizeof *way, sizeof *way);

        check_way(dpif, way);
        n_way_flows += way->port != UINT32_MAX;
    } else {
        *(struct ovs_action_vrf *) odp_extension_put(&actions,
                                                     &odp_vrf_class) = vrf;
    }
    parms = (struct odp_flow_key_parms) {
        .flow = &flow, .mask = &wc.masks, .support = { .recirc = true },
        .key_buf = &key,
    };
    odp_flow_key_from_flow(&parms, &key);
    odp_flow_key_from_mask(&parms, &mask);

    int error = dpif_flow_put(dpif, DPIF_FP_CREATE, key.data, key.size,
                              mask.data, mask.size, actions.data,
                              actions.size, NULL, PMD_ID_NULL, NULL);
    ovs_assert(!error || error == EEXIST);
    n_stale += error == EEXIST;
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
}

/* Comparison. */

struct result {
    struct output outputs[ARRAY_SIZE(outputs)];
    size_t n;
    uint64_t counts[VRF_N_FAMILIES][VRF_N_COUNTS];
};

static void
get_counts(uint64_t counts[VRF_N_FAMILIES][VRF_N_COUNTS])
{
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        vrf_counters_get(vrf_id_of_name("red"), f, counts[f]);

        /* How many wait depends on how many do already, and on time. */
        counts[f][VRF_NEIGH_FULL] = counts[f][VRF_NEIGH_FAILED] = 0;
        counts[f][VRF_OVERLOAD] = counts[f][VRF_COUNT_NEIGH_QUEUED] = 0;
    }
}

/* Has what waits in the datapath done. */
static void
settle(struct dpif *dpif)
{
    for (int i = 0; i < 3; i++) {
        dpif_run(dpif);
        ovsrcu_quiesce();
    }
    while (n_outputs) {
        dp_packet_delete(outputs[--n_outputs].packet);
    }
}

/* Order among packets of different flows is nobody's. */
static int
compare_outputs(const void *a_, const void *b_)
{
    const struct output *a = a_, *b = b_;
    size_t x = dp_packet_size(a->packet), y = dp_packet_size(b->packet);

    if (a->port != b->port) {
        return a->port < b->port ? -1 : 1;
    } else if (x != y) {
        return x < y ? -1 : 1;
    }
    return memcmp(dp_packet_data(a->packet), dp_packet_data(b->packet), x);
}

/* Sends copies of the 'n' packets to 'dst'. */
static void
run_burst(struct dpif *dpif, struct dp_packet *const packets[], size_t n,
          struct eth_addr dst, struct result *r)
{
    uint64_t before[VRF_N_FAMILIES][VRF_N_COUNTS];

    get_counts(before);
    for (size_t i = 0; i < n; i++) {
        next[i] = dp_packet_clone(packets[i]);
        if (dp_packet_size(next[i]) >= ETH_ADDR_LEN) {
            memcpy(dp_packet_data(next[i]), &dst, sizeof dst);
        }
        if (eth_addr_equals(dst, to_way)) {
            put_flow_for(dpif, next[i]);
        }
    }
    n_next = n;
    dpif_run(dpif);
    get_counts(r->counts);
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        for (int i = 0; i < VRF_N_COUNTS; i++) {
            r->counts[f][i] -= before[f][i];
        }
    }
    qsort(outputs, n_outputs, sizeof outputs[0], compare_outputs);
    memcpy(r->outputs, outputs, sizeof outputs);
    r->n = n_outputs;
    n_outputs = 0;
}

/* 'b' is that of 'who', 'a' what it should be. */
static void
compare(const struct result *a, const struct result *b, const char *who)
{
    ovs_assert(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct dp_packet *p = a->outputs[i].packet;
        const struct dp_packet *q = b->outputs[i].packet;

        ovs_assert(a->outputs[i].port == b->outputs[i].port);
        ovs_assert(dp_packet_size(p) == dp_packet_size(q));
        ovs_assert(!memcmp(dp_packet_data(p), dp_packet_data(q),
                           dp_packet_size(p)));
    }
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        for (int i = 0; i < VRF_N_COUNTS; i++) {
            if (a->counts[f][i] != b->counts[f][i]) {
                ovs_abort(0, "family %d counter %d: %"PRIu64", not %"PRIu64
                          ", by %s", f, i, b->counts[f][i], a->counts[f][i],
                          who);
            }
        }
    }
}

static void
result_uninit(struct result *r)
{
    for (size_t i = 0; i < r->n; i++) {
        dp_packet_delete(r->outputs[i].packet);
    }
}

/* A single packet, several times, or different ones. */
static size_t
make_burst(struct dp_packet *packets[MAX_BURST])
{
    size_t n = random_range(2) ? 1 : 1 + random_range(MAX_BURST);
    bool same = random_range(2);

    for (size_t i = 0; i < n; i++) {
        packets[i] = same && i ? dp_packet_clone(packets[0]) : make_packet();
    }
    return n;
}

/* Returns the number of packets. */
static size_t
test_burst(struct dpif *dpif)
{
    struct result detailed, by_vrf, by_way;
    struct dp_packet *packets[MAX_BURST];
    size_t n = make_burst(packets);

    run_burst(dpif, packets, n, to_detailed, &detailed);
    settle(dpif);
    run_burst(dpif, packets, n, to_vrf, &by_vrf);
    compare(&detailed, &by_vrf, "vrf()");
    settle(dpif);
    run_burst(dpif, packets, n, to_way, &by_way);
    compare(&detailed, &by_way, "their way");
    settle(dpif);
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        n_forwarded += detailed.counts[f][VRF_FORWARDED];
    }
    result_uninit(&detailed);
    result_uninit(&by_vrf);
    result_uninit(&by_way);
    for (size_t i = 0; i < n; i++) {
        dp_packet_delete(packets[i]);
    }
    return n;
}

static void
test_vrf_way_main(int argc, char *argv[])
{
    size_t n_packets = 0;
    struct dpif *dpif;
    int n;

    set_program_name(argv[0]);
    fatal_signal_init();
    if (argc < 2 || argc > 4) {
        ovs_fatal(0, "usage: test-vrf-way N [SEED [TABLE]]");
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    n = atoi(argv[1]);
    random_set_seed(argc > 2 ? atoi(argv[2]) : 1);
    only_table = argc > 3 ? atoi(argv[3]) : 0;
    dpif = test_ports_open(&test_ports, OUT + 1, 0);
    set_up_routing();
    add_fixed_flows(dpif);
    settle(dpif);
    for (int i = 0; i < n; i++) {
        if (!random_range(4)) {
            change_something();
            vrf_dummy_changed();
            settle(dpif);
        }
        if (!random_range(50)) {
            ovs_assert(!dpif_flow_flush(dpif));
            add_fixed_flows(dpif);
        }
        n_packets += test_burst(dpif);
    }
    fprintf(stderr, "%"PRIuSIZE" packets, %"PRIu64" forwarded, %"PRIu64
            " flows with a way, %"PRIu64" from before\n", n_packets,
            n_forwarded, n_way_flows, n_stale);
    ovs_assert(n_forwarded > n_packets / 4 && n_way_flows > n / 10
               && n_stale > n / 10);
    ovs_assert(!dpif_delete(dpif));
    dpif_close(dpif);
    printf("%d bursts, the same by vrf() and by their way\n", n);
}

OVSTEST_REGISTER("test-vrf-way", test_vrf_way_main);
