/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */

#ifndef XDP_ABI_H
#define XDP_ABI_H 1

/* What the XDP program of a port (bpf/ovs-xdp.bpf.c) and userspace share:
 * keys, masks and values of the flows, and the state of a port.
 *
 * A packet is parsed into a key of its family.  A flow is a masked key, found
 * by one lookup for each mask that the port has for that family, in a table
 * shared by all ports, as the key says which mask it was made with.
 *
 * The tables of flows are arrays, in which the program looks by itself, as
 * that takes half the time of a hash table of the kernel's, and to which
 * userspace writes directly.  An array's elements are buckets of
 * OVS_XDP_N_SLOTS slots, each of which has the key's words and then the struct
 * ovs_xdp_flow.  A key is in one of two buckets that its hash says; a slot
 * whose first word is 0, which no key's is, is free.
 *
 * Who may write what
 * ==================
 *
 * The program writes the counters of flows and prefixes, and a port's
 * 'lease_over' and 'lease_tick'.  It writes nothing else.
 *
 * Userspace writes a port's 'enabled', 'active', 'empty_verdict', 'lease_end',
 * 'capture' and 'capture_len' whenever it likes, each with a single store.  It
 * writes only to the one of 'tables' that is not active, and only after all
 * programs that may have seen it active are done with it; but it sets bits of
 * filters in the active one, too.
 *
 * A flow is put into a free slot, whose first word is written last.  It is
 * taken away in three steps: it is retired, that is, becomes one that sends
 * packets to the socket and counts them no more; all programs that may still
 * have found it otherwise are done; it is read for the last time, and its slot
 * becomes free.  Nothing is put into the same table before programs that may
 * have found it even then are done, too, as it might get this slot. */

#include <linux/types.h>

/* Which part of a packet decides: the families of keys. */
enum ovs_xdp_family {
    OVS_XDP_L2,                 /* Neither IPv4 nor IPv6. */
    OVS_XDP_IPV4,
    OVS_XDP_IPV6,
    OVS_XDP_N_FAMILIES
};

/* Shapes of keys, each of which has a hash table of its own: short keys are
 * faster.  Ethernet addresses are only in some. */
enum ovs_xdp_shape {
    OVS_XDP_SHAPE_L2,           /* Head, Ethernet addresses. */
    OVS_XDP_SHAPE_V4,           /* Head, IPv4 addresses. */
    OVS_XDP_SHAPE_V4_ETH,       /* ...and Ethernet addresses. */
    OVS_XDP_SHAPE_V6,           /* Head, IPv6 addresses. */
    OVS_XDP_SHAPE_V6_ETH,       /* ...and Ethernet addresses. */
    OVS_XDP_N_SHAPES
};

/* What all keys begin with.  Everything that a packet lacks is 0. */
struct ovs_xdp_head {
    __u16 mask;                 /* Which mask the key was made with. */
    __be16 vlan_tci;            /* Of the one tag, 0x1000 set; or 0. */
    __u8 nw_proto;
    __u8 nw_tos;
    __u8 nw_ttl;
    __u8 nw_frag;               /* OVS_XDP_FRAG_*. */
    __be16 tp_src;              /* Or type of ICMP, ICMPv6, IGMP. */
    __be16 tp_dst;              /* Or code. */
    __be16 tcp_flags;           /* 12 bits. */
    __be16 dl_type;             /* 0 unless the family is OVS_XDP_L2. */
};

#define OVS_XDP_VLAN_PRESENT 0x1000     /* In vlan_tci. */
#define OVS_XDP_FRAG_ANY 1              /* Any fragment. */
#define OVS_XDP_FRAG_LATER 2            /* Not the first one. */

struct ovs_xdp_ether {
    __be16 dst[3];
    __be16 src[3];
    __u32 pad;                  /* 0. */
};

struct ovs_xdp_ipv4 {
    __be32 src;
    __be32 dst;
};

struct ovs_xdp_ipv6 {
    __be64 src[2];
    __be64 dst[2];
};

#define OVS_XDP_KEY_WORDS 8

