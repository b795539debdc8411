/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ila-netlink.h"

#include <string.h>

#include "netlink-protocol.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "openvswitch/extension-abi.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* The flags, and the numbers of enums, are the same on both sides. */
BUILD_ASSERT_DECL(ILA_MATCH_LOCATOR == OVS_ILA_MATCH_LOCATOR);
BUILD_ASSERT_DECL(ILA_MATCH_IN_PORT == OVS_ILA_MATCH_IN_PORT);
BUILD_ASSERT_DECL(ILA_MATCH_IDENTIFIER == OVS_ILA_MATCH_IDENTIFIER);
BUILD_ASSERT_DECL(ILA_ENTRY_ICMP_INNER == OVS_ILA_ENTRY_ICMP_INNER);
BUILD_ASSERT_DECL(ILA_ENTRY_RESTORE_ZERO == OVS_ILA_ENTRY_RESTORE_ZERO);
BUILD_ASSERT_DECL(ILA_ENTRY_ADJ_COMPAT == OVS_ILA_ENTRY_ADJ_COMPAT);
BUILD_ASSERT_DECL(ILA_ENTRY_DATABASE == OVS_ILA_ENTRY_DATABASE);
BUILD_ASSERT_DECL((int) ILA_OWNER_USER == OVS_ILA_OWNER_USER);
BUILD_ASSERT_DECL((int) ILA_OWNER_DATABASE == OVS_ILA_OWNER_DATABASE);
BUILD_ASSERT_DECL(ILA_PATH_IN == OVS_ILA_DIRS_IN);
BUILD_ASSERT_DECL(ILA_PATH_OUT == OVS_ILA_DIRS_OUT);
BUILD_ASSERT_DECL((int) ILA_ADD_NEW == OVS_ILA_ADD_NEW);
BUILD_ASSERT_DECL((int) ILA_ADD_MAY_EXIST == OVS_ILA_ADD_MAY_EXIST);
BUILD_ASSERT_DECL((int) ILA_ADD_REPLACE == OVS_ILA_ADD_REPLACE);
BUILD_ASSERT_DECL((int) ILA_ADD_MODIFY == OVS_ILA_ADD_MODIFY);
BUILD_ASSERT_DECL((int) ILA_COUNT_HIT == OVS_ILA_COUNT_HIT);
BUILD_ASSERT_DECL((int) ILA_COUNT_CBIT == OVS_ILA_COUNT_CBIT);
BUILD_ASSERT_DECL((int) ILA_COUNT_L4_ADJUSTED == OVS_ILA_COUNT_L4_ADJUSTED);
BUILD_ASSERT_DECL((int) ILA_COUNT_ICMP_INNER == OVS_ILA_COUNT_ICMP_INNER);
BUILD_ASSERT_DECL((int) ILA_N_COUNTS == OVS_ILA_N_COUNTS);

BUILD_ASSERT_DECL(sizeof(struct ovs_ila_entry) * ILA_NETLINK_MAX_ENTRIES
                  <= UINT16_MAX - NLA_HDRLEN);

/* Requests. */

static void
put_half(__be32 half[2], ovs_be64 value)
{
    memcpy(half, &value, sizeof value);
}

static void
match_to_abi(const struct ila_match *m, struct ovs_ila_match *abi)
{
    memset(abi, 0, sizeof *abi);
    put_half(abi->locator, m->locator);
    put_half(abi->identifier, m->identifier);
    abi->in_port = m->in_port;
    abi->dir = m->dir;
    abi->fields = m->fields;
}

static void
mapping_to_abi(const struct ila_mapping *m, struct ovs_ila_entry *abi)
{
    memset(abi, 0, sizeof *abi);
    match_to_abi(&m->match, &abi->match);
    put_half(abi->locator, m->xlat.locator);
    abi->csum_mode = m->xlat.csum_mode;
    abi->ident_type = m->xlat.ident_type;
    abi->flags = m->flags;
    abi->idle_timeout = m->idle_timeout;
    abi->hard_timeout = m->hard_timeout;
}

void
ila_netlink_put_match(struct ofpbuf *msg, const struct ila_match *match)
{
    struct ovs_ila_match abi;

    match_to_abi(match, &abi);
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_MATCH, &abi, sizeof abi);
}

void
ila_netlink_put_entry(struct ofpbuf *msg, const struct ila_mapping *mapping)
{
    struct ovs_ila_entry abi;

    mapping_to_abi(mapping, &abi);
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_ENTRY, &abi, sizeof abi);
}

void
ila_netlink_put_entries(struct ofpbuf *msg,
                        const struct ila_mapping mappings[], size_t n)
{
    struct ovs_ila_entry *abi;

    ovs_assert(n <= ILA_NETLINK_MAX_ENTRIES);
    abi = nl_msg_put_unspec_uninit(msg, OVS_ILA_ATTR_ENTRIES,
                                   n * sizeof *abi);
    for (size_t i = 0; i < n; i++) {
        mapping_to_abi(&mappings[i], &abi[i]);
    }
}

