/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-config.h"

#include "bridge-extension.h"
#include "extension-config.h"

#if XDP_OFFLOAD
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vswitch-idl.h"
#include "ofproto/ofproto.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ring-names.h"
#include "smap.h"
#include "unixctl-view.h"
#include "unixctl.h"
#include "util.h"
#include "xdp-offload.h"

VLOG_DEFINE_THIS_MODULE(xdp_config);

#define BLOCK_KEY "xdp-block"
#define SEPARATORS " ,\t\n"

#define CAPTURE_KEY "xdp-capture"
#define CAPTURE_RATE_KEY "xdp-capture-rate"
#define CAPTURE_LEN_KEY "xdp-capture-max-len"
#define DEFAULT_CAPTURE_RATE 1000
#define DEFAULT_CAPTURE_LEN 128

static struct ovsdb_idl *idl;
static bool waiting;            /* Has xdp_config_run() run? */

/* The value of BLOCK_KEY, and those of CAPTURE_KEY and the like, that were
 * read last, as the configuration is read again whenever anything in the
 * database changes. */
static char *last_blocked;
static char *last_capture;

/* Prefixes. */

struct prefixes {
    struct xdp_prefix *list;
    size_t n, allocated;
};

#define PREFIXES_INITIALIZER { NULL, 0, 0 }

static size_t
find_prefix(const struct prefixes *p, const struct xdp_prefix *prefix)
{
    size_t i = 0;

    while (i < p->n && !xdp_prefix_equals(&p->list[i], prefix)) {
        i++;
    }
    return i;
}

static void
add_prefix(struct prefixes *p, const struct xdp_prefix *prefix)
{
    if (p->n >= p->allocated) {
        p->list = x2nrealloc(p->list, &p->allocated, sizeof *p->list);
    }
    p->list[p->n++] = *prefix;
}

/* Adds 'prefix'.  Returns NULL or why that cannot be, a constant. */
static const char *
try_add(struct prefixes *p, const struct xdp_prefix *prefix)
{
    const char *why;

    if (find_prefix(p, prefix) < p->n) {
        return "is blocked already";
    }
    add_prefix(p, prefix);
    why = xdp_blocked_check(p->list, p->n);
    if (why) {
        p->n--;
    }
    return why;
}

static const char *
try_remove(struct prefixes *p, const struct xdp_prefix *prefix)
{
    size_t i = find_prefix(p, prefix);

    if (i >= p->n) {
        return "is not blocked";
    }
    p->n--;
    memmove(&p->list[i], &p->list[i + 1], (p->n - i) * sizeof *p->list);
    return NULL;
}

/* What the database says, with 'log' of what is wrong with it. */
static void
read_blocked(const struct ovsrec_open_vswitch *cfg, bool log,
             struct prefixes *p)
{
    char *copy = xstrdup(smap_get_def(&cfg->other_config, BLOCK_KEY, ""));
    char *save = NULL;

    for (char *token = strtok_r(copy, SEPARATORS, &save); token;
         token = strtok_r(NULL, SEPARATORS, &save)) {
        struct xdp_prefix prefix;
        const char *why = xdp_prefix_parse(token, &prefix);

        if (!why) {
            why = try_add(p, &prefix);
        }
        if (why && log) {
            VLOG_WARN("other_config:" BLOCK_KEY ": \"%s\" %s; ignoring it",
                      token, why);
        }
    }
    free(copy);
}

static void
apply_blocked(const struct ovsrec_open_vswitch *cfg)
{
    const char *s = smap_get_def(&cfg->other_config, BLOCK_KEY, "");
    struct prefixes p = PREFIXES_INITIALIZER;

    if (!nullable_string_is_equal(last_blocked, s)) {
        free(last_blocked);
        last_blocked = xstrdup(s);
        read_blocked(cfg, true, &p);
        xdp_offload_set_blocked(p.list, p.n);
        free(p.list);
    }
}

/* Capturing. */

/* Reads a number from 1 to 'max' to '*n'.  Returns false, and logs that, if it
 * is none. */
