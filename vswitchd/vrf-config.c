/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge-extension.h"
#include "dpif-netdev.h"
#include "dpif-netlink-vrf-tunnel.h"
#include "lib/vswitch-idl.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "ofproto/ofproto-dpif-type.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "sset.h"
#include "util.h"
#include "vrf.h"
#include "vrf-mode.h"
#include "vrf-pmtu.h"
#include "vrf-port.h"
#include "vrf-tunnel.h"

VLOG_DEFINE_THIS_MODULE(vrf_config);

/* What was wrong and logged, by key, as the configuration is read again
 * whenever anything in the database changes. */
static struct shash logged = SHASH_INITIALIZER(&logged);

/* What the interfaces are configured for, as they are told: names of VRFs, by
 * name of interface, and whether any has anything to do with VRFs. */
static struct shash ports = SHASH_INITIALIZER(&ports);
static bool wanted;

/* VXLAN interfaces of bridges on the kernel's datapath, as they are told. */
static struct sset kernel_tunnels = SSET_INITIALIZER(&kernel_tunnels);

static struct ovsdb_idl *database;

static void
vrf_config_init(struct ovsdb_idl *idl)
{
    database = idl;
    vrf_init();
    vrf_pmtu_init();
}

static void
vrf_config_exit(bool cleanup OVS_UNUSED)
{
    vrf_exit();
    shash_destroy_free_data(&logged);
    shash_destroy_free_data(&ports);
    sset_destroy(&kernel_tunnels);
    dpif_netlink_vrf_tunnel_exit();
}

/* Are bridges of that type on the kernel's datapath? */
static bool
is_kernel_type(const char *type)
{
    unsigned int generation;
    struct dpif *dpif = ofproto_dpif_of_type(type, &generation);

    return dpif && !dpif_is_netdev(dpif);
}

/* Was this not logged yet? */
static bool
is_new_mistake(const char *key, const char *value)
{
    const char *last = shash_find_data(&logged, key);

    if (last && !strcmp(last, value)) {
        return false;
    }
    free(shash_replace(&logged, key, xstrdup(value)));
    return true;
}

static void
log_bad(const char *key, const char *value)
{
    if (is_new_mistake(key, value)) {
        VLOG_WARN("other_config:%s=%s: the name must have 1 to 15 "
                  "characters and not be \"default\", the value be table=N, "
                  "N from 1 to 4294967295; ignoring it", key, value);
    }
}

static void
vrf_config_check_interface(const struct ovsrec_interface *cfg,
                           const char *type)
{
    const char *name = smap_get(&cfg->other_config, "vrf");

    if (name && vrf_name_is_valid(name)) {
        free(shash_replace(&ports, cfg->name, xstrdup(name)));
    } else if (name && strcmp(name, VRF_DEFAULT_NAME)) {
        char *error = xasprintf("other_config:vrf=\"%s\" is not the name of a "
                                "VRF, 1 to 15 characters", name);

        ovsrec_interface_set_error(cfg, error);
        free(error);
    }
    wanted |= smap_get(&cfg->options, "vrf") != NULL;
    if (!strcmp(cfg->type, "vxlan") && is_kernel_type(type)) {
        sset_add(&kernel_tunnels, cfg->name);
    }
}

static bool
interface_exists(const char *name)
{
    const struct ovsrec_interface *row;

    OVSREC_INTERFACE_FOR_EACH (row, database) {
        if (!strcmp(row->name, name)) {
            return true;
        }
    }
    return false;
}

/* Returns why the kernel's datapath cannot have the VXLAN tunnel, or null. */
static char *
bar_vxlan(const struct ovsrec_interface *cfg)
{
    struct netdev *netdev = netdev_from_name(cfg->name);
    const char *in_way = NULL;
    char *why;

    if (!netdev || !netdev_get_tunnel_config(netdev)) {
        netdev_close(netdev);
        return NULL;
    }
    why = dpif_netlink_vrf_tunnel_put(netdev, &in_way);
    while (in_way && !interface_exists(in_way)) {
        /* It goes with this very change of the configuration. */
        free(why);
        dpif_netlink_vrf_tunnel_remove(in_way);
        why = dpif_netlink_vrf_tunnel_put(netdev, &in_way);
    }
    netdev_close(netdev);
    return why;
}

