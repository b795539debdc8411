/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "dpif-netlink-vrf-tunnel.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hash.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"
#include "vrf-kernel.h"
#include "vrf-names.h"
#include "vrf-vxlan.h"

VLOG_DEFINE_THIS_MODULE(dpif_netlink_vrf_tunnel);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What headers of older kernels lack. */
enum {
    RTM_NEWTUNNEL_ = 120,
    RTM_DELTUNNEL_ = 121,
};
enum { IFLA_VXLAN_VNIFILTER_ = 30 };
enum { VXLAN_VNIFILTER_ENTRY_ = 1 };
enum { VXLAN_VNIFILTER_ENTRY_START_ = 1 };

struct tunnel_message {
    uint8_t family;
    uint8_t flags;
    uint16_t reserved;
    uint32_t ifindex;
};

/* As dpif-netlink-rtnl.c has it: the largest that all devices have. */
enum { MTU = 65000 };

/* A VRF that there are or were tunnels in. */
struct vrf_device {
    struct hmap_node node;      /* In 'vrf_devices'. */
    uint16_t vrf;
    uint32_t ifindex;           /* Of its device, 0 if Linux has none. */
    bool changed;               /* Tunnels have not been told of it yet. */
};

/* The main thread writes, others read what gives the name of a device. */
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct vrf_vxlan *tunnels OVS_GUARDED_BY(mutex);
static struct hmap vrf_devices OVS_GUARDED_BY(mutex)
    = HMAP_INITIALIZER(&vrf_devices);

/* Is or was there a tunnel in a VRF? */
static bool in_use;

/* When something that failed is tried again. */
static long long int retry_time = LLONG_MAX;
static long long int retry_interval;
enum { MIN_RETRY_INTERVAL = 1000, MAX_RETRY_INTERVAL = 64 * 1000 };

/* Linux's devices. */

/* Removes the device if it is one of VXLAN. */
static int
delete_device(const char *name)
{
    uint32_t ifindex = vrf_kernel_get_ifindex(name, "vxlan");
    struct ifinfomsg *ifinfo;
    struct ofpbuf request;
    int error;

    if (!ifindex) {
        return ENODEV;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
    ifinfo = ofpbuf_put_zeros(&request, sizeof *ifinfo);
    ifinfo->ifi_index = ifindex;
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    ofpbuf_uninit(&request);
    return error;
}

/* Makes device 'name' for the VRF whose device has the index 'link'. */
static int
create_device(const char *name, const struct netdev_tunnel_config *cfg,
              uint32_t link, bool any_vni)
{
    struct ifinfomsg *ifinfo;
    struct ofpbuf request;
    size_t info, data;
    int error;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, RTM_NEWLINK,
                        NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE
                        | NLM_F_EXCL);
    ifinfo = ofpbuf_put_zeros(&request, sizeof *ifinfo);
    ifinfo->ifi_change = ifinfo->ifi_flags = IFF_UP;
    nl_msg_put_string(&request, IFLA_IFNAME, name);
    nl_msg_put_u32(&request, IFLA_MTU, MTU);
    info = nl_msg_start_nested(&request, IFLA_LINKINFO);
    nl_msg_put_string(&request, IFLA_INFO_KIND, "vxlan");
    data = nl_msg_start_nested(&request, IFLA_INFO_DATA);
    nl_msg_put_u32(&request, IFLA_VXLAN_LINK, link);
    nl_msg_put_u8(&request, IFLA_VXLAN_LEARNING, 0);
    nl_msg_put_u8(&request, IFLA_VXLAN_COLLECT_METADATA, 1);
    nl_msg_put_u8(&request, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 1);
    nl_msg_put_be16(&request, IFLA_VXLAN_PORT, cfg->dst_port);
    if (!any_vni) {
        nl_msg_put_u8(&request, IFLA_VXLAN_VNIFILTER_, 1);
    }
    if (cfg->exts & (1 << OVS_VXLAN_EXT_GBP)) {
        nl_msg_put_flag(&request, IFLA_VXLAN_GBP);
    }
    if (cfg->exts & (1 << OVS_VXLAN_EXT_GPE)) {
        nl_msg_put_flag(&request, IFLA_VXLAN_GPE);
    }
    nl_msg_end_nested(&request, data);
    nl_msg_end_nested(&request, info);
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    ofpbuf_uninit(&request);
    return error;
}

/* Does the device have a list of VNIs?  An older Linux makes one without, and
 * does not complain. */
