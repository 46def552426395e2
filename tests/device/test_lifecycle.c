/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * From probe to remove, once, twice, and fifty times.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

static void
test_probe(void **state)
{
	struct vmx_setup setup = {.device.mac = {0x00, 0x0C, 0x29, 0x12, 0x34, 0x56},
				  .stay_stopped = true};
	struct rte_ether_addr mac;
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_state(t.dev, &seen);
	assert_int_equal(seen.version, 1);
	assert_false(seen.active);
	assert_int_equal(rte_eth_macaddr_get(t.id, &mac), 0);
	assert_memory_equal(mac.addr_bytes, setup.device.mac, 6);
	vmx_close(&t);
}

/* A device that offers later versions too must be used as one the driver knows. */
static void
test_probe_later_versions(void **state)
{
	struct vmx_setup setup = {.device.versions = 0x1FF};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

static void
test_probe_unknown_version(void **state)
{
	struct vmx_device_opts opts = {.versions = 1u << 20};
	int error = 0;

	(void)state;
	assert_null(vmx_host_plug(&opts, NULL, &error));
	assert_true(error < 0);
}

/* What the driver leaves behind when it goes: nothing on the device, no mbuf. */
static void
test_restart_50(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int i = 0; i < 50; i++) {
		vmx_assert_works(&t, 5 + i);
		vmx_stop(&t);
		assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
		assert_int_equal(rte_mempool_avail_count(t.tx_pool), t.tx_pool->size);
		vmx_start(&t);
	}
	vmx_assert_works(&t, 200);
	vmx_close(&t);
}

static void
test_replug_20(void **state)
{
	struct vmx_test t;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		vmx_open(&t, NULL);
		vmx_assert_works(&t, 5);
		vmx_close(&t);
	}
}

static void
test_reconfigure(void **state)
{
	struct vmx_setup setup = {.pool_size = 4096};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (uint16_t i = 1; i <= 4; i++) {
		vmx_assert_works(&t, 10);
		vmx_stop(&t);
		vmx_configure(&t); /* with the queues it has already */
		t.setup.rx_ring = (uint16_t)(i * 128);
		t.setup.tx_ring = (uint16_t)(i * 512);
		vmx_configure(&t);
		vmx_start(&t);
		/* The port's totals survive its queues. */
		if (!vmx_host_is_rival())
			assert_int_equal(vmx_stats(&t).ipackets + vmx_stats(&t).opackets, 20 * i);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 0), i * 512);
		assert_int_equal(vmx_device_ring_size(t.dev, 0, 1), i * 128);
	}
	vmx_close(&t);
}

static void
test_stop_twice(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 3);
	vmx_stop(&t);
	vmx_stop(&t);
	vmx_start(&t);
	vmx_assert_works(&t, 3);
	assert_int_equal(rte_eth_dev_start(t.id), 0); /* started already: ethdev says 0 */
	vmx_assert_works(&t, 3);
	vmx_close(&t);
}

/* Closed by the application, removed by the bus, in the order of an application that goes. */
static void
test_close_then_remove(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_stop(&t);
	assert_int_equal(rte_eth_dev_close(t.id), 0);
	vmx_host_remove(t.port);
	assert_false(rte_eth_dev_is_valid_port(t.id));
	vmx_finish(&t);
}

/* Pulled out while it runs: remove alone has to stop the device and free all. */
static void
test_remove_running(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("refuses to be removed while started");
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 3);
	assert_int_equal(vmx_host_remove(t.port), 0);
	vmx_finish(&t);
}

static void
test_close_unconfigured(void **state)
{
	struct vmx_port *port = vmx_host_plug(NULL, NULL, NULL);

	(void)state;
	assert_non_null(port);
	assert_int_equal(rte_eth_dev_close(vmx_host_port_id(port)), 0);
	vmx_host_detach(port);
	assert_int_equal(vmx_device_breaches(vmx_host_device(port)), 0);
	vmx_host_unplug(port);
}

static void
test_queues(void **state)
{
	static const uint16_t counts[][2] = {{1, 1}, {2, 2}, {4, 4}, {8, 8},
					     {1, 4}, {4, 1}, {2, 8}};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		struct vmx_setup setup = {.num_rx_queues = counts[i][0],
					  .num_tx_queues = counts[i][1]};

		print_message("case: %u rx, %u tx\n", counts[i][0], counts[i][1]);
		vmx_open(&t, &setup);
		vmx_device_state(t.dev, &seen);
		assert_int_equal(seen.num_rx_queues, counts[i][0]);
		assert_int_equal(seen.num_tx_queues, counts[i][1]);
		vmx_assert_works(&t, 300);
		vmx_close(&t);
	}
}

static void
test_odd_queues(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 3, .num_tx_queues = 5};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("refuses numbers of rx queues that are no power of two");
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 300);
	vmx_close(&t);
}

static void
test_two_ports(void **state)
{
	struct vmx_setup other = {.device.mac = {0x02, 0, 0, 0, 0, 2}, .num_tx_queues = 2};
	struct vmx_test a, b;

	(void)state;
	vmx_open(&a, NULL);
	vmx_open(&b, &other);
	assert_int_not_equal(a.id, b.id);
	for (unsigned int i = 0; i < 20; i++) {
		vmx_assert_works(&a, 7);
		vmx_assert_works(&b, 5);
	}
	vmx_close(&a);
	vmx_assert_works(&b, 10);
	vmx_close(&b);
}

