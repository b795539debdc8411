/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-mark.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "sset.h"
#include "util.h"
#include "vrf-names.h"

/* A VRF that has a mark, or the default one, which has none. */
struct domain {
    struct hmap_node node;      /* In 'domains' of a struct vrf_marks. */
    uint16_t vrf;
    uint32_t number;            /* From 1 on; 0 for the default VRF. */
    struct ovs_list tunnels;    /* Of struct tunnel. */
    long long int idle_since;   /* Seen without tunnels, 0 if it was not. */
};

struct tunnel {
    struct ovs_list node;       /* In 'tunnels' of its domain. */
    struct hmap_node port_node; /* In 'by_port' of a struct vrf_marks. */
    struct vrf_mark_tunnel t;
    struct domain *domain;
    char name[];
};

struct vrf_marks {
    uint32_t mask;
    struct shash tunnels;       /* Of struct tunnel. */
    struct hmap by_port;        /* The same, by 'dst_port'. */
    struct hmap domains;        /* By 'vrf'. */
    size_t n_in_vrfs;           /* Tunnels that are in one. */
};

/* Masks. */

bool
vrf_mark_mask_from_string(const char *s, uint32_t *maskp)
{
    unsigned int mask, numbers;

    if (!str_to_uint(s, 0, &mask) || !mask) {
        return false;
    }
    numbers = mask >> ctz32(mask);
    if (numbers & (numbers + 1)) {
        return false;
    }
    *maskp = mask;
    return true;
}

static uint32_t
max_number(uint32_t mask)
{
    return mask >> ctz32(mask);
}

static uint32_t
mark_of(const struct vrf_marks *m, const struct domain *d)
{
    return d->number << ctz32(m->mask);
}

struct vrf_marks *
vrf_marks_create(void)
{
    struct vrf_marks *m = xzalloc(sizeof *m);

    m->mask = VRF_MARK_DEFAULT_MASK;
    shash_init(&m->tunnels);
    hmap_init(&m->by_port);
    hmap_init(&m->domains);
    return m;
}

/* VRFs. */

static struct domain *
find_domain(const struct vrf_marks *m, uint16_t vrf)
{
    struct domain *d;

    HMAP_FOR_EACH_WITH_HASH (d, node, hash_int(vrf, 0), &m->domains) {
        if (d->vrf == vrf) {
            return d;
        }
    }
    return NULL;
}

static struct domain *
add_domain(struct vrf_marks *m, uint16_t vrf, uint32_t number)
{
    struct domain *d = xzalloc(sizeof *d);

    d->vrf = vrf;
    d->number = number;
    ovs_list_init(&d->tunnels);
    hmap_insert(&m->domains, &d->node, hash_int(vrf, 0));
    return d;
}

static void
remove_domain(struct vrf_marks *m, struct domain *d)
{
    hmap_remove(&m->domains, &d->node);
    free(d);
}

static bool
number_is_free(const struct vrf_marks *m, uint32_t number)
{
    const struct domain *d;

    HMAP_FOR_EACH (d, node, &m->domains) {
        if (d->number == number) {
            return false;
        }
    }
    return true;
}

/* The domain that has been without tunnels for longest, null if all have
 * some. */
static struct domain *
longest_idle(const struct vrf_marks *m)
{
    struct domain *best = NULL, *d;

    HMAP_FOR_EACH (d, node, &m->domains) {
        if (d->vrf != VRF_DEFAULT_ID && ovs_list_is_empty(&d->tunnels)) {
            /* One that has not been seen so has been so for no time. */
            if (!best || (d->idle_since && (!best->idle_since
                                            || d->idle_since
                                               < best->idle_since))) {
                best = d;
            }
        }
    }
    return best;
}

/* Returns a number that no VRF has, or that of one without tunnels, which
 * loses it; 0 if there is none. */
static uint32_t
take_number(struct vrf_marks *m)
{
    struct domain *idle;
    uint32_t number;

    for (number = 1; number <= max_number(m->mask); number++) {
        if (number_is_free(m, number)) {
            return number;
        }
    }
    idle = longest_idle(m);
    if (!idle) {
        return 0;
    }
    number = idle->number;
    remove_domain(m, idle);
    return number;
}

uint32_t
vrf_marks_get(const struct vrf_marks *m, uint16_t vrf)
{
    const struct domain *d = find_domain(m, vrf);

    return d ? mark_of(m, d) : 0;
}

