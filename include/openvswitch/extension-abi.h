/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef OPENVSWITCH_EXTENSION_ABI_H
#define OPENVSWITCH_EXTENSION_ABI_H 1

/* Numbers and structures of our extensions that cross the border between
 * userspace and a datapath, the kernel's included.  Only types of the kernel's
 * user API; userspace must be able to include this without more.
 *
 * An extension action travels as
 *
 *     OVS_ACTION_ATTR_EXTENSION (64)
 *         one attribute with a type from enum ovs_extension_attr
 *
 * A datapath that does not know the action, or the type inside, refuses the
 * flow with EINVAL; that is how support is probed.  Numbers are never reused.
 * Multi-byte members are in network byte order where the type says __be, and
 * aligned to 4 bytes as netlink attributes are. */

#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of extension actions. */
enum ovs_extension_attr {
    OVS_EXTENSION_ATTR_UNSPEC = 0,
    OVS_EXTENSION_ATTR_ILA = 1,     /* struct ovs_action_ila. */
    OVS_EXTENSION_ATTR_ILA_TABLE = 2, /* struct ovs_action_ila_table. */
    OVS_EXTENSION_ATTR_RING = 3,    /* struct ovs_action_ring. */
    OVS_EXTENSION_ATTR_VRF = 4,     /* struct ovs_action_vrf. */
    OVS_EXTENSION_ATTR_VRF_WAY = 5, /* struct ovs_action_vrf_way. */
    OVS_EXTENSION_ATTR_TEST = 31,   /* Reserved for test programs. */
};
#define OVS_EXTENSION_ATTR_MAX 31

/* OVS_EXTENSION_ATTR_ILA: translates an address of an IPv6 packet between SIR
 * and ILA form.  A packet that is not IPv6 passes unchanged.  A packet whose C
 * bit is set and that neutral-map is to translate to the underlay is dropped.
 *
 * 'locator' is the new upper half of the address, first word first.
 * 'csum_mode' is one of Linux's ILA_CSUM_* (0 adjust-transport, 1 neutral-map,
 * 2 no-action, 3 neutral-map-auto), 'dir' 1 (in: ILA to SIR) or 2 (out: SIR to
 * ILA), 'field' 0 (destination) or 1 (source), 'ident_type' 1 (LUID, not
 * tested) or 32 (only identifiers whose type bits say LUID).  'flags' must be
 * zero. */
struct ovs_action_ila {
    __be32 locator[2];
    __u8 csum_mode;
    __u8 dir;
    __u8 field;
    __u8 ident_type;
    __be32 flags;
};

/* OVS_EXTENSION_ATTR_ILA_TABLE: looks the destination of an IPv6 packet up in
 * the datapath's ILA mapping table, for the port that the packet came in on,
 * and translates it accordingly.  A packet that is not IPv6 passes unchanged.
 *
 * 'dirs' is one or both of the bits OVS_ILA_DIRS_*; with both, IN is tried
 * first.  'miss' is what becomes of a packet that no entry matches: 0 it
 * passes unchanged, 1 it is dropped.  'zero' must be zero. */
struct ovs_action_ila_table {
    __u8 dirs;
    __u8 miss;
    __be16 zero;
};

/* OVS_EXTENSION_ATTR_RING: gives the packet to those who have attached to a
 * ring with that number.
 *
 * With OVS_RING_MODE_TAP each of them gets a copy, and the packet goes on; a
 * copy for which there is no space is lost.  With OVS_RING_MODE_QUEUE the
 * packet waits for a verdict: it is recirculated with 'recirc_id' if that is
 * to let it go on, and otherwise dropped.  Without verdict in time, or if it
 * cannot be had because nobody has attached, there is no space or 'recirc_id'
 * is 0, then 'fail' decides: OVS_RING_FAIL_OPEN lets it go on,
 * OVS_RING_FAIL_CLOSED drops it.  To go on at once is to go on with the action
 * behind this one.  The first 'max_len' bytes of the packet are given away, 0
 * is all.  'id' is passed on as it is.  'zero' must be zero. */
