/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region in memory that is mapped already, wherever it came from: what the host writes there, and
 * what a guest makes of it. No EAL is needed. [IVS n] is docs/design/ivshmem.md, section n.
 *
 *	host                                        guest
 *	pvn_ivshmem_host_begin   new generation
 *	pvn_ivshmem_host_held    until false        pvn_ivshmem_guest_look says ESTALE: lets go
 *	pvn_ivshmem_host_present header, PRESENT    pvn_ivshmem_guest_attach
 *	pvn_ivshmem_host_add     objects            pvn_ivshmem_guest_find
 *	pvn_ivshmem_host_leave   ABSENT             pvn_ivshmem_guest_look says ENOTCONN: lets go
 *
 * Threads: a host's and a guest's struct belong to one thread each.
 * Errors: a negative errno, with pvn_ivshmem_why().
 */
#ifndef PVN_IVSHMEM_REGION_H
#define PVN_IVSHMEM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ivshmem.h"

/* Whether a region may be called so: 1..31 letters, digits, '.', '_', '-', the first one a letter
 * or a digit. 0 or -EINVAL.
 */
int pvn_ivshmem_check_name(const char *name);

/* The same of an object, whose name is often DPDK's: 1..31 printable characters, no blank at an
 * end, no '/', not '.' and no "..".
 */
int pvn_ivshmem_check_object_name(const char *name);

/* Whether a region may have this size: a power of two, 1 MiB..1 TiB; QEMU aborts on others, with
 * its guest. 0 or -EINVAL.
 */
int pvn_ivshmem_check_size(uint64_t size);

/* CRC-32C, as everywhere: of "123456789" it is 0xe3069283. */
uint32_t pvn_ivshmem_crc(const void *data, size_t len);

/* 0 if both stamps mean the same layouts; 1 if only the version differs; -EPROTO, with both
 * versions and the first word that differs.
 */
int pvn_ivshmem_stamp_compare(const struct ivshmem_stamp *theirs, const struct ivshmem_stamp *ours);

/* The version of DPDK that made it, as people write it: "22.11.11". Returns `text`. */
#define PVN_IVSHMEM_VERSION_LEN 16
const char *pvn_ivshmem_stamp_version(const struct ivshmem_stamp *stamp,
				      char text[PVN_IVSHMEM_VERSION_LEN]);

/* ---- the host ---- */

/* What a host plans. */
struct pvn_ivshmem_layout {
	const char *name;	    /* see pvn_ivshmem_check_name() */
	uint64_t size;		    /* bytes, see pvn_ivshmem_check_size() */
	uint64_t base;		    /* where both map it; 0: anywhere */
	uint32_t flags;		    /* IVSHMEM_F_* */
	uint32_t objects_max;	    /* 0: IVSHMEM_OBJECTS_DEFAULT */
	uint64_t data_align;	    /* 0: IVSHMEM_PAGE */
	struct ivshmem_stamp stamp; /* zeros: no DPDK object is in it */
};

/* The host's own; what the memory says decides nothing. Nothing in it is for the caller. */
struct pvn_ivshmem_host {
	uint8_t *mem;
	struct ivshmem_header header;
	struct ivshmem_object *objects;
	uint32_t objects_max;
	uint32_t changes;
	uint64_t size;
	uint64_t data_off;
	uint64_t generation;
	uint64_t heartbeat;
	uint64_t attachment; /* of the guest that was there at the last look; 0: none */
	uint64_t gone;	     /* the one before: it never is there again */
};

/* What a guest's page says at this instant. */
struct pvn_ivshmem_guest_seen {
	bool present;	     /* in this generation */
	uint32_t peer;	     /* its number, to ring */
	uint64_t attachment; /* 0 if it is not present */
	uint64_t heartbeat;  /* counts up while it runs */
};

/* Plans the region in `mem`, which is writable, and tells everybody that what was there is over.
 * Nothing else is written yet: a guest may still use the memory.
 */
int pvn_ivshmem_host_begin(struct pvn_ivshmem_host *h, void *mem,
			   const struct pvn_ivshmem_layout *l);

/* Whether a guest of an older host still uses the memory, by its page; its number goes to *peer. A
 * guest that is dead says so too: whoever knows better need not wait.
 */
