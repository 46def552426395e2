/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The ports there are, and what changes them. All in the main thread.
 */
#include <errno.h>
#include <string.h>

#include <pvn_compat.h>

#include "view.h"

struct pvs_port *
pvs_port_find(struct pvs *sw, const char *name)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind != PVS_FREE && sw->port[i].kind != PVS_GOING &&
		    strcmp(sw->port[i].name, name) == 0)
			return &sw->port[i];
	return NULL;
}

struct pvs_port *
pvs_port_new(struct pvs *sw, const char *name)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		struct pvs_port *port = &sw->port[i];

		if (port->kind != PVS_FREE)
			continue;
		*port = (struct pvs_port){0};
		snprintf(port->name, sizeof(port->name), "%s", name);
		for (uint32_t w = 0; w < sw->workers; w++)
			memset(&sw->counts[w][i], 0, sizeof(sw->counts[w][i]));
		return port;
	}
	return NULL;
}

void
pvs_port_free(struct pvs *sw, struct pvs_port *port)
{
	pvn_fdb_flush(sw->fdb, pvs_port_number(sw, port), PVN_FDB_ANY, true);
	*port = (struct pvs_port){0};
}

static void
set_learning(struct pvs *sw, const struct pvs_port *port)
{
	pvn_fdb_port_set(sw->fdb, pvs_port_number(sw, port), port->set.learn, port->set.secured);
}

/* Addresses that were learned in VLANs it has left would be looked for there in vain. */
void
pvs_port_settled(struct pvs *sw, const struct pvs_port *port, const struct pvs_settings *before)
{
	const struct pvn_switch_port *a = &before->switch_, *b = &port->set.switch_;

	set_learning(sw, port);
	if (a->mode != b->mode || a->vid != b->vid ||
	    memcmp(&a->vlans, &b->vlans, sizeof(a->vlans)) != 0)
		pvn_fdb_flush(sw->fdb, pvs_port_number(sw, port), PVN_FDB_ANY, false);
}

static void
close_port(struct pvs_eth *eth, struct pvs_guest *guest)
{
	if (guest != NULL)
		pvs_ivshmem_close(guest);
	else
		pvs_eth_close(eth);
}

int
pvs_port_add(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why)
{
	struct pvs_port *port;
	int ret = pvs_settings_check(set, why);

	if (ret < 0)
		return ret;
	if (pvs_port_find(sw, name) != NULL) {
		snprintf(why, PVS_WHY_MAX, "there is a port %s already", name);
		return -EEXIST;
	}
	port = pvs_port_new(sw, name);
	if (port == NULL) {
		snprintf(why, PVS_WHY_MAX, "there are %u ports, no more are possible",
			 PVS_PORTS_MAX);
		return -ENOSPC;
	}
	port->set = *set;
	ret = pvs_ivshmem_is(set->device) ? pvs_ivshmem_open(sw, port, why)
					  : pvs_eth_open(sw, port, why);
	if (ret < 0) {
		*port = (struct pvs_port){0};
		return ret;
	}
	port->kind = port->guest != NULL ? PVS_GUEST : PVS_ETH;
	set_learning(sw, port);
	ret = pvs_view_publish(sw, why);
	if (ret < 0) {
		close_port(port->eth, port->guest);
		pvs_port_free(sw, port);
		return ret;
	}
	PVS_LOG(NOTICE, "port %s: added, device %s", name, set->device);
	return 0;
}

int
pvs_port_remove(struct pvs *sw, const char *name, char *why)
{
	struct pvs_port *port = pvs_port_find(sw, name);
	struct pvs_guest *guest;
	struct pvs_eth *eth;
	enum pvs_kind kind;
	int ret;

	if (port == NULL || !pvs_port_is_ours(port)) {
		snprintf(why, PVS_WHY_MAX,
			 port == NULL ? "there is no port %s"
				      : "port %s goes with its device: pvnctl xen detach",
			 name);
		return port == NULL ? -ENOENT : -EINVAL;
	}
	eth = port->eth;
	guest = port->guest;
	kind = port->kind;
	port->kind = PVS_FREE;
	ret = pvs_view_publish(sw, why);
	if (ret < 0) {
		port->kind = kind;
		return ret;
	}
	PVS_LOG(NOTICE, "port %s: removed", name);
	pvs_port_free(sw, port);
	close_port(eth, guest);
	return 0;
}

