/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_ADDR_H
#define VRF_ADDR_H 1

/* Addresses and prefixes of both families, as routing looks at them: a number
 * whose most significant bit is the first one of the address.
 *
 * Pure; every function is reentrant. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "byte-order.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/types.h"
#include "util.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vrf_family {
    VRF_IPV4,
    VRF_IPV6,
    VRF_N_FAMILIES
};

/* In host byte order.  An IPv4 address is the upper half of 'hi'; what is
 * behind an address or a prefix is 0. */
struct vrf_addr {
    uint64_t hi;
    uint64_t lo;
};

struct vrf_prefix {
    struct vrf_addr addr;
    uint8_t len;
};

static inline unsigned int
vrf_family_bits(enum vrf_family family)
{
    return family == VRF_IPV4 ? 32 : 128;
}

static inline struct vrf_addr
vrf_addr_from_ipv4(ovs_be32 ip)
{
    return (struct vrf_addr) { .hi = (uint64_t) ntohl(ip) << 32 };
}

static inline ovs_be32
vrf_addr_to_ipv4(const struct vrf_addr *a)
{
    return htonl(a->hi >> 32);
}

static inline struct vrf_addr
vrf_addr_from_ipv6(const struct in6_addr *ip)
{
    ovs_be64 half[2];

    memcpy(half, ip, sizeof half);
    return (struct vrf_addr) { ntohll(half[0]), ntohll(half[1]) };
}

static inline struct in6_addr
vrf_addr_to_ipv6(const struct vrf_addr *a)
{
    const ovs_be64 half[2] = { htonll(a->hi), htonll(a->lo) };
    struct in6_addr ip;

    memcpy(&ip, half, sizeof ip);
    return ip;
}

static inline bool
vrf_addr_equal(const struct vrf_addr *a, const struct vrf_addr *b)
{
    return a->hi == b->hi && a->lo == b->lo;
}

static inline bool
vrf_addr_is_zero(const struct vrf_addr *a)
{
    return !(a->hi | a->lo);
}

/* Returns how many of the first bits 'a' and 'b' have in common, 0 to 128. */
static inline unsigned int
vrf_addr_common(const struct vrf_addr *a, const struct vrf_addr *b)
{
    return a->hi != b->hi ? clz64(a->hi ^ b->hi) : 64 + clz64(a->lo ^ b->lo);
}

/* Returns the first 'len' bits of 'a', 0 to 128, zeros behind them. */
static inline struct vrf_addr
vrf_addr_cut(const struct vrf_addr *a, unsigned int len)
{
    return (struct vrf_addr) {
        len >= 64 ? a->hi : len ? a->hi & UINT64_MAX << (64 - len) : 0,
        len >= 128 ? a->lo : len > 64 ? a->lo & UINT64_MAX << (128 - len) : 0,
    };
}

static inline bool
vrf_prefix_contains(const struct vrf_prefix *p, const struct vrf_addr *a)
{
    return vrf_addr_common(&p->addr, a) >= p->len;
}

/* From and to an address of IPv6 or a mapped one of IPv4. */
enum vrf_family vrf_addr_from_in6(const struct in6_addr *,
                                  struct vrf_addr *);
struct in6_addr vrf_addr_to_in6(enum vrf_family, const struct vrf_addr *);

/* Appends the address, or the prefix as ADDRESS/LEN. */
void vrf_addr_format(enum vrf_family, const struct vrf_addr *, struct ds *);
void vrf_prefix_format(enum vrf_family, const struct vrf_prefix *,
                       struct ds *);

/* Parses an address of either family.  Returns false if 's' is none. */
bool vrf_addr_parse(const char *s, enum vrf_family *, struct vrf_addr *);

#ifdef __cplusplus
}
#endif

#endif /* lib/vrf-addr.h */
