/* SPDX-License-Identifier: Apache-2.0 */

/* What tests/guest/match-cache.sh does with bare netlink messages, so that
 * neither Open vSwitch's code for the datapath's flows nor its code for the
 * match cache is a part of what it is to be compared with.
 *
 * Built with "cc -I include -static"; knows nothing of Open vSwitch's library.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/extension-abi.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define UFID_LEN 16

static int fd;
static int dp_ifindex;
static uint32_t seq;

/* A request under construction. */
static union {
    struct {
        struct nlmsghdr nlh;
        struct genlmsghdr genl;
        struct ovs_header ovs;
    };
    char bytes[4096];
} request;

static char answer[1 << 16];

static void
fail(const char *what)
{
    perror(what);
    exit(2);
}

static void
begin(int family, int cmd, int version, int flags)
{
    memset(&request, 0, sizeof request);
    request.nlh.nlmsg_len = sizeof request.nlh + sizeof request.genl
                            + sizeof request.ovs;
    request.nlh.nlmsg_type = family;
    request.nlh.nlmsg_flags = NLM_F_REQUEST | flags;
    request.nlh.nlmsg_seq = ++seq;
    request.genl.cmd = cmd;
    request.genl.version = version;
    request.ovs.dp_ifindex = dp_ifindex;
}

static void
put(int type, const void *data, size_t len)
{
    struct nlattr *a = (void *) (request.bytes + request.nlh.nlmsg_len);

    a->nla_type = type;
    a->nla_len = NLA_HDRLEN + len;
    if (len) {
        memcpy(a + 1, data, len);
    }
    request.nlh.nlmsg_len += NLA_ALIGN(a->nla_len);
}

static void
put_u8(int type, uint8_t x)
{
    put(type, &x, sizeof x);
}

static void
put_u16(int type, uint16_t x)
{
    put(type, &x, sizeof x);
}

static void
put_u32(int type, uint32_t x)
{
    put(type, &x, sizeof x);
}

static void
put_u64(int type, uint64_t x)
{
    put(type, &x, sizeof x);
}

static size_t
nest(int type)
{
    size_t at = request.nlh.nlmsg_len;

    put(type, NULL, 0);
    return at;
}

static void
end_nest(size_t at)
{
    struct nlattr *a = (void *) (request.bytes + at);

    a->nla_len = request.nlh.nlmsg_len - at;
}

static void
send_request(void)
{
    if (send(fd, &request, request.nlh.nlmsg_len, 0) < 0) {
        fail("send");
    }
}

static ssize_t
receive(void)
{
    ssize_t n = recv(fd, answer, sizeof answer, 0);

    if (n <= 0) {
        fail("recv");
    }
    return n;
}

/* Returns the first attribute of 'type' in 'len' bytes of 'attrs', or NULL. */
static const struct nlattr *
find(const void *attrs, size_t len, int type)
{
    const char *p = attrs, *end = p + len;

    while (end - p >= NLA_HDRLEN) {
        const struct nlattr *a = (const void *) p;

        if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p) {
            break;
        }
        if ((a->nla_type & NLA_TYPE_MASK) == type) {
            return a;
        }
        p += NLA_ALIGN(a->nla_len);
    }
    return NULL;
}

/* Receives the answer to the request, which asked for an acknowledgment, and
 * returns its error, a negative errno value or 0.  '*message' and '*attr' are
 * what the kernel says about it, "" and 0 if nothing. */
static int
receive_ack(const char **message, int *attr)
{
    for (;;) {
        ssize_t n = receive();
        const struct nlmsghdr *nlh = (const void *) answer;

        for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
            if (nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_seq == seq) {
                const struct nlmsgerr *e = NLMSG_DATA(nlh);
                const char *tlvs = (const char *) (e + 1);
                const struct nlattr *a;

                *message = "";
                *attr = 0;
                if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
                    tlvs += e->msg.nlmsg_len - sizeof e->msg;
                }
                if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
                    size_t len = (const char *) nlh + nlh->nlmsg_len - tlvs;

                    a = find(tlvs, len, NLMSGERR_ATTR_MSG);
                    if (a) {
                        *message = (const char *) (a + 1);
                    }
                    a = find(tlvs, len, NLMSGERR_ATTR_OFFS);
                    if (a) {
                        const uint32_t *offset = (const void *) (a + 1);
                        const struct nlattr *bad
                            = (const void *) (request.bytes + *offset);
                        *attr = bad->nla_type;
                    }
                }
                return e->error;
            }
        }
    }
}

