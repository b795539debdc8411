/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OPENVSWITCH_RING_H
#define OPENVSWITCH_RING_H 1

/* Consumer's side of a ring: reads what a datapath of Open vSwitch writes into
 * shared memory, and answers.  openvswitch/ring-abi.h is that memory.
 *
 * This file and lib/ring-consumer.c, with ring-abi.h and lib/ring-atomic.h,
 * need nothing but libc, on Linux.
 *
 *     for (;;) {
 *         struct ovs_ring_rec rec;
 *         int error = ovs_ring_next(ring, &rec);
 *
 *         if (!error) {
 *             look_at(rec.type, rec.data, rec.len);
 *         } else if (error == EAGAIN) {
 *             ovs_ring_wait(ring, -1);
 *         } else {
 *             break;              ESHUTDOWN: the producer is gone.
 *         }
 *     }
 *
 * Memory of records
 * =================
 *
 * A record is read where the producer wrote it.  It stays there until the next
 * ovs_ring_next(), ovs_ring_next_batch(), ovs_ring_arm() or ovs_ring_wait()
 * for the ring, or for as long as it is held.  Holding one keeps all of its
 * segment from the producer, which goes on with the others.  When half of a
 * lane's segments are kept (see ovs_ring_set_hold_limit()), holding copies the
 * record to memory of its own instead; the user need not care which.
 *
 * The memory is read-only.
 *
 * Losses
 * ======
 *
 * Messages for which there was no space are missing; 'lost' of the record
 * behind them says how many.  Those after the last record are in the
 * producer's count only (struct ovs_ring_stats).
 *
 * Threads
 * =======
 *
 * One thread at a time reads a ring, that is, calls any function that is not
 * listed here.  One thread at a time for each lane, not necessarily the one
 * that reads, calls ovs_ring_submit() and what is built on it.  Any thread
 * calls ovs_ring_unhold(), ovs_ring_get_control() and ovs_ring_fd() at any
 * time.
 *
 * Errors
 * ======
 *
 * Functions that return int return 0 or a positive errno value. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/ring-abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ovs_ring;

/* A ring as its consumer has it. */
struct ovs_ring_memory {
    const void *producer;       /* The producer region, mapped. */
    size_t producer_size;
    void *consumer;             /* The consumer region, mapped writable. */
    size_t consumer_size;
    int fd;                     /* Readable when it is time to wake up, hung up
                                 * when the producer is gone. */
    bool fd_is_state;           /* Is 'fd' readable only as long as the ring is
                                 * armed, or dead according to its control?
                                 * Then nothing is read from it. */

    /* Asks the producer to look at TX entries or at released segments; null
     * if it does that by itself.  For any thread. */
    void (*kick)(void *aux);

    /* At ovs_ring_close(), after the last use of all of this; may be null. */
    void (*release)(void *aux);
    void *aux;
};

/* Opens the ring in 'memory', which nobody has read from.  EPROTONOSUPPORT if
 * it has another version, EPROTO if it is no ring or of another size, ENOMEM.
 * On failure 'memory' stays the caller's. */
int ovs_ring_open(const struct ovs_ring_memory *memory, struct ovs_ring **);

/* Likewise for a ring in two files, which are mapped as a whole, and with 'fd'
 * to sleep on.  From then on all three belong to the ring; on failure they
 * stay the caller's. */
int ovs_ring_open_fds(int producer_fd, int consumer_fd, int fd,
                      struct ovs_ring **);

/* Has 'kick' called with 'aux' instead of the 'kick' of the memory: before
 * anything else is done with the ring. */
void ovs_ring_set_kick(struct ovs_ring *, void (*kick)(void *aux), void *aux);

/* No record may be held any more. */
void ovs_ring_close(struct ovs_ring *);

/* What the producer says of the ring; constant but for 'state'. */
const struct ovs_ring_control *ovs_ring_get_control(const struct ovs_ring *);

/* Reading. */

struct ovs_ring_rec {
    const void *data;           /* Payload behind the extension, 'len' bytes,
                                 * 8-aligned. */
    uint32_t len;
    uint8_t type;               /* enum ovs_ring_type; pass over others. */
    uint8_t flags;              /* OVS_RING_RF_*. */
    uint16_t ext_len;
    const void *ext;            /* The extension, 'ext_len' bytes. */
    uint64_t seq;               /* Its number in its lane. */
    uint64_t lost;              /* Messages lost right before it. */
    uint64_t timestamp;         /* ns of the ring's clock; 0 if unknown. */
    uint32_t lane;

    /* Where it is, for OVS_RING_OP_EXECUTE. */
    uint32_t seg, generation, off;

    void *hold__;               /* Private. */
};

/* Gets the next record, of any lane; those of a lane are in order.  EAGAIN if
 * there is none now; ESHUTDOWN if there will not be one any more; EPROTO if
 * what is in the ring makes no sense, which is final. */
int ovs_ring_next(struct ovs_ring *, struct ovs_ring_rec *);

/* Likewise for up to 'max' of them, which are all valid together.  If it
 * returns 0, '*n' is at least 1, otherwise 0. */
