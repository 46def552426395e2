/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Device versions 1 to 9, and what each allows: queues, MTU, ring sizes, capabilities, vectors.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

static struct vmx_device_state
look(const struct vmx_test *t)
{
	struct vmx_device_state state;

	vmx_device_state(t->dev, &state);
	return state;
}

static struct rte_eth_dev_info
info_of(const struct vmx_test *t)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(t->id, &info), 0);
	return info;
}

/* The newest that both know, and no command that it does not have. */
static void
test_each_version(void **state)
{
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 1; version <= 10; version++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(version),
					  .num_rx_queues = 2,
					  .num_tx_queues = 2,
					  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};

		print_message("case: version %u\n", version);
		vmx_open(&t, &setup);
		assert_int_equal(look(&t).version, RTE_MIN(version, 9u));
		vmx_assert_works(&t, 50);
		vmx_stop(&t);
		vmx_start(&t);
		vmx_assert_works(&t, 50);
		assert_int_equal(rte_eth_dev_reset(t.id), 0);
		vmx_configure(&t);
		vmx_start(&t);
		vmx_assert_works(&t, 50);
		vmx_close(&t);
	}
}

static void
test_max_version(void **state)
{
	struct vmx_test t;
	char devargs[32];

	(void)state;
	for (unsigned int version = 1; version <= 9; version++) {
		struct vmx_setup setup = {.device.versions = 0x1FF, .devargs = devargs};

		snprintf(devargs, sizeof(devargs), "max_version=%u", version);
		vmx_open(&t, &setup);
		assert_int_equal(look(&t).version, version);
		vmx_assert_works(&t, 10);
		vmx_close(&t);
	}
}

/* As many as the version and this host allow; known before start, and they work. */
static void
test_queue_limits(void **state)
{
	static const struct {
		unsigned int version;
		uint8_t host_tx, host_rx; /* 0: as the version */
		bool unknown;
		uint16_t tx, rx;
	} cases[] = {
		{1, 8, 8, false, 8, 8},	    {5, 0, 0, false, 8, 16},  {6, 0, 0, false, 32, 32},
		{6, 4, 12, false, 4, 12},   {7, 0, 0, true, 8, 8},    {9, 0, 0, false, 32, 32},
		{6, 32, 16, false, 32, 16}, {6, 8, 32, false, 8, 32}, {6, 200, 255, false, 32, 32},
	};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {
			.device.versions = VMX_VERSIONS_TO(cases[i].version),
			.device.max_queues_tx = cases[i].host_tx,
			.device.max_queues_rx = cases[i].host_rx,
			.device.queues_unknown = cases[i].unknown,
			.num_rx_queues = cases[i].rx,
			.num_tx_queues = cases[i].tx,
			.rx_ring = 32,
			.tx_ring = 32,
		};

		print_message("case: %zu\n", i);
		vmx_open(&t, &setup);
		assert_int_equal(info_of(&t).max_tx_queues, cases[i].tx);
		assert_int_equal(info_of(&t).max_rx_queues, cases[i].rx);
		vmx_assert_works(&t, 200);
		vmx_close(&t);
	}
}

/* Statistics of queues beyond those that the basic call has places for. */
static void
test_stats_of_32_queues(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(6),
				  .num_rx_queues = 32,
				  .num_tx_queues = 32,
				  .rx_ring = 32,
				  .tx_ring = 32};
	struct {
		struct rte_eth_stats stats;
		uint64_t behind[RTE_ETHDEV_QUEUE_STAT_CNTRS];
	} got;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 64);
	memset(&got, 0xA5, sizeof(got));
	assert_int_equal(rte_eth_stats_get(t.id, &got.stats), 0);
	assert_int_equal(got.stats.ipackets, 64);
	assert_int_equal(got.stats.opackets, 64);
	for (unsigned int q = 0; q < RTE_ETHDEV_QUEUE_STAT_CNTRS; q++) {
		assert_int_equal(got.stats.q_ipackets[q], 2);
		assert_int_equal(got.stats.q_opackets[q], 2);
		assert_true(got.stats.q_ibytes[q] >= 120 && got.stats.q_obytes[q] >= 120);
		assert_int_equal(got.stats.q_errors[q], 0);
		assert_int_equal(got.behind[q], UINT64_C(0xA5A5A5A5A5A5A5A5));
	}
	assert_int_equal(vmx_xstat(&t, "rx_q31_hw_unicast_packets"), 2);
	vmx_close(&t);
}

