/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Ports of Xen guests: one for each device that the toolstack gives to this back end, for as long
 * as it is there; watch.c says when. What the toolstack allows, the operator's settings can narrow,
 * not widen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include <pvn_compat.h>

#include "view.h"

/* Ports came or are to go, and workers do not know yet: one view for all of them. */
static bool unsettled;

/* ---- a guest's settings ---- */

/* Whether a section [guest NAME] is about this port. */
static bool
is_about(const char *name, const struct pvs_port *port)
{
	return strcmp(name, port->name + strlen("xen")) == 0 || /* DOMID.HANDLE */
	       strcmp(name, port->name) == 0 || strcmp(name, port->guest_name) == 0;
}

/* As if the operator had said so last; what was said of another mode is void. */
static void
force_vlan(struct pvs_settings *set, uint16_t vlan)
{
	struct pvs_settings more = {0};
	char number[8], why[PVS_WHY_MAX];

	snprintf(number, sizeof(number), "%u", vlan);
	if (pvs_settings_word(&more, "mode", "access", why) < 0 ||
	    pvs_settings_word(&more, "vlan", number, why) < 0)
		PVS_LOG(ERR, "%s", why); /* the store's reader has checked it */
	pvs_settings_overlay(set, &more);
}

int
pvs_guest_check(const struct pvs_port *port, const struct pvs_settings *set, char *why)
{
	const uint32_t vlan = port->guest->store_vlan;

	if (vlan == 0 || set->switch_.mode == PVN_SWITCH_OFF ||
	    (set->switch_.mode == PVN_SWITCH_ACCESS && set->switch_.vid == vlan))
		return 0;
	snprintf(why, PVS_WHY_MAX,
		 "the toolstack gave it VLAN %u: expected mode=access with that vlan, or mode=off",
		 vlan);
	return -EINVAL;
}

void
pvs_guest_rate(struct pvs_port *port)
{
	struct pvn_hostend *host = port->guest->end;
	uint64_t rate = port->set.rate;

	if (rate == 0 || (host->rate != 0 && host->rate < rate))
		rate = host->rate;
	if (pvn_host_policy_rate(&host->policy, rate) < 0)
		PVS_LOG(ERR, "port %s: a rate of %" PRIu64 " bits per second is not possible",
			port->name, rate);
}

/* What the operator says of all guests, then of this one, then the toolstack's VLAN. */
static void
apply_settings(struct pvs *sw, struct pvs_port *port)
{
	char why[PVS_WHY_MAX];

	port->set = sw->options.guests;
	for (uint32_t i = 0; i < sw->options.guests_named; i++)
		if (is_about(sw->options.guest[i].name, port))
			pvs_settings_overlay(&port->set, &sw->options.guest[i].set);
	if (port->guest->store_vlan != 0 && port->set.switch_.mode != PVN_SWITCH_OFF)
		force_vlan(&port->set, port->guest->store_vlan);
	pvs_guest_rate(port);
	if (pvs_settings_check(&port->set, why) == 0)
		return;
	PVS_LOG(ERR, "port %s: %s; it is off", port->name, why);
	port->set.switch_.mode = PVN_SWITCH_OFF;
}

void
pvs_guests_set(struct pvs *sw)
{
	struct pvs_settings *before = calloc(PVS_PORTS_MAX, sizeof(*before));
	char why[PVS_WHY_MAX];

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		if (!pvs_port_is_xen(&sw->port[i]))
			continue;
		if (before != NULL)
			before[i] = sw->port[i].set;
		apply_settings(sw, &sw->port[i]);
	}
	if (pvs_view_publish(sw, why) < 0)
		PVS_LOG(ERR, "%s; the next tick tries again", why);
	for (uint32_t i = 0; i < PVS_PORTS_MAX && before != NULL; i++)
		if (pvs_port_is_xen(&sw->port[i]))
			pvs_port_settled(sw, &sw->port[i], &before[i]);
	free(before);
}

/* ---- coming ---- */

/* No view has it. When this returns, no thread uses it. */
static void
guest_free(struct pvs_guest *guest)
{
	pvn_xenhost_fini(&guest->host);
	rte_free(guest);
}

uint32_t
pvs_guest_queues(const struct pvs *sw, struct pvs_guest *guest)
{
	struct pvn_hostend *end = guest->end;
	const uint32_t queues = RTE_MIN(sw->workers, PVN_HOSTEND_QUEUES_MAX);

	end->features = RTE_BIT64(VIRTIO_NET_F_CSUM) | RTE_BIT64(VIRTIO_NET_F_HOST_TSO4) |
			RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);
	end->rx_queues = queues;
	end->tx_queues = sw->workers;
	for (uint32_t q = 0; q < queues; q++)
		end->rxq[q] = &guest->rxq[q];
	for (uint32_t q = 0; q < sw->workers; q++) {
		rte_spinlock_init(&guest->txq[q].lock);
		end->txq[q] = &guest->txq[q];
	}
	return queues;
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
	const uint16_t number = pvs_port_number(sw, port);

	port->guest = guest;
	port->mac = pvn_mac_from_bytes(guest->host.end.policy.mac.addr_bytes);
	read_names(port, guest);
	apply_settings(sw, port);
	pvs_view_place(sw, guest->source, number, pvs_guest_queues(sw, guest));
	if (pvn_xenhost_start(&guest->host) < 0)
		return -EIO;
	port->kind = PVS_GUEST;
	unsettled = true;
	pvn_fdb_port_set(sw->fdb, number, port->set.learn, port->set.secured);
	return 0;
}

void
pvs_guest_appear(struct pvs *sw, struct pvn_xen_hub *hub, uint16_t front_id, uint16_t handle,
		 const char *instance)
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
	guest->hub = hub;
	guest->seen = true;
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	guest->end = &guest->host.end;
	guest->host.end.name = guest->name;
	guest->host.end.logtype = pvs_logtype;
	snprintf(guest->instance, sizeof(guest->instance), "%s", instance);
	if (pvn_xenhost_init(&guest->host, hub, front_id, handle) < 0) {
		rte_free(guest);
		*port = (struct pvs_port){0};
		return;
	}
	if (add_port(sw, port, guest) == 0) {
		PVS_LOG(NOTICE, "port %s: appeared", port->name);
		return;
	}
	guest_free(guest);
	pvs_port_free(sw, port);
}

/* ---- going ---- */

void
pvs_guest_vanish(struct pvs_port *port)
{
	port->kind = PVS_GOING;
	unsettled = true;
}

void
pvs_guests_settle(struct pvs *sw)
{
	char why[PVS_WHY_MAX];

	if (!unsettled)
		return;
	if (pvs_view_publish(sw, why) < 0) {
		PVS_LOG(ERR, "%s; the next tick tries again", why);
		return;
	}
	unsettled = false;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		struct pvs_guest *guest = sw->port[i].guest;

		if (sw->port[i].kind != PVS_GOING)
			continue;
		PVS_LOG(NOTICE, "port %s: gone", sw->port[i].name);
		pvs_port_free(sw, &sw->port[i]);
		guest_free(guest);
	}
}

struct pvs_port *
pvs_guest_find(struct pvs *sw, uint16_t front_id, uint16_t handle)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		struct pvs_port *port = &sw->port[i];

		if (pvs_port_is_xen(port) && port->guest->host.front_id == front_id &&
		    port->guest->host.handle == handle)
			return port;
	}
	return NULL;
}
