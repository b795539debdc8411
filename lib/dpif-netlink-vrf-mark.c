/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-netlink-vrf-mark.h"

#include <errno.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hash.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "seq.h"
#include "smap.h"
#include "timeval.h"
#include "tnl-ports.h"
#include "util.h"
#include "vrf.h"
#include "vrf-kernel.h"
#include "vrf-mark.h"
#include "vrf-netlink.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_vrf_mark);

/* Rules of ours. */
enum {
    RULE_PROTOCOL = 118,        /* Nobody else's in rt_protos. */
    LOOKUP_PRIORITY = VRF_L3MDEV_PRIORITY - 2,
    GUARD_PRIORITY = VRF_L3MDEV_PRIORITY - 1,
};

enum {
    LINGER = 5000,              /* For which flows may still set a mark. */
    SYNC_INTERVAL = 1000,       /* At least between looks at rules. */
    RETRY_INTERVAL = 5000,      /* After something failed, or to see whether
                                 * Linux lets Geneve receive. */
};

/* A VRF that has a mark. */
struct marked_vrf {
    struct hmap_node node;      /* In 'marked_vrfs'. */
    uint16_t vrf;
    uint32_t mark;
    uint32_t table;             /* 0 if Linux has no such VRF. */
    bool guarded;               /* Marked packets stay in the VRF. */
    char *error;                /* What is wrong, or null. */
    char *told;                 /* What was wrong when it was said last. */
    bool stale;                 /* It has no mark any more. */
};

/* The main thread writes, others read what says which tunnels there are. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct vrf_marks *marks OVS_GUARDED_BY(mutex);

/* The main thread's. */
static struct hmap marked_vrfs = HMAP_INITIALIZER(&marked_vrfs);
static bool swept;              /* What others left is gone, or in use. */
static bool failed;             /* In the last sync(). */
static bool geneve_receives = true;
static uint64_t vrf_seqno;
static long long int not_before; /* When sync() may be called again. */
static long long int expire_time = LLONG_MAX;
static long long int retry_time = LLONG_MAX;

/* For other threads: the marks of VRFs, by number of the VRF, 0 for none. */
struct mark_map {
    uint32_t mask;
    size_t n;
    uint32_t marks[];
};
static OVSRCU_TYPE(struct mark_map *) mark_map;

static struct vrf_marks *
get_marks(void)
    OVS_REQUIRES(mutex)
{
    if (!marks) {
        marks = vrf_marks_create();
    }
    return marks;
}

/* Linux's rules. */

struct rule_list {
    struct vrf_rule *rules;
    size_t n, allocated;
};

static const int families[] = { AF_INET, AF_INET6 };

static bool
rule_is_ours(const struct vrf_rule *rule)
{
    return (rule->protocol == RULE_PROTOCOL && rule->parts == VRF_RULE_MARK
            && ((rule->priority == LOOKUP_PRIORITY
                 && rule->action == VRF_RULE_TABLE)
                || (rule->priority == GUARD_PRIORITY
                    && rule->action == VRF_RULE_UNREACHABLE)));
}

/* Fills in '*list', for the caller to free its 'rules'.  Returns 0 or a
 * positive errno value. */
static int
dump_rules(int family, struct rule_list *list)
{
    struct vrf_event *event = xmalloc(sizeof *event);
    struct ofpbuf request, msg, buf;
    struct fib_rule_hdr *frh;
    struct nl_dump dump;

    memset(list, 0, sizeof *list);
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, RTM_GETRULE, NLM_F_REQUEST);
    frh = ofpbuf_put_zeros(&request, sizeof *frh);
    frh->family = family;
    nl_dump_start(&dump, NETLINK_ROUTE, &request);
    ofpbuf_uninit(&request);
    ofpbuf_init(&buf, NL_DUMP_BUFSIZE);
    while (nl_dump_next(&dump, &msg, &buf)) {
        if (vrf_netlink_parse(&msg, event) == VRF_NETLINK_EVENT
            && event->type == VRF_EVENT_RULE) {
            if (list->n >= list->allocated) {
                list->rules = x2nrealloc(list->rules, &list->allocated,
                                         sizeof *list->rules);
            }
            list->rules[list->n++] = event->rule.rule;
        }
    }
    ofpbuf_uninit(&buf);
    free(event);
    return nl_dump_done(&dump);
}

