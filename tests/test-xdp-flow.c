/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of flows as XDP knows them (lib/xdp-flow.h) and of their table
 * (lib/xdp-table.h), without a kernel. */

#include <config.h>
#undef NDEBUG
#include "xdp-flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "fuzz-flow.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "util.h"
#include "xdp-table.h"

#define PORT u32_to_odp(1)

/* The text of a datapath flow as a flow and its wildcards. */
static void
parse(const char *s, struct flow *flow, struct flow_wildcards *wc)
{
    struct ofpbuf key, mask;
    char *error;

    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    if (odp_flow_from_string(s, NULL, &key, &mask, &error)
        || odp_flow_key_to_flow(key.data, key.size, flow, &error)
           == ODP_FIT_ERROR
        || odp_flow_key_to_mask(mask.data, mask.size, wc, flow, &error)
           == ODP_FIT_ERROR) {
        ovs_fatal(0, "%s: %s", s, error);
    }
    wc->masks.in_port.odp_port = ODPP_NONE;
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
}

static void
check_good(const char *s, enum ovs_xdp_shape shape, uint32_t proto)
{
    struct xdp_flow xdp;
    struct flow_wildcards wc;
    struct flow flow;
    const char *refusal;

    parse(s, &flow, &wc);
    refusal = xdp_flow_from_flow(&flow, &wc, PORT, &xdp);
    if (refusal) {
        ovs_fatal(0, "%s: %s", s, refusal);
    }
    if (xdp.shape != shape || xdp.proto != proto) {
        ovs_fatal(0, "%s: %s, protocol %"PRIu32, s, xdp_shape_name(xdp.shape),
                  xdp.proto);
    }
    for (size_t i = 0; i < OVS_XDP_KEY_WORDS; i++) {
        ovs_assert(!(xdp.key.words[i] & ~xdp.mask.words[i]));
        ovs_assert(i < xdp_shape_words(shape) || !xdp.mask.words[i]);
    }
    ovs_assert(!xdp.mask.head.mask);
}

static void
check_bad(const char *s, const char *expected)
{
    struct xdp_flow xdp;
    struct flow_wildcards wc;
    struct flow flow;
    const char *refusal;

    parse(s, &flow, &wc);
    refusal = xdp_flow_from_flow(&flow, &wc, PORT, &xdp);
    if (!refusal || strcmp(refusal, expected)) {
        ovs_fatal(0, "%s: %s", s, refusal ? refusal : "accepted");
    }
}

#define V4 "in_port(1),eth_type(0x0800),"
#define V6 "in_port(1),eth_type(0x86dd),"

