/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_TABLE_H
#define OVS_ILA_TABLE_H 1

/* Identifier-locator addressing: the mapping table of a datapath.
 *
 * Readers are packets: ovs_ila_table_lookup() and what is done with its hit,
 * under RCU with bottom halves disabled.  They take no lock and never wait.
 * For each entry they see what was before a change or what is after it, and
 * no change of an entry makes it disappear in between.
 *
 * Everything else is for writers.  They serialize by a mutex of the table,
 * which they take themselves, and may sleep, some of them for a grace period.
 * Where "any context" is said, one word is read without it.  Whatever fails
 * has changed nothing.
 *
 * Entries are as in the ABI, struct ovs_ila_entry; the table does not know
 * which ports exist.  Errors are negative.  Where there is a 'bad', it is set
 * to the name of the bad member or to NULL if the error is not about one; it
 * may be NULL itself.
 */

#include <linux/types.h>

#include "ila.h"

#define OVS_ILA_TABLE_DEFAULT_MAX (4U << 20)	/* Entries... */
#define OVS_ILA_TABLE_LIMIT_MAX (8U << 20)	/* ...and what can be set. */

struct ovs_ila_slot;
struct ovs_ila_table;
struct ovs_ila_load;

/* What is done to the packets of an entry.  Immutable, shared by entries. */
struct ovs_ila_value {
	struct ovs_action_ila xlat;	/* 'field' is 0 (destination). */
	u8 flags;			/* OVS_ILA_ENTRY_*. */

	/* For the table alone. */
	u16 minus;			/* Of the locator, see ila_sum.h. */
	u32 idle_timeout;
	u32 hard_timeout;
	u32 refs;
	u32 link;
};

/* What ovs_ila_table_lookup() found; good as long as RCU is held. */
struct ovs_ila_hit {
	const struct ovs_ila_value *value;
	struct ovs_ila_slot *slot;
	u32 id;
	bool exact;		/* The identifier that is restored is stored. */
};

/* Returns a new, empty table, or NULL if there is no memory. */
struct ovs_ila_table *ovs_ila_table_alloc(void);

/* Frees 'table', which may be NULL, after a grace period.  The caller has seen
 * to it that no reader can find it any more; no load of it is left.  May sleep.
 */
void ovs_ila_table_destroy(struct ovs_ila_table *table);

/* Readers. */

/* Fills 'hit' with the entry of highest preference for a packet to 'addr',
 * 16 bytes in any alignment, that came in on 'in_port'.  'dirs' are
 * OVS_ILA_DIRS_* bits; with both, IN is tried first, whatever its preference.
 * Returns false if none matches.  The caller has excluded multicast.
 */
bool ovs_ila_table_lookup(const struct ovs_ila_table *table, u8 dirs,
			  u32 in_port, const u8 *addr,
			  struct ovs_ila_hit *hit);

/* Translates 'from', the address that was looked up, to 'to', which is set for
 * OVS_ILA_TRANSLATE only.  OVS_ILA_PASS: not of the type that the entry wants.
 * OVS_ILA_DROP: the C bit is taken.  What has to be done to the transport
 * checksum is said by hit->value, see enum ovs_ila_l4_update.
 */
enum ovs_ila_verdict ovs_ila_hit_translate(const struct ovs_ila_hit *hit,
					   const u8 *from, u8 *to);

/* Any context: has the table entries whose OVS_ILA_ENTRY_ICMP_INNER is set? */
bool ovs_ila_table_has_icmp_inner(const struct ovs_ila_table *table);

/* Writers: one entry. */

/* Returns 0 if 'entry' is valid, otherwise -EINVAL or -EOPNOTSUPP and the bad
 * member in 'bad'.  Pure.
 */
int ovs_ila_entry_check(const struct ovs_ila_entry *entry, const char **bad);

/* Likewise for what to look for. */
int ovs_ila_match_check(const struct ovs_ila_match *match, const char **bad);

