/* SPDX-License-Identifier: Apache-2.0 */

#ifndef ILA_TABLE_H
#define ILA_TABLE_H 1

/* The ILA mapping table: which addresses are translated, and to what.
 *
 * An entry matches a packet's destination by its locator, its identifier or
 * both, and optionally the port that the packet came in on, in one direction.
 * The entry with the highest preference wins; see 'fields' below.  Two entries
 * of equal preference never match the same packet.
 *
 * In the neutral modes the identifier on the wire is not the identifier that
 * a user knows.  An entry that matches an identifier there is found by what is
 * on the wire, which the table computes when the entry is added; everything
 * below speaks of the identifier that the user knows.
 *
 * The module is pure: it knows neither datapath nor packet.
 *
 * Thread-safety
 * =============
 *
 * Any number of threads may call the functions of "Readers" at any time; they
 * never wait for a writer.  What they return is valid until the caller
 * quiesces (ovs-rcu.h).  A reader sees an entry as it was before or after any
 * change, never a mix, and an entry that is only changed or moved is never
 * missing meanwhile.  Writers exclude each other by a mutex of the table. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ila.h"
#include "openvswitch/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an entry looks at.  Their sum is the preference: identifier before
 * port, port before locator. */
enum ila_match_field {
    ILA_MATCH_LOCATOR = 1,
    ILA_MATCH_IN_PORT = 2,
    ILA_MATCH_IDENTIFIER = 4,
};

/* Members that 'fields' does not name are zero. */
struct ila_match {
    enum ila_dir dir;
    uint8_t fields;             /* ILA_MATCH_*, a locator or an identifier. */
    uint16_t in_port;           /* Datapath port number. */
    ovs_be64 locator;
    ovs_be64 identifier;
};

/* Properties of an entry that are neither its match nor its translation. */
enum ila_entry_flag {
    ILA_ENTRY_ICMP_INNER = 1,   /* Also addresses quoted by ICMPv6 errors. */
    ILA_ENTRY_RESTORE_ZERO = 2, /* Adjusted word ffff is 0000 restored. */
    ILA_ENTRY_ADJ_COMPAT = 4,   /* adj-transport with Linux's sign. */
    ILA_ENTRY_DATABASE = 8,     /* Belongs to ILA_OWNER_DATABASE. */
};

/* Who may change an entry: those who configure the database, or everybody
 * else. */
enum ila_owner {
    ILA_OWNER_ANY,              /* For selection: of either. */
    ILA_OWNER_USER,
    ILA_OWNER_DATABASE,
};

/* An entry as its user sees it.  'xlat.dir' is 'match.dir', 'xlat.field' the
 * destination; 'xlat.restore_zero' and 'xlat.adj_compat' follow from the other
 * members and are ignored where a mapping is passed in.
 *
 * ila_table_expire() deletes what is due. */
struct ila_mapping {
    struct ila_match match;
    struct ila_xlat xlat;
    uint8_t flags;              /* ILA_ENTRY_*. */
    uint32_t idle_timeout;      /* In seconds without a packet, 0 for never. */
    uint32_t hard_timeout;      /* In seconds since it was added, likewise. */
};

/* Returns 0 if 'mapping' may be in a table, otherwise EINVAL or EOPNOTSUPP and
 * in '*key' which part of it is wrong and in '*why' in what way, as constant
 * strings for "KEY ... WHY". */
int ila_mapping_check(const struct ila_mapping *mapping,
                      const char **key, const char **why);

/* Entries that a table has at most unless told otherwise. */
#define ILA_TABLE_DEFAULT_MAX (4u << 20)

struct ila_table *ila_table_create(void);
void ila_table_destroy(struct ila_table *);

/* Where somebody counts what the entries are used for, which the table needs
 * for idle timeouts; to be called before there are entries.  The caller keeps
 * 'usage' until the table is destroyed. */
struct ila_usage;
void ila_table_set_usage(struct ila_table *, struct ila_usage *usage);

/* Readers. */

/* What becomes of an address that an entry matches: 'xlat' is to be applied to
 * it as it is. */
struct ila_hit {
    const struct ila_xlat *xlat;
    uint32_t id;                /* Of the entry, its own until it is deleted;
                                 * less than ila_table_max_id(). */
    uint32_t epoch;             /* Of 'id': another one after all entries were
                                 * replaced at once. */
    uint8_t fields;             /* ILA_MATCH_*: the preference. */
};

/* Addresses that are looked up at once, at most. */
#define ILA_TABLE_BATCH 32

/* Looks up the 'n' addresses 'dst' of packets that came in on 'in_port'.
 * Returns a bit map of those that an entry matches, for which it fills in
 * 'hits'. */
uint32_t ila_table_lookup_batch(const struct ila_table *, enum ila_dir,
                                uint16_t in_port,
                                const struct in6_addr *const dst[], size_t n,
                                struct ila_hit hits[]);

/* Likewise for one address. */
bool ila_table_lookup(const struct ila_table *, enum ila_dir,
                      uint16_t in_port, const struct in6_addr *dst,
                      struct ila_hit *);

/* Return properties of the entry that was hit: its ILA_ENTRY_*, and whether it
 * wants to know when it is used. */
uint8_t ila_hit_get_flags(const struct ila_hit *);
bool ila_hit_has_idle_timeout(const struct ila_hit *);