/* Adds a rule of ours, or deletes it, as 'type' says: one that looks up
 * 'table', or if that is 0, the one behind it.  Returns 0 or a positive errno
 * value. */
static int
change_rule(int type, int family, uint32_t mark, uint32_t mask, uint32_t table)
{
    struct fib_rule_hdr *frh;
    struct ofpbuf request;
    int error;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, type,
                        NLM_F_REQUEST | NLM_F_ACK
                        | (type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL
                           : 0));
    frh = ofpbuf_put_zeros(&request, sizeof *frh);
    frh->family = family;
    frh->action = table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE;
    nl_msg_put_u32(&request, FRA_PRIORITY,
                   table ? LOOKUP_PRIORITY : GUARD_PRIORITY);
    nl_msg_put_u32(&request, FRA_FWMARK, mark);
    nl_msg_put_u32(&request, FRA_FWMASK, mask);
    nl_msg_put_u8(&request, FRA_PROTOCOL, RULE_PROTOCOL);
    if (table) {
        nl_msg_put_u32(&request, FRA_TABLE, table);
    }
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    ofpbuf_uninit(&request);
    return error;
}

static void
delete_rule(int family, const struct vrf_rule *rule)
{
    int error = change_rule(RTM_DELRULE, family, rule->mark, rule->mark_mask,
                            rule->action == VRF_RULE_TABLE ? rule->table : 0);

    if (error && error != ENOENT) {
        VLOG_WARN("rule for mark 0x%"PRIx32"/0x%"PRIx32" cannot be deleted: "
                  "%s", rule->mark, rule->mark_mask, ovs_strerror(error));
        failed = true;
    }
}

/* Does the rule look at bits of marks of ours, and is it for 'mark'? */
static bool
rule_has_mark(const struct vrf_rule *rule, uint32_t mark, uint32_t mask)
{
    uint32_t bits = rule->mark_mask & mask;

    return (rule->parts & VRF_RULE_MARK && !(rule->parts & VRF_RULE_INVERT)
            && bits && !((rule->mark ^ mark) & bits));
}

/* VRFs. */

static struct marked_vrf *
find_vrf(uint16_t vrf)
{
    struct marked_vrf *v;

    HMAP_FOR_EACH_WITH_HASH (v, node, hash_int(vrf, 0), &marked_vrfs) {
        if (v->vrf == vrf) {
            return v;
        }
    }
    return NULL;
}

static void
free_vrf(struct marked_vrf *v)
{
    hmap_remove(&marked_vrfs, &v->node);
    free(v->error);
    free(v->told);
    free(v);
}

static void
set_error(struct marked_vrf *v, char *error)
{
    if (v->error) {
        free(error);            /* The first one counts. */
    } else {
        v->error = error;
    }
}

/* A callback of vrf_marks_for_each(). */
static void
refresh_vrf(uint16_t vrf, uint32_t mark, void *aux OVS_UNUSED)
{
    struct marked_vrf *v = find_vrf(vrf);

    if (!v) {
        v = xzalloc(sizeof *v);
        v->vrf = vrf;
        hmap_insert(&marked_vrfs, &v->node, hash_int(vrf, 0));
    }
    v->mark = mark;
    v->table = vrf_kernel_get_table(vrf);
    v->guarded = true;          /* Unless it turns out not to be. */
    v->stale = false;
    if (!v->table) {
        set_error(v, xasprintf("Linux has no VRF device %s",
                               vrf_id_to_name(vrf)));
    }
}

