/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG

#include "fuzz-flow.h"

#include <netinet/icmp6.h>
#include <string.h>

#include "odp-util.h"
#include "openvswitch/nsh.h"
#include "packets.h"
#include "random.h"
#include "util.h"

static const char *const kind_names[] = {
    "non-ip", "arp", "rarp", "tcp4", "udp4", "sctp4", "icmp4", "frag4",
    "tcp6", "udp6", "icmp6", "nd", "frag6", "mpls", "nsh", "l3",
};
BUILD_ASSERT_DECL(ARRAY_SIZE(kind_names) == FUZZ_N_KINDS);

static const char *const tunnel_names[] = {
    "none", "plain4", "plain6", "geneve", "gbp", "erspan1", "erspan2", "gtpu",
};
BUILD_ASSERT_DECL(ARRAY_SIZE(tunnel_names) == FUZZ_N_TUNNELS);

const char *
fuzz_flow_kind_name(enum fuzz_flow_kind kind)
{
    return kind_names[kind];
}

const char *
fuzz_flow_tunnel_name(enum fuzz_flow_tunnel tunnel)
{
    return tunnel_names[tunnel];
}

static bool
coin(void)
{
    return random_uint32() & 1;
}

static void
fill(void *p_, size_t n)
{
    uint8_t *p = p_;

    for (size_t i = 0; i < n; i++) {
        p[i] = random_uint32();
    }
}

#define FILL(MEMBER) fill(&(MEMBER), sizeof (MEMBER))

/* A value that is not zero, of 'bits' bits. */
static uint32_t
nonzero(int bits)
{
    return 1 + random_uint32() % ((UINT32_C(1) << bits) - 1);
}

static void
fuzz_tunnel(struct flow_tnl *tnl, enum fuzz_flow_tunnel kind)
{
    if (kind == FUZZ_NO_TUNNEL) {
        return;
    }

    if (kind == FUZZ_PLAIN6 || (kind != FUZZ_PLAIN4 && coin())) {
        FILL(tnl->ipv6_src);
        FILL(tnl->ipv6_dst);
        tnl->ipv6_src.s6_addr[0] |= 1;
        tnl->ipv6_dst.s6_addr[0] |= 1;
    } else {
        tnl->ip_src = htonl(nonzero(31));
        tnl->ip_dst = htonl(nonzero(31));
    }
    tnl->flags = random_uint32() & (FLOW_TNL_F_DONT_FRAGMENT | FLOW_TNL_F_CSUM
                                    | FLOW_TNL_F_OAM);
    tnl->flags |= FLOW_TNL_F_KEY | FLOW_TNL_F_UDPIF;
    FILL(tnl->tun_id);
    tnl->ip_tos = random_uint32() & 0xfc;
    FILL(tnl->ip_ttl);
    if (coin()) {
        FILL(tnl->tp_src);
        FILL(tnl->tp_dst);
    }

    switch (kind) {
    case FUZZ_GENEVE:
        for (int n = 1 + random_range(4); n > 0; n--) {
            size_t ofs = tnl->metadata.present.len;
            struct geneve_opt *opt
                = &tnl->metadata.opts.gnv[ofs / sizeof *opt];

            FILL(opt->opt_class);
            FILL(opt->type);
            opt->length = random_range(5);
            fill(opt + 1, opt->length * 4);
            tnl->metadata.present.len += sizeof *opt + opt->length * 4;
        }
        break;

    case FUZZ_GBP:
        tnl->gbp_id = htons(nonzero(16));
        FILL(tnl->gbp_flags);
        break;

    case FUZZ_ERSPAN1:
        tnl->erspan_ver = 1;
        tnl->erspan_idx = random_range(1 << 20);
        break;

    case FUZZ_ERSPAN2:
        tnl->erspan_ver = 2;
        tnl->erspan_dir = random_range(2);
        tnl->erspan_hwid = random_range(64);
        break;

    case FUZZ_GTPU:
        tnl->gtpu_flags = nonzero(8);
        tnl->gtpu_msgtype = nonzero(8);
        break;

    case FUZZ_NO_TUNNEL:
    case FUZZ_PLAIN4:
    case FUZZ_PLAIN6:
    case FUZZ_N_TUNNELS:
    default:
        break;
    }
}

