/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Settings: MTU, MAC, rx modes, VLAN, link, statistics. What was set must hold on the device, not
 * in the driver's memory only, and still hold after a restart. Which faults of other drivers a test
 * is about is in docs/design/vmxnet3-lessons.md.
 */
#include <errno.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

static struct vmx_device_state
look(const struct vmx_test *t)
{
	struct vmx_device_state state;

	vmx_device_state(t->dev, &state);
	return state;
}

static void
restart(struct vmx_test *t)
{
	vmx_stop(t);
	vmx_start(t);
}

/* The device may have been told of more room than the MTU needs, never of less. */
static void
assert_mtu(struct vmx_test *t, uint16_t want)
{
	uint16_t mtu;

	assert_int_equal(rte_eth_dev_get_mtu(t->id, &mtu), 0);
	assert_int_equal(mtu, want);
	assert_true(look(t).mtu >= mtu);
	vmx_assert_receives(t, 0, RTE_MAX(want + 14u, VMX_SIZE_MIN + 0u), want);
}

static void
test_mtu_stopped(void **state)
{
	static const uint16_t mtus[] = {68, 576, 1280, 1499, 1500, 1501, 4000, 9000};
	struct vmx_setup setup = {.room = 9100};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t i = 0; i < RTE_DIM(mtus); i++) {
		vmx_stop(&t);
		assert_int_equal(rte_eth_dev_set_mtu(t.id, mtus[i]), 0);
		vmx_start(&t);
		assert_mtu(&t, mtus[i]);
		vmx_assert_works(&t, 10);
	}
	vmx_close(&t);
}

/* What a change of the MTU must leave alone. */
static void
assert_unharmed(struct vmx_test *t, const struct rte_ether_addr *mac)
{
	assert_int_equal(look(t).activations, 1);
	assert_true((look(t).rx_mode & VMXNET3_RXM_PROMISC) != 0);
	assert_memory_equal(look(t).mac, mac->addr_bytes, 6);
	vmx_assert_works(t, 10);
}

/* Done without a restart, with the port running as before, or refused, with nothing changed. */
static void
mtu_running(const struct vmx_setup *setup, uint16_t mtu, bool fits)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0xAA, 0xBB, 0xCC}};
	uint8_t frame[100];
	struct vmx_test t;

	vmx_open(&t, setup);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(t.id, &mac), 0);
	assert_int_equal(rte_eth_promiscuous_enable(t.id), 0);
	vmx_frame(&t, frame, sizeof(frame), 5); /* on its way while the MTU changes */
	assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL), VMX_RX_DELIVERED);
	assert_int_equal(rte_eth_dev_set_mtu(t.id, mtu), fits ? 0 : -EBUSY);
	rte_pktmbuf_free(vmx_receive(&t, 0));
	assert_mtu(&t, fits ? mtu : 1500);
	assert_unharmed(&t, &mac);
	assert_int_equal(rte_eth_dev_set_mtu(t.id, 1400), 0);
	assert_mtu(&t, 1400);
	assert_unharmed(&t, &mac);
	vmx_stop(&t);
	assert_false(look(&t).active); /* ethdev knows that the port is started */
	vmx_close(&t);
}

static void
test_mtu_running(void **state)
{
	struct vmx_setup setup = {.device.qemu_mac = true};

	(void)state;
	vmx_skip_rival("restarts the port behind ethdev's back");
	mtu_running(&setup, 2000, true);
	mtu_running(&setup, 9000, false);
	setup.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	mtu_running(&setup, 9000, true);
	setup.rx_offloads = 0;
	setup.room = 9100;
	mtu_running(&setup, 9000, true);
}

