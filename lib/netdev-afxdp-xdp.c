/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-afxdp-xdp.h"

#ifdef HAVE_AF_XDP
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util.h"

/* Since Linux 5.11 memory of BPF and AF_XDP counts for the control group
 * instead, but for that of UMEMs, which counts for nothing if we may lock what
 * we like. */
static bool
has_no_memlock(void)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    unsigned int major, minor;
    struct utsname name;

    return (!uname(&name)
            && sscanf(name.release, "%u.%u", &major, &minor) == 2
            && (major > 5 || (major == 5 && minor >= 11))
            && !syscall(SYS_capget, &header, data)
            && data[0].effective & (1u << CAP_IPC_LOCK));
}

enum vlog_level
netdev_afxdp_memlock_level(void)
{
    return has_no_memlock() ? VLL_INFO : VLL_ERR;
}
#endif /* HAVE_AF_XDP */

#if XDP_OFFLOAD
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/xsk.h>

#include "hash.h"
#include "netdev-offload.h"
#include "netdev-provider.h"
#include "openvswitch/hmap.h"
#include "ovs-thread.h"
#include "smap.h"
#include "xdp-offload.h"

VLOG_DEFINE_THIS_MODULE(netdev_afxdp_xdp);

#define QUEUES_DIR "/sys/class/net/%s/queues"

/* Which program a port has put on its interface. */
enum program {
    NONE,
    LIBXDP,
    OURS,
};

struct state {
    struct hmap_node node;      /* In 'states', by 'netdev'. */
    const struct netdev *netdev;
    enum program program;

    /* What was configured, and what the port was last opened with. */
    enum xdp_crash_policy requested_policy, policy;
    bool requested_redirect, redirect;
    bool offload;
    bool generic;

    char *error;                /* Why 'program' is not ours, if it should. */
};

/* The lock is for 'states' alone, a state is under its device's. */
static struct ovs_mutex states_mutex = OVS_MUTEX_INITIALIZER;
static struct hmap states OVS_GUARDED_BY(states_mutex)
    = HMAP_INITIALIZER(&states);

static struct state *
find_state(const struct netdev *netdev)
    OVS_REQUIRES(states_mutex)
{
    struct state *state;

    HMAP_FOR_EACH_WITH_HASH (state, node, hash_pointer(netdev, 0), &states) {
        if (state->netdev == netdev) {
            return state;
        }
    }
    return NULL;
}

static struct state *
get_state(const struct netdev *netdev)
{
    struct state *state;

    ovs_mutex_lock(&states_mutex);
    state = find_state(netdev);
    ovs_mutex_unlock(&states_mutex);
    return state;
}

static struct state *
make_state(const struct netdev *netdev)
{
    struct state *state;

    ovs_mutex_lock(&states_mutex);
    state = find_state(netdev);
    if (!state) {
        state = xzalloc(sizeof *state);
        state->netdev = netdev;
        hmap_insert(&states, &state->node, hash_pointer(netdev, 0));
    }
    ovs_mutex_unlock(&states_mutex);
    return state;
}

int
netdev_afxdp_xdp_set_config(struct netdev *netdev, const struct smap *args,
                            char **errp)
{
    const char *s = smap_get_def(args, "xdp-fail-mode", "detach");
    struct state *state = make_state(netdev);
    enum xdp_crash_policy policy;

    if (!xdp_crash_policy_from_string(s, &policy)) {
        VLOG_ERR("%s: Incorrect xdp-fail-mode (%s).", netdev_get_name(netdev),
                 s);
        if (errp) {
            *errp = xasprintf("%s: xdp-fail-mode \"%s\" is not \"detach\", "
                              "\"closed\" or \"keep\"",
                              netdev_get_name(netdev), s);
        }
        return EINVAL;
    }
    state->requested_policy = policy;
    state->requested_redirect = smap_get_bool(args, "xdp-redirect", false);
    if (!netdev_afxdp_xdp_is_current(netdev)) {
        netdev_request_reconfigure(netdev);
    }
    return 0;
}

void
netdev_afxdp_xdp_get_config(const struct netdev *netdev, struct smap *args)
{
    const struct state *state = get_state(netdev);

    if (state && state->offload) {
        smap_add(args, "xdp-fail-mode",
                 xdp_crash_policy_to_string(state->policy));
        smap_add(args, "xdp-redirect", state->redirect ? "true" : "false");
        smap_add(args, "xdp-offload", state->program == OURS ? "on" : "off");
    }
}

