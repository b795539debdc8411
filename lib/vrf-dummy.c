/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-dummy.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "netdev.h"
#include "openvswitch/dynamic-string.h"
#include "sset.h"
#include "unixctl.h"
#include "util.h"
#include "vrf.h"
#include "vrf-db.h"

static bool used;
static struct vrf_event event;  /* Large, thus not on the stack. */
static struct ds asked = DS_EMPTY_INITIALIZER;

struct vrf_db *
vrf_dummy_use(void)
{
    used = true;
    return vrf_use_dummy();
}

bool
vrf_dummy_is_used(void)
{
    return used;
}

void
vrf_dummy_ask(enum vrf_family family, uint32_t ifindex,
              const struct vrf_addr *addr)
{
    vrf_addr_format(family, addr, &asked);
    ds_put_format(&asked, " dev %"PRIu32"\n", ifindex);
}

/* Parses KEY=VALUE with a number, if the key is that one. */
static bool
parse_key(const char *s, const char *key, uint32_t *value)
{
    size_t n = strlen(key);
    unsigned int x;

    if (strncmp(s, key, n) || s[n] != '=' || !str_to_uint(s + n + 1, 0, &x)) {
        return false;
    }
    *value = x;
    return true;
}

static bool
parse_prefix(const char *s, enum vrf_family *family, struct vrf_prefix *p)
{
    char *addr = xstrdup(s);
    char *slash = strchr(addr, '/');
    unsigned int len = 0;
    bool ok;

    if (slash) {
        *slash = '\0';
    }
    ok = (slash && str_to_uint(slash + 1, 10, &len)
          && vrf_addr_parse(addr, family, &p->addr)
          && len <= vrf_family_bits(*family));
    p->len = len;
    free(addr);
    return ok;
}

static bool
parse_link(int argc, const char *argv[])
{
    struct vrf_device *d = &event.link;

    event.type = VRF_EVENT_LINK;
    if (argc < 3 || !str_to_uint(argv[0], 10, &d->ifindex)
        || !str_to_uint(argv[2], 10, &d->mtu)) {
        return false;
    }
    ovs_strlcpy(d->name, argv[1], sizeof d->name);
    d->up = d->running = true;
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "down")) {
            d->up = d->running = false;
        } else if (!parse_key(argv[i], "table", &d->table)
                   && !parse_key(argv[i], "master", &d->master)) {
            return false;
        }
    }
    return true;
}

static bool
parse_address(int argc, const char *argv[])
{
    struct vrf_prefix p;

    event.type = VRF_EVENT_ADDRESS;
    if (argc != 2 || !str_to_uint(argv[0], 10, &event.address.ifindex)
        || !parse_prefix(argv[1], &event.address.family, &p)) {
        return false;
    }
    event.address.addr = p.addr;
    event.address.len = p.len;
    return true;
}

static bool
parse_route(int argc, const char *argv[])
{
    struct vrf_event_route *r = &event.route;
    struct vrf_hop *hop = &r->hops[0];

    event.type = VRF_EVENT_ROUTE;
    if (argc < 3 || !str_to_uint(argv[0], 10, &r->table)
        || !parse_prefix(argv[2], &r->family, &r->prefix)) {
        return false;
    }
    for (int t = VRF_ROUTE_UNICAST; t <= VRF_ROUTE_TYPE_MAX; t++) {
        if (!strcmp(argv[1], vrf_route_type_name(t))) {
            r->info.type = t;
        }
    }
    hop->weight = 1;
    for (int i = 3; i < argc; i++) {
        enum vrf_family family;

        if (!strcmp(argv[i], "del")) {
            event.gone = true;
        } else if (!strcmp(argv[i], "encap")) {
            hop->flags |= VRF_HOP_ENCAP;
        } else if (!strncmp(argv[i], "via=", 4)
                   && vrf_addr_parse(argv[i] + 4, &family, &hop->gateway)) {
            hop->gateway_family = family;
        } else if (parse_key(argv[i], "dev", &hop->ifindex)) {
            r->n_hops = 1;
        } else if (!parse_key(argv[i], "mtu", &r->info.mtu)
                   && !parse_key(argv[i], "metric", &r->info.metric)) {
            return false;
        }
    }
    return r->info.type != 0;
}

static bool
parse_neighbour(int argc, const char *argv[])
{
    struct vrf_neighbour *n = &event.neighbour;

    event.type = VRF_EVENT_NEIGHBOUR;
    if (argc != 3 || !str_to_uint(argv[0], 10, &n->ifindex)
        || !vrf_addr_parse(argv[1], &n->family, &n->addr)) {
        return false;
    }
    n->state = NUD_REACHABLE;
    if (!strcmp(argv[2], "none")) {
        event.gone = true;
        return true;
    }
    return eth_addr_from_string(argv[2], &n->mac);
}

static void
vrf_unixctl_dummy(struct unixctl_conn *conn, int argc, const char *argv[],
                  void *aux OVS_UNUSED)
{
    struct vrf_db *db;
    bool ok;

    db = vrf_dummy_use();
    memset(&event, 0, sizeof event);
    argc -= 2;
    argv++;
    if (!strcmp(argv[0], "asked")) {
        unixctl_command_reply(conn, ds_cstr(&asked));
        ds_clear(&asked);
        return;
    }
    ok = (!strcmp(argv[0], "link") ? parse_link(argc, argv + 1)
          : !strcmp(argv[0], "address") ? parse_address(argc, argv + 1)
          : !strcmp(argv[0], "route") ? parse_route(argc, argv + 1)
          : !strcmp(argv[0], "neighbour") ? parse_neighbour(argc, argv + 1)
          : false);
    if (!ok) {
        unixctl_command_reply_error(conn, "bad event");
        return;
    }
    vrf_db_apply(db, &event);
    vrf_dummy_changed();
    unixctl_command_reply(conn, NULL);
}

void
vrf_dummy_init(void)
{
    struct sset types = SSET_INITIALIZER(&types);

    netdev_enumerate_types(&types);
    if (sset_contains(&types, "dummy")) {
        unixctl_command_register("vrf/dummy", "EVENT...", 1, 10,
                                 vrf_unixctl_dummy, NULL);
    }
    sset_destroy(&types);
}
