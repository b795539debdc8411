/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "seq.h"
#include "timeval.h"
#include "unixctl-view.h"
#include "util.h"
#include "vrf-counters.h"
#include "vrf-db.h"
#include "vrf-dummy.h"
#include "vrf-mode.h"
#include "vrf-monitor.h"
#include "vrf-port.h"

VLOG_DEFINE_THIS_MODULE(vrf);

static OVSRCU_TYPE(struct vrf_db *) live_db = OVSRCU_INITIALIZER(NULL);
static struct vrf_monitor *monitor;
static struct seq *vrf_seq;
static ATOMIC(uint64_t) generation = 1;
static bool is_dummy;           /* Is the database one of tests? */

/* Tables by name. */
static struct shash configured = SHASH_INITIALIZER(&configured);

/* Names of VRFs by name of port. */
static struct shash configured_ports = SHASH_INITIALIZER(&configured_ports);

/* Is anything configured that is about VRFs?  Did anybody call vrf_want()? */
static bool ports_wanted;
static atomic_bool wanted = ATOMIC_VAR_INIT(false);
static struct seq *wanted_seq;
static uint64_t wanted_seqno;

/* When the picture of ports may be made anew, and whether it has to be: not
 * for each of many changes of routes. */
#define PICTURE_INTERVAL 100
static long long int picture_time;
static bool picture_is_old;

const struct vrf_db *
vrf_get_db(void)
{
    return ovsrcu_get(struct vrf_db *, &live_db);
}

struct seq *
vrf_get_seq(void)
{
    return vrf_seq;
}

uint64_t
vrf_get_generation(void)
{
    uint64_t n;

    atomic_read_explicit(&generation, &n, memory_order_acquire);
    return n;
}

/* To be called after each change, before this thread quiesces: what was taken
 * out of the database is not freed before that. */
static void
tell_change(void)
{
    uint64_t orig;

    atomic_add_explicit(&generation, 1, &orig, memory_order_acq_rel);
    seq_change(vrf_seq);
}

/* The number that 'names' has for 'name', 0 if it has none. */
static uint32_t
number_of(const struct shash *names, const char *name)
{
    const void *data = shash_find_data(names, name);

    return (uintptr_t) data;
}

/* The VRF with this name as 'db' and the configuration have it. */
static bool
find_in(const struct vrf_db *db, const char *name, struct vrf *vrf)
{
    const struct vrf_device *device = vrf_db_device_by_name(db, name);
    uint32_t table = number_of(&configured, name);

    if (device && !device->table) {
        device = NULL;
    }
    if (!device && !table) {
        return false;
    }
    vrf->name = name;
    vrf->id = vrf_id_of_name(name);
    vrf->table = device ? device->table : table;
    vrf->ifindex = device ? device->ifindex : 0;
    vrf->configured = table != 0;
    vrf->conflict = table && table != vrf->table;
    return true;
}

bool
vrf_find(const char *name, struct vrf *vrf)
{
    const struct vrf_db *db = vrf_get_db();

    return db && find_in(db, name, vrf);
}

/* The picture of ports (vrf-port.h). */

struct picture {
    struct vrf_ports *ports;
    const struct vrf_db *db;
};

static void
add_vrf(struct picture *p, const char *name)
{
    struct vrf vrf;

    if (find_in(p->db, name, &vrf) && vrf.id) {
        vrf_ports_add_vrf(p->ports, &vrf);
    }
}

static void
add_vrf_device(const struct vrf_device *device, void *p)
{
    struct picture *picture = p;

    /* For a moment there may be two devices with a name, if it was taken from
     * one and Linux's messages about that were lost. */
    if (device->table && !shash_find(&configured, device->name)
        && vrf_db_device_by_name(picture->db, device->name) == device) {
        add_vrf(picture, device->name);
    }
}

/* The VRF that Linux has the device in, null if in none. */
static const struct vrf_device *
vrf_device_of(const struct vrf_db *db, const struct vrf_device *device)
{
    const struct vrf_device *master
        = device->table ? device : vrf_db_device(db, device->master);

    return master && master->table ? master : NULL;
}

