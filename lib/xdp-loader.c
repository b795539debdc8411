/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "xdp-loader.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "extension-config.h"
#include "util.h"

static const char *const policy_names[] = {
    [XDP_CRASH_DETACH] = "detach",
    [XDP_CRASH_CLOSED] = "closed",
    [XDP_CRASH_KEEP] = "keep",
};

bool
xdp_crash_policy_from_string(const char *s, enum xdp_crash_policy *policy)
{
    for (size_t i = 0; i < ARRAY_SIZE(policy_names); i++) {
        if (!strcmp(s, policy_names[i])) {
            *policy = i;
            return true;
        }
    }
    return false;
}

const char *
xdp_crash_policy_to_string(enum xdp_crash_policy policy)
{
    return policy_names[policy];
}

#if XDP_OFFLOAD
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovs-xdp.skel.h"
#include "packets.h"
#include "xdp-flow.h"
#include "xdp-slots.h"
#include "xdp-table.h"

VLOG_DEFINE_THIS_MODULE(xdp_loader);

/* Of an XDP frame's address family, in bits. */
#define V4_IN_V6_BITS 96

struct xdp_dp {
    struct ovs_xdp *skel;       /* Has the shared maps. */
    struct xdp_slots flows[OVS_XDP_N_SHAPES]; /* In the memory of maps. */
    int sync_outer, sync_inner; /* Maps for xdp_dp_synchronize(). */

    /* Shapes of which something was removed after the last synchronization. */
    bool reuse[OVS_XDP_N_SHAPES];
    size_t n_ports;
};

struct xdp_port {
    struct xdp_dp *dp;
    struct ovs_xdp *skel;
    struct ovs_xdp_port *state; /* Memory of the program. */
    unsigned int n_queues;
    enum xdp_crash_policy policy;
    char *pins;                 /* Directory. */
    int link;

    /* Of the predecessor, whose program is at work; -1 if ours is. */
    int old_sockets;
};

/* The shared maps of 'skel'. */
#define SHARED_MAPS(MAP)                        \
    MAP(flows_l2) MAP(flows_v4) MAP(flows_v4_eth) \
    MAP(flows_v6) MAP(flows_v6_eth)             \
    MAP(block4) MAP(block6) MAP(devices) MAP(samples)

static struct bpf_map *
flows_map(const struct xdp_dp *dp, enum ovs_xdp_shape shape)
{
    struct bpf_map *const maps[] = {
        [OVS_XDP_SHAPE_L2] = dp->skel->maps.flows_l2,
        [OVS_XDP_SHAPE_V4] = dp->skel->maps.flows_v4,
        [OVS_XDP_SHAPE_V4_ETH] = dp->skel->maps.flows_v4_eth,
        [OVS_XDP_SHAPE_V6] = dp->skel->maps.flows_v6,
        [OVS_XDP_SHAPE_V6_ETH] = dp->skel->maps.flows_v6_eth,
    };

    return maps[shape];
}

/* Size of the memory of the map of 'shape', as the kernel has it. */
static size_t
flows_size(const struct xdp_dp *dp, enum ovs_xdp_shape shape)
{
    const struct xdp_slots *s = &dp->flows[shape];

    return ROUND_UP(xdp_slots_bucket_size(s->n_words)
                    * (s->bucket_mask + (size_t) 1), get_page_size());
}

static int
map_flows(struct xdp_dp *dp)
{
    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        void *memory = mmap(NULL, flows_size(dp, i), PROT_READ | PROT_WRITE,
                            MAP_SHARED, bpf_map__fd(flows_map(dp, i)), 0);

        if (memory == MAP_FAILED) {
            return errno;
        }
        dp->flows[i].buckets = memory;
    }
    return 0;
}

static int
open_skeleton(struct ovs_xdp **skelp, char **errorp)
{
    *skelp = ovs_xdp__open();
    if (!*skelp) {
        int error = errno;

        *errorp = xasprintf("opening the XDP program failed (%s)",
                            ovs_strerror(error));
        return error;
    }
    return 0;
}

