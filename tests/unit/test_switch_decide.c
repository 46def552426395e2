/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The decision, lib/switch: each cause and their order, learning, where frames go, the storm limit,
 * groups by egress port, counters. VLANs and tags are test_switch_vlan.c's. [SWITCH 4, 5, 6]
 */
#include "pvn_test.h"

#include "switch_kit.h"

#define HZ 1000
#define VLAN 10

enum { UPLINK, PLAIN, GUEST_A, GUEST_B, GUARDED, ALONE, TRUNK, LENIENT, STORMY, DEAF, GONE, PORTS };

#define MAC_A 0x0A
#define MAC_B 0x0B
#define MAC_GUARDED 0x0C
#define MAC(n) (UINT64_C(2) | (uint64_t)(n) << 40) /* 02:00:00:00:00:n */
#define BROADCAST PVN_MAC_MASK
#define LINK_LOCAL UINT64_C(0x0E0000C28001) /* 01:80:c2:00:00:0e */

static struct {
	struct pvn_switch_conf *conf;
	struct pvn_fdb *fdb;
	struct pvn_switch_counts counts[PORTS];
	struct pvn_fdb_counts fdb_counts;
	struct pvn_switch_storm storm[PORTS];
	struct pvn_switch_groups groups;
	uint64_t now;
} sw;

static int
begin(void **state)
{
	struct pvn_switch_port ports[PORTS];

	(void)state;
	for (uint32_t i = 0; i < PORTS; i++)
		ports[i] = (struct pvn_switch_port){.mode = PVN_SWITCH_ACCESS, .vid = VLAN};
	ports[GUEST_A].isolated = ports[GUEST_B].isolated = true;
	ports[GUARDED].mac_count = 2;
	ports[GUARDED].macs[0] = MAC(0x99);
	ports[GUARDED].macs[1] = MAC(MAC_GUARDED);
	ports[ALONE].vid = 99;
	ports[TRUNK].mode = PVN_SWITCH_TRUNK;
	ports[TRUNK].vid = 0;
	pvn_switch_vlans_add(&ports[TRUNK].vlans, VLAN, VLAN);
	ports[LENIENT].forward_reserved = true;
	ports[STORMY].storm_rate = 100; /* ten ticks each */
	ports[STORMY].storm_burst = 3;
	ports[DEAF].no_learning = true;
	ports[GONE].mode = PVN_SWITCH_OFF;
	memset(&sw, 0, sizeof(sw));
	sw.conf = kit_conf(ports, PORTS, HZ);
	sw.fdb = kit_fdb(64, PORTS + 1, 100);
	sw.now = 1000000;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(sw.conf);
	free(sw.fdb);
	return 0;
}

struct frame {
	uint64_t dst, src;
	int tci;
	uint32_t len;
};

/* A burst into a port. */
static void
burst(uint16_t port, const struct frame *frames, uint32_t n, uint64_t refused,
      struct pvn_switch_verdict *v)
{
	const struct pvn_switch_in in = {
		.conf = sw.conf,
		.fdb = sw.fdb,
		.fdb_counts = &sw.fdb_counts,
		.counts = &sw.counts[port < PORTS ? port : 0],
		.storm = &sw.storm[port < PORTS ? port : 0],
		.now = sw.now,
		.refused = refused,
		.port = port,
	};
	static uint8_t mem[PVN_SWITCH_BURST_MAX][PVN_SWITCH_HEAD];
	const uint8_t *heads[PVN_SWITCH_BURST_MAX];
	uint32_t lens[PVN_SWITCH_BURST_MAX];

	for (uint32_t i = 0; i < n; i++) {
		kit_frame(mem[i], frames[i].dst, frames[i].src, frames[i].tci);
		heads[i] = mem[i];
		lens[i] = frames[i].len;
	}
	memset(v, 0xA5, n * sizeof(*v));
	pvn_switch_decide(&in, heads, lens, n, v);
	pvn_switch_group(&in, v, n, &sw.groups);
}

static void
drain_groups(void)
{
	uint64_t frames;
	uint16_t port;

	while (pvn_switch_next(&sw.groups, &port, &frames))
		assert_true(frames != 0);
}

