/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-ring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coverage.h"
#include "dp-packet.h"
#include "dpif-netdev-extension.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/ring-abi.h"
#include "packet-ring.h"
#include "ring-action.h"
#include "ring-parked.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

COVERAGE_DEFINE(ring_tap);              /* Copies given to taps. */
COVERAGE_DEFINE(ring_tap_lost);         /* Copies that had no space. */
COVERAGE_DEFINE(ring_parked);           /* Packets that were to wait. */
COVERAGE_DEFINE(ring_unparked);         /* Those that could not. */
COVERAGE_DEFINE(ring_expired);          /* No verdict in time. */
COVERAGE_DEFINE(ring_orphaned);         /* The consumer had gone. */
COVERAGE_DEFINE(ring_accept);           /* Went on by a verdict. */
COVERAGE_DEFINE(ring_modify);           /* Those with other bytes. */
COVERAGE_DEFINE(datapath_drop_ring_verdict);
COVERAGE_DEFINE(datapath_drop_ring_fail);

/* Verdicts that a thread looks at before it does something else. */
#define TX_BATCH 64

/* Room before a packet that the consumer made, for headers. */
#define HEADROOM 128

/* Packets of a thread that wait for verdicts from one ring. */
struct waiting {
    struct ovs_list node;       /* In struct ring_thread. */
    uint64_t serial;            /* The ring's, which may have gone. */
    struct ring_parked parked;
};

/* What there is for a thread of a datapath. */
struct ring_thread {
    bool busy;                  /* Does it need poll()? */
    bool fresh;                 /* Records since waking was thought of? */
    uint32_t number;            /* Of its lanes. */
    uint64_t wake_at;           /* When to think of it again, in us; or
                                 * UINT64_MAX. */
    uint64_t seq;               /* Of packet_ring_seq(), at the last poll. */
    struct ovs_list waiting;    /* Contains struct waiting. */
    size_t n_waiting;           /* Packets in all of them. */

    /* Packets to recirculate: 'ready[first..n_ready - 1]'. */
    struct dp_packet **ready;
    size_t first, n_ready, allocated_ready;
};

static uint64_t
clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Returns the lane that is the thread's own, or NULL if it has none. */
static struct packet_lane *
own_lane(const struct packet_ring *ring, const struct ring_thread *thread)
{
    return (thread && thread->number < ring->n_own
            ? ring->own[thread->number] : NULL);
}

/* Waking. */

/* Wakes consumers of the thread's lanes. */
static void
wake(struct ring_thread *thread, uint64_t now)
{
    const struct packet_rings *all = packet_rings_get();

    thread->fresh = false;
    thread->wake_at = UINT64_MAX;
    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_ring *ring = all->rings[i];
        struct packet_lane *own = own_lane(ring, thread);

        if (own || ring->mode == OVS_RING_MODE_TAP) {
            uint64_t at = packet_ring_wake(ring, own, now);

            thread->wake_at = MIN(thread->wake_at, at);
        }
    }
}

/* Wakes the consumer that shares a lane with a thread that may not come back:
 * now, if at all. */
static void
wake_now(struct packet_ring *ring, struct packet_lane *own)
{
    uint64_t at = packet_ring_wake(ring, own, time_usec());

    if (at != UINT64_MAX) {
        packet_ring_wake(ring, own, at);
    }
}

/* Taps. */

static void
tap(struct ring_thread *thread, const struct dp_packet_batch *batch,
    const struct ovs_action_ring *action)
{
    const struct packet_rings *all = packet_rings_get();
    uint64_t now = 0;

    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_ring *ring = all->rings[i];
        struct packet_lane *own = own_lane(ring, thread);
        const struct dp_packet *packet;
        unsigned int n = 0, n_lost = 0;

        if (ring->id != action->ring || ring->mode != OVS_RING_MODE_TAP) {
            continue;
        }
        if (ring->timestamps && !now) {
            now = clock_ns();
        }
        DP_PACKET_BATCH_FOR_EACH (j, packet, batch) {
            uint64_t seq;

            if (packet->packet_type != htonl(PT_ETH)) {
                continue;
            } else if (packet_ring_write(ring, own, packet, action, now,
                                         &seq)) {
                n_lost++;
            } else {
                n++;
            }
        }
        COVERAGE_ADD(ring_tap, n);
        COVERAGE_ADD(ring_tap_lost, n_lost);
        if (!thread) {
            wake_now(ring, NULL);
        }
    }
    if (thread) {
        thread->busy = thread->fresh = true;
    }
}

/* Queues. */

