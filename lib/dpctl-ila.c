/* SPDX-License-Identifier: Apache-2.0 */

/* Entries of an ILA mapping table are the database's or users' (ila-table.h);
 * these commands are a user, who sees all and changes only what is users'. */

#include <config.h>
#include "dpctl-ila.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dpctl.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "ila-mapping.h"
#include "ila.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "util.h"

/* Words of ila-get, ila-list and ila-move that ila-mapping.h does not know. */
#define MAX_WORDS 32

/* What commands have in common. */

int
dpctl_ila_error_nocopy(const struct dpctl_ila *c, int error, char *msg)
{
    dpctl_extension_error(c->dpctl_p, error, "%s: %s", c->name, msg);
    free(msg);
    return error;
}

int
dpctl_ila_error(const struct dpctl_ila *c, int error, const char *format, ...)
{
    va_list args;
    char *msg;

    va_start(args, format);
    msg = xvasprintf(format, args);
    va_end(args);
    return dpctl_ila_error_nocopy(c, error, msg);
}

int
dpctl_ila_dp_error(const struct dpctl_ila *c, int error, const char *what)
{
    if (error == EOPNOTSUPP) {
        return dpctl_ila_error(c, error, "%s: %s has no ILA mapping table",
                               dpif_name(c->dpif),
                               (!strcmp(dpif_type(c->dpif), "system")
                                ? "the kernel module" : "the datapath"));
    }
    return dpctl_ila_error(c, error, "%s", what);
}

int
dpctl_ila_open(int argc, const char *argv[], struct dpctl_params *dpctl_p,
               struct dpctl_ila *c)
{
    const char *slash = strchr(argv[0], '/');
    int error, next;

    c->dpctl_p = dpctl_p;
    c->name = slash ? slash + 1 : argv[0];
    error = dpctl_extension_open(argc, argv, dpctl_p, &c->dpif, &next);
    if (error) {
        return error;
    }
    c->class = dpif_ila_class(c->dpif);
    c->words = argv + next;
    c->n_words = argc - next;
    dpif_ila_names_init(&c->names, c->dpif);
    if (!c->class) {
        error = dpctl_ila_dp_error(c, EOPNOTSUPP, "");
        dpctl_ila_close(c);
    }
    return error;
}

void
dpctl_ila_close(struct dpctl_ila *c)
{
    dpif_ila_names_destroy(&c->names);
    dpif_close(c->dpif);
}

bool
dpctl_ila_has_option(const struct dpctl_ila *c,
                     enum dpctl_extension_option option)
{
    return c->dpctl_p->ext.options[option] != NULL;
}

/* Runs 'run' with a datapath open. */
static int
with_datapath(int argc, const char *argv[], struct dpctl_params *dpctl_p,
              int (*run)(struct dpctl_ila *))
{
    struct dpctl_ila c;
    int error;

    error = dpctl_ila_open(argc, argv, dpctl_p, &c);
    if (!error) {
        error = run(&c);
        dpctl_ila_close(&c);
    }
    return error;
}

int
dpctl_ila_take_word(const struct dpctl_ila *c, const char *key,
                    const char *words[], size_t *n, const char **value)
{
    size_t len = strlen(key);
    size_t n_left = 0;

    *value = NULL;
    for (size_t i = 0; i < *n; i++) {
        const char *word = words[i];
        const char *v;

        if (strncmp(word, key, len) || (word[len] && word[len] != '=')) {
            words[n_left++] = word;
            continue;
        }
        if (*value) {
            return dpctl_ila_error(c, EINVAL, "\"%s\": %s is given twice",
                                   word, key);
        }
        v = word[len] ? &word[len + 1] : i + 1 < *n ? words[++i] : "";
        if (!v[0]) {
            return dpctl_ila_error(c, EINVAL, "\"%s\" lacks a value", word);
        }
        *value = v;
    }
    *n = n_left;
    return 0;
}

