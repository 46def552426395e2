/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the host exports, where this process's DPDK finds it: entries of our own in the lists of
 * rings and mempools. What these objects say of themselves is looked at once before; from then on
 * pointer mode trusts it.
 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal_memconfig.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#define LEAVE_OUT(to, ...) ((void)snprintf((to)->left_out, sizeof((to)->left_out), __VA_ARGS__))

TAILQ_HEAD(entry_list, rte_tailq_entry);

static struct entry_list *
list_of(const char *name)
{
	struct rte_tailq_head *head = rte_eal_tailq_lookup(name);

	return head != NULL ? RTE_TAILQ_CAST(head, entry_list) : NULL;
}

static const char *
list_name(const struct attached_object *to)
{
	return pvn_le32_to_cpu(to->object.type) == IVSHMEM_RING ? "RTE_RING" : "RTE_MEMPOOL";
}

static bool
enlist(struct attached_object *to, void *object)
{
	struct entry_list *list = list_of(list_name(to));
	struct rte_tailq_entry *entry = list != NULL ? rte_zmalloc(NULL, sizeof(*entry), 0) : NULL;

	if (entry == NULL) {
		LEAVE_OUT(to, "no memory, or no list %s in this process", list_name(to));
		return false;
	}
	entry->data = object;
	rte_mcfg_tailq_write_lock();
	TAILQ_INSERT_TAIL(list, entry, next);
	rte_mcfg_tailq_write_unlock();
	to->entry = entry;
	return true;
}

static void
delist(struct attached_object *to)
{
	struct entry_list *list = list_of(list_name(to));

	rte_mcfg_tailq_write_lock();
	TAILQ_REMOVE(list, to->entry, next);
	rte_mcfg_tailq_write_unlock();
	rte_free(to->entry);
	to->entry = NULL;
}

static void
take_ring(struct attached_object *to, struct rte_ring *r, uint64_t len)
{
	uint32_t size = len >= sizeof(*r) ? r->size : 0;

	if (size == 0 || (size & (size - 1)) != 0 || r->mask != size - 1 || r->capacity > size ||
	    size > (len - sizeof(*r)) / sizeof(void *))
		LEAVE_OUT(to, "it is no ring of pointers of %u slots", size);
	else if (strncmp(r->name, to->object.name, sizeof(r->name)) != 0)
		LEAVE_OUT(to, "the ring has another name");
	else if (rte_ring_lookup(to->object.name) != NULL)
		LEAVE_OUT(to, "this process has a ring of that name");
	else
		enlist(to, r);
}

/* The number means what was registered as such in each process: only names can be compared. */
static bool
same_ops(const struct attached_object *to, int32_t index)
{
	const struct rte_mempool_ops *ops;

	if (index < 0 || index >= RTE_MEMPOOL_MAX_OPS_IDX ||
	    (uint32_t)index >= rte_mempool_ops_table.num_ops)
		return false;
	ops = &rte_mempool_ops_table.ops[index];
	return strncmp(ops->name, to->object.ops, sizeof(ops->name)) == 0;
}

static void
take_mempool(struct attached_object *to, struct rte_mempool *mp, uint64_t len)
{
	int32_t index = len >= sizeof(*mp) ? mp->ops_index : -1;

	if (len < sizeof(*mp) || strncmp(mp->name, to->object.name, sizeof(mp->name)) != 0)
		LEAVE_OUT(to, "it is no mempool, or has another name");
	else if (mp->cache_size != 0)
		LEAVE_OUT(to, "it has a cache for each lcore");
	else if (!same_ops(to, index))
		LEAVE_OUT(to, "its operations %.31s are not number %d here: load the same drivers",
			  to->object.ops, index);
	else if (rte_mempool_lookup(to->object.name) != NULL)
		LEAVE_OUT(to, "this process has a mempool of that name");
	else
		enlist(to, mp);
}

static void
take_memzone(struct attached_object *to, void *addr, uint64_t len)
{
	struct rte_memzone *mz = &to->memzone;

	memcpy(mz->name, to->object.name, sizeof(mz->name));
	mz->iova = RTE_BAD_IOVA;
	mz->addr = addr;
	mz->len = len;
	mz->hugepage_sz = pvn_le64_to_cpu(to->object.aux[0]);
	mz->socket_id = SOCKET_ID_ANY;
	mz->flags = pvn_le64_to_cpu(to->object.aux[1]);
}

static void
take(struct pvn_ivshmem_attached *a, struct attached_object *to, const struct ivshmem_object *o)
{
	uint64_t off = pvn_le64_to_cpu(o->off), len = pvn_le64_to_cpu(o->len);
	bool in_heap = (pvn_le32_to_cpu(o->flags) & IVSHMEM_OBJECT_IN_HEAP) != 0;
	uint32_t type = pvn_le32_to_cpu(o->type);
	uint8_t *at = (in_heap ? a->heap : a->guest.mem) + off;

	memset(to, 0, sizeof(*to));
	to->object = *o;
	if (type != IVSHMEM_MEMZONE && type != IVSHMEM_RING && type != IVSHMEM_MEMPOOL)
		return;
	if (in_heap && (a->heap == NULL || off >= a->heap_size || len > a->heap_size - off))
		LEAVE_OUT(to, "it lies in a heap that is not here");
	else if (type == IVSHMEM_MEMZONE)
		take_memzone(to, at, len);
	else if (!a->guest.writable || !a->layouts || off % RTE_CACHE_LINE_SIZE != 0)
		LEAVE_OUT(to, "the region is read-only, or has no stamp");
	else if (type == IVSHMEM_RING)
		take_ring(to, (struct rte_ring *)at, len);
	else
		take_mempool(to, (struct rte_mempool *)at, len);
}

static void
forget(struct attached_object *to)
{
	if (to->entry != NULL)
		delist(to);
	memset(to, 0, sizeof(*to));
}

bool
attached_follow(struct pvn_ivshmem_attached *a)
{
	bool changed = false;

	for (uint32_t i = 0; i < a->guest.objects_max; i++) {
		struct attached_object *mine = &a->objects[i];
		struct ivshmem_object o;

		if (pvn_ivshmem_guest_object(&a->guest, i, &o) < 0)
			o = (struct ivshmem_object){0};
		if (memcmp(&o, &mine->object, sizeof(o)) == 0)
			continue;
		changed = true;
		forget(mine);
		if (o.type != IVSHMEM_FREE)
			take(a, mine, &o);
	}
	return changed;
}

void
attached_forget(struct pvn_ivshmem_attached *a)
{
	if (a->objects == NULL)
		return;
	for (uint32_t i = 0; i < a->guest.objects_max; i++)
		forget(&a->objects[i]);
}