struct ovs_action_ring {
    __u32 ring;
    __u32 max_len;
    __u32 id;
    __u32 recirc_id;
    __u8 mode;
    __u8 fail;
    __u16 zero;
};

#define OVS_RING_MODE_TAP 0
#define OVS_RING_MODE_QUEUE 1

#define OVS_RING_FAIL_OPEN 0
#define OVS_RING_FAIL_CLOSED 1

/* OVS_EXTENSION_ATTR_VRF: routes the packet, of IPv4 or IPv6 and without VLAN
 * tags, in a VRF, and takes it: actions behind this one go on with a copy.
 *
 * 'id' says which VRF.  For the userspace datapath it is a number of its
 * process, 0 for the default VRF; for the kernel's it is the index of the VRF
 * device.  'name' is the VRF's, padded with zeros, the last byte is zero: for
 * people, not for a lookup.  'mark' is what rules and netfilter see as the
 * packet's mark, 0 to leave it as it is.  Bits of 'flags' other than
 * OVS_VRF_F_* are refused.  'recirc_id' is zero, or in the userspace datapath
 * where packets go on that would be the subject of an ICMP error, as by
 * OVS_ACTION_ATTR_RECIRC, instead; not together with OVS_VRF_F_ERRORS_DROP. */
struct ovs_action_vrf {
    __u32 id;
    __u32 flags;
    __u32 mark;
    __u32 recirc_id;
    char name[16];
};

#define OVS_VRF_F_TTL_KEEP 1    /* TTL or hop limit stays as it is. */
#define OVS_VRF_F_ERRORS_DROP 2 /* No ICMP errors. */
#define OVS_VRF_F_MSS_CLAMP 4   /* The MSS of TCP is no more than the route's
                                 * MTU has room for. */
#define OVS_VRF_F_ALL 7

/* OVS_EXTENSION_ATTR_VRF_WAY, of the userspace datapath alone: does what
 * 'vrf' says, and also says what becomes of packets by that, as far as was
 * known when the flow was made.  A datapath that knows better does not believe
 * it.
 *
 * 'dst_bits' and 'src_bits' are how many of the first bits of the addresses
 * that depends on, 'tos_mask' which bits of IPv4's TOS or IPv6's traffic
 * class; 'dst', 'src' and 'tos' are those bits, zeros behind them, in all
 * packets of the flow.  An IPv4 address is the first word.
 *
 * 'port' is that of the route's device, UINT32_MAX if there is no such way;
 * then the rest is zeros.  Those that are no larger than 'mtu' from the IP
 * header on get the Ethernet addresses 'eth_dst' and 'eth_src', and are as
 * received from it.  'ipv6' is 1 if packets are IPv6, otherwise 0.
 *
 * 'table' is the number of the routing table by which packets are routed
 * instead of the rules, 0 if rules decide.  With a table 'dst_bits' may be
 * OVS_VRF_WAY_UNKNOWN: it is not known what packets have in common, there is
 * no way, 'ipv6' is 0, and 'dst', 'src' and 'tos' are zeros. */
struct ovs_action_vrf_way {
    struct ovs_action_vrf vrf;
    __be32 dst[4];
    __be32 src[4];
    __u32 port;
    __u32 mtu;
    __u8 eth_dst[6];
    __u8 eth_src[6];
    __u8 dst_bits, src_bits;
    __u8 tos, tos_mask;
    __u8 ipv6;
    __u8 zero[3];
    __u32 table;
};

#define OVS_VRF_WAY_UNKNOWN 255

/* Directions as bits: 1 << 'dir'. */
#define OVS_ILA_DIRS_IN 2
#define OVS_ILA_DIRS_OUT 4