/* Maps whose only purpose is that a change of the outer one waits until all
 * programs are done that may have seen the old inner one, which are all. */
static int
open_sync(struct xdp_dp *dp)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts);

    dp->sync_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ovs_xdp_sync", 4, 4,
                                    1, NULL);
    if (dp->sync_inner < 0) {
        return -dp->sync_inner;
    }
    opts.inner_map_fd = dp->sync_inner;
    dp->sync_outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ovs_xdp_sync",
                                    4, 4, 1, &opts);
    return dp->sync_outer < 0 ? -dp->sync_outer : 0;
}

static void
close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

int
xdp_dp_create(const struct xdp_dp_config *config, struct xdp_dp **dpp,
              char **errorp)
{
    struct xdp_dp *dp = xzalloc(sizeof *dp);
    struct ovs_xdp *skel;
    int error;

    *dpp = NULL;
    *errorp = NULL;
    dp->sync_outer = dp->sync_inner = -1;
    error = open_skeleton(&dp->skel, errorp);
    if (error) {
        goto error;
    }
    skel = dp->skel;

    for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
        uint32_t n = xdp_slots_n_buckets(config->max_flows);

        dp->flows[i].n_words = xdp_shape_words(i);
        dp->flows[i].bucket_mask = n - 1;
        bpf_map__set_max_entries(flows_map(dp, i), n);
    }

    /* Memory is taken when it is needed. */
    bpf_map__set_max_entries(skel->maps.block4, config->max_prefixes);
    bpf_map__set_map_flags(skel->maps.block4, BPF_F_NO_PREALLOC);
    bpf_map__set_max_entries(skel->maps.block6, config->max_prefixes);
    bpf_map__set_map_flags(skel->maps.block6, BPF_F_NO_PREALLOC);
    bpf_map__set_max_entries(skel->maps.devices, config->max_devices);
    bpf_program__set_autoload(skel->progs.ovs_xdp, false);

    error = -ovs_xdp__load(skel);
    if (error) {
        *errorp = xasprintf("loading the maps of the XDP program failed (%s)",
                            ovs_strerror(error));
        goto error;
    }
    error = map_flows(dp);
    if (error) {
        *errorp = xasprintf("mapping the tables of flows failed (%s)",
                            ovs_strerror(error));
        goto error;
    }
    error = open_sync(dp);
    if (error) {
        *errorp = xasprintf("creating maps for synchronization failed (%s)",
                            ovs_strerror(error));
        goto error;
    }
    *dpp = dp;
    return 0;

error:
    xdp_dp_destroy(dp);
    return error;
}

void
xdp_dp_destroy(struct xdp_dp *dp)
{
    if (dp) {
        ovs_assert(!dp->n_ports);
        for (int i = 0; i < OVS_XDP_N_SHAPES; i++) {
            if (dp->flows[i].buckets) {
                munmap(dp->flows[i].buckets, flows_size(dp, i));
            }
        }
        close_fd(dp->sync_outer);
        close_fd(dp->sync_inner);
        ovs_xdp__destroy(dp->skel);
        free(dp);
    }
}

int
xdp_dp_synchronize(struct xdp_dp *dp)
{
    uint32_t zero = 0;

    if (bpf_map_update_elem(dp->sync_outer, &zero, &dp->sync_inner, BPF_ANY)) {
        return errno;
    }
    memset(dp->reuse, 0, sizeof dp->reuse);
    return 0;
}

int
xdp_dp_insert(struct xdp_dp *dp, enum ovs_xdp_shape shape,
              const union ovs_xdp_key *key, const struct ovs_xdp_flow *flow)
{
    if (dp->reuse[shape]) {
        int error = xdp_dp_synchronize(dp);

        if (error) {
            return error;
        }
    }
    return xdp_slots_insert(&dp->flows[shape], key, flow);
}

void
xdp_dp_retire(struct xdp_dp *dp, enum ovs_xdp_shape shape,
              const union ovs_xdp_key *key)
{
    struct ovs_xdp_flow *flow = xdp_slots_find(&dp->flows[shape], key);

    if (flow) {
        xdp_slots_retire(flow);
    }
}

