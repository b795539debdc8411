/* SPDX-License-Identifier: Apache-2.0 */

#ifndef XDP_LOADER_H
#define XDP_LOADER_H 1

/* XDP programs and their maps in the kernel: the hands of lib/xdp-table.h.
 *
 * A datapath (struct xdp_dp) has the maps that all its ports share: flows,
 * blocked prefixes, devices.  A port (struct xdp_port) has a program of its
 * own, with its masks in it, and the sockets of its queues.
 *
 * A program is attached by a link: it is detached when the last descriptor of
 * the link is closed, however the process ended.  Where another program is on
 * the interface, whoever it is of, nothing is attached and nothing is
 * replaced.  What happens to packets when ovs-vswitchd is gone is a port's
 * crash policy:
 *
 *   detach    The interface is as if it had never had a program.
 *   closed    The program stays; it drops what is not of a flow that lives on.
 *   keep      The program stays; what is not of a flow that lives on goes to
 *             the host's own stack.
 *
 * The last two pin the link below /sys/fs/bpf.  Whoever opens the same port
 * again takes over: the old program, with its flows, goes on, now with the new
 * sockets, until xdp_port_commit() puts the new program in its place in one
 * step.  Old and new need not know one another's layout.
 *
 * Flows, whether pinned or not, count only up to the end of a lease, which the
 * main loop renews; a program nobody looks after any more sends everything to
 * the socket, or does as its policy says.
 *
 * Functions are there only if XDP_OFFLOAD (extension-config.h) is 1, but for
 * those of names.
 *
 * Errors are positive errno values; where there is a 'char **errorp', it gets
 * a text to be freed.
 *
 * Thread-safety: the caller serializes all calls for a datapath and its ports,
 * but for xdp_port_enable() and xdp_port_renew(), which any thread may call as
 * long as the port is there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xdp-abi.h"

struct in6_addr;
struct xdp_dp;
struct xdp_port;
struct xdp_slots;

enum xdp_crash_policy {
    XDP_CRASH_DETACH,
    XDP_CRASH_CLOSED,
    XDP_CRASH_KEEP,
};

bool xdp_crash_policy_from_string(const char *, enum xdp_crash_policy *);
const char *xdp_crash_policy_to_string(enum xdp_crash_policy);

/* Where pins are, if there is a file system for them. */
#define XDP_PIN_ROOT "/sys/fs/bpf/"
#define XDP_PIN_DIR XDP_PIN_ROOT "ovs"

struct xdp_dp_config {
    unsigned int max_flows;                     /* Of each shape. */
    unsigned int max_prefixes;                  /* In each family. */
    unsigned int max_devices;
};

/* Loads what ports share. */
int xdp_dp_create(const struct xdp_dp_config *, struct xdp_dp **,
                  char **errorp);
void xdp_dp_destroy(struct xdp_dp *);           /* Without ports. */

/* Waits until all programs that may have seen something that was changed
 * before are done, which takes some 10 ms. */
int xdp_dp_synchronize(struct xdp_dp *);

/* Inserts a flow.  EEXIST if there is one with this key, E2BIG if there is no
 * room for it, which a few may find when there are almost as many as there may
 * be.  May wait as xdp_dp_synchronize() does, if flows of this shape were
 * removed before. */
int xdp_dp_insert(struct xdp_dp *, enum ovs_xdp_shape,
                  const union ovs_xdp_key *, const struct ovs_xdp_flow *);

/* Has the flow match no packet any more, and count none but those that are
 * being looked at just now: the first step of removing it, which does not
 * wait.  Does nothing if there is none. */
void xdp_dp_retire(struct xdp_dp *, enum ovs_xdp_shape,
                   const union ovs_xdp_key *);

/* Removes 'n' flows; 'shapes', 'keys' and 'flows' have one element for each.
 * When it returns, none of them matches a packet any more, and 'flows' has
 * their last counts, to the packet; all 0 for those that were not there.
 * Waits once, as xdp_dp_synchronize() does.  After an error all of them may be
 * left, but some match no packet any more. */
int xdp_dp_remove(struct xdp_dp *, const enum ovs_xdp_shape *shapes,
                  const union ovs_xdp_key *keys, struct ovs_xdp_flow *flows,
                  size_t n);

