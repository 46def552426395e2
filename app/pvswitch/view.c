/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Views: built of the ports there are, swapped as a whole, freed when no worker has one any more.
 */
#include <sched.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <pvn_compat.h>

#include "view.h"

uint32_t
pvs_port_sources(struct pvs_port *port, struct pvs_source **sources)
{
	*sources = NULL;
	if (port->kind == PVS_GUEST) {
		*sources = port->guest->source;
		return port->guest->end->rx_queues;
	}
	if (port->kind == PVS_ETH) {
		*sources = port->eth->source;
		return port->eth->rx_queues;
	}
	return 0;
}

/* ---- who polls what ---- */

/* What each worker has to do: busy cycles since the last look, and a little for each source. */
static void
weigh(struct pvs *sw, uint64_t *weight)
{
	struct pvs_source *s;

	for (uint32_t w = 0; w < sw->workers; w++)
		weight[w] = 0;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		uint32_t n = pvs_port_sources(&sw->port[i], &s);

		for (uint32_t q = 0; q < n; q++)
			weight[s[q].worker] += s[q].cycles - s[q].before + 1;
	}
}

void
pvs_view_place(struct pvs *sw, struct pvs_source *source, uint16_t port, uint16_t n)
{
	uint64_t weight[PVS_WORKERS_MAX];

	weigh(sw, weight);
	for (uint16_t q = 0; q < n; q++) {
		uint32_t best = 0;

		for (uint32_t w = 1; w < sw->workers; w++)
			if (weight[w] < weight[best])
				best = w;
		source[q] = (struct pvs_source){.port = port, .queue = q, .worker = best};
		/* What its sisters will cost is not known yet: they go to other workers. */
		weight[best] += rte_get_tsc_hz() / 10;
	}
}

/* The source of worker `from` that comes closest to half of the difference to worker `to`. */
static struct pvs_source *
choose(struct pvs *sw, uint32_t from, uint64_t difference)
{
	struct pvs_source *s, *best = NULL;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		uint32_t n = pvs_port_sources(&sw->port[i], &s);

		for (uint32_t q = 0; q < n; q++) {
			uint64_t cost = s[q].cycles - s[q].before;

			if (s[q].worker != from || cost == 0 || cost > difference / 2)
				continue;
			if (best == NULL || cost > best->cycles - best->before)
				best = &s[q];
		}
	}
	return best;
}

static void
begin_again(struct pvs *sw)
{
	struct pvs_source *s;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		uint32_t n = pvs_port_sources(&sw->port[i], &s);

		for (uint32_t q = 0; q < n; q++)
			s[q].before = s[q].cycles;
	}
}

/* Two workers must never poll the same queue, and one of them still has the view before while the
 * other has the new one already. So there is a view in between in which nobody polls it.
 */
static void
hand_over(struct pvs *sw, struct pvs_source *source, uint16_t to)
{
	const uint16_t from = source->worker;
	char why[PVS_WHY_MAX];

	source->worker = PVS_NO_WORKER;
	if (pvs_view_publish(sw, why) < 0) {
		source->worker = from;
		return;
	}
	source->worker = to;
	pvs_view_publish(sw, why); /* if it fails, the next tick tries again */
}

void
pvs_view_rebalance(struct pvs *sw)
{
	uint64_t weight[PVS_WORKERS_MAX];
	uint32_t most = 0, least = 0;
	struct pvs_source *source = NULL;

	weigh(sw, weight);
	for (uint32_t w = 1; w < sw->workers; w++) {
		if (weight[w] > weight[most])
			most = w;
		if (weight[w] < weight[least])
			least = w;
	}
	/* A tenth of a processor more or less is not worth a move. */
	if (weight[most] - weight[least] > rte_get_tsc_hz() / 10)
		source = choose(sw, most, weight[most] - weight[least]);
	begin_again(sw);
	if (source != NULL)
		hand_over(sw, source, least);
}

/* ---- building ---- */

static uint16_t
mirror_of(struct pvs *sw, const struct pvs_port *port)
{
	const struct pvs_port *to =
		port->set.mirror[0] != '\0' ? pvs_port_find(sw, port->set.mirror) : NULL;

	return to == NULL || to == port ? PVS_NO_PORT : pvs_port_number(sw, to);
}

static int
add_source(struct pvs_view *view, struct pvs_source *source)
{
	struct pvs_source ***list = &view->source[source->worker];
	uint32_t *count = &view->sources[source->worker];
	void *more = realloc(*list, (*count + 1) * sizeof(**list));

	if (more == NULL)
		return -ENOMEM;
	*list = more;
	(*list)[(*count)++] = source;
	return 0;
}

