/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Faults that DPDK's own driver (22.11) is known to have, each seen by the device. They prove that
 * the device can tell; and each is a test our driver passes elsewhere. Not run with our driver.
 */
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

/* A breach is what this test is about; then the port may end without further questions. */
static void
expect_breach(struct vmx_test *t, enum vmx_breach_kind kind)
{
	vmx_device_print_breaches(t->dev, stdout);
	if (vmx_device_breach_count(t->dev, kind) == 0)
		fail_msg("%s was not seen", vmx_breach_name(kind));
}

static void
test_commands(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	expect_breach(&t, VMX_BREACH_CMD_BEFORE_SHARED); /* UPDATE_FEATURE, UPDATE_VLAN_FILTERS */
	expect_breach(&t, VMX_BREACH_CMD_VERSION);	 /* REGISTER_MEMREGS with version 1 */
	vmx_close_unchecked(&t);
}

/* Limit 0, which QEMU takes for 1 [VMX3 8.4]. */
static void
test_fragment_limit(void **state)
{
	struct vmx_setup setup = {.mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER};
	struct vmx_device_state seen;
	uint8_t frame[5000];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &seen);
	assert_int_equal(seen.max_rx_frags, 0);
	vmx_frame(&t, frame, sizeof(frame), 1);
	assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL), VMX_RX_TRUNCATED);
	assert_null(vmx_receive(&t, 0));
	vmx_close_unchecked(&t);
}

/* Skipped buffers are not posted again: the ring dries up, and the mbufs are lost. */
static void
test_skipped(void **state)
{
	struct vmx_test t;
	uint8_t frame[100];
	unsigned int posted;

	(void)state;
	vmx_open(&t, NULL);
	posted = vmx_device_rx_posted(t.dev, 0, 0);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 0; i < 30; i++) {
		assert_int_equal(vmx_device_rx_skip(t.dev, 0, 3), 3);
		vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL);
		rte_pktmbuf_free(vmx_receive(&t, 0));
	}
	assert_true(vmx_device_rx_posted(t.dev, 0, 0) <= posted - 90);
	vmx_stop(&t);
	assert_true(rte_mempool_avail_count(t.rx_pool) < t.rx_pool->size);
}

/* Restarted behind ethdev's back: the rx mode is lost, and stop does not stop. */
static void
test_mtu_running(void **state)
{
	struct vmx_setup setup = {.device.qemu_mac = true};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_promiscuous_enable(t.id), 0);
	assert_int_equal(rte_eth_dev_set_mtu(t.id, 1400), 0);
	vmx_device_state(t.dev, &seen);
	assert_true(seen.active);
	assert_int_equal(seen.rx_mode & VMXNET3_RXM_PROMISC, 0);
	rte_eth_dev_stop(t.id);
	vmx_device_state(t.dev, &seen);
	assert_true(seen.active);
}

static void
test_link_speed(void **state)
{
	struct rte_eth_link link;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_device_link(t.dev, true, 1000);
	assert_int_equal(rte_eth_link_get_nowait(t.id, &link), 0);
	assert_int_equal(link.link_speed, 10000);
	vmx_close_unchecked(&t);
}

/* Event register read instead of event word: 0, as on QEMU [VMX3 3]. */
static unsigned int link_events;

static int
on_link(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port, (void)type, (void)arg, (void)ret;
	link_events++;
	return 0;
}

static void
test_link_interrupt(void **state)
{
	struct vmx_setup setup = {.device.qemu = true, .lsc = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_callback_register(t.id, RTE_ETH_EVENT_INTR_LSC, on_link, NULL),
			 0);
	vmx_device_link(t.dev, false, 1000);
	vmx_device_run(t.dev);
	assert_int_equal(vmx_host_deliver_interrupts(t.port), 1);
	assert_int_equal(link_events, 0);
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_LSC, on_link, NULL);
	vmx_close_unchecked(&t);
}

/* The length of a segment above 16383 bytes spills into the generation bit. */
static void
test_large_segment(void **state)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("large", 4, 0, 0, 20000 + RTE_PKTMBUF_HEADROOM, 0);
	struct vmx_frame *sent;
	struct rte_mbuf *m;
	uint8_t *frame = malloc(20000);
	struct vmx_test t;
	bool right;

	(void)state;
	assert_non_null(pool);
	assert_non_null(frame);
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, 17000, 1);
	m = vmx_chain(pool, frame, 17000, 20000);
	rte_eth_tx_burst(t.id, 0, &m, 1);
	vmx_device_run(t.dev);
	sent = vmx_device_sent(t.dev);
	right = sent != NULL && sent->len == 17000 && memcmp(sent->data, frame, 17000) == 0;
	assert_false(right);
	free(sent);
	free(frame);
	expect_breach(&t, VMX_BREACH_GEN_NOT_FLIPPED);
}

/* A frame that does not fit the rest of the ring is freed and said to be sent. */
static void
test_full_ring_segments(void **state)
{
	uint8_t frame[640];
	unsigned int taken = 0;
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	vmx_device_tx_hold(t.dev, true);
	for (unsigned int i = 0; i < 2u * t.setup.tx_ring / 10; i++) {
		m = vmx_chain(t.tx_pool, frame, sizeof(frame), 64);
		if (rte_eth_tx_burst(t.id, 0, &m, 1) == 1)
			taken++;
		else
			rte_pktmbuf_free(m);
	}
	print_message("%u taken, %u sent\n", taken, vmx_device_run(t.dev));
	assert_true(taken > (t.setup.tx_ring - 1u) / 10);
	vmx_device_tx_hold(t.dev, false);
	vmx_device_run(t.dev);
	vmx_close_unchecked(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_commands),      VMX_TEST(test_fragment_limit),
		VMX_TEST(test_skipped),	      VMX_TEST(test_mtu_running),
		VMX_TEST(test_link_speed),    VMX_TEST(test_link_interrupt),
		VMX_TEST(test_large_segment), VMX_TEST(test_full_ring_segments),
	};

	return VMX_RUN(tests);
}
