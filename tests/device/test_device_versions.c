/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The device model in each version, with every number of queues, and as QEMU: by a scripted guest,
 * without any driver under test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wide_driver.h"

static struct wide w; /* large */

static void
fill_frame(uint8_t *frame, size_t len, uint8_t seed)
{
	static const uint8_t header[14] = {0x00, 0x50, 0x56, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0xB5};

	memcpy(frame, header, sizeof(header));
	for (size_t i = sizeof(header); i < len; i++)
		frame[i] = (uint8_t)(seed + i);
}

static void
traffic(unsigned int tx, unsigned int rx, unsigned int turns)
{
	uint8_t *out = wide_memory(&w, 200, 64);
	uint8_t in[100];

	for (unsigned int i = 0; i < turns; i++) {
		const struct wide_piece pieces[2] = {{out, 60}, {out + 60, 140}};
		struct vmx_frame *sent;

		fill_frame(out, 200, (uint8_t)i);
		wide_send(&w, tx, pieces, 2, 0, 0);
		assert_int_equal(vmx_device_run(w.dev), 1);
		sent = vmx_device_sent(w.dev);
		assert_int_equal(sent->queue, tx);
		assert_int_equal(sent->len, 200);
		assert_memory_equal(sent->data, out, 200);
		free(sent);
		assert_int_equal(wide_reap(&w, tx), 1);
		fill_frame(in, sizeof(in), (uint8_t)i);
		assert_int_equal(vmx_device_rx(w.dev, rx, in, sizeof(in), NULL), VMX_RX_DELIVERED);
		assert_true(wide_receive(&w, rx));
		assert_int_equal(w.frame.len, sizeof(in));
		assert_memory_equal(w.frame.data, in, sizeof(in));
	}
}

static void
test_each_version(void **state)
{
	struct vmx_device_state seen;

	(void)state;
	for (unsigned int v = 1; v <= 9; v++) {
		const struct wide_setup setup = {.version = v};

		print_message("case: version %u\n", v);
		wide_create(&w, &setup);
		assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_VRRS), VMX_VERSIONS_TO(v));
		assert_int_equal(wide_activate(&w), 0);
		vmx_device_state(w.dev, &seen);
		assert_int_equal(seen.version, v);
		traffic(0, 0, 100);
		assert_int_equal(wide_close(&w), 0);
	}
}

