/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Ports and VLANs, lib/switch: settings that are refused, which frames each kind of port lets in,
 * and what becomes of the tag towards each kind of port. [SWITCH 3]
 */
#include "pvn_test.h"

#include "switch_kit.h"

#define TRUNK(...)                                                                                 \
	{                                                                                          \
		.mode = PVN_SWITCH_TRUNK, __VA_ARGS__                                              \
	}
#define ACCESS(...)                                                                                \
	{                                                                                          \
		.mode = PVN_SWITCH_ACCESS, __VA_ARGS__                                             \
	}
#define VLANS_10_20 .vlans = {{UINT64_C(1) << 10 | UINT64_C(1) << 20}}
#define VLANS_20 .vlans = {{UINT64_C(1) << 20}}
#define HZ 1000

/* ---- settings ---- */

static const struct {
	const char *name;
	struct pvn_switch_port port;
	enum pvn_switch_fault fault;
} settings[] = {
	{"off, whatever else it says", {.vid = 5000}, PVN_SWITCH_FAULT_NONE},
	{"no mode", {.mode = 3}, PVN_SWITCH_FAULT_MODE},
	{"first VLAN", ACCESS(.vid = 1), PVN_SWITCH_FAULT_NONE},
	{"last VLAN", ACCESS(.vid = 4094), PVN_SWITCH_FAULT_NONE},
	{"access without VLAN", ACCESS(.vid = 0), PVN_SWITCH_FAULT_ACCESS_VID},
	{"access, 4095", ACCESS(.vid = 4095), PVN_SWITCH_FAULT_ACCESS_VID},
	{"trunk, no native", TRUNK(.vid = 0), PVN_SWITCH_FAULT_NONE},
	{"trunk, native 4095", TRUNK(.vid = 4095), PVN_SWITCH_FAULT_NATIVE_VID},
	{"trunk with 0", TRUNK(.vlans = {{1}}), PVN_SWITCH_FAULT_TRUNK_VID},
	{"trunk with 4095", TRUNK(.vlans = {.word[63] = UINT64_C(1) << 63}),
	 PVN_SWITCH_FAULT_TRUNK_VID},
	{"trunk with 4094", TRUNK(.vlans = {.word[63] = UINT64_C(1) << 62}), PVN_SWITCH_FAULT_NONE},
	{"16 addresses",
	 ACCESS(.vid = 1, .mac_count = 16,
		.macs = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}),
	 PVN_SWITCH_FAULT_NONE},
	{"17 addresses", ACCESS(.vid = 1, .mac_count = 17), PVN_SWITCH_FAULT_MAC_COUNT},
	{"zero address", ACCESS(.vid = 1, .mac_count = 1), PVN_SWITCH_FAULT_MAC},
	{"group address", ACCESS(.vid = 1, .mac_count = 2, .macs = {2, 3}), PVN_SWITCH_FAULT_MAC},
	{"seven bytes", ACCESS(.vid = 1, .mac_count = 1, .macs = {UINT64_C(1) << 49}),
	 PVN_SWITCH_FAULT_MAC},
	{"storm", ACCESS(.vid = 1, .storm_rate = HZ, .storm_burst = 1), PVN_SWITCH_FAULT_NONE},
	{"storm too fine", ACCESS(.vid = 1, .storm_rate = HZ + 1, .storm_burst = 1),
	 PVN_SWITCH_FAULT_STORM_RATE},
	{"storm lets nothing in", ACCESS(.vid = 1, .storm_rate = 1), PVN_SWITCH_FAULT_STORM_BURST},
};