static void
add_device(const struct vrf_device *device, void *p_)
{
    const struct vrf_device *master;
    struct picture *p = p_;

    master = vrf_device_of(p->db, device);
    if (master && !shash_find(&configured_ports, device->name)) {
        vrf_ports_add_port(p->ports, device->name,
                           vrf_id_of_name(master->name), false);
    }
}

static void
add_configured_port(struct picture *p, const char *port, const char *name)
{
    const struct vrf_device *device = vrf_db_device_by_name(p->db, port);
    const struct vrf_device *master = (device ? vrf_device_of(p->db, device)
                                       : NULL);
    struct vrf vrf;
    bool conflict = (master && strcmp(master->name, name)
                     && !(find_in(p->db, name, &vrf)
                          && vrf.table == master->table));

    if (conflict) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        VLOG_WARN_RL(&rl, "%s: Linux has it in the VRF %s, where it stays, "
                     "and not in %s, as other_config:vrf says", port,
                     master->name, name);
    }
    vrf_ports_add_port(p->ports, port,
                       vrf_id_of_name(conflict ? master->name : name),
                       conflict);
}

static void
add_address(const struct vrf_address *a, void *p_)
{
    struct picture *p = p_;
    const struct vrf_device *device = vrf_db_device(p->db, a->ifindex);

    if (device) {
        struct in6_addr addr = vrf_addr_to_in6(a->family, &a->addr);

        vrf_ports_add_address(p->ports, &addr,
                              vrf_ports_find(p->ports, device->name));
    }
}

/* Makes the picture anew if it may be another one than before. */
static void
update_picture(void)
{
    struct picture p = { NULL, vrf_get_db() };
    const struct shash_node *node;

    picture_is_old = false;
    if (!p.db) {
        vrf_ports_clear();
        return;
    }
    picture_time = time_msec() + PICTURE_INTERVAL;
    p.ports = vrf_ports_create(p.db);
    SHASH_FOR_EACH (node, &configured) {
        add_vrf(&p, node->name);
    }
    vrf_db_for_each_device(p.db, add_vrf_device, &p);
    vrf_db_for_each_device(p.db, add_device, &p);
    SHASH_FOR_EACH (node, &configured_ports) {
        add_configured_port(&p, node->name, node->data);
    }
    vrf_db_for_each_address(p.db, add_address, &p);
    if (vrf_ports_publish(p.ports)) {
        tell_change();
    }
}

/* Listening. */

static void
start(void)
{
    struct vrf_db *db = vrf_db_create();

    if (vrf_monitor_create(db, &monitor)) {
        vrf_db_destroy(db);
        return;
    }
    vrf_db_set_own_vrfs(db, true);
    ovsrcu_set(&live_db, db);
    tell_change();
}

static void
stop(void)
{
    struct vrf_db *db = ovsrcu_get_protected(struct vrf_db *, &live_db);

    if (db) {
        vrf_monitor_destroy(monitor);
        monitor = NULL;
        ovsrcu_set(&live_db, NULL);
        vrf_ports_clear();
        vrf_db_destroy(db);
        tell_change();
    }
}

static void
start_or_stop(void)
{
    bool want;

    atomic_read_relaxed(&wanted, &want);
    if (is_dummy) {
        return;
    }
    if (!want && !ports_wanted && shash_is_empty(&configured)) {
        stop();
    } else if (!monitor) {
        start();
    }
}

struct vrf_db *
vrf_use_dummy(void)
{
    if (!is_dummy) {
        struct vrf_db *db = vrf_db_create();

        stop();
        is_dummy = true;
        vrf_db_set_own_vrfs(db, true);
        ovsrcu_set(&live_db, db);
        vrf_dummy_changed();
    }
    return ovsrcu_get_protected(struct vrf_db *, &live_db);
}

void
vrf_dummy_changed(void)
{
    tell_change();
    update_picture();
}

/* Return whether anything changed. */
static bool
configure_tables(const struct shash *tables)
{
    struct shash_node *node;
    bool changed = shash_count(tables) != shash_count(&configured);

    SHASH_FOR_EACH (node, tables) {
        changed |= shash_find_data(&configured, node->name) != node->data;
    }
    if (changed) {
        shash_clear(&configured);
        SHASH_FOR_EACH (node, tables) {
            shash_add(&configured, node->name, node->data);
        }
    }
    return changed;
}

