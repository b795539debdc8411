/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "ila-path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "command-line.h"
#include "fatal-signal.h"
#include "ila-entry.h"
#include "ila-table.h"
#include "ila-vectors.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "packets.h"
#include "random.h"
#include "timeval.h"
#include "util.h"

/* The model: entries in an array, and for each operation the simplest code
 * that does it. */

#define MODEL_MAX 400

struct model {
    struct ila_mapping m[MODEL_MAX + 10];
    size_t n;
};

/* Few enough values that everything happens. */
static const uint64_t locators[] = {
    0x2001000000870000, 0x20010db885a308d3, 0x3333000000000001,
    0x3333000000000002,
};

static const uint64_t identifiers[] = {
    0x2000000000010087, 0x2000000000010000, 0x200000000001ffff,
    0x3000000000010087, 0x0000000000000001, 0x2000000000010088,
};

static struct in6_addr
make_addr(uint64_t locator, uint64_t identifier)
{
    ovs_be64 l = htonll(locator), i = htonll(identifier);
    struct in6_addr a;

    memcpy(&a.s6_addr[0], &l, sizeof l);
    memcpy(&a.s6_addr[8], &i, sizeof i);
    return a;
}

static struct ila_mapping *
model_find(struct model *model, const struct ila_match *match)
{
    for (size_t i = 0; i < model->n; i++) {
        if (ila_match_equal(&model->m[i].match, match)) {
            return &model->m[i];
        }
    }
    return NULL;
}

/* The address on the wire that 'm', which has both locator and identifier,
 * matches. */
static struct in6_addr
wire_address(const struct ila_mapping *m)
{
    struct in6_addr a;

    if (m->match.dir == ILA_DIR_IN
        && (m->xlat.csum_mode == ILA_CSUM_NEUTRAL_MAP
            || m->xlat.csum_mode == ILA_CSUM_NEUTRAL_MAP_AUTO)) {
        struct ila_xlat out = {
            .locator = m->match.locator,
            .csum_mode = m->xlat.csum_mode,
            .dir = ILA_DIR_OUT,
            .ident_type = ILA_IDENT_LUID,
        };

        a = make_addr(ntohll(m->xlat.locator), ntohll(m->match.identifier));
        ovs_assert(ila_translate_addr(&out, &a) == ILA_TRANSLATED);
    } else {
        a = make_addr(ntohll(m->match.locator), ntohll(m->match.identifier));
    }
    return a;
}

static bool
model_matches(const struct ila_mapping *m, enum ila_dir dir, uint16_t in_port,
              const struct in6_addr *a)
{
    struct in6_addr wire = wire_address(m);

    return (m->match.dir == dir
            && (!(m->match.fields & ILA_MATCH_IN_PORT)
                || m->match.in_port == in_port)
            && (!(m->match.fields & ILA_MATCH_LOCATOR)
                || !memcmp(&wire.s6_addr[0], &a->s6_addr[0], 8))
            && (!(m->match.fields & ILA_MATCH_IDENTIFIER)
                || !memcmp(&wire.s6_addr[8], &a->s6_addr[8], 8)));
}

/* Would 'm', if it were added, claim the same packets as another entry than
 * 'except'? */
static bool
model_collides(struct model *model, const struct ila_mapping *m,
               const struct ila_mapping *except)
{
    struct in6_addr a = wire_address(m);

    for (size_t i = 0; i < model->n; i++) {
        struct ila_mapping *o = &model->m[i];
        struct in6_addr b = wire_address(o);

        if (o != except && o->match.dir == m->match.dir
            && o->match.fields == m->match.fields
            && o->match.in_port == m->match.in_port
            && (!(m->match.fields & ILA_MATCH_LOCATOR)
                || !memcmp(&a.s6_addr[0], &b.s6_addr[0], 8))
            && (!(m->match.fields & ILA_MATCH_IDENTIFIER)
                || !memcmp(&a.s6_addr[8], &b.s6_addr[8], 8))) {
            return true;
        }
    }
    return false;
}

static struct ila_mapping *
model_lookup(struct model *model, enum ila_dir dir, uint16_t in_port,
             const struct in6_addr *a)
{
    struct ila_mapping *best = NULL;

    for (size_t i = 0; i < model->n; i++) {
        struct ila_mapping *m = &model->m[i];

        if (model_matches(m, dir, in_port, a)) {
            /* Two of equal preference never match. */
            ovs_assert(!best || best->match.fields != m->match.fields);
            if (!best || m->match.fields > best->match.fields) {
                best = m;
            }
        }
    }
    return best;
}

