/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-dumps TEST
 *
 * Tests of the kernel's rings that need a program, for tests/guest/ring.sh:
 * dumps of flows. */

#include "ring-common.h"

#include "openvswitch/extension-abi.h"

#define DUMP_LEN (4 << 20)

/* Flows. */

/* Begins to add a flow and its actions; end_flow_actions() adds it. */
static size_t
begin_flow_actions(struct msg *m, uint32_t i, uint32_t in_port)
{
    struct ovs_key_ipv4 ipv4 = {
        .ipv4_src = htonl(0x0a000000 + i), .ipv4_dst = htonl(0x0b000000),
    };
    struct ovs_key_ipv4 mask;
    size_t nest;

    memset(&mask, 0, sizeof mask);
    mask.ipv4_src = UINT32_MAX;
    begin_flow(m);
    nest = nest_begin(m, OVS_FLOW_ATTR_KEY);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, in_port);
    put(m, OVS_KEY_ATTR_ETHERNET, (char[12]) { 2, 0, 0, 0, 0, 2 }, 12);
    put(m, OVS_KEY_ATTR_ETHERTYPE, (uint8_t[2]) { 8, 0 }, 2);
    put(m, OVS_KEY_ATTR_IPV4, &ipv4, sizeof ipv4);
    nest_end(m, nest);
    nest = nest_begin(m, OVS_FLOW_ATTR_MASK);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
    put(m, OVS_KEY_ATTR_ETHERNET, (char[12]) { 0 }, 12);
    put(m, OVS_KEY_ATTR_ETHERTYPE, (uint8_t[2]) { 255, 255 }, 2);
    put(m, OVS_KEY_ATTR_IPV4, &mask, sizeof mask);
    nest_end(m, nest);
    return nest_begin(m, OVS_FLOW_ATTR_ACTIONS);
}

static void
end_flow_actions(struct msg *m, size_t nest)
{
    nest_end(m, nest);
    end_flow(m);
}

static void
add_flow(uint32_t i, uint32_t in_port, size_t n_actions)
{
    struct msg m;
    size_t nest = begin_flow_actions(&m, i, in_port);

    while (n_actions--) {
        put_u32(&m, OVS_ACTION_ATTR_OUTPUT, 1);
    }
    end_flow_actions(&m, nest);
}

/* Puts an action of each kind that the module keeps in another form than a
 * message has, by number, or one of those that it does not.  Returns false if
 * there are no more. */