static bool
configure_ports(const struct shash *ports)
{
    struct shash_node *node;
    bool changed = shash_count(ports) != shash_count(&configured_ports);

    SHASH_FOR_EACH (node, ports) {
        const char *name = shash_find_data(&configured_ports, node->name);

        changed |= !name || strcmp(name, node->data);
    }
    if (changed) {
        shash_clear_free_data(&configured_ports);
        SHASH_FOR_EACH (node, ports) {
            shash_add(&configured_ports, node->name, xstrdup(node->data));
        }
    }
    return changed;
}

void
vrf_configure(const struct shash *tables, const struct shash *ports,
              bool wanted_)
{
    bool changed = configure_tables(tables);

    changed |= configure_ports(ports);
    ports_wanted = wanted_ || !shash_is_empty(ports);
    start_or_stop();
    if (changed) {
        update_picture();
        tell_change();
    }
}

void
vrf_want(void)
{
    bool want;

    atomic_read_relaxed(&wanted, &want);
    if (!want && wanted_seq) {
        atomic_store_relaxed(&wanted, true);
        seq_change(wanted_seq);
    }
}

void
vrf_run(void)
{
    uint64_t seqno = seq_read(wanted_seq);

    if (seqno != wanted_seqno) {
        wanted_seqno = seqno;
        start_or_stop();
    }
    if (monitor && vrf_monitor_run(monitor)) {
        picture_is_old = true;
        tell_change();
    }
    if (picture_is_old && time_msec() >= picture_time) {
        update_picture();
    }
    vrf_mode_run();
}

void
vrf_wait(void)
{
    seq_wait(wanted_seq, wanted_seqno);
    if (monitor) {
        vrf_monitor_wait(monitor);
    }
    if (picture_is_old) {
        poll_timer_wait_until(picture_time);
    }
    vrf_mode_wait();
}

/* Commands. */

/* What a command answers from, and the answer. */
struct view {
    const struct vrf_db *db;
    struct vrf_db *own;         /* If nothing listens otherwise. */
    struct json *json;          /* An array, or null for text. */
    struct ds *text;
    bool one;                   /* Is it about one VRF, in detail? */
};

/* Prepares to answer 'out'.  Returns null, or an error for the caller to free,
 * if the kernel cannot be read. */
static char *
view_open(struct view *v, struct unixctl_view *out)
{
    memset(v, 0, sizeof *v);
    v->db = vrf_get_db();
    if (!v->db) {
        struct vrf_monitor *m;

        v->own = vrf_db_create();
        if (vrf_monitor_create(v->own, &m)) {
            vrf_db_destroy(v->own);
            return xstrdup("cannot read from the kernel");
        }
        do {
            vrf_monitor_run(m);
        } while (!vrf_monitor_is_synced(m));
        vrf_monitor_destroy(m);
        v->db = v->own;
    }
    v->json = out->json = out->wants_json ? json_array_create_empty() : NULL;
    v->text = &out->text;
    return NULL;
}

static void
view_close(struct view *v)
{
    vrf_db_destroy(v->own);
}

/* Closes the view.  Returns what is wrong with 'token'. */
static char *
view_fail(struct view *v, const char *token, const char *why)
{
    view_close(v);
    return xasprintf("%s: %s", token, why);
}

static void
add_name(const struct vrf_device *device, void *names)
{
    if (device->table) {
        shash_add_once(names, device->name, NULL);
    }
}

struct members {
    uint32_t master;
    struct shash names;
};

static void
add_member(const struct vrf_device *device, void *members_)
{
    struct members *members = members_;

    if (members->master && device->master == members->master) {
        shash_add_once(&members->names, device->name, NULL);
    }
}

static size_t
n_routes(const struct view *v, enum vrf_family family, uint32_t table)
{
    const struct vrf_fib *fib = vrf_db_table(v->db, family, table);
    struct vrf_fib_usage usage;

    if (!fib) {
        return 0;
    }
    vrf_fib_get_usage(fib, &usage);
    return usage.n_routes;
}

