/* SPDX-License-Identifier: Apache-2.0 */

#ifndef UNIXCTL_VIEW_H
#define UNIXCTL_VIEW_H 1

/* Commands of ovs-appctl that show something, as text or as JSON.
 *
 * All of them take the same options, before, between or after their arguments,
 * of which the last one counts:
 *
 *     --json, --format=json, --format json     JSON
 *     --format=text, --format text             text, as without any
 *     --                                       no option follows
 *
 * Anything else that begins with "-" is refused by name.
 *
 * Thread-safety: for the main thread, as unixctl.h. */

#include <stdbool.h>

#include "openvswitch/dynamic-string.h"

struct json;

/* A command that is to be answered. */
struct unixctl_view {
    /* Its arguments, without its name and options. */
    const char **args;
    int n_args;

    /* The answer: 'json', which must not be null then, if 'wants_json',
     * otherwise 'text'.  What is in the other one is of no account. */
    bool wants_json;
    struct json *json;
    struct ds text;
};

struct unixctl_view_class {
    const char *name;           /* "vrf/show". */
    const char *usage;          /* Of options and arguments. */
    int min_args, max_args;     /* Arguments without options. */

    /* Fills in the answer.  Returns null, or what is wrong, for the caller to
     * free; the answer is of no account then. */
    char *(*show)(struct unixctl_view *);
};

/* The class, and what it points to, must stay. */
void unixctl_view_register(const struct unixctl_view_class *);

#endif /* unixctl-view.h */
