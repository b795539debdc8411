/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPIF_RING_H
#define DPIF_RING_H 1

/* Datapaths of a running ovs-vswitchd as seen through its ring: a kind of
 * datapath, for programs that are not ovs-vswitchd, that can enumerate
 * datapaths and dump ports and flows, and nothing else.  Each dpif is a
 * snapshot: ports are those at the time when it was opened, and its flows can
 * be dumped once.
 *
 * For programs with one thread. */

/* Has datapaths of the types "system", "netdev" and "dummy" be those of the
 * ovs-vswitchd that has the socket 'name', from now on. */
void dpif_ring_register(const char *name);

/* Returns why ovs-vswitchd could not be asked, since dpif_ring_register();
 * null if it could. */
const char *dpif_ring_problem(void);

#endif /* dpif-ring.h */