const char *
dpctl_ila_dirs_to_string(unsigned int dirs)
{
    switch (dirs) {
    case 0: return "off";
    case ILA_PATH_IN: return "in";
    case ILA_PATH_OUT: return "out";
    default: return "both";
    }
}

/* Copies the words of the command, for commands that have words of their own.
 */
static int
copy_words(const struct dpctl_ila *c, const char *words[MAX_WORDS], size_t *n)
{
    if (c->n_words > MAX_WORDS) {
        return dpctl_ila_error(c, EINVAL, "\"%s\" is one word too many",
                               c->words[MAX_WORDS]);
    }
    memcpy(words, c->words, c->n_words * sizeof *words);
    *n = c->n_words;
    return 0;
}

/* The text of a match, for messages. */
static char *
match_to_string(const struct dpctl_ila *c, const struct ila_match *match)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ila_match_format(match, &c->names.names, &s);
    return ds_steal_cstr(&s);
}

/* Tells what is wrong with adding or deleting an entry with that match. */
static int
entry_error(const struct dpctl_ila *c, int error,
            const struct ila_match *match)
{
    char *text = match_to_string(c, match);
    struct dpif_ila_entry entry;
    bool exists = !c->class->get(c->dpif, match, &entry);
    struct dpif_ila_stats stats;
    char *msg = NULL;

    switch (error) {
    case EEXIST:
        if (!exists) {
            msg = xasprintf("\"%s\": another entry has the same address on "
                            "the wire", text);
        } else {
            struct ds s = DS_EMPTY_INITIALIZER;

            ila_mapping_format(&entry.mapping, &c->names.names, &s);
            msg = xasprintf("there is \"%s\"", ds_cstr(&s));
            ds_destroy(&s);
        }
        break;

    case ENOENT:
        msg = xasprintf("there is no \"%s\"", text);
        break;

    case EPERM:
        if (exists && entry.mapping.flags & ILA_ENTRY_DATABASE) {
            msg = xasprintf("\"%s\" belongs to the database", text);
        }
        break;

    case ENOSPC:
        if (!c->class->get_stats(c->dpif, &stats)) {
            msg = xasprintf("\"%s\": the table is full with %"PRIuSIZE" "
                            "entries", text, stats.usage.n);
        }
        break;
    }
    if (msg) {
        dpctl_ila_error_nocopy(c, error, msg);
    } else {
        dpctl_ila_dp_error(c, error, text);
    }
    free(text);
    return error;
}

void
dpctl_ila_format_entry(const struct dpctl_ila *c,
                       const struct dpif_ila_entry *e, bool with_stats,
                       struct ds *s)
{
    ila_mapping_format(&e->mapping, &c->names.names, s);
    if (with_stats && e->has_stats) {
        ds_put_format(s, " packets=%"PRIu64" bytes=%"PRIu64" used=",
                      e->n_packets, e->n_bytes);
        if (e->used_ms == UINT64_MAX) {
            ds_put_cstr(s, "never");
        } else {
            ds_put_format(s, "%"PRIu64".%03"PRIu64"s",
                          e->used_ms / 1000, e->used_ms % 1000);
        }
    }
    if (e->mapping.flags & ILA_ENTRY_DATABASE) {
        ds_put_cstr(s, " database");
    }
}

struct json *
dpctl_ila_entry_to_json(const struct dpctl_ila *c,
                        const struct dpif_ila_entry *e, bool with_stats)
{
    struct json *json = ila_mapping_to_json(&e->mapping, &c->names.names);

    if (with_stats && e->has_stats) {
        json_object_put(json, "packets", json_integer_create(e->n_packets));
        json_object_put(json, "bytes", json_integer_create(e->n_bytes));
        if (e->used_ms != UINT64_MAX) {
            json_object_put(json, "used", json_real_create(e->used_ms
                                                           / 1000.0));
        }
    }
    if (e->mapping.flags & ILA_ENTRY_DATABASE) {
        json_object_put(json, "database", json_boolean_create(true));
    }
    return json;
}

/* ila-add. */

