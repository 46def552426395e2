/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenvirt.h>

struct scan {
	struct pvn_xen *x;
	const struct domain *domains;
	int domain_count;
	struct device *devices;
	int count;
};

void
device_paths(struct device *d)
{
	snprintf(d->front, sizeof(d->front), XENVIRT_FRONT_DIR, d->front_id, d->handle);
	snprintf(d->back, sizeof(d->back), XENVIRT_BACK_DIR, d->back_id, d->front_id, d->handle);
}

/* ---- one device ---- */

static void
read_back(const struct scan *s, struct device *d)
{
	uint64_t online = 0;

	d->has_back = true;
	d->back_state = pvn_xenbus_state(s->x, d->back);
	for (int i = 0; i < SETTING_COUNT; i++)
		if (pvn_xenbus_read(s->x, PVN_XEN_NO_TXN, d->back, setting_name(i),
				    d->settings.value[i], sizeof(d->settings.value[i])) < 0)
			d->settings.value[i][0] = '\0';
	if (pvn_xenbus_read(s->x, PVN_XEN_NO_TXN, d->back, "error", d->error, sizeof(d->error)) < 0)
		d->error[0] = '\0';
	d->online = pvn_xenbus_read_number(s->x, PVN_XEN_NO_TXN, d->back, "online", 10, 1,
					   &online) == 0 &&
		    online == 1;
}

static void
read_front(const struct scan *s, struct device *d)
{
	d->front_lost = true;
	for (int i = 0; i < s->domain_count; i++) {
		if (s->domains[i].id != d->front_id)
			continue;
		d->front_lost = false;
		memcpy(d->front_name, s->domains[i].name, sizeof(d->front_name));
	}
	d->has_front = node_exists(s->x, PVN_XEN_NO_TXN, d->front);
	d->front_state = pvn_xenbus_state(s->x, d->front);
}

static struct device *
add(struct scan *s, uint16_t front_id, uint16_t handle, uint16_t back_id)
{
	struct device *d, *more = realloc(s->devices, (s->count + 1) * sizeof(*more));

	if (more == NULL) {
		ctl_fail("no memory");
		return NULL;
	}
	s->devices = more;
	d = &more[s->count++];
	memset(d, 0, sizeof(*d));
	d->front_id = front_id;
	d->handle = handle;
	d->back_id = back_id;
	device_paths(d);
	read_front(s, d);
	return d;
}

/* ---- all devices ---- */

int
walk_backs(struct pvn_xen *x, uint32_t txn, uint16_t back_id, const char *kind, walk_fn *found,
	   void *arg)
{
	char path[DEVICE_PATH_MAX];
	uint16_t *fronts, *handles;
	int n, ret = 0;

	snprintf(path, sizeof(path), DOMAIN_HOMES "/%u/backend/%s", back_id, kind);
	n = list_ids(x, txn, path, &fronts);
	if (n < 0)
		return n;
	for (int i = 0; i < n && ret == 0; i++) {
		int count;

		snprintf(path, sizeof(path), DOMAIN_HOMES "/%u/backend/%s/%u", back_id, kind,
			 fronts[i]);
		count = list_ids(x, txn, path, &handles);
		if (count < 0) {
			ret = count;
			break;
		}
		for (int k = 0; k < count && ret == 0; k++)
			ret = found(arg, back_id, fronts[i], handles[k]);
		free(handles);
	}
	free(fronts);
	return ret;
}

static int
found_back(void *arg, uint16_t back_id, uint16_t front_id, uint16_t handle)
{
	struct scan *s = arg;
	struct device *d = add(s, front_id, handle, back_id);

	if (d == NULL)
		return CTL_FAIL;
	read_back(s, d);
	return 0;
}

/* A front end whose back end has a directory was found with that. */
static int
found_front(struct scan *s, uint16_t front_id, uint16_t handle)
{
	uint64_t back_id = 0;
	struct device *d;

	for (int i = 0; i < s->count; i++)
		if (s->devices[i].front_id == front_id && s->devices[i].handle == handle)
			return 0;
	d = add(s, front_id, handle, 0);
	if (d == NULL)
		return CTL_FAIL;
	if (pvn_xenbus_read_number(s->x, PVN_XEN_NO_TXN, d->front, "backend-id", 10, UINT16_MAX,
				   &back_id) == 0)
		d->back_id = back_id;
	device_paths(d);
	return 0;
}

static int
scan_fronts(struct scan *s, uint16_t front_id)
{
	char path[DEVICE_PATH_MAX];
	uint16_t *handles;
	int n, ret = 0;

	snprintf(path, sizeof(path), DOMAIN_HOMES "/%u/device/" XENVIRT_TYPE, front_id);
	n = list_ids(s->x, PVN_XEN_NO_TXN, path, &handles);
	if (n < 0)
		return n;
	for (int i = 0; i < n && ret == 0; i++)
		ret = found_front(s, front_id, handles[i]);
	free(handles);
	return ret;
}

static int
compare(const void *a, const void *b)
{
	const struct device *x = a, *y = b;

	if (x->front_id != y->front_id)
		return (int)x->front_id - (int)y->front_id;
	return (int)x->handle - (int)y->handle;
}

static int
scan_all(struct scan *s)
{
	int ret = 0;

	for (int i = 0; i < s->domain_count && ret == 0; i++)
		ret = walk_backs(s->x, PVN_XEN_NO_TXN, s->domains[i].id, XENVIRT_TYPE, found_back,
				 s);
	for (int i = 0; i < s->domain_count && ret == 0; i++)
		ret = scan_fronts(s, s->domains[i].id);
	return ret;
}

int
devices_read(struct pvn_xen *x, struct device **devices)
{
	struct scan s = {.x = x};
	struct domain *domains;
	int ret;

	s.domain_count = domains_read(x, PVN_XEN_NO_TXN, &domains);
	if (s.domain_count < 0)
		return CTL_FAIL;
	s.domains = domains;
	ret = scan_all(&s);
	free(domains);
	if (ret < 0) {
		free(s.devices);
		return ret;
	}
	if (s.count > 0)
		qsort(s.devices, s.count, sizeof(*s.devices), compare);
	*devices = s.devices;
	return s.count;
}
