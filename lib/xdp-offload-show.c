/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-offload.h"

#include "extension-config.h"

#if XDP_OFFLOAD
#include <string.h>

#include "openvswitch/json.h"
#include "util.h"
#include "xdp-offload-private.h"
#include "xdp-table.h"

static struct json *
json_count(uint64_t n)
{
    return json_integer_create(MIN(n, INT64_MAX));
}

static const char *
port_state(const struct port *port)
{
    return (!port->xdp ? "off"
            : xdp_port_took_over(port->xdp) ? "taking over"
            : port->disabled ? "disabled" : "enabled");
}

static struct json *
show_port(struct port *port)
{
    struct json *object = json_object_create();

    json_object_put_string(object, "port", port->name);
    json_object_put_string(object, "state", port_state(port));
    if (port->error) {
        json_object_put_string(object, "error", port->error);
    }
    if (port->xdp) {
        json_object_put_string(object, "mode", (port->config.generic
                                                ? "generic" : "native"));
        json_object_put_string(object, "fail-mode",
                               xdp_crash_policy_to_string(
                                   port->config.policy));
        json_object_put(object, "queues",
                        json_count(port->config.n_queues));
        json_object_put(object, "redirect",
                        json_boolean_create(port->config.redirect));
        json_object_put(object, "masks",
                        json_count(xdp_table_port_n_masks(port->table)));
        json_object_put(object, "flows", json_count(port->n_rules));
    }
    return object;
}

static struct json *
refusals_to_json(const struct port *port)
{
    struct json *object = json_object_create();
    struct shash_node *node;

    SHASH_FOR_EACH (node, &port->refusals) {
        json_object_put(object, node->name,
                        json_count(*(uint64_t *) node->data));
    }
    return object;
}

static struct json *
stats_of_port(struct port *port)
{
    static const char *const names[] = {
        [OVS_XDP_N_SHORT] = "to-socket-short",
        [OVS_XDP_N_LLC] = "to-socket-llc",
        [OVS_XDP_N_TAGS] = "to-socket-tags",
        [OVS_XDP_N_MPLS] = "to-socket-mpls",
        [OVS_XDP_N_BAD_IPV4] = "to-socket-bad-ipv4",
        [OVS_XDP_N_BAD_IPV6] = "to-socket-bad-ipv6",
        [OVS_XDP_N_IPV6_EXT] = "to-socket-ipv6-extension",
        [OVS_XDP_N_BAD_L4] = "to-socket-bad-l4",
        [OVS_XDP_N_EXPIRED] = "to-socket-expired",
        [OVS_XDP_N_RETIRED] = "to-socket-retired",
        [OVS_XDP_N_NO_DEVICE] = "to-socket-no-device",
        [OVS_XDP_N_NO_HEADROOM] = "to-socket-no-headroom",
        [OVS_XDP_N_BLOCKED] = "blocked",
    };
    struct json *object = json_object_create();
    uint64_t counters[OVS_XDP_N_COUNTERS];
    uint64_t n_packets = 0, n_bytes = 0;
    struct entry *e;

    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == OVS_XDP_N_COUNTERS);
    json_object_put_string(object, "port", port->name);
    if (!port->xdp || xdp_port_counters(port->xdp, counters)) {
        memset(counters, 0, sizeof counters);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_object_put(object, names[i], json_count(counters[i]));
    }
    HMAP_FOR_EACH (e, node, &port->entries) {
        xdp_offload_read_entry(e);
        n_packets += e->n_packets;
        n_bytes += e->n_bytes;
    }
    json_object_put(object, "flow-packets", json_count(n_packets));
    json_object_put(object, "flow-bytes", json_count(n_bytes));
    json_object_put(object, "late-packets", json_count(port->late_packets));
    json_object_put(object, "late-bytes", json_count(port->late_bytes));
    json_object_put(object, "no-room", json_count(port->n_full));
    json_object_put(object, "evicted", json_count(port->n_evicted));
    json_object_put(object, "in-software", refusals_to_json(port));
    return object;
}

struct json *
xdp_offload_show(void)
{
    return xdp_offload_each_port(show_port);
}

struct json *
xdp_offload_stats(void)
{
    return xdp_offload_each_port(stats_of_port);
}
#endif /* XDP_OFFLOAD */