static inline enum ovs_ila_owner
ovs_ila_entry_owner(const struct ovs_ila_entry *entry)
{
	return entry->flags & OVS_ILA_ENTRY_DATABASE ? OVS_ILA_OWNER_DATABASE :
						       OVS_ILA_OWNER_USER;
}

/* Adds 'entry' or gives the entry with its match the value of 'entry', as
 * 'mode' says.  What an entry counted stays with it; its timeouts begin anew
 * with OVS_ILA_ADD_REPLACE and OVS_ILA_ADD_MODIFY.
 *
 * -EINVAL, -EOPNOTSUPP see ovs_ila_entry_check(), -EINVAL also for a bad mode;
 * -EEXIST, -ENOENT as 'mode' says; -EEXIST also if another entry has its
 * address on the wire; -EPERM if an entry of another owner would have to
 * change, or with OVS_ILA_ADD_MAY_EXIST is there; -ENOSPC; -ENOMEM.
 *
 * A change that gives an entry another address on the wire (dir in, neutral,
 * with identifier) waits for two grace periods; a load changes many in the
 * same time.
 */
int ovs_ila_table_add(struct ovs_ila_table *table,
		      const struct ovs_ila_entry *entry,
		      enum ovs_ila_add_mode mode, const char **bad);

/* Deletes the entry of 'match'.  -EINVAL, -ENOENT; -EPERM if 'owner' is not
 * OVS_ILA_OWNER_ANY and the entry is not his.
 */
int ovs_ila_table_del(struct ovs_ila_table *table,
		      const struct ovs_ila_match *match,
		      enum ovs_ila_owner owner, const char **bad);

/* Copies the entry of 'match', and what it counted if 'stats' is not NULL.
 * -EINVAL, -ENOENT.
 */
int ovs_ila_table_get(struct ovs_ila_table *table,
		      const struct ovs_ila_match *match,
		      struct ovs_ila_entry *entry,
		      struct ovs_ila_entry_stats *stats, const char **bad);

/* What would be done to a packet?  As ovs_ila_table_get() for the entry that a
 * lookup finds.  '*verdict' is that of ovs_ila_hit_translate() to 'addr', 16
 * bytes.  -ENOENT; for multicast, too.
 */
int ovs_ila_table_trace(struct ovs_ila_table *table,
			const struct ovs_ila_lookup *lookup,
			struct ovs_ila_entry *entry,
			struct ovs_ila_entry_stats *stats,
			enum ovs_ila_verdict *verdict, u8 *addr);

/* Writers: many entries. */

/* Returns 0 if 'filter' is valid, otherwise -EINVAL.  Pure. */
int ovs_ila_filter_check(const struct ovs_ila_filter *filter,
			 const char **bad);

/* Gives all entries that 'filter' selects, which must name a locator, the new
 * locator 'to' (8 bytes) instead.  All of them, or none: -EINVAL, -EEXIST if
 * two entries would have the same address on the wire, -ENOMEM.  Returns their
 * number, which may be 0, in '*n'.
 */
int ovs_ila_table_move(struct ovs_ila_table *table,
		       const struct ovs_ila_filter *filter, const __be32 *to,
		       u32 *n, const char **bad);

/* Deletes all entries that 'filter' selects, NULL for all; returns their
 * number.  'filter' was checked.
 */
u32 ovs_ila_table_flush(struct ovs_ila_table *table,
			const struct ovs_ila_filter *filter);

/* 'in_port' is no more: deletes the entries that match on it, whoever owns
 * them.  Returns their number.  To be called before the number can be given
 * away again.
 */
u32 ovs_ila_table_port_removed(struct ovs_ila_table *table, u32 in_port);

/* Deletes entries whose timeouts are over; returns their number.  Something
 * has to call this about once a second while ovs_ila_table_n_timeouts() is not
 * 0, from a context that may sleep.
 */
u32 ovs_ila_table_expire(struct ovs_ila_table *table);

