/* SPDX-License-Identifier: Apache-2.0 */

/* dpctl/ila-load: all lines of a file or none.
 *
 * A file that ovs-dpctl reads for ovs-vswitchd comes in parts, one a request,
 * so that a big one does not hold ovs-vswitchd up.  Between the requests the
 * load is in 'unfinished', which only the main thread uses.  One whose
 * ovs-dpctl went away is dropped when another load begins. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpctl-ila.h"
#include "dpctl-remote.h"
#include "dpctl.h"
#include "dpif-ila.h"
#include "ila-mapping.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "timeval.h"
#include "util.h"

/* Mappings that are handed on at once. */
#define BATCH 256

/* An unfinished load is dropped that long after its last part came... */
#define IDLE_MS (60 * 1000)

/* ...or if there are more than so many. */
#define MAX_UNFINISHED 4

/* Where a match was, in case that it turns out to be in the table. */
struct place {
    struct ila_match match;
    int line;
};

struct loader {
    struct ovs_list node;       /* In 'unfinished'. */
    uint64_t id;
    long long int used;         /* When the last part came, in ms. */

    struct dpctl_ila c;
    char *file;                 /* Its name. */
    bool replace;
    struct dpif_ila_load *load; /* NULL after failure. */
    int line;                   /* Number of the last line. */

    struct ila_mapping batch[BATCH];
    size_t n_batch;

    struct place *places;       /* Of all mappings. */
    size_t n, allocated;
};

static struct ovs_list unfinished = OVS_LIST_INITIALIZER(&unfinished);

static int
loader_begin(int argc, const char *argv[], struct dpctl_params *dpctl_p,
             struct loader **loaderp)
{
    struct loader *l = xzalloc(sizeof *l);
    int error;

    error = dpctl_ila_open(argc, argv, dpctl_p, &l->c);
    if (error) {
        free(l);
        return error;
    }
    ovs_list_init(&l->node);
    if (l->c.n_words != 1) {
        error = (l->c.n_words
                 ? dpctl_ila_error(&l->c, EINVAL, "\"%s\" is one word too "
                                   "many", l->c.words[0])
                 : dpctl_ila_error(&l->c, EINVAL, "a file is missing"));
    } else {
        error = l->c.class->load_begin(l->c.dpif, &l->load);
        if (error) {
            l->load = NULL;
            dpctl_ila_dp_error(&l->c, error, l->c.words[0]);
        }
    }
    if (error) {
        dpctl_ila_close(&l->c);
        free(l);
        return error;
    }

    /* Arguments only live as long as a request. */
    l->file = xstrdup(l->c.words[0]);
    l->c.name = "ila-load";
    l->c.words = NULL;
    l->c.n_words = 0;
    l->replace = dpctl_ila_has_option(&l->c, DPCTL_OPTION_REPLACE);
    *loaderp = l;
    return 0;
}

static void
loader_destroy(struct loader *l)
{
    if (l->load) {
        l->c.class->load_abort(l->load);
    }
    ovs_list_remove(&l->node);
    dpctl_ila_close(&l->c);
    free(l->places);
    free(l->file);
    free(l);
}

/* Tells that a line is bad, with 'msg', which is freed. */
static int
line_error(const struct loader *l, int line, int error, char *msg)
{
    char *with_line = xasprintf("%s:%d: %s", l->file, line, msg);

    free(msg);
    return dpctl_ila_error_nocopy(&l->c, error, with_line);
}

/* Likewise for a line with a mapping that was refused. */
static int
place_error(const struct loader *l, const struct place *place, int error)
{
    const char *what = (error == EEXIST ? " is there already"
                        : error == ENOSPC ? ": the table is full"
                        : "");
    struct ds s = DS_EMPTY_INITIALIZER;
    char *msg;

    ila_match_format(&place->match, &l->c.names.names, &s);
    msg = xasprintf("\"%s\"%s", ds_cstr(&s), what);
    ds_destroy(&s);
    return line_error(l, place->line, error, msg);
}

/* Hands on what was parsed. */
static int
loader_flush(struct loader *l)
{
    size_t bad = 0;
    int error;

    if (!l->n_batch) {
        return 0;
    }
    error = l->c.class->load_add(l->load, l->batch, l->n_batch, &bad);
    if (error) {
        const struct place *first = &l->places[l->n - l->n_batch];

        bad = MIN(bad, l->n_batch - 1);
        return place_error(l, first + bad, error);
    }
    l->n_batch = 0;
    return 0;
}

