/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "icmp-limit.h"

#include "hash.h"
#include "packets.h"
#include "util.h"

/* Tokens that come in a millisecond, those that there are at most, and what an
 * error costs. */
struct price {
    unsigned int rate, max, cost;
};
static const struct price all_price = { 1, 50, 1 };
static const struct price mtu_price = { 20, 1000, 1 };
static const struct price receiver_price = { 1, 6000, 1000 };

struct receiver {
    struct hmap_node node;      /* In 'receivers'. */
    struct ovs_list by_use;     /* In 'by_use'. */
    struct in6_addr address;
    struct icmp_bucket bucket;
};

static void
bucket_init(struct icmp_bucket *bucket, const struct price *price,
            long long int now)
{
    bucket->tokens = price->max;
    bucket->filled = now;
}

static bool
bucket_pay(struct icmp_bucket *bucket, const struct price *price,
           long long int now)
{
    if (now > bucket->filled) {
        /* Not so long that it could overflow. */
        unsigned int elapsed = MIN(now - bucket->filled, price->max);

        bucket->tokens = MIN(bucket->tokens + elapsed * price->rate,
                             price->max);
        bucket->filled = now;
    }
    if (bucket->tokens < price->cost) {
        return false;
    }
    bucket->tokens -= price->cost;
    return true;
}

void
icmp_limit_init(struct icmp_limit *limit, long long int now)
{
    *limit = (struct icmp_limit) { .sent = { 0 } };
    bucket_init(&limit->all, &all_price, now);
    bucket_init(&limit->mtu, &mtu_price, now);
    hmap_init(&limit->receivers);
    ovs_list_init(&limit->by_use);
}

static void
forget(struct icmp_limit *limit, struct receiver *r)
{
    hmap_remove(&limit->receivers, &r->node);
    ovs_list_remove(&r->by_use);
    free(r);
}

void
icmp_limit_destroy(struct icmp_limit *limit)
{
    struct receiver *r;

    LIST_FOR_EACH_SAFE (r, by_use, &limit->by_use) {
        forget(limit, r);
    }
    hmap_destroy(&limit->receivers);
}

/* Returns the receiver at 'address', as the one last used. */
static struct receiver *
get_receiver(struct icmp_limit *limit, const struct in6_addr *address,
             long long int now)
{
    uint32_t hash = hash_bytes(address, sizeof *address, 0);
    struct receiver *r;

    HMAP_FOR_EACH_WITH_HASH (r, node, hash, &limit->receivers) {
        if (ipv6_addr_equals(&r->address, address)) {
            ovs_list_remove(&r->by_use);
            ovs_list_push_back(&limit->by_use, &r->by_use);
            return r;
        }
    }
    if (hmap_count(&limit->receivers) >= ICMP_LIMIT_MAX_RECEIVERS) {
        forget(limit, CONTAINER_OF(ovs_list_front(&limit->by_use),
                                   struct receiver, by_use));
    }
    r = xmalloc(sizeof *r);
    r->address = *address;
    bucket_init(&r->bucket, &receiver_price, now);
    hmap_insert(&limit->receivers, &r->node, hash);
    ovs_list_push_back(&limit->by_use, &r->by_use);
    return r;
}

/* The limit of all comes first: beyond it nobody is remembered, thus a flood
 * from many addresses costs no memory and no time.  What one receiver may not
 * have is left to others. */
static bool
pay(struct icmp_limit *limit, enum icmp_error error,
    const struct in6_addr *receiver, long long int now)
{
    if (error == ICMP_ERROR_TOO_BIG) {
        return bucket_pay(&limit->mtu, &mtu_price, now);
    } else if (!bucket_pay(&limit->all, &all_price, now)) {
        return false;
    } else if (!bucket_pay(&get_receiver(limit, receiver, now)->bucket,
                           &receiver_price, now)) {
        limit->all.tokens += all_price.cost;
        return false;
    }
    return true;
}

bool
icmp_limit_allows(struct icmp_limit *limit, enum icmp_error error,
                  const struct in6_addr *receiver, long long int now)
{
    bool allowed = pay(limit, error, receiver, now);

    if (allowed) {
        limit->sent[error]++;
    } else {
        limit->suppressed[error]++;
    }
    return allowed;
}
