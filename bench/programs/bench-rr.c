/* SPDX-License-Identifier: Apache-2.0 */

/* usage: bench-rr DESIGN MODE TRANSACTIONS SAMPLES
 *
 * TCP request and response, one byte each, between the network namespaces rr-a
 * and rr-b by the kernel module that is loaded; see bench-guest.h.  A packet
 * passes the datapath twice, from an access port to one of the underlay and
 * back:
 *
 *     rr-a -- port 1 | datapath | port 2 -- port 3 | datapath | port 4 -- rr-b
 *
 * DESIGN says how the datapath translates the receiver's SIR address to its
 * ILA address and back in between:
 *
 *   none      not at all, nor does anybody else
 *   ends      not at all, the namespaces do
 *   ingress   each port before the flow lookup
 *   action    by an action that looks in the mapping table
 *   lookups   likewise, after which a second flow is looked up by the result
 *   given     in whatever way: the datapath is there already, and not ours
 *
 * MODE is the checksum mode's number.  The script rr.sh makes the devices and
 * addresses.  Prints {"ns": [NS, ...]}, nanoseconds per transaction.
 *
 * Flows match the upper half of the destination that DESIGN wants a packet to
 * have there.  A packet with another one, not translated or not translated
 * back, misses, which is an error. */

#define _GNU_SOURCE
#include "bench-guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/openvswitch.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/extension-abi.h"

#define ACTION_EXTENSION 64     /* OVS_ACTION_ATTR_EXTENSION. */
#define SIR "3333:0:0:1"
#define PORT 5001

enum { DIR_IN = 1, DIR_OUT = 2 };

/* What is known of each end, and of the way to it. */
static const struct end {
    const char *netns;
    const char *locator;
    const char *sir;
} ends[2] = {
    { "/run/netns/rr-a", "2001:db8:0:a::", SIR ":2000:0:0:a" },
    { "/run/netns/rr-b", "2001:db8:0:b::", SIR ":2000:0:0:b" },
};

/* Where packets go that come in on each port, and the direction in which they
 * are translated. */
static const struct {
    const char *device;
    uint32_t output;
    int dir;
} ports[] = {
    { "rr-pa", 2, DIR_OUT },
    { "rr-u1", 1, DIR_IN },
    { "rr-u2", 4, DIR_IN },
    { "rr-pb", 3, DIR_OUT },
};
enum { N_PORTS = sizeof ports / sizeof *ports };

static void
parse_address(const char *s, struct in6_addr *address)
{
    if (inet_pton(AF_INET6, s, address) != 1) {
        fatal(0, "%s: bad address", s);
    }
}

/* The mapping table. */

static void
add_entry(int ila_family, int dir, const char *match, bool identifier,
          const char *locator, int mode)
{
    struct ovs_ila_entry e;
    struct in6_addr address;
    struct msg m;
    int error;

    memset(&e, 0, sizeof e);
    parse_address(match, &address);
    memcpy(e.match.locator, &address.s6_addr[0], 8);
    e.match.fields = OVS_ILA_MATCH_LOCATOR;
    if (identifier) {
        memcpy(e.match.identifier, &address.s6_addr[8], 8);
        e.match.fields |= OVS_ILA_MATCH_IDENTIFIER;
    }
    e.match.dir = dir;
    parse_address(locator, &address);
    memcpy(e.locator, &address.s6_addr[0], 8);
    e.csum_mode = mode;
    e.ident_type = 1;

    begin(&m, ila_family, OVS_ILA_CMD_ADD, OVS_ILA_VERSION, NLM_F_ACK);
    put(&m, OVS_ILA_ATTR_ENTRY, &e, sizeof e);
    error = transact(&m);
    if (error) {
        fatal(error, "adding a mapping");
    }
}

static int
fill_table(int mode)
{
    int ila_family = family(OVS_ILA_FAMILY);

    if (!ila_family) {
        fatal(0, "this module has no ILA mapping table");
    }
    for (int i = 0; i < 2; i++) {
        add_entry(ila_family, DIR_OUT, ends[i].sir, true, ends[i].locator,
                  mode);
        add_entry(ila_family, DIR_IN, ends[i].locator, false, SIR "::",
                  mode);
    }
    return ila_family;
}

static void
set_port(int ila_family, uint32_t port_no, int dir)
{
    uint8_t dirs = 1 << dir;
    struct msg m;
    int error;

    begin(&m, ila_family, OVS_ILA_CMD_SET_PORT, OVS_ILA_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_ILA_ATTR_PORT, port_no);
    put(&m, OVS_ILA_ATTR_DIRS, &dirs, sizeof dirs);
    error = transact(&m);
    if (error) {
        fatal(error, "switching on port %u", port_no);
    }
}

