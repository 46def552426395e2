/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The switch against a model of it: random ports, random bursts, thousands of steps, and after each
 * burst every frame that leaves must be the one that the model sends, byte by byte, in its order.
 * The model is switch_model.h. [SWITCH 7]
 */
#include "pvn_test.h"

#include "switch_model.h"

#define TOPOLOGIES 200
#define BURSTS (getenv("PVN_LONG") != NULL && getenv("PVN_LONG")[0] != '\0' ? 5000u : 200u)
#define AGEING 30

static const uint16_t vids[VIDS] = {1, 2, 77, 4094};
static uint64_t rnd = 20260101;

static uint32_t
below(uint32_t n)
{
	return kit_random(&rnd) % n;
}

/* ---- the switch ---- */

static struct {
	struct pvn_switch_conf *conf;
	struct pvn_fdb *fdb;
	struct pvn_switch_counts counts[PORTS_MAX];
	struct pvn_fdb_counts fdb_counts;
	struct pvn_switch_storm storm[PORTS_MAX];
	struct pvn_switch_groups groups;
	uint32_t sweep;
} sw;

static struct pvn_switch_port
random_port(void)
{
	struct pvn_switch_port p = {
		.mode = below(8) == 0	? PVN_SWITCH_OFF
			: below(2) == 0 ? PVN_SWITCH_ACCESS
					: PVN_SWITCH_TRUNK,
		.accept_own_tag = below(2),
		.isolated = below(2),
		.no_learning = below(8) == 0,
		.forward_reserved = below(4) == 0,
		.storm_rate = below(3) == 0 ? 1u << below(4) : 0,
		.storm_burst = 1 + below(20),
		.mac_count = below(4) == 0 ? 8 + below(9) : 0,
	};

	if (p.mode == PVN_SWITCH_ACCESS || below(2) == 0)
		p.vid = vids[below(VIDS)];
	for (uint32_t i = 0; i < VIDS; i++)
		if (p.mode == PVN_SWITCH_TRUNK && below(4) != 0)
			pvn_switch_vlans_add(&p.vlans, vids[i], vids[i]);
	for (uint32_t i = 0; i < p.mac_count; i++)
		p.macs[i] = kit_mac(1 + below(MACS));
	return p;
}

/* Storm costs must divide evenly, as the model counts exactly: rates are 1, 2, 4, 8 of 1000. */
#define HZ 1000

static void
new_conf(void)
{
	free(sw.conf);
	for (uint32_t i = 0; i < m.count; i++) {
		const struct pvn_switch_port old = m.ports[i];

		m.ports[i] = random_port();
		/* What is saved up is the port's, whatever its rate was: keep the rate. */
		m.ports[i].storm_rate =
			old.storm_burst != 0 ? old.storm_rate : m.ports[i].storm_rate;
		m.ports[i].storm_burst =
			old.storm_burst != 0 ? old.storm_burst : m.ports[i].storm_burst;
	}
	sw.conf = kit_conf(m.ports, m.count, HZ);
}

static void
begin(void)
{
	memset(&m, 0, sizeof(m));
	memset(&sw, 0, sizeof(sw));
	m.now = 1000000;
	m.count = 2 + below(below(4) == 0 ? PORTS_MAX - 1 : 7);
	sw.fdb = kit_fdb(4096, m.count, 0);
	for (uint32_t i = 0; i < m.count; i++) {
		m.limit[i] = below(3) == 0 ? below(5) : 100;
		m.secured[i] = below(6) == 0;
		assert_int_equal(pvn_fdb_port_set(sw.fdb, i, m.limit[i], m.secured[i]), 0);
	}
	new_conf();
}

static uint64_t
random_dst(void)
{
	switch (below(8)) {
	case 0:
		return PVN_MAC_MASK;
	case 1:
		return UINT64_C(0x0000005E0001) << 16 | 0x0001;
	case 2:
		return UINT64_C(0x0000C28001) | (uint64_t)below(18) << 40;
	default:
		return kit_mac(1 + below(MACS));
	}
}