/* A key of any shape.  Words that a shape does not have are 0. */
union ovs_xdp_key {
    __u64 words[OVS_XDP_KEY_WORDS];
    struct {
        struct ovs_xdp_head head;
        union {
            struct {
                struct ovs_xdp_ether ether;
            } l2;
            struct {
                struct ovs_xdp_ipv4 ip;
                struct ovs_xdp_ether ether;
            } v4;
            struct {
                struct ovs_xdp_ipv6 ip;
                struct ovs_xdp_ether ether;
            } v6;
        };
    };
};

/* Number of words of each shape. */
#define OVS_XDP_L2_WORDS 4
#define OVS_XDP_V4_WORDS 3
#define OVS_XDP_V4_ETH_WORDS 5
#define OVS_XDP_V6_WORDS 6
#define OVS_XDP_V6_ETH_WORDS 8

enum ovs_xdp_action {
    OVS_XDP_SOCKET,             /* What is not known, too: to userspace. */
    OVS_XDP_DROP,
    OVS_XDP_REDIRECT,           /* To the device 'port' of the device map. */
};

/* What is changed in packets that are redirected, in this order. */
struct ovs_xdp_rewrite {
    __u8 what;                  /* OVS_XDP_SET_* and the like. */
    __u8 ttl;                   /* Or hop limit. */
    __be16 tpid;                /* Of the tag that is pushed... */
    __be16 tci;                 /* ...without 0x1000. */
    __be16 dst[3];              /* Ethernet addresses. */
    __be16 src[3];
};

#define OVS_XDP_SET_DST 1
#define OVS_XDP_SET_SRC 2
#define OVS_XDP_SET_TTL 4       /* Of IPv4 or IPv6, whose flow it is. */
#define OVS_XDP_POP_VLAN 8      /* If there is a tag. */
#define OVS_XDP_PUSH_VLAN 16

/* With a key of three words, IPv4's, 64 bytes: a line of most caches. */
struct ovs_xdp_flow {
    __u16 action;               /* OVS_XDP_*. */
    struct ovs_xdp_rewrite rewrite;     /* For OVS_XDP_REDIRECT. */
    __u32 port;                 /* Likewise. */
    __u64 n_packets;
    __u64 n_bytes;              /* Of frames, from the Ethernet header on, as
                                 * they were received. */
};

#define OVS_XDP_N_SLOTS 4               /* Of a bucket. */
#define OVS_XDP_SLOT_SIZE(WORDS) ((WORDS) * 8 + sizeof(struct ovs_xdp_flow))

/* Goes on with 'hash', which is 0 at first, of a masked key by its words from
 * 'first' up to 'end'. */
