/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_READER_H
#define RING_READER_H 1

/* A reader of the kernel's rings, written from ring-abi.h and ring-kernel.h
 * alone and as small as can be: for tests and benchmarks, which are not to
 * depend on the library that they may be about.  It trusts the kernel, and
 * exits when a request fails that should not. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openvswitch.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "openvswitch/ring-abi.h"
#include "openvswitch/ring-kernel.h"

#define MAX_LANES 16

struct reader_lane {
    const struct ovs_ring_lane *shared;
    const uint32_t *order;
    const uint8_t *data;
    struct ovs_ring_consumer *consumer;
    uint32_t *released;
    uint32_t k;                 /* Of the segment that is read. */
    uint32_t off;               /* In it. */
    uint64_t seq;               /* Of the next message. */
    uint64_t lost;              /* Numbers that were missing. */
    uint32_t armed;
    uint64_t prod;              /* As it was seen last. */
};

struct reader {
    int fd;
    struct ovs_ring_attach attach;
    const struct ovs_ring_control *control;
    void *consumer;
    struct reader_lane lanes[MAX_LANES];
    bool hold;                  /* Release nothing. */
};

struct reader_rec {
    uint8_t type;
    uint8_t flags;
    uint64_t seq;
    uint64_t lost;              /* Right before it. */
    uint64_t timestamp;
    const void *data;
    uint32_t len;
    uint32_t seg, gen, off;
};

static inline void
reader_fail(const char *what)
{
    perror(what);
    exit(2);
}

static inline uint32_t
reader_generation(uint32_t k)
{
    return k + 1 ? k + 1 : 1;
}

/* Maps what was attached to 'r->fd'. */
static inline void
reader_map(struct reader *r)
{
    const struct ovs_ring_control *c;
    const uint8_t *producer;
    uint8_t *consumer;

    producer = mmap(NULL, r->attach.producer_size, PROT_READ, MAP_SHARED,
                    r->fd, OVS_RING_MMAP_PRODUCER);
    consumer = mmap(NULL, r->attach.consumer_size, PROT_READ | PROT_WRITE,
                    MAP_SHARED, r->fd, OVS_RING_MMAP_CONSUMER);
    if (producer == MAP_FAILED || consumer == MAP_FAILED) {
        reader_fail("mmap");
    }
    r->control = c = (const void *) producer;
    r->consumer = consumer;
    memset(r->lanes, 0, sizeof r->lanes);
    for (uint32_t i = 0; i < c->n_lanes && i < MAX_LANES; i++) {
        struct reader_lane *l = &r->lanes[i];

        l->shared = (const void *) (producer + c->lane_off
                                    + (size_t) i * c->lane_stride);
        l->order = (const void *) (l->shared + 1);
        l->data = producer + c->data_off + i * c->data_stride;
        l->consumer = (void *) (consumer + c->consumer_off
                                + (size_t) i * c->consumer_stride);
        l->released = (void *) (l->consumer + 1);
    }
}

/* Returns 0 or an errno value.  'r->attach' says what is wanted. */
static inline int
reader_open(struct reader *r)
{
    r->fd = open(OVS_RING_DEVICE, O_RDWR | O_CLOEXEC);
    if (r->fd < 0) {
        return errno;
    }
    if (ioctl(r->fd, OVS_RING_IOC_ATTACH, &r->attach)) {
        int error = errno;

        close(r->fd);
        return error;
    }
    reader_map(r);
    return 0;
}

static inline void
reader_close(struct reader *r)
{
    munmap((void *) r->control, r->attach.producer_size);
    munmap(r->consumer, r->attach.consumer_size);
    close(r->fd);
}

static inline void
reader_release(struct reader_lane *l, uint32_t seg, uint32_t gen)
{
    __atomic_store_n(&l->released[seg], gen, __ATOMIC_RELEASE);
}

static inline bool
reader_at_end(const struct reader_lane *l)
{
    uint32_t opened = l->prod >> 32;

    return l->k == opened
           || (l->k + 1 == opened && l->off >= (uint32_t) l->prod);
}

/* Gets the next record of a lane into '*rec'; false if there is none.  What
 * came before is given back. */
static inline bool
reader_next(struct reader *r, struct reader_lane *l, struct reader_rec *rec)
{
    const struct ovs_ring_control *c = r->control;

    for (;;) {
        const struct ovs_ring_record *record;
        uint32_t seg, word;

        if (reader_at_end(l)) {
            l->prod = __atomic_load_n(&l->shared->prod, __ATOMIC_ACQUIRE);
            if (reader_at_end(l)) {
                return false;
            }
        }
        seg = l->order[l->k & (2 * c->n_segs - 1)];
        record = (const void *) (l->data + (size_t) seg * c->seg_size
                                 + l->off);
        word = __atomic_load_n(&record->word, __ATOMIC_ACQUIRE);
        if (word & OVS_RING_R_BUSY) {
            return false;
        }
        if (word & OVS_RING_R_END) {
            if (!r->hold) {
                reader_release(l, seg, reader_generation(l->k));
            }
            l->k++;
            l->off = 0;
            continue;
        }
        rec->off = l->off;
        l->off += sizeof *record
                  + (((word & OVS_RING_R_LEN) + 7) & ~UINT32_C(7));
        rec->lost = record->seq - l->seq;
        l->lost += rec->lost;
        l->seq = record->seq + 1;
        if (word & OVS_RING_R_DISCARD) {
            continue;
        }
        rec->type = record->type;
        rec->flags = record->flags;
        rec->seq = record->seq;
        rec->timestamp = 0;
        if (rec->flags & OVS_RING_RF_TIMESTAMP) {
            memcpy(&rec->timestamp, record + 1, sizeof rec->timestamp);
        }
        rec->data = (const uint8_t *) (record + 1) + record->ext_len;
        rec->len = (word & OVS_RING_R_LEN) - record->ext_len;
        rec->seg = seg;
        rec->gen = reader_generation(l->k);
        return true;
    }
}

/* Is there one?  Changes nothing. */
static inline bool
reader_has(struct reader *r, const struct reader_lane *l)
{
    struct reader peek = *r;
    struct reader_lane copy = *l;
    struct reader_rec rec;

    peek.hold = true;
    return reader_next(&peek, &copy, &rec);
}

/* Waits for records or the end in any lane.  Returns what poll() tells. */
static inline int
reader_wait(struct reader *r, int timeout_ms)
{
    uint32_t n = r->control->n_lanes;
    struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
    bool ready = false;
    int events = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct reader_lane *l = &r->lanes[i];

        l->armed = l->armed + 1 ? l->armed + 1 : 1;
        __atomic_store_n(&l->consumer->armed, l->armed, __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < n; i++) {
        ready |= reader_has(r, &r->lanes[i]);
    }
    if (ready) {
        events = POLLIN;
    } else if (poll(&pfd, 1, timeout_ms) > 0) {
        events = pfd.revents;
    }
    for (uint32_t i = 0; i < n; i++) {
        __atomic_store_n(&r->lanes[i].consumer->armed, 0, __ATOMIC_RELAXED);
    }
    return events;
}

#endif /* ring-reader.h */
