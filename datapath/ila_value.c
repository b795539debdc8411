// SPDX-License-Identifier: GPL-2.0-only

/* What is a valid entry, what is it on the wire; the values of entries. */

#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/unaligned.h>

#include "ila_table_impl.h"
#include "ila_translate.h"

#define MATCH_FIELDS (OVS_ILA_MATCH_LOCATOR | OVS_ILA_MATCH_IN_PORT | \
		      OVS_ILA_MATCH_IDENTIFIER)
#define ENTRY_FLAGS (OVS_ILA_ENTRY_ICMP_INNER | OVS_ILA_ENTRY_RESTORE_ZERO | \
		     OVS_ILA_ENTRY_ADJ_COMPAT | OVS_ILA_ENTRY_DATABASE)

#define N_PORTS 65535

static bool is_zero(const __be32 *half)
{
	return !(half[0] | half[1]);
}

static bool is_neutral(u8 csum_mode)
{
	return csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP ||
	       csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP_AUTO;
}

static bool is_multicast(const __be32 *locator)
{
	return *(const u8 *)locator == 0xff;
}

static const char *bad_match(const struct ovs_ila_match *match)
{
	bool has_locator = match->fields & OVS_ILA_MATCH_LOCATOR;
	bool has_identifier = match->fields & OVS_ILA_MATCH_IDENTIFIER;
	bool has_in_port = match->fields & OVS_ILA_MATCH_IN_PORT;

	if (match->dir != OVS_ILA_DIR_IN && match->dir != OVS_ILA_DIR_OUT)
		return "match.dir";
	if (match->fields & ~MATCH_FIELDS || (!has_locator && !has_identifier))
		return "match.fields";
	if (has_locator ? is_multicast(match->locator) :
			  !is_zero(match->locator))
		return "match.locator";
	if (!has_identifier && !is_zero(match->identifier))
		return "match.identifier";
	if (has_in_port ? match->in_port >= N_PORTS : match->in_port)
		return "match.in_port";
	if (match->zero)
		return "match.zero";
	return NULL;
}

static const char *bad_entry(const struct ovs_ila_entry *entry)
{
	const struct ovs_ila_match *match = &entry->match;
	const char *bad = bad_match(match);
	bool in = match->dir == OVS_ILA_DIR_IN;

	if (bad)
		return bad;
	if (!ovs_ila_locator_is_valid((const u8 *)entry->locator))
		return "locator";
	if (entry->csum_mode > OVS_ILA_CSUM_NEUTRAL_MAP_AUTO)
		return "csum_mode";
	if (entry->ident_type != OVS_ILA_IDENT_LUID &&
	    entry->ident_type != OVS_ILA_IDENT_USE_FORMAT)
		return "ident_type";
	if (entry->flags & ~ENTRY_FLAGS)
		return "flags";
	if (entry->flags & OVS_ILA_ENTRY_ICMP_INNER && !in)
		return "flags";
	if (entry->flags & OVS_ILA_ENTRY_RESTORE_ZERO &&
	    !(in && is_neutral(entry->csum_mode)))
		return "flags";
	if (entry->flags & OVS_ILA_ENTRY_ADJ_COMPAT &&
	    entry->csum_mode != OVS_ILA_CSUM_ADJUST_TRANSPORT)
		return "flags";
	if (entry->zero)
		return "zero";

	if (match->fields & OVS_ILA_MATCH_IDENTIFIER) {
		/* Such an identifier has no form on the wire. */
		if (entry->csum_mode == OVS_ILA_CSUM_NEUTRAL_MAP &&
		    *(const u8 *)match->identifier & OVS_ILA_IDENT_CBIT)
			return "match.identifier";

		/* What it is on the wire depends on the locator there. */
		if (in && is_neutral(entry->csum_mode) &&
		    !(match->fields & OVS_ILA_MATCH_LOCATOR))
			return "match.fields";
	}
	return NULL;
}