static char *
vrf_config_bar_interface(const struct ovsrec_interface *cfg, const char *type)
{
    const char *vrf = smap_get_def(&cfg->options, "vrf", VRF_DEFAULT_NAME);
    bool in_vrf = strcmp(vrf, VRF_DEFAULT_NAME);
    bool is_vxlan = !strcmp(cfg->type, "vxlan");
    char *why, *reason;

    if (!is_vxlan && !in_vrf) {
        return NULL;
    } else if (!is_kernel_type(type)) {
        dpif_netlink_vrf_tunnel_remove(cfg->name);
        return NULL;
    } else if (!is_vxlan) {
        return xasprintf("options:vrf=%s: Linux's tunnels of type %s cannot "
                         "be put into a VRF; those of type vxlan can, and all "
                         "of a bridge with datapath_type=netdev",
                         vrf, cfg->type);
    }
    why = bar_vxlan(cfg);
    if (!why || !in_vrf) {
        return why;
    }
    reason = xasprintf("options:vrf=%s: %s", vrf, why);
    free(why);
    return reason;
}

static void
vrf_config_run(void)
{
    vrf_run();
    vrf_tunnel_run();
    dpif_netlink_vrf_tunnel_run();
}

static void
vrf_config_wait(void)
{
    vrf_wait();
    vrf_tunnel_wait();
    dpif_netlink_vrf_tunnel_wait();
}

static void
vrf_config_get_status(const struct ovsrec_interface *cfg, struct smap *status)
{
    uint16_t vrf = vrf_of_port(cfg->name);

    if (vrf != VRF_DEFAULT_ID) {
        smap_replace(status, "vrf", vrf_id_to_name(vrf));
        if (vrf_port_has_conflict(cfg->name)) {
            smap_replace(status, "vrf_conflict",
                         smap_get_def(&cfg->other_config, "vrf", ""));
        }
    }
    dpif_netlink_vrf_tunnel_get_status(cfg->name, status);
}

/* Sets how output_vrf() finds routes. */
static void
configure_mode(const struct smap *other_config)
{
    const char *key = "output-vrf-mode";
    const char *name = smap_get_def(other_config, key,
                                    vrf_mode_name(VRF_MODE_DEFAULT));
    enum vrf_mode mode = VRF_MODE_DEFAULT;

    if (!vrf_mode_from_name(name, &mode) && is_new_mistake(key, name)) {
        VLOG_WARN("other_config:%s=%s: the value must be \"auto\", "
                  "\"datapath\" or \"flow\"; using \"%s\"", key, name,
                  vrf_mode_name(mode));
    }
    vrf_mode_set(mode);
}

static void
vrf_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    const struct smap_node *node;

    SMAP_FOR_EACH (node, &cfg->other_config) {
        unsigned int table;

        if (strncmp(node->key, "vrf-", 4)) {
            continue;
        }
        if (!vrf_name_is_valid(node->key + 4)
            || strncmp(node->value, "table=", 6)
            || !str_to_uint(node->value + 6, 10, &table) || !table) {
            log_bad(node->key, node->value);
            continue;
        }
        shash_add(&tables, node->key + 4, (void *) (uintptr_t) table);
    }
    configure_mode(&cfg->other_config);
    vrf_configure(&tables, &ports, wanted);
    shash_destroy(&tables);
    shash_clear_free_data(&ports);
    wanted = false;

    dpif_netlink_vrf_tunnel_retain(&kernel_tunnels);
    sset_clear(&kernel_tunnels);
    dpif_netlink_vrf_tunnel_follow();
}

const struct bridge_extension vrf_bridge_extension = {
    .name = "vrf",
    .init = vrf_config_init,
    .exit = vrf_config_exit,
    .check_interface = vrf_config_check_interface,
    .bar_interface = vrf_config_bar_interface,
    .get_status = vrf_config_get_status,
    .reconfigure = vrf_config_reconfigure,
    .run = vrf_config_run,
    .wait = vrf_config_wait,
};
