/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpctl-extension.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpctl-ila.h"
#include "dpctl.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* The registry: one line an extension.  The last place is for a test. */
static const struct dpctl_extension_class *classes[] = {
    &dpctl_ila_class,
    NULL,
};

/* Upstream's commands that differ from most, which have an optional datapath
 * as first argument and no answer to --json. */
static const struct {
    const char *name;
    enum dpctl_datapath datapath;
    bool json;
} upstream_commands[] = {
    { "add-dp", DPCTL_DP_REQUIRED, false },
    { "del-dp", DPCTL_DP_REQUIRED, false },
    { "add-if", DPCTL_DP_REQUIRED, false },
    { "del-if", DPCTL_DP_REQUIRED, false },
    { "set-if", DPCTL_DP_REQUIRED, false },
    { "cache-set-size", DPCTL_DP_REQUIRED, false },
    { "dump-dps", DPCTL_DP_ALL, false },
    { "show", DPCTL_DP_ALL, true },
    { "cache-get-size", DPCTL_DP_ALL, false },
    { "help", DPCTL_DP_NONE, false },
    { "list-commands", DPCTL_DP_NONE, false },
    { "parse-actions", DPCTL_DP_NONE, false },
    { "normalize-actions", DPCTL_DP_NONE, false },
};

size_t
dpctl_extension_n_commands(void)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        n += classes[i] ? classes[i]->n_commands : 0;
    }
    return n;
}

const struct dpctl_extension_command *
dpctl_extension_command(size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (classes[i]) {
            if (n < classes[i]->n_commands) {
                return &classes[i]->commands[n];
            }
            n -= classes[i]->n_commands;
        }
    }
    OVS_NOT_REACHED();
}

const struct dpctl_extension_command *
dpctl_extension_find(const char *name)
{
    for (size_t i = 0; i < dpctl_extension_n_commands(); i++) {
        const struct dpctl_extension_command *c = dpctl_extension_command(i);

        if (!strcmp(c->name, name)) {
            return c;
        }
    }
    return NULL;
}

enum dpctl_datapath
dpctl_command_datapath(const char *name)
{
    const struct dpctl_extension_command *c = dpctl_extension_find(name);

    for (size_t i = 0; i < ARRAY_SIZE(upstream_commands); i++) {
        if (!strcmp(upstream_commands[i].name, name)) {
            return upstream_commands[i].datapath;
        }
    }
    return c ? c->datapath : DPCTL_DP_OPTIONAL;
}

bool
dpctl_command_has_json(const char *name)
{
    const struct dpctl_extension_command *c = dpctl_extension_find(name);

    for (size_t i = 0; i < ARRAY_SIZE(upstream_commands); i++) {
        if (!strcmp(upstream_commands[i].name, name)) {
            return upstream_commands[i].json;
        }
    }
    return c && c->json;
}

const char *
dpctl_option_name(enum dpctl_extension_option option, bool *has_value)
{
    static const struct {
        const char *name;
        bool has_value;
    } options[DPCTL_N_OPTIONS] = {
        [DPCTL_OPTION_MAY_EXIST] = { "may-exist", false },
        [DPCTL_OPTION_REPLACE] = { "replace", false },
        [DPCTL_OPTION_FROM] = { "from", true },
        [DPCTL_OPTION_MAX] = { "max", true },
    };

    *has_value = options[option].has_value;
    return options[option].name;
}

bool
dpctl_extension_set_format(struct dpctl_params *dpctl_p, const char *format)
{
    if (strcmp(format, "json") && strcmp(format, "text")) {
        return false;
    }
    dpctl_p->ext.json = !strcmp(format, "json");
    return true;
}

/* Is 'arg' "--NAME" or, if it has a value, "--NAME=VALUE"?  The latter gives
 * '*value', which otherwise is NULL. */
static bool
is_option(const char *arg, const char *name, const char **value)
{
    size_t len = strlen(name);

    *value = NULL;
    if (strncmp(arg, "--", 2) || strncmp(arg + 2, name, len)) {
        return false;
    }
    arg += 2 + len;
    if (*arg == '=') {
        *value = arg + 1;
    }
    return !*arg || *arg == '=';
}

