/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#undef NDEBUG
#include "model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "util.h"

#define MAIN MODEL_MAX_THREADS          /* Who sets up and checks. */
#define N_CLOCKS (MODEL_MAX_THREADS + 1)

/* Of each thread, how many of its operations are known. */
struct clock {
    uint32_t t[N_CLOCKS];
};

/* A value of a location. */
struct store {
    uint64_t value;
    bool plain;                 /* Ordinary writes; 'value' is in memory. */
    int thread;
    uint32_t time;              /* Of 'thread'; 0 before all. */
    struct clock release;       /* What one that acquires it gets to know. */
    uint32_t seen[N_CLOCKS];    /* When each thread first loaded it, or 0. */
};

struct location {
    const void *addr;
    size_t size;
    struct store *stores;
    size_t n, allocated;
    uint32_t read_time[N_CLOCKS];   /* Each thread's last load. */
    int owner;                  /* Of a lock, or -1. */
    uint32_t count;             /* Of a semaphore. */
};

/* An ordinary location: 4 bytes. */
struct shadow {
    uintptr_t addr;
    int writer;
    uint32_t write_time;
    uint32_t read_time[N_CLOCKS];
};

enum op_type { OP_LOAD, OP_STORE, OP_FENCE, OP_LOCK, OP_WAIT, OP_OTHER };

struct op {
    enum op_type type;
    const void *addr;
};

struct thread {
    ucontext_t context;
    char *stack;
    bool ended;
    struct op op;               /* What it is about to do. */
    struct clock clock;
    struct clock acquirable;    /* What an acquire fence would add. */
    struct clock fence;         /* 'clock' at the last fence. */
};

/* A point where there was a choice. */
struct choice {
    uint8_t n, i;
    uint8_t threads[MODEL_MAX_THREADS];     /* If it is among threads... */
    uint8_t sleep;                          /* ...those not to be chosen. */
};

enum { STACK = 256 * 1024, MAX_CHOICES = 4096, N_HASH = 1 << 12,
       N_SHADOW = 1 << 16, ARENA = 1 << 20 };

static struct choice choices[MAX_CHOICES];
static size_t n_choices, position;

static const struct model *model;
static struct thread threads[N_CLOCKS];
static size_t n_threads;
static int current;                     /* Who is running. */
static ucontext_t scheduler;
static uint8_t asleep;
static bool pruned;
static struct clock sc_clock;

static struct location locations[N_HASH];
static struct shadow shadows[N_SHADOW];
static size_t used_locations[N_HASH], n_used_locations;
static size_t used_shadows[N_SHADOW], n_used_shadows;

/* Locations that more than one thread uses; found while exploring, which then
 * begins anew. */
struct sharing {
    const void *addr;
    uint8_t users;
};
static struct sharing sharing[N_HASH];
static bool sharing_changed;

static char *arena;
static size_t arena_used;

void
model_fail(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", model->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nchoices:");
    for (size_t i = 0; i < position; i++) {
        fprintf(stderr, choices[i].threads[0] == UINT8_MAX ? " v%d" : " t%d",
                choices[i].threads[0] == UINT8_MAX
                ? choices[i].i : choices[i].threads[choices[i].i]);
    }
    fprintf(stderr, "\n");
    exit(EXIT_FAILURE);
}

static void
join(struct clock *a, const struct clock *b)
{
    for (int i = 0; i < N_CLOCKS; i++) {
        a->t[i] = MAX(a->t[i], b->t[i]);
    }
}

/* Does 'thread' know what 'other' did at 'time'? */
static bool
knows(const struct thread *thread, int other, uint32_t time)
{
    return thread->clock.t[other] >= time;
}

static uint32_t
tick(void)
{
    return ++threads[current].clock.t[current];
}

void *
model_alloc(size_t n, size_t size)
{
    void *p = arena + arena_used;

    arena_used += ROUND_UP(n * size, 64);
    ovs_assert(arena_used <= ARENA);
    return memset(p, 0, n * size);
}

static size_t
hash_addr(const void *addr)
{
    return ((uintptr_t) addr >> 2) * 2654435761U;
}

static uint64_t
read_memory(const void *p, size_t size)
{
    switch (size) {
    case 1: return *(const uint8_t *) p;
    case 4: return *(const uint32_t *) p;
    case 8: return *(const uint64_t *) p;
    }
    OVS_NOT_REACHED();
}

static void
write_memory(void *p, size_t size, uint64_t value)
{
    switch (size) {
    case 1: *(uint8_t *) p = value; return;
    case 4: *(uint32_t *) p = value; return;
    case 8: *(uint64_t *) p = value; return;
    }
    OVS_NOT_REACHED();
}

