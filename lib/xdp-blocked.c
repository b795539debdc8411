/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-blocked.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "extension-config.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"
#include "xdp-loader.h"
#include "xdp-table.h"

VLOG_DEFINE_THIS_MODULE(xdp_blocked);

#define V4_IN_V6_BITS 96

static bool
is_ipv4(const struct xdp_prefix *prefix)
{
    return (prefix->length >= V4_IN_V6_BITS
            && IN6_IS_ADDR_V4MAPPED(&prefix->addr));
}

static unsigned int
own_length(const struct xdp_prefix *prefix)
{
    return prefix->length - (is_ipv4(prefix) ? V4_IN_V6_BITS : 0);
}

const char *
xdp_prefix_parse(const char *s, struct xdp_prefix *prefix)
{
    const char *slash = strchr(s, '/');
    char addr[INET6_ADDRSTRLEN];
    struct in6_addr mask, masked;
    unsigned int length, bits;
    ovs_be32 ip;

    memset(prefix, 0, sizeof *prefix);
    ovs_strlcpy(addr, s, MIN(sizeof addr, slash ? slash - s + 1 : SIZE_MAX));
    /* Others are not as strict: to ip_parse(), 300 is 44. */
    if (inet_pton(AF_INET, addr, &ip) == 1) {
        in6_addr_set_mapped_ipv4(&prefix->addr, ip);
        bits = 32;
    } else if (inet_pton(AF_INET6, addr, &prefix->addr) == 1) {
        bits = 128;
        if (IN6_IS_ADDR_V4MAPPED(&prefix->addr)) {
            return "is IPv4 in the form of IPv6";
        }
    } else {
        return "is not an address, or a prefix of one";
    }
    length = bits;
    if (slash && (slash[1 + strspn(slash + 1, "0123456789")]
                  || !str_to_uint(slash + 1, 10, &length) || length > bits)) {
        return "has a length that cannot be";
    } else if (!length) {
        return "would block everybody";
    }
    prefix->length = length + (128 - bits);
    mask = ipv6_create_mask(prefix->length);
    masked = ipv6_addr_bitand(&prefix->addr, &mask);
    if (!ipv6_addr_equals(&masked, &prefix->addr)) {
        return "has bits behind its length";
    }
    return NULL;
}

bool
xdp_prefix_equals(const struct xdp_prefix *a, const struct xdp_prefix *b)
{
    return a->length == b->length && ipv6_addr_equals(&a->addr, &b->addr);
}

void
xdp_prefix_format(const struct xdp_prefix *prefix, struct ds *ds)
{
    ipv6_format_mapped(&prefix->addr, ds);
    ds_put_format(ds, "/%u", own_length(prefix));
}

const char *
xdp_blocked_check(const struct xdp_prefix *prefixes, size_t n)
{
    struct xdp_lengths lengths[2];
    size_t n_family[2] = { 0, 0 };

    memset(lengths, 0, sizeof lengths);
    for (size_t i = 0; i < n; i++) {
        bool v4 = is_ipv4(&prefixes[i]);

        if (n_family[v4]++ >= XDP_MAX_BLOCKED) {
            return "there are 65536 already";
        }
        if (xdp_lengths_add(&lengths[v4], own_length(&prefixes[i]))) {
            return "there are 16 other lengths already";
        }
    }
    return NULL;
}

#if XDP_OFFLOAD
struct blocked {
    struct hmap_node node;
    struct xdp_prefix prefix;
    bool present;               /* In the kernel. */
    bool wanted;                /* While xdp_blocked_set() compares. */
};

static struct hmap list = HMAP_INITIALIZER(&list);
static struct xdp_lengths lengths_v4, lengths_v6;
static struct xdp_dp *dp;

static struct xdp_lengths *
lengths_of(const struct xdp_prefix *prefix)
{
    return is_ipv4(prefix) ? &lengths_v4 : &lengths_v6;
}

static uint32_t
hash_prefix(const struct xdp_prefix *prefix)
{
    return hash_bytes(&prefix->addr, sizeof prefix->addr, prefix->length);
}

static struct blocked *
find(const struct xdp_prefix *prefix)
{
    struct blocked *b;

    HMAP_FOR_EACH_WITH_HASH (b, node, hash_prefix(prefix), &list) {
        if (xdp_prefix_equals(&b->prefix, prefix)) {
            return b;
        }
    }
    return NULL;
}