static enum ila_owner
mapping_owner(const struct ila_mapping *m)
{
    return (m->flags & ILA_ENTRY_DATABASE
            ? ILA_OWNER_DATABASE : ILA_OWNER_USER);
}

static bool
model_owns(enum ila_owner owner, const struct ila_mapping *m)
{
    return !owner || owner == mapping_owner(m);
}

static int
model_add(struct model *model, size_t max, const struct ila_mapping *m,
          enum ila_add_mode mode)
{
    struct ila_mapping *old = model_find(model, &m->match);

    if (old) {
        if (mode == ILA_ADD_NEW) {
            return EEXIST;
        } else if (ila_mapping_equal(old, m)) {
            return 0;
        } else if (mode == ILA_ADD_MAY_EXIST) {
            return EEXIST;
        } else if (!model_owns(mapping_owner(m), old)) {
            return EPERM;
        } else if (model_collides(model, m, old)) {
            return EEXIST;
        }
        *old = *m;
        return 0;
    } else if (mode == ILA_ADD_MODIFY) {
        return ENOENT;
    } else if (model_collides(model, m, NULL)) {
        return EEXIST;
    } else if (model->n >= max) {
        return ENOSPC;
    }
    model->m[model->n++] = *m;
    return 0;
}

static ovs_be64
pick(const uint64_t *values, size_t n)
{
    return htonll(values[random_range(n)]);
}
#define PICK(ARRAY) pick(ARRAY, ARRAY_SIZE(ARRAY))

static void
random_match(struct ila_match *match)
{
    memset(match, 0, sizeof *match);
    match->dir = random_range(2) ? ILA_DIR_IN : ILA_DIR_OUT;
    match->fields = random_range(8);
    if (match->fields & ILA_MATCH_IN_PORT) {
        match->in_port = random_range(3);
    }
    if (match->fields & ILA_MATCH_LOCATOR) {
        match->locator = PICK(locators);
    }
    if (match->fields & ILA_MATCH_IDENTIFIER) {
        match->identifier = PICK(identifiers);
    }
}

static void
random_mapping(struct ila_mapping *m)
{
    const char *key, *why;

    do {
        memset(m, 0, sizeof *m);
        random_match(&m->match);
        m->xlat.dir = m->match.dir;
        m->xlat.locator = PICK(locators);
        m->xlat.csum_mode = random_range(4);
        m->xlat.ident_type = (random_range(4) ? ILA_IDENT_LUID
                              : ILA_IDENT_USE_FORMAT);
        m->flags = random_range(4) ? 0 : random_range(16);
        m->idle_timeout = random_range(8) ? 0 : 1 + random_range(2);
        m->hard_timeout = random_range(8) ? 0 : 1 + random_range(2);
    } while (ila_mapping_check(m, &key, &why));
}

static void
compare_listing(struct ila_table *t, struct model *model)
{
    struct ila_cursor cursor = { 0, 0 };
    struct ila_mapping batch[7];
    bool restarted = false;
    size_t n = 0, got;
    uint32_t ids[7];

    while ((got = ila_table_list(t, &cursor, batch, ids, ARRAY_SIZE(batch),
                                 &restarted))) {
        for (size_t i = 0; i < got; i++) {
            struct ila_mapping *m = model_find(model, &batch[i].match);

            ovs_assert(m && ila_mapping_equal(m, &batch[i]));
            ovs_assert(ids[i] < ila_table_max_id(t));
        }
        n += got;
    }
    ovs_assert(!restarted);
    ovs_assert(n == model->n);
}

