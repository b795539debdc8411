/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-config.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "bridge-extension.h"
#ifdef __linux__
#include "dpif-netlink-ring.h"
#endif
#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ring-server.h"
#include "smap.h"
#include "unixctl-view.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_config);

#define DEFAULT_MAX_MB 64
#define MAX_MAX_MB (1024 * 1024)

/* What may be asked for by "size": two segments to as many as there may be. */
#define SEG_KB 64
#define MIN_SIZE_KB (OVS_RING_MIN_SEGS * SEG_KB)
#define MAX_SIZE_KB (OVS_RING_MAX_SEGS * SEG_KB)

/* The bad value or error of each that was logged last, as the configuration is
 * read again whenever anything in the database changes. */
static char *logged_enable;
static char *logged_max_mb;
static int logged_error;

static const struct {
    const char *title;
    const char *member;
} columns[] = {
    { "KIND", "kind" },
    { "NAME", "name" },
    { "PID", "pid" },
    { "LANES", "lanes" },
    { "SEGMENTS", "segments" },
    { "SIZE", "segment-size" },
    { "RECORDS", "records" },
    { "LOST", "lost" },
};

/* Returns the text of 'json', an integer or a string, for the caller to
 * free. */
static char *
text_of(const struct json *json)
{
    return json->type == JSON_INTEGER
           ? xasprintf("%"PRIdMAX, (intmax_t) json_integer(json))
           : xstrdup(json_string(json));
}

static char *
member_text(const struct json *ring, const char *member)
{
    return text_of(shash_find_data(json_object(ring), member));
}

static void
put_cell(struct ds *s, const char *text, size_t width, bool last)
{
    if (last) {
        ds_put_cstr(s, text);
        ds_put_char(s, '\n');
    } else {
        ds_put_format(s, "%-*s  ", (int) width, text);
    }
}

static void
format_list(const struct json *rings, struct ds *s)
{
    size_t n = json_array(rings)->n;
    char **cells = xcalloc(n * ARRAY_SIZE(columns) + 1, sizeof *cells);
    size_t widths[ARRAY_SIZE(columns)];

    for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
        widths[c] = strlen(columns[c].title);
        for (size_t i = 0; i < n; i++) {
            char *text = member_text(json_array(rings)->elems[i],
                                     columns[c].member);

            cells[i * ARRAY_SIZE(columns) + c] = text;
            widths[c] = MAX(widths[c], strlen(text));
        }
    }
    for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
        put_cell(s, columns[c].title, widths[c], c == ARRAY_SIZE(columns) - 1);
    }
    for (size_t i = 0; i < n * ARRAY_SIZE(columns); i++) {
        size_t c = i % ARRAY_SIZE(columns);

        put_cell(s, cells[i], widths[c], c == ARRAY_SIZE(columns) - 1);
        free(cells[i]);
    }
    free(cells);
}

static void
format_details(const struct json *rings, struct ds *s)
{
    for (size_t i = 0; i < json_array(rings)->n; i++) {
        const struct json *ring = json_array(rings)->elems[i];
        const struct shash_node **nodes = shash_sort(json_object(ring));
        char *kind = member_text(ring, "kind");
        char *name = member_text(ring, "name");

        ds_put_format(s, "%s %s:\n", kind, name);
        for (size_t j = 0; j < shash_count(json_object(ring)); j++) {
            char *text = text_of(nodes[j]->data);

            if (strcmp(nodes[j]->name, "kind")
                && strcmp(nodes[j]->name, "name")) {
                ds_put_format(s, "  %s: %s\n", nodes[j]->name, text);
            }
            free(text);
        }
        free(nodes);
        free(kind);
        free(name);
    }
}

/* Removes the rings that are not called 'name'. */
static struct json *
select_rings(struct json *rings, const char *name)
{
    struct json *selected = json_array_create_empty();

    for (size_t i = 0; i < json_array(rings)->n; i++) {
        const struct json *ring = json_array(rings)->elems[i];
        char *text = member_text(ring, "name");

        if (!strcmp(text, name)) {
            json_array_add(selected, json_clone(ring));
        }
        free(text);
    }
    json_destroy(rings);
    return selected;
}

