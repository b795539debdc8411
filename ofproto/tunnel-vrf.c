/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "tunnel-vrf.h"

#include <stdlib.h>

#include "coverage.h"
#include "dp-packet.h"
#include "flow.h"
#include "icmp-error.h"
#include "netdev-native-tnl.h"
#include "netdev-vport.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "odp-util.h"
#include "ofproto-dpif.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"
#include "vrf-limit.h"
#include "vrf-pmtu.h"
#include "vrf-port.h"
#include "vrf-quote.h"
#include "vrf-tunnel.h"

VLOG_DEFINE_THIS_MODULE(tunnel_vrf);

COVERAGE_DEFINE(vrf_tunnel_no_route);
COVERAGE_DEFINE(vrf_tunnel_not_in_ovs);
COVERAGE_DEFINE(vrf_tunnel_too_big);
COVERAGE_DEFINE(vrf_tunnel_too_big_unanswered);
COVERAGE_DEFINE(vrf_tunnel_icmp_ignored);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

void
tunnel_vrf_count_drop(bool found)
{
    if (found) {
        COVERAGE_INC(vrf_tunnel_not_in_ovs);
    } else {
        COVERAGE_INC(vrf_tunnel_no_route);
    }
}

void
tunnel_vrf_cookie_init(struct user_action_cookie *cookie,
                       const struct uuid *ofproto, ofp_port_t ofp_port,
                       uint16_t limit, const struct vrf_tunnel_packet *outer,
                       ovs_be64 tun_id)
{
    memset(cookie, 0, sizeof *cookie);
    cookie->type = USER_ACTION_COOKIE_TOO_BIG;
    cookie->ofp_in_port = ofp_port;
    cookie->ofproto_uuid = *ofproto;
    cookie->too_big.vrf = outer->vrf;
    cookie->too_big.limit = limit;
    cookie->too_big.key = htonl(ntohll(tun_id));
    cookie->too_big.remote = outer->dst;
}

/* Answers. */

/* Returns the answer to 'packet', an Ethernet frame of 'flow', or null, with
 * '*why' set. */
static struct dp_packet *
compose_answer(const struct dp_packet *packet, const struct flow *flow,
               uint16_t vrf, uint32_t mtu, const char **why)
{
    bool is_ipv4 = flow->dl_type == htons(ETH_TYPE_IP);
    struct in6_addr sender, receiver;
    struct dp_packet *answer;

    *why = icmp_error_bars(packet, ICMP_ERROR_TOO_BIG);
    if (*why) {
        return NULL;
    }
    sender = is_ipv4 ? in6_addr_mapped_ipv4(flow->nw_src) : flow->ipv6_src;
    receiver = is_ipv4 ? in6_addr_mapped_ipv4(flow->nw_dst) : flow->ipv6_dst;
    if (ipv6_addr_is_multicast(&receiver)) {
        *why = "is for many";
        return NULL;
    } else if (!vrf_limit_allows(vrf, ICMP_ERROR_TOO_BIG, &sender,
                                 time_msec())) {
        *why = "is one of too many";
        return NULL;
    }
    /* A link with less is none for IPv6; no host would believe it. */
    mtu = is_ipv4 ? mtu : MAX(mtu, VRF_PMTU_MIN_IPV6);
    answer = icmp_error_compose(packet, ICMP_ERROR_TOO_BIG, mtu, &receiver);
    for (int i = FLOW_MAX_VLAN_HEADERS - 1; i >= 0; i--) {
        if (flow->vlans[i].tci) {
            eth_push_vlan(answer, flow->vlans[i].tpid, flow->vlans[i].tci);
        }
    }
    return answer;
}

/* Has 'answer' come in at the tunnel. */
static void
receive_answer(struct ofproto_dpif *ofproto, struct dp_packet *answer,
               const struct user_action_cookie *cookie)
{
    const struct vrf_tunnel_packet outer = {
        .vrf = cookie->too_big.vrf,
        .dst = cookie->too_big.remote,
    };
    struct vrf_tunnel_route route;
    struct ofpact_output output;
    struct flow flow;

    vrf_tunnel_lookup(&outer, &route);
    flow_extract(answer, &flow);
    flow.in_port.ofp_port = cookie->ofp_in_port;
    flow.tunnel.tun_id = htonll(ntohl(cookie->too_big.key));
    flow.tunnel.tun_vrf = outer.vrf;
    flow.tunnel.flags = FLOW_TNL_F_KEY;
    if (IN6_IS_ADDR_V4MAPPED(&outer.dst)) {
        flow.tunnel.ip_src = in6_addr_get_mapped_ipv4(&outer.dst);
        flow.tunnel.ip_dst = in6_addr_get_mapped_ipv4(&route.src);
    } else {
        flow.tunnel.ipv6_src = outer.dst;
        flow.tunnel.ipv6_dst = route.src;
    }

    ofpact_init(&output.ofpact, OFPACT_OUTPUT, sizeof output);
    output.port = OFPP_TABLE;
    output.max_len = 0;
    ofproto_dpif_execute_actions(ofproto,
                                 ofproto_dpif_get_tables_version(ofproto),
                                 &flow, NULL, &output.ofpact, sizeof output,
                                 answer);
}

