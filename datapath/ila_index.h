/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_INDEX_H
#define OVS_ILA_INDEX_H 1

/* Which objects of a pool have this hash?
 *
 * Linear probing in an array of cells.  A cell is an id and the low byte of
 * its hash, so that most others are told apart without a look at the object.
 * A cell is written by one store.  As long as an id is in the index, it is in
 * the same cell and no cell on the way there becomes empty, thus readers under
 * RCU find it.
 *
 * One writer at a time.  An index does not grow: the writer builds a larger one
 * and publishes it.
 */

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "ila_pool.h"

#define OVS_ILA_CELL_ID 0xffffff
#define OVS_ILA_CELL_TAG_SHIFT 24

/* No longer in use, but on the way to others. */
#define OVS_ILA_CELL_DELETED OVS_ILA_CELL_ID

struct ovs_ila_index {
	struct rcu_head rcu;
	u32 n_cells;
	u32 n_used;		/* Cells that are not empty... */
	u32 max_used;		/* ...and how many may be so. */
	u32 n;			/* Ids. */
	u32 shapes;		/* For the user: what is in there. */
	u32 cells[];		/* 0 if empty. */
};

/* Returns an empty index with room for 'n', or NULL.  To be freed by kvfree().
 * One is for packets, the tight one, with less memory and longer ways, for
 * writers.
 */
struct ovs_ila_index *ovs_ila_index_alloc(u32 n);
struct ovs_ila_index *ovs_ila_index_alloc_tight(u32 n);

/* Memory of 'index', which may be NULL. */
u64 ovs_ila_index_bytes(const struct ovs_ila_index *index);

/* Can 'n' more be put into 'index', which may be NULL? */
static inline bool ovs_ila_index_fits(const struct ovs_ila_index *index, u32 n)
{
	return index && index->n_used + n <= index->max_used;
}

/* Is 'index', which may be NULL, much too large? */
static inline bool ovs_ila_index_sparse(const struct ovs_ila_index *index)
{
	return index && index->n_cells > 1024 &&
	       index->n < index->n_cells / 8;
}

/* Puts 'id', which is not in there, into 'index', which has room. */
void ovs_ila_index_insert(struct ovs_ila_index *index, u32 hash, u32 id);

/* 'id' is in 'index' with this hash. */
void ovs_ila_index_remove(struct ovs_ila_index *index, u32 hash, u32 id);

/* Readers find 'to' from here on where they found 'id' so far. */
void ovs_ila_index_swap(struct ovs_ila_index *index, u32 hash, u32 id, u32 to);

/* For the writer: the next id in the order of cells, from the one numbered '*i'
 * on, which is moved behind it.  0 if there is none any more.
 */
static inline u32 ovs_ila_index_next(const struct ovs_ila_index *index, u32 *i)
{
	while (*i < index->n_cells) {
		u32 id = index->cells[(*i)++] & OVS_ILA_CELL_ID;

		if (id && id != OVS_ILA_CELL_DELETED)
			return id;
	}
	return 0;
}

/* Can 'cell', which is not empty, be that of an object with 'hash'? */
static __always_inline bool ovs_ila_cell_may_be(u32 cell, u32 hash)
{
	return cell >> OVS_ILA_CELL_TAG_SHIFT == (hash & 0xff) &&
	       (cell & OVS_ILA_CELL_ID) != OVS_ILA_CELL_DELETED;
}

/* Returns the id for which 'is_it' says yes, or 0. */
static __always_inline u32
ovs_ila_index_find(const struct ovs_ila_index *index, u32 hash,
		   bool (*is_it)(const void *aux, u32 id), const void *aux)
{
	u32 n_cells = index->n_cells;
	u32 i = reciprocal_scale(hash, n_cells);

	/* One cell in four or eight is empty. */
	for (;;) {
		u32 cell = READ_ONCE(index->cells[i]);

		if (!cell)
			break;
		if (ovs_ila_cell_may_be(cell, hash) &&
		    is_it(aux, cell & OVS_ILA_CELL_ID))
			return cell & OVS_ILA_CELL_ID;
		if (++i == n_cells)
			i = 0;
	}
	return 0;
}

#endif /* ila_index.h */
