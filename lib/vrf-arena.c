/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "ovs-thread.h"
#include "util.h"

/* Where there are no large pages, or each object has to be malloc()'s own lest
 * AddressSanitizer miss what becomes of it, objects are that. */
#if defined MADV_HUGEPAGE && !defined __SANITIZE_ADDRESS__

#define CHUNK_SIZE (2u << 20)
#define RUN_SIZE 4096u

/* Sizes are multiples of one number up to SMALL, and of another one from there
 * on: few enough that runs that are not full do not matter. */
#define UNIT 32u
#define SMALL 256u
#define LARGE_UNIT 160u
#define N_SMALL (SMALL / UNIT)
#define N_SIZES (N_SMALL + (VRF_ARENA_MAX - SMALL) / LARGE_UNIT)
BUILD_ASSERT_DECL((VRF_ARENA_MAX - SMALL) % LARGE_UNIT == 0
                  && LARGE_UNIT % UNIT == 0);

/* Runs in a chunk; the place of the first one is the chunk's own. */
#define N_RUNS (CHUNK_SIZE / RUN_SIZE - 1)

/* At the beginning of a chunk. */
struct chunk {
    struct ovs_list node;       /* In 'chunks'. */
    struct ovs_list free_runs;  /* That were in use. */
    unsigned int n_fresh;       /* Runs, the last ones, that never were. */
    unsigned int n_used;        /* Runs. */
    bool huge;                  /* A large page is asked for. */
};

/* What is free was an object. */
struct free_object {
    struct free_object *next;
};

/* At the beginning of a run, objects behind it. */
#define RUN_HEADER 64
struct run {
    struct ovs_list node;       /* In 'partial', if objects are free, or in the
                                 * chunk's 'free_runs', if all are. */
    struct free_object *free;   /* That were in use. */
    uint16_t size;              /* Bytes of each. */
    uint16_t n_fresh;           /* Objects, the last ones, that never were. */
    uint16_t n_used;
};
BUILD_ASSERT_DECL(sizeof(struct run) <= RUN_HEADER);
BUILD_ASSERT_DECL(sizeof(struct chunk) <= RUN_SIZE);

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* All chunks, those with free runs first. */
static struct ovs_list chunks OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&chunks);
static size_t n_chunks OVS_GUARDED_BY(mutex);
static size_t n_empty OVS_GUARDED_BY(mutex); /* Chunks. */
static size_t n_runs OVS_GUARDED_BY(mutex);
static size_t n_objects OVS_GUARDED_BY(mutex);

/* Runs with free objects, by size; empty lists are null at first. */
static struct ovs_list partial[N_SIZES] OVS_GUARDED_BY(mutex);

/* The number of the size that objects of 'size' bytes get. */
static size_t
size_index(size_t size)
{
    return (size <= SMALL ? DIV_ROUND_UP(size, UNIT) - 1
            : N_SMALL + DIV_ROUND_UP(size - SMALL, LARGE_UNIT) - 1);
}

static size_t
size_of_index(size_t index)
{
    return (index < N_SMALL ? (index + 1) * UNIT
            : SMALL + (index - N_SMALL + 1) * LARGE_UNIT);
}

static struct chunk *
chunk_of(const void *p)
{
    return (struct chunk *) ((uintptr_t) p & ~(uintptr_t) (CHUNK_SIZE - 1));
}

static struct run *
run_of(const void *p)
{
    return (struct run *) ((uintptr_t) p & ~(uintptr_t) (RUN_SIZE - 1));
}