static int
family_id(const char *name)
{
    const struct nlattr *a;
    struct nlmsghdr *nlh = (void *) answer;
    ssize_t n;

    begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
    request.nlh.nlmsg_len -= sizeof request.ovs;
    put(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
    send_request();
    n = receive();
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        return 0;
    }
    a = find(answer + NLMSG_HDRLEN + GENL_HDRLEN,
             n - NLMSG_HDRLEN - GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
    return a ? *(const uint16_t *) (a + 1) : 0;
}

static int
flow_family(void)
{
    static int id;

    if (!id) {
        id = family_id(OVS_FLOW_FAMILY);
    }
    return id;
}

static int
cache_family(void)
{
    static int id;

    if (!id) {
        id = family_id(OVS_MATCH_CACHE_FAMILY);
        if (!id) {
            printf("no family\n");
            exit(3);
        }
    }
    return id;
}

/* Flows. */

/* 'kind' begins with v4, v6, tunnel (IPv4 in IPv4), tunnel6 (IPv6 in IPv6),
 * mpls (three labels) or nsh. */
static void
put_key(const char *kind, uint32_t i, bool is_mask)
{
    bool tunnel = !strncmp(kind, "tunnel", 6);
    bool mpls = !strncmp(kind, "mpls", 4);
    bool nsh = !strncmp(kind, "nsh", 3);
    bool v6 = strchr(kind, '6');
    size_t key = nest(is_mask ? OVS_FLOW_ATTR_MASK : OVS_FLOW_ATTR_KEY);
    uint8_t ones[40];

    memset(ones, 0xff, sizeof ones);
    if (tunnel) {
        size_t tun = nest(OVS_KEY_ATTR_TUNNEL);
        struct in6_addr outer = { .s6_addr = { 0xfd } };

        put_u64(OVS_TUNNEL_KEY_ATTR_ID, is_mask ? UINT64_MAX : i);
        if (v6) {
            outer.s6_addr[15] = 1;
            put(OVS_TUNNEL_KEY_ATTR_IPV6_SRC, is_mask ? ones : outer.s6_addr,
                16);
            outer.s6_addr[15] = 2;
            put(OVS_TUNNEL_KEY_ATTR_IPV6_DST, is_mask ? ones : outer.s6_addr,
                16);
        } else {
            put_u32(OVS_TUNNEL_KEY_ATTR_IPV4_SRC,
                    is_mask ? UINT32_MAX : htonl(0xc0000201));
            put_u32(OVS_TUNNEL_KEY_ATTR_IPV4_DST,
                    is_mask ? UINT32_MAX : htonl(0xc0000202));
        }
        put_u8(OVS_TUNNEL_KEY_ATTR_TOS, is_mask ? 0xff : 0);
        put_u8(OVS_TUNNEL_KEY_ATTR_TTL, is_mask ? 0xff : 64);
        put(OVS_TUNNEL_KEY_ATTR_CSUM, NULL, 0);
        put_u16(OVS_TUNNEL_KEY_ATTR_TP_DST, is_mask ? 0xffff : htons(4789));
        end_nest(tun);
    }
    put_u32(OVS_KEY_ATTR_IN_PORT, is_mask ? UINT32_MAX : 0);
    struct ovs_key_ethernet eth = { { 2, 0, 0, 0, 0, 1 },
                                    { 2, 0, 0, 0, 0, 2 } };
    put(OVS_KEY_ATTR_ETHERNET, is_mask ? ones : (void *) &eth, sizeof eth);
    put_u16(OVS_KEY_ATTR_ETHERTYPE,
            is_mask ? 0xffff
            : htons(mpls ? 0x8847 : nsh ? 0x894f : v6 ? 0x86dd : 0x800));
    if (nsh) {
        struct ovs_nsh_key_base base = { .ttl = 63, .mdtype = 1, .np = 1,
                                         .path_hdr = htonl(i << 8 | 255) };
        struct ovs_nsh_key_md1 md1 = { { 1, 2, 3, 4 } };
        size_t at = nest(OVS_KEY_ATTR_NSH);

        put(OVS_NSH_KEY_ATTR_BASE, is_mask ? ones : (void *) &base,
            sizeof base);
        put(OVS_NSH_KEY_ATTR_MD1, is_mask ? ones : (void *) &md1, sizeof md1);
        end_nest(at);
        end_nest(key);
        return;
    } else if (mpls) {
        uint32_t lse[3] = { htonl(i << 12), htonl(0x123 << 12),
                            htonl(0x456 << 12 | 0x100 | 64) };

        put(OVS_KEY_ATTR_MPLS, is_mask ? ones : (void *) lse, sizeof lse);
        end_nest(key);
        return;
    } else if (v6) {
        struct ovs_key_ipv6 ip = {
            .ipv6_src = { htonl(0x20010db8), 0, 0, htonl(i) },
            .ipv6_dst = { htonl(0x20010db8), 0, 0, htonl(1) },
            .ipv6_proto = 6, .ipv6_hlimit = 64,
        };
        struct ovs_key_ipv6 mask;

        memset(&mask, 0xff, sizeof mask);
        mask.ipv6_label = htonl(0xfffff);
        put(OVS_KEY_ATTR_IPV6, is_mask ? &mask : &ip, sizeof ip);
    } else {
        struct ovs_key_ipv4 ip = {
            .ipv4_src = htonl(0x0a000000 + i), .ipv4_dst = htonl(0xc0a80001),
            .ipv4_proto = 6, .ipv4_ttl = 64,
        };

        put(OVS_KEY_ATTR_IPV4, is_mask ? ones : (void *) &ip, sizeof ip);
    }
    struct ovs_key_tcp tcp = { htons(1000), htons(2000) };
    put(OVS_KEY_ATTR_TCP, is_mask ? ones : (void *) &tcp, sizeof tcp);
    put_u16(OVS_KEY_ATTR_TCP_FLAGS, is_mask ? htons(0xfff) : htons(2));
    end_nest(key);
}

static int
change_flow(int cmd, const char *kind, uint32_t i, uint32_t n_outputs)
{
    uint8_t ufid[UFID_LEN] = { 0 };
    const char *message;
    size_t actions;
    int attr;

    begin(flow_family(), cmd, OVS_FLOW_VERSION,
          NLM_F_ACK | (cmd == OVS_FLOW_CMD_NEW ? NLM_F_CREATE : 0));
    memcpy(ufid, &i, sizeof i);
    memcpy(ufid + sizeof i, kind, strnlen(kind, sizeof ufid - sizeof i));
    put(OVS_FLOW_ATTR_UFID, ufid, sizeof ufid);
    if (cmd != OVS_FLOW_CMD_DEL) {
        put_key(kind, i, false);
        put_key(kind, i, true);
        actions = nest(OVS_FLOW_ATTR_ACTIONS);
        while (n_outputs--) {
            put_u32(OVS_ACTION_ATTR_OUTPUT, 0);
        }
        end_nest(actions);
    }
    send_request();
    return receive_ack(&message, &attr);
}

static int
change_flows(int cmd, const char *kind, uint32_t first, uint32_t n)
{
    int n_errors = 0;

    for (uint32_t i = first; i < first + n; i++) {
        n_errors += change_flow(cmd, kind, i, 1) != 0;
    }
    printf("%d errors\n", n_errors);
    return n_errors != 0;
}

/* Adds, modifies and deletes flows until 'seconds' are over. */
static int
churn(const char *kind, uint32_t first, int seconds)
{
    time_t end = time(NULL) + seconds;
    unsigned long n = 0;

    while (time(NULL) < end) {
        for (uint32_t i = first; i < first + 50; i++) {
            n += !change_flow(OVS_FLOW_CMD_NEW, kind, i, 1);
        }
        for (uint32_t i = first; i < first + 50; i++) {
            n += !change_flow(OVS_FLOW_CMD_SET, kind, i, 1 + i % 3);
        }
        for (uint32_t i = first; i < first + 50; i++) {
            n += !change_flow(OVS_FLOW_CMD_DEL, kind, i, 0);
        }
    }
    printf("%lu changes\n", n);
    return !n;
}

/* Dumps. */

static void
print_flow(const struct nlmsghdr *nlh)
{
    const uint8_t *p = (const uint8_t *) nlh + NLMSG_HDRLEN;
    static const char digits[] = "0123456789abcdef";
    size_t n = nlh->nlmsg_len - NLMSG_HDRLEN;

    for (size_t i = 0; i < n; i++) {
        putchar(digits[p[i] >> 4]);
        putchar(digits[p[i] & 15]);
    }
    putchar('\n');
}

/* Dumps all flows, one per line in hexadecimal, without the netlink header:
 * sequence and port number differ from dump to dump.  Returns their number. */
static unsigned long
dump(uint32_t ufid_flags, bool print, unsigned long *bytes)
{
    unsigned long n_flows = 0;

    *bytes = 0;
    begin(flow_family(), OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, NLM_F_DUMP);
    if (ufid_flags) {
        put_u32(OVS_FLOW_ATTR_UFID_FLAGS, ufid_flags);
    }
    send_request();
    for (;;) {
        ssize_t n = receive();
        const struct nlmsghdr *nlh = (const void *) answer;

        *bytes += n;
        for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
            if (nlh->nlmsg_type == NLMSG_DONE) {
                return n_flows;
            }
            if (nlh->nlmsg_type == NLMSG_ERROR) {
                printf("error %d\n",
                       ((const struct nlmsgerr *) NLMSG_DATA(nlh))->error);
                exit(1);
            }
            n_flows++;
            if (print) {
                print_flow(nlh);
            }
        }
    }
}