/* The kernel's ILA mapping table and the ports whose packets it translates
 * before anything else: a generic netlink family of its own, one table a
 * datapath.  Each message begins with a struct ovs_header, whose 'dp_ifindex'
 * names the datapath.
 *
 * GET, GET_PORT and GET_STATS are free to all; everything else wants
 * CAP_NET_ADMIN in the user namespace that owns the network namespace.  A
 * request with an attribute that its command does not list, or a bad value, is
 * refused as a whole, with the place in the extended acknowledgement.
 * Integers are in host byte order where the type does not say __be.
 *
 * command    takes                         answers
 * ---------  ----------------------------  -----------------------------------
 * ADD        ENTRY, ADD_MODE (NEW)         nothing
 * DEL        MATCH, OWNER                  nothing
 * GET        MATCH or LOOKUP               ENTRY, STATS; for LOOKUP also ADDR
 * GET, dump  FILTER, CURSOR                a message for each: ENTRY, STATS,
 *                                          CURSOR (of the next one)
 * MOVE       FILTER, LOCATOR               N, how many moved
 * FLUSH      FILTER                        N, how many were deleted
 * LOAD       LOAD_FLAGS, ENTRIES           N, what is staged or was committed
 * SET_PORT   PORT, DIRS                    nothing
 * GET_PORT   PORT                          PORT, DIRS, COUNTS
 * SET        MAX                           nothing
 * GET_STATS                                USAGE, MAX, COUNTS
 *
 * Errors: EEXIST there is such a match, or another entry has its address on
 * the wire; ENOENT there is none, nothing moved, or nothing matches; ENOSPC
 * MAX reached; EPERM not permitted, or an entry that another owner added;
 * ENODEV no such datapath or port; EINVAL, EOPNOTSUPP a mapping that is none;
 * EINVAL, ERANGE an attribute that is wrong, of the wrong size, out of range;
 * EBUSY another request of the socket is at its load.
 *
 * A dump has each entry that is there from its beginning to its end exactly
 * once, also if it goes on at a CURSOR, and others at most once each time that
 * they are added.  If LOAD replaced all entries since it began, the next
 * message, which may be the last one, has NLM_F_DUMP_INTR: what came before is
 * of the old ones.
 *
 * LOAD builds aside, in as many requests as it takes.  The first has
 * OVS_ILA_LOAD_BEGIN, the last OVS_ILA_LOAD_COMMIT, which may be the same.
 * An entry that is the same as one before in a load is refused by EEXIST.  The
 * index in ENTRIES of an entry that is refused is a u32 in the cookie of the
 * extended acknowledgement.  What is staged belongs to the socket and is
 * dropped when a request of it fails, another BEGIN comes, or the socket is
 * closed.  COMMIT adds what is staged to
 * the table, all or nothing, or with OVS_ILA_LOAD_REPLACE puts it, in one
 * instant, in the place of all that the same owner has there. */
#define OVS_ILA_FAMILY "ovs_ila"
#define OVS_ILA_VERSION 1

enum ovs_ila_cmd {
    OVS_ILA_CMD_UNSPEC = 0,
    OVS_ILA_CMD_ADD = 1,
    OVS_ILA_CMD_DEL = 2,
    OVS_ILA_CMD_GET = 3,
    OVS_ILA_CMD_MOVE = 4,
    OVS_ILA_CMD_FLUSH = 5,
    OVS_ILA_CMD_LOAD = 6,
    OVS_ILA_CMD_SET_PORT = 7,
    OVS_ILA_CMD_GET_PORT = 8,
    OVS_ILA_CMD_SET = 9,
    OVS_ILA_CMD_GET_STATS = 10,
};