static char *
cmd_list(struct unixctl_view *view)
{
    view->json = ring_server_list();
    format_list(view->json, &view->text);
    return NULL;
}

static char *
cmd_show(struct unixctl_view *view)
{
    view->json = ring_server_list();
    if (view->n_args) {
        view->json = select_rings(view->json, view->args[0]);
        if (!json_array(view->json)->n) {
            return xasprintf("there is no ring \"%s\"", view->args[0]);
        }
    }
    format_details(view->json, &view->text);
    return NULL;
}

static const struct unixctl_view_class views[] = {
    { "ring/list", "[--json]", 0, 0, cmd_list },
    { "ring/show", "[--json] [name]", 0, 1, cmd_show },
};

/* Sets '*ring_class' to that of the packet rings of 'type'. */
static bool
parse_type(const char *type, uint32_t *ring_class)
{
    if (!strcmp(type, "tap")) {
        *ring_class = OVS_RING_TAP;
    } else if (!strcmp(type, "queue")) {
        *ring_class = OVS_RING_QUEUE;
    } else {
        return false;
    }
    return true;
}

/* Takes "size" and "lanes" out of 'words'.  Returns what is wrong, for the
 * caller to free, or null. */
static char *
parse_geometry(struct smap *words, struct ring_geometry *g)
{
    const char *size = smap_get(words, "size");
    const char *lanes = smap_get(words, "lanes");
    unsigned int n;

    if (size) {
        if (!str_to_uint(size, 10, &n) || !is_pow2(n) || n < MIN_SIZE_KB
            || n > MAX_SIZE_KB) {
            return xasprintf("size \"%s\" is not a power of two from %d to "
                             "%d, in kB", size, MIN_SIZE_KB, MAX_SIZE_KB);
        }
        g->seg_size = SEG_KB * 1024;
        g->n_segs = n / SEG_KB;
    }
    if (lanes) {
        if (!str_to_uint(lanes, 10, &n) || !n) {
            return xasprintf("lanes \"%s\" is not a number of lanes", lanes);
        }
        g->n_lanes = n;
    }
    smap_remove(words, "size");
    smap_remove(words, "lanes");
    return NULL;
}

/* Splits arguments KEY=VALUE.  Returns what is wrong, for the caller to free,
 * or null. */
static char *
parse_words(int argc, const char *argv[], struct smap *words)
{
    for (int i = 0; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        char *key;
        bool added;

        if (!equals) {
            return xasprintf("\"%s\" is not KEY=VALUE", argv[i]);
        }
        key = xmemdup0(argv[i], equals - argv[i]);
        added = smap_add_once(words, key, equals + 1);
        free(key);
        if (!added) {
            return xasprintf("\"%s\": the key is there twice", argv[i]);
        }
    }
    return NULL;
}

/* What ring/add is given.  Returns what is wrong, for the caller to free, or
 * null. */
static char *
parse_add(int argc, const char *argv[], struct smap *words,
          struct ring_geometry *g)
{
    char *error = parse_words(argc, argv, words);
    const char *type = smap_get_def(words, "type", "tap");

    if (!error && !parse_type(type, &g->ring_class)) {
        error = xasprintf("type \"%s\" is not \"tap\" or \"queue\"", type);
    }
    smap_remove(words, "type");
    return error ? error : parse_geometry(words, g);
}

static void
ring_add_cb(struct unixctl_conn *conn, int argc, const char *argv[],
            void *aux OVS_UNUSED)
{
    struct smap words = SMAP_INITIALIZER(&words);
    struct ring_request request = { .name = argv[1], .options = &words };
    char *error;

    error = parse_add(argc - 2, argv + 2, &words, &request.geometry);
    if (!error) {
        /* What reads from taps writes files that have times. */
        if (request.geometry.ring_class == OVS_RING_TAP
            && !smap_get(&words, "timestamps")) {
            smap_add(&words, "timestamps", "on");
        }
        ring_server_add(&request, &error);
    }
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        unixctl_command_reply(conn, NULL);
    }
    smap_destroy(&words);
}

