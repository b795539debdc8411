/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-vxlan.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "sset.h"
#include "util.h"
#include "vrf-names.h"

/* A VNI that the list of a device has or lacks. */
struct vni {
    struct hmap_node node;      /* In 'vnis' of a struct vrf_vxlan. */
    struct ovs_list change;     /* In its 'changes', or empty. */
    struct device *device;
    uint32_t vni;
    size_t n_tunnels;           /* That want it. */
    bool listed;                /* Linux has it. */
};

/* All tunnels of a UDP port and a VRF. */
struct device {
    struct hmap_node node;      /* In 'devices' of a struct vrf_vxlan. */
    uint16_t dst_port;
    uint16_t vrf;
    bool any_vni;
    struct ovs_list tunnels;    /* Of struct tunnel. */
    size_t n_vnis;              /* That refer to it. */
};

struct tunnel {
    struct ovs_list node;       /* In 'tunnels' of its device. */
    struct vrf_vxlan_tunnel t;
    struct device *device;
    struct vni *vni;            /* Null if the device takes any. */
    char name[];
};

struct vrf_vxlan {
    struct shash tunnels;       /* Of struct tunnel. */
    struct hmap devices;        /* By 'dst_port'. */
    struct hmap vnis;           /* By 'vni'. */
    struct ovs_list changes;    /* Lists that are not as they should be. */
    bool lacks_lists;
};

struct vrf_vxlan *
vrf_vxlan_create(void)
{
    struct vrf_vxlan *v = xzalloc(sizeof *v);

    shash_init(&v->tunnels);
    hmap_init(&v->devices);
    hmap_init(&v->vnis);
    ovs_list_init(&v->changes);
    return v;
}

/* VNIs of lists. */

static void
unref_device(struct vrf_vxlan *v, struct device *d)
{
    if (ovs_list_is_empty(&d->tunnels) && !d->n_vnis) {
        hmap_remove(&v->devices, &d->node);
        free(d);
    }
}

/* Has 'changes' tell whether the list has to change for 'n', which is freed if
 * nobody needs it any more. */
static void
update_vni(struct vrf_vxlan *v, struct vni *n)
{
    if (!ovs_list_is_empty(&n->change)) {
        ovs_list_remove(&n->change);
        ovs_list_init(&n->change);
    }
    if (!n->n_tunnels == n->listed) {
        ovs_list_push_back(&v->changes, &n->change);
    } else if (!n->n_tunnels) {
        hmap_remove(&v->vnis, &n->node);
        n->device->n_vnis--;
        unref_device(v, n->device);
        free(n);
    }
}

static struct vni *
want_vni(struct vrf_vxlan *v, struct device *d, uint32_t vni)
{
    struct vni *n;

    HMAP_FOR_EACH_WITH_HASH (n, node, hash_int(vni, 0), &v->vnis) {
        if (n->vni == vni && n->device == d) {
            goto found;
        }
    }
    n = xzalloc(sizeof *n);
    n->vni = vni;
    n->device = d;
    d->n_vnis++;
    ovs_list_init(&n->change);
    hmap_insert(&v->vnis, &n->node, hash_int(vni, 0));

found:
    n->n_tunnels++;
    update_vni(v, n);
    return n;
}

static void
unwant_vni(struct vrf_vxlan *v, struct tunnel *tunnel)
{
    tunnel->vni->n_tunnels--;
    update_vni(v, tunnel->vni);
    tunnel->vni = NULL;
}

/* Calls 'set' for what is to be added, or removed. */
static void
sync_some(struct vrf_vxlan *v, bool add, vrf_vxlan_set_func *set, void *aux)
{
    struct vni *n;

    LIST_FOR_EACH_SAFE (n, change, &v->changes) {
        if (add == (n->n_tunnels > 0)) {
            int error = set(n->device->dst_port, n->device->vrf, n->vni, add,
                            aux);

            if (!add || !error) {
                n->listed = add;
                update_vni(v, n);
            }
        }
    }
}

void
vrf_vxlan_sync(struct vrf_vxlan *v, vrf_vxlan_set_func *set, void *aux)
{
    sync_some(v, false, set, aux);
    sync_some(v, true, set, aux);
}

void
vrf_vxlan_forget(struct vrf_vxlan *v, uint16_t dst_port, uint16_t vrf)
{
    struct vni *n;

    HMAP_FOR_EACH_SAFE (n, node, &v->vnis) {
        if (n->device->dst_port == dst_port && n->device->vrf == vrf) {
            n->listed = false;
            update_vni(v, n);
        }
    }
}

