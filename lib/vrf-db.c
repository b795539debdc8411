/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-db.h"

#include <stdlib.h>

#include "cmap.h"
#include "hash.h"
#include "ovs-rcu.h"
#include "util.h"
#include "vrf-route-event.h"

/* Things that are looked up by a key.  They do not change: to change one is to
 * put another one in its place. */
struct item {
    struct cmap_node node;
    bool marked;                /* Of the writer: not told since the mark. */
    union {
        struct vrf_device device;
        struct vrf_address address;
        struct vrf_neighbour neighbour;
    };
};

struct table {
    struct cmap_node node;      /* In 'tables', by family and 'id'. */
    uint32_t id;
    struct vrf_fib *fib;
};

struct tables {
    struct cmap map;
};

struct vrf_db {
    struct vrf_pool *pool;
    struct cmap devices;        /* Of items, by index. */
    struct cmap addresses;
    struct cmap neighbours;
    OVSRCU_TYPE(struct tables *) tables;
    OVSRCU_TYPE(struct vrf_rules *) rules[VRF_N_FAMILIES];
    atomic_bool skipped_routes; /* There are routes that are not here. */

    /* Of the writer. */
    bool own_vrfs;

    /* While all is told anew. */
    struct tables *shadow;
    struct vrf_rules *shadow_rules[VRF_N_FAMILIES];
    bool shadow_skipped;
    bool shadow_changed;        /* What has no shadow changed. */
};

/* Items. */

static uint32_t
hash_addr(uint32_t family, uint32_t ifindex, const struct vrf_addr *addr)
{
    return hash_bytes(addr, sizeof *addr, hash_2words(family, ifindex));
}

static struct item *
find_device(const struct vrf_db *db, uint32_t ifindex)
{
    struct item *item;

    CMAP_FOR_EACH_WITH_HASH (item, node, hash_int(ifindex, 0), &db->devices) {
        if (item->device.ifindex == ifindex) {
            return item;
        }
    }
    return NULL;
}

static struct item *
find_address(const struct vrf_db *db, const struct vrf_address *a)
{
    uint32_t hash = hash_addr(a->family, a->ifindex, &a->addr);
    struct item *item;

    CMAP_FOR_EACH_WITH_HASH (item, node, hash, &db->addresses) {
        if (item->address.family == a->family
            && item->address.ifindex == a->ifindex
            && item->address.len == a->len
            && vrf_addr_equal(&item->address.addr, &a->addr)) {
            return item;
        }
    }
    return NULL;
}

static struct item *
find_neighbour(const struct vrf_db *db, enum vrf_family family,
               uint32_t ifindex, const struct vrf_addr *addr)
{
    uint32_t hash = hash_addr(family, ifindex, addr);
    struct item *item;

    CMAP_FOR_EACH_WITH_HASH (item, node, hash, &db->neighbours) {
        if (item->neighbour.family == family
            && item->neighbour.ifindex == ifindex
            && vrf_addr_equal(&item->neighbour.addr, addr)) {
            return item;
        }
    }
    return NULL;
}

/* Puts 'new' in the place of 'old'; either may be null. */
static void
put_item(struct cmap *map, struct item *old, struct item *new, uint32_t hash)
{
    if (old && new) {
        cmap_replace(map, &old->node, &new->node, hash);
    } else if (new) {
        cmap_insert(map, &new->node, hash);
    } else if (old) {
        cmap_remove(map, &old->node, hash);
    }
    if (old) {
        ovsrcu_postpone(free, old);
    }
}

static void
mark_items(struct cmap *map)
{
    struct item *item;

    CMAP_FOR_EACH (item, node, map) {
        item->marked = true;
    }
}

static void
destroy_items(struct cmap *map)
{
    struct item *item;

    CMAP_FOR_EACH (item, node, map) {
        ovsrcu_postpone(free, item);
    }
    cmap_destroy(map);
}

/* Tables. */

static uint32_t
hash_table(enum vrf_family family, uint32_t id)
{
    return hash_2words(family, id);
}

