/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_EXT_H
#define DPCTL_EXT_H 1

/* The part of the door for dpctl commands that needs static functions of
 * dpctl.c, which includes this file once, below its table of commands. */

#include "dpctl-show.h"
#include "dpif-extension.h"
#include "openvswitch/json.h"
#include "ovs-thread.h"

/* All commands: upstream's, with those of extensions before the record that
 * ends the table. */
static const struct dpctl_command *
dpctl_ext_commands(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static struct dpctl_command *commands;

    if (ovsthread_once_start(&once)) {
        size_t n_upstream = ARRAY_SIZE(all_commands) - 1;
        size_t n_ours = dpctl_extension_n_commands();

        commands = xcalloc(n_upstream + n_ours + 1, sizeof *commands);
        memcpy(commands, all_commands, n_upstream * sizeof *commands);
        for (size_t i = 0; i < n_ours; i++) {
            const struct dpctl_extension_command *c;

            /* dpctl_ext_run() checks how many arguments there are: the
             * control socket counts options as arguments. */
            c = dpctl_extension_command(i);
            commands[n_upstream + i] = (struct dpctl_command) {
                .name = c->name,
                .usage = c->usage,
                .max_args = INT_MAX,
                .handler = c->run,
                .mode = c->writes ? DP_RW : DP_RO,
            };
        }
        ovsthread_once_done(&once);
    }
    return commands;
}

bool
dpctl_command_accepts(const char *name, int n_args)
{
    const struct dpctl_extension_command *ours = dpctl_extension_find(name);

    if (ours) {
        return n_args >= ours->min_args && n_args <= ours->max_args;
    }
    for (const struct dpctl_command *c = all_commands; c->name; c++) {
        if (!strcmp(c->name, name)) {
            return n_args >= c->min_args && n_args <= c->max_args;
        }
    }
    return false;
}

static int
dpctl_ext_check(const char *name, int n_args, struct dpctl_params *dpctl_p)
{
    const struct dpctl_extension_command *c = dpctl_extension_find(name);

    if (dpctl_p->ext.json && !dpctl_command_has_json(name)) {
        dpctl_error(dpctl_p, 0, "'%s' command does not support --json", name);
        return EINVAL;
    }
    if (dpctl_p->ext.ring && (c || strcmp(name, "dump-flows"))) {
        dpctl_error(dpctl_p, 0, "'%s' command does not support --ring", name);
        return EINVAL;
    }
    for (enum dpctl_extension_option i = 0; i < DPCTL_N_OPTIONS; i++) {
        if (dpctl_p->ext.options[i] && !(c && c->options & 1u << i)) {
            bool has_value;

            dpctl_error(dpctl_p, 0, "'%s' command does not support --%s",
                        name, dpctl_option_name(i, &has_value));
            return EINVAL;
        }
    }
    if (c && n_args < c->min_args) {
        dpctl_error(dpctl_p, 0, "'%s' command requires at least %d arguments",
                    name, c->min_args);
        return EINVAL;
    }
    if (c && n_args > c->max_args) {
        dpctl_error(dpctl_p, 0, "'%s' command takes at most %d arguments",
                    name, c->max_args);
        return EINVAL;
    }
    return 0;
}

/* Runs 'handler' for the command 'argv[0]', with or without "dpctl/". */
static int
dpctl_ext_run(dpctl_command_handler *handler, int argc, const char *argv[],
              struct dpctl_params *dpctl_p)
{
    const char *prefix = "dpctl/";
    size_t len = strlen(prefix);
    const char *name = argv[0] + (strncmp(argv[0], prefix, len) ? 0 : len);
    int error = dpctl_ext_check(name, argc - 1, dpctl_p);

    if (error) {
        return error;
    }
    if (dpctl_p->ext.ring) {
        dpif_want_ring_dumps(true);
        error = handler(argc, argv, dpctl_p);
        dpif_want_ring_dumps(false);
        return error;
    }
    if (!dpctl_p->ext.json) {
        return handler(argc, argv, dpctl_p);
    }

    dpctl_p->ext.reply = json_object_create();
    error = handler(argc, argv, dpctl_p);
    if (dpctl_p->ext.more_input && !error) {
        /* The last part is answered. */
    } else if (!error || dpctl_p->ext.reply->type != JSON_OBJECT
               || !shash_is_empty(json_object(dpctl_p->ext.reply))) {
        char *s = json_to_string(dpctl_p->ext.reply, JSSF_SORT);

        dpctl_print(dpctl_p, "%s\n", s);
        free(s);
    }
    json_destroy(dpctl_p->ext.reply);
    dpctl_p->ext.reply = NULL;
    return error;
}

static bool
dp_is_type(const char *type)
{
    struct sset types = SSET_INITIALIZER(&types);
    bool found;

    dp_enumerate_types(&types);
    found = sset_contains(&types, type);
    sset_destroy(&types);
    return found;
}

int
dpctl_extension_open(int argc, const char *argv[],
                     struct dpctl_params *dpctl_p, struct dpif **dpifp,
                     int *nextp)
{
    bool named = dp_arg_exists(argc, argv);
    char *dp = named ? xstrdup(argv[1]) : NULL;
    int error;

    if (!named && argc > 1 && strchr(argv[1], '@')) {
        char *name, *type;

        dp_parse_name(argv[1], &name, &type);
        free(name);
        named = dp_is_type(type);
        free(type);
        if (named) {
            dpctl_error(dpctl_p, ENODEV, "opening datapath %s failed",
                        argv[1]);
            return ENODEV;
        }
    }

    if (!dp) {
        dp = get_one_dp(dpctl_p);
        if (!dp) {
            return EINVAL;
        }
    }
    error = parsed_dpif_open(dp, false, dpifp);
    if (error) {
        dpctl_error(dpctl_p, error, "opening datapath %s failed", dp);
    } else {
        *nextp = named ? 2 : 1;
    }
    free(dp);
    return error;
}

void
dpctl_extension_print(struct dpctl_params *dpctl_p, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    dpctl_puts(dpctl_p, false, s);
    free(s);
}

void
dpctl_extension_error(struct dpctl_params *dpctl_p, int error,
                      const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    dpctl_error(dpctl_p, error, "%s", s);
    free(s);
}

#endif /* dpctl-ext.h */
