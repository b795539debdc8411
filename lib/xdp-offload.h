/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_OFFLOAD_H
#define XDP_OFFLOAD_H 1

/* What of the userspace datapath is in XDP: its ports, the flows that came to
 * them, and the prefixes that are blocked.  This joins lib/xdp-flow.h,
 * lib/xdp-table.h and lib/xdp-loader.h; it knows no interface of the switch's,
 * for which there is lib/netdev-offload-xdp.h.
 *
 * A port is whoever its owner says, a pointer that is only compared.  A flow
 * is known by its number (a UFID) from xdp_offload_put() until
 * xdp_offload_del(), whether it is in XDP or had to go for a hotter one.
 *
 * A flow that is taken away stops to match at once.  Its entry in the kernel
 * is read for the last time and deleted some 20 ms later, together with
 * others, by the thread "xdp_offload", as each time takes that long; so its
 * last packets come a little later.
 *
 * Functions are there only if XDP_OFFLOAD (extension-config.h) is 1.
 *
 * Thread-safety: any thread may call any function at any time, except that
 * xdp_offload_forget() must be the last one for its port.  Each may wait up to
 * some 20 ms for another one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "xdp-blocked.h"
#include "xdp-loader.h"

struct dpif_flow_attrs;
struct dpif_flow_stats;
struct json;
struct match;
struct nlattr;
struct xdp_offload_share;

/* Ports. */

struct xdp_offload_config {
    const char *name;           /* Of the interface. */
    int ifindex;
    unsigned int n_queues;      /* That have sockets. */
    bool generic;
    bool parallel;
    bool redirect;              /* Takes frames from other ports' programs. */
    enum xdp_crash_policy policy;
};

/* Puts a program on the port's interface, or on the same one again if its
 * 'generic' has changed.  Flows that the port had before are in XDP again.
 * Returns 0 or a positive errno value: EBUSY if somebody else's program is
 * there, which is left alone.  The text of an error, also to be seen in
 * xdp_offload_show(), is to be freed. */
int xdp_offload_open(const void *owner, const struct xdp_offload_config *,
                     char **errorp);

/* Takes the program away, if there is one. */
void xdp_offload_close(const void *owner);

/* ...and forgets the port. */
void xdp_offload_forget(const void *owner);

/* From now on, ports are closed because the process ends, and so as its end
 * would do it. */
void xdp_offload_leave(void);

/* Is there a program of ours on the interface? */
bool xdp_offload_is_open(const void *owner);
bool xdp_offload_has_ifindex(int ifindex);

/* Gives the AF_XDP socket 'fd' the packets of 'queue'. */
void xdp_offload_set_socket(const void *owner, unsigned int queue, int fd);

/* Keeps the programs working for another XDP_OFFLOAD_LEASE_MS.  If 'commit',
 * puts ours in place of those that a predecessor left.  For the main loop
 * alone, with xdp_offload_wait(); the former never waits for others. */
#define XDP_OFFLOAD_LEASE_MS 30000
void xdp_offload_run(bool commit);
void xdp_offload_wait(void);

/* Flows. */

/* Puts a flow into XDP; 'out' is the owner of the port that the actions output
 * to, or NULL.  If the port knows 'ufid', the flow is what it is now.
 *
 * Returns 0; EOPNOTSUPP if XDP cannot do that, ENOSPC or E2BIG if there is no
 * room, or another positive errno value.  After an error the flow is not in
 * XDP, whatever was there before. */
int xdp_offload_put(const void *owner, const ovs_u128 *ufid,
                    const struct match *, const struct nlattr *actions,
                    size_t actions_len, const void *out);

/* Takes a flow out of XDP.  Returns 0 or ENOENT. */
int xdp_offload_del(const void *owner, const ovs_u128 *ufid);

/* Takes all flows out of XDP; waits until they are deleted. */
void xdp_offload_flush(const void *owner);

/* Stores in '*stats' how much of the flow is the share of who asks.  If
 * several threads of the datapath have the flow, each has a share of its own,
 * all 0 at first; the sum of the shares is what XDP has seen, to the packet.
 * 'used' is the same for all. */
void xdp_offload_get(const void *owner, const ovs_u128 *ufid,
                     struct xdp_offload_share *, struct dpif_flow_stats *,
                     struct dpif_flow_attrs *);

/* Number of flows in XDP. */
size_t xdp_offload_count(const void *owner);

/* The number of packets and bytes that the flow has had in XDP so far. */
int xdp_offload_total(const void *owner, const ovs_u128 *ufid,
                      struct dpif_flow_stats *, struct dpif_flow_attrs *);

/* For those who operate it. */

/* Switches the program of the port called 'name', or all and also those that
 * come later if it is NULL.  Returns 0 or ENOENT. */
int xdp_offload_enable(const char *name, bool enable);

/* Arrays of ports, for the caller to free. */
struct json *xdp_offload_show(void);
struct json *xdp_offload_stats(void);

/* Blocks these prefixes and no others.  Counters of those that stay go on.
 * What xdp_blocked_check() would refuse has no effect. */
void xdp_offload_set_blocked(const struct xdp_prefix *, size_t n);

/* An array of objects, to be freed. */
struct json *xdp_offload_list_blocked(void);

/* Which dropped packets are captured. */
struct xdp_offload_capture {
    uint32_t ring;              /* Number of the ring's name (ring-names.h), 0
                                 * to capture none. */
    uint32_t one_of;            /* One of so many. */
    uint32_t max_len;           /* Bytes of each, from 1 to
                                 * OVS_XDP_MAX_CAPTURE_LEN. */
};
void xdp_offload_set_capture(const struct xdp_offload_capture *);

#endif /* lib/xdp-offload.h */
