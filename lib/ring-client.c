/* SPDX-License-Identifier: Apache-2.0 */

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <openvswitch/ring-client.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* How long an answer may take, in seconds, before it is ETIMEDOUT. */
#define ANSWER_TIMEOUT 30

#define MAX_FDS 3

struct ovs_ring_client {
    int fd;
    uint32_t last_id;           /* Of a request. */
    uint32_t ring_id;
    struct ovs_ring *ring;
};

/* A message and the files that came with it. */
struct packet {
    union {
        struct ovs_ring_msg msg;
        struct ovs_ring_hello hello;
        struct ovs_ring_err err;
        struct ovs_ring_attach_msg attach;
        struct ovs_ring_export export;
        char bytes[OVS_RING_MSG_MAX];
    };
    int fds[MAX_FDS];
    size_t n_fds;
};

/* Sets '*why', where "%m" is the text of 'error', and returns the latter. */
static int
fail(int error, char **why, const char *format, ...)
{
    char text[OVS_RING_MSG_MAX];
    va_list args;

    if (why) {
        errno = error;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        *why = strndup(text, sizeof text);
    }
    return error;
}

/* Opens the directory of 'name' and writes to 'address' a name in it that is
 * short enough for an address.  Returns the directory's descriptor, -1 if none
 * is needed, or -2 on error. */
static int
make_address(const char *name, struct sockaddr_un *address)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    size_t size = sizeof address->sun_path;
    char *directory;
    int fd, n;

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(name) < size) {
        memcpy(address->sun_path, name, strlen(name));
        return -1;
    }

    directory = slash ? strndup(name, slash - name + 1) : strndup(".", 1);
    if (!directory) {
        errno = ENOMEM;
        return -2;
    }
    fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0) {
        return -2;
    }
    n = snprintf(address->sun_path, size, "/proc/self/fd/%d/%s", fd, base);
    if (n < 0 || n >= size) {
        close(fd);
        errno = ENAMETOOLONG;
        return -2;
    }
    return fd;
}

static int
connect_socket(const char *name, int *fdp)
{
    const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT };
    struct sockaddr_un address;
    int error = 0;
    int fd, dir;

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    dir = make_address(name, &address);
    if (dir == -2
        || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout)
        || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout)
        || connect(fd, (struct sockaddr *) &address, sizeof address)) {
        error = errno;
    }
    if (dir >= 0) {
        close(dir);
    }
    if (error) {
        close(fd);
        return error;
    }
    *fdp = fd;
    return 0;
}

static void
close_files(struct packet *p)
{
    while (p->n_fds) {
        close(p->fds[--p->n_fds]);
    }
}

/* Takes the files out of 'msg'. */
static void
take_files(struct msghdr *msg, struct packet *p)
{
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
            size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof p->fds[0];

            /* There is room for no more than these. */
            memcpy(p->fds, CMSG_DATA(cmsg), n * sizeof p->fds[0]);
            p->n_fds = n;
        }
    }
}

static int
receive(int fd, struct packet *p)
{
    union {
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { .iov_base = p->bytes, .iov_len = sizeof p->bytes };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control.bytes, .msg_controllen = CMSG_LEN(
            MAX_FDS * sizeof(int)),
    };
    ssize_t n;

    p->n_fds = 0;
    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == EAGAIN ? ETIMEDOUT : errno;
    }
    take_files(&msg, p);
    if (!n) {
        return ECONNRESET;
    }
    if (n < sizeof p->msg || p->msg.len != n
        || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        close_files(p);
        return EPROTO;
    }
    return 0;
}

