/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_RULES_H
#define VRF_RULES_H 1

/* Policy rules: in which tables a packet is looked up, in which order.
 *
 * The order and the meaning of rules are Linux's: "local" comes first unless
 * somebody moved it.  One rule after the other says whether it matches; one
 * that matches names a table or an end; the next one comes if the table has no
 * answer.
 *
 * Whoever asks learns which parts of the packet that depended on, as few as
 * possible: a rule that does not match because of the device does not make its
 * addresses matter.
 *
 * Thread-safety: lists do not change; to change rules is to make another list.
 * Any number of threads may read one. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrf-addr.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ds;
struct json;

/* What rules look at. */
struct vrf_flow {
    enum vrf_family family;
    struct vrf_addr src;        /* All zeros if not known. */
    struct vrf_addr dst;
    uint32_t mark;
    uint32_t iif;               /* Device that it came in by, VRF_IIF_LOCAL if
                                 * it was made here. */
    uint32_t oif;               /* Device that it has to go by, or 0. */
    uint32_t iif_vrf;           /* VRF device of 'iif', or 0. */
    uint32_t oif_vrf;           /* Likewise of 'oif'. */
    uint32_t vrf_table;         /* Table of the VRF that it is in, or 0. */
    uint8_t tos;                /* The whole byte. */
    uint8_t proto;
    uint16_t sport, dport;      /* In host byte order. */
};
#define VRF_IIF_LOCAL 1         /* Index of the loopback device. */

/* What an answer depended on, apart from devices and the VRF. */
struct vrf_used {
    uint8_t src_bits;           /* The first ones. */
    uint8_t dst_bits;
    uint8_t tos_mask;
    uint32_t mark_mask;
    bool proto, sport, dport;
};

enum vrf_rule_action {
    VRF_RULE_TABLE,
    VRF_RULE_GOTO,
    VRF_RULE_NOP,
    VRF_RULE_BLACKHOLE,
    VRF_RULE_UNREACHABLE,
    VRF_RULE_PROHIBIT,
};

/* What a rule has, apart from its priority and action. */
enum vrf_rule_part {
    VRF_RULE_SRC = 1 << 0,
    VRF_RULE_DST = 1 << 1,
    VRF_RULE_IIF = 1 << 2,
    VRF_RULE_OIF = 1 << 3,
    VRF_RULE_MARK = 1 << 4,
    VRF_RULE_TOS = 1 << 5,
    VRF_RULE_PROTO = 1 << 6,
    VRF_RULE_SPORT = 1 << 7,
    VRF_RULE_DPORT = 1 << 8,
    VRF_RULE_L3MDEV = 1 << 9,   /* In a VRF, whose table it is. */
    VRF_RULE_INVERT = 1 << 10,  /* Matches if it would not. */
    VRF_RULE_OTHER = 1 << 11,   /* Looks at what a packet in a datapath does
                                 * not have, a user for example. */
};

/* Members that 'parts' does not name are zero. */
struct vrf_rule {
    uint32_t priority;          /* Lower ones come first. */
    uint16_t parts;             /* VRF_RULE_*. */
    uint8_t action;             /* enum vrf_rule_action. */
    uint8_t protocol;           /* Who made it, RTPROT_*. */
    struct vrf_prefix src, dst;
    char iif[IFNAMSIZ], oif[IFNAMSIZ];
    uint32_t iif_index, oif_index; /* Of these devices now, or 0. */
    uint32_t mark, mark_mask;
    uint8_t tos, tos_mask;
    uint8_t proto;
    uint16_t sport[2], dport[2]; /* First and last. */
    uint32_t table;             /* VRF_RULE_TABLE. */
    uint32_t target;            /* VRF_RULE_GOTO: priority of a later rule. */
    int32_t suppress_len;       /* No answer with a prefix of this length or
                                 * less; -1 for none. */
    int32_t suppress_group;     /* No answer by a device of this group; -1 for
                                 * none. */
};

/* A rule that matches everything. */
void vrf_rule_init(struct vrf_rule *);

/* Are they the same rule, whatever the indexes of their devices? */
bool vrf_rule_equal(const struct vrf_rule *, const struct vrf_rule *);

struct vrf_rules {
    enum vrf_family family;
    bool inexact;               /* A rule has VRF_RULE_OTHER: it never matches,
                                 * answers may be others than Linux's. */
    size_t n;
    struct vrf_rule rules[];    /* By priority, then by age. */
};

/* Returns a list of these rules, sorted by priority; those of equal priority
 * stay in order.  The caller frees it. */
struct vrf_rules *vrf_rules_create(enum vrf_family, const struct vrf_rule[],
                                   size_t n);

/* The rules that Linux begins with. */
struct vrf_rules *vrf_rules_default(enum vrf_family);

/* Returns the first rule from '*pos' on that matches 'flow' and names a table
 * or an end, null if there is none; follows "goto".  Adds to 'used' what that
 * depended on.  Begin with '*pos' 0; for the one after it, call it again. */
const struct vrf_rule *vrf_rules_next(const struct vrf_rules *, size_t *pos,
                                      const struct vrf_flow *flow,
                                      struct vrf_used *used);

/* The table that the rule, whose action that is, has for 'flow'. */
uint32_t vrf_rule_table(const struct vrf_rule *, const struct vrf_flow *);

/* Appends the rule as "ip rule" writes it. */
void vrf_rule_format(enum vrf_family, const struct vrf_rule *, struct ds *);

/* The same as JSON, members like those of "ip -json rule". */
struct json *vrf_rule_to_json(enum vrf_family, const struct vrf_rule *);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-rules.h */
