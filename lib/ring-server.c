/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-server.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coverage.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "latch.h"
#include "netdev-ring.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "ring-flows.h"
#include "ring-kept.h"
#include "ring-open.h"
#include "simap.h"
#include "smap.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ring_server);

COVERAGE_DEFINE(ring_copy);
COVERAGE_DEFINE(ring_fallback);
COVERAGE_DEFINE(ring_full);
COVERAGE_DEFINE(ring_wake);

/* The registry: one line a kind. */
static const struct ring_kind *const kinds[] = {
    &ring_flows_kind,
    &netdev_ring_tap_kind,
    &netdev_ring_queue_kind,
};

/* Per round of the thread: connections that are accepted, and messages of one
 * of them.  Whoever sends more waits while the others have their turn. */
#define MAX_ACCEPTS 16
#define MAX_MESSAGES 16

/* So many connections beyond OVS_RING_MAX_PEERS are heard, to be told that
 * they are too many. */
#define N_DOORMAT 8

/* A connection that has not asked for a ring after this time, in ms, makes
 * room for another one. */
#define ATTACH_TIMEOUT 10000

/* After how many ms accept() is tried again that failed for a reason that will
 * not go away at once, such as EMFILE. */
#define ACCEPT_PAUSE 1000

/* Longest name in a request, in bytes. */
#define MAX_NAME 255

/* An answer that is to be sent. */
struct answer {
    union {
        struct ovs_ring_msg msg;
        struct ovs_ring_err err;
        struct ovs_ring_hello hello;
        uint8_t bytes[OVS_RING_MSG_MAX];
    };
    int fds[3];
    size_t n_fds;                       /* The fds are those of a ring. */
};

struct peer {
    struct ovs_list node;
    int fd;
    struct ring_peer_id id;
    bool greeted;                       /* Had it a HELLO? */
    bool closing;                       /* Hang up after the answer? */
    bool attached;                      /* Had it a ring? */
    long long int deadline;             /* Unless 'attached', in ms. */
    uint32_t last_id;                   /* Of a ring. */
    struct ring *rings[OVS_RING_MAX_RINGS];

    /* The answer to the last request, while 'msg.len' is not 0: no request is
     * read before it is on its way. */
    struct answer answer;
};

/* Changed by the thread "ring" alone, with the mutex; others read with it. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list peers OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&peers);

/* What the main thread has the thread "ring" do, and waits for. */
struct order {
    void (*run)(struct order *);
    const struct ring_kind *kind;       /* May be null to remove. */
    const struct ring_request *request;
    int error;
    char *why;
};
static struct order *order OVS_GUARDED_BY(mutex);
static pthread_cond_t order_done = PTHREAD_COND_INITIALIZER;

/* Of the thread "ring", while it runs. */
static int listen_fd = -1;
static size_t n_peers;
static long long int accept_time;       /* Not before that, in ms. */
static long long int flush_time;        /* When coverage counters of the thread
                                         * are to go to the others, in ms. */

/* Of the main thread. */
static bool running;
static pthread_t thread;
static char *socket_name;
static struct latch exit_latch;
static struct latch work_latch;

/* Memory that is in use and that may be. */
static struct ovs_mutex quota_mutex = OVS_MUTEX_INITIALIZER;
static uint64_t charged OVS_GUARDED_BY(quota_mutex);
static uint64_t max_charged OVS_GUARDED_BY(quota_mutex);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

/* Accounting. */

void
ring_count_wake(void)
{
    COVERAGE_INC(ring_wake);
}

void
ring_count_full(void)
{
    COVERAGE_INC(ring_full);
}

void
ring_count_copy(void)
{
    COVERAGE_INC(ring_copy);
}

void
ring_count_fallback(void)
{
    COVERAGE_INC(ring_fallback);
}

void
ring_server_wake(const struct ring_memory *memory)
{
    ring_count_wake();
    ring_memory_wake(memory);
}

bool
ring_server_charge(uint64_t bytes)
{
    bool ok;

    ovs_mutex_lock(&quota_mutex);
    ok = charged <= max_charged && bytes <= max_charged - charged;
    if (ok) {
        charged += bytes;
    }
    ovs_mutex_unlock(&quota_mutex);
    return ok;
}

void
ring_server_uncharge(uint64_t bytes)
{
    ovs_mutex_lock(&quota_mutex);
    ovs_assert(bytes <= charged);
    charged -= bytes;
    ovs_mutex_unlock(&quota_mutex);
}