static void
ring_del_cb(struct unixctl_conn *conn, int argc, const char *argv[],
            void *aux OVS_UNUSED)
{
    uint32_t ring_class = 0;
    char *error = NULL;

    if (argc > 2 && (strncmp(argv[2], "type=", 5)
                     || !parse_type(argv[2] + 5, &ring_class))) {
        error = xasprintf("\"%s\" is not type=tap or type=queue", argv[2]);
    } else {
        ring_server_remove(ring_class, argv[1], &error);
    }
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        unixctl_command_reply(conn, NULL);
    }
}

static void
ring_config_init(struct ovsdb_idl *idl OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        unixctl_view_register(&views[i]);
    }
    unixctl_command_register("ring/add", "name [type=tap|queue] [size=KB] "
                             "[lanes=N] [OPTION=VALUE]...", 1, INT_MAX,
                             ring_add_cb, NULL);
    unixctl_command_register("ring/del", "name [type=tap|queue]", 1, 2,
                             ring_del_cb, NULL);
}

static void
ring_config_exit(bool cleanup OVS_UNUSED)
{
    ring_server_stop();
    free(logged_enable);
    free(logged_max_mb);
    logged_enable = logged_max_mb = NULL;
}

/* Logs that 'value' of 'key' is bad unless it was when that was read last;
 * null, if it is good. */
static void
log_bad(char **logged, const char *key, const char *value,
        const char *expected)
{
    if (value && !nullable_string_is_equal(*logged, value)) {
        VLOG_WARN("other_config:%s: \"%s\" is not %s", key, value, expected);
    }
    if (!nullable_string_is_equal(*logged, value)) {
        free(*logged);
        *logged = nullable_xstrdup(value);
    }
}

static bool
is_enabled(const struct smap *other_config)
{
    const char *s = smap_get_def(other_config, "ring-enable", "auto");
    bool off = !strcmp(s, "off");
    bool good = off || !strcmp(s, "auto") || !strcmp(s, "on");

    log_bad(&logged_enable, "ring-enable", good ? NULL : s,
            "\"auto\", \"on\" or \"off\"; taking \"auto\"");
    return !off;
}

static uint64_t
get_max_bytes(const struct smap *other_config)
{
    const char *s = smap_get(other_config, "ring-max-mb");
    unsigned int max_mb = DEFAULT_MAX_MB;
    bool good = !s || (s[strspn(s, "0123456789")] == '\0'
                       && str_to_uint(s, 10, &max_mb)
                       && max_mb <= MAX_MAX_MB);

    log_bad(&logged_max_mb, "ring-max-mb", good ? NULL : s,
            "a number from 0 to 1048576; taking 64");
    return (uint64_t) (good ? max_mb : DEFAULT_MAX_MB) << 20;
}

static void
ring_config_reconfigure(const struct ovsrec_open_vswitch *cfg)
{
    uint64_t max_bytes = get_max_bytes(&cfg->other_config);
    int error = 0;

    if (is_enabled(&cfg->other_config)) {
        error = ring_server_start(max_bytes);
        ring_server_reconfigured();
    } else {
        ring_server_stop();
    }
    if (error && error != logged_error) {
        VLOG_WARN("no rings for other processes: %s",
                  ovs_strerror(error));
    }
    logged_error = error;
}

static void
ring_config_get_memory_usage(struct simap *usage)
{
    ring_server_get_memory_usage(usage);
#ifdef __linux__
    dpif_netlink_rings_get_memory_usage(usage);
#endif
}

const struct bridge_extension ring_bridge_extension = {
    .name = "ring",
    .init = ring_config_init,
    .exit = ring_config_exit,
    .reconfigure = ring_config_reconfigure,
    .get_memory_usage = ring_config_get_memory_usage,
};
