/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A region's memory at an address that the guest has free too, and DPDK's heap in its data. With
 * pages of 4 KiB a heap gives each mbuf a page of its own, since none may cross one; so it is told
 * of 2 MiB where that fits, which costs nothing: who needs real addresses gets none from us anyway.
 */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#define SMALL_PAGE (UINT64_C(4) << 10)
#define LARGE_PAGE (UINT64_C(2) << 20)
#define BASE_TRIES 64

static int
open_own(struct share *s, const struct pvn_ivshmem_conf *conf)
{
	uint64_t size = conf->size != 0 ? conf->size : PVN_IVSHMEM_SIZE_DEFAULT;
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	char spec[64];
	int fd, ret;

	if (pvn_ivshmem_check_size(size) < 0)
		return -EINVAL;
	if (conf->page_size != 0) {
		if ((conf->page_size & (conf->page_size - 1)) != 0 || conf->page_size > size)
			return ivs_fail(EINVAL,
					"pages of %" PRIu64
					" bytes: expected the machine's page sizes,"
					" no larger than the region",
					conf->page_size);
		if (conf->page_size != SMALL_PAGE)
			flags |= MFD_HUGETLB | (unsigned int)__builtin_ctzll(conf->page_size)
						       << MFD_HUGE_SHIFT;
	}
	fd = memfd_create(s->name, flags);
	if (fd < 0)
		return ivs_fail(errno, "no memory file: %s", strerror(errno));
	/* Nobody can make another one's access fail. */
	if (ftruncate(fd, size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		ret = ivs_fail(errno, "a memory file of %" PRIu64 " bytes: %s", size,
			       strerror(errno));
	} else {
		snprintf(spec, sizeof(spec), "file:/proc/self/fd/%d", fd);
		ret = pvn_ivshmem_peer_open(spec, &s->peer);
	}
	close(fd);
	return ret;
}

static void
highest(struct share *s, void *arg)
{
	uint64_t *end = arg;

	if (s->base + s->size > *end)
		*end = s->base + s->size;
}

/* The next address that nothing of ours has, tried in steps of the region's size. */
static int
map_anywhere_fixed(struct share *s)
{
	uint64_t at = IVSHMEM_BASE_DEFAULT;

	share_each(highest, &at);
	at = (at + s->size - 1) & ~(s->size - 1);
	for (int i = 0; i < BASE_TRIES; i++, at += s->size) {
		s->mem = pvn_ivshmem_peer_map(s->peer, at, true);
		if (s->mem != NULL || errno != EEXIST)
			return s->mem != NULL ? 0 : -errno;
	}
	return -EEXIST;
}

/* Huge pages of our own are reserved when they are mapped. */
static int
map_it(struct share *s, const struct pvn_ivshmem_conf *conf)
{
	uint64_t page = conf->page_size != 0 ? conf->page_size : IVSHMEM_PAGE;
	int ret;

	if (conf->base % page != 0)
		return ivs_fail(EINVAL, "the base 0x%" PRIx64 ": expected a multiple of %" PRIu64,
				conf->base, page);
	if (conf->base != 0)
		s->mem = pvn_ivshmem_peer_map(s->peer, conf->base, true);
	ret = conf->base == 0 ? map_anywhere_fixed(s) : s->mem != NULL ? 0 : -errno;
	if (ret == -ENOMEM && page > SMALL_PAGE)
		return ivs_fail(ENOMEM,
				"%" PRIu64 " pages of %" PRIu64 " bytes are needed, and not free:"
				" write more to /sys/kernel/mm/hugepages/hugepages-%" PRIu64
				"kB/nr_hugepages",
				s->size / page, page, page / 1024);
	s->base = (uintptr_t)s->mem;
	return ret;
}

int
share_map(struct share *s, const struct pvn_ivshmem_conf *conf)
{
	int ret;

	if (conf->where == NULL)
		ret = open_own(s, conf);
	else if (snprintf(s->where, sizeof(s->where), "%s", conf->where) >= (int)sizeof(s->where))
		ret = ivs_fail(ENAMETOOLONG, "'%s' is too long", conf->where);
	else
		ret = pvn_ivshmem_peer_open(conf->where, &s->peer);
	if (ret < 0)
		return ret;
	s->size = pvn_ivshmem_peer_size(s->peer);
	if (pvn_ivshmem_check_size(s->size) < 0)
		return -EINVAL;
	if (conf->size != 0 && conf->size != s->size)
		return ivs_fail(EINVAL, "%s has %" PRIu64 " bytes, not %" PRIu64, s->where, s->size,
				conf->size);
	return map_it(s, conf);
}

void
share_unmap(struct share *s)
{
	pvn_ivshmem_peer_close(s->peer);
	s->peer = NULL;
	s->mem = NULL;
}

bool
share_has(const struct share *s, const void *addr, uint64_t len)
{
	uint64_t off = (uintptr_t)addr - s->base;

	return off >= s->host.data_off && off < s->size && len <= s->size - off;
}

/* ---- the heap ---- */

static uint64_t
heap_page(const struct share *s)
{
	return s->size >= 8 * LARGE_PAGE && s->base % LARGE_PAGE == 0 ? LARGE_PAGE : SMALL_PAGE;
}

static uint64_t
heap_off(const struct share *s)
{
	uint64_t page = heap_page(s);

	return (s->host.data_off + page - 1) & ~(page - 1);
}

/* With IOVA as VA a port that can use such addresses can use these. */
static int
add_memory(struct share *s)
{
	uint64_t page = heap_page(s), off = heap_off(s), len = s->size - off;
	unsigned int n = len / page;
	rte_iova_t *iova = NULL;
	int ret;

	if (rte_eal_iova_mode() == RTE_IOVA_VA) {
		iova = calloc(n, sizeof(*iova));
		if (iova == NULL)
			return ivs_fail(ENOMEM, "no memory");
		for (unsigned int i = 0; i < n; i++)
			iova[i] = s->base + off + i * page;
	}
	ret = rte_malloc_heap_memory_add(s->name, s->mem + off, len, iova, n, page);
	free(iova);
	return ret == 0 ? 0
			: ivs_fail(rte_errno, "DPDK does not take region '%s' as a heap: %s",
				   s->name, rte_strerror(rte_errno));
}

int
share_heap(struct share *s)
{
	if (s->socket >= 0)
		return s->socket;
	if (rte_malloc_heap_create(s->name) < 0)
		return ivs_fail(rte_errno, "DPDK makes no heap '%s': %s%s", s->name,
				rte_strerror(rte_errno),
				rte_errno == ENOSPC ? ", it has 32 for sockets and regions together"
						    : "");
	if (add_memory(s) < 0) {
		int error = errno;

		rte_malloc_heap_destroy(s->name);
		return -error;
	}
	s->socket = rte_malloc_heap_get_socket(s->name);
	return s->socket;
}

int
share_heap_end(struct share *s)
{
	uint64_t off = heap_off(s);

	if (s->socket < 0)
		return 0;
	if (rte_malloc_heap_memory_remove(s->name, s->mem + off, s->size - off) < 0)
		return ivs_fail(EBUSY,
				"something is still allocated in region '%s' (%s): free it before",
				s->name, rte_strerror(rte_errno));
	rte_malloc_heap_destroy(s->name);
	s->socket = -1;
	return 0;
}
