/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-port.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "hmapx.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "openvswitch/hmap.h"
#include "openvswitch/shash.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "packets.h"
#include "seq.h"
#include "util.h"

/* Of a local address.  One that several VRFs have is there several times. */
struct address {
    struct hmap_node node;
    struct in6_addr addr;
    uint16_t vrf;
};

struct vrf_ports {
    const struct vrf_db *db;
    struct shash vrfs;          /* Of struct vrf, by name. */
    struct shash ports;         /* Of uintptr_t: id and PORT_*. */
    struct hmap addresses;      /* Of struct address. */
    struct hmapx tables;        /* Of uintptr_t: tables of VRFs alone. */
    const struct vrf **by_id;   /* Of 'n_ids' ones, null if there is none. */
    size_t n_ids;
};

#define PORT_CONFLICT (1u << 16)

/* Linux's tables "default", "main" and "local". */
enum { FIRST_COMMON_TABLE = 253, LAST_COMMON_TABLE = 255 };

static atomic_uint tables_serial = ATOMIC_VAR_INIT(0);

vrf_ports_pointer vrf_ports_live = OVSRCU_INITIALIZER(NULL);

struct seq *
vrf_ports_get_seq(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static struct seq *seq;

    if (ovsthread_once_start(&once)) {
        seq = seq_create();
        ovsthread_once_done(&once);
    }
    return seq;
}

/* Readers. */

static uintptr_t
find_port(const struct vrf_ports *ports, const char *netdev_name)
{
    const void *data = shash_find_data(&ports->ports, netdev_name);

    return (uintptr_t) data;
}

uint16_t
vrf_ports_find(const struct vrf_ports *ports, const char *netdev_name)
{
    return find_port(ports, netdev_name) & UINT16_MAX;
}

const struct vrf_db *
vrf_ports_db(const struct vrf_ports *ports)
{
    return ports->db;
}

bool
vrf_port_has_conflict(const char *netdev_name)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports && find_port(ports, netdev_name) & PORT_CONFLICT;
}

static const struct vrf *
find_vrf(const struct vrf_ports *ports, uint16_t id)
{
    return id < ports->n_ids ? ports->by_id[id] : NULL;
}

uint16_t
vrf_id_limit(void)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports ? ports->n_ids : 0;
}

const struct vrf *
vrf_by_id(uint16_t id)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports ? find_vrf(ports, id) : NULL;
}

const struct vrf *
vrf_by_name(const char *name)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports ? shash_find_data(&ports->vrfs, name) : NULL;
}

static uint32_t
hash_address(const struct in6_addr *addr)
{
    return hash_bytes(addr, sizeof *addr, 0);
}

static bool
has_address(const struct vrf_ports *ports, uint16_t vrf,
            const struct in6_addr *addr)
{
    const struct address *a;

    HMAP_FOR_EACH_WITH_HASH (a, node, hash_address(addr), &ports->addresses) {
        if (a->vrf == vrf && ipv6_addr_equals(&a->addr, addr)) {
            return true;
        }
    }
    return false;
}

bool
vrf_has_address(uint16_t vrf, const struct in6_addr *addr)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports && has_address(ports, vrf, addr);
}

uint16_t
vrf_of_address(const struct in6_addr *addr, bool *ambiguous)
{
    const struct vrf_ports *ports = vrf_ports_get();
    uint16_t vrf = VRF_DEFAULT_ID;
    const struct address *a;
    size_t n = 0;

    *ambiguous = false;
    if (!ports) {
        return VRF_DEFAULT_ID;
    }
    HMAP_FOR_EACH_WITH_HASH (a, node, hash_address(addr), &ports->addresses) {
        if (ipv6_addr_equals(&a->addr, addr)) {
            vrf = a->vrf;
            n++;
        }
    }
    *ambiguous = n > 1;
    return n == 1 ? vrf : VRF_DEFAULT_ID;
}

bool
vrf_has_table(uint32_t table)
{
    const struct vrf_ports *ports = vrf_ports_get();

    return ports && hmapx_contains(&ports->tables, (void *) (uintptr_t) table);
}

unsigned int
vrf_tables_serial(void)
{
    unsigned int serial;

    atomic_read_relaxed(&tables_serial, &serial);
    return serial;
}

/* The main thread. */

struct vrf_ports *
vrf_ports_create(const struct vrf_db *db)
{
    struct vrf_ports *ports = xzalloc(sizeof *ports);

    ports->db = db;
    shash_init(&ports->vrfs);
    shash_init(&ports->ports);
    hmap_init(&ports->addresses);
    hmapx_init(&ports->tables);
    return ports;
}

static void
vrf_ports_free(struct vrf_ports *ports)
{
    struct address *a;

    shash_destroy_free_data(&ports->vrfs);
    shash_destroy(&ports->ports);
    HMAP_FOR_EACH_POP (a, node, &ports->addresses) {
        free(a);
    }
    hmap_destroy(&ports->addresses);
    hmapx_destroy(&ports->tables);
    free(ports->by_id);
    free(ports);
}

