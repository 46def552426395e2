/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device model tells of frames it delivers [VMX3 8.3]: checksums, protocols, tags, merged
 * segments, pieces, and the data ring.
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

#define V4 VMXNET3_RXC3_V4
#define V6 VMXNET3_RXC3_V6
#define TCP VMXNET3_RXC3_TCP
#define UDP VMXNET3_RXC3_UDP
#define IPC VMXNET3_RXC3_IPC
#define TUC VMXNET3_RXC3_TUC
#define FRG VMXNET3_RXC3_FRG
#define FCS VMXNET3_RXC3_FCS
#define PROTOCOL_BITS PVN_MASK32(23, 16)

static struct wide w; /* large, as these are */
static struct device_frame f;
static struct device_frame train[300];

static void
open_features(unsigned int version, uint64_t features)
{
	const struct wide_setup setup = {.version = version,
					 .features = features,
					 .head_len = 2048,
					 .body_len = 4096,
					 .max_rx_frags = 18};

	wide_create(&w, &setup);
	assert_int_equal(wide_activate(&w), 0);
}

/* The frame comes as it is; its last completion's bits 16-23 of word 3, and CNC as bit 0. */
static uint32_t
bits_of(const struct vmx_arrival *how)
{
	assert_int_equal(vmx_device_arrive(w.dev, f.data, f.len, how, NULL), VMX_RX_DELIVERED);
	assert_true(wide_receive(&w, 0));
	assert_int_equal(w.frame.len, f.len < 60 ? 60 : f.len);
	assert_memory_equal(w.frame.data, f.data, f.len);
	return (w.frame.last[3] & PROTOCOL_BITS) | ((w.frame.last[0] & VMXNET3_RXC0_CNC) != 0);
}

static const struct {
	uint8_t protocol;
	bool ipv6;
	uint32_t bits;
} kinds[] = {
	{DEVICE_TCP, false, V4 | TCP | IPC | TUC},
	{DEVICE_UDP, false, V4 | UDP | IPC | TUC},
	{DEVICE_ESP, false, V4 | IPC},
	{DEVICE_TCP, true, V6 | TCP | TUC},
	{DEVICE_UDP, true, V6 | UDP | TUC},
	{DEVICE_ESP, true, V6},
};

static void
test_checksums(void **state)
{
	(void)state;
	open_features(1, VMXNET3_FEATURE_RXCSUM);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint32_t bits = kinds[i].bits | FCS;

		print_message("case: protocol %u over IPv%u\n", kinds[i].protocol,
			      kinds[i].ipv6 ? 6 : 4);
		device_frame(&f, kinds[i].protocol, kinds[i].ipv6, 700, NULL);
		assert_int_equal(bits_of(NULL), bits);
		f.data[f.len - 1] ^= 1; /* of the payload: only TCP and UDP notice */
		assert_int_equal(bits_of(NULL), bits & ~TUC);
		f.data[f.len - 1] ^= 1;
		f.data[21] ^= 1; /* IPv4: the fragment's offset's last bit; IPv6: hop limit */
		assert_int_equal(bits_of(NULL), kinds[i].ipv6 ? bits : (V4 | FRG | FCS));
	}
	assert_int_equal(wide_close(&w), 0);
}

/* A wrong IPv4 header with a right payload: TUC and IPC are two things. */
static void
test_header_checksum(void **state)
{
	(void)state;
	open_features(1, VMXNET3_FEATURE_RXCSUM);
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	f.data[22]--; /* time to live */
	assert_int_equal(bits_of(NULL), V4 | UDP | TUC | FCS);
	/* UDP without a checksum is no fault of it; IPv6 must have one. */
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	f.data[40] = f.data[41] = 0;
	assert_int_equal(bits_of(NULL), V4 | UDP | IPC | TUC | FCS);
	device_frame(&f, DEVICE_UDP, true, 100, NULL);
	f.data[60] = f.data[61] = 0;
	assert_int_equal(bits_of(NULL), V6 | UDP | FCS);
	assert_int_equal(wide_close(&w), 0);
}