bool
netdev_afxdp_xdp_is_current(const struct netdev *netdev)
{
    const struct state *state = get_state(netdev);

    if (!netdev_is_flow_api_enabled()) {
        return !state || !state->offload;
    }
    return (state && state->offload
            && state->policy == state->requested_policy
            && state->redirect == state->requested_redirect);
}

/* How many queues the interface receives with, 1 if that is not known. */
static unsigned int
n_rx_queues(const char *name)
{
    char *path = xasprintf(QUEUES_DIR, name);
    DIR *dir = opendir(path);
    unsigned int n = 0;

    if (dir) {
        const struct dirent *entry;

        while ((entry = readdir(dir))) {
            n += !strncmp(entry->d_name, "rx-", 3);
        }
        closedir(dir);
    }
    free(path);
    return MAX(n, 1);
}

static bool
has_program(int ifindex)
{
    uint32_t id = 0;

    return !bpf_xdp_query_id(ifindex, 0, &id) && id;
}

int
netdev_afxdp_xdp_open(struct netdev *netdev, int ifindex, bool generic)
{
    struct state *state = make_state(netdev);
    const char *name = netdev_get_name(netdev);
    const struct xdp_offload_config config = {
        .name = name,
        .ifindex = ifindex,
        .n_queues = netdev_n_rxq(netdev),
        .generic = generic,
        .parallel = generic || n_rx_queues(name) > 1,
        .redirect = state->requested_redirect,
        .policy = state->requested_policy,
    };
    char *last_error;
    int error;

    if (state->program == LIBXDP && state->error
        && state->generic == generic) {
        return 0;               /* It was tried for another queue. */
    }
    state->offload = netdev_is_flow_api_enabled();
    state->policy = state->requested_policy;
    state->redirect = state->requested_redirect;
    state->generic = generic;
    last_error = state->error;
    state->error = NULL;
    if (!state->offload) {
        error = 0;
        state->program = LIBXDP;
    } else {
        error = xdp_offload_open(netdev, &config, &state->error);
        state->program = error ? LIBXDP : OURS;
    }
    if (error && (error == EBUSY || has_program(ifindex))) {
        if (!nullable_string_is_equal(last_error, state->error)) {
            VLOG_ERR("%s", state->error);
        }
        state->program = NONE;
        error = EBUSY;
    } else {
        error = 0;
    }
    free(last_error);
    return error;
}

uint32_t
netdev_afxdp_xdp_libbpf_flags(int ifindex)
{
    return (xdp_offload_has_ifindex(ifindex)
            ? XSK_LIBBPF_FLAGS__INHIBIT_PROG_LOAD : 0);
}

void
netdev_afxdp_xdp_set_socket(struct netdev *netdev, unsigned int queue, int fd)
{
    if (get_state(netdev)->program == OURS) {
        xdp_offload_set_socket(netdev, queue, fd);
    }
}

void
netdev_afxdp_xdp_ready(struct netdev *netdev)
{
    struct state *state = get_state(netdev);

    if (state->error) {
        VLOG_WARN("%s; flows of the port stay in software", state->error);
    } else if (state->program == OURS) {
        const char *name = netdev_get_name(netdev);
        unsigned int n_device = n_rx_queues(name);
        unsigned int n_rxq = netdev_n_rxq(netdev);

        if (n_device > n_rxq) {
            VLOG_INFO("%s: receives by %u queues, n_rxq is %u: packets in the "
                      "other queues are dropped", name, n_device, n_rxq);
        }
    }
}

bool
netdev_afxdp_xdp_is_ours(const struct netdev *netdev)
{
    const struct state *state = get_state(netdev);
    enum program program = state ? state->program : NONE;

    return (program == OURS
            || (program == NONE && netdev_is_flow_api_enabled()));
}

bool
netdev_afxdp_xdp_close(struct netdev *netdev)
{
    struct state *state = get_state(netdev);
    bool is_ours = netdev_afxdp_xdp_is_ours(netdev);

    if (state) {
        xdp_offload_close(netdev);
        state->program = NONE;
    }
    return is_ours;
}

void
netdev_afxdp_xdp_destruct(struct netdev *netdev)
{
    struct state *state = get_state(netdev);

    if (state) {
        xdp_offload_forget(netdev);
        ovs_mutex_lock(&states_mutex);
        hmap_remove(&states, &state->node);
        ovs_mutex_unlock(&states_mutex);
        free(state->error);
        free(state);
    }
}
#endif /* XDP_OFFLOAD */