void
vrf_ports_add_vrf(struct vrf_ports *ports, const struct vrf *vrf)
{
    struct vrf *copy = xmemdup(vrf, sizeof *vrf);

    copy->name = vrf_id_to_name(vrf->id);
    shash_add_assert(&ports->vrfs, copy->name, copy);
    if (vrf->table < FIRST_COMMON_TABLE || vrf->table > LAST_COMMON_TABLE) {
        hmapx_add(&ports->tables, (void *) (uintptr_t) vrf->table);
    }
    if (vrf->id >= ports->n_ids) {
        size_t n = vrf->id + 1;

        ports->by_id = xrealloc(ports->by_id, n * sizeof *ports->by_id);
        while (ports->n_ids < n) {
            ports->by_id[ports->n_ids++] = NULL;
        }
    }
    ports->by_id[vrf->id] = copy;
}

void
vrf_ports_add_port(struct vrf_ports *ports, const char *netdev_name,
                   uint16_t vrf, bool conflict)
{
    uintptr_t value = vrf | (conflict ? PORT_CONFLICT : 0);

    if (value) {
        shash_replace(&ports->ports, netdev_name, (void *) value);
    }
}

void
vrf_ports_add_address(struct vrf_ports *ports, const struct in6_addr *addr,
                      uint16_t vrf)
{
    if (!has_address(ports, vrf, addr)) {
        struct address *a = xmalloc(sizeof *a);

        a->addr = *addr;
        a->vrf = vrf;
        hmap_insert(&ports->addresses, &a->node, hash_address(addr));
    }
}

static bool
vrf_equal(const struct vrf *a, const struct vrf *b)
{
    return (a && b && a->id == b->id && a->table == b->table
            && a->ifindex == b->ifindex && a->configured == b->configured
            && a->conflict == b->conflict);
}

static bool
vrf_ports_equal(const struct vrf_ports *a, const struct vrf_ports *b)
{
    const struct shash_node *node;
    const struct address *addr;

    if (a->db != b->db
        || shash_count(&a->vrfs) != shash_count(&b->vrfs)
        || shash_count(&a->ports) != shash_count(&b->ports)
        || hmap_count(&a->addresses) != hmap_count(&b->addresses)) {
        return false;
    }
    SHASH_FOR_EACH (node, &a->vrfs) {
        if (!vrf_equal(node->data, shash_find_data(&b->vrfs, node->name))) {
            return false;
        }
    }
    SHASH_FOR_EACH (node, &a->ports) {
        if (node->data != shash_find_data(&b->ports, node->name)) {
            return false;
        }
    }
    HMAP_FOR_EACH (addr, node, &a->addresses) {
        if (!has_address(b, addr->vrf, &addr->addr)) {
            return false;
        }
    }
    return true;
}

/* Netdevs of 'a' that 'b' has differently, or if 'missing' not at all, count
 * as changed. */
static void
tell_netdevs(const struct vrf_ports *a, const struct vrf_ports *b,
             bool missing)
{
    const struct shash_node *node;

    SHASH_FOR_EACH (node, &a->ports) {
        const void *other = b ? shash_find_data(&b->ports, node->name) : NULL;

        if (missing ? !other : node->data != other) {
            struct netdev *netdev = netdev_from_name(node->name);

            if (netdev) {
                netdev_change_seq_changed(netdev);
                netdev_close(netdev);
            }
        }
    }
}

/* Either may be null. */
static bool
tables_equal(const struct vrf_ports *a, const struct vrf_ports *b)
{
    return (a && b ? hmapx_equals(&a->tables, &b->tables)
            : hmapx_is_empty(&(a ? a : b)->tables));
}

static void
replace(struct vrf_ports *ports)
{
    struct vrf_ports *old = ovsrcu_get_protected(struct vrf_ports *,
                                                 &vrf_ports_live);
    bool same_tables = tables_equal(ports, old);
    unsigned int orig;

    ovsrcu_set(&vrf_ports_live, ports);
    if (!same_tables) {
        atomic_add_relaxed(&tables_serial, 1, &orig);
    }
    if (ports) {
        tell_netdevs(ports, old, false);
    }
    if (old) {
        tell_netdevs(old, ports, true);
        ovsrcu_postpone(vrf_ports_free, old);
    }
    seq_change(vrf_ports_get_seq());
}

bool
vrf_ports_publish(struct vrf_ports *ports)
{
    const struct vrf_ports *old = vrf_ports_get();

    if (old && vrf_ports_equal(ports, old)) {
        vrf_ports_free(ports);
        return false;
    }
    replace(ports);
    return true;
}

void
vrf_ports_touch(void)
{
    seq_change(vrf_ports_get_seq());
}

void
vrf_ports_clear(void)
{
    if (vrf_ports_get()) {
        replace(NULL);
    }
}
