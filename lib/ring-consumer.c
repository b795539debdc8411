/* SPDX-License-Identifier: Apache-2.0 */

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <openvswitch/ring.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ring-atomic.h"

/* A lane is read from position to position: segment number 'k', as counted by
 * order[], and an offset in it.  Its segments come back to the producer when
 * nobody refers to them any more, whoever that was last.
 *
 * Loads and stores of what the producer writes and reads:
 *
 *   prod           Load-acquire: headers below it, and order[], are of this
 *                  use of the segment.
 *   record.word    Load-acquire: without BUSY, the record is complete.
 *   released[]     Store-release, after all accesses of all holders.
 *   armed          Store, full fence, look again.
 *
 * The producer is trusted to follow the protocol, but a ring that was not
 * written by one must not crash us: lengths and numbers are checked. */

/* The reader's reference to a segment that it has entered and not passed, or
 * out of which it has returned records that are valid.  Others count in units
 * of one. */
#define READER (1U << 31)

struct segment {
    uint32_t refs;              /* READER | number of holds. */
    uint32_t generation;        /* That the segment was entered under. */
    uint32_t next;              /* In the list of those to be left. */
};

struct lane {
    /* Constant. */
    const struct ovs_ring_lane *shared;
    const __u32 *order;
    const uint8_t *data;
    struct ovs_ring_consumer *consumer;
    __u32 *released;
    struct segment *segs;

    /* Position. */
    uint64_t prod;              /* As it was loaded last. */
    uint32_t k;                 /* Number of the segment... */
    bool entered;               /* ...whether it was looked up in order[]... */
    uint32_t seg;               /* ...then, which it is... */
    uint32_t off;               /* ...and the offset in it. */
    uint64_t seq;               /* Next one if nothing is lost. */
    uint64_t lost;              /* To be told with the next record. */
    uint32_t left;              /* List of segments that were passed and are to
                                 * be left, ended by UINT32_MAX. */
    uint32_t n_left;            /* Segments left since the last kick. */

    /* Any thread, atomically. */
    uint32_t n_pinned;          /* Segments with holds. */

    struct ovs_ring_stats stats;

    /* Answering. */
    struct ovs_ring_tx *tx;
    uint8_t *tx_data;
    uint32_t tx_tail;           /* Entries written, modulo 2^32. */
    uint32_t tx_seen;           /* Of them, those known to be taken. */
    uint32_t data_tail;         /* Bytes of TX data used, modulo 2^32, and
                                 * those of them that are free again. */
    uint32_t data_head;
    uint32_t *data_ends;        /* 'data_tail' after each entry. */
};

struct ovs_ring {
    struct ovs_ring_memory memory;
    struct ovs_ring_control control;    /* As it was when it was checked. */
    struct lane *lanes;
    uint32_t current;           /* The lane that is read. */
    uint32_t hold_limit;
    uint32_t linger_us;
    uint32_t armed;             /* Value for the last sleep. */
    uint64_t sleeps;
    bool passed;                /* Were segments passed that are to be left? */
    bool hung_up;               /* Is the producer gone without a word? */
    bool broken;                /* EPROTO. */
    void (*kick)(void *aux);    /* See ovs_ring_set_kick(). */
    void *kick_aux;
};

/* Returns zeroed memory for 'n' of 'size' bytes, or null.  A library must not
 * abort where memory is short, as xmalloc() and its like would. */
static void *
allocate(size_t n, size_t size)
{
    void *p = reallocarray(NULL, n, size);

    return p ? memset(p, 0, n * size) : NULL;
}

/* Opening and closing. */

static bool
is_size(uint32_t x, uint32_t min, uint32_t max)
{
    return x >= min && x <= max && !(x & (x - 1));
}

/* Do 'n' parts of 'stride' bytes, each with 'size' in use, fit in from 'off'
 * to 'end', and are they where they should be? */
static bool
fits(uint64_t off, uint64_t stride, uint64_t size, uint32_t n, uint64_t end,
     uint32_t align)
{
    return !(off % align) && !(stride % align) && stride >= size
           && off <= end && (end - off) / stride >= n;
}

