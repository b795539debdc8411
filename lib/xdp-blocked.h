/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_BLOCKED_H
#define XDP_BLOCKED_H 1

/* Prefixes of source addresses whose packets XDP drops.
 *
 * Those of struct xdp_prefix are pure functions.  The others are for
 * lib/xdp-offload.h, which serializes them, and there only if XDP_OFFLOAD
 * (extension-config.h) is 1; they keep the list whether there is a datapath or
 * not. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds;
struct json;
struct ovs_xdp_tables;
struct xdp_dp;

/* In each family. */
#define XDP_MAX_BLOCKED 65536

struct xdp_prefix {
    struct in6_addr addr;       /* IPv4 is mapped into IPv6. */
    unsigned int length;        /* 96 more for IPv4. */
};

/* Parses ADDRESS or ADDRESS/LENGTH.  Returns NULL or what is wrong with it,
 * a constant. */
const char *xdp_prefix_parse(const char *, struct xdp_prefix *);
bool xdp_prefix_equals(const struct xdp_prefix *, const struct xdp_prefix *);
void xdp_prefix_format(const struct xdp_prefix *, struct ds *);

/* Can all of these, which are different, be blocked at a time?  Returns NULL
 * or why not, a constant. */
const char *xdp_blocked_check(const struct xdp_prefix *, size_t n);

/* From now on, 'dp' has the list. */
void xdp_blocked_start(struct xdp_dp *dp);

/* Makes the list these.  Returns true if lengths of prefixes have changed,
 * which are to be published. */
bool xdp_blocked_set(const struct xdp_prefix *, size_t n);

void xdp_blocked_get_lengths(struct ovs_xdp_tables *);

/* Prefixes and their counters, to be freed. */
struct json *xdp_blocked_list(void);

#endif /* lib/xdp-blocked.h */
