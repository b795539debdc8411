/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "icmp-error.h"

#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "packets.h"
#include "util.h"

#define TTL 64

/* What an error has at most, RFC 1812 section 4.3.2.3 and RFC 4443 section 2.4
 * (c). */
#define IP_MAX_LEN 576
#define IPV6_MAX_LEN 1280

/* RFC 1812 section 4.3.2.5; bits of the type of service that stay. */
#define TOS_INTERNETWORK_CONTROL 0xc0
#define TOS_KEPT 0x1e

static const struct {
    const char *name;
    uint8_t type4, code4;
    uint8_t type6, code6;
} errors[N_ICMP_ERRORS] = {
    [ICMP_ERROR_TTL] = { "ttl", 11, 0, 3, 0 },
    [ICMP_ERROR_NO_ROUTE] = { "no-route", 3, 0, 1, 0 },
    [ICMP_ERROR_UNREACHABLE] = { "unreachable", 3, 1, 1, 0 },
    [ICMP_ERROR_PROHIBITED] = { "prohibited", 3, 13, 1, 1 },
    [ICMP_ERROR_NEIGHBOUR] = { "neighbour", 3, 1, 1, 3 },
    [ICMP_ERROR_TOO_BIG] = { "too-big", 3, 4, 2, 0 },
};

const char *
icmp_error_name(enum icmp_error error)
{
    return errors[error].name;
}

bool
icmp_error_from_name(const char *name, enum icmp_error *error)
{
    for (size_t i = 0; i < N_ICMP_ERRORS; i++) {
        if (!strcmp(name, errors[i].name)) {
            *error = i;
            return true;
        }
    }
    return false;
}

/* The IP packet in a frame. */
struct ip_data {
    const char *data;
    size_t len;                 /* Without what pads the frame. */
    ovs_be16 dl_type;
};

/* Sets '*ip' to what 'packet' carries.  Returns false if that is not IP whose
 * header is there as a whole. */
static bool
find_ip(const struct dp_packet *packet, struct ip_data *ip)
{
    const char *data = dp_packet_data(packet);
    size_t len = dp_packet_size(packet);
    size_t total;

    if (len < ETH_HEADER_LEN) {
        return false;
    }
    memcpy(&ip->dl_type, data + ETH_HEADER_LEN - sizeof ip->dl_type,
           sizeof ip->dl_type);
    data += ETH_HEADER_LEN;
    len -= ETH_HEADER_LEN;
    while (eth_type_vlan(ip->dl_type)) {
        if (len < VLAN_HEADER_LEN) {
            return false;
        }
        memcpy(&ip->dl_type, data + VLAN_HEADER_LEN - sizeof ip->dl_type,
               sizeof ip->dl_type);
        data += VLAN_HEADER_LEN;
        len -= VLAN_HEADER_LEN;
    }
    ip->data = data;
    if (ip->dl_type == htons(ETH_TYPE_IP)) {
        const struct ip_header *nh = (const void *) data;

        if (len < IP_HEADER_LEN || IP_VER(nh->ip_ihl_ver) != 4
            || IP_IHL(nh->ip_ihl_ver) * 4 < IP_HEADER_LEN
            || len < IP_IHL(nh->ip_ihl_ver) * 4) {
            return false;
        }
        total = ntohs(nh->ip_tot_len);
        if (total < IP_IHL(nh->ip_ihl_ver) * 4) {
            return false;
        }
    } else if (ip->dl_type == htons(ETH_TYPE_IPV6)) {
        ovs_be16 payload;

        if (len < IPV6_HEADER_LEN || (uint8_t) data[0] >> 4 != 6) {
            return false;
        }
        memcpy(&payload, data + offsetof(struct ovs_16aligned_ip6_hdr,
                                         ip6_plen), sizeof payload);
        total = IPV6_HEADER_LEN + ntohs(payload);
    } else {
        return false;
    }
    ip->len = MIN(len, total);
    return true;
}

/* Whether 'type' of ICMP is an error, or not known not to be one. */
static bool
icmp_type_is_error(uint8_t type)
{
    switch (type) {
    case ICMP4_ECHO_REPLY:
    case ICMP4_ECHO_REQUEST:
    case ICMP4_TIMESTAMP:
    case ICMP4_TIMESTAMPREPLY:
    case ICMP4_INFOREQUEST:
    case ICMP4_INFOREPLY:
    case 9:                     /* Router advertisement and solicitation. */
    case 10:
    case 17:                    /* Address mask. */
    case 18:
        return false;
    default:
        return true;
    }
}

