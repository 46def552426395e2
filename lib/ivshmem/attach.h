/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region as a guest has it.
 *
 *   attach.c          mapped, checked, followed, let go
 *   attach_objects.c  found by name
 *   attach_heap.c     the host's whole heap
 */
#ifndef IVSHMEM_ATTACH_H
#define IVSHMEM_ATTACH_H

#include <rte_memzone.h>
#include <rte_tailq.h>

#include "pvn_ivshmem_attach.h"

/* One entry of the table, as it was when it was taken in. */
struct attached_object {
	struct ivshmem_object object; /* type FREE: none */
	struct rte_tailq_entry *entry;
	struct rte_memzone memzone;
	char left_out[128]; /* why; empty: it is not */
};

struct pvn_ivshmem_attached {
	struct pvn_ivshmem_peer *peer;
	struct pvn_ivshmem_guest guest;
	uint8_t *heap; /* where objects that lie in the heap are counted from */
	uint64_t heap_size;
	struct pvn_ivshmem_peer *heap_peer;
	struct attached_object *objects;
	bool layouts; /* DPDK's structs mean the same here */
	uint32_t changes;
	struct pvn_ivshmem_attached *next;
};

/* With the lock held. */
int attached_heap(struct pvn_ivshmem_attached *a, const char *spec);

/* Follows the table; whether anything came or went. */
bool attached_follow(struct pvn_ivshmem_attached *a);
void attached_forget(struct pvn_ivshmem_attached *a);

#endif /* IVSHMEM_ATTACH_H */