static int
check_control(const struct ovs_ring_control *c, size_t producer_size,
              size_t consumer_size)
{
    uint64_t lane_size, tx_end, consumer_end;

    if (c->magic != OVS_RING_MAGIC) {
        return EPROTO;
    }
    if (c->major != OVS_RING_MAJOR) {
        return EPROTONOSUPPORT;
    }
    if (c->control_len < sizeof *c
        || c->producer_size != producer_size
        || c->consumer_size != consumer_size
        || !c->n_lanes
        || !is_size(c->seg_size, OVS_RING_MIN_SEG_SIZE, OVS_RING_MAX_SEG_SIZE)
        || !is_size(c->n_segs, OVS_RING_MIN_SEGS, OVS_RING_MAX_SEGS)
        || (c->n_tx && !is_size(c->n_tx, 1, OVS_RING_MAX_TX))
        || (c->tx_data_size
            && !is_size(c->tx_data_size, 64, OVS_RING_MAX_TX_DATA))) {
        return EPROTO;
    }

    lane_size = sizeof(struct ovs_ring_lane)
                + 2 * (uint64_t) c->n_segs * sizeof(__u32);
    consumer_end = sizeof(struct ovs_ring_consumer)
                   + (uint64_t) c->n_segs * sizeof(__u32);
    if (c->n_tx) {
        if (c->tx_off % 64 || c->tx_off < consumer_end
            || c->tx_data_off % 64) {
            return EPROTO;
        }
        tx_end = c->tx_off + (uint64_t) c->n_tx * sizeof(struct ovs_ring_tx);
        if (c->tx_data_size && c->tx_data_off < tx_end) {
            return EPROTO;
        }
        consumer_end = c->tx_data_size
                       ? c->tx_data_off + (uint64_t) c->tx_data_size : tx_end;
    }
    if (c->lane_off < sizeof *c
        || !fits(c->lane_off, c->lane_stride, lane_size, c->n_lanes,
                 c->data_off, 64)
        || !fits(c->data_off, c->data_stride,
                 (uint64_t) c->n_segs * c->seg_size, c->n_lanes,
                 producer_size, 4096)
        || !fits(c->consumer_off, c->consumer_stride, consumer_end,
                 c->n_lanes, consumer_size, 64)) {
        return EPROTO;
    }
    return 0;
}

static int
init_lane(struct ovs_ring *ring, uint32_t i)
{
    const struct ovs_ring_control *c = &ring->control;
    const char *producer = ring->memory.producer;
    char *consumer = ring->memory.consumer;
    struct lane *lane = &ring->lanes[i];

    producer += c->lane_off + (size_t) i * c->lane_stride;
    consumer += c->consumer_off + (size_t) i * c->consumer_stride;
    lane->shared = (const void *) producer;
    lane->order = (const __u32 *) (lane->shared + 1);
    lane->data = (const uint8_t *) ring->memory.producer + c->data_off
                 + i * c->data_stride;
    lane->consumer = (void *) consumer;
    lane->released = (__u32 *) (lane->consumer + 1);
    lane->left = UINT32_MAX;
    lane->segs = allocate(c->n_segs, sizeof *lane->segs);
    if (!lane->segs) {
        return ENOMEM;
    }
    if (c->n_tx) {
        lane->tx = (void *) (consumer + c->tx_off);
        lane->tx_data = (uint8_t *) consumer + c->tx_data_off;
        lane->data_ends = allocate(c->n_tx, sizeof *lane->data_ends);
        if (!lane->data_ends) {
            return ENOMEM;
        }
    }
    return 0;
}

static void
free_ring(struct ovs_ring *ring)
{
    if (ring->lanes) {
        for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
            free(ring->lanes[i].segs);
            free(ring->lanes[i].data_ends);
        }
        free(ring->lanes);
    }
    free(ring);
}

