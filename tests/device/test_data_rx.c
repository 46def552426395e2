/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The rx data ring [VMX3 8.6]: what comes in a slot is the application's like any other frame, its
 * buffer stays where it was; and what a device may not put there. That each field of a mbuf is as
 * without a data ring, test_rx_paths.c shows.
 */
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define SLOT 128 /* before version 9 */
#define V3 VMX_VERSIONS_TO(3)

static const struct vmxnet3_rx_queue_desc *
told(const struct vmx_test *t)
{
	const struct vmxnet3_shared *shared = vmx_device_shared(t->dev);
	const struct vmxnet3_tx_queue_desc *tx =
		(const void *)(uintptr_t)pvn_le64_to_cpu(shared->queue_table_addr);

	return (const void *)(tx + shared->num_tx_queues);
}

static uint64_t
counter(const struct vmx_test *t, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(t->id, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(t->id, &id, &value, 1), 1);
	return value;
}

static uint64_t
by_data_ring(const struct vmx_test *t)
{
	return counter(t, "rx_q0_data_ring_packets");
}

static const char *
mode_of(const struct vmx_test *t)
{
	static struct rte_eth_burst_mode mode;

	assert_int_equal(rte_eth_rx_burst_mode_get(t->id, 0, &mode), 0);
	return mode.info;
}

/* Which slots there are, by version, host, argument and buffers. */
static void
test_choice(void **state)
{
	static const struct {
		unsigned int version;
		const char *devargs;
		uint16_t told; /* by a host of version 9 */
		uint16_t room;
		uint16_t want;
	} cases[] = {
		{1, "rx_data=on", 0, 2048, 0},
		{2, "rx_data=on", 0, 2048, 0},
		{3, "rx_data=on", 0, 2048, SLOT},
		{3, NULL, 0, 2048, SLOT},
		{3, "rx_data=off", 0, 2048, 0},
		{8, NULL, 256, 2048, SLOT},
		{9, NULL, 0, 2048, 0},
		{9, "rx_data=on", 0, 2048, 0},
		{9, NULL, 64, 2048, 64},
		{9, NULL, 256, 2048, 256},
		{9, NULL, 2048, 2048, 2048},
		{9, NULL, 2048, 1024, 0},
		{9, NULL, 100, 2048, 0},
		{9, "rx_data=on", 2112, 2048, 0},
		{9, "rx_data=off", 256, 2048, 0},
		{9, "max_version=3", 256, 2048, SLOT},
		{9, "max_version=2", 256, 2048, 0},
		{3, NULL, 0, 128, SLOT},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(cases[i].version),
					  .device.rx_data_slot = cases[i].told,
					  .devargs = cases[i].devargs,
					  .room = cases[i].room,
					  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
		const uint16_t want = cases[i].want;
		struct vmx_test t;

		print_message("case: %zu\n", i);
		vmx_open(&t, &setup);
		assert_int_equal(pvn_le16_to_cpu(told(&t)->data_slot_size), want);
		assert_int_equal(told(&t)->data_ring_addr != 0, want != 0);
		assert_int_equal(strstr(mode_of(&t), "data ring") != NULL, want != 0);
		vmx_assert_works(&t, 3u * t.setup.rx_ring);
		assert_int_equal(by_data_ring(&t) > 0, want != 0);
		vmx_close(&t);
	}
}

/* Every size around the slot's. In a slot it takes a mbuf from the pool, and none from the ring. */
static void
sizes(const struct vmx_setup *setup, size_t slot)
{
	uint8_t frame[VMX_FRAME_MAX];
	struct vmx_test t;

	vmx_open(&t, setup);
	for (size_t len = VMX_SIZE_MIN; len < slot + 70; len++) {
		const unsigned int posted = vmx_device_rx_posted(t.dev, 0, 0);
		const unsigned int used = rte_mempool_in_use_count(t.rx_pool);
		const uint64_t before = by_data_ring(&t);
		struct rte_mbuf *m;

		vmx_frame(&t, frame, len, (uint32_t)len);
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, len, NULL), VMX_RX_DELIVERED);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		vmx_assert_content(m, frame, len);
		assert_int_equal(by_data_ring(&t), before + (len <= slot));
		if (len <= slot) {
			assert_int_equal(vmx_device_rx_posted(t.dev, 0, 0), posted);
			assert_int_equal(rte_mempool_in_use_count(t.rx_pool), used + 1);
		}
		vmx_assert_content(m, frame, len); /* also when the slot is the device's again */
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

