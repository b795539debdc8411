/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-way.h"

#include <string.h>

#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "odp-util.h"
#include "packets.h"
#include "util.h"
#include "vrf-packet.h"
#include "vrf-take.h"
#include "vrf-way-action.h"

void
vrf_way_fill_in(struct ovs_action_vrf_way *way, const struct vrf_packet *p,
                const struct vrf_path_way *w)
{
    const struct vrf_addr src = vrf_addr_cut(&p->src, w->used.src_bits);
    const struct vrf_addr dst = vrf_addr_cut(&p->dst, w->used.dst_bits);

    vrf_way_put_addr(way->src, p->family, &src);
    vrf_way_put_addr(way->dst, p->family, &dst);
    way->src_bits = w->used.src_bits;
    way->dst_bits = w->used.dst_bits;
    way->tos_mask = w->used.tos_mask;
    way->tos = p->tos & w->used.tos_mask;
    way->ipv6 = p->family == VRF_IPV6;
    way->port = UINT32_MAX;
    if (w->plain) {
        way->port = odp_to_u32(w->adjacency->port_no);
        way->mtu = w->mtu;
        memcpy(way->eth_dst, &w->adjacency->dst, sizeof way->eth_dst);
        memcpy(way->eth_src, &w->adjacency->src, sizeof way->eth_src);
    }
}

void
vrf_way_set_unknown(struct ovs_action_vrf_way *way)
{
    *way = (struct ovs_action_vrf_way) {
        .vrf = way->vrf,
        .table = way->table,
        .dst_bits = OVS_VRF_WAY_UNKNOWN,
        .port = UINT32_MAX,
    };
}

void
vrf_way_packet(const struct ovs_action_vrf_way *way, struct vrf_packet *p)
{
    memset(p, 0, sizeof *p);
    p->family = way->ipv6 ? VRF_IPV6 : VRF_IPV4;
    p->src = vrf_way_get_addr(way->src, p->family);
    p->dst = vrf_way_get_addr(way->dst, p->family);
    p->tos = way->tos;
}

/* Do the packets that 'way' is for have all in common that it depends on? */
static bool
is_narrow_enough(const struct ovs_action_vrf_way *way,
                 const struct vrf_used *used)
{
    return (used->dst_bits <= way->dst_bits && used->src_bits <= way->src_bits
            && !(used->tos_mask & ~way->tos_mask));
}

enum vrf_way_state
vrf_way_compare(const struct ovs_action_vrf_way *way,
                const struct vrf_path_way *w)
{
    const struct vrf_adjacency *a = w->adjacency;

    if (!is_narrow_enough(way, &w->used)) {
        return VRF_WAY_STALE;   /* Some of them may have a way now. */
    } else if (!w->plain) {
        return way->port == UINT32_MAX ? VRF_WAY_NONE : VRF_WAY_STALE;
    }
    return (way->port == odp_to_u32(a->port_no) && way->mtu == w->mtu
            && !memcmp(way->eth_dst, &a->dst, sizeof way->eth_dst)
            && !memcmp(way->eth_src, &a->src, sizeof way->eth_src)
            ? VRF_WAY_GOOD : VRF_WAY_STALE);
}

/* Packets. */

/* What of the action matters for each packet. */
struct taker {
    struct vrf_taker all;
    struct eth_addr macs[2];    /* As in the Ethernet header. */
    odp_port_t port_no;
    uint32_t mtu;
};

/* As vrf_way_take(), of one family. */
static inline ALWAYS_INLINE void
take(const struct taker *t, enum vrf_family family,
     struct dp_packet_batch *packets, struct dp_netdev_extension_group *group)
{
    const size_t n = dp_packet_batch_size(packets);
    size_t n_taken = 0, n_left = 0;

    for (size_t i = 0; i < n; i++) {
        struct dp_packet *packet = packets->packets[i];
        struct vrf_take k;

        if (vrf_take_check(&t->all, family, packet, &k)
            && vrf_take_fits(packet, &k, t->mtu)) {
            vrf_take_put_on_way(&t->all, family, packet, t->macs, t->port_no);
            group->bytes += dp_packet_size(packet);
            group->tcp_flags |= k.tcp_flags;
            group->packets.packets[n_taken++] = packet;
        } else {
            packets->packets[n_left++] = packet;
        }
    }
    packets->count = n_left;
    group->packets.count = n_taken;
}

void
vrf_way_take(const struct ovs_action_vrf_way *way, uint32_t mark,
             struct dp_packet_batch *packets,
             struct dp_netdev_extension_group *group)
{
    struct taker t = {
        .port_no = u32_to_odp(way->port),
        .mtu = way->mtu,
    };

    vrf_taker_init(&t.all, &way->vrf, mark);
    memcpy(&t.macs[0], way->eth_dst, sizeof t.macs[0]);
    memcpy(&t.macs[1], way->eth_src, sizeof t.macs[1]);
    if (packets->packets[0]->packet_type != htonl(PT_ETH)) {
        /* As all of the flow. */
        return;
    }
    if (way->ipv6) {
        take(&t, VRF_IPV6, packets, group);
    } else {
        take(&t, VRF_IPV4, packets, group);
    }
}
