/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "id-pool.h"
#include "util.h"

/* Number 0 is nobody's. */
#define FIRST_MASK 1
#define N_MASKS (UINT16_MAX - 1)

struct xdp_mask {
    struct ovs_list rules;      /* Of struct xdp_rule. */
    size_t n_rules;
    uint32_t id;
    enum ovs_xdp_family family;
    enum ovs_xdp_shape shape;
    uint32_t proto;
    union ovs_xdp_key words;
    uint64_t heat;              /* Sum of that of the rules. */
};

struct xdp_table {
    struct xdp_table_limits limits;
    struct id_pool *ids;        /* Of masks of all ports. */
    struct hmap rules;          /* Of struct xdp_rule, by key. */
    struct heap by_heat[OVS_XDP_N_SHAPES];
    size_t n_ports;
};

struct xdp_table_port {
    struct xdp_table *table;
    void *aux;

    /* In the order in which they were published; new ones behind. */
    struct xdp_mask *masks[OVS_XDP_MAX_MASKS];
    unsigned int n_masks;
    bool changed;               /* Since xdp_table_port_tables(). */

    /* Numbers of masks that are gone.  The first 'n_unseen' are not in what
     * xdp_table_port_tables() returned last. */
    uint32_t *dead;
    size_t n_dead, n_unseen, allocated_dead;
};

struct xdp_table *
xdp_table_create(const struct xdp_table_limits *limits)
{
    struct xdp_table *table = xzalloc(sizeof *table);

    table->limits = *limits;
    table->ids = id_pool_create(FIRST_MASK, N_MASKS);
    hmap_init(&table->rules);
    for (size_t i = 0; i < OVS_XDP_N_SHAPES; i++) {
        heap_init(&table->by_heat[i]);
    }
    return table;
}

void
xdp_table_destroy(struct xdp_table *table)
{
    if (table) {
        ovs_assert(!table->n_ports && hmap_is_empty(&table->rules));
        for (size_t i = 0; i < OVS_XDP_N_SHAPES; i++) {
            heap_destroy(&table->by_heat[i]);
        }
        hmap_destroy(&table->rules);
        id_pool_destroy(table->ids);
        free(table);
    }
}

unsigned int
xdp_table_count(const struct xdp_table *table, enum ovs_xdp_shape shape)
{
    return heap_count(&table->by_heat[shape]);
}

struct xdp_table_port *
xdp_table_port_add(struct xdp_table *table, void *aux)
{
    struct xdp_table_port *port = xzalloc(sizeof *port);

    port->table = table;
    port->aux = aux;
    table->n_ports++;
    return port;
}

void *
xdp_table_port_aux(const struct xdp_table_port *port)
{
    return port->aux;
}

unsigned int
xdp_table_port_n_masks(const struct xdp_table_port *port)
{
    return port->n_masks;
}

static uint32_t
key_hash(enum ovs_xdp_shape shape, const union ovs_xdp_key *key)
{
    return hash_bytes(key, xdp_shape_words(shape) * sizeof key->words[0],
                      shape);
}

static struct xdp_rule *
find_rule(const struct xdp_table *table, enum ovs_xdp_shape shape,
          const union ovs_xdp_key *key)
{
    struct xdp_rule *rule;

    HMAP_FOR_EACH_WITH_HASH (rule, hmap_node, key_hash(shape, key),
                             &table->rules) {
        if (rule->shape == shape && !memcmp(&rule->key, key, sizeof *key)) {
            return rule;
        }
    }
    return NULL;
}

/* The heap has the largest number first, we want the coldest. */
static uint64_t
priority(uint64_t heat)
{
    return UINT64_MAX - heat;
}

static bool
pushes_out(uint64_t heat, uint64_t other)
{
    return heat / XDP_HEAT_MARGIN > other;
}

static struct xdp_rule *
coldest_rule(const struct xdp_table *table, enum ovs_xdp_shape shape)
{
    const struct heap *heap = &table->by_heat[shape];

    return heap_is_empty(heap) ? NULL
           : CONTAINER_OF(heap_max(heap), struct xdp_rule, heap_node);
}

