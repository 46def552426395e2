/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The device model's receive-side scaling: hashes that Microsoft published for its key, steering by
 * a table that changes, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device_frames.h"
#include "wide_driver.h"

static struct wide w; /* large */

/* "Verifying the RSS hash calculation", Windows driver documentation. */
static const uint8_t published_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	uint8_t src[4], dst[4];
	uint16_t src_port, dst_port;
	uint32_t with_ports, addresses;
} v4[] = {
	{{66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x51ccc178, 0x323e8fc2},
	{{199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xc626b0ea, 0xd718262a},
	{{24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0x5c2b394a, 0xd2d0a5de},
	{{38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0xafc7327f, 0x82989176},
	{{153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x10e828a2, 0x5d1809c5},
};

static const struct {
	uint8_t src[16], dst[16];
	uint16_t src_port, dst_port;
	uint32_t with_ports, addresses;
} v6 = {
	{0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7},
	{0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1},
	2794,
	1766,
	0x40207d3d,
	0x2cc18cd5,
};

/* Activated with the published key; fields are set when not 0. */
static void
open_rss(unsigned int version, unsigned int queues, uint16_t types, uint32_t fields)
{
	const struct wide_setup setup = {
		.version = version, .num_rx = queues, .features = VMXNET3_FEATURE_RSS};

	wide_create(&w, &setup);
	memcpy(w.rss->key, published_key, sizeof(published_key));
	w.rss->hash_types = pvn_cpu_to_le16(types);
	assert_int_equal(wide_activate(&w), 0);
	if (fields == 0)
		return;
	fields = pvn_cpu_to_le32(fields);
	memcpy(w.shared->v1.command_arg, &fields, sizeof(fields));
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_SET_RSS_FIELDS), 0);
}

/* The frame must arrive with this type and hash, in the queue of its table entry. */
static void
expect(const struct device_frame *f, uint32_t type, uint32_t hash)
{
	unsigned int queue, want = type == 0 ? 0 : w.rss->table[hash % VMXNET3_RSS_TABLE_MAX];

	assert_int_equal(vmx_device_arrive(w.dev, f->data, f->len, NULL, &queue), VMX_RX_DELIVERED);
	assert_int_equal(queue, want);
	assert_true(wide_receive(&w, queue));
	assert_int_equal(pvn_field_get(VMXNET3_RXC0_RSS_TYPE, w.frame.last[0]), type);
	assert_int_equal(w.frame.last[1], hash);
}

static void
frame_v4(struct device_frame *f, size_t i, uint8_t protocol)
{
	const struct device_flow flow = {.src_port = v4[i].src_port, .dst_port = v4[i].dst_port};

	device_frame(f, protocol, false, 40, &flow);
	memcpy(f->data + 26, v4[i].src, 4);
	memcpy(f->data + 30, v4[i].dst, 4);
	device_frame_seal(f);
}

static void
frame_v6(struct device_frame *f, uint8_t protocol)
{
	const struct device_flow flow = {.src_port = v6.src_port, .dst_port = v6.dst_port};

	device_frame(f, protocol, true, 40, &flow);
	memcpy(f->data + 22, v6.src, 16);
	memcpy(f->data + 38, v6.dst, 16);
	device_frame_seal(f);
}

static void
test_published(void **state)
{
	struct device_frame f;

	(void)state;
	open_rss(1, 16, 0xF, 0);
	for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		frame_v4(&f, i, DEVICE_TCP);
		expect(&f, VMXNET3_RSS_TYPE_TCP_IPV4, v4[i].with_ports);
		frame_v4(&f, i, DEVICE_UDP);
		expect(&f, VMXNET3_RSS_TYPE_IPV4, v4[i].addresses);
	}
	frame_v6(&f, DEVICE_TCP);
	expect(&f, VMXNET3_RSS_TYPE_TCP_IPV6, v6.with_ports);
	frame_v6(&f, DEVICE_UDP);
	expect(&f, VMXNET3_RSS_TYPE_IPV6, v6.addresses);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 10] Each bit alone. */
static void
test_types(void **state)
{
	static const struct {
		uint16_t types;
		uint8_t protocol;
		bool ipv6;
		uint32_t type;
	} cases[] = {
		{VMXNET3_RSS_HASH_IPV4, DEVICE_TCP, false, VMXNET3_RSS_TYPE_IPV4},
		{VMXNET3_RSS_HASH_TCP_IPV4, DEVICE_TCP, false, VMXNET3_RSS_TYPE_TCP_IPV4},
		{VMXNET3_RSS_HASH_TCP_IPV4, DEVICE_UDP, false, 0},
		{VMXNET3_RSS_HASH_TCP_IPV4, DEVICE_TCP, true, 0},
		{VMXNET3_RSS_HASH_IPV6, DEVICE_TCP, true, VMXNET3_RSS_TYPE_IPV6},
		{VMXNET3_RSS_HASH_TCP_IPV6, DEVICE_TCP, true, VMXNET3_RSS_TYPE_TCP_IPV6},
		{VMXNET3_RSS_HASH_IPV4, DEVICE_TCP, true, 0},
		{0, DEVICE_TCP, false, 0},
	};
	struct device_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ports = cases[i].type == VMXNET3_RSS_TYPE_TCP_IPV4 ||
			     cases[i].type == VMXNET3_RSS_TYPE_TCP_IPV6;
		uint32_t hash;

		print_message("case %zu\n", i);
		open_rss(2, 4, cases[i].types, 0);
		if (cases[i].ipv6) {
			frame_v6(&f, cases[i].protocol);
			hash = ports ? v6.with_ports : v6.addresses;
		} else {
			frame_v4(&f, 0, cases[i].protocol);
			hash = ports ? v4[0].with_ports : v4[0].addresses;
		}
		expect(&f, cases[i].type, cases[i].type == 0 ? 0 : hash);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* UDP and ESP fields of version 4; only version 6 has names for them in completions. */
static void
test_fields(void **state)
{
	const uint32_t tcp = VMXNET3_RSS_FIELD_TCP_IPV4 | VMXNET3_RSS_FIELD_TCP_IPV6;
	const uint32_t all = tcp | VMXNET3_RSS_FIELD_UDP_IPV4 | VMXNET3_RSS_FIELD_UDP_IPV6 |
			     VMXNET3_RSS_FIELD_ESP_IPV4 | VMXNET3_RSS_FIELD_ESP_IPV6;
	struct device_frame f;

	(void)state;
	open_rss(6, 8, 0xF, all);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_RSS_FIELDS), all);
	frame_v4(&f, 1, DEVICE_UDP);
	expect(&f, VMXNET3_RSS_TYPE_UDP_IPV4, v4[1].with_ports);
	frame_v6(&f, DEVICE_UDP);
	expect(&f, VMXNET3_RSS_TYPE_UDP_IPV6, v6.with_ports);
	frame_v4(&f, 2, DEVICE_ESP); /* its index stands where the ports do */
	expect(&f, VMXNET3_RSS_TYPE_ESP_IPV4, v4[2].with_ports);
	frame_v6(&f, DEVICE_ESP);
	expect(&f, VMXNET3_RSS_TYPE_ESP_IPV6, v6.with_ports);
	assert_int_equal(wide_close(&w), 0);

	open_rss(4, 8, 0xF, all & ~VMXNET3_RSS_FIELD_ESP_IPV6);
	frame_v4(&f, 1, DEVICE_UDP);
	expect(&f, VMXNET3_RSS_TYPE_IPV4, v4[1].with_ports);
	assert_int_equal(wide_close(&w), 0);

	/* Version 4 has no ESP over IPv6 yet, and leaves it out without a word. */
	open_rss(4, 8, 0xF, all);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_RSS_FIELDS),
			 all & ~VMXNET3_RSS_FIELD_ESP_IPV6);
	assert_int_equal(wide_close(&w), 0);
}

