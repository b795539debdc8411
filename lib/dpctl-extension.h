/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPCTL_EXTENSION_H
#define DPCTL_EXTENSION_H 1

/* The door for dpctl commands of extensions.
 *
 * A class brings commands; each is "ovs-appctl dpctl/NAME" and "ovs-dpctl
 * NAME" alike.  Only the thread that runs the commands, which is the main one
 * in ovs-vswitchd, may call the functions below.  The registry is constant
 * once main() runs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct dpctl_params;
struct dpif;
struct ds;
struct json;

/* Where a command has the name of its datapath, which says whether ovs-dpctl
 * runs it or has it run by the ovs-vswitchd that the datapath is in. */
enum dpctl_datapath {
    DPCTL_DP_OPTIONAL,          /* First argument; default is the only one. */
    DPCTL_DP_REQUIRED,          /* First argument. */
    DPCTL_DP_ALL,               /* All arguments; default is every one. */
    DPCTL_DP_NONE,              /* Needs no datapath. */
};

/* Options that only commands of extensions have. */
enum dpctl_extension_option {
    DPCTL_OPTION_MAY_EXIST,     /* --may-exist */
    DPCTL_OPTION_REPLACE,       /* --replace */
    DPCTL_OPTION_FROM,          /* --from=PLACE */
    DPCTL_OPTION_MAX,           /* --max=NUMBER */
    DPCTL_N_OPTIONS
};

struct dpctl_extension_command {
    const char *name;           /* Without "dpctl/". */
    const char *usage;          /* The arguments, e.g. "[dp] entry". */
    int min_args;               /* Without the name and without options. */
    int max_args;
    enum dpctl_datapath datapath;
    bool writes;                /* Refused if --read-only is given? */
    bool json;                  /* Has an answer to --json? */
    unsigned int options;       /* 1u << DPCTL_OPTION_* that it takes. */

    /* Runs the command: 'argv[0]' is its name, options are in the
     * parameters.  Returns 0 or a positive errno value, after it has told
     * what is wrong by dpctl_extension_error().
     *
     * With --json, 'ext.reply' of the parameters is an empty object, which the
     * function fills, or replaces by json that is then the caller's; it is
     * printed afterwards. */
    int (*run)(int argc, const char *argv[], struct dpctl_params *);

    /* Is the last argument the name of a file, which is wanted as a whole?  It
     * may come in parts; see struct dpctl_extension_params. */
    bool reads_file;
};

struct dpctl_extension_class {
    const struct dpctl_extension_command *commands;
    size_t n_commands;
};

/* What extensions add to struct dpctl_params. */
struct dpctl_extension_params {
    bool json;                  /* --json: print JSON? */
    bool ring;                  /* --ring: have flows by shared memory? */
    struct json *reply;         /* Under construction; nonnull with --json. */
    const char *target;         /* --target: whom ovs-dpctl asks, or NULL. */
    const char *options[DPCTL_N_OPTIONS]; /* Values of options, "" of those
                                           * that have none, NULL if absent. */

    /* Text that stands for the file that the arguments name, or NULL, and the
     * number of lines of that file that came before. */
    const char *input;
    int n_input_lines;

    /* A command that wants the whole file gets all parts of it with the same
     * number 'input_id', which is otherwise 0.  The last part, only that one,
     * lacks 'more_input'. */
    uint64_t input_id;
    bool more_input;
};

/* Opens the datapath for a command with an optional one: that which 'argv[1]'
 * names, or else the only one that exists.  On success stores it in '*dpifp',
 * for the caller to close, and in '*nextp' the index of the first argument
 * after the datapath.  Returns 0 or a positive errno value; the user has been
 * told about the error. */
int dpctl_extension_open(int argc, const char *argv[], struct dpctl_params *,
                         struct dpif **dpifp, int *nextp);

/* Prints output, and an error with a reason unless 'error' is 0; the latter
 * without a new-line at the end. */