static bool
read_number(const struct ovsrec_open_vswitch *cfg, const char *key,
            unsigned int otherwise, unsigned int max, uint32_t *n)
{
    const char *s = smap_get(&cfg->other_config, key);
    unsigned int value = otherwise;

    if (s && (!str_to_uint(s, 10, &value) || !value || value > max)) {
        VLOG_WARN("other_config:%s: \"%s\" is not a number from 1 to %u; "
                  "capturing nothing", key, s, max);
        return false;
    }
    *n = value;
    return true;
}

static void
read_capture(const struct ovsrec_open_vswitch *cfg,
             struct xdp_offload_capture *config)
{
    const char *name = smap_get(&cfg->other_config, CAPTURE_KEY);

    memset(config, 0, sizeof *config);
    if (!name
        || !read_number(cfg, CAPTURE_RATE_KEY, DEFAULT_CAPTURE_RATE,
                        UINT32_MAX, &config->one_of)
        || !read_number(cfg, CAPTURE_LEN_KEY, DEFAULT_CAPTURE_LEN,
                        OVS_XDP_MAX_CAPTURE_LEN, &config->max_len)) {
        return;
    }
    if (!ring_name_is_valid(name, strlen(name))) {
        VLOG_WARN("other_config:" CAPTURE_KEY ": \"%s\" is not a name of a "
                  "ring; capturing nothing", name);
        return;
    }
    config->ring = ring_name_to_id(name);
    if (!config->ring) {
        VLOG_WARN("other_config:" CAPTURE_KEY ": \"%s\": there are too many "
                  "names of rings; capturing nothing", name);
    }
}

static void
apply_capture(const struct ovsrec_open_vswitch *cfg)
{
    char *s = xasprintf("%s %s %s",
                        smap_get_def(&cfg->other_config, CAPTURE_KEY, ""),
                        smap_get_def(&cfg->other_config, CAPTURE_RATE_KEY, ""),
                        smap_get_def(&cfg->other_config, CAPTURE_LEN_KEY, ""));

    if (nullable_string_is_equal(last_capture, s)) {
        free(s);
    } else {
        struct xdp_offload_capture config;

        free(last_capture);
        last_capture = s;
        read_capture(cfg, &config);
        xdp_offload_set_capture(&config);
    }
}

/* Changes of what is blocked, by commands.  They are in effect, and in the
 * database, when there is a reply. */

struct request {
    struct ovs_list node;       /* In 'requests'. */
    struct unixctl_conn *conn;
    bool block;
    char **tokens;
    size_t n;
};

static struct ovs_list requests = OVS_LIST_INITIALIZER(&requests);
static struct ovsdb_idl_txn *txn;       /* For the first of them, or null. */

static void
finish_request(struct request *r, const char *error)
{
    if (error) {
        unixctl_command_reply_error(r->conn, error);
    } else {
        unixctl_command_reply(r->conn, NULL);
    }
    ovs_list_remove(&r->node);
    for (size_t i = 0; i < r->n; i++) {
        free(r->tokens[i]);
    }
    free(r->tokens);
    free(r);
}

/* Changes 'p' as is wanted.  Returns NULL or what is wrong, to be freed. */
static char *
change_prefixes(const struct request *r, struct prefixes *p)
{
    for (size_t i = 0; i < r->n; i++) {
        struct xdp_prefix prefix;
        const char *why = xdp_prefix_parse(r->tokens[i], &prefix);

        if (!why) {
            why = (r->block ? try_add : try_remove)(p, &prefix);
        }
        if (why) {
            return xasprintf("\"%s\" %s", r->tokens[i], why);
        }
    }
    return NULL;
}

static void
write_blocked(const struct ovsrec_open_vswitch *cfg, const struct prefixes *p)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < p->n; i++) {
        ds_put_cstr(&ds, i ? " " : "");
        xdp_prefix_format(&p->list[i], &ds);
    }
    ovsrec_open_vswitch_verify_other_config(cfg);
    if (p->n) {
        ovsrec_open_vswitch_update_other_config_setkey(cfg, BLOCK_KEY,
                                                       ds_cstr(&ds));
    } else {
        ovsrec_open_vswitch_update_other_config_delkey(cfg, BLOCK_KEY);
    }
    ds_destroy(&ds);
}