/* Gets each flow whose UFID is in standard input, 32 digits per line. */
static int
get_flows(void)
{
    char line[64];

    while (fgets(line, sizeof line, stdin)) {
        uint8_t ufid[UFID_LEN];

        for (int i = 0; i < UFID_LEN; i++) {
            unsigned int byte;

            if (sscanf(line + 2 * i, "%2x", &byte) != 1) {
                return 2;
            }
            ufid[i] = byte;
        }
        begin(flow_family(), OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, 0);
        put(OVS_FLOW_ATTR_UFID, ufid, sizeof ufid);
        send_request();
        receive();
        if (((const struct nlmsghdr *) answer)->nlmsg_type == NLMSG_ERROR) {
            printf("error\n");
            return 1;
        }
        print_flow((const void *) answer);
    }
    return 0;
}

static int
bench(uint32_t ufid_flags, int n)
{
    unsigned long n_flows = 0, bytes = 0;
    double best = 0;

    for (int i = 0; i < n; i++) {
        struct timespec a, b;
        double us;

        clock_gettime(CLOCK_MONOTONIC, &a);
        n_flows = dump(ufid_flags, false, &bytes);
        clock_gettime(CLOCK_MONOTONIC, &b);
        us = (b.tv_sec - a.tv_sec) * 1e6 + (b.tv_nsec - a.tv_nsec) / 1e3;
        if (!i || us < best) {
            best = us;
        }
    }
    printf("%lu flows %lu bytes %.0f us %.3f us/flow\n", n_flows, bytes, best,
           n_flows ? best / n_flows : 0);
    return 0;
}

