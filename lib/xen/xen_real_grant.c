/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Grants of Xen: gntalloc makes and grants pages, gntdev maps a peer's. One call, one area. The
 * limits that a device meets here are told with the command that raises them. [XEN 1]
 */
#include "xen_real.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SHARE_LIMIT "/sys/module/xen_gntalloc/parameters/limit"
#define MAP_LIMIT "/sys/module/xen_gntdev/parameters/limit"

/* ---- handles ---- */

static xengntshr_handle *
gntshr(struct real *r)
{
	xengntshr_handle *h;

	pthread_mutex_lock(&r->open_lock);
	if (r->gntshr == NULL) {
		r->gntshr = xengntshr_open(&real_quiet, 0);
		if (r->gntshr == NULL)
			real_no_node("/dev/xen/gntalloc", "xen-gntalloc");
	}
	h = r->gntshr;
	pthread_mutex_unlock(&r->open_lock);
	return h;
}

static xengnttab_handle *
gnttab(struct real *r)
{
	xengnttab_handle *h;

	pthread_mutex_lock(&r->open_lock);
	if (r->gnttab == NULL) {
		r->gnttab = xengnttab_open(&real_quiet, 0);
		if (r->gnttab == NULL)
			real_no_node("/dev/xen/gntdev", "xen-gntdev");
	}
	h = r->gnttab;
	pthread_mutex_unlock(&r->open_lock);
	return h;
}

/* ---- what went wrong ---- */

static uint32_t
pages_shared(struct real *r)
{
	uint32_t pages = 0;

	pthread_mutex_lock(&r->areas.lock);
	for (uint32_t i = 0; i < r->areas.count; i++)
		if (r->areas.v[i].kind == XEN_AREA_SHARE)
			pages += r->areas.v[i].pages;
	pthread_mutex_unlock(&r->areas.lock);
	return pages;
}

/* Two limits give the same error: gntalloc's, which we can read, and the grant table's size. */
static void
share_failed(struct real *r, uint16_t peer, uint32_t pages, int error)
{
	uint32_t limit = real_number_in(SHARE_LIMIT);
	uint32_t shared = pages_shared(r);
	uint64_t enough = (uint64_t)limit + pages;

	if (error != ENOSPC)
		xen_fail(error, "%u pages cannot be shared with domain %u: %s", pages, peer,
			 strerror(error));
	else if (limit == 0 || (uint64_t)shared + pages > limit)
		xen_fail(ENOSPC,
			 "%u pages asked, %u shared here already: all processes of this domain may "
			 "share %u: raise that with: echo %llu > " SHARE_LIMIT " (at boot: the "
			 "module option xen_gntalloc.limit)",
			 pages, shared, limit, (unsigned long long)enough);
	else
		xen_fail(
			ENOSPC,
			"%u pages asked, %u shared here already: either other processes, or peers "
			"that have not let go yet, use up the domain's %u: echo %llu > " SHARE_LIMIT
			"; or the grant table is full: max_grant_frames= in the guest's "
			"configuration gives 512 pages each",
			pages, shared, limit, (unsigned long long)enough);
}

static void
map_failed(uint16_t peer, uint32_t pages, int error)
{
	uint32_t limit = real_number_in(MAP_LIMIT);

	if (limit != 0 && pages > limit)
		xen_fail(error, "%u pages in one map call: gntdev takes %u: echo %u > " MAP_LIMIT,
			 pages, limit, pages);
	else if (error == EINVAL || error == ENOSPC)
		xen_fail(error,
			 "%u pages of domain %u cannot be mapped: it does not grant one of them to "
			 "us (any more, or not for writing), or our maptrack table is full "
			 "(gnttab_max_maptrack_frames= of Xen, max_maptrack_frames= of a driver "
			 "domain, 256 pages each)",
			 pages, peer);
	else
		xen_fail(error, "%u pages of domain %u cannot be mapped: %s", pages, peer,
			 strerror(error));
}

/* ---- share ---- */

static void *
note_share(struct real *r, void *addr, uint16_t peer, uint32_t pages)
{
	const struct xen_area area = {.kind = XEN_AREA_SHARE, .addr = addr, .pages = pages};

	if (addr == NULL) {
		share_failed(r, peer, pages, errno);
		return NULL;
	}
	if (xen_areas_add(&r->areas, &area) == 0)
		return addr;
	xengntshr_unshare(r->gntshr, addr, pages);
	errno = ENOMEM;
	return NULL;
}

void *
real_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, uint32_t *refs)
{
	struct real *r = (struct real *)x;
	xengntshr_handle *h = gntshr(r);

	if (h == NULL)
		return NULL;
	return note_share(r, xengntshr_share_pages(h, peer, pages, refs, writable), peer, pages);
}

void *
real_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset, int port)
{
	struct real *r = (struct real *)x;
	xengntshr_handle *h = gntshr(r);

	if (h == NULL)
		return NULL;
	return note_share(r, xengntshr_share_page_notify(h, peer, ref, 1, clear_offset, port), peer,
			  1);
}

void
real_unshare(struct pvn_xen *x, void *addr, uint32_t pages)
{
	struct real *r = (struct real *)x;
	struct xen_area area;

	if (xen_areas_take(&r->areas, XEN_AREA_SHARE, addr, pages, &area))
		xengntshr_unshare(r->gntshr, addr, pages);
}

/* ---- map ---- */

static void *
note_map(struct real *r, void *addr, uint16_t peer, uint32_t pages)
{
	const struct xen_area area = {.kind = XEN_AREA_MAP, .addr = addr, .pages = pages};

	if (addr == NULL) {
		map_failed(peer, pages, errno);
		return NULL;
	}
	if (xen_areas_add(&r->areas, &area) == 0)
		return addr;
	xengnttab_unmap(r->gnttab, addr, pages);
	errno = ENOMEM;
	return NULL;
}

void *
real_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, const uint32_t *refs)
{
	struct real *r = (struct real *)x;
	xengnttab_handle *h = gnttab(r);
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);

	if (h == NULL)
		return NULL;
	/* The library only reads the references. */
	return note_map(
		r,
		xengnttab_map_domain_grant_refs(h, pages, peer, (uint32_t *)(uintptr_t)refs, prot),
		peer, pages);
}

void *
real_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset, int port)
{
	struct real *r = (struct real *)x;
	xengnttab_handle *h = gnttab(r);

	if (h == NULL)
		return NULL;
	return note_map(r,
			xengnttab_map_grant_ref_notify(h, peer, ref, PROT_READ | PROT_WRITE,
						       clear_offset, port),
			peer, 1);
}

void
real_unmap(struct pvn_xen *x, void *addr, uint32_t pages)
{
	struct real *r = (struct real *)x;
	struct xen_area area;

	if (xen_areas_take(&r->areas, XEN_AREA_MAP, addr, pages, &area))
		xengnttab_unmap(r->gnttab, addr, pages);
}

void
real_limits(struct pvn_xen *x, struct pvn_xen_limits *limits)
{
	(void)x;
	limits->share_pages = real_number_in(SHARE_LIMIT);
	limits->map_pages = real_number_in(MAP_LIMIT);
}

/* Closing the handles does not end mappings. */
void
real_areas_close(struct real *r)
{
	struct xen_area area;

	while (xen_areas_pop(&r->areas, &area)) {
		if (area.kind == XEN_AREA_SHARE)
			xengntshr_unshare(r->gntshr, area.addr, area.pages);
		else
			xengnttab_unmap(r->gnttab, area.addr, area.pages);
	}
}
