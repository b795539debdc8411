/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_EXT_H
#define OFPROTO_DPIF_EXT_H 1

/* Support for extension actions in a datapath, for ofproto-dpif.c, the only
 * file that includes this: it needs that file's static functions and types.
 *
 * Support is probed when a datapath is opened, extension by extension, and
 * each can be switched by "ovs-appctl dpif/set-dp-features BRIDGE NAME".
 *
 * What ofproto-dpif-type.h declares is here as well. */

#include "odp-extension.h"
#include "ofproto-dpif-type.h"
#include "simap.h"

/* How often the datapath of each type was opened. */
static struct simap n_opened = SIMAP_INITIALIZER(&n_opened);

struct dpif *
ofproto_dpif_of_type(const char *type, unsigned int *generation)
{
    const struct dpif_backer *backer = shash_find_data(&all_dpif_backers,
                                                       type);

    *generation = simap_get(&n_opened, type);
    return backer ? backer->dpif : NULL;
}

odp_port_t
ofproto_dpif_odp_port(const struct ofproto_dpif *ofproto, ofp_port_t ofp_port)
{
    return ofp_port_to_odp_port(ofproto, ofp_port);
}

static bool
check_extension(struct dpif_backer *backer,
                const struct odp_extension_class *class)
{
    struct flow flow;
    struct odp_flow_key_parms odp_parms = {
        .flow = &flow,
        .probe = true,
    };
    struct odputil_keybuf keybuf;
    struct ofpbuf actions;
    struct ofpbuf key;
    bool supported;

    memset(&flow, 0, sizeof flow);
    ofpbuf_init(&actions, 64);
    class->probe(&flow, odp_extension_put(&actions, class));
    ofpbuf_use_stack(&key, &keybuf, sizeof keybuf);
    odp_flow_key_from_flow(&odp_parms, &key);

    supported = dpif_probe_feature(backer->dpif, class->name, &key, &actions,
                                   NULL);
    ofpbuf_uninit(&actions);
    VLOG_INFO("%s: Datapath %s %s action%s", dpif_name(backer->dpif),
              supported ? "supports" : "does not support", class->name,
              (supported ? ""
               : class->execute || class->slow_suffices
               ? ": it takes the slow path"
               : ": packets that come to it are dropped"));
    return supported;
}

static void
check_extensions(struct dpif_backer *backer)
{
    const struct odp_extension_class *class = NULL;

    simap_increase(&n_opened, backer->type, 1);
    while ((class = odp_extension_next(class))) {
        backer->rt_support.extensions[class->type]
            = check_extension(backer, class);
    }
}

static void
show_extension_support(const struct dpif_backer_support *support,
                       struct ds *ds)
{
    const struct odp_extension_class *class = NULL;

    while ((class = odp_extension_next(class))) {
        char *title = xasprintf("Extension %s action", class->name);

        show_dp_feature_bool(ds, title, support->extensions[class->type]);
        free(title);
    }
}

/* Adds the switches of the extensions to 'fields'. */
static void
add_extension_support(struct dpif_backer_support *rt_support,
                      const struct dpif_backer_support *bt_support,
                      struct shash *fields)
{
    const struct odp_extension_class *class = NULL;

    while ((class = odp_extension_next(class))) {
        struct dpif_support_field *f = xmalloc(sizeof *f);

        *f = DPIF_SUPPORT_FIELD_INTIALIZER(
            &rt_support->extensions[class->type],
            &bt_support->extensions[class->type],
            "Extension action", DPIF_SUPPORT_FIELD_bool);
        shash_add_once(fields, class->name, f);
    }
}

#endif /* ofproto-dpif-ext.h */