static void
test_not_calculated(void **state)
{
	(void)state;
	open_features(1, VMXNET3_FEATURE_RXCSUM);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	f.data[12] = 0x88; /* not IP */
	assert_int_equal(bits_of(NULL), FCS | 1);
	assert_int_equal(wide_close(&w), 0);

	open_features(1, 0);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	assert_int_equal(bits_of(NULL), FCS | 1);
	/* Switched on while it runs. */
	w.shared->v1.features = pvn_cpu_to_le64(VMXNET3_FEATURE_RXCSUM);
	assert_int_equal(bits_of(NULL), FCS | 1);
	wide_command(&w, VMXNET3_CMD_UPDATE_FEATURE);
	assert_int_equal(bits_of(NULL), V4 | TCP | IPC | TUC | FCS);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 12.13] Only what the backend vouches for; never "bad". */
static void
test_qemu(void **state)
{
	const struct wide_setup setup = {.features = VMXNET3_FEATURE_RXCSUM, .device.qemu = true};
	const struct vmx_arrival trusted = {.trusted = true};

	(void)state;
	wide_create(&w, &setup);
	assert_int_equal(wide_activate(&w), 0);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	assert_int_equal(bits_of(NULL), 1);
	assert_int_equal(bits_of(&trusted), 0xAD0000);
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	assert_int_equal(bits_of(&trusted), 0xAB0000);
	device_frame(&f, DEVICE_ESP, false, 100, NULL);
	assert_int_equal(bits_of(&trusted), 1);
	assert_int_equal(wide_close(&w), 0);
}

static void
test_bad_frame(void **state)
{
	const struct vmx_arrival bad = {.bad = true};
	const struct vmxnet3_rx_counters *counters;

	(void)state;
	open_features(1, VMXNET3_FEATURE_RXCSUM);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	assert_int_equal(bits_of(&bad) & FCS, 0);
	assert_true((w.frame.last[2] & VMXNET3_RXC2_ERR) != 0);
	wide_command(&w, VMXNET3_CMD_GET_STATS);
	counters = &w.rx[0].table->counters;
	assert_int_equal(pvn_le64_to_cpu(counters->error_packets), 1);
	assert_int_equal(counters->ucast_packets, 0);
	assert_int_equal(wide_close(&w), 0);
}

