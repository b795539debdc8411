/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpctl-remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "dirs.h"
#include "dpctl-ring.h"
#include "dpctl.h"
#include "dpif.h"
#include "entropy.h"
#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "sset.h"
#include "svec.h"
#include "unixctl.h"
#include "util.h"

/* The reply to "dpctl/remote" is
 *
 *    STATUS LENGTH '\n' LENGTH bytes for stdout, bytes for stderr, '\n'
 *
 * where STATUS is 0 or a positive errno value.  STATUS and LENGTH are padded
 * with spaces on the left, so that the header can be written last.  The last
 * new-line is what unixctl would add to a reply that lacks it. */
#define HEADER_FORMAT "%5d %20"PRIu64"\n"
#define HEADER_LEN 27

/* Characters of input that go into one request.  A command that reads much
 * holds ovs-vswitchd up no longer than one request takes. */
#define INPUT_CHUNK 65536

#define REMOTE_COMMAND "dpctl/remote"
#define LIST_COMMAND "dpctl/userspace-dps"

static bool
is_userspace_type(const char *type)
{
    return !strcmp(type, "netdev") || !strcmp(type, "dummy");
}

/* Does 'arg' have the form TYPE@NAME, with the type of a userspace
 * datapath? */
static bool
is_userspace_dp(const char *arg)
{
    const char *at = strchr(arg, '@');
    bool yes = false;

    if (at) {
        char *type = xmemdup0(arg, at - arg);

        yes = is_userspace_type(type);
        free(type);
    }
    return yes;
}

static void OVS_PRINTF_FORMAT(2, 3)
error_line(struct dpctl_params *dpctl_p, const char *format, ...)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    va_list args;

    ds_put_format(&s, "%s: ", program_name);
    va_start(args, format);
    ds_put_format_valist(&s, format, args);
    va_end(args);
    ds_put_char(&s, '\n');
    dpctl_p->output(dpctl_p->aux, true, ds_cstr(&s));
    ds_destroy(&s);
}

/* Options of a request.  Both sides go by this table. */

enum option {
    OPT_STATISTICS,
    OPT_CLEAR,
    OPT_MAY_CREATE,
    OPT_READ_ONLY,
    OPT_NAMES,
    OPT_JSON,
    N_FLAGS,
};

static const char *const flags[N_FLAGS] = {
    [OPT_STATISTICS] = "--statistics",
    [OPT_CLEAR] = "--clear",
    [OPT_MAY_CREATE] = "--may-create",
    [OPT_READ_ONLY] = "--read-only",
    [OPT_NAMES] = "--names",
    [OPT_JSON] = "--json",
};

static bool *
flag_of(struct dpctl_params *dpctl_p, enum option option)
{
    switch (option) {
    case OPT_STATISTICS: return &dpctl_p->print_statistics;
    case OPT_CLEAR: return &dpctl_p->zero_statistics;
    case OPT_MAY_CREATE: return &dpctl_p->may_create;
    case OPT_READ_ONLY: return &dpctl_p->read_only;
    case OPT_NAMES: return &dpctl_p->names;
    case OPT_JSON: return &dpctl_p->ext.json;
    case N_FLAGS: default: OVS_NOT_REACHED();
    }
}

static const char program_option[] = "--program=";
static const char verbosity_option[] = "--verbosity=";
static const char lines_option[] = "--input-lines=";
static const char input_option[] = "--input=";
static const char input_id_option[] = "--input-id=";
static const char more_input_option[] = "--more-input";

