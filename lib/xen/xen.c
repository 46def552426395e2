/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The public calls: arguments are checked here, once for both implementations, then the table is
 * asked.
 */
#include "xen_ops.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids from here on are Xen's own (DOMID_SELF and such). [XEN 1] */
#define DOMID_RESERVED 0x7FF0u

static _Thread_local char why[512];

const char *
pvn_xen_why(void)
{
	return why[0] == '\0' ? "nothing went wrong" : why;
}

int
xen_fail(int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	errno = error;
	return -error;
}

static int
open_local(const char *rest, struct pvn_xen **out)
{
	const char *colon = strrchr(rest, ':');
	unsigned long domid;
	char path[128];
	char *end;

	if (colon == NULL || colon == rest || colon[1] < '0' || colon[1] > '9')
		return xen_fail(EINVAL, "'local:%s': expected local:PATH:DOMID", rest);
	errno = 0;
	domid = strtoul(colon + 1, &end, 10);
	if (errno != 0 || *end != '\0' || domid >= DOMID_RESERVED)
		return xen_fail(EINVAL, "'local:%s': the domain id must be in 0..%u", rest,
				DOMID_RESERVED - 1);
	if ((size_t)(colon - rest) >= sizeof(path))
		return xen_fail(ENAMETOOLONG, "'local:%s': the path is too long", rest);
	memcpy(path, rest, colon - rest);
	path[colon - rest] = '\0';
	return xen_local_open(path, domid, out);
}

int
pvn_xen_open(const char *spec, struct pvn_xen **out)
{
	if (spec == NULL || out == NULL)
		return xen_fail(EINVAL, "a specification and a place for the result are needed");
	if (strcmp(spec, "xen") == 0)
		return xen_real_open(out);
	if (strncmp(spec, "local:", 6) == 0)
		return open_local(spec + 6, out);
	return xen_fail(EINVAL, "'%s': expected xen or local:PATH:DOMID", spec);
}

void
pvn_xen_close(struct pvn_xen *x)
{
	if (x != NULL)
		x->ops->close(x);
}

uint16_t
pvn_xen_domid(const struct pvn_xen *x)
{
	return x->domid;
}

/* ---- pages ---- */

static int
check_peer(uint16_t peer)
{
	if (peer < DOMID_RESERVED)
		return 0;
	return xen_fail(EINVAL, "domain %u: the id must be in 0..%u", peer, DOMID_RESERVED - 1);
}

static int
check_pages(const struct pvn_xen *x, uint16_t peer, uint32_t pages, const uint32_t *refs)
{
	if (x == NULL || refs == NULL)
		return xen_fail(EINVAL, "a connection and an array of references are needed");
	if (pages == 0 || pages > INT32_MAX)
		return xen_fail(EINVAL, "%u pages: expected 1..%d", pages, INT32_MAX);
	return check_peer(peer);
}

static int
check_clear(uint32_t offset)
{
	if (offset < PVN_XEN_PAGE_SIZE)
		return 0;
	return xen_fail(EINVAL, "byte %u is not in a page: expected 0..%u", offset,
			PVN_XEN_PAGE_SIZE - 1);
}

void *
pvn_xen_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, uint32_t *refs)
{
	if (check_pages(x, peer, pages, refs) < 0)
		return NULL;
	return x->ops->share(x, peer, pages, writable, refs);
}

void *
pvn_xen_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset,
		     int port)
{
	if (check_pages(x, peer, 1, ref) < 0 || check_clear(clear_offset) < 0)
		return NULL;
	return x->ops->share_notify(x, peer, ref, clear_offset, port < 0 ? -1 : port);
}

void
pvn_xen_unshare(struct pvn_xen *x, void *addr, uint32_t pages)
{
	if (x != NULL && addr != NULL)
		x->ops->unshare(x, addr, pages);
}

void *
pvn_xen_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, const uint32_t *refs)
{
	if (check_pages(x, peer, pages, refs) < 0)
		return NULL;
	return x->ops->map(x, peer, pages, writable, refs);
}

void *
pvn_xen_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset, int port)
{
	if (check_pages(x, peer, 1, &ref) < 0 || check_clear(clear_offset) < 0)
		return NULL;
	return x->ops->map_notify(x, peer, ref, clear_offset, port < 0 ? -1 : port);
}

void
pvn_xen_unmap(struct pvn_xen *x, void *addr, uint32_t pages)
{
	if (x != NULL && addr != NULL)
		x->ops->unmap(x, addr, pages);
}

void
pvn_xen_limits(struct pvn_xen *x, struct pvn_xen_limits *limits)
{
	x->ops->limits(x, limits);
}

/* ---- event channels ---- */

static int
check_port(const struct pvn_xen *x, int port)
{
	if (x == NULL)
		return xen_fail(EINVAL, "a connection is needed");
	return port >= 0 ? 0 : xen_fail(EINVAL, "%d is no event channel port", port);
}

int
pvn_xen_event_alloc(struct pvn_xen *x, uint16_t peer)
{
	int ret = check_port(x, 0);

	if (ret == 0)
		ret = check_peer(peer);
	return ret < 0 ? ret : x->ops->event_alloc(x, peer);
}

int
pvn_xen_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port)
{
	int ret = check_port(x, 0);

	if (ret == 0)
		ret = check_peer(peer);
	return ret < 0 ? ret : x->ops->event_bind(x, peer, peer_port);
}

void
pvn_xen_event_close(struct pvn_xen *x, int port)
{
	if (check_port(x, port) == 0)
		x->ops->event_close(x, port);
}

int
pvn_xen_event_notify(struct pvn_xen *x, int port)
{
	int ret = check_port(x, port);

	return ret < 0 ? ret : x->ops->event_notify(x, port);
}

int
pvn_xen_event_fd(struct pvn_xen *x)
{
	int ret = check_port(x, 0);

	return ret < 0 ? ret : x->ops->event_fd(x);
}

int
pvn_xen_event_next(struct pvn_xen *x)
{
	int ret = check_port(x, 0);

	return ret < 0 ? ret : x->ops->event_next(x);
}

int
pvn_xen_event_unmask(struct pvn_xen *x, int port)
{
	int ret = check_port(x, port);

	return ret < 0 ? ret : x->ops->event_unmask(x, port);
}