static void
set_heat(struct xdp_table *table, struct xdp_rule *rule, uint64_t heat)
{
    rule->mask->heat += heat - rule->heat;
    rule->heat = heat;
    heap_change(&table->by_heat[rule->shape], &rule->heap_node,
                priority(heat));
}

static void
kill_mask(struct xdp_table_port *port, struct xdp_mask *mask)
{
    unsigned int i = 0;

    while (port->masks[i] != mask) {
        i++;
    }
    port->n_masks--;
    memmove(&port->masks[i], &port->masks[i + 1],
            (port->n_masks - i) * sizeof port->masks[0]);
    port->changed = true;

    if (port->n_dead >= port->allocated_dead) {
        port->dead = x2nrealloc(port->dead, &port->allocated_dead,
                                sizeof *port->dead);
    }
    port->dead[port->n_dead++] = mask->id;
    free(mask);
}

void
xdp_table_remove(struct xdp_table *table, struct xdp_rule *rule)
{
    struct xdp_mask *mask = rule->mask;

    hmap_remove(&table->rules, &rule->hmap_node);
    heap_remove(&table->by_heat[rule->shape], &rule->heap_node);
    ovs_list_remove(&rule->list_node);
    rule->mask = NULL;
    mask->heat -= rule->heat;
    if (!--mask->n_rules) {
        kill_mask(rule->port, mask);
    }
}

void
xdp_rule_free(struct xdp_rule *rule)
{
    ovs_assert(!rule || !rule->mask);
    free(rule);
}

static void
evict_mask(struct xdp_table_port *port, struct xdp_mask *mask,
           struct ovs_list *evicted)
{
    for (size_t n = mask->n_rules; n > 0; n--) {
        struct xdp_rule *rule = CONTAINER_OF(ovs_list_front(&mask->rules),
                                             struct xdp_rule, list_node);

        xdp_table_remove(port->table, rule);
        ovs_list_push_back(evicted, &rule->list_node);
    }
}

void
xdp_table_port_remove(struct xdp_table_port *port, struct ovs_list *evicted)
{
    while (port->n_masks) {
        evict_mask(port, port->masks[0], evicted);
    }
    for (size_t i = 0; i < port->n_dead; i++) {
        id_pool_free_id(port->table->ids, port->dead[i]);
    }
    port->table->n_ports--;
    free(port->dead);
    free(port);
}

static struct xdp_mask *
find_mask(const struct xdp_table_port *port, const struct xdp_flow *flow)
{
    for (unsigned int i = 0; i < port->n_masks; i++) {
        struct xdp_mask *mask = port->masks[i];

        if (mask->shape == flow->shape && mask->proto == flow->proto
            && !memcmp(&mask->words, &flow->mask, sizeof mask->words)) {
            return mask;
        }
    }
    return NULL;
}

static struct xdp_mask *
coldest_mask(const struct xdp_table_port *port)
{
    struct xdp_mask *coldest = port->masks[0];

    for (unsigned int i = 1; i < port->n_masks; i++) {
        if (port->masks[i]->heat < coldest->heat) {
            coldest = port->masks[i];
        }
    }
    return coldest;
}

int
xdp_table_add(struct xdp_table_port *port, const struct xdp_flow *flow,
              const struct xdp_flow_action *action, uint64_t heat,
              long long int now, void *aux, struct xdp_rule **rulep,
              struct ovs_list *evicted)
{
    struct xdp_table *table = port->table;
    struct xdp_mask *mask = find_mask(port, flow);
    struct xdp_mask *old_mask = NULL;
    union ovs_xdp_key key = flow->key;
    struct xdp_rule *rule;
    uint32_t id;

    *rulep = NULL;
    if (mask) {
        key.head.mask = mask->id;
        if (find_rule(table, flow->shape, &key)) {
            return EEXIST;
        }
    } else if (port->n_masks >= OVS_XDP_MAX_MASKS) {
        old_mask = coldest_mask(port);
        if (!pushes_out(heat, old_mask->heat)) {
            return ENOSPC;
        }
    }
    if (heap_count(&table->by_heat[flow->shape])
        >= table->limits.max_rules[flow->shape]
        && !(old_mask && old_mask->shape == flow->shape)) {
        struct xdp_rule *old = coldest_rule(table, flow->shape);

        if (!old || !pushes_out(heat, old->heat)) {
            return E2BIG;
        }
        /* Together with its mask the mask that we want might go. */
        if (old->mask == mask && mask->n_rules == 1) {
            mask = NULL;
        }
        if (!mask && !id_pool_alloc_id(table->ids, &id)) {
            return ENOSPC;
        }
        xdp_table_remove(table, old);
        ovs_list_push_back(evicted, &old->list_node);
    } else if (!mask && !id_pool_alloc_id(table->ids, &id)) {
        return ENOSPC;
    }

