/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Content: frames of every size, in one buffer and in several, at every place of the rings, both
 * ways, compared byte by byte.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_fixture.h"

#define JUMBO_MTU 9000

/* Every size arrives, is sent back as it came, and comes out the same. */
static void
echo_sizes(struct vmx_test *t, size_t from, size_t to)
{
	uint8_t frame[VMX_FRAME_MAX];

	for (size_t len = from; len <= to; len++) {
		struct rte_mbuf *m;

		vmx_frame(t, frame, len, (uint32_t)len);
		assert_int_equal(vmx_device_rx(t->dev, 0, frame, len, NULL), VMX_RX_DELIVERED);
		m = vmx_receive(t, 0);
		assert_non_null(m);
		vmx_assert_content(m, frame, len);
		vmx_assert_sends(t, 0, m, frame, len);
	}
}

static void
test_sizes_single(void **state)
{
	struct vmx_setup setup = {.mtu = JUMBO_MTU, .room = VMX_FRAME_MAX + 46, .pool_size = 800};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	echo_sizes(&t, VMX_SIZE_MIN, VMX_FRAME_MAX);
	vmx_close(&t);
}

static void
test_sizes_multi(void **state)
{
	struct vmx_setup setup = {.mtu = JUMBO_MTU,
				  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
				  .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("leaves the fragment limit 0, so frames are cut after one buffer");
	vmx_open(&t, &setup);
	echo_sizes(&t, VMX_SIZE_MIN, VMX_FRAME_MAX);
	vmx_close(&t);
}

/* Frames too short for Ethernet arrive padded [VMX3 12.12]; the device pads, not the driver. */
static void
test_short_padded(void **state)
{
	uint8_t frame[VMX_SIZE_MIN];
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (size_t len = 14; len < VMX_SIZE_MIN; len++) {
		vmx_frame(&t, frame, len, (uint32_t)len);
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, len, NULL), VMX_RX_DELIVERED);
		memset(frame + len, 0, VMX_SIZE_MIN - len);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		vmx_assert_content(m, frame, VMX_SIZE_MIN);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

/* Short frames go out as they are: 14 bytes are the least. */
static void
test_short_sent(void **state)
{
	uint8_t frame[VMX_SIZE_MIN];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (size_t len = 14; len < VMX_SIZE_MIN; len++) {
		vmx_frame(&t, frame, len, (uint32_t)len);
		vmx_assert_sends(&t, 0, vmx_chain(t.tx_pool, frame, len, VMX_TX_ROOM), frame, len);
	}
	vmx_close(&t);
}

/* n single-descriptor frames, sent and forgotten. */
static void
send_fillers(struct vmx_test *t, uint32_t n, const uint8_t *frame, size_t len)
{
	while (n > 0) {
		uint16_t burst = n < 32 ? (uint16_t)n : 32;
		struct rte_mbuf *m[32];

		for (uint16_t i = 0; i < burst; i++)
			m[i] = vmx_chain(t->tx_pool, frame, len, VMX_TX_ROOM);
		assert_int_equal(rte_eth_tx_burst(t->id, 0, m, burst), burst);
		assert_int_equal(vmx_device_run(t->dev), burst);
		for (uint16_t i = 0; i < burst; i++)
			free(vmx_device_sent(t->dev));
		n -= burst;
	}
}

/*
 * A frame of 1..16 segments at each offset of the ring: what follows it brings the next one to the
 * next offset. The generation flips in the middle of some.
 */
static void
test_tx_wrap(void **state)
{
	uint8_t frame[16 * VMX_TX_ROOM];
	struct vmx_setup setup = {.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (uint32_t segs = 1; segs <= 16; segs += vmx_host_is_rival() ? 5 : 1) {
		uint32_t ring = t.setup.tx_ring;
		size_t len = segs * VMX_TX_ROOM;

		for (uint32_t i = 0; i < ring; i++) {
			vmx_frame(&t, frame, len, i);
			vmx_assert_sends(&t, 0, vmx_chain(t.tx_pool, frame, len, VMX_TX_ROOM),
					 frame, len);
			send_fillers(&t, (ring + 1 - segs) % ring, frame, 64);
		}
	}
	vmx_close(&t);
}

/* Bursts of each size, so that a burst ends and begins at each offset. */
static void
test_tx_bursts(void **state)
{
	struct rte_mbuf *m[63];
	uint8_t frame[80];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (uint16_t n = 1; n < RTE_DIM(m); n++) {
		for (uint16_t i = 0; i < n; i++) {
			vmx_frame(&t, frame, sizeof(frame), i);
			m[i] = vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
		}
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m, n), n);
		assert_int_equal(vmx_device_run(t.dev), n);
		for (uint16_t i = 0; i < n; i++) {
			struct vmx_frame *sent = vmx_device_sent(t.dev);

			vmx_frame(&t, frame, sizeof(frame), i);
			assert_non_null(sent);
			assert_int_equal(sent->len, sizeof(frame));
			assert_memory_equal(sent->data, frame, sizeof(frame));
			free(sent);
		}
	}
	vmx_close(&t);
}

