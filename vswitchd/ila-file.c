/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dpif-ila-names.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "ila-mapping.h"
#include "ofproto/ofproto-dpif-type.h"
#include "ofproto/ofproto.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ila_file);

#define LOOK_INTERVAL 1000      /* In ms. */

/* What tells a version of a file from another one. */
struct version {
    bool exists;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

struct file {
    char *path;
    struct version version;     /* That was loaded, or tried to. */
    unsigned int generation;    /* Of the datapath then. */
    bool again;                 /* Might another attempt succeed? */
    char *error;                /* Why it failed, or NULL. */
    size_t n;                   /* Mappings that were loaded. */
};

static struct shash files = SHASH_INITIALIZER(&files); /* By datapath type. */
static long long int look_time = LLONG_MAX;

static struct version
version_from_stat(const struct stat *s)
{
    return (struct version) {
        .exists = true,
        .dev = s->st_dev,
        .ino = s->st_ino,
        .size = s->st_size,
        .mtime = s->st_mtim,
    };
}

static struct version
version_of_path(const char *path)
{
    struct stat s;

    return (stat(path, &s) ? (struct version) { .exists = false }
            : version_from_stat(&s));
}

static bool
version_equal(const struct version *a, const struct version *b)
{
    return (a->exists == b->exists && a->dev == b->dev && a->ino == b->ino
            && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec
            && a->mtime.tv_nsec == b->mtime.tv_nsec);
}

/* A file that is being loaded. */
#define BATCH 256

struct loader {
    const struct dpif_ila_class *class;
    struct dpif_ila_load *load;
    struct ila_mapping batch[BATCH];
    unsigned int lines[BATCH];  /* Of 'batch' in the file. */
    size_t n_batch;
    size_t n;                   /* Mappings in all. */
};

static int
flush_batch(struct loader *l, unsigned int *line, char **error)
{
    size_t bad = 0;
    int retval = (l->n_batch
                  ? l->class->load_add(l->load, l->batch, l->n_batch, &bad)
                  : 0);

    if (retval) {
        *line = l->lines[MIN(bad, l->n_batch - 1)];
        *error = (retval == EEXIST
                  ? xstrdup("an earlier line has the same match, or address "
                            "on the wire")
                  : xstrdup(ovs_strerror(retval)));
    }
    l->n += l->n_batch;
    l->n_batch = 0;
    return retval;
}

/* Puts the mappings of 'stream' into 'l'.  Returns 0 or a positive errno
 * value, and then what is wrong, in which line. */
static int
read_lines(FILE *stream, const struct ila_names *names, struct loader *l,
           unsigned int *line, char **error)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    unsigned int n_lines = 0;
    int retval = 0;

    while (!retval && !ds_get_line(&s, stream)) {
        struct ila_mapping *m = &l->batch[l->n_batch];
        bool empty;

        *line = ++n_lines;
        retval = ila_mapping_parse_line(ds_cstr(&s), names, m, &empty, error);
        if (!retval && !empty) {
            l->lines[l->n_batch++] = n_lines;
            if (l->n_batch >= BATCH) {
                retval = flush_batch(l, line, error);
            }
        }
    }
    ds_destroy(&s);
    if (!retval && ferror(stream)) {
        *error = xstrdup("cannot be read");
        retval = EIO;
    }
    return retval ? retval : flush_batch(l, line, error);
}

static char *
commit_error(int error)
{
    switch (error) {
    case EEXIST:
        return xstrdup("a row of ILA_Mapping has the match of one of its "
                       "mappings, or the same address on the wire");
    case ENOSPC:
        return xstrdup("more mappings than other_config:ila-max-entries");
    default:
        return xstrdup(ovs_strerror(error));
    }
}

/* Loads 'stream' into 'dpif'.  Returns NULL, and the number of mappings in
 * '*n', or an error message.  '*again' says whether the reason is something
 * else than the file itself. */