static uint64_t
get_charged(void)
{
    uint64_t bytes;

    ovs_mutex_lock(&quota_mutex);
    bytes = charged;
    ovs_mutex_unlock(&quota_mutex);
    return bytes;
}

/* Rings. */

static const struct ring_kind *
find_kind(uint32_t ring_class)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i]->ring_class == ring_class) {
            return kinds[i];
        }
    }
    return NULL;
}

static struct ring **
find_slot(struct peer *peer, uint32_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(peer->rings); i++) {
        if (id ? peer->rings[i] && peer->rings[i]->id == id
               : !peer->rings[i]) {
            return &peer->rings[i];
        }
    }
    return NULL;
}

static void
close_ring(struct ring **slot)
{
    struct ring *ring = *slot;

    ovs_mutex_lock(&mutex);
    *slot = NULL;
    ovs_mutex_unlock(&mutex);
    ring_kept_closed(ring);
    ring_close(ring);
}

/* Answers. */

/* Begins the answer to 'request', of 'len' bytes. */
static void *
begin_answer(struct peer *peer, const struct ovs_ring_msg *request,
             enum ovs_ring_msg_type type, size_t len)
{
    struct ovs_ring_msg *msg = &peer->answer.msg;

    ovs_assert(len <= OVS_RING_MSG_MAX);
    peer->answer.n_fds = 0;
    memset(msg, 0, MAX(len, sizeof *msg));
    *msg = (struct ovs_ring_msg) {
        .type = type, .len = len, .id = request ? request->id : 0,
    };
    return msg;
}

static void
answer_ok(struct peer *peer, const struct ovs_ring_msg *request, uint32_t ring)
{
    begin_answer(peer, request, OVS_RING_MSG_OK, sizeof peer->answer.msg);
    peer->answer.msg.ring = ring;
}

static void
answer_error(struct peer *peer, const struct ovs_ring_msg *request, int error,
             const char *text)
{
    size_t len = MIN(strlen(text),
                     OVS_RING_MSG_MAX - sizeof(struct ovs_ring_err));
    struct ovs_ring_err *err;

    err = begin_answer(peer, request, OVS_RING_MSG_ERR, sizeof *err + len);
    err->error = error;
    memcpy(err + 1, text, len);
    VLOG_INFO_RL(&rl, "pid %ld: %s (%s)", (long int) peer->id.pid, text,
                 ovs_strerror(error));
}

/* What came is no message: there is no sense in reading on. */
static void
reject(struct peer *peer, const struct ovs_ring_msg *request,
       const char *text)
{
    answer_error(peer, request, EPROTO, text);
    peer->closing = true;
}

