/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device model makes of packets with offloads [VMX3 7.3]: every frame on the wire is
 * judged by its own headers. And what it says of a driver that asks wrongly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device_frames.h"
#include "vmx_packet.h"
#include "wide_driver.h"

#define OM(mode) pvn_field_put(VMXNET3_TXD3_OM, mode)
#define VALUE(x) pvn_field_put(VMXNET3_TXD2_MSSCOF, (uint32_t)(x))

static struct wide w; /* large, as these are */
static struct device_frame f, before;
static uint8_t *memory; /* where packets are sent from */

static void
open_version(unsigned int version, uint32_t capabilities)
{
	const struct wide_setup setup = {.version = version,
					 .num_tx = 2,
					 .ring_size = 64,
					 .device.capabilities = capabilities,
					 .capabilities = capabilities};

	wide_create(&w, &setup);
	memory = wide_memory(&w, DEVICE_FRAME_MAX, 64);
	assert_int_equal(wide_activate(&w), 0);
}

/* f as one packet: `first` bytes, then pieces of `each`. Returns what went out. */
static struct vmx_frame *
send(size_t first, size_t each, uint32_t word2, uint32_t word3)
{
	struct wide_piece pieces[32];
	struct vmx_frame *sent, *wire;
	unsigned int num = 0;

	memcpy(memory, f.data, f.len);
	for (size_t n, at = 0; at < f.len; at += n) {
		n = at == 0 ? first : each;
		n = f.len - at < n ? f.len - at : n;
		pieces[num].data = memory + at;
		pieces[num++].len = (uint32_t)n;
	}
	wide_send(&w, 0, pieces, num, word2, word3);
	assert_int_equal(vmx_device_run(w.dev), 1);
	assert_int_equal(wide_reap(&w, 0), 1);
	sent = vmx_device_sent(w.dev);
	assert_non_null(sent);
	wire = vmx_frame_wire(sent);
	free(sent);
	return wire;
}

static void
assert_wire(const struct vmx_frame *frame)
{
	const char *fault = vmx_wire_fault(frame->data, frame->len);

	if (fault != NULL)
		fail_msg("%s", fault);
}

/* With a checksum of its own each frame is what it was before the driver spoilt it. */
static void
test_checksum(void **state)
{
	static const struct {
		uint8_t protocol;
		bool ipv6;
	} kinds[] = {
		{DEVICE_TCP, false}, {DEVICE_UDP, false}, {DEVICE_TCP, true}, {DEVICE_UDP, true}};

	(void)state;
	open_version(1, 0);
	for (size_t payload = 0; payload < 400; payload += 7) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			uint32_t l4 = kinds[k].ipv6 ? 54 : 34;
			uint32_t field = l4 + (kinds[k].protocol == DEVICE_TCP ? 16 : 6);
			struct vmx_frame *wire;

			device_frame(&f, kinds[k].protocol, kinds[k].ipv6, payload, NULL);
			before = f;
			device_frame_for_csum(&f, 0);
			wire = send(80, 100, VALUE(field), OM(VMXNET3_OM_CSUM) | l4);
			assert_non_null(wire);
			assert_null(wire->next);
			assert_int_equal(wire->len, before.len);
			assert_memory_equal(wire->data, before.data, before.len);
			vmx_frame_free(wire);
		}
	}
	assert_int_equal(wide_close(&w), 0);
}