/* Flows: IPv6 of a protocol from a port, and, if 'prefix' is not null, to an
 * address with that upper half. */

static void
put_match(struct msg *m, uint32_t recirc_id, uint32_t port_no, uint8_t proto,
          const char *prefix, bool mask)
{
    size_t nest = nest_begin(m, mask ? OVS_FLOW_ATTR_MASK
                                     : OVS_FLOW_ATTR_KEY);
    uint16_t eth_type = mask ? UINT16_MAX : htons(ETH_P_IPV6);
    struct ovs_key_ethernet eth;
    struct ovs_key_ipv6 ip;

    memset(&eth, 0, sizeof eth);
    memset(&ip, 0, sizeof ip);
    if (prefix) {
        struct in6_addr address;

        parse_address(prefix, &address);
        memcpy(ip.ipv6_dst, &address, 8);
        if (mask) {
            memset(ip.ipv6_dst, 0xff, 8);
        }
    }
    ip.ipv6_proto = mask ? 0xff : proto;
    put_u32(m, OVS_KEY_ATTR_RECIRC_ID, mask ? UINT32_MAX : recirc_id);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : port_no);
    put(m, OVS_KEY_ATTR_ETHERNET, &eth, sizeof eth);
    put(m, OVS_KEY_ATTR_ETHERTYPE, &eth_type, sizeof eth_type);
    put(m, OVS_KEY_ATTR_IPV6, &ip, sizeof ip);
    if (!mask && proto == IPPROTO_TCP) {
        struct ovs_key_tcp tcp = { .tcp_src = 0, .tcp_dst = 0 };
        uint16_t flags = 0;

        put(m, OVS_KEY_ATTR_TCP, &tcp, sizeof tcp);
        put(m, OVS_KEY_ATTR_TCP_FLAGS, &flags, sizeof flags);
    } else if (!mask) {
        struct ovs_key_icmpv6 icmp = { .icmpv6_type = 0, .icmpv6_code = 0 };

        put(m, OVS_KEY_ATTR_ICMPV6, &icmp, sizeof icmp);
    }
    nest_end(m, nest);
}

/* Adds a flow that drops the ICMPv6 that hosts send by themselves, so that
 * nothing but TCP can miss. */
static void
add_drop(uint32_t port_no)
{
    struct msg m;

    begin_flow(&m);
    put_match(&m, 0, port_no, IPPROTO_ICMPV6, NULL, false);
    put_match(&m, 0, port_no, IPPROTO_ICMPV6, NULL, true);
    nest_end(&m, nest_begin(&m, OVS_FLOW_ATTR_ACTIONS));
    end_flow(&m);
}

/* Adds a flow for TCP that looks in the table if 'dir' is not 0, and then
 * sends to port 'output', or recirculates if it is 0. */
static void
add_flow(uint32_t recirc_id, uint32_t port_no, const char *prefix, int dir,
         uint32_t output)
{
    struct msg m;
    size_t nest;

    begin_flow(&m);
    put_match(&m, recirc_id, port_no, IPPROTO_TCP, prefix, false);
    put_match(&m, recirc_id, port_no, IPPROTO_TCP, prefix, true);
    nest = nest_begin(&m, OVS_FLOW_ATTR_ACTIONS);
    if (dir) {
        struct ovs_action_ila_table action = { .dirs = 1 << dir };
        size_t extension = nest_begin(&m, ACTION_EXTENSION);

        put(&m, OVS_EXTENSION_ATTR_ILA_TABLE, &action, sizeof action);
        nest_end(&m, extension);
    }
    put_u32(&m, output ? OVS_ACTION_ATTR_OUTPUT : OVS_ACTION_ATTR_RECIRC,
            output ? output : port_no);
    nest_end(&m, nest);
    end_flow(&m);
}

/* The upper half of the destination of packets that come in on ports[i], as an
 * ILA address or as a SIR address. */
static const char *
destination(int i, bool ila)
{
    /* Ports 1 and 3 have packets for the second end. */
    return !ila ? SIR "::" : ends[i % 2 == 0].locator;
}

static void
set_up(const char *design, int mode)
{
    bool ingress = !strcmp(design, "ingress");
    bool lookups = !strcmp(design, "lookups");
    bool action = lookups || !strcmp(design, "action");
    bool at_ends = !strcmp(design, "ends");
    int ila_family = 0;

    if (!ingress && !action && !at_ends && strcmp(design, "none")) {
        fatal(0, "%s: design is not none, ends, ingress, action, lookups or "
              "given", design);
    }
    for (int i = 0; i < N_PORTS; i++) {
        add_port(ports[i].device, i + 1);
    }
    if (ingress || action) {
        ila_family = fill_table(mode);
    }
    for (int i = 0; i < N_PORTS; i++) {
        bool out = ports[i].dir == DIR_OUT;
        /* As the lookup sees it; what is translated before is already. */
        bool ila = at_ends || (ingress && out) || (action && !out);

        if (ingress) {
            set_port(ila_family, i + 1, ports[i].dir);
        }
        add_drop(i + 1);
        add_flow(0, i + 1, destination(i, ila), action ? ports[i].dir : 0,
                 lookups ? 0 : ports[i].output);
        if (lookups) {
            add_flow(i + 1, i + 1, destination(i, out), 0, ports[i].output);
        }
    }
}