static struct table *
find_table(const struct tables *tables, enum vrf_family family, uint32_t id)
{
    struct table *table;

    CMAP_FOR_EACH_WITH_HASH (table, node, hash_table(family, id),
                             &tables->map) {
        if (table->id == id && vrf_fib_family(table->fib) == family) {
            return table;
        }
    }
    return NULL;
}

static struct tables *
tables_create(void)
{
    struct tables *tables = xmalloc(sizeof *tables);

    cmap_init(&tables->map);
    return tables;
}

static void
tables_free(struct tables *tables)
{
    cmap_destroy(&tables->map);
    free(tables);
}

static void
tables_destroy(struct tables *tables)
{
    struct table *table;

    if (!tables) {
        return;
    }
    CMAP_FOR_EACH (table, node, &tables->map) {
        vrf_fib_destroy(table->fib);
        ovsrcu_postpone(free, table);
    }
    ovsrcu_postpone(tables_free, tables);
}

static struct tables *
live_tables(const struct vrf_db *db)
{
    return ovsrcu_get(struct tables *, &db->tables);
}

static struct table *
make_table(struct vrf_db *db, struct tables *tables, enum vrf_family family,
           uint32_t id)
{
    struct table *table = find_table(tables, family, id);

    if (!table) {
        table = xmalloc(sizeof *table);
        table->id = id;
        table->fib = vrf_fib_create(family, db->pool);
        if (tables != db->shadow) {
            vrf_fib_publish(table->fib);
        }
        cmap_insert(&tables->map, &table->node, hash_table(family, id));
    }
    return table;
}

static bool
tables_equal(const struct tables *a, const struct tables *b)
{
    const struct table *table;

    if (cmap_count(&a->map) != cmap_count(&b->map)) {
        return false;
    }
    CMAP_FOR_EACH (table, node, &a->map) {
        const struct table *other = find_table(b, vrf_fib_family(table->fib),
                                               table->id);

        if (!other || !vrf_fib_equal(table->fib, other->fib)) {
            return false;
        }
    }
    return true;
}

/* Rules. */

static struct vrf_rules *
live_rules(const struct vrf_db *db, enum vrf_family family)
{
    return ovsrcu_get(struct vrf_rules *, &db->rules[family]);
}

static bool
is_l3mdev(const struct vrf_rule *rule)
{
    return (rule->parts & VRF_RULE_L3MDEV) != 0;
}

/* Our own rule, which Linux does not have. */
static bool
is_own(const struct vrf_rule *rule)
{
    return is_l3mdev(rule) && rule->protocol == UINT8_MAX;
}

/* Returns 'old' with its devices as they are now, the rule 'plus' added and
 * that at index 'minus' left out, if it has one; and our own rule if need
 * be. */
static struct vrf_rules *
rules_rebuild(const struct vrf_db *db, const struct vrf_rules *old,
              const struct vrf_rule *plus, size_t minus)
{
    struct vrf_rule *rules = xmalloc((old->n + 2) * sizeof *rules);
    struct vrf_rules *new;
    bool has_l3mdev = false;
    size_t n = 0;

    for (size_t i = 0; i < old->n; i++) {
        if (i != minus && !is_own(&old->rules[i])) {
            rules[n++] = old->rules[i];
        }
    }
    if (plus) {
        rules[n++] = *plus;
    }
    for (size_t i = 0; i < n; i++) {
        const struct vrf_device *d;

        has_l3mdev |= is_l3mdev(&rules[i]);
        d = (rules[i].parts & VRF_RULE_IIF
             ? vrf_db_device_by_name(db, rules[i].iif) : NULL);
        rules[i].iif_index = d ? d->ifindex : 0;
        d = (rules[i].parts & VRF_RULE_OIF
             ? vrf_db_device_by_name(db, rules[i].oif) : NULL);
        rules[i].oif_index = d ? d->ifindex : 0;
    }
    if (db->own_vrfs && !has_l3mdev) {
        vrf_rule_init(&rules[n]);
        rules[n].priority = VRF_L3MDEV_PRIORITY;
        rules[n].parts = VRF_RULE_L3MDEV;
        rules[n++].protocol = UINT8_MAX;
    }
    new = vrf_rules_create(old->family, rules, n);
    free(rules);
    return new;
}

