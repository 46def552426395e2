/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the device model does on its own account or refuses: queues that stop, events, the link,
 * counters of what was lost, coalescing, memory regions.
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

static struct wide w; /* large, as these are */
static struct device_frame f;
static uint8_t *memory;

static void
open_setup(const struct wide_setup *setup)
{
	wide_create(&w, setup);
	memory = wide_memory(&w, DEVICE_FRAME_MAX, 64);
	memset(memory, 0xFF, 6);
	assert_int_equal(wide_activate(&w), 0);
}

static void
send_one(unsigned int q, uint32_t len, uint32_t word2, uint32_t word3)
{
	const struct wide_piece piece = {memory, len};

	wide_send(&w, q, &piece, 1, word2, word3);
}

static unsigned int
deliver(unsigned int q)
{
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	return vmx_device_rx(w.dev, q, f.data, f.len, NULL);
}

static uint32_t
events(void)
{
	return pvn_le32_to_cpu(w.shared->v1.events);
}

/* Only that queue, told by event and status; it stays so until the device is started anew. */
static void
test_stop_queue(void **state)
{
	const struct wide_setup setup = {.num_tx = 2, .num_rx = 2};

	(void)state;
	open_setup(&setup);
	vmx_device_stop_queue(w.dev, true, 1, (uint32_t)VMXNET3_STOP_STRESS);
	assert_int_equal(events(), VMXNET3_EVENT_TQERR);
	vmx_device_stop_queue(w.dev, false, 0, (uint32_t)VMXNET3_STOP_SMALL_HEAD);
	assert_int_equal(events(), VMXNET3_EVENT_TQERR | VMXNET3_EVENT_RQERR);
	assert_int_equal(w.tx[1].table->stopped, 0); /* not before it is asked for */
	wide_command(&w, VMXNET3_CMD_GET_QUEUE_STATUS);
	assert_int_equal(w.tx[0].table->stopped, 0);
	assert_int_equal(w.tx[1].table->stopped, 1);
	assert_int_equal(pvn_le32_to_cpu(w.tx[1].table->stop_reason), 0x80000005);
	assert_int_equal(w.rx[0].table->stopped, 1);
	assert_int_equal(pvn_le32_to_cpu(w.rx[0].table->stop_reason), 0x80000004);
	assert_int_equal(w.rx[1].table->stopped, 0);
	wide_write(&w, 1, VMXNET3_BAR1_ECR, VMXNET3_EVENT_TQERR | VMXNET3_EVENT_RQERR);
	assert_int_equal(events(), 0);
	send_one(0, 100, 0, 0);
	send_one(1, 100, 0, 0);
	assert_int_equal(vmx_device_run(w.dev), 1);
	assert_int_equal(deliver(0), VMX_RX_DOWN);
	assert_int_equal(deliver(1), VMX_RX_DELIVERED);
	assert_int_equal(wide_close(&w), 0);
}

static void
expect_stop(bool tx, enum vmxnet3_stop_reason reason, enum vmx_breach_kind kind)
{
	vmx_device_run(w.dev);
	assert_int_equal(events(), tx ? VMXNET3_EVENT_TQERR : VMXNET3_EVENT_RQERR);
	wide_command(&w, VMXNET3_CMD_GET_QUEUE_STATUS);
	assert_int_equal(tx ? w.tx[0].table->stopped : w.rx[0].table->stopped, 1);
	assert_int_equal(
		pvn_le32_to_cpu(tx ? w.tx[0].table->stop_reason : w.rx[0].table->stop_reason),
		(uint32_t)reason);
	assert_true(vmx_device_breach_count(w.dev, kind) > 0);
	vmx_device_forgive(w.dev, kind);
	assert_int_equal(wide_close(&w), 0);
}