static int
loader_line(struct loader *l, const char *line)
{
    struct ila_mapping *m = &l->batch[l->n_batch];
    struct place *place;
    bool empty;
    char *msg;
    int error;

    l->line++;
    error = ila_mapping_parse_line(line, &l->c.names.names, m, &empty, &msg);
    if (error) {
        return line_error(l, l->line, error, msg);
    } else if (empty) {
        return 0;
    }

    if (l->n >= l->allocated) {
        l->places = x2nrealloc(l->places, &l->allocated, sizeof *l->places);
    }
    place = &l->places[l->n++];
    place->match = m->match;
    place->line = l->line;
    return ++l->n_batch >= BATCH ? loader_flush(l) : 0;
}

static int
loader_stream(struct loader *l, FILE *stream)
{
    size_t allocated = 0;
    char *line = NULL;
    int error = 0;
    ssize_t n;

    while (!error && (n = getline(&line, &allocated, stream)) >= 0) {
        if (strlen(line) != n) {
            error = line_error(l, l->line + 1, EINVAL,
                               xstrdup("there is a null byte"));
        } else {
            error = loader_line(l, line);
        }
    }
    if (!error && ferror(stream)) {
        error = dpctl_ila_error(&l->c, EIO, "reading \"%s\" failed", l->file);
    }
    free(line);
    return error;
}

/* Tells which line was refused in the end because the table has such an
 * entry. */
static int
commit_error(const struct loader *l, int error)
{
    if (error == EEXIST) {
        for (size_t i = 0; i < l->n; i++) {
            struct dpif_ila_entry entry;

            if (!l->c.class->get(l->c.dpif, &l->places[i].match, &entry)
                && (!l->replace
                    || entry.mapping.flags & ILA_ENTRY_DATABASE)) {
                return place_error(l, &l->places[i], error);
            }
        }
        return dpctl_ila_error(&l->c, error, "%s: another entry has the same "
                               "address on the wire", l->file);
    } else if (error == ENOSPC) {
        return dpctl_ila_error(&l->c, error, "%s: %"PRIuSIZE" entries are too "
                               "many for the table", l->file, l->n);
    }
    return dpctl_ila_dp_error(&l->c, error, l->file);
}

static int
loader_commit(struct loader *l)
{
    struct dpif_ila_load *load = l->load;
    int error;

    error = loader_flush(l);
    if (error) {
        return error;
    }

    l->load = NULL;
    error = (l->replace
             ? l->c.class->load_commit_replace(load, ILA_OWNER_USER)
             : l->c.class->load_commit(load));
    if (error) {
        return commit_error(l, error);
    }

    if (l->c.dpctl_p->ext.json) {
        json_object_put(l->c.dpctl_p->ext.reply, "loaded",
                        json_integer_create(l->n));
    } else {
        dpctl_extension_print(l->c.dpctl_p, "loaded: %"PRIuSIZE"\n", l->n);
    }
    return 0;
}

static struct loader *
find_unfinished(uint64_t id)
{
    struct loader *l;

    LIST_FOR_EACH (l, node, &unfinished) {
        if (l->id == id) {
            return l;
        }
    }
    return NULL;
}

/* Makes room for one more. */
static void
drop_unfinished(void)
{
    size_t n = ovs_list_size(&unfinished);
    struct loader *l;

    /* In the order in which they began. */
    LIST_FOR_EACH_SAFE (l, node, &unfinished) {
        if (n >= MAX_UNFINISHED || time_msec() >= l->used + IDLE_MS) {
            loader_destroy(l);
            n--;
        }
    }
}

int
dpctl_ila_load(int argc, const char *argv[], struct dpctl_params *dpctl_p)
{
    const struct dpctl_extension_params *ext = &dpctl_p->ext;
    struct loader *l = ext->input_id ? find_unfinished(ext->input_id) : NULL;
    FILE *stream;
    int error = 0;

    if (!l && ext->input_id && ext->n_input_lines) {
        dpctl_extension_error(dpctl_p, ECANCELED, "ila-load: \"%s\" took too "
                              "long, or too many are loaded at once",
                              argv[argc - 1]);
        return ECANCELED;
    } else if (!l) {
        error = loader_begin(argc, argv, dpctl_p, &l);
        if (error) {
            return error;
        }
    }
    l->c.dpctl_p = dpctl_p;

    l->line = 0;
    stream = dpctl_open_input(dpctl_p, l->file, &l->line);
    if (!stream) {
        error = errno;
        dpctl_ila_error(&l->c, error, "opening \"%s\" failed", l->file);
    } else {
        error = loader_stream(l, stream);
        if (stream != stdin) {
            fclose(stream);
        }
    }

    if (!error && ext->more_input) {
        l->used = time_msec();
        if (!l->id) {
            drop_unfinished();
            l->id = ext->input_id;
            ovs_list_push_back(&unfinished, &l->node);
        }
        return 0;
    }
    if (!error) {
        error = loader_commit(l);
    }
    loader_destroy(l);
    return error;
}
