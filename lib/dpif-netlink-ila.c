/* SPDX-License-Identifier: Apache-2.0 */

/* Each request has a socket of its own, but for those of a load, as what is
 * staged belongs to the socket.  Open vSwitch's pool of sockets would not do:
 * it keeps neither the cookie of an error, which tells which entry is refused,
 * nor lets it go of a dump before its end. */

#include <config.h>
#include "dpif-netlink-ila.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-extension.h"
#include "dpif-ila.h"
#include "dpif.h"
#include "flow.h"
#include "genl-family.h"
#include "hash.h"
#include "ila-netlink.h"
#include "netdev.h"
#include "netdev-offload.h"
#include "netlink-protocol.h"
#include "netlink-socket.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_ila);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static struct genl_family family = GENL_FAMILY_INITIALIZER(OVS_ILA_FAMILY);

/* Requests. */

static void
request_init(struct ofpbuf *request, const struct dpif *dpif,
             enum ovs_ila_cmd cmd)
{
    struct ovs_header *header;

    ofpbuf_init(request, 256);
    nl_msg_put_genlmsghdr(request, 0, 0, NLM_F_REQUEST, cmd, OVS_ILA_VERSION);
    header = ofpbuf_put_uninit(request, sizeof *header);
    header->dp_ifindex = dpif_netlink_get_dp_ifindex(dpif);
}

/* What comes back. */
struct answer {
    /* Called for each message but errors and acknowledgements; returns 0, or a
     * positive errno value, or -1 if there is no need for more. */
    int (*cb)(const struct ofpbuf *msg, void *aux);
    void *aux;
    uint32_t bad;               /* Which of several entries is refused. */
    bool interrupted;           /* All that is listed was replaced. */
};

/* Handles one message that answers a request.  Returns true if that is all,
 * with the result in '*error'. */
static bool
take_message(const struct ofpbuf *msg, struct answer *answer, int *error)
{
    const struct nlmsghdr *nlh = nl_msg_nlmsghdr(msg);
    const char *text = NULL;

    answer->interrupted |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (nl_msg_nlmsgerr(msg, error, &text)) {
        if (*error) {
            answer->bad = ila_netlink_bad_index(msg);
            if (text) {
                VLOG_INFO_RL(&rl, "the kernel says: %s (%s)", text,
                             ovs_strerror(*error));
            }
        }
        return true;
    } else if (nlh->nlmsg_type == NLMSG_DONE) {
        const int32_t *status = ofpbuf_at(msg, NLMSG_HDRLEN, sizeof *status);

        *error = status && *status < 0 ? -*status : 0;
        return true;
    }

    *error = answer->cb ? answer->cb(msg, answer->aux) : 0;
    if (*error) {
        *error = MAX(*error, 0);
        return true;
    }
    return false;
}

/* Sends 'request' for family 'number' over 'sock' and takes the answer. */
static int
converse(struct nl_sock *sock, int number, struct ofpbuf *request,
         struct answer *answer)
{
    struct ofpbuf buf;
    uint32_t seq;
    int error;

    nl_msg_nlmsghdr(request)->nlmsg_type = number;
    error = nl_sock_send(sock, request, true);
    if (error) {
        return error;
    }
    seq = nl_msg_nlmsghdr(request)->nlmsg_seq;

    ofpbuf_init(&buf, 32768);
    for (;;) {
        struct ofpbuf msg;

        error = nl_sock_recv(sock, &buf, NULL, true);
        if (error) {
            break;
        }
        while (nl_msg_next(&buf, &msg)) {
            if (nl_msg_nlmsghdr(&msg)->nlmsg_seq == seq
                && take_message(&msg, answer, &error)) {
                goto out;
            }
        }
    }

out:
    ofpbuf_uninit(&buf);
    return error;
}

/* As converse(), with a socket and the number of the family found.  Frees
 * 'request'. */
static int
transact(const struct dpif *dpif, struct ofpbuf *request,
         struct answer *answer)
{
    int dp_ifindex = dpif_netlink_get_dp_ifindex(dpif);
    int number, tried = 0;
    int error;