static struct pvn_switch_verdict
one(uint16_t port, uint64_t dst, uint64_t src, int tci, uint32_t len, bool refused)
{
	const struct frame f = {dst, src, tci, len};
	struct pvn_switch_verdict v;

	burst(port, &f, 1, refused, &v);
	drain_groups();
	return v;
}

/* ---- causes ---- */

#define U KIT_UNTAGGED
#define FLOOD PVN_SWITCH_FLOOD
#define DROP PVN_SWITCH_DROP
#define NONE PVN_SWITCH_CAUSE_NONE
#define CAUSE(name) DROP, PVN_SWITCH_CAUSE_##name
#define SRC UINT64_C(0x110000000002)

/* The table knows A at GUEST_A, B at GUEST_B, MAC_GUARDED at GUARDED; in VLAN 10 one is at ALONE,
 * which is not in it, one at GONE, and one at a port the configuration has not heard of.
 */
#define AT_ALONE 0x50
#define AT_GONE 0x51
#define AT_UNHEARD 0x52

static const struct {
	const char *name;
	uint16_t port;
	uint64_t dst, src;
	int tci;
	uint32_t len;
	bool refused;
	uint16_t to;
	int cause;
} cases[] = {
	/* port, destination, source, tag, length, over the rate; where to, why not */
	{"known", PLAIN, MAC(MAC_A), SRC, U, 64, 0, GUEST_A, NONE},
	{"unknown", PLAIN, MAC(0x77), SRC, U, 64, 0, FLOOD, NONE},
	{"broadcast", PLAIN, BROADCAST, SRC, U, 64, 0, FLOOD, NONE},
	{"multicast", PLAIN, UINT64_C(0x0100005E0001), SRC, U, 64, 0, FLOOD, NONE},
	{"zero destination", PLAIN, 0, SRC, U, 64, 0, FLOOD, NONE},
	{"jumbo", PLAIN, MAC(MAC_A), SRC, U, 65550, 0, GUEST_A, NONE},
	{"shortest", PLAIN, MAC(MAC_A), SRC, U, 14, 0, GUEST_A, NONE},
	{"shortest with a tag", TRUNK, MAC(MAC_A), SRC, 10, 18, 0, GUEST_A, NONE},
	{"no such port", PORTS, MAC(MAC_A), SRC, U, 64, 0, CAUSE(OFF)},
	{"port off", GONE, MAC(MAC_A), SRC, U, 64, 0, CAUSE(OFF)},
	{"port off before rate", GONE, MAC(MAC_A), SRC, U, 64, 1, CAUSE(OFF)},
	{"over the rate", PLAIN, MAC(MAC_A), SRC, U, 64, 1, CAUSE(RATE)},
	{"rate before runt", PLAIN, MAC(MAC_A), SRC, U, 3, 1, CAUSE(RATE)},
	{"empty", PLAIN, MAC(MAC_A), SRC, U, 0, 0, CAUSE(RUNT)},
	{"one byte short", PLAIN, MAC(MAC_A), SRC, U, 13, 0, CAUSE(RUNT)},
	{"one byte short, tagged", TRUNK, MAC(MAC_A), SRC, 10, 17, 0, CAUSE(RUNT)},
	{"runt before source", GUARDED, MAC(MAC_A), BROADCAST, U, 13, 0, CAUSE(RUNT)},
	{"from broadcast", PLAIN, MAC(MAC_A), BROADCAST, U, 64, 0, CAUSE(BAD_SOURCE)},
	{"from multicast", PLAIN, MAC(MAC_A), SRC | 1, U, 64, 0, CAUSE(BAD_SOURCE)},
	{"multicast before spoofed", GUARDED, MAC(MAC_A), 3, U, 64, 0, CAUSE(BAD_SOURCE)},
	{"zero source passes", PLAIN, MAC(MAC_A), 0, U, 64, 0, GUEST_A, NONE},
	{"zero source is spoofed", GUARDED, MAC(MAC_A), 0, U, 64, 0, CAUSE(SPOOFED)},
	{"spoofed", GUARDED, MAC(MAC_A), SRC, U, 64, 0, CAUSE(SPOOFED)},
	{"spoofed before reserved", GUARDED, LINK_LOCAL, SRC, U, 64, 0, CAUSE(SPOOFED)},
	{"second allowed", GUARDED, MAC(MAC_A), MAC(MAC_GUARDED), U, 64, 0, GUEST_A, NONE},
	{"reserved", PLAIN, LINK_LOCAL, SRC, U, 64, 0, CAUSE(RESERVED)},
	{"reserved, first", PLAIN, UINT64_C(0x000000C28001), SRC, U, 64, 0, CAUSE(RESERVED)},
	{"reserved, last", PLAIN, UINT64_C(0x0F0000C28001), SRC, U, 64, 0, CAUSE(RESERVED)},
	{"not reserved", PLAIN, UINT64_C(0x100000C28001), SRC, U, 64, 0, FLOOD, NONE},
	{"nearly reserved", PLAIN, UINT64_C(0x000100C28001), SRC, U, 64, 0, FLOOD, NONE},
	{"reserved before VLAN", PLAIN, LINK_LOCAL, SRC, 10, 64, 0, CAUSE(RESERVED)},
	{"reserved, and let in", LENIENT, LINK_LOCAL, SRC, U, 64, 0, FLOOD, NONE},
	{"tagged on access", PLAIN, MAC(MAC_A), SRC, 10, 64, 0, CAUSE(TAGGED)},
	{"untagged on trunk", TRUNK, MAC(MAC_A), SRC, U, 64, 0, CAUSE(UNTAGGED)},
	{"not on this trunk", TRUNK, MAC(MAC_A), SRC, 11, 64, 0, CAUSE(VLAN)},
	{"4095", TRUNK, MAC(MAC_A), SRC, 4095, 64, 0, CAUSE(VLAN)},
	{"tag before hairpin", GUEST_A, MAC(MAC_A), SRC, 10, 64, 0, CAUSE(TAGGED)},
	{"hairpin", GUEST_A, MAC(MAC_A), SRC, U, 64, 0, CAUSE(HAIRPIN)},
	{"to itself", PLAIN, SRC, SRC, U, 64, 0, CAUSE(HAIRPIN)},
	{"its port left the VLAN", PLAIN, MAC(AT_ALONE), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"its port is off", PLAIN, MAC(AT_GONE), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"its port is unheard of", PLAIN, MAC(AT_UNHEARD), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"broadcast, alone", ALONE, BROADCAST, SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"unknown, alone", ALONE, MAC(0x77), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"known, in another VLAN", ALONE, MAC(MAC_A), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
	{"isolated to isolated", GUEST_A, MAC(MAC_B), SRC, U, 64, 0, CAUSE(ISOLATED)},
	{"isolated to others", GUEST_A, MAC(MAC_GUARDED), SRC, U, 64, 0, GUARDED, NONE},
	{"others to isolated", UPLINK, MAC(MAC_B), SRC, U, 64, 0, GUEST_B, NONE},
	{"isolated to a port elsewhere", GUEST_A, MAC(AT_ALONE), SRC, U, 64, 0, CAUSE(NO_MEMBER)},
};

static uint64_t
drops_of(const struct pvn_switch_counts *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++)
		sum += c->drop[i];
	return sum;
}