static bool
rules_equal(const struct vrf_rules *a, const struct vrf_rules *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!vrf_rule_equal(&a->rules[i], &b->rules[i])
            || a->rules[i].iif_index != b->rules[i].iif_index
            || a->rules[i].oif_index != b->rules[i].oif_index) {
            return false;
        }
    }
    return true;
}

/* Returns whether anything changed. */
static bool
publish_rules(struct vrf_db *db, enum vrf_family family,
              struct vrf_rules *new)
{
    struct vrf_rules *old = live_rules(db, family);

    if (rules_equal(old, new)) {
        free(new);
        return false;
    }
    ovsrcu_set(&db->rules[family], new);
    ovsrcu_postpone(free, old);
    return true;
}

static bool
refresh_rules(struct vrf_db *db)
{
    bool changed = false;

    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        changed |= publish_rules(db, f, rules_rebuild(db, live_rules(db, f),
                                                      NULL, SIZE_MAX));
    }
    return changed;
}

static size_t
find_rule(const struct vrf_rules *rules, const struct vrf_rule *rule)
{
    size_t i;

    for (i = 0; i < rules->n; i++) {
        if (vrf_rule_equal(&rules->rules[i], rule)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Events. */

static bool
apply_route(struct vrf_db *db, struct tables *tables,
            const struct vrf_event *event)
{
    const struct vrf_event_route *e = &event->route;
    struct table *table;

    if (e->unsupported) {
        if (tables == db->shadow) {
            db->shadow_skipped = true;
        } else {
            atomic_store_relaxed(&db->skipped_routes, true);
        }
        return false;
    }
    if (!event->gone) {
        table = make_table(db, tables, e->family, e->table);
        return vrf_route_event_add(db->pool, table->fib, e);
    }

    table = find_table(tables, e->family, e->table);
    if (!table || !vrf_route_event_del(db->pool, table->fib, e)) {
        return false;
    }

    struct vrf_fib_usage usage;

    vrf_fib_get_usage(table->fib, &usage);
    if (!usage.n_routes) {
        cmap_remove(&tables->map, &table->node,
                    hash_table(e->family, e->table));
        vrf_fib_destroy(table->fib);
        ovsrcu_postpone(free, table);
    }
    return true;
}

static unsigned int
apply_link(struct vrf_db *db, const struct vrf_event *event)
{
    const struct vrf_device *d = &event->link;
    struct item *old = find_device(db, d->ifindex);
    struct item *new = NULL;
    unsigned int effect;

    if (!event->gone) {
        const struct vrf_device *o = old ? &old->device : NULL;

        if (o && o->master == d->master && o->table == d->table
            && o->group == d->group && o->mtu == d->mtu && o->up == d->up
            && o->running == d->running && !strcmp(o->name, d->name)) {
            old->marked = false;
            return 0;
        }
        new = xzalloc(sizeof *new);
        new->device = *d;
    } else if (!old) {
        return 0;
    }

    /* Linux takes away IPv4 routes by devices that go down, and does not say
     * so; nor that hops came back. */
    effect = VRF_DB_CHANGED;
    if (old && (!new || old->device.up != d->up
                || old->device.running != d->running
                || old->device.master != d->master)) {
        effect |= VRF_DB_STALE;
    }
    put_item(&db->devices, old, new, hash_int(d->ifindex, 0));
    refresh_rules(db);
    return effect;
}

static unsigned int
apply_address(struct vrf_db *db, const struct vrf_event *event)
{
    const struct vrf_address *a = &event->address;
    struct item *old = find_address(db, a);
    struct item *new = NULL;

    if (!event->gone == !!old) {
        if (old) {
            old->marked = false;
        }
        return 0;
    }
    if (!event->gone) {
        new = xzalloc(sizeof *new);
        new->address = *a;
    }
    put_item(&db->addresses, old, new,
             hash_addr(a->family, a->ifindex, &a->addr));

    /* Routes with it as source go with it, silently. */
    return VRF_DB_CHANGED | (new ? 0 : VRF_DB_STALE);
}

static unsigned int
apply_neighbour(struct vrf_db *db, const struct vrf_event *event)
{
    const struct vrf_neighbour *n = &event->neighbour;
    struct item *old = find_neighbour(db, n->family, n->ifindex, &n->addr);
    struct item *new = NULL;

    if (!event->gone) {
        if (old && old->neighbour.state == n->state
            && eth_addr_equals(old->neighbour.mac, n->mac)) {
            old->marked = false;
            return 0;
        }
        new = xzalloc(sizeof *new);
        new->neighbour = *n;
    } else if (!old) {
        return 0;
    }
    put_item(&db->neighbours, old, new,
             hash_addr(n->family, n->ifindex, &n->addr));
    return VRF_DB_CHANGED;
}

static bool
apply_nexthop(struct vrf_db *db, const struct vrf_event *event)
{
    const struct vrf_event_nexthop *e = &event->nexthop;

    if (event->gone) {
        return vrf_pool_del_nexthop(db->pool, e->id);
    } else if (e->is_group) {
        return vrf_pool_set_group(db->pool, e->id, e->members, e->n_members);
    }
    return vrf_pool_set_nexthop(db->pool, e->id, &e->hop);
}

static bool
apply_rule(struct vrf_db *db, const struct vrf_event *event)
{
    enum vrf_family family = event->rule.family;
    const struct vrf_rules *rules = live_rules(db, family);
    size_t i = SIZE_MAX;

    if (event->gone) {
        i = find_rule(rules, &event->rule.rule);
        if (i == SIZE_MAX) {
            return false;
        }
    }
    return publish_rules(db, family, rules_rebuild(
        db, rules, event->gone ? NULL : &event->rule.rule, i));
}

unsigned int
vrf_db_apply(struct vrf_db *db, const struct vrf_event *event)
{
    bool changed = false;

    switch (event->type) {
    case VRF_EVENT_LINK:
        return apply_link(db, event);
    case VRF_EVENT_ADDRESS:
        return apply_address(db, event);
    case VRF_EVENT_NEIGHBOUR:
        return apply_neighbour(db, event);
    case VRF_EVENT_RULE:
        changed = apply_rule(db, event);
        break;
    case VRF_EVENT_ROUTE:
        changed = apply_route(db, live_tables(db), event);
        break;
    case VRF_EVENT_NEXTHOP:
        changed = apply_nexthop(db, event);

        /* Routes by way of it go with it, silently. */
        return ((changed ? VRF_DB_CHANGED : 0)
                | (event->gone && changed ? VRF_DB_STALE : 0));
    }
    return changed ? VRF_DB_CHANGED : 0;
}

/* All anew. */

void
vrf_db_resync_begin(struct vrf_db *db)
{
    vrf_db_resync_abort(db);
    db->shadow = tables_create();
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        db->shadow_rules[f] = vrf_rules_create(f, NULL, 0);
    }
    db->shadow_skipped = false;
    db->shadow_changed = false;
    mark_items(&db->devices);
    mark_items(&db->addresses);
    mark_items(&db->neighbours);
    vrf_pool_mark(db->pool);
}

void
vrf_db_resync_abort(struct vrf_db *db)
{
    tables_destroy(db->shadow);
    db->shadow = NULL;
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        free(db->shadow_rules[f]);
        db->shadow_rules[f] = NULL;
    }
}

void
vrf_db_resync_add(struct vrf_db *db, const struct vrf_event *event)
{
    struct vrf_rules *old, **rules;
    size_t i;

    switch (event->type) {
    case VRF_EVENT_ROUTE:
        apply_route(db, db->shadow, event);
        break;
    case VRF_EVENT_RULE:
        rules = &db->shadow_rules[event->rule.family];
        old = *rules;
        i = find_rule(old, &event->rule.rule);
        if (event->gone == (i != SIZE_MAX)) {
            *rules = rules_rebuild(
                db, old, event->gone ? NULL : &event->rule.rule, i);
            free(old);
        }
        break;
    case VRF_EVENT_LINK:
    case VRF_EVENT_ADDRESS:
    case VRF_EVENT_NEIGHBOUR:
    case VRF_EVENT_NEXTHOP:
        if (vrf_db_apply(db, event) & VRF_DB_CHANGED) {
            db->shadow_changed = true;
        }
        break;
    }
}

static bool
sweep(struct vrf_db *db)
{
    bool changed = false;
    struct item *item;

    CMAP_FOR_EACH (item, node, &db->devices) {
        if (item->marked) {
            put_item(&db->devices, item, NULL,
                     hash_int(item->device.ifindex, 0));
            changed = true;
        }
    }
    CMAP_FOR_EACH (item, node, &db->addresses) {
        if (item->marked) {
            put_item(&db->addresses, item, NULL,
                     hash_addr(item->address.family, item->address.ifindex,
                               &item->address.addr));
            changed = true;
        }
    }
    CMAP_FOR_EACH (item, node, &db->neighbours) {
        if (item->marked) {
            put_item(&db->neighbours, item, NULL,
                     hash_addr(item->neighbour.family,
                               item->neighbour.ifindex,
                               &item->neighbour.addr));
            changed = true;
        }
    }
    return vrf_pool_sweep(db->pool) || changed;
}

static bool
is_user_prefix(struct vrf_route *const routes[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (routes[i]->info.source == VRF_ROUTE_USER) {
            return true;
        }
    }
    return false;
}

static bool
keep_user_route(const struct vrf_prefix *p, struct vrf_route *const routes[],
                size_t n, void *fib)
{
    if (is_user_prefix(routes, n)) {
        for (size_t i = 0; i < n; i++) {
            if (routes[i]->info.source == VRF_ROUTE_USER) {
                vrf_fib_add(fib, p, routes[i], VRF_FIB_LAST);
            }
        }
    }
    return true;
}

static bool
find_user_route(const struct vrf_prefix *p OVS_UNUSED,
                struct vrf_route *const routes[], size_t n,
                void *aux OVS_UNUSED)
{
    return !is_user_prefix(routes, n);
}

bool
vrf_db_resync_end(struct vrf_db *db)
{
    struct tables *old = live_tables(db);
    struct table *table;
    bool changed;

    ovs_assert(db->shadow);

    /* What was configured stays. */
    CMAP_FOR_EACH (table, node, &old->map) {
        if (!vrf_fib_for_each(table->fib, find_user_route, NULL)) {
            struct table *t = make_table(db, db->shadow,
                                         vrf_fib_family(table->fib),
                                         table->id);

            vrf_fib_for_each(table->fib, keep_user_route, t->fib);
        }
    }

    changed = !tables_equal(old, db->shadow);
    if (changed) {
        CMAP_FOR_EACH (table, node, &db->shadow->map) {
            vrf_fib_publish(table->fib);
        }
        ovsrcu_set(&db->tables, db->shadow);
        db->shadow = NULL;
        tables_destroy(old);
    }
    atomic_store_relaxed(&db->skipped_routes, db->shadow_skipped);
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        changed |= publish_rules(db, f, rules_rebuild(
            db, db->shadow_rules[f], NULL, SIZE_MAX));
    }
    changed |= sweep(db) | db->shadow_changed;
    changed |= refresh_rules(db);
    vrf_db_resync_abort(db);
    return changed;
}