    if (!(nl_msg_nlmsghdr(request)->nlmsg_flags & NLM_F_DUMP)) {
        nl_msg_nlmsghdr(request)->nlmsg_flags |= NLM_F_ACK;
    }

    /* ENOENT may be about the family, whose number changes if the module is
     * loaded anew. */
    for (;;) {
        struct nl_sock *sock;

        number = genl_family_get(&family, dp_ifindex, "ILA mapping table");
        if (!number) {
            error = EOPNOTSUPP;
            break;
        } else if (number == tried) {
            error = ENOENT;
            break;
        }
        error = nl_sock_create(NETLINK_GENERIC, &sock);
        if (error) {
            break;
        }
        error = converse(sock, number, request, answer);
        nl_sock_destroy(sock);
        if (error != ENOENT || tried) {
            break;
        }
        tried = number;
        genl_family_forget(&family, number);
    }
    ofpbuf_uninit(request);
    return error;
}

/* An answer of one message. */
struct single {
    unsigned int parts;
    struct ila_netlink_reply *reply;
    bool received;
};

static int
take_single(const struct ofpbuf *msg, void *single_)
{
    struct single *single = single_;

    single->received = true;
    return (ila_netlink_parse(msg, single->parts, single->reply)
            ? 0 : EPROTO);
}

/* As transact(), and stores an answer that has 'parts' in '*reply'. */
static int
transact_reply(const struct dpif *dpif, struct ofpbuf *request,
               unsigned int parts, struct ila_netlink_reply *reply)
{
    struct single single = { parts, reply, false };
    struct answer answer = { .cb = take_single, .aux = &single };
    int error = transact(dpif, request, &answer);

    return error ? error : single.received ? 0 : EPROTO;
}

/* As transact(), where success is all there is to know. */
static int
transact_ack(const struct dpif *dpif, struct ofpbuf *request)
{
    struct answer answer = { .cb = NULL };

    return transact(dpif, request, &answer);
}

/* Entries. */

static int
netlink_ila_add(struct dpif *dpif, const struct ila_mapping *mapping,
                enum ila_add_mode mode)
{
    struct ofpbuf request;

    request_init(&request, dpif, OVS_ILA_CMD_ADD);
    ila_netlink_put_entry(&request, mapping);
    nl_msg_put_u8(&request, OVS_ILA_ATTR_ADD_MODE, mode);
    return transact_ack(dpif, &request);
}

static int
netlink_ila_del(struct dpif *dpif, const struct ila_match *match,
                enum ila_owner owner)
{
    struct ofpbuf request;

    request_init(&request, dpif, OVS_ILA_CMD_DEL);
    ila_netlink_put_match(&request, match);
    nl_msg_put_u8(&request, OVS_ILA_ATTR_OWNER, owner);
    return transact_ack(dpif, &request);
}

static int
netlink_ila_get(struct dpif *dpif, const struct ila_match *match,
                struct dpif_ila_entry *entry)
{
    struct ila_netlink_reply reply;
    struct ofpbuf request;
    int error;

    request_init(&request, dpif, OVS_ILA_CMD_GET);
    ila_netlink_put_match(&request, match);
    error = transact_reply(dpif, &request, ILA_NETLINK_ENTRY, &reply);
    if (!error) {
        *entry = reply.entry;
    }
    return error;
}

/* MOVE and FLUSH, which answer how many. */
static int
transact_n(const struct dpif *dpif, struct ofpbuf *request, size_t *n)
{
    struct ila_netlink_reply reply;
    int error;

    *n = 0;
    error = transact_reply(dpif, request, ILA_NETLINK_N, &reply);
    if (!error) {
        *n = reply.n;
    }
    return error;
}

static int
netlink_ila_move(struct dpif *dpif, const struct ila_filter *filter,
                 ovs_be64 to, size_t *n)
{
    struct ofpbuf request;
    int error;

    request_init(&request, dpif, OVS_ILA_CMD_MOVE);
    ila_netlink_put_filter(&request, filter);
    nl_msg_put_unspec(&request, OVS_ILA_ATTR_LOCATOR, &to, sizeof to);
    error = transact_n(dpif, &request, n);
    return error == ENOENT ? 0 : error;
}

