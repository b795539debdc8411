/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "packet-ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "dp-packet.h"
#include "netdev-ring.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ring-abi.h"
#include "ovs-thread.h"
#include "partial-csum.h"
#include "ring-memory.h"
#include "ring-names.h"
#include "ring-parked.h"
#include "ring-server.h"
#include "seq.h"
#include "smap.h"
#include "util.h"

/* Longest packet that there is, in bytes. */
#define MAX_PACKET 65535

/* Bytes that a record has beside the packet. */
#define OVERHEAD (sizeof(uint64_t) + sizeof(struct ovs_ring_packet))

/* What a packet that waits is charged with, in bytes: most are smaller. */
#define PARKED_BYTES (sizeof(struct ring_parked_packet) + 2048)

#define DEFAULT_PARKED 1024
#define MAX_PARKED 65536
#define DEFAULT_DEADLINE 100
#define MAX_DEADLINE 60000

struct packet_rings_pointer packet_rings = { OVSRCU_INITIALIZER(NULL) };

/* Serializes writers of 'packet_rings', which the thread "ring" alone is, and
 * guards what is below. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static unsigned long *numbers OVS_GUARDED_BY(mutex);
static uint32_t max_number OVS_GUARDED_BY(mutex);   /* Highest ever. */

/* Of the thread "ring". */
static uint64_t last_serial;

/* Made with the first thread or ring, thus before anybody asks for it. */
static struct seq *seq;

static void
make_seq(void)
    OVS_REQUIRES(mutex)
{
    if (!seq) {
        seq = seq_create();
    }
}

struct seq *
packet_ring_seq(void)
{
    return seq;
}

/* Threads. */

uint32_t
packet_ring_get_thread(void)
{
    size_t i;

    ovs_mutex_lock(&mutex);
    make_seq();
    if (!numbers) {
        numbers = bitmap_allocate(RING_MAX_LANES);
    }
    i = bitmap_scan(numbers, 0, 0, RING_MAX_LANES);
    if (i < RING_MAX_LANES) {
        bitmap_set1(numbers, i);
        max_number = MAX(max_number, i);
    }
    ovs_mutex_unlock(&mutex);
    return i < RING_MAX_LANES ? i : UINT32_MAX;
}

void
packet_ring_put_thread(uint32_t number)
{
    if (number != UINT32_MAX) {
        ovs_mutex_lock(&mutex);
        bitmap_set0(numbers, number);
        ovs_mutex_unlock(&mutex);
    }
}

/* As many as there are threads now, or will be with a PMD thread for each
 * core, and one to share. */
static uint32_t
max_lanes(void)
{
    uint32_t n;

    ovs_mutex_lock(&mutex);
    n = max_number + 2;
    ovs_mutex_unlock(&mutex);
    return MIN(MAX(n, count_cpu_cores() + 2), RING_MAX_LANES);
}

/* Writing. */

static uint32_t
packet_flags(const struct dp_packet *packet)
{
    return ((partial_csum_possible(packet) ? OVS_RING_PACKET_CSUM_PARTIAL : 0)
            | (dp_packet_hwol_is_tso(packet) ? OVS_RING_PACKET_GSO : 0));
}

int
packet_ring_write(struct packet_ring *ring, struct packet_lane *own,
                  const struct dp_packet *packet,
                  const struct ovs_action_ring *action, uint64_t now,
                  uint64_t *number)
{
    uint32_t len = dp_packet_size(packet);
    uint32_t cap_len = MIN(len, ring->snaplen);
    struct ring_head head = { .type = OVS_RING_T_PACKET };
    struct ovs_ring_packet *p;
    struct ring_slot slot;
    int error;

    if (action->max_len) {
        cap_len = MIN(cap_len, action->max_len);
    }
    if (cap_len < len) {
        head.flags |= OVS_RING_RF_TRUNCATED;
    }
    if (ring->timestamps) {
        head.flags |= OVS_RING_RF_TIMESTAMP;
        head.ext_len = sizeof now;
    }
    head.len = head.ext_len + sizeof *p + cap_len;
    error = (own ? ring_lane_reserve(&own->lane, &head, &slot)
             : ring_shared_lane_reserve(&ring->shared, &head, &slot));
    if (error) {
        ring_count_full();
        return error;
    }

    if (head.ext_len) {
        memcpy(slot.payload, &now, sizeof now);
    }
    p = ALIGNED_CAST(struct ovs_ring_packet *,
                     (uint8_t *) slot.payload + head.ext_len);
    *p = (struct ovs_ring_packet) {
        .len = len,
        .cap_len = cap_len,
        .in_port = odp_to_u32(packet->md.in_port.odp_port),
        .mark = packet->md.pkt_mark,
        .id = action->id,
        .hash = (dp_packet_rss_valid(packet)
                 ? dp_packet_get_rss_hash(packet) : 0),
        .recirc_id = packet->md.recirc_id,
        .flags = packet_flags(packet),
    };
    memcpy(p + 1, dp_packet_data(packet), cap_len);
    *number = slot.record->seq;
    if (own) {
        ring_lane_commit(&own->lane, &slot);
    } else {
        ring_shared_lane_commit(&ring->shared, &slot);
    }
    return 0;
}

