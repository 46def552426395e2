/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The tx data ring [VMX3 7.6]: what is copied is free at once, all else goes as ever, in any order;
 * and when the ring is there at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define SLOT 128
#define BURST 32

static uint32_t seed;

static uint32_t
some(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const struct vmxnet3_tx_queue_desc *
told(const struct vmx_test *t)
{
	const struct vmxnet3_shared *shared = vmx_device_shared(t->dev);

	return (const void *)(uintptr_t)pvn_le64_to_cpu(shared->queue_table_addr);
}

static uint64_t
copied(const struct vmx_test *t)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(t->id, "tx_q0_data_ring_packets", &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(t->id, &id, &value, 1), 1);
	return value;
}

static unsigned int
in_use(const struct vmx_test *t)
{
	return rte_mempool_in_use_count(t->tx_pool) + rte_mempool_in_use_count(t->rx_pool);
}

static const char *
mode_of(const struct vmx_test *t)
{
	static struct rte_eth_burst_mode mode;

	assert_int_equal(rte_eth_tx_burst_mode_get(t->id, 0, &mode), 0);
	return mode.info;
}

/* Which slots there are, by version, host and argument. */
static void
test_choice(void **state)
{
	static const struct {
		unsigned int version;
		bool qemu;
		const char *devargs;
		uint16_t told; /* by the host */
		uint16_t want;
	} cases[] = {
		{1, false, "tx_data=auto", 0, 0},  {1, true, "tx_data=auto", 0, 0},
		{2, false, "tx_data=auto", 0, 0},  {3, false, "tx_data=auto", 0, 128},
		{3, false, "tx_data=off", 0, 0},   {1, false, "tx_data=on", 0, 128},
		{1, true, "tx_data=on", 0, 128},   {3, false, "tx_data=on", 256, 256},
		{3, false, NULL, 2048, 2048},	   {6, false, NULL, 64, 128},
		{6, false, NULL, 2112, 128},	   {6, false, NULL, 200, 128},
		{7, false, NULL, 0xFFFF, 128},	   {9, false, NULL, 192, 192},
		{9, false, "max_version=1", 0, 0}, {9, false, "max_version=1,tx_data=on", 256, 128},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(cases[i].version),
					  .device.qemu = cases[i].qemu,
					  .device.tx_data_slot = cases[i].told,
					  .devargs = cases[i].devargs};
		const uint16_t want = cases[i].want;
		struct vmx_test t;

		print_message("case: %zu\n", i);
		vmx_open(&t, &setup);
		assert_int_equal(pvn_le32_to_cpu(told(&t)->data_ring_size),
				 want == 0 ? 0 : t.setup.tx_ring);
		assert_int_equal(told(&t)->data_ring_addr != 0, want != 0);
		if (strstr(cases[i].devargs == NULL ? "" : cases[i].devargs, "max_") == NULL &&
		    cases[i].version >= 3)
			assert_int_equal(pvn_le16_to_cpu(told(&t)->data_slot_size), want);
		assert_int_equal(strstr(mode_of(&t), "data ring") != NULL, want != 0);
		vmx_assert_works(&t, 3u * t.setup.tx_ring);
		assert_int_equal(copied(&t) > 0, want != 0);
		vmx_close(&t);
	}
}

static void
test_bad_arguments(void **state)
{
	static const char *const bad[] = {"tx_data=yes",   "tx_data=",	 "tx_data=1",
					  "tx_data=ON",	   "rx_data=no", "rx_data",
					  "rx_data=auto ", "tx_rings=on"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		int error = 0;

		assert_null(vmx_host_plug(NULL, bad[i], &error));
		assert_int_equal(error, -EINVAL);
	}
}

/* Every size around the slot's; what is in the slot is not in the mbuf any more. */
static void
sizes(const struct vmx_setup *setup, size_t slot)
{
	uint8_t frame[2300];
	uint64_t before = 0;
	struct vmx_test t;

	vmx_open(&t, setup);
	for (size_t len = 14; len < slot + 70; len++) {
		const unsigned int idle = in_use(&t);
		struct rte_mbuf *m;
		struct vmx_frame *sent;

		vmx_frame(&t, frame, len, (uint32_t)len);
		m = vmx_chain(t.rx_pool, frame, len, sizeof(frame));
		assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
		assert_int_equal(in_use(&t), len <= slot ? idle : idle + 1);
		if (len <= slot) /* the next owner does what he likes */
			memset(rte_pktmbuf_mtod(m, void *), 0xEE, len);
		assert_int_equal(vmx_device_run(t.dev), 1);
		sent = vmx_device_sent(t.dev);
		assert_non_null(sent);
		assert_int_equal(sent->len, len);
		assert_memory_equal(sent->data, frame, len);
		free(sent);
		assert_int_equal(copied(&t), before + (len <= slot));
		before = copied(&t);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), 1);
		assert_int_equal(in_use(&t), idle);
	}
	vmx_close(&t);
}