enum ovs_ila_attr {
    OVS_ILA_ATTR_UNSPEC = 0,
    OVS_ILA_ATTR_PAD = 1,
    OVS_ILA_ATTR_MATCH = 2,     /* struct ovs_ila_match. */
    OVS_ILA_ATTR_ENTRY = 3,     /* struct ovs_ila_entry. */
    OVS_ILA_ATTR_ENTRIES = 4,   /* Array of struct ovs_ila_entry. */
    OVS_ILA_ATTR_STATS = 5,     /* struct ovs_ila_entry_stats. */
    OVS_ILA_ATTR_ADD_MODE = 6,  /* u8, enum ovs_ila_add_mode. */
    OVS_ILA_ATTR_OWNER = 7,     /* u8, enum ovs_ila_owner. */
    OVS_ILA_ATTR_FILTER = 8,    /* struct ovs_ila_filter. */
    OVS_ILA_ATTR_LOOKUP = 9,    /* struct ovs_ila_lookup. */
    OVS_ILA_ATTR_ADDR = 10,     /* struct in6_addr, what LOOKUP's address
                                 * becomes. */
    OVS_ILA_ATTR_LOCATOR = 11,  /* __be32[2]. */
    OVS_ILA_ATTR_LOAD_FLAGS = 12, /* u8, OVS_ILA_LOAD_*. */
    OVS_ILA_ATTR_CURSOR = 13,   /* u64, opaque: where a listing goes on. */
    OVS_ILA_ATTR_N = 14,        /* u32. */
    OVS_ILA_ATTR_PORT = 15,     /* u32, datapath port number. */
    OVS_ILA_ATTR_DIRS = 16,     /* u8, OVS_ILA_DIRS_*, 0 for off. */
    OVS_ILA_ATTR_COUNTS = 17,   /* u64[OVS_ILA_N_COUNTS], enum
                                 * ovs_ila_count. */
    OVS_ILA_ATTR_USAGE = 18,    /* struct ovs_ila_usage. */
    OVS_ILA_ATTR_MAX = 19,      /* u32, limit of the number of entries. */
};
#define OVS_ILA_ATTR_LAST 19

/* What an entry looks at.  The sum of the bits is its preference; the highest
 * that matches a packet wins. */
#define OVS_ILA_MATCH_LOCATOR 1
#define OVS_ILA_MATCH_IN_PORT 2
#define OVS_ILA_MATCH_IDENTIFIER 4

/* Members that 'fields' does not name are zero.  'identifier' is what the user
 * knows it as; in the neutral modes with 'dir' 1 (in) it is another one on the
 * wire. */
struct ovs_ila_match {
    __be32 locator[2];
    __be32 identifier[2];
    __u32 in_port;              /* Datapath port number, below 65535. */
    __u8 dir;                   /* 1 (in: ILA to SIR), 2 (out: SIR to ILA). */
    __u8 fields;                /* OVS_ILA_MATCH_*: LOCATOR or IDENTIFIER. */
    __u16 zero;
};

/* Flags of an entry. */
#define OVS_ILA_ENTRY_ICMP_INNER 1   /* Also addresses that ICMPv6 errors
                                      * quote.  Only with 'dir' 1. */
#define OVS_ILA_ENTRY_RESTORE_ZERO 2 /* An adjusted word that comes out as ffff
                                      * is 0000.  Only in a neutral mode with
                                      * 'dir' 1. */
#define OVS_ILA_ENTRY_ADJ_COMPAT 4   /* Adjust-transport with the sign that
                                      * Linux's ila has. */
#define OVS_ILA_ENTRY_DATABASE 8     /* Its owner is OVS_ILA_OWNER_DATABASE. */

struct ovs_ila_entry {
    struct ovs_ila_match match;
    __be32 locator[2];          /* New one. */
    __u8 csum_mode;             /* As in struct ovs_action_ila. */
    __u8 ident_type;            /* Likewise. */
    __u8 flags;                 /* OVS_ILA_ENTRY_*. */
    __u8 zero;
    __u32 idle_timeout;         /* Seconds without a packet, 0 for never. */
    __u32 hard_timeout;         /* Seconds since it was added, likewise. */
};

/* 64-bit numbers as two halves in host byte order, so that netlink's alignment
 * does: copy before use. */
struct ovs_ila_entry_stats {
    __u64 packets;
    __u64 bytes;
    __u64 used;                 /* Milliseconds since the last packet,
                                 * all-ones for never. */
} __attribute__((packed, aligned(4)));

/* Who may change an entry.  ANY selects both in a filter. */
enum ovs_ila_owner {
    OVS_ILA_OWNER_ANY = 0,
    OVS_ILA_OWNER_USER = 1,
    OVS_ILA_OWNER_DATABASE = 2,
};

