/* SPDX-License-Identifier: Apache-2.0 */

/* usage: ring-tx TEST
 *
 * Tests of the kernel's rings that need a program, for tests/guest/ring.sh:
 * what consumers ask for by TX entries. */

#include "allocations.h"
#include "ring-common.h"

static int out = -1;            /* Packet socket at "ring-out". */

static struct ovs_ring_attach
tx_ring(void)
{
    struct ovs_ring_attach a = upcall_ring(1, 16384, 8);

    a.n_tx = 16;
    a.tx_data_size = 4096;
    return a;
}

static void
start_tx(void)
{
    struct sockaddr_ll from = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
    };

    start();
    add_port("ring-p2", 2);
    from.sll_ifindex = if_nametoindex("ring-out");
    CHECK(from.sll_ifindex);
    out = socket(AF_PACKET, SOCK_RAW, 0);
    CHECK(out >= 0 && !bind(out, (struct sockaddr *) &from, sizeof from));
}

/* Appends 'n' entries, and stores what became of them. */
static void
submit_all(struct reader *r, const struct ovs_ring_tx *tx, uint32_t n,
           int32_t errors[])
{
    struct reader_lane *l = &r->lanes[0];
    struct ovs_ring_tx *entries = (void *) ((char *) l->consumer
                                            + r->control->tx_off);
    uint32_t tail = l->consumer->tx_tail;
    struct ovs_ring_kick kick = { .n = n, .errors = (uintptr_t) errors };

    for (uint32_t i = 0; i < n; i++) {
        entries[(tail + i) & (r->control->n_tx - 1)] = tx[i];
    }
    __atomic_store_n(&l->consumer->tx_tail, tail + n, __ATOMIC_RELEASE);
    CHECK(!ioctl(r->fd, OVS_RING_IOC_KICK, &kick));
    CHECK(kick.n == n && l->shared->tx_head == tail + n);
}

/* Appends an entry, and returns what became of it. */
static int32_t
submit(struct reader *r, const struct ovs_ring_tx *tx)
{
    int32_t error = -1;

    submit_all(r, tx, 1, &error);
    return error;
}

static char *
tx_data(struct reader *r)
{
    return (char *) r->lanes[0].consumer + r->control->tx_data_off;
}

/* Writes the actions "output 'port'" to the TX data; returns their length. */
static uint32_t
put_output(struct reader *r, uint32_t port)
{
    struct msg m;
    size_t nest, from;

    begin(&m, flow_family, 0, 0, 0);
    from = m.len;
    nest = nest_begin(&m, OVS_PACKET_ATTR_ACTIONS);
    put_u32(&m, OVS_ACTION_ATTR_OUTPUT, port);
    nest_end(&m, nest);
    memcpy((char *) r->lanes[0].consumer + r->control->tx_data_off,
           m.bytes + from, m.len - from);
    return m.len - from;
}

static void
receive_record(struct reader *r, struct reader_rec *rec)
{
    while (!reader_next(r, &r->lanes[0], rec)) {
        CHECK(reader_wait(r, 10000) == POLLIN);
    }
}

/* 'good', but for one member, is refused. */
#define REFUSED(FIELD, VALUE, ERROR) \
    do { \
        tx = good; \
        tx.FIELD = VALUE; \
        CHECK(submit(r, &tx) == -ERROR); \
    } while (0)