/* The cache. */

static int
get_cache(int flags)
{
    static const char *names[] = {
        [OVS_MATCH_CACHE_ATTR_POLICY] = "policy",
        [OVS_MATCH_CACHE_ATTR_MAX_BYTES] = "max_bytes",
        [OVS_MATCH_CACHE_ATTR_HITS] = "hits",
        [OVS_MATCH_CACHE_ATTR_MISSES] = "misses",
        [OVS_MATCH_CACHE_ATTR_ENTRIES] = "entries",
        [OVS_MATCH_CACHE_ATTR_BYTES] = "bytes",
        [OVS_MATCH_CACHE_ATTR_EVICTIONS] = "evictions",
        [OVS_MATCH_CACHE_ATTR_FAILURES] = "failures",
    };

    begin(cache_family(), OVS_MATCH_CACHE_CMD_GET, OVS_MATCH_CACHE_VERSION,
          flags);
    send_request();
    do {
        ssize_t n = receive();
        const struct nlmsghdr *nlh = (const void *) answer;

        for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
            const struct ovs_header *ovs;

            if (nlh->nlmsg_type == NLMSG_DONE) {
                int error = *(const int *) NLMSG_DATA(nlh);

                if (error) {
                    printf("error %d\n", error);
                }
                return 0;
            }
            if (nlh->nlmsg_type == NLMSG_ERROR) {
                printf("error %d\n",
                       ((const struct nlmsgerr *) NLMSG_DATA(nlh))->error);
                return 1;
            }
            ovs = (const void *) ((const char *) NLMSG_DATA(nlh)
                                  + GENL_HDRLEN);
            printf("dp=%d", ovs->dp_ifindex);
            for (int i = 0; i < sizeof names / sizeof names[0]; i++) {
                const struct nlattr *a
                    = find(ovs + 1, (const char *) nlh + nlh->nlmsg_len
                           - (const char *) (ovs + 1), i);
                uint64_t x = 0;

                if (a) {
                    memcpy(&x, a + 1, a->nla_len - NLA_HDRLEN);
                    printf(" %s=%llu", names[i], (unsigned long long) x);
                }
            }
            putchar('\n');
        }
    } while (flags & NLM_F_DUMP);
    return 0;
}