static void
test_settings(void **state)
{
	static struct pvn_switch_port ports[PVN_SWITCH_PORTS_MAX + 1];
	enum pvn_switch_fault fault;
	uint32_t at;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(settings); i++) {
		print_message("case: %s\n", settings[i].name);
		ports[2] = settings[i].port;
		assert_int_equal(pvn_switch_check(ports, 4, HZ, &at), settings[i].fault);
		if (settings[i].fault != PVN_SWITCH_FAULT_NONE) {
			assert_int_equal(at, 2);
			assert_null(pvn_switch_conf_build(NULL, 0, ports, 4, HZ, &fault, &at));
			assert_int_equal(fault, settings[i].fault);
		}
		assert_true(pvn_switch_fault_text(settings[i].fault)[0] != '\0');
	}
	ports[2] = (struct pvn_switch_port){0};
	assert_int_equal(pvn_switch_check(ports, 0, HZ, &at), PVN_SWITCH_FAULT_PORTS);
	assert_int_equal(pvn_switch_check(ports, 1024, HZ, &at), PVN_SWITCH_FAULT_NONE);
	assert_int_equal(pvn_switch_check(ports, 1025, HZ, &at), PVN_SWITCH_FAULT_PORTS);
	assert_null(pvn_switch_conf_build(ports, pvn_switch_conf_size(ports, 4) - 1, ports, 4, HZ,
					  &fault, &at));
	assert_int_equal(fault, PVN_SWITCH_FAULT_SPACE);
	assert_string_equal(pvn_switch_fault_text(PVN_SWITCH_FAULT_COUNT), "unknown fault");
}

static void
test_vlan_set(void **state)
{
	static const struct {
		uint16_t first, last;
		uint32_t count;
	} cases[] = {{1, 4094, 4094}, {63, 64, 2}, {5, 5, 1}, {5, 4, 0}, {4090, 65535, 6}};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_switch_vlans set = {0};
		uint32_t count = 0;

		pvn_switch_vlans_add(&set, cases[i].first, cases[i].last);
		for (uint32_t vid = 0; vid < 4096; vid++) {
			assert_int_equal(pvn_switch_vlans_has(&set, vid),
					 vid >= cases[i].first && vid <= cases[i].last);
			count += pvn_switch_vlans_has(&set, vid);
		}
		assert_int_equal(count, cases[i].count);
	}
}

/* As many VLANs, and ports, as there can be. */
static void
test_largest(void **state)
{
	struct pvn_switch_port *ports = calloc(1024, sizeof(*ports));
	struct pvn_switch_conf *conf;

	(void)state;
	for (uint32_t i = 0; i < 1024; i++) {
		ports[i].mode = PVN_SWITCH_TRUNK;
		ports[i].isolated = i % 3 == 0;
		pvn_switch_vlans_add(&ports[i].vlans, 1 + i, 4094);
	}
	conf = kit_conf(ports, 1024, HZ);
	for (uint32_t vid = 0; vid < 4096; vid++)
		for (uint32_t i = 0; i < 1024; i += vid % 7 + 1) {
			const bool in = vid > i && vid < 4095;
			const uint64_t *all = pvn_switch_members(conf, vid);

			assert_int_equal(pvn_switch_row_has(all, i), in);
			assert_ptr_equal(pvn_switch_reach(conf, &conf->port[1], vid), all);
			assert_int_equal(
				pvn_switch_row_has(pvn_switch_reach(conf, &conf->port[0], vid), i),
				in && i % 3 != 0);
		}
	free(conf);
	free(ports);
}

/* ---- in and out ---- */

enum { ACC10, OWN10, ACC20, TRK, TRK30, TRK10, PORTS };

static const struct pvn_switch_port ports[PORTS] = {
	[ACC10] = ACCESS(.vid = 10),
	[OWN10] = ACCESS(.vid = 10, .accept_own_tag = true),
	[ACC20] = ACCESS(.vid = 20),
	[TRK] = TRUNK(VLANS_10_20),
	[TRK30] = TRUNK(VLANS_10_20, .vid = 30),
	[TRK10] = TRUNK(VLANS_20, .vid = 10),
};

#define NO(cause) -(1 + PVN_SWITCH_CAUSE_##cause)