static struct location *
find_location(const void *addr)
{
    for (size_t i = hash_addr(addr); ; i++) {
        struct location *l = &locations[i % N_HASH];

        if (!l->addr || l->addr == addr) {
            return l;
        }
    }
}

static struct store *
append_store(struct location *l)
{
    struct store *s;

    if (l->n >= l->allocated) {
        l->stores = x2nrealloc(l->stores, &l->allocated, sizeof *l->stores);
    }
    s = &l->stores[l->n++];
    memset(s, 0, sizeof *s);
    return s;
}

static struct location *
get_location(const void *addr, size_t size)
{
    struct location *l = find_location(addr);

    if (!l->addr) {
        ovs_assert(n_used_locations < N_HASH / 2);
        used_locations[n_used_locations++] = l - locations;
        l->addr = addr;
        l->size = size;
        l->n = 0;
        memset(l->read_time, 0, sizeof l->read_time);
        l->owner = -1;
        l->count = 0;
        if (size) {
            append_store(l)->value = read_memory(addr, size);
        }
    }
    ovs_assert(l->size == size);
    return l;
}

/* Notes that the running thread uses 'addr', and returns whether others do,
 * too. */
static bool
is_shared(const void *addr)
{
    struct sharing *s;
    size_t i = hash_addr(addr);

    do {
        s = &sharing[i++ % N_HASH];
    } while (s->addr && s->addr != addr);
    s->addr = addr;
    if (current != MAIN && !(s->users & 1 << current)) {
        if (s->users && IS_POW2(s->users)) {
            sharing_changed = true;
        }
        s->users |= 1 << current;
    }
    return s->users && !IS_POW2(s->users);
}

/* Choices. */

static struct choice *
next_choice(void)
{
    ovs_assert(position < MAX_CHOICES);
    if (position == n_choices) {
        memset(&choices[n_choices++], 0, sizeof choices[0]);
    }
    return &choices[position++];
}

/* Chooses one of 'n' values. */
static size_t
choose(size_t n)
{
    struct choice *c;

    if (n < 2) {
        return 0;
    }
    c = next_choice();
    c->threads[0] = UINT8_MAX;
    c->n = n;
    return c->i;
}

static bool
is_enabled(const struct thread *t)
{
    if (t->ended) {
        return false;
    }
    switch (t->op.type) {
    case OP_LOCK: return get_location(t->op.addr, 0)->owner < 0;
    case OP_WAIT: return get_location(t->op.addr, 0)->count > 0;
    case OP_LOAD: case OP_STORE: case OP_FENCE: case OP_OTHER: return true;
    }
    OVS_NOT_REACHED();
}

static bool
are_independent(const struct op *a, const struct op *b)
{
    return a->addr != b->addr || (a->type == OP_LOAD && b->type == OP_LOAD);
}

/* Chooses which thread goes on; -1 if none. */
static int
choose_thread(void)
{
    uint8_t candidates[MODEL_MAX_THREADS], before, n = 0;
    bool any = false;
    struct choice *c;
    int chosen;

    for (size_t i = 0; i < n_threads; i++) {
        if (is_enabled(&threads[i])) {
            any = true;
            if (!(asleep & 1 << i)) {
                candidates[n++] = i;
            }
        }
    }
    if (!n) {
        pruned = any;
        return -1;
    }
    before = asleep;
    chosen = candidates[0];
    if (n > 1) {
        c = next_choice();
        memcpy(c->threads, candidates, n);
        c->n = n;
        chosen = candidates[c->i];
        for (size_t i = 0; i < c->i; i++) {
            before |= 1 << candidates[i];
        }
    }
    asleep = 0;
    for (size_t i = 0; i < n_threads; i++) {
        if (before & 1 << i && i != chosen
            && are_independent(&threads[i].op, &threads[chosen].op)) {
            asleep |= 1 << i;
        }
    }
    return chosen;
}

/* Announces the next operation of the running thread, and returns when it is
 * its turn. */
static void
before_op(enum op_type type, const void *addr)
{
    struct thread *t = &threads[current];

    if (current != MAIN && (type == OP_FENCE || is_shared(addr))) {
        t->op = (struct op) { type, addr };
        swapcontext(&t->context, &scheduler);
    }
}

/* Atomic operations. */

static bool
is_acquire(enum model_order order)
{
    return order == MODEL_ACQUIRE || order == MODEL_ACQ_REL;
}

static bool
is_release(enum model_order order)
{
    return order == MODEL_RELEASE || order == MODEL_ACQ_REL;
}