static bool
has_list(const char *name)
{
    struct nlattr *data[IFLA_VXLAN_VNIFILTER_ + 1];
    struct ofpbuf *reply;
    bool has = (vrf_kernel_get_device(name, "vxlan", &reply, data,
                                      ARRAY_SIZE(data))
                && data[IFLA_VXLAN_VNIFILTER_]
                && nl_attr_get_size(data[IFLA_VXLAN_VNIFILTER_])
                && nl_attr_get_u8(data[IFLA_VXLAN_VNIFILTER_]));

    ofpbuf_delete(reply);
    return has;
}

/* Adds 'vni' to the list of the device, or removes it. */
static int
change_list(uint32_t ifindex, uint32_t vni, bool add)
{
    struct tunnel_message *tunnel;
    struct ofpbuf request;
    size_t entry;
    int error;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, add ? RTM_NEWTUNNEL_ : RTM_DELTUNNEL_,
                        NLM_F_REQUEST | NLM_F_ACK);
    tunnel = ofpbuf_put_zeros(&request, sizeof *tunnel);
    tunnel->family = AF_BRIDGE;
    tunnel->ifindex = ifindex;
    entry = nl_msg_start_nested(&request,
                                NLA_F_NESTED | VXLAN_VNIFILTER_ENTRY_);
    nl_msg_put_u32(&request, VXLAN_VNIFILTER_ENTRY_START_, vni);
    nl_msg_end_nested(&request, entry);
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    ofpbuf_uninit(&request);
    return error;
}

/* VRFs. */

static struct vrf_device *
find_vrf(uint16_t vrf)
    OVS_REQUIRES(mutex)
{
    struct vrf_device *d;

    HMAP_FOR_EACH_WITH_HASH (d, node, hash_int(vrf, 0), &vrf_devices) {
        if (d->vrf == vrf) {
            return d;
        }
    }
    return NULL;
}

static uint32_t
vrf_ifindex(uint16_t vrf)
    OVS_REQUIRES(mutex)
{
    const struct vrf_device *d = find_vrf(vrf);

    return d ? d->ifindex : 0;
}

/* Asks Linux for the device of the VRF. */
static void
refresh_vrf(struct vrf_device *d)
    OVS_REQUIRES(mutex)
{
    uint32_t ifindex = vrf_kernel_get_ifindex(vrf_id_to_name(d->vrf),
                                              "vrf");

    d->changed |= d->ifindex != ifindex;
    d->ifindex = ifindex;
}

/* Returns the VRF as Linux has it now. */
static const struct vrf_device *
get_vrf(uint16_t vrf)
    OVS_REQUIRES(mutex)
{
    struct vrf_device *d = find_vrf(vrf);

    if (!d) {
        d = xzalloc(sizeof *d);
        d->vrf = vrf;
        hmap_insert(&vrf_devices, &d->node, hash_int(vrf, 0));
        refresh_vrf(d);
        d->changed = false;     /* There is no tunnel yet. */
    } else if (!d->ifindex) {
        refresh_vrf(d);
    }
    return d;
}

/* Lists of VNIs. */

static void
device_name(uint16_t dst_port, uint16_t vrf, bool any_vni,
            char name[IFNAMSIZ])
    OVS_REQUIRES(mutex)
{
    if (vrf == VRF_DEFAULT_ID) {
        /* As in netdev_vport_get_dpif_port(). */
        snprintf(name, IFNAMSIZ, "vxlan_sys_%d", dst_port);
    } else {
        vrf_vxlan_format_name(dst_port, vrf_ifindex(vrf), any_vni, name,
                              IFNAMSIZ);
    }
}

static void
retry_later(void)
{
    if (retry_time == LLONG_MAX) {
        retry_interval = retry_interval ? MIN(retry_interval * 2,
                                              MAX_RETRY_INTERVAL)
                         : MIN_RETRY_INTERVAL;
        retry_time = time_msec() + retry_interval;
    }
}

/* A vrf_vxlan_set_func. */
static int
set_vni(uint16_t dst_port, uint16_t vrf, uint32_t vni, bool add,
        void *aux OVS_UNUSED)
    OVS_REQUIRES(mutex)
{
    char name[IFNAMSIZ];
    uint32_t ifindex;
    int error;

    device_name(dst_port, vrf, false, name);
    ifindex = if_nametoindex(name);
    error = ifindex ? change_list(ifindex, vni, add) : ENODEV;
    if (error && error != ENODEV) {
        if (add) {
            retry_later();
        }
        VLOG_WARN_RL(&rl, "%s: VNI %"PRIu32" cannot be %s: %s%s", name, vni,
                     add ? "added" : "removed", ovs_strerror(error),
                     error == EEXIST ? ", another device of Linux has it"
                     : "");
    }
    return error;
}

/* Tunnels. */