/* Stripped or left; the checksums of what is behind the tag count in both cases. */
static void
test_vlan(void **state)
{
	struct device_frame plain;

	(void)state;
	for (int strip = 0; strip < 2; strip++) {
		open_features(1, VMXNET3_FEATURE_RXCSUM | (strip ? VMXNET3_FEATURE_RXVLAN : 0));
		device_frame(&f, DEVICE_TCP, false, 100, NULL);
		plain = f;
		device_frame_tag(&f, 0xA064);
		assert_int_equal(vmx_device_arrive(w.dev, f.data, f.len, NULL, NULL),
				 VMX_RX_DELIVERED);
		assert_true(wide_receive(&w, 0));
		assert_int_equal((w.frame.last[2] & VMXNET3_RXC2_TS) != 0, strip);
		if (strip)
			assert_int_equal(pvn_field_get(VMXNET3_RXC2_TCI, w.frame.last[2]), 0xA064);
		assert_int_equal(w.frame.len, strip ? plain.len : f.len);
		assert_memory_equal(w.frame.data, strip ? plain.data : f.data, w.frame.len);
		assert_int_equal(w.frame.last[3] & PROTOCOL_BITS, V4 | TCP | IPC | TUC | FCS);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* 9000 bytes over a head of 2048 and bodies of 4096; what is told of the frame stands at its end.
 */
static void
test_pieces(void **state)
{
	(void)state;
	open_features(1, VMXNET3_FEATURE_RXCSUM | VMXNET3_FEATURE_RXVLAN);
	for (int turn = 0; turn < 100; turn++) {
		device_frame(&f, DEVICE_TCP, false, 9000 - 54, NULL);
		assert_int_equal(bits_of(NULL), V4 | TCP | IPC | TUC | FCS);
		assert_int_equal(w.frame.pieces, 3);
		assert_int_equal(w.frame.first[3] & PROTOCOL_BITS, 0);
		assert_int_equal(pvn_field_get(VMXNET3_RXC2_LEN, w.frame.first[2]), 2048);
		assert_int_equal(pvn_field_get(VMXNET3_RXC2_LEN, w.frame.last[2]),
				 9000 - 2048 - 4096);
	}
	assert_int_equal(wide_close(&w), 0);
}

/* num segments of `each` bytes, one after the other. */
static void
make_train(struct vmx_train *t, unsigned int num, size_t each, bool ipv6)
{
	for (unsigned int i = 0; i < num; i++) {
		const struct device_flow flow = {
			.src_port = 7,
			.dst_port = 8,
			.seq = 1000 + (uint32_t)(i * each),
			.tcp_flags = i + 1 == num ? 0x18 : 0x10,
		};

		device_frame(&train[i], DEVICE_TCP, ipv6, each, &flow);
		t[i].frame = train[i].data;
		t[i].len = train[i].len;
	}
}

static void
check_merged(unsigned int version, unsigned int num, size_t each, bool ipv6)
{
	size_t header = ipv6 ? 74 : 54;

	assert_int_equal(w.frame.len, header + num * each);
	for (unsigned int i = 0; i < num; i++)
		assert_memory_equal(w.frame.data + header + i * each, train[i].data + header, each);
	assert_int_equal(w.frame.data[header - 7], 0x18);
	assert_int_equal(w.frame.last[3] & PROTOCOL_BITS & ~FCS,
			 ipv6 ? V6 | TCP | TUC : V4 | TCP | IPC | TUC);
	if (version == 1) {
		assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, w.frame.first[3]),
				 VMXNET3_RXC_TYPE_NORMAL);
		return;
	}
	assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, w.frame.first[3]), VMXNET3_RXC_TYPE_LRO);
	assert_int_equal(pvn_field_get(VMXNET3_RXC3_LRO_MSS, w.frame.first[3]), each);
	assert_int_equal(pvn_field_get(VMXNET3_RXC1_LRO_SEGMENTS, w.frame.first[1]), num);
}

/* [VMX3 11.1] Version 1 merges too, but does not say what. One piece and several. */
static void
test_lro(void **state)
{
	static const struct {
		unsigned int num;
		size_t each;
	} cases[] = {{2, 100}, {10, 1448}, {44, 1448}, {200, 60}};
	struct vmx_train t[300];
	const struct vmxnet3_rx_counters *counters;

	(void)state;
	for (unsigned int version = 1; version <= 2; version++) {
		open_features(version, VMXNET3_FEATURE_RXCSUM | VMXNET3_FEATURE_LRO);
		for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
			unsigned int num = cases[i / 2].num;

			make_train(t, num, cases[i / 2].each, i % 2 != 0);
			assert_int_equal(vmx_device_arrive_train(w.dev, t, num), 1);
			assert_true(wide_receive(&w, 0));
			check_merged(version, num, cases[i / 2].each, i % 2 != 0);
		}
		wide_command(&w, VMXNET3_CMD_GET_STATS);
		counters = &w.rx[0].table->counters;
		assert_int_equal(pvn_le64_to_cpu(counters->lro_packets), 8);
		assert_int_equal(pvn_le64_to_cpu(counters->ucast_packets), 8);
		assert_int_equal(counters->lro_bytes, counters->ucast_bytes);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* What must not become one frame: LRO off, another stream, a gap, a wrong checksum, a SYN. */
static void
test_lro_not(void **state)
{
	struct vmx_train t[2];

	(void)state;
	for (int kind = 0; kind < 5; kind++) {
		const struct device_flow other = {.src_port = 9, .dst_port = 8, .seq = 1100};

		print_message("case %d\n", kind);
		open_features(2, VMXNET3_FEATURE_RXCSUM | (kind == 0 ? 0 : VMXNET3_FEATURE_LRO));
		make_train(t, 2, 100, false);
		if (kind == 1)
			device_frame(&train[1], DEVICE_TCP, false, 100, &other);
		else if (kind == 2)
			train[1].data[41]++;
		else if (kind == 3)
			train[1].data[100]++;
		else if (kind == 4)
			train[0].data[47] |= 2;
		if (kind == 2 || kind == 4)
			device_frame_seal(&train[kind == 2]);
		assert_int_equal(vmx_device_arrive_train(w.dev, t, 2), 2);
		for (int i = 0; i < 2; i++) {
			assert_true(wide_receive(&w, 0));
			assert_int_equal(w.frame.len, train[i].len);
			assert_memory_equal(w.frame.data, train[i].data, w.frame.len);
			assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, w.frame.first[3]),
					 VMXNET3_RXC_TYPE_NORMAL);
		}
		assert_int_equal(wide_close(&w), 0);
	}
}