static struct packet_ring *
find_queue(uint32_t id)
{
    const struct packet_rings *all = packet_rings_get();

    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_ring *ring = all->rings[i];

        if (ring->id == id && ring->mode == OVS_RING_MODE_QUEUE) {
            return ring;
        }
    }
    return NULL;
}

static struct packet_ring *
find_serial(uint64_t serial)
{
    const struct packet_rings *all = packet_rings_get();

    for (size_t i = 0; all && i < all->n; i++) {
        if (all->rings[i]->serial == serial) {
            return all->rings[i];
        }
    }
    return NULL;
}

static struct waiting *
get_waiting(struct ring_thread *thread, const struct packet_ring *ring)
{
    struct waiting *w;

    LIST_FOR_EACH (w, node, &thread->waiting) {
        if (w->serial == ring->serial) {
            return w;
        }
    }
    w = xmalloc(sizeof *w);
    w->serial = ring->serial;
    ring_parked_init(&w->parked, ring->max_parked);
    ovs_list_push_back(&thread->waiting, &w->node);
    return w;
}

static void
free_waiting(struct waiting *w)
{
    ovs_list_remove(&w->node);
    ring_parked_uninit(&w->parked);
    free(w);
}

/* Returns a packet to keep for 'packet', which is the caller's if 'steal' is
 * false. */
static struct dp_packet *
keep(struct dp_packet *packet, bool steal)
{
    /* Those of a port's own memory are few. */
    if (!steal || packet->source != DPBUF_MALLOC) {
        struct dp_packet *copy = dp_packet_clone(packet);

        if (steal) {
            dp_packet_delete(packet);
        }
        packet = copy;
    }
    /* That may have gone when the packet goes on. */
    pkt_metadata_init_conn(&packet->md);
    return packet;
}

/* Has 'packet' wait for a verdict.  Returns false if it cannot; it is then
 * still the caller's. */
static bool
park(struct packet_ring *ring, struct packet_lane *own, struct waiting *w,
     struct dp_packet *packet, const struct ovs_action_ring *action,
     uint64_t now_ns, long long int now, bool steal)
{
    uint64_t seq;

    if (packet->packet_type != htonl(PT_ETH)) {
        return false;
    }
    if (ring_parked_is_full(&w->parked)) {
        ring_lane_lose(&own->lane, dp_packet_size(packet));
        return false;
    }
    if (packet_ring_write(ring, own, packet, action, now_ns, &seq)) {
        return false;
    }
    ring_parked_push(&w->parked, &(struct ring_parked_packet) {
            .packet = keep(packet, steal),
            .seq = seq,
            .deadline = now + ring->deadline,
            .recirc_id = action->recirc_id,
            .fail = action->fail,
        });
    return true;
}

/* Does what 'fail' says with packets that cannot wait. */
static void
fail_batch(struct dp_packet_batch *batch, const struct ovs_action_ring *action,
           bool steal)
{
    COVERAGE_ADD(ring_unparked, dp_packet_batch_size(batch));
    if (action->fail == OVS_RING_FAIL_CLOSED) {
        COVERAGE_ADD(datapath_drop_ring_fail, dp_packet_batch_size(batch));
        dp_packet_delete_batch(batch, steal);
        dp_packet_batch_init(batch);
    }
}

static void
queue(struct ring_thread *thread, struct dp_packet_batch *batch,
      const struct ovs_action_ring *action, long long int now, bool steal)
{
    struct packet_ring *ring = find_queue(action->ring);
    struct packet_lane *own = ring ? own_lane(ring, thread) : NULL;
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    size_t i, n_parked = 0;
    struct waiting *w;
    uint64_t now_ns;

    if (!own || !action->recirc_id) {
        fail_batch(batch, action, steal);
        return;
    }

    w = get_waiting(thread, ring);
    now_ns = ring->timestamps ? clock_ns() : 0;
    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (park(ring, own, w, packet, action, now_ns, now, steal)) {
            n_parked++;
        } else {
            dp_packet_batch_refill(batch, packet, i);
        }
    }
    COVERAGE_ADD(ring_parked, n_parked);
    thread->n_waiting += n_parked;
    thread->busy = thread->fresh = true;
    if (OVS_UNLIKELY(n_parked < n)) {
        fail_batch(batch, action, steal);
    }
}

/* Verdicts. */

/* Takes 'p' out of 'w' and has it go on, as 'packet' if that is not null. */
static void
let_go(struct ring_thread *thread, struct waiting *w,
       struct ring_parked_packet *p, struct dp_packet *packet)
{
    struct ring_parked_packet taken = ring_parked_take(&w->parked, p);

