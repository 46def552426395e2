/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a port and its queues say of themselves, compared with what the device knows of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

/* Sizes as asked for, those the device was told, and those the application learns: the same. */
static void
test_ring_sizes(void **state)
{
	static const uint16_t sizes[] = {32, 64, 96, 1024, 4096};
	struct rte_eth_rxq_info rx;
	struct rte_eth_txq_info tx;
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct vmx_setup setup = {.rx_ring = sizes[i], .tx_ring = sizes[i]};

		vmx_open(&t, &setup);
		assert_int_equal(rte_eth_rx_queue_info_get(t.id, 0, &rx), 0);
		assert_int_equal(rte_eth_tx_queue_info_get(t.id, 0, &tx), 0);
		assert_int_equal(rx.nb_desc, sizes[i]);
		assert_int_equal(tx.nb_desc, sizes[i]);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 0), sizes[i]);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 1), sizes[i]);
		assert_ptr_equal(rx.mp, t.rx_pool);
		/* Ring 2 pins none without scatter; one slot of ring 1 is never filled. */
		assert_in_range(rte_mempool_in_use_count(t.rx_pool), sizes[i] / 2, sizes[i] - 1);
		assert_int_equal(rx.rx_buf_size, VMX_ROOM);
		assert_int_equal(rx.scattered_rx, 0);
		assert_int_equal(rx.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
		assert_int_equal(tx.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
		vmx_assert_works(&t, 5);
		vmx_close(&t);
	}
}

/* What is announced holds: the smallest rings and mbufs, the largest MTU, all queues. */
static void
test_limits_hold(void **state)
{
	struct vmx_setup setup = {.device.max_queues_rx = 8, .stay_stopped = true};
	struct rte_eth_dev_info info;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	vmx_close(&t);
	assert_int_equal(info.max_rx_queues, 8); /* as on QEMU, which refuses more */
	assert_int_equal(info.rx_desc_lim.nb_min, 32);
	assert_int_equal(info.tx_desc_lim.nb_min, 32);
	assert_int_equal(info.rx_desc_lim.nb_align, 32);
	assert_int_equal(info.tx_desc_lim.nb_align, 32);
	assert_true(info.tx_desc_lim.nb_mtu_seg_max <= 16);
	assert_true(info.tx_desc_lim.nb_seg_max <= 24);
	setup.stay_stopped = false;
	setup.num_rx_queues = info.max_rx_queues;
	setup.num_tx_queues = info.max_tx_queues;
	setup.rx_ring = info.rx_desc_lim.nb_min;
	setup.tx_ring = info.tx_desc_lim.nb_min;
	setup.room = (uint16_t)info.min_rx_bufsize;
	setup.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 100);
	vmx_close(&t);
	memset(&setup, 0, sizeof(setup));
	setup.mtu = info.max_mtu;
	setup.room = (uint16_t)info.max_rx_pktlen;
	vmx_open(&t, &setup);
	vmx_assert_receives(&t, 0, info.max_mtu + 14, 1);
	vmx_close(&t);
}

static void
arrive(struct vmx_test *t, unsigned int n)
{
	uint8_t frame[100];

	vmx_frame(t, frame, sizeof(frame), n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(vmx_device_rx(t->dev, 0, frame, sizeof(frame), NULL),
				 VMX_RX_DELIVERED);
}

static void
fetch(struct vmx_test *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = vmx_receive(t, 0);

		assert_non_null(m);
		rte_pktmbuf_free(m);
	}
}

/* The first `done` descriptors hold frames, those behind up to what the device holds do not. */
static void
assert_rx_states(const struct vmx_test *t, unsigned int done)
{
	unsigned int held = vmx_device_rx_posted(t->dev, 0, 0);

	assert_int_equal(rte_eth_rx_queue_count(t->id, 0), done);
	for (uint16_t i = 0; i < t->setup.rx_ring; i++) {
		int want = i < done	     ? RTE_ETH_RX_DESC_DONE
			   : i < done + held ? RTE_ETH_RX_DESC_AVAIL
					     : RTE_ETH_RX_DESC_UNAVAIL;

		assert_int_equal(rte_eth_rx_descriptor_status(t->id, 0, i), want);
	}
	assert_int_equal(rte_eth_rx_descriptor_status(t->id, 0, t->setup.rx_ring), -EINVAL);
}

/* All numbers of waiting frames, at all places of the rings: both generations, over the wrap. */
static void
test_rx_states(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int n = i % 40;

		arrive(&t, n);
		assert_rx_states(&t, n);
		fetch(&t, n / 2);
		assert_int_equal(rte_eth_rx_queue_count(t.id, 0), n - n / 2);
		fetch(&t, n - n / 2);
		assert_int_equal(rte_eth_rx_queue_count(t.id, 0), 0);
	}
	vmx_close(&t);
}

static void
hand_over(struct vmx_test *t, unsigned int n)
{
	uint8_t frame[90];

	vmx_frame(t, frame, sizeof(frame), n);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = vmx_chain(t->tx_pool, frame, sizeof(frame), 30);

		assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
	}
}