/* Must the running thread not yield anything older than 's'? */
static bool
has_to_know(const struct store *s)
{
    const struct thread *t = &threads[current];

    if (knows(t, s->thread, s->time)) {
        return true;
    }
    for (int i = 0; i < N_CLOCKS; i++) {
        if (s->seen[i] && knows(t, i, s->seen[i])) {
            return true;
        }
    }
    return false;
}

/* The running thread reads from 's' of 'l'. */
static uint64_t
read_from(struct location *l, struct store *s, enum model_order order)
{
    struct thread *t = &threads[current];
    uint32_t time = tick();

    l->read_time[current] = time;
    if (s->plain) {
        if (!knows(t, s->thread, s->time)) {
            model_fail("race: load of what is being written");
        }
        s->value = read_memory(l->addr, l->size);
    }
    if (!s->seen[current]) {
        s->seen[current] = time;
    }
    join(&t->acquirable, &s->release);
    if (is_acquire(order)) {
        join(&t->clock, &s->release);
    }
    return s->value;
}

uint64_t
model_load(const void *p, size_t size, enum model_order order)
{
    struct location *l;
    size_t oldest;

    before_op(OP_LOAD, p);
    l = get_location(p, size);
    oldest = l->n - 1;
    while (oldest > 0 && !has_to_know(&l->stores[oldest])) {
        oldest--;
    }
    return read_from(l, &l->stores[l->n - 1 - choose(l->n - oldest)], order);
}

static void
put(void *p, size_t size, uint64_t value, enum model_order order,
    const struct clock *sequence)
{
    struct location *l = get_location(p, size);
    struct thread *t = &threads[current];
    uint32_t time = tick();
    struct store *s;

    s = append_store(l);
    s->value = value;
    s->thread = current;
    s->time = time;
    s->release = is_release(order) ? t->clock : t->fence;
    if (sequence) {
        join(&s->release, sequence);
    }
    write_memory(p, size, value);
}

void
model_store(void *p, size_t size, uint64_t value, enum model_order order)
{
    before_op(OP_STORE, p);
    put(p, size, value, order, NULL);
}

uint64_t
model_count(void *p, size_t size, uint64_t n)
{
    uint64_t old = read_memory(p, size);

    is_shared(p);
    put(p, size, old + n, MODEL_RELAXED, NULL);
    return old;
}

static uint64_t
read_modify_write(void *p, size_t size, uint64_t n, bool exchange,
                  enum model_order order)
{
    struct location *l;
    struct clock sequence;
    uint64_t old;

    before_op(OP_STORE, p);
    l = get_location(p, size);
    sequence = l->stores[l->n - 1].release;
    old = read_from(l, &l->stores[l->n - 1], order);
    put(p, size, exchange ? n : old + n, order, &sequence);
    return old;
}

uint64_t
model_add(void *p, size_t size, uint64_t n, enum model_order order)
{
    return read_modify_write(p, size, n, false, order);
}

uint64_t
model_exchange(void *p, size_t size, uint64_t value, enum model_order order)
{
    return read_modify_write(p, size, value, true, order);
}

void
model_fence(void)
{
    struct thread *t = &threads[current];

    before_op(OP_FENCE, &sc_clock);
    tick();
    join(&t->clock, &t->acquirable);
    join(&t->clock, &sc_clock);
    sc_clock = t->clock;
    t->fence = t->clock;
}

/* Ordinary accesses. */

static struct shadow *
get_shadow(uintptr_t addr)
{
    for (size_t i = addr / 4; ; i++) {
        struct shadow *s = &shadows[i % N_SHADOW];

        if (s->addr == addr) {
            return s;
        } else if (!s->addr) {
            ovs_assert(n_used_shadows < N_SHADOW / 2);
            used_shadows[n_used_shadows++] = s - shadows;
            s->addr = addr;
            s->writer = MAIN;
            s->write_time = 0;
            memset(s->read_time, 0, sizeof s->read_time);
            return s;
        }
    }
}

void
model_reads(const void *p, size_t size)
{
    struct thread *t = &threads[current];
    uint32_t time = tick();

    for (uintptr_t a = (uintptr_t) p & ~3; a < (uintptr_t) p + size; a += 4) {
        struct shadow *s = get_shadow(a);

        if (!knows(t, s->writer, s->write_time)) {
            model_fail("race: %d reads what %d writes", current, s->writer);
        }
        s->read_time[current] = time;
    }
}