int
ovs_ring_open(const struct ovs_ring_memory *memory, struct ovs_ring **ringp)
{
    struct ovs_ring *ring;
    int error;

    if (memory->producer_size < sizeof ring->control) {
        return EPROTO;
    }
    ring = allocate(1, sizeof *ring);
    if (!ring) {
        return ENOMEM;
    }
    ring->memory = *memory;
    memcpy(&ring->control, memory->producer, sizeof ring->control);
    error = check_control(&ring->control, memory->producer_size,
                          memory->consumer_size);
    if (!error) {
        ring->lanes = allocate(ring->control.n_lanes, sizeof *ring->lanes);
        error = ring->lanes ? 0 : ENOMEM;
    }
    for (uint32_t i = 0; !error && i < ring->control.n_lanes; i++) {
        error = init_lane(ring, i);
    }
    if (error) {
        free_ring(ring);
        return error;
    }
    ring->hold_limit = ring->control.n_segs / 2;
    *ringp = ring;
    return 0;
}

/* What ovs_ring_open_fds() has to give back. */
struct files {
    struct ovs_ring_memory memory;
    int producer_fd, consumer_fd;
};

static void
release_files(void *files_)
{
    struct files *files = files_;

    munmap((void *) (uintptr_t) files->memory.producer,
           files->memory.producer_size);
    munmap(files->memory.consumer, files->memory.consumer_size);
    close(files->producer_fd);
    close(files->consumer_fd);
    close(files->memory.fd);
    free(files);
}

static int
map_file(int fd, int prot, void **p, size_t *size)
{
    struct stat s;

    if (fstat(fd, &s)) {
        return errno;
    }
    if (s.st_size <= 0 || (uintmax_t) s.st_size > SIZE_MAX) {
        return EPROTO;
    }
    *p = mmap(NULL, s.st_size, prot, MAP_SHARED, fd, 0);
    if (*p == MAP_FAILED) {
        return errno;
    }
    *size = s.st_size;
    return 0;
}

int
ovs_ring_open_fds(int producer_fd, int consumer_fd, int fd,
                  struct ovs_ring **ringp)
{
    struct files *files = allocate(1, sizeof *files);
    struct ovs_ring_memory *m = &files->memory;
    void *producer;
    int error;

    if (!files) {
        return ENOMEM;
    }
    *m = (struct ovs_ring_memory) {
        .fd = fd, .release = release_files, .aux = files,
    };
    files->producer_fd = producer_fd;
    files->consumer_fd = consumer_fd;

    error = map_file(producer_fd, PROT_READ, &producer, &m->producer_size);
    if (error) {
        goto error;
    }
    m->producer = producer;
    error = map_file(consumer_fd, PROT_READ | PROT_WRITE, &m->consumer,
                     &m->consumer_size);
    if (error) {
        goto error_producer;
    }
    error = ovs_ring_open(m, ringp);
    if (error) {
        goto error_consumer;
    }
    return 0;

error_consumer:
    munmap(m->consumer, m->consumer_size);
error_producer:
    munmap(producer, m->producer_size);
error:
    free(files);
    return error;
}

void
ovs_ring_close(struct ovs_ring *ring)
{
    if (ring) {
        struct ovs_ring_memory memory = ring->memory;

        free_ring(ring);
        if (memory.release) {
            memory.release(memory.aux);
        }
    }
}

const struct ovs_ring_control *
ovs_ring_get_control(const struct ovs_ring *ring)
{
    return ring->memory.producer;
}

static uint32_t
get_state(const struct ovs_ring *ring)
{
    return ring_load_acquire(&ovs_ring_get_control(ring)->state);
}

void
ovs_ring_set_kick(struct ovs_ring *ring, void (*kick)(void *aux), void *aux)
{
    ring->kick = kick;
    ring->kick_aux = aux;
}

void
ovs_ring_kick(struct ovs_ring *ring)
{
    if (ring->kick) {
        ring->kick(ring->kick_aux);
    } else if (ring->memory.kick) {
        ring->memory.kick(ring->memory.aux);
    }
}

/* Wakes a producer that has nowhere to go.  It said so, fenced, and looked at
 * the segments again: it has seen what is released now, or is seen here. */
static void
kick_if_parked(struct ovs_ring *ring)
{
    ring_fence();
    if (get_state(ring) & OVS_RING_S_PARKED) {
        ovs_ring_kick(ring);
    }
}

/* Segments. */

/* Removes 'ref' from the references to 'seg', and gives the segment back if it
 * was the last one.  Returns what they were before. */