static void
test_sizes(void **state)
{
	static const uint16_t slots[] = {64, 128, 192, 2048};
	struct vmx_setup setup = {.device.versions = V3, .mtu = 9000};

	(void)state;
	setup.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	sizes(&setup, SLOT);
	setup.device.versions = VMX_VERSIONS_TO(9);
	for (size_t i = 0; i < RTE_DIM(slots); i++) {
		setup.device.rx_data_slot = slots[i];
		sizes(&setup, slots[i]);
	}
}

/* Frames in slots and in buffers, one or several, buffers passed over and given back, in bursts of
 * any size, over the ends of rings of any size: all come, in order. */
static void
mix(const struct vmx_setup *setup)
{
	static const size_t lens[] = {60, 100, SLOT, SLOT + 1, 700, 3000};
	uint8_t frame[VMX_FRAME_MAX];
	unsigned int come = 0, got = 0;
	struct rte_mbuf *m[64];
	struct vmx_test t;

	vmx_open(&t, setup);
	for (unsigned int turn = 0; turn < 2000; turn++) {
		const uint16_t most = (uint16_t)(1 + turn * 7 % RTE_DIM(m));
		uint16_t n;

		for (unsigned int i = turn % 23; i > 0; i--) {
			const size_t len = lens[come % 5 + come / 50 % 2];

			vmx_frame(&t, frame, len, come);
			if (vmx_device_rx(t.dev, 0, frame, len, NULL) != VMX_RX_DELIVERED)
				break;
			come++;
		}
		if (turn % 5 == 0)
			vmx_device_rx_skip(t.dev, 0, turn % 3);
		if (turn % 7 == 0)
			vmx_device_rx_recycle(t.dev, 0);
		n = rte_eth_rx_burst(t.id, 0, m, most);
		assert_true(n <= most);
		for (uint16_t i = 0; i < n; i++, got++) {
			const size_t len = lens[got % 5 + got / 50 % 2];

			vmx_frame(&t, frame, len, got);
			vmx_assert_content(m[i], frame, len);
		}
		rte_pktmbuf_free_bulk(m, n);
	}
	assert_true(by_data_ring(&t) > 1000);
	assert_int_equal(vmx_stats(&t).ipackets, got);
	vmx_close(&t);
}

static void
test_mix(void **state)
{
	static const uint16_t rings[] = {32, 64, 96, 1024};
	static const uint32_t in_buffers[] = {0, 0x01010101, 0x33CC5A5A};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rings); i++)
		for (size_t k = 0; k < RTE_DIM(in_buffers); k++) {
			const struct vmx_setup setup = {.device.versions = V3,
							.device.rx_data_not = in_buffers[k],
							.device.rx_doorbells = k == 1,
							.rx_ring = rings[i],
							.mtu = 9000,
							.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};

			print_message("case: ring %u, pattern %08x\n", rings[i], in_buffers[k]);
			mix(&setup);
		}
}

/* Without mbufs in the pool the posted ones are handed out, as without a data ring. */
static void
test_starvation(void **state)
{
	struct vmx_setup setup = {.device.versions = V3};
	struct rte_mbuf *held[4096];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int lap = 0; lap < 5; lap++) {
		const unsigned int posted = vmx_device_rx_posted(t.dev, 0, 0);
		unsigned int num_held = 0, got = 0;
		struct rte_mbuf *m;
		uint8_t frame[100];

		vmx_frame(&t, frame, sizeof(frame), lap);
		while ((m = rte_pktmbuf_alloc(t.rx_pool)) != NULL)
			held[num_held++] = m;
		for (unsigned int i = 0; i < posted; i++)
			assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL),
					 VMX_RX_DELIVERED);
		for (; (m = vmx_receive(&t, 0)) != NULL; got++) {
			vmx_assert_content(m, frame, sizeof(frame));
			held[num_held++] = m;
		}
		assert_int_equal(got, posted);
		rte_pktmbuf_free_bulk(held, num_held);
		assert_null(vmx_receive(&t, 0));
		vmx_assert_works(&t, 3u * t.setup.rx_ring);
	}
	assert_true(vmx_stats(&t).rx_nombuf > 0);
	vmx_close(&t);
}

/* Half of what is asked for at once is there: the frames come all the same. */
static void
test_short_pool(void **state)
{
	struct vmx_setup setup = {.device.versions = V3, .rx_ring = 64, .pool_size = 63 + 5};
	struct rte_mbuf *m[40];
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL),
				 VMX_RX_DELIVERED);
	assert_int_equal(rte_eth_rx_burst(t.id, 0, m, 40), 40);
	rte_pktmbuf_free_bulk(m, 40);
	vmx_assert_works(&t, 200);
	vmx_close(&t);
}