static void
put_vrf(struct view *v, const struct vrf *vrf)
{
    struct members m = { .master = vrf->ifindex };
    const struct shash_node **nodes;
    size_t n;

    shash_init(&m.names);
    vrf_db_for_each_device(v->db, add_member, &m);
    n = shash_count(&m.names);
    nodes = shash_sort(&m.names);
    if (v->json) {
        struct json *members = json_array_create_empty();
        struct json *object = json_object_create();

        for (size_t i = 0; i < n; i++) {
            json_array_add(members, json_string_create(nodes[i]->name));
        }
        json_object_put_string(object, "name", vrf->name);
        json_object_put(object, "id", json_integer_create(vrf->id));
        json_object_put(object, "table", json_integer_create(vrf->table));
        json_object_put(object, "ifindex", json_integer_create(vrf->ifindex));
        json_object_put(object, "configured",
                        json_boolean_create(vrf->configured));
        json_object_put(object, "conflict",
                        json_boolean_create(vrf->conflict));
        json_object_put(object, "inexact",
                        json_boolean_create(vrf_db_inexact(v->db)));
        json_object_put(object, "members", members);
        json_object_put(object, "forwarding", vrf_mode_to_json(vrf->id));
        json_object_put(object, "routes4", json_integer_create(
            n_routes(v, VRF_IPV4, vrf->table)));
        json_object_put(object, "routes6", json_integer_create(
            n_routes(v, VRF_IPV6, vrf->table)));
        json_array_add(v->json, object);
    } else {
        ds_put_format(v->text, "%s: id %"PRIu16", table %"PRIu32"%s%s%s, "
                      "%"PRIuSIZE" IPv4 and %"PRIuSIZE" IPv6 routes\n",
                      vrf->name, vrf->id, vrf->table,
                      vrf->ifindex ? ", device" : "",
                      vrf->configured ? ", configured" : "",
                      vrf->conflict ? " with another table" : "",
                      n_routes(v, VRF_IPV4, vrf->table),
                      n_routes(v, VRF_IPV6, vrf->table));
        for (size_t i = 0; i < n; i++) {
            ds_put_format(v->text, "    member %s\n", nodes[i]->name);
        }
        if (v->one) {
            ds_put_cstr(v->text, "    output_vrf looks up the route of ");
            vrf_mode_format(vrf->id, v->text);
            ds_put_char(v->text, '\n');
        }
        if (vrf_db_inexact(v->db)) {
            ds_put_cstr(v->text, "    inexact: there are rules or routes "
                        "with selectors that are not supported\n");
        }
    }
    free(nodes);
    shash_destroy(&m.names);
}

/* Shows the VRF called 'only', or all if that is null. */
static char *
show_vrfs(struct unixctl_view *out, const char *only)
{
    struct shash names = SHASH_INITIALIZER(&names);
    const struct shash_node **nodes;
    struct shash_node *node;
    bool found = !only;
    struct view v;
    char *error;
    size_t n;

    error = view_open(&v, out);
    if (error) {
        return error;
    }
    v.one = only != NULL;
    SHASH_FOR_EACH (node, &configured) {
        shash_add_once(&names, node->name, NULL);
    }
    vrf_db_for_each_device(v.db, add_name, &names);
    n = shash_count(&names);
    nodes = shash_sort(&names);
    for (size_t i = 0; i < n; i++) {
        struct vrf vrf;

        if ((!only || !strcmp(nodes[i]->name, only))
            && find_in(v.db, nodes[i]->name, &vrf)) {
            put_vrf(&v, &vrf);
            found = true;
        }
    }
    free(nodes);
    shash_destroy(&names);
    if (!found) {
        return view_fail(&v, only, "no such VRF");
    }
    view_close(&v);
    return NULL;
}

static char *
cmd_list(struct unixctl_view *out)
{
    return show_vrfs(out, NULL);
}

static char *
cmd_show(struct unixctl_view *out)
{
    return show_vrfs(out, out->args[0]);
}