static void
test_queues(void **state)
{
	static const struct {
		unsigned int version, tx, rx, result;
	} cases[] = {
		{1, 8, 16, 0}, {1, 3, 5, 0},   {6, 32, 32, 0}, {6, 9, 1, 0},
		{6, 1, 17, 0}, {6, 13, 31, 0}, {7, 32, 32, 0}, {9, 32, 32, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wide_setup setup = {
			.version = cases[i].version, .num_tx = cases[i].tx, .num_rx = cases[i].rx};

		print_message("case: version %u, %u tx, %u rx\n", setup.version, setup.num_tx,
			      setup.num_rx);
		wide_create(&w, &setup);
		assert_int_equal(wide_activate(&w), cases[i].result);
		for (unsigned int q = 0; q < setup.num_tx || q < setup.num_rx; q++)
			traffic(q % setup.num_tx, q % setup.num_rx, 40);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* More than the version allows is the driver's fault; more than this host allows is refused only.
 */
static void
test_queues_refused(void **state)
{
	static const struct {
		struct wide_setup setup;
		bool breach;
	} cases[] = {
		{{.version = 5, .num_tx = 9}, true},
		{{.version = 5, .num_rx = 17}, true},
		{{.version = 6, .num_tx = 5, .device.max_queues_tx = 4}, false},
		{{.version = 6, .num_rx = 5, .device.max_queues_rx = 4}, false},
		{{.version = 6, .num_rx = 9, .device.queues_unknown = true}, false},
		{{.num_rx = 9, .device.qemu = true}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wide_create(&w, &cases[i].setup);
		assert_int_equal(wide_activate(&w), 1);
		assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_QUEUE_COUNT) != 0,
				 cases[i].breach);
		vmx_device_forgive(w.dev, VMX_BREACH_QUEUE_COUNT);
		assert_int_equal(wide_close(&w), 0);
	}
}

static void
test_max_queues(void **state)
{
	static const struct {
		struct vmx_device_opts opts;
		uint32_t result;
	} cases[] = {
		{{0}, 0x2020},
		{{.max_queues_tx = 4, .max_queues_rx = 16}, 0x1004},
		{{.queues_unknown = true}, UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wide_setup setup = {.version = 6, .device = cases[i].opts};

		wide_create(&w, &setup);
		assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_MAX_QUEUES_CONF), cases[i].result);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* [VMX3 4] A command of a later version reads 0 and is a breach; of its own version it works. */
static void
test_later_commands(void **state)
{
	static const struct {
		enum vmxnet3_command command;
		unsigned int version;
		uint32_t result;
	} cases[] = {
		{VMXNET3_CMD_GET_TXDATA_DESC_SIZE, 3, 256},
		{VMXNET3_CMD_GET_MAX_QUEUES_CONF, 6, 0x2020},
		{VMXNET3_CMD_GET_MAX_CAPABILITIES, 7, VMXNET3_CAP_UDP_RSS},
		{VMXNET3_CMD_GET_DCR0_REG, 7, 0},
		{VMXNET3_CMD_GET_TXDATA_DESC_SIZE, 9, 256 | 128 << 16},
		{VMXNET3_CMD_GET_DISABLED_OFFLOADS, 9, VMXNET3_DISABLED_LRO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned int v = cases[i].version - 1; v <= cases[i].version; v++) {
			const struct wide_setup setup = {
				.version = v,
				.device = {.tx_data_slot = 256,
					   .rx_data_slot = 128,
					   .capabilities = VMXNET3_CAP_UDP_RSS,
					   .disabled_offloads = VMXNET3_DISABLED_LRO}};
			bool known = v == cases[i].version ||
				     (v == 8 && i == 4); /* v8 has it, with one half */

			wide_create(&w, &setup);
			assert_int_equal(wide_ask(&w, cases[i].command), v == cases[i].version
										 ? cases[i].result
									 : known ? 256
										 : 0);
			assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_CMD_VERSION),
					 known ? 0 : 1);
			vmx_device_forgive(w.dev, VMX_BREACH_CMD_VERSION);
			assert_int_equal(wide_close(&w), 0);
		}
	}
}

static void
test_capabilities(void **state)
{
	const uint32_t offered = VMXNET3_CAP_LARGE_BAR | VMXNET3_CAP_UDP_RSS;
	const struct wide_setup setup = {.version = 7,
					 .device = {.capabilities = offered},
					 .capabilities = VMXNET3_CAP_LARGE_BAR};
	struct vmx_device_state seen;

	(void)state;
	wide_create(&w, &setup);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_DCR(0)), offered);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_PTCR(0)), offered);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_DCR(7)), 0);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_DCR0_REG), VMXNET3_CAP_LARGE_BAR);
	assert_int_equal(wide_activate(&w), 0);
	vmx_device_state(w.dev, &seen);
	assert_int_equal(seen.capabilities, VMXNET3_CAP_LARGE_BAR);
	traffic(0, 0, 100); /* by the doorbells of the large BAR */
	/* The small one's are no registers any more. */
	wide_write(&w, 0, VMXNET3_BAR0_TXPROD(0), 1);
	vmx_device_run(w.dev);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_REG_UNKNOWN), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_REG_UNKNOWN);
	/* What was not offered is a breach and not granted. */
	wide_write(&w, 1, VMXNET3_BAR1_DCR(0), VMXNET3_CAP_ESP_RSS_IPV4);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_DCR0_REG), 0);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_CAPABILITY), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_CAPABILITY);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 8.5] Buffers count when announced, by the doorbells of either BAR. */