/* Mostly an address of the port's own; or anybody's, and then it moves. */
static uint64_t
random_src(uint16_t port)
{
	switch (below(32)) {
	case 0:
		return below(3);
	case 1:
		return kit_mac(1 + below(MACS));
	default:
		return kit_mac(1 + (port + m.count * below(3)) % MACS);
	}
}

static void
random_burst(uint16_t port, struct seen *f, uint32_t n)
{
	static const int odd[] = {0, 4095, 78};

	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && below(2) == 0) { /* runs of frames that are alike */
			f[i] = f[i - 1];
		} else {
			f[i].dst = random_dst();
			f[i].src = random_src(port);
			f[i].tci = below(8) == 0 ? odd[below(3)] : vids[below(VIDS)];
			f[i].tci = below(2) == 0 ? KIT_UNTAGGED : f[i].tci | (int)(below(16) << 12);
		}
		f[i].len = below(16) == 0 ? below(20) : 64 + below(1455);
		f[i].refused = below(24) == 0;
	}
}

/* What the switch sends of a burst, against what the model sends. */
static void
check_sent(uint8_t heads[][PVN_SWITCH_HEAD], const struct pvn_switch_verdict *v)
{
	uint64_t frames;
	uint16_t port;

	while (pvn_switch_next(&sw.groups, &port, &frames)) {
		uint32_t k = 0;

		for (; frames != 0; frames &= frames - 1, k++) {
			const uint32_t i = __builtin_ctzll(frames);
			uint8_t room[4 + PVN_SWITCH_HEAD];
			enum pvn_switch_tag_op op;
			uint16_t tci;
			uint8_t *out;

			memcpy(room + 4, heads[i], PVN_SWITCH_HEAD);
			op = pvn_switch_tag(sw.conf, port, &v[i], &tci);
			out = pvn_switch_retag(room + 4, op, tci);
			assert_true(k < leaves[port].count);
			assert_int_equal(leaves[port].index[k], i);
			assert_memory_equal(out, leaves[port].frame[k], 14);
			if (out[12] == 0x81)
				assert_memory_equal(out, leaves[port].frame[k], 18);
		}
		assert_int_equal(k, leaves[port].count);
		leaves[port].count = 0;
	}
	for (uint32_t i = 0; i < m.count; i++)
		assert_int_equal(leaves[i].count, 0); /* all of it came */
}

static void
check_counts(uint16_t port)
{
	const struct pvn_switch_counts *c = &sw.counts[port];
	uint64_t dropped = 0;

	for (uint32_t cause = 0; cause < PVN_SWITCH_CAUSE_COUNT; cause++) {
		assert_int_equal(c->drop[cause], m.drops[port][cause]);
		dropped += c->drop[cause];
	}
	assert_int_equal(c->frames, m.frames[port]);
	assert_int_equal(c->bytes, m.bytes[port]);
	assert_int_equal(c->frames, c->unicast + c->flooded + dropped);
}

static void
step(void)
{
	const uint16_t port = below(m.count);
	const uint32_t n = below(BURST + 1);
	uint8_t heads[BURST][PVN_SWITCH_HEAD];
	struct pvn_switch_in in = {.conf = sw.conf, .fdb = sw.fdb, .port = port};
	struct pvn_switch_verdict v[BURST];
	const uint8_t *at[BURST];
	uint32_t lens[BURST];
	struct seen f[BURST];

	random_burst(port, f, n);
	for (uint32_t i = 0; i < n; i++) {
		const enum pvn_switch_cause cause = model_frame(port, &f[i], i);

		m.frames[port]++;
		m.bytes[port] += f[i].len;
		if (cause != PVN_SWITCH_CAUSE_NONE)
			m.drops[port][cause]++;
		kit_frame(heads[i], f[i].dst, f[i].src, f[i].tci);
		at[i] = heads[i];
		lens[i] = f[i].len;
		in.refused |= (uint64_t)f[i].refused << i;
	}
	in.fdb_counts = &sw.fdb_counts;
	in.counts = &sw.counts[port];
	in.storm = &sw.storm[port];
	in.now = m.now;
	in.now_s = m.now_s;
	pvn_switch_decide(&in, at, lens, n, v);
	pvn_switch_group(&in, v, n, &sw.groups);
	check_sent(heads, v);
	check_counts(port);
}

/* ---- what the operator and time do ---- */