/* Has 'marked_vrfs' be those of 'marks', nothing being wrong with them yet
 * but that Linux may not have them. */
static void
refresh_vrfs(void)
    OVS_REQUIRES(mutex)
{
    struct marked_vrf *v;

    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        v->stale = true;
        free(v->error);
        v->error = NULL;
    }
    vrf_marks_for_each(get_marks(), refresh_vrf, NULL);
    HMAP_FOR_EACH_SAFE (v, node, &marked_vrfs) {
        if (v->stale) {
            free_vrf(v);
        }
    }
}

/* Finds VRFs whose mark somebody else has a rule for. */
static void
find_conflicts(int family, const struct rule_list *list, uint32_t mask)
{
    struct marked_vrf *v;

    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        for (size_t i = 0; i < list->n && v->guarded; i++) {
            const struct vrf_rule *rule = &list->rules[i];

            if (!rule_is_ours(rule) && rule_has_mark(rule, v->mark, mask)) {
                struct ds s = DS_EMPTY_INITIALIZER;

                vrf_rule_format(family == AF_INET ? VRF_IPV4 : VRF_IPV6, rule,
                                &s);
                set_error(v, xasprintf(
                    "rule \"%s\" is not ours and has mark 0x%"PRIx32"/0x%"
                    PRIx32", see other_config:vrf-mark-mask", ds_cstr(&s),
                    v->mark, mask));
                ds_destroy(&s);
                v->guarded = false;
            }
        }
    }
}

/* Is it one of the rules of ours that the VRF needs? */
static bool
rule_is_wanted(const struct vrf_rule *rule, const struct marked_vrf *v,
               uint32_t mask)
{
    return (v->guarded && rule->mark == v->mark && rule->mark_mask == mask
            && (rule->action != VRF_RULE_TABLE || rule->table == v->table));
}

/* Is there the rule that the VRF needs, with such an action? */
static bool
rule_exists(const struct rule_list *list, const struct marked_vrf *v,
            uint32_t mask, enum vrf_rule_action action)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct vrf_rule *rule = &list->rules[i];

        if (rule->action == action && rule_is_ours(rule)
            && rule_is_wanted(rule, v, mask)) {
            return true;
        }
    }
    return false;
}

/* Deletes rules of ours that no VRF wants, those that look tables up first,
 * as they come first, too. */
static void
delete_stale_rules(int family, const struct rule_list *list, uint32_t mask)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct vrf_rule *rule = &list->rules[i];
        const struct marked_vrf *v;
        bool wanted = false;

        if (!rule_is_ours(rule)) {
            continue;
        }
        HMAP_FOR_EACH (v, node, &marked_vrfs) {
            wanted |= rule_is_wanted(rule, v, mask);
        }
        if (!wanted) {
            delete_rule(family, rule);
        }
    }
}

static void
add_rule(int family, struct marked_vrf *v, uint32_t mask, uint32_t table)
{
    int error = change_rule(RTM_NEWRULE, family, v->mark, mask, table);

    if (error) {
        set_error(v, xasprintf("rule for mark 0x%"PRIx32"/0x%"PRIx32" cannot "
                               "be added: %s", v->mark, mask,
                               ovs_strerror(error)));
        v->guarded &= table != 0;
        failed = true;
    }
}

static void
add_missing_rules(int family, const struct rule_list *list, uint32_t mask)
{
    struct marked_vrf *v;

    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        if (v->guarded
            && !rule_exists(list, v, mask, VRF_RULE_UNREACHABLE)) {
            add_rule(family, v, mask, 0);
        }
        if (v->guarded && v->table
            && !rule_exists(list, v, mask, VRF_RULE_TABLE)) {
            add_rule(family, v, mask, v->table);
        }
    }
}

/* Has Linux's rules be those that marks need.  Does nothing for a family that
 * Linux has not. */