bool
vrf_vxlan_lacks_vni(const struct vrf_vxlan *v, const char *name)
{
    const struct tunnel *tunnel = shash_find_data(&v->tunnels, name);

    return tunnel && tunnel->vni && !tunnel->vni->listed;
}

/* Tunnels. */

static const char *
any_tunnel(const struct device *d)
{
    return CONTAINER_OF(ovs_list_front(&d->tunnels), struct tunnel,
                        node)->name;
}

/* The tunnel that has 'd' have the VNI. */
static const char *
tunnel_with_vni(const struct device *d, uint32_t vni)
{
    const struct tunnel *tunnel;

    LIST_FOR_EACH (tunnel, node, &d->tunnels) {
        if (tunnel->vni && tunnel->vni->vni == vni) {
            return tunnel->name;
        }
    }
    return NULL;
}

static const char *
vnis_of(bool any_vni)
{
    return any_vni ? "key=flow or no key" : "a key";
}

/* Returns why there cannot be a tunnel like 't' as there is one of 'd', null
 * if there can. */
static char *
conflict(const struct vrf_vxlan *v, const struct device *d,
         const struct vrf_vxlan_tunnel *t)
{
    const char *other = any_tunnel(d);

    if (d->vrf == t->vrf) {
        return (d->any_vni == t->any_vni ? NULL
                : xasprintf("%s is in VRF %s at UDP port %d with %s: there, "
                            "Linux either lists VNIs or takes any",
                            other, vrf_id_to_name(d->vrf), d->dst_port,
                            vnis_of(d->any_vni)));
    } else if (d->vrf == VRF_DEFAULT_ID || t->vrf == VRF_DEFAULT_ID) {
        return xasprintf("%s is in VRF %s at UDP port %d: Linux cannot have "
                         "tunnels of VRFs and of none at one UDP port",
                         other, vrf_id_to_name(d->vrf), d->dst_port);
    } else if (d->any_vni && t->any_vni) {
        return xasprintf("%s is in VRF %s at UDP port %d%s", other,
                         vrf_id_to_name(d->vrf), d->dst_port,
                         v->lacks_lists
                         ? ": this Linux has no VNI filters (since 5.18), and "
                         "without them one VRF for each UDP port"
                         : " with key=flow or no key, too: Linux has one "
                         "device for any VNI at a UDP port");
    } else if (!d->any_vni && !t->any_vni) {
        other = tunnel_with_vni(d, t->vni);
        if (other) {
            return xasprintf("%s in VRF %s has VNI %"PRIu32" at UDP port %d: "
                             "Linux has a VNI in one VRF only", other,
                             vrf_id_to_name(d->vrf), t->vni, d->dst_port);
        }
    }
    return NULL;
}

static struct device *
find_device(const struct vrf_vxlan *v, uint16_t dst_port, uint16_t vrf)
{
    struct device *d;

    HMAP_FOR_EACH_WITH_HASH (d, node, hash_int(dst_port, 0), &v->devices) {
        if (d->dst_port == dst_port && d->vrf == vrf) {
            return d;
        }
    }
    return NULL;
}

static void
insert(struct vrf_vxlan *v, const char *name,
       const struct vrf_vxlan_tunnel *t)
{
    struct device *d = find_device(v, t->dst_port, t->vrf);
    size_t size = strlen(name) + 1;
    struct tunnel *tunnel = xzalloc(sizeof *tunnel + size);

    if (!d) {
        d = xzalloc(sizeof *d);
        d->dst_port = t->dst_port;
        d->vrf = t->vrf;
        ovs_list_init(&d->tunnels);
        hmap_insert(&v->devices, &d->node, hash_int(d->dst_port, 0));
    }
    /* One that has no tunnels any more may still have a list to lose. */
    d->any_vni = t->any_vni;
    tunnel->t = *t;
    tunnel->device = d;
    memcpy(tunnel->name, name, size);
    ovs_list_push_back(&d->tunnels, &tunnel->node);
    if (!t->any_vni) {
        tunnel->vni = want_vni(v, d, t->vni);
    }
    shash_add_assert(&v->tunnels, name, tunnel);
}

static void
release(struct vrf_vxlan *v, struct tunnel *tunnel)
{
    struct device *d = tunnel->device;

    if (tunnel->vni) {
        unwant_vni(v, tunnel);
    }
    ovs_list_remove(&tunnel->node);
    unref_device(v, d);
    free(tunnel);
}

bool
vrf_vxlan_takes_any(const struct vrf_vxlan *v,
                    const struct vrf_vxlan_tunnel *t)
{
    return (t->any_vni || !t->vni || v->lacks_lists
            || t->vrf == VRF_DEFAULT_ID);
}

