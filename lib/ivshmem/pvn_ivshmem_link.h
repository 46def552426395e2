/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A link: buffers of a pool that the host lends to a guest, and gets back. The host's end knows, in
 * its own memory, what is lent; what the guest has not given back when it is gone, or has attached
 * anew, comes back by itself. Nothing here waits or spins, whatever the other end does. [IVS 6]
 *
 * Buffers are elements of one mempool in the region, mbufs or others: direct mbufs, one segment
 * each, with one owner. Between lend and take they belong to the guest, in all their words. The
 * pool needs no export.
 *
 * Threads: an end of a link belongs to one thread at a time, in create and destroy too. Bursts:
 * counts only, no errors.
 */
#ifndef PVN_IVSHMEM_LINK_H
#define PVN_IVSHMEM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "ivshmem.h"

struct rte_mempool;

/* ---- the host's end ---- */

struct pvn_ivshmem_link;

/* Counters since it was made. */
struct pvn_ivshmem_link_stats {
	uint64_t lent;	    /* to guests */
	uint64_t taken;	    /* came back from the guest */
	uint64_t reclaimed; /* came back because the guest was gone */
	uint64_t turns;	    /* guests that came or went */
	uint64_t refused;   /* not lent: no element of the pool, or lent already */
	uint64_t foreign;   /* the guest gave what was not lent to it: ignored */
	uint64_t bad_index; /* the guest's counters cannot be: nothing is taken until it attaches
			       anew */
};

/* Makes it in region `region` with room for `entries`, a power of two, each way, and exports it
 * under `name`. `mbufs`: elements are mbufs, and are initialised when they are reclaimed. The pool
 * stays the caller's, and must outlive the link. 0 or a negative errno, with pvn_ivshmem_why().
 */
int pvn_ivshmem_link_create(const char *region, const char *name, struct rte_mempool *pool,
			    uint32_t entries, bool mbufs, struct pvn_ivshmem_link **out);

/* -EBUSY while the guest that is there has buffers of it. */
int pvn_ivshmem_link_destroy(struct pvn_ivshmem_link *l);

/* Lends the first of `n` elements; how many: the others are still the caller's. 0 without a guest.
 */
uint32_t pvn_ivshmem_link_lend(struct pvn_ivshmem_link *l, void *const *elements, uint32_t n);

/* Takes up to `n` that came back. */
uint32_t pvn_ivshmem_link_take(struct pvn_ivshmem_link *l, void **elements, uint32_t n);

/* Lending and taking do this too: when the guest is gone, gives all that it had to the pool. How
 * many. */
uint32_t pvn_ivshmem_link_reclaim(struct pvn_ivshmem_link *l);

/* How many are lent now. */
uint32_t pvn_ivshmem_link_out(const struct pvn_ivshmem_link *l);

/* The counters; the thread's that the link belongs to. */
void pvn_ivshmem_link_stats(const struct pvn_ivshmem_link *l, struct pvn_ivshmem_link_stats *stats);

/* ---- the guest's end; no EAL is needed ---- */

/* The guest's end. Its memory is the caller's; nothing in it is for the caller. */
struct pvn_ivshmem_guest_link {
	uint8_t *mem;
	struct ivshmem_link *shared;
	pvn_le32 *lent, *given; /* slots */
	uint32_t mask;
	uint32_t lines; /* of the region */
	uint64_t attachment;
	uint32_t head, tail;		 /* of lent, of given: ours */
	uint32_t known_tail, known_head; /* the host's, as seen last */
};

struct pvn_ivshmem_guest;

/* Finds the link. Once for each attachment. 0 or a negative errno, with pvn_ivshmem_why(). */
int pvn_ivshmem_guest_link_open(struct pvn_ivshmem_guest_link *l, const struct pvn_ivshmem_guest *g,
				const char *name);

/* Takes up to `n` elements that were lent; 0 also when the host has not noticed us yet. */
uint32_t pvn_ivshmem_guest_link_take(struct pvn_ivshmem_guest_link *l, void **elements, uint32_t n);

/* Gives back the first of `n`; how many: there is room again when the host has taken some. */
uint32_t pvn_ivshmem_guest_link_give(struct pvn_ivshmem_guest_link *l, void *const *elements,
				     uint32_t n);

#endif /* PVN_IVSHMEM_LINK_H */