static void
teach(void)
{
	static const struct {
		uint16_t mac, port;
	} known[] = {{MAC_A, GUEST_A},	{MAC_B, GUEST_B}, {MAC_GUARDED, GUARDED},
		     {AT_ALONE, ALONE}, {AT_GONE, GONE},  {AT_UNHEARD, PORTS}};

	for (size_t i = 0; i < PVN_DIM(known); i++)
		assert_int_equal(pvn_fdb_add(sw.fdb, VLAN, MAC(known[i].mac), known[i].port, 0), 0);
}

static void
check_case(size_t i)
{
	const uint16_t port = cases[i].port;
	const struct pvn_switch_counts *c = &sw.counts[port < PORTS ? port : 0];
	struct pvn_switch_verdict v;

	v = one(port, cases[i].dst, cases[i].src, cases[i].tci, cases[i].len, cases[i].refused);
	assert_int_equal(v.port, cases[i].to);
	assert_int_equal(c->frames, 1);
	assert_int_equal(c->bytes, cases[i].len);
	assert_int_equal(c->unicast, cases[i].to < FLOOD);
	assert_int_equal(c->flooded, cases[i].to == FLOOD);
	assert_int_equal(drops_of(c), cases[i].to == DROP);
	if (cases[i].to == DROP) {
		assert_int_equal(v.cause, cases[i].cause);
		assert_int_equal(c->drop[cases[i].cause], 1);
	}
}

