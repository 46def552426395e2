/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Interrupts: sleeping rx queues, queues in error and the way back, the device's removal. (The
 * link's is in test_control.c.)
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include <ethdev_driver.h>
#include <rte_dev.h>
#include <rte_interrupts.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define CONF_INTR_ACTIVE (1u << 2) /* the driver masks, not the device [VMX3 4] */

static bool
is_awake(const struct vmx_test *t, uint16_t q)
{
	int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(t->id, q);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	eventfd_t count;

	assert_true(fd >= 0);
	if (poll(&poll_fd, 1, 0) == 0)
		return false;
	assert_int_equal(eventfd_read(fd, &count), 0);
	return true;
}

static void
arrive(struct vmx_test *t, uint16_t q)
{
	uint8_t frame[100];

	vmx_frame(t, frame, sizeof(frame), q);
	assert_int_equal(vmx_device_rx(t->dev, q, frame, sizeof(frame), NULL), VMX_RX_DELIVERED);
	vmx_host_deliver_interrupts(t->port);
}

static void
fetch(struct vmx_test *t, uint16_t q)
{
	struct rte_mbuf *m = vmx_receive(t, q);

	assert_non_null(m);
	rte_pktmbuf_free(m);
}

/* Each queue wakes by its own frames, only while its interrupt is enabled, and at once if one came
 * before that. */
static void
assert_wakes(struct vmx_test *t)
{
	for (uint16_t q = 0; q < t->setup.num_rx_queues; q++) {
		arrive(t, q);
		assert_false(is_awake(t, q));
		assert_int_equal(rte_eth_dev_rx_intr_enable(t->id, q), 0);
		vmx_device_run(t->dev);
		vmx_host_deliver_interrupts(t->port);
		assert_true(is_awake(t, q));
		fetch(t, q);
		assert_int_equal(rte_eth_dev_rx_intr_disable(t->id, q), 0);
		assert_int_equal(rte_eth_dev_rx_intr_enable(t->id, q), 0);
		arrive(t, q);
		for (uint16_t other = 0; other < t->setup.num_rx_queues; other++)
			assert_int_equal(is_awake(t, other), other == q);
		fetch(t, q);
		assert_int_equal(rte_eth_dev_rx_intr_disable(t->id, q), 0);
		arrive(t, q);
		assert_false(is_awake(t, q));
		fetch(t, q);
	}
}

/* Any numbers of queues, equal or not. Completions of sent packets wake nobody. */
static void
test_rx_interrupts_unequal_queues(void **state)
{
	static const uint16_t counts[][2] = {{1, 1}, {4, 1}, {1, 4}, {3, 2}, {8, 8}, {16, 1}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(2),
					  .num_rx_queues = counts[i][0],
					  .num_tx_queues = counts[i][1],
					  .rxq = true};
		struct vmx_test t;

		print_message("case: %u rx, %u tx\n", counts[i][0], counts[i][1]);
		vmx_open(&t, &setup);
		assert_wakes(&t);
		for (uint16_t q = 0; q < counts[i][0]; q++)
			assert_int_equal(rte_eth_dev_rx_intr_enable(t.id, q), 0);
		vmx_device_run(t.dev);
		vmx_host_deliver_interrupts(t.port); /* for frames that were fetched already */
		for (uint16_t q = 0; q < counts[i][1]; q++) {
			uint8_t frame[60];

			vmx_frame(&t, frame, sizeof(frame), 1);
			vmx_assert_sends(&t, q,
					 vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM),
					 frame, sizeof(frame));
		}
		assert_int_equal(vmx_host_deliver_interrupts(t.port), 0);
		vmx_close(&t);
	}
}

/* The device does not mask by itself. */
static void
test_rx_interrupts_active_mask(void **state)
{
	struct vmx_setup setup = {
		.device.conf_intr = CONF_INTR_ACTIVE, .num_rx_queues = 2, .rxq = true, .lsc = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_wakes(&t);
	vmx_close(&t);
}

/* A kernel driver without interrupts, or with one for all: what is not asked for is not missed,
 * what is asked for and cannot be had is refused, at the time that can know. */
static void
test_no_interrupts(void **state)
{
	struct vmx_setup setup = {.lsc = true, .stay_stopped = true};
	struct rte_intr_handle *handle;
	struct rte_eth_conf conf;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	handle = rte_eth_devices[t.id].intr_handle;
	assert_int_equal(rte_intr_type_set(handle, RTE_INTR_HANDLE_UIO_INTX), 0);
	memset(&conf, 0, sizeof(conf));
	conf.intr_conf.rxq = 1;
	assert_int_equal(rte_eth_dev_configure(t.id, 1, 1, &conf), -ENOTSUP);
	assert_int_equal(rte_intr_type_set(handle, RTE_INTR_HANDLE_UNKNOWN), 0);
	vmx_configure(&t);
	assert_int_equal(rte_eth_dev_start(t.id), -ENOTSUP);
	t.setup.lsc = false;
	vmx_configure(&t);
	vmx_start(&t);
	assert_true(vmx_device_masked(t.dev, 0));
	vmx_assert_works(&t, 10);
	vmx_stop(&t);
	assert_int_equal(rte_intr_type_set(handle, RTE_INTR_HANDLE_VFIO_MSIX), 0);
	vmx_start(&t);
	assert_false(vmx_device_masked(t.dev, 0));
	vmx_close(&t);
}

/* From one configure to the next: on, off, on; and with the link's. Nothing is sticky. */
static void
test_rx_interrupts_switchable(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 2, .rxq = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (int round = 0; round < 4; round++) {
		assert_wakes(&t);
		vmx_stop(&t);
		vmx_start(&t);
		assert_wakes(&t);
		vmx_stop(&t);
		t.setup.rxq = false;
		t.setup.lsc = round % 2 == 0;
		vmx_configure(&t);
		vmx_start(&t);
		assert_true(rte_eth_dev_rx_intr_enable(t.id, 0) < 0);
		vmx_assert_works(&t, 10);
		assert_int_equal(vmx_host_deliver_interrupts(t.port), 0);
		vmx_stop(&t);
		t.setup.rxq = true;
		vmx_configure(&t);
		vmx_start(&t);
	}
	vmx_close(&t);
}

static unsigned int resets, removals;

static int
on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port, (void)arg, (void)ret;
	resets += type == RTE_ETH_EVENT_INTR_RESET;
	removals += type == RTE_ETH_EVENT_INTR_RMV;
	return 0;
}

