/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what userspace and the kernel's ILA mapping table tell each
 * other. */

#include <config.h>
#undef NDEBUG
#include "ila-netlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "byte-order.h"
#include "ila-entry.h"
#include "netlink-protocol.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofpbuf.h"
#include "ovstest.h"
#include "random.h"
#include "util.h"

#define HEADERS_LEN (NLMSG_HDRLEN + GENL_HDRLEN + sizeof(struct ovs_header))

static void
begin_reply(struct ofpbuf *msg)
{
    ofpbuf_init(msg, 512);
    nl_msg_put_genlmsghdr(msg, 0, 33, 0, OVS_ILA_CMD_GET, OVS_ILA_VERSION);
    ofpbuf_put_zeros(msg, sizeof(struct ovs_header));
}

static void
random_mapping(struct ila_mapping *m)
{
    const char *key, *why;

    do {
        memset(m, 0, sizeof *m);
        m->match.dir = 1 + random_range(2);
        m->match.fields = random_range(8);
        if (m->match.fields & ILA_MATCH_LOCATOR) {
            m->match.locator = htonll(0x2001000000000000 | random_uint32());
        }
        if (m->match.fields & ILA_MATCH_IDENTIFIER) {
            m->match.identifier = htonll(random_uint64());
        }
        if (m->match.fields & ILA_MATCH_IN_PORT) {
            m->match.in_port = random_range(UINT16_MAX);
        }
        m->xlat.locator = htonll(random_uint64());
        m->xlat.csum_mode = random_range(4);
        m->xlat.dir = m->match.dir;
        m->xlat.ident_type = (random_range(2)
                              ? ILA_IDENT_LUID : ILA_IDENT_USE_FORMAT);
        m->flags = random_range(16);
        m->xlat.restore_zero = (m->flags & ILA_ENTRY_RESTORE_ZERO) != 0;
        m->xlat.adj_compat = (m->flags & ILA_ENTRY_ADJ_COMPAT) != 0;
        m->idle_timeout = random_uint32();
        m->hard_timeout = random_uint32();
    } while (ila_mapping_check(m, &key, &why));
}

/* Also in what follows from the members that are sent. */
static bool
mappings_equal(const struct ila_mapping *a, const struct ila_mapping *b)
{
    return (ila_mapping_equal(a, b)
            && a->xlat.dir == b->xlat.dir
            && a->xlat.field == b->xlat.field
            && a->xlat.restore_zero == b->xlat.restore_zero
            && a->xlat.adj_compat == b->xlat.adj_compat);
}

/* What is sent as an entry comes back as the same. */
static void
test_round_trip(void)
{
    for (size_t i = 0; i < 10000; i++) {
        const struct ovs_ila_entry_stats stats = {
            random_uint64(), random_uint64(), random_uint64(),
        };
        struct ila_netlink_reply reply;
        struct ila_mapping m;
        struct ofpbuf msg;

        random_mapping(&m);
        begin_reply(&msg);
        ila_netlink_put_entry(&msg, &m);
        nl_msg_put_unspec(&msg, OVS_ILA_ATTR_STATS, &stats, sizeof stats);
        nl_msg_put_u64(&msg, OVS_ILA_ATTR_CURSOR, i);
        ovs_assert(ila_netlink_parse(&msg,
                                     ILA_NETLINK_ENTRY | ILA_NETLINK_CURSOR,
                                     &reply));
        ovs_assert(mappings_equal(&m, &reply.entry.mapping));
        ovs_assert(reply.entry.has_stats);
        ovs_assert(reply.entry.n_packets == stats.packets);
        ovs_assert(reply.entry.n_bytes == stats.bytes);
        ovs_assert(reply.entry.used_ms == stats.used);
        ovs_assert(reply.cursor == i);
        ovs_assert(!ila_netlink_parse(&msg, ILA_NETLINK_ADDR, &reply));
        ofpbuf_uninit(&msg);
    }
}

