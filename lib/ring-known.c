/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ring-known.h"

#include <string.h>

#include "dpif.h"
#include "hash.h"
#include "openvswitch/hmap.h"
#include "ovs-rcu.h"
#include "ring-server.h"
#include "util.h"

struct entry {
    struct hmap_node node;      /* By 'ufid' and 'pmd_id'. */
    ovs_u128 ufid;
    unsigned int pmd_id;
    uint32_t actions;           /* Hash. */
    struct dpif_flow_stats stats;
    bool ufid_present;
    bool offloaded;
    uint16_t epoch;             /* When it was seen last. */
};

/* Memory is charged for so many entries at once: with the allocator's overhead
 * and the table's two words, at its sparsest. */
#define CHUNK 1024
#define CHUNK_BYTES (CHUNK * (sizeof(struct entry) + 4 * sizeof(void *)))

struct ring_known {
    struct hmap entries;
    size_t room;                /* Entries that are charged for. */
    uint16_t epoch;
    bool overflown;

    /* Sweeping: the bucket, and the next entry in it. */
    size_t bucket;
    struct hmap_node *next;
};

struct ring_known *
ring_known_create(void)
{
    struct ring_known *known = xzalloc(sizeof *known);

    hmap_init(&known->entries);
    return known;
}

void
ring_known_destroy(struct ring_known *known)
{
    struct entry *e;

    if (known) {
        HMAP_FOR_EACH_POP (e, node, &known->entries) {
            free(e);
        }
        hmap_destroy(&known->entries);
        ring_server_uncharge(known->room / CHUNK * CHUNK_BYTES);
        free(known);
    }
}

void
ring_known_destroy_later(struct ring_known *known)
{
    ovsrcu_postpone(ring_known_destroy, known);
}

void
ring_known_begin(struct ring_known *known)
{
    while (known->room >= hmap_count(&known->entries) + 2 * CHUNK) {
        ring_server_uncharge(CHUNK_BYTES);
        known->room -= CHUNK;
    }
    hmap_shrink(&known->entries);
    known->epoch++;
    known->overflown = false;
    known->bucket = 0;
    known->next = NULL;
}

bool
ring_known_is_overflown(const struct ring_known *known)
{
    return known->overflown;
}

static uint32_t
hash_flow(const struct dpif_flow *f)
{
    return hash_int(f->pmd_id, f->ufid.u32[0]);
}

static struct entry *
find_entry(const struct ring_known *known, const struct dpif_flow *f)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, hash_flow(f), &known->entries) {
        if (ovs_u128_equals(e->ufid, f->ufid) && e->pmd_id == f->pmd_id) {
            return e;
        }
    }
    return NULL;
}

static struct entry *
add_entry(struct ring_known *known, const struct dpif_flow *f)
{
    struct entry *e;

    if (hmap_count(&known->entries) >= known->room) {
        if (!ring_server_charge(CHUNK_BYTES)) {
            known->overflown = true;
            return NULL;
        }
        known->room += CHUNK;
    }
    e = xzalloc(sizeof *e);
    e->ufid = f->ufid;
    e->ufid_present = f->ufid_present;
    e->pmd_id = f->pmd_id;
    hmap_insert(&known->entries, &e->node, hash_flow(f));
    return e;
}

static bool
stats_equal(const struct dpif_flow_stats *a, const struct dpif_flow_stats *b)
{
    return a->n_packets == b->n_packets && a->n_bytes == b->n_bytes
           && a->used == b->used && a->tcp_flags == b->tcp_flags;
}

enum ring_known_change
ring_known_see(struct ring_known *known, const struct dpif_flow *f)
{
    uint32_t actions = hash_bytes(f->actions, f->actions_len, 0);
    struct entry *e = find_entry(known, f);
    enum ring_known_change change;

    if (!e) {
        e = add_entry(known, f);
        if (!e) {
            return RING_KNOWN_NEW;
        }
        change = RING_KNOWN_NEW;
    } else if (e->actions != actions) {
        change = RING_KNOWN_NEW;
    } else {
        change = (stats_equal(&e->stats, &f->stats)
                  && e->offloaded == f->attrs.offloaded
                  ? RING_KNOWN_SAME : RING_KNOWN_STATS);
    }
    e->actions = actions;
    e->stats = f->stats;
    e->offloaded = f->attrs.offloaded;
    e->epoch = known->epoch;
    return change;
}

/* Nothing is added while it sweeps, so buckets stay where they are: removing
 * does not rehash. */
enum ring_sweep
ring_known_sweep(struct ring_known *known, struct dpif_flow *f)
{
    struct entry *e;

    while (!known->next) {
        if (known->bucket > known->entries.mask) {
            return RING_SWEEP_END;
        }
        known->next = known->entries.buckets[known->bucket++];
        if (!known->next) {
            return RING_SWEEP_KEPT;
        }
    }
    e = CONTAINER_OF(known->next, struct entry, node);
    known->next = e->node.next;
    if (e->epoch == known->epoch) {
        return RING_SWEEP_KEPT;
    }

    memset(f, 0, sizeof *f);
    f->ufid = e->ufid;
    f->ufid_present = e->ufid_present;
    f->pmd_id = e->pmd_id;
    f->stats = e->stats;
    f->attrs.offloaded = e->offloaded;
    hmap_remove(&known->entries, &e->node);
    free(e);
    return RING_SWEEP_GONE;
}