static bool
put_special_action(struct msg *m, unsigned int i)
{
    struct ovs_key_ipv4 ipv4[2] = {
        { .ipv4_src = htonl(0x0a0b0c0d), .ipv4_ttl = 7 },
        { .ipv4_src = UINT32_MAX, .ipv4_ttl = UINT8_MAX },
    };
    uint64_t id = 0x0102030405060708;
    size_t nest, nest2;

    switch (i) {
    case 0:
        ipv4[0].ipv4_dst = htonl(0x0b000000);
        nest = nest_begin(m, OVS_ACTION_ATTR_SET);
        put(m, OVS_KEY_ATTR_IPV4, &ipv4[0], sizeof ipv4[0]);
        break;
    case 1:
        nest = nest_begin(m, OVS_ACTION_ATTR_SET);
        nest2 = nest_begin(m, OVS_KEY_ATTR_TUNNEL);
        put(m, OVS_TUNNEL_KEY_ATTR_ID, &id, sizeof id);
        put_u32(m, OVS_TUNNEL_KEY_ATTR_IPV4_DST, htonl(0x0c000001));
        put(m, OVS_TUNNEL_KEY_ATTR_TTL, "\x40", 1);
        nest_end(m, nest2);
        break;
    case 2:
        nest = nest_begin(m, OVS_ACTION_ATTR_CLONE);
        put_u32(m, OVS_ACTION_ATTR_OUTPUT, 1);
        break;
    case 3:
        nest = nest_begin(m, OVS_ACTION_ATTR_SAMPLE);
        put_u32(m, OVS_SAMPLE_ATTR_PROBABILITY, 1000);
        nest2 = nest_begin(m, OVS_SAMPLE_ATTR_ACTIONS);
        put_u32(m, OVS_ACTION_ATTR_OUTPUT, 1);
        nest_end(m, nest2);
        break;
    case 4:
        nest = nest_begin(m, OVS_ACTION_ATTR_CT);
        put(m, OVS_CT_ATTR_ZONE, (uint16_t[1]) { 5 }, 2);
        break;
    case 5:
        nest = nest_begin(m, OVS_ACTION_ATTR_SET_MASKED);
        put(m, OVS_KEY_ATTR_IPV4, ipv4, sizeof ipv4);
        break;
    case 6:
        put(m, OVS_ACTION_ATTR_PUSH_MPLS,
            (uint8_t[8]) { 0, 0, 0x11, 0x40, 0x88, 0x47 }, 8);
        /* Its length is not a whole number of words. */
        put(m, OVS_ACTION_ATTR_POP_MPLS, (uint8_t[2]) { 8, 0 }, 2);
        return true;
    case 7:
        nest = nest_begin(m, OVS_ACTION_ATTR_USERSPACE);
        put_u32(m, OVS_USERSPACE_ATTR_PID, 4711);
        put(m, OVS_USERSPACE_ATTR_USERDATA, "abcde", 5);
        break;
    case 8:
        put(m, OVS_ACTION_ATTR_PUSH_VLAN,
            (uint8_t[4]) { 0x81, 0, 0x10, 5 }, 4);
        return true;
    default:
        return false;
    }
    nest_end(m, nest);
    return true;
}

/* Each action alone, before and behind others.  Returns how many flows. */
static unsigned int
add_special_flows(uint32_t first)
{
    unsigned int n = 0;

    for (unsigned int i = 0; ; i++) {
        for (unsigned int others = 0; others < 4; others++) {
            struct msg m;
            size_t nest = begin_flow_actions(&m, first + n, 1);

            if (others & 1) {
                put_u32(&m, OVS_ACTION_ATTR_OUTPUT, 1);
            }
            if (!put_special_action(&m, i)) {
                return n;
            }
            if (others & 2) {
                put_u32(&m, OVS_ACTION_ATTR_OUTPUT, 1);
            }
            end_flow_actions(&m, nest);
            n++;
        }
    }
}

static void
add_flows(uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        add_flow(i, 1 + i % 3, i % 5);
    }
}

static void
set_match_cache(uint32_t policy)
{
    struct msg m;
    int error;

    begin(&m, family(OVS_MATCH_CACHE_FAMILY), OVS_MATCH_CACHE_CMD_SET,
          OVS_MATCH_CACHE_VERSION, NLM_F_ACK);
    put_u32(&m, OVS_MATCH_CACHE_ATTR_POLICY, policy);
    error = transact(&m);
    CHECK_OK(error, "match cache");
}

/* Dumps by netlink into 'buffer', the messages one behind the other; returns
 * their length. */
static size_t
dump_by_netlink(char *buffer, uint32_t ufid_flags)
{
    size_t len = 0;
    struct msg m;

    begin(&m, flow_family, OVS_FLOW_CMD_GET, OVS_FLOW_VERSION, NLM_F_DUMP);
    put_u32(&m, OVS_FLOW_ATTR_UFID_FLAGS, ufid_flags);
    send_msg(&m);
    for (;;) {
        size_t rest;
        char *p;

        receive(&m);
        rest = m.len;
        p = m.bytes;
        while (rest) {
            struct nlmsghdr *nlh = (void *) p;

            CHECK(NLMSG_OK(nlh, rest));
            if (nlh->nlmsg_type == NLMSG_DONE) {
                return len;
            }
            CHECK(nlh->nlmsg_type != NLMSG_ERROR);
            CHECK(len + nlh->nlmsg_len <= DUMP_LEN);
            /* What a dump into a ring has nothing to put into. */
            nlh->nlmsg_seq = 0;
            nlh->nlmsg_pid = 0;
            memcpy(buffer + len, p, nlh->nlmsg_len);
            len += nlh->nlmsg_len;
            p += NLMSG_ALIGN(nlh->nlmsg_len);
            rest -= NLMSG_ALIGN(nlh->nlmsg_len);
        }
    }
}