static uint32_t
unref_segment(struct lane *lane, uint32_t seg, uint32_t ref)
{
    uint32_t generation = lane->segs[seg].generation;
    /* Acquire and release: whoever is last is behind all accesses of all. */
    uint32_t old = ring_sub_acq_rel(&lane->segs[seg].refs, ref);

    if (old == ref) {
        ring_store_release(&lane->released[seg], generation);
    }
    return old;
}

/* Leaves the segments that were passed: no record in them is valid any more
 * that is not held. */
static void
leave_segments(struct ovs_ring *ring, struct lane *lane)
{
    while (lane->left != UINT32_MAX) {
        uint32_t seg = lane->left;

        lane->left = lane->segs[seg].next;
        unref_segment(lane, seg, READER);
        if (++lane->n_left >= ring->control.n_segs / 4) {
            lane->n_left = 0;
            kick_if_parked(ring);
        }
    }
}

static void
leave_all(struct ovs_ring *ring)
{
    if (ring->passed) {
        ring->passed = false;
        for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
            leave_segments(ring, &ring->lanes[i]);
        }
    }
}

static bool
enter_segment(const struct ovs_ring *ring, struct lane *lane)
{
    uint32_t mask = 2 * ring->control.n_segs - 1;
    /* Relaxed: ordered by the load of 'prod'. */
    uint32_t seg = ring_load_relaxed(&lane->order[lane->k & mask]);

    if (seg >= ring->control.n_segs
        || ring_load_relaxed(&lane->segs[seg].refs)) {
        return false;
    }
    lane->seg = seg;
    lane->off = 0;
    lane->entered = true;
    lane->segs[seg].generation = lane->k + 1 ? lane->k + 1 : 1;
    ring_store_relaxed(&lane->segs[seg].refs, READER);
    return true;
}

static void
pass_segment(struct ovs_ring *ring, struct lane *lane)
{
    ring->passed = true;
    lane->segs[lane->seg].next = lane->left;
    lane->left = lane->seg;
    lane->k++;
    lane->off = 0;
    lane->entered = false;
}

/* Reading. */

/* Is there a header at the position of 'lane', according to 'lane->prod'? */
static bool
is_below(const struct lane *lane)
{
    uint32_t opened = lane->prod >> 32;

    return lane->k + 1 == opened ? lane->off < (uint32_t) lane->prod
                                 : lane->k != opened;
}

/* Is there a header?  Then what it says is of this use of the segment. */
static bool
has_header(struct lane *lane)
{
    if (!is_below(lane)) {
        lane->prod = ring_load_acquire(&lane->shared->prod);
        return is_below(lane);
    }
    return true;
}

static const struct ovs_ring_record *
header_at(const struct ovs_ring *ring, const struct lane *lane)
{
    return (const void *) (lane->data
                           + (size_t) lane->seg * ring->control.seg_size
                           + lane->off);
}

/* Fills in 'rec' for the record 'r' at the position of 'lane'. */
static bool
fill_in(const struct lane *lane, const struct ovs_ring_record *r, uint32_t len,
        struct ovs_ring_rec *rec)
{
    *rec = (struct ovs_ring_rec) {
        .ext = r + 1,
        .ext_len = r->ext_len,
        .type = r->type,
        .flags = r->flags,
        .seq = r->seq,
        .seg = lane->seg,
        .generation = lane->segs[lane->seg].generation,
        .off = lane->off,
    };
    if (rec->ext_len > len || rec->ext_len % 8) {
        return false;
    }
    rec->data = (const uint8_t *) rec->ext + rec->ext_len;
    rec->len = len - rec->ext_len;
    if (rec->flags & OVS_RING_RF_TIMESTAMP
        && rec->ext_len >= sizeof rec->timestamp) {
        memcpy(&rec->timestamp, rec->ext, sizeof rec->timestamp);
    }
    return true;
}

/* Gets the next record of 'lane', as ovs_ring_next(). */
static int
next_of_lane(struct ovs_ring *ring, struct lane *lane,
             struct ovs_ring_rec *rec)
{
    const struct ovs_ring_control *c = &ring->control;

