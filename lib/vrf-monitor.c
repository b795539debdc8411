/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "coverage.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "vrf-db.h"
#include "vrf-netlink.h"

VLOG_DEFINE_THIS_MODULE(vrf_monitor);

COVERAGE_DEFINE(vrf_netlink_overflow);
COVERAGE_DEFINE(vrf_netlink_resync);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What is dumped, in this order: routes are understood by what precedes. */
static const struct {
    uint16_t request;
    uint8_t family;
    bool all_or_nothing;        /* Must not change while it is dumped. */
} dumps[] = {
    { RTM_GETLINK, AF_UNSPEC, true },
    { RTM_GETADDR, AF_UNSPEC, true },
    { RTM_GETNEXTHOP, AF_UNSPEC, true },
    { RTM_GETRULE, AF_INET, true },
    { RTM_GETRULE, AF_INET6, true },
    { RTM_GETROUTE, AF_INET, false },
    { RTM_GETROUTE, AF_INET6, false },
    { RTM_GETNEIGH, AF_INET, false },
    { RTM_GETNEIGH, AF_INET6, false },
};

static const unsigned int groups[] = {
    RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP,
};

enum {
    SLICE_MS = 5,               /* A run does not take much longer. */
    MAX_BACKLOG = 100000,       /* Notifications kept for the shadow. */
    MAX_RETRIES = 10,           /* Of a dump in which things changed. */
};

#ifndef NLM_F_DUMP_INTR
#define NLM_F_DUMP_INTR 0x10
#endif

struct vrf_monitor {
    struct vrf_db *db;
    struct nl_sock *sock;
    struct vrf_event event;     /* Large, thus not on the stack. */
    struct vrf_monitor_stats stats;

    bool synced;                /* All was dumped once. */
    bool stale;                 /* All has to be dumped. */
    long long int not_before;   /* When it may be dumped. */

    /* While it is dumped. */
    bool dumping;
    long long int started;
    size_t step;                /* Index in 'dumps'. */
    bool step_open;
    bool interrupted;
    unsigned int n_retries;
    struct nl_dump dump;
    struct ofpbuf buffer;
    struct ovs_list backlog;    /* Of struct ofpbuf. */
    size_t n_backlog;
};

static void
clear_backlog(struct vrf_monitor *m)
{
    struct ofpbuf *msg;

    LIST_FOR_EACH_POP (msg, list_node, &m->backlog) {
        ofpbuf_delete(msg);
    }
    m->n_backlog = 0;
}

static int
close_step(struct vrf_monitor *m)
{
    m->step_open = false;
    return nl_dump_done(&m->dump);
}

static void
stop_dumping(struct vrf_monitor *m)
{
    if (m->step_open) {
        close_step(m);
    }
    clear_backlog(m);
    m->dumping = false;
}

static bool
parse(struct vrf_monitor *m, const struct ofpbuf *msg)
{
    switch (vrf_netlink_parse(msg, &m->event)) {
    case VRF_NETLINK_EVENT:
        return true;
    case VRF_NETLINK_BAD:
        m->stats.n_bad++;
        VLOG_WARN_RL(&rl, "received malformed rtnetlink message of type %d",
                     msg->size >= NLMSG_HDRLEN
                     ? nl_msg_nlmsghdr(msg)->nlmsg_type : -1);
        return false;
    case VRF_NETLINK_IGNORED:
        return false;
    }
    OVS_NOT_REACHED();
}

/* Notifications. */

static bool
apply(struct vrf_monitor *m, const struct ofpbuf *msg)
{
    unsigned int effect;

    if (!parse(m, msg)) {
        return false;
    }
    m->stats.n_events++;
    effect = vrf_db_apply(m->db, &m->event);
    if (effect & VRF_DB_STALE) {
        m->stale = true;
    }
    if (m->dumping) {
        if (m->n_backlog < MAX_BACKLOG) {
            struct ofpbuf *copy = ofpbuf_clone(msg);

            ovs_list_push_back(&m->backlog, &copy->list_node);
            m->n_backlog++;
        } else {
            /* The shadow would lack what is there already. */
            vrf_db_resync_abort(m->db);
            stop_dumping(m);
            m->stale = true;
        }
    }
    return (effect & VRF_DB_CHANGED) != 0;
}

static bool
receive(struct vrf_monitor *m, long long int deadline)
{
    bool changed = false;
    uint64_t stub[4096 / 8];
    struct ofpbuf buf;

    ofpbuf_use_stub(&buf, stub, sizeof stub);
    do {
        int error = nl_sock_recv(m->sock, &buf, NULL, false);

        if (error == ENOBUFS) {
            COVERAGE_INC(vrf_netlink_overflow);
            m->stats.n_overflows++;
            m->stale = true;
        } else if (error == EAGAIN) {
            break;
        } else if (error) {
            VLOG_WARN_RL(&rl, "error reading rtnetlink socket (%s)",
                         ovs_strerror(error));
            break;
        } else {
            changed |= apply(m, &buf);
        }
    } while (time_msec() < deadline);
    ofpbuf_uninit(&buf);
    return changed;
}

/* Dumps. */