static int
netlink_ila_flush(struct dpif *dpif, const struct ila_filter *filter,
                  size_t *n)
{
    struct ofpbuf request;

    request_init(&request, dpif, OVS_ILA_CMD_FLUSH);
    ila_netlink_put_filter(&request, filter);
    return transact_n(dpif, &request, n);
}

struct listing {
    struct dpif_ila_cursor *cursor;
    struct dpif_ila_entry *entries;
    size_t max, n;
};

static int
take_listed(const struct ofpbuf *msg, void *listing_)
{
    struct listing *l = listing_;
    struct ila_netlink_reply reply;

    if (!ila_netlink_parse(msg, ILA_NETLINK_ENTRY | ILA_NETLINK_CURSOR,
                           &reply)) {
        return EPROTO;
    }
    l->entries[l->n++] = reply.entry;
    l->cursor->opaque = reply.cursor;
    return l->n >= l->max ? -1 : 0;
}

static int
netlink_ila_list(struct dpif *dpif, const struct ila_filter *filter,
                 struct dpif_ila_cursor *cursor,
                 struct dpif_ila_entry entries[], size_t max, size_t *n,
                 bool *restarted)
{
    for (;;) {
        struct listing listing = { cursor, entries, max, 0 };
        struct answer answer = { .cb = take_listed, .aux = &listing };
        struct ofpbuf request;
        int error;

        request_init(&request, dpif, OVS_ILA_CMD_GET);
        nl_msg_nlmsghdr(&request)->nlmsg_flags |= NLM_F_DUMP;
        ila_netlink_put_filter(&request, filter);
        nl_msg_put_u64(&request, OVS_ILA_ATTR_CURSOR, cursor->opaque);
        error = transact(dpif, &request, &answer);
        if (error || !answer.interrupted) {
            *n = error ? 0 : listing.n;
            return error;
        }

        /* The kernel goes on with what there is now and says so. */
        cursor->opaque = 0;
        *restarted = true;
    }
}

static int
netlink_ila_lookup(struct dpif *dpif, unsigned int dirs, uint16_t in_port,
                   const struct in6_addr *dst, struct dpif_ila_result *result)
{
    struct ila_netlink_reply reply;
    struct ofpbuf request;
    struct in6_addr addr;
    int error;

    /* The kernel has no number that no port has.  Its last one is the next
     * best for a packet from nowhere. */
    in_port = MIN(in_port, UINT16_MAX - 1);

    request_init(&request, dpif, OVS_ILA_CMD_GET);
    ila_netlink_put_lookup(&request, dirs, in_port, dst);
    error = transact_reply(dpif, &request, ILA_NETLINK_ENTRY, &reply);
    if (!error) {
        /* The kernel says what the address becomes, but not why; it has
         * nothing to say if the packet is dropped. */
        addr = *dst;
        result->entry = reply.entry;
        result->addr = reply.parts & ILA_NETLINK_ADDR ? reply.addr : *dst;
        result->verdict = ila_translate_addr(&reply.entry.mapping.xlat, &addr);
    }
    return error;
}

/* Bulk load. */

struct dpif_ila_load {
    struct dpif *dpif;          /* The caller's. */
    struct nl_sock *sock;
    int number;                 /* Of the family. */
    bool begun;                 /* Does the kernel know about it? */
};

static int
netlink_ila_load_begin(struct dpif *dpif, struct dpif_ila_load **loadp)
{
    struct dpif_ila_stats stats;
    struct dpif_ila_load *load;
    int error;

    /* The number of the family must be right for all of the load. */
    error = dpif_netlink_ila_class.get_stats(dpif, &stats);
    if (error) {
        return error;
    }

    load = xzalloc(sizeof *load);
    load->dpif = dpif;
    load->number = genl_family_get(&family, dpif_netlink_get_dp_ifindex(dpif),
                                   "ILA mapping table");
    error = (load->number ? nl_sock_create(NETLINK_GENERIC, &load->sock)
             : EOPNOTSUPP);
    if (error) {
        free(load);
        return error;
    }
    *loadp = load;
    return 0;
}