void
vrf_db_set_own_vrfs(struct vrf_db *db, bool own_vrfs)
{
    if (db->own_vrfs != own_vrfs) {
        db->own_vrfs = own_vrfs;
        refresh_rules(db);
    }
}

struct vrf_db *
vrf_db_create(void)
{
    struct vrf_db *db = xzalloc(sizeof *db);

    db->pool = vrf_pool_create();
    cmap_init(&db->devices);
    cmap_init(&db->addresses);
    cmap_init(&db->neighbours);
    ovsrcu_init(&db->tables, tables_create());
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        ovsrcu_init(&db->rules[f], vrf_rules_default(f));
    }
    atomic_init(&db->skipped_routes, false);
    return db;
}

static void
db_free(struct vrf_db *db)
{
    destroy_items(&db->devices);
    destroy_items(&db->addresses);
    destroy_items(&db->neighbours);
    vrf_pool_destroy(db->pool);
    free(db);
}

void
vrf_db_destroy(struct vrf_db *db)
{
    if (db) {
        vrf_db_resync_abort(db);
        tables_destroy(live_tables(db));
        for (int f = 0; f < VRF_N_FAMILIES; f++) {
            ovsrcu_postpone(free, live_rules(db, f));
        }
        ovsrcu_postpone(db_free, db);
    }
}

