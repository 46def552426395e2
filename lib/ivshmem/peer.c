/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The public calls of a peer, and the simplest kind: a file.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

/* That a server may take until it has sent what it sends first. */
#define OPEN_MS 5000

static struct pvn_ivshmem_peer *
new_peer(void)
{
	struct pvn_ivshmem_peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->fd = p->map_fd = p->event_fd = -1;
	p->open_ms = OPEN_MS;
	for (unsigned int i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		p->bell[i] = -1;
	return p;
}

int
peer_set_file(struct pvn_ivshmem_peer *p, int fd, const char *what)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ivs_fail(errno, "%s: %s", what, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ivs_fail(EPROTO, "%s is no file that can be mapped", what);
	if (st.st_size <= 0 || st.st_size % IVSHMEM_PAGE != 0)
		return ivs_fail(EPROTO, "%s has %jd bytes: expected a multiple of %u", what,
				(intmax_t)st.st_size, IVSHMEM_PAGE);
	p->size = st.st_size;
	p->fd = p->map_fd = fd;
	p->read_only = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR;
	return 0;
}

/* ---- a file ---- */

static const struct peer_ops file_ops = {0};

static int
open_file(struct pvn_ivshmem_peer *p, const char *path)
{
	/* Not blocking: it could be a pipe. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return ivs_fail(errno, "%s: %s", path, strerror(errno));
	p->ops = &file_ops;
	ret = peer_set_file(p, fd, path);
	if (ret < 0)
		close(fd);
	return ret;
}

/* ---- all kinds ---- */

static int
open_kind(struct pvn_ivshmem_peer *p, const char *spec)
{
	if (strncmp(spec, "socket:", 7) == 0)
		return peer_open_socket(p, spec + 7);
	if (strncmp(spec, "file:", 5) == 0)
		return open_file(p, spec + 5);
	if (strncmp(spec, "pci:", 4) == 0)
		return peer_open_pci(p, spec + 4);
	return ivs_fail(EINVAL, "'%s': expected socket:PATH, file:PATH or pci:ADDRESS", spec);
}

/* Hands the peer out, or takes back all that was made of it; errno stays. */
static int
finish(struct pvn_ivshmem_peer *p, int ret, struct pvn_ivshmem_peer **out)
{
	if (ret == 0) {
		*out = p;
		return 0;
	}
	pvn_ivshmem_peer_close(p);
	errno = -ret;
	return ret;
}

int
peer_open_within(const char *spec, int ms, struct pvn_ivshmem_peer **out)
{
	struct pvn_ivshmem_peer *p;

	if (spec == NULL || out == NULL)
		return ivs_fail(EINVAL, "a specification and a place for the result are needed");
	p = new_peer();
	if (p == NULL)
		return ivs_fail(ENOMEM, "no memory");
	p->open_ms = ms;
	return finish(p, open_kind(p, spec), out);
}

int
pvn_ivshmem_peer_open(const char *spec, struct pvn_ivshmem_peer **out)
{
	return peer_open_within(spec, OPEN_MS, out);
}

int
pvn_ivshmem_peer_take(int sock, struct pvn_ivshmem_peer **out)
{
	struct pvn_ivshmem_peer *p = out != NULL ? new_peer() : NULL;

	if (p == NULL) {
		close(sock);
		return ivs_fail(out != NULL ? ENOMEM : EINVAL, "no place for the result");
	}
	return finish(p, peer_take_socket(p, sock), out);
}

void
pvn_ivshmem_peer_close(struct pvn_ivshmem_peer *p)
{
	if (p == NULL)
		return;
	if (p->map != NULL)
		munmap(p->map, p->size);
	if (p->ops != NULL && p->ops->close != NULL)
		p->ops->close(p);
	for (unsigned int i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		if (p->bell[i] >= 0)
			close(p->bell[i]);
	if (p->map_fd >= 0 && p->map_fd != p->fd)
		close(p->map_fd);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

uint64_t
pvn_ivshmem_peer_size(const struct pvn_ivshmem_peer *p)
{
	return p->size;
}

int
pvn_ivshmem_peer_fd(const struct pvn_ivshmem_peer *p)
{
	return p->fd;
}

uint32_t
pvn_ivshmem_peer_number(const struct pvn_ivshmem_peer *p)
{
	return p->number;
}

/* An older kernel takes the address as a hint only. */
static void *
map_at(const struct pvn_ivshmem_peer *p, uint64_t base, int prot)
{
	void *want = (void *)(uintptr_t)base;
	int flags = MAP_SHARED | (base != 0 ? MAP_FIXED_NOREPLACE : 0);
	void *map = mmap(want, p->size, prot, flags, p->map_fd, p->off);

	if (map == MAP_FAILED || base == 0 || map == want)
		return map;
	munmap(map, p->size);
	errno = EEXIST;
	return MAP_FAILED;
}

void
pvn_ivshmem_peer_unmap(struct pvn_ivshmem_peer *p)
{
	if (p->map != NULL)
		munmap(p->map, p->size);
	p->map = NULL;
}

void *
pvn_ivshmem_peer_map(struct pvn_ivshmem_peer *p, uint64_t base, bool writable)
{
	void *map;

	if (p->map != NULL) {
		ivs_fail(EALREADY, "the memory is mapped already, at %p", p->map);
		return NULL;
	}
	if (writable && p->read_only) {
		ivs_fail(EACCES, "the memory can only be read: map it so, or get write access");
		return NULL;
	}
	map = map_at(p, base, writable ? PROT_READ | PROT_WRITE : PROT_READ);
	if (map != MAP_FAILED) {
		p->map = map;
		return map;
	}
	if (errno == EEXIST)
		ivs_fail(EEXIST,
			 "this process uses addresses from 0x%" PRIx64 ", %" PRIu64
			 " bytes, for something else: choose another base for the region",
			 base, p->size);
	else
		ivs_fail(errno, "%" PRIu64 " bytes cannot be mapped at 0x%" PRIx64 ": %s", p->size,
			 base, strerror(errno));
	return NULL;
}

int
peer_take_place(struct pvn_ivshmem_peer *p, struct pvn_ivshmem_peer *old)
{
	void *map = mremap(p->map, p->size, p->size, MREMAP_MAYMOVE | MREMAP_FIXED, old->map);

	if (map == MAP_FAILED)
		return ivs_fail(errno, "the new memory cannot be mapped where the old one was: %s",
				strerror(errno));
	p->map = map;
	old->map = NULL;
	p->rung = pvn_ivshmem_peer_rung(old);
	return 0;
}

uint32_t
peer_give_bells(struct pvn_ivshmem_peer *p, int *bell)
{
	const uint32_t n = p->vectors;

	for (uint32_t i = 0; i < n; i++) {
		bell[i] = p->bell[i];
		p->bell[i] = -1;
	}
	p->vectors = 0;
	return n;
}

int
pvn_ivshmem_peer_ring(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector)
{
	int ret = p->ops->ring != NULL ? p->ops->ring(p, number, vector) : -ENOTSUP;

	if (ret == 0)
		__atomic_fetch_add(&p->rung, 1, __ATOMIC_RELAXED);
	return ret;
}

uint64_t
pvn_ivshmem_peer_rung(const struct pvn_ivshmem_peer *p)
{
	return __atomic_load_n(&p->rung, __ATOMIC_RELAXED);
}

uint32_t
pvn_ivshmem_peer_vectors(const struct pvn_ivshmem_peer *p)
{
	return p->vectors;
}

int
pvn_ivshmem_peer_bell(const struct pvn_ivshmem_peer *p, uint32_t vector)
{
	return vector < p->vectors ? p->bell[vector] : -1;
}

int
pvn_ivshmem_peer_event_fd(const struct pvn_ivshmem_peer *p)
{
	return p->event_fd;
}

int
pvn_ivshmem_peer_look(struct pvn_ivshmem_peer *p)
{
	return p->ops->look != NULL ? p->ops->look(p) : 0;
}

bool
pvn_ivshmem_peer_there(const struct pvn_ivshmem_peer *p, uint32_t number)
{
	return p->ops->there != NULL ? p->ops->there(p, number) : true;
}