static void
test_match(void)
{
    struct flow_wildcards wc;
    struct xdp_flow xdp;
    struct flow flow;

    check_good(V4"ipv4(src=10.0.0.0/255.0.0.0,proto=17,frag=no)",
               OVS_XDP_SHAPE_V4, IPPROTO_UDP);
    check_good(V4"ipv4(tos=0x40/0xfc,ttl=1,frag=later)", OVS_XDP_SHAPE_V4,
               OVS_XDP_ANY_PROTO);
    check_good(V4"ipv4(proto=6,frag=no),tcp(src=80/0xfff0,dst=1),"
               "tcp_flags(0x2/0x12)", OVS_XDP_SHAPE_V4, IPPROTO_TCP);
    check_good("in_port(1),eth(src=02:00:00:00:00:01/ff:ff:ff:00:00:00),"
               "eth_type(0x0800),ipv4(frag=no)", OVS_XDP_SHAPE_V4_ETH,
               OVS_XDP_ANY_PROTO);
    check_good(V6"ipv6(src=2001:db8::/ffff:ffff::,proto=58,frag=no),"
               "icmpv6(type=128,code=0)", OVS_XDP_SHAPE_V6, IPPROTO_ICMPV6);
    check_good("in_port(1),eth(dst=02:00:00:00:00:01),eth_type(0x86dd),"
               "ipv6(hlimit=1,frag=no)", OVS_XDP_SHAPE_V6_ETH,
               OVS_XDP_ANY_PROTO);
    check_good("in_port(1),eth_type(0x0806)", OVS_XDP_SHAPE_L2,
               OVS_XDP_ANY_PROTO);
    check_good("in_port(1),eth_type(0x8100),vlan(vid=7),"
               "encap(eth_type(0x0800),ipv4(frag=no))", OVS_XDP_SHAPE_V4,
               OVS_XDP_ANY_PROTO);
    /* Has not met connection tracking, which is so for all. */
    check_good("ct_state(-trk),recirc_id(0),"V4"ipv4(frag=no)",
               OVS_XDP_SHAPE_V4, OVS_XDP_ANY_PROTO);

    check_bad("ct_state(+trk+new),"V4"ipv4(frag=no)", "matches ct_state");
    check_bad("recirc_id(0x7),"V4"ipv4(frag=no)", "matches recirc_id");
    check_bad("skb_mark(0x7/0xf),"V4"ipv4(frag=no)", "matches pkt_mark");
    check_bad("tunnel(tun_id=0x1,src=1.1.1.1,dst=2.2.2.2,ttl=64),"
              V4"ipv4(frag=no)", "matches tunnel");
    check_bad("in_port(2),eth_type(0x0800),ipv4(frag=no)",
              "matches another in_port");
    check_bad("in_port(1),eth_type(0x8847),mpls(label=1,tc=0,ttl=1,bos=1)",
              "matches MPLS");
    check_bad("in_port(1),eth_type(0x8100),vlan(vid=7),"
              "encap(eth_type(0x8100),vlan(vid=8),encap(eth_type(0x0800),"
              "ipv4(frag=no)))", "matches vlans[1]");
    check_bad("in_port(1),eth_type(0x88a8),vlan(vid=7),"
              "encap(eth_type(0x0800),ipv4(frag=no))",
              "matches a VLAN's tpid other than 0x8100");
    check_bad("in_port(1),eth_type(0x0806),arp(sip=10.0.0.1,op=1)",
              "matches nw_src");
    check_bad(V6"ipv6(label=0x1,frag=no)", "matches ipv6_label");
    check_bad(V6"ipv6(proto=58,frag=no),icmpv6(type=135,code=0),"
              "nd(target=fe80::1)", "matches nd_target");

    parse(V4"ipv4(frag=no)", &flow, &wc);
    wc.masks.in_port.odp_port = 0;
    ovs_assert(!strcmp(xdp_flow_from_flow(&flow, &wc, PORT, &xdp),
                       "does not match in_port"));
    parse(V4"ipv4(frag=no)", &flow, &wc);
    wc.masks.dl_type = htons(0xff00);
    ovs_assert(!strcmp(xdp_flow_from_flow(&flow, &wc, PORT, &xdp),
                       "does not match dl_type"));
    /* Of neighbor discovery it is something else. */
    parse(V6"ipv6(frag=no)", &flow, &wc);
    wc.masks.tcp_flags = htons(1);
    ovs_assert(!strcmp(xdp_flow_from_flow(&flow, &wc, PORT, &xdp),
                       "matches tcp_flags"));
    parse(V6"ipv6(frag=no)", &flow, &wc);
    wc.masks.vlans[0].tpid = htons(0xff00);
    ovs_assert(!strcmp(xdp_flow_from_flow(&flow, &wc, PORT, &xdp),
                       "matches a part of a VLAN's tpid"));
}

static void
check_actions_of(enum ovs_xdp_family family, const char *s,
                 enum ovs_xdp_action type, uint8_t what, const char *refusal)
{
    struct xdp_flow_action action;
    struct ofpbuf actions;
    const char *result;

    ofpbuf_init(&actions, 0);
    if (odp_actions_from_string(s, NULL, &actions)) {
        ovs_fatal(0, "%s: no actions", s);
    }
    result = xdp_flow_from_actions(actions.data, actions.size, family,
                                   &action);
    if (refusal ? !result || strcmp(result, refusal)
        : result || action.type != type || action.rewrite.what != what
          || (type == OVS_XDP_REDIRECT && action.port != u32_to_odp(3))) {
        ovs_fatal(0, "%s: %s", s, result ? result : "accepted");
    }
    ofpbuf_uninit(&actions);
}