/* Finds the table that 's' means: a VRF's name, "default" or table=NUMBER. */
static bool
parse_table(const struct view *v, const char *s, uint32_t *table)
{
    unsigned int number;
    struct vrf vrf;

    if (!strcmp(s, VRF_DEFAULT_NAME)) {
        *table = 254;
        return true;
    } else if (!strncmp(s, "table=", 6)) {
        if (!str_to_uint(s + 6, 10, &number) || !number) {
            return false;
        }
        *table = number;
        return true;
    }
    if (!find_in(v->db, s, &vrf)) {
        return false;
    }
    *table = vrf.table;
    return true;
}

struct route_aux {
    struct view *v;
    enum vrf_family family;
};

static bool
put_routes(const struct vrf_prefix *p, struct vrf_route *const routes[],
           size_t n, void *aux_)
{
    struct route_aux *aux = aux_;
    struct view *v = aux->v;

    for (size_t i = 0; i < n; i++) {
        if (v->json) {
            struct json *object = vrf_route_to_json(aux->family, routes[i],
                                                    vrf_db_ifname, v->db);
            struct ds s = DS_EMPTY_INITIALIZER;

            vrf_prefix_format(aux->family, p, &s);
            json_object_put_string(object, "dst", ds_cstr(&s));
            ds_destroy(&s);
            json_array_add(v->json, object);
        } else {
            if (routes[i]->info.type != VRF_ROUTE_UNICAST) {
                ds_put_format(v->text, "%s ",
                              vrf_route_type_name(routes[i]->info.type));
            }
            vrf_prefix_format(aux->family, p, v->text);
            vrf_route_format(aux->family, routes[i], vrf_db_ifname, v->db,
                             v->text);
            ds_put_char(v->text, '\n');
        }
    }
    return true;
}

static char *
cmd_route(struct unixctl_view *out)
{
    const char *name = out->n_args ? out->args[0] : VRF_DEFAULT_NAME;
    uint32_t table;
    struct view v;
    char *error;

    error = view_open(&v, out);
    if (error) {
        return error;
    }
    if (!parse_table(&v, name, &table)) {
        return view_fail(&v, name, "no such VRF, nor table=NUMBER");
    }
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        const struct vrf_fib *fib = vrf_db_table(v.db, f, table);
        struct route_aux route_aux = { &v, f };

        if (fib) {
            vrf_fib_for_each(fib, put_routes, &route_aux);
        }
    }
    view_close(&v);
    return NULL;
}

static char *
cmd_rule(struct unixctl_view *out)
{
    struct view v;
    char *error;

    error = view_open(&v, out);
    if (error) {
        return error;
    }
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        const struct vrf_rules *rules = vrf_db_rules(v.db, f);

        for (size_t i = 0; i < rules->n; i++) {
            if (v.json) {
                struct json *object = vrf_rule_to_json(f, &rules->rules[i]);

                json_object_put(object, "family",
                                json_integer_create(f == VRF_IPV4 ? 4 : 6));
                json_array_add(v.json, object);
            } else {
                ds_put_cstr(v.text, f == VRF_IPV4 ? "ip   " : "ipv6 ");
                vrf_rule_format(f, &rules->rules[i], v.text);
                ds_put_char(v.text, '\n');
            }
        }
    }
    view_close(&v);
    return NULL;
}

struct neigh_aux {
    struct view *v;
    uint32_t master;            /* Of the members, or 0 for all devices. */
};

static void
put_neigh(const struct vrf_neighbour *n, void *aux_)
{
    struct neigh_aux *aux = aux_;
    const struct vrf_device *d = vrf_db_device(aux->v->db, n->ifindex);
    struct ds addr = DS_EMPTY_INITIALIZER;

    if (!d || (aux->master && d->master != aux->master)) {
        return;
    }
    vrf_addr_format(n->family, &n->addr, &addr);
    if (aux->v->json) {
        struct json *object = json_object_create();
        char mac[ETH_ADDR_STRLEN + 1];

        snprintf(mac, sizeof mac, ETH_ADDR_FMT, ETH_ADDR_ARGS(n->mac));
        json_object_put_string(object, "dst", ds_cstr(&addr));
        json_object_put_string(object, "dev", d->name);
        json_object_put_string(object, "lladdr", mac);
        json_object_put(object, "state", json_integer_create(n->state));
        json_array_add(aux->v->json, object);
    } else {
        ds_put_format(aux->v->text, "%s dev %s lladdr "ETH_ADDR_FMT
                      " state %#"PRIx16"\n", ds_cstr(&addr), d->name,
                      ETH_ADDR_ARGS(n->mac), n->state);
    }
    ds_destroy(&addr);
}

