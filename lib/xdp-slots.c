/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-slots.h"

#include <errno.h>
#include <string.h>

#include "util.h"

/* Ways of a key: two buckets with all their slots. */
#define N_WAYS (2 * OVS_XDP_N_SLOTS)

/* One line of a cache; and rewrites are compared as memory. */
BUILD_ASSERT_DECL(OVS_XDP_SLOT_SIZE(OVS_XDP_V4_WORDS) == 64);
BUILD_ASSERT_DECL(sizeof(struct ovs_xdp_rewrite) == 18);

#define MIN_BUCKETS 16
#define MAX_BUCKETS 65536       /* See ovs_xdp_bucket(). */

/* Of slots a third is free at least. */
uint32_t
xdp_slots_n_buckets(unsigned int n_flows)
{
    uint32_t n = MIN_BUCKETS;

    while (n < MAX_BUCKETS
           && n * OVS_XDP_N_SLOTS < n_flows + (uint64_t) n_flows / 2) {
        n *= 2;
    }
    return n;
}

size_t
xdp_slots_bucket_size(size_t n_words)
{
    return OVS_XDP_N_SLOTS * OVS_XDP_SLOT_SIZE(n_words);
}

static uint64_t *
slot_at(const struct xdp_slots *s, uint32_t bucket, size_t i)
{
    return ALIGNED_CAST(uint64_t *, (char *) s->buckets
                        + bucket * xdp_slots_bucket_size(s->n_words)
                        + i * OVS_XDP_SLOT_SIZE(s->n_words));
}

static struct ovs_xdp_flow *
slot_flow(const struct xdp_slots *s, uint64_t *slot)
{
    return ALIGNED_CAST(struct ovs_xdp_flow *, slot + s->n_words);
}

/* The slots in which 'key' may be, those of one bucket first. */
static void
slots_of(const struct xdp_slots *s, const union ovs_xdp_key *key,
         uint64_t *slots[N_WAYS])
{
    uint64_t hash = ovs_xdp_hash(0, key->words, 0, s->n_words);

    for (size_t i = 0; i < N_WAYS; i++) {
        uint32_t bucket = ovs_xdp_bucket(hash, i / OVS_XDP_N_SLOTS,
                                         s->bucket_mask);

        slots[i] = slot_at(s, bucket, i % OVS_XDP_N_SLOTS);
    }
}

struct ovs_xdp_flow *
xdp_slots_find(const struct xdp_slots *s, const union ovs_xdp_key *key)
{
    uint64_t *slots[N_WAYS];

    slots_of(s, key, slots);
    for (size_t i = 0; i < N_WAYS; i++) {
        if (!memcmp(slots[i], key->words, s->n_words * sizeof *slots[i])) {
            return slot_flow(s, slots[i]);
        }
    }
    return NULL;
}

/* The first free one of the slots of a bucket, or NULL; '*n' becomes the
 * number of those that are. */
static uint64_t *
free_slot(uint64_t *const slots[OVS_XDP_N_SLOTS], size_t *n)
{
    uint64_t *slot = NULL;

    *n = 0;
    for (size_t i = 0; i < OVS_XDP_N_SLOTS; i++) {
        if (!slots[i][0]) {
            slot = slot ? slot : slots[i];
            *n += 1;
        }
    }
    return slot;
}

int
xdp_slots_insert(struct xdp_slots *s, const union ovs_xdp_key *key,
                 const struct ovs_xdp_flow *flow)
{
    uint64_t *slots[N_WAYS], *first, *second, *slot;
    size_t n_first, n_second;

    ovs_assert(key->words[0]);
    if (xdp_slots_find(s, key)) {
        return EEXIST;
    }

    /* The bucket with more room, so that few become full, and of equal ones
     * that which is looked at first. */
    slots_of(s, key, slots);
    first = free_slot(slots, &n_first);
    second = free_slot(slots + OVS_XDP_N_SLOTS, &n_second);
    slot = n_second > n_first ? second : first;
    if (!slot) {
        return E2BIG;
    }

    *slot_flow(s, slot) = *flow;
    memcpy(slot + 1, key->words + 1, (s->n_words - 1) * sizeof *slot);
    __atomic_store_n(&slot[0], key->words[0], __ATOMIC_RELEASE);
    return 0;
}

void
xdp_slots_retire(struct ovs_xdp_flow *flow)
{
    __atomic_store_n(&flow->action, OVS_XDP_SOCKET, __ATOMIC_SEQ_CST);
}

void
xdp_slots_remove(struct xdp_slots *s, struct ovs_xdp_flow *flow)
{
    uint64_t *slot = ALIGNED_CAST(uint64_t *, flow) - s->n_words;

    __atomic_store_n(&slot[0], 0, __ATOMIC_SEQ_CST);
    memset(slot + 1, 0, (s->n_words - 1) * sizeof *slot);
    memset(flow, 0, sizeof *flow);
}

void
xdp_slots_read(const struct ovs_xdp_flow *flow, struct ovs_xdp_flow *copy)
{
    *copy = *flow;
    copy->n_packets = __atomic_load_n(&flow->n_packets, __ATOMIC_RELAXED);
    copy->n_bytes = __atomic_load_n(&flow->n_bytes, __ATOMIC_RELAXED);
}

void
xdp_slots_for_each(const struct xdp_slots *s, xdp_slots_cb *cb, void *aux)
{
    for (uint32_t bucket = 0; bucket <= s->bucket_mask; bucket++) {
        for (size_t i = 0; i < OVS_XDP_N_SLOTS; i++) {
            uint64_t *slot = slot_at(s, bucket, i);

            if (slot[0]) {
                union ovs_xdp_key key = { .words = { 0 } };
                struct ovs_xdp_flow flow;

                memcpy(key.words, slot, s->n_words * sizeof *slot);
                xdp_slots_read(slot_flow(s, slot), &flow);
                cb(&key, &flow, aux);
            }
        }
    }
}
