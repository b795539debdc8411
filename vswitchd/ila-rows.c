/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "coverage.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "hash.h"
#include "ila-entry.h"
#include "ila-mapping.h"
#include "ila-table.h"
#include "ofproto/ofproto-dpif-type.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "lib/vswitch-idl.h"
#include "ofproto/ofproto.h"
#include "simap.h"
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(ila_rows);

COVERAGE_DEFINE(ila_rows_compared);
COVERAGE_DEFINE(ila_rows_listed);
COVERAGE_DEFINE(ila_rows_added);
COVERAGE_DEFINE(ila_rows_loaded);
COVERAGE_DEFINE(ila_rows_replaced);
COVERAGE_DEFINE(ila_rows_deleted);

/* How often what a datapath refused is tried again, and how often it is asked
 * whether mappings with a timeout have expired, in ms. */
#define RETRY_INTERVAL 5000
#define EXPIRY_INTERVAL 1000

/* From how many new mappings on a datapath gets them together: in the kernel
 * each of them alone is a conversation of its own. */
#define LOAD_MIN 64

enum row_state {
    ROW_ERROR,
    ROW_APPLIED,
    ROW_EXPIRED,
};

/* What became of a row. */
struct row {
    struct hmap_node node;      /* In 'rows', by 'uuid'. */
    struct uuid uuid;
    enum row_state state;
    char *error;                /* If ROW_ERROR. */

    /* What it says, for as long as ila_rows_update() looks at it. */
    const struct ovsrec_ila_mapping *cfg;
    struct ila_mapping mapping;
};

/* A mapping in a datapath, or to be there. */
struct entry {
    struct hmap_node node;      /* In 'entries' of a datapath, by match. */
    bool present;               /* Is it in the datapath? */
    bool expired;               /* Was it, and its timeout has deleted it? */
    struct ila_mapping mapping; /* As it is or was there, if either. */
    struct uuid uuid;           /* Of its row. */
    struct row *row;            /* While ila_rows_update() compares. */
};

struct datapath {
    unsigned int generation;    /* Of 'dpif', the last time. */
    bool listed;                /* Does 'entries' have what is there? */
    int error;                  /* Why it could not be listed, or 0. */
    struct hmap entries;        /* Contains "struct entry"s. */
    size_t n_timeouts;          /* Entries with a timeout. */
    bool names_ports;           /* Does a row name a port? */
    struct simap ports;         /* If so, their numbers. */
};

static struct ovsdb_idl *idl;
static struct shash datapaths = SHASH_INITIALIZER(&datapaths); /* By type. */
static struct hmap rows = HMAP_INITIALIZER(&rows);
static unsigned int table_seqno;    /* Of ILA_Mapping, when it was looked */
static size_t n_rows;               /* at last, and its number of rows. */
static bool status_changed;
static long long int retry_time = LLONG_MAX;
static long long int expiry_time = LLONG_MAX;

/* Ports. */

static int
port_from_name(const char *name, void *ports)
{
    const struct simap_node *node = simap_find(ports, name);

    return node && node->data < UINT16_MAX ? node->data : -1;
}

static char *
port_to_name(uint16_t port, void *ports_)
{
    const struct simap *ports = ports_;
    const struct simap_node *node;

    SIMAP_FOR_EACH (node, ports) {
        if (node->data == port) {
            return xstrdup(node->name);
        }
    }
    return xasprintf("%"PRIu16, port);
}

static struct ila_names
datapath_names(struct datapath *dp)
{
    return (struct ila_names) {
        .port_from_name = port_from_name,
        .port_to_name = port_to_name,
        .aux = &dp->ports,
    };
}

/* Reads the numbers of all ports.  Returns true if any is another one. */
static bool
read_ports(struct datapath *dp, struct dpif *dpif)
{
    struct simap ports = SIMAP_INITIALIZER(&ports);
    struct dpif_port_dump dump;
    struct dpif_port port;
    bool changed;

    DPIF_PORT_FOR_EACH (&port, &dump, dpif) {
        simap_put(&ports, port.name, odp_to_u32(port.port_no));
    }
    changed = !simap_equal(&ports, &dp->ports);
    simap_swap(&ports, &dp->ports);
    simap_destroy(&ports);
    return changed;
}