static uint32_t
set_fields(uint32_t fields)
{
	fields = pvn_cpu_to_le32(fields);
	memcpy(w.shared->v1.command_arg, &fields, sizeof(fields));
	return wide_ask(&w, VMXNET3_CMD_SET_RSS_FIELDS);
}

static void
test_fields_refused(void **state)
{
	static const struct {
		struct wide_setup setup;
		uint32_t fields, result, applied;
	} cases[] = {
		{{.version = 4, .num_rx = 2, .features = VMXNET3_FEATURE_RSS}, 0x5, 1, 0x3},
		{{.version = 4, .num_rx = 2, .features = VMXNET3_FEATURE_RSS}, 0x7, 0, 0x7},
		{{.version = 4, .num_rx = 2}, 0x7, 1, 0x3},
		{{.version = 4, .features = VMXNET3_FEATURE_RSS}, 0x7, 0, 0x7},
		{{.version = 4, .features = VMXNET3_FEATURE_RSS, .device.rss_wants_queues = true},
		 0x7,
		 1,
		 0x3},
		{{.version = 4,
		  .num_rx = 2,
		  .features = VMXNET3_FEATURE_RSS,
		  .device.rss_fields = 0x7},
		 0xF,
		 0,
		 0x7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case %zu\n", i);
		wide_create(&w, &cases[i].setup);
		assert_int_equal(wide_activate(&w), 0);
		assert_int_equal(set_fields(cases[i].fields), cases[i].result);
		assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_RSS_FIELDS), cases[i].applied);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* Edited in place, the table counts from the command on; nothing else of the block may change. */
static void
test_table(void **state)
{
	struct device_frame f;
	unsigned int queue;

	(void)state;
	open_rss(1, 4, 0xF, 0);
	for (unsigned int to = 0; to < 4; to++) {
		unsigned int before = w.rss->table[v4[0].with_ports % VMXNET3_RSS_TABLE_MAX];

		frame_v4(&f, 0, DEVICE_TCP);
		memset(w.rss->table, (int)to, sizeof(w.rss->table));
		vmx_device_arrive(w.dev, f.data, f.len, NULL, &queue);
		assert_int_equal(queue, before);
		wide_command(&w, VMXNET3_CMD_UPDATE_RSSIDT);
		expect(&f, VMXNET3_RSS_TYPE_TCP_IPV4, v4[0].with_ports);
	}
	w.rss->table[5] = 4;
	wide_command(&w, VMXNET3_CMD_UPDATE_RSSIDT);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_RSS_CONFIG), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_RSS_CONFIG);
	w.rss->table[5] = 0;
	w.rss->key[3] ^= 1;
	wide_command(&w, VMXNET3_CMD_UPDATE_RSSIDT);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_SHARED_CHANGED), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_SHARED_CHANGED);
	assert_int_equal(wide_close(&w), 0);
}

