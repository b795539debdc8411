/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-capture.h"

#include "extension-config.h"

#if XDP_OFFLOAD
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "coverage.h"
#include "dp-packet.h"
#include "latch.h"
#include "netdev-offload.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/ring-abi.h"
#include "ovs-thread.h"
#include "packet-ring.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"
#include "xdp-abi.h"

COVERAGE_DEFINE(xdp_captured);          /* Packets that somebody got. */
COVERAGE_DEFINE(xdp_capture_lost);      /* The thread came too late. */
COVERAGE_DEFINE(xdp_capture_unheard);   /* Nobody had a tap. */

/* A processor's buffer in pages, a power of 2.  The thread is woken when a
 * quarter is full, and comes every INTERVAL ms besides. */
#define BUFFER_PAGES 64
#define INTERVAL 50

struct xdp_capture {
    uint32_t ring;
    struct perf_buffer *buffer;
    struct latch exit;
    pthread_t thread;
};

/* Records of a buffer, as perf_event_open(2) describes them. */
struct perf_raw {
    struct perf_event_header header;
    uint32_t size;
    uint8_t data[];
};

struct perf_lost {
    struct perf_event_header header;
    uint64_t id;
    uint64_t lost;
};

static void
deliver(const struct xdp_capture *c, const struct ovs_xdp_sample *sample,
        const uint8_t *data, uint32_t cap_len)
{
    const struct ovs_action_ring action = {
        .ring = c->ring,
        .max_len = cap_len,
    };
    const struct packet_rings *all = packet_rings_get();
    struct dp_packet packet;
    unsigned int n = 0;

    /* No more than 'max_len' bytes of it are looked at. */
    dp_packet_use_const(&packet, data, cap_len);
    dp_packet_set_size(&packet, sample->len);
    pkt_metadata_init(&packet.md,
                      netdev_ifindex_to_odp_port(sample->ifindex));

    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_ring *ring = all->rings[i];
        uint64_t seq;

        if (ring->id == c->ring && ring->mode == OVS_RING_MODE_TAP) {
            packet_ring_write(ring, NULL, &packet, &action, sample->ns, &seq);
            n++;
        }
    }
    if (n) {
        COVERAGE_INC(xdp_captured);
    } else {
        COVERAGE_INC(xdp_capture_unheard);
    }
}

static enum bpf_perf_event_ret
take_record(void *c, int cpu OVS_UNUSED, struct perf_event_header *header)
{
    if (header->type == PERF_RECORD_SAMPLE) {
        const struct perf_raw *raw = ALIGNED_CAST(struct perf_raw *, header);
        struct ovs_xdp_sample sample;

        /* The kernel rounds the size up. */
        if (raw->size >= sizeof sample) {
            memcpy(&sample, raw->data, sizeof sample);
            if (sample.cap_len <= raw->size - sizeof sample) {
                deliver(c, &sample, raw->data + sizeof sample,
                        sample.cap_len);
            }
        }
    } else if (header->type == PERF_RECORD_LOST) {
        const struct perf_lost *lost = ALIGNED_CAST(struct perf_lost *,
                                                    header);

        COVERAGE_ADD(xdp_capture_lost, lost->lost);
    }
    return LIBBPF_PERF_EVENT_CONT;
}

/* Wakes those who have taps, and sees to it that the thread comes back when
 * that has to be done again. */
static void
wake_consumers(const struct xdp_capture *c)
{
    const struct packet_rings *all = packet_rings_get();

    for (size_t i = 0; all && i < all->n; i++) {
        struct packet_ring *ring = all->rings[i];

        if (ring->id == c->ring && ring->mode == OVS_RING_MODE_TAP) {
            uint64_t at = packet_ring_wake(ring, NULL, time_usec());

            if (at != UINT64_MAX) {
                poll_timer_wait_until(DIV_ROUND_UP(at, 1000));
            }
        }
    }
}

static void *
thread_main(void *c_)
{
    struct xdp_capture *c = c_;

    while (!latch_is_set(&c->exit)) {
        perf_buffer__consume(c->buffer);
        wake_consumers(c);
        poll_fd_wait(perf_buffer__epoll_fd(c->buffer), POLLIN);
        poll_timer_wait(INTERVAL);
        latch_wait(&c->exit);
        poll_block();
    }
    return NULL;
}

int
xdp_capture_start(int map, uint32_t ring, struct xdp_capture **cp,
                  char **errorp)
{
    struct perf_event_attr attr = {
        .size = sizeof attr,
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_BPF_OUTPUT,
        .sample_type = PERF_SAMPLE_RAW,
        .sample_period = 1,
        .watermark = 1,
        .wakeup_watermark = BUFFER_PAGES * get_page_size() / 4,
    };
    struct xdp_capture *c = xzalloc(sizeof *c);

    *cp = NULL;
    *errorp = NULL;
    c->ring = ring;
    c->buffer = perf_buffer__new_raw(map, BUFFER_PAGES, &attr, take_record, c,
                                     NULL);
    if (!c->buffer) {
        int error = errno;

        *errorp = xasprintf("opening buffers for packets that XDP drops "
                            "failed (%s)", ovs_strerror(error));
        free(c);
        return error;
    }
    latch_init(&c->exit);
    c->thread = ovs_thread_create("xdp_capture", thread_main, c);
    *cp = c;
    return 0;
}

void
xdp_capture_stop(struct xdp_capture *c)
{
    if (c) {
        latch_set(&c->exit);
        xpthread_join(c->thread, NULL);
        latch_destroy(&c->exit);
        perf_buffer__free(c->buffer);
        free(c);
    }
}
#endif /* XDP_OFFLOAD */