/* Entries. */

static uint32_t
hash_match(const struct ila_match *m)
{
    uint64_t locator = (OVS_FORCE uint64_t) m->locator;
    uint64_t identifier = (OVS_FORCE uint64_t) m->identifier;

    return hash_uint64_basis(locator,
                             hash_uint64_basis(identifier, m->in_port));
}

static bool
has_timeout(const struct entry *e)
{
    return e->mapping.idle_timeout || e->mapping.hard_timeout;
}

static struct entry *
find_entry(const struct datapath *dp, const struct ila_match *match)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, hash_match(match), &dp->entries) {
        if (ila_match_equal(&e->mapping.match, match)) {
            return e;
        }
    }
    return NULL;
}

static struct entry *
insert_entry(struct datapath *dp, const struct ila_mapping *m)
{
    struct entry *e = xzalloc(sizeof *e);

    e->mapping = *m;
    hmap_insert(&dp->entries, &e->node, hash_match(&m->match));
    return e;
}

static void
remove_entry(struct datapath *dp, struct entry *e)
{
    hmap_remove(&dp->entries, &e->node);
    free(e);
}

static void
forget_entries(struct datapath *dp)
{
    struct entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &dp->entries) {
        remove_entry(dp, e);
    }
    dp->listed = false;
    dp->n_timeouts = 0;
}

/* Rows. */