static int report(const char *name, const char **bad)
{
	if (bad)
		*bad = name;
	return name ? -EINVAL : 0;
}

int ovs_ila_match_check(const struct ovs_ila_match *match, const char **bad)
{
	return report(bad_match(match), bad);
}

int ovs_ila_entry_check(const struct ovs_ila_entry *entry, const char **bad)
{
	const char *name = bad_entry(entry);
	int error = report(name, bad);

	/* Types 2 to 5 are known; nobody has said how to translate them. */
	if (error && !strcmp(name, "ident_type") &&
	    entry->ident_type >= 2 && entry->ident_type <= 5)
		error = -EOPNOTSUPP;
	return error;
}

int ovs_ila_filter_check(const struct ovs_ila_filter *filter, const char **bad)
{
	const char *name = NULL;

	if (filter->has_in_port > 1)
		name = "has_in_port";
	else if (filter->has_in_port ? filter->in_port >= N_PORTS :
				       filter->in_port)
		name = "in_port";
	else if (filter->dir > OVS_ILA_DIR_OUT)
		name = "dir";
	else if (filter->owner > OVS_ILA_OWNER_DATABASE)
		name = "owner";
	else if (filter->zero)
		name = "zero";
	return report(name, bad);
}

bool ovs_ila_filter_selects_value(const struct ovs_ila_filter *filter,
				  const struct ovs_ila_value *value)
{
	enum ovs_ila_owner owner = value->flags & OVS_ILA_ENTRY_DATABASE ?
				   OVS_ILA_OWNER_DATABASE :
				   OVS_ILA_OWNER_USER;

	return (is_zero(filter->locator) ||
		!memcmp(filter->locator, value->xlat.locator,
			sizeof(filter->locator))) &&
	       (!filter->dir || filter->dir == value->xlat.dir) &&
	       (!filter->owner || filter->owner == owner);
}

void ovs_ila_match_to_key(const struct ovs_ila_match *match,
			  struct ovs_ila_key *key)
{
	key->locator = get_unaligned((const __be64 *)match->locator);
	key->identifier = get_unaligned((const __be64 *)match->identifier);
	key->bits = (u32)match->fields << SLOT_FIELDS_SHIFT;
	if (match->dir == OVS_ILA_DIR_OUT)
		key->bits |= SLOT_OUT;
	key->in_port = match->in_port;
}

bool ovs_ila_entry_to_key(const struct ovs_ila_entry *entry,
			  struct ovs_ila_key *key)
{
	const struct ovs_ila_match *match = &entry->match;
	struct ovs_action_ila out = {
		.csum_mode = entry->csum_mode,
		.dir = OVS_ILA_DIR_OUT,
		.ident_type = OVS_ILA_IDENT_LUID,
	};
	u8 sir[OVS_ILA_ADDR_LEN], wire[OVS_ILA_ADDR_LEN];

	ovs_ila_match_to_key(match, key);
	if (match->dir != OVS_ILA_DIR_IN ||
	    !(match->fields & OVS_ILA_MATCH_IDENTIFIER) ||
	    !is_neutral(entry->csum_mode))
		return false;

	/* What the sender makes of it. */
	memcpy(out.locator, match->locator, sizeof(out.locator));
	memcpy(sir, entry->locator, 8);
	memcpy(sir + 8, match->identifier, 8);
	WARN_ON_ONCE(ovs_ila_translate(&out, sir, wire) != OVS_ILA_TRANSLATE);
	key->identifier = get_unaligned((const __be64 *)(wire + 8));
	return true;
}

/* Values. */

/* The part of a value that is compared. */
#define CONTENT offsetof(struct ovs_ila_value, refs)

struct value_search {
	const struct ovs_ila_table *table;
	const struct ovs_ila_value *wanted;
};

static bool is_value(const void *aux, u32 id)
{
	const struct value_search *search = aux;

	return !memcmp(ovs_ila_value_at(search->table, id), search->wanted,
		       CONTENT);
}

