/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the files of the region share.
 *
 *   region.c        names, sizes, checksums, stamps, and the checks of header and objects
 *   region_host.c   what the host writes
 *   region_guest.c  what a guest reads
 */
#ifndef IVSHMEM_REGION_H
#define IVSHMEM_REGION_H

#include "pvn_ivshmem_region.h"

/* One load, one store: the other side may write at any time. */
#define LOAD_ONCE(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define STORE_ONCE(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define STORE_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* What is asked of a region before it is: a name, a size, vectors of each peer. */
int region_cfg_check(const char *name, uint64_t size, uint32_t vectors);

/* Checksums as stored; magic and type are counted as what they will be. */
uint32_t region_header_sum(const struct ivshmem_header *header);
uint32_t region_object_sum(const struct ivshmem_object *object);

/* Copies out of shared memory, each word once; whole words. */
void region_copy(void *to, const void *from, size_t bytes);

/* 0, or what is wrong with an object in a region of `size` bytes whose data begins at `data_off`.
 */
int region_object_check(const struct ivshmem_object *o, uint64_t data_off, uint64_t size);

static inline struct ivshmem_host_page *
region_host_page(uint8_t *mem)
{
	return (struct ivshmem_host_page *)(mem + IVSHMEM_HOST_PAGE);
}

static inline struct ivshmem_guest_page *
region_guest_page(uint8_t *mem)
{
	return (struct ivshmem_guest_page *)(mem + IVSHMEM_GUEST_PAGE);
}

static inline struct ivshmem_object *
region_objects(uint8_t *mem)
{
	return (struct ivshmem_object *)(mem + IVSHMEM_OBJECTS_OFF);
}

/* A number that nobody has had; never 0. */
uint64_t region_new_number(uint64_t not_this);

#endif /* IVSHMEM_REGION_H */
