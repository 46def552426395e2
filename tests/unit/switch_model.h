/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A switch as plain as can be, for test_switch_model.c: lists that are gone through, one frame and
 * one port at a time. Written from the design's tables, not from the library. [SWITCH 2.4, 3, 4]
 */
#ifndef SWITCH_MODEL_H
#define SWITCH_MODEL_H

#include "switch_kit.h"

#define PORTS_MAX 70 /* more than one word of a bitmap */
#define MACS 20
#define VIDS 4
#define BURST 24
#define HEAD 22

struct entry {
	bool used, fixed;
	uint16_t vid, port, seen;
	uint64_t mac;
};

static struct {
	struct pvn_switch_port ports[PORTS_MAX];
	uint32_t limit[PORTS_MAX];
	bool secured[PORTS_MAX];
	uint32_t count;
	struct entry table[VIDS * MACS];
	uint64_t drops[PORTS_MAX][PVN_SWITCH_CAUSE_COUNT];
	uint64_t frames[PORTS_MAX], bytes[PORTS_MAX];
	uint16_t now_s;
	uint64_t storm_ready[PORTS_MAX]; /* flooded frames that may come, in ticks */
	uint64_t now, storm_then[PORTS_MAX];
} m;

/* What must leave a port, frame by frame. */
static struct {
	uint32_t count;
	uint8_t frame[BURST][HEAD];
	uint32_t index[BURST];
} leaves[PORTS_MAX];

static bool
in_vlan(uint32_t port, uint16_t vid)
{
	const struct pvn_switch_port *p = &m.ports[port];

	if (p->mode == PVN_SWITCH_OFF || vid == 0)
		return false;
	return p->vid == vid ||
	       (p->mode == PVN_SWITCH_TRUNK && pvn_switch_vlans_has(&p->vlans, vid));
}

static struct entry *
find(uint16_t vid, uint64_t mac)
{
	for (size_t i = 0; i < PVN_DIM(m.table); i++)
		if (m.table[i].used && m.table[i].vid == vid && m.table[i].mac == mac)
			return &m.table[i];
	return NULL;
}

static uint32_t
learned_at(uint32_t port)
{
	uint32_t count = 0;

	for (size_t i = 0; i < PVN_DIM(m.table); i++)
		count += m.table[i].used && !m.table[i].fixed && m.table[i].port == port;
	return count;
}

static struct entry *
fresh(uint16_t vid, uint64_t mac)
{
	struct entry *e = find(vid, mac);

	for (size_t i = 0; e == NULL; i++)
		if (!m.table[i].used)
			e = &m.table[i];
	return e;
}

static void
model_learn(uint16_t vid, uint64_t mac, uint16_t port)
{
	struct entry *e = find(vid, mac);

	if (m.ports[port].no_learning || mac == 0)
		return;
	if (e != NULL && e->port == port) {
		e->seen = m.now_s;
		return;
	}
	if (e != NULL && (e->fixed || m.secured[e->port]))
		return;
	if (learned_at(port) >= m.limit[port])
		return;
	*fresh(vid, mac) =
		(struct entry){.used = true, .vid = vid, .mac = mac, .port = port, .seen = m.now_s};
}

struct seen {
	uint64_t dst, src;
	int tci;
	uint32_t len;
	bool refused;
};

/* What leaves `port` of a frame that came in VLAN `vid`. */
static void
model_send(uint32_t port, const struct seen *f, uint32_t index, uint16_t vid)
{
	const int priority = f->tci == KIT_UNTAGGED ? 0 : f->tci & 0xF000;
	uint8_t *to = leaves[port].frame[leaves[port].count];

	memset(to, 0, HEAD);
	kit_frame(to, f->dst, f->src, m.ports[port].vid == vid ? KIT_UNTAGGED : priority | vid);
	leaves[port].index[leaves[port].count++] = index;
}

static bool
model_storm(uint16_t port)
{
	const struct pvn_switch_port *p = &m.ports[port];
	uint64_t *ready = &m.storm_ready[port];

	if (p->storm_rate == 0)
		return true;
	*ready += (m.now - m.storm_then[port]) * p->storm_rate; /* in frames, times a thousand */
	m.storm_then[port] = m.now;
	if (*ready > UINT64_C(1000) * p->storm_burst)
		*ready = UINT64_C(1000) * p->storm_burst;
	if (*ready < 1000)
		return false;
	*ready -= 1000;
	return true;
}