static void
open_dump(struct reader *r, uint32_t seg_size, uint32_t n_segs)
{
    struct ovs_ring_attach a = upcall_ring(1, seg_size, n_segs);

    a.ring_class = OVS_RING_DUMP;
    open_ring(r, &a);
}

static struct ovs_ring_fill
do_fill(struct reader *r, struct ovs_ring_fill fill)
{
    CHECK(!ioctl(r->fd, OVS_RING_IOC_FILL, &fill));
    return fill;
}

/* What is known of a dump while it is read. */
struct dump {
    bool begun, ended;
    struct ovs_ring_dump begin, end;
    uint64_t n;
    uint64_t n_truncated;
    char *messages;             /* Null if nobody wants them. */
    size_t len;
};

/* Takes the records that are there.  Returns how many. */
static unsigned int
take(struct reader *r, struct dump *d)
{
    struct reader_rec rec;
    unsigned int n = 0;

    while (reader_next(r, &r->lanes[0], &rec)) {
        n++;
        CHECK(!rec.lost && !(rec.flags & OVS_RING_RF_LOST));
        CHECK(!d->ended);
        switch (rec.type) {
        case OVS_RING_T_DUMP_BEGIN:
            CHECK(!d->begun && rec.len == sizeof d->begin);
            memcpy(&d->begin, rec.data, sizeof d->begin);
            d->begun = true;
            break;
        case OVS_RING_T_DUMP_END:
            CHECK(d->begun && rec.len == sizeof d->end
                  && rec.flags & OVS_RING_RF_LAST);
            memcpy(&d->end, rec.data, sizeof d->end);
            d->ended = true;
            CHECK(d->end.n == d->n && d->end.id == d->begin.id);
            return n;
        case OVS_RING_T_NLMSG:
            CHECK(d->begun);
            CHECK(((const struct nlmsghdr *) rec.data)->nlmsg_len
                  == rec.len);
            d->n++;
            d->n_truncated += !!(rec.flags & OVS_RING_RF_TRUNCATED);
            if (d->messages) {
                CHECK(d->len + rec.len <= DUMP_LEN);
                memcpy(d->messages + d->len, rec.data, rec.len);
                d->len += rec.len;
            }
            break;
        default:
            CHECK(false, "type %u", rec.type);
        }
    }
    return n;
}

/* Packets for some of the flows. */
static void
use_flows(uint32_t n)
{
    static struct packet p;

    for (uint32_t i = 0; i < n; i += 3) {
        make_packet(&p, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, 100, 0);
        put_be16(p.bytes + ETH_HLEN + 14, i);
        send_packet(&p);
    }
    while (receive_upcall((char[65536]) { 0 }, 65536, 500)) {
        CHECK(false, "no flow for a packet");
    }
}

/* Takes out of the messages what two dumps do not have in common: when flows
 * were used, which is rounded anew each time, and padding, which depends on
 * where a message begins.  Returns their length; '*n_used' flows were used. */