/* Takes the option 'argv[i]' of an extension's command and returns the number
 * of arguments it consists of, 0 if it is none of those, -1 on error. */
static int
take_option(int argc, const char *argv[], int i,
            struct dpctl_params *dpctl_p, struct ds *s)
{
    const char **options = dpctl_p->ext.options;
    const char *name = "format";
    bool has_value = true;
    const char *value;
    bool is_format = is_option(argv[i], name, &value);
    size_t o;

    for (o = 0; !is_format && o < DPCTL_N_OPTIONS; o++) {
        name = dpctl_option_name(o, &has_value);
        if (is_option(argv[i], name, &value)) {
            break;
        }
    }
    if (!is_format && o >= DPCTL_N_OPTIONS) {
        return 0;
    }

    int n = 1;

    if (!has_value && value) {
        ds_put_format(s, "%s: --%s takes no value", argv[i], name);
        return -1;
    } else if (has_value && !value) {
        if (i + 1 >= argc) {
            ds_put_format(s, "%s lacks a value", argv[i]);
            return -1;
        }
        value = argv[i + 1];
        n = 2;
    }

    if (!is_format) {
        options[o] = has_value ? value : "";
    } else if (!dpctl_extension_set_format(dpctl_p, value)) {
        ds_put_format(s, "--format=%s: formats are json and text", value);
        return -1;
    }
    return n;
}

/* Where an argument goes. */
enum place {
    PLACE_FRONT,                /* Options that upstream's commands have. */
    PLACE_ARGUMENT,
    PLACE_TAKEN,                /* At the end, out of sight. */
    N_PLACES
};

bool
dpctl_extension_take_options(int *argcp, const char *argv[],
                             struct dpctl_params *dpctl_p, struct ds *s)
{
    const char *slash = strchr(argv[0], '/');
    enum place *places;
    const char **args;
    int argc = *argcp;
    int i = 1;
    int n = 1;

    if (!dpctl_extension_find(slash ? slash + 1 : argv[0])) {
        return true;
    }

    places = xmalloc(argc * sizeof *places);
    while (i < argc) {
        int taken = take_option(argc, argv, i, dpctl_p, s);

        if (taken < 0) {
            free(places);
            return false;
        } else if (taken) {
            while (taken--) {
                places[i++] = PLACE_TAKEN;
            }
        } else {
            places[i] = (argv[i][0] == '-' && argv[i][1]
                         ? PLACE_FRONT : PLACE_ARGUMENT);
            i++;
        }
    }

    /* 'argv' keeps all its strings, as its owner frees them. */
    args = xmemdup(argv, argc * sizeof *args);
    for (enum place place = 0; place < N_PLACES; place++) {
        if (place == PLACE_TAKEN) {
            *argcp = n;
        }
        for (i = 1; i < argc; i++) {
            if (places[i] == place) {
                argv[n++] = args[i];
            }
        }
    }
    free(args);
    free(places);
    return true;
}

void
dpctl_extension_register_for_test(const struct dpctl_extension_class *class)
{
    classes[ARRAY_SIZE(classes) - 1] = class;
}

void
dpctl_extension_usage(void)
{
    if (dpctl_extension_n_commands()) {
        printf("\nCommands of extensions:\n");
        for (size_t i = 0; i < dpctl_extension_n_commands(); i++) {
            const struct dpctl_extension_command *c;

            c = dpctl_extension_command(i);
            printf("  %s %s\n", c->name, c->usage);
        }
    }
    printf("\nOptions for show and commands of extensions:\n"
           "  --json, --format=json       print JSON\n"
           "\nOption for userspace datapaths, which ovs-vswitchd has:\n"
           "  --target=TARGET             pidfile or socket of ovs-vswitchd\n"
           "                              (default: ovs-vswitchd)\n"
           "\nOption for dump-flows:\n"
           "  --ring                      have flows by shared memory\n");
}