/* Sends the answer.  Returns false if the peer is gone. */
static bool
send_answer(struct peer *peer)
{
    struct answer *a = &peer->answer;
    union {
        char bytes[CMSG_SPACE(sizeof a->fds)];
        struct cmsghdr align;
    } control;
    struct iovec iov = { .iov_base = a->bytes, .iov_len = a->msg.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (a->n_fds) {
        struct cmsghdr *cmsg;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(a->n_fds * sizeof a->fds[0]);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(a->n_fds * sizeof a->fds[0]);
        memcpy(CMSG_DATA(cmsg), a->fds, a->n_fds * sizeof a->fds[0]);
    }
    do {
        n = sendmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        /* ETOOMANYREFS: it does not take the descriptors that it has. */
        return errno == EAGAIN;
    }
    a->msg.len = 0;
    return true;
}

/* Requests. */

static void
handle_hello(struct peer *peer, const struct ovs_ring_msg *msg)
{
    const struct ovs_ring_hello *hello = (const void *) msg;
    struct ovs_ring_hello *answer;

    if (msg->len != sizeof *hello) {
        reject(peer, msg, "HELLO has a wrong length");
        return;
    }
    if (hello->min_version > OVS_RING_SOCKET_VERSION
        || hello->max_version < OVS_RING_SOCKET_VERSION) {
        char *text = xasprintf("versions %u to %u: none of them is spoken "
                               "here, but %u", hello->min_version,
                               hello->max_version, OVS_RING_SOCKET_VERSION);

        answer_error(peer, msg, EPROTONOSUPPORT, text);
        peer->closing = true;
        free(text);
        return;
    }
    if (n_peers > OVS_RING_MAX_PEERS) {
        char *text = xasprintf("%d connections are all that there may be",
                               OVS_RING_MAX_PEERS);

        answer_error(peer, msg, EUSERS, text);
        peer->closing = true;
        free(text);
        return;
    }
    answer = begin_answer(peer, msg, OVS_RING_MSG_HELLO, sizeof *answer);
    answer->min_version = answer->max_version = OVS_RING_SOCKET_VERSION;
    answer->pid = getpid();
    peer->greeted = true;
}

/* Takes the strings behind 'attach' apart.  Returns false, with the reason in
 * '*why', if they are not as they should be. */
static bool
parse_strings(const struct ovs_ring_attach_msg *attach, char **name,
              struct smap *options, char **why)
{
    const char *strings = (const char *) (attach + 1);
    size_t n = attach->name_len + (size_t) attach->options_len;
    char *text, *token, *save_ptr = NULL;

    if (memchr(strings, '\0', n)) {
        *why = xstrdup("name or options with a null byte");
        return false;
    }
    if (attach->name_len > MAX_NAME) {
        *why = xasprintf("name of %u bytes, more than %d",
                         attach->name_len, MAX_NAME);
        return false;
    }

    text = xmemdup0(strings + attach->name_len, attach->options_len);
    for (token = strtok_r(text, ",", &save_ptr); token;
         token = strtok_r(NULL, ",", &save_ptr)) {
        char *value = strchr(token, '=');

        if (!value) {
            *why = xasprintf("option \"%.40s\" has no value", token);
            break;
        }
        *value++ = '\0';
        if (!smap_add_once(options, token, value)) {
            *why = xasprintf("option \"%.40s\" is there twice", token);
            break;
        }
    }
    free(text);
    if (token) {
        return false;
    }
    *name = xmemdup0(strings, attach->name_len);
    return true;
}

static int
attach_ring(struct peer *peer, const struct ovs_ring_attach_msg *attach,
            struct ring **ringp, char **why)
{
    const struct ring_kind *kind = find_kind(attach->ring_class);
    struct smap options = SMAP_INITIALIZER(&options);
    struct ring_request request = {
        .options = &options,
        .geometry = {
            .ring_class = attach->ring_class,
            .n_lanes = attach->n_lanes,
            .seg_size = attach->seg_size,
            .n_segs = attach->n_segs,
            .max_record = attach->max_record,
            .n_tx = attach->n_tx,
            .tx_data_size = attach->tx_data_size,
        },
        .peer = peer->id,
    };
    struct ring **slot = find_slot(peer, 0);
    char *name = NULL;
    int error;

    if (!kind) {
        *why = xasprintf("class %"PRIu32" is none that there is here",
                         attach->ring_class);
        return EINVAL;
    }
    if (!slot) {
        *why = xasprintf("%d rings are all that a connection may have",
                         OVS_RING_MAX_RINGS);
        return EDQUOT;
    }

    error = parse_strings(attach, &name, &options, why) ? 0 : EINVAL;
    if (!error) {
        request.name = name;
        *ringp = ring_kept_take(kind, name);
        if (*ringp) {
            (*ringp)->peer = peer->id;
        } else {
            error = ring_open(kind, &request, ringp, why);
        }
    }
    if (!error) {
        do {
            peer->last_id++;
        } while (!peer->last_id || find_slot(peer, peer->last_id));
        (*ringp)->id = peer->last_id;

        ovs_mutex_lock(&mutex);
        *slot = *ringp;
        ovs_mutex_unlock(&mutex);
        peer->attached = true;
    }
    smap_destroy(&options);
    free(name);
    return error;
}

static void
handle_attach(struct peer *peer, const struct ovs_ring_msg *msg)
{
    const struct ovs_ring_attach_msg *attach = (const void *) msg;
    struct ring *ring;
    char *why = NULL;
    int error;

    if (msg->len < sizeof *attach
        || msg->len != (sizeof *attach + attach->name_len
                        + attach->options_len)) {
        reject(peer, msg, "ATTACH has a wrong length");
        return;
    }

    error = attach_ring(peer, attach, &ring, &why);
    if (error) {
        ring_count_fallback();
        answer_error(peer, msg, error, why);
        free(why);
        return;
    }
    VLOG_INFO_RL(&rl, "pid %ld, uid %lu: ring %s of \"%s\", %"PRIu64" kB",
                 (long int) peer->id.pid, (unsigned long int) peer->id.uid,
                 ring->kind->name, ring->name,
                 (uint64_t) DIV_ROUND_UP(ring->bytes, 1024));
    answer_ok(peer, msg, ring->id);
    peer->answer.fds[0] = ring->memory->producer_fd;
    peer->answer.fds[1] = ring->memory->consumer_fd;
    peer->answer.fds[2] = ring->memory->sleep_fd;
    peer->answer.n_fds = 3;
}

static void
handle_list(struct peer *peer, const struct ovs_ring_msg *msg)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ring_flows_list_datapaths(&s);
    if (s.length > OVS_RING_MSG_MAX - sizeof *msg) {
        answer_error(peer, msg, EMSGSIZE, "too many datapaths for a list");
    } else {
        char *answer = begin_answer(peer, msg, OVS_RING_MSG_LIST,
                                    sizeof *msg + s.length);

        memcpy(answer + sizeof *msg, ds_cstr(&s), s.length);
    }
    ds_destroy(&s);
}

