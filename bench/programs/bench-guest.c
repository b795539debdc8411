/* SPDX-License-Identifier: Apache-2.0 */

#define _GNU_SOURCE             /* program_invocation_short_name */
#include "bench-guest.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int flow_family;
static int fd = -1;             /* Netlink socket. */
static uint32_t seq;
static int datapath_family, vport_family;
static int dp_ifindex;

void
fatal(int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    va_end(args);
    errno = error;
    fputs(error ? ": " : "\n", stderr);
    if (error) {
        fprintf(stderr, "%m\n");
    }
    exit(EXIT_FAILURE);
}

uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

unsigned int
number(const char *s, unsigned int max)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);

    if (*end || end == s || n < 1 || n > max) {
        fatal(0, "%s: not a number from 1 to %u", s, max);
    }
    return n;
}

/* Messages. */

static void
put_raw(struct msg *m, const void *data, size_t len)
{
    size_t padded = NLMSG_ALIGN(len);

    if (m->len + padded > sizeof m->bytes) {
        fatal(0, "message too long");
    }
    memset(m->bytes + m->len, 0, padded);
    if (len) {
        memcpy(m->bytes + m->len, data, len);
    }
    m->len += padded;
}

void
put(struct msg *m, uint16_t type, const void *data, size_t len)
{
    struct nlattr a = { .nla_type = type, .nla_len = NLA_HDRLEN + len };

    put_raw(m, &a, sizeof a);
    put_raw(m, data, len);
}

void
put_u32(struct msg *m, uint16_t type, uint32_t value)
{
    put(m, type, &value, sizeof value);
}

size_t
nest_begin(struct msg *m, uint16_t type)
{
    size_t start = m->len;

    put(m, type, NULL, 0);
    return start;
}

void
nest_end(struct msg *m, size_t start)
{
    struct nlattr a;

    memcpy(&a, m->bytes + start, sizeof a);
    a.nla_len = m->len - start;
    memcpy(m->bytes + start, &a, sizeof a);
}

void
begin(struct msg *m, int family, int cmd, int version, int flags)
{
    struct nlmsghdr nlh = {
        .nlmsg_type = family,
        .nlmsg_flags = NLM_F_REQUEST | flags,
        .nlmsg_seq = ++seq,
    };
    struct genlmsghdr genl = { .cmd = cmd, .version = version };

    m->len = 0;
    put_raw(m, &nlh, sizeof nlh);
    put_raw(m, &genl, sizeof genl);
    if (family != GENL_ID_CTRL) {
        struct ovs_header header = { .dp_ifindex = dp_ifindex };

        put_raw(m, &header, sizeof header);
    }
}

void
send_msg(struct msg *m)
{
    m->nlh.nlmsg_len = m->len;
    if (send(fd, m->bytes, m->len, 0) != (ssize_t) m->len) {
        fatal(errno, "send");
    }
}

void
receive(struct msg *m)
{
    ssize_t n = recv(fd, m->bytes, sizeof m->bytes, 0);

    if (n < 0) {
        fatal(errno, "recv");
    }
    m->len = n;
}

int
transact(struct msg *m)
{
    uint32_t wanted = m->nlh.nlmsg_seq;

    send_msg(m);
    do {
        receive(m);
    } while (m->nlh.nlmsg_seq != wanted);
    if (m->nlh.nlmsg_type == NLMSG_ERROR) {
        return -((struct nlmsgerr *) NLMSG_DATA(&m->nlh))->error;
    }
    return 0;
}

const void *
find(const struct msg *m, size_t header, int type)
{
    size_t at = NLMSG_HDRLEN + GENL_HDRLEN + header;

    while (at + NLA_HDRLEN <= m->len) {
        struct nlattr a;

        memcpy(&a, m->bytes + at, sizeof a);
        if (a.nla_len < NLA_HDRLEN || at + a.nla_len > m->len) {
            break;
        }
        if ((a.nla_type & NLA_TYPE_MASK) == type) {
            return m->bytes + at + NLA_HDRLEN;
        }
        at += NLA_ALIGN(a.nla_len);
    }
    return NULL;
}

int
family(const char *name)
{
    struct msg m;
    const void *id;
    uint16_t value;

    begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
    put(&m, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
    if (transact(&m)) {
        return 0;
    }
    id = find(&m, 0, CTRL_ATTR_FAMILY_ID);
    if (!id) {
        fatal(0, "%s: family without a number", name);
    }
    memcpy(&value, id, sizeof value);
    return value;
}

/* The datapath and its ports. */

void
make_datapath(void)
{
    struct msg m;
    int error;

    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    if (fd < 0) {
        fatal(errno, "netlink socket");
    }
    datapath_family = family(OVS_DATAPATH_FAMILY);
    vport_family = family(OVS_VPORT_FAMILY);
    flow_family = family(OVS_FLOW_FAMILY);
    if (!datapath_family || !vport_family || !flow_family) {
        fatal(0, "no openvswitch module is loaded");
    }

    begin(&m, datapath_family, OVS_DP_CMD_NEW, OVS_DATAPATH_VERSION,
          NLM_F_ACK);
    put(&m, OVS_DP_ATTR_NAME, DP_NAME, sizeof DP_NAME);
    put_u32(&m, OVS_DP_ATTR_UPCALL_PID, 0);
    error = transact(&m);
    if (error) {
        fatal(error, "creating datapath " DP_NAME);
    }
    dp_ifindex = if_nametoindex(DP_NAME);
}

void
delete_datapath(void)
{
    struct msg m;
    int error;

    begin(&m, datapath_family, OVS_DP_CMD_DEL, OVS_DATAPATH_VERSION,
          NLM_F_ACK);
    error = transact(&m);
    if (error) {
        fatal(error, "deleting datapath " DP_NAME);
    }
    close(fd);
}

void
add_port(const char *device, uint32_t port_no)
{
    struct msg m;
    int error;

    begin(&m, vport_family, OVS_VPORT_CMD_NEW, OVS_VPORT_VERSION, NLM_F_ACK);
    put(&m, OVS_VPORT_ATTR_NAME, device, strlen(device) + 1);
    put_u32(&m, OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV);
    put_u32(&m, OVS_VPORT_ATTR_PORT_NO, port_no);
    put_u32(&m, OVS_VPORT_ATTR_UPCALL_PID, 0);
    error = transact(&m);
    if (error) {
        fatal(error, "adding port %s", device);
    }
}

uint64_t
datapath_missed(void)
{
    struct ovs_dp_stats stats;
    const void *found;
    struct msg m;
    int error;

    begin(&m, datapath_family, OVS_DP_CMD_GET, OVS_DATAPATH_VERSION, 0);
    error = transact(&m);
    found = error ? NULL : find(&m, sizeof(struct ovs_header),
                                OVS_DP_ATTR_STATS);
    if (!found) {
        fatal(error, "statistics of " DP_NAME);
    }
    memcpy(&stats, found, sizeof stats);
    return stats.n_missed;
}

/* Flows. */

void
begin_flow(struct msg *m)
{
    static uint32_t n;
    uint32_t ufid[4] = { 0, 0, 0, ++n };

    begin(m, flow_family, OVS_FLOW_CMD_NEW, OVS_FLOW_VERSION,
          NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    put(m, OVS_FLOW_ATTR_UFID, ufid, sizeof ufid);
}

void
end_flow(struct msg *m)
{
    int error = transact(m);

    if (error) {
        fatal(error, "adding a flow");
    }
}