static int
add_sources(struct pvs *sw, struct pvs_view *view)
{
	struct pvs_source *s;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		uint32_t n = pvs_port_sources(&sw->port[i], &s);

		for (uint32_t q = 0; q < n; q++) {
			if (s[q].worker != PVS_NO_WORKER && add_source(view, &s[q]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static void
view_free(struct pvs_view *view)
{
	if (view == NULL)
		return;
	for (uint32_t w = 0; w < PVS_WORKERS_MAX; w++)
		free(view->source[w]);
	rte_free(view->conf);
	rte_free(view);
}

/* The host end enforces a guest's own address unless the toolstack said not to; then "macs=own" of
 * the operator's does.
 */
static void
keep_own_mac(const struct pvs_port *port, struct pvn_switch_port *forward)
{
	if (port->guest->end->policy.check_mac || !pvs_settings_has(&port->set, "macs") ||
	    port->set.any_mac || forward->mac_count > 0)
		return;
	forward->macs[0] = port->mac;
	forward->mac_count = 1;
}

/* Settings of all places; a free one is off. The number of those up to the last in use, at least 1.
 */
static uint32_t
collect(struct pvs *sw, struct pvn_switch_port *ports)
{
	uint32_t count = 1;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		ports[i].mode = PVN_SWITCH_OFF;
		if (sw->port[i].kind != PVS_GUEST && sw->port[i].kind != PVS_ETH)
			continue;
		ports[i] = sw->port[i].set.switch_;
		if (sw->port[i].kind == PVS_GUEST)
			keep_own_mac(&sw->port[i], &ports[i]);
		count = i + 1;
	}
	return count;
}

static int
build_conf(struct pvs *sw, struct pvs_view *view, char *why)
{
	struct pvn_switch_port *ports = calloc(PVS_PORTS_MAX, sizeof(*ports));
	enum pvn_switch_fault fault = PVN_SWITCH_FAULT_NONE;
	uint32_t count, bad = 0;
	size_t size;
	void *mem;

	if (ports == NULL)
		return -ENOMEM;
	count = collect(sw, ports);
	fault = pvn_switch_check(ports, count, rte_get_tsc_hz(), &bad);
	if (fault != PVN_SWITCH_FAULT_NONE) {
		snprintf(why, PVS_WHY_MAX, "port %s: %s", sw->port[bad].name,
			 pvn_switch_fault_text(fault));
		free(ports);
		return -EINVAL;
	}
	size = pvn_switch_conf_size(ports, count);
	mem = rte_malloc("pvs_conf", size, 64);
	if (mem != NULL)
		view->conf = pvn_switch_conf_build(mem, size, ports, count, rte_get_tsc_hz(),
						   &fault, &bad);
	free(ports);
	return view->conf == NULL ? -ENOMEM : 0;
}

static struct pvs_view *
view_build(struct pvs *sw, char *why)
{
	struct pvs_view *view = rte_zmalloc("pvs_view", sizeof(*view), RTE_CACHE_LINE_SIZE);
	int ret = view == NULL ? -ENOMEM : build_conf(sw, view, why);

	if (ret == 0)
		ret = add_sources(sw, view);
	if (ret == -ENOMEM)
		snprintf(why, PVS_WHY_MAX, "out of memory");
	if (ret < 0) {
		view_free(view);
		return NULL;
	}
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		view->lane[i] = (struct pvs_lane){
			.kind = sw->port[i].kind,
			.mirror = mirror_of(sw, &sw->port[i]),
			.guest = sw->port[i].guest,
			.eth = sw->port[i].eth,
		};
	return view;
}

/* Until no worker uses what was taken out of its sight. A worker may share a core with us. */
static void
wait_for_workers(struct pvs *sw)
{
	uint64_t token;

	/* Our store before our look at who is online; pairs with the fence in
	 * rte_rcu_qsbr_thread_online(), between its mark and its worker's look at the view.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	token = rte_rcu_qsbr_start(sw->rcu);
	while (rte_rcu_qsbr_check(sw->rcu, token, false) == 0)
		sched_yield();
}

int
pvs_view_publish(struct pvs *sw, char *why)
{
	struct pvs_view *fresh = view_build(sw, why), *old;

	sw->stale = fresh == NULL;
	if (fresh == NULL)
		return -EINVAL;
	/* REL-VIEW: a view before its address. Pairs with ACQ-VIEW in pvs_worker_run(). */
	old = __atomic_exchange_n(&sw->view, fresh, __ATOMIC_ACQ_REL);
	wait_for_workers(sw);
	view_free(old);
	return 0;
}

void
pvs_view_end(struct pvs *sw)
{
	view_free(sw->view);
	sw->view = NULL;
}