static void
listen_for(const struct vmx_test *t, enum rte_eth_event_type type)
{
	resets = removals = 0;
	assert_int_equal(rte_eth_dev_callback_register(t->id, type, on_event, NULL), 0);
}

static void
raise_event(struct vmx_test *t, uint32_t events)
{
	vmx_device_event(t->dev, events, 0x80000001u);
	vmx_device_run(t->dev);
	vmx_host_deliver_interrupts(t->port);
}

/* The application hears of it once, resets the port, sets it up again, and all is well: with what
 * it had set before. */
static void
test_queue_error_recovery(void **state)
{
	static const uint32_t events[] = {VMXNET3_EVENT_RQERR, VMXNET3_EVENT_TQERR,
					  VMXNET3_EVENT_RQERR | VMXNET3_EVENT_TQERR};
	struct rte_ether_addr mac = {{0x02, 0, 0, 0xAA, 0xBB, 0xCC}};
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(t.id, &mac), 0);
	assert_int_equal(rte_eth_promiscuous_enable(t.id), 0);
	listen_for(&t, RTE_ETH_EVENT_INTR_RESET);
	for (unsigned int i = 0; i < RTE_DIM(events); i++) {
		vmx_assert_works(&t, 10);
		for (int again = 0; again < 5; again++) /* it says so again and again */
			raise_event(&t, events[i]);
		assert_int_equal(resets, i + 1);
		assert_int_equal(rte_eth_dev_reset(t.id), 0);
		assert_int_equal(rte_mempool_avail_count(t.rx_pool), t.rx_pool->size);
		assert_true(rte_eth_dev_start(t.id) < 0); /* not without queues */
		vmx_configure(&t);
		vmx_start(&t);
		vmx_device_state(t.dev, &seen);
		assert_memory_equal(seen.mac, mac.addr_bytes, 6);
		assert_true((seen.rx_mode & VMXNET3_RXM_PROMISC) != 0);
	}
	vmx_assert_works(&t, 10);
	assert_int_equal(vmx_stats(&t).ipackets, 40);
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_RESET, on_event, NULL);
	vmx_close(&t);
}

/* Stop and start alone are a way back, too. */
static void
test_queue_error_restart(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	listen_for(&t, RTE_ETH_EVENT_INTR_RESET);
	for (unsigned int i = 1; i <= 3; i++) {
		raise_event(&t, VMXNET3_EVENT_TQERR);
		assert_int_equal(resets, i);
		vmx_stop(&t);
		vmx_start(&t);
		vmx_assert_works(&t, 10);
	}
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_RESET, on_event, NULL);
	vmx_close(&t);
}

/* A reset of a port that is well does no harm. */
static void
test_reset_of_sound_port(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (int i = 0; i < 5; i++) {
		vmx_assert_works(&t, 10);
		assert_int_equal(rte_eth_dev_reset(t.id), 0);
		vmx_configure(&t);
		vmx_start(&t);
	}
	vmx_close(&t);
}

/* Events that mean nothing to us, all at once: nothing happens. */
static void
test_other_events(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	listen_for(&t, RTE_ETH_EVENT_INTR_RESET);
	raise_event(&t, VMXNET3_EVENT_DIC | VMXNET3_EVENT_DEBUG | 0xFFFFFF00u);
	assert_int_equal(resets, 0);
	vmx_assert_works(&t, 10);
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_RESET, on_event, NULL);
	vmx_close(&t);
}

/* The bus says that the device is to go; then it is gone. */
static void
test_hot_unplug(void **state)
{
	struct vmx_setup setup = {.rmv = true};
	char name[RTE_ETH_NAME_MAX_LEN];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_get_name_by_port(t.id, name), 0);
	listen_for(&t, RTE_ETH_EVENT_INTR_RMV);
	assert_int_equal(rte_eth_dev_is_removed(t.id), 0);
	rte_dev_event_callback_process("0000:00:1f.7", RTE_DEV_EVENT_REMOVE);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_ADD);
	assert_int_equal(removals, 0);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE);
	assert_int_equal(removals, 1);
	vmx_device_lie(t.dev, VMX_LIE_GONE, 1);
	assert_int_equal(rte_eth_dev_is_removed(t.id), 1);
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_RMV, on_event, NULL);
	vmx_close_unchecked(&t);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	rte_dev_event_callback_process(name, RTE_DEV_EVENT_REMOVE);
	assert_int_equal(removals, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_rx_interrupts_unequal_queues),
		VMX_TEST(test_rx_interrupts_active_mask),
		VMX_TEST(test_rx_interrupts_switchable),
		VMX_TEST(test_no_interrupts),
		VMX_TEST(test_queue_error_recovery),
		VMX_TEST(test_queue_error_restart),
		VMX_TEST(test_reset_of_sound_port),
		VMX_TEST(test_other_events),
		VMX_TEST(test_hot_unplug),
	};

	return VMX_RUN(tests);
}