/* Readers. */

const struct vrf_device *
vrf_db_device(const struct vrf_db *db, uint32_t ifindex)
{
    const struct item *item = find_device(db, ifindex);

    return item ? &item->device : NULL;
}

const struct vrf_device *
vrf_db_device_by_name(const struct vrf_db *db, const char *name)
{
    const struct item *item;

    CMAP_FOR_EACH (item, node, &db->devices) {
        if (!strcmp(item->device.name, name)) {
            return &item->device;
        }
    }
    return NULL;
}

const char *
vrf_db_ifname(uint32_t ifindex, const void *db)
{
    const struct vrf_device *device = vrf_db_device(db, ifindex);

    return device ? device->name : NULL;
}

const struct vrf_neighbour *
vrf_db_neighbour(const struct vrf_db *db, enum vrf_family family,
                 uint32_t ifindex, const struct vrf_addr *addr)
{
    const struct item *item = find_neighbour(db, family, ifindex, addr);

    return item ? &item->neighbour : NULL;
}

const struct vrf_fib *
vrf_db_table(const struct vrf_db *db, enum vrf_family family, uint32_t id)
{
    const struct table *table = find_table(live_tables(db), family, id);

    return table ? table->fib : NULL;
}

const struct vrf_rules *
vrf_db_rules(const struct vrf_db *db, enum vrf_family family)
{
    return live_rules(db, family);
}