static void
test_mtu_bad(void **state)
{
	static const uint16_t mtus[] = {0, 20, 59, 9001, 9500, 65535};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_stop(&t);
	for (size_t i = 0; i < RTE_DIM(mtus); i++)
		assert_true(rte_eth_dev_set_mtu(t.id, mtus[i]) < 0);
	vmx_start(&t);
	assert_mtu(&t, 1500);
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

static const uint8_t broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t group[6] = {0x01, 0x00, 0x5E, 0x01, 0x02, 0x03};
static const uint8_t other_group[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x05};
static const uint8_t stranger[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

/* Whether a frame to this address, tagged with a VLAN unless that is 0, comes through. */
static bool
gets_tagged(struct vmx_test *t, const uint8_t *to, uint16_t vlan)
{
	enum vmx_rx_result result;
	struct rte_mbuf *m;
	uint8_t frame[100];

	vmx_frame(t, frame, sizeof(frame), vlan);
	memcpy(frame, to, 6);
	if (vlan != 0) {
		frame[12] = 0x81;
		frame[13] = 0x00;
		frame[14] = (uint8_t)(vlan >> 8);
		frame[15] = (uint8_t)vlan;
	}
	result = vmx_device_rx(t->dev, 0, frame, sizeof(frame), NULL);
	m = vmx_receive(t, 0);
	assert_int_equal(result == VMX_RX_DELIVERED, m != NULL);
	if (m == NULL)
		return false;
	if ((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0)
		vmx_assert_content(m, frame, sizeof(frame));
	else
		assert_int_equal(m->vlan_tci, vlan);
	rte_pktmbuf_free(m);
	return true;
}

static bool
gets(struct vmx_test *t, const uint8_t *to)
{
	return gets_tagged(t, to, 0);
}

static bool
gets_own(struct vmx_test *t)
{
	return gets(t, look(t).mac);
}

static void
test_rx_modes(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (int round = 0; round < 2; round++) { /* fresh, then restarted */
		assert_true(gets_own(&t));
		assert_true(gets(&t, broadcast));
		assert_false(gets(&t, group));
		assert_false(gets(&t, stranger));
		restart(&t);
	}
	assert_int_equal(rte_eth_allmulticast_enable(t.id), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(gets_own(&t));
		assert_true(gets(&t, group));
		assert_true(gets(&t, other_group));
		assert_false(gets(&t, stranger));
		restart(&t);
	}
	assert_int_equal(rte_eth_promiscuous_enable(t.id), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(gets(&t, group));
		assert_true(gets(&t, stranger));
		restart(&t);
	}
	assert_int_equal(rte_eth_allmulticast_disable(t.id), 0);
	assert_int_equal(rte_eth_promiscuous_disable(t.id), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(gets_own(&t));
		assert_false(gets(&t, group));
		assert_false(gets(&t, stranger));
		restart(&t);
	}
	vmx_close(&t);
}

/* Set while stopped counts as well. */
static void
test_rx_modes_stopped(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_stop(&t);
	assert_int_equal(rte_eth_promiscuous_enable(t.id), 0);
	vmx_start(&t);
	assert_true(gets(&t, stranger));
	vmx_stop(&t);
	assert_int_equal(rte_eth_promiscuous_disable(t.id), 0);
	vmx_start(&t);
	assert_false(gets(&t, stranger));
	vmx_close(&t);
}

static void
test_multicast_list(void **state)
{
	struct rte_ether_addr list[2];
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("has no multicast list");
	vmx_open(&t, NULL);
	memcpy(&list[0], group, 6);
	memcpy(&list[1], other_group, 6);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list, 1), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(gets(&t, group));
		assert_false(gets(&t, other_group));
		restart(&t);
	}
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list, 2), 0);
	assert_true(gets(&t, other_group));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, NULL, 0), 0);
	assert_false(gets(&t, group));
	vmx_stop(&t);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list + 1, 1), 0);
	vmx_start(&t);
	assert_false(gets(&t, group));
	assert_true(gets(&t, other_group));
	vmx_close(&t);
}

/* As many as fit are taken, one more is refused, and the list of before goes on to count. */
static void
test_multicast_list_long(void **state)
{
	enum { MAX = 512 };
	static struct rte_ether_addr list[MAX + 1];
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("has no multicast list");
	for (uint16_t i = 0; i <= MAX; i++) {
		memcpy(&list[i], group, 6);
		list[i].addr_bytes[4] = (uint8_t)(i >> 8);
		list[i].addr_bytes[5] = (uint8_t)i;
	}
	vmx_open(&t, NULL);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list, MAX), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list, MAX + 1), -ENOSPC);
	memcpy(&list[1], stranger, 6);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(t.id, list, 2), -EINVAL);
	assert_true(gets(&t, list[0].addr_bytes));
	assert_true(gets(&t, list[MAX - 1].addr_bytes));
	assert_false(gets(&t, list[MAX].addr_bytes));
	vmx_close(&t);
}

static void
mac_set(bool qemu_mac, bool running)
{
	struct vmx_setup setup = {.device.qemu_mac = qemu_mac};
	struct rte_ether_addr mac = {{0x02, 0, 0, 0xAA, 0xBB, 0xCC}};
	struct vmx_test t;

	vmx_open(&t, &setup);
	if (!running)
		vmx_stop(&t);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(t.id, &mac), 0);
	if (!running)
		vmx_start(&t);
	for (int round = 0; round < 3; round++) {
		assert_memory_equal(look(&t).mac, mac.addr_bytes, 6);
		assert_true(gets(&t, mac.addr_bytes));
		assert_false(gets(&t, stranger));
		restart(&t);
	}
	vmx_close(&t);
}