/* Handles a message to a ring of 'peer'. */
static void
handle_ring_message(struct peer *peer, const struct ovs_ring_msg *msg)
{
    struct ring **slot = msg->ring ? find_slot(peer, msg->ring) : NULL;
    struct ring *ring;
    char *why = NULL;
    int error;

    if (!slot) {
        if (msg->type != OVS_RING_MSG_KICK) {
            char *text = xasprintf("ring %"PRIu32" is none of this "
                                   "connection's", msg->ring);

            answer_error(peer, msg, ENXIO, text);
            free(text);
        }
        return;
    }
    ring = *slot;

    switch (msg->type) {
    case OVS_RING_MSG_KICK:
        break;                  /* What is to be done follows anyway. */

    case OVS_RING_MSG_DETACH:
        close_ring(slot);
        answer_ok(peer, msg, msg->ring);
        break;

    default:
        if (!ring->kind->request) {
            why = xasprintf("message %u is none for %s", msg->type,
                            ring->kind->name);
            error = EOPNOTSUPP;
        } else {
            error = ring->kind->request(ring->aux, msg, &why);
        }
        if (error) {
            answer_error(peer, msg, error, why);
            free(why);
        } else {
            answer_ok(peer, msg, msg->ring);
        }
        break;
    }
}

static void
handle_message(struct peer *peer, const struct ovs_ring_msg *msg, size_t len)
{
    if (len > OVS_RING_MSG_MAX) {
        reject(peer, NULL, "message is too long");
    } else if (len < sizeof *msg || msg->len != len || msg->zero) {
        reject(peer, NULL, "this is no message");
    } else if (peer->greeted != (msg->type != OVS_RING_MSG_HELLO)) {
        reject(peer, msg, "HELLO has to be first, and once");
    } else if (msg->type == OVS_RING_MSG_HELLO) {
        handle_hello(peer, msg);
    } else if (msg->type == OVS_RING_MSG_ATTACH) {
        handle_attach(peer, msg);
    } else if (msg->type == OVS_RING_MSG_LIST && len == sizeof *msg) {
        handle_list(peer, msg);
    } else if (((msg->type == OVS_RING_MSG_DETACH
                 || msg->type == OVS_RING_MSG_KICK) && len == sizeof *msg)
               || msg->type >= 64) {
        handle_ring_message(peer, msg);
    } else {
        char *text = xasprintf("message %u of %"PRIuSIZE" bytes is none",
                               msg->type, len);

        reject(peer, msg, text);
        free(text);
    }
}

/* Connections. */

static void
close_peer(struct peer *peer)
{
    for (size_t i = 0; i < ARRAY_SIZE(peer->rings); i++) {
        if (peer->rings[i]) {
            close_ring(&peer->rings[i]);
        }
    }
    ovs_mutex_lock(&mutex);
    ovs_list_remove(&peer->node);
    ovs_mutex_unlock(&mutex);
    n_peers--;
    close(peer->fd);
    free(peer);
}

/* Returns false if the peer is to be hung up on. */
static bool
run_peer(struct peer *peer)
{
    union {
        struct ovs_ring_msg msg;
        uint64_t align;
        char bytes[OVS_RING_MSG_MAX];
    } buf;

    for (int i = 0; i < MAX_MESSAGES; i++) {
        ssize_t n;

        if (peer->answer.msg.len) {
            if (!send_answer(peer)) {
                return false;
            }
            if (peer->answer.msg.len) {
                break;
            }
        }
        if (peer->closing) {
            return false;
        }

        /* Descriptors that somebody sends are closed by the kernel, as there
         * is no room for them. */
        n = recv(peer->fd, buf.bytes, sizeof buf, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                break;
            }
            return false;
        } else if (!n) {
            return false;
        }
        handle_message(peer, &buf.msg, n);
        flush_time = time_msec() + COVERAGE_CLEAR_INTERVAL + 1;
    }
    return peer->attached || time_msec() < peer->deadline;
}

