/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The memory that a connection has mapped: what unshare and unmap may end, and what close must end.
 */
#ifndef XEN_AREA_H
#define XEN_AREA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum xen_area_kind {
	XEN_AREA_SHARE,
	XEN_AREA_MAP,
};

struct xen_area {
	void *addr;
	uint32_t pages;
	uint32_t id; /* for the implementation */
	enum xen_area_kind kind;
};

struct xen_areas {
	pthread_mutex_t lock;
	struct xen_area *v;
	uint32_t count;
	uint32_t room;
};

void xen_areas_init(struct xen_areas *areas);

/* Frees the table; what is in it stays mapped. */
void xen_areas_free(struct xen_areas *areas);

/* 0 or -ENOMEM. */
int xen_areas_add(struct xen_areas *areas, const struct xen_area *area);

/* Takes out the area that is exactly this one; false, and a text for pvn_xen_why(), if none is. */
bool xen_areas_take(struct xen_areas *areas, enum xen_area_kind kind, void *addr, uint32_t pages,
		    struct xen_area *out);

/* Takes out any area; false when none is left. */
bool xen_areas_pop(struct xen_areas *areas, struct xen_area *out);

#endif /* XEN_AREA_H */