void
tunnel_vrf_too_big(struct ofproto_dpif *ofproto,
                   const struct dp_packet *packet,
                   const struct user_action_cookie *cookie)
{
    struct dp_packet *frame = dp_packet_clone(packet);
    bool is_l3 = !dp_packet_is_eth(packet);
    struct dp_packet *answer;
    const char *why;
    struct flow flow;
    int mtu;

    COVERAGE_INC(vrf_tunnel_too_big);
    if (is_l3) {
        push_eth(frame, &eth_addr_zero, &eth_addr_zero);
    }
    flow_extract(frame, &flow);
    mtu = cookie->too_big.limit;
    if (!is_l3 && frame->l3_ofs != UINT16_MAX) {
        mtu -= frame->l3_ofs;
    }
    answer = compose_answer(frame, &flow, cookie->too_big.vrf, MAX(mtu, 0),
                            &why);
    if (answer) {
        if (is_l3) {
            flow_extract(answer, &flow);
            pop_eth(answer);
        }
        receive_answer(ofproto, answer, cookie);
        dp_packet_delete(answer);
    } else {
        COVERAGE_INC(vrf_tunnel_too_big_unanswered);
        VLOG_INFO_RL(&rl, "VRF %s: a packet of %"PRIu32" bytes is too big for "
                     "a tunnel, which takes %"PRIu16", and is not answered: "
                     "it %s", vrf_id_to_name(cookie->too_big.vrf),
                     dp_packet_size(packet), cookie->too_big.limit, why);
    }
    dp_packet_delete(frame);
}

/* What routers tell. */

/* Could 'q' quote a packet of the tunnel? */
static bool
is_quote_of(const struct vrf_quote *q, const char *type,
            const struct netdev_tunnel_config *cfg)
{
    bool is_gre = !strcmp(type, "gre");
    uint32_t key = (!strcmp(type, "vxlan") || !strcmp(type, "geneve")
                    ? q->vni : q->key);

    if ((!cfg->ip_dst_flow && !ipv6_addr_equals(&cfg->ipv6_dst, &q->dst))
        || (ipv6_addr_is_set(&cfg->ipv6_src)
            && !ipv6_addr_equals(&cfg->ipv6_src, &q->src))
        || q->proto != (is_gre ? IPPROTO_GRE : IPPROTO_UDP)) {
        return false;
    }
    if (is_gre ? (q->has_key
                  != (cfg->out_key_present || cfg->out_key_flow))
        : (!q->has_key || q->dport != ntohs(cfg->dst_port)
           || q->sport < tnl_udp_port_min || q->sport > tnl_udp_port_max)) {
        return false;
    }
    return cfg->out_key_flow || key == ntohll(cfg->out_key);
}

/* Returns null and fills in '*packet' if there is a tunnel in 'vrf' one of
 * whose packets 'q' may quote, otherwise says why not. */
static const char *
find_tunnel(uint16_t vrf, const struct vrf_quote *q,
            struct vrf_tunnel_packet *packet)
{
    struct netdev **vports;
    bool found = false;
    size_t n;

    if (!ipv6_addr_equals(&q->receiver, &q->src)
        || !vrf_has_address(vrf, &q->src)) {
        return "it is not about a packet of ours";
    }
    vports = netdev_get_vports(&n);
    for (size_t i = 0; i < n; i++) {
        const struct netdev_tunnel_config *cfg
            = netdev_get_tunnel_config(vports[i]);

        if (!found && cfg
            && (cfg->vrf == vrf || cfg->vrf == VRF_TUNNEL_FLOW)
            && is_quote_of(q, netdev_get_type(vports[i]), cfg)) {
            *packet = (struct vrf_tunnel_packet) {
                .vrf = vrf,
                .dst = q->dst,
                .src = q->src,
                .mark = cfg->egress_pkt_mark,
                .tos = cfg->tos,
                .proto = q->proto,
                .dport = ntohs(cfg->dst_port),
            };
            found = true;
        }
        netdev_close(vports[i]);
    }
    free(vports);
    return found ? NULL : "it is not about a tunnel of that VRF";
}

static const char *
learn(uint16_t vrf, const struct dp_packet *dp_packet)
{
    struct vrf_tunnel_packet packet;
    struct vrf_tunnel_route route;
    struct vrf_quote q;
    const char *why = vrf_quote_parse(dp_packet, &q);

    if (why) {
        return why;
    }
    why = find_tunnel(vrf, &q, &packet);
    if (why) {
        return why;
    }
    if (!q.mtu) {
        q.mtu = vrf_quote_plateau(q.len);
    }
    if (q.len <= q.mtu) {
        return "the packet was not too big";
    } else if (!vrf_tunnel_lookup(&packet, &route)) {
        return route.error;
    }
    if (vrf_pmtu_learn(vrf, &q.dst, vrf_route_serial(route.answer.route),
                       route.link_mtu, q.mtu, time_msec())
        && VLOG_IS_DBG_ENABLED()) {
        struct ds dst = DS_EMPTY_INITIALIZER;

        ipv6_format_mapped(&q.dst, &dst);
        VLOG_DBG("VRF %s: path MTU to %s is %"PRIu32, vrf_id_to_name(vrf),
                 ds_cstr(&dst), q.mtu);
        ds_destroy(&dst);
    }
    return NULL;
}

void
tunnel_vrf_learn(uint16_t vrf, const struct dp_packet *packet)
{
    const char *why = learn(vrf, packet);

    if (why) {
        COVERAGE_INC(vrf_tunnel_icmp_ignored);
        VLOG_DBG_RL(&rl, "VRF %s: an ICMP error changes no MTU: %s",
                    vrf_id_to_name(vrf), why);
    }
}
