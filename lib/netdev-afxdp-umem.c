/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-afxdp-umem.h"

#ifdef HAVE_LIBXDP
#include <xdp/xsk.h>
#else
#include <bpf/xsk.h>
#endif
#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "coverage.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "packets.h"
#include "smap.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"
#include "xdp-frames.h"

VLOG_DEFINE_THIS_MODULE(netdev_afxdp_umem);

COVERAGE_DEFINE(afxdp_umem_own);        /* Queues that could not share. */
COVERAGE_DEFINE(afxdp_umem_copied);     /* Packets copied to be sent. */
COVERAGE_DEFINE(afxdp_umem_dropped);    /* Packets that could not be sent. */
COVERAGE_DEFINE(afxdp_umem_no_frame);   /* None, or no packet, to receive. */
COVERAGE_DEFINE(afxdp_umem_not_lent);   /* Given back, but was not lent. */
COVERAGE_DEFINE(afxdp_umem_tx_kick);    /* System calls to send. */

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* As upstream's: the kernel puts a packet XDP_PACKET_HEADROOM + HEADROOM bytes
 * into its frame, unless an XDP program moved it.  All before it is the
 * packet's headroom: an AF_XDP packet cannot get more, and is to have enough
 * for a tunnel's header with options. */
#define FRAME_SHIFT XSK_UMEM__DEFAULT_FRAME_SHIFT
#define FRAME_SIZE XSK_UMEM__DEFAULT_FRAME_SIZE
#define HEADROOM 128

/* Frames that the kernel may have of a queue, to receive and to send, and the
 * size of the rings.  More to receive into would be of no use: then the ring
 * of received packets is full. */
#define RING_SIZE XSK_RING_PROD__DEFAULT_NUM_DESCS
#define QUEUE_FRAMES (2 * RING_SIZE)
BUILD_ASSERT_DECL(XSK_RING_PROD__DEFAULT_NUM_DESCS
                  == XSK_RING_CONS__DEFAULT_NUM_DESCS);

#define BURST NETDEV_MAX_BURST
BUILD_ASSERT_DECL(BURST <= XDP_FRAMES_CACHED / 2);

/* Frames that a queue keeps to send copies, enough for a burst that the kernel
 * has and another one. */
#define HOT_FRAMES (2 * BURST)

/* The least number of queues an area has places for.  Its frames are then 128
 * MiB, what two of upstream's queues have. */
#define MIN_QUEUES 7

#define HUGE_PAGE ((size_t) 2 << 20)

/* The kernel sends at most so many packets in a system call, unless the driver
 * has no need of calls. */
#define KICK_PACKETS 32

struct afxdp_umem {
    struct ovs_list node;       /* In 'umems'. */
    int numa_id;
    unsigned int n_places;      /* For queues. */
    uint32_t n_frames;
    char *base;                 /* Of the frames. */
    void *map;                  /* What was mapped for them. */
    size_t map_size;
    struct xdp_frames *frames;

    /* What threads have in hand, whichever frames that is, as many as there
     * are frames.  A pool of their own has a thread use the few that are in
     * its processor's cache, while frames go round by all rings. */
    struct dp_packet_afxdp *packets;
    struct xdp_frames *unused_packets;  /* Numbers in 'packets'. */

    /* Guarded by 'umems_mutex'. */
    unsigned int n_ports;
    struct afxdp_queue *queues[XDP_FRAMES_MAX_HOLDER + 1];  /* By holder. */
};

struct afxdp_queue {
    struct afxdp_umem *umem;
    uint8_t holder;
    bool use_need_wakeup;
    bool zero_copy;
    bool pmd;
    bool had_socket;
    int fd;
    char *port;
    struct xsk_umem *xsk_umem;
    struct xsk_ring_prod *fill, *tx;
    struct xsk_ring_cons *rx, *completion;
    atomic_uint64_t *tx_dropped;

    /* Frames lent: of the thread that receives, and of the one that sends. */
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        atomic_uint32_t n_rx;
    );
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        atomic_uint32_t n_tx;
    );

    /* Frames that the kernel gave back last, of the thread that sends. */
    atomic_uint32_t n_hot;
    uint32_t hot[HOT_FRAMES];
};

/* Queues with packets that wait for others, because this thread will call
 * netdev_afxdp_flush(). */
