/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Telemetry: /pvn/switch/..., for dpdk-telemetry.py and exporters. It only shows, and an answer has
 * 16 KiB at most, so what is long comes in pages: "next" is what to ask for then.
 *
 * Callbacks run in a thread of EAL's. They take the lock that the main thread holds while it does
 * anything.
 */
#include "control.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include <pvn_compat.h>

#include "words.h"

#define PORTS_PAGE 200
#define FDB_PAGE 100 /* a name, five values: some 110 bytes each */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pvs *the_switch;

void
pvs_lock(void)
{
	pthread_mutex_lock(&lock);
}

void
pvs_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* rte_telemetry writes text into JSON as it is. */
static void
add_text(struct rte_tel_data *d, const char *name, const char *text)
{
	char plain[RTE_TEL_MAX_STRING_LEN];

	snprintf(plain, sizeof(plain), "%s", text);
	for (char *p = plain; *p != '\0'; p++)
		if (!isprint((unsigned char)*p) || *p == '"' || *p == '\\')
			*p = '?';
	rte_tel_data_add_dict_string(d, name, plain);
}

/* A number behind the comma, or none. */
static int
start_of(const char *params, uint32_t *start)
{
	const char *end;
	uint64_t value;

	*start = 0;
	if (params == NULL || params[0] == '\0')
		return 0;
	if (pvs_digits_read(params, &value, &end) < 0 || *end != '\0' || value > UINT32_MAX)
		return -EINVAL;
	*start = value;
	return 0;
}

/* ---- ports ---- */

/* Names by number, from a start on. */
static int
ports_page(const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *names = rte_tel_data_alloc();
	char number[12];
	uint32_t i, n = 0;

	if (names == NULL || start_of(params, &i) < 0) {
		rte_tel_data_free(names);
		return -EINVAL;
	}
	rte_tel_data_start_dict(d);
	rte_tel_data_start_dict(names);
	for (; i < PVS_PORTS_MAX && n < PORTS_PAGE; i++) {
		if (the_switch->port[i].kind == PVS_FREE)
			continue;
		snprintf(number, sizeof(number), "%u", i);
		add_text(names, number, the_switch->port[i].name);
		n++;
	}
	rte_tel_data_add_dict_container(d, "ports", names, 0);
	if (i < PVS_PORTS_MAX)
		rte_tel_data_add_dict_uint(d, "next", i);
	return 0;
}

static struct pvs_port *
find_port(const char *params)
{
	uint32_t number;

	if (params == NULL)
		return NULL;
	if (params[0] != '\0' && start_of(params, &number) == 0)
		return number < PVS_PORTS_MAX && the_switch->port[number].kind != PVS_FREE
			       ? &the_switch->port[number]
			       : NULL;
	return pvs_port_find(the_switch, params);
}

static void
add_drops(struct rte_tel_data *d, const struct pvn_switch_counts *counts)
{
	char name[40];

	for (int i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++) {
		snprintf(name, sizeof(name), "drop_%s", pvn_switch_cause_key(i));
		rte_tel_data_add_dict_uint(d, name, counts->drop[i]);
	}
}

static int
port(const char *params, struct rte_tel_data *d)
{
	const struct pvs_port *p = find_port(params);
	struct pvn_switch_counts counts;
	char mac[PVS_MAC_TEXT];

	if (p == NULL)
		return -ENOENT;
	pvs_port_counts(the_switch, p, &counts);
	pvs_mac_print(p->mac, mac);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "number", pvs_port_number(the_switch, p));
	add_text(d, "name", p->name);
	add_text(d, "kind", p->kind == PVS_GUEST ? "guest" : "device");
	add_text(d, "guest", p->guest_name);
	add_text(d, "mac", mac);
	rte_tel_data_add_dict_int(d, "up", pvs_port_up(p));
	add_text(d, "why", pvs_port_why(p));
	rte_tel_data_add_dict_int(d, "worker", pvs_port_worker(the_switch, p));
	rte_tel_data_add_dict_uint(d, "frames", counts.frames);
	rte_tel_data_add_dict_uint(d, "bytes", counts.bytes);
	rte_tel_data_add_dict_uint(d, "unicast", counts.unicast);
	rte_tel_data_add_dict_uint(d, "flooded", counts.flooded);
	rte_tel_data_add_dict_uint(d, "tx_frames", counts.tx_frames);
	rte_tel_data_add_dict_uint(d, "tx_bytes", counts.tx_bytes);
	add_drops(d, &counts);
	return 0;
}