static void
put_options(struct svec *request, struct dpctl_params *dpctl_p)
{
    svec_add_nocopy(request, xasprintf("%s%s", program_option, program_name));
    for (enum option i = 0; i < N_FLAGS; i++) {
        if (*flag_of(dpctl_p, i)) {
            svec_add(request, flags[i]);
        }
    }
    for (enum dpctl_extension_option i = 0; i < DPCTL_N_OPTIONS; i++) {
        const char *value = dpctl_p->ext.options[i];
        bool has_value;
        const char *name = dpctl_option_name(i, &has_value);

        if (value) {
            svec_add_nocopy(request, has_value
                            ? xasprintf("--%s=%s", name, value)
                            : xasprintf("--%s", name));
        }
    }
    svec_add_nocopy(request, xasprintf("%s%d", verbosity_option,
                                       dpctl_p->verbosity));
    if (dpctl_p->ext.input) {
        svec_add_nocopy(request, xasprintf("%s%d", lines_option,
                                           dpctl_p->ext.n_input_lines));
        svec_add_nocopy(request, xasprintf("%s%s", input_option,
                                           dpctl_p->ext.input));
        if (dpctl_p->ext.input_id) {
            svec_add_nocopy(request, xasprintf("%s%"PRIu64, input_id_option,
                                               dpctl_p->ext.input_id));
        }
        if (dpctl_p->ext.more_input) {
            svec_add(request, more_input_option);
        }
    }
    svec_add(request, "--");
}

/* If 'arg' starts with 'option', returns the rest, otherwise NULL. */
static const char *
option_value(const char *arg, const char *option)
{
    size_t len = strlen(option);

    return strncmp(arg, option, len) ? NULL : arg + len;
}

/* Parses what put_options() writes for an option of extensions' commands. */
static bool
parse_extension_option(const char *arg, struct dpctl_params *dpctl_p)
{
    for (enum dpctl_extension_option i = 0; i < DPCTL_N_OPTIONS; i++) {
        bool has_value;
        const char *name = dpctl_option_name(i, &has_value);
        size_t len = strlen(name);

        if (!strncmp(arg, "--", 2) && !strncmp(arg + 2, name, len)
            && arg[2 + len] == (has_value ? '=' : '\0')) {
            dpctl_p->ext.options[i] = arg + 2 + len + has_value;
            return true;
        }
    }
    return false;
}

static bool
parse_option(const char *arg, struct dpctl_params *dpctl_p,
             const char **program)
{
    const char *value;

    for (enum option i = 0; i < N_FLAGS; i++) {
        if (!strcmp(arg, flags[i])) {
            *flag_of(dpctl_p, i) = true;
            return true;
        }
    }
    if ((value = option_value(arg, program_option))) {
        *program = value;
        return true;
    } else if ((value = option_value(arg, verbosity_option))) {
        return str_to_int(value, 10, &dpctl_p->verbosity);
    } else if ((value = option_value(arg, lines_option))) {
        return (str_to_int(value, 10, &dpctl_p->ext.n_input_lines)
                && dpctl_p->ext.n_input_lines >= 0);
    } else if ((value = option_value(arg, input_option))) {
        dpctl_p->ext.input = value;
        return true;
    } else if ((value = option_value(arg, input_id_option))) {
        unsigned long long int id;

        if (!str_to_ullong(value, 10, &id)) {
            return false;
        }
        dpctl_p->ext.input_id = id;
        return true;
    } else if (!strcmp(arg, more_input_option)) {
        dpctl_p->ext.more_input = true;
        return true;
    }
    return parse_extension_option(arg, dpctl_p);
}

/* ovs-vswitchd. */

struct reply {
    const char *program;        /* Who asks. */
    struct ds out;              /* Header and output. */
    struct ds errors;
};

static void
reply_output(void *reply_, bool error, const char *s)
{
    struct reply *reply = reply_;
    size_t len = strlen(program_name);

    /* "PROGRAM: " or "PROGRAM(THREAD): ". */
    if (error && !strncmp(s, program_name, len)
        && (s[len] == ':' || s[len] == '(')) {
        ds_put_cstr(&reply->errors, reply->program);
        s = strchr(s + len, ':');
    }
    ds_put_cstr(error ? &reply->errors : &reply->out, s);
}

