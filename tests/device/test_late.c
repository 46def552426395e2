/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Queues that are set up while the port runs.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmx_fixture.h"

#define QUEUES 4
#define LATE 2 /* the queue that is set up late */

struct late {
	struct vmx_test t;
	struct rte_mempool *pool; /* of the late queue */
};

/* Queue 0 of either direction is set up, and the port started. */
static void
open_late(struct late *l, const struct vmx_setup *wanted, uint16_t room)
{
	struct vmx_setup setup = *wanted;
	struct rte_eth_conf conf = {.rxmode.mtu = 1500};

	setup.num_rx_queues = 1;
	setup.num_tx_queues = 1;
	setup.rx_ring = 256;
	setup.tx_ring = 256;
	setup.stay_stopped = true;
	vmx_open(&l->t, &setup);
	l->pool = rte_pktmbuf_pool_create("late", 1023, 0, 0, room + RTE_PKTMBUF_HEADROOM, 0);
	assert_non_null(l->pool);
	conf.rxmode.offloads = setup.rx_offloads;
	assert_int_equal(rte_eth_dev_configure(l->t.id, QUEUES, QUEUES, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(l->t.id, 0, 256, 0, NULL, l->t.rx_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(l->t.id, 0, 256, 0, NULL), 0);
	vmx_start(&l->t);
	vmx_assert_works(&l->t, 10);
}

static void
close_late(struct late *l)
{
	vmx_close(&l->t);
	assert_int_equal(rte_mempool_avail_count(l->pool), l->pool->size);
	rte_mempool_free(l->pool);
}

static void
set_up(struct late *l, uint16_t num)
{
	assert_int_equal(rte_eth_rx_queue_setup(l->t.id, LATE, num, 0, NULL, l->pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(l->t.id, LATE, num, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(l->t.id, LATE), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(l->t.id, LATE), 0);
}

/* Frames arrive for the late queue, in buffers of its own pool, and leave by it. */
static void
assert_late_works(struct late *l, unsigned int n)
{
	uint8_t frame[200];

	for (unsigned int i = 0; i < n; i++) {
		const size_t len = 60 + i % 140;
		struct rte_mbuf *m;

		vmx_frame(&l->t, frame, len, i);
		assert_int_equal(vmx_device_rx(l->t.dev, LATE, frame, len, NULL), VMX_RX_DELIVERED);
		m = vmx_receive(&l->t, LATE);
		assert_non_null(m);
		vmx_assert_content(m, frame, len);
		assert_ptr_equal(m->pool, l->pool);
		rte_pktmbuf_free(m);
		vmx_assert_sends(&l->t, LATE, vmx_chain(l->t.tx_pool, frame, len, VMX_TX_ROOM),
				 frame, len);
	}
}

static void
test_late_queue(void **state)
{
	static const uint16_t sizes[] = {32, 64, 256};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct rte_eth_rxq_info rx;
		struct rte_eth_txq_info tx;
		struct late l;

		print_message("case: %u descriptors\n", sizes[i]);
		open_late(&l, &(struct vmx_setup){0}, VMX_ROOM);
		set_up(&l, sizes[i]);
		assert_int_equal(rte_eth_rx_queue_info_get(l.t.id, LATE, &rx), 0);
		assert_int_equal(rte_eth_tx_queue_info_get(l.t.id, LATE, &tx), 0);
		assert_int_equal(rx.nb_desc, sizes[i]);
		assert_int_equal(tx.nb_desc, sizes[i]);
		assert_in_range(rte_mempool_in_use_count(l.pool), sizes[i] / 2, sizes[i] - 1);
		assert_late_works(&l, 1000); /* the device's rings wrap */
		assert_true(rte_mempool_in_use_count(l.pool) < sizes[i]);
		vmx_assert_works(&l.t, 300);
		close_late(&l);
	}
}

/* In pieces, and with data rings: the device was told of both before. */
static void
test_late_kinds(void **state)
{
	static const struct vmx_setup setups[] = {
		{.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .room = 256, .mtu = 1500},
		{.device.versions = VMX_VERSIONS_TO(3), .devargs = "tx_data=on,rx_data=on"},
		{.device.versions = VMX_VERSIONS_TO(9)},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(setups); i++) {
		struct late l;

		print_message("case: %zu\n", i);
		open_late(&l, &setups[i], VMX_ROOM);
		set_up(&l, 128);
		assert_late_works(&l, 600);
		close_late(&l);
	}
}

/* What is not set up does nothing: frames for it are dropped, nothing is sent, no mbuf is pinned.
 */
static void
test_not_yet(void **state)
{
	uint8_t frame[64];
	struct rte_mbuf *m;
	struct late l;

	(void)state;
	open_late(&l, &(struct vmx_setup){0}, VMX_ROOM);
	vmx_frame(&l.t, frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(l.t.dev, LATE, frame, sizeof(frame), NULL),
			 VMX_RX_NO_BUFFER);
	m = vmx_chain(l.t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
	assert_int_equal(rte_eth_tx_burst(l.t.id, LATE, &m, 1), 0);
	assert_int_equal(rte_eth_rx_burst(l.t.id, LATE, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_rx_queue_start(l.t.id, LATE), -EINVAL);
	assert_int_equal(rte_eth_dev_tx_queue_start(l.t.id, LATE), -EINVAL);
	vmx_assert_works(&l.t, 300);
	close_late(&l);
}

static void
test_late_refused(void **state)
{
	struct rte_mempool *small;
	struct late l;

	(void)state;
	open_late(&l, &(struct vmx_setup){0}, VMX_ROOM);
	small = rte_pktmbuf_pool_create("small", 511, 0, 0, 1600 + RTE_PKTMBUF_HEADROOM, 0);
	assert_non_null(small);
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, LATE, 512, 0, NULL, l.pool), -EINVAL);
	assert_int_equal(rte_eth_tx_queue_setup(l.t.id, LATE, 512, 0, NULL), -EINVAL);
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, LATE, 128, 0, NULL, small), -EINVAL);
	assert_int_equal(rte_eth_dev_rx_queue_start(l.t.id, LATE), -EINVAL);
	/* Not started, so it may change its mind. */
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, LATE, 128, 0, NULL, l.pool), 0);
	set_up(&l, 64);
	assert_late_works(&l, 10);
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, LATE, 64, 0, NULL, l.pool), -EBUSY);
	assert_int_equal(rte_eth_tx_queue_setup(l.t.id, LATE, 64, 0, NULL), -EBUSY);
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, 0, 64, 0, NULL, l.pool), -EBUSY);
	assert_late_works(&l, 10);
	assert_int_equal(rte_mempool_in_use_count(small), 0);
	rte_mempool_free(small);
	close_late(&l);
}