static void
sweep(void)
{
	for (size_t i = 0; i < PVN_DIM(m.table); i++)
		if (m.table[i].used && !m.table[i].fixed &&
		    (uint16_t)(m.now_s - m.table[i].seen) > AGEING)
			m.table[i].used = false;
	pvn_fdb_sweep(sw.fdb, &sw.sweep, 4096, m.now_s, AGEING);
}

static void
flush(void)
{
	const uint16_t port = below(2) == 0 ? PVN_FDB_ANY : below(m.count);
	const uint16_t vid = below(2) == 0 ? PVN_FDB_ANY : vids[below(VIDS)];
	const bool and_static = below(2);
	uint32_t gone = 0;

	for (size_t i = 0; i < PVN_DIM(m.table); i++) {
		struct entry *e = &m.table[i];

		if (!e->used || (e->fixed && !and_static) ||
		    (port != PVN_FDB_ANY && e->port != port) ||
		    (vid != PVN_FDB_ANY && e->vid != vid))
			continue;
		e->used = false;
		gone++;
	}
	assert_int_equal(pvn_fdb_flush(sw.fdb, port, vid, and_static), gone);
}

static void
add_or_remove(void)
{
	const uint16_t vid = vids[below(VIDS)], port = below(m.count);
	const uint64_t mac = kit_mac(1 + below(MACS));
	struct entry *e = find(vid, mac);

	if (below(2) == 0) {
		assert_int_equal(pvn_fdb_add(sw.fdb, vid, mac, port, m.now_s), 0);
		*fresh(vid, mac) = (struct entry){
			.used = true, .fixed = true, .vid = vid, .mac = mac, .port = port};
	} else {
		assert_int_equal(pvn_fdb_remove(sw.fdb, vid, mac) == 0, e != NULL);
		if (e != NULL)
			e->used = false;
	}
}

static void
check_table(void)
{
	for (uint32_t i = 0; i < VIDS; i++)
		for (uint16_t n = 1; n <= MACS; n++) {
			const struct entry *e = find(vids[i], kit_mac(n));
			const uint32_t at =
				e == NULL ? KIT_NOWHERE : e->port | (e->fixed ? KIT_STATIC : 0u);

			assert_int_equal(kit_where(sw.fdb, vids[i], kit_mac(n)), at);
		}
	for (uint32_t port = 0; port < m.count; port++)
		assert_int_equal(pvn_fdb_port_count(sw.fdb, port), learned_at(port));
	assert_int_equal(sw.fdb_counts.evicted, 0); /* or the model could not know */
}

static void
meddle(void)
{
	m.now += below(200);
	m.now_s += below(3);
	switch (below(24)) {
	case 0:
		flush();
		break;
	case 1:
		new_conf(); /* the table lives on */
		break;
	case 2:
	case 3:
		add_or_remove();
		break;
	case 4:
	case 5:
		sweep();
		break;
	}
}

static void
test_model(void **state)
{
	uint64_t causes[PVN_SWITCH_CAUSE_COUNT] = {0}, unicast = 0, flooded = 0;

	(void)state;
	for (uint32_t t = 0; t < TOPOLOGIES; t++) {
		begin();
		for (uint32_t i = 0; i < m.count; i++)
			m.storm_ready[i] = UINT64_C(1000) * m.ports[i].storm_burst;
		for (uint32_t b = 0; b < BURSTS; b++) {
			step();
			check_table();
			meddle();
		}
		for (uint32_t i = 0; i < m.count; i++) {
			unicast += sw.counts[i].unicast;
			flooded += sw.counts[i].flooded;
			for (uint32_t c = 0; c < PVN_SWITCH_CAUSE_COUNT; c++)
				causes[c] += m.drops[i][c];
		}
		free(sw.conf);
		free(sw.fdb);
	}
	print_message("%u bursts: %u to one port, %u flooded\n", TOPOLOGIES * BURSTS,
		      (unsigned int)unicast, (unsigned int)flooded);
	assert_true(unicast > 1000 && flooded > 1000);
	for (uint32_t c = 0; c < PVN_SWITCH_CAUSE_TX_DOWN; c++)
		assert_true(causes[c] > 10); /* each was met */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