/* [VMX3 9.5] As ESXi is said to: a fault of the driver's stops its queue, with the reason. */
static void
test_stop_on_fault(void **state)
{
	const struct wide_setup setup = {.device.stop_on_fault = true};
	const struct wide_setup small = {.device.stop_on_fault = true, .head_len = 64};
	struct wide_piece pieces[17];

	(void)state;
	open_setup(&setup);
	for (int i = 0; i < 17; i++)
		pieces[i] = (struct wide_piece){memory, 64};
	wide_send(&w, 0, pieces, 17, 0, 0);
	expect_stop(true, VMXNET3_STOP_TOO_MANY_DESC, VMX_BREACH_TOO_MANY_DESC);

	open_setup(&setup);
	send_one(0, 100, VMXNET3_TXD2_TYPE, 0);
	expect_stop(true, VMXNET3_STOP_BAD_TYPE, VMX_BREACH_RESERVED_BITS);

	open_setup(&setup);
	send_one(0, 100, 0, pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_ENCAP));
	expect_stop(true, VMXNET3_STOP_BAD_TXD, VMX_BREACH_OFFLOAD_MODE);

	open_setup(&setup);
	w.tx[0].ring[0].addr = pvn_cpu_to_le64((uintptr_t)memory);
	w.tx[0].ring[0].word2 = pvn_cpu_to_le32(100 | VMXNET3_TXD2_GEN);
	wide_write(&w, 0, VMXNET3_BAR0_TXPROD(0), 1);
	expect_stop(true, VMXNET3_STOP_NO_EOP, VMX_BREACH_PARTIAL_PACKET_VISIBLE);

	open_setup(&small);
	expect_stop(false, VMXNET3_STOP_SMALL_HEAD, VMX_BREACH_HEAD_SMALL);
}

/* An honest driver's faultless packets stop nothing. */
static void
test_no_fault(void **state)
{
	const struct wide_setup setup = {.device.stop_on_fault = true};

	(void)state;
	open_setup(&setup);
	for (unsigned int i = 0; i < 100; i++) {
		send_one(0, 100, 0, 0);
		assert_int_equal(vmx_device_run(w.dev), 1);
		assert_int_equal(wide_reap(&w, 0), 1);
		assert_int_equal(deliver(0), VMX_RX_DELIVERED);
		assert_true(wide_receive(&w, 0));
	}
	assert_int_equal(events(), 0);
	assert_int_equal(wide_close(&w), 0);
}

static unsigned int fired;

static void
on_interrupt(void *arg, unsigned int vector)
{
	(void)arg;
	assert_int_equal(vector, 0);
	fired++;
}

static void
test_events(void **state)
{
	const struct wide_setup setup = {0};

	(void)state;
	open_setup(&setup);
	vmx_device_on_interrupt(w.dev, on_interrupt, NULL);
	fired = 0;
	vmx_device_event(w.dev, VMXNET3_EVENT_DIC, 0);
	assert_int_equal(fired, 0); /* masked, and remembered */
	wide_write(&w, 0, VMXNET3_BAR0_IMR(0), 0);
	vmx_device_run(w.dev);
	assert_int_equal(fired, 1);
	vmx_device_link(w.dev, false, 0);
	assert_int_equal(fired, 2);
	assert_int_equal(events(), VMXNET3_EVENT_DIC | VMXNET3_EVENT_LINK);
	wide_write(&w, 1, VMXNET3_BAR1_ECR, VMXNET3_EVENT_DIC);
	assert_int_equal(events(), VMXNET3_EVENT_LINK);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_LINK), 0);
	vmx_device_link(w.dev, true, 40000);
	assert_int_equal(wide_ask(&w, VMXNET3_CMD_GET_LINK), 40000u << 16 | 1);
	assert_int_equal(wide_close(&w), 0);
}

