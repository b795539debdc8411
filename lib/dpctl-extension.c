/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpctl-extension.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

/* The registry: one line an extension.  The last place is for a test. */
static const struct dpctl_extension_class *classes[] = {
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
           "  --json                      print JSON\n"
           "\nOption for userspace datapaths, which ovs-vswitchd has:\n"
           "  --target=TARGET             pidfile or socket of ovs-vswitchd\n"
           "                              (default: ovs-vswitchd)\n");
}