static char *
cmd_neigh(struct unixctl_view *out)
{
    struct neigh_aux neigh_aux;
    struct vrf vrf;
    struct view v;
    char *error;

    error = view_open(&v, out);
    if (error) {
        return error;
    }
    neigh_aux.v = &v;
    neigh_aux.master = 0;
    if (out->n_args) {
        if (!find_in(v.db, out->args[0], &vrf) || !vrf.ifindex) {
            return view_fail(&v, out->args[0], "no VRF that has a device");
        }
        neigh_aux.master = vrf.ifindex;
    }
    vrf_db_for_each_neighbour(v.db, put_neigh, &neigh_aux);
    view_close(&v);
    return NULL;
}

/* Takes KEY=VALUE.  Returns why it is wrong, null if it is not. */
static const char *
parse_flow_part(const struct view *v, const char *s, struct vrf_flow *flow)
{
    static const struct {
        const char *key;
        unsigned int max;
    } numbers[] = {
        { "mark=", UINT32_MAX }, { "tos=", 255 }, { "proto=", 255 },
        { "sport=", 65535 }, { "dport=", 65535 },
    };
    bool is_iif = !strncmp(s, "iif=", 4);
    enum vrf_family family;

    if (!strncmp(s, "src=", 4)) {
        return (vrf_addr_parse(s + 4, &family, &flow->src)
                && family == flow->family
                ? NULL : "bad address, or not of the destination's family");
    } else if (is_iif || !strncmp(s, "oif=", 4)) {
        const struct vrf_device *d = vrf_db_device_by_name(v->db, s + 4);

        if (!d) {
            return "no such device";
        }
        *(is_iif ? &flow->iif : &flow->oif) = d->ifindex;
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        size_t len = strlen(numbers[i].key);
        unsigned int x;

        if (!strncmp(s, numbers[i].key, len)) {
            if (!str_to_uint(s + len, 0, &x) || x > numbers[i].max) {
                return "bad number";
            }
            switch (i) {
            case 0: flow->mark = x; break;
            case 1: flow->tos = x; break;
            case 2: flow->proto = x; break;
            case 3: flow->sport = x; break;
            default: flow->dport = x; break;
            }
            return NULL;
        }
    }
    return "keys are src, iif, oif, mark, tos, proto, sport and dport";
}

/* What the counters call it, too: the type of a route is not what becomes of
 * packets that Linux would encapsulate by it. */
static const char *
outcome_of(const struct vrf_db *db, bool found, const struct vrf_answer *a)
{
    const struct vrf_hop *hop;

    if (!found) {
        return a->leak_loop ? "leak_loop" : "no_route";
    }
    hop = (a->type == VRF_ROUTE_UNICAST && a->route
           ? vrf_db_choose(db, a->route, 0) : NULL);
    return (hop && hop->flags & VRF_HOP_ENCAP ? "encap"
            : vrf_route_type_name(a->type));
}