    if (!mask) {
        if (port->n_masks >= OVS_XDP_MAX_MASKS) {
            evict_mask(port, old_mask, evicted);
        }
        mask = xzalloc(sizeof *mask);
        mask->id = id;
        ovs_list_init(&mask->rules);
        mask->family = flow->family;
        mask->shape = flow->shape;
        mask->proto = flow->proto;
        mask->words = flow->mask;
        port->masks[port->n_masks++] = mask;
        port->changed = true;
    }

    rule = xzalloc(sizeof *rule);
    rule->mask = mask;
    rule->port = port;
    rule->shape = flow->shape;
    rule->key = flow->key;
    rule->key.head.mask = mask->id;
    rule->action = *action;
    rule->aux = aux;
    rule->heat = heat;
    rule->heated = now;
    ovs_list_push_back(&mask->rules, &rule->list_node);
    mask->n_rules++;
    mask->heat += heat;
    hmap_insert(&table->rules, &rule->hmap_node,
                key_hash(rule->shape, &rule->key));
    heap_insert(&table->by_heat[rule->shape], &rule->heap_node,
                priority(heat));
    *rulep = rule;
    return 0;
}

void
xdp_rule_read(struct xdp_table *table, struct xdp_rule *rule,
              const struct ovs_xdp_flow *flow, long long int now,
              uint64_t *n_packets, uint64_t *n_bytes)
{
    long long int interval = now - rule->heated;

    *n_packets = flow->n_packets - rule->n_packets;
    *n_bytes = flow->n_bytes - rule->n_bytes;
    rule->n_packets = flow->n_packets;
    rule->n_bytes = flow->n_bytes;
    if (*n_packets) {
        rule->used = now;
    }
    /* Of less than a moment no rate can be told. */
    if (rule->mask && interval > 0) {
        uint64_t rate = (rule->n_packets - rule->n_heated) * 1000 / interval;

        set_heat(table, rule, rule->heat / 2 + rate / 2
                 + (rule->heat & rate & 1));
        rule->heated = now;
        rule->n_heated = rule->n_packets;
    }
}