static bool
may_exchange(uint16_t a, uint32_t b)
{
	return a != b && !(m.ports[a].isolated && m.ports[b].isolated);
}

static enum pvn_switch_cause
model_flood(uint16_t port, const struct seen *f, uint32_t index, uint16_t vid)
{
	uint32_t members = 0;

	for (uint32_t to = 0; to < m.count; to++)
		members += in_vlan(to, vid) && may_exchange(port, to);
	if (members == 0)
		return PVN_SWITCH_CAUSE_NO_MEMBER;
	if (!model_storm(port))
		return PVN_SWITCH_CAUSE_STORM;
	for (uint32_t to = 0; to < m.count; to++)
		if (in_vlan(to, vid) && may_exchange(port, to))
			model_send(to, f, index, vid);
	return PVN_SWITCH_CAUSE_NONE;
}

static bool
source_allowed(const struct pvn_switch_port *p, uint64_t src)
{
	for (uint32_t i = 0; i < p->mac_count; i++)
		if (p->macs[i] == src)
			return true;
	return p->mac_count == 0;
}

static bool
is_reserved(uint64_t dst)
{
	uint8_t bytes[6];

	pvn_mac_to_bytes(dst, bytes);
	return memcmp(bytes, "\x01\x80\xC2\x00\x00", 5) == 0 && bytes[5] < 16;
}

/* The checks before the look-up; *vid is the frame's VLAN. */
static enum pvn_switch_cause
model_check(uint16_t port, const struct seen *f, uint16_t *vid)
{
	const struct pvn_switch_port *p = &m.ports[port];
	const bool tagged = f->tci != KIT_UNTAGGED;

	if (p->mode == PVN_SWITCH_OFF)
		return PVN_SWITCH_CAUSE_OFF;
	if (f->refused)
		return PVN_SWITCH_CAUSE_RATE;
	if (f->len < (tagged ? 18u : 14u))
		return PVN_SWITCH_CAUSE_RUNT;
	if ((f->src & 1) != 0)
		return PVN_SWITCH_CAUSE_BAD_SOURCE;
	if (!source_allowed(p, f->src))
		return PVN_SWITCH_CAUSE_SPOOFED;
	if (is_reserved(f->dst) && !p->forward_reserved)
		return PVN_SWITCH_CAUSE_RESERVED;
	*vid = tagged ? f->tci & 0xFFF : 0;
	if (*vid == 0) {
		*vid = p->vid;
		return *vid == 0 ? PVN_SWITCH_CAUSE_UNTAGGED : PVN_SWITCH_CAUSE_NONE;
	}
	if (p->mode == PVN_SWITCH_ACCESS && !p->accept_own_tag)
		return PVN_SWITCH_CAUSE_TAGGED;
	return in_vlan(port, *vid) ? PVN_SWITCH_CAUSE_NONE : PVN_SWITCH_CAUSE_VLAN;
}

static enum pvn_switch_cause
model_frame(uint16_t port, const struct seen *f, uint32_t index)
{
	enum pvn_switch_cause cause;
	const struct entry *e;
	uint16_t vid;

	cause = model_check(port, f, &vid);
	if (cause != PVN_SWITCH_CAUSE_NONE)
		return cause;
	model_learn(vid, f->src, port);
	e = (f->dst & 1) != 0 ? NULL : find(vid, f->dst);
	if (e == NULL)
		return model_flood(port, f, index, vid);
	if (e->port == port)
		return PVN_SWITCH_CAUSE_HAIRPIN;
	if (!in_vlan(e->port, vid))
		return PVN_SWITCH_CAUSE_NO_MEMBER;
	if (!may_exchange(port, e->port))
		return PVN_SWITCH_CAUSE_ISOLATED;
	model_send(e->port, f, index, vid);
	return PVN_SWITCH_CAUSE_NONE;
}

#endif /* SWITCH_MODEL_H */
