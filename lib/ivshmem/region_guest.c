/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a guest reads of a region: copied once, checked, then used.
 */
#include "region.h"

#include <errno.h>
#include <string.h>

#include "fail.h"
#include "pvn_ivshmem_peer.h"

/* And takes us to be there. 0, -ENOTCONN or -ESTALE. */
static int
host_is_there(const struct pvn_ivshmem_guest *g)
{
	const struct ivshmem_host_page *page = region_host_page(g->mem);

	/* ACQ-PRESENT. Pairs with REL-PRESENT. */
	uint32_t state = pvn_le32_to_cpu(LOAD_ACQUIRE(&page->state));
	uint64_t generation = pvn_le64_to_cpu(LOAD_ACQUIRE(&page->generation));

	if (generation != g->generation)
		return ivs_fail(ESTALE, "the host of region '%s' has begun anew", g->header.name);
	if (state != IVSHMEM_PRESENT)
		return ivs_fail(ENOTCONN, "the host of region '%s' is gone", g->header.name);
	/* ACQ-GONE. Pairs with REL-GONE. */
	if (g->attachment != 0 && pvn_le64_to_cpu(LOAD_ACQUIRE(&page->gone)) == g->attachment)
		return ivs_fail(
			ESTALE,
			"the host of region '%s' has taken this guest for dead: attach anew",
			g->header.name);
	return 0;
}

static void
say_here(struct pvn_ivshmem_guest *g, uint32_t peer)
{
	struct ivshmem_guest_page *page = region_guest_page(g->mem);

	g->attachment = region_new_number(pvn_le64_to_cpu(LOAD_ONCE(&page->attachment)));
	STORE_ONCE(&page->state, pvn_cpu_to_le32(IVSHMEM_ABSENT));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	STORE_ONCE(&page->peer, pvn_cpu_to_le32(peer));
	STORE_ONCE(&page->heartbeat, 0);
	STORE_ONCE(&page->generation, pvn_cpu_to_le64(g->generation));
	STORE_RELEASE(&page->attachment, pvn_cpu_to_le64(g->attachment));
	/* REL-HERE: who we are before that we are. */
	STORE_RELEASE(&page->state, pvn_cpu_to_le32(IVSHMEM_PRESENT));
	/* FENCE-ATTACH: that we are here before the host's generation. Pairs with FENCE-BEGIN: one
	 * of us sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int
pvn_ivshmem_guest_attach(struct pvn_ivshmem_guest *g, void *mem, uint64_t size, bool writable,
			 uint32_t peer)
{
	int ret;

	memset(g, 0, sizeof(*g));
	ret = pvn_ivshmem_header_check(mem, size, &g->header);
	if (ret < 0)
		return ret;
	g->mem = mem;
	g->size = size;
	g->objects_max = pvn_le32_to_cpu(g->header.objects_max);
	g->base = pvn_le64_to_cpu(g->header.base);
	g->data_off = pvn_le64_to_cpu(g->header.data_off);
	g->generation = pvn_le64_to_cpu(g->header.generation);
	g->writable = writable && (pvn_le32_to_cpu(g->header.flags) & IVSHMEM_F_READ_ONLY) == 0;
	ret = host_is_there(g);
	if (ret == 0 && g->writable) {
		say_here(g, peer);
		ret = host_is_there(g);
		if (ret < 0)
			pvn_ivshmem_guest_leave(g);
	}
	return ret < 0 ? ivs_fail(EAGAIN, "%s, or begins just now: try again", pvn_ivshmem_why())
		       : 0;
}

int
pvn_ivshmem_guest_look(const struct pvn_ivshmem_guest *g)
{
	if (g->attachment != 0 &&
	    pvn_le64_to_cpu(LOAD_ACQUIRE(&region_guest_page(g->mem)->attachment)) !=
		    g->attachment) {
		int ret = host_is_there(g);

		/* A host that begins anew clears our page. */
		return ret < 0 ? ret
			       : ivs_fail(EOWNERDEAD,
					  "another guest has attached to region '%s' in our place",
					  g->header.name);
	}
	return host_is_there(g);
}

uint32_t
pvn_ivshmem_guest_changes(const struct pvn_ivshmem_guest *g)
{
	return pvn_le32_to_cpu(LOAD_ACQUIRE(&region_host_page(g->mem)->changes));
}

uint64_t
pvn_ivshmem_guest_host_beat(const struct pvn_ivshmem_guest *g)
{
	return pvn_le64_to_cpu(LOAD_ONCE(&region_host_page(g->mem)->heartbeat));
}

void
pvn_ivshmem_guest_beat(struct pvn_ivshmem_guest *g)
{
	if (g->attachment != 0)
		STORE_ONCE(&region_guest_page(g->mem)->heartbeat, pvn_cpu_to_le64(++g->heartbeat));
}

void
pvn_ivshmem_guest_leave(struct pvn_ivshmem_guest *g)
{
	struct ivshmem_guest_page *page;

	if (g->mem == NULL)
		return;
	page = region_guest_page(g->mem);
	if (g->attachment != 0 && pvn_le64_to_cpu(LOAD_ONCE(&page->attachment)) == g->attachment)
		STORE_RELEASE(&page->state, pvn_cpu_to_le32(IVSHMEM_ABSENT));
	g->mem = NULL;
}

/* ---- objects ---- */

int
pvn_ivshmem_guest_object(const struct pvn_ivshmem_guest *g, uint32_t i, struct ivshmem_object *out)
{
	const struct ivshmem_object *there;
	pvn_le32 type;

	if (i >= g->objects_max)
		return ivs_fail(ENOENT, "there are %u objects", g->objects_max);
	there = &region_objects(g->mem)[i];
	/* ACQ-OBJECT. Pairs with REL-OBJECT. */
	type = LOAD_ACQUIRE(&there->type);
	if (type == IVSHMEM_FREE)
		return -ENOENT;
	out->type = type;
	region_copy(&out->flags, &there->flags,
		    sizeof(*out) - offsetof(struct ivshmem_object, flags));
	if (pvn_le32_to_cpu(out->checksum) != region_object_sum(out))
		return ivs_fail(EPROTO, "object %u changes just now, or its checksum is wrong", i);
	return region_object_check(out, g->data_off, g->size) < 0 ? -EPROTO : 0;
}

int
pvn_ivshmem_guest_find(const struct pvn_ivshmem_guest *g, enum ivshmem_type type, const char *name,
		       struct ivshmem_object *out)
{
	for (uint32_t i = 0; i < g->objects_max; i++)
		if (pvn_ivshmem_guest_object(g, i, out) == 0 &&
		    pvn_le32_to_cpu(out->type) == type && strcmp(out->name, name) == 0)
			return 0;
	return ivs_fail(ENOENT, "region '%s' has no such object '%.40s'", g->header.name, name);
}