/* What comes in, and for each port the VLAN it is in then, or why it is dropped. */
static const struct {
	const char *name;
	int tci;
	int vlan[PORTS];
} ins[] = {
	{"untagged", KIT_UNTAGGED, {10, 10, 20, NO(UNTAGGED), 30, 10}},
	{"priority", 0xB000, {10, 10, 20, NO(UNTAGGED), 30, 10}},
	{"10", 0x600A, {NO(TAGGED), 10, NO(TAGGED), 10, 10, 10}},
	{"10, DEI", 0x100A, {NO(TAGGED), 10, NO(TAGGED), 10, 10, 10}},
	{"20", 0x0014, {NO(TAGGED), NO(VLAN), NO(TAGGED), 20, 20, 20}},
	{"30", 0xE01E, {NO(TAGGED), NO(VLAN), NO(TAGGED), NO(VLAN), 30, NO(VLAN)}},
	{"40", 0x0028, {NO(TAGGED), NO(VLAN), NO(TAGGED), NO(VLAN), NO(VLAN), NO(VLAN)}},
	{"4095", 0xFFFF, {NO(TAGGED), NO(VLAN), NO(TAGGED), NO(VLAN), NO(VLAN), NO(VLAN)}},
};

/* For each VLAN and port: is it untagged there, tagged, or not there? */
static const struct {
	uint16_t vid;
	char how[PORTS + 1];
} outs[] = {{10, "uu-ttu"}, {20, "--uttt"}, {30, "----u-"}};

/* One frame through the decision; its verdict. */
static struct pvn_switch_verdict
pass(const struct pvn_switch_conf *conf, struct pvn_fdb *fdb, uint16_t port, const uint8_t *head,
     uint64_t *members)
{
	struct pvn_switch_groups groups = {0};
	struct pvn_switch_counts counts = {0};
	struct pvn_fdb_counts fdb_counts = {0};
	const struct pvn_switch_in in = {.conf = conf,
					 .fdb = fdb,
					 .port = port,
					 .counts = &counts,
					 .fdb_counts = &fdb_counts};
	struct pvn_switch_verdict v;
	const uint32_t len = 64;
	uint64_t frames;
	uint16_t to;

	pvn_switch_decide(&in, &head, &len, 1, &v);
	pvn_switch_group(&in, &v, 1, &groups);
	for (*members = 0; pvn_switch_next(&groups, &to, &frames);) {
		assert_int_equal(frames, 1);
		*members |= UINT64_C(1) << to;
	}
	return v;
}

/* The frame as it must leave. */
static void
check_leaves(const struct pvn_switch_conf *conf, uint16_t port, const struct pvn_switch_verdict *v,
	     const uint8_t *head, int tci, char how)
{
	uint8_t room[4 + PVN_SWITCH_HEAD], want[PVN_SWITCH_HEAD + 4];
	const int pcp = tci == KIT_UNTAGGED ? 0 : tci & 0xF000;
	const size_t tag = tci == KIT_UNTAGGED ? 0 : 4;
	enum pvn_switch_tag_op op;
	uint16_t new_tci;
	uint8_t *out;

	memcpy(room + 4, head, PVN_SWITCH_HEAD);
	op = pvn_switch_tag(conf, port, v, &new_tci);
	out = pvn_switch_retag(room + 4, op, new_tci);
	kit_frame(want, PVN_MAC_MASK, kit_mac(1), how == 'u' ? KIT_UNTAGGED : pcp | v->vid);
	assert_int_equal(room + sizeof(room) - out, PVN_SWITCH_HEAD - tag + (how == 'u' ? 0 : 4));
	assert_memory_equal(out, want, how == 'u' ? 14 : 18);
}

static void
check_out(const struct pvn_switch_conf *conf, uint16_t from, const struct pvn_switch_verdict *v,
	  uint64_t members, const uint8_t *head, int tci)
{
	size_t o = 0;

	while (outs[o].vid != v->vid)
		o++;
	for (uint16_t port = 0; port < PORTS; port++) {
		const bool there = port != from && outs[o].how[port] != '-';

		assert_int_equal(members >> port & 1, there);
		if (there)
			check_leaves(conf, port, v, head, tci, outs[o].how[port]);
	}
}