static void
wait_peer(const struct peer *peer)
{
    poll_fd_wait(peer->fd, peer->answer.msg.len ? POLLOUT : POLLIN);
    if (!peer->attached) {
        poll_timer_wait_until(peer->deadline);
    }
}

static void
add_peer(int fd)
{
    struct peer *peer = xzalloc(sizeof *peer);
    struct ucred cred;
    socklen_t len = sizeof cred;

    peer->fd = fd;
    peer->deadline = time_msec() + ATTACH_TIMEOUT;
    peer->id = (struct ring_peer_id) { .pid = 0, .uid = (uid_t) -1 };
    if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)
        && len == sizeof cred) {
        peer->id.pid = cred.pid;
        peer->id.uid = cred.uid;
    }

    n_peers++;
    ovs_mutex_lock(&mutex);
    ovs_list_push_back(&peers, &peer->node);
    ovs_mutex_unlock(&mutex);
    if (n_peers > OVS_RING_MAX_PEERS + N_DOORMAT) {
        close_peer(peer);
    }
}

static void
accept_peers(void)
{
    if (time_msec() < accept_time) {
        return;
    }
    for (int i = 0; i < MAX_ACCEPTS; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            add_peer(fd);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            VLOG_WARN_RL(&rl, "%s: accept: %s", socket_name,
                         ovs_strerror(errno));
            accept_time = time_msec() + ACCEPT_PAUSE;
            break;
        }
    }
}

static void
wait_accept(void)
{
    if (time_msec() < accept_time) {
        poll_timer_wait_until(accept_time);
    } else {
        poll_fd_wait(listen_fd, POLLIN);
    }
}

/* Orders. */

static void
add_kept(struct order *o)
{
    o->error = ring_kept_add(o->kind, o->request, &o->why);
}

/* This thread alone changes the list, hence reads it without the mutex. */
static size_t
end_rings(const struct ring_kind *kind, const char *name)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct peer *peer;
    size_t n = 0;

    LIST_FOR_EACH (peer, node, &peers) {
        for (size_t i = 0; i < ARRAY_SIZE(peer->rings); i++) {
            const struct ring *ring = peer->rings[i];

            if (ring && (!kind || ring->kind == kind)
                && !strcmp(ring->name, name)) {
                close_ring(&peer->rings[i]);
                n++;
            }
        }
    }
    return n;
}

static void
remove_named(struct order *o)
{
    const char *name = o->request->name;
    size_t n = ring_kept_remove(o->kind, name);

    n += end_rings(o->kind, name);
    if (!n) {
        o->error = ENOENT;
        o->why = xasprintf("there is no %s \"%s\"",
                           o->kind ? o->kind->name : "ring", name);
    }
}

static void
run_order(void)
{
    ovs_mutex_lock(&mutex);
    if (order) {
        struct order *o = order;

        ovs_mutex_unlock(&mutex);
        o->run(o);
        ovs_mutex_lock(&mutex);
        order = NULL;
        xpthread_cond_signal(&order_done);
    }
    ovs_mutex_unlock(&mutex);
}

/* The thread. */

/* Calls the function 'run' or 'wait' of each ring of 'peer'. */
#define CALL_RINGS(PEER, FUNCTION)                                          \
    for (size_t i__ = 0; i__ < ARRAY_SIZE((PEER)->rings); i__++) {          \
        const struct ring *ring__ = (PEER)->rings[i__];                     \
                                                                            \
        if (ring__ && ring__->kind->FUNCTION) {                             \
            ring__->kind->FUNCTION(ring__->aux);                            \
        }                                                                   \
    }

/* This thread alone changes the list, hence reads it without the mutex. */
static void
run_peers(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct peer *peer;

    LIST_FOR_EACH_SAFE (peer, node, &peers) {
        if (run_peer(peer)) {
            CALL_RINGS(peer, run);
        } else {
            close_peer(peer);
        }
    }
}

static void
wait_peers(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct peer *peer;

    LIST_FOR_EACH (peer, node, &peers) {
        wait_peer(peer);
        CALL_RINGS(peer, wait);
    }
}

static void
close_peers(void)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct peer *peer;

    LIST_FOR_EACH_SAFE (peer, node, &peers) {
        close_peer(peer);
    }
}

/* An export takes a processor for a while: the threads that forward, and that
 * answer controllers, come first. */
