/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_NETLINK_H
#define ILA_NETLINK_H 1

/* Messages of the generic netlink family OVS_ILA_FAMILY, which is documented
 * in <openvswitch/extension-abi.h>: what requests consist of, and what answers
 * say.
 *
 * Pure: no sockets.  Every function is reentrant. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpif-ila.h"
#include "ila-table.h"

struct ofpbuf;

/* Entries in one OVS_ILA_ATTR_ENTRIES at most, whose length has 16 bits. */
#define ILA_NETLINK_MAX_ENTRIES 1024

/* Append attributes to a request. */
void ila_netlink_put_match(struct ofpbuf *, const struct ila_match *);
void ila_netlink_put_entry(struct ofpbuf *, const struct ila_mapping *);
void ila_netlink_put_entries(struct ofpbuf *, const struct ila_mapping[],
                             size_t n);
void ila_netlink_put_filter(struct ofpbuf *, const struct ila_filter *);
void ila_netlink_put_lookup(struct ofpbuf *, unsigned int dirs,
                            uint16_t in_port, const struct in6_addr *);

/* What an answer may have. */
enum ila_netlink_part {
    ILA_NETLINK_ENTRY = 1 << 0,
    ILA_NETLINK_ADDR = 1 << 1,
    ILA_NETLINK_CURSOR = 1 << 2,
    ILA_NETLINK_N = 1 << 3,
    ILA_NETLINK_DIRS = 1 << 4,
    ILA_NETLINK_COUNTS = 1 << 5,
    ILA_NETLINK_USAGE = 1 << 6, /* Both USAGE and MAX. */
};

/* Members whose bit is not in 'parts' are zero. */
struct ila_netlink_reply {
    unsigned int parts;
    struct dpif_ila_entry entry;
    struct in6_addr addr;
    uint64_t cursor;
    uint32_t n;
    unsigned int dirs;          /* ILA_PATH_*. */
    uint64_t counts[ILA_N_COUNTS];
    struct ila_table_usage usage;
};

/* Parses the answer in 'msg', from the netlink header on.  Returns true if it
 * has what 'parts' names, whole and in range; attributes that are not known
 * and counts that are not are passed over. */
bool ila_netlink_parse(const struct ofpbuf *msg, unsigned int parts,
                       struct ila_netlink_reply *);

/* Returns the index of the entry that an error in 'msg' is about, or 0 if it
 * does not say. */
uint32_t ila_netlink_bad_index(const struct ofpbuf *msg);

#endif /* ila-netlink.h */