static int
run_add(struct dpctl_ila *c)
{
    enum ila_add_mode mode = ILA_ADD_NEW;
    struct ila_mapping mapping;
    char *msg;
    int error;

    if (dpctl_ila_has_option(c, DPCTL_OPTION_MAY_EXIST)
        && dpctl_ila_has_option(c, DPCTL_OPTION_REPLACE)) {
        return dpctl_ila_error(c, EINVAL,
                               "--may-exist and --replace are exclusive");
    } else if (dpctl_ila_has_option(c, DPCTL_OPTION_MAY_EXIST)) {
        mode = ILA_ADD_MAY_EXIST;
    } else if (dpctl_ila_has_option(c, DPCTL_OPTION_REPLACE)) {
        mode = ILA_ADD_REPLACE;
    }

    error = ila_mapping_parse(c->words, c->n_words, &c->names.names, &mapping,
                              &msg);
    if (error) {
        return dpctl_ila_error_nocopy(c, error, msg);
    }
    error = c->class->add(c->dpif, &mapping, mode);
    return error ? entry_error(c, error, &mapping.match) : 0;
}

static int
dpctl_ila_add(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_add);
}

/* ila-del. */

static int
run_del(struct dpctl_ila *c)
{
    struct ila_match match;
    char *msg;
    int error;

    error = ila_match_parse(c->words, c->n_words, &c->names.names, &match,
                            &msg);
    if (error) {
        return dpctl_ila_error_nocopy(c, error, msg);
    }
    error = c->class->del(c->dpif, &match, ILA_OWNER_USER);
    if (error == ENOENT && dpctl_ila_has_option(c, DPCTL_OPTION_MAY_EXIST)) {
        return 0;
    }
    return error ? entry_error(c, error, &match) : 0;
}

static int
dpctl_ila_del(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_del);
}

/* ila-get. */

static int
get_match(struct dpctl_ila *c)
{
    struct dpif_ila_entry entry;
    struct ila_match match;
    char *msg;
    int error;

    error = ila_match_parse(c->words, c->n_words, &c->names.names, &match,
                            &msg);
    if (error) {
        return dpctl_ila_error_nocopy(c, error, msg);
    }
    error = c->class->get(c->dpif, &match, &entry);
    if (error) {
        return entry_error(c, error, &match);
    }

    if (c->dpctl_p->ext.json) {
        json_destroy(c->dpctl_p->ext.reply);
        c->dpctl_p->ext.reply = dpctl_ila_entry_to_json(c, &entry, true);
    } else {
        struct ds s = DS_EMPTY_INITIALIZER;

        dpctl_ila_format_entry(c, &entry, true, &s);
        dpctl_extension_print(c->dpctl_p, "%s\n", ds_cstr(&s));
        ds_destroy(&s);
    }
    return 0;
}

static const char *
verdict_to_string(enum ila_verdict verdict)
{
    switch (verdict) {
    case ILA_TRANSLATED: return "translated";
    case ILA_PASS_MULTICAST: return "passes: multicast";
    case ILA_PASS_TYPE: return "passes: type bits are not LUID";
    case ILA_PASS_MALFORMED: return "passes: malformed";
    case ILA_DROP_CBIT: return "dropped: C bit set";
    default: OVS_NOT_REACHED();
    }
}

static void
print_lookup(struct dpctl_ila *c, const struct in6_addr *addr,
             const struct dpif_ila_result *result)
{
    bool translated = result->verdict == ILA_TRANSLATED;
    const char *verdict = verdict_to_string(result->verdict);
    char before[INET6_ADDRSTRLEN], after[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, addr, before, sizeof before);
    inet_ntop(AF_INET6, &result->addr, after, sizeof after);
    if (c->dpctl_p->ext.json) {
        struct json *reply = c->dpctl_p->ext.reply;

        json_object_put(reply, "entry",
                        dpctl_ila_entry_to_json(c, &result->entry, true));
        json_object_put(reply, "preference",
                        json_integer_create(
                            result->entry.mapping.match.fields));
        json_object_put_string(reply, "addr", before);
        json_object_put_string(reply, "verdict", verdict);
        if (translated) {
            json_object_put_string(reply, "translated", after);
        }
    } else {
        struct ds s = DS_EMPTY_INITIALIZER;

        dpctl_ila_format_entry(c, &result->entry, true, &s);
        ds_put_format(&s, "\n%s -> %s\n", before,
                      translated ? after : verdict);
        dpctl_extension_print(c->dpctl_p, "%s", ds_cstr(&s));
        ds_destroy(&s);
    }
}

