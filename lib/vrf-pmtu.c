/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-pmtu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "packets.h"
#include "seq.h"
#include "timeval.h"
#include "unixctl-view.h"
#include "unixctl.h"
#include "util.h"
#include "vrf-port.h"

COVERAGE_DEFINE(vrf_pmtu_learned);
COVERAGE_DEFINE(vrf_pmtu_expired);
COVERAGE_DEFINE(vrf_pmtu_evicted);

struct exception {
    struct hmap_node node;      /* In 'exceptions', by VRF and destination. */
    struct ovs_list by_age;     /* In 'by_age'. */
    struct in6_addr dst;
    uint16_t vrf;
    uint32_t mtu;
    uint64_t route_serial;
    long long int expires;
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct hmap exceptions OVS_GUARDED_BY(mutex)
    = HMAP_INITIALIZER(&exceptions);

/* What was learned last is last, so it expires last. */
static struct ovs_list by_age OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&by_age);

/* Changes with 'exceptions'. */
static struct seq *pmtu_seq;
static uint64_t seen_seqno;

static uint32_t
exception_hash(uint16_t vrf, const struct in6_addr *dst)
{
    return hash_bytes(dst, sizeof *dst, vrf);
}

static struct exception *
find(uint16_t vrf, const struct in6_addr *dst)
    OVS_REQUIRES(mutex)
{
    struct exception *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, exception_hash(vrf, dst), &exceptions) {
        if (e->vrf == vrf && ipv6_addr_equals(&e->dst, dst)) {
            return e;
        }
    }
    return NULL;
}

static void
forget(struct exception *e)
    OVS_REQUIRES(mutex)
{
    hmap_remove(&exceptions, &e->node);
    ovs_list_remove(&e->by_age);
    free(e);
}

uint32_t
vrf_pmtu_find(uint16_t vrf, const struct in6_addr *dst, uint64_t route_serial,
              long long int now)
{
    const struct exception *e;
    uint32_t mtu = 0;

    ovs_mutex_lock(&mutex);
    e = find(vrf, dst);
    if (e && e->route_serial == route_serial && e->expires > now) {
        mtu = e->mtu;
    }
    ovs_mutex_unlock(&mutex);
    return mtu;
}

bool
vrf_pmtu_learn(uint16_t vrf, const struct in6_addr *dst,
               uint64_t route_serial, uint32_t limit, uint32_t mtu,
               long long int now)
{
    uint32_t min = (IN6_IS_ADDR_V4MAPPED(dst) ? VRF_PMTU_MIN_IPV4
                    : VRF_PMTU_MIN_IPV6);
    bool changed = false;
    struct exception *e;

    mtu = MAX(mtu, min);
    if (mtu >= limit) {
        return false;
    }
    ovs_mutex_lock(&mutex);
    e = find(vrf, dst);
    if (e && (e->route_serial != route_serial || e->expires <= now)) {
        forget(e);
        e = NULL;
    }
    if (!e || mtu <= e->mtu) {
        changed = !e || mtu < e->mtu;
        if (!e) {
            if (hmap_count(&exceptions) >= VRF_PMTU_MAX) {
                COVERAGE_INC(vrf_pmtu_evicted);
                forget(CONTAINER_OF(ovs_list_front(&by_age),
                                    struct exception, by_age));
            }
            e = xzalloc(sizeof *e);
            e->vrf = vrf;
            e->dst = *dst;
            e->route_serial = route_serial;
            hmap_insert(&exceptions, &e->node, exception_hash(vrf, dst));
        } else {
            ovs_list_remove(&e->by_age);
        }
        e->mtu = mtu;
        e->expires = now + VRF_PMTU_LIFETIME;
        ovs_list_push_back(&by_age, &e->by_age);
    }
    ovs_mutex_unlock(&mutex);
    if (changed) {
        COVERAGE_INC(vrf_pmtu_learned);
        seq_change(pmtu_seq);
    }
    return changed;
}

/* Forgets those of 'vrf', or all if it is negative. */
static size_t
flush(int vrf)
{
    struct exception *e;
    size_t n = 0;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH_SAFE (e, by_age, &by_age) {
        if (vrf < 0 || e->vrf == vrf) {
            forget(e);
            n++;
        }
    }
    ovs_mutex_unlock(&mutex);
    if (n) {
        seq_change(pmtu_seq);
    }
    return n;
}