/* Sends a part of the load. */
static int
load_send(struct dpif_ila_load *load, const struct ila_mapping mappings[],
          size_t n, uint8_t flags, size_t *bad)
{
    struct answer answer = { .cb = NULL };
    struct ofpbuf request;
    int error;

    request_init(&request, load->dpif, OVS_ILA_CMD_LOAD);
    nl_msg_nlmsghdr(&request)->nlmsg_flags |= NLM_F_ACK;
    if (!load->begun) {
        flags |= OVS_ILA_LOAD_BEGIN;
    }
    nl_msg_put_u8(&request, OVS_ILA_ATTR_LOAD_FLAGS, flags);
    if (n) {
        ila_netlink_put_entries(&request, mappings, n);
    }
    error = converse(load->sock, load->number, &request, &answer);
    ofpbuf_uninit(&request);
    load->begun = true;
    *bad = answer.bad < n ? answer.bad : 0;
    return error;
}

static int
netlink_ila_load_add(struct dpif_ila_load *load,
                     const struct ila_mapping mappings[], size_t n,
                     size_t *bad)
{
    for (size_t i = 0; i < n; i += ILA_NETLINK_MAX_ENTRIES) {
        int error = load_send(load, &mappings[i],
                              MIN(n - i, ILA_NETLINK_MAX_ENTRIES), 0, bad);

        if (error) {
            *bad += i;
            return error;
        }
    }
    return 0;
}

static void
netlink_ila_load_abort(struct dpif_ila_load *load)
{
    nl_sock_destroy(load->sock);
    free(load);
}

static int
netlink_ila_load_commit(struct dpif_ila_load *load)
{
    size_t bad;
    int error = load_send(load, NULL, 0, OVS_ILA_LOAD_COMMIT, &bad);

    netlink_ila_load_abort(load);
    return error;
}

static int
netlink_ila_load_commit_replace(struct dpif_ila_load *load,
                                enum ila_owner owner)
{
    int error;

    if (load->begun) {
        size_t bad;

        error = load_send(load, NULL, 0,
                          OVS_ILA_LOAD_COMMIT | OVS_ILA_LOAD_REPLACE, &bad);
    } else {
        /* Without an entry the kernel would not know whose they are. */
        const struct ila_filter filter = { .owner = owner };
        size_t n;

        error = netlink_ila_flush(load->dpif, &filter, &n);
    }
    netlink_ila_load_abort(load);
    return error;
}

/* The table as a whole. */

static int
netlink_ila_get_stats(struct dpif *dpif, struct dpif_ila_stats *stats)
{
    struct ila_netlink_reply reply;
    struct ofpbuf request;
    int error;

    request_init(&request, dpif, OVS_ILA_CMD_GET_STATS);
    error = transact_reply(dpif, &request,
                           ILA_NETLINK_USAGE | ILA_NETLINK_COUNTS, &reply);
    if (!error) {
        stats->usage = reply.usage;
        memcpy(stats->counts, reply.counts, sizeof stats->counts);
    }
    return error;
}

static int
netlink_ila_set_max(struct dpif *dpif, size_t max)
{
    struct ofpbuf request;

    request_init(&request, dpif, OVS_ILA_CMD_SET);
    nl_msg_put_u32(&request, OVS_ILA_ATTR_MAX, MIN(max, UINT32_MAX));
    return transact_ack(dpif, &request);
}

/* Ports. */

static int
netlink_ila_get_port(struct dpif *dpif, odp_port_t port_no,
                     struct dpif_ila_port *port)
{
    struct ila_netlink_reply reply;
    struct ofpbuf request;
    int error;

    request_init(&request, dpif, OVS_ILA_CMD_GET_PORT);
    nl_msg_put_odp_port(&request, OVS_ILA_ATTR_PORT, port_no);
    error = transact_reply(dpif, &request,
                           ILA_NETLINK_DIRS | ILA_NETLINK_COUNTS, &reply);
    if (!error) {
        port->dirs = reply.dirs;
        memcpy(port->counts, reply.counts, sizeof port->counts);
    }
    return error;
}

/* Ports that this process told to translate. */
struct ila_port {
    struct hmap_node node;      /* In 'ports'. */
    int dp_ifindex;
    odp_port_t port_no;
};