/* Every address that can matter looked up in both, in batches. */
static void
compare_lookups(struct ila_table *t, struct model *model)
{
    struct in6_addr addrs[MODEL_MAX + ARRAY_SIZE(locators)
                          * ARRAY_SIZE(identifiers)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(locators); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(identifiers); j++) {
            addrs[n++] = make_addr(locators[i], identifiers[j]);
        }
    }
    for (size_t i = 0; i < model->n; i++) {
        if (!(~model->m[i].match.fields
              & (ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER))) {
            addrs[n++] = wire_address(&model->m[i]);
        }
    }

    for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
        for (uint16_t port = 0; port < 4; port++) {
            for (size_t i = 0; i < n; i += ILA_TABLE_BATCH) {
                size_t k = MIN(n - i, ILA_TABLE_BATCH);
                const struct in6_addr *dst[ILA_TABLE_BATCH];
                struct ila_hit hits[ILA_TABLE_BATCH];
                uint32_t map;

                for (size_t j = 0; j < k; j++) {
                    dst[j] = &addrs[i + j];
                }
                map = ila_table_lookup_batch(t, dir, port, dst, k, hits);
                for (size_t j = 0; j < k; j++) {
                    struct ila_mapping *want, got;
                    struct in6_addr a = *dst[j];

                    want = model_lookup(model, dir, port, dst[j]);
                    ovs_assert(!want == !(map & 1u << j));
                    if (!want) {
                        continue;
                    }
                    ila_hit_get_mapping(&hits[j], port, dst[j], &got);
                    ovs_assert(ila_mapping_equal(want, &got));
                    ovs_assert(hits[j].fields == want->match.fields);
                    ovs_assert(ila_hit_get_flags(&hits[j]) == want->flags);
                    ovs_assert(hits[j].id < ila_table_max_id(t));

                    /* An entry for one address restores it exactly. */
                    if (dir == ILA_DIR_IN
                        && !(~want->match.fields
                             & (ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER))
                        && (ila_translate_addr(hits[j].xlat, &a)
                            == ILA_TRANSLATED)) {
                        struct in6_addr sir
                            = make_addr(ntohll(want->xlat.locator),
                                        ntohll(want->match.identifier));

                        ovs_assert(ipv6_addr_equals(&a, &sir));
                    }
                }
            }
        }
    }
}

static void
random_filter(struct ila_filter *f)
{
    memset(f, 0, sizeof *f);
    f->dir = random_range(3);
    f->owner = random_range(3);
    f->has_in_port = !random_range(4);
    f->in_port = f->has_in_port ? random_range(3) : 0;
    f->xlat_locator = random_range(2) ? PICK(locators) : 0;
}

static void
model_move(struct ila_table *t, struct model *model)
{
    struct model after = *model;
    struct ila_filter f;
    ovs_be64 to = PICK(locators);
    size_t n = 0, n_want = 0;
    bool ok = true;
    int error;

    random_filter(&f);
    f.xlat_locator = PICK(locators);
    for (size_t i = 0; i < after.n; i++) {
        if (ila_filter_selects(&f, &after.m[i])) {
            after.m[i].xlat.locator = to;
            n_want++;
        }
    }
    for (size_t i = 0; i < after.n; i++) {
        ok = ok && !model_collides(&after, &after.m[i], &after.m[i]);
    }

    error = ila_table_move(t, &f, to, &n);
    if (!error) {
        ovs_assert(ok && n == n_want);
        *model = after;
    } else {
        /* The table may refuse what would go well only in one order. */
        ovs_assert(error == EEXIST && !n);
    }
}