static void
log_failure(const struct blocked *b, const char *what, int error)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    xdp_prefix_format(&b->prefix, &ds);
    VLOG_ERR("%s %s failed (%s)", what, ds_cstr(&ds), ovs_strerror(error));
    ds_destroy(&ds);
}

static void
make_present(struct blocked *b)
{
    int error = dp ? xdp_dp_block(dp, &b->prefix.addr, b->prefix.length) : 0;

    if (error) {
        log_failure(b, "blocking", error);
    }
    b->present = dp && !error;
}

static bool
add(const struct xdp_prefix *prefix)
{
    struct blocked *b;

    if (xdp_lengths_add(lengths_of(prefix), own_length(prefix))) {
        return false;
    }
    b = xzalloc(sizeof *b);
    b->prefix = *prefix;
    b->wanted = true;
    hmap_insert(&list, &b->node, hash_prefix(prefix));
    make_present(b);
    return true;
}

static void
remove_blocked(struct blocked *b)
{
    struct ovs_xdp_block last;

    if (b->present) {
        int error = xdp_dp_unblock(dp, &b->prefix.addr, b->prefix.length,
                                   &last);

        if (error) {
            log_failure(b, "unblocking", error);
        }
    }
    xdp_lengths_remove(lengths_of(&b->prefix), own_length(&b->prefix));
    hmap_remove(&list, &b->node);
    free(b);
}

void
xdp_blocked_start(struct xdp_dp *dp_)
{
    struct blocked *b;

    dp = dp_;
    HMAP_FOR_EACH (b, node, &list) {
        make_present(b);
    }
}

bool
xdp_blocked_set(const struct xdp_prefix *prefixes, size_t n)
{
    bool changed = false;
    struct blocked *b;

    HMAP_FOR_EACH (b, node, &list) {
        b->wanted = false;
    }
    for (size_t i = 0; i < n; i++) {
        b = find(&prefixes[i]);
        if (b) {
            b->wanted = true;
        }
    }
    HMAP_FOR_EACH_SAFE (b, node, &list) {
        if (!b->wanted) {
            remove_blocked(b);
            changed = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!find(&prefixes[i])) {
            changed |= add(&prefixes[i]);
        }
    }
    return changed;
}

void
xdp_blocked_get_lengths(struct ovs_xdp_tables *tables)
{
    xdp_lengths_get(&lengths_v4, OVS_XDP_IPV4, tables);
    xdp_lengths_get(&lengths_v6, OVS_XDP_IPV6, tables);
}

static int
compare_blocked(const void *a_, const void *b_)
{
    const struct blocked *a = *(struct blocked *const *) a_;
    const struct blocked *b = *(struct blocked *const *) b_;
    int cmp = is_ipv4(&b->prefix) - is_ipv4(&a->prefix);

    if (!cmp) {
        cmp = memcmp(&a->prefix.addr, &b->prefix.addr, sizeof a->prefix.addr);
    }
    return (cmp ? cmp : a->prefix.length < b->prefix.length ? -1
            : a->prefix.length > b->prefix.length);
}

struct json *
xdp_blocked_list(void)
{
    struct blocked **all = xcalloc(hmap_count(&list) + 1, sizeof *all);
    struct json *array = json_array_create_empty();
    struct blocked *b;
    size_t n = 0;

    HMAP_FOR_EACH (b, node, &list) {
        all[n++] = b;
    }
    qsort(all, n, sizeof *all, compare_blocked);
    for (size_t i = 0; i < n; i++) {
        struct json *object = json_object_create();
        struct ovs_xdp_block counts = { 0, 0 };
        struct ds ds = DS_EMPTY_INITIALIZER;

        b = all[i];
        if (b->present) {
            xdp_dp_block_read(dp, &b->prefix.addr, b->prefix.length, &counts);
        }
        xdp_prefix_format(&b->prefix, &ds);
        json_object_put_string(object, "prefix", ds_cstr(&ds));
        ds_destroy(&ds);
        json_object_put(object, "packets",
                        json_integer_create(counts.n_packets));
        json_object_put(object, "bytes", json_integer_create(counts.n_bytes));
        json_array_add(array, object);
    }
    free(all);
    return array;
}
#endif /* XDP_OFFLOAD */