/* Copies the next entry that 'filter' (checked; NULL for all) selects.
 * '*cursor' is 0 at the beginning and is moved behind the entry.  Returns
 * -ENOENT, and leaves '*cursor' alone, if there is none any more.
 *
 * From 0 to -ENOENT each entry that was there all the time comes exactly once,
 * whatever else changes meanwhile, its value included.  Other entries may come,
 * not more than once each time that they were added.  Any '*cursor' is safe.
 */
int ovs_ila_table_next(struct ovs_ila_table *table,
		       const struct ovs_ila_filter *filter, u64 *cursor,
		       struct ovs_ila_entry *entry,
		       struct ovs_ila_entry_stats *stats);

/* Writers: loads.  What is staged is not in the table until the load is
 * committed; it costs the memory of entries.  A load is used by one thread at
 * a time.
 */

/* Returns a new load, or NULL if there is no memory. */
struct ovs_ila_load *ovs_ila_load_begin(struct ovs_ila_table *table);

/* Stages 'n' entries, unaligned as they are in a message.  All of a load have
 * the same owner.  When one is refused, returns its index in '*index'; the
 * entries before it are staged, but nothing should be done with the load other
 * than to free it.  -EINVAL, -EOPNOTSUPP; -EEXIST if it has the match or the
 * address on the wire of one before; -ENOSPC if there are more than the table
 * may have; -ENOMEM.
 */
int ovs_ila_load_stage(struct ovs_ila_load *load,
		       const struct ovs_ila_entry *entries, u32 n,
		       u32 *index, const char **bad);

/* Returns how many entries are staged. */
u32 ovs_ila_load_n(const struct ovs_ila_load *load);

/* Adds what is staged; the load is empty then.  -EEXIST if a match or an
 * address on the wire is there; -ENOSPC; -ENOMEM.
 */
int ovs_ila_load_commit(struct ovs_ila_load *load);

/* Likewise, but in the place of all that 'owner' has in the table, in one
 * instant: no packet sees a part of both.  An entry that was there with the
 * same match keeps what it counted.  'owner' is that of what is staged or, if
 * nothing is, whose entries go; OVS_ILA_OWNER_ANY is the former, and then
 * OVS_ILA_OWNER_USER.  -EINVAL if it is not their owner; -EPERM if a match is
 * there that is another owner's; -EEXIST if an address on the wire is; -ENOSPC;
 * -ENOMEM.
 */
int ovs_ila_load_replace(struct ovs_ila_load *load, enum ovs_ila_owner owner);

/* Frees 'load', which may be NULL, and what is still staged. */
void ovs_ila_load_free(struct ovs_ila_load *load);

/* What there is. */

/* Any context: can an entry in one of 'dirs' match a packet that comes in on
 * 'in_port'?  The answer for some port can be another one only if
 * ovs_ila_table_generation() is.
 */
bool ovs_ila_table_applies(const struct ovs_ila_table *table, u8 dirs,
			   u32 in_port);
u32 ovs_ila_table_generation(const struct ovs_ila_table *table);

/* Any context: another number after each ovs_ila_load_replace(), never 0.  What
 * was looked at before it was asked for is no younger.
 */
u32 ovs_ila_table_epoch(const struct ovs_ila_table *table);

/* Any context: the number of entries with a timeout. */
u32 ovs_ila_table_n_timeouts(const struct ovs_ila_table *table);

/* The limit of the number of entries.  Setting it deletes none.  -EINVAL if
 * 'max' is 0 or above OVS_ILA_TABLE_LIMIT_MAX.
 */
u32 ovs_ila_table_get_max(const struct ovs_ila_table *table);
int ovs_ila_table_set_max(struct ovs_ila_table *table, u32 max);

/* 'usage->bytes' is the memory in use, with what is staged and what waits for
 * a grace period.
 */
void ovs_ila_table_get_usage(struct ovs_ila_table *table,
			     struct ovs_ila_usage *usage);

#endif /* ila_table.h */