/* Random operations on a table and on the model. */
static void
test_model(struct ovs_cmdl_context *ctx)
{
    size_t n_ops = ctx->argc > 1 ? atoi(ctx->argv[1]) : 20000;
    size_t results[256] = { 0 };
    struct ila_table *t = ila_table_create();
    struct model model = { .n = 0 };
    struct ila_table_usage usage;
    size_t max = MODEL_MAX;

    random_set_seed(ctx->argc > 2 ? atoi(ctx->argv[2]) : 1);
    ila_table_set_max(t, max);
    for (size_t op = 0; op < n_ops; op++) {
        struct ila_mapping m, *found;
        struct ila_filter f;
        enum ila_owner owner;
        int error, want;

        switch (random_range(20)) {
        case 0: case 1: case 2: case 3: case 4:
            random_match(&m.match);
            owner = random_range(3);
            error = ila_table_del(t, &m.match, owner);
            found = model_find(&model, &m.match);
            ovs_assert(error == (!found ? ENOENT
                                 : !model_owns(owner, found) ? EPERM : 0));
            if (!error) {
                *found = model.m[--model.n];
            }
            results[error]++;
            break;

        case 5:
            model_move(t, &model);
            break;

        case 6:
            if (random_range(5)) {
                break;
            }
            random_filter(&f);
            size_t n = 0;
            for (size_t i = model.n; i-- > 0;) {
                if (ila_filter_selects(&f, &model.m[i])) {
                    model.m[i] = model.m[--model.n];
                    n++;
                }
            }
            ovs_assert(ila_table_flush(t, &f) == n);
            break;

        case 7:
            if (random_range(5)) {
                break;
            }
            /* Load, which adds or replaces all at once. */
            struct ila_table *stage = ila_table_stage(t);
            struct model loaded = { .n = 0 }, both = model;
            struct ila_match culprit;

            for (size_t i = random_range(10); i > 0; i--) {
                random_mapping(&m);
                want = model_add(&loaded, max, &m, ILA_ADD_NEW);
                ovs_assert(ila_table_add(stage, &m, ILA_ADD_NEW) == want);
            }
            bool replace = random_range(2);

            owner = random_range(3);
            if (replace) {
                /* What others own stays. */
                for (size_t i = both.n; i-- > 0;) {
                    if (model_owns(owner, &both.m[i])) {
                        both.m[i] = both.m[--both.n];
                    }
                }
            }
            want = 0;
            for (size_t i = 0; !want && i < loaded.n; i++) {
                want = model_add(&both, SIZE_MAX, &loaded.m[i], ILA_ADD_NEW);
            }
            want = want ? want : both.n > max ? ENOSPC : 0;
            ovs_assert((replace
                        ? ila_table_commit_replace(t, stage, owner, &culprit)
                        : ila_table_commit_add(t, stage, &culprit)) == want);
            if (!want) {
                model = both;
            } else if (want == EEXIST) {
                ovs_assert(model_find(replace ? &model : &loaded, &culprit));
            }
            results[want]++;
            break;

        case 8:
            max = random_range(3) ? MODEL_MAX : random_range(MODEL_MAX);
            max = MAX(max, model.n);
            ila_table_set_max(t, max);
            break;

        default:
            random_mapping(&m);
            enum ila_add_mode mode = random_range(4);
            want = model_add(&model, max, &m, mode);
            ovs_assert(ila_table_add(t, &m, mode) == want);
            results[want]++;

            struct ila_mapping got;
            uint32_t id;
            found = model_find(&model, &m.match);
            error = ila_table_get(t, &m.match, &got, &id);
            ovs_assert(error == (found ? 0 : ENOENT));
            ovs_assert(!found || ila_mapping_equal(found, &got));
            break;
        }

        if (!random_range(8)) {
            compare_lookups(t, &model);
        }
        compare_listing(t, &model);
        ila_table_get_usage(t, &usage);
        ovs_assert(usage.n == model.n && usage.max == max);
        size_t n_timeouts = 0;
        for (size_t i = 0; i < model.n; i++) {
            n_timeouts += (model.m[i].idle_timeout
                           || model.m[i].hard_timeout);
        }
        ovs_assert(usage.n_timeouts == n_timeouts);
        for (enum ila_dir dir = ILA_DIR_IN; dir <= ILA_DIR_OUT; dir++) {
            for (uint16_t port = 0; port < 4; port++) {
                bool applies = false;

                for (size_t i = 0; i < model.n; i++) {
                    const struct ila_match *match = &model.m[i].match;

                    applies |= (match->dir == dir
                                && (!(match->fields & ILA_MATCH_IN_PORT)
                                    || match->in_port == port));
                }
                ovs_assert(ila_table_applies(t, dir, port) == applies);
            }
        }
        if (!random_range(50)) {
            ovsrcu_quiesce();
        }
    }

    /* Everything happened, or the test tested nothing. */
    ovs_assert(results[0] && results[EEXIST] && results[ENOENT]
               && results[ENOSPC] && results[EPERM]);
    ila_table_flush(t, &(struct ila_filter) { .dir = 0 });
    ila_table_get_usage(t, &usage);
    ovs_assert(!usage.n && !usage.n_values);
    ila_table_destroy(t);
    printf("%"PRIuSIZE" operations: ok %"PRIuSIZE", EEXIST %"PRIuSIZE
           ", ENOENT %"PRIuSIZE", ENOSPC %"PRIuSIZE", EPERM %"PRIuSIZE"\n",
           n_ops, results[0], results[EEXIST], results[ENOENT],
           results[ENOSPC], results[EPERM]);
}

/* The storm: writers change entries, move and reload them while readers see to
 * it that what they get is one of the two that can be. */

#define STORM_N 512

static struct ila_table *storm_table;
static atomic_bool storm_end;
static atomic_uint64_t storm_lookups;

/* Entry 'i' translates to one of two locators, each of which goes with one
 * mode; a mix is thus seen. */
static void
storm_mapping(size_t i, bool other, struct ila_mapping *m)
{
    memset(m, 0, sizeof *m);
    m->match.dir = m->xlat.dir = ILA_DIR_OUT;
    m->match.fields = ILA_MATCH_IDENTIFIER;
    m->match.identifier = htonll(UINT64_C(0x2000000000010000) + i);
    m->xlat.locator = htonll(locators[other]);
    m->xlat.csum_mode = other ? ILA_CSUM_NEUTRAL_MAP : ILA_CSUM_NO_ACTION;
    m->xlat.ident_type = ILA_IDENT_LUID;
    m->flags = other ? ILA_ENTRY_ICMP_INNER : 0;
}