static size_t
normalize(char *messages, size_t len, unsigned int *n_used)
{
    char *from = messages, *to = messages, *end = messages + len;

    *n_used = 0;
    while (from < end) {
        struct nlmsghdr *nlh = (void *) to;
        size_t left = ((struct nlmsghdr *) from)->nlmsg_len - MESSAGE_HEADER;

        memmove(to, from, MESSAGE_HEADER);
        to += MESSAGE_HEADER;
        from += MESSAGE_HEADER;
        while (left) {
            struct nlattr *a = (void *) from;
            size_t size = NLA_ALIGN(a->nla_len);
            int type = a->nla_type;

            CHECK(size >= NLA_HDRLEN && size <= left);
            if (type == OVS_FLOW_ATTR_USED) {
                memset(a + 1, 0, a->nla_len - NLA_HDRLEN);
                (*n_used)++;
            }
            if (type != OVS_FLOW_ATTR_PAD) {
                memmove(to, from, size);
                to += size;
            }
            from += size;
            left -= size;
        }
        nlh->nlmsg_len = to - (char *) nlh;
    }
    return to - messages;
}

static void
test_identical(void)
{
    static const uint32_t all_flags[] = {
        0, OVS_UFID_F_OMIT_KEY, OVS_UFID_F_OMIT_MASK,
        OVS_UFID_F_OMIT_ACTIONS, OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK
                                 | OVS_UFID_F_OMIT_ACTIONS,
    };
    static char by_netlink[DUMP_LEN], by_ring[DUMP_LEN];
    unsigned int used[2], n = 2000;
    struct reader r;

    start();
    add_flows(0, n);
    n += add_special_flows(n);
    use_flows(200);
    open_dump(&r, 65536, 32);
    for (uint32_t policy = OVS_MATCH_CACHE_OFF;
         policy <= OVS_MATCH_CACHE_EAGER; policy++) {
        set_match_cache(policy);
        for (int i = 0; i < 15; i++) {
            uint32_t ufid_flags = all_flags[i % 5];
            struct dump d = { .messages = by_ring };
            size_t len = dump_by_netlink(by_netlink, ufid_flags);
            struct ovs_ring_fill fill;

            fill = do_fill(&r, (struct ovs_ring_fill) {
                .flags = OVS_RING_FILL_START, .ufid_flags = ufid_flags,
                .id = 77 + i,
            });
            CHECK(fill.done && fill.n == n);
            take(&r, &d);
            CHECK(d.ended && d.n == n && d.begin.id == 77u + i);
            CHECK(!d.end.error && d.begin.generation == d.end.generation
                  && d.end.generation == fill.generation);
            CHECK(d.end.now >= d.begin.now && d.begin.now);
            len = normalize(by_netlink, len, &used[0]);
            d.len = normalize(by_ring, d.len, &used[1]);
            CHECK(used[0] == 67 && used[1] == 67);
            CHECK(len == d.len && !memcmp(by_netlink, by_ring, len),
                  "policy %u, flags %u: %zu, %zu bytes", policy, ufid_flags,
                  len, d.len);
        }
    }
    CHECK(get_stats(&r).flows == 3 * 15 * n);
    reader_close(&r);
    delete_datapath();
}

/* Continuation by FILL, with and without a limit. */
static void
test_fill(void)
{
    struct ovs_ring_fill fill;
    struct reader r;

    start();
    add_flows(0, 1000);
    for (uint32_t max = 0; max <= 64; max += 16) {
        struct dump d = { .begun = false };
        unsigned int calls = 1;

        open_dump(&r, 4096, 4);
        fill = do_fill(&r, (struct ovs_ring_fill) {
            .flags = OVS_RING_FILL_START, .max_records = max });
        while (!fill.done) {
            take(&r, &d);
            CHECK(fill.n == d.n);
            fill = do_fill(&r, (struct ovs_ring_fill) { .max_records = max });
            calls++;
        }
        take(&r, &d);
        CHECK(d.ended && d.n == 1000 && calls > 10);
        CHECK(!max || calls >= 1000 / max);
        reader_close(&r);
    }
    delete_datapath();
}