struct unsent {
    bool allowed;
    unsigned int n;
    struct afxdp_queue *queues[16];
};
DEFINE_STATIC_PER_THREAD_DATA(struct unsent, unsent, { .allowed = false });

/* When a queue was destroyed that had a socket. */
static atomic_llong last_end = ATOMIC_VAR_INIT(LLONG_MIN);

static struct ovs_mutex umems_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list umems OVS_GUARDED_BY(umems_mutex)
    = OVS_LIST_INITIALIZER(&umems);

/* Areas. */

static struct afxdp_umem *
umem_create(int numa_id, unsigned int n_places)
{
    struct afxdp_umem *umem = xzalloc(sizeof *umem);
    size_t size, skip;

    umem->numa_id = numa_id;
    umem->n_places = n_places;
    umem->n_frames = (n_places + 1) * QUEUE_FRAMES;
    size = (size_t) umem->n_frames << FRAME_SHIFT;
    umem->map_size = (size + umem->n_frames * sizeof *umem->packets
                      + HUGE_PAGE);
    umem->map = mmap(NULL, umem->map_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (umem->map == MAP_FAILED) {
        VLOG_WARN_RL(&rl, "%"PRIuSIZE" bytes of packet memory: %s", size,
                     ovs_strerror(errno));
        free(umem);
        return NULL;
    }
    skip = -(uintptr_t) umem->map & (HUGE_PAGE - 1);
    umem->base = (char *) umem->map + skip;
    umem->packets = ALIGNED_CAST(struct dp_packet_afxdp *, umem->base + size);

    /* Each frame of 4 kB is on a page of its own otherwise.  It works without,
     * too. */
    madvise(umem->base, size, MADV_HUGEPAGE);

    umem->frames = xdp_frames_create(umem->n_frames);
    umem->unused_packets = xdp_frames_create(umem->n_frames);
    return umem;
}

static void
umem_destroy(struct afxdp_umem *umem)
{
    xdp_frames_destroy(umem->frames);
    xdp_frames_destroy(umem->unused_packets);
    munmap(umem->map, umem->map_size);
    free(umem);
}

static unsigned int
umem_n_queues(const struct afxdp_umem *umem)
{
    unsigned int n = 0;

    for (unsigned int i = 1; i <= umem->n_places; i++) {
        n += umem->queues[i] != NULL;
    }
    return n;
}

/* Frees areas that nothing uses: ports or packets. */
static void
umems_sweep(void)
    OVS_REQUIRES(umems_mutex)
{
    struct afxdp_umem *umem;

    LIST_FOR_EACH_SAFE (umem, node, &umems) {
        if (!umem->n_ports
            && xdp_frames_idle(umem->frames, NULL) == umem->n_frames
            && (xdp_frames_idle(umem->unused_packets, NULL)
                == umem->n_frames)) {
            ovs_list_remove(&umem->node);
            umem_destroy(umem);
        }
    }
}

/* Returns an area with places for so many queues, or null. */
static struct afxdp_umem *
umem_find(int numa_id, unsigned int n_queues)
    OVS_REQUIRES(umems_mutex)
{
    struct afxdp_umem *umem;

    LIST_FOR_EACH (umem, node, &umems) {
        if (umem->numa_id == numa_id
            && umem->n_places - umem_n_queues(umem) >= n_queues) {
            return umem;
        }
    }
    return NULL;
}

static void
umem_join(struct netdev_afxdp_umem *port, int numa_id, unsigned int n)
    OVS_EXCLUDED(umems_mutex)
{
    struct afxdp_umem *umem;

    ovs_mutex_lock(&umems_mutex);
    umems_sweep();
    umem = umem_find(numa_id, n);
    if (!umem) {
        /* Room for another port like this one. */
        umem = umem_create(numa_id, MIN(MAX(2 * n, MIN_QUEUES),
                                        XDP_FRAMES_MAX_HOLDER));
        if (umem) {
            ovs_list_push_back(&umems, &umem->node);
        }
    }
    if (umem) {
        umem->n_ports++;
    }
    port->area = umem;
    ovs_mutex_unlock(&umems_mutex);
}

void
netdev_afxdp_umem_leave(struct netdev_afxdp_umem *port)
{
    if (port->area) {
        ovs_mutex_lock(&umems_mutex);
        port->area->n_ports--;
        port->area = NULL;
        umems_sweep();
        ovs_mutex_unlock(&umems_mutex);
    }
}

/* Configuration. */

bool
netdev_afxdp_umem_from_config(const struct smap *args, bool *own, char **errp)
{
    const char *s = smap_get_def(args, "umem", "shared");

    if (strcmp(s, "shared") && strcmp(s, "private")) {
        if (errp) {
            *errp = xasprintf("umem=%s: neither shared nor private", s);
        }
        return false;
    }
    *own = !strcmp(s, "private");
    return true;
}

void
netdev_afxdp_umem_to_config(const struct netdev_afxdp_umem *port,
                            struct smap *args)
{
    smap_add(args, "umem", port->own ? "private" : "shared");
    smap_add(args, "umem-in-use", port->area ? "shared" : "private");
}

/* Queues. */

static uint32_t
count(const atomic_uint32_t *n_)
{
    uint32_t n;

    atomic_read_relaxed(CONST_CAST(atomic_uint32_t *, n_), &n);
    return n;
}

struct afxdp_queue *
afxdp_queue_create(struct netdev_afxdp_umem *port,
                   const struct netdev *netdev, int numa_id,
                   struct xsk_umem **xsk_umem, struct xsk_ring_prod *fill,
                   struct xsk_ring_cons *completion)
{
    const struct xsk_umem_config config = {
        .fill_size = RING_SIZE,
        .comp_size = RING_SIZE,
        .frame_size = FRAME_SIZE,
        .frame_headroom = HEADROOM,
    };
    struct afxdp_queue *q;
    unsigned int holder;
    int error;

    if (port->own) {
        return NULL;
    }
    if (!port->area) {
        umem_join(port, numa_id, netdev_n_rxq(netdev));
        if (!port->area) {
            error = ENOMEM;
            goto error;
        }
    }

    error = -xsk_umem__create(xsk_umem, port->area->base,
                              (uint64_t) port->area->n_frames << FRAME_SHIFT,
                              fill, completion, &config);
    if (error) {
        goto error;
    }

    q = xzalloc_cacheline(sizeof *q);
    q->umem = port->area;
    q->xsk_umem = *xsk_umem;
    q->fill = fill;
    q->completion = completion;
    q->port = xstrdup(netdev_get_name(netdev));
    q->pmd = netdev_is_pmd(netdev);
    atomic_init(&q->n_rx, 0);
    atomic_init(&q->n_tx, 0);
    atomic_init(&q->n_hot, 0);

    ovs_mutex_lock(&umems_mutex);
    for (holder = 1; holder <= q->umem->n_places; holder++) {
        if (!q->umem->queues[holder]) {
            break;
        }
    }
    if (holder <= q->umem->n_places) {
        q->holder = holder;
        q->umem->queues[holder] = q;
    }
    ovs_mutex_unlock(&umems_mutex);
    if (q->holder) {
        return q;
    }

    afxdp_queue_destroy(q);
    error = ENOSPC;
error:
    COVERAGE_INC(afxdp_umem_own);
    VLOG_WARN_ONCE("%s: cannot share packet memory, which costs a copy of "
                   "each packet it sends: %s", netdev_get_name(netdev),
                   ovs_strerror(error));
    return NULL;
}

void
afxdp_queue_destroy(struct afxdp_queue *q)
{
    int error = -xsk_umem__delete(q->xsk_umem);

    if (error) {
        /* The kernel goes on receiving into its frames, for all we know. */
        VLOG_ERR("%s: cannot free packet memory: %s", q->port,
                 ovs_strerror(error));
    }
    if (q->holder) {
        if (!error) {
            /* Some drivers send out of the frame itself, for a moment after
             * the socket was closed: these are the last to be used again. */
            xdp_frames_reclaim(q->umem->frames, q->holder);
        }
        xdp_frames_put(q->umem->frames, count(&q->n_hot), q->hot);
        ovs_mutex_lock(&umems_mutex);
        q->umem->queues[q->holder] = NULL;
        ovs_mutex_unlock(&umems_mutex);
    }
    if (q->had_socket) {
        atomic_store_relaxed(&last_end, time_msec());
    }
    free(q->port);
    free_cacheline(q);
}

void
afxdp_queue_had_socket(struct afxdp_queue *q)
{
    q->had_socket = true;
}

bool
afxdp_queues_may_be_busy(void)
{
    long long int msec;

    atomic_read_relaxed(&last_end, &msec);
    return msec > time_msec() - 1000;
}

int
afxdp_queue_fd(const struct afxdp_queue *q)
{
    return q->fd;
}

/* Lends the kernel a burst of frames to receive into.  Returns false if it has
 * enough or if there are none. */
static bool
fill(struct afxdp_queue *q)
{
    uint32_t n = count(&q->n_rx);
    uint32_t frames[BURST];
    uint32_t idx;

    if (n > RING_SIZE - BURST) {
        return false;
    }
    if (OVS_UNLIKELY(!xdp_frames_get(q->umem->frames, BURST, frames))) {
        COVERAGE_INC(afxdp_umem_no_frame);
        return false;
    }
    if (OVS_UNLIKELY(!xsk_ring_prod__reserve(q->fill, BURST, &idx))) {
        xdp_frames_put(q->umem->frames, BURST, frames);
        return false;
    }
    for (int i = 0; i < BURST; i++) {
        xdp_frames_lend(q->umem->frames, frames[i], q->holder);
        *xsk_ring_prod__fill_addr(q->fill, idx + i)
            = (uint64_t) frames[i] << FRAME_SHIFT;
    }
    xsk_ring_prod__submit(q->fill, BURST);
    atomic_store_relaxed(&q->n_rx, n + BURST);
    return true;
}

void
afxdp_queue_start(struct afxdp_queue *q, int fd, struct xsk_ring_cons *rx,
                  struct xsk_ring_prod *tx, bool use_need_wakeup,
                  bool zero_copy, atomic_uint64_t *tx_dropped)
{
    q->had_socket = true;
    q->fd = fd;
    q->rx = rx;
    q->tx = tx;
    q->use_need_wakeup = use_need_wakeup;
    q->zero_copy = zero_copy;
    q->tx_dropped = tx_dropped;
    while (fill(q)) {
        continue;
    }
}

static bool
needs_wakeup(const struct xsk_ring_prod *ring)
{
#ifdef XDP_USE_NEED_WAKEUP
    return xsk_ring_prod__needs_wakeup(ring);
#else
    return true;
#endif
}

/* Returns how many packets the kernel has yet to take.  In any thread. */
static uint32_t
tx_backlog(const struct afxdp_queue *q)
{
    return (__atomic_load_n(q->tx->producer, __ATOMIC_RELAXED)
            - __atomic_load_n(q->tx->consumer, __ATOMIC_RELAXED));
}

/* Has the kernel send what is in the ring.  In any thread. */
static void
kick(struct afxdp_queue *q)
{
    uint32_t before, backlog;

    if (q->use_need_wakeup && !needs_wakeup(q->tx)) {
        return;
    }

    /* In copy mode each call sends only some of them.  Whether it fails or not
     * tells little: a packet that the device dropped is an error, too. */
    backlog = tx_backlog(q);
    while (backlog) {
        COVERAGE_INC(afxdp_umem_tx_kick);
        if (sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0
            && (errno == ENXIO || errno == ENOBUFS || errno == EOPNOTSUPP)) {
            VLOG_WARN_RL(&rl, "%s: error sending AF_XDP packet: %s.",
                         q->port, ovs_strerror(errno));
            break;
        }
        before = backlog;
        backlog = tx_backlog(q);
        if (q->zero_copy || backlog >= before) {
            break;
        }
    }
}

void
netdev_afxdp_flush(void)
{
    struct unsent *unsent = unsent_get();

    for (unsigned int i = 0; i < unsent->n; i++) {
        kick(unsent->queues[i]);
    }
    unsent->n = 0;
    unsent->allowed = false;
}

/* Has the kernel send what is in the ring, now or when this thread calls
 * netdev_afxdp_flush(). */
static void
kick_soon(struct afxdp_queue *q)
{
    struct unsent *unsent = unsent_get();

    if (unsent->allowed && tx_backlog(q) < KICK_PACKETS) {
        for (unsigned int i = 0; i < unsent->n; i++) {
            if (unsent->queues[i] == q) {
                return;
            }
        }
        if (unsent->n < ARRAY_SIZE(unsent->queues)) {
            unsent->queues[unsent->n++] = q;
            return;
        }
    }
    kick(q);
}

/* Keeps frames among the 'n' ones for copies, as many as there is room for.
 * Returns how many. */
static uint32_t
keep_hot(struct afxdp_queue *q, uint32_t n, const uint32_t frames[])
{
    uint32_t n_hot = count(&q->n_hot);
    uint32_t kept = q->zero_copy ? 0 : MIN(n, HOT_FRAMES - n_hot);

    memcpy(&q->hot[n_hot], frames, kept * sizeof *frames);
    atomic_store_relaxed(&q->n_hot, n_hot + kept);
    return kept;
}

/* Gets a frame for a copy. */
static bool
get_hot(struct afxdp_queue *q, uint32_t *frame)
{
    uint32_t n_hot = count(&q->n_hot);

    if (OVS_UNLIKELY(!n_hot)) {
        return xdp_frames_get(q->umem->frames, 1, frame);
    }
    *frame = q->hot[--n_hot];
    atomic_store_relaxed(&q->n_hot, n_hot);
    return true;
}

/* Takes back what the kernel has sent. */
static void
complete(struct afxdp_queue *q)
{
    struct xdp_frames *frames = q->umem->frames;
    uint32_t done[XDP_FRAMES_CACHED / 2];
    uint32_t n, idx;

    while ((n = xsk_ring_cons__peek(q->completion, ARRAY_SIZE(done), &idx))) {
        uint32_t n_done = 0, kept;

        for (uint32_t i = 0; i < n; i++) {
            uint64_t frame = *xsk_ring_cons__comp_addr(q->completion, idx + i)
                             >> FRAME_SHIFT;

            if (OVS_LIKELY(xdp_frames_take_back(frames, frame, q->holder))) {
                done[n_done++] = frame;
            } else {
                COVERAGE_INC(afxdp_umem_not_lent);
            }
        }
        xsk_ring_cons__release(q->completion, n);
        kept = keep_hot(q, n_done, done);
        xdp_frames_put(frames, n_done - kept, &done[kept]);
        atomic_store_relaxed(&q->n_tx, count(&q->n_tx) - n_done);
    }
}

int
afxdp_queue_recv(struct afxdp_queue *q, struct dp_packet_batch *batch,
                 int *qfill)
{
    struct afxdp_umem *umem = q->umem;
    uint32_t idx, n, n_taken = 0;
    uint32_t numbers[BURST];

    unsent_get()->allowed = q->pmd;
    fill(q);

    n = xsk_ring_cons__peek(q->rx, BURST, &idx);
    if (!n) {
        if (q->use_need_wakeup && needs_wakeup(q->fill)) {
            struct pollfd pfd = { .fd = q->fd, .events = POLLIN };

            if (OVS_UNLIKELY(poll(&pfd, 1, 0) < 0)) {
                VLOG_WARN_RL(&rl, "%s: error polling rx fd: %s.", q->port,
                             ovs_strerror(errno));
            }
        }
        /* The device was busy: nobody else may ever try again. */
        if (OVS_UNLIKELY(tx_backlog(q))) {
            kick(q);
        }
        return EAGAIN;
    }

    if (OVS_UNLIKELY(!xdp_frames_get(umem->unused_packets, n, numbers))) {
        xsk_ring_cons__cancel(q->rx, n);
        COVERAGE_INC(afxdp_umem_no_frame);
        return EAGAIN;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t addr = xsk_ring_cons__rx_desc(q->rx, idx + i)->addr;

        OVS_PREFETCH(umem->base + addr);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *desc = xsk_ring_cons__rx_desc(q->rx, idx + i);
        uint64_t frame = desc->addr >> FRAME_SHIFT;
        struct dp_packet_afxdp *xpacket;

        if (OVS_UNLIKELY(!xdp_frames_take_back(umem->frames, frame,
                                               q->holder))) {
            COVERAGE_INC(afxdp_umem_not_lent);
            continue;
        }
        xpacket = &umem->packets[numbers[n_taken++]];
        xpacket->umem = umem;
        dp_packet_use_afxdp(&xpacket->packet, umem->base + desc->addr,
                            FRAME_SIZE, desc->addr & (FRAME_SIZE - 1));
        dp_packet_set_size(&xpacket->packet, desc->len);
        /* Not dp_packet_batch_add(): the compiler takes it for freeing. */
        batch->packets[batch->count++] = &xpacket->packet;
    }
    xsk_ring_cons__release(q->rx, n);
    atomic_store_relaxed(&q->n_rx, count(&q->n_rx) - n_taken);
    if (OVS_UNLIKELY(n_taken < n)) {
        xdp_frames_put(umem->unused_packets, n - n_taken, &numbers[n_taken]);
    }

    if (qfill) {
        *qfill = 0;
    }
    return 0;
}

static struct dp_packet_afxdp *
packet_cast(struct dp_packet *packet)
{
    return CONTAINER_OF(packet, struct dp_packet_afxdp, packet);
}

static uint32_t
packet_frame(const struct dp_packet_afxdp *xpacket)
{
    return ((char *) dp_packet_base(&xpacket->packet) - xpacket->umem->base)
           >> FRAME_SHIFT;
}

static uint32_t
packet_number(const struct dp_packet_afxdp *xpacket)
{
    return xpacket - xpacket->umem->packets;
}

void
afxdp_umem_free_packet(struct dp_packet_afxdp *xpacket)
{
    struct afxdp_umem *umem = xpacket->umem;
    uint32_t number = packet_number(xpacket);
    uint32_t frame = packet_frame(xpacket);

    /* The area may go once it has both. */
    xdp_frames_put(umem->frames, 1, &frame);
    xdp_frames_put(umem->unused_packets, 1, &number);
}

/* Of a burst that is sent: how many were copied, and what is to be freed. */
struct sent {
    uint32_t n_copied, n_packets, n_frames;
    uint32_t packets[BURST];
    uint32_t frames[BURST];
};

/* Copies the 'size' bytes of 'packet', and what is behind them up to a
 * multiple of a cache line.  Of memcpy() with 'size', of which it knows a
 * limit, the compiler makes "rep movs", which takes longer than all else that
 * a small packet needs here. */
static void
copy_packet(char *to, const struct dp_packet *packet, uint32_t size)
{
    const char *from = dp_packet_data(packet);

    for (uint32_t i = 0; i < size; i += CACHE_LINE_SIZE) {
        memcpy(to + i, from + i, CACHE_LINE_SIZE);
    }
}

/* Makes '*desc' send a copy of 'packet'.  Returns false if that is impossible:
 * what the kernel would refuse it would never give back. */
static bool
prepare_copy(struct afxdp_queue *q, const struct dp_packet *packet,
             struct xdp_desc *desc)
{
    uint32_t size = dp_packet_size(packet);
    uint32_t frame;

    if (OVS_UNLIKELY(!size || size > FRAME_SIZE || !get_hot(q, &frame))) {
        return false;
    }

    desc->addr = (uint64_t) frame << FRAME_SHIFT;
    if (OVS_LIKELY(dp_packet_tailroom(packet) >= CACHE_LINE_SIZE)) {
        copy_packet(q->umem->base + desc->addr, packet, size);
    } else {
        memcpy(q->umem->base + desc->addr, dp_packet_data(packet), size);
    }
    xdp_frames_lend(q->umem->frames, frame, q->holder);
    return true;
}

/* Makes '*desc' send 'packet', which is freed or added to 'sent'.  Returns
 * false if that is impossible: then it is still there.
 *
 * If the device sends out of the frame itself, that saves a copy.  If not, the
 * kernel copies the packet, by a mapping with a page for each frame: that of a
 * frame that goes round, one of thousands, is not in the processor's TLB, and
 * to find it takes longer than to copy a packet to a frame that was just used,
 * even if it is a large one. */
static bool
prepare(struct afxdp_queue *q, struct dp_packet *packet,
        struct xdp_desc *desc, struct sent *sent)
{
    struct afxdp_umem *umem = q->umem;
    struct dp_packet_afxdp *xpacket;
    uint32_t frame;

    desc->len = dp_packet_size(packet);
    desc->options = 0;
    if (OVS_UNLIKELY(packet->source != DPBUF_AFXDP
                     || packet_cast(packet)->umem != umem)) {
        if (!prepare_copy(q, packet, desc)) {
            return false;
        }
        dp_packet_delete(packet);
        sent->n_copied++;
        return true;
    }

    xpacket = packet_cast(packet);
    frame = packet_frame(xpacket);
    if (!q->zero_copy) {
        if (!prepare_copy(q, packet, desc)) {
            return false;
        }
        sent->frames[sent->n_frames++] = frame;
        sent->n_copied++;
    } else if (OVS_LIKELY(desc->len)) {
        desc->addr = (char *) dp_packet_data(packet) - umem->base;
        xdp_frames_lend(umem->frames, frame, q->holder);
    } else {
        return false;
    }
    sent->packets[sent->n_packets++] = packet_number(xpacket);
    return true;
}

int
afxdp_queue_send(struct afxdp_queue *q, struct dp_packet_batch *batch)
{
    uint32_t size = dp_packet_batch_size(batch);
    uint32_t room, idx, n = 0, dropped = 0;
    struct xdp_desc descs[BURST];
    struct sent sent;
    struct dp_packet *packet;

    complete(q);
    room = RING_SIZE - count(&q->n_tx);
    if (OVS_UNLIKELY(room < size)) {
        kick(q);
        complete(q);
        room = RING_SIZE - count(&q->n_tx);
    }
    room = MIN(room, xsk_prod_nb_free(q->tx, size));

    sent.n_copied = sent.n_packets = sent.n_frames = 0;
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (OVS_LIKELY(n < room && prepare(q, packet, &descs[n], &sent))) {
            n++;
        } else {
            dp_packet_delete(packet);
            dropped++;
        }
    }
    COVERAGE_ADD(afxdp_umem_copied, sent.n_copied);
    xdp_frames_put(q->umem->frames, sent.n_frames, sent.frames);
    xdp_frames_put(q->umem->unused_packets, sent.n_packets, sent.packets);

    if (OVS_LIKELY(n)) {
        uint32_t reserved = xsk_ring_prod__reserve(q->tx, n, &idx);

        ovs_assert(reserved == n);
        for (uint32_t i = 0; i < n; i++) {
            *xsk_ring_prod__tx_desc(q->tx, idx + i) = descs[i];
        }
        xsk_ring_prod__submit(q->tx, n);
        atomic_store_relaxed(&q->n_tx, count(&q->n_tx) + n);
        kick_soon(q);
    }

    if (OVS_UNLIKELY(dropped)) {
        uint64_t orig;

        atomic_add_relaxed(q->tx_dropped, dropped, &orig);
        COVERAGE_ADD(afxdp_umem_dropped, dropped);
        return ENOMEM;
    }
    return 0;
}

