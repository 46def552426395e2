/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Which Xen devices there are. Watched is this domain's own directory of devices, which guests
 * cannot write to:
 *
 *	/local/domain/<we>/backend/xenvirt/<guest>/<handle>/...
 *
 * The hub's thread notes which device changed and wakes the main one, which looks at how that one
 *is now. So the cost of a change does not grow with the number of devices. Our own back ends write
 * there too; those nodes are nobody's reason. Every few seconds all are looked at, should a watch
 * have been lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pvn_compat.h>

#include "view.h"

#define ALL_S 10 /* seconds between looks at all */
#define CHANGED_MAX 256
#define EVERY_HANDLE -1

struct place {
	uint16_t front;
	int32_t handle; /* or EVERY_HANDLE */
};

static struct {
	struct pvs *sw;
	struct pvn_xen_hub *hub;
	struct pvn_xen_client client;
	char dir[PVN_XENHOST_DIR_MAX];
	unsigned int ticks; /* since the last look at all */
	pthread_mutex_t lock;
	/* Under the lock: what changed since the last look. */
	struct place changed[CHANGED_MAX];
	uint32_t count;
	bool all;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvswitch-xen", run, arg);
}

/* ---- the hub's thread ---- */

static void
note(struct place place)
{
	const uint64_t one = 1;
	uint32_t i;

	pthread_mutex_lock(&watch.lock);
	for (i = 0; i < watch.count; i++)
		if (memcmp(&watch.changed[i], &place, sizeof(place)) == 0)
			break;
	if (i == CHANGED_MAX)
		watch.all = true;
	else if (i == watch.count)
		watch.changed[watch.count++] = place;
	pthread_mutex_unlock(&watch.lock);
	(void)!write(watch.sw->wake_fd, &one, sizeof(one)); /* if full, it is awake */
}

static void
note_all(void)
{
	pthread_mutex_lock(&watch.lock);
	watch.all = true;
	pthread_mutex_unlock(&watch.lock);
	note((struct place){0});
}

/* Nodes that tell whether there is a device; those that its back end writes do not. */
static bool
tells(const char *node)
{
	static const char *const nodes[] = {"online", "instance", "mac"};

	for (size_t i = 0; i < RTE_DIM(nodes); i++)
		if (strcmp(node, nodes[i]) == 0)
			return true;
	return false;
}

static void
heard(struct pvn_xen_client *client __rte_unused, const char *path)
{
	const size_t len = strlen(watch.dir);
	unsigned int front, handle;
	char node[12] = "";
	int n = 0;

	if (strncmp(path, watch.dir, len) == 0)
		n = sscanf(path + len, "/%5u/%5u/%11s", &front, &handle, node);
	if (n <= 0)
		note_all();
	else if (n == 1)
		note((struct place){.front = front, .handle = EVERY_HANDLE});
	else if (n == 2 || tells(node))
		note((struct place){.front = front, .handle = handle});
}

static void
look(struct pvn_xen_client *client __rte_unused)
{
	/* heard() has said it all. */
}

/* ---- the main thread ---- */

/* Decimal, nothing else, at most 65535. */
static bool
parse_id(const char *text, uint16_t *id)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*id = v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && end - text <= 5 &&
	       v <= UINT16_MAX;
}

/* A device counts from when the toolstack has finished it until it goes offline. Another instance
 * at the same place is another device.
 */
static void
see_device(struct pvs *sw, uint16_t front, uint16_t handle)
{
	struct pvn_xen *x = pvn_xen_hub_xen(watch.hub);
	struct pvs_port *port = pvs_guest_find(sw, front, handle);
	char dir[PVN_XENHOST_DIR_MAX + 32], instance[PVS_INSTANCE_MAX] = "";
	uint64_t online;
	bool there;

	snprintf(dir, sizeof(dir), "%s/%u/%u", watch.dir, front, handle);
	there = pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dir, "online", 10, 1, &online) == 0 &&
		online != 0;
	if (there &&
	    pvn_xenbus_read(x, PVN_XEN_NO_TXN, dir, "instance", instance, sizeof(instance)) < 0)
		instance[0] = '\0';
	if (port != NULL && there && strcmp(port->guest->instance, instance) == 0) {
		port->guest->seen = true;
		return;
	}
	if (port != NULL)
		pvs_guest_vanish(port);
	if (port != NULL && there)
		pvs_guests_settle(sw); /* two host ends would write to the same place */
	if (there)
		pvs_guest_appear(sw, watch.hub, front, handle, instance);
}