void
vrf_marks_suggest(struct vrf_marks *m, uint16_t vrf, uint32_t mark)
{
    uint32_t number = mark >> ctz32(m->mask);

    if (vrf != VRF_DEFAULT_ID && mark && !(mark & ~m->mask)
        && !find_domain(m, vrf) && number_is_free(m, number)) {
        add_domain(m, vrf, number);
    }
}

bool
vrf_marks_any(const struct vrf_marks *m)
{
    return (hmap_count(&m->domains)
            > (find_domain(m, VRF_DEFAULT_ID) ? 1 : 0));
}

void
vrf_marks_for_each(const struct vrf_marks *m,
                   void (*cb)(uint16_t vrf, uint32_t mark, void *aux),
                   void *aux)
{
    const struct domain *d;

    HMAP_FOR_EACH (d, node, &m->domains) {
        if (d->vrf != VRF_DEFAULT_ID) {
            cb(d->vrf, mark_of(m, d), aux);
        }
    }
}

long long int
vrf_marks_expire(struct vrf_marks *m, long long int now,
                 long long int linger)
{
    long long int next = LLONG_MAX;
    struct domain *d;

    HMAP_FOR_EACH_SAFE (d, node, &m->domains) {
        if (!ovs_list_is_empty(&d->tunnels)) {
            continue;
        }
        d->idle_since = d->idle_since ? d->idle_since : now;
        if (now - d->idle_since >= linger) {
            remove_domain(m, d);
        } else {
            next = MIN(next, d->idle_since + linger);
        }
    }
    return next;
}

/* Tunnels. */

/* Is there a packet that is for both tunnels, as far as its key, source and
 * destination say? */
static bool
tunnels_overlap(const struct vrf_mark_tunnel *a,
                const struct vrf_mark_tunnel *b)
{
    return (a->dst_port == b->dst_port
            && (a->any_key || b->any_key || a->key == b->key)
            && (a->any_remote || b->any_remote
                || ipv6_addr_equals(&a->remote, &b->remote))
            && (a->any_local || b->any_local
                || ipv6_addr_equals(&a->local, &b->local)));
}

/* Only members that count are compared. */
static bool
tunnel_equal(const struct vrf_mark_tunnel *a, const struct vrf_mark_tunnel *b)
{
    return (a->vrf == b->vrf && a->any_key == b->any_key
            && a->any_remote == b->any_remote && a->any_local == b->any_local
            && a->dst_port == b->dst_port
            && (a->any_key || a->key == b->key)
            && (a->any_remote || ipv6_addr_equals(&a->remote, &b->remote))
            && (a->any_local || ipv6_addr_equals(&a->local, &b->local)));
}

static void
put_address(struct ds *s, const char *option, bool any,
            const struct in6_addr *addr)
{
    ds_put_format(s, "%s=", option);
    if (any) {
        ds_put_cstr(s, "any");
    } else {
        ipv6_format_mapped(addr, s);
    }
}

/* Says why there cannot be a tunnel as there is 'other'. */
static char *
explain_conflict(const struct tunnel *other)
{
    const struct vrf_mark_tunnel *t = &other->t;
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "%s in VRF %s has ", other->name,
                  vrf_id_to_name(t->vrf));
    put_address(&s, "remote_ip", t->any_remote, &t->remote);
    put_address(&s, ", local_ip", t->any_local, &t->local);
    if (t->any_key) {
        ds_put_cstr(&s, ", key=any");
    } else {
        ds_put_format(&s, ", key=%"PRIu64, t->key);
    }
    if (t->dst_port) {
        ds_put_format(&s, ", dst_port=%d", t->dst_port);
    }
    ds_put_cstr(&s, ": packets that are received could be for both, as Linux "
                "does not tell from which VRF they are");
    return ds_steal_cstr(&s);
}

static const struct tunnel *
find_conflict(const struct vrf_marks *m, const struct vrf_mark_tunnel *t)
{
    const struct tunnel *other;

    if (t->vrf == VRF_DEFAULT_ID && !m->n_in_vrfs) {
        return NULL;
    }
    HMAP_FOR_EACH_WITH_HASH (other, port_node, hash_int(t->dst_port, 0),
                             &m->by_port) {
        if (other->t.vrf != t->vrf && tunnels_overlap(&other->t, t)) {
            return other;
        }
    }
    return NULL;
}