/* What ADD does if the match is there already, or is not.  An entry of another
 * owner is never replaced. */
enum ovs_ila_add_mode {
    OVS_ILA_ADD_NEW = 0,        /* EEXIST if it is there. */
    OVS_ILA_ADD_MAY_EXIST = 1,  /* EEXIST if it has another value. */
    OVS_ILA_ADD_REPLACE = 2,    /* Adds or replaces. */
    OVS_ILA_ADD_MODIFY = 3,     /* ENOENT if it is not there. */
};

#define OVS_ILA_LOAD_BEGIN 1
#define OVS_ILA_LOAD_COMMIT 2
#define OVS_ILA_LOAD_REPLACE 4  /* With COMMIT. */

/* Which entries: all members that are not zero must agree. */
struct ovs_ila_filter {
    __be32 locator[2];          /* New locator. */
    __u32 in_port;              /* If 'has_in_port'. */
    __u8 has_in_port;           /* 0 or 1. */
    __u8 dir;
    __u8 owner;                 /* enum ovs_ila_owner. */
    __u8 zero;
};

/* What would be done to a packet with this destination? */
struct ovs_ila_lookup {
    __u8 addr[16];
    __u32 in_port;
    __u8 dirs;                  /* OVS_ILA_DIRS_*. */
    __u8 zero[3];
};

/* Index of OVS_ILA_ATTR_COUNTS, counted in packets; new ones are added at the
 * end. */
enum ovs_ila_count {
    OVS_ILA_COUNT_HIT = 0,      /* An entry matched. */
    OVS_ILA_COUNT_MISS = 1,     /* None did. */
    OVS_ILA_COUNT_IN = 2,       /* Translated, ILA to SIR. */
    OVS_ILA_COUNT_OUT = 3,      /* Translated, SIR to ILA. */
    OVS_ILA_COUNT_CBIT = 4,     /* Dropped: C bit set before neutral-map. */
    OVS_ILA_COUNT_TYPE_MISMATCH = 5, /* Passed: not of the type wanted. */
    OVS_ILA_COUNT_MULTICAST = 6,     /* Passed: multicast destination. */
    OVS_ILA_COUNT_MALFORMED = 7,     /* Passed: no IPv6 header. */
    OVS_ILA_COUNT_L4_ADJUSTED = 8,   /* Transport checksum updated... */
    OVS_ILA_COUNT_PARTIAL = 9,       /* ...that somebody else finishes. */
    OVS_ILA_COUNT_L4_UNKNOWN = 10,   /* No checksum that is known. */
    OVS_ILA_COUNT_TRUNCATED = 11,    /* Transport header cut short. */
    OVS_ILA_COUNT_ICMP_INNER = 12,   /* Quoted packet translated. */
    OVS_ILA_N_COUNTS
};

struct ovs_ila_usage {
    __u32 n;                    /* Entries. */
    __u32 n_values;             /* Distinct translations. */
    __u32 n_timeouts;           /* Entries with a timeout. */
    __u32 zero;
    __u32 per_shape[2][8];      /* [dir - 1][sum of OVS_ILA_MATCH_*]. */
    __u64 bytes;                /* Memory. */
} __attribute__((packed, aligned(4)));

/* The kernel's cache of flows' matches in netlink form: a generic netlink
 * family of its own, so that a module of Linux is told from ours by its
 * absence.  Each message begins with a struct ovs_header, whose 'dp_ifindex'
 * names the datapath; zero in a dump means all.
 *
 * GET is free to all; SET wants CAP_NET_ADMIN in the user namespace that owns
 * the network namespace.  SET takes POLICY and MAX_BYTES, both optional,
 * changes nothing if one of them is bad, and drops what is cached when the new
 * values say so.  Other attributes, and any in GET, are refused. */
#define OVS_MATCH_CACHE_FAMILY "ovs_match_cache"
#define OVS_MATCH_CACHE_VERSION 1