static void *
storm_reader(void *aux OVS_UNUSED)
{
    uint64_t n = 0;
    bool end;

    do {
        struct in6_addr addrs[ILA_TABLE_BATCH];
        const struct in6_addr *dst[ILA_TABLE_BATCH];
        struct ila_hit hits[ILA_TABLE_BATCH];
        size_t base = random_range(STORM_N / 2 - ILA_TABLE_BATCH);
        uint32_t map;

        /* The lower half is always there, the upper half comes and goes. */
        for (size_t i = 0; i < ILA_TABLE_BATCH; i++) {
            size_t k = base + i + (i % 2 ? STORM_N / 2 : 0);

            addrs[i] = make_addr(locators[2], UINT64_C(0x2000000000010000)
                                 + k);
            dst[i] = &addrs[i];
        }
        map = ila_table_lookup_batch(storm_table, ILA_DIR_OUT, 1, dst,
                                     ILA_TABLE_BATCH, hits);
        for (size_t i = 0; i < ILA_TABLE_BATCH; i++) {
            if (!(map & 1u << i)) {
                ovs_assert(i % 2);
                continue;
            }

            const struct ila_xlat *x = hits[i].xlat;
            if (x->locator == htonll(locators[0])) {
                ovs_assert(x->csum_mode == ILA_CSUM_NO_ACTION
                           && !ila_hit_get_flags(&hits[i]));
            } else {
                ovs_assert(x->locator == htonll(locators[1])
                           && x->csum_mode == ILA_CSUM_NEUTRAL_MAP
                           && (ila_hit_get_flags(&hits[i])
                               == ILA_ENTRY_ICMP_INNER));
            }
        }
        n += ILA_TABLE_BATCH;
        if (!random_range(16)) {
            ovsrcu_quiesce();
        }
        atomic_read_relaxed(&storm_end, &end);
    } while (!end);
    atomic_add(&storm_lookups, n, &(uint64_t) { 0 });
    return NULL;
}

/* Lists again and again: what is always there, is there once. */
static void *
storm_lister(void *aux OVS_UNUSED)
{
    bool end;

    do {
        struct ila_cursor cursor = { 0, 0 };
        uint8_t seen[STORM_N] = { 0 };
        struct ila_mapping batch[5];
        bool restarted = false;
        uint32_t ids[5];
        size_t n;

        while ((n = ila_table_list(storm_table, &cursor, batch, ids,
                                   ARRAY_SIZE(batch), &restarted))) {
            if (restarted) {
                memset(seen, 0, sizeof seen);
                restarted = false;
            }
            for (size_t i = 0; i < n; i++) {
                uint64_t id = ntohll(batch[i].match.identifier);

                seen[id - UINT64_C(0x2000000000010000)]++;
            }
        }
        for (size_t i = 0; i < STORM_N / 2; i++) {
            ovs_assert(seen[i] == 1);
        }
        ovsrcu_quiesce();
        atomic_read_relaxed(&storm_end, &end);
    } while (!end);
    return NULL;
}

static void
storm_write(void)
{
    struct ila_mapping m;
    size_t i = random_range(STORM_N / 2);
    struct ila_filter f = { .xlat_locator = 0 };
    size_t n;

    switch (random_range(8)) {
    case 0: case 1: case 2:
        storm_mapping(i, random_range(2), &m);
        ovs_assert(!ila_table_add(storm_table, &m, ILA_ADD_REPLACE));
        break;

    case 3: case 4:
        storm_mapping(STORM_N / 2 + i, random_range(2), &m);
        ila_table_add(storm_table, &m, ILA_ADD_NEW);
        break;

    case 5:
        storm_mapping(STORM_N / 2 + i, false, &m);
        ila_table_del(storm_table, &m.match, ILA_OWNER_ANY);
        break;

    case 6:
        /* A move to where they are: the values are made anew. */
        f.xlat_locator = htonll(locators[random_range(2)]);
        ovs_assert(!ila_table_move(storm_table, &f, f.xlat_locator, &n));
        break;

    case 7:
        if (!random_range(20)) {
            struct ila_match culprit;
            struct ila_table *stage = ila_table_stage(storm_table);

            for (i = 0; i < STORM_N; i++) {
                storm_mapping(i, random_range(2), &m);
                ovs_assert(!ila_table_add(stage, &m, ILA_ADD_NEW));
            }
            ovs_assert(!ila_table_commit_replace(storm_table, stage,
                                                 ILA_OWNER_ANY, &culprit));
        }
        break;
    }
}

