/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Pages of `local`. A share is one memfd that the server made. A map is a reserved range of
 * addresses into which runs of such pages are put, so any list of references becomes contiguous
 * memory.
 *
 * Memory is populated at once, as granted pages of Xen are: a data path takes no page faults.
 */
#include "local_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t
bytes_of(uint32_t pages)
{
	return (size_t)pages * PVN_XEN_PAGE_SIZE;
}

static void
tell(struct local *l, uint32_t op, uint32_t id)
{
	struct local_call c = {.op = op, .arg = {id}};
	int saved = errno;

	local_ask(l, &c);
	errno = saved;
}

/* ---- share ---- */

static void *
map_share(const struct local_call *c, uint32_t pages, uint32_t *refs)
{
	void *addr;

	if (c->fd_count != 1 || c->reply_len != pages * sizeof(*refs)) {
		xen_fail(EPROTO, "the server's reply has the wrong size");
		return NULL;
	}
	addr = mmap(NULL, bytes_of(pages), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    c->fds[0], 0);
	if (addr == MAP_FAILED) {
		xen_fail(errno, "%u shared pages cannot be mapped: %s", pages, strerror(errno));
		return NULL;
	}
	memcpy(refs, c->reply, c->reply_len);
	return addr;
}

static void *
share(struct local *l, struct local_call *c, uint32_t *refs)
{
	struct xen_area area = {.kind = XEN_AREA_SHARE, .pages = c->arg[1]};
	int ret = local_call(l, c);

	if (ret < 0)
		return NULL;
	area.id = ret;
	area.addr = map_share(c, area.pages, refs);
	if (area.addr != NULL && xen_areas_add(&l->areas, &area) < 0) {
		munmap(area.addr, bytes_of(area.pages));
		area.addr = NULL;
	}
	if (area.addr == NULL)
		tell(l, LOCAL_UNSHARE, area.id);
	local_call_done(c);
	return area.addr;
}

void *
local_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, uint32_t *refs)
{
	struct local_call c = {.op = LOCAL_SHARE,
			       .arg = {peer, pages, writable, LOCAL_NO_NOTIFY, LOCAL_NO_PORT}};

	return share((struct local *)x, &c, refs);
}

void *
local_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset, int port)
{
	struct local_call c = {.op = LOCAL_SHARE, .arg = {peer, 1, 1, clear_offset, port}};

	return share((struct local *)x, &c, ref);
}

static void
end_area(struct local *l, enum xen_area_kind kind, void *addr, uint32_t pages, uint32_t op)
{
	struct xen_area area;

	if (!xen_areas_take(&l->areas, kind, addr, pages, &area))
		return;
	munmap(area.addr, bytes_of(area.pages));
	tell(l, op, area.id);
}

void
local_unshare(struct pvn_xen *x, void *addr, uint32_t pages)
{
	end_area((struct local *)x, XEN_AREA_SHARE, addr, pages, LOCAL_UNSHARE);
}

/* ---- map ---- */

static int
put_runs(char *addr, uint32_t pages, int prot, const struct local_call *c)
{
	const struct local_run *run = c->reply;
	uint32_t runs = c->reply_len / sizeof(*run);

	for (uint32_t i = 0; i < runs; i++) {
		if (run[i].fd >= c->fd_count || run[i].count > pages)
			return xen_fail(EPROTO, "the server's reply makes no sense");
		if (mmap(addr, bytes_of(run[i].count), prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
			 c->fds[run[i].fd], bytes_of(run[i].page)) == MAP_FAILED)
			return xen_fail(errno,
					"run %u of %u of a peer's pages cannot be mapped: %s", i,
					runs, strerror(errno));
		addr += bytes_of(run[i].count);
		pages -= run[i].count;
	}
	return pages == 0 ? 0 : xen_fail(EPROTO, "the server's reply lacks %u pages", pages);
}

static void *
map_runs(const struct local_call *c, uint32_t pages, bool writable)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *addr = mmap(NULL, bytes_of(pages), PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error;

	if (addr == MAP_FAILED) {
		xen_fail(errno, "no addresses for %u pages: %s", pages, strerror(errno));
		return NULL;
	}
	if (put_runs(addr, pages, prot, c) == 0)
		return addr;
	error = errno;
	munmap(addr, bytes_of(pages));
	errno = error;
	return NULL;
}

static void *
map(struct local *l, struct local_call *c)
{
	struct xen_area area = {.kind = XEN_AREA_MAP, .pages = c->arg[1]};
	int ret = local_call(l, c);

	if (ret < 0)
		return NULL;
	area.id = ret;
	area.addr = map_runs(c, area.pages, c->arg[2]);
	if (area.addr != NULL && xen_areas_add(&l->areas, &area) < 0) {
		munmap(area.addr, bytes_of(area.pages));
		area.addr = NULL;
	}
	if (area.addr == NULL)
		tell(l, LOCAL_UNMAP, area.id);
	local_call_done(c);
	return area.addr;
}

void *
local_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, const uint32_t *refs)
{
	struct local_call c = {.op = LOCAL_MAP,
			       .arg = {peer, pages, writable, LOCAL_NO_NOTIFY, LOCAL_NO_PORT},
			       .body = {{refs, pages * sizeof(*refs)}}};

	if (pages > LOCAL_MAP_MAX) {
		xen_fail(EINVAL, "%u pages in one map call: at most %u", pages, LOCAL_MAP_MAX);
		return NULL;
	}
	return map((struct local *)x, &c);
}

void *
local_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset, int port)
{
	struct local_call c = {.op = LOCAL_MAP,
			       .arg = {peer, 1, 1, clear_offset, port},
			       .body = {{&ref, sizeof(ref)}}};

	return map((struct local *)x, &c);
}

void
local_unmap(struct pvn_xen *x, void *addr, uint32_t pages)
{
	end_area((struct local *)x, XEN_AREA_MAP, addr, pages, LOCAL_UNMAP);
}

void
local_limits(struct pvn_xen *x, struct pvn_xen_limits *limits)
{
	*limits = ((struct local *)x)->limits;
}

void
local_areas_close(struct local *l)
{
	struct xen_area area;

	while (xen_areas_pop(&l->areas, &area))
		munmap(area.addr, bytes_of(area.pages));
}