uint64_t
packet_ring_wake(struct packet_ring *ring, struct packet_lane *own,
                 uint64_t now)
{
    uint64_t at = UINT64_MAX;

    switch (own ? ring_lane_wake(&own->lane, now, &at)
            : ring_shared_lane_wake(&ring->shared, now, &at)) {
    case RING_WAKE_AT:
        return at;
    case RING_WAKE_NOW:
        ring_server_wake(ring->memory);
        break;
    case RING_WAKE_NOT:
        break;
    }
    return UINT64_MAX;
}

/* Kinds of rings. */

/* Puts all rings but 'without', with 'with' if that is not null, in the place
 * of those that there are. */
static void
publish(struct packet_ring *with, const struct packet_ring *without)
{
    struct packet_rings *old, *new;

    ovs_mutex_lock(&mutex);
    make_seq();
    old = ovsrcu_get_protected(struct packet_rings *, &packet_rings.p);
    new = xmalloc(sizeof *new
                  + ((old ? old->n : 0) + 1) * sizeof new->rings[0]);
    new->n = 0;
    for (size_t i = 0; old && i < old->n; i++) {
        if (old->rings[i] != without) {
            new->rings[new->n++] = old->rings[i];
        }
    }
    if (with) {
        new->rings[new->n++] = with;
    }
    if (!new->n) {
        free(new);
        new = NULL;
    }
    ovsrcu_set(&packet_rings.p, new);
    ovs_mutex_unlock(&mutex);
    if (old) {
        ovsrcu_postpone(free, old);
    }
}

static bool
has_queue(uint32_t id)
{
    const struct packet_rings *all = packet_rings_get();

    for (size_t i = 0; all && i < all->n; i++) {
        if (all->rings[i]->mode == OVS_RING_MODE_QUEUE
            && all->rings[i]->id == id) {
            return true;
        }
    }
    return false;
}

static bool
parse_option(const char *value, uint32_t min, uint32_t max, uint32_t *n)
{
    unsigned int u;

    if (!str_to_uint(value, 10, &u) || u < min || u > max) {
        return false;
    }
    *n = u;
    return true;
}

static int
parse_options(struct packet_ring *ring, const struct smap *options,
              char **why)
{
    const bool is_queue = ring->mode == OVS_RING_MODE_QUEUE;
    const struct smap_node *node;

    SMAP_FOR_EACH (node, options) {
        bool ok;

        if (!strcmp(node->key, "timestamps")) {
            ring->timestamps = !strcmp(node->value, "on");
            ok = ring->timestamps || !strcmp(node->value, "off");
        } else if (!strcmp(node->key, "snaplen")) {
            ok = parse_option(node->value, 1, MAX_PACKET, &ring->snaplen);
        } else if (is_queue && !strcmp(node->key, "deadline")) {
            ok = parse_option(node->value, 1, MAX_DEADLINE, &ring->deadline);
        } else if (is_queue && !strcmp(node->key, "parked")) {
            ok = parse_option(node->value, 1, MAX_PARKED, &ring->max_parked)
                 && is_pow2(ring->max_parked);
        } else {
            *why = xasprintf("option \"%.40s\" is none of a %s", node->key,
                             is_queue ? "queue" : "tap");
            return EINVAL;
        }
        if (!ok) {
            *why = xasprintf("%s \"%.40s\" is not allowed", node->key,
                             node->value);
            return EINVAL;
        }
    }
    return 0;
}

static void
init_lanes(struct packet_ring *ring)
{
    const struct ring_memory *m = ring->memory;
    const bool is_queue = ring->mode == OVS_RING_MODE_QUEUE;

    ring->n_own = m->control.n_lanes - !is_queue;
    ring->own = xmalloc(MAX(ring->n_own, 1) * sizeof *ring->own);
    for (uint32_t i = 0; i < ring->n_own; i++) {
        struct packet_lane *own = xzalloc_cacheline(sizeof *own);

        ring_lane_init(&own->lane, &m->control, m->producer, m->consumer, i,
                       UINT32_MAX);
        if (is_queue) {
            ring_tx_init(&own->tx, &m->control, m->producer, m->consumer, i);
        }
        ring->own[i] = own;
    }
    if (!is_queue) {
        ring_shared_lane_init(&ring->shared, &m->control, m->producer,
                              m->consumer, ring->n_own);
    }
}