void dpctl_extension_print(struct dpctl_params *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void dpctl_extension_error(struct dpctl_params *, int error,
                           const char *format, ...) OVS_PRINTF_FORMAT(3, 4);

/* For Open vSwitch itself. */

/* Iteration over all commands of all classes, in the order of the registry. */
size_t dpctl_extension_n_commands(void);
const struct dpctl_extension_command *dpctl_extension_command(size_t i);

/* Returns the extension command 'name', or NULL. */
const struct dpctl_extension_command *dpctl_extension_find(const char *name);

/* Is 'name' a command, of Open vSwitch or of an extension, and does it take
 * that many arguments? */
bool dpctl_command_accepts(const char *name, int n_args);

/* Where has the command 'name' its datapath? */
enum dpctl_datapath dpctl_command_datapath(const char *name);

/* May the command 'name' be given --json? */
bool dpctl_command_has_json(const char *name);

/* Returns the name of 'option' without "--", and whether it has a value. */
const char *dpctl_option_name(enum dpctl_extension_option option,
                              bool *has_value);

/* --format: "json" is as --json, "text" as nothing.  Returns false if it is
 * something else. */
bool dpctl_extension_set_format(struct dpctl_params *, const char *format);

/* Takes the options of an extension's command out of 'argv[1]' and following,
 * wherever they are, by moving them to the end and adjusting '*argcp'; those
 * that upstream's commands have, too, come first afterwards.  Does nothing for
 * commands of upstream's.  Returns false, with a message in 's', if a value is
 * missing or bad. */
bool dpctl_extension_take_options(int *argcp, const char *argv[],
                                  struct dpctl_params *, struct ds *s);

/* Adds 'class' to the registry: for a test, once, before main(). */
void dpctl_extension_register_for_test(const struct dpctl_extension_class *);

/* Options of ovs-dpctl, in the manner of those of vlog. */
#define DPCTL_EXTENSION_OPTION_ENUMS            \
    OPT_DPCTL_JSON,                             \
    OPT_DPCTL_FORMAT,                           \
    OPT_DPCTL_TARGET,                           \
    OPT_DPCTL_RING,                             \
    OPT_DPCTL_MAY_EXIST,                        \
    OPT_DPCTL_REPLACE,                          \
    OPT_DPCTL_FROM,                             \
    OPT_DPCTL_MAX

#define DPCTL_EXTENSION_LONG_OPTIONS                            \
    {"json", no_argument, NULL, OPT_DPCTL_JSON},                \
    {"format", required_argument, NULL, OPT_DPCTL_FORMAT},      \
    {"target", required_argument, NULL, OPT_DPCTL_TARGET},      \
    {"ring", no_argument, NULL, OPT_DPCTL_RING},                \
    {"may-exist", no_argument, NULL, OPT_DPCTL_MAY_EXIST},      \
    {"replace", no_argument, NULL, OPT_DPCTL_REPLACE},          \
    {"from", required_argument, NULL, OPT_DPCTL_FROM},          \
    {"max", required_argument, NULL, OPT_DPCTL_MAX}

#define DPCTL_EXTENSION_OPTION_HANDLERS(PARAMS)                         \
    case OPT_DPCTL_JSON:                                                \
        (PARAMS)->ext.json = true;                                      \
        break;                                                          \
    case OPT_DPCTL_FORMAT:                                              \
        if (!dpctl_extension_set_format(PARAMS, optarg)) {              \
            ovs_fatal(0, "--format=%s: formats are json and text", optarg); \
        }                                                               \
        break;                                                          \
    case OPT_DPCTL_TARGET:                                              \
        (PARAMS)->ext.target = optarg;                                  \
        break;                                                          \
    case OPT_DPCTL_RING:                                                \
        (PARAMS)->ext.ring = true;                                      \
        break;                                                          \
    case OPT_DPCTL_MAY_EXIST:                                           \
        (PARAMS)->ext.options[DPCTL_OPTION_MAY_EXIST] = "";             \
        break;                                                          \
    case OPT_DPCTL_REPLACE:                                             \
        (PARAMS)->ext.options[DPCTL_OPTION_REPLACE] = "";               \
        break;                                                          \
    case OPT_DPCTL_FROM:                                                \
        (PARAMS)->ext.options[DPCTL_OPTION_FROM] = optarg;              \
        break;                                                          \
    case OPT_DPCTL_MAX:                                                 \
        (PARAMS)->ext.options[DPCTL_OPTION_MAX] = optarg;               \
        break;

/* Prints on stdout what ovs-dpctl's --help says about them. */
void dpctl_extension_usage(void);

#endif /* dpctl-extension.h */