static void
test_cases(void **state)
{
	bool seen[PVN_SWITCH_CAUSE_COUNT] = {false};

	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		begin(state);
		teach();
		print_message("case: %s\n", cases[i].name);
		check_case(i);
		if (cases[i].to == DROP)
			seen[cases[i].cause] = true;
		end(state);
	}
	/* The storm limit has its own test, and what comes after is the caller's. */
	for (int cause = 0; cause < PVN_SWITCH_CAUSE_STORM; cause++)
		assert_true(seen[cause]);
}

static void
test_cause_names(void **state)
{
	(void)state;
	for (int i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++) {
		assert_true(pvn_switch_cause_text(i)[0] != '\0');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(pvn_switch_cause_key(i), pvn_switch_cause_key(k));
	}
	assert_string_equal(pvn_switch_cause_key(PVN_SWITCH_CAUSE_TX_FULL), "tx_full");
	assert_string_equal(pvn_switch_cause_key(PVN_SWITCH_CAUSE_NONE), "none");
	assert_string_equal(pvn_switch_cause_text(PVN_SWITCH_CAUSE_COUNT), "not dropped");
}

/* ---- learning ---- */

/* A source is learned if its frame got as far as the look-up, whatever became of it then. */
static void
test_learning(void **state)
{
	static const struct {
		const char *name;
		uint16_t port;
		uint64_t dst, src;
		int tci;
		uint16_t vid;
		bool learned;
	} learns[] = {
		{"forwarded", PLAIN, MAC(MAC_A), SRC, U, VLAN, true},
		{"flooded", PLAIN, BROADCAST, SRC, U, VLAN, true},
		{"by its tag", TRUNK, BROADCAST, SRC, 10, VLAN, true},
		{"another VLAN", ALONE, BROADCAST, SRC, U, 99, true},
		{"isolated", GUEST_A, MAC(MAC_B), SRC, U, VLAN, true},
		{"learning is off", DEAF, BROADCAST, SRC, U, VLAN, false},
		{"spoofed", GUARDED, BROADCAST, SRC, U, VLAN, false},
		{"reserved", PLAIN, LINK_LOCAL, SRC, U, VLAN, false},
		{"wrong tag", PLAIN, BROADCAST, SRC, 10, VLAN, false},
		{"zero", PLAIN, BROADCAST, 0, U, VLAN, false},
	};

	for (size_t i = 0; i < PVN_DIM(learns); i++) {
		begin(state);
		teach();
		print_message("case: %s\n", learns[i].name);
		one(learns[i].port, learns[i].dst, learns[i].src, learns[i].tci, 64, false);
		assert_int_equal(kit_where(sw.fdb, learns[i].vid, learns[i].src),
				 learns[i].learned ? learns[i].port : KIT_NOWHERE);
		end(state);
	}
}

/* What one frame of a burst teaches, the next one knows. */
static void
test_order(void **state)
{
	static const struct frame frames[] = {
		{MAC(1), MAC(2), U, 64}, /* 1 is unknown */
		{MAC(1), MAC(1), U, 64}, /* 1 is here */
		{MAC(1), MAC(2), U, 64}, /* and so is it for this one */
		{MAC(3), MAC(2), U, 64},
	};
	const uint16_t want[] = {FLOOD, DROP, DROP, FLOOD};
	struct pvn_switch_verdict v[PVN_DIM(frames)];

	(void)state;
	burst(PLAIN, frames, PVN_DIM(frames), 0, v);
	drain_groups();
	for (size_t i = 0; i < PVN_DIM(frames); i++)
		assert_int_equal(v[i].port, want[i]);
	assert_int_equal(v[1].cause, PVN_SWITCH_CAUSE_HAIRPIN);
}