int
pvs_port_set(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why)
{
	struct pvs_port *port = pvs_port_find(sw, name);
	struct pvs_settings before;
	int ret = pvs_settings_check(set, why);

	if (port == NULL) {
		snprintf(why, PVS_WHY_MAX, "there is no port %s", name);
		return -ENOENT;
	}
	if (ret == 0 && port->kind == PVS_GUEST)
		ret = pvs_guest_check(port, set, why);
	if (ret < 0)
		return ret;
	if (strcmp(port->set.device, set->device) != 0 || port->set.queues != set->queues ||
	    port->set.mtu != set->mtu) {
		snprintf(why, PVS_WHY_MAX,
			 "device, queues and mtu of a port stay as they are: "
			 "remove the port and add it again");
		return -EINVAL;
	}
	before = port->set;
	port->set = *set;
	ret = pvs_view_publish(sw, why);
	if (ret < 0) {
		port->set = before;
		return ret;
	}
	pvs_port_settled(sw, port, &before);
	if (port->kind == PVS_GUEST)
		pvs_guest_rate(port);
	else if (pvn_host_policy_rate(&port->eth->policy, set->rate) < 0)
		PVS_LOG(ERR, "port %s: a rate of %" PRIu64 " bits per second is not possible", name,
			set->rate);
	return 0;
}

bool
pvs_port_up(const struct pvs_port *port)
{
	struct rte_eth_link link = {0};

	if (port->kind == PVS_GUEST)
		return port->guest->end->up;
	return port->kind == PVS_ETH && rte_eth_link_get_nowait(port->eth->id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

const char *
pvs_port_why(const struct pvs_port *port)
{
	struct pvs_guest *guest = port->guest;

	if (port->kind != PVS_GUEST)
		return "";
	/* The hub's thread may be about to write another. */
	if (guest->ivshmem)
		pvn_ivshmem_hub_lock(guest->ivs_hub);
	else
		pvn_xen_hub_lock(guest->hub);
	memcpy(guest->why, guest->end->why, sizeof(guest->why));
	if (guest->ivshmem)
		pvn_ivshmem_hub_unlock(guest->ivs_hub);
	else
		pvn_xen_hub_unlock(guest->hub);
	return guest->why;
}

int
pvs_port_worker(const struct pvs *sw, const struct pvs_port *port)
{
	struct pvs_source *s;

	(void)sw;
	return pvs_port_sources((struct pvs_port *)(uintptr_t)port, &s) == 0 ? -1 : s[0].worker;
}

/* What a guest's own queues refused before the switch saw it. */
static void
add_refused(const struct pvs_guest *guest, struct pvn_switch_counts *sum)
{
	for (uint32_t q = 0; q < XENVIRT_QUEUES_MAX; q++) {
		const struct pvn_host_rxq *rxq = &guest->rxq[q];
		const uint64_t runts = rxq->stats.runt + rxq->stats.bad_hdr + rxq->stats.too_long;

		sum->drop[PVN_SWITCH_CAUSE_RATE] += rxq->stats.over_rate;
		sum->drop[PVN_SWITCH_CAUSE_RUNT] += runts;
		sum->drop[PVN_SWITCH_CAUSE_SPOOFED] += rxq->stats.spoofed;
		sum->frames += rxq->stats.over_rate + runts + rxq->stats.spoofed;
	}
}

static void
sum_counts(const struct pvs *sw, const struct pvs_port *port, struct pvn_switch_counts *sum)
{
	*sum = (struct pvn_switch_counts){0};
	for (uint32_t w = 0; w < sw->workers; w++)
		pvn_switch_counts_add(sum, &sw->counts[w][pvs_port_number(sw, port)]);
	if (port->kind == PVS_GUEST)
		add_refused(port->guest, sum);
}

void
pvs_port_counts(const struct pvs *sw, const struct pvs_port *port, struct pvn_switch_counts *sum)
{
	uint64_t *now = (uint64_t *)sum;
	const uint64_t *base = (const uint64_t *)&port->base;

	sum_counts(sw, port, sum);
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*now); i++)
		now[i] -= base[i];
}

void
pvs_port_clear(struct pvs *sw, struct pvs_port *port)
{
	sum_counts(sw, port, &port->base);
}
