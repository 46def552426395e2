/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What cannot be: sizes, numbers, arguments that make no sense, memory that is not there. It is
 * refused, and the port lives.
 */
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

/* What was refused leaves a port that can be asked, configured otherwise, and closed. */
static void
test_after_refused_configure(void **state)
{
	struct vmx_device_opts opts = {.versions = VMX_VERSIONS_TO(4)};
	struct rte_eth_conf conf;
	struct vmx_port *port;
	uint16_t id;

	(void)state;
	vmx_skip_rival("follows a NULL pointer");
	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	for (int configured = 0; configured < 2; configured++) {
		struct rte_eth_stats stats;

		port = vmx_host_plug(&opts, NULL, NULL);
		assert_non_null(port);
		id = vmx_host_port_id(port);
		if (configured)
			assert_int_equal(rte_eth_dev_configure(id, 4, 1, &conf), 0);
		assert_true(rte_eth_dev_configure(id, 3, 1, &conf) < 0);
		assert_int_equal(rte_eth_stats_get(id, &stats), 0);
		assert_true(rte_eth_xstats_get(id, NULL, 0) > 0);
		assert_int_equal(rte_eth_stats_reset(id), 0);
		assert_int_equal(rte_eth_promiscuous_enable(id), 0);
		assert_true(rte_eth_dev_start(id) < 0);
		assert_int_equal(rte_eth_dev_close(id), 0);
		vmx_host_detach(port);
		assert_int_equal(vmx_device_breaches(vmx_host_device(port)), 0);
		vmx_host_unplug(port);
	}
}

static size_t
heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

/* With all memory taken, but for crumbs. */
static void
test_setup_without_memory(void **state)
{
	struct vmx_setup setup = {.stay_stopped = true};
	static void *taken[4096];
	size_t num = 0, before;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("leaks the queue's structure");
	vmx_open(&t, &setup);
	for (size_t size = 16 << 20; size >= 8192; size /= 2)
		while (num < RTE_DIM(taken) && (taken[num] = rte_malloc(NULL, size, 0)) != NULL)
			num++;
	assert_int_equal(rte_eth_rx_queue_setup(t.id, 0, 4096, 0, NULL, t.rx_pool), -ENOMEM);
	assert_int_equal(rte_eth_tx_queue_setup(t.id, 0, 4096, 0, NULL), -ENOMEM);
	before = heap_in_use();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(rte_eth_rx_queue_setup(t.id, 0, 4096, 0, NULL, t.rx_pool),
				 -ENOMEM);
		assert_int_equal(rte_eth_tx_queue_setup(t.id, 0, 4096, 0, NULL), -ENOMEM);
	}
	assert_int_equal(heap_in_use(), before);
	while (num > 0)
		rte_free(taken[--num]);
	vmx_configure(&t);
	vmx_start(&t);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

static void
test_bad_ring_sizes(void **state)
{
	static const uint16_t sizes[] = {1, 31, 33, 4097, 8192};
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("rounds some of them silently");
	vmx_open(&t, &setup);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		print_message("case: %u\n", sizes[i]);
		assert_true(rte_eth_rx_queue_setup(t.id, 0, sizes[i], 0, NULL, t.rx_pool) < 0);
		assert_true(rte_eth_tx_queue_setup(t.id, 0, sizes[i], 0, NULL) < 0);
	}
	/* 0 stands for the driver's choice. */
	assert_int_equal(rte_eth_rx_queue_setup(t.id, 0, 32, 0, NULL, t.rx_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(t.id, 0, 0, 0, NULL), 0);
	vmx_start(&t);
	vmx_assert_works(&t, 100);
	vmx_close(&t);
}

static void
test_bad_queue_counts(void **state)
{
	struct vmx_setup setup = {.stay_stopped = true};
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	memset(&conf, 0, sizeof(conf));
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	assert_true(info.max_tx_queues >= 1 && info.max_tx_queues <= 8);
	assert_true(info.max_rx_queues >= 1 && info.max_rx_queues <= 16);
	assert_true(rte_eth_dev_configure(t.id, (uint16_t)(info.max_rx_queues + 1), 1, &conf) < 0);
	assert_true(rte_eth_dev_configure(t.id, 1, (uint16_t)(info.max_tx_queues + 1), &conf) < 0);
	if (!vmx_host_is_rival()) {
		/* QEMU would go on filling the rings of a queue that is no more. */
		assert_int_equal(rte_eth_dev_configure(t.id, 0, 1, &conf), -EINVAL);
		assert_int_equal(rte_eth_dev_configure(t.id, 1, 0, &conf), -EINVAL);
	}
	vmx_configure(&t);
	vmx_start(&t);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

/* Buffers that leave no room, or less than a head needs [VMX3 8.1]. */
static void
test_tiny_mbufs(void **state)
{
	struct vmx_setup setup = {.stay_stopped = true};
	struct rte_mempool *pool;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	pool = rte_pktmbuf_pool_create("tiny", 64, 0, 0, RTE_PKTMBUF_HEADROOM + 16, 0);
	assert_non_null(pool);
	assert_true(rte_eth_rx_queue_setup(t.id, 0, t.setup.rx_ring, 0, NULL, pool) < 0);
	rte_mempool_free(pool);
	vmx_configure(&t);
	vmx_start(&t);
	vmx_close(&t);
}

static void
test_bad_devargs(void **state)
{
	static const char *const devargs[] = {"no_such_key=1", "no_such_key"};
	int error;

	(void)state;
	vmx_skip_rival("has no devargs and does not look");
	for (size_t i = 0; i < RTE_DIM(devargs); i++) {
		struct vmx_port *port;

		print_message("case: %s\n", devargs[i]);
		error = 0;
		port = vmx_host_plug(NULL, devargs[i], &error);
		if (port != NULL)
			vmx_host_unplug(port);
		assert_null(port);
		assert_true(error < 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_after_refused_configure),
		VMX_TEST(test_setup_without_memory),
		VMX_TEST(test_bad_ring_sizes),
		VMX_TEST(test_bad_queue_counts),
		VMX_TEST(test_tiny_mbufs),
		VMX_TEST(test_bad_devargs),
	};

	return VMX_RUN(tests);
}