static void
sync_rules(uint32_t mask)
{
    struct rule_list lists[ARRAY_SIZE(families)];
    int errors[ARRAY_SIZE(families)];
    struct marked_vrf *v;

    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        errors[i] = dump_rules(families[i], &lists[i]);
        if (!errors[i]) {
            find_conflicts(families[i], &lists[i], mask);
        } else if (errors[i] != EAFNOSUPPORT && errors[i] != EOPNOTSUPP) {
            HMAP_FOR_EACH (v, node, &marked_vrfs) {
                set_error(v, xasprintf("cannot list rules: %s",
                                       ovs_strerror(errors[i])));
            }
            failed = true;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        if (!errors[i]) {
            delete_stale_rules(families[i], &lists[i], mask);
            add_missing_rules(families[i], &lists[i], mask);
        }
        free(lists[i].rules);
    }
}

/* Tells other threads the marks.  Returns whether they are others than
 * before. */
static bool
publish(uint32_t mask)
{
    struct mark_map *old = ovsrcu_get_protected(struct mark_map *, &mark_map);
    struct mark_map *new;
    struct marked_vrf *v;
    size_t n = 0, size;
    bool changed;

    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        n = v->guarded ? MAX(n, v->vrf + 1) : n;
    }
    size = sizeof *new + n * sizeof *new->marks;
    new = xzalloc(size);
    new->mask = mask;
    new->n = n;
    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        if (v->guarded) {
            new->marks[v->vrf] = v->mark;
        }
    }
    changed = (old ? old->n != n || memcmp(old, new, size) : n > 0);
    if (changed) {
        ovsrcu_set(&mark_map, new);
        if (old) {
            ovsrcu_postpone(free, old);
        }
    } else {
        free(new);
    }
    return changed;
}

/* Callbacks of vrf_marks_for_each_tunnel(). */

static void
tell_tunnel(const char *name, void *aux OVS_UNUSED)
{
    vrf_kernel_tell(name);
}

static void
look_for_geneve(const char *name, void *is_geneve)
    OVS_REQUIRES(mutex)
{
    *(bool *) is_geneve |= vrf_marks_find(marks, name)->dst_port != 0;
}

/* Does Linux let a socket that is bound to no VRF, as Geneve's, receive from
 * VRFs? */
static bool
udp_accepts_vrfs(void)
{
    const char *file_name = "/proc/sys/net/ipv4/udp_l3mdev_accept";
    FILE *stream = fopen(file_name, "r");
    int value = 1;

    if (stream) {
        if (fscanf(stream, "%d", &value) != 1) {
            value = 1;
        }
        fclose(stream);
    }
    return value != 0;
}

/* Notices whether tunnels of type Geneve in VRFs can receive. */
static bool
check_geneve(void)
    OVS_REQUIRES(mutex)
{
    bool is_geneve = false, received = geneve_receives;
    struct marked_vrf *v;

    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        vrf_marks_for_each_tunnel(marks, v->vrf, look_for_geneve, &is_geneve);
    }
    geneve_receives = !is_geneve || udp_accepts_vrfs();
    if (received && !geneve_receives) {
        VLOG_WARN("net.ipv4.udp_l3mdev_accept is 0: tunnels of type geneve "
                  "that are in VRFs receive nothing until it is 1");
    }
    if (is_geneve || failed) {
        retry_time = time_msec() + RETRY_INTERVAL;
    }
    return received != geneve_receives;
}