static inline __attribute__((always_inline)) __u64
ovs_xdp_hash(__u64 hash, const __u64 *words, int first, int end)
{
#pragma GCC unroll 8
    for (int i = first; i < end; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The two buckets of a key with 'hash', that of all its words, of 'mask' + 1
 * in all, a power of 2 up to 65536. */
static inline __attribute__((always_inline)) __u32
ovs_xdp_bucket(__u64 hash, int which, __u32 mask)
{
    return hash >> (which ? 48 : 8) & mask;
}

/* A mask.  The flows of one all have the same 'proto', if that is not
 * OVS_XDP_ANY_PROTO, so that other packets need not look it up. */
#define OVS_XDP_ANY_PROTO 256
struct ovs_xdp_mask {
    __u64 words[OVS_XDP_KEY_WORDS]; /* 'head.mask' is 0 in them. */
    __u64 tag;                  /* Word 0 of a key that is nothing but
                                 * 'head.mask'. */
    __u32 proto;
    __u32 shape;                /* OVS_XDP_SHAPE_*. */

    /* Looking up a key in vain is what costs most.  Only one whose bit, that
     * is, ovs_xdp_filter_bit(), is set here can be that of a flow. */
    __u64 filter;
};

/* The bit of a key, 0 to 63, by the hash of its words before the Ethernet
 * addresses, if it has others, too, otherwise of all.  A longer filter would
 * need an index, which makes the kernel's verifier look at ten times as many
 * states. */
static inline __attribute__((always_inline)) __u32
ovs_xdp_filter_bit(__u64 hash)
{
    return hash >> 26 & 63;
}

#define OVS_XDP_MAX_MASKS 32            /* Of a port, a power of 2. */
#define OVS_XDP_MAX_LENGTHS 16          /* Of prefixes, in each family. */

/* Masks and the lengths of blocked prefixes, as the program uses them. */
struct ovs_xdp_tables {
    /* Masks of a family are 'n[family]' from 'first[family]' on, those first
     * that match most often. */
    __u32 first[OVS_XDP_N_FAMILIES];
    __u32 n[OVS_XDP_N_FAMILIES];
    __u32 n_lengths[OVS_XDP_N_FAMILIES];
    __u32 used;                 /* Bit 1 << family: has masks or lengths. */
    __u32 ether;                /* Likewise: has masks with addresses. */
    __u8 lengths[OVS_XDP_N_FAMILIES][OVS_XDP_MAX_LENGTHS];
    __u32 pad;
    struct ovs_xdp_mask masks[OVS_XDP_MAX_MASKS];
};

/* The state of a port. */
struct ovs_xdp_port {
    __u32 enabled;              /* 0: all packets go to the socket. */
    __u32 active;               /* Which of 'tables' is in use, 0 or 1. */
    __u32 empty_verdict;        /* XDP_DROP or XDP_PASS, for packets to a
                                 * socket that is not there. */
    __u32 capture;              /* Of dropped packets so many in 2**32 are
                                 * captured; UINT32_MAX: all; 0: none. */
    __u64 lease_end;            /* Flows count up to this time, in ns as
                                 * CLOCK_MONOTONIC; 0: without end. */
    __u32 capture_len;          /* Bytes of each at most, from 1 on. */

    /* The program's own: was the lease over in that tick of the kernel's?
     * Userspace sets the tick to 0 to have that found out anew. */
    __u32 lease_over;
    __u64 lease_tick;
    struct ovs_xdp_tables tables[2];
};

/* Blocked prefixes.  Bits of 'addr' behind 'length' are 0. */
struct ovs_xdp_prefix4 {
    __u32 length;
    __be32 addr;
};

struct ovs_xdp_prefix6 {
    __u64 length;
    __be64 addr[2];
};

struct ovs_xdp_block {
    __u64 n_packets;
    __u64 n_bytes;
};

/* A dropped packet that was captured, in the processor's buffer of the map
 * "samples".  Behind it are the first 'cap_len' bytes of the packet. */
struct ovs_xdp_sample {
    __u64 ns;                   /* When, as CLOCK_MONOTONIC. */
    __u32 ifindex;              /* On which interface it came. */
    __u32 len;                  /* Of the frame. */
    __u32 cap_len;
    __u32 pad;
};
#define OVS_XDP_MAX_CAPTURE_LEN 4096

/* What a port counts, by processor. */
enum ovs_xdp_counter {
    /* To the socket, as the program is not sure how userspace reads it. */
    OVS_XDP_N_SHORT,            /* No whole Ethernet header and tag. */
    OVS_XDP_N_LLC,              /* 802.2. */
    OVS_XDP_N_TAGS,             /* Two tags, or one of another type. */
    OVS_XDP_N_MPLS,
    OVS_XDP_N_BAD_IPV4,         /* Lengths contradict one another. */
    OVS_XDP_N_BAD_IPV6,
    OVS_XDP_N_IPV6_EXT,         /* Has an extension header. */
    OVS_XDP_N_BAD_L4,           /* Cut off, or lengths contradict. */

    /* To the socket for other reasons. */
    OVS_XDP_N_EXPIRED,          /* Nobody has renewed the lease. */
    OVS_XDP_N_RETIRED,          /* The flow is being deleted. */
    OVS_XDP_N_NO_DEVICE,        /* Not in the device map. */
    OVS_XDP_N_NO_HEADROOM,      /* No room for a tag. */

    OVS_XDP_N_BLOCKED,          /* Dropped, as the source is blocked. */
    OVS_XDP_N_COUNTERS
};

#endif /* lib/xdp-abi.h */