int
xdp_dp_remove(struct xdp_dp *dp, const enum ovs_xdp_shape *shapes,
              const union ovs_xdp_key *keys, struct ovs_xdp_flow *flows,
              size_t n)
{
    int error;

    memset(flows, 0, n * sizeof *flows);
    for (size_t i = 0; i < n; i++) {
        xdp_dp_retire(dp, shapes[i], &keys[i]);
    }
    error = n ? xdp_dp_synchronize(dp) : 0;
    if (error) {
        return error;
    }
    for (size_t i = 0; i < n; i++) {
        struct xdp_slots *slots = &dp->flows[shapes[i]];
        struct ovs_xdp_flow *flow = xdp_slots_find(slots, &keys[i]);

        if (flow) {
            xdp_slots_read(flow, &flows[i]);
            xdp_slots_remove(slots, flow);
            dp->reuse[shapes[i]] = true;
        }
    }
    return 0;
}

int
xdp_dp_read(struct xdp_dp *dp, enum ovs_xdp_shape shape,
            const union ovs_xdp_key *key, struct ovs_xdp_flow *copy)
{
    const struct ovs_xdp_flow *flow = xdp_slots_find(&dp->flows[shape], key);

    if (!flow) {
        return ENOENT;
    }
    xdp_slots_read(flow, copy);
    return 0;
}

const struct xdp_slots *
xdp_dp_flows(const struct xdp_dp *dp, enum ovs_xdp_shape shape)
{
    return &dp->flows[shape];
}

int
xdp_dp_set_device(struct xdp_dp *dp, uint32_t port, int ifindex)
{
    int fd = bpf_map__fd(dp->skel->maps.devices);
    struct bpf_devmap_val value = { .ifindex = ifindex };

    if (!ifindex) {
        return bpf_map_delete_elem(fd, &port) && errno != ENOENT ? errno : 0;
    }
    return bpf_map_update_elem(fd, &port, &value, BPF_ANY) ? errno : 0;
}

/* Finds the map and the key for a prefix.  Returns its descriptor, or -1 if
 * there can be no such prefix. */
static int
block_key(const struct xdp_dp *dp, const struct in6_addr *addr,
          unsigned int length, void *key)
{
    struct in6_addr mask = ipv6_create_mask(length);
    struct in6_addr masked = ipv6_addr_bitand(addr, &mask);

    if (length > 128 || !ipv6_addr_equals(&masked, addr)) {
        return -1;
    }
    if (length >= V4_IN_V6_BITS && IN6_IS_ADDR_V4MAPPED(addr)) {
        struct ovs_xdp_prefix4 *prefix = key;

        prefix->length = length - V4_IN_V6_BITS;
        prefix->addr = in6_addr_get_mapped_ipv4(addr);
        return prefix->length ? bpf_map__fd(dp->skel->maps.block4) : -1;
    } else {
        struct ovs_xdp_prefix6 *prefix = key;

        prefix->length = length;
        memcpy(prefix->addr, addr, sizeof prefix->addr);
        return length ? bpf_map__fd(dp->skel->maps.block6) : -1;
    }
}

int
xdp_dp_block(struct xdp_dp *dp, const struct in6_addr *addr,
             unsigned int length)
{
    const struct ovs_xdp_block block = { 0, 0 };
    struct ovs_xdp_prefix6 key;
    int fd = block_key(dp, addr, length, &key);

    if (fd < 0) {
        return EINVAL;
    }
    return bpf_map_update_elem(fd, &key, &block, BPF_NOEXIST) ? errno : 0;
}

int
xdp_dp_unblock(struct xdp_dp *dp, const struct in6_addr *addr,
               unsigned int length, struct ovs_xdp_block *block)
{
    struct ovs_xdp_prefix6 key;
    int fd = block_key(dp, addr, length, &key);

    if (fd < 0) {
        return EINVAL;
    }
    return bpf_map_lookup_and_delete_elem(fd, &key, block) ? errno : 0;
}