/* Segments put together again are the payload; each has the next number, place and flags. */
static void
check_segments(const struct vmx_frame *wire, size_t from, size_t mss)
{
	struct vmx_packet p, whole;
	size_t done = 0;

	assert_true(vmx_parse(&whole, before.data, before.len, from));
	for (unsigned int i = 0; wire != NULL; wire = wire->next, i++) {
		const uint8_t *ip, *tcp;
		size_t n;

		assert_wire(wire);
		assert_true(vmx_parse(&p, wire->data, wire->len, from));
		ip = wire->data + p.l3;
		tcp = wire->data + p.l4;
		n = wire->len - p.payload;
		assert_int_equal(n, wire->next == NULL ? before.len - whole.payload - done : mss);
		assert_memory_equal(wire->data + p.payload, before.data + whole.payload + done, n);
		assert_int_equal(vmx_get32(tcp + 4),
				 (uint32_t)(vmx_get32(before.data + p.l4 + 4) + done));
		if (!p.v6)
			assert_int_equal(vmx_get16(ip + 4), 0x1234 + i);
		/* CWR with the first only, FIN and PSH with the last; ACK with each. */
		assert_int_equal(tcp[13],
				 (i == 0 ? 0x80 : 0) | (wire->next == NULL ? 0x09 : 0) | 0x10);
		done += n;
	}
	assert_int_equal(done, before.len - whole.payload);
}

static void
test_tso(void **state)
{
	static const struct {
		size_t payload, mss;
	} cases[] = {{1, 1448},	   {1448, 1448},  {1449, 1448}, {10000, 1448},
		     {10000, 536}, {63000, 1448}, {20000, 1000}};
	const struct device_flow flow = {
		.src_port = 1, .dst_port = 2, .seq = 0xFFFFF000u, .tcp_flags = 0x99};

	(void)state;
	open_version(1, 0);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		bool ipv6 = i % 2 != 0;
		uint32_t header = ipv6 ? 74 : 54;
		size_t mss = ipv6 ? cases[i / 2].mss - 20 : cases[i / 2].mss;
		struct vmx_frame *wire;

		device_frame(&f, DEVICE_TCP, ipv6, cases[i / 2].payload, &flow);
		before = f;
		device_frame_for_tso(&f, 0);
		wire = send(header + (i % 3) * 50, 3000, VALUE(mss), OM(VMXNET3_OM_TSO) | header);
		assert_non_null(wire);
		check_segments(wire, 0, mss);
		vmx_frame_free(wire);
	}
	assert_int_equal(wide_close(&w), 0);
}

static void
test_vlan(void **state)
{
	struct vmx_frame *wire;
	uint16_t mss = 500;

	(void)state;
	open_version(1, 0);
	for (int tagged = 0; tagged < 2; tagged++) {
		device_frame(&f, DEVICE_TCP, false, 100, NULL);
		before = f;
		device_frame_tag(&before, 0xA064);
		if (tagged)
			device_frame_tag(&f, 0x0001);
		wire = send(60, 100, 0, VMXNET3_TXD3_TI | pvn_field_put(VMXNET3_TXD3_TCI, 0xA064));
		assert_int_equal(wire->len, before.len);
		assert_memory_equal(wire->data, before.data, before.len);
		vmx_frame_free(wire);
	}
	/* With TSO each segment gets it. */
	device_frame(&f, DEVICE_TCP, false, 2000, NULL);
	device_frame_for_tso(&f, 0);
	wire = send(60, 100, VALUE(mss),
		    OM(VMXNET3_OM_TSO) | 54 | VMXNET3_TXD3_TI | pvn_field_put(VMXNET3_TXD3_TCI, 7));
	for (unsigned int i = 0; i < 4; i++) {
		const struct vmx_frame *each = wire;

		for (unsigned int k = 0; k < i; k++)
			each = each->next;
		assert_wire(each);
		assert_int_equal(vmx_get16(each->data + 12), 0x8100);
		assert_int_equal(vmx_get16(each->data + 14), 7);
		assert_int_equal(each->len, 58 + 500);
	}
	vmx_frame_free(wire);
	assert_int_equal(wide_close(&w), 0);
}

#define ALL_TUNNELS                                                                                \
	(VMXNET3_CAP_GENEVE_CSUM | VMXNET3_CAP_GENEVE_TSO | VMXNET3_CAP_VXLAN_CSUM |               \
	 VMXNET3_CAP_VXLAN_TSO | VMXNET3_CAP_GENEVE_OUTER_CSUM | VMXNET3_CAP_VXLAN_OUTER_CSUM)