/* The bytes are those of the ABI. */
static void
test_bytes(void)
{
    static const uint8_t expected[] = {
        0x20, 1, 0, 0, 0, 0x87, 0, 0,       /* Locator to match. */
        0x20, 0, 0, 0, 0, 1, 0, 0x87,       /* Identifier. */
    };
    const struct ila_mapping m = {
        .match = {
            .dir = ILA_DIR_IN,
            .fields = ILA_MATCH_LOCATOR | ILA_MATCH_IDENTIFIER,
            .locator = htonll(0x2001000000870000),
            .identifier = htonll(0x2000000000010087),
        },
        .xlat = {
            .locator = htonll(0x3333000000000001),
            .csum_mode = ILA_CSUM_NEUTRAL_MAP_AUTO,
            .dir = ILA_DIR_IN,
            .ident_type = ILA_IDENT_USE_FORMAT,
        },
        .flags = ILA_ENTRY_ICMP_INNER,
        .idle_timeout = 5,
        .hard_timeout = 6,
    };
    const struct ila_mapping two[] = { m, m };
    const struct ovs_ila_entry *abi;
    const struct nlattr *a;
    struct ofpbuf msg;

    begin_reply(&msg);
    ila_netlink_put_entries(&msg, two, ARRAY_SIZE(two));
    a = ofpbuf_at_assert(&msg, HEADERS_LEN, sizeof *a);
    ovs_assert(nl_attr_type(a) == OVS_ILA_ATTR_ENTRIES);
    ovs_assert(nl_attr_get_size(a) == 2 * sizeof *abi);
    abi = nl_attr_get(a);
    for (size_t i = 0; i < 2; i++, abi++) {
        ovs_assert(!memcmp(abi->match.locator, expected, 8));
        ovs_assert(!memcmp(abi->match.identifier, expected + 8, 8));
        ovs_assert(!abi->match.in_port && !abi->match.zero && !abi->zero);
        ovs_assert(abi->match.dir == 1 && abi->match.fields == 5);
        ovs_assert(abi->locator[0] == htonl(0x33330000));
        ovs_assert(abi->locator[1] == htonl(1));
        ovs_assert(abi->csum_mode == 3 && abi->ident_type == 32);
        ovs_assert(abi->flags == OVS_ILA_ENTRY_ICMP_INNER);
        ovs_assert(abi->idle_timeout == 5 && abi->hard_timeout == 6);
    }
    ofpbuf_uninit(&msg);
}

/* Counts of a kernel that knows more of them, or fewer. */
static void
test_counts(void)
{
    uint64_t counts[ILA_N_COUNTS + 3];

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        counts[i] = i + 1;
    }
    for (size_t n = 0; n <= ARRAY_SIZE(counts); n++) {
        struct ila_netlink_reply reply;
        struct ofpbuf msg;

        begin_reply(&msg);
        nl_msg_put_unspec(&msg, OVS_ILA_ATTR_COUNTS, counts,
                          n * sizeof *counts);
        ovs_assert(ila_netlink_parse(&msg, ILA_NETLINK_COUNTS, &reply));
        for (size_t i = 0; i < ILA_N_COUNTS; i++) {
            ovs_assert(reply.counts[i] == (i < n ? i + 1 : 0));
        }
        ofpbuf_uninit(&msg);
    }
}

/* A refusal of entry 'index', with or without the request. */
static void
make_error(struct ofpbuf *msg, uint32_t index, bool capped)
{
    static const char text[] = "entry";
    struct nlmsgerr *err;

    ofpbuf_init(msg, 512);
    nl_msg_put_nlmsghdr(msg, 0, NLMSG_ERROR,
                        NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0));
    err = ofpbuf_put_zeros(msg, sizeof *err);
    err->error = -EEXIST;
    err->msg.nlmsg_len = NLMSG_HDRLEN + (capped ? 0 : 100);
    if (!capped) {
        ofpbuf_put_zeros(msg, 100);
    }
    nl_msg_put_unspec(msg, NLMSGERR_ATTR_MSG, text, sizeof text);
    nl_msg_put_unspec(msg, 3, &index, sizeof index);
    nl_msg_nlmsghdr(msg)->nlmsg_len = msg->size;
}