/* Begins a transaction for the request, or finishes it at once. */
static void
begin_request(struct request *r)
{
    const struct ovsrec_open_vswitch *cfg = ovsrec_open_vswitch_first(idl);
    struct prefixes p = PREFIXES_INITIALIZER;
    char *error;

    if (!cfg) {
        finish_request(r, "there is no configuration in the database");
        return;
    }
    read_blocked(cfg, false, &p);
    error = change_prefixes(r, &p);
    if (error) {
        finish_request(r, error);
        free(error);
    } else {
        txn = ovsdb_idl_txn_create(idl);
        ovsdb_idl_txn_add_comment(txn, "ovs-vswitchd: xdp/%s",
                                  r->block ? "block" : "unblock");
        write_blocked(cfg, &p);
    }
    free(p.list);
}

static void
run_requests(void)
{
    while (!ovs_list_is_empty(&requests)) {
        struct request *r = CONTAINER_OF(ovs_list_front(&requests),
                                         struct request, node);
        enum ovsdb_idl_txn_status status;

        if (!txn) {
            begin_request(r);
            if (!txn) {
                continue;
            }
        }
        status = ovsdb_idl_txn_commit(txn);
        if (status == TXN_INCOMPLETE) {
            break;
        }
        if (status == TXN_SUCCESS || status == TXN_UNCHANGED) {
            const struct ovsrec_open_vswitch *cfg
                = ovsrec_open_vswitch_first(idl);

            if (cfg) {
                apply_blocked(cfg);
            }
            finish_request(r, NULL);
        } else if (status != TXN_TRY_AGAIN) {
            finish_request(r, ovsdb_idl_txn_get_error(txn));
        }
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
        if (status == TXN_TRY_AGAIN) {
            break;              /* When there is news of the database. */
        }
    }
}

static void
cmd_block(struct unixctl_conn *conn, int argc, const char *argv[],
          void *aux OVS_UNUSED)
{
    struct request *r = xzalloc(sizeof *r);

    r->conn = conn;
    r->block = !strcmp(argv[0], "xdp/block");
    r->n = argc - 1;
    r->tokens = xcalloc(r->n, sizeof *r->tokens);
    for (size_t i = 0; i < r->n; i++) {
        r->tokens[i] = xstrdup(argv[i + 1]);
    }
    ovs_list_push_back(&requests, &r->node);
}

/* Other commands. */

static const char *
get_string(const struct json *object, const char *key)
{
    return json_string(shash_find_data(json_object(object), key));
}

static int64_t
get_integer(const struct json *object, const char *key)
{
    return json_integer(shash_find_data(json_object(object), key));
}

static void
format_show(const struct json *port, struct ds *ds)
{
    const struct json *error = shash_find_data(json_object(port), "error");

    ds_put_format(ds, "%s: %s", get_string(port, "port"),
                  get_string(port, "state"));
    if (shash_find_data(json_object(port), "mode")) {
        ds_put_format(ds, ", %s mode, fail mode %s, queues %"PRId64
                      ", flows %"PRId64", masks %"PRId64,
                      get_string(port, "mode"),
                      get_string(port, "fail-mode"),
                      get_integer(port, "queues"),
                      get_integer(port, "flows"),
                      get_integer(port, "masks"));
        if (json_boolean(shash_find_data(json_object(port), "redirect"))) {
            ds_put_cstr(ds, ", takes redirected frames");
        }
    }
    if (error) {
        ds_put_format(ds, " (%s)", json_string(error));
    }
    ds_put_char(ds, '\n');
}

static void
format_counters(const struct json *object, const char *indent, struct ds *ds)
{
    const struct shash_node **nodes = shash_sort(json_object(object));

    for (size_t i = 0; i < shash_count(json_object(object)); i++) {
        const struct json *value = nodes[i]->data;

        if (value->type == JSON_INTEGER) {
            ds_put_format(ds, "%s%s: %"PRIdMAX"\n", indent, nodes[i]->name,
                          (intmax_t) json_integer(value));
        } else if (value->type == JSON_OBJECT) {
            ds_put_format(ds, "%s%s:\n", indent, nodes[i]->name);
            format_counters(value, "    ", ds);
        }
    }
    free(nodes);
}