static void
yield_to_others(void)
{
    int niceness = getpriority(PRIO_PROCESS, 0);

    /* On Linux that is the calling thread's. */
    if (setpriority(PRIO_PROCESS, 0, MIN(niceness + 10, 19))) {
        VLOG_DBG("setpriority: %s", ovs_strerror(errno));
    }
}

static void *
ring_main(void *aux OVS_UNUSED)
{
    yield_to_others();
    while (!latch_is_set(&exit_latch)) {
        if (latch_poll(&work_latch)) {
            ring_flows_check_datapaths();
        }
        run_order();
        accept_peers();
        run_peers();
        ring_kept_run();

        wait_accept();
        wait_peers();
        ring_kept_wait();
        latch_wait(&work_latch);
        latch_wait(&exit_latch);
        if (time_msec() < flush_time) {
            poll_timer_wait_until(flush_time);
        } else {
            coverage_clear();
        }
        poll_block();
    }
    close_peers();
    ring_kept_clear();
    return NULL;
}

/* The main thread. */

static int
listen_at(const char *name)
{
    int fd = make_unix_socket(SOCK_SEQPACKET, true, name, NULL);

    if (fd < 0) {
        return fd;
    }
    /* Nobody can connect before listen(). */
    if (chmod(name, 0600) || listen(fd, OVS_RING_MAX_PEERS)) {
        int error = errno;

        close(fd);
        fatal_signal_unlink_file_now(name);
        return -error;
    }
    return fd;
}

int
ring_server_start(uint64_t max_bytes)
{
    ovs_mutex_lock(&quota_mutex);
    max_charged = max_bytes;
    ovs_mutex_unlock(&quota_mutex);

    if (running) {
        return 0;
    }
    socket_name = xasprintf("%s/%s.%ld.ring", ovs_rundir(), program_name,
                            (long int) getpid());
    listen_fd = listen_at(socket_name);
    if (listen_fd < 0) {
        int error = -listen_fd;

        listen_fd = -1;
        free(socket_name);
        socket_name = NULL;
        return error;
    }
    accept_time = 0;
    latch_init(&exit_latch);
    latch_init(&work_latch);
    thread = ovs_thread_create("ring", ring_main, NULL);
    running = true;
    return 0;
}

void
ring_server_stop(void)
{
    if (!running) {
        return;
    }
    running = false;
    latch_set(&exit_latch);
    xpthread_join(thread, NULL);
    latch_destroy(&exit_latch);
    latch_destroy(&work_latch);
    close(listen_fd);
    listen_fd = -1;
    fatal_signal_unlink_file_now(socket_name);
    free(socket_name);
    socket_name = NULL;
}

void
ring_server_reconfigured(void)
{
    if (running) {
        latch_set(&work_latch);
    }
}

/* Has the thread carry 'o' out.  That takes it no longer than anything else
 * that it does. */
static int
give_order(struct order *o, char **why)
{
    if (!running) {
        *why = xstrdup("there are no rings: other_config:ring-enable is off, "
                       "or the log tells why");
        return ENOTCONN;
    }
    ovs_mutex_lock(&mutex);
    order = o;
    latch_set(&work_latch);
    while (order) {
        ovs_mutex_cond_wait(&order_done, &mutex);
    }
    ovs_mutex_unlock(&mutex);
    *why = o->why;
    return o->error;
}

int
ring_server_add(const struct ring_request *request, char **why)
{
    struct order o = {
        .run = add_kept,
        .kind = find_kind(request->geometry.ring_class),
        .request = request,
    };

    return give_order(&o, why);
}

int
ring_server_remove(uint32_t ring_class, const char *name, char **why)
{
    struct ring_request request = { .name = name };
    struct order o = {
        .run = remove_named,
        .kind = find_kind(ring_class),
        .request = &request,
    };

    return give_order(&o, why);
}

struct json *
ring_server_list(void)
{
    struct json *list = json_array_create_empty();
    const struct peer *peer;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (peer, node, &peers) {
        for (size_t i = 0; i < ARRAY_SIZE(peer->rings); i++) {
            if (peer->rings[i]) {
                json_array_add(list, ring_describe(peer->rings[i]));
            }
        }
    }
    ovs_mutex_unlock(&mutex);
    ring_kept_list(list);
    return list;
}

void
ring_server_get_memory_usage(struct simap *usage)
{
    uint64_t bytes = get_charged();

    if (bytes) {
        simap_increase(usage, "ring-kB", DIV_ROUND_UP(bytes, 1024));
    }
}