static void
check_execute_refused(struct reader *r, const struct reader_rec *rec)
{
    const struct ovs_ring_tx good = {
        .op = OVS_RING_OP_EXECUTE, .seg = rec->seg, .gen = rec->gen,
        .off = rec->off, .data_len = put_output(r, 2),
    };
    struct ovs_ring_kick kick = { .n = 100 };
    struct ovs_ring_tx tx;

    REFUSED(op, OVS_RING_OP_ACCEPT, EOPNOTSUPP);
    REFUSED(op, 0, EOPNOTSUPP);
    REFUSED(flags, 1, EINVAL);
    REFUSED(seg, 8, EINVAL);
    REFUSED(seg, 1, ESTALE);
    REFUSED(gen, rec->gen + 1, ESTALE);
    REFUSED(gen, 0, ESTALE);
    REFUSED(off, rec->off + 4, EINVAL);
    REFUSED(off, 16384, EINVAL);
    REFUSED(off, UINT32_MAX & ~7u, EINVAL);
    REFUSED(data_off, 4096, EINVAL);
    REFUSED(data_off, UINT32_MAX & ~3u, EINVAL);
    REFUSED(data_off, 2, EINVAL);
    REFUSED(data_len, 4097, EINVAL);
    REFUSED(data_len, UINT32_MAX, EINVAL);
    REFUSED(data_len, 0, EINVAL);
    REFUSED(data_len, good.data_len - 1, EINVAL);
    REFUSED(mask, 1, EINVAL);
    put_output(r, 70000);
    CHECK(submit(r, &good) == -EINVAL);
    put_output(r, 2);
    /* An attribute that has no business there. */
    *(uint16_t *) (tx_data(r) + 2) = OVS_PACKET_ATTR_PROBE;
    CHECK(submit(r, &good) == -EINVAL);
    put_output(r, 2);
    CHECK(r->lanes[0].shared->tx_rejected == 20);
    CHECK(!submit(r, &good));
    reader_release(&r->lanes[0], rec->seg, rec->gen);
    CHECK(submit(r, &good) == -ESTALE);

    /* More entries than there can be. */
    r->lanes[0].consumer->tx_tail += 17;
    CHECK(ioctl(r->fd, OVS_RING_IOC_KICK, &kick) && errno == EINVAL);
    kick.lane = 1;
    CHECK(ioctl(r->fd, OVS_RING_IOC_KICK, &kick) && errno == EINVAL);
}

static void
test_execute(void)
{
    struct ovs_ring_attach a;
    static struct packet p;
    static uint8_t got[65536];
    struct reader_rec rec;
    struct reader r;
    uint64_t taken;

    start_tx();
    a = tx_ring();
    for (int stamp = 0; stamp < 2; stamp++) {
        a.flags = stamp ? OVS_RING_ATTACH_TIMESTAMP : 0;
        open_ring(&r, &a);
        bind_all(&r);
        taken = r.lanes[0].shared->tx_taken;
        for (size_t size = 60; size < 3000; size += 491) {
            struct pollfd pfd = { .fd = out, .events = POLLIN };
            struct ovs_ring_tx tx = { .op = OVS_RING_OP_EXECUTE };
            int32_t error;

            make_packet(&p, IPPROTO_UDP, size, 0);
            send_packet(&p);
            receive_record(&r, &rec);
            tx.seg = rec.seg;
            tx.gen = rec.gen;
            tx.off = rec.off;
            tx.data_len = put_output(&r, 2);
            error = submit(&r, &tx);
            CHECK_OK(-error, "execution");
            CHECK(poll(&pfd, 1, 10000) == 1);
            CHECK(recv(out, got, sizeof got, 0) == (ssize_t) size);
            CHECK(!memcmp(got, p.bytes, size));
            taken++;
        }
        CHECK(r.lanes[0].shared->tx_taken == taken);
        reader_close(&r);
    }

    open_ring(&r, &a);
    bind_all(&r);
    make_packet(&p, IPPROTO_UDP, 1000, 0);
    send_packet(&p);
    receive_record(&r, &rec);
    check_execute_refused(&r, &rec);
    reader_close(&r);
    delete_datapath();
}

/* R10: somebody writes to what the kernel reads, at the same time. */

static volatile bool stop;

static void *
flip(void *r_)
{
    struct reader *r = r_;
    uint8_t *tx = (uint8_t *) r->lanes[0].consumer + r->control->tx_off;
    size_t len = r->control->tx_data_off - r->control->tx_off + 64;

    while (!stop) {
        for (int i = 0; i < 100; i++) {
            size_t at = random64() % len;
            uint8_t old = tx[at];

            tx[at] = random64() % 4 ? random64() % 64 : random64();
            if (random64() % 2) {
                tx[at] = old;
            }
        }
    }
    return NULL;
}