static struct ovs_mutex ports_mutex = OVS_MUTEX_INITIALIZER;
static struct hmap ports OVS_GUARDED_BY(ports_mutex)
    = HMAP_INITIALIZER(&ports);

static uint32_t
hash_port(int dp_ifindex, odp_port_t port_no)
{
    return hash_2words(dp_ifindex, odp_to_u32(port_no));
}

static struct ila_port *
find_port(int dp_ifindex, odp_port_t port_no)
    OVS_REQUIRES(ports_mutex)
{
    struct ila_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, node, hash_port(dp_ifindex, port_no),
                             &ports) {
        if (port->dp_ifindex == dp_ifindex && port->port_no == port_no) {
            return port;
        }
    }
    return NULL;
}

/* Notes whether a port translates; returns whether it did. */
static bool
note_port(int dp_ifindex, odp_port_t port_no, bool translates)
{
    struct ila_port *port;
    bool did;

    ovs_mutex_lock(&ports_mutex);
    port = find_port(dp_ifindex, port_no);
    did = port != NULL;
    if (translates && !port) {
        port = xmalloc(sizeof *port);
        port->dp_ifindex = dp_ifindex;
        port->port_no = port_no;
        hmap_insert(&ports, &port->node, hash_port(dp_ifindex, port_no));
    } else if (!translates && port) {
        hmap_remove(&ports, &port->node);
        free(port);
    }
    ovs_mutex_unlock(&ports_mutex);
    return did;
}

/* TC sees packets before their addresses are translated, flows have them as
 * they are translated. */
static bool
netlink_ila_bars_offload(const struct dpif *dpif, const struct flow *flow)
{
    bool bars;

    if (flow->dl_type != htons(ETH_TYPE_IPV6)) {
        return false;
    }
    ovs_mutex_lock(&ports_mutex);
    bars = (!hmap_is_empty(&ports)
            && find_port(dpif_netlink_get_dp_ifindex(dpif),
                         flow->in_port.odp_port));
    ovs_mutex_unlock(&ports_mutex);
    return bars;
}

/* Takes the flows of a port out of TC; those that may will be back. */
static void
unoffload(const struct dpif *dpif, odp_port_t port_no)
{
    struct netdev *netdev;

    netdev = netdev_ports_get(port_no, dpif_normalize_type(dpif_type(dpif)));
    if (netdev) {
        netdev_flow_flush(netdev);
        netdev_close(netdev);
    }
}

static int
netlink_ila_set_port(struct dpif *dpif, odp_port_t port_no, unsigned int dirs)
{
    int dp_ifindex = dpif_netlink_get_dp_ifindex(dpif);
    struct ofpbuf request;
    bool did;
    int error;

    /* None is put into TC any more when the kernel begins to translate. */
    did = note_port(dp_ifindex, port_no, dirs != 0);
    if (dirs && !did && netdev_is_flow_api_enabled()) {
        unoffload(dpif, port_no);
    }

    request_init(&request, dpif, OVS_ILA_CMD_SET_PORT);
    nl_msg_put_odp_port(&request, OVS_ILA_ATTR_PORT, port_no);
    nl_msg_put_u8(&request, OVS_ILA_ATTR_DIRS, dirs);
    error = transact_ack(dpif, &request);
    if (error && !did) {
        note_port(dp_ifindex, port_no, false);
    }
    return error;
}

const struct dpif_ila_class dpif_netlink_ila_class = {
    .add = netlink_ila_add,
    .del = netlink_ila_del,
    .get = netlink_ila_get,
    .move = netlink_ila_move,
    .flush = netlink_ila_flush,
    .list = netlink_ila_list,
    .lookup = netlink_ila_lookup,
    .load_begin = netlink_ila_load_begin,
    .load_add = netlink_ila_load_add,
    .load_commit = netlink_ila_load_commit,
    .load_commit_replace = netlink_ila_load_commit_replace,
    .load_abort = netlink_ila_load_abort,
    .get_stats = netlink_ila_get_stats,
    .set_max = netlink_ila_set_max,
    .get_port = netlink_ila_get_port,
    .set_port = netlink_ila_set_port,
    .bars_offload = netlink_ila_bars_offload,
};