/* Sends a request with the attributes of 'argv', each TYPE:BYTES:VALUE, and
 * prints what comes of it. */
static int
cache_command(int cmd, char **argv)
{
    const char *message;
    int error, attr;

    begin(cache_family(), cmd, OVS_MATCH_CACHE_VERSION, NLM_F_ACK);
    for (; *argv; argv++) {
        int type, len;
        unsigned long long x;
        uint64_t value[2] = { 0 };

        if (sscanf(*argv, "%i:%i:%lli", &type, &len, (long long *) &x) != 3
            || len < 0 || len > sizeof value) {
            return 2;
        }
        value[0] = x;
        put(type, value, len);
    }
    send_request();
    error = receive_ack(&message, &attr);
    printf("error=%d attr=%d %s\n", error, attr, message);
    return error != 0;
}

int
main(int argc, char **argv)
{
    const char *cmd = argc > 2 ? argv[2] : "";
    int one = 1;
    unsigned long bytes;

    if (argc < 3) {
        fprintf(stderr, "usage: match-cache DP COMMAND [ARGUMENT...]\n");
        return 2;
    }
    dp_ifindex = if_nametoindex(argv[1]);
    if (!dp_ifindex) {
        dp_ifindex = atoi(argv[1]);
    }
    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    if (fd < 0) {
        fail("socket");
    }
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);

    if (!strcmp(cmd, "dump")) {
        dump(0, true, &bytes);
        return 0;
    } else if (!strcmp(cmd, "terse")) {
        dump(OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK
             | OVS_UFID_F_OMIT_ACTIONS, argc > 3, &bytes);
        return 0;
    } else if (!strcmp(cmd, "no-mask")) {
        dump(OVS_UFID_F_OMIT_MASK, true, &bytes);
        return 0;
    } else if (!strcmp(cmd, "get-flows")) {
        return get_flows();
    } else if (!strcmp(cmd, "bench") && argc == 4) {
        return bench(0, atoi(argv[3]));
    } else if (!strcmp(cmd, "bench-terse") && argc == 4) {
        return bench(OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK
                     | OVS_UFID_F_OMIT_ACTIONS, atoi(argv[3]));
    } else if (!strcmp(cmd, "add") && argc == 6) {
        return change_flows(OVS_FLOW_CMD_NEW, argv[3], atoi(argv[4]),
                            atoi(argv[5]));
    } else if (!strcmp(cmd, "del") && argc == 6) {
        return change_flows(OVS_FLOW_CMD_DEL, argv[3], atoi(argv[4]),
                            atoi(argv[5]));
    } else if (!strcmp(cmd, "churn") && argc == 6) {
        return churn(argv[3], atoi(argv[4]), atoi(argv[5]));
    } else if (!strcmp(cmd, "get")) {
        return get_cache(0);
    } else if (!strcmp(cmd, "get-all")) {
        return get_cache(NLM_F_DUMP);
    } else if (!strcmp(cmd, "set")) {
        return cache_command(OVS_MATCH_CACHE_CMD_SET, argv + 3);
    } else if (!strcmp(cmd, "command") && argc > 3) {
        return cache_command(atoi(argv[3]), argv + 4);
    }
    fprintf(stderr, "match-cache: %s: unknown command\n", cmd);
    return 2;
}