static bool
tunnel_equal(const struct vrf_vxlan_tunnel *a,
             const struct vrf_vxlan_tunnel *b)
{
    return (a->vrf == b->vrf && a->dst_port == b->dst_port
            && a->any_vni == b->any_vni && a->vni == b->vni);
}

char *
vrf_vxlan_put(struct vrf_vxlan *v, const char *name,
              const struct vrf_vxlan_tunnel *t_)
{
    struct vrf_vxlan_tunnel t = *t_;
    const struct tunnel *old;
    const struct device *d;

    t.any_vni = vrf_vxlan_takes_any(v, &t);
    t.vni = t.any_vni ? 0 : t.vni;
    old = shash_find_data(&v->tunnels, name);
    if (old && tunnel_equal(&old->t, &t)) {
        return NULL;
    }
    vrf_vxlan_remove(v, name);
    HMAP_FOR_EACH_WITH_HASH (d, node, hash_int(t.dst_port, 0), &v->devices) {
        if (d->dst_port == t.dst_port && !ovs_list_is_empty(&d->tunnels)) {
            char *why = conflict(v, d, &t);

            if (why) {
                return why;
            }
        }
    }
    insert(v, name, &t);
    return NULL;
}

void
vrf_vxlan_remove(struct vrf_vxlan *v, const char *name)
{
    struct tunnel *tunnel = shash_find_and_delete(&v->tunnels, name);

    if (tunnel) {
        release(v, tunnel);
    }
}

void
vrf_vxlan_retain(struct vrf_vxlan *v, const struct sset *names)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &v->tunnels) {
        if (!sset_contains(names, node->name)) {
            struct tunnel *tunnel = node->data;

            shash_delete(&v->tunnels, node);
            release(v, tunnel);
        }
    }
}

void
vrf_vxlan_destroy(struct vrf_vxlan *v)
{
    if (v) {
        struct sset none = SSET_INITIALIZER(&none);
        struct vni *n;

        vrf_vxlan_retain(v, &none);
        HMAP_FOR_EACH_SAFE (n, node, &v->vnis) {
            n->listed = false;
            update_vni(v, n);
        }
        shash_destroy(&v->tunnels);
        hmap_destroy(&v->devices);
        hmap_destroy(&v->vnis);
        free(v);
    }
}

void
vrf_vxlan_lacks_lists(struct vrf_vxlan *v)
{
    struct shash_node *node;

    v->lacks_lists = true;
    SHASH_FOR_EACH (node, &v->tunnels) {
        struct tunnel *tunnel = node->data;

        if (tunnel->vni) {
            unwant_vni(v, tunnel);
        }
        tunnel->t.any_vni = tunnel->device->any_vni = true;
        tunnel->t.vni = 0;
    }
}

const struct vrf_vxlan_tunnel *
vrf_vxlan_find(const struct vrf_vxlan *v, const char *name)
{
    const struct tunnel *tunnel = shash_find_data(&v->tunnels, name);

    return tunnel ? &tunnel->t : NULL;
}

void
vrf_vxlan_for_each_device(const struct vrf_vxlan *v,
                          void (*cb)(const char *name,
                                     const struct vrf_vxlan_tunnel *,
                                     void *aux),
                          void *aux)
{
    const struct device *d;

    HMAP_FOR_EACH (d, node, &v->devices) {
        if (!ovs_list_is_empty(&d->tunnels)) {
            const char *name = any_tunnel(d);

            cb(name, vrf_vxlan_find(v, name), aux);
        }
    }
}

/* Names of devices. */

void
vrf_vxlan_format_name(uint16_t dst_port, uint32_t ifindex, bool any_vni,
                      char *name, size_t size)
{
    char kind = any_vni ? 'w' : 'v';

    if (snprintf(name, size, "vxlan_%d%c%"PRIu32, dst_port, kind, ifindex)
        >= IFNAMSIZ) {
        BUILD_ASSERT_DECL(sizeof "vxffffvffffffff" <= IFNAMSIZ);
        snprintf(name, size, "vx%04x%c%08"PRIx32, dst_port, kind, ifindex);
    }
}

uint16_t
vrf_vxlan_parse_name(const char *name)
{
    char canonical[IFNAMSIZ + 16];
    unsigned int port, ifindex;
    char kind;

    /* Who is not the like of what is made of his numbers is an impostor. */
    if ((sscanf(name, "vxlan_%5u%c%10u", &port, &kind, &ifindex) == 3
         || sscanf(name, "vx%4x%c%8x", &port, &kind, &ifindex) == 3)
        && port <= UINT16_MAX) {
        vrf_vxlan_format_name(port, ifindex, kind == 'w', canonical,
                              sizeof canonical);
        return strcmp(name, canonical) ? 0 : port;
    }
    return 0;
}