/* Parses a filter without locator. */
static int
parse_filter(const struct dpctl_ila *c, const char *words[], size_t n,
             struct ila_filter *filter)
{
    const char *locator;
    char *msg;
    int error;

    error = dpctl_ila_take_word(c, "locator", words, &n, &locator);
    if (error) {
        return error;
    } else if (locator) {
        return dpctl_ila_error(c, EINVAL, "\"locator\" is not possible here");
    }
    error = ila_filter_parse(words, n, &c->names.names, filter, &msg);
    return error ? dpctl_ila_error_nocopy(c, error, msg) : 0;
}

static int
get_lookup(struct dpctl_ila *c, const char *lookup, const char *words[],
           size_t n)
{
    unsigned int dirs = ILA_PATH_IN | ILA_PATH_OUT;
    struct dpif_ila_result result;
    struct ila_filter filter;
    struct in6_addr addr;
    int error;

    if (!ipv6_parse(lookup, &addr)) {
        return dpctl_ila_error(c, EINVAL, "lookup \"%s\" is not an IPv6 "
                               "address", lookup);
    }
    error = parse_filter(c, words, n, &filter);
    if (error) {
        return error;
    }
    if (filter.dir) {
        dirs = 1u << filter.dir;
    }

    /* No entry is for port UINT16_MAX. */
    error = c->class->lookup(c->dpif, dirs, (filter.has_in_port
                                             ? filter.in_port : UINT16_MAX),
                             &addr, &result);
    if (error == ENOENT) {
        return dpctl_ila_error(c, error, "no entry matches \"%s\"", lookup);
    } else if (error) {
        return dpctl_ila_dp_error(c, error, lookup);
    }
    print_lookup(c, &addr, &result);
    return 0;
}

static int
run_get(struct dpctl_ila *c)
{
    const char *words[MAX_WORDS];
    const char *lookup;
    size_t n;
    int error;

    error = copy_words(c, words, &n);
    if (!error) {
        error = dpctl_ila_take_word(c, "lookup", words, &n, &lookup);
    }
    return (error ? error
            : lookup ? get_lookup(c, lookup, words, n)
            : get_match(c));
}

static int
dpctl_ila_get(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_get);
}

/* ila-list. */

/* The kernel's datapath takes a request for each batch. */
#define LIST_BATCH 1024

/* A listing under construction, as text or JSON. */
struct listing {
    struct ds text;
    struct json **entries;      /* Serialized. */
    size_t n, allocated;
};

static void
listing_clear(struct listing *l)
{
    ds_clear(&l->text);
    for (size_t i = 0; i < l->n && l->entries; i++) {
        json_destroy(l->entries[i]);
    }
    l->n = 0;
}

static void
listing_add(const struct dpctl_ila *c, struct listing *l,
            const struct dpif_ila_entry *e)
{
    bool with_stats = c->dpctl_p->print_statistics;

    if (c->dpctl_p->ext.json) {
        struct json *json = dpctl_ila_entry_to_json(c, e, with_stats);

        /* As text it takes a tenth of the memory. */
        if (l->n >= l->allocated) {
            l->entries = x2nrealloc(l->entries, &l->allocated,
                                    sizeof *l->entries);
        }
        l->entries[l->n] = json_serialized_object_create(json);
        json_destroy(json);
    } else {
        dpctl_ila_format_entry(c, e, with_stats, &l->text);
        ds_put_char(&l->text, '\n');
    }
    l->n++;
}