int ovs_ring_next_batch(struct ovs_ring *, struct ovs_ring_rec recs[],
                        size_t max, size_t *n);

/* Keeps 'rec', which is valid, until ovs_ring_unhold().  May change where its
 * data is.  Copies of '*rec' made after it are as good as '*rec'.  ESTALE if
 * it is not valid any more, EALREADY if it is held, ENOMEM. */
int ovs_ring_hold(struct ovs_ring *, struct ovs_ring_rec *rec);
void ovs_ring_unhold(struct ovs_ring *, struct ovs_ring_rec *rec);

/* Of how many segments of a lane records may be held before they are copied:
 * half of them by default.  With all but one of them the producer has nowhere
 * to go when it has filled that. */
void ovs_ring_set_hold_limit(struct ovs_ring *, uint32_t n_segs);

/* Sleeping. */

/* When to be woken: once 'bytes' are pending, or once the oldest of them are
 * there for 'us' microseconds.  With 0 of either, which is the default, with
 * the first record. */
void ovs_ring_set_wake(struct ovs_ring *, uint32_t bytes, uint32_t us);

/* How many microseconds ovs_ring_wait() looks for records before it sleeps: 0
 * by default. */
void ovs_ring_set_linger(struct ovs_ring *, uint32_t us);

/* Waits until there may be a record, or no more ever.  'timeout_ms' -1 is for
 * ever, 0 is not at all.  ETIMEDOUT, EINTR. */
int ovs_ring_wait(struct ovs_ring *, int timeout_ms);

/* The same for those who poll by themselves.  ovs_ring_arm() returns true if
 * there is nothing to read, and from then on ovs_ring_fd() becomes readable,
 * or is hung up, when that changes.  Before reading goes on,
 * ovs_ring_disarm(). */
int ovs_ring_fd(const struct ovs_ring *);
bool ovs_ring_arm(struct ovs_ring *);
void ovs_ring_disarm(struct ovs_ring *);

/* Answering. */

/* Appends '*entry' to the lane's TX entries.  ENOBUFS if the producer has not
 * yet taken enough of them, EOPNOTSUPP if the ring has none, EINVAL if there
 * is no such lane. */
int ovs_ring_submit(struct ovs_ring *, uint32_t lane,
                    const struct ovs_ring_tx *entry);

/* Likewise, with 'len' bytes of TX data, which are copied; 'data_off' and
 * 'data_len' of '*entry' do not matter.  ENOBUFS also if there is no room for
 * the data now, EMSGSIZE if there never is. */
int ovs_ring_submit_data(struct ovs_ring *, uint32_t lane,
                         const struct ovs_ring_tx *entry, const void *data,
                         uint32_t len);

/* Returns how many of the lane's TX entries the producer has not yet taken; 0
 * if there is no such lane. */
uint32_t ovs_ring_tx_pending(const struct ovs_ring *, uint32_t lane);

/* Verdicts on a packet that waits for one, or on all up to it of its lane.
 * Only 'lane' and 'seq' of 'rec' matter, which need not be valid any more.
 * Errors as above. */
int ovs_ring_accept(struct ovs_ring *, const struct ovs_ring_rec *rec);
int ovs_ring_drop(struct ovs_ring *, const struct ovs_ring_rec *rec);
int ovs_ring_accept_upto(struct ovs_ring *, const struct ovs_ring_rec *rec);
int ovs_ring_drop_upto(struct ovs_ring *, const struct ovs_ring_rec *rec);

/* Accepts it after the bits 'mask' of its mark were set to 'value'. */
int ovs_ring_mark(struct ovs_ring *, const struct ovs_ring_rec *rec,
                  uint32_t value, uint32_t mask);

/* Accepts 'packet', of 'len' bytes, in its place.  Whatever the flags of the
 * old one are, it has to have its checksums, and fit into a frame.  EMSGSIZE
 * if that never has room in the lane's TX data. */
int ovs_ring_modify(struct ovs_ring *, const struct ovs_ring_rec *rec,
                    const void *packet, uint32_t len);

/* Has the producer look at TX entries now, if it is to be asked. */
void ovs_ring_kick(struct ovs_ring *);

/* Statistics. */

struct ovs_ring_stats {
    /* What was read. */
    uint64_t received;          /* Records, COPY markers apart. */
    uint64_t bytes;             /* Their payload. */
    uint64_t copied;            /* COPY markers. */
    uint64_t lost;              /* Numbers that were missing. */
    uint64_t discarded;         /* Given up by the producer. */
    uint64_t sleeps;            /* Of the ring; the same for each lane. */

    /* What the producer says, as in struct ovs_ring_lane. */
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t lost_records;
    uint64_t lost_bytes;
    uint64_t sent_copied;
    uint64_t truncated;
    uint64_t skipped_segs;
    uint64_t wakes;
    uint64_t tx_taken;
    uint64_t tx_rejected;
};

/* Of one lane, all zeros if there is no such, and of all lanes together. */
void ovs_ring_get_lane_stats(const struct ovs_ring *, uint32_t lane,
                             struct ovs_ring_stats *);
void ovs_ring_get_stats(const struct ovs_ring *, struct ovs_ring_stats *);

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/ring.h */