    while (has_header(lane)) {
        const struct ovs_ring_record *r;
        uint32_t word, len;

        if (!lane->entered && !enter_segment(ring, lane)) {
            return EPROTO;
        }
        if (lane->off > c->seg_size - sizeof *r) {
            return EPROTO;
        }
        r = header_at(ring, lane);
        word = ring_load_acquire(&r->word);
        if (word & OVS_RING_R_BUSY) {
            return EAGAIN;
        }
        if (word & OVS_RING_R_END) {
            pass_segment(ring, lane);
            continue;
        }

        len = word & OVS_RING_R_LEN;
        ring_reads(&r->type, sizeof *r - sizeof r->word + len);
        if (len > c->seg_size - lane->off - sizeof *r
            || r->seq < lane->seq
            || !fill_in(lane, r, len, rec)) {
            return EPROTO;
        }
        lane->off += sizeof *r + ((len + 7) & ~7U);
        lane->lost += rec->seq - lane->seq;
        lane->stats.lost += rec->seq - lane->seq;
        lane->seq = rec->seq + 1;
        if (word & OVS_RING_R_DISCARD) {
            lane->stats.discarded++;
            continue;
        }

        rec->lost = lane->lost;
        lane->lost = 0;
        if (rec->flags & OVS_RING_RF_COPY) {
            lane->stats.copied++;
        } else {
            lane->stats.received++;
            lane->stats.bytes += len;
        }
        return 0;
    }
    return EAGAIN;
}

/* Gets records from lane to lane, a segment of each in turn. */
static int
next_of_all(struct ovs_ring *ring, struct ovs_ring_rec recs[], size_t max,
            size_t *n)
{
    uint32_t n_lanes = ring->control.n_lanes;
    uint32_t n_empty = 0;

    while (*n < max && n_empty < n_lanes) {
        struct lane *lane = &ring->lanes[ring->current];
        uint32_t k = lane->k;
        int error;

        error = next_of_lane(ring, lane, recs + *n);
        if (error && error != EAGAIN) {
            return error;
        }
        if (error) {
            n_empty++;
        } else {
            recs[(*n)++].lane = ring->current;
            n_empty = 0;
        }
        if (error || lane->k != k) {
            ring->current = (ring->current + 1) % n_lanes;
        }
    }
    return 0;
}

int
ovs_ring_next_batch(struct ovs_ring *ring, struct ovs_ring_rec recs[],
                    size_t max, size_t *n)
{
    int error;

    *n = 0;
    if (ring->broken) {
        return EPROTO;
    }
    leave_all(ring);
    error = next_of_all(ring, recs, max, n);
    if (!error && !*n
        && (ring->hung_up || get_state(ring) & OVS_RING_S_DEAD)) {
        /* It may have written something before it died. */
        error = next_of_all(ring, recs, max, n);
        error = error ? error : ESHUTDOWN;
    }
    if (error && error != ESHUTDOWN) {
        ring->broken = true;
    }
    if (*n) {
        return 0;
    }
    leave_all(ring);
    return error ? error : EAGAIN;
}

int
ovs_ring_next(struct ovs_ring *ring, struct ovs_ring_rec *rec)
{
    size_t n;

    return ovs_ring_next_batch(ring, rec, 1, &n);
}

/* Holding. */

void
ovs_ring_set_hold_limit(struct ovs_ring *ring, uint32_t n_segs)
{
    ring->hold_limit = n_segs;
}

/* Makes 'rec' independent of the ring. */
static int
copy_out(struct ovs_ring_rec *rec)
{
    uint8_t *copy = allocate(1, (size_t) rec->ext_len + rec->len + 1);

    if (!copy) {
        return ENOMEM;
    }
    memcpy(copy, rec->ext, (size_t) rec->ext_len + rec->len);
    rec->ext = copy;
    rec->data = copy + rec->ext_len;
    rec->hold__ = copy;
    return 0;
}