static void
format_stats(const struct json *port, struct ds *ds)
{
    ds_put_format(ds, "%s:\n", get_string(port, "port"));
    format_counters(port, "  ", ds);
}

static void
format_blocked(const struct json *blocked, struct ds *ds)
{
    ds_put_format(ds, "%s packets=%"PRId64" bytes=%"PRId64"\n",
                  get_string(blocked, "prefix"),
                  get_integer(blocked, "packets"),
                  get_integer(blocked, "bytes"));
}

static void
show(struct unixctl_view *view, struct json *array,
     void (*format)(const struct json *element, struct ds *))
{
    view->json = array;
    for (size_t i = 0; i < json_array(array)->n; i++) {
        format(json_array(array)->elems[i], &view->text);
    }
}

static char *
cmd_show(struct unixctl_view *view)
{
    show(view, xdp_offload_show(), format_show);
    return NULL;
}

static char *
cmd_stats(struct unixctl_view *view)
{
    show(view, xdp_offload_stats(), format_stats);
    return NULL;
}

static char *
cmd_list(struct unixctl_view *view)
{
    show(view, xdp_offload_list_blocked(), format_blocked);
    return NULL;
}

static const struct unixctl_view_class views[] = {
    { "xdp/show", "[--json]", 0, 0, cmd_show },
    { "xdp/stats", "[--json]", 0, 0, cmd_stats },
    { "xdp/list", "[--json]", 0, 0, cmd_list },
};

static void
cmd_enable(struct unixctl_conn *conn, int argc, const char *argv[],
           void *aux OVS_UNUSED)
{
    const char *port = argc > 1 ? argv[1] : NULL;

    if (xdp_offload_enable(port, !strcmp(argv[0], "xdp/enable"))) {
        char *error = xasprintf("%s: is not a port with XDP", port);

        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        unixctl_command_reply(conn, NULL);
    }
}

static void
xdp_config_init(struct ovsdb_idl *idl_)
{
    idl = idl_;
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        unixctl_view_register(&views[i]);
    }
    unixctl_command_register("xdp/enable", "[port]", 0, 1, cmd_enable, NULL);
    unixctl_command_register("xdp/disable", "[port]", 0, 1, cmd_enable, NULL);
    unixctl_command_register("xdp/block", "prefix...", 1, INT_MAX, cmd_block,
                             NULL);
    unixctl_command_register("xdp/unblock", "prefix...", 1, INT_MAX,
                             cmd_block, NULL);
}

static void
xdp_config_exit(bool cleanup)
{
    struct request *r;

    if (!cleanup) {
        xdp_offload_leave();
    }

    LIST_FOR_EACH_SAFE (r, node, &requests) {
        finish_request(r, "ovs-vswitchd is exiting");
    }
    free(last_blocked);
    last_blocked = NULL;
    free(last_capture);
    last_capture = NULL;
}

static void
xdp_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    apply_blocked(cfg);
    apply_capture(cfg);
}

static void
xdp_config_run(void)
{
    waiting = true;
    run_requests();
    /* While flows are restored, what a predecessor left goes on. */
    xdp_offload_run(!ofproto_get_flow_restore_wait());
}

static void
xdp_config_wait(void)
{
    /* Without the lock on the database, xdp_config_run() would not come to do
     * what woke it. */
    if (waiting) {
        waiting = false;
        if (txn) {
            ovsdb_idl_txn_wait(txn);
        } else if (!ovs_list_is_empty(&requests)) {
            poll_immediate_wake();
        }
        xdp_offload_wait();
    }
}

const struct bridge_extension xdp_bridge_extension = {
    .name = "xdp",
    .init = xdp_config_init,
    .exit = xdp_config_exit,
    .reconfigure = xdp_config_reconfigure,
    .run = xdp_config_run,
    .wait = xdp_config_wait,
};
#else /* !XDP_OFFLOAD */
const struct bridge_extension xdp_bridge_extension = { .name = "xdp" };
#endif /* !XDP_OFFLOAD */