/* Mbufs are freed only when the device no longer writes into them. */
struct at_quiesce {
	struct vmx_test *t;
	unsigned int before;
	unsigned int quiesces;
	bool early;
};

static void
on_command(void *arg, uint32_t command)
{
	struct at_quiesce *q = arg;
	struct vmx_device_state seen;

	vmx_device_state(q->t->dev, &seen);
	if (command != (uint32_t)VMXNET3_CMD_QUIESCE || !seen.active)
		return;
	q->quiesces++;
	q->early |= rte_mempool_avail_count(q->t->rx_pool) != q->before;
}

static void
test_free_after_quiesce(void **state)
{
	struct at_quiesce q = {0};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	q.t = &t;
	q.before = rte_mempool_avail_count(t.rx_pool);
	vmx_device_on_command(t.dev, on_command, &q);
	vmx_stop(&t);
	assert_int_equal(q.quiesces, 1);
	assert_false(q.early);
	vmx_device_on_command(t.dev, NULL, NULL);
	vmx_close(&t);
}

/* ACTIVATE has made the address the permanent one; by the time that the device is told what to
 * receive, it is the user's again. (ethdev sets it once more, after start.) */
struct at_rx_mode {
	const struct vmx_test *t;
	const struct rte_ether_addr *mac;
	unsigned int told;
	bool wrong;
};

static void
on_rx_mode(void *arg, uint32_t command)
{
	struct at_rx_mode *at = arg;
	struct vmx_device_state seen;

	if (command != (uint32_t)VMXNET3_CMD_UPDATE_RX_MODE)
		return;
	vmx_device_state(at->t->dev, &seen);
	at->told++;
	at->wrong |= memcmp(seen.mac, at->mac, sizeof(seen.mac)) != 0;
}

static void
test_mac_before_frames(void **state)
{
	const struct vmx_setup setup = {.device.qemu_mac = true};
	struct rte_ether_addr mac = {{0x02, 0, 0, 0xAA, 0xBB, 0xCC}};
	struct vmx_test t;
	struct at_rx_mode at = {.t = &t, .mac = &mac};

	(void)state;
	vmx_skip_rival("leaves it to ethdev");
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(t.id, &mac), 0);
	vmx_device_on_command(t.dev, on_rx_mode, &at);
	for (unsigned int i = 0; i < 3; i++) {
		vmx_stop(&t);
		vmx_start(&t);
		assert_true(at.told > i);
		assert_false(at.wrong);
	}
	vmx_device_on_command(t.dev, NULL, NULL);
	vmx_close(&t);
}

/* Packets without completion at the time of stop are freed, not forgotten. */
static void
test_stop_with_tx_in_flight(void **state)
{
	struct rte_mbuf *m[20];
	uint8_t frame[60];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_device_tx_hold(t.dev, true);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (size_t i = 0; i < RTE_DIM(m); i++)
		m[i] = vmx_chain(t.tx_pool, frame, sizeof(frame), 20);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, m, RTE_DIM(m)), RTE_DIM(m));
	vmx_device_run(t.dev);
	vmx_stop(&t);
	assert_int_equal(rte_mempool_avail_count(t.tx_pool), t.tx_pool->size);
	vmx_device_tx_hold(t.dev, false);
	vmx_start(&t);
	for (size_t i = 0; i < RTE_DIM(m); i++)
		free(vmx_device_sent(t.dev));
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

/* A frame of which only the first pieces have been fetched when the port stops. */
static void
test_stop_with_rx_pending(void **state)
{
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL),
				 VMX_RX_DELIVERED);
	rte_pktmbuf_free(vmx_receive(&t, 0));
	vmx_stop(&t);
	assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
	vmx_start(&t);
	assert_null(vmx_receive(&t, 0));
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

static void
test_activate_refused(void **state)
{
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	vmx_device_lie(t.dev, VMX_LIE_ACTIVATE_REFUSED, 2);
	assert_true(rte_eth_dev_start(t.id) < 0);
	assert_true(rte_eth_dev_start(t.id) < 0);
	assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
	vmx_start(&t);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_probe),
		VMX_TEST(test_probe_later_versions),
		VMX_TEST(test_probe_unknown_version),
		VMX_TEST(test_restart_50),
		VMX_TEST(test_replug_20),
		VMX_TEST(test_reconfigure),
		VMX_TEST(test_stop_twice),
		VMX_TEST(test_close_then_remove),
		VMX_TEST(test_remove_running),
		VMX_TEST(test_close_unconfigured),
		VMX_TEST(test_queues),
		VMX_TEST(test_odd_queues),
		VMX_TEST(test_two_ports),
		VMX_TEST(test_free_after_quiesce),
		VMX_TEST(test_mac_before_frames),
		VMX_TEST(test_stop_with_tx_in_flight),
		VMX_TEST(test_stop_with_rx_pending),
		VMX_TEST(test_activate_refused),
	};

	return VMX_RUN(tests);
}