/* Of IPv4: 'what' is what a redirected packet has changed. */
static void
check_rewrite(const char *s, uint8_t what)
{
    check_actions_of(OVS_XDP_IPV4, s, OVS_XDP_REDIRECT, what, NULL);
}

static void
check_refusal(const char *s, const char *refusal)
{
    check_actions_of(OVS_XDP_IPV4, s, 0, 0, refusal);
}

static const char *
from_actions(const struct ofpbuf *actions, struct xdp_flow_action *action)
{
    return xdp_flow_from_actions(actions->data, actions->size, OVS_XDP_IPV4,
                                 action);
}

static void
test_actions(void)
{
    const char *unknown = "has an action that XDP does not have";
    const char *field = "sets a field that XDP does not set";
    const char *ip = "sets a field of IP other than the TTL";
    const char *vlan = "has more VLAN actions than pop and push";
    struct xdp_flow_action action;
    struct ofpbuf actions;

    check_rewrite("3", 0);
    check_rewrite("set(eth(src=02:00:00:00:00:01)),3", OVS_XDP_SET_SRC);
    check_rewrite("set(eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)),3",
                  OVS_XDP_SET_SRC | OVS_XDP_SET_DST);
    check_rewrite("set(ipv4(ttl=63)),3", OVS_XDP_SET_TTL);
    check_rewrite("pop_vlan,3", OVS_XDP_POP_VLAN);
    check_rewrite("push_vlan(vid=1,pcp=0),3", OVS_XDP_PUSH_VLAN);
    check_rewrite("pop_vlan,set(eth(dst=02:00:00:00:00:01)),"
                  "push_vlan(tpid=0x88a8,vid=1,pcp=7),set(ipv4(ttl=1)),3",
                  OVS_XDP_POP_VLAN | OVS_XDP_PUSH_VLAN | OVS_XDP_SET_DST
                  | OVS_XDP_SET_TTL);
    check_actions_of(OVS_XDP_IPV6, "set(ipv6(hlimit=63)),3", OVS_XDP_REDIRECT,
                     OVS_XDP_SET_TTL, NULL);

    check_refusal("3,4", "has actions after an output");
    check_refusal("recirc(1)", unknown);
    check_refusal("pop_vlan", unknown);
    check_refusal("trunc(100),3",
                  unknown);
    check_refusal("push_vlan(vid=1,pcp=0),pop_vlan,3", vlan);
    check_refusal("push_vlan(vid=1,pcp=0),push_vlan(vid=1,pcp=0),3", vlan);
    check_refusal("pop_vlan,pop_vlan,3", vlan);
    check_refusal("set(eth(src=02:00:00:00:00:01/ff:ff:ff:00:00:00)),3",
                  "sets parts of an Ethernet address");
    check_refusal("set(ipv4(ttl=63/63)),3", ip);
    check_refusal("set(ipv4(dst=1.2.3.4,ttl=63)),3", ip);
    check_refusal("set(ipv4(tos=4/0xfc)),3", ip);
    check_refusal("set(ipv6(hlimit=63)),3", field);
    check_refusal("set(tcp(dst=80)),3", field);
    check_refusal("set(skb_mark(1)),3", field);

    /* A drop is no action, or the explicit one. */
    ovs_assert(!xdp_flow_from_actions(NULL, 0, OVS_XDP_IPV4, &action));
    ovs_assert(action.type == OVS_XDP_DROP);
    ofpbuf_init(&actions, 0);
    nl_msg_put_u32(&actions, OVS_ACTION_ATTR_DROP, 0);
    ovs_assert(!from_actions(&actions, &action));
    ovs_assert(action.type == OVS_XDP_DROP);
    nl_msg_put_u32(&actions, OVS_ACTION_ATTR_DROP, 0);
    ovs_assert(from_actions(&actions, &action));
    ofpbuf_uninit(&actions);
}

