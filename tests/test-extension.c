/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include <errno.h>

#include "byte-order.h"
#include "coverage.h"
#include "dpctl.h"
#include "dp-packet.h"
#include "dpif-extension.h"
#include "dpif-netdev-extension.h"
#include "dpif.h"
#include "flow.h"
#include "odp-extension.h"
#include "ofp-extension.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-atomic.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

/* An extension as small as can be, which proves what CONTRIBUTING promises:
 * that one file (this) and one line in each registry (here the constructor at
 * the bottom) are all that it takes.  "test(BYTE)" writes BYTE to the last
 * byte of the Ethernet source, and so does an interface of the userspace
 * datapath with other_config:test=BYTE when packets come in;
 * "dpctl/test-ports" counts a datapath's ports, "dpctl/test-set" sets nothing.
 * Linked into the programs in tests/extension only.
 *
 * What it does in ovs-vswitchd alone is in test-extension-bridge.c. */

COVERAGE_DEFINE(test_extension);

static const struct ofp_extension_class ofp_test_class;
static const struct odp_extension_class odp_test_class;

struct test_action {
    uint8_t byte;
    uint8_t zeros[3];
};

/* Text. */

static char *
parse(const char *args, struct test_action *a)
{
    char *error = str_to_u8(args, "byte", &a->byte);

    if (error) {
        char *full = xasprintf("test: %s", error);
        free(error);
        return full;
    }
    return NULL;
}

static void
format(const void *a_, struct ds *s)
{
    const struct test_action *a = a_;

    ds_put_format(s, "%"PRIu8, a->byte);
}

/* OpenFlow. */

static char *
ofp_test_parse(char *args, const struct ofpact_parse_params *pp)
{
    struct test_action a = { .byte = 0 };
    char *error = parse(args, &a);

    if (!error) {
        memcpy(ofpact_extension_put(pp->ofpacts, &ofp_test_class, sizeof a),
               &a, sizeof a);
    }
    return error;
}

static void
ofp_test_format(const void *body, const struct ofpact_format_params *fp)
{
    format(body, fp->s);
}

/* A length that is no multiple of 8, so that there is padding. */
static void
ofp_test_encode(const void *body, struct ofpbuf *out)
{
    const struct test_action *a = body;

    ofpbuf_put(out, &a->byte, sizeof a->byte);
}

static enum ofperr
ofp_test_decode(const void *wire, size_t size, struct ofpbuf *ofpacts)
{
    struct test_action *a;

    if (size != sizeof a->byte) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    a = ofpact_extension_put(ofpacts, &ofp_test_class, sizeof *a);
    a->byte = *(const uint8_t *) wire;
    return 0;
}

static enum ofperr
ofp_test_check(const void *body OVS_UNUSED,
               const struct ofpact_check_params *cp OVS_UNUSED)
{
    return 0;
}

static void
ofp_test_translate(const void *body, struct ofp_extension_xlate *x)
{
    const struct test_action *a = body;

    memcpy(odp_extension_put(x->odp_actions, &odp_test_class), a, sizeof *a);
    x->flow->dl_src.ea[5] = x->base_flow->dl_src.ea[5] = a->byte;
    if (x->trace) {
        ds_put_format(x->trace, "test: wrote %"PRIu8, a->byte);
    }
}

/* Datapath. */

static char *
odp_test_parse(char *args, void *payload)
{
    return parse(args, payload);
}

static void
odp_test_execute(struct dp_packet_batch *batch, const void *payload,
                 bool steal OVS_UNUSED)
{
    const struct test_action *a = payload;
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct eth_header *eth = dp_packet_eth(packet);

        eth->eth_src.ea[5] = a->byte;
        COVERAGE_INC(test_extension);
    }
}

static void
odp_test_probe(struct flow *flow, void *payload OVS_UNUSED)
{
    flow->dl_type = htons(ETH_TYPE_IP);
}

/* Packets that come in, and the configuration of ports. */

#define MAX_PORTS 16
#define MAX_QUEUES 4

struct test_port {
    odp_port_t port_no;
    bool used;
    atomic_int byte;            /* Negative for none. */
    struct dp_netdev_extension_slots *slots[MAX_QUEUES];
};

struct test_dp {
    struct test_port ports[MAX_PORTS];
    size_t n_runs;
};

static void *
test_create(void)
{
    return xzalloc(sizeof(struct test_dp));
}

static void
test_destroy(void *dp_)
{
    struct test_dp *dp = dp_;

    ovsrcu_postpone(free, dp);
}

static void
test_run(void *dp_)
{
    struct test_dp *dp = dp_;

    dp->n_runs++;
}

static void *
test_add_port(void *dp_, odp_port_t port_no,
              const struct netdev *netdev OVS_UNUSED)
{
    struct test_dp *dp = dp_;

    for (size_t i = 0; i < MAX_PORTS; i++) {
        struct test_port *port = &dp->ports[i];

        if (!port->used) {
            memset(port, 0, sizeof *port);
            port->used = true;
            port->port_no = port_no;
            atomic_init(&port->byte, -1);
            return port;
        }
    }
    OVS_NOT_REACHED();
}

static void
test_set_slots(struct test_port *port)
{
    int byte;

    atomic_read(&port->byte, &byte);
    for (size_t i = 0; i < MAX_QUEUES; i++) {
        if (port->slots[i]) {
            dp_netdev_extension_set_slot(port->slots[i], DP_NETDEV_EXT_TEST,
                                         byte < 0 ? NULL : port);
        }
    }
}