    if (packet) {
        dp_packet_delete(taken.packet);
    } else {
        packet = taken.packet;
    }
    packet->md.recirc_id = taken.recirc_id;
    if (thread->n_ready >= thread->allocated_ready) {
        thread->ready = x2nrealloc(thread->ready, &thread->allocated_ready,
                                   sizeof *thread->ready);
    }
    thread->ready[thread->n_ready++] = packet;
    thread->n_waiting--;
}

static void
drop(struct ring_thread *thread, struct waiting *w,
     struct ring_parked_packet *p)
{
    dp_packet_delete(ring_parked_take(&w->parked, p).packet);
    thread->n_waiting--;
}

/* Does what 'fail' of 'p' says. */
static void
fail(struct ring_thread *thread, struct waiting *w,
     struct ring_parked_packet *p)
{
    if (p->fail == OVS_RING_FAIL_OPEN) {
        let_go(thread, w, p, NULL);
    } else {
        COVERAGE_INC(datapath_drop_ring_fail);
        drop(thread, w, p);
    }
}

/* Returns a packet with what 'tx' has in the place of 'old', or NULL if that
 * is no packet. */
static struct dp_packet *
modified(const struct ring_tx *tx, const struct ovs_ring_tx *entry,
         const struct dp_packet *old)
{
    struct dp_packet *packet;

    if (entry->data_len < ETH_HEADER_LEN || entry->data_len > UINT16_MAX) {
        return NULL;
    }
    packet = dp_packet_new_with_headroom(entry->data_len, HEADROOM);
    if (!ring_tx_copy_data(tx, entry,
                           dp_packet_put_uninit(packet, entry->data_len),
                           entry->data_len)) {
        dp_packet_delete(packet);
        return NULL;
    }
    packet->packet_type = old->packet_type;
    packet->md = old->md;
    pkt_metadata_init_conn(&packet->md);
    return packet;
}

/* Executes the verdict 'e' on one packet. */
static bool
judge_one(struct ring_thread *thread, struct waiting *w,
          const struct ring_tx *tx, const struct ovs_ring_tx *e)
{
    struct ring_parked_packet *p = ring_parked_find(&w->parked, e->id);
    struct dp_packet *packet = NULL;

    if (!p) {
        return false;
    }
    switch (e->op) {
    case OVS_RING_OP_DROP:
        COVERAGE_INC(datapath_drop_ring_verdict);
        drop(thread, w, p);
        return true;
    case OVS_RING_OP_MODIFY:
        packet = modified(tx, e, p->packet);
        if (!packet) {
            return false;
        }
        COVERAGE_INC(ring_modify);
        break;
    case OVS_RING_OP_MARK:
        p->packet->md.pkt_mark = ((p->packet->md.pkt_mark & ~e->mask)
                                  | (e->off & e->mask));
        break;
    case OVS_RING_OP_ACCEPT:
        break;
    default:
        return false;
    }
    COVERAGE_INC(ring_accept);
    let_go(thread, w, p, packet);
    return true;
}

/* Executes the verdict 'e', one on all packets up to 'id'. */
static bool
judge_many(struct ring_thread *thread, struct waiting *w,
           const struct ovs_ring_tx *e)
{
    struct ring_parked_packet *p;
    bool any = false;

    while ((p = ring_parked_first(&w->parked)) && p->seq <= e->id) {
        any = true;
        if (e->op == OVS_RING_OP_ACCEPT_UPTO) {
            COVERAGE_INC(ring_accept);
            let_go(thread, w, p, NULL);
        } else {
            COVERAGE_INC(datapath_drop_ring_verdict);
            drop(thread, w, p);
        }
    }
    return any;
}

static bool
judge(struct ring_thread *thread, struct waiting *w, const struct ring_tx *tx,
      const struct ovs_ring_tx *e)
{
    if (e->flags) {
        return false;
    }
    return (e->op == OVS_RING_OP_ACCEPT_UPTO || e->op == OVS_RING_OP_DROP_UPTO
            ? judge_many(thread, w, e)
            : judge_one(thread, w, tx, e));
}

/* Executes the verdicts of the owner of 'lane'. */
static void
take_verdicts(struct ring_thread *thread, struct waiting *w,
              struct packet_lane *lane)
{
    struct ovs_ring_tx entries[TX_BATCH];
    uint32_t taken = 0;
    size_t n;

    if (!ring_tx_is_pending(&lane->tx)) {
        return;
    }
    n = ring_tx_take(&lane->tx, entries, ARRAY_SIZE(entries));
    for (size_t i = 0; i < n; i++) {
        taken += judge(thread, w, &lane->tx, &entries[i]);
    }
    ring_tx_release(&lane->tx);
    ring_tx_count(&lane->tx, taken, n - taken);
}

