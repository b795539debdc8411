/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "bench-netdev.h"

#include <errno.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

struct bench_port {
    struct netdev up;
    struct eth_addr mac;
    enum netdev_flags flags;
    unsigned int n_offered;     /* Packets of the next batch. */
};

enum { POOL_MAX = 4 * NETDEV_MAX_BURST };
enum { HEADROOM = 128, ROOM = 512 };

static struct dp_packet **templates;
static unsigned int n_templates;
static unsigned int next_template;
static uint64_t n_sent;

/* Makes a packet different from its template, or null. */
static void (*finish)(struct dp_packet *);

/* Packets that were sent and will be received again. */
static struct dp_packet *pool[POOL_MAX];
static unsigned int n_pool;

void
bench_netdev_set_templates(struct dp_packet **templates_,
                           unsigned int n_templates_)
{
    templates = templates_;
    n_templates = n_templates_;
    next_template = 0;
}

void
bench_netdev_set_finish(void (*finish_)(struct dp_packet *))
{
    finish = finish_;
}

uint64_t
bench_netdev_n_sent(void)
{
    return n_sent;
}

static struct bench_port *
bench_port_cast(const struct netdev *netdev)
{
    return CONTAINER_OF(netdev, struct bench_port, up);
}

static struct dp_packet *
new_packet(void)
{
    const struct dp_packet *t = templates[next_template];
    struct dp_packet *p;

    next_template = next_template + 1 < n_templates ? next_template + 1 : 0;
    if (n_pool) {
        p = pool[--n_pool];
        dp_packet_set_data(p, (char *) dp_packet_base(p) + HEADROOM);
        dp_packet_reset_offsets(p);
        dp_packet_reset_offload(p);
        dp_packet_reset_cutlen(p);
        p->packet_type = htonl(PT_ETH);
    } else {
        p = dp_packet_new_with_headroom(ROOM, HEADROOM);
    }
    dp_packet_set_size(p, dp_packet_size(t));
    memcpy(dp_packet_data(p), dp_packet_data(t), dp_packet_size(t));
    if (finish) {
        finish(p);
    }
    return p;
}

static struct netdev *
bench_netdev_alloc(void)
{
    struct bench_port *port = xzalloc(sizeof *port);

    return &port->up;
}

static void
bench_netdev_dealloc(struct netdev *netdev)
{
    free(bench_port_cast(netdev));
}

static int
bench_netdev_construct(struct netdev *netdev)
{
    struct bench_port *port = bench_port_cast(netdev);

    eth_addr_random(&port->mac);
    port->flags = NETDEV_UP;
    return 0;
}

static void
bench_netdev_destruct(struct netdev *netdev OVS_UNUSED)
{
}

static int
bench_netdev_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
                  struct dp_packet_batch *batch,
                  bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (n_pool < POOL_MAX && packet->source == DPBUF_MALLOC
            && dp_packet_get_allocated(packet) >= HEADROOM + ROOM) {
            pool[n_pool++] = packet;
        } else {
            dp_packet_delete(packet);
        }
    }
    n_sent += dp_packet_batch_size(batch);
    return 0;
}

static int
bench_netdev_update_flags(struct netdev *netdev, enum netdev_flags off,
                          enum netdev_flags on, enum netdev_flags *old)
{
    struct bench_port *port = bench_port_cast(netdev);

    *old = port->flags;
    port->flags = (port->flags | on) & ~off;
    return 0;
}

static int
bench_netdev_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    bench_port_cast(netdev)->mac = mac;
    return 0;
}

static int
bench_netdev_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
    *mac = bench_port_cast(netdev)->mac;
    return 0;
}

/* The index is the first digit of the name, if it has one. */
static int
bench_netdev_get_ifindex(const struct netdev *netdev)
{
    const char *name = netdev_get_name(netdev);
    const char *digit = name + strcspn(name, "0123456789");

    return *digit ? 10 + *digit - '0' : -EOPNOTSUPP;
}

static int
bench_netdev_get_mtu(const struct netdev *netdev OVS_UNUSED, int *mtu)
{
    *mtu = 1500;
    return 0;
}

static int
bench_netdev_get_stats(const struct netdev *netdev OVS_UNUSED,
                       struct netdev_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->tx_packets = n_sent;
    return 0;
}

static struct netdev_rxq *
bench_netdev_rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

static void
bench_netdev_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}

static int
bench_netdev_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
bench_netdev_rxq_nothing(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static int
bench_netdev_rxq_drain(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static int
bench_netdev_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                      int *qfill)
{
    struct bench_port *port = bench_port_cast(rxq->netdev);

    if (!port->n_offered) {
        return EAGAIN;
    }
    dp_packet_batch_init(batch);
    while (port->n_offered) {
        dp_packet_batch_add(batch, new_packet());
        port->n_offered--;
    }
    if (qfill) {
        *qfill = -ENOTSUP;
    }
    return 0;
}

static const struct netdev_class bench_class = {
    .type = "bench",
    .alloc = bench_netdev_alloc,
    .construct = bench_netdev_construct,
    .destruct = bench_netdev_destruct,
    .dealloc = bench_netdev_dealloc,
    .send = bench_netdev_send,
    .set_etheraddr = bench_netdev_set_etheraddr,
    .get_etheraddr = bench_netdev_get_etheraddr,
    .get_ifindex = bench_netdev_get_ifindex,
    .get_mtu = bench_netdev_get_mtu,
    .get_stats = bench_netdev_get_stats,
    .update_flags = bench_netdev_update_flags,
    .rxq_alloc = bench_netdev_rxq_alloc,
    .rxq_construct = bench_netdev_rxq_construct,
    .rxq_destruct = bench_netdev_rxq_nothing,
    .rxq_dealloc = bench_netdev_rxq_dealloc,
    .rxq_recv = bench_netdev_rxq_recv,
    .rxq_wait = bench_netdev_rxq_nothing,
    .rxq_drain = bench_netdev_rxq_drain,
};

void
bench_netdev_register(void)
{
    netdev_register_provider(&bench_class);
}

void
bench_netdev_offer(struct netdev *netdev, unsigned int n_packets)
{
    ovs_assert(n_packets <= NETDEV_MAX_BURST);
    bench_port_cast(netdev)->n_offered = n_packets;
}