int
xdp_dp_block_read(struct xdp_dp *dp, const struct in6_addr *addr,
                  unsigned int length, struct ovs_xdp_block *block)
{
    struct ovs_xdp_prefix6 key;
    int fd = block_key(dp, addr, length, &key);

    if (fd < 0) {
        return EINVAL;
    }
    return bpf_map_lookup_elem(fd, &key, block) ? errno : 0;
}

int
xdp_dp_samples(const struct xdp_dp *dp)
{
    return bpf_map__fd(dp->skel->maps.samples);
}

/* Pins, all below the directory 'pins' of a port. */

/* The kernel wants no dots in there. */
static void
put_pin_name(struct ds *ds, const char *name)
{
    ds_put_char(ds, '/');
    for (const char *p = name; *p; p++) {
        if (*p == '.' || *p == '%') {
            ds_put_format(ds, "%%%02x", (unsigned char) *p);
        } else {
            ds_put_char(ds, *p);
        }
    }
}

static char *
pin_directory(const struct xdp_port_config *config)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&ds, XDP_PIN_DIR);
    put_pin_name(&ds, config->dp_name);
    put_pin_name(&ds, config->name);
    return ds_steal_cstr(&ds);
}

static char *
pin_path(const struct xdp_port *port, const char *name)
{
    return xasprintf("%s/%s", port->pins, name);
}

static int
pin(const struct xdp_port *port, int fd, const char *name)
{
    char *path = pin_path(port, name);
    char *new_path = xasprintf("%s_new", path);
    int error = 0;

    /* In one step, whatever was there. */
    unlink(new_path);
    if (bpf_obj_pin(fd, new_path) || rename(new_path, path)) {
        error = errno;
        unlink(new_path);
    }
    free(new_path);
    free(path);
    return error;
}

static int
get_pin(const struct xdp_port *port, const char *name)
{
    char *path = pin_path(port, name);
    int fd = bpf_obj_get(path);
    int save_errno = errno;

    free(path);
    errno = save_errno;
    return fd;
}

static void
unpin_all(const struct xdp_port *port)
{
    static const char *const names[] = { "link", "sockets" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = pin_path(port, names[i]);

        unlink(path);
        free(path);
    }
    rmdir(port->pins);
}

static int
make_pin_directory(const struct xdp_port *port)
{
    char *path = xstrdup(port->pins);
    int error = 0;

    for (char *p = path + strlen(XDP_PIN_ROOT); !error; p++) {
        if (*p == '/' || !*p) {
            char c = *p;

            *p = '\0';
            if (mkdir(path, 0700) && errno != EEXIST) {
                error = errno;
            }
            *p = c;
            if (!c) {
                break;
            }
        }
    }
    free(path);
    return error;
}

static int
link_ifindex(int link)
{
    struct bpf_link_info info = { .type = 0 };
    uint32_t size = sizeof info;

    return (!bpf_obj_get_info_by_fd(link, &info, &size)
            && info.type == BPF_LINK_TYPE_XDP ? info.xdp.ifindex : 0);
}

/* Looks for a program that a process before us left on the interface.  Only an
 * error if there may be one. */
static int
find_predecessor(struct xdp_port *port, const struct xdp_port_config *config,
                 char **errorp)
{
    int link = get_pin(port, "link");
    int sockets = -1;

    if (link < 0 && errno != ENOENT) {
        goto error;
    }
    if (link >= 0 && link_ifindex(link) == config->ifindex) {
        sockets = get_pin(port, "sockets");
        if (sockets >= 0) {
            port->link = link;
            port->old_sockets = sockets;
            return 0;
        } else if (errno != ENOENT) {
            goto error;
        }
    }
    /* It was for another interface of that name, or is not whole. */
    close_fd(link);
    unpin_all(port);
    return 0;

error:
    *errorp = xasprintf("%s: opening what is in %s failed (%s)", config->name,
                        port->pins, ovs_strerror(errno));
    close_fd(link);
    return EIO;
}

