/* SPDX-License-Identifier: Apache-2.0 */

#ifndef GENL_FAMILY_H
#define GENL_FAMILY_H 1

/* The number of a generic netlink family that our kernel module has, and that
 * of Linux has not.
 *
 * Thread-safe. */

#include "ovs-thread.h"

struct genl_family {
    const char *name;
    struct ovs_mutex mutex;

    /* 0 if it is not known, negative if there is none, which is asked again
     * for another datapath only: the kernel looks for a module each time. */
    int number OVS_GUARDED;
    int asked_for OVS_GUARDED;
    bool logged OVS_GUARDED;
};

#define GENL_FAMILY_INITIALIZER(NAME) { NAME, OVS_MUTEX_INITIALIZER, 0, 0, 0 }

/* Returns the number of 'family', or 0 if the kernel has none; 'what' says
 * what that means, for the log. */
int genl_family_get(struct genl_family *family, int dp_ifindex,
                    const char *what);

/* Forgets the number 'wrong': the module may have been loaded anew. */
void genl_family_forget(struct genl_family *family, int wrong);

#endif /* genl-family.h */
