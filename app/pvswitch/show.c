/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Requests that show something. What is long comes in pages: "next" is the "start" of the page
 * behind, null behind the last. "time" is a clock in nanoseconds, so that who asks twice can tell
 * rates.
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#define PORTS_PAGE 128
#define FDB_PAGE 1000

static json_int_t
time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static json_t *
text_or_null(const char *text)
{
	return text[0] != '\0' ? pvs_json_text(text) : json_null();
}

/* ---- ports ---- */

/* Those that are not 0. */
static json_t *
drops_json(const struct pvn_switch_counts *counts)
{
	json_t *drops = json_object();

	for (int i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++)
		if (counts->drop[i] != 0)
			json_object_set_new(drops, pvn_switch_cause_key(i),
					    json_integer(counts->drop[i]));
	return drops;
}

/* Frames that did not get through the port: those that came in, and those that were to go out. */
static void
drop_sums(const struct pvn_switch_counts *counts, json_int_t *in, json_int_t *out)
{
	*in = *out = 0;
	for (int i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++)
		*(i < PVN_SWITCH_CAUSE_TX_DOWN ? in : out) += counts->drop[i];
}

static json_t *
counts_json(const struct pvn_switch_counts *counts)
{
	json_int_t in, out;

	drop_sums(counts, &in, &out);
	return json_pack("{sI sI sI sI sI sI sI sI}", "frames", (json_int_t)counts->frames, "bytes",
			 (json_int_t)counts->bytes, "unicast", (json_int_t)counts->unicast,
			 "flooded", (json_int_t)counts->flooded, "tx_frames",
			 (json_int_t)counts->tx_frames, "tx_bytes", (json_int_t)counts->tx_bytes,
			 "drops", in, "tx_drops", out);
}

/* As text, as it can be given. */
static json_t *
settings_json(const struct pvs_settings *set)
{
	json_t *all = json_object();

	for (unsigned int i = 0; pvs_settings_name(i) != NULL; i++) {
		char *text = NULL;
		size_t size;
		FILE *to = open_memstream(&text, &size);
		bool applies;

		if (to == NULL)
			continue;
		applies = pvs_settings_print(set, i, to);
		if (fclose(to) == 0 && applies)
			json_object_set_new(all, pvs_settings_name(i), pvs_json_text(text));
		free(text);
	}
	return all;
}

static json_t *
port_json(struct pvs *sw, const struct pvs_port *port, bool all)
{
	const uint16_t number = pvs_port_number(sw, port);
	struct pvn_switch_counts counts;
	char mac[PVS_MAC_TEXT];
	json_t *json;

	pvs_mac_print(port->mac, mac);
	pvs_port_counts(sw, port, &counts);
	json = json_pack(
		"{si so ss so so sb so si si so so}", "number", number, "name",
		pvs_json_text(port->name), "kind", port->kind == PVS_GUEST ? "guest" : "device",
		"guest", text_or_null(port->guest_name), "mac",
		port->mac != 0 ? json_string(mac) : json_null(), "up", pvs_port_up(port), "why",
		text_or_null(pvs_port_why(port)), "worker", pvs_port_worker(sw, port), "addresses",
		(int)pvn_fdb_port_count(sw->fdb, number), "settings", settings_json(&port->set),
		"counts", counts_json(&counts));
	if (json != NULL && all)
		json_object_set_new(json, "drops", drops_json(&counts));
	return json;
}

static json_t *
port_drops_json(struct pvs *sw, const struct pvs_port *port, bool all)
{
	struct pvn_switch_counts counts;

	(void)all;
	pvs_port_counts(sw, port, &counts);
	return json_pack("{so so}", "name", pvs_json_text(port->name), "drops",
			 drops_json(&counts));
}

typedef json_t *port_shower(struct pvs *sw, const struct pvs_port *port, bool all);

/* A page of ports, each as `show` has it, into a new array. */
static json_t *
list_ports(struct pvs *sw, const char *const *words, size_t count, port_shower *show, json_t **next,
	   char *why)
{
	struct pvs_filter filter = {.limit = PORTS_PAGE};
	json_t *list;
	uint32_t i;

	if (pvs_filter_read(sw, words, count, "port start limit", &filter, why) < 0)
		return NULL;
	list = json_array();
	for (i = filter.start; i < PVS_PORTS_MAX && filter.limit > 0; i++) {
		const bool only = filter.port == i;

		if (sw->port[i].kind == PVS_FREE || (filter.port != PVN_FDB_ANY && !only))
			continue;
		json_array_append_new(list, show(sw, &sw->port[i], only));
		filter.limit--;
	}
	while (i < PVS_PORTS_MAX && sw->port[i].kind == PVS_FREE)
		i++;
	*next = i < PVS_PORTS_MAX && filter.port == PVN_FDB_ANY ? json_integer(i) : json_null();
	return list;
}

