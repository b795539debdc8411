/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "vrf-route-table.h"

#include <linux/rtnetlink.h>

#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "vrf-port.h"

bool
vrf_route_table_hides(const struct ofpbuf *msg)
{
    const struct rtmsg *rtm = ofpbuf_at(msg, NLMSG_HDRLEN, sizeof *rtm);
    const struct nlattr *table;

    if (!vrf_ports_get() || !rtm) {
        return false;
    }
    /* Numbers beyond 255 are in an attribute only. */
    table = nl_attr_find(msg, NLMSG_HDRLEN + sizeof *rtm, RTA_TABLE);
    return vrf_has_table(table && nl_attr_get_size(table) >= sizeof(uint32_t)
                         ? nl_attr_get_u32(table) : rtm->rtm_table);
}

bool
vrf_route_table_changed(void)
{
    static unsigned int last;
    unsigned int serial = vrf_tables_serial();
    bool changed = serial != last;

    last = serial;
    return changed;
}
