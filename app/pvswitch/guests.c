/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Xen guests: a port for each device that the toolstack gives to this back end, for as long as it
 * is there. Watched is this domain's own directory of devices, which guests cannot write to. The
 * hub's thread only wakes the main one, which looks at what there is and compares.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_malloc.h>

#include <pvn_compat.h>

#include "view.h"

static struct {
	struct pvs *sw;
	struct pvn_xen_hub *hub;
	struct pvn_xen_client client;
	char dir[PVN_XENHOST_DIR_MAX];
} guests;

static int
spawn(pthread_t *thread, void *(*run)(void *), void *arg)
{
	return pvn_control_thread(thread, "pvswitch-xen", run, arg);
}

static void
wake(struct pvs *sw)
{
	const uint64_t one = 1;

	if (write(sw->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is awake */
}

static void
watch_look(struct pvn_xen_client *client __rte_unused)
{
	wake(guests.sw);
}

/* From the hub's thread: the link changed, or the device is to go. */
static void
host_changed(struct pvn_xenhost *host)
{
	wake(container_of(host, struct pvs_guest, host)->sw);
}

/* ---- a guest's settings ---- */

/* Whether a section [guest NAME] is about this port. */
static bool
is_about(const char *name, const struct pvs_port *port)
{
	return strcmp(name, port->name) == 0 || strcmp(name, port->guest_name) == 0;
}

/* What the operator says of all guests, then of this one, then the toolstack's VLAN. */
static void
apply_settings(struct pvs *sw, struct pvs_port *port)
{
	struct pvn_switch_port *forward = &port->set.switch_;
	char why[PVS_WHY_MAX];

	port->set = sw->options.guests;
	for (uint32_t i = 0; i < sw->options.guests_named; i++)
		if (is_about(sw->options.guest[i].name, port))
			pvs_settings_overlay(&port->set, &sw->options.guest[i].set);
	if (port->guest->store_vlan != 0 && forward->mode != PVN_SWITCH_OFF) {
		/* The configuration may narrow what the toolstack said, not widen it. */
		forward->mode = PVN_SWITCH_ACCESS;
		forward->vid = port->guest->store_vlan;
	}
	if (pvs_settings_check(&port->set, why) == 0)
		return;
	PVS_LOG(ERR, "port %s: %s; it is off", port->name, why);
	forward->mode = PVN_SWITCH_OFF;
}

void
pvs_guests_set(struct pvs *sw)
{
	char why[PVS_WHY_MAX];

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		if (sw->port[i].kind != PVS_GUEST)
			continue;
		apply_settings(sw, &sw->port[i]);
		pvn_fdb_port_set(sw->fdb, i, sw->port[i].set.learn, sw->port[i].set.secured);
	}
	if (pvs_view_publish(sw, why) < 0)
		PVS_LOG(ERR, "%s", why);
}

/* ---- coming ---- */

static int
start_host(struct pvs *sw, struct pvs_guest *guest)
{
	struct pvn_xenhost *host = &guest->host;
	const uint32_t queues = RTE_MIN(sw->workers, XENVIRT_QUEUES_MAX);

	host->features = RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
			 RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);
	host->rx_queues = queues;
	host->tx_queues = sw->workers;
	for (uint32_t q = 0; q < queues; q++)
		host->rxq[q] = &guest->rxq[q];
	for (uint32_t q = 0; q < sw->workers; q++) {
		rte_spinlock_init(&guest->txq[q].lock);
		host->txq[q] = &guest->txq[q];
	}
	return pvn_xenhost_start(host);
}

static void
read_names(struct pvs_port *port, struct pvs_guest *guest)
{
	struct pvn_xen *x = pvn_xen_hub_xen(guest->hub);
	char home[40];
	uint64_t vlan;

	snprintf(home, sizeof(home), "/local/domain/%u", guest->host.front_id);
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, home, "name", port->guest_name,
			    sizeof(port->guest_name)) < 0)
		port->guest_name[0] = '\0'; /* only domain 0 may ask */
	if (pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, guest->host.back, "vlan", 10, PVN_VID_MAX,
				   &vlan) == 0)
		guest->store_vlan = vlan;
}

/* The port of a guest whose host end is there. */
static int
add_port(struct pvs *sw, struct pvs_port *port, struct pvs_guest *guest)
{
	char why[PVS_WHY_MAX] = "";
	const uint16_t number = pvs_port_number(sw, port);

	port->guest = guest;
	port->mac = pvn_mac_from_bytes(guest->host.policy.mac.addr_bytes);
	read_names(port, guest);
	apply_settings(sw, port);
	pvs_view_place(sw, guest->source, number, RTE_MIN(sw->workers, XENVIRT_QUEUES_MAX));
	if (start_host(sw, guest) < 0)
		return -EIO;
	port->kind = PVS_GUEST;
	pvn_fdb_port_set(sw->fdb, number, port->set.learn, port->set.secured);
	if (pvs_view_publish(sw, why) == 0)
		return 0;
	PVS_LOG(ERR, "port %s: %s", port->name, why);
	return -EINVAL;
}