/* Frames of one and more buffers, until each has been at each offset of both rings. */
static void
test_rx_wrap(void **state)
{
	struct vmx_setup setup = {.mtu = JUMBO_MTU, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	unsigned int max_pieces = vmx_host_is_rival() ? 1 : 4;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int pieces = 1; pieces <= max_pieces; pieces++) {
		for (uint32_t i = 0; i < 4u * t.setup.rx_ring; i++) {
			vmx_assert_receives(&t, 0, pieces * VMX_ROOM - 100, i);
			if (i % t.setup.rx_ring == 0)
				vmx_assert_receives(&t, 0, VMX_SIZE_MIN, i);
		}
	}
	vmx_close(&t);
}

/* As many frames as the driver posted buffers for come out of bursts of any size, in order. */
static void
test_rx_bursts(void **state)
{
	struct rte_mbuf *m[64];
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (uint16_t burst = 1; burst <= RTE_DIM(m); burst++) {
		unsigned int posted = vmx_device_rx_posted(t.dev, 0, 0);
		unsigned int got = 0;
		uint16_t n;

		assert_true(posted >= t.setup.rx_ring / 2u);
		for (unsigned int i = 0; i < posted; i++) {
			vmx_frame(&t, frame, sizeof(frame), i);
			assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL),
					 VMX_RX_DELIVERED);
		}
		while ((n = rte_eth_rx_burst(t.id, 0, m, burst)) > 0) {
			assert_true(n <= burst);
			for (uint16_t i = 0; i < n; i++) {
				vmx_frame(&t, frame, sizeof(frame), got++);
				vmx_assert_content(m[i], frame, sizeof(frame));
				rte_pktmbuf_free(m[i]);
			}
		}
		assert_int_equal(got, posted);
	}
	vmx_close(&t);
}

/* The largest rings, and the smallest. */
static void
test_ring_sizes(void **state)
{
	static const uint16_t sizes[] = {32, 64, 96, 512, 1024, 2048, 4096};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct vmx_setup setup = {
			.rx_ring = sizes[i], .tx_ring = sizes[i], .pool_size = 9000};

		if (vmx_host_is_rival() && sizes[i] < 512)
			continue;
		print_message("case: %u\n", sizes[i]);
		vmx_open(&t, &setup);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 0), sizes[i]);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 1), sizes[i]);
		vmx_assert_works(&t, 3u * sizes[i] > 400 ? 400 : 3u * sizes[i]);
		vmx_close(&t);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_sizes_single), VMX_TEST(test_sizes_multi),
		VMX_TEST(test_short_padded), VMX_TEST(test_short_sent),
		VMX_TEST(test_tx_wrap),	     VMX_TEST(test_tx_bursts),
		VMX_TEST(test_rx_wrap),	     VMX_TEST(test_rx_bursts),
		VMX_TEST(test_ring_sizes),
	};

	return VMX_RUN(tests);
}