static const char *
ip_bars(const struct ip_data *ip)
{
    const struct ip_header *nh = (const void *) ip->data;
    size_t header_len = IP_IHL(nh->ip_ihl_ver) * 4;
    ovs_be32 src = get_16aligned_be32(&nh->ip_src);
    ovs_be32 dst = get_16aligned_be32(&nh->ip_dst);

    if (nh->ip_frag_off & htons(IP_FRAG_OFF_MASK)) {
        return "is a later fragment";
    } else if (ip_is_multicast(dst) || dst == htonl(INADDR_BROADCAST)) {
        return "is for many";
    } else if (!(src & htonl(0xff000000))
               || (src & htonl(0xff000000)) == htonl(0x7f000000)
               || (src & htonl(0xe0000000)) == htonl(0xe0000000)) {
        return "source is not one host";
    } else if (nh->ip_proto == IPPROTO_ICMP
               && (ip->len <= header_len
                   || icmp_type_is_error(ip->data[header_len]))) {
        return "is an ICMP error";
    }
    return NULL;
}

/* Finds out what follows the extension headers.  Returns the protocol, with
 * '*offset' set to where its header begins, or IPPROTO_NONE for a later
 * fragment and where headers do not end. */
static uint8_t
ipv6_upper_layer(const struct ip_data *ip, size_t *offset)
{
    uint8_t next = ip->data[offsetof(struct ovs_16aligned_ip6_hdr, ip6_nxt)];

    *offset = IPV6_HEADER_LEN;
    for (;;) {
        const uint8_t *header = (const uint8_t *) ip->data + *offset;

        switch (next) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
        case IPPROTO_AH:
        case IPPROTO_FRAGMENT:
            break;
        default:
            return next;
        }
        if (*offset + 8 > ip->len) {
            return IPPROTO_NONE;
        }
        if (next == IPPROTO_FRAGMENT) {
            if (header[2] || header[3] & 0xf8) {
                return IPPROTO_NONE;
            }
            *offset += 8;
        } else {
            *offset += (next == IPPROTO_AH ? (header[1] + 2) * 4
                        : (header[1] + 1) * 8);
        }
        next = header[0];
    }
}

/* RFC 4443 section 2.4 (e): an error, or Redirect.  What is cut off could be
 * one. */
static bool
is_icmpv6_error(const struct ip_data *ip)
{
    size_t offset;

    return (ipv6_upper_layer(ip, &offset) == IPPROTO_ICMPV6
            && (offset >= ip->len || !(ip->data[offset] & 0x80)
                || (uint8_t) ip->data[offset] == ND_REDIRECT));
}

static const char *
ipv6_bars(const struct ip_data *ip, enum icmp_error error)
{
    struct in6_addr src, dst;

    memcpy(&src, ip->data + offsetof(struct ovs_16aligned_ip6_hdr, ip6_src),
           sizeof src);
    memcpy(&dst, ip->data + offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst),
           sizeof dst);
    if (ipv6_addr_is_multicast(&dst) && error != ICMP_ERROR_TOO_BIG) {
        return "is for many";
    } else if (ipv6_addr_is_multicast(&src) || ipv6_addr_equals(&src,
                                                               &in6addr_any)
               || ipv6_addr_equals(&src, &in6addr_loopback)) {
        return "source is not one host";
    } else if (is_icmpv6_error(ip)) {
        return "is an ICMP error";
    }
    return NULL;
}

const char *
icmp_error_bars(const struct dp_packet *packet, enum icmp_error error)
{
    const struct eth_header *eth = dp_packet_data(packet);
    struct ip_data ip;

    if (!find_ip(packet, &ip)) {
        return "is not IP";
    } else if (eth_addr_is_multicast(eth->eth_dst)
               && !(error == ICMP_ERROR_TOO_BIG
                    && ip.dl_type == htons(ETH_TYPE_IPV6))) {
        return "is for many";
    }
    return (ip.dl_type == htons(ETH_TYPE_IP) ? ip_bars(&ip)
            : ipv6_bars(&ip, error));
}