/* [VMX3 9.4] Interrupts of more queues than the old block has vectors for. */
static void
test_interrupts_of_many_queues(void **state)
{
	static const uint16_t counts[][2] = {{17, 1}, {1, 9}, {20, 20}, {32, 32}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		struct vmx_setup setup = {
			.device.versions = VMX_VERSIONS_TO(6),
			.num_rx_queues = counts[i][0],
			.num_tx_queues = counts[i][1],
			.rx_ring = 32,
			.tx_ring = 32,
			.rxq = true,
			.lsc = true,
		};
		struct vmx_test t;
		uint16_t last = (uint16_t)(counts[i][0] - 1);
		uint8_t frame[60];
		uint64_t woken = 0;

		print_message("case: %u rx, %u tx\n", counts[i][0], counts[i][1]);
		vmx_open(&t, &setup);
		assert_int_equal(look(&t).num_intrs, counts[i][0] + 2);
		assert_int_equal(rte_eth_dev_rx_intr_enable(t.id, last), 0);
		vmx_frame(&t, frame, sizeof(frame), 1);
		assert_int_equal(vmx_device_rx(t.dev, last, frame, sizeof(frame), NULL),
				 VMX_RX_DELIVERED);
		assert_int_equal(vmx_host_deliver_interrupts(t.port), 1);
		assert_int_equal(
			read(rte_eth_dev_rx_intr_ctl_q_get_fd(t.id, last), &woken, sizeof(woken)),
			sizeof(woken));
		rte_pktmbuf_free(vmx_receive(&t, last));
		vmx_close(&t);
	}
}

static void
test_mtu_limits(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(6),
				  .mtu = 9190,
				  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	uint8_t frame[9204];
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(info_of(&t).max_mtu, 9190);
	assert_int_equal(look(&t).mtu, 9190);
	vmx_frame(&t, frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL), VMX_RX_DELIVERED);
	m = vmx_receive(&t, 0);
	assert_non_null(m);
	vmx_assert_content(m, frame, sizeof(frame));
	rte_pktmbuf_free(m);
	vmx_close(&t);
	setup = (struct vmx_setup){.device.versions = VMX_VERSIONS_TO(5)};
	vmx_open(&t, &setup);
	assert_int_equal(info_of(&t).max_mtu, 9000);
	vmx_close(&t);
}

/* [VMX3 6.4] From 7 on, powers of two only; the completion ring is the driver's to make one. */
static void
test_ring_powers(void **state)
{
	static const uint16_t sizes[] = {32, 64, 1024, 4096};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(sizes); i++) {
		struct vmx_setup setup = {
			.device.versions = VMX_VERSIONS_TO(7),
			.rx_ring = sizes[i / 2],
			.tx_ring = sizes[i / 2],
			.rx_offloads = i % 2 == 0 ? 0 : RTE_ETH_RX_OFFLOAD_SCATTER,
		};

		vmx_open(&t, &setup);
		vmx_assert_works(&t, 300);
		vmx_stop(&t);
		assert_int_equal(rte_eth_rx_queue_setup(t.id, 0, 96, 0, NULL, t.rx_pool), -EINVAL);
		assert_int_equal(rte_eth_tx_queue_setup(t.id, 0, 96, 0, NULL), -EINVAL);
		vmx_configure(&t);
		vmx_start(&t);
		vmx_assert_works(&t, 10);
		vmx_close(&t);
	}
}

#define UDP_RSS VMXNET3_CAP_UDP_RSS
#define ESP_RSS VMXNET3_CAP_ESP_RSS_IPV4
#define LARGE_BAR VMXNET3_CAP_LARGE_BAR
#define VXLAN (VMXNET3_CAP_VXLAN_CSUM | VMXNET3_CAP_VXLAN_TSO | VMXNET3_CAP_VXLAN_OUTER_CSUM)
#define GENEVE (VMXNET3_CAP_GENEVE_CSUM | VMXNET3_CAP_GENEVE_TSO | VMXNET3_CAP_GENEVE_OUTER_CSUM)

/*
 * [VMX3 11.5] Only what is offered is asked for, and what was not granted is not used; nothing that
 * would keep the device out of pass-through mode, where it has one. Doorbells, of both directions,
 * are where the granted BAR has them.
 */
static void
test_capabilities(void **state)
{
	static const struct {
		uint32_t offered, not_granted, not_passed;
		bool no_pass_through;
		uint32_t want;
	} cases[] = {
		{0, 0, 0, false, 0},
		{UDP_RSS | LARGE_BAR, 0, 0, false, UDP_RSS | LARGE_BAR},
		{UDP_RSS | LARGE_BAR, LARGE_BAR, 0, false, UDP_RSS},
		{UDP_RSS | ESP_RSS, UDP_RSS, 0, false, ESP_RSS},
		{UDP_RSS | VXLAN | GENEVE, 0, GENEVE, false, UDP_RSS | VXLAN},
		{UDP_RSS | VXLAN | LARGE_BAR, 0, 0, true, UDP_RSS | VXLAN | LARGE_BAR},
		{UDP_RSS | VXLAN | LARGE_BAR, 0, LARGE_BAR, false, UDP_RSS | VXLAN | LARGE_BAR},
		{UDP_RSS | VXLAN | VMXNET3_CAP_ERROR, 0, 0, false, 0},
		{UINT32_MAX & ~VMXNET3_CAP_ERROR, 0, 0, false,
		 UDP_RSS | ESP_RSS | VMXNET3_CAP_ESP_RSS_IPV6 | VXLAN | GENEVE | LARGE_BAR},
	};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(7),
					  .device.capabilities = cases[i].offered,
					  .device.not_granted = cases[i].not_granted,
					  .device.not_passed = cases[i].not_passed,
					  .device.no_pass_through = cases[i].no_pass_through,
					  .device.rx_doorbells = true,
					  .num_rx_queues = 2,
					  .num_tx_queues = 2,
					  .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
					  .mtu = 9000};

		print_message("case %zu\n", i);
		vmx_open(&t, &setup);
		assert_int_equal(look(&t).capabilities, cases[i].want);
		vmx_assert_works(&t, 300);
		for (uint32_t n = 0; n < 100; n++)
			vmx_assert_receives(&t, 1, 9000, n);
		vmx_close(&t);
	}
}

