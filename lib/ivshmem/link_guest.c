/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's end of a link. Its own indices are in private memory and begin at 0, as the host has
 * set the link back for this attachment before it says so.
 */
#include <errno.h>

#include "fail.h"
#include "pvn_ivshmem_link.h"
#include "region.h"

int
pvn_ivshmem_guest_link_open(struct pvn_ivshmem_guest_link *l, const struct pvn_ivshmem_guest *g,
			    const char *name)
{
	struct ivshmem_link *shared;
	struct ivshmem_object o;
	uint64_t need;
	uint32_t n;
	int ret;

	if (g->attachment == 0)
		return ivs_fail(EROFS, "region '%s' is only read here: a link needs more",
				g->header.name);
	ret = pvn_ivshmem_guest_find(g, IVSHMEM_LINK, name, &o);
	if (ret < 0)
		return ret;
	shared = (struct ivshmem_link *)(g->mem + pvn_le64_to_cpu(o.off));
	need = pvn_le64_to_cpu(o.len);
	if (need < sizeof(*shared) || pvn_le64_to_cpu(o.off) % IVSHMEM_LINK_LINE != 0)
		return ivs_fail(EPROTO, "link '%s' is no link", name);
	n = pvn_le32_to_cpu(LOAD_ONCE(&shared->entries));
	if (n == 0 || n > IVSHMEM_LINK_ENTRIES_MAX || (n & (n - 1)) != 0 ||
	    need < sizeof(*shared) + 2 * n * sizeof(pvn_le32))
		return ivs_fail(EPROTO, "link '%s' with %u entries in %ju bytes", name, n,
				(uintmax_t)need);
	*l = (struct pvn_ivshmem_guest_link){
		.mem = g->mem,
		.shared = shared,
		.lent = (pvn_le32 *)(shared + 1),
		.given = (pvn_le32 *)(shared + 1) + n,
		.mask = n - 1,
		.lines = g->size / IVSHMEM_LINK_LINE,
		.attachment = g->attachment,
	};
	return 0;
}

static inline bool
is_ours(const struct pvn_ivshmem_guest_link *l)
{
	/* ACQ-TURN. Pairs with REL-TURN in the host. */
	return pvn_le64_to_cpu(LOAD_ACQUIRE(&l->shared->attachment)) == l->attachment;
}

uint32_t
pvn_ivshmem_guest_link_take(struct pvn_ivshmem_guest_link *l, void **elements, uint32_t n)
{
	uint32_t ready = l->known_tail - l->head, taken = 0;
	uint32_t head = l->head, mask = l->mask, lines = l->lines;
	const pvn_le32 *slots = l->lent;
	uint8_t *mem = l->mem;

	if (ready < n) {
		if (!is_ours(l))
			return 0;
		/* ACQ-LENT. Pairs with REL-LENT. */
		l->known_tail = pvn_le32_to_cpu(LOAD_ACQUIRE(&l->shared->lent_tail));
		ready = l->known_tail - l->head;
		if (ready > l->mask + 1) {
			l->known_tail = l->head;
			return 0;
		}
	}
	n = n < ready ? n : ready;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t line = pvn_le32_to_cpu(LOAD_ONCE(&slots[(head + i) & mask]));

		if (line < lines)
			elements[taken++] = mem + (uint64_t)line * IVSHMEM_LINK_LINE;
	}
	l->head += n;
	/* REL-TAKEN: the slots are read. Pairs with ACQ-TAKEN. */
	if (n > 0)
		STORE_RELEASE(&l->shared->taken_head, pvn_cpu_to_le32(l->head));
	return taken;
}

uint32_t
pvn_ivshmem_guest_link_give(struct pvn_ivshmem_guest_link *l, void *const *elements, uint32_t n)
{
	uint32_t room = l->mask + 1 - (l->tail - l->known_head);
	uint32_t tail = l->tail, mask = l->mask;
	uintptr_t mem = (uintptr_t)l->mem;
	pvn_le32 *slots = l->given;

	if (!is_ours(l))
		return 0;
	if (room < n) {
		/* ACQ-RETURNED. Pairs with REL-RETURNED. */
		l->known_head = pvn_le32_to_cpu(LOAD_ACQUIRE(&l->shared->returned_head));
		room = l->mask + 1 - (l->tail - l->known_head);
		if (room > l->mask + 1) {
			l->known_head = l->tail - (l->mask + 1);
			return 0;
		}
	}
	n = n < room ? n : room;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t off = (uintptr_t)elements[i] - mem;

		slots[(tail + i) & mask] = pvn_cpu_to_le32(off / IVSHMEM_LINK_LINE);
	}
	l->tail += n;
	/* REL-GIVEN: the slots, and all that was done to the buffers. Pairs with ACQ-GIVEN. */
	if (n > 0)
		STORE_RELEASE(&l->shared->given_tail, pvn_cpu_to_le32(l->tail));
	return n;
}