static void
forget_sent(struct vmx_test *t)
{
	struct vmx_frame *frame;

	while ((frame = vmx_device_sent(t->dev)) != NULL)
		free(frame);
}

/* Free ones first, then the one that stays empty, then those sent, the oldest first. */
static void
assert_tx_states(const struct vmx_test *t, unsigned int done, unsigned int in_flight)
{
	unsigned int unused = t->setup.tx_ring - done - in_flight;

	for (uint16_t i = 0; i < t->setup.tx_ring; i++) {
		int want = i + 1u < unused     ? RTE_ETH_TX_DESC_DONE
			   : i < unused	       ? RTE_ETH_TX_DESC_UNAVAIL
			   : i < unused + done ? RTE_ETH_TX_DESC_DONE
					       : RTE_ETH_TX_DESC_FULL;

		assert_int_equal(rte_eth_tx_descriptor_status(t->id, 0, i), want);
	}
	assert_int_equal(rte_eth_tx_descriptor_status(t->id, 0, t->setup.tx_ring), -EINVAL);
}

static void
test_tx_states(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 200; i++) {
		unsigned int n = i % 10, more = i % 7;

		hand_over(&t, n);
		vmx_device_run(t.dev); /* sent and completed, not freed */
		vmx_device_tx_hold(t.dev, true);
		assert_tx_states(&t, 3 * n, 0);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), n);
		assert_tx_states(&t, 0, 0);
		assert_int_equal(rte_mempool_avail_count(t.tx_pool), t.tx_pool->size);
		hand_over(&t, more);
		vmx_device_run(t.dev);
		assert_tx_states(&t, 0, 3 * more);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), 0);
		vmx_device_tx_hold(t.dev, false);
		vmx_device_run(t.dev);
		assert_tx_states(&t, 3 * more, 0);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), more);
		forget_sent(&t);
	}
	vmx_close(&t);
}

static void
test_burst_mode(void **state)
{
	struct vmx_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .mtu = 9000};
	struct rte_eth_burst_mode mode;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_rx_burst_mode_get(t.id, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "Scattered"));
	assert_int_equal(rte_eth_tx_burst_mode_get(t.id, 0, &mode), 0);
	assert_true(mode.info[0] != '\0');
	vmx_close(&t);
}

static void
test_registers(void **state)
{
	struct rte_dev_reg_info regs = {0};
	struct vmx_setup setup = {.device.versions = 3};
	uint32_t words[64];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_get_reg_info(t.id, &regs), 0);
	assert_int_equal(regs.width, 4);
	assert_true(regs.length >= 4 + 25 && regs.length <= RTE_DIM(words));
	regs.data = words;
	assert_int_equal(rte_eth_dev_get_reg_info(t.id, &regs), 0);
	assert_int_equal(regs.version, 2);
	assert_int_equal(words[0], 3);
	assert_int_equal(words[1], 1);
	assert_int_equal(words[2], 0x00565000); /* 00:50:56:00:00:01 */
	assert_int_equal(words[3], 0x0100);
	for (unsigned int v = 0; v < 25; v++)
		assert_int_equal(words[4 + v] != 0, vmx_device_masked(t.dev, v));
	regs.length = 3;
	assert_int_equal(rte_eth_dev_get_reg_info(t.id, &regs), -ENOTSUP);
	vmx_close(&t);
}

static void
test_dump(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 2};
	struct vmx_test t;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	vmx_open(&t, &setup);
	arrive(&t, 3);
	fetch(&t, 2);
	assert_int_equal(rte_eth_dev_priv_dump(t.id, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "version 1, active"));
	assert_non_null(strstr(text, "rx queue 0: 64 descriptors, buffers of 2048 bytes, "
				     "completions at 2"));
	assert_non_null(strstr(text, "rx queue 1: "));
	assert_non_null(strstr(text, "tx queue 0: 64 descriptors, 0 in flight"));
	free(text);
	fetch(&t, 1);
	vmx_close(&t);
}

/* A core that sleeps on the address wakes by the next frame, and does not go to sleep behind one
 * that came already. */
static void
test_monitor_address(void **state)
{
	struct rte_power_monitor_cond pmc;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t before, after;

		assert_int_equal(rte_eth_get_monitor_addr(t.id, 0, &pmc), 0);
		assert_int_equal(pmc.size, 4);
		before = *(volatile uint32_t *)pmc.addr;
		assert_int_equal(pmc.fn(before, pmc.opaque), 0);
		arrive(&t, 1);
		after = *(volatile uint32_t *)pmc.addr;
		assert_int_not_equal(before, after);
		assert_int_equal(pmc.fn(after, pmc.opaque), -1);
		fetch(&t, 1);
	}
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_ring_sizes), VMX_TEST(test_limits_hold),	   VMX_TEST(test_rx_states),
		VMX_TEST(test_tx_states),  VMX_TEST(test_burst_mode),	   VMX_TEST(test_registers),
		VMX_TEST(test_dump),	   VMX_TEST(test_monitor_address),
	};

	return VMX_RUN(tests);
}