/* One for each of `queues`, as far as 16 bits go. */
static uint32_t
low_bits(uint16_t queues)
{
	return queues >= 16 ? UINT16_MAX : (1u << queues) - 1;
}

/* [VMX3 11.3] The pools' memory is named, each pool's once, with bits for the queues there are. */
static void
test_memory_regions(void **state)
{
	static const uint16_t counts[][2] = {{1, 1}, {16, 8}, {20, 20}};
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(counts); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(i % 2 == 0 ? 6 : 2),
					  .num_rx_queues = counts[i / 2][0],
					  .num_tx_queues = counts[i / 2][1],
					  .rx_ring = 32,
					  .tx_ring = 32};

		if (setup.num_rx_queues > 16 && i % 2 != 0)
			continue;
		vmx_open(&t, &setup);
		if (i % 2 == 0) {
			assert_in_range(look(&t).num_memory_regions, 1, 16);
			assert_int_equal(look(&t).memory_rx, low_bits(setup.num_rx_queues));
			assert_int_equal(look(&t).memory_tx, low_bits(setup.num_tx_queues));
		} else {
			assert_int_equal(look(&t).num_memory_regions, 0);
		}
		vmx_assert_works(&t, 40);
		vmx_close(&t);
	}
}

/* Each queue has a pool of its own, of its own size: nothing is told that holds for one of them
 * only, and there is room for what is told of all. */
static void
test_pools_differ(void **state)
{
	enum { QUEUES = 20 };
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(7),
				  .num_rx_queues = QUEUES,
				  .num_tx_queues = 4,
				  .rx_ring = 32,
				  .tx_ring = 32,
				  .stay_stopped = true};
	struct rte_mempool *pools[QUEUES];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (uint16_t q = 0; q < QUEUES; q++) {
		char name[16];

		snprintf(name, sizeof(name), "own%u", q);
		pools[q] = rte_pktmbuf_pool_create(name, 127, 0, 0, (uint16_t)(2048 + 64 * q), 0);
		assert_non_null(pools[q]);
		assert_int_equal(rte_eth_rx_queue_setup(t.id, q, 32, 0, NULL, pools[q]), 0);
	}
	vmx_start(&t);
	assert_in_range(look(&t).num_memory_regions, 16, 256);
	vmx_assert_works(&t, 3 * QUEUES);
	vmx_stop(&t);
	vmx_configure(&t);
	for (uint16_t q = 0; q < QUEUES; q++)
		rte_mempool_free(pools[q]);
	vmx_close(&t);
}

/* What the host forbids is not offered. */
static void
test_disabled_offloads(void **state)
{
	struct vmx_test t;

	(void)state;
	for (uint32_t disabled = 0; disabled < 4; disabled++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(9),
					  .device.disabled_offloads = disabled};
		struct rte_eth_dev_info info;

		vmx_open(&t, &setup);
		info = info_of(&t);
		assert_int_equal((info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO) == 0,
				 (disabled & VMXNET3_DISABLED_TSO) != 0);
		assert_int_equal((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_LRO) == 0,
				 (disabled & VMXNET3_DISABLED_LRO) != 0);
		assert_int_equal(info.max_lro_pkt_size == 0,
				 (disabled & VMXNET3_DISABLED_LRO) != 0);
		vmx_assert_works(&t, 10);
		vmx_close(&t);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_each_version),
		VMX_TEST(test_max_version),
		VMX_TEST(test_queue_limits),
		VMX_TEST(test_stats_of_32_queues),
		VMX_TEST(test_interrupts_of_many_queues),
		VMX_TEST(test_mtu_limits),
		VMX_TEST(test_ring_powers),
		VMX_TEST(test_capabilities),
		VMX_TEST(test_memory_regions),
		VMX_TEST(test_pools_differ),
		VMX_TEST(test_disabled_offloads),
	};

	return VMX_RUN(tests);
}