static int
send_packet(int fd, const struct packet *p, int flags)
{
    ssize_t n;

    do {
        n = send(fd, p->bytes, p->msg.len, flags | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

/* Sends the request '*p' and replaces it by the answer, which is of the type
 * 'answer' and at least 'len' bytes long. */
static int
transact(struct ovs_ring_client *client, struct packet *p,
         enum ovs_ring_msg_type answer, size_t len, char **why)
{
    uint32_t id = ++client->last_id;
    int error;

    p->msg.id = id;
    error = send_packet(client->fd, p, 0);
    /* One that is hung up on may have been told why. */
    if (!error || error == EPIPE) {
        error = receive(client->fd, p);
    }
    if (error) {
        return fail(error, why, "no answer from ovs-vswitchd (%m)");
    }
    if (p->msg.type == OVS_RING_MSG_ERR && p->msg.len >= sizeof p->err
        && p->err.error) {
        close_files(p);
        return fail(p->err.error, why, "%.*s",
                    (int) (p->msg.len - sizeof p->err),
                    p->bytes + sizeof p->err);
    }
    if (p->msg.type != answer || p->msg.id != id || p->msg.len < len) {
        close_files(p);
        return fail(EPROTO, why, "ovs-vswitchd gave an answer that makes no "
                    "sense");
    }
    return 0;
}

static void
init_packet(struct packet *p, enum ovs_ring_msg_type type, size_t len)
{
    memset(p, 0, sizeof *p);
    p->msg.type = type;
    p->msg.len = len;
}

static int
greet(struct ovs_ring_client *client, char **why)
{
    struct packet p;

    init_packet(&p, OVS_RING_MSG_HELLO, sizeof p.hello);
    p.hello.min_version = p.hello.max_version = OVS_RING_SOCKET_VERSION;
    return transact(client, &p, OVS_RING_MSG_HELLO, sizeof p.hello, why);
}

int
ovs_ring_connect(const char *name, struct ovs_ring_client **clientp,
                 char **why)
{
    struct ovs_ring_client *client;
    int error;

    /* A library must not abort, as xzalloc() would. */
    client = reallocarray(NULL, 1, sizeof *client);
    if (!client) {
        return fail(ENOMEM, why, "no memory");
    }
    memset(client, 0, sizeof *client);
    error = connect_socket(name, &client->fd);
    if (error) {
        free(client);
        return fail(error, why, "cannot connect to \"%s\" (%m)", name);
    }
    error = greet(client, why);
    if (error) {
        ovs_ring_disconnect(client);
        return error;
    }
    *clientp = client;
    return 0;
}

void
ovs_ring_disconnect(struct ovs_ring_client *client)
{
    if (client) {
        ovs_ring_close(client->ring);
        close(client->fd);
        free(client);
    }
}

int
ovs_ring_list_datapaths(struct ovs_ring_client *client, char **list,
                        char **why)
{
    struct packet p;
    int error;

    init_packet(&p, OVS_RING_MSG_LIST, sizeof p.msg);
    error = transact(client, &p, OVS_RING_MSG_LIST, sizeof p.msg, why);
    if (error) {
        return error;
    }
    close_files(&p);
    *list = strndup(p.bytes + sizeof p.msg, p.msg.len - sizeof p.msg);
    return *list ? 0 : fail(ENOMEM, why, "no memory");
}

/* Has the server look for segments that were released. */
static void
kick(void *client_)
{
    const struct ovs_ring_client *client = client_;
    struct packet p;

    p.msg = (struct ovs_ring_msg) {
        .type = OVS_RING_MSG_KICK,
        .len = sizeof p.msg,
        .ring = client->ring_id,
    };
    /* Without room for it, it has something to read anyway. */
    send_packet(client->fd, &p, MSG_DONTWAIT);
}

int
ovs_ring_attach(struct ovs_ring_client *client,
                const struct ovs_ring_spec *spec, char **why)
{
    size_t name_len = spec->name ? strlen(spec->name) : 0;
    size_t options_len = spec->options ? strlen(spec->options) : 0;
    struct packet p;
    char *strings = p.bytes + sizeof p.attach;
    int error;

    if (client->ring) {
        return fail(EBUSY, why, "this client has a ring");
    }
    if (name_len > sizeof p.bytes || options_len > sizeof p.bytes
        || sizeof p.attach + name_len + options_len > sizeof p.bytes) {
        return fail(EINVAL, why, "name and options are too long");
    }
    init_packet(&p, OVS_RING_MSG_ATTACH,
                sizeof p.attach + name_len + options_len);
    p.attach.ring_class = spec->ring_class;
    p.attach.n_lanes = spec->n_lanes;
    p.attach.seg_size = spec->seg_size;
    p.attach.n_segs = spec->n_segs;
    p.attach.max_record = spec->max_record;
    p.attach.n_tx = spec->n_tx;
    p.attach.tx_data_size = spec->tx_data_size;
    p.attach.name_len = name_len;
    p.attach.options_len = options_len;
    if (name_len) {
        memcpy(strings, spec->name, name_len);
    }
    if (options_len) {
        memcpy(strings + name_len, spec->options, options_len);
    }

    error = transact(client, &p, OVS_RING_MSG_OK, sizeof p.msg, why);
    if (error) {
        return error;
    }
    error = p.n_fds != MAX_FDS
            ? EPROTO
            : ovs_ring_open_fds(p.fds[0], p.fds[1], p.fds[2], &client->ring);
    if (error) {
        close_files(&p);
        return fail(error, why, "cannot open the ring (%m)");
    }
    client->ring_id = p.msg.ring;
    ovs_ring_set_kick(client->ring, kick, client);
    return 0;
}

struct ovs_ring *
ovs_ring_client_ring(const struct ovs_ring_client *client)
{
    return client->ring;
}

int
ovs_ring_open_flows(const char *name, const char *datapath,
                    const char *options, struct ovs_ring_client **clientp,
                    char **why)
{
    const struct ovs_ring_spec spec = {
        .ring_class = OVS_RING_FLOWS, .name = datapath, .options = options,
    };
    struct ovs_ring_client *client;
    const struct ovs_ring_control *control;
    int error;

    error = ovs_ring_connect(name, &client, why);
    if (error) {
        return error;
    }
    error = ovs_ring_attach(client, &spec, why);
    if (error) {
        ovs_ring_disconnect(client);
        return error;
    }
    /* Woken for each record is too often, for half of the ring too late. */
    control = ovs_ring_get_control(client->ring);
    ovs_ring_set_wake(client->ring,
                      control->n_segs / 4 * control->seg_size, 1000);
    *clientp = client;
    return 0;
}

int
ovs_ring_export(struct ovs_ring_client *client, uint64_t id, uint32_t flags,
                char **why)
{
    struct packet p;
    int error;

    if (!client->ring) {
        return fail(ENXIO, why, "this client has no ring");
    }
    init_packet(&p, OVS_RING_MSG_EXPORT, sizeof p.export);
    p.msg.ring = client->ring_id;
    p.export.id = id;
    p.export.flags = flags;
    error = transact(client, &p, OVS_RING_MSG_OK, sizeof p.msg, why);
    if (!error) {
        close_files(&p);
    }
    return error;
}
