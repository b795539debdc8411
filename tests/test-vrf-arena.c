/* SPDX-License-Identifier: Apache-2.0 */

/* Memory of routing tables. */

#include <config.h>
#undef NDEBUG
#include "vrf-arena.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "ovs-thread.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

struct object {
    unsigned char *p;           /* Filled with 'fill'. */
    size_t size;
    unsigned char fill;
};

/* Are there large pages, or is all malloc()'s? */
static bool
has_chunks(void)
{
    struct vrf_arena_usage usage;
    void *p = vrf_arena_alloc(1);

    vrf_arena_get_usage(&usage);
    vrf_arena_free(p);
    return usage.n_chunks != 0;
}

static void
make(struct object *o, size_t size)
{
    o->size = size;
    o->fill = random_uint8();
    o->p = vrf_arena_alloc(size);
    memset(o->p, o->fill, size);
    if (has_chunks()) {
        uintptr_t p = (uintptr_t) o->p;

        ovs_assert(p % 32 == 0);
        ovs_assert(size > 64 || p / 64 == (p + size - 1) / 64);
    }
}

static void
unmake(struct object *o)
{
    for (size_t i = 0; i < o->size; i++) {
        ovs_assert(o->p[i] == o->fill);
    }
    vrf_arena_free(o->p);
    o->p = NULL;
}

/* Small ones are many. */
static size_t
random_size(void)
{
    size_t max = random_range(4) ? 64 : VRF_ARENA_MAX;

    return 1 + random_range(max);
}

/* Objects come and go and keep what is in them. */
static void
test_objects(struct ovs_cmdl_context *ctx)
{
    enum { N = 20000 };
    size_t n_ops = ctx->argc > 1 ? atoi(ctx->argv[1]) : 1000000;
    struct object *objects = xcalloc(N, sizeof *objects);
    struct vrf_arena_usage usage;
    size_t n = 0;

    for (size_t op = 0; op < n_ops; op++) {
        struct object *o = &objects[random_range(N)];

        if (o->p) {
            unmake(o);
            n--;
        } else {
            make(o, random_size());
            n++;
        }
    }
    vrf_arena_get_usage(&usage);
    ovs_assert(usage.n_objects == n);
    for (size_t i = 0; i < N; i++) {
        if (objects[i].p) {
            unmake(&objects[i]);
        }
    }
    free(objects);
    vrf_arena_free(NULL);
    vrf_arena_get_usage(&usage);
    ovs_assert(!usage.n_objects && !usage.n_runs && usage.n_chunks <= 1);
    printf("%"PRIuSIZE" objects come or go, each is whole\n", n_ops);
}

/* Little costs little, much costs hardly more than it is, and chunks are given
 * back. */
static void
test_usage(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    enum { N = 400000, SIZE = 64, FEW = 100 };
    struct object *objects = xcalloc(N, sizeof *objects);
    struct vrf_arena_usage usage;

    if (has_chunks()) {
        for (size_t i = 0; i < FEW; i++) {
            make(&objects[i], SIZE);
        }
        vrf_arena_get_usage(&usage);
        ovs_assert(usage.n_objects == FEW && usage.n_chunks == 1);
        ovs_assert(usage.bytes <= 4 * 4096);

        for (size_t i = FEW; i < N; i++) {
            make(&objects[i], SIZE);
        }
        vrf_arena_get_usage(&usage);
        ovs_assert(usage.n_objects == N);
        ovs_assert(usage.bytes <= N * SIZE * 1.1 + (2 << 20));

        /* Those that are left do not keep many chunks. */
        for (size_t i = FEW; i < N; i++) {
            unmake(&objects[i]);
        }
        vrf_arena_get_usage(&usage);
        ovs_assert(usage.n_objects == FEW && usage.n_chunks <= 2);
        for (size_t i = 0; i < FEW; i++) {
            unmake(&objects[i]);
        }
        vrf_arena_get_usage(&usage);
        ovs_assert(!usage.n_runs && usage.n_chunks == 1);
    }
    free(objects);
    printf("little costs little, and chunks are given back\n");
}

/* Threads. */

static void *
worker(void *n_ops_)
{
    enum { N = 1000 };
    const size_t *n_ops = n_ops_;
    struct object objects[N];

    memset(objects, 0, sizeof objects);
    for (size_t op = 0; op < *n_ops + N; op++) {
        struct object *o = &objects[op < *n_ops ? random_range(N)
                                    : op - *n_ops];

        if (o->p) {
            unmake(o);
        } else if (op < *n_ops) {
            make(o, random_size());
        }
    }
    return NULL;
}

static void
test_threads(struct ovs_cmdl_context *ctx)
{
    enum { N_THREADS = 3 };
    size_t n_ops = ctx->argc > 1 ? atoi(ctx->argv[1]) : 200000;
    struct vrf_arena_usage usage;
    pthread_t threads[N_THREADS];

    for (size_t i = 0; i < N_THREADS; i++) {
        threads[i] = ovs_thread_create("worker", worker, &n_ops);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
    }
    vrf_arena_get_usage(&usage);
    ovs_assert(!usage.n_objects);
    printf("%"PRIuSIZE" by each thread\n", n_ops);
}

static void
test_vrf_arena_main(int argc, char *argv[])
{
    static const struct ovs_cmdl_command commands[] = {
        {"objects", "[OPS]", 0, 1, test_objects, OVS_RO},
        {"usage", NULL, 0, 0, test_usage, OVS_RO},
        {"threads", "[OPS]", 0, 1, test_threads, OVS_RO},
        {NULL, NULL, 0, 0, NULL, OVS_RO},
    };
    struct ovs_cmdl_context ctx = {
        .argc = argc - optind,
        .argv = argv + optind,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("test-vrf-arena", test_vrf_arena_main);
