/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvswitch without its data path: control socket and telemetry as in the real one, over ports that
 * are only entries of an array. Counters grow with time: port i takes 1000 * (i + 1) frames of 100
 * bytes a second and drops 10, and has begun a second before; worker w is busy for a share of 1 /
 *(w + 2).
 *
 *	switch_stub EAL-ARGS -- [--config FILE] --control PATH ...
 *
 * Prints "ready", ends on SIGTERM. Ports called "guest..." are guests'; GUEST_NAME and GUEST_WHY in
 * the environment are what a guest would say of itself.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include <pvn_compat.h>

#include "control.h"

int pvs_logtype = RTE_LOGTYPE_USER1;

static struct pvs stub;
static volatile sig_atomic_t stop, hangup;

/* ---- what ports.c and others have in the real one ---- */

/* Of the last turn of the loop, so that all ports are counted at the same time. */
static uint64_t elapsed_ms;

static void
look_at_clock(void)
{
	static struct timespec first;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (first.tv_sec == 0)
		first = t;
	elapsed_ms =
		1000 + (t.tv_sec - first.tv_sec) * 1000 + (t.tv_nsec - first.tv_nsec) / 1000000;
}

struct pvs_port *
pvs_port_find(struct pvs *sw, const char *name)
{
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (sw->port[i].kind != PVS_FREE && strcmp(sw->port[i].name, name) == 0)
			return &sw->port[i];
	return NULL;
}

int
pvs_port_add(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why)
{
	const bool guest = strncmp(name, "guest", 5) == 0;
	const char *guest_name = getenv("GUEST_NAME");
	uint32_t i = 0;

	while (i < PVS_PORTS_MAX && sw->port[i].kind != PVS_FREE)
		i++;
	if (pvs_port_find(sw, name) != NULL || i == PVS_PORTS_MAX ||
	    strcmp(set->device, "broken") == 0) {
		snprintf(why, PVS_WHY_MAX, "port %s: it cannot be made", name);
		return -EINVAL;
	}
	sw->port[i] = (struct pvs_port){
		.kind = guest ? PVS_GUEST : PVS_ETH,
		.set = *set,
		.mac = UINT64_C(0x010000003e1600) + ((uint64_t)i << 40),
	};
	sw->port[i].mac &= PVN_MAC_MASK;
	if (guest)
		sw->port[i].set.device[0] = '\0';
	snprintf(sw->port[i].name, PVS_NAME_MAX, "%s", name);
	if (guest && guest_name != NULL)
		snprintf(sw->port[i].guest_name, PVS_NAME_MAX, "%s", guest_name);
	pvn_fdb_port_set(sw->fdb, i, set->learn, set->secured);
	return 0;
}

int
pvs_port_remove(struct pvs *sw, const char *name, char *why)
{
	struct pvs_port *port = pvs_port_find(sw, name);

	if (port->kind == PVS_GUEST) {
		snprintf(why, PVS_WHY_MAX, "port %s goes with its device", name);
		return -EINVAL;
	}
	pvn_fdb_flush(sw->fdb, pvs_port_number(sw, port), PVN_FDB_ANY, true);
	port->kind = PVS_FREE;
	return 0;
}

int
pvs_port_set(struct pvs *sw, const char *name, const struct pvs_settings *set, char *why)
{
	struct pvs_port *port = pvs_port_find(sw, name);

	if (strcmp(set->device, port->set.device) != 0) {
		snprintf(why, PVS_WHY_MAX, "device of a port stays as it is");
		return -EINVAL;
	}
	port->set = *set;
	return 0;
}

bool
pvs_port_up(const struct pvs_port *port)
{
	return port->set.switch_.mode != PVN_SWITCH_OFF;
}

const char *
pvs_port_why(const struct pvs_port *port)
{
	const char *why = getenv("GUEST_WHY");

	return port->kind == PVS_GUEST && why != NULL ? why : "";
}

static void
all_counts(const struct pvs *sw, const struct pvs_port *port, struct pvn_switch_counts *sum)
{
	const uint64_t n = pvs_port_number(sw, port) + 1, ms = elapsed_ms;

	*sum = (struct pvn_switch_counts){
		.frames = n * ms,
		.bytes = n * ms * 100,
		.unicast = n * ms - ms / 100,
		.tx_frames = 2 * n * ms,
		.tx_bytes = 2 * n * ms * 100,
	};
	sum->drop[PVN_SWITCH_CAUSE_SPOOFED] = ms / 100;
}