static void
test_flipper(void)
{
    struct ovs_ring_attach a;
    static struct packet p;
    struct reader_rec rec;
    pthread_t thread;
    struct reader r;
    uint64_t end;

    start_tx();
    a = tx_ring();
    open_ring(&r, &a);
    bind_all(&r);
    make_packet(&p, IPPROTO_UDP, 600, 0);
    send_packet(&p);
    receive_record(&r, &rec);
    CHECK(!pthread_create(&thread, NULL, flip, &r));
    end = now_ns() + 5000000000;
    while (now_ns() < end) {
        struct ovs_ring_tx tx = {
            .op = OVS_RING_OP_EXECUTE, .seg = rec.seg, .gen = rec.gen,
            .off = rec.off,
        };

        tx.data_len = put_output(&r, 2);
        submit(&r, &tx);
    }
    stop = true;
    pthread_join(thread, NULL);
    printf("%llu taken, %llu rejected\n",
           (unsigned long long) r.lanes[0].shared->tx_taken,
           (unsigned long long) r.lanes[0].shared->tx_rejected);
    CHECK(r.lanes[0].shared->tx_taken);
    /* With one CPU there is hardly a time when it can change. */
    CHECK(r.lanes[0].shared->tx_rejected
          || sysconf(_SC_NPROCESSORS_ONLN) == 1);
    {
        struct ovs_ring_tx tx = {
            .op = OVS_RING_OP_EXECUTE, .seg = rec.seg, .gen = rec.gen,
            .off = rec.off,
        };

        tx.data_len = put_output(&r, 2);
        CHECK(!submit(&r, &tx));
    }
    reader_close(&r);
    delete_datapath();
}

/* Flows. */

enum { FLOW_AT = 1024 };        /* In the TX data. */

/* Appends all of a flow, number 'id', but its key: what it matches goes out of
 * 'port'. */
static void
put_value(struct msg *m, uint32_t id, uint32_t port)
{
    size_t nest;

    put(m, OVS_FLOW_ATTR_UFID, (uint32_t[4]) { 0xf, 0, 0, id }, 16);
    nest = nest_begin(m, OVS_FLOW_ATTR_MASK);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, UINT32_MAX);
    put(m, OVS_KEY_ATTR_ETHERNET, (char[12]) { 0 }, 12);
    put(m, OVS_KEY_ATTR_ETHERTYPE, (uint8_t[2]) { 255, 255 }, 2);
    nest_end(m, nest);
    nest = nest_begin(m, OVS_FLOW_ATTR_ACTIONS);
    put_u32(m, OVS_ACTION_ATTR_OUTPUT, port);
    nest_end(m, nest);
}

/* Appends all of a flow: IP packets from port 1 go out of 'port'. */
static void
put_flow(struct msg *m, uint32_t id, uint32_t port)
{
    const struct ovs_key_ipv4 ipv4 = {
        .ipv4_src = htonl(0x0a000001), .ipv4_dst = htonl(0x0a000002),
    };
    size_t nest;

    nest = nest_begin(m, OVS_FLOW_ATTR_KEY);
    put_u32(m, OVS_KEY_ATTR_IN_PORT, 1);
    put(m, OVS_KEY_ATTR_ETHERNET, (char[12]) { 2, 0, 0, 0, 0, 2 }, 12);
    put(m, OVS_KEY_ATTR_ETHERTYPE, (uint8_t[2]) { 8, 0 }, 2);
    put(m, OVS_KEY_ATTR_IPV4, &ipv4, sizeof ipv4);
    nest_end(m, nest);
    put_value(m, id, port);
}

/* Returns an entry that adds this flow. */
static struct ovs_ring_tx
new_flow(struct reader *r, uint32_t id, uint32_t port)
{
    struct msg m;
    size_t from;

    begin(&m, flow_family, 0, 0, 0);
    from = m.len;
    put_flow(&m, id, port);
    memcpy(tx_data(r) + FLOW_AT, m.bytes + from, m.len - from);
    return (struct ovs_ring_tx) {
        .op = OVS_RING_OP_FLOW_NEW, .data_off = FLOW_AT,
        .data_len = m.len - from,
    };
}

/* By netlink, a request for the flow 'id', whose reply replaces it. */
static int
flow_request(struct msg *m, int cmd, uint32_t id)
{
    begin(m, flow_family, cmd, OVS_FLOW_VERSION, NLM_F_ACK);
    put(m, OVS_FLOW_ATTR_UFID, (uint32_t[4]) { 0xf, 0, 0, id }, 16);
    return transact(m);
}

static bool
same_attribute(const struct msg *a, const struct msg *b, int type)
{
    const struct nlattr *x = attribute(a->bytes, a->nlh.nlmsg_len, type);
    const struct nlattr *y = attribute(b->bytes, b->nlh.nlmsg_len, type);

    return x && y && x->nla_len == y->nla_len && !memcmp(x, y, x->nla_len);
}

static void
open_tx(struct reader *r)
{
    struct ovs_ring_attach a = tx_ring();

    open_ring(r, &a);
    bind_all(r);
    CHECK(r->control->minor >= 1);
}