/* A table of any length up to 128: 1, 64, and one that is no power of two. */
static void
test_table_lengths(void **state)
{
	static const uint16_t lens[] = {1, 3, 64, 100, 128};
	struct device_frame f;
	unsigned int queue;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const struct wide_setup setup = {.num_rx = 16, .features = VMXNET3_FEATURE_RSS};

		wide_create(&w, &setup);
		memcpy(w.rss->key, published_key, sizeof(published_key));
		w.rss->table_len = pvn_cpu_to_le16(lens[i]);
		assert_int_equal(wide_activate(&w), 0);
		for (size_t n = 0; n < sizeof(v4) / sizeof(v4[0]); n++) {
			frame_v4(&f, n, DEVICE_TCP);
			vmx_device_arrive(w.dev, f.data, f.len, NULL, &queue);
			assert_int_equal(queue, w.rss->table[v4[n].with_ports % lens[i]]);
		}
		assert_int_equal(wide_close(&w), 0);
	}
}

static void
test_bad_configs(void **state)
{
	static const struct {
		uint16_t types, function, key_len, table_len;
	} cases[] = {{0x10, 1, 40, 64}, {1, 2, 40, 64}, {1, 1, 41, 64},
		     {1, 1, 40, 129},	{1, 1, 40, 0},	{1, 1, 0, 64}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wide_setup setup = {.features = VMXNET3_FEATURE_RSS};

		wide_create(&w, &setup);
		w.rss->hash_types = pvn_cpu_to_le16(cases[i].types);
		w.rss->hash_function = pvn_cpu_to_le16(cases[i].function);
		w.rss->key_len = pvn_cpu_to_le16(cases[i].key_len);
		w.rss->table_len = pvn_cpu_to_le16(cases[i].table_len);
		assert_int_equal(wide_activate(&w), 0);
		assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_RSS_CONFIG), 1);
		vmx_device_forgive(w.dev, VMX_BREACH_RSS_CONFIG);
		assert_int_equal(wide_close(&w), 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),   cmocka_unit_test(test_types),
		cmocka_unit_test(test_fields),	    cmocka_unit_test(test_fields_refused),
		cmocka_unit_test(test_table),	    cmocka_unit_test(test_table_lengths),
		cmocka_unit_test(test_bad_configs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
