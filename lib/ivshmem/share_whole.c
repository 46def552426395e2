/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The whole heap of this process's EAL: one file, of which a device shows the first power of two
 * of bytes. What lies there can be exported without having been made in the region. [IVS 9]
 */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

/* Where EAL puts its memory in every process that says nothing else, in the guest's, too; and from
 * where on the kernel puts what may be anywhere.
 */
#define EAL_BASE_FROM (UINT64_C(4) << 30)
#define EAL_BASE_TO (UINT64_C(1) << 40)
#define KERNEL_BASE UINT64_C(0x700000000000)

struct heap {
	uint64_t base;
	uint64_t bytes;	    /* without a gap from its beginning on */
	unsigned int lists; /* that have pages */
	int fd, error;	    /* of its first page; EAL's own */
	bool one_file;
};

static int
count_list(const struct rte_memseg_list *list, void *arg)
{
	struct heap *h = arg;

	if (list->external || list->memseg_arr.count == 0)
		return 0;
	if (h->lists++ == 0)
		h->base = (uintptr_t)list->base_va;
	return 0;
}

/* Called in the order of addresses, with EAL's lock held. */
static int
count_page(const struct rte_memseg_list *list, const struct rte_memseg *page, void *arg)
{
	struct heap *h = arg;
	size_t off = 0;
	int fd;

	if ((uintptr_t)list->base_va != h->base || page->addr_64 != h->base + h->bytes)
		return 0;
	fd = rte_memseg_get_fd_thread_unsafe(page);
	if (h->bytes == 0) {
		h->fd = fd;
		h->error = fd < 0 ? rte_errno : 0;
	}
	if (fd < 0 || fd != h->fd || rte_memseg_get_fd_offset_thread_unsafe(page, &off) < 0 ||
	    off != h->bytes)
		h->one_file = false;
	h->bytes += page->len;
	return 0;
}

static int
check_heap(const struct heap *h)
{
	if (h->lists > 1)
		return ivs_fail(
			ENOTSUP,
			"this process has memory of %u sockets or page sizes, and a whole"
			" heap is one file: start it with one (--socket-mem, --socket-limit)",
			h->lists);
	if (h->bytes == 0 || h->fd < 0)
		return ivs_fail(ENOTSUP,
				"EAL has no file for its heap (%s): start it with"
				" --single-file-segments, or --no-huge, without --legacy-mem",
				rte_strerror(h->error));
	if (!h->one_file)
		return ivs_fail(ENOTSUP,
				"each page of this process's heap is a file of its own, and a whole"
				" heap is one: start it with --single-file-segments");
	if ((h->base >= EAL_BASE_FROM && h->base < EAL_BASE_TO) || h->base >= KERNEL_BASE)
		return ivs_fail(EINVAL,
				"the heap of this process is at 0x%" PRIx64
				", where a guest's process may have its own: start this one with"
				" --base-virtaddr=0x%" PRIx64 ", or another address from there on",
				h->base, IVSHMEM_BASE_DEFAULT + (IVSHMEM_BASE_DEFAULT >> 1));
	if (h->bytes < IVSHMEM_SIZE_MIN)
		return ivs_fail(EINVAL,
				"a heap of %" PRIu64 " bytes: expected %" PRIu64 " at least",
				h->bytes, IVSHMEM_SIZE_MIN);
	return 0;
}

static int
behind_prefix(const struct share *s)
{
	return ivs_fail(ERANGE,
			"a device shows the first %" PRIu64
			" bytes of this process's heap, and what it"
			" allocates lies behind them: start it with a power of two of memory"
			" (-m, or --socket-mem)",
			s->whole_bytes);
}

/* In the heap, so that the attacher knows the file by it. */
static int
make_mark(struct share *s)
{
	s->whole_mark = rte_malloc(NULL, sizeof(*s->whole_mark), RTE_CACHE_LINE_SIZE);
	if (s->whole_mark == NULL)
		return ivs_fail(ENOMEM, "the heap of this process is full");
	if (!share_whole_has(s, s->whole_mark, sizeof(*s->whole_mark)))
		return behind_prefix(s);
	*s->whole_mark = pvn_cpu_to_le64(region_new_number(pvn_le64_to_cpu(*s->whole_mark)));
	return 0;
}

int
share_whole_find(struct share *s)
{
	struct heap h = {.fd = -1, .error = ENOENT, .one_file = true};
	int ret;

	rte_memseg_list_walk(count_list, &h);
	rte_memseg_walk(count_page, &h);
	ret = check_heap(&h);
	if (ret < 0)
		return ret;
	s->whole_fd = fcntl(h.fd, F_DUPFD_CLOEXEC, 3);
	if (s->whole_fd < 0)
		return ivs_fail(errno, "the heap's file: %s", strerror(errno));
	s->whole_base = h.base;
	s->whole_bytes = UINT64_C(1) << (63 - __builtin_clzll(h.bytes));
	return make_mark(s);
}

int
share_whole_publish(struct share *s)
{
	struct ivshmem_object o = {
		.type = pvn_cpu_to_le32(IVSHMEM_HEAP),
		.flags = pvn_cpu_to_le32(IVSHMEM_OBJECT_IN_HEAP),
		.name = IVSHMEM_HEAP_NAME,
		.len = pvn_cpu_to_le64(s->whole_bytes),
		.aux = {pvn_cpu_to_le64(s->whole_base), pvn_cpu_to_le64(s->whole_bytes),
			pvn_cpu_to_le64((uintptr_t)s->whole_mark - s->whole_base), *s->whole_mark},
	};
	int ret = pvn_ivshmem_host_add(&s->host, &o);

	return ret < 0 ? ret : 0;
}

void
share_whole_end(struct share *s)
{
	if (s->whole_mark != NULL)
		*s->whole_mark = 0; /* the file may go on without us */
	rte_free(s->whole_mark);
	if (s->whole_fd >= 0)
		close(s->whole_fd);
}

bool
share_whole_has(const struct share *s, const void *addr, uint64_t len)
{
	uint64_t off = (uintptr_t)addr - s->whole_base;

	return s->whole_fd >= 0 && off < s->whole_bytes && len <= s->whole_bytes - off;
}
