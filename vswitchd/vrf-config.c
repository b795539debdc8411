/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge-extension.h"
#include "dpif-netdev.h"
#include "dpif-netlink-vrf-mark.h"
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
#include "vrf-mark.h"
#include "vrf-mode.h"
#include "vrf-pmtu.h"
#include "vrf-port.h"
#include "vrf-punt.h"
#include "vrf-tunnel.h"

VLOG_DEFINE_THIS_MODULE(vrf_config);

/* What was wrong and logged, by key, as the configuration is read again
 * whenever anything in the database changes. */
static struct shash logged = SHASH_INITIALIZER(&logged);

/* What the interfaces are configured for, as they are told: names of VRFs, by
 * name of interface, and whether any has anything to do with VRFs. */
static struct shash ports = SHASH_INITIALIZER(&ports);
static bool wanted;

/* How tunnels of the kernel's datapath get into VRFs. */
struct kernel_way {
    const char *types[3];       /* Of interfaces. */
    char *(*put)(const struct netdev *);
    void (*remove)(const char *netdev_name);
    void (*retain)(const struct sset *names);
    struct sset names;          /* Interfaces of bridges on that datapath, as
                                 * they are told. */
};

static struct kernel_way kernel_ways[] = {
    {   .types = { "vxlan" },
        .put = dpif_netlink_vrf_tunnel_put,
        .remove = dpif_netlink_vrf_tunnel_remove,
        .retain = dpif_netlink_vrf_tunnel_retain,
        .names = SSET_INITIALIZER(&kernel_ways[0].names) },
    {   .types = { "geneve", "gre" },
        .put = dpif_netlink_vrf_mark_put,
        .remove = dpif_netlink_vrf_mark_remove,
        .retain = dpif_netlink_vrf_mark_retain,
        .names = SSET_INITIALIZER(&kernel_ways[1].names) },
};

#define MARK_MASK_KEY "vrf-mark-mask"

static struct ovsdb_idl *database;

static void
vrf_config_init(struct ovsdb_idl *idl)
{
    database = idl;
    vrf_init();
    vrf_pmtu_init();
}

static void
vrf_config_exit(bool cleanup)
{
    vrf_exit();
    shash_destroy_free_data(&logged);
    shash_destroy_free_data(&ports);
    for (size_t i = 0; i < ARRAY_SIZE(kernel_ways); i++) {
        sset_destroy(&kernel_ways[i].names);
    }
    dpif_netlink_vrf_tunnel_exit();
    dpif_netlink_vrf_mark_exit(cleanup);
}

/* Returns how tunnels of type 'type' get into VRFs, null if they cannot. */
static struct kernel_way *
find_kernel_way(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(kernel_ways); i++) {
        for (const char **t = kernel_ways[i].types; *t; t++) {
            if (!strcmp(*t, type)) {
                return &kernel_ways[i];
            }
        }
    }
    return NULL;
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
    struct kernel_way *way = find_kernel_way(cfg->type);

    if (name && vrf_name_is_valid(name)) {
        free(shash_replace(&ports, cfg->name, xstrdup(name)));
    } else if (name && strcmp(name, VRF_DEFAULT_NAME)) {
        char *error = xasprintf("other_config:vrf=\"%s\" is not the name of a "
                                "VRF, 1 to 15 characters", name);

        ovsrec_interface_set_error(cfg, error);
        free(error);
    }
    wanted |= smap_get(&cfg->options, "vrf") != NULL;
    if (way && is_kernel_type(type)) {
        sset_add(&way->names, cfg->name);
    }
}

/* Has 'way' forget tunnels that go with this very change of the
 * configuration. */
static void
forget_gone(const struct kernel_way *way)
{
    struct sset names = SSET_INITIALIZER(&names);
    const struct ovsrec_interface *row;

    OVSREC_INTERFACE_FOR_EACH (row, database) {
        sset_add(&names, row->name);
    }
    way->retain(&names);
    sset_destroy(&names);
}