static void
test_rx_doorbells(void **state)
{
	struct wide_setup setup = {.version = 7,
				   .num_rx = 4,
				   .body_len = 256,
				   .max_rx_frags = 2,
				   .head_len = 128,
				   .device.rx_doorbells = true};
	uint8_t frame[300];

	(void)state;
	for (int large = 0; large < 2; large++) {
		setup.capabilities = large ? VMXNET3_CAP_LARGE_BAR : 0;
		setup.device.capabilities = setup.capabilities;
		wide_create(&w, &setup);
		assert_int_equal(wide_activate(&w), 0);
		for (unsigned int i = 0; i < 400; i++) {
			fill_frame(frame, sizeof(frame), (uint8_t)i);
			assert_int_equal(vmx_device_rx(w.dev, i % 4, frame, sizeof(frame), NULL),
					 VMX_RX_DELIVERED);
			assert_true(wide_receive(&w, i % 4));
			assert_int_equal(w.frame.pieces, 2);
			assert_memory_equal(w.frame.data, frame, sizeof(frame));
		}
		/* What is not announced is not there. */
		w.rx[0].table->doorbells_wanted = 0;
		for (unsigned int i = 0; i < 31; i++) {
			assert_int_equal(vmx_device_rx(w.dev, 0, frame, sizeof(frame), NULL),
					 VMX_RX_DELIVERED);
			assert_true(wide_receive(&w, 0));
		}
		assert_int_equal(vmx_device_rx(w.dev, 0, frame, sizeof(frame), NULL),
				 VMX_RX_NO_BUFFER);
		assert_int_equal(wide_close(&w), 0);
	}
}

static void
on_interrupt(void *arg, unsigned int vector)
{
	*(unsigned int *)arg = vector;
}

/* [VMX3 9.4] Vector 64 of the extended block fires; in the old block it would be out of range. */
static void
test_extended_interrupts(void **state)
{
	const struct wide_setup setup = {.version = 6, .num_tx = 9};
	unsigned int fired = 0;

	(void)state;
	wide_create(&w, &setup);
	vmx_device_on_interrupt(w.dev, on_interrupt, &fired);
	assert_int_equal(wide_activate(&w), 0);
	wide_write(&w, 0, VMXNET3_BAR0_IMR(64), 0);
	vmx_device_link(w.dev, false, 10000);
	assert_int_equal(fired, 64);
	w.shared->intr.num_intrs = 3;
	vmx_device_run(w.dev);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_SHARED_CHANGED), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_SHARED_CHANGED);
	assert_int_equal(wide_close(&w), 0);
}

/* Rules that only later versions have, or no longer have. */
static void
test_version_rules(void **state)
{
	static const struct {
		struct wide_setup setup;
		enum vmx_breach_kind kind;
		unsigned int breaches;
	} cases[] = {
		{{.version = 6, .ring_size = 96}, VMX_BREACH_SIZE_NOT_POWER, 0},
		{{.version = 7, .ring_size = 96}, VMX_BREACH_SIZE_NOT_POWER, 5},
		{{.version = 5, .num_rx = 3, .features = VMXNET3_FEATURE_RSS},
		 VMX_BREACH_QUEUES_NOT_POWER,
		 1},
		{{.version = 6, .num_rx = 3, .features = VMXNET3_FEATURE_RSS},
		 VMX_BREACH_QUEUES_NOT_POWER,
		 0},
		{{.version = 5, .mtu = 9190}, VMX_BREACH_MTU_RANGE, 1},
		{{.version = 6, .mtu = 9190}, VMX_BREACH_MTU_RANGE, 0},
		{{.version = 2, .rx_data_slot = 128}, VMX_BREACH_RESERVED_AREA, 1},
		{{.version = 3, .rx_data_slot = 128}, VMX_BREACH_RESERVED_AREA, 0},
		{{.version = 3, .rx_data_slot = 100}, VMX_BREACH_DATA_RING, 1},
		{{.version = 9, .rx_data_slot = 128, .device.rx_data_slot = 128},
		 VMX_BREACH_DATA_RING,
		 0},
		{{.version = 9, .rx_data_slot = 128, .device.rx_data_slot = 256},
		 VMX_BREACH_DATA_RING,
		 1},
		{{.version = 2, .tx_data_slot = 128}, VMX_BREACH_DATA_RING, 0},
		{{.version = 3, .tx_data_slot = 128}, VMX_BREACH_DATA_RING, 0},
		{{.version = 3, .tx_data_slot = 256}, VMX_BREACH_DATA_RING, 1},
		{{.version = 3, .tx_data_slot = 256, .device.tx_data_slot = 256},
		 VMX_BREACH_DATA_RING,
		 0},
		{{.version = 3, .tx_data_slot = 128, .device.tx_data_slot = 100},
		 VMX_BREACH_DATA_RING,
		 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case: %s in version %u\n", vmx_breach_name(cases[i].kind),
			      cases[i].setup.version);
		wide_create(&w, &cases[i].setup);
		wide_activate(&w);
		assert_int_equal(vmx_device_breach_count(w.dev, cases[i].kind), cases[i].breaches);
		vmx_device_forgive(w.dev, cases[i].kind);
		assert_int_equal(wide_close(&w), 0);
	}
}