/* Words for a tunnel's packet, as version 4 or 7 wants them. mss 0 = checksum only. */
static void
tunnel_words(unsigned int version, size_t mss, bool outer_csum, uint32_t words[2])
{
	struct vmx_packet p;
	uint32_t mode = mss == 0 ? VMXNET3_OM_CSUM : VMXNET3_OM_TSO;

	assert_true(vmx_parse(&p, f.data, f.len, f.inner));
	words[0] = VALUE(mss) | (outer_csum ? VMXNET3_TXD2_OUTER_CSUM : 0);
	words[1] = OM(VMXNET3_OM_ENCAP) | (uint32_t)p.payload;
	if (version < 7)
		return;
	words[0] |= VMXNET3_TXD2_INNER | (mss == 0 ? VALUE(vmx_l4_csum_offset(&p)) : 0);
	words[1] = OM(mode) | (uint32_t)p.payload;
}

static void
tunnel(unsigned int version, bool geneve, bool ipv6, size_t mss, bool outer_csum)
{
	const struct device_flow flow = {.src_port = 1, .dst_port = 2, .tcp_flags = 0x99};
	struct vmx_frame *wire;
	uint32_t words[2];

	print_message("case: version %u, %s, IPv%u, MSS %zu, outer checksum %d\n", version,
		      geneve ? "Geneve" : "VXLAN", ipv6 ? 6 : 4, mss, outer_csum);
	device_frame(&f, DEVICE_TCP, ipv6, mss == 0 ? 500 : 5000, &flow);
	device_frame_wrap(&f, false, geneve, outer_csum);
	before = f;
	if (mss == 0)
		device_frame_for_csum(&f, f.inner);
	else
		device_frame_for_tso(&f, f.inner);
	tunnel_words(version, mss, outer_csum, words);
	wire = send(200, 3000, words[0], words[1]);
	assert_non_null(wire);
	if (mss == 0) {
		assert_int_equal(wire->len, before.len);
		assert_memory_equal(wire->data, before.data, before.len);
	} else {
		check_segments(wire, f.inner, mss);
	}
	for (const struct vmx_frame *each = wire; each != NULL; each = each->next)
		assert_int_equal(vmx_get16(each->data + 40) != 0, outer_csum);
	vmx_frame_free(wire);
}

static void
test_tunnels(void **state)
{
	(void)state;
	for (unsigned int version = 4; version <= 7; version += 3) {
		open_version(version, version == 7 ? ALL_TUNNELS : 0);
		for (unsigned int i = 0; i < 16; i++)
			tunnel(version, i % 2 != 0, i / 2 % 2 != 0, i / 4 % 2 != 0 ? 1000 : 0,
			       i / 8 != 0);
		assert_int_equal(wide_close(&w), 0);
	}
}

static void
expect_breach(enum vmx_breach_kind kind)
{
	if (vmx_device_breach_count(w.dev, kind) == 0)
		fail_msg("%s was not seen", vmx_breach_name(kind));
	vmx_device_forgive(w.dev, kind);
	vmx_device_print_breaches(w.dev, stderr);
	assert_int_equal(vmx_device_breaches(w.dev), 0);
}

