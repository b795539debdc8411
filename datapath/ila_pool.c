// SPDX-License-Identifier: GPL-2.0-only

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/barrier.h>

#include "ila_pool.h"

static struct ovs_ila_leaf *leaf_of(const struct ovs_ila_pool *pool, u32 c)
{
	return pool->leaves[c >> OVS_ILA_LEAF_SHIFT];
}

static void **chunk_of(const struct ovs_ila_pool *pool, u32 c)
{
	return &leaf_of(pool, c)->chunks[c & (OVS_ILA_LEAF_CHUNKS - 1)];
}

static struct ovs_ila_chunk_state *state_of(const struct ovs_ila_pool *pool,
					    u32 c)
{
	return &leaf_of(pool, c)->states[c & (OVS_ILA_LEAF_CHUNKS - 1)];
}

static u32 *link_of(const struct ovs_ila_pool *pool, u32 id)
{
	return ovs_ila_pool_at(pool, id, pool->obj_size) + pool->link_offset;
}

static size_t chunk_bytes(const struct ovs_ila_pool *pool)
{
	return PAGE_ALIGN(pool->obj_size * OVS_ILA_CHUNK_OBJS);
}

void ovs_ila_pool_init(struct ovs_ila_pool *pool, u32 obj_size,
		       u32 link_offset)
{
	memset(pool, 0, sizeof(*pool));
	pool->obj_size = obj_size;
	pool->link_offset = link_offset;
	pool->open = OVS_ILA_CHUNK_NONE;
}

static void free_chunks(struct ovs_ila_pool *pool, void *chunk)
{
	while (chunk) {
		void *next = *(void **)chunk;

		free_pages_exact(chunk, chunk_bytes(pool));
		pool->bytes -= chunk_bytes(pool);
		chunk = next;
		cond_resched();
	}
}

void ovs_ila_pool_destroy(struct ovs_ila_pool *pool)
{
	u32 c, i;

	for (c = 0; c < pool->n_chunks; c++) {
		void *chunk = *chunk_of(pool, c);

		if (chunk)
			free_pages_exact(chunk, chunk_bytes(pool));
		cond_resched();
	}
	free_chunks(pool, pool->waiting.chunks);
	free_chunks(pool, pool->limbo.chunks);
	for (i = 0; i < OVS_ILA_POOL_LEAVES; i++)
		kfree(pool->leaves[i]);
}

/* Puts a chunk into the list that has a number, but no memory. */
static bool add_chunk(struct ovs_ila_pool *pool)
{
	struct ovs_ila_leaf **leaf;
	u32 c = pool->n_chunks;

	if (c == OVS_ILA_POOL_CHUNKS)
		return false;

	leaf = &pool->leaves[c >> OVS_ILA_LEAF_SHIFT];
	if (!*leaf) {
		struct ovs_ila_leaf *new = kzalloc(sizeof(*new),
						   GFP_KERNEL_ACCOUNT);

		if (!new)
			return false;

		/* Pairs with ovs_ila_pool_find(). */
		smp_store_release(leaf, new);
		pool->bytes += sizeof(*new);
	}
	state_of(pool, c)->next_open = pool->open;
	pool->open = c;
	pool->n_chunks++;
	return true;
}

static bool fill_chunk(struct ovs_ila_pool *pool, u32 c)
{
	struct ovs_ila_chunk_state *state = state_of(pool, c);
	void *chunk = alloc_pages_exact(chunk_bytes(pool),
					GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!chunk)
		return false;

	/* Pairs with ovs_ila_pool_find(): a processor that has still counted
	 * for an id of the chunk that was here adds to zeros.
	 */
	smp_store_release(chunk_of(pool, c), chunk);
	state->free = 0;
	state->fresh = c == 0;		/* There is no id 0. */
	pool->bytes += chunk_bytes(pool);
	return true;
}

