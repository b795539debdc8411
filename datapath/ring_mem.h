/* SPDX-License-Identifier: GPL-2.0-only */

#ifndef OVS_RING_MEM_H
#define OVS_RING_MEM_H 1

/* The memory of a ring: pages that the kernel has mapped once, and that a
 * process may map once more, the producer region to read, the consumer region
 * to write.  They are charged to the memory cgroup and the RLIMIT_MEMLOCK of
 * who allocates them.
 */

#include <linux/mm_types.h>

struct ovs_ring_mem {
	struct mm_struct *mm;		/* Who is charged. */
	struct page **pages;
	unsigned long n_producer;	/* Pages. */
	unsigned long n_consumer;	/* Behind the others. */
	void *producer;			/* Where the kernel has them. */
	void *consumer;
};

/* Allocates zeroed memory for regions of so many bytes.  Returns 0 or -ENOMEM.
 * May sleep.
 */
int ovs_ring_mem_alloc(struct ovs_ring_mem *mem, u64 producer_size,
		       u64 consumer_size);

/* Frees 'mem', which may be all zero.  Nobody has it mapped any more.  May
 * sleep.
 */
void ovs_ring_mem_free(struct ovs_ring_mem *mem);

/* Maps the region that 'vma' has the offset and exactly the size of.  Returns
 * 0 or a negative errno value.
 */
int ovs_ring_mem_map(const struct ovs_ring_mem *mem,
		     struct vm_area_struct *vma);

#endif /* ring_mem.h */
