/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * From settings to a configuration: one block of memory, in it the head, the ports, and two rows
 * for each VLAN that has members.
 */
#include "pvn_switch.h"

#define ROWS_NONE 0 /* of all VLANs without members */
#define ROWS_FIRST 2

const char *
pvn_switch_fault_text(enum pvn_switch_fault fault)
{
#define FAULT_TEXT(name, text) [PVN_SWITCH_FAULT_##name] = text,
	static const char *const texts[] = {PVN_SWITCH_FAULTS(FAULT_TEXT)};
#undef FAULT_TEXT

	return fault < PVN_SWITCH_FAULT_COUNT ? texts[fault] : "unknown fault";
}

static enum pvn_switch_fault
check_vlans(const struct pvn_switch_port *p)
{
	switch (p->mode) {
	case PVN_SWITCH_OFF:
		return PVN_SWITCH_FAULT_NONE;
	case PVN_SWITCH_ACCESS:
		return p->vid >= 1 && p->vid <= PVN_VID_MAX ? PVN_SWITCH_FAULT_NONE
							    : PVN_SWITCH_FAULT_ACCESS_VID;
	case PVN_SWITCH_TRUNK:
		if (p->vid > PVN_VID_MAX)
			return PVN_SWITCH_FAULT_NATIVE_VID;
		return pvn_switch_vlans_has(&p->vlans, 0) || pvn_switch_vlans_has(&p->vlans, 4095)
			       ? PVN_SWITCH_FAULT_TRUNK_VID
			       : PVN_SWITCH_FAULT_NONE;
	}
	return PVN_SWITCH_FAULT_MODE;
}

static enum pvn_switch_fault
check_macs(const struct pvn_switch_port *p)
{
	if (p->mac_count > PVN_SWITCH_MACS_MAX)
		return PVN_SWITCH_FAULT_MAC_COUNT;
	for (uint32_t i = 0; i < p->mac_count; i++)
		if (p->macs[i] == 0 || (p->macs[i] & (~PVN_MAC_MASK | PVN_MAC_GROUP)) != 0)
			return PVN_SWITCH_FAULT_MAC;
	return PVN_SWITCH_FAULT_NONE;
}

static enum pvn_switch_fault
check_port(const struct pvn_switch_port *p, uint64_t hz)
{
	enum pvn_switch_fault fault = check_vlans(p);

	if (fault == PVN_SWITCH_FAULT_NONE)
		fault = check_macs(p);
	if (fault == PVN_SWITCH_FAULT_NONE && p->storm_rate > hz)
		fault = PVN_SWITCH_FAULT_STORM_RATE;
	if (fault == PVN_SWITCH_FAULT_NONE && p->storm_rate != 0 && p->storm_burst == 0)
		fault = PVN_SWITCH_FAULT_STORM_BURST;
	return fault;
}

enum pvn_switch_fault
pvn_switch_check(const struct pvn_switch_port *ports, uint32_t count, uint64_t hz, uint32_t *port)
{
	*port = 0;
	if (count == 0 || count > PVN_SWITCH_PORTS_MAX)
		return PVN_SWITCH_FAULT_PORTS;
	for (uint32_t i = 0; i < count; i++) {
		const enum pvn_switch_fault fault = check_port(&ports[i], hz);

		*port = i;
		if (fault != PVN_SWITCH_FAULT_NONE)
			return fault;
	}
	return PVN_SWITCH_FAULT_NONE;
}

/* A port's VLANs, whatever its mode. */
static void
add_vlans(const struct pvn_switch_port *p, struct pvn_switch_vlans *set)
{
	if (p->mode == PVN_SWITCH_TRUNK)
		for (uint32_t i = 0; i < 64; i++)
			set->word[i] |= p->vlans.word[i];
	if (p->mode != PVN_SWITCH_OFF && p->vid != 0)
		pvn_switch_vlans_add(set, p->vid, p->vid);
}

static uint32_t
count_vlans(const struct pvn_switch_port *ports, uint32_t count)
{
	struct pvn_switch_vlans all = {0};
	uint32_t vlans = 0;

	for (uint32_t i = 0; i < count; i++)
		add_vlans(&ports[i], &all);
	for (uint32_t i = 0; i < 64; i++)
		vlans += __builtin_popcountll(all.word[i]);
	return vlans;
}

static size_t
up64(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

size_t
pvn_switch_conf_size(const struct pvn_switch_port *ports, uint32_t count)
{
	const size_t rows = ROWS_FIRST + 2 * count_vlans(ports, count);
	const size_t words = (count + 63) / 64;

	return up64(sizeof(struct pvn_switch_conf)) + count * sizeof(struct pvn_switch_conf_port) +
	       up64(rows * words * sizeof(uint64_t));
}

static void
build_port(struct pvn_switch_conf_port *to, const struct pvn_switch_port *p, uint64_t hz)
{
	to->on = p->mode != PVN_SWITCH_OFF;
	if (!to->on)
		return;
	to->vid = p->vid;
	to->tagged = p->mode == PVN_SWITCH_TRUNK || p->accept_own_tag;
	to->isolated = p->isolated;
	to->learning = !p->no_learning;
	to->forward_reserved = p->forward_reserved;
	if (p->storm_rate != 0) {
		to->storm_cost = hz / p->storm_rate;
		to->storm_depth = to->storm_cost * p->storm_burst;
	}
	to->mac_count = p->mac_count;
	memcpy(to->macs, p->macs, p->mac_count * sizeof(p->macs[0]));
}

/* Makes the port a member of its VLANs; *next is the next row that nobody has. */
static void
build_rows(struct pvn_switch_conf *conf, uint64_t *rows, uint32_t port,
	   const struct pvn_switch_port *p, uint32_t *next)
{
	const uint64_t bit = UINT64_C(1) << port % 64;
	struct pvn_switch_vlans set = {0};

	add_vlans(p, &set);
	for (uint32_t vid = 1; vid <= PVN_VID_MAX; vid++) {
		uint64_t *row;

		if (!pvn_switch_vlans_has(&set, vid))
			continue;
		if (conf->row[vid] == ROWS_NONE) {
			conf->row[vid] = *next;
			*next += 2;
		}
		row = rows + (size_t)conf->row[vid] * conf->words + port / 64;
		row[0] |= bit;
		if (!p->isolated)
			row[conf->words] |= bit;
	}
}

struct pvn_switch_conf *
pvn_switch_conf_build(void *mem, size_t size, const struct pvn_switch_port *ports, uint32_t count,
		      uint64_t hz, enum pvn_switch_fault *fault, uint32_t *port)
{
	struct pvn_switch_conf_port *to;
	struct pvn_switch_conf *conf = mem;
	uint32_t next = ROWS_FIRST;
	uint64_t *rows;

	*fault = pvn_switch_check(ports, count, hz, port);
	if (*fault == PVN_SWITCH_FAULT_NONE && size < pvn_switch_conf_size(ports, count))
		*fault = PVN_SWITCH_FAULT_SPACE;
	if (*fault != PVN_SWITCH_FAULT_NONE)
		return NULL;
	memset(mem, 0, pvn_switch_conf_size(ports, count));
	to = (struct pvn_switch_conf_port *)((uint8_t *)mem + up64(sizeof(*conf)));
	rows = (uint64_t *)(to + count);
	conf->ports = count;
	conf->words = (count + 63) / 64;
	conf->port = to;
	conf->rows = rows;
	for (uint32_t i = 0; i < count; i++) {
		build_port(&to[i], &ports[i], hz);
		build_rows(conf, rows, i, &ports[i], &next);
	}
	return conf;
}