static struct domain *
get_domain(struct vrf_marks *m, uint16_t vrf)
{
    struct domain *d = find_domain(m, vrf);
    uint32_t number;

    if (d) {
        return d;
    } else if (vrf == VRF_DEFAULT_ID) {
        return add_domain(m, vrf, 0);
    }
    number = take_number(m);
    return number ? add_domain(m, vrf, number) : NULL;
}

static void
insert(struct vrf_marks *m, struct domain *d, const char *name,
       const struct vrf_mark_tunnel *t)
{
    size_t size = strlen(name) + 1;
    struct tunnel *tunnel = xzalloc(sizeof *tunnel + size);

    tunnel->t = *t;
    tunnel->domain = d;
    memcpy(tunnel->name, name, size);
    ovs_list_push_back(&d->tunnels, &tunnel->node);
    d->idle_since = 0;
    hmap_insert(&m->by_port, &tunnel->port_node, hash_int(t->dst_port, 0));
    shash_add_assert(&m->tunnels, name, tunnel);
    m->n_in_vrfs += t->vrf != VRF_DEFAULT_ID;
}

static void
release(struct vrf_marks *m, struct tunnel *tunnel)
{
    m->n_in_vrfs -= tunnel->t.vrf != VRF_DEFAULT_ID;
    hmap_remove(&m->by_port, &tunnel->port_node);
    ovs_list_remove(&tunnel->node);
    free(tunnel);
}

char *
vrf_marks_put(struct vrf_marks *m, const char *name,
              const struct vrf_mark_tunnel *t)
{
    const struct tunnel *old = shash_find_data(&m->tunnels, name);
    const struct tunnel *other;
    struct domain *d;

    if (old && tunnel_equal(&old->t, t)) {
        return NULL;
    }
    vrf_marks_remove(m, name);
    other = find_conflict(m, t);
    if (other) {
        return explain_conflict(other);
    }
    d = get_domain(m, t->vrf);
    if (!d) {
        return xasprintf("other_config:vrf-mark-mask 0x%"PRIx32" of "
                         "Open_vSwitch has room for %"PRIu32" VRFs, and so "
                         "many have such tunnels already", m->mask,
                         max_number(m->mask));
    }
    insert(m, d, name, t);
    return NULL;
}

void
vrf_marks_remove(struct vrf_marks *m, const char *name)
{
    struct tunnel *tunnel = shash_find_and_delete(&m->tunnels, name);

    if (tunnel) {
        release(m, tunnel);
    }
}

void
vrf_marks_retain(struct vrf_marks *m, const struct sset *names)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &m->tunnels) {
        if (!sset_contains(names, node->name)) {
            struct tunnel *tunnel = node->data;

            shash_delete(&m->tunnels, node);
            release(m, tunnel);
        }
    }
}

const struct vrf_mark_tunnel *
vrf_marks_find(const struct vrf_marks *m, const char *name)
{
    const struct tunnel *tunnel = shash_find_data(&m->tunnels, name);

    return tunnel ? &tunnel->t : NULL;
}

void
vrf_marks_for_each_tunnel(const struct vrf_marks *m, uint16_t vrf,
                          void (*cb)(const char *name, void *aux), void *aux)
{
    const struct domain *d = find_domain(m, vrf);
    const struct tunnel *tunnel;

    if (d) {
        LIST_FOR_EACH (tunnel, node, &d->tunnels) {
            cb(tunnel->name, aux);
        }
    }
}

uint32_t
vrf_marks_get_mask(const struct vrf_marks *m)
{
    return m->mask;
}

void
vrf_marks_set_mask(struct vrf_marks *m, uint32_t mask)
{
    struct domain *d;

    m->mask = mask;
    HMAP_FOR_EACH_SAFE (d, node, &m->domains) {
        if (d->number > max_number(mask)) {
            struct tunnel *tunnel;

            LIST_FOR_EACH_SAFE (tunnel, node, &d->tunnels) {
                shash_find_and_delete_assert(&m->tunnels, tunnel->name);
                release(m, tunnel);
            }
            remove_domain(m, d);
        }
    }
}

void
vrf_marks_destroy(struct vrf_marks *m)
{
    if (m) {
        struct sset none = SSET_INITIALIZER(&none);
        struct domain *d;

        vrf_marks_retain(m, &none);
        HMAP_FOR_EACH_SAFE (d, node, &m->domains) {
            remove_domain(m, d);
        }
        shash_destroy(&m->tunnels);
        hmap_destroy(&m->by_port);
        hmap_destroy(&m->domains);
        free(m);
    }
}