/* The counters of what was lost; the others are looked at with what they count. */
static void
test_lost(void **state)
{
	const struct wide_setup setup = {.head_len = 128, .ring_size = 32};
	const struct vmxnet3_tx_counters *tx;
	const struct vmxnet3_rx_counters *rx;
	unsigned int delivered = 0;

	(void)state;
	open_setup(&setup);
	tx = &w.tx[0].table->counters;
	rx = &w.rx[0].table->counters;
	send_one(0, 13, 0, 0); /* no whole Ethernet header */
	vmx_device_link(w.dev, false, 0);
	send_one(0, 100, 0, 0);
	vmx_device_run(w.dev);
	assert_int_equal(wide_reap(&w, 0), 2);
	assert_null(vmx_device_sent(w.dev));
	vmx_device_link(w.dev, true, 1000);
	assert_int_equal(deliver(0), VMX_RX_TRUNCATED);
	device_frame(&f, DEVICE_UDP, false, 20, NULL);
	while (vmx_device_rx(w.dev, 0, f.data, f.len, NULL) == VMX_RX_DELIVERED)
		delivered++;
	assert_int_equal(delivered, 30);
	wide_command(&w, VMXNET3_CMD_GET_STATS);
	assert_int_equal(pvn_le64_to_cpu(tx->error_packets), 1);
	assert_int_equal(pvn_le64_to_cpu(tx->discard_packets), 1);
	assert_int_equal(tx->ucast_packets, 0);
	assert_int_equal(pvn_le64_to_cpu(rx->error_packets), 1);
	assert_int_equal(pvn_le64_to_cpu(rx->no_buffer_packets), 1);
	assert_int_equal(pvn_le64_to_cpu(rx->ucast_packets), 30);
	assert_int_equal(pvn_le64_to_cpu(rx->ucast_bytes), 30 * 62);
	assert_int_equal(wide_close(&w), 0);
}

static void
set_coalesce(uint32_t mode, uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t v[4] = {pvn_cpu_to_le32(mode), pvn_cpu_to_le32(a), pvn_cpu_to_le32(b),
			       pvn_cpu_to_le32(c)};

	wide_argument(&w, sizeof(v));
	memcpy(w.side, v, sizeof(v));
	wide_command(&w, VMXNET3_CMD_SET_COALESCE);
}

static void
test_coalesce(void **state)
{
	const struct wide_setup setup = {.version = 3, .device.coalesce = {1}};
	static const struct {
		uint32_t v[4];
		bool right;
	} cases[] = {
		{{0, 0, 0, 0}, true},	 {{1, 0, 0, 0}, true},	    {{2, 128, 64, 1}, true},
		{{2, 1, 129, 1}, false}, {{2, 1, 1, 129}, false},   {{3, 100, 0, 0}, true},
		{{3, 99, 0, 0}, false},	 {{3, 100000, 0, 0}, true}, {{3, 100001, 0, 0}, false},
		{{4, 0, 0, 0}, false},
	};
	struct vmx_device_state seen;
	uint32_t mode;

	(void)state;
	open_setup(&setup);
	wide_argument(&w, 16);
	wide_command(&w, VMXNET3_CMD_GET_COALESCE);
	memcpy(&mode, w.side, sizeof(mode));
	assert_int_equal(pvn_le32_to_cpu(mode), VMXNET3_COALESCE_ADAPTIVE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t *v = cases[i].v;

		set_coalesce(v[0], v[1], v[2], v[3]);
		assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_COALESCE),
				 !cases[i].right);
		vmx_device_forgive(w.dev, VMX_BREACH_COALESCE);
		vmx_device_state(w.dev, &seen);
		if (cases[i].right)
			assert_memory_equal(seen.coalesce, v, sizeof(seen.coalesce));
	}
	wide_argument(&w, 8);
	wide_command(&w, VMXNET3_CMD_SET_COALESCE);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_SIDE_BLOCK), 1);
	vmx_device_forgive(w.dev, VMX_BREACH_SIDE_BLOCK);
	assert_int_equal(wide_close(&w), 0);
}