static void
test_mac_set(void **state)
{
	(void)state;
	mac_set(false, true);
	mac_set(true, true);
	if (!vmx_host_is_rival())
		mac_set(true, false);
}

/* [VMX3 12.15] With an empty bitmap tagged frames would be lost. */
static void
test_vlan_off(void **state)
{
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (int round = 0; round < 2; round++) {
		assert_true(gets_tagged(&t, look(&t).mac, 1));
		assert_true(gets_tagged(&t, look(&t).mac, 100));
		assert_true(gets_tagged(&t, look(&t).mac, 4094));
		assert_true(gets_tagged(&t, broadcast, 7));
		restart(&t);
	}
	vmx_close(&t);
}

static void
test_vlan_filter(void **state)
{
	struct rte_eth_dev_info info;
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) == 0) {
		print_message("no VLAN filter\n");
		vmx_close(&t);
		skip();
	}
	t.setup.rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	vmx_configure(&t);
	vmx_start(&t);
	assert_int_equal(rte_eth_dev_vlan_filter(t.id, 100, 1), 0);
	for (int round = 0; round < 2; round++) {
		assert_true(gets_own(&t));
		assert_true(gets_tagged(&t, look(&t).mac, 100));
		assert_false(gets_tagged(&t, look(&t).mac, 101));
		restart(&t);
	}
	/* Filtering goes off and on again with the port running. */
	assert_int_equal(rte_eth_dev_set_vlan_offload(t.id, 0), 0);
	assert_true(gets_tagged(&t, look(&t).mac, 101));
	assert_int_equal(rte_eth_dev_set_vlan_offload(t.id, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_false(gets_tagged(&t, look(&t).mac, 101));
	assert_true(gets_tagged(&t, look(&t).mac, 100));
	assert_int_equal(rte_eth_dev_vlan_filter(t.id, 100, 0), 0);
	assert_false(gets_tagged(&t, look(&t).mac, 100));
	vmx_close(&t);
}

static void
test_vlan_strip(void **state)
{
	struct rte_eth_dev_info info;
	struct vmx_setup setup = {.stay_stopped = true};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_info_get(t.id, &info), 0);
	if ((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) == 0) {
		print_message("no VLAN stripping\n");
		vmx_close(&t);
		skip();
	}
	t.setup.rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	vmx_configure(&t);
	vmx_start(&t);
	assert_true((look(&t).features & VMXNET3_FEATURE_RXVLAN) != 0);
	assert_true(gets_tagged(&t, look(&t).mac, 100));
	vmx_close(&t);
}

static unsigned int link_events;

static int
on_link(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port, (void)type, (void)arg, (void)ret;
	link_events++;
	return 0;
}

static struct rte_eth_link
link_of(const struct vmx_test *t)
{
	struct rte_eth_link link;

	assert_int_equal(rte_eth_link_get_nowait(t->id, &link), 0);
	return link;
}

static void
test_link(void **state)
{
	static const uint32_t speeds[] = {100, 1000, 10000, 25000, 40000};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	assert_int_equal(link_of(&t).link_status, RTE_ETH_LINK_UP);
	for (size_t i = 0; i < RTE_DIM(speeds); i++) {
		vmx_device_link(t.dev, false, speeds[i]);
		assert_int_equal(link_of(&t).link_status, RTE_ETH_LINK_DOWN);
		vmx_device_link(t.dev, true, speeds[i]);
		assert_int_equal(link_of(&t).link_status, RTE_ETH_LINK_UP);
		if (!vmx_host_is_rival()) /* says 10000 always */
			assert_int_equal(link_of(&t).link_speed, speeds[i]);
	}
	vmx_close(&t);
}

/* An interrupt says that the link has changed; and it goes on after a restart. */
static void
test_link_interrupt(void **state)
{
	struct vmx_setup setup = {.device.qemu = true, .lsc = true};
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("reads the event register, which is 0 on QEMU");
	if (!vmx_host_has_lsc()) {
		print_message("no link interrupt\n");
		skip();
	}
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_dev_callback_register(t.id, RTE_ETH_EVENT_INTR_LSC, on_link, NULL),
			 0);
	link_events = 0;
	for (unsigned int i = 1; i <= 6; i++) {
		bool up = i % 2 == 0;

		vmx_device_link(t.dev, up, 1000);
		vmx_device_run(t.dev);
		assert_int_equal(vmx_host_deliver_interrupts(t.port), 1);
		assert_int_equal(link_events, i);
		assert_int_equal(link_of(&t).link_status, up);
		if (i == 3)
			restart(&t);
	}
	vmx_assert_works(&t, 10);
	rte_eth_dev_callback_unregister(t.id, RTE_ETH_EVENT_INTR_LSC, on_link, NULL);
	vmx_close(&t);
}