int
ovs_ring_hold(struct ovs_ring *ring, struct ovs_ring_rec *rec)
{
    struct lane *lane = &ring->lanes[rec->lane];
    struct segment *seg = &lane->segs[rec->seg];
    uint32_t refs = ring_load_relaxed(&seg->refs);

    if (rec->hold__) {
        return EALREADY;
    }
    /* The reader's own reference: nobody else takes it away. */
    if (!(refs & READER) || seg->generation != rec->generation) {
        return ESTALE;
    }
    if (refs == READER) {
        if (ring_load_relaxed(&lane->n_pinned) >= ring->hold_limit) {
            return copy_out(rec);
        }
    }
    if (ring_add_relaxed(&seg->refs, 1) == READER) {
        ring_add_relaxed(&lane->n_pinned, 1);
    }
    rec->hold__ = seg;
    return 0;
}

void
ovs_ring_unhold(struct ovs_ring *ring, struct ovs_ring_rec *rec)
{
    struct lane *lane = &ring->lanes[rec->lane];
    struct segment *seg = &lane->segs[rec->seg];

    if (rec->hold__ == seg) {
        uint32_t old = unref_segment(lane, rec->seg, 1);

        if ((old & ~READER) == 1) {
            ring_add_relaxed(&lane->n_pinned, -1);
        }
        if (old == 1) {
            kick_if_parked(ring);
        }
    } else {
        free(rec->hold__);
    }
    rec->hold__ = NULL;
}

/* Sleeping. */

void
ovs_ring_set_wake(struct ovs_ring *ring, uint32_t bytes, uint32_t us)
{
    for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
        ring_store_relaxed(&ring->lanes[i].consumer->wake_bytes, bytes);
        ring_store_relaxed(&ring->lanes[i].consumer->wake_us, us);
    }
}

void
ovs_ring_set_linger(struct ovs_ring *ring, uint32_t us)
{
    ring->linger_us = us;
}

int
ovs_ring_fd(const struct ovs_ring *ring)
{
    return ring->memory.fd;
}

/* Would ovs_ring_next() do something about 'lane'? */
static bool
has_work(const struct ovs_ring *ring, struct lane *lane)
{
    if (!has_header(lane)) {
        return false;
    }
    return !lane->entered
           || lane->off > ring->control.seg_size
                          - sizeof(struct ovs_ring_record)
           || !(ring_load_acquire(&header_at(ring, lane)->word)
                & OVS_RING_R_BUSY);
}

static bool
has_any_work(const struct ovs_ring *ring)
{
    for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
        if (has_work(ring, &ring->lanes[i])) {
            return true;
        }
    }
    return ring->broken || ring->hung_up
           || get_state(ring) & OVS_RING_S_DEAD;
}

static void
store_armed(struct ovs_ring *ring, uint32_t armed)
{
    for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
        /* Relaxed: a producer that sees it late only wakes for nothing, and
         * one that sees it early is what the fence below is for. */
        ring_store_relaxed(&ring->lanes[i].consumer->armed, armed);
    }
}

bool
ovs_ring_arm(struct ovs_ring *ring)
{
    leave_all(ring);
    if (!++ring->armed) {
        ring->armed++;
    }
    store_armed(ring, ring->armed);
    kick_if_parked(ring);       /* With the fence before we look again. */
    if (has_any_work(ring)) {
        store_armed(ring, 0);
        return false;
    }
    ring->sleeps++;
    return true;
}

/* Ends the sleep, after poll() found 'revents'. */
static void
wake_up(struct ovs_ring *ring, int revents)
{
    char buf[64];

    store_armed(ring, 0);
    if (ring->memory.fd_is_state) {
        return;
    }
    if (revents & POLLIN) {
        /* There is a byte for each time that we were woken.  Something else
         * than a socket may not be there to be read. */
        if (!read(ring->memory.fd, buf, sizeof buf)) {
            ring->hung_up = true;
        }
    } else if (revents) {
        ring->hung_up = true;
    }
}

void
ovs_ring_disarm(struct ovs_ring *ring)
{
    struct pollfd pfd = { .fd = ring->memory.fd, .events = POLLIN };

    if (ring->memory.fd_is_state) {
        store_armed(ring, 0);
    } else {
        wake_up(ring, poll(&pfd, 1, 0) > 0 ? pfd.revents : 0);
    }
}

static uint64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000) + t.tv_nsec / 1000;
}