static u32 hash_value(const struct ovs_ila_table *table,
		      const struct ovs_ila_value *value)
{
	return jhash(value, CONTENT, table->seed);
}

static bool rebuild_index(struct ovs_ila_table *table, u32 n)
{
	struct ovs_ila_index *old = table->value_index;
	struct ovs_ila_index *new;
	u32 i, id;

	new = ovs_ila_index_alloc_tight((old ? old->n : 0) + n);
	if (!new)
		return false;
	for (i = 0; old && (id = ovs_ila_index_next(old, &i)) != 0;) {
		struct ovs_ila_value *value = ovs_ila_value_at(table, id);

		ovs_ila_index_insert(new, hash_value(table, value), id);
		ovs_ila_breathe(i);
	}
	table->value_index = new;
	kvfree(old);
	return true;
}

void ovs_ila_value_tidy(struct ovs_ila_table *table)
{
	/* No matter if there is no memory for a smaller one. */
	if (ovs_ila_index_sparse(table->value_index))
		rebuild_index(table, 0);
}

u32 ovs_ila_value_get(struct ovs_ila_table *table,
		      const struct ovs_ila_entry *entry)
{
	struct value_search search = { .table = table };
	struct ovs_ila_value wanted, *value;
	u32 hash, id;

	memset(&wanted, 0, sizeof(wanted));
	memcpy(wanted.xlat.locator, entry->locator,
	       sizeof(wanted.xlat.locator));
	wanted.xlat.csum_mode = entry->csum_mode;
	wanted.xlat.dir = entry->match.dir;
	wanted.xlat.field = OVS_ILA_FIELD_DST;
	wanted.xlat.ident_type = entry->ident_type;
	wanted.minus = ovs_ila_minus(ovs_ila_half((const u8 *)entry->locator));
	wanted.flags = entry->flags;
	wanted.idle_timeout = entry->idle_timeout;
	wanted.hard_timeout = entry->hard_timeout;
	wanted.refs = 1;

	if (!ovs_ila_index_fits(table->value_index, 1) &&
	    !rebuild_index(table, 1))
		return 0;
	hash = hash_value(table, &wanted);
	search.wanted = &wanted;
	id = ovs_ila_index_find(table->value_index, hash, is_value, &search);
	if (id) {
		ovs_ila_value_ref(table, id);
		return id;
	}

	id = ovs_ila_pool_alloc(&table->values);
	if (!id)
		return 0;
	value = ovs_ila_value_at(table, id);
	*value = wanted;
	ovs_ila_index_insert(table->value_index, hash, id);
	return id;
}

void ovs_ila_value_ref(struct ovs_ila_table *table, u32 id)
{
	ovs_ila_value_at(table, id)->refs++;
}

void ovs_ila_value_put(struct ovs_ila_table *table, u32 id)
{
	struct ovs_ila_value *value = ovs_ila_value_at(table, id);

	if (--value->refs)
		return;
	ovs_ila_index_remove(table->value_index, hash_value(table, value), id);
	ovs_ila_pool_retire(&table->values, id);
}

void ovs_ila_value_to_entry(const struct ovs_ila_value *value,
			    struct ovs_ila_entry *entry)
{
	memcpy(entry->locator, value->xlat.locator, sizeof(entry->locator));
	entry->csum_mode = value->xlat.csum_mode;
	entry->ident_type = value->xlat.ident_type;
	entry->flags = value->flags;
	entry->idle_timeout = value->idle_timeout;
	entry->hard_timeout = value->hard_timeout;
}

/* Time. */

u32 ovs_ila_seconds(void)
{
	return div_u64(get_jiffies_64(), HZ);
}

u64 ovs_ila_ticks_to_msecs(u32 ticks)
{
	return jiffies64_to_msecs((u64)ticks << OVS_ILA_TICK_SHIFT);
}