/* Over a stop: a late queue is one of all then, and what never was set up is late again. */
static void
test_late_restart(void **state)
{
	struct late l;

	(void)state;
	open_late(&l, &(struct vmx_setup){0}, VMX_ROOM);
	set_up(&l, 64);
	assert_late_works(&l, 10);
	vmx_stop(&l.t);
	assert_int_equal(rte_mempool_in_use_count(l.pool), 0);
	vmx_start(&l.t);
	assert_int_equal(rte_mempool_in_use_count(l.pool), 63);
	assert_late_works(&l, 300);
	assert_int_equal(rte_eth_rx_queue_setup(l.t.id, 1, 64, 0, NULL, l.pool), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(l.t.id, 1), 0);
	assert_in_range(rte_mempool_in_use_count(l.pool), 64 + 32, 126);
	vmx_assert_works(&l.t, 30);
	close_late(&l);
}

/* One queue of each direction is the least. */
static void
test_none(void **state)
{
	const struct rte_eth_conf conf = {.rxmode.mtu = 1500};
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_reset(t.id), 0); /* releases queues */
	assert_int_equal(rte_eth_dev_configure(t.id, 2, 2, &conf), 0);
	assert_int_equal(rte_eth_tx_queue_setup(t.id, 1, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(t.id), -EINVAL);
	assert_int_equal(rte_eth_rx_queue_setup(t.id, 1, 64, 0, NULL, t.rx_pool), 0);
	assert_int_equal(rte_eth_dev_start(t.id), 0);
	vmx_close(&t);
}

/* Without a table of the application's, RSS spreads over the queues that there are. */
static void
test_spread(void **state)
{
	struct rte_eth_rss_reta_entry64 reta[8];
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {.rxmode = {.mtu = 1500, .mq_mode = RTE_ETH_MQ_RX_RSS},
				    .rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4};
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(6), .stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_configure(t.id, 3, 1, &conf), 0);
	assert_int_equal(rte_eth_tx_queue_setup(t.id, 0, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_rx_queue_setup(t.id, 0, 64, 0, NULL, t.rx_pool), 0);
	assert_int_equal(rte_eth_rx_queue_setup(t.id, 2, 64, 0, NULL, t.rx_pool), 0);
	assert_int_equal(rte_eth_dev_start(t.id), 0);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	memset(reta, 0, sizeof(reta));
	for (size_t i = 0; i < RTE_DIM(reta); i++)
		reta[i].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_query(t.id, reta, info.reta_size), 0);
	for (uint16_t i = 0; i < info.reta_size; i++)
		assert_int_equal(reta[i / 64].reta[i % 64], i % 2 == 0 ? 0 : 2);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_late_queue),   VMX_TEST(test_late_kinds),	  VMX_TEST(test_not_yet),
		VMX_TEST(test_late_refused), VMX_TEST(test_late_restart), VMX_TEST(test_none),
		VMX_TEST(test_spread),
	};

	return VMX_RUN(tests);
}