static bool
linger(const struct ovs_ring *ring)
{
    uint64_t start;

    if (!ring->linger_us) {
        return false;
    }
    start = now_us();
    do {
        if (has_any_work(ring)) {
            return true;
        }
        sched_yield();
    } while (now_us() - start < ring->linger_us);
    return false;
}

int
ovs_ring_wait(struct ovs_ring *ring, int timeout_ms)
{
    struct pollfd pfd = { .fd = ring->memory.fd, .events = POLLIN };
    int error, n;

    if ((timeout_ms && linger(ring)) || !ovs_ring_arm(ring)) {
        return 0;
    }
    n = poll(&pfd, 1, timeout_ms);
    error = n > 0 ? 0 : n ? errno : ETIMEDOUT;
    wake_up(ring, n > 0 ? pfd.revents : 0);
    return error;
}

/* Answering. */

/* Frees what the producer took since we last looked. */
static void
reap_tx(const struct ovs_ring *ring, struct lane *lane)
{
    /* Acquire: its reads of the entries and of their data. */
    uint32_t head = ring_load_acquire(&lane->shared->tx_head);

    if (head != lane->tx_seen) {
        uint32_t mask = ring->control.n_tx - 1;

        lane->data_head = lane->data_ends[(head - 1) & mask];
        lane->tx_seen = head;
    }
}

static int
get_tx_lane(struct ovs_ring *ring, uint32_t i, struct lane **lanep)
{
    if (i >= ring->control.n_lanes) {
        return EINVAL;
    }
    if (!ring->control.n_tx) {
        return EOPNOTSUPP;
    }
    *lanep = &ring->lanes[i];
    reap_tx(ring, *lanep);
    return (*lanep)->tx_tail - (*lanep)->tx_seen >= ring->control.n_tx
           ? ENOBUFS : 0;
}

/* Appends '*entry'; there is room for it. */
static void
append_tx(struct ovs_ring *ring, struct lane *lane,
          const struct ovs_ring_tx *entry)
{
    uint32_t i = lane->tx_tail & (ring->control.n_tx - 1);

    ring_writes(&lane->tx[i], sizeof lane->tx[i]);
    lane->tx[i] = *entry;
    lane->data_ends[i] = lane->data_tail;
    /* Release: the entry and its data. */
    ring_store_release(&lane->consumer->tx_tail, ++lane->tx_tail);
}

int
ovs_ring_submit(struct ovs_ring *ring, uint32_t i,
                const struct ovs_ring_tx *entry)
{
    struct lane *lane;
    int error = get_tx_lane(ring, i, &lane);

    if (!error) {
        append_tx(ring, lane, entry);
    }
    return error;
}

static int
submit_verdict(struct ovs_ring *ring, const struct ovs_ring_rec *rec,
               enum ovs_ring_op op)
{
    struct ovs_ring_tx entry = { .op = op, .id = rec->seq };

    return ovs_ring_submit(ring, rec->lane, &entry);
}

int
ovs_ring_accept(struct ovs_ring *ring, const struct ovs_ring_rec *rec)
{
    return submit_verdict(ring, rec, OVS_RING_OP_ACCEPT);
}

int
ovs_ring_drop(struct ovs_ring *ring, const struct ovs_ring_rec *rec)
{
    return submit_verdict(ring, rec, OVS_RING_OP_DROP);
}

int
ovs_ring_accept_upto(struct ovs_ring *ring, const struct ovs_ring_rec *rec)
{
    return submit_verdict(ring, rec, OVS_RING_OP_ACCEPT_UPTO);
}

int
ovs_ring_drop_upto(struct ovs_ring *ring, const struct ovs_ring_rec *rec)
{
    return submit_verdict(ring, rec, OVS_RING_OP_DROP_UPTO);
}

int
ovs_ring_mark(struct ovs_ring *ring, const struct ovs_ring_rec *rec,
              uint32_t value, uint32_t mask)
{
    struct ovs_ring_tx entry = {
        .op = OVS_RING_OP_MARK, .id = rec->seq, .off = value, .mask = mask,
    };

    return ovs_ring_submit(ring, rec->lane, &entry);
}

/* Finds room for 'len' bytes of TX data in one piece, which is used up when an
 * entry is appended. */