static void
test_poll(void)
{
    struct dump d = { .begun = false };
    unsigned int polls = 0;
    struct reader r;

    start();
    add_flows(0, 1000);
    open_dump(&r, 4096, 8);
    do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START | OVS_RING_FILL_POLL });
    while (!d.ended) {
        if (!take(&r, &d)) {
            CHECK(reader_wait(&r, 10000) == POLLIN);
            polls++;
        }
    }
    CHECK(d.n == 1000 && polls >= 3);
    reader_close(&r);
    delete_datapath();
}

static void
test_auto(void)
{
    const char *flows = getenv("RING_FLOWS");
    uint32_t n = flows ? atoi(flows) : 20000;
    struct reader r;

    start();
    add_flows(0, n);
    open_dump(&r, 16384, 16);
    for (int slow = 0; slow < 2; slow++) {
        struct dump d = { .begun = false };
        unsigned int kicks = 0, waits = 0;
        uint64_t bytes, before = r.lanes[0].shared->bytes;

        do_fill(&r, (struct ovs_ring_fill) {
            .flags = OVS_RING_FILL_START | OVS_RING_FILL_AUTO });
        while (!d.ended) {
            uint32_t k = r.lanes[0].k;

            take(&r, &d);
            if (slow && k != r.lanes[0].k) {
                usleep(20000);
            }
            /* As the specification has it: release, fence, look. */
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            if (__atomic_load_n(&r.control->state, __ATOMIC_ACQUIRE)
                & OVS_RING_S_PARKED) {
                struct ovs_ring_kick kick = { .n = 0 };

                CHECK(!ioctl(r.fd, OVS_RING_IOC_KICK, &kick));
                kicks++;
            } else if (slow) {
                reader_wait(&r, 1000);
                waits++;
            }
        }
        bytes = r.lanes[0].shared->bytes - before;
        CHECK(d.n == n && !d.end.error, "%llu flows",
              (unsigned long long) d.n);
        printf("%s consumer: %llu bytes, %u kicks, %u waits\n",
               slow ? "slow" : "fast", (unsigned long long) bytes, kicks,
               waits);
        CHECK(kicks <= bytes / 65536 + 1);
    }
    reader_close(&r);
    delete_datapath();
}

/* Dumps that end otherwise, and the table that grows. */
static void
test_cancel(void)
{
    struct ovs_ring_fill fill;
    struct reader r;
    struct dump d;

    start();
    add_flows(0, 300);
    open_dump(&r, 4096, 64);
    fill = do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START, .max_records = 10, .id = 1 });
    CHECK(!fill.done && fill.n == 10);
    fill = do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START, .max_records = 10, .id = 2 });
    CHECK(!fill.done && fill.n == 10);
    memset(&d, 0, sizeof d);
    take(&r, &d);
    CHECK(d.ended && d.n == 10 && d.end.error == ECANCELED
          && d.end.id == 1);

    /* Twice as many buckets when it goes on. */
    add_flows(300, 3000);
    memset(&d, 0, sizeof d);
    do {
        fill = do_fill(&r, (struct ovs_ring_fill) { .max_records = 100 });
        take(&r, &d);
    } while (!d.ended);
    CHECK(d.end.id == 2 && d.begin.generation != d.end.generation);

    /* What is none. */
    fill = (struct ovs_ring_fill) { .flags = 1 << 30 };
    CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == EINVAL);
    fill = (struct ovs_ring_fill) { .flags = 1 << 30
                                             | OVS_RING_FILL_START };
    CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == EINVAL);
    fill = (struct ovs_ring_fill) { .flags = OVS_RING_FILL_START,
                                    .ufid_flags = 1 << 20 };
    CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == EINVAL);
    fill = (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START | OVS_RING_FILL_IN_PORT,
        .in_port = 1 << 20,
    };
    CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == EINVAL);
    reader_close(&r);
    delete_datapath();
}