/* Prints and frees 'l'.  'next' is where it goes on, or NULL. */
static void
listing_print(const struct dpctl_ila *c, struct listing *l, bool restarted,
              const struct dpif_ila_cursor *next)
{
    char cursor[2 * sizeof next->opaque + 1] = "";

    if (next) {
        snprintf(cursor, sizeof cursor, "%016"PRIx64, next->opaque);
    }
    if (c->dpctl_p->ext.json) {
        struct json *reply = c->dpctl_p->ext.reply;

        json_object_put(reply, "entries", json_array_create(l->entries, l->n));
        if (next) {
            json_object_put_string(reply, "next", cursor);
        }
        if (restarted) {
            json_object_put(reply, "restarted", json_boolean_create(true));
        }
    } else {
        if (restarted) {
            dpctl_extension_print(c->dpctl_p, "# restarted\n");
        }
        dpctl_extension_print(c->dpctl_p, "%s", ds_cstr(&l->text));
        if (next) {
            dpctl_extension_print(c->dpctl_p, "# next: %s\n", cursor);
        }
    }
    ds_destroy(&l->text);
}

static int
parse_list_options(const struct dpctl_ila *c, struct dpif_ila_cursor *cursor,
                   size_t *max)
{
    const char *from = c->dpctl_p->ext.options[DPCTL_OPTION_FROM];
    const char *max_s = c->dpctl_p->ext.options[DPCTL_OPTION_MAX];
    unsigned long long int value;
    unsigned int n;

    cursor->opaque = 0;
    *max = SIZE_MAX;
    if (from) {
        if (strlen(from) != 2 * sizeof cursor->opaque
            || from[strspn(from, "0123456789abcdef")]
            || !str_to_ullong(from, 16, &value)) {
            return dpctl_ila_error(c, EINVAL, "--from=%s is not what ila-list "
                                   "said was next", from);
        }
        cursor->opaque = value;
    }
    if (max_s) {
        if (max_s[strspn(max_s, "0123456789")]
            || !str_to_uint(max_s, 10, &n) || !n) {
            return dpctl_ila_error(c, EINVAL, "--max=%s is not a positive "
                                   "number", max_s);
        }
        *max = n;
    }
    return 0;
}

/* Parses the words of a filter, with "owner=" in addition. */
static int
parse_owned_filter(const struct dpctl_ila *c, struct ila_filter *filter)
{
    const char *words[MAX_WORDS];
    const char *owner;
    char *msg;
    size_t n;
    int error;

    error = copy_words(c, words, &n);
    if (!error) {
        error = dpctl_ila_take_word(c, "owner", words, &n, &owner);
    }
    if (error) {
        return error;
    }
    error = ila_filter_parse(words, n, &c->names.names, filter, &msg);
    if (error) {
        return dpctl_ila_error_nocopy(c, error, msg);
    }
    if (owner) {
        if (!strcmp(owner, "user")) {
            filter->owner = ILA_OWNER_USER;
        } else if (!strcmp(owner, "database")) {
            filter->owner = ILA_OWNER_DATABASE;
        } else {
            return dpctl_ila_error(c, EINVAL, "owner \"%s\" is neither "
                                   "\"user\" nor \"database\"", owner);
        }
    }
    return 0;
}

