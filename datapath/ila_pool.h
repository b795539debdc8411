/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_ILA_POOL_H
#define OVS_ILA_POOL_H 1

/* Objects of one size with numbers, for the ILA mapping table.
 *
 * An id is from 1 to OVS_ILA_ID_MAX, so that 24 bits hold it; an object does
 * not move.  Memory comes in chunks of physically contiguous pages, without
 * the rounding of slabs, and goes back, a grace period later, when a chunk is
 * empty.
 *
 * ovs_ila_pool_at() may be called by readers under RCU that have the id from
 * where it was published with release semantics; what they load on the way
 * depends on the id.  ovs_ila_pool_find() is also for ids that were taken back,
 * thus memory is published with release semantics, too.  Everything else is for
 * the one writer at a time, who may sleep.  While an object is free or waits
 * for a grace period, the u32 at 'link_offset' is the pool's; readers do not
 * look at it.
 */

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define OVS_ILA_CHUNK_SHIFT 9
#define OVS_ILA_CHUNK_OBJS BIT(OVS_ILA_CHUNK_SHIFT)
#define OVS_ILA_LEAF_SHIFT 9
#define OVS_ILA_LEAF_CHUNKS BIT(OVS_ILA_LEAF_SHIFT)
#define OVS_ILA_POOL_LEAVES 64

/* The last chunk is never used. */
#define OVS_ILA_POOL_CHUNKS \
	(OVS_ILA_POOL_LEAVES * OVS_ILA_LEAF_CHUNKS - 1)
#define OVS_ILA_ID_MAX (OVS_ILA_POOL_CHUNKS * OVS_ILA_CHUNK_OBJS - 1)

/* The writer's part of a chunk.  Objects from 'fresh' on were never used. */
struct ovs_ila_chunk_state {
	u16 free;		/* Index of the first free object, plus 1. */
	u16 fresh;
	u16 n_used;
	u16 next_open;		/* Number of a chunk... */
};

#define OVS_ILA_CHUNK_NONE 0xffff	/* ...the end of the list... */
#define OVS_ILA_CHUNK_CLOSED 0xfffe	/* ...or it is not in the list. */

struct ovs_ila_leaf {
	void *chunks[OVS_ILA_LEAF_CHUNKS];
	struct ovs_ila_chunk_state states[OVS_ILA_LEAF_CHUNKS];
};

struct ovs_ila_limbo {
	u32 ids;		/* List of objects. */
	void *chunks;		/* List of chunks, by their first bytes. */
};

struct ovs_ila_pool {
	struct ovs_ila_leaf *leaves[OVS_ILA_POOL_LEAVES];

	u32 obj_size;
	u32 link_offset;
	u32 n_chunks;		/* Numbers of chunks below were used once. */
	u32 max_id;		/* Ids above were never used. */
	u16 open;		/* List of chunks with free objects. */

	bool has_empty;		/* A chunk is kept of which nothing is used. */

	/* What readers may still see: that of before 'cookie', and the rest. */
	struct ovs_ila_limbo waiting;
	struct ovs_ila_limbo limbo;
	unsigned long cookie;

	u64 bytes;		/* Memory. */
};

void ovs_ila_pool_init(struct ovs_ila_pool *pool, u32 obj_size,
		       u32 link_offset);

/* No reader is left. */
void ovs_ila_pool_destroy(struct ovs_ila_pool *pool);

/* Returns the id of an object, or 0 if there is no memory.  Its bytes are zero
 * or what the last owner left in them.
 */
u32 ovs_ila_pool_alloc(struct ovs_ila_pool *pool);

/* Frees the object 'id': at once because no reader can have it, or when those
 * are gone that may have.
 */
void ovs_ila_pool_free(struct ovs_ila_pool *pool, u32 id);
void ovs_ila_pool_retire(struct ovs_ila_pool *pool, u32 id);

/* Frees what waited for a grace period that is over. */
void ovs_ila_pool_reclaim(struct ovs_ila_pool *pool);

/* Frees all that waits; a grace period has passed since the last
 * ovs_ila_pool_retire().  Chunks that are empty then wait for another one.
 */
void ovs_ila_pool_drain(struct ovs_ila_pool *pool);

/* Returns the object 'id'.  'size' is that of the pool's objects, as a
 * constant.  If readers have had no right to the object any more for a grace
 * period, ovs_ila_pool_find() may return NULL, and the other one, which does
 * not look, must not be called.
 */
static inline void *ovs_ila_pool_find(const struct ovs_ila_pool *pool, u32 id,
				      u32 size)
{
	u32 c = id >> OVS_ILA_CHUNK_SHIFT;
	struct ovs_ila_leaf *leaf =
		READ_ONCE(pool->leaves[c >> OVS_ILA_LEAF_SHIFT]);
	char *chunk =
		READ_ONCE(leaf->chunks[c & (OVS_ILA_LEAF_CHUNKS - 1)]);

	if (unlikely(!chunk))
		return NULL;
	return chunk + (id & (OVS_ILA_CHUNK_OBJS - 1)) * size;
}

static inline void *ovs_ila_pool_at(const struct ovs_ila_pool *pool, u32 id,
				    u32 size)
{
	u32 c = id >> OVS_ILA_CHUNK_SHIFT;
	struct ovs_ila_leaf *leaf =
		READ_ONCE(pool->leaves[c >> OVS_ILA_LEAF_SHIFT]);
	char *chunk =
		READ_ONCE(leaf->chunks[c & (OVS_ILA_LEAF_CHUNKS - 1)]);

	return chunk + (id & (OVS_ILA_CHUNK_OBJS - 1)) * size;
}

/* For the writer: goes through all objects that are, or were, in use, in the
 * order of ids.  Returns the least id from 'id' on, or 0.
 */
u32 ovs_ila_pool_next(const struct ovs_ila_pool *pool, u32 id);

#endif /* ila_pool.h */