static void
test_storm(struct ovs_cmdl_context *ctx)
{
    size_t n_ops = ctx->argc > 1 ? atoi(ctx->argv[1]) : 20000;
    pthread_t threads[3];
    struct ila_mapping m;
    uint64_t lookups;

    storm_table = ila_table_create();
    for (size_t i = 0; i < STORM_N; i++) {
        storm_mapping(i, i % 2, &m);
        ovs_assert(!ila_table_add(storm_table, &m, ILA_ADD_NEW));
    }
    threads[0] = ovs_thread_create("reader", storm_reader, NULL);
    threads[1] = ovs_thread_create("reader", storm_reader, NULL);
    threads[2] = ovs_thread_create("lister", storm_lister, NULL);
    for (size_t i = 0; i < n_ops; i++) {
        storm_write();
        if (!random_range(16)) {
            ovsrcu_quiesce();
        }
    }
    atomic_store_relaxed(&storm_end, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        xpthread_join(threads[i], NULL);
    }
    atomic_read_relaxed(&storm_lookups, &lookups);
    ovs_assert(lookups);
    ila_table_destroy(storm_table);
    printf("%"PRIuSIZE" changes, every lookup right\n", n_ops);
}

/* The vectors of the specification, each through a table of its own. */

static void
test_vectors(struct ovs_cmdl_context *ctx)
{
    struct json *file = json_from_file(ctx->argv[1]);
    const struct json *vectors;
    size_t n_errors = 0;

    ovs_assert(file->type == JSON_OBJECT);
    vectors = member(file, "vectors");
    for (size_t i = 0; i < vectors->array.n; i++) {
        const struct json *v = vectors->array.elems[i];
        const struct json *entries = member(v, "table");
        const struct json *index = member(v, "match_index");
        const char *out = member_string(v, "out");
        uint8_t flags = member(v, "icmp_inner") ? ILA_ENTRY_ICMP_INNER : 0;
        struct ila_table *t = ila_table_create();
        uint64_t counts[ILA_N_COUNTS] = { 0 };
        uint8_t in[512], expected[512];
        struct ila_outcomes o;
        struct ila_packet p = {
            .ip6 = in,
            .size = from_hex(member_string(v, "in"), in, sizeof in),
            .l4_partial = member(v, "l4_partial")->type == JSON_TRUE,
        };
        uint16_t in_port = json_integer(member(v, "in_port"));
        struct ila_mapping m, got;
        struct in6_addr dst;
        const char *verdict;

        for (size_t j = 0; j < entries->array.n; j++) {
            vector_mapping(entries->array.elems[j], flags, &m);
            ovs_assert(!ila_table_add(t, &m, ILA_ADD_NEW));
        }
        memcpy(&dst, &in[24], sizeof dst);
        ila_path_run(t, ILA_PATH_IN | ILA_PATH_OUT, in_port, &p, 1, &o,
                     counts);

        verdict = o.dropped ? "drop" : o.translated ? "translate" : "pass";
        if (strcmp(verdict, member_string(v, "verdict"))) {
            printf("%s: %s\n", member_string(v, "id"), verdict);
            n_errors++;
        }
        if (out && (from_hex(out, expected, sizeof expected) != p.size
                    || memcmp(expected, in, p.size))) {
            printf("%s: wrong packet\n", member_string(v, "id"));
            n_errors++;
        }
        if (o.translated) {
            vector_mapping(entries->array.elems[json_integer(index)], flags,
                           &m);
            ila_hit_get_mapping(ila_outcomes_hit(&o, 0), in_port, &dst, &got);
            if (!ila_mapping_equal(&m, &got)) {
                printf("%s: wrong entry\n", member_string(v, "id"));
                n_errors++;
            }
        }
        ovs_assert(o.inner == (flags != 0));
        ila_table_destroy(t);
    }
    printf("%"PRIuSIZE" vectors, %"PRIuSIZE" errors\n", vectors->array.n,
           n_errors);
    json_destroy(file);
}

/* A burst is what its packets are one by one, and each of them is what
 * ila_translate_packet(), the arithmetic without haste, makes of it. */

#define BURST_PACKET 60         /* IPv6 and TCP headers. */

/* A packet to one of few destinations, so that they repeat, and with one
 * destination in most of a burst now and then. */