static void
test_sizes(void **state)
{
	static const uint16_t slots[] = {128, 192, 256, 2048};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(slots); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(5),
					  .device.tx_data_slot = slots[i],
					  .room = 2300};

		sizes(&setup, slots[i]);
		setup.tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
		sizes(&setup, slots[i]);
	}
}

/* ---- all kinds of packets ---- */

struct packet {
	uint8_t data[4 * SLOT];
	size_t len;
	struct rte_mbuf *clone; /* of what was sent, the application's */
	bool tagged;
};

/* Small, large, of several segments, with a wish, or also somebody else's. */
static struct rte_mbuf *
some_packet(struct vmx_test *t, struct packet *p)
{
	static const uint16_t lens[] = {14, 60, 64, 100, SLOT, SLOT + 1, 200, 3 * SLOT};
	struct rte_mbuf *m;

	p->len = lens[some(RTE_DIM(lens))];
	p->clone = NULL;
	p->tagged = some(16) == 0;
	vmx_frame(t, p->data, p->len, seed);
	if (some(8) == 0)
		return vmx_chain(t->tx_pool, p->data, p->len, SLOT / 2);
	m = vmx_chain(t->rx_pool, p->data, p->len, VMX_ROOM);
	if (p->tagged) {
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
		m->vlan_tci = 7;
	} else if (some(16) == 0) {
		p->clone = rte_pktmbuf_clone(m, t->rx_pool);
		assert_non_null(p->clone);
	}
	return m;
}

/* The oldest packet sent is this one. */
static void
check_sent(struct vmx_test *t, struct packet *p)
{
	struct vmx_frame *sent = vmx_device_sent(t->dev);

	assert_non_null(sent);
	assert_int_equal(sent->len, p->len);
	assert_memory_equal(sent->data, p->data, p->len);
	free(sent);
	rte_pktmbuf_free(p->clone);
}

static void
mix(const struct vmx_setup *setup, unsigned int turns)
{
	static struct packet packets[BURST];
	struct rte_mbuf *m[BURST];
	struct vmx_test t;
	unsigned int idle;

	seed = 1;
	vmx_open(&t, setup);
	idle = in_use(&t);
	for (unsigned int turn = 0; turn < turns; turn++) {
		const uint16_t n = (uint16_t)(1 + some(BURST));
		uint16_t sent = 0;

		for (uint16_t i = 0; i < n; i++)
			m[i] = some_packet(&t, &packets[i]);
		while (sent < n) {
			const uint16_t now =
				rte_eth_tx_burst(t.id, 0, &m[sent], (uint16_t)(n - sent));

			assert_int_equal(vmx_device_run(t.dev), now);
			for (uint16_t i = sent; i < sent + now; i++)
				check_sent(&t, &packets[i]);
			sent = (uint16_t)(sent + now);
		}
		if (some(10) == 0) {
			rte_eth_tx_done_cleanup(t.id, 0, 0);
			assert_int_equal(in_use(&t), idle);
		}
	}
	assert_true(copied(&t) > turns);
	assert_int_equal(vmx_errors(&t), 0);
	vmx_close(&t);
}

static void
test_mix(void **state)
{
	static const uint16_t rings[] = {32, 64, 96, 512};

	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(rings); i++) {
		struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(4),
					  .device.cq_only = i % 2 != 0,
					  .device.tx_threshold = i % 2 != 0 ? 8 : 1,
					  .tx_ring = rings[i / 2],
					  .pool_size = 2048,
					  .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
							 RTE_ETH_TX_OFFLOAD_VLAN_INSERT};

		print_message("case: ring %u%s\n", rings[i / 2], i % 2 != 0 ? ", lazy" : "");
		mix(&setup, 1500);
	}
}

/* ---- the ring ---- */

static unsigned int
forget_sent(struct vmx_test *t)
{
	struct vmx_frame *frame;
	unsigned int n = 0;

	for (; (frame = vmx_device_sent(t->dev)) != NULL; n++)
		free(frame);
	return n;
}

/* A packet of which every third does not fit a slot, if `mixed`. */
static uint16_t
send_one(struct vmx_test *t, unsigned int i, bool mixed)
{
	uint8_t frame[2 * SLOT];
	const size_t len = mixed && i % 3 == 0 ? SLOT + 1 + i % SLOT : VMX_SIZE_MIN + i % 60;
	struct rte_mbuf *m;

	vmx_frame(t, frame, len, i);
	m = vmx_chain(t->rx_pool, frame, len, VMX_ROOM);
	if (rte_eth_tx_burst(t->id, 0, &m, 1) == 1)
		return 1;
	rte_pktmbuf_free(m);
	return 0;
}