/* Traffic. */

static void
enter(const struct end *end)
{
    int netns = open(end->netns, O_RDONLY);

    if (netns < 0 || setns(netns, CLONE_NEWNET)) {
        fatal(errno, "%s", end->netns);
    }
    close(netns);
}

static int
tcp_socket(const struct end *end)
{
    int yes = 1, sock;

    enter(end);
    sock = socket(AF_INET6, SOCK_STREAM, 0);
    if (sock < 0
        || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes)) {
        fatal(errno, "TCP socket");
    }
    return sock;
}

static struct sockaddr_in6
address_of(const struct end *end)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(PORT),
    };

    parse_address(end->sir, &address.sin6_addr);
    return address;
}

static void
do_not_delay(int sock)
{
    int yes = 1;

    if (setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes)) {
        fatal(errno, "TCP_NODELAY");
    }
}

/* Starts a process that answers at the second end. */
static pid_t
start_server(void)
{
    struct sockaddr_in6 address = address_of(&ends[1]);
    int ready[2];
    pid_t pid;
    char c;

    if (pipe(ready) || (pid = fork()) < 0) {
        fatal(errno, "server");
    } else if (!pid) {
        int listener = tcp_socket(&ends[1]);
        int sock;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (bind(listener, (struct sockaddr *) &address, sizeof address)
            || listen(listener, 1)) {
            fatal(errno, "listening");
        }
        if (write(ready[1], "", 1) != 1) {
            fatal(errno, "pipe");
        }
        sock = accept(listener, NULL, NULL);
        do_not_delay(sock);
        while (read(sock, &c, 1) == 1 && write(sock, &c, 1) == 1) {
            continue;
        }
        _exit(0);
    }
    if (read(ready[0], &c, 1) != 1) {
        fatal(0, "the server did not start");
    }
    return pid;
}

/* Returns nanoseconds per transaction. */
static double
transactions(int sock, unsigned int n)
{
    uint64_t start = now_ns();

    for (unsigned int i = 0; i < n; i++) {
        char c = i;

        if (write(sock, &c, 1) != 1 || read(sock, &c, 1) != 1
            || c != (char) i) {
            fatal(errno, "transaction %u", i);
        }
    }
    return (double) (now_ns() - start) / n;
}

/* Connects the first end to the second one.  Returns 0 or an errno value. */
static int
connect_ends(int sock)
{
    struct sockaddr_in6 from = address_of(&ends[0]);
    struct sockaddr_in6 to = address_of(&ends[1]);
    struct timeval limit = { .tv_sec = 10 };

    from.sin6_port = 0;
    return (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)
            || setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit)
            || bind(sock, (struct sockaddr *) &from, sizeof from)
            || connect(sock, (struct sockaddr *) &to, sizeof to)
            ? errno : 0);
}

int
main(int argc, char *argv[])
{
    unsigned int n_transactions, n_samples;
    uint64_t n_missed = 0;
    bool given;
    pid_t server;
    int error, sock;

    if (argc != 5) {
        fatal(0, "usage: bench-rr DESIGN MODE TRANSACTIONS SAMPLES");
    }
    given = !strcmp(argv[1], "given");
    n_transactions = number(argv[3], 10000000);
    n_samples = number(argv[4], 100);
    if (!given) {
        make_datapath();
        set_up(argv[1], atoi(argv[2]));
        n_missed = datapath_missed();
    }
    server = start_server();

    sock = tcp_socket(&ends[0]);
    error = connect_ends(sock);
    if (!given && datapath_missed() != n_missed) {
        fatal(0, "%s: a packet has not the destination it should have",
              argv[1]);
    } else if (error) {
        fatal(error, "connecting");
    }
    do_not_delay(sock);
    transactions(sock, 100);
    printf("{\"ns\": [");
    for (unsigned int i = 0; i < n_samples; i++) {
        printf("%s%.2f", i ? ", " : "", transactions(sock, n_transactions));
    }
    printf("]}\n");
    close(sock);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (!given) {
        if (datapath_missed() != n_missed) {
            fatal(0, "%s: some packets had not the destination they should "
                  "have", argv[1]);
        }
        delete_datapath();
    }
    return 0;
}
