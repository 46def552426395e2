/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the host writes into a region. It reads the guest's page only, and that once.
 */
#include "region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

static int
plan(struct pvn_ivshmem_host *h, const struct pvn_ivshmem_layout *l)
{
	uint64_t align = l->data_align != 0 ? l->data_align : IVSHMEM_PAGE;
	uint64_t table;

	if (pvn_ivshmem_check_name(l->name) < 0 || pvn_ivshmem_check_size(l->size) < 0)
		return -EINVAL;
	h->objects_max = l->objects_max != 0 ? l->objects_max : IVSHMEM_OBJECTS_DEFAULT;
	if (h->objects_max > IVSHMEM_OBJECTS_MAX)
		return ivs_fail(EINVAL, "a table of %u objects: expected at most %u",
				h->objects_max, IVSHMEM_OBJECTS_MAX);
	if (l->base % IVSHMEM_PAGE != 0 || l->base > UINT64_MAX - l->size)
		return ivs_fail(EINVAL, "the base 0x%" PRIx64 ": expected a multiple of %u",
				l->base, IVSHMEM_PAGE);
	if (align % IVSHMEM_PAGE != 0 || (align & (align - 1)) != 0)
		return ivs_fail(EINVAL,
				"data aligned to %" PRIu64 ": expected a power of two from %u",
				align, IVSHMEM_PAGE);
	table = IVSHMEM_OBJECTS_OFF + (uint64_t)h->objects_max * sizeof(struct ivshmem_object);
	h->data_off = (table + align - 1) & ~(align - 1);
	h->size = l->size;
	if (h->data_off >= l->size)
		return ivs_fail(EINVAL,
				"a region of %" PRIu64 " bytes has no room for data behind a table"
				" of %u objects: take a larger one, or fewer objects",
				l->size, h->objects_max);
	return 0;
}

static void
fill_header(struct pvn_ivshmem_host *h, const struct pvn_ivshmem_layout *l)
{
	struct ivshmem_header *to = &h->header;

	memset(to, 0, sizeof(*to));
	to->magic = pvn_cpu_to_le64(IVSHMEM_MAGIC);
	to->version = pvn_cpu_to_le32(IVSHMEM_VERSION);
	to->flags = pvn_cpu_to_le32(l->flags);
	to->size = pvn_cpu_to_le64(l->size);
	to->base = pvn_cpu_to_le64(l->base);
	to->generation = pvn_cpu_to_le64(h->generation);
	memcpy(to->name, l->name, strlen(l->name));
	to->objects_max = pvn_cpu_to_le32(h->objects_max);
	to->data_off = pvn_cpu_to_le64(h->data_off);
	to->stamp = l->stamp;
	to->checksum = pvn_cpu_to_le32(region_header_sum(to));
}

int
pvn_ivshmem_host_begin(struct pvn_ivshmem_host *h, void *mem, const struct pvn_ivshmem_layout *l)
{
	struct ivshmem_host_page *page = region_host_page(mem);
	int ret;

	memset(h, 0, sizeof(*h));
	ret = plan(h, l);
	if (ret < 0)
		return ret;
	h->objects = calloc(h->objects_max, sizeof(*h->objects));
	if (h->objects == NULL)
		return ivs_fail(ENOMEM, "no memory for %u objects", h->objects_max);
	h->mem = mem;
	h->generation = region_new_number(pvn_le64_to_cpu(LOAD_ONCE(&page->generation)));
	fill_header(h, l);
	STORE_ONCE(&page->generation, pvn_cpu_to_le64(h->generation));
	STORE_RELEASE(&page->state, pvn_cpu_to_le32(IVSHMEM_ABSENT));
	/* FENCE-BEGIN: our new generation before the guest's page. Pairs with FENCE-ATTACH. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

bool
pvn_ivshmem_host_held(const struct pvn_ivshmem_host *h, uint32_t *peer)
{
	struct ivshmem_guest_page *page = region_guest_page(h->mem);
	uint32_t state = pvn_le32_to_cpu(LOAD_ACQUIRE(&page->state));

	*peer = pvn_le32_to_cpu(LOAD_ONCE(&page->peer));
	return state == IVSHMEM_PRESENT &&
	       pvn_le64_to_cpu(LOAD_ONCE(&page->generation)) != h->generation;
}

void
pvn_ivshmem_host_present(struct pvn_ivshmem_host *h)
{
	struct ivshmem_host_page *page = region_host_page(h->mem);
	struct ivshmem_header *there = (struct ivshmem_header *)h->mem;
	struct ivshmem_header copy = h->header;

	STORE_ONCE(&there->magic, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	copy.magic = 0;
	memcpy(there, &copy, sizeof(copy));
	memset(region_objects(h->mem), 0, h->objects_max * sizeof(struct ivshmem_object));
	memset(region_guest_page(h->mem), 0, IVSHMEM_PAGE);
	STORE_ONCE(&page->peer, pvn_cpu_to_le32(IVSHMEM_PEER_HOST));
	STORE_ONCE(&page->heartbeat, 0);
	STORE_ONCE(&page->changes, 0);
	STORE_ONCE(&page->gone, 0);
	/* REL-MAGIC: the header before its magic. */
	STORE_RELEASE(&there->magic, h->header.magic);
	/* REL-PRESENT: everything before it. Pairs with ACQ-PRESENT in the guest. */
	STORE_RELEASE(&page->state, pvn_cpu_to_le32(IVSHMEM_PRESENT));
}