static void
test_stats(void **state)
{
	struct rte_eth_stats stats;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	for (unsigned int round = 1; round <= 4; round++) {
		vmx_assert_works(&t, 100);
		stats = vmx_stats(&t);
		assert_int_equal(stats.ipackets, round * 100);
		assert_int_equal(stats.opackets, round * 100);
		assert_int_equal(stats.ibytes, round * (100 * VMX_SIZE_MIN + 4950));
		assert_int_equal(stats.obytes, round * (100 * VMX_SIZE_MIN + 4950));
		assert_int_equal(stats.ierrors + stats.oerrors + stats.imissed, 0);
		restart(&t);
	}
	assert_int_equal(rte_eth_stats_reset(t.id), 0);
	stats = vmx_stats(&t);
	assert_int_equal(stats.ipackets + stats.opackets + stats.ibytes + stats.obytes, 0);
	vmx_assert_works(&t, 10);
	assert_int_equal(vmx_stats(&t).ipackets, 10);
	vmx_close(&t);
}

/* Reset, stop, configure anew, start: nothing may wrap below zero. */
static void
test_stats_reset_reconfigure(void **state)
{
	struct rte_eth_stats stats;
	struct vmx_test t;

	(void)state;
	vmx_skip_rival("counters wrap below zero");
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 50);
	assert_int_equal(rte_eth_stats_reset(t.id), 0);
	vmx_stop(&t);
	assert_int_equal(vmx_stats(&t).ipackets, 0);
	vmx_configure(&t);
	assert_int_equal(vmx_stats(&t).ipackets, 0);
	vmx_start(&t);
	vmx_assert_works(&t, 20);
	stats = vmx_stats(&t);
	assert_int_equal(stats.ipackets, 20);
	assert_int_equal(stats.opackets, 20);
	vmx_close(&t);
}

/* All that an application may ask of a port that has not been configured, or has no queues yet. */
static void
use_early(uint16_t id)
{
	struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0, 9}}, list = {{0x01, 0, 0x5E, 0, 0, 1}};
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	assert_int_equal(rte_eth_stats_get(id, &stats), 0);
	assert_int_equal(stats.ipackets, 0);
	assert_int_equal(rte_eth_stats_reset(id), 0);
	assert_true(rte_eth_xstats_get(id, NULL, 0) >= 0);
	assert_int_equal(rte_eth_promiscuous_enable(id), 0);
	assert_int_equal(rte_eth_promiscuous_disable(id), 0);
	assert_int_equal(rte_eth_allmulticast_enable(id), 0);
	assert_int_equal(rte_eth_allmulticast_disable(id), 0);
	assert_int_equal(rte_eth_link_get_nowait(id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(id, &mac), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(id, &list, 1), 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(id, RTE_ETH_VLAN_STRIP_OFFLOAD |
								  RTE_ETH_VLAN_FILTER_OFFLOAD),
			 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(id, 0), 0);
	assert_true(rte_eth_dev_start(id) < 0);
}

static void
test_before_configure(void **state)
{
	struct vmx_port *port = vmx_host_plug(NULL, NULL, NULL);
	struct rte_eth_conf conf;

	(void)state;
	assert_non_null(port);
	if (!vmx_host_is_rival()) { /* follows a NULL pointer */
		memset(&conf, 0, sizeof(conf));
		use_early(vmx_host_port_id(port));
		assert_int_equal(rte_eth_dev_configure(vmx_host_port_id(port), 4, 2, &conf), 0);
		use_early(vmx_host_port_id(port));
	}
	vmx_host_detach(port);
	assert_int_equal(vmx_device_breaches(vmx_host_device(port)), 0);
	vmx_host_unplug(port);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_mtu_stopped),
		VMX_TEST(test_mtu_running),
		VMX_TEST(test_mtu_bad),
		VMX_TEST(test_rx_modes),
		VMX_TEST(test_rx_modes_stopped),
		VMX_TEST(test_multicast_list),
		VMX_TEST(test_multicast_list_long),
		VMX_TEST(test_mac_set),
		VMX_TEST(test_vlan_off),
		VMX_TEST(test_vlan_filter),
		VMX_TEST(test_vlan_strip),
		VMX_TEST(test_link),
		VMX_TEST(test_link_interrupt),
		VMX_TEST(test_stats),
		VMX_TEST(test_stats_reset_reconfigure),
		VMX_TEST(test_before_configure),
	};

	return VMX_RUN(tests);
}