static struct row *
find_row(const struct hmap *map, const struct uuid *uuid)
{
    struct row *row;

    HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid), map) {
        if (uuid_equals(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

static void
set_row_state(struct row *row, enum row_state state)
{
    row->state = state;
    free(row->error);
    row->error = NULL;
}

/* Takes 'error' over. */
static void
set_row_error(struct row *row, char *error)
{
    set_row_state(row, ROW_ERROR);
    row->error = error;
}

static void
forget_rows(struct hmap *map)
{
    struct row *row;

    HMAP_FOR_EACH_SAFE (row, node, map) {
        hmap_remove(map, &row->node);
        free(row->error);
        free(row);
    }
}

static const char *
row_datapath_type(const struct ovsrec_ila_mapping *cfg)
{
    return ofproto_normalize_type(cfg->datapath);
}

/* Stores what 'cfg' says in '*m'.  Returns NULL or an error message. */
static char *
parse_row(const struct ovsrec_ila_mapping *cfg, const struct ila_names *names,
          struct ila_mapping *m)
{
    char idle[sizeof "idle-timeout=4294967295"];
    char hard[sizeof "hard-timeout=4294967295"];
    struct {
        const char *key;
        const char *value;
    } columns[] = {
        { "dir", cfg->direction },
        { "match-locator", cfg->match_locator },
        { "ident", cfg->identifier },
        { "port", cfg->port },
        { "locator", cfg->locator[0] ? cfg->locator : NULL },
        { "csum-mode", cfg->csum_mode },
        { "ident-type", cfg->ident_type },
    };
    const char *words[2 * ARRAY_SIZE(columns) + 2 + 3];
    size_t n = 0;
    char *error;

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        if (columns[i].value) {
            words[n++] = columns[i].key;
            words[n++] = columns[i].value;
        }
    }
    if (cfg->n_idle_timeout) {
        snprintf(idle, sizeof idle, "idle-timeout=%"PRId64,
                 cfg->idle_timeout[0]);
        words[n++] = idle;
    }
    if (cfg->n_hard_timeout) {
        snprintf(hard, sizeof hard, "hard-timeout=%"PRId64,
                 cfg->hard_timeout[0]);
        words[n++] = hard;
    }
    for (size_t i = 0; i < cfg->n_flags && n < ARRAY_SIZE(words); i++) {
        words[n++] = cfg->flags[i];
    }

    if (ila_mapping_parse(words, n, names, m, &error)) {
        return error;
    }
    m->flags |= ILA_ENTRY_DATABASE;
    return NULL;
}

/* What a datapath has. */

#define LIST_BATCH 64

/* Remembers what there is of ours in 'dpif', if that is not known. */
static void
list_entries(struct datapath *dp, struct dpif *dpif,
             const struct dpif_ila_class *class)
{
    const struct ila_filter filter = { .owner = ILA_OWNER_DATABASE };
    struct dpif_ila_entry batch[LIST_BATCH];
    struct dpif_ila_cursor cursor;
    size_t n;

    if (dp->listed) {
        return;
    }
    COVERAGE_INC(ila_rows_listed);
    memset(&cursor, 0, sizeof cursor);
    do {
        bool restarted = false;

        dp->error = (class ? class->list(dpif, &filter, &cursor, batch,
                                         LIST_BATCH, &n, &restarted)
                     : EOPNOTSUPP);
        if (dp->error || restarted) {
            forget_entries(dp);
        }
        for (size_t i = 0; i < n && !dp->error; i++) {
            if (!find_entry(dp, &batch[i].mapping.match)) {
                insert_entry(dp, &batch[i].mapping)->present = true;
            }
        }
    } while (!dp->error && n);
    dp->listed = !dp->error;
}

/* Is what is known of the datapath still so?  A port takes its mappings along
 * when it goes, thus one for each tells about all of them, and one for those
 * without a port. */
static bool
is_up_to_date(struct datapath *dp, struct dpif *dpif,
              const struct dpif_ila_class *class)
{
    unsigned long *seen;
    bool good = true;
    struct entry *e;

    if (hmap_is_empty(&dp->entries)) {
        return true;
    }
    seen = bitmap_allocate(UINT16_MAX + 1);

    HMAP_FOR_EACH (e, node, &dp->entries) {
        struct dpif_ila_entry there;

        uint16_t port = (e->mapping.match.fields & ILA_MATCH_IN_PORT
                         ? e->mapping.match.in_port : UINT16_MAX);

        if (e->present && !has_timeout(e) && !bitmap_is_set(seen, port)) {
            bitmap_set1(seen, port);
            if (class->get(dpif, &e->mapping.match, &there)
                || !(there.mapping.flags & ILA_ENTRY_DATABASE)) {
                good = false;
                break;
            }
        }
    }
    bitmap_free(seen);
    return good;
}

/* Returns why the datapath refused 'm', as a malloc()ed message. */
static char *
refusal(struct datapath *dp, struct dpif *dpif,
        const struct dpif_ila_class *class, const struct ila_mapping *m,
        int error)
{
    const struct ila_names names = datapath_names(dp);
    struct ds match = DS_EMPTY_INITIALIZER;
    struct dpif_ila_entry there;
    char *text;

    ila_match_format(&m->match, &names, &match);
    if ((error == EEXIST || error == EPERM)
        && !class->get(dpif, &m->match, &there)) {
        struct ds s = DS_EMPTY_INITIALIZER;

        ila_mapping_format(&there.mapping, &names, &s);
        text = xasprintf("\"%s\" is the match of a mapping that is not from "
                         "the database, \"%s\"", ds_cstr(&match),
                         ds_cstr(&s));
        ds_destroy(&s);
    } else {
        text = xasprintf("\"%s\": %s", ds_cstr(&match),
                         error == EEXIST ? "another mapping has the same "
                                           "address on the wire"
                         : error == ENOSPC ? "more mappings than "
                                             "other_config:ila-max-entries"
                         : ovs_strerror(error));
    }
    ds_destroy(&match);
    return text;
}

/* The datapath has what the row of 'e' says. */
static void
applied(struct entry *e, bool replaced)
{
    if (replaced) {
        COVERAGE_INC(ila_rows_replaced);
    } else {
        COVERAGE_INC(ila_rows_added);
    }
    e->mapping = e->row->mapping;
    e->present = true;
    e->expired = false;
    set_row_state(e->row, ROW_APPLIED);
}

/* Makes the datapath have what the row of 'e' says.  Returns 0 or a positive
 * errno value. */
static int
apply_entry(struct dpif *dpif, const struct dpif_ila_class *class,
            struct entry *e)
{
    struct ila_mapping *m = &e->row->mapping;
    bool replace = e->present;
    int error;

    error = class->add(dpif, m, replace ? ILA_ADD_REPLACE : ILA_ADD_NEW);
    if (error == EEXIST && !replace) {
        struct dpif_ila_entry there;

        /* One of ours that came back, such as by a port that did. */
        if (!class->get(dpif, &m->match, &there)
            && there.mapping.flags & ILA_ENTRY_DATABASE) {
            replace = true;
            error = class->add(dpif, m, ILA_ADD_REPLACE);
        }
    }
    if (!error) {
        applied(e, replace);
    }
    return error;
}

static void
delete_stale_entries(struct datapath *dp, struct dpif *dpif,
                     const struct dpif_ila_class *class)
{
    struct entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &dp->entries) {
        int error;

        if (e->row) {
            continue;
        }
        error = (e->present ? class->del(dpif, &e->mapping.match,
                                         ILA_OWNER_DATABASE) : 0);
        if (!error || error == ENOENT || error == EPERM) {
            if (e->present && !error) {
                COVERAGE_INC(ila_rows_deleted);
            }
            remove_entry(dp, e);
        } else {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

            VLOG_WARN_RL(&rl, "%s: cannot delete an ILA mapping: %s",
                         dpif_name(dpif), ovs_strerror(error));
            retry_time = time_msec() + RETRY_INTERVAL;
        }
    }
}

/* Rows that were applied come first; for the rest chance decides, but always
 * in the same way. */
static int
compare_rows__(const struct row *a, const struct row *b)
{
    bool a_error = a->state == ROW_ERROR;
    bool b_error = b->state == ROW_ERROR;

    return (a_error != b_error ? a_error - b_error
            : uuid_compare_3way(&a->uuid, &b->uuid));
}

static int
compare_rows(const void *a_, const void *b_)
{
    const struct row *const *a = a_;
    const struct row *const *b = b_;

    return compare_rows__(*a, *b);
}

static int
compare_entries(const void *a_, const void *b_)
{
    const struct entry *const *a = a_;
    const struct entry *const *b = b_;

    return compare_rows__((*a)->row, (*b)->row);
}

/* Has the datapath what the row of 'e' says, or had it until it expired? */
static bool
is_applied(const struct entry *e)
{
    return ((e->present || e->expired)
            && ila_mapping_equal(&e->mapping, &e->row->mapping));
}

/* Adds those of the entries that are new to the datapath all at once if there
 * are many.  Does nothing if one is refused: which one, and what is to be said
 * of it, is found by adding one after the other. */
static void
load_entries(struct datapath *dp, struct dpif *dpif,
             const struct dpif_ila_class *class)
{
    struct ila_mapping *mappings = NULL;
    struct dpif_ila_load *load;
    size_t n = 0, allocated = 0, bad;
    struct entry *e;

    HMAP_FOR_EACH (e, node, &dp->entries) {
        if (e->row && !e->present && !is_applied(e)) {
            if (n >= allocated) {
                mappings = x2nrealloc(mappings, &allocated, sizeof *mappings);
            }
            mappings[n++] = e->row->mapping;
        }
    }
    if (n >= LOAD_MIN && !class->load_begin(dpif, &load)) {
        if (class->load_add(load, mappings, n, &bad)) {
            class->load_abort(load);
        } else if (!class->load_commit(load)) {
            COVERAGE_ADD(ila_rows_loaded, n);
            HMAP_FOR_EACH (e, node, &dp->entries) {
                if (e->row && !e->present && !is_applied(e)) {
                    applied(e, false);
                }
            }
        }
    }
    free(mappings);
}

/* Makes the datapath have what the rows of its entries say. */
static void
apply_entries(struct datapath *dp, struct dpif *dpif,
              const struct dpif_ila_class *class)
{
    struct entry *e, **refused = NULL;
    size_t n_refused = 0, allocated_refused = 0;

    load_entries(dp, dpif, class);
    HMAP_FOR_EACH (e, node, &dp->entries) {
        if (!e->row) {
            continue;
        }
        if (is_applied(e)) {
            set_row_state(e->row, e->present ? ROW_APPLIED : ROW_EXPIRED);
        } else if (apply_entry(dpif, class, e)) {
            if (n_refused >= allocated_refused) {
                refused = x2nrealloc(refused, &allocated_refused,
                                     sizeof *refused);
            }
            refused[n_refused++] = e;
        }
    }

    delete_stale_entries(dp, dpif, class);

    /* There may be room now, or an address on the wire be free: first for what
     * was there before. */
    if (refused) {
        qsort(refused, n_refused, sizeof *refused, compare_entries);
    }
    for (size_t i = 0; i < n_refused; i++) {
        int error = apply_entry(dpif, class, refused[i]);

        if (error) {
            set_row_error(refused[i]->row,
                          refusal(dp, dpif, class, &refused[i]->row->mapping,
                                  error));
            retry_time = time_msec() + RETRY_INTERVAL;
        }
    }
    free(refused);

    dp->n_timeouts = 0;
    HMAP_FOR_EACH_SAFE (e, node, &dp->entries) {
        if (e->row) {
            e->uuid = e->row->uuid;
            e->row = NULL;
            dp->n_timeouts += e->present && has_timeout(e);
        }
        if (!e->present && !e->expired) {
            remove_entry(dp, e);
        }
    }
    if (dp->n_timeouts && expiry_time == LLONG_MAX) {
        expiry_time = time_msec() + EXPIRY_INTERVAL;
    }
}

/* Comparing everything. */

/* The state of a row that was not seen before is that of the last
 * ovs-vswitchd. */
static enum row_state
stored_state(const struct ovsrec_ila_mapping *cfg)
{
    const char *s = smap_get_def(&cfg->status, "state", "");

    return (!strcmp(s, "applied") ? ROW_APPLIED
            : !strcmp(s, "expired") ? ROW_EXPIRED
            : ROW_ERROR);
}

/* Brings 'rows' into accord with the table, but for what became of them.
 * Returns them in order, to be freed by the caller. */
static struct row **
collect_rows(void)
{
    struct hmap old = HMAP_INITIALIZER(&old);
    const struct ovsrec_ila_mapping *cfg;
    struct row **array = xmalloc(n_rows * sizeof *array);
    size_t n = 0;

    hmap_swap(&rows, &old);
    OVSREC_ILA_MAPPING_FOR_EACH (cfg, idl) {
        struct row *row = find_row(&old, &cfg->header_.uuid);

        if (row) {
            hmap_remove(&old, &row->node);
        } else {
            row = xzalloc(sizeof *row);
            row->uuid = cfg->header_.uuid;
            row->state = stored_state(cfg);
        }
        row->cfg = cfg;
        hmap_insert(&rows, &row->node, uuid_hash(&row->uuid));
        array[n++] = row;
    }
    forget_rows(&old);
    hmap_destroy(&old);
    qsort(array, n, sizeof *array, compare_rows);
    return array;
}

/* Enters what 'row' says into the entries of its datapath. */
static void
enter_row(struct row *row)
{
    const char *type = row_datapath_type(row->cfg);
    struct datapath *dp = shash_find_data(&datapaths, type);
    struct ila_names names;
    struct entry *e;
    char *error;

    if (!dp) {
        set_row_error(row, xasprintf("datapath \"%s\": no bridge has this "
                                     "datapath_type", type));
        return;
    } else if (dp->error == EOPNOTSUPP) {
        set_row_error(row, xasprintf("datapath \"%s\" has no ILA mapping "
                                     "table", type));
        return;
    } else if (dp->error) {
        set_row_error(row, xasprintf("datapath \"%s\": %s", type,
                                     ovs_strerror(dp->error)));
        retry_time = time_msec() + RETRY_INTERVAL;
        return;
    }

    if (row->cfg->port && !dp->names_ports) {
        unsigned int generation;

        dp->names_ports = true;
        read_ports(dp, ofproto_dpif_of_type(type, &generation));
    }
    names = datapath_names(dp);
    error = parse_row(row->cfg, &names, &row->mapping);
    if (error) {
        set_row_error(row, error);
        return;
    }

    e = find_entry(dp, &row->mapping.match);
    if (!e) {
        e = insert_entry(dp, &row->mapping);
    } else if (e->row) {
        bool stays = !uuid_equals(&e->uuid, &row->uuid);
        struct row *first = stays ? e->row : row;
        struct row *second = stays ? row : e->row;
        struct ds s = DS_EMPTY_INITIALIZER;

        ila_match_format(&row->mapping.match, &names, &s);
        set_row_error(second, xasprintf("row "UUID_FMT" has the same match, "
                                        "\"%s\"", UUID_ARGS(&first->uuid),
                                        ds_cstr(&s)));
        ds_destroy(&s);
        row = first;
    }
    e->row = row;
}

/* Makes all datapaths have what the rows say. */
static void
compare(void)
{
    struct shash_node *node;
    struct row **array;
    unsigned int generation;

    COVERAGE_INC(ila_rows_compared);
    retry_time = LLONG_MAX;
    SHASH_FOR_EACH (node, &datapaths) {
        struct dpif *dpif = ofproto_dpif_of_type(node->name, &generation);
        struct datapath *dp = node->data;

        dp->names_ports = false;
        list_entries(dp, dpif, dpif_ila_class(dpif));
    }

    array = collect_rows();
    for (size_t i = 0; i < n_rows; i++) {
        enter_row(array[i]);
    }
    SHASH_FOR_EACH (node, &datapaths) {
        struct dpif *dpif = ofproto_dpif_of_type(node->name, &generation);
        struct datapath *dp = node->data;

        if (!dp->error) {
            apply_entries(dp, dpif, dpif_ila_class(dpif));
        }
        if (!dp->names_ports) {
            simap_clear(&dp->ports);
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        array[i]->cfg = NULL;
    }
    free(array);
    status_changed = true;
}

/* Public functions. */

void
ila_rows_init(struct ovsdb_idl *idl_)
{
    idl = idl_;
    ovsdb_idl_omit_alert(idl, &ovsrec_ila_mapping_col_status);
    ovsdb_idl_omit(idl, &ovsrec_ila_mapping_col_external_ids);
}

static void
remove_datapath(struct shash_node *node)
{
    struct datapath *dp = node->data;

    forget_entries(dp);
    hmap_destroy(&dp->entries);
    simap_destroy(&dp->ports);
    free(dp);
    shash_delete(&datapaths, node);
}

void
ila_rows_exit(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &datapaths) {
        remove_datapath(node);
    }
    forget_rows(&rows);
    idl = NULL;
}

/* Has any row come, gone or changed? */
static bool
table_has_changed(void)
{
    unsigned int seqno = ovsrec_ila_mapping_get_seqno(idl);
    const struct ovsrec_ila_mapping *cfg;
    size_t n = 0;
    bool changed;

    /* The seqno need not tell that a row went. */
    OVSREC_ILA_MAPPING_FOR_EACH (cfg, idl) {
        n++;
    }
    changed = seqno != table_seqno || n != n_rows;
    table_seqno = seqno;
    n_rows = n;
    return changed;
}

/* Looks whether there is a datapath of that type, and whether it is as it was.
 * Returns true if not. */
static bool
look_at_datapath(const char *type)
{
    unsigned int generation;
    struct dpif *dpif = ofproto_dpif_of_type(type, &generation);
    struct shash_node *node = shash_find(&datapaths, type);
    struct datapath *dp;

    if (!dpif) {
        if (node) {
            remove_datapath(node);
        }
        return node != NULL;
    } else if (!node) {
        dp = xzalloc(sizeof *dp);
        dp->generation = generation;
        hmap_init(&dp->entries);
        simap_init(&dp->ports);
        shash_add(&datapaths, type, dp);
        return true;
    }

    dp = node->data;
    if (dp->generation != generation) {
        dp->generation = generation;
        forget_entries(dp);
        return true;
    }
    if (!is_up_to_date(dp, dpif, dpif_ila_class(dpif))) {
        forget_entries(dp);
        return true;
    }
    return dp->names_ports && read_ports(dp, dpif);
}

static void
update(bool force)
{
    bool changed = table_has_changed() || force;
    struct sset types;
    const char *type;

    sset_init(&types);
    ofproto_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        changed |= look_at_datapath(type);
    }
    sset_destroy(&types);
    if (changed) {
        compare();
    }
}