static void
remote_cb(struct unixctl_conn *conn, int argc, const char *argv[],
          void *aux OVS_UNUSED)
{
    struct reply reply = {
        .program = program_name,
        .out = DS_EMPTY_INITIALIZER,
        .errors = DS_EMPTY_INITIALIZER,
    };
    struct dpctl_params dpctl_p = {
        .is_appctl = true,
        .output = reply_output,
        .aux = &reply,
    };
    char header[HEADER_LEN + 1];
    uint64_t length;
    int error, i;

    for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (!parse_option(argv[i], &dpctl_p, &reply.program)) {
            char *s = xasprintf("%s: bad option \"%.40s\"", argv[0], argv[i]);

            unixctl_command_reply_error(conn, s);
            free(s);
            return;
        }
    }
    i = MIN(i + 1, argc);

    ds_put_char_multiple(&reply.out, ' ', HEADER_LEN);
    error = dpctl_run_command(argc - i, argv + i, &dpctl_p);
    length = reply.out.length - HEADER_LEN;
    snprintf(header, sizeof header, HEADER_FORMAT, error, length);
    memcpy(reply.out.string, header, HEADER_LEN);
    ds_put_buffer(&reply.out, ds_cstr(&reply.errors), reply.errors.length);
    ds_put_char(&reply.out, '\n');

    unixctl_command_reply(conn, ds_cstr(&reply.out));
    ds_destroy(&reply.out);
    ds_destroy(&reply.errors);
}

static void
userspace_dps_cb(struct unixctl_conn *conn, int argc OVS_UNUSED,
                 const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct sset types = SSET_INITIALIZER(&types);
    struct svec dps = SVEC_EMPTY_INITIALIZER;
    const char *type;
    char *s;

    dp_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        struct sset names = SSET_INITIALIZER(&names);
        const char *name;

        if (is_userspace_type(type) && !dp_enumerate_names(type, &names)) {
            SSET_FOR_EACH (name, &names) {
                svec_add_nocopy(&dps, xasprintf("%s@%s", type, name));
            }
        }
        sset_destroy(&names);
    }
    sset_destroy(&types);

    svec_sort(&dps);
    s = svec_join(&dps, "\n", "");
    unixctl_command_reply(conn, s);
    free(s);
    svec_destroy(&dps);
}

void
dpctl_remote_register(void)
{
    unixctl_command_register(REMOTE_COMMAND, NULL, 0, INT_MAX, remote_cb,
                             NULL);
    unixctl_command_register(LIST_COMMAND, NULL, 0, 0, userspace_dps_cb, NULL);
}

FILE *
dpctl_open_input(const struct dpctl_params *dpctl_p, const char *name,
                 int *n_lines)
{
    const char *input = dpctl_p->ext.input;

    if (input) {
        *n_lines += dpctl_p->ext.n_input_lines;
        return fmemopen(CONST_CAST(char *, input), strlen(input), "r");
    }
    return !strcmp(name, "-") ? stdin : fopen(name, "r");
}

/* ovs-dpctl. */

/* The ovs-vswitchd that ovs-dpctl asks. */
struct vswitchd {
    struct jsonrpc *rpc;        /* NULL if it cannot be asked. */
    char *name;                 /* Of the socket. */
    char *problem;              /* Why it cannot be asked, or NULL. */
    struct svec dps;            /* Its userspace datapaths, sorted. */
};

char *
dpctl_target_socket(const char *target, const char *suffix, char **problem)
{
    if (is_file_name_absolute(target)) {
        size_t len = strlen(target);

        if (len > 4 && !strcmp(target + len - 4, ".ctl")) {
            len -= 4;
            return xasprintf("%.*s.%s", (int) len, target, suffix);
        }
        return xstrdup(target);
    }

    char *pidfile = xasprintf("%s/%s.pid", ovs_rundir(), target);
    char *socket = NULL;
    pid_t pid;

    /* read_pidfile() would log what cannot be opened. */
    pid = access(pidfile, R_OK | W_OK) ? -errno : read_pidfile(pidfile);
    if (pid >= 0) {
        socket = xasprintf("%s/%s.%ld.%s", ovs_rundir(), target,
                           (long int) pid, suffix);
    } else if (pid == -ESRCH) {
        *problem = xasprintf("nobody runs who wrote pidfile \"%s\"", pidfile);
    } else {
        *problem = xasprintf("cannot open pidfile \"%s\" (%s)", pidfile,
                             ovs_strerror(-pid));
    }
    free(pidfile);
    return socket;
}

/* Sets '*result', for the caller to free, to the answer; if there is none,
 * sets it to NULL, and 'v' cannot be asked any more. */