/* Regions in w.side: all of packet memory, for these queues. */
static uint32_t
register_memory(unsigned int count, uint32_t len, uint16_t tx, uint16_t rx)
{
	const struct vmxnet3_memory_regions head = {.count = pvn_cpu_to_le16((uint16_t)count)};
	const struct vmxnet3_memory_region region = {
		.addr = pvn_cpu_to_le64((uintptr_t)memory),
		.len = pvn_cpu_to_le32(len),
		.tx_queues = pvn_cpu_to_le16(tx),
		.rx_queues = pvn_cpu_to_le16(rx),
	};

	memcpy(w.side, &head, sizeof(head));
	for (unsigned int i = 0; i < count; i++)
		memcpy(w.side + 8 + 16 * i, &region, sizeof(region));
	wide_argument(&w, 8 + 16 * count);
	return wide_ask(&w, VMXNET3_CMD_REGISTER_MEMREGS);
}

static void
test_memory_regions(void **state)
{
	struct wide_setup setup = {.version = 3, .num_tx = 2, .num_rx = 3};
	static const struct {
		unsigned int count;
		uint32_t len;
		uint16_t tx, rx;
		uint32_t result;
	} cases[] = {
		{1, 4096, 3, 7, 0}, {16, 4096, 1, 0, 0}, {17, 4096, 1, 0, 1},
		{0, 4096, 1, 0, 1}, {1, 4096, 4, 0, 1},	 {1, 4096, 0, 8, 1},
		{1, 4096, 0, 0, 1}, {1, 0, 1, 1, 1},	 {1, 1u << 30, 1, 1, 1},
	};
	struct vmx_device_state seen;

	(void)state;
	open_setup(&setup);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case %zu\n", i);
		assert_int_equal(
			register_memory(cases[i].count, cases[i].len, cases[i].tx, cases[i].rx),
			cases[i].result);
		assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_MEMORY_REGIONS),
				 cases[i].result);
		vmx_device_forgive(w.dev, VMX_BREACH_MEMORY_REGIONS);
		vmx_device_state(w.dev, &seen);
		if (cases[i].result == 0)
			assert_int_equal(seen.num_memory_regions, cases[i].count);
	}
	assert_int_equal(wide_close(&w), 0);
	/* A host that does not want them is no fault of the driver's. */
	setup.device.refuse_memory = true;
	open_setup(&setup);
	assert_int_equal(register_memory(1, 4096, 1, 1), 1);
	vmx_device_state(w.dev, &seen);
	assert_int_equal(seen.num_memory_regions, 0);
	assert_int_equal(wide_close(&w), 0);
}

static void
ring_buffers(uint16_t head, uint16_t reserved, unsigned int breaches)
{
	const struct vmxnet3_ring_buffer_size size = {
		.ring1_head = pvn_cpu_to_le16(head),
		.ring2_body = pvn_cpu_to_le16(4096),
		.reserved6 = pvn_cpu_to_le16(reserved),
	};

	memcpy(w.shared->v1.command_arg, &size, sizeof(size));
	wide_command(&w, VMXNET3_CMD_SET_RING_BUFFER_SIZE);
	assert_int_equal(vmx_device_breach_count(w.dev, VMX_BREACH_RING_BUFFERS), breaches);
	vmx_device_forgive(w.dev, VMX_BREACH_RING_BUFFERS);
}

static void
test_ring_buffers(void **state)
{
	const struct wide_setup setup = {.version = 7};
	struct vmx_device_state seen;

	(void)state;
	open_setup(&setup);
	ring_buffers(2048, 0, 0);
	vmx_device_state(w.dev, &seen);
	assert_int_equal(seen.ring_buffers[0], 2048);
	assert_int_equal(seen.ring_buffers[2], 4096);
	ring_buffers(2048, 1, 1);
	ring_buffers(1024, 0, 1); /* not what is posted */
	ring_buffers(0, 0, 2);
	assert_int_equal(wide_close(&w), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_queue),     cmocka_unit_test(test_stop_on_fault),
		cmocka_unit_test(test_no_fault),       cmocka_unit_test(test_events),
		cmocka_unit_test(test_lost),	       cmocka_unit_test(test_coalesce),
		cmocka_unit_test(test_memory_regions), cmocka_unit_test(test_ring_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