bool
vrf_db_inexact(const struct vrf_db *db)
{
    bool skipped;

    atomic_read_relaxed(&CONST_CAST(struct vrf_db *, db)->skipped_routes,
                        &skipped);
    return (skipped || live_rules(db, VRF_IPV4)->inexact
            || live_rules(db, VRF_IPV6)->inexact);
}

static bool
hop_usable(const struct vrf_hop *hop, const void *db)
{
    const struct vrf_device *device;

    if (hop->flags & VRF_HOP_DEAD) {
        return false;
    }
    if (!hop->ifindex) {
        return hop->leak_table || hop->flags & VRF_HOP_BLACKHOLE;
    }
    device = vrf_db_device(db, hop->ifindex);
    return device && device->up;
}

static bool
hop_usable_plain(const struct vrf_hop *hop, const void *db)
{
    return !(hop->flags & VRF_HOP_ENCAP) && hop_usable(hop, db);
}

const struct vrf_hop *
vrf_db_choose(const struct vrf_db *db, const struct vrf_route *route,
              uint32_t hash)
{
    const struct vrf_hops *hops = vrf_route_hops(route);
    const struct vrf_hop *hop;

    hop = vrf_hops_choose(hops, hash, hop_usable_plain, db);
    return hop ? hop : vrf_hops_choose(hops, hash, hop_usable, db);
}

/* The VRF device that 'ifindex' is or is a member of, null if none. */
static const struct vrf_device *
vrf_of(const struct vrf_db *db, uint32_t ifindex)
{
    const struct vrf_device *device = ifindex ? vrf_db_device(db, ifindex)
                                      : NULL;

    if (device && !device->table && device->master) {
        device = vrf_db_device(db, device->master);
    }
    return device && device->table ? device : NULL;
}

void
vrf_db_complete_flow(const struct vrf_db *db, struct vrf_flow *flow)
{
    const struct vrf_device *iif = vrf_of(db, flow->iif);
    const struct vrf_device *oif = vrf_of(db, flow->oif);

    flow->iif_vrf = iif ? iif->ifindex : 0;
    flow->oif_vrf = oif ? oif->ifindex : 0;
    if (!flow->vrf_table) {
        flow->vrf_table = oif ? oif->table : iif ? iif->table : 0;
    }
}

