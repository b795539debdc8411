/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "genl-family.h"

#include <errno.h>

#include "netlink-socket.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(genl_family);

int
genl_family_get(struct genl_family *f, int dp_ifindex, const char *what)
{
    int result;

    ovs_mutex_lock(&f->mutex);
    if (f->number < 0 && f->asked_for != dp_ifindex) {
        f->number = 0;
    }
    if (!f->number) {
        int error = nl_lookup_genl_family(f->name, &f->number);

        f->asked_for = dp_ifindex;
        if (error == ENOENT) {
            if (!f->logged) {
                VLOG_INFO("kernel datapath: the module in use has no %s",
                          what);
                f->logged = true;
            }
        } else if (error) {
            f->number = 0;
        }
    }
    result = MAX(f->number, 0);
    ovs_mutex_unlock(&f->mutex);

    return result;
}

void
genl_family_forget(struct genl_family *f, int wrong)
{
    ovs_mutex_lock(&f->mutex);
    if (f->number == wrong) {
        f->number = 0;
    }
    ovs_mutex_unlock(&f->mutex);
}
