/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-kernel.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netdev.h"
#include "netdev-provider.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"
#include "vrf-names.h"

uint32_t
vrf_kernel_get_device(const char *name, const char *kind,
                      struct ofpbuf **reply, struct nlattr **data, size_t n)
{
    static const struct nl_policy link_policy[] = {
        [IFLA_LINKINFO] = { .type = NL_A_NESTED },
    };
    static const struct nl_policy info_policy[] = {
        [IFLA_INFO_KIND] = { .type = NL_A_STRING },
        [IFLA_INFO_DATA] = { .type = NL_A_NESTED, .optional = true },
    };
    struct nlattr *link[ARRAY_SIZE(link_policy)];
    struct nlattr *info[ARRAY_SIZE(info_policy)];
    const struct ifinfomsg *ifinfo;
    struct ofpbuf request;
    int error;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, 0, RTM_GETLINK, NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, sizeof(struct ifinfomsg));
    nl_msg_put_string(&request, IFLA_IFNAME, name);
    error = nl_transact(NETLINK_ROUTE, &request, reply);
    ofpbuf_uninit(&request);
    if (error) {
        *reply = NULL;
        return 0;
    }
    ifinfo = ofpbuf_at(*reply, NLMSG_HDRLEN, sizeof *ifinfo);
    if (!ifinfo
        || !nl_policy_parse(*reply, NLMSG_HDRLEN + sizeof *ifinfo,
                            link_policy, link, ARRAY_SIZE(link_policy))
        || !nl_parse_nested(link[IFLA_LINKINFO], info_policy, info,
                            ARRAY_SIZE(info_policy))
        || strcmp(nl_attr_get_string(info[IFLA_INFO_KIND]), kind)) {
        return 0;
    }
    if (data) {
        const struct nlattr *a;
        size_t left;

        memset(data, 0, n * sizeof *data);
        if (info[IFLA_INFO_DATA]) {
            NL_NESTED_FOR_EACH (a, left, info[IFLA_INFO_DATA]) {
                if (nl_attr_type(a) < n) {
                    data[nl_attr_type(a)] = CONST_CAST(struct nlattr *, a);
                }
            }
        }
    }
    return ifinfo->ifi_index;
}

uint32_t
vrf_kernel_get_ifindex(const char *name, const char *kind)
{
    struct ofpbuf *reply;
    uint32_t ifindex = vrf_kernel_get_device(name, kind, &reply, NULL, 0);

    ofpbuf_delete(reply);
    return ifindex;
}

uint32_t
vrf_kernel_get_table(uint16_t vrf)
{
    struct nlattr *data[IFLA_VRF_TABLE + 1];
    struct ofpbuf *reply;
    uint32_t table = 0;

    if (vrf_kernel_get_device(vrf_id_to_name(vrf), "vrf", &reply, data,
                              ARRAY_SIZE(data))
        && data[IFLA_VRF_TABLE]
        && nl_attr_get_size(data[IFLA_VRF_TABLE]) == sizeof table) {
        table = nl_attr_get_u32(data[IFLA_VRF_TABLE]);
    }
    ofpbuf_delete(reply);
    return table;
}

char *
vrf_kernel_explain_missing(uint16_t vrf)
{
    return xasprintf("Linux has no VRF device %s, and for tunnels of the "
                     "kernel's datapath one that is only configured does not "
                     "do", vrf_id_to_name(vrf));
}

void
vrf_kernel_tell(const char *netdev_name)
{
    struct netdev *netdev = netdev_from_name(netdev_name);

    if (netdev) {
        netdev_change_seq_changed(netdev);
        netdev_close(netdev);
    }
}