/* Is 'a' for one link only?  Raises '*bits' to as many as decide that. */
static bool
is_link_scope(const struct vrf_addr *a, uint8_t *bits)
{
    static const struct vrf_prefix scopes[] = {
        { { UINT64_C(0xfe80) << 48, 0 }, 10 },
        { { UINT64_C(0xff00) << 48, 0 }, 8 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
        unsigned int common = vrf_addr_common(&scopes[i].addr, a);

        if (common >= scopes[i].len) {
            *bits = MAX(*bits, scopes[i].len);
            return true;
        }
        *bits = MAX(*bits, common + 1);
    }
    return false;
}

/* What a rule says without a table. */
static uint8_t
end_type(const struct vrf_rule *rule)
{
    switch (rule->action) {
    case VRF_RULE_BLACKHOLE:
        return VRF_ROUTE_BLACKHOLE;
    case VRF_RULE_PROHIBIT:
        return VRF_ROUTE_PROHIBIT;
    default:
        return VRF_ROUTE_UNREACHABLE;
    }
}

/* Does the rule not take this answer? */
static bool
suppresses(const struct vrf_db *db, const struct vrf_rule *rule,
           const struct vrf_fib_result *r)
{
    const struct vrf_device *device;
    const struct vrf_hops *hops;

    if (!vrf_route_type_delivers(r->route->info.type)) {
        return false;
    }
    if (rule->suppress_len >= 0 && r->len <= rule->suppress_len) {
        return true;
    }
    if (rule->suppress_group < 0) {
        return false;
    }
    hops = vrf_route_hops(r->route);
    device = hops->n ? vrf_db_device(db, hops->hops[0].ifindex) : NULL;
    return device && device->group == rule->suppress_group;
}

/* Looks 'flow' up in one table.  Returns true if that is the answer. */
static bool
lookup_table(const struct vrf_db *db, const struct vrf_rule *rule,
             uint32_t id, const struct vrf_flow *flow, struct vrf_answer *a)
{
    const struct table *table = find_table(live_tables(db), flow->family, id);
    struct vrf_fib_query q = { .dst = flow->dst, .usable = hop_usable,
                               .aux = db };
    struct vrf_fib_result r;
    bool found;

    if (!table) {
        return false;
    }
    if (flow->family == VRF_IPV4) {
        q.tos = flow->tos & 0x1c;
    }
    if (flow->oif && flow->oif != flow->oif_vrf
        && (flow->family == VRF_IPV4 || vrf_addr_is_zero(&flow->src)
            || is_link_scope(&flow->dst, &a->used.dst_bits))) {
        /* For IPv6, Linux has routes that end by the loopback device. */
        q.oif = flow->oif;
        q.oif_unless_end = flow->family == VRF_IPV4;
    }
    if (flow->family == VRF_IPV6) {
        q.prefer = flow->oif ? flow->oif
                   : flow->iif != VRF_IIF_LOCAL ? flow->iif : 0;
    }
    found = vrf_fib_lookup(table->fib, &q, &r);
    a->used.dst_bits = MAX(a->used.dst_bits, r.decided);
    if (r.used_tos) {
        a->used.tos_mask |= 0x1c;
    }
    if (!found || r.route->info.type == VRF_ROUTE_THROW
        || suppresses(db, rule, &r)) {
        return false;
    }
    a->type = r.route->info.type;
    a->route = r.route;
    a->table = id;
    a->len = r.len;
    return true;
}

static bool
lookup_rules(const struct vrf_db *db, const struct vrf_flow *flow,
             struct vrf_answer *a)
{
    const struct vrf_rules *rules = live_rules(db, flow->family);
    size_t pos = 0;

    while ((a->rule = vrf_rules_next(rules, &pos, flow, &a->used))) {
        if (a->rule->action != VRF_RULE_TABLE) {
            a->type = end_type(a->rule);
            return true;
        }
        if (lookup_table(db, a->rule, vrf_rule_table(a->rule, flow), flow,
                         a)) {
            return true;
        }
    }
    return false;
}

/* The hop by which the answer is not one but another table; null if it is
 * one. */
static const struct vrf_hop *
leak_of(const struct vrf_db *db, const struct vrf_answer *a)
{
    const struct vrf_hops *hops = a->route ? vrf_route_hops(a->route) : NULL;
    const struct vrf_device *device;
    const struct vrf_hop *hop;

    if (a->type != VRF_ROUTE_UNICAST || !hops || hops->n != 1) {
        return NULL;
    }
    hop = &hops->hops[0];
    if (hop->flags & VRF_HOP_ENCAP) {
        return NULL;
    } else if (hop->leak_table) {
        return hop;
    }
    device = vrf_addr_is_zero(&hop->gateway)
             ? vrf_db_device(db, hop->ifindex) : NULL;
    return device && device->table && device->table != a->table ? hop : NULL;
}

static void
forget_answer(struct vrf_answer *a)
{
    a->type = 0;
    a->route = NULL;
    a->rule = NULL;
    a->table = 0;
    a->len = 0;
}

/* Goes on as long as the answer for 'flow' is not one but another table. */
static bool
follow_leaks(const struct vrf_db *db, const struct vrf_flow *flow,
             struct vrf_answer *a)
{
    struct vrf_flow leaked;
    const struct vrf_hop *hop;

    while ((hop = leak_of(db, a))) {
        const struct vrf_device *vrf;
        struct vrf_rule in_table;

        if (a->n_leaks == VRF_MAX_LEAKS) {
            a->leak_loop = true;
            forget_answer(a);
            return false;
        }
        a->n_leaks++;
        if (flow != &leaked) {
            leaked = *flow;
            flow = &leaked;
        }
        leaked.iif = VRF_IIF_LOCAL;
        leaked.iif_vrf = 0;
        if (hop->leak_table) {
            leaked.oif = 0;
            leaked.oif_vrf = 0;
            leaked.vrf_table = hop->leak_table;
            vrf_rule_init(&in_table);
            if (!lookup_table(db, &in_table, hop->leak_table, flow, a)) {
                forget_answer(a);
                return false;
            }
            a->rule = NULL;
            continue;
        }
        vrf = vrf_db_device(db, hop->ifindex);
        forget_answer(a);
        if (!vrf) {
            return false;
        }
        leaked.oif = vrf->ifindex;
        leaked.oif_vrf = vrf->ifindex;
        leaked.vrf_table = vrf->table;
        if (!lookup_rules(db, flow, a)) {
            return false;
        }
    }
    return true;
}

bool
vrf_db_lookup(const struct vrf_db *db, const struct vrf_flow *flow,
              struct vrf_answer *a)
{
    memset(a, 0, sizeof *a);
    return lookup_rules(db, flow, a) && follow_leaks(db, flow, a);
}

bool
vrf_db_lookup_from(const struct vrf_db *db, const struct vrf_flow *flow,
                   uint32_t table, struct vrf_answer *a)
{
    struct vrf_rule rule;

    memset(a, 0, sizeof *a);
    vrf_rule_init(&rule);
    return (lookup_table(db, &rule, table, flow, a)
            && follow_leaks(db, flow, a));
}

bool
vrf_db_lookup_table(const struct vrf_db *db, const struct vrf_flow *flow,
                    uint32_t table, struct vrf_answer *a)
{
    struct vrf_rule rule;

    forget_answer(a);
    a->n_leaks = 0;
    a->leak_loop = false;
    vrf_rule_init(&rule);
    return lookup_table(db, &rule, table, flow, a);
}

void
vrf_db_for_each_device(const struct vrf_db *db,
                       void (*cb)(const struct vrf_device *, void *aux),
                       void *aux)
{
    const struct item *item;

    CMAP_FOR_EACH (item, node, &db->devices) {
        cb(&item->device, aux);
    }
}

void
vrf_db_for_each_address(const struct vrf_db *db,
                        void (*cb)(const struct vrf_address *, void *aux),
                        void *aux)
{
    const struct item *item;

    CMAP_FOR_EACH (item, node, &db->addresses) {
        cb(&item->address, aux);
    }
}

void
vrf_db_for_each_neighbour(const struct vrf_db *db,
                          void (*cb)(const struct vrf_neighbour *, void *aux),
                          void *aux)
{
    const struct item *item;

    CMAP_FOR_EACH (item, node, &db->neighbours) {
        cb(&item->neighbour, aux);
    }
}

void
vrf_db_for_each_table(const struct vrf_db *db,
                      void (*cb)(uint32_t id, const struct vrf_fib *,
                                 void *aux), void *aux)
{
    const struct table *table;

    CMAP_FOR_EACH (table, node, &live_tables(db)->map) {
        cb(table->id, table->fib, aux);
    }
}
