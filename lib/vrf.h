/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_H
#define VRF_H 1

/* The VRFs that there are: those that Linux has devices for, and those that
 * are configured.  A VRF is a name and a routing table; one that Linux has
 * also has a device, and members, and if it is configured with another table,
 * Linux's counts.  Threads other than the main one find VRFs, and which ports
 * are in which, in vrf-port.h.
 *
 * As long as nothing is configured that is about VRFs, nothing listens to the
 * kernel: what the commands vrf/... show is then read when they are called.
 *
 * For the main thread, except for what says otherwise. */

#include <stdbool.h>
#include <stdint.h>

#include "vrf-names.h"

struct seq;
struct shash;
struct vrf_db;

/* Registers the commands. */
void vrf_init(void);
void vrf_exit(void);

void vrf_run(void);
void vrf_wait(void);

/* Sets what is configured: data of 'tables', by name of VRF, are numbers, as
 * uintptr_t, from 1 on; data of 'ports', by name of interface, are names of
 * VRFs.  'wanted' says whether anything else that is configured needs to know
 * VRFs. */
void vrf_configure(const struct shash *tables, const struct shash *ports,
                   bool wanted);

/* Has VRFs listened to from now on, soon; for any thread. */
void vrf_want(void);

/* For tests: replaces the database by one that is empty at first, whose writer
 * is the caller; after each change it has to call the other function. */
struct vrf_db *vrf_use_dummy(void);
void vrf_dummy_changed(void);

struct vrf {
    const char *name;
    uint16_t id;                /* Of its name, from 1 on; never another
                                 * one's. */
    uint32_t table;
    uint32_t ifindex;           /* Of its device, 0 if it has none. */
    bool configured;
    bool conflict;              /* Configured with another table. */
};

/* Fills in '*vrf'.  Returns false if there is none with that name, or if
 * nothing listens to the kernel. */
bool vrf_find(const char *name, struct vrf *vrf);

/* What is known about routing, for any thread until it quiesces; null if
 * nothing listens to the kernel. */
const struct vrf_db *vrf_get_db(void);

/* Changes whenever answers may be others than before; for any thread. */
struct seq *vrf_get_seq(void);

/* A number that changes with it, for a look at it now and then: what a thread
 * found in the database it may use again, also after it has quiesced, as long
 * as this is what it was before.  For any thread. */
uint64_t vrf_get_generation(void);

#endif /* vrf.h */