/* Commands. */

static void
umem_format(const struct afxdp_umem *umem, struct ds *ds)
    OVS_REQUIRES(umems_mutex)
{
    uint32_t lent = xdp_frames_lent(umem->frames);
    uint32_t cached, idle;

    idle = xdp_frames_idle(umem->frames, &cached);
    for (unsigned int i = 1; i <= umem->n_places; i++) {
        uint32_t n_hot = umem->queues[i] ? count(&umem->queues[i]->n_hot) : 0;

        idle += n_hot;
        cached += n_hot;
    }
    ds_put_format(ds, "NUMA node %d: %"PRIu32" frames, %u of %u queues\n",
                  umem->numa_id, umem->n_frames, umem_n_queues(umem),
                  umem->n_places);
    ds_put_format(ds, "  idle: %"PRIu32", cached by threads: %"PRIu32"\n",
                  idle, cached);
    ds_put_format(ds, "  lent to the kernel: %"PRIu32"\n", lent);
    ds_put_format(ds, "  packets: %"PRIu32"\n",
                  umem->n_frames - MIN(umem->n_frames, idle + lent));
    for (unsigned int i = 1; i <= umem->n_places; i++) {
        const struct afxdp_queue *q = umem->queues[i];

        if (q) {
            ds_put_format(ds, "  %s: to receive: %"PRIu32", "
                          "to send: %"PRIu32"\n",
                          q->port, count(&q->n_rx), count(&q->n_tx));
        }
    }
}

static void
unixctl_afxdp_umem(struct unixctl_conn *conn, int argc OVS_UNUSED,
                   const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const struct afxdp_umem *umem;

    ovs_mutex_lock(&umems_mutex);
    umems_sweep();
    LIST_FOR_EACH (umem, node, &umems) {
        umem_format(umem, &ds);
    }
    ovs_mutex_unlock(&umems_mutex);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

void
netdev_afxdp_umem_init(void)
{
    unixctl_command_register("afxdp/umem", "", 0, 0, unixctl_afxdp_umem, NULL);
}