static void
put_ip(struct dp_packet *to, const struct ip_data *about,
       enum icmp_error error, uint32_t mtu, const struct in6_addr *source)
{
    const struct ip_header *old = (const void *) about->data;
    size_t quoted = MIN(about->len,
                        IP_MAX_LEN - IP_HEADER_LEN - ICMP_HEADER_LEN);
    size_t icmp_len = ICMP_HEADER_LEN + quoted;
    struct icmp_header *icmp;
    struct ip_header *nh;

    nh = dp_packet_put_zeros(to, IP_HEADER_LEN);
    nh->ip_ihl_ver = IP_IHL_VER(IP_HEADER_LEN / 4, 4);
    nh->ip_tos = (old->ip_tos & TOS_KEPT) | TOS_INTERNETWORK_CONTROL;
    nh->ip_tot_len = htons(IP_HEADER_LEN + icmp_len);
    nh->ip_ttl = TTL;
    nh->ip_proto = IPPROTO_ICMP;
    put_16aligned_be32(&nh->ip_src, in6_addr_get_mapped_ipv4(source));
    nh->ip_dst = old->ip_src;
    nh->ip_csum = csum(nh, sizeof *nh);

    icmp = dp_packet_put_zeros(to, ICMP_HEADER_LEN);
    icmp->icmp_type = errors[error].type4;
    icmp->icmp_code = errors[error].code4;
    if (error == ICMP_ERROR_TOO_BIG) {
        icmp->icmp_fields.frag.mtu = htons(MIN(mtu, UINT16_MAX));
    }
    dp_packet_put(to, about->data, quoted);
    icmp->icmp_csum = csum(icmp, icmp_len);
}

static void
put_ipv6(struct dp_packet *to, const struct ip_data *about,
         enum icmp_error error, uint32_t mtu, const struct in6_addr *source)
{
    const struct ovs_16aligned_ip6_hdr *old = (const void *) about->data;
    size_t quoted = MIN(about->len, IPV6_MAX_LEN - IPV6_HEADER_LEN
                                    - ICMP6_DATA_HEADER_LEN);
    size_t icmp_len = ICMP6_DATA_HEADER_LEN + quoted;
    struct icmp6_data_header *icmp;
    struct ovs_16aligned_ip6_hdr *nh;

    nh = dp_packet_put_zeros(to, IPV6_HEADER_LEN);
    put_16aligned_be32(&nh->ip6_flow, htonl(6 << 28));
    nh->ip6_plen = htons(icmp_len);
    nh->ip6_nxt = IPPROTO_ICMPV6;
    nh->ip6_hlim = TTL;
    memcpy(&nh->ip6_src, source, sizeof nh->ip6_src);
    nh->ip6_dst = old->ip6_src;

    icmp = dp_packet_put_zeros(to, ICMP6_DATA_HEADER_LEN);
    icmp->icmp6_base.icmp6_type = errors[error].type6;
    icmp->icmp6_base.icmp6_code = errors[error].code6;
    if (error == ICMP_ERROR_TOO_BIG) {
        put_16aligned_be32(icmp->icmp6_data.be32, htonl(mtu));
    }
    dp_packet_put(to, about->data, quoted);
    icmp->icmp6_base.icmp6_cksum = packet_csum_upperlayer6(
        nh, icmp, IPPROTO_ICMPV6, icmp_len);
}

struct dp_packet *
icmp_error_compose(const struct dp_packet *packet, enum icmp_error error,
                   uint32_t mtu, const struct in6_addr *source)
{
    const struct eth_header *old = dp_packet_data(packet);
    struct dp_packet *to;
    struct eth_header *eth;
    struct ip_data about;

    if (!find_ip(packet, &about)) {
        OVS_NOT_REACHED();
    }
    /* As a whole, so that no header moves when the next one is put. */
    to = dp_packet_new(ETH_HEADER_LEN + IPV6_MAX_LEN);
    eth = dp_packet_put_zeros(to, ETH_HEADER_LEN);
    eth->eth_dst = old->eth_src;
    eth->eth_src = old->eth_dst;
    eth->eth_type = about.dl_type;
    dp_packet_set_l3(to, dp_packet_tail(to));
    if (about.dl_type == htons(ETH_TYPE_IP)) {
        put_ip(to, &about, error, mtu, source);
    } else {
        put_ipv6(to, &about, error, mtu, source);
    }
    return to;
}
