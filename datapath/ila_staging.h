/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_STAGING_H
#define OVS_ILA_STAGING_H 1

/* Loads of the ILA mapping table that are under way: what a netlink socket has
 * staged, in as many requests as it takes, until it is committed.
 *
 * There is at most one for a socket.  It goes when a request of it fails, when
 * the next one begins, and with the socket or the datapath.  Requests of one
 * socket at the same time do not disturb each other: one is refused.
 */

#include <linux/types.h>

#include <openvswitch/extension-abi.h>

struct net;
struct ovs_ila;
struct ovs_ila_staging;

/* Both return what the socket 'portid' in 'net' stages for 'ila', which is to
 * be given back by ovs_ila_staging_release(); -EBUSY if another request has it.
 * The first one drops what was staged before and begins anew; -ENODEV, -ENOMEM.
 * The second one fails with -ENOENT if there is nothing, or something for
 * another datapath, which is dropped.
 */
struct ovs_ila_staging *ovs_ila_staging_begin(struct ovs_ila *ila,
					      struct net *net, u32 portid);
struct ovs_ila_staging *ovs_ila_staging_find(struct ovs_ila *ila,
					     struct net *net, u32 portid);

void ovs_ila_staging_release(struct ovs_ila_staging *staging);

/* Drops what the socket stages, if anything; what a request has, when it is
 * given back.
 */
void ovs_ila_staging_discard(const struct net *net, u32 portid);

/* Stages 'n' entries, unaligned.  Returns as ovs_ila_load_stage(), and -ENODEV
 * if a port that an entry names does not exist.
 */
int ovs_ila_staging_add(struct ovs_ila_staging *staging,
			const struct ovs_ila_entry *entries, u32 n,
			u32 *index, const char **bad);

/* How many entries are staged. */
u32 ovs_ila_staging_n(const struct ovs_ila_staging *staging);

/* Commits what is staged, in the place of all that its owner has if 'replace'
 * is true.  Returns as ovs_ila_load_commit() and ovs_ila_load_replace(), and
 * -ENODEV if a port that an entry names or the datapath is gone.
 */
int ovs_ila_staging_commit(struct ovs_ila_staging *staging, bool replace);

/* A port of 'ila' is gone.  With the lock of 'ila'. */
void ovs_ila_stagings_port_removed(struct ovs_ila *ila, u32 port_no);

/* The datapath is gone: drops all that is staged for it. */
void ovs_ila_stagings_drop(struct ovs_ila *ila);

/* When the module comes and goes. */
void ovs_ila_init(void);
void ovs_ila_exit(void);

#endif /* ila_staging.h */
