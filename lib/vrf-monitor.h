/* SPDX-License-Identifier: Apache-2.0 */

#ifndef VRF_MONITOR_H
#define VRF_MONITOR_H 1

/* Keeps a struct vrf_db as the kernel is, by netlink.
 *
 * It subscribes, then dumps everything, and from then on applies one
 * notification after the other.  Where that is not enough - notifications were
 * lost, or something happened after which Linux changes routes without saying
 * so - it dumps everything anew into a shadow, a little at a time, goes on
 * applying notifications meanwhile, applies them to the shadow in the end,
 * too, and publishes what is different.
 *
 * To be used by the thread that is the writer of the database. */

#include <stdbool.h>
#include <stdint.h>

struct vrf_db;
struct vrf_monitor;

/* Begins to keep 'db', which must outlive the monitor.  Returns 0 and sets
 * '*monitor', or a positive errno value. */
int vrf_monitor_create(struct vrf_db *db, struct vrf_monitor **monitor);
void vrf_monitor_destroy(struct vrf_monitor *);

/* Does what is due, for a few milliseconds at most.  Returns true if anything
 * in the database changed. */
bool vrf_monitor_run(struct vrf_monitor *);
void vrf_monitor_wait(struct vrf_monitor *);

/* Is the database complete, as far as is known? */
bool vrf_monitor_is_synced(const struct vrf_monitor *);

/* Dumps everything anew, as if notifications had been lost. */
void vrf_monitor_resync(struct vrf_monitor *);

struct vrf_monitor_stats {
    uint64_t n_events;          /* Notifications applied. */
    uint64_t n_bad;             /* Messages that were not well-formed. */
    uint64_t n_overflows;       /* Times that notifications were lost. */
    uint64_t n_resyncs;         /* Times that all was dumped, to the end. */
    long long int resync_ms;    /* How long the last one took. */
};
void vrf_monitor_get_stats(const struct vrf_monitor *,
                           struct vrf_monitor_stats *);

#endif /* vrf-monitor.h */