void
pvn_ivshmem_host_beat(struct pvn_ivshmem_host *h)
{
	STORE_ONCE(&region_host_page(h->mem)->heartbeat, pvn_cpu_to_le64(++h->heartbeat));
}

static void
read_page(const struct pvn_ivshmem_host *h, struct pvn_ivshmem_guest_seen *seen)
{
	struct ivshmem_guest_page *page = region_guest_page(h->mem);
	uint32_t state = pvn_le32_to_cpu(LOAD_ACQUIRE(&page->state)); /* pairs with REL-HERE */
	uint64_t attachment = pvn_le64_to_cpu(LOAD_ACQUIRE(&page->attachment));

	seen->peer = pvn_le32_to_cpu(LOAD_ONCE(&page->peer));
	seen->heartbeat = pvn_le64_to_cpu(LOAD_ONCE(&page->heartbeat));
	seen->present = state == IVSHMEM_PRESENT && attachment != 0 &&
			pvn_le64_to_cpu(LOAD_ACQUIRE(&page->generation)) == h->generation;
	/* Another guest attaches just now: the one before is gone, and the new one is not there
	 * yet. */
	if (pvn_le64_to_cpu(LOAD_ACQUIRE(&page->attachment)) != attachment ||
	    pvn_le32_to_cpu(LOAD_ACQUIRE(&page->state)) != IVSHMEM_PRESENT)
		seen->present = false;
	seen->attachment = seen->present ? attachment : 0;
}

void
pvn_ivshmem_host_gone(struct pvn_ivshmem_host *h)
{
	if (h->attachment == 0)
		return;
	h->gone = h->attachment;
	h->attachment = 0;
	/* REL-GONE. Pairs with ACQ-GONE in the guest. */
	STORE_RELEASE(&region_host_page(h->mem)->gone, pvn_cpu_to_le64(h->gone));
}

/* The page can say again that the guest is there: two that attach at once write to it in turns, and
 * one of them may die in that. One note is enough: a guest stores its attachment once, so the page
 * does not have an older one again.
 */
void
pvn_ivshmem_host_look(struct pvn_ivshmem_host *h, struct pvn_ivshmem_guest_seen *seen)
{
	read_page(h, seen);
	if (seen->attachment != h->attachment)
		pvn_ivshmem_host_gone(h);
	if (seen->present && seen->attachment == h->gone) {
		seen->present = false;
		seen->attachment = 0;
	}
	h->attachment = seen->attachment;
}

void
pvn_ivshmem_host_leave(struct pvn_ivshmem_host *h)
{
	if (h->mem != NULL)
		STORE_RELEASE(&region_host_page(h->mem)->state, pvn_cpu_to_le32(IVSHMEM_ABSENT));
	free(h->objects);
	memset(h, 0, sizeof(*h));
}

/* ---- objects ---- */

static void
changed(struct pvn_ivshmem_host *h)
{
	STORE_RELEASE(&region_host_page(h->mem)->changes, pvn_cpu_to_le32(++h->changes));
}

int
pvn_ivshmem_host_find(const struct pvn_ivshmem_host *h, enum ivshmem_type type, const char *name)
{
	if (name == NULL)
		return ivs_fail(EINVAL, "an object's name is needed");
	for (uint32_t i = 0; i < h->objects_max; i++) {
		const struct ivshmem_object *o = &h->objects[i];

		if (pvn_le32_to_cpu(o->type) == type &&
		    strncmp(o->name, name, sizeof(o->name)) == 0)
			return i;
	}
	return ivs_fail(ENOENT, "region '%s' has no such object '%.40s'", h->header.name, name);
}

static int
free_entry(const struct pvn_ivshmem_host *h)
{
	for (uint32_t i = 0; i < h->objects_max; i++)
		if (h->objects[i].type == IVSHMEM_FREE)
			return i;
	return ivs_fail(ENOSPC,
			"region '%s' has %u objects, which is all that fit: create it with more",
			h->header.name, h->objects_max);
}

int
pvn_ivshmem_host_add(struct pvn_ivshmem_host *h, const struct ivshmem_object *o)
{
	struct ivshmem_object mine = *o, *there;
	int i, ret = region_object_check(o, h->data_off, h->size);

	if (ret < 0)
		return ret == -EPROTO ? -EINVAL : ret;
	if (pvn_ivshmem_host_find(h, pvn_le32_to_cpu(o->type), o->name) >= 0)
		return ivs_fail(EEXIST, "region '%s' has an object '%s' of this type already",
				h->header.name, o->name);
	i = free_entry(h);
	if (i < 0)
		return i;
	mine.reserved = 0;
	mine.checksum = pvn_cpu_to_le32(region_object_sum(&mine));
	h->objects[i] = mine;
	there = &region_objects(h->mem)[i];
	mine.type = IVSHMEM_FREE;
	STORE_ONCE(&there->type, IVSHMEM_FREE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*there = mine;
	/* REL-OBJECT: the entry before its type. Pairs with ACQ-OBJECT. */
	STORE_RELEASE(&there->type, o->type);
	changed(h);
	return i;
}

int
pvn_ivshmem_host_remove(struct pvn_ivshmem_host *h, enum ivshmem_type type, const char *name)
{
	int i = pvn_ivshmem_host_find(h, type, name);

	if (i < 0)
		return i;
	h->objects[i].type = IVSHMEM_FREE;
	STORE_RELEASE(&region_objects(h->mem)[i].type, IVSHMEM_FREE);
	changed(h);
	return 0;
}