json_t *
pvs_show_ports(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	json_t *next, *list = list_ports(sw, words, count, port_json, &next, why);

	if (list == NULL)
		return NULL;
	return json_pack("{sI so so}", "time", time_ns(), "ports", list, "next", next);
}

static json_t *
causes_json(void)
{
	json_t *causes = json_object();

	for (int i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++)
		json_object_set_new(causes, pvn_switch_cause_key(i),
				    json_string(pvn_switch_cause_text(i)));
	return causes;
}

json_t *
pvs_show_drops(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	json_t *next, *list = list_ports(sw, words, count, port_drops_json, &next, why);

	if (list == NULL)
		return NULL;
	return json_pack("{sI so so so}", "time", time_ns(), "causes", causes_json(), "ports", list,
			 "next", next);
}

/* ---- the forwarding database ---- */

static json_t *
entry_json(const struct pvs *sw, const struct pvn_fdb_entry *e)
{
	const struct pvs_port *port = e->port < PVS_PORTS_MAX ? &sw->port[e->port] : NULL;
	const bool there = port != NULL && port->kind != PVS_FREE;
	char mac[PVS_MAC_TEXT];

	pvs_mac_print(e->mac, mac);
	return json_pack("{ss si so si sb}", "mac", mac, "vlan", e->vid, "port",
			 there ? pvs_json_text(port->name) : json_null(), "age", e->age_s, "static",
			 e->is_static);
}

/* "start" is a position in the table: who asks for the next page gets what came meanwhile only if
 * it is behind, and nothing twice.
 */
json_t *
pvs_show_fdb(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	struct pvs_filter filter = {.limit = FDB_PAGE};
	uint32_t pos, left;
	json_t *list;

	if (pvs_filter_read(sw, words, count, "port vlan start limit", &filter, why) < 0)
		return NULL;
	list = json_array();
	for (pos = filter.start, left = filter.limit; pos != PVN_FDB_END && left > 0;) {
		struct pvn_fdb_entry e[64];
		const uint32_t n =
			pvn_fdb_list(sw->fdb, &pos, pvs_now_s(), e, left < 64 ? left : 64);

		for (uint32_t i = 0; i < n; i++) {
			if ((filter.port != PVN_FDB_ANY && filter.port != e[i].port) ||
			    (filter.vlan != PVN_FDB_ANY && filter.vlan != e[i].vid))
				continue;
			json_array_append_new(list, entry_json(sw, &e[i]));
			left--;
		}
	}
	return json_pack("{so so}", "addresses", list, "next",
			 pos != PVN_FDB_END ? json_integer(pos) : json_null());
}

/* ---- workers and the whole ---- */

static json_int_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static unsigned int
ports_of(const struct pvs *sw, int worker)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		n += sw->port[i].kind != PVS_FREE && pvs_port_worker(sw, &sw->port[i]) == worker;
	return n;
}

json_t *
pvs_show_workers(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	json_t *list = json_array();

	(void)words;
	(void)count;
	(void)why;
	for (uint32_t w = 0; w < sw->workers; w++) {
		const struct pvs_worker_counts *c = &sw->worker_counts[w];

		json_array_append_new(list,
				      json_pack("{si si si sI sI sI sI}", "number", (int)w, "lcore",
						(int)sw->lcore[w], "ports", (int)ports_of(sw, w),
						"busy_cycles", load(&c->busy), "idle_cycles",
						load(&c->idle), "bursts", load(&c->bursts),
						"frames", load(&c->frames)));
	}
	return json_pack("{sI so}", "time", time_ns(), "workers", list);
}

static json_t *
fdb_counts_json(const struct pvs *sw)
{
	struct pvn_fdb_counts sum;
	json_t *json = json_object();

	pvn_fdb_counts_sum(&sum, sw->fdb_counts, sw->workers);
#define SET_COUNT(name, text) json_object_set_new(json, #name, json_integer(sum.name));
	PVN_FDB_COUNTS(SET_COUNT)
#undef SET_COUNT
	return json;
}

json_t *
pvs_show_switch(struct pvs *sw, const char *const *words, size_t count, char *why)
{
	const struct pvs_options *o = &sw->options;
	int ports = 0, learned = 0;

	(void)words;
	(void)count;
	(void)why;
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		ports += sw->port[i].kind != PVS_FREE;
		learned += pvn_fdb_port_count(sw->fdb, i);
	}
	return json_pack("{ss si so so so si si si sI si so}", "version", PVN_VERSION, "pid",
			 (int)getpid(), "config",
			 o->file != NULL ? pvs_json_text(o->file) : json_null(), "xen",
			 pvs_json_text(o->xen), "control", pvs_json_text(o->control), "ports",
			 ports, "workers", (int)sw->workers, "addresses", learned, "addresses_max",
			 (json_int_t)sw->fdb->buckets * PVN_FDB_WAYS, "ageing", (int)o->ageing,
			 "learning", fdb_counts_json(sw));
}