/* Frames with equal heads that differ in what the head does not show. */
static void
test_alike(void **state)
{
	static const uint32_t lens[] = {64, 14, 13, 64, 64, 13, 13, 14, 1500, 64};
	struct frame frames[PVN_DIM(lens)];
	struct pvn_switch_verdict v[PVN_DIM(lens)];
	uint32_t bytes = 0;

	(void)state;
	teach();
	for (uint32_t refused = 0; refused < 1u << PVN_DIM(lens); refused += 7) {
		for (size_t i = 0; i < PVN_DIM(lens); i++)
			frames[i] = (struct frame){MAC(MAC_A), SRC, U, lens[i]};
		burst(PLAIN, frames, PVN_DIM(lens), refused, v);
		drain_groups();
		for (size_t i = 0; i < PVN_DIM(lens); i++) {
			const int cause = (refused >> i & 1) != 0 ? PVN_SWITCH_CAUSE_RATE
					  : lens[i] < 14	  ? PVN_SWITCH_CAUSE_RUNT
								  : NONE;

			bytes += lens[i];
			assert_int_equal(v[i].port, cause == NONE ? GUEST_A : DROP);
			assert_int_equal(v[i].cause, cause);
		}
	}
	assert_int_equal(sw.counts[PLAIN].bytes, bytes);
	assert_int_equal(sw.counts[PLAIN].frames,
			 sw.counts[PLAIN].unicast + drops_of(&sw.counts[PLAIN]));
}

/* ---- flooding and groups ---- */

#define BIT(port) (1u << (port))
#define IN_VLAN                                                                                    \
	(BIT(UPLINK) | BIT(PLAIN) | BIT(GUEST_A) | BIT(GUEST_B) | BIT(GUARDED) | BIT(TRUNK) |      \
	 BIT(LENIENT) | BIT(STORMY) | BIT(DEAF))