/* A flow is the same as if it had come by netlink. */
static void
check_identical(struct reader *r)
{
    static struct msg by_ring, by_netlink;
    struct ovs_ring_tx tx = new_flow(r, 1, 2);
    static struct msg m;

    CHECK_OK(-submit(r, &tx), "new flow");
    CHECK_OK(flow_request(&by_ring, OVS_FLOW_CMD_GET, 1), "getting it");
    CHECK_OK(flow_request(&m, OVS_FLOW_CMD_DEL, 1), "deleting it");
    begin(&m, flow_family, OVS_FLOW_CMD_NEW, OVS_FLOW_VERSION,
          NLM_F_CREATE | NLM_F_ACK);
    put_flow(&m, 1, 2);
    CHECK_OK(transact(&m), "new flow by netlink");
    CHECK_OK(flow_request(&by_netlink, OVS_FLOW_CMD_GET, 1), "getting it");
    for (int type = OVS_FLOW_ATTR_KEY; type <= OVS_FLOW_ATTR_ACTIONS; type++) {
        CHECK(same_attribute(&by_ring, &by_netlink, type), "%d", type);
    }
    CHECK(same_attribute(&by_ring, &by_netlink, OVS_FLOW_ATTR_MASK));
    CHECK(same_attribute(&by_ring, &by_netlink, OVS_FLOW_ATTR_UFID));
    CHECK_OK(flow_request(&m, OVS_FLOW_CMD_DEL, 1), "deleting it");
}

static void
check_refused(struct reader *r)
{
    const struct ovs_ring_tx good = new_flow(r, 2, 2);
    struct ovs_ring_tx tx;
    static struct msg m;

    REFUSED(flags, 1, EINVAL);
    REFUSED(mask, 1, EINVAL);
    REFUSED(seg, 1, EINVAL);
    REFUSED(gen, 1, EINVAL);
    REFUSED(off, 8, EINVAL);
    REFUSED(data_off, FLOW_AT + 2, EINVAL);
    REFUSED(data_off, UINT32_MAX & ~3u, EINVAL);
    REFUSED(data_len, UINT32_MAX, EINVAL);
    REFUSED(data_len, 4096, EINVAL);
    /* Neither key nor actions. */
    REFUSED(data_len, 0, EINVAL);
    REFUSED(data_len, 20, EINVAL);
    /* The actions are cut short, or for a port that cannot be. */
    REFUSED(data_len, good.data_len - 12, EINVAL);
    new_flow(r, 2, 70000);
    CHECK(submit(r, &good) == -EINVAL);
    new_flow(r, 2, 2);
    CHECK(flow_request(&m, OVS_FLOW_CMD_GET, 2) == ENOENT);
    CHECK_OK(-submit(r, &good), "new flow");
    CHECK(submit(r, &good) == -EEXIST);
    CHECK_OK(flow_request(&m, OVS_FLOW_CMD_DEL, 2), "deleting it");
}

/* Entries take effect in order, whatever becomes of those before them. */
static void
check_order(struct reader *r)
{
    struct pollfd pfd = { .fd = out, .events = POLLIN };
    static uint8_t got[65536];
    struct ovs_ring_tx tx[5];
    struct reader_rec rec;
    static struct packet p;
    uint64_t missed;
    int32_t errors[5];

    make_packet(&p, IPPROTO_UDP, 100, 0);
    send_packet(&p);
    receive_record(r, &rec);
    tx[0] = new_flow(r, 3, 2);
    tx[1] = (struct ovs_ring_tx) {
        .op = OVS_RING_OP_EXECUTE, .seg = rec.seg, .gen = rec.gen,
        .off = rec.off, .data_len = put_output(r, 2),
    };
    tx[2] = tx[0];
    tx[3] = (struct ovs_ring_tx) { .op = 99 };
    tx[4] = tx[1];
    submit_all(r, tx, 5, errors);
    CHECK(!errors[0] && !errors[1] && errors[2] == -EEXIST
          && errors[3] == -EOPNOTSUPP && !errors[4]);
    missed = datapath_missed();
    send_packet(&p);            /* It knows the flow now. */
    for (int i = 0; i < 3; i++) {
        CHECK(poll(&pfd, 1, 10000) == 1);
        CHECK(recv(out, got, sizeof got, 0) == (ssize_t) p.len);
        CHECK(!memcmp(got, p.bytes, p.len));
    }
    CHECK(datapath_missed() == missed);
    CHECK(r->lanes[0].shared->tx_rejected >= 2);
}