static void
test_errors(void)
{
    for (int capped = 0; capped < 2; capped++) {
        struct ofpbuf msg;

        make_error(&msg, 1234567, capped);
        ovs_assert(ila_netlink_bad_index(&msg) == 1234567);
        nl_msg_nlmsghdr(&msg)->nlmsg_flags &= ~NLM_F_ACK_TLVS;
        ovs_assert(!ila_netlink_bad_index(&msg));
        ofpbuf_uninit(&msg);
    }
}

/* A message with everything an answer may have. */
static void
make_full(struct ofpbuf *msg)
{
    const struct ovs_ila_entry_stats stats = { .used = UINT64_MAX };
    const struct ovs_ila_usage usage = { .n = 1 };
    const uint64_t counts[ILA_N_COUNTS] = { 1 };
    const struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    struct ila_mapping m;

    random_mapping(&m);
    begin_reply(msg);
    ila_netlink_put_entry(msg, &m);
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_STATS, &stats, sizeof stats);
    nl_msg_put_in6_addr(msg, OVS_ILA_ATTR_ADDR, &addr);
    nl_msg_put_u64(msg, OVS_ILA_ATTR_CURSOR, 7);
    nl_msg_put_u32(msg, OVS_ILA_ATTR_N, 7);
    nl_msg_put_u8(msg, OVS_ILA_ATTR_DIRS, OVS_ILA_DIRS_IN);
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_COUNTS, counts, sizeof counts);
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_USAGE, &usage, sizeof usage);
    nl_msg_put_u32(msg, OVS_ILA_ATTR_MAX, 8);
}

/* Whatever the kernel sends, nothing beyond it is read, which the page after
 * it would tell, and nothing that is no mapping is taken for one. */
static void
test_fuzz(size_t n)
{
    size_t page = sysconf(_SC_PAGESIZE);
    uint8_t *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t n_good = 0;

    ovs_assert(area != MAP_FAILED && !mprotect(area + page, page, PROT_NONE));
    for (size_t i = 0; i < n; i++) {
        struct ila_netlink_reply reply;
        bool error = i % 4 == 3;
        struct ofpbuf msg;
        uint8_t *data;
        size_t size;

        if (error) {
            make_error(&msg, 3, i % 8 == 3);
        } else {
            make_full(&msg);
        }
        size = (i % 3 ? msg.size
                : NLMSG_HDRLEN + random_range(msg.size - NLMSG_HDRLEN));
        size = i % 5 ? size & ~3 : size;
        data = area + page - ROUND_UP(size, 4);
        memcpy(data, msg.data, size);
        for (uint32_t j = i % 7 ? random_range(4) : 0; j > 0; j--) {
            uint8_t *p = &data[NLMSG_HDRLEN
                               + random_range(size - NLMSG_HDRLEN + 1)];

            if (p < data + size) {
                *p = random_range(2) ? random_uint32() : 1u << random_range(8);
            }
        }
        ofpbuf_uninit(&msg);

        ofpbuf_use_const(&msg, data, size);
        if (error) {
            ila_netlink_bad_index(&msg);
        } else if (ila_netlink_parse(&msg, ILA_NETLINK_ENTRY, &reply)) {
            const char *key, *why;

            ovs_assert(!ila_mapping_check(&reply.entry.mapping, &key, &why));
            n_good++;
        }
    }
    ovs_assert(n_good > n / 10 && n_good < n / 4 * 3);
    munmap(area, 2 * page);
}

static void
test_ila_netlink_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    random_set_seed(1);
    test_round_trip();
    test_bytes();
    test_counts();
    test_errors();
    test_fuzz(200000);
    printf("netlink: ok\n");
}

OVSTEST_REGISTER("test-ila-netlink", test_ila_netlink_main);
