/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_xenback with watch=1: makes a port for each device that the toolstack gives to this back end,
 * and removes it when the toolstack takes the device away. Applications hear of both by
 * RTE_ETH_EVENT_NEW, RTE_ETH_EVENT_INTR_RMV and RTE_ETH_EVENT_DESTROY.
 *
 * A device that goes offline leaves its port to the application, which hears of it by INTR_RMV and
 * may be polling: it stops, closes and detaches the port, or we do some time after it was stopped.
 *
 * Watched is this back end's own directory of xenvirt devices, which guests cannot write to. EAL's
 * hot plug needs a thread of its own: it waits for control threads of this process, and may not be
 * called from a callback. So the hub's thread only wakes this one.
 *
 * The first look is the probing thread's own, so that devices which exist have their ports when
 * rte_eal_init() returns. EAL's lock of virtual devices is that thread's then, if it is held at
 * all, and may be taken twice. Until that look is over the watch's thread waits: EAL goes through
 * its devices without a lock while it starts.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_malloc.h>

#include "xenback_pmd.h"

/* Guest devices that one watch makes ports of; EAL has no more ports. */
#define DEVICES_MAX RTE_MAX_ETHPORTS

/* Time for an application to detach a port that it has stopped. */
#define APPLICATION_S 5

/* A guest device, and whether the last look saw it. */
struct guest_device {
	uint16_t front_id;
	uint16_t handle;
	char instance[20]; /* differs from that of an earlier device at the same place */
	bool seen;
	bool leaving;	  /* was offline once; if it comes back, that is another port */
	uint64_t give_up; /* when we remove its port ourselves, in timer cycles */
	bool failed;	  /* no port could be made; not tried again while it is there */
};

struct watch {
	TAILQ_ENTRY(watch) next;
	struct rte_vdev_device *vdev;
	struct pvn_xen_hub *hub;
	struct pvn_xen_client client;
	char *xen;
	char dir[PVN_XENHOST_DIR_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool begun; /* the first look is over */
	bool woken;
	bool stopping;
	struct guest_device devices[DEVICES_MAX];
	uint32_t count;
};

static TAILQ_HEAD(, watch) watches = TAILQ_HEAD_INITIALIZER(watches);

static void
port_name(const struct guest_device *d, char *name, size_t size)
{
	snprintf(name, size, "net_xenback_%u_%u", d->front_id, d->handle);
}

static void
add_port(struct watch *w, struct guest_device *d)
{
	char name[RTE_DEV_NAME_MAX_LEN], args[PVN_XEN_PATH_MAX];
	int ret;

	port_name(d, name, sizeof(name));
	snprintf(args, sizeof(args), "frontend=%u,handle=%u,xen=%s", d->front_id, d->handle,
		 w->xen);
	ret = rte_eal_hotplug_add("vdev", name, args);
	d->failed = ret < 0;
	if (ret < 0)
		XENBACK_LOG(ERR, name, "no port for domain %u, device %u: %s", d->front_id,
			    d->handle, rte_strerror(-ret));
}

/* The virtual device itself, which stays when an application closes the port of it. */
static bool
device_exists(const char *name)
{
	char filter[RTE_DEV_NAME_MAX_LEN + 16];
	struct rte_dev_iterator it;
	struct rte_device *dev;
	bool found = false;

	snprintf(filter, sizeof(filter), "bus=vdev,name=%s", name);
	RTE_DEV_FOREACH(dev, filter, &it)
	found = true;
	return found;
}

/* The application has stopped the port, or closed it, and is about to detach it: that must not
 * happen twice.
 */
static bool
wait_for_application(struct guest_device *d)
{
	uint64_t now = rte_get_timer_cycles();

	if (d->give_up == 0)
		d->give_up = now + APPLICATION_S * rte_get_timer_hz();
	return now < d->give_up;
}

/* Whether the port is gone now. A port that is started may be polled, and one whose end was told by
 * INTR_RMV is the application's to stop, close and detach; it gets time for that. Other ports go at
 * once. Until it is gone, a look comes with each tick.
 */
static bool
remove_port(struct guest_device *d)
{
	char name[RTE_DEV_NAME_MAX_LEN];
	const struct rte_eth_dev *eth;

	port_name(d, name, sizeof(name));
	if (d->failed || !device_exists(name))
		return true;
	eth = rte_eth_dev_allocated(name);
	if (eth != NULL && eth->data->dev_started != 0)
		return false;
	if ((eth == NULL || xenback_dev(eth)->told_going) && wait_for_application(d))
		return false;
	if (rte_eal_hotplug_remove("vdev", name) < 0)
		XENBACK_LOG(ERR, name, "the port could not be removed");
	return true;
}

/* Decimal, nothing else, at most 65535. */
static bool
parse_id(const char *text, uint16_t *id)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*id = v;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v <= UINT16_MAX;
}

/* Reads what distinguishes a device. It counts from when the toolstack has finished it until it
 * goes offline.
 */
static bool
read_device(struct watch *w, const char *front, const char *handle, struct guest_device *d)
{
	struct pvn_xen *x = pvn_xen_hub_xen(w->hub);
	char dir[PVN_XENHOST_DIR_MAX + 32];
	uint64_t online;

	*d = (struct guest_device){.seen = true};
	snprintf(dir, sizeof(dir), "%s/%s/%s", w->dir, front, handle);
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, dir, "instance", d->instance, sizeof(d->instance)) <
	    0)
		d->instance[0] = '\0'; /* another toolstack's: then this place is all there is */
	return parse_id(front, &d->front_id) && parse_id(handle, &d->handle) &&
	       pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dir, "online", 10, 1, &online) == 0 &&
	       online == 1;
}

