/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_NETLINK_RING_H
#define DPIF_NETLINK_RING_H 1

/* The kernel's upcalls by rings, for dpif-netlink.c with one handler thread
 * for each CPU or more (OVS_DP_F_DISPATCH_UPCALL_PER_CPU).
 *
 * A handler has one ring at most, with a lane for each CPU whose upcalls come
 * to its netlink socket.  The socket stays: a CPU has its upcalls sent there
 * as long as it has no lane, and single messages go there that the ring does
 * not take.  Without a ring nothing changes.
 *
 * Order
 * =====
 *
 * Upcalls of a CPU come in the order in which they arose as far as they go the
 * same way.  One that goes by the socket because of its size is looked for
 * when its marker is read, and thus comes before those that arose after it,
 * unless it has not reached the socket yet, which the kernel does right after
 * it wrote the marker; others may be as late as MAX_IN_ROW messages of the
 * ring.  None comes before those that arose earlier and had space in the ring.
 *
 * When handlers get a ring, and lose it
 * =====================================
 *
 * The configuration is that of the process; see dpif_netlink_rings_class().
 * The handler itself opens its ring, when it looks for upcalls; thus the first
 * one after a change comes by netlink.  A ring that does not fit a new
 * configuration is detached at once, which wakes the handler; it closes the
 * ring when it has read what is in it.  If a ring cannot be opened, or dies by
 * itself, as that of a datapath that was deleted does, the socket has
 * everything until the configuration or the number of handlers changes.
 *
 * What handlers do
 * ================
 *
 * New flows and executions of packets that came by ring go to the kernel by
 * the same ring (lib/dpif-netlink-ring-ops.h), everything else by netlink.  A
 * batch of upcalls thus ends where that of the ring does, which is read on
 * only then.
 *
 * Threads
 * =======
 *
 * One handler's functions, recv() and wait(), are for its thread, the same one
 * each time.  While
 * create(), destroy() or purge() runs no other function for the same datapath
 * does, but for the configuration and formatting, which are for any thread. */

#include <stddef.h>
#include <stdint.h>

struct dpif_netlink_rings;
struct dpif_op;
struct ds;
struct nl_sock;
struct ofpbuf;
struct simap;

extern const struct dpif_ring_class dpif_netlink_ring_class;

/* For the handlers of the datapath 'name', whose number is 'dp_ifindex'.
 * Never fails: without rings there are those of no handler. */
struct dpif_netlink_rings *dpif_netlink_rings_create(const char *name,
                                                     int dp_ifindex,
                                                     uint32_t n_handlers);

/* Sets '*ringsp', which may be null, to null. */
void dpif_netlink_rings_destroy(struct dpif_netlink_rings **ringsp);

/* As nl_sock_recv(sock, buf, NULL, false), from the ring of handler 'id' or
 * from 'sock', its socket.  EAGAIN may mean that it is time to work on what
 * was received; the next call says whether there is more. */
int dpif_netlink_rings_recv(struct dpif_netlink_rings *, uint32_t id,
                            struct nl_sock *sock, struct ofpbuf *buf);

/* Does by ring what it can of the first ones of 'ops', if the caller is a
 * handler of '*ringsp' that works on upcalls of its ring.  Returns how many
 * those are, 'n' at most, and sets their 'error'.  For any thread: others
 * than handlers do not touch '*ringsp'. */
size_t dpif_netlink_rings_operate(struct dpif_netlink_rings *const *ringsp,
                                  struct dpif_op *ops[], size_t n);

/* Has poll_block() wake up when the ring has something, if there is one. */
void dpif_netlink_rings_wait(struct dpif_netlink_rings *, uint32_t id);

/* Drops what is in the ring of handler 'id'. */
void dpif_netlink_rings_purge(struct dpif_netlink_rings *, uint32_t id);

/* Appends a line to 'ds' for each ring that there is. */
void dpif_netlink_rings_format(struct ds *ds);

/* Adds the memory of all of them to "ring-kB" of 'usage'. */
void dpif_netlink_rings_get_memory_usage(struct simap *usage);

#endif /* dpif-netlink-ring.h */