static void
test_flood_sets(void **state)
{
	static const struct {
		uint16_t port;
		uint32_t to;
	} sets[] = {
		{UPLINK, IN_VLAN & ~BIT(UPLINK)},
		{DEAF, IN_VLAN & ~BIT(DEAF)},
		{GUEST_A, IN_VLAN & ~BIT(GUEST_A) & ~BIT(GUEST_B)},
		{GUEST_B, IN_VLAN & ~BIT(GUEST_A) & ~BIT(GUEST_B)},
		{ALONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(sets); i++) {
		const struct frame f = {BROADCAST, SRC, U, 64};
		struct pvn_switch_verdict v;
		uint64_t frames;
		uint32_t to = 0;
		uint16_t port;

		burst(sets[i].port, &f, 1, 0, &v);
		while (pvn_switch_next(&sw.groups, &port, &frames)) {
			assert_int_equal(frames, 1);
			assert_int_equal(to >> port & 1, 0);
			to |= BIT(port);
		}
		assert_int_equal(to, sets[i].to);
	}
}

/* Each port gets its frames in the order in which they came, flooded or not. */
static void
test_groups(void **state)
{
	static const struct frame frames[] = {
		{MAC(MAC_B), SRC, U, 64},		/* 0: GUEST_B */
		{MAC(MAC_A), SRC, U, 64},		/* 1: GUEST_A */
		{BROADCAST, SRC, U, 64},		/* 2: all */
		{MAC(MAC_B), SRC, U, 64},		/* 3: GUEST_B */
		{MAC(MAC_B), BROADCAST, U, 64},		/* 4: none */
		{UINT64_C(0xFB00005E0001), SRC, U, 64}, /* 5: all */
		{MAC(MAC_B), SRC, U, 64},		/* 6: GUEST_B */
	};
	static const struct {
		uint16_t port;
		uint64_t frames;
	} want[] = {{GUEST_B, 0x6D}, {GUEST_A, 0x26}, {UPLINK, 0x24}, {GUARDED, 0x24},
		    {TRUNK, 0x24},   {LENIENT, 0x24}, {STORMY, 0x24}, {DEAF, 0x24}};
	struct pvn_switch_verdict v[PVN_DIM(frames)];
	uint64_t mask;
	uint16_t port;

	(void)state;
	teach();
	for (int twice = 0; twice < 2; twice++) {
		burst(PLAIN, frames, PVN_DIM(frames), 0, v);
		for (size_t i = 0; i < PVN_DIM(want); i++) {
			assert_true(pvn_switch_next(&sw.groups, &port, &mask));
			assert_int_equal(port, want[i].port);
			assert_int_equal(mask, want[i].frames);
		}
		assert_false(pvn_switch_next(&sw.groups, &port, &mask));
	}
}

/* A full burst, all to one port, or all to all. */
static void
test_full_burst(void **state)
{
	struct frame frames[PVN_SWITCH_BURST_MAX];
	struct pvn_switch_verdict v[PVN_SWITCH_BURST_MAX];
	uint32_t groups = 0;
	uint64_t mask;
	uint16_t port;

	(void)state;
	teach();
	for (int all = 0; all < 2; all++) {
		for (uint32_t i = 0; i < PVN_SWITCH_BURST_MAX; i++)
			frames[i] = (struct frame){all ? BROADCAST : MAC(MAC_A), SRC, U, 60 + i};
		burst(PLAIN, frames, PVN_SWITCH_BURST_MAX, 0, v);
		for (groups = 0; pvn_switch_next(&sw.groups, &port, &mask); groups++)
			assert_true(mask == UINT64_MAX);
		assert_int_equal(groups, all ? 8 : 1);
	}
	burst(PLAIN, frames, 0, 0, v);
	assert_false(pvn_switch_next(&sw.groups, &port, &mask));
	assert_int_equal(sw.counts[PLAIN].frames, 2 * PVN_SWITCH_BURST_MAX);
	assert_int_equal(sw.counts[PLAIN].flooded, PVN_SWITCH_BURST_MAX);
}

/* ---- storm limit: a flooded frame each 10 ticks, 3 saved up at most ---- */

static void
test_storm(void **state)
{
	static const struct {
		uint64_t later;
		uint32_t offered, passed;
	} steps[] = {
		{0, 5, 3}, /* full at the start */
		{9, 1, 0},  {1, 2, 1}, {10, 1, 1},
		{25, 9, 2}, {5, 1, 1}, {1000, 9, 3}, /* no more than it holds */
		{15, 1, 1}, {5, 1, 1}, {0, 1, 0},
	};
	struct frame frames[16];
	struct pvn_switch_verdict v[16];
	uint32_t passed = 0, offered = 0;

	(void)state;
	teach();
	for (size_t s = 0; s < PVN_DIM(steps); s++) {
		sw.now += steps[s].later;
		for (uint32_t i = 0; i < steps[s].offered; i++)
			frames[i] = (struct frame){BROADCAST, SRC, U, 64};
		frames[steps[s].offered] = (struct frame){MAC(MAC_A), SRC, U, 64};
		burst(STORMY, frames, steps[s].offered + 1, 0, v);
		drain_groups();
		for (uint32_t i = 0; i < steps[s].offered; i++) {
			assert_int_equal(v[i].port, i < steps[s].passed ? FLOOD : DROP);
			if (i >= steps[s].passed)
				assert_int_equal(v[i].cause, PVN_SWITCH_CAUSE_STORM);
		}
		assert_int_equal(v[steps[s].offered].port, GUEST_A); /* is not flooded */
		passed += steps[s].passed;
		offered += steps[s].offered;
	}
	assert_int_equal(sw.counts[STORMY].flooded, passed);
	assert_int_equal(sw.counts[STORMY].drop[PVN_SWITCH_CAUSE_STORM], offered - passed);
	sw.now -= 500; /* another CPU's clock: nothing is won by it */
	assert_int_equal(one(STORMY, BROADCAST, SRC, U, 64, false).port, DROP);
	sw.now += 510;
	assert_int_equal(one(STORMY, BROADCAST, SRC, U, 64, false).port, FLOOD);
	assert_int_equal(one(PLAIN, BROADCAST, SRC, U, 64, false).port, FLOOD);
}

static void
test_counts_add(void **state)
{
	struct pvn_switch_counts sum = {0}, block;
	const uint64_t *words = (const uint64_t *)&sum;

	(void)state;
	for (size_t i = 0; i < sizeof(block) / 8; i++)
		((uint64_t *)&block)[i] = i + 1;
	pvn_switch_counts_add(&sum, &block);
	pvn_switch_counts_add(&sum, &block);
	for (size_t i = 0; i < 6 + PVN_SWITCH_CAUSE_COUNT; i++)
		assert_int_equal(words[i], 2 * (i + 1));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cause_names),
		cmocka_unit_test(test_learning),
		WITH(test_order),
		WITH(test_alike),
		WITH(test_flood_sets),
		WITH(test_groups),
		WITH(test_full_burst),
		WITH(test_storm),
		cmocka_unit_test(test_counts_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