static int
alloc_data(const struct ovs_ring *ring, struct lane *lane, uint32_t len,
           uint32_t *off)
{
    uint32_t size = ring->control.tx_data_size;
    uint32_t tail = lane->data_tail;

    if (len > size) {
        return EMSGSIZE;
    }
    if (lane->tx_tail == lane->tx_seen) {
        /* All of it is free, so there is no need to go around its end. */
        lane->data_head = tail = (tail + size - 1) & ~(size - 1);
    } else if ((tail & (size - 1)) + len > size) {
        tail = (tail + size - 1) & ~(size - 1);
    }
    if (tail + len - lane->data_head > size) {
        return ENOBUFS;
    }
    *off = tail & (size - 1);
    lane->data_tail = tail + ((len + 7) & ~7U);
    return 0;
}

int
ovs_ring_submit_data(struct ovs_ring *ring, uint32_t i,
                     const struct ovs_ring_tx *entry, const void *data,
                     uint32_t len)
{
    struct ovs_ring_tx e = *entry;
    struct lane *lane;
    int error;

    error = get_tx_lane(ring, i, &lane);
    if (!error) {
        error = alloc_data(ring, lane, len, &e.data_off);
    }
    if (!error) {
        e.data_len = len;
        ring_writes(lane->tx_data + e.data_off, len);
        memcpy(lane->tx_data + e.data_off, data, len);
        append_tx(ring, lane, &e);
    }
    return error;
}

uint32_t
ovs_ring_tx_pending(const struct ovs_ring *ring, uint32_t i)
{
    const struct lane *lane = &ring->lanes[i];

    return i < ring->control.n_lanes && ring->control.n_tx
           ? lane->tx_tail - ring_load_acquire(&lane->shared->tx_head) : 0;
}

int
ovs_ring_modify(struct ovs_ring *ring, const struct ovs_ring_rec *rec,
                const void *packet, uint32_t len)
{
    struct ovs_ring_tx entry = {
        .op = OVS_RING_OP_MODIFY, .id = rec->seq,
    };

    return ovs_ring_submit_data(ring, rec->lane, &entry, packet, len);
}

/* Statistics. */

void
ovs_ring_get_lane_stats(const struct ovs_ring *ring, uint32_t i,
                        struct ovs_ring_stats *stats)
{
    const struct ovs_ring_lane *s;

    memset(stats, 0, sizeof *stats);
    if (i >= ring->control.n_lanes) {
        return;
    }
    *stats = ring->lanes[i].stats;
    stats->sleeps = ring->sleeps;
    s = ring->lanes[i].shared;
    stats->sent = ring_load_relaxed(&s->records);
    stats->sent_bytes = ring_load_relaxed(&s->bytes);
    stats->lost_records = ring_load_relaxed(&s->lost_records);
    stats->lost_bytes = ring_load_relaxed(&s->lost_bytes);
    stats->sent_copied = ring_load_relaxed(&s->copied);
    stats->truncated = ring_load_relaxed(&s->truncated);
    stats->skipped_segs = ring_load_relaxed(&s->skipped_segs);
    stats->wakes = ring_load_relaxed(&s->wakes);
    stats->tx_taken = ring_load_relaxed(&s->tx_taken);
    stats->tx_rejected = ring_load_relaxed(&s->tx_rejected);
}

void
ovs_ring_get_stats(const struct ovs_ring *ring, struct ovs_ring_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (uint32_t i = 0; i < ring->control.n_lanes; i++) {
        struct ovs_ring_stats s;

        ovs_ring_get_lane_stats(ring, i, &s);
        stats->received += s.received;
        stats->bytes += s.bytes;
        stats->copied += s.copied;
        stats->lost += s.lost;
        stats->discarded += s.discarded;
        stats->sent += s.sent;
        stats->sent_bytes += s.sent_bytes;
        stats->lost_records += s.lost_records;
        stats->lost_bytes += s.lost_bytes;
        stats->sent_copied += s.sent_copied;
        stats->truncated += s.truncated;
        stats->skipped_segs += s.skipped_segs;
        stats->wakes += s.wakes;
        stats->tx_taken += s.tx_taken;
        stats->tx_rejected += s.tx_rejected;
    }
    stats->sleeps = ring->sleeps;
}