static void
vswitchd_transact(struct vswitchd *v, const char *method, struct svec *args,
                  char **result)
{
    char *refusal;
    int error;

    error = unixctl_client_transact(v->rpc, method, args ? args->n : 0,
                                    args ? args->names : NULL, result,
                                    &refusal);
    if (error) {
        v->problem = xasprintf("transaction with \"%s\" failed (%s)", v->name,
                               ovs_retval_to_string(error));
    } else if (refusal) {
        refusal[strcspn(refusal, "\n")] = '\0';
        v->problem = xasprintf("\"%s\" said: %s", v->name, refusal);
        free(refusal);
    }
    if (!*result) {
        jsonrpc_close(v->rpc);
        v->rpc = NULL;
    }
}

static void
vswitchd_open(struct vswitchd *v, const char *target)
{
    char *dps;
    int error;

    *v = (struct vswitchd) { .dps = SVEC_EMPTY_INITIALIZER };
    v->name = dpctl_target_socket(target ? target : "ovs-vswitchd", "ctl",
                                  &v->problem);
    if (!v->name) {
        return;
    }

    error = unixctl_client_create(v->name, &v->rpc);
    if (error) {
        v->problem = xasprintf("cannot connect to \"%s\" (%s)", v->name,
                               ovs_strerror(error));
        return;
    }

    vswitchd_transact(v, LIST_COMMAND, NULL, &dps);
    if (dps) {
        char *save_ptr = NULL;

        for (char *dp = strtok_r(dps, "\n", &save_ptr); dp;
             dp = strtok_r(NULL, "\n", &save_ptr)) {
            svec_add(&v->dps, dp);
        }
        svec_sort(&v->dps);
        free(dps);
    }
}

static void
vswitchd_close(struct vswitchd *v)
{
    jsonrpc_close(v->rpc);
    free(v->name);
    free(v->problem);
    svec_destroy(&v->dps);
}

/* Has 'v' run a command, and prints what comes of it.  Returns 0 or a positive
 * errno value. */
static int
vswitchd_run(struct vswitchd *v, int argc, const char *argv[],
             struct dpctl_params *dpctl_p)
{
    struct svec request = SVEC_EMPTY_INITIALIZER;
    uint64_t length;
    char *result;
    size_t size;
    int status;

    put_options(&request, dpctl_p);
    for (int i = 0; i < argc; i++) {
        svec_add(&request, argv[i]);
    }
    vswitchd_transact(v, REMOTE_COMMAND, &request, &result);
    svec_destroy(&request);
    if (!result) {
        error_line(dpctl_p, "%s", v->problem);
        return EPROTO;
    }

    size = strlen(result);
    if (size < HEADER_LEN + 1
        || !ovs_scan(result, " %d %"SCNu64, &status, &length)
        || length > size - HEADER_LEN - 1) {
        error_line(dpctl_p, "\"%s\" gave an answer that makes no sense",
                   v->name);
        status = EPROTO;
    } else {
        char *out = result + HEADER_LEN;
        char *errors = xmemdup0(out + length, size - HEADER_LEN - length - 1);

        out[length] = '\0';
        if (length) {
            dpctl_p->output(dpctl_p->aux, false, out);
        }
        if (errors[0]) {
            dpctl_p->output(dpctl_p->aux, true, errors);
        }
        free(errors);
    }
    free(result);
    return status;
}

/* Files that commands read.  ovs-vswitchd has another working directory, and
 * perhaps other rights, so that ovs-dpctl reads them. */

/* Returns the index of the argument that names a file, or 0. */
static int
file_argument(const struct vswitchd *v, int argc, const char *argv[])
{
    const struct dpctl_extension_command *c = dpctl_extension_find(argv[0]);
    bool reads = (!strcmp(argv[0], "add-flows")
                  || !strcmp(argv[0], "mod-flows")
                  || (c && c->reads_file));

    if (!strcmp(argv[0], "del-flows")) {
        reads = (argc > 2
                 || (argc == 2 && !svec_contains(&v->dps, argv[1])));
    }
    return reads && argc > 1 ? argc - 1 : 0;
}