static void
test_flows(void)
{
    struct ovs_ring_kick kick = { .n = 1 };
    struct ovs_ring_tx tx;
    struct reader r, dead;

    start_tx();
    open_tx(&r);
    check_identical(&r);
    check_refused(&r);
    check_order(&r);
    reader_close(&r);

    /* Rings that are dead, since that was asked for, or with the datapath. */
    open_tx(&r);
    CHECK(!ioctl(r.fd, OVS_RING_IOC_DETACH));
    open_tx(&dead);
    delete_datapath();
    for (int i = 0; i < 2; i++) {
        struct reader *d = i ? &dead : &r;
        struct reader_lane *l = &d->lanes[0];

        tx = new_flow(d, 4, 2);
        memcpy((char *) l->consumer + d->control->tx_off, &tx, sizeof tx);
        l->consumer->tx_tail = 1;
        CHECK(ioctl(d->fd, OVS_RING_IOC_KICK, &kick) && errno == ENODEV);
        CHECK(!l->shared->tx_head);
        reader_close(d);
    }
}

/* Flows and executions in one. */

/* Returns an entry that adds the flow of the record's packet. */
static struct ovs_ring_tx
flow_execute(struct reader *r, const struct reader_rec *rec, uint32_t id,
             uint32_t port)
{
    struct msg m;
    size_t from;

    begin(&m, flow_family, 0, 0, 0);
    from = m.len;
    put_value(&m, id, port);
    memcpy(tx_data(r) + FLOW_AT, m.bytes + from, m.len - from);
    return (struct ovs_ring_tx) {
        .op = OVS_RING_OP_FLOW_EXECUTE, .seg = rec->seg, .gen = rec->gen,
        .off = rec->off, .data_off = FLOW_AT, .data_len = m.len - from,
    };
}

/* 'p' has come out.  A tag comes beside it, by PACKET_AUXDATA. */
static void
expect(const struct packet *p)
{
    static uint8_t got[65536], control[CMSG_SPACE(1024)];
    bool vlan = p->bytes[12] == 0x81 && !p->bytes[13];
    struct pollfd pfd = { .fd = out, .events = POLLIN };
    struct iovec iov = { got, sizeof got };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control,
    };
    size_t macs = 2 * ETH_ALEN, tag = vlan ? 4 : 0;
    struct tpacket_auxdata aux;

    CHECK(poll(&pfd, 1, 10000) == 1);
    CHECK(recvmsg(out, &msg, 0) == (ssize_t) (p->len - tag));
    CHECK(!memcmp(got, p->bytes, macs));
    CHECK(!memcmp(got + macs, p->bytes + macs + tag, p->len - macs - tag));
    CHECK(CMSG_FIRSTHDR(&msg)
          && CMSG_FIRSTHDR(&msg)->cmsg_type == PACKET_AUXDATA);
    memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof aux);
    CHECK(!(aux.tp_status & TP_STATUS_VLAN_VALID) == !vlan);
    CHECK(!vlan || (aux.tp_vlan_tci == (p->bytes[14] << 8 | p->bytes[15])
                    && aux.tp_vlan_tpid == ETH_P_8021Q));
}

static void
expect_none(void)
{
    struct pollfd pfd = { .fd = out, .events = POLLIN };

    CHECK(!poll(&pfd, 1, 100));
}

static void
delete_flow(uint32_t id)
{
    static struct msg m;

    CHECK_OK(flow_request(&m, OVS_FLOW_CMD_DEL, id), "deleting it");
}