/* Reads one flow. */
int xdp_dp_read(struct xdp_dp *, enum ovs_xdp_shape,
                const union ovs_xdp_key *, struct ovs_xdp_flow *);

/* All flows of a shape. */
const struct xdp_slots *xdp_dp_flows(const struct xdp_dp *,
                                     enum ovs_xdp_shape);

/* Where OVS_XDP_REDIRECT to 'port' goes: to the interface with 'ifindex', or
 * to the socket if that is 0. */
int xdp_dp_set_device(struct xdp_dp *, uint32_t port, int ifindex);

/* Blocks packets from a prefix of addresses, IPv4 ones being mapped into IPv6
 * (thus 'length' is 96 more), and stops that.  Ports know only of lengths that
 * were published (xdp_port_publish()).  EINVAL if bits behind 'length' are not
 * 0; EEXIST, ENOENT, E2BIG. */
int xdp_dp_block(struct xdp_dp *, const struct in6_addr *,
                 unsigned int length);
int xdp_dp_unblock(struct xdp_dp *, const struct in6_addr *,
                   unsigned int length, struct ovs_xdp_block *);
int xdp_dp_block_read(struct xdp_dp *, const struct in6_addr *,
                      unsigned int length, struct ovs_xdp_block *);

/* File descriptor of the map "samples", by which dropped packets come that
 * were captured: see lib/xdp-capture.h. */
int xdp_dp_samples(const struct xdp_dp *);

struct xdp_port_config {
    const char *dp_name;        /* For pins. */
    const char *name;           /* Of the interface, for pins. */
    int ifindex;                /* 0 to attach the program to nothing. */
    unsigned int n_queues;
    bool generic;               /* In the network stack, not in the driver. */
    bool parallel;              /* Several processors at once run it: more
                                 * queues than one, or 'generic'. */
    enum xdp_crash_policy policy;
};

/* Loads a program for a port and attaches it, enabled and without masks.
 * EBUSY if another program is there. */
int xdp_port_open(struct xdp_dp *, const struct xdp_port_config *,
                  struct xdp_port **, char **errorp);

/* Detaches the program, whatever the crash policy, and removes its pins. */
void xdp_port_close(struct xdp_port *);

/* Ends with the port as the end of the process would: what becomes of the
 * program is up to the crash policy. */
void xdp_port_leave(struct xdp_port *);

/* Packets of 'queue' that are not of a flow go to the AF_XDP socket 'fd', or,
 * if it is negative, to nobody. */
int xdp_port_set_socket(struct xdp_port *, unsigned int queue, int fd);

/* Is a program that a predecessor left still in place? */
bool xdp_port_took_over(const struct xdp_port *);

/* Puts our program in place of one that was taken over. */
int xdp_port_commit(struct xdp_port *);

/* Uses 'tables' from now on; when it returns, no program uses what was before.
 * Waits as xdp_dp_synchronize() does. */
int xdp_port_publish(struct xdp_port *, const struct ovs_xdp_tables *);

/* Lets packets with 'key' be looked up, if the mask that it was made with has
 * been published: to be done before xdp_dp_insert(). */
void xdp_port_admit(struct xdp_port *, enum ovs_xdp_shape,
                    const union ovs_xdp_key *);

/* Switches the program off, so that all packets go to the socket, and on.  Has
 * no effect on one that was taken over, until xdp_port_commit(). */
void xdp_port_enable(struct xdp_port *, bool enable);
bool xdp_port_is_enabled(const struct xdp_port *);

/* Captures one of so many packets that are dropped, of each 'max_len' bytes, 1
 * to OVS_XDP_MAX_CAPTURE_LEN, at most; none if 'one_of' is 0, as at first. */
void xdp_port_capture(struct xdp_port *, uint32_t one_of, uint32_t max_len);

/* Flows count until 'ms' from now; for ever if it is 0. */
void xdp_port_renew(struct xdp_port *, unsigned int ms);

int xdp_port_counters(struct xdp_port *, uint64_t[OVS_XDP_N_COUNTERS]);

/* File descriptor of the program, for tests. */
int xdp_port_program(const struct xdp_port *);

#endif /* lib/xdp-loader.h */
