/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-path.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-netdev-extension.h"
#include "netdev.h"
#include "odp-util.h"
#include "ovs-thread.h"
#include "unaligned.h"
#include "util.h"
#include "vrf-db.h"
#include "vrf-fib.h"
#include "vrf.h"
#include "vrf-port.h"
#include "vrf-take.h"
#include "vrf-way.h"

/* States in which a neighbour's address is good. */
#define NUD_GOOD (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE         \
                  | NUD_PERMANENT | NUD_NOARP)

#define CONTEXT_BITS 6
#define N_CONTEXTS (1 << CONTEXT_BITS)

/* Of next hops and ways, and of destinations: see place_of(). */
#define PLACE_BITS 12
#define N_PLACES (1 << PLACE_BITS)
#define MEMO_BITS 14
#define N_MEMOS (1 << MEMO_BITS)

/* What packets to an address found in the FIB, if that depends on nothing but
 * their context.  Good as long as those have the serial numbers that are noted
 * here: whatever changes, they are made anew.  If it was more than a next hop,
 * 'place' is N_PLACES. */
struct memo {
    struct vrf_addr dst;
    uint32_t context;
    uint32_t adjacency;
    uint32_t mtu;
    uint16_t place;             /* Of the adjacency. */
    uint8_t family;
    uint8_t tos;
};
BUILD_ASSERT_DECL(2 * sizeof(struct memo) == CACHE_LINE_SIZE);

/* What packets by 'route' found, if their next hop is the route's only one and
 * that has no more to it: see plain_hop_of(). */
#define HOP_BITS 8
struct plain_hop {
    const struct vrf_route *route;
    uint64_t serial;            /* Of the route. */
    uint64_t adjacency;         /* Its serial number. */
    uint32_t epoch;
    uint32_t mtu;
    uint16_t place;             /* Of the adjacency, N_PLACES if it is not so
                                 * simple. */
};

/* What vrf_path_check_way() said of an action, for packets of a context. */
struct way_memo {
    uint64_t context;
    enum vrf_way_state state;
    struct ovs_action_vrf_way way;
};

struct vrf_path {
    const struct vrf_db *db;
    const struct vrf_dp_ports *ports;

    /* Changes when one of the others did; what has another one is to be made
     * anew.  Never 0. */
    uint32_t epoch;
    uint64_t generation, ports_serial;

    uint64_t serial;            /* The last one given, from 1 on, below
                                 * 2**32. */

    /* Lookups in a memo since memos were last judged, how many of them no memo
     * answered, and what came of it: see judge_memos(). */
    unsigned int n_lookups, n_missed;
    bool memos_help;
    struct memo other;          /* Of a lookup that is not kept. */

    struct vrf_context contexts[N_CONTEXTS];
    struct vrf_adjacency adjacencies[N_PLACES + 1]; /* The last one is zeros,
                                                     * never usable. */
    OVS_ALIGNED_VAR(CACHE_LINE_SIZE) struct memo memos[N_MEMOS];
    struct plain_hop plain_hops[1 << HOP_BITS];
    struct way_memo ways[N_PLACES];
};

/* Ports. */