void
pvs_port_counts(const struct pvs *sw, const struct pvs_port *port, struct pvn_switch_counts *sum)
{
	const uint64_t *base = (const uint64_t *)&port->base;

	all_counts(sw, port, sum);
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*base); i++)
		((uint64_t *)sum)[i] -= base[i];
}

void
pvs_port_clear(struct pvs *sw, struct pvs_port *port)
{
	all_counts(sw, port, &port->base);
}

int
pvs_port_worker(const struct pvs *sw, const struct pvs_port *port)
{
	return pvs_port_number(sw, port) % sw->workers;
}

int
pvs_reload(struct pvs *sw, char *why)
{
	struct pvs_options fresh;

	if (pvs_options_reread(&sw->options, &fresh, why) < 0)
		return -EINVAL;
	for (uint32_t i = 0; i < fresh.ports; i++)
		if (pvs_port_find(sw, fresh.port[i].name) == NULL &&
		    pvs_port_add(sw, fresh.port[i].name, &fresh.port[i].set, why) < 0)
			break;
	pvs_options_free(&fresh);
	return 0;
}

/* ---- start and end ---- */

static int
begin(struct pvs *sw, char *why)
{
	const uint32_t buckets = rte_align32pow2(sw->options.addresses / PVN_FDB_WAYS);

	sw->workers = 2;
	sw->fdb = pvn_fdb_init(rte_malloc("fdb", pvn_fdb_size(buckets, PVS_PORTS_MAX), 64), buckets,
			       PVS_PORTS_MAX, 1);
	sw->fdb_counts = rte_calloc("counts", sw->workers, sizeof(*sw->fdb_counts), 64);
	sw->worker_counts = rte_calloc("counts", sw->workers, sizeof(*sw->worker_counts), 64);
	for (uint32_t i = 0; i < sw->options.ports; i++)
		if (pvs_port_add(sw, sw->options.port[i].name, &sw->options.port[i].set, why) < 0)
			return -EINVAL;
	return pvs_control_open(sw, why);
}

static void
work(struct pvs *sw)
{
	look_at_clock();
	for (uint32_t w = 0; w < sw->workers; w++) {
		struct pvs_worker_counts *c = &sw->worker_counts[w];

		c->busy = elapsed_ms * 1000;
		c->idle = elapsed_ms * 1000 * (w + 1);
		c->bursts = elapsed_ms;
		c->frames = elapsed_ms * 8;
	}
}

/* So many addresses at port 0, from 02:00:00:00:00:00 on, in VLANs 1 and 2. */
static void
learn(struct pvs *sw, const char *count)
{
	for (int i = 0; count != NULL && i < atoi(count); i++) {
		const uint8_t bytes[6] = {2, 0, 0, i >> 16, i >> 8, i};
		const uint64_t key = pvn_fdb_key(1 + i % 2, pvn_mac_from_bytes(bytes));

		pvn_fdb_learn(sw->fdb, pvn_fdb_bucket_of(sw->fdb, key), key, 0, pvs_now_s(),
			      &sw->fdb_counts[0]);
	}
}

static void
loop(struct pvs *sw)
{
	struct pollfd fds[1 + PVS_CLIENTS_MAX];
	char why[PVS_WHY_MAX];

	while (!stop) {
		const int n = pvs_control_fds(fds, 1 + PVS_CLIENTS_MAX);

		pvs_unlock();
		poll(fds, n, 100);
		pvs_lock();
		work(sw);
		pvs_control_serve(sw, fds, n);
		if (hangup) {
			hangup = 0;
			pvs_reload(sw, why);
		}
	}
}

static void
on_signal(int number)
{
	if (number == SIGHUP)
		hangup = 1;
	else
		stop = 1;
}

int
main(int argc, char **argv)
{
	char why[PVS_WHY_MAX] = "";
	const int own = pvs_options_begin(argc, argv);

	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	if (pvs_options_read(&stub.options, argc - own, argv + own) != 0 ||
	    rte_eal_init(own, argv) < 0)
		return 2;
	pvs_lock();
	if (begin(&stub, why) < 0) {
		fprintf(stderr, "switch_stub: %s\n", why);
		return 1;
	}
	learn(&stub, getenv("LEARN"));
	work(&stub);
	pvs_telemetry_open(&stub);
	puts("ready");
	fflush(stdout);
	loop(&stub);
	pvs_control_close(&stub);
	pvs_options_free(&stub.options);
	return 0;
}
