/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Sharing DPDK objects with a guest, the host's side: regions by name, and what is found in them by
 * name. [IVS n] is docs/design/ivshmem.md, section n. The guest's side is pvn_ivshmem_attach.h,
 * buffers that cross the border safely are pvn_ivshmem_link.h.
 *
 *	pvn_ivshmem_create("r0", NULL);
 *	ring = rte_ring_create("rx", 1024, pvn_ivshmem_socket("r0"), RING_F_SP_ENQ | RING_F_SC_DEQ);
 *	pvn_ivshmem_add_ring(ring, "r0");
 *	pvn_ivshmem_cmdline_generate(line, sizeof(line), "r0");
 *
 * The guest can write to all of a region, DPDK's own headers in it too: this is for guests of the
 * same team. [IVS 8]
 *
 * Threads: all calls may be made by any thread, and take a lock; none belongs in a data path.
 * Errors: a negative errno, with pvn_ivshmem_why(). A call that fails has changed nothing.
 */
#ifndef PVN_IVSHMEM_H
#define PVN_IVSHMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pvn_ivshmem_peer.h"

struct rte_memzone;
struct rte_mempool;
struct rte_ring;

/* Regions of a process. DPDK has at most 32 heaps, those of its sockets among them: at most about
 * 30 regions of a process can have objects at a time.
 */
#define PVN_IVSHMEM_REGIONS_MAX 256u
#define PVN_IVSHMEM_SIZE_DEFAULT (UINT64_C(64) << 20)

/* Zeros are the defaults. */
struct pvn_ivshmem_conf {
	uint64_t size; /* bytes, a power of two; not needed if `where` is given */
	uint64_t base; /* address on both sides; 0: from 0x200000000000 on, the next that is free */
	uint64_t page_size;   /* of memory of its own; 0: usual pages, 2 MiB or 1 GiB: hugetlb */
	uint32_t objects_max; /* 0: 1024 */
	uint32_t wait_ms;     /* for a guest of the host before to let go; 0: 2000 */
	bool read_only;	      /* the guest cannot write: memory zones only */
	/* Objects of this process's own heap can be exported, too, for which the guest gets all of
	 * that heap, or as much of it as a power of two of bytes has: whatever else is in it, the
	 * guest can read and overwrite. EAL must have been started with --base-virtaddr, an address
	 * that is free in the guest, and with --single-file-segments or --no-huge, and its memory
	 * should be a power of two (-m). Links are for pools in the region all the same.
	 */
	bool unsafe_whole_heap;
	const char *where; /* a peer (pvn_ivshmem_peer.h), for a keeper "socket:PATH.host"; NULL:
			    * memory    of its own, which ends with us
			    */
};

/* Makes a region, or begins anew in one whose host has died. Its name is one that
 * pvn_ivshmem_check_name() accepts; `conf` may be NULL. -EEXIST this process has one of this name,
 * or another one that lives has, or is the host at `where`; -EBUSY a guest has not let go yet: try
 * again.
 */
int pvn_ivshmem_create(const char *name, const struct pvn_ivshmem_conf *conf);

/* Lets the guest know, and gives everything back. -EBUSY while objects are exported, links exist or
 * something is allocated from its heap.
 */
int pvn_ivshmem_destroy(const char *name);

/* The socket number for rte_ring_create() and all others, so that they allocate in the region. The
 * first call makes the heap, for which DPDK zeroes all of it. A negative errno.
 */
int pvn_ivshmem_socket(const char *name);

/* Exports an object under its own name. It must lie in the region, all of it: create it with
 * pvn_ivshmem_socket(). -ERANGE it does not, -EEXIST, -ENOSPC, -ENOENT no such region.
 *
 * A mempool with a cache for each lcore is refused, -ENOTSUP: lcores of the host and the guest
 * would use the same one. A ring that several threads may put into or take from is accepted, but a
 * guest that dies in that moment leaves it unusable for all: across the border use links, or
 * RING_F_SP_ENQ | RING_F_SC_DEQ.
 *
 * While it is exported an object must not be freed. rte_ring_free() then refuses by itself; DPDK
 * has no way to make rte_memzone_free() and rte_mempool_free() do so: use the calls below.
 */
int pvn_ivshmem_add_memzone(const struct rte_memzone *mz, const char *name);
int pvn_ivshmem_add_ring(struct rte_ring *r, const char *name);
int pvn_ivshmem_add_mempool(struct rte_mempool *mp, const char *name);

/* Takes it out of the table; a guest may still use it until it looks, so agree with it before.
 * -ESTALE: taken out, but it had been freed while it was exported, and its memory may be somebody
 * else's.
 */
int pvn_ivshmem_remove_memzone(const struct rte_memzone *mz, const char *name);
int pvn_ivshmem_remove_ring(struct rte_ring *r, const char *name);
int pvn_ivshmem_remove_mempool(struct rte_mempool *mp, const char *name);

/* rte_*_free(), but -EBUSY while it is exported. */
int pvn_ivshmem_memzone_free(const struct rte_memzone *mz);
int pvn_ivshmem_ring_free(struct rte_ring *r);
int pvn_ivshmem_mempool_free(struct rte_mempool *mp);

/* QEMU's arguments that show the region to a guest, on one line. -ENOSPC, and nothing written, if
 * they do not fit into `size` bytes with the NUL.
 */
int pvn_ivshmem_cmdline_generate(char *buffer, unsigned int size, const char *name);

/* What a region has, for people. Nothing happens for an unknown name. */
void pvn_ivshmem_dump(FILE *f, const char *name);

/* How a region is. */
struct pvn_ivshmem_info {
	uint64_t size;	     /* bytes */
	uint64_t base;	     /* address on both sides */
	uint64_t generation; /* new whenever a host begins */
	uint64_t attachment; /* of the guest that is there; 0: none */
	uint32_t peer;	     /* its number; 0: cannot be rung */
	uint32_t objects;    /* exported */
	uint64_t lent;	     /* buffers that are lent on its links */
	uint64_t silent_ms;  /* since the guest's heartbeat counted up; 0 without a guest */
};

/* How it is now. -ENOENT no such region. */
int pvn_ivshmem_info(const char *name, struct pvn_ivshmem_info *info);

/* To be called a few times a second, and when pvn_ivshmem_peer_event_fd() is readable: counts the
 * heartbeat up, and sees who comes and goes. 1 if a guest came or went, 0, or a negative errno:
 * -ENODEV the keeper is gone.
 */
int pvn_ivshmem_poll(const char *name);

/* Tells that the guest is dead, for whoever knows it from elsewhere. One that lives all the same
 * sees it at its next poll, and must attach anew; what it does until then nobody can prevent.
 */
int pvn_ivshmem_gone(const char *name);

/* The region's hold on its memory, for doorbells; its thread is the one that polls. NULL. */
struct pvn_ivshmem_peer *pvn_ivshmem_peer_of(const char *name);

#endif /* PVN_IVSHMEM_H */