static int
run_list(struct dpctl_ila *c)
{
    struct listing listing = { .text = DS_EMPTY_INITIALIZER };
    struct dpif_ila_entry *entries;
    struct dpif_ila_cursor cursor;
    struct ila_filter filter;
    bool restarted = false;
    size_t max, n;
    int error;

    error = parse_list_options(c, &cursor, &max);
    if (!error) {
        error = parse_owned_filter(c, &filter);
    }
    if (error) {
        return error;
    }

    entries = xmalloc(LIST_BATCH * sizeof *entries);
    do {
        bool anew = false;

        error = c->class->list(c->dpif, &filter, &cursor, entries,
                               MIN(LIST_BATCH, max - listing.n), &n, &anew);
        if (anew) {
            listing_clear(&listing);
            restarted = true;
        }
        for (size_t i = 0; i < n && !error; i++) {
            listing_add(c, &listing, &entries[i]);
        }
    } while (!error && n && listing.n < max);
    free(entries);

    if (error) {
        listing_clear(&listing);
        free(listing.entries);
        ds_destroy(&listing.text);
        return dpctl_ila_dp_error(c, error, "listing entries");
    }

    /* What began with --from and has to begin anew is worth a note. */
    listing_print(c, &listing,
                  restarted && dpctl_ila_has_option(c, DPCTL_OPTION_FROM),
                  n ? &cursor : NULL);
    return 0;
}

static int
dpctl_ila_list(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_list);
}

/* ila-move and ila-flush. */

/* How many entries that 'filter' selects are the database's? */
static size_t
count_database(const struct dpctl_ila *c, const struct ila_filter *filter)
{
    struct dpif_ila_cursor cursor = { 0 };
    struct ila_filter f = *filter;
    struct dpif_ila_entry *entries;
    struct dpif_ila_stats stats;
    size_t total = 0, n;

    if (!c->class->get_stats(c->dpif, &stats) && !stats.usage.n) {
        return 0;
    }
    f.owner = ILA_OWNER_DATABASE;
    entries = xmalloc(LIST_BATCH * sizeof *entries);
    do {
        bool anew = false;

        if (c->class->list(c->dpif, &f, &cursor, entries, LIST_BATCH, &n,
                           &anew)) {
            break;
        }
        total = anew ? n : total + n;
    } while (n);
    free(entries);
    return total;
}

/* Prints how many entries of those that 'filter' selects something happened
 * to. */
static void
print_count(struct dpctl_ila *c, const char *what, size_t n, size_t database)
{
    if (c->dpctl_p->ext.json) {
        struct json *reply = c->dpctl_p->ext.reply;

        json_object_put(reply, what, json_integer_create(n));
        json_object_put(reply, "database", json_integer_create(database));
    } else {
        dpctl_extension_print(c->dpctl_p, "%s: %"PRIuSIZE"\n", what, n);
        if (database) {
            dpctl_extension_print(c->dpctl_p, "left alone, as the "
                                  "database's: %"PRIuSIZE"\n", database);
        }
    }
}

static int
parse_locator_word(const struct dpctl_ila *c, const char *key,
                   const char *value, ovs_be64 *locator)
{
    const char *why;
    char *msg;

    if (!value) {
        return dpctl_ila_error(c, EINVAL, "%s is missing", key);
    }
    msg = ila_locator_from_string(value, locator);
    if (msg) {
        char *with_key = xasprintf("%s: %s", key, msg);

        free(msg);
        return dpctl_ila_error_nocopy(c, EINVAL, with_key);
    }
    why = ila_locator_check(*locator);
    return (why ? dpctl_ila_error(c, EINVAL, "%s \"%s\" %s", key, value, why)
            : 0);
}

static int
run_move(struct dpctl_ila *c)
{
    const char *words[MAX_WORDS];
    const char *from_s, *to_s;
    struct ila_filter filter;
    size_t n_moved, database;
    ovs_be64 from, to;
    size_t n;
    int error;

    error = copy_words(c, words, &n);
    if (!error) {
        error = dpctl_ila_take_word(c, "from", words, &n, &from_s);
    }
    if (!error) {
        error = dpctl_ila_take_word(c, "to", words, &n, &to_s);
    }
    if (!error) {
        error = parse_filter(c, words, n, &filter);
    }
    if (!error) {
        error = parse_locator_word(c, "from", from_s, &from);
    }
    if (!error) {
        error = parse_locator_word(c, "to", to_s, &to);
    }
    if (error) {
        return error;
    }

    filter.owner = ILA_OWNER_USER;
    filter.xlat_locator = from;
    database = count_database(c, &filter);
    error = c->class->move(c->dpif, &filter, to, &n_moved);
    if (error == EEXIST) {
        return dpctl_ila_error(c, error, "to \"%s\": entries would have the "
                               "same address on the wire", to_s);
    } else if (error && error != ENOENT) {
        return dpctl_ila_dp_error(c, error, to_s);
    } else if (!n_moved
               && !dpctl_ila_has_option(c, DPCTL_OPTION_MAY_EXIST)) {
        return dpctl_ila_error(c, ENOENT, "from \"%s\": no such entry%s",
                               from_s, (database
                                        ? " that is not the database's"
                                        : ""));
    }
    print_count(c, "moved", n_moved, database);
    return 0;
}