bool pvn_ivshmem_host_held(const struct pvn_ivshmem_host *h, uint32_t *peer);

/* Writes header and empty table, and lets guests in. What is in the data is the caller's, before.
 */
void pvn_ivshmem_host_present(struct pvn_ivshmem_host *h);

/* Counts our heartbeat up. */
void pvn_ivshmem_host_beat(struct pvn_ivshmem_host *h);

/* An attachment that one look has not found any more is gone for all later ones, whatever the
 * guest's page says then: its guest sees that too, and attaches anew. So nobody who was given up
 * can come back to what has been set back meanwhile.
 */
void pvn_ivshmem_host_look(struct pvn_ivshmem_host *h, struct pvn_ivshmem_guest_seen *seen);

/* The guest that is there is gone, for whoever knows it from elsewhere. */
void pvn_ivshmem_host_gone(struct pvn_ivshmem_host *h);

/* Tells guests that it is over, and forgets the memory. */
void pvn_ivshmem_host_leave(struct pvn_ivshmem_host *h);

/* Publishes an object; type, name, off and len are needed, all but reserved and checksum is taken.
 * The entry's index, or -EEXIST, -ENOSPC, -EINVAL, -ERANGE (not in the data).
 */
int pvn_ivshmem_host_add(struct pvn_ivshmem_host *h, const struct ivshmem_object *o);

/* Its index, or -ENOENT. Objects of different types may have one name. */
int pvn_ivshmem_host_find(const struct pvn_ivshmem_host *h, enum ivshmem_type type,
			  const char *name);
int pvn_ivshmem_host_remove(struct pvn_ivshmem_host *h, enum ivshmem_type type, const char *name);

/* ---- the guest ---- */

/* The guest's own, from attach to leave. Nothing in it is for the caller. */
struct pvn_ivshmem_guest {
	uint8_t *mem;
	bool writable;
	struct ivshmem_header header; /* checked */
	uint32_t objects_max;
	uint64_t size;
	uint64_t base;
	uint64_t data_off;
	uint64_t generation;
	uint64_t attachment; /* 0 if the memory is not writable */
	uint64_t heartbeat;
};

/* Copies the header of `size` bytes at `mem` into `out` and checks every field of it. -ENODEV no
 * region of ours, -EPROTO it is broken or of another version, -ERANGE not of this size.
 */
int pvn_ivshmem_header_check(const void *mem, uint64_t size, struct ivshmem_header *out);

/* Checks all, then says in the guest's page that we are here; `peer` is how we can be rung. A guest
 * that was there before has lost its place. -EAGAIN: the host is not there, or begins anew just
 * now.
 */
int pvn_ivshmem_guest_attach(struct pvn_ivshmem_guest *g, void *mem, uint64_t size, bool writable,
			     uint32_t peer);

/* 0: all is well. -ENOTCONN the host has left or is dead, -ESTALE it has begun anew, or has given
 * us up for dead, -EOWNERDEAD another guest has taken our place. Then nothing of the region may be
 * used any more.
 */
int pvn_ivshmem_guest_look(const struct pvn_ivshmem_guest *g);

/* The host's count of changes to the table, and its heartbeat. */
uint32_t pvn_ivshmem_guest_changes(const struct pvn_ivshmem_guest *g);
uint64_t pvn_ivshmem_guest_host_beat(const struct pvn_ivshmem_guest *g);

/* Counts our heartbeat up. */
void pvn_ivshmem_guest_beat(struct pvn_ivshmem_guest *g);

/* Lets go, unless another guest has our place. */
void pvn_ivshmem_guest_leave(struct pvn_ivshmem_guest *g);

/* Copies entry `i` and checks it. 0, -ENOENT if it is free, -EPROTO if it is broken, or changes
 * just now.
 */
int pvn_ivshmem_guest_object(const struct pvn_ivshmem_guest *g, uint32_t i,
			     struct ivshmem_object *out);

/* The same by type and name; -ENOENT. Broken entries are passed over. */
int pvn_ivshmem_guest_find(const struct pvn_ivshmem_guest *g, enum ivshmem_type type,
			   const char *name, struct ivshmem_object *out);

#endif /* PVN_IVSHMEM_REGION_H */