static void
appear(struct pvs *sw, uint16_t front_id, uint16_t handle, const char *instance)
{
	struct pvs_guest *guest = rte_zmalloc("pvs_guest", sizeof(*guest), RTE_CACHE_LINE_SIZE);
	char name[PVS_NAME_MAX];
	struct pvs_port *port;

	snprintf(name, sizeof(name), "xen%u.%u", front_id, handle);
	port = guest == NULL ? NULL : pvs_port_new(sw, name);
	if (port == NULL) {
		PVS_LOG(ERR, "no port for %s: %s", name,
			guest == NULL ? "out of memory" : "all are in use");
		rte_free(guest);
		return;
	}
	guest->sw = sw;
	guest->hub = guests.hub;
	guest->seen = true;
	guest->host.name = port->name;
	guest->host.logtype = pvs_logtype;
	guest->host.changed = host_changed;
	snprintf(guest->instance, sizeof(guest->instance), "%s", instance);
	if (pvn_xenhost_init(&guest->host, guests.hub, front_id, handle) < 0) {
		rte_free(guest);
		*port = (struct pvs_port){0};
		return;
	}
	if (add_port(sw, port, guest) == 0) {
		PVS_LOG(NOTICE, "port %s: appeared", port->name);
		return;
	}
	pvs_guest_free(guest);
	pvs_port_free(sw, port);
}

/* ---- going ---- */

void
pvs_guest_free(struct pvs_guest *guest)
{
	pvn_xenhost_fini(&guest->host);
	rte_free(guest);
}

static void
vanish(struct pvs *sw, struct pvs_port *port)
{
	struct pvs_guest *guest = port->guest;
	char why[PVS_WHY_MAX];

	port->kind = PVS_FREE;
	if (pvs_view_publish(sw, why) < 0) {
		port->kind = PVS_GUEST; /* the next look tries again */
		return;
	}
	PVS_LOG(NOTICE, "port %s: gone", port->name);
	pvs_port_free(sw, port);
	pvs_guest_free(guest);
}

/* ---- looking ---- */

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

static struct pvs_port *
find_guest(struct pvs *sw, uint16_t front_id, uint16_t handle)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		struct pvs_port *port = &sw->port[i];

		if (port->kind == PVS_GUEST && port->guest->host.front_id == front_id &&
		    port->guest->host.handle == handle)
			return port;
	}
	return NULL;
}

/* A device counts from when the toolstack has finished it until it goes offline. */
static void
see_device(struct pvs *sw, const char *front, const char *handle)
{
	struct pvn_xen *x = pvn_xen_hub_xen(guests.hub);
	char dir[PVN_XENHOST_DIR_MAX + 32], instance[20] = "";
	struct pvs_port *port;
	uint16_t front_id, number;
	uint64_t online;

	if (!parse_id(front, &front_id) || !parse_id(handle, &number))
		return;
	snprintf(dir, sizeof(dir), "%s/%s/%s", guests.dir, front, handle);
	if (pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dir, "online", 10, 1, &online) < 0 ||
	    online == 0)
		return;
	if (pvn_xenbus_read(x, PVN_XEN_NO_TXN, dir, "instance", instance, sizeof(instance)) < 0)
		instance[0] = '\0';
	port = find_guest(sw, front_id, number);
	if (port != NULL && strcmp(port->guest->instance, instance) == 0) {
		port->guest->seen = true;
		return;
	}
	if (port != NULL)
		vanish(sw, port);
	appear(sw, front_id, number, instance);
}

static void
see_guest(struct pvs *sw, const char *front)
{
	char dir[PVN_XENHOST_DIR_MAX + 16], **handles;
	int n;

	snprintf(dir, sizeof(dir), "%s/%.8s", guests.dir, front);
	n = pvn_xen_list(pvn_xen_hub_xen(guests.hub), PVN_XEN_NO_TXN, dir, &handles);
	for (int i = 0; i < n; i++)
		see_device(sw, front, handles[i]);
	if (n >= 0)
		free(handles);
}

void
pvs_guests_look(struct pvs *sw)
{
	char **fronts;
	int n;

	if (guests.hub == NULL)
		return;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind == PVS_GUEST)
			sw->port[i].guest->seen = false;
	n = pvn_xen_list(pvn_xen_hub_xen(guests.hub), PVN_XEN_NO_TXN, guests.dir, &fronts);
	for (int i = 0; i < n; i++)
		see_guest(sw, fronts[i]);
	if (n >= 0)
		free(fronts);
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind == PVS_GUEST && !sw->port[i].guest->seen)
			vanish(sw, &sw->port[i]);
}

int
pvs_guests_begin(struct pvs *sw, char *why)
{
	int ret;

	if (strcmp(sw->options.xen, "off") == 0)
		return 0;
	ret = pvn_xen_hub_open(sw->options.xen, spawn, &guests.hub);
	if (ret < 0) {
		snprintf(why, PVS_WHY_MAX, "no Xen: %s (xen = off does without)", pvn_xen_why());
		guests.hub = NULL;
		return ret;
	}
	guests.sw = sw;
	guests.client = (struct pvn_xen_client){.look = watch_look, .port = -1};
	snprintf(guests.dir, sizeof(guests.dir), "/local/domain/%u/backend/" XENVIRT_TYPE,
		 pvn_xen_domid(pvn_xen_hub_xen(guests.hub)));
	pvn_xen_hub_add(guests.hub, &guests.client);
	pvn_xen_hub_lock(guests.hub);
	ret = pvn_xen_hub_watch(guests.hub, &guests.client, guests.dir);
	pvn_xen_hub_unlock(guests.hub);
	if (ret < 0)
		snprintf(why, PVS_WHY_MAX, "cannot watch %s: %s", guests.dir, pvn_xen_why());
	return ret;
}

void
pvs_guests_end(struct pvs *sw)
{
	if (guests.hub == NULL)
		return;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind == PVS_GUEST)
			vanish(sw, &sw->port[i]);
	pvn_xen_hub_lock(guests.hub);
	pvn_xen_hub_unwatch(guests.hub, &guests.client, guests.dir);
	pvn_xen_hub_unlock(guests.hub);
	pvn_xen_hub_remove(guests.hub, &guests.client);
	pvn_xen_hub_close(guests.hub);
	guests.hub = NULL;
}