/* The flow is the one that netlink makes of the record's key. */
static void
check_flow_of_record(struct reader *r, const struct packet *p)
{
    static struct msg by_ring, by_netlink, m;
    const struct nlattr *key;
    struct reader_rec rec;
    struct ovs_ring_tx tx;

    send_packet(p);
    receive_record(r, &rec);
    tx = flow_execute(r, &rec, 1, 2);
    CHECK_OK(-submit(r, &tx), "flow and packet");
    expect(p);
    CHECK_OK(flow_request(&by_ring, OVS_FLOW_CMD_GET, 1), "getting it");
    delete_flow(1);

    key = attribute(rec.data, rec.len, OVS_PACKET_ATTR_KEY);
    CHECK(key);
    begin(&m, flow_family, OVS_FLOW_CMD_NEW, OVS_FLOW_VERSION,
          NLM_F_CREATE | NLM_F_ACK);
    put(&m, OVS_FLOW_ATTR_KEY, key + 1, key->nla_len - NLA_HDRLEN);
    put_value(&m, 1, 2);
    CHECK_OK(transact(&m), "new flow by netlink");
    CHECK_OK(flow_request(&by_netlink, OVS_FLOW_CMD_GET, 1), "getting it");
    for (int type = OVS_FLOW_ATTR_KEY; type <= OVS_FLOW_ATTR_ACTIONS; type++) {
        CHECK(same_attribute(&by_ring, &by_netlink, type), "%d", type);
    }
    CHECK(same_attribute(&by_ring, &by_netlink, OVS_FLOW_ATTR_MASK));
    delete_flow(1);
}

/* Returns allocations for 'n' entries of packets, the last ones that came, or
 * those before 'n_more' others. */
static uint64_t
allocations_for(struct reader *r, const struct packet *p, unsigned int n,
                unsigned int n_more)
{
    static struct reader_rec recs[256];
    uint64_t sum = 0;

    for (unsigned int i = 0; i < n + n_more; i++) {
        send_packet(p);
        receive_record(r, &recs[i]);
    }
    for (unsigned int i = 0; i < n; i++) {
        struct ovs_ring_tx tx = {
            .op = OVS_RING_OP_EXECUTE, .seg = recs[i].seg, .gen = recs[i].gen,
            .off = recs[i].off, .data_len = put_output(r, 2),
        };
        uint64_t before = count_allocations();

        CHECK(!submit(r, &tx));
        sum += count_allocations() - before;
        expect(p);
    }
    return sum;
}

/* Packets that are kept are executed without a copy, others by one; what comes
 * out is the same. */
static void
check_kept(struct reader *r)
{
    enum { N = 30 };
    static struct packet p;
    uint64_t kept, copied;

    for (int kind = 0; kind < 2; kind++) {
        make_packet(&p, IPPROTO_UDP, kind ? 1500 : 100, kind ? 5 : 0);
        allocations_for(r, &p, N, 0);
        kept = allocations_for(r, &p, N, 0);
        copied = allocations_for(r, &p, N, 70);
        printf("%llu allocations for %d executions of packets that are kept, "
               "%llu of others\n", (unsigned long long) kept, N,
               (unsigned long long) copied);
        /* An skb is two. */
        CHECK(copied >= kept + 2 * N);
        /* They are kept for a second. */
        poll(NULL, 0, 3000);
    }
}

static void
check_flow_execute_refused(struct reader *r)
{
    struct ovs_ring_tx good, tx;
    struct reader_rec rec;
    static struct packet p;
    static struct msg m;

    make_packet(&p, IPPROTO_UDP, 300, 0);
    send_packet(&p);
    receive_record(r, &rec);
    good = flow_execute(r, &rec, 2, 2);
    REFUSED(flags, 1, EINVAL);
    REFUSED(mask, 1, EINVAL);
    REFUSED(seg, 16, EINVAL);
    REFUSED(gen, rec.gen + 1, ESTALE);
    REFUSED(off, rec.off + 4, EINVAL);
    REFUSED(off, UINT32_MAX & ~7u, EINVAL);
    REFUSED(data_off, FLOW_AT + 2, EINVAL);
    REFUSED(data_len, UINT32_MAX, EINVAL);
    /* No UFID, no actions. */
    REFUSED(data_len, 0, EINVAL);
    REFUSED(data_len, 20, EINVAL);
    /* A key of its own. */
    tx = new_flow(r, 2, 2);
    tx.op = OVS_RING_OP_FLOW_EXECUTE;
    tx.seg = rec.seg;
    tx.gen = rec.gen;
    tx.off = rec.off;
    CHECK(submit(r, &tx) == -EINVAL);
    flow_execute(r, &rec, 2, 70000);
    CHECK(submit(r, &good) == -EINVAL);
    CHECK(flow_request(&m, OVS_FLOW_CMD_GET, 2) == ENOENT);
    expect_none();

    /* The packet goes out even if the flow is there, as the entry says. */
    flow_execute(r, &rec, 2, 2);
    CHECK_OK(-submit(r, &good), "flow and packet");
    expect(&p);
    CHECK(submit(r, &good) == -EEXIST);
    expect(&p);
    CHECK(submit(r, &good) == -EEXIST);
    expect(&p);
    delete_flow(2);
    reader_release(&r->lanes[0], rec.seg, rec.gen);
    CHECK(submit(r, &good) == -ESTALE);
    CHECK(flow_request(&m, OVS_FLOW_CMD_GET, 2) == ENOENT);
    expect_none();
}