static uint64_t
in_key(const struct netdev_tunnel_config *cfg)
{
    return cfg->in_key_present ? ntohll(cfg->in_key) : 0;
}

static struct vrf_vxlan_tunnel
tunnel_from_config(const struct netdev_tunnel_config *cfg)
{
    return (struct vrf_vxlan_tunnel) {
        .vrf = cfg->vrf,
        .dst_port = ntohs(cfg->dst_port),
        .any_vni = cfg->in_key_flow,
        .vni = in_key(cfg),
    };
}

char *
dpif_netlink_vrf_tunnel_put(const struct netdev *netdev)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    const char *name = netdev_get_name(netdev);
    const struct vrf_vxlan_tunnel *old;
    char *why = NULL;

    ovs_mutex_lock(&mutex);
    if (!tunnels) {
        tunnels = vrf_vxlan_create();
    }
    old = vrf_vxlan_find(tunnels, name);
    if (cfg->vrf != VRF_DEFAULT_ID) {
        in_use = true;
        if (in_key(cfg) >> 24) {
            why = xasprintf("key %"PRIu64" is more than the 24 bits of a VNI",
                            in_key(cfg));
        } else if ((!old || old->vrf != cfg->vrf)
                   && !get_vrf(cfg->vrf)->ifindex) {
            /* One that is there already waits for a VRF that has gone. */
            why = vrf_kernel_explain_missing(cfg->vrf);
        }
    }
    if (why) {
        vrf_vxlan_remove(tunnels, name);
    } else {
        const struct vrf_vxlan_tunnel t = tunnel_from_config(cfg);

        why = vrf_vxlan_put(tunnels, name, &t);
    }
    vrf_vxlan_sync(tunnels, set_vni, NULL);
    ovs_mutex_unlock(&mutex);
    return why;
}

