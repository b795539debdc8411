/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "netdev-offload-xdp.h"

#include <errno.h>
#include <string.h>

#include "dpif.h"
#include "extension-config.h"
#include "netdev-offload-provider.h"
#include "netdev-provider.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "util.h"
#include "xdp-offload.h"

bool
netdev_offload_xdp_claims(const struct netdev *netdev)
{
    const char *type = netdev_get_type(netdev);

    return !strcmp(type, "afxdp") || !strcmp(type, "afxdp-nonpmd");
}

#if XDP_OFFLOAD
static int
init_flow_api(struct netdev *netdev)
{
    if (!netdev_offload_xdp_claims(netdev)) {
        return EOPNOTSUPP;
    }
    if (!xdp_offload_is_open(netdev)) {
        /* Offloading may have been enabled only now. */
        netdev_request_reconfigure(netdev);
    }
    return 0;
}

/* The port that a flow outputs to last, for the caller to close, or NULL. */
static struct netdev *
get_out_port(const struct netdev *netdev, const struct nlattr *actions,
             size_t actions_len)
{
    odp_port_t port = ODPP_NONE;
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH (a, left, actions, actions_len) {
        if (nl_attr_type(a) == OVS_ACTION_ATTR_OUTPUT) {
            port = nl_attr_get_odp_port(a);
        }
    }
    return (port != ODPP_NONE
            ? netdev_ports_get(port, netdev_get_dpif_type(netdev)) : NULL);
}

static int
flow_put(struct netdev *netdev, struct match *match, struct nlattr *actions,
         size_t actions_len, const ovs_u128 *ufid,
         struct offload_info *info OVS_UNUSED, struct dpif_flow_stats *stats)
{
    struct netdev *out = get_out_port(netdev, actions, actions_len);
    int error = xdp_offload_put(netdev, ufid, match, actions, actions_len,
                                out);

    netdev_close(out);
    if (!error && stats) {
        memset(stats, 0, sizeof *stats);
    }
    return error;
}

static int
flow_get(struct netdev *netdev, struct match *match OVS_UNUSED,
         struct nlattr **actions OVS_UNUSED, const ovs_u128 *ufid,
         struct dpif_flow_stats *stats, struct dpif_flow_attrs *attrs,
         struct ofpbuf *buf OVS_UNUSED)
{
    return xdp_offload_total(netdev, ufid, stats, attrs);
}

static int
flow_del(struct netdev *netdev, const ovs_u128 *ufid,
         struct dpif_flow_stats *stats)
{
    struct dpif_flow_attrs attrs;

    if (stats && xdp_offload_total(netdev, ufid, stats, &attrs)) {
        memset(stats, 0, sizeof *stats);
    }
    return xdp_offload_del(netdev, ufid);
}

static int
flow_flush(struct netdev *netdev)
{
    xdp_offload_flush(netdev);
    return 0;
}

static int
flow_get_n_flows(struct netdev *netdev, uint64_t *n_flows)
{
    /* Whichever thread has put them. */
    n_flows[0] = xdp_offload_count(netdev);
    return 0;
}

static const struct netdev_flow_api netdev_offload_xdp = {
    .type = "linux_xdp",
    .flow_flush = flow_flush,
    .flow_put = flow_put,
    .flow_get = flow_get,
    .flow_del = flow_del,
    .flow_get_n_flows = flow_get_n_flows,
    .init_flow_api = init_flow_api,
};

void
netdev_offload_xdp_register(void)
{
    netdev_register_flow_api_provider(&netdev_offload_xdp);
}

bool
netdev_offload_xdp_is_used(const struct netdev *netdev)
{
    return ovsrcu_get(const struct netdev_flow_api *, &netdev->flow_api)
           == &netdev_offload_xdp;
}

int
netdev_offload_xdp_get(struct netdev *netdev, const ovs_u128 *ufid,
                       struct xdp_offload_share *share,
                       struct dpif_flow_stats *stats,
                       struct dpif_flow_attrs *attrs)
{
    xdp_offload_get(netdev, ufid, share, stats, attrs);
    return 0;
}
#else /* !XDP_OFFLOAD */
void
netdev_offload_xdp_register(void)
{
}

bool
netdev_offload_xdp_is_used(const struct netdev *netdev OVS_UNUSED)
{
    return false;
}

int
netdev_offload_xdp_get(struct netdev *netdev OVS_UNUSED,
                       const ovs_u128 *ufid OVS_UNUSED,
                       struct xdp_offload_share *share OVS_UNUSED,
                       struct dpif_flow_stats *stats OVS_UNUSED,
                       struct dpif_flow_attrs *attrs OVS_UNUSED)
{
    return EOPNOTSUPP;
}
#endif /* !XDP_OFFLOAD */