/* Appends to 'buffer', which has no whole line, what can be read from 'fd'
 * until there is one; that is as soon as there is input.  Returns the number
 * of characters up to the end of the last line, at the end of the file all of
 * them; or a negative errno value. */
static ssize_t
read_lines(int fd, struct ds *buffer)
{
    for (;;) {
        char *new;
        ssize_t n;

        ds_reserve(buffer, buffer->length + INPUT_CHUNK);
        new = buffer->string + buffer->length;
        do {
            n = read(fd, new, INPUT_CHUNK);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            return -errno;
        } else if (!n) {
            return buffer->length;
        }
        buffer->length += n;
        buffer->string[buffer->length] = '\0';

        for (char *p = new + n - 1; p >= new; p--) {
            if (*p == '\n') {
                return p + 1 - buffer->string;
            }
        }
    }
}

static int
vswitchd_run_on_fd(struct vswitchd *v, int argc, const char *argv[], int fd,
                   const char *file_name, struct dpctl_params *dpctl_p)
{
    const struct dpctl_extension_command *c = dpctl_extension_find(argv[0]);
    bool whole = c && c->reads_file;
    struct ds buffer = DS_EMPTY_INITIALIZER;
    bool first = true;
    int status = 0;

    dpctl_p->ext.n_input_lines = 0;
    while (whole && !dpctl_p->ext.input_id) {
        get_entropy_or_die(&dpctl_p->ext.input_id,
                           sizeof dpctl_p->ext.input_id);
    }
    for (;;) {
        ssize_t n = read_lines(fd, &buffer);
        char *lines;

        if (n < 0) {
            error_line(dpctl_p, "reading \"%s\" failed (%s)", file_name,
                       ovs_strerror(-n));
            status = -n;
            break;
        } else if (n && memchr(buffer.string, '\0', n)) {
            error_line(dpctl_p, "\"%s\" has a null byte after line %d",
                       file_name, dpctl_p->ext.n_input_lines);
            status = EINVAL;
            break;
        } else if (!n && !first && !whole) {
            break;
        }
        first = false;
        dpctl_p->ext.more_input = whole && n;

        /* An empty file is worth a request, too, as the rest of the command
         * may be wrong. */
        lines = n ? xmemdup0(buffer.string, n) : xstrdup("\n");
        dpctl_p->ext.input = lines;
        status = vswitchd_run(v, argc, argv, dpctl_p);
        dpctl_p->ext.input = NULL;
        for (const char *p = lines; (p = strchr(p, '\n')); p++) {
            dpctl_p->ext.n_input_lines++;
        }
        free(lines);
        if (status || !n) {
            break;
        }

        buffer.length -= n;
        memmove(buffer.string, buffer.string + n, buffer.length + 1);
    }
    ds_destroy(&buffer);
    return status;
}

/* As vswitchd_run(), with the file that an argument names. */
static int
vswitchd_run_on_file(struct vswitchd *v, int argc, const char *argv[],
                     struct dpctl_params *dpctl_p)
{
    int file = file_argument(v, argc, argv);
    int fd, status;

    if (!file) {
        return vswitchd_run(v, argc, argv, dpctl_p);
    }

    fd = (strcmp(argv[file], "-")
          ? open(argv[file], O_RDONLY) : dup(STDIN_FILENO));
    if (fd < 0) {
        status = errno;
        error_line(dpctl_p, "Opening file \"%s\" failed (%s)", argv[file],
                   ovs_strerror(status));
        return status;
    }
    status = vswitchd_run_on_fd(v, argc, argv, fd, argv[file], dpctl_p);
    close(fd);
    return status;
}

/* Who runs a command. */

/* Keeps 'module' from telling the user about what is no trouble, unless asked
 * for every detail; returns the level to go back to. */
static enum vlog_level
hush(struct vlog_module *module)
{
    enum vlog_level level = vlog_get_level(module, VLF_CONSOLE);

    if (level < VLL_DBG) {
        vlog_set_levels(module, VLF_CONSOLE, MIN(level, VLL_ERR));
    }
    return level;
}