size_t
vrf_pmtu_flush(void)
{
    return flush(-1);
}

size_t
vrf_pmtu_flush_vrf(uint16_t vrf)
{
    return flush(vrf);
}

/* The main thread. */

bool
vrf_pmtu_run(long long int now)
{
    struct exception *e;
    bool expired = false;
    uint64_t seqno;
    bool changed;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH_SAFE (e, by_age, &by_age) {
        if (e->expires > now) {
            break;
        }
        COVERAGE_INC(vrf_pmtu_expired);
        forget(e);
        expired = true;
    }
    ovs_mutex_unlock(&mutex);

    seqno = seq_read(pmtu_seq);
    changed = expired || seqno != seen_seqno;
    seen_seqno = seqno;
    return changed;
}

void
vrf_pmtu_wait(void)
{
    ovs_mutex_lock(&mutex);
    if (!ovs_list_is_empty(&by_age)) {
        poll_timer_wait_until(CONTAINER_OF(ovs_list_front(&by_age),
                                           struct exception,
                                           by_age)->expires);
    }
    ovs_mutex_unlock(&mutex);
    seq_wait(pmtu_seq, seen_seqno);
}

static void
put_exception(const struct exception *e, struct json *json, struct ds *text)
{
    long long int left = (e->expires - time_msec()) / 1000;

    if (json) {
        struct json *object = json_object_create();
        struct ds dst = DS_EMPTY_INITIALIZER;

        ipv6_format_mapped(&e->dst, &dst);
        json_object_put_string(object, "vrf", vrf_id_to_name(e->vrf));
        json_object_put_string(object, "dst", ds_cstr(&dst));
        json_object_put(object, "mtu", json_integer_create(e->mtu));
        json_object_put(object, "expires", json_integer_create(left));
        json_array_add(json, object);
        ds_destroy(&dst);
    } else {
        ds_put_format(text, "%s: ", vrf_id_to_name(e->vrf));
        ipv6_format_mapped(&e->dst, text);
        ds_put_format(text, " mtu %"PRIu32" expires %llds\n", e->mtu, left);
    }
}

static char *
cmd_pmtu(struct unixctl_view *view)
{
    const char *name = view->n_args ? view->args[0] : NULL;
    const struct exception *e;

    if (name && !vrf_by_name(name)) {
        return xasprintf("%s: no such VRF", name);
    }
    if (view->wants_json) {
        view->json = json_array_create_empty();
    }
    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (e, by_age, &by_age) {
        if (e->expires > time_msec()
            && (!name || !strcmp(name, vrf_id_to_name(e->vrf)))) {
            put_exception(e, view->json, &view->text);
        }
    }
    ovs_mutex_unlock(&mutex);
    return NULL;
}

static const struct unixctl_view_class pmtu_view = {
    "vrf/pmtu", "[--json] [NAME]", 0, 1, cmd_pmtu
};

/* "vrf/flush [NAME]". */
static void
vrf_unixctl_flush(struct unixctl_conn *conn, int argc, const char *argv[],
                  void *aux OVS_UNUSED)
{
    const struct vrf *vrf = argc > 1 ? vrf_by_name(argv[1]) : NULL;
    char *reply;

    if (argc > 1 && !vrf) {
        reply = xasprintf("%s: no such VRF", argv[1]);
        unixctl_command_reply_error(conn, reply);
    } else {
        reply = xasprintf("%"PRIuSIZE" forgotten\n",
                          vrf ? vrf_pmtu_flush_vrf(vrf->id)
                          : vrf_pmtu_flush());
        unixctl_command_reply(conn, reply);
    }
    free(reply);
}

void
vrf_pmtu_init(void)
{
    if (!pmtu_seq) {
        pmtu_seq = seq_create();
        seen_seqno = seq_read(pmtu_seq);
        unixctl_view_register(&pmtu_view);
        unixctl_command_register("vrf/flush", "[NAME]", 0, 1,
                                 vrf_unixctl_flush, NULL);
    }
}
