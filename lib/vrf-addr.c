/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-addr.h"

#include <arpa/inet.h>

#include "packets.h"

enum vrf_family
vrf_addr_from_in6(const struct in6_addr *ip, struct vrf_addr *addr)
{
    if (IN6_IS_ADDR_V4MAPPED(ip)) {
        *addr = vrf_addr_from_ipv4(in6_addr_get_mapped_ipv4(ip));
        return VRF_IPV4;
    }
    *addr = vrf_addr_from_ipv6(ip);
    return VRF_IPV6;
}

struct in6_addr
vrf_addr_to_in6(enum vrf_family family, const struct vrf_addr *addr)
{
    return (family == VRF_IPV4 ? in6_addr_mapped_ipv4(vrf_addr_to_ipv4(addr))
            : vrf_addr_to_ipv6(addr));
}

void
vrf_addr_format(enum vrf_family family, const struct vrf_addr *a, struct ds *s)
{
    if (family == VRF_IPV4) {
        ds_put_format(s, IP_FMT, IP_ARGS(vrf_addr_to_ipv4(a)));
    } else {
        struct in6_addr ip = vrf_addr_to_ipv6(a);

        ipv6_format_addr(&ip, s);
    }
}

void
vrf_prefix_format(enum vrf_family family, const struct vrf_prefix *p,
                  struct ds *s)
{
    vrf_addr_format(family, &p->addr, s);
    ds_put_format(s, "/%"PRIu8, p->len);
}

bool
vrf_addr_parse(const char *s, enum vrf_family *family, struct vrf_addr *a)
{
    struct in6_addr ip6;
    ovs_be32 ip4;

    if (ip_parse(s, &ip4)) {
        *family = VRF_IPV4;
        *a = vrf_addr_from_ipv4(ip4);
        return true;
    } else if (ipv6_parse(s, &ip6)) {
        *family = VRF_IPV6;
        *a = vrf_addr_from_ipv6(&ip6);
        return true;
    }
    return false;
}
