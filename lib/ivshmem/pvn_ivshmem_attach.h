/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's side: a region is mapped at the host's address, checked, and what it has is found by
 * name:
 *
 *	pvn_ivshmem_attach("pci:0000:00:04.0", 0, &a);
 *	ring = rte_ring_lookup("rx");
 *	pool = rte_mempool_lookup("buffers");
 *	mz = pvn_ivshmem_memzone_lookup("table");
 *
 * What belongs to the host stays its own: a guest never frees these objects, and never dumps or
 * walks the memory chunks of a mempool (rte_mempool_free, _dump, _mem_iter), whose list is in the
 * host's private memory.
 *
 * Threads: as in pvn_ivshmem.h.
 * Errors: a negative errno, with pvn_ivshmem_why().
 */
#ifndef PVN_IVSHMEM_ATTACH_H
#define PVN_IVSHMEM_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_region.h"

struct pvn_ivshmem_attached;
struct rte_memzone;

/* Only looks: the host does not even see us. */
#define PVN_IVSHMEM_ATTACH_READ_ONLY 1u

/* Attaches to the region that peer `spec` (pvn_ivshmem_peer.h) has. EAL must be initialised.
 * -ENODEV a device that is no region of ours, -EPROTO it is broken or of another build of DPDK,
 * -EEXIST the host's address is taken here, -EAGAIN the host is not there (yet), -EALREADY this
 * process has the region.
 *
 * Rings and mempools are put where rte_ring_lookup() and rte_mempool_lookup() find them. One whose
 * name is there already is left out; so is a mempool whose operations have another number here,
 * which happens when the two programs load different drivers: pvn_ivshmem_attached_left_out() tells
 * how many, and pvn_ivshmem_attached_dump() which and why.
 */
int pvn_ivshmem_attach(const char *spec, unsigned int flags, struct pvn_ivshmem_attached **out);

/* Attaches to the whole heap of the region's host as well (unsafe_whole_heap in pvn_ivshmem.h),
 * which is another file or device: objects in it, until then left out, are found from here on. For
 * a file it must be the host's; of several devices, the one that it is not says -ENODEV.
 * -ENOENT the region shares no heap, -EEXIST the host's addresses are taken here, -EALREADY.
 */
int pvn_ivshmem_attach_unsafe_heap(struct pvn_ivshmem_attached *a, const char *spec);

/* Takes all of it out again and unmaps it: nothing of it may be in use. NULL is fine. */
void pvn_ivshmem_detach(struct pvn_ivshmem_attached *a);

/* To be called a few times a second: counts the heartbeat up, and follows the host's table. 1 if
 * objects came or went, 0, or a negative errno: -ENOTCONN the host has left or is dead, -ESTALE it
 * has begun anew, or has given us up for dead, -EOWNERDEAD another guest has taken our place,
 * -ENODEV the device is gone. Then: stop using it, detach, and attach again if you like. The host
 * waits for that before it begins anew.
 */
int pvn_ivshmem_attached_poll(struct pvn_ivshmem_attached *a);

/* The region's name, and our hold on its memory; theirs until detach. */
const char *pvn_ivshmem_attached_name(const struct pvn_ivshmem_attached *a);
struct pvn_ivshmem_peer *pvn_ivshmem_attached_peer(const struct pvn_ivshmem_attached *a);

/* The region itself, for links and net ports. */
struct pvn_ivshmem_guest *pvn_ivshmem_attached_guest(struct pvn_ivshmem_attached *a);

/* Objects that are exported but not found by the usual calls. */
unsigned int pvn_ivshmem_attached_left_out(const struct pvn_ivshmem_attached *a);
void pvn_ivshmem_attached_dump(FILE *f, const struct pvn_ivshmem_attached *a);

/* A memory zone of any region that is attached; NULL with rte_errno ENOENT. It is not in EAL's own
 * list, so rte_memzone_free() refuses it. Valid until the host removes it or we detach.
 */
const struct rte_memzone *pvn_ivshmem_memzone_lookup(const char *name);

#endif /* PVN_IVSHMEM_ATTACH_H */
