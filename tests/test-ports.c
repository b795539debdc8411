/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "test-ports.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "dummy.h"
#include "hash.h"
#include "netdev-provider.h"
#include "odp-execute.h"
#include "odp-util.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-numa.h"
#include "packets.h"
#include "util.h"

static const struct test_ports *test;

struct test_netdev {
    struct netdev up;
    unsigned int n;
};

static unsigned int
number_of(const struct netdev *netdev)
{
    return CONTAINER_OF(netdev, struct test_netdev, up)->n;
}

static struct netdev *
test_alloc(void)
{
    struct test_netdev *t = xzalloc(sizeof *t);

    return &t->up;
}

static int
test_construct(struct netdev *netdev)
{
    struct test_netdev *t = CONTAINER_OF(netdev, struct test_netdev, up);

    return str_to_uint(netdev_get_name(netdev) + 1, 10, &t->n) ? 0 : EINVAL;
}

static void
test_destruct(struct netdev *netdev OVS_UNUSED)
{
}

static void
test_dealloc(struct netdev *netdev)
{
    free(CONTAINER_OF(netdev, struct test_netdev, up));
}

static int
test_get_numa_id(const struct netdev *netdev OVS_UNUSED)
{
    return 0;
}

static int
test_send(struct netdev *netdev, int qid OVS_UNUSED,
          struct dp_packet_batch *batch, bool concurrent OVS_UNUSED)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        test->send(number_of(netdev), packet);
    }
    return 0;
}

static int
test_update_flags(struct netdev *netdev OVS_UNUSED,
                  enum netdev_flags off OVS_UNUSED,
                  enum netdev_flags on OVS_UNUSED, enum netdev_flags *old)
{
    *old = NETDEV_UP;
    return 0;
}

struct eth_addr
test_port_mac(unsigned int n)
{
    struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,00);

    mac.ea[4] = n >> 8;
    mac.ea[5] = n;
    return mac;
}

static int
test_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
    *mac = test_port_mac(number_of(netdev));
    return 0;
}

uint32_t
test_port_ifindex(unsigned int n)
{
    /* Some of these meet in a place of the tables of vrf-path.c. */
    return hash_int(n, 1) & INT_MAX;
}

static int
test_get_ifindex(const struct netdev *netdev)
{
    return test_port_ifindex(number_of(netdev));
}

static struct netdev_rxq *
test_rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

static void
test_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}

static int
test_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
test_rxq_nothing(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static int
test_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
              int *qfill OVS_UNUSED)
{
    dp_packet_batch_init(batch);
    test->receive(number_of(rxq->netdev), batch);
    return dp_packet_batch_is_empty(batch) ? EAGAIN : 0;
}

#define TEST_CLASS                              \
    .alloc = test_alloc,                        \
    .construct = test_construct,                \
    .destruct = test_destruct,                  \
    .dealloc = test_dealloc,                    \
    .get_numa_id = test_get_numa_id,            \
    .send = test_send,                          \
    .get_etheraddr = test_get_etheraddr,        \
    .get_ifindex = test_get_ifindex,            \
    .update_flags = test_update_flags,          \
    .rxq_alloc = test_rxq_alloc,                \
    .rxq_construct = test_rxq_construct,        \
    .rxq_destruct = test_rxq_nothing,           \
    .rxq_dealloc = test_rxq_dealloc,            \
    .rxq_recv = test_rxq_recv,                  \
    .rxq_wait = test_rxq_nothing

static const struct netdev_class test_class = {
    .type = "test-port", TEST_CLASS
};
static const struct netdev_class test_pmd_class = {
    .type = "test-port-pmd", .is_pmd = true, TEST_CLASS
};

struct dpif *
test_ports_open(const struct test_ports *t, unsigned int n_ports,
                unsigned int n_pmd)
{
    struct dpif *dpif;

    test = t;
    dummy_enable("");
    odp_execute_init();
    ovs_numa_set_dummy("0");
    ovs_numa_init();
    netdev_register_provider(&test_class);
    netdev_register_provider(&test_pmd_class);
    ovs_assert(!dpif_create_and_open("test", "dummy", &dpif));
    for (unsigned int n = 1; n <= n_ports; n++) {
        const char *type = (n <= n_pmd ? test_pmd_class.type
                            : test_class.type);
        char *name = xasprintf("t%u", n);
        odp_port_t port_no = u32_to_odp(n);
        struct netdev *netdev;

        ovs_assert(!netdev_open(name, type, &netdev));
        ovs_assert(!dpif_port_add(dpif, netdev, &port_no));
        netdev_close(netdev);
        free(name);
    }
    return dpif;
}

void
test_add_flow(struct dpif *dpif, const char *match, const char *actions_)
{
    struct ofpbuf key, mask, actions;
    struct dpif_flow_put put;
    struct dpif_op op, *opp = &op;

    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    ofpbuf_init(&actions, 0);
    ovs_assert(!odp_flow_from_string(match, NULL, &key, &mask, NULL));
    ovs_assert(!odp_actions_from_string(actions_, NULL, &actions));
    memset(&put, 0, sizeof put);
    put.flags = DPIF_FP_CREATE | DPIF_FP_MODIFY;
    put.key = key.data;
    put.key_len = key.size;
    put.mask = mask.data;
    put.mask_len = mask.size;
    put.actions = actions.data;
    put.actions_len = actions.size;
    put.pmd_id = PMD_ID_NULL;
    op.type = DPIF_OP_FLOW_PUT;
    op.flow_put = put;
    dpif_operate(dpif, &opp, 1, DPIF_OFFLOAD_NEVER);
    ovs_assert(!op.error);
    ofpbuf_uninit(&key);
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&actions);
}
