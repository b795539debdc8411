// SPDX-License-Identifier: GPL-2.0-only

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include <asm/barrier.h>

#include "ila_index.h"

static u32 make_cell(u32 hash, u32 id)
{
	return hash << OVS_ILA_CELL_TAG_SHIFT | id;
}

static struct ovs_ila_index *alloc_index(u32 n_cells, u32 max_used)
{
	struct ovs_ila_index *index;

	index = kvzalloc(struct_size(index, cells, n_cells),
			 GFP_KERNEL_ACCOUNT);
	if (index) {
		index->n_cells = n_cells;
		index->max_used = max_used;
	}
	return index;
}

struct ovs_ila_index *ovs_ila_index_alloc(u32 n)
{
	u32 n_cells = 16 + n + n / 5 * 4;

	return alloc_index(n_cells, n_cells - n_cells / 4);
}

struct ovs_ila_index *ovs_ila_index_alloc_tight(u32 n)
{
	u32 n_cells = 16 + n + n / 4;

	return alloc_index(n_cells, n_cells - n_cells / 8);
}

u64 ovs_ila_index_bytes(const struct ovs_ila_index *index)
{
	size_t size;

	if (!index)
		return 0;
	size = struct_size(index, cells, index->n_cells);
	return size <= KMALLOC_MAX_SIZE ? kmalloc_size_roundup(size) :
					  ALIGN(size, PMD_SIZE);
}

void ovs_ila_index_insert(struct ovs_ila_index *index, u32 hash, u32 id)
{
	u32 i = reciprocal_scale(hash, index->n_cells);
	u32 cell;

	while ((cell = index->cells[i]) && cell != OVS_ILA_CELL_DELETED) {
		if (++i == index->n_cells)
			i = 0;
	}
	if (!cell)
		index->n_used++;
	index->n++;

	/* Whoever finds the id sees the object. */
	smp_store_release(&index->cells[i], make_cell(hash, id));
}

static u32 find_cell(const struct ovs_ila_index *index, u32 hash, u32 id)
{
	u32 i = reciprocal_scale(hash, index->n_cells);

	while (index->cells[i] != make_cell(hash, id)) {
		if (++i == index->n_cells)
			i = 0;
	}
	return i;
}

static u32 cell_before(const struct ovs_ila_index *index, u32 i)
{
	return i ? i - 1 : index->n_cells - 1;
}

void ovs_ila_index_remove(struct ovs_ila_index *index, u32 hash, u32 id)
{
	u32 i = find_cell(index, hash, id);
	u32 next = i + 1 == index->n_cells ? 0 : i + 1;

	index->n--;
	if (index->cells[next]) {
		WRITE_ONCE(index->cells[i], OVS_ILA_CELL_DELETED);
		return;
	}

	/* Nothing is behind it, nor behind what was deleted before it. */
	do {
		WRITE_ONCE(index->cells[i], 0);
		index->n_used--;
		i = cell_before(index, i);
	} while (index->cells[i] == OVS_ILA_CELL_DELETED);
}

void ovs_ila_index_swap(struct ovs_ila_index *index, u32 hash, u32 id, u32 to)
{
	u32 i = find_cell(index, hash, id);

	/* Whoever finds the id sees the object. */
	smp_store_release(&index->cells[i], make_cell(hash, to));
}