static int
dpctl_ila_move(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_move);
}

static int
run_flush(struct dpctl_ila *c)
{
    struct ila_filter filter;
    size_t n;
    char *msg;
    int error;

    error = ila_filter_parse(c->words, c->n_words, &c->names.names, &filter,
                             &msg);
    if (error) {
        return dpctl_ila_error_nocopy(c, error, msg);
    }
    filter.owner = ILA_OWNER_USER;
    error = c->class->flush(c->dpif, &filter, &n);
    if (error) {
        return dpctl_ila_dp_error(c, error, "flushing entries");
    }
    print_count(c, "deleted", n, count_database(c, &filter));
    return 0;
}

static int
dpctl_ila_flush(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    return with_datapath(argc, argv, dpctl_p, run_flush);
}

/* Registration. */

#define OPTION(NAME) (1u << DPCTL_OPTION_##NAME)

static const struct dpctl_extension_command commands[] = {
    {
        .name = "ila-add",
        .usage = "[dp] [--may-exist|--replace] mapping",
        .min_args = 1,
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .writes = true,
        .json = true,
        .options = OPTION(MAY_EXIST) | OPTION(REPLACE),
        .run = dpctl_ila_add,
    },
    {
        .name = "ila-del",
        .usage = "[dp] [--may-exist] match",
        .min_args = 1,
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .writes = true,
        .json = true,
        .options = OPTION(MAY_EXIST),
        .run = dpctl_ila_del,
    },
    {
        .name = "ila-get",
        .usage = "[dp] match | lookup=addr [port=port] [dir=in|out]",
        .min_args = 1,
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .json = true,
        .run = dpctl_ila_get,
    },
    {
        .name = "ila-list",
        .usage = "[dp] [-s] [--from=place] [--max=number] [filter]",
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .json = true,
        .options = OPTION(FROM) | OPTION(MAX),
        .run = dpctl_ila_list,
    },
    {
        .name = "ila-move",
        .usage = "[dp] [--may-exist] from=locator to=locator [filter]",
        .min_args = 2,
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .writes = true,
        .json = true,
        .options = OPTION(MAY_EXIST),
        .run = dpctl_ila_move,
    },
    {
        .name = "ila-flush",
        .usage = "[dp] [filter]",
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .writes = true,
        .json = true,
        .run = dpctl_ila_flush,
    },
    {
        .name = "ila-load",
        .usage = "[dp] [--replace] file",
        .min_args = 1,
        .max_args = 2,
        .datapath = DPCTL_DP_OPTIONAL,
        .writes = true,
        .json = true,
        .options = OPTION(REPLACE),
        .run = dpctl_ila_load,
        .reads_file = true,
    },
    {
        .name = "ila-stats",
        .usage = "[dp]",
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .json = true,
        .run = dpctl_ila_stats,
    },
    {
        .name = "ila-trace",
        .usage = "[dp] port packet [dir=in|out|both]",
        .min_args = 2,
        .max_args = INT_MAX,
        .datapath = DPCTL_DP_OPTIONAL,
        .json = true,
        .run = dpctl_ila_trace,
    },
};

const struct dpctl_extension_class dpctl_ila_class = {
    .commands = commands,
    .n_commands = ARRAY_SIZE(commands),
};