static int
check_and_charge(struct packet_ring *ring, uint32_t n_lanes, char **why)
{
    if (has_queue(ring->id)) {
        *why = xasprintf("queue \"%s\" has a consumer already", ring->name);
        return EBUSY;
    }
    ring->charged = (uint64_t) n_lanes * ring->max_parked * PARKED_BYTES;
    if (!ring_server_charge(ring->charged)) {
        *why = xasprintf("parked=%"PRIu32" for %"PRIu32" lanes is above what "
                         "ring-max-mb leaves", ring->max_parked, n_lanes);
        ring->charged = 0;
        return ENOMEM;
    }
    return 0;
}

static void
free_ring(struct packet_ring *ring)
{
    ring_server_uncharge(ring->charged);
    free(ring->name);
    free(ring);
}

static int
open_ring(const struct ring_request *request, struct ring_memory *memory,
          uint8_t mode, void **ringp, char **why)
{
    struct ovs_ring_control *control = memory->producer;
    struct packet_ring *ring;
    int error;

    if (!ring_name_is_valid(request->name, strlen(request->name))) {
        *why = xasprintf("\"%.80s\" is not a name of a ring", request->name);
        return EINVAL;
    }
    if (control->max_record < OVERHEAD + 64) {
        *why = xasprintf("longest record %"PRIu32" has no room for packets",
                         control->max_record);
        return EINVAL;
    }
    if (mode == OVS_RING_MODE_QUEUE && !control->n_tx) {
        *why = xasprintf("TX entries %"PRIu32" leave no way for verdicts",
                         control->n_tx);
        return EINVAL;
    }

    ring = xzalloc(sizeof *ring);
    ring->memory = memory;
    ring->serial = ++last_serial;
    ring->name = xstrdup(request->name);
    ring->mode = mode;
    ring->snaplen = MAX_PACKET;
    ring->max_parked = DEFAULT_PARKED;
    ring->deadline = DEFAULT_DEADLINE;
    ring->id = ring_name_to_id(request->name);
    if (!ring->id) {
        *why = xasprintf("no room for the name \"%s\" beside %d others",
                         request->name, RING_NAMES_MAX);
        error = ENOSPC;
    } else {
        error = parse_options(ring, request->options, why);
    }
    if (!error && mode == OVS_RING_MODE_QUEUE) {
        error = check_and_charge(ring, control->n_lanes, why);
    }
    if (error) {
        free_ring(ring);
        return error;
    }

    ring->snaplen = MIN(ring->snaplen, control->max_record - OVERHEAD);
    if (ring->timestamps) {
        /* Nobody else has seen the memory yet. */
        control->features |= OVS_RING_F_TIMESTAMP;
    }
    init_lanes(ring);
    publish(ring, NULL);
    *ringp = ring;
    return 0;
}

static int
open_tap(const struct ring_request *request, struct ring_memory *memory,
         void **ring, char **why)
{
    return open_ring(request, memory, OVS_RING_MODE_TAP, ring, why);
}

static int
open_queue(const struct ring_request *request, struct ring_memory *memory,
           void **ring, char **why)
{
    return open_ring(request, memory, OVS_RING_MODE_QUEUE, ring, why);
}

static void
close_ring(void *ring)
{
    publish(NULL, ring);
    seq_change(packet_ring_seq());
}

static void
destroy_ring(void *ring_)
{
    struct packet_ring *ring = ring_;

    for (uint32_t i = 0; i < ring->n_own; i++) {
        ring_lane_uninit(&ring->own[i]->lane);
        free_cacheline(ring->own[i]);
    }
    free(ring->own);
    if (ring->mode != OVS_RING_MODE_QUEUE) {
        ring_shared_lane_uninit(&ring->shared);
    }
    free_ring(ring);
}

/* It may be that verdicts have come for a thread that sleeps. */
static void
run_queue(void *ring OVS_UNUSED)
{
    seq_change(packet_ring_seq());
}

const struct ring_kind netdev_ring_tap_kind = {
    .name = "tap",
    .ring_class = OVS_RING_TAP,
    .defaults = { .seg_size = 65536, .n_segs = 16 },
    .max_lanes = max_lanes,
    .open = open_tap,
    .close = close_ring,
    .destroy = destroy_ring,
};

const struct ring_kind netdev_ring_queue_kind = {
    .name = "queue",
    .ring_class = OVS_RING_QUEUE,
    .defaults = {
        .seg_size = 65536, .n_segs = 16,
        .n_tx = 2048, .tx_data_size = 65536,
    },
    .max_lanes = max_lanes,
    .open = open_queue,
    .close = close_ring,
    .destroy = destroy_ring,
    .run = run_queue,
};