/* A packet's flow as it is when it was only just received. */
static void
fresh(struct flow *flow)
{
    memset(flow, 0, offsetof(struct flow, dl_dst));
    flow->in_port.odp_port = PORT;
    flow->ct_nw_src = flow->ct_nw_dst = 0;
    memset(&flow->ct_ipv6_src, 0, sizeof flow->ct_ipv6_src);
    memset(&flow->ct_ipv6_dst, 0, sizeof flow->ct_ipv6_dst);
    flow->ct_tp_src = flow->ct_tp_dst = 0;
}

/* All that a key says, for a flow that can be a packet which gets that far. */
static bool
exact_key(const struct flow *flow, struct xdp_flow *xdp)
{
    struct flow_wildcards wc;

    flow_wildcards_init_catchall(&wc);
    WC_MASK_FIELD(&wc, in_port);
    WC_MASK_FIELD(&wc, dl_type);
    WC_MASK_FIELD(&wc, dl_src);
    WC_MASK_FIELD(&wc, dl_dst);
    wc.masks.vlans[0].tci = OVS_BE16_MAX;
    if (is_ip_any(flow)) {
        if (flow->dl_type == htons(ETH_TYPE_IP)) {
            WC_MASK_FIELD(&wc, nw_src);
            WC_MASK_FIELD(&wc, nw_dst);
        } else {
            WC_MASK_FIELD(&wc, ipv6_src);
            WC_MASK_FIELD(&wc, ipv6_dst);
        }
        WC_MASK_FIELD(&wc, nw_frag);
        WC_MASK_FIELD(&wc, nw_tos);
        WC_MASK_FIELD(&wc, nw_ttl);
        WC_MASK_FIELD(&wc, nw_proto);
        WC_MASK_FIELD(&wc, tp_src);
        WC_MASK_FIELD(&wc, tp_dst);
        if (flow->nw_proto == IPPROTO_TCP) {
            WC_MASK_FIELD(&wc, tcp_flags);
        }
    }
    return (flow->vlans[0].tci ? flow->vlans[0].tpid == htons(0x8100) : true)
           && !flow->vlans[1].tci
           && !xdp_flow_from_flow(flow, &wc, PORT, xdp);
}

/* Is 'packet' of 'flow', by their keys? */
static bool
key_matches(const struct xdp_flow *packet, const struct xdp_flow *flow)
{
    if (packet->family != flow->family) {
        return false;
    }
    for (size_t i = 0; i < OVS_XDP_KEY_WORDS; i++) {
        if ((packet->key.words[i] & flow->mask.words[i])
            != flow->key.words[i]) {
            return false;
        }
    }
    return flow->proto == OVS_XDP_ANY_PROTO
           || flow->proto == packet->key.head.nw_proto;
}