/* Full, though nothing is held: what is in flight is the device's. Stopped like that, and started
 * again, it is empty. */
static void
test_full_ring(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(3)};
	struct vmx_test t;
	unsigned int idle;

	(void)state;
	vmx_open(&t, &setup);
	idle = in_use(&t);
	for (unsigned int lap = 0; lap < 40; lap++) {
		const bool mixed = lap % 2 != 0;
		unsigned int n = 0, held = 0;

		vmx_device_tx_hold(t.dev, true);
		for (; send_one(&t, n, mixed) == 1; n++)
			held += mixed && n % 3 == 0;
		assert_int_equal(n, t.setup.tx_ring - 1);
		assert_int_equal(in_use(&t), idle + held);
		assert_int_equal(vmx_device_run(t.dev), n);
		assert_int_equal(send_one(&t, 0, false), 0);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), 0);
		assert_int_equal(in_use(&t), idle + held);
		if (lap % 4 == 3) {
			vmx_stop(&t);
			assert_int_equal(in_use(&t), 0);
			vmx_start(&t);
		}
		vmx_device_tx_hold(t.dev, false);
		vmx_device_run(t.dev);
		assert_int_equal(send_one(&t, n, false), 1);
		vmx_device_run(t.dev);
		assert_int_equal(forget_sent(&t), n + 1);
	}
	vmx_close(&t);
}

/* Descriptors are done, or with the device, whatever their slots hold; all packets count. */
static void
test_states(void **state)
{
	struct vmx_setup setup = {.device.versions = VMX_VERSIONS_TO(3)};
	struct vmx_test t;
	uint16_t size;

	(void)state;
	vmx_open(&t, &setup);
	size = t.setup.tx_ring;
	for (unsigned int lap = 0; lap < 200; lap++) {
		const unsigned int done = lap % 11, full = lap % 7;

		for (unsigned int i = 0; i < done; i++)
			assert_int_equal(send_one(&t, i, lap % 2 != 0), 1);
		vmx_device_run(t.dev);
		vmx_device_tx_hold(t.dev, true);
		for (unsigned int i = 0; i < full; i++)
			assert_int_equal(send_one(&t, i, lap % 2 != 0), 1);
		vmx_device_run(t.dev);
		for (uint16_t i = 0; i < size; i++) {
			const unsigned int unused = size - done - full;
			int want = i + 1u == unused    ? RTE_ETH_TX_DESC_UNAVAIL
				   : i < unused + done ? RTE_ETH_TX_DESC_DONE
						       : RTE_ETH_TX_DESC_FULL;

			assert_int_equal(rte_eth_tx_descriptor_status(t.id, 0, i), want);
		}
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), done);
		vmx_device_tx_hold(t.dev, false);
		vmx_device_run(t.dev);
		assert_int_equal(rte_eth_tx_done_cleanup(t.id, 0, 0), full);
		assert_int_equal(forget_sent(&t), done + full);
	}
	vmx_close(&t);
}

/* One for all, however the packets go. */
static void
test_one_doorbell(void **state)
{
	struct vmx_setup setup = {.device = {.versions = VMX_VERSIONS_TO(3), .trap_bar0 = true}};
	struct vmx_device_state before, after;
	struct rte_mbuf *m[BURST];
	uint8_t frame[2 * SLOT];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int kind = 0; kind < 4; kind++) {
		for (unsigned int i = 0; i < BURST; i++) {
			const size_t len = (i & kind) == 0 ? 60 : 200;

			vmx_frame(&t, frame, len, i);
			m[i] = vmx_chain(t.rx_pool, frame, len, VMX_ROOM);
		}
		vmx_device_state(t.dev, &before);
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m, BURST), BURST);
		vmx_device_state(t.dev, &after);
		assert_int_equal(after.doorbells_tx, before.doorbells_tx + 1);
		vmx_device_run(t.dev);
		assert_int_equal(forget_sent(&t), BURST);
	}
	vmx_close(&t);
}

/* A device that completes only what it is asked to: small packets alone, until the ring has been
 * round some times. */
static void
test_lazy_device(void **state)
{
	struct vmx_setup setup = {.device = {.versions = VMX_VERSIONS_TO(3), .cq_only = true}};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int i = 0; i < 5u * t.setup.tx_ring; i++) {
		assert_int_equal(send_one(&t, i, false), 1);
		vmx_device_run(t.dev);
		assert_int_equal(forget_sent(&t), 1);
	}
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_choice),	     VMX_TEST(test_bad_arguments), VMX_TEST(test_sizes),
		VMX_TEST(test_mix),	     VMX_TEST(test_full_ring),	   VMX_TEST(test_states),
		VMX_TEST(test_one_doorbell), VMX_TEST(test_lazy_device),
	};

	return VMX_RUN(tests);
}