enum ovs_match_cache_cmd {
    OVS_MATCH_CACHE_CMD_UNSPEC = 0,
    OVS_MATCH_CACHE_CMD_SET = 1,
    OVS_MATCH_CACHE_CMD_GET = 2,
};

/* When a flow's match is kept: never, from the second full dump on, from the
 * first one on.  A datapath begins with OFF. */
enum ovs_match_cache_policy {
    OVS_MATCH_CACHE_OFF = 0,
    OVS_MATCH_CACHE_LAZY = 1,
    OVS_MATCH_CACHE_EAGER = 2,
};

enum ovs_match_cache_attr {
    OVS_MATCH_CACHE_ATTR_UNSPEC = 0,
    OVS_MATCH_CACHE_ATTR_PAD = 1,
    OVS_MATCH_CACHE_ATTR_POLICY = 2,    /* u32, enum ovs_match_cache_policy. */
    OVS_MATCH_CACHE_ATTR_MAX_BYTES = 3, /* u64, limit of BYTES. */
    OVS_MATCH_CACHE_ATTR_HITS = 4,      /* u64, flows dumped from the cache. */
    OVS_MATCH_CACHE_ATTR_MISSES = 5,    /* u64, flows encoded in full dumps. */
    OVS_MATCH_CACHE_ATTR_ENTRIES = 6,   /* u64, flows with a cached match. */
    OVS_MATCH_CACHE_ATTR_BYTES = 7,     /* u64, memory of all entries. */
    OVS_MATCH_CACHE_ATTR_EVICTIONS = 8, /* u64, entries dropped before their
                                         * flow was deleted. */
    OVS_MATCH_CACHE_ATTR_FAILURES = 9,  /* u64, allocations that failed; the
                                         * flow is encoded next time, too. */
};
#define OVS_MATCH_CACHE_ATTR_MAX 9

/* What became of packets that came to a "vrf" action in the kernel: a generic
 * netlink family of its own.  Each message begins with a struct ovs_header,
 * whose 'dp_ifindex' names the datapath; zero in a dump means all.  GET takes
 * no attribute, is free to all, and answers with COUNTS. */
#define OVS_VRF_FAMILY "ovs_vrf"
#define OVS_VRF_VERSION 1

enum ovs_vrf_cmd {
    OVS_VRF_CMD_UNSPEC = 0,
    OVS_VRF_CMD_GET = 1,
};

enum ovs_vrf_attr {
    OVS_VRF_ATTR_UNSPEC = 0,
    OVS_VRF_ATTR_PAD = 1,
    OVS_VRF_ATTR_COUNTS = 2,    /* u64[OVS_VRF_N_COUNTS], enum
                                 * ovs_vrf_count. */
};
#define OVS_VRF_ATTR_LAST 2

/* Index of OVS_VRF_ATTR_COUNTS, counted in packets; new ones are added at the
 * end.  A packet counts once. */
enum ovs_vrf_count {
    OVS_VRF_COUNT_QUEUED = 0,   /* Handed over: waits for its CPU... */
    OVS_VRF_COUNT_INLINE = 1,   /* ...or was routed at once. */
    /* Dropped. */
    OVS_VRF_COUNT_NO_DEVICE = 2,    /* No such device. */
    OVS_VRF_COUNT_NOT_VRF = 3,      /* It is no VRF. */
    OVS_VRF_COUNT_DOWN = 4,         /* It is down. */
    OVS_VRF_COUNT_TAGGED = 5,       /* The packet has a VLAN tag... */
    OVS_VRF_COUNT_MALFORMED = 6,    /* ...or no IP header... */
    OVS_VRF_COUNT_NOT_ROUTABLE = 7, /* ...or a destination on its link. */
    OVS_VRF_COUNT_BACKLOG = 8,      /* Too many packets wait. */
    OVS_VRF_COUNT_NO_MEMORY = 9,
    OVS_VRF_N_COUNTS
};

#ifdef __cplusplus
}
#endif

#endif /* openvswitch/extension-abi.h */