static void
put_answer(struct view *v, const struct vrf_flow *flow, bool found,
           const struct vrf_answer *a)
{
    const char *outcome = outcome_of(v->db, found, a);
    const struct vrf_prefix p = { vrf_addr_cut(&flow->dst, a->len), a->len };
    const struct vrf_prefix used = {
        vrf_addr_cut(&flow->dst, a->used.dst_bits), a->used.dst_bits
    };

    if (v->json) {
        struct json *object = json_object_create();
        struct ds s = DS_EMPTY_INITIALIZER;

        json_object_put_string(object, "outcome", outcome);
        vrf_prefix_format(flow->family, &used, &s);
        json_object_put_string(object, "decided", ds_cstr(&s));
        if (a->rule) {
            json_object_put(object, "rule",
                            vrf_rule_to_json(flow->family, a->rule));
        }
        if (a->route) {
            struct json *route = vrf_route_to_json(flow->family, a->route,
                                                   vrf_db_ifname, v->db);

            ds_clear(&s);
            vrf_prefix_format(flow->family, &p, &s);
            json_object_put_string(route, "dst", ds_cstr(&s));
            json_object_put(object, "route", route);
            json_object_put(object, "table", json_integer_create(a->table));
        }
        ds_destroy(&s);
        json_array_add(v->json, object);
        return;
    }

    ds_put_format(v->text, "outcome: %s\n", outcome);
    if (a->rule) {
        ds_put_cstr(v->text, "rule: ");
        vrf_rule_format(flow->family, a->rule, v->text);
        ds_put_char(v->text, '\n');
    }
    if (a->route) {
        ds_put_format(v->text, "table: %"PRIu32"\nroute: ", a->table);
        vrf_prefix_format(flow->family, &p, v->text);
        vrf_route_format(flow->family, a->route, vrf_db_ifname, v->db,
                         v->text);
        ds_put_char(v->text, '\n');
    }
    ds_put_cstr(v->text, "decided: ");
    vrf_prefix_format(flow->family, &used, v->text);
    ds_put_format(v->text, ", %"PRIu8" bits of the source%s%s%s%s%s\n",
                  a->used.src_bits, a->used.tos_mask ? ", tos" : "",
                  a->used.mark_mask ? ", mark" : "",
                  a->used.proto ? ", proto" : "",
                  a->used.sport ? ", sport" : "",
                  a->used.dport ? ", dport" : "");
}

static char *
cmd_lookup(struct unixctl_view *out)
{
    const char **args = out->args;
    struct vrf_answer answer;
    struct vrf_flow flow;
    const char *why;
    struct vrf vrf;
    struct view v;
    char *error;
    bool found;

    error = view_open(&v, out);
    if (error) {
        return error;
    }
    memset(&flow, 0, sizeof flow);
    flow.iif = VRF_IIF_LOCAL;
    if (strcmp(args[0], VRF_DEFAULT_NAME)) {
        if (!find_in(v.db, args[0], &vrf)) {
            return view_fail(&v, args[0], "no such VRF");
        }
        flow.vrf_table = vrf.table;
    }
    if (!vrf_addr_parse(args[1], &flow.family, &flow.dst)) {
        return view_fail(&v, args[1], "not an IPv4 or IPv6 address");
    }
    for (int i = 2; i < out->n_args; i++) {
        why = parse_flow_part(&v, args[i], &flow);
        if (why) {
            return view_fail(&v, args[i], why);
        }
    }
    vrf_db_complete_flow(v.db, &flow);
    found = vrf_db_lookup(v.db, &flow, &answer);
    put_answer(&v, &flow, found, &answer);
    view_close(&v);
    return NULL;
}

static const struct unixctl_view_class views[] = {
    { "vrf/list", "[--json]", 0, 0, cmd_list },
    { "vrf/show", "[--json] NAME", 1, 1, cmd_show },
    { "vrf/route", "[--json] [NAME|table=N]", 0, 1, cmd_route },
    { "vrf/rule", "[--json]", 0, 0, cmd_rule },
    { "vrf/neigh", "[--json] [NAME]", 0, 1, cmd_neigh },
    { "vrf/lookup", "[--json] NAME DST [src=ADDRESS] [iif=DEVICE] "
      "[oif=DEVICE] [mark=N] [tos=N] [proto=N] [sport=N] [dport=N]", 2, 10,
      cmd_lookup },
};

void
vrf_init(void)
{
    if (vrf_seq) {
        return;
    }
    vrf_seq = seq_create();
    wanted_seq = seq_create();
    wanted_seqno = seq_read(wanted_seq);
    vrf_counters_init();
    vrf_dummy_init();
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        unixctl_view_register(&views[i]);
    }
}

void
vrf_exit(void)
{
    stop();
    shash_clear(&configured);
    shash_clear_free_data(&configured_ports);
}