/* A packet has in it what looks like a record with its own number and another
 * key; the consumer says that this is the record. */
static void
check_forged(struct reader *r)
{
    static struct packet p;
    struct reader_rec rec;
    struct ovs_ring_tx tx;

    for (int forged = 0; forged < 2; forged++) {
        struct ovs_ring_record header = { .type = OVS_RING_T_NLMSG };
        const struct nlattr *a;
        uint32_t at, in_packet;
        static struct msg m;
        size_t nest;

        make_packet(&p, IPPROTO_UDP, 1000, 0);
        send_packet(&p);
        receive_record(r, &rec);
        a = attribute(rec.data, rec.len, OVS_PACKET_ATTR_PACKET);
        CHECK(a);
        /* Where the next packet will have bytes that can be a record. */
        at = (const char *) (a + 1) - (const char *) rec.data;
        in_packet = (at + 107) / 8 * 8 - at;

        begin(&m, 0, OVS_PACKET_CMD_MISS, OVS_PACKET_VERSION, 0);
        nest = nest_begin(&m, OVS_PACKET_ATTR_KEY);
        put_u32(&m, OVS_KEY_ATTR_IN_PORT, 1);
        put(&m, OVS_KEY_ATTR_ETHERNET, (char[12]) { 2, 0, 0, 0, 0, 2 }, 12);
        put(&m, OVS_KEY_ATTR_ETHERTYPE,
            forged ? (uint8_t[2]) { 0x86, 0xdd } : (uint8_t[2]) { 8, 0 }, 2);
        if (forged) {
            put(&m, OVS_KEY_ATTR_IPV6, (char[40]) { 0 }, 40);
        } else {
            put(&m, OVS_KEY_ATTR_IPV4, (char[12]) { 0 }, 12);
        }
        nest_end(&m, nest);
        /* All of what is before a packet, and more. */
        nest = nest_begin(&m, OVS_PACKET_ATTR_PACKET);
        put(&m, 1, p.bytes + ETH_HLEN, 400);
        nest_end(&m, nest);
        m.nlh.nlmsg_len = m.len;
        header.word = m.len;
        header.seq = rec.seq + 1;
        memcpy(p.bytes + in_packet, &header, sizeof header);
        memcpy(p.bytes + in_packet + sizeof header, m.bytes, m.len);
        send_packet(&p);
        receive_record(r, &rec);
        CHECK(rec.seq == header.seq);
        tx = flow_execute(r, &rec, 3, 2);
        tx.off = rec.off + sizeof header + at + in_packet;
        CHECK_OK(-submit(r, &tx), "flow of a forged record");
        if (forged) {
            expect_none();
        } else {
            expect(&p);
        }
        delete_flow(3);
        tx = flow_execute(r, &rec, 3, 2);
        CHECK_OK(-submit(r, &tx), "flow and packet");
        expect(&p);
        delete_flow(3);
    }
}

/* Starts with a ring that holds all records. */
static void
start_holding(struct reader *r)
{
    struct ovs_ring_attach a;

    use_cpu(0);
    start_tx();
    a = upcall_ring(1, 1 << 20, 4);
    a.n_tx = 16;
    a.tx_data_size = 4096;
    open_ring(r, &a);
    r->hold = true;
    bind_all(r);
    CHECK(r->control->minor >= 2);
    CHECK(!setsockopt(out, SOL_PACKET, PACKET_AUXDATA, &(int) { 1 },
                      sizeof(int)));
}

static void
test_kept(void)
{
    struct reader r;

    if (!open_counters()) {
        exit(SKIP);
    }
    start_holding(&r);
    check_kept(&r);
    reader_close(&r);
    delete_datapath();
}

static void
test_flow_execute(void)
{
    static struct packet p;
    struct reader r;

    start_holding(&r);
    for (size_t size = 60; size < 3000; size += 491) {
        for (int vlan = 0; vlan < 2; vlan++) {
            make_packet(&p, IPPROTO_UDP, size, vlan ? 5 : 0);
            check_flow_of_record(&r, &p);
        }
    }
    check_forged(&r);
    check_flow_execute_refused(&r);

    /* Some are kept when the ring goes. */
    send_packet(&p);
    reader_close(&r);
    delete_datapath();
}