void
ila_rows_update(void)
{
    update(false);
}

/* Asks the datapath which mappings have expired. */
static void
look_for_expired(struct datapath *dp, struct dpif *dpif,
                 const struct dpif_ila_class *class)
{
    struct entry *e;

    HMAP_FOR_EACH (e, node, &dp->entries) {
        struct dpif_ila_entry there;
        struct row *row;

        if (e->present && has_timeout(e)
            && class->get(dpif, &e->mapping.match, &there) == ENOENT) {
            e->present = false;
            e->expired = true;
            dp->n_timeouts--;
            row = find_row(&rows, &e->uuid);
            if (row) {
                set_row_state(row, ROW_EXPIRED);
                status_changed = true;
            }
        }
    }
}

bool
ila_rows_run(void)
{
    long long int now = time_msec();

    if (now >= expiry_time) {
        struct shash_node *node;

        expiry_time = LLONG_MAX;
        SHASH_FOR_EACH (node, &datapaths) {
            struct datapath *dp = node->data;
            unsigned int generation;
            struct dpif *dpif = ofproto_dpif_of_type(node->name, &generation);

            if (dp->n_timeouts && dpif && dp->generation == generation) {
                look_for_expired(dp, dpif, dpif_ila_class(dpif));
            }
            if (dp->n_timeouts) {
                expiry_time = now + EXPIRY_INTERVAL;
            }
        }
    }
    if (now >= retry_time) {
        update(true);
    }
    return status_changed;
}