/* Has everything be as 'marks' says, and says what is wrong. */
static void
sync(void)
    OVS_REQUIRES(mutex)
{
    uint32_t mask = vrf_marks_get_mask(get_marks());
    struct marked_vrf *v;
    bool changed;

    failed = false;
    swept = true;
    not_before = time_msec() + SYNC_INTERVAL;
    retry_time = LLONG_MAX;
    refresh_vrfs();
    sync_rules(mask);
    if (publish(mask)) {
        seq_change(tnl_conf_seq); /* Flows are translated anew. */
    }
    changed = check_geneve();
    HMAP_FOR_EACH (v, node, &marked_vrfs) {
        if (!nullable_string_is_equal(v->error, v->told)) {
            if (v->error) {
                VLOG_WARN("VRF %s: %s", vrf_id_to_name(v->vrf), v->error);
            }
            free(v->told);
            v->told = nullable_xstrdup(v->error);
        } else if (!changed) {
            continue;
        }
        vrf_marks_for_each_tunnel(marks, v->vrf, tell_tunnel, NULL);
    }
}

/* Tunnels. */

static struct vrf_mark_tunnel
tunnel_from_config(const struct netdev_tunnel_config *cfg)
{
    return (struct vrf_mark_tunnel) {
        .vrf = cfg->vrf,
        .dst_port = ntohs(cfg->dst_port),
        .any_remote = cfg->ip_dst_flow,
        .any_local = cfg->ip_src_flow || !ipv6_addr_is_set(&cfg->ipv6_src),
        .any_key = cfg->in_key_flow,
        .remote = cfg->ipv6_dst,
        .local = cfg->ipv6_src,
        .key = ntohll(cfg->in_key),
    };
}

/* Gives the VRF the mark that rules of an earlier ovs-vswitchd have for it. */
static void
reuse_mark(uint16_t vrf, uint32_t table)
    OVS_REQUIRES(mutex)
{
    uint32_t mask = vrf_marks_get_mask(marks);
    struct rule_list list;

    dump_rules(AF_INET, &list);
    for (size_t i = 0; i < list.n; i++) {
        const struct vrf_rule *rule = &list.rules[i];

        if (rule_is_ours(rule) && rule->action == VRF_RULE_TABLE
            && rule->table == table && rule->mark_mask == mask) {
            vrf_marks_suggest(marks, vrf, rule->mark);
        }
    }
    free(list.rules);
}

char *
dpif_netlink_vrf_mark_put(const struct netdev *netdev)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    const struct vrf_mark_tunnel t = tunnel_from_config(cfg);
    const char *name = netdev_get_name(netdev);
    const struct vrf_mark_tunnel *old;
    char *why = NULL;

    ovs_mutex_lock(&mutex);
    old = vrf_marks_find(get_marks(), name);
    if (t.vrf != VRF_DEFAULT_ID && (!old || old->vrf != t.vrf)) {
        uint32_t table = vrf_kernel_get_table(t.vrf);

        /* One that is there already waits for a VRF that has gone. */
        if (!table) {
            why = vrf_kernel_explain_missing(t.vrf);
        } else if (!swept) {
            reuse_mark(t.vrf, table);
        }
    }
    if (why) {
        vrf_marks_remove(marks, name);
    } else {
        why = vrf_marks_put(marks, name, &t);
    }
    ovs_mutex_unlock(&mutex);
    return why;
}