/* Looks at all packets that wait. */
static void
judge_all(struct ring_thread *thread, long long int now)
{
    struct waiting *w;

    LIST_FOR_EACH_SAFE (w, node, &thread->waiting) {
        struct packet_ring *ring = find_serial(w->serial);
        struct ring_parked_packet *p;

        if (!ring) {
            while ((p = ring_parked_first(&w->parked))) {
                COVERAGE_INC(ring_orphaned);
                fail(thread, w, p);
            }
            free_waiting(w);
            continue;
        }
        take_verdicts(thread, w, own_lane(ring, thread));
        while ((p = ring_parked_first(&w->parked)) && p->deadline <= now) {
            COVERAGE_INC(ring_expired);
            fail(thread, w, p);
        }
    }
}

/* Behind the door to the datapath. */

static void *
add_thread(void *dp OVS_UNUSED)
{
    struct ring_thread *thread = xzalloc_cacheline(sizeof *thread);

    thread->number = packet_ring_get_thread();
    thread->wake_at = UINT64_MAX;
    ovs_list_init(&thread->waiting);
    return thread;
}

static void
remove_thread(void *thread_)
{
    struct ring_thread *thread = thread_;
    const struct packet_rings *all = packet_rings_get();
    struct ring_parked_packet *p;
    struct waiting *w;

    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_lane *own = own_lane(all->rings[i], thread);

        if (own || all->rings[i]->mode == OVS_RING_MODE_TAP) {
            wake_now(all->rings[i], own);
        }
    }
    /* There is no datapath any more in which they could go on. */
    LIST_FOR_EACH_SAFE (w, node, &thread->waiting) {
        while ((p = ring_parked_first(&w->parked))) {
            COVERAGE_INC(datapath_drop_ring_fail);
            drop(thread, w, p);
        }
        free_waiting(w);
    }
    for (size_t i = thread->first; i < thread->n_ready; i++) {
        dp_packet_delete(thread->ready[i]);
    }
    free(thread->ready);
    packet_ring_put_thread(thread->number);
    free_cacheline(thread);
}

static void
execute(void *dp OVS_UNUSED, void *thread, long long int now,
        struct dp_packet_batch *batch, const void *action_, bool steal,
        struct dp_netdev_extension_out *out OVS_UNUSED)
{
    const struct ovs_action_ring *action = action_;

    if (action->mode == OVS_RING_MODE_QUEUE) {
        queue(thread, batch, action, now, steal);
    } else if (OVS_UNLIKELY(packet_rings_get())) {
        tap(thread, batch, action);
    }
}

static bool
thread_poll(void *thread_, long long int now, struct dp_packet_batch *batch)
{
    struct ring_thread *thread = thread_;

    dp_packet_batch_init(batch);
    if (OVS_LIKELY(!thread->busy)) {
        return false;
    }
    if (thread->first == thread->n_ready) {
        thread->first = thread->n_ready = 0;
        thread->seq = seq_read(packet_ring_seq());
        if (thread->n_waiting) {
            judge_all(thread, now / 1000);
        }
    }
    if (thread->fresh || now >= thread->wake_at) {
        wake(thread, now);
    }
    while (thread->first < thread->n_ready
           && !dp_packet_batch_is_full(batch)) {
        dp_packet_batch_add(batch, thread->ready[thread->first++]);
    }
    thread->busy = (thread->n_waiting || thread->wake_at != UINT64_MAX
                    || thread->first < thread->n_ready);
    return !dp_packet_batch_is_empty(batch);
}

static void
thread_poll_wait(void *thread_)
{
    struct ring_thread *thread = thread_;

    if (!thread->busy) {
        return;
    }
    if (thread->fresh || thread->first < thread->n_ready) {
        poll_immediate_wake();
    } else if (thread->n_waiting) {
        /* A consumer need not tell that there are verdicts. */
        seq_wait(packet_ring_seq(), thread->seq);
        poll_timer_wait(1);
    } else {
        poll_timer_wait_until(DIV_ROUND_UP(thread->wake_at, 1000));
    }
}

const struct dp_netdev_extension netdev_ring_extension = {
    .add_thread = add_thread,
    .remove_thread = remove_thread,
    .actions = { { &odp_ring_class, execute } },
    .poll = thread_poll,
    .poll_wait = thread_poll_wait,
};

/* The slow path of another datapath. */

void
netdev_ring_execute_slow(struct dpif *dpif OVS_UNUSED,
                         struct dp_packet_batch *batch, const void *action_,
                         bool steal)
{
    const struct ovs_action_ring *action = action_;

    if (action->mode == OVS_RING_MODE_QUEUE) {
        fail_batch(batch, action, steal);
    } else if (packet_rings_get()) {
        tap(NULL, batch, action);
    }
}