void
ila_rows_wait(void)
{
    poll_timer_wait_until(MIN(expiry_time, retry_time));
}

bool
ila_rows_write_status(void)
{
    static const char *const names[] = {
        [ROW_ERROR] = "error",
        [ROW_APPLIED] = "applied",
        [ROW_EXPIRED] = "expired",
    };
    const struct ovsrec_ila_mapping *cfg;
    bool written = false;

    status_changed = false;
    OVSREC_ILA_MAPPING_FOR_EACH (cfg, idl) {
        const struct row *row = find_row(&rows, &cfg->header_.uuid);
        struct smap status;

        if (!row) {
            continue;
        }
        smap_init(&status);
        smap_add(&status, "state", names[row->state]);
        if (row->error) {
            smap_add(&status, "error", row->error);
        }
        if (!smap_equal(&status, &cfg->status)) {
            ovsrec_ila_mapping_set_status(cfg, &status);
            written = true;
        }
        smap_destroy(&status);
    }
    return written;
}

void
ila_rows_show(struct ds *s)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &datapaths) {
        const struct datapath *dp = node->data;
        const struct entry *e;
        size_t n = 0;

        HMAP_FOR_EACH (e, node, &dp->entries) {
            n += e->present;
        }
        ds_put_format(s, "%s: %"PRIuSIZE" mappings of rows of ILA_Mapping\n",
                      node->name, n);
    }
}