void
dpif_netlink_vrf_mark_remove(const char *netdev_name)
{
    ovs_mutex_lock(&mutex);
    if (marks) {
        vrf_marks_remove(marks, netdev_name);
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_mark_retain(const struct sset *names)
{
    ovs_mutex_lock(&mutex);
    if (marks) {
        vrf_marks_retain(marks, names);
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_mark_set_mask(uint32_t mask)
{
    ovs_mutex_lock(&mutex);
    if (mask != (marks ? vrf_marks_get_mask(marks) : VRF_MARK_DEFAULT_MASK)) {
        vrf_marks_set_mask(get_marks(), mask);
    }
    ovs_mutex_unlock(&mutex);
}

/* Takes marks from VRFs that need none any more. */
static void
expire(void)
    OVS_REQUIRES(mutex)
{
    expire_time = (marks
                   ? vrf_marks_expire(marks, time_msec(), LINGER)
                   : LLONG_MAX);
}

/* Does any VRF have a mark, or had one at the last sync()? */
static bool
is_in_use(void)
    OVS_REQUIRES(mutex)
{
    return ((marks && vrf_marks_any(marks))
            || !hmap_is_empty(&marked_vrfs));
}

void
dpif_netlink_vrf_mark_follow(bool has_kernel_datapath)
{
    ovs_mutex_lock(&mutex);
    expire();
    if (is_in_use() || (has_kernel_datapath && !swept)) {
        sync();
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_mark_run(void)
{
    long long int now = time_msec();
    uint64_t seqno;

    if (hmap_is_empty(&marked_vrfs)) {
        return;
    }
    seqno = seq_read(vrf_get_seq());
    if (now >= retry_time || now >= expire_time
        || (seqno != vrf_seqno && now >= not_before)) {
        vrf_seqno = seqno;
        ovs_mutex_lock(&mutex);
        expire();
        sync();
        ovs_mutex_unlock(&mutex);
    }
}

void
dpif_netlink_vrf_mark_wait(void)
{
    long long int next = MIN(retry_time, expire_time);

    if (hmap_is_empty(&marked_vrfs)) {
        return;
    }
    if (seq_read(vrf_get_seq()) != vrf_seqno) {
        next = MIN(next, not_before);
    } else {
        seq_wait(vrf_get_seq(), vrf_seqno);
    }
    if (next != LLONG_MAX) {
        poll_timer_wait_until(next);
    }
}

void
dpif_netlink_vrf_mark_exit(bool cleanup)
{
    struct marked_vrf *v;

    ovs_mutex_lock(&mutex);
    if (cleanup && is_in_use()) {
        vrf_marks_destroy(marks);
        marks = NULL;
        sync();
    }
    vrf_marks_destroy(marks);
    marks = NULL;
    HMAP_FOR_EACH_SAFE (v, node, &marked_vrfs) {
        free_vrf(v);
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_mark_get_status(const char *netdev_name, struct smap *status)
{
    const struct vrf_mark_tunnel *t;

    ovs_mutex_lock(&mutex);
    t = marks ? vrf_marks_find(marks, netdev_name) : NULL;
    if (t && t->vrf != VRF_DEFAULT_ID) {
        const struct marked_vrf *v = find_vrf(t->vrf);

        smap_add_format(status, "tunnel_vrf_mark", "0x%"PRIx32"/0x%"PRIx32,
                        vrf_marks_get(marks, t->vrf),
                        vrf_marks_get_mask(marks));
        if (v && v->error) {
            smap_add(status, "tunnel_vrf_error", v->error);
        } else if (t->dst_port && !geneve_receives) {
            smap_add(status, "tunnel_vrf_error",
                     "net.ipv4.udp_l3mdev_accept is 0: it receives nothing");
        }
    }
    ovs_mutex_unlock(&mutex);
}

/* The datapath's side. */

bool
dpif_netlink_vrf_mark_is(const struct netdev *netdev)
{
    const char *dpif_type = netdev_get_dpif_type(netdev);
    const char *type = netdev_get_type(netdev);
    bool is;

    if (strcmp(type, "geneve") && strcmp(type, "gre")) {
        return false;
    } else if (dpif_type) {
        return !strcmp(dpif_type, "system");
    }
    /* One that has no port of a datapath yet. */
    ovs_mutex_lock(&mutex);
    is = marks && vrf_marks_find(marks, netdev_get_name(netdev));
    ovs_mutex_unlock(&mutex);
    return is;
}

bool
dpif_netlink_vrf_mark_get(uint16_t vrf, uint32_t *mark, uint32_t *mask)
{
    const struct mark_map *map = ovsrcu_get(struct mark_map *, &mark_map);

    if (!map || vrf >= map->n || !map->marks[vrf]) {
        return false;
    }
    *mark = map->marks[vrf];
    *mask = map->mask;
    return true;
}
