/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_DPIF_EXT_H
#define OFPROTO_DPIF_EXT_H 1

/* Support for extension actions in a datapath, for ofproto-dpif.c, the only
 * file that includes this: it needs that file's static functions and types.
 *
 * Support is probed when a datapath is opened, extension by extension, and
 * each can be switched by "ovs-appctl dpif/set-dp-features BRIDGE NAME", its
 * options by NAME.OPTION.
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

/* Does the datapath take the action, with 'option' if that is one of its
 * options? */
static bool
probe_extension(struct dpif_backer *backer,
                const struct odp_extension_class *class, size_t option)
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
    void *payload;

    memset(&flow, 0, sizeof flow);
    ofpbuf_init(&actions, 64);
    payload = odp_extension_put(&actions, class);
    class->probe(&flow, payload);
    if (option < odp_extension_n_options(class)) {
        class->set_option(payload, option);
    }
    ofpbuf_use_stack(&key, &keybuf, sizeof keybuf);
    odp_flow_key_from_flow(&odp_parms, &key);

    supported = dpif_probe_feature(backer->dpif, class->name, &key, &actions,
                                   NULL);
    ofpbuf_uninit(&actions);
    return supported;
}

static void
check_extension(struct dpif_backer *backer,
                const struct odp_extension_class *class,
                struct odp_extension_support *support)
{
    const char *otherwise = (class->execute || class->slow_suffices
                             ? "it takes the slow path"
                             : "packets that come to it are dropped");
    struct ds lacking = DS_EMPTY_INITIALIZER;

    support->action = probe_extension(backer, class, SIZE_MAX);
    VLOG_INFO("%s: Datapath %s %s action%s%s", dpif_name(backer->dpif),
              support->action ? "supports" : "does not support", class->name,
              support->action ? "" : ": ", support->action ? "" : otherwise);
    for (size_t i = 0; i < odp_extension_n_options(class); i++) {
        support->options[i] = (support->action
                               && probe_extension(backer, class, i));
        if (support->action && !support->options[i]) {
            ds_put_format(&lacking, "%s%s", lacking.length ? ", " : "",
                          class->options[i]);
        }
    }
    if (lacking.length) {
        VLOG_INFO("%s: Datapath does not support %s action with %s: %s",
                  dpif_name(backer->dpif), class->name, ds_cstr(&lacking),
                  otherwise);
    }
    ds_destroy(&lacking);
}

static void
check_extensions(struct dpif_backer *backer)
{
    const struct odp_extension_class *class = NULL;

    simap_increase(&n_opened, backer->type, 1);
    while ((class = odp_extension_next(class))) {
        check_extension(backer, class,
                        &backer->rt_support.extensions[class->type]);
    }
}

static void
show_extension_support(const struct dpif_backer_support *support,
                       struct ds *ds)
{
    const struct odp_extension_class *class = NULL;

    while ((class = odp_extension_next(class))) {
        const struct odp_extension_support *have
            = &support->extensions[class->type];
        char *title = xasprintf("Extension %s action", class->name);

        show_dp_feature_bool(ds, title, have->action);
        free(title);
        for (size_t i = 0; i < odp_extension_n_options(class); i++) {
            title = xasprintf("Extension %s action with %s", class->name,
                              class->options[i]);
            show_dp_feature_bool(ds, title, have->options[i]);
            free(title);
        }
    }
}

static void
add_extension_switch(bool *rt_ptr, const bool *bt_ptr, const char *name,
                     const char *title, struct shash *fields)
{
    struct dpif_support_field *f = xmalloc(sizeof *f);

    *f = DPIF_SUPPORT_FIELD_INTIALIZER(rt_ptr, bt_ptr, title,
                                       DPIF_SUPPORT_FIELD_bool);
    shash_add_once(fields, name, f);
}

/* Adds the switches of the extensions to 'fields': NAME, and NAME.OPTION. */
static void
add_extension_support(struct dpif_backer_support *rt_support,
                      const struct dpif_backer_support *bt_support,
                      struct shash *fields)
{
    const struct odp_extension_class *class = NULL;

    while ((class = odp_extension_next(class))) {
        struct odp_extension_support *rt
            = &rt_support->extensions[class->type];
        const struct odp_extension_support *bt
            = &bt_support->extensions[class->type];

        add_extension_switch(&rt->action, &bt->action, class->name,
                             "Extension action", fields);
        for (size_t i = 0; i < odp_extension_n_options(class); i++) {
            char *name = xasprintf("%s.%s", class->name, class->options[i]);

            add_extension_switch(&rt->options[i], &bt->options[i], name,
                                 "Option of extension action", fields);
            free(name);
        }
    }
}

#endif /* ofproto-dpif-ext.h */
