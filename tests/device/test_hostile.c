/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Devices that lie, and one that is gone [VMX3 14]. The driver may lose frames, and must count; it
 * must not crash, loop, hand out a malformed mbuf or lose one, and a restart must put all right.
 */
#include <stdlib.h>
#include <string.h>

#include "vmx_fixture.h"

static void
receive_some(struct vmx_test *t)
{
	struct rte_mbuf *m[32];
	const char *reason;

	for (int turn = 0; turn < 20; turn++) {
		uint16_t n = rte_eth_rx_burst(t->id, 0, m, RTE_DIM(m));

		for (uint16_t i = 0; i < n; i++) {
			if (rte_mbuf_check(m[i], 1, &reason) != 0)
				fail_msg("bad mbuf: %s", reason);
			rte_pktmbuf_free(m[i]);
		}
	}
}

/* Frames both ways, without asking how many arrive. */
static void
some_traffic(struct vmx_test *t, unsigned int n)
{
	uint8_t frame[4000];
	struct vmx_frame *sent;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m;
		size_t len = i % 3 == 0 ? 4000 : i % 3 == 1 ? 300 : 100;

		vmx_frame(t, frame, len, i);
		vmx_device_rx(t->dev, 0, frame, len, NULL);
		if (i % 5 == 0)
			receive_some(t);
		m = vmx_chain(t->tx_pool, frame, i % 2 == 0 ? 300 : 100, VMX_TX_ROOM);
		if (rte_eth_tx_burst(t->id, 0, &m, 1) == 0)
			rte_pktmbuf_free(m);
		vmx_device_run(t->dev);
		while ((sent = vmx_device_sent(t->dev)) != NULL)
			free(sent);
	}
	receive_some(t);
}

/*
 * A completion for nothing may have come true before a lazy driver looks at it: the packet has been
 * sent, the buffer posted by then, and others look skipped. Only there is silence allowed.
 */
static bool
may_be_silent(enum vmx_lie lie)
{
	return lie == VMX_LIE_TX_NOTHING || lie == VMX_LIE_TX_ALL_GEN || lie == VMX_LIE_RX_NOTHING;
}

static void
lie_and_recover(enum vmx_lie lie, unsigned int count, unsigned int warm_up)
{
	struct vmx_setup setup = {.mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct vmx_test t;
	uint64_t errors;

	print_message("case: %s, %u times, after %u\n", vmx_lie_name(lie), count, warm_up);
	vmx_open(&t, &setup);
	some_traffic(&t, warm_up);
	errors = vmx_errors(&t);
	vmx_device_lie(t.dev, lie, count);
	some_traffic(&t, 200);
	if (vmx_errors(&t) <= errors && !may_be_silent(lie))
		fail_msg("%s was not counted", vmx_lie_name(lie));
	vmx_device_lie(t.dev, VMX_LIE_NONE, 0);
	vmx_assert_recovers(&t, false);
	vmx_assert_works(&t, 200);
	vmx_close(&t);
}

static void
test_lies(void **state)
{
	static const unsigned int counts[] = {1, 3, 1000};

	(void)state;
	vmx_skip_rival("believes the device, and panics");
	for (int lie = VMX_LIE_NONE + 1; lie < VMX_LIE_ACTIVATE_REFUSED; lie++) {
		for (size_t i = 0; i < RTE_DIM(counts); i++) {
			lie_and_recover((enum vmx_lie)lie, counts[i], 0);
			lie_and_recover((enum vmx_lie)lie, counts[i], 77);
		}
	}
}

/* Everything an application does to a port whose device has been pulled out. */
static void
use_dead_port(struct vmx_test *t)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	some_traffic(t, 200);
	rte_eth_stats_get(t->id, &stats);
	assert_int_equal(rte_eth_link_get_nowait(t->id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	rte_eth_promiscuous_enable(t->id);
	rte_eth_allmulticast_enable(t->id);
	rte_eth_dev_set_mtu(t->id, 1400);
	rte_eth_stats_reset(t->id);
	some_traffic(t, 10);
}

static void
test_gone(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("not expected to survive it");
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 10);
	vmx_device_lie(t.dev, VMX_LIE_GONE, 1);
	use_dead_port(&t);
	rte_eth_dev_stop(t.id);
	assert_true(rte_eth_dev_reset(t.id) < 0);
	rte_eth_dev_close(t.id);
	vmx_host_detach(t.port);
	assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
	assert_int_equal(rte_mempool_avail_count(t.tx_pool), t.tx_pool->size);
	vmx_finish(&t);
}

/* Pulled out, and only the bus says so. */
static void
test_gone_then_remove(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("refuses to be removed while started");
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 10);
	vmx_device_lie(t.dev, VMX_LIE_GONE, 1);
	assert_int_equal(vmx_host_remove(t.port), 0);
	vmx_finish(&t);
}

/* Pulled out while stopped: the next start has to fail. */
static void
test_gone_before_start(void **state)
{
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("not expected to survive it");
	vmx_open(&t, &setup);
	vmx_device_lie(t.dev, VMX_LIE_GONE, 1);
	assert_true(rte_eth_dev_start(t.id) < 0);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_lies),
		VMX_TEST(test_gone),
		VMX_TEST(test_gone_then_remove),
		VMX_TEST(test_gone_before_start),
	};

	return VMX_RUN(tests);
}