void
ila_netlink_put_filter(struct ofpbuf *msg, const struct ila_filter *filter)
{
    struct ovs_ila_filter abi;

    memset(&abi, 0, sizeof abi);
    put_half(abi.locator, filter->xlat_locator);
    abi.has_in_port = filter->has_in_port;
    abi.in_port = filter->has_in_port ? filter->in_port : 0;
    abi.dir = filter->dir;
    abi.owner = filter->owner;
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_FILTER, &abi, sizeof abi);
}

void
ila_netlink_put_lookup(struct ofpbuf *msg, unsigned int dirs,
                       uint16_t in_port, const struct in6_addr *addr)
{
    struct ovs_ila_lookup abi;

    memset(&abi, 0, sizeof abi);
    memcpy(abi.addr, addr, sizeof abi.addr);
    abi.in_port = in_port;
    abi.dirs = dirs;
    nl_msg_put_unspec(msg, OVS_ILA_ATTR_LOOKUP, &abi, sizeof abi);
}

/* Answers. */

static ovs_be64
get_half(const __be32 half[2])
{
    ovs_be64 value;

    memcpy(&value, half, sizeof value);
    return value;
}

static bool
match_from_abi(const struct ovs_ila_match *abi, struct ila_match *m)
{
    memset(m, 0, sizeof *m);
    if ((abi->dir != ILA_DIR_IN && abi->dir != ILA_DIR_OUT)
        || abi->fields & ~(ILA_MATCH_LOCATOR | ILA_MATCH_IN_PORT
                           | ILA_MATCH_IDENTIFIER)
        || abi->in_port >= UINT16_MAX) {
        return false;
    }

    m->dir = abi->dir;
    m->fields = abi->fields;
    m->in_port = abi->in_port;
    m->locator = get_half(abi->locator);
    m->identifier = get_half(abi->identifier);
    return true;
}

/* Only what may be in a table is true. */
static bool
mapping_from_abi(const struct ovs_ila_entry *abi, struct ila_mapping *m)
{
    const char *key, *why;

    memset(m, 0, sizeof *m);
    if (!match_from_abi(&abi->match, &m->match)
        || abi->csum_mode > ILA_CSUM_NEUTRAL_MAP_AUTO
        || (abi->ident_type != ILA_IDENT_LUID
            && abi->ident_type != ILA_IDENT_USE_FORMAT)) {
        return false;
    }
    m->xlat.locator = get_half(abi->locator);
    m->xlat.csum_mode = abi->csum_mode;
    m->xlat.dir = m->match.dir;
    m->xlat.field = ILA_FIELD_DST;
    m->xlat.ident_type = abi->ident_type;
    m->xlat.restore_zero = (abi->flags & ILA_ENTRY_RESTORE_ZERO) != 0;
    m->xlat.adj_compat = (abi->flags & ILA_ENTRY_ADJ_COMPAT) != 0;
    m->flags = abi->flags;
    m->idle_timeout = abi->idle_timeout;
    m->hard_timeout = abi->hard_timeout;
    return !ila_mapping_check(m, &key, &why);
}

static void
parse_entry_stats(const struct nlattr *a, struct dpif_ila_entry *entry)
{
    struct ovs_ila_entry_stats abi;

    entry->used_ms = UINT64_MAX;
    if (a) {
        memcpy(&abi, nl_attr_get(a), sizeof abi);
        entry->has_stats = true;
        entry->n_packets = abi.packets;
        entry->n_bytes = abi.bytes;
        entry->used_ms = abi.used;
    }
}

static void
parse_usage(const struct nlattr *a, uint32_t max, struct ila_table_usage *u)
{
    struct ovs_ila_usage abi;

    memcpy(&abi, nl_attr_get(a), sizeof abi);
    u->n = abi.n;
    u->max = max;
    u->n_values = abi.n_values;
    u->n_timeouts = abi.n_timeouts;
    u->bytes = abi.bytes;
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 8; j++) {
            u->per_shape[i][j] = abi.per_shape[i][j];
        }
    }
}

/* As many as both sides know. */
static void
parse_counts(const struct nlattr *a, uint64_t counts[ILA_N_COUNTS])
{
    memcpy(counts, nl_attr_get(a), MIN(nl_attr_get_size(a),
                                       ILA_N_COUNTS * sizeof *counts));
}

