/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The heap of the host's EAL, found by its mark and mapped where the host has it. [IVS 9]
 */
#include "attach.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fail.h"
#include "peer.h"
#include "region.h"

/* What the region says of the heap, checked. */
struct heap {
	uint64_t base, bytes, mark_off, mark;
};

static int
find_heap(const struct pvn_ivshmem_attached *a, struct heap *h)
{
	struct ivshmem_object o;
	int ret = pvn_ivshmem_guest_find(&a->guest, IVSHMEM_HEAP, IVSHMEM_HEAP_NAME, &o);

	if (ret < 0)
		return ivs_fail(-ret, "region '%s' shares no whole heap", a->guest.header.name);
	*h = (struct heap){pvn_le64_to_cpu(o.aux[0]), pvn_le64_to_cpu(o.aux[1]),
			   pvn_le64_to_cpu(o.aux[2]), pvn_le64_to_cpu(o.aux[3])};
	if (pvn_ivshmem_check_size(h->bytes) < 0 || h->base == 0 || h->base % IVSHMEM_PAGE != 0 ||
	    h->base > UINT64_MAX - h->bytes || h->mark_off % sizeof(h->mark) != 0 ||
	    h->mark_off > h->bytes - sizeof(h->mark) || h->mark == 0)
		return ivs_fail(EPROTO,
				"a heap of %" PRIu64 " bytes at 0x%" PRIx64
				" with a mark at 0x%" PRIx64 " cannot be",
				h->bytes, h->base, h->mark_off);
	if (!a->layouts)
		return ivs_fail(EPROTO, "region '%s' has no stamp, and so no heap",
				a->guest.header.name);
	return 0;
}

static int
check_mark(const struct heap *h, const uint8_t *mem, const char *spec)
{
	const pvn_le64 *mark = (const pvn_le64 *)(mem + h->mark_off);

	return pvn_le64_to_cpu(LOAD_ONCE(mark)) == h->mark
		       ? 0
		       : ivs_fail(ENODEV, "%s is not the heap of this region's host", spec);
}

/* A file may be longer than what is shared of it. */
static int
take_prefix(struct pvn_ivshmem_peer *p, const struct heap *h, const char *spec)
{
	if (p->size < h->bytes)
		return ivs_fail(ENODEV,
				"%s has %" PRIu64 " bytes: the heap of this region's host has"
				" %" PRIu64,
				spec, p->size, h->bytes);
	p->size = h->bytes;
	return 0;
}

static int
map_heap(struct pvn_ivshmem_peer *p, const struct heap *h, bool writable, const char *spec)
{
	const uint8_t *mem;
	int ret = take_prefix(p, h, spec);

	if (ret < 0)
		return ret;
	mem = pvn_ivshmem_peer_map(p, 0, false);
	if (mem == NULL)
		return -errno;
	ret = check_mark(h, mem, spec);
	pvn_ivshmem_peer_unmap(p);
	if (ret < 0)
		return ret;
	if (pvn_ivshmem_peer_map(p, h->base, writable) != NULL)
		return 0;
	return errno != EEXIST
		       ? -errno
		       : ivs_fail(EEXIST,
				  "this process uses addresses from 0x%" PRIx64 ", %" PRIu64
				  " bytes, where the host's heap is: start the host with another"
				  " --base-virtaddr",
				  h->base, h->bytes);
}

int
attached_heap(struct pvn_ivshmem_attached *a, const char *spec)
{
	struct pvn_ivshmem_peer *p;
	struct heap h = {0};
	int ret;

	if (a->heap != NULL)
		return ivs_fail(EALREADY, "the heap of region '%s' is here already",
				a->guest.header.name);
	ret = find_heap(a, &h);
	if (ret < 0)
		return ret;
	ret = pvn_ivshmem_peer_open(spec, &p);
	if (ret < 0)
		return ret;
	ret = map_heap(p, &h, a->guest.writable, spec);
	if (ret < 0) {
		pvn_ivshmem_peer_close(p);
		errno = -ret;
		return ret;
	}
	a->heap_peer = p;
	a->heap = (uint8_t *)(uintptr_t)h.base;
	a->heap_size = h.bytes;
	attached_forget(a); /* what was left out for want of it */
	attached_follow(a);
	return 0;
}