/* Fills in the entry that was hit when 'dst', which is not yet translated, was
 * looked up for 'in_port'. */
void ila_hit_get_mapping(const struct ila_hit *, uint16_t in_port,
                         const struct in6_addr *dst, struct ila_mapping *);

/* Does any entry have ILA_ENTRY_ICMP_INNER, or an idle timeout? */
bool ila_table_has_icmp_inner(const struct ila_table *);
bool ila_table_has_idle_timeout(const struct ila_table *);

/* May any entry match a packet in this direction on that port? */
bool ila_table_applies(struct ila_table *, enum ila_dir,
                       uint16_t in_port);

/* Writers.  All return 0 or a positive errno value, and change nothing if it
 * is not 0. */

enum ila_add_mode {
    ILA_ADD_NEW,                /* EEXIST if the match is there. */
    ILA_ADD_MAY_EXIST,          /* EEXIST if it is there with another value. */
    ILA_ADD_REPLACE,            /* Adds or replaces. */
    ILA_ADD_MODIFY,             /* ENOENT if it is not there. */
};

/* 'mapping' must have passed ila_mapping_check().  EEXIST also if its address
 * on the wire is another entry's; EPERM if an entry that it would change has
 * another owner; ENOSPC if the table is full. */
int ila_table_add(struct ila_table *, const struct ila_mapping *mapping,
                  enum ila_add_mode);

/* ENOENT if there is no such entry, EPERM if it has another owner. */
int ila_table_del(struct ila_table *, const struct ila_match *,
                  enum ila_owner);

/* Which entries; members that are zero do not select. */
struct ila_filter {
    uint8_t dir;                /* enum ila_dir. */
    uint8_t owner;              /* enum ila_owner. */
    bool has_in_port;
    uint16_t in_port;           /* If 'has_in_port'. */
    ovs_be64 xlat_locator;      /* New locator. */
};

bool ila_filter_selects(const struct ila_filter *, const struct ila_mapping *);

/* Gives all entries that 'filter' selects, which has an 'xlat_locator', the
 * new locator 'to'; '*n' is how many.  'to' must have passed
 * ila_locator_check().  EEXIST if addresses on the wire would coincide. */
int ila_table_move(struct ila_table *, const struct ila_filter *filter,
                   ovs_be64 to, size_t *n);

/* Deletes what 'filter' selects and returns how many entries that was. */
size_t ila_table_flush(struct ila_table *, const struct ila_filter *filter);

/* Deletes up to 'max' entries whose timeouts are over at 'now', in
 * milliseconds as time_msec(), and returns how many entries that was. */
size_t ila_table_expire(struct ila_table *, long long int now, size_t max);

/* Returns when that may have something to do, LLONG_MAX for never. */
long long int ila_table_due(const struct ila_table *);

/* Sets the limit.  Entries beyond it stay. */
void ila_table_set_max(struct ila_table *, size_t max);

/* Bulk load: build aside, then publish all or nothing. */

/* Returns a table to fill by ila_table_add(). */
struct ila_table *ila_table_stage(struct ila_table *);

/* Put the entries of 'stage' into 'table' and destroy 'stage', on failure,
 * too.  The first one adds them, the second one lets them take the place of
 * all that 'owner' has there, in one instant.  EEXIST, with such a match in
 * '*culprit', if one of them stays there; ENOSPC if there are too many. */
int ila_table_commit_add(struct ila_table *table, struct ila_table *stage,
                         struct ila_match *culprit);
int ila_table_commit_replace(struct ila_table *table, struct ila_table *stage,
                             enum ila_owner owner, struct ila_match *culprit);

/* Looking at entries, from any thread. */

/* ENOENT if there is no such entry.  'id' may be null. */
int ila_table_get(struct ila_table *, const struct ila_match *,
                  struct ila_mapping *, uint32_t *id);

/* A place in a listing; begin with all zeros.  It stays good whatever happens
 * to the table. */
struct ila_cursor {
    uint32_t epoch;
    uint32_t next;
};

/* Fills in up to 'max' of the next entries and their ids and returns how many;
 * 0 at the end.  An entry that is there all the time is listed exactly once,
 * one that came or went meanwhile at most once.  After
 * ila_table_commit_replace() the listing begins anew, and '*restarted' is set
 * to true. */
size_t ila_table_list(struct ila_table *, struct ila_cursor *,
                      struct ila_mapping mappings[], uint32_t ids[],
                      size_t max, bool *restarted);

struct ila_table_usage {
    size_t n;                   /* Entries. */
    size_t max;                 /* Limit. */
    size_t per_shape[2][8];     /* [direction - 1][sum of ILA_MATCH_*]. */
    size_t n_values;            /* Distinct translations. */
    size_t n_timeouts;          /* Entries with a timeout. */
    size_t bytes;               /* Memory. */
};
void ila_table_get_usage(struct ila_table *, struct ila_table_usage *);

/* How the entry with that id, which ila_table_get() or ila_table_list() gave,
 * was used, as far as somebody counts. */
struct ila_use;
void ila_table_get_use(const struct ila_table *, uint32_t id,
                       struct ila_use *);

/* Ids are below this; it grows with the table. */
uint32_t ila_table_max_id(const struct ila_table *);

#ifdef __cplusplus
}
#endif

#endif /* lib/ila-table.h */