static char *
load_stream(FILE *stream, const char *path, struct dpif *dpif, size_t *n,
            bool *again)
{
    struct dpif_ila_names names;
    struct loader *l;
    unsigned int line = 0;
    char *error = NULL;
    int retval;

    l = xzalloc(sizeof *l);
    l->class = dpif_ila_class(dpif);
    retval = l->class ? l->class->load_begin(dpif, &l->load) : EOPNOTSUPP;
    if (retval) {
        free(l);
        *again = retval != EOPNOTSUPP;
        return (retval == EOPNOTSUPP
                ? xasprintf("datapath \"%s\" has no ILA mapping table",
                            dpif_name(dpif))
                : xstrdup(ovs_strerror(retval)));
    }

    dpif_ila_names_init(&names, dpif);
    retval = read_lines(stream, &names.names, l, &line, &error);
    dpif_ila_names_destroy(&names);
    if (retval) {
        char *what = error;

        l->class->load_abort(l->load);
        *again = retval != EINVAL && retval != EOPNOTSUPP;
        error = xasprintf("%s:%u: %s", path, line, what);
        free(what);
    } else {
        retval = l->class->load_commit_replace(l->load, ILA_OWNER_USER);
        if (retval) {
            char *what = commit_error(retval);

            *again = true;
            error = xasprintf("%s: %s", path, what);
            free(what);
        } else {
            *n = l->n;
        }
    }
    free(l);
    return error;
}

/* Likewise, with the version of what was loaded in 'f'. */
static char *
load_path(struct file *f, const char *type, size_t *n)
{
    struct dpif *dpif;
    FILE *stream;
    struct stat s;
    char *error;

    dpif = ofproto_dpif_of_type(type, &f->generation);
    f->version = version_of_path(f->path);
    f->again = false;
    if (!dpif) {
        return xasprintf("no bridge has the datapath_type \"%s\"", type);
    }
    stream = fopen(f->path, "r");
    if (!stream) {
        return xasprintf("%s: %s", f->path, ovs_strerror(errno));
    }
    if (!fstat(fileno(stream), &s)) {
        f->version = version_from_stat(&s);
    }
    error = load_stream(stream, f->path, dpif, n, &f->again);
    fclose(stream);
    return error;
}

static void
load(struct file *f, const char *type)
{
    char *error = load_path(f, type, &f->n);

    if (!error) {
        VLOG_INFO("%s: %"PRIuSIZE" ILA mappings loaded into datapath \"%s\"",
                  f->path, f->n, type);
    } else if (!f->error || strcmp(error, f->error)) {
        VLOG_ERR("ILA mappings of datapath \"%s\" stay as they are: %s", type,
                 error);
    }
    free(f->error);
    f->error = error;
}

/* Loads 'f' if anything that concerns it has changed. */
static void
load_if_changed(struct file *f, const char *type, bool again)
{
    struct version version = version_of_path(f->path);
    unsigned int generation;

    if (!ofproto_dpif_of_type(type, &generation)) {
        /* There was one, or there never was: as if nothing was loaded. */
        f->generation = 0;
    } else if (f->generation == generation
               && version_equal(&f->version, &version)
               && !(again && f->again)) {
        return;
    }
    load(f, type);
}

/* The key for a datapath of that type, for the caller to free. */
static char *
config_key(const char *type)
{
    return (strcmp(type, ofproto_normalize_type(""))
            ? xasprintf("ila-mappings-file-%s", type)
            : xstrdup("ila-mappings-file"));
}

static void
configure(const char *type, const char *path)
{
    struct file *f = shash_find_data(&files, type);

    if (f && (!path || strcmp(f->path, path))) {
        shash_find_and_delete(&files, type);
        free(f->path);
        free(f->error);
        free(f);
        f = NULL;
    }
    if (!f && path) {
        f = xzalloc(sizeof *f);
        f->path = xstrdup(path);
        shash_add(&files, type, f);
    }
    if (f) {
        load_if_changed(f, type, true);
    }
}

void
ila_file_reconfigure(const struct smap *other_config)
{
    struct sset types;
    const char *type;

    sset_init(&types);
    ofproto_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        char *key = config_key(type);

        configure(type, smap_get(other_config, key));
        free(key);
    }
    sset_destroy(&types);
    look_time = (shash_is_empty(&files) ? LLONG_MAX
                 : time_msec() + LOOK_INTERVAL);
}

void
ila_file_exit(void)
{
    struct smap none = SMAP_INITIALIZER(&none);

    ila_file_reconfigure(&none);
}

void
ila_file_run(void)
{
    if (time_msec() >= look_time) {
        struct shash_node *node;

        SHASH_FOR_EACH (node, &files) {
            load_if_changed(node->data, node->name, false);
        }
        look_time = time_msec() + LOOK_INTERVAL;
    }
}

void
ila_file_wait(void)
{
    poll_timer_wait_until(look_time);
}

void
ila_file_show(struct ds *s)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &files) {
        const struct file *f = node->data;

        if (f->error) {
            ds_put_format(s, "%s: error: %s\n", node->name, f->error);
        } else {
            ds_put_format(s, "%s: %"PRIuSIZE" mappings of %s\n", node->name,
                          f->n, f->path);
        }
    }
}