/* Returns 'size' bytes of zeros, aligned to a chunk's. */
static void *
map(size_t size)
{
    size_t room = size + CHUNK_SIZE;
    char *start = mmap(NULL, room, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned;

    if (start == MAP_FAILED) {
        out_of_memory();
    }
    aligned = (char *) ROUND_UP((uintptr_t) start, CHUNK_SIZE);
    if (aligned > start) {
        munmap(start, aligned - start);
    }
    if (aligned + size < start + room) {
        munmap(aligned + size, start + room - (aligned + size));
    }
    return aligned;
}

/* Has the kernel back the chunk by a large page, if it can: at once if nothing
 * was touched, otherwise when it comes round to it. */
static void
chunk_make_huge(struct chunk *c)
{
    madvise(c, CHUNK_SIZE, MADV_HUGEPAGE);
    c->huge = true;
}

static struct chunk *
first_chunk(void)
    OVS_REQUIRES(mutex)
{
    return CONTAINER_OF(ovs_list_front(&chunks), struct chunk, node);
}

static struct chunk *
chunk_create(void)
    OVS_REQUIRES(mutex)
{
    struct chunk *c = map(CHUNK_SIZE);

    if (n_chunks) {
        chunk_make_huge(c);
    }
    if (n_chunks == 1) {
        chunk_make_huge(first_chunk());
    }
    ovs_list_init(&c->free_runs);
    c->n_fresh = N_RUNS;
    ovs_list_push_front(&chunks, &c->node);
    n_chunks++;
    n_empty++;
    return c;
}

static struct run *
run_create(size_t size)
    OVS_REQUIRES(mutex)
{
    struct chunk *c = n_chunks ? first_chunk() : NULL;
    struct run *run;

    if (!c || c->n_used == N_RUNS) {
        c = chunk_create();
    }
    if (!ovs_list_is_empty(&c->free_runs)) {
        run = CONTAINER_OF(ovs_list_pop_front(&c->free_runs), struct run,
                           node);
    } else {
        run = (void *) ((char *) c + CHUNK_SIZE - c->n_fresh-- * RUN_SIZE);
    }
    n_empty -= !c->n_used++;
    if (c->n_used == N_RUNS) {
        ovs_list_remove(&c->node);
        ovs_list_push_back(&chunks, &c->node);
    }
    n_runs++;
    run->free = NULL;
    run->size = size;
    run->n_fresh = (RUN_SIZE - RUN_HEADER) / size;
    run->n_used = 0;
    return run;
}

static void
run_destroy(struct run *run)
    OVS_REQUIRES(mutex)
{
    struct chunk *c = chunk_of(run);

    n_runs--;
    ovs_list_push_front(&c->free_runs, &run->node);
    if (c->n_used-- == N_RUNS) {
        ovs_list_remove(&c->node);
        ovs_list_push_front(&chunks, &c->node);
    }
    if (!c->n_used) {
        if (n_empty) {
            ovs_list_remove(&c->node);
            n_chunks--;
            munmap(c, CHUNK_SIZE);
        } else {
            n_empty++;
        }
    }
}

void *
vrf_arena_alloc(size_t size)
{
    size_t index = size_index(size);
    struct ovs_list *list;
    struct run *run;
    void *object;

    ovs_assert(size && size <= VRF_ARENA_MAX);
    ovs_mutex_lock(&mutex);
    list = &partial[index];
    if (OVS_UNLIKELY(!list->next)) {
        ovs_list_init(list);
    }
    if (ovs_list_is_empty(list)) {
        run = run_create(size_of_index(index));
        ovs_list_push_front(list, &run->node);
    } else {
        run = CONTAINER_OF(ovs_list_front(list), struct run, node);
    }
    if (run->free) {
        object = run->free;
        run->free = run->free->next;
    } else {
        size_t n = (RUN_SIZE - RUN_HEADER) / run->size;

        object = (char *) run + RUN_HEADER + (n - run->n_fresh--) * run->size;
    }
    run->n_used++;
    n_objects++;
    if (!run->free && !run->n_fresh) {
        ovs_list_remove(&run->node);
    }
    ovs_mutex_unlock(&mutex);
    return object;
}

void
vrf_arena_free(void *p)
{
    struct free_object *object = p;
    struct run *run = run_of(p);

    if (!p) {
        return;
    }
    ovs_mutex_lock(&mutex);
    if (!run->free && !run->n_fresh) {
        ovs_list_push_front(&partial[size_index(run->size)], &run->node);
    }
    object->next = run->free;
    run->free = object;
    n_objects--;
    if (!--run->n_used) {
        ovs_list_remove(&run->node);
        run_destroy(run);
    }
    ovs_mutex_unlock(&mutex);
}

void
vrf_arena_get_usage(struct vrf_arena_usage *usage)
{
    struct chunk *c;

    ovs_mutex_lock(&mutex);
    usage->n_objects = n_objects;
    usage->n_runs = n_runs;
    usage->n_chunks = n_chunks;
    usage->bytes = 0;
    LIST_FOR_EACH (c, node, &chunks) {
        usage->bytes += (c->huge ? CHUNK_SIZE
                         : CHUNK_SIZE - c->n_fresh * RUN_SIZE);
    }
    ovs_mutex_unlock(&mutex);
}

#else /* No large pages. */

#include "ovs-atomic.h"

static atomic_size_t n_objects = ATOMIC_VAR_INIT(0);

void *
vrf_arena_alloc(size_t size)
{
    size_t orig;

    ovs_assert(size && size <= VRF_ARENA_MAX);
    atomic_add_relaxed(&n_objects, 1, &orig);
    return xmalloc(size);
}

void
vrf_arena_free(void *p)
{
    size_t orig;

    if (p) {
        atomic_sub_relaxed(&n_objects, 1, &orig);
        free(p);
    }
}

void
vrf_arena_get_usage(struct vrf_arena_usage *usage)
{
    *usage = (struct vrf_arena_usage) { .bytes = 0 };
    atomic_read_relaxed(&n_objects, &usage->n_objects);
}
#endif