bool
ila_netlink_parse(const struct ofpbuf *msg, unsigned int parts,
                  struct ila_netlink_reply *reply)
{
    static const struct nl_policy policy[] = {
        [OVS_ILA_ATTR_ENTRY] = { NL_POLICY_FOR(struct ovs_ila_entry),
                                 .optional = true },
        [OVS_ILA_ATTR_STATS] = { NL_POLICY_FOR(struct ovs_ila_entry_stats),
                                 .optional = true },
        [OVS_ILA_ATTR_ADDR] = { NL_POLICY_FOR(struct in6_addr),
                                .optional = true },
        [OVS_ILA_ATTR_CURSOR] = { .type = NL_A_U64, .optional = true },
        [OVS_ILA_ATTR_N] = { .type = NL_A_U32, .optional = true },
        [OVS_ILA_ATTR_DIRS] = { .type = NL_A_U8, .optional = true },
        [OVS_ILA_ATTR_COUNTS] = { .type = NL_A_UNSPEC, .optional = true },
        [OVS_ILA_ATTR_USAGE] = { NL_POLICY_FOR(struct ovs_ila_usage),
                                 .optional = true },
        [OVS_ILA_ATTR_MAX] = { .type = NL_A_U32, .optional = true },
    };
    struct nlattr *a[ARRAY_SIZE(policy)];

    memset(reply, 0, sizeof *reply);
    if (!nl_policy_parse(msg, NLMSG_HDRLEN + GENL_HDRLEN
                         + sizeof(struct ovs_header),
                         policy, a, ARRAY_SIZE(policy))) {
        return false;
    }

    if (a[OVS_ILA_ATTR_ENTRY]) {
        struct ovs_ila_entry abi;

        memcpy(&abi, nl_attr_get(a[OVS_ILA_ATTR_ENTRY]), sizeof abi);
        if (!mapping_from_abi(&abi, &reply->entry.mapping)) {
            return false;
        }
        parse_entry_stats(a[OVS_ILA_ATTR_STATS], &reply->entry);
        reply->parts |= ILA_NETLINK_ENTRY;
    }
    if (a[OVS_ILA_ATTR_ADDR]) {
        reply->addr = nl_attr_get_in6_addr(a[OVS_ILA_ATTR_ADDR]);
        reply->parts |= ILA_NETLINK_ADDR;
    }
    if (a[OVS_ILA_ATTR_CURSOR]) {
        reply->cursor = nl_attr_get_u64(a[OVS_ILA_ATTR_CURSOR]);
        reply->parts |= ILA_NETLINK_CURSOR;
    }
    if (a[OVS_ILA_ATTR_N]) {
        reply->n = nl_attr_get_u32(a[OVS_ILA_ATTR_N]);
        reply->parts |= ILA_NETLINK_N;
    }
    if (a[OVS_ILA_ATTR_DIRS]) {
        reply->dirs = nl_attr_get_u8(a[OVS_ILA_ATTR_DIRS]);
        if (reply->dirs & ~(ILA_PATH_IN | ILA_PATH_OUT)) {
            return false;
        }
        reply->parts |= ILA_NETLINK_DIRS;
    }
    if (a[OVS_ILA_ATTR_COUNTS]) {
        parse_counts(a[OVS_ILA_ATTR_COUNTS], reply->counts);
        reply->parts |= ILA_NETLINK_COUNTS;
    }
    if (a[OVS_ILA_ATTR_USAGE] && a[OVS_ILA_ATTR_MAX]) {
        parse_usage(a[OVS_ILA_ATTR_USAGE],
                    nl_attr_get_u32(a[OVS_ILA_ATTR_MAX]), &reply->usage);
        reply->parts |= ILA_NETLINK_USAGE;
    }
    return (reply->parts & parts) == parts;
}

/* The number of NLMSGERR_ATTR_COOKIE, which Open vSwitch does not name. */
#define ERROR_ATTR_COOKIE 3

uint32_t
ila_netlink_bad_index(const struct ofpbuf *msg)
{
    static const struct nl_policy policy[] = {
        [ERROR_ATTR_COOKIE] = { .type = NL_A_UNSPEC,
                                .min_len = sizeof(uint32_t),
                                .optional = true },
    };
    struct nlattr *a[ARRAY_SIZE(policy)];
    const struct nlmsghdr *nlh = ofpbuf_at(msg, 0, sizeof *nlh);
    const struct nlmsgerr *err = ofpbuf_at(msg, NLMSG_HDRLEN, sizeof *err);
    size_t ofs = NLMSG_HDRLEN + sizeof *err;
    uint32_t index = 0;

    if (!nlh || !err || !(nlh->nlmsg_flags & NLM_F_ACK_TLVS)) {
        return 0;
    }

    /* The request comes back with the error, unless that was refused. */
    if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
        if (err->msg.nlmsg_len < NLMSG_HDRLEN
            || err->msg.nlmsg_len > msg->size) {
            return 0;
        }
        ofs += NLMSG_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
    }
    if (ofs <= msg->size
        && nl_policy_parse(msg, ofs, policy, a, ARRAY_SIZE(policy))
        && a[ERROR_ATTR_COOKIE]) {
        memcpy(&index, nl_attr_get(a[ERROR_ATTR_COOKIE]), sizeof index);
    }
    return index;
}