/* [VMX3 8.6] Into the slot what fits there; its slot is spoilt once its descriptor goes back. */
static void
test_data_ring(void **state)
{
	const struct wide_setup setup = {
		.version = 3, .num_rx = 2, .rx_data_slot = 128, .features = VMXNET3_FEATURE_RXCSUM};

	(void)state;
	wide_create(&w, &setup);
	assert_int_equal(wide_activate(&w), 0);
	for (size_t payload = 6; payload < 200; payload++) {
		bool small;

		device_frame(&f, DEVICE_TCP, false, payload, NULL);
		small = f.len <= 128;
		assert_int_equal(bits_of(NULL), V4 | TCP | IPC | TUC | FCS);
		assert_int_equal(pvn_field_get(VMXNET3_RXC0_RQID, w.frame.last[0]), small ? 4 : 0);
		if (!small)
			continue;
		/* wide_receive() has posted one slot further on; the ring has 31 of 32. */
		assert_int_equal(vmx_device_rx_posted(w.dev, 0, 0), 31);
	}
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(w.rx[0].data[i], 0xDB);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 5.1, 8.3] About the inner packet, and a bit says so. */
static void
test_tunnels(void **state)
{
	(void)state;
	for (unsigned int version = 4; version <= 7; version += 3) {
		for (int geneve = 0; geneve < 2; geneve++) {
			open_features(version,
				      VMXNET3_FEATURE_RXCSUM | VMXNET3_FEATURE_RXINNEROFLD);
			device_frame(&f, DEVICE_TCP, true, 300, NULL);
			device_frame_wrap(&f, false, geneve, true);
			assert_int_equal(bits_of(NULL), V6 | TCP | TUC | FCS);
			assert_true((w.frame.last[0] & VMXNET3_RXC0_INNER) != 0);
			f.data[f.len - 1] ^= 1;
			assert_int_equal(bits_of(NULL) & TUC, 0);
			assert_int_equal(wide_close(&w), 0);
		}
	}
	/* Without the feature, or before it was there, a tunnel is UDP. */
	open_features(3, VMXNET3_FEATURE_RXCSUM | VMXNET3_FEATURE_RXINNEROFLD);
	device_frame(&f, DEVICE_TCP, true, 300, NULL);
	device_frame_wrap(&f, false, false, true);
	assert_int_equal(bits_of(NULL), V4 | UDP | IPC | TUC | FCS);
	assert_int_equal(wide_close(&w), 0);
	open_features(7, VMXNET3_FEATURE_RXCSUM);
	device_frame(&f, DEVICE_TCP, true, 300, NULL);
	device_frame_wrap(&f, false, true, false);
	assert_int_equal(bits_of(NULL), V4 | UDP | IPC | TUC | FCS);
	assert_int_equal(w.frame.last[0] & VMXNET3_RXC0_INNER, 0);
	assert_int_equal(wide_close(&w), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksums),      cmocka_unit_test(test_header_checksum),
		cmocka_unit_test(test_not_calculated), cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_bad_frame),      cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_pieces),	       cmocka_unit_test(test_lro),
		cmocka_unit_test(test_lro_not),	       cmocka_unit_test(test_data_ring),
		cmocka_unit_test(test_tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