static void
test_filters(void)
{
    static struct packet p;
    struct dump d;
    struct reader r;

    start();
    add_flows(0, 300);
    open_dump(&r, 65536, 16);
    for (uint32_t port = 0; port < 4; port++) {
        memset(&d, 0, sizeof d);
        do_fill(&r, (struct ovs_ring_fill) {
            .flags = OVS_RING_FILL_START | OVS_RING_FILL_IN_PORT,
            .in_port = port });
        take(&r, &d);
        CHECK(d.ended && d.n == (port ? 100 : 0));
    }

    /* One flow gets a packet. */
    make_packet(&p, IPPROTO_UDP, 100, 0);
    memcpy(p.bytes + ETH_HLEN + 12, "\x0a\0\0\x03", 4);
    send_packet(&p);
    for (int i = 0; i < 500; i++) {
        memset(&d, 0, sizeof d);
        do_fill(&r, (struct ovs_ring_fill) {
            .flags = OVS_RING_FILL_START | OVS_RING_FILL_USED });
        take(&r, &d);
        if (d.n) {
            break;
        }
        usleep(10000);
    }
    CHECK(d.n == 1);
    memset(&d, 0, sizeof d);
    do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START, .used_since = 1 });
    take(&r, &d);
    CHECK(d.n == 1);
    {
        uint64_t later = d.end.now + 1000000;

        memset(&d, 0, sizeof d);
        do_fill(&r, (struct ovs_ring_fill) {
            .flags = OVS_RING_FILL_START, .used_since = later });
        take(&r, &d);
        CHECK(d.ended && d.n == 0);
    }
    reader_close(&r);
    delete_datapath();
}

static void
test_truncated(void)
{
    struct dump d = { .begun = false };
    struct reader r;

    start();
    add_flow(1, 1, 10);
    add_flow(2, 1, 1000);
    open_dump(&r, 4096, 16);
    CHECK(do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START }).done);
    take(&r, &d);
    CHECK(d.ended && d.n == 2 && d.n_truncated == 1);
    reader_close(&r);
    delete_datapath();
}

/* R14 for dumps. */
static void
test_kill(void)
{
    const unsigned int n_rounds = n_kills();
    struct reader r;
    uint64_t available;
    int status;
    pid_t pid;

    start();
    add_flows(0, 2000);
    available = available_kb();
    for (unsigned int i = 0; i < n_rounds; i++) {
        pid = fork();
        CHECK(pid >= 0);
        if (!pid) {
            open_dump(&r, 4096, 16);
            for (;;) {
                struct dump d = { .begun = false };

                do_fill(&r, (struct ovs_ring_fill) {
                    .flags = OVS_RING_FILL_START | OVS_RING_FILL_AUTO });
                while (!d.ended) {
                    if (!take(&r, &d)) {
                        reader_wait(&r, 10);
                    }
                }
            }
        }
        usleep(random64() % 20000);
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status), "round %u", i);
    }
    check_no_leak(available, n_rounds, 64);

    /* The datapath goes in the midst of a dump. */
    open_dump(&r, 4096, 4);
    do_fill(&r, (struct ovs_ring_fill) {
        .flags = OVS_RING_FILL_START | OVS_RING_FILL_AUTO });
    delete_datapath();
    CHECK(reader_wait(&r, 10000) & (POLLIN | POLLHUP));
    CHECK(r.control->state & OVS_RING_S_DEAD);
    {
        struct ovs_ring_fill fill = { .flags = 0 };
        struct dump d = { .begun = false };

        CHECK(ioctl(r.fd, OVS_RING_IOC_FILL, &fill) && errno == ENODEV);
        take(&r, &d);
        CHECK(!d.ended);
    }
    reader_close(&r);
}

int
main(int argc, char *argv[])
{
    static const struct subtest tests[] = {
        { "identical", test_identical },
        { "fill", test_fill },
        { "poll", test_poll },
        { "auto", test_auto },
        { "cancel", test_cancel },
        { "filters", test_filters },
        { "truncated", test_truncated },
        { "kill", test_kill },
        { NULL, NULL },
    };

    return argc == 2 ? run_subtest(tests, argv[1]) : 1;
}
