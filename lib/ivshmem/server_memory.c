/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A server's memory. All of it is mapped here, so that huge pages are reserved before anybody is
 * told that they are there; nobody else's file can end us by being truncated, because the mapping
 * is only touched through the kernel, which then says EFAULT instead of sending SIGBUS.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fail.h"

/* Of an older libc, or none at all. */
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

static int
check_huge_page(uint64_t size, uint64_t huge_page)
{
	char folder[80];

	snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB",
		 huge_page / 1024);
	if ((huge_page & (huge_page - 1)) != 0 || access(folder, F_OK) < 0)
		return ivs_fail(EINVAL, "this machine has no pages of %" PRIu64 " bytes, see %s",
				huge_page, "/sys/kernel/mm/hugepages");
	if (size % huge_page != 0)
		return ivs_fail(EINVAL, "size %" PRIu64 " is less than a page of %" PRIu64 " bytes",
				size, huge_page);
	return 0;
}

static int
new_memfd(const struct pvn_ivshmem_server_cfg *cfg)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int ret = cfg->huge_page != 0 ? check_huge_page(cfg->size, cfg->huge_page) : 0;
	int fd;

	if (ret < 0)
		return ret;
	if (cfg->huge_page != 0)
		flags |= MFD_HUGETLB | (unsigned int)__builtin_ctzll(cfg->huge_page)
					       << MFD_HUGE_SHIFT;
	fd = memfd_create(cfg->name, flags);
	if (fd >= 0 && ftruncate(fd, cfg->size) == 0)
		return fd;
	ret = ivs_fail(errno, "no memory of %" PRIu64 " bytes: %s", cfg->size, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* An empty file, also one that we make, gets the size. */
static int
open_file(const struct pvn_ivshmem_server_cfg *cfg)
{
	int fd = open(cfg->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;
	int ret;

	if (fd < 0)
		return ivs_fail(errno, "%s: %s", cfg->file, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size != 0 || ftruncate(fd, cfg->size) == 0))
		return fd;
	ret = ivs_fail(S_ISREG(st.st_mode) ? errno : EINVAL, "%s: %s", cfg->file,
		       S_ISREG(st.st_mode) ? strerror(errno) : "expected a file");
	close(fd);
	return ret;
}

static int
open_memory(const struct pvn_ivshmem_server_cfg *cfg)
{
	int fd;

	if (cfg->memory_fd > 0) {
		fd = fcntl(cfg->memory_fd, F_DUPFD_CLOEXEC, 3);
		return fd >= 0 ? fd : ivs_fail(errno, "the memory: %s", strerror(errno));
	}
	return cfg->file != NULL ? open_file(cfg) : new_memfd(cfg);
}

static int
check_file(const struct pvn_ivshmem_server_cfg *cfg, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ivs_fail(errno, "the memory: %s", strerror(errno));
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == cfg->size)
		return 0;
	return ivs_fail(EINVAL, "%s has %jd bytes: expected a file of %" PRIu64,
			cfg->file != NULL ? cfg->file : "the memory", (intmax_t)st.st_size,
			cfg->size);
}

static int
map_memory(struct pvn_ivshmem_server *s, const struct pvn_ivshmem_server_cfg *cfg)
{
	void *map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory_fd, 0);

	if (map != MAP_FAILED) {
		s->map = map;
		return 0;
	}
	if (errno == ENOMEM && cfg->huge_page != 0)
		return ivs_fail(ENOMEM,
				"%" PRIu64 " pages of %" PRIu64 " bytes are needed, and not free: "
				"write more to /sys/kernel/mm/hugepages/hugepages-%" PRIu64
				"kB/nr_hugepages",
				s->size / cfg->huge_page, cfg->huge_page, cfg->huge_page / 1024);
	return ivs_fail(errno, "%" PRIu64 " bytes cannot be mapped: %s", s->size, strerror(errno));
}

int
server_memory_new(struct pvn_ivshmem_server *s, const struct pvn_ivshmem_server_cfg *cfg)
{
	int fd = open_memory(cfg);
	int ret = fd < 0 ? fd : check_file(cfg, fd);

	if (ret < 0) {
		if (fd >= 0)
			close(fd);
		return ret;
	}
	s->memory_fd = fd;
	s->size = cfg->size;
	/* No client can make the access of another one fail by changing the size. A file, or
	 * somebody else's memfd, may not know seals.
	 */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return map_memory(s, cfg);
}

void
server_memory_free(struct pvn_ivshmem_server *s)
{
	if (s->map != NULL)
		munmap(s->map, s->size);
	if (s->memory_fd >= 0)
		close(s->memory_fd);
}

/* ---- the host page ---- */

static bool
read_word(const struct pvn_ivshmem_server *s, uint64_t off, void *to, size_t len)
{
	struct iovec here = {to, len};
	struct iovec there = {(char *)s->map + off, len};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}

/* Of the state only the first byte is ever not 0, so no torn word can be seen. */
void
server_host_absent(struct pvn_ivshmem_server *s)
{
	const uint64_t off = IVSHMEM_HOST_PAGE + offsetof(struct ivshmem_host_page, state);
	const pvn_le32 absent = pvn_cpu_to_le32(IVSHMEM_ABSENT);
	struct iovec here = {(void *)(uintptr_t)&absent, sizeof(absent)};
	struct iovec there = {(char *)s->map + off, sizeof(absent)};
	pvn_le64 magic;

	if (!read_word(s, offsetof(struct ivshmem_header, magic), &magic, sizeof(magic)) ||
	    pvn_le64_to_cpu(magic) != IVSHMEM_MAGIC)
		return;
	if (process_vm_writev(getpid(), &here, 1, &there, 1, 0) < 0)
		ivs_fail(errno, "the host's page: %s", strerror(errno));
}