/* By cause, all ports together. */
static int
drops(const char *params, struct rte_tel_data *d)
{
	struct pvn_switch_counts sum = {0}, counts;

	(void)params;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		if (the_switch->port[i].kind == PVS_FREE)
			continue;
		pvs_port_counts(the_switch, &the_switch->port[i], &counts);
		pvn_switch_counts_add(&sum, &counts);
	}
	rte_tel_data_start_dict(d);
	add_drops(d, &sum);
	return 0;
}

/* ---- the forwarding database ---- */

/* Under "VLAN/MAC", the address without colons, which names may not have. */
static void
add_entry(struct rte_tel_data *to, const struct pvn_fdb_entry *e)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	char mac[PVS_MAC_TEXT], name[24];
	int used;

	if (d == NULL)
		return;
	pvs_mac_print(e->mac, mac);
	used = snprintf(name, sizeof(name), "%u/", e->vid);
	for (const char *p = mac; *p != '\0'; p++)
		if (*p != ':')
			name[used++] = *p;
	name[used] = '\0';
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "mac", mac);
	rte_tel_data_add_dict_int(d, "vlan", e->vid);
	rte_tel_data_add_dict_int(d, "port", e->port);
	rte_tel_data_add_dict_int(d, "age", e->age_s);
	rte_tel_data_add_dict_int(d, "static", e->is_static);
	if (rte_tel_data_add_dict_container(to, name, d, 0) < 0)
		rte_tel_data_free(d);
}

static int
fdb(const char *params, struct rte_tel_data *d)
{
	struct pvn_fdb_entry entries[FDB_PAGE];
	uint32_t pos, n;

	if (start_of(params, &pos) < 0)
		return -EINVAL;
	n = pvn_fdb_list(the_switch->fdb, &pos, pvs_now_s(), entries, FDB_PAGE);
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < n; i++)
		add_entry(d, &entries[i]);
	if (pos != PVN_FDB_END)
		rte_tel_data_add_dict_uint(d, "next", pos);
	return 0;
}

/* ---- workers ---- */

static int
workers(const char *params, struct rte_tel_data *d)
{
	(void)params;
	rte_tel_data_start_dict(d);
	for (uint32_t w = 0; w < the_switch->workers; w++) {
		const struct pvs_worker_counts *c = &the_switch->worker_counts[w];
		struct rte_tel_data *one = rte_tel_data_alloc();
		char name[12];

		if (one == NULL)
			return -ENOMEM;
		snprintf(name, sizeof(name), "%u", w);
		rte_tel_data_start_dict(one);
		rte_tel_data_add_dict_int(one, "lcore", the_switch->lcore[w]);
		rte_tel_data_add_dict_uint(one, "busy_cycles",
					   __atomic_load_n(&c->busy, __ATOMIC_RELAXED));
		rte_tel_data_add_dict_uint(one, "idle_cycles",
					   __atomic_load_n(&c->idle, __ATOMIC_RELAXED));
		rte_tel_data_add_dict_uint(one, "bursts",
					   __atomic_load_n(&c->bursts, __ATOMIC_RELAXED));
		rte_tel_data_add_dict_uint(one, "frames",
					   __atomic_load_n(&c->frames, __ATOMIC_RELAXED));
		rte_tel_data_add_dict_container(d, name, one, 0);
	}
	return 0;
}

/* ---- the commands ---- */

static const struct {
	const char *name, *help;
	int (*run)(const char *params, struct rte_tel_data *d);
} commands[] = {
	{"/pvn/switch/drops", "Frames dropped, by cause, all ports together", drops},
	{"/pvn/switch/fdb", "Addresses learned. Parameter: where to start", fdb},
	{"/pvn/switch/port", "A port and its counters. Parameter: name or number", port},
	{"/pvn/switch/ports", "Ports by number. Parameter: where to start", ports_page},
	{"/pvn/switch/workers", "What workers do with their time", workers},
};

static int
serve(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int ret = -ENOENT;

	pvs_lock();
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(commands[i].name, cmd) == 0)
			ret = commands[i].run(params, d);
	pvs_unlock();
	return ret;
}

void
pvs_telemetry_open(struct pvs *sw)
{
	the_switch = sw;
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (rte_telemetry_register_cmd(commands[i].name, serve, commands[i].help) < 0)
			PVS_LOG(WARNING, "no telemetry command %s", commands[i].name);
}