const struct vrf_dp_port *
vrf_dp_ports_find(const struct vrf_dp_ports *ports, odp_port_t port_no)
{
    size_t low = 0, high = ports->n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct vrf_dp_port *port = &ports->ports[mid];

        if (port->port_no == port_no) {
            return port;
        } else if (odp_to_u32(port->port_no) < odp_to_u32(port_no)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}

const struct vrf_dp_port *
vrf_dp_ports_by_ifindex(const struct vrf_dp_ports *ports, uint32_t ifindex)
{
    for (size_t i = 0; ifindex && i < ports->n; i++) {
        if (ports->ports[i].ifindex == ifindex) {
            return &ports->ports[i];
        }
    }
    return NULL;
}

const struct vrf_dp_port *
vrf_dp_ports_internal(const struct vrf_dp_ports *ports, uint16_t vrf)
{
    for (size_t i = 0; i < ports->n; i++) {
        if (ports->ports[i].internal && ports->ports[i].vrf == vrf) {
            return &ports->ports[i];
        }
    }
    return NULL;
}

static int
compare_ports(const void *a_, const void *b_)
{
    uint32_t a = odp_to_u32(((const struct vrf_dp_port *) a_)->port_no);
    uint32_t b = odp_to_u32(((const struct vrf_dp_port *) b_)->port_no);

    return a < b ? -1 : a > b;
}

/* Is it a device by which the host gets what is output there? */
static bool
is_internal(const struct netdev *netdev)
{
    const char *type = netdev_get_type(netdev);

    return (!strcmp(type, "tap") || !strcmp(type, "internal")
            || !strcmp(type, "dummy-internal"));
}

void
vrf_dp_port_init(struct vrf_dp_port *p, odp_port_t port_no,
                 const struct netdev *netdev)
{
    int ifindex = netdev_get_ifindex(netdev);

    p->port_no = port_no;
    p->ifindex = MAX(ifindex, 0);
    p->vrf = vrf_of_port(netdev_get_name(netdev));
    p->internal = is_internal(netdev);
    if (netdev_get_etheraddr(netdev, &p->mac)) {
        p->mac = eth_addr_zero;
    }
}

void
vrf_dp_ports_sort(struct vrf_dp_ports *ports)
{
    qsort(ports->ports, ports->n, sizeof ports->ports[0], compare_ports);
}

/* Looks for an internal port of VRF 'vrf' whose device has an address. */
struct holder {
    const struct vrf_dp_ports *ports;
    enum vrf_family family;
    const struct vrf_addr *dst;
    uint16_t vrf;
    const struct vrf_dp_port *port; /* If it was found. */
};

static void
consider_holder(const struct vrf_address *a, void *h_)
{
    struct holder *h = h_;

    if (a->family == h->family && vrf_addr_equal(&a->addr, h->dst)) {
        const struct vrf_dp_port *port;

        port = vrf_dp_ports_by_ifindex(h->ports, a->ifindex);
        if (port && port->internal && port->vrf == h->vrf) {
            h->port = port;
        }
    }
}

const struct vrf_dp_port *
vrf_dp_ports_to_host(const struct vrf_dp_ports *ports, uint16_t vrf,
                     enum vrf_family family, const struct vrf_addr *dst,
                     uint32_t ifindex)
{
    struct holder h = { ports, family, dst, vrf, NULL };
    const struct vrf_dp_port *port;

    port = vrf_dp_ports_by_ifindex(h.ports, ifindex);
    if (port && port->internal && port->vrf == h.vrf) {
        return port;
    }

    /* Of several devices with that address Linux has but one in its table of
     * local addresses, unless each is a member of a VRF device. */
    vrf_db_for_each_address(vrf_get_db(), consider_holder, &h);
    if (h.port || (port && port->internal)) {
        return h.port ? h.port : port;
    }

    /* Of a device that is no port, the VRF's own for example: any port of the
     * VRF will do. */
    return vrf_dp_ports_internal(h.ports, h.vrf);
}

bool
vrf_neighbour_is_good(const struct vrf_neighbour *n)
{
    return n && n->state & NUD_GOOD && !eth_addr_is_zero(n->mac);
}

/* Threads. */

struct vrf_path *
vrf_path_create(void)
{
    struct vrf_path *path = xzalloc_cacheline(sizeof *path);

    path->epoch = 1;
    path->memos_help = true;
    return path;
}

void
vrf_path_destroy(struct vrf_path *path)
{
    free_cacheline(path);
}

/* So many serial numbers are left for what a thread does before it quiesces
 * again. */
#define SERIAL_MARGIN (1 << 20)

/* Has epochs and serial numbers begin again. */
static void
forget(struct vrf_path *path)
{
    memset(path->contexts, 0, sizeof path->contexts);
    memset(path->adjacencies, 0, sizeof path->adjacencies);
    memset(path->memos, 0, sizeof path->memos);
    memset(path->plain_hops, 0, sizeof path->plain_hops);
    memset(path->ways, 0, sizeof path->ways);
    path->epoch = 1;
    path->serial = 0;
}

bool
vrf_path_begin(struct vrf_path *path, const struct vrf_dp_ports *ports)
{
    uint64_t generation = vrf_get_generation();

    path->db = vrf_get_db();
    path->ports = ports;
    if (OVS_UNLIKELY(generation != path->generation
                     || ports->serial != path->ports_serial)) {
        path->generation = generation;
        path->ports_serial = ports->serial;
        path->epoch++;
    }
    if (OVS_UNLIKELY(!path->epoch
                     || path->serial > UINT32_MAX - SERIAL_MARGIN)) {
        /* What is there could be of an epoch or have a serial number that
         * comes again. */
        forget(path);
    }
    return path->db != NULL;
}

/* Contexts. */

void
vrf_context_flow(const struct vrf_context *c, const struct vrf_packet *p,
                 const void *l4, struct vrf_flow *flow)
{
    *flow = (struct vrf_flow) {
        .family = p->family,
        .src = p->src,
        .dst = p->dst,
        .mark = c->mark,
        .iif = c->iif,
        .iif_vrf = c->iif_vrf,
        .oif = c->own ? c->vrf_ifindex : 0,
        .oif_vrf = c->own ? c->vrf_ifindex : 0,
        .vrf_table = c->table,
        .tos = p->tos,
        .proto = p->proto,
    };
    if (l4 && !p->later_fragment
        && (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP
            || p->proto == IPPROTO_SCTP)) {
        const ovs_be16 *ports = l4;

        flow->sport = ntohs(get_unaligned_be16(&ports[0]));
        flow->dport = ntohs(get_unaligned_be16(&ports[1]));
    }
}

static void
make_plan_of_table(const struct vrf_db *db, struct vrf_context *c,
                   enum vrf_family family)
{
    c->plan[family].fibs[0] = vrf_db_table(db, family, c->only_table);
    c->plan[family].n = c->plan[family].fibs[0] != NULL;
    c->plan[family].simple = true;
}

/* Finds out in which tables packets of 'family' are looked up by rules, if
 * that depends on nothing but 'c'. */
static void
make_plan(const struct vrf_db *db, struct vrf_context *c,
          enum vrf_family family)
{
    const struct vrf_rules *rules = vrf_db_rules(db, family);
    struct vrf_packet p = { .family = family };
    const struct vrf_rule *rule;
    struct vrf_used used;
    struct vrf_flow flow;
    size_t pos = 0;

    c->plan[family].simple = false;
    c->plan[family].n = 0;
    memset(&used, 0, sizeof used);
    vrf_context_flow(c, &p, NULL, &flow);
    while ((rule = vrf_rules_next(rules, &pos, &flow, &used))) {
        const struct vrf_fib *fib;

        if (rule->action != VRF_RULE_TABLE || rule->suppress_len >= 0
            || rule->suppress_group >= 0) {
            return;
        }
        fib = vrf_db_table(db, family, vrf_rule_table(rule, &flow));
        if (fib) {
            if (c->plan[family].n >= ARRAY_SIZE(c->plan[family].fibs)) {
                return;
            }
            c->plan[family].fibs[c->plan[family].n++] = fib;
        }
    }
    c->plan[family].simple = !(used.src_bits || used.dst_bits || used.tos_mask
                               || used.proto || used.sport || used.dport);
}

static void
make_context(const struct vrf_path *path, struct vrf_context *c)
{
    const struct vrf_dp_port *port = vrf_dp_ports_find(path->ports,
                                                       c->in_port);
    struct vrf_flow flow = { .iif = VRF_IIF_LOCAL };
    const struct vrf *vrf = (c->id && c->id <= UINT16_MAX
                             ? vrf_by_id(c->id) : NULL);

    c->known = vrf || c->id == VRF_DEFAULT_ID;
    if (!c->known) {
        return;
    }
    c->table = vrf ? vrf->table : 0;
    c->vrf_ifindex = vrf ? vrf->ifindex : 0;
    if (!c->own && port && port->ifindex) {
        flow.iif = port->ifindex;
    }
    vrf_db_complete_flow(path->db, &flow);
    c->iif = flow.iif;

    /* The packet is in the VRF that the action says, whatever its port. */
    c->iif_vrf = c->own || !vrf ? 0 : vrf->ifindex;
    for (int f = 0; f < VRF_N_FAMILIES; f++) {
        if (c->only_table) {
            make_plan_of_table(path->db, c, f);
        } else {
            make_plan(path->db, c, f);
        }
    }
}

const struct vrf_context *
vrf_path_context(struct vrf_path *path, uint32_t id, uint32_t only_table,
                 odp_port_t in_port, uint32_t mark, bool own)
{
    uint32_t hash = (id * 31 + odp_to_u32(in_port) + mark * 7 + own
                     + only_table * 13)
                    * UINT32_C(0x9e3779b1);
    struct vrf_context *c = &path->contexts[hash >> (32 - CONTEXT_BITS)];

    if (OVS_UNLIKELY(c->epoch != path->epoch || c->id != id
                     || c->in_port != in_port || c->mark != mark
                     || c->own != own || c->only_table != only_table)) {
        c->epoch = path->epoch;
        c->id = id;
        c->only_table = only_table;
        c->in_port = in_port;
        c->mark = mark;
        c->own = own;
        c->serial = ++path->serial;
        make_context(path, c);
    }
    return c;
}

/* Where in an array of 2**'n_bits' there is what belongs to 'addr' and 'x'.
 * What is in the lower bits counts for most; an IPv4 address is in the upper
 * ones. */
static inline size_t
place_of(const struct vrf_addr *addr, uint64_t x, int n_bits)
{
    uint64_t bits = addr->hi ^ addr->hi >> 32 ^ addr->lo ^ x;

    return (bits * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - n_bits);
}

/* Adjacencies. */

static void
make_adjacency(const struct vrf_path *path, struct vrf_adjacency *a)
{
    const struct vrf_device *device = vrf_db_device(path->db, a->ifindex);
    const struct vrf_dp_port *port = vrf_dp_ports_by_ifindex(path->ports,
                                                             a->ifindex);
    const struct vrf_neighbour *n;

    a->up = device && device->up;
    a->is_vrf = device && device->table;
    a->mtu = device ? device->mtu : 0;
    a->has_port = port != NULL;
    a->internal = port && port->internal;
    a->port_no = port ? port->port_no : ODPP_NONE;
    a->src = port ? port->mac : eth_addr_zero;

    n = vrf_db_neighbour(path->db, a->family, a->ifindex, &a->addr);
    a->resolved = vrf_neighbour_is_good(n);
    a->stale = a->resolved && n->state & NUD_STALE;
    a->dst = a->resolved ? n->mac : eth_addr_zero;
    a->usable = a->up && !a->is_vrf && a->has_port && a->resolved;
}

static inline struct vrf_adjacency *
get_adjacency(struct vrf_path *path, uint8_t family, uint32_t ifindex,
              const struct vrf_addr *addr)
{
    struct vrf_adjacency *a = &path->adjacencies[place_of(addr, ifindex,
                                                           PLACE_BITS)];

    if (OVS_UNLIKELY(a->epoch != path->epoch
                     || !vrf_addr_equal(&a->addr, addr)
                     || a->ifindex != ifindex || a->family != family)) {
        if (!vrf_addr_equal(&a->addr, addr) || a->ifindex != ifindex) {
            a->confirm_after = 0;
        }
        a->epoch = path->epoch;
        a->addr = *addr;
        a->ifindex = ifindex;
        a->family = family;
        a->serial = ++path->serial;
        make_adjacency(path, a);
    }
    return a;
}

/* Lookups. */

/* Finds the way of packets of 'flow', by what decides for those of 'c'. */
static void
forward(const struct vrf_db *db, const struct vrf_context *c,
        const struct vrf_flow *flow, uint32_t hash, struct vrf_way *way)
{
    if (OVS_UNLIKELY(c->only_table)) {
        vrf_forward_from(db, flow, c->only_table, hash, way);
    } else {
        vrf_forward(db, flow, hash, way);
    }
}

/* By all that rules and routes may say. */
static void
lookup_any(struct vrf_path *path, const struct vrf_context *c,
           const struct dp_packet *packet, const struct vrf_packet *p,
           struct vrf_verdict *v)
{
    const char *l3 = dp_packet_l3(packet);
    const void *l4 = (p->len >= p->header_len + 4u ? l3 + p->header_len
                      : NULL);
    struct vrf_flow flow;
    struct vrf_way way;

    vrf_context_flow(c, p, l4, &flow);
    forward(path->db, c, &flow, vrf_packet_hash(p), &way);
    v->outcome = way.outcome;
    if (way.outcome == VRF_FORWARDED) {
        v->adjacency = get_adjacency(path, way.family, way.ifindex,
                                     &way.next_hop);
        v->mtu = way.mtu;
    } else if (way.outcome == VRF_LOCAL) {
        v->adjacency = get_adjacency(path, p->family, way.ifindex, &p->dst);
    }
}

/* Do the first bits of the destination say that it is not one host's, or
 * something else that routes do not say (see vrf-packet.h)? */
static bool
is_special(enum vrf_family family, const struct vrf_addr *dst)
{
    if (family == VRF_IPV4) {
        uint8_t first = dst->hi >> 56;

        return !first || first == 127 || first >= 224;
    } else {
        uint16_t first = dst->hi >> 48;

        return !first || first >> 8 == 0xff || first >> 6 == 0xfe80 >> 6;
    }
}

/* The two memos that may be about 'dst', in one line of the processor's
 * caches, the later one first.  What they have no place for goes to the second
 * one of the next two. */
static inline struct memo *
memos_of(struct vrf_path *path, const struct vrf_context *c,
         const struct vrf_addr *dst)
{
    return &path->memos[place_of(dst, c->serial, MEMO_BITS) & ~(size_t) 1];
}

/* That one of 'memos' which is more likely about 'dst'. */
static inline ALWAYS_INLINE struct memo *
likely_memo(struct memo *memos, enum vrf_family family,
            const struct vrf_addr *dst)
{
    uint64_t difference = memos[0].dst.hi ^ dst->hi;

    if (family == VRF_IPV6) {
        difference |= memos[0].dst.lo ^ dst->lo;
    }
    return &memos[difference != 0];
}

/* Does 'm' say what becomes of packets of 'family' with 'dst' and 'tos', that
 * of a query? */
static inline bool
memo_is_good(const struct vrf_path *path, const struct vrf_context *c,
             const struct memo *m, enum vrf_family family,
             const struct vrf_addr *dst, uint8_t tos)
{
    return (vrf_addr_equal(&m->dst, dst) && m->context == c->serial
            && m->adjacency == path->adjacencies[m->place].serial
            && m->family == family && m->tos == tos);
}

/* Returns the next hop that 'route' has for packets to 'q->dst', if it says
 * what most routes do, or null if it is more complicated. */
static const struct vrf_adjacency *
only_adjacency(struct vrf_path *path, enum vrf_family family,
               const struct vrf_fib_query *q, const struct vrf_route *route)
{
    const struct vrf_hops *hops = vrf_route_hops(route);
    const struct vrf_hop *hop = &hops->hops[0];
    const struct vrf_adjacency *a;
    bool direct;

    if (route->info.type != VRF_ROUTE_UNICAST || hops->n != 1
        || hop->flags & (VRF_HOP_ENCAP | VRF_HOP_BLACKHOLE)
        || hop->leak_table || is_special(family, &q->dst)) {
        return NULL;
    }
    direct = vrf_addr_is_zero(&hop->gateway);
    a = get_adjacency(path, direct ? family : hop->gateway_family,
                      hop->ifindex, direct ? &q->dst : &hop->gateway);
    return a->up && !a->is_vrf ? a : NULL;
}

static inline uint32_t
route_mtu(const struct vrf_route *route, const struct vrf_adjacency *a)
{
    return route->info.mtu ? route->info.mtu : a->mtu;
}

/* Returns the route by which packets with 'q' go, or null. */
static const struct vrf_route *
find_route(const struct vrf_context *c, enum vrf_family family,
           const struct vrf_fib_query *q)
{
    for (size_t i = 0; i < c->plan[family].n; i++) {
        const struct vrf_route *route;

        route = vrf_fib_route(c->plan[family].fibs[i], q);
        if (route && route->info.type != VRF_ROUTE_THROW) {
            return route;
        }
    }
    return NULL;
}

/* Fills in '*m' for packets with 'q', which go by 'route', if by any. */
static void
make_memo(struct vrf_path *path, const struct vrf_context *c,
          enum vrf_family family, const struct vrf_fib_query *q,
          const struct vrf_route *route, struct memo *m)
{
    const struct vrf_adjacency *a;

    a = route ? only_adjacency(path, family, q, route) : NULL;
    *m = (struct memo) {
        .dst = q->dst,
        .context = c->serial,
        .adjacency = a ? a->serial : 0,
        .mtu = a ? route_mtu(route, a) : 0,
        .place = a ? a - path->adjacencies : N_PLACES,
        .family = family,
        .tos = q->tos,
    };
}

/* Where there are more destinations than memos, those only push what is needed
 * out of the processor's caches.  Then a few places of them go on, for those
 * destinations that belong there, and tell when they would help again. */
#define N_SAMPLED (N_MEMOS / 128)
#define N_JUDGED 1024

static inline void
judge_memos(struct vrf_path *path)
{
    if (path->n_lookups >= N_JUDGED) {
        path->memos_help = path->n_missed <= path->n_lookups / 6;
        path->n_lookups = path->n_missed = 0;
    }
}

static inline bool
is_sampled(const struct vrf_path *path, const struct memo *memo)
{
    return memo < &path->memos[N_SAMPLED];
}

/* The part of the TOS that routes depend on. */
static inline uint8_t
query_tos(enum vrf_family family, uint8_t tos)
{
    return family == VRF_IPV4 ? tos & 0x1c : 0;
}

/* Of packets with any destination and TOS. */
static inline struct vrf_fib_query
query_of_context(const struct vrf_context *c, enum vrf_family family)
{
    return (struct vrf_fib_query) {
        .prefer = (family == VRF_IPV6 && c->iif != VRF_IIF_LOCAL
                   ? c->iif : 0),
    };
}

static inline struct vrf_fib_query
query_of(const struct vrf_context *c, enum vrf_family family,
         const struct vrf_addr *dst, uint8_t tos)
{
    struct vrf_fib_query q = query_of_context(c, family);

    q.dst = *dst;
    q.tos = query_tos(family, tos);
    return q;
}

/* find_memo() where that is not the likely one of 'memos', or memos do not
 * help. */
static const struct memo *
find_other_memo(struct vrf_path *path, const struct vrf_context *c,
                enum vrf_family family, const struct vrf_addr *dst,
                uint8_t tos, const struct vrf_route *route,
                struct memo *memos)
{
    const struct vrf_fib_query q = query_of(c, family, dst, tos);
    struct memo *spilled = &path->memos[((memos - path->memos) ^ 2) + 1];

    if (!path->memos_help) {
        if (!is_sampled(path, memos)) {
            make_memo(path, c, family, &q, route, &path->other);
            return &path->other;
        }
        path->n_lookups++;
    }
    for (int i = 0; i < 2; i++) {
        if (memo_is_good(path, c, &memos[i], family, dst, q.tos)) {
            return &memos[i];
        }
    }
    if (memo_is_good(path, c, spilled, family, dst, q.tos)) {
        return spilled;
    }
    path->n_missed++;
    if (memos[1].context == c->serial) {
        *spilled = memos[1];
    }
    memos[1] = memos[0];
    if (path->memos_help) {
        route = find_route(c, family, &q);
    }
    make_memo(path, c, family, &q, route, &memos[0]);
    return &memos[0];
}

static struct plain_hop *
make_plain_hop(struct vrf_path *path, enum vrf_family family,
               const struct vrf_route *route, struct plain_hop *h)
{
    /* An address that is not special: that of the packet does not matter. */
    const struct vrf_fib_query q = {
        .dst = { UINT64_C(0x2000000000000000), 0 }
    };
    const struct vrf_hops *hops;
    const struct vrf_adjacency *a = NULL;

    h->route = route;
    h->serial = vrf_route_serial(route);
    h->epoch = path->epoch;
    hops = vrf_route_hops(route);
    if (hops->n == 1 && !vrf_addr_is_zero(&hops->hops[0].gateway)) {
        a = only_adjacency(path, family, &q, route);
    }
    h->adjacency = a ? a->serial : 0;
    h->place = a ? a - path->adjacencies : N_PLACES;
    h->mtu = a ? route_mtu(route, a) : 0;
    return h;
}

/* Returns what is known of packets by 'route'. */
static inline ALWAYS_INLINE const struct plain_hop *
plain_hop_of(struct vrf_path *path, enum vrf_family family,
             const struct vrf_route *route)
{
    uint64_t x = (uintptr_t) route * UINT64_C(0x9e3779b97f4a7c15);
    struct plain_hop *h = &path->plain_hops[x >> (64 - HOP_BITS)];

    return (OVS_LIKELY(h->route == route && h->epoch == path->epoch
                       && h->serial == vrf_route_serial(route)
                       && h->adjacency == path->adjacencies[h->place].serial)
            ? h : make_plain_hop(path, family, route, h));
}

/* Returns the next hop of packets with 'dst' and 'tos', which go by 'route',
 * where memos do not help, and sets '*mtu'. */
static inline ALWAYS_INLINE const struct vrf_adjacency *
adjacency_by_route(struct vrf_path *path, const struct vrf_context *c,
                   enum vrf_family family, const struct vrf_addr *dst,
                   uint8_t tos, const struct vrf_route *route, uint32_t *mtu)
{
    struct memo *memos = memos_of(path, c, dst);
    const struct memo *m;

    if (OVS_LIKELY(route && !is_special(family, dst)
                   && !is_sampled(path, memos))) {
        const struct plain_hop *h = plain_hop_of(path, family, route);

        if (OVS_LIKELY(h->place < N_PLACES)) {
            *mtu = h->mtu;
            return &path->adjacencies[h->place];
        }
    }
    m = find_other_memo(path, c, family, dst, tos, route, memos);
    *mtu = m->mtu;
    return &path->adjacencies[m->place];
}

/* Returns what is known of packets with 'dst' and 'tos', to which 'memos'
 * belong.  'c->plan[family]' must be simple.  If memos do not help, 'route' is
 * that of such packets. */
static inline ALWAYS_INLINE const struct memo *
find_memo(struct vrf_path *path, const struct vrf_context *c,
          enum vrf_family family, const struct vrf_addr *dst, uint8_t tos,
          const struct vrf_route *route, struct memo *memos)
{
    const struct memo *m = likely_memo(memos, family, dst);

    return (OVS_LIKELY(path->memos_help
                       && memo_is_good(path, c, m, family, dst,
                                       query_tos(family, tos)))
            ? m : find_other_memo(path, c, family, dst, tos, route, memos));
}

void
vrf_path_lookup(struct vrf_path *path, const struct vrf_context *c,
                const struct dp_packet *packet, const struct vrf_packet *p,
                struct vrf_verdict *v)
{
    const struct memo *m = NULL;

    if (OVS_LIKELY(c->plan[p->family].simple && !c->own)) {
        const struct vrf_fib_query q = query_of(c, p->family, &p->dst, p->tos);

        path->n_lookups += path->memos_help;
        m = find_memo(path, c, p->family, &p->dst, p->tos,
                      path->memos_help ? NULL : find_route(c, p->family, &q),
                      memos_of(path, c, &p->dst));
    }
    if (m && m->place < N_PLACES) {
        v->outcome = VRF_FORWARDED;
        v->adjacency = &path->adjacencies[m->place];
        v->mtu = m->mtu;
    } else {
        lookup_any(path, c, packet, p, v);
    }
}

/* Batches. */

/* What is known of a packet that passed vrf_take_check(). */
struct candidate {
    struct vrf_take take;
    struct vrf_addr dst;
    uint8_t tos;
};

static inline ALWAYS_INLINE bool
inspect(const struct vrf_taker *t, enum vrf_family family,
        struct dp_packet *packet, struct candidate *k)
{
    if (OVS_UNLIKELY(!vrf_take_check(t, family, packet, &k->take))) {
        return false;
    }
    k->dst = vrf_take_dst(family, packet);
    k->tos = vrf_take_tos(family, packet);
    return true;
}

/* Has 'packet' go its way, by 'a' where the MTU is 'mtu', if there is no more
 * to do than that.  Those by the next hop of the first one are the group of
 * 'out', if it had none before. */
static inline ALWAYS_INLINE bool
put_on_way(const struct vrf_taker *t, enum vrf_family family,
           struct dp_packet *packet, const struct vrf_take *k,
           const struct vrf_adjacency *a, uint32_t mtu, uint64_t *group_serial,
           struct dp_netdev_extension_out *out, uint32_t *bytes)
{
    struct dp_netdev_extension_group *group = &out->group;

    if (OVS_UNLIKELY(!a->usable || a->stale)
        || !vrf_take_fits(packet, k, mtu)) {
        return false;
    }
    vrf_take_put_on_way(t, family, packet, a->macs, a->port_no);
    *bytes += dp_packet_size(packet);
    if (!*group_serial) {
        *group_serial = a->serial;
    }
    if (OVS_LIKELY(a->serial == *group_serial)) {
        group->bytes += dp_packet_size(packet);
        group->tcp_flags |= k->tcp_flags;
        dp_packet_batch_add(&group->packets, packet);
    } else {
        dp_netdev_extension_receive(out, packet, a->serial, k->tcp_flags);
    }
    return true;
}

/* No next hop's. */
#define NO_GROUP UINT64_MAX

static inline uint64_t
first_group(const struct dp_netdev_extension_out *out)
{
    return dp_packet_batch_is_empty(&out->group.packets) ? 0 : NO_GROUP;
}

/* As vrf_path_take(), of one family, by memos. */
static inline ALWAYS_INLINE void
take_by_memos(struct vrf_path *path, const struct vrf_context *c,
              const struct vrf_taker *t, enum vrf_family family,
              struct dp_packet_batch *packets,
              struct dp_netdev_extension_out *out, uint32_t *bytes)
{
    const size_t n = dp_packet_batch_size(packets);
    uint64_t group_serial = first_group(out);
    size_t n_left = 0;

    path->n_lookups += n;
    for (size_t i = 0; i < n; i++) {
        struct dp_packet *packet = packets->packets[i];
        const struct memo *m;
        struct candidate k;

        if (OVS_LIKELY(inspect(t, family, packet, &k))) {
            m = find_memo(path, c, family, &k.dst, k.tos, NULL,
                          memos_of(path, c, &k.dst));
            if (OVS_LIKELY(put_on_way(t, family, packet, &k.take,
                                      &path->adjacencies[m->place], m->mtu,
                                      &group_serial, out, bytes))) {
                continue;
            }
        }
        packets->packets[n_left++] = packet;
    }
    packets->count = n_left;
}

/* Finds the routes of 'n' packets by their number, null for those that have
 * none. */
static inline ALWAYS_INLINE void
find_routes(const struct vrf_context *c, enum vrf_family family, size_t n,
            const struct vrf_addr dst[], const uint8_t tos[],
            const struct vrf_route *routes[])
{
    const struct vrf_fib_query q = query_of_context(c, family);
    size_t n_left = n;

    memset(routes, 0, n * sizeof *routes);
    for (size_t i = 0; i < c->plan[family].n && n_left; i++) {
        n_left = vrf_fib_routes(c->plan[family].fibs[i], &q, dst, tos, n,
                                routes);
        for (size_t j = 0; j < n; j++) {
            if (routes[j] && routes[j]->info.type == VRF_ROUTE_THROW) {
                routes[j] = NULL;
                n_left++;
            }
        }
    }
}

/* Likewise, by routes. */
static inline ALWAYS_INLINE void
take_by_routes(struct vrf_path *path, const struct vrf_context *c,
               const struct vrf_taker *t, enum vrf_family family,
               struct dp_packet_batch *packets,
               struct dp_netdev_extension_out *out, uint32_t *bytes)
{
    const size_t n = dp_packet_batch_size(packets);
    const struct vrf_route *routes[NETDEV_MAX_BURST];
    struct vrf_take takes[NETDEV_MAX_BURST];
    struct vrf_addr dst[NETDEV_MAX_BURST];
    uint8_t tos[NETDEV_MAX_BURST];
    bool good[NETDEV_MAX_BURST];
    uint64_t group_serial = first_group(out);
    size_t n_left = 0;

    BUILD_ASSERT_DECL(VRF_FIB_MAX_BATCH >= NETDEV_MAX_BURST);
    for (size_t i = 0; i < n; i++) {
        struct candidate k = { .tos = 0 };

        good[i] = inspect(t, family, packets->packets[i], &k);
        takes[i] = k.take;
        dst[i] = k.dst;
        tos[i] = query_tos(family, k.tos);
    }
    find_routes(c, family, n, dst, tos, routes);
    for (size_t i = 0; i < n; i++) {
        struct dp_packet *packet = packets->packets[i];

        if (OVS_LIKELY(good[i])) {
            const struct vrf_adjacency *a;
            uint32_t mtu;

            a = adjacency_by_route(path, c, family, &dst[i], tos[i],
                                   routes[i], &mtu);
            if (OVS_LIKELY(put_on_way(t, family, packet, &takes[i], a, mtu,
                                      &group_serial, out, bytes))) {
                continue;
            }
        }
        packets->packets[n_left++] = packet;
    }
    packets->count = n_left;
}

/* As vrf_path_take(), of one family. */
static inline ALWAYS_INLINE void
take(struct vrf_path *path, const struct vrf_context *c,
     const struct vrf_taker *t, enum vrf_family family,
     struct dp_packet_batch *packets, struct dp_netdev_extension_out *out,
     struct vrf_path_taken *taken)
{
    const size_t n = dp_packet_batch_size(packets);
    uint32_t bytes = 0;

    judge_memos(path);
    if (OVS_LIKELY(path->memos_help)) {
        take_by_memos(path, c, t, family, packets, out, &bytes);
    } else {
        take_by_routes(path, c, t, family, packets, out, &bytes);
    }
    taken->family = family;
    taken->n = n - dp_packet_batch_size(packets);
    taken->bytes = bytes;
}

void
vrf_path_take(struct vrf_path *path, const struct vrf_context *c,
              const struct vrf_taker *t, struct dp_packet_batch *packets,
              struct dp_netdev_extension_out *out,
              struct vrf_path_taken *taken)
{
    const struct dp_packet *first = packets->packets[0];
    const struct eth_header *eth = dp_packet_data(first);

    *taken = (struct vrf_path_taken) { .n = 0 };
    if (OVS_UNLIKELY(!c->known || first->packet_type != htonl(PT_ETH)
                     || dp_packet_size(first) < ETH_HEADER_LEN)) {
        return;
    }
    if (eth->eth_type == htons(ETH_TYPE_IP)) {
        if (OVS_LIKELY(c->plan[VRF_IPV4].simple)) {
            take(path, c, t, VRF_IPV4, packets, out, taken);
        }
    } else if (OVS_LIKELY(c->plan[VRF_IPV6].simple)) {
        take(path, c, t, VRF_IPV6, packets, out, taken);
    }
}

/* Ways of flows. */

/* Where nobody asks for more of the destination, so many bits decide that it
 * is not special. */
static const uint8_t min_dst_bits[VRF_N_FAMILIES] = {
    [VRF_IPV4] = 8,
    [VRF_IPV6] = 16,
};

void
vrf_path_find_way(struct vrf_path *path, const struct vrf_context *c,
                  const struct vrf_packet *p, struct vrf_path_way *w)
{
    const struct vrf_used *used = &w->used;
    struct vrf_flow flow;
    struct vrf_way way;

    vrf_context_flow(c, p, NULL, &flow);
    forward(path->db, c, &flow, 0, &way);
    w->used = way.answer.used;
    w->plain = false;
    w->adjacency = NULL;
    w->mtu = 0;
    if (way.outcome != VRF_FORWARDED || used->proto || used->sport
        || used->dport || vrf_route_hops(way.answer.route)->n != 1) {
        return;
    }
    w->used.dst_bits = MAX(used->dst_bits, min_dst_bits[p->family]);
    if (is_special(p->family, &p->dst)) {
        return;
    }
    if (vrf_addr_is_zero(&way.hop->gateway)) {
        w->used.dst_bits = vrf_family_bits(p->family);
    }
    w->mtu = way.mtu;
    w->adjacency = get_adjacency(path, way.family, way.ifindex,
                                 &way.next_hop);
    w->plain = w->adjacency->usable;
}

static inline struct way_memo *
way_memo_of(struct vrf_path *path, const struct ovs_action_vrf_way *way)
{
    uint64_t x = 0;

    for (int i = 0; i < 4; i++) {
        x = x * 31 + (way->dst[i] ^ way->src[i]);
    }
    x = (x + way->tos + way->table) * UINT64_C(0x9e3779b97f4a7c15);
    return &path->ways[x >> (64 - PLACE_BITS)];
}

enum vrf_way_state
vrf_path_check_way(struct vrf_path *path, const struct vrf_context *c,
                   const struct ovs_action_vrf_way *way,
                   struct vrf_adjacency **stale)
{
    struct way_memo *m = way_memo_of(path, way);
    struct vrf_packet p;
    struct vrf_path_way w;

    *stale = NULL;
    if (OVS_LIKELY(m->context == c->serial
                   && !memcmp(&m->way, way, sizeof *way))) {
        return m->state;
    }
    m->context = c->serial;
    m->way = *way;
    m->state = VRF_WAY_NONE;
    if (c->known && way->dst_bits != OVS_VRF_WAY_UNKNOWN) {
        vrf_way_packet(way, &p);
        vrf_path_find_way(path, c, &p, &w);
        m->state = vrf_way_compare(way, &w);
        if (m->state == VRF_WAY_GOOD && w.adjacency->stale) {
            *stale = w.adjacency;
        }
    }
    return m->state;
}