/* Whether a port is one of those looked at. */
static bool
is_at(const struct pvs_port *port, int32_t front)
{
	return pvs_port_is_xen(port) && (front < 0 || port->guest->host.front_id == front);
}

static void
see_guest(struct pvs *sw, uint16_t front)
{
	char dir[PVN_XENHOST_DIR_MAX + 16], **handles;
	uint16_t handle;
	int n;

	snprintf(dir, sizeof(dir), "%s/%u", watch.dir, front);
	n = pvn_xen_list(pvn_xen_hub_xen(watch.hub), PVN_XEN_NO_TXN, dir, &handles);
	for (int i = 0; i < n; i++)
		if (parse_id(handles[i], &handle))
			see_device(sw, front, handle);
	if (n >= 0)
		free(handles);
}

/* All there is of one guest, or of all (-1). */
static void
see_many(struct pvs *sw, int32_t front)
{
	char **fronts;
	uint16_t id;
	int n = -1;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (is_at(&sw->port[i], front))
			sw->port[i].guest->seen = false;
	if (front >= 0)
		see_guest(sw, front);
	else
		n = pvn_xen_list(pvn_xen_hub_xen(watch.hub), PVN_XEN_NO_TXN, watch.dir, &fronts);
	for (int i = 0; i < n; i++)
		if (parse_id(fronts[i], &id))
			see_guest(sw, id);
	if (n >= 0)
		free(fronts);
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (is_at(&sw->port[i], front) && !sw->port[i].guest->seen)
			pvs_guest_vanish(&sw->port[i]);
}

void
pvs_guests_look(struct pvs *sw)
{
	static struct place changed[CHANGED_MAX];
	uint32_t count;
	bool all;

	if (watch.hub == NULL)
		return;
	pthread_mutex_lock(&watch.lock);
	all = watch.all;
	count = watch.count;
	memcpy(changed, watch.changed, count * sizeof(changed[0]));
	watch.count = 0;
	watch.all = false;
	pthread_mutex_unlock(&watch.lock);
	if (all)
		see_many(sw, -1);
	for (uint32_t i = 0; i < count && !all; i++)
		if (changed[i].handle == EVERY_HANDLE)
			see_many(sw, changed[i].front);
		else
			see_device(sw, changed[i].front, changed[i].handle);
	pvs_guests_settle(sw);
}

void
pvs_guests_tick(struct pvs *sw)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind == PVS_GUEST && sw->port[i].guest->ivshmem)
			pvs_ivshmem_tick(sw, &sw->port[i]);
	if (watch.hub != NULL && ++watch.ticks >= ALL_S) {
		watch.ticks = 0;
		see_many(sw, -1);
	}
	pvs_guests_settle(sw);
}

/* ---- begin and end ---- */

int
pvs_guests_begin(struct pvs *sw, char *why)
{
	int ret;

	if (strcmp(sw->options.xen, "off") == 0)
		return 0;
	ret = pvn_xen_hub_open(sw->options.xen, spawn, &watch.hub);
	if (ret < 0) {
		snprintf(why, PVS_WHY_MAX, "no Xen: %s (xen = off does without)", pvn_xen_why());
		watch.hub = NULL;
		return ret;
	}
	watch.sw = sw;
	watch.client = (struct pvn_xen_client){.look = look, .heard = heard, .port = -1};
	snprintf(watch.dir, sizeof(watch.dir), "/local/domain/%u/backend/" XENVIRT_TYPE,
		 pvn_xen_domid(pvn_xen_hub_xen(watch.hub)));
	pvn_xen_hub_add(watch.hub, &watch.client);
	pvn_xen_hub_lock(watch.hub);
	/* It fires once for what is there already. */
	ret = pvn_xen_hub_watch(watch.hub, &watch.client, watch.dir);
	pvn_xen_hub_unlock(watch.hub);
	if (ret < 0)
		snprintf(why, PVS_WHY_MAX, "cannot watch %s: %s", watch.dir, pvn_xen_why());
	return ret;
}

void
pvs_guests_end(struct pvs *sw)
{
	if (watch.hub == NULL)
		return;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (pvs_port_is_xen(&sw->port[i]))
			pvs_guest_vanish(&sw->port[i]);
	pvs_guests_settle(sw);
	pvn_xen_hub_lock(watch.hub);
	pvn_xen_hub_unwatch(watch.hub, &watch.client, watch.dir);
	pvn_xen_hub_unlock(watch.hub);
	pvn_xen_hub_remove(watch.hub, &watch.client);
	pvn_xen_hub_close(watch.hub);
	watch.hub = NULL;
}
