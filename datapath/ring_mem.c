// SPDX-License-Identifier: GPL-2.0-only

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <openvswitch/ring-kernel.h>

#include "ring_mem.h"

static void free_pages_of(struct ovs_ring_mem *mem, unsigned long n)
{
	while (n)
		__free_page(mem->pages[--n]);
	kvfree(mem->pages);
}

int ovs_ring_mem_alloc(struct ovs_ring_mem *mem, u64 producer_size,
		       u64 consumer_size)
{
	unsigned long i, n;
	int err;

	mem->n_producer = DIV_ROUND_UP(producer_size, PAGE_SIZE);
	mem->n_consumer = DIV_ROUND_UP(consumer_size, PAGE_SIZE);
	n = mem->n_producer + mem->n_consumer;

	err = account_locked_vm(current->mm, n, true);
	if (err)
		return err;
	mem->pages = kvcalloc(n, sizeof(*mem->pages), GFP_KERNEL_ACCOUNT);
	if (!mem->pages)
		goto error;
	for (i = 0; i < n; i++) {
		mem->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					   __GFP_NOWARN);
		if (!mem->pages[i] || fatal_signal_pending(current)) {
			i += !!mem->pages[i];
			goto error_pages;
		}
		cond_resched();
	}
	mem->producer = vmap(mem->pages, n, VM_MAP, PAGE_KERNEL);
	if (!mem->producer)
		goto error_pages;

	mem->consumer = mem->producer + mem->n_producer * PAGE_SIZE;
	mem->mm = current->mm;
	mmgrab(mem->mm);
	return 0;

error_pages:
	free_pages_of(mem, i);
error:
	account_locked_vm(current->mm, n, false);
	memset(mem, 0, sizeof(*mem));
	return -ENOMEM;
}

void ovs_ring_mem_free(struct ovs_ring_mem *mem)
{
	unsigned long n = mem->n_producer + mem->n_consumer;

	if (!mem->producer)
		return;
	vunmap(mem->producer);
	free_pages_of(mem, n);
	account_locked_vm(mem->mm, n, false);
	mmdrop(mem->mm);
	memset(mem, 0, sizeof(*mem));
}

int ovs_ring_mem_map(const struct ovs_ring_mem *mem,
		     struct vm_area_struct *vma)
{
	bool writable = vma->vm_pgoff == OVS_RING_MMAP_CONSUMER >> PAGE_SHIFT;
	unsigned long n = writable ? mem->n_consumer : mem->n_producer;

	if (!writable && vma->vm_pgoff != OVS_RING_MMAP_PRODUCER >> PAGE_SHIFT)
		return -EINVAL;
	if (vma_pages(vma) != n || !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;

	/* What may not be now must not become so by mprotect(), nor by writes
	 * of a debugger.
	 */
	vma->vm_flags &= ~VM_MAYEXEC;
	if (!writable) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vma->vm_flags &= ~VM_MAYWRITE;
	}
	vma->vm_flags |= VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	return vm_map_pages_zero(vma, mem->pages +
				 (writable ? mem->n_producer : 0), n);
}