u32 ovs_ila_pool_alloc(struct ovs_ila_pool *pool)
{
	struct ovs_ila_chunk_state *state;
	u32 c, id;

	ovs_ila_pool_reclaim(pool);
	if (pool->open == OVS_ILA_CHUNK_NONE && !add_chunk(pool))
		return 0;
	c = pool->open;
	state = state_of(pool, c);
	if (!*chunk_of(pool, c)) {
		if (!fill_chunk(pool, c))
			return 0;
	} else if (!state->n_used) {
		pool->has_empty = false;
	}
	state->n_used++;
	id = c << OVS_ILA_CHUNK_SHIFT;
	if (state->free) {
		id += state->free - 1;
		state->free = *link_of(pool, id);
	} else {
		id += state->fresh++;
	}
	pool->max_id = max(pool->max_id, id);
	if (!state->free && state->fresh == OVS_ILA_CHUNK_OBJS) {
		pool->open = state->next_open;
		state->next_open = OVS_ILA_CHUNK_CLOSED;
	}
	return id;
}

void ovs_ila_pool_free(struct ovs_ila_pool *pool, u32 id)
{
	u32 c = id >> OVS_ILA_CHUNK_SHIFT;
	struct ovs_ila_chunk_state *state = state_of(pool, c);

	*link_of(pool, id) = state->free;
	state->free = (id & (OVS_ILA_CHUNK_OBJS - 1)) + 1;
	if (state->next_open == OVS_ILA_CHUNK_CLOSED) {
		state->next_open = pool->open;
		pool->open = c;
	}
	if (--state->n_used)
		return;

	/* One is kept, so that one object does not take and give back all the
	 * time.
	 */
	if (pool->has_empty) {
		void **chunk = *chunk_of(pool, c);

		WRITE_ONCE(*chunk_of(pool, c), NULL);
		*chunk = pool->limbo.chunks;
		pool->limbo.chunks = chunk;
	} else {
		pool->has_empty = true;
	}
}

static void free_list(struct ovs_ila_pool *pool, u32 id)
{
	while (id) {
		u32 next = *link_of(pool, id);

		ovs_ila_pool_free(pool, id);
		id = next;
		cond_resched();
	}
}

static bool is_waiting(const struct ovs_ila_pool *pool)
{
	return pool->waiting.ids || pool->waiting.chunks;
}

/* What is in limbo waits from here on; nothing does so far. */
static void begin_waiting(struct ovs_ila_pool *pool)
{
	pool->waiting = pool->limbo;
	pool->limbo = (struct ovs_ila_limbo){};
	if (is_waiting(pool))
		pool->cookie = start_poll_synchronize_rcu();
}

void ovs_ila_pool_retire(struct ovs_ila_pool *pool, u32 id)
{
	*link_of(pool, id) = pool->limbo.ids;
	pool->limbo.ids = id;
	if (!is_waiting(pool))
		begin_waiting(pool);
}

/* A grace period has passed since the last thing came to 'limbo'. */
static void free_limbo(struct ovs_ila_pool *pool, struct ovs_ila_limbo limbo)
{
	free_chunks(pool, limbo.chunks);
	free_list(pool, limbo.ids);
}

void ovs_ila_pool_reclaim(struct ovs_ila_pool *pool)
{
	struct ovs_ila_limbo over = pool->waiting;

	if (is_waiting(pool)) {
		if (!poll_state_synchronize_rcu(pool->cookie))
			return;
		pool->waiting = (struct ovs_ila_limbo){};
		free_limbo(pool, over);
	}
	begin_waiting(pool);
}

void ovs_ila_pool_drain(struct ovs_ila_pool *pool)
{
	struct ovs_ila_limbo waiting = pool->waiting;
	struct ovs_ila_limbo limbo = pool->limbo;

	pool->waiting = (struct ovs_ila_limbo){};
	pool->limbo = (struct ovs_ila_limbo){};
	free_limbo(pool, waiting);
	free_limbo(pool, limbo);
}

u32 ovs_ila_pool_next(const struct ovs_ila_pool *pool, u32 id)
{
	u32 c = id >> OVS_ILA_CHUNK_SHIFT;
	u32 i = id & (OVS_ILA_CHUNK_OBJS - 1);

	for (; c < pool->n_chunks; c++, i = 0) {
		i = max_t(u32, i, c == 0);
		if (*chunk_of(pool, c) && i < state_of(pool, c)->fresh)
			return (c << OVS_ILA_CHUNK_SHIFT) + i;
	}
	return 0;
}