/* [VMX3 12] */
static void
test_qemu(void **state)
{
	struct wide_setup setup = {.num_tx = 8, .num_rx = 8, .device.qemu = true};
	uint8_t frame[200];
	uint32_t link;

	(void)state;
	wide_create(&w, &setup);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_VRRS), 1);
	link = wide_ask(&w, VMXNET3_CMD_GET_LINK);
	assert_int_equal(link, 0x03E80001);
	wide_write(&w, 1, VMXNET3_BAR1_MACL, 0x33445566);
	wide_write(&w, 1, VMXNET3_BAR1_MACH, 0x1122);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_MACL), 0x33445566);
	w.shared->v1.max_rx_frags = 0;
	assert_int_equal(wide_activate(&w), 0);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_MACL), 0x00565000);
	/* The event is in memory, and the register hides it. */
	vmx_device_link(w.dev, true, 1000);
	assert_int_equal(pvn_le32_to_cpu(w.shared->v1.events), VMXNET3_EVENT_LINK);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_ECR), 0);
	wide_write(&w, 1, VMXNET3_BAR1_ECR, VMXNET3_EVENT_LINK);
	assert_int_equal(w.shared->v1.events, 0);
	/* One rx queue, completions without a type, status of queues never told. */
	fill_frame(frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(w.dev, 1, frame, 200, NULL), VMX_RX_DOWN);
	assert_int_equal(vmx_device_rx(w.dev, 0, frame, 200, NULL), VMX_RX_DELIVERED);
	assert_true(wide_receive(&w, 0));
	assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, w.frame.last[3]), 0);
	vmx_device_event(w.dev, VMXNET3_EVENT_TQERR, (uint32_t)VMXNET3_STOP_BAD_TXD);
	wide_command(&w, VMXNET3_CMD_GET_QUEUE_STATUS);
	assert_int_equal(w.tx[0].table->stopped, 0);
	assert_int_equal(wide_close(&w), 0);
}

/* A limit of 0 pieces is one: a frame of two comes cut, and marked bad. */
static void
test_qemu_no_fragments(void **state)
{
	struct wide_setup setup = {.device.qemu = true, .head_len = 128, .body_len = 128};
	uint8_t frame[200];

	(void)state;
	wide_create(&w, &setup);
	w.shared->v1.max_rx_frags = 0;
	assert_int_equal(wide_activate(&w), 0);
	fill_frame(frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(w.dev, 0, frame, 200, NULL), VMX_RX_TRUNCATED);
	assert_true(wide_receive(&w, 0));
	assert_int_equal(w.frame.len, 128);
	assert_true((w.frame.last[2] & VMXNET3_RXC2_ERR) != 0);
	assert_int_equal(wide_close(&w), 0);
}

/* What ESXi is believed to do where QEMU does not. */
static void
test_not_qemu(void **state)
{
	struct wide_setup setup = {.version = 1};
	uint8_t frame[60];

	(void)state;
	wide_create(&w, &setup);
	assert_int_equal(wide_activate(&w), 0);
	vmx_device_link(w.dev, true, 25000);
	assert_int_equal(wide_read(&w, 1, VMXNET3_BAR1_ECR), VMXNET3_EVENT_LINK);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_LINK), 25000u << 16 | 1);
	fill_frame(frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(w.dev, 0, frame, 60, NULL), VMX_RX_DELIVERED);
	assert_true(wide_receive(&w, 0));
	assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, w.frame.last[3]),
			 VMXNET3_RXC_TYPE_NORMAL);
	assert_int_equal(wide_close(&w), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_version),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_queues_refused),
		cmocka_unit_test(test_max_queues),
		cmocka_unit_test(test_later_commands),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_rx_doorbells),
		cmocka_unit_test(test_extended_interrupts),
		cmocka_unit_test(test_version_rules),
		cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_qemu_no_fragments),
		cmocka_unit_test(test_not_qemu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
