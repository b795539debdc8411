/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "unixctl-view.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "unixctl.h"
#include "util.h"

/* Takes the value of --format.  Returns what is wrong with it, for the caller
 * to free, or null. */
static char *
parse_format(struct unixctl_view *view, const char *format)
{
    if (!format) {
        return xstrdup("--format: a format, json or text, is missing");
    } else if (strcmp(format, "json") && strcmp(format, "text")) {
        return xasprintf("--format=%s: formats are json and text", format);
    }
    view->wants_json = !strcmp(format, "json");
    return NULL;
}

/* Splits 'argv' into options and arguments.  Returns what is wrong, for the
 * caller to free, or null. */
static char *
parse_words(struct unixctl_view *view, int argc, const char *argv[])
{
    bool options = true;
    char *error = NULL;

    for (int i = 1; i < argc && !error; i++) {
        const char *word = argv[i];

        if (!options || word[0] != '-') {
            view->args[view->n_args++] = word;
        } else if (!strcmp(word, "--")) {
            options = false;
        } else if (!strcmp(word, "--json")) {
            view->wants_json = true;
        } else if (!strcmp(word, "--format")) {
            i++;
            error = parse_format(view, i < argc ? argv[i] : NULL);
        } else if (!strncmp(word, "--format=", 9)) {
            error = parse_format(view, word + 9);
        } else {
            error = xasprintf("%s: options are --json and --format=json|text",
                              word);
        }
    }
    return error;
}

/* Returns what is wrong with the number of arguments, for the caller to free,
 * or null. */
static char *
check_args(const struct unixctl_view_class *class,
           const struct unixctl_view *view)
{
    if (view->n_args < class->min_args) {
        return xasprintf("\"%s\" needs more arguments: %s", class->name,
                         class->usage);
    } else if (view->n_args > class->max_args) {
        return xasprintf("%s: \"%s\" takes no such argument: %s",
                         view->args[class->max_args], class->name,
                         class->usage);
    }
    return NULL;
}

static void
view_cb(struct unixctl_conn *conn, int argc, const char *argv[], void *class_)
{
    const struct unixctl_view_class *class = class_;
    struct unixctl_view view = {
        .args = xcalloc(argc, sizeof *view.args),
        .text = DS_EMPTY_INITIALIZER,
    };
    char *error = parse_words(&view, argc, argv);

    if (!error) {
        error = check_args(class, &view);
    }
    if (!error) {
        error = class->show(&view);
    }
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        if (view.wants_json) {
            ds_clear(&view.text);
            json_to_ds(view.json, JSSF_SORT, &view.text);
            ds_put_char(&view.text, '\n');
        }
        unixctl_command_reply(conn, ds_cstr(&view.text));
    }
    json_destroy(view.json);
    ds_destroy(&view.text);
    free(view.args);
}

void
unixctl_view_register(const struct unixctl_view_class *class)
{
    unixctl_command_register(class->name, class->usage, 0, INT_MAX, view_cb,
                             CONST_CAST(struct unixctl_view_class *, class));
}