/* Returns why the kernel's datapath cannot have the tunnel, or null. */
static char *
bar_tunnel(const struct kernel_way *way, const struct ovsrec_interface *cfg)
{
    struct netdev *netdev = netdev_from_name(cfg->name);
    char *why;

    if (!netdev || !netdev_get_tunnel_config(netdev)) {
        netdev_close(netdev);
        return NULL;
    }
    why = way->put(netdev);
    if (why) {
        free(why);
        forget_gone(way);
        why = way->put(netdev);
    }
    netdev_close(netdev);
    return why;
}

/* Sets the bits of marks that say the VRF of a tunnel. */
static void
configure_mark_mask(const struct ovsrec_open_vswitch *cfg)
{
    const char *s = cfg ? smap_get(&cfg->other_config, MARK_MASK_KEY) : NULL;
    uint32_t mask = VRF_MARK_DEFAULT_MASK;

    if (s && !vrf_mark_mask_from_string(s, &mask)
        && is_new_mistake(MARK_MASK_KEY, s)) {
        VLOG_WARN("other_config:"MARK_MASK_KEY"=%s: the value must be a mask "
                  "of adjacent bits, of 32, at least one, such as 0x%"PRIx32
                  ", which is used", s, mask);
    }
    dpif_netlink_vrf_mark_set_mask(mask);
}

static char *
vrf_config_bar_interface(const struct ovsrec_interface *cfg, const char *type)
{
    const char *vrf = smap_get_def(&cfg->options, "vrf", VRF_DEFAULT_NAME);
    const struct kernel_way *way = find_kernel_way(cfg->type);
    bool in_vrf = strcmp(vrf, VRF_DEFAULT_NAME);
    char *why, *reason;

    if (!way && !in_vrf) {
        return NULL;
    } else if (!is_kernel_type(type)) {
        if (way) {
            way->remove(cfg->name);
        }
        return NULL;
    } else if (!way) {
        return xasprintf("options:vrf=%s: Linux's tunnels of type %s cannot "
                         "be put into a VRF; those of types vxlan, geneve and "
                         "gre can, and all of a bridge with "
                         "datapath_type=netdev", vrf, cfg->type);
    } else if (!strcmp(vrf, VRF_TUNNEL_FLOW_NAME)) {
        way->remove(cfg->name);
        return xasprintf("options:vrf=%s: each of Linux's tunnel devices is "
                         "in one VRF; a bridge with datapath_type=netdev can "
                         "have a tunnel in all of them", vrf);
    }
    configure_mark_mask(ovsrec_open_vswitch_first(database));
    why = bar_tunnel(way, cfg);
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
    dpif_netlink_vrf_mark_run();
}

static void
vrf_config_wait(void)
{
    vrf_wait();
    vrf_tunnel_wait();
    dpif_netlink_vrf_tunnel_wait();
    dpif_netlink_vrf_mark_wait();
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
    dpif_netlink_vrf_mark_get_status(cfg->name, status);
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

/* Sets what becomes of packets by devices that are no ports. */
static void
configure_punt(const struct smap *other_config)
{
    const char *key = "output-vrf-punt";
    const char *name = smap_get(other_config, key);
    enum vrf_punt punt = VRF_PUNT_DEFAULT;

    if (name && !vrf_punt_from_name(name, &punt)
        && is_new_mistake(key, name)) {
        VLOG_WARN("other_config:%s=%s: the value must be \"drop\" or "
                  "\"kernel\"; using \"drop\"", key, name);
    }
    vrf_punt_set(punt);
}

static void
vrf_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    struct shash tables = SHASH_INITIALIZER(&tables);
    const struct smap_node *node;

    SMAP_FOR_EACH (node, &cfg->other_config) {
        unsigned int table;

        if (strncmp(node->key, "vrf-", 4)
            || !strcmp(node->key, MARK_MASK_KEY)) {
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
    configure_punt(&cfg->other_config);
    configure_mark_mask(cfg);
    vrf_configure(&tables, &ports, wanted);
    shash_destroy(&tables);
    shash_clear_free_data(&ports);
    wanted = false;

    for (size_t i = 0; i < ARRAY_SIZE(kernel_ways); i++) {
        kernel_ways[i].retain(&kernel_ways[i].names);
        sset_clear(&kernel_ways[i].names);
    }
    dpif_netlink_vrf_tunnel_follow();
    dpif_netlink_vrf_mark_follow(is_kernel_type("system"));
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