/* Order in which masks are looked up. */
static int
compare_masks(const void *a_, const void *b_)
{
    const struct xdp_mask *a = *(struct xdp_mask *const *) a_;
    const struct xdp_mask *b = *(struct xdp_mask *const *) b_;

    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    } else if (a->heat != b->heat) {
        return a->heat > b->heat ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

bool
xdp_table_port_stale(const struct xdp_table_port *port)
{
    if (port->changed) {
        return true;
    }
    for (unsigned int i = 1; i < port->n_masks; i++) {
        const struct xdp_mask *before = port->masks[i - 1];
        const struct xdp_mask *mask = port->masks[i];

        if (mask->family == before->family
            && pushes_out(mask->heat, before->heat)) {
            return true;
        }
    }
    return false;
}

/* With an atomic operation, as this may be memory of the program. */
static void
set_filter_bit(struct ovs_xdp_mask *mask, const union ovs_xdp_key *key)
{
    static const unsigned int n_words[] = {
        [OVS_XDP_SHAPE_L2] = OVS_XDP_L2_WORDS,
        [OVS_XDP_SHAPE_V4] = OVS_XDP_V4_WORDS,
        [OVS_XDP_SHAPE_V4_ETH] = OVS_XDP_V4_WORDS,
        [OVS_XDP_SHAPE_V6] = OVS_XDP_V6_WORDS,
        [OVS_XDP_SHAPE_V6_ETH] = OVS_XDP_V6_WORDS,
    };
    uint32_t bit;

    BUILD_ASSERT_DECL(ARRAY_SIZE(n_words) == OVS_XDP_N_SHAPES);
    bit = ovs_xdp_filter_bit(ovs_xdp_hash(0, key->words, 0,
                                          n_words[mask->shape]));
    __atomic_fetch_or(&mask->filter, UINT64_C(1) << bit, __ATOMIC_RELAXED);
}

void
xdp_tables_admit(struct ovs_xdp_tables *t, enum ovs_xdp_shape shape,
                 const union ovs_xdp_key *key)
{
    union ovs_xdp_key tag = { .head = { .mask = key->head.mask } };

    for (unsigned int i = 0; i < OVS_XDP_MAX_MASKS; i++) {
        if (t->masks[i].tag == tag.words[0] && t->masks[i].shape == shape) {
            set_filter_bit(&t->masks[i], key);
        }
    }
}

void
xdp_table_port_tables(struct xdp_table_port *port, struct ovs_xdp_tables *t)
{
    qsort(port->masks, port->n_masks, sizeof port->masks[0], compare_masks);

    t->used = t->ether = 0;
    memset(t->first, 0, sizeof t->first);
    memset(t->n, 0, sizeof t->n);
    memset(t->masks, 0, sizeof t->masks);
    for (unsigned int i = 0; i < port->n_masks; i++) {
        const struct xdp_mask *mask = port->masks[i];
        union ovs_xdp_key tag = { .head = { .mask = mask->id } };
        const struct xdp_rule *rule;

        memcpy(t->masks[i].words, mask->words.words, sizeof t->masks[i].words);
        t->masks[i].tag = tag.words[0];
        t->masks[i].proto = mask->proto;
        t->masks[i].shape = mask->shape;
        LIST_FOR_EACH (rule, list_node, &mask->rules) {
            set_filter_bit(&t->masks[i], &rule->key);
        }
        if (!t->n[mask->family]++) {
            t->first[mask->family] = i;
        }
        if (mask->shape != OVS_XDP_SHAPE_V4
            && mask->shape != OVS_XDP_SHAPE_V6) {
            t->ether |= 1u << mask->family;
        }
    }
    for (unsigned int i = 0; i < OVS_XDP_N_FAMILIES; i++) {
        if (t->n[i] || t->n_lengths[i]) {
            t->used |= 1u << i;
        }
    }
    port->changed = false;
    port->n_unseen = port->n_dead;
}

void
xdp_table_port_published(struct xdp_table_port *port)
{
    for (size_t i = 0; i < port->n_unseen; i++) {
        id_pool_free_id(port->table->ids, port->dead[i]);
    }
    port->n_dead -= port->n_unseen;
    memmove(port->dead, port->dead + port->n_unseen,
            port->n_dead * sizeof *port->dead);
    port->n_unseen = 0;
}

int
xdp_lengths_add(struct xdp_lengths *lengths, unsigned int length)
{
    ovs_assert(length > 0 && length < ARRAY_SIZE(lengths->n));
    if (!lengths->n[length]) {
        unsigned int n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(lengths->n); i++) {
            n += lengths->n[i] != 0;
        }
        if (n >= OVS_XDP_MAX_LENGTHS) {
            return ENOSPC;
        }
    }
    lengths->n[length]++;
    return 0;
}

void
xdp_lengths_remove(struct xdp_lengths *lengths, unsigned int length)
{
    ovs_assert(lengths->n[length]);
    lengths->n[length]--;
}

void
xdp_lengths_get(const struct xdp_lengths *lengths, enum ovs_xdp_family family,
                struct ovs_xdp_tables *t)
{
    uint8_t *list = t->lengths[family];
    unsigned int n = 0;

    memset(list, 0, sizeof t->lengths[family]);
    for (size_t i = 0; i < ARRAY_SIZE(lengths->n); i++) {
        unsigned int at;

        if (!lengths->n[i]) {
            continue;
        }
        for (at = n++; at > 0 && lengths->n[list[at - 1]] < lengths->n[i];
             at--) {
            list[at] = list[at - 1];
        }
        list[at] = i;
    }
    t->n_lengths[family] = n;
    if (n || t->n[family]) {
        t->used |= 1u << family;
    } else {
        t->used &= ~(1u << family);
    }
}