void
model_writes(const void *p, size_t size)
{
    struct thread *t = &threads[current];
    uint32_t time = tick();

    for (uintptr_t a = (uintptr_t) p & ~3; a < (uintptr_t) p + size; a += 4) {
        struct shadow *s = get_shadow(a);
        struct location *l = find_location((void *) a);

        if (!knows(t, s->writer, s->write_time)) {
            model_fail("race: %d writes what %d writes", current, s->writer);
        }
        for (int i = 0; i < N_CLOCKS; i++) {
            if (!knows(t, i, s->read_time[i])
                || (l->addr && !knows(t, i, l->read_time[i]))) {
                model_fail("race: %d writes what %d reads", current, i);
            }
        }
        s->writer = current;
        s->write_time = time;
        if (l->addr) {
            struct store *store = append_store(l);

            store->plain = true;
            store->thread = current;
            store->time = time;
        }
    }
}

/* Waiting.  The location's only store carries the clock from one to the
 * next. */

static void
pass_on(struct location *l, bool acquire, bool release)
{
    struct store *s = l->n ? l->stores : append_store(l);
    struct thread *t = &threads[current];

    tick();
    if (acquire) {
        join(&t->clock, &s->release);
    }
    if (release) {
        join(&s->release, &t->clock);
    }
}

void
model_lock(const void *p)
{
    struct location *l;

    is_shared(p);
    before_op(OP_LOCK, p);
    l = get_location(p, 0);
    ovs_assert(l->owner < 0);
    l->owner = current;
    pass_on(l, true, false);
}

void
model_unlock(const void *p)
{
    struct location *l;

    before_op(OP_OTHER, p);
    l = get_location(p, 0);
    l->owner = -1;
    pass_on(l, false, true);
}

void
model_post(const void *p)
{
    struct location *l;

    before_op(OP_OTHER, p);
    l = get_location(p, 0);
    l->count++;
    pass_on(l, false, true);
}

void
model_wait(const void *p)
{
    struct location *l;

    before_op(OP_WAIT, p);
    l = get_location(p, 0);
    if (!l->count) {
        /* Nobody else is known to use it yet. */
        model_fail("waits for ever");
    }
    l->count--;
    pass_on(l, true, false);
}

/* Executions. */

static void
thread_main(void)
{
    before_op(OP_FENCE, &threads[current]);     /* Nobody else's. */
    model->threads[current]();
    threads[current].ended = true;
    swapcontext(&threads[current].context, &scheduler);
}

static void
switch_to(int i)
{
    current = i;
    swapcontext(&scheduler, &threads[i].context);
    current = MAIN;
}

static void
execute(void)
{
    struct thread *main_thread = &threads[MAIN];

    while (n_used_locations) {
        locations[used_locations[--n_used_locations]].addr = NULL;
    }
    while (n_used_shadows) {
        shadows[used_shadows[--n_used_shadows]].addr = 0;
    }
    memset(&sc_clock, 0, sizeof sc_clock);
    arena_used = 0;
    position = 0;
    asleep = 0;
    pruned = false;

    current = MAIN;
    memset(&main_thread->clock, 0, sizeof main_thread->clock);
    model->setup();
    for (n_threads = 0; n_threads < MODEL_MAX_THREADS
                        && model->threads[n_threads]; n_threads++) {
        struct thread *t = &threads[n_threads];

        t->ended = false;
        t->clock = main_thread->clock;
        t->acquirable = t->fence = (struct clock) { .t = { 0 } };
        getcontext(&t->context);
        t->context.uc_stack.ss_sp = t->stack;
        t->context.uc_stack.ss_size = STACK;
        makecontext(&t->context, thread_main, 0);
        switch_to(n_threads);
    }

    for (;;) {
        int i = choose_thread();

        if (i < 0) {
            break;
        }
        switch_to(i);
        if (sharing_changed) {
            return;
        }
    }
    if (pruned) {
        return;
    }
    for (size_t i = 0; i < n_threads; i++) {
        if (!threads[i].ended) {
            model_fail("thread %"PRIuSIZE" waits for ever", i);
        }
        join(&main_thread->clock, &threads[i].clock);
    }
    model->check();
}

/* Goes to the next alternative of the last choice that has one. */
static bool
advance(void)
{
    while (n_choices) {
        struct choice *c = &choices[n_choices - 1];

        if (++c->i < c->n) {
            return true;
        }
        n_choices--;
    }
    return false;
}

uint64_t
model_run(const struct model *m)
{
    uint64_t n;

    model = m;
    if (!arena) {
        arena = xmalloc_cacheline(ARENA);
        for (int i = 0; i < MODEL_MAX_THREADS; i++) {
            threads[i].stack = xmalloc(STACK);
        }
    }
    memset(sharing, 0, sizeof sharing);

restart:
    n_choices = 0;
    sharing_changed = false;
    n = 0;
    do {
        execute();
        if (sharing_changed) {
            goto restart;
        }
        n += !pruned;
        if (n > m->max_executions) {
            model_fail("more than %"PRIu64" executions", n - 1);
        }
    } while (advance());
    return n;
}