static void
open_step(struct vrf_monitor *m)
{
    struct ofpbuf request;
    size_t size;

    /* Each wants its own header, which begins with the family. */
    switch (dumps[m->step].request) {
    case RTM_GETLINK: size = sizeof(struct ifinfomsg); break;
    case RTM_GETADDR: size = sizeof(struct ifaddrmsg); break;
    case RTM_GETNEXTHOP: size = sizeof(struct nhmsg); break;
    case RTM_GETNEIGH: size = sizeof(struct ndmsg); break;
    default: size = sizeof(struct rtmsg); break;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, size, dumps[m->step].request,
                        NLM_F_REQUEST);
    *(uint8_t *) ofpbuf_put_zeros(&request, size) = dumps[m->step].family;
    nl_dump_start(&m->dump, NETLINK_ROUTE, &request);
    ofpbuf_uninit(&request);
    m->step_open = true;
    m->interrupted = false;
}

static void
start_dumping(struct vrf_monitor *m)
{
    m->stale = false;
    m->dumping = true;
    m->started = time_msec();
    m->step = 0;
    m->n_retries = 0;
    vrf_db_resync_begin(m->db);
}

static bool
finish_dumping(struct vrf_monitor *m)
{
    struct ofpbuf *msg;
    bool changed;

    LIST_FOR_EACH (msg, list_node, &m->backlog) {
        if (parse(m, msg)) {
            vrf_db_resync_add(m->db, &m->event);
        }
    }
    changed = vrf_db_resync_end(m->db);
    stop_dumping(m);
    COVERAGE_INC(vrf_netlink_resync);
    m->synced = true;
    m->stats.n_resyncs++;
    m->stats.resync_ms = time_msec() - m->started;
    VLOG_DBG("dumped everything in %lld ms", m->stats.resync_ms);

    /* With large tables it must not be all that we do. */
    m->not_before = time_msec() + 4 * m->stats.resync_ms;
    return changed;
}

/* The dump of a step has ended. */
static void
end_step(struct vrf_monitor *m)
{
    int error = close_step(m);

    if (error && !(dumps[m->step].request == RTM_GETNEXTHOP
                   && error == EOPNOTSUPP)) {
        VLOG_WARN_RL(&rl, "dump %"PRIuSIZE" failed (%s), will try again",
                     m->step, ovs_strerror(error));
        vrf_db_resync_abort(m->db);
        stop_dumping(m);
        m->stale = true;
        m->not_before = time_msec() + 1000;
    } else if (m->interrupted && dumps[m->step].all_or_nothing
               && m->n_retries < MAX_RETRIES) {
        m->n_retries++;
    } else {
        m->n_retries = 0;
        m->step++;
    }
}

static bool
go_on_dumping(struct vrf_monitor *m, long long int deadline)
{
    unsigned int n = 0;

    while (m->dumping && m->step < ARRAY_SIZE(dumps)) {
        struct ofpbuf msg;

        if (!m->step_open) {
            open_step(m);
        }
        if (nl_dump_next(&m->dump, &msg, &m->buffer)) {
            m->interrupted |= (nl_msg_nlmsghdr(&msg)->nlmsg_flags
                               & NLM_F_DUMP_INTR) != 0;
            if (parse(m, &msg)) {
                vrf_db_resync_add(m->db, &m->event);
            }
            if (++n % 64 == 0 && time_msec() >= deadline) {
                return false;
            }
        } else {
            end_step(m);
        }
    }
    return m->dumping && finish_dumping(m);
}

int
vrf_monitor_create(struct vrf_db *db, struct vrf_monitor **monitorp)
{
    struct vrf_monitor *m = xzalloc(sizeof *m);
    int error;

    *monitorp = NULL;
    m->db = db;
    ovs_list_init(&m->backlog);
    ofpbuf_init(&m->buffer, NL_DUMP_BUFSIZE);
    error = nl_sock_create(NETLINK_ROUTE, &m->sock);
    for (size_t i = 0; !error && i < ARRAY_SIZE(groups); i++) {
        error = nl_sock_join_mcgroup(m->sock, groups[i]);
        if (error && groups[i] == RTNLGRP_NEXTHOP) {
            error = 0;          /* An old kernel. */
        }
    }
    if (error) {
        VLOG_ERR("cannot listen to rtnetlink (%s)", ovs_strerror(error));
        vrf_monitor_destroy(m);
        return error;
    }
    m->stale = true;
    *monitorp = m;
    return 0;
}

void
vrf_monitor_destroy(struct vrf_monitor *m)
{
    if (m) {
        if (m->dumping) {
            vrf_db_resync_abort(m->db);
            stop_dumping(m);
        }
        nl_sock_destroy(m->sock);
        ofpbuf_uninit(&m->buffer);
        free(m);
    }
}

bool
vrf_monitor_run(struct vrf_monitor *m)
{
    long long int deadline = time_msec() + SLICE_MS;
    bool changed = receive(m, deadline);

    if (m->stale && !m->dumping && time_msec() >= m->not_before) {
        start_dumping(m);
    }
    if (m->dumping) {
        changed |= go_on_dumping(m, deadline);
    }
    return changed;
}

void
vrf_monitor_wait(struct vrf_monitor *m)
{
    nl_sock_wait(m->sock, POLLIN);
    if (m->dumping) {
        poll_immediate_wake();
    } else if (m->stale) {
        poll_timer_wait_until(m->not_before);
    }
}

bool
vrf_monitor_is_synced(const struct vrf_monitor *m)
{
    return m->synced && !m->stale && !m->dumping;
}

void
vrf_monitor_resync(struct vrf_monitor *m)
{
    m->stale = true;
}

void
vrf_monitor_get_stats(const struct vrf_monitor *m,
                      struct vrf_monitor_stats *stats)
{
    *stats = m->stats;
}
