/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The regions that this process is the host of. Everything here is called with the lock held.
 *
 *   share.c           by name: made, found, ended
 *   share_heap.c      memory, and DPDK's heap in it
 *   share_objects.c   what is exported
 *   share_show.c      for people, and for QEMU
 *   share_telemetry.c for DPDK's telemetry
 *   share_whole.c     the whole heap of EAL
 *   link_host.c       links
 */
#ifndef IVSHMEM_SHARE_H
#define IVSHMEM_SHARE_H

#include <pthread.h>

#include "fail.h"
#include "pvn_ivshmem.h"
#include "pvn_ivshmem_link.h"
#include "region.h"

/* An object that is exported, as we know it. */
struct share_object {
	const void *object;  /* NULL: none */
	const void *memzone; /* a ring's, taken out of it meanwhile */
	const void *addr;
};

struct share {
	char name[IVSHMEM_NAME_MAX];
	char where[128]; /* as given; empty: memory of its own */
	struct pvn_ivshmem_host host;
	struct pvn_ivshmem_peer *peer;
	uint8_t *mem;
	uint64_t size, base;
	bool read_only;
	int lock_fd;
	int socket;		      /* < 0: no heap yet */
	struct share_object *objects; /* by index in the table */
	uint32_t object_count;
	struct pvn_ivshmem_link *links;

	/* The whole heap of EAL, as far as it is shared. */
	int whole_fd; /* < 0: it is not */
	uint64_t whole_base, whole_bytes;
	pvn_le64 *whole_mark;

	/* Who is there; read by links in other threads. */
	uint64_t attachment;
	uint32_t guest_peer;
	uint64_t guest_beat;
	int64_t beat_ms; /* when it counted up last */
};

extern pthread_mutex_t share_lock;

/* NULL with -ENOENT or -EINVAL told. */
struct share *share_find(const char *name);
/* By its place, below PVN_IVSHMEM_REGIONS_MAX; NULL. */
struct share *share_at(uint32_t i);
void share_each(void (*each)(struct share *s, void *arg), void *arg);

int share_map(struct share *s, const struct pvn_ivshmem_conf *conf);
void share_unmap(struct share *s);
int share_heap(struct share *s);
int share_heap_end(struct share *s);
/* Whether all of it lies in the data. */
bool share_has(const struct share *s, const void *addr, uint64_t len);

/* Looks whether EAL's heap can be shared; then says so in the region. */
int share_whole_find(struct share *s);
int share_whole_publish(struct share *s);
void share_whole_end(struct share *s);
bool share_whole_has(const struct share *s, const void *addr, uint64_t len);

/* The stamp of this build. */
void share_stamp(struct ivshmem_stamp *stamp);

uint64_t share_links_lent(const struct share *s);

/* A link as telemetry shows it: its thread may be in a burst. */
struct share_link_view {
	const char *name;
	uint32_t entries;
	uint32_t out;
	bool broken;
	struct pvn_ivshmem_link_stats stats;
};

/* Link number `i` of a region; false: there is none. */
bool share_link(const struct share *s, uint32_t i, struct share_link_view *v);

void share_telemetry_open(void);

#endif /* IVSHMEM_SHARE_H */