void
dpif_netlink_vrf_tunnel_remove(const char *netdev_name)
{
    ovs_mutex_lock(&mutex);
    if (tunnels) {
        vrf_vxlan_remove(tunnels, netdev_name);
        vrf_vxlan_sync(tunnels, set_vni, NULL);
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_tunnel_retain(const struct sset *names)
{
    ovs_mutex_lock(&mutex);
    if (tunnels) {
        vrf_vxlan_retain(tunnels, names);
        vrf_vxlan_sync(tunnels, set_vni, NULL);
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_tunnel_exit(void)
{
    struct vrf_device *d;

    ovs_mutex_lock(&mutex);
    vrf_vxlan_destroy(tunnels);
    tunnels = NULL;
    HMAP_FOR_EACH_POP (d, node, &vrf_devices) {
        free(d);
    }
    ovs_mutex_unlock(&mutex);
}

/* Devices that come and go. */

/* Looks at the device that tunnel 'name' shares with others. */
static void
look_after(const char *name, const struct vrf_vxlan_tunnel *t, void *retry_)
    OVS_REQUIRES(mutex)
{
    bool *retry = retry_;
    char device[IFNAMSIZ];

    if (t->vrf != VRF_DEFAULT_ID) {
        const struct vrf_device *vrf = find_vrf(t->vrf);

        if (vrf->changed) {
            vrf_vxlan_forget(tunnels, t->dst_port, t->vrf);
            vrf_kernel_tell(name);
        }
        if (vrf->changed || !vrf->ifindex) {
            return;
        }
    }
    device_name(t->dst_port, t->vrf, t->any_vni, device);
    if (!if_nametoindex(device)) {
        if (*retry) {
            vrf_kernel_tell(name);
        }
        retry_later();
    }
}

static void
look_after_all(bool retry)
{
    ovs_mutex_lock(&mutex);
    if (tunnels && in_use) {
        struct vrf_device *d;

        HMAP_FOR_EACH (d, node, &vrf_devices) {
            refresh_vrf(d);
        }
        vrf_vxlan_for_each_device(tunnels, look_after, &retry);
        HMAP_FOR_EACH (d, node, &vrf_devices) {
            d->changed = false;
        }
        vrf_vxlan_sync(tunnels, set_vni, NULL);
        if (retry_time == LLONG_MAX) {
            retry_interval = 0;
        }
    }
    ovs_mutex_unlock(&mutex);
}

void
dpif_netlink_vrf_tunnel_follow(void)
{
    look_after_all(false);
}

void
dpif_netlink_vrf_tunnel_run(void)
{
    if (time_msec() >= retry_time) {
        retry_time = LLONG_MAX;
        look_after_all(true);
    }
}

void
dpif_netlink_vrf_tunnel_wait(void)
{
    if (retry_time != LLONG_MAX) {
        poll_timer_wait_until(retry_time);
    }
}

void
dpif_netlink_vrf_tunnel_get_status(const char *netdev_name,
                                   struct smap *status)
{
    const struct vrf_vxlan_tunnel *t;
    char device[IFNAMSIZ];

    ovs_mutex_lock(&mutex);
    t = tunnels ? vrf_vxlan_find(tunnels, netdev_name) : NULL;
    if (!t || t->vrf == VRF_DEFAULT_ID) {
        goto out;
    }
    device_name(t->dst_port, t->vrf, t->any_vni, device);
    if (!vrf_ifindex(t->vrf)) {
        smap_add_format(status, "tunnel_vrf_error", "Linux has no VRF device "
                        "%s", vrf_id_to_name(t->vrf));
    } else if (!if_nametoindex(device)) {
        smap_add_format(status, "tunnel_vrf_error", "Linux has no device %s, "
                        "see the log", device);
    } else if (vrf_vxlan_lacks_vni(tunnels, netdev_name)) {
        smap_add_format(status, "tunnel_vrf_error", "device %s lacks VNI %"
                        PRIu32", see the log", device, t->vni);
    } else {
        smap_add(status, "tunnel_vrf_device", device);
    }

out:
    ovs_mutex_unlock(&mutex);
}

/* The datapath's side. */

/* Returns the tunnel if it is in a VRF, otherwise null. */
static const struct vrf_vxlan_tunnel *
find_tunnel(const struct netdev *netdev)
    OVS_REQUIRES(mutex)
{
    const struct vrf_vxlan_tunnel *t
        = tunnels ? vrf_vxlan_find(tunnels, netdev_get_name(netdev)) : NULL;

    return t && t->vrf != VRF_DEFAULT_ID ? t : NULL;
}

bool
dpif_netlink_vrf_tunnel_name(const struct netdev *netdev, char *name,
                             size_t size)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    const char *dpif_type = netdev_get_dpif_type(netdev);
    const struct vrf_vxlan_tunnel *found;
    struct vrf_vxlan_tunnel t;
    char device[IFNAMSIZ];
    bool of_kernel;

    ovs_mutex_lock(&mutex);
    found = find_tunnel(netdev);
    of_kernel = found || (tunnels && dpif_type
                          && !strcmp(dpif_type, "system")
                          && !strcmp(netdev_get_type(netdev), "vxlan"));
    if (of_kernel) {
        /* One that was removed goes by its old name until ofproto-dpif has
         * removed it, too. */
        t = found ? *found : tunnel_from_config(cfg);
        device_name(t.dst_port, t.vrf, vrf_vxlan_takes_any(tunnels, &t),
                    device);
        ovs_strlcpy(name, device, size);
    }
    ovs_mutex_unlock(&mutex);
    return of_kernel;
}

bool
dpif_netlink_vrf_tunnel_is(const struct netdev *netdev)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);

    return (cfg && cfg->vrf != VRF_DEFAULT_ID
            && !strcmp(netdev_get_type(netdev), "vxlan"));
}

/* Makes the device for 't', and whatever of ours is in its place goes. */
static int
replace_device(const struct netdev_tunnel_config *cfg,
               const struct vrf_vxlan_tunnel *t, char device[IFNAMSIZ])
    OVS_REQUIRES(mutex)
{
    uint32_t link = vrf_ifindex(t->vrf);

    if (!link) {
        return ENODEV;
    }
    device_name(t->dst_port, t->vrf, !t->any_vni, device);
    delete_device(device);
    device_name(t->dst_port, t->vrf, t->any_vni, device);
    delete_device(device);
    vrf_vxlan_forget(tunnels, t->dst_port, t->vrf);
    return create_device(device, cfg, link, t->any_vni);
}

int
dpif_netlink_vrf_tunnel_create(const struct netdev *netdev)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    const struct vrf_vxlan_tunnel *t;
    char device[IFNAMSIZ];
    int error;

    ovs_mutex_lock(&mutex);
    t = find_tunnel(netdev);
    if (!t) {
        error = EINVAL;
        goto out;
    }
    error = replace_device(cfg, t, device);
    if (!error && !t->any_vni && !has_list(device)) {
        VLOG_INFO("this Linux has no VNI filters of VXLAN (since 5.18): one "
                  "VRF for each UDP port");
        delete_device(device);
        vrf_vxlan_lacks_lists(tunnels);
        error = replace_device(cfg, vrf_vxlan_find(tunnels,
                                                   netdev_get_name(netdev)),
                               device);
    }
    vrf_vxlan_sync(tunnels, set_vni, NULL);

out:
    if (error) {
        retry_later();
    }
    ovs_mutex_unlock(&mutex);
    return error;
}