static void
fuzz_ip(struct flow *flow, bool v6, uint8_t proto)
{
    flow->dl_type = htons(v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
    if (v6) {
        FILL(flow->ipv6_src);
        FILL(flow->ipv6_dst);
        flow->ipv6_label = htonl(random_range(1 << 20));
    } else {
        FILL(flow->nw_src);
        FILL(flow->nw_dst);
    }
    FILL(flow->nw_tos);
    FILL(flow->nw_ttl);
    flow->nw_proto = proto;
    if (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6) {
        FILL(flow->tp_src);
        FILL(flow->tp_dst);
    } else {
        flow->tp_src = htons(random_range(2));
        flow->tp_dst = htons(random_range(256));
    }
    if (proto == IPPROTO_TCP) {
        flow->tcp_flags = htons(random_range(1 << 12));
    }

    if (coin()) {
        flow->ct_state = CS_TRACKED | (coin() ? CS_ESTABLISHED : CS_NEW);
        FILL(flow->ct_zone);
        FILL(flow->ct_mark);
        FILL(flow->ct_label);
        if (coin()) {
            FILL(flow->ct_nw_proto);
            flow->ct_nw_proto |= 1;
            FILL(flow->ct_tp_src);
            FILL(flow->ct_tp_dst);
            if (v6) {
                FILL(flow->ct_ipv6_src);
                FILL(flow->ct_ipv6_dst);
            } else {
                FILL(flow->ct_nw_src);
                FILL(flow->ct_nw_dst);
            }
        }
    }
}

static void
fuzz_nsh(struct flow *flow)
{
    flow->dl_type = htons(ETH_TYPE_NSH);
    flow->nsh.ttl = random_range(64);
    flow->nsh.mdtype = NSH_M_TYPE1;
    flow->nsh.np = 1 + random_range(4);
    FILL(flow->nsh.path_hdr);
    FILL(flow->nsh.context);
}

static void
fuzz_network(struct flow *flow, enum fuzz_flow_kind kind)
{
    switch (kind) {
    case FUZZ_NON_IP:
        flow->dl_type = coin() ? htons(FLOW_DL_TYPE_NONE) : htons(0x88b5);
        break;

    case FUZZ_ARP:
    case FUZZ_RARP:
        flow->dl_type = htons(kind == FUZZ_ARP ? ETH_TYPE_ARP : ETH_TYPE_RARP);
        FILL(flow->nw_src);
        FILL(flow->nw_dst);
        flow->nw_proto = 1 + random_range(4);
        FILL(flow->arp_sha);
        FILL(flow->arp_tha);
        break;

    case FUZZ_TCP4:
    case FUZZ_L3:
        fuzz_ip(flow, false, IPPROTO_TCP);
        break;
    case FUZZ_UDP4:
        fuzz_ip(flow, false, IPPROTO_UDP);
        break;
    case FUZZ_SCTP4:
        fuzz_ip(flow, false, IPPROTO_SCTP);
        break;
    case FUZZ_ICMP4:
        fuzz_ip(flow, false, IPPROTO_ICMP);
        break;
    case FUZZ_TCP6:
        fuzz_ip(flow, true, IPPROTO_TCP);
        break;
    case FUZZ_UDP6:
        fuzz_ip(flow, true, IPPROTO_UDP);
        break;
    case FUZZ_ICMP6:
        fuzz_ip(flow, true, IPPROTO_ICMPV6);
        break;

    case FUZZ_FRAG4:
    case FUZZ_FRAG6:
        fuzz_ip(flow, kind == FUZZ_FRAG6, IPPROTO_UDP);
        flow->nw_frag = FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER;
        flow->tp_src = flow->tp_dst = 0;
        break;

    case FUZZ_ND:
        fuzz_ip(flow, true, IPPROTO_ICMPV6);
        flow->tp_src = htons(coin() ? ND_NEIGHBOR_SOLICIT
                             : ND_NEIGHBOR_ADVERT);
        flow->tp_dst = 0;
        FILL(flow->nd_target);
        FILL(flow->arp_sha);
        FILL(flow->arp_tha);
        break;

    case FUZZ_MPLS: {
        int n = 1 + random_range(FLOW_MAX_MPLS_LABELS);

        flow->dl_type = htons(coin() ? ETH_TYPE_MPLS : ETH_TYPE_MPLS_MCAST);
        for (int i = 0; i < n; i++) {
            FILL(flow->mpls_lse[i]);
            flow_set_mpls_bos(flow, i, i == n - 1);
        }
        break;
    }

    case FUZZ_NSH:
        fuzz_nsh(flow);
        break;

    case FUZZ_N_KINDS:
    default:
        OVS_NOT_REACHED();
    }
}

void
fuzz_flow(struct flow *flow, enum fuzz_flow_kind kind,
          enum fuzz_flow_tunnel tunnel, int n_vlans)
{
    memset(flow, 0, sizeof *flow);
    fuzz_tunnel(&flow->tunnel, tunnel);
    flow->in_port.odp_port = u32_to_odp(1 + random_range(4));
    FILL(flow->skb_priority);
    FILL(flow->pkt_mark);
    if (coin()) {
        FILL(flow->recirc_id);
        FILL(flow->dp_hash);
    }

    fuzz_network(flow, kind);
    if (kind == FUZZ_L3) {
        flow->packet_type = PACKET_TYPE_BE(OFPHTN_ETHERTYPE,
                                           ntohs(flow->dl_type));
        return;
    }
    FILL(flow->dl_src);
    FILL(flow->dl_dst);
    for (int i = 0; i < n_vlans; i++) {
        flow->vlans[i].tpid = htons(coin() ? ETH_TYPE_VLAN
                                    : ETH_TYPE_VLAN_8021AD);
        FILL(flow->vlans[i].tci);
        flow->vlans[i].tci |= htons(VLAN_CFI);
    }
}

/* Forgets some of the 'n' bytes of mask at 'p', as a whole or bit by bit. */
static void
forget(void *p_, size_t n)
{
    uint8_t *p = p_;

    switch (random_range(4)) {
    case 0:
        memset(p, 0, n);
        break;
    case 1:
        for (size_t i = 0; i < n; i++) {
            p[i] &= random_uint32();
        }
        break;
    default:
        break;
    }
}

#define FORGET(MEMBER) forget(&(MEMBER), sizeof (MEMBER))

void
fuzz_wildcards(const struct flow *flow, struct flow_wildcards *wc)
{
    struct flow *mask = &wc->masks;

    flow_wildcards_init_for_packet(wc, flow);
    FORGET(mask->skb_priority);
    FORGET(mask->pkt_mark);
    FORGET(mask->dl_src);
    FORGET(mask->dl_dst);
    FORGET(mask->ct_mark);
    FORGET(mask->ct_label);
    FORGET(mask->dp_hash);
    if (flow_tnl_dst_is_set(&flow->tunnel)) {
        FORGET(mask->tunnel.tun_id);
        FORGET(mask->tunnel.ip_src);
        FORGET(mask->tunnel.ip_tos);
        FORGET(mask->tunnel.ip_ttl);
        FORGET(mask->tunnel.gbp_id);
    } else {
        memset(&mask->tunnel, 0, sizeof mask->tunnel);
    }
    if (is_ip_any(flow)) {
        if (flow->dl_type == htons(ETH_TYPE_IP)) {
            FORGET(mask->nw_src);
            FORGET(mask->nw_dst);
        } else {
            FORGET(mask->ipv6_src);
            FORGET(mask->ipv6_dst);
            FORGET(mask->ipv6_label);
        }
        FORGET(mask->nw_tos);
        FORGET(mask->nw_ttl);
        if (flow->nw_proto == IPPROTO_TCP || flow->nw_proto == IPPROTO_UDP) {
            FORGET(mask->tp_src);
            FORGET(mask->tp_dst);
            FORGET(mask->tcp_flags);
        }
    }
    if (flow->packet_type != htonl(PT_ETH)) {
        /* Upstream leaves it out, and then does not take the mask. */
        mask->dl_type = OVS_BE16_MAX;
    }
    mask->in_port.odp_port = ODPP_NONE;
}

const struct odp_support fuzz_support = {
    .max_vlan_headers = SIZE_MAX,
    .max_mpls_depth = SIZE_MAX,
    .recirc = true,
    .ct_state = true,
    .ct_zone = true,
    .ct_mark = true,
    .ct_label = true,
    .ct_state_nat = true,
    .ct_orig_tuple = true,
    .ct_orig_tuple6 = true,
};

void
fuzz_encode(struct odp_flow_key_parms *parms, struct ofpbuf *key,
            struct ofpbuf *mask)
{
    odp_flow_key_from_flow(parms, key);
    parms->key_buf = key;
    odp_flow_key_from_mask(parms, mask);
}