/* What is accepted matches the same as the flow, whatever it is. */
static void
test_random(unsigned int n)
{
    unsigned int n_accepted = 0, n_pairs = 0, n_matches = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct flow_wildcards wc, random_wc;
        struct xdp_flow xdp, key;
        struct flow flow, packet;
        uint8_t *p;

        memset(&flow, 0, sizeof flow);
        fuzz_flow(&flow, random_range(FUZZ_N_KINDS), FUZZ_NO_TUNNEL,
                  random_range(3));
        if (random_range(4)) {
            fresh(&flow);
        }
        fuzz_wildcards(&flow, &wc);
        wc.masks.in_port.odp_port = ODPP_NONE;
        if (random_range(8)) {
            wc.masks.dl_type = OVS_BE16_MAX;
        }
        /* Leave something wild of most of them. */
        p = (uint8_t *) &random_wc;
        for (size_t j = 0; j < sizeof random_wc; j++) {
            p[j] = random_range(4) ? UINT8_MAX : random_range(256);
        }
        random_wc.masks.in_port = wc.masks.in_port;
        random_wc.masks.dl_type = wc.masks.dl_type;
        random_wc.masks.vlans[0].tpid = OVS_BE16_MAX;
        flow_wildcards_and(&wc, &wc, &random_wc);
        for (size_t j = random_range(FLOW_U64S); j > 0; j--) {
            size_t at = FLOW_SEGMENT_1_ENDS_AT / 8
                + random_range(FLOW_U64S - FLOW_SEGMENT_1_ENDS_AT / 8);

            if (at != offsetof(struct flow, dl_type) / 8) {
                ((uint64_t *) &wc.masks)[at] = 0;
            }
        }

        packet = flow;
        fresh(&packet);
        if (random_range(2)) {
            /* A change where it may matter, or not. */
            p = (uint8_t *) &packet;
            p[offsetof(struct flow, dl_dst)
              + random_range(sizeof flow - offsetof(struct flow, dl_dst))]
                ^= 1 << random_range(8);
            if (packet.vlans[0].tci && !(packet.vlans[0].tci
                                         & htons(VLAN_CFI))) {
                continue;
            }
        }

        if (xdp_flow_from_flow(&flow, &wc, PORT, &xdp)) {
            continue;
        }
        n_accepted++;
        if (!exact_key(&packet, &key)) {
            continue;
        }
        /* What packets of that kind do not have, this one has not either. */
        if (key.family == OVS_XDP_IPV4) {
            memset(&packet.ipv6_src, 0, 32);
            packet.ipv6_label = 0;
        } else if (key.family == OVS_XDP_IPV6) {
            packet.nw_src = packet.nw_dst = 0;
        }
        if (key.family != OVS_XDP_L2) {
            memset(&packet.nsh, 0, sizeof packet.nsh);
            memset(packet.mpls_lse, 0, sizeof packet.mpls_lse);
            if (packet.nw_proto != IPPROTO_TCP
                && packet.nw_proto != IPPROTO_ICMPV6) {
                packet.tcp_flags = 0;
            }
            if (packet.nw_proto != IPPROTO_ICMPV6) {
                memset(&packet.nd_target, 0, sizeof packet.nd_target);
                memset(&packet.arp_sha, 0, sizeof packet.arp_sha);
                memset(&packet.arp_tha, 0, sizeof packet.arp_tha);
                if (packet.nw_proto != IPPROTO_IGMP) {
                    packet.igmp_group_ip4 = 0;
                }
            }
        } else {
            size_t ofs = offsetof(struct flow, nd_target);

            memset(packet.mpls_lse, 0, sizeof packet.mpls_lse);
            memset(&packet.ipv6_src, 0, 32);
            packet.ipv6_label = 0;
            packet.nw_frag = packet.nw_tos = packet.nw_ttl = 0;
            memset((uint8_t *) &packet + ofs, 0, sizeof packet - ofs);
        }
        memset(&packet.ct_ipv6_src, 0, 32);
        memset(&packet.vlans[1], 0, sizeof packet.vlans[1]);
        packet.ct_nw_src = packet.ct_nw_dst = 0;
        packet.ct_tp_src = packet.ct_tp_dst = 0;
        if (!packet.vlans[0].tci) {
            packet.vlans[0].tpid = 0;
        }

        n_pairs++;
        n_matches += key_matches(&key, &xdp);
        if (key_matches(&key, &xdp) != flow_equal_except(&flow, &packet,
                                                         &wc)) {
            ovs_fatal(0, "flow %u: XDP %s, software does otherwise", i,
                      key_matches(&key, &xdp) ? "matches" : "does not match");
        }
    }
    /* It is about something. */
    ovs_assert(n_accepted > n / 100 && n_matches > n_pairs / 20
               && n_matches < n_pairs);
}

/* The table against what it promises. */