static void *
flip_flow(void *r_)
{
    struct reader *r = r_;

    while (!stop) {
        uint8_t *at = (uint8_t *) tx_data(r) + FLOW_AT + random64() % 200;
        uint8_t old = *at;

        *(volatile uint8_t *) at = random64() % 2 ? random64() % 32
                                                  : random64();
        *(volatile uint8_t *) at = old;
    }
    return NULL;
}

/* Whatever is taken for a flow, others are not harmed. */
static void
test_flow_flipper(void)
{
    uint32_t n_added = 0, n_rejected = 0;
    static struct packet p;
    struct reader_rec rec;
    struct ovs_ring_tx tx;
    pthread_t thread;
    struct reader r;
    struct msg m;
    uint64_t end;

    start_tx();
    open_tx(&r);
    make_packet(&p, IPPROTO_UDP, 600, 0);
    send_packet(&p);
    receive_record(&r, &rec);
    CHECK(!pthread_create(&thread, NULL, flip_flow, &r));
    end = now_ns() + 5000000000;
    while (now_ns() < end && n_added < 20000) {
        tx = n_added % 2 ? new_flow(&r, 5, 2) : flow_execute(&r, &rec, 5, 2);
        if (submit(&r, &tx)) {
            n_rejected++;
        } else {
            n_added++;
            flow_request(&m, OVS_FLOW_CMD_DEL, 5);
        }
    }
    stop = true;
    pthread_join(thread, NULL);
    printf("%u added, %u rejected\n", n_added, n_rejected);
    CHECK(n_added);
    flow_request(&m, OVS_FLOW_CMD_DEL, 5);
    begin(&m, flow_family, OVS_FLOW_CMD_DEL, OVS_FLOW_VERSION, NLM_F_ACK);
    CHECK_OK(transact(&m), "deleting all flows");
    tx = new_flow(&r, 6, 2);
    CHECK_OK(-submit(&r, &tx), "new flow");
    CHECK_OK(flow_request(&m, OVS_FLOW_CMD_GET, 6), "getting it");
    reader_close(&r);
    delete_datapath();
}

/* Forwards between the ports 1 and 2, each packet by an upcall and an
 * execution on its record, until it is killed. */
static void
test_hub(void)
{
    struct ovs_ring_attach a;
    struct reader_rec rec;
    struct reader r;

    make_datapath();
    add_port("ring-p1", 1);
    add_port("ring-p2", 2);
    open_upcalls();
    set_features(OVS_DP_F_UNALIGNED);
    a = upcall_ring(1, 65536, 64);
    a.n_tx = 16;
    a.tx_data_size = 4096;
    open_ring(&r, &a);
    bind_all(&r);
    for (;;) {
        while (reader_next(&r, &r.lanes[0], &rec)) {
            struct ovs_ring_tx tx = {
                .op = OVS_RING_OP_EXECUTE, .seg = rec.seg, .gen = rec.gen,
                .off = rec.off,
            };
            const struct nlattr *key, *port;
            uint32_t in_port;
            int32_t error;

            CHECK(rec.type == OVS_RING_T_NLMSG);
            key = attribute(rec.data, rec.len, OVS_PACKET_ATTR_KEY);
            CHECK(key);
            port = attribute((const char *) (key + 1) - MESSAGE_HEADER,
                             key->nla_len - NLA_HDRLEN + MESSAGE_HEADER,
                             OVS_KEY_ATTR_IN_PORT);
            CHECK(port);
            memcpy(&in_port, port + 1, sizeof in_port);
            if (in_port) {
                tx.data_len = put_output(&r, 3 - in_port);
                error = submit(&r, &tx);
                CHECK_OK(-error, "execution");
            }
        }
        reader_wait(&r, 1000);
    }
}

int
main(int argc, char *argv[])
{
    static const struct subtest tests[] = {
        { "execute", test_execute },
        { "flipper", test_flipper },
        { "flows", test_flows },
        { "flow-flipper", test_flow_flipper },
        { "flow-execute", test_flow_execute },
        { "kept", test_kept },
        { "hub", test_hub },
        { NULL, NULL },
    };

    return argc == 2 ? run_subtest(tests, argv[1]) : 1;
}