static void
random_packet(uint8_t bytes[BURST_PACKET], bool same, struct ila_packet *p)
{
    static const uint8_t protos[] = {
        IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_ESP, IPPROTO_HOPOPTS
    };
    /* Where TCP and UDP have theirs. */
    static const uint8_t csums[] = { 40 + 16, 40 + 6 };
    struct in6_addr dst = make_addr(ntohll(PICK(locators)),
                                    ntohll(PICK(identifiers)));

    for (size_t i = 0; i < BURST_PACKET; i++) {
        bytes[i] = random_uint32();
    }
    bytes[0] = random_range(50) ? 0x60 : 0x40;
    bytes[4] = 0;
    bytes[5] = random_range(10) ? BURST_PACKET - 40 : random_range(30);
    bytes[6] = protos[random_range(ARRAY_SIZE(protos))];
    if (!random_range(4)) {
        /* The two zeros of one's complement. */
        memset(&bytes[csums[random_range(ARRAY_SIZE(csums))]],
               random_range(2) ? 0 : 0xff, 2);
    }
    if (same) {
        dst = make_addr(locators[0], identifiers[0]);
    }
    if (!random_range(50)) {
        dst.s6_addr[0] = 0xff;
    }
    memcpy(&bytes[24], &dst, sizeof dst);
    p->ip6 = bytes;
    p->size = random_range(50) ? BURST_PACKET : random_range(BURST_PACKET);
    p->l4_partial = random_range(2);
}

static void
compare_burst(const struct ila_table *t, uint64_t total[ILA_N_COUNTS])
{
    unsigned int dirs = random_range(4) * 2;
    uint8_t bytes[ILA_TABLE_BATCH][BURST_PACKET];
    uint8_t single[ILA_TABLE_BATCH][BURST_PACKET];
    uint8_t plain[ILA_TABLE_BATCH][BURST_PACKET];
    struct ila_packet packets[ILA_TABLE_BATCH];
    uint64_t counts[ILA_N_COUNTS] = { 0 };
    uint64_t want[ILA_N_COUNTS] = { 0 };
    size_t n = 1 + random_range(ILA_TABLE_BATCH);
    uint16_t in_port = random_range(3);
    uint32_t same = random_range(3);
    struct ila_outcomes o;

    for (size_t i = 0; i < n; i++) {
        random_packet(bytes[i], random_range(3) < same, &packets[i]);
        memcpy(single[i], bytes[i], BURST_PACKET);
        memcpy(plain[i], bytes[i], BURST_PACKET);
    }
    ila_path_run(t, dirs, in_port, packets, n, &o, counts);
    for (size_t i = 0; i < n; i++) {
        struct ila_packet p = packets[i];
        struct ila_outcomes one;

        p.ip6 = single[i];
        ila_path_run(t, dirs, in_port, &p, 1, &one, want);
        ovs_assert(!memcmp(single[i], bytes[i], BURST_PACKET));
        ovs_assert((o.translated >> i & 1) == one.translated);
        ovs_assert((o.dropped >> i & 1) == one.dropped);
        ovs_assert((o.inner >> i & 1) == one.inner);
        if (one.translated || one.dropped) {
            ovs_assert(ila_outcomes_hit(&o, i)->xlat
                       == ila_outcomes_hit(&one, 0)->xlat
                       && ila_outcomes_hit(&o, i)->id
                          == ila_outcomes_hit(&one, 0)->id);
        }
        if (one.translated) {
            enum ila_l4 l4;

            p.ip6 = plain[i];
            ovs_assert(ila_translate_packet(ila_outcomes_hit(&o, i)->xlat, &p,
                                            &l4) == ILA_TRANSLATED);
            ovs_assert(!memcmp(plain[i], bytes[i], BURST_PACKET));
        }
    }
    ovs_assert(!memcmp(counts, want, sizeof counts));
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        total[i] += counts[i];
    }
}

static void
test_bursts(struct ovs_cmdl_context *ctx)
{
    size_t n_tables = ctx->argc > 1 ? atoi(ctx->argv[1]) : 200;
    uint64_t total[ILA_N_COUNTS] = { 0 };

    for (size_t i = 0; i < n_tables; i++) {
        struct ila_table *t = ila_table_create();

        for (size_t j = random_range(40); j > 0; j--) {
            struct ila_mapping m;

            random_mapping(&m);
            ignore(ila_table_add(t, &m, ILA_ADD_NEW));
        }
        for (size_t j = 0; j < 100; j++) {
            compare_burst(t, total);
        }
        ila_table_destroy(t);
        ovsrcu_quiesce();
    }
    for (size_t i = 0; i < ILA_N_COUNTS; i++) {
        /* The packets quote no others. */
        if (!total[i] != (i == ILA_COUNT_ICMP_INNER)) {
            printf("%s: %"PRIu64"\n", ila_count_to_string(i), total[i]);
        }
    }
    printf("bursts are what their packets are\n");
}