static void
random_xdp_flow(struct xdp_flow *xdp, unsigned int n_masks)
{
    unsigned int which = random_range(n_masks);

    memset(xdp, 0, sizeof *xdp);
    xdp->shape = which % OVS_XDP_N_SHAPES;
    xdp->family = (xdp->shape == OVS_XDP_SHAPE_L2 ? OVS_XDP_L2
                   : xdp->shape <= OVS_XDP_SHAPE_V4_ETH ? OVS_XDP_IPV4
                   : OVS_XDP_IPV6);
    xdp->proto = which % 7 ? OVS_XDP_ANY_PROTO : IPPROTO_UDP;
    xdp->mask.head.tp_src = htons(which + 1);
    xdp->mask.words[2] = UINT64_MAX;
    xdp->key.words[2] = random_range(100);
}

static void
check_tables(const struct ovs_xdp_tables *t)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < OVS_XDP_N_FAMILIES; i++) {
        ovs_assert(!t->n[i] || t->first[i] == n);
        n += t->n[i];
        ovs_assert(!(t->used & 1u << i) == !(t->n[i] + t->n_lengths[i]));
        for (unsigned int j = 0; j < t->n[i]; j++) {
            const struct ovs_xdp_mask *m = &t->masks[t->first[i] + j];

            ovs_assert(m->tag && !(m->words[0] & m->tag));
            ovs_assert(i != OVS_XDP_L2 || m->shape == OVS_XDP_SHAPE_L2);
        }
    }
    ovs_assert(n <= OVS_XDP_MAX_MASKS);
}

static const struct ovs_xdp_mask *
find_tag(const struct ovs_xdp_tables *t, uint16_t id)
{
    union ovs_xdp_key tag = { .head = { .mask = id } };

    for (unsigned int i = 0; i < OVS_XDP_MAX_MASKS; i++) {
        if (t->masks[i].tag == tag.words[0]) {
            return &t->masks[i];
        }
    }
    return NULL;
}

/* Does the program look 'rule' up with these masks? */
static bool
is_found(const struct ovs_xdp_tables *t, const struct xdp_rule *rule)
{
    static const int n_words[] = { OVS_XDP_L2_WORDS, OVS_XDP_V4_WORDS,
                                   OVS_XDP_V4_WORDS, OVS_XDP_V6_WORDS,
                                   OVS_XDP_V6_WORDS };
    const struct ovs_xdp_mask *m = find_tag(t, rule->key.head.mask);
    uint64_t hash = ovs_xdp_hash(0, rule->key.words, 0, n_words[rule->shape]);
    uint32_t bit = ovs_xdp_filter_bit(hash);

    return m && m->shape == rule->shape && m->filter >> bit & 1;
}

/* Number of bits that are set in filters. */
static unsigned int
count_bits(const struct ovs_xdp_tables *t)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < OVS_XDP_MAX_MASKS; i++) {
        n += count_1bits(t->masks[i].filter);
    }
    return n;
}

static void
free_rules(struct ovs_list *list)
{
    struct xdp_rule *rule;

    LIST_FOR_EACH_POP (rule, list_node, list) {
        xdp_rule_free(rule);
    }
}