static struct guest_device *
find_device(struct watch *w, const struct guest_device *d)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (w->devices[i].front_id == d->front_id && w->devices[i].handle == d->handle)
			return &w->devices[i];
	return NULL;
}

static void
see_device(struct watch *w, const struct guest_device *d)
{
	struct guest_device *known = find_device(w, d);

	if (known != NULL) {
		known->seen = strcmp(known->instance, d->instance) == 0;
		return; /* another one has to wait until the port of the earlier one is gone */
	}
	if (w->count == DEVICES_MAX)
		return;
	known = &w->devices[w->count++];
	*known = *d;
	add_port(w, known);
}

static void
see_guest(struct watch *w, const char *front)
{
	char dir[PVN_XENHOST_DIR_MAX + 16], **handles;
	struct guest_device d;
	int n;

	if (strlen(front) > 5)
		return; /* no domain's number */
	snprintf(dir, sizeof(dir), "%s/%s", w->dir, front);
	n = pvn_xen_list(pvn_xen_hub_xen(w->hub), PVN_XEN_NO_TXN, dir, &handles);
	for (int i = 0; i < n; i++)
		if (strlen(handles[i]) <= 5 && read_device(w, front, handles[i], &d))
			see_device(w, &d);
	if (n >= 0)
		free(handles);
}

/* Compares what there is with what we made ports of. */
static void
look_around(struct watch *w)
{
	char **fronts;
	int n;

	for (uint32_t i = 0; i < w->count; i++)
		w->devices[i].seen = false;
	n = pvn_xen_list(pvn_xen_hub_xen(w->hub), PVN_XEN_NO_TXN, w->dir, &fronts);
	for (int i = 0; i < n; i++)
		see_guest(w, fronts[i]);
	if (n >= 0)
		free(fronts);
	for (uint32_t i = 0; i < w->count;) {
		struct guest_device *d = &w->devices[i];

		d->leaving = d->leaving || !d->seen;
		if (d->leaving && remove_port(d))
			*d = w->devices[--w->count];
		else
			i++;
	}
}

static void *
watch_run(void *arg)
{
	struct watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		if (!w->begun || !w->woken) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		w->woken = false;
		pthread_mutex_unlock(&w->lock);
		look_around(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* In the thread that probes. */
static void
first_look(struct watch *w)
{
	look_around(w);
	pthread_mutex_lock(&w->lock);
	w->begun = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static void
watch_wake(struct watch *w, bool stop)
{
	pthread_mutex_lock(&w->lock);
	w->woken = true;
	w->stopping = w->stopping || stop;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static void
watch_look(struct pvn_xen_client *client)
{
	watch_wake(container_of(client, struct watch, client), false);
}

static void
watch_free(struct watch *w)
{
	if (w->hub != NULL)
		pvn_xen_hub_close(w->hub);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w->xen);
	free(w);
}

/* The watch's own thread and the watch in the store. */
static int
watch_begin(struct watch *w)
{
	int ret;

	snprintf(w->dir, sizeof(w->dir), "/local/domain/%u/backend/" XENVIRT_TYPE,
		 pvn_xen_domid(pvn_xen_hub_xen(w->hub)));
	pvn_xen_hub_add(w->hub, &w->client);
	pvn_xen_hub_lock(w->hub);
	ret = pvn_xen_hub_watch(w->hub, &w->client, w->dir);
	pvn_xen_hub_unlock(w->hub);
	if (ret == 0)
		ret = xenback_spawn(&w->thread, watch_run, w);
	if (ret == 0)
		return 0;
	XENBACK_LOG(ERR, rte_vdev_device_name(w->vdev), "cannot watch %s: %s", w->dir,
		    pvn_xen_why());
	pvn_xen_hub_remove(w->hub, &w->client);
	return ret;
}

int
xenback_watch_start(struct rte_vdev_device *vdev, const struct xenback_args *args)
{
	struct watch *w = calloc(1, sizeof(*w));
	int ret;

	if (w == NULL)
		return -ENOMEM;
	w->vdev = vdev;
	w->client.look = watch_look;
	w->client.port = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->xen = strdup(args->xen != NULL ? args->xen : "xen");
	ret = w->xen == NULL ? -ENOMEM : pvn_xen_hub_open(w->xen, xenback_spawn, &w->hub);
	if (ret < 0)
		XENBACK_LOG(ERR, args->name, "no Xen: %s", pvn_xen_why());
	else
		ret = watch_begin(w);
	if (ret < 0) {
		watch_free(w);
		return ret;
	}
	TAILQ_INSERT_TAIL(&watches, w, next);
	first_look(w);
	return 0;
}

bool
xenback_watch_stop(struct rte_vdev_device *vdev)
{
	struct watch *w;

	TAILQ_FOREACH (w, &watches, next)
		if (w->vdev == vdev)
			break;
	if (w == NULL)
		return false;
	TAILQ_REMOVE(&watches, w, next);
	pvn_xen_hub_lock(w->hub);
	pvn_xen_hub_unwatch(w->hub, &w->client, w->dir);
	pvn_xen_hub_unlock(w->hub);
	pvn_xen_hub_remove(w->hub, &w->client);
	watch_wake(w, true);
	pthread_join(w->thread, NULL);
	watch_free(w);
	return true;
}