/* Does the kernel have a datapath?  To lack the module is no trouble. */
static bool
kernel_has_dps(void)
{
    static const char *const names[] = { "dpif", "dpif_netlink" };
    struct vlog_module *modules[ARRAY_SIZE(names)];
    enum vlog_level levels[ARRAY_SIZE(names)];
    struct sset dps = SSET_INITIALIZER(&dps);
    bool some;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        modules[i] = vlog_module_from_name(names[i]);
        levels[i] = modules[i] ? hush(modules[i]) : VLL_OFF;
    }
    some = !dp_enumerate_names("system", &dps) && !sset_is_empty(&dps);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (modules[i]) {
            vlog_set_levels(modules[i], VLF_CONSOLE, levels[i]);
        }
    }
    sset_destroy(&dps);
    return some;
}

/* A command that names one datapath, or means the only one. */
static int
run_on_one(struct vswitchd *v, int argc, const char *argv[],
           struct dpctl_params *dpctl_p)
{
    bool named = argc > 1 && is_userspace_dp(argv[1]);
    int error;

    if (named ? v->problem != NULL : !v->dps.n) {
        if (named) {
            error_line(dpctl_p, "%s is in ovs-vswitchd, which cannot be "
                       "asked: %s", argv[1], v->problem);
            return ENODEV;
        }
        error = dpctl_run_command(argc, argv, dpctl_p);
        if (error && v->problem) {
            error_line(dpctl_p, "the kernel has no datapath, and ovs-vswitchd "
                       "cannot be asked: %s", v->problem);
        }
        return error;
    }

    /* Some commands would take the only datapath instead, and a name that is
     * wrong for something else. */
    if (named && dpctl_command_datapath(argv[0]) == DPCTL_DP_OPTIONAL
        && !svec_contains(&v->dps, argv[1])) {
        error_line(dpctl_p, "ovs-vswitchd has no datapath %s", argv[1]);
        return ENODEV;
    }
    return vswitchd_run_on_file(v, argc, argv, dpctl_p);
}

static int
dump_dps(const struct vswitchd *v, struct dpctl_params *dpctl_p)
{
    const char *dp;
    size_t i;

    SVEC_FOR_EACH (i, dp, &v->dps) {
        char *s = xasprintf("%s\n", dp);

        dpctl_p->output(dpctl_p->aux, false, s);
        free(s);
    }
    return 0;
}

/* 'argv[0]' with the datapath 'dp' as only argument. */
static int
run_with(struct vswitchd *v, const char *argv[], const char *dp,
         struct dpctl_params *dpctl_p)
{
    const char *one[] = { argv[0], dp };

    return (is_userspace_dp(dp)
            ? run_on_one(v, ARRAY_SIZE(one), one, dpctl_p)
            : dpctl_run_command(ARRAY_SIZE(one), one, dpctl_p));
}

static int
run_on_each(struct vswitchd *v, const char *argv[], const struct svec *dps,
            struct dpctl_params *dpctl_p)
{
    const char *dp;
    int status = 0;
    size_t i;

    SVEC_FOR_EACH (i, dp, dps) {
        int error = run_with(v, argv, dp, dpctl_p);

        status = error ? error : status;
    }
    return status;
}

/* A command that means all datapaths.  Opens 'v'. */
static int
run_on_all(struct vswitchd *v, int argc, const char *argv[],
           struct dpctl_params *dpctl_p)
{
    bool local = kernel_has_dps();
    int status = 0, error;

    /* The kernel's come first and at once, in case that ovs-vswitchd, which
     * perhaps hangs, is what somebody looks into. */
    if (local) {
        status = dpctl_run_command(argc, argv, dpctl_p);
        fflush(stdout);
    }
    vswitchd_open(v, dpctl_p->ext.target);
    if (!local && !v->dps.n) {
        status = dpctl_run_command(argc, argv, dpctl_p);
        if (status && v->problem) {
            error_line(dpctl_p, "the kernel has no datapath, and ovs-vswitchd "
                       "cannot be asked: %s", v->problem);
        }
    }
    error = (!strcmp(argv[0], "dump-dps")
             ? dump_dps(v, dpctl_p)
             : run_on_each(v, argv, &v->dps, dpctl_p));
    return error ? error : status;
}

/* JSON of several datapaths makes one object. */

struct merger {
    struct json *object;
    struct dpctl_params *dpctl_p;   /* For errors. */
};