static void
test_states(void **state)
{
	struct vmx_setup setup = {.device.versions = V3};
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int lap = 0; lap < 200; lap++) {
		const unsigned int n = lap % 50;

		for (unsigned int i = 0; i < n; i++)
			assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL),
					 VMX_RX_DELIVERED);
		assert_int_equal(rte_eth_rx_queue_count(t.id, 0), n);
		for (uint16_t i = 0; i < t.setup.rx_ring; i++)
			assert_int_equal(rte_eth_rx_descriptor_status(t.id, 0, i),
					 i < n ? RTE_ETH_RX_DESC_DONE
					 : i < n + vmx_device_rx_posted(t.dev, 0, 0)
						 ? RTE_ETH_RX_DESC_AVAIL
						 : RTE_ETH_RX_DESC_UNAVAIL);
		for (unsigned int i = 0; i < n; i++)
			rte_pktmbuf_free(vmx_receive(&t, 0));
		assert_null(vmx_receive(&t, 0));
	}
	vmx_close(&t);
}

/* A bad frame in a slot is dropped and counted once; stopped with frames waiting, all is there. */
static void
test_bad_frame_and_restart(void **state)
{
	struct vmx_setup setup = {.device.versions = V3};
	const struct vmx_rx_meta meta = {.error = true};
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 1; i <= 200; i++) {
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), &meta),
				 VMX_RX_DELIVERED);
		assert_null(vmx_receive(&t, 0));
		assert_int_equal(vmx_stats(&t).ierrors, i);
		vmx_assert_receives(&t, 0, 60 + i % 70, i);
	}
	for (unsigned int lap = 0; lap < 5; lap++) {
		for (unsigned int i = 0; i < 20; i++)
			vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL);
		vmx_stop(&t);
		assert_int_equal(rte_mempool_in_use_count(t.rx_pool), 0);
		vmx_start(&t);
		assert_null(vmx_receive(&t, 0));
		vmx_assert_works(&t, 100);
	}
	vmx_close(&t);
}

/* What cannot be in a slot: counted, once, and nothing else of it. */
static void
test_lies(void **state)
{
	static const struct {
		enum vmx_lie lie;
		const char *counter;
		size_t len; /* of the frame it is told of */
		const char *devargs;
	} cases[] = {
		{VMX_LIE_RX_INDEX_OUT, "bad_completion_errors", 100, NULL},
		{VMX_LIE_RX_INDEX_IDLE, "bad_completion_errors", 100, NULL},
		{VMX_LIE_RX_RING_ID, "bad_completion_errors", 100, NULL},
		{VMX_LIE_RX_LEN, "bad_piece_errors", 100, NULL},
		{VMX_LIE_RX_NO_SOP, "bad_piece_errors", 100, NULL},
		{VMX_LIE_RX_NO_EOP, "bad_piece_errors", 100, NULL},
		{VMX_LIE_RX_ZERO_LEN, "bad_piece_errors", 100, NULL},
		{VMX_LIE_RX_SOP_ONLY, "bad_piece_errors", 100, NULL},
		/* Too long for a slot; and where there are none. */
		{VMX_LIE_RX_DATA_RING, "bad_piece_errors", SLOT + 1, NULL},
		{VMX_LIE_RX_DATA_RING, "bad_completion_errors", 100, "rx_data=off"},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {.device.versions = V3, .devargs = cases[i].devargs};
		uint8_t frame[200];
		struct vmx_test t;
		char name[64];

		print_message("case: %s\n", vmx_lie_name(cases[i].lie));
		snprintf(name, sizeof(name), "rx_q0_%s", cases[i].counter);
		vmx_open(&t, &setup);
		vmx_assert_works(&t, 50);
		vmx_frame(&t, frame, cases[i].len, 1);
		vmx_device_lie(t.dev, cases[i].lie, 1);
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, cases[i].len, NULL),
				 VMX_RX_DELIVERED);
		assert_null(vmx_receive(&t, 0));
		assert_int_equal(counter(&t, name), 1);
		assert_int_equal(vmx_stats(&t).ierrors, 1);
		vmx_stop(&t);
		assert_int_equal(rte_mempool_in_use_count(t.rx_pool), 0);
		vmx_start(&t);
		vmx_assert_works(&t, 200);
		vmx_close_unchecked(&t);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_choice),
		VMX_TEST(test_sizes),
		VMX_TEST(test_mix),
		VMX_TEST(test_starvation),
		VMX_TEST(test_short_pool),
		VMX_TEST(test_states),
		VMX_TEST(test_bad_frame_and_restart),
		VMX_TEST(test_lies),
	};

	return VMX_RUN(tests);
}
