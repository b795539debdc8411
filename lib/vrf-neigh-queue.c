/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-neigh-queue.h"

#include <limits.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "util.h"

#define INTERVAL 1000

struct next_hop {
    struct hmap_node node;      /* In 'next_hops'. */
    struct ovs_list by_time;    /* In 'by_time'. */
    struct vrf_neigh_key key;
    struct ovs_list items;      /* Of struct vrf_neigh_item, oldest first. */
    size_t n_items, n_bytes;
    unsigned int n_asked;
    long long int due;          /* When to ask, or to give up. */
};

struct vrf_neigh_queue {
    const struct vrf_neigh_queue_class *class;
    void *aux;
    struct hmap next_hops;
    struct ovs_list by_time;    /* Of next hops, by 'due'. */
    unsigned int n_of_vrf[UINT16_MAX + 1];
};

struct vrf_neigh_queue *
vrf_neigh_queue_create(const struct vrf_neigh_queue_class *class, void *aux)
{
    struct vrf_neigh_queue *q = xzalloc(sizeof *q);

    q->class = class;
    q->aux = aux;
    hmap_init(&q->next_hops);
    ovs_list_init(&q->by_time);
    return q;
}

static struct vrf_neigh_item *
take_first(struct vrf_neigh_queue *q, struct next_hop *h)
{
    struct vrf_neigh_item *item;

    item = CONTAINER_OF(ovs_list_pop_front(&h->items), struct vrf_neigh_item,
                        node);
    h->n_items--;
    h->n_bytes -= item->bytes;
    q->n_of_vrf[item->vrf]--;
    return item;
}

/* Forgets 'h'; what waited goes to 'cb', which may add packets. */
static void
finish(struct vrf_neigh_queue *q, struct next_hop *h,
       void (*cb)(struct vrf_neigh_item *, void *aux))
{
    hmap_remove(&q->next_hops, &h->node);
    ovs_list_remove(&h->by_time);
    while (h->n_items) {
        cb(take_first(q, h), q->aux);
    }
    free(h);
}

void
vrf_neigh_queue_destroy(struct vrf_neigh_queue *q)
{
    struct next_hop *h;

    if (q) {
        HMAP_FOR_EACH_SAFE (h, node, &q->next_hops) {
            finish(q, h, q->class->drop);
        }
        hmap_destroy(&q->next_hops);
        free(q);
    }
}

static uint32_t
hash_key(const struct vrf_neigh_key *key)
{
    return hash_bytes(&key->addr, sizeof key->addr,
                      hash_2words(key->family, key->ifindex));
}

static struct next_hop *
find(const struct vrf_neigh_queue *q, const struct vrf_neigh_key *key)
{
    struct next_hop *h;

    HMAP_FOR_EACH_WITH_HASH (h, node, hash_key(key), &q->next_hops) {
        if (h->key.family == key->family && h->key.ifindex == key->ifindex
            && vrf_addr_equal(&h->key.addr, &key->addr)) {
            return h;
        }
    }
    return NULL;
}

static void
ask(struct vrf_neigh_queue *q, struct next_hop *h, long long int now)
{
    h->n_asked++;
    h->due = now + INTERVAL;
    ovs_list_push_back(&q->by_time, &h->by_time);
    q->class->ask(&h->key, q->aux);
}

void
vrf_neigh_queue_add(struct vrf_neigh_queue *q,
                    const struct vrf_neigh_key *key,
                    struct vrf_neigh_item *item, long long int now)
{
    struct next_hop *h;

    if (q->class->state(key, q->aux) == VRF_NEIGH_KNOWN) {
        q->class->go(item, q->aux);
        return;
    }
    if (q->n_of_vrf[item->vrf] >= VRF_NEIGH_MAX_VRF
        || item->bytes > VRF_NEIGH_MAX_BYTES) {
        q->class->drop(item, q->aux);
        return;
    }
    h = find(q, key);
    if (!h) {
        h = xzalloc(sizeof *h);
        h->key = *key;
        ovs_list_init(&h->items);
        hmap_insert(&q->next_hops, &h->node, hash_key(key));
        ask(q, h, now);
    }
    while (h->n_items >= VRF_NEIGH_MAX_PACKETS
           || h->n_bytes + item->bytes > VRF_NEIGH_MAX_BYTES) {
        q->class->drop(take_first(q, h), q->aux);
    }
    ovs_list_push_back(&h->items, &item->node);
    h->n_items++;
    h->n_bytes += item->bytes;
    q->n_of_vrf[item->vrf]++;
}

/* Looks at what is known.  Returns whether 'h' is still there. */
static bool
look(struct vrf_neigh_queue *q, struct next_hop *h)
{
    switch (q->class->state(&h->key, q->aux)) {
    case VRF_NEIGH_KNOWN:
        finish(q, h, q->class->go);
        return false;
    case VRF_NEIGH_GONE:
        finish(q, h, q->class->fail);
        return false;
    case VRF_NEIGH_PENDING:
        return true;
    }
    OVS_NOT_REACHED();
}

void
vrf_neigh_queue_run(struct vrf_neigh_queue *q, bool changed,
                    long long int now)
{
    struct next_hop *h;

    if (changed) {
        LIST_FOR_EACH_SAFE (h, by_time, &q->by_time) {
            look(q, h);
        }
    }
    while (!ovs_list_is_empty(&q->by_time)) {
        h = CONTAINER_OF(ovs_list_front(&q->by_time), struct next_hop,
                         by_time);
        if (h->due > now) {
            break;
        }
        if (!look(q, h)) {
            continue;
        }
        if (h->n_asked >= VRF_NEIGH_TRIES) {
            finish(q, h, q->class->fail);
        } else {
            ovs_list_remove(&h->by_time);
            ask(q, h, now);
        }
    }
}

long long int
vrf_neigh_queue_deadline(const struct vrf_neigh_queue *q)
{
    return (ovs_list_is_empty(&q->by_time) ? LLONG_MAX
            : CONTAINER_OF(ovs_list_front(&q->by_time), struct next_hop,
                           by_time)->due);
}