static void
merge_output(void *merger_, bool error, const char *s)
{
    struct merger *m = merger_;
    struct json *part;

    if (error) {
        m->dpctl_p->output(m->dpctl_p->aux, error, s);
        return;
    }

    part = json_from_string(s);
    if (part->type == JSON_OBJECT) {
        struct shash_node *node;

        SHASH_FOR_EACH (node, json_object(part)) {
            json_object_put(m->object, node->name, json_clone(node->data));
        }
    } else {
        error_line(m->dpctl_p, "bad JSON: %.80s", s);
    }
    json_destroy(part);
}

/* Opens 'v'. */
static int
run_on_several(struct vswitchd *v, int argc, const char *argv[],
               struct dpctl_params *dpctl_p)
{
    struct merger merger = { NULL, dpctl_p };
    struct dpctl_params params = *dpctl_p;
    struct svec dps = SVEC_EMPTY_INITIALIZER;
    int error;

    if (dpctl_p->ext.json) {
        merger.object = json_object_create();
        params.output = merge_output;
        params.aux = &merger;
    }

    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            svec_add(&dps, argv[i]);
        }
        vswitchd_open(v, dpctl_p->ext.target);
        error = run_on_each(v, argv, &dps, &params);
        svec_destroy(&dps);
    } else {
        error = run_on_all(v, argc, argv, &params);
    }

    if (dpctl_p->ext.json) {
        if (!error || !shash_is_empty(json_object(merger.object))) {
            char *s = json_to_string(merger.object, JSSF_SORT);
            char *line = xasprintf("%s\n", s);

            dpctl_p->output(dpctl_p->aux, false, line);
            free(line);
            free(s);
        }
        json_destroy(merger.object);
    }
    return error;
}

/* May the command concern ovs-vswitchd at all? */
static bool
is_remote(int argc, const char *argv[], const struct dpctl_params *dpctl_p)
{
    bool userspace = false;

    if (argc < 1 || !dpctl_command_accepts(argv[0], argc - 1)
        || (dpctl_p->ext.json && !dpctl_command_has_json(argv[0]))) {
        return false;
    }

    switch (dpctl_command_datapath(argv[0])) {
    case DPCTL_DP_REQUIRED:
        return argc > 1 && is_userspace_dp(argv[1]);

    case DPCTL_DP_OPTIONAL:
        if (argc > 1 && option_value(argv[1], "system@")) {
            return false;
        }
        return (argc > 1 && is_userspace_dp(argv[1])) || !kernel_has_dps();

    case DPCTL_DP_ALL:
        for (int i = 1; i < argc; i++) {
            userspace |= is_userspace_dp(argv[i]);
        }
        return userspace || argc == 1;

    case DPCTL_DP_NONE:
    default:
        return false;
    }
}

/* Runs the command by the ring of ovs-vswitchd if it was told so.  Returns
 * -1 if it is to be run otherwise. */
static int
run_by_ring(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
#ifdef __linux__
    const char *target = dpctl_p->ext.target;

    if (dpctl_p->ext.ring) {
        if (argc && !dpctl_ring_has_command(argv[0])) {
            error_line(dpctl_p, "'%s' command does not support --ring",
                       argv[0]);
            return EINVAL;
        }
        if (is_remote(argc, argv, dpctl_p)) {
            return dpctl_ring_run(target ? target : "ovs-vswitchd",
                                  argc, argv, dpctl_p);
        }
    }
#endif
    return -1;
}

int
dpctl_remote_run(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    struct vswitchd v;
    int error;

    error = run_by_ring(argc, argv, dpctl_p);
    if (error >= 0) {
        return error;
    }
    if (!is_remote(argc, argv, dpctl_p)) {
        return dpctl_run_command(argc, argv, dpctl_p);
    }

    if (dpctl_command_datapath(argv[0]) == DPCTL_DP_ALL) {
        error = run_on_several(&v, argc, argv, dpctl_p);
    } else {
        vswitchd_open(&v, dpctl_p->ext.target);
        error = run_on_one(&v, argc, argv, dpctl_p);
    }
    vswitchd_close(&v);
    return error;
}