/* What was not granted may not be used. */
static void
test_tunnel_not_granted(void **state)
{
	static const uint32_t needed[] = {VMXNET3_CAP_VXLAN_TSO, VMXNET3_CAP_VXLAN_OUTER_CSUM};
	uint32_t words[2];

	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		open_version(7, ALL_TUNNELS & ~needed[i]);
		device_frame(&f, DEVICE_TCP, false, 5000, NULL);
		device_frame_wrap(&f, false, false, true);
		device_frame_for_tso(&f, f.inner);
		tunnel_words(7, 1000, true, words);
		vmx_frame_free(send(200, 3000, words[0], words[1]));
		expect_breach(VMX_BREACH_OFFLOAD_MODE);
		assert_int_equal(wide_close(&w), 0);
	}
	/* Version 7 no longer has the mode of version 4, and version 3 not yet. */
	for (unsigned int version = 3; version <= 7; version += 4) {
		open_version(version, version == 7 ? ALL_TUNNELS : 0);
		device_frame(&f, DEVICE_TCP, false, 5000, NULL);
		device_frame_wrap(&f, false, false, false);
		device_frame_for_tso(&f, f.inner);
		tunnel_words(4, 1000, false, words);
		vmx_frame_free(send(200, 3000, words[0], words[1]));
		expect_breach(VMX_BREACH_OFFLOAD_MODE);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* Each rule of [VMX3 7.3] broken by a driver that keeps the others. */
static void
test_wrong_offloads(void **state)
{
	static const struct {
		const char *name;
		uint8_t protocol;
		size_t payload;
		uint32_t mode, header, value;
		size_t first;
		enum vmx_breach_kind kind;
	} cases[] = {
		{"header of checksum", DEVICE_TCP, 100, 2, 30, 50, 200, VMX_BREACH_OFFLOAD_FIELDS},
		{"another field", DEVICE_TCP, 100, 2, 34, 40, 200, VMX_BREACH_OFFLOAD_FIELDS},
		{"checksum of ESP", DEVICE_ESP, 100, 2, 34, 40, 200, VMX_BREACH_OFFLOAD_FIELDS},
		{"TSO of UDP", DEVICE_UDP, 3000, 3, 42, 1000, 200, VMX_BREACH_OFFLOAD_FIELDS},
		{"header of TSO", DEVICE_TCP, 3000, 3, 34, 1000, 200, VMX_BREACH_OFFLOAD_FIELDS},
		{"segments too large", DEVICE_TCP, 9000, 3, 54, 1600, 200,
		 VMX_BREACH_OFFLOAD_FIELDS},
		{"headers in two buffers", DEVICE_TCP, 3000, 3, 54, 1000, 40,
		 VMX_BREACH_OFFLOAD_FIELDS},
		{"value without a mode", DEVICE_TCP, 100, 0, 0, 1000, 200,
		 VMX_BREACH_OFFLOAD_FIELDS},
		{"header without a mode", DEVICE_TCP, 100, 0, 54, 0, 200,
		 VMX_BREACH_OFFLOAD_FIELDS},
		{"sum with the length", DEVICE_TCP, 3000, 3, 54, 1000, 200, VMX_BREACH_PSEUDO_SUM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case: %s\n", cases[i].name);
		open_version(1, 0);
		device_frame(&f, cases[i].protocol, false, cases[i].payload, NULL);
		if (cases[i].mode == 3 && cases[i].kind != VMX_BREACH_PSEUDO_SUM)
			device_frame_for_tso(&f, 0);
		else if (cases[i].mode != 0)
			device_frame_for_csum(&f, 0);
		vmx_frame_free(send(cases[i].first, 3000, VALUE(cases[i].value),
				    OM(cases[i].mode) | cases[i].header));
		expect_breach(cases[i].kind);
		assert_int_equal(wide_close(&w), 0);
	}
	/* A sum without the length where it is wanted; and a header the device cannot put right. */
	open_version(1, 0);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	device_frame_for_tso(&f, 0);
	vmx_frame_free(send(200, 200, VALUE(50), OM(2) | 34));
	expect_breach(VMX_BREACH_PSEUDO_SUM);
	device_frame(&f, DEVICE_TCP, false, 100, NULL);
	device_frame_for_csum(&f, 0);
	f.data[24] ^= 1;
	vmx_frame_free(send(200, 200, VALUE(50), OM(2) | 34));
	expect_breach(VMX_BREACH_WIRE);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 7.6] Slot i is descriptor i's, whole packets or their first bytes. */
static void
test_data_ring(void **state)
{
	static const struct {
		unsigned int version;
		uint16_t slot;
	} cases[] = {{1, 128}, {3, 256}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wide_setup setup = {.version = cases[i].version,
					   .tx_data_slot = cases[i].slot,
					   .device.tx_data_slot = 256};
		struct wide_piece pieces[2];
		struct vmx_frame *sent;
		uint32_t slot;

		wide_create(&w, &setup);
		memory = wide_memory(&w, DEVICE_FRAME_MAX, 64);
		assert_int_equal(wide_activate(&w), 0);
		for (unsigned int n = 0; n < 100; n++) {
			device_frame(&f, DEVICE_UDP, false, 300, NULL);
			slot = w.tx[0].next * setup.tx_data_slot;
			memcpy(memory, f.data, f.len);
			memcpy(w.tx[0].data + slot, f.data, setup.tx_data_slot);
			pieces[0].data = w.tx[0].data + slot;
			pieces[0].len = setup.tx_data_slot;
			pieces[1].data = memory + setup.tx_data_slot;
			pieces[1].len = (uint32_t)f.len - setup.tx_data_slot;
			wide_send(&w, 0, pieces, 2, 0, 0);
			assert_int_equal(vmx_device_run(w.dev), 1);
			assert_int_equal(wide_reap(&w, 0), 1);
			sent = vmx_device_sent(w.dev);
			assert_int_equal(sent->len, f.len);
			assert_memory_equal(sent->data, f.data, f.len);
			free(sent);
		}
		/* Another one's slot, or more than a slot. */
		slot = (w.tx[0].next + 1) % 32 * setup.tx_data_slot;
		pieces[0].data = w.tx[0].data + slot;
		wide_send(&w, 0, pieces, 1, 0, 0);
		vmx_device_run(w.dev);
		expect_breach(VMX_BREACH_DATA_SLOT);
		slot = w.tx[0].next * setup.tx_data_slot;
		pieces[0].data = w.tx[0].data + slot;
		pieces[0].len = setup.tx_data_slot + 1u;
		wide_send(&w, 0, pieces, 1, 0, 0);
		vmx_device_run(w.dev);
		expect_breach(VMX_BREACH_DATA_SLOT);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* [VMX3 6.3] Segments count one by one. */
static void
test_counters(void **state)
{
	const struct vmxnet3_tx_counters *c;

	(void)state;
	open_version(1, 0);
	device_frame(&f, DEVICE_TCP, false, 2500, NULL);
	device_frame_for_tso(&f, 0);
	vmx_frame_free(send(54, 3000, VALUE(1000), OM(VMXNET3_OM_TSO) | 54));
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	memset(f.data, 0xFF, 6);
	vmx_frame_free(send(200, 200, 0, 0));
	f.data[1] = 0;
	vmx_frame_free(send(200, 200, 0, 0));
	wide_command(&w, VMXNET3_CMD_GET_STATS);
	c = &w.tx[0].table->counters;
	assert_int_equal(pvn_le64_to_cpu(c->tso_packets), 3);
	assert_int_equal(pvn_le64_to_cpu(c->tso_bytes), 2500 + 3 * 54);
	assert_int_equal(pvn_le64_to_cpu(c->ucast_packets), 3);
	assert_int_equal(pvn_le64_to_cpu(c->ucast_bytes), 2500 + 3 * 54);
	assert_int_equal(pvn_le64_to_cpu(c->bcast_packets), 1);
	assert_int_equal(pvn_le64_to_cpu(c->bcast_bytes), 142);
	assert_int_equal(pvn_le64_to_cpu(c->mcast_packets), 1);
	assert_int_equal(pvn_le64_to_cpu(c->mcast_bytes), 142);
	assert_int_equal(wide_close(&w), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_tso),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_tunnel_not_granted),
		cmocka_unit_test(test_wrong_offloads),
		cmocka_unit_test(test_data_ring),
		cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
