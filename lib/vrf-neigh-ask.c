/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-neigh-ask.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "vrf-dummy.h"

VLOG_DEFINE_THIS_MODULE(vrf_neigh_ask);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

void
vrf_neigh_ask(enum vrf_family family, uint32_t ifindex,
              const struct vrf_addr *addr)
{
    struct ndmsg *ndm;
    struct ofpbuf request;
    int error;

    if (vrf_dummy_is_used()) {
        vrf_dummy_ask(family, ifindex, addr);
        return;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof *ndm, RTM_NEWNEIGH,
                        NLM_F_REQUEST | NLM_F_CREATE);
    ndm = ofpbuf_put_zeros(&request, sizeof *ndm);
    ndm->ndm_family = family == VRF_IPV4 ? AF_INET : AF_INET6;
    ndm->ndm_ifindex = ifindex;
    ndm->ndm_flags = NTF_USE;
    if (family == VRF_IPV4) {
        nl_msg_put_be32(&request, NDA_DST, vrf_addr_to_ipv4(addr));
    } else {
        struct in6_addr ip = vrf_addr_to_ipv6(addr);

        nl_msg_put_unspec(&request, NDA_DST, &ip, sizeof ip);
    }
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    if (error) {
        struct ds s = DS_EMPTY_INITIALIZER;

        vrf_addr_format(family, addr, &s);
        VLOG_WARN_RL(&rl, "cannot have Linux look for %s by device %"PRIu32
                     " (%s)", ds_cstr(&s), ifindex, ovs_strerror(error));
        ds_destroy(&s);
    }
    ofpbuf_uninit(&request);
}