static void
test_table(unsigned int n)
{
    enum { N_PORTS = 3, LIMIT = 60, MAX_RULES = LIMIT * OVS_XDP_N_SHAPES };
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    struct xdp_table_limits limits;
    struct xdp_table_port *ports[N_PORTS];
    struct ovs_xdp_tables tables[N_PORTS];
    struct xdp_rule *rules[MAX_RULES];
    unsigned int n_rules = 0, n_results[3] = { 0, 0, 0 };
    unsigned int n_evicted = 0, n_found = 0;
    struct xdp_table *table;

    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        limits.max_rules[i] = LIMIT;
    }
    table = xdp_table_create(&limits);
    memset(tables, 0, sizeof tables);
    for (int i = 0; i < N_PORTS; i++) {
        ports[i] = xdp_table_port_add(table, NULL);
    }

    for (unsigned int i = 0; i < n; i++) {
        int p = random_range(N_PORTS);
        struct xdp_table_port *port = ports[p];
        struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
        struct xdp_rule *rule;

        if (random_range(4)) {
            uint64_t heat = random_range(1000), coldest = UINT64_MAX;
            struct xdp_flow flow;
            int error;

            random_xdp_flow(&flow, 50);
            for (unsigned int j = 0; j < n_rules; j++) {
                if (rules[j]->shape == flow.shape) {
                    coldest = MIN(coldest, rules[j]->heat);
                }
            }
            error = xdp_table_add(port, &flow, &drop, heat, i, NULL, &rule,
                                  &evicted);
            if (error) {
                ovs_assert(!rule && ovs_list_is_empty(&evicted));
                n_results[error == EEXIST ? 0 : error == ENOSPC ? 1 : 2]++;
                ovs_assert(error != E2BIG
                           || (xdp_table_count(table, flow.shape) == LIMIT
                               && heat <= coldest * XDP_HEAT_MARGIN + 1));
            } else {
                struct xdp_rule *old;

                LIST_FOR_EACH (old, list_node, &evicted) {
                    unsigned int j = 0;

                    ovs_assert(!old->mask);
                    while (rules[j] != old) {
                        j++;
                    }
                    rules[j] = rules[--n_rules];
                    n_evicted++;
                    /* Somebody much hotter came. */
                    ovs_assert(old->heat < heat);
                }
                rules[n_rules++] = rule;
                ovs_assert(rule->key.head.mask);
                xdp_tables_admit(&tables[p], rule->shape, &rule->key);
            }
            free_rules(&evicted);
        } else if (n_rules && random_range(2)) {
            unsigned int j = random_range(n_rules);

            rule = rules[j];
            rules[j] = rules[--n_rules];
            xdp_table_remove(table, rule);
            xdp_rule_free(rule);
        } else if (n_rules) {
            uint64_t n_packets, n_bytes, more = random_range(100);
            struct ovs_xdp_flow flow;

            rule = rules[random_range(n_rules)];
            flow.n_packets = rule->n_packets + more;
            flow.n_bytes = rule->n_bytes + 60 * more;
            xdp_rule_read(table, rule, &flow, i, &n_packets, &n_bytes);
            ovs_assert(n_packets == more && n_bytes == 60 * more);
            ovs_assert(!more || rule->used == i);
        }

        ovs_assert(n_rules <= MAX_RULES);
        if (!random_range(10) && xdp_table_port_stale(port)) {
            struct ovs_xdp_tables old = tables[p];

            xdp_table_port_tables(port, &tables[p]);
            check_tables(&tables[p]);
            for (unsigned int j = 0; j < n_rules; j++) {
                /* Nobody else has a number that somebody may still use. */
                ovs_assert(rules[j]->port == port
                           || !find_tag(&old, rules[j]->key.head.mask));
            }
            xdp_table_port_published(port);
            ovs_assert(!xdp_table_port_stale(port));
            /* Rules that are gone are forgotten. */
            ovs_assert(count_bits(&tables[p]) <= n_rules);
        }
        if (!random_range(10) && !xdp_table_port_stale(port)) {
            for (unsigned int j = 0; j < n_rules; j++) {
                ovs_assert(rules[j]->port != port
                           || is_found(&tables[p], rules[j]));
                n_found += rules[j]->port == port;
            }
        }
    }
    ovs_assert(n_results[0] && n_results[1] && n_results[2] && n_evicted
               && n_found);

    for (int i = 0; i < N_PORTS; i++) {
        struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);

        xdp_table_port_remove(ports[i], &evicted);
        n_rules -= ovs_list_size(&evicted);
        free_rules(&evicted);
    }
    ovs_assert(!n_rules);
    xdp_table_destroy(table);
}

static bool
is_first(const struct ovs_xdp_tables *t, const struct xdp_rule *rule)
{
    union ovs_xdp_key tag = { .head = { .mask = rule->key.head.mask } };

    return t->masks[0].tag == tag.words[0];
}