static int
load_program(struct xdp_port *port, const struct xdp_port_config *config,
             char **errorp)
{
    struct ovs_xdp *shared = port->dp->skel;
    struct ovs_xdp *skel;
    int error;

    error = open_skeleton(&port->skel, errorp);
    if (error) {
        return error;
    }
    skel = port->skel;

#define REUSE(MAP)                                                      \
    error = error ? error                                               \
            : -bpf_map__reuse_fd(skel->maps.MAP,                        \
                                 bpf_map__fd(shared->maps.MAP));
    SHARED_MAPS(REUSE)
#undef REUSE
    if (!error) {
        error = -bpf_map__set_max_entries(skel->maps.sockets,
                                          config->n_queues);
    }
    skel->rodata->parallel = config->parallel;
    skel->rodata->bucket_mask = port->dp->flows[0].bucket_mask;
    if (!error) {
        error = -ovs_xdp__load(skel);
    }
    if (error) {
        *errorp = xasprintf("%s: loading the XDP program failed (%s)",
                            config->name, ovs_strerror(error));
        return error;
    }
    port->state = &skel->bss->port;
    port->state->empty_verdict = (config->policy == XDP_CRASH_KEEP
                                  ? XDP_PASS : XDP_DROP);
    port->state->enabled = 1;
    return 0;
}

static int
attach(struct xdp_port *port, const struct xdp_port_config *config,
       char **errorp)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts,
                .flags = (config->generic
                          ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE));
    int error;

    port->link = bpf_link_create(xdp_port_program(port), config->ifindex,
                                 BPF_XDP, &opts);
    if (port->link < 0) {
        error = -port->link;
        port->link = -1;
        if (error == EBUSY || error == EEXIST) {
            *errorp = xasprintf("%s: another XDP program is attached, which "
                                "is left alone", config->name);
            return EBUSY;
        }
        *errorp = xasprintf("%s: attaching the XDP program in %s mode failed "
                            "(%s)", config->name,
                            config->generic ? "generic" : "native",
                            ovs_strerror(error));
        return error;
    }
    if (port->policy == XDP_CRASH_DETACH) {
        return 0;
    }

    error = make_pin_directory(port);
    if (!error) {
        error = pin(port, bpf_map__fd(port->skel->maps.sockets), "sockets");
    }
    if (!error) {
        error = pin(port, port->link, "link");
    }
    if (error) {
        *errorp = xasprintf("%s: pinning the XDP program in %s failed (%s)",
                            config->name, port->pins, ovs_strerror(error));
    }
    return error;
}

int
xdp_port_open(struct xdp_dp *dp, const struct xdp_port_config *config,
              struct xdp_port **portp, char **errorp)
{
    struct xdp_port *port = xzalloc(sizeof *port);
    int error;

    *portp = NULL;
    *errorp = NULL;
    port->dp = dp;
    port->n_queues = config->n_queues;
    port->policy = config->policy;
    port->link = port->old_sockets = -1;
    port->pins = pin_directory(config);
    dp->n_ports++;

    error = load_program(port, config, errorp);
    if (!error && config->ifindex) {
        error = find_predecessor(port, config, errorp);
        if (!error && port->link < 0) {
            error = attach(port, config, errorp);
        }
    }
    if (error) {
        xdp_port_close(port);
        return error;
    }
    *portp = port;
    return 0;
}

void
xdp_port_close(struct xdp_port *port)
{
    if (port && port->link >= 0) {
        unpin_all(port);
        if (bpf_link_detach(port->link)) {
            VLOG_DBG("%s: detaching the XDP program failed (%s)", port->pins,
                     ovs_strerror(errno));
        }
    }
    xdp_port_leave(port);
}

void
xdp_port_leave(struct xdp_port *port)
{
    if (!port) {
        return;
    }
    close_fd(port->link);
    close_fd(port->old_sockets);
    ovs_xdp__destroy(port->skel);
    port->dp->n_ports--;
    free(port->pins);
    free(port);
}

static int
set_socket(int map, uint32_t queue, int fd)
{
    if (fd < 0) {
        return bpf_map_delete_elem(map, &queue) && errno != ENOENT ? errno : 0;
    }
    return bpf_map_update_elem(map, &queue, &fd, BPF_ANY) ? errno : 0;
}