/* What bulk operations take, for the benchmarks: N entries by identifier with
 * N_LOC new locators. */
static void
test_bench(struct ovs_cmdl_context *ctx)
{
    size_t n = atoi(ctx->argv[1]);
    size_t n_locators = atoi(ctx->argv[2]);
    struct ila_table *t = ila_table_create();
    struct ila_table *stage = ila_table_stage(t);
    struct ila_table_usage usage;
    struct ila_match culprit;
    struct in6_addr *addrs;
    long long int start;
    struct ila_mapping m;
    size_t moved;

    start = time_usec();
    for (size_t i = 0; i < n; i++) {
        memset(&m, 0, sizeof m);
        m.match.dir = m.xlat.dir = ILA_DIR_OUT;
        m.match.fields = ILA_MATCH_IDENTIFIER;
        m.match.identifier = htonll(UINT64_C(0x2000000000010000) + i);
        m.xlat.locator = htonll(UINT64_C(0x20010db800000000)
                                + i % n_locators);
        m.xlat.csum_mode = ILA_CSUM_NEUTRAL_MAP;
        m.xlat.ident_type = ILA_IDENT_LUID;
        ovs_assert(!ila_table_add(stage, &m, ILA_ADD_NEW));
    }
    ovs_assert(!ila_table_commit_replace(t, stage, ILA_OWNER_ANY, &culprit));
    printf("load_us %lld\n", time_usec() - start);
    ila_table_get_usage(t, &usage);
    printf("bytes_per_entry %.1f\n", (double) usage.bytes / usage.n);

    size_t n_lookups = 1 << 22;
    addrs = xmalloc((1 << 20) * sizeof *addrs);
    for (size_t i = 0; i < 1 << 20; i++) {
        addrs[i] = make_addr(locators[2], UINT64_C(0x2000000000010000)
                             + random_uint32() % n);
    }
    for (size_t with = 0; with < 2; with++) {
        size_t hits_n = 0;

        start = time_usec();
        for (size_t i = 0; i < n_lookups; i += ILA_TABLE_BATCH) {
            const struct in6_addr *dst[ILA_TABLE_BATCH];
            struct ila_hit hits[ILA_TABLE_BATCH];
            struct in6_addr copies[ILA_TABLE_BATCH];
            uint32_t map;

            for (size_t j = 0; j < ILA_TABLE_BATCH; j++) {
                copies[j] = addrs[(i + j) & ((1 << 20) - 1)];
                dst[j] = &copies[j];
            }
            if (with) {
                map = ila_table_lookup_batch(t, ILA_DIR_OUT, 1, dst,
                                             ILA_TABLE_BATCH, hits);
                for (size_t j = 0; j < ILA_TABLE_BATCH; j++) {
                    if (map & 1u << j) {
                        hits_n += (ila_translate_addr(hits[j].xlat, &copies[j])
                                   == ILA_TRANSLATED);
                    }
                }
            } else {
                hits_n += copies[7].s6_addr[15];
            }
        }
        printf("%s_ns %.2f (%"PRIuSIZE")\n", with ? "lookup" : "empty",
               (time_usec() - start) * 1000.0 / n_lookups, hits_n);
    }
    free(addrs);

    struct ila_filter f = { .xlat_locator = htonll(0x20010db800000000) };
    start = time_usec();
    ovs_assert(!ila_table_move(t, &f, htonll(0x20010db900000000), &moved));
    printf("move_us %lld (%"PRIuSIZE")\n", time_usec() - start, moved);
    ila_table_destroy(t);
}

static void
test_ila_table_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"model", "[OPS [SEED]]", 0, 2, test_model, OVS_RO},
        {"storm", "[OPS]", 0, 1, test_storm, OVS_RO},
        {"vectors", "FILE", 1, 1, test_vectors, OVS_RO},
        {"bursts", "[TABLES]", 0, 1, test_bursts, OVS_RO},
        {"bench", "N N_LOCATORS", 2, 2, test_bench, OVS_RO},
        {NULL, NULL, 0, 0, NULL, OVS_RO},
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - optind,
        .argv = argv + optind,
    };

    set_program_name(argv[0]);
    fatal_signal_init();
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-ila-table", test_ila_table_main);