/* Masks by heat, and not one place for another all the time. */
static void
test_order(void)
{
    const struct xdp_flow_action drop = { .type = OVS_XDP_DROP };
    struct xdp_table_limits limits = { .max_rules = { 9, 9, 9, 9, 9 } };
    struct xdp_table *table = xdp_table_create(&limits);
    struct xdp_table_port *port = xdp_table_port_add(table, NULL);
    struct ovs_list evicted = OVS_LIST_INITIALIZER(&evicted);
    struct ovs_xdp_flow counts = { .n_packets = 0 };
    struct ovs_xdp_tables tables;
    struct xdp_rule *rules[3];
    uint64_t n_packets, n_bytes;

    memset(&tables, 0, sizeof tables);
    for (int i = 0; i < 3; i++) {
        struct xdp_flow flow = { .family = OVS_XDP_IPV4,
                                 .shape = OVS_XDP_SHAPE_V4,
                                 .proto = OVS_XDP_ANY_PROTO };

        flow.mask.v4.ip.src = htonl(i + 1);
        ovs_assert(!xdp_table_add(port, &flow, &drop, 100 + i, 0, NULL,
                                  &rules[i], &evicted));
    }
    ovs_assert(xdp_table_port_stale(port));
    xdp_table_port_tables(port, &tables);
    xdp_table_port_published(port);
    ovs_assert(tables.n[OVS_XDP_IPV4] == 3
               && tables.used == 1u << OVS_XDP_IPV4 && !tables.ether);
    ovs_assert(is_first(&tables, rules[2]));

    /* A little hotter is not enough. */
    counts.n_packets = 130;
    xdp_rule_read(table, rules[0], &counts, 1000, &n_packets, &n_bytes);
    ovs_assert(rules[0]->heat == 115 && !xdp_table_port_stale(port));
    counts.n_packets = 1130;
    xdp_rule_read(table, rules[0], &counts, 2000, &n_packets, &n_bytes);
    ovs_assert(n_packets == 1000 && rules[0]->heat == 557);
    ovs_assert(xdp_table_port_stale(port));
    xdp_table_port_tables(port, &tables);
    xdp_table_port_published(port);
    ovs_assert(is_first(&tables, rules[0]));

    xdp_table_port_remove(port, &evicted);
    ovs_assert(ovs_list_size(&evicted) == 3);
    free_rules(&evicted);
    xdp_table_destroy(table);
}

static void
test_lengths(void)
{
    struct ovs_xdp_tables t;
    struct xdp_lengths lengths;

    memset(&t, 0, sizeof t);
    memset(&lengths, 0, sizeof lengths);
    for (int i = 1; i <= OVS_XDP_MAX_LENGTHS; i++) {
        ovs_assert(!xdp_lengths_add(&lengths, 2 * i));
    }
    ovs_assert(xdp_lengths_add(&lengths, 128) == ENOSPC);
    ovs_assert(!xdp_lengths_add(&lengths, 24));
    xdp_lengths_get(&lengths, OVS_XDP_IPV4, &t);
    ovs_assert(t.n_lengths[OVS_XDP_IPV4] == OVS_XDP_MAX_LENGTHS);
    ovs_assert(t.lengths[OVS_XDP_IPV4][0] == 24 && t.used);
    for (int i = 1; i <= OVS_XDP_MAX_LENGTHS; i++) {
        xdp_lengths_remove(&lengths, 2 * i);
    }
    xdp_lengths_get(&lengths, OVS_XDP_IPV4, &t);
    ovs_assert(t.n_lengths[OVS_XDP_IPV4] == 1 && t.used);
    xdp_lengths_remove(&lengths, 24);
    xdp_lengths_get(&lengths, OVS_XDP_IPV4, &t);
    ovs_assert(!t.n_lengths[OVS_XDP_IPV4] && !t.used);
}

static void
test_xdp_flow_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    random_set_seed(1);
    test_match();
    test_actions();
    test_random(200000);
    test_table(200000);
    test_order();
    test_lengths();
    printf("xdp: ok\n");
}

OVSTEST_REGISTER("test-xdp-flow", test_xdp_flow_main);