int
xdp_port_set_socket(struct xdp_port *port, unsigned int queue, int fd)
{
    if (port->old_sockets >= 0) {
        int error = set_socket(port->old_sockets, queue, fd);

        if (error) {
            VLOG_WARN("%s: queue %u gets no packets from the program that was "
                      "found (%s)", port->pins, queue, ovs_strerror(error));
        }
    }
    return set_socket(bpf_map__fd(port->skel->maps.sockets), queue, fd);
}

bool
xdp_port_took_over(const struct xdp_port *port)
{
    return port->old_sockets >= 0;
}

int
xdp_port_commit(struct xdp_port *port)
{
    int error;

    if (port->old_sockets < 0) {
        return 0;
    }
    if (bpf_link_update(port->link, xdp_port_program(port), NULL)) {
        return errno;
    }
    close(port->old_sockets);
    port->old_sockets = -1;
    if (port->policy == XDP_CRASH_DETACH) {
        /* Our predecessor's was another policy. */
        unpin_all(port);
        return 0;
    }
    error = pin(port, bpf_map__fd(port->skel->maps.sockets), "sockets");
    if (error) {
        VLOG_WARN("%s: pinning failed (%s), nobody will be able to take over",
                  port->pins, ovs_strerror(error));
    }
    return 0;
}

int
xdp_port_publish(struct xdp_port *port, const struct ovs_xdp_tables *tables)
{
    uint32_t next = !port->state->active;

    port->state->tables[next] = *tables;
    __atomic_store_n(&port->state->active, next, __ATOMIC_RELEASE);
    return xdp_dp_synchronize(port->dp);
}

void
xdp_port_admit(struct xdp_port *port, enum ovs_xdp_shape shape,
               const union ovs_xdp_key *key)
{
    xdp_tables_admit(&port->state->tables[port->state->active], shape, key);
}

void
xdp_port_enable(struct xdp_port *port, bool enable)
{
    __atomic_store_n(&port->state->enabled, enable, __ATOMIC_RELEASE);
}

bool
xdp_port_is_enabled(const struct xdp_port *port)
{
    return __atomic_load_n(&port->state->enabled, __ATOMIC_RELAXED);
}

void
xdp_port_capture(struct xdp_port *port, uint32_t one_of, uint32_t max_len)
{
    uint32_t capture = one_of ? UINT32_MAX / one_of : 0;

    __atomic_store_n(&port->state->capture_len, max_len, __ATOMIC_RELAXED);
    __atomic_store_n(&port->state->capture, capture, __ATOMIC_RELEASE);
}

void
xdp_port_renew(struct xdp_port *port, unsigned int ms)
{
    uint64_t end = 0;

    if (ms) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        end = (now.tv_sec * UINT64_C(1000000000) + now.tv_nsec
               + ms * UINT64_C(1000000));
    }
    __atomic_store_n(&port->state->lease_end, end, __ATOMIC_RELAXED);
    __atomic_store_n(&port->state->lease_tick, 0, __ATOMIC_RELEASE);
}

int
xdp_port_counters(struct xdp_port *port, uint64_t counters[OVS_XDP_N_COUNTERS])
{
    int n_cpus = libbpf_num_possible_cpus();
    int error = 0;
    uint64_t *values;

    if (n_cpus < 0) {
        return -n_cpus;
    }
    values = xcalloc(n_cpus, sizeof *values);
    for (uint32_t i = 0; i < OVS_XDP_N_COUNTERS; i++) {
        counters[i] = 0;
        if (bpf_map_lookup_elem(bpf_map__fd(port->skel->maps.counters), &i,
                                values)) {
            error = errno;
            break;
        }
        for (int cpu = 0; cpu < n_cpus; cpu++) {
            counters[i] += values[cpu];
        }
    }
    free(values);
    return error;
}

int
xdp_port_program(const struct xdp_port *port)
{
    return bpf_program__fd(port->skel->progs.ovs_xdp);
}
#endif /* XDP_OFFLOAD */
