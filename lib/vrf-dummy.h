/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_DUMMY_H
#define VRF_DUMMY_H 1

/* For tests with dummy devices: a routing database that commands fill in,
 * instead of that of Linux.  For the main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "vrf-addr.h"

struct vrf_db;

/* Registers the command vrf/dummy, if there are dummy devices:
 *
 *     vrf/dummy link IFINDEX NAME MTU [table=N] [master=N] [down]
 *     vrf/dummy address IFINDEX ADDRESS/LEN
 *     vrf/dummy route TABLE TYPE PREFIX [via=ADDRESS] [dev=IFINDEX] [mtu=N]
 *         [metric=N] [encap] [del]
 *     vrf/dummy neighbour IFINDEX ADDRESS MAC|none
 *     vrf/dummy asked
 *
 * From the first one on the database is the dummy one.  The last one says
 * which neighbours were looked for. */
void vrf_dummy_init(void);

/* The same without a command, for tests: from now on the database is the dummy
 * one, which is returned (see vrf_use_dummy()), and no neighbour is looked for
 * in Linux. */
struct vrf_db *vrf_dummy_use(void);

bool vrf_dummy_is_used(void);

/* Remembers that a neighbour was looked for. */
void vrf_dummy_ask(enum vrf_family, uint32_t ifindex,
                   const struct vrf_addr *);

#endif /* lib/vrf-dummy.h */