static void
test_clear_queues(void *port_)
{
    struct test_port *port = port_;

    for (size_t i = 0; i < MAX_QUEUES; i++) {
        if (port->slots[i]) {
            dp_netdev_extension_set_slot(port->slots[i], DP_NETDEV_EXT_TEST,
                                         NULL);
            port->slots[i] = NULL;
        }
    }
}

static void
test_remove_port(void *port_)
{
    struct test_port *port = port_;

    test_clear_queues(port);
    port->used = false;
}

static void
test_add_queue(void *port_, struct dp_netdev_extension_slots *slots)
{
    struct test_port *port = port_;

    for (size_t i = 0; i < MAX_QUEUES; i++) {
        if (!port->slots[i]) {
            port->slots[i] = slots;
            break;
        }
    }
    test_set_slots(port);
}

static void *
test_add_thread(void *dp)
{
    ovs_assert(dp);
    return xzalloc(sizeof(uint64_t));
}

static void
test_receive(void *port_, void *thread,
             struct pmd_perf_stats *stats OVS_UNUSED, long long int now,
             struct dp_packet_batch *batch)
{
    struct test_port *port = port_;
    uint64_t *n_batches = thread;
    struct dp_packet *packet;
    int byte;

    ovs_assert(now > 0);
    *n_batches += 1;
    atomic_read(&port->byte, &byte);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct eth_header *eth = dp_packet_data(packet);

        eth->eth_src.ea[5] = byte;
    }
}

static int
test_port_set_config(struct dpif *dpif, odp_port_t port_no,
                     const struct smap *cfg)
{
    struct test_dp *dp;

    if (dpif_extension_classes(dpif) != &dpif_netdev_extensions) {
        return 0;
    }
    dp = dpif_netdev_extension(dpif, DP_NETDEV_EXT_TEST);
    for (size_t i = 0; i < MAX_PORTS; i++) {
        struct test_port *port = &dp->ports[i];

        if (port->used && port->port_no == port_no) {
            atomic_store(&port->byte, smap_get_int(cfg, "test", -1));
            test_set_slots(port);
            return 0;
        }
    }
    return ENODEV;
}

/* dpctl. */

static int
dpctl_test_ports(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    struct dpif_port_dump dump;
    struct dpif_port port;
    struct dpif *dpif;
    int n = 0, next, error;

    error = dpctl_extension_open(argc, argv, dpctl_p, &dpif, &next);
    if (error) {
        return error;
    }
    if (argc > next) {
        dpctl_extension_error(dpctl_p, 0, "%s: unknown argument", argv[next]);
        error = EINVAL;
    } else {
        DPIF_PORT_FOR_EACH (&port, &dump, dpif) {
            n++;
        }
        if (dpctl_p->ext.json) {
            json_object_put(dpctl_p->ext.reply, "ports",
                            json_integer_create(n));
        } else {
            dpctl_extension_print(dpctl_p, "%d ports\n", n);
        }
    }
    dpif_close(dpif);
    return error;
}

static int
dpctl_test_set(int argc OVS_UNUSED, const char *argv[],
               struct dpctl_params *dpctl_p)
{
    dpctl_extension_error(dpctl_p, EOPNOTSUPP, "cannot set %s", argv[2]);
    return EOPNOTSUPP;
}

static const struct dpctl_extension_command dpctl_test_commands[] = {
    {
        .name = "test-ports",
        .usage = "[dp]",
        .max_args = 2,
        .json = true,
        .run = dpctl_test_ports,
    },
    {
        .name = "test-set",
        .usage = "dp value",
        .min_args = 2,
        .max_args = 2,
        .datapath = DPCTL_DP_REQUIRED,
        .writes = true,
        .run = dpctl_test_set,
    },
};

/* Registration. */

static const struct ofp_extension_class ofp_test_class = {
    .name = "test",
    .type = OFPEXT_TEST,
    .odp = &odp_test_class,
    .parse = ofp_test_parse,
    .format = ofp_test_format,
    .encode = ofp_test_encode,
    .decode = ofp_test_decode,
    .check = ofp_test_check,
    .translate = ofp_test_translate,
};

static const struct odp_extension_class odp_test_class = {
    .name = "test",
    .type = OVS_EXTENSION_ATTR_TEST,
    .size = sizeof(struct test_action),
    .format = format,
    .parse = odp_test_parse,
    .execute = odp_test_execute,
    .probe = odp_test_probe,
};

static const struct dpctl_extension_class dpctl_test_class = {
    .commands = dpctl_test_commands,
    .n_commands = ARRAY_SIZE(dpctl_test_commands),
};

static const struct dp_netdev_extension netdev_test_extension = {
    .create = test_create,
    .destroy = test_destroy,
    .run = test_run,
    .add_port = test_add_port,
    .remove_port = test_remove_port,
    .add_queue = test_add_queue,
    .clear_queues = test_clear_queues,
    .add_thread = test_add_thread,
    .remove_thread = free,
    .receive = test_receive,
};

static const struct dpif_extension dpif_test_extension = {
    .name = "test",
    .port_set_config = test_port_set_config,
};

OVS_CONSTRUCTOR(register_test_extension)
{
    dpif_extension_register_for_test(&dpif_test_extension);
    dp_netdev_extension_register_for_test(&netdev_test_extension);
    dpctl_extension_register_for_test(&dpctl_test_class);
    ofp_extension_register_for_test(&ofp_test_class);
    odp_extension_register_for_test(&odp_test_class);
}