static void
test_in_out(void **state)
{
	struct pvn_switch_conf *conf = kit_conf(ports, PORTS, HZ);
	struct pvn_fdb *fdb = kit_fdb(16, PORTS, 100);
	uint8_t head[PVN_SWITCH_HEAD];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(ins); i++)
		for (uint16_t port = 0; port < PORTS; port++) {
			const int vlan = ins[i].vlan[port];
			struct pvn_switch_verdict v;
			uint64_t members;

			kit_frame(head, PVN_MAC_MASK, kit_mac(1), ins[i].tci);
			v = pass(conf, fdb, port, head, &members);
			print_message("case: %s to port %u\n", ins[i].name, port);
			if (vlan < 0) {
				assert_int_equal(v.port, PVN_SWITCH_DROP);
				assert_int_equal(v.cause, -vlan - 1);
				assert_int_equal(members, 0);
				continue;
			}
			assert_int_equal(v.tagged, ins[i].tci != KIT_UNTAGGED);
			assert_int_equal(v.tci, ins[i].tci == KIT_UNTAGGED ? 0 : ins[i].tci);
			assert_int_equal(v.vid, vlan);
			if (vlan == 30) {
				assert_int_equal(v.cause, PVN_SWITCH_CAUSE_NO_MEMBER);
				continue;
			}
			assert_int_equal(v.port, PVN_SWITCH_FLOOD);
			check_out(conf, port, &v, members, head, ins[i].tci);
		}
	free(conf);
	free(fdb);
}

/* Outer tags of 802.1ad, and old ones, are payload: the frame is untagged and keeps them. */
static void
test_other_tags(void **state)
{
	static const uint8_t types[][2] = {{0x88, 0xA8}, {0x91, 0x00}, {0x92, 0x00}, {0x00, 0x81}};
	struct pvn_switch_conf *conf = kit_conf(ports, PORTS, HZ);
	struct pvn_fdb *fdb = kit_fdb(16, PORTS, 100);
	uint8_t head[PVN_SWITCH_HEAD];
	uint64_t members;
	uint16_t tci;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(types); i++) {
		struct pvn_switch_verdict v;

		kit_frame(head, PVN_MAC_MASK, kit_mac(1), 0x6014);
		memcpy(head + 12, types[i], 2);
		v = pass(conf, fdb, ACC10, head, &members);
		assert_int_equal(v.port, PVN_SWITCH_FLOOD);
		assert_int_equal(v.vid, 10);
		assert_int_equal(v.tagged, 0);
		assert_int_equal(pvn_switch_tag(conf, OWN10, &v, &tci), PVN_SWITCH_TAG_KEEP);
		assert_int_equal(pvn_switch_tag(conf, TRK, &v, &tci), PVN_SWITCH_TAG_PUSH);
		assert_int_equal(tci, 10);
	}
	free(conf);
	free(fdb);
}

/* Each operation, by name. */
static void
test_tag_ops(void **state)
{
	static const struct {
		uint16_t port;
		struct pvn_switch_verdict v;
		enum pvn_switch_tag_op op;
		uint16_t tci;
	} cases[] = {
		{ACC10, {.vid = 10}, PVN_SWITCH_TAG_KEEP, 0},
		{ACC10, {.vid = 10, .tagged = 1, .tci = 0x200A}, PVN_SWITCH_TAG_POP, 0},
		{ACC10, {.vid = 10, .tagged = 1, .tci = 0x2000}, PVN_SWITCH_TAG_POP, 0},
		{TRK10, {.vid = 10, .tagged = 1, .tci = 0x200A}, PVN_SWITCH_TAG_POP, 0},
		{TRK, {.vid = 10}, PVN_SWITCH_TAG_PUSH, 0x000A},
		{TRK, {.vid = 10, .tagged = 1, .tci = 0x200A}, PVN_SWITCH_TAG_KEEP, 0},
		{TRK, {.vid = 10, .tagged = 1, .tci = 0xF000}, PVN_SWITCH_TAG_REWRITE, 0xF00A},
	};
	struct pvn_switch_conf *conf = kit_conf(ports, PORTS, HZ);
	uint16_t tci;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		assert_int_equal(pvn_switch_tag(conf, cases[i].port, &cases[i].v, &tci),
				 cases[i].op);
		if (cases[i].tci != 0)
			assert_int_equal(tci, cases[i].tci);
	}
	free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),   cmocka_unit_test(test_vlan_set),
		cmocka_unit_test(test_largest),	   cmocka_unit_test(test_in_out),
		cmocka_unit_test(test_other_tags), cmocka_unit_test(test_tag_ops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
