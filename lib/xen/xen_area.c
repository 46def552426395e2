/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A plain array: a driver has a handful of areas, each of many pages.
 */
#include "xen_area.h"
#include "xen_ops.h"

#include <errno.h>
#include <stdlib.h>

void
xen_areas_init(struct xen_areas *areas)
{
	*areas = (struct xen_areas){.v = NULL};
	pthread_mutex_init(&areas->lock, NULL);
}

void
xen_areas_free(struct xen_areas *areas)
{
	free(areas->v);
	pthread_mutex_destroy(&areas->lock);
}

static int
make_room(struct xen_areas *areas)
{
	uint32_t room = areas->room == 0 ? 16 : 2 * areas->room;
	struct xen_area *v;

	if (areas->count < areas->room)
		return 0;
	v = realloc(areas->v, room * sizeof(*v));
	if (v == NULL)
		return xen_fail(ENOMEM, "no memory for a table of %u mappings", room);
	areas->v = v;
	areas->room = room;
	return 0;
}

int
xen_areas_add(struct xen_areas *areas, const struct xen_area *area)
{
	int ret;

	pthread_mutex_lock(&areas->lock);
	ret = make_room(areas);
	if (ret == 0)
		areas->v[areas->count++] = *area;
	pthread_mutex_unlock(&areas->lock);
	return ret;
}

bool
xen_areas_take(struct xen_areas *areas, enum xen_area_kind kind, void *addr, uint32_t pages,
	       struct xen_area *out)
{
	bool found = false;

	pthread_mutex_lock(&areas->lock);
	for (uint32_t i = 0; i < areas->count && !found; i++) {
		struct xen_area *a = &areas->v[i];

		if (a->kind != kind || a->addr != addr || a->pages != pages)
			continue;
		*out = *a;
		*a = areas->v[--areas->count];
		found = true;
	}
	pthread_mutex_unlock(&areas->lock);
	if (!found)
		xen_fail(EINVAL, "%u pages at %p are not what one %s call made", pages, addr,
			 kind == XEN_AREA_SHARE ? "share" : "map");
	return found;
}

bool
xen_areas_pop(struct xen_areas *areas, struct xen_area *out)
{
	bool found;

	pthread_mutex_lock(&areas->lock);
	found = areas->count > 0;
	if (found)
		*out = areas->v[--areas->count];
	pthread_mutex_unlock(&areas->lock);
	return found;
}
